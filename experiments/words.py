"""Numbers into sentences: medians with ranges, the share of draws behind a sign. Everything said is computed here, nothing is typed in."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

SCALE: dict[str, tuple[float, str]] = {
    "USD/t": (1e-3, "USD/kg"), "USD/yr": (1e-6, "million USD a year"), "t/yr": (1.0, "t a year"), "0-1": (1.0, ""), "share": (100.0, "%"),
    "number": (1.0, ""),
}


def number(x: float, unit: str = "") -> str:
    """A number for readers: three significant digits, no false precision, a minus sign that prints."""
    if not math.isfinite(x):
        return "not defined"
    if x == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(x))))
    text = f"{round(x, digits):,.{min(digits, 4)}f}".replace("-", "−")
    return f"{text} {unit}".strip()


def span(low: float, middle: float, high: float, unit: str) -> str:
    """`12 (8 to 15) USD/kg`, from values in the library's units."""
    factor, shown = SCALE.get(unit, (1.0, unit))
    text = f"{number(factor * middle)} ({number(factor * low)} to {number(factor * high)})"
    return f"{text} {shown}".strip()


def quantiles(values: pd.Series | np.ndarray) -> tuple[float, float, float]:
    """5 %, 50 % and 95 % quantiles of what is not missing."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if known.size == 0:
        return (math.nan,) * 3
    low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
    return float(low), float(middle), float(high)


def says(values: pd.Series | np.ndarray, unit: str) -> str:
    """Median and range of what is not missing, in readers' units."""
    return span(*quantiles(values), unit)


class Reader:
    """Reads an indicator frame: `change`, `base`, `value` as text with a range, `sign` as a share of draws."""

    def __init__(self, frame: pd.DataFrame):
        self.frame = frame

    def draws(self, scenario: str, indicator: str, good: str, region: str | list[str], of: str = "change") -> np.ndarray:
        """One number per draw; several regions are added up."""
        regions = [region] if isinstance(region, str) else region
        f = self.frame
        rows = f[(f["scenario"] == scenario) & (f["indicator"] == indicator) & (f["good"] == good) & f["region"].isin(regions)]
        return rows.groupby("draw")[of].sum(min_count=1).to_numpy()

    def unit(self, indicator: str) -> str:
        return str(self.frame.loc[self.frame["indicator"] == indicator, "unit"].iloc[0])

    def text(self, scenario: str, indicator: str, good: str, region: str | list[str], of: str = "change") -> str:
        """Median and range in readers' units."""
        return span(*quantiles(self.draws(scenario, indicator, good, region, of)), self.unit(indicator))

    def percent(self, scenario: str, indicator: str, good: str, region: str | list[str]) -> str:
        """Change in per cent of the level without policy, median and range."""
        change, base = (self.draws(scenario, indicator, good, region, of) for of in ("change", "base"))
        return span(*quantiles(change / np.where(base != 0, base, np.nan)), "share")

    def rises(self, scenario: str, indicator: str, good: str, region: str) -> str:
        """Share of draws in which an indicator rises, in words."""
        change = self.draws(scenario, indicator, good, region)
        known = change[np.isfinite(change)]
        return f"{100 * float(np.mean(known > 0)):.0f} % of draws" if known.size else "no draw"

    def median(self, scenario: str, indicator: str, good: str, region: str | list[str], of: str = "change") -> float:
        return quantiles(self.draws(scenario, indicator, good, region, of))[1]


def verdict(effect: float, little: float, much: float, words: tuple[str, str, str, str]) -> str:
    """One of four words for an effect: (against, little, some, much), by its size against two thresholds."""
    against, small, some, large = words
    if effect < -little:
        return against
    return small if effect < little else (some if effect < much else large)


def lower_first(text: str) -> str:
    """A label in the middle of a sentence; names such as NdPr keep their capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
