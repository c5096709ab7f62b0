"""Solve a storage market under a rule, simulate it, and sum the paths up: `fm.solve_storage`, `simulate_storage`, `storage_table`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from floormodel.dynamics.storage import StorageSolution, solve_one
from floormodel.dynamics.storage_band import BandSolution, solve_band
from floormodel.dynamics.storage_market import StorageMarket
from floormodel.dynamics.storage_policy import PriceBand, PublicFloor
from floormodel.errors import ScenarioError

Solution = StorageSolution | BandSolution
UNITS = {"price": "USD/t", "output": "t", "use": "t", "private": "t", "public": "t", "planned": "t", "received": "USD/t",
         "revenue": "USD", "outlay": "USD"}


def solve_storage(market: StorageMarket, policy: PublicFloor | PriceBand | None = None, support: float | None = None,
                  **settings: Any) -> Solution:
    """The stationary equilibrium of private storers with rational expectations beside a rule of a public stock.

    Parameters
    ----------
    policy : `PublicFloor` (one state), `PriceBand` (its stock is a second state) or None
    support : price up to which producers are paid the difference per tonne produced, USD/t, or None
    settings : those of the solver, see `floormodel.dynamics.storage.solve_one` and `storage_band.solve_band`

    Raises
    ------
    ScenarioError
        For a policy of another kind, or a support that is not a number of 0 or more.
    ConvergenceError
        Where no stationary rule exists or none was found.
    """
    if support is not None and not (np.isfinite(support) and support >= 0):
        raise ScenarioError(f"support: found {support!r}; expected a price of 0 or more, USD/t")
    if isinstance(policy, PriceBand):
        return solve_band(market, policy, support, **settings)
    if policy is not None and not isinstance(policy, PublicFloor):
        raise ScenarioError(f"policy: found {type(policy).__name__}; expected PublicFloor, PriceBand or None")
    return solve_one(market, policy, support, **settings)


def simulate_storage(solution: Solution, periods: int = 200, paths: int = 1000, *, burn: int = 300, seed: int = 0) -> xr.Dataset:
    """Simulated paths after `burn` periods, which a rule with a public stock needs to forget its empty start.

    Returns
    -------
    xarray.Dataset
        Over (period, path): price, output (of the period), use, private and public (end-of-period stocks), planned (for the next
        period), received (price with support), revenue (of producers) and outlay (of the public: stock bought less sold and
        stored, and support; before interest).
    """
    m, rng = solution.market, np.random.default_rng(seed)
    available, public = solution.start(paths)
    output = np.full(paths, m.output0)
    record: dict[str, list[np.ndarray]] = {name: [] for name in UNITS}
    for t in range(burn + periods):
        price, private, held, planned = solution.step(available, public)
        if t >= burn:
            received = price if solution.support is None else np.maximum(price, solution.support)
            outlay = price * (held - public) + m.storage_cost * held + (received - price) * output
            values = (price, output, available - private - held, private, held, planned, received, received * output, outlay)
            for name, value in zip(UNITS, values):
                record[name].append(value)
        output = planned * m.shocks.draw(rng, (paths,))
        public = (1 - m.loss) * held
        available = (1 - m.loss) * private + public + output
    ds = xr.Dataset({name: (("period", "path"), np.stack(values)) for name, values in record.items()})
    for name, unit in UNITS.items():
        ds[name].attrs["unit"] = unit
    return ds


def storage_table(runs: Mapping[str, xr.Dataset], room: float | None = None) -> pd.DataFrame:
    """Long-run figures of simulated paths, a column per run.

    Rows: mean and standard deviation of price, revenue and outlay; autocorrelation, skewness and kurtosis of the price; mean stocks
    and planned output; share of periods without private stock, with an empty and (given its `room`, t) a full public stock.
    """
    return pd.DataFrame({name: _figures(ds, room) for name, ds in runs.items()})


def _figures(ds: xr.Dataset, room: float | None) -> dict[str, float]:
    price = ds["price"].values
    away = price - price.mean()
    sd = price.std()
    out = {f"{what}_{name}": float(getattr(ds[name].values, how)()) for name in ("price", "revenue", "outlay")
           for what, how in (("mean", "mean"), ("sd", "std"))}
    out |= {"autocorrelation": float((away[1:] * away[:-1]).mean() / sd**2), "skewness": float((away**3).mean() / sd**3),
            "kurtosis": float((away**4).mean() / sd**4)}
    out |= {f"mean_{name}": float(ds[name].values.mean()) for name in ("private", "public", "planned", "use")}
    public = ds["public"].values
    least = 1e-9 * float(np.abs(ds["use"].values).mean())
    out |= {"no_private_stock": float((ds["private"].values <= least).mean()), "public_empty": float((public <= least).mean())}
    return out if room is None else out | {"public_full": float((public >= room - least).mean())}
