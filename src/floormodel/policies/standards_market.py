"""A market in which a share of what is bought must be certified, with tradable credits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Terms
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Share, register
from floormodel.policies.credits import add_credits

Cost = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@register
class StandardsMarket(Instrument):
    """Buyers of a region must show certificates for a share of the tonnes they buy; a certified tonne earns one credit.

    Conditions: (certified - share) x tonnes bought  complementary to  0 <= l <= penalty, l the price of a credit, one in each region.
    c += l share - integral of certified from 0 to l; certified = certified0 + (potential - certified0)(1 - exp(-l / cost)) of an origin's
    tonnes. The price of a credit is the green premium of a certified tonne.

    Who pays: buyers of tonnes without certificate pay those who certify; what certifying costs is lost. Only where the price is at the
    penalty, the buyer's treasury collects it on the tonnes that are missing.

    Fields
    ------
    good (good) : the good under the standard.
    regions (regions) : regions where it holds; credits are traded within each.
    share (share) : part of the tonnes bought that must be certified.
    certified (table of region = share) : part of an origin's tonnes that is certified already. Origins left out: none.
    potential (table of region = share) : part that can be certified. Origins left out: what is certified already.
    cost (table of region = USD/t) : mean cost of certifying a tonne more; needed where the potential is above what is certified.
    penalty (USD/t) : charge for a missing credit, and so its highest price.

    Limits: every destination gets an origin's average certified share. Steering certified tonnes to buyers under the standard, which would
    lower the premium, is left out.

    Source: tradable green certificates, as in Amundsen and Mortensen (2001), Energy Economics 23: 489-509.
    """

    kind: Literal["standards_market"] = "standards_market"
    good: str
    regions: list[str] = Field(min_length=1)
    share: Share
    certified: dict[str, Share] = Field(default_factory=dict)
    potential: dict[str, Share] = Field(default_factory=dict)
    cost: dict[str, Cost] = Field(default_factory=dict)
    penalty: Money

    region_fields: ClassVar[tuple[str, ...]] = ("regions", "certified", "potential", "cost")
    example_market: ClassVar[str] = "cobalt"
    example: ClassVar[dict[str, Any]] = {
        "good": "refined", "regions": ["EU27"], "share": 0.9, "penalty": 3_000.0,
        "certified": {"EU27": 0.9, "CAN": 0.9, "AUS": 0.9, "JPN": 0.9, "CHN": 0.5},
        "potential": {"EU27": 1.0, "CAN": 1.0, "AUS": 1.0, "JPN": 1.0, "CHN": 1.0, "USA": 1.0, "ROW": 0.8},
        "cost": {"EU27": 200.0, "CAN": 200.0, "AUS": 200.0, "JPN": 200.0, "CHN": 500.0, "USA": 200.0, "ROW": 500.0}}
    example_source: ClassVar[str] = (
        "The EU asks makers of batteries for verified due diligence on cobalt from 18 August 2027: Regulation (EU) 2023/1542, articles 47 "
        "to 53, as amended by Regulation (EU) 2025/1561; the share, the certified shares, costs and the penalty are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"share": 0.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        for region, most in self.potential.items():
            already = self.certified.get(region, 0.0)
            if most < already:
                faults.append(Fault(f"potential.{region}", repr(most), f"at least the {already:g} that is certified already"))
            elif most > already and region not in self.cost:
                faults.append(Fault(f"cost.{region}", "nothing", "the cost of certifying, USD/t"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        have = _by_region(self.certified, market, 0.0)
        most = np.maximum(have, _by_region(self.potential, market, 0.0))
        if np.all(most < self.share):
            terms.notes.append(f"standards_market: no origin can be certified to {self.share:g}; buyers pay the penalty")
        add_credits(self, terms, market, number, have, most, _by_region(self.cost, market, 1.0))


def _by_region(table: Mapping[str, float], market: Market, default: float) -> Array:
    return np.array([table.get(region, default) for region in market.regions])
