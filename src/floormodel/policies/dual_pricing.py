"""Dual pricing: home buyers pay less than foreign ones for the same good."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.market import Market
from floormodel.policies.base import Instrument, register


@register
class DualPricing(Instrument):
    """A discount for home buyers of a good made at home, below the gate price at which it is exported.

    Conditions: home buyers pay (1 - discount) p, plus charges in force; burden x output = discount x p x home shipments, and
    pn = p (1 - royalty) - burden, so that producers earn the average of both prices.

    Who pays: own producers pay for the discount, spread over all they make, and so do foreign buyers, through the higher gate price;
    home buyers, processors first, gain. No treasury is involved.

    Fields
    ------
    good (good) : the good sold at two prices.
    region (region) : the region that does.
    discount (share of the gate price) : what home buyers pay less.

    Limits: the discount holds for all home buyers and tonnes, and resale abroad is ruled out. Royalties are paid on the gate price.
    Recycled tonnes are sold at it, and mines and plants bear the discount on them, too.

    Source: a consumption subsidy financed by producers: an output tax whose revenue is the discount (price discrimination at the
    border, Corden, Trade Policy and Economic Welfare, 1974).
    """

    kind: Literal["dual_pricing"] = "dual_pricing"
    good: str
    region: str
    discount: float = Field(ge=0, lt=1)

    region_fields: ClassVar[tuple[str, ...]] = ("region",)
    bloc_fields: ClassVar[tuple[str, ...]] = ()
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "region": "CHN", "discount": 0.1}
    example_source: ClassVar[str] = (
        "Chile's contract with SQM keeps up to a quarter of its lithium for processors in Chile at a preferential price: CORFO, January "
        "2018, argusmedia.com/pt/news-and-insights/latest-market-news/1609796-sqm-cleared-to-increase-lithium-production; the same "
        "clause in China's rare earths, on all home sales and at 10 % less, is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"discount": 0.0}

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good, home = terms.benchmark, market.goods.index(self.good), market.regions.index(self.region)
        made = b.output0[:, good, home]
        if self.discount == 0 or not np.all(made > 0) or not b.trade[good, home, home]:
            self.inert(terms, f"no discount, or {self.region} makes no {self.good!r} for buyers at home")
            return
        at_home = np.zeros((len(market.regions), len(market.regions)))
        at_home[home, home] = 1.0
        scale = b.price0[:, good, home]
        terms.export_rate[:, good, home, home] -= self.discount
        terms.unknowns.append(Unknown(
            "burden", number, good, "USD/t", scale, np.zeros(1), np.full(1, np.inf),
            Row(own_output=at_home[home] / made[:, None], value=at_home * (-self.discount / (scale * made))[:, None, None]),
            "dual_pricing", subsidy=-at_home[home] * scale[:, None]))
