"""The complementarity problem of a market under its instruments: residual and analytic Jacobian (model section 5).

Unknowns z = (log(p / p0) of priced nodes, the instruments' scaled unknowns, `unserved` shares of rationed destinations).
Market row: log(supply / demand), complementary to p >= scrap value. Choke row: 1 - P / P_choke, complementary to 0 <= unserved <= 1.

The Jacobian carries derivatives of P, X and use, (k, R, n) per good, and contracts routes at once: shares enter through
ds = -s (own dc - index dP), so no (O, D, n) array is ever made.
"""

from __future__ import annotations

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.layout import Layout, make_layout
from floormodel.equilibrium.state import State, choke_price, evaluate_state, guarantee_of, input_gap, pick
from floormodel.equilibrium.terms import Contract, Row, Terms


def node_scale(s: State, g: int, regions: Array) -> Array:
    """Tonnes by which a market row is divided where it is not in logs: benchmark supply, or the capacity of a latent project."""
    b = s.benchmark
    base = b.output0[:, g, regions] * b.supply_shift[:, g, regions] + b.secondary0[:, g, regions] + b.supply_add[:, g, regions]
    return np.where(base > 0, base, np.maximum(b.latent_capacity[:, g, regions], 1e-300))


def row_value(terms: Terms, row: Row, g: int, s: State, draw: Array) -> Array:
    """Value (k,) of an instrument's row."""
    if row.budget is not None:
        c = terms.contracts[row.budget]
        _, below, _ = guarantee_of(c, s.price)
        paid = np.where(c.regions, s.scaled[:, c.scaling, None] * below * paid_tonnes(c, s), 0.0).sum(-1)
        return paid / c.budget - 1
    f = np.zeros(s.price.shape[0], s.price.dtype) + row.constant
    for weights, values in ((row.price, s.price), (row.buyer_price, s.buyer_price), (row.output, s.output)):
        if weights is not None:
            f = f + (pick(weights, draw) * values[:, g]).sum(-1)
    if row.flow is not None:
        f = f + (pick(row.flow, draw) * s.flow[g]).sum((-1, -2))
    if row.landed is not None:
        f = f + (pick(row.landed, draw) * s.landed[g].landed).sum((-1, -2))
    return f


def paid_tonnes(c: Contract, s: State) -> Array:
    """Tonnes (k, R) a positive guarantee is paid on: min(X, V)."""
    made = s.output[:, c.good]
    return made if c.volume_cap is None else np.where(np.real(made) < c.volume_cap, made, c.volume_cap)


