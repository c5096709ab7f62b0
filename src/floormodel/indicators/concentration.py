"""Concentration of supply: indices of shares, sharp bounds where suppliers or owners are unlisted, shares of a wanted HHI.

Shares are fractions of one along `axis`; every HHI is on the 0..1 scale (multiply by 10,000 for the antitrust scale).
Leading dimensions, such as draws, pass through.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import softmax, xlogy

from floormodel.errors import DataError

Array = NDArray[np.float64]
ROUNDING = 1e-9  # shares that miss one by more than this are refused


def shares(quantity: ArrayLike, axis: int = -1) -> Array:
    """Share of each item in the total along `axis`.

    `quantity` is any shape, in one unit, not negative. Raises DataError for a negative quantity or a total of zero.
    """
    amounts = np.asarray(quantity, dtype=float)
    total = amounts.sum(axis=axis, keepdims=True)
    if np.any(amounts < 0):
        raise DataError("shares: found a negative quantity; expected zero or more")
    if np.any(total <= 0):
        raise DataError("shares: found a total of zero; expected some quantity")
    return amounts / total


def hhi(share: ArrayLike, axis: int = -1) -> Array:
    """Herfindahl-Hirschman index, sum of squared shares, between 1/n and 1 (Herfindahl 1950, Hirschman 1945)."""
    return np.sum(np.square(np.asarray(share, dtype=float)), axis=axis)


def hhi_normalised(share: ArrayLike, axis: int = -1) -> Array:
    """HHI rescaled to 0 (n equal shares) .. 1 (monopoly); n is the length of `axis`, zeros included, at least 2."""
    number = np.shape(share)[axis]
    if number < 2:
        raise DataError("hhi_normalised: found one item; expected two or more")
    return (hhi(share, axis) - 1 / number) / (1 - 1 / number)


def effective_number(share: ArrayLike, axis: int = -1) -> Array:
    """Number of equal suppliers that would give the same HHI: 1 / HHI (Adelman 1969)."""
    return 1 / hhi(share, axis)


def top_share(share: ArrayLike, number: int, axis: int = -1) -> Array:
    """Sum of the `number` largest shares, the concentration ratio CR-k."""
    if number < 1:
        raise DataError(f"top_share: found number = {number}; expected 1 or more")
    ordered = -np.sort(-np.asarray(share, dtype=float), axis=axis)
    return np.sum(np.take(ordered, range(min(number, ordered.shape[axis])), axis=axis), axis=axis)


def shannon(share: ArrayLike, axis: int = -1) -> Array:
    """Shannon entropy - sum s log s, in nats; 0 for a monopoly, log n for n equal shares."""
    values = np.asarray(share, dtype=float)
    return -np.sum(xlogy(values, values), axis=axis)


def theil(share: ArrayLike, axis: int = -1) -> Array:
    """Theil T index: log n - Shannon entropy, n the length of `axis` (Theil 1967)."""
    return np.log(np.shape(share)[axis]) - shannon(share, axis)


def gini(share: ArrayLike, axis: int = -1) -> Array:
    """Gini coefficient of the n shares, 0 (equal) .. 1 - 1/n (monopoly)."""
    ordered = np.sort(np.moveaxis(np.asarray(share, dtype=float), axis, -1), axis=-1)
    number = ordered.shape[-1]
    weight = 2 * np.arange(1, number + 1) - number - 1
    return np.sum(weight * ordered, axis=-1) / (number * np.sum(ordered, axis=-1))


def hhi_bounds(
    known: ArrayLike, other: ArrayLike, cap: ArrayLike | None = None, max_number: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Smallest and largest HHI that agree with the listed shares and an unlisted rest.

    known: (..., k) listed shares and other: (...) the share of the rest, together one. cap: (...) largest share that
    one unlisted supplier can have, by default the smallest positive listed share; max_number: (...) how many unlisted
    suppliers there can be, by default any number. With R the rest, c the cap and n the number, the low end spreads the
    rest evenly (R^2 / n, nothing where n is unlimited) and the high end packs it: floor(R / c) suppliers at the cap and
    the remainder in one more. Both ends can be attained. Raises DataError where shares do not add up or R > n c.
    """
    listed, rest = np.asarray(known, dtype=float), np.asarray(other, dtype=float)
    if np.any(listed < 0) or np.any(rest < 0) or np.any(abs(listed.sum(axis=-1) + rest - 1) > ROUNDING):
        raise DataError("hhi_bounds: shares and the rest must be zero or more and add up to one")
    largest = np.where(listed > 0, listed, np.inf).min(axis=-1) if cap is None else np.asarray(cap, dtype=float)
    number = np.asarray(np.inf if max_number is None else max_number, dtype=float)
    room = np.where(np.isinf(number), np.inf, number * largest)
    if np.any(largest <= 0) or np.any(number < 0) or np.any(rest > room + ROUNDING):
        raise DataError("hhi_bounds: the rest does not fit into max_number suppliers of at most cap each")
    base = hhi(listed)
    spread = np.divide(rest**2, number, out=np.zeros(np.broadcast_shapes(rest.shape, number.shape)), where=number > 0)
    full = np.floor(rest / largest)
    return base + spread, base + full * largest**2 + (rest - full * largest) ** 2


def hhi_by_location(joint: ArrayLike) -> Array:
    """HHI by where output stands. joint: (..., location, owner) shares that add up to one."""
    return hhi(np.sum(np.asarray(joint, dtype=float), axis=-1))


