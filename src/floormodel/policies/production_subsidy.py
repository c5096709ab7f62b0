"""Subsidies per tonne: on output, and on an input of processors."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Share, mask, register


@register
class ProductionSubsidy(Instrument):
    """A fixed payment per tonne made.

    Condition: pn = (p + guarantee)(1 - royalty) + subsidy, subsidy = rate + share x p0; a closed form, no unknown. Unlike a gap payment it
    does not move with the price.

    Who pays: the treasury of the region that makes the good.

    Fields
    ------
    good (good) : the good subsidised.
    regions (regions) : regions that subsidise their producers.
    rate (USD/t) : payment per tonne.
    share (share of the benchmark gate price) : payment per tonne as a share of p0, added to the rate.

    Source: the wedge of a subsidy on producers' receipts, as in Krugman and Obstfeld, International Economics.
    """

    kind: Literal["production_subsidy"] = "production_subsidy"
    good: str
    regions: list[str] = Field(min_length=1)
    rate: Money = 0.0
    share: Share = 0.0

    region_fields: ClassVar[tuple[str, ...]] = ("regions",)
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "regions": ["USA"], "share": 0.1}
    example_source: ClassVar[str] = (
        "The United States credit makers of critical minerals, neodymium and praseodymium among them, with 10 % of their costs of "
        "production, less from 2031 on: 26 U.S.C. 45X(b)(1)(M), Inflation Reduction Act of 2022, and Public Law 119-21, section 70514; "
        "costs taken at the price of 2024 is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"share": 0.0}

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        paid = mask(self.regions, market.regions)
        made = paid & (np.any(b.output0[:, good] > 0, axis=0) | b.latent[good])
        if (self.rate == 0 and self.share == 0) or not made.any():
            self.inert(terms, f"no payment, or none of {self.regions} produces {self.good!r}")
            return
        at = np.arange(len(market.goods))[:, None] == good
        terms.subsidy = terms.subsidy + np.where(at & made, self.rate + self.share * b.price0, 0.0)


@register
class InputSubsidy(Instrument):
    """A fixed payment per tonne of an input that processors of a region use.

    Condition: m = pn - A (P - subsidy) of that input, subsidy = rate + share x P0; a closed form, no unknown. With fixed recipes A it is
    a production subsidy of A x subsidy per tonne of product.

    Who pays: the treasury of the region where the processors are. Booked as a producer subsidy of the good they make.

    Fields
    ------
    good (good) : the good whose makers are paid.
    made_with (good) : the input that is subsidised.
    regions (regions) : regions that subsidise their processors.
    rate (USD/t) : payment per tonne of input.
    share (share of the benchmark buyer price) : payment per tonne of input as a share of P0 there, added to the rate.

    Source: effective protection with fixed input coefficients, Corden (1966), Journal of Political Economy 74: 221-237.
    """

    kind: Literal["input_subsidy"] = "input_subsidy"
    good: str
    made_with: str
    regions: list[str] = Field(min_length=1)
    rate: Money = 0.0
    share: Share = 0.0

    region_fields: ClassVar[tuple[str, ...]] = ("regions",)
    good_fields: ClassVar[tuple[str, ...]] = ("good", "made_with")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "made_with": "mined", "regions": ["USA"], "share": 0.1}
    example_source: ClassVar[str] = (
        "The final rules on the credit of 10 % of costs for makers of critical minerals in the United States (26 U.S.C. 45X) count "
        "extraction and materials among the costs, unlike the draft: T.D. 10010, 89 FR 85798, 28 October 2024, read in summaries alone; "
        "that makers of oxide buy all their ore is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"share": 0.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        if not faults and not np.any(market.dataset["recipe"].sel(good=self.good, input=self.made_with).values > 0):
            faults.append(Fault("made_with", repr(self.made_with), f"an input of {self.good!r}"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good, used = terms.benchmark, market.goods.index(self.good), market.goods.index(self.made_with)
        paid = mask(self.regions, market.regions)
        made = paid & (np.any(b.output0[:, good] > 0, axis=0) | b.latent[good])
        if (self.rate == 0 and self.share == 0) or not made.any():
            self.inert(terms, f"no payment, or none of {self.regions} makes {self.good!r}")
            return
        at = np.arange(len(market.goods))[:, None] == good
        per_input = self.rate + self.share * np.nan_to_num(b.buyer_price0[:, used])
        terms.subsidy = terms.subsidy + np.where(at & made, b.recipe[:, good, used, None, None] * per_input[:, None], 0.0)
