"""From producer price to landed price (model section 2), with slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.equilibrium.curves import plus
from floormodel.equilibrium.terms import Floor

Array = np.ndarray


def top_up(level: Array | float, base: Array, cap: Array | float, width: Array | float = 0.0) -> tuple[Array, Array]:
    """Floor top-up clip(level - base, 0, cap), USD/t, and its slope in `base` (0 or -1 at width 0)."""
    gap, slope = plus(level - base, width)
    if np.all(np.isinf(cap)):
        return gap, -slope
    over, over_slope = plus(level - base - cap, width)
    return gap - over, over_slope - slope


@dataclass(frozen=True)
class Landed:
    """Landed prices of one good, all (..., O, D): border price b, landed price c, top-ups collected as levy and kept as an
    undertaking, `by_floor` the number of the floor that applies (-1: none), slopes of c in b and in specific import charges."""

    border: Array
    landed: Array
    levied: Array
    kept: Array
    by_floor: Array
    slope_border: Array
    slope_levy: Array


def landed_price(price: Array, export_levy: Array, export_rate: Array, freight: Array, import_rate: Array, import_levy: Array,
                 floors: list[tuple[int, Floor]], width: Array | float = 0.0) -> Landed:
    """b = (p + el)(1 + er) + freight; c = (b + t_undertaking)(1 + ir) + il + t_levy; of several floors the larger top-up counts.

    Of equal top-ups an undertaking counts: at its price there is nothing left to levy. So the order of `floors` does not matter.

    `price` (..., O); the rest broadcasts to (..., O, D). Rates: `export_rate` on p + el, `import_rate` on the border price.
    """
    border = (price[..., :, None] + export_levy) * (1 + export_rate) + freight
    rate, border, levy = np.broadcast_arrays(import_rate, border, import_levy)
    best = np.zeros_like(border)
    slope = np.zeros(border.shape, float)
    which = np.full(border.shape, -1)
    for number, floor in sorted(floors, key=lambda item: (not item[1].undertaking, item[1].duty_paid)):
        base = border * (1 + rate) + levy if floor.duty_paid else border
        value, change = top_up(floor.level, base, floor.cap, width * np.asarray(floor.level))
        wins = floor.mask & (np.real(value) > np.real(best))
        best, slope, which = np.where(wins, value, best), np.where(wins, change, slope), np.where(wins, number, which)
    undertaking = np.zeros(border.shape, bool)
    duty_paid = np.zeros(border.shape, bool)
    for number, floor in floors:
        undertaking |= (which == number) & floor.undertaking
        duty_paid |= (which == number) & floor.duty_paid
    kept = np.where(undertaking, np.where(duty_paid, best / (1 + rate), best), 0.0)
    levied = np.where(undertaking, 0.0, best)
    landed = (border + kept) * (1 + rate) + levy + levied
    # d t = slope d base, base = b or b (1 + ir) + il; an undertaking enters c multiplied by (1 + ir), once
    in_border = np.where(duty_paid, (1 + rate) * (1 + slope), (1 + rate) + np.where(undertaking, (1 + rate) * slope, slope))
    in_levy = np.where(duty_paid, 1 + slope, 1.0)
    return Landed(border, landed, levied, kept, which, in_border, in_levy)
