"""Competitive storage with rational expectations in one region, with a public floor or a support price.

    P + storage_cost - discount E[P'] >= 0   complementary to   private stock >= 0
    availability = D(P) + private + public stock;   next period's = (1 - loss) stocks + planned output x shock

solved by the endogenous-grid method on the end-of-period stock X, private and public: at a given X the expected price gives the
price now, that the use, and use and stock together the availability they belong to, so that no equation is solved and the kinks
are exact. The value of a tonne in store has kinks of its own, where one of next period's shocks meets a kink of the rule: the grid is
halved where a line between two nodes misses by more than `error`. Williams and Wright (1991) for the model, Carroll (2006) for the method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.dynamics.storage_accuracy import ROUNDS, Accuracy, accuracy_of, halved, largest_miss
from floormodel.dynamics.storage_market import Array, StorageMarket
from floormodel.dynamics.storage_policy import PublicFloor
from floormodel.errors import ConvergenceError, ScenarioError

BEYOND = 50.0  # of the largest stock: how far the line past the last node goes
HALVINGS = 12  # of an interval of the grid, at most


@dataclass(frozen=True, eq=False)
class StorageSolution:
    """The stationary equilibrium. Methods take the tonnes available at the beginning of a period, old stocks and new output.

    `grid` (N,) the nodes of end-of-period stock with the value `stored` of a tonne in store and `planned` output; `kinks` the
    end-of-period stock as a piecewise-linear function of availability.
    """

    market: StorageMarket
    policy: PublicFloor | None
    support: float | None
    grid: Array
    stored: Array
    planned: Array
    kinks: tuple[Array, Array]
    rounds: int

    def stock(self, available: Array | float) -> Array:
        """All stocks at the end of the period, t."""
        at, stock = self.kinks
        return np.interp(np.asarray(available, float), at, stock)

    def price(self, available: Array | float) -> Array:
        """Market price, USD/t."""
        return self.market.price(np.asarray(available, float) - self.stock(available))

    def public(self, available: Array | float) -> Array:
        """Public stock at the end of the period, t."""
        total = self.stock(available)
        if self.policy is None:
            return np.zeros_like(total)
        held = self.price(available) <= self.policy.price * (1 + 1e-9)
        return np.where(held, np.minimum(total, self.policy.capacity), 0.0)

    def private(self, available: Array | float) -> Array:
        """Private stock at the end of the period, t."""
        return self.stock(available) - self.public(available)

    def output(self, available: Array | float) -> Array:
        """Output planned for the next period, t."""
        return np.interp(self.stock(available), self.grid, self.planned)

    def start(self, paths: int) -> tuple[Array, Array]:
        """Availability and public stock that simulations begin with."""
        return np.full(paths, self.market.output0), np.zeros(paths)

    def step(self, available: Array, public: Array) -> tuple[Array, Array, Array, Array]:
        """Price, private stock, public stock and planned output of a period; `public` is not needed here, the rule forgets it."""
        held = self.public(available)
        return self.price(available), self.stock(available) - held, held, self.output(available)

    def accuracy(self, points: int = 2000) -> Accuracy:
        """Error of the storage rule on points between the nodes, over the availabilities that plans lead to.

        Where private stock is held, the price is what a tonne in store is worth: at each such point the stock and planned output
        of the solution give the expected price anew, that the use; the error is its distance from the use of the solution (Judd
        1992). Where nothing is held the condition is an inequality, and there is no such error.
        """
        most = self.grid[-1] / 2
        at = np.linspace(self.market.planned(self.stored.max()) * self.market.shocks.nodes.min(),
                         most + self.market.output0 * self.market.shocks.nodes.max(), points)
        total = self.stock(at)
        stored, _ = self.market.expect(self.price, (1 - self.market.loss) * total, self.output(at), self.support)
        return accuracy_of(self.market, stored, at - total, self.private(at))


def solve_one(market: StorageMarket, policy: PublicFloor | None = None, support: float | None = None, *,
              max_stock: float | None = None, nodes: int = 2001, error: float = 1e-5, tolerance: float = 1e-10) -> StorageSolution:
    """Solve for the stationary storage rule.

    Parameters
    ----------
    policy : a public floor, or None
    support : price up to which producers are paid the difference per tonne produced (a deficiency payment), or None
    max_stock : largest stock of the grid, t; default 1.5 times benchmark output and the public capacity. 0: nothing can be stored.
    nodes : grid nodes to begin with, denser near zero
    error : share of use by which a line between two nodes may miss; more nodes are put where it misses by more. Infinity: never

    Raises
    ------
    ConvergenceError
        Where the rule does not settle: with neither loss nor interest nor cost, and with an unbounded floor near the mean price,
        stocks have no end.
    """
    room = policy.capacity if policy is not None else 0.0
    most = 1.5 * market.output0 + room if max_stock is None else max_stock
    if most < room:
        raise ScenarioError(f"max_stock: found {most:g}; expected at least the public capacity, {room:g}")
    grid = np.union1d(most * np.linspace(0, 1, nodes) ** 1.5, [room]) if most > 0 else np.zeros(1)
    planned = np.full(len(grid), market.output0)
    kinks = (np.array([0.0, 1.0]), np.zeros(2))  # nothing is stored in the last period
    stored, halvings = np.full(len(grid), np.nan), 0
    for rounds in range(1, ROUNDS + 1):
        def expect(stock: Array, planned: Array, kinks: tuple[Array, Array] = kinks) -> tuple[Array, Array]:
            return market.expect(lambda at: market.price(at - np.interp(at, *kinks)), (1 - market.loss) * stock, planned, support)

        before, old = stored, planned
        stored, planned = expect(grid, planned)
        kinks = _kinks(market, policy, grid, stored)
        moved = max(np.max(np.abs(stored - before)) / market.price0, np.max(np.abs(planned - old)) / market.output0)
        if moved < max(tolerance, error / 100) and halvings < HALVINGS and len(grid) > 1:
            finer = halved(grid, largest_miss(market, grid, stored, planned, expect) > error)
            halvings = halvings + 1 if len(finer) > len(grid) else HALVINGS
            grid, stored, planned = finer, np.interp(finer, grid, stored), np.interp(finer, grid, planned)
        elif moved < tolerance:
            return StorageSolution(market, policy, support, grid, stored, planned, kinks, rounds)
    raise ConvergenceError(f"storage: not settled after {ROUNDS} rounds, last change {moved:.1g}; raise loss, interest or "
                           "storage_cost, or lower the floor or its capacity")


def _kinks(market: StorageMarket, policy: PublicFloor | None, grid: Array, stored: Array) -> tuple[Array, Array]:
    """Availability and stock at the nodes: A = D(P) + X with P the value of storing, or the floor while there is room."""
    if len(grid) == 1:
        return np.array([0.0, 1.0]), np.zeros(2)
    low = stored > 1e-6 * market.price0
    n = len(grid) if low.all() else max(int(np.argmin(low)), 2)  # past it a stock would be worth nothing
    stock, value = grid[:n], np.maximum(stored[:n], 1e-6 * market.price0)
    if policy is None or policy.capacity == 0 or not np.any(value <= policy.price):
        at = market.use(value) + stock
    else:
        bought = value <= policy.price
        first = int(np.argmax(bought))
        if first > 0:  # where private storers leave the floor to the public stock
            share = (value[first - 1] - policy.price) / (value[first - 1] - value[first])
            cross = stock[first - 1] + share * (stock[first] - stock[first - 1])
            stock, value = np.insert(stock, first, cross), np.insert(value, first, policy.price)
        held = np.where((stock <= policy.capacity) & (value <= policy.price), policy.price, value)
        full = int(np.searchsorted(stock, policy.capacity, side="right"))
        if 0 < full <= len(stock) and value[full - 1] < policy.price:  # a full stock: the price falls from the floor to private demand
            stock, held = np.insert(stock, full, policy.capacity), np.insert(held, full, value[full - 1])
        at = market.use(held) + stock
    at = np.maximum.accumulate(at)
    slope = (stock[-1] - stock[-2]) / max(at[-1] - at[-2], 1e-12)
    return np.append(at, at[-1] + BEYOND * grid[-1]), np.append(stock, stock[-1] + min(slope, 1.0) * BEYOND * grid[-1])
