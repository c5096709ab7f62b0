"""Competitive storage with rational expectations against other programs, closed forms and what storage theory says."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from floormodel.dynamics.attack import attack, stabilisation_gains
from floormodel.dynamics.storage_accuracy import accuracy_of
from floormodel.dynamics.storage_market import Shocks, StorageMarket, beta_shocks, equal_shocks, lognormal_shocks, normal_shocks
from floormodel.dynamics.storage_policy import PriceBand, PublicFloor, fill_path, minerals_trust
from floormodel.dynamics.storage_run import simulate_storage, solve_storage, storage_table
from floormodel.dynamics.storage_vault import Vault, cover_needed, vault_value
from floormodel.errors import ConvergenceError, DataError, ScenarioError

CASES = tomllib.loads((Path(__file__).parent / "cases" / "storage.toml").read_text("utf-8"))
TAKEN = {"S": "private", "Sg": "public", "H": "output", "P": "price"}


def recs(**changes):
    """The market of the demos of RECS."""
    c = CASES["sto01"]
    names = ("storage_cost", "loss", "interest", "supply_elasticity", "demand_elasticity")
    return StorageMarket(**{n: c[n] for n in names} | {"shocks": normal_shocks(c["sigma"])} | changes)


@pytest.fixture(scope="module")
def free():
    return solve_storage(recs())


@pytest.fixture(scope="module")
def floored():
    c = CASES["sto02"]
    return solve_storage(recs(), PublicFloor(c["floor"], c["capacity"]))


def compare(solution, table, tolerance):
    at = np.array(table["A"])
    for name, method in TAKEN.items():
        if name in table:
            assert getattr(solution, method)(at) == pytest.approx(np.array(table[name]), abs=tolerance), name


def test_storage_with_planned_supply(free):
    """sto01: 6e-6 from RECS in stocks, 2e-5 in prices, at the tolerances of the case; 1e-6 from a second fine solver."""
    c = CASES["sto01"]
    compare(free, c["recs"], 1e-4)
    compare(free, c["fine"], 2e-6)
    assert free.kinks[0][0] == pytest.approx(c["kink_available"], abs=1e-6)
    assert free.stored[0] == pytest.approx(c["kink_price"], abs=1e-6)


def test_a_floor_held_by_a_public_stock(free, floored):
    """sto02; exact on the floor, and through it where the stock is full."""
    c = CASES["sto02"]
    compare(floored, c["recs"], 3e-4)
    compare(floored, c["fine"], 2e-6)
    held = np.linspace(0.997, c["floor"] ** -0.2 + c["capacity"], 50)
    assert floored.price(held) == pytest.approx(c["floor"], rel=1e-12)
    assert floored.price(held[-1] + 0.01) < c["floor"] < free.price(0.98)


@pytest.mark.parametrize("which, policy", [("sto1", None), ("sto2", PublicFloor(1.02, 0.4))])
def test_the_demos_as_solved_elsewhere(which, policy):
    compare(solve_storage(recs(), policy), CASES["storage_floor_price_recs"][which], 2e-3)


def test_euler_errors_are_small_and_said(free, floored):
    """Below 1e-4 of use at every point that holds stock; where nothing can be stored there is no such error."""
    for solution in (free, floored):
        found = solution.accuracy(10_000)
        assert found.max_log10 < -4 and found.mean_log10 < -6 and found.points > 1000
        assert str(found) == ("Euler-equation error where stock is held, log10: "
                              f"max {found.max_log10:.1f}, of the mean {found.mean_log10:.1f}")
    coarse = solve_storage(recs(), nodes=51, error=np.inf).accuracy()
    assert coarse.mean_log10 > free.accuracy().mean_log10 + 2 and coarse.max_log10 > -4
    none = solve_storage(recs(), max_stock=0.0).accuracy()
    assert none.points == 0 and np.isnan([none.max_log10, none.mean_log10]).all() and "no stock is held" in str(none)


def test_the_error_is_that_of_the_euler_equation(free):
    """By hand at one point: the use that the expected price stands for, against the use of the rule."""
    at, m = 1.1, free.market
    stock = float(free.private(at))
    later = free.price(0.98 * stock + float(free.output(at)) * m.shocks.nodes) @ m.shocks.weights
    by_hand = abs((0.98 / 1.03 * later - 0.06) ** -0.2 / (at - stock) - 1)
    found = accuracy_of(m, np.array([0.98 / 1.03 * later - 0.06]), np.array([at - stock]), np.array([stock]))
    assert 10**found.max_log10 == pytest.approx(max(by_hand, 1e-16), rel=1e-6)


def test_long_run(free, floored):
    """Moments at the cases' tolerances (Monte Carlo); the floor's frequencies, its stock and its outlay."""
    one, two = CASES["sto01"]["long_run"], CASES["sto02"]["long_run"]
    runs = {"none": simulate_storage(free, 200, 6000, burn=100), "floor": simulate_storage(floored, 200, 3000)}
    t = storage_table(runs, room=0.4)
    assert t.loc["mean_price", "none"] == pytest.approx(one["price"][0], abs=5e-4)
    assert t.loc["sd_price", "none"] == pytest.approx(one["price"][1], abs=1e-3)
    assert t.loc["mean_private", "none"] == pytest.approx(one["private"][0], abs=2e-4)
    assert t.loc["autocorrelation", "none"] == pytest.approx(one["autocorrelation"], abs=0.006)
    assert t.loc["skewness", "none"] == pytest.approx(one["skewness"], abs=0.06)
    assert t.loc["no_private_stock", "none"] == pytest.approx(one["no_private_stock"], abs=3e-3)
    assert t.loc["mean_price", "floor"] == pytest.approx(two["price"][0], abs=3e-4)
    assert t.loc["mean_public", "floor"] == pytest.approx(two["public"][0], abs=4e-3)
    assert t.loc["mean_outlay", "floor"] == pytest.approx(two["outlay"], abs=4e-4)
    price = runs["floor"]["price"].values
    assert np.mean(price < 1.02 * (1 - 1e-9)) == pytest.approx(two["below_floor"], abs=5e-3)
    assert np.mean(np.abs(price / 1.02 - 1) < 1e-9) == pytest.approx(two["at_floor"], abs=5e-3)
    assert t.loc["mean_price", "floor"] < t.loc["mean_price", "none"] and t.loc["sd_price", "floor"] < t.loc["sd_price", "none"]


def test_no_tonne_is_lost_in_simulation(floored):
    """[51] Output and opening stock of a period are its use and closing stock, (1 - loss) of which is the next opening."""
    ds = simulate_storage(floored, 50, 200, burn=0)
    stock = (ds["private"] + ds["public"]).values
    before = 0.98 * np.concatenate([np.zeros((1, 200)), stock[:-1]])
    assert before + ds["output"].values == pytest.approx(ds["use"].values + stock, rel=1e-12)
    assert ds["private"].values.min() >= 0 and ds["public"].values.min() >= 0


def test_commodity_storage_of_compecon():
    c = CASES["sto03"]
    shocks = lognormal_shocks(c["sigma"], nodes=c["shock_nodes"])
    assert shocks.nodes == pytest.approx(c["nodes"], abs=1e-9) and shocks.weights == pytest.approx(c["weights"], abs=1e-9)
    market = StorageMarket(demand_elasticity=c["demand_elasticity"], storage_cost=c["storage_cost"], interest=1 / c["discount"] - 1,
                           shocks=Shocks(shocks.nodes, shocks.weights))
    found = solve_storage(market)
    assert found.private(c["supply"]) == pytest.approx(np.array(c["storage"]), abs=3e-4)
    assert found.private(c["supply"]) == pytest.approx(np.array(c["storage_fine"]), abs=1e-5)
    assert found.price(c["supply"]) == pytest.approx(np.array(c["price_fine"]), abs=1e-5)
    assert (found.kinks[0][0], found.stored[0]) == pytest.approx((c["kink_supply"], c["kink_price"]), abs=1e-6)
    t = storage_table({"run": simulate_storage(found, 200, 2000)})["run"]  # the shocks that are drawn are the five nodes
    assert t["mean_private"] == pytest.approx(c["long_run"]["private"][0], abs=1e-3)
    assert t["mean_price"] == pytest.approx(c["long_run"]["price"][0], abs=3e-3)
    assert t["no_private_stock"] == pytest.approx(c["long_run"]["no_private_stock"], abs=5e-3)


def test_commodity_prices_of_quantecon():
    c = CASES["sto05"]
    market = StorageMarket(demand_elasticity=1.0, loss=1 - c["alpha"], shocks=beta_shocks(c["beta"], c["beta"], c["low"], c["high"]))
    found = solve_storage(market, max_stock=35.0)
    assert found.price(c["available"]) == pytest.approx(np.array(c["price_fine"]), abs=1e-6)
    assert found.price(c["available"]) == pytest.approx(np.array(c["price_lecture"]), abs=5e-3)
    assert (found.kinks[0][0], found.stored[0]) == pytest.approx((c["kink_available"], c["kink_price"]), abs=1e-6)


def test_support_paid_as_a_deficiency_payment():
    """Nine published numbers, to their four digits: support lowers the market price and raises that of farms."""
    c = CASES["price_support_rational_expectations"]
    market = StorageMarket(demand_elasticity=2.0, demand_curve="linear", supply_elasticity=0.5, supply_curve="linear", planned_on="price",
                           shocks=lognormal_shocks(0.2, -0.02, 25))
    w, y = market.shocks.weights, market.shocks.nodes
    found = solve_storage(market, support=c["support"], max_stock=0.0)
    made = float(found.output(1.0)) * y
    price = found.price(made)
    farm = np.maximum(price, c["support"])
    assert float(found.output(1.0)) == pytest.approx(c["acreage"], abs=5e-5)
    for name, values in (("market_price", price), ("farm_price", farm), ("farm_revenue", farm * made), ("outlay", (farm - price) * made)):
        mean = w @ values
        assert (mean, np.sqrt(w @ (values - mean) ** 2)) == pytest.approx(c[name], abs=5e-5), name
    without = solve_storage(market, max_stock=0.0)
    assert float(without.output(1.0)) == pytest.approx(c["acreage_without"], abs=1e-10)
    assert w @ without.price(y) == pytest.approx(c["price_without"], abs=1e-10)


def test_simulated_support_pays_what_the_nodes_say():
    """Without storage the mean outlay of simulated periods is E[(support - P)+ H e], here from the nodes."""
    market = StorageMarket(demand_elasticity=0.5, supply_elasticity=0.3, shocks=equal_shocks([0.8, 1.0, 1.2]))
    found = solve_storage(market, support=1.0, max_stock=0.0)
    made = float(found.output(1.0)) * market.shocks.nodes
    by_hand = np.mean(np.maximum(1.0 - made**-2.0, 0) * made)
    run = simulate_storage(found, 50, 2000, burn=1)
    assert float(run["outlay"].mean()) == pytest.approx(by_hand, abs=5e-3 * by_hand + 2e-3)
    assert float(run["received"].min()) == 1.0


@pytest.mark.parametrize("name", ["sto09", "salant_stock_attack"])
def test_a_run_on_the_stock(name):
    c = CASES[name]
    found = attack(c["intercept"], c["slope"], c["ceiling"], c["stock"], c["interest"])
    printed = 1e-6 if name == "salant_stock_attack" else 1e-8  # half a unit of the last digit printed, and a little
    assert (found.date, found.stock, found.lasts) == pytest.approx((c["date"], c["bought"], c["lasts"]), abs=printed)
    lasts = np.log(c["intercept"] / c["slope"] / c["ceiling"]) / c["interest"]  # the closed form itself, to 1e-9
    bought = c["intercept"] * lasts - c["slope"] * c["ceiling"] * np.expm1(c["interest"] * lasts) / c["interest"]
    date = (c["stock"] - bought) / (c["intercept"] - c["slope"] * c["ceiling"])
    assert (found.date, found.stock, found.lasts) == pytest.approx((date, bought, lasts), rel=1e-12, abs=1e-9)
    assert found.price == c["ceiling"] and found.price_after(0.0) == pytest.approx(c["ceiling"], rel=1e-12)  # no jump
    used, _ = quad(lambda t: c["intercept"] - c["slope"] * found.price_after(t), 0, found.lasts)
    assert used == pytest.approx(found.stock, rel=1e-9)
    if "years" in c:
        assert found.price_after(np.array(c["years"])) == pytest.approx(np.array(c["price_after"]), abs=1e-9)


def test_runs_with_output_cost_and_too_small_a_stock():
    """With output 20 of 100 - P, price ends at 80; at a storage cost it rises by it too; a small stock lets the price jump at once."""
    found = attack(100, 1, 50, 1000, 0.05, supply=20, storage_cost=2.0)
    assert found.price_after(found.lasts) == pytest.approx(80, rel=1e-12)
    used, _ = quad(lambda t: 80 - found.price_after(t), 0, found.lasts)
    assert used == pytest.approx(found.stock, rel=1e-9) and found.date == pytest.approx((1000 - found.stock) / 30, rel=1e-12)
    rise = (found.price_after(1e-6) - found.price) / 1e-6
    assert rise == pytest.approx(0.05 * 50 + 2.0, rel=1e-4)
    small = attack(100, 1, 50, 100, 0.05)
    used, _ = quad(lambda t: 100 - small.price_after(t), 0, small.lasts)
    assert small.date == 0 and small.price > 50 and used == pytest.approx(100, rel=1e-9)
    assert attack(100, 1, 50, 100, 0.05, supply=50).date == np.inf
    with pytest.raises(DataError, match=r"(?s)2 fault.*interest.*supply"):
        attack(100, 1, 50, 100, 0.0, supply=-1)


def test_gains_from_stable_prices():
    c = CASES["sto11"]
    found = stabilisation_gains(c["supply_slope"], c["demand_slope"], c["supply_variance"], c["demand_variance"])
    assert (found.producers, found.consumers, found.total) == pytest.approx((c["producers"], c["consumers"], c["total"]), abs=1e-12)
    with pytest.raises(DataError, match="one slope above 0"):
        stabilisation_gains(0, 0, 1, 1)


def test_a_band_without_width_is_a_floor_and_one_without_use_is_none(free, floored):
    at = np.linspace(0.85, 1.6, 40)
    narrow = solve_storage(recs(), PriceBand(1.02, 1.02, 0.4), nodes=201, columns=21, error=np.inf)
    idle = solve_storage(recs(), PriceBand(0.0, np.inf, 0.4), nodes=201, columns=3, error=np.inf)
    for old in (0.0, 0.25):
        price, private, public, planned = narrow.step(at, np.full(40, old))
        assert price == pytest.approx(floored.price(at), abs=3e-4) and public == pytest.approx(floored.public(at), abs=1e-9)
        assert private == pytest.approx(floored.private(at), abs=3e-4) and planned == pytest.approx(floored.output(at), abs=1e-3)
    price, private, public, _ = idle.step(at, np.zeros(40))
    assert price == pytest.approx(free.price(at), abs=2e-4) and private == pytest.approx(free.private(at), abs=1e-4) and not public.any()


def test_a_band_keeps_its_bounds():
    """Rates, room and cash hold in every period, and the price leaves the band only where one of them binds."""
    policy = PriceBand(0.9, 1.1, 0.3, cash=0.18, buys=0.05, sells=0.1)
    assert policy.room == pytest.approx(0.2)
    found = solve_storage(recs(loss=0.0), policy, nodes=151, columns=31, error=np.inf)
    ds = simulate_storage(found, 60, 400, burn=20)
    public, price = ds["public"].values, ds["price"].values
    moved = np.diff(public, axis=0)
    assert public.min() >= 0 and public.max() <= 0.2 + 1e-12 and moved.max() <= 0.05 + 1e-12 and moved.min() >= -0.1 - 1e-12
    low, high = price[1:] < 0.9 - 1e-9, price[1:] > 1.1 + 1e-9
    assert low.any() and high.any()
    assert np.all((moved[low] > 0.05 - 1e-9) | (public[1:][low] > 0.2 - 1e-9))
    assert np.all((moved[high] < -0.1 + 1e-9) | (public[1:][high] < 1e-9))
    inside = (price[1:] > 0.9 + 1e-9) & (price[1:] < 1.1 - 1e-9)
    assert np.all(moved[inside] == 0)
    accuracy = found.accuracy()
    assert accuracy.mean_log10 < -4.5 and accuracy.max_log10 < -2.5  # on a coarse grid: for speed


def test_a_reserve_fills_and_is_released():
    """A fill path buys its rate each period while the price allows, up to its target, whatever the ordinary price."""
    policy = fill_path(0.2, periods=5, max_price=1.3, release_price=1.6)
    assert (policy.buys, policy.floor, policy.ceiling, policy.room) == (0.04, 1.3, 1.6, 0.2)
    found = solve_storage(recs(loss=0.0), policy, nodes=101, columns=21, error=np.inf)
    available, public, path = np.array([1.02]), np.zeros(1), []
    for _ in range(6):
        price, private, public, planned = found.step(available, public)
        path.append((float(public[0]), float(price[0])))
        available = private + public + planned  # every shock at its mean
    assert [p for p, _ in path] == pytest.approx([0.04, 0.08, 0.12, 0.16, 0.2, 0.2], abs=1e-12)
    price, _, left, _ = found.step(np.array([1.02]), np.array([0.2]))  # 0.82 of output: without the reserve the price would be 2.7
    assert price[0] == pytest.approx(1.6, rel=1e-12) and left[0] == pytest.approx(1.02 - 1.6**-0.2, abs=1e-9)


def test_a_trust_narrows_prices_and_runs_out():
    """Steadier prices and revenue at a public cost; now and then it is sold out."""
    policy = minerals_trust(1.0, 0.1, capacity=0.15)
    assert (policy.floor, policy.ceiling, policy.room) == pytest.approx((0.9, 1.1, 0.15))
    market = recs(loss=0.0)
    rules = solve_storage(market, policy, nodes=101, columns=21, error=np.inf), solve_storage(market)
    trust, none = (simulate_storage(rule, 100, 500, burn=100) for rule in rules)
    t = storage_table({"trust": trust, "none": none}, room=0.15)
    assert t.loc["sd_price", "trust"] < 0.8 * t.loc["sd_price", "none"] and 0 < t.loc["public_empty", "trust"] < 0.5
    assert t.loc["mean_outlay", "trust"] > 0 and t.loc["sd_revenue", "trust"] < t.loc["sd_revenue", "none"]


def test_a_run_on_a_public_stock_is_an_outcome():
    """Where storage is cheap and a bad year dear, the ceiling cannot be held with a small stock: storers would rather have it themselves.

    Beside less than G, the least public stock beside which a tonne in private store is worth no more than the ceiling, they buy
    all of it at once: at the ceiling the public stock is left at G or more, and otherwise goes to nothing in one period."""
    market = StorageMarket(demand_elasticity=0.1, interest=0.02, shocks=normal_shocks(0.1))
    found = solve_storage(market, PriceBand(0.7, 1.3, 0.2), nodes=101, columns=31, error=np.inf)
    least = found.public_grid[found.stored[:, 0] <= 1.3].min()
    assert 0.1 < least < 0.19
    ds = simulate_storage(found, 100, 400)
    public, private, price = ds["public"].values, ds["private"].values[1:], ds["price"].values[1:]
    sold, emptied = public[:-1] - public[1:] > 1e-9, (public[:-1] > 0.1) & (public[1:] < 1e-9)
    assert public[1:][sold & (np.abs(price - 1.3) < 1e-9)].min() > least - 0.01
    assert emptied.sum() > 50 and price[emptied].min() >= 1.3
    assert np.mean(private[emptied] > 0) > 0.9 and private[emptied].mean() > 0.05


def test_a_vault_by_hand():
    """Entry at 100, two periods, interest and loan rate 10 %, storage 1, fee 2. Drawn at 150, put back at 100."""
    prices = np.array([[100.0, 100.0], [90.0, 150.0], [80.0, 100.0]])
    kept = Vault(inventory_price=100, storage_cost=1, loan_rate=0.1, fee=2)
    table = vault_value(prices, kept, 0.1)
    carry = -(2 + 10 / 1.1 + 10 / 1.21 + 1 + 1 / 1.1)
    assert table["member"].tolist() == pytest.approx([-20 / 1.21 + carry, carry])
    assert table["operator"].tolist() == pytest.approx([2.0, 2.0])  # at a loan rate equal to interest it keeps the fee
    drawn = vault_value(prices, Vault(inventory_price=100, storage_cost=1, loan_rate=0.1, fee=2, draw_above=120, replenish_below=95), 0.1)
    assert drawn["draws"].tolist() == pytest.approx([0.0, 150 / 1.1 - 100 / 1.21])
    assert drawn["carry"].tolist() == pytest.approx([carry, carry + 1 / 1.1])
    with pytest.raises(ScenarioError, match="at most draw_above"):
        Vault(inventory_price=1, storage_cost=0, loan_rate=0, draw_above=1, replenish_below=2)


def test_a_pool_needs_no_more_than_reserves_apart():
    """Two regions that each lack 10 t in a tenth of draws: never together the pool needs 10, always together 20."""
    apart_draws, together = np.zeros((20, 2)), np.zeros((20, 2))
    apart_draws[:2, 0], apart_draws[2:4, 1], together[:2] = 10, 10, 10
    apart, pool = cover_needed(apart_draws, chance=0.05)
    assert apart.tolist() == [10, 10] and pool == 10
    assert cover_needed(together, chance=0.05)[1] == 20
    with pytest.raises(DataError, match="shape"):
        cover_needed(np.array([1.0]), 0.1)


@pytest.mark.parametrize("changes, says", [
    ({"loss": 1.0, "interest": 5, "demand_elasticity": 0}, r"(?s)3 fault.*demand_elasticity.*loss.*interest"),
    ({"demand_curve": "straight"}, r"isoelastic \| linear"), ({"planned_on": "hope"}, r"revenue \| price"),
    ({"shocks": Shocks(np.ones(2), np.ones(2))}, "add up to 1"),
])
def test_figures_out_of_range_are_refused(changes, says):
    with pytest.raises(DataError, match=says):
        recs(**changes)


def test_rules_that_make_no_sense_are_refused():
    with pytest.raises(ScenarioError, match="at most the ceiling"):
        PriceBand(1.2, 1.1, 0.3)
    with pytest.raises(ScenarioError, match="finite number of 0 or more"):
        PublicFloor(1.0, np.inf)
    with pytest.raises(ScenarioError, match="found dict; expected PublicFloor"):
        solve_storage(recs(), {"floor": 1})
    with pytest.raises(ScenarioError, match="support: found -1"):
        solve_storage(recs(), support=-1)
    with pytest.raises(ScenarioError, match="at least the public capacity"):
        solve_storage(recs(), PublicFloor(1.0, 0.4), max_stock=0.1)
    with pytest.raises(ConvergenceError, match="raise loss, interest or"):
        solve_storage(recs(interest=-0.02, loss=0.0, storage_cost=0.0), nodes=51)
