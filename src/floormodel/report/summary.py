"""A short text on a comparison, in the manner of statsmodels: what was solved, how well, what moved."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd

from floormodel.report.frames import changes, groups_of, levels
from floormodel.report.labels import (
    QUANTILES,
    READER_UNITS,
    capitalised,
    for_readers,
    format_range,
    good_name,
    indicator_name,
    region_name,
    sign_note,
)
from floormodel.report.marks import names_in, pick
from floormodel.results import Comparison

LEVELS = ("price_inside", "price_outside", "bloc_producer_price", "bloc_output", "dominant_share", "hhi_low", "hhi_high")
WELFARE = ("welfare_consumers", "welfare_producers", "welfare_treasury", "welfare_rent_holders", "welfare_stockholders",
           "welfare_buyers")
LABEL, CELL = 43, 24


def summary(comparison: Comparison) -> str:
    """Status and identities; levels of prices, output and concentration by good; welfare by owner and group. Medians, 5 to 95 %."""
    indicators = comparison.indicators()
    level, change = levels(indicators), changes(indicators)
    names = names_in(level, "scenario")
    width = max(LABEL + CELL * len(names), 78)
    lines = ["=" * width, (comparison.market.title or comparison.market.name).center(width).rstrip(), "=" * width]
    lines += _status(comparison)
    for good in comparison.market.goods:
        lines += ["-" * width, _row(f"{capitalised(good_name(good))}", names)]
        lines += _lines(pick(level, good=good), LEVELS, names)
    lines += ["-" * width, _row("Welfare, change in USD m/yr", ["", *names[1:]])]
    for region in ("bloc", "dominant", "others"):
        rows = pick(change, region=region)
        lines += _lines(rows[rows[["q05", "q95"]].abs().max(axis=1) > 0], WELFARE, names, f"{region_name(region)}: ")
    lines += ["=" * width, *_notes(comparison, width)]
    return "\n".join(lines)


def _status(runs: Comparison) -> list[str]:
    market, errors = runs.market, runs.identities()
    groups = groups_of(runs)
    deck = f", deck {market.deck}" if market.deck else ""
    facts = [("Market", f"{market.name}, benchmark {market.year}{deck}"), ("Horizon", f"{market.horizon} run"),
             ("Draws", f"{market.draws:,}" + (f" (seed {market.seed})" if market.draws > 1 else "")),
             ("Solved", f"{100 * runs.share_converged:.4g} % of draws and scenarios"),
             ("Identities", f"world {errors['world']:.1e}, regional {errors['regional']:.1e} (relative)"),
             ("Groups", "; ".join(f"{g} ({', '.join(m)})" for g, m in groups.items()))]
    return [line for name, text in facts for line in textwrap.wrap(
        text, 78, initial_indent=f"{name + ':':<14}", subsequent_indent=" " * 14, break_on_hyphens=False)]


def _lines(frame: pd.DataFrame, indicators: Sequence[str], names: Sequence[str], prefix: str = "") -> list[str]:
    """One line per indicator, one cell per scenario; empty where there is nothing to show."""
    shown = for_readers(frame)
    out = []
    for indicator in indicators:
        rows = pick(shown, indicator=indicator).dropna(subset=["q50"]).set_index("scenario")
        if rows.empty:
            continue
        unit = str(rows["unit"].iloc[0])
        numbers = zip(rows.index, rows[list(QUANTILES)].to_numpy(float).tolist())
        texts = {n: format_range(low, middle, high, unit) for n, (low, middle, high) in numbers}
        money = unit == READER_UNITS["USD/yr"][0]
        out.append(_row(f"  {prefix}{indicator_name(indicator)}" + ("" if money else f", {unit}"), [texts.get(n, "") for n in names]))
    return out


def _row(label: str, cells: Sequence[str]) -> str:
    first = textwrap.shorten(label.strip(), LABEL, placeholder="…") if len(label) > LABEL else label
    return (f"{first:<{LABEL}}" + "".join(f"{textwrap.shorten(c, CELL - 1, placeholder='…'):>{CELL}}" for c in cells)).rstrip()


def _notes(runs: Comparison, width: int) -> list[str]:
    notes = ["Medians over draws; in brackets the 5 and 95 % quantiles."] if runs.market.draws > 1 else []
    notes += [sign_note((*LEVELS, *WELFARE))]
    notes += [f"{name}: {note}" for name, run in runs.runs.items() for note in run.notes]
    notes += [f"{name}: {int((~run.converged).sum())} draws not solved" for name, run in runs.runs.items() if not run.converged.all()]
    return ["Notes", *[line for k, note in enumerate(notes, 1) for line in textwrap.wrap(f"[{k}] {note}", width, subsequent_indent="    ")]]
