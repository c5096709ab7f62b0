"""Run a study and write its folder: results, tables and the record of how they came about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from floormodel.ensemble import sample
from floormodel.market import Market
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_brief import study_brief
from floormodel.results import QUANTILES, Comparison, Equilibrium, compare
from floormodel.scenario import Study

IDENTITY_LIMIT = 1e-8  # relative error of the money identities (model section 7)
KEYS = ["scenario", "indicator", "good", "region", "unit"]


def run_study(study: Study, market: Market, progress: bool = False) -> Comparison:
    """Solve every scenario of a study on `market` (what `study.load()` gave), with draws if the study asks for some."""
    if study.ensemble is not None:
        market = sample(market, study.ensemble.draws, study.ensemble.seed)
    return compare(market, study.scenarios, bloc=study.bloc, progress=progress)


def write_study(folder: Path, study: Study, runs: Comparison, notes: Sequence[str] = ()) -> None:
    """Fill `folder`: brief.html with its figures and tables, results.nc, indicators.csv, accounts.csv, workbook.xlsx, run.json
    and the study file itself."""
    runs.to_netcdf(folder / "results.nc")
    runs.to_excel(folder / "workbook.xlsx")
    inert_frame(indicator_table(runs)).to_csv(folder / "indicators.csv", index=False, lineterminator="\n")
    inert_frame(account_table(runs)).to_csv(folder / "accounts.csv", index=False, lineterminator="\n")
    write_brief(study_brief(study.title, runs, notes), folder)
    (folder / "study.toml").write_text(study.text, encoding="utf-8", newline="\n")
    write_record(folder, study_record(study, runs, notes))


def indicator_table(runs: Comparison) -> pd.DataFrame:
    """One row per scenario, indicator, good and region: value, base and change, each with the 5 % and 95 % quantile.

    `value` and `change` are medians over solved draws (the figures without draws); `share_present` is the share
    of draws in which the indicator has a meaning.
    """
    indicators = runs.indicators()
    parts = []
    for of in ("value", "base", "change"):
        table = indicators.quantiles(QUANTILES, of)
        low, middle, high = (c for c in table.columns if c.startswith("q"))
        present = table.pop("present")
        parts.append(table.rename(columns={low: f"{of}_low", middle: of, high: f"{of}_high"}).set_index(KEYS))
    columns = [f"{of}{end}" for of in ("value", "base", "change") for end in ("", "_low", "_high")]
    return pd.concat(parts, axis=1)[columns].assign(share_present=present.to_numpy()).reset_index()


def account_table(runs: Comparison) -> pd.DataFrame:
    """Changes of money against the market without policy, USD/yr: median, 5 % and 95 % quantile over solved draws."""
    keys = ["scenario", "region", "good", "account", "owner"]
    accounts = runs.accounts().astype({"value": float})  # a scenario without any change has no rows and no type
    if accounts.empty:
        return pd.DataFrame(columns=[*keys, "unit", "change", "change_low", "change_high"])
    low, middle, high = QUANTILES
    table = accounts.groupby(keys, sort=False)["value"].quantile(np.array(QUANTILES)).unstack()
    table = table.rename(columns={middle: "change", low: "change_low", high: "change_high"})
    return table[["change", "change_low", "change_high"]].reset_index().assign(unit="USD/yr")[
        [*keys, "unit", "change", "change_low", "change_high"]]


def study_record(study: Study, runs: Comparison, notes: Sequence[str] = ()) -> dict[str, Any]:
    """What run.json says besides the versions: the question, its inputs with their hashes, how well it was answered."""
    market = runs.market
    ensemble = study.ensemble
    return {
        "title": study.title,
        "study": {"file": Path(study.source).name, "sha256": study.sha256},
        "market": {"name": market.name, "benchmark": market.year, "horizon": market.horizon, "deck": market.deck,
                   "open_projects": [f"{good}:{region}" for good, region in market.opened],
                   "sha256": dict(market.hashes)},
        "draws": ensemble.draws if ensemble else None,
        "seed": ensemble.seed if ensemble else None,
        "share_converged": runs.share_converged,
        "scenarios": {name: _scenario_record(run) for name, run in runs.runs.items()},
        "checks": checks(runs),
        "notes": list(notes),
    }


def _scenario_record(run: Equilibrium) -> dict[str, Any]:
    unsolved = np.flatnonzero(~run.converged)
    return {
        "policies": [policy.model_dump(mode="json") for policy in run.policies],
        "share_converged": float(run.converged.mean()),
        "unsolved_draws": [int(draw) for draw in unsolved[:1000]],
        "identities": run.identities(),
        "notes": list(run.notes),
    }


def checks(runs: Comparison) -> list[dict[str, Any]]:
    """Credibility checks as rows: statistic, value, operator, threshold, passed."""
    rows = [(f"{name} identity, largest relative error", error, "<=", IDENTITY_LIMIT)
            for name, error in runs.identities().items()]
    rows.append(("share of draws and scenarios solved", runs.share_converged, ">=", 1.0))
    return [{"statistic": what, "value": float(value), "operator": sign, "threshold": limit,
             "passed": bool(value <= limit if sign == "<=" else value >= limit)} for what, value, sign, limit in rows]
