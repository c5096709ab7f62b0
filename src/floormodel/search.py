"""Find the scale of an instrument that reaches a target: the comparison of instruments at equal tonnes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from floormodel.equilibrium.solve import Solved, find, find_quietly
from floormodel.errors import ScenarioError
from floormodel.market import Market
from floormodel.policies.base import Instrument

Measure = Callable[[Solved, Solved], float]
GRID = 25


@dataclass(frozen=True)
class Reached:
    """Outcome of `scale_to`: `scale` (NaN where the target is not reachable), the `value` there, and the `best` value on the grid."""

    scale: float
    value: float
    best: float
    best_scale: float

    @property
    def found(self) -> bool:
        return bool(np.isfinite(self.scale))


def scale_to(market: Market, make: Callable[[float], Sequence[Instrument]], measure: Measure, target: float,
             low: float, high: float) -> Reached:
    """Smallest scale in [low, high] at which `measure(solved, base)` equals `target`.

    The measure is evaluated on a grid first (it need not be monotone, nor the target reachable); the first crossing is refined by
    Brent's method to 1e-10 of the interval. Points that do not solve are passed over.

    Parameters
    ----------
    market : Market
        Without draws: scales are found at central values.
    make : function of the scale
        Gives the instruments.

    Raises
    ------
    ScenarioError
        For a market with draws, or low >= high.
    """
    if market.draws > 1 or not low < high:
        raise ScenarioError(f"scale_to: found {market.draws} draws and [{low:g}, {high:g}]; expected one draw and low < high")
    base = find(market)

    def value(scale: float) -> float:
        solved = find_quietly(market, make(scale))
        return measure(solved, base) if solved.solution.converged.all() else np.nan

    scales = np.linspace(low, high, GRID)
    values = np.array([value(s) for s in scales])
    if not np.isfinite(values).any():
        return Reached(np.nan, np.nan, np.nan, np.nan)
    at = int(np.nanargmax(values)) if target >= 0 else int(np.nanargmin(values))
    gap = values - target
    for i in range(GRID - 1):
        if np.isfinite(gap[i]) and np.isfinite(gap[i + 1]) and gap[i] * gap[i + 1] <= 0:
            root = float(brentq(lambda s: value(s) - target, scales[i], scales[i + 1], xtol=1e-10 * (high - low)))
            return Reached(root, value(root), float(values[at]), float(scales[at]))
    return Reached(np.nan, np.nan, float(values[at]), float(scales[at]))


def group_output(good: str, regions: Sequence[str]) -> Measure:
    """Measure: added output of a good in a group of regions, t/yr."""
    def measure(solved: Solved, base: Solved) -> float:
        g = solved.market.goods.index(good)
        at = [solved.market.regions.index(r) for r in regions]
        return float((solved.state.output - base.state.output)[0, g, at].sum())

    return measure
