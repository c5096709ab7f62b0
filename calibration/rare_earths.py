"""Rare earths: builds the market's tables from `calibration/figures/rare_earths/` and the balanced tonnes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from calibration.figures import ASSUMPTION, MARKET_COLUMNS, Figure, Table, market_row, number_text, write_table
from calibration.rare_earths_quantities import FOLDER, GOODS, REGIONS, YEAR, Quantities, quantities, read

BLOC = ["USA", "EU27", "JPN", "KOR"]
LATENT_OXIDE = ["EU27", "JPN", "KOR", "AUS"]  # no benchmark refining
LATENT_MAGNET = ["USA"]  # the only member without benchmark magnet output
REPORT = ["figure", "reported", "balanced", "relative_move", "why"]
NAN = float("nan")


def build(out: Path) -> None:
    """Write every table of the market into `out`.

    Raises
    ------
    DataError
        Where a table of figures is faulty or the figures cannot be balanced.
    """
    figures = read()
    q = quantities(figures)
    write_table(out / "quantities.csv", MARKET_COLUMNS, quantity_rows(figures, q))
    write_table(out / "prices.csv", MARKET_COLUMNS, price_rows(figures, YEAR))
    write_table(out / "prices_2025.csv", MARKET_COLUMNS, price_rows(figures, "2025"))
    write_table(out / "wedges.csv", MARKET_COLUMNS, wedge_rows(figures))
    write_table(out / "parameters.csv", MARKET_COLUMNS, parameter_rows(figures))
    write_table(out / "latent.csv", MARKET_COLUMNS, latent_rows(figures))
    write_table(out / "balance_report.csv", REPORT, [
        [m.figure, number_text(m.reported), number_text(m.balanced), f"{m.relative:.6f}", m.why] for m in q.moves])
    for name in ("sources.csv", "market.toml"):
        shutil.copyfile(FOLDER / name, out / name)


def quantity_rows(figures: dict[str, Table], q: Quantities) -> list[list[str]]:
    """Rows of quantities.csv."""
    rows = []
    made = figures["production"]
    recovery, net = made["recovery"], made["oxide_per_magnet"]
    ore = Figure(q.ore_per_oxide, "t/t", 1 / recovery.high, 1 / recovery.low, YEAR, ASSUMPTION, "1 / recovery of 0.9 (0.85 to 0.95)")
    rows.append(market_row("recipe", "ndpr_oxide", "", "mined", ore))
    rows.append(market_row("recipe", "magnet", "", "ndpr_oxide", net))
    for g, good in enumerate(GOODS):
        for name, array in (("output0", q.output), ("secondary0", q.secondary), ("stock_change0", q.stock),
                            ("final_demand0", q.demand)):
            for r in np.flatnonzero(array[g]):
                rows.append(market_row(name, good, REGIONS[r], "", _tonnes(array[g, r], good, name)))
        for o, d in np.argwhere(q.flow[g] > 0):
            rows.append(market_row("flow0", good, REGIONS[o], REGIONS[d], _tonnes(q.flow[g, o, d], good, "flow0")))
    return rows


SOURCE_OF = {
    ("mined", "output0"): "iea_cm_2025", ("mined", "stock_change0"): "mp_results", ("mined", "flow0"): "iea_cm_2025",
    ("ndpr_oxide", "output0"): "iea_cm_2025", ("ndpr_oxide", "secondary0"): "argus_recycling",
    ("ndpr_oxide", "final_demand0"): "iea_cm_2025", ("ndpr_oxide", "flow0"): "baci_hs92",
    ("magnet", "output0"): "mp_shares", ("magnet", "final_demand0"): "baci_hs17", ("magnet", "flow0"): "baci_hs17",
}


def _tonnes(value: float, good: str, name: str) -> Figure:
    return Figure(float(value), "t/yr", NAN, NAN, YEAR, SOURCE_OF[good, name], "balanced")


def price_rows(figures: dict[str, Table], year: str) -> list[list[str]]:
    """Rows of a price deck: gate prices in USD/t; China's oxide price is net of the tax its exports carry."""
    prices = figures["prices"]
    oxide, magnet, vat = prices["oxide_price", "", year], prices["magnet_price", "", year], prices.value("china_vat")
    pay = prices["payable"]
    ore = Figure(round(oxide.value * pay.value * 1e3, 2), "USD/t", oxide.value * pay.low * 1e3, oxide.value * pay.high * 1e3, year,
                 pay.source, "per t of contained oxide: 45 % (25 to 50) of the oxide price")
    rows = []
    for region in REGIONS:
        home = oxide.scaled(1e3, "USD/t")
        if region == "CHN":
            home = Figure(round(home.value / (1 + vat), 2), "USD/t", round(home.low / (1 + vat), 2), round(home.high / (1 + vat), 2), year,
                          oxide.source, "the quoted price less the 13 % VAT that exports are not refunded")
        for good, figure in (("mined", ore), ("ndpr_oxide", home), ("magnet", magnet.scaled(1e3, "USD/t"))):
            rows.append(market_row("price0", good, region, "", figure))
    return rows


