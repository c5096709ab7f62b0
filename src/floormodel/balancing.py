"""Balancing a table to known margins by minimum cross-entropy, margins kept exactly or by their reliability; shares and their HHI.

For a prior table q and margins u (rows) and v (columns) the balanced table minimises

    KL(x | q) + sum_i w_i KL(row i of x | u_i) + sum_j z_j KL(column j of x | v_j),    KL(a | b) = a log(a / b) - a + b

and a margin of reliability 1 (w infinite) is kept exactly. The solution is x = r q c. Scaling rows and columns in turn finds it: a row's
factor is (u / (q c))^reliability with reliability = w / (1 + w), which for reliability 1 is the RAS method (Bacharach 1970, Biproportional
Matrices and Input-Output Change) and below it the scaling of unbalanced transport (Chizat, Peyre, Schmitzer and Vialard 2018). Zeros of
the prior stay zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from floormodel.errors import DataError, Faults

Array = NDArray[np.float64]
CLOSE = 1e-12  # relative distance from the margins at which the scaling stops
PATIENCE = 100_000
STALL = 1_000  # rounds after which a table whose margins have come no nearer is given up
ROUNDED = 0.005  # how far published shares may miss 1


@dataclass(frozen=True)
class Move:
    """How far a figure was moved: `relative` is balanced / reported - 1, NaN where nothing was reported."""

    figure: str
    reported: float
    balanced: float
    why: str

    @property
    def relative(self) -> float:
        if self.reported == 0:
            return 0.0 if self.balanced == 0 else float("nan")
        return self.balanced / self.reported - 1


@dataclass(frozen=True)
class Balanced:
    """Balanced tables and what is left open.

    `table` (..., O, D); `row_gap` (..., O) and `column_gap` (..., D): sum / wanted - 1, 0 where nothing is wanted and nothing
    there; `move` (...): largest relative change of a cell; `rounds` (...): scalings of rows and columns; `settled` (...): the
    scaling came to rest.
    """

    table: Array
    row_gap: Array
    column_gap: Array
    move: Array
    rounds: NDArray[np.int64]
    settled: NDArray[np.bool_]


def balance(prior: ArrayLike, rows: ArrayLike, columns: ArrayLike, row_names: Sequence[str] | None = None,
            column_names: Sequence[str] | None = None, name: str = "table", *, row_reliability: ArrayLike = 1.0,
            column_reliability: ArrayLike = 1.0) -> Array:
    """The table nearest to `prior` in cross-entropy whose margins are `rows` and `columns`, or near them by their reliability.

    Parameters
    ----------
    prior : (O, D), tonnes, not negative
    rows, columns : (O,) and (D,), tonnes, not negative; with equal totals where all are kept exactly
    row_names, column_names, name : used in messages only
    row_reliability, column_reliability : numbers from 0 (the margin counts for nothing) to 1 (kept exactly), one for all or one each

    Raises
    ------
    DataError
        Naming the cell: a negative or missing number, a reliability outside 0 to 1, a positive margin that is kept and whose row or
        column is all zero, totals that differ, or margins that the zeros of the prior make impossible.
    """
    q, u, v = (np.array(a, dtype=float) for a in (prior, rows, columns))
    r = [str(n) for n in (row_names if row_names is not None else range(q.shape[0]))]
    c = [str(n) for n in (column_names if column_names is not None else range(q.shape[1]))]
    faults = Faults(name)
    _check_numbers(q, u, v, r, c, faults)
    for label, given, margin in (("row", row_reliability, u), ("column", column_reliability, v)):
        if np.shape(given) not in ((), margin.shape):
            faults.add(f"{label} reliability", f"shape {np.shape(given)}", f"one number or {margin.shape}")
    faults.raise_if_any()
    keep_u, keep_v = np.broadcast_to(row_reliability, u.shape).astype(float), np.broadcast_to(column_reliability, v.shape).astype(float)
    for label, reliability, names in (("row", keep_u, r), ("column", keep_v, c)):
        for i in np.flatnonzero(~((reliability >= 0) & (reliability <= 1))):
            faults.add(f"{label} reliability [{names[i]}]", f"{reliability[i]:g}", "a number from 0 to 1")
    faults.raise_if_any()
    live = q * (u > 0)[:, None] * (v > 0)
    _check_margins(live, np.where(keep_u == 1, u, 0.0), np.where(keep_v == 1, v, 0.0), r, c, faults)
    if np.all(keep_u == 1) and np.all(keep_v == 1) and abs(u.sum() - v.sum()) > 1e-9 * max(u.sum(), v.sum()):
        faults.add("totals", f"rows {u.sum():.10g}, columns {v.sum():.10g}", "equal totals of rows and columns")
    faults.raise_if_any()
    found = scaled(q, u, v, keep_u, keep_v)
    _check_met(found, u, v, keep_u, keep_v, r, c, faults)
    faults.raise_if_any()
    return found.table


def scaled(prior: ArrayLike, rows: ArrayLike, columns: ArrayLike, row_reliability: ArrayLike = 1.0,
           column_reliability: ArrayLike = 1.0) -> Balanced:
    """Many tables balanced at once, whatever comes of it: nothing is checked or refused, `settled` and the gaps tell.

    `prior` (..., O, D), `rows` (..., O), `columns` (..., D); reliabilities of any shape that broadcasts to those. Each table comes
    to rest on its own, so that its result does not depend on the tables beside it.
    """
    q, u, v = (np.asarray(a, dtype=float) for a in (prior, rows, columns))
    shape = np.broadcast_shapes(q.shape[:-2], u.shape[:-1], v.shape[:-1])
    origins, destinations = q.shape[-2:]
    q, u, v, keep_u, keep_v = (
        np.broadcast_to(np.asarray(a, dtype=float), (*shape, *end)).reshape(-1, *end) for a, end in (
            (q, (origins, destinations)), (u, (origins,)), (v, (destinations,)), (row_reliability, (origins,)),
            (column_reliability, (destinations,))))
    x = q * (u > 0)[:, :, None] * (v > 0)[:, None, :]
    on_rows, on_columns = np.ones_like(u), np.ones_like(v)
    rounds, settled, given_up = np.zeros(len(x), np.int64), np.zeros(len(x), bool), np.zeros(len(x), bool)
    nearest = np.full(len(x), np.inf)
    for turn in range(1, PATIENCE + 1):
        on = np.flatnonzero(~settled & ~given_up)
        if len(on) == 0:
            break
        now, a, b = x[on], on_rows[on], on_columns[on]
        step = _factor(u[on], now.sum(2), keep_u[on], a)
        now, a = now * step[:, :, None], np.where(keep_u[on] < 1, a * step, 1.0)
        step = _factor(v[on], now.sum(1), keep_v[on], b)
        now, b = now * step[:, None, :], np.where(keep_v[on] < 1, b * step, 1.0)
        x[on], on_rows[on], on_columns[on] = now, a, b
        sums = now.sum(2)
        aim = np.where(keep_u[on] == 1, u[on], sums * _factor(u[on], sums, keep_u[on], a))
        miss = np.abs(sums - aim)
        rounds[on] += 1
        settled[on] = np.all(miss <= CLOSE * np.maximum(aim, 1e-300), axis=1)
        if turn % STALL == 0:
            worst = np.max(miss / np.maximum(aim, 1e-300), axis=1)
            given_up[on] = ~(worst < (1 - 1e-6) * nearest[on])
            nearest[on] = worst
    moved = np.max(np.abs(np.divide(x, q, out=np.ones_like(x), where=q > 0) - 1), axis=(1, 2), initial=0.0)
    return Balanced(x.reshape(*shape, origins, destinations), _gap(x.sum(2), u).reshape(*shape, origins),
                    _gap(x.sum(1), v).reshape(*shape, destinations), moved.reshape(shape), rounds.reshape(shape), settled.reshape(shape))


def movements(prior: Array, balanced: Array, row_names: Sequence[str], column_names: Sequence[str], label: str,
              why: str) -> list[Move]:
    """One `Move` for every cell that is positive in either table; `label` is e.g. ``flow0[magnet``."""
    return [Move(f"{label}, {o}, {d}]", float(prior[i, j]), float(balanced[i, j]), why)
            for i, o in enumerate(row_names) for j, d in enumerate(column_names)
            if prior[i, j] > 0 or balanced[i, j] > 0]


def shares(values: ArrayLike, names: Sequence[str] | None = None, name: str = "shares", tolerance: float = ROUNDED) -> Array:
    """Published shares (N,) made to sum to 1 where they miss it by rounding, at most `tolerance`.

    Raises DataError naming the shares that are negative or not finite, or a sum that misses 1 by more.
    """
    given = np.array(values, dtype=float)
    labels = [str(n) for n in (names if names is not None else range(len(given)))]
    faults = Faults(name)
    for i in np.flatnonzero(~np.isfinite(given) | (given < 0)):
        faults.add(f"share [{labels[i]}]", f"{given[i]:g}", "a number that is not negative")
    faults.raise_if_any()
    total = float(given.sum())
    if not abs(total - 1) <= tolerance:
        mend = "divide by 100" if abs(total / 100 - 1) <= tolerance else "give the rest a row of its own"
        faults.add("sum of shares", f"{total:.6g}", f"1 within {tolerance:g}", mend)
    faults.raise_if_any()
    return given / total


def with_hhi(tonnes: ArrayLike, target: float) -> Array:
    """Tonnes (N,) of the same total whose Herfindahl index is `target`: shares in proportion to the old ones to a power.

    The power keeps zeros, ranks and the log odds' proportions. `target` is an index of shares, from 1 / (number of positive tonnes) to 1.

    Raises DataError outside the open range between the equal split and what the largest (or all of the largest, if equal) allow.
    """
    given = np.array(tonnes, dtype=float)
    held = given > 0
    if given.ndim != 1 or not held.any() or not np.all(np.isfinite(given)) or np.any(given < 0):
        raise DataError("tonnes: expected a row of numbers that are not negative, one or more positive")
    logs = np.log(given[held] / given.max())
    least, most = 1 / held.sum(), 1 / np.sum(logs == 0)

    def split(power: float) -> Array:
        part = np.exp(power * logs)
        return part / part.sum()

    if not (least < target < most or np.isclose(target, np.sum(split(1.0) ** 2), rtol=1e-12)):
        raise DataError(f"HHI: found {target:g}; expected a number between {least:g} (equal shares) and {most:g} (the largest alone)")
    highest = 1.0
    while np.sum(split(highest) ** 2) < target:
        highest *= 2
    power = brentq(lambda p: np.sum(split(p) ** 2) - target, 0.0, highest, xtol=1e-15, rtol=1e-14) if least < target else 1.0
    out = np.zeros_like(given)
    out[held] = split(power) * given.sum()
    return out


def _factor(wanted: Array, found: Array, reliability: Array, before: Array) -> Array:
    """What a margin's scaling factor is multiplied by; with reliability 1 that is wanted / found."""
    ratio = np.divide(wanted, found, out=np.zeros_like(wanted), where=found > 0)
    if np.all(reliability == 1):
        return ratio
    live = (ratio > 0) & (reliability < 1)
    soft = np.exp(reliability * np.log(np.where(live, ratio, 1.0)) + (reliability - 1) * np.log(np.where(live, before, 1.0)))
    return np.where(live, soft, ratio)


def _gap(sums: Array, wanted: Array) -> Array:
    return np.divide(sums, wanted, out=np.where(sums > 0, np.inf, 1.0), where=wanted > 0) - 1


def _check_numbers(q: Array, u: Array, v: Array, r: list[str], c: list[str], faults: Faults) -> None:
    if q.ndim != 2 or u.shape != (q.shape[0],) or v.shape != (q.shape[1],):
        faults.add("shapes", f"prior {q.shape}, rows {u.shape}, columns {v.shape}", "(O, D), (O,) and (D,)")
        return
    for i, j in np.argwhere(~np.isfinite(q) | (q < 0)):
        faults.add(f"cell [{r[i]}, {c[j]}]", f"{q[i, j]:g}", "a number that is not negative")
    for label, margin, names in (("row", u, r), ("column", v, c)):
        for i in np.flatnonzero(~np.isfinite(margin) | (margin < 0)):
            faults.add(f"{label} total [{names[i]}]", f"{margin[i]:g}", "a number that is not negative")


def _check_margins(live: Array, u: Array, v: Array, r: list[str], c: list[str], faults: Faults) -> None:
    for label, margin, sums, names in (("row", u, live.sum(1), r), ("column", v, live.sum(0), c)):
        for i in np.flatnonzero((margin > 0) & (sums == 0)):
            faults.add(f"{label} [{names[i]}]", f"total {margin[i]:g} and no cell to carry it",
                       "a positive cell or a zero total")


def _check_met(found: Balanced, u: Array, v: Array, keep_u: Array, keep_v: Array, r: list[str], c: list[str], faults: Faults) -> None:
    for label, margin, sums, keep, names in (("row", u, found.table.sum(1), keep_u, r), ("column", v, found.table.sum(0), keep_v, c)):
        for i in np.flatnonzero((keep == 1) & (np.abs(sums - margin) > 1e-9 * np.maximum(margin, 1e-300))):
            faults.add(f"{label} [{names[i]}]", f"{sums[i]:.6g} of {margin[i]:.6g} reached",
                       "a total that the open cells allow", "open a cell or mend a total")
    if not found.settled.all() and np.any(np.concatenate([keep_u, keep_v]) < 1) and not faults.items:
        faults.add("scaling", f"no rest after {int(found.rounds.max())} rounds", "margins that the open cells allow")
