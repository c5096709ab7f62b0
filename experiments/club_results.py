"""Buying clubs behind a floor: every composition over draws, what joining brings, stability, other assumptions. Computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, floor
from experiments.cases import FloorCase, case_of

JOINERS, BUYERS_CLUB = 5, 6


@dataclass(frozen=True, eq=False)
class Results:
    """`joining`: the core with every subset of the joiners; `buyers`: every subset of the core and the two largest joiners, nobody fixed;
    `runs`: key compositions in full; `variants`: stable clubs at central values under other assumptions."""

    case: FloorCase
    core: tuple[str, ...]
    joiners: tuple[str, ...]
    joining: fm.Club
    producers: fm.Club
    buyers: fm.Club
    runs: fm.Comparison
    variants: pd.DataFrame


def joiners_of(market: fm.Market, case: FloorCase, core: Sequence[str]) -> tuple[str, ...]:
    """Who may join: the largest named bloc beyond the core, topped up by the largest exporters of the good to the core; at most five."""
    widest = max(market.blocs.values(), key=len)
    named = [r for r in market.regions if r in widest and r not in core and r != case.supplier]
    sold = market.dataset["flow0"].sel(good=case.good, destination=list(core)).sum("destination").to_series()
    order = [r for r in sold.sort_values(ascending=False, kind="stable").index
             if r not in (*core, *named, case.supplier, "ROW") and sold[r] > 0]
    return tuple((named + order)[:JOINERS])


def largest(market: fm.Market, good: str, regions: Sequence[str], count: int) -> tuple[str, ...]:
    """The largest makers of a good among some regions."""
    made = market.dataset["output0"].sel(good=good)
    return tuple(sorted(regions, key=lambda r: -float(made.sel(region=r)))[:count])


def under_floor(case: FloorCase, price: float | None = None, covered: Sequence[str] = ()) -> Callable[[tuple[str, ...]], Policies]:
    """The floor as a function of its members."""
    return lambda members: floor(case.good, members, price or case.headline, covered)


def compute(name: str, draws: int, seed: int, progress: Progress) -> Results:
    """Solve everything. `progress` wraps the long loops."""
    market = fm.load_market(name, horizon="long")
    case = case_of(market)
    core = tuple(next(iter(case.members.values())))
    joiners = joiners_of(market, case, core)
    drawn = fm.sample(market, draws, seed)
    base = fm.solve(drawn).base
    joining = fm.club(drawn, under_floor(case), joiners, core, base=base, progress=progress)
    producers = fm.club(drawn, under_floor(case), joiners, core, "producers", base=base, progress=progress)
    free = (*core, *largest(market, case.good, joiners, max(BUYERS_CLUB - len(core), 0)))[:BUYERS_CLUB]
    buyers = fm.club(drawn, under_floor(case), free, base=base, progress=progress)
    groups = {"Core alone": core, **{f"Core and {r}": (*core, r) for r in joiners}, "All": (*core, *joiners)}
    runs = fm.Comparison({name: fm.solve(drawn, under_floor(case)(members), bloc=members, name=name, base=base)
                          for name, members in groups.items()})
    return Results(case, core, joiners, joining, producers, buyers, runs, _variants(name, case, core, joiners, free, progress))


def _variants(name: str, case: FloorCase, core: tuple[str, ...], joiners: tuple[str, ...], free: tuple[str, ...],
              progress: Progress) -> pd.DataFrame:
    """variant, wants (joiners who gain by joining the core alone), all_in (stable with all joiners), buyers (stable clubs without a
    fixed core), worst and leaving (member of the club of all who gains most by leaving, and how much, USD/yr)."""
    market = fm.load_market(name, horizon="long")
    low = round(0.5 * (case.headline + float(market.dataset["price0"].sel(good=case.good).max())), -3)
    tried: dict[str, tuple[fm.Market, Callable[[tuple[str, ...]], Policies], str | fm.Payoff]] = {
        "Headline: all gains, long run": (market, under_floor(case), "welfare"),
        "Members weigh their producers only": (market, under_floor(case), "producers"),
        "Members weigh producers and treasury": (market, under_floor(case), "producers_and_treasury"),
        f"Floor of {low / 1000:g} USD/kg": (market, under_floor(case, low), "welfare"),
        "Only the short run counts": (fm.load_market(name, horizon="short"), under_floor(case), "welfare"),
        "New plants may enter": (market.open_projects("all"), under_floor(case), "welfare")}
    if case.downstream:
        tried["Products covered"] = (market, under_floor(case, covered=case.downstream), "welfare")
    tried |= {f"The figures are those of deck {d}": (fm.load_market(name, horizon="long", deck=d), under_floor(case), "welfare")
              for d in market.decks}
    rows = []
    for label, (variant, make, payoff) in progress(list(tried.items())):
        joining, buyers = fm.club(variant, make, joiners, core, payoff), fm.club(variant, make, free, payoff=payoff)
        full, whole = 2 ** len(joiners) - 1, 2 ** len(free) - 1
        leaving = {c: -float(buyers.gain_of_joining(c, whole)[0]) for c in free}
        worst = max(leaving, key=lambda c: leaving[c])
        stable = core_clubs(buyers, core)
        rows.append({"variant": label, "wants": [c for c in joiners if float(joining.gain_of_joining(c, 0)[0]) > tie(variant)],
                     "all_in": bool(joining.expected.stable[full]), "buyers": stable, "worst": worst, "leaving": leaving[worst]})
    return pd.DataFrame(rows)


def core_clubs(free: fm.Club, core: Sequence[str]) -> list[tuple[str, ...]]:
    """Stable compositions of two or more with a member of the core among them: one without buyers levies nothing."""
    clubs = [free.members(k) for k in np.flatnonzero(free.expected.stable)]
    return [c for c in clubs if len(c) > 1 and set(c) & set(core)]


def tie(market: fm.Market) -> float:
    """Money too small to count in words, USD/yr: a hundred-millionth of what is sold, at least a thousand dollars."""
    d = market.dataset
    sold = (d["price0"] * d["output0"]).sum()
    return max(1e-8 * float(sold), 1e3)
