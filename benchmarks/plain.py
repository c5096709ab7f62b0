"""The rows of one draw in the plainest numpy, as somebody would write them for scipy: one price floor, logit, constant elasticities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import floormodel as fm
from floormodel.equilibrium.solve import Solved


def plain_residual(solved: Solved, policy: fm.PriceFloor, draw: int) -> Callable[[np.ndarray], np.ndarray]:
    """log(supply / demand) of the priced nodes as a function of log(p / p0), both (n,), for one draw of a solved market."""
    b, lay, market = solved.terms.benchmark, solved.system.layout, solved.market

    def one(array: np.ndarray) -> np.ndarray:
        return array[draw if len(array) > 1 else 0]

    p0, index0, landed0, recipe = one(b.price0), one(b.buyer_price0), one(b.landed_price0), one(b.recipe)
    el, er, fr, il, ir = (one(a) for a in (b.export_levy0, b.export_rate0, b.freight, b.import_levy0, b.import_rate0))
    weight = np.where(lay.open_route, one(b.weight), 0.0)
    base = np.where(index0 > 0, index0, 1.0)
    beta = np.where(np.isfinite(one(b.sourcing_elasticity)), one(b.sourcing_elasticity), 1.0) / base
    steepness = np.where(weight > 0, beta[:, None, :], 0.0)
    made0 = np.where(lay.producing, one(b.output0) * one(b.supply_shift), 0.0)
    margin0 = np.where(made0 > 0, one(b.margin0), 1.0)
    used0 = np.where(lay.supplied, one(b.final_demand0) * one(b.demand_shift), 0.0)
    eps, eta = np.nan_to_num(one(b.supply_elasticity)), np.nan_to_num(one(b.demand_elasticity))
    again0, again = np.where(lay.priced, one(b.secondary0) * one(b.secondary_shift), 0.0), one(b.secondary_elasticity)
    stock = np.where(lay.priced, one(b.stock_change0), 0.0)
    kept, subsidy = one(b.kept), one(b.subsidy0)
    member = np.array([r in policy.members for r in market.regions])
    floored = np.zeros(weight.shape, bool)
    floored[market.goods.index(policy.good)] = ~member[:, None] & member
    ratio = np.ones_like(p0)

    def residual(z: np.ndarray) -> np.ndarray:
        ratio[lay.priced] = np.exp(z)
        price = p0 * ratio
        border = (price[:, :, None] + el) * (1 + er) + fr
        landed = border * (1 + ir) + il + np.where(floored, np.maximum(policy.price - border, 0), 0)
        attraction = weight * np.exp(steepness * (landed0 - landed))
        total = attraction.sum(1)
        total[~lay.supplied] = 1.0
        index = base - np.log(total) / beta
        margin = price * kept + subsidy - recipe @ np.where(lay.supplied, index, 0)
        made = made0 * np.maximum(margin / margin0, 1e-6) ** eps
        use = used0 * (index / base) ** -eta + recipe.T @ made
        shipped = (attraction * (use / total)[:, None, :]).sum(2)
        supplied = made + again0 * ratio ** again + np.maximum(-stock, 0)
        return np.log(supplied[lay.priced] / (shipped + np.maximum(stock, 0))[lay.priced])

    return residual
