"""Export tax escalation: rates along a chain, higher on what is less processed."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Rate, mask, register, routes


@register
class ExportEscalation(Instrument):
    """Ad valorem export taxes on several goods of a chain by one table, as a rule higher on those less processed.

    Condition: b = (p + export_levy)(1 + export_rate) + freight for each good of the table; a closed form, no unknown.

    Who pays: foreign buyers and, through a lower price at the gate, own producers; processors at home gain from the tax on their
    inputs and lose from that on what they make. The exporter's treasury collects.

    Fields
    ------
    rates (good -> share of the gate price) : ad valorem charge on each good, { mined = 0.15 } for 15 % on ore.
    exporters (regions) : regions that levy it.
    destinations (regions) : destinations taxed. None: every other region.
    replaces_existing (yes or no) : put in place of the charges in force; otherwise added to them.

    Source: effective protection as in Corden, "The structure of a tariff system and the effective protective rate", Journal of
    Political Economy 74 (1966), applied to export taxes.
    """

    kind: Literal["export_escalation"] = "export_escalation"
    rates: Annotated[dict[str, Rate], Field(min_length=1)]
    exporters: list[str] = Field(min_length=1)
    destinations: list[str] | None = None
    replaces_existing: bool = False

    region_fields: ClassVar[tuple[str, ...]] = ("exporters", "destinations")
    good_fields: ClassVar[tuple[str, ...]] = ("rates",)
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"rates": {"mined": 0.15, "ndpr_oxide": 0.15, "magnet": 0.0}, "exporters": ["CHN"]}
    example_source: ClassVar[str] = (
        "China taxed exports of neodymium at 15 % in 2010, 25 % from 2011: Global Trade Alert, state act 2151, "
        "globaltradealert.org/state-act/2151; that ores paid as much and magnets nothing was not read there, and to set these rates on "
        "today's trade is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"rates": {"mined": 0.0, "ndpr_oxide": 0.0}}

    def add(self, terms: Terms, market: Market, number: int) -> None:
        taxed = routes(mask(self.exporters, market.regions), mask(self.destinations, market.regions, default=True))
        trade = terms.benchmark.trade
        for good, rate in self.rates.items():
            g = market.goods.index(good)
            if (rate == 0 and not self.replaces_existing) or not (taxed & trade[g]).any():
                terms.notes.append(f"export_escalation: no charge, or no benchmark exports, of {good!r} on these routes")
            terms.add_export(g, taxed, rate, 0.0, self.replaces_existing)
        if not self.replaces_existing and not any(self.rates.values()):
            self.inert(terms, "every rate is 0")
