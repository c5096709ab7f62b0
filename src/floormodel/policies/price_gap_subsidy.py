"""Price-gap subsidy: a contract for difference on producers' receipts."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Contract, Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Share, mask, register
from floormodel.policies.reference import Reference, ReferencePrice


@register
class PriceGapSubsidy(Instrument):
    """A contract for difference on what producers receive: the strike less a reference price while that is lower.

    The guarantee per tonne is max(0, strike - r) - upside_share max(0, r - upside_threshold). One-way: share 0. Two-way: share 1.

    Conditions: without a volume cap the guarantee is marginal, X = S(pn), pn = (p + guarantee)(1 - royalty) + subsidy. With a cap
    V: X = median(S(pn), V, S(pn without it)) while the guarantee is positive, paid on min(X, V); a clawback on min(V, X0) is
    inframarginal. Budget: outlay - budget  complementary to  0 <= scaling <= 1 of the guarantee.

    Who pays: the treasury of `payer`, or each region's own.

    Fields
    ------
    good (good) : the good supported.
    regions (regions) : whose producers hold the contract.
    strike (USD/t) : guaranteed price.
    upside_threshold (USD/t) : price above which producers share the excess. None: the strike.
    upside_share (share) : share of the excess they pay back.
    reference (word or table) : reference price r: the producer's "own", an "index", or a table that says more (`fm.ReferencePrice`), such
        as `{ kind = "index", regions = ["CHN"], vat = 0.13, lag_months = 1 }` or `{ kind = "cost", regions = ["USA"], margin = 0.1 }`.
    index_regions (regions) : regions of the "index", weighted by benchmark output. None: those of `regions`.
    volume_cap (t/yr) : tonnes a year and region that are guaranteed. None: all.
    money_cap (USD/yr) : largest payment per region; it does not change what producers do at the margin. None: no cap.
    clawback_cap (USD/yr) : largest pay-back per region. None: no cap.
    budget (USD/yr) : outlay of the whole programme; the guarantee is scaled down to keep to it. None: no limit.
    payer (region) : region whose treasury pays. None: each region its own.

    Source: the contracts named MP Materials 2025 (strike 110,000, upside_share 0.3) and Lynas and JARE 2026 (strike 110,000,
    upside_threshold 150,000, upside_share 0.3, clawback_cap 10e6, payer Japan).
    """

    kind: Literal["price_gap_subsidy"] = "price_gap_subsidy"
    good: str
    regions: list[str] = Field(min_length=1)
    strike: float = Field(gt=0)
    upside_threshold: Money | None = None
    upside_share: Share = 0.0
    reference: Reference = "own"
    index_regions: list[str] | None = None
    volume_cap: float | None = Field(default=None, gt=0)
    money_cap: Money | None = None
    clawback_cap: Money | None = None
    budget: float | None = Field(default=None, gt=0)
    payer: str | None = None

    region_fields: ClassVar[tuple[str, ...]] = ("regions", "index_regions", "payer")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "regions": ["USA"], "strike": 110_000.0, "upside_share": 0.3}
    example_source: ClassVar[str] = (
        "The United States guarantee MP Materials 110 USD/kg of NdPr from 1 October 2025 to 2035 and take 30 % of what lies above it: "
        "Price Protection Agreement of July 2025, MP Materials 10-Q, sec.gov/Archives/edgar/data/1801368/000180136825000054/R10.htm; "
        "that MP's contract covers all US output, and the share from the first year on, is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"strike": 1.0, "upside_share": 0.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        if self.upside_threshold is not None and self.upside_threshold < self.strike:
            faults.append(Fault("upside_threshold", repr(self.upside_threshold), f"at least the strike {self.strike:g}"))
        if self.index_regions is not None and self.reference != "index":
            faults.append(Fault("index_regions", repr(self.index_regions), "nothing", 'set reference = "index" to use them'))
        if isinstance(self.reference, ReferencePrice):
            faults += self.reference.check("reference", self.good, self.regions, market)
        if self.budget is not None and self.money_cap is not None:
            faults.append(Fault("money_cap", repr(self.money_cap), "nothing beside a budget", "a budget already limits the outlay"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        holders = mask(self.regions, market.regions) & (np.any(b.output0[:, good] > 0, axis=0) | b.latent[good])
        if not holders.any():
            self.inert(terms, f"none of {self.regions} produces {self.good!r}")
            return
        size = len(market.regions)
        reference = ReferencePrice(kind=self.reference) if isinstance(self.reference, str) else self.reference
        weights, constant = reference.weights(good, self.index_regions or self.regions, b, market)
        if constant is None and not weights.any():
            self.inert(terms, f"no benchmark output of {self.good!r} in the index regions")
            return
        reference0 = b.price0[:, good] @ weights.T + (0.0 if constant is None else constant)
        if self.upside_share == 0 and np.all(reference0[:, holders] >= self.strike):
            terms.notes.append(f"price_gap_subsidy: strike {self.strike:g} is not above the reference price; it pays only if prices fall")
        payer = np.arange(size) if self.payer is None else np.full(size, market.regions.index(self.payer))
        scaling = None
        if self.budget is not None:
            scaling = len(terms.unknowns)
            row = Row(constant=-1.0, outlay=len(terms.contracts), outlay_weight=np.array([1 / self.budget]))
            terms.unknowns.append(Unknown("scaling", number, good, "1", np.ones(1), np.zeros(1), np.ones(1), row, "guarantee"))
        terms.contracts.append(Contract(
            number, good, holders, self.strike, self.strike if self.upside_threshold is None else self.upside_threshold,
            self.upside_share, weights, self.volume_cap, self.money_cap, self.clawback_cap, payer, scaling, constant))
