"""Random draws rounded to six digits, so that a seed gives the same figures on every machine."""

from __future__ import annotations

import math
from typing import Any

from numpy.random import Generator


def uniform(rng: Generator, low: float, high: float) -> float:
    """A uniform draw."""
    return float(f"{low + (high - low) * rng.random():.6g}")


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """A draw whose logarithm is uniform."""
    return float(f"{math.exp(math.log(low) + math.log(high / low) * rng.random()):.6g}")


def chance(rng: Generator, probability: float) -> bool:
    """True with this probability."""
    return bool(rng.random() < probability)


def pick(rng: Generator, items: Any) -> Any:
    """One item of a sequence, each as likely as the next."""
    return items[int(rng.random() * len(items))]


def subset(rng: Generator, items: Any, largest: int | None = None) -> list[Any]:
    """Between one and `largest` items of a sequence, in their order."""
    keys = [rng.random() for _ in items]
    count = 1 + int(rng.random() * min(len(items), largest or len(items)))
    chosen = sorted(range(len(items)), key=lambda n: keys[n])[:count]
    return [items[n] for n in sorted(chosen)]
