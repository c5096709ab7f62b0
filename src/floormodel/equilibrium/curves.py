"""Supply, processing and demand curves: values, slopes, and the areas under them (model section 4).

All functions are elementwise on broadcastable arrays and return (value, slope) or an area. They accept complex arguments, so that
derivatives can be checked by complex step: branches look at real parts.
"""

from __future__ import annotations

import numpy as np

from floormodel.equilibrium.benchmark import MARGIN_FLOOR

Array = np.ndarray


def plus(x: Array, width: Array | float = 0.0) -> tuple[Array, Array]:
    """max(0, x) and its slope; with `width` > 0 the smooth (x + sqrt(x^2 + width^2)) / 2."""
    if np.all(np.asarray(width) == 0):
        on = np.real(x) > 0
        return np.where(on, x, 0.0), on.astype(float)
    root = np.sqrt(x * x + np.asarray(width) ** 2)
    return (x + root) / 2, (1 + x / root) / 2


def supply(margin: Array, output0: Array, margin0: Array, elasticity: Array, linear: bool) -> tuple[Array, Array]:
    """Output at a net price or margin, t/yr, and its slope. Isoelastic X0 (m/m0)^eps, or the line with the same local elasticity."""
    live = output0 > 0
    base = np.where(live, margin0, 1.0)
    if linear:
        value, on = plus(output0 * (1 + elasticity * (margin / base - 1)))
        return np.where(live, value, 0.0), np.where(live, on * output0 * elasticity / base, 0.0)
    ratio = np.where(live, margin / base, 1.0)
    on = np.real(ratio) > MARGIN_FLOOR
    ratio = np.where(on, ratio, MARGIN_FLOOR)
    value = np.where(live, output0, 0.0) * np.exp(elasticity * np.log(ratio))
    return value, np.where(on, elasticity * value / (ratio * base), 0.0)


def supply_area(margin: Array, output0: Array, margin0: Array, elasticity: Array, linear: bool) -> Array:
    """Producer surplus: area to the left of the supply curve up to `margin`, USD/yr (an additive constant is immaterial)."""
    live = output0 > 0
    base = np.where(live, margin0, 1.0)
    rigid = elasticity < 1e-12
    if linear:
        slope = np.where(live & ~rigid, output0 * elasticity / base, 1.0)
        made = np.maximum(output0 * (1 + elasticity * (margin / base - 1)), 0.0)
        return np.where(live, np.where(rigid, output0 * margin, made**2 / (2 * slope)), 0.0)
    low = MARGIN_FLOOR * base
    top = np.where(live, np.maximum(margin, low), base)
    area = output0 * base * np.exp((1 + elasticity) * np.log(top / base)) / (1 + elasticity)
    flat = output0 * np.exp(elasticity * np.log(MARGIN_FLOOR)) * np.minimum(margin - low, 0.0)
    return np.where(live, area + flat, 0.0)


def supply_cost(output: Array, output0: Array, margin0: Array, elasticity: Array, linear: bool) -> Array:
    """Area under the inverse supply curve from zero to `output`, USD/yr: resource cost without intermediate inputs. Quantities only."""
    live = output0 > 0
    base = np.where(live, margin0, 1.0)
    scale = np.where(live, output0, 1.0)
    y = np.where(live, output / scale, 1.0)
    rigid = elasticity < 1e-12
    e = np.where(rigid, 1.0, elasticity)
    if linear:
        cost = scale * base * (y + (y * y / 2 - y) / e)
    else:
        cost = scale * base * np.exp((1 + 1 / e) * np.log(np.maximum(y, 1e-300))) * e / (1 + e)
    return np.where(live & ~rigid, cost, 0.0)


def supply_price(output: Array, output0: Array, margin0: Array, elasticity: Array, linear: bool) -> Array:
    """Inverse supply: the margin at which `output` is produced, USD/t (elasticity above zero)."""
    base = np.where(output0 > 0, margin0, 1.0)
    y = output / np.where(output0 > 0, output0, 1.0)
    e = np.maximum(elasticity, 1e-12)
    if linear:
        return base * (1 + (y - 1) / e)
    return base * np.exp(np.log(np.maximum(y, 1e-300)) / e)


def latent_supply(margin: Array, capacity: Array, unit_cost: Array) -> tuple[Array, Array]:
    """Output of an opened latent project, K / (1 + exp(-(m - w) / (0.1 w))), and its slope."""
    scale = 0.1 * np.abs(unit_cost)
    x = (margin - unit_cost) / scale
    x = np.where(np.real(x) > -500, x, -500.0)
    value = capacity / (1 + np.exp(-x))
    return value, value * (1 - value / np.maximum(capacity, 1e-300)) / scale


