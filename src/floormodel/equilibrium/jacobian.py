"""Derivatives of a state and of its market rows (model section 5), as pure functions; checked against complex step.

Derivatives of buyer prices, output and use are carried as (k, G, R, n) and contracted with routes at once: shares enter through
ds = -s (own dc - index dP), so no (O, D, n) array is ever made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.charges import credit_charge
from floormodel.equilibrium.constants import NOTHING, pick
from floormodel.equilibrium.layout import Layout
from floormodel.equilibrium.state import State, guarantee_of, input_gap, paid_tonnes
from floormodel.equilibrium.terms import Content, Terms
from floormodel.equilibrium.wedges import floor_level, top_up


@dataclass(frozen=True)
class Routes:
    """Slopes of one good's landed prices (k, O, D): in the origin's log price; in unknowns, by column of z; in the input prices of
    content duties."""

    by_price: Array
    unknowns: list[tuple[int, Array]]
    contents: list[tuple[Content, Array]]


@dataclass(frozen=True)
class Slopes:
    """Derivatives of a state by z, each (k, G, R, n), and the route slopes they are made of, per good."""

    routes: list[Routes]
    buyer: Array
    output: Array
    use: Array


def state_slopes(terms: Terms, layout: Layout, s: State, width: float = 0.0) -> Slopes:
    """Derivatives of a state; `width` is the smoothing width of the kinks it was evaluated with."""
    routes = [_routes(terms, layout, s, g, width) for g in range(s.price.shape[1])]
    buyer = _buyer_slopes(layout, s, routes)
    output = _output_slopes(terms, layout, s, buyer, width)
    return Slopes(routes, buyer, output, _use_slopes(terms, layout, s, buyer, output))


def _routes(terms: Terms, layout: Layout, s: State, g: int, width: float) -> Routes:
    at, c = s.landed[g], s.constants
    by_price = at.slope_border * (c.export_factor[:, g] if c.delay is None else c.export_factor[:, g] + c.delay[:, g])
    by_levy = at.slope_border * c.export_factor[:, g]
    unknowns, contents = [], []
    for j, unknown in enumerate(terms.unknowns):
        if unknown.good != g:
            continue
        column = layout.n_prices + j
        if unknown.export_levy is not None:
            unknowns.append((column, by_levy * pick(unknown.export_levy, s.draw)))
        if unknown.import_levy is not None:
            unknowns.append((column, at.slope_levy * pick(unknown.import_levy, s.draw)))
        if unknown.charge is not None:
            unknowns.append((column, pick(unknown.charge, s.draw) * np.ones(at.landed.shape)))
        if unknown.credit is not None:
            scale = pick(unknown.scale, s.draw)
            unknowns.append((column, credit_charge(unknown.credit, s.scaled[:, j] * scale)[1] * scale[:, None, None]))
    evaded = s.evaded[g]
    for i, floor in enumerate(terms.floors):
        if floor.good == g and floor.unknown is not None:
            level, (_, second, third) = floor_level(floor, s.draw), floor.by_unknown
            gap, _ = top_up(level, at.border, floor.cap, width * level)
            slope = np.where(at.by_floor == i, second * gap + third, 0.0)
            unknowns.append((layout.n_prices + floor.unknown, slope if evaded is None else slope * (1 - evaded)))
    for content in terms.contents:
        if content.good == g:
            _, on = input_gap(content, s.price, s.buyer_price, c, s.draw, width)
            tonnes = np.where(content.mask, on * pick(content.tonnes, s.draw)[:, None, None], 0.0)
            contents.append((content, -tonnes * by_levy if content.rebate else tonnes * at.slope_levy))
    return Routes(by_price * s.price[:, g, :, None], unknowns, contents)


def _stand_in(layout: Layout, s: State, c: Content, buyer: Array) -> Array:
    """Derivative (k, O, n) of the input price that a content duty compares with."""
    there = buyer[:, c.made_with].copy()
    for o in np.flatnonzero(c.reference >= 0):
        there[:, o] = 0.0
        at = np.flatnonzero(layout.rows_of[c.made_with] == c.reference[o])
        if at.size:
            there[:, o, layout.columns[c.made_with].start + at[0]] = s.price[:, c.made_with, c.reference[o]]
    return there


def _gap_slopes(layout: Layout, s: State, c: Content, buyer: Array) -> list[tuple[bool, Array]]:
    """What the gap of a content duty gains, (k, R, n), from the input price outside (where the good comes from, or where a rebated
    export goes to) and, under the neutral rule, inside; with each, whether it is that of the origin of a route."""
    outside = (not c.rebate, -_stand_in(layout, s, c, buyer))
    return [outside, (c.rebate, buyer[:, c.made_with])] if c.neutral else [outside]


def _buyer_slopes(layout: Layout, s: State, routes: list[Routes]) -> Array:
    """dP = sum over origins of share dc, goods in chain order because content duties look at input prices."""
    out = np.zeros((*s.price.shape, layout.size))
    for g, r in enumerate(routes):
        share = s.sourcing[g].share
        own = (share * r.by_price).take(layout.rows_of[g], axis=1)
        out[:, g, :, layout.columns[g]] = np.swapaxes(own, 1, 2)
        for column, slope in r.unknowns:
            out[:, g, :, column] += (share * slope).sum(-2)
        for c, slope in r.contents:
            weight = share * slope
            for at_origin, values in _gap_slopes(layout, s, c, out):
                out[:, g] += np.swapaxes(weight, -1, -2) @ values if at_origin else weight.sum(-2)[:, :, None] * values
    return out


def _output_slopes(terms: Terms, layout: Layout, s: State, buyer: Array, width: float) -> Array:
    """dX = slope dm, m = (p + guarantee) kept + subsidy - recipe P."""
    c, k, at = s.constants, len(buyer), np.arange(layout.n_prices)
    margin = np.zeros_like(buyer)
    margin.reshape(k, -1, layout.size)[:, layout.nodes, at] = layout.at_nodes(s.price * c.kept)
    for j, unknown in enumerate(terms.unknowns):
        if unknown.subsidy is not None:
            margin[:, unknown.good, :, layout.n_prices + j] += pick(unknown.subsidy, s.draw)
    guarantees = [_guarantee_slopes(terms, layout, s, i, width) * c.kept[:, contract.good, :, None]
                  for i, contract in enumerate(terms.contracts)]
    for contract, slope in zip(terms.contracts, guarantees):
        if contract.volume_cap is None:
            margin[:, contract.good] += slope
    for g, h in np.argwhere(np.any(c.recipe > 0, axis=0)):
        margin[:, g] -= c.recipe[:, g, h, None, None] * buyer[:, h]
    margin *= s.output_slope[..., None]
    for i, (full, steep) in s.capped.items():
        margin[:, terms.contracts[i].good] += np.where(full, steep, 0.0)[:, :, None] * guarantees[i]
    return margin


def _guarantee_slopes(terms: Terms, layout: Layout, s: State, number: int, width: float) -> Array:
    """Derivative (k, R, n) of a contract's guarantee per tonne."""
    c = terms.contracts[number]
    k, _, regions = s.price.shape
    out = np.zeros((k, regions, layout.size))
    _, slope = s.strip[number]
    rows = layout.rows_of[c.good]
    out[:, :, layout.columns[c.good]] = slope[:, :, None] * c.weights[:, rows] * s.price[:, None, c.good, rows]
    if c.scaling is not None:
        _, below, _ = guarantee_of(c, s.price, s.draw, width)
        out[:, :, layout.n_prices + c.scaling] += np.where(c.regions, below, 0.0)
    return out


