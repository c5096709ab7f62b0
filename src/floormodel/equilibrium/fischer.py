"""Complementarity conditions written as equations, with their derivatives, for many draws at once.

Sign convention of the whole package: f > 0 at the lower bound, f < 0 at the upper bound, f = 0 between. `min_map` and
`fischer_burmeister` take z, f, lower, upper (k, n) and jac = df/dz (k, n, n), overwrite `jac`, and return the equations
r (k, n), their Jacobian (k, n, n) and the error (k,) by which convergence is judged. Bounds may be infinite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def natural_residual(z: Array, f: Array, lower: Array, upper: Array) -> Array:
    """max_i |z - mid(lower, upper, z - f)| for each row, (k,); infinite where f is not finite.

    Written as |mid(z - lower, z - upper, f)|, the same number without cancellation for large z.
    """
    with np.errstate(all="ignore"):
        distance = np.abs(np.minimum(z - lower, np.maximum(z - upper, f))).max(axis=1)
        return np.where(np.isfinite(f).all(axis=1) & np.isfinite(distance), distance, np.inf)


def min_map(z: Array, f: Array, jac: Array, lower: Array, upper: Array, width: float) -> tuple[Array, Array, Array]:
    """The natural residual as equations: where z - f lies on or beyond a bound, z = bound; elsewhere f = 0.

    A Newton step on them is the active-set (primal-dual) step of Hintermueller, Ito and Kunisch (2002). The minimum is
    not smoothed, `width` is accepted and ignored.
    """
    to_lower, to_upper = z - lower, z - upper
    r = np.clip(f, to_upper, to_lower)
    row, component = np.nonzero((f >= to_lower) | (f <= to_upper))
    jac[row, component, :] = 0.0
    jac[row, component, component] = 1.0
    return r, jac, np.abs(r).max(axis=1)


def fischer_burmeister(
    z: Array, f: Array, jac: Array, lower: Array, upper: Array, width: float
) -> tuple[Array, Array, Array]:
    """Fischer-Burmeister equations of a box (Billups 1995), smoothed by `width` as in Kanzow (1996).

    Finite lower bound alone: phi(z - lower, f); upper alone: -phi(upper - z, -f); both: the one inside the other.
    The error is the natural residual where width = 0 and the largest equation where the equations are smoothed.
    """
    value, by_f, by_z = f, np.ones_like(f), np.zeros_like(f)
    bounded = np.isfinite(upper)
    if bounded.any():
        phi, by_a, by_b = _phi(np.where(bounded, upper - z, 1.0), -f, width)
        value, by_f, by_z = np.where(bounded, -phi, f), np.where(bounded, by_b, 1.0), np.where(bounded, by_a, 0.0)
    bounded = np.isfinite(lower)
    if bounded.any():
        phi, by_a, by_b = _phi(np.where(bounded, z - lower, 1.0), value, width)
        value = np.where(bounded, phi, value)
        by_z = np.where(bounded, by_a + by_b * by_z, by_z)
        by_f = np.where(bounded, by_b * by_f, by_f)
    jac *= by_f[:, :, None]
    diagonal = np.arange(z.shape[1])
    jac[:, diagonal, diagonal] += by_z
    error = np.abs(value).max(axis=1) if width > 0 else natural_residual(z, f, lower, upper)
    return value, jac, error


def _phi(a: Array, b: Array, width: float) -> tuple[Array, Array, Array]:
    """a + b - sqrt(a^2 + b^2 + 2 width^2) and its derivatives by a and b; zero means a, b >= 0 and a b = width^2."""
    root = np.hypot(np.hypot(a, b), np.sqrt(2.0) * width)
    total = a + b
    at_corner = root == 0.0
    safe = np.where(at_corner, 1.0, root)
    positive = total > 0.0
    value = np.where(positive, 2.0 * (a * b - width * width) / np.where(positive, total + safe, 1.0), total - root)
    corner = 1.0 - np.sqrt(0.5)  # the limit along a = b > 0, one of the generalised derivatives
    return value, np.where(at_corner, corner, 1.0 - a / safe), np.where(at_corner, corner, 1.0 - b / safe)
