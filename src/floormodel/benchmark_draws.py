"""Draws of benchmark tonnes, recipes and prices: each figure between its low and high, then every draw made to balance and to pay.

A figure without a range is not drawn, but balancing may move it; `UNRANGED` says how firmly it is held. Capacities go with output, so that
utilisation stays. A draw whose tonnes cannot be balanced, or that would leave a producer less than `LEAST_MARGIN` of its central margin,
is pulled back half way to the central figures, all of its tonnes, recipes and prices in proportion, as often as needed; after four times
it takes the central figures themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from floormodel.correlations import Factor
from floormodel.distributions import ranges, relative_variance, triangular
from floormodel.equilibrium.benchmark import make_benchmark
from floormodel.market import Market
from floormodel.reconcile import Chain, reconcile
from floormodel.schema import BY_NAME, RECIPE, VARIABLES

Array = NDArray[np.float64]
NODES = {"output": "output0", "secondary": "secondary0", "stock": "stock_change0", "demand": "final_demand0", "flow": "flow0"}
DRAWN = [v.name for v in VARIABLES if v.benchmark]
# Relative standard deviation of a figure without a range (assumption): agencies' outputs are what calibration keeps, recycled tonnes are
# estimates, uses, routes and stock changes are what it fits to them.
UNRANGED = {"output0": 0.01, "secondary0": 0.1, "stock_change0": 0.3, "final_demand0": 0.3, "flow0": 3.0}
LEAST_MARGIN = 0.1
PULLS = (1.0, 0.5, 0.25, 0.125, 0.0)


def draw_benchmark(market: Market, drawn: xr.Dataset, numbers: Mapping[Factor, Array], n: int) -> tuple[xr.Dataset, Array]:
    """`drawn` with draws of tonnes, recipes, prices and capacities, and how far each draw (n,) was kept: 1, or less where pulled back.

    Parameters
    ----------
    market : the central figures
    drawn : its dataset with the parameters drawn already (freight counts in margins)
    numbers : uniform numbers (n,) of every factor
    """
    central = {name: market.dataset[name].values for name in DRAWN}
    wanted = _values(market, numbers, n)
    spread = _spread(market)
    least = LEAST_MARGIN * make_benchmark(market).margin0[0]
    producing = (central["output0"] > 0) & (least > 0)
    out = {name: np.repeat(central[name][None], n, axis=0) for name in DRAWN}
    kept, left = np.zeros(n), np.arange(n)
    for pull in PULLS:
        figures = {name: _toward(values[left], central[name], pull) for name, values in wanted.items()}
        chain, failed = reconcile(Chain(*(figures[stored] for stored in NODES.values())), spread, figures["recipe"])
        figures |= {stored: getattr(chain, name) for name, stored in NODES.items()}
        tried = _with(drawn.isel(draw=left) if "draw" in drawn.dims else drawn, {k: v[~failed] for k, v in figures.items()}, ~failed)
        paid = np.zeros(len(left), bool)
        if not failed.all():
            margin = make_benchmark(replace(market, dataset=tried)).margin0
            paid[~failed] = np.all((margin >= least) | ~producing, axis=(1, 2))
        good = paid | (pull == 0)
        for name, values in figures.items():
            out[name][left[good]] = values[good]
        kept[left[good]] = pull
        left = left[~good]
        if len(left) == 0:
            break
    capacity = market.dataset["capacity"].values
    ratio = np.divide(out["output0"], central["output0"], out=np.ones_like(out["output0"]), where=central["output0"] > 0)
    if np.isfinite(capacity).any():
        out["capacity"] = capacity * ratio
    return _with(drawn, out, np.ones(n, bool)), kept


def _values(market: Market, numbers: Mapping[Factor, Array], n: int) -> dict[str, Array]:
    """Figures as drawn (n, ...) by variable, before balancing."""
    out = {}
    for name in DRAWN:
        variable = BY_NAME[name]
        values = np.repeat(market.dataset[name].values[None], n, axis=0)
        for g, good in enumerate(market.goods):
            low, high, centre = ranges(market.figures, name, good, market)
            labels = market.goods if variable.dims == RECIPE else market.regions
            for cell in map(tuple, np.argwhere((low < high) & (centre != 0))):
                label = "*" if variable.benchmark == "price" else ">".join(labels[i] for i in cell)
                values[(slice(None), g, *cell)] = triangular(numbers[Factor(name, good, label)], low[cell], centre[cell], high[cell])
        out[name] = values
    return out


def _spread(market: Market) -> Chain:
    """Tonnes (stock changes: tonnes squared) by which balancing may move each figure, with one leading draw."""
    parts = {}
    for field, name in NODES.items():
        centre = market.dataset[name].values
        variance = np.full(centre.shape, UNRANGED[name] ** 2)
        for g, good in enumerate(market.goods):
            low, high, mode = ranges(market.figures, name, good, market)
            wide = low < high
            variance[g][wide] = relative_variance(low[wide], mode[wide], high[wide])
        parts[field] = (variance * (centre**2 if name == "stock_change0" else centre))[None]
    return Chain(**parts)


def _toward(values: Array, central: Array, pull: float) -> Array:
    """Drawn figures with their distance from the central ones, in logs where both are positive, cut to the share `pull`."""
    if pull == 1.0:
        return values
    both = (values > 0) & (central > 0)
    ratio = np.divide(values, central, out=np.ones_like(values), where=both)
    return np.where(both, central * ratio**pull, central + pull * (values - central))


def _with(dataset: xr.Dataset, arrays: Mapping[str, Array], draws: NDArray[np.bool_]) -> xr.Dataset:
    """The chosen draws of a dataset with other arrays (draws, ...) put in."""
    ds = (dataset.isel(draw=np.flatnonzero(draws)) if "draw" in dataset.dims else dataset).copy()
    for name, values in arrays.items():
        ds[name] = (("draw", *BY_NAME[name].dims), values)
    return ds
