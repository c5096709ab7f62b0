"""Border-adjusted price floor: a minimum import price, an adjustable duty, or intervention buying."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Content, Floor, Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Tonnes, mask, register, routes


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
    price (USD/t) : the floor.
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
    room (t/yr) : most that each member buys; needed with `holds = "purchase"`. None: no purchases.

    Source: Council of the EU 2025/2351 (form of the duty); intervention row after Gouel (RECS, demand of a public stock).
    """

    kind: Literal["price_floor"] = "price_floor"
    good: str
    members: list[str] = Field(min_length=1)
    price: float = Field(gt=0)
    holds: Literal["import_price", "member_price", "purchase"] = "import_price"
    collected_as: Literal["levy", "undertaking"] = "levy"
    duty_cap: Money | None = None
    base: Literal["cif", "duty_paid"] = "cif"
    exempt: list[str] = Field(default_factory=list)
    coverage: list[str] = Field(default_factory=list)
    content_rule: Literal["to_floor", "neutral"] = "to_floor"
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
        if not faults:
            order = market.goods
            for good in self.coverage:
                if order.index(good) <= order.index(self.good):
                    faults.append(Fault("coverage", repr(good), f"a good made with {self.good!r}"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        good = market.goods.index(self.good)
        members, exempt = mask(self.members, market.regions), mask(self.exempt, market.regions)
        if self.holds == "purchase":
            self._add_purchases(terms, market, number, good, members)
            return
        taxed = routes(~members & ~exempt, members)
        if self.holds == "import_price":
            cap = np.inf if self.duty_cap is None else self.duty_cap
            terms.floors.append(Floor(number, good, self.price, taxed, cap, self.collected_as == "undertaking", self.base == "duty_paid"))
            self._warn_if_slack(terms, good, taxed)
        else:
            self._add_duty(terms, number, good, members, taxed)
        for covered in self.coverage:
            self._add_content(terms, market, number, good, market.goods.index(covered), taxed)

    def _warn_if_slack(self, terms: Terms, good: int, taxed: Array) -> None:
        b = terms.benchmark
        live = taxed & b.trade[good]
        prices = b.border_price0[:, good][:, live]
        if not live.any():
            self.inert(terms, f"no benchmark imports of {self.good!r} from non-members to levy")
        elif np.all(prices >= self.price) and not self.coverage:
            self.inert(terms, f"floor {self.price:g} USD/t is below every benchmark border price (lowest {prices.min():g})")

    def _add_duty(self, terms: Terms, number: int, good: int, members: Array, taxed: Array) -> None:
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
            Row(constant=-1.0, price=weight / self.price), "floor_levy", import_levy=taxed * scale[:, None, None], owner=owner))

    def _add_purchases(self, terms: Terms, market: Market, number: int, good: int, members: Array) -> None:
        b = terms.benchmark
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
                Row(constant=-1.0, price=at[None] / self.price), "stock_purchases", purchases_from=own, payer=np.array([r])))

    def _add_content(self, terms: Terms, market: Market, number: int, good: int, covered: int, taxed: Array) -> None:
        b = terms.benchmark
        tonnes = content(b.recipe, good, covered)
        if not np.any(tonnes > 0):
            self.inert(terms, f"{market.goods[covered]!r} contains no {self.good!r}: nothing to cover")
            return
        buys = np.any(b.use0[:, good] > 0, axis=0)
        outside = taxed.any(axis=1)
        largest = int(np.argmax(np.where(outside, b.output0[:, good].mean(0), -1.0)))
        reference = np.where(buys, -1, largest)
        for i, c in enumerate(terms.contents):  # on a route, the floored stage nearest to the covered good; of one stage, the stricter
            if c.good != covered:
                continue
            stricter = (self.content_rule == "to_floor", self.price) > (not c.neutral, c.level)
            if (c.made_with > good and np.any(content(b.recipe, good, c.made_with) > 0)) or (c.made_with == good and not stricter):
                taxed = taxed & ~c.mask
            elif c.made_with == good or (c.made_with < good and np.any(content(b.recipe, c.made_with, good) > 0)):
                terms.contents[i] = replace(c, mask=c.mask & ~taxed)
        terms.contents.append(Content(number, covered, good, tonnes, self.price, self.content_rule == "neutral", taxed, reference))


def content(recipe: Array, made_with: int, good: int) -> Array:
    """Tonnes of one good per tonne of another through all recipes, (B,): entry of the Leontief inverse (case ind06)."""
    size = recipe.shape[-1]
    full = np.linalg.inv(np.eye(size) - recipe)
    return np.where(made_with == good, 0.0, full[:, good, made_with])
