"""Price-gap subsidy: a contract for difference on producers' receipts."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Contract, Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Share, mask, register


@register
class PriceGapSubsidy(Instrument):
    """A payment on producers' receipts: guarantee = max(0, strike - r) - upside_share max(0, r - upside_threshold).

    Conditions: without a volume cap the guarantee is marginal, X = S(pn), pn = (p + guarantee)(1 - royalty) + subsidy. With a cap
    V: X = median(S(pn), V, S(pn without it)) while the guarantee is positive, paid on min(X, V); a clawback on min(V, X0) is
    inframarginal. Budget: outlay - budget  complementary to  0 <= scaling <= 1 of the guarantee. Who pays: `payer`'s treasury
    (default: each region's own).

    Shapes: one-way (upside_share 0), two-way (upside_share 1), MP Materials 2025 (strike 110 000, upside_share 0.3), Lynas-JARE
    2026 (strike 110 000, upside_threshold 150 000, upside_share 0.3, clawback_cap 10e6, payer "JPN").

    Fields
    ------
    regions : whose producers hold the contract. strike, upside_threshold (default: strike) : USD/t. reference : "own" price or
    "index", the output-weighted price over `index_regions` (default: regions). volume_cap : t/yr per region. money_cap,
    clawback_cap : USD/yr per region, on the payment only. budget : USD/yr for the programme.
    """

    kind: Literal["price_gap_subsidy"] = "price_gap_subsidy"
    good: str
    regions: list[str] = Field(min_length=1)
    strike: float = Field(gt=0)
    upside_threshold: Money | None = None
    upside_share: Share = 0.0
    reference: Literal["own", "index"] = "own"
    index_regions: list[str] | None = None
    volume_cap: float | None = Field(default=None, gt=0)
    money_cap: Money | None = None
    clawback_cap: Money | None = None
    budget: float | None = Field(default=None, gt=0)
    payer: str | None = None

    region_fields: ClassVar[tuple[str, ...]] = ("regions", "index_regions", "payer")

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        if self.upside_threshold is not None and self.upside_threshold < self.strike:
            faults.append(Fault("upside_threshold", repr(self.upside_threshold), f"at least the strike {self.strike:g}"))
        if self.index_regions is not None and self.reference == "own":
            faults.append(Fault("index_regions", repr(self.index_regions), "nothing", 'set reference = "index" to use them'))
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
        weights = np.eye(size)
        if self.reference == "index":
            base = np.where(mask(self.index_regions or self.regions, market.regions), b.output0[:, good].mean(0), 0.0)
            if base.sum() == 0:
                self.inert(terms, f"no benchmark output of {self.good!r} in the index regions")
                return
            weights = np.tile(base / base.sum(), (size, 1))
        if self.upside_share == 0 and np.all(b.price0[:, good][:, holders] >= self.strike):
            terms.notes.append(f"price_gap_subsidy: strike {self.strike:g} is not above the benchmark price; it pays only if prices fall")
        payer = np.arange(size) if self.payer is None else np.full(size, market.regions.index(self.payer))
        scaling = None
        if self.budget is not None:
            scaling = len(terms.unknowns)
            terms.unknowns.append(Unknown("scaling", number, good, "1", np.ones(1), np.zeros(1), np.ones(1),
                                          Row(budget=len(terms.contracts)), "guarantee"))
        terms.contracts.append(Contract(
            number, good, holders, self.strike, self.strike if self.upside_threshold is None else self.upside_threshold,
            self.upside_share, weights, self.volume_cap, self.money_cap, self.clawback_cap, payer, scaling, self.budget))
