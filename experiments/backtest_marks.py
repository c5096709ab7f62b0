"""What was said of observations after they were first scored: marks with their reason, and controls that another event of the same months
has. The event files stay as they were."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from experiments.backtest_events import EVENTS, Event, Observation, read_event
from experiments.backtest_signs import sign_of_theory

MARKS, CONTROLS = EVENTS / "marks.csv", EVENTS / "controls.csv"
KINDS = ("by_measure", "not_scored")
Key = tuple[str, str]


def marks(path: Path = MARKS) -> dict[Key, tuple[str, str]]:
    """Mark (`by_measure`: the measure sets it; `not_scored`) and its reason, by event and observation; none without a file."""
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return {(r.event, r.key): (r.mark, r.reason) for r in table.itertuples()}


def borrowed_controls(path: Path = CONTROLS) -> dict[Key, float]:
    """The control of an observation whose own file has none: that of an event with the same start, in the same months."""
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    files = {name: {o.key: o.control for o in read_event(name).observation} for name in set(table["of_event"])}
    return {(r.event, r.key): files[r.of_event][r.of_key] for r in table.itertuples()}


STEP = 1.5  # half as much again, or a third less


def by_theory(event: Event, seen: Observation) -> float:
    """A forecast without a model: `STEP` times what was before, or `STEP` times less, by the sign of theory; NaN where it has none."""
    sign = sign_of_theory(event, seen)
    return math.nan if sign is None else seen.before * STEP**sign
