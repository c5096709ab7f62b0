"""Storage in a small open economy: a bloc that trades at a world price it does not move, with a price floor at its border or without.

    P = min(max(P_closed, Pw - trade_cost), max(Pw + trade_cost, floor)),   ln Pw' = persistence ln(Pw / price0) - sigma^2 / 2 + nu

where P_closed is the price at which the bloc would use and store what it has, given what storers expect at that world price. Exports
set the lower limit, imports the upper one; a floor on imports raises the upper one, and the difference is a levy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from floormodel.dynamics.storage import ROUNDS
from floormodel.dynamics.storage_columns import across
from floormodel.dynamics.storage_market import Array, StorageMarket
from floormodel.errors import ConvergenceError, DataError

WIDTH = 4.0  # standard deviations of the world price on its grid


@dataclass(frozen=True, kw_only=True)
class WorldPrice:
    """A world price whose logarithm is an autoregression around that of the market's `price0`, and what trade costs, USD/t."""

    persistence: float
    sigma: float
    trade_cost: float
    nodes: int = 5

    def __post_init__(self) -> None:
        if not (0 <= self.persistence < 1 and self.sigma > 0 and self.trade_cost >= 0 and self.nodes > 1):
            raise DataError(f"world price: found persistence {self.persistence}, sigma {self.sigma}, trade_cost {self.trade_cost}, nodes "
                            f"{self.nodes}; expected persistence from 0 to below 1, sigma above 0, a cost of 0 or more, 2 nodes or more")


@dataclass(frozen=True, eq=False)
class OpenSolution:
    """The stationary equilibrium. Methods take the tonnes available in the bloc and the world price, arrays of one shape.

    `world_grid` (C,) of log world prices over price0, `grid` (N,) of end-of-period stock, `stored` and `planned` (C, N).
    """

    market: StorageMarket
    world: WorldPrice
    floor: float
    world_grid: Array
    grid: Array
    stored: Array
    planned: Array
    rounds: int

    def price(self, available: Array | float, world: Array | float) -> Array:
        """Price in the bloc, USD/t."""
        available, world = (np.asarray(x, float) for x in np.broadcast_arrays(available, world))
        closed = _closed(self.market, self.world_grid, self.grid, self.stored, available, np.log(world / self.market.price0))
        return np.clip(closed, *self.limits(world))

    def limits(self, world: Array) -> tuple[Array, Array]:
        """Lowest and highest price in the bloc, USD/t: of exports and of imports under the floor."""
        cost = self.world.trade_cost
        return world - cost, np.maximum(world + cost, self.floor)

    def stock(self, available: Array | float, world: Array | float) -> Array:
        """Stock at the end of the period, t."""
        available, world = (np.asarray(x, float) for x in np.broadcast_arrays(available, world))
        at, price = np.log(world / self.market.price0), self.price(available, world)
        own = _closed_stock(self.market, self.world_grid, self.grid, self.stored, available, at)
        falling = np.minimum.accumulate(self.stored, axis=1)
        wanted = across(self.world_grid, -falling, np.broadcast_to(self.grid, falling.shape), -price, at)  # at a price set by trade
        return np.where(np.abs(self.market.price(available - own) - price) <= 1e-12 * price, own, wanted)

    def net_exports(self, available: Array | float, world: Array | float) -> Array:
        """Exports less imports, t."""
        return np.asarray(available, float) - self.stock(available, world) - self.market.use(self.price(available, world))

    def output(self, available: Array | float, world: Array | float) -> Array:
        """Output planned for the next period, t."""
        at = np.log(np.broadcast_arrays(np.asarray(world, float), available)[0] / self.market.price0)
        return across(self.world_grid, np.broadcast_to(self.grid, self.planned.shape), self.planned, self.stock(available, world), at)


