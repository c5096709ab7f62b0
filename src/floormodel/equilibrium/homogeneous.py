"""Homogeneous good (Takayama and Judge 1971): prices and flows of allowed routes are unknown. For small markets.

Unknowns z = (log(p/p0) of priced nodes; log(P/P0) of supplied destinations; flows q of open routes as shares of benchmark
use; those of instruments). Rows: supply - sum_d q, complementary to p >= scrap value, and sum_o q - use, complementary to
P, both by the tonnes of their own node; log(c / P), complementary to q >= 0, which is straight in z but for freight and
duties. The Jacobian is by complex step: these markets are small, and it is exact to rounding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.layout import make_layout
from floormodel.equilibrium.rows import row_value
from floormodel.equilibrium.sourcing import Sourcing
from floormodel.equilibrium.state import State, evaluate_state
from floormodel.equilibrium.system import System, node_scale
from floormodel.equilibrium.terms import Terms

STEP = 1e-40


class HomogeneousSystem:
    """A `newton.Problem` with explicit flows; the same terms, supply and demand as `System`."""

    def __init__(self, terms: Terms):
        self.terms = terms
        self.layout = make_layout(terms)
        lay = self.layout
        self.routes = np.argwhere(lay.open_route)
        self.places = np.argwhere(lay.supplied)
        self.n_p, self.n_b, self.n_q = lay.n_prices, len(self.places), len(self.routes)
        self.scale = terms.benchmark.use0.max(axis=0)  # (G, D), above zero wherever a route is open

    @property
    def size(self) -> int:
        return self.n_p + self.n_b + self.n_q + self.layout.n_unknowns

    def bounds(self) -> tuple[Array, Array]:
        rows = self.terms.benchmark.draws
        lower, upper = np.full((rows, self.size), -np.inf), np.full((rows, self.size), np.inf)
        inner = System(self.terms).bounds()
        for out, bound in zip((lower, upper), inner):
            out[:, :self.n_p] = bound[:, :self.n_p]
            out[:, self.n_p + self.n_b + self.n_q:] = bound[:, self.n_p:]
        lower[:, self.n_p + self.n_b:self.n_p + self.n_b + self.n_q] = 0.0
        return lower, upper

    def start(self) -> Array:
        """Benchmark flows where the market has them, else autarky prices with no trade."""
        b = self.terms.benchmark
        z = np.zeros((b.draws, self.size))
        for j, (g, o, d) in enumerate(self.routes):
            z[:, self.n_p + self.n_b + j] = b.flow0[:, g, o, d] / self.scale[g, d]
        return z

    def state(self, z: Array, draw: Array, width: float = 0.0) -> State:
        lay, b = self.layout, self.terms.benchmark.at(draw)
        k, shape = z.shape[0], lay.priced.shape
        buyer = np.array(np.broadcast_to(b.price0, (k, *shape)), z.dtype)
        for j, (g, d) in enumerate(self.places):
            buyer[:, g, d] = buyer[:, g, d] * np.exp(z[:, self.n_p + j])
        flow = [np.zeros((k, shape[1], shape[1]), z.dtype) for _ in range(shape[0])]
        for j, (g, o, d) in enumerate(self.routes):
            flow[g][:, o, d] = z[:, self.n_p + self.n_b + j] * self.scale[g, d]
        compact = np.concatenate([z[:, :self.n_p], z[:, self.n_p + self.n_b + self.n_q:]], axis=1)
        s = evaluate_state(self.terms, lay, compact, draw, width, buyer_price=buyer)
        flow = [f if held is None else f + held for f, held in zip(flow, s.purchases_from)]
        shipped = np.stack([f.sum(-1) for f in flow], axis=1)
        sourcing = [Sourcing(buyer[:, g], f, f * 0, buyer[:, g] * 0) for g, f in enumerate(flow)]
        return replace(s, flow=flow, sourcing=sourcing, demanded=shipped + np.maximum(s.stock_change, 0.0))

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        f = self.rows(self.state(z, draw, width))
        return f, (self._jacobian(z, draw, width) if jacobian else None)

    def _jacobian(self, z: Array, draw: Array, width: float) -> Array:
        """df/dz (k, n, n): every column of every draw in one batch."""
        k, n = z.shape
        points = np.repeat(z[:, None, :].astype(complex), n, axis=1)
        points[:, np.arange(n), np.arange(n)] += 1j * STEP
        many = np.repeat(draw, n)
        f = self.rows(self.state(points.reshape(-1, n), many, width))
        return np.swapaxes(f.imag.reshape(k, n, n) / STEP, 1, 2)

    def rows(self, s: State) -> Array:
        lay = self.layout
        f = np.empty((s.price.shape[0], self.size), s.price.dtype)
        for g, regions in enumerate(lay.rows_of):
            f[:, lay.columns[g]] = (s.supplied[:, g, regions] - s.demanded[:, g, regions]) / node_scale(s, g, regions)
        for j, (g, d) in enumerate(self.places):
            received = s.flow[g][:, :, d].sum(-1)
            held = s.purchases_from[g]
            extra = 0.0 if held is None else held[:, :, d].sum(-1)
            f[:, self.n_p + j] = (received - extra - s.use[:, g, d]) / self.scale[g, d]
        for j, (g, o, d) in enumerate(self.routes):
            ratio = s.landed[g].landed[:, o, d] / s.buyer_price[:, g, d]
            f[:, self.n_p + self.n_b + j] = np.log(np.where(np.real(ratio) > 0, ratio, 1e-300))
        for j in range(lay.n_unknowns):
            f[:, self.n_p + self.n_b + self.n_q + j] = row_value(self.terms, j, s)
        return f
