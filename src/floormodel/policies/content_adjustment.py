"""Border adjustment of goods for an input that costs more inside."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Content, Terms
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, mask, register, routes
from floormodel.policies.content import NOTHING, add_content, content
from floormodel.policies.reference import Price, price_faults, price_level


@register
class ContentAdjustment(Instrument):
    """A duty on goods for the tonnes of an input in them, and its return on exports.

    It goes with any measure that makes the input dearer for members: a floor, a duty, a quota; a tax on use is no part of
    the buyer price and so of the gap. (A price_floor can have the same with its field `coverage`.)

    Condition: duty = content x gap on covered goods from non-members, content being tonnes of the input through all recipes; gap is
    max(0, (P inside - P outside) - the same in the benchmark) under "neutral" and max(0, price - P outside) under "to_floor", with P
    the buyer price of the input in the two regions of a route; closed forms, no unknown. A rebate takes content x gap off what
    non-members pay for members' goods.

    Who pays: members' buyers of the covered goods, to the importer's treasury; rebates are paid by the exporter's treasury.

    Fields
    ------
    good (good) : the input.
    members (regions) : regions that adjust at their border; there is no adjustment between them.
    coverage (goods) : goods made with it, in any number of stages, that are adjusted.
    content_rule (choice) : "neutral": only what was added to the members' disadvantage since the benchmark. "to_floor": what the input
        outside lacks to a price.
    price (USD/t, or a table) : that price, needed with "to_floor", or a cost of production (`fm.ReferencePrice`). None: not needed.
    export_rebate (yes or no) : members' exports of the covered goods to others get the same back.
    exempt (regions) : origins that pay nothing.

    Source: the charge that leaves processors' margins as they are, after Corden (1966), The Structure of a Tariff System and the Effective
    Protective Rate.
    """

    kind: Literal["content_adjustment"] = "content_adjustment"
    good: str
    members: list[str] = Field(min_length=1)
    coverage: list[str] = Field(min_length=1)
    content_rule: Literal["neutral", "to_floor"] = "neutral"
    price: Price | None = None
    export_rebate: bool = True
    exempt: list[str] = Field(default_factory=list)

    region_fields: ClassVar[tuple[str, ...]] = ("members", "exempt")
    good_fields: ClassVar[tuple[str, ...]] = ("good", "coverage")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {
        "good": "ndpr_oxide", "members": ["USA", "EU27", "JPN"], "coverage": ["magnet"], "content_rule": "to_floor", "price": 110_000.0}
    example_source: ClassVar[str] = (
        "The United States Trade Representative asked on 26 February 2026 whether a minimum price for critical minerals should reach "
        "downstream goods (White & Case, 'Trump Administration Seeks Public Input on Proposed Critical Minerals Trade Agreement', "
        "whitecase.com); members, the price of 110 USD/kg, that of the guarantee for MP Materials, and the rebate are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"price": 1.0}
    idempotent: ClassVar[bool] = True

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market) + price_faults("price", self.price, self.good, self.members, market)
        both = sorted(set(self.members) & set(self.exempt))
        if both:
            faults.append(Fault("exempt", repr(both), "regions that are not members", "members adjust nothing among themselves"))
        if (self.price is None) == (self.content_rule == "to_floor"):
            needed = "a price, USD/t" if self.price is None else "nothing"
            faults.append(Fault("price", repr(self.price), f'{needed} with content_rule = "{self.content_rule}"'))
        order = market.goods
        for good in self.coverage:
            if {good, self.good} <= set(order) and order.index(good) <= order.index(self.good):
                faults.append(Fault("coverage", repr(good), f"a good made with {self.good!r}"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        members, exempt = mask(self.members, market.regions), mask(self.exempt, market.regions)
        level = b.price0[:, good].max(-1) if self.price is None else price_level(self.price, good, self.members, b, market)
        for covered in map(market.goods.index, self.coverage):
            if not np.any(content(b.recipe, good, covered) > 0):
                self.inert(terms, f"{market.goods[covered]!r} contains no {self.good!r}: nothing to adjust")
                continue
            for rebate in (False, True)[:1 + self.export_rebate]:
                where = routes(members, ~members) if rebate else routes(~members & ~exempt, members)
                add_content(terms, Content(number, covered, good, NOTHING, level, self.content_rule == "neutral", where, NOTHING, rebate))
