"""Elasticities over time: partial adjustment, local projections, and the pairs that a VAR allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray


@dataclass(frozen=True)
class Adjustment:
    """Partial adjustment: coefficients and errors (constant, regressors, lag), short and long run with errors."""

    params: NDArray
    errors: NDArray
    speed: float
    short: NDArray
    long: NDArray
    long_errors: NDArray
    observations: int


def partial_adjustment(q: NDArray, lag: NDArray, regressors: NDArray, cov_type: str = "nonrobust", **cov: Any) -> Adjustment:
    """ln q (n,) on a constant, `regressors` (n, m) and its own lag (n,) by OLS (Nerlove 1958).

    The short-run response is the coefficient b, the long-run one b / (1 - g) with g that of the lag, its error by the delta
    method: gradient 1 / (1 - g) in b and b / (1 - g)^2 in g. Meaningless for g of 1 or more. `cov_type` and `cov` are statsmodels'.
    """
    design = np.column_stack([np.ones(len(q)), regressors, lag])
    found = sm.OLS(q, design).fit(cov_type=cov_type, **({"cov_kwds": cov} if cov else {}))
    b, g = found.params[1:-1], found.params[-1]
    gradient = np.zeros((len(b), len(found.params)))
    gradient[np.arange(len(b)), np.arange(len(b)) + 1] = 1 / (1 - g)
    gradient[:, -1] = b / (1 - g) ** 2
    spread = gradient @ found.cov_params() @ gradient.T
    return Adjustment(found.params, found.bse, float(1 - g), b, b / (1 - g), np.sqrt(np.diag(spread)), int(found.nobs))


def local_projection(outcome: NDArray, shock: NDArray, controls: NDArray) -> tuple[float, float, int]:
    """Response of `outcome` (n,), a change over h years, to `shock` (n,), with its error and the number of years.

    Jorda (2005); `controls` (n, m) hold the lags of both series and one more than the model needs, so that White's error
    serves although residuals overlap (lag augmentation, Montiel Olea and Plagborg-Moller 2021).
    """
    found = sm.OLS(outcome, np.column_stack([np.ones(len(outcome)), shock, controls])).fit(cov_type="HC1")
    return float(found.params[1]), float(found.bse[1]), int(found.nobs)


def demand_given_supply(supply: float | NDArray, covariance: NDArray) -> NDArray:
    """Demand elasticity that goes with a supply elasticity s, from the covariance (2, 2) of quantity and price innovations.

    With uncorrelated demand and supply shocks d = (V_qq - s V_qp) / (V_qp - s V_pp) (Leamer 1981; Baumeister and Hamilton
    2015): data narrow the pair to this hyperbola and no further. Infinite where s is V_qp / V_pp.
    """
    (qq, qp), (_, pp) = np.asarray(covariance, dtype=float)
    with np.errstate(divide="ignore"):
        return np.asarray((qq - supply * qp) / (qp - supply * pp))


def innovations(q: NDArray, p: NDArray, lags: NDArray, exogenous: NDArray) -> NDArray:
    """Covariance (2, 2) of what `lags` (n, m) and `exogenous` (n, l) leave of the changes q (n,) and p (n,)."""
    design = np.column_stack([lags, exogenous])
    left = np.column_stack([q, p])
    rest = left - design @ np.linalg.lstsq(design, left, rcond=None)[0]
    return np.asarray(rest.T @ rest / (len(q) - design.shape[1]))
