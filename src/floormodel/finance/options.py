"""Price floors and contracts for difference as strips of options: Black's formula on expected prices, one settlement at a time.

A contract settles on the price at each of `years`. One-way: the buyer pays max(K - P, 0), a strip of puts. Clawback: the
producer pays max(P - K, 0), a strip of calls. Two-way is the one less the other, K - P; a collar puts a ceiling over a floor.
With the risk-free rate and forward prices the sum is a market value; with expected prices and a plant's hurdle rate it is
what the contract is worth to that plant. Prices are lognormal at every date (Black 1976): all that a process adds is the
forward price and the variance of its logarithm, which grows without end under a geometric Brownian motion and levels off
under mean reversion. A contract on yearly averages is worth a little less than one on the price at the date.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from floormodel.errors import DataError
from floormodel.finance.price_process import OrnsteinUhlenbeck

Array = NDArray[np.float64]


class Forwards(NamedTuple):
    """Expected price (..., years) in money per tonne and variance (..., years) of its logarithm at each settlement."""

    forward: Array
    variance: Array


class Floored(NamedTuple):
    """A lognormal price and a floor: means in money per tonne, `chance` the probability that the floor binds."""

    mean_price: Array
    mean_floored: Array
    top_up: Array
    chance: Array


def gbm_forwards(spot: ArrayLike, years: ArrayLike, drift: ArrayLike, sigma: ArrayLike) -> Forwards:
    """Geometric Brownian motion from `spot`: forward spot exp(drift t), variance sigma^2 t.

    `drift` per year in continuous time: the risk-free rate less the convenience yield for a market value, else the expected
    growth of the price.
    """
    t = np.asarray(years, dtype=float)
    return Forwards(np.asarray(spot, dtype=float) * np.exp(np.asarray(drift) * t), np.asarray(sigma, dtype=float) ** 2 * t)


def ou_forwards(process: OrnsteinUhlenbeck, spot: float, years: ArrayLike) -> Forwards:
    """Mean reversion of the log price from `spot`: variance sigma^2 (1 - exp(-2 kappa t)) / (2 kappa)."""
    variance = process.variance(years)
    return Forwards(np.exp(process.mean(np.log(spot), years) + variance / 2), variance)


def puts(forwards: Forwards, strike: ArrayLike) -> Array:
    """Expected payoff of max(strike - P, 0) at each settlement, undiscounted, money per tonne: Black (1976)."""
    return _options(forwards, strike)[0]


def calls(forwards: Forwards, strike: ArrayLike) -> Array:
    """Expected payoff of max(P - strike, 0) at each settlement, undiscounted, money per tonne: Black (1976)."""
    return _options(forwards, strike)[1]


def discount_factors(rate: ArrayLike, years: ArrayLike, hazard: float = 0.0) -> Array:
    """exp(-rate t), times the chance (1 - hazard)^t that the contract still stands. `rate` per year in continuous time.

    Raises DataError for a yearly hazard outside 0..1.
    """
    if not 0 <= hazard <= 1:
        raise DataError(f"discount_factors: found hazard = {hazard}; expected a yearly probability from 0 to 1")
    t = np.asarray(years, dtype=float)
    return np.exp(-np.asarray(rate, dtype=float) * t) * (1 - hazard) ** t


def one_way(forwards: Forwards, strike: ArrayLike, weights: ArrayLike = 1.0) -> Array:
    """Value of a price floor that tops up to `strike`. `weights` (..., years): discount factor times tonnes settled."""
    return np.sum(puts(forwards, strike) * np.asarray(weights, dtype=float), axis=-1)


def clawback(forwards: Forwards, strike: ArrayLike, weights: ArrayLike = 1.0) -> Array:
    """Value of paying back what the price exceeds `strike` by."""
    return np.sum(calls(forwards, strike) * np.asarray(weights, dtype=float), axis=-1)


def two_way(forwards: Forwards, strike: ArrayLike, weights: ArrayLike = 1.0) -> Array:
    """Value to the producer of a two-way contract for difference at `strike`: a strip of forwards, whatever the variance."""
    return np.sum((np.asarray(strike, dtype=float) - forwards.forward) * np.asarray(weights, dtype=float), axis=-1)


def collar(forwards: Forwards, floor: ArrayLike, ceiling: ArrayLike, weights: ArrayLike = 1.0) -> Array:
    """Value to the producer of a floor with a ceiling above it. Raises DataError where the ceiling is below the floor."""
    low, high = np.asarray(floor, dtype=float), np.asarray(ceiling, dtype=float)
    if np.any(high < low):
        raise DataError(f"collar: found floor = {low}, ceiling = {high}; expected a ceiling at or above the floor")
    return one_way(forwards, floor, weights) - clawback(forwards, ceiling, weights)


def floored(mean_log: ArrayLike, sd: ArrayLike, floor: ArrayLike) -> Floored:
    """Means of a lognormal price with and without a floor that tops it up, in one year (partial expectations).

    `mean_log`, `sd` of the log price; `floor` money per tonne, 0 or more. For the long run of a mean-reverting price use its
    `mean_log` and `stationary_sd`.
    """
    mean, deviation = np.asarray(mean_log, dtype=float), np.asarray(sd, dtype=float)
    one = Forwards(np.exp(mean + deviation**2 / 2), deviation**2)
    put = puts(one, floor)
    return Floored(one.forward, one.forward + put, put, _below(one, floor)[1])


def _below(forwards: Forwards, strike: ArrayLike) -> tuple[Array, Array]:
    """Share of the expected price that falls below the strike, and the chance of it: N(-d1), N(-d2)."""
    level, deviation = np.asarray(strike, dtype=float), np.sqrt(forwards.variance)
    if np.any(level < 0) or np.any(forwards.forward <= 0) or np.any(forwards.variance < 0):
        raise DataError("options: expected strikes and variances of 0 or more and forward prices above 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        moneyness = np.log(forwards.forward / level)
        d2 = np.where(deviation > 0, moneyness / deviation - deviation / 2, np.where(moneyness >= 0, np.inf, -np.inf))
    return ndtr(-(d2 + deviation)), ndtr(-d2)


def _options(forwards: Forwards, strike: ArrayLike) -> tuple[Array, Array]:
    level = np.asarray(strike, dtype=float)
    share, chance = _below(forwards, strike)
    return level * chance - forwards.forward * share, forwards.forward * (1 - share) - level * (1 - chance)
