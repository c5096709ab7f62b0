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
