"""The tonnes of the cobalt market in 2024: mined -> refined, from `calibration/figures/cobalt/`.

Output by country is kept: mined from the US Geological Survey, refined from the International Energy Agency. What
refiners did not take of the ore, and users not of the refined, is a stock build. Trade statistics and named routes are
a prior that minimum cross-entropy fits to output, use and the stock build, which competes with the buyers for the ore.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.figures import MARKET_COLUMNS, Table, read_figures, read_sources
from floormodel.balancing import Move, balance, movements
from floormodel.errors import DataError

FOLDER = Path(__file__).parent / "figures" / "cobalt"
GOODS = ["mined", "refined"]
REGIONS = ["COD", "IDN", "CHN", "AUS", "CAN", "CUB", "RUS", "PHL", "MDG", "EU27", "USA", "JPN", "KOR", "ROW"]
USERS = ["IDN", "CHN", "AUS", "CAN", "RUS", "EU27", "USA", "JPN", "KOR", "ROW"]  # regions with a use of refined cobalt
AT = {r: i for i, r in enumerate(REGIONS)}
KEYS = ["figure", "region", "partner"]
YEAR, NAN = "2024", float("nan")
Array = NDArray[np.float64]


def _nodes() -> Array:
    return np.zeros((len(GOODS), len(REGIONS)))


@dataclass
class Quantities:
    """Balanced tonnes: (good, region), flows (good, origin, destination), ore per refined tonne, and what was moved."""

    output: Array = field(default_factory=_nodes)
    secondary: Array = field(default_factory=_nodes)
    stock: Array = field(default_factory=_nodes)
    demand: Array = field(default_factory=_nodes)
    flow: Array = field(default_factory=lambda: np.zeros((len(GOODS), len(REGIONS), len(REGIONS))))
    ore_per_refined: float = NAN
    apparent: Array = field(default_factory=lambda: np.zeros(len(REGIONS)))
    moves: list[Move] = field(default_factory=list)


def read() -> dict[str, Table]:
    """All our tables of figures of this market, checked."""
    known = set(read_sources(FOLDER / "sources.csv")["id"])
    plain = {n: read_figures(FOLDER / f"{n}.csv", known, KEYS) for n in ("production", "prices", "latent", "checks")}
    market = {n: read_figures(FOLDER / f"{n}.csv", known, MARKET_COLUMNS[:4]) for n in ("wedges", "parameters")}
    trade = read_figures(FOLDER / "trade.csv", known, ["code", "measure", "region", "partner"])
    return {**plain, **market, "trade": trade}


def ore_price(prices: Table) -> float:
    """Gate price of ore, USD per t of cobalt: payable share of the metal price less the freight from DR Congo."""
    metal = prices.value("metal_price", "", YEAR) * prices.value("pound")
    return metal * prices.value("payable", "", YEAR) - prices.value("freight_mined", "COD")


def quantities(figures: dict[str, Table]) -> Quantities:
    """Balanced tonnes of both stages.

    Raises
    ------
    DataError
        Where refiners need more ore than is mined, the listed refiners or users exceed the world, or shipments cannot
        be fitted.
    """
    made, trade = figures["production"], figures["trade"]
    q = Quantities(ore_per_refined=1 / made.value("recovery"))
    q.output[0] = mined(made)
    total = refined(made, trade, ore_price(figures["prices"]))
    q.secondary[1] = recycled(made, total)
    q.output[1] = total - q.secondary[1]
    q.secondary[1, AT["USA"]] += made.value("scrap", "USA")
    need = q.output[1] * q.ore_per_refined
    if need.sum() > q.output[0].sum():
        raise DataError(f"production.csv: refiners need {need.sum():.0f} t of ore, miners make {q.output[0].sum():.0f}")
    prior = ore_prior(made, trade, ore_price(figures["prices"]), q.output[0], need)
    q.flow[0], q.stock[0] = _ore_flows(q, prior, need, known_ore(made))
    q.demand[1], q.apparent = demand(made, trade, q.output[1] + q.secondary[1])
    q.stock[1, AT["CHN"]] = (q.output[1] + q.secondary[1]).sum() - q.demand[1].sum()
    q.flow[1] = _refined_flows(made, trade, q)
    q.moves = _report(made, total, q) + q.moves
    return q


def mined(made: Table) -> Array:
    """Mined tonnes (R,); what the source does not list is split by the output of the countries it leaves out."""
    tonnes, weight = np.zeros(len(REGIONS)), np.zeros(len(REGIONS))
    for (region, _), figure in made.under("mined").items():
        tonnes[AT[region]] += figure.value
    for (region, _), figure in made.under("mined_weight").items():
        weight[AT[region]] += figure.value
    return tonnes + made.value("mined_unlisted") * weight / weight.sum()


def refined(made: Table, trade: Table, price: float) -> Array:
    """Refined tonnes (R,), recycled feed included; what no source explains of the unlisted rest is in ROW.

    Madagascar refines its own ore; Korea the ore it buys from DR Congo, whose customs value is divided by `price`.
    """
    tonnes = np.zeros(len(REGIONS))
    for name in ("refined", "refined_other"):
        for (region, _), figure in made.under(name).items():
            tonnes[AT[region]] += figure.value
    own = made.value("mined", "MDG", "MDG") * made.value("refined_own_ore", "MDG")
    bought = trade.value("intermediate", "value", "COD", "KOR") * 1e3 / price
    tonnes[AT["MDG"]] = own * made.value("recovery")
    tonnes[AT["KOR"]] = bought * made.value("refined_of_imports", "KOR", "COD") * made.value("recovery")
    world = sum(f.value for f in made.under("refined").values()) + made.value("refined_unlisted")
    if tonnes.sum() > world:
        raise DataError(f"production.csv: refiners make {tonnes.sum():.0f} t, the world {world:.0f}")
    tonnes[AT["ROW"]] += world - tonnes.sum()
    return tonnes


def recycled(made: Table, total: Array) -> Array:
    """Refined tonnes (R,) that come from recycled feed, shared among the largest refiners by their output."""
    share = np.zeros(len(REGIONS))
    for region, _ in made.under("recycled_by"):
        share[AT[region]] = made.value("recycled_by", region) * total[AT[region]]
    return made.value("recycled_feed") * share / share.sum()


def ore_prior(made: Table, trade: Table, price: float, output: Array, need: Array) -> Array:
    """Ore shipments before balancing (O, D): named routes, own use of what they leave, customs value over `price`.

    A region that refines all it mines ships none; shipments that are kept (`known_ore`) are not in the table.
    """
    prior = np.zeros((len(REGIONS), len(REGIONS)))
    for (target, origin), figure in made.under("route").items():
        prior[AT[origin], AT[target]] = figure.value
    own = output - (prior + known_ore(made)).sum(1)
    prior += np.diag(np.clip(own, 0.0, need))
    for (origin, target), figure in trade.under("intermediate", "value").items():
        prior[AT[origin], AT[target]] += figure.value * 1e3 / price
    for region, _ in made.under("refined_own_ore"):
        prior[AT[region], np.arange(len(REGIONS)) != AT[region]] = 0.0
    return prior * (need > 0)


def known_ore(made: Table) -> Array:
    """Ore shipments (O, D) that are kept: cobalt in mixed hydroxide, which customs reports in tonnes of cobalt."""
    known = np.zeros((len(REGIONS), len(REGIONS)))
    for (target, origin), figure in made.under("mhp").items():
        known[AT[origin], AT[target]] = figure.value
    return known


def _ore_flows(q: Quantities, prior: Array, need: Array, known: Array) -> tuple[Array, Array]:
    """Balanced ore shipments (O, D) and stock builds (R,), whose prior is the output that no shipment explains."""
    unexplained = np.maximum(q.output[0] - (prior + known).sum(1), 0.0)
    build = q.output[0].sum() - need.sum()
    rows, columns = q.output[0] - known.sum(1), np.append(need - known.sum(0), build)
    fitted = balance(np.column_stack([prior, unexplained]), rows, columns, REGIONS, [*REGIONS, "stock"], "mined")
    flow, stock = fitted[:, :-1] + known, fitted[:, -1]
    q.moves += movements(prior + known, flow, REGIONS, REGIONS, "flow0[mined", "customs value and routes, fitted")
    why = "output that no shipment explains, fitted"
    q.moves += [Move(f"stock_change0[mined, {r}]", float(before), float(after), why)
                for r, before, after in zip(REGIONS, unexplained, stock) if before > 0 or after > 0]
    return flow, stock


def trade_in_refined(made: Table, trade: Table) -> Array:
    """Tonnes of cobalt (O, D) in metal, oxides and, for Korea, cathode precursors."""
    flow = np.zeros((len(REGIONS), len(REGIONS)))
    for code in ("metal", "oxide"):
        for (origin, target), figure in trade.under(code, "quantity").items():
            flow[AT[origin], AT[target]] += figure.value * made.value(f"{code}_content")
    flow[AT["CHN"], AT["KOR"]] += made.value("precursors", "KOR", "CHN") * made.value("precursor_content")
    return flow


def demand(made: Table, trade: Table, supply: Array) -> tuple[Array, Array]:
    """Use of refined cobalt (R,) and apparent consumption (R,).

    China's share and the United States are known; the rest of the world's use is shared by apparent consumption
    (at least what a region imports) or, for Indonesia and Madagascar, by a share of own output.
    """
    flow, world = trade_in_refined(made, trade), made.value("demand_world")
    apparent = np.maximum(supply + flow.sum(0) - flow.sum(1), flow.sum(0))
    weight = np.where(np.isin(REGIONS, USERS), apparent, 0.0)
    for region, _ in made.under("demand_of_output"):
        weight[AT[region]] = made.value("demand_of_output", region) * supply[AT[region]]
    known = {"CHN": made.value("demand_share", "CHN") * world, "USA": made.value("demand", "USA")}
    if sum(known.values()) >= world:
        raise DataError(f"production.csv: CHN and USA use {sum(known.values()):.0f} t, the world {world:.0f}; "
                        "check demand_share, demand and demand_world")
    weight[[AT[r] for r in known]] = 0.0
    use = weight * (world - sum(known.values())) / weight.sum()
    for region, tonnes in known.items():
        use[AT[region]] = tonnes
    return use, apparent


def _refined_flows(made: Table, trade: Table, q: Quantities) -> Array:
    rows, use = q.output[1] + q.secondary[1] - q.stock[1], q.demand[1]
    prior = trade_in_refined(made, trade) * (rows > 0)[:, None] * (use > 0)
    kept = made.value("demand_of_output", "IDN")
    prior[AT["IDN"], AT["CHN"]] = (1 - kept) * rows[AT["IDN"]]
    prior += np.diag(np.maximum(rows - prior.sum(1), made.value("home_share") * rows) * (use > 0))
    out = balance(prior, rows, use, REGIONS, REGIONS, "refined")
    q.moves += movements(prior, out, REGIONS, REGIONS, "flow0[refined", "customs tonnes fitted to output and use")
    return out


def _report(made: Table, total: Array, q: Quantities) -> list[Move]:
    listed = {("mined", r): f.value for (r, _), f in made.under("mined").items() if r not in ("ROW", "EU27")}
    listed |= {("refined", r): f.value for (r, _), f in made.under("refined").items() if r not in ("CAN", "EU27")}
    moves = [Move(f"total[{good}, {r}]", value, float((q.output[0] if good == "mined" else total)[AT[r]]), "kept")
             for (good, r), value in listed.items()]
    world = sum(f.value for f in made.under("refined").values()) + made.value("refined_unlisted")
    canada = made.value("refined", "CAN", "CAN")
    parts = [("total[refined, CAN]", canada, total[AT["CAN"]], "BGS 2023: Sherritt alone made more"),
             ("total[refined, world]", world, total.sum(), "kept"),
             ("final_demand0[refined, world]", made.value("demand_world"), q.demand[1].sum(), "kept"),
             ("stock_change0[mined, world]", 0.0, q.stock[0].sum(), "mined less the ore that refiners need"),
             ("stock_change0[refined, CHN]", 0.0, q.stock[1].sum(), "refined and recycled less use")]
    moves += [Move(name, float(before), float(after), why) for name, before, after, why in parts]
    why = "apparent consumption, scaled to the world's use less China and the United States"
    return moves + [Move(f"final_demand0[refined, {r}]", float(q.apparent[AT[r]]), float(q.demand[1, AT[r]]),
                         {"CHN": "share of world use taken as known", "USA": "kept: USGS"}.get(r, why)) for r in USERS]
