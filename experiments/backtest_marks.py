"""What was said of observations after they were first scored: marks with their reason, and controls that another event of the same months
has. The event files stay as they were."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments.backtest_events import EVENTS, Event, Observation, read_event

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


# The way a measure alone moves things, whatever else happens: +1 up, -1 down. A measure that holds supply back is scarcity.
SCARCITY = {"outside_price": 1, "inside_price": -1, "wedge": 1, "exports": -1, "imports": -1, "output": -1, "output_share": -1}
PLENTY = {"outside_price": -1, "inside_price": -1, "wedge": 0, "exports": 1, "imports": 1, "output": 0, "output_share": 0}
SUPPORT = {"outside_price": -1, "inside_price": 1, "wedge": -1, "exports": -1, "imports": -1, "output": 1, "output_share": 1, "payment": 1}
SIGNS = {"export_quota": SCARCITY, "export_licence": SCARCITY, "processing_capacity": SCARCITY, "stockpile": PLENTY,
         "price_gap_subsidy": SUPPORT, "price_floor": SUPPORT}
STEP = 1.5  # half as much again, or a third less


def sign_of_theory(event: Event, seen: Observation) -> int:
    """+1, -1 or 0: the way the first instrument of the first variant moves what was observed."""
    return SIGNS[str(event.variant[0].policies[0]["kind"])].get(seen.metric, 0)


def by_theory(event: Event, seen: Observation) -> float:
    """A forecast without a model: `STEP` times what was before, or `STEP` times less, by the sign of theory."""
    return seen.before * STEP ** sign_of_theory(event, seen)
