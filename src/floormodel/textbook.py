"""Textbook markets: linear supply and demand of one homogeneous good, entered as they are printed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from floormodel.errors import Faults
from floormodel.market import Market, market_from_arrays

Line = tuple[float, float]
NOTHING = 1e-9  # scrap value as a share of the reference price: as near to zero as a price in logs is allowed to come


def linear_market(supply: Mapping[str, Line], demand: Mapping[str, Line], freight: float | np.ndarray = 0.0, *,
                  inverse: bool = False, good: str = "good", name: str = "textbook") -> Market:
    """A spatial price equilibrium with straight curves (Takayama and Judge 1971): one good, any number of regions.

    Parameters
    ----------
    supply, demand : {region: (intercept, slope)}
        ``(20, 20)`` is X = 20 + 20 p, ``(100, -20)`` is D = 100 - 20 P; with `inverse`, p = intercept + slope q. A
        region may have one of the two only. Where a line falls below zero tonnes the curve stays at zero.
    freight : number or (R, R)
        Transport per tonne, origins in rows and destinations in columns, in the order in which the regions appear in
        `supply` and then `demand`. A number holds for every route between two regions; the own region is free of it.

    Returns
    -------
    Market
        Sourcing "homogeneous". No price falls below zero; what finds no buyer there is thrown away. Its figures with
        suffix 0 are the regions closed to trade (or another point on their curves where that leaves no output): no
        equilibrium of the open market. `fm.solve` compares with the open market without policy.

    Raises
    ------
    DataError
        For a slope of the wrong sign, an inverse slope of zero, and a region where no price above zero has both output
        and use; all faults at once.
    """
    regions = list(dict.fromkeys([*supply, *demand]))
    faults = Faults(f"market {name!r}")
    made = _lines("supply", 1, supply, inverse, faults)
    used = _lines("demand", -1, demand, inverse, faults)
    faults.raise_if_any()
    price = np.array([_reference(r, made.get(r), used.get(r), faults) for r in regions])
    faults.raise_if_any()
    output, supply_elasticity = _point(made, regions, price)
    use, demand_elasticity = _point(used, regions, price)
    cost = np.asarray(freight, float)
    figures = {
        "price0": price[None], "output0": output[None], "final_demand0": use[None],
        "flow0": np.diag(np.minimum(output, use))[None], "supply_elasticity": supply_elasticity[None],
        "demand_elasticity": -demand_elasticity[None],
        "freight": (cost * (1 - np.eye(len(regions))) if cost.ndim == 0 else cost)[None],
        "scrap_factor": np.array([NOTHING]),
    }
    return market_from_arrays(name, [good], regions, figures, sourcing="homogeneous", supply_curve="linear",
                              demand_curve="linear")


def _lines(side: str, sign: int, given: Mapping[str, Line], inverse: bool, faults: Faults) -> dict[str, Line]:
    """Direct lines per region: quantity = intercept + slope price."""
    out = {}
    for region, (intercept, slope) in given.items():
        if not np.isfinite([intercept, slope]).all() or sign * slope < 0 or (inverse and slope == 0):
            expected = f"(intercept, slope) with a slope {'at least' if sign > 0 else 'at most'} 0"
            faults.add(f"{side} of {region!r}", f"({intercept}, {slope})", expected + " and not 0" * inverse)
        else:
            out[region] = (-intercept / slope, 1 / slope) if inverse else (float(intercept), float(slope))
    return out


def _reference(region: str, supply: Line | None, demand: Line | None, faults: Faults) -> float:
    """A price above zero at which each curve of the region is above zero: that of autarky where it will do."""
    a, b = supply or (1.0, 0.0)
    c, d = demand or (1.0, 0.0)
    low = max(0.0, -a / b) if b > 0 else 0.0
    high = -c / d if d < 0 else np.inf
    if low >= high or (b == 0 and a <= 0) or (d == 0 and c <= 0):
        faults.add(f"curves of {region!r}", f"no output up to {low:g}, no use from {high:g}",
                   "a price above 0 with output and use", "enter its producers and its buyers as two regions")
        return 1.0
    if supply and demand and b > d and low < (c - a) / (b - d) < high:
        return (c - a) / (b - d)
    return (low + high) / 2 if np.isfinite(high) else 2 * low or 1.0


def _point(lines: Mapping[str, Line], regions: list[str], price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantities (R,) at the reference prices and the local elasticities there."""
    intercept, slope = np.array([lines.get(r, (0.0, 0.0)) for r in regions]).T
    quantity = intercept + slope * price
    return quantity, slope * price / np.where(quantity > 0, quantity, 1.0)
