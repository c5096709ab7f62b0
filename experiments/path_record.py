"""What a run of paths leaves on disk besides its brief: quantiles of every series, and the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

import floormodel as fm

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


def path_record(title: str, paths: Mapping[str, fm.Path]) -> dict[str, Any]:
    """What run.json says: market and hashes, draws, seed, share of paths solved, residuals."""
    first = next(iter(paths.values()))
    market = first.market
    return {
        "title": title,
        "market": {"name": market.name, "benchmark": market.year, "horizon": market.horizon, "deck": market.deck,
                   "sha256": dict(market.hashes)},
        "draws": market.draws, "seed": market.seed, "years": [float(y) for y in first.dataset["period"].values],
        "paths": {name: {"expectations": path.dataset.attrs["expectations"], "share_converged": float(path.converged.mean()),
                         "largest_residual": float(path.dataset["residual"].where(path.dataset["converged"]).max())}
                  for name, path in paths.items()},
        "share_converged": min(float(path.converged.mean()) for path in paths.values()),
    }
