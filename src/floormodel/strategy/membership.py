"""Buying clubs: who belongs decides what a measure does to members and outsiders, and whether the club holds together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import Solved
from floormodel.errors import Fault
from floormodel.market import Market
from floormodel.policies.base import Instrument
from floormodel.strategy.games import Stability, members_of, stability
from floormodel.strategy.payoffs import Payoff, check_regions, counted, payoff_table, raise_faults, regions_at

MOST_CANDIDATES = 6
Progress = Callable[[Iterable], Iterable]


@dataclass(frozen=True, eq=False)
class Club:
    """All compositions of a club: the core with every subset of the candidates. Composition k has candidate i where bit i of k is set.

    Attributes
    ----------
    payoffs (2^n, B, R) : of every region, USD/yr against no policy; NaN where not solved.
    expected : stability in payoffs averaged over the draws in which all compositions were solved. by_draw : stability in each draw.
    """

    core: tuple[str, ...]
    candidates: tuple[str, ...]
    regions: tuple[str, ...]
    payoffs: Array
    expected: Stability
    by_draw: Stability

    def members(self, number: int) -> tuple[str, ...]:
        """Members of a composition, core first."""
        return self.core + members_of(number, self.candidates)

    @property
    def missing(self) -> int:
        """Draws in which a composition was not solved."""
        return int(np.sum(~_complete(self.payoffs)))

    def gain_of_joining(self, candidate: str, number: int) -> Array:
        """Payoff (B,) of a candidate inside composition `number` less outside it, the others as they are."""
        i, at = self.candidates.index(candidate), self.regions.index(candidate)
        return self.payoffs[number | 1 << i, :, at] - self.payoffs[number & ~(1 << i), :, at]

    def brings(self, candidate: str, number: int, regions: Sequence[str]) -> Array:
        """What a candidate's joining composition `number` brings to other regions, added up (B,)."""
        i, at = self.candidates.index(candidate), [self.regions.index(r) for r in regions]
        return (self.payoffs[number | 1 << i] - self.payoffs[number & ~(1 << i)])[:, at].sum(1)

    def to_dataframe(self) -> pd.DataFrame:
        """members, number, internal, external, stable (expected), stable_share (of complete draws), joint (mean of the members, USD/yr)."""
        known = _complete(self.payoffs)
        rows = []
        for k in range(len(self.payoffs)):
            inside = [self.regions.index(m) for m in self.members(k)]
            joint = self.payoffs[k][known][:, inside].sum(1)
            rows.append({"members": ", ".join(self.members(k)), "number": k, "internal": bool(self.expected.internal[k]),
                         "external": bool(self.expected.external[k]), "stable": bool(self.expected.stable[k]),
                         "stable_share": float(self.by_draw.stable[k][known].mean()) if known.any() else np.nan,
                         "joint": float(joint.mean()) if known.any() else np.nan})
        return pd.DataFrame(rows)

    def payoff_table(self) -> pd.DataFrame:
        """members, number, region, q05, q50, q95, mean (USD/yr), missing."""
        return payoff_table([({"members": ", ".join(self.members(k)), "number": k}, self.payoffs[k]) for k in range(len(self.payoffs))],
                            self.regions)


def club(market: Market, make: Callable[[tuple[str, ...]], Sequence[Instrument]], candidates: Sequence[str], core: Sequence[str] = (),
         payoff: str | Payoff = "welfare", *, base: Solved | None = None, progress: Progress = iter) -> Club:
    """Solve a measure for every composition of a club and say which compositions nobody wants to leave or to join.

    Parameters
    ----------
    make : function of the members, in the order core, candidates
        Gives the instruments; it is not called for a club without members, which does nothing.
    candidates : at most six regions, who may be in or out
    core : regions that are in whatever happens

    Raises
    ------
    ScenarioError
        No or more than six candidates, unknown or repeated regions, a candidate of the core.
    """
    core, candidates = tuple(core), tuple(candidates)
    faults = check_regions(market, "candidates", candidates) + (check_regions(market, "core", core) if core else [])
    if len(candidates) > MOST_CANDIDATES:
        faults.append(Fault("candidates", repr(len(candidates)), f"at most {MOST_CANDIDATES}", "move the steadfast ones to core"))
    both = sorted(set(core) & set(candidates))
    if both:
        faults.append(Fault("candidates", repr(both), "regions that are not in core"))
    raise_faults(market, "club", faults)
    count = counted(market, payoff, base)
    payoffs = []
    for k in progress(list(range(2 ** len(candidates)))):
        members = core + members_of(k, candidates)
        payoffs.append(count.under(make(members) if members else ()))
    table = np.stack(payoffs)
    own = np.moveaxis(table[..., regions_at(market, candidates)], -1, 1)
    known = _complete(table)
    mean = own[..., known].mean(-1) if known.any() else np.full(own.shape[:2], np.nan)
    return Club(core, candidates, tuple(market.regions), table, stability(mean, float(count.tolerance.mean())),
                stability(own, count.tolerance))


def _complete(payoffs: Array) -> np.ndarray:
    """Draws (B,) in which every composition was solved."""
    return np.isfinite(payoffs).all((0, 2))
