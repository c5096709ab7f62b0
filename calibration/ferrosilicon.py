"""Ferro-silicon: builds the market's tables from `calibration/figures/ferrosilicon/` and the balanced tonnes."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.ferrosilicon_quantities import (
    AT,
    FOLDER,
    GOOD,
    KNOWN_USE,
    NAN,
    REGIONS,
    YEAR,
    Quantities,
    eu_imports,
    norway_to_eu,
    quantities,
    read,
)
from calibration.figures import (
    ASSUMPTION,
    MARKET_COLUMNS,
    SOURCE_COLUMNS,
    Figure,
    Table,
    market_row,
    number_text,
    read_sources,
    write_table,
)

REPORT = ["figure", "reported", "balanced", "relative_move", "why"]
CHECKS = ["figure", "region", "compared_with", "ours", "other", "unit", "ratio", "year", "source", "note"]
CONTENT_NOTE = "silicon content over 0.65; the range is that of the content (0.645 to 0.75)"
USE_NOTE = "the world's output less China, the EU and the United States, by crude steel"
NORWAY_NOTE = "its three alloys shared by its output of each; the high end is nine tenths of its output by BGS"
PARITY = ["NOR", "ISL", "MYS", "KAZ", "IND", "ROW"]  # priced at the European price less freight


def build(out: Path) -> None:
    """Write every table of the market into `out`.

    Raises
    ------
    DataError
        Where a table of figures is faulty or the figures cannot be balanced.
    """
    figures = read()
    q = quantities(figures)
    tables = {"quantities": quantity_rows(figures, q), "prices": price_rows(figures), "wedges": wedge_rows(figures),
              "parameters": _as_read(figures["parameters"])}
    for name, rows in tables.items():
        write_table(out / f"{name}.csv", MARKET_COLUMNS, rows)
    write_table(out / "balance_report.csv", REPORT, [
        [m.figure, number_text(round(m.reported, 3)), number_text(round(m.balanced, 3)), f"{m.relative:.4f}", m.why] for m in q.moves])
    write_table(out / "cross_checks.csv", CHECKS, cross_checks(figures, q))
    write_table(out / "sources.csv", SOURCE_COLUMNS, read_sources(FOLDER / "sources.csv").to_numpy().tolist())
    shutil.copyfile(FOLDER / "market.toml", out / "market.toml")


def quantity_rows(figures: dict[str, Table], q: Quantities) -> list[list[str]]:
    """Rows of quantities.csv: output, final use and shipments, with source and range."""
    made, rows = figures["production"], []
    content = made["silicon_content"]
    sources = {region: figure for (region, _), figure in made.under("output").items()}
    for region, i in AT.items():
        if q.output[i] > 0:
            low, high = (q.output[i] * content.value / end for end in (content.high, content.low))
            rows.append(market_row("output0", GOOD, region, "", _tonnes(
                sources[region].source, q.output[i], low, high, CONTENT_NOTE)))
    for region, i in AT.items():
        if q.use[i] > 0:
            note = "output and net imports" if region in KNOWN_USE else USE_NOTE
            rows.append(market_row("final_demand0", GOOD, region, "", _tonnes(ASSUMPTION, q.use[i], 0.7 * q.use[i], 1.3 * q.use[i], note)))
    for o, d in np.argwhere(q.flow > 0):
        rows.append(market_row("flow0", GOOD, REGIONS[o], REGIONS[d], _shipment(made, q, int(o), int(d))))
    return rows


def _tonnes(source: str, value: float, low: float, high: float, note: str) -> Figure:
    return Figure(float(value), "t/yr", math.floor(low), math.ceil(high), YEAR, source, note)


def _shipment(made: Table, q: Quantities, o: int, d: int) -> Figure:
    """A shipment with its evidence: named by a source, by an assumption with its range, or fitted (half to twice)."""
    origin, target, value = REGIONS[o], REGIONS[d], float(q.flow[o, d])
    if (origin, target) in (("ISL", "EU27"), ("BRA", "USA")):
        figure = made["alloys_eu" if origin == "ISL" else "shipped", target, origin]
        return Figure(value, "t/yr", NAN, NAN, YEAR, figure.source, figure.note)
    if (origin, target) == ("NOR", "EU27"):
        return _tonnes(ASSUMPTION, value, 120_000, 200_000, NORWAY_NOTE)
    if (target, origin) in made.under("shipped"):
        figure = made["shipped", target, origin]
        return _tonnes(ASSUMPTION, value, figure.low, figure.high, figure.note)
    note = "what is left of output or use" if q.kept[o, d] else "fitted to output and use; no statistic"
    return _tonnes(ASSUMPTION, value, value / 2, 2 * value, note)


def european_price(prices: Table) -> Figure:
    """Delivered price in the EU, USD/t; the range is that of the price at the central exchange rate."""
    return replace(prices["price_eu", "EU27"].scaled(prices.value("eur_usd"), "USD/t"), note="delivered; EUR at the mean rate of 2024")


def price_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of prices.csv: gate prices, USD per t of the 75 % grade."""
    prices = figures["prices"]
    eu, brazil, china, us = european_price(prices), prices["price_brazil", "BRA"], prices["price_china", "CHN"], prices["price_us", "USA"]
    net = china.scaled(1 / (1 + prices.value("china_vat", "CHN")), "USD/t")
    border = china.scaled(1 + prices.value("china_export_tax", "CHN"), "USD/t")
    us = us.scaled(prices.value("pound") * prices.value("grade") / 100, "USD/t")
    found = {"EU27": eu, "CHN": replace(net, note="less the 13 % VAT"), "BRA": brazil, "USA": replace(us, note="per t of the 75 % grade"),
             "RUS": Figure(border.value, "USD/t", 900, round(eu.value - prices.value("freight"), 2), YEAR, ASSUMPTION,
                           "China's border price, the rival in Asia; the high end is the European price less freight")}
    for region in PARITY:
        freight = prices["freight", region, "EU27"] if region in ("NOR", "ISL") else prices["freight"]
        value = round(eu.value - freight.value, 2)
        found[region] = Figure(value, "USD/t", round(border.value, 2), round(eu.high - freight.low, 2), YEAR, ASSUMPTION,
                               "the European price less freight; the low end is China's border price")
    return [market_row("price0", GOOD, region, "", found[region]) for region in REGIONS if region in found]


