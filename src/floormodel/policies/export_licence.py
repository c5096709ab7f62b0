"""Export licence: a share of what foreign buyers ask for is refused, and licensing takes time."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from floormodel.equilibrium.terms import Licence, Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Share, mask, register, rent_owner_faults, rent_owners, routes


@register
class ExportLicence(Instrument):
    """Licences for one region's exports of one good, of which a share is refused or left lying.

    Condition: (1 - refused) desired exports - exports  complementary to  0 <= rent (USD/t), added to the export levy on these routes;
    desired are the exports in the market without any licence, all other instruments in force. All refused closes the routes. A delay
    adds a resource cost of delay x gate price to each tonne; it is in force where exports desired are counted.

    Who pays: foreign buyers and, through a lower price at the gate, own producers; the rent goes to `licence_holder`, export taxes on
    it to the exporter's treasury. What the delay costs is nobody's income.

    Fields
    ------
    good (good) : the good under licence.
    exporter (region) : the region that licenses.
    refused (share of desired exports) : what is refused; 1 closes the routes.
    delay (share of the gate price) : what waiting for a licence costs: capital, stock and interruptions.
    destinations (regions) : destinations that need a licence. None: every other region.
    licence_holder (region or word) : who keeps the rent: "exporter", "destination", or the name of a region.

    Limits: all destinations together; which of them gets the licences is left to what they pay. Several licences are counted against a
    market without any of them.

    Source: the quota rent as the multiplier of a quantity limit, as in Takayama and Judge (1971), on a limit that moves with demand;
    time as an ad valorem cost as in Hummels and Schaur, "Time as a trade barrier", American Economic Review 103 (2013).
    """

    kind: Literal["export_licence"] = "export_licence"
    good: str
    exporter: str
    refused: Share = 0.0
    delay: Share = 0.0
    destinations: list[str] | None = None
    licence_holder: str = "exporter"

    region_fields: ClassVar[tuple[str, ...]] = ("exporter", "destinations")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "magnet", "exporter": "CHN", "refused": 0.25, "delay": 0.03}
    example_source: ClassVar[str] = (
        "China licenses exports of magnets with heavy rare earths: Announcement No. 18 of 2025 of the Ministry of Commerce and the General "
        "Administration of Customs, 4 April 2025; that it concerns all magnets, a quarter of them refused and a cost of waiting of 3 % of "
        "their price, are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"refused": 0.0, "delay": 0.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market) + rent_owner_faults("licence_holder", self.licence_holder, market.regions)
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        licensed = routes(mask([self.exporter], market.regions), mask(self.destinations, market.regions, default=True))
        if not (licensed & b.trade[good]).any() or (self.refused == 0 and self.delay == 0):
            self.inert(terms, f"nothing is refused or delayed, or {self.exporter} exports no {self.good!r} on these routes")
            return
        terms.delay[:, good][:, licensed] += self.delay
        if self.refused == 1:
            terms.closed[good] |= licensed
        if self.refused in (0, 1):
            return
        terms.licences.append(Licence(good, len(terms.unknowns), licensed, 1 - self.refused))
        scale = b.price0[:, good, market.regions.index(self.exporter)]
        terms.unknowns.append(Unknown(
            "rent", number, good, "USD/t", scale, np.zeros(1), np.full(1, np.inf), Row(constant=1.0), "quota_rent",
            export_levy=licensed * scale[:, None, None], owner=rent_owners(self.licence_holder, market.regions)))
