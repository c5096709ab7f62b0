"""What a run of paths leaves on disk: the brief, quantiles of every series, and the record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.record import market_record
from floormodel.report.brief import Brief, write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame

SERIES = ("price", "buyer_price", "net_price", "output", "recycled", "final_demand", "use", "imports", "producer_revenue")
PLANS = ("started", "running", "profitability")


def series_table(paths: Mapping[str, fm.Path]) -> pd.DataFrame:
    """Long table: scenario, variable, good or plan, region, period, unit, q05, q50, q95. The run without policy is in once."""
    parts = []
    for k, (name, path) in enumerate(paths.items()):
        for variable in (*SERIES, "treasury", *(PLANS if path.dataset.sizes["plan"] else ())):
            table = path.to_dataframe(variable)
            table = table[table["scenario"].eq("policy") | (k == 0)]
            label = table["scenario"].map({"policy": name, "none": "No policy"})
            parts.append(table.assign(scenario=label, variable=variable, unit=path.dataset[variable].attrs["unit"]))
    whole = pd.concat(parts, ignore_index=True)
    whole = whole[np.isfinite(whole["q50"])]
    columns = ["scenario", "variable", "good", "region", "plan", "period", "unit", "q05", "q50", "q95"]
    return whole.reindex(columns=columns).fillna({c: "" for c in ("good", "region", "plan")})


def path_record(title: str, paths: Mapping[str, fm.Path], variants: Mapping[str, Mapping[str, fm.Path]]) -> dict[str, Any]:
    """What run.json says: market and hashes, draws, seed, share of paths solved, residuals, largest money identity.

    `variants` are runs beside the main ones, with draws of their own. `share_converged` is the lowest of the main paths; each path,
    main or beside, carries its own.
    """
    first = next(iter(paths.values()))
    market = first.market
    return {
        "title": title,
        "market": market_record(market),
        "draws": market.draws, "seed": market.seed, "years": [float(y) for y in first.dataset["period"].values],
        "paths": {name: one_path(path) for name, path in paths.items()},
        "variants": {part: {name: one_path(path) for name, path in these.items()} for part, these in variants.items()},
        "share_converged": min(float(path.converged.mean()) for path in paths.values()),
    }


def one_path(path: fm.Path) -> dict[str, Any]:
    """Draws, expectations and whether they settled, share solved, and the largest residual and money identity of what was solved."""
    data = path.dataset
    return {"draws": path.market.draws, "expectations": data.attrs["expectations"], "share_settled": float(data["settled"].mean()),
            "share_converged": float(path.converged.mean()), "largest_residual": float(data["residual"].where(data["converged"]).max()),
            "largest_identity": float(data["identity"].max())}


def write_paths(folder: Path, title: str, results: Mapping[str, fm.Path], pages: Brief,
                variants: Mapping[str, Mapping[str, fm.Path]] | None = None) -> dict[str, Any]:
    """Write the brief, series.csv and run.json of an experiment on paths into `folder`; returns the record."""
    write_brief(pages, folder)
    inert_frame(series_table(results)).to_csv(folder / "series.csv", index=False, lineterminator="\n")
    record = path_record(title, results, variants or {})
    write_record(folder, record)
    return record
