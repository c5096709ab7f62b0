"""Distributions of supply shares: which one describes how unequal suppliers are, and what each implies for the HHI.

Four ways to be unequal are fitted to one vector of shares by maximum likelihood, each with one parameter, all as densities on
the simplex, so that their likelihoods compare. Shares are those of n independent sizes of one law, divided by their sum:

    dirichlet   sizes gamma with shape a: the symmetric Dirichlet
    lognormal   log sizes normal with standard deviation sigma: the logistic normal of Aitchison and Shen (1980)
    zipf        sizes Pareto with tail index alpha; sizes then fall with rank about as rank^(-1 / alpha)
    frechet     sizes Frechet with shape kappa: the best of many draws of a cost advantage (Eaton and Kortum 2002)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, gammaincinv, gammaln, ndtri, polygamma, psi, softmax

from floormodel.errors import ConvergenceError, DataError
from floormodel.indicators.concentration import ROUNDING, hhi

Array = NDArray[np.float64]
QUANTILES = np.array([0.05, 0.5, 0.95])
FEWEST = 4  # suppliers: with fewer, a law of sizes says nothing


@dataclass(frozen=True)
class ShareFit:
    """One law fitted to one vector of shares.

    `parameter` and its standard `error` are those of the law (a, sigma, alpha or kappa); `weight` is the Akaike weight among
    the laws fitted together; `hhi_median` is the HHI that the fitted law gives in the median of simulated vectors, and
    `hhi_p` how often (two-sided) it gives one as far from that as the observed HHI is. `next_share` is what one more supplier of
    the same law would have of the enlarged total: its 5 %, 50 % and 95 % quantiles.
    """

    law: str
    number: int
    parameter: float
    error: float
    log_likelihood: float
    aic: float
    weight: float
    hhi_median: float
    hhi_p: float
    next_share: tuple[float, float, float]


@dataclass(frozen=True)
class _Law:
    """Functions of the parameter and of log shares (n,): log density on the simplex, score, information; log sizes at random;
    quantiles of the log size with the scale that the listed shares have."""

    density: Callable[[float, Array], float]
    score: Callable[[float, Array], float]
    information: Callable[[float, Array], float]
    log_sizes: Callable[[np.random.Generator, float, tuple[int, int]], Array]
    log_quantile: Callable[[float, Array, Array], Array]


def _spread(logs: Array) -> float:
    return float(np.sum((logs - logs.mean()) ** 2))


def _frechet_moments(kappa: float, logs: Array) -> tuple[float, float, float]:
    """log sum x^-kappa, and mean and variance of log x under weights x^-kappa."""
    weight = softmax(-kappa * logs)
    mean = float(weight @ logs)
    return float(-kappa * logs.min() + np.log(np.sum(np.exp(-kappa * (logs - logs.min()))))), mean, float(weight @ (logs - mean) ** 2)


def _log_gamma_draws(generator: np.random.Generator, shape: float, size: tuple[int, int]) -> Array:
    """Logs of gamma draws, exact for small shapes too: G(a) = G(a + 1) U^(1 / a)."""
    return np.log(generator.gamma(shape + 1, size=size)) + np.log(generator.random(size)) / shape


LAWS = {
    "dirichlet": _Law(
        lambda a, x: float(gammaln(len(x) * a) - len(x) * gammaln(a) + (a - 1) * x.sum()),
        lambda a, x: float(len(x) * (psi(len(x) * a) - psi(a)) + x.sum()),
        lambda a, x: float(len(x) * polygamma(1, a) - len(x) ** 2 * polygamma(1, len(x) * a)),
        _log_gamma_draws,
        lambda a, x, q: np.log(np.maximum(gammaincinv(a, q), 1e-300) / (len(x) * a))),
    "lognormal": _Law(
        lambda s, x: float(-(len(x) - 1) * (np.log(s) + np.log(2 * np.pi) / 2) - np.log(len(x)) / 2 - x.sum() - _spread(x) / (2 * s**2)),
        lambda s, x: -(len(x) - 1) / s + _spread(x) / s**3,
        lambda s, x: -(len(x) - 1) / s**2 + 3 * _spread(x) / s**4,
        lambda rng, s, size: s * rng.standard_normal(size),
        lambda s, x, q: x.mean() + s * ndtri(q)),
    "zipf": _Law(
        lambda a, x: float((len(x) - 1) * np.log(a) - np.log(len(x)) + len(x) * a * x.min() - (a + 1) * x.sum()),
        lambda a, x: float((len(x) - 1) / a + len(x) * x.min() - x.sum()),
        lambda a, x: (len(x) - 1) / a**2,
        lambda rng, a, size: rng.standard_exponential(size) / a,
        lambda a, x, q: x.min() - np.log1p(-q) / a),
    "frechet": _Law(
        lambda k, x: float((len(x) - 1) * np.log(k) + gammaln(len(x)) - (k + 1) * x.sum() - len(x) * _frechet_moments(k, x)[0]),
        lambda k, x: float((len(x) - 1) / k - x.sum() + len(x) * _frechet_moments(k, x)[1]),
        lambda k, x: (len(x) - 1) / k**2 + len(x) * _frechet_moments(k, x)[2],
        lambda rng, k, size: rng.gumbel(size=size) / k,
        lambda k, x, q: (np.log(len(x)) - _frechet_moments(k, x)[0] - np.log(-np.log(q))) / k),
}


def log_density(law: str, parameter: float, share: ArrayLike) -> float:
    """Log density of shares (n,), all positive, under a law of `LAWS`, with respect to the first n - 1 of them."""
    return LAWS[law].density(parameter, np.log(np.asarray(share, dtype=float)))


def fit_shares(share: ArrayLike, draws: int = 999, seed: int = 2024) -> tuple[ShareFit, ...]:
    """Every law of `LAWS` fitted to the positive shares among `share` (n,), scaled to one; best first by AIC.

    Each likelihood has one maximum, found where its score is zero; the standard error is that of the observed
    information. The goodness of fit is a parametric bootstrap of the HHI over `draws` vectors. Where a source lists only
    its larger suppliers, the laws describe those. Raises DataError for fewer than four suppliers and for equal shares.
    """
    listed = np.asarray(share, dtype=float)
    listed = listed[listed > 0]
    if len(listed) < FEWEST:
        raise DataError(f"fit_shares: found {len(listed)} suppliers; expected {FEWEST} or more")
    if np.ptp(listed) <= ROUNDING * listed.max():
        raise DataError("fit_shares: all shares are equal, so no law has a maximum")
    logs = np.log(listed / listed.sum())
    observed, generator, found = float(hhi(np.exp(logs))), np.random.default_rng(seed), []
    for name, law in LAWS.items():
        log_parameter = brentq(lambda p, law=law: law.score(np.exp(p), logs), -12, 12, xtol=1e-14, rtol=1e-14)
        parameter = float(np.exp(log_parameter))
        simulated = hhi(softmax(law.log_sizes(generator, parameter, (draws, len(logs))), axis=1))
        tail = min(np.sum(simulated <= observed), np.sum(simulated >= observed))
        height = law.density(parameter, logs)
        low, middle, high = expit(law.log_quantile(parameter, logs, QUANTILES)).tolist()
        found.append(ShareFit(
            law=name, number=len(logs), parameter=parameter, error=law.information(parameter, logs) ** -0.5, log_likelihood=height,
            aic=2 - 2 * height, weight=0.0, hhi_median=float(np.median(simulated)),
            hhi_p=float(min(1.0, 2 * (tail + 1) / (draws + 1))), next_share=(low, middle, high)))
    weights = softmax([-fit.aic / 2 for fit in found])
    weighed = [ShareFit(**{**vars(fit), "weight": float(weight)}) for fit, weight in zip(found, weights)]
    return tuple(sorted(weighed, key=lambda fit: fit.aic))


def zipf_shares(number: int, exponent: float) -> Array:
    """Shares (number,) that fall with rank as rank^(-exponent)."""
    return softmax(-exponent * np.log(np.arange(1, number + 1)))


def zipf_from_hhi(index: float, number: int) -> float:
    """Zipf exponent that gives `number` suppliers the HHI `index`; raises DataError unless 1/number < index < 1."""
    if not 1 / number < index < 0.999999:
        raise DataError(f"zipf_from_hhi: found an HHI of {index:g} for {number} suppliers; expected one between 1/number and 1")
    return float(brentq(lambda s: float(hhi(zipf_shares(number, s))) - index, 0, 100, xtol=1e-14))


def hill(share: ArrayLike, least: float | None = None) -> float:
    """Hill's (1975) tail index of the shares (n,) above `least`, by default the smallest: k / sum log(s / least)."""
    listed = np.asarray(share, dtype=float)
    bottom = listed.min() if least is None else least
    above = listed[listed > bottom]
    if bottom <= 0 or not len(above):
        raise DataError("hill: expected positive shares, some of them above `least`")
    return len(above) / float(np.sum(np.log(above / bottom)))


def rank_half(share: ArrayLike) -> tuple[float, float]:
    """Tail index and its standard error from log(rank - 1/2) on log share (n,) (Gabaix and Ibragimov 2011)."""
    ordered = -np.sort(-np.asarray(share, dtype=float))
    if ordered[-1] <= 0 or len(ordered) < 3:
        raise DataError("rank_half: expected three or more positive shares")
    index = -float(np.polyfit(np.log(ordered), np.log(np.arange(1, len(ordered) + 1) - 0.5), 1)[0])
    return index, index * float(np.sqrt(2 / len(ordered)))


def lognormal_hhi(sigma: ArrayLike, number: ArrayLike) -> Array:
    """HHI of many lognormal sizes: exp(sigma^2) / number, a limit that is too high where few suppliers are very unequal."""
    return np.exp(np.square(np.asarray(sigma, dtype=float))) / np.asarray(number, dtype=float)


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
