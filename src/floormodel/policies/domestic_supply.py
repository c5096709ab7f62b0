"""Domestic supply requirement: a volume that must stay at home."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, mask, register, rent_owner_faults, rent_owners, routes

HIGHEST = 10.0  # rent at most, in benchmark prices: a rent that holds a volume nobody takes has no end, and next to no exports pay it


@register
class DomesticSupply(Instrument):
    """A volume of one region's output that must stay at home; what is made beyond it may be exported.

    Condition: X - volume - exports  complementary to  0 <= rent (USD/t) <= 10 times the benchmark price, added to the export levy
    on all routes abroad. At the upper end the volume is not held: home does not want it, and output falls short of it.

    Who pays: own producers, through a lower price at the gate, and foreign buyers; home buyers gain. The rent goes to
    `licence_holder`, export taxes on it to the exporter's treasury.

    Fields
    ------
    good (good) : the good kept.
    exporter (region) : the region that keeps it.
    volume (t/yr) : tonnes of its output that stay at home; below its benchmark output.
    licence_holder (region or word) : who holds the licences for what may leave and keeps the rent: "exporter", "destination", or the
        name of a region.

    Limits: home buyers pay the price that clears the market with these tonnes in it, not one that is set; what they do not want at any
    price is thrown away at scrap value. A set discount is `dual_pricing`.

    Source: an export quota, with its rent as in Takayama and Judge (1971), that moves one for one with output.
    """

    kind: Literal["domestic_supply"] = "domestic_supply"
    good: str
    exporter: str
    volume: float = Field(ge=0)
    licence_holder: str = "exporter"

    region_fields: ClassVar[tuple[str, ...]] = ("exporter",)
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "exporter": "IND", "volume": 80.0}
    example_source: ClassVar[str] = (
        "India asked IREL in June 2025 to stop exports of neodymium and keep it for domestic use: Reuters, 13 June 2025, at "
        "evmagz.com/india-seeks-to-curb-rare-earth-exports-to-japan-prioritise-domestic-supply-amid-china-trade-tensions; a volume of 80 "
        "t, twice what India uses in the benchmark, is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"volume": 0.0}
    idempotent: ClassVar[bool] = True

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market) + rent_owner_faults("licence_holder", self.licence_holder, market.regions)
        if self.good in market.goods and self.exporter in market.regions:
            made = float(np.min(market.dataset["output0"].sel(good=self.good, region=self.exporter)))
            if self.volume > 0 and self.volume >= made > 0:
                faults.append(Fault("volume", f"{self.volume:g}", f"below benchmark output, {made:g} t/yr",
                                    "to keep all of it at home, use domestic_processing with share = 1"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good, home = terms.benchmark, market.goods.index(self.good), market.regions.index(self.exporter)
        abroad = routes(mask([self.exporter], market.regions), mask(None, market.regions, default=True))
        made = b.output0[:, good, home]
        if self.volume == 0 or not (abroad & b.trade[good]).any() or not np.all(made > 0):
            self.inert(terms, f"no volume is kept, or {self.exporter} makes or exports no {self.good!r}")
            return
        exports = np.where(abroad, b.flow0[:, good], 0.0).sum((-1, -2))
        if np.all(exports + self.volume <= made):
            terms.notes.append(f"domestic_supply: {self.volume:g} t is not above what stays at home in the benchmark")
        scale = b.price0[:, good, home]
        terms.unknowns.append(Unknown(
            "rent", number, good, "USD/t", scale, np.zeros(1), np.full(1, HIGHEST),
            Row(constant=-self.volume / made, output=np.eye(len(market.regions))[home] / made[:, None], flow=abroad / -made[:, None, None]),
            "quota_rent", export_levy=abroad * scale[:, None, None], owner=rent_owners(self.licence_holder, market.regions)))
