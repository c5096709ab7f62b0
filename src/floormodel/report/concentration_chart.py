"""Chart of a market's concentration: share of the largest supplier with its trend, and HHI with its bounds."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from floormodel.indicators.supply_tables import concentration_tables
from floormodel.report.labels import good_name, region_name

# Okabe-Ito colours dark enough for lines, with a line style and a marker each, so that a grey print keeps them apart
Style = tuple[str, Any, str]
STYLES: tuple[Style, ...] = (("#0072B2", "-", "o"), ("#D55E00", (0, (6, 1.5)), "s"), ("#009E73", "-.", "^"))
INK = "#333333"


def _source_names(ids: pd.Series) -> str:
    """Readable names of source ids such as `mcs2022` and `mcs2023`: "MCS 2022-2023"."""
    years: dict[str, list[str]] = {}
    for name in sorted(set(ids)):
        word, year = re.fullmatch(r"(\D+)(\d*)", name).groups()  # type: ignore[union-attr]
        years.setdefault(word.upper(), []).append(year)
    spans = {word: found[0] if len(found) == 1 else f"{found[0]}-{found[-1]}" for word, found in years.items()}
    return ", ".join(f"{word} {span}".strip() for word, span in spans.items())


def _main_source(rows: pd.DataFrame) -> str:
    return str(rows.groupby("source")["year"].nunique().idxmax())


def _draw_stage(share: Axes, index: Axes, rows: pd.DataFrame, style: Style) -> None:
    """One stage on both axes: the long series as a line, its trend and band, the other sources as hollow markers."""
    colour, line, marker = style
    is_main = rows["source"] == _main_source(rows)
    main, others = rows[is_main].sort_values("year"), rows[~is_main]
    if len(main) < 2:
        main, others = main.iloc[:0], rows
    share.plot(main["year"], main["share"], color=colour, linestyle=line, linewidth=1.8)
    share.plot(main["year"], main["share_fit"], color=colour, linestyle=(0, (1, 2.5)), linewidth=1.1)
    share.fill_between(main["year"], main["share_low"], main["share_high"], color=colour, alpha=0.16, linewidth=0)
    hollow: dict[str, Any] = {"color": colour, "linestyle": "none", "marker": marker, "markersize": 4,
                              "markerfacecolor": "white"}
    share.plot(others["year"], others["share"], **hollow)
    index.plot(main["year"], main["hhi_low"], color=colour, linestyle=line, linewidth=1.8)
    index.fill_between(main["year"], main["hhi_low"], main["hhi_high"], color=colour, alpha=0.3, linewidth=0)
    index.vlines(others["year"], others["hhi_low"], others["hhi_high"], color=colour, linewidth=1.2)
    for end in ("hhi_low", "hhi_high"):
        index.plot(others["year"], others[end], **hollow)


def load_concentration(market: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A shipped market's `concentration.csv` and `concentration_fit.csv`; raises DataError for a market without them."""
    tables = concentration_tables(market)
    return tables["history"], tables["trends"]


def concentration_chart(table: pd.DataFrame, title: str) -> Figure:
    """Draw `table`, a market's `concentration.csv`, under `title`; the caller saves the figure.

    Left, the share of the largest supplier in world output of each stage (per cent); right, the HHI (0 to 1). A footer
    names units, sources and the meaning of the marks.
    """
    figure = Figure(figsize=(9.2, 4.7), layout="constrained", facecolor="white")
    share, index = figure.subplots(1, 2)
    handles = []
    for (stage, rows), style in zip(table.groupby("stage", sort=False), STYLES, strict=False):
        _draw_stage(share, index, rows, style)
        leader = str(rows["leader"].iloc[0])
        many = rows.groupby("source")["year"].nunique().max() > 1
        handles.append(Line2D([], [], color=style[0], linestyle=style[1] if many else "none", linewidth=1.8,
                              marker=style[2], markersize=4, markerfacecolor="white",
                              label=f"{good_name(str(stage))}: {region_name(leader)}"))
    share.set_title("Share of the largest supplier in world output", fontsize=9.5, color=INK, loc="left")
    index.set_title("Herfindahl-Hirschman index (0 to 1), all suppliers", fontsize=9.5, color=INK, loc="left")
    share.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (share, index):
        axes.set_ylim(0, 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8.5, colors=INK)
    legend = figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), fontsize=8.5, frameon=False,
                           labelcolor=INK, title=title, alignment="left", borderpad=0)
    legend.get_title().set(fontsize=12, color=INK, fontweight="bold")
    figure.supxlabel(_footer(table), x=0.008, ha="left", fontsize=7.5, color=INK)
    return figure


def _footer(table: pd.DataFrame) -> str:
    """What the marks mean and where the figures come from, wrapped to the width of the chart."""
    fitted = table.groupby("stage").filter(lambda rows: bool(rows["share_fit"].notna().any()))
    marks = "Hollow markers: other sources, some with one year only; where one leaves part of the world unlisted, " \
            "a bar joins the smallest and the largest index that agrees with it."
    if len(fitted):
        main = pd.Series([_main_source(rows) for _, rows in fitted.groupby("stage")])
        marks = f"Lines: reported output, {_source_names(main)}. Dots and band: fractional-logit trend and its 90 % " \
                f"block-bootstrap band, which describes the past and is no forecast; a step in them is a year from which the source " \
                f"counts otherwise. {marks}"
    bases = "; ".join(f"{good_name(str(stage))}: {' or '.join(rows['basis'].unique())}"
                      for stage, rows in table.groupby("stage", sort=False))
    sources = f"Unit: share of world output ({bases}). Source: {_source_names(table['source'])}; own calculation."
    return "\n".join(textwrap.wrap(f"{marks} {sources}", 165))
