"""Fan charts of paths: the median over draws of a yearly series and its 5 to 95 % band, one colour a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from floormodel.report.style import Provenance, finish, look, new_figure, styled, value_axis

BAND = "Lines: median over draws; bands: 5 to 95 %."
BANDED = 3  # scenarios with a band of their own; more would hide each other


class Fan(NamedTuple):
    """One panel: a title, the unit of its axis, and by scenario the values (draws, periods)."""

    title: str
    unit: str
    values: Mapping[str, np.ndarray]


@styled
def fan_chart(years: Sequence[float], panels: Sequence[Fan], title: str, subtitle: str = "", provenance: Provenance | None = None,
              zero: bool = False, across: str = "") -> Figure:
    """Draw one panel per `Fan` over `years`, or over what `across` names; scenarios look alike in all panels. NaN (a draw not solved)
    is left out.

    `zero` puts the axis of values at zero, for changes a line at zero.
    """
    names = list(dict.fromkeys(name for panel in panels for name in panel.values))
    columns = min(len(panels), 2)
    figure, axes = new_figure(2.5 * -(-len(panels) // columns), columns, -(-len(panels) // columns))
    for at, panel in zip(axes, panels):
        for name in names:
            if name not in panel.values:
                continue
            style, values = look(names, name), np.asarray(panel.values[name], float)
            low, middle, high = np.nanquantile(values, (0.05, 0.5, 0.95), axis=0)
            if len(names) <= BANDED or names.index(name) in (0, len(names) - 1):
                at.fill_between(years, low, high, color=style.colour, alpha=0.14, linewidth=0)
            at.plot(years, middle, color=style.colour, linestyle=style.line, linewidth=1.7, marker=style.marker, markersize=3.2,
                    markerfacecolor="white")
        at.set_title(panel.title)
        value_axis(at, "y", panel.unit, zero=zero)
        at.xaxis.set_major_locator(MaxNLocator(integer=all(float(y).is_integer() for y in years), nbins=6))
        at.set_xlabel(across)
        if not zero and min(np.nanmin(v) for v in panel.values.values()) >= 0:
            at.set_ylim(bottom=0)
    for spare in axes[len(panels):]:
        spare.axis("off")
    handles = [Line2D([], [], color=look(names, n).colour, linestyle=look(names, n).line, marker=look(names, n).marker,
                      markerfacecolor="white", label=n) for n in names]
    several = any(len(np.atleast_2d(v)) > 1 for panel in panels for v in panel.values.values())
    return finish(figure, title, subtitle, [BAND if several else "", provenance.line() if provenance else ""], handles)
