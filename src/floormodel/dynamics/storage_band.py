"""Competitive storage beside a public stock that buys at a floor and sells at a ceiling, within bounds of tonnes, money and rates.

The public stock is a second state. Beside a given public stock G the endogenous-grid method gives the price phi(T, G) at every total
availability T (old stocks, public ones too, and new output). More tonnes in public store always mean a higher price, so the rule

    P = phi(T, G)              where that lies in the band: nothing is bought or sold
        min(floor, phi(T, G + what may be bought))     where it lies below
        max(ceiling, phi(T, G - what may be sold))     where it lies above

needs no equation solved. The value of a tonne in private store has kinks along lines of both stocks, where one of next period's shocks
meets an end of the band, a full or an empty public stock: both grids are halved where a line between two nodes misses by more than
`error`. Miranda and Helmberger (1988) for the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.dynamics.storage_accuracy import Accuracy, accuracy_of
from floormodel.dynamics.storage_columns import across, between, level
from floormodel.dynamics.storage_market import Array, StorageMarket
from floormodel.dynamics.storage_policy import PriceBand
from floormodel.dynamics.storage_two_states import left_and_stored, settle

FAR = 50.0  # of the largest stock: how far the line past the last node goes
STEPS = 5  # of the search for the public stock at which the price meets an end of the band


@dataclass(frozen=True, eq=False)
class _Columns:
    """End-of-period private stock (C, N + 1) at what the public stock leaves, `at` (C, N + 1); a column per public stock (C,)."""

    market: StorageMarket
    public: Array
    at: Array
    stock: Array

    def private(self, total: Array, public: Array) -> Array:
        """Private stock kept out of a total, beside a public stock; what is left is linear between two columns at equal private stock."""
        return level(self.public, self.at, self.stock, total - public, public)

    def price(self, total: Array, public: Array) -> Array:
        """phi(T, G): the price at which the market takes what is left."""
        return self.market.price(total - public - self.private(total, public))


@dataclass(frozen=True, eq=False)
class BandSolution:
    """The stationary equilibrium. Methods take the total tonnes available at the beginning of a period, the public stock among them,
    and the public stock.

    `public_grid` (C,), `grid` (N,) the nodes of both end-of-period stocks, with the value `stored` (C, N) of a tonne in private
    store and `planned` output (C, N).
    """

    market: StorageMarket
    policy: PriceBand
    support: float | None
    public_grid: Array
    grid: Array
    stored: Array
    planned: Array
    columns: _Columns
    rounds: int

    def price(self, total: Array | float, public: Array | float) -> Array:
        """Market price, USD/t."""
        return _rule(self.columns, self.policy, *np.broadcast_arrays(np.asarray(total, float), np.asarray(public, float)))

    def public(self, total: Array | float, public: Array | float) -> Array:
        """Public stock at the end of the period, t: raised to where the price meets the floor, lowered to where it meets the ceiling."""
        p, total = self.policy, np.asarray(total, float)
        now = np.minimum(np.asarray(public, float), p.room)
        top = np.minimum(now + p.buys, p.room)
        least = np.maximum(now - p.sells, 0.0)
        raised = np.clip(self._holds(total, p.floor), now, top)
        lowered = np.clip(self._holds(total, p.ceiling), least, now)
        return np.where(raised > now, raised, lowered)

    def _holds(self, total: Array, price: float) -> Array:
        """Public stock beside which the market price is `price`; beyond the bounds where none is."""
        if not np.isfinite(price) or price <= 0:
            return np.full_like(total, np.inf if price > 0 else -np.inf)
        kept = np.array([np.interp(-price, -row, self.grid) for row in self.stored])  # what private storers want at that price
        left = total - self.market.use(price)
        both = np.maximum.accumulate(kept + self.public_grid)
        inside = self._meets(price, left, np.interp(left, both, self.public_grid))
        return np.where(left < both[0], -np.inf, np.where(left > both[-1], np.inf, inside))

    def _meets(self, price: float, left: Array, near: Array) -> Array:
        """The public stock near `near`, between the same two columns, at which what is left beside it is worth `price`."""
        j, _ = between(self.public_grid, near)

        def excess(public: Array) -> Array:
            nodes = np.broadcast_to(self.grid, self.stored.shape)
            return across(self.public_grid, nodes, self.stored, np.maximum(left - public, 0.0), public) - price

        low, high = self.public_grid[j], self.public_grid[j + 1]
        f, g = excess(low), excess(high)
        crossed = f * g < 0
        for _ in range(STEPS):  # false position that halves the value of an end which stays (Illinois)
            now = np.where(crossed & (f != g), high - g * (high - low) / np.where(f != g, g - f, 1.0), near)
            e = excess(now)
            same = e * g > 0
            low, f = np.where(same, low, high), np.where(same, f / 2, g)
            high, g = now, e
        return now

    def private(self, total: Array | float, public: Array | float) -> Array:
        """Private stock at the end of the period, t."""
        left = np.asarray(total, float) - self.market.use(self.price(total, public)) - self.public(total, public)
        return np.maximum(left, 0.0)

    def output(self, total: Array | float, public: Array | float) -> Array:
        """Output planned for the next period, t."""
        return self._planned(self.private(total, public), self.public(total, public))

    def _planned(self, private: Array, public: Array) -> Array:
        nodes = np.broadcast_to(self.grid, self.planned.shape)
        return across(self.public_grid, nodes, self.planned, private, public)

    def start(self, paths: int) -> tuple[Array, Array]:
        """Availability and public stock that simulations begin with."""
        return np.full(paths, self.market.output0), np.zeros(paths)

    def step(self, available: Array, public: Array) -> tuple[Array, Array, Array, Array]:
        """Price, private stock, public stock and planned output of a period; `public` is the stock at its beginning."""
        price, held = self.price(available, public), self.public(available, public)
        private = np.maximum(available - self.market.use(price) - held, 0.0)
        return price, private, held, self._planned(private, held)

    def accuracy(self, points: int = 2000, seed: int = 0) -> Accuracy:
        """Error of the storage rule at random points where private stock is held, as in `StorageSolution.accuracy`."""
        rng, m = np.random.default_rng(seed), self.market
        old = rng.uniform(0, self.policy.room, points)
        total = old + rng.uniform(m.output0 * m.shocks.nodes.min(), m.output0 * m.shocks.nodes.max() + self.grid[-1] / 4, points)
        _, private, public, planned = self.step(total, old)
        left = (1 - m.loss) * public
        stored, _ = m.expect(lambda t: self.price(t, left[:, None]), (1 - m.loss) * (private + public), planned, self.support)
        return accuracy_of(m, stored, total - private - public, private)


def _rule(columns: _Columns, policy: PriceBand, total: Array, public: Array) -> Array:
    """The market price under the rule."""
    public = np.minimum(public, policy.room)
    price = columns.price(total, public)
    low, high = price < policy.floor, price > policy.ceiling
    if low.any():
        most = np.minimum(public + policy.buys, policy.room)
        price = np.where(low, np.minimum(policy.floor, columns.price(total, most)), price)
    if high.any():
        least = np.maximum(public - policy.sells, 0.0)
        price = np.where(high, np.maximum(policy.ceiling, columns.price(total, least)), price)
    return price


def solve_band(market: StorageMarket, policy: PriceBand, support: float | None = None, *, max_stock: float | None = None,
               nodes: int = 61, columns: int = 21, error: float = 5e-5, tolerance: float = 1e-9) -> BandSolution:
    """Solve for the stationary storage rule beside a public stock.

    Parameters
    ----------
    max_stock : largest private stock of the grid, t; default benchmark output
    nodes, columns : grid nodes of the private and of the public stock to begin with
    error : share of use by which a line between two nodes may miss; more nodes are put where it misses by more. Infinity: never

    Raises
    ------
    ConvergenceError
        Where the rule does not settle, see `floormodel.dynamics.storage.solve_one`.
    """
    most = market.output0 if max_stock is None else max_stock
    grid = most * np.linspace(0, 1, nodes) ** 1.5
    public = max(policy.room, 1e-9 * market.output0) * (1 - np.cos(np.linspace(0, np.pi, columns))) / 2  # denser at both ends
    if policy.room > 0:  # the rates put kinks at what one period fills or leaves
        public = np.union1d(public, [min(policy.buys, policy.room), max(policy.room - policy.sells, 0.0)])
    none = np.zeros((len(public), 2))  # nothing is stored in the last period

    def expect(rule: _Columns, public: Array, private: Array, planned: Array) -> tuple[Array, Array]:
        kept = (1 - market.loss) * public[:, None]
        left = np.broadcast_to(kept[..., None], (*planned.shape, len(market.shocks.nodes)))
        return market.expect(lambda total: _rule(rule, policy, total, left), (1 - market.loss) * private + kept, planned, support)

    found = settle(market, public, grid, _Columns(market, public, none + [0.0, 1.0], none), expect,
                   lambda *at: _columns(market, *at), lambda *at: _reached(policy, *at), error, tolerance,
                   "raise loss, interest or storage_cost, or lower the floor or its capacity")
    return BandSolution(market, policy, support, found.first, found.grid, found.stored, found.planned, found.rule, found.rounds)


def _reached(policy: PriceBand, held: Array, value: Array) -> Array:
    """Is private stock ever held at this value beside this public stock (C, 1)? Not below the floor while the public stock may still
    buy, nor above the ceiling while it may sell."""
    full, spare = min(policy.buys, policy.room), max(policy.room - policy.sells, 0.0)
    low, high = policy.floor, policy.ceiling
    return ((value >= low) | (held >= full)) & ((value <= high) | (held <= spare))


def _columns(market: StorageMarket, public: Array, grid: Array, stored: Array) -> _Columns:
    at = left_and_stored(market, grid, stored)
    slope = np.clip((grid[-1] - grid[-2]) / np.maximum(at[:, -1] - at[:, -2], 1e-12), 0.0, 1.0)
    far = FAR * grid[-1]
    return _Columns(market, public, np.column_stack([at, at[:, -1] + far]), np.column_stack([np.broadcast_to(grid, at.shape),
                                                                                            grid[-1] + slope * far]))
