"""Measures one and two at a time against the independent second implementation, flows of money among them.

Seeds were fixed before the first comparison. What `random_measures` leaves out is named there.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import floormodel as fm
from floormodel.errors import InertWarning
from tests.adapt import market_of, policies_of
from tests.twin import twin
from tests.twin.money import changes
from tests.twin.random_measures import DRAW, measure_case, pair_case

SEEDS = range(80_000, 80_012)
PAIRS = range(81_000, 81_016)
ELSEWHERE = {"consumer_surplus", "secondary_surplus", "benchmark_stock"}  # lines that the twin does not book


def run_of(case: dict[str, Any]) -> fm.Equilibrium:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        return fm.solve(market_of(case), policies_of(case))


def paid_by_users(case: dict[str, Any], found: dict[str, Any]) -> np.ndarray:
    """The twin's buyer price with levies on use, which the package counts in it, and taxes on use, which it does not."""
    price = found["buyer_price"].copy()
    for policy, own in zip(case["policies"], found["unknowns"]):
        if policy["kind"] == "buyer_collar":
            price[case["goods"].index(policy["good"]), case["regions"].index(policy["buyer"])] += own.get("levy", 0.0)
    return price


def compare(case: dict[str, Any]) -> None:
    found, run = twin.solve(case), run_of(case)
    assert found["solved"], found["residual"]
    assert bool(np.all(run.converged))
    ours = {name: run.dataset[name].values for name in ("price", "output", "final_demand", "flow", "buyer_price")}
    arrays, live = case["arrays"], np.isfinite(found["price"])
    scale = np.maximum(arrays["output0"], arrays["flow0"].sum(axis=1)).max(axis=-1, keepdims=True)
    np.testing.assert_array_equal(np.isfinite(ours["price"]), live)
    np.testing.assert_allclose(ours["price"][live], found["price"][live], rtol=1e-7)
    used = np.isfinite(found["buyer_price"]) & (found["use"] > 1e-9 * scale)
    np.testing.assert_allclose(ours["buyer_price"][used], paid_by_users(case, found)[used], rtol=1e-7)
    np.testing.assert_allclose(ours["output"] / scale, found["output"] / scale, atol=1e-7)
    np.testing.assert_allclose(ours["final_demand"] / scale, found["final_demand"] / scale, atol=1e-7)
    np.testing.assert_allclose(ours["flow"] / scale[:, :, None], found["flow"] / scale[:, :, None], atol=1e-7)
    value = np.nansum(found["buyer_price"] * found["use"])
    theirs = changes(case, found)
    lines: dict[str, np.ndarray] = {}
    for row in run.accounts().itertuples():
        place = case["goods"].index(row.good), case["regions"].index(row.region)
        lines.setdefault(row.account, np.zeros(live.shape))[place] += row.value
    for name in (set(theirs) | set(lines)) - ELSEWHERE:
        np.testing.assert_allclose(lines.get(name, np.zeros(live.shape)) / value, theirs.get(name, np.zeros(live.shape)) / value,
                                   atol=1e-7, err_msg=name)


@pytest.mark.parametrize("kind", DRAW)
@pytest.mark.parametrize("seed", SEEDS)
def test_kernel_and_twin_agree_on_a_measure(kind, seed):
    compare(measure_case(kind, seed))


@pytest.mark.parametrize("seed", PAIRS)
def test_kernel_and_twin_agree_on_two_measures(seed):
    compare(pair_case(seed))
