"""Grants towards the capital cost of new plants."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Share, mask, register


@register
class CapexSubsidy(Instrument):
    """A share of the capital cost of opened latent projects, paid as an equal sum a year over their life.

    Condition: pn = (p + guarantee)(1 - royalty) + subsidy, subsidy = share x capex x hurdle / (1 - (1 + hurdle)^-life) at latent projects;
    entry follows their logistic curve. Plants that run in the benchmark get nothing: what is built is built.

    Who pays: the treasury of the region where the project is, in proportion to what of the project is built. Booked as a producer subsidy.

    Fields
    ------
    good (good) : the good that the projects make.
    regions (regions) : regions that pay for projects in them.
    share (share) : part of the capital cost that the treasury bears.
    capex (USD per t/yr) : capital cost of a tonne of yearly output.
    hurdle (rate a year) : real rate of return that owners ask for.
    life (years) : years over which the capital cost is recovered.

    Limits: the treasury is charged the annuity at the owners' hurdle rate, more than the grant costs at public borrowing rates.

    Source: the capital recovery factor of engineering economics, as in Grant and Ireson (1970), Principles of Engineering Economy.
    """

    kind: Literal["capex_subsidy"] = "capex_subsidy"
    good: str
    regions: list[str] = Field(min_length=1)
    share: Share
    capex: Money
    hurdle: Annotated[float, Field(gt=0, le=1)]
    life: Annotated[float, Field(ge=1, le=100)]

    region_fields: ClassVar[tuple[str, ...]] = ("regions",)
    example_market: ClassVar[str] = "rare_earths"
    example_opens: ClassVar[bool] = True
    example: ClassVar[dict[str, Any]] = {
        "good": "ndpr_oxide", "regions": ["AUS"], "share": 0.1, "capex": 255_600.0, "hurdle": 0.08, "life": 38.0}
    example_source: ClassVar[str] = (
        "Nolans in Australia: 1,135 million USD for 4,440 t of NdPr a year over 38 years, Arafura Rare Earths, update of November 2022; "
        "the grant is that of the production scheme of India of November 2025, 750 of 7,280 crore rupees (a tenth) as capital subsidy; "
        "that Australia pays it, and the hurdle of 8 %, are assumptions.")
    slack: ClassVar[dict[str, Any]] = {"share": 0.0}

    def yearly(self) -> float:
        """The grant per tonne of yearly output, USD/t."""
        return self.share * self.capex * self.hurdle / -float(np.expm1(-self.life * np.log1p(self.hurdle)))

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        entrants = mask(self.regions, market.regions) & b.latent[good]
        if not entrants.any() or self.yearly() == 0:
            self.inert(terms, f"no grant, or no opened project for {self.good!r} in {self.regions}; see Market.open_projects")
            return
        terms.subsidy[:, good] += np.where(entrants, self.yearly(), 0.0)
