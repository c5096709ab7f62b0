"""Entry in closed form: published benchmarks, simulated cycles, Monte Carlo, limits."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

import floormodel as fm
from floormodel.dynamics.entry import profitability
from floormodel.dynamics.free_entry import (
    cobweb,
    cost_of_learning,
    free_entry,
    largest_stable_ratio,
    learned_cost,
    learning_exponent,
    planted,
)
from floormodel.errors import DataError, ScenarioError
from floormodel.finance.project import load_projects

CASES = tomllib.loads((Path(__file__).parent / "cases" / "entry.toml").read_text())


def test_roots_of_capacity_cycles():
    case = CASES["ind03"]
    rows = [(lag, ratio) for lag in case["lags"] for ratio in case["slope_ratios"]]
    for (lag, ratio), expected in zip(rows, case["radius"], strict=True):
        for weight, radius in zip(case["weights"], expected, strict=True):
            found = cobweb(lag, ratio, weight)
            assert found.radius == pytest.approx(radius, rel=1e-8) and found.stable == (radius < 1)
            z = found.roots
            assert np.abs(z**lag - (1 - weight) * z ** (lag - 1) + weight * ratio).max() < 1e-8


@pytest.mark.parametrize("lag, ratio, weight", [(1, 0.9, 1.0), (1, 1.2, 0.25), (2, 1.2, 1.0), (4, 0.9, 0.5)])
def test_a_simulated_cycle_grows_at_the_largest_root(lag, ratio, weight):
    price, expected, steps = [0.0] * lag, [1.0] * lag, 400
    for _ in range(steps):
        price.append(-ratio * expected[-lag])
        expected.append((1 - weight) * expected[-1] + weight * price[-1])
    sizes = np.abs(expected)
    growth = (sizes[-60:].max() / sizes[200:260].max()) ** (1 / (len(sizes) - 260))
    assert growth == pytest.approx(cobweb(lag, ratio, weight).radius, rel=1e-3)


def test_rules_of_stability():
    for weight in (1.0, 0.5, 0.2):
        assert largest_stable_ratio(1, weight) == pytest.approx(2 / weight - 1)  # Nerlove; Ezekiel at 1
    assert (largest_stable_ratio(2), largest_stable_ratio(7)) == pytest.approx((1, 1))  # naive: |z|^lag = ratio whatever the lag
    slow = [largest_stable_ratio(lag, 0.3) for lag in (1, 2, 3, 6)]
    assert np.all(np.diff(slow) < 0) and slow[-1] > 1  # caution steadies, a longer lag unsteadies
    for weight in (0.3, 1.0):
        assert cobweb(3, largest_stable_ratio(3, weight), weight).radius == pytest.approx(1, abs=1e-9)


def test_free_entry_under_a_floor():
    case = CASES["ind04"]
    for k, floor in enumerate(case["floor"]):
        found = free_entry(case["demand_elasticity"], case["sigma"], case["cost"], floor)
        expected = [case[name][k] for name in ("capacity", "mean_price", "chance", "top_up", "outlay")]
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-12)
    e = np.exp(0.2 * np.random.default_rng(4).standard_normal(400_000) - 0.02)
    price = (e / found.capacity) ** (1 / 0.4)
    assert np.mean(np.maximum(price, 0.95)) == pytest.approx(1, abs=1e-3)
    near = free_entry(0.4, 0.2, 1.0, 0.9999)
    assert near.capacity > 1.5 * found.capacity and near.outlay > 2 * found.outlay
    with pytest.raises(DataError, match="no bound"):
        free_entry(0.4, 0.2, 1.0, 1.0)


def harvest():
    case = CASES["ind09"]
    points, weights = hermegauss(case["nodes"])
    return np.exp(case["mean_log_yield"] + np.sqrt(case["variance_log_yield"]) * points), weights / weights.sum()


def test_the_published_benchmark_of_a_floor():
    case = CASES["ind09"]
    found = planted(case["supply"], case["demand"], *harvest(), case["floor"])
    assert found.acreage == pytest.approx(case["acreage"], abs=5e-5)
    for name in ("market_price", "farm_price", "revenue", "outlay"):
        assert getattr(found, name) == pytest.approx(case[name], abs=5e-5), name


def test_other_floors_of_the_benchmark():
    case, lines = CASES["ind09_other_floors"], CASES["ind09"]
    for k, floor in enumerate(case["floor"]):
        found = planted(lines["supply"], lines["demand"], *harvest(), floor)
        assert found.acreage == pytest.approx(case["acreage"][k], rel=1e-8)
        for name in ("market_price", "farm_price", "revenue", "outlay"):
            assert getattr(found, name) == pytest.approx(case[name][k], rel=1e-7), name
    # without risk and floor: a = 0.5 + 0.5 (1.5 - 0.5 a)
    sure = planted(lines["supply"], lines["demand"], [1.0], [1.0])
    assert sure.acreage == pytest.approx(1.0) and sure.outlay == (0.0, 0.0)
    # nobody plants where the highest price does not cover it
    assert planted((-5.0, 1.0), (1.5, -0.5), [1.0], [1.0]).acreage == 0
    with pytest.raises(DataError, match="demand to fall"):
        planted((0.5, 0.5), (1.5, 0.5), [1.0], [1.0])


def test_learning():
    case = CASES["ind05"]
    rate, cost, start = case["learning_rate"], case["cost"], case["start"]
    assert learning_exponent(rate) == pytest.approx(case["exponent"], rel=1e-9)
    found = learned_cost(cost, np.array([2, 8, 11]) * start, start, rate)
    assert found == pytest.approx([case["after_one_doubling"], case["after_three_doublings"], case["at_end"]], rel=1e-9)
    assert cost_of_learning(cost, start, case["end"], rate) == pytest.approx(case["sum_to_end"], rel=1e-9)
    assert learned_cost(cost, start * 2 ** case["doublings_to_halve"], start, rate) == pytest.approx(cost / 2, rel=1e-8)
    assert cost_of_learning(cost, start, case["end"], 0.5) == pytest.approx(cost * start * np.log(11))  # exponent 1
    with pytest.raises(DataError, match="below 1"):
        learning_exponent(1.0)
    with pytest.raises(DataError, match="lag 0"):
        cobweb(0, 1.0)


def test_experience_lowers_the_capex_of_a_plan():
    plant = load_projects("rare_earths")["ndpr_refinery"]
    plan = fm.Plan(plant, 1000.0, 5000.0, learning=0.2, experience=1000.0)
    started, price = np.array([0.0, 1000.0, 3000.0]), np.full((3, plant.life), 75_000.0)
    assert plan.learned(started).capex == pytest.approx(plant.capex * np.array([1, 0.8, 0.64]))
    found = profitability(plan, price, 25_000.0 + 0 * price, started)
    for k, share in enumerate((1.0, 0.8, 0.64)):
        cheaper = fm.Plan(type(plant)(**{**vars(plant), "capex": share * plant.capex}), 1000.0, 5000.0)
        assert found[k] == pytest.approx(profitability(cheaper, price[:1], 25_000.0 + 0 * price[:1], started[:1])[0])
    assert np.all(np.diff(found) > 0)


def test_a_path_on_which_plants_learn_builds_more():
    market = fm.load_market("rare_earths", horizon="short").open_projects("all")
    floor = fm.PriceFloor(good="ndpr_oxide", members=["USA", "EU27", "JPN", "KOR"], price=100_000.0)
    plant = load_projects("rare_earths")["ndpr_refinery"]

    def path(expectations="adaptive", **learning):
        found = fm.simulate(market, [floor], range(2025, 2028), plans=[fm.Plan(plant, 1000.0, 1e6, **learning)],
                            expectations=expectations).dataset.sel(scenario="policy").isel(draw=0, plan=0)
        return found["started"].values, found["profitability"].values

    (begun, index), (more, better) = path(), path(learning=0.25, experience=500.0)
    assert better[0] == index[0] and more[0] == begun[0] > 0  # nobody has learned anything yet
    assert np.all(better[1:] > index[1:]) and more.sum() > begun.sum()
    ahead, paying = path("consistent", learning=0.25, experience=500.0)
    assert np.all(np.diff(paying) > 0) and np.all(ahead > 0)  # the same last price for all: cheaper plants pay more
    with pytest.raises(ScenarioError, match=r"learning: found 0\.2 with an experience of 0"):
        path(learning=0.2)
