"""Markets quarter by quarter after a change, with a stop of exports, stocks that are released and stocks that are bought.

A release is an unknown of the market with its own complementarity row, so that price and tonnes are found together:

    u in [0, 1] of the tonnes that may go     complementary to     1 - P / P0

All of it goes while buyers pay more than the benchmark price P0, none while they pay less, and in between the price stands at P0.
Tonnes from stock take the supplier's place on the route that stopped: buyers' purchases there (of its brand) are met from what still
comes and from the release, and the rent of a quota over both makes buyers take no more. Who has the stock is paid what buyers pay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict

from floormodel.accounts import Ledger, ledger, regional_identity
from floormodel.dynamics.adjustment import KINDS, Speeds, fresh, period_market, speeds
from floormodel.equilibrium.curves import gross_benefit
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.equilibrium.state import choke_price
from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.market import Market
from floormodel.policies.base import Instrument

Array = np.ndarray
QUARTERS = 4  # a year
LEAST = 1e-4  # of the benchmark's flow: a route on which some draws have stock is never closed in the others


class _Arrays(Instrument):
    """An instrument whose fields are arrays over draws, of one good by its number."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    good_fields: ClassVar[tuple[str, ...]] = ()
    good: int


class Cut(_Arrays):
    """Exports from region number `lead` to the regions of `stopped` (R,) limited to `rest` (B, R), t/yr, the rent on them `owner`'s
    (R,); up to `most` (B, R), t/yr, comes from stock in place of the rest, as far as the price stays at the benchmark's `price0` (B, R)."""

    kind: Literal["cut_of_a_quarter"] = "cut_of_a_quarter"
    lead: int
    stopped: Any
    rest: Any
    most: Any
    before: Any
    owner: Any
    price0: Any

    def add(self, terms: Terms, market: Market, number: int) -> None:
        size = len(market.regions)
        scale = terms.benchmark.price0[:, self.good, self.lead]
        for r in np.flatnonzero(self.stopped):
            at, route = np.zeros(size), np.zeros((size, size))
            at[r] = route[self.lead, r] = 1.0
            rest, most = self.rest[:, r], self.most[:, r]
            if not np.any(rest + most > 0):
                terms.closed[self.good] |= route > 0
                continue
            before = np.where(self.before[:, r] > 0, self.before[:, r], 1.0)
            left = np.where(rest + most > LEAST * before, rest, LEAST * before)
            terms.unknowns.append(Unknown("rent", number, self.good, "USD/t", scale, np.zeros(1), np.full(1, np.inf),
                                          Row(constant=left / before, flow=-route / before[:, None, None]), "quota_rent",
                                          export_levy=route * scale[:, None, None], owner=np.full((size, size), self.owner[r])))
            if np.any(most > 0):
                row = Row(constant=1.0, buyer_price=-at / self.price0[:, r, None])
                terms.unknowns.append(Unknown("release", number, self.good, "t/yr", most, np.where(most > 0, LEAST, 1.0), np.ones(1), row,
                                              "stock_release", purchases_from=-route * most[:, None, None], payer=np.array([r])))


class Purchase(_Arrays):
    """`tonnes` (B, R), t/yr, bought like other buyers do."""

    kind: Literal["purchase_of_a_quarter"] = "purchase_of_a_quarter"
    tonnes: Any

    def add(self, terms: Terms, market: Market, number: int) -> None:
        eye, held = np.eye(len(market.regions)), np.ones(1)  # an unknown whose bounds are one
        for r in np.flatnonzero((self.tonnes > 0).any(0)):
            terms.unknowns.append(Unknown("purchase", number, self.good, "t/yr", self.tonnes[:, r], held, held, Row(constant=1.0),
                                          "stock_purchases", purchases=eye[r] * self.tonnes[:, r, None], payer=np.array([r])))


