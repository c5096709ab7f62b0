"""Mining taxes: royalty, profit tax, and what of both is not declared."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Terms
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument, Share, register


@register
class MiningTax(Instrument):
    """A royalty and a tax on the profit of one region's producers of one good, of which a share is under-invoiced.

    Conditions: pn = p (1 - royalty (1 - under-invoicing)) + subsidy; treasury = (1 - under-invoicing) (royalty x value of output +
    profit tax x producer surplus). The royalty moves output, the profit tax moves nothing.

    Who pays: the producers and, through a higher price at the gate, all buyers; the treasury of the region collects what is declared.
    What is not declared stays with the producers.

    Fields
    ------
    good (good) : the good taxed.
    region (region) : the region that taxes it.
    royalty (share of the gate price) : royalty; added to the one in force unless `replaces_existing`.
    under_invoicing (share) : share of value and profit that is not declared. None: as in the benchmark.
    profit_tax (share of producer surplus) : tax on what producers earn beyond their costs.
    replaces_existing (yes or no) : put the royalty in place of the one in force; otherwise added to it.

    Limits: the profit tax is on the surplus above the supply curve, scarcity rents and inframarginal payments with it; it is a tax on
    rent and so neutral, as a tax on accounting profit of new mines is not. The benchmark holds no profit tax, so that the account
    `profit_tax` is the take of the whole tax and not of a change in it. At the horizon "short" quasi-rents are taxed as profit.

    Source: neutrality of a tax on pure profit, Garnaut and Clunies Ross, "Uncertainty, risk aversion and the taxing of natural resource
    projects", Economic Journal 85 (1975).
    """

    kind: Literal["mining_tax"] = "mining_tax"
    good: str
    region: str
    royalty: Share = 0.0
    under_invoicing: Share | None = None
    profit_tax: float = Field(default=0.0, ge=0, lt=1)
    replaces_existing: bool = False

    region_fields: ClassVar[tuple[str, ...]] = ("region",)
    bloc_fields: ClassVar[tuple[str, ...]] = ()
    example_market: ClassVar[str] = "cobalt"
    example: ClassVar[dict[str, Any]] = {"good": "mined", "region": "COD", "royalty": 0.1, "replaces_existing": True,
                                         "under_invoicing": 0.2, "profit_tax": 0.3}
    example_source: ClassVar[str] = (
        "DR Congo takes a royalty of 10 % on strategic minerals, cobalt among them, and an income tax of 30 % from mines: Mining Code, Law "
        "18/001 of 9 March 2018, and Decree 18/042 of 24 November 2018; that a fifth is under-invoiced is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"royalty": 0.0, "replaces_existing": False, "under_invoicing": None, "profit_tax": 0.0}

    def check(self, market: Market) -> list[Fault]:
        faults = super().check(market)
        if not faults:
            due = np.max(self._royalty(market.dataset["royalty0"].sel(good=self.good, region=self.region).values))
            if due >= 1:
                faults.append(Fault("royalty", f"{self.royalty:g}", "less than the whole price together with the royalty in force"))
        return faults

    def _royalty(self, in_force: Array) -> Array:
        """Royalty after the change, where `in_force` is the one before it."""
        return self.royalty + (0.0 if self.replaces_existing else 1.0) * in_force

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good, home = terms.benchmark, market.goods.index(self.good), market.regions.index(self.region)
        if not np.any(b.output0[:, good, home] > 0) and not b.latent[good, home]:
            self.inert(terms, f"{self.region} makes no {self.good!r}")
            return
        hidden = b.under_invoicing[:, good, home] if self.under_invoicing is None else self.under_invoicing
        change = (1 - self._royalty(b.royalty0[:, good, home]) * (1 - hidden)) - b.kept[:, good, home]
        if not np.any(change) and self.profit_tax == 0:
            self.inert(terms, "royalty and what is declared of it are as in the benchmark, and there is no profit tax")
        terms.kept[:, good, home] += change
        terms.profit_tax[:, good, home] += self.profit_tax * (1 - hidden)
