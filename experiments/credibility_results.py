"""Paths under a floor and a guarantee whose repeal investors fear, or whose end is announced, and the level that makes up for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, floor
from experiments.cases import FloorCase
from experiments.ten_years_reading import Reading, crossing
from experiments.ten_years_results import FLOOR, SUBSIDY, YEARS, TenYears, follow, makers, prepare, scenarios

HAZARDS = (0.0, 0.02, 0.05, 0.1, 0.2)  # yearly chance of repeal; about never, once in 50, 20, 10 and 5 years
TERM = 10  # years after which an announced end comes
RAISED = (1.15, 1.4, 1.8, 2.5)  # times the headline: the levels that are tried to make up for doubt
LEVEL_DRAWS = 10
ENOUGH = 0.99  # of the capacity that a sure policy builds: what counts as restored


@dataclass(frozen=True, eq=False)
class Doubt:
    """`main`: every instrument at every hazard and with an announced end. `needed`: level, USD/t, from which a doubted policy builds
    what a sure one does at the headline, by draw: instrument, hazard, level (NaN where none tried does), reached, draws (those in which
    the sure policy builds anything)."""

    main: TenYears
    needed: pd.DataFrame


def label(instrument: str, hazard: float) -> str:
    """`Floor, repealed with 5 % a year`."""
    return f"{instrument}, {100 * hazard:g} % a year" if hazard else f"{instrument}, sure to last"


def ending(instrument: str) -> str:
    return f"{instrument}, ends after {TERM} years"


def doubted(policies: Policies, hazard: float) -> list[fm.Dated]:
    """Policies from the first year on, with a yearly chance of repeal."""
    return [fm.Dated(p, start=YEARS[0], hazard=hazard) for p in policies]


def compute(name: str, draws: int, seed: int, progress: Progress) -> TenYears:
    """Every instrument at every hazard and with an announced end; each stays in force on the path that is shown."""
    market, case, bloc = prepare(name, draws, seed)
    chosen: dict[str, Sequence[fm.Dated]] = {}
    for instrument, policies in scenarios(market, case, bloc).items():
        if instrument not in (FLOOR, SUBSIDY):
            continue
        chosen |= {label(instrument, h): doubted(policies, h) for h in HAZARDS}
        chosen[ending(instrument)] = [replace(p, end=YEARS[0] + TERM) for p in doubted(policies, 0.0)]
    return follow(market, case, bloc, chosen, progress)


def explore(name: str, draws: int, seed: int, progress: Progress) -> Doubt:
    """The paths with all draws, and the levels with few."""
    return Doubt(compute(name, draws, seed, progress), needed(name, min(draws, LEVEL_DRAWS), seed, progress))


def needed(name: str, draws: int, seed: int, progress: Progress) -> pd.DataFrame:
    """Level from which each instrument builds, under each hazard, what it builds at the headline when it is sure to last.

    Built is the bloc's new capacity in the last year. Between two levels tried it is interpolated.
    """
    market, case, bloc = prepare(name, draws, seed)
    kinds = [k for k in scenarios(market, case, bloc) if k in (FLOOR, SUBSIDY)]
    levels = [case.headline * x for x in (1.0, *RAISED)]
    chosen: dict[str, Sequence[fm.Dated]] = {}
    for kind in kinds:
        chosen[label(kind, 0.0)] = doubted(at_level(market, case, bloc, kind, case.headline), 0.0)
        chosen |= {f"{label(kind, h)}, {x:g}": doubted(at_level(market, case, bloc, kind, x), h) for h in HAZARDS[1:] for x in levels}
    r = follow(market, case, bloc, chosen, progress)
    if not r.plans:
        return pd.DataFrame(columns=["instrument", "hazard", "level", "reached", "draws"])
    read, rows = Reading(r), []
    for kind in kinds:
        sure = read.built(label(kind, 0.0))
        some = np.flatnonzero(sure > 0)
        for h in HAZARDS[1:]:
            built = np.stack([read.built(f"{label(kind, h)}, {x:g}") for x in levels], axis=1)
            found = [crossing(levels, built[i].tolist(), ENOUGH * float(sure[i])) for i in some]
            rows += [(kind, h, np.nan if x is None else x, x is not None, len(some)) for x in found]
    return pd.DataFrame(rows, columns=["instrument", "hazard", "level", "reached", "draws"])


def at_level(market: fm.Market, case: FloorCase, bloc: Sequence[str], kind: str, level: float) -> list[fm.Instrument]:
    """Floor or guarantee at a level, USD/t."""
    if kind == FLOOR:
        return floor(case.good, bloc, level)
    return [fm.PriceGapSubsidy(good=case.good, regions=makers(market, case.good, bloc), strike=level)]


def instruments(r: TenYears) -> list[str]:
    """The instruments that were run."""
    return [i for i in (FLOOR, SUBSIDY) if label(i, 0.0) in r.paths]
