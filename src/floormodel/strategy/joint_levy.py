"""Producer coalitions and trusts: one level of an export levy, rate or cut for all members, the level that serves them best, and who stays.

The level is searched on a grid over batched solves, then refined around its best point. Levels are announced ones: a member whose
`discipline` is 0.8 applies 0.8 of the level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import Solved
from floormodel.errors import Fault, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Instrument
from floormodel.policies.export_quota import ExportQuota
from floormodel.policies.export_tax import ExportTax
from floormodel.strategy.games import shared_out
from floormodel.strategy.payoffs import Counted, Payoff, check_regions, counted, payoff_table, raise_faults, regions_at

By = Literal["levy", "rate", "cut"]
Rest = Literal["reoptimise", "keep", "not asked"]
Progress = Callable[[Iterable], Iterable]
UNITS = {"levy": "USD/t", "rate": "share of the gate price", "cut": "share of the exports without policy"}
GRID = 13


def joint_measure(solved: Solved, good: str, members: Sequence[str], level: float, by: By = "levy",
                  discipline: Mapping[str, float] | None = None) -> list[Instrument]:
    """The members' instruments at one level; no instrument at level 0.

    Parameters
    ----------
    solved : the market without policy, whose exports a cut is taken from (mean over draws)
    level : levy in USD/t, rate as a share of the gate price, cut as a share of exports to all others
    discipline : share of the level that a member applies; 1 where it is not named
    """
    market = solved.market
    out: list[Instrument] = []
    others = [r for r in market.regions if r not in members]
    g = market.goods.index(good)
    for member in members:
        applied = level * (discipline or {}).get(member, 1.0)
        if applied == 0:
            continue
        if by == "cut":
            exports = float(solved.state.flow[g][:, market.regions.index(member), regions_at(market, others)].sum(-1).mean())
            if exports > 0:
                out.append(ExportQuota(good=good, exporter=member, destinations=others, quota=max(1 - applied, 0.0) * exports))
        elif by == "rate":
            out.append(ExportTax(good=good, exporters=[member], destinations=others, rate=applied))
        else:
            out.append(ExportTax(good=good, exporters=[member], destinations=others, levy=applied))
    return out


@dataclass(frozen=True, eq=False)
class Search:
    """A level searched for one group of members.

    Attributes
    ----------
    members, by : who acts and how. levels (N,) : grid, from 0. table (N, B, R) : payoffs of all regions on it, USD/yr against no
    policy. joint (N, B) : the members' sum.
    level : the one that serves the members best on average over draws. place : "interior", "lower edge" (no level pays), "upper edge"
    (the joint payoff still rises at the end of the grid) or "" (no draw was solved throughout).
    payoffs (B, R) : of all regions at that level. start (B, R) : at level 0.
    level_by_draw (B,) : the best level of each draw, by a parabola through its best grid point and the two beside it; NaN if missing.
    """

    members: tuple[str, ...]
    by: By
    levels: Array
    table: Array
    joint: Array
    level: float
    place: str
    payoffs: Array
    start: Array
    level_by_draw: Array

    @property
    def missing(self) -> int:
        """Draws in which a level of the grid was not solved: they take no part in the search."""
        return int(np.sum(~np.isfinite(self.joint).all(0)))


@dataclass(frozen=True, eq=False)
class Leaving:
    """One member leaves: it acts no more, the rest re-optimise or keep their level. `payoffs` (B, R) of all regions then."""

    member: str
    level: float
    place: str
    payoffs: Array


@dataclass(frozen=True, eq=False)
class Coalition:
    """A coalition at its best level and what each member has from it. Payoffs in USD/yr against the market without any policy.

    Attributes
    ----------
    found : the search for all members together. leaving : {member: what happens if it leaves}; empty for one member, or not asked.
    weights : {member: share of the joint gain paid out by a trust}; None: each keeps what it has.
    tolerance (B,) : payoffs closer than this are ties.
    """

    market: Market
    good: str
    found: Search
    leaving: Mapping[str, Leaving]
    weights: Mapping[str, float] | None
    rest: Rest
    tolerance: Array

    @property
    def members(self) -> tuple[str, ...]:
        return self.found.members

    @property
    def unit(self) -> str:
        """Unit of the level."""
        return UNITS[self.found.by]

    @property
    def joint_gain(self) -> Array:
        """Gain (B,) of all members together over level 0."""
        at = regions_at(self.market, self.members)
        return (self.found.payoffs - self.found.start)[:, at].sum(1)

    def gain(self, region: str) -> Array:
        """Gain (B,) of a region over level 0, member or not, after sharing out."""
        at = self.market.regions.index(region)
        return self._shared(self.found.payoffs, self.members)[:, at] - self.found.start[:, at]

    def gain_of_staying(self, member: str) -> Array:
        """What a member has from staying rather than leaving alone (B,); negative: it would rather be outside (free riding)."""
        at = self.market.regions.index(member)
        left = self.leaving[member]
        return self._shared(self.found.payoffs, self.members)[:, at] - left.payoffs[:, at]

    @property
    def is_stable(self) -> bool:
        """Does nobody gain by leaving, on average over draws?"""
        return all(np.nanmean(self.gain_of_staying(m)) >= -float(self.tolerance.mean()) for m in self.leaving)

    def _shared(self, payoffs: Array, members: Sequence[str]) -> Array:
        if self.weights is None:
            return payoffs
        at = regions_at(self.market, members)
        out = payoffs.copy()
        out[:, at] = shared_out(payoffs[:, at], self.found.start[:, at], np.array([self.weights[m] for m in members]))
        return out

    def to_dataframe(self) -> pd.DataFrame:
        """what (gain over level 0; gain of staying), region, q05, q50, q95, mean (USD/yr), missing."""
        gains = np.stack([self.gain(r) for r in self.market.regions], axis=1)
        table = payoff_table([({"what": "gain"}, gains)], self.market.regions)
        if not self.leaving:
            return table
        staying = payoff_table([({"what": "gain_of_staying"}, np.stack([self.gain_of_staying(m) for m in self.leaving], axis=1))],
                               tuple(self.leaving))
        return pd.concat([table, staying], ignore_index=True)


def coalition(market: Market, good: str, members: Sequence[str], highest: float, *, by: By = "levy", payoff: str | Payoff = "welfare",
              policies: Sequence[Instrument] = (), discipline: Mapping[str, float] | None = None, rest: Rest = "reoptimise",
              weights: Mapping[str, float] | None = None, grid: int = GRID, refine: float = 1e-4, base: Solved | None = None,
              progress: Progress = iter) -> Coalition:
    """Producers who choose one export levy (or rate, or cut of exports) together, to serve their joint payoff against the fringe.

    The level applies to exports to every region that is no member. With all producers as members and `weights` this is a minerals trust:
    a neutral manager sets the level and pays out the joint gain.

    Parameters
    ----------
    highest : end of the grid of levels, in USD/t, as a share of the gate price, or as a share of exports up to 1
    payoff : what the joint payoff adds up, such as "welfare" or "export_revenue"
    policies : in force besides, at every level
    discipline : {member: share of the level it applies}
    rest : what the others do when one member leaves: "reoptimise" their level, "keep" it; "not asked" leaves `leaving` empty
    weights : {member: share of the joint gain}, adding to one; None: each keeps what it has
    grid : points from 0 to `highest`. refine : the level is found to this part of a grid step.

    Returns
    -------
    Coalition
        `found.place` says whether the best level lies inside the grid or at an edge. The level serves the mean over draws that were
        solved throughout; those that were not are counted in `found.missing`.

    Raises
    ------
    ScenarioError
        Unknown or repeated members, a level, share or weight outside its range, a payoff that does not fit.
    """
    _check(market, good, members, highest, by, discipline or {}, rest, weights, grid, refine)
    count = counted(market, payoff, base)
    levels = np.linspace(0.0, highest, grid)

    def look(group: Sequence[str]) -> Search:
        return _search(count, good, tuple(group), by, levels, policies, discipline, refine, progress)

    found, leaving = look(members), {}
    for member in members if len(members) > 1 and rest != "not asked" else ():
        others = [m for m in members if m != member]
        if rest == "reoptimise":
            alone = look(others)
            leaving[member] = Leaving(member, alone.level, alone.place, alone.payoffs)
        else:
            now = count.under([*policies, *joint_measure(count.base, good, others, found.level, by, discipline)])
            leaving[member] = Leaving(member, found.level, "kept", now)
    return Coalition(market, good, found, leaving, weights, rest, count.tolerance)


def _search(count: Counted, good: str, members: tuple[str, ...], by: By, levels: Array, policies: Sequence[Instrument],
            discipline: Mapping[str, float] | None, refine: float, progress: Progress) -> Search:
    at = regions_at(count.base.market, members)

    def under(level: float) -> Array:
        return count.under([*policies, *joint_measure(count.base, good, members, level, by, discipline)])

    payoffs = np.stack([under(float(x)) for x in progress(list(levels))])
    joint = payoffs[..., at].sum(-1)
    known = np.isfinite(joint).all(0)
    if not known.any():
        nothing = np.full_like(payoffs[0], np.nan)
        return Search(members, by, levels, payoffs, joint, np.nan, "", nothing, payoffs[0], np.full(joint.shape[1], np.nan))
    k = int(joint[:, known].mean(1).argmax())
    level, best = float(levels[k]), payoffs[k]
    tried: list[tuple[float, float, Array]] = [(float(joint[k, known].mean()), level, best)]

    def loss(x: float) -> float:
        now = under(x)
        value = float(now[known][:, at].sum(-1).mean())
        if np.isfinite(value):
            tried.append((value, x, now))
        return -value if np.isfinite(value) else np.inf

    low, high = levels[max(k - 1, 0)], levels[min(k + 1, len(levels) - 1)]
    minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": refine * (levels[1] - levels[0])})
    _, level, best = max(tried, key=lambda t: t[0])
    edge = {0.0: "lower edge", float(levels[-1]): "upper edge"}
    return Search(members, by, levels, payoffs, joint, level, edge.get(level, "interior"), best, payoffs[0], _vertices(levels, joint))


def _vertices(levels: Array, joint: Array) -> Array:
    """Best level of each draw (B,): the vertex of the parabola through the best grid point and its neighbours, the point at an edge."""
    out = np.full(joint.shape[1], np.nan)
    step = levels[1] - levels[0]
    for b in np.flatnonzero(np.isfinite(joint).all(0)):
        k = int(joint[:, b].argmax())
        out[b] = levels[k]
        if 0 < k < len(levels) - 1:
            left, middle, right = joint[k - 1:k + 2, b]
            bend = left - 2 * middle + right
            out[b] += step * 0.5 * (left - right) / bend if bend < 0 else 0.0
    return out


def _check(market: Market, good: str, members: Sequence[str], highest: float, by: str, discipline: Mapping[str, float], rest: str,
           weights: Mapping[str, float] | None, grid: int, refine: float) -> None:
    faults = check_regions(market, "members", list(members))
    if good not in market.goods:
        faults.append(Fault("good", repr(good), f"a good of market {market.name!r}", did_you_mean(good, market.goods)))
    for key, value, known in (("by", by, tuple(UNITS)), ("rest", rest, ("reoptimise", "keep", "not asked"))):
        if value not in known:
            faults.append(Fault(key, repr(value), " | ".join(known)))
    top = {"cut": 1.0, "rate": 5.0}.get(by, np.inf)
    if not 0 < highest <= top or not np.isfinite(highest):
        limit = f" up to {top:g}" if np.isfinite(top) else ""
        faults.append(Fault("highest", repr(highest), f"a number above 0{limit} ({UNITS.get(by, 'unit of the level')})"))
    faults += [Fault(f"discipline[{m}]", repr(d), "a share from 0 to 1 of a member", "" if m in members else f"{m} is no member")
               for m, d in discipline.items() if m not in members or not 0 <= d <= 1]
    if weights is not None and (set(weights) != set(members) or not np.isclose(sum(weights.values()), 1) or min(weights.values()) < 0):
        faults.append(Fault("weights", repr(dict(weights)), "a share from 0 for every member, adding to one"))
    if grid < 3:
        faults.append(Fault("grid", repr(grid), "at least 3 points"))
    if not 0 < refine <= 1:
        faults.append(Fault("refine", repr(refine), "a part of a grid step, above 0 up to 1"))
    raise_faults(market, "coalition", faults)