def solve_open(market: StorageMarket, world: WorldPrice, floor: float = 0.0, *, max_stock: float | None = None, nodes: int = 301,
               columns: int = 41, tolerance: float = 1e-9) -> OpenSolution:
    """Solve for the stationary storage rule of a small open economy.

    Parameters
    ----------
    floor : lowest landed price of imports, USD/t; 0 for none
    max_stock : largest stock of the grid, t; default twice benchmark output
    nodes, columns : grid nodes of the stock and of the world price

    Raises
    ------
    ConvergenceError
        Where the rule does not settle.
    """
    if not (np.isfinite(floor) and floor >= 0):
        raise DataError(f"floor: found {floor!r}; expected a price of 0 or more, USD/t")
    centre = -world.sigma**2 / 2 / (1 - world.persistence)
    spread = WIDTH * world.sigma / np.sqrt(1 - world.persistence**2)
    logs = np.linspace(centre - spread, centre + spread, columns)
    grid = (2 * market.output0 if max_stock is None else max_stock) * np.linspace(0, 1, nodes) ** 1.5
    x, w = np.polynomial.hermite_e.hermegauss(world.nodes)
    chance = w / w.sum()
    later = np.clip(world.persistence * logs[:, None] - world.sigma**2 / 2 + world.sigma * x, logs[0], logs[-1])
    abroad = market.price0 * np.exp(later)  # (C, W)
    low, high = abroad - world.trade_cost, np.maximum(abroad + world.trade_cost, floor)
    planned = np.full((columns, nodes), market.output0)
    carried = np.broadcast_to((1 - market.loss) * grid, planned.shape)
    stored = np.full(planned.shape, -np.inf)  # nothing is stored in the last period
    for rounds in range(1, ROUNDS + 1):
        def price(available: Array, stored: Array = stored) -> Array:
            """Mean over next period's world prices of the price at (C, N, shocks), a column per world price now."""
            total = np.zeros(available.shape)
            for j in range(world.nodes):
                at = np.broadcast_to(later[:, j, None, None], available.shape)
                closed = _closed(market, logs, grid, stored, available, at)
                total += chance[j] * np.clip(closed, low[:, j, None, None], high[:, j, None, None])
            return total

        before, old = stored, planned
        stored, planned = market.expect(price, carried, planned)
        with np.errstate(invalid="ignore"):
            moved = max(np.max(np.abs(stored - before)) / market.price0, np.max(np.abs(planned - old)) / market.output0)
        if moved < tolerance:
            return OpenSolution(market, world, floor, logs, grid, stored, planned, rounds)
    raise ConvergenceError(f"storage: not settled after {ROUNDS} rounds, last change {moved:.1g}; raise loss, interest or storage_cost")


def _closed_stock(market: StorageMarket, logs: Array, grid: Array, stored: Array, available: Array, at: Array) -> Array:
    """Stock kept without trade at log world prices `at`."""
    ends = np.maximum.accumulate(market.use(np.maximum(stored, 1e-6 * market.price0)) + grid, axis=1)
    ends = np.minimum(ends, 1e3 * (grid[-1] + market.output0))
    return across(logs, ends, np.broadcast_to(grid, ends.shape), available, at)


def _closed(market: StorageMarket, logs: Array, grid: Array, stored: Array, available: Array, at: Array) -> Array:
    """Price without trade."""
    if not np.isfinite(stored).all():
        return market.price(available)
    return market.price(available - _closed_stock(market, logs, grid, stored, available, at))


def simulate_open(solution: OpenSolution, periods: int = 200, paths: int = 1000, *, burn: int = 100, seed: int = 0) -> xr.Dataset:
    """Simulated paths over (period, path): world price, price, output, stock and net exports, after `burn` periods."""
    m, w, rng = solution.market, solution.world, np.random.default_rng(seed)
    log = np.full(paths, -w.sigma**2 / 2 / (1 - w.persistence))
    available = output = np.full(paths, m.output0)
    names = {"world": "USD/t", "price": "USD/t", "output": "t", "stock": "t", "net_exports": "t"}
    record: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for t in range(burn + periods):
        world = m.price0 * np.exp(log)
        stock = solution.stock(available, world)
        if t >= burn:
            price = solution.price(available, world)
            for name, value in zip(names, (world, price, output, stock, available - stock - m.use(price))):
                record[name].append(value)
        output = solution.output(available, world) * m.shocks.draw(rng, (paths,))
        available = (1 - m.loss) * stock + output
        log = w.persistence * log - w.sigma**2 / 2 + w.sigma * rng.standard_normal(paths)
    ds = xr.Dataset({name: (("period", "path"), np.stack(values)) for name, values in record.items()})
    for name, unit in names.items():
        ds[name].attrs["unit"] = unit
    return ds
