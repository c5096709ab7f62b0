"""Charts that compare: what results hang on (tornado), whether plants pay, instruments that induce the same tonnes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from floormodel.indicators.viability import Viability
from floormodel.report.labels import READER_UNITS, for_readers, format_number, sign_note
from floormodel.report.marks import (
    BAND_NOTE,
    RANGE_NOTE,
    bar_legend,
    bar_with_range,
    error_bar,
    floor_line,
    footer,
    grouped_bars,
    names_in,
    pick,
    span_from_zero,
)
from floormodel.report.style import (
    BLUE,
    COLOURS,
    HATCHES,
    INK,
    VERMILLION,
    Provenance,
    category_axis,
    finish,
    look,
    new_figure,
    styled,
    value_axis,
)

MEASURES = {
    "probability": "Chance that the plant pays, P(NPV > 0)", "npv": "Net present value at the hurdle rate",
    "irr": "Internal rate of return", "incentive_price": "Price the plant needs", "net_price": "Price the plant gets",
}
CHANCE_NOTE = "Chance: over price paths and draws together; its whisker spans the draws' own chances."
RANGE_GREY = "#d5d5d5"


@styled
def tornado(frame: pd.DataFrame, central: float, *, unit: str, title: str, subtitle: str = "", rows: int = 14,
            indicators: Sequence[str] = (), provenance: Provenance | None = None) -> Figure:
    """How far each parameter moves a result between its low and its high value; widest on top.

    Parameters
    ----------
    frame : parameter, low, high (the result at the parameter's low and high value), and optionally low_label and
        high_label (those values, as text); already in `unit`
    central : the result at central values
    rows : at most so many; parameters that move the result by less than 0.2 % of the widest are left out
    indicators : what the result is, for the note on its sign
    """
    reach = (frame[["low", "high"]] - central).abs().max(axis=1)
    table = frame.assign(reach=reach).sort_values("reach", ascending=False, kind="stable").head(rows)
    table = table[table["reach"] > 0.002 * table["reach"].max()]
    figure, (axes,) = new_figure(0.6 + 0.3 * len(table))
    for y, (_, row) in enumerate(table.iterrows()):
        _tornado_row(axes, y, row, central)
    axes.axvline(central, color=INK, linewidth=1.0)
    ends = np.append(table[["low", "high"]].to_numpy(float), central)
    margin = 0.16 * (ends.max() - ends.min())
    axes.set_xlim(ends.min() - margin, ends.max() + margin)
    category_axis(axes, names_in(table, "parameter"))
    unit = READER_UNITS["0-1"][0] if unit == "0-1" else unit
    value_axis(axes, "x", unit)
    handles = [Patch(facecolor=BLUE, label="parameter at its low value"),
               Patch(facecolor=VERMILLION, hatch="////", edgecolor="white", label="at its high value"),
               Line2D([], [], color=INK, label=f"central values: {format_number(central, unit)} {unit}")]
    what = subtitle or "One parameter at a time between its low and its high value, all others at their central values"
    central_values = replace(provenance, draws=1) if provenance else None
    return finish(figure, title, what, footer(central_values, sign_note(indicators)), handles)


def _tornado_row(axes: Axes, y: float, row: pd.Series, central: float) -> None:
    """Two bars from the central line; where both go the same way, one above the other."""
    same = (row["low"] - central) * (row["high"] - central) > 0
    height = 0.31 if same else 0.62
    for end, other, colour, hatch, shift in (("low", "high", BLUE, "", -0.16), ("high", "low", VERMILLION, "////", 0.16)):
        at = y + shift if same else y
        axes.barh(at, row[end] - central, left=central, height=height, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
        right = row[end] > central or (row[end] == central and row[other] < central)
        text = row.get(f"{end}_label", "")
        if isinstance(text, str) and text:
            axes.annotate(text, (row[end], at), (3 if right else -3, 0), textcoords="offset points", va="center",
                          ha="left" if right else "right", fontsize=6 if same else 7)


def viability_frame(results: Mapping[tuple[str, str], Viability]) -> pd.DataFrame:
    """Long quantile frame from viability results: project, scenario, measure, unit, q05, q50, q95.

    `results` is keyed by (project, scenario). The chance that NPV > 0 is that over price paths and draws together: its
    mean over draws, with the 5 and 95 % quantiles of the draws' own chances.
    """
    rows = []
    for (project, scenario), v in results.items():
        for measure, unit, values in (("npv", "USD per t/yr", v.npv), ("irr", "share", v.irr),
                                      ("probability", "share", v.probability),
                                      ("incentive_price", "USD/t", v.incentive_gate_price)):
            known = np.asarray(values, float)
            known = known[np.isfinite(known)]
            low, middle, high = np.quantile(known, (0.05, 0.5, 0.95)) if known.size else (np.nan,) * 3
            if measure == "probability" and known.size:
                middle = known.mean()
            rows.append((project, scenario, measure, unit, low, middle, high))
    return pd.DataFrame(rows, columns=["project", "scenario", "measure", "unit", "q05", "q50", "q95"])


@styled
def viability(frame: pd.DataFrame, *, measures: Sequence[str] = ("probability", "npv"), provenance: Provenance | None = None,
              title: str = "Does the plant pay?", subtitle: str = "") -> Figure:
    """Bars by project and scenario, one panel per measure. `frame`: as from `viability_frame`."""
    rows = for_readers(pick(frame, measure=measures))
    names, projects = names_in(rows, "scenario"), names_in(rows, "project")
    figure, axes = new_figure(0.7 + (0.2 + 0.18 * len(names)) * len(projects), len(measures), sharey=True)
    for ax, measure in zip(axes, measures):
        chosen = pick(rows, measure=measure)
        grouped_bars(ax, chosen, {p: y for y, p in enumerate(projects)}, names, "project")
        ax.set_title(MEASURES.get(measure, measure))
        value_axis(ax, "x", str(chosen["unit"].iloc[0]), zero=True)
        if measure == "probability":
            ax.set_xlim(0, 100)
    category_axis(axes[0], projects)
    notes = footer(provenance, RANGE_NOTE, CHANCE_NOTE if "probability" in measures else "")
    return finish(figure, title, subtitle, notes, bar_legend(names))


@styled
def incentive_prices(frame: pd.DataFrame, *, floor: float | None = None, provenance: Provenance | None = None,
                     title: str = "The price a plant needs and the price it gets",
                     subtitle: str = "USD per kg at the gate") -> Figure:
    """Per project: the price at which it breaks even at its hurdle rate, beside the price it gets in each scenario.

    Parameters
    ----------
    frame : rows with measure `incentive_price` (the first of each project is taken) and `net_price` (one per scenario)
    floor : USD/t, drawn as a line
    """
    rows = for_readers(pick(frame, measure=("incentive_price", "net_price")))
    projects, got = names_in(rows, "project"), pick(rows, measure="net_price")
    names = names_in(got, "scenario")
    figure, (axes,) = new_figure(0.55 + (0.3 + 0.16 * len(names)) * len(projects))
    step = 0.78 / max(len(names), 1)
    for y, project in enumerate(projects):
        need = pick(rows, measure="incentive_price", project=project).iloc[0]
        axes.barh(y, need["q95"] - need["q05"], left=need["q05"], height=0.84, color=RANGE_GREY)
        axes.plot([need["q50"]] * 2, [y - 0.42, y + 0.42], color=INK, linewidth=2)
        for k, name in enumerate(names):
            for _, row in pick(got, project=project, scenario=name).iterrows():
                error_bar(axes, y + (k - (len(names) - 1) / 2) * step, row, *look(names, name)[:2])
    handles = [Line2D([], [], color=INK, linewidth=2, label="Price needed; grey: its range"),
               *[Line2D([], [], color=x.colour, marker=x.marker, markerfacecolor="white", label=f"Price got: {n}")
                 for n, x in ((n, look(names, n)) for n in names)]]
    if floor is not None:
        handles.append(floor_line(axes, floor))
    category_axis(axes, projects)
    value_axis(axes, "x", "USD/kg")
    span_from_zero(axes)
    return finish(figure, title, subtitle, footer(provenance, BAND_NOTE), handles)


@styled
def instruments(frame: pd.DataFrame, measures: Sequence[str], *, title: str, subtitle: str = "",
                labels: Mapping[str, str] | None = None, indicators: Sequence[str] = (), columns: int = 3,
                provenance: Provenance | None = None) -> Figure:
    """Instruments side by side, as at the same induced tonnes: one panel per measure, one row per instrument.

    Parameters
    ----------
    frame : instrument, measure, unit, q05, q50, q95, and optionally note, shown in the first panel where q50 is missing
        ("not reachable, at most 310 t")
    labels : title of a measure's panel
    indicators : what the measures are, for the note on their sign
    """
    rows = for_readers(pick(frame, measure=measures))
    names = names_in(rows, "instrument")
    columns = min(columns, len(measures))
    count = -(-len(measures) // columns)
    figure, axes = new_figure((0.75 + 0.34 * len(names)) * count, columns, count, sharey=True)
    for ax, measure in zip(axes, measures):
        chosen = pick(rows, measure=measure)
        for _, row in chosen.iterrows():
            y = names.index(row["instrument"])
            bar_with_range(ax, y, row, 0.66, COLOURS[y % len(COLOURS)], HATCHES[y % len(HATCHES)])
            if not np.isfinite(row["q50"]):
                _note(ax, y, str(row.get("note", "")) if measure == measures[0] else "–")
        ax.set_title(textwrap.fill((labels or {}).get(measure, measure), 88 // columns))
        value_axis(ax, "x", str(chosen["unit"].iloc[0]), zero=True)
    for ax in axes[len(measures):]:
        ax.set_visible(False)
    category_axis(axes[0], names)
    return finish(figure, title, subtitle, footer(provenance, RANGE_NOTE, sign_note(indicators)))


def _note(ax: Axes, y: float, text: str) -> None:
    """A remark in a row without a bar."""
    ax.text(0.03, y, textwrap.fill(text, 24), transform=ax.get_yaxis_transform(), va="center", fontsize=7, style="italic",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1}).set_in_layout(False)
