"""Rare earths: builds the market's tables from `calibration/figures/rare_earths/` and the balanced tonnes."""

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
from calibration.latent_cost import entry_cost
from calibration.rare_earths_decks import customs_rows, premium_rows
from calibration.rare_earths_evidence import evidence
from calibration.rare_earths_quantities import FOLDER, GOODS, NAN, REGIONS, YEAR, Quantities, quantities, read
from floormodel.finance.project import load_projects

HISTORIES = FOLDER.parent / "concentration"
BLOC = ["USA", "EU27", "JPN", "KOR"]
LATENT_OXIDE = ["EU27", "JPN", "KOR", "AUS"]  # no benchmark refining
LATENT_MAGNET = ["USA"]  # the only member without benchmark magnet output
PER_CONTAINED = "per t of contained oxide: 45 % (25 to 50) of the oxide price"
NET_OF_VAT = "the quoted price less the 13 % VAT that exports are not refunded"
PER_OXIDE = ("elasticity of oxide use over the oxide's share of the magnet price, since oxide per magnet is fixed; low "
             "end: the arcs of oxide hold thrift and offshoring, which are no loss of magnet use")
REPORT = ["figure", "reported", "balanced", "relative_move", "why"]


def build(out: Path) -> None:
    """Write every table of the market into `out`.

    Raises
    ------
    DataError
        Where a table of figures is faulty or the figures cannot be balanced.
    """
    figures = read()
    q = quantities(figures)
    tables = {"quantities": quantity_rows(figures, q), "prices": price_rows(figures, YEAR),
              "prices_2025": price_rows(figures, "2025"), "customs_trade": customs_rows(figures["production"], q, BLOC),
              "magnet_premia": premium_rows(figures["prices"]), "wedges": wedge_rows(figures),
              "parameters": parameter_rows(figures), "latent": latent_rows(figures, q)}
    for name, rows in tables.items():
        write_table(out / f"{name}.csv", MARKET_COLUMNS, rows)
    moved = [[m.figure, *(number_text(round(v, 4)) for v in (m.reported, m.balanced, m.relative)), m.why]
             for m in q.moves]
    write_table(out / "balance_report.csv", REPORT, moved)
    write_table(out / "sources.csv", SOURCE_COLUMNS, market_sources(FOLDER, HISTORIES, "rare_earths"))
    shutil.copyfile(FOLDER / "market.toml", out / "market.toml")


def quantity_rows(figures: dict[str, Table], q: Quantities) -> list[list[str]]:
    """Rows of quantities.csv: recipes, output, recycling, stock change, final demand and shipments."""
    made = figures["production"]
    recovery, known = made["recovery"], evidence(made, q)
    ore = Figure(q.ore_per_oxide, "t/t", 1 / recovery.high, 1 / recovery.low, YEAR, ASSUMPTION,
                 "1 / recovery of 0.9 (0.85 to 0.95)")
    rows = [market_row("recipe", "ndpr_oxide", "", "mined", ore),
            market_row("recipe", "magnet", "", "ndpr_oxide", made["oxide_per_magnet"])]
    trade = {"mined": "iea_cm_2025", "ndpr_oxide": "baci_hs92", "magnet": "baci_hs17"}
    for g, good in enumerate(GOODS):
        for name, array in (("output0", q.output), ("secondary0", q.secondary), ("stock_change0", q.stock),
                            ("final_demand0", q.demand)):
            for r in np.flatnonzero(array[g]):
                rows.append(market_row(name, good, REGIONS[r], "", known[name, good, REGIONS[r]]))
        for o, d in np.argwhere(q.flow[g] > 0):
            figure = Figure(float(q.flow[g, o, d]), "t/yr", NAN, NAN, YEAR, trade[good], "")
            rows.append(market_row("flow0", good, REGIONS[o], REGIONS[d], figure))
    return rows


