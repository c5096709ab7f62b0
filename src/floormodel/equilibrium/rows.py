"""Rows of the instruments' own unknowns: value and derivative side by side, term by term (see `terms.Row`)."""

from __future__ import annotations

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.charges import certified
from floormodel.equilibrium.constants import pick
from floormodel.equilibrium.jacobian import Slopes, border_slopes, flow_slopes, landed_slopes, outlay_slopes
from floormodel.equilibrium.layout import Layout
from floormodel.equilibrium.state import State, guarantee_of, paid_tonnes
from floormodel.equilibrium.terms import Row, Terms


def outlay(terms: Terms, s: State, number: int) -> Array:
    """Gap payments (k,) of a contract, clawbacks apart, before any cap on money; USD/yr."""
    c = terms.contracts[number]
    _, below, _ = guarantee_of(c, s.price, s.draw)
    factor = 1.0 if c.scaling is None else s.scaled[:, c.scaling, None]
    return np.where(c.regions, factor * below * paid_tonnes(c, s), 0.0).sum(-1)


def row_value(terms: Terms, j: int, s: State) -> Array:
    """Value (k,) of the row of unknown j."""
    row = terms.unknowns[j].row
    g, u, draw = terms.unknowns[j].good, s.scaled[:, j], s.draw
    f = np.zeros(s.price.shape[0], s.price.dtype) + pick(np.atleast_1d(np.asarray(row.constant)), draw)
    for weights, values in ((row.price, s.price), (row.buyer_price, s.buyer_price), (row.output, s.output)):
        if weights is not None:
            f = f + (pick(weights, draw) * values[:, g]).sum(-1)
    for weights, values in ((row.flow, s.flow[g]), (row.border, s.landed[g].border), (row.landed, s.landed[g].landed)):
        if weights is not None:
            f = f + (pick(weights, draw) * values).sum((-1, -2))
    if row.own_output is not None:
        f = f + u * (pick(row.own_output, draw) * s.output[:, g]).sum(-1)
    if row.own_flow is not None:
        f = f + u * (pick(row.own_flow, draw) * s.flow[g]).sum((-1, -2))
    if row.value is not None:
        f = f + (pick(row.value, draw) * s.price[:, g, :, None] * s.flow[g]).sum((-1, -2))
    if row.outlay is not None and row.outlay_weight is not None:
        f = f + pick(row.outlay_weight, draw) * outlay(terms, s, row.outlay)
    if row.credit is not None:
        f = f + (_credit_weights(terms, row, j, s)[0] * s.flow[g]).sum((-1, -2))
    return f


def _credit_weights(terms: Terms, row: Row, j: int, s: State) -> tuple[Array, Array]:
    """(certified - share) / tonnes on routes (k, O, D), and its slope in the scaled unknown."""
    unknown = terms.unknowns[j]
    assert unknown.credit is not None and row.credit is not None
    scale, tonnes, c = pick(unknown.scale, s.draw), pick(row.credit, s.draw), unknown.credit
    have, slope, _ = certified(c, s.scaled[:, j] * scale)
    shape = (*have.shape, have.shape[1])
    gap = np.where(c.mask, have[:, :, None] - c.share, 0.0) / tonnes[:, None, None]
    return gap, np.where(c.mask, np.broadcast_to((slope * scale[:, None])[:, :, None], shape), 0.0) / tonnes[:, None, None]


def row_slope(terms: Terms, layout: Layout, j: int, s: State, slopes: Slopes) -> Array:
    """Derivative (k, n) of the row of unknown j."""
    row = terms.unknowns[j].row
    g, u, draw, column = terms.unknowns[j].good, s.scaled[:, j, None], s.draw, layout.n_prices + j
    out = np.zeros((len(s.price), layout.size))
    if row.price is not None:
        out[:, layout.columns[g]] += (pick(row.price, draw) * s.price[:, g])[:, layout.rows_of[g]]
    for weights, values in ((row.buyer_price, slopes.buyer), (row.output, slopes.output)):
        if weights is not None:
            out += (pick(weights, draw)[:, None] @ values[:, g])[:, 0]
    if row.flow is not None:
        out += flow_slopes(terms, layout, s, g, slopes, pick(row.flow, draw)).sum(1)
    if row.border is not None:
        out += border_slopes(terms, layout, s, g, slopes, pick(row.border, draw))
    if row.landed is not None:
        out += landed_slopes(layout, s, g, slopes, pick(row.landed, draw))
    if row.own_output is not None:
        w = pick(row.own_output, draw)
        out[:, column] += (w * s.output[:, g]).sum(-1)
        out += u * (w[:, None] @ slopes.output[:, g])[:, 0]
    if row.own_flow is not None:
        w = pick(row.own_flow, draw)
        out[:, column] += (w * s.flow[g]).sum((-1, -2))
        out += u * flow_slopes(terms, layout, s, g, slopes, w).sum(1)
    if row.value is not None:
        weights, price, rows = pick(row.value, draw), s.price[:, g], layout.rows_of[g]
        out += flow_slopes(terms, layout, s, g, slopes, weights * price[:, :, None]).sum(1)
        out[:, layout.columns[g]] += (price * (weights * s.flow[g]).sum(-1))[:, rows]
    if row.outlay is not None and row.outlay_weight is not None:
        out += pick(row.outlay_weight, draw)[:, None] * outlay_slopes(terms, layout, s, row.outlay, slopes)
    if row.credit is not None:
        weights, change = _credit_weights(terms, row, j, s)
        out += flow_slopes(terms, layout, s, g, slopes, weights).sum(1)
        out[:, column] += (change * s.flow[g]).sum((-1, -2))
    return out
