"""Border-adjusted price floor: a minimum import price, an adjustable duty, or intervention buying."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Content, Floor, Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Tonnes, mask, register, routes
from floormodel.policies.content import NOTHING, add_content, content
from floormodel.policies.reference import Price, price_faults, price_level


@register
class PriceFloor(Instrument):
    """A floor under the price of one good for a bloc of members; it does not apply between members or to a member's own tonnes.

    Conditions: what the field `holds` says.

    - ``import_price``: t = clip(price - base, 0, duty_cap) on shipments from non-members; a closed form, no unknown.
    - ``member_price``: (sum p X0 / sum X0 over members) - price  complementary to  0 <= duty <= duty_cap.
    - ``purchase``: p - price  complementary to  0 <= tonnes bought <= room, by each member from its own producers.

    Who pays: buyers, to the importer's treasury (levy) or to the exporter (undertaking); with ``purchase`` the members' treasuries, who
    then hold stock.

    Fields
    ------
    good (good) : the good whose price is held.
    members (regions) : the bloc.
    price (USD/t, or a table) : the floor, or a cost of production (`fm.ReferencePrice`), such as
        `{ kind = "cost", regions = ["USA", "AUS"], margin = 0.1 }`; without `regions` that of the members.
    holds (choice) : which price it holds. "import_price": every shipment from a non-member lands at the floor or above.
        "member_price": one duty, adjusted until the members' average producer price is at the floor. "purchase": each member buys from
        its own producers until their price is at the floor.
    collected_as (choice) : "levy": the importer's treasury collects the top-up. "undertaking": the exporter keeps it.
    duty_cap (USD/t) : largest duty; a floor that the cap defeats is reported as not met. None: none for `import_price`; twice the
        average benchmark border price of imports for `member_price`.
    base (choice) : the price the floor is compared with: the border price ("cif"), or "duty_paid" with the duties in force.
    exempt (regions) : origins that pay nothing and are not protected either.
    coverage (goods) : goods further down the chain whose imports pay for the floored input in them.
    content_rule (choice) : what they pay per tonne of input. "to_floor": the floor less the input's price where they were made.
        "neutral": only what the floor added to the members' disadvantage since the benchmark.
    export_rebate (yes or no) : members' exports of the covered goods to others get the same back, from the member's treasury.
    room (t/yr) : most that each member buys; needed with `holds = "purchase"`. None: no purchases.

    Source: Council of the EU 2025/2351 (form of the duty); intervention row after Gouel (RECS, demand of a public stock).
    """

    kind: Literal["price_floor"] = "price_floor"
    good: str
    members: list[str] = Field(min_length=1)
    price: Price
    holds: Literal["import_price", "member_price", "purchase"] = "import_price"
    collected_as: Literal["levy", "undertaking"] = "levy"
    duty_cap: Money | None = None
    base: Literal["cif", "duty_paid"] = "cif"
    exempt: list[str] = Field(default_factory=list)
    coverage: list[str] = Field(default_factory=list)
    content_rule: Literal["to_floor", "neutral"] = "to_floor"
    export_rebate: bool = False
    room: Tonnes | None = None

    region_fields: ClassVar[tuple[str, ...]] = ("members", "exempt")
    good_fields: ClassVar[tuple[str, ...]] = ("good", "coverage")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "members": ["USA", "EU27", "JPN"], "price": 110_000.0}
    example_source: ClassVar[str] = (
        "The United States, the EU and Japan named border-adjusted price floors in their joint statement of 4 February 2026, after "
        "Proclamation 11001 of 14 January 2026 (section 232, processed critical minerals) had asked for price floors; neither names a "
        "figure, and that of 110 USD/kg of NdPr, which the United States guarantee MP Materials, is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"price": 1.0}
    idempotent: ClassVar[bool] = True

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        both = sorted(set(self.members) & set(self.exempt))
        if both:
            faults.append(Fault("exempt", repr(both), "regions that are not members", "members are free of the floor already"))
        if self.holds == "purchase" and self.room is None:
            faults.append(Fault("room", "nothing", "t/yr each member may buy", "a purchase floor needs a limit, such as room = 5000"))
        if self.holds != "purchase" and self.room is not None:
            faults.append(Fault("room", repr(self.room), "nothing", 'only holds = "purchase" buys; remove it or set holds'))
        if self.holds == "purchase" and (self.coverage or self.exempt or self.duty_cap is not None):
            faults.append(Fault("coverage, exempt, duty_cap", "given", "nothing", 'holds = "purchase" levies no duty'))
        if self.holds == "member_price" and self.collected_as == "undertaking":
            faults.append(Fault("collected_as", "'undertaking'", "'levy'", "an adjustable duty is always collected by the importer"))
        if self.export_rebate and not self.coverage:
            faults.append(Fault("export_rebate", "true", "false without coverage", "name the goods further down the chain in coverage"))
        faults += price_faults("price", self.price, self.good, self.members, market)
        if not faults:
            order = market.goods
            for good in self.coverage:
                if order.index(good) <= order.index(self.good):
                    faults.append(Fault("coverage", repr(good), f"a good made with {self.good!r}"))
        return faults

    def level(self, terms: Terms, market: Market) -> Array:
        """The floor (B or 1,), USD/t."""
        return price_level(self.price, market.goods.index(self.good), self.members, terms.benchmark, market)

    def add(self, terms: Terms, market: Market, number: int) -> None:
        good = market.goods.index(self.good)
        members, exempt = mask(self.members, market.regions), mask(self.exempt, market.regions)
        if self.holds == "purchase":
            self._add_purchases(terms, market, number, good, members)
            return
        taxed, level = routes(~members & ~exempt, members), self.level(terms, market)
        if self.holds == "import_price":
            cap = np.inf if self.duty_cap is None else self.duty_cap
            terms.floors.append(Floor(number, good, level, taxed, cap, self.collected_as == "undertaking", self.base == "duty_paid"))
            self._warn_if_slack(terms, good, taxed, level)
        else:
            self._add_duty(terms, number, good, members, taxed, level)
        for covered in self.coverage:
            self._add_content(terms, market, number, good, market.goods.index(covered), taxed, level)

    def _warn_if_slack(self, terms: Terms, good: int, taxed: Array, level: Array) -> None:
        b = terms.benchmark
        live = taxed & b.trade[good]
        prices = b.border_price0[:, good][:, live]
        if not live.any():
            self.inert(terms, f"no benchmark imports of {self.good!r} from non-members to levy")
        elif np.all(prices >= level[:, None]) and not self.coverage:
            self.inert(terms, f"floor {level.max():g} USD/t is below every benchmark border price (lowest {prices.min():g})")

    def _add_duty(self, terms: Terms, number: int, good: int, members: Array, taxed: Array, level: Array) -> None:
        b = terms.benchmark
        made = np.where(members, b.output0[:, good], 0.0)
        live = taxed & b.trade[good]
        if not np.any(made > 0) or not live.any():
            self.inert(terms, "no member output, or no route from a non-member: an adjustable duty has nothing to hold")
            return
        weight = made / made.sum(-1, keepdims=True)
        flow = np.where(live, b.flow0[:, good], 0.0) + np.where(live, 1e-300, 0.0)
        border = (flow * b.border_price0[:, good]).sum((-1, -2)) / flow.sum((-1, -2))
        scale = np.max(b.price0[:, good] * np.ones_like(made), axis=-1)
        cap = 2 * border if self.duty_cap is None else np.full_like(border, self.duty_cap)
        owner = np.broadcast_to(np.arange(len(members))[None, :], taxed.shape)
        terms.unknowns.append(Unknown(
            "duty", number, good, "USD/t", scale, np.zeros_like(cap), cap / scale,
            Row(constant=-1.0, price=weight / level[:, None]), "floor_levy", import_levy=taxed * scale[:, None, None], owner=owner))

    def _add_purchases(self, terms: Terms, market: Market, number: int, good: int, members: Array) -> None:
        b, level = terms.benchmark, self.level(terms, market)
        for r in np.flatnonzero(members):
            if not np.any(b.output0[:, good, r] > 0):
                terms.notes.append(f"price_floor: {market.regions[r]} has no benchmark output of {self.good!r} to buy")
                continue
            if not self.room:
                self.inert(terms, "room is 0: nothing can be bought")
                continue
            at = np.zeros(len(members))
            at[r] = 1.0
            own = np.zeros((1, len(members), len(members)))
            own[0, r, r] = self.room
            terms.unknowns.append(Unknown(
                f"purchases[{market.regions[r]}]", number, good, "t/yr", np.array([self.room]), np.zeros(1), np.ones(1),
                Row(constant=-1.0, price=at[None] / level[:, None]), "stock_purchases", purchases_from=own, payer=np.array([r])))

    def _add_content(self, terms: Terms, market: Market, number: int, good: int, covered: int, taxed: Array, level: Array) -> None:
        if not np.any(content(terms.benchmark.recipe, good, covered) > 0):
            self.inert(terms, f"{market.goods[covered]!r} contains no {self.good!r}: nothing to cover")
            return
        members = mask(self.members, market.regions)
        for rebate in (False, True)[:1 + self.export_rebate]:
            where = routes(members, ~members) if rebate else taxed
            add_content(terms, Content(number, covered, good, NOTHING, level, self.content_rule == "neutral", where, NOTHING, rebate))
