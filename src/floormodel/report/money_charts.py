"""Charts of money: producer revenue by country, and who pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from floormodel.report.frames import Groups, account_lines
from floormodel.report.labels import (
    OWNERS,
    capitalised,
    decimals_for,
    for_readers,
    format_number,
    good_name,
    indicator_name,
    producers_name,
    region_name,
    sign_note,
)
from floormodel.report.marks import RANGE_NOTE, bar_legend, footer, grouped_bars, names_in, pick
from floormodel.report.style import (
    BLUE,
    GREY,
    INK,
    VERMILLION,
    Provenance,
    category_axis,
    finish,
    new_figure,
    styled,
    value_axis,
)

INCIDENCE_SIGNS = "Sign depends on calibration: treasury, consumers outside, totals."


@styled
def revenue(frame: pd.DataFrame, goods: Sequence[str], groups: Groups, *, scenarios: Sequence[str] | None = None,
            indicator: str = "producer_revenue", smallest: float = 0.0, provenance: Provenance | None = None,
            title: str | None = None) -> Figure:
    """Change of producer revenue (or another money indicator) by country, countries in groups; one panel per good.

    Parameters
    ----------
    frame : changes in long form (frames.changes), USD/yr
    groups : name of a group -> regions
    smallest : regions whose bounds over goods and scenarios all stay below this (USD/yr) are left out
    """
    everywhere = [r for members in groups.values() for r in members]
    rows = pick(frame, indicator=indicator, good=goods, scenario=scenarios, region=everywhere)
    size = rows[["q05", "q95"]].abs().max(axis=1).groupby(rows["region"]).max()
    shown = {name: [r for r in members if size.get(r, 0.0) > smallest] for name, members in groups.items()}
    shown = shown if any(shown.values()) else {name: list(members) for name, members in groups.items()}
    places, headings = _grouped_places(shown)
    names, rows = names_in(rows, "scenario"), for_readers(rows)
    lines = max(places.values()) + 1.5
    figure, axes = new_figure(0.7 + (0.12 + 0.13 * max(len(names), 1.4)) * lines, len(goods), sharey=True)
    for ax, good in zip(axes, goods):
        grouped_bars(ax, pick(rows, good=good), places, names, "region")
        value_axis(ax, "x", str(rows["unit"].iloc[0]), zero=True)
        ax.set_title(capitalised(good_name(good)))
    category_axis(axes[0], [region_name(r) for r in places], list(places.values()))
    axes[0].set_ylim(lines - 0.8, -1.25)
    for group, y in headings.items():
        axes[0].text(-0.02, y, group, transform=axes[0].get_yaxis_transform(), ha="right", va="center", fontweight="bold",
                     fontsize=8)
    title = title or f"Change of {indicator_name(indicator).lower()} by country"
    scales = "; scales differ between panels" if len(goods) > 1 else ""
    return finish(figure, title, f"USD million a year against no policy{scales}",
                  footer(provenance, RANGE_NOTE, sign_note((indicator,))), bar_legend(names))


def _grouped_places(groups: Mapping[str, Sequence[str]]) -> tuple[dict[str, float], dict[str, float]]:
    """Heights of regions and of the headings above each group, downwards from 0."""
    places: dict[str, float] = {}
    headings: dict[str, float] = {}
    y = 0.0
    for group, members in groups.items():
        if members:
            headings[group] = y - 0.75
            places.update({r: y + i for i, r in enumerate(members)})
            y += len(members) + 0.85
    return places, headings


def line_label(line: str) -> str:
    """Name of a line of `incidence_frame`."""
    kind, _, rest = line.partition(":")
    if kind == "total":
        return f"Total, public money at {rest}"
    return producers_name(rest) if rest else OWNERS.get(kind, capitalised(kind.replace("_", " ")))


def incidence_frame(accounts: pd.DataFrame, groups: Groups, scenario: str, goods: Sequence[str],
                    mcpf: Sequence[float] = (1.0, 1.3)) -> pd.DataFrame:
    """Who pays, as numbers: group, line, unit, mean, q05, q50, q95 (USD/yr); lines `total:1`, `total:1.3` close each group.

    Means over draws add up to the mean of the total; medians do not. `mcpf` multiplies treasury lines in the totals.
    """
    long = account_lines(accounts, groups, scenario)
    order = ["consumers", *[f"producers:{g}" for g in reversed(goods)], "stockholders", "buyers", "treasury", "rent_holders"]
    parts = []
    for group in groups:
        wide = long[long["group"] == group].pivot(index="draw", columns="line", values="value").dropna()
        wide = wide[[line for line in order if line in wide]] if len(wide) else pd.DataFrame({"consumers": [0.0]})
        total, treasury = wide.sum(axis=1), wide.get("treasury", 0.0)
        wide = wide.assign(**{f"total:{factor:g}": total + (factor - 1) * treasury for factor in mcpf})
        table = wide.quantile([0.05, 0.5, 0.95]).T.set_axis(["q05", "q50", "q95"], axis=1)
        parts.append(table.assign(mean=wide.mean(), group=group).rename_axis("line").reset_index())
    table = pd.concat(parts, ignore_index=True).assign(unit="USD/yr")
    return table[["group", "line", "unit", "mean", "q05", "q50", "q95"]]


@styled
def incidence(accounts: pd.DataFrame, groups: Groups, scenario: str, goods: Sequence[str], *,
              mcpf: Sequence[float] = (1.0, 1.3), provenance: Provenance | None = None, title: str | None = None) -> Figure:
    """Who pays: one waterfall per group of regions, from final consumers to the total.

    Parameters
    ----------
    accounts : the accounts of a comparison (region, good, account, owner, draw, value, scenario)
    groups : name of a group -> regions (frames.groups_of)
    goods : upstream to downstream
    mcpf : marginal costs of public funds for the totals
    """
    table = incidence_frame(accounts, groups, scenario, goods, mcpf)
    size = table[["q05", "q95"]].abs().max(axis=1).groupby(table["line"]).max()
    lines = [line for line in names_in(table, "line") if size[line] > 0 or line.startswith("total")]
    figure, axes = new_figure(0.7 + 0.34 * len(lines), len(groups), sharey=True)
    for ax, group in zip(axes, groups):
        _waterfall(ax, pick(table, group=group).set_index("line").loc[lines])
        ax.set_title(group)
        value_axis(ax, "x", "USD m/yr", zero=True)
    category_axis(axes[0], [line_label(line) for line in lines])
    handles = [Patch(facecolor=BLUE, label="gain"), Patch(facecolor=VERMILLION, hatch="////", edgecolor="white", label="loss"),
               Patch(facecolor=GREY, label="total")]
    drawn = accounts["draw"].nunique() > 1
    note = "Bars: means over draws, which add up to the totals; whiskers: 5 to 95 % of draws." if drawn else ""
    public = "Totals count a dollar of public money at " + " and ".join(f"{m:g}" for m in mcpf) + "."
    return finish(figure, title or f"Who pays: {scenario}", "Change against no policy, USD million a year, by group of "
                  "countries; scales differ between panels", footer(provenance, note, public, INCIDENCE_SIGNS), handles)


def _waterfall(ax: Axes, table: pd.DataFrame) -> None:
    """Floating bars that add up, totals from zero, the amount written beside each bar."""
    level, ends = 0.0, []
    money = table[["mean", "q05", "q95"]].to_numpy(float) / 1e6
    places = decimals_for(money[:, 0], "USD m/yr")
    for y, (line, (mean, low, high)) in enumerate(zip(table.index, money)):
        total = str(line).startswith("total")
        start = 0.0 if total else level
        colour, hatch = (GREY, "") if total else (BLUE, "") if mean >= 0 else (VERMILLION, "////")
        ax.barh(y, mean, left=start, height=0.62, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
        if high > low:
            ax.plot([start + low, start + high], [y, y], color=INK, linewidth=1.0)
        if not total:
            level += mean
            ax.plot([level, level], [y, y + 1], color=GREY, linewidth=0.7)
        ends.append(max(start, start + mean, start + high))
    for y, (x, mean) in enumerate(zip(ends, money[:, 0])):
        ax.annotate(format_number(mean, decimals=places), (x, y), (3, 0), textcoords="offset points", va="center",
                    fontsize=7.5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    left, right = ax.get_xlim()
    ax.set_xlim(left, right + 0.21 * (right - left))
