"""Strips of options against published values, parity, limits, Monte Carlo."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floormodel.errors import DataError
from floormodel.finance.options import (
    Forwards,
    calls,
    clawback,
    collar,
    discount_factors,
    floored,
    gbm_forwards,
    one_way,
    ou_forwards,
    puts,
    two_way,
)
from floormodel.finance.price_process import OrnsteinUhlenbeck

CASES = tomllib.loads((Path(__file__).parent / "cases" / "options.toml").read_text())
TEN = CASES["inv06"]
YEARS = np.arange(1, TEN["settlements"] + 1)


def ten_years():
    forwards = gbm_forwards(TEN["spot"], YEARS, TEN["rate"] - TEN["convenience_yield"], TEN["sigma"])
    return forwards, discount_factors(TEN["rate"], YEARS)


def test_ten_years_of_a_contract_for_difference():
    forwards, weights = ten_years()
    strikes = np.array(TEN["strike"])[:, None]
    for name, value in (("one_way", one_way), ("clawback", clawback), ("two_way", two_way)):
        assert value(forwards, strikes, weights) == pytest.approx(TEN[name], rel=1e-9), name


def test_mean_reversion_makes_the_same_floor_half_as_dear():
    case = CASES["inv07"]
    process = OrnsteinUhlenbeck(case["kappa"], TEN["sigma"], np.log(TEN["spot"]))
    found = one_way(ou_forwards(process, TEN["spot"], YEARS), 100.0, discount_factors(TEN["rate"], YEARS))
    assert found == pytest.approx(case["one_way"], abs=0.05)


def test_slow_reversion_is_a_random_walk():
    # kappa -> 0: variance sigma^2 t and a forward that grows by half of it, as of a martingale in logs
    walk = gbm_forwards(90.0, YEARS, 0.25**2 / 2, 0.25)
    slow = ou_forwards(OrnsteinUhlenbeck(1e-8, 0.25, np.log(300.0)), 90.0, YEARS)
    assert slow.forward == pytest.approx(walk.forward, rel=1e-6) and slow.variance == pytest.approx(walk.variance, rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.floats(1.0, 1e5), st.floats(0.01, 10.0), st.floats(0.0, 1.0), st.floats(-0.1, 0.1), st.floats(0.0, 0.2))
def test_parity(spot, moneyness, sigma, drift, hazard):
    strike = spot * moneyness
    forwards, weights = gbm_forwards(spot, YEARS, drift, sigma), discount_factors(0.05, YEARS, hazard)
    floor, back, both = one_way(forwards, strike, weights), clawback(forwards, strike, weights), two_way(forwards, strike, weights)
    scale = np.sum((strike + forwards.forward) * weights)
    assert abs(floor - back - both) <= 1e-9 * scale
    assert floor >= max(both, 0) - 1e-9 * scale and floor <= strike * np.sum(weights) * (1 + 1e-12)
    assert collar(forwards, strike, strike, weights) == pytest.approx(both, abs=1e-9 * scale)
    assert both - 1e-9 * scale <= collar(forwards, strike, 2 * strike, weights) <= floor + 1e-9 * scale


def test_without_risk_only_what_is_in_the_money_counts():
    certain = Forwards(np.array([80.0, 100.0, 120.0]), np.zeros(3))
    assert puts(certain, 100.0).tolist() == [20, 0, 0] and calls(certain, 100.0).tolist() == [0, 0, 20]
    assert puts(gbm_forwards(100.0, YEARS, 0.0, 0.3), 0.0) == pytest.approx(0.0)
    assert calls(gbm_forwards(100.0, YEARS, 0.0, 0.3), 0.0) == pytest.approx(100.0)


def test_a_strip_is_the_mean_over_simulated_paths():
    process = OrnsteinUhlenbeck.from_half_life(2.0, 0.35, np.log(60.0))
    paths = np.exp(process.simulate(np.log(90.0), 10, 40_000, seed=3)[:, 1:])
    weights = discount_factors(0.08, YEARS, hazard=0.1)
    assert weights[2] == pytest.approx(np.exp(-0.24) * 0.9**3)
    payments = (np.maximum(70.0 - paths, 0) - np.maximum(paths - 90.0, 0)) @ weights
    found = collar(ou_forwards(process, 90.0, YEARS), 70.0, 90.0, weights)
    assert abs(payments.mean() - found) < 4 * payments.std() / np.sqrt(len(payments))


def test_a_floor_under_a_stationary_price():
    case = CASES["inv08"]
    process = OrnsteinUhlenbeck(case["kappa"], case["sigma"], case["mean_log"])
    found = floored(process.mean_log, process.stationary_sd, np.array(case["floor"]))
    assert found.mean_price == pytest.approx(case["mean_price"], rel=1e-9)
    for name in ("mean_floored", "top_up", "chance"):
        assert getattr(found, name) == pytest.approx(case[name], rel=2e-9), name
    # the settlements of a far future are draws of it
    far = ou_forwards(process, 55.0, 200.0)
    assert puts(far, 90.0) == pytest.approx(case["top_up"][1], rel=1e-8)


def test_what_makes_no_sense_is_refused():
    forwards, weights = ten_years()
    with pytest.raises(DataError, match="ceiling at or above the floor"):
        collar(forwards, 100.0, 90.0, weights)
    with pytest.raises(DataError, match=r"hazard = 1\.5"):
        discount_factors(0.05, YEARS, 1.5)
    with pytest.raises(DataError, match="strikes"):
        puts(forwards, -1.0)
