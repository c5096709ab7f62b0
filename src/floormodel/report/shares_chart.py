"""Shares that add up to one, as stacked bars: the states of a rule over time, by case."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from floormodel.report.style import COLOURS, GREY, HATCHES, Provenance, category_axis, finish, new_figure, styled, value_axis

LABELLED = 0.07  # smallest share that carries its number


@styled
def shares_chart(rows: Mapping[str, Mapping[str, float]], title: str, subtitle: str = "", provenance: Provenance | None = None,
                 x_label: str = "% of years") -> Figure:
    """One stacked bar per case, from top to bottom, of {part: share}; parts have the same colour and hatch in all bars.

    Raises ValueError where the shares of a case do not add up to one.
    """
    wrong = [name for name, parts in rows.items() if abs(sum(parts.values()) - 1) > 1e-6]
    if wrong:
        raise ValueError(f"shares_chart: found shares that do not add up to one: {', '.join(wrong)}")
    names = list(dict.fromkeys(part for parts in rows.values() for part in parts))
    figure, (axes,) = new_figure(0.6 + 0.42 * len(rows))
    looks = {n: (GREY if k == 0 else COLOURS[(k - 1) % len(COLOURS)], HATCHES[k % len(HATCHES)]) for k, n in enumerate(names)}
    for y, parts in enumerate(rows.values()):
        left = 0.0
        for name in names:
            share, (colour, hatch) = 100 * parts.get(name, 0.0), looks[name]
            axes.barh(y, share, left=left, height=0.66, color=colour, hatch=hatch, edgecolor="white", linewidth=0.6)
            if share >= 100 * LABELLED:
                axes.text(left + share / 2, y, f"{share:.0f}", ha="center", va="center", fontsize=8,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.9})
            left += share
    axes.set_xlim(0, 100)
    value_axis(axes, "x", x_label)
    category_axis(axes, list(rows))
    handles = [Patch(facecolor=looks[n][0], hatch=looks[n][1], edgecolor="white", label=n) for n in names]
    return finish(figure, title, subtitle, [provenance.line() if provenance else ""], handles)
