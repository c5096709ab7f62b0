"""A solution as the benchmark of a new market: the same curves, with the border charges and payments of the solution as data."""

from __future__ import annotations

import numpy as np

import floormodel as fm
from floormodel.equilibrium.solve import Solved

FAR = 1e4  # choke price and scrap value out of reach, for their factors are per good and the new benchmark prices differ by region


def without_ends(market: fm.Market) -> fm.Market:
    """The market without capacities, choke prices and scrap values that could be met."""
    return market.replace(choke_factor=FAR, scrap_factor=1 / FAR, capacity=np.inf)


def rebased(solved: Solved) -> fm.Market:
    """The market whose benchmark is this solution (straight curves, logit, no purchases).

    Prices, tonnes and charges are those of the solution; the contracts' marginal payments become a subsidy. The new buyer price is
    the mean landed price, below the old one by the sourcing cost: straight curves shift by a constant and keep their slopes, and
    sigma / P0 stays. Isoelastic curves through the new point would be other curves.
    """
    s, b, terms, market = solved.state, solved.state.benchmark, solved.terms, solved.market
    rent, duty = np.zeros(b.flow0.shape), np.zeros(b.flow0.shape)
    for j, unknown in enumerate(terms.unknowns):
        for total, coefficient in ((rent, unknown.export_levy), (duty, unknown.import_levy)):
            if coefficient is not None:
                total[:, unknown.good] += s.scaled[:, j, None, None] * coefficient
    for g in range(len(market.goods)):
        duty[:, g] += s.landed[g].levied + s.landed[g].kept * (1 + terms.import_rate[:, g])
        for content, paid in zip(terms.contents, s.content[g]):
            duty[:, g] += paid if content.good == g else 0.0
    flow, landed = np.stack(s.flow, axis=1), np.stack([at.landed for at in s.landed], axis=1)
    buyer = np.divide((flow * landed).sum(-2), s.use, out=np.array(b.buyer_price0), where=s.use > 0)
    margin = s.margin + b.recipe @ (s.buyer_price - buyer)
    shift = np.divide(buyer, b.buyer_price0, out=np.ones_like(buyer), where=b.buyer_price0 > 0)
    used, made = s.final_demand > 0, s.output > 0
    per_price = b.final_demand0 * b.demand_shift * b.demand_elasticity / np.where(used, b.buyer_price0 * s.final_demand, np.inf)
    per_margin = b.output0 * b.supply_shift * b.supply_elasticity / np.where(made, b.margin0 * s.output, np.inf)
    figures = {
        "price0": s.price, "output0": s.output, "flow0": flow, "final_demand0": s.final_demand, "secondary0": s.secondary,
        "stock_change0": s.stock_change, "export_levy0": terms.export_levy + rent, "export_rate0": terms.export_rate,
        "import_levy0": terms.import_levy + duty, "import_rate0": terms.import_rate, "subsidy0": b.subsidy0 + b.kept * s.guarantee,
        "demand_elasticity": per_price * buyer, "supply_elasticity": per_margin * margin,
        "sourcing_elasticity": b.sourcing_elasticity * shift}
    plain = {"supply_shift": 1.0, "demand_shift": 1.0}
    arrays = {name: market.dataset[name].values for name in market.dataset.data_vars} | {k: v[0] for k, v in figures.items()} | plain
    return fm.market_from_arrays("rebased", market.goods, market.regions, arrays, supply_curve="linear", demand_curve="linear")
