"""`replanned_stocks`: private stocks under shocks, each year planned anew from that year's stocks as if no more shocks came.

The extended path (Fair and Taylor 1983) in its simplest form: `stock_path` is solved from every year on with the shocks drawn so far
and later ones at their mean, the first year of that plan is carried out, and the next year begins with its stocks. Storers are taken
by surprise but do not expect to be (certainty equivalence): they hold nothing against surprises, so that stocks are too small by about
the variance of the shocks. `solve_storage` has rational expectations, of one region.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from floormodel.dynamics.stock_path import Store, stock_path
from floormodel.equilibrium.benchmark import Array
from floormodel.errors import Faults, ScenarioError
from floormodel.market import Market

FIRST = ["stock", "change", "price", "gain", "public", "price_at_gate", "buyer_price", "output", "use"]


def supply_shocks(market: Market, years: int, sigma: float, *, regions: Sequence[str] | None = None, seed: int = 0) -> Array:
    """Factors on output (years, draws, goods, regions), independent: lognormal with mean 1 and log standard deviation `sigma`.

    One of a region and year for all its goods; 1 outside `regions` (None: all). Every draw has a stream of its own, so that more draws
    or more years leave the first ones as they are.
    """
    faults = Faults("supply_shocks", ScenarioError)
    if not (np.isfinite(sigma) and sigma >= 0):
        faults.add("sigma", sigma, "a standard deviation of logs, 0 or more", "0.1")
    for region in sorted(set(regions or ()) - set(market.regions)):
        faults.add("regions", region, "a region of the market")
    faults.raise_if_any()
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(market.draws)]
    normal = np.stack([rng.standard_normal((years, len(market.regions))) for rng in streams], axis=1)  # (T, B, R)
    hit = np.isin(market.regions, regions if regions is not None else market.regions)
    factor = np.where(hit, np.exp(sigma * normal - sigma**2 / 2), 1.0)
    return np.repeat(factor[:, :, None], len(market.goods), axis=2)


def replanned_stocks(market: Market, good: str, stores: Sequence[Store], years: Sequence[int], shocks: Array, *, ahead: int | None = None,
                     supply: Array | float = 1.0, **settings: Any) -> xr.Dataset:
    """Stocks, prices and quantities of years in which every plan is made anew after the year's shock is known.

    Parameters
    ----------
    market, good, stores, settings : as in `stock_path`, but for `years` and `supply`
    years : whole years one after another
    shocks : factors on output of every year (years, draws, goods, regions), such as those of `supply_shocks`, of mean 1: plans put
        later ones at 1
    ahead : years that a plan looks ahead of its own at most; None: to the last of `years`
    supply : more factors on output that are foreseen, broadcast to (years, goods, regions)

    Returns
    -------
    xarray.Dataset
        Of `StockPath`: stock, change, price, gain (of holding a tonne as the year's plan sees it), public over (year, draw, store);
        price_at_gate, buyer_price, output, use over (year, draw, good, region); `converged` (year, draw), of the year's plan. A draw
        whose plan was not found is missing (NaN) in that year and later ones.

    Raises
    ------
    ScenarioError
        For shocks that do not fit, and as `stock_path`.
    """
    whole, shape = list(years), (len(years), market.draws, len(market.goods), len(market.regions))
    shocks = np.asarray(shocks, float)
    faults = Faults("replanned_stocks", ScenarioError)
    if shocks.shape != shape or not np.all(np.isfinite(shocks) & (shocks > 0)):
        faults.add("shocks", f"an array of shape {shocks.shape}", f"factors above 0 of shape {shape}: years, draws, goods, regions")
    if ahead is not None and ahead < 1:
        faults.add("ahead", ahead, "1 year or more, or None")
    faults.raise_if_any()
    foreseen = np.broadcast_to(np.asarray(supply, float), (len(whole), *shape[2:]))
    demand = np.broadcast_to(np.asarray(settings.pop("demand", 1.0), float), foreseen.shape)
    found, alive, now = [], np.ones(market.draws, bool), list(stores)
    for t in range(len(whole)):
        last = len(whole) if ahead is None else min(len(whole), t + ahead + 1)
        known = np.repeat(foreseen[t:last, None], market.draws, axis=1)
        known[0] *= shocks[t]
        held = [_from(s, t, last) for s in now]
        plan = stock_path(market, good, held, whole[t:last], supply=known, demand=demand[t:last], **settings).dataset
        alive = alive & plan["converged"].values
        year = plan[FIRST].isel(year=[0]).where(xr.DataArray(alive, dims="draw"))
        found.append(year.assign(converged=(("year", "draw"), alive[None])))
        stock, public = (np.nan_to_num(plan[name].values[0]) for name in ("stock", "public"))  # (draws, stores)
        now = [replace(s, opening=stock[:, i], public_opening=public[:, i]) for i, s in enumerate(now)]
    together = xr.concat(found, "year", data_vars="all")
    for name in FIRST:
        together[name].attrs["unit"] = plan[name].attrs["unit"]
    return together


def _from(store: Store, first: int, last: int) -> Store:
    """The store with the public stock of some years."""
    return store if store.public is None else replace(store, public=np.asarray(store.public, float)[first:last])
