"""The state of a market at given prices and instrument unknowns: every price, quantity and flow in closed form (model sections 2-5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from floormodel.equilibrium.benchmark import Array, Benchmark
from floormodel.equilibrium.charges import credit_charge, evade, evades
from floormodel.equilibrium.constants import Constants, choke_price, make_constants, pick
from floormodel.equilibrium.curves import demand, latent_supply, plus, supply
from floormodel.equilibrium.layout import Layout
from floormodel.equilibrium.sourcing import Sourcing, ces, logit
from floormodel.equilibrium.terms import Content, Contract, Terms
from floormodel.equilibrium.wedges import Landed, hold_floors, landed_price

__all__ = ["State", "choke_price", "evaluate_state", "guarantee_of", "input_gap", "paid_tonnes"]


@dataclass
class State:
    """Everything known at z, for the k draws `draw`. Node arrays (k, G, R), route arrays per good (k, O, D) in lists.

    `scaled` (k, K) are the instruments' unknowns as they stand in z; `guarantee` (k, G, R) what contracts add to the marginal
    price, `strip` the guarantee per contract (k, R) with its slope in the reference price. Per good or nothing (k, O, D): `evaded`, the
    share of tonnes that evade duties, `friction`, what evading and certifying cost, and `private`, what buyers pay beside duties
    (credits, levies on use; below zero where a contract makes them prefer a route), USD/t.
    """

    terms: Terms
    draw: Array
    constants: Constants
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
    evaded: list[Array | None]
    friction: list[Array | None]
    private: list[Array | None]
    flow: list[Array]
    stock_change: Array
    supplied: Array
    demanded: Array

    @property
    def benchmark(self) -> Benchmark:
        """Benchmark figures of the same draws."""
        return self.terms.benchmark.at(self.draw)


@dataclass
class _Prices:
    """Prices at z: the part of a state that quantities follow from."""

    price: Array
    buyer_price: Array
    landed: list[Landed]
    content: list[list[Array]]
    sourcing: list[Sourcing]
    evaded: list[Array | None]
    friction: list[Array | None]
    private: list[Array | None]


def evaluate_state(terms: Terms, layout: Layout, z: Array, draw: Array, width: float = 0.0, buyer_price: Array | None = None,
                   constants: Constants | None = None) -> State:
    """Evaluate all closed forms at z (k, n) for the draws `draw` (k,); `width` smooths the kinks (0 is exact).

    `buyer_price` (k, G, R) is given where it is an unknown itself (homogeneous markets); else the sourcing nest makes it.
    `constants` of these draws are made from the terms where they are not given.
    """
    c = make_constants(terms, layout, draw) if constants is None else constants
    log_price = np.zeros((z.shape[0], *layout.priced.shape), z.dtype)
    log_price[:, layout.priced] = z[:, :layout.n_prices]
    scaled = z[:, layout.n_prices:layout.n_prices + layout.n_unknowns]
    unserved = z[:, layout.n_prices + layout.n_unknowns:]
    prices = _prices(terms, layout, c, c.price0 * np.exp(log_price), scaled, draw, width, buyer_price)
    return _quantities(terms, layout, c, prices, log_price, scaled, unserved, draw, width)


def _prices(terms: Terms, layout: Layout, c: Constants, price: Array, scaled: Array, draw: Array, width: float,
            buyer_price: Array | None) -> _Prices:
    """Landed and buyer prices: all goods together, then once more, downstream, the goods under a content duty."""
    goods = range(price.shape[1])
    export_levy, import_levy = _levies(terms, c, scaled, draw)
    evaded: list[Array | None] = [None for _ in goods]
    friction: list[Array | None] = [None for _ in goods]
    private: list[Array | None] = [None for _ in goods]

    def finish(g: int, at: Landed, levy: Array) -> Landed:
        """Floors, evasion and credits of one good."""
        floors = [(i, f) for i, f in enumerate(terms.floors) if f.good == g]
        if floors:
            at = hold_floors(at, floors, scaled, draw, width)
        friction[g] = None
        if evades(terms, g):
            at, evaded[g], friction[g] = evade(at, terms, c, g, levy, draw)
        extra: Array | float = 0.0
        for j, unknown in enumerate(terms.unknowns):
            if unknown.charge is not None and unknown.good == g:
                extra = extra + scaled[:, j, None, None] * pick(unknown.charge, draw)
            if unknown.credit is not None and unknown.good == g:
                charge, _, spent = credit_charge(unknown.credit, scaled[:, j] * pick(unknown.scale, draw))
                extra, cost = extra + charge, friction[g]
                friction[g] = spent if cost is None else cost + spent
        if not isinstance(extra, float):
            private[g], at = extra, replace(at, landed=at.landed + extra)
        return at

    at_border = landed_price(price, export_levy, c.export_factor, c.freight, c.delay, c.import_factor, import_levy)
    landed = [at_border[g] for g in goods]
    for g in goods:
        landed[g] = finish(g, landed[g], import_levy[:, g])
        if landed[g].landed is not at_border.landed:
            at_border.landed[:, g] = landed[g].landed
    given = buyer_price is not None
    bought = _given_price(buyer_price, at_border.landed) if given else _source(terms, c, slice(None), at_border.landed)
    buyer = np.where(layout.supplied, bought.price, c.buyer_price0)
    sourcing = [bought[g] for g in goods]
    content: list[list[Array]] = [[np.zeros(1)] * len(terms.contents) for _ in goods]
    for g in sorted({duty.good for duty in terms.contents}):
        content[g] = [content_duty(d, price, buyer, c, draw, width) if d.good == g else np.zeros(1) for d in terms.contents]
        paid, back = (sum((x for d, x in zip(terms.contents, content[g]) if d.rebate is rebate), np.zeros(1)) for rebate in (False, True))
        levy = import_levy[:, g] + paid
        delay = None if c.delay is None else c.delay[:, g]
        again = landed_price(price[:, g], export_levy[:, g] - back, c.export_factor[:, g], c.freight[:, g], delay,
                             c.import_factor[:, g], levy)
        landed[g] = finish(g, again, levy)
        if not given:
            sourcing[g] = _source(terms, c, g, landed[g].landed)
            buyer[:, g] = np.where(layout.supplied[g], sourcing[g].price, buyer[:, g])
    return _Prices(price, buyer, landed, content, sourcing, evaded, friction, private)


def _levies(terms: Terms, c: Constants, scaled: Array, draw: Array) -> tuple[Array, Array]:
    """Specific export and import charges (k or 1, G, O, D), the instruments' unknowns included."""
    export_levy, import_levy = c.export_levy, c.import_levy
    for j, unknown in enumerate(terms.unknowns):
        level = scaled[:, j, None, None]
        if unknown.export_levy is not None:
            export_levy = _added(export_levy, unknown.good, level * pick(unknown.export_levy, draw))
        if unknown.import_levy is not None:
            import_levy = _added(import_levy, unknown.good, level * pick(unknown.import_levy, draw))
    return export_levy, import_levy


