"""Offtake contract: tonnes a year from one seller to one region, at an agreed price."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Offtake as Deliveries
from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Tonnes, register

MOST = 0.999  # of the seller's output and of the buyers' use: some is left to trade, for a market needs a price
NEEDS = {"index": (), "floor": ("price",), "collar": ("price", "ceiling"), "cost_plus": ("plus",), "fixed": ("price",)}


@register
class Offtake(Instrument):
    """Tonnes a year that one region buys from producers of another, whatever the market would ship; the rest is bought as before.

    Condition: delivered - min(volume, output, use)  complementary to  0 <= delivered <= volume; q = delivered + s (use - delivered). The
    price under contract is inframarginal: it moves money, not tonnes.

    Who pays: the buyers under contract, or a treasury that sells the tonnes on at P. The seller gets what the contract's price is above
    the landed price, and the yearly interest that a prepayment saves him.

    Fields
    ------
    good (good) : the good sold.
    seller (region) : the region whose producers deliver.
    buyer (region) : the region that takes the tonnes.
    volume (t/yr) : contracted tonnes.
    price_rule (choice) : price at the buyer's gate, duties paid. "index": the landed price c of the market; "floor": max(c, price);
        "collar": c between price and ceiling; "cost_plus": average cost of production and plus, with freight and duties; "fixed": price.
    price (USD/t) : the floor or the fixed price. None: the rule needs none.
    ceiling (USD/t) : highest price of a collar. None: the rule needs none.
    plus (USD/t) : margin on cost. None: the rule needs none.
    prepayment (USD) : money lent to the seller against deliveries.
    interest (rate a year) : what the seller would pay for it elsewhere.
    payer (choice) : "buyers" or "treasury".
    payer_region (region) : region of the payer. None: the buyer.

    Source: forward deliveries as inframarginal tonnes, Allaz and Vila (1993), Journal of Economic Theory 59: 1-16, with price takers.
    """

    kind: Literal["offtake"] = "offtake"
    good: str
    seller: str
    buyer: str
    volume: Tonnes
    price_rule: Literal["index", "floor", "collar", "cost_plus", "fixed"] = "index"
    price: Money | None = None
    ceiling: Money | None = None
    plus: Money | None = None
    prepayment: Money = 0.0
    interest: Annotated[float, Field(ge=0, le=1)] = 0.0
    payer: Literal["buyers", "treasury"] = "buyers"
    payer_region: str | None = None

    region_fields: ClassVar[tuple[str, ...]] = ("seller", "buyer", "payer_region")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {
        "good": "ndpr_oxide", "seller": "MYS", "buyer": "JPN", "volume": 5_000.0, "price_rule": "floor", "price": 110_000.0}
    example_source: ClassVar[str] = (
        "Lynas sells Japan Australia Rare Earths (Sojitz and JOGMEC) 5,000 t of NdPr a year to 2038 at 110 USD/kg or more (The West "
        "Australian, 'Lynas Rare Earths inks a revamped deal with major Japanese customer', 10 March 2026); that all of it comes from "
        "Malaysia and is used in Japan is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"volume": 0.0}

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
        sells = np.any(b.output0[:, good, seller] > 0) or b.latent[good, seller]
        buys = np.all(b.use0[:, good, buyer] > 0) and b.trade[good][:, buyer].any()
        if self.volume == 0 or not sells or not buys:
            self.inert(terms, f"no volume, no output of {self.good!r} in {self.seller}, or no use of it in {self.buyer}")
            return
        from_seller, to_buyer = (np.arange(len(market.regions)) == r for r in (seller, buyer))
        part = MOST / self.volume
        row = Row(own=np.ones(1), output=-part * from_seller[None], other=Row(own=np.ones(1), use=-part * to_buyer[None]))
        payer = self.buyer if self.payer_region is None else self.payer_region
        terms.offtakes.append(Deliveries(
            number, good, len(terms.unknowns), seller, buyer, self.contract_price, market.regions.index(payer),
            self.payer == "treasury", self.prepayment * self.interest))
        terms.unknowns.append(Unknown(
            "delivered", number, good, "t/yr", np.array([self.volume]), np.zeros(1), np.ones(1), row, "offtake",
            contracted=self.volume * (from_seller[:, None] & to_buyer)[None]))

    def contract_price(self, landed: Array, cost: Array) -> Array:
        """Price (k,) under the contract at a landed price and a cost of production with freight and duties, all USD/t."""
        price, ceiling, plus = (0.0 if x is None else x for x in (self.price, self.ceiling, self.plus))
        rules = {"index": landed, "floor": np.maximum(landed, price), "collar": np.clip(landed, price, max(price, ceiling)),
                 "cost_plus": cost + plus, "fixed": np.full_like(landed, price)}
        return rules[self.price_rule]
