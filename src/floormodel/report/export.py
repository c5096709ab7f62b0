"""Results in the formats other programs read: Excel, Stata, the IAMC long table, netCDF, CSV; byte for byte the same each time."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from floormodel.report.frames import levels
from floormodel.report.labels import NO_POLICY, good_name, indicator_name, region_name
from floormodel.report.run_folder import versions
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table
from floormodel.report.workbook import write_workbook
from floormodel.results import Comparison

FIXED_TIME = dt.datetime(2000, 1, 1)
IAMC_COLUMNS = ["model", "scenario", "region", "variable", "unit", "year", "value"]
IAMC_ENDS = {"q05": "|5th Percentile", "q50": "", "q95": "|95th Percentile"}
STATA_LABELS = {
    "scenario": "Scenario", "indicator": "Indicator", "good": "Good", "region": "Region or group of regions", "unit": "Unit",
    "value": "Level under the policy, median over draws", "value_lo": "Level, 5 % quantile", "value_hi": "Level, 95 % quantile",
    "base": "Level without policy, median over draws", "base_lo": "Level without policy, 5 % quantile",
    "base_hi": "Level without policy, 95 % quantile", "change": "Change against no policy, median over draws",
    "change_lo": "Change, 5 % quantile", "change_hi": "Change, 95 % quantile", "present": "Share of draws in which it has a meaning",
}


def to_excel(runs: Comparison, path: str | Path) -> Path:
    """Write a workbook: read_me, charts, indicators, accounts, prices, flows, policies, sources.

    Raises
    ------
    OutputError
        Where XlsxWriter is not installed.
    """
    return write_workbook(runs, path, indicator_table(runs), account_table(runs), flow_table(runs))


def write_indicators_csv(runs: Comparison, path: str | Path) -> Path:
    """Write the indicators as CSV: one row per scenario, indicator, good and region; UTF-8, texts that no program runs."""
    inert_frame(indicator_table(runs)).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    return Path(path)


def to_iamc(runs: Comparison, path: str | Path | None = None) -> pd.DataFrame:
    """The long table of the Integrated Assessment Modeling Consortium, as pyam reads it; written as CSV where a path is given.

    Levels of every indicator by scenario, `No policy` among them, and welfare changes by account. With draws the median has
    the plain name and two more variables end in ``|5th Percentile`` and ``|95th Percentile``. Missing values have no row.
    """
    level = levels(runs.indicators())
    level = level.assign(variable=[f"{indicator_name(i)}|{good_name(g)}" for i, g in zip(level["indicator"], level["good"])])
    accounts = account_table(runs).rename(columns={"change_low": "q05", "change": "q50", "change_high": "q95"})
    accounts = accounts.assign(variable=["Welfare Change|" + "|".join((o, a, good_name(g))) for o, a, g in
                                         zip(accounts["owner"], accounts["account"], accounts["good"])])
    wide = pd.concat([level, accounts], ignore_index=True)
    ends = IAMC_ENDS if runs.market.draws > 1 else {"q50": ""}
    parts = [wide.assign(variable=wide["variable"] + end, value=wide[q]) for q, end in ends.items()]
    table = pd.concat(parts, ignore_index=True).dropna(subset=["value"])
    table = table.assign(model=f"floormodel {versions()['floormodel']}", year=runs.market.year, region=table["region"].map(region_name))
    table = table[IAMC_COLUMNS].sort_values(IAMC_COLUMNS[:5], kind="stable", ignore_index=True)
    if path is not None:
        inert_frame(table).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    return table


def to_stata(runs: Comparison, path: str | Path) -> Path:
    """Write the indicators as a Stata data set (version 118): short names, full labels."""
    table = indicator_table(runs)
    short = {c: c.replace("_low", "_lo").replace("_high", "_hi").replace("share_present", "present") for c in table.columns}
    table = table.rename(columns=short)
    label = f"floormodel: {runs.market.name} {runs.market.year}, {runs.market.horizon} run"[:80]
    table.to_stata(path, version=118, write_index=False, time_stamp=FIXED_TIME, data_label=label,
                   variable_labels={c: STATA_LABELS[c] for c in table.columns})
    return Path(path)


def to_netcdf(runs: Comparison, path: str | Path, quantiles: Sequence[float] | None = None) -> Path:
    """Write all labelled results along a `scenario` dimension (netCDF 3: opens in xarray, R, MATLAB).

    Parameters
    ----------
    quantiles : optional
        Store these quantiles over draws, along a `quantile` dimension, instead of the draws: smaller files.
    """
    ds = runs.to_dataset()
    ds = ds.assign(no_policy_output=_base(runs, "output"), no_policy_price=_base(runs, "price"))
    if quantiles is not None and "draw" in ds.dims:
        floats = [str(n) for n in ds.data_vars if "draw" in ds[n].dims and ds[n].dtype.kind == "f"]
        ds = ds.drop_vars([str(n) for n in ds.data_vars if "draw" in ds[n].dims and n not in floats])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a result without meaning in any draw stays missing
            ds = ds.assign({n: ds[n].quantile(list(quantiles), "draw", keep_attrs=True) for n in floats}).drop_vars("draw")
    for name in ds.data_vars:
        if ds[name].dtype.kind == "b":
            ds[name] = ds[name].astype("int8").assign_attrs(ds[name].attrs, flag_values="0 no, 1 yes")
    ds.attrs.update(_attributes(runs))
    ds.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")
    return Path(path)


def _base(runs: Comparison, name: str) -> xr.DataArray:
    """A result of the market without policy, as the runs' datasets label it."""
    base = next(iter(runs.runs.values())).base
    values = np.where(np.isfinite(base.state.price), getattr(base.state, name), np.nan)
    array = xr.DataArray(values, dims=("draw", "good", "region"), attrs={"unit": {"output": "t/yr", "price": "USD/t"}[name]})
    return array if "draw" in runs.to_dataset().dims else array.isel(draw=0)


