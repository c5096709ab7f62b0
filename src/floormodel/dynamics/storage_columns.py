"""Functions of two states as columns of piecewise-linear lines, each with nodes of its own: kinks stay where they are."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def between(grid: Array, at: Array) -> tuple[Array, Array]:
    """The column (...) to the left of each point `at` (...) of a rising grid (C,), and the share of the next one; the ends beyond it."""
    left = np.clip(np.searchsorted(grid, at, side="right") - 1, 0, len(grid) - 2)
    return left, np.clip((at - grid[left]) / (grid[left + 1] - grid[left]), 0.0, 1.0)


def across(grid: Array, nodes: Array, values: Array, x: Array, at: Array) -> Array:
    """Value at x (...) of the lines with nodes and values (C, N), linear between the two columns around `at` (...) on the grid (C,).

    A line stays at its ends beyond its nodes. All columns lie one behind the other, far apart, so that one look-up serves all.
    """
    left, share = between(grid, at)
    low, high = nodes[:, 0], nodes[:, -1]
    far = 2 * (high.max() - low.min()) + 1
    behind, level = (nodes + far * np.arange(len(grid))[:, None]).ravel(), values.ravel()

    def column(j: Array) -> Array:
        return np.interp(np.clip(x, low[j], high[j]) + far * j, behind, level)

    return column(left) if not share.any() else (1 - share) * column(left) + share * column(left + 1)


def level(grid: Array, nodes: Array, values: Array, x: Array, at: Array) -> Array:
    """Value v at which the nodes, linear between two columns at equal v, are x: so a kink between two columns stays a kink.

    As `across`, but between the inverses of rising lines (C, N): one step of false position between what the two columns say.
    """
    left, share = between(grid, at)
    if not share.any():
        return across(grid, nodes, values, x, at)
    low, high = (across(grid, nodes, values, x, grid[j]) for j in (left, left + 1))
    inner = (share > 0) & (share < 1) & (low != high)
    found = np.where(share < 1, low, high)
    if inner.any():
        one, two, x, at = (v[inner] for v in np.broadcast_arrays(low, high, x, at))
        f, g = (across(grid, values, nodes, v, at) - x for v in (one, two))
        step = np.where(f != g, f / np.where(f != g, f - g, 1.0), 0.5)
        found[inner] = one + np.clip(step, 0.0, 1.0) * (two - one)
    return found


def table(grid: Array, nodes: Array, values: Array, finer_grid: Array, finer_nodes: Array) -> Array:
    """Values (C, N) on a grid (C,) and nodes (N,), on finer ones of both."""
    rows = np.array([np.interp(finer_nodes, nodes, row) for row in values])
    return np.array([np.interp(finer_grid, grid, column) for column in rows.T]).T
