"""A buffer stock against lasting swings: years until it breaks and its costs, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from floormodel.dynamics.buffer import FreeMarket, buffer_stock, present_value
from floormodel.dynamics.storage_policy import PriceBand
from floormodel.errors import DataError, ScenarioError


def flat(level, years=12, supply=(0.5, 0.5), demand=(0.25, 0.25)):
    return FreeMarket(price=np.full((years, 1), level), use=1000.0, supply=supply, demand=demand)


def test_a_floor_above_the_market_fills_the_stock_and_breaks():
    """Floor 100 where the market would pay 64: bought 1000 (1.25 - 0.8944...) a year, (100/64)^0.5 = 1.25, (100/64)^-0.25 = 0.8944."""
    yearly = 1000 * (1.25 - 1.5625 ** -0.25)
    path = buffer_stock(flat(64.0), PriceBand(100.0, 130.0, 1200.0), storage_cost=2.0)
    held = int(1200 // yearly)
    assert held == 3
    assert path["bought"].values[:held, 0] == pytest.approx(yearly, rel=1e-10)
    assert path["price"].values[:held, 0] == pytest.approx(100.0, rel=1e-10)
    assert path["outlay"].values[1, 0] == pytest.approx(100 * yearly + 2 * 2 * yearly, rel=1e-10)
    assert path["breaks"].item() == held and path["public"].values[-1, 0] == pytest.approx(1200.0)
    assert path["price"].values[-1, 0] == pytest.approx(64.0, rel=1e-10)  # a full stock holds nothing


def test_cash_bounds_the_stock():
    path = buffer_stock(flat(64.0), PriceBand(100.0, 130.0, 1200.0, cash=50_000.0))
    assert path["public"].values[-1, 0] == pytest.approx(500.0) and path["breaks"].item() == 1


def test_a_stock_sold_off_pushes_the_price_below_the_free_one():
    """Sold 600 t a year for two years: (p/64)^0.5 - (p/64)^-0.25 = -0.6, with p/64 = x^4: x^2 - 1/x = -0.6."""
    path = buffer_stock(flat(64.0), PriceBand(100.0, 130.0, 1200.0), sell_off=600.0)
    x = max(np.roots([1, 0, 0.6, -1]).real)
    year = int(path["breaks"].item())
    assert path["bought"].values[year + 1:year + 3, 0] == pytest.approx(-600.0)
    assert path["price"].values[year + 1:year + 3, 0] == pytest.approx(64 * x**4, rel=1e-9)
    assert path["public"].values[-1, 0] == pytest.approx(0.0, abs=1e-9) and path["broken"].values[-1, 0]
    assert path["price"].values[-1, 0] == pytest.approx(64.0, rel=1e-9)


def test_a_stock_that_is_given_up_and_not_sold_stays():
    path = buffer_stock(flat(64.0), PriceBand(100.0, 130.0, 1200.0), sell_off=0.0)
    year = int(path["breaks"].item())
    assert np.all(path["public"].values[year:, 0] == pytest.approx(1200.0)) and np.all(path["bought"].values[year + 1:, 0] == 0)
    assert path["price"].values[year + 1:, 0] == pytest.approx(64.0, rel=1e-9)


def test_a_broken_stock_is_sold_above_the_ceiling_too():
    price = np.concatenate([np.full(5, 64.0), np.full(5, 300.0)])[:, None]
    dear = FreeMarket(price=price, use=1000.0, supply=(0.5, 0.5), demand=(0.25, 0.25))
    path = buffer_stock(dear, PriceBand(100.0, 130.0, 1200.0), sell_off=100.0)
    assert path["breaks"].item() == 3 and np.all(path["bought"].values[4:, 0] == pytest.approx(-100.0))
    assert path["price"].values[-1, 0] > 130.0


def test_supply_that_a_floor_draws_in_wears_the_stock_out_sooner():
    """Half of the long-run response in the first year: s = 0.25 y, then 0.5 x 0.25 y + 0.25 y = 0.375 y, with y = log(100 / 64)."""
    path = buffer_stock(flat(64.0, supply=(0.25, 0.5)), PriceBand(100.0, 130.0, 5000.0))
    y = np.log(100 / 64)
    assert path["output"].values[:2, 0] == pytest.approx(1000 * np.exp(np.array([0.25, 0.375]) * y), rel=1e-10)
    assert path["bought"].values[1, 0] == pytest.approx(1000 * (np.exp(0.375 * y) - np.exp(-0.25 * y)), rel=1e-10)


def test_nothing_is_done_in_the_band_and_a_ceiling_needs_a_stock():
    calm = buffer_stock(flat(110.0), PriceBand(100.0, 130.0, 1200.0), opening=300.0)
    assert np.all(calm["bought"] == 0) and np.all(calm["held"]) and calm["breaks"].item() == np.inf
    dear = buffer_stock(flat(200.0), PriceBand(100.0, 130.0, 1200.0), opening=400.0)
    sold = 1000 * (0.65**-0.25 - 0.65**0.5)
    assert -dear["bought"].values[0, 0] == pytest.approx(sold, rel=1e-10) and dear["price"].values[0, 0] == pytest.approx(130.0)
    assert -dear["bought"].values[:, 0].sum() == pytest.approx(400.0) and dear["above"].values[-1, 0]


def test_a_band_that_follows_the_price_goes_where_it_is():
    path = buffer_stock(flat(64.0, years=40), PriceBand(100.0, 130.0, 1e6), follow=0.5)
    assert path["centre"].values[-1, 0] == pytest.approx(64.0, rel=1e-6)  # and holds it without a purchase
    assert path["floor"].values[:2, 0] == pytest.approx([100.0, 100.0 * (100 / 130) ** 0.25])  # half of the way from the middle to 100
    assert path["bought"].values[-1, 0] == 0


def test_present_value_by_hand():
    assert present_value(np.array([[100.0], [110.0], [121.0]]), 0.1)[0] == pytest.approx(300.0)
    assert present_value(np.full((2, 2), 110.0), np.array([0.0, 0.1])) == pytest.approx([220.0, 210.0])


def test_faults_are_named():
    with pytest.raises(DataError, match="supply"):
        flat(64.0, supply=(0.5, 0.25))
    with pytest.raises(ScenarioError, match="opening"):
        buffer_stock(flat(64.0), PriceBand(100.0, 130.0, 1200.0), opening=1300.0)
    with pytest.raises(ScenarioError, match="sell_off"):
        buffer_stock(flat(64.0), PriceBand(100.0, 130.0, 1200.0), sell_off=-1.0)
    with pytest.raises(ScenarioError, match="ceiling"):
        buffer_stock(flat(64.0), PriceBand(100.0, np.inf, 1200.0))
