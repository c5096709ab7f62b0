"""Instruments with dates: when each is in force, how it is phased in, and how likely investors think it is to be repealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from floormodel.errors import ScenarioError, did_you_mean
from floormodel.policies.base import Instrument

Array = np.ndarray


@dataclass(frozen=True)
class Dated:
    """An instrument in force from `start` until before `end`, both years (the first quarter of 2030 is 2030.0).

    Parameters
    ----------
    policy : Instrument
    start : first year in force; None: from the beginning
    end : first year in which it is no longer in force; None: no end is announced
    phase_in : years over which the field `field` moves in equal steps from `begin` to its value in `policy`
    field, begin : the field that is phased in and where it begins
    hazard : yearly probability, while it is in force, that it is repealed for good (0 to below 1). Investors discount
        what depends on it by (1 - hazard)^years; it is repealed on a path only if `simulate` is told to draw repeals.

    Raises
    ------
    ScenarioError
        Where a date, hazard or phase-in makes no sense.
    """

    policy: Instrument
    start: float | None = None
    end: float | None = None
    phase_in: float = 0.0
    field: str | None = None
    begin: float | None = None
    hazard: float = 0.0

    def __post_init__(self) -> None:
        faults = []
        if not isinstance(self.policy, Instrument):
            faults.append(f"policy: found {type(self.policy).__name__}; expected an instrument such as PriceFloor(...)")
        if not 0 <= self.hazard < 1:
            faults.append(f"hazard: found {self.hazard!r}; expected a yearly probability from 0 to below 1")
        if self.start is not None and self.end is not None and self.end <= self.start:
            faults.append(f"end: found {self.end!r}; expected a year after the start, {self.start!r}")
        phased = (self.phase_in > 0, self.field is not None, self.begin is not None)
        if any(phased) and not all(phased):
            faults.append("phase_in: found one of phase_in, field, begin without the others; expected all three or none")
        if any(phased) and self.start is None:
            faults.append("start: found none beside phase_in; expected the first year in force")
        if self.field is not None and isinstance(self.policy, Instrument):
            known = [n for n in type(self.policy).model_fields if isinstance(getattr(self.policy, n), (int, float))]
            if self.field not in known:
                faults.append(f"field: found {self.field!r}; expected a number of {self.policy.kind}; {did_you_mean(self.field, known)}")
        if faults:
            raise ScenarioError("dated policy: " + "; ".join(faults))

    def in_force(self, year: float) -> bool:
        """Is it in force in the period that begins at `year`, if it has not been repealed?"""
        return (self.start is None or year >= self.start - 1e-9) and (self.end is None or year < self.end - 1e-9)

    def at(self, year: float) -> Instrument:
        """The instrument as it stands in the period that begins at `year`."""
        if not self.phase_in or self.field is None or self.begin is None or self.start is None:
            return self.policy
        share = min(max((year - self.start) / self.phase_in, 0.0), 1.0)
        level = self.begin + share * (float(getattr(self.policy, self.field)) - self.begin)
        values = {name: getattr(self.policy, name) for name in type(self.policy).model_fields}
        return type(self.policy)(**{**values, self.field: level})


def dated(policies: Sequence[Instrument | Dated]) -> tuple[Dated, ...]:
    """Every entry as a `Dated`; an instrument alone is in force throughout.

    Raises
    ------
    ScenarioError
        Where an entry is neither.
    """
    if isinstance(policies, (Instrument, Dated)):
        raise ScenarioError("policies: found one policy; expected a list, such as [PriceFloor(...)]")
    return tuple(p if isinstance(p, Dated) else Dated(p) for p in policies)


def patterns(schedule: Sequence[Dated]) -> Array:
    """Every set of policies that is ever in force by its dates (N, policies), the empty set first."""
    dates = sorted({d for p in schedule for d in (p.start, p.end) if d is not None})
    seen = [tuple(p.in_force(year) for p in schedule) for year in ([dates[0] - 1, *dates] if dates else [0.0])]
    rows = [tuple(False for _ in schedule), *seen]
    distinct = list(dict.fromkeys(rows))
    return np.array(distinct, bool).reshape(len(distinct), len(schedule))


def pattern_at(schedule: Sequence[Dated], known: Array, years: Array) -> Array:
    """Which row of `known` is in force by its dates at each of `years` (Y,)."""
    force = np.array([[p.in_force(y) for p in schedule] for y in years], bool).reshape(len(years), len(schedule))
    return np.argmax((force[:, None] == known[None]).all(-1), axis=1)


def surviving(schedule: Sequence[Dated], now: float, later: Array) -> Array:
    """Probability (Y,) at `now` that none of the policies meant to be in force in each of the years `later` (Y,) was repealed.

    Hazard counts from now, or from a policy's start if that is later.
    """
    chance = np.ones(len(later))
    for policy in schedule:
        since = now if policy.start is None else max(now, policy.start)
        meant = np.array([policy.in_force(y) for y in later], bool)
        chance *= np.where(meant, (1 - policy.hazard) ** np.maximum(later - since, 0.0), 1.0)
    return chance


def repeals(schedule: Sequence[Dated], years: Array, length: float, draws: int, seed: int) -> Array:
    """Year (draws, policies) before whose period each policy is repealed, infinite where it is not: drawn from the hazards.

    `years` (T,) are the beginnings of the periods and `length` theirs. A policy is repealed in its first period never.
    """
    when = np.full((draws, len(schedule)), np.inf)
    for j, policy in enumerate(schedule):
        chance = 1 - (1 - policy.hazard) ** length
        u = np.random.default_rng([seed, j]).random((draws, len(years)))
        force = np.array([policy.in_force(y) for y in years])
        first = int(np.argmax(force)) if force.any() else len(years)
        hit = (u < chance) & force & (np.arange(len(years)) > first)
        when[:, j] = np.where(hit.any(1), years[np.argmax(hit, axis=1)], np.inf)
    return when
