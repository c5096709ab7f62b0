"""The incentive-cost curve: tonnes of new capacity in order of the price they need, and how many a floor calls forth.

The price is the gate price at which a plan's plant just earns its hurdle, with the inputs it buys at the prices of a solved market.
A curve of what may be built, not of what will: the price each plant gets there stands beside the price it needs, because a floor
on imports holds the price of buyers, not that of every producer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from floormodel.dynamics.entry import Plan
from floormodel.equilibrium.solve import Solved
from floormodel.errors import ScenarioError
from floormodel.finance.project import gate_price, incentive_price
from floormodel.indicators.plant_prices import read_prices

COLUMNS = ["plan", "good", "region", "role", "capacity", "begin", "end", "unit", "q05", "q50", "q95", "gets"]


def incentive_curve(plans: Sequence[Plan], solved: Solved, good: str, draws: int = 200, seed: int = 0) -> pd.DataFrame:
    """One row per plan for `good`, cheapest first.

    Columns: plan, good, region, role; capacity t/yr that is delivered of its total; begin and end of its stretch of the curve, t/yr;
    quantiles over draws of costs (and of the market, if it has draws: then `draws` is theirs) of the gate price it needs, USD/t; `gets`
    the median gate price it is paid in `solved`, NaN where nothing is made yet. Raises ScenarioError where no plan makes the good.
    """
    chosen = [plan for plan in plans if plan.good == good]
    if not chosen:
        raise ScenarioError(f"incentive curve: found no plan for {good!r}; expected one, of {sorted({p.good for p in plans})}")
    market = solved.market
    number = market.draws if market.draws > 1 else draws
    rows = []
    for plan in chosen:
        own_mine = plan.project.role == "upstream" and good != market.goods[0]
        prices = read_prices(solved, good, plan.region, own_mine)
        project = plan.project.drawn(number, seed)
        needed = gate_price(project, np.broadcast_to(incentive_price(project, np.reshape(prices.input_cost, (-1, 1))), number))
        paid = np.ravel(gate_price(plan.project, prices.net_price))
        gets = float(np.median(paid[np.isfinite(paid)])) if np.isfinite(paid).any() else np.nan
        rows.append((plan.project.name, good, plan.region, plan.project.role, plan.total * (1 - plan.non_delivery), "USD/t",
                     *np.quantile(needed, (0.05, 0.5, 0.95)), gets))
    table = pd.DataFrame(rows, columns=[c for c in COLUMNS if c not in ("begin", "end")])
    table = table.sort_values("q50", kind="stable", ignore_index=True)
    return table.assign(end=table["capacity"].cumsum(), begin=lambda t: t["end"] - t["capacity"])[COLUMNS]


def called_forth(curve: pd.DataFrame, price: float) -> pd.Series:
    """Tonnes a year whose needed price is at or below `price`, USD/t: at the plants' low, median and high needed prices (q95, q50, q05)."""
    tonnes = {f"q{100 - int(q[1:]):02d}": float(curve["capacity"][curve[q] <= price].sum()) for q in ("q95", "q50", "q05")}
    return pd.Series(tonnes, name="t/yr")