def _use_slopes(terms: Terms, layout: Layout, s: State, buyer: Array, output: Array) -> Array:
    """Derivative of final demand, inputs and public purchases through the nest."""
    out = s.demand_slope[..., None] * buyer
    for g, h in np.argwhere(np.any(s.constants.recipe > 0, axis=0)):
        out[:, h] += s.constants.recipe[:, g, h, None, None] * output[:, g]
    for j, unknown in enumerate(terms.unknowns):
        if unknown.purchases is not None:
            bought = np.where(layout.supplied[unknown.good], pick(unknown.purchases, s.draw), 0.0)
            out[:, unknown.good, :, layout.n_prices + j] += bought
    for j, (g, d) in enumerate(layout.choke):
        out[:, g, d, layout.n_prices + layout.n_unknowns + j] -= s.wanted[:, g, d]
    return out


def flow_slopes(terms: Terms, layout: Layout, s: State, g: int, slopes: Slopes, weights: Array | None = None) -> Array:
    """Derivative (k, origins with a price, n) of shipments of a good, each route times its weight (., O, D) where these are given."""
    rows, bought, r = layout.rows_of[g], s.sourcing[g], slopes.routes[g]
    share = bought.share if weights is None else bought.share * weights
    served = share * s.use[:, g, None, :] * bought.own
    seen = slopes.use[:, g] + (s.use[:, g] * bought.index)[:, :, None] * slopes.buyer[:, g]
    out = share.take(rows, axis=1) @ seen
    at = np.arange(len(rows))
    out[:, at, layout.columns[g].start + at] -= np.einsum("kod,kod->ko", served, r.by_price)[:, rows]
    for column, slope in r.unknowns:
        out[:, :, column] -= (served * slope).sum(-1)[:, rows]
    for c, slope in r.contents:
        weight = (served * slope)[:, rows]
        for at_origin, values in _gap_slopes(layout, s, c, slopes.buyer):
            out -= weight.sum(-1)[:, :, None] * values[:, rows] if at_origin else weight @ values
    for j, unknown in enumerate(terms.unknowns):
        if unknown.good == g and unknown.purchases_from is not None:
            tonnes = pick(unknown.purchases_from, s.draw)
            out[:, :, layout.n_prices + j] += (tonnes if weights is None else tonnes * weights).sum(-1)[:, rows]
    return out


