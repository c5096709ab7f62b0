"""The tornado: one figure at a time at its end; an end that no maker could live with is blank, not a number."""

from dataclasses import replace

import numpy as np

import floormodel as fm
from floormodel.sensitivity import every_maker_paid

FLOOR = [fm.ImportTariff(good="refined", importers=["USA", "EU27", "JPN", "KOR"], rate=0.1)]


def price(run: fm.Equilibrium) -> float:
    return float(run.dataset["buyer_price"].sel(good="refined", region="JPN"))


def freight_rows(market: fm.Market, high: float) -> fm.Market:
    """Freight of ore alone is uncertain, up to `high` times its centre."""
    figures = market.figures.copy()
    ranged = figures["low"].notna()
    one = (figures["variable"] == "freight") & (figures["good"] == "mined")
    figures.loc[ranged & ~one, ["low", "high"]] = np.nan
    figures.loc[one, "high"] = high * figures.loc[one, "value"]
    return replace(market, figures=figures)


def test_an_end_without_a_margin_is_blank():
    market = fm.load_market("tungsten")
    assert every_maker_paid(market)
    dear = market.replace(freight=market.dataset["freight"].values * 40)
    assert not every_maker_paid(dear)
    table = fm.tornado(freight_rows(market, 40.0), FLOOR, {"price": price})
    ends = table[table["parameter"] == "freight"].set_index("setting")["value"]
    assert np.isfinite(ends["low"]) and np.isnan(ends["high"])


def test_an_end_is_the_market_with_that_figure():
    market = freight_rows(fm.load_market("tungsten"), 1.5)
    table = fm.tornado(market, FLOOR, {"price": price})
    high = float(table[(table["parameter"] == "freight") & (table["setting"] == "high")]["value"].iloc[0])
    freight = market.dataset["freight"].values.copy()
    freight[market.goods.index("mined")] *= 1.5
    assert np.isclose(high, price(fm.solve(market.replace(freight=freight), FLOOR)), rtol=1e-9)
    assert np.allclose(table["central"], price(fm.solve(market, FLOOR)))
