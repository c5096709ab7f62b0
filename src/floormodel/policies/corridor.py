"""Transport corridor: freight on named routes goes up or down."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Levy, mask, register, routes


@register
class Corridor(Instrument):
    """A change of freight on the routes of some goods between named origins and destinations: a new railway, or one cut off.

    Condition: b = (p + export_levy)(1 + export_rate) + max(0, freight + change); a closed form, no unknown.

    Who pays: nobody; freight is what resources cost. Whoever pays for building the corridor does so outside the model. A cut is shared
    by producers at its origins and buyers at its destinations, at the expense of rival producers.

    Fields
    ------
    goods (goods) : goods that use it.
    origins (regions) : where its routes begin.
    destinations (regions) : where they end. None: every other region.
    freight_change (USD/t) : added to freight, negative where the corridor is cheaper.
    freight_share (share) : change as a share of the benchmark's freight, -0.3 for 30 % less; added to `freight_change`.

    Source: transport cost in the spatial price equilibrium of Takayama and Judge (1971).
    """

    kind: Literal["corridor"] = "corridor"
    goods: list[str] = Field(min_length=1)
    origins: list[str] = Field(min_length=1)
    destinations: list[str] | None = None
    freight_change: Levy = 0.0
    freight_share: float = Field(default=0.0, ge=-1)

    region_fields: ClassVar[tuple[str, ...]] = ("origins", "destinations")
    good_fields: ClassVar[tuple[str, ...]] = ("goods",)
    example_market: ClassVar[str] = "cobalt"
    example: ClassVar[dict[str, Any]] = {"goods": ["mined"], "origins": ["COD"], "destinations": ["EU27", "USA"], "freight_share": -0.3}
    example_source: ClassVar[str] = (
        "The Lobito railway takes minerals of the Katanga to the Atlantic in 8 days instead of 25 by road to Durban (Project Blue, "
        "4 January 2024), and is expected to be cheaper: Engineering News, 7 February 2024, engineeringnews.co.za/article/"
        "kamoa-kakula-trafigura-become-first-lobito-railway-corridor-customers-2024-02-07; 30 % less freight, to western "
        "destinations only, is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"freight_share": 0.0}

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b = terms.benchmark
        served = routes(mask(self.origins, market.regions), mask(self.destinations, market.regions, default=True))
        moved = False
        for name in self.goods:
            good = market.goods.index(name)
            before = terms.freight[:, good][:, served]
            change = self.freight_change + self.freight_share * b.freight[:, good][:, served]
            terms.freight[:, good][:, served] = np.maximum(before + change, 0.0)
            moved = moved or bool(np.any((terms.freight[:, good][:, served] != before)[:, b.trade[good][served]]))
        if not moved:
            self.inert(terms, "no freight changes on a route with benchmark trade")
