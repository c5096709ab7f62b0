"""Price processes beside the mean-reverting one: geometric Brownian motion, jumps, and the two-factor model of Schwartz and Smith.

    GBM     dx = drift dt + sigma dW,                           x = log price, time in years
    jumps   added to a process at the end of each step: a Poisson number of them, each normal (Merton 1976)
    two factors   x = chi + xi, chi reverts to zero, xi is a GBM (Schwartz and Smith 2000)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floormodel.errors import DataError
from floormodel.finance.price_process import OrnsteinUhlenbeck

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GeometricBrownian:
    """`drift` of the log price per year, `sigma` per root year."""

    drift: float
    sigma: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.drift, self.sigma]).all() and self.sigma >= 0):
            raise DataError(f"price process: found drift = {self.drift}, sigma = {self.sigma}; expected sigma >= 0")

    def mean(self, start: ArrayLike, years: ArrayLike) -> Array:
        """Expected log price `years` after it stood at `start` (log)."""
        return np.asarray(start, dtype=float) + self.drift * np.asarray(years, dtype=float)

    def variance(self, years: ArrayLike) -> Array:
        """Variance of the log price `years` after it is known: sigma^2 years."""
        return self.sigma**2 * np.asarray(years, dtype=float)


@dataclass(frozen=True)
class Jumps:
    """`rate` per year; size of one in logs: normal with `mean` and `sd`."""

    rate: float
    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.rate, self.mean, self.sd]).all() and self.rate >= 0 and self.sd >= 0):
            raise DataError(f"jumps: found rate = {self.rate}, mean = {self.mean}, sd = {self.sd}; expected rate >= 0, sd >= 0")


@dataclass(frozen=True)
class WithJumps:
    """A process to which jumps are added at the end of every step, so that over one step both are exact."""

    process: OrnsteinUhlenbeck | GeometricBrownian
    jumps: Jumps

    def step_mean(self, start: ArrayLike, step: float) -> Array:
        """Expected log price one `step` (years) after it stood at `start`: that of the process plus rate step mean."""
        return self.process.mean(start, step) + self.jumps.rate * step * self.jumps.mean

    def step_variance(self, step: float) -> float:
        """Its variance: that of the process plus rate step (mean^2 + sd^2)."""
        return float(self.process.variance(step)) + self.jumps.rate * step * (self.jumps.mean**2 + self.jumps.sd**2)


def simulate(process: OrnsteinUhlenbeck | GeometricBrownian | WithJumps, start: float, steps: int, paths: int,
             seed: int | np.random.Generator, step: float = 1.0) -> Array:
    """Paths (paths, steps + 1) of the log price from `start`, one value every `step` years, exactly discretised."""
    rng = np.random.default_rng(seed)
    core = process.process if isinstance(process, WithJumps) else process
    shock = rng.standard_normal((paths, steps)) * np.sqrt(core.variance(step))
    if isinstance(process, WithJumps):
        number = rng.poisson(process.jumps.rate * step, (paths, steps))
        shock += number * process.jumps.mean + np.sqrt(number) * process.jumps.sd * rng.standard_normal((paths, steps))
    log_price = np.empty((paths, steps + 1))
    log_price[:, 0] = start
    for k in range(steps):
        log_price[:, k + 1] = core.mean(log_price[:, k], step) + shock[:, k]
    return log_price


@dataclass(frozen=True)
class SchwartzSmith:
    """Two-factor model: short-run deviation chi (reverting at `kappa`) plus equilibrium level xi (drift `mu`), per year.

    `mu_rn` is the risk-neutral drift of xi, `lambda_chi` the risk premium of chi, `rho` the correlation of their shocks.
    """

    kappa: float
    sigma_chi: float
    lambda_chi: float
    mu: float
    mu_rn: float
    sigma_xi: float
    rho: float

    def __post_init__(self) -> None:
        if not (self.kappa > 0 and self.sigma_chi >= 0 and self.sigma_xi >= 0 and -1 <= self.rho <= 1):
            raise DataError(f"two-factor model: found kappa = {self.kappa}, sigmas = {self.sigma_chi}, {self.sigma_xi}, rho = {self.rho}; "
                            "expected kappa > 0, sigmas >= 0, -1 <= rho <= 1")

    @property
    def half_life(self) -> float:
        """Years in which half of a short-run deviation is gone."""
        return float(np.log(2) / self.kappa)

    def variance(self, years: ArrayLike) -> Array:
        """Variance of the log spot price `years` ahead (Schwartz and Smith 2000, equation 3b and its sum)."""
        t = np.asarray(years, dtype=float)
        gone, gone_twice = -np.expm1(-self.kappa * t), -np.expm1(-2 * self.kappa * t)
        return (gone_twice * self.sigma_chi**2 / (2 * self.kappa) + self.sigma_xi**2 * t
                + 2 * gone * self.rho * self.sigma_chi * self.sigma_xi / self.kappa)

    def expected_spot(self, chi: float, xi: float, years: ArrayLike) -> Array:
        """Expected spot price `years` ahead, money per tonne."""
        t = np.asarray(years, dtype=float)
        return np.exp(np.exp(-self.kappa * t) * chi + xi + self.mu * t + self.variance(t) / 2)

    def futures(self, chi: float, xi: float, years: ArrayLike) -> Array:
        """Price today of delivery in `years`, money per tonne (Schwartz and Smith 2000, equation 9)."""
        t = np.asarray(years, dtype=float)
        premium = -np.expm1(-self.kappa * t) * self.lambda_chi / self.kappa
        return np.exp(np.exp(-self.kappa * t) * chi + xi + self.mu_rn * t - premium + self.variance(t) / 2)
