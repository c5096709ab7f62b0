"""Storage in a small open economy: a bloc that trades at a world price it does not move, with a price floor at its border or without.

    P = min(max(P_closed, Pw - trade_cost), max(Pw + trade_cost, floor)),   ln Pw' = persistence ln(Pw / price0) - sigma^2 / 2 + nu

where P_closed is the price at which the bloc would use and store what it has, given what storers expect at that world price. Exports
set the lower limit, imports the upper one; a floor on imports raises the upper one, and the difference is a levy. The value of a tonne
in store has kinks along lines of the stock and the world price; both grids are halved where a line between two nodes misses by more
than `error`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from floormodel.dynamics.storage_accuracy import Accuracy, accuracy_of
from floormodel.dynamics.storage_columns import across, level
from floormodel.dynamics.storage_market import Array, StorageMarket
from floormodel.dynamics.storage_two_states import left_and_stored, settle
from floormodel.errors import DataError

WIDTH = 5.0  # standard deviations of the world price on its grid, either way


@dataclass(frozen=True, eq=False)
class _Closed:
    """The bloc without trade: log world prices `logs` (C,), nodes `grid` (N,) of stock and the tonnes `at` (C, N) that leave them."""

    market: StorageMarket
    logs: Array
    grid: Array
    at: Array

    def stock(self, available: Array, log: Array) -> Array:
        """Stock kept at log world prices `log`."""
        return level(self.logs, self.at, np.broadcast_to(self.grid, self.at.shape), available, log)

    def price(self, available: Array, log: Array) -> Array:
        """Price at log world prices `log`."""
        return self.market.price(available - self.stock(available, log))


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
    closed: _Closed
    rounds: int

    def price(self, available: Array | float, world: Array | float) -> Array:
        """Price in the bloc, USD/t."""
        available, world = (np.asarray(x, float) for x in np.broadcast_arrays(available, world))
        return np.clip(self.closed.price(available, np.log(world / self.market.price0)), *_limits(self.world, self.floor, world))

    def limits(self, world: Array) -> tuple[Array, Array]:
        """Lowest and highest price in the bloc, USD/t: of exports and of imports under the floor."""
        return _limits(self.world, self.floor, world)

    def stock(self, available: Array | float, world: Array | float) -> Array:
        """Stock at the end of the period, t."""
        available, world = (np.asarray(x, float) for x in np.broadcast_arrays(available, world))
        at, price = np.log(world / self.market.price0), self.price(available, world)
        own = self.closed.stock(available, at)
        falling = np.minimum.accumulate(self.stored, axis=1)
        wanted = level(self.world_grid, -falling, np.broadcast_to(self.grid, falling.shape), -price, at)  # at a price set by trade
        return np.where(np.abs(self.market.price(available - own) - price) <= 1e-12 * price, own, wanted)

    def net_exports(self, available: Array | float, world: Array | float) -> Array:
        """Exports less imports, t."""
        return np.asarray(available, float) - self.stock(available, world) - self.market.use(self.price(available, world))

    def output(self, available: Array | float, world: Array | float) -> Array:
        """Output planned for the next period, t."""
        at = np.log(np.broadcast_arrays(np.asarray(world, float), available)[0] / self.market.price0)
        return across(self.world_grid, np.broadcast_to(self.grid, self.planned.shape), self.planned, self.stock(available, world), at)

    def accuracy(self, points: int = 2000, seed: int = 0) -> Accuracy:
        """Error of the storage rule at random points where stock is held, as in `StorageSolution.accuracy`.

        World prices within three standard deviations of their mean, in logs; availabilities from the least output on.
        """
        rng, m = np.random.default_rng(seed), self.market
        log = _centre(self.world) + 3 * _spread(self.world) * rng.uniform(-1, 1, points)
        at = rng.uniform(m.output0 * m.shocks.nodes.min(), m.output0 * m.shocks.nodes.max() + self.grid[-1] / 4, points)
        world = m.price0 * np.exp(log)
        stock, price, planned = self.stock(at, world), self.price(at, world), self.output(at, world)
        stored, _ = _expect(m, self.world, self.floor, self.closed, log[:, None], stock[:, None], planned[:, None])
        return accuracy_of(m, stored[:, 0], m.use(price), stock)


def _centre(world: WorldPrice) -> float:
    return -world.sigma**2 / 2 / (1 - world.persistence)


def _spread(world: WorldPrice) -> float:
    return float(world.sigma / np.sqrt(1 - world.persistence**2))


def _limits(world: WorldPrice, floor: float, price: Array) -> tuple[Array, Array]:
    return price - world.trade_cost, np.maximum(price + world.trade_cost, floor)


def _expect(market: StorageMarket, world: WorldPrice, floor: float, rule: _Closed | None, log: Array, stock: Array, planned: Array
            ) -> tuple[Array, Array]:
    """What a tonne stored is worth and planned output (C, N) at log world prices (C, 1), stocks (C, N); without a rule none is stored."""
    x, w = np.polynomial.hermite_e.hermegauss(world.nodes)
    later = (world.persistence * log - world.sigma**2 / 2 + world.sigma * x)[..., None]  # (C, W, 1)

    def price(available: Array) -> Array:
        """Mean over next period's world prices of the price at (C, N, shocks)."""
        total = np.zeros(available.shape)
        for j, chance in enumerate(w / w.sum()):
            at = np.broadcast_to(later[:, j, :, None], available.shape)
            closed = market.price(available) if rule is None else rule.price(available, at)
            total += chance * np.clip(closed, *_limits(world, floor, market.price0 * np.exp(at)))
        return total

    return market.expect(price, (1 - market.loss) * np.broadcast_to(stock, planned.shape), planned)


def solve_open(market: StorageMarket, world: WorldPrice, floor: float = 0.0, *, max_stock: float | None = None, nodes: int = 61,
               columns: int = 21, error: float = 7e-5, tolerance: float = 1e-9) -> OpenSolution:
    """Solve for the stationary storage rule of a small open economy.

    Parameters
    ----------
    floor : lowest landed price of imports, USD/t; 0 for none
    max_stock : largest stock of the grid, t; default twice benchmark output
    nodes, columns : grid nodes of the stock and of the world price to begin with
    error : share of use by which a line between two nodes may miss; more nodes are put where it misses by more. Infinity: never

    Raises
    ------
    ConvergenceError
        Where the rule does not settle.
    """
    if not (np.isfinite(floor) and floor >= 0):
        raise DataError(f"floor: found {floor!r}; expected a price of 0 or more, USD/t")
    logs = _centre(world) + WIDTH * _spread(world) * np.linspace(-1, 1, columns)
    grid = (2 * market.output0 if max_stock is None else max_stock) * np.linspace(0, 1, nodes) ** 1.5

    def reached(log: Array, value: Array) -> Array:
        low, high = _limits(world, floor, market.price0 * np.exp(log))  # stock is held within the limits of the price
        return (value >= low) & (value <= high)

    def expect(rule: _Closed | None, log: Array, stock: Array, planned: Array) -> tuple[Array, Array]:
        return _expect(market, world, floor, rule, log[:, None], stock, planned)

    def rule_of(logs: Array, grid: Array, stored: Array) -> _Closed:
        return _Closed(market, logs, grid, left_and_stored(market, grid, stored))

    found = settle(market, logs, grid, None, expect, rule_of, reached, error, tolerance, "raise loss, interest or storage_cost")
    assert found.rule is not None
    return OpenSolution(market, world, floor, found.first, found.grid, found.stored, found.planned, found.rule, found.rounds)


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