def _added(array: Array, good: int, extra: Array) -> Array:
    """`array` (k or 1, G, ...) with `extra` (k, ...) added for one good."""
    out = np.array(np.broadcast_to(array, (len(extra), *array.shape[1:])), dtype=np.result_type(array, extra))
    out[:, good] += extra
    return out


def _source(terms: Terms, c: Constants, g: int | slice, landed: Array) -> Sourcing:
    form = ces if terms.benchmark.sourcing == "ces" else logit
    return form(landed, c.weight[:, g], c.landed_price0[:, g], c.nest_price0[:, g], c.steepness[:, g])


def _given_price(price: Array | None, landed: Array) -> Sourcing:
    """A nest without shares for markets whose buyer price is an unknown."""
    assert price is not None
    return Sourcing(price, np.zeros_like(landed), np.zeros_like(landed), np.zeros_like(price))


def input_gap(c: Content, price: Array, buyer: Array, at: Constants, draw: Array, width: float) -> tuple[Array, Array]:
    """Price gap of the floored input on each route (k, O, D) and whether it bites; see `Content` for the two rules."""
    h = c.made_with
    stand_in = c.reference >= 0
    place = np.where(stand_in, c.reference, 0)
    there = np.where(stand_in, price[:, h, place], buyer[:, h])
    level = pick(np.atleast_1d(np.asarray(c.level, float)), draw)[:, None]
    if c.neutral:
        there0 = np.where(stand_in, at.price0[:, h, place], at.buyer_price0[:, h])
        gap = (buyer[:, h, None, :] - there[:, :, None]) - (at.buyer_price0[:, h, None, :] - there0[:, :, None])
    else:
        gap = np.broadcast_to((level - there)[:, :, None], (*there.shape, there.shape[1]))
    value, slope = plus(gap, width * level[:, :, None])
    return (np.swapaxes(value, 1, 2), np.swapaxes(slope, 1, 2)) if c.rebate else (value, slope)


