"""Processing capacity: how much plants can make, and what electricity costs them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Share, Tonnes, register


@register
class ProcessingCapacity(Instrument):
    """What one region's plants can make of one good, and the electricity cost in it: without both, rules on raw exports do not process.

    Conditions: output <= capacity, with a scarcity rent to the plants where it binds; margin = pn - inputs - extra cost, extra cost =
    electricity_share x (electricity_price_factor - 1) x benchmark margin.

    Who pays: a scarcity rent is paid by buyers and by sellers of inputs and goes to the plants. Electricity is a resource cost; that of
    the capacity itself is outside the model, and a price of electricity that a treasury holds down is a production subsidy.

    Fields
    ------
    good (good) : the good made.
    region (region) : where.
    limit (t/yr) : most that can be made, in place of the capacity of the market where that is larger. None: no further limit.
    added (t/yr) : capacity added to the one in the market, or to that of an opened latent project.
    electricity_share (share of the benchmark margin) : electricity in the cost of processing.
    electricity_price_factor (number) : price of electricity over that of the benchmark.

    Limits: capacity without an opened project lets plants move along their supply curve further and does not shift it.

    Source: the scarcity rent of a plant as the multiplier of its capacity, as in Takayama and Judge (1971).
    """

    kind: Literal["processing_capacity"] = "processing_capacity"
    good: str
    region: str
    limit: float | None = Field(default=None, gt=0)
    added: Tonnes = 0.0
    electricity_share: Share = 0.0
    electricity_price_factor: float = Field(default=1.0, ge=0)

    region_fields: ClassVar[tuple[str, ...]] = ("region",)
    bloc_fields: ClassVar[tuple[str, ...]] = ()
    example_market: ClassVar[str] = "cobalt"
    example: ClassVar[dict[str, Any]] = {"good": "refined", "region": "EU27", "electricity_share": 0.3, "electricity_price_factor": 0.5}
    example_source: ClassVar[str] = (
        "Electricity for energy-intensive industries cost almost twice as much in the European Union as in the United States and China in "
        "2023: International Energy Agency, Electricity 2024, iea.org/reports/electricity-2024; to bring it to their level, and "
        "electricity as 30 % of the refining margin, are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"electricity_price_factor": 1.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        if self.limit is not None and self.added > 0:
            faults.append(Fault("added", f"{self.added:g}", "nothing beside a limit", "a limit already says what can be made"))
        if not faults and self.electricity_price_factor != 1 and self.electricity_share == 0:
            faults.append(Fault("electricity_share", "0", "above 0 with an electricity_price_factor",
                                "give the share of electricity in the benchmark margin"))
        return faults

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good, home = terms.benchmark, market.goods.index(self.good), market.regions.index(self.region)
        if not np.any(b.output0[:, good, home] > 0) and not b.latent[good, home]:
            self.inert(terms, f"{self.region} makes no {self.good!r}, and no project there is opened")
            return
        if self.limit is not None:
            terms.capacity[:, good, home] = np.minimum(terms.capacity[:, good, home], self.limit)
        elif b.latent[good, home]:
            terms.latent_capacity[:, good, home] += self.added
        else:
            terms.capacity[:, good, home] += self.added
        cost = self.electricity_share * (self.electricity_price_factor - 1) * b.margin0[:, good, home]
        terms.extra_cost[:, good, home] += cost
        more = self.added > 0 and (b.latent[good, home] or bool(np.any(np.isfinite(b.capacity[:, good, home]))))
        if self.limit is None and not more and not np.any(cost):
            self.inert(terms, f"nothing is limited or added, or {self.region} has no limit on {self.good!r} to add to")
