"""Triggers of investment against published values, limits, another method and Monte Carlo-free identities."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.linalg import solve_banded

from floormodel.errors import DataError
from floormodel.finance.options import gbm_forwards, puts
from floormodel.finance.real_option import (
    PerpetualFloor,
    competitive_entry_trigger,
    entry_exit,
    entry_trigger,
    option_to_invest,
    option_to_invest_uncertain_outlay,
)

CASES = tomllib.loads((Path(__file__).parent / "cases" / "options.toml").read_text())
FLOORS = CASES["inv03"]
UNIT = {name: FLOORS[name] for name in ("rate", "payout", "sigma")}


def test_threshold_of_a_perpetual_option():
    case = CASES["inv01"]
    found = option_to_invest(case["rate"], np.array(case["payout"]), np.array(case["sigma"]), case["outlay"])
    assert found.beta == pytest.approx(case["beta"], rel=1e-9)
    assert found.threshold == pytest.approx(case["threshold"], rel=1e-9)
    assert found.constant == pytest.approx(case["value_at_outlay"], rel=1e-9)  # at a value of 1 = outlay
    assert option_to_invest(0.04, 0.04, 1e-4, 1.0).threshold == pytest.approx(1.0, abs=1e-3)  # the rule of net present value


def test_threshold_with_an_uncertain_outlay():
    case = CASES["inv02"]
    arguments = [np.array(case[n]) for n in ("payout_value", "payout_outlay", "sigma_value", "sigma_outlay", "correlation")]
    found = option_to_invest_uncertain_outlay(*arguments)
    assert found.beta == pytest.approx(case["beta"], rel=1e-9)
    assert found.threshold == pytest.approx(case["ratio"], rel=1e-9)
    assert found.constant == pytest.approx(case["value_at_one"], rel=1e-9)


@pytest.mark.parametrize("k", range(len(FLOORS["floor"])))
def test_perpetual_floor_and_both_kinds_of_entry(k):
    plant = PerpetualFloor(**UNIT, floor=FLOORS["floor"][k])
    assert plant.value(FLOORS["price"]) == pytest.approx(FLOORS["value"][k], rel=1e-8)
    assert plant.guarantee(FLOORS["price"]) == pytest.approx(FLOORS["guarantee"][k], rel=1e-8)
    assert plant.constants == pytest.approx((FLOORS["below"][k], FLOORS["above"][k]), rel=1e-8)
    assert entry_trigger(plant, FLOORS["outlay"]) == pytest.approx(FLOORS["trigger"][k], rel=1e-8)
    assert competitive_entry_trigger(plant, FLOORS["outlay"]) == pytest.approx(CASES["inv04"]["trigger"][k], rel=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 0.15), st.floats(0.01, 0.15), st.floats(0.05, 0.5), st.floats(0.05, 0.98), st.floats(0.0, 30.0))
def test_the_competitive_trigger_is_that_of_a_single_investor(rate, payout, sigma, share, cost):
    plant = PerpetualFloor(rate, payout, sigma, share * rate * (20.0 + cost / rate))
    alone, rivals = entry_trigger(plant, 20.0, cost), competitive_entry_trigger(plant, 20.0, cost)
    assert alone == pytest.approx(rivals, rel=1e-7)
    assert plant.floor < alone <= entry_trigger(PerpetualFloor(rate, payout, sigma), 20.0, cost) * (1 + 1e-12)


@pytest.mark.parametrize("hazard", [0.0, 0.1])
@pytest.mark.parametrize("price", [0.3, 0.6, 1.0])
def test_a_guarantee_is_a_strip_of_puts_without_end(price, hazard):
    plant = PerpetualFloor(0.04, 0.03, 0.2, 0.6, hazard)

    def put(t):
        return float(puts(gbm_forwards(price, t, 0.04 - 0.03, 0.2), 0.6)) * np.exp(-(0.04 + hazard) * t)

    assert plant.guarantee(price) == pytest.approx(quad(put, 0, 60, epsabs=1e-10)[0] + quad(put, 60, 900, epsabs=1e-10)[0], rel=1e-6)
    step = 1e-6
    assert plant.slope(price) == pytest.approx((plant.value(price + step) - plant.value(price - step)) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("lasting", [False, True])
def test_a_floor_that_is_never_or_at_once_repealed(lasting):
    def trigger(hazard):
        return entry_trigger(PerpetualFloor(**UNIT, floor=0.7, hazard=hazard), 20.0, lasting=lasting)

    credible, none = FLOORS["trigger"][FLOORS["floor"].index(0.7)], FLOORS["trigger"][0]
    assert trigger(1e-9) == pytest.approx(credible, rel=1e-6)
    triggers = [trigger(h) for h in (0.0, 0.02, 0.1, 0.5, 5.0)]
    if not lasting:  # support that may go is worth less: build later
        assert np.all(np.diff(triggers) > 0) and trigger(1e4) == pytest.approx(none, rel=1e-7)
        return
    # an offer that may go hurries: in the limit it is taken wherever it beats the option without floor, 0.25 P^2 / (0.04^2 20)
    assert np.all(np.diff(triggers) < 0)
    last, plant = trigger(1e7), PerpetualFloor(**UNIT, floor=0.7)
    assert plant.value(last) - 20 == pytest.approx((25 * last) ** 2 / 80, rel=2e-3)


@pytest.mark.parametrize("lasting", [False, True])
def test_trigger_under_a_hazard_by_finite_differences(lasting):
    """The value of waiting up to each node of a grid, solved from its differential equation: the best node is the trigger."""
    rate, payout, sigma, floor, hazard, cost = 0.04, 0.04, 0.2, 0.7, 0.08, 20.0
    x = np.linspace(np.log(0.02), np.log(1.7), 400)
    step, price = x[1] - x[0], np.exp(x)
    drift, spread = (rate - payout - sigma**2 / 2) / (2 * step), sigma**2 / (2 * step**2)
    bare = option_to_invest(rate, payout, sigma, cost)
    after = np.where(price / payout < bare.threshold, bare.constant * (price / payout) ** bare.beta, price / payout - cost)
    built = PerpetualFloor(rate, payout, sigma, floor, 0.0 if lasting else hazard).value(price) - cost

    def value(stop):
        """Option value at a price of 0.75 where the plant is built from node `stop` on: (rate + hazard) V = V's drift + hazard x after."""
        bands = np.array([np.full(400, -spread - drift), np.full(400, rate + hazard + 2 * spread), np.full(400, -spread + drift)])
        bands[1, stop:], bands[0, stop + 1:], bands[2, stop - 1:] = 1, 0, 0
        right = np.where(np.arange(400) < stop, hazard * after, built)
        return solve_banded((1, 1), bands, right)[np.searchsorted(price, 0.75)]

    best = max(range(np.searchsorted(price, 0.76), 399), key=value)
    found = entry_trigger(PerpetualFloor(rate, payout, sigma, floor, hazard), cost, lasting=lasting)
    assert abs(np.log(found / price[best])) < 1.01 * step