def content_duty(c: Content, price: Array, buyer: Array, at: Constants, draw: Array, width: float) -> Array:
    """Content duty, or the rebate on exports, (k, O, D), USD/t."""
    gap, _ = input_gap(c, price, buyer, at, draw, width)
    return np.where(c.mask, pick(c.tonnes, draw)[:, None, None] * gap, 0.0)


def guarantee_of(c: Contract, price: Array, draw: Array, width: float = 0.0) -> tuple[Array, Array, Array]:
    """Guarantee per tonne (k, R) with its positive part and its slope in the reference price r = weights @ p + constant."""
    reference = price[:, c.good] @ c.weights.T
    if c.constant is not None:
        reference = reference + pick(c.constant, draw)
    strike, threshold = (pick(np.atleast_1d(np.asarray(x, float)), draw)[:, None] for x in (c.strike, c.threshold))
    below, below_slope = plus(strike - reference, width * strike)
    above, above_slope = plus(reference - threshold, width * strike)
    return below - c.share * above, below, np.where(c.regions, -below_slope - c.share * above_slope, 0.0)


def paid_tonnes(c: Contract, s: State) -> Array:
    """Tonnes (k, R) a positive guarantee is paid on: min(X, V)."""
    made = s.output[:, c.good]
    return made if c.volume_cap is None else np.where(np.real(made) < c.volume_cap, made, c.volume_cap)


def _quantities(terms: Terms, layout: Layout, c: Constants, at: _Prices, log_price: Array, scaled: Array, unserved: Array,
                draw: Array, width: float) -> State:
    b = terms.benchmark
    guarantee, strip, capped_value = _guarantees(terms, at.price, scaled, draw, width)
    margin = _margin(terms, c, at, guarantee, scaled, draw)
    output, output_slope, capped = _output(terms, c, margin, capped_value, width)
    if terms.held is not None:
        held = pick(terms.held, draw)
        free = np.isnan(np.real(held))
        output, output_slope = np.where(free, output, held), np.where(free, output_slope, 0.0)
    secondary = c.secondary0 * np.exp(c.secondary_elasticity * log_price)
    wanted, demand_slope = demand(at.buyer_price + c.final_tax, c.demand0, c.buyer_price0, c.demand_elasticity, c.choke_price,
                                  b.linear_demand)
    served = np.ones_like(at.price)
    for j, (g, d) in enumerate(layout.choke):
        served[:, g, d] -= unserved[:, j]
    purchases, purchases_from = _purchases(terms, layout, at.price, scaled, draw)
    final = wanted * served
    use = final + np.swapaxes(c.recipe, -1, -2) @ output + purchases
    flow = [nest.share * use[:, g, None, :] for g, nest in enumerate(at.sourcing)]
    flow = [f if tonnes is None else f + tonnes for f, tonnes in zip(flow, purchases_from)]
    shipped = np.stack([np.einsum("kod->ko", f) for f in flow], axis=1)
    supplied = output + secondary + c.supply_add + np.maximum(-c.stock_change, 0.0)
    demanded = shipped + np.maximum(c.stock_change, 0.0)
    return State(terms, draw, c, scaled, at.price, at.buyer_price, at.landed, at.content, at.sourcing, guarantee, strip, margin,
                 output, output_slope, capped, secondary, final, demand_slope * served, wanted, use, purchases, purchases_from,
                 at.evaded, at.friction, at.private, flow, c.stock_change, supplied, demanded)


