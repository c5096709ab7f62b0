"""Tax on the use of a good, wherever it was made."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Terms
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Share, mask, register


@register
class UseTax(Instrument):
    """A tax per tonne used in a region, on home-made and imported tonnes alike.

    Condition: final users pay P + tax, processors' margin is m = pn - A (P + tax), tax = rate + share x P0; a closed form, no unknown.

    Who pays: users, to the treasury of the region where they are. What processors pay is booked as a negative producer subsidy of the good
    they make.

    Fields
    ------
    good (good) : the good taxed.
    regions (regions) : regions that tax its use.
    rate (USD/t) : tax per tonne.
    share (share of the benchmark buyer price) : tax per tonne as a share of P0 there, added to the rate.
    users (choice) : who is taxed: "all", only "final" users, or only "processors".

    Limits: the results' `buyer_price` is before the tax.

    Source: a tariff as a production subsidy and a consumption tax, as in Krugman and Obstfeld, International Economics.
    """

    kind: Literal["use_tax"] = "use_tax"
    good: str
    regions: list[str] = Field(min_length=1)
    rate: Money = 0.0
    share: Share = 0.0
    users: Literal["all", "final", "processors"] = "all"

    region_fields: ClassVar[tuple[str, ...]] = ("regions",)
    example_market: ClassVar[str] = "cobalt"
    example: ClassVar[dict[str, Any]] = {"good": "refined", "regions": ["USA"], "rate": 9.81}
    example_source: ClassVar[str] = (
        "The United States tax the sale or use of cobalt at 8.90 USD per short ton, 9.81 USD/t, imports included and exports exempt: "
        "26 U.S.C. 4661(b), reinstated by the Infrastructure Investment and Jobs Act of 2021.")
    slack: ClassVar[dict[str, Any]] = {"rate": 0.0}

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        taxed = mask(self.regions, market.regions)
        final = taxed & np.any(b.final_demand0[:, good] > 0, axis=0) & (self.users != "processors")
        makes = np.any(b.recipe[:, :, good] > 0, axis=0)[:, None] & (np.any(b.output0 > 0, axis=0) | b.latent)
        processors = taxed & makes & (self.users != "final")
        if (self.rate == 0 and self.share == 0) or not (final.any() or processors.any()):
            self.inert(terms, f"no tax, or nobody to tax: {self.users} users of {self.good!r} in {self.regions}")
            return
        tax = self.rate + self.share * np.nan_to_num(b.buyer_price0[:, good])
        terms.final_tax[:, good] += np.where(final, tax, 0.0)
        terms.subsidy = terms.subsidy - np.where(processors, b.recipe[:, :, good, None] * tax[:, None], 0.0)
