"""Export tax: an ad valorem or specific charge on exports."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Levy, Rate, mask, register, routes


@register
class ExportTax(Instrument):
    """A charge on exports of one good by each exporter.

    Condition: b = (p + export_levy)(1 + export_rate) + freight; a closed form, no unknown. The ad valorem base is the gate price
    with specific charges, p + export_levy.

    Who pays: foreign buyers and, through a lower price at the gate, own producers; the exporter's treasury collects.

    Fields
    ------
    good (good) : the good taxed.
    exporters (regions) : regions that levy it.
    destinations (regions) : destinations taxed. None: every other region.
    rate (share of the gate price) : ad valorem charge, 0.15 for 15 %.
    levy (USD/t) : specific charge.
    replaces_existing (yes or no) : put in place of the charges in force; otherwise added to them.

    Source: Krugman and Obstfeld, International Economics: the specific and the ad valorem wedge at a border.
    """

    kind: Literal["export_tax"] = "export_tax"
    good: str
    exporters: list[str] = Field(min_length=1)
    destinations: list[str] | None = None
    rate: Rate = 0.0
    levy: Levy = 0.0
    replaces_existing: bool = False

    region_fields: ClassVar[tuple[str, ...]] = ("exporters", "destinations")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "exporters": ["CHN"], "rate": 0.15}
    example_source: ClassVar[str] = (
        "China taxed exports of light rare earth oxides such as neodymium's at 15 %, beside the value added tax it has not refunded since "
        "2007: Foreign Policy Journal, 'The case against China on export controls', 25 May 2012; the duties ended on 1 May 2015, after the "
        "WTO's panel report in DS431 (26 March 2014, its text not read); to set that rate on today's trade is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"rate": 0.0}

    def add(self, terms: Terms, market: Market, number: int) -> None:
        taxed = routes(mask(self.exporters, market.regions), mask(self.destinations, market.regions, default=True))
        good = market.goods.index(self.good)
        if (self.rate == 0 and self.levy == 0 and not self.replaces_existing) or not (taxed & terms.benchmark.trade[good]).any():
            self.inert(terms, f"no charge, or no benchmark exports of {self.good!r} on these routes")
        terms.add_export(good, taxed, self.rate, self.levy, self.replaces_existing)
