"""Faults of curves, nests and entry that other fast tests let pass (benchmarks/mutants.md), against closed forms."""

import numpy as np
import pytest

import floormodel as fm
from floormodel.equilibrium.curves import consumer_surplus
from floormodel.equilibrium.sourcing import ces, logit
from tests.producers_markets import at, solve


@pytest.mark.parametrize("elasticity", [1 + 1e-3, 1 + 5e-9, 1 - 5e-9, 1 + 1e-12])
def test_consumers_surplus_around_an_elasticity_of_one(elasticity):
    """D0 P0 (choke^k - r^k) / k at k = 1 - eta, from 1.3 to 5 times the price."""
    k = 1 - elasticity
    exact = 7.0 * 100.0 * (np.expm1(k * np.log(5.0)) - np.expm1(k * np.log(1.3))) / k
    got = consumer_surplus(*(np.array(x) for x in (130.0, 7.0, 100.0, elasticity, 500.0)), False)
    assert got == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 4.0])
def test_armington_buyers_take_what_the_index_gains_by_each_price(sigma):
    """dP/dc = tonnes per unit (Shephard), and two origins' tonnes move by (c / c0)^-sigma against each other."""
    weight, landed0, landed = (np.array(x)[None, :, None] for x in ([0.5, 0.3, 0.2], [10.0, 12.0, 9.0], [13.0, 11.0, 9.5]))
    price0 = (weight * landed0).sum(1)
    bought = ces(landed, weight, landed0, price0, np.full((1, 1), sigma))
    for o in range(3):
        moved = landed.astype(complex)
        moved[0, o] += 1e-40j
        slope = ces(moved, weight, landed0, price0, np.full((1, 1), sigma)).price.imag / 1e-40
        np.testing.assert_allclose(slope, bought.share[:, o], rtol=1e-12)
    moved = (landed / landed0) ** -sigma
    np.testing.assert_allclose(bought.share[0, 0] / bought.share[0, 1], 0.5 / 0.3 * moved[0, 0] / moved[0, 1], rtol=1e-12)


@pytest.mark.parametrize("landed", [5_000.0, 101.0, -2_000.0])
def test_one_origin_sets_the_price_at_any_distance(landed):
    """Exponents of -4900, -1 and 2100: P = c of the only open origin; the closed one is cheaper and does not count."""
    prices, weight = np.array([landed, landed - 3_000.0])[None, :, None], np.array([1.0, 0.0])[None, :, None]
    bought = logit(prices, weight, np.full((1, 2, 1), 100.0), np.full((1, 1), 100.0), np.ones((1, 1)))
    np.testing.assert_allclose(bought.price, landed, rtol=1e-12)
    np.testing.assert_allclose(bought.share[0, :, 0], [1.0, 0.0], rtol=1e-12)


# a plant that may be built


def entrant():
    """abroad makes 100 products from its own input at 100 and sells 40 of them home at 400; home may build a plant of 20 t."""
    return fm.market_from_arrays("entrant", ["input", "product"], ["home", "abroad"], {
        "price0": np.array([[100.0, 100.0], [400.0, 400.0]]), "output0": np.array([[0.0, 100.0], [0.0, 100.0]]),
        "final_demand0": np.array([[0.0, 0.0], [40.0, 60.0]]), "recipe": np.array([[0.0, 0.0], [1.0, 0.0]]),
        "flow0": np.array([[[0.0, 0.0], [0.0, 100.0]], [[0.0, 0.0], [40.0, 60.0]]]), "supply_elasticity": 1.0, "demand_elasticity": 0.5,
        "sourcing_elasticity": 4.0, "route_weight": np.array([[[0.0, 0.0], [1.0, 0.0]], np.zeros((2, 2))]),
        "latent_capacity": np.array([[0.0, 0.0], [20.0, 0.0]]), "latent_unit_cost": np.array([[0.0, 0.0], [300.0, 0.0]]),
        "latent_route_weight": np.array([np.zeros((2, 2)), [[0.3, 0.0], [0.0, 0.0]]])}).open_projects("all")


@pytest.mark.parametrize("policy, gains", [
    (None, lambda p: 0.0),
    (fm.PriceGapSubsidy(good="product", regions=["home"], strike=500.0), lambda p: 500 - p),
    (fm.ProductionSubsidy(good="product", regions=["home"], rate=5.0, share=0.1), lambda p: 45.0),
    (fm.InputSubsidy(good="product", made_with="input", regions=["home"], rate=5.0, share=0.1), lambda p: 15.0),
    (fm.UseTax(good="input", regions=["home"], users="processors", rate=30.0, share=0.1), lambda p: -40.0)],
    ids=lambda x: getattr(x, "kind", ""))
def test_payments_and_taxes_reach_a_plant_that_is_built(policy, gains):
    """m = p - P of the input + what the instrument gives; X = 20 / (1 + exp(-(m - 300) / 30)); a share is of a benchmark price."""
    run = solve(entrant(), *([policy] if policy else []))
    price = at(run, "price", "home", "product")
    margin = price - at(run, "buyer_price", "home", "input") + gains(price)
    assert at(run, "margin", "home", "product") == pytest.approx(margin, rel=1e-9)
    assert at(run, "output", "home", "product") == pytest.approx(20 / (1 + np.exp(-(margin - 300) / 30)), rel=1e-9)
