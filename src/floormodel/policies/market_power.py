"""Market power: a seller that sets its quantity in view of the demand it is left with."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Seller, Terms
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Share, register


@register
class MarketPower(Instrument):
    """A region whose producers of one good do not take its price as given.

    Condition: margin - marginal cost = conduct (X / firms) |d net price / dX|, the slope along the equilibrium with the outputs of the
    other such sellers held; a seller alone is a dominant firm facing a competitive fringe, several are Cournot rivals. Found by a search
    over competitive solves, on every branch of residual demand: a fringe whose price is topped up answers to no price, so that the
    market price can rise. The markup times output is booked to producers as `markup_rent`.

    Who pays: buyers; other sellers gain from the higher price.

    Fields
    ------
    good (good) : the good sold.
    region (region) : the region whose producers sell it.
    conduct (share) : 0 is a price taker, 1 full use of market power; in between the share of the monopoly markup.
    firms (number) : equal firms that compete in quantities within the region.

    Limits: the benchmark is read as competitive, marginal cost is the benchmark margin there; a conduct between 0 and 1 is a
    convenient summary, not a theory of behaviour. A seller takes its input prices as given; one firm on two stages cannot be written.
    Beside contracts with caps on the same seller it is refused.

    Source: Stackelberg's dominant firm with a fringe; conduct parameter after Bresnahan (1982); cases dominant_firm_fringe, ind01, con04.
    """

    kind: Literal["market_power"] = "market_power"
    good: str
    region: str
    conduct: Share = 1.0
    firms: int = Field(default=1, ge=1, le=10_000)

    region_fields: ClassVar[tuple[str, ...]] = ("region",)
    bloc_fields: ClassVar[tuple[str, ...]] = ()
    idempotent: ClassVar[bool] = True
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "region": "CHN", "conduct": 0.2, "firms": 2}
    example_source: ClassVar[str] = (
        "China's rare-earth quotas have been issued to two state groups since the first batch of 2024 (China Rare Earth Group, China "
        "Northern Rare Earth: fastmarkets.com/insights/china-issues-first-batch-of-rare-earths-quotas-for-2024, 6 February 2024); the "
        "conduct of 0.2 is an assumption with range 0 to 1, not an estimate.")
    slack: ClassVar[dict[str, Any]] = {"conduct": 0.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        if not faults and [self.good, self.region] in [list(pair) for pair in market.opened]:
            faults.append(Fault("region", repr(self.region), "a region with benchmark output", "a latent project takes the price as given"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        good, region = market.goods.index(self.good), market.regions.index(self.region)
        if self.conduct == 0 or not np.all(terms.benchmark.output0[:, good, region] > 0):
            self.inert(terms, f"conduct {self.conduct:g}: a price taker, or no benchmark output of {self.good!r} in {self.region}")
            return
        if any((s.good, s.region) == (good, region) for s in terms.sellers):
            terms.notes.append(f"market_power: {self.region} is named twice; the first entry counts")
            return
        terms.sellers.append(Seller(number, good, region, self.conduct, self.firms))
