"""The tonnes of the rare earths market: mined -> ndpr_oxide -> magnet in 2024, from `calibration/figures/rare_earths/`.

Mined tonnes and oxide are magnet rare earths (Nd, Pr, Dy, Tb) in tonnes of oxide; magnets are tonnes of finished NdFeB. What is
known is kept: production by country of the International Energy Agency. What the trade statistics say is a prior, moved by
minimum cross-entropy to meet production and use; `balance_report.csv` says how far and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.balance import Move, balance, movements
from calibration.figures import MARKET_COLUMNS, Table, read_figures, read_sources
from floormodel.errors import DataError

FOLDER = Path(__file__).parent / "figures" / "rare_earths"
GOODS = ["mined", "ndpr_oxide", "magnet"]
REGIONS = ["CHN", "USA", "EU27", "JPN", "KOR", "AUS", "MMR", "MYS", "VNM", "IND", "BRA", "ROW"]
AT = {r: i for i, r in enumerate(REGIONS)}
KEYS = ["figure", "region", "partner"]
YEAR, NAN = "2024", float("nan")
Array = NDArray[np.float64]


@dataclass
class Quantities:
    """The balanced tonnes: goods x regions, flows goods x origins x destinations, recipes and what was moved."""

    output: Array = field(default_factory=lambda: np.zeros((len(GOODS), len(REGIONS))))
    secondary: Array = field(default_factory=lambda: np.zeros((len(GOODS), len(REGIONS))))
    stock: Array = field(default_factory=lambda: np.zeros((len(GOODS), len(REGIONS))))
    demand: Array = field(default_factory=lambda: np.zeros((len(GOODS), len(REGIONS))))
    flow: Array = field(default_factory=lambda: np.zeros((len(GOODS), len(REGIONS), len(REGIONS))))
    ore_per_oxide: float = NAN
    oxide_per_magnet: float = NAN
    moves: list[Move] = field(default_factory=list)


def read() -> dict[str, Table]:
    """All our tables of figures of this market, checked."""
    known = set(read_sources(FOLDER / "sources.csv")["id"])
    plain = {n: read_figures(FOLDER / f"{n}.csv", known, KEYS) for n in ("production", "prices", "latent")}
    market = {n: read_figures(FOLDER / f"{n}.csv", known, MARKET_COLUMNS[:4]) for n in ("wedges", "parameters")}
    return {**plain, **market, "trade": read_figures(FOLDER / "trade.csv", known, ["code", "measure", "region", "partner"])}


def quantities(figures: dict[str, Table]) -> Quantities:
    """Balanced tonnes of the three stages, from production and trade figures."""
    made, trade, prices = figures["production"], figures["trade"], figures["prices"]
    q = Quantities(ore_per_oxide=1 / made.value("recovery"), oxide_per_magnet=made.value("oxide_per_magnet"))
    q.output[0] = mined(made)
    refined = _refined(made, q.output[0])
    q.flow[0], q.stock[0] = _ore_flows(made, q.output[0], refined, q.ore_per_oxide)
    q.output[1] = q.flow[0].sum(0) / q.ore_per_oxide
    q.secondary[1, AT["CHN"]] = refined[AT["CHN"]] - q.output[1, AT["CHN"]]
    if q.secondary[1, AT["CHN"]] < 0:
        raise DataError("refined_element CHN is below what China's ore yields; check mined_element, refined_element and recovery")
    _magnets(made, refined, q)
    q.flow[1] = _oxide_flows(made, trade, prices, refined, q)
    q.flow[2] = _magnet_flows(made, trade, prices, q)
    _report(made, refined, q)
    return q


def mined(made: Table) -> Array:
    """Mined tonnes of oxide by region (R,); the source's unlisted rest is split by ore output times magnet share."""
    factor = made.value("oxide_per_element")
    tonnes = np.zeros(len(REGIONS))
    for region in ("CHN", "MMR", "AUS", "USA"):
        tonnes[AT[region]] = made.value("mined_element", region) * factor
    weight = np.zeros(len(REGIONS))
    for (region, country), figure in made.under("reo_mined").items():
        weight[AT[region]] += figure.value * made.value("magnet_share", region, country)
    return tonnes + made.value("mined_element", "OTH") * factor * weight / weight.sum()


