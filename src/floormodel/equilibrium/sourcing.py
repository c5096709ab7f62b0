"""Who buys from whom: shares of origins in a destination's use and the buyer's price index (model section 3).

Both forms return tonnes bought per tonne of use `share` (..., O, D), with dP/dc = share, and the two coefficients of
`d share = -share (own d c - index d P)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
LARGEST = 500.0  # exponents beyond it are taken below the largest, lest they leave the range of numbers
NEAR = 1e-2  # logarithms of sums below it are taken from the sum's difference to one


@dataclass(frozen=True)
class Sourcing:
    """Index price (..., D), share (..., O, D), slopes `own` (..., O or 1, D) and `index` (..., D), all 1/(USD/t) but the price.

    With goods on the second axis, (k, G, ...), `sourcing[g]` holds those of good g.
    """

    price: Array
    share: Array
    own: Array
    index: Array

    def __getitem__(self, good: int) -> Sourcing:
        return Sourcing(self.price[:, good], self.share[:, good], self.own[:, good], self.index[:, good])


def _log_sum(a: Array, weight: Array) -> tuple[Array, Array]:
    """log sum_o w e^a (..., D) over open routes (w > 0), and each route's part of the sum (..., O, D); 0 where none is open.

    Accurate where the sum is near one (expm1/log1p) and where exponents are large (the largest is taken out).
    """
    top: Array | float = 0.0
    if np.abs(np.real(a)).max(initial=0.0) > LARGEST:
        top = np.max(np.where(weight > 0, np.real(a), -np.inf), axis=-2)
        top = np.where((np.abs(top) > LARGEST) & np.isfinite(top), top, 0.0)
        a = np.where(weight > 0, a - top[..., None, :], -LARGEST)
    e = weight * np.exp(a)
    total = np.einsum("...od->...d", e)
    none = total == 0
    total = np.where(none, 1.0, total)
    log = top + np.log(total)
    near = (np.abs(np.real(log)) < NEAR) & ~none
    if near.any():
        w, x = (np.swapaxes(np.broadcast_to(v, a.shape), -1, -2)[near] for v in (weight, a))
        rest = w.sum(-1) - 1
        log[near] = np.log1p((w * np.expm1(x)).sum(-1) + np.where(np.abs(rest) < 1e-14, 0.0, rest))  # shares sum to one but for rounding
    return log, e / total[..., None, :]


def logit(landed: Array, weight: Array, landed0: Array, price0: Array, beta: Array) -> Sourcing:
    """Dispersed spatial price equilibrium (Harker 1988): additive logit over origins.

    P = P0 - log(sum s0 exp(-beta (c - c0))) / beta; tonnes add up. `weight` is s0 (..., O, D), zero on closed routes.
    """
    log, share = _log_sum(beta[..., None, :] * (landed0 - landed), weight)
    return Sourcing(price0 - log / beta, share, beta[..., None, :], beta)


def ces(landed: Array, weight: Array, landed0: Array, price0: Array, sigma: Array) -> Sourcing:
    """Armington: P = P0 (sum theta (c/c0)^(1-sigma))^(1/(1-sigma)), theta = s0 c0 / P0, tonnes per unit s0 (P/P0)^sigma (c/c0)^-sigma.

    Accurate through sigma = 1. Like s0, theta is not renormalised when a route closes: P rises as if its price had become
    prohibitive (sigma > 1; below that every origin is essential, see `layout.make_layout`). Only the rounding of benchmark shares,
    which sum to one, is taken out.
    """
    open_route = weight > 0
    log_c = np.where(open_route, np.log(np.where(open_route, landed / landed0, 1.0)), 0.0)
    theta = np.where(open_route, weight * landed0, 0.0) / price0[..., None, :]
    total = theta.sum(-2)
    rounding = np.where(np.abs(total - 1) < 1e-6, total, 1.0)[..., None, :]
    theta, weight = theta / rounding, weight / rounding
    k = 1 - sigma
    log, _ = _log_sum(k[..., None, :] * log_c, theta)
    log_p = np.where(k == 0, (theta * log_c).sum(-2), log / np.where(k == 0, 1.0, k))
    share = weight * np.exp(np.where(open_route, sigma[..., None, :] * (log_p[..., None, :] - log_c), 0.0))
    return Sourcing(price0 * np.exp(log_p), share, sigma[..., None, :] / np.where(open_route, landed, 1.0), sigma / price0 * np.exp(-log_p))


def sourcing_cost(use: Array, share: Array, weight: Array, landed0: Array, price0: Array, beta: Array) -> Array:
    """Real cost of taking less preferred origins under the logit, USD/yr per destination: use (KL / beta + P0 - sum s c0).

    From quantities only; equals P use - sum c q (an identity the tests check).
    """
    live = (share > 0) & (weight > 0)
    log = np.where(live, np.log(np.where(live, share, 1.0) / np.where(live, weight, 1.0)), 0.0)
    divergence = (share * log).sum(-2)
    return use * (divergence / beta + price0 - np.where(live, share * landed0, 0.0).sum(-2)) * (share.sum(-2) > 0)