def price_rows(figures: dict[str, Table], year: str) -> list[list[str]]:
    """Rows of a price deck: gate prices in USD/t; China's oxide is priced net of the tax that its exports carry."""
    prices, rows = figures["prices"], []
    oxide, magnet = (prices[name, "", year].scaled(1e3, "USD/t") for name in ("oxide_price", "magnet_price"))
    pay = prices["payable"]
    low, mid, high = (round(oxide.value * share, 2) for share in (pay.low, pay.value, pay.high))
    ore = Figure(mid, "USD/t", low, high, year, pay.source, PER_CONTAINED)
    low, mid, high = (round(v / (1 + prices.value("china_vat")), 2) for v in (oxide.low, oxide.value, oxide.high))
    net = replace(oxide, low=low, value=mid, high=high, note=NET_OF_VAT)
    for region in REGIONS:
        for good, figure in (("mined", ore), ("ndpr_oxide", net if region == "CHN" else oxide), ("magnet", magnet)):
            rows.append(market_row("price0", good, region, "", figure))
    return rows


def wedge_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of wedges.csv: duties and royalties, China's VAT on exports, freight as a share of the gate price."""
    prices = figures["prices"]
    rows = _as_read(figures["wedges"])
    for good in ("mined", "ndpr_oxide"):
        rows.append(market_row("export_rate0", good, "CHN", "*", prices["china_vat"]))
    oxide, magnet = (prices.value(name, "", YEAR) * 1e3 for name in ("oxide_price", "magnet_price"))
    for good, price in (("mined", oxide * prices.value("payable")), ("ndpr_oxide", oxide), ("magnet", magnet)):
        rows.append(market_row("freight", good, "*", "*", prices[f"freight_{good}"].scaled(price, "USD/t")))
    return rows


def parameter_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of parameters.csv; magnet demand has the elasticity of oxide demand over the oxide's share of the price."""
    rows = _as_read(figures["parameters"])
    prices, net = figures["prices"], figures["production"].value("oxide_per_magnet")
    share = net * prices.value("oxide_price", "", YEAR) / prices.value("magnet_price", "", YEAR)
    for horizon in ("short", "long"):
        name = f"demand_elasticity_{horizon}"
        oxide = figures["parameters"][name, "ndpr_oxide", "*"].scaled(1 / share, "1")
        least = min(oxide.low, prices.value("magnet_demand_least"))
        low, mid, high = (round(v, 3) for v in (least, oxide.value, oxide.high))
        eta = Figure(mid, "1", low, high, YEAR, oxide.source, PER_OXIDE)
        rows.append(market_row(name, "magnet", "*", "", eta))
    return rows


def _as_read(table: Table) -> list[list[str]]:
    return [market_row(variable, good, region, partner, figure)
            for (variable, good, region, partner), figure in table.rows.items()]


def latent_rows(figures: dict[str, Table], q: Quantities) -> list[list[str]]:
    """Rows of latent.csv: plants that may enter, what they cost, whom they sell to, and the ore they could buy."""
    latent, costs = figures["latent"], unit_costs(figures)
    outside = [r for r, use in zip(REGIONS, q.flow[1].sum(0)) if use > 0 and r not in BLOC]
    rows = []
    for good, stem, places in (("ndpr_oxide", "oxide", LATENT_OXIDE), ("magnet", "magnet", LATENT_MAGNET)):
        for region in places:
            rows.append(market_row("latent_capacity", good, region, "", latent[f"{stem}_capacity"]))
            rows.append(market_row("latent_unit_cost", good, region, "", costs[good]))
            for buyer in BLOC:
                weight = latent[f"{stem}_route_{'home' if buyer == region else 'bloc'}"]
                rows.append(market_row("latent_route_weight", good, region, buyer, weight))
            for buyer in outside if region not in BLOC else []:
                weight = latent[f"{stem}_route_outside", buyer if buyer == "CHN" else ""]
                rows.append(market_row("latent_route_weight", good, region, buyer, weight))
    for (buyer, origin), figure in latent.under("ore_weight").items():
        rows.append(market_row("route_weight", "mined", origin, buyer, figure))
    return rows


def unit_costs(figures: dict[str, Table]) -> dict[str, Figure]:
    """Unit cost of a latent plant of each good, beside inputs at their gate prices."""
    prices, made, plants = figures["prices"], figures["production"], load_projects("rare_earths")
    oxide = prices.value("oxide_price", "", YEAR) * 1e3
    ore = oxide * prices.value("payable") / made.value("recovery")
    return {"ndpr_oxide": entry_cost(plants["ndpr_refinery"], ore, YEAR),
            "magnet": entry_cost(plants["magnet_plant"], oxide * made.value("oxide_per_magnet"), YEAR)}
