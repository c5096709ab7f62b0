"""Closed forms: the run on a stock that defends a ceiling price, and what stable prices are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from floormodel.errors import DataError, Faults

Array = np.ndarray


@dataclass(frozen=True)
class Attack:
    """The run on a public stock.

    Attributes
    ----------
    date : years from now until private storers buy all that is left; infinity where supply meets demand at the ceiling
    stock : t bought in the run
    lasts : years from the run until the private stock is used up
    price : USD/t at the run; above the ceiling only where the stock is too small to begin with
    """

    date: float
    stock: float
    lasts: float
    price: float
    interest: float
    storage_cost: float

    def price_after(self, years: Array | float) -> Array:
        """Price so many years after the run: it rises by interest and storage cost, so that holding stock just pays."""
        return _rising(self.price, self.interest, self.storage_cost, np.asarray(years, float))


def attack(intercept: float, slope: float, ceiling: float, stock: float, interest: float, *, supply: float = 0.0,
           storage_cost: float = 0.0) -> Attack:
    """When a stock that defends a ceiling is bought out: Salant and Henderson (1978), Salant (1983).

    Demand is D = intercept - slope P a year, output a constant `supply`. Speculators buy what is left of the public stock at the moment
    at which, from the ceiling on, the price can rise at the cost of holding stock until demand has used it up: then the price is that
    of demand for output alone (with no output, the choke price). Nobody gains by coming earlier or later: the price does not jump.

    Parameters
    ----------
    intercept : t/yr; slope : t/yr per USD/t; ceiling : USD/t; stock : t of the public; interest : rate per year, continuous
    supply : t/yr whatever the price; storage_cost : USD/t a year

    Raises
    ------
    DataError
        For figures outside their range, all at once.
    """
    faults = Faults("attack")
    for name, value, low in (("intercept", intercept, 0.0), ("slope", slope, 0.0), ("ceiling", ceiling, 0.0), ("interest", interest, 0.0)):
        if not (np.isfinite(value) and value > low):
            faults.add(name, value, f"a number above {low:g}")
    for name, value in (("stock", stock), ("supply", supply), ("storage_cost", storage_cost)):
        if not (np.isfinite(value) and value >= 0):
            faults.add(name, value, "a number of 0 or more")
    faults.raise_if_any()
    drain = intercept - slope * ceiling - supply
    if drain <= 0:
        return Attack(np.inf, 0.0, 0.0, ceiling, interest, storage_cost)
    top = (intercept - supply) / slope

    def used(start: float) -> tuple[float, float]:
        """Years until the price has risen from `start` to where no stock is needed, and the tonnes used until then."""
        years = np.log((top + storage_cost / interest) / (start + storage_cost / interest)) / interest
        growth = (start + storage_cost / interest) * np.expm1(interest * years) / interest - storage_cost / interest * years
        return float(years), float((intercept - supply) * years - slope * growth)

    lasts, needed = used(ceiling)
    if stock >= needed:
        return Attack((stock - needed) / drain, needed, lasts, ceiling, interest, storage_cost)
    start = float(brentq(lambda p: used(p)[1] - stock, ceiling, top, xtol=1e-14 * top, rtol=8.9e-16)) if stock > 0 else top
    return Attack(0.0, stock, used(start)[0], start, interest, storage_cost)


def _rising(price: float, interest: float, storage_cost: float, years: Array) -> Array:
    return (price + storage_cost / interest) * np.exp(interest * years) - storage_cost / interest


@dataclass(frozen=True)
class Stabilisation:
    """Mean gains per period from a price held at its mean, USD: of producers, of consumers, and of both."""

    producers: float
    consumers: float

    @property
    def total(self) -> float:
        return self.producers + self.consumers


def stabilisation_gains(supply_slope: float, demand_slope: float, supply_variance: float, demand_variance: float) -> Stabilisation:
    """Gains from full and costless stabilisation: Waugh (1944), Oi (1961), Massell (1969).

    Supply S = supply_slope P + x and demand D = -demand_slope P + y, x and y independent with these variances. Each side gains from
    stable prices where its own shocks move them and loses where those of the other do. An upper bound: stocks cost money to hold.
    """
    values = (supply_slope, demand_slope, supply_variance, demand_variance)
    if not all(np.isfinite(v) and v >= 0 for v in values) or supply_slope + demand_slope <= 0:
        raise DataError(f"stabilisation_gains: found {values}; expected numbers of 0 or more, and one slope above 0")
    a, b, x, y = values
    scale = 2 * (a + b) ** 2
    return Stabilisation(((a + 2 * b) * x - a * y) / scale, ((2 * a + b) * y - b * x) / scale)
