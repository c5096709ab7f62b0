"""Nickel: builds the market of 2024 and the deck of 2019, the year before Indonesia's ban, from `calibration/figures/nickel/`."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.figures import (
    ASSUMPTION,
    MARKET_COLUMNS,
    SOURCE_COLUMNS,
    Figure,
    Table,
    market_row,
    market_sources,
    number_text,
    write_table,
)
from calibration.nickel_evidence import cross_checks, evidence
from calibration.nickel_quantities import FOLDER, GOODS, NAN, REGIONS, YEARS, Quantities, laterite_price, quantities, read

HISTORIES = FOLDER.parent / "concentration"
REPORT = ["figure", "reported", "balanced", "relative_move", "why"]
CHECKS = ["figure", "region", "compared_with", "ours", "other", "unit", "ratio", "year", "source", "note"]
ORE_NOTE = "customs value of laterite ore over gross tonnes and nickel content; range: of the content"
MIXED_NOTE = "{:.0%} concentrate at the payable share of the metal price, the rest laterite ore at its customs value"
PIG_IRON_NOTE = "{:.0%} nickel pig iron below the metal price, the rest at it"
Rows = list[list[str]]


def build(out: Path) -> None:
    """Write every table of the market into `out`.

    Raises
    ------
    DataError
        Where a table of figures is faulty or the figures of a year cannot be balanced.
    """
    figures = {year: read(year) for year in YEARS}
    tonnes = {year: quantities(figures[year], year) for year in YEARS}
    main, before = YEARS
    tables = {"quantities": quantity_rows(figures[main], tonnes[main], main), "prices": price_rows(figures[main], main),
              "wedges": [*_as_read(figures[main]["wedges"]), *freight_rows(figures[main], main)],
              "parameters": _as_read(figures[main]["parameters"])}
    deck = [*_emptied(tables["quantities"], quantity_rows(figures[before], tonnes[before], before)),
            *price_rows(figures[before], before), *freight_rows(figures[before], before)]
    tables |= {"benchmark_2019": deck, "benchmark_2019_entry": [*deck, *_as_read(figures[before]["entry"])]}
    for name, rows in tables.items():
        write_table(out / f"{name}.csv", MARKET_COLUMNS, rows)
    for year, end in zip(YEARS, ("", "_2019")):
        write_table(out / f"balance_report{end}.csv", REPORT, [
            [m.figure, number_text(round(m.reported, 3)), number_text(round(m.balanced, 3)), f"{m.relative:.4f}", m.why]
            for m in tonnes[year].moves])
        write_table(out / f"cross_checks{end}.csv", CHECKS, cross_checks(figures[year], tonnes[year]))
    write_table(out / "sources.csv", SOURCE_COLUMNS, market_sources(FOLDER, HISTORIES, "nickel"))
    shutil.copyfile(FOLDER / "market.toml", out / "market.toml")


def quantity_rows(figures: dict[str, Table], q: Quantities, year: str) -> Rows:
    """Rows of quantities.csv: recipe, output, stock change, final demand and shipments."""
    recovery, known = figures["production"]["recovery"], evidence(figures, q, year)
    ore = Figure(q.ore_per_refined, "t/t", 1 / recovery.high, 1 / recovery.low, year, ASSUMPTION,
                 f"1 / recovery of {recovery.value:g} ({recovery.low:g} to {recovery.high:g}); {recovery.note}")
    rows = [market_row("recipe", "refined", "", "mined", ore)]
    for g, good in enumerate(GOODS):
        for name, array in (("output0", q.output), ("stock_change0", q.stock), ("final_demand0", q.demand)):
            rows += [market_row(name, good, REGIONS[r], "", known[name, good, REGIONS[r]]) for r in np.flatnonzero(array[g])]
        source = ("baci_hs92", "baci_hs17")[g]
        rows += [market_row("flow0", good, REGIONS[o], REGIONS[d], Figure(float(q.flow[g, o, d]), "t/yr", NAN, NAN, year, source, ""))
                 for o, d in np.argwhere(q.flow[g] > 0)]
    return rows


def _emptied(benchmark: Rows, deck: Rows) -> Rows:
    """The deck's rows and a zero for every cell of the benchmark's tonnes that the deck has no figure for."""
    held = {tuple(row[:4]) for row in deck}
    none = [[*row[:4], "0", row[5], "", "", deck[0][8], row[9] if row[9] != ASSUMPTION else "baci_hs92", "nothing in this year"]
            for row in benchmark if tuple(row[:4]) not in held]
    return [*deck, *none]


def price_rows(figures: dict[str, Table], year: str) -> Rows:
    """Rows of prices.csv, USD per t of nickel at the gate: ore by what a region mines, refined by its share of pig iron."""
    prices, rows = figures["prices"], []
    metal, ratio = prices["metal_price", "", year], prices["npi_ratio", "", year]
    for region in REGIONS:
        rows.append(market_row("price0", "mined", region, "", ore_price(figures, region, year)))
        share = [f for (r, y), f in prices.under("npi_share").items() if (r, y) == (region, year)]
        if not share:
            rows.append(market_row("price0", "refined", region, "", metal))
            continue
        low, mid, high = (metal.value * (1 - s * (1 - r)) for s, r in (
            (share[0].most, ratio.least), (share[0].value, ratio.value), (share[0].least, ratio.most)))
        rows.append(market_row("price0", "refined", region, "", Figure(
            round(mid, 2), "USD/t", round(low, 2), round(high, 2), year, ASSUMPTION, PIG_IRON_NOTE.format(share[0].value))))
    return rows


def ore_price(figures: dict[str, Table], region: str, year: str) -> Figure:
    """Gate price of what a region mines, USD per t of nickel, with the range of its parts."""
    made, prices = figures["production"], figures["prices"]
    metal, pay, laterite = prices.value("metal_price", "", year), made["concentrate_payable"], laterite_price(figures)
    grade = made["ore_content"]
    ends = [laterite * grade.value / grade.high, laterite, laterite * grade.value / grade.low]
    shares = [f for (r, _), f in prices.under("sulphide_share").items() if r == region]
    if not shares:
        low, mid, high = (round(v, 2) for v in ends)
        return Figure(mid, "USD/t", low, high, year, ASSUMPTION, ORE_NOTE)
    low, mid, high = (round(s * metal * p + (1 - s) * ore, 2) for s, p, ore in zip(
        (shares[0].least, shares[0].value, shares[0].most), (pay.low, pay.value, pay.high), ends))
    return Figure(mid, "USD/t", low, high, year, ASSUMPTION, MIXED_NOTE.format(shares[0].value))


def freight_rows(figures: dict[str, Table], year: str) -> Rows:
    """Freight between regions, USD per t of nickel: of ore by the price of laterite, of refined by that of metal."""
    prices = figures["prices"]
    bases = (("mined", laterite_price(figures)), ("refined", prices.value("metal_price", "", year)))
    return [market_row("freight", good, "*", "*", replace(prices[f"freight_{good}"].scaled(base, "USD/t"), year=year))
            for good, base in bases]


def _as_read(table: Table) -> Rows:
    return [market_row(variable, good, region, partner, figure)
            for (variable, good, region, partner), figure in table.rows.items()]


