"""Does a plant pay? Net present value, rate of return, incentive price and P(NPV > 0) of a representative project.

Prices come in as plain numbers or arrays over draws, from an equilibrium under the policy and from its benchmark. Three
things an equilibrium of one year does not say are put beside it here: the policy may be repealed (`repeal_hazard`), the
price moves (an Ornstein-Uhlenbeck shock to its logarithm), and a public buyer may guarantee a price to this plant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floormodel.errors import ConvergenceError, ScenarioError
from floormodel.finance.cashflow import irr, npv
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, gate_price, incentive_price, project_cash_flow
from floormodel.indicators.plant_prices import PlantPrices, Situation, count_draws, expected_prices, path_prices, situation

Array = NDArray[np.float64]
QUANTILES = (0.05, 0.5, 0.95)
__all__ = ["PlantPrices", "Viability", "viability"]


@dataclass(frozen=True)
class Viability:
    """Results per draw, (n,); NaN with a `reason` where there is no price (`no_price`) or no rate of return (`no_irr`).

    npv, npv_money : USD per t/yr of capacity at the hurdle, at expected prices; inputs at P and at money prices. But for
        tax, which falls on profits and not on losses, the mean over price paths.
    irr, multiple_irr, rates : the root nearest the hurdle, whether there are more, all of them. With several, show all.
    incentive_net_price, incentive_gate_price : level price needed, USD/t, after royalty and at the gate.
    incentive_net_price_money : the same with inputs at money prices.
    probability : share of price paths with npv > 0 (NaN without a price process).
    npv_band : npv at the 5, 50 and 95 % quantiles of the price paths, (n, 3).
    """

    project: str
    hurdle: Array
    npv: Array
    npv_money: Array
    irr: Array
    multiple_irr: NDArray[np.bool_]
    rates: tuple[tuple[float, ...], ...]
    incentive_net_price: Array
    incentive_gate_price: Array
    incentive_net_price_money: Array
    probability: Array
    npv_band: Array
    reason: tuple[str, ...]


def viability(
    project: Project,
    prices: PlantPrices,
    benchmark: PlantPrices | None = None,
    *,
    risk: OrnsteinUhlenbeck | None = None,
    paths: int = 1000,
    seed: int = 0,
    repeal_hazard: float = 0.0,
    guaranteed_price: float = 0.0,
) -> Viability:
    """Viability of `project` at level `prices` under the policy, over draws of prices or of the project's costs.

    After t years the policy still stands with probability (1 - repeal_hazard)^t, t counted from the decision to invest;
    once repealed, `benchmark` prices hold for good. Expected prices are weighted so; each price path draws its own year
    of repeal. `guaranteed_price` (USD/t, a gap payment's strike, not an import price floor) is the least the plant is
    paid while the policy stands; expected prices hold what it is expected to pay (`plant_prices.expected_prices`), also
    where it lies below the mean. `risk` is the process of the log of the reference price, started at its mean: prices
    are multiplied by exp(e x - e^2 var x / 2), x the deviation and e the exposures, so that risk leaves expected prices
    as they are. The plant sells its output whatever the price. Raises ScenarioError for a hazard outside 0..1 or
    without benchmark prices, for a guarantee without `risk`, and for arrays of different lengths.
    """
    if guaranteed_price > 0 and risk is None:
        raise ScenarioError(f"viability: found guaranteed_price = {guaranteed_price:g} without risk; expected the price process that its "
                            "worth hangs on, or OrnsteinUhlenbeck(kappa=1, sigma=0) where prices are sure")
    one = []
    for k in range(count_draws(project, [prices, benchmark or prices])):
        at = situation(prices, benchmark, repeal_hazard, guaranteed_price, k)
        one.append(_one_draw(project.at(k), at, risk, paths, [seed, k]))
    columns: dict[str, Any] = {}
    for name in one[0]:
        values = [result[name] for result in one]
        columns[name] = tuple(values) if name in ("rates", "reason") else np.array(values)
    return Viability(project.name, **columns)


def _one_draw(project: Project, at: Situation, risk: OrnsteinUhlenbeck | None, paths: int, seed: list[int]) -> dict[str, Any]:
    """All results of one draw."""
    net, cost, money = expected_prices(project, at, risk)
    flows = project_cash_flow(project, net, cost)
    priced = bool(np.all(np.isfinite(flows)))
    rates, rate, reason = _rates(flows, float(project.hurdle)) if priced else ((), np.nan, "no_price")
    needed, needed_money = (incentive_price(project, c) if np.all(np.isfinite(c)) else np.nan for c in (cost, money))
    values = None
    if priced and risk is not None:
        values = npv(project.hurdle, project_cash_flow(project, *path_prices(project, at, risk, paths, seed)))
    return {
        "hurdle": project.hurdle, "npv": npv(project.hurdle, flows),
        "npv_money": npv(project.hurdle, project_cash_flow(project, net, money)),
        "irr": rate, "multiple_irr": len(rates) > 1, "rates": rates, "reason": reason,
        "incentive_net_price": needed, "incentive_gate_price": gate_price(project, needed),
        "incentive_net_price_money": needed_money,
        "probability": np.nan if values is None else np.mean(values > 0),
        "npv_band": np.full(len(QUANTILES), np.nan) if values is None else np.quantile(values, QUANTILES),
    }


def _rates(flows: Array, hurdle: float) -> tuple[tuple[float, ...], float, str]:
    try:
        found = irr(flows, hurdle)
    except ConvergenceError:
        return (), np.nan, "no_irr"
    return found.rates, found.rate, ""