def market_slopes(terms: Terms, layout: Layout, s: State, slopes: Slopes) -> Array:
    """Derivative (k, n_prices, n) of log(supply / demand), or of the relative gap where a row is in tonnes."""
    linear, scale = layout.at_nodes(layout.linear_row[None]), layout.at_nodes(s.constants.scale)
    supplied, demanded = layout.at_nodes(s.supplied), layout.at_nodes(s.demanded)
    per_made = 1 / np.where(linear, scale, np.where(supplied > 0, supplied, 1.0))
    per_used = 1 / np.where(linear, scale, np.where(demanded > NOTHING * scale, demanded, 1.0))
    out = np.empty((len(s.price), layout.n_prices, layout.size))
    for g, at in enumerate(layout.columns):
        made = slopes.output[:, g].take(layout.rows_of[g], axis=1) * per_made[:, at, None]
        out[:, at] = made - flow_slopes(terms, layout, s, g, slopes) * per_used[:, at, None]
    own = np.arange(layout.n_prices)
    out[:, own, own] += layout.at_nodes(s.constants.secondary_elasticity * s.secondary) * per_made
    return out


def outlay_slopes(terms: Terms, layout: Layout, s: State, number: int, slopes: Slopes) -> Array:
    """Derivative (k, n) of the gap payments of a contract (`rows.outlay`), USD/yr."""
    c = terms.contracts[number]
    out = np.zeros((len(s.price), layout.size))
    _, below, slope = guarantee_of(c, s.price, s.draw)
    factor: Array | float = 1.0 if c.scaling is None else s.scaled[:, c.scaling, None]
    tonnes, rows = paid_tonnes(c, s), layout.rows_of[c.good]
    pull = np.where(c.regions & (below > 0), factor * tonnes * slope, 0.0)
    out[:, layout.columns[c.good]] += (pull @ c.weights[:, rows]) * s.price[:, c.good, rows]
    if c.scaling is not None:
        out[:, layout.n_prices + c.scaling] += np.where(c.regions, below * tonnes, 0.0).sum(-1)
    moving = c.regions & (s.output[:, c.good] < (np.inf if c.volume_cap is None else c.volume_cap))
    return out + (np.where(moving, factor * below, 0.0)[:, None] @ slopes.output[:, c.good])[:, 0]


def border_slopes(terms: Terms, layout: Layout, s: State, g: int, slopes: Slopes, weights: Array) -> Array:
    """Derivative (k, n) of a sum of border prices with weights (., O, D)."""
    c = s.constants
    factor = c.export_factor[:, g] if c.delay is None else c.export_factor[:, g] + c.delay[:, g]
    out = np.zeros((len(s.price), layout.size))
    out[:, layout.columns[g]] += (weights * factor * s.price[:, g, :, None]).sum(-1)[:, layout.rows_of[g]]
    for j, unknown in enumerate(terms.unknowns):
        if unknown.good == g and unknown.export_levy is not None:
            out[:, layout.n_prices + j] += (weights * c.export_factor[:, g] * pick(unknown.export_levy, s.draw)).sum((-1, -2))
    for content in terms.contents:
        if content.good == g and content.rebate:
            _, on = input_gap(content, s.price, s.buyer_price, c, s.draw, 0.0)
            less = np.where(content.mask, on * pick(content.tonnes, s.draw)[:, None, None], 0.0) * c.export_factor[:, g]
            out -= _by_gap(layout, s, content, slopes, weights * less)
    return out


def landed_slopes(layout: Layout, s: State, g: int, slopes: Slopes, weights: Array) -> Array:
    """Derivative (k, n) of a sum of landed prices with weights (., O, D)."""
    out, r = np.zeros((len(s.price), layout.size)), slopes.routes[g]
    out[:, layout.columns[g]] += (weights * r.by_price).sum(-1)[:, layout.rows_of[g]]
    for column, slope in r.unknowns:
        out[:, column] += (weights * slope).sum((-1, -2))
    for c, slope in r.contents:
        out += _by_gap(layout, s, c, slopes, weights * slope)
    return out


def _by_gap(layout: Layout, s: State, c: Content, slopes: Slopes, weights: Array) -> Array:
    """Derivative (k, n) of a sum of the gaps of a content duty with weights (., O, D)."""
    parts = _gap_slopes(layout, s, c, slopes.buyer)
    return sum(((weights.sum(-1 if at_origin else -2)[:, None] @ values)[:, 0] for at_origin, values in parts), np.zeros(1))