def latent_area(margin: Array, capacity: Array, unit_cost: Array) -> Array:
    """Producer surplus of a latent project: integral of `latent_supply` up to `margin`, USD/yr."""
    scale = 0.1 * np.abs(unit_cost)
    return capacity * scale * np.logaddexp(0.0, (margin - unit_cost) / scale)


def latent_cost(output: Array, capacity: Array, unit_cost: Array) -> Array:
    """Area under a latent project's inverse supply, USD/yr. Quantities only: w X + 0.1 w K (x log x + (1-x) log(1-x)), x = X/K."""
    x = np.clip(output / np.maximum(capacity, 1e-300), 1e-300, 1 - 1e-16)
    return unit_cost * output + 0.1 * np.abs(unit_cost) * capacity * (x * np.log(x) + (1 - x) * np.log1p(-x))


def demand(price: Array, demand0: Array, price0: Array, elasticity: Array, choke: Array, linear: bool) -> tuple[Array, Array]:
    """Final use at a buyer price and its slope. Isoelastic D0 (min(P, choke)/P0)^-eta, or the line with the same local elasticity."""
    live = demand0 > 0
    base = np.where(live, price0, 1.0)
    ratio = price / base
    if linear:
        value, on = plus(demand0 * (1 - elasticity * (ratio - 1)))
        return np.where(live, value, 0.0), np.where(live, -on * demand0 * elasticity / base, 0.0)
    top = choke / base
    below = np.real(ratio) < np.where(live, top, np.inf)
    capped = np.where(below, ratio, top)
    capped = np.where(np.real(capped) > 1e-12, capped, 1e-12)
    value = np.where(live, demand0 * np.exp(-elasticity * np.log(capped)), 0.0)
    return value, np.where(below & live, -elasticity * value / (capped * base), 0.0)


def _power_area(ratio: Array, power: Array) -> Array:
    """Integral of y^power from 1 to ratio, accurate through power = -1: log(r) (expm1(z)/z), z = (power + 1) log r."""
    log = np.log(ratio)
    z = (power + 1) * log
    small = np.abs(z) < 1e-8
    safe = np.where(small, 1.0, z)
    return log * np.where(small, 1 + z / 2 + z * z / 6, np.expm1(safe) / safe)


def consumer_surplus(price: Array, demand0: Array, price0: Array, elasticity: Array, choke: Array, linear: bool) -> Array:
    """Area under final demand between `price` and the choke price, USD/yr (isoelastic), or above `price` (linear)."""
    live = demand0 > 0
    base = np.where(live, price0, 1.0)
    if linear:
        use = np.maximum(demand0 * (1 - elasticity * (price / base - 1)), 0.0)
        rigid = elasticity < 1e-12
        slope = np.where(rigid, 1.0, demand0 * elasticity / base)
        return np.where(live, np.where(rigid, -demand0 * price, use**2 / (2 * np.where(slope > 0, slope, 1.0))), 0.0)
    top = np.where(live, choke / base, 2.0)
    ratio = np.minimum(np.maximum(price / base, 1e-12), top)
    return np.where(live, demand0 * base * (_power_area(top, -elasticity) - _power_area(ratio, -elasticity)), 0.0)


def gross_benefit(use: Array, demand0: Array, price0: Array, elasticity: Array, choke: Array, linear: bool) -> Array:
    """Area under inverse final demand (cut off at the choke price) from zero to `use`, USD/yr. Quantities only."""
    live = demand0 > 0
    base = np.where(live, price0, 1.0)
    scale = np.where(live, demand0, 1.0)
    y = use / scale
    rigid = elasticity < 1e-12
    e = np.where(rigid, 1.0, elasticity)
    if linear:
        value = scale * base * (y + (y - y * y / 2) / e)
        return np.where(live & ~rigid, value, 0.0)
    top = np.where(live, choke / base, 2.0)
    y_choke = np.where(rigid, 1.0, np.exp(-e * np.log(top)))
    below = np.minimum(y, y_choke)
    above = np.maximum(y, y_choke)
    tail = _power_area(above, -1 / e) - _power_area(y_choke, -1 / e)
    return np.where(live, scale * base * (top * below + np.where(rigid, 0.0, tail)), 0.0)
