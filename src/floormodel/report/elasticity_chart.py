"""Forest plot of a mineral's elasticities: every study, the pooled prior and own estimates on one axis."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from floormodel.errors import DataError, did_you_mean
from floormodel.report.style import BLUE, INK, ORANGE, VERMILLION, finish, new_figure, styled, value_axis

HORIZONS = {"short": "short run", "long": "long run", "static": "horizon not stated"}
MEANING = {"supply": "more output", "demand": "less use"}
OWN_LITERATURE = "own literature"
WIDEST = 3.0  # the axis never reaches further; longer bars end in an arrow
ROW = 0.205  # inches


class Tables(NamedTuple):
    """The tables of `data/elasticities` that the chart draws."""

    studies: pd.DataFrame
    priors: pd.DataFrame
    own: pd.DataFrame


class Line(NamedTuple):
    """One line of the plot: its label, what is drawn on it, the row it comes from and a text at the right."""

    label: str
    what: str
    row: Any = None
    text: str = ""


def load_elasticities() -> Tables:
    """The shipped studies (one effect per mineral and study), priors and own estimates; elasticities of unit 1."""
    folder = Path(str(resources.files("floormodel") / "data" / "elasticities"))
    return Tables(*(pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""])
                    for name in ("studies", "priors", "own_estimates")))


@styled
def elasticity_forest(mineral: str, kind: str, tables: Tables | None = None) -> Figure:
    """Draw the price elasticities of `mineral`, of `kind` supply or demand, by horizon; the caller saves the figure.

    Dots are studies, one each; the bar is the prior (5 to 95 % of the predictive distribution, right sign) with its median,
    the thin line under it the same without the condition on the sign; squares are own estimates with 90 % intervals, hollow
    where instruments are weak. Elasticities count in the direction theory expects: left of zero is a wrong sign.

    Raises
    ------
    DataError
        For a mineral or kind without a prior.
    """
    tables = tables or load_elasticities()
    known = sorted(set(tables.priors["mineral"]))
    if mineral not in known:
        raise DataError(f"no elasticity of {mineral!r}; {did_you_mean(mineral, known)}")
    if kind not in MEANING:
        raise DataError(f"kind {kind!r}; {did_you_mean(kind, list(MEANING))}")
    studies, priors, own = (t[(t["mineral"] == mineral) & (t["kind"] == kind)] for t in tables)
    lines = _lines(studies, priors, own)
    figure, (axes,) = new_figure(ROW * len(lines) + 0.45)
    _draw(axes, lines, _limits(lines))
    value_axis(axes, "x", f"Price elasticity of {kind}: % {MEANING[kind]} for a price 1 % higher (unit: 1)")
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    return finish(figure, f"{mineral.replace('_', ' ').capitalize()}: price elasticities of {kind}",
                  "Left of zero the sign is not the one theory expects. All studies and all own estimates are shown.",
                  _notes(lines), _handles(lines))


def _lines(studies: pd.DataFrame, priors: pd.DataFrame, own: pd.DataFrame) -> list[Line]:
    lines = []
    for horizon, name in HORIZONS.items():
        here = [t[t["horizon"] == horizon] for t in (studies, priors, own)]
        if horizon == "static" and here[0].empty:
            continue
        lines.append(Line(name[0].upper() + name[1:], "head"))
        for _, row in here[0].sort_values("value").iterrows():
            lines.append(Line(str(row["study"]), "study", row, f"{row['n']} rows" if row["n"] > 1 else ""))
        for _, row in here[1].iterrows():
            shared = row["status"] != OWN_LITERATURE
            lines.append(Line("Prior" + (", pooled across metals" if shared else f", {row['studies']} studies"), "prior", row,
                              f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"))
        for _, row in here[2].iterrows():
            lines.append(Line(f"Own: {row['method']}", "own", row, _exact(row["anderson_rubin"])))
    return lines


def _exact(words: object) -> str:
    """The Anderson-Rubin set in few characters: `AR: < -0.2, > 0.9`."""
    if not isinstance(words, str):
        return ""
    return "AR: " + words.replace(" or ", ", ").replace("below ", "< ").replace("above ", "> ").replace("-", "−")


def _limits(lines: list[Line]) -> tuple[float, float]:
    """Ends of the axis: all points, priors and, within reason, intervals."""
    ends = [-0.1, 0.5]
    for line in lines:
        if line.what == "study":
            ends.append(line.row["value"])
        elif line.what == "prior":
            ends += [line.row["high"], max(line.row["predictive_low"], -1.0)]
        elif line.what == "own":
            ends += [line.row["value"], *(np.clip(line.row[["low", "high"]].astype(float), -1.0, 1.5).dropna())]
    return max(min(ends), -WIDEST) - 0.06, min(max(ends), WIDEST) + 0.06


def _draw(axes: Axes, lines: list[Line], limits: tuple[float, float]) -> None:
    axes.set_xlim(*limits)
    for y, line in enumerate(lines):
        if line.what == "study":
            axes.plot(_inside(line.row["value"], limits), y, "o", color=BLUE, markersize=4.5, zorder=3)
        elif line.what == "prior":
            axes.axhspan(y - 0.45, y + 0.45, color="#f3f3f3", zorder=0)
            colour, hatch = (BLUE, "") if line.row["status"] == OWN_LITERATURE else (ORANGE, "////")
            axes.barh(y, line.row["high"] - line.row["low"], left=line.row["low"], height=0.5, color=colour, hatch=hatch, alpha=0.75,
                      zorder=2)
            _bar(axes, y, line.row["predictive_low"], line.row["predictive_high"], limits, color=INK, linewidth=0.9)
            axes.plot([line.row["value"]] * 2, [y - 0.36, y + 0.36], color=INK, linewidth=2.0, zorder=4)
            axes.plot(_inside(line.row["mean"], limits), y, "D", color="white", markeredgecolor=INK, markersize=4.5, zorder=5)
        elif line.what == "own":
            weak = "weak instruments" in str(line.row["note"])
            _bar(axes, y, line.row["low"], line.row["high"], limits, color=VERMILLION, linewidth=1.2)
            axes.plot(_inside(line.row["value"], limits), y, "s", color=VERMILLION, markerfacecolor="white" if weak else VERMILLION,
                      markersize=4.5, zorder=3, markeredgewidth=1.2)
        if line.text:
            axes.text(1.012, y, line.text, transform=axes.get_yaxis_transform(), va="center", fontsize=7.2, color=INK)
    axes.set_yticks(range(len(lines)), [line.label for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    for tick, line in zip(axes.get_yticklabels(), lines):
        tick.set(fontsize=7.8, fontweight="bold" if line.what == "head" else "normal")


def _inside(value: float, limits: tuple[float, float]) -> float:
    return float(np.clip(value, *limits))


def _bar(axes: Axes, y: float, low: float, high: float, limits: tuple[float, float], **look: Any) -> None:
    """A line from low to high; an arrow head where it leaves the axis; nothing without ends."""
    if not np.isfinite([low, high]).all():
        return
    axes.plot([_inside(low, limits), _inside(high, limits)], [y, y], zorder=2.5, solid_capstyle="butt", **look)
    for end, outside, mark in ((limits[0], low < limits[0], "<"), (limits[1], high > limits[1], ">")):
        if outside:
            axes.plot(end, y, mark, color=look["color"], markersize=5, clip_on=False, zorder=3)


def _handles(lines: list[Line]) -> list[Any]:
    statuses = {line.row["status"] for line in lines if line.what == "prior"}
    handles: list[Any] = []
    if any(line.what == "study" for line in lines):
        handles.append(Line2D([], [], color=BLUE, marker="o", linestyle="none", markersize=4.5, label="one study"))
    if OWN_LITERATURE in statuses:
        handles.append(Patch(facecolor=BLUE, alpha=0.75, label="prior from these studies"))
    if statuses - {OWN_LITERATURE}:
        handles.append(Patch(facecolor=ORANGE, hatch="////", alpha=0.75, label="prior pooled across metals"))
    handles += [Line2D([], [], color=INK, marker="|", linestyle="none", markersize=9, markeredgewidth=2, label="its median"),
                Line2D([], [], color=INK, marker="D", markerfacecolor="white", markersize=4.5, linewidth=0.9,
                       label="pooled mean and range, any sign")]
    if any(line.what == "own" for line in lines):
        handles += [Line2D([], [], color=VERMILLION, marker="s", markersize=4.5, linewidth=1.2, label="own estimate, 90 % interval"),
                    Line2D([], [], color=VERMILLION, marker="s", markerfacecolor="white", linestyle="none", markersize=4.5,
                           label="weak instruments")]
    return handles


def _notes(lines: list[Line]) -> list[str]:
    own = [line.row for line in lines if line.what == "own"]
    notes = ["Prior: 5 to 95 % of the predictive distribution of one more study, given the right sign: random effects of Paule and Mandel, "
             "errors of Hartung and Knapp, a t value of 2 at the median effect in place of missing standard errors."]
    if own:
        first, last = min(int(row["first"]) for row in own), max(int(row["last"]) for row in own)
        notes.append(f"Own estimates: world series by year, {first} to {last}; AR: Anderson-Rubin 90 % set, right however weak the "
                     "instruments are. Arrows: the bar goes on.")
    if any(row["method"] == "VAR pairs" for row in own):
        notes.append("VAR pairs: what goes with the prior of short-run supply; no interval.")
    notes.append("Source: the literature database of Ryter et al. (GLOMBO, CC BY 4.0), studies named at the left")
    notes.append("and own calculation on series of the USGS, BGS, World Bank, USITC, Clio-Infra and Maddison Project." if own
                 else "and own calculation.")
    return notes
