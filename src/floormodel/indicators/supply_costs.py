"""Supply shares as the outcome of dispersed costs, after Eaton and Kortum (2002): shares, their inversion, a counterfactual.

A supplier i has many units whose efficiency is Frechet with level T_i and dispersion theta (the higher, the more alike); its
share of what a buyer spends is T_i c_i^-theta / sum_j T_j c_j^-theta, c the landed cost. That is a CES with substitution
elasticity theta + 1: `sourcing_elasticity` less one is the theta of a market (docs/concentration.md says what the model reads).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gamma

from floormodel.errors import DataError
from floormodel.indicators.concentration import shares

Array = NDArray[np.float64]


def frechet_shares(technology: ArrayLike, cost: ArrayLike, theta: float) -> Array:
    """Shares (..., n) of spending from levels T (..., n) and landed costs (..., n) in any one unit, theta above 0."""
    level, landed = np.asarray(technology, dtype=float), np.asarray(cost, dtype=float)
    if theta <= 0 or np.any(landed <= 0):
        raise DataError("frechet_shares: theta and all costs must be above zero")
    return shares(level * (landed / landed.min(axis=-1, keepdims=True)) ** -theta)


def technology(share: ArrayLike, cost: ArrayLike, theta: float) -> Array:
    """Levels T (..., n) that give `share` (..., n) at landed costs (..., n); the scale is free, the first one is 1."""
    landed = np.asarray(cost, dtype=float)
    level = np.asarray(share, dtype=float) * (landed / landed[..., :1]) ** theta
    if theta <= 0 or np.any(landed <= 0) or np.any(level[..., 0] <= 0):
        raise DataError("technology: theta, all costs and the first share must be above zero")
    return level / level[..., :1]


def shares_after(share: ArrayLike, wedge: ArrayLike, theta: float) -> Array:
    """Shares (..., n) after landed costs are multiplied by `wedge` (..., n): exact, without any level of cost or T."""
    return shares(np.asarray(share, dtype=float) * np.asarray(wedge, dtype=float) ** -theta)


def price_change(share: ArrayLike, wedge: ArrayLike, theta: float) -> Array:
    """Ratio (...) of the buyers' price index after to before the wedge (..., n): (sum s w^-theta)^(-1 / theta)."""
    return np.sum(np.asarray(share, dtype=float) * np.asarray(wedge, dtype=float) ** -theta, axis=-1) ** (-1 / theta)


def price_index(technology: ArrayLike, cost: ArrayLike, theta: float, sigma: float) -> Array:
    """Buyers' price index (...) over a continuum of goods with substitution elasticity sigma < theta + 1."""
    if sigma >= theta + 1 or sigma == 1:
        raise DataError(f"price_index: found sigma = {sigma:g}; expected one below theta + 1 = {theta + 1:g}, and not 1")
    phi = np.sum(np.asarray(technology, dtype=float) * np.asarray(cost, dtype=float) ** -theta, axis=-1)
    return gamma(1 + (1 - sigma) / theta) ** (1 / (1 - sigma)) * phi ** (-1 / theta)


def cost_handicap(technology: ArrayLike, theta: ArrayLike) -> Array:
    """How many times cheaper an origin (n,) would have to land its goods to sell what the one with the largest T sells at its own
    cost: (T_max / T)^(1 / theta). An origin with T = 0 has none (inf)."""
    level = np.asarray(technology, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (level.max(axis=-1, keepdims=True) / level) ** (1 / np.asarray(theta, dtype=float))


def log_cost_spread(kappa: ArrayLike, theta: ArrayLike) -> Array:
    """Standard deviation of log cost over suppliers whose sizes are Frechet with shape kappa (`share_distributions`).

    A supplier's size is cost^-theta, so its cost is Weibull with shape kappa theta, and log cost has the standard deviation
    pi / (sqrt(6) kappa theta) of a Gumbel law.
    """
    return np.pi / np.sqrt(6) / (np.asarray(kappa, dtype=float) * np.asarray(theta, dtype=float))
