"""Export quota; a quota of zero is a ban."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Fault, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Instrument, Tonnes, mask, register, routes


@register
class ExportQuota(Instrument):
    """A limit on one region's exports of one good, all destinations of the list together.

    Condition: quota - exports  complementary to  0 <= rent (USD/t), added to the export levy on these routes; a quota of 0 closes
    them.

    Who pays: foreign buyers and, through a lower price at the gate, own producers; the rent goes to `rent_owner`, export taxes on
    it to the exporter's treasury.

    Fields
    ------
    good (good) : the good limited.
    exporter (region) : the region that limits its exports.
    quota (t/yr) : largest exports; 0 is a ban.
    destinations (regions) : destinations it counts for. None: every other region.
    rent_owner (region or word) : who keeps the rent: "exporter", "destination", or the name of a region.

    Source: the quota rent as the multiplier of a quantity limit, as in Takayama and Judge (1971).
    """

    kind: Literal["export_quota"] = "export_quota"
    good: str
    exporter: str
    quota: Tonnes
    destinations: list[str] | None = None
    rent_owner: str = "exporter"

    region_fields: ClassVar[tuple[str, ...]] = ("exporter", "destinations")
    example_market: ClassVar[str] = "cobalt"
    example: ClassVar[dict[str, Any]] = {"good": "mined", "exporter": "COD", "quota": 96_600.0}
    example_source: ClassVar[str] = (
        "DR Congo limits exports of cobalt to 96,600 t a year in 2026 and 2027, 9,600 t of them for strategic projects: decision of "
        "ARECOMS of September 2025, reported by S&P Global, 'Congo's export quotas squeeze cobalt supply as Indonesia's ramps up', "
        "31 December 2025; rent kept by the exporter is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"quota": 1e9}
    idempotent: ClassVar[bool] = True

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        known = ["exporter", "destination", *market.regions]
        if self.rent_owner not in known:
            mend = did_you_mean(self.rent_owner, known)
            faults.append(Fault("rent_owner", repr(self.rent_owner), "exporter | destination | a region", mend))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        limited = routes(mask([self.exporter], market.regions), mask(self.destinations, market.regions, default=True))
        exports = np.where(limited, b.flow0[:, good], 0.0).sum((-1, -2))
        if not (limited & b.trade[good]).any():
            self.inert(terms, f"{self.exporter} exports no {self.good!r} on these routes")
            return
        if self.quota == 0:
            terms.closed[good] |= limited
            return
        if np.all(exports <= self.quota) and not np.any(b.latent):
            terms.notes.append(f"export_quota: {self.quota:g} t is not below benchmark exports ({exports.min():g} t)")
        own = np.arange(len(market.regions))
        owner = {"exporter": own[:, None], "destination": own[None, :]}.get(self.rent_owner)
        if owner is None:
            owner = np.full((1, 1), market.regions.index(self.rent_owner))
        scale = b.price0[:, good, market.regions.index(self.exporter)]
        terms.unknowns.append(Unknown(
            "rent", number, good, "USD/t", scale, np.zeros(1), np.full(1, np.inf),
            Row(constant=1.0, flow=-(limited[None] / self.quota)), "quota_rent",
            export_levy=limited * scale[:, None, None], owner=np.broadcast_to(owner, limited.shape)))
