"""Charts of prices and of anything against the floor's level: long quantile frames in, figures out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from floormodel.report.labels import capitalised, for_readers, good_name, indicator_name, region_name, sign_note
from floormodel.report.marks import BAND_NOTE, FLOOR_LINE, error_bar, floor_line, footer, names_in, pick, span_from_zero
from floormodel.report.style import (
    COLOURS,
    MARKERS,
    Provenance,
    category_axis,
    finish,
    look,
    new_figure,
    styled,
    value_axis,
)

PRICES = ("price_inside", "price_outside", "bloc_producer_price")
WORLDWIDE = ("world", "bloc", "others")  # regions that an indicator's name already says
Panel = tuple[str, str, str]


@styled
def prices(frame: pd.DataFrame, good: str, *, scenarios: Sequence[str] | None = None, floor: float | None = None,
           provenance: Provenance | None = None, title: str | None = None) -> Figure:
    """Prices inside and outside the bloc and what its producers receive, by scenario.

    Parameters
    ----------
    frame : levels in long form (frames.levels), with price_inside, price_outside and bloc_producer_price in USD/t
    floor : USD/t, drawn as a line
    """
    rows = for_readers(pick(frame, good=good, indicator=PRICES, scenario=scenarios))
    names = names_in(rows, "scenario")
    figure, (axes,) = new_figure(0.55 + 0.52 * len(names))
    for k, indicator in enumerate(PRICES):
        for _, row in pick(rows, indicator=indicator).iterrows():
            error_bar(axes, names.index(row["scenario"]) + 0.2 * (k - 1), row, COLOURS[k], MARKERS[k])
    handles = [Line2D([], [], color=COLOURS[k], marker=MARKERS[k], markerfacecolor="white", label=indicator_name(i))
               for k, i in enumerate(PRICES)]
    if floor is not None:
        handles.append(floor_line(axes, floor))
    category_axis(axes, names)
    value_axis(axes, "x", "USD/kg")
    span_from_zero(axes)
    title = title or f"{capitalised(good_name(good))}: prices inside and outside the bloc"
    notes = footer(provenance, BAND_NOTE, sign_note(("bloc_producer_price", "price_outside")))
    return finish(figure, title, "USD per kg; buyers' prices include duties and freight, weighted by use", notes, handles)


@styled
def sweep(frame: pd.DataFrame, panels: Sequence[Panel], *, level: str = "level", level_label: str = "Floor, USD/kg",
          level_factor: float = 1e-3, mark: float | None = None, columns: int = 2, provenance: Provenance | None = None,
          title: str = "Results by level of the floor", subtitle: str = "") -> Figure:
    """Lines with bands over the level of a floor, one panel per (indicator, good, region), one line per scenario.

    Parameters
    ----------
    frame : long quantile frame with a further column `level` (in USD/t where `level_factor` is 1e-3)
    mark : level at which a vertical line is drawn, same unit as the column
    """
    rows = for_readers(pick(frame, indicator=[p[0] for p in panels]))
    names = names_in(rows, "scenario")
    columns = min(columns, len(panels))
    count = -(-len(panels) // columns)
    figure, axes = new_figure(2.35 * count, columns, count)
    for ax, panel in zip(axes, panels):
        chosen = pick(rows, indicator=panel[0], good=panel[1], region=panel[2])
        _sweep_panel(ax, chosen.assign(level=chosen[level] * level_factor), panel, names)
        if mark is not None:
            ax.axvline(mark * level_factor, **FLOOR_LINE)
    for ax in axes[len(panels):]:
        ax.set_visible(False)
    for ax in axes[max(0, len(panels) - columns):len(panels)]:
        ax.set_xlabel(level_label)
    notes = footer(provenance, "Lines: median over draws; bands: 5 to 95 % of draws.", sign_note(p[0] for p in panels))
    handles = [Line2D([], [], label=n, **_line(names, n)) for n in names]
    return finish(figure, title, subtitle, notes, handles)


def _line(names: Sequence[str], name: str) -> dict[str, Any]:
    drawn = look(names, name)
    return {"color": drawn.colour, "linestyle": drawn.line, "marker": drawn.marker, "markersize": 3.5, "linewidth": 1.6}


def _sweep_panel(ax: Axes, rows: pd.DataFrame, panel: Panel, names: Sequence[str]) -> None:
    indicator, good, region = panel
    for name in names:
        line = pick(rows, scenario=name).sort_values("level")
        ax.fill_between(line["level"], line["q05"], line["q95"], color=look(names, name).colour, alpha=0.16, linewidth=0)
        ax.plot(line["level"], line["q50"], **_line(names, name))
    where = "" if region in WORLDWIDE else f", {region_name(region)}"
    ax.set_title(f"{indicator_name(indicator)}{where}")
    value_axis(ax, "y", f"{capitalised(good_name(good))}, {rows['unit'].iloc[0]}")
