"""Best replies from a menu of measures, and rounds of retaliation in which players reply in turn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.errors import Fault, ScenarioError, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Instrument
from floormodel.strategy.games import Choice, Path, alternate, best_choice, pure_equilibria
from floormodel.strategy.payoffs import Payoff, check_regions, counted, payoff_table, quantile_row, raise_faults, regions_at

Menu = Mapping[str, Sequence[Instrument]]
Progress = Callable[[Iterable], Iterable]
MOST_PROFILES = 2000


@dataclass(frozen=True, eq=False)
class BestReply:
    """What a responder does best against given policies.

    Attributes
    ----------
    options : names of the menu. payoffs (N, B, R) : USD/yr against the market without any policy, of every region; NaN where not solved.
    own (N, B) : the responder's, its regions added up. choice : best option, uniqueness and margin per draw. tolerance (B,) : ties.
    """

    responder: tuple[str, ...]
    options: tuple[str, ...]
    regions: tuple[str, ...]
    payoffs: Array
    own: Array
    choice: Choice
    tolerance: Array

    @property
    def missing(self) -> int:
        """Draws in which an option was not solved: they have no best reply."""
        return int(np.sum(self.choice.best < 0))

    @property
    def expected(self) -> Array:
        """Mean payoff of each option (N,) over the draws in which all were solved: what a responder weighs who does not know the draw."""
        known = self.choice.best >= 0
        return self.own[:, known].mean(1) if known.any() else np.full(len(self.options), np.nan)

    @property
    def best(self) -> str:
        """The option with the highest expected payoff; empty where no draw is complete."""
        best = int(self._of_expected.best[0])
        return self.options[best] if best >= 0 else ""

    @property
    def is_unique(self) -> bool:
        """Is it the only one with that expected payoff?"""
        return bool(self._of_expected.unique[0])

    @property
    def _of_expected(self) -> Choice:
        return best_choice(self.expected[:, None], float(self.tolerance.mean()))

    @property
    def unique_share(self) -> float:
        """Share of the complete draws in which one option is the only best; NaN without a complete draw."""
        known = self.choice.best >= 0
        return float(self.choice.unique[known].mean()) if known.any() else np.nan

    def shares(self) -> dict[str, float]:
        """Of the complete draws, the share in which each option is best (the first of those that tie)."""
        best = self.choice.best[self.choice.best >= 0]
        return {name: float(np.mean(best == k)) if best.size else np.nan for k, name in enumerate(self.options)}

    def gain(self, option: str, over: str) -> Array:
        """What the responder has from one option rather than another (B,), USD/yr."""
        return self.own[self.options.index(option)] - self.own[self.options.index(over)]

    def among(self, options: Sequence[str]) -> BestReply:
        """The same question with a shorter menu.

        Raises
        ------
        ScenarioError
            For an option that is not on the menu, or none.
        """
        unknown = [o for o in options if o not in self.options]
        if unknown or not options:
            raise ScenarioError(f"among: found {unknown or 'nothing'}; expected options of the menu: {', '.join(self.options)}")
        at = [self.options.index(o) for o in options]
        return replace(self, options=tuple(options), payoffs=self.payoffs[at], own=self.own[at],
                       choice=best_choice(self.own[at], self.tolerance))

    def to_dataframe(self) -> pd.DataFrame:
        """option, region, q05, q50, q95, mean (USD/yr), missing (draws); the responder's own sum has region `responder`."""
        table = payoff_table([({"option": name}, self.payoffs[k]) for k, name in enumerate(self.options)], self.regions)
        own = [{"option": name, "region": "responder"} | quantile_row(self.own[k]) for k, name in enumerate(self.options)]
        return pd.concat([pd.DataFrame(own), table], ignore_index=True)


def best_reply(market: Market, policies: Sequence[Instrument], responder: str | Sequence[str], menu: Menu,
               payoff: str | Payoff = "welfare", *, base: Solved | None = None, progress: Progress = iter) -> BestReply:
    """The best of a menu of measures against policies that stay in force, by trying all of them in all draws.

    Parameters
    ----------
    policies : what the others do
    responder : region, or several whose payoffs are added up
    menu : {name: instruments}
        Put in "nothing": [] where doing nothing is open.
    payoff : "welfare" | "producers" | "treasury" | "producers_and_treasury" | "export_revenue", or a Payoff
        Of the responder and, for the record, of every region.
    base : the market without policy, if it is at hand

    Raises
    ------
    ScenarioError
        Unknown responder or payoff, an empty menu, or instruments that do not fit the market.
    """
    who = _as_regions(responder)
    faults = check_regions(market, "responder", who)
    raise_faults(market, "best_reply", faults + ([] if menu else [Fault("menu", "nothing", "{name: [instruments], ...}")]))
    count = counted(market, payoff, base)
    payoffs = np.stack([count.under([*policies, *menu[name]]) for name in progress(list(menu))])
    own = payoffs[..., regions_at(market, who)].sum(-1)
    return BestReply(who, tuple(menu), tuple(market.regions), payoffs, own, best_choice(own, count.tolerance), count.tolerance)


@dataclass(frozen=True)
class Player:
    """Who replies: a name, the regions whose payoffs it adds up, its menu of measures, what it counts."""

    name: str
    regions: tuple[str, ...]
    menu: Menu
    payoff: str | Payoff = "welfare"


