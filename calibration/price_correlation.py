"""Correlation of yearly price shocks across minerals, from the main series of each market.

A shock is what an AR(1) fitted to the log of the real yearly price leaves unexplained. Each pair is correlated over the years that both
have; its range is Fisher's 90 %. Pairs with few years say little, so that all are drawn toward their mean by a random-effects model of
Fisher's z with variance 1 / (years - 3). Pairs of different years need not fit together: the matrix is then repaired to the nearest
positive semidefinite one (Higham 2002). The estimates, what they became and the repair are all written.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.elasticities.pooling import random_effects
from calibration.price_series import choices, series_of, sources
from floormodel.errors import ConvergenceError, DataError
from floormodel.finance.price_process import fit

Z = 1.645
LEAST = 5  # years of shocks in common
SMALLEST = 1e-6  # least eigenvalue after the repair
PATIENCE = 10_000


def build(out: Path) -> None:
    """Write `correlation.csv` (one row per pair), `repair.csv` and `sources.csv` into `out`. Raises DataError on faulty figures."""
    shocks, used = {}, {"price_process_fit"}
    for market in choices()["market"].unique():
        good, (main, *_) = series_of(market)
        yearly = main.yearly()
        shocks[market, good, yearly.name] = residuals(yearly.prices, yearly.periods)
        used |= yearly.sources
    table, told = correlations(shocks)
    table.to_csv(out / "correlation.csv", index=False, float_format="%.4f", lineterminator="\n")
    told.to_csv(out / "repair.csv", index=False, float_format="%.4g", lineterminator="\n")
    listed = sources()
    listed[listed["id"].isin(used)].to_csv(out / "sources.csv", index=False, lineterminator="\n")


def residuals(prices: np.ndarray, periods: tuple[str, ...]) -> pd.Series:
    """Shocks of yearly prices by year: log price less what the fitted AR(1) expected."""
    found, x = fit(prices), np.log(prices)
    return pd.Series(x[1:] - found.mean_log - found.phi * (x[:-1] - found.mean_log), index=[int(p) for p in periods[1:]])


def correlations(shocks: dict[tuple[str, str, str], pd.Series]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per pair of (market, good, series), and what the pooling and the repair did. Raises DataError for too few common years."""
    names = list(shocks)
    pairs = list(combinations(names, 2))
    both = [pd.concat([shocks[a], shocks[b]], axis=1, join="inner") for a, b in pairs]
    years = np.array([len(shared) for shared in both])
    if np.any(years < LEAST):
        few = [f"{a[0]} and {b[0]}" for (a, b), n in zip(pairs, years) if n < LEAST]
        raise DataError(f"price correlation: {', '.join(few)} have fewer than {LEAST} years of shocks in common")
    estimate = np.array([np.corrcoef(shared.to_numpy().T)[0, 1] for shared in both])
    z, variance = np.arctanh(estimate), 1 / (years - 3)
    pooled = random_effects(z, variance)
    weight = pooled.tau**2 / (pooled.tau**2 + variance)
    drawn_in = np.tanh(weight * z + (1 - weight) * pooled.mean)
    upper, raw = np.triu_indices(len(names), 1), np.eye(len(names))
    raw[upper] = drawn_in
    raw += np.triu(raw, 1).T
    before = float(np.linalg.eigvalsh(raw)[0])
    repaired = repair(raw)
    half = Z * np.sqrt(variance)
    rows = [[*a, *b, shared.index.min(), shared.index.max(), len(shared)] for (a, b), shared in zip(pairs, both)]
    table = pd.DataFrame(rows, columns=["market", "good", "series", "with_market", "with_good", "with_series", "first", "last", "years"])
    table = table.assign(estimate=estimate, low=np.tanh(z - half), high=np.tanh(z + half), pooled=drawn_in, correlation=repaired[upper])
    moved = np.abs(repaired - raw)[upper]
    told = {"mean of the estimates (Fisher's z back-transformed)": np.tanh(pooled.mean), "their spread in Fisher's z": pooled.tau,
            "smallest eigenvalue of the estimates": _smallest(estimate, len(names)), "smallest eigenvalue of the pooled": before,
            "smallest eigenvalue of the correlations": float(np.linalg.eigvalsh(repaired)[0]),
            "largest change by the repair": moved.max(), "mean change by the repair": moved.mean()}
    return table, pd.DataFrame(told.items(), columns=["what", "value"])


def repair(matrix: np.ndarray) -> np.ndarray:
    """The correlation matrix nearest to `matrix` (Frobenius) with eigenvalues of SMALLEST or more; `matrix` itself where it is one.

    Alternating projections on such matrices and on those with a unit diagonal, with Dykstra's correction (Higham 2002). Raises
    ConvergenceError where they do not settle.
    """
    if float(np.linalg.eigvalsh(matrix)[0]) >= SMALLEST:
        return matrix
    unit, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(PATIENCE):
        before = unit - correction
        values, vectors = np.linalg.eigh(before)
        positive = (vectors * np.maximum(values, 2 * SMALLEST)) @ vectors.T
        correction, unit = positive - before, (positive + positive.T) / 2
        np.fill_diagonal(unit, 1.0)
        if np.max(np.abs(unit - positive)) < SMALLEST / len(matrix):
            return unit
    raise ConvergenceError(f"price correlation: no positive semidefinite matrix after {PATIENCE} projections")


def _smallest(pairs: np.ndarray, size: int) -> float:
    matrix = np.eye(size)
    matrix[np.triu_indices(size, 1)] = pairs
    return float(np.linalg.eigvalsh(matrix, UPLO="U")[0])
