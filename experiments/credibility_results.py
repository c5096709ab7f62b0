"""Paths under a floor and a guarantee whose repeal investors fear, or whose end is announced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import floormodel as fm
from experiments.analysis import Progress
from experiments.ten_years_results import FLOOR, SUBSIDY, YEARS, TenYears, follow, prepare, scenarios

HAZARDS = (0.0, 0.02, 0.05, 0.1, 0.2)  # yearly chance of repeal; about never, once in 50, 20, 10 and 5 years
TERM = 10  # years after which an announced end comes


def label(instrument: str, hazard: float) -> str:
    """`Floor, repealed with 5 % a year`."""
    return f"{instrument}, {100 * hazard:g} % a year" if hazard else f"{instrument}, sure to last"


def ending(instrument: str) -> str:
    return f"{instrument}, ends after {TERM} years"


def compute(name: str, draws: int, seed: int, progress: Progress) -> TenYears:
    """Every instrument at every hazard and with an announced end; each stays in force on the path that is shown."""
    market, case, bloc = prepare(name, draws, seed)
    chosen: dict[str, Sequence[fm.Dated]] = {}
    for instrument, policies in scenarios(market, case, bloc).items():
        if instrument not in (FLOOR, SUBSIDY):
            continue
        plain = [fm.Dated(p, start=YEARS[0]) for p in policies]
        chosen |= {label(instrument, h): [replace(p, hazard=h) for p in plain] for h in HAZARDS}
        chosen[ending(instrument)] = [replace(p, end=YEARS[0] + TERM) for p in plain]
    return follow(market, case, bloc, chosen, progress)


def instruments(r: TenYears) -> list[str]:
    """The instruments that were run."""
    return [i for i in (FLOOR, SUBSIDY) if label(i, 0.0) in r.paths]
