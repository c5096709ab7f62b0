"""Export quota; a quota of zero is a ban."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Fault, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Instrument, Tonnes, mask, register, routes


@register
class ExportQuota(Instrument):
    """A limit on one region's exports of one good, all destinations of the list together.

    Condition: quota - exports  complementary to  0 <= rent (USD/t), added to the export levy on these routes; a quota of 0 closes
    them. Who pays: foreign buyers and, through a lower gate price, own producers; the rent goes to `rent_owner`, export taxes on it
    to the exporter's treasury.

    Fields
    ------
    exporter : region. quota : t/yr. destinations : regions; None: every other region.
    rent_owner : "exporter", "destination", or a region's name.
    """

    kind: Literal["export_quota"] = "export_quota"
    good: str
    exporter: str
    quota: Tonnes
    destinations: list[str] | None = None
    rent_owner: str = "exporter"

    region_fields: ClassVar[tuple[str, ...]] = ("exporter", "destinations")

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
