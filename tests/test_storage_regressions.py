"""Storage with a second state or a second region: regressions of reference solvers that have no peer, and what must hold besides.

The references interpolate decision rules. Shares of periods in a regime (stock empty, trade open) are sensitive to that, see the
long-run tests, and are compared more loosely than levels and prices."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.dynamics.storage_market import Shocks, StorageMarket, equal_shocks, normal_shocks
from floormodel.dynamics.storage_open import WorldPrice, simulate_open, solve_open
from floormodel.dynamics.storage_policy import PriceBand
from floormodel.dynamics.storage_run import simulate_storage, solve_storage, storage_table
from floormodel.dynamics.two_region import simulate_two, solve_two_regions
from floormodel.errors import DataError

CASES = tomllib.loads((Path(__file__).parent / "cases" / "storage.toml").read_text("utf-8"))


def recs(**changes):
    c = CASES["sto01"]
    names = ("storage_cost", "loss", "interest", "supply_elasticity", "demand_elasticity")
    return StorageMarket(**{n: c[n] for n in names} | {"shocks": normal_shocks(c["sigma"])} | changes)


@pytest.mark.parametrize("row", CASES["sto06"]["rows"], ids=["slow decay", "faster", "fastest"])
def test_linear_demand_and_independent_harvests(row):
    """sto06. P = a + b x: at price0 = a / 2 use is -a / 2b and the elasticity 1. Storage alone makes little persistence."""
    market = StorageMarket(price0=row["a"] / 2, demand0=-row["a"] / 2 / row["b"], demand_elasticity=1.0, demand_curve="linear",
                           loss=row["delta"], interest=row["r"], shocks=equal_shocks(CASES["sto06"]["shock_values"]))
    found = solve_storage(market, max_stock=12.0)
    assert found.stored[0] == pytest.approx(row["p_star"], abs=1e-6)
    assert found.price(row["at"]) == pytest.approx(np.array(row["price"]), abs=1e-5)
    t = storage_table({"run": simulate_storage(found, 200, 500, burn=100)})["run"]
    assert (t["mean_price"], t["sd_price"]) == pytest.approx((row["mean"], row["sd"]), rel=0.01)
    assert t["autocorrelation"] == pytest.approx(row["ac1"], abs=0.02) and t["autocorrelation"] < 0.5
    assert found.accuracy(10_000).max_log10 < -4


@pytest.fixture(scope="module")
def band():
    c = CASES["sto08"]
    return solve_storage(recs(loss=0.0), PriceBand(c["floor"], c["ceiling"], c["capacity"]))


def test_a_price_band(band):
    """sto08: 2e-5 in prices, 4e-5 in stocks, where the case allows 1e-3."""
    rows = np.array(CASES["sto08"]["rows"])
    price, private, public, _ = band.step(rows[:, 0] + rows[:, 1], rows[:, 1])
    for found, expected in ((private, rows[:, 2]), (price, rows[:, 3]), (public, rows[:, 4])):
        assert found == pytest.approx(expected, abs=5e-5)
    assert band.output(1.5, 0.4) < band.output(0.9, 0.0)
    assert band.accuracy(10_000).max_log10 < -4


@pytest.mark.slow
def test_a_price_band_in_the_long_run(band):
    c = CASES["sto08"]["long_run"]
    ds = simulate_storage(band, 200, 2500, burn=200)
    t = storage_table({"run": ds}, room=CASES["sto08"]["capacity"])["run"]
    for name, key in (("mean_price", "price"), ("mean_private", "private"), ("mean_public", "public"), ("mean_planned", "planned")):
        # the public stock moves slowly: its mean has a Monte Carlo error of about 1e-3 here and in the reference alike
        assert t[name] == pytest.approx(c[key][0], abs=3e-3 if name == "mean_public" else 2e-3), name
    assert t["sd_price"] == pytest.approx(c["price"][1], abs=2e-3)
    price = ds["price"].values
    shares = {"below_floor": np.mean(price < 0.9 * (1 - 1e-9)), "above_ceiling": np.mean(price > 1.1 * (1 + 1e-9)),
              "public_empty": t["public_empty"], "public_full": t["public_full"]}
    for name, share in shares.items():
        assert share == pytest.approx(c[name], abs=0.015), name


@pytest.fixture(scope="module")
def two():
    c = CASES["sto07"]
    first = recs(shocks=normal_shocks(CASES["sto01"]["sigma"], nodes=c["shock_nodes"]))
    return solve_two_regions(first, replace(first, demand0=c["demand0"][1]), tuple(c["trade_cost"]), error=np.inf)


def test_two_regions_store_and_trade(two):
    """sto07 at the tolerances of the case: prices 2e-3, stocks 1e-3, trade 5e-4; spatial arbitrage exact."""
    rows = np.array(CASES["sto07"]["rows"])
    found, _ = two.period(rows[:, :2])
    assert found.stock == pytest.approx(rows[:, 2:4], abs=1e-3)
    assert found.price == pytest.approx(rows[:, 4:6], abs=2e-3)
    assert found.exports[:, 0] - found.exports[:, 1] == pytest.approx(rows[:, 6], abs=5e-4)
    assert found.planned == pytest.approx(rows[:, 7:9], abs=1e-3)
    gap = found.price[:, 1] - found.price[:, 0]
    there, back = found.exports.T > 1e-9
    assert gap.max() <= 0.1 + 1e-9 and gap.min() >= -0.16 - 1e-9
    assert gap[there] == pytest.approx(0.1, abs=1e-9) and gap[back] == pytest.approx(-0.16, abs=1e-9)


def test_two_regions_without_shocks_rest_at_the_static_equilibrium():
    """The steady state of RECS to its digits, and of the spatial equilibrium of the same curves to 1e-8."""
    c = CASES["sto07"]
    first = recs(shocks=Shocks(np.ones(1), np.ones(1)))
    solution = solve_two_regions(first, replace(first, demand0=1.2), (0.1, 0.16), nodes=7, tolerance=1e-12)
    available = np.ones((1, 2))
    for _ in range(40):
        found, _ = solution.period(available)
        available = 0.98 * found.stock + found.planned
    assert found.price[0] == pytest.approx(c["steady"]["price"], abs=1e-8)
    assert found.planned[0] == pytest.approx(c["steady"]["planned"], abs=1e-8)
    assert found.exports[0, 0] == pytest.approx(c["steady"]["exports"], abs=1e-8) and not found.stock.any()
    static = fm.solve(fm.market_from_arrays("two", ["good"], ["a", "b"], {
        "price0": 1.0, "output0": 1.0, "final_demand0": np.array([[1.0, 1.2]]), "supply_elasticity": 0.2, "demand_elasticity": 0.2,
        "freight": 0.1 * (1 - np.eye(2))[None], "import_levy0": np.array([[[0, 0], [0.06, 0]]])}, sourcing="homogeneous")).dataset
    assert found.price == pytest.approx(static["price"].values, abs=1e-8)
    with pytest.raises(DataError, match="one of them above 0"):
        solve_two_regions(first, first, (0.0, 0.0))


@pytest.mark.slow
def test_two_regions_in_the_long_run(two):
    c = CASES["sto07"]["long_run"]
    ds = simulate_two(two, 60, 400, burn=30)
    for name in ("price", "stock", "planned"):
        assert ds[name].values.mean((0, 1)) == pytest.approx(c[name], abs=5e-3), name
    assert ds["price"].values.std((0, 1)) == pytest.approx(c["price_sd"], abs=5e-3)
    assert ds["exports"].values.mean((0, 1))[0] == pytest.approx(c["exports"], abs=1e-3)


@pytest.fixture(scope="module")
def small_open():
    c = CASES["sto12"]
    market = StorageMarket(demand_elasticity=c["demand_elasticity"], storage_cost=c["storage_cost"], interest=c["interest"],
                           shocks=normal_shocks(c["sigma"], nodes=c["shock_nodes"]))
    world = WorldPrice(persistence=c["persistence"], sigma=c["sigma_world"], trade_cost=c["trade_cost"])
    return market, world, solve_open(market, world, error=2e-4)


def test_a_small_open_economy(small_open):
    rows = np.array(CASES["sto12"]["rows"])
    found, at = small_open[2], (rows[:, 0], rows[:, 1])
    assert found.stock(*at) == pytest.approx(rows[:, 2], abs=1e-3)
    assert found.price(*at) == pytest.approx(rows[:, 3], abs=1e-3)
    assert found.net_exports(*at) == pytest.approx(rows[:, 5] - rows[:, 4], abs=1e-3)
    assert np.all(np.abs(found.price(*at) - rows[:, 1]) <= 0.2 + 1e-12)


@pytest.mark.slow
def test_a_small_open_economy_in_the_long_run(small_open):
    c = CASES["sto12"]["long_run"]
    ds = simulate_open(small_open[2], 60, 1000, burn=40)
    for name in ("world", "stock", "price", "net_exports"):
        assert float(ds[name].mean()) == pytest.approx(c[name][0], abs=4e-3), name
    assert float(ds["price"].std()) == pytest.approx(c["price"][1], abs=3e-3)
    assert float((ds["net_exports"] < -1e-9).mean()) == pytest.approx(c["imports"], abs=0.025)
    assert float((ds["net_exports"] > 1e-9).mean()) == pytest.approx(c["exports"], abs=0.025)


def test_a_floor_at_the_border(small_open):
    """Imports cannot undercut the floor; where the bloc would not import at that price anyway, more is stored than without it."""
    market, world, free = small_open
    floor = solve_open(market, world, floor=1.3, nodes=41, columns=21, error=2e-4)
    at, abroad = np.array([0.8, 0.9, 1.1, 1.2]), np.full(4, 0.8)
    assert floor.price(at, abroad)[:2] == pytest.approx(1.3) and free.price(at, abroad)[:2] == pytest.approx(1.0)
    assert np.all(floor.stock(at, abroad)[2:] > free.stock(at, abroad)[2:])
    with pytest.raises(DataError, match="floor: found -1"):
        solve_open(market, world, floor=-1.0)


@pytest.mark.slow
def test_the_error_of_both_is_below_the_target(two, small_open):
    """At their defaults below 1e-4 of use wherever stock is held."""
    solution = solve_two_regions(*two.markets, two.trade_cost)
    assert solution.accuracy(1000).max_log10 < -4
    market, world, _ = small_open
    assert solve_open(market, world).accuracy(10_000).max_log10 < -4
