"""Induced and free-rider tonnes, cost per induced tonne. Arrays end in (..., R)."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
NO_INDUCED_SUPPLY = 1e-6  # share of world output below which a cost per induced tonne is missing


def induced_tonnes(output: Array, output_base: Array, dominant: Array) -> Array:
    """Added output outside the dominant supplier, t/yr (...,): sum of X - X0 over the other regions. `dominant` (R,) marks it."""
    return np.where(dominant, 0.0, output - output_base).sum(-1)


def free_rider_tonnes(output: Array, output_base: Array, eligible: Array) -> Array:
    """Tonnes of eligible producers that would have been made anyway, t/yr (...,): sum of min(X, X0)."""
    return np.where(eligible, np.minimum(output, output_base), 0.0).sum(-1)


def cost_per_tonne(cost: Array, induced: Array, world_output: Array) -> Array:
    """Cost divided by induced tonnes, USD/t; NaN (reason `no_induced_supply`) where they are below 1e-6 of world output."""
    enough = induced > NO_INDUCED_SUPPLY * world_output
    return np.where(enough, cost / np.where(enough, induced, 1.0), np.nan)
