"""First-order response of a market at its benchmark: GSIM for a `ces` market (Francois and Hall 2003; model section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from floormodel.equilibrium.solve import build_terms
from floormodel.equilibrium.system import System
from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import ScenarioError
from floormodel.market import Market
from floormodel.policies.base import Instrument


def linear_response(market: Market, policies: Sequence[Instrument]) -> xr.Dataset:
    """Proportional changes J_z dz + J_w dw = 0, both derivatives at the benchmark, dw = c1/c0 - 1 at benchmark producer prices.

    Returns
    -------
    xarray.Dataset
        `price_change` and `output_change` (draw, good, region), `landed_change` = dw (draw, good, origin, destination); shares.

    Raises
    ------
    ScenarioError
        For instruments with unknowns, floors or contracts of their own: the first-order response is that of tariffs and taxes.
    """
    terms, _ = build_terms(market, policies)
    if terms.unknowns or terms.contracts or terms.contents or terms.closed.any():
        raise ScenarioError("linear_response: found an instrument with a condition of its own; expected tariffs and export taxes")
    b = terms.benchmark
    border = (b.price0[..., None] + terms.export_levy) * (1 + terms.export_rate) + b.freight
    landed = border * (1 + terms.import_rate) + terms.import_levy
    moved = landed - b.landed_price0
    plain = Terms(b)
    goods = b.active.shape[0]
    for g in range(goods):
        one = np.ones(1)
        plain.unknowns.append(Unknown("response", 0, g, "1", one, 0 * one, one, Row(constant=0.0), "", import_levy=moved[:, g]))
    system = System(plain)
    z = np.zeros((b.draws, system.size))
    _, jac = system.evaluate(z, np.arange(b.draws), 0.0, True)
    assert jac is not None
    n = system.layout.n_prices
    push = jac[:, :n, n:n + goods].sum(-1)
    dz = np.linalg.solve(jac[:, :n, :n], -push[..., None])[..., 0]
    change = np.full((b.draws, *b.active.shape), np.nan)
    for g, regions in enumerate(system.layout.rows_of):
        change[:, g, regions] = dz[:, system.layout.columns[g]]
    dims = ("draw", "good", "region")
    mined = ~np.any(b.recipe > 0, axis=(0, 2))[:, None]
    output = np.where(mined, np.nan_to_num(b.supply_elasticity) * change * (b.price0 * b.kept / b.net_price0), np.nan)
    ds = xr.Dataset({"price_change": (dims, change), "output_change": (dims, output),
                     "landed_change": (("draw", "good", "origin", "destination"), np.where(b.trade, moved / b.landed_price0, np.nan))},
                    {"good": market.goods, "region": market.regions, "origin": market.regions, "destination": market.regions})
    return ds.isel(draw=0) if b.draws == 1 else ds
