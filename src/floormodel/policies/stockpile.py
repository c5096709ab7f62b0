"""Public stockpile: purchases up to a price, releases at a ceiling."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.benchmark import Array, Benchmark
from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Tonnes, mask, register
from floormodel.policies.reference import Price, ReferencePrice, price_faults, price_level


@register
class Stockpile(Instrument):
    """Public purchases and releases of one good by one region.

    Conditions: price - max_price  complementary to  0 <= bought <= purchase (all of it while the price is below `max_price`);
    release_price - P  complementary to  0 <= released <= min(release, 0.9 benchmark use). The price of a purchase is P (source "any"),
    the own gate price ("own") or the mean landed price from members ("members").

    Who pays: the region's treasury, who then holds the stock; other buyers through a higher price, while it buys.

    Fields
    ------
    good (good) : the good stored.
    region (region) : the region that buys or releases.
    purchase (t/yr) : tonnes bought, as long as the price is below `max_price`.
    release (t/yr) : tonnes released, as far as needed to hold `release_price`, at most 0.9 of benchmark use.
    source (choice) : where it buys: "any" like other buyers there, its "own" producers, or "members" in proportion to their benchmark
        output.
    members (regions) : regions it buys from, with `source = "members"`.
    max_price (USD/t, or a table) : highest price it pays, or a cost of production (`fm.ReferencePrice`), such as
        `{ kind = "cost", regions = ["USA"], margin = 0.1 }`. None: the price at which demand ends.
    release_price (USD/t, or a table) : price that a release holds, or a cost of production; needed with `release`. None: no release.

    Source: purchase and release rows after Gouel (RECS, demand of a public stock).
    """

    kind: Literal["stockpile"] = "stockpile"
    good: str
    region: str
    purchase: Tonnes = 0.0
    release: Tonnes = 0.0
    source: Literal["any", "own", "members"] = "any"
    members: list[str] = Field(default_factory=list)
    max_price: Price | None = None
    release_price: Price | None = None

    region_fields: ClassVar[tuple[str, ...]] = ("region", "members")
    example_market: ClassVar[str] = "cobalt"
    example: ClassVar[dict[str, Any]] = {"good": "refined", "region": "USA", "purchase": 1_496.0}
    example_source: ClassVar[str] = (
        "The US Defense Logistics Agency asked in August 2025 for about 7,480 t of alloy-grade cobalt over five years for the National "
        "Defense Stockpile, at most 500 million USD (Reuters, 21 August 2025); it withdrew the call in October 2025 and announced another "
        "(Inside Defense, 14 November 2025). A fifth of it each year, from any origin instead of three named plants, is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"purchase": 0.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        if self.release > 0 and self.release_price is None:
            faults.append(Fault("release_price", "nothing", "the price at which stock is released, USD/t"))
        if self.source == "members" and not self.members:
            faults.append(Fault("members", "nothing", 'the regions to buy from, with source = "members"'))
        if self.source != "members" and self.members:
            faults.append(Fault("members", repr(self.members), "nothing", 'set source = "members" to buy from them'))
        for name in ("max_price", "release_price"):
            faults += price_faults(name, getattr(self, name), self.good, [self.region], market)
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        good, r = market.goods.index(self.good), market.regions.index(self.region)
        if self.purchase == 0 and self.release == 0:
            self.inert(terms, "neither purchase nor release")
        if self.purchase > 0:
            self._add_purchase(terms, market, number, good, r)
        if self.release > 0:
            self._add_release(terms, market, number, good, r)

    def _level(self, price: float | ReferencePrice, good: int, b: Benchmark, market: Market) -> Array:
        return price_level(price, good, [self.region], b, market)

    def _origins(self, terms: Terms, market: Market, good: int, r: int) -> Array:
        """Share of each origin (B, R) in a purchase from own or member producers."""
        b = terms.benchmark
        chosen = mask([self.region] if self.source == "own" else self.members, market.regions)
        made = np.where(chosen, b.output0[:, good], 0.0)
        total = made.sum(-1, keepdims=True)
        return np.where(total > 0, made / np.where(total > 0, total, 1.0), 0.0)

    def _add_purchase(self, terms: Terms, market: Market, number: int, good: int, r: int) -> None:
        b, size = terms.benchmark, len(market.regions)
        choke = b.choke_factor[:, good] * b.buyer_price0[:, good, r]
        limit = choke if self.max_price is None else self._level(self.max_price, good, b, market)
        limit = np.where(np.isfinite(limit) & (limit > 0), limit, b.choke_factor[:, good] * b.price0[:, good, r])
        at = np.zeros(size)
        at[r] = 1.0
        if self.source == "any":
            if not b.trade[good][:, r].any():
                self.inert(terms, f"{self.region} has no open route for {self.good!r}: nothing can be bought")
                return
            row = Row(constant=-1.0, buyer_price=at[None] / limit[:, None])
            terms.unknowns.append(self._unknown(number, good, r, row, purchases=at[None] * self.purchase))
            return
        share = self._origins(terms, market, good, r)
        if not np.any(share > 0):
            self.inert(terms, f"no benchmark output of {self.good!r} to buy from")
            return
        bought = np.zeros((share.shape[0], size, size))
        bought[:, :, r] = share
        if self.source == "own":
            row = Row(constant=-1.0, price=at[None] / limit[:, None])
        else:
            row = Row(constant=-1.0, landed=bought / limit[:, None, None])
        terms.unknowns.append(self._unknown(number, good, r, row, purchases_from=bought * self.purchase))

    def _unknown(self, number: int, good: int, r: int, row: Row, **coefficients: Any) -> Unknown:
        return Unknown("purchase", number, good, "t/yr", np.array([self.purchase]), np.zeros(1), np.ones(1), row, "stock_purchases",
                       payer=np.array([r]), **coefficients)

    def _add_release(self, terms: Terms, market: Market, number: int, good: int, r: int) -> None:
        b = terms.benchmark
        room = np.minimum(self.release, 0.9 * b.use0[:, good, r])
        if not np.any(room > 0):
            self.inert(terms, f"{self.region} uses no {self.good!r} in the benchmark: nothing to release to")
            return
        at = np.zeros(len(market.regions))
        at[r] = 1.0
        ceiling = np.full(1, 1e-300) if self.release_price is None else self._level(self.release_price, good, b, market)
        row = Row(constant=1.0, buyer_price=-at[None] / ceiling[:, None])
        terms.unknowns.append(Unknown("release", number, good, "t/yr", room, np.zeros(1), np.ones(1), row, "stock_release",
                                      purchases=-at[None] * room[:, None], payer=np.array([r])))
