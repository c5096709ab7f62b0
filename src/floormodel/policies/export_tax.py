"""Export tax: an ad valorem or specific charge on exports."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Levy, Rate, mask, register, routes


@register
class ExportTax(Instrument):
    """A charge on exports of one good by each exporter.

    Condition: b = (p + export_levy)(1 + export_rate) + freight; a closed form, no unknown. The ad valorem base is the gate price
    with specific charges, p + export_levy. Who pays: foreign buyers and, through a lower gate price, own producers; the exporter's
    treasury collects.

    Fields
    ------
    exporters : regions. destinations : regions; None: every region but the exporter itself.
    rate : share of the gate price. levy : USD/t. Both add to the charges in force unless `replaces_existing`.
    """

    kind: Literal["export_tax"] = "export_tax"
    good: str
    exporters: list[str] = Field(min_length=1)
    destinations: list[str] | None = None
    rate: Rate = 0.0
    levy: Levy = 0.0
    replaces_existing: bool = False

    region_fields: ClassVar[tuple[str, ...]] = ("exporters", "destinations")

    def add(self, terms: Terms, market: Market, number: int) -> None:
        taxed = routes(mask(self.exporters, market.regions), mask(self.destinations, market.regions, default=True))
        good = market.goods.index(self.good)
        if (self.rate == 0 and self.levy == 0 and not self.replaces_existing) or not (taxed & terms.benchmark.trade[good]).any():
            self.inert(terms, f"no charge, or no benchmark exports of {self.good!r} on these routes")
        terms.add_export(good, taxed, self.rate, self.levy, self.replaces_existing)
