"""The oracle on its own: markets that can be solved by hand, symmetry, and books that balance when added up again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.twin.random_markets import benchmark_prices, random_case
from tests.twin.twin import accounts, check, solve


def lone_market(eps: float, eta: float, *policies: dict[str, Any], price: float = 100.0, tonnes: float = 1000.0,
                **arrays: Any) -> dict[str, Any]:
    """One region, one good, no wedges."""
    node = np.ones((1, 1))
    data = {"price0": price * node, "output0": tonnes * node, "final_demand0": tonnes * node,
            "flow0": tonnes * np.ones((1, 1, 1)), "supply_elasticity": eps * node, "demand_elasticity": eta * node,
            "sourcing_elasticity": 3 * node}
    return {"goods": ["ore"], "regions": ["A"], "arrays": data | arrays,
            "policies": [{"good": "ore"} | policy for policy in policies]}


def one_way_market(eps: float, eta: float, *policies: dict[str, Any], **arrays: Any) -> dict[str, Any]:
    """A produces everything, B uses everything; gate price 100 USD/t, 1000 t/yr."""
    node = np.ones((1, 2))
    flow = np.zeros((1, 2, 2))
    flow[0, 0, 1] = 1000.0
    data = {"price0": 100 * node, "output0": np.array([[1000.0, 0.0]]), "final_demand0": np.array([[0.0, 1000.0]]),
            "flow0": flow, "supply_elasticity": eps * node, "demand_elasticity": eta * node,
            "sourcing_elasticity": 3 * node}
    return {"goods": ["ore"], "regions": ["A", "B"], "arrays": data | arrays,
            "policies": [{"good": "ore"} | policy for policy in policies]}


def subsidy(strike: float, **fields: Any) -> dict[str, Any]:
    return {"kind": "price_gap_subsidy", "regions": ["A"], "strike": strike} | fields


# ---- by hand


@pytest.mark.parametrize("strike, share", [(150.0, 0.0), (150.0, 1.0), (80.0, 1.0)])
def test_contract_for_difference_fixes_what_the_producer_keeps(strike, share):
    eps, eta = 0.7, 1.3
    found = solve(lone_market(eps, eta, subsidy(strike, upside_share=share)))
    output = 1000 * (strike / 100) ** eps
    assert found["solved"]
    assert found["output"].item() == pytest.approx(output, rel=1e-11)
    assert found["price"].item() == pytest.approx(100 * (output / 1000) ** (-1 / eta), rel=1e-11)


def test_one_way_contract_below_the_price_does_nothing():
    found = solve(lone_market(0.7, 1.3, subsidy(80.0)))
    assert found["price"].item() == pytest.approx(100, rel=1e-12)


def test_shared_upside_is_a_linear_tax_above_the_strike():
    # eps = eta = 1: output 10 (p - u (p - k)), demand 1e5 / p, so (1 - u) p^2 + u k p = 1e4
    u, k = 0.3, 90.0
    found = solve(lone_market(1.0, 1.0, subsidy(k, upside_share=u)))
    price = (-u * k + math.sqrt((u * k) ** 2 + 4 * (1 - u) * 1e4)) / (2 * (1 - u))
    assert found["price"].item() == pytest.approx(price, rel=1e-11)


def test_volume_cap_between_the_two_supplies_is_the_output():
    eta = 0.5
    found = solve(lone_market(1.0, eta, subsidy(200.0, volume_cap=1200.0)))
    assert found["output"].item() == pytest.approx(1200, rel=1e-11)
    assert found["price"].item() == pytest.approx(100 * 1.2 ** (-1 / eta), rel=1e-11)


def test_small_volume_cap_leaves_the_market_price():
    found = solve(lone_market(1.0, 0.5, subsidy(200.0, volume_cap=300.0)))
    assert found["price"].item() == pytest.approx(100, rel=1e-11)


def test_budget_scales_the_rate_until_it_is_spent():
    # rigid demand: output 1000 at any price, so the producer must keep 100 and the outlay is 1000 (100 - p)
    found = solve(lone_market(1.0, 0.0, subsidy(300.0, budget=5000.0)))
    price = found["price"].item()
    assert 1000 * (100 - price) == pytest.approx(5000, rel=1e-9)
    assert found["unknowns"][0]["scale"] == pytest.approx(5 / (300 - price), rel=1e-9)


def test_stock_purchase_solves_a_quadratic():
    # eps = eta = 1: 1000 x = 1000 / x + T with x = p / 100
    tonnes = 150.0
    found = solve(lone_market(1.0, 1.0, {"kind": "stockpile", "region": "A", "purchase": tonnes}))
    ratio = (0.15 + math.sqrt(0.15**2 + 4)) / 2
    assert found["price"].item() == pytest.approx(100 * ratio, rel=1e-11)
    assert found["unknowns"][0]["purchase"] == pytest.approx(tonnes, rel=1e-11)


def test_stock_purchase_stops_at_its_highest_price():
    policy = {"kind": "stockpile", "region": "A", "purchase": 400.0, "max_price": 110.0}
    found = solve(lone_market(1.0, 1.0, policy))
    assert found["price"].item() == pytest.approx(110, rel=1e-11)
    assert found["unknowns"][0]["purchase"] == pytest.approx(1000 * (1.1 - 1 / 1.1), rel=1e-9)


def test_release_holds_its_ceiling():
    # supply falls by a fifth and is rigid; demand 1000 (p / 100)^-1
    policy = {"kind": "stockpile", "region": "A", "release": 300.0, "release_price": 110.0}
    found = solve(lone_market(0.0, 1.0, policy, supply_shift=np.full((1, 1), 0.8)))
    assert found["price"].item() == pytest.approx(110, rel=1e-11)
    assert found["unknowns"][0]["release"] == pytest.approx(1000 / 1.1 - 800, rel=1e-9)


def test_intervention_buying_holds_the_floor():
    policy = {"kind": "price_floor", "members": ["A"], "holds": "purchase", "price": 120.0, "room": 900.0}
    found = solve(lone_market(0.5, 1.0, policy))
    assert found["price"].item() == pytest.approx(120, rel=1e-11)
    assert found["unknowns"][0]["tonnes_A"] == pytest.approx(1000 * (1.2**0.5 - 1 / 1.2), rel=1e-9)


def test_tariff_on_the_only_source():
    eps, eta, rate = 0.8, 1.7, 0.4
    found = solve(one_way_market(eps, eta, {"kind": "import_tariff", "importers": ["B"], "rate": rate}))
    price = 100 * (1 + rate) ** (-eta / (eps + eta))
    assert found["price"][0, 0] == pytest.approx(price, rel=1e-11)
    assert found["buyer_price"][0, 1] == pytest.approx(price * (1 + rate), rel=1e-11)
    assert math.isnan(found["price"][0, 1]) and math.isnan(found["buyer_price"][0, 0])


@pytest.mark.parametrize("collected_as, buyer", [("levy", 150.0), ("undertaking", 165.0)])
def test_minimum_import_price_sets_what_buyers_pay(collected_as, buyer):
    # duty of 10 % in force: a levy is added after it (floor - p at the border), an undertaking is part of its base
    eps, eta = 0.5, 1.2
    floor = {"kind": "price_floor", "members": ["B"], "price": 150.0, "collected_as": collected_as}
    found = solve(one_way_market(eps, eta, floor, import_rate0=np.array([[[0, 0.1], [0, 0]]])))
    price, paid = found["price"][0, 0], found["buyer_price"][0, 1]
    assert paid == pytest.approx(buyer + 0.1 * price * (collected_as == "levy"), rel=1e-11)
    assert (price / 100) ** eps == pytest.approx((paid / 110) ** -eta, rel=1e-10)


def test_floor_on_the_duty_paid_price():
    floor = {"kind": "price_floor", "members": ["B"], "price": 150.0, "base": "duty_paid"}
    rate = np.array([[[0, 0.1], [0, 0]]])
    for collected_as in ("levy", "undertaking"):
        found = solve(one_way_market(0.5, 1.2, floor | {"collected_as": collected_as}, import_rate0=rate))
        assert found["landed_price"][0, 0, 1] == pytest.approx(150, rel=1e-11)


def test_export_quota_leaves_a_rent():
    eps, eta = 0.6, 0.9
    found = solve(one_way_market(eps, eta, {"kind": "export_quota", "exporter": "A", "quota": 600.0}))
    inside, outside = 100 * 0.6 ** (1 / eps), 100 * 0.6 ** (-1 / eta)
    assert found["price"][0, 0] == pytest.approx(inside, rel=1e-10)
    assert found["buyer_price"][0, 1] == pytest.approx(outside, rel=1e-10)
    assert found["unknowns"][0]["rent"] == pytest.approx(outside - inside, rel=1e-9)


def test_rigid_demand_is_rationed_at_the_choke_price():
    found = solve(one_way_market(0.6, 0.0, {"kind": "export_quota", "exporter": "A", "quota": 600.0},
                                 choke_factor=np.array([4.0])))
    assert found["buyer_price"][0, 1] == pytest.approx(400, rel=1e-11)
    assert found["unserved"][0, 1] == pytest.approx(0.4, rel=1e-10)


def test_banned_mine_without_customers_scraps_everything():
    found = solve(one_way_market(0.6, 0.5, {"kind": "export_quota", "exporter": "A", "quota": 0},
                                 scrap_factor=np.array([0.2])))
    assert found["price"][0, 0] == pytest.approx(20, rel=1e-12)
    assert found["scrapped"][0, 0] == pytest.approx(1000 * 0.2**0.6, rel=1e-11)
    assert math.isnan(found["buyer_price"][0, 1]) and found["final_demand"].sum() == 0


def test_processor_lives_on_its_margin():
    # ore 100, metal 250, two tonnes of ore a tonne: margin 50; rigid ore and metal supply curves make it exact
    node = np.ones((2, 1))
    data = {"price0": np.array([[100.0], [250.0]]), "output0": np.array([[1000.0], [500.0]]),
            "final_demand0": np.array([[0.0], [500.0]]), "flow0": np.array([[[1000.0]], [[500.0]]]),
            "recipe": np.array([[0.0, 0.0], [2.0, 0.0]]), "supply_elasticity": np.array([[0.0], [1.0]]),
            "demand_elasticity": node, "sourcing_elasticity": node}
    case = {"goods": ["ore", "metal"], "regions": ["A"], "arrays": data, "policies": [
        {"kind": "price_gap_subsidy", "good": "metal", "regions": ["A"], "strike": 300.0}]}
    found = solve(case)
    # 500 t of metal is all the ore allows: metal stays at 250, margin at 50, so the whole guarantee goes to the mine
    assert found["output"][1, 0] == pytest.approx(500, rel=1e-10)
    np.testing.assert_allclose(found["price"][:, 0], [125, 250], rtol=1e-10)


# ---- structure


@pytest.mark.parametrize("seed", range(25))
def test_no_policy_returns_the_benchmark_from_a_perturbed_start(seed):
    rng = np.random.default_rng(seed)
    case = random_case(rng, policies=0)
    gate, index = case["arrays"]["price0"], np.nan_to_num(benchmark_prices(case["arrays"])[2], nan=1.0)
    found = solve(case, {"price": gate * rng.uniform(0.6, 1.8, gate.shape),
                         "buyer_price": index * rng.uniform(0.6, 1.8, gate.shape)})
    assert found["solved"]
    active = case["arrays"]["output0"] > 0
    np.testing.assert_allclose(found["price"][active], gate[active], rtol=1e-9)
    np.testing.assert_allclose(found["output"], case["arrays"]["output0"], rtol=1e-9)
    flow = case["arrays"]["flow0"]
    np.testing.assert_allclose(found["flow"], flow, rtol=1e-9, atol=1e-10 * flow.max())


def test_symmetric_market_stays_symmetric():
    names = ["A", "B", "C"]
    flow = np.stack([30 + 70 * np.eye(3)])
    node = np.ones((1, 3))
    data = {"price0": 50 * node, "output0": 160 * node, "final_demand0": 160 * node, "flow0": flow,
            "freight": np.stack([4 * (1 - np.eye(3))]), "supply_elasticity": 0.8 * node,
            "demand_elasticity": 0.6 * node, "sourcing_elasticity": 5 * node}
    policies = [{"kind": "import_tariff", "good": "ore", "importers": [name], "rate": 0.3} for name in names]
    policies += [{"kind": "price_floor", "good": "ore", "members": [name], "price": 60.0} for name in names]
    case = {"goods": ["ore"], "regions": names, "arrays": data, "policies": policies}
    found = solve(case, {"price": np.array([[30.0, 80.0, 55.0]]), "buyer_price": np.array([[90.0, 40.0, 60.0]])})
    assert found["solved"] and found["price"][0, 0] < 50
    np.testing.assert_allclose(found["price"], found["price"][0, 0] * node, rtol=1e-11)
    np.testing.assert_allclose(found["flow"], np.transpose(found["flow"], (0, 2, 1)), rtol=1e-11)


@pytest.mark.parametrize("seed", range(100, 140))
def test_solution_adds_up_when_computed_again(seed):
    case = random_case(np.random.default_rng(seed))
    found = solve(case)
    assert found["solved"] and check(case, found) < 1e-10
    assert check(case, found | {"price": 1.01 * found["price"]}) > 1e-4
    a, flow = case["arrays"], found["flow"]
    index0, landed0 = benchmark_prices(a)[2], benchmark_prices(a)[1]
    for g, r in zip(*np.nonzero(np.isfinite(found["price"]))):
        supply = found["output"][g, r] + found["secondary"][g, r] - a["stock_change0"][g, r]
        assert flow[g, r].sum() + found["scrapped"][g, r] == pytest.approx(supply, rel=1e-9)
    for h, d in zip(*np.nonzero(np.isfinite(found["buyer_price"]))):
        inputs = sum(a["recipe"][g, h] * found["output"][g, d] for g in range(len(case["goods"])))
        use = found["final_demand"][h, d] + inputs + found["purchases_any"][h, d]
        through = flow[h, :, d] - found["purchases_from"][h, :, d]
        assert through.sum() == pytest.approx(use, rel=1e-9)
        if found["unserved"][h, d] > 1 - 1e-9 and use == 0:
            continue  # everyone is priced out
        sellers = np.flatnonzero(through > 0)
        slope = a["sourcing_elasticity"][h, d] / index0[h, d]
        weight = a["flow0"][h, sellers, d] / a["flow0"][h, :, d].sum()
        utility = np.log(weight) - slope * (found["landed_price"] - landed0)[h, sellers, d]
        best = utility.max()
        relative = np.exp(utility - best)
        np.testing.assert_allclose(through[sellers] / use, relative / relative.sum(), rtol=1e-8)
        index = index0[h, d] - (best + np.log(relative.sum())) / slope
        assert found["buyer_price"][h, d] == pytest.approx(index, rel=1e-9)
        spent = (through * found["landed_price"][h, :, d])[sellers].sum()
        entropy = np.sum(through[sellers] * np.log(through[sellers] / use / weight)) / slope
        mix = use * index0[h, d] - (through * landed0[h, :, d])[sellers].sum()
        assert use * found["buyer_price"][h, d] - spent == pytest.approx(entropy + mix, abs=1e-8 * use * index0[h, d])


# ---- welfare in quantities


def without_wedges(seed: int) -> dict[str, Any]:
    """A random market whose benchmark is undistorted, so that it is the welfare optimum."""
    case = random_case(np.random.default_rng(seed))
    for name in ("import_rate0", "import_levy0", "export_rate0", "export_levy0", "royalty0", "subsidy0",
                 "secondary_elasticity"):
        case["arrays"][name] = np.zeros_like(case["arrays"][name])
    case["policies"] = [policy for policy in case["policies"] if not policy.get("release")]
    return case


@pytest.mark.parametrize("seed", range(200, 230))
def test_no_policy_beats_an_undistorted_market(seed):
    case = without_wedges(seed)
    base, found = solve(case | {"policies": []}), solve(case)
    change = accounts(case, found, base)
    value = np.nansum(base["buyer_price"] * base["use"])
    assert base["solved"] and found["solved"]
    assert change["total"] <= 1e-9 * value


def test_loss_grows_with_the_square_of_a_small_tariff():
    tariff = {"kind": "import_tariff", "importers": ["B"], "rate": 0.02}
    totals = []
    for rate in (0.02, 0.01):
        case = one_way_market(0.8, 1.7, tariff | {"rate": rate})
        totals.append(accounts(case, solve(case), solve(case | {"policies": []}))["total"])
    assert totals[0] < 0 and totals[0] / totals[1] == pytest.approx(4, rel=0.05)


def test_deadweight_loss_of_a_tariff_on_straight_lines():
    # supply 10 p, demand 2000 - 10 P: a levy of 20 moves 100 t and wastes 20 x 100 / 2
    case = one_way_market(1.0, 1.0, {"kind": "import_tariff", "importers": ["B"], "levy": 20.0})
    case |= {"supply_curve": "linear", "demand_curve": "linear"}
    found = solve(case)
    assert found["flow"][0, 0, 1] == pytest.approx(900, rel=1e-11)
    assert accounts(case, found, solve(case | {"policies": []}))["total"] == pytest.approx(-1000, rel=1e-9)


def test_demand_area_counts_rationed_tonnes_at_the_choke_price():
    policy = {"kind": "export_quota", "exporter": "A", "quota": 600.0}
    case = one_way_market(0.6, 0.0, policy, choke_factor=np.array([4.0]))
    change = accounts(case, solve(case), solve(case | {"policies": []}))
    assert change["demand_area"] == pytest.approx(-400 * 400, rel=1e-10)
    # marginal cost 100 (x / 1000)^(1 / 0.6), integrated from 600 to 1000
    assert change["supply_cost"] == pytest.approx(-1e5 * (1 - 0.6 ** (1 + 1 / 0.6)) / (1 + 1 / 0.6), rel=1e-10)
