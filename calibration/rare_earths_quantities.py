"""The tonnes of the rare earths market in 2024: mined -> ndpr_oxide -> magnet, from `calibration/figures/rare_earths/`.

Ore and oxide are magnet rare earths (Nd, Pr, Dy, Tb) in tonnes of oxide; magnets are tonnes of finished NdFeB.
Production by country (International Energy Agency) is kept. Trade statistics are a prior: what a region sells beyond
what it makes is booked to where it bought, then minimum cross-entropy fits shipments to output and use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.figures import MARKET_COLUMNS, Table, read_figures, read_sources
from floormodel.balancing import Move, balance, movements
from floormodel.errors import DataError

FOLDER = Path(__file__).parent / "figures" / "rare_earths"
GOODS = ["mined", "ndpr_oxide", "magnet"]
REGIONS = ["CHN", "USA", "EU27", "JPN", "KOR", "AUS", "MMR", "MYS", "VNM", "IND", "BRA", "ROW"]
AT = {r: i for i, r in enumerate(REGIONS)}
KEYS = ["figure", "region", "partner"]
YEAR, NAN = "2024", float("nan")
LEAST = 1.0  # t; smaller shipments in the prior are left out
SWEEPS = 50  # passes over the regions when re-exports are booked to their origin; they settle in fewer
Array = NDArray[np.float64]


def _nodes() -> Array:
    return np.zeros((len(GOODS), len(REGIONS)))


def _routes() -> Array:
    return np.zeros((len(GOODS), len(REGIONS), len(REGIONS)))


@dataclass
class Quantities:
    """Balanced tonnes: (good, region), flows (good, origin, destination), the two recipes, and what was moved.

    `prior` holds the oxide and magnet shipments before they were fitted.
    """

    output: Array = field(default_factory=_nodes)
    secondary: Array = field(default_factory=_nodes)
    stock: Array = field(default_factory=_nodes)
    demand: Array = field(default_factory=_nodes)
    flow: Array = field(default_factory=_routes)
    prior: Array = field(default_factory=_routes)
    ore_per_oxide: float = NAN
    oxide_per_magnet: float = NAN
    moves: list[Move] = field(default_factory=list)

    @property
    def refined(self) -> Array:
        """Oxide from ore and from recycling, by region (R,)."""
        return self.output[1] + self.secondary[1]


def read() -> dict[str, Table]:
    """All our tables of figures of this market, checked."""
    known = set(read_sources(FOLDER / "sources.csv")["id"])
    plain = {n: read_figures(FOLDER / f"{n}.csv", known, KEYS) for n in ("production", "prices", "latent")}
    market = {n: read_figures(FOLDER / f"{n}.csv", known, MARKET_COLUMNS[:4]) for n in ("wedges", "parameters")}
    trade = read_figures(FOLDER / "trade.csv", known, ["code", "measure", "region", "partner"])
    return {**plain, **market, "trade": trade}


def quantities(figures: dict[str, Table]) -> Quantities:
    """Balanced tonnes of the three stages.

    Raises
    ------
    DataError
        Where China's ore yields more than it refines, a region's magnet use is negative, or shipments cannot be fitted.
    """
    made, trade, prices = figures["production"], figures["trade"], figures["prices"]
    q = Quantities(ore_per_oxide=1 / made.value("recovery"), oxide_per_magnet=made.value("oxide_per_magnet"))
    q.output[0] = mined(made)
    refined = _refined(made, q.output[0])
    q.flow[0], q.stock[0] = _ore_flows(made, q.output[0], refined, q.ore_per_oxide)
    q.output[1] = q.flow[0].sum(0) / q.ore_per_oxide
    q.secondary[1, AT["CHN"]] = refined[AT["CHN"]] - q.output[1, AT["CHN"]]
    if q.secondary[1, AT["CHN"]] < 0:
        raise DataError("production.csv: China's ore yields more than refined_element CHN; check recovery")
    _magnets(made, q)
    q.flow[1] = _oxide_flows(made, trade, prices, q)
    q.flow[2] = _magnet_flows(made, trade, prices, q)
    q.moves = _report(made, q) + q.moves
    return q


def mined(made: Table) -> Array:
    """Mined tonnes of oxide (R,); what the source does not list is split by ore output times magnet share."""
    factor = made.value("oxide_per_element")
    tonnes = np.zeros(len(REGIONS))
    for region in ("CHN", "MMR", "AUS", "USA"):
        tonnes[AT[region]] = made.value("mined_element", region) * factor
    weight = np.array([ore_content(made, region)[1] for region in REGIONS])
    return tonnes + made.value("mined_element", "OTH") * factor * weight / weight.sum()


def ore_content(made: Table, region: str) -> tuple[float, float, float]:
    """Tonnes of magnet oxide, low, central and high, in the ore statistics of a region the IEA does not list."""
    low = mid = high = 0.0
    for (place, country), ore in made.under("reo_mined").items():
        if place == region:
            share = made["magnet_share", region, country]
            low += ore.least * share.least / 100
            mid += ore.value * share.value / 100
            high += ore.most * share.most / 100
    return low, mid, high


def _refined(made: Table, ore: Array) -> Array:
    """Refined tonnes of oxide (R,). India and Vietnam refine their own ore; what else is not listed is in ROW."""
    factor = made.value("oxide_per_element")
    tonnes = np.zeros(len(REGIONS))
    for region in ("CHN", "MYS", "USA"):
        tonnes[AT[region]] = made.value("refined_element", region) * factor
    for region in ("IND", "VNM"):
        tonnes[AT[region]] = ore[AT[region]] * made.value("recovery") * made.value("refined_own_ore")
    tonnes[AT["ROW"]] = made.value("refined_element", "OTH") * factor - tonnes[AT["IND"]] - tonnes[AT["VNM"]]
    return tonnes


def _ore_flows(made: Table, ore: Array, refined: Array, need: float) -> tuple[Array, Array]:
    """Ore shipments (O, D) and stock changes (R,).

    Refiners use their own ore, Australia feeds Malaysia, the United States sell what their miner sold, and China takes
    the rest of every other producer.
    """
    flow, stock = np.zeros((len(REGIONS), len(REGIONS))), np.zeros(len(REGIONS))
    for region in ("USA", "IND", "VNM", "ROW"):
        flow[AT[region], AT[region]] = refined[AT[region]] * need
    flow[AT["AUS"], AT["MYS"]] = refined[AT["MYS"]] * need
    sold = made.value("concentrate_sold", "USA") / made.value("concentrate_made", "USA")
    flow[AT["USA"], AT["CHN"]] = ore[AT["USA"]] * sold
    for region in ("CHN", "MMR", "MYS", "VNM", "IND", "BRA", "ROW"):
        flow[AT[region], AT["CHN"]] = ore[AT[region]] - flow[AT[region]].sum()
    stock[[AT["AUS"], AT["USA"]]] = (ore - flow.sum(1))[[AT["AUS"], AT["USA"]]]
    return flow, stock


def _magnets(made: Table, q: Quantities) -> None:
    """Other uses of oxide; magnet output: the world's from the oxide left over, China's from what others leave."""
    other = q.refined.sum() * made.value("other_oxide_use")
    split = {region: figure.value for (region, _), figure in made.under("other_use_split").items()}
    for region, share in split.items():
        q.demand[1, AT[region]] = other * share / sum(split.values())
    world = (q.refined.sum() - other) / q.oxide_per_magnet
    for region in ("JPN", "VNM", "ROW"):
        q.output[2, AT[region]] = world * made.value("magnet_share_world", region)
    for region in ("KOR", "EU27"):
        q.output[2, AT[region]] = made.value("magnet_output", region)
    q.output[2, AT["CHN"]] = world - q.output[2].sum()


def oxide_content(made: Table, prices: Table, code: str, value: float, quantity: float) -> float:
    """Tonnes of magnet oxide in a customs flow of `quantity` t worth `value` kUSD, from its unit value.

    The flow is taken as a mixture of NdPr (oxide or metal) at its price and cheap compounds (or mischmetal) at theirs.
    """
    rich, poor, oxide = prices.value("oxide_price", "", YEAR), made.value("other_compound_price"), 1.0
    if code == "metals":
        rich *= made.value("metal_over_oxide")
        poor, oxide = made.value("mischmetal_price"), made.value("oxide_per_element")
    return quantity * oxide * float(np.clip((value / quantity - poor) / (rich - poor), 0, 1))


def _oxide_flows(made: Table, trade: Table, prices: Table, q: Quantities) -> Array:
    names = [*REGIONS, "THA", "LAO"]
    prior = np.zeros((len(names), len(names)))
    for code in ("compounds", "metals"):
        for (origin, target), figure in trade.under(code, "value").items():
            tonnes = oxide_content(made, prices, code, figure.value, trade.value(code, "quantity", origin, target))
            prior[names.index(origin), names.index(target)] += tonnes
    use = q.demand[1] + q.oxide_per_magnet * q.output[2]
    nothing = np.zeros(len(names) - len(REGIONS))
    prior = book_reexports(prior, np.append(q.refined, nothing), np.append(use, nothing))
    return _balanced("ndpr_oxide", made, _merged(prior), q.refined, use, q)


def _magnet_flows(made: Table, trade: Table, prices: Table, q: Quantities) -> Array:
    """Magnet shipments (O, D); final demand is apparent consumption, trade counted at China's export unit value."""
    names = [*REGIONS, "PHL"]
    traded = np.zeros((len(names), len(names)))
    for (origin, target), figure in trade.under("magnets", "value").items():
        traded[names.index(origin), names.index(target)] = figure.value / prices.value("magnet_price", "", YEAR)
    output = np.append(q.output[2], 0.0)
    use = output + traded.sum(0) - traded.sum(1)
    for region in np.array(names)[use < 0]:
        raise DataError(f"trade.csv, magnets: {region} would use less than nothing; exports exceed output and imports")
    prior = book_reexports(traded, output, use)
    q.demand[2] = use[: len(REGIONS)]
    q.demand[2, AT["ROW"]] += use[-1]
    return _balanced("magnet", made, _merged(prior), q.output[2], q.demand[2], q)


