"""Charts by stage of the chain: where output moves, how concentrated supply is, what happens downstream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from floormodel.report.frames import Groups
from floormodel.report.labels import (
    NO_POLICY,
    capitalised,
    for_readers,
    format_number,
    good_name,
    indicator_name,
    region_name,
    sign_note,
)
from floormodel.report.marks import RANGE_NOTE, bar_legend, footer, grouped_bars, names_in, pick
from floormodel.report.style import (
    Provenance,
    category_axis,
    finish,
    look,
    new_figure,
    styled,
    value_axis,
)

HHI_NOTE = ("HHI of supply by country, recycled tonnes included; thick line: from its lower to its upper bound (medians over draws), as "
            "the rest of the world lumps suppliers together; thin line: 5 to 95 % of draws.")


@styled
def output(frame: pd.DataFrame, goods: Sequence[str], groups: Groups, *, scenarios: Sequence[str] | None = None,
           provenance: Provenance | None = None, title: str | None = None) -> Figure:
    """Change of output by stage and group of countries.

    `frame`: changes in long form with rows whose region is a group: ``frames.changes(indicators, groups)``.
    """
    names = _scenarios(frame, scenarios)
    figure, axes = new_figure(_output_height(groups, names), len(goods), sharey=True)
    _draw_output(axes, frame, goods, groups, names)
    return finish(figure, title or "Where output moves: change by stage and group of countries",
                  "Against no policy; scales differ between panels", footer(provenance, RANGE_NOTE), bar_legend(names))


@styled
def concentration(frame: pd.DataFrame, goods: Sequence[str], *, scenarios: Sequence[str] | None = None,
                  provenance: Provenance | None = None, title: str | None = None) -> Figure:
    """HHI of world supply by stage and scenario with its bounds. `frame`: levels in long form (frames.levels)."""
    names = _scenarios(frame, scenarios, NO_POLICY)
    figure, (axes,) = new_figure(_hhi_height(goods, names))
    handles = _draw_hhi(axes, frame, goods, names)
    return finish(figure, title or "How concentrated supply is, before and after", "Herfindahl-Hirschman index, 0 to 1 (one "
                  "country supplies all)", footer(provenance, HHI_NOTE, sign_note(("hhi_low",))), handles)


@styled
def output_and_concentration(changed: pd.DataFrame, level: pd.DataFrame, goods: Sequence[str], groups: Groups, *,
                             scenarios: Sequence[str] | None = None, provenance: Provenance | None = None,
                             title: str | None = None) -> Figure:
    """Both in one figure: above, the change of output by stage and group; below, HHI before and after.

    `changed`, `level`: as in `output` and `concentration`.
    """
    policies, names = _scenarios(changed, scenarios), _scenarios(level, scenarios, NO_POLICY)
    heights = [_output_height(groups, policies), _hhi_height(goods, names)]
    figure, (whole,) = new_figure(sum(heights))
    whole.remove()
    rows = figure.add_gridspec(2, 1, height_ratios=heights, hspace=0.1)
    above = rows[0].subgridspec(1, len(goods))
    first = figure.add_subplot(above[0])
    axes = [first, *(figure.add_subplot(above[k], sharey=first) for k in range(1, len(goods)))]
    for ax in axes[1:]:
        ax.tick_params(labelleft=False)
    _draw_output(axes, changed, goods, groups, policies)
    handles = _draw_hhi(figure.add_subplot(rows[1]), level, goods, names)
    return finish(figure, title or "Output and concentration by stage", "Above: change of output by group of countries, "
                  "scales differ between panels; below: HHI of world supply by country, 0 to 1",
                  footer(provenance, RANGE_NOTE, HHI_NOTE, sign_note(("hhi_low",))), handles)


@styled
def downstream(frame: pd.DataFrame, good: str, regions: Sequence[str], *, scenarios: Sequence[str] | None = None,
               indicators: Sequence[str] = ("output", "margin"), provenance: Provenance | None = None,
               title: str | None = None) -> Figure:
    """What makers of a downstream good gain or lose, with and without coverage of their good.

    Parameters
    ----------
    frame : relative changes in long form, per cent (frames.relative_changes)
    regions : countries shown; those without benchmark output are skipped
    """
    rows = pick(frame, indicator=indicators, good=good, region=regions, scenario=scenarios).dropna(subset=["q50"])
    names, shown = names_in(rows, "scenario"), [r for r in regions if r in set(rows["region"])]
    figure, axes = new_figure(0.7 + (0.2 + 0.17 * len(names)) * len(shown), len(indicators), sharey=True)
    for ax, indicator in zip(axes, indicators):
        grouped_bars(ax, pick(rows, indicator=indicator), {r: y for y, r in enumerate(shown)}, names, "region")
        ax.set_title(indicator_name(indicator))
        value_axis(ax, "x", "% of the level without policy", zero=True)
    category_axis(axes[0], [region_name(r) for r in shown])
    return finish(figure, title or f"Downstream: makers of {good_name(good)}", "Change against no policy, per cent; margin: "
                  "price less the cost of inputs, per tonne", footer(provenance, RANGE_NOTE), bar_legend(names))


def _scenarios(frame: pd.DataFrame, scenarios: Sequence[str] | None, *always: str) -> list[str]:
    return [n for n in names_in(frame, "scenario") if scenarios is None or n in scenarios or n in always]


def _output_height(groups: Groups, names: Sequence[str]) -> float:
    return 0.75 + len(groups) * (0.1 + 0.18 * len(names))


def _hhi_height(goods: Sequence[str], names: Sequence[str]) -> float:
    return 0.5 + len(goods) * (0.2 + 0.19 * len(names))


def _draw_output(axes: Sequence[Axes], frame: pd.DataFrame, goods: Sequence[str], groups: Groups, names: Sequence[str]) -> None:
    rows = for_readers(pick(frame, indicator="output", region=list(groups)))
    for ax, good in zip(axes, goods):
        grouped_bars(ax, pick(rows, good=good), {group: y for y, group in enumerate(groups)}, names, "region")
        value_axis(ax, "x", str(rows["unit"].iloc[0]), zero=True)
        ax.set_title(capitalised(good_name(good)))
    category_axis(axes[0], list(groups))


def _draw_hhi(ax: Axes, frame: pd.DataFrame, goods: Sequence[str], names: Sequence[str]) -> list[Line2D]:
    """Per good one row per scenario; returns the legend's handles."""
    at, y = [], 0.0
    looks = {n: look(names, n)[:2] for n in names}
    for good in goods:
        at.append(y + (len(names) - 1) / 2)
        for name in names:
            low, high = (pick(frame, good=good, scenario=name, indicator=i) for i in ("hhi_low", "hhi_high"))
            if len(low) and len(high):
                _draw_bounds(ax, y, low.iloc[0], high.iloc[0], *looks[name])
            y += 1
        y += 0.9
    category_axis(ax, [capitalised(good_name(g)) for g in goods], at)
    ax.set_ylim(y - 1.2, -0.8)
    value_axis(ax, "x", "HHI of world supply")
    ax.set_xlim(0, 1.13)
    ax.set_xticks(np.arange(0, 1.01, 0.2))
    return [Line2D([], [], color=c, marker=m, markersize=5, markerfacecolor="white", linewidth=3, label=n)
            for n, (c, m) in looks.items()]


def _draw_bounds(ax: Axes, y: float, low: pd.Series, high: pd.Series, colour: str, marker: str) -> None:
    """A thick line between the bounds, thin whiskers over draws, the bounds written beside it."""
    ax.plot([low["q05"], high["q95"]], [y, y], color=colour, linewidth=1.0, marker="|", markersize=4)
    ax.plot([low["q50"], high["q50"]], [y, y], color=colour, linewidth=4.0, solid_capstyle="butt")
    ax.plot([(low["q50"] + high["q50"]) / 2], [y], color=colour, marker=marker, markersize=5, markerfacecolor="white")
    ends = dict.fromkeys(format_number(float(end["q50"]), decimals=3) for end in (low, high))
    ax.annotate(" to ".join(ends), (high["q95"], y), (7, 0), textcoords="offset points", va="center", fontsize=7.5)
