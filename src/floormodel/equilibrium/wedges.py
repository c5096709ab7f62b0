"""From producer price to landed price (model section 2), with slopes."""

from __future__ import annotations

from dataclasses import dataclass, fields

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
    """Landed prices, all (..., O, D): border price b, landed price c, top-ups collected as levy and kept as an undertaking,
    `by_floor` the number of the floor that applies (-1: none), slopes of c in b and in specific import charges.

    With goods on the second axis, (k, G, O, D), `landed[g]` holds those of good g.
    """

    border: Array
    landed: Array
    levied: Array
    kept: Array
    by_floor: Array
    slope_border: Array
    slope_levy: Array

    def __getitem__(self, good: int) -> Landed:
        return Landed(*(getattr(self, f.name)[:, good] for f in fields(self)))


def landed_price(price: Array, export_levy: Array, export_factor: Array, freight: Array, delay: Array | None, import_factor: Array,
                 import_levy: Array) -> Landed:
    """b = (p + el)(1 + er) + freight + delay p; c = b (1 + ir) + il, without floors.

    `price` (..., O); the rest broadcasts to (..., O, D). Factors are 1 + rate: of export charges on p + el, of duties on b.
    """
    border = (price[..., :, None] + export_levy) * export_factor + freight
    if delay is not None:
        border = border + delay * price[..., :, None]
    zero = np.zeros_like(import_factor)
    return Landed(border, border * import_factor + import_levy, zero, zero, zero - 1, import_factor, zero + 1)


def floor_level(floor: Floor, draw: Array) -> Array:
    """Level of a floor for the draws `draw`, (1 or k, 1, 1), USD/t."""
    level = np.atleast_1d(np.asarray(floor.level, float))
    return (level if len(level) == 1 else level[draw])[:, None, None]


def hold_floors(at: Landed, floors: list[tuple[int, Floor]], scaled: Array, draw: Array, width: float = 0.0) -> Landed:
    """c = (b + t_undertaking)(1 + ir) + il + t_levy: landed prices of one good, (k, O, D), under its numbered floors.

    Of several floors on a route the larger top-up counts; of equal ones an undertaking, at whose price there is nothing left to
    levy. So the order of `floors` does not matter. `scaled` (k, K) are the instruments' unknowns.
    """
    best, held = np.zeros_like(at.border), at
    for number, floor in sorted(floors, key=lambda item: (not item[1].undertaking, item[1].duty_paid)):
        level = floor_level(floor, draw)
        value, slope = top_up(level, at.landed if floor.duty_paid else at.border, floor.cap, width * level)
        wins = floor.mask & (np.real(value) > np.real(best))
        if floor.unknown is not None:
            first, second, third = floor.by_unknown
            u = scaled[:, floor.unknown, None, None]
            value, slope = (first + second * u) * value + third * u, (first + second * u) * slope
            wins = floor.mask & ((np.real(value) > np.real(best)) | ((np.real(best) == 0) & (np.real(value) == 0)))
        under = _under_floor(at, number, floor, value, slope)
        best = np.where(wins, value, best)
        both = ((getattr(under, f.name), getattr(held, f.name)) for f in fields(Landed))
        held = Landed(*(old if new is old else np.where(wins, new, old) for new, old in both))
    return held


def _under_floor(at: Landed, number: int, floor: Floor, value: Array, slope: Array) -> Landed:
    """Landed prices as if this floor's top-up `value` were charged on every route; `slope` is its slope in what it is based on."""
    factor, which = at.slope_border, np.asarray(number)
    in_levy = 1 + slope if floor.duty_paid else at.slope_levy
    if floor.undertaking:
        kept = value / factor if floor.duty_paid else value
        return Landed(at.border, at.landed + kept * factor, at.levied, kept, which, factor * (1 + slope), in_levy)
    in_border = factor * (1 + slope) if floor.duty_paid else factor + slope
    return Landed(at.border, at.landed + value, value, at.kept, which, in_border, in_levy)
