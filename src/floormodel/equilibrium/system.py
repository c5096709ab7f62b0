"""The complementarity problem of a market under its instruments: unknowns, bounds and rows (model section 5).

Unknowns z = (log(p / p0) of priced nodes, the instruments' scaled unknowns, `unserved` shares of rationed destinations).
Market row: log(supply / demand), complementary to p >= scrap value. Choke row: 1 - P / P_choke, complementary to 0 <= unserved <= 1.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.constants import NOTHING, Constants, make_constants
from floormodel.equilibrium.jacobian import market_slopes, state_slopes
from floormodel.equilibrium.layout import Layout, make_layout
from floormodel.equilibrium.rows import row_slope, row_value
from floormodel.equilibrium.state import State, evaluate_state
from floormodel.equilibrium.terms import Terms


class System:
    """A `newton.Problem`: evaluates the rows of one scenario for its draws, by default all of the benchmark's."""

    def __init__(self, terms: Terms, choke: tuple[tuple[int, int], ...] = ()):
        self.terms = terms
        self.layout: Layout = make_layout(terms, choke)
        self.draws = np.arange(terms.benchmark.draws)

    @property
    def size(self) -> int:
        return self.layout.size

    @cached_property
    def constants(self) -> Constants:
        """What the closed forms read and z does not change, for the system's draws."""
        return make_constants(self.terms, self.layout, self.draws)

    def part(self, draws: Array) -> System:
        """The same scenario for some draws: draw i of the part is draws[i]."""
        if len(draws) == len(self.draws):
            return self
        part = System.__new__(System)
        part.terms, part.layout, part.draws = self.terms, self.layout, draws
        return part

    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bounds of z, (B, n)."""
        b, lay = self.terms.benchmark, self.layout
        lower, upper = np.full((b.draws, lay.size), -np.inf), np.full((b.draws, lay.size), np.inf)
        for g, columns in enumerate(lay.columns):
            lower[:, columns] = np.log(np.maximum(b.scrap_factor[:, g, None], 1e-9))
        for j, unknown in enumerate(self.terms.unknowns):
            lower[:, lay.n_prices + j], upper[:, lay.n_prices + j] = unknown.lower, unknown.upper
        at = lay.n_prices + lay.n_unknowns
        lower[:, at:], upper[:, at:] = 0.0, 1.0
        return lower, upper

    def state(self, z: Array, draw: Array, width: float = 0.0) -> State:
        """All closed forms at z (k, n) for the draws `draw` (k,)."""
        return evaluate_state(self.terms, self.layout, z, self.draws[draw], width, constants=self.constants.at(draw))

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        """Rows f (k, n) and, if asked for, df/dz (k, n, n)."""
        s = self.state(z, draw, width)
        return self.rows(s), (self._slopes(s, width) if jacobian else None)

    def _slopes(self, s: State, width: float) -> Array:
        """df/dz (k, n, n) at a state."""
        terms, lay = self.terms, self.layout
        slopes = state_slopes(terms, lay, s, width)
        jac = np.empty((len(s.price), lay.size, lay.size))
        jac[:, :lay.n_prices] = market_slopes(terms, lay, s, slopes)
        for j in range(lay.n_unknowns):
            jac[:, lay.n_prices + j] = row_slope(terms, lay, j, s, slopes)
        for j, (g, d) in enumerate(lay.choke):
            jac[:, lay.n_prices + lay.n_unknowns + j] = -slopes.buyer[:, g, d] / s.constants.choke_price[:, g, d, None]
        return jac

    def rows(self, s: State) -> Array:
        """Rows f (k, n) of a state."""
        lay = self.layout
        made, used, scale = (lay.at_nodes(a) for a in (s.supplied, s.demanded, s.constants.scale))
        linear = lay.at_nodes(lay.linear_row[None])
        f = np.empty((len(s.price), lay.size), s.price.dtype)
        ratio = np.where(linear, 1.0, made) / np.where(linear, 1.0, np.where(np.real(used) > NOTHING * scale, used, NOTHING * scale))
        logs = np.log(np.where(np.real(ratio) > 0, ratio, 1e-300))
        f[:, :lay.n_prices] = np.where(linear, (made - used) / scale, logs)
        for j in range(lay.n_unknowns):
            f[:, lay.n_prices + j] = row_value(self.terms, j, s)
        for j, (g, d) in enumerate(lay.choke):
            paid = s.buyer_price[:, g, d] + s.constants.final_tax[:, g, d]
            f[:, lay.n_prices + lay.n_unknowns + j] = 1 - paid / s.constants.choke_price[:, g, d]
        return f


def node_scale(s: State, g: int, regions: Array) -> Array:
    """Tonnes by which a market row is divided where it is not in logs: benchmark supply, or the capacity of a latent project."""
    return s.constants.scale[:, g, regions]
