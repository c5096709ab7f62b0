"""Random-effects pooling of study effects and the predictive distribution of one more study's true effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import t as student


@dataclass(frozen=True)
class Pooled:
    """A pooled mean, its standard error, the spread between studies `tau`, I2, and degrees of freedom.

    The predictive distribution of the true effect of one more study is a Student t about the mean with scale
    sqrt(tau^2 + error^2) (Higgins, Thompson and Spiegelhalter 2009).
    """

    mean: float
    error: float
    tau: float
    i2: float
    freedom: float

    @property
    def spread(self) -> float:
        """Scale of the predictive distribution."""
        return float(np.hypot(self.tau, self.error))

    def quantile(self, p: ArrayLike, above: float = -np.inf) -> NDArray:
        """Predictive quantiles at probabilities p (n,), given that the effect is above `above`."""
        t = student(self.freedom, self.mean, self.spread)
        below = t.cdf(above)
        return np.asarray(t.ppf(below + (1 - below) * np.asarray(p, dtype=float)))


def paule_mandel(effect: NDArray, variance: NDArray) -> float:
    """Variance between studies at which Cochran's Q of k effects is its expected k - 1; 0 where Q is less already at 0.

    Paule and Mandel (1982).
    """
    def excess(tau2: float) -> float:
        weight = 1 / (variance + tau2)
        return float(weight @ (effect - weight @ effect / weight.sum()) ** 2) - (len(effect) - 1)

    if excess(0.0) <= 0:
        return 0.0
    top = float(np.sum((effect - effect.mean()) ** 2))  # Q at tau2 = top is below sum / top = 1
    return float(brentq(excess, 0.0, top, xtol=1e-15, rtol=1e-13))


def random_effects(effect: ArrayLike, variance: ArrayLike, studies: int | None = None) -> Pooled:
    """Pool effects (k,) with within-study variances (k,).

    The spread between studies is Paule and Mandel's, the standard error Hartung and Knapp's (2001) with k - 1 degrees of
    freedom, not let below the classical one (Knapp and Hartung 2003). I2 is 1 - (k - 1) / Q (Higgins and Thompson 2002).
    Where one study gives effects for several minerals, `studies` is the number of studies: the error is widened by
    sqrt(k / studies) and the degrees of freedom are studies - 1, as if each had given one effect.

    Raises
    ------
    ValueError
        For fewer than two effects or studies, or a variance that is not positive.
    """
    y, v = np.asarray(effect, dtype=float), np.asarray(variance, dtype=float)
    number = len(y) if studies is None else studies
    if len(y) < 2 or number < 2 or v.shape != y.shape or np.any(v <= 0):
        raise ValueError(f"{len(y)} effects of {number} studies; at least two, each with a positive variance")
    tau2 = paule_mandel(y, v)
    weight = 1 / (v + tau2)
    mean = weight @ y / weight.sum()
    scale = max(1.0, float(weight @ (y - mean) ** 2) / (len(y) - 1))
    fixed = 1 / v
    q = float(fixed @ (y - fixed @ y / fixed.sum()) ** 2)
    error = np.sqrt(scale / weight.sum() * len(y) / number)
    return Pooled(float(mean), float(error), float(np.sqrt(tau2)), max(0.0, 1 - (len(y) - 1) / q) if q > 0 else 0.0, number - 1)
