"""The state of a market at given prices and instrument unknowns: every price, quantity and flow in closed form (model sections 2-5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.equilibrium.benchmark import Array, Benchmark
from floormodel.equilibrium.curves import demand, latent_supply, plus, supply
from floormodel.equilibrium.layout import Layout
from floormodel.equilibrium.sourcing import Sourcing, ces, logit
from floormodel.equilibrium.terms import Content, Contract, Terms
from floormodel.equilibrium.wedges import Landed, landed_price


@dataclass
class State:
    """Everything known at z, for k draws. Node arrays (k, G, R), route arrays per good (k, O, D) in lists.

    `scaled` (k, K) are the instruments' unknowns as they stand in z; `guarantee` (k, G, R) what contracts add to the marginal
    price, `strip` the guarantee per contract (k, R) with its slope in the reference price.
    """

    benchmark: Benchmark
    scaled: Array
    price: Array
    buyer_price: Array
    landed: list[Landed]
    content: list[list[Array]]
    sourcing: list[Sourcing]
    guarantee: Array
    strip: list[tuple[Array, Array]]
    margin: Array
    output: Array
    output_slope: Array
    capped: dict[int, tuple[Array, Array]]
    secondary: Array
    final_demand: Array
    demand_slope: Array
    wanted: Array
    use: Array
    purchases: Array
    purchases_from: list[Array | None]
    flow: list[Array]
    stock_change: Array
    supplied: Array
    demanded: Array


def pick(array: Array, draw: Array) -> Array:
    """Rows of the draws asked for; an array shared by all draws stays as it is."""
    return array if array.shape[0] == 1 else array[draw]


def choke_price(b: Benchmark) -> Array:
    return b.choke_factor[..., None] * b.buyer_price0


def evaluate_state(terms: Terms, layout: Layout, z: Array, draw: Array, width: float = 0.0,
                   buyer_price: Array | None = None) -> State:
    """Evaluate all closed forms at z (k, n) for the draws `draw` (k,); `width` smooths the kinks (0 is exact).

    `buyer_price` (k, G, R) is given where it is an unknown itself (homogeneous markets); else the sourcing nest makes it.
    """
    b = terms.benchmark.at(draw)
    k = z.shape[0]
    goods, regions = layout.priced.shape
    price = np.array(np.broadcast_to(b.price0, (k, goods, regions)), dtype=z.dtype)
    for g in range(goods):
        at, rows = layout.columns[g], layout.rows_of[g]
        price[:, g, rows] = pick(b.price0, slice(None))[:, g, rows] * np.exp(z[:, at])
    scaled = z[:, layout.n_prices:layout.n_prices + layout.n_unknowns]
    unserved = np.zeros((k, goods, regions), z.dtype)
    for j, (g, d) in enumerate(layout.choke):
        unserved[:, g, d] = z[:, layout.n_prices + layout.n_unknowns + j]
    buyer = np.array(np.broadcast_to(b.buyer_price0, (k, goods, regions)), dtype=z.dtype) if buyer_price is None else buyer_price
    landed, content, sourcing = [], [], []
    for g in range(goods):
        duties = [_content_duty(c, price, buyer, b, width) if c.good == g else None for c in terms.contents]
        at_border = _landed(terms, b, g, price, scaled, draw, [d for d in duties if d is not None], width)
        if buyer_price is None:
            bought = _source(b, g, at_border.landed, layout.open_route[g])
            buyer[:, g] = np.where(layout.supplied[g], bought.price, buyer[:, g])
        else:
            bought = Sourcing(buyer[:, g], np.zeros_like(at_border.landed), np.zeros(1), np.zeros(1))
        landed.append(at_border)
        content.append([np.zeros(1) if d is None else d for d in duties])
        sourcing.append(bought)
    return _quantities(terms, layout, b, scaled, unserved, price, buyer, landed, content, sourcing, draw, width)


def _landed(terms: Terms, b: Benchmark, g: int, price: Array, scaled: Array, draw: Array, duties: list[Array], width: float) -> Landed:
    export_levy, import_levy = pick(terms.export_levy, draw)[:, g], pick(terms.import_levy, draw)[:, g]
    for j, unknown in enumerate(terms.unknowns):
        if unknown.good == g and unknown.export_levy is not None:
            export_levy = export_levy + scaled[:, j, None, None] * pick(unknown.export_levy, draw)
        if unknown.good == g and unknown.import_levy is not None:
            import_levy = import_levy + scaled[:, j, None, None] * pick(unknown.import_levy, draw)
    for duty in duties:
        import_levy = import_levy + duty
    floors = [(i, f) for i, f in enumerate(terms.floors) if f.good == g]
    return landed_price(price[:, g], export_levy, pick(terms.export_rate, draw)[:, g], b.freight[:, g],
                        pick(terms.import_rate, draw)[:, g], import_levy, floors, width)


def input_gap(c: Content, price: Array, buyer: Array, b: Benchmark, width: float) -> tuple[Array, Array]:
    """Price gap of the floored input on each route (k, O, D) and whether it bites; see `Content` for the two rules."""
    h = c.made_with
    stand_in = c.reference >= 0
    at = np.where(stand_in, c.reference, 0)
    there = np.where(stand_in, price[:, h, at], buyer[:, h])
    if not c.neutral:
        return plus(np.broadcast_to((c.level - there)[:, :, None], (*there.shape, there.shape[1])), width * c.level)
    there0 = np.where(stand_in, b.price0[:, h, at], b.buyer_price0[:, h])
    gap = (buyer[:, h, None, :] - there[:, :, None]) - (b.buyer_price0[:, h, None, :] - there0[:, :, None])
    return plus(gap, width * c.level)


def _content_duty(c: Content, price: Array, buyer: Array, b: Benchmark, width: float) -> Array:
    gap, _ = input_gap(c, price, buyer, b, width)
    return np.where(c.mask, c.tonnes[:, None, None] * gap, 0.0)


def _source(b: Benchmark, g: int, landed: Array, open_route: Array) -> Sourcing:
    weight = np.where(open_route, b.weight[:, g], 0.0)
    sigma = np.where(np.isfinite(b.sourcing_elasticity[:, g]), b.sourcing_elasticity[:, g], 1.0)
    price0 = np.where(b.buyer_price0[:, g] > 0, b.buyer_price0[:, g], 1.0)
    if b.sourcing == "ces":
        return ces(landed, weight, b.landed_price0[:, g], price0, sigma)
    return logit(landed, weight, b.landed_price0[:, g], price0, sigma / price0)


def guarantee_of(c: Contract, price: Array, width: float = 0.0) -> tuple[Array, Array, Array]:
    """Guarantee per tonne (k, R) with its positive part and its slope in the reference price r = weights @ p."""
    reference = price[:, c.good] @ c.weights.T
    below, below_slope = plus(c.strike - reference, width * c.strike)
    above, above_slope = plus(reference - c.threshold, width * c.strike)
    return below - c.share * above, below, np.where(c.regions, -below_slope - c.share * above_slope, 0.0)


def _quantities(terms: Terms, layout: Layout, b: Benchmark, scaled: Array, unserved: Array, price: Array, buyer: Array,
                landed: list[Landed], content: list[list[Array]], sourcing: list[Sourcing], draw: Array, width: float) -> State:
    k, goods, regions = price.shape
    guarantee = np.zeros_like(price)
    strip: list[tuple[Array, Array]] = []
    extra: dict[int, Array] = {}
    for i, c in enumerate(terms.contracts):
        value, below, change = guarantee_of(c, price, width)
        s = scaled[:, c.scaling, None] if c.scaling is not None else 1.0
        value = np.where(c.regions, value + (s - 1) * below, 0.0)
        strip.append((value, np.where(np.real(below) > 0, s * change, change)))
        if c.volume_cap is None:
            guarantee[:, c.good] += value
        else:
            extra[i] = value
    net = (price + guarantee) * b.kept + b.subsidy0
    for j, unknown in enumerate(terms.unknowns):
        if unknown.subsidy is not None:
            net[:, unknown.good] += scaled[:, j, None] * pick(unknown.subsidy, draw)
    margin = net - b.recipe @ buyer
    output, change = _produce(layout, b, margin, width)
    capped: dict[int, tuple[Array, Array]] = {}
    for i, value in extra.items():
        c = terms.contracts[i]
        g = c.good
        with_it, steep = _produce(layout, b, _added(margin, g, value * b.kept[:, g]), width)
        pays = c.regions & (np.real(value) >= 0)
        full, limit = with_it[:, g], c.volume_cap
        take_full = pays & (np.real(full) <= limit)
        hold = pays & ~take_full & (np.real(output[:, g]) < limit)
        capped[i] = (take_full, np.where(take_full, steep[:, g], 0.0))
        output[:, g] = np.where(take_full, full, np.where(hold, limit, output[:, g]))
        change[:, g] = np.where(take_full, steep[:, g], np.where(hold, 0.0, change[:, g]))
    ratio = price / np.where(b.price0 > 0, b.price0, 1.0)
    secondary = np.where(layout.priced, b.secondary0 * b.secondary_shift * np.exp(b.secondary_elasticity * np.log(ratio)), 0.0)
    want, demand_slope = demand(buyer, b.final_demand0 * b.demand_shift, b.buyer_price0, np.nan_to_num(b.demand_elasticity),
                                choke_price(b), b.linear_demand)
    want, demand_slope = np.where(layout.supplied, want, 0.0), np.where(layout.supplied, demand_slope, 0.0)
    final = want * (1 - unserved)
    purchases = np.zeros_like(price)
    purchases_from: list[Array | None] = [None] * goods
    for j, unknown in enumerate(terms.unknowns):
        g = unknown.good
        if unknown.purchases is not None:
            purchases[:, g] += np.where(layout.supplied[g], scaled[:, j, None] * pick(unknown.purchases, draw), 0.0)
        if unknown.purchases_from is not None:
            tonnes = scaled[:, j, None, None] * pick(unknown.purchases_from, draw)
            held = purchases_from[g]
            purchases_from[g] = tonnes if held is None else held + tonnes
    use = final + np.swapaxes(b.recipe, -1, -2) @ output + purchases
    use = np.where(layout.supplied, use, 0.0)
    flow = [sourcing[g].share * use[:, g, None, :] + (0.0 if purchases_from[g] is None else purchases_from[g]) for g in range(goods)]
    shipped = np.stack([f.sum(-1) for f in flow], axis=1)
    stock = np.where(layout.priced, b.stock_change0, 0.0)  # a shut node builds and draws nothing
    supplied = output + secondary + np.where(layout.priced, b.supply_add, 0.0) + np.maximum(-stock, 0.0)
    demanded = shipped + np.maximum(stock, 0.0)
    return State(b, scaled, price, buyer, landed, content, sourcing, guarantee, strip, margin, output, change, capped, secondary,
                 final, demand_slope * (1 - unserved), want, use, purchases, purchases_from, flow, stock, supplied, demanded)


def _added(margin: Array, good: int, extra: Array) -> Array:
    out = margin.copy()
    out[:, good] = out[:, good] + extra
    return out


def _produce(layout: Layout, b: Benchmark, margin: Array, width: float) -> tuple[Array, Array]:
    """Output and its slope in the margin, latent projects and capacity limits included."""
    made, slope = supply(margin, b.output0 * b.supply_shift, b.margin0, np.nan_to_num(b.supply_elasticity), b.linear_supply)
    if layout.producing[b.latent].any():
        entry, entry_slope = latent_supply(margin, b.latent_capacity, np.where(b.latent, b.latent_unit_cost, 1.0))
        made, slope = np.where(b.latent, entry, made), np.where(b.latent, entry_slope, slope)
    if np.isfinite(b.capacity).any():
        limit = np.where(np.isfinite(b.capacity), b.capacity, 0.0)
        over, over_slope = plus(made - limit, width * limit)
        made = np.where(np.isfinite(b.capacity), made - over, made)
        slope = np.where(np.isfinite(b.capacity), slope * (1 - over_slope), slope)
    return np.where(layout.producing, made, 0.0), np.where(layout.producing, slope, 0.0)
