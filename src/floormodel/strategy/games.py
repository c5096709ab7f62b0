"""Game theory on arrays of payoffs: best choices, rounds of replies, pure equilibria, stable sets. No market is known here.

A payoff that is not known (a draw that was not solved) is NaN; whatever depends on it is missing, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MISSING = -1


@dataclass(frozen=True)
class Choice:
    """The best of N options in each of B draws.

    Attributes
    ----------
    best (B,) : number of the option, the first of those that tie; -1 where any option's payoff is missing
    unique (B,) : no other option comes within the tolerance; False where missing
    margin (B,) : payoff of the best less that of the next; infinite for a single option, NaN where missing
    """

    best: NDArray[np.int64]
    unique: NDArray[np.bool_]
    margin: Array


def best_choice(payoffs: Array, tolerance: Array | float = 0.0) -> Choice:
    """The option with the highest payoff, and whether it is the only one.

    Parameters
    ----------
    payoffs : (N, B)
    tolerance : (B,) or number, in the unit of the payoffs
        Differences up to this are ties.
    """
    known = np.isfinite(payoffs).all(0)
    filled = np.where(known, payoffs, 0.0)
    top = filled.max(0)
    tied = filled >= top - tolerance
    best = np.where(known, tied.argmax(0), MISSING)
    if len(payoffs) == 1:
        margin = np.full(payoffs.shape[1], np.inf)
    else:
        margin = top - np.partition(filled, -2, axis=0)[-2]
    return Choice(best, known & (tied.sum(0) == 1), np.where(known, margin, np.nan))


@dataclass(frozen=True)
class Path:
    """How alternating replies went.

    Attributes
    ----------
    history : profiles (one option number per player) from the start on, one per move that changed something
    ending : "settled" (nobody changes), "cycle", or "missing" (a payoff that decides a move is not known)
    cycle : the profiles that repeat, for a cycle; empty otherwise
    """

    history: tuple[tuple[int, ...], ...]
    ending: str
    cycle: tuple[tuple[int, ...], ...] = ()

    @property
    def last(self) -> tuple[int, ...]:
        return self.history[-1]


def alternate(payoffs: Array, start: Sequence[int], first: int = 0, tolerance: float = 0.0) -> Path:
    """Players reply in turn, each with the best option against what the others do, until nobody changes or a profile returns.

    A player who ties stays. The same profile with the same player to move has the same future, so a return is a cycle for certain.

    Parameters
    ----------
    payoffs : (n1, ..., nP, P)
        Of each player, at each profile.
    start : option number of each player
    first : player who moves first
    """
    players = payoffs.shape[-1]
    profile, mover, still = tuple(int(k) for k in start), first, 0
    history, seen = [profile], {(profile, first): 0}
    while still < players:
        at: tuple[int | slice, ...] = (*profile[:mover], slice(None), *profile[mover + 1:], mover)
        own = payoffs[at]
        if not np.isfinite(own).all():
            return Path(tuple(history), "missing")
        now = profile[mover]
        reply = now if own[now] >= own.max() - tolerance else int(own.argmax())
        still = still + 1 if reply == now else 0
        if reply != now:
            profile = (*profile[:mover], reply, *profile[mover + 1:])
            history.append(profile)
        mover = (mover + 1) % players
        if still < players and (profile, mover) in seen:
            return Path(tuple(history), "cycle", tuple(history[seen[profile, mover]:-1]))
        seen.setdefault((profile, mover), len(history) - 1)
    return Path(tuple(history), "settled")


def pure_equilibria(payoffs: Array, tolerance: float = 0.0) -> NDArray[np.bool_]:
    """Profiles (n1, ..., nP) at which no player gains by changing alone (Nash). A player with a missing payoff rules nothing in.

    Parameters
    ----------
    payoffs : (n1, ..., nP, P)
    """
    stays = np.ones(payoffs.shape[:-1], bool)
    for player in range(payoffs.shape[-1]):
        own = payoffs[..., player]
        stays &= own >= own.max(axis=player, keepdims=True) - tolerance  # NaN compares false
    return stays


@dataclass(frozen=True)
class Stability:
    """Of each set of players, over any further dimensions (such as draws).

    Attributes
    ----------
    internal : no member gains by leaving. external : no outsider gains by joining. Both (2^n, ...).
    known : all payoffs that decide are known
    """

    internal: NDArray[np.bool_]
    external: NDArray[np.bool_]
    known: NDArray[np.bool_]

    @property
    def stable(self) -> NDArray[np.bool_]:
        return self.internal & self.external


def stability(payoffs: Array, tolerance: Array | float = 0.0) -> Stability:
    """Internal and external stability of every set (d'Aspremont, Jacquemin, Gabszewicz and Weymark 1983; Barrett 1994).

    Player i belongs to set number k where bit i of k is set; set 0 is empty.

    Parameters
    ----------
    payoffs : (2^n, n, ...)
        Of each player, member or not, under each set.
    tolerance : number or (...), in the unit of the payoffs
        A gain up to this moves nobody.

    Raises
    ------
    ValueError
        Where the first dimension is not 2 to the power of the second.
    """
    sets, players = payoffs.shape[:2]
    if sets != 2**players:
        raise ValueError(f"stability: found payoffs of {sets} sets and {players} players; expected {2**players} sets")
    shape = (sets, *payoffs.shape[2:])
    internal, external, known = np.ones(shape, bool), np.ones(shape, bool), np.ones(shape, bool)
    for k in range(sets):
        for i in range(players):
            other = k ^ (1 << i)
            here, there = payoffs[k, i], payoffs[other, i]
            side = internal if k >> i & 1 else external
            side[k] &= here >= there - tolerance
            known[k] &= np.isfinite(here) & np.isfinite(there)
    return Stability(internal & known, external & known, known)


def members_of(number: int, names: Sequence[str]) -> tuple[str, ...]:
    """The members of a set by its number: bit i stands for `names[i]`."""
    return tuple(name for i, name in enumerate(names) if number >> i & 1)


def shared_out(payoffs: Array, start: Array, weights: Array) -> Array:
    """Payoffs (B, m) after the joint gain over `start` has been paid out by `weights` (m,), which add to one."""
    gain = (payoffs - start).sum(-1, keepdims=True)
    return start + gain * weights
