"""Contracts, credits and subsidies against closed forms and calculations written out."""

import numpy as np
import pytest

import floormodel as fm
from tests.outcomes import changes, run


def market(price0, output0, flow0, **figures):
    """One good ("oxide"), free transport; figures per region, `flow0` (O, D) from which final demand follows."""
    flow0 = np.asarray(flow0, float)
    regions = ["MYS", "JPN", "USA"][:len(flow0)]
    arrays = {"price0": [price0], "output0": [output0], "flow0": [flow0], "final_demand0": [flow0.sum(0)], "supply_elasticity": 1.0,
              "demand_elasticity": 1.0, "sourcing_elasticity": 4.0} | figures
    return fm.market_from_arrays("by hand", ["oxide"], regions, {name: np.asarray(v, float) for name, v in arrays.items()})


def money(found, base):
    """Change lines that are not zero: {account: (R,)} summed over goods, first draw, USD/yr."""
    return {name: line[0].sum(0) for name, line in changes(found, base).items() if np.any(line)}


LYNAS = {"good": "oxide", "regions": ["MYS"], "buyer": "JPN", "floor": 110_000.0, "volume": 5_000.0, "upside_threshold": 150_000.0,
         "upside_share": 0.3, "clawback_cap": 10e6}


def seller_and_buyer(price, made=5_000.0):
    """MYS makes a fixed amount and sells it in JPN, where the elasticity of demand is one."""
    return market([price, price], [made, 0.0], [[0.0, made], [0.0, 0.0]], supply_elasticity=0.0)


@pytest.mark.economic_case("buyer_collar")
@pytest.mark.parametrize("price, cap, paid", [(60_000.0, 10e6, 250e6), (120_000.0, 10e6, 0.0), (160_000.0, None, -15e6),
                                              (160_000.0, 10e6, -10e6)])
def test_collar_of_lynas_and_jare(price, cap, paid):
    """5,000 t: (110 - 60) USD/kg is 250 million; nothing between 110 and 150; 30 % of (160 - 150) is 15 million, capped at 10."""
    m = seller_and_buyer(price)
    found = run(m, [fm.BuyerCollar(**LYNAS | {"clawback_cap": cap})])
    moved = money(found, run(m))
    if paid == 0:
        assert not moved
    else:
        assert set(moved) == {"collar", "producer_surplus"}
        np.testing.assert_allclose(moved["collar"], [0.0, -paid], rtol=1e-12)
        np.testing.assert_allclose(moved["producer_surplus"], [paid, 0.0], rtol=1e-12)


def test_collar_passed_on_to_all_use():
    """10,000 t made whatever the price, so P stays 60,000 and p = P - levy. levy 10,000 = 0.5 (110,000 - p) 5,000:
    levy = 0.5 x 50,000 x 5,000 / (10,000 - 2,500) = 16,666.67; half of what buyers pay comes back."""
    m = seller_and_buyer(60_000.0, made=10_000.0)
    found = run(m, [fm.BuyerCollar(**LYNAS | {"pass_through": 0.5})])
    moved, levy = money(found, run(m)), 125e6 / 7_500
    np.testing.assert_allclose(found.state.price[0, 0, 0], 60_000 - levy, rtol=1e-9)
    np.testing.assert_allclose(found.state.buyer_price[0, 0, 1], 60_000, rtol=1e-9)
    np.testing.assert_allclose(moved["levy_on_use"][1], 10_000 * levy, rtol=1e-9)
    np.testing.assert_allclose(moved["collar"][1], -2 * 10_000 * levy, rtol=1e-9)
    capped = run(m, [fm.BuyerCollar(**LYNAS | {"pass_through": 0.5, "levy_cap": 6_000.0})])
    np.testing.assert_allclose(capped.state.price[0, 0, 0], 54_000, rtol=1e-9)
