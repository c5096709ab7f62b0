"""Domestic processing requirement; all of the output is a ban on raw exports."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Share, mask, register, rent_owner_faults, rent_owners, routes


@register
class DomesticProcessing(Instrument):
    """A share of one region's output of a raw good that must stay at home, for its processors and other users.

    Condition: (1 - share) X - raw exports  complementary to  0 <= rent (USD/t), added to the export levy on these routes; a share of
    1 closes them.

    Who pays: the exporter's raw producers, through a lower price at the gate, and foreign buyers; its processors gain. The rent goes to
    `licence_holder`; `output_based`, to the raw producers per tonne made, so that they keep (1 - share) rent on each tonne. Export taxes
    on the rent go to the exporter's treasury.

    Fields
    ------
    good (good) : the raw good.
    exporter (region) : the region that requires it.
    share (share of output) : what must stay at home; 1 is a ban on raw exports.
    exempt (regions) : destinations that the requirement does not concern. None: no destination.
    licence_holder (region or word) : who holds the licences for what may leave and keeps the rent: "exporter", "destination", or the
        name of a region.
    output_based (yes or no) : licences are handed to raw producers with each tonne they make, not to their holders as a fixed right.
    expiry_years (years) : how long it is to last. It is carried along and named in the notes; the model of one year has no use for it.
        None: without end.

    Limits: recycled tonnes that are exported count against the share, which is of what is mined. What is used at home
    counts as processed, whoever uses it, and so do tonnes thrown away at scrap value where home users
    cannot take them; plants that are not in the market come in as opened projects only.

    Source: a quantity limit with its multiplier as in Takayama and Judge (1971), tied to output.
    """

    kind: Literal["domestic_processing"] = "domestic_processing"
    good: str
    exporter: str
    share: Share
    exempt: list[str] | None = None
    licence_holder: str = "exporter"
    output_based: bool = False
    expiry_years: float | None = Field(default=None, gt=0)

    region_fields: ClassVar[tuple[str, ...]] = ("exporter", "exempt")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "mined", "exporter": "MYS", "share": 1.0}
    example_source: ClassVar[str] = (
        "Malaysia keeps its ban on exports of raw rare earths, so that value is added at home: Reuters, 29 October 2025, at "
        "news.metal.com/newscontent/103599903; that all of its mined output is raw material under the ban is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"share": 0.0}
    idempotent: ClassVar[bool] = True

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market) + rent_owner_faults("licence_holder", self.licence_holder, market.regions)
        if self.exporter in (self.exempt or []):
            faults.append(Fault("exempt", repr(self.exporter), "destinations abroad", "use at home is not an export"))
        if self.output_based and self.licence_holder != "exporter":
            faults.append(Fault("licence_holder", repr(self.licence_holder), '"exporter" with output_based = true',
                                "licences handed to producers have no other holder"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good, home = terms.benchmark, market.goods.index(self.good), market.regions.index(self.exporter)
        raw = routes(mask([self.exporter], market.regions), ~mask(self.exempt, market.regions))
        if not (raw & b.trade[good]).any():
            self.inert(terms, f"{self.exporter} exports no {self.good!r} on these routes")
            return
        if self.share == 0:
            self.inert(terms, "a share of 0 requires nothing")
            return
        if self.expiry_years is not None:
            terms.notes.append(f"domestic_processing: to last {self.expiry_years:g} years; the model of one year does not use it")
        if not np.any(b.use0[:, good, home] > 0):
            terms.notes.append(f"domestic_processing: nobody in {self.exporter} uses {self.good!r} in the benchmark")
        if self.share == 1:
            terms.closed[good] |= raw
            return
        made = np.where(b.output0[:, good, home] > 0, b.output0[:, good, home], b.latent_capacity[:, good, home])
        made = np.where(made > 0, made, 1.0)
        exports = np.where(raw, b.flow0[:, good], 0.0).sum((-1, -2))
        if np.all(exports <= (1 - self.share) * made) and not b.latent[good, home]:
            terms.notes.append(f"domestic_processing: benchmark exports ({np.max(exports):g} t) are within 1 - share of output")
        at_home = np.eye(len(market.regions))[home] / made[:, None]
        scale = b.price0[:, good, home]
        terms.unknowns.append(Unknown(
            "rent", number, good, "USD/t", scale, np.zeros(1), np.full(1, np.inf),
            Row(output=(1 - self.share) * at_home, flow=raw / -made[:, None, None]), "quota_rent",
            export_levy=raw * scale[:, None, None], owner=rent_owners(self.licence_holder, market.regions),
            subsidy=(1 - self.share) * np.eye(len(market.regions))[home] * scale[:, None] if self.output_based else None))
