"""When to build: the price at which an irreversible plant is worth more built than waited for, with and without a floor.

The price of one unit of output a year for ever follows a geometric Brownian motion with volatility `sigma` and payout rate
`payout` = `rate` less its expected growth (Dixit and Pindyck 1994, chapters 5 to 9). A floor tops the price up to `floor` for
each unit. A hazard of repeal (Poisson, per year in continuous time: a chance 1 - exp(-hazard) a year) ends it for good. Nobody is
compensated unless the support is `lasting`, granted to a plant when it is built and only withdrawn from later ones (Hassett and
Metcalf 1999). Values are in money per unit of yearly output; a mean-reverting price and the plants of a market are in
`project_option`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, root

from floormodel.errors import ConvergenceError, DataError

Array = NDArray[np.float64]


class Option(NamedTuple):
    """A perpetual option: exercised at `threshold`, worth constant x price^beta below it."""

    threshold: Array
    beta: Array
    constant: Array


class EntryExit(NamedTuple):
    """Prices at which an idle plant enters and an active one leaves; option values idle_constant P^beta1, active_constant P^beta2."""

    enter: float
    leave: float
    idle_constant: float
    active_constant: float


def roots(rate: ArrayLike, payout: ArrayLike, sigma: ArrayLike) -> tuple[Array, Array]:
    """Roots above 1 and below 0 of sigma^2 b (b - 1) / 2 + (rate - payout) b - rate. Raises DataError unless all are above 0."""
    r, d, s = (np.asarray(x, dtype=float) for x in (rate, payout, sigma))
    if np.any(r <= 0) or np.any(d <= 0) or np.any(s <= 0):
        raise DataError(f"real option: found rate {r}, payout {d}, sigma {s}; expected all above 0")
    middle = 0.5 - (r - d) / s**2
    width = np.sqrt(middle**2 + 2 * r / s**2)
    return middle + width, middle - width


def option_to_invest(rate: ArrayLike, payout: ArrayLike, sigma: ArrayLike, outlay: ArrayLike) -> Option:
    """Option to spend `outlay` on a project whose value is a geometric Brownian motion (Dixit and Pindyck 1994, 5.2)."""
    beta = roots(rate, payout, sigma)[0]
    threshold = beta / (beta - 1) * np.asarray(outlay, dtype=float)
    return Option(threshold, beta, (threshold - outlay) / threshold**beta)


def option_to_invest_uncertain_outlay(payout_value: ArrayLike, payout_outlay: ArrayLike, sigma_value: ArrayLike,
                                      sigma_outlay: ArrayLike, correlation: ArrayLike) -> Option:
    """The same with an uncertain outlay (McDonald and Siegel 1986): threshold of value over outlay, worth per unit of outlay."""
    value, outlay = np.asarray(sigma_value, dtype=float), np.asarray(sigma_outlay, dtype=float)
    variance = value**2 + outlay**2 - 2 * np.asarray(correlation) * value * outlay
    return option_to_invest(payout_outlay, payout_value, np.sqrt(variance), 1.0)


@dataclass(frozen=True)
class PerpetualFloor:
    """One unit a year for ever at the price, topped up to `floor` until repeal, which comes with yearly `hazard`.

    Raises DataError for a rate, payout or sigma that is not above 0, a negative floor or hazard.
    """

    rate: float
    payout: float
    sigma: float
    floor: float = 0.0
    hazard: float = 0.0

    def __post_init__(self) -> None:
        roots(self.rate, self.payout, self.sigma)
        if not (self.floor >= 0 and self.hazard >= 0):
            raise DataError(f"price floor: found floor {self.floor}, hazard {self.hazard}; expected 0 or more")

    @property
    def constants(self) -> tuple[float, float]:
        """K1, K2: the floored price until repeal is worth F/R + K1 P^beta1 below the floor F and P/D + K2 P^beta2 above it, R and D the
        rate and payout plus the hazard. Value and slope match at the floor."""
        if self.floor == 0:
            return 0.0, 0.0
        up, down = self._roots()
        below, above = self._at_floor()
        return below * self.floor**-up, above * self.floor**-down

    def _roots(self) -> tuple[float, float]:
        up, down = roots(self.rate + self.hazard, self.payout + self.hazard, self.sigma)
        return float(up), float(down)

    def _at_floor(self) -> tuple[float, float]:
        """K1 F^beta1 and K2 F^beta2."""
        up, down = self._roots()
        price, sure = self.floor / (self.payout + self.hazard), self.floor / (self.rate + self.hazard)
        below = (price - down * (price - sure)) / (up - down)
        return below, below - price + sure

    def guarantee(self, price: ArrayLike) -> Array:
        """Value of the top-ups from now on at `price`."""
        return self._guarantee(np.asarray(price, dtype=float))[0]

    def value(self, price: ArrayLike) -> Array:
        """Value of the plant's receipts at `price`: price / payout plus the guarantee."""
        return np.asarray(price, dtype=float) / self.payout + self.guarantee(price)

    def slope(self, price: ArrayLike) -> Array:
        """Derivative of `value`."""
        return 1 / self.payout + self._guarantee(np.asarray(price, dtype=float))[1]

    def _guarantee(self, price: Array) -> tuple[Array, Array]:
        """Value and slope of the guarantee."""
        if self.floor == 0:
            return np.zeros_like(price), np.zeros_like(price)
        up, down = self._roots()
        below, above = self._at_floor()
        rate, relative = 1 / (self.payout + self.hazard), price / self.floor
        low, high = below * np.minimum(relative, 1.0) ** up, above * np.maximum(relative, 1.0) ** down
        value = np.where(relative < 1, self.floor / (self.rate + self.hazard) + low - price * rate, high)
        return value, np.where(relative < 1, up * low / price - rate, down * high / price)


