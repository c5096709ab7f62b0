"""Paths under a floor and a guarantee whose repeal investors fear, or whose end is announced, and the level that makes up for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, floor
from experiments.cases import FloorCase
from experiments.ten_years_reading import Reading, crossing
from experiments.ten_years_results import FLOOR, SUBSIDY, YEARS, TenYears, ended, ending, follow, makers, prepare, scenarios

HAZARDS = (0.0, 0.02, 0.05, 0.1, 0.2)  # yearly chance of repeal; about never, once in 50, 20, 10 and 5 years
RAISED = (1.2, 1.6, 2.5)  # times the headline: the levels that are tried to make up for doubt
LEVEL_DRAWS = 10
FORESEEN = (0.0, 0.1)  # hazards that are also run with investors who foresee the path
ENOUGH = 0.99  # of the capacity that a sure policy builds: what counts as restored


@dataclass(frozen=True, eq=False)
class Doubt:
    """`main`: every instrument at every hazard and with an announced end. `needed`: level, USD/t, from which a doubted policy builds
    what a sure one does at the headline, by draw: instrument, hazard, level (NaN where none tried does), reached, draws (those in which
    the sure policy builds anything). `adaptive` and `consistent`: central values at the hazards FORESEEN, with investors who go by the
    prices they have seen, and with ones who foresee the path's."""

    main: TenYears
    adaptive: TenYears
    consistent: TenYears
    needed: pd.DataFrame


def label(instrument: str, hazard: float) -> str:
    """`Floor, repealed with 5 % a year`."""
    return f"{instrument}, {100 * hazard:g} % a year" if hazard else f"{instrument}, sure to last"


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
        chosen[ending(instrument)] = ended(policies)
    return follow(market, case, bloc, chosen, progress)


def explore(name: str, draws: int, seed: int, progress: Progress) -> Doubt:
    """The paths with all draws, the levels with few, and foresight at central values."""
    market, case, bloc = prepare(name, 1, seed)
    chosen = {label(kind, h): doubted(policies, h) for kind, policies in scenarios(market, case, bloc).items()
              if kind in (FLOOR, SUBSIDY) for h in FORESEEN}
    return Doubt(compute(name, draws, seed, progress), follow(market, case, bloc, chosen, iter),
                 follow(market, case, bloc, chosen, progress, expectations="consistent"),
                 needed(name, min(draws, LEVEL_DRAWS), seed, progress))


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


def hazard_at(value: Sequence[float], at: float, hazards: Sequence[float] = HAZARDS) -> float | None:
    """Hazard, interpolated, at which values along rising hazards first fall to `at`; the first where they begin there, None if never."""
    return crossing(hazards, [-x for x in value], -at)
