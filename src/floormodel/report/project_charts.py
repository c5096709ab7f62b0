"""Tables and charts of plants: the incentive-cost curve under a floor, whether lenders are paid, where a plant goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from floormodel.indicators.project_finance import ProjectFinance
from floormodel.indicators.viability import Viability
from floormodel.report.comparison_charts import viability_frame
from floormodel.report.labels import capitalised, for_readers, format_number, good_name, region_name
from floormodel.report.marks import FLOOR_LINE, RANGE_NOTE, bar_legend, bar_with_range, footer, grouped_bars, names_in, pick
from floormodel.report.style import INK, ORANGE, SKY, Provenance, category_axis, finish, look, new_figure, styled, value_axis

FINANCE = {"debt": "USD per t/yr", "gearing": "share", "dscr": "number", "llcr": "number", "equity_irr": "share",
           "equity_npv": "USD per t/yr", "breach": "share", "breach_years": "share", "covenant_price": "USD/t", "guarantee": "USD per t/yr"}
CHANCES = ("breach", "breach_years")
ABOVE = "#bbbbbb"
GETS: dict[str, Any] = {"linestyle": "", "marker": "D", "color": ORANGE, "markeredgecolor": INK, "markersize": 5}
CURVE_NOTE = "Blocks: the gate price at which a plant earns its hurdle rate, median over draws of its costs; lines: 5 to 95 %."


def finance_frame(results: Mapping[tuple[str, str], tuple[Viability, ProjectFinance]]) -> pd.DataFrame:
    """Long quantile frame per plant: project, role, scenario, measure, unit, q05, q50, q95, known.

    `results` is keyed by (project, scenario). Beside the measures of `viability_frame` those of `ProjectFinance`; `bankable` is the share
    of draws in which lenders give any debt. Chances are means over draws, with the quantiles of the draws' own chances. `known` is the
    share of draws in which a measure exists at all (cover ratios only where there is debt).
    """
    whole = viability_frame({key: pair[0] for key, pair in results.items()})
    rows = []
    for (project, scenario), (value, loan) in results.items():
        for row in pick(whole, project=project, scenario=scenario).itertuples(index=False):
            seen = {"npv": value.npv, "irr": value.irr, "probability": value.probability, "incentive_price": value.incentive_net_price}
            rows.append((project, loan.role, scenario, row.measure, row.unit, row.q05, row.q50, row.q95,
                         float(np.isfinite(seen[str(row.measure)]).mean())))
        lent = np.isfinite(loan.debt) & (np.asarray(loan.debt) > 0)
        rows.append((project, loan.role, scenario, "bankable", "share", lent.mean(), lent.mean(), lent.mean(), 1.0))
        for measure, unit in FINANCE.items():
            values = np.asarray(getattr(loan, measure), float)
            known = values[np.isfinite(values)]
            low, middle, high = np.quantile(known, (0.05, 0.5, 0.95)) if known.size else (np.nan,) * 3
            middle = known.mean() if measure in CHANCES and known.size else middle
            rows.append((project, loan.role, scenario, measure, unit, low, middle, high, known.size / values.size))
    return pd.DataFrame(rows, columns=["project", "role", "scenario", "measure", "unit", "q05", "q50", "q95", "known"])


@styled
def incentive_curve(frame: pd.DataFrame, *, floor: float | None = None, provenance: Provenance | None = None, title: str | None = None,
                    subtitle: str = "Price a new plant needs at the gate, USD per kg, over the capacity that may be built") -> Figure:
    """The incentive-cost curve with a floor drawn across it.

    Parameters
    ----------
    frame : as from `dynamics.incentive_curve`, of one good
    floor : USD/t, drawn as a line; blocks above it are hatched
    """
    rows = for_readers(frame).reset_index(drop=True)
    kilo = 1000.0 if rows["end"].iloc[-1] >= 1000 else 1.0
    pays = np.full(len(rows), True) if floor is None else (rows["q50"] <= floor / 1000).to_numpy()
    figure, (axes,) = new_figure(3.4)
    for k in range(len(rows)):
        _block(axes, rows.iloc[k], kilo, str(k + 1), bool(pays[k]))
    axes.set_xlim(0, 1.02 * rows["end"].iloc[-1] / kilo)
    axes.set_ylim(0, 1.08 * max(rows["q95"].max(), (floor or 0) / 1000, np.nanmax(np.append(rows["gets"] / 1000, 0))))
    value_axis(axes, "y", "USD/kg")
    value_axis(axes, "x", f"Capacity that is delivered if all is built, {'kt' if kilo > 1 else 't'}/yr")
    handles: list[Any] = []
    if floor is not None:
        axes.axhline(floor / 1000, **FLOOR_LINE)
        handles = [Line2D([], [], label=f"Floor, {format_number(floor / 1000, 'USD/kg')} USD/kg", **FLOOR_LINE)]
        handles += [Patch(facecolor=SKY, label="needs no more than the floor")] if pays.any() else []
        handles += [Patch(facecolor=ABOVE, hatch="////", edgecolor="white", label="needs more")] if not pays.all() else []
    if np.isfinite(rows["gets"]).any():
        handles.append(Line2D([], [], label="price that makers in the region get", **GETS))
    names = [_plan_name(str(row["plan"]), str(row["region"])) for _, row in rows.iterrows()]
    handles += [Line2D([], [], linestyle="", label=f"{k}  {name}") for k, name in enumerate(names, 1)]
    good = capitalised(good_name(str(rows["good"].iloc[0])))
    return finish(figure, title or f"{good}: what new plants need", subtitle, footer(provenance, CURVE_NOTE), handles)


def _block(axes: Axes, row: pd.Series, kilo: float, number: str, pays: bool) -> None:
    """One plant: a block as wide as its capacity, its range, the price it gets, its number."""
    left, right = row["begin"] / kilo, row["end"] / kilo
    middle = (left + right) / 2
    axes.bar(middle, row["q50"], width=right - left, color=SKY if pays else ABOVE, hatch="" if pays else "////", edgecolor="white",
             linewidth=0.8)
    axes.plot([middle, middle], [row["q05"], row["q95"]], color=INK, linewidth=1.1)
    if np.isfinite(row["gets"]):
        axes.plot(left + 0.75 * (right - left), row["gets"] / 1000, **GETS)
    axes.annotate(number, (middle, 0), (0, 4), textcoords="offset points", ha="center", va="bottom", fontweight="bold")


def _plan_name(plan: str, region: str) -> str:
    words = plan.removesuffix(f"_{region.lower()}").replace("_", " ").replace("ndpr", "NdPr")
    return f"{capitalised(words)}, {region_name(region)}"


@styled
def location(frame: pd.DataFrame, *, provenance: Provenance | None = None, title: str = "Where a plant goes",
             subtitle: str = "The same plant in the bloc and outside it, at the prices of each scenario") -> Figure:
    """Margin in both places by scenario, and what the place in the bloc is worth more than the one outside.

    Parameters
    ----------
    frame : `LocationChoice.frame`
    """
    rows = for_readers(frame)
    names = names_in(rows, "scenario")
    places = [p for p in names_in(rows, "place") if p != "difference"]
    figure, (left, right) = new_figure(0.8 + 0.3 * len(names) * len(places), 2)
    margins = pick(rows, measure="margin")
    grouped_bars(left, margins, {p: float(y) for y, p in enumerate(places)}, names, "place")
    category_axis(left, [region_name(p) for p in places])
    value_axis(left, "x", str(margins["unit"].iloc[0]), zero=True)
    left.set_title("Margin before capital")
    gains = pick(rows, measure="advantage")
    for y, name in enumerate(names):
        drawn = look(names, name)
        bar_with_range(right, y, pick(gains, scenario=name).iloc[0], 0.7, drawn.colour, drawn.hatch)
    category_axis(right, names)
    value_axis(right, "x", str(gains["unit"].iloc[0]), zero=True)
    right.set_title("Value in the bloc less that outside")
    return finish(figure, title, subtitle, footer(provenance, RANGE_NOTE), bar_legend(names))
