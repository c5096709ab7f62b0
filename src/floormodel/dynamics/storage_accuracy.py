"""How far off the rule of a storage solution is between the nodes of its grids, and where grids need more of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from floormodel.dynamics.storage_market import Array, StorageMarket

HELD = 1e-9  # of benchmark use: a smaller stock is none
ROUNDS = 3000


@dataclass(frozen=True)
class Accuracy:
    """Euler-equation error over the points where private stock is held: log10 of the largest and of the mean error.

    An error is the distance between the use that the expected price, computed anew, stands for and the use of the solution, as a
    share of use. `points` hold stock; with none of them there is no error to speak of, and both figures are NaN.
    """

    max_log10: float
    mean_log10: float
    points: int

    def __str__(self) -> str:
        if not self.points:
            return "Euler-equation error: none, no stock is held at any point"
        return f"Euler-equation error where stock is held, log10: max {self.max_log10:.1f}, of the mean {self.mean_log10:.1f}"


def accuracy_of(market: StorageMarket, stored: Array, use: Array, stock: Array) -> Accuracy:
    """Accuracy at points (...) with the value `stored` of a tonne in store, computed anew, and `use` and `stock` of the solution."""
    held = stock > HELD * market.demand0
    error = use_error(market, stored, use)[held]
    return combined([error])


def combined(errors: list[Array]) -> Accuracy:
    """Accuracy of the errors (...) of some points or regions; rounding counts as 1e-16."""
    error = np.concatenate([np.ravel(e) for e in errors])
    if not len(error):
        return Accuracy(np.nan, np.nan, 0)
    largest, mean = (float(np.log10(max(x, 1e-16))) for x in (error.max(), error.mean()))
    return Accuracy(largest, mean, len(error))


def use_error(market: StorageMarket, price: Array, use: Array) -> Array:
    """Distance of the use at a price from `use`, as a share of it; of benchmark use where a line has less, since a line crosses zero."""
    scale = np.maximum(np.abs(use), market.demand0) if market.demand_curve == "linear" else use
    return np.abs(market.use(price) - use) / scale


def largest_miss(market: StorageMarket, grid: Array, stored: Array, planned: Array,
                 expect: Callable[[Array, Array], tuple[Array, Array]]) -> Array:
    """Error (N - 1,) in the middle between two nodes of the lines (N,) of value and of planned output; `expect` gives both anew there."""
    value, plan = ((x[1:] + x[:-1]) / 2 for x in (stored, planned))
    fresh, wanted = expect(middles(grid), plan)
    return value_miss(market, value, fresh, plan, wanted)


def both_halved(market: StorageMarket, first: Array, second: Array, stored: Array, planned: Array,
                expect: Callable[[Array, Array, Array], tuple[Array, Array]], reached: Callable[[Array, Array], Array], error: float
                ) -> tuple[Array, Array]:
    """Two grids (C,) and (N,) with a node in the middle of every interval in which tables (C, N) of value and planned output miss.

    They are compared in the middle of the sides and of the cells: a kink may run from corner to corner; then the first grid is halved.
    `expect` gives both anew at two grids, `reached` says of the first grid (C, 1) and values (C, N) where the rule ever goes; what is
    elsewhere does not count.
    """
    most = [np.zeros(len(first) - 1), np.zeros(len(second) - 1)]
    live = reached(first[:, None], stored)
    for i, j in ((1, 0), (0, 1), (1, 1)):
        rows, columns = (middles(first) if i else first), (middles(second) if j else second)
        value, plan, counts = stored, planned, live
        if i:
            value, plan, counts = (value[1:] + value[:-1]) / 2, (plan[1:] + plan[:-1]) / 2, counts[1:] | counts[:-1]
        if j:
            value, plan = ((x[:, 1:] + x[:, :-1]) / 2 for x in (value, plan))
            counts = counts[:, 1:] | counts[:, :-1]
        fresh, wanted = expect(rows, columns, plan)
        miss = np.where(counts | reached(rows[:, None], fresh), value_miss(market, value, fresh, plan, wanted), 0.0)
        most = [np.maximum(old, miss.max(1 - axis)) if mid else old for axis, (old, mid) in enumerate(zip(most, (i, j and not i)))]
    return halved(first, most[0] > error), halved(second, most[1] > error)


def middles(grid: Array) -> Array:
    """Between the nodes (N,) of a grid, (N - 1,)."""
    return (grid[1:] + grid[:-1]) / 2


def value_miss(market: StorageMarket, value: Array, fresh: Array, planned: Array, wanted: Array) -> Array:
    """Share of use by which a value in store is off, or of output by which a plan is; none where a tonne in store is worth nothing."""
    least = 1e-6 * market.price0
    use = use_error(market, np.maximum(value, least), market.use(np.maximum(fresh, least)))
    return np.where((value > least) & (fresh > least), np.maximum(use, np.abs(planned / wanted - 1)), 0.0)


def halved(grid: Array, where: Array) -> Array:
    """The grid (N,) with a node in the middle of the intervals (N - 1,) that need one."""
    return np.sort(np.append(grid, middles(grid)[where]))
