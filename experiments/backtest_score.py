"""The rules of the back-test's score, and the scorecard. They were fixed before any score was seen, and are the same for all events.

- Direction: up, down or none, where none is a change of less than a tenth (`BAND`). Right where the model's median says what was seen.
- Size: a price, inside or outside, or a payment within a factor of two of what was seen; the wedge between prices outside and inside
  within a factor of one and a half; volumes and shares within 20 points.
- A hit is both. Beside them: whether what was seen lies within the model's own 5 to 95 %, and how a forecast that nothing happens scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.backtest_events import EVENTS, Event, Observation
from experiments.backtest_run import Outcome, outcome
from experiments.words import quantiles

BAND = 0.10
FACTOR = {"outside_price": 2.0, "inside_price": 2.0, "payment": 2.0, "wedge": 1.5}
POINTS = 0.20
EDGE = 1e-6  # what lies on a limit, but for rounding, is within it
REASONS = EVENTS / "reasons.csv"
NUMBERS = ("observed", "low", "high", "before", "q05", "q50", "q95", "model_before", "solved")


def direction(value: float, before: float) -> str:
    """`up`, `down` or `none` of a value over what it was before."""
    if before == 0:
        return "up" if value > 0 else "none"
    return "none" if abs(value / before - 1) <= BAND + EDGE else "up" if value > before else "down"


def size_right(metric: str, model: float, seen: float) -> bool:
    """Is the model's number near enough to what was seen?"""
    if metric not in FACTOR:
        return abs(model - seen) <= POINTS + EDGE
    if model <= 0 or seen <= 0:
        return model == seen
    return abs(math.log(model / seen)) <= math.log(FACTOR[metric]) + EDGE


def score(seen: Observation, found: Outcome) -> dict[str, object]:
    """One line of the scorecard."""
    observed, low, high = seen.seen()
    q05, q50, q95 = quantiles(found.value)
    model_before = quantiles(found.before)[1]
    was, now = direction(observed, seen.before), direction(q50, model_before)
    right, near = was == now, size_right(seen.metric, q50, observed)
    still, close = was == "none", size_right(seen.metric, model_before, observed)  # a forecast that nothing happens
    return {"observed": observed, "low": low, "high": high, "before": seen.before, "q05": q05, "q50": q50, "q95": q95,
            "model_before": model_before, "solved": found.solved, "direction_seen": was, "direction_model": now, "direction": right,
            "size": near, "hit": right and near, "inside": bool(q05 <= observed <= q95), "naive_direction": still, "naive_size": close,
            "naive_hit": still and close}


def scorecard(events: Sequence[Event], paths: Mapping[str, Sequence[fm.Path]]) -> pd.DataFrame:
    """One row per observation, in the order of the files: what was seen, the model's median and range, the marks, the reason of a miss."""
    why = reasons()
    rows = []
    for event in events:
        for seen in event.observation:
            line = score(seen, outcome(event, paths[event.name], seen))
            rows.append({"event": event.name, "title": event.title, "tier": event.tier, "key": seen.key, "what": seen.what,
                         "metric": seen.metric, "months": seen.months, "confidence": seen.confidence, "by_measure": seen.by_measure,
                         "note": seen.note, "source": event.sources[seen.source], **line,
                         "reason": "" if line["hit"] else why.get((event.name, seen.key), "")})
    return pd.DataFrame(rows)


def reasons(path: Path = REASONS) -> dict[tuple[str, str], str]:
    """The likeliest reason of each miss, by event and observation, as written after the scores were known; none before."""
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return {(e, k): r for e, k, r in zip(table["event"], table["key"], table["reason"])}


def summary(card: pd.DataFrame) -> pd.DataFrame:
    """Counts by group of rows: observations, right direction, right size, hits, inside the range, and hits of no change."""
    groups = {"All observations": np.ones(len(card), bool), "Set by the measure itself": card["by_measure"],
              "All others": ~card["by_measure"], "Others, read or derived": ~card["by_measure"] & (card["confidence"] != "secondary"),
              "Others, prices outside": ~card["by_measure"] & (card["metric"] == "outside_price"),
              "Others, prices inside and wedges": ~card["by_measure"] & card["metric"].isin(["inside_price", "wedge"]),
              "Others, volumes, shares, payments": ~card["by_measure"] & ~card["metric"].isin(["outside_price", "inside_price", "wedge"]),
              "Others, first year": ~card["by_measure"] & (card["months"] <= 12),
              "Others, later": ~card["by_measure"] & (card["months"] > 12)}
    rows = [{"group": name, "observations": int(np.sum(m)), **{c: int(card.loc[m, c].sum()) for c in
             ("direction", "size", "hit", "inside", "naive_direction", "naive_size", "naive_hit")}} for name, m in groups.items()]
    return pd.DataFrame(rows)


def once(card: pd.DataFrame) -> pd.DataFrame:
    """One row per answer of the model (event, metric, good and year): the shares of its observations that are right."""
    year = np.ceil(card["months"] / 12)
    return card.assign(year=year).groupby(["event", "metric", "q50", "year"], sort=False)[["direction", "size", "hit", "inside"]].mean()