class Quarters:
    """The market k quarters after a change, with the elasticities of partial adjustment (Nerlove 1958) to prices that have stood since:
    long-run elasticity x (1 - (1 - speed)^k), k at least `kinds` by kind. Curves pivot at the benchmark."""

    def __init__(self, market: Market, kinds: Mapping[str, int], adjustment: Mapping[str, float] | Speeds | None):
        self.market, self.kinds = market, kinds
        self.speeds = adjustment if isinstance(adjustment, Speeds) else speeds(market, QUARTERS, adjustment)
        first = find_quietly(market).state
        self.use0, self.price0 = first.use, first.buyer_price  # (B, G, R)
        self.inputs0 = first.use - first.final_demand
        self.flow0 = np.stack(first.flow, axis=1)  # (B, G, O, D)
        self._calm: dict[int, Array] = {}
        self._periods: dict[int, Market] = {}

    def solve(self, k: int, policies: list[Instrument], restraint: Array | None = None) -> tuple[Solved, dict[str, Array]]:
        """The (k + 1)-th quarter under `policies`; `restraint` (B, G, R) is the share of final use that is kept.

        Returns the solved market and price_ratio, use and inputs (t per quarter; use with purchases for stock), welfare (USD per quarter,
        against no change), alike (what is lost on top, in the same unit, if restraint falls on all uses alike), converged, residual and
        the gap of the money identity.
        """
        period = self.period(k)
        held = period if restraint is None else period.replace(demand_shift=restraint if len(restraint) > 1 else restraint[0])
        solved = find_quietly(held, policies)
        if k not in self._calm:
            self._calm[k] = _money(ledger(find_quietly(period)))
        books, s = ledger(solved), solved.state
        alike = np.zeros_like(self._calm[k]) if restraint is None else least_valued(solved, books, restraint)
        row = {"price_ratio": s.buyer_price / np.where(self.price0 > 0, self.price0, np.nan), "use": s.use / QUARTERS,
               "inputs": (s.use - s.final_demand - s.purchases) / QUARTERS,
               "welfare": (_money(books) - self._calm[k] + alike) / QUARTERS, "alike": alike / QUARTERS}
        return solved, row | {"converged": solved.solution.converged, "residual": solved.solution.residual,
                              "identity": regional_identity(solved, books, books)}

    def period(self, k: int) -> Market:
        """The market k + 1 quarters after a change."""
        if k not in self._periods:
            flat, speed, held = np.ones(self.use0.shape[1:]), self.speeds.speed, {}
            for kind in KINDS:
                reached, alone = 1 - (1 - speed[kind]) ** max(k + 1, self.kinds[kind]), np.where(speed[kind] > 0, speed[kind], 1.0)
                held[kind] = self.speeds.elasticity[kind] * np.where(speed[kind] > 0, reached / alone, 1.0)
            self._periods[k] = period_market(self.market, Speeds(speed, held), fresh(self.market), flat, flat, np.zeros_like(self.use0))
        return self._periods[k]


def least_valued(solved: Solved, books: Ledger, kept: Array) -> Array:
    """What consumers' surplus (B, R), USD/yr, is above the ledger's if restraint holds back the uses that are worth least.

    The ledger has the surplus of a demand curve scaled by the share `kept` (B, G, R): all uses are held back alike. If the least valued go,
    the surplus is the area under the whole curve up to the tonnes used, less what they cost.
    """
    s, b = solved.state, solved.state.benchmark
    whole = b.final_demand0 * b.demand_shift / kept
    benefit = gross_benefit(s.final_demand, whole, b.buyer_price0, np.nan_to_num(b.demand_elasticity), choke_price(b), b.linear_demand)
    paid = np.where(s.final_demand > 0, s.buyer_price + s.constants.final_tax, 0.0) * s.final_demand
    gap = np.where(kept < 1, benefit - paid - books.lines["consumer_surplus"], 0.0)
    return np.where(np.isfinite(gap), gap, 0.0).sum(1)


def released(solved: Solved, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Tonnes a year released (B, G, R), and what is to be added to the ledger's money (B, R), USD/yr, so that a tonne from stock counts
    at the buyer price of the benchmark (the ledger counts it at the landed price, if that is lower)."""
    tonnes, money = np.zeros(shape), np.zeros((shape[0], shape[2]))
    s, b = solved.state, solved.state.benchmark
    for j, u in enumerate(solved.terms.unknowns):
        if u.name == "release" and u.purchases_from is not None:
            routes = -s.scaled[:, j, None, None] * u.purchases_from  # (B, O, D)
            counted = np.minimum(s.landed[u.good].landed, b.landed_price0[:, u.good])
            tonnes[:, u.good] += routes.sum(1)
            money += (routes * (counted - b.buyer_price0[:, u.good, None, :])).sum(1)
    return tonnes, money


def closure(recipe: Array, goods: list[int]) -> list[int]:
    """Goods (by number) and all that is made of them, directly or not; `recipe` (G, H): tonnes of h in a tonne of g."""
    found = set(goods)
    while more := {int(g) for g in np.flatnonzero((recipe[:, sorted(found)] > 0).any(1))} - found:
        found |= more
    return sorted(found)


def _money(books: Ledger) -> Array:
    """All money of a region (B, R), USD/yr."""
    return np.sum(list(books.lines.values()), axis=0).sum(1)
