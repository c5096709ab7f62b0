"""Evasion of duties: relabelling, transshipment, false values."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from floormodel.equilibrium import terms as kernel
from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Share, mask, register, routes


@register
class Evasion(Instrument):
    """A share of the tonnes of one good that pays none of the duties and floor levies of other instruments.

    The share rises with what there is to save. It is no measure itself: alone it changes nothing.

    Condition: of the tonnes on a route h = most (1 - exp(-W / scale)) evade the added duties W, USD/t. Each evader bears a cost below W,
    the last one W itself, so that buyers pay W less the integral of h from 0 to W; a closed form, no unknown.

    Who pays: treasuries collect (1 - h) W a tonne instead of W; h W less the integral is spent on evading. Of a levy under a quota the
    owner of licences bears the part that is his. Duties in force in the benchmark are paid.

    Fields
    ------
    good (good) : the good whose duties are evaded.
    importers (regions) : whose duties. None: those of every region.
    exporters (regions) : where the tonnes come from. None: every region.
    most (share) : largest share that can evade.
    scale (USD/t) : duty at which 63 % of that share does, 1 - 1/e; the mean cost of evading.

    Limits: evaded tonnes are shown with their true origin. Of several on a route the one with the larger `most` counts.
    Import duties and floor levies are evaded, export controls are not.

    Source: evasion that rises with the rate, Fisman and Wei (2004), Tax Rates and Tax Evasion: Evidence from "Missing Imports" in China.
    """

    kind: Literal["evasion"] = "evasion"
    good: str
    importers: list[str] | None = None
    exporters: list[str] | None = None
    most: Share
    scale: float = Field(gt=0)

    region_fields: ClassVar[tuple[str, ...]] = ("importers", "exporters")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "magnet", "importers": ["USA"], "exporters": ["CHN"], "most": 0.3, "scale": 10_000.0}
    example_beside: ClassVar[tuple[dict[str, Any], ...]] = (
        {"kind": "import_tariff", "good": "magnet", "importers": ["USA"], "origins": ["CHN"], "rate": 0.25},)
    example_source: ClassVar[str] = (
        "The trigger prices of the United States for steel, 1978 to 1982, were evaded by mislabelled grades and resales between related "
        "firms (Anderson, 'The Steel Trigger Price Mechanism', Federal Reserve Bank of Cleveland, Economic Commentary, 17 May 1982, "
        "fraser.stlouisfed.org/title/economic-commentary-federal-reserve-bank-cleveland-4515); magnets, the duty on them since 1 January "
        "2026 and both figures are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"most": 0.0}
    idempotent: ClassVar[bool] = True

    def add(self, terms: Terms, market: Market, number: int) -> None:
        good = market.goods.index(self.good)
        where = routes(*(mask(named, market.regions, default=True) for named in (self.exporters, self.importers)))
        if self.most == 0 or not (where & terms.benchmark.trade[good]).any():
            self.inert(terms, f"nobody evades, or no route for {self.good!r}")
            return
        terms.evasions.append(kernel.Evasion(number, good, where, self.most, self.scale))
