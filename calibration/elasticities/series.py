"""Yearly series of one mineral, ready for estimation: logs, changes within one source, and instruments.

World totals and prices are spliced from several sources, so that a change counts only where both years come from the same
source of output and of price (1992/93 and 2023/24 are breaks). Prices are deflated by the US consumer price index. Unit
values of minor metals before 1993 were list prices left alone for years and are not in the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from floormodel.errors import DataError, Faults, did_you_mean

COLUMNS = {"series": ["mineral", "series", "year", "value", "unit", "source"],
           "country_output": ["mineral", "country", "year", "value", "unit", "source"]}
LONGEST_JUMP = 0.5  # a country's yearly change in logs is cut here, so that one small mine does not make the instrument
SHORTEST = 8  # years: shorter pieces of a series from one source are left out of regressions in levels


def read(folder: Path, name: str, sources: Iterable[str]) -> pd.DataFrame:
    """`series.csv` or `country_output.csv`; raises DataError with every fault: numbers, years, units, sources, a year twice."""
    table = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
    if list(table.columns) != COLUMNS[name]:
        raise DataError(f"{name}.csv: header {','.join(table.columns)}; expected {','.join(COLUMNS[name])}")
    faults, known = Faults(f"{name}.csv"), set(sources)
    values = pd.to_numeric(table["value"], errors="coerce")
    positive = (values > 0) | ((values == 0) & (name == "country_output"))
    wrong = {"value": (~positive, "a positive number"), "year": (~table["year"].str.fullmatch(r"\d{4}"), "a year"),
             "unit": (table["unit"] == "", "a unit"), "source": (~table["source"].isin(known), "an id of sources.csv"),
             "the row": (table.duplicated(COLUMNS[name][:3]), "each year once")}
    for column, (where, expected) in wrong.items():
        for i in table.index[where]:
            given = table.at[i, column] if column in table else " ".join(table.loc[i, COLUMNS[name][:3]])
            hint = did_you_mean(given, known) if column == "source" else ""
            faults.add(f"line {i + 2}, {column}", given or "nothing", expected, hint)
    faults.raise_if_any()
    return table.assign(value=values, year=table["year"].astype(int))


def yearly(series: pd.DataFrame, countries: pd.DataFrame, mineral: str) -> pd.DataFrame:
    """One row per year: logs of output q, real price p and world GDP g; changes dq, dp, dg; `piece`; the instrument z.

    `piece` numbers the stretches of one source of output and of price; dq and dp are missing in its first year. z is
    missing where outputs by country are not in the table. Raises DataError for a mineral that is not there.
    """
    own = series[series["mineral"] == mineral]
    if own.empty:
        raise DataError(f"series.csv: no mineral {mineral!r}; {did_you_mean(mineral, sorted(set(series['mineral']) - {''}))}")
    output, price = (own[own["series"] == name].set_index("year") for name in ("world_output", "price"))
    world = {name: series[series["series"] == name].set_index("year")["value"] for name in ("world_gdp", "us_cpi")}
    years = pd.RangeIndex(int(own["year"].min()), int(own["year"].max()) + 1, name="year")
    out = pd.DataFrame(index=years)
    out["q"], out["g"] = np.log(output["value"]), np.log(world["world_gdp"])
    out["p"] = np.log(price["value"] / world["us_cpi"])
    origin = output["source"].reindex(years).fillna("") + "/" + price["source"].reindex(years).fillna("")
    fresh = (origin != origin.shift()) | out[["q", "p"]].isna().any(axis=1)
    out["piece"] = fresh.cumsum()
    for name in "qpg":
        out[f"d{name}"] = out[name].diff()
    out.loc[fresh, ["dq", "dp"]] = np.nan
    out["z"] = granular(countries[countries["mineral"] == mineral]).reindex(years) if mineral in set(countries["mineral"]) else np.nan
    return out


def granular(outputs: pd.DataFrame) -> pd.Series:
    """Granular instrument by year: growth of the ten largest producers weighted by last year's share, less their plain mean.

    What happens in one large country (a strike, a flood, a new mine) and not in the others: it shifts supply, and demand only
    through the price (Gabaix and Koijen 2024). `outputs` has country, year and value; growth is in logs, cut at 0.5.
    """
    table = outputs.pivot(index="year", columns="country", values="value")
    table = table.where(table > 0)
    growth = np.log(table).diff().clip(-LONGEST_JUMP, LONGEST_JUMP)
    share = table.shift().where(growth.notna())
    weighted = (share.div(share.sum(axis=1), axis=0) * growth).sum(axis=1, min_count=2)
    return weighted - growth.mean(axis=1)


def levels(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Years of pieces of eight years or more with output and price, and a step for each piece but the first."""
    whole = table.dropna(subset=["q", "p"])
    sizes = whole["piece"].map(whole["piece"].value_counts())
    kept = whole[sizes >= SHORTEST]
    return kept, pd.get_dummies(kept["piece"], drop_first=True, dtype=float)
