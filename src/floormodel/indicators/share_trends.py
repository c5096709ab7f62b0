"""Trends of a share over years: fractional logit and beta regression with steps at known breaks, a local level, bands.

A break is a year from which a series is counted in another way: a revision, a splice of two sources, a change of scope. It is
a step of its own in the regression, so that it is never read as a trend. Events of the market itself are no breaks.

statsmodels estimates; only the bootstrap's many refits are solved here, all draws at once, by the same scoring equations.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, polygamma, psi
from scipy.stats import beta, norm
from scipy.stats import t as student
from statsmodels.othermod.betareg import BetaModel
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.statespace.structural import UnobservedComponents

from floormodel.errors import ConvergenceError, DataError

Array = NDArray[np.float64]
NEAREST = 1e-4  # beta regression has no room for 0 and 1: shares are kept this far from them
LARGEST_STEP = 2.0  # of a log-odds or log precision in one scoring step


@dataclass(frozen=True)
class LocalLevel:
    """A level that wanders: its smoothed path (T,) and standard errors (regressors taken as known), the coefficients (k,) of
    regressors and theirs, the variances of noise and of the level's yearly move, the log-likelihood."""

    level: Array
    error: Array
    coefficients: Array
    coefficient_errors: Array
    irregular: float
    wandering: float
    log_likelihood: float


def trend_design(year: ArrayLike, breaks: Sequence[float] = ()) -> Array:
    """Regressors (T, 2 + breaks): one, the year, and for each break a step from its year on.

    Raises DataError for a break that does not lie after the first year and at or before the last, and for steps that the
    years cannot tell from each other or from the trend.
    """
    time = np.asarray(year, dtype=float)
    outside = [b for b in breaks if not time.min() < b <= time.max()]
    if outside:
        raise DataError(f"trend: breaks {outside} are outside the years {time.min():g} to {time.max():g}")
    design = np.column_stack([np.ones_like(time), time, *((time >= b).astype(float) for b in breaks)])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise DataError(f"trend: {len(time)} years cannot tell the trend from steps at {list(breaks)}; list fewer breaks or more years")
    return design


def fractional_logit(year: ArrayLike, share: ArrayLike, breaks: Sequence[float] = ()) -> Any:
    """Quasi-likelihood logit of a share (T,) in 0..1 on a constant, the year (T,) and steps (Papke and Wooldridge 1996).

    A statsmodels result. Its covariance is White's, robust to the variance of a share but not to dependence between years.
    """
    model = sm.GLM(np.asarray(share, dtype=float), trend_design(year, breaks), family=sm.families.Binomial())
    return model.fit(cov_type="HC1", tol=1e-12, maxiter=200)


def slope_error(found: Any) -> tuple[float, float]:
    """HC1 standard error of a fractional logit's slope and its p-value from the t distribution with T - k degrees of freedom.

    statsmodels leaves the factor T / (T - k) that makes White's covariance HC1 out for a GLM; it is put in here.
    """
    size, free = int(found.nobs), int(found.nobs) - len(found.params)
    error = float(found.bse[1]) * float(np.sqrt(size / free))
    return error, float(2 * student.sf(abs(found.params[1]) / error, free))


def beta_regression(year: ArrayLike, share: ArrayLike, breaks: Sequence[float] = ()) -> Any:
    """Beta regression of a share (T,) on a constant, the year (T,) and steps (Ferrari and Cribari-Neto 2004), by maximum likelihood.

    A statsmodels result: parameters of the logit of the mean, last the log precision. Shares at 0 or 1 move inside by 1e-4.
    """
    inside = np.clip(np.asarray(share, dtype=float), NEAREST, 1 - NEAREST)
    return BetaModel(inside, trend_design(year, breaks)).fit(disp=0, maxiter=500)


def block_bootstrap(
    year: ArrayLike, share: ArrayLike, draws: int, seed: int, breaks: Sequence[float] = ()
) -> tuple[Array, int]:
    """Coefficients (draws, k) of a fractional logit under a moving-block bootstrap over years (Kuensch 1989); block length.

    Residuals, divided by sqrt(mu (1 - mu)) and scaled for k coefficients, are drawn in overlapping blocks of
    ceil(T^(1/3)) consecutive years, centred by position in the block (Lahiri 2003), and put back on the fitted curve:
    neighbouring years stay dependent, every draw has the same years. A share outside 0..1 is set to the nearer end.
    """
    found, design = fractional_logit(year, share, breaks), trend_design(year, breaks)
    fitted = np.asarray(found.fittedvalues)
    spread = np.sqrt(fitted * (1 - fitted))
    noise, block = _blocks((np.asarray(share, dtype=float) - fitted) / spread, design.shape[1], draws, seed)
    simulated = np.clip(fitted + spread * noise, 0, 1)
    return logit_coefficients(design, simulated, np.asarray(found.params)), block


