"""Concentration of supply: indices of shares, sharp bounds where part of the world is unlisted, Dirichlet links.

Shares are fractions of one along `axis`; every HHI is on the 0..1 scale (multiply by 10,000 for the antitrust scale).
Leading dimensions, such as draws, pass through.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import polygamma, psi, xlogy

from floormodel.errors import ConvergenceError, DataError

Array = NDArray[np.float64]
ROUNDING = 1e-9  # shares that miss one by more than this are refused


def shares(quantity: ArrayLike, axis: int = -1) -> Array:
    """Share of each item in the total along `axis`.

    `quantity` is any shape, in one unit, not negative. Raises DataError for a negative quantity or a total of zero.
    """
    amounts = np.asarray(quantity, dtype=float)
    total = amounts.sum(axis=axis, keepdims=True)
    if np.any(amounts < 0):
        raise DataError("shares: found a negative quantity; expected zero or more")
    if np.any(total <= 0):
        raise DataError("shares: found a total of zero; expected some quantity")
    return amounts / total


def hhi(share: ArrayLike, axis: int = -1) -> Array:
    """Herfindahl-Hirschman index, sum of squared shares, between 1/n and 1 (Herfindahl 1950, Hirschman 1945)."""
    return np.sum(np.square(np.asarray(share, dtype=float)), axis=axis)


def hhi_normalised(share: ArrayLike, axis: int = -1) -> Array:
    """HHI rescaled to 0 (n equal shares) .. 1 (monopoly); n is the length of `axis`, zeros included, at least 2."""
    number = np.shape(share)[axis]
    if number < 2:
        raise DataError("hhi_normalised: found one item; expected two or more")
    return (hhi(share, axis) - 1 / number) / (1 - 1 / number)


def effective_number(share: ArrayLike, axis: int = -1) -> Array:
    """Number of equal suppliers that would give the same HHI: 1 / HHI (Adelman 1969)."""
    return 1 / hhi(share, axis)


def top_share(share: ArrayLike, number: int, axis: int = -1) -> Array:
    """Sum of the `number` largest shares, the concentration ratio CR-k."""
    if number < 1:
        raise DataError(f"top_share: found number = {number}; expected 1 or more")
    ordered = -np.sort(-np.asarray(share, dtype=float), axis=axis)
    return np.sum(np.take(ordered, range(min(number, ordered.shape[axis])), axis=axis), axis=axis)


def shannon(share: ArrayLike, axis: int = -1) -> Array:
    """Shannon entropy - sum s log s, in nats; 0 for a monopoly, log n for n equal shares."""
    values = np.asarray(share, dtype=float)
    return -np.sum(xlogy(values, values), axis=axis)


def theil(share: ArrayLike, axis: int = -1) -> Array:
    """Theil T index: log n - Shannon entropy, n the length of `axis` (Theil 1967)."""
    return np.log(np.shape(share)[axis]) - shannon(share, axis)


def gini(share: ArrayLike, axis: int = -1) -> Array:
    """Gini coefficient of the n shares, 0 (equal) .. 1 - 1/n (monopoly)."""
    ordered = np.sort(np.moveaxis(np.asarray(share, dtype=float), axis, -1), axis=-1)
    number = ordered.shape[-1]
    weight = 2 * np.arange(1, number + 1) - number - 1
    return np.sum(weight * ordered, axis=-1) / (number * np.sum(ordered, axis=-1))


def hhi_bounds(
    known: ArrayLike, other: ArrayLike, cap: ArrayLike | None = None, max_number: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Smallest and largest HHI that agree with the listed shares and an unlisted rest.

    known: (..., k) listed shares and other: (...) the share of the rest, together one. cap: (...) largest share that
    one unlisted supplier can have, by default the smallest positive listed share; max_number: (...) how many unlisted
    suppliers there can be, by default any number. With R the rest, c the cap and n the number, the low end spreads the
    rest evenly (R^2 / n, nothing where n is unlimited) and the high end packs it: floor(R / c) suppliers at the cap and
    the remainder in one more. Both ends can be attained. Raises DataError where shares do not add up or R > n c.
    """
    listed, rest = np.asarray(known, dtype=float), np.asarray(other, dtype=float)
    if np.any(listed < 0) or np.any(rest < 0) or np.any(abs(listed.sum(axis=-1) + rest - 1) > ROUNDING):
        raise DataError("hhi_bounds: shares and the rest must be zero or more and add up to one")
    largest = np.where(listed > 0, listed, np.inf).min(axis=-1) if cap is None else np.asarray(cap, dtype=float)
    number = np.asarray(np.inf if max_number is None else max_number, dtype=float)
    room = np.where(np.isinf(number), np.inf, number * largest)
    if np.any(largest <= 0) or np.any(number < 0) or np.any(rest > room + ROUNDING):
        raise DataError("hhi_bounds: the rest does not fit into max_number suppliers of at most cap each")
    base = hhi(listed)
    spread = np.divide(rest**2, number, out=np.zeros(np.broadcast_shapes(rest.shape, number.shape)), where=number > 0)
    full = np.floor(rest / largest)
    return base + spread, base + full * largest**2 + (rest - full * largest) ** 2


