"""The random markets are what the other tests take them for: balanced, profitable, repeatable, varied."""

from __future__ import annotations

import numpy as np
import pytest

from floormodel.schema import BY_NAME
from tests.twin.random_markets import benchmark_prices, random_case


def draw(seed: int) -> dict:
    return random_case(np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(60))
def test_market_balances_and_pays_its_producers(seed):
    arrays = draw(seed)["arrays"]
    flow, output, recipe = arrays["flow0"], arrays["output0"], arrays["recipe"]
    supply = output + arrays["secondary0"]
    np.testing.assert_allclose(flow.sum(axis=2) + arrays["stock_change0"], supply, rtol=1e-12)
    use = flow.sum(axis=1)
    np.testing.assert_allclose(arrays["final_demand0"] + np.einsum("gh,gr->hr", recipe, output), use, rtol=1e-12)
    assert np.all(arrays["final_demand0"] >= 0) and np.all(output.sum(axis=1) > 0)
    index = benchmark_prices(arrays)[2]
    net = arrays["price0"] * (1 - arrays["royalty0"] * (1 - arrays["under_invoicing"])) + arrays["subsidy0"]
    cost = np.zeros_like(output)
    for good, used in zip(*np.nonzero(recipe)):
        cost[good] += recipe[good, used] * index[used]
    active = output > 0
    assert np.all(np.isfinite(cost[active])) and np.all((net - cost)[active] > 0)
    assert np.all(arrays["price0"] == arrays["price0"][:, :1])


@pytest.mark.parametrize("seed", range(60))
def test_arrays_follow_the_schema(seed):
    case = draw(seed)
    sizes = {"good": len(case["goods"]), "input": len(case["goods"]), "region": len(case["regions"]),
             "origin": len(case["regions"]), "destination": len(case["regions"])}
    for name, array in case["arrays"].items():
        variable = BY_NAME[name]
        assert array.shape == tuple(sizes[dim] for dim in variable.dims)
        used = array[np.broadcast_to(case["arrays"]["output0"] > 0, array.shape)] if name == "capacity" else array
        assert np.all(used >= variable.low) and np.all(used <= variable.high)
    for name in ("import_rate0", "import_levy0", "export_rate0", "export_levy0"):
        assert not np.any(case["arrays"][name] * np.eye(sizes["region"]))


def test_a_seed_repeats_and_seeds_differ():
    first, again, other = draw(7), draw(7), draw(8)
    assert first["policies"] == again["policies"] != other["policies"]
    assert all(np.array_equal(first["arrays"][name], again["arrays"][name]) for name in first["arrays"])


def test_the_draws_are_varied():
    cases = [draw(seed) for seed in range(200)]
    kinds = {policy["kind"] for case in cases for policy in case["policies"]}
    assert kinds == {"price_floor", "import_tariff", "price_gap_subsidy", "export_tax", "export_quota", "stockpile"}
    several = np.mean([len(case["policies"]) >= 2 for case in cases])
    assert 0.4 < several < 0.6
    assert {len(case["regions"]) for case in cases} == {1, 2, 3, 4, 5, 6}
    assert {len(case["goods"]) for case in cases} == {1, 2, 3}
    change = np.concatenate([case["arrays"]["stock_change0"].ravel() for case in cases])
    assert (change < 0).any() and (change > 0).any()
    quotas = [p["quota"] for case in cases for p in case["policies"] if p["kind"] == "export_quota"]
    assert 0 in quotas and max(quotas) > 0


@pytest.mark.parametrize("regions, goods, policies", [(1, 1, 0), (6, 3, 4), (2, 3, 1)])
def test_sizes_can_be_set(regions, goods, policies):
    case = random_case(np.random.default_rng(3), regions=regions, goods=goods, policies=policies)
    assert (len(case["regions"]), len(case["goods"]), len(case["policies"])) == (regions, goods, policies)
