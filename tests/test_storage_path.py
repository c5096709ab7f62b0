"""Stocks with foresight on the static market: balance, arbitrage, neutrality, time consistency, one year, on 200 random markets."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.dynamics.stock_path import Store, stock_path
from floormodel.dynamics.stock_years import StockYears
from floormodel.errors import ScenarioError
from floormodel.textbook import linear_market

CASES = tomllib.loads((Path(__file__).parent / "cases" / "storage.toml").read_text("utf-8"))
YEARS, SCALE = 8, 100.0  # prices are about 100 USD/t, use about 300 t


def random_market(rng, draws, curve="isoelastic"):
    """A good in three regions, every figure of its own in every draw."""
    flow = rng.uniform(1, 100, (draws, 1, 3, 3)) * (1 + 4 * np.eye(3))
    return fm.market_from_arrays("random", ["good"], ["a", "b", "c"], {
        "flow0": flow, "output0": flow.sum(-1), "final_demand0": flow.sum(-2), "price0": rng.uniform(80, 120, (draws, 1, 3)),
        "freight": rng.uniform(0, 10, (draws, 1, 3, 3)) * (1 - np.eye(3)), "supply_elasticity": rng.uniform(0.05, 1, (draws, 1, 3)),
        "demand_elasticity": rng.uniform(0.1, 1, (draws, 1, 3)), "sourcing_elasticity": rng.uniform(1, 8, (draws, 1, 3))},
        supply_curve=curve, demand_curve=curve)


class Setting:
    """Random markets over eight years with random cost, loss, interest, opening stocks and yearly factors; solved once."""

    def __init__(self, seed, draws):
        rng = np.random.default_rng(seed)
        self.draws, self.market = draws, random_market(rng, draws)
        self.interest, self.loss, self.cost = rng.uniform(0.01, 0.08), (0.0, 0.03)[seed % 2], rng.uniform(0, 3)
        self.factors = {"supply": np.exp(0.25 * rng.standard_normal((YEARS, 1, 3))),
                        "demand": np.exp(0.15 * rng.standard_normal((YEARS, 1, 3)))}
        self.stores = [Store(cost=self.cost, loss=self.loss, opening=rng.uniform(0, 300, draws))]
        if seed % 2:
            self.stores.append(Store(name="b", regions=("b",), cost=0.8 * self.cost, loss=self.loss))
        self.path = self.run(self.stores)
        self.dataset = self.path.dataset
        self.stock = self.dataset["stock"].values

    def run(self, stores, years=range(YEARS)):
        factors = {k: v[years[0]:years[-1] + 1] for k, v in self.factors.items()}
        return stock_path(self.market, "good", stores, years, interest=self.interest, **factors)

    def changed(self, **first):
        """The stores with some settings of the first changed."""
        return [Store(**{**vars(s), **(first if i == 0 else {})}) for i, s in enumerate(self.stores)]


@pytest.fixture(scope="module", params=[(0, 140), (1, 60)], ids=["world stock", "two stocks with loss"])
def setting(request):
    return Setting(*request.param)


def test_balance_over_the_years(setting):
    """[51] Output and opening stock are use, loss and what is left."""
    ds, opening = setting.dataset, np.stack([np.broadcast_to(s.opening, setting.draws) for s in setting.stores], axis=-1)
    assert setting.path.converged.all() and setting.stock.min() >= 0 and np.mean(setting.stock > 1) > 0.2
    lost = setting.loss * (opening + setting.stock[:-1].sum(0)).sum(-1)
    made, used = (ds[name].values.sum((0, 2, 3)) for name in ("output", "use"))
    assert made + opening.sum(-1) - setting.stock[-1].sum(-1) - used - lost == pytest.approx(0, abs=1e-10 * used.min())


def test_no_arbitrage_is_left(setting):
    """[52] Nobody gains by holding a tonne, and nobody loses on one that is held."""
    gain = setting.dataset["gain"].values
    price = setting.dataset["price"].values
    later = np.concatenate([price[1:], np.zeros((1, *price.shape[1:]))])
    costs = np.array([s.cost for s in setting.stores])
    assert gain == pytest.approx((1 - setting.loss) / (1 + setting.interest) * later - price - costs, abs=1e-8)
    assert gain.max() <= 1e-8 * SCALE
    assert np.abs(gain[setting.stock > 0]).max() <= 1e-8 * SCALE


def test_no_free_lunch(setting):
    """[53] A public purchase that is sold again later pays less than it costs to hold, whatever it does to prices."""
    rng, held = np.random.default_rng(5), np.zeros((YEARS, setting.draws))
    for i in range(setting.draws):
        first, last = np.sort(rng.choice(YEARS - 1, 2, replace=False))
        held[first:last, i] = rng.uniform(1, 40) * (1 - setting.loss) ** np.arange(last - first)
    path = setting.run(setting.changed(public=held))
    assert path.converged.all()
    price = path.dataset["price"].values[:, :, 0]
    bought = held - (1 - setting.loss) * np.concatenate([np.zeros((1, setting.draws)), held[:-1]])
    weight = (1 + setting.interest) ** -np.arange(YEARS)[:, None]
    worth = -(weight * (price * bought + setting.cost * held)).sum(0)
    assert np.all(worth <= 1e-8 * SCALE * held.max(0)) and worth.min() < -SCALE


def test_a_public_stock_is_neutral_where_private_stocks_stay(setting):
    """[54] It crowds out private stocks tonne for tonne, and no price moves."""
    public = 0.5 * setting.stock[:, :, 0]
    with_it = setting.run(setting.changed(public=public)).dataset
    assert with_it["price"].values / setting.dataset["price"].values == pytest.approx(1, abs=1e-8)
    assert with_it["stock"].values[:, :, 0] + public == pytest.approx(setting.stock[:, :, 0], abs=1e-8 * SCALE)
    assert public.max() > 10


def test_bought_and_sold_at_once_is_nothing(setting):
    """[55] One store buys what another in the same place sells in the same year."""
    place = {"regions": ("c",), "capacity": 0.0}
    pair = [Store(name="buys", **place, public=[25.0]), Store(name="sells", **place, public_opening=25.0)]
    path = stock_path(setting.market, "good", pair, [0])
    alone = stock_path(setting.market, "good", [Store(**place)], [0])
    assert np.array_equal(path.dataset["price"].values[0, :, 0], alone.dataset["price"].values[0, :, 0])


def test_plans_are_carried_out(setting):
    """[56] Solved again from the fourth year with that year's stocks the path is the same."""
    again = [Store(**{**vars(s), "opening": setting.stock[2, :, i]}) for i, s in enumerate(setting.stores)]
    later = setting.run(again, range(3, YEARS)).dataset
    assert later["price"].values / setting.dataset["price"].values[3:] == pytest.approx(1, abs=1e-8)
    assert later["stock"].values == pytest.approx(setting.stock[3:], abs=1e-8 * SCALE)


