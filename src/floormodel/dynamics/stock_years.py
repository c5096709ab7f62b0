"""The static market of many years at given changes of stocks: prices where stocks are held, and their derivatives by the changes.

Years are draws of the batched kernel. A stock enters as an unknown that is held at its change, bought by the buyers of its regions
(or released to them) in proportion to `weights`; its row reads the price they pay, so that the kernel's own Jacobian holds all
that the derivative needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.homogeneous import HomogeneousSystem
from floormodel.equilibrium.newton import Solution, solve_mcp
from floormodel.equilibrium.solve import TOLERANCE, Solved, batch_size, build_terms
from floormodel.equilibrium.state import State, choke_price
from floormodel.equilibrium.system import System
from floormodel.equilibrium.terms import Row, Unknown
from floormodel.errors import ScenarioError
from floormodel.market import Market
from floormodel.policies.base import Instrument

CLOSE = 1e-12  # residual of a year's market, so that the arbitrage between years can be closed to 1e-10
STAGES = 2  # of the solver: a market that is harder than that is one too far from where its stocks should be

class StockYears:
    """A market whose D draws are years, with N stocks of one good. `weights` (D or 1, N, R): where each is bought and released, adding
    up to 1.

    `scale` (D, N), t: benchmark use where the stock is held; `price0` (D, N), USD/t: the benchmark price there.
    """

    def __init__(self, market: Market, good: int, weights: Array, policies: Sequence[Instrument]):
        self.market, self.policies, self.good = market, tuple(policies), good
        self.terms, self.notes = build_terms(market, policies)
        if self.terms.sellers or self.terms.licences:
            raise ScenarioError("stocks: found market power or export licences; expected policies whose equilibrium needs no search")
        b = self.terms.benchmark
        self.weights = np.broadcast_to(weights, (b.draws, *weights.shape[1:]))
        self.price0 = self.seen(np.broadcast_to(np.nan_to_num(b.buyer_price0[:, good]), (b.draws, weights.shape[2])), np.arange(b.draws))
        self.scale = np.einsum("dnr,dr->dn", self.weights > 0, np.broadcast_to(b.use0[:, good], (b.draws, weights.shape[2])))
        for n in range(weights.shape[1]):
            at, tonnes = self.weights[:, n], self.scale[:, n]
            row = Row(buyer_price=at / self.price0[:, n, None])
            self.terms.unknowns.append(Unknown("stock_change", len(self.policies), good, "t/yr", tonnes, np.zeros(1), np.ones(1), row,
                                               "stock_purchases", purchases=at * tonnes[:, None]))
        self.choke: tuple[tuple[int, int], ...] = ()
        self.system = self._system()
        cut_off = (weights > 0).any((0, 1)) & ~self.system.layout.supplied[good]
        if cut_off.any():
            names = ", ".join(np.array(market.regions)[cut_off])
            raise ScenarioError(f"stocks: found no supply of {market.goods[good]!r} that reaches {names}; expected some, however little: "
                                "a price belongs to it")
        self.near = np.zeros((b.draws, self.system.size))
        if isinstance(self.system, HomogeneousSystem):
            self.near[:] = self.system.start()

    def _system(self) -> System | HomogeneousSystem:
        homogeneous = self.market.sourcing == "homogeneous"
        self.lower, self.upper = (system := HomogeneousSystem(self.terms) if homogeneous else System(self.terms, self.choke)).bounds()
        last = system.size - (0 if homogeneous else len(self.choke))
        self.columns = np.arange(last - self.weights.shape[1], last)
        return system

    def solve(self, change: Array, rows: Array) -> Solution:
        """Solve the years `rows` (k,) at changes of the stocks (k, N), t; from the last solution of each year."""
        for _ in range(2):
            solution = self._solve(change, rows)
            if self._rationed(solution, rows):
                break
        return solution

    def _solve(self, change: Array, rows: Array) -> Solution:
        lower, upper, start = self.lower[rows], self.upper[rows], self.near[rows]
        for bound in (lower, upper, start):
            bound[:, self.columns] = change / self.scale[rows]
        parts, size = [], batch_size(self.system)
        for at in range(0, len(rows), size):
            some = slice(at, at + size)
            parts.append(solve_mcp(self._part(rows[some]), lower[some], upper[some], start[some], tol=CLOSE, last_stage=STAGES))
        solution = Solution(**{k: np.concatenate([getattr(p, k) for p in parts]) for k in Solution.__dataclass_fields__})
        solution = replace(solution, converged=solution.residual < TOLERANCE)
        self.near[rows] = np.where(solution.converged[:, None], solution.z, self.near[rows])
        return solution

    def _part(self, rows: Array) -> System | _Rows:
        return self.system.part(rows) if isinstance(self.system, System) else _Rows(self.system, rows)

    def _rationed(self, solution: Solution, rows: Array) -> bool:
        """Is the choke price held where it has to be? If not, every buyer is given a share that stays unserved."""
        system, b = self.system, self.terms.benchmark
        if not isinstance(system, System) or self.choke or b.linear_demand:
            return True
        s = self.state(solution.z, rows)
        if solution.converged.all() and not np.any(s.buyer_price + s.constants.final_tax > choke_price(s.benchmark) * (1 + 1e-9)):
            return True
        self.choke = tuple((int(g), int(d)) for g, d in np.argwhere(np.any(b.final_demand0 > 0, axis=0) & system.layout.supplied))
        self.system = self._system()
        self.near = np.pad(self.near, ((0, 0), (0, self.system.size - self.near.shape[1])))
        return False

    def state(self, z: Array, rows: Array) -> State:
        """The state of the years `rows` at z; what is not finite is put to zero."""
        with np.errstate(all="ignore"):
            return self.system.state(np.where(np.isfinite(z), z, 0.0), rows)

    def prices(self, solution: Solution, rows: Array) -> Array:
        """Price (k, N), USD/t, that buyers pay where each stock is held; NaN in years that were not solved."""
        price = self.seen(self.state(solution.z, rows).buyer_price[:, self.good], rows)
        return np.where(solution.converged[:, None], price, np.nan)

    def seen(self, price: Array, rows: Array) -> Array:
        """Prices (k, R) of the rows as seen by each stock, (k, N)."""
        return np.einsum("knr,kr->kn", self.weights[rows], price)

    def slopes(self, solution: Solution, rows: Array) -> Array:
        """Derivatives (k, N, N), USD/t per t, of the prices by the changes of the stocks."""
        z = np.where(np.isfinite(solution.z), solution.z, 0.0)
        f, jac = self._part(rows).evaluate(z, np.arange(len(rows)), 0.0, True)
        assert jac is not None
        held = (f >= z - self.lower[rows]) | (f <= z - self.upper[rows])
        held[:, self.columns] = True
        matrix = np.where(held[:, :, None], np.eye(z.shape[1]), jac)
        right = np.where(held[:, :, None], 0.0, -jac[:, :, self.columns])
        right[:, self.columns] = np.eye(len(self.columns))
        matrix[:, :, self.columns] = np.where(held[:, :, None], matrix[:, :, self.columns], 0.0)
        try:
            moved = np.linalg.solve(matrix, right)
        except np.linalg.LinAlgError:
            moved = np.linalg.pinv(matrix) @ right
        return (jac[:, self.columns] @ moved) * self.price0[rows, :, None] / self.scale[rows, None]

    def solved(self, change: Array) -> Solved:
        """The equilibria of all years (B T, N) as any other solved scenario; a year in which no stock changes is the static market."""
        rows = np.arange(len(change))
        solution = self.solve(change, rows)
        return Solved(self.market, self.policies, self.terms, self.system, solution, self.state(solution.z, rows), self.notes)


class _Rows:
    """Some rows of a problem: row i is draw rows[i]."""

    def __init__(self, system: HomogeneousSystem, rows: Array):
        self.system, self.rows = system, rows

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        return self.system.evaluate(z, self.rows[draw], width, jacobian)