def hhi_by_ownership(joint: ArrayLike) -> Array:
    """HHI by whom output belongs to. joint: (..., location, owner) shares that add up to one."""
    return hhi(np.sum(np.asarray(joint, dtype=float), axis=-2))


def ownership_bounds(location: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[Array, Array, tuple[float, float]]:
    """What partly known ownership says about owners' shares of the world and their HHI.

    Parameters
    ----------
    location : (L,) shares of world output by where it is made, together one
    low, high : (L, O) least and largest part of a location's output that belongs to an owner; 0 and 1 where nothing is known

    Returns
    -------
    least, most : (O,) bounds on the owners' shares of the world
    hhi : smallest and largest HHI by owner. Output whose owner is unknown may belong to anyone, named or not: for the
        small end to very many owners, for the large end to those who make it largest. Feasible shares are a base polytope
        and the HHI is convex, so its largest value is at a vertex: owners take, in some order, all that each can
        (Edmonds 1970). Both ends are sharp.

    Raises
    ------
    DataError
        Where shares do not add up, a range is no range in 0..1, or owners' least parts of a location exceed one.
    """
    place, least, most = (np.asarray(a, dtype=float) for a in (location, low, high))
    if np.any(place < 0) or abs(place.sum() - 1) > ROUNDING:
        raise DataError("ownership_bounds: shares of locations must be zero or more and add up to one")
    if np.any(least < 0) or np.any(most > 1) or np.any(least > most) or np.any(least.sum(axis=1) > 1 + ROUNDING):
        raise DataError("ownership_bounds: expected 0 <= low <= high <= 1, and low parts of a location of at most one together")
    free = 1 - least.sum(axis=1)
    floor = place @ least
    reach = place @ np.minimum(most, least + free[:, None])
    least, most = np.column_stack([least, np.zeros(len(place))]), np.column_stack([most, np.ones(len(place))])  # one owner unnamed
    largest = 0.0
    for order in permutations(range(least.shape[1])):
        held, left = least.copy(), free.copy()
        for owner in order:
            more = np.minimum(left, most[:, owner] - least[:, owner])
            held[:, owner] += more
            left = left - more
        largest = max(largest, float(hhi(place @ held)))
    return floor, reach, (float(hhi(floor)), largest)


def tilt_to_hhi(quantity: ArrayLike, target: float) -> Array:
    """Quantities (n,) with the HHI `target` and the total and the ranking of `quantity` (n,): shares s^k, scaled to one.

    Under an Eaton-Kortum supply k stretches the dispersion of costs: with the same relative costs it is the ratio of two thetas.
    Suppliers with nothing keep nothing. Raises DataError unless target lies between the HHI of equal shares and that of
    the largest ones alone, both excluded.
    """
    amounts = np.asarray(quantity, dtype=float)
    logs = np.log(shares(amounts)[amounts > 0])
    least, most = 1 / len(logs), 1 / np.sum(logs >= logs.max() - ROUNDING)
    if not least < target < most:
        raise DataError(f"tilt_to_hhi: found a target of {target:g}; expected one between {least:g} and {most:g}, both excluded")
    high = 2.0
    while hhi(softmax(high * logs)) < target:
        high *= 2
    power = brentq(lambda k: float(hhi(softmax(k * logs))) - target, 0, high, xtol=1e-15, rtol=1e-14)
    tilted = np.zeros_like(amounts)
    tilted[amounts > 0] = amounts.sum() * softmax(power * logs)
    return tilted


def conduct(lerner: ArrayLike, elasticity: ArrayLike, index: ArrayLike) -> Array:
    """Conduct theta = L elasticity / HHI: 0 price taking, 1 Cournot (Cowling and Waterson 1976).

    lerner: share-weighted (price - marginal cost) / price; elasticity: of demand for the good, positive; index: HHI.
    Under Cournot sum_i s_i L_i = HHI / elasticity. Raises DataError where an argument is negative or an HHI is zero.
    """
    margin, slope, level = (np.asarray(a, dtype=float) for a in (lerner, elasticity, index))
    if np.any(margin < 0) or np.any(slope < 0) or np.any(level <= 0):
        raise DataError("conduct: expected a margin and an elasticity of zero or more and an HHI above zero")
    return margin * slope / level


def conduct_bounds(lerner: tuple[float, float], elasticity: tuple[float, float], index: tuple[float, float]) -> tuple[float, float]:
    """Smallest and largest `conduct` over ranges (low, high): it rises with margin and elasticity and falls with the HHI."""
    for name, (low, high) in {"lerner": lerner, "elasticity": elasticity, "HHI": index}.items():
        if not low <= high:
            raise DataError(f"conduct_bounds: {name} has low {low:g} above high {high:g}")
    return float(conduct(lerner[0], elasticity[0], index[1])), float(conduct(lerner[1], elasticity[1], index[0]))


def cournot_price(average_cost: ArrayLike, index: ArrayLike, elasticity: ArrayLike) -> Array:
    """Price of a Cournot market, average_cost / (1 - HHI / elasticity), marginal costs weighted by shares, in their unit.

    Raises DataError where elasticity <= HHI: no Cournot equilibrium has demand that rigid.
    """
    level, slope = np.asarray(index, dtype=float), np.asarray(elasticity, dtype=float)
    if np.any(slope <= level):
        raise DataError("cournot_price: the elasticity must exceed the HHI")
    return np.asarray(average_cost, dtype=float) / (1 - level / slope)
