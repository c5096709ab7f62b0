"""Country quotas with a variable levy outside them, as the EU's safeguard on ferro-alloys."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Floor, Row, Terms, Unknown
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Tonnes, register
from floormodel.policies.licences import licence_owner, quota_faults, quota_routes
from floormodel.policies.reference import Price, price_faults, price_level


@register
class VariableLevyQuota(Instrument):
    """Import quotas by origin; what comes beyond its quota pays what its border price lacks to a threshold.

    Condition: for each origin quota - imports  complementary to  0 <= w <= 1, and its landed price rises by
    w max(0, threshold - border price). At 0 < w < 1 imports stay at the quota, which sets the price inside; only at w = 1 do tonnes
    beyond it come in and pay the levy. A quota of 0 is a minimum import price.

    Who pays: buyers in `importers`; w max(0, threshold - border price) on the tonnes within the quota is the rent of those who hold its
    `licences`, on the others it is the importer's levy.

    Fields
    ------
    good (good) : the good limited.
    importers (regions) : the customs area; each quota holds for all of them together.
    threshold (USD/t, or a table) : border price below which tonnes beyond the quota pay a levy; a number, or a cost of production
        (`fm.ReferencePrice`).
    quota (t/yr by region) : quota of each origin. The key "others" is one quota for all origins that are not named; without it they pay
        nothing.
    licences (region or word) : who earns the rent of the quota: "importer", "exporter", or the name of a region.

    Source: Commission Implementing Regulation (EU) 2025/2351 (form of the quota and of the duty).
    """

    kind: Literal["variable_levy_quota"] = "variable_levy_quota"
    good: str
    importers: list[str] = Field(min_length=1)
    threshold: Price
    quota: dict[str, Tonnes] = Field(min_length=1)
    licences: str = "importer"

    region_fields: ClassVar[tuple[str, ...]] = ("importers",)
    example_market: ClassVar[str] = "ferrosilicon"
    example: ClassVar[dict[str, Any]] = {
        "good": "ferrosilicon", "importers": ["EU27"], "threshold": 2_606.0,
        "quota": {"NOR": 106_600.0, "ISL": 53_060.0, "MYS": 55_800.0, "KAZ": 59_600.0, "BRA": 58_300.0}}
    example_source: ClassVar[str] = (
        "The EU's safeguard on ferro-alloys, 18 November 2025 to 17 November 2028: quotas of 75 % of average imports of 2022 to 2024 and, "
        "beyond them, a duty up to a net price of 2,408 EUR/t of ferro-silicon, here at 1.0824 USD/EUR (Implementing Regulation (EU) "
        "2025/2351, its annexes not read: the threshold is as reported by S&P Global, 13 November 2025, Iceland's quota of the first year "
        "by Metallurgprom, 18 November 2025); the other quotas, 75 % of the market's benchmark shipments, and the freedom of origins left "
        "out are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"quota": {"NOR": 1e9, "ISL": 1e9}}
    idempotent: ClassVar[bool] = True

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market) + quota_faults(self.quota, self.importers, self.licences, market)
        return faults + price_faults("threshold", self.threshold, self.good, self.importers, market)

    def add(self, terms: Terms, market: Market, number: int) -> None:
        good, owner = market.goods.index(self.good), licence_owner(self.licences, market)
        limits = [limit for limit in quota_routes(self.quota, self.importers, market) if (limit[2] & terms.benchmark.trade[good]).any()]
        if not limits:
            self.inert(terms, f"no route for {self.good!r} from {', '.join(self.quota)} to {', '.join(self.importers)}")
        level = price_level(self.threshold, good, self.importers, terms.benchmark, market)
        for origin, quota, limited in limits:
            if quota == 0:
                terms.floors.append(Floor(number, good, level, limited))
                continue
            terms.floors.append(Floor(number, good, level, limited, unknown=len(terms.unknowns), by_unknown=(0.0, 1.0, 0.0),
                                      licensed=np.array([quota]), owner=owner))
            terms.unknowns.append(Unknown(f"levy[{origin}]", number, good, "1", np.ones(1), np.zeros(1), np.ones(1),
                                          Row(constant=1.0, flow=-(limited[None] / quota)), "floor_levy"))
