"""Trends of a market by year: final use and output over those of the benchmark year, from its table of projections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from floormodel.errors import DataError, Faults, ScenarioError, did_you_mean
from floormodel.market import Market

Array = np.ndarray
COLUMNS = ["scenario", "variable", "good", "region", "year", "value", "unit", "source", "note"]
TRENDS = ("final_demand", "output")


@dataclass(frozen=True)
class Disruption:
    """Supply of a good in some regions falls by `share` (0 to 1) from `start` until before `end`, both years."""

    good: str
    regions: tuple[str, ...]
    start: float
    end: float
    share: float = 1.0

    def check(self, market: Market) -> None:
        """Raise ScenarioError where it does not fit the market."""
        faults = Faults("disruption", ScenarioError)
        if self.good not in market.goods:
            faults.add("good", self.good, "a good of the market", did_you_mean(self.good, market.goods))
        for region in self.regions:
            if region not in market.regions:
                faults.add("regions", region, "a region of the market", did_you_mean(region, market.regions))
        if not 0 <= self.share <= 1 or self.end <= self.start:
            faults.add("share, start, end", f"{self.share}, {self.start}, {self.end}", "a share from 0 to 1 and an end after the start")
        faults.raise_if_any()


def load_projections(market: str, folder: str | Path | None = None) -> pd.DataFrame:
    """The projections of a market that comes with the package: scenario, variable, good, region, year, value, unit, source, note.

    Raises
    ------
    DataError
        Where the market has none, or naming each faulty row.
    """
    place = Path(str(folder)) if folder is not None else Path(str(resources.files("floormodel") / "data" / market))
    path = place / "projections.csv"
    if not path.is_file():
        raise DataError(f"market {market!r} has no projections.csv; expected it beside its tables, or growth=None")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != COLUMNS:
        raise DataError(f"{path.name}: header {','.join(table.columns)}; expected {','.join(COLUMNS)}")
    faults = Faults(path.name)
    value, year = (pd.to_numeric(table[c], errors="coerce") for c in ("value", "year"))
    for i in table.index[~np.isfinite(value) | (value <= 0) | ~np.isfinite(year)]:
        faults.add(f"line {i + 2}", f"value {table['value'][i]!r}, year {table['year'][i]!r}", "a positive number and a year")
    for i in table.index[~table["variable"].isin(TRENDS)]:
        faults.add(f"line {i + 2}, variable", table["variable"][i], " | ".join(TRENDS))
    faults.raise_if_any()
    return table.assign(value=value.astype(float), year=year.astype(float))


def trend(market: Market, projections: pd.DataFrame | None, scenario: str | None, variable: str, years: np.ndarray) -> Array:
    """Factors (T, G, R) on a variable of the benchmark, 1 where nothing is projected.

    A series is taken relative to its value in the benchmark year and interpolated in logs; before its first year it is 1,
    after its last it stays. `region` "*" serves all regions, a row of a region goes before it.

    Raises
    ------
    DataError
        For an unknown scenario, good or region, or a series without the benchmark year within its span.
    """
    out = np.ones((len(years), len(market.goods), len(market.regions)))
    if projections is None:
        return out
    known = sorted(projections["scenario"].unique())
    if scenario not in known:
        raise DataError(f"projections of {market.name!r}: unknown scenario {scenario!r}; {did_you_mean(str(scenario), known)}")
    rows = projections[(projections["scenario"] == scenario) & (projections["variable"] == variable)]
    order = sorted(rows.groupby(["good", "region"], sort=True), key=lambda item: item[0][1] != "*")
    for (good, region), series in order:
        if good not in market.goods or region not in (*market.regions, "*"):
            raise DataError(f"projections of {market.name!r}: {good!r} in {region!r}; expected a good and a region of the market, or *")
        ordered = series.sort_values("year")
        if not ordered["year"].iloc[0] <= market.year <= ordered["year"].iloc[-1]:
            raise DataError(f"projections of {market.name!r}: {variable} of {good} in {region} spans {ordered['year'].iloc[0]:.0f} to "
                            f"{ordered['year'].iloc[-1]:.0f}; expected the benchmark year {market.year} in it")
        logs = np.interp([market.year, *years], ordered["year"], np.log(ordered["value"]))
        at = slice(None) if region == "*" else market.regions.index(region)
        out[:, market.goods.index(good), at] = np.exp(logs[1:] - logs[0]).reshape(-1, *([1] if region == "*" else []))
    return out


def shocks(market: Market, disruptions: Sequence[Disruption], years: np.ndarray, length: float) -> Array:
    """Factor (T, G, R) on supply of each period: the share of the period that is not disrupted counts in full."""
    out = np.ones((len(years), len(market.goods), len(market.regions)))
    for d in disruptions:
        d.check(market)
        for t, year in enumerate(years):
            overlap = max(0.0, min(year + length, d.end) - max(year, d.start)) / length
            out[t, market.goods.index(d.good), [market.regions.index(r) for r in d.regions]] *= 1 - d.share * overlap
    return out
