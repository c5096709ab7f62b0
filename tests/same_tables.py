"""Is a rebuilt table the shipped one? Byte for byte, but for two tables of iterated estimates.

Trends with their bootstrap and own elasticities come from optimisers that stop within a tolerance; on a processor for which the
linear-algebra library picks another kernel they stop a few digits elsewhere. Those two are compared number by number.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

ITERATED = {"concentration_fit.csv": 0.005, "own_estimates.csv": 0.05}  # largest relative difference allowed; seen: 0.001 and 0.017


def same(made: Path, shipped: Path) -> bool:
    """Equal bytes; or, of the iterated tables, equal words and numbers within the tolerance."""
    if made.read_bytes() == shipped.read_bytes():
        return True
    if made.name not in ITERATED:
        return False
    with made.open(encoding="utf-8", newline="") as one, shipped.open(encoding="utf-8", newline="") as other:
        rows, wanted = list(csv.reader(one)), list(csv.reader(other))
    if [len(r) for r in rows] != [len(r) for r in wanted]:
        return False
    return all(_near(a, b, ITERATED[made.name]) for x, y in zip(rows, wanted) for a, b in zip(x, y))


def _near(one: str, other: str, tolerance: float) -> bool:
    if one == other:
        return True
    try:
        return math.isclose(float(one), float(other), rel_tol=tolerance)
    except ValueError:
        return False
