"""When a plant of a market is built: with support and without, and as investors believe that the support will last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from floormodel.errors import ConvergenceError
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project
from floormodel.finance.project_option import Support, build_rule, needed_price
from floormodel.indicators.plant_prices import Levels, PlantPrices, situation

COLUMNS = ["project", "role", "support", "hazard", "trigger", "break_even", "option", "npv", "needed_price"]


def build_rules(project: Project, prices: PlantPrices, benchmark: PlantPrices, risk: OrnsteinUhlenbeck, *, guaranteed_price: float = 0.0,
                hazards: Sequence[float] = (0.0, 0.05, 0.1, 0.2), needed: bool = True) -> pd.DataFrame:
    """One row without support (hazard NaN) and one per yearly hazard of its repeal, at central costs and median prices over draws.

    Columns: project, role, support ("none" or "policy"), hazard; trigger and break_even, reference prices over their long-run mean
    from which the plant is built and from which its value is positive (infinite: at no price, 0: at any); option and npv at that
    mean, USD per t/yr; needed_price, the long-run net price in USD/t at which it is built when the price stands at its mean, NaN where
    there is none within a factor of ten (as where a guarantee carries the plant at any price) or with `needed` false.
    `guaranteed_price` as in `viability`.
    """
    now, then = (_support(_middle(p), guaranteed) for p, guaranteed in ((prices, guaranteed_price), (benchmark, 0.0)))
    rows = []
    for support, hazard, offered in (("none", np.nan, then), *(("policy", h, now) for h in hazards)):
        chance = 0.0 if support == "none" else hazard
        level = _needed(project, risk, offered, then, chance) if needed else np.nan
        rows.append((project.name, project.role, support, hazard, *build_rule(project, risk, offered, then, chance), level))
    return pd.DataFrame(rows, columns=COLUMNS)


def _needed(project: Project, risk: OrnsteinUhlenbeck, offered: Support, then: Support, hazard: float) -> float:
    try:
        return needed_price(project, risk, offered, then, hazard)
    except ConvergenceError:
        return float("nan")


def _middle(prices: PlantPrices) -> Levels:
    """Medians over draws that have a price."""
    net, cost = (np.ravel(np.asarray(v, dtype=float)) for v in (prices.net_price, prices.input_cost))
    price, paid = (float(np.median(v[np.isfinite(v)])) for v in (net, cost))
    return situation(PlantPrices(price, paid, price_exposure=prices.price_exposure), None, 0.0, 0.0, 0).now


def _support(levels: Levels, guaranteed: float) -> Support:
    return Support(levels.net_price, levels.input_cost, guaranteed, levels.price_exposure)