def entry_trigger(plant: PerpetualFloor, outlay: float, operating_cost: float = 0.0, lasting: bool = False) -> float:
    """Price at which a single investor builds, money per unit; 0 where the floor alone pays for the plant at any price.

    The plant costs `outlay` and then `operating_cost` a year whatever the price. While the floor stands the option is worth
    A P^b + B P^c: A P^b the option without floor, to which it falls back on repeal, c the root at the rate plus hazard. Value
    and slope meet those of the built plant at the trigger. With a `lasting` grant the hazard is that of losing the offer.
    """
    cost = _full_cost(plant, outlay, operating_cost)
    bare = option_to_invest(plant.rate, plant.payout, plant.sigma, cost)
    beta, constant, highest = float(bare.beta), float(bare.constant / plant.payout**bare.beta), float(bare.threshold * plant.payout)
    if plant.floor == 0:
        return highest
    built = PerpetualFloor(plant.rate, plant.payout, plant.sigma, plant.floor) if lasting else plant
    if plant.floor >= (built.rate + built.hazard) * cost:
        return 0.0
    waiting = plant._roots()[0]

    def gap(price: float) -> float:
        option = constant * price**beta
        return float(price * built.slope(price) - beta * option - waiting * (built.value(price) - cost - option))

    if gap(highest) >= 0:  # a guarantee too far away to be told from none
        return highest
    return float(brentq(gap, 1e-9 * highest, highest, xtol=1e-14 * highest, rtol=1e-14))


def competitive_entry_trigger(plant: PerpetualFloor, outlay: float, operating_cost: float = 0.0) -> float:
    """Price at which competitive entry holds the price down, money per unit, with a floor that is never repealed.

    Entry is a reflecting barrier for the price; a built unit is then worth `outlay` there and its value is flat (Leahy 1993;
    Dixit and Pindyck 1994, chapter 8). Below the floor F/r + a P^b1, above it P/d + b P^b1 + c P^b2. 0 where the floor alone pays;
    raises DataError for a floor with a hazard.
    """
    if plant.hazard:
        raise DataError(f"competitive entry: found hazard = {plant.hazard}; expected a floor that is never repealed")
    cost = _full_cost(plant, outlay, operating_cost)
    if plant.floor >= plant.rate * cost:
        return 0.0
    (up, down), above = plant._roots(), plant.constants[1]  # c is K2: the term in P^b1 passes through the floor unbent

    def shortfall(barrier: float) -> float:
        flat = -(1 / plant.payout + above * down * barrier ** (down - 1)) / (up * barrier ** (up - 1))
        return barrier / plant.payout + flat * barrier**up + above * barrier**down - cost

    highest = up / (up - 1) * plant.payout * cost
    return float(brentq(shortfall, max(plant.floor, 1e-9 * highest), highest * (1 + 1e-12), xtol=1e-14 * highest, rtol=1e-14))


def entry_exit(rate: float, drift: float, sigma: float, outlay: float, cost: float, closure: float) -> EntryExit:
    """Triggers of a plant that can be closed for good at `closure` and built again at `outlay`, with yearly `cost` (Dixit 1989).

    Hysteresis: it enters above cost + rate x outlay and leaves below cost - rate x closure. Raises ConvergenceError if the four
    conditions (value and slope at both triggers) are not solved.
    """
    payout = rate - drift
    up, down = (float(b) for b in roots(rate, payout, sigma))

    def constants(high: float, low: float) -> Array:
        """Option constants from the slopes at both triggers: A2 b2 P^(b2-1) + 1/payout = A1 b1 P^(b1-1)."""
        matrix = [[up * p ** (up - 1), -down * p ** (down - 1)] for p in (high, low)]
        return np.linalg.solve(np.array(matrix), np.full(2, 1 / payout))

    def values(logs: Array) -> Array:
        high, low = np.exp(logs)
        idle, active = constants(high, low)
        gain = [p / payout - cost / rate + active * p**down - idle * p**up for p in (high, low)]
        return np.array([gain[0] - outlay, gain[1] + closure])

    found = root(values, np.log([1.3 * (cost + rate * outlay), 0.7 * max(cost - rate * closure, 0.1 * cost)]), tol=1e-13)
    if np.max(np.abs(values(found.x))) > 1e-9 * (outlay + cost / rate):
        raise ConvergenceError(f"entry and exit: no pair of triggers found ({found.message})")
    high, low = np.exp(found.x)
    idle, active = constants(high, low)
    return EntryExit(float(high), float(low), float(idle), float(active))


def _full_cost(plant: PerpetualFloor, outlay: float, operating_cost: float) -> float:
    """Outlay and the present value of the operating cost, which is paid whatever the price."""
    if not (outlay > 0 and operating_cost >= 0):
        raise DataError(f"entry trigger: found outlay {outlay}, operating cost {operating_cost}; expected above 0, and 0 or more")
    return outlay + operating_cost / plant.rate
