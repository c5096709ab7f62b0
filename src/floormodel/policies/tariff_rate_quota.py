"""Tariff-rate quota: a low duty within a quota, a high one beyond it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Rate, Tonnes, register
from floormodel.policies.licences import licence_owner, quota_faults, quota_routes


@register
class TariffRateQuota(Instrument):
    """A duty on imports of one good that rises when a quota is full.

    Condition: for each quota: quota - imports  complementary to  0 <= u <= 1, and imports pay levy_in + rate_in b and
    u (levy_out - levy_in + (rate_out - rate_in) b0), where b is the border price and b0 that of the benchmark: beyond the quota an ad
    valorem duty is a specific one of the same benchmark value. At 0 < u < 1 imports stay at the quota.

    Who pays: buyers in `importers` and, through a lower price at the gate, foreign producers. The importer's treasury collects the duty
    within the quota on all tonnes and the whole difference on those beyond it; u times the difference on the tonnes within the quota is
    the rent of those who hold its `licences`.

    Fields
    ------
    good (good) : the good taxed.
    importers (regions) : the customs area; each quota holds for all of them together.
    quota (t/yr by region) : quota of each origin. The key "others" is one quota shared by all origins that are not named, or by all;
        without it origins that are not named pay nothing.
    rate_in (share of the border price) : ad valorem duty within the quota.
    rate_out (share of the border price) : ad valorem duty beyond it.
    levy_in (USD/t) : specific duty within the quota.
    levy_out (USD/t) : specific duty beyond it.
    replaces_existing (yes or no) : put in place of the duties in force; otherwise added to them.
    licences (region or word) : who earns the rent of the quota: "importer", "exporter", or the name of a region.

    Source: the quota rent as the multiplier of a quantity limit, bounded by the duty beyond it, as in Takayama and Judge (1971).
    """

    kind: Literal["tariff_rate_quota"] = "tariff_rate_quota"
    good: str
    importers: list[str] = Field(min_length=1)
    quota: dict[str, Tonnes] = Field(min_length=1)
    rate_in: Rate = 0.0
    rate_out: Rate = 0.0
    levy_in: Money = 0.0
    levy_out: Money = 0.0
    replaces_existing: bool = False
    licences: str = "importer"

    region_fields: ClassVar[tuple[str, ...]] = ("importers",)
    example_market: ClassVar[str] = "ferrosilicon"
    example: ClassVar[dict[str, Any]] = {"good": "ferrosilicon", "importers": ["EU27"], "quota": {"MYS": 55_800.0, "others": 120_000.0},
                                         "rate_out": 0.25}
    example_source: ClassVar[str] = (
        "The EU's safeguard on steel charged 25 % beyond quotas by origin and a residual one for all others (Commission Implementing "
        "Regulation (EU) 2019/159); its form and rate on ferro-silicon, and quotas of 75 % of what Malaysia ships in the benchmark and of "
        "about a third of what all others do, are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"quota": {"MYS": 1e9, "others": 1e9}}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market) + quota_faults(self.quota, self.importers, self.licences, market)
        for what in ("rate", "levy"):
            within, beyond = getattr(self, f"{what}_in"), getattr(self, f"{what}_out")
            if beyond < within:
                faults.append(Fault(f"{what}_out", repr(beyond), f"at least {what}_in, {within:g}"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good, owner = terms.benchmark, market.goods.index(self.good), licence_owner(self.licences, market)
        limits = [limit for limit in quota_routes(self.quota, self.importers, market) if (limit[2] & b.trade[good]).any()]
        if not limits:
            self.inert(terms, f"no route for {self.good!r} from {', '.join(self.quota)} to {', '.join(self.importers)}")
        for origin, quota, limited in limits:
            more = np.where(limited, self.levy_out - self.levy_in + (self.rate_out - self.rate_in) * b.border_price0[:, good], 0.0)
            if quota == 0 or not more.any():
                terms.add_import(good, limited, self.rate_out, self.levy_out, self.replaces_existing)
                continue
            terms.add_import(good, limited, self.rate_in, self.levy_in, self.replaces_existing)
            terms.unknowns.append(Unknown(
                f"duty[{origin}]", number, good, "1", np.ones(1), np.zeros(1), np.ones(1), Row(constant=1.0, flow=-(limited[None] / quota)),
                "import_duty", import_levy=more, owner=owner, licensed=np.array([quota])))
