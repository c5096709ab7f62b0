"""Long tables of figures: read with every fault named, and turned into labelled arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from floormodel.errors import Faults, did_you_mean
from floormodel.schema import ROUTE, STORED, VARIABLES

COLUMNS = ["variable", "good", "region", "partner", "value", "unit", "low", "high", "year", "source", "note"]


def read_table(path: Path, goods: Sequence[str], regions: Sequence[str]) -> pd.DataFrame:
    """One long table of figures, checked: known variables and labels, finite numbers, low <= value <= high, a source.

    Region codes are read as text (`NA` is Namibia, never a missing value).
    """
    faults = Faults(str(path.name))
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if list(table.columns) != COLUMNS:
        faults.add("header", ",".join(table.columns), ",".join(COLUMNS))
        faults.raise_if_any()
    numbers = {}
    for column in ("value", "low", "high"):
        blank = table[column] == ""
        parsed = pd.to_numeric(table[column].where(~blank), errors="coerce")
        wrong = (~blank & ~np.isfinite(parsed)) | (blank & (column == "value"))
        for i in table.index[wrong]:
            faults.add(f"line {i + 2}, {column} of {table['variable'][i]}", table[column][i], "a finite number, no thousands mark")
        numbers[column] = parsed
    for i, row in table.iterrows():
        _check_row(f"line {int(i) + 2}", row, goods, regions, faults)  # type: ignore[call-overload]
    table = table.assign(**numbers)
    ranged = table["low"].notna() & table["high"].notna()
    for i in table.index[ranged & ~((table["low"] <= table["value"]) & (table["value"] <= table["high"]))]:
        faults.add(f"line {i + 2}, {table['variable'][i]}", f"{table['low'][i]} <= {table['value'][i]} <= {table['high'][i]}",
                   "low <= value <= high")
    for i in table.index[table.duplicated(["variable", "good", "region", "partner"])]:
        faults.add(f"line {i + 2}", f"{table['variable'][i]} given twice", "each cell once")
    faults.raise_if_any()
    return table


def _check_row(where: str, row: pd.Series, goods: Sequence[str], regions: Sequence[str], faults: Faults) -> None:
    if row["variable"] not in STORED:
        faults.add(where, row["variable"], "a variable of the schema", did_you_mean(row["variable"], STORED))
        return
    dims = STORED[row["variable"]].dims
    if row["good"] not in goods:
        faults.add(where, row["good"] or "no good", "a good of this market", did_you_mean(row["good"], goods))
    labels = {"region": "region", "origin": "region", "destination": "partner"}
    for dim in dims[1:]:
        column = labels.get(dim, "partner")
        known = list(goods) if dim == "input" else [*regions, "*"]
        if row[column] not in known:
            faults.add(where, row[column] or f"no {column}", f"a {dim} of this market", did_you_mean(row[column], known))
    if not row["source"]:
        faults.add(where, "no source", "an id of sources.csv, or `assumption` with low, high and a reason in `note`")


def to_arrays(figures: pd.DataFrame, goods: Sequence[str], regions: Sequence[str], horizon: str) -> xr.Dataset:
    """Long figures to labelled arrays; `*` fills all regions first (routes: not the own one), specific rows then overwrite."""
    coords = {"good": list(goods), "region": list(regions), "origin": list(regions), "destination": list(regions),
              "input": list(goods)}
    position = {k: {v: i for i, v in enumerate(values)} for k, values in coords.items()}
    ds = xr.Dataset(coords=coords)
    for variable in VARIABLES:
        stored = f"{variable.name}_{horizon}" if variable.horizon else variable.name
        rows = figures[figures["variable"] == stored]
        if rows.empty:
            continue
        array = np.full(tuple(len(coords[d]) for d in variable.dims), np.nan)
        stars = (rows["region"] == "*").astype(int) + (rows["partner"] == "*").astype(int)
        for _, row in rows.assign(stars=stars).sort_values("stars", ascending=False, kind="stable").iterrows():
            index: list = [position["good"][row["good"]]]
            for dim in variable.dims[1:]:
                label = row["region"] if dim in ("region", "origin") else row["partner"]
                index.append(slice(None) if label == "*" else position[dim][label])
            if variable.dims == ROUTE and row["stars"]:
                block = np.zeros(array.shape[1:], bool)
                block[index[1], index[2]] = True
                np.fill_diagonal(block, False)
                array[index[0]][block] = row["value"]
            else:
                array[tuple(index)] = row["value"]
        ds[variable.name] = (variable.dims, array)
    return ds