def _guarantees(terms: Terms, price: Array, scaled: Array, draw: Array,
                width: float) -> tuple[Array, list[tuple[Array, Array]], dict[int, Array]]:
    """What contracts add to the marginal price (k, G, R), the guarantee of each with its slope, and those under a volume cap."""
    guarantee = np.zeros_like(price)
    strip: list[tuple[Array, Array]] = []
    capped: dict[int, Array] = {}
    for i, c in enumerate(terms.contracts):
        value, below, change = guarantee_of(c, price, draw, width)
        s = scaled[:, c.scaling, None] if c.scaling is not None else 1.0
        value = np.where(c.regions, value + (s - 1) * below, 0.0)
        strip.append((value, np.where(np.real(below) > 0, s * change, change)))
        if c.volume_cap is None:
            guarantee[:, c.good] += value
        else:
            capped[i] = value
    return guarantee, strip, capped


def _margin(terms: Terms, c: Constants, at: _Prices, guarantee: Array, scaled: Array, draw: Array) -> Array:
    """Net price less the cost of inputs (k, G, R), USD/t."""
    net = (at.price + guarantee) * c.kept + c.added
    for j, unknown in enumerate(terms.unknowns):
        if unknown.subsidy is not None:
            net[:, unknown.good] += scaled[:, j, None] * pick(unknown.subsidy, draw)
    return net - c.recipe @ at.buyer_price


def _output(terms: Terms, c: Constants, margin: Array, capped_value: dict[int, Array],
            width: float) -> tuple[Array, Array, dict[int, tuple[Array, Array]]]:
    """Output and its slope in the margin; per contract with a volume cap, where it is paid in full and the slope there."""
    output, slope = _produce(terms, c, margin, width)
    capped: dict[int, tuple[Array, Array]] = {}
    for i, value in capped_value.items():
        contract = terms.contracts[i]
        g, limit = contract.good, contract.volume_cap
        assert limit is not None
        with_it, steep = _produce(terms, c, _added(margin, g, value * c.kept[:, g]), width)
        full = with_it[:, g]
        take_full = contract.regions & (np.real(value) >= 0) & (np.real(full) <= limit)
        hold = contract.regions & (np.real(value) >= 0) & ~take_full & (np.real(output[:, g]) < limit)
        capped[i] = (take_full, np.where(take_full, steep[:, g], 0.0))
        output[:, g] = np.where(take_full, full, np.where(hold, limit, output[:, g]))
        slope[:, g] = np.where(take_full, steep[:, g], np.where(hold, 0.0, slope[:, g]))
    return output, slope, capped


def _produce(terms: Terms, c: Constants, margin: Array, width: float) -> tuple[Array, Array]:
    """Output on the supply curves and its slope in the margin, latent projects and capacity limits included."""
    made, slope = supply(margin, c.output0, c.margin0, c.supply_elasticity, terms.benchmark.linear_supply)
    if np.any(c.latent_capacity > 0):
        entry, entry_slope = latent_supply(margin, c.latent_capacity, c.latent_unit_cost)
        made, slope = made + entry, slope + entry_slope
    limited = np.isfinite(c.capacity)
    if limited.any():
        limit = np.where(limited, c.capacity, 0.0)
        over, over_slope = plus(made - limit, width * limit)
        made = np.where(limited, made - over, made)
        slope = np.where(limited, slope * (1 - over_slope), slope)
    return made, slope


def _purchases(terms: Terms, layout: Layout, price: Array, scaled: Array, draw: Array) -> tuple[Array, list[Array | None]]:
    """Public purchases through the nest (k, G, R) and from named origins, per good (k, O, D) or nothing; t/yr."""
    purchases = np.zeros_like(price)
    purchases_from: list[Array | None] = [None] * price.shape[1]
    for j, unknown in enumerate(terms.unknowns):
        g = unknown.good
        if unknown.purchases is not None:
            purchases[:, g] += np.where(layout.supplied[g], scaled[:, j, None] * pick(unknown.purchases, draw), 0.0)
        if unknown.purchases_from is not None:
            tonnes = scaled[:, j, None, None] * pick(unknown.purchases_from, draw)
            held = purchases_from[g]
            purchases_from[g] = tonnes if held is None else held + tonnes
    return purchases, purchases_from


def has_buyers(s: State) -> Array:
    """Where there is a buyer's price (k, G, R): something is used, or buyers are rationed to nothing at their choke price."""
    with np.errstate(invalid="ignore"):
        held = np.abs((s.buyer_price + s.constants.final_tax) / choke_price(s.benchmark) - 1) <= 1e-9
    return np.asarray((s.use > 0) | (held & (s.benchmark.final_demand0 > 0)))
