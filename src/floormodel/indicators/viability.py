"""Does a plant pay? Net present value, rate of return, incentive price and P(NPV > 0) of a representative project.

Prices come in as plain numbers or arrays over draws, from an equilibrium under the policy and from its benchmark. Three
things an equilibrium of one year does not say are put beside it here: the policy may be repealed (`repeal_hazard`), the
price moves (an Ornstein-Uhlenbeck shock to its logarithm), and a public buyer may guarantee a price to this plant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floormodel.errors import ConvergenceError, ScenarioError
from floormodel.finance.cashflow import irr, npv
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, gate_price, incentive_price, project_cash_flow

Array = NDArray[np.float64]
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class PlantPrices:
    """What a plant faces per tonne of product, USD/t: numbers or arrays over draws (n,).

    `net_price` is kept after royalty, with subsidies and guarantee payments; `input_cost` is sum_h A[h] P[h] at the
    buyers' price index, `input_cost_money` the same at the money prices paid (default: as `input_cost`).
    `price_exposure` is how much of a shock to the reference price reaches the plant under these prices: below 1 where a
    floor holds the price.
    """

    net_price: ArrayLike
    input_cost: ArrayLike = 0.0
    input_cost_money: ArrayLike | None = None
    price_exposure: float = 1.0


@dataclass(frozen=True)
class Viability:
    """Results per draw, (n,); NaN with a `reason` where there is no price (`no_price`) or no rate of return (`no_irr`).

    npv, npv_money : USD per t/yr of capacity at the hurdle, at expected prices; inputs at P and at money prices.
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
    paid while the policy stands. `risk` is the process of the log of the reference price, started at its mean: prices
    are multiplied by exp(e x - e^2 var x / 2), x the deviation and e the exposures, so that risk leaves expected prices
    as they are. The plant sells its output whatever the price. Raises ScenarioError for a hazard outside 0..1 or
    without benchmark prices, and for arrays of different lengths.
    """
    if not 0 <= repeal_hazard < 1 or (repeal_hazard > 0 and benchmark is None):
        given = "given" if benchmark else "missing"
        raise ScenarioError(f"viability: found repeal_hazard = {repeal_hazard}, benchmark prices {given}; "
                            "expected a share below 1, and benchmark prices with it")
    after = benchmark or prices
    one = []
    for k in range(_draws(project, [prices, after])):
        situation = _Situation(_levels(prices, k), _levels(after, k), repeal_hazard, guaranteed_price)
        one.append(_one_draw(project.at(k), situation, risk, paths, [seed, k]))
    columns: dict[str, Any] = {}
    for name in one[0]:
        values = [result[name] for result in one]
        columns[name] = tuple(values) if name in ("rates", "reason") else np.array(values)
    return Viability(project.name, **columns)


class _Levels(NamedTuple):
    """One draw of PlantPrices."""

    net_price: float
    input_cost: float
    input_cost_money: float
    price_exposure: float


class _Situation(NamedTuple):
    """Prices while the policy stands and after, the yearly hazard of repeal, the guaranteed price."""

    now: _Levels
    then: _Levels
    hazard: float
    guaranteed: float


def _one_draw(
    project: Project, situation: _Situation, risk: OrnsteinUhlenbeck | None, paths: int, seed: list[int]
) -> dict[str, Any]:
    """All results of one draw."""
    now, then = situation.now, situation.then
    stands = (1 - situation.hazard) ** (project.build_years + np.arange(project.life))

    def expected(before: float, after: float) -> Array:
        return stands * before + (1 - stands) * after

    net = expected(max(now.net_price, situation.guaranteed), then.net_price)
    cost = expected(now.input_cost, then.input_cost)
    money = expected(now.input_cost_money, then.input_cost_money)
    flows = project_cash_flow(project, net, cost)
    priced = bool(np.all(np.isfinite(flows)))
    rates, rate, reason = _rates(flows, float(project.hurdle)) if priced else ((), np.nan, "no_price")
    needed, needed_money = (incentive_price(project, c) if np.all(np.isfinite(c)) else np.nan for c in (cost, money))
    values = _path_values(project, situation, risk, paths, seed) if priced and risk is not None else None
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


def _path_values(
    project: Project, situation: _Situation, risk: OrnsteinUhlenbeck, paths: int, seed: list[int]
) -> Array:
    """Net present values over price paths, (paths,)."""
    now, then = situation.now, situation.then
    year = project.build_years + np.arange(project.life)
    x = risk.simulate(risk.mean_log, int(year[-1]), paths, np.random.default_rng([*seed, 0]))[:, year] - risk.mean_log
    variance = risk.variance(year)

    def factor(exposure: float) -> Array:
        return np.exp(exposure * x - exposure**2 * variance / 2)

    stands = np.full((paths, 1), True)
    if situation.hazard > 0:
        stands = year < np.random.default_rng([*seed, 1]).geometric(situation.hazard, paths)[:, None]
    before = np.maximum(now.net_price * factor(project.output_exposure * now.price_exposure), situation.guaranteed)
    after = then.net_price * factor(project.output_exposure * then.price_exposure)
    cost = np.where(stands, now.input_cost, then.input_cost) * factor(project.input_exposure)
    return npv(project.hurdle, project_cash_flow(project, np.where(stands, before, after), cost))


def _draws(project: Project, given: list[PlantPrices]) -> int:
    sizes = {np.size(v) for p in given for v in (p.net_price, p.input_cost, p.input_cost_money) if v is not None}
    sizes |= {value.size for value in vars(project).values() if isinstance(value, np.ndarray)}
    if len(sizes - {1}) > 1:
        raise ScenarioError(f"viability: found prices and costs of different numbers of draws {sorted(sizes)}")
    return max(sizes)


def _levels(prices: PlantPrices, draw: int) -> _Levels:
    money = prices.input_cost if prices.input_cost_money is None else prices.input_cost_money
    flat = [np.ravel(np.asarray(v, dtype=float)) for v in (prices.net_price, prices.input_cost, money)]
    net, cost, paid = (float(v[draw if v.size > 1 else 0]) for v in flat)
    return _Levels(net, cost, paid, prices.price_exposure)
