"""The workbook of a comparison: what it is, results as numbers, two charts a reader can edit, policies and sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from floormodel.report.frames import changes, levels
from floormodel.report.labels import SIGN_VARIES, good_name, indicator_name, region_name
from floormodel.report.marks import names_in, pick
from floormodel.report.run_folder import versions
from floormodel.report.spreadsheet import Workbook, new_workbook, write_frame
from floormodel.report.style import BLUE, GREEN, VERMILLION
from floormodel.results import Comparison

SHEETS = {
    "price_chart": "prices inside and outside the bloc; select the chart to edit it",
    "revenue_chart": "change of producer revenue by country; select the chart to edit it",
    "indicators": "every indicator by scenario, good and region: level, level without policy, change; 5 and 95 % quantiles over draws",
    "accounts": "who gains and who pays, USD a year against no policy, by region, good and account",
    "prices": "producer and buyer prices by region",
    "flows": "shipments by route in t/yr, landed price and duty in USD/t",
    "policies": "every setting of every instrument",
    "sources": "where the market's figures come from",
}


def write_workbook(runs: Comparison, path: str | Path, indicators: pd.DataFrame, accounts: pd.DataFrame, flows: pd.DataFrame) -> Path:
    """Write the workbook from the tables of a comparison.

    Raises
    ------
    OutputError
        Where XlsxWriter is not installed.
    """
    with new_workbook(path) as book:
        write_frame(book, "read_me", read_me(runs), title=runs.market.title or runs.market.name)
        _charts(book, runs)
        write_frame(book, "indicators", indicators)
        write_frame(book, "accounts", accounts)
        write_frame(book, "prices", pick(indicators, indicator=("price", "buyer_price")).dropna(subset=["value"]))
        write_frame(book, "flows", flows)
        write_frame(book, "policies", policy_table(runs))
        write_frame(book, "sources", runs.market.sources)
    return Path(path)


def read_me(runs: Comparison) -> pd.DataFrame:
    """What the workbook holds and how it came about: item, value."""
    market = runs.market
    rows: list[tuple[str, Any]] = [
        ("market", market.name), ("benchmark year", str(market.year)),
        ("quantities in", market.basis), ("horizon", f"{market.horizon} run"),
        ("latent projects opened", ", ".join(f"{g} in {r}" for g, r in market.opened) or "none"), ("draws", market.draws),
        ("seed", "none" if market.seed is None else str(market.seed)), ("share of draws solved", runs.share_converged)]
    rows += [(f"{name} money identity, largest relative error", f"{error:.1e}") for name, error in runs.identities().items()]
    rows += [(f"sheet {name}", text) for name, text in SHEETS.items()]
    rows += [("how to read", "medians over draws; _low and _high: 5 and 95 % quantiles over draws; an empty cell: no meaning there"),
             ("sign depends on calibration", ", ".join(dict.fromkeys(SIGN_VARIES.values())))]
    rows += [(f"note on {name}", note) for name, run in runs.runs.items() for note in run.notes]
    rows += [(f"version of {name}", number) for name, number in versions().items()]
    return pd.DataFrame(rows, columns=["item", "value"])


def policy_table(runs: Comparison) -> pd.DataFrame:
    """Every setting of every instrument: scenario, instrument, setting, value (JSON)."""
    rows = [(name, f"{k}: {policy.kind}", key, json.dumps(value, ensure_ascii=False)) for name, run in runs.runs.items()
            for k, policy in enumerate(run.policies, 1) for key, value in policy.model_dump(mode="json").items() if key != "kind"]
    return pd.DataFrame(rows, columns=["scenario", "instrument", "setting", "value"])


def _charts(book: Workbook, runs: Comparison) -> None:
    """Two native charts over small tables of medians with their quantiles, for the good the first policy acts on."""
    named = [getattr(p, "good", None) for run in runs.runs.values() for p in run.policies]
    good = next((g for g in named if isinstance(g, str)), runs.market.goods[-1])
    level, change = levels(runs.indicators()), changes(runs.indicators())
    prices = pick(level, good=good, indicator=("price_inside", "price_outside", "bloc_producer_price"))
    names = names_in(prices, "scenario")
    table = pd.DataFrame({"scenario": names})
    for indicator in names_in(prices, "indicator"):
        rows = pick(prices, indicator=indicator).set_index("scenario").reindex(names)
        table[indicator_name(indicator)] = list(rows["q50"] / 1000)
        _add_reach(table, indicator_name(indicator), rows, 1000)
    sheet, first = write_frame(book, "price_chart", table, title=f"{good_name(good)}: prices, USD/kg")
    _bar_chart(book, sheet, table, first, "Prices inside and outside the bloc, USD/kg", first + len(table) + 2)
    revenue = pick(change, good=good, indicator="producer_revenue")
    revenue = revenue[revenue[["q05", "q95"]].abs().max(axis=1) > 0]
    regions = names_in(revenue, "region")
    table = pd.DataFrame({"region": [region_name(r) for r in regions]})
    for name in names_in(revenue, "scenario"):
        rows = pick(revenue, scenario=name).set_index("region").reindex(regions)
        table[name] = list(rows["q50"] / 1e6)
        _add_reach(table, name, rows, 1e6)
    sheet, first = write_frame(book, "revenue_chart", table, title=f"{good_name(good)}: change of producer revenue, USD million a year")
    _bar_chart(book, sheet, table, first, "Change of producer revenue, USD m/yr", first + len(table) + 2)


def _add_reach(table: pd.DataFrame, name: str, rows: pd.DataFrame, scale: float) -> None:
    """How far the quantiles lie from the median, for error bars."""
    table[f"{name}, up to 95 %"] = list((rows["q95"] - rows["q50"]) / scale)
    table[f"{name}, down to 5 %"] = list((rows["q50"] - rows["q05"]) / scale)


def _bar_chart(book: Workbook, sheet: Any, table: pd.DataFrame, first: int, title: str, at: int) -> None:
    """A native bar chart: one series per third column, its error bars from the two columns after it."""
    if table.empty:
        return
    chart = book.book.add_chart({"type": "column"})
    last, name = first + len(table) - 1, sheet.get_name()
    for k, column in enumerate(range(1, len(table.columns), 3)):
        ranges = [f"='{name}'!{_cells(first, last, column + i)}" for i in (1, 2)]
        chart.add_series({
            "name": [name, first - 1, column], "categories": [name, first, 0, last, 0], "values": [name, first, column, last, column],
            "fill": {"color": (BLUE, VERMILLION, GREEN)[k % 3]},
            "y_error_bars": {"type": "custom", "plus_values": ranges[0], "minus_values": ranges[1]}})
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_x_axis({"label_position": "low"})
    chart.set_y_axis({"major_gridlines": {"visible": True, "line": {"color": "#dddddd"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 380})
    sheet.insert_chart(at, 0, chart)


def _cells(first: int, last: int, column: int) -> str:
    """An absolute range of one column, such as $C$4:$C$9."""
    letters, n = "", column + 1
    while n:
        n, rest = divmod(n - 1, 26)
        letters = chr(65 + rest) + letters
    return f"${letters}${first + 1}:${letters}${last + 1}"