def _attributes(runs: Comparison) -> dict[str, Any]:
    """Provenance inside the file."""
    market = runs.market
    policies = {name: [p.model_dump(mode="json") for p in run.policies] for name, run in runs.runs.items()}
    notes = " | ".join(f"{name}: {note}" for name, run in runs.runs.items() for note in run.notes)
    return {"notes": notes, "title": market.title or market.name, "market": market.name, "year": market.year, "horizon": market.horizon,
            "basis": market.basis, "seed": "" if market.seed is None else str(market.seed), "share_converged": runs.share_converged,
            "input_sha256": json.dumps(dict(market.hashes)), "policies": json.dumps(policies), "versions": json.dumps(versions())}


def flow_table(runs: Comparison) -> pd.DataFrame:
    """Shipments by route: t/yr without policy and under each scenario (median, 5 and 95 % quantile), landed price and duty, USD/t.

    Routes that carry nothing in any draw are left out; the scenario `No policy` holds the benchmark's shipments.
    """
    base = runs.market.dataset["flow0"]
    ends = {"flow_low": 0.05, "flow": 0.5, "flow_high": 0.95} if "draw" in base.dims else {}
    shown = {end: base.quantile(q, "draw").to_series() for end, q in ends.items()} or {"flow": base.to_series()}
    parts = [pd.DataFrame(shown).reset_index().assign(scenario=NO_POLICY)]
    for name, run in runs.runs.items():
        ds = run.dataset if "draw" in run.dataset.dims else run.dataset.expand_dims("draw")
        columns = {end: ds["flow"].quantile(q, "draw").to_series() for end, q in (("flow_low", 0.05), ("flow", 0.5), ("flow_high", 0.95))}
        columns |= {price: ds[price].median("draw").to_series() for price in ("landed_price", "duty")}
        parts.append(pd.DataFrame(columns).reset_index().assign(scenario=name))
    order = ["scenario", "good", "origin", "destination", "flow", "flow_low", "flow_high", "landed_price", "duty"]
    table = pd.concat(parts, ignore_index=True).reindex(columns=order)
    return table[table[["flow", "flow_high"]].max(axis=1) > 0].reset_index(drop=True)
