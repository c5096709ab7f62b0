"""The marks that charts are made of: rows picked from a long frame, bars with ranges, medians with error bars, legends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from floormodel.report.labels import format_number
from floormodel.report.style import INK, Provenance, look

BAND_NOTE = "Marks: median over draws; bars or bands: 5 to 95 % of draws."
RANGE_NOTE = "Bars: median over draws; whiskers: 5 to 95 % of draws."
FLOOR_LINE: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.1}


def footer(provenance: Provenance | None, *notes: str) -> list[str]:
    """Lines of a footer: what the marks mean, then where the figures come from. Central values need no word on draws."""
    drawn = provenance is None or provenance.draws > 1
    shown = [n for n in notes if n and (drawn or n not in (BAND_NOTE, RANGE_NOTE))]
    return shown + ([provenance.line()] if provenance else [])


def pick(frame: pd.DataFrame, **wanted: str | Sequence[str] | None) -> pd.DataFrame:
    """Rows of a long frame by exact values (or lists of values) of its columns; None takes all."""
    for column, value in wanted.items():
        if value is not None:
            frame = frame[frame[column].isin([value] if isinstance(value, str) else list(value))]
    return frame


def names_in(frame: pd.DataFrame, column: str) -> list[str]:
    """The values of a column, each once, in the order met."""
    return [str(v) for v in dict.fromkeys(frame[column])]


def bar_with_range(axes: Axes, y: float, row: Mapping[str, Any] | pd.Series, height: float, colour: str, hatch: str = "") -> None:
    """A bar from zero to q50, with a whisker from q05 to q95; nothing where q50 is missing."""
    if not np.isfinite(row["q50"]):
        return
    axes.barh(y, row["q50"], height=height, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
    if row["q95"] > row["q05"]:
        axes.plot([row["q05"], row["q95"]], [y, y], color=INK, linewidth=1.1, solid_capstyle="butt")


def grouped_bars(axes: Axes, rows: pd.DataFrame, places: Mapping[str, float], names: Sequence[str], by: str) -> None:
    """One bar per row of `rows`: at the place of its value in column `by`, side by side over the scenarios `names`."""
    height = 0.8 / len(names)
    for k, name in enumerate(names):
        drawn = look(names, name)
        for _, row in pick(rows, scenario=name).iterrows():
            if row[by] in places:
                y = places[row[by]] + (k - (len(names) - 1) / 2) * height
                bar_with_range(axes, y, row, 0.92 * height, drawn.colour, drawn.hatch)


def bar_legend(names: Sequence[str]) -> list[Patch]:
    """Legend handles of `grouped_bars`."""
    looks = [look(names, n) for n in names]
    return [Patch(facecolor=x.colour, hatch=x.hatch, edgecolor="white", linewidth=0, label=n) for n, x in zip(names, looks)]


def error_bar(axes: Axes, y: float, row: Mapping[str, Any] | pd.Series, colour: str, marker: str) -> None:
    """A hollow mark at q50 with a bar from q05 to q95, along x; nothing where q50 is missing."""
    middle = row["q50"]
    if np.isfinite(middle):
        reach = [[max(middle - row["q05"], 0.0)], [max(row["q95"] - middle, 0.0)]]
        axes.errorbar([middle], [y], xerr=reach, color=colour, marker=marker, markersize=5.5, linewidth=1.5, capsize=2.5,
                      markerfacecolor="white", markeredgewidth=1.5)


def floor_line(axes: Axes, floor: float) -> Line2D:
    """A dashed vertical line at a floor (USD/t, axis in USD/kg); returns its legend handle."""
    axes.axvline(floor / 1000, **FLOOR_LINE)
    return Line2D([], [], label=f"Floor, {format_number(floor / 1000, 'USD/kg')} USD/kg", **FLOOR_LINE)


def span_from_zero(axes: Axes) -> None:
    """Let the x axis run from zero to a little beyond the largest thing drawn."""
    largest = max([axes.dataLim.x1, *(float(np.max(line.get_xdata())) for line in axes.lines)])
    axes.set_xlim(0, 1.04 * largest)
