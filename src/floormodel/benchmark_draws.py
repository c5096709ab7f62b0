"""Draws of benchmark tonnes, recipes, prices, duties and charges: each figure from its range, then every draw made to balance and to pay.

A figure without a range is not drawn, but balancing may move it; `UNRANGED` says how firmly it is held. Output and recycled tonnes of a
node are balanced with their correlation, where the market's tables state one. Capacities go with output, so that utilisation stays. A
draw whose tonnes cannot be balanced, or that would leave a producer less than `LEAST_MARGIN` of its central margin, is pulled back half way
to the central figures, all of its figures in proportion, as often as needed; after four times it takes the central figures themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from floormodel.correlations import Factor, correlation_matrix
from floormodel.distributions import TOGETHER, drawn_cells, relative_variance, triangular
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
    """`drawn` with draws of tonnes, recipes, prices, wedges and capacities, and how far each (n,) was kept: 1, or less where pulled back.

    Parameters
    ----------
    market : the central figures
    drawn : its dataset with the parameters drawn already (freight counts in margins)
    numbers : uniform numbers (n,) of every factor
    """
    central = {name: market.dataset[name].values for name in DRAWN}
    wanted = _values(market, numbers, n)
    (spread, joint), recipe_spread = _spread(market), _variance(market, "recipe", 0.0)[None]
    least = LEAST_MARGIN * make_benchmark(market).margin0[0]
    producing = (central["output0"] > 0) & (least > 0)
    out = {name: np.repeat(central[name][None], n, axis=0) for name in DRAWN}
    kept, left = np.zeros(n), np.arange(n)
    for pull in PULLS:
        figures = {name: _toward(values[left], central[name], pull) for name, values in wanted.items()}
        prior = Chain(*(figures[stored] for stored in NODES.values()))
        chain, figures["recipe"], failed = reconcile(prior, spread, figures["recipe"], recipe_spread, joint)
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
            labels = market.goods if variable.dims == RECIPE else market.regions
            for cell, low, mode, high in zip(*drawn_cells(market, name, good)):
                label = "*" if variable.benchmark in TOGETHER else ">".join(labels[i] for i in cell)
                number = numbers[Factor(name, good, label)]
                values[(slice(None), g, *cell)] = triangular(number, low, mode, high, variable.benchmark == "stock")
        out[name] = values
    return out


def _spread(market: Market) -> tuple[Chain, Array]:
    """Tonnes by which balancing may move each figure, with one leading draw, and the covariances of output and recycled tonnes of a node;
    tonnes squared for stock changes and correlated figures."""
    parts = {}
    for field, name in NODES.items():
        centre = market.dataset[name].values
        parts[field] = _variance(market, name, UNRANGED[name] ** 2) * (centre**2 if name == "stock_change0" else centre)
    x, s = (market.dataset[NODES[field]].values for field in ("output", "secondary"))
    joint = np.zeros(x.shape)
    for g, r in np.argwhere((x > 0) & (s > 0)):
        pair = [Factor(NODES[field], market.goods[g], market.regions[r]) for field in ("output", "secondary")]
        if correlation := correlation_matrix(market.correlations, pair)[0, 1]:
            for field, centre in (("output", x), ("secondary", s)):
                parts[field][g, r] *= centre[g, r]
            joint[g, r] = correlation * np.sqrt(parts["output"][g, r] * parts["secondary"][g, r])
    return Chain(**{field: values[None] for field, values in parts.items()}), joint[None]


def _variance(market: Market, name: str, unranged: float) -> Array:
    """Squared relative spread of each cell of a variable: of its distribution, or `unranged`."""
    out = np.full(market.dataset[name].shape, unranged)
    for g, good in enumerate(market.goods):
        cells, low, mode, high = drawn_cells(market, name, good)
        out[(g, *cells.T)] = relative_variance(low, mode, high, BY_NAME[name].benchmark == "stock")
    return out


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
