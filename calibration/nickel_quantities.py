"""The tonnes of the nickel market, mined -> refined, in 2024 and 2019, from `calibration/figures/nickel/`.

Output by country is kept: mined from World Mining Data (Indonesia in 2019 from its Geological Agency), refined from the
International Energy Agency (2024) and the British Geological Survey (2019). What refiners did not take of the ore, and
users not of the refined, is a stock change, booked in proportion to output since no source says where. Customs tonnes
and named routes are a prior that minimum cross-entropy fits to output and use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.figures import MARKET_COLUMNS, Table, read_figures, read_sources
from floormodel.balancing import Move, balance, movements
from floormodel.errors import DataError

FOLDER = Path(__file__).parent / "figures" / "nickel"
GOODS = ["mined", "refined"]
REGIONS = ["IDN", "PHL", "CHN", "RUS", "CAN", "AUS", "NCL", "EU27", "JPN", "KOR", "NOR", "BRA", "USA", "ROW"]
AT = {r: i for i, r in enumerate(REGIONS)}
KEYS = ["figure", "region", "partner"]
YEARS = ("2024", "2019")
MOST_UNUSED = 0.1  # a larger stock change says that the sources do not speak of the same thing
NAN = float("nan")
Array = NDArray[np.float64]


def _nodes() -> Array:
    return np.zeros((len(GOODS), len(REGIONS)))


@dataclass
class Quantities:
    """Balanced tonnes: (good, region), flows (good, origin, destination), ore per refined tonne, and what was moved."""

    output: Array = field(default_factory=_nodes)
    stock: Array = field(default_factory=_nodes)
    demand: Array = field(default_factory=_nodes)
    flow: Array = field(default_factory=lambda: np.zeros((len(GOODS), len(REGIONS), len(REGIONS))))
    ore_per_refined: float = NAN
    moves: list[Move] = field(default_factory=list)


def read(year: str) -> dict[str, Table]:
    """Our tables of figures of this market for one benchmark year, checked."""
    known = set(read_sources(FOLDER / "sources.csv")["id"])
    plain = {n: read_figures(FOLDER / f"{file}.csv", known, KEYS) for n, file in (
        ("production", f"production_{year}"), ("prices", "prices"), ("checks", f"checks_{year}"))}
    market = {n: read_figures(FOLDER / f"{n}.csv", known, MARKET_COLUMNS[:4]) for n in ("wedges", "parameters", "entry")}
    return {**plain, **market, "trade": read_figures(FOLDER / f"trade_{year}.csv", known, ["code", "measure", "region", "partner"])}


def quantities(figures: dict[str, Table], year: str) -> Quantities:
    """Balanced tonnes of both stages in one benchmark year.

    Raises
    ------
    DataError
        Where known users exceed the world's use, output and need are too far apart, or shipments cannot be fitted.
    """
    made, trade = figures["production"], figures["trade"]
    metal = figures["prices"].value("metal_price", "", year)
    q = Quantities(ore_per_refined=1 / made.value("recovery"))
    q.output = np.array([by_region(made, "mined"), refined(made)])
    need = q.output[1] * q.ore_per_refined
    shipped = trade_in_refined(trade, metal)
    q.demand[1], weight = demand(made, shipped, q.output[1])
    for g, use in enumerate((need, q.demand[1])):
        unused = 1 - use.sum() / q.output[g].sum()
        if abs(unused) > MOST_UNUSED:
            raise DataError(f"production_{year}.csv: {GOODS[g]} output {q.output[g].sum():.0f} t, need {use.sum():.0f} t; expected them "
                            f"within {MOST_UNUSED:.0%} of each other; check recovery and demand_world")
        q.stock[g] = q.output[g] * unused
    rows = q.output - q.stock
    ore, metal_prior = ore_prior(made, trade, metal, rows[0], need), refined_prior(made, shipped, rows[1], q.demand[1])
    q.flow[0] = balance(ore, rows[0], need, REGIONS, REGIONS, f"mined {year}")
    q.flow[1] = balance(metal_prior, rows[1], q.demand[1], REGIONS, REGIONS, f"refined {year}")
    q.moves = [*_report(made, q, weight),
               *movements(ore, q.flow[0], REGIONS, REGIONS, "flow0[mined", "customs tonnes and routes fitted to output and need"),
               *movements(metal_prior, q.flow[1], REGIONS, REGIONS, "flow0[refined", "customs value and routes fitted to output and use")]
    return q


def by_region(made: Table, figure: str) -> Array:
    """Tonnes (R,) of the rows of one figure, added up by region."""
    tonnes = np.zeros(len(REGIONS))
    for (region, _), row in made.under(figure).items():
        if region:
            tonnes[AT[region]] += row.value
    return tonnes


def refined(made: Table) -> Array:
    """Refined tonnes (R,); what the source does not list is split by the output of a year earlier."""
    listed, weight = by_region(made, "refined"), by_region(made, "refined_weight")
    return listed + made.value("refined_unlisted") * weight / weight.sum() if weight.sum() > 0 else listed


def content(made: Table, origin: str) -> float:
    """Tonnes of nickel in a gross tonne of laterite ore from `origin`."""
    named = made.under("ore_content", origin)
    return next(iter(named.values())).value if named else made.value("ore_content")


def laterite_price(figures: dict[str, Table]) -> float:
    """Gate price of laterite ore, USD per t of nickel: customs value over gross tonnes and content, of all shipments."""
    trade, made = figures["trade"], figures["production"]
    value = sum(f.value for f in trade.under("laterite", "value").values())
    nickel = sum(f.value * content(made, origin) for (origin, _), f in trade.under("laterite", "quantity").items())
    return value * 1e3 / nickel


def ore_prior(made: Table, trade: Table, metal: float, supply: Array, need: Array) -> Array:
    """Ore shipments before fitting (O, D): laterite by gross tonnes and content, concentrate by value, named routes of
    matte and hydroxide; then own use, as far as supply reaches, and the routes that take what is left (`route_rest`)."""
    prior = np.zeros((len(REGIONS), len(REGIONS)))
    for (origin, target), figure in trade.under("laterite", "quantity").items():
        prior[AT[origin], AT[target]] += figure.value * content(made, origin)
    for (origin, target), figure in trade.under("concentrate", "value").items():
        prior[AT[origin], AT[target]] += figure.value * 1e3 / (metal * made.value("concentrate_payable"))
    for (target, origin), figure in made.under("route").items():
        prior[AT[origin], AT[target]] += figure.value
    prior += np.diag(np.clip(supply - prior.sum(1), 0.0, need))
    for (target, origin), figure in made.under("route_rest").items():
        prior[AT[origin], AT[target]] += figure.value * max(supply[AT[origin]] - prior[AT[origin]].sum(), 0.0)
    return prior * (need > 0) * (supply > 0)[:, None]


def trade_in_refined(trade: Table, metal: float) -> Array:
    """Tonnes of unwrought nickel (O, D): customs value over the price of metal."""
    flow = np.zeros((len(REGIONS), len(REGIONS)))
    for (origin, target), figure in trade.under("metal", "value").items():
        flow[AT[origin], AT[target]] += figure.value * 1e3 / metal
    return flow


def ferronickel(made: Table, output: Array) -> Array:
    """Tonnes (R,) that makers of ferronickel send abroad outside the customs line of metal; a region's makers by weight."""
    share = np.zeros(len(REGIONS))
    tonnes = {**dict(made.under("refined")), **dict(made.under("refined_weight"))}
    total = by_region(made, "refined") + by_region(made, "refined_weight")
    for (region, country), figure in made.under("ferronickel_exported").items():
        share[AT[region]] += figure.value * tonnes[region, country].value / total[AT[region]]
    return share * output


