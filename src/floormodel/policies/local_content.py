"""Local content requirement: a share of what is bought must come from named origins."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Share, mask, register
from floormodel.policies.credits import add_credits


@register
class LocalContent(Instrument):
    """A share of the tonnes that a region buys must come from named origins, on average over its buyers.

    Condition: (local - share) x tonnes bought  complementary to  0 <= l <= penalty, l the price of a credit, one in each region;
    c += l (share - 1) for tonnes of the named origins, l share for others.

    Who pays: buyers of other tonnes, to buyers of local ones, so that the region's buyers as a whole lose only what they pay more for
    sources they like less; at the penalty also to the region's treasury.

    Fields
    ------
    good (good) : the good under the requirement.
    regions (regions) : regions that require it; credits are traded within each.
    share (share) : part of the tonnes bought that must be local.
    local (regions) : origins that count as local. None: the buying regions of the list.
    penalty (USD/t) : charge for a missing tonne, or what buyers forgo by it, and so the highest price of a credit.

    Source: Grossman (1981), The theory of domestic content protection and content preference, Quarterly Journal of Economics 96: 583-603.
    """

    kind: Literal["local_content"] = "local_content"
    good: str
    regions: list[str] = Field(min_length=1)
    share: Share
    local: list[str] | None = None
    penalty: Money

    region_fields: ClassVar[tuple[str, ...]] = ("regions", "local")
    example_market: ClassVar[str] = "cobalt"
    example: ClassVar[dict[str, Any]] = {
        "good": "refined", "regions": ["USA"], "share": 0.5, "local": ["USA", "CAN", "AUS", "JPN", "KOR"], "penalty": 10_000.0}
    example_source: ClassVar[str] = (
        "The United States gave half of the credit for electric cars, 3,750 USD, to those whose batteries in 2024 had 50 % of the value of "
        "their critical minerals from the United States and partners in free trade agreements: 26 U.S.C. 30D(e)(1), Inflation Reduction "
        "Act of 2022; the list of partners, all uses of cobalt instead of cars alone, and the penalty are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"share": 0.0}
    idempotent: ClassVar[bool] = True

    def add(self, terms: Terms, market: Market, number: int) -> None:
        counted = mask(self.regions if self.local is None else self.local, market.regions).astype(float)
        if not (counted[:, None] * terms.benchmark.trade[market.goods.index(self.good)]).any():
            terms.notes.append(f"local_content: no route for {self.good!r} from the origins that count as local; buyers pay the penalty")
        add_credits(self, terms, market, number, counted, counted, np.ones(len(counted)))
