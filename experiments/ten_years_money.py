"""Money along a path: who pays for support, and what a plant earns at the prices that the path then has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import floormodel as fm
from experiments.ten_years_results import NONE, YEARS, TenYears
from experiments.ten_years_variants import LAST, bloc_plans
from floormodel.dynamics.adjustment import by_draw
from floormodel.dynamics.entry import own_mine, profitability

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Bill:
    """Against no policy (draws, years), USD/yr: what the bloc's `treasury` gains, what its final `buyers` of all goods pay more for what
    they still buy, and what value added its `makers` of stages after the supported one lose; `tonnes` (draws,) t/yr of new capacity in
    the last year beyond that without policy. The three payers do not overlap: what makers pass on is in their receipts."""

    treasury: Array
    buyers: Array
    makers: Array
    tonnes: Array

    @property
    def net(self) -> Array:
        """What all three pay together (draws, years)."""
        return self.buyers + self.makers - self.treasury

    def per_tonne(self, paid: Array) -> float:
        """Mean of what is paid over all years, not discounted, over the mean of new capacity, USD per t/yr; NaN where none is added."""
        more = float(np.nanmean(self.tonnes))
        return float(np.nanmean(paid.sum(1))) / more if more > 0 else float("nan")


def bill(r: TenYears, scenario: str) -> Bill:
    """Who in the bloc pays in a scenario."""
    at = [r.market.regions.index(x) for x in r.bloc]
    after = r.market.goods[r.market.goods.index(r.case.good) + 1:]
    (price, base), bought = (r.series("buyer_price", s)[..., at] for s in (scenario, NONE)), r.series("final_demand", scenario)[..., at]
    dearer = np.where(bought > 0, bought * np.nan_to_num(price - base), 0.0).sum((2, 3))
    solved = np.isfinite(bought).all((2, 3))
    gained, lost = r.series("treasury", scenario, regions=r.bloc), r.value_added(NONE, after, r.bloc)
    built = [sum((r.series("running", s, plan=p)[:, LAST] for p in bloc_plans(r)), np.zeros(r.market.draws)) for s in (scenario, NONE)]
    return Bill(gained - r.series("treasury", NONE, regions=r.bloc), np.where(solved, dearer, np.nan),
                lost - r.value_added(scenario, after, r.bloc), built[0] - built[1])


def ex_post(r: TenYears, scenario: str, plan: fm.Plan, end: int | None = None) -> Array:
    """Profitability index (draws,) of a plant decided on in the first year at the prices that the path then has.

    Net price at its node and cost of inputs there, year by year from its opening; after the last year that year's hold, or, from `end`
    on, those of the last year without policy. A year in which nothing runs at the node takes the next in which something does: its
    price is that of a first tonne. NaN in draws in which the plan does not run in the last year, or nothing without policy after `end`.
    """
    market, project = r.market, plan.project
    g, region = market.goods.index(plan.good), market.regions.index(plan.region)
    recipe = by_draw(market.dataset["recipe"])[:, g] * (0.0 if own_mine(plan, market) else 1.0)

    name, old = f"{project.name}:{plan.region}", float(market.dataset["output0"].sel(good=plan.good, region=plan.region).max()) > 0

    def met(s: str) -> tuple[Array, Array]:
        paid = r.series("buyer_price", s)[..., region]
        used = np.broadcast_to(recipe[:, None], paid.shape)
        live = old | (r.series("running", s, plan=name) > 0)
        cost = np.where(used > 0, used * paid, 0.0).sum(-1)
        return np.where(live, r.series("net_price", s)[:, :, g, region], np.nan), np.where(live, cost, np.nan)

    years = YEARS[0] + project.build_years + np.arange(project.life)
    at = np.minimum(years - YEARS[0], LAST)
    values = []
    for on, off in zip(met(scenario), met(NONE)):
        for k in range(LAST - 1, -1, -1):
            on[:, k] = np.where(np.isfinite(on[:, k]), on[:, k], on[:, k + 1])
        values.append(np.where(years >= (np.inf if end is None else end), off[:, LAST:], on[:, at]))
    runs = r.series("running", scenario, plan=name)[:, LAST] > 0
    known = runs & np.isfinite(values[0]).all(1) & np.isfinite(values[1]).all(1)
    index = profitability(plan, *(np.where(known[:, None], v, 0.0) for v in values), np.zeros(market.draws))
    return np.where(known, index, np.nan)
