"""The literature table: which rows count, and one effect per study.

`calibration/figures/elasticities/literature.csv` holds price elasticities as the database prints them, with their sign.
A row is left out of the pools when it is a demand estimate filed as supply, when it repeats a row of the same study in
the database's other listing, or when it is about scrap; every other row counts, whatever its sign.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from floormodel.errors import DataError, Faults, did_you_mean

KINDS, HORIZONS = ("demand", "supply"), ("short", "long", "static")
LISTINGS = ("Dahl extract", "study sheet")
SAME = 0.0011  # two listings of one study print a figure to three decimals
COLUMNS = ["mineral", "kind", "horizon", "value", "study", "region", "years", "item", "method", "listing", "material",
           "misfiled", "source", "row", "note"]


def check(table: pd.DataFrame, name: str, sources: Iterable[str]) -> None:
    """Raise DataError with every fault of the table: header, unknown words, a value that is no number, no study, no source."""
    if list(table.columns) != COLUMNS:
        raise DataError(f"{name}: header {','.join(table.columns)}; expected {','.join(COLUMNS)}")
    faults, known = Faults(name), set(sources)
    allowed = {"kind": KINDS, "horizon": HORIZONS, "listing": LISTINGS, "material": ("", "secondary")}
    for i, row in enumerate(table.to_dict("records"), start=2):
        for column, words in allowed.items():
            if row[column] not in words:
                faults.add(f"line {i}, {column}", str(row[column]) or "nothing", f"one of {', '.join(filter(None, words))}")
        if pd.isna(pd.to_numeric(row["value"], errors="coerce")):
            faults.add(f"line {i}, value", str(row["value"]) or "nothing", "a number")
        if row["source"] not in known:
            given = str(row["source"])
            faults.add(f"line {i}, source", given or "nothing", "an id of sources.csv", did_you_mean(given, known))
        for column in ("mineral", "study"):
            if not row[column]:
                faults.add(f"line {i}, {column}", "nothing", "a name")
    faults.raise_if_any()


def marked(table: pd.DataFrame) -> pd.DataFrame:
    """The table with numbers in `value` and a column `use`: kept, mis-filed, secondary material or repeated.

    A row of the study sheet is repeated when an extract row of the same study, mineral, kind and horizon, not itself left
    out or matched already, has the same value within 0.0011.
    """
    out = table.assign(value=pd.to_numeric(table["value"]), use="kept").reset_index(drop=True)
    out.loc[out["material"] == "secondary", "use"] = "secondary material"
    out.loc[out["misfiled"] != "", "use"] = "mis-filed"
    kept = out[out["use"] == "kept"]
    for _, group in kept.groupby(["mineral", "kind", "horizon", "study"], sort=False):
        free = list(group.index[group["listing"] == LISTINGS[0]])
        for i in group.index[group["listing"] == LISTINGS[1]]:
            near = [j for j in free if abs(out.at[j, "value"] - out.at[i, "value"]) <= SAME]
            if near:
                free.remove(near[0])
                out.at[i, "use"] = "repeated"
    return out


def study_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """One effect per mineral and study (mean of its rows), by mineral, kind, horizon, study; the number of rows `n`.

    `value` counts in the direction theory expects: the magnitude of a negative demand or a positive supply elasticity, so
    that a wrong sign is below zero.
    """
    sign = rows["kind"].map({"demand": -1.0, "supply": 1.0})
    groups = rows.assign(value=sign * rows["value"]).groupby(["mineral", "kind", "horizon", "study"])["value"]
    return groups.agg(["mean", "size"]).set_axis(["value", "n"], axis=1).reset_index()


def assumed_error(effects: pd.DataFrame, t_ratio: float) -> pd.Series:
    """Standard error of one study's effect by kind and horizon: the median absolute effect over `t_ratio`.

    An assumption, since the database gives no standard errors. It is one figure for all studies of a kind and horizon, so
    that a study weighs no more for a small estimate or for many rows (its rows share their data and method).
    """
    return effects["value"].abs().groupby([effects["kind"], effects["horizon"]]).median() / t_ratio
