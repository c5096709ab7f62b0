"""Export licence: a share of what foreign buyers ask for is refused, and licensing takes time."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Share, mask, register, rent_owner_faults, rent_owners, routes


@register
class ExportLicence(Instrument):
    """Licences for one region's exports of one good, of which a share is refused or left lying.

    Condition: (1 - refused) desired exports - exports  complementary to  0 <= rent (USD/t), added to the export levy on these routes;
    desired are the exports that buyers would want at the same gate prices without the rent. All refused closes the routes. A delay
    adds a resource cost of delay x gate price to each tonne.

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

    Limits: what is desired is counted at the gate prices that come out, and all destinations together; which of them gets the licences
    is left to what they pay. Not defined for homogeneous goods, whose buyers want all or nothing.

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
        if market.sourcing == "homogeneous" and self.refused not in (0, 1):
            faults.append(Fault("refused", f"{self.refused:g}", "0 or 1 in a market with sourcing 'homogeneous'",
                                "what buyers desire of one origin is not defined there; limit tonnes with export_quota"))
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
        exports = np.where(licensed, b.flow0[:, good], 0.0).sum((-1, -2))
        base = np.where(exports > 0, exports, np.maximum(b.use0[:, good].max(-1), 1e-300))[:, None, None]
        scale = b.price0[:, good, market.regions.index(self.exporter)]
        terms.unknowns.append(Unknown(
            "rent", number, good, "USD/t", scale, np.zeros(1), np.full(1, np.inf),
            Row(flow=licensed / -base, desired=(1 - self.refused) * licensed / base), "quota_rent",
            export_levy=licensed * scale[:, None, None], owner=rent_owners(self.licence_holder, market.regions)))
