"""Offtake contract: tonnes a year from one seller to one region, at an agreed price."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Contract, Row, Terms, Transfer, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Tonnes, register
from floormodel.policies.reference import ReferencePrice

NEEDS = {"index": (), "floor": ("price",), "collar": ("price", "ceiling"), "cost_plus": ("plus",), "fixed": ("price",)}


@register
class Offtake(Instrument):
    """Tonnes a year that one region must take from producers of another, at a price by rule.

    Conditions: q - volume  complementary to  0 <= preference <= benchmark buyer price (USD/t), taken off the landed price of this route in
    the buyers' choice; what the market ships anyway counts. Price: as a price-gap subsidy with a volume cap on the producers' receipts,
    (floor - p) below a floor, (ceiling - p) above a ceiling, both ways for a fixed price: X = median(S(pn), volume, S(pn without it))
    while the contract pays, so that a producer whose whole output is contracted answers to its price.

    Who pays: the buyers under contract, or their treasury: the preference on all tonnes of the route, for these are bought in place of
    cheaper ones, and what the contract's price is above the producers' price; the interest that a prepayment saves the seller.

    Fields
    ------
    good (good) : the good sold.
    seller (region) : the region whose producers deliver.
    buyer (region) : the region that takes the tonnes.
    volume (t/yr) : contracted tonnes.
    price_rule (choice) : price at the seller's gate. "index": its market price p; "floor": at least the price; "collar": between price and
        ceiling; "cost_plus": average cost of production in the benchmark (`fm.ReferencePrice`) and plus; "fixed": the price.
    price (USD/t) : the floor or the fixed price. None: the rule needs none.
    ceiling (USD/t) : highest price of a collar. None: the rule needs none.
    plus (USD/t) : margin on cost. None: the rule needs none.
    prepayment (USD) : money lent to the seller against deliveries.
    interest (rate a year) : what the seller would pay for it elsewhere.
    payer (choice) : "buyers" or "treasury", of the buyer's region.

    Limits: only on a route that is open in the benchmark or has a sourcing weight. Where an export ban, a quota or what the seller can make
    stands in the way, fewer tonnes are delivered and the preference ends at its bound. Other volume-capped contracts of the same
    producers do not add up with it.

    Source: the multiplier of a least quantity, as in Takayama and Judge (1971); the price as in a contract for difference.
    """

    kind: Literal["offtake"] = "offtake"
    good: str
    seller: str
    buyer: str
    volume: Tonnes
    price_rule: Literal["index", "floor", "collar", "cost_plus", "fixed"] = "index"
    price: Annotated[float, Field(gt=0)] | None = None
    ceiling: Annotated[float, Field(gt=0)] | None = None
    plus: Money | None = None
    prepayment: Money = 0.0
    interest: Annotated[float, Field(ge=0, le=1)] = 0.0
    payer: Literal["buyers", "treasury"] = "buyers"

    region_fields: ClassVar[tuple[str, ...]] = ("seller", "buyer")
    bloc_fields: ClassVar[tuple[str, ...]] = ("buyer",)
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {
        "good": "ndpr_oxide", "seller": "MYS", "buyer": "JPN", "volume": 5_000.0, "price_rule": "floor", "price": 110_000.0}
    example_source: ClassVar[str] = (
        "Lynas sells Japan Australia Rare Earths (Sojitz and JOGMEC) 5,000 t of NdPr a year to 2038 at 110 USD/kg or more (The West "
        "Australian, 'Lynas Rare Earths inks a revamped deal with major Japanese customer', 11 March 2026); that all of it comes from "
        "Malaysia and is used in Japan is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"volume": 0.0}
    idempotent: ClassVar[bool] = True  # in tonnes; its price is paid twice

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        for name in ("price", "ceiling", "plus"):
            given, needed = getattr(self, name) is not None, name in NEEDS[self.price_rule]
            if given != needed:
                found, expected = (repr(getattr(self, name)), "nothing") if given else ("nothing", "a number, USD/t")
                faults.append(Fault(name, found, f'{expected} with price_rule = "{self.price_rule}"'))
        if self.ceiling is not None and self.price is not None and self.ceiling < self.price:
            faults.append(Fault("ceiling", repr(self.ceiling), f"at least the price {self.price:g}"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        seller, buyer = market.regions.index(self.seller), market.regions.index(self.buyer)
        if self.volume == 0 or not b.trade[good, seller, buyer]:
            self.inert(terms, f"no volume, or no route open for {self.good!r} from {self.seller} to {self.buyer}")
            return
        from_seller, to_buyer = (np.arange(len(market.regions)) == r for r in (seller, buyer))
        route = (from_seller[:, None] & to_buyer)[None]
        scale = b.buyer_price0[:, good, buyer]
        terms.unknowns.append(Unknown(
            "preference", number, good, "USD/t", scale, np.zeros(1), np.ones(1), Row(constant=-1.0, flow=route / self.volume),
            "public_offtake" if self.payer == "treasury" else "offtake_cost", charge=route * -scale[:, None, None]))
        self._add_price(terms, market, number, good, from_seller, buyer)
        if self.prepayment * self.interest > 0:
            terms.transfers.append(Transfer(number, good, buyer, seller, self.prepayment * self.interest, self.payer == "treasury"))

    def _add_price(self, terms: Terms, market: Market, number: int, good: int, from_seller: np.ndarray, buyer: int) -> None:
        """The contract on the seller's receipts; an index needs none."""
        if self.price_rule == "index":
            return
        level: float | np.ndarray = 0.0 if self.price is None else self.price
        if self.price_rule == "cost_plus":
            cost = ReferencePrice(kind="cost").cost_level(good, [self.seller], terms.benchmark, market)
            level = cost + (0.0 if self.plus is None else self.plus)
        share = 0.0 if self.price_rule == "floor" else 1.0
        size = len(from_seller)
        terms.contracts.append(Contract(
            number, good, from_seller, level, level if self.ceiling is None else self.ceiling, share, np.eye(size), self.volume,
            payer=np.full(size, buyer), buyers=self.payer == "buyers"))