def wedge_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of wedges.csv: duties, China's export tax on a price with VAT, freight."""
    prices = figures["prices"]
    tax, vat = prices["china_export_tax", "CHN"], prices.value("china_vat", "CHN")
    low, mid, high = (round((1 + rate) * (1 + vat) - 1, 4) for rate in (tax.low, tax.value, tax.high))
    note = "export tax of 25 % (20 % before 2021) on a price with the 13 % VAT that is not refunded"
    rows = [*_as_read(figures["wedges"]), market_row("export_rate0", GOOD, "CHN", "*", replace(
        tax, value=mid, low=low, high=high, unit="share of gate price", note=note))]
    for (origin, target), figure in prices.under("freight").items():
        rows.append(market_row("freight", GOOD, origin or "*", target or "*", figure))
    return rows


def cross_checks(figures: dict[str, Table], q: Quantities) -> list[list[str]]:
    """Rows of cross_checks.csv: each figure of another source beside ours, and ours over it."""
    made, eu = figures["production"], AT["EU27"]
    bought = q.flow[:, eu].sum() - q.flow[eu, eu]
    ours = {("imports", ""): eu_imports(made), ("own_share", ""): q.flow[eu, eu] / q.use[eu],
            ("quota", "ISL"): 0.75 * q.flow[AT["ISL"], eu],
            ("import_share_nor_isl", ""): (made.value("alloys_eu", "EU27", "ISL") + norway_to_eu(made)) / bought}
    rows = []
    for (name, region, partner), other in figures["checks"].rows.items():
        value = q.output[AT[region]] if name == "output" else ours[name, partner]
        rows.append([name, region, partner or other.source, number_text(round(float(value), 4)), number_text(other.value), other.unit,
                     f"{value / other.value:.3f}", other.year, other.source, other.note])
    return rows


def _as_read(table: Table) -> list[list[str]]:
    return [market_row(variable, good, region, partner, figure) for (variable, good, region, partner), figure in table.rows.items()]
