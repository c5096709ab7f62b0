"""Four price processes fitted to one series and compared: mean reversion or not, with jumps or not.

All are fitted by maximum likelihood of the steps given the first price, so that their likelihoods compare. A step of the log price is

    x' = level + phi (x - level) + e + J    or    x' = x + drift + e + J,    e normal,    J the sum of N normal jumps, N Poisson

The density with jumps is the Poisson mixture of normals, cut after `ORDER` jumps a step; what lies beyond is reported as `tail`. The
likelihood of a mixture has no maximum where one part may shrink to a point (Honore 1998, Pitfalls in estimating jump-diffusion models), so
that the normal shock is held above a tenth of the deviation of the plain fit and jumps below one a step on average; a fit that ends at
such a bound is said to be at its bound and gets no standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, logsumexp
from scipy.stats import poisson
from statsmodels.tools.numdiff import approx_fprime

from floormodel.errors import ConvergenceError
from floormodel.finance.price_models import GeometricBrownian, Jumps, WithJumps
from floormodel.finance.price_process import PERSISTENCE, OrnsteinUhlenbeck, log_prices

Array = NDArray[np.float64]
ORDER = 10
STARTS = ((0.1, -0.5), (0.1, 0.5), (0.5, 0.0))  # jumps a step, their mean in deviations of the plain fit
NAMES = ("level", "phi", "sd", "rate", "jump_mean", "jump_sd")  # level: of the log price, or drift a step where phi is 1


@dataclass(frozen=True)
class ModelFit:
    """One fitted process. `values` and `errors` (observed information) by name, per step: level or drift, phi, sd, rate of jumps, their
    mean and deviation; `parameters` counts those that were fitted. `tail`: probability of more jumps in a step than were counted."""

    model: str
    values: dict[str, float]
    errors: dict[str, float]
    log_likelihood: float
    parameters: int
    steps: int
    step: float
    tail: float
    at_bound: bool

    @property
    def aic(self) -> float:
        return 2 * self.parameters - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        return float(self.parameters * np.log(self.steps) - 2 * self.log_likelihood)

    @property
    def half_life(self) -> float:
        """Years in which half a deviation is gone; infinite where nothing reverts."""
        phi = self.values.get("phi", 1.0)
        return float("inf") if phi >= 1 else float(-np.log(2) * self.step / np.log(phi))

    @property
    def process(self) -> OrnsteinUhlenbeck | GeometricBrownian | WithJumps:
        """The process in years."""
        v = self.values
        core = (OrnsteinUhlenbeck.from_ar1(v["phi"], v["sd"], v["level"], self.step) if "phi" in v
                else GeometricBrownian(v["level"] / self.step, v["sd"] / np.sqrt(self.step)))
        return WithJumps(core, Jumps(v["rate"] / self.step, v["jump_mean"], v["jump_sd"])) if "rate" in v else core


def fit_models(prices: ArrayLike, step: float = 1.0, jumps: bool = True) -> tuple[ModelFit, ...]:
    """OU and GBM, and with `jumps` both with jumps, fitted to `prices` (n,), one every `step` years.

    Raises DataError for fewer than five prices, one that is not positive, or prices that never change; ConvergenceError where no search
    comes to rest.
    """
    x = log_prices(prices)
    plain = [_plain(x, step, reverting) for reverting in (True, False)]
    return (*plain, *(_jumping(x, step, fit) for fit in plain)) if jumps else tuple(plain)


def mean_reversion_p(prices: ArrayLike, draws: int = 999, seed: int = 0) -> float:
    """Probability of a persistence as far below 1 as the one seen, were the price a GBM: the t value of phi - 1 in the regression of x'
    on x and a constant against its values in `draws` simulated GBMs with the fitted drift and deviation (a parametric bootstrap, since
    the t value of a unit root follows no standard distribution; Dickey and Fuller 1979)."""
    x = log_prices(prices)
    change = np.diff(x)
    noise = np.random.default_rng(seed).standard_normal((draws, len(change)))
    paths = np.cumsum(np.concatenate([np.zeros((draws, 1)), change.mean() + change.std() * noise], axis=1), axis=1)
    return float((1 + np.sum(_unit_root_t(paths) <= _unit_root_t(x[None])[0])) / (draws + 1))


def _unit_root_t(x: Array) -> Array:
    """t values (B,) of phi - 1 in the regressions of the steps of paths x (B, n)."""
    before, change = x[:, :-1], np.diff(x, axis=1)
    away = before - before.mean(1, keepdims=True)
    size = np.sum(away**2, axis=1)
    slope = np.sum(away * change, axis=1) / size
    left = change - change.mean(1, keepdims=True) - slope[:, None] * away
    return slope / np.sqrt(np.sum(left**2, axis=1) / (x.shape[1] - 3) / size)


def _plain(x: Array, step: float, reverting: bool) -> ModelFit:
    """Least squares, which is maximum likelihood given the first price; phi is kept inside PERSISTENCE."""
    before, after = x[:-1], x[1:]
    if reverting:
        away = before - before.mean()
        phi = float(np.clip(np.sum(away * after) / np.sum(away**2), *PERSISTENCE))
        level = float(np.mean(after - phi * before) / (1 - phi))
        at_bound = phi in PERSISTENCE
    else:
        phi, level, at_bound = 1.0, float(np.mean(after - before)), False
    sd = float(np.std(after - phi * before))
    return _finish("ou" if reverting else "gbm", x, step, np.array([level, phi, sd]), reverting, at_bound)


def _jumping(x: Array, step: float, plain: ModelFit) -> ModelFit:
    """The best of several searches for the maximum over (constant, phi, log sd, log rate, jump mean, log jump sd)."""
    reverting, sd = "phi" in plain.values, plain.values["sd"]
    centre = x.mean()
    phi = plain.values.get("phi", 1.0)
    bounds = [(None, None), PERSISTENCE if reverting else (1.0, 1.0), (np.log(0.1 * sd), np.log(2 * sd)), (np.log(1e-4), 0.0),
              (-20 * sd, 20 * sd), (np.log(1e-3 * sd), np.log(20 * sd))]
    best = None
    for rate, mean in STARTS:
        start = [np.mean(x[1:] - centre - phi * (x[:-1] - centre)) - rate * mean * sd, phi, np.log(0.7 * sd), np.log(rate), mean * sd,
                 np.log(1.5 * sd)]
        found = minimize(_negative, start, args=(x - centre,), jac=True, bounds=bounds, method="L-BFGS-B",
                         options={"ftol": 1e-14, "gtol": 1e-7, "maxiter": 2000})
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is None:
        raise ConvergenceError(f"price process: no search for the maximum of {plain.model} with jumps came to rest")
    constant, phi = float(best.x[0]), float(best.x[1])
    level = centre + constant / (1 - phi) if reverting else constant
    at_bound = any(np.isclose(v, end, rtol=0, atol=1e-6) for k, (v, ends) in enumerate(zip(best.x, bounds)) for end in ends
                   if end is not None and (reverting or k != 1))
    at = np.array([level, phi, np.exp(best.x[2]), np.exp(best.x[3]), best.x[4], np.exp(best.x[5])])
    return _finish(f"{plain.model}_jumps", x, step, at, reverting, at_bound)


def _finish(model: str, x: Array, step: float, at: Array, reverting: bool, at_bound: bool) -> ModelFit:
    free = np.array([k for k in range(len(at)) if reverting or k != 1])

    def score(point: Array) -> Array:
        full = at.copy()
        full[free] = point
        return _score(full, x, reverting)[free]

    errors = np.full(len(free), np.nan)
    if not at_bound:
        information = -approx_fprime(at[free], score, centered=True)
        variances = np.diag(np.linalg.pinv((information + information.T) / 2))
        errors = np.sqrt(np.where(variances > 0, variances, np.nan))
    names = [NAMES[k] for k in free]
    tail = float(poisson.sf(ORDER, at[3])) if len(at) > 3 else 0.0
    return ModelFit(model, dict(zip(names, map(float, at[free]))), dict(zip(names, map(float, errors))), _log_likelihood(at, x, reverting),
                    len(free), len(x) - 1, step, tail, at_bound)


def _log_likelihood(at: Array, x: Array, reverting: bool) -> float:
    """Log-likelihood of the steps at natural parameters (level or drift, phi, sd[, rate, jump mean, jump sd])."""
    return -float(_negative(_working(at, reverting), x)[0])


def _working(at: Array, reverting: bool) -> Array:
    """Natural parameters as the search has them: (constant, phi, log sd[, log rate, jump mean, log jump sd])."""
    constant = at[0] * (1 - at[1]) if reverting else at[0]
    jumps = [np.log(at[3]), at[4], np.log(at[5])] if len(at) > 3 else []
    return np.array([constant, at[1], np.log(at[2]), *jumps])


def _score(at: Array, x: Array, reverting: bool) -> Array:
    """Gradient of the log-likelihood in natural parameters."""
    slope = -_negative(_working(at, reverting), x)[1]
    out = slope.copy()
    if reverting:
        out[0], out[1] = slope[0] * (1 - at[1]), slope[1] - slope[0] * at[0]
    out[2] /= at[2]
    if len(at) > 3:
        out[3] /= at[3]
        out[5] /= at[5]
    return out


def _negative(point: Array, x: Array) -> tuple[float, Array]:
    """Minus the log-likelihood of the steps of x at working parameters, and its gradient."""
    constant, phi, variance = point[0], point[1], np.exp(2 * point[2])
    if len(point) == 3:
        number, weight_log = np.zeros(1), np.zeros(1)
        mean, wide = 0.0, 0.0
    else:
        number, rate = np.arange(ORDER + 1.0), np.exp(point[3])
        weight_log = number * point[3] - rate - gammaln(number + 1)
        mean, wide = point[4], np.exp(2 * point[5])
    v = variance + number * wide
    e = x[1:, None] - constant - phi * x[:-1, None] - number * mean
    parts = weight_log - 0.5 * np.log(2 * np.pi * v) - 0.5 * e**2 / v
    total = logsumexp(parts, axis=1)
    w = np.exp(parts - total[:, None])
    pull, spread = w * e / v, w * (e**2 / v - 1) / v
    gradient = [pull.sum(), np.sum(pull * x[:-1, None]), variance * spread.sum()]
    if len(point) > 3:
        gradient += [np.sum(w * (number - rate)), np.sum(pull * number), wide * np.sum(spread * number)]
    return -float(total.sum()), -np.array(gradient)
