"""Collar paid by buyers: a floor and a share of the upside in a purchase contract, without a treasury."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Contract, Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Share, mask, register
from floormodel.policies.reference import Reference, ReferencePrice


@register
class BuyerCollar(Instrument):
    """Buyers of one region pay producers max(0, floor - r) - upside_share max(0, r - upside_threshold) per contracted tonne.

    Conditions: as a price-gap subsidy with a volume cap V: X = median(S(pn), V, S(pn without it)) while the floor pays, on min(X, V);
    the upside is shared on min(V, X0) and moves nothing. Pass-through: levy x use - pass_through x floor payments  complementary to
    0 <= levy <= levy_cap, on every tonne used in the buyers' region, its own tonnes included.

    Who pays: the buyers under contract (a consortium or trading house of the region); what they pass through is paid by all who use the
    good there. What producers give back goes to the buyers as a lump sum.

    Fields
    ------
    good (good) : the good sold.
    regions (regions) : whose producers sell under the contract.
    buyer (region) : the region of the buyers.
    floor (USD/t) : lowest price per contracted tonne.
    volume (t/yr) : contracted tonnes a year, of each region. None: all that it makes.
    upside_threshold (USD/t) : price above which producers share the excess. None: the floor.
    upside_share (share) : share of the excess that producers give back.
    reference (word or table) : reference price r: the producer's "own", an "index" over the sellers, or a table that says more
        (`fm.ReferencePrice`), such as { kind = "index", regions = ["CHN"], vat = 0.13 }.
    clawback_cap (USD/yr) : most that the producers of a region give back. None: no cap.
    pass_through (share) : part of the floor payments that buyers recover by a levy on use. 0: buyers bear it, for a further tonne costs
        them the market's price; 1: all tonnes used in the region are priced as one pool.
    levy_cap (USD/t) : largest levy on use; what it leaves unrecovered stays with the buyers. None: the benchmark buyer price.

    Limits: tonnes count as made, not as shipped to the buyer's region.

    Source: the form of the contract of Lynas with JARE, 10 March 2026; payments as in a contract for difference.
    """

    kind: Literal["buyer_collar"] = "buyer_collar"
    good: str
    regions: list[str] = Field(min_length=1)
    buyer: str
    floor: float = Field(gt=0)
    volume: float | None = Field(default=None, gt=0)
    upside_threshold: Money | None = None
    upside_share: Share = 0.0
    reference: Reference = "own"
    clawback_cap: Money | None = None
    pass_through: Share = 0.0
    levy_cap: Money | None = None

    region_fields: ClassVar[tuple[str, ...]] = ("regions", "buyer")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {
        "good": "ndpr_oxide", "regions": ["MYS"], "buyer": "JPN", "floor": 110_000.0, "volume": 5_000.0, "upside_threshold": 150_000.0,
        "upside_share": 0.3, "clawback_cap": 10e6, "pass_through": 0.25}
    example_source: ClassVar[str] = (
        "Lynas sells Japan Australia Rare Earths (Sojitz and JOGMEC) 5,000 t of NdPr a year to 2038 at 110 USD/kg or more and gives back "
        "30 % of what lies above 150 USD/kg, at most 10 million USD a year (The West Australian, 'Lynas Rare Earths inks a revamped deal "
        "with major Japanese customer', 11 March 2026); that a quarter of the cost is spread over all use in Japan is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"floor": 1.0, "upside_share": 0.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        if self.upside_threshold is not None and self.upside_threshold < self.floor:
            faults.append(Fault("upside_threshold", repr(self.upside_threshold), f"at least the floor {self.floor:g}"))
        if isinstance(self.reference, ReferencePrice):
            faults += self.reference.check("reference", self.good, self.regions, market)
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good, buyer = terms.benchmark, market.goods.index(self.good), market.regions.index(self.buyer)
        sellers = mask(self.regions, market.regions) & (np.any(b.output0[:, good] > 0, axis=0) | b.latent[good])
        if not sellers.any():
            self.inert(terms, f"none of {self.regions} produces {self.good!r}")
            return
        reference = ReferencePrice(kind=self.reference) if isinstance(self.reference, str) else self.reference
        weights, constant = reference.weights(good, self.regions, b, market)
        reference0 = b.price0[:, good] @ weights.T + (0.0 if constant is None else constant)
        if self.upside_share == 0 and np.all(reference0[:, sellers] >= self.floor):
            terms.notes.append(f"buyer_collar: floor {self.floor:g} is not above the reference price; it pays only if prices fall")
        if self.pass_through > 0:
            self._add_levy(terms, number, good, buyer)
        size = len(market.regions)
        terms.contracts.append(Contract(
            number, good, sellers, self.floor, self.floor if self.upside_threshold is None else self.upside_threshold, self.upside_share,
            weights, self.volume, clawback_cap=self.clawback_cap, payer=np.full(size, buyer), constant=constant, buyers=True))

    def _add_levy(self, terms: Terms, number: int, good: int, buyer: int) -> None:
        """The levy on use that recovers the floor payments of the contract about to be added."""
        b = terms.benchmark
        use = b.use0[:, good, buyer]
        if not b.trade[good][:, buyer].any() or not np.all(use > 0):
            self.inert(terms, f"{self.buyer} uses no {self.good!r} in the benchmark: nobody to pass the cost on to, the buyers bear it")
            return
        scale = b.buyer_price0[:, good, buyer]
        routes: Array = np.ones((b.use0.shape[-1], 1)) * (np.arange(b.use0.shape[-1]) == buyer)
        terms.unknowns.append(Unknown(
            "levy_on_use", number, good, "USD/t", scale, np.zeros(1), np.ones(1) if self.levy_cap is None else self.levy_cap / scale,
            Row(own_flow=routes / use[:, None, None], outlay=len(terms.contracts), outlay_weight=-self.pass_through / (scale * use)),
            "levy_on_use", charge=routes * scale[:, None, None]))
