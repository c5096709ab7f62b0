"""Plans made anew every year: without shocks the foreseen path; under small shocks the rational rule but for terms of second order."""

import numpy as np
import pytest

import floormodel as fm
from floormodel.dynamics.stock_path import Store, stock_path
from floormodel.dynamics.stock_replanned import replanned_stocks, supply_shocks
from floormodel.dynamics.storage_market import StorageMarket, lognormal_shocks
from floormodel.dynamics.storage_run import solve_storage
from floormodel.errors import ScenarioError
from floormodel.textbook import linear_market

YEARS = range(2025, 2031)


def wheat():
    return linear_market(supply={"home": (20, 20), "foreign": (40, 20)}, demand={"home": (100, -20), "foreign": (80, -20)})


def test_without_shocks_the_foreseen_path_is_carried_out():
    """[56] With a cut that is foreseen, a public stock and loss."""
    cut = [fm.Disruption("good", ("foreign",), 2028, 2029, share=0.5)]
    stores = [Store(cost=0.02, loss=0.01, opening=3.0, public=[0, 1, 2, 0, 0, 0])]
    path = stock_path(wheat(), "good", stores, YEARS, disruptions=cut).dataset
    again = replanned_stocks(wheat(), "good", stores, YEARS, np.ones((6, 1, 1, 2)), disruptions=cut)
    assert again["converged"].values.all() and again["converged"].dims == ("year", "draw")
    assert path["stock"].values.max() > 1
    for name in ("price", "stock", "output", "use", "public"):
        assert again[name].values == pytest.approx(path[name].values, abs=1e-8), name


def test_shocks_are_reproducible_and_known_only_in_their_year():
    draws = fm.sample(wheat(), 3, seed=0)
    shocks = supply_shocks(draws, 6, 0.1, regions=["home"], seed=4)
    assert np.array_equal(shocks, supply_shocks(draws, 6, 0.1, regions=["home"], seed=4)) and shocks.shape == (6, 3, 1, 2)
    assert np.all(shocks[..., 1] == 1) and np.unique(shocks[..., 0]).size == 18
    assert np.array_equal(supply_shocks(fm.sample(wheat(), 2, seed=0), 4, 0.1, regions=["home"], seed=4), shocks[:4, :2])
    assert np.log(supply_shocks(wheat(), 20_000, 0.1, seed=1)).std() == pytest.approx(0.1, rel=0.02)
    store = [Store(cost=0.01, opening=5.0)]
    run = replanned_stocks(draws, "good", store, YEARS, shocks)
    later = shocks.copy()
    later[3:] = supply_shocks(draws, 3, 0.1, seed=9)
    other = replanned_stocks(draws, "good", store, YEARS, later)
    assert np.array_equal(run["stock"].values[:3], other["stock"].values[:3]) and not np.allclose(run["price"][3:], other["price"][3:])
    made, used = (run[n].values.sum((2, 3)) for n in ("output", "use"))
    assert run["converged"].values.all()
    assert 5.0 + made.sum(0) - used.sum(0) == pytest.approx(run["stock"].values[-1, :, 0], abs=1e-9 * used.sum())


@pytest.mark.parametrize("available", [1.1, 1.2])
def test_decisions_agree_with_rational_ones_to_second_order(available):
    """One region, output fixed, demand (price)^-0.5: half the standard deviation, a quarter of the difference; and too small stocks.

    Without variance they are one and the same. The shocks are small beside the way to the next kink, where stocks run out."""
    market = fm.market_from_arrays("one", ["good"], ["r"], {
        "flow0": np.ones((1, 1, 1)), "output0": 1.0, "final_demand0": 1.0, "price0": 1.0, "supply_elasticity": 1e-9,
        "demand_elasticity": 0.5, "sourcing_elasticity": 3.0})
    store = [Store(cost=0.02, opening=available - 1.0)]
    plan = replanned_stocks(market, "good", store, range(8), np.ones((8, 1, 1, 1)), interest=0.03)
    chosen = float(plan["stock"].values[0, 0, 0])
    away = []
    for sigma in (0.0, 0.0025, 0.005):
        shocks = lognormal_shocks(sigma, -sigma**2 / 2, nodes=21)
        rule = solve_storage(StorageMarket(demand_elasticity=0.5, storage_cost=0.02, interest=0.03, shocks=shocks), nodes=4001, error=1e-7,
                             max_stock=0.5)
        away.append(float(rule.private(available)) - chosen)
    assert chosen > 0.03 and abs(away[0]) < 1e-9
    assert 0 < away[1] < away[2] < 1e-4
    assert away[2] / away[1] == pytest.approx(4.0, abs=0.3)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ScenarioError, match=r"(?s)2 fault.*shape \(6, 1, 1, 2\).*ahead"):
        replanned_stocks(wheat(), "good", [Store()], YEARS, np.ones((5, 1, 1, 2)), ahead=0)
    with pytest.raises(ScenarioError, match=r"(?s)2 fault.*sigma.*abroad"):
        supply_shocks(wheat(), 2, -1.0, regions=["abroad"])