def wedge_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of wedges.csv: duties and royalties as read, China's VAT on exports, freight as a share of the gate price."""
    prices = figures["prices"]
    rows = [market_row(*key, figure) for key, figure in figures["wedges"].rows.items()]
    for good in ("mined", "ndpr_oxide"):
        vat = prices["china_vat"]
        rows.append(market_row("export_rate0", good, "CHN", "*", vat.scaled(1, "share of gate price")))
    ore = prices.value("oxide_price", "", YEAR) * prices.value("payable")
    for good, price in (("mined", ore), ("ndpr_oxide", prices.value("oxide_price", "", YEAR)),
                        ("magnet", prices.value("magnet_price", "", YEAR))):
        share = prices[f"freight_{good}"]
        cost = Figure(*(share.value * price * 1e3, "USD/t", share.low * price * 1e3, share.high * price * 1e3), YEAR, share.source, share.note)
        rows.append(market_row("freight", good, "*", "*", cost))
    return rows


def parameter_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of parameters.csv; the elasticity of magnet demand is that of oxide demand over the oxide's share of the price."""
    rows = [market_row(*key, figure) for key, figure in figures["parameters"].rows.items()]
    prices, net = figures["prices"], figures["production"].value("oxide_per_magnet")
    share = net * prices.value("oxide_price", "", YEAR) / prices.value("magnet_price", "", YEAR)
    for horizon in ("short", "long"):
        name = f"demand_elasticity_{horizon}"
        oxide = figures["parameters"][name, "ndpr_oxide", "*"]
        note = "elasticity of oxide use over the oxide's share of the magnet price, since oxide per magnet is fixed"
        eta = Figure(*(round(v / share, 3) for v in (oxide.value,)), "1", round(oxide.low / share, 3), round(oxide.high / share, 3),
                     YEAR, oxide.source, note)
        rows.append(market_row(name, "magnet", "*", "", eta))
    return rows


def latent_rows(figures: dict[str, Table]) -> list[list[str]]:
    """Rows of latent.csv: plants that may enter, what they cost, whom they sell to, and the ore they could buy."""
    latent, made = figures["latent"], figures["production"]
    basket = made.value("magnet_share", "AUS") / 100
    costs = {"ndpr_oxide": unit_cost(latent, "oxide", basket), "magnet": unit_cost(latent, "magnet", 1.0)}
    rows = []
    for good, stem, places in (("ndpr_oxide", "oxide", LATENT_OXIDE), ("magnet", "magnet", LATENT_MAGNET)):
        for region in places:
            rows.append(market_row("latent_capacity", good, region, "", latent[f"{stem}_capacity"]))
            rows.append(market_row("latent_unit_cost", good, region, "", costs[good]))
            for buyer in BLOC:
                rows.append(market_row("latent_route_weight", good, region, buyer,
                                       latent["route_home" if buyer == region else "route_bloc"]))
    for (buyer, origin), figure in latent.under("ore_weight").items():
        rows.append(market_row("route_weight", "mined", origin, buyer, figure))
    return rows


def unit_cost(latent: Table, stem: str, content: float) -> Figure:
    """Operating cost plus the annuity of the investment, USD per t; `content` is t of product per t that capacity is stated in."""
    rate, life = latent.value("discount_rate"), latent.value("life")
    annuity = rate / (1 - (1 + rate) ** -life)
    capex, opex = latent[f"{stem}_capex"], latent[f"{stem}_opex"]
    low, mid, high = (round(o + c * annuity / content) for o, c in
                      ((opex.low, capex.low), (opex.value, capex.value), (opex.high, capex.high)))
    return Figure(mid, "USD/t", low, high, YEAR, ASSUMPTION, f"operating cost plus investment over {life:g} years at {rate:.0%} real")
