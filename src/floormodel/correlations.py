"""Correlations between uncertain figures: their table, the matrix they make, and the Gaussian copula that applies it.

A row of the table reads `variable, good, region, with_variable, with_good, with_region, correlation, low, high, source, note`. `*` stands
for anything, `same` (on the `with` side) for what stands on the first. It holds for every pair of different figures that it fits, in
either order; of several rows the first counts, and a market's own rows go before those of the package. `correlation` is that of the
normal scores; figures without a row are independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from floormodel.errors import DataError, Faults, did_you_mean
from floormodel.schema import STORED

Array = NDArray[np.float64]
FILE = "correlations.csv"
KEYS = ("variable", "good", "region")
COLUMNS = [*KEYS, *(f"with_{k}" for k in KEYS), "correlation", "low", "high", "source", "note"]
NOTHING = pd.DataFrame(columns=COLUMNS)


class Factor(NamedTuple):
    """What one random number moves: a stored variable of a good in all regions (`region` "*"), or one figure of it.

    For a route `region` is ``origin>destination``, for a recipe the input.
    """

    variable: str
    good: str
    region: str = "*"


def read_correlations(folder: Path | None = None) -> pd.DataFrame:
    """The rows of a market's folder, if it has any, before those of the package.

    Raises
    ------
    DataError
        With every fault of a file: header, an unknown variable, a correlation or range outside -1 to 1, no source, an assumption
        without a range and a reason.
    """
    paths = [Path(str(resources.files("floormodel"))) / "data" / FILE]
    if folder is not None and (folder / FILE).is_file():
        paths.insert(0, folder / FILE)
    return pd.concat([_read(path) for path in paths], ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if list(table.columns) != COLUMNS:
        raise DataError(f"{path.name}: header {','.join(table.columns)}; expected {','.join(COLUMNS)}")
    faults = Faults(path.name)
    numbers = table[["correlation", "low", "high"]].apply(pd.to_numeric, errors="coerce")
    for i, row in table.iterrows():
        where = f"line {int(i) + 2}"  # type: ignore[call-overload]
        for column in ("variable", "with_variable"):
            if row[column] not in STORED:
                faults.add(f"{where}, {column}", row[column] or "nothing", "a variable of the schema", did_you_mean(row[column], STORED))
        low, value, high = (float(numbers.loc[i, c]) for c in ("low", "correlation", "high"))  # type: ignore[arg-type, index]
        if not -1 <= low <= value <= high <= 1:
            faults.add(where, f"{row['low']} <= {row['correlation']} <= {row['high']}", "low <= correlation <= high from -1 to 1")
        if not row["source"] or (row["source"] == "assumption" and not row["note"]):
            faults.add(where, "no source" if not row["source"] else "an assumption without a reason", "a source, or a reason in `note`")
    faults.raise_if_any()
    return table.assign(**{c: numbers[c] for c in numbers})


def correlation_matrix(table: pd.DataFrame, factors: Sequence[Factor]) -> Array:
    """Correlations (F, F) of the normal scores of `factors`.

    Raises
    ------
    DataError
        Where the matrix is not positive semidefinite: no random numbers have such correlations. Names the smallest eigenvalue.
    """
    labels = [np.array(column, dtype=object) for column in zip(*factors)] if factors else [np.array([], dtype=object)] * 3
    alike = [column[:, None] == column[None, :] for column in labels]
    everything = np.ones(len(factors), bool)
    out = np.eye(len(factors))
    for row in reversed(list(table[COLUMNS[:7]].itertuples(index=False, name=None))):
        fits = np.ones(out.shape, bool)
        for column, same, token, with_token in zip(labels, alike, row[:3], row[3:6]):
            fits &= (everything if token == "*" else column == token)[:, None]
            fits &= same if with_token == "same" else everything if with_token == "*" else (column == with_token)[None, :]
        out[fits | fits.T] = row[6]
    np.fill_diagonal(out, 1.0)
    smallest = float(np.linalg.eigvalsh(out)[0]) if len(factors) else 1.0
    if smallest < -1e-10:
        raise DataError(f"{FILE}: the correlations contradict each other: found a smallest eigenvalue of {smallest:.3g}; expected none "
                        "below zero; weaken a correlation, or give the pairs that its two sides share with a third a row of their own")
    return out


def correlated(uniform: Array, matrix: Array) -> Array:
    """Uniform numbers (n, F) given the rank correlations of a Gaussian copula with `matrix` (F, F).

    Each draw is transformed by itself, and a number without correlations stays bit for bit. The pivots of the matrix may be zero
    (correlations of 1 or -1).
    """
    out = uniform.copy()
    moved = np.flatnonzero(np.any(matrix != np.eye(len(matrix)), axis=1))
    if len(moved) == 0:
        return out
    half = 2.0**-31  # half the grid of the Sobol' points: no number is 0 or 1
    scores = ndtri(np.clip(uniform[:, moved], half, 1 - half))
    root = _root(matrix[np.ix_(moved, moved)])
    for i, column in enumerate(moved[1:], 1):
        total = root[i, i] * scores[:, i]
        for j in range(i):
            total = total + root[i, j] * scores[:, j]
        out[:, column] = ndtr(total)
    return out


def _root(matrix: Array) -> Array:
    """Lower triangular Cholesky root of a positive semidefinite matrix; a pivot that rounding leaves at zero gives a zero column."""
    root = np.zeros_like(matrix)
    for j in range(len(matrix)):
        pivot = matrix[j, j] - np.sum(root[j, :j] ** 2)
        if pivot > 1e-12:
            root[j, j] = np.sqrt(pivot)
            root[j + 1:, j] = (matrix[j + 1:, j] - root[j + 1:, :j] @ root[j, :j]) / root[j, j]
    return root
