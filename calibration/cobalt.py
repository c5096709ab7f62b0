"""Cobalt: builds the market's tables from `calibration/figures/cobalt/` and the balanced tonnes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.cobalt_evidence import cross_checks, evidence
from calibration.cobalt_quantities import FOLDER, GOODS, NAN, REGIONS, YEAR, Quantities, ore_price, quantities, read
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
from calibration.latent_cost import entry_cost
from floormodel.finance.project import load_projects

HISTORIES = FOLDER.parent / "concentration"
BLOC = ["USA", "EU27", "JPN", "KOR"]
LATENT = ["USA"]  # the only member that refines nothing in the benchmark
REPORT = ["figure", "reported", "balanced", "relative_move", "why"]
CHECKS = ["figure", "region", "compared_with", "ours", "other", "unit", "ratio", "year", "source", "note"]
ORE_NOTE = "metal price x payable share of hydroxide (65 %, 57 to 80) less freight to China"
VAT_NOTE = "the London price less the 13 % VAT that exports are not refunded; the high end is without it"


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
              "parameters": _as_read(figures["parameters"]), "latent": latent_rows(figures)}
    for name, rows in tables.items():
        write_table(out / f"{name}.csv", MARKET_COLUMNS, rows)
    write_table(out / "balance_report.csv", REPORT, [
        [m.figure, number_text(round(m.reported, 3)), number_text(round(m.balanced, 3)), f"{m.relative:.4f}", m.why]
        for m in q.moves])
    write_table(out / "cross_checks.csv", CHECKS, cross_checks(figures, q))
    write_table(out / "sources.csv", SOURCE_COLUMNS, market_sources(FOLDER, HISTORIES, "cobalt"))
    shutil.copyfile(FOLDER / "market.toml", out / "market.toml")


def quantity_rows(figures: dict[str, Table], q: Quantities) -> list[list[str]]:
    """Rows of quantities.csv: recipe, output, recycling, stock change, final demand and shipments."""
    recovery, known = figures["production"]["recovery"], evidence(figures, q)
    ore = Figure(q.ore_per_refined, "t/t", 1 / recovery.high, 1 / recovery.low, recovery.year, recovery.source,
                 "1 / recovery of 0.96 (0.90 to 0.97)")
    rows = [market_row("recipe", "refined", "", "mined", ore)]
    for g, good in enumerate(GOODS):
        for name, array in (("output0", q.output), ("secondary0", q.secondary), ("stock_change0", q.stock),
                            ("final_demand0", q.demand)):
            for r in np.flatnonzero(array[g]):
                rows.append(market_row(name, good, REGIONS[r], "", known[name, good, REGIONS[r]]))
        for o, d in np.argwhere(q.flow[g] > 0):
            figure = Figure(float(q.flow[g, o, d]), "t/yr", NAN, NAN, YEAR, "baci_hs92", "")
            rows.append(market_row("flow0", good, REGIONS[o], REGIONS[d], figure))
    return rows


def price_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of prices.csv: gate prices in USD per t of cobalt; China's refined is net of the tax its exports carry."""
    prices = figures["prices"]
    metal = prices["metal_price", "", YEAR].scaled(prices.value("pound"), "USD/t")
    pay, freight, vat = prices["payable", "", YEAR], prices.value("freight_mined", "COD"), prices["china_vat"]
    low, high = (round(metal.value * share - freight, 2) for share in (pay.low, pay.high))
    ore = Figure(round(ore_price(prices), 2), "USD/t", low, high, YEAR, ASSUMPTION, ORE_NOTE)
    low, mid, high = (round(metal.value / (1 + rate), 2) for rate in (vat.high, vat.value, vat.low))
    net = replace(metal, low=low, value=mid, high=high, note=VAT_NOTE)
    return [market_row("price0", good, region, "", figure) for region in REGIONS
            for good, figure in (("mined", ore), ("refined", net if region == "CHN" else metal))]


def wedge_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of wedges.csv: duties and royalties, China's VAT on exports, freight."""
    prices = figures["prices"]
    metal = prices.value("metal_price", "", YEAR) * prices.value("pound")
    return [*_as_read(figures["wedges"]),
            market_row("export_rate0", "refined", "CHN", "*", prices["china_vat"]),
            market_row("freight", "mined", "*", "*", prices["freight_mined"].scaled(ore_price(prices), "USD/t")),
            market_row("freight", "mined", "COD", "*", prices["freight_mined", "COD"]),
            market_row("freight", "refined", "*", "*", prices["freight_refined"].scaled(metal, "USD/t"))]


def latent_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of latent.csv: a refinery that may enter, what it costs, whom it sells to, and the ore it could buy."""
    latent, rows = figures["latent"], []
    ore = ore_price(figures["prices"]) / figures["production"].value("recovery")
    cost = entry_cost(load_projects("cobalt")["cobalt_refinery"], ore, YEAR)
    for region in LATENT:
        rows.append(market_row("latent_capacity", "refined", region, "", latent["refinery_capacity"]))
        rows.append(market_row("latent_unit_cost", "refined", region, "", cost))
        for buyer in BLOC:
            weight = latent["route_home" if buyer == region else "route_bloc"]
            rows.append(market_row("latent_route_weight", "refined", region, buyer, weight))
    for (buyer, origin), figure in latent.under("ore_weight").items():
        rows.append(market_row("route_weight", "mined", origin, buyer, figure))
    return rows


def _as_read(table: Table) -> list[list[str]]:
    return [market_row(variable, good, region, partner, figure)
            for (variable, good, region, partner), figure in table.rows.items()]
