"""Charges that answer to their own level: tradable credits for certified tonnes, and duties that are evaded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from floormodel.equilibrium.constants import Constants, pick
from floormodel.equilibrium.terms import Credit, Evasion, Terms
from floormodel.equilibrium.wedges import Landed

Array = np.ndarray


def taken_up(level: Array, cost: Array | float) -> tuple[Array, Array, Array]:
    """Share 1 - exp(-level / cost) that takes a chance worth `level`, its slope, and its integral from 0; nothing below zero."""
    ratio = np.where(np.real(level) > 0, level, 0.0) / cost
    share = -np.expm1(-ratio)
    return share, np.where(np.real(level) > 0, np.exp(-ratio), 0.0) / cost, cost * (ratio - share)


def certified(credit: Credit, price: Array) -> tuple[Array, Array, Array]:
    """Certified share (k, O) of each origin's tonnes at a credit price (k,), its slope, and its integral from 0 to the price."""
    share, slope, area = taken_up(price[:, None], credit.cost)
    more = credit.potential - credit.from0
    return credit.from0 + more * share, more * slope, credit.from0 * price[:, None] + more * area


def credit_charge(credit: Credit, price: Array) -> tuple[Array, Array, Array]:
    """Charge (k, O, D), USD/t, its slope in the credit price, and the resource cost of certifying in it, (k, O, D)."""
    have, _, area = certified(credit, price)
    due = credit.share * price[:, None]
    spent = (have * price[:, None] - area)[:, :, None]
    charge = np.where(credit.mask, due[:, None, :] - area[:, :, None], 0.0)
    return charge, np.where(credit.mask, credit.share - have[:, :, None], 0.0), np.where(credit.mask, spent, 0.0)


def evade(at: Landed, terms: Terms, c: Constants, g: int, import_levy: Array, draw: Array) -> tuple[Landed, Array, Array]:
    """Landed prices of one good where duties are evaded; the evading share h (k, O, D) and what evading costs, USD/t of all tonnes.

    W = levied top-ups + added duties; dW follows from the slopes of `at`, whose routes under an undertaking keep f = 1 + rate.
    """
    b = terms.benchmark
    factor, factor0 = c.import_factor[:, g], 1 + pick(b.import_rate0, draw)[:, g]
    added = factor - factor0
    wedge = at.levied + added * (at.border + at.kept) + import_levy - pick(b.import_levy0, draw)[:, g]
    kept = np.real(at.kept) > 0
    in_border = np.where(kept, added * at.slope_border / factor, at.slope_border - factor + added)
    in_levy = np.where(kept, 1 + added * (at.slope_levy - 1) / factor, at.slope_levy)
    share, gain = np.zeros_like(wedge), np.zeros_like(wedge)
    free = np.ones(b.trade.shape[1:], bool)
    for e in sorted((e for e in terms.evasions if e.good == g), key=lambda e: (-e.most, e.scale)):
        part, _, area = taken_up(wedge, e.scale)
        here = e.mask & free
        free = free & ~e.mask
        share, gain = np.where(here, e.most * part, share), np.where(here, e.most * area, gain)
    moved = replace(at, landed=at.landed - gain, slope_border=at.slope_border - share * in_border,
                    slope_levy=at.slope_levy - share * in_levy)
    return moved, share, share * np.where(np.real(wedge) > 0, wedge, 0.0) - gain


def evades(terms: Terms, g: int) -> bool:
    """Does any evasion concern this good?"""
    return any(isinstance(e, Evasion) and e.good == g for e in terms.evasions)
