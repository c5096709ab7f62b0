"""Charts of the scorecard: what the model says, with its range, beside what was seen, event by event."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from floormodel.report.style import BLUE, GREY, INK, VERMILLION, PlainNumbers, finish, new_figure, styled

PRICES = ("outside_price", "inside_price", "wedge")
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
FOOT = ("Dots: median over draws and variants; bars: 5 to 95 %; diamonds: what was seen. Filled: hit, direction and size right; "
        "open: miss. (s): secondary source. (m): set by the measure itself. (n): not counted, for other reasons.")


def in_prices(card: pd.DataFrame) -> pd.DataFrame:
    """Rows of prices and wedges, these over the wedge before."""
    rows = card[card["metric"].isin(PRICES)].copy()
    for columns, base in ((["observed", "low", "high"], "before"), (["q05", "q50", "q95"], "model_before")):
        rows[columns] = rows[columns].div(rows[base], axis=0)
    return rows


def in_volumes(card: pd.DataFrame) -> pd.DataFrame:
    """Rows of exports, imports, output and shares."""
    return card[~card["metric"].isin([*PRICES, "payment"])]


def months(number: float) -> str:
    """`1 month`, `5.5 months`."""
    return f"{number:g} month{'s' * (number != 1)}"


@styled
def score_chart(rows: pd.DataFrame, title: str, subtitle: str, unit: str, log: bool, source: str) -> Figure:
    """One line per observation below the title of its event."""
    labels, places, bold = [], [], []
    at = 0.0
    for event in dict.fromkeys(rows["event"]):
        mine = rows[rows["event"] == event]
        labels.append(str(mine["title"].iloc[0]))
        bold.append(True)
        places.append(at)
        for row in mine.itertuples():
            at += 1
            labels.append(f"{row.what}, {months(row.months)}" + " (s)" * (row.confidence == "secondary") + " (m)" * bool(row.by_measure)
                          + " (n)" * (row.mark in ("not_scored", "not_frozen")))
            bold.append(False)
            places.append(at)
        at += 1.3
    figure, (axes,) = new_figure(0.6 + 0.165 * at)
    lines = [y for y, head in zip(places, bold) if not head]
    for y, row in zip(lines, rows.itertuples()):
        colour = BLUE if row.hit else VERMILLION
        axes.plot([row.q05, row.q95], [y, y], color=colour, linewidth=3.2, alpha=0.35, solid_capstyle="butt")
        axes.plot(row.q50, y, "o", markersize=5.5, markeredgecolor=colour, markerfacecolor=colour if row.hit else "white",
                  markeredgewidth=1.3)
        axes.plot([row.low, row.high], [y, y], color=INK, linewidth=0.9)
        axes.plot(row.observed, y, "D", color=INK, markersize=4, markeredgecolor="white", markeredgewidth=0.4)
    axes.axvline(1, color=GREY, linewidth=0.8, zorder=0.5)
    if log:
        axes.set_xscale("log")
        spread = rows[["q05", "observed", "low"]].min().min(), rows[["q95", "observed", "high"]].max().max()
        axes.set_xlim(0.85 * spread[0], 1.15 * spread[1])
        axes.xaxis.set_major_locator(FixedLocator([t for t in TICKS if 0.85 * spread[0] <= t <= 1.15 * spread[1]]))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(-0.03, max(1.1, 1.05 * float(np.max(rows[["q95", "observed"]].to_numpy()))))
    axes.xaxis.set_major_formatter(PlainNumbers())
    axes.set_xlabel(unit)
    axes.grid(axis="x")
    axes.set_yticks(places, labels)
    for text, head in zip(axes.get_yticklabels(), bold):
        text.set_fontweight("bold" if head else "normal")
        text.set_fontsize(8)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(places) + 0.8, -0.8)
    return finish(figure, title, subtitle, [FOOT, f"Source: {source}."], _handles())


def _handles() -> list[Line2D]:
    return [Line2D([], [], color=BLUE, linewidth=3.2, alpha=0.6, marker="o", markersize=5.5, label="Model: hit"),
            Line2D([], [], color=VERMILLION, linewidth=3.2, alpha=0.6, marker="o", markersize=5.5, markerfacecolor="white",
                   markeredgecolor=VERMILLION, label="Model: miss"),
            Line2D([], [], color=INK, linewidth=0.9, marker="D", markersize=4, label="Seen, with its range where one is given")]
