"""Plans of a market from its table: which plants may be built, where, how many in a year and in all.

`plans.csv` has three rows per plan: per_year and total, t/yr of capacity, and non_delivery, the share of what is started
that never runs. The plant is one of projects.csv, its costs taken as they are where it is planned for another region.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from floormodel.dynamics.entry import Plan
from floormodel.errors import DataError, Faults, did_you_mean
from floormodel.finance.project import Project, check_source, load_projects

COLUMNS = ["plan", "project", "region", "parameter", "value", "unit", "low", "high", "year", "source", "note"]
PARAMETERS = {"per_year": np.inf, "total": np.inf, "non_delivery": 0.99}  # and the most each may be


def load_plans(market: str, folder: str | Path | None = None) -> list[Plan]:
    """The plans of a market that comes with the package, or of a folder with plans.csv and plans_sources.csv.

    Each is `fm.Plan` with the plant of projects.csv beside it, in the plan's region: central values, with their ranges.

    Raises
    ------
    DataError
        Where the market has none, or naming every fault: an unknown column, parameter, project or region, a value outside its
        range, a range that does not hold it, a missing source, an assumption without range or reason, a parameter missing or
        given twice, `total` below `per_year`, two plans of one plant in one region.
    """
    place = Path(str(folder)) if folder is not None else Path(str(resources.files("floormodel") / "data" / market))
    path, sources = place / "plans.csv", place / "plans_sources.csv"
    if not path.is_file() or not sources.is_file():
        raise DataError(f"market {market!r} has no plans.csv with plans_sources.csv; expected both beside its tables, or plans=()")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != COLUMNS:
        raise DataError(f"{path.name}: header {','.join(table.columns)}; expected {','.join(COLUMNS)}")
    projects = load_projects(place)
    known = set(pd.read_csv(sources, dtype=str, keep_default_na=False)["id"])
    faults = Faults(path.name)
    for line, row in enumerate(table.to_dict("records"), 2):
        _check(faults, f"line {line} ({row['plan']}, {row['parameter']})", {str(k): str(v) for k, v in row.items()}, known)
    rows = {str(name): one for name, one in table.groupby("plan", sort=False)}
    _check_plans(faults, rows, projects, _regions(place))
    faults.raise_if_any()
    return [_plan(one, projects) for one in rows.values()]


def _regions(place: Path) -> list[str]:
    """Regions of the market in this folder; empty where it holds tables of plants alone."""
    head = place / "market.toml"
    return list(tomllib.loads(head.read_text(encoding="utf-8"))["regions"]) if head.is_file() else []


def _check(faults: Faults, where: str, row: dict[str, str], sources: set[str]) -> None:
    """Faults of one row: parameter, numbers, source."""
    if row["parameter"] not in PARAMETERS:
        faults.add(f"{where}, parameter", row["parameter"], "a known parameter", did_you_mean(row["parameter"], PARAMETERS))
        return
    most = PARAMETERS[row["parameter"]]
    numbers = {c: pd.to_numeric(row[c], errors="coerce") for c in ("value", "low", "high") if row[c] or c == "value"}
    for column, number in numbers.items():
        if not (0 <= number <= most and np.isfinite(number)):
            expected = "tonnes of 0 or more" if most == np.inf else "a share from 0 to below 1"
            faults.add(f"{where}, {column}", row[column] or "nothing", expected)
    if not numbers.get("low", -np.inf) <= numbers["value"] <= numbers.get("high", np.inf):
        faults.add(where, f"value {row['value']} in {row['low']} .. {row['high']}", "low <= value <= high")
    check_source(faults, where, row, sources, "plans_sources.csv")


def _check_plans(faults: Faults, plans: Mapping[str, pd.DataFrame], projects: Mapping[str, Project], regions: list[str]) -> None:
    """Faults of a plan as a whole: its plant, its region, its three parameters."""
    places: dict[tuple[str, str], str] = {}
    for name, rows in plans.items():
        given = sorted(rows["parameter"])
        if given != sorted(PARAMETERS):
            faults.add(name, f"parameters {', '.join(given)}", f"each of {', '.join(PARAMETERS)} once")
        for column in ("project", "region"):
            if rows[column].nunique() > 1:
                faults.add(f"{name}, {column}", ", ".join(rows[column].unique()), "one")
        project, region = rows["project"].iloc[0], rows["region"].iloc[0]
        if project not in projects:
            faults.add(f"{name}, project", project, "a plant of projects.csv", did_you_mean(project, projects))
        if regions and region not in regions:
            faults.add(f"{name}, region", region, "a region of the market", did_you_mean(region, regions))
        if (project, region) in places:
            faults.add(name, f"{project} in {region}, as plan {places[project, region]}", "one plan per plant and region")
        places[project, region] = name
        value = dict(zip(rows["parameter"], pd.to_numeric(rows["value"], errors="coerce")))
        if value.get("total", np.inf) < value.get("per_year", 0.0):
            faults.add(name, f"total {value['total']:g}, per_year {value['per_year']:g}", "a total of at least one year's tonnes")


def _plan(rows: pd.DataFrame, projects: Mapping[str, Project]) -> Plan:
    value = dict(zip(rows["parameter"], rows["value"].astype(float)))
    known = rows[(rows["low"] != "") & (rows["high"] != "")]
    ranges = {str(p): (float(low), float(high)) for p, low, high in zip(known["parameter"], known["low"], known["high"]) if low != high}
    return Plan(replace(projects[rows["project"].iloc[0]], region=rows["region"].iloc[0]), **value, ranges=ranges)