def _refined(made: Table, ore: Array) -> Array:
    """Refined tonnes of oxide (R,). India and Vietnam refine what they mine; the rest of the unlisted is in ROW."""
    factor = made.value("oxide_per_element")
    tonnes = np.zeros(len(REGIONS))
    for region in ("CHN", "MYS", "USA"):
        tonnes[AT[region]] = made.value("refined_element", region) * factor
    for region in ("IND", "VNM"):
        tonnes[AT[region]] = ore[AT[region]] * made.value("recovery")
    tonnes[AT["ROW"]] = made.value("refined_element", "OTH") * factor - tonnes[AT["IND"]] - tonnes[AT["VNM"]]
    return tonnes


def _ore_flows(made: Table, ore: Array, refined: Array, need: float) -> tuple[Array, Array]:
    """Ore shipments (O, D) and stock changes (R,): Australia feeds Malaysia, refiners use their own ore, China takes the rest."""
    flow, stock = np.zeros((len(REGIONS), len(REGIONS))), np.zeros(len(REGIONS))
    china = AT["CHN"]
    for region in ("USA", "IND", "VNM", "ROW"):
        flow[AT[region], AT[region]] = refined[AT[region]] * need
    flow[AT["AUS"], AT["MYS"]] = refined[AT["MYS"]] * need
    stock[AT["AUS"]] = ore[AT["AUS"]] - flow[AT["AUS"], AT["MYS"]]
    sold = made.value("concentrate_sold", "USA") / made.value("concentrate_made", "USA")
    flow[AT["USA"], china] = ore[AT["USA"]] * sold
    stock[AT["USA"]] = ore[AT["USA"]] - flow[AT["USA"]].sum()
    for region in ("CHN", "MMR", "MYS", "BRA", "ROW"):
        flow[AT[region], china] = ore[AT[region]] - flow[AT[region]].sum()
    return flow, stock


def _magnets(made: Table, refined: Array, q: Quantities) -> None:
    """Magnet output: the world's from the oxide left for magnets, others' from shares and tonnages, China's what they leave."""
    other = refined.sum() * made.value("other_oxide_use")
    split = {region: figure.value for (region, _), figure in made.under("other_use_split").items()}
    for region, share in split.items():
        q.demand[1, AT[region]] = other * share / sum(split.values())
    world = (refined.sum() - other) / q.oxide_per_magnet
    for region in ("JPN", "VNM", "ROW"):
        q.output[2, AT[region]] = world * made.value("magnet_share_world", region)
    for region in ("KOR", "EU27"):
        q.output[2, AT[region]] = made.value("magnet_output", region)
    q.output[2, AT["CHN"]] = world - q.output[2].sum()


def oxide_content(made: Table, prices: Table, code: str, value: float, quantity: float) -> float:
    """Tonnes of magnet oxide in a customs flow, from its unit value taken as a mixture of two prices.

    A flow of `quantity` t worth `value` kUSD is x t of NdPr at its price and the rest cheap compounds (or mischmetal) at theirs.
    """
    if code == "compounds":
        rich, poor, oxide = prices.value("oxide_price", "", YEAR), made.value("other_compound_price"), 1.0
    else:
        rich = prices.value("oxide_price", "", YEAR) * made.value("metal_over_oxide")
        poor, oxide = made.value("mischmetal_price"), made.value("oxide_per_element")
    return quantity * oxide * float(np.clip((value / quantity - poor) / (rich - poor), 0, 1))


def _oxide_flows(made: Table, trade: Table, prices: Table, refined: Array, q: Quantities) -> Array:
    """Balanced oxide shipments (O, D), metal included; what Thailand and Vietnam ship on is booked to where it came from."""
    names = [*REGIONS, "THA"]
    prior = np.zeros((len(names), len(names)))
    for code in ("compounds", "metals"):
        for (origin, target), figure in trade.under(code, "value").items():
            tonnes = oxide_content(made, prices, code, figure.value, trade.value(code, "quantity", origin, target))
            prior[names.index(origin), names.index(target)] += tonnes
    use = q.demand[1] + q.oxide_per_magnet * q.output[2]
    prior = pass_through(prior, names.index("THA"), 0.0)
    prior = pass_through(prior, AT["VNM"], use[AT["VNM"]] - refined[AT["VNM"]])
    prior[:, AT["ROW"]] += prior[:, -1]
    prior = prior[:-1, :-1] * (refined > 0)[:, None]
    return _balanced("ndpr_oxide", made, prior, refined, use, q, "unit-value content of trade fitted to refining and use")