def demand(made: Table, shipped: Array, output: Array) -> tuple[Array, Array]:
    """Use of refined nickel (R,) and the weights that share what the known users leave.

    China by its share; the United States and Indonesia by tonnes or by a share of output. Others share the rest by
    output less ferronickel sent abroad, plus imports less exports of metal; some by a share of output plus imports.
    """
    world, apparent = made.value("demand_world"), output - ferronickel(made, output) + shipped.sum(0) - shipped.sum(1)
    weight = np.maximum(apparent, 0.0)
    for region, _ in made.under("home_use"):
        weight[AT[region]] = made.value("home_use", region) * output[AT[region]] + shipped[:, AT[region]].sum()
    known = {"CHN": made.value("demand_share", "CHN") * world}
    known |= {region: figure.value for (region, _), figure in made.under("demand").items()}
    known |= {region: f.value * output[AT[region]] for (region, _), f in made.under("demand_of_output").items()}
    if sum(known.values()) >= world:
        raise DataError(f"production: {', '.join(known)} use {sum(known.values()):.0f} t, the world {world:.0f}; "
                        "check demand_share, demand and demand_world")
    weight[[AT[r] for r in (*known, "NCL", "PHL")]] = 0.0
    use = weight * (world - sum(known.values())) / weight.sum()
    for region, tonnes in known.items():
        use[AT[region]] = tonnes
    return use, weight


def refined_prior(made: Table, shipped: Array, supply: Array, use: Array) -> Array:
    """Refined shipments before fitting (O, D): metal by customs, ferronickel and pig iron to makers of stainless steel,
    and at home what is left, at least `home_share` of supply."""
    prior, sent = shipped * (supply > 0)[:, None] * (use > 0), ferronickel(made, supply)
    sent[AT["IDN"]] = max(supply[AT["IDN"]] - use[AT["IDN"]] - prior[AT["IDN"]].sum(), 0.0)
    for name, origins in (("ferronickel_to", [r for r in REGIONS if r != "IDN"]), ("ferronickel_of_idn", ["IDN"])):
        for (target, _), figure in made.under(name).items():
            for origin in origins:
                if origin != target:
                    prior[AT[origin], AT[target]] += figure.value * sent[AT[origin]]
    home = np.maximum(supply - prior.sum(1), made.value("home_share") * supply)
    return prior + np.diag(home * (use > 0))


def _report(made: Table, q: Quantities, weight: Array) -> list[Move]:
    world = sum(f.value for f in made.under("refined").values())
    world += sum(f.value for f in made.under("refined_unlisted").values())
    moves = [Move(f"output0[mined, {r}]", float(v), float(q.output[0, AT[r]]), "kept")
             for r, v in zip(REGIONS, by_region(made, "mined")) if v > 0]
    moves += [Move(f"output0[refined, {r}]", float(v), float(q.output[1, AT[r]]), "kept" if split == 0 else
                   "kept; the part of countries not listed is split by their output of 2023")
              for r, v, split in zip(REGIONS, by_region(made, "refined"), by_region(made, "refined_weight")) if v > 0]
    moves += [Move("output0[refined, world]", world, float(q.output[1].sum()), "kept"),
              Move("final_demand0[refined, world]", made.value("demand_world"), float(q.demand[1].sum()), "kept"),
              Move("stock_change0[mined, world]", 0.0, float(q.stock[0].sum()), "mined less the ore that refiners need"),
              Move("stock_change0[refined, world]", 0.0, float(q.stock[1].sum()), "refined less use")]
    why = "apparent use, scaled to what the known users leave"
    return moves + [Move(f"final_demand0[refined, {r}]", float(w), float(q.demand[1, AT[r]]), why)
                    for r, w in zip(REGIONS, weight) if w > 0]
