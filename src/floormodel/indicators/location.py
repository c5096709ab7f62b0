"""Where does a downstream plant go? The same plant valued in a bloc and outside it, at the prices of solved scenarios.

A measure that makes an input dear in the bloc alone sends its users to where the input is cheap, unless what they make is covered
too. The plant's product is sold at the net price of each place and its inputs are bought there; other costs are the same, unless
another `Project` is given for the place outside. What the two places differ in without policy (the first scenario) is shown as well:
`advantage_change` leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from floormodel.equilibrium.solve import Solved
from floormodel.errors import ScenarioError
from floormodel.finance.cashflow import npv
from floormodel.finance.project import Project, project_cash_flow
from floormodel.indicators.plant_prices import count_draws, read_prices

Array = NDArray[np.float64]
UNITS = {"net_price": "USD/t", "input_cost": "USD/t", "margin": "USD/t", "npv": "USD per t/yr"}


@dataclass(frozen=True, eq=False)
class LocationChoice:
    """Per scenario, arrays over draws (n,): `home` and `away` hold net_price, input_cost, margin (net price less inputs and operating
    cost) in USD/t and npv at the hurdle in USD per t/yr. NaN where a scenario or draw has no price."""

    project: str
    places: tuple[str, str]
    home: Mapping[str, Mapping[str, Array]]
    away: Mapping[str, Mapping[str, Array]]

    def advantage(self, scenario: str) -> Array:
        """Net present value at home less that away, USD per t/yr of capacity, (n,)."""
        return self.home[scenario]["npv"] - self.away[scenario]["npv"]

    @property
    def frame(self) -> pd.DataFrame:
        """Long: scenario, place, measure, unit, q05, q50, q95; place is a region, or "difference".

        Shares of draws stand as q50 with their 90 % sampling interval (Wilson) as q05 and q95: `home_better`, home has the higher
        value; `home_holds`, its advantage is no smaller than in the first scenario; `moves_away`, it is better there and not here.
        """
        rows, first = [], next(iter(self.home))
        start = self.advantage(first)
        for name in self.home:
            for place, values in zip(self.places, (self.home[name], self.away[name])):
                rows += [(name, place, measure, UNITS[measure], *_quantiles(values[measure])) for measure in UNITS]
            gain = self.advantage(name)
            known = np.isfinite(gain) & np.isfinite(start)
            rows.append((name, "difference", "advantage", UNITS["npv"], *_quantiles(gain)))
            rows.append((name, "difference", "advantage_change", UNITS["npv"], *_quantiles(gain - start)))
            rows.append((name, "difference", "home_better", "share", *_share(gain[np.isfinite(gain)] > 0)))
            rows.append((name, "difference", "home_holds", "share", *_share(gain[known] >= start[known])))
            rows.append((name, "difference", "moves_away", "share", *_share((start[known] > 0) & (gain[known] <= 0))))
        return pd.DataFrame(rows, columns=["scenario", "place", "measure", "unit", "q05", "q50", "q95"])


def location_choice(scenarios: Mapping[str, Solved], project: Project, home: str, away: str, *, away_project: Project | None = None,
                    whole_chain: bool = False, repeal_hazard: float = 0.0) -> LocationChoice:
    """Value one representative plant in two regions under each scenario, over draws of the market and of the plant's costs.

    Parameters
    ----------
    scenarios : solved markets by name; the first is the one that policies are compared with and fall back to on repeal
    project : the plant; its own `region` does not count
    home, away : a region of the bloc and one outside
    away_project : the plant at the costs of the place outside; None: the same costs
    whole_chain : the plant mines its own ore and buys no modelled input
    repeal_hazard : yearly chance that the policy ends for good and the prices of the first scenario hold

    Raises
    ------
    ScenarioError
        For no scenario, one place twice, a hazard outside 0..1, draws that differ in number, a place without an output of the good.
    """
    if not scenarios or home == away or not 0 <= repeal_hazard < 1:
        raise ScenarioError(f"location choice: found {len(scenarios)} scenarios, {home} and {away}, repeal_hazard = {repeal_hazard}; "
                            "expected one or more, two places, and a share below 1")
    first = next(iter(scenarios.values()))
    values = {}
    for place, plant in ((home, project), (away, away_project or project)):
        values[place] = {name: _valued(solved, first, plant, place, whole_chain, repeal_hazard) for name, solved in scenarios.items()}
    return LocationChoice(project.name, (home, away), values[home], values[away])


def _valued(solved: Solved, first: Solved, project: Project, region: str, whole_chain: bool, hazard: float) -> dict[str, Array]:
    now, then = (read_prices(s, project.good, region, whole_chain) for s in (solved, first))
    draws = count_draws(project, [now, then])
    if not np.any(np.isfinite(now.net_price)):
        raise ScenarioError(f"location choice: nothing makes {project.good} in {region}; expected output in the benchmark or an opened "
                            "latent project there")
    stands = (1 - hazard) ** (project.build_years + np.arange(project.life))

    def expected(before: object, after: object) -> Array:
        a, b = (np.broadcast_to(np.asarray(x, dtype=float), draws)[:, None] for x in (before, after))
        return stands * a + (1 - stands) * b

    net, cost = expected(now.net_price, then.net_price), expected(now.input_cost, then.input_cost)
    price, paid = (np.broadcast_to(np.asarray(x, dtype=float), draws) for x in (now.net_price, now.input_cost))
    margin = price - paid - np.asarray(project.opex, dtype=float) + np.asarray(project.byproduct_credit, dtype=float)
    return {"net_price": price, "input_cost": paid, "margin": margin,
            "npv": npv(np.asarray(project.hurdle, dtype=float), project_cash_flow(project, net, cost))}


def _quantiles(values: Array) -> tuple[float, float, float]:
    known = values[np.isfinite(values)]
    low, middle, high = np.quantile(known, (0.05, 0.5, 0.95)) if known.size else (np.nan,) * 3
    return float(low), float(middle), float(high)


def _share(hits: NDArray[np.bool_]) -> tuple[float, float, float]:
    if hits.size == 0:
        return np.nan, np.nan, np.nan
    low, high = proportion_confint(int(hits.sum()), hits.size, alpha=0.1, method="wilson")
    return float(low), float(hits.mean()), float(high)
