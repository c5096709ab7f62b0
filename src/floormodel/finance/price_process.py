"""Mean-reverting price risk: an Ornstein-Uhlenbeck process on the log of a price, its simulation and its fit.

    dx = kappa (mean_log - x) dt + sigma dW,    x = log price,    time in years

Over a step dt it is exactly an AR(1): x' = mean_log + phi (x - mean_log) + e, phi = exp(-kappa dt),
variance of e = sigma^2 (1 - phi^2) / (2 kappa). Prices that are averages over a year make the fitted `sigma` too low
and `kappa` too slow (Working 1960); nothing is done about it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from floormodel.errors import ConvergenceError, DataError, did_you_mean

Array = NDArray[np.float64]
PERSISTENCE = (1e-6, 1 - 1e-6)  # bounds on phi; a fit that ends at one has no finite half-life, or none worth the name


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """`kappa` per year, `sigma` per root year, `mean_log` log of money per tonne (0: a shock to a level)."""

    kappa: float
    sigma: float
    mean_log: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite([self.kappa, self.sigma, self.mean_log]).all() and self.kappa > 0 and self.sigma >= 0):
            raise DataError(f"price process: found kappa = {self.kappa}, sigma = {self.sigma}; "
                            "expected kappa > 0, sigma >= 0")

    @classmethod
    def from_half_life(cls, half_life: float, sigma: float, mean_log: float = 0.0) -> OrnsteinUhlenbeck:
        """From the years in which half a deviation is gone: kappa = log 2 / half_life."""
        return cls(float(np.log(2) / half_life), sigma, mean_log)

    @classmethod
    def from_ar1(cls, phi: float, innovation_sd: float, mean_log: float = 0.0, step: float = 1.0) -> OrnsteinUhlenbeck:
        """From an AR(1) with persistence 0 < phi < 1 every `step` years. Raises DataError outside that range."""
        if not 0 < phi < 1:
            raise DataError(f"price process: found phi = {phi}; expected a persistence between 0 and 1")
        kappa = -np.log(phi) / step
        return cls(float(kappa), float(innovation_sd * np.sqrt(2 * kappa / (1 - phi**2))), mean_log)

    @property
    def half_life(self) -> float:
        return float(np.log(2) / self.kappa)

    @property
    def stationary_sd(self) -> float:
        """Standard deviation of the log price in the long run, sigma / sqrt(2 kappa)."""
        return float(self.sigma / np.sqrt(2 * self.kappa))

    @property
    def mean_price(self) -> float:
        """Long-run mean of the price itself, money per tonne: exp(mean_log + stationary variance / 2)."""
        return float(np.exp(self.mean_log + self.stationary_sd**2 / 2))

    def mean(self, start: ArrayLike, years: ArrayLike) -> Array:
        """Expected log price `years` after it stood at `start` (log)."""
        left = np.exp(-self.kappa * np.asarray(years, dtype=float))
        return self.mean_log + (np.asarray(start, dtype=float) - self.mean_log) * left

    def variance(self, years: ArrayLike) -> Array:
        """Variance of the log price `years` after it is known: sigma^2 (1 - exp(-2 kappa years)) / (2 kappa)."""
        return -self.stationary_sd**2 * np.expm1(-2 * self.kappa * np.asarray(years, dtype=float))

    def simulate(
        self, start: float, steps: int, paths: int, seed: int | np.random.Generator, step: float = 1.0
    ) -> Array:
        """Paths (paths, steps + 1) of the log price from `start`, one value every `step` years, exactly discretised.

        The same seed gives the same paths, and a run with more paths begins with those of a run with fewer.
        """
        noise = np.random.default_rng(seed).standard_normal((paths, steps)) * np.sqrt(self.variance(step))
        phi = np.exp(-self.kappa * step)
        log_price = np.empty((paths, steps + 1))
        log_price[:, 0] = start
        for k in range(steps):
            log_price[:, k + 1] = self.mean_log + phi * (log_price[:, k] - self.mean_log) + noise[:, k]
        return log_price


@dataclass(frozen=True)
class Fit:
    """Maximum-likelihood fit; standard errors are those of (phi, innovation_sd, mean_log).

    `at_bound` says that the likelihood still rose at the edge of 0 < phi < 1, as where prices jump to and fro: there is
    no persistence to be seen, and the standard errors are not a number.
    """

    process: OrnsteinUhlenbeck
    phi: float
    innovation_sd: float
    mean_log: float
    standard_errors: tuple[float, float, float]
    log_likelihood: float
    observations: int
    step: float
    at_bound: bool

    def half_life_range(self, z: float = 1.645) -> tuple[float, float]:
        """Half-life in years at phi -/+ z standard errors; infinite where that reaches 1, 0 where it reaches 0."""
        low, high = self.phi - z * self.standard_errors[0], self.phi + z * self.standard_errors[0]
        return self._half_life(low), self._half_life(high)

    def _half_life(self, phi: float) -> float:
        if not phi < 1:
            return float("inf")
        return 0.0 if phi <= 0 else float(-np.log(2) * self.step / np.log(phi))


@dataclass(frozen=True)
class PriceRisk:
    """Price risk of a market's reference good: the central process around zero, ranges of half-life and volatility."""

    good: str
    process: OrnsteinUhlenbeck
    half_life: tuple[float, float]
    sigma: tuple[float, float]