@dataclass(frozen=True, eq=False)
class Rounds:
    """Players who reply in turn.

    Attributes
    ----------
    payoffs (n1, ..., nP, B, P) : of each player at each profile, USD/yr against no policy. by_region (n1, ..., nP, B, R) : welfare.
    expected : the path of players who know the mean over complete draws only. draws : one path per draw, known to the players.
    equilibria (n1, ..., nP) : profiles at which nobody gains by changing alone, in expected payoffs.
    """

    players: tuple[Player, ...]
    regions: tuple[str, ...]
    payoffs: Array
    by_region: Array
    expected: Path
    draws: tuple[Path, ...]
    equilibria: NDArray[np.bool_]

    def names(self, profile: Sequence[int]) -> tuple[str, ...]:
        """What each player does at a profile."""
        return tuple(list(p.menu)[k] for p, k in zip(self.players, profile))

    def history(self) -> pd.DataFrame:
        """The expected path: move, one column per player with its measure, and each player's expected payoff (USD/yr)."""
        mean = _mean_of_complete(self.payoffs)
        rows = []
        for move, profile in enumerate(self.expected.history):
            own = {f"payoff of {p.name}": float(mean[(*profile, k)]) for k, p in enumerate(self.players)}
            rows.append({"move": move, **dict(zip((p.name for p in self.players), self.names(profile))), **own})
        return pd.DataFrame(rows)

    def endings(self) -> pd.DataFrame:
        """How the draws end: ending, one column per player (what it does at last; empty in a cycle), share of draws; most first."""
        none = ("",) * len(self.players)
        keys = [(path.ending, self.names(path.last) if path.ending == "settled" else none) for path in self.draws]
        counts: dict[tuple[str, tuple[str, ...]], int] = {}
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        rows = [[ending, *names, n / len(keys)] for (ending, names), n in sorted(counts.items(), key=lambda item: -item[1])]
        return pd.DataFrame(rows, columns=["ending", *(p.name for p in self.players), "share"])


def retaliation_rounds(market: Market, players: Sequence[Player], start: Mapping[str, str] | None = None, *,
                       policies: Sequence[Instrument] = (), first: str | None = None, base: Solved | None = None,
                       progress: Progress = iter) -> Rounds:
    """Alternating best replies until nobody changes or the same position returns, with the whole table of payoffs.

    All combinations of the menus are solved once; the rounds are then read off the table, for the mean over draws and draw by draw.

    Parameters
    ----------
    start : {player: measure it begins with}; default: the first of its menu
    policies : in force whatever the players do
    first : the player who moves first; default: the first

    Raises
    ------
    ScenarioError
        Fewer than two players, a name given twice or unknown, more than 2000 combinations of measures.
    """
    players = tuple(players)
    _check_players(market, players, dict(start or {}), first)
    counts = [counted(market, p.payoff, base) for p in players]
    welfare = counted(market, "welfare", counts[0].base)
    sizes = tuple(len(p.menu) for p in players)
    payoffs = np.full((*sizes, market.draws, len(players)), np.nan)
    by_region = np.full((*sizes, market.draws, len(market.regions)), np.nan)
    for profile in progress(list(itertools.product(*map(range, sizes)))):
        chosen = [policy for p, k in zip(players, profile) for policy in list(p.menu.values())[k]]
        solved = find_quietly(market, [*policies, *chosen])
        by_region[profile] = welfare.change(solved)
        for k, (count, player) in enumerate(zip(counts, players)):
            payoffs[(*profile, slice(None), k)] = count.change(solved)[:, regions_at(market, player.regions)].sum(-1)
    tolerance = counts[0].tolerance
    names = [p.name for p in players]
    begin = [list(p.menu).index((start or {}).get(p.name, next(iter(p.menu)))) for p in players]
    mover = names.index(first) if first else 0
    mean = _mean_of_complete(payoffs)
    draws = tuple(alternate(payoffs[..., b, :], begin, mover, float(tolerance[b])) for b in range(market.draws))
    return Rounds(players, tuple(market.regions), payoffs, by_region, alternate(mean, begin, mover, float(tolerance.mean())), draws,
                  pure_equilibria(mean, float(tolerance.mean())))


def _mean_of_complete(payoffs: Array) -> Array:
    """Mean over the draws (last dimension but one) in which every profile is known; NaN where there is none."""
    known = np.isfinite(payoffs).all(axis=(*range(payoffs.ndim - 2), payoffs.ndim - 1))
    return payoffs[..., known, :].mean(-2) if known.any() else np.full((*payoffs.shape[:-2], payoffs.shape[-1]), np.nan)


def _as_regions(regions: str | Sequence[str]) -> tuple[str, ...]:
    return (regions,) if isinstance(regions, str) else tuple(regions)


def _check_players(market: Market, players: Sequence[Player], start: Mapping[str, str], first: str | None) -> None:
    names = [p.name for p in players]
    faults = []
    if len(players) < 2:
        faults.append(Fault("players", repr(len(players)), "at least two"))
    if len(set(names)) != len(names):
        faults.append(Fault("players", repr(names), "each name once"))
    for p in players:
        faults += check_regions(market, f"player {p.name}", p.regions)
        if not p.menu:
            faults.append(Fault(f"player {p.name}, menu", "nothing", "{name: [instruments], ...}"))
        elif p.name in start and start[p.name] not in p.menu:
            faults.append(Fault(f"start of {p.name}", repr(start[p.name]), "a measure of its menu", did_you_mean(start[p.name], p.menu)))
    faults += [Fault("start", repr(n), "a player", did_you_mean(n, names)) for n in start if n not in names]
    if first is not None and first not in names:
        faults.append(Fault("first", repr(first), "a player", did_you_mean(first, names)))
    raise_faults(market, "retaliation_rounds", faults)
    profiles = int(np.prod([len(p.menu) for p in players]))
    if profiles > MOST_PROFILES:
        raise ScenarioError(f"retaliation_rounds: found {profiles} combinations of measures; expected at most {MOST_PROFILES}; "
                            "shorten the menus")
