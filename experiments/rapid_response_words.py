"""Numbers of the rapid response in words."""

from __future__ import annotations

import numpy as np

from experiments.words import number, quantiles, span

QUARTERS = {1: "a quarter", 2: "half a year", 4: "a year"}


def times(values: np.ndarray) -> str:
    """`1.4 (1.1 to 2.0) times`."""
    return f"{span(*quantiles(values), '')} times"


def million(values: np.ndarray) -> str:
    """`38 (5 to 131) million USD`."""
    return span(*(x / 1e6 for x in quantiles(values)), "million USD")


def gain(values: np.ndarray) -> str:
    """`+44 million USD`, of medians: short, for lists."""
    middle = quantiles(values)[1] / 1e6
    return f"{'+' if middle > 0 else ''}{number(middle)}"


def chance(values: np.ndarray) -> str:
    """`21 (5.3 % to never)`: yearly chances, infinite where one a year would not pay, with the share of draws in which they never pay."""
    known = values[~np.isnan(values)]
    if not known.size:
        return "not known"
    low, middle, high = ("never" if np.isinf(x) else number(100 * x, "%") for x in np.quantile(known, (0.05, 0.5, 0.95), method="nearest"))
    never = float(np.mean(np.isinf(known)))
    return f"{middle} ({low} to {high}{f'; never in {number(100 * never)} % of draws' if never else ''})"
