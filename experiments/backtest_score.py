"""The rules of the back-test's score, and the scorecard. They were fixed before any score was seen, and are the same for all events.

- Direction: up, down or none, where none is a change of less than a tenth (`BAND`). Right where the model's median says what was seen.
- Size: a price, inside or outside, or a payment within a factor of two of what was seen; the wedge between prices outside and inside
  within a factor of one and a half; volumes and shares within 20 points.
- A hit is both. Beside them: whether what was seen lies within the model's own 5 to 95 %, and how a forecast that nothing happens scores.

Added after the scores were seen, and changing no rule: the score of the sign of theory, that of each variant alone, that of a price with
and without its control, and marks (`backtest_marks`) that take rows out of the count. An event whose file is not frozen is scored and not
counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.backtest_events import EVENTS, Event, Observation
from experiments.backtest_frozen import not_frozen
from experiments.backtest_marks import borrowed_controls, by_theory, marks
from experiments.backtest_run import Outcome, outcome
from experiments.words import quantiles

BAND = 0.10
FACTOR = {"outside_price": 2.0, "inside_price": 2.0, "payment": 2.0, "wedge": 1.5}
POINTS = 0.20
EDGE = 1e-6  # what lies on a limit, but for rounding, is within it
REASONS = EVENTS / "reasons.csv"
UNFROZEN = "The file is not in frozen.csv: nothing says that it was written before the event was scored."
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


def variants_alone(seen: Observation, found: Outcome) -> dict[str, object]:
    """The variants whose own median is a hit, and whether their medians differ more than the draws of one do."""
    observed = seen.seen()[0]
    named = {name: quantiles(v) for name, v in found.variants.items() if v.size}
    base = quantiles(found.before)[1]
    hits = [name for name, (_, q50, _) in named.items()
            if direction(q50, base) == direction(observed, seen.before) and size_right(seen.metric, q50, observed)]
    middles = [q[1] for q in named.values()]
    wide = max(middles) - min(middles) > max(q[2] - q[0] for q in named.values()) if named else False
    return {"variants": len(named), "variants_hit": len(hits), "variants_that_hit": "; ".join(hits), "range_of_variants": bool(wide)}


def with_and_without_control(seen: Observation, found: Outcome, control: float) -> dict[str, object]:
    """What was seen and its mark without a control and over one; alike where there is none (`control` 1)."""
    alone, over = (seen.model_copy(update={"control": c}) for c in (1.0, control))
    return {"control": control, "observed_alone": alone.seen()[0], "observed_over": over.seen()[0],
            "hit_alone": score(alone, found)["hit"], "hit_over": score(over, found)["hit"]}


def against_theory(event: Event, seen: Observation, median: float) -> dict[str, object]:
    """The marks of a forecast without a model, by the sign of theory alone; not scored where theory has no sign."""
    forecast, observed = by_theory(event, seen), seen.seen()[0]
    if math.isnan(forecast):
        return {"theory": forecast, **dict.fromkeys(("theory_scored", "theory_direction", "theory_size", "theory_hit", "as_theory"), False)}
    way, near = direction(forecast, seen.before) == direction(observed, seen.before), size_right(seen.metric, forecast, observed)
    return {"theory": forecast, "theory_scored": True, "theory_direction": way, "theory_size": near, "theory_hit": way and near,
            "as_theory": direction(forecast, seen.before) == direction(median, seen.before)}


def scorecard(events: Sequence[Event], paths: Mapping[str, Sequence[fm.Path]]) -> pd.DataFrame:
    """One row per observation, in the order of the files: what was seen, the model's median and range, the marks, the reason of a miss."""
    why, marked, borrowed = reasons(), marks(), borrowed_controls()
    unfrozen = not_frozen([e.name for e in events])
    rows = []
    for event in events:
        for seen in event.observation:
            found = outcome(event, paths[event.name], seen)
            line, at = score(seen, found), (event.name, seen.key)
            mark, because = ("not_frozen", UNFROZEN) if event.name in unfrozen else marked.get(at, ("", ""))
            fixed = seen.by_measure or mark == "by_measure"
            control = seen.control if seen.control != 1.0 else borrowed.get(at, 1.0)
            rows.append({"event": event.name, "title": event.title, "tier": event.tier, "key": seen.key, "what": seen.what,
                         "metric": seen.metric, "months": seen.months, "confidence": seen.confidence, "by_measure": fixed,
                         "counted": not fixed and mark not in ("not_scored", "not_frozen"), "mark": mark, "mark_reason": because,
                         "note": seen.note, "source": event.sources[seen.source], **line, **variants_alone(seen, found),
                         **with_and_without_control(seen, found, control), **against_theory(event, seen, float(str(line["q50"]))),
                         "reason": "" if line["hit"] else why.get(at, "")})
    return pd.DataFrame(rows)


def reasons(path: Path = REASONS) -> dict[tuple[str, str], str]:
    """The likeliest reason of each miss, by event and observation, as written after the scores were known; none before."""
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return {(e, k): r for e, k, r in zip(table["event"], table["key"], table["reason"])}


MARKS = ("direction", "size", "hit", "inside", "naive_direction", "naive_size", "naive_hit", "theory_scored",
         "theory_direction", "theory_size", "theory_hit")


def groups(card: pd.DataFrame) -> dict[str, np.ndarray]:
    """Rows by group."""
    free, metric = card["counted"].to_numpy(bool), card["metric"]
    inside = metric.isin(["inside_price", "wedge"]).to_numpy()
    outside, first = (metric == "outside_price").to_numpy(), (card["months"] <= 12).to_numpy()
    unfrozen = (card["mark"] == "not_frozen").to_numpy()
    return {"All observations": np.ones(len(card), bool), "Set by the measure itself": card["by_measure"].to_numpy(bool) & ~unfrozen,
            "Not scored": (card["mark"] == "not_scored").to_numpy(), **({"Not frozen, not counted": unfrozen} if unfrozen.any() else {}),
            "All others": free,
            "Others, read or derived": free & (card["confidence"] != "secondary").to_numpy(),
            "Others, prices outside": free & outside, "Others, prices inside and wedges": free & inside,
            "Others, volumes and shares": free & ~outside & ~inside, "Others, first year": free & first, "Others, later": free & ~first}


def summary(card: pd.DataFrame) -> pd.DataFrame:
    """Counts by group of rows: observations, marks of the model, of no change and of the sign of theory."""
    return pd.DataFrame([{"group": name, "observations": int(m.sum()), **{c: int(card.loc[m, c].sum()) for c in MARKS}}
                         for name, m in groups(card).items()])


def once(card: pd.DataFrame) -> pd.DataFrame:
    """One row per answer of the model (event, metric, median and year): the shares of its observations that are right."""
    year = np.ceil(card["months"] / 12)
    return card.assign(year=year).groupby(["event", "metric", "q50", "year"], sort=False)[[*MARKS, "range_of_variants"]].mean()
