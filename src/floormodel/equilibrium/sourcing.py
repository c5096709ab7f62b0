"""Who buys from whom: shares of origins in a destination's use and the buyer's price index (model section 3).

Both forms return tonnes bought per tonne of use `share` (..., O, D), with dP/dc = share, and the two coefficients of
`d share = -share (own d c - index d P)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Sourcing:
    """Index price (..., D), share (..., O, D), slopes `own` (..., O, D) and `index` (..., D), all 1/(USD/t) but the price."""

    price: Array
    share: Array
    own: Array
    index: Array


def logit(landed: Array, weight: Array, landed0: Array, price0: Array, beta: Array) -> Sourcing:
    """Dispersed spatial price equilibrium (Harker 1988): additive logit over origins.

    P = P0 - log(sum s0 exp(-beta (c - c0))) / beta; tonnes add up. `weight` is s0 (..., O, D), zero on closed routes.
    Near c = c0 the expm1/log1p form keeps full accuracy.
    """
    open_route = weight > 0
    a = np.where(open_route, -beta[..., None, :] * (landed - landed0), 0.0)
    top = np.max(np.where(open_route, np.real(a), -np.inf), axis=-2, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    total0 = weight.sum(-2)
    near = np.max(np.abs(np.where(open_route, np.real(a), 0.0)), axis=-2) < 1e-3
    e = weight * np.exp(a - top)
    z = e.sum(-2)
    safe = np.where(z == 0, 1.0, z)
    far_log = top[..., 0, :] + np.log(safe)
    excess = (weight * np.expm1(a * near[..., None, :])).sum(-2) + (total0 - 1)
    log_z = np.where(near, np.log1p(np.where(near & (total0 > 0), excess, 0.0)), far_log)
    price = price0 - log_z / beta
    return Sourcing(price, e / safe[..., None, :], np.broadcast_to(beta[..., None, :], e.shape), beta)


def ces(landed: Array, weight: Array, landed0: Array, price0: Array, sigma: Array) -> Sourcing:
    """Armington: P = P0 (sum theta (c/c0)^(1-sigma))^(1/(1-sigma)), theta = s0 c0 / P0, tonnes per unit s0 (P/P0)^sigma (c/c0)^-sigma.

    Written with expm1/log1p so that it is continuous and accurate through sigma = 1.
    """
    open_route = weight > 0
    log_c = np.where(open_route, np.log(np.where(open_route, landed / landed0, 1.0)), 0.0)
    theta = np.where(open_route, weight * landed0, 0.0)
    theta = theta / np.where(theta.sum(-2) > 0, theta.sum(-2), 1.0)[..., None, :]
    k = (1 - sigma)[..., None, :]
    small = np.abs(k) < 1e-9
    scaled = np.where(small, log_c, np.expm1(k * log_c) / np.where(small, 1.0, k))
    mean = (theta * scaled).sum(-2)
    kk = 1 - sigma
    log_p = np.where(np.abs(kk) < 1e-9, mean, np.log1p(np.where(np.abs(kk) < 1e-9, 0.0, kk * mean)) / np.where(np.abs(kk) < 1e-9, 1.0, kk))
    price = price0 * np.exp(log_p)
    share = weight * np.exp(sigma[..., None, :] * (log_p[..., None, :] - log_c))
    return Sourcing(price, share, sigma[..., None, :] / np.where(open_route, landed, 1.0), sigma / price)


def sourcing_cost(use: Array, share: Array, weight: Array, landed0: Array, price0: Array, beta: Array) -> Array:
    """Real cost of taking less preferred origins under the logit, USD/yr per destination: use (KL / beta + P0 - sum s c0).

    From quantities only; equals P use - sum c q (an identity the tests check).
    """
    live = (share > 0) & (weight > 0)
    log = np.where(live, np.log(np.where(live, share, 1.0) / np.where(live, weight, 1.0)), 0.0)
    divergence = (share * log).sum(-2)
    return use * (divergence / beta + price0 - np.where(live, share * landed0, 0.0).sum(-2)) * (share.sum(-2) > 0)