class System:
    """A `newton.Problem`: evaluates the rows of one scenario for any of its draws."""

    def __init__(self, terms: Terms, choke: tuple[tuple[int, int], ...] = ()):
        self.terms = terms
        self.layout: Layout = make_layout(terms, choke)

    @property
    def size(self) -> int:
        return self.layout.size

    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bounds of z, (B or 1, n)."""
        b, lay = self.terms.benchmark, self.layout
        rows = b.draws
        lower, upper = np.full((rows, lay.size), -np.inf), np.full((rows, lay.size), np.inf)
        for g, regions in enumerate(lay.rows_of):
            lower[:, lay.columns[g]] = np.log(np.maximum(b.scrap_factor[:, g, None], 1e-9)) * np.ones(len(regions))
        for j, unknown in enumerate(self.terms.unknowns):
            lower[:, lay.n_prices + j], upper[:, lay.n_prices + j] = unknown.lower, unknown.upper
        at = lay.n_prices + lay.n_unknowns
        lower[:, at:], upper[:, at:] = 0.0, 1.0
        return lower, upper

    def state(self, z: Array, draw: Array, width: float = 0.0) -> State:
        return evaluate_state(self.terms, self.layout, z, draw, width)

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        """Rows f (k, n) and, if asked for, df/dz (k, n, n)."""
        s = self.state(z, draw, width)
        return self.rows(s, draw), (self.jacobian(s, draw, width) if jacobian else None)

    def rows(self, s: State, draw: Array) -> Array:
        b, lay = s.benchmark, self.layout
        f = np.empty((s.price.shape[0], lay.size), s.price.dtype)
        for g, regions in enumerate(lay.rows_of):
            made, used = s.supplied[:, g, regions], s.demanded[:, g, regions]
            linear = lay.linear_row[g, regions]
            scale = node_scale(s, g, regions)
            ratio = np.where(linear, 1.0, made) / np.where(linear | (np.real(used) <= 0), 1.0, used)
            f[:, lay.columns[g]] = np.where(linear, (made - used) / scale, np.log(np.where(np.real(ratio) > 0, ratio, 1e-300)))
        for j, unknown in enumerate(self.terms.unknowns):
            f[:, lay.n_prices + j] = row_value(self.terms, unknown.row, unknown.good, s, draw)
        limit = choke_price(b)
        for j, (g, d) in enumerate(lay.choke):
            f[:, lay.n_prices + lay.n_unknowns + j] = 1 - s.buyer_price[:, g, d] / limit[:, g, d]
        return f

    def jacobian(self, s: State, draw: Array, width: float) -> Array:
        """df/dz (k, n, n); checked against complex step in the tests."""
        lay, terms, b = self.layout, self.terms, s.benchmark
        k, goods, regions = s.price.shape
        n = lay.size
        d_buyer = np.zeros((goods, k, regions, n))
        routes = [self._route_slopes(s, g, draw, width) for g in range(goods)]
        for g in range(goods):
            self._buyer_slopes(d_buyer, s, g, routes[g])
        d_output, d_margin = self._output_slopes(d_buyer, s, draw, width)
        jac = np.zeros((k, n, n))
        d_use, flow_slopes = [], []
        for g in range(goods):
            use = s.demand_slope[:, g, :, None] * d_buyer[g]
            for made in range(goods):
                if np.any(b.recipe[:, made, g] > 0):
                    use += b.recipe[:, made, g, None, None] * d_output[made]
            for j, unknown in enumerate(terms.unknowns):
                if unknown.good == g and unknown.purchases is not None:
                    use[:, :, lay.n_prices + j] += pick(unknown.purchases, draw)
            for j, (gg, d) in enumerate(lay.choke):
                if gg == g:
                    use[:, d, lay.n_prices + lay.n_unknowns + j] -= s.wanted[:, g, d]
            use *= lay.supplied[g][:, None]
            d_use.append(use)
            flow_slopes.append(self._flow_slopes(None, s, g, routes[g], d_buyer, use, draw))
        self._market_rows(jac, s, d_output, flow_slopes)
        for j, unknown in enumerate(terms.unknowns):
            jac[:, lay.n_prices + j] = self._row_slopes(unknown.row, unknown.good, s, routes, d_buyer, d_output, d_use, draw)
        limit = choke_price(b)
        for j, (g, d) in enumerate(lay.choke):
            jac[:, lay.n_prices + lay.n_unknowns + j] = -d_buyer[g][:, d] / limit[:, g, d, None]
        return jac

    def _route_slopes(self, s: State, g: int, draw: Array, width: float) -> _Routes:
        """Slopes of landed prices: in the own log price, in each unknown, and in the input prices of content duties."""
        at, b = s.landed[g], s.benchmark
        shape = at.landed.shape
        by_price = at.slope_border * (1 + pick(self.terms.export_rate, draw)[:, g])
        unknowns = []
        for j, unknown in enumerate(self.terms.unknowns):
            if unknown.good != g or (unknown.export_levy is None and unknown.import_levy is None):
                continue
            slope = np.zeros(shape)
            if unknown.export_levy is not None:
                slope = slope + by_price * pick(unknown.export_levy, draw)
            if unknown.import_levy is not None:
                slope = slope + at.slope_levy * pick(unknown.import_levy, draw)
            unknowns.append((self.layout.n_prices + j, slope))
        contents = []
        for c in self.terms.contents:
            if c.good == g:
                _, on = input_gap(c, s.price, s.buyer_price, b, width)
                contents.append((c, np.where(c.mask, on * c.tonnes[:, None, None], 0.0) * at.slope_levy))
        return _Routes(by_price * s.price[:, g, :, None], unknowns, contents)

    def _stand_in(self, c, s: State, d_buyer: Array) -> Array:
        """Derivative (k, O, n) of the input price that a content duty compares with."""
        there = d_buyer[c.made_with].copy()
        for o in np.flatnonzero(c.reference >= 0):
            there[:, o] = 0.0
            at = np.flatnonzero(self.layout.rows_of[c.made_with] == c.reference[o])
            if at.size:
                column = self.layout.columns[c.made_with].start + at[0]
                there[:, o, column] = s.price[:, c.made_with, c.reference[o]]
        return there

    def _buyer_slopes(self, d_buyer: Array, s: State, g: int, r: _Routes) -> None:
        lay, share = self.layout, s.sourcing[g].share
        own = np.swapaxes(share * r.by_price, -1, -2)  # (k, D, O)
        d_buyer[g][:, :, lay.columns[g]] = own[:, :, lay.rows_of[g]]
        for column, slope in r.unknowns:
            d_buyer[g][:, :, column] += (share * slope).sum(-2)
        for c, slope in r.contents:
            weight = share * slope
            d_buyer[g] -= np.swapaxes(weight, -1, -2) @ self._stand_in(c, s, d_buyer)
            if c.neutral:
                d_buyer[g] += weight.sum(-2)[:, :, None] * d_buyer[c.made_with]

    def _output_slopes(self, d_buyer: Array, s: State, draw: Array, width: float) -> tuple[Array, Array]:
        lay, b, terms = self.layout, s.benchmark, self.terms
        goods, k, regions, n = d_buyer.shape
        d_net = np.zeros_like(d_buyer)
        for g in range(goods):
            for at, r in enumerate(lay.rows_of[g]):
                d_net[g][:, r, lay.columns[g].start + at] = s.price[:, g, r] * b.kept[:, g, r]
        for j, unknown in enumerate(terms.unknowns):
            if unknown.subsidy is not None:
                d_net[unknown.good][:, :, lay.n_prices + j] += pick(unknown.subsidy, draw)
        in_margin = {i: self._guarantee_slopes(i, s, width) * b.kept[:, c.good, :, None] for i, c in enumerate(terms.contracts)}
        for i, c in enumerate(terms.contracts):
            if c.volume_cap is None:
                d_net[c.good] += in_margin[i]
        d_margin = d_net
        for g in range(goods):
            for h in range(goods):
                if np.any(b.recipe[:, g, h] > 0):
                    d_margin[g] -= b.recipe[:, g, h, None, None] * d_buyer[h]
        d_output = np.stack([s.output_slope[:, g, :, None] * d_margin[g] for g in range(goods)])
        for i, (full, steep) in s.capped.items():
            g = terms.contracts[i].good
            d_output[g] += np.where(full, steep, 0.0)[:, :, None] * in_margin[i]
        return d_output, d_margin

    def _guarantee_slopes(self, number: int, s: State, width: float) -> Array:
        """Derivative (k, R, n) of a contract's guarantee per tonne."""
        lay, c = self.layout, self.terms.contracts[number]
        k, _, regions = s.price.shape
        out = np.zeros((k, regions, lay.size))
        _, slope = s.strip[number]
        for at, r in enumerate(lay.rows_of[c.good]):
            out[:, :, lay.columns[c.good].start + at] = slope * c.weights[None, :, r] * s.price[:, c.good, r, None]
        if c.scaling is not None:
            _, below, _ = guarantee_of(c, s.price, width)
            out[:, :, lay.n_prices + c.scaling] += np.where(c.regions, below, 0.0)
        return out

    def _flow_slopes(self, weights: Array | None, s: State, g: int, r: _Routes, d_buyer: Array, d_use: Array, draw: Array) -> Array:
        """Derivative of sums of flows. Without `weights`: shipments by origin (k, O, n). With weights (., O, D): one number (k, n)."""
        lay, bought = self.layout, s.sourcing[g]
        served = (s.use[:, g, None, :] * bought.share) * bought.own
        seen = d_use + (s.use[:, g] * bought.index)[:, :, None] * d_buyer[g]
        share = bought.share if weights is None else bought.share * weights
        served = served if weights is None else served * weights
        k, origins = served.shape[0], served.shape[1]
        if weights is None:
            out = share @ seen
        else:
            out = np.einsum("kd,kdn->kn", np.broadcast_to(share.sum(-2), seen.shape[:2]), seen)[:, None, :]
        own = (served * r.by_price).sum(-1)[:, lay.rows_of[g]]
        if weights is None:
            start = lay.columns[g].start
            out[:, lay.rows_of[g], start + np.arange(len(lay.rows_of[g]))] -= own
        else:
            out[:, 0, lay.columns[g]] -= own
        for column, slope in r.unknowns:
            moved = (served * slope).sum(-1)
            out[:, :, column] -= moved if weights is None else moved.sum(-1, keepdims=True)
        for c, slope in r.contents:
            weight = served * slope
            there = self._stand_in(c, s, d_buyer) * weight.sum(-1)[:, :, None]
            here = weight @ d_buyer[c.made_with] if c.neutral else 0.0
            change = here - there
            out -= change if weights is None else change.sum(1, keepdims=True)
        for j, unknown in enumerate(self.terms.unknowns):
            if unknown.good == g and unknown.purchases_from is not None:
                tonnes = pick(unknown.purchases_from, draw)
                out[:, :, lay.n_prices + j] += tonnes.sum(-1) if weights is None else (tonnes * weights).sum((-1, -2))[:, None]
        return out if weights is None else out[:, 0]

    def _market_rows(self, jac: Array, s: State, d_output: Array, flow_slopes: list[Array]) -> None:
        lay, b = self.layout, s.benchmark
        for g, regions in enumerate(lay.rows_of):
            d_made = d_output[g][:, regions].copy()
            start = lay.columns[g].start
            at = np.arange(len(regions))
            d_made[:, at, start + at] += b.secondary_elasticity[:, g, regions] * s.secondary[:, g, regions]
            d_used = flow_slopes[g][:, regions]
            linear = lay.linear_row[g, regions][:, None]
            made, used = s.supplied[:, g, regions, None], s.demanded[:, g, regions, None]
            scale = node_scale(s, g, regions)[..., None]
            logs = d_made / np.where(made > 0, made, 1.0) - d_used / np.where(used > 0, used, 1.0)
            jac[:, lay.columns[g]] = np.where(linear, (d_made - d_used) / scale, logs)

    def _row_slopes(self, row: Row, g: int, s: State, routes: list[_Routes], d_buyer: Array, d_output: Array, d_use: list[Array],
                    draw: Array) -> Array:
        lay = self.layout
        k = s.price.shape[0]
        out = np.zeros((k, lay.size))
        if row.budget is not None:
            c = self.terms.contracts[row.budget]
            _, below, slope = guarantee_of(c, s.price)
            factor = s.scaled[:, c.scaling, None]
            tonnes = paid_tonnes(self.terms.contracts[row.budget], s)
            for at, r in enumerate(lay.rows_of[g]):
                pull = np.where(below > 0, slope, 0.0) * c.weights[None, :, r] * s.price[:, g, r, None]
                out[:, lay.columns[g].start + at] += (np.where(c.regions, factor * tonnes, 0.0) * pull).sum(-1)
            out[:, lay.n_prices + c.scaling] += np.where(c.regions, below * tonnes, 0.0).sum(-1)
            moving = c.regions & (s.output[:, g] < (np.inf if c.volume_cap is None else c.volume_cap))
            out += np.einsum("kr,krn->kn", np.where(moving, factor * below, 0.0), d_output[g])
            return out / c.budget
        if row.price is not None:
            regions = lay.rows_of[g]
            out[:, lay.columns[g]] += (pick(row.price, draw) * s.price[:, g])[:, regions]
        for weights, slopes in ((row.buyer_price, d_buyer[g]), (row.output, d_output[g])):
            if weights is not None:
                out += np.einsum("kr,krn->kn", np.broadcast_to(pick(weights, draw), slopes.shape[:2]), slopes)
        if row.flow is not None:
            out += self._flow_slopes(pick(row.flow, draw), s, g, routes[g], d_buyer, d_use[g], draw)
        if row.landed is not None:
            out += self._landed_slopes(pick(row.landed, draw), s, g, routes[g], d_buyer)
        return out

    def _landed_slopes(self, weights: Array, s: State, g: int, r: _Routes, d_buyer: Array) -> Array:
        out = np.zeros((s.price.shape[0], self.layout.size))
        out[:, self.layout.columns[g]] += (weights * r.by_price).sum(-1)[:, self.layout.rows_of[g]]
        for column, slope in r.unknowns:
            out[:, column] += (weights * slope).sum((-1, -2))
        for c, slope in r.contents:
            w = weights * slope
            here = np.einsum("kd,kdn->kn", w.sum(-2), d_buyer[c.made_with]) if c.neutral else 0.0
            out += here - np.einsum("ko,kon->kn", w.sum(-1), self._stand_in(c, s, d_buyer))
        return out


class _Routes:
    """Slopes of one good's landed prices: `by_price` (k, O, D) in the origin's log price; per unknown; per content duty."""

    def __init__(self, by_price: Array, unknowns: list[tuple[int, Array]], contents: list):
        self.by_price, self.unknowns, self.contents = by_price, unknowns, contents
