"""Storage and trade of two regions with rational expectations (Miranda and Glauber 1995).

    in each region      P + storage_cost - discount E[P']  complementary to  stock >= 0
                        availability = D(P) + stock + exports - imports
    on each route       P[o] + trade_cost - P[d]           complementary to  exports >= 0
    planned output      as in one region, from the region's own prices

The value of a tonne in store is a function of both end-of-period stocks; it is held as a spline, while the period itself is solved
anew, as a complementarity problem, wherever a price is asked for, so that its kinks are exact. Under shocks drawn from nodes the value
has slight kinks of its own: the grids are halved where the spline misses by more than `error`. Without stocks a period is the
static spatial equilibrium.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.interpolate import RectBivariateSpline

from floormodel.dynamics.storage_accuracy import HELD, Accuracy, combined, halved, middles, use_error, value_miss
from floormodel.dynamics.storage_market import Array, StorageMarket
from floormodel.equilibrium.newton import solve_mcp
from floormodel.errors import ConvergenceError, DataError

ROUNDS, RELAX, TOLERANCE = 400, 0.5, 1e-11
HALVINGS = 4  # of an interval of either grid, at most
NEAR = 0.02  # share of a price by which values may be too far apart for stocks in both regions and still have a say


@dataclass(frozen=True, eq=False)
class Period:
    """Outcome of a period at n points, each (n, 2) but `exports` (n, 2): from the first to the second region and back."""

    price: Array
    stock: Array
    exports: Array
    planned: Array


class _Period:
    """A `newton.Problem` at n points: z = log prices over price0, stocks, exports both ways, all over benchmark use."""

    def __init__(self, solution: TwoRegions, available: Array):
        self.s, self.available = solution, available
        self.markets = solution.markets
        self.scale = self.markets[0].demand0

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        stock, exports = z[:, 2:4] * self.scale, z[:, 4:6] * self.scale
        net = exports[:, 0] - exports[:, 1]
        price = np.stack([m.price0 * np.exp(z[:, i]) for i, m in enumerate(self.markets)], axis=1)
        f, unit = np.empty_like(z), self.markets[0].price0
        for i, m in enumerate(self.markets):
            sign = 1 - 2 * i
            f[:, i] = (m.use(price[:, i]) + stock[:, i] + sign * net - self.available[draw, i]) / self.scale
            f[:, 2 + i] = (price[:, i] - self.s.stored(i, stock)) / unit
            f[:, 4 + i] = (price[:, i] + self.s.trade_cost[i] - price[:, 1 - i]) / unit
        return f, (self._slopes(z, price, stock) if jacobian else None)

    def _slopes(self, z: Array, price: Array, stock: Array) -> Array:
        jac, unit = np.zeros((*z.shape, 6)), self.markets[0].price0
        for i, m in enumerate(self.markets):
            linear = m.demand_curve == "linear"
            slope = -m.demand_elasticity * (m.demand0 / m.price0 * price[:, i] if linear else m.use(price[:, i]))
            jac[:, i, i] = slope / self.scale
            jac[:, i, 2 + i] = 1.0
            jac[:, i, 4:6] = (1 - 2 * i) * np.array([1.0, -1.0])
            jac[:, 2 + i, i] = price[:, i] / unit
            for j in (0, 1):
                jac[:, 2 + i, 2 + j] = -self.s.stored(i, stock, j) * self.scale / unit
            jac[:, 4 + i, i], jac[:, 4 + i, 1 - i] = price[:, i] / unit, -price[:, 1 - i] / unit
        return jac


@dataclass(frozen=True, eq=False)
class TwoRegions:
    """The stationary equilibrium: `grids` of both stocks, splines of the value of a tonne in store and of planned output."""

    markets: tuple[StorageMarket, StorageMarket]
    trade_cost: tuple[float, float]
    grids: tuple[Array, Array]
    values: tuple[RectBivariateSpline, RectBivariateSpline]
    outputs: tuple[RectBivariateSpline, RectBivariateSpline]
    rounds: int

    def stored(self, region: int, stock: Array, by: int | None = None) -> Array:
        """What a tonne in store in a region is worth now, less storage cost, at stocks (n, 2); or its derivative by one of them."""
        at = [np.clip(stock[:, j], 0.0, self.grids[j][-1]) for j in (0, 1)]
        order = {"dx": int(by == 0), "dy": int(by == 1)}
        return self.values[region].ev(*at, **order)

    def period(self, available: Array, near: Array | None = None) -> tuple[Period, Array]:
        """Solve a period at availabilities (n, 2); also the solution z, to start a neighbouring problem `near`.

        Raises
        ------
        ConvergenceError
            Where a point was not solved.
        """
        available = np.asarray(available, float)
        problem, n = _Period(self, available), len(available)
        start = np.zeros((n, 6)) if near is None else near
        lower, upper = np.full((1, 6), 0.0), np.full((1, 6), np.inf)
        lower[:, :2] = -np.inf
        upper[:, 2:4] = [g[-1] / problem.scale for g in self.grids]
        found = solve_mcp(problem, lower, upper, start, tol=TOLERANCE)
        if not found.converged.all():
            bad = available[~found.converged]
            raise ConvergenceError(f"two regions: {len(bad)} of {n} periods not solved, such as availabilities {bad[0].round(4).tolist()}")
        stock = found.z[:, 2:4] * problem.scale
        price = np.stack([m.price0 * np.exp(found.z[:, i]) for i, m in enumerate(self.markets)], axis=1)
        planned = np.stack([s.ev(stock[:, 0], stock[:, 1]) for s in self.outputs], axis=1)
        return Period(price, stock, found.z[:, 4:6] * problem.scale, planned), found.z

    def accuracy(self, points: int = 300, seed: int = 0) -> Accuracy:
        """Error of the storage rules at random points, of both regions where they hold stock, as in `StorageSolution.accuracy`."""
        rng = np.random.default_rng(seed)
        low, high = (np.array([m.output0 * x for m in self.markets]) for x in (0.9, 1.25))
        found, _ = self.period(rng.uniform(low, high, (points, 2)))
        fresh, _, _ = _expect(self, found.stock, found.planned)
        held = found.stock > HELD * np.array([m.demand0 for m in self.markets])
        return combined([use_error(m, fresh[:, i], m.use(found.price[:, i]))[held[:, i]] for i, m in enumerate(self.markets)])


def _expect(solution: TwoRegions, stock: Array, planned: Array, near: Array | None = None) -> tuple[Array, Array, Array]:
    """Value of a tonne in store and wanted planned output (K, 2) at end-of-period stocks (K, 2); and z of the periods behind them."""
    markets = solution.markets
    shock = np.stack(np.meshgrid(*(m.shocks.nodes for m in markets), indexing="ij"), axis=-1).reshape(-1, 2)
    chance = np.outer(*(m.shocks.weights for m in markets)).ravel()
    left = stock * [1 - m.loss for m in markets]
    found, near = solution.period((left[:, None] + planned[:, None] * shock).reshape(-1, 2), near)
    price = found.price.reshape(len(stock), len(shock), 2)
    stored, wanted = np.empty_like(stock), np.empty_like(planned)
    for i, m in enumerate(markets):
        stored[:, i] = m.discount * price[..., i] @ chance - m.storage_cost
        wanted[:, i] = m.planned(price[..., i] @ (chance * (shock[:, i] if m.planned_on == "revenue" else 1.0)))
    return stored, wanted, near


def solve_two_regions(first: StorageMarket, second: StorageMarket, trade_cost: tuple[float, float], *, max_stock: float | None = None,
                      nodes: int = 13, error: float = 1e-4, tolerance: float = 1e-7) -> TwoRegions:
    """Solve for the stationary storage and trade rules; shocks of the two regions are independent.

    Parameters
    ----------
    trade_cost : freight and tariff from the first region to the second and back, USD/t
    max_stock : largest stock of each region's grid, t; default half its benchmark output
    nodes : grid nodes of each stock to begin with
    error : share of use by which a spline between two nodes may miss; more nodes are put where it misses by more. Infinity: never

    Raises
    ------
    ConvergenceError
        Where the rules do not settle, or a period was not solved.
    """
    if min(trade_cost) < 0 or sum(trade_cost) <= 0:
        raise DataError(f"trade_cost: found {trade_cost}; expected two numbers of 0 or more, one of them above 0: else goods go both ways")
    markets = (first, second)
    most = [m.output0 / 2 if max_stock is None else max_stock for m in markets]
    grids = (most[0] * np.linspace(0, 1, nodes) ** 1.5, most[1] * np.linspace(0, 1, nodes) ** 1.5)
    stock = _pairs(grids)
    planned = np.tile([m.output0 for m in markets], (len(stock), 1))
    stored = np.full_like(planned, -10.0) * [m.price0 for m in markets]  # nothing is stored in the last period
    near, halvings = None, 0
    for rounds in range(1, ROUNDS + 1):
        solution = TwoRegions(markets, trade_cost, grids, _splines(grids, stored), _splines(grids, planned), rounds)
        new, wanted, near = _expect(solution, stock, planned, near)
        moved = max(np.max(np.abs(new - stored)) / first.price0, np.max(np.abs(wanted - planned)) / first.output0)
        stored, planned = new, planned + RELAX * (wanted - planned)
        if moved < max(tolerance, error / 10) and halvings < HALVINGS:
            finer = _finer(solution, error)
            more = sum(map(len, finer)) > sum(map(len, grids))
            halvings, near = (halvings + 1, None) if more else (HALVINGS, near)
            grids, stock = finer, _pairs(finer)
            stored, planned = (np.stack([f.ev(*stock.T) for f in both], axis=1) for both in (solution.values, solution.outputs))
        elif moved < tolerance:
            return solution
    raise ConvergenceError(f"two regions: not settled after {ROUNDS} rounds, last change {moved:.1g}")


def _pairs(grids: tuple[Array, ...]) -> Array:
    return np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, 2)  # (K, 2)


def _finer(solution: TwoRegions, error: float) -> tuple[Array, Array]:
    """Both grids with a node in the middle of every interval in which a spline misses by more than `error`.

    A region holds stock only where the other's stock is worth no more than its own and the freight: other stocks do not count.
    """
    found = []
    for j, grid in enumerate(solution.grids):
        middle = middles(grid)
        stock = _pairs((middle, solution.grids[1]) if j == 0 else (solution.grids[0], middle))
        value, plan = (np.stack([f.ev(*stock.T) for f in both], axis=1) for both in (solution.values, solution.outputs))
        fresh, wanted, _ = _expect(solution, stock, plan)
        miss = np.stack([value_miss(m, value[:, i], fresh[:, i], plan[:, i], wanted[:, i]) for i, m in enumerate(solution.markets)]).max(0)
        held = [(stock[:, i] == 0) | (fresh[:, 1 - i] <= (fresh[:, i] + cost) * (1 + NEAR)) for i, cost in enumerate(solution.trade_cost)]
        shape = (len(middle), -1) if j == 0 else (-1, len(middle))
        found.append(halved(grid, (np.where(held[0] & held[1], miss, 0.0).reshape(shape).max(1 - j)) > error))
    return found[0], found[1]


def _splines(grids: tuple[Array, ...], values: Array) -> tuple[RectBivariateSpline, RectBivariateSpline]:
    shape = tuple(len(g) for g in grids)
    one, two = (RectBivariateSpline(*grids, values[:, i].reshape(shape), kx=3, ky=3) for i in (0, 1))
    return one, two


def simulate_two(solution: TwoRegions, periods: int = 100, paths: int = 500, *, burn: int = 50, seed: int = 0) -> xr.Dataset:
    """Simulated paths over (period, path, region 0 or 1): price, stock, output and planned output; exports from each to the other."""
    markets, rng = solution.markets, np.random.default_rng(seed)
    output = np.tile([m.output0 for m in markets], (paths, 1))
    available, near = output, None
    record: dict[str, list[Array]] = {n: [] for n in ("price", "stock", "exports", "planned", "output")}
    for t in range(burn + periods):
        now, near = solution.period(available, near)
        if t >= burn:
            for name, value in zip(record, (now.price, now.stock, now.exports, now.planned, output)):
                record[name].append(value)
        output = np.stack([now.planned[:, i] * m.shocks.draw(rng, (paths,)) for i, m in enumerate(markets)], axis=1)
        available = now.stock * [1 - m.loss for m in markets] + output
    ds = xr.Dataset({name: (("period", "path", "region"), np.stack(values)) for name, values in record.items()})
    for name in record:
        ds[name].attrs["unit"] = "USD/t" if name == "price" else "t"
    return ds
