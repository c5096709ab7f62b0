"""Series of real prices from `calibration/figures/price_process/`: which market uses which, in USD of 2024 per tonne.

`series.csv` says for each market the good, the main and the other series; `average = year` takes the means of the months of whole years.
`prices.csv` has yearly prices, `monthly.csv` monthly ones, `us_cpi.csv` the price index; a unit that begins with a year is in money of that
year. Between the middles of two years the index is interpolated in logs, and after the last one it goes on as in that last year.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from floormodel.errors import DataError, Faults, did_you_mean
from floormodel.finance.price_units import price_unit, real

FIGURES = Path(__file__).parent / "figures" / "price_process"
BASE = 2024  # year of the money
HEADER = ["market", "good", "role", "series", "average", "note"]
ROLES = ("main", "other")


@dataclass(frozen=True)
class Series:
    """Real prices (n,) in USD of the base year per tonne of what `unit` names, one every `step` years."""

    name: str
    prices: np.ndarray
    periods: tuple[str, ...]
    step: float
    unit: str
    sources: frozenset[str]

    @property
    def span(self) -> tuple[str, str]:
        return self.periods[0], self.periods[-1]

    def yearly(self) -> Series:
        """Means of the months of whole years; a yearly series as it is."""
        if self.step == 1.0:
            return self
        months = pd.Series(self.prices, index=[p[:4] for p in self.periods]).groupby(level=0)
        means = months.mean()[months.size() == 12]
        return Series(f"{self.name}_yearly", means.to_numpy(), tuple(means.index), 1.0, self.unit, self.sources)


def choices() -> pd.DataFrame:
    """The rows of series.csv, checked: known series, one good and one main series per market, listed first."""
    table = pd.read_csv(FIGURES / "series.csv", dtype=str, keep_default_na=False)
    faults = Faults("series.csv")
    if list(table.columns) != HEADER:
        faults.add("header", ",".join(table.columns), ",".join(HEADER))
        faults.raise_if_any()
    known = set(_yearly()["series"]) | set(_monthly()["series"])
    for i, row in table.iterrows():
        where = f"line {int(i) + 2}"  # type: ignore[call-overload]
        if row["series"] not in known:
            faults.add(where, row["series"], "a series of prices.csv or monthly.csv", did_you_mean(row["series"], known))
        if row["role"] not in ROLES or row["average"] not in ("", "year"):
            faults.add(where, f"{row['role']}, {row['average']}", "main or other; nothing or year")
    for market, rows in table.groupby("market", sort=False):
        if list(rows["role"]).count("main") != 1 or rows["role"].iloc[0] != "main" or rows["good"].nunique() != 1:
            faults.add(str(market), f"{list(rows['role'])} of {list(rows['good'].unique())}", "one good, and one main series before others")
    faults.raise_if_any()
    return table


def has_series(market: str) -> bool:
    """Has the market a row in series.csv?"""
    return market in set(choices()["market"])


def series_of(market: str) -> tuple[str, list[Series]]:
    """Reference good of a market and its series, the main one first. Raises DataError where the market has none."""
    table = choices()
    rows = table[table["market"] == market]
    if rows.empty:
        raise DataError(f"series.csv: no series of {market!r}; {did_you_mean(market, table['market'])}")
    found = [read(row["series"]) if row["average"] == "" else read(row["series"]).yearly() for _, row in rows.iterrows()]
    return str(rows["good"].iloc[0]), found


def read(name: str) -> Series:
    """One series by name. Raises DataError for a gap, a period given twice, two units or an unknown source."""
    yearly, monthly = _yearly(), _monthly()
    of_months = name in set(monthly["series"])
    rows = (monthly if of_months else yearly).query("series == @name").sort_values("month" if of_months else "year")
    periods = rows["month" if of_months else "year"].astype(str)
    number = periods.str[:4].astype(int) * 12 + periods.str[5:7].astype(int) if of_months else periods.astype(int)
    if np.any(np.diff(number) != 1):
        raise DataError(f"price process: series {name} has a gap or two figures for one {'month' if of_months else 'year'}")
    if rows["unit"].nunique() != 1:
        raise DataError(f"price process: series {name} has units {sorted(rows['unit'].unique())}; expected one")
    if unknown := set(rows["source"]) - set(sources()["id"]):
        raise DataError(f"price process: sources {sorted(unknown)} are not in sources.csv")
    unit, cpi = rows["unit"].iloc[0], index()
    if unit[:4].isdigit():
        year, _, unit = unit.partition(" ")
        level, used = np.full(len(rows), cpi["value"].loc[int(year)]), {cpi["source"].loc[int(year)]}
    elif of_months:
        level = np.exp(_at(cpi["value"], number.to_numpy() / 12))
        used = {cpi["source"].loc[y] for y in range(min(number) // 12, max(number) // 12) if y in cpi.index}
    else:
        level, used = cpi["value"].loc[number].to_numpy(), set(cpi["source"].loc[number])
    parts = price_unit(unit)
    values = [real(price * parts.factor, at, cpi["value"].loc[BASE]) for price, at in zip(rows["value"], level)]
    named = f"{BASE} {parts.currency}/t" + (f" {parts.substance}" if parts.substance else "")
    return Series(name, np.array(values), tuple(periods), 1 / 12 if of_months else 1.0, named,
                  frozenset(rows["source"]) | used | {cpi["source"].loc[BASE]})


def index() -> pd.DataFrame:
    """Price index by year: value and source."""
    return pd.read_csv(FIGURES / "us_cpi.csv", dtype={"year": int, "source": str}).set_index("year")[["value", "source"]]


def sources() -> pd.DataFrame:
    """The sources of all series and of the index."""
    return pd.read_csv(FIGURES / "sources.csv", dtype=str, keep_default_na=False)


def _yearly() -> pd.DataFrame:
    return pd.read_csv(FIGURES / "prices.csv", keep_default_na=False, dtype={"year": int, "value": float})


def _monthly() -> pd.DataFrame:
    return pd.read_csv(FIGURES / "monthly.csv", keep_default_na=False, dtype={"month": str, "value": float})


def _at(yearly: pd.Series, month: np.ndarray) -> np.ndarray:
    """Log of the index in the middle of months, `month` in years: y + k / 12 for month k."""
    logs, middles = np.log(yearly.to_numpy()), yearly.index.to_numpy() + 0.5
    when = month - 0.5 / 12
    beyond = np.maximum(when - middles[-1], 0.0) * (logs[-1] - logs[-2])
    return np.interp(when, middles, logs) + beyond
