"""The analytic Jacobian of a market's rows (model section 5), as pure functions of a state; checked against complex step.

Derivatives of buyer prices, output and use are carried as (k, G, R, n) and contracted with routes at once: shares enter through
ds = -s (own dc - index dP), so no (O, D, n) array is ever made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.constants import NOTHING, pick
from floormodel.equilibrium.layout import Layout
from floormodel.equilibrium.state import State, guarantee_of, input_gap
from floormodel.equilibrium.terms import Content, Contract, Row, Terms


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


def row_slopes(terms: Terms, layout: Layout, s: State, width: float = 0.0) -> Array:
    """df/dz (k, n, n) at a state; `width` is the smoothing width of the kinks it was evaluated with."""
    routes = [_routes(terms, layout, s, g, width) for g in range(s.price.shape[1])]
    buyer = _buyer_slopes(layout, s, routes)
    output = _output_slopes(terms, layout, s, buyer, width)
    slopes = Slopes(routes, buyer, output, _use_slopes(terms, layout, s, buyer, output))
    jac = np.empty((len(s.price), layout.size, layout.size))
    jac[:, :layout.n_prices] = _market_rows(terms, layout, s, slopes)
    for j, unknown in enumerate(terms.unknowns):
        jac[:, layout.n_prices + j] = _instrument_row(terms, layout, s, unknown.row, unknown.good, slopes)
    for j, (g, d) in enumerate(layout.choke):
        jac[:, layout.n_prices + layout.n_unknowns + j] = -buyer[:, g, d] / s.constants.choke_price[:, g, d, None]
    return jac


def paid_tonnes(c: Contract, s: State) -> Array:
    """Tonnes (k, R) a positive guarantee is paid on: min(X, V)."""
    made = s.output[:, c.good]
    return made if c.volume_cap is None else np.where(np.real(made) < c.volume_cap, made, c.volume_cap)


def _routes(terms: Terms, layout: Layout, s: State, g: int, width: float) -> Routes:
    at = s.landed[g]
    by_price = at.slope_border * s.constants.export_factor[:, g]
    unknowns, contents = [], []
    for j, unknown in enumerate(terms.unknowns):
        if unknown.good != g or (unknown.export_levy is None and unknown.import_levy is None):
            continue
        slope = np.zeros(at.landed.shape)
        if unknown.export_levy is not None:
            slope = slope + by_price * pick(unknown.export_levy, s.draw)
        if unknown.import_levy is not None:
            slope = slope + at.slope_levy * pick(unknown.import_levy, s.draw)
        unknowns.append((layout.n_prices + j, slope))
    for c in terms.contents:
        if c.good == g:
            _, on = input_gap(c, s.price, s.buyer_price, s.constants, width)
            contents.append((c, np.where(c.mask, on * pick(c.tonnes, s.draw)[:, None, None], 0.0) * at.slope_levy))
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
            out[:, g] -= np.swapaxes(weight, -1, -2) @ _stand_in(layout, s, c, out)
            if c.neutral:
                out[:, g] += weight.sum(-2)[:, :, None] * out[:, c.made_with]
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
        _, below, _ = guarantee_of(c, s.price, width)
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


def _flow_slopes(terms: Terms, layout: Layout, s: State, g: int, slopes: Slopes, weights: Array | None = None) -> Array:
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
        out += _stand_in(layout, s, c, slopes.buyer)[:, rows] * weight.sum(-1)[:, :, None]
        if c.neutral:
            out -= weight @ slopes.buyer[:, c.made_with]
    for j, unknown in enumerate(terms.unknowns):
        if unknown.good == g and unknown.purchases_from is not None:
            tonnes = pick(unknown.purchases_from, s.draw)
            out[:, :, layout.n_prices + j] += (tonnes if weights is None else tonnes * weights).sum(-1)[:, rows]
    return out


def _market_rows(terms: Terms, layout: Layout, s: State, slopes: Slopes) -> Array:
    """Derivative (k, n_prices, n) of log(supply / demand), or of the relative gap where a row is in tonnes."""
    linear, scale = layout.at_nodes(layout.linear_row[None]), layout.at_nodes(s.constants.scale)
    supplied, demanded = layout.at_nodes(s.supplied), layout.at_nodes(s.demanded)
    per_made = 1 / np.where(linear, scale, np.where(supplied > 0, supplied, 1.0))
    per_used = 1 / np.where(linear, scale, np.where(demanded > NOTHING * scale, demanded, 1.0))
    out = np.empty((len(s.price), layout.n_prices, layout.size))
    for g, at in enumerate(layout.columns):
        made = slopes.output[:, g].take(layout.rows_of[g], axis=1) * per_made[:, at, None]
        out[:, at] = made - _flow_slopes(terms, layout, s, g, slopes) * per_used[:, at, None]
    own = np.arange(layout.n_prices)
    out[:, own, own] += layout.at_nodes(s.constants.secondary_elasticity * s.secondary) * per_made
    return out


def _instrument_row(terms: Terms, layout: Layout, s: State, row: Row, g: int, slopes: Slopes) -> Array:
    """Derivative (k, n) of an instrument's row."""
    if row.budget is not None:
        return _budget_slopes(terms, layout, s, terms.contracts[row.budget], slopes)
    out = np.zeros((len(s.price), layout.size))
    if row.price is not None:
        out[:, layout.columns[g]] += (pick(row.price, s.draw) * s.price[:, g])[:, layout.rows_of[g]]
    for weights, values in ((row.buyer_price, slopes.buyer), (row.output, slopes.output)):
        if weights is not None:
            out += (pick(weights, s.draw)[:, None] @ values[:, g])[:, 0]
    if row.flow is not None:
        out += _flow_slopes(terms, layout, s, g, slopes, pick(row.flow, s.draw)).sum(1)
    if row.landed is not None:
        out += _landed_slopes(layout, s, g, slopes, pick(row.landed, s.draw))
    return out


