"""Own results over those of others: one row each, a dot with its range on a logarithmic axis around 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from floormodel.report.labels import format_number
from floormodel.report.marks import error_bar
from floormodel.report.style import BLUE, INK, VERMILLION, Provenance, category_axis, finish, new_figure, styled

OTHER_RANGE = "#d5d5d5"
END = 1e4  # ratios beyond this, or below its inverse, are drawn at the edge


class Ratio(NamedTuple):
    """One row. `ours` (low, middle, high) and `theirs` (low, high) as ratios to the published number; the upper end of an open published
    range is infinite; `same` says whether both measure the same quantity."""

    label: str
    ours: tuple[float, float, float]
    theirs: tuple[float, float]
    same: bool = True


@styled
def ratio_chart(rows: Sequence[Ratio], title: str, subtitle: str = "", provenance: Provenance | None = None,
                notes: Sequence[str] = ()) -> Figure:
    """Draw `rows` from top to bottom: own number over the published one, with the published range as a grey bar.

    Raises ValueError where a middle is not a number above 0, which a logarithmic axis cannot show.
    """
    wrong = [r.label for r in rows if not (np.isfinite(r.ours[1]) and r.ours[1] > 0)]
    if wrong:
        raise ValueError(f"ratio_chart: found ratios that are not above 0: {', '.join(wrong)}; leave these rows out")
    figure, (axes,) = new_figure(0.5 + 0.4 * len(rows))
    low, high = _limits(rows)
    for y, row in enumerate(rows):
        axes.barh(y, min(row.theirs[1], high) - row.theirs[0], left=row.theirs[0], height=0.62, color=OTHER_RANGE, linewidth=0)
        q05, q50, q95 = (min(max(v, low), high) for v in row.ours)
        error_bar(axes, y, {"q05": q05, "q50": q50, "q95": q95}, BLUE if row.same else VERMILLION, "o" if row.same else "s")
    axes.axvline(1.0, color=INK, linewidth=1.0, zorder=0.5)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(10))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: format_number(x, decimals=max(0, -int(np.floor(np.log10(x)))))))
    axes.grid(axis="x")
    axes.set_xlabel("ours over theirs (logarithmic)")
    category_axis(axes, [r.label for r in rows])
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=BLUE, marker="o", markerfacecolor="white", linestyle="none", label="ours, same quantity"),
        Line2D([], [], color=VERMILLION, marker="s", markerfacecolor="white", linestyle="none", label="ours, another quantity"),
        Patch(facecolor=OTHER_RANGE, label="published range")]
    kinds = {r.same for r in rows}
    shown = [h for h, needed in zip(handles, (True in kinds, False in kinds, True)) if needed]
    return finish(figure, title, subtitle, [*notes, provenance.line() if provenance else ""], shown)


def _limits(rows: Sequence[Ratio]) -> tuple[float, float]:
    """Whole powers of ten around all that is finite."""
    ends = np.array([v for r in rows for v in (*r.ours, *r.theirs) if np.isfinite(v) and v > 0])
    return max(10.0 ** np.floor(np.log10(ends.min())), 1 / END), min(10.0 ** np.ceil(np.log10(ends.max() * 1.001)), END)