def book_reexports(flow: Array, output: Array, use: Array) -> Array:
    """`flow` (O, D) with every region's re-exports booked from its suppliers to its customers.

    Re-exports are what a region sells beyond its output (O,), as far as it buys more than its own use (O,) needs;
    suppliers and customers share in proportion.
    """
    flow = flow.copy()
    for _ in range(SWEEPS):
        for hub in range(len(flow)):
            bought, sold = flow[:, hub].copy(), flow[hub].copy()
            spare = bought.sum() - max(use[hub] - output[hub], 0.0)
            passed = min(sold.sum() - output[hub], spare)
            if passed <= 1e-9 * sold.sum():
                continue
            flow += passed * np.outer(bought / bought.sum(), sold / sold.sum())
            flow[:, hub] -= passed * bought / bought.sum()
            flow[hub] -= passed * sold / sold.sum()
            np.fill_diagonal(flow, 0.0)
    return np.maximum(flow, 0.0)


def _merged(flow: Array) -> Array:
    """Flows between the market's regions, the transit countries after them added to ROW."""
    size, row = len(REGIONS), AT["ROW"]
    out = flow[:size, :size].copy()
    out[:, row] += flow[:size, size:].sum(1)
    out[row] += flow[size:, :size].sum(0)
    np.fill_diagonal(out, 0.0)
    return out


