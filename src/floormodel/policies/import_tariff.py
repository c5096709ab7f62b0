"""Import tariff: an ad valorem or specific duty."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Levy, Rate, mask, register, routes


@register
class ImportTariff(Instrument):
    """A duty on one good at the border of each importer.

    Condition: c = (b + t_undertaking)(1 + import_rate) + import_levy + t_levy; a closed form, no unknown. The ad valorem base is
    the border price b (cif).

    Who pays: buyers in the importing regions and, through a lower price at the gate, foreign producers; the importer's treasury
    collects.

    Fields
    ------
    good (good) : the good taxed.
    importers (regions) : regions that levy it.
    origins (regions) : regions whose tonnes are taxed. None: every region that is not an importer.
    rate (share of the border price) : ad valorem duty, 0.25 for 25 %.
    levy (USD/t) : specific duty.
    replaces_existing (yes or no) : put in place of the duties in force; otherwise added to them.

    Source: Krugman and Obstfeld, International Economics: the specific and the ad valorem wedge at a border.
    """

    kind: Literal["import_tariff"] = "import_tariff"
    good: str
    importers: list[str] = Field(min_length=1)
    origins: list[str] | None = None
    rate: Rate = 0.0
    levy: Levy = 0.0
    replaces_existing: bool = False

    region_fields: ClassVar[tuple[str, ...]] = ("importers", "origins")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "magnet", "importers": ["USA"], "origins": ["CHN"], "rate": 0.25}
    example_source: ClassVar[str] = (
        "The United States tax permanent magnets from China (HTS 8505.11.00) at 25 % on top of the normal duty since 1 January 2026: "
        "USTR, notice of modification under section 301, 89 FR 76581, 18 September 2024.")
    slack: ClassVar[dict[str, Any]] = {"rate": 0.0}

    def add(self, terms: Terms, market: Market, number: int) -> None:
        importers = mask(self.importers, market.regions)
        origins = ~importers if self.origins is None else mask(self.origins, market.regions)
        taxed = routes(origins, importers)
        good = market.goods.index(self.good)
        if (self.rate == 0 and self.levy == 0 and not self.replaces_existing) or not (taxed & terms.benchmark.trade[good]).any():
            self.inert(terms, f"no duty, or no benchmark imports of {self.good!r} on these routes")
        terms.add_import(good, taxed, self.rate, self.levy, self.replaces_existing)
