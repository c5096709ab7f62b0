"""What is uncertain in a market's tables: which figures have a range, and the distribution between low and high."""

from __future__ import annotations

import numpy as np
import pandas as pd

from floormodel.correlations import Factor
from floormodel.market import Market, first_draw
from floormodel.schema import BY_NAME, RECIPE, STORED, VARIABLES

ORDER = [v.name for v in VARIABLES]
TOGETHER = ("price", "wedge")  # families with one random number per variable and good


def sampled_factors(market: Market) -> list[tuple[str, str]]:
    """The (variable, good) pairs of parameters that `sample` draws, in a fixed order."""
    return _parameters(market, market.horizon)


def factors(market: Market) -> tuple[list[Factor], int]:
    """All that has a random number in `sample(benchmark=True)`, in a fixed order, and how many of them are parameters of the long run.

    First the parameters of the long run, then those of the short run, whichever the market has chosen: a seed gives the two correlated
    numbers. Then prices by good, tonnes, recipes and stock changes figure by figure, and duties, charges, royalties and subsidies by good.
    """
    long, short = ([Factor(f"{name}_{horizon}" if BY_NAME[name].horizon else name, good) for name, good in _parameters(market, horizon)]
                   for horizon in ("long", "short"))
    out = long + [factor for factor in short if factor not in long]
    for variable in VARIABLES:
        for good in market.goods if variable.benchmark else ():
            cells = drawn_cells(market, variable.name, good)[0]
            if variable.benchmark in TOGETHER:
                out += [Factor(variable.name, good)] if len(cells) else []
            else:
                labels = market.goods if variable.dims == RECIPE else market.regions
                out += [Factor(variable.name, good, ">".join(labels[i] for i in cell)) for cell in cells]
    return out, len(long)


def _parameters(market: Market, horizon: str) -> list[tuple[str, str]]:
    figures = market.figures
    if figures.empty:
        return []
    ranged = figures[figures["low"].notna() & figures["high"].notna() & (figures["low"] < figures["high"])]
    pairs = {(STORED[v].name, g) for v, g in zip(ranged["variable"], ranged["good"])
             if STORED[v].uncertain and (not STORED[v].horizon or v.endswith(f"_{horizon}"))}
    return sorted(pairs, key=lambda pair: (ORDER.index(pair[0]), market.goods.index(pair[1])))


def ranges(figures: pd.DataFrame, name: str, good: str, market: Market) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low, high and central arrays of one variable of one good; NaN where a cell has no range."""
    array = market.dataset[name].isel(good=market.goods.index(good))
    centre = first_draw(array)
    stored = {s for s, v in STORED.items() if v.name == name and (not v.horizon or s.endswith(f"_{market.horizon}"))}
    rows = figures[figures["variable"].isin(stored) & (figures["good"] == good)]
    low, high = np.full(centre.shape, np.nan), np.full(centre.shape, np.nan)
    of_recipe = BY_NAME[name].dims == RECIPE
    place = {r: i for i, r in enumerate(market.goods if of_recipe else market.regions)}
    columns = ("partner",) if of_recipe else ("region", "partner")[:centre.ndim]
    stars = (rows["region"] == "*").astype(int) + (rows["partner"] == "*").astype(int)
    for row in rows.assign(stars=stars).sort_values("stars", ascending=False, kind="stable").itertuples():
        cell = np.zeros(centre.shape, bool)
        cell[tuple(slice(None) if (at := getattr(row, c)) == "*" else place[at] for c in columns)] = True
        if row.stars and centre.ndim == 2:
            np.fill_diagonal(cell, False)
        low[cell], high[cell] = row.low, row.high  # a row without a range takes the range of a wider row away
    inside = np.isfinite(low) & (low <= centre) & (centre <= high)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan), centre


def drawn_cells(market: Market, name: str, good: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cells (K, dims) of one good of a benchmark variable that are drawn, and the low, mode and high (K,) of their distributions."""
    low, high, centre = ranges(market.figures, name, good, market)
    family = BY_NAME[name].benchmark
    cells = np.argwhere((low < high) & ((centre != 0) | (family == "wedge")))
    low, high, centre = (a[tuple(cells.T)] for a in (low, high, centre))
    if family != "wedge":
        low, high = symmetric(low, centre, high, family == "stock")
    return cells, low, centre, high


def symmetric(low: np.ndarray, centre: np.ndarray, high: np.ndarray, levels: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the symmetric triangle about `centre` that is as wide as [low, high]: half its width to either side of the centre.

    In logs where low is positive; else, or with `levels`, in levels, and there no figure but one of `levels` gets below zero.
    """
    logs = (low > 0) & (not levels)
    factor = np.sqrt(np.divide(high, low, out=np.ones_like(high), where=logs))
    half = (high - low) / 2 if levels else np.minimum((high - low) / 2, centre)
    return np.where(logs, centre / factor, centre - half), np.where(logs, centre * factor, centre + half)


def triangular(u: np.ndarray, low: np.ndarray, mode: np.ndarray, high: np.ndarray, levels: bool = False) -> np.ndarray:
    """Quantile u of the triangular distribution on [low, high] with its mode at `mode`; in logs where low is positive, unless `levels`."""
    logs = (low > 0) & (not levels)
    a, c, b = (np.where(logs, np.log(np.where(logs, x, 1.0)), x) for x in (low, mode, high))
    span = np.where(b > a, b - a, 1.0)
    cut = np.where(b > a, (c - a) / span, 0.5)
    left = a + np.sqrt(np.maximum(u * span * (c - a), 0.0))
    right = b - np.sqrt(np.maximum((1 - u) * span * (b - c), 0.0))
    value = np.where(u < cut, left, right)
    return np.where(b > a, np.clip(np.where(logs, np.exp(np.where(logs, value, 0.0)), value), low, high), mode)


def relative_variance(low: np.ndarray, mode: np.ndarray, high: np.ndarray, levels: bool = False) -> np.ndarray:
    """Variance of that distribution: of the log where low is positive, else, or with `levels`, of the value over the mode's square.

    (a^2 + b^2 + c^2 - a b - a c - b c) / 18 for corners a, b and mode c.
    """
    logs = (low > 0) & (not levels)
    scale = np.where(logs | (mode == 0), 1.0, mode)
    a, c, b = (np.where(logs, np.log(np.where(logs, x, 1.0)), x / scale) for x in (low, mode, high))
    return (a * a + b * b + c * c - a * b - a * c - b * c) / 18