def _budget_slopes(terms: Terms, layout: Layout, s: State, c: Contract, slopes: Slopes) -> Array:
    """Derivative (k, n) of a programme's outlay over its budget."""
    assert c.scaling is not None and c.budget is not None
    out = np.zeros((len(s.price), layout.size))
    _, below, slope = guarantee_of(c, s.price)
    factor, tonnes, rows = s.scaled[:, c.scaling, None], paid_tonnes(c, s), layout.rows_of[c.good]
    pull = np.where(c.regions & (below > 0), factor * tonnes * slope, 0.0)
    out[:, layout.columns[c.good]] += (pull @ c.weights[:, rows]) * s.price[:, c.good, rows]
    out[:, layout.n_prices + c.scaling] += np.where(c.regions, below * tonnes, 0.0).sum(-1)
    moving = c.regions & (s.output[:, c.good] < (np.inf if c.volume_cap is None else c.volume_cap))
    out += (np.where(moving, factor * below, 0.0)[:, None] @ slopes.output[:, c.good])[:, 0]
    return out / c.budget


def _landed_slopes(layout: Layout, s: State, g: int, slopes: Slopes, weights: Array) -> Array:
    """Derivative (k, n) of a sum of landed prices with weights (., O, D)."""
    out, r = np.zeros((len(s.price), layout.size)), slopes.routes[g]
    out[:, layout.columns[g]] += (weights * r.by_price).sum(-1)[:, layout.rows_of[g]]
    for column, slope in r.unknowns:
        out[:, column] += (weights * slope).sum((-1, -2))
    for c, slope in r.contents:
        weight = weights * slope
        out -= (weight.sum(-1)[:, None] @ _stand_in(layout, s, c, slopes.buyer))[:, 0]
        if c.neutral:
            out += (weight.sum(-2)[:, None] @ slopes.buyer[:, c.made_with])[:, 0]
    return out