def _balanced(good: str, made: Table, prior: Array, output: Array, use: Array, q: Quantities) -> Array:
    """The prior, sales at home added, fitted to output (O,) and use (D,)."""
    least = np.full(len(REGIONS), made.value("home_share"))
    if good == "magnet":
        least[AT["EU27"]] = made.value("home_share", "EU27")
    least *= use > 0
    prior = np.where(prior < LEAST, 0.0, prior)
    abroad = prior.sum(1)
    keep = np.minimum(1, (1 - least) * output / np.where(abroad > 0, abroad, 1))
    prior = prior * keep[:, None]
    prior += np.diag((output - prior.sum(1)) * (use > 0))
    q.prior[GOODS.index(good)] = prior
    out = balance(prior, output, use, REGIONS, REGIONS, good)
    why = "trade with re-exports booked, fitted to output and use"
    q.moves += movements(prior, out, REGIONS, REGIONS, f"flow0[{good}", why)
    return out


def _report(made: Table, q: Quantities) -> list[Move]:
    """Stage totals beside what the sources say."""
    factor, moves = made.value("oxide_per_element"), []

    def add(figure: str, reported: float, balanced: float, why: str) -> None:
        moves.append(Move(figure, reported, float(balanced), why))

    for good, name, totals in (("mined", "mined_element", q.output[0]), ("ndpr_oxide", "refined_element", q.refined)):
        for (region, _), figure in made.under(name).items():
            if region != "OTH":
                add(f"total[{good}, {region}]", figure.value * factor, totals[AT[region]], "kept")
    for region in ("MYS", "VNM", "IND", "BRA", "ROW"):
        add(f"output0[mined, {region}]", ore_content(made, region)[1], q.output[0, AT[region]],
            "ore output x magnet share, scaled to what the IEA does not list by country")
    one_basis = "the IEA's figure is kept, for one basis"
    for (region, source), figure in made.under("reo_other").items():
        reported = figure.value * made.value("magnet_share", region) / 100
        add(f"output0[mined, {region}] against {source}", reported, q.output[0, AT[region]], one_basis)
    for (region, _), figure in made.under("oxide_other").items():
        add(f"output0[ndpr_oxide, {region}] against {figure.source}", figure.value, q.output[1, AT[region]], one_basis)
    china = AT["CHN"]
    add("secondary0[ndpr_oxide, CHN]", made.value("recycled_oxide", "CHN"), q.secondary[1, china],
        "what refining needs beyond ore; the rest of the recycled oxide is netted in the recipe")
    add("share of output0[magnet, CHN]", made.value("magnet_share_world", "CHN"),
        q.output[2, china] / q.output[2].sum(), "what other makers leave")
    add("stock_change0[mined, AUS]", 0.0, q.stock[0, AT["AUS"]], "ore for Malaysia's refining beyond mining")
    add("stock_change0[mined, USA]", 0.0, q.stock[0, AT["USA"]], "concentrate made and neither sold nor refined")
    return moves
