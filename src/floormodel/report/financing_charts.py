"""Charts of plants under several measures: does it pay, what is lent, is the covenant kept; from which price it is built, by doubt."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from floormodel.report.labels import NO_POLICY, for_readers
from floormodel.report.marks import bar_legend, footer, grouped_bars, names_in, pick
from floormodel.report.style import GREY, INK, PlainNumbers, Provenance, category_axis, finish, look, new_figure, styled, value_axis

PANELS = {"probability": "It pays: P(NPV > 0)", "gearing": "Debt, share of capital cost",
          "breach": "Chance that cover falls below"}
CHANCES = ("Chances: over price paths and draws together; debt: median; whiskers: 5 to 95 % of draws; the last panel over draws with a "
           "loan. No bar: none, or next to no debt to break.")
LOWEST, HIGHEST = 0.2, 10.0  # multiples of the long-run mean between which triggers are drawn
RUNGS = (0.5, 1.0, 2.0, 5.0)


@styled
def financing(frame: pd.DataFrame, *, covenant: float = 1.2, provenance: Provenance | None = None,
              title: str = "Which plants pay, what lenders give, and whether they are paid",
              subtitle: str = "By plant and measure, per cent") -> Figure:
    """Three panels of bars: P(NPV > 0), gearing, P(cover below the covenant in some year of the loan), all in per cent.

    Parameters
    ----------
    frame : rows of `project_charts.finance_frame` with measures probability, gearing and breach
    covenant : the cover ratio of the third panel's title
    """
    rows = for_readers(pick(frame, measure=list(PANELS)))
    names, projects = names_in(rows, "scenario"), names_in(rows, "project")
    figure, axes = new_figure(0.7 + (0.16 + 0.13 * len(names)) * len(projects), len(PANELS), sharey=True)
    for ax, (measure, words) in zip(axes, PANELS.items()):
        grouped_bars(ax, pick(rows, measure=measure), {p: float(y) for y, p in enumerate(projects)}, names, "project")
        ax.set_title(textwrap.fill(f"{words} {covenant:g} in some year" if measure == "breach" else words, 30))
        value_axis(ax, "x", "%", zero=True)
        ax.set_xlim(0, 100)
        for y in range(1, len(projects)):
            ax.axhline(y - 0.5, color="#cccccc", linewidth=0.6)
    category_axis(axes[0], projects)
    return finish(figure, title, subtitle, footer(provenance, CHANCES), bar_legend(names))


@styled
def triggers(frame: pd.DataFrame, *, provenance: Provenance | None = None, title: str = "From which price a plant is built, by doubt",
             subtitle: str = "Reference price from which it is built at once, over its long-run mean, by the yearly chance that the "
                             "measure is repealed; one panel per plant") -> Figure:
    """One panel per plant: triggers over hazards, one line per measure; "any" below and "none" above the scale.

    Parameters
    ----------
    frame : plant, measure, hazard (share; NaN without support), trigger (multiple of the long-run mean; 0: at any price, infinite: from
        none on; NaN: no mark), as `indicators.build_rules` gives them. Plants that are built from no price on are named below.
    """
    names = names_in(frame, "measure")
    never = [p for p in names_in(frame, "plant") if np.isposinf(pick(frame, plant=p)["trigger"]).all()]
    plants = [p for p in names_in(frame, "plant") if p not in never] or never[:1]
    columns = min(2, len(plants))
    count = -(-len(plants) // columns)
    figure, axes = new_figure(1.75 * count, columns, count, sharey=True)
    for ax, plant in zip(axes, plants):
        rows = pick(frame, plant=plant)
        for name in names:
            _lines(ax, pick(rows, measure=name), name, names)
        _scale(ax, sorted(set(100 * rows["hazard"].dropna())))
        ax.set_title(plant)
    for ax in axes[:len(plants)]:
        last = list(axes).index(ax) + columns >= len(plants)
        ax.set_xlabel("Chance of repeal, % a year" if last else "")
    for ax in axes[len(plants):]:
        ax.axis("off")
    looks = [(n, look(names, n)) for n in names]
    handles: list[Any] = [Line2D([], [], color=x.colour, linestyle=x.line, marker="" if n == NO_POLICY else x.marker, label=n,
                                 markerfacecolor="white") for n, x in looks]
    note = ("At central costs and median prices. Any: built at any price. None: from no price on, as where the price is back at its mean "
            "before the plant runs. No mark: built at low prices alone, as its inputs outrun its price.")
    rest = f"From no price on under any measure: {'; '.join(never)}." if never else ""
    return finish(figure, title, subtitle, footer(provenance, note, rest), handles)


def _lines(ax: Axes, rows: pd.DataFrame, name: str, names: Sequence[str]) -> None:
    """One measure of one plant; marks side by side, so that equal values are all seen."""
    drawn = look(names, name)
    at = np.clip(rows["trigger"].to_numpy(float), LOWEST, HIGHEST)
    if name == NO_POLICY:
        for y in at[:1]:
            ax.axhline(y, color=drawn.colour, linestyle=drawn.line, linewidth=1.4)
        return
    order = [n for n in names if n != NO_POLICY]
    shift = 0.28 * (order.index(name) - (len(order) - 1) / 2)
    ax.plot(100 * rows["hazard"] + shift, at, color=drawn.colour, linestyle=drawn.line, linewidth=1.3, marker=drawn.marker, markersize=4.5,
            markerfacecolor="white", clip_on=False)


def _scale(ax: Axes, hazards: Sequence[float]) -> None:
    """A logarithmic axis with "any" at its foot and "none" on top; the long-run mean as a line."""
    ax.set_yscale("log")
    ax.set_ylim(LOWEST * 0.85, HIGHEST * 1.15)
    ax.yaxis.set_major_locator(FixedLocator([LOWEST, *RUNGS, HIGHEST]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_yticklabels(["any", *(f"{r:g}" for r in RUNGS), "none"])
    ax.axhline(1.0, color=INK, linewidth=0.7, linestyle=(0, (1, 2)))
    ax.grid(axis="y")
    ax.xaxis.set_major_formatter(PlainNumbers())
    ax.xaxis.set_major_locator(FixedLocator(list(hazards)))
    for spot in (LOWEST, HIGHEST):
        ax.axhline(spot, color=GREY, linewidth=0.5)
