"""Arc elasticities of world output to the real price over booms: what happened, no identified estimate."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from calibration.elasticities import series
from floormodel.errors import DataError, Faults

COLUMNS = ["mineral", "first", "last"]


def read(path: Path) -> pd.DataFrame:
    """Which arcs are taken: mineral, first and last year. Raises DataError for another header, a year that is none, or years reversed."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != COLUMNS:
        raise DataError(f"{path.name}: header {','.join(table.columns)}; expected {','.join(COLUMNS)}")
    faults = Faults(path.name)
    for i, row in table.iterrows():
        if not (row["first"].isdigit() and row["last"].isdigit() and int(row["first"]) < int(row["last"])):
            faults.add(f"line {int(i) + 2}", f"{row['first']} to {row['last']}", "two years, the earlier first")  # type: ignore[call-overload]
    faults.raise_if_any()
    return table.astype({"first": int, "last": int})


def arcs(chosen: pd.DataFrame, yearly: pd.DataFrame, countries: pd.DataFrame) -> pd.DataFrame:
    """Change of log world output over change of log real price from the first to the last year, one row per arc.

    Output and price as `series.yearly` has them; `one_source` is no where either is spliced in between. Raises DataError where a
    year has no figure.
    """
    rows = []
    for mineral, first, last in chosen[COLUMNS].itertuples(index=False):
        years = series.yearly(yearly, countries, mineral).reindex([first, last])
        if years[["q", "p"]].isna().any(axis=None):
            raise DataError(f"arc of {mineral}, {first} to {last}: series.csv has no output or no price of one of the two years")
        output, price = (float(years[name].diff().iloc[1]) for name in "qp")
        rows.append([mineral, first, last, output, price, output / price, "yes" if years["piece"].nunique() == 1 else "no"])
    return pd.DataFrame(rows, columns=[*COLUMNS, "output", "price", "arc", "one_source"])
