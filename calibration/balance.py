"""Balancing a table to known margins by minimum cross-entropy, and saying how far each figure was moved.

For a prior table q and margins u (rows) and v (columns) the balanced table minimises sum x log(x / q) subject to the
margins; its solution is x = r q c, found by scaling rows and columns in turn (Bacharach 1970, Biproportional Matrices
and Input-Output Change). Zeros of the prior stay zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floormodel.errors import Faults

CLOSE = 1e-12  # relative distance from the margins at which the scaling stops
PATIENCE = 100_000


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


def balance(prior: ArrayLike, rows: ArrayLike, columns: ArrayLike, row_names: Sequence[str] | None = None,
            column_names: Sequence[str] | None = None, name: str = "table") -> NDArray[np.float64]:
    """The table nearest to `prior` in cross-entropy whose margins are `rows` and `columns`.

    Parameters
    ----------
    prior : (O, D), tonnes, not negative
    rows, columns : (O,) and (D,), tonnes, not negative, with equal totals
    row_names, column_names, name : used in messages only

    Raises
    ------
    DataError
        Naming the cell: a negative or missing number, a positive margin whose row or column is all zero, totals that
        differ, or margins that the zeros of the prior make impossible.
    """
    q, u, v = (np.array(a, dtype=float) for a in (prior, rows, columns))
    r = [str(n) for n in (row_names if row_names is not None else range(q.shape[0]))]
    c = [str(n) for n in (column_names if column_names is not None else range(q.shape[1]))]
    faults = Faults(name)
    _check_numbers(q, u, v, r, c, faults)
    faults.raise_if_any()
    _check_margins(q, u, v, r, c, faults)
    faults.raise_if_any()
    x = q * (u > 0)[:, None] * (v > 0)
    for _ in range(PATIENCE):
        x *= _ratio(u, x.sum(1))[:, None]
        x *= _ratio(v, x.sum(0))
        miss = np.abs(x.sum(1) - u)
        if np.all(miss <= CLOSE * np.maximum(u, 1e-300)) or not np.isfinite(miss).all():
            break
    _check_met(x, u, v, r, c, faults)
    faults.raise_if_any()
    return x


def movements(prior: NDArray, balanced: NDArray, row_names: Sequence[str], column_names: Sequence[str], label: str,
              why: str) -> list[Move]:
    """One `Move` for every cell that is positive in either table; `label` is e.g. ``flow0[magnet``."""
    return [Move(f"{label}, {o}, {d}]", float(prior[i, j]), float(balanced[i, j]), why)
            for i, o in enumerate(row_names) for j, d in enumerate(column_names)
            if prior[i, j] > 0 or balanced[i, j] > 0]


def _ratio(wanted: NDArray, found: NDArray) -> NDArray:
    return np.divide(wanted, found, out=np.zeros_like(wanted), where=found > 0)


def _check_numbers(q: NDArray, u: NDArray, v: NDArray, r: list[str], c: list[str], faults: Faults) -> None:
    if q.ndim != 2 or u.shape != (q.shape[0],) or v.shape != (q.shape[1],):
        faults.add("shapes", f"prior {q.shape}, rows {u.shape}, columns {v.shape}", "(O, D), (O,) and (D,)")
        return
    for i, j in np.argwhere(~np.isfinite(q) | (q < 0)):
        faults.add(f"cell [{r[i]}, {c[j]}]", f"{q[i, j]:g}", "a number that is not negative")
    for label, margin, names in (("row", u, r), ("column", v, c)):
        for i in np.flatnonzero(~np.isfinite(margin) | (margin < 0)):
            faults.add(f"{label} total [{names[i]}]", f"{margin[i]:g}", "a number that is not negative")


def _check_margins(q: NDArray, u: NDArray, v: NDArray, r: list[str], c: list[str], faults: Faults) -> None:
    live = q * (u > 0)[:, None] * (v > 0)
    for label, margin, sums, names in (("row", u, live.sum(1), r), ("column", v, live.sum(0), c)):
        for i in np.flatnonzero((margin > 0) & (sums == 0)):
            faults.add(f"{label} [{names[i]}]", f"total {margin[i]:g} and no cell to carry it",
                       "a positive cell or a zero total")
    if abs(u.sum() - v.sum()) > 1e-9 * max(u.sum(), v.sum()):
        faults.add("totals", f"rows {u.sum():.10g}, columns {v.sum():.10g}", "equal totals of rows and columns")


def _check_met(x: NDArray, u: NDArray, v: NDArray, r: list[str], c: list[str], faults: Faults) -> None:
    for label, margin, sums, names in (("row", u, x.sum(1), r), ("column", v, x.sum(0), c)):
        for i in np.flatnonzero(np.abs(sums - margin) > 1e-9 * np.maximum(margin, 1e-300)):
            faults.add(f"{label} [{names[i]}]", f"{sums[i]:.6g} of {margin[i]:.6g} reached",
                       "a total that the open cells allow", "open a cell or mend a total")
