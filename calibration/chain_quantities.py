"""The tonnes of a market: output, recycling, use, stock changes and shipments of each stage in turn, in exact balance.

Output by country is kept. What a stage supplies and the next one does not need, nor final users take, is a stock
change, booked in proportion to supply since no source says where. Customs tonnes and named routes are a prior that
minimum cross-entropy fits to supply and use (`floormodel.balancing`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.chain_tables import Chain
from floormodel.balancing import Move, balance, movements
from floormodel.errors import DataError

MOST_UNUSED = 0.15  # of supply: a larger stock change says that the sources do not speak of the same thing
EXACT = 1e-9  # of supply: less than this is rounding of the arithmetic, not a stock change
ROUNDING = 0.02  # a printed world total may fall short of the countries' sum by so much
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Quantities:
    """Balanced tonnes (good, region), shipments and their prior (good, origin, destination), and what was moved.

    `recipe` (good, input) t/t; `rest` (good,) the tonnes of the world that no country is listed for; `weight` (good,
    region) what shared out the use of regions of which it is not known.
    """

    recipe: Array
    output: Array
    secondary: Array
    stock: Array
    demand: Array
    flow: Array
    prior: Array
    rest: Array
    weight: Array
    moves: tuple[Move, ...]


def quantities(chain: Chain) -> Quantities:
    """Balanced tonnes of every stage.

    Raises
    ------
    DataError
        Where sources of one stage are too far apart, or shipments cannot be fitted; the message says which rows to check.
    """
    size, n = len(chain.goods), len(chain.regions)
    recipe = recipes(chain)
    output, secondary, stock, demand, weight = (np.zeros((size, n)) for _ in range(5))
    flow, prior, rest = np.zeros((size, n, n)), np.zeros((size, n, n)), np.zeros(size)
    for g, good in enumerate(chain.goods):
        inputs = recipe[g] > 0
        possible = np.min((output + secondary).sum(1)[inputs] / recipe[g][inputs], initial=np.inf)
        made, rest[g] = made_by_region(chain, good, float(possible))
        again = recycled(chain, good, made)
        output[g], secondary[g] = made - again[0], again.sum(0)
    moves: list[Move] = []
    for g, good in enumerate(chain.goods):
        supply, need = output[g] + secondary[g], recipe[:, g] @ output
        prior[g] = shipments(chain, good)
        demand[g], weight[g] = final_use(chain, good, supply, need, prior[g])
        stock[g] = stock_changes(chain, good, supply, need + demand[g])
        prior[g] = with_home_sales(chain, good, prior[g], supply - stock[g], need + demand[g])
        flow[g] = balance(prior[g], supply - stock[g], need + demand[g], chain.regions, chain.regions, f"{chain.name}, {good}")
        moves += movements(prior[g], flow[g], chain.regions, chain.regions, f"flow0[{good}",
                           "customs tonnes, routes and home sales fitted to supply and use")
    return Quantities(recipe, output, secondary, stock, demand, flow, prior, rest, weight, tuple(moves))


def recipes(chain: Chain) -> Array:
    """Tonnes of input per tonne of good (good, input)."""
    recipe = np.zeros((len(chain.goods), len(chain.goods)))
    for g, good in enumerate(chain.goods):
        for (_, source), figure in chain.of("production", "recipe", good).items():
            if source not in chain.goods[:g]:
                raise DataError(f"production.csv: recipe of {good}: input {source!r}; expected one of {chain.goods[:g]}")
            recipe[g, chain.goods.index(source)] = figure.value
    return recipe


def by_region(chain: Chain, figure: str, good: str) -> Array:
    """Tonnes (R,) of the rows of one figure, countries added up by region."""
    total = np.zeros(len(chain.regions))
    for (region, *_), row in chain.of("production", figure, good).items():
        total[chain.place(region)] += chain.tonnes(row, good).value
    return total


def world_output(chain: Chain, good: str, possible: float) -> float | None:
    """The world's output: printed, or the stated share of what the input's supply makes possible; None without either."""
    if (printed := chain.one("production", "world", good)) is not None:
        return chain.tonnes(printed, good).value
    if (share := chain.one("production", "world_from_input", good)) is not None:
        return share.value * possible
    return None


def made_by_region(chain: Chain, good: str, possible: float) -> tuple[Array, float]:
    """Tonnes made (R,), and the part of a printed world total that no country is listed for, which is in ROW."""
    made, world = by_region(chain, "output", good), world_output(chain, good, possible)
    shares = chain.of("production", "output_share", good)
    if shares and world is None:
        raise DataError(f"production.csv: {good} has output_share rows; expected a row world or world_from_input beside them")
    for (region, *_), row in shares.items():
        made[chain.place(region)] += row.value * (world or 0.0)
    if world is None:
        return made, 0.0
    rest = world - made.sum()
    if rest < -ROUNDING * world:
        raise DataError(f"production.csv: {good}: countries add up to {made.sum():.6g} t, the world is {world:.6g}; "
                        "expected a sum within 2 % of the total or below it; check units and rows given twice")
    rest = max(rest, 0.0)
    if rest > 0:
        made[chain.place("ROW")] += rest
    return made, rest


def recycled(chain: Chain, good: str, made: Array) -> Array:
    """Recycled tonnes (2, R): the share of what is made that `secondary_share` says, and rows of `secondary` beside it."""
    inside = np.zeros(len(chain.regions))
    for (region, *_), row in chain.of("production", "secondary_share", good).items():
        at = [chain.place(region)] if region else range(len(chain.regions))
        inside[at] = row.value * made[at]
    return np.array([inside, by_region(chain, "secondary", good)])


def final_use(chain: Chain, good: str, supply: Array, need: Array, trade: Array) -> tuple[Array, Array]:
    """Final use (R,), and the weights that share what the known users leave.

    The world's use is `use_world`; else all supply of the last good, all that later stages leave where use is shared out,
    and the sum of the rows of `use` where there are only those.
    """
    rows = {f: chain.of("production", f, good) for f in ("use", "use_share", "use_weight", "no_use")}
    use, known = by_region(chain, "use", good), {region for (region, *_) in [*rows["use"], *rows["use_share"], *rows["no_use"]]}
    nothing = np.zeros(len(chain.regions))
    printed = chain.one("production", "use_world", good)
    shared_out = need.sum() == 0 or rows["use_share"] or rows["use_weight"]
    if printed is None and not shared_out:
        return use, nothing
    world = chain.tonnes(printed, good).value if printed is not None else supply.sum() - need.sum()
    for (region, *_), row in rows["use_share"].items():
        use[chain.place(region)] += row.value * world
    left = world - use.sum()
    weight = np.maximum(supply - need - trade.sum(1) + trade.sum(0) + np.diag(trade), 0.0)
    for (region, *_), row in rows["use_weight"].items():
        weight[chain.place(region)] = row.value
    weight[[chain.place(r) for r in known]] = 0.0
    if left < -ROUNDING * world or (left > ROUNDING * world and weight.sum() == 0):
        raise DataError(f"production.csv: {good}: known users take {use.sum():.6g} t of {world:.6g}; expected no more than that, and "
                        "a region without a figure to take the rest; check use, use_share, use_world and recipes")
    if weight.sum() == 0 or left <= 0:
        return use * world / use.sum(), nothing
    return use + weight * left / weight.sum(), weight


def stock_changes(chain: Chain, good: str, supply: Array, need: Array) -> Array:
    """Stock build (R,): rows of `stock`, and the rest of what was supplied and not taken in proportion to supply."""
    known = by_region(chain, "stock", good)
    if drawn := [r for r, tonnes, made in zip(chain.regions, known, supply) if tonnes < 0 and made == 0]:
        raise DataError(f"production.csv: {good}: stocks drawn in {', '.join(drawn)}, which make none; expected a draw only where "
                        "there is output or recycling, since a region without either sells nothing; enter the tonnes as secondary")
    unused = supply.sum() - need.sum() - known.sum()
    if abs(unused) > MOST_UNUSED * supply.sum():
        raise DataError(f"production.csv: {good}: supply {supply.sum():.6g} t, need {need.sum():.6g} t; expected them within "
                        f"{MOST_UNUSED:.0%} of each other; check recipe, secondary, use and use_world")
    if abs(unused) < EXACT * supply.sum():
        return known
    return known + unused * supply / supply.sum()


def shipments(chain: Chain, good: str) -> Array:
    """Tonnes (O, D) that customs and named routes show, before fitting; nothing on the diagonal but named home routes."""
    n = len(chain.regions)
    prior = np.zeros((n, n))
    rows = chain.tables["trade"]
    for code in {key[2] for key in rows.rows if key[1] == good and key[0] in ("quantity", "value")}:
        worth = rows.under("unit_value", good, code)
        contents = {origin: f.value for (origin, _), f in rows.under("content", good, code).items()}
        if worth:
            per = next(iter(worth.values())).value
            for (origin, target), figure in rows.under("value", good, code).items():
                prior[chain.place(origin), chain.place(target)] += figure.value * 1e3 / per
            continue
        for (origin, target), figure in rows.under("quantity", good, code).items():
            content = contents.get(origin, contents.get(""))
            if content is None:
                raise DataError(f"trade.csv: no content of {good} {code} from {origin}; expected a row content,{good},{code},{origin} "
                                f"or content,{good},{code},,")
            prior[chain.place(origin), chain.place(target)] += figure.value * content
    np.fill_diagonal(prior, 0.0)
    for (_, origin, target), figure in rows.under("route", good).items():
        prior[chain.place(origin), chain.place(target)] += chain.tonnes(figure, good).value
    return prior


def with_home_sales(chain: Chain, good: str, prior: Array, supply: Array, need: Array) -> Array:
    """The prior with home sales, `home_share` of supply at least, and the routes that take what is left (`route_rest`)."""
    open_ = prior * (supply > 0)[:, None] * (need > 0)
    share = chain.one("production", "home_share", good)
    home = np.clip(supply - open_.sum(1), (share.value if share else 0.0) * supply, None)
    named = np.diag(open_) > 0
    open_ += np.diag(np.where(named, 0.0, np.minimum(home, need)))
    left = np.maximum(supply - open_.sum(1), 0.0)
    for (_, origin, target), figure in chain.tables["trade"].under("route_rest", good).items():
        o, d = chain.place(origin), chain.place(target)
        if need[d] > 0:
            open_[o, d] += figure.value * left[o]
    return open_
