"""Entry in the long run and its stability, in closed form: what simulated paths are held against.

Free entry under a floor that tops prices up, cycles of capacity built with a lag on past prices, acreage planted on expected
prices, and costs that fall with experience. Money and tonnes in any unit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from floormodel.errors import DataError
from floormodel.finance.options import floored

Array = NDArray[np.float64]
LARGEST = 50.0  # log of the largest capacity looked for, in units of demand at a price of 1


class Cobweb(NamedTuple):
    """Characteristic roots (lag,), largest first, of a capacity cycle, and the largest of their absolute values."""

    roots: NDArray[np.complex128]
    radius: float

    @property
    def stable(self) -> bool:
        return self.radius < 1


class FreeEntry(NamedTuple):
    """Capacity, expected market price, chance that the floor binds, expected top-up per tonne, expected outlay."""

    capacity: float
    mean_price: float
    chance: float
    top_up: float
    outlay: float


class Planted(NamedTuple):
    """Acreage, and (mean, standard deviation) of what it brings."""

    acreage: float
    market_price: tuple[float, float]
    farm_price: tuple[float, float]
    revenue: tuple[float, float]
    outlay: tuple[float, float]


def cobweb(lag: int, slope_ratio: float, weight: float = 1.0) -> Cobweb:
    """Capacity that comes `lag` periods after it was decided on an adaptive expectation of the price.

    Supply s(t) = b_s pe(t - lag), demand -b_d p(t), pe(t) = (1 - weight) pe(t - 1) + weight p(t), in deviations: the roots of
    z^lag - (1 - weight) z^(lag - 1) + weight x slope_ratio, slope_ratio = b_s / b_d (Ezekiel 1938, Nerlove 1958). Raises DataError
    for a lag below 1, a ratio that is not positive or a weight outside 0..1.
    """
    if not (lag >= 1 and slope_ratio > 0 and 0 < weight <= 1):
        raise DataError(f"cobweb: found lag {lag}, slope_ratio {slope_ratio}, weight {weight}; expected 1 or more, above 0, above 0 to 1")
    polynomial = np.zeros(lag + 1)
    polynomial[0] = 1.0
    polynomial[1] -= 1 - weight
    polynomial[-1] += weight * slope_ratio
    found = np.roots(polynomial).astype(complex)
    order = np.argsort(-np.abs(found), kind="stable")
    return Cobweb(found[order], float(np.max(np.abs(found), initial=0.0)))


def largest_stable_ratio(lag: int, weight: float = 1.0) -> float:
    """Slope ratio b_s / b_d up to which the cycle dies out: 2 / weight - 1 for a lag of one period (Nerlove 1958)."""
    return float(brentq(lambda ratio: cobweb(lag, ratio, weight).radius - 1, 1e-9, 2 / weight, xtol=1e-13))


def free_entry(demand_elasticity: float, sigma: float, cost: float, floor: float = 0.0) -> FreeEntry:
    """Capacity at which one more tonne just earns its full yearly `cost` when prices below `floor` are topped up.

    Demand e P^-elasticity, log e normal with standard deviation `sigma` and mean of e 1; capacity K runs whatever the price, so that
    P = (e / K)^(1 / elasticity) and E max(P, floor) = cost fixes K. It grows without end as the floor nears the cost: raises
    DataError for a floor at or above it.
    """
    if not (demand_elasticity > 0 and sigma > 0 and cost > 0 and 0 <= floor < cost):
        raise DataError(f"free entry: found demand elasticity {demand_elasticity}, sigma {sigma}, cost {cost}, floor {floor}; expected the "
                        "first three above 0 and a floor from 0 to below the cost, at which capacity has no bound")
    deviation = sigma / demand_elasticity

    def mean_log(log_capacity: float) -> float:
        return (-sigma**2 / 2 - log_capacity) / demand_elasticity

    def rent(log_capacity: float) -> float:
        return float(floored(mean_log(log_capacity), deviation, floor).mean_floored) - cost

    free = demand_elasticity * (deviation**2 / 2 - np.log(cost)) - sigma**2 / 2  # E P = cost
    log_capacity = free if floor == 0 else float(brentq(rent, free - 1e-9, free + LARGEST, xtol=1e-14, rtol=1e-14))
    at, capacity = floored(mean_log(log_capacity), deviation, floor), float(np.exp(log_capacity))
    return FreeEntry(capacity, float(at.mean_price), float(at.chance), float(at.top_up), float(at.top_up) * capacity)


def planted(supply: tuple[float, float], demand: tuple[float, float], yields: ArrayLike, chances: ArrayLike, floor: float = 0.0) -> Planted:
    """Acreage a = supply[0] + supply[1] E max(p, floor) under rational expectations, p = demand[0] + demand[1] a y.

    `yields` y (n,) come with `chances` (n,); the treasury pays floor - p where it is positive, on the whole harvest (Miranda and
    Fackler 2002, chapter 1). Raises DataError for a demand that does not fall or chances that do not add to 1.
    """
    y, chance = np.asarray(yields, dtype=float), np.asarray(chances, dtype=float)
    if not (demand[1] < 0 and supply[1] >= 0 and abs(chance.sum() - 1) < 1e-9):
        raise DataError(f"planted: found demand {demand}, supply {supply}, chances adding to {chance.sum()}; "
                        "expected demand to fall, supply not to, and 1")

    def surplus(acreage: float) -> float:
        return acreage - supply[0] - supply[1] * float(chance @ np.maximum(demand[0] + demand[1] * acreage * y, floor))

    most = supply[0] + supply[1] * max(demand[0], floor)  # where expected prices are highest
    acreage = float(brentq(surplus, 0.0, max(most, 0.0), xtol=1e-14)) if surplus(0.0) < 0 else 0.0
    market = demand[0] + demand[1] * acreage * y
    farm = np.maximum(market, floor)

    def moments(values: Array) -> tuple[float, float]:
        mean = float(chance @ values)
        return mean, float(np.sqrt(chance @ (values - mean) ** 2))

    return Planted(acreage, moments(market), moments(farm), moments(farm * acreage * y), moments((farm - market) * acreage * y))


def learning_exponent(learning_rate: ArrayLike) -> Array:
    """Exponent b of Wright's curve (1936): each doubling of experience lowers cost by the share `learning_rate`, from 0 to below 1."""
    rate = np.asarray(learning_rate, dtype=float)
    if np.any((rate < 0) | (rate >= 1)):
        raise DataError(f"learning: found a rate of {rate}; expected a share from 0 to below 1")
    return -np.log2(1 - rate)


def learned_cost(cost: ArrayLike, experience: ArrayLike, start: ArrayLike, learning_rate: ArrayLike) -> Array:
    """Unit cost at `experience` (cumulative tonnes, or t/yr of capacity ever started), `cost` at `start`: cost (X / X0)^-b."""
    ratio = np.asarray(experience, dtype=float) / np.asarray(start, dtype=float)
    return np.asarray(cost, dtype=float) * ratio ** -learning_exponent(learning_rate)


def cost_of_learning(cost: float, start: float, end: float, learning_rate: float) -> float:
    """Integral of the unit cost from `start` to `end`: what all units between them cost together."""
    b = float(learning_exponent(learning_rate))
    if b == 1:
        return cost * start * float(np.log(end / start))
    return cost * start * ((end / start) ** (1 - b) - 1) / (1 - b)
