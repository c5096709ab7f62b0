"""Can a plant be financed? Debt, cover ratios, covenants, the worth of its guarantee, the price it needs once prices move.

Beside `viability`, which values the plant as a whole in real terms: here lenders size a debt in nominal money on their case, and
price paths say how often the cover ratio falls below the covenant. The same for mines, refineries and plants downstream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from floormodel.errors import ConvergenceError, ScenarioError
from floormodel.finance.cashflow import irr, npv
from floormodel.finance.debt import DebtTerms, Financed, covenant_floor, cover, finance, loan_life_cover, statement_with_debt
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, output_profile, project_cash_flow
from floormodel.finance.statement import nominal_rate
from floormodel.indicators.plant_prices import (
    Levels,
    PlantPrices,
    Situation,
    count_draws,
    expected_prices,
    low_price,
    path_prices,
    situation,
    top_up,
)

Array = NDArray[np.float64]
COVENANT, LOW_YEAR = 1.2, 0.1  # the cover ratio that lenders enforce, and the chance of the low price that it is tested at


@dataclass(frozen=True)
class ProjectFinance:
    """Results per draw, (n,); NaN where there is no price, for cover ratios and covenants where lenders give no debt, and for the rate
    of return where there is none.

    debt, gearing : nominal USD per t/yr of capacity when operation starts; its share of capex with interest during construction.
    dscr, llcr : lowest yearly cover ratio and loan-life cover ratio at expected prices.
    equity_irr, equity_npv : nominal rate of return of the owners, nearest their hurdle, and value at the plant's hurdle made nominal.
    breach : share of price paths on which the cover ratio falls below the covenant in some year of the loan.
    breach_years : mean share of the loan's years in which it does.
    covenant_price : least net price, USD/t of the year of decision, at which the covenant holds before tax in every year of the loan.
    covenant_binds : it exceeds the low price (undercut in one year of ten, guarantee and repeal counted) in some year, so that a
        guarantee of it would pay out.
    guarantee : expected value, before tax and at the hurdle, of what the guarantee pays, USD per t/yr of capacity.
    """

    project: str
    role: str
    debt: Array
    gearing: Array
    dscr: Array
    llcr: Array
    equity_irr: Array
    equity_npv: Array
    breach: Array
    breach_years: Array
    covenant_price: Array
    covenant_binds: NDArray[np.bool_]
    guarantee: Array


def project_finance(project: Project, prices: PlantPrices, terms: DebtTerms, risk: OrnsteinUhlenbeck,
                    benchmark: PlantPrices | None = None, *, paths: int = 400, seed: int = 0, repeal_hazard: float = 0.0,
                    guaranteed_price: float = 0.0, covenant: float = COVENANT) -> ProjectFinance:
    """Debt of `project` and what price risk does to it, over draws; `prices`, `benchmark`, `risk`, hazard and guarantee as in `viability`.

    Lenders size the debt on one case: the reference price at `terms.lenders_price` of its mean, as if that were sure, or as much above
    it in years in which dear inputs leave the plant less. The guarantee counts for them where it exceeds the plant's price in that
    case; that prices may also be higher does not, since lenders gain nothing from it. Under a hazard of repeal they count on the
    better of policy and repeal only in years in which it holds with a chance of 1 - LOW_YEAR at least (`_lenders_case`). Owners,
    `dscr` and `llcr` see expected prices, with what the guarantee is expected to pay. Raises ScenarioError as `viability` does.
    """
    columns: dict[str, list[Any]] = {}
    for k in range(count_draws(project, [prices, benchmark or prices])):
        at = situation(prices, benchmark, repeal_hazard, guaranteed_price, k)
        for name, value in _one_draw(project.at(k), at, terms, risk, paths, [seed, k], covenant).items():
            columns.setdefault(name, []).append(value)
    return ProjectFinance(project.name, project.role, **{name: np.array(values) for name, values in columns.items()})


def price_for_chance(project: Project, prices: PlantPrices, risk: OrnsteinUhlenbeck, chance: float, *, paths: int = 1000, seed: int = 0,
                     guaranteed_price: float = 0.0) -> Array:
    """Mean net price, USD/t (n,), at which the plant pays on a share `chance` of price paths; input costs as in `prices`.

    Raises ScenarioError for a chance outside 0..1, ConvergenceError where no price up to a hundred times that of `prices` will do.
    """
    if not 0 < chance < 1:
        raise ScenarioError(f"price for a chance: found {chance}; expected a share between 0 and 1")

    def needed(one: Project, draw: int) -> float:
        at = situation(prices, None, 0.0, guaranteed_price, draw)
        if not np.isfinite([at.now.net_price, at.now.input_cost]).all():
            return np.nan

        def short(log_scale: float) -> float:
            now = at.now._replace(net_price=at.now.net_price * float(np.exp(log_scale)))
            net, cost = path_prices(one, at._replace(now=now, then=now), risk, paths, [seed, draw])
            return float(np.quantile(npv(one.hurdle, project_cash_flow(one, net, cost)), 1 - chance))

        if not short(np.log(100.0)) > 0:
            raise ConvergenceError(f"price for a chance: {one.name} pays at no price up to 100 times {at.now.net_price:g}")
        if short(np.log(1e-3)) >= 0:  # the guarantee does it alone
            return 0.0
        return at.now.net_price * float(np.exp(brentq(short, np.log(1e-3), np.log(100.0), xtol=1e-6)))

    return np.array([needed(project.at(k), k) for k in range(count_draws(project, [prices]))])


def _one_draw(project: Project, at: Situation, terms: DebtTerms, risk: OrnsteinUhlenbeck, paths: int, seed: list[int], covenant: float
              ) -> dict[str, Any]:
    net, cost, _ = expected_prices(project, at, risk)
    if not np.all(np.isfinite(net) & np.isfinite(cost)):
        names = ("debt", "gearing", "dscr", "llcr", "equity_irr", "equity_npv", "breach", "breach_years", "covenant_price", "guarantee")
        return dict.fromkeys(names, np.nan) | {"covenant_binds": False}
    loan = finance(project, *_lenders_case(project, at, terms.lenders_price), terms)
    due, years = loan.debt, loan.debt.service.shape[-1]
    expected = statement_with_debt(project, net, cost, terms, due)
    met = cover(expected.cfads[:years], due.service)
    seen = statement_with_debt(project, *path_prices(project, at, risk, paths, seed), terms, due).cfads[:, :years]
    missed = cover(seen, due.service) < covenant
    floor, binds = _covenant(project, at, loan, cost, risk, covenant)
    owners = np.concatenate([loan.equity[:project.build_years], expected.cfads])
    owners[project.build_years:project.build_years + years] -= due.service
    hurdle = float(nominal_rate(project.hurdle, terms.inflation))
    life_cover = loan_life_cover(expected.cfads[:years], due.debt, terms.interest_rate)
    lent = {"dscr": met.min(), "llcr": life_cover, "breach": missed.any(-1).mean(), "breach_years": missed.mean(), "covenant_price": floor}
    if not due.debt > 0:
        lent, binds = dict.fromkeys(lent, np.nan), False
    return lent | {"covenant_binds": binds, "debt": due.debt, "gearing": loan.gearing, "equity_irr": _rate(owners, hurdle),
                   "equity_npv": npv(hurdle, owners), "guarantee": _guarantee(project, at, risk)}


def _lenders_case(project: Project, at: Situation, share: float) -> tuple[Array, Array]:
    """Prices and costs with the reference price at `share` of its mean, or at 1 / share in years in which that leaves the plant less (where
    its price is held and its inputs are not), as if that were sure: (life,) each.

    Under a hazard of repeal lenders count on what leaves the plant more, the policy or its repeal, only in years in which that is
    the case with a chance of at least 1 - LOW_YEAR, the chance of the low price of the covenant. So their case is one that may come:
    the policy stands to some year and is gone after it, never a mean of the two.
    """
    def case(levels: Levels, guaranteed: float) -> tuple[float, float]:
        found = []
        for by in (share, 1 / share):
            net = levels.net_price * by ** (project.output_exposure * levels.price_exposure)
            found.append((max(net, guaranteed), levels.input_cost * by**project.input_exposure))
        return min(found, key=lambda x: x[0] - x[1])

    held, free = case(at.now, at.guaranteed), case(at.then, 0.0)
    chance = (1 - at.hazard) ** (project.build_years + np.arange(project.life))  # that the policy stands
    needed = 1 - LOW_YEAR if held[0] - held[1] >= free[0] - free[1] else LOW_YEAR
    net, cost = (np.where(chance >= needed, before, after) for before, after in zip(held, free))
    return net, cost


def _covenant(project: Project, at: Situation, loan: Financed, cost: Array, risk: OrnsteinUhlenbeck, covenant: float
              ) -> tuple[float, bool]:
    """Highest over the loan's years of the price that covers its service, in money of the decision, and whether it binds."""
    years = loan.debt.service.shape[-1]
    tonnes = np.broadcast_to(output_profile(project), project.life)[:years]
    service = loan.debt.service / loan.statement.index[project.build_years:project.build_years + years]
    running = cost[:years] + project.opex - project.byproduct_credit + project.sustaining * project.capex / tonnes
    found = covenant_floor(running, tonnes, service, covenant, low_price(project, at, risk, LOW_YEAR)[:years])
    return float(found.price.max()), bool(found.binding.any())


def _guarantee(project: Project, at: Situation, risk: OrnsteinUhlenbeck) -> float:
    """Strip of puts at the guaranteed price while the policy stands, at the hurdle, started at the long-run mean."""
    years = project.build_years + np.arange(project.life)
    weights = output_profile(project) * ((1 - at.hazard) / (1 + project.hurdle)) ** years
    return float(np.sum(weights * top_up(project, at, risk)))


def _rate(flows: Array, hurdle: float) -> float:
    try:
        return irr(flows, hurdle).rate
    except ConvergenceError:
        return float("nan")