def load_price_risk(market: str | Path) -> PriceRisk:
    """Fitted price risk of a market that comes with the package, or of a folder that holds price_process.csv.

    Raises DataError where the file is missing or has not one row each of half_life and sigma for one good.
    """
    folder = market if isinstance(market, Path) else Path(str(resources.files("floormodel"))) / "data" / market
    path = folder / "price_process.csv"
    if not path.is_file():
        raise DataError(f"{path}: no such file; the market has no fitted price risk")
    rows = pd.read_csv(path)
    if sorted(rows["parameter"]) != ["half_life", "sigma"] or rows["good"].nunique() != 1:
        raise DataError(f"{path}: found {list(rows['parameter'])}; expected half_life and sigma of one good")
    by_name = rows.set_index("parameter")
    value, low, high = (by_name[column].astype(float) for column in ("value", "low", "high"))
    process = OrnsteinUhlenbeck.from_half_life(value["half_life"], value["sigma"])
    ranges = {name: (float(low[name]), float(high[name])) for name in by_name.index}
    return PriceRisk(str(rows["good"].iloc[0]), process, ranges["half_life"], ranges["sigma"])


def load_price_correlation(markets: Sequence[str], folder: Path | None = None) -> pd.DataFrame:
    """Correlation matrix of yearly price shocks of the reference goods of `markets`, labelled by market; positive semidefinite.

    Raises DataError for a market that the table of the package (or of `folder`) does not hold.
    """
    path = (folder or Path(str(resources.files("floormodel"))) / "data" / "price_correlation") / "correlation.csv"
    rows = pd.read_csv(path)
    known = sorted({*rows["market"], *rows["with_market"]})
    if unknown := [m for m in markets if m not in known]:
        raise DataError(f"{path.name}: no prices of {unknown}; {did_you_mean(unknown[0], known)}")
    value = {(a, b): float(r) for a, b, r in zip(rows["market"], rows["with_market"], rows["correlation"])}
    matrix = [[1.0 if a == b else value.get((a, b), value.get((b, a), float("nan"))) for b in markets] for a in markets]
    return pd.DataFrame(matrix, index=list(markets), columns=list(markets))


def fit(prices: ArrayLike, step: float = 1.0) -> Fit:
    """Exact maximum likelihood of a stationary Gaussian AR(1) on log `prices` (n,), one every `step` years.

    The first observation enters with its stationary distribution (Beach and MacKinnon 1978). Mean and variance are
    concentrated out, the persistence is found by bounded search; standard errors from the observed information. Raises
    DataError for fewer than five prices, or one that is not positive; ConvergenceError where the search fails.
    """
    x = log_prices(prices)
    found = minimize_scalar(lambda p: -_likelihood(p, x)[0], bounds=PERSISTENCE, method="bounded",
                            options={"xatol": 1e-10})
    if not found.success:
        raise ConvergenceError(f"price process: the likelihood search failed: {found.message}")
    phi = float(found.x)
    likelihood, mean, sd = _likelihood(phi, x)
    at_bound = phi - PERSISTENCE[0] < 1e-4 or PERSISTENCE[1] - phi < 1e-4
    errors = (float("nan"),) * 3 if at_bound else _standard_errors(np.array([phi, sd, mean]), x)
    process = OrnsteinUhlenbeck.from_ar1(phi, sd, mean, step)
    return Fit(process, phi, sd, mean, errors, likelihood, len(x), step, at_bound)


def log_prices(prices: ArrayLike) -> Array:
    """Log of a series of prices (n,) that a process can be fitted to.

    Raises DataError for fewer than five prices, one that is not positive, or prices that never change.
    """
    series = np.asarray(prices, dtype=float)
    if series.ndim != 1 or len(series) < 5 or not np.all(np.isfinite(series)) or np.any(series <= 0):
        raise DataError("price process: expected five or more positive, finite prices in order of time")
    x = np.log(series)
    if np.ptp(x) == 0:
        raise DataError("price process: the prices never change; a process cannot be fitted to an administered price")
    return x


def _likelihood(phi: float, x: Array) -> tuple[float, float, float]:
    """Log-likelihood at `phi` with mean and innovation deviation at their best, and those two."""
    n = len(x)
    weight = 1 + phi  # (1 - phi^2) over (1 - phi)
    mean = (weight * x[0] + np.sum(x[1:] - phi * x[:-1])) / (weight + (n - 1) * (1 - phi))
    sd = np.sqrt(_squares(phi, mean, x) / n)
    return _log_likelihood(phi, sd, mean, x), float(mean), float(sd)


def _squares(phi: float, mean: float, x: Array) -> float:
    """Sum of squared innovations, the first scaled to the variance of the others."""
    away = x - mean
    return float((1 - phi**2) * away[0] ** 2 + np.sum((away[1:] - phi * away[:-1]) ** 2))


def _log_likelihood(phi: float, sd: float, mean: float, x: Array) -> float:
    n = len(x)
    return float(-n / 2 * np.log(2 * np.pi * sd**2) + np.log1p(-phi**2) / 2 - _squares(phi, mean, x) / (2 * sd**2))


def _standard_errors(at: Array, x: Array) -> tuple[float, float, float]:
    """Square roots of the diagonal of the inverse of minus the Hessian, by central differences in (phi, sd, mean)."""
    steps = np.diag(1e-4 * np.array([1 - at[0], at[1], at[1]]))

    def value(point: Array) -> float:
        return _log_likelihood(point[0], point[1], point[2], x)

    hessian = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            corners = [value(at + a * steps[i] + b * steps[j]) * a * b for a in (1, -1) for b in (1, -1)]
            hessian[i, j] = sum(corners) / (4 * steps[i, i] * steps[j, j])
    variances = np.diag(np.linalg.inv(-hessian))
    phi_error, sd_error, mean_error = np.sqrt(np.where(variances > 0, variances, np.nan))
    return float(phi_error), float(sd_error), float(mean_error)
