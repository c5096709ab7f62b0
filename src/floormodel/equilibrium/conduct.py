"""Sellers with market power: the outputs that they set, found by an outer search over competitive solves (model section 4).

Each seller weighs the margin of one more tonne against what the tonne takes off the price of all others:

    h = margin - marginal cost(X) + conduct (X / firms) dp/dX = 0,    dp/dX along the rows of the equilibrium, other sellers held

so that a price floor, a guarantee to the fringe or a quota changes the slope it sees. One seller: h is followed over a grid of outputs
and each crossing from above refined; the one with the largest profit is kept (several branches: a topped-up fringe answers to no price).
Several: Cournot, a complementarity problem in their outputs. Closed forms: dominant firm with a fringe; Cournot with linear costs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.curves import supply_cost, supply_price
from floormodel.equilibrium.newton import solve_mcp
from floormodel.equilibrium.terms import Terms
from floormodel.errors import ScenarioError

Solver = Callable[[Terms, Array | None], Any]
STEP = 1e-40  # of the complex step
GRID = np.concatenate([np.geomspace(0.02, 0.2, 6)[:-1], np.linspace(0.2, 2.0, 25), [2.5, 3.0, 4.0]])  # outputs, in benchmark outputs
REFINEMENTS, EXACT = 60, 1e-13
LEAST = 1e-15  # output of a seller that would rather sell nothing, in benchmark outputs


class Game:
    """Outputs of the sellers of a scenario, relative to benchmark output, (B, m), and their first-order conditions."""

    def __init__(self, terms: Terms, solve: Solver, start: Array | None):
        self.terms, self.solve, self.start = terms, solve, start
        b = terms.benchmark
        self.nodes = [(s.good, s.region) for s in terms.sellers]
        self.output0 = np.stack([np.broadcast_to((b.output0 * b.supply_shift)[:, g, r], b.draws) for g, r in self.nodes], -1)
        self.price0 = np.stack([np.broadcast_to(b.price0[:, g, r], b.draws) for g, r in self.nodes], -1)
        self.weight = np.array([s.conduct / s.firms for s in terms.sellers])
        room = np.stack([np.broadcast_to(terms.capacity[:, g, r], b.draws) for g, r in self.nodes], -1)
        self.most = np.where(np.isfinite(room), room, np.inf) / self.output0

    def holding(self, x: Array) -> Terms:
        """Terms with the sellers' outputs held at x (B, m), in benchmark outputs; complex for derivatives."""
        terms = copy.copy(self.terms)
        terms.held = np.full((len(x), *terms.benchmark.active.shape), np.nan, x.dtype)
        for i, (g, r) in enumerate(self.nodes):
            terms.held[:, g, r] = x[:, i] * self.output0[:, i]
        return terms

    def at(self, x: Array) -> tuple[Any, Array, Array]:
        """The market at outputs x, h over benchmark price (B, m), and the sellers' profits (B, m), USD/yr."""
        solved = self.solve(self.holding(x), self.start)
        self.start = np.where(np.isfinite(solved.solution.z), solved.solution.z, 0.0)
        s, b = solved.state, self.terms.benchmark
        curve = (b.output0 * b.supply_shift, b.margin0, np.nan_to_num(b.supply_elasticity), b.linear_supply)
        margin, cost, spent = s.margin, supply_price(s.output, *curve), supply_cost(s.output, *curve)
        pick = [np.stack([a[:, g, r] for g, r in self.nodes], -1) for a in (margin - cost, s.output, margin * s.output - spent)]
        h = pick[0] + self.weight * pick[1] * self._price_slopes(solved, x)
        return solved, np.where(solved.solution.converged[:, None], h / self.price0, np.nan), pick[2]

    def _price_slopes(self, solved: Any, x: Array) -> Array:
        """d net price / dX of each seller (B, m), USD/t per t: rows that hold with equality move, unknowns at a bound do not."""
        z, draws = np.where(np.isfinite(solved.solution.z), solved.solution.z, 0.0), np.arange(len(x))
        f, jac = solved.system.evaluate(z, draws, 0.0, True)
        lower, upper = solved.system.bounds()
        stuck = ((z <= lower) & (f > 0)) | ((z >= upper) & (f < 0))
        jac = np.where(stuck[:, :, None], np.eye(z.shape[1]), jac)
        out = np.full(x.shape, np.nan)
        for i, (g, r) in enumerate(self.nodes):
            moved = x.astype(complex)
            moved[:, i] += 1j * STEP / self.output0[:, i]
            pushed = _with_terms(solved.system, self.holding(moved))
            df = pushed.evaluate(z.astype(complex), draws, 0.0, False)[0].imag / STEP
            dz = _solve_each(jac, np.where(stuck, 0.0, -df))
            with np.errstate(all="ignore"):  # NaN where the matrix is singular
                s = pushed.state(z + 1j * STEP * dz, draws)
            out[:, i] = (((s.price + s.guarantee) * s.constants.kept)[:, g, r]).imag / STEP
        return out


def _with_terms(system: Any, terms: Terms) -> Any:
    other = copy.copy(system)
    other.terms = terms
    return other


