"""Balanced markets of any size for timing: a chain of goods, every region makes and uses all of them and trades with all."""

from __future__ import annotations

import numpy as np

import floormodel as fm
from floormodel.market import Market

RECIPE, MADE_INTO_NEXT = 1.3, 0.6  # tonnes of input per tonne, share of use that is made into the next good


def synthetic_market(goods: int, regions: int, draws: int, seed: int, shock: float = 0.2) -> Market:
    """A market with goods x regions prices and random elasticities, freight and shifts of supply and demand in every draw.

    `shock` is the standard deviation of the shifts in logs. It balances by construction: output gives shipments, these give
    use, a part of use is made into the next good and the rest is final demand.
    """
    rng = np.random.default_rng(seed)
    node, route = (goods, regions), (goods, regions, regions)
    output, final, price = np.zeros(node), np.zeros(node), np.zeros(node)
    flow, freight = np.zeros(route), np.zeros(route)
    output[0] = 1000 * rng.uniform(0.2, 1.0, regions)
    gate = 1000.0
    for g in range(goods):
        share = rng.dirichlet(np.full(regions, 0.7), regions) + 0.3 * np.eye(regions)
        flow[g] = output[g][:, None] * share / share.sum(1, keepdims=True)
        use = flow[g].sum(0)
        price[g], freight[g] = gate, 0.05 * gate * (1 - np.eye(regions))
        made = MADE_INTO_NEXT * use if g + 1 < goods else 0 * use
        final[g] = use - made
        if g + 1 < goods:
            output[g + 1] = made / RECIPE
        gate *= 2 * RECIPE
    per_draw = (draws, *node)

    def spread(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), per_draw))

    return fm.market_from_arrays("synthetic", [f"g{g}" for g in range(goods)], [f"r{r}" for r in range(regions)], {
        "price0": price, "output0": output, "flow0": flow, "final_demand0": final,
        "recipe": RECIPE * np.eye(goods, k=-1), "freight": freight * rng.uniform(0.5, 2, (draws, 1, 1, 1)),
        "supply_elasticity": spread(0.2, 3), "demand_elasticity": spread(0.1, 1.5), "sourcing_elasticity": spread(1, 8),
        "supply_shift": np.exp(shock * rng.standard_normal(per_draw)),
        "demand_shift": np.exp(shock * rng.standard_normal(per_draw))})