def test_the_end_of_the_world_matters_less_the_later_it_comes(setting):
    """[57] Nothing is left at the end; the first price comes nearer to that of the long path with every year added."""
    assert setting.stock[-1] == pytest.approx(0, abs=1e-12)
    first = setting.dataset["price"].values[0]
    away = [np.abs(setting.run(setting.stores, range(t)).dataset["price"].values[0] / first - 1) for t in (3, 6)]
    assert np.all(away[1] <= away[0] + 1e-8) and away[1].max() < 0.1


def test_one_year_is_the_static_market(setting):
    """[58] Exactly, with a store that has nothing to gain."""
    one = setting.run([Store()], [0]).dataset
    shift = {f"{k}_shift": np.broadcast_to(v[:1], (setting.draws, 1, 3)) for k, v in setting.factors.items()}
    static = fm.solve(setting.market.replace(**shift)).dataset
    for name, other in (("price_at_gate", "price"), ("buyer_price", "buyer_price"), ("output", "output")):
        assert np.array_equal(one[name].values[0], static[other].values), name


@pytest.mark.parametrize("which", ["A", "B"])
def test_a_depletable_resource(which):
    """Use over two periods from a stock alone: price less extraction cost rises by interest. Output of 1e-9 of the stock is left."""
    c = CASES["depletable_two_period"][which]
    net = (c["cut"] - c["unit_cost"]) / c["slope"]
    market = linear_market({"mine": (c["stock"], 0)}, {"mine": (net, -1 / c["slope"])})
    path = stock_path(market, "good", [Store(opening=c["stock"])], [1, 2], interest=c["interest"], supply=1e-9)
    assert path.dataset["use"].values.ravel() == pytest.approx(c["use"], abs=1e-6)
    assert path.dataset["price"].values.ravel() == pytest.approx(c["user_cost"], abs=1e-6)
    assert path.dataset["price"].values[1] == pytest.approx((1 + c["interest"]) * path.dataset["price"].values[0], rel=1e-9)


@pytest.mark.parametrize("curve", ["isoelastic", "linear"])
def test_price_derivatives(curve):
    """The Jacobian's answer against central differences of solved markets."""
    market = random_market(np.random.default_rng(3), 4, curve)
    kernel = StockYears(market, 0, np.array([[[0.5, 0.3, 0.2], [0.0, 1.0, 0.0]]]), ())
    rows, change = np.arange(4), np.tile([15.0, -10.0], (4, 1))
    slopes = kernel.slopes(kernel.solve(change, rows), rows)
    for n in range(2):
        step = 1e-3 * np.eye(2)[n]
        up, down = (kernel.prices(kernel.solve(change + s * step, rows), rows) for s in (1, -1))
        assert slopes[:, :, n] == pytest.approx((up - down) / 2e-3, rel=1e-6)
    assert np.all(slopes > 0)


