"""Elasticities by instrumental variables, with what tells whether the instruments are strong enough to say anything.

Two-stage least squares is that of linearmodels (the `[calibration]` extra). The effective first-stage F of Montiel Olea and
Pflueger (2013) and the Anderson-Rubin confidence set in closed form (Dufour and Taamouti 2005) are written out here: the set
keeps its coverage however weak the instruments are, and so may be the whole line, two rays or empty.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as fisher

from floormodel.errors import DataError

Interval = tuple[float, float]


@dataclass(frozen=True)
class IvEstimate:
    """One endogenous coefficient by 2SLS: value, standard error, first-stage strength, overidentification, weak-robust set.

    `first_stage_f` assumes equal variances, `effective_f` allows for unequal ones; `sargan_p` is nan where exactly
    identified. `anderson_rubin` holds the intervals of the set, from below; none where every value is rejected.
    """

    value: float
    error: float
    first_stage_f: float
    effective_f: float
    sargan: float
    sargan_p: float
    anderson_rubin: tuple[Interval, ...]
    others: tuple[float, ...]
    other_errors: tuple[float, ...]
    observations: int


def two_stage(y: NDArray, x: NDArray, exogenous: NDArray, instruments: NDArray, level: float = 0.90,
              robust: bool = True) -> IvEstimate:
    """Coefficient of x (n,) in y (n,) on x and `exogenous` (n, l), a constant among them, with `instruments` (n, k), k >= 1.

    `robust` takes White's variances; without it errors are those of equal variances, both with n - l - 1 degrees of freedom.

    Raises
    ------
    DataError
        Where linearmodels is not installed, or there are no more years than coefficients of the first stage.
    """
    n, (k, l) = len(y), (instruments.shape[1], exogenous.shape[1])
    if n <= k + l:
        raise DataError(f"instrumental variables: {n} observations for {k + l} coefficients of the first stage; expected more")
    found = _library("linearmodels.iv").IV2SLS(y, exogenous, x, instruments).fit(
        cov_type="robust" if robust else "unadjusted", debiased=True)
    values, errors = found.params.to_numpy(), found.std_errors.to_numpy()
    yr, xr, z = (partialled(v, exogenous) for v in (y, x, instruments))
    return IvEstimate(
        value=float(values[-1]), error=float(errors[-1]), first_stage_f=first_stage_f(xr, z, n - k - l),
        effective_f=effective_f(xr, z, n - k - l), sargan=float(found.sargan.stat) if k > 1 else np.nan,
        sargan_p=float(found.sargan.pval) if k > 1 else np.nan, anderson_rubin=anderson_rubin(yr, xr, z, n - k - l, level),
        others=tuple(float(v) for v in values[:-1]), other_errors=tuple(float(v) for v in errors[:-1]), observations=n)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise DataError("instrumental variables need linearmodels: pip install floormodel[calibration]") from exc


def partialled(v: NDArray, exogenous: NDArray) -> NDArray:
    """Residuals of v (n,) or (n, m) after regression on `exogenous` (n, l)."""
    return np.asarray(v - exogenous @ np.linalg.lstsq(exogenous, v, rcond=None)[0])


def first_stage_f(x: NDArray, z: NDArray, freedom: int) -> float:
    """F of the instruments z (n, k) in the first stage for x (n,), both partialled, under equal variances."""
    fitted = z @ np.linalg.lstsq(z, x, rcond=None)[0]
    return float(fitted @ fitted / z.shape[1] / ((x - fitted) @ (x - fitted) / freedom))


def effective_f(x: NDArray, z: NDArray, freedom: int) -> float:
    """Effective first-stage F of Montiel Olea and Pflueger (2013): x'P_z x over the trace of W Z'Z.

    W is White's covariance of the first-stage coefficients, with n / freedom as HC1. With one instrument it is the squared
    robust t value, with equal variances the usual F. With one instrument and an F under 23 the bias of 2SLS may pass 10 % of
    its worst case. x (n,) and z (n, k) are partialled.
    """
    gram = z.T @ z
    slopes = np.linalg.solve(gram, z.T @ x)
    scores = z * (x - z @ slopes)[:, None]
    meat = scores.T @ scores * len(x) / freedom
    return float(slopes @ gram @ slopes / np.trace(np.linalg.solve(gram, meat)))


def anderson_rubin(y: NDArray, x: NDArray, z: NDArray, freedom: int, level: float) -> tuple[Interval, ...]:
    """Values b of the coefficient at which z has no say in y - x b, at confidence `level`, under equal variances.

    All but the controls partialled: y (n,), x (n,), z (n, k). The test (Anderson and Rubin 1949) accepts b where
    (y - x b)' D (y - x b) <= 0, D = P - c k / freedom (I - P), P the projection on z and c the F quantile: a quadratic
    inequality in b, whose solution is an interval, two rays, the whole line or nothing.
    """
    ratio = fisher.ppf(level, z.shape[1], freedom) * z.shape[1] / freedom
    pair = np.column_stack([y, x])
    fitted = z @ np.linalg.lstsq(z, pair, rcond=None)[0]
    inner = (1 + ratio) * fitted.T @ fitted - ratio * pair.T @ pair
    a, b, c = inner[1, 1], inner[0, 1], inner[0, 0]
    inside = b**2 - a * c
    if inside < 0:
        return () if a > 0 else ((-np.inf, np.inf),)
    low, high = sorted((float((b - np.sqrt(inside)) / a), float((b + np.sqrt(inside)) / a)))
    return ((low, high),) if a > 0 else ((-np.inf, low), (high, np.inf))


def set_text(intervals: tuple[Interval, ...]) -> str:
    """The set in words and numbers: `0.1 to 0.4`, `below -0.2 or above 0.9`, `any value`, `no value`."""
    if not intervals:
        return "no value"
    words = []
    for low, high in intervals:
        if np.isinf(low) and np.isinf(high):
            words.append("any value")
        elif np.isinf(low):
            words.append(f"below {high:.2g}")
        else:
            words.append(f"above {low:.2g}" if np.isinf(high) else f"{low:.2g} to {high:.2g}")
    return " or ".join(words)