def test_entry_and_exit():
    case = CASES["inv13"]
    for k, sigma in enumerate(case["sigma"]):
        found = entry_exit(case["rate"], case["drift"], sigma, case["outlay"], case["cost"], case["closure"][k])
        expected = [case[name][k] for name in ("enter", "leave", "idle_constant", "active_constant")]
        assert found == pytest.approx(expected, rel=1e-7)
        assert found.enter > case["cost"] + case["rate"] * case["outlay"] > case["cost"] - case["rate"] * case["closure"][k] > found.leave
    sure = entry_exit(0.05, 0.0, 0.01, 2.0, 1.0, 1.0)  # without risk: full cost, and cost less the interest on closure
    assert sure[:2] == pytest.approx((1.1, 0.95), rel=0.05)


def test_a_floor_that_pays_by_itself_needs_no_waiting():
    assert entry_trigger(PerpetualFloor(**UNIT, floor=0.8), 20.0) == competitive_entry_trigger(PerpetualFloor(**UNIT, floor=0.8), 20.0) == 0
    assert entry_trigger(PerpetualFloor(**UNIT, floor=0.9, hazard=0.01), 20.0) > 0  # 0.9 < (0.04 + 0.01) 20


def test_what_makes_no_sense_is_refused():
    with pytest.raises(DataError, match="all above 0"):
        PerpetualFloor(0.04, 0.0, 0.2)
    with pytest.raises(DataError, match="hazard -1"):
        PerpetualFloor(0.04, 0.04, 0.2, 0.5, -1)
    with pytest.raises(DataError, match="never repealed"):
        competitive_entry_trigger(PerpetualFloor(0.04, 0.04, 0.2, 0.5, 0.1), 20.0)
    with pytest.raises(DataError, match="outlay 0"):
        entry_trigger(PerpetualFloor(0.04, 0.04, 0.2), 0.0)
