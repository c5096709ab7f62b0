"""Supply, demand and their areas: values and slopes agree, areas are integrals, inverses invert, special elasticities are no corners.

The second route is scipy's adaptive quadrature, or a closed form written out here. [37] and [38] of the catalogue, on the curves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad

from floormodel.equilibrium import curves
from tests.outcomes import Array, examples

AT, RELATIVE = (1250.0, 83.0), 1e-9  # tonnes and USD/t of the benchmark point in these tests
ELASTICITIES = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 1 + 1e-9, 5.0]), st.floats(0.01, 8))
RATIOS = st.floats(0.2, 3.0)
CHOKES = st.floats(1.3, 20)


def one(value: float) -> Array:
    return np.array([value], dtype=type(value))


def use(price: Any, eta: float, top: float, linear: bool) -> tuple[float, float]:
    """Demand and its slope at a multiple of the benchmark price."""
    value, slope = curves.demand(one(price * AT[1]), one(AT[0]), one(AT[1]), one(eta), one(top * AT[1]), linear)
    return value[0], slope[0]


def make(margin: Any, eps: float, linear: bool) -> tuple[float, float]:
    value, slope = curves.supply(one(margin * AT[1]), one(AT[0]), one(AT[1]), one(eps), linear)
    return value[0], slope[0]


def money(area: Any, at: float, elasticity: float, *more: Any) -> float:
    """An area at an argument in units of the benchmark point, in units of benchmark value."""
    unit = AT[0] if area in (curves.gross_benefit, curves.supply_cost) else AT[1]
    return float(area(one(at * unit), one(AT[0]), one(AT[1]), one(elasticity), *more)[0] / (AT[0] * AT[1]))


def integral(function: Any, low: float, high: float, *corners: float) -> float:
    inside = [c for c in corners if min(low, high) < c < max(low, high)]
    return float(quad(function, low, high, points=inside or None, epsabs=1e-13, epsrel=1e-12, limit=200)[0])


@pytest.mark.parametrize("linear", [False, True])
@given(ratio=RATIOS, elasticity=ELASTICITIES, top=CHOKES)
@examples(40)
def test_slopes_by_complex_step(linear, ratio, elasticity, top):
    step = 1e-30
    for function, arguments in ((use, (elasticity, top, linear)), (make, (elasticity, linear))):
        exact = function(complex(ratio, step), *arguments)[0].imag / step / AT[1]
        assert abs(function(ratio, *arguments)[1] - exact) <= 1e-12 * max(1.0, abs(exact))


@given(ratio=RATIOS, elasticity=ELASTICITIES)
@examples(40)
def test_curves_pass_the_benchmark_with_the_stated_elasticity(ratio, elasticity):
    """A constant elasticity along the isoelastic curves, a constant slope along the straight ones."""
    for linear in (False, True):
        for function, arguments, sign in ((use, (elasticity, 20.0, linear), -1), (make, (elasticity, linear), 1)):
            value, slope = function(1.0, *arguments)
            assert abs(value / AT[0] - 1) < 1e-15
            assert abs(slope * AT[1] / AT[0] - sign * elasticity) < 1e-12
            there, steep = function(ratio, *arguments)
            if linear:
                assert abs(there / AT[0] - max(0.0, 1 + sign * elasticity * (ratio - 1))) < 1e-12
            else:
                assert abs(np.log(there / AT[0]) - sign * elasticity * np.log(ratio)) < 1e-12
                assert abs(steep * ratio * AT[1] / there - sign * elasticity) < 1e-12


@pytest.mark.parametrize("linear", [False, True])
@given(low=RATIOS, high=RATIOS, eta=ELASTICITIES, top=CHOKES)
@example(low=0.3, high=2.5, eta=1.0, top=20.0)
@example(low=0.3, high=2.5, eta=0.0, top=2.0)
@example(low=0.3, high=2.5, eta=1 + 1e-12, top=1.3)
@examples(40)
def test_consumer_surplus_is_the_area_under_demand(linear, low, high, eta, top):
    """[37] Roy: a rise of the price costs what is bought, up to the choke price (or to where a straight line ends)."""
    gained = money(curves.consumer_surplus, low, eta, one(top * AT[1]), linear) - money(
        curves.consumer_surplus, high, eta, one(top * AT[1]), linear)
    end = 1 + 1 / eta if linear and eta else top

    def bought(ratio: float) -> float:
        return use(ratio, eta, top, linear)[0] / AT[0] if linear or ratio < top else 0.0

    area = integral(bought, low, high, end)
    assert abs(gained - area) < RELATIVE * max(1.0, abs(area))


@pytest.mark.parametrize("linear", [False, True])
@given(ratio=RATIOS, eta=ELASTICITIES, top=CHOKES, other=RATIOS)
@example(ratio=0.5, eta=1.0, top=20.0, other=1.0)
@examples(40)
def test_gross_benefit_is_surplus_and_outlay(linear, ratio, eta, top, other):
    """Area under inverse demand: B(D(P)) - P D(P) - CS(P) is the same at all prices, zero for isoelastic demand."""
    levels = []
    for at in (ratio, other):
        at = at if linear else min(at, top)
        bought = use(at, eta, top, linear)[0] / AT[0]
        levels.append(money(curves.gross_benefit, bought, eta, one(top * AT[1]), linear) - at * bought - money(
            curves.consumer_surplus, at, eta, one(top * AT[1]), linear))
    assert abs(levels[0] - levels[1]) < RELATIVE * (1 + top)
    assert linear or abs(levels[0]) < RELATIVE * (1 + top)


@given(share=st.floats(0.0, 1.0), eta=ELASTICITIES, top=CHOKES)
@examples(40)
def test_rationed_use_is_worth_the_choke_price(share, eta, top):
    """What is still bought at the choke price is worth that price per tonne; nothing is worth nothing."""
    at_choke = use(top, eta, top, False)[0] / AT[0]
    assert abs(money(curves.gross_benefit, share * at_choke, eta, one(top * AT[1]), False) - share * at_choke * top) < 1e-12 * top
    assert money(curves.gross_benefit, 0.0, eta, one(top * AT[1]), False) == 0
    assert money(curves.consumer_surplus, top * 1.5, eta, one(top * AT[1]), False) == 0


@pytest.mark.parametrize("linear", [False, True])
@given(low=RATIOS, high=RATIOS, eps=ELASTICITIES)
@example(low=0.3, high=2.5, eps=0.0)
@examples(40)
def test_producer_surplus_is_the_area_left_of_supply(linear, low, high, eps):
    """[38] Hotelling: a rise of the margin earns what is made; surplus and cost share the receipts."""
    gained = money(curves.supply_area, high, eps, linear) - money(curves.supply_area, low, eps, linear)
    area = integral(lambda m: make(m, eps, linear)[0] / AT[0], low, high, 1 - 1 / eps if eps > 1 and linear else 0.0)
    assert abs(gained - area) < RELATIVE * max(1.0, abs(area))
    parts = []
    for at in (low, high):
        output = make(at, eps, linear)[0] / AT[0]
        cost = money(curves.supply_cost, output, eps, linear)
        parts.append(at * output - cost - money(curves.supply_area, at, eps, linear))
    assert abs(parts[0] - parts[1]) < RELATIVE * max(1.0, abs(area))


@pytest.mark.parametrize("linear", [False, True])
@given(output=st.floats(0.2, 3), other=st.floats(0.2, 3), eps=st.floats(0.3, 8))
@examples(40)
def test_resource_cost_is_the_area_under_inverse_supply(linear, output, other, eps):
    """And `supply_price` is the inverse that is under the integral."""
    def price(y: float) -> float:
        return float(curves.supply_price(one(y * AT[0]), one(AT[0]), one(AT[1]), one(eps), linear)[0] / AT[1])

    if not linear or price(output) > 0:
        assert abs(make(price(output), eps, linear)[0] / AT[0] - output) < 1e-9 * output
    area = integral(price, other, output)
    rise = money(curves.supply_cost, output, eps, linear) - money(curves.supply_cost, other, eps, linear)
    assert abs(rise - area) < RELATIVE * max(1.0, abs(area), abs(rise))


@given(low=st.floats(-2, 3), high=st.floats(-2, 3), cost=st.floats(10, 1e5), capacity=st.floats(0.1, 1e6))
@examples(40)
def test_latent_projects(low, high, cost, capacity):
    """Half the capacity at the unit cost, surplus an area, cost the rest of the receipts, hardly anything below half the cost."""
    def made(ratio: float) -> float:
        return float(curves.latent_supply(one(ratio * cost), one(capacity), one(cost))[0][0] / capacity)

    def worth(area: Any, at: float, unit: float) -> float:
        return float(area(one(at * unit), one(capacity), one(cost))[0] / (capacity * cost))

    assert abs(made(1.0) - 0.5) < 1e-15
    assert made(0.5) < 0.007
    area = integral(made, low, high, 1.0)
    assert abs(worth(curves.latent_area, high, cost) - worth(curves.latent_area, low, cost) - area) < RELATIVE
    for at in (low, high):
        left = at * made(at) - worth(curves.latent_area, at, cost) - worth(curves.latent_cost, made(at), capacity)
        assert abs(left) < 1e-9


@pytest.mark.parametrize("special", [0.0, 1.0])
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("distance", [1e-15, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-3])
def test_no_corner_at_special_elasticities(special, linear, distance):
    """[46] At eta or eps of 0 and 1 every value, and every difference of areas, is the limit of its neighbours.

    Areas of straight lines run to where the line ends, 1 / elasticity away: as many digits are lost as that is long.
    """
    top = one(20.0 * AT[1])

    def figures(e: float) -> Array:
        out = [use(1.7, e, 20.0, linear)[0] / AT[0], make(1.7, e, linear)[0] / AT[0]]
        out.append(money(curves.consumer_surplus, 0.6, e, top, linear) - money(curves.consumer_surplus, 1.7, e, top, linear))
        out.append(money(curves.supply_area, 1.7, e, linear) - money(curves.supply_area, 0.6, e, linear))
        if special == 1.0:
            out.append(money(curves.gross_benefit, 1.7, e, top, linear) - money(curves.gross_benefit, 0.6, e, top, linear))
            out.append(money(curves.supply_cost, 1.7, e, linear) - money(curves.supply_cost, 0.6, e, linear))
        return np.array(out)

    lost = 1e-15 / distance if linear and special == 0.0 and distance > 1e-12 / 2 else 0.0
    for sign in (-1, 1) if special else (1,):
        assert np.max(np.abs(figures(special + sign * distance) - figures(special))) < 1e-12 + 10 * distance + lost


@pytest.mark.parametrize(("name", "expected"), [("log", np.log(1.7 / 0.6)), ("rigid", 1.1)])
def test_closed_forms_at_special_elasticities(name, expected):
    """eta = 1: CS falls by the logarithm of the price ratio; eta = 0: by the price difference."""
    top, eta = one(20.0 * AT[1]), 1.0 if name == "log" else 0.0
    lost = money(curves.consumer_surplus, 0.6, eta, top, False) - money(curves.consumer_surplus, 1.7, eta, top, False)
    assert abs(lost - expected) < 1e-14
