"""Prices at the gate and freight of a market, in USD per tonne of its basis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from calibration.chain_tables import Chain
from calibration.figures import Figure, market_row
from floormodel.errors import DataError

Rows = list[list[str]]


def price_rows(chain: Chain) -> Rows:
    """Rows of prices.csv: a price for every good and region."""
    return [market_row("price0", good, region, "", price(chain, good, region)) for good in chain.goods for region in chain.regions]


def price(chain: Chain, good: str, region: str) -> Figure:
    """Gate price of a good in a region, USD/t: its own row, else that of all regions, else its ratio to another good's.

    Raises
    ------
    DataError
        Where there is none of these.
    """
    prices = chain.tables["prices"]
    for place in (region, ""):
        named = [f for (where, *_), f in prices.under("price", good).items() if where == place]
        if named:
            return _rounded(chain.per_tonne(named[0], good, place))
        ratios = [(key[1], f) for key, f in prices.under("price_ratio", good).items() if key[0] == place]
        if ratios:
            other, ratio = ratios[0]
            of = price(chain, other, region)
            low, mid, high = ratio.least * of.least, ratio.value * of.value, ratio.most * of.most
            note = f"{ratio.value:.3g} of the price of {other}; {ratio.note}".rstrip("; ")
            ends = (low, high) if low < high else (float("nan"), float("nan"))
            return _rounded(Figure(mid, "USD/t", *ends, ratio.year, ratio.source, note))
    raise DataError(f"prices.csv: no price of {good} in {region}; expected a row price,{good},{region} or price,{good},, or price_ratio")


def _rounded(figure: Figure) -> Figure:
    low, mid, high = (float(f"{v:.8g}") for v in (figure.low, figure.value, figure.high))
    return replace(figure, value=mid, low=low, high=high)


def freight_rows(chain: Chain) -> Rows:
    """Rows of freight between regions, USD/t: a share of the good's mean price over regions."""
    rows = []
    for good in chain.goods:
        share = chain.one("prices", "freight_share", good)
        if share is not None:
            mean = float(np.mean([price(chain, good, region).value for region in chain.regions]))
            rows.append(market_row("freight", good, "*", "*", share.scaled(mean, "USD/t")))
    return rows
