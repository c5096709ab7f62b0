"""Which inputs of two runs differ: settings, files, policies field by field, figures cell by cell with their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from floormodel.figure_tables import to_arrays
from floormodel.market import Market
from floormodel.schema import STORED, VARIABLES, Variable

INPUTS = ["part", "name", "where", "unit", "old", "new", "old_source", "new_source"]
NEAR = 1e-12  # relative: nearer than this is the same
Row = tuple[str, str, str, str, Any, Any, str, str]
Settings = Mapping[tuple[str, str], Any]
Policies = Mapping[str, Sequence[Mapping[str, Any]]]


def setting_rows(old: Settings, new: Settings) -> Iterator[Row]:
    """Settings that both sides have and that differ; input files that differ or that one side lacks, by hash."""
    for part, name in dict.fromkeys([*old, *new]):
        a, b = (side.get((part, name)) for side in (old, new))
        if part == "input file":
            a, b = (None if x is None else x[:12] for x in (a, b))
        elif (part, name) not in old or (part, name) not in new:
            continue
        if a != b:
            yield part, name, "", "", a, b, "", ""


def policy_rows(old: Policies, new: Policies) -> Iterator[Row]:
    """Scenarios that one side lacks; policies added, removed and changed field by field. The order of policies does not matter."""
    for scenario in dict.fromkeys([*old, *new]):
        if scenario not in old or scenario not in new:
            text = "; ".join(_written(p) for p in (old if scenario in old else new)[scenario]) or "no policy"
            gone = scenario in old
            yield "scenario", scenario, "", "", text if gone else None, None if gone else text, "", ""
            continue
        before, after = ([{k: _plain(v) for k, v in p.items()} for p in side[scenario]] for side in (old, new))
        left = [p for p in before if p not in after or before.count(p) > after.count(p)]
        added = [p for p in after if p not in before or after.count(p) > before.count(p)]
        for p in left:
            near = [q for q in added if q["kind"] == p["kind"]]
            q = next((q for q in near if q.get("good") == p.get("good")), near[0] if near else None)
            where = ", ".join(str(x) for x in (scenario, p.get("good")) if x)
            if q is None:
                yield "policy", str(p["kind"]), where, "", _written(p), None, "", ""
                continue
            added.remove(q)
            for key in [k for k in dict.fromkeys([*p, *q]) if p.get(k) != q.get(k)]:
                yield "policy", f"{p['kind']}.{key}", where, "", p.get(key), q.get(key), "", ""
        for q in added:
            where = ", ".join(str(x) for x in (scenario, q.get("good")) if x)
            yield "policy", str(q["kind"]), where, "", None, _written(q), "", ""


def _plain(value: Any) -> Any:
    """Names in a list have no order."""
    return sorted(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value


def _written(policy: Mapping[str, Any]) -> str:
    fields = {k: " + ".join(map(str, v)) if isinstance(v, list) else v for k, v in policy.items() if k != "kind" and v not in (None, [])}
    return f"{policy['kind']}: " + ", ".join(f"{k} = {v}" for k, v in fields.items())


def figure_rows(old: Market, new: Market) -> Iterator[Row]:
    """Cells of the markets' variables that differ, medians over draws. Where the draws are not the same ones, drawn variables are
    compared by their central figures in the tables; what follows from drawn figures and has none is left out."""
    same = same_draws(old, new)
    drawn = set() if same else _drawn(old) | _drawn(new)
    for variable in VARIABLES:
        if not same and variable.name not in drawn and any("draw" in m.dataset[variable.name].dims for m in (old, new)):
            continue
        a, b = (_array(m, variable, variable.name in drawn) for m in (old, new))
        a, b = xr.align(*xr.broadcast(a, b, exclude=variable.dims), join="inner", exclude=["draw"])
        equal = np.isclose(a.values, b.values, rtol=NEAR, atol=0.0, equal_nan=True)
        differ = xr.DataArray(~equal, a.coords, a.dims)
        differ = differ.any("draw") if "draw" in differ.dims else differ
        for place in np.argwhere(differ.values):
            cell = {d: str(differ[d].values[i]) for d, i in zip(variable.dims, place)}
            values = [float(np.median(x.sel(cell).values)) for x in (a, b)]
            sources = [_source(m, variable, list(cell.values()), v) for m, v in zip((old, new), values)]
            labels = list(cell.values())
            where = f"{labels[0]}, {' to '.join(labels[1:])}" if len(labels) > 1 else labels[0]
            yield "figure", variable.name, where, variable.unit, values[0], values[1], sources[0], sources[1]


def same_draws(old: Market, new: Market) -> bool:
    """Do the two have the same numbers of draws of the same variables from the same seed?"""
    return (old.draws, old.seed, _drawn(old)) == (new.draws, new.seed, _drawn(new))


def _drawn(market: Market) -> set[str]:
    """Variables with draws that have a figure in the tables."""
    tables = {STORED[v].name for v in market.figures["variable"]}
    return {str(name) for name, array in market.dataset.data_vars.items() if "draw" in array.dims} & tables


def _array(market: Market, variable: Variable, central: bool) -> xr.DataArray:
    array = market.dataset[variable.name]
    if central and variable.name in _drawn(market):
        tables = to_arrays(market.figures, market.goods, market.regions, market.horizon)[variable.name]
        return tables if variable.default is None else tables.fillna(variable.default)
    return array


def _source(market: Market, variable: Variable, labels: Sequence[str], value: float) -> str:
    """Source of a cell: that of the most specific row that covers it, if the value is that row's."""
    f = market.figures
    stored = f"{variable.name}_{market.horizon}" if variable.horizon else variable.name
    rows = f[(f["variable"] == stored) & (f["good"] == labels[0])]
    for column, label in zip(("partner",) if variable.name == "recipe" else ("region", "partner"), labels[1:]):
        rows = rows[rows[column].isin([label, "*"])]
    stars = (rows["region"] == "*").astype(int) + (rows["partner"] == "*").astype(int)
    rows = rows.assign(stars=stars).sort_values("stars", ascending=False, kind="stable")
    drawn = "draw" in market.dataset[variable.name].dims
    if len(rows) and (drawn or np.isclose(rows["value"].iloc[-1], value, rtol=NEAR, atol=0.0)):
        return str(rows["source"].iloc[-1])
    return "" if variable.default is not None and np.isclose(value, variable.default) else "not from a table"


def table_rows(old: Market, new: Market) -> Iterator[Row]:
    """Cells of the markets' tables whose range differs, or whose source does while the value is the same."""
    keys = ["variable", "good", "region", "partner"]
    a, b = (m.figures.drop_duplicates(keys, keep="last") for m in (old, new))
    both = a.merge(b, on=keys, suffixes=("_old", "_new"))
    for row in both.to_dict("records"):
        where = ", ".join(str(row[k]) for k in keys[1:] if row[k])
        before, after = str(row["source_old"]), str(row["source_new"])
        (low, high), (low1, high1) = ((row[f"low_{side}"], row[f"high_{side}"]) for side in ("old", "new"))
        if not np.array_equal([low, high], [low1, high1], equal_nan=True):
            yield "range", str(row["variable"]), where, str(row["unit_new"]), _range(low, high), _range(low1, high1), before, after
        elif before != after and row["value_old"] == row["value_new"]:
            yield "source", str(row["variable"]), where, str(row["unit_new"]), row["value_old"], row["value_new"], before, after


def _range(low: float, high: float) -> str:
    return "none" if np.isnan(low) or np.isnan(high) else f"{low:g} to {high:g}"