def _solve_each(matrix: Array, right: Array) -> Array:
    """Solutions (B, n); NaN for the draws whose matrix is singular."""
    try:
        return np.linalg.solve(matrix, right[..., None])[..., 0]
    except np.linalg.LinAlgError:
        out = np.full(right.shape, np.nan)
        for k in range(len(right)):
            if np.linalg.matrix_rank(matrix[k]) == matrix.shape[-1]:
                out[k] = np.linalg.solve(matrix[k], right[k])
        return out


def check_sellers(terms: Terms) -> None:
    """Raise ScenarioError where a seller's receipts hang on more than its price and output: the condition above leaves that out."""
    for s in terms.sellers:
        capped = [c.policy for c in terms.contracts if c.good == s.good and c.regions[s.region]
                  and any(x is not None for x in (c.volume_cap, c.money_cap, c.clawback_cap, c.scaling))]
        shared = [u.policy for u in terms.unknowns if u.good == s.good and u.subsidy is not None and np.any(u.subsidy[:, s.region])]
        if capped or shared:
            other = (capped + shared)[0] + 1
            raise ScenarioError(f"policy {s.policy + 1} (market_power): found beside policy {other}, which pays or charges the same "
                                "producers by a cap or a rate of its own; expected none such: leave one of the two out")


def set_outputs(terms: Terms, solve: Solver, start: Array | None) -> tuple[Any, Array]:
    """The market at the outputs its sellers choose, and whether each draw's search ended (B,)."""
    check_sellers(terms)
    game = Game(terms, solve, start)
    x, found = _best_branch(game) if len(terms.sellers) == 1 else _cournot(game)
    solved, _, _ = game.at(x)
    return solved, found


def _best_branch(game: Game) -> tuple[Array, Array]:
    """Output of a single seller: the most profitable of the crossings of h from above; at its capacity if h is positive there."""
    draws, rows = len(game.most), np.arange(len(game.most))
    grid = np.minimum(GRID[:, None], game.most.T)  # (K, B)
    h, profit = np.empty_like(grid), np.empty_like(grid)
    for k, x in enumerate(grid):
        _, hk, pk = game.at(x[:, None])
        h[k], profit[k] = hk[:, 0], pk[:, 0]
    best, best_profit = grid[-1].copy(), np.where(h[-1] > 0, profit[-1], -np.inf)
    found = (h[-1] > 0) & (grid[-1] >= game.most[:, 0])
    crossing = (h[:-1] > 0) & (h[1:] <= 0)
    for nth in range(int(crossing.sum(0).max(initial=0))):
        has = crossing.sum(0) > nth
        at = np.where(has, np.argmax(np.cumsum(crossing, 0) > nth, axis=0), 0)
        x = _refine(game, grid[at, rows], grid[at + 1, rows], h[at, rows], h[at + 1, rows], has)
        _, _, there = game.at(x[:, None])
        better = has & (there[:, 0] > best_profit)
        best, best_profit, found = np.where(better, x, best), np.where(better, there[:, 0], best_profit), found | better
    assert best.shape == (draws,)
    return best[:, None], found


def _refine(game: Game, low: Array, high: Array, h_low: Array, h_high: Array, live: Array) -> Array:
    """Crossing of h between `low` and `high` per draw: false position with halved weights (Illinois), which also ends at a jump."""
    low, high, h_low, h_high = (a.copy() for a in (low, high, h_low, h_high))
    side = np.zeros(len(low))
    for step in range(REFINEMENTS):
        width = high - low
        if np.all(~live | (width <= EXACT * high)):
            break
        straight = low + width * h_low / np.where(h_low != h_high, h_low - h_high, 1.0)
        x = np.where((step % 3 == 2) | ~np.isfinite(straight), (low + high) / 2, straight)
        x = np.where(live, np.clip(x, low, high), low)
        h = game.at(x[:, None])[1][:, 0]
        exact = np.abs(h) <= EXACT
        up = h > 0
        h_high = np.where(up & (side > 0), h_high / 2, h_high)
        h_low = np.where(~up & (side < 0), h_low / 2, h_low)
        side = np.where(up, 1.0, -1.0)
        low, h_low = np.where(up | exact, x, low), np.where(up, h, h_low)
        high, h_high = np.where(~up | exact, x, high), np.where(~up, h, h_high)
    return (low + high) / 2


class _Outputs:
    """The sellers' first-order conditions as a `newton.Problem`: -h complementary to x >= 0, with a difference Jacobian."""

    def __init__(self, game: Game):
        self.game, self.x = game, np.ones_like(game.most)

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        f = self._rows(z, draw)
        if not jacobian:
            return f, None
        jac = np.empty((*z.shape, z.shape[1]))
        for i in range(z.shape[1]):
            moved = z.copy()
            moved[:, i] += 1e-6 * np.maximum(z[:, i], 1e-2)
            jac[:, :, i] = (self._rows(moved, draw) - f) / (moved[:, i] - z[:, i])[:, None]
        return f, jac

    def _rows(self, z: Array, draw: Array) -> Array:
        self.x[draw] = z
        return -self.game.at(self.x)[1][draw]


def _cournot(game: Game) -> tuple[Array, Array]:
    """Outputs of several sellers, each the best answer to the others."""
    ones = np.ones_like(game.most)
    solution = solve_mcp(_Outputs(game), LEAST * ones, game.most, np.minimum(ones, game.most), tol=1e-9)
    return np.where(np.isfinite(solution.z), solution.z, 1.0), solution.converged
