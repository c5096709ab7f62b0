"""Trusts beside private storers with rational expectations, in a market whose shocks do not last."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.trust_setup import Setup
from floormodel.dynamics.storage_market import StorageMarket, lognormal_shocks
from floormodel.dynamics.storage_policy import PriceBand
from floormodel.dynamics.storage_run import simulate_storage, solve_storage, storage_table
from floormodel.errors import ConvergenceError

SOLVES, STEPS = 10, 30  # draws that are solved; halvings of the search for the shocks
LARGEST = 0.3  # standard deviation of the shocks
GRID = {"nodes": 161, "columns": 25, "error": np.inf}  # as fine as this and no finer: many are solved; the table says how well


def storage_market(setup: Setup, draw: int, sd: float) -> StorageMarket:
    """The market of one draw with shocks to output that do not last, in units of the benchmark."""
    w, v = setup.world, setup.values
    return StorageMarket(demand_elasticity=float(w.demand[0][draw]), supply_elasticity=float(w.supply[0][draw]),
                         shocks=lognormal_shocks(sd, -(sd**2) / 2),
                         storage_cost=float(v["storage_cost"][draw] / w.price[draw]), interest=float(v["interest"][draw]))


def shock_size(setup: Setup, draw: int) -> float:
    """Standard deviation of the shocks at which prices change from year to year, with private storers, as much as they do; NaN where
    none up to LARGEST does."""
    p = setup.risk.process
    target = float(np.sqrt(p.variance(1.0) + (1 - np.exp(-p.kappa)) ** 2 * p.stationary_sd**2))
    low, high = 1e-3, LARGEST
    for _ in range(STEPS):
        middle = np.sqrt(low * high)
        try:
            solution = solve_storage(storage_market(setup, draw, middle), nodes=501)
            prices = simulate_storage(solution, 60, 100, burn=60, seed=setup.seed)["price"].values
            small = np.std(np.diff(np.log(prices), axis=0)) < target
        except ConvergenceError:  # shocks so large that prices have no mean
            small = False
        low, high = (middle, high) if small else (low, middle)
        if high / low < 1.01:
            break
    return float(np.sqrt(low * high)) if high < LARGEST else float("nan")


def with_storers(setup: Setup, bands: Mapping[str, PriceBand | None]) -> pd.DataFrame:
    """One row per draw and trust (None: no trust), of the first SOLVES draws; those that do not settle are left out."""
    rows = []
    for draw in np.flatnonzero(setup.solved)[:SOLVES]:
        sd = shock_size(setup, int(draw))
        if np.isnan(sd):
            continue
        for label, band in bands.items():
            try:
                solution = solve_storage(storage_market(setup, int(draw), sd), band, **({} if band is None else GRID))
            except ConvergenceError:
                continue
            path = simulate_storage(solution, 60, 300, seed=setup.seed)
            table = storage_table({label: path}, None if band is None else band.room)[label]
            rows.append({"draw": int(draw), "trust": label, "shock_sd": sd, "accuracy": solution.accuracy(500).mean_log10}
                        | {str(k): float(v) for k, v in table.items()})
    return pd.DataFrame(rows)
