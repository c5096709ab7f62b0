"""Draws: the same market with its uncertain parameters sampled between their stated low and high."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import qmc

from floormodel.errors import DataError
from floormodel.market import Market
from floormodel.schema import STORED, VARIABLES

LIMIT = 10_000_000


def sample(market: Market, n: int, seed: int = 0) -> Market:
    """The same market with a draw dimension.

    Every variable marked uncertain in the schema that has a low and a high in the market's tables is drawn from a triangular
    distribution between them with its mode at the central value, in logs where all three are positive. One random number moves a
    variable of a good in all regions together (elasticities of one mineral are estimated together and err together); different
    variables and goods are independent. Numbers come from a scrambled Sobol' sequence, so that the first k of n draws are the k
    draws of the same seed. Benchmark tonnes and prices stay: they are balanced figures. A market without ranges (entered by hand)
    repeats its central values.

    Raises
    ------
    DataError
        Where n is not a whole number from 1 to ten million, or the market has draws already.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 1 <= n <= LIMIT:
        raise DataError(f"sample: found n = {n!r}; expected a whole number of draws from 1 to {LIMIT:,}")
    if "draw" in market.dataset.sizes:
        raise DataError(f"sample: market {market.name!r} has {market.draws} draws already; expected the market they were drawn from")
    figures = market.figures
    drawn = sampled_factors(market)
    ds = market.dataset.copy()
    if drawn:
        points = qmc.Sobol(len(drawn), rng=np.random.default_rng(seed))
        uniform = points.random_base2((int(n) - 1).bit_length())[:n]
        for j, (name, good) in enumerate(drawn):
            low, high, centre = ranges(figures, name, good, market)
            values = triangular(uniform[:, j].reshape(-1, *[1] * low.ndim), low, centre, high)
            if "draw" not in ds[name].dims:
                ds[name] = ds[name].expand_dims(draw=n).copy()
            at = market.goods.index(good)
            block = ds[name].values.copy()
            block[:, at] = np.where(np.isfinite(low), values, block[:, at])
            ds[name] = (ds[name].dims, block)
    else:
        ds["price0"] = ds["price0"].expand_dims(draw=n).copy()
    return replace(market, dataset=ds, seed=seed)


def sampled_factors(market: Market) -> list[tuple[str, str]]:
    """The (variable, good) pairs that `sample` draws, in a fixed order."""
    figures = market.figures
    if figures.empty:
        return []
    ranged = figures[figures["low"].notna() & figures["high"].notna() & (figures["low"] < figures["high"])]
    pairs = {(STORED[v].name, g) for v, g in zip(ranged["variable"], ranged["good"])
             if STORED[v].uncertain and (not STORED[v].horizon or v.endswith(f"_{market.horizon}"))}
    order = [v.name for v in VARIABLES]
    return sorted(pairs, key=lambda pair: (order.index(pair[0]), market.goods.index(pair[1])))


def ranges(figures: pd.DataFrame, name: str, good: str, market: Market) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low, high and central arrays of one variable of one good; NaN where a cell has no range."""
    array = market.dataset[name].isel(good=market.goods.index(good))
    centre = (array.isel(draw=0) if "draw" in array.dims else array).values
    stored = {s for s, v in STORED.items() if v.name == name and (not v.horizon or s.endswith(f"_{market.horizon}"))}
    rows = figures[figures["variable"].isin(stored) & (figures["good"] == good)]
    low, high = np.full(centre.shape, np.nan), np.full(centre.shape, np.nan)
    place = {r: i for i, r in enumerate(market.regions)}
    stars = (rows["region"] == "*").astype(int) + (rows["partner"] == "*").astype(int)
    for _, row in rows.assign(stars=stars).sort_values("stars", ascending=False, kind="stable").iterrows():
        cell = np.zeros(centre.shape, bool)
        cell[tuple(slice(None) if row[c] == "*" else place[row[c]] for c in ("region", "partner")[:centre.ndim])] = True
        if row["stars"] and centre.ndim == 2:
            np.fill_diagonal(cell, False)
        low[cell], high[cell] = row["low"], row["high"]  # a row without a range takes the range of a wider row away
    inside = np.isfinite(low) & (low <= centre) & (centre <= high)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan), centre


def triangular(u: np.ndarray, low: np.ndarray, mode: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Quantile u of the triangular distribution on [low, high] with its mode at `mode`; in logs where low is positive."""
    logs = low > 0
    a, c, b = (np.where(logs, np.log(np.where(logs, x, 1.0)), x) for x in (low, mode, high))
    span = np.where(b > a, b - a, 1.0)
    cut = np.where(b > a, (c - a) / span, 0.5)
    left = a + np.sqrt(np.maximum(u * span * (c - a), 0.0))
    right = b - np.sqrt(np.maximum((1 - u) * span * (b - c), 0.0))
    value = np.where(u < cut, left, right)
    return np.where(b > a, np.clip(np.where(logs, np.exp(np.where(logs, value, 0.0)), value), low, high), mode)