def beta_block_bootstrap(
    year: ArrayLike, share: ArrayLike, draws: int, seed: int, breaks: Sequence[float] = ()
) -> tuple[Array, int]:
    """Parameters (draws, k + 1) of a beta regression under a moving-block bootstrap; block length.

    Blocks are of quantile residuals (Dunn and Smyth 1996), so that every simulated share lies between 0 and 1; they are
    scaled and centred as in `block_bootstrap`.
    """
    found, design = beta_regression(year, share, breaks), trend_design(year, breaks)
    first = np.asarray(found.params)
    mean, precision = expit(design @ first[:-1]), np.exp(first[-1])
    law = beta(mean * precision, (1 - mean) * precision)
    residual = norm.ppf(np.clip(law.cdf(np.clip(share, NEAREST, 1 - NEAREST)), 1e-12, 1 - 1e-12))
    noise, block = _blocks(residual, design.shape[1], draws, seed)
    simulated = np.clip(law.ppf(norm.cdf(noise)), NEAREST, 1 - NEAREST)
    return beta_parameters(design, simulated, first), block


def logit_coefficients(design: Array, share: Array, start: Array) -> Array:
    """Fractional-logit coefficients (draws, k) of many shares (draws, T) on one design (T, k), all at once from `start` (k,).

    Raises ConvergenceError where a draw has no estimate, as when a share is 0 or 1 in all years.
    """

    def score(coefficients: Array) -> tuple[Array, Array]:
        mean = expit(coefficients @ design.T)
        return (share - mean) @ design, np.einsum("nt,ti,tj->nij", mean * (1 - mean), design, design)

    return _scoring(score, start, len(share))


def beta_parameters(design: Array, share: Array, start: Array) -> Array:
    """Beta-regression parameters (draws, k + 1), last the log precision, of many shares (draws, T) inside 0..1 on one design.

    Fisher scoring with the information of Ferrari and Cribari-Neto (2004), from `start` (k + 1,). Raises ConvergenceError.
    """
    odds, rest = logit(share), np.log1p(-share)

    def score(parameters: Array) -> tuple[Array, Array]:
        mean, phi = expit(parameters[:, :-1] @ design.T), np.exp(parameters[:, -1:])
        up, down = mean * phi, (1 - mean) * phi
        weight, gap = mean * (1 - mean), odds - psi(up) + psi(down)
        slope = np.column_stack([(phi * weight * gap) @ design, np.sum(phi * (mean * gap + rest - psi(down) + psi(phi)), axis=1)])
        tri_up, tri_down = polygamma(1, up), polygamma(1, down)
        information = np.empty((len(parameters), design.shape[1] + 1, design.shape[1] + 1))
        information[:, :-1, :-1] = np.einsum("nt,ti,tj->nij", (phi * weight) ** 2 * (tri_up + tri_down), design, design)
        cross = (phi**2 * weight * (mean * tri_up - (1 - mean) * tri_down)) @ design
        information[:, :-1, -1] = information[:, -1, :-1] = cross
        information[:, -1, -1] = np.sum(phi**2 * (mean**2 * tri_up + (1 - mean) ** 2 * tri_down - polygamma(1, phi)), axis=1)
        return slope, information

    return _scoring(score, start, len(share))


def local_level(values: ArrayLike, regressors: ArrayLike | None = None) -> LocalLevel:
    """A local level (random walk plus noise) fitted to yearly values (T,) by maximum likelihood with statsmodels.

    nan is a missing year. regressors: (T, k), such as the columns from the second of `trend_design`, the year and its steps;
    their coefficients are part of the state and their effect of the level. For a share, pass its log odds.
    """
    series, others = np.asarray(values, dtype=float), None if regressors is None else np.asarray(regressors, dtype=float)
    model = UnobservedComponents(series, "local level", exog=others, mle_regression=False)
    with warnings.catch_warnings():  # where one variance is zero the search ends at a bound and says so
        warnings.simplefilter("ignore", ConvergenceWarning)
        near = model.fit(disp=0, maxiter=500)
        found = model.fit(near.params, pgtol=1e-9, factr=10, disp=0, maxiter=500)  # the first stop can be half a per cent off
    state, spread = found.smoothed_state, found.smoothed_state_cov
    level, coefficients = np.asarray(state[0]), np.asarray(state[1:, -1])
    if others is not None:
        level = level + others @ coefficients
    return LocalLevel(level, np.sqrt(np.maximum(spread[0, 0], 0)), coefficients, np.sqrt(np.diagonal(spread[1:, 1:, -1])),
                      float(found.params[0]), float(found.params[1]), float(found.llf))


def _blocks(residual: Array, coefficients: int, draws: int, seed: int) -> tuple[Array, int]:
    """Residuals (draws, T) put together from blocks of consecutive years, and the length of a block."""
    size = len(residual)
    block = int(np.ceil(size ** (1 / 3)))
    blocks = np.lib.stride_tricks.sliding_window_view(residual * np.sqrt(size / (size - coefficients)), block)
    starts = np.random.default_rng(seed).integers(0, len(blocks), size=(draws, -(-size // block)))
    return (blocks - blocks.mean(axis=0))[starts].reshape(draws, -1)[:, :size], block


def _scoring(score: Callable[[Array], tuple[Array, Array]], start: Array, draws: int) -> Array:
    """Roots (draws, k) of scores by Fisher scoring from one start, steps cut where they are long. Raises ConvergenceError."""
    found = np.tile(start, (draws, 1))
    for _ in range(200):
        slope, information = score(found)
        try:
            step = np.linalg.solve(information, slope[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            break
        found = found + step * np.minimum(1, LARGEST_STEP / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
        if np.abs(step).max() < 1e-8:
            return found
    raise ConvergenceError("bootstrap of a trend: a draw has no estimate; expected a share that is not at 0 or 1 in most years")