def hhi_by_location(joint: ArrayLike) -> Array:
    """HHI by where output stands. joint: (..., location, owner) shares that add up to one."""
    return hhi(np.sum(np.asarray(joint, dtype=float), axis=-1))


def hhi_by_ownership(joint: ArrayLike) -> Array:
    """HHI by whom output belongs to. joint: (..., location, owner) shares that add up to one."""
    return hhi(np.sum(np.asarray(joint, dtype=float), axis=-2))


def dirichlet_from_hhi(index: ArrayLike, number: ArrayLike) -> Array:
    """Concentration parameter of the symmetric Dirichlet over `number` suppliers whose expected HHI is `index`.

    From E[HHI] = (1 + a) / (1 + n a): a = (1 - H) / (n H - 1). Raises DataError unless 1/n < H < 1.
    """
    level, size = np.asarray(index, dtype=float), np.asarray(number, dtype=float)
    if np.any(level * size <= 1) or np.any(level >= 1):
        raise DataError("dirichlet_from_hhi: the HHI must lie between 1/n and 1, both excluded")
    return (1 - level) / (size * level - 1)


def fit_dirichlet(observed: ArrayLike, steps: int = 200) -> Array:
    """Maximum-likelihood parameters (n,) of a Dirichlet for shares observed (T, n), every share above zero.

    Newton's method on the concave log-likelihood with the closed-form inverse of its Hessian (Minka 2000), shortened
    so that no parameter more than halves. Raises DataError for a share of zero, for rows that do not add up to one and
    for fewer than two different rows; ConvergenceError when `steps` are not enough.
    """
    rows = np.asarray(observed, dtype=float)
    if rows.ndim != 2 or np.any(rows <= 0) or np.any(abs(rows.sum(axis=1) - 1) > ROUNDING):
        raise DataError("fit_dirichlet: expected rows of positive shares that add up to one")
    if np.ptp(rows, axis=0).max() < ROUNDING:
        raise DataError("fit_dirichlet: the rows do not differ, so the concentration is without bound")
    mean, mean_log = rows.mean(axis=0), np.log(rows).mean(axis=0)
    spread = rows.var(axis=0).sum()
    alpha = mean * max((1 - hhi(mean)) / spread - 1, 1e-3)  # method of moments
    for _ in range(steps):
        gradient = psi(alpha.sum()) - psi(alpha) + mean_log
        if np.max(abs(gradient)) < 1e-11 * max(1.0, np.max(abs(mean_log))):
            return alpha
        curvature, common = -polygamma(1, alpha), polygamma(1, alpha.sum())
        shift = np.sum(gradient / curvature) / (1 / common + np.sum(1 / curvature))
        step = (gradient - shift) / curvature
        alpha = alpha - step * min(1.0, 0.5 / max(np.max(step / alpha), 1e-300))
    raise ConvergenceError(f"fit_dirichlet: not converged in {steps} steps")
