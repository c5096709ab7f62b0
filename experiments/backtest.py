"""What would the model have said before measures of the past, and was it right? A scorecard with its misses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.analysis import Progress
from experiments.backtest_brief import Pages
from experiments.backtest_events import EVENTS, Event, event_names, read_event
from experiments.backtest_frozen import fingerprint, not_frozen
from experiments.backtest_run import run_events
from experiments.backtest_score import scorecard
from floormodel.errors import ScenarioError
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record

TITLE = "Back-test: the model beside what happened"
MARKET, DRAWS = "events", 200
EXPECTED, EXPECTED_DRAWS, EXPECTED_SEED = Path(__file__).with_suffix(".expected.csv"), 20, 7
KEPT = ["event", "key", "metric", "months", "observed", "q05", "q50", "q95", "direction", "size", "hit", "inside",
        "counted", "theory_hit", "hit_alone", "hit_over", "variants_hit", "variants"]


def events_by_year(folder: Path = EVENTS) -> list[Event]:
    """All events of a folder, the oldest first."""
    return sorted((read_event(name, folder) for name in event_names(folder)), key=lambda e: (e.year, e.name))


def frozen_by_year() -> list[Event]:
    """All events that are frozen, the oldest first: those that count."""
    events = events_by_year()
    out = not_frozen([e.name for e in events])
    return [e for e in events if e.name not in out]


def cards(events: Sequence[Event], draws: int, seed: int, progress: Progress = iter) -> pd.DataFrame:
    """The scorecard of some events."""
    return scorecard(events, run_events(events, draws, seed, progress))


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Simulate all events, write the brief, the scorecard and its record into `folder`, return the record."""
    if market != MARKET:
        raise ScenarioError(f"--market: found {market!r}; expected nothing: every event of the back-test has its own market")
    events = events_by_year()
    card = cards(events, draws, seed, progress)
    write_brief(Pages(events, card, draws, seed).brief(), folder)
    card.to_csv(folder / "scorecard.csv", index=False, lineterminator="\n")
    record = {"title": TITLE, "draws": draws, "seed": seed, "events": {e.name: fingerprint(e.name) for e in events},
              "markets": {e.name: dict(e.benchmark.hashes) for e in events if e.benchmark.hashes},
              "share_converged": float(card["solved"].min())}
    write_record(folder, record)
    return record


def expected(events: Sequence[Event]) -> pd.DataFrame:
    """Rows of `backtest.expected.csv`: the scorecard at few draws, for a test to compare a new run with."""
    return cards(events, EXPECTED_DRAWS, EXPECTED_SEED)[KEPT]


if __name__ == "__main__":
    expected(frozen_by_year()).to_csv(EXPECTED, index=False, float_format="%.8g", lineterminator="\n")
