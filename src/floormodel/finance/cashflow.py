"""Discounting: present values, internal rates of return, annuities, costs of capital, break-even prices.

End-of-period convention: the first flow falls at time 0, the next a year later. Rates are fractions a year, real or
nominal but never mixed: flows in constant money go with a real rate. Leading dimensions of the flows, such as draws,
pass through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from floormodel.errors import ConvergenceError, DataError

Array = NDArray[np.float64]
RATE_LOW, RATE_HIGH = -0.99, 10.0  # where an internal rate of return is looked for
GRID = 2000  # points of log(1 + rate) between which a root or a turning point is isolated
FLAT = 1e-12  # a net present value below this share of the sum of absolute values counts as zero


@dataclass(frozen=True)
class InternalRate:
    """Internal rate of return of one stream of flows.

    `rate` is the root nearest the hurdle; `rates` holds every root in (-0.99, 10), rising. With `multiple_irr` the
    single rate means nothing on its own: show the list, or the net present value at the hurdle.
    """

    rate: float
    rates: tuple[float, ...]

    @property
    def multiple_irr(self) -> bool:
        return len(self.rates) > 1


def npv(rate: ArrayLike, flows: ArrayLike) -> Array:
    """Net present value sum_t flows[t] / (1 + rate)^t.

    `flows` (..., years) in money, the first at time 0; `rate` (...) a fraction above -1, broadcast against the leading
    dimensions of `flows`. Result (...) in money. Raises DataError for a rate of -1 or less.
    """
    money = np.asarray(flows, dtype=float)
    per_year = np.asarray(rate, dtype=float)
    if np.any(per_year <= -1):
        raise DataError(f"npv: found rate = {np.min(per_year)}; expected more than -1")
    factors = (1 + per_year[..., None]) ** -np.arange(money.shape[-1])
    return np.sum(money * factors, axis=-1)


def irr(flows: ArrayLike, hurdle: float = 0.08) -> InternalRate:
    """Rates at which the net present value of one stream `flows` (years,) is zero, and the one nearest `hurdle`.

    All roots in (-0.99, 10) are looked for: sign changes of the value over log(1 + rate), on a grid to which the
    turning points of the value are added, so that two roots close together, or one double root, are not missed. Raises
    ConvergenceError where there is none, DataError where a flow is not finite or `flows` has not one dimension.
    """
    money = np.asarray(flows, dtype=float)
    if money.ndim != 1 or not np.all(np.isfinite(money)):
        raise DataError("irr: expected one stream of finite flows, an array of one dimension")
    roots = tuple(float(np.expm1(u)) for u in _roots(money)) if np.any(money) else ()
    if not roots:
        raise ConvergenceError("irr: the net present value of these flows is zero at no rate between -0.99 and 10; "
                               "read the net present value at the hurdle instead")
    return InternalRate(min(roots, key=lambda rate: abs(rate - hurdle)), roots)


def _roots(flows: Array) -> list[float]:
    """Roots in u = log(1 + rate) of sum_t flows[t] exp(-u t), rising."""
    year = np.arange(len(flows))

    def value(u: float) -> float:
        return float(flows @ np.exp(-u * year))

    def slope(u: float) -> float:
        return float(-(year * flows) @ np.exp(-u * year))

    grid = np.linspace(np.log1p(RATE_LOW), np.log1p(RATE_HIGH), GRID)
    slopes = np.exp(-grid[:, None] * year) @ (-year * flows)
    turning = [brentq(slope, grid[k], grid[k + 1]) for k in np.flatnonzero(slopes[:-1] * slopes[1:] < 0)]
    points = np.sort(np.concatenate([grid, turning]))
    factors = np.exp(-points[:, None] * year)
    values = factors @ flows
    values[np.abs(values) <= FLAT * (factors @ np.abs(flows))] = 0.0
    crossings = [brentq(value, points[k], points[k + 1], xtol=1e-15)
                 for k in np.flatnonzero(values[:-1] * values[1:] < 0)]
    return sorted([*crossings, *points[values == 0]])


def mirr(flows: ArrayLike, finance_rate: float, reinvest_rate: float) -> float:
    """Modified internal rate of return of one stream `flows` (years,) with both signs in it.

    Outlays are discounted at `finance_rate`, receipts compounded to the last year at `reinvest_rate`. Raises DataError
    where one sign is missing.
    """
    money = np.asarray(flows, dtype=float)
    if not (np.any(money > 0) and np.any(money < 0)):
        raise DataError("mirr: expected flows of both signs")
    last = len(money) - 1
    receipts = npv(reinvest_rate, np.maximum(money, 0)) * (1 + reinvest_rate) ** last
    outlays = -npv(finance_rate, np.minimum(money, 0))
    return float((receipts / outlays) ** (1 / last) - 1)


def annuity_factor(rate: ArrayLike, years: ArrayLike) -> Array:
    """Present value of one unit of money at the end of each of `years` years: (1 - (1 + rate)^-years) / rate."""
    per_year, number = np.broadcast_arrays(np.asarray(rate, dtype=float), np.asarray(years, dtype=float))
    if np.any(per_year <= -1) or np.any(number <= 0):
        raise DataError("annuity_factor: expected a rate above -1 and a positive number of years")
    flat = per_year == 0
    safe = np.where(flat, 1.0, per_year)
    return np.where(flat, number, -np.expm1(-number * np.log1p(safe)) / safe)


def capital_recovery_factor(rate: ArrayLike, years: ArrayLike) -> Array:
    """Level yearly payment that repays one unit of money over `years` years: the inverse of the annuity factor."""
    return 1 / annuity_factor(rate, years)


def wacc_nominal(equity_share: float, cost_of_equity: float, cost_of_debt: float, tax: float) -> float:
    """Nominal weighted average cost of capital after tax; interest is deductible (Modigliani and Miller 1963)."""
    if not (0 <= equity_share <= 1 and 0 <= tax < 1):
        raise DataError(f"wacc: found equity_share = {equity_share}, tax = {tax}; expected shares between 0 and 1")
    return equity_share * cost_of_equity + (1 - equity_share) * cost_of_debt * (1 - tax)


def real_rate(nominal: float, inflation: float) -> float:
    """Real rate behind a nominal one: (1 + nominal) / (1 + inflation) - 1 (Fisher)."""
    return (1 + nominal) / (1 + inflation) - 1


def breakeven_price(capex: ArrayLike, opex: ArrayLike, output: ArrayLike, rate: ArrayLike, life: ArrayLike) -> Array:
    """Level price at which a plant just earns `rate`: opex + capex x capital recovery factor / output.

    `capex` money at time 0; `output` t/yr from year 1 to `life`; `opex` money per tonne; no taxes. Result money per
    tonne.
    """
    capital = np.asarray(capex, dtype=float) * capital_recovery_factor(rate, life)
    return np.asarray(opex, dtype=float) + capital / np.asarray(output, dtype=float)