@pytest.mark.parametrize("name, good, maker", [("cobalt", "refined", "CHN"), ("nickel", "refined", "IDN"),
                                               ("rare_earths", "ndpr_oxide", "CHN")])
def test_stocks_before_a_cut_on_shipped_markets(name, good, maker):
    """Storers buy ahead of a foreseen cut: prices then rise by interest and cost, and the peak is lower than without them.
    Balance, neutrality, time consistency and the one-year path hold as on the random markets."""
    market = fm.load_market(name, horizon="short")
    cut = [fm.Disruption(good, (maker,), 2027, 2028, share=0.5)]
    years = range(2025, 2029)
    path = stock_path(market, good, [Store(cost=100.0)], years, disruptions=cut)
    bare = stock_path(market, good, [Store(capacity=0.0)], years, disruptions=cut)
    price, stock = path.dataset["price"].values.ravel(), path.dataset["stock"].values.ravel()
    assert path.converged.all() and stock[1] > 0 and stock[2] == stock[3] == 0
    assert price[2] == pytest.approx(1.05 * (price[1] + 100.0), rel=1e-9)
    assert price[2] < bare.dataset["price"].values.ravel()[2]
    state, g = path.solved.state, market.goods.index(good)
    supplied = (state.output + state.secondary - state.stock_change)[:, g].sum()
    assert supplied == pytest.approx(float(path.dataset["use"].sel(good=good).sum()), rel=1e-10)
    public = stock_path(market, good, [Store(cost=100.0, public=0.4 * stock)], years, disruptions=cut).dataset
    assert public["buyer_price"].values == pytest.approx(path.dataset["buyer_price"].values, rel=1e-8, nan_ok=True)
    later = stock_path(market, good, [Store(cost=100.0, opening=stock[1])], range(2027, 2029), disruptions=cut).dataset
    assert later["price"].values.ravel() == pytest.approx(price[2:], rel=1e-8)
    one = stock_path(market, good, [Store(cost=100.0)], [2025]).dataset
    assert np.array_equal(one["buyer_price"].values[0, 0], fm.solve(market).dataset["buyer_price"].values, equal_nan=True)


def test_a_stock_beside_a_policy_and_in_draws():
    market = fm.sample(fm.load_market("rare_earths", horizon="short"), 3, seed=1)
    floor = fm.PriceFloor(good="ndpr_oxide", members=["USA", "EU27", "JPN"], price=90_000.0)
    japan = [Store(name="Japan", regions=("JPN",), opening=400.0, cost=500.0)]
    path = stock_path(market, "ndpr_oxide", japan, [2025, 2026], policies=[floor])
    assert path.converged.all() and path.dataset["stock"].dims == ("year", "draw", "store")
    alone = fm.solve(market, [floor]).dataset["buyer_price"].sel(good="ndpr_oxide", region="JPN").values
    now = path.dataset["buyer_price"].sel(good="ndpr_oxide", region="JPN").values
    first = replace(market, dataset=market.dataset.isel(draw=[0]))  # the first of many draws is a draw of its own
    one = stock_path(first, "ndpr_oxide", japan, [2025, 2026], policies=[floor])
    assert one.dataset["price"].values[:, 0] == pytest.approx(path.dataset["price"].values[:, 0], rel=1e-10)
    assert np.all(now[0] < alone) and np.all(now[1] < alone * (1 + 1e-9)) and not path.dataset["reexported"].any()


def test_what_does_not_fit_is_refused():
    market = fm.load_market("cobalt", horizon="short")
    with pytest.raises(ScenarioError, match=r"(?s)4 fault.*years.*interest.*did you mean 'CHN'.*public.*2 of them"):
        stock_path(market, "refined", [Store(regions=("CHM",), public=(1.0,))], [2025, 2027], interest=7)
    with pytest.raises(ScenarioError, match="did you mean 'refined'"):
        stock_path(market, "refine", [Store()], [2025])
    with pytest.raises(ScenarioError, match="market power or export licences"):
        stock_path(market, "refined", [Store()], [2025], policies=[fm.MarketPower(good="refined", region="CHN", conduct=0.5)])
    with pytest.raises(ScenarioError, match="expected some, however little"):
        stock_path(linear_market({"r": (10, 0)}, {"r": (10, -1)}), "good", [Store(opening=5.0)], [1], supply=0.0)
