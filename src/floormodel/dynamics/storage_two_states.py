"""Storage rules of two states, the end-of-period stock and another: the loop that both of them share, and the tonnes behind their lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from floormodel.dynamics.storage_accuracy import ROUNDS, both_halved
from floormodel.dynamics.storage_columns import table
from floormodel.dynamics.storage_market import Array, StorageMarket
from floormodel.errors import ConvergenceError

HALVINGS = 6  # of an interval of either grid, at most
Rule = TypeVar("Rule")


class Settled(NamedTuple, Generic[Rule]):
    """Grids of the other state (C,) and of the stock (N,), value of a tonne in store and planned output (C, N), and the rule they make."""

    first: Array
    grid: Array
    stored: Array
    planned: Array
    rule: Rule
    rounds: int


def settle(market: StorageMarket, first: Array, grid: Array, rule: Rule, expect: Callable[[Rule, Array, Array, Array], tuple[Array, Array]],
           rule_of: Callable[[Array, Array, Array], Rule], reached: Callable[[Array, Array], Array], error: float, tolerance: float,
           mend: str) -> Settled[Rule]:
    """Iterate on the rule until value and planned output rest, halving both grids where a line misses by more than `error`.

    `expect` gives both (C, N) at two grids under a rule, `rule_of` the rule of grids and value, `reached` as in `both_halved`. `rule` is
    that of the last period, in which nothing is stored. Raises ConvergenceError, with what to `mend`, where they do not rest.
    """
    planned, stored = np.full((len(first), len(grid)), market.output0), np.full((len(first), len(grid)), np.nan)
    halvings = 0
    for rounds in range(1, ROUNDS + 1):
        def anew(first: Array, grid: Array, planned: Array, rule: Rule = rule) -> tuple[Array, Array]:
            return expect(rule, first, grid, planned)

        before, old = stored, planned
        stored, planned = anew(first, grid, planned)
        rule = rule_of(first, grid, stored)
        moved = max(np.max(np.abs(stored - before)) / market.price0, np.max(np.abs(planned - old)) / market.output0)
        if moved < max(tolerance, error / 10) and halvings < HALVINGS:
            finer = both_halved(market, first, grid, stored, planned, anew, reached, error)
            halvings = halvings + 1 if len(finer[0]) + len(finer[1]) > len(first) + len(grid) else HALVINGS
            stored, planned = (table(first, grid, x, *finer) for x in (stored, planned))
            first, grid = finer
        elif moved < tolerance:
            return Settled(first, grid, stored, planned, rule, rounds)
    raise ConvergenceError(f"storage: not settled after {ROUNDS} rounds, last change {moved:.1g}; {mend}")


def left_and_stored(market: StorageMarket, grid: Array, stored: Array) -> Array:
    """Tonnes (C, N) of which, at the price that a tonne in store is worth, the rest after use is the stock of each node."""
    at = np.maximum.accumulate(market.use(np.maximum(stored, 1e-6 * market.price0)) + grid, axis=1)
    return np.asarray(np.minimum(at, 1e3 * (grid[-1] + market.output0)))