def pass_through(flow: Array, hub: int, keep: float) -> Array:
    """`flow` (O, D) with the hub's re-exports booked from the hub's suppliers to its customers.

    The hub keeps `keep` tonnes of what it buys; suppliers share in the rest in proportion.
    """
    bought, sold = flow[:, hub].copy(), flow[hub].copy()
    bought[hub] = sold[hub] = 0.0
    if bought.sum() == 0 or sold.sum() == 0:
        return flow
    passed = float(np.clip(bought.sum() - keep, 0, sold.sum()))
    out = flow + passed * np.outer(bought / bought.sum(), sold / sold.sum())
    out[:, hub] -= passed * bought / bought.sum()
    out[hub] -= passed * sold / sold.sum()
    np.fill_diagonal(out, np.diag(flow))
    return np.maximum(out, 0)


def _magnet_flows(made: Table, trade: Table, prices: Table, q: Quantities) -> Array:
    """Balanced magnet shipments (O, D) and final demand: apparent consumption, trade counted at China's export unit value."""
    traded = np.zeros((len(REGIONS), len(REGIONS)))
    for (origin, target), figure in trade.under("magnets", "value").items():
        traded[AT[origin], AT[target]] = figure.value / prices.value("magnet_price", "", YEAR)
    use = q.output[2] + traded.sum(0) - traded.sum(1)
    for region in np.array(REGIONS)[use < 0]:
        raise DataError(f"magnet use of {region} is negative: exports exceed output and imports; check trade.csv, magnets")
    q.demand[2] = use
    prior = traded * (q.output[2] > 0)[:, None]
    return _balanced("magnet", made, prior, q.output[2], use, q, "trade value fitted to output and apparent consumption")


def _balanced(good: str, made: Table, prior: Array, rows: Array, columns: Array, q: Quantities, why: str) -> Array:
    home = np.maximum(rows - prior.sum(1), made.value("home_share") * rows) * (columns > 0)
    prior = prior + np.diag(home)
    out = balance(prior, rows, columns, REGIONS, REGIONS, good)
    q.moves += movements(prior, out, REGIONS, REGIONS, f"flow0[{good}", why)
    return out


def _report(made: Table, refined: Array, q: Quantities) -> None:
    factor, moves = made.value("oxide_per_element"), []
    for stage, row, names in (("mined", 0, ("CHN", "MMR", "AUS", "USA")), ("refined", 1, ("CHN", "MYS", "USA"))):
        for region in names:
            reported = made.value(f"{stage}_element", region) * factor
            total = q.output[row, AT[region]] + q.secondary[row, AT[region]]
            moves.append(Move(f"output0 + secondary0[{GOODS[row]}, {region}]", reported, float(total), "kept: IEA, as oxide"))
    rest = made.value("mined_element", "OTH") * factor
    for region in ("MYS", "VNM", "IND", "BRA", "ROW"):
        ore = [f.value * made.value("magnet_share", region, c) / 100 for (r, c), f in made.under("reo_mined").items() if r == region]
        moves.append(Move(f"output0[mined, {region}]", sum(ore), float(q.output[0, AT[region]]),
                          f"ore output x magnet share, scaled to the IEA's unlisted {rest:.0f} t"))
    oxide = china_share(q)
    moves += [Move("secondary0[ndpr_oxide, CHN]", made.value("recycled_oxide", "CHN"), float(q.secondary[1, AT["CHN"]]),
                   "what refining needs beyond ore; the rest of the recycled oxide is netted in the recipe"),
              Move("share of output0[magnet, CHN]", made.value("magnet_share_range", "CHN"), oxide,
                   "what is left by the other makers"),
              Move("stock_change0[mined, AUS]", 0.0, float(q.stock[0, AT["AUS"]]), "ore that Malaysia's refining needs beyond mining"),
              Move("stock_change0[mined, USA]", 0.0, float(q.stock[0, AT["USA"]]), "concentrate neither sold nor refined")]
    q.moves = moves + q.moves


def china_share(q: Quantities) -> float:
    """China's share of world magnet output."""
    return float(q.output[2, AT["CHN"]] / q.output[2].sum())
