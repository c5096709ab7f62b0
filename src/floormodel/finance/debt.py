"""Debt of a plant: how much its cash flow carries, what lenders' cover ratios are, the floor that keeps a covenant.

Nominal, end of period. Interest during construction is added to the debt; service starts with operation. Sculpted service is a
constant share of the cash flow available for debt service (CFADS): service = CFADS / DSCR, so that debt = PV(CFADS / DSCR) at
the interest rate and the loan-life cover ratio equals the DSCR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floormodel.errors import ConvergenceError, DataError
from floormodel.finance.cashflow import capital_recovery_factor
from floormodel.finance.project import Project
from floormodel.finance.statement import Statement, nominal_statement

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DebtTerms:
    """What lenders offer: nominal yearly `interest_rate`, `tenor` in years of operation, the `dscr` that sizes the debt, the largest
    `gearing` (debt over capex during construction), the `inflation` that all count on, and the share `lenders_price` of the expected
    reference price that lenders count on. Raises DataError for terms that make no sense."""

    interest_rate: float
    tenor: int
    dscr: float
    gearing: float
    inflation: float
    lenders_price: float = 1.0

    def __post_init__(self) -> None:
        if not (self.interest_rate > -1 and self.inflation > -1 and self.tenor >= 1 and self.dscr >= 1 and 0 <= self.gearing <= 1
                and 0 < self.lenders_price <= 1):
            raise DataError(f"debt: found {self}; expected rates above -1, a tenor and dscr of 1 or more, a gearing from 0 to 1 and "
                            "lenders_price above 0 to 1")


class Service(NamedTuple):
    """Debt (...) when operation starts, its service and interest (..., years), the balance (..., years + 1) before each year and after."""

    debt: Array
    service: Array
    interest: Array
    balance: Array


class CovenantFloor(NamedTuple):
    """Least price (...) at which the covenant holds, and whether it exceeds the low price, so that a floor there would bind."""

    price: Array
    binding: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Financed:
    """A plant with debt: its statement in the lenders' case, the debt, the share of capex that is borrowed, what owners pay and get.

    `equity` (..., build_years + life) nominal; `dscr` (..., tenor) and `llcr` (...) in the lenders' case.
    """

    statement: Statement
    debt: Service
    gearing: Array
    dscr: Array
    llcr: Array
    equity: Array


def sculpted(cfads: ArrayLike, dscr: float, interest_rate: float) -> Service:
    """Debt whose service is the share 1 / dscr of `cfads` (..., years), nothing where that is negative."""
    service = np.maximum(np.asarray(cfads, dtype=float), 0.0) / dscr
    return _repaid(np.sum(service * _discount(service, interest_rate), axis=-1), service, interest_rate)


def level(debt: ArrayLike, interest_rate: float, years: int) -> Service:
    """The same payment every year for `years` years."""
    amount = np.asarray(debt, dtype=float)
    service = np.repeat((amount * capital_recovery_factor(interest_rate, years))[..., None], years, axis=-1)
    return _repaid(amount, service, interest_rate)


def cover(cfads: ArrayLike, service: ArrayLike) -> Array:
    """Debt-service cover ratio (..., years): cfads / service, infinite where nothing is due."""
    due = np.asarray(service, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(due > 0, np.asarray(cfads, dtype=float) / due, np.inf)


def loan_life_cover(cfads: ArrayLike, debt: ArrayLike, interest_rate: float) -> Array:
    """Loan-life cover ratio (...): present value of `cfads` (..., years of the loan) at the interest rate over the debt."""
    money, due = np.asarray(cfads, dtype=float), np.asarray(debt, dtype=float)
    return cover(np.sum(money * _discount(money, interest_rate), axis=-1), due)


def covenant_floor(operating_cost: ArrayLike, output: ArrayLike, service: ArrayLike, dscr: ArrayLike, low_price: ArrayLike
                   ) -> CovenantFloor:
    """Price at which a plant covers its debt service `dscr` times before tax: operating_cost + dscr x service / output.

    `operating_cost` and prices in money per tonne, `output` t/yr, `service` money a year; `low_price` the price that is undercut in one
    year of ten, say (the 90 % case of lenders).
    """
    price = np.asarray(operating_cost, dtype=float) + np.asarray(dscr) * np.asarray(service, dtype=float) / np.asarray(output, dtype=float)
    return CovenantFloor(price, np.asarray(low_price, dtype=float) < price)


def finance(project: Project, net_price: ArrayLike, input_cost: ArrayLike, terms: DebtTerms) -> Financed:
    """Size a plant's debt at real prices in the lenders' case and pay it back from operation.

    Prices as in `project_cash_flow`; leading axes of prices, or draws of the plant's costs, pass through. Interest lowers tax, which
    raises the cash flow that the debt is sized on: iterated to a fixed point. Where the largest gearing binds, service is scaled down
    alike in all years and every cover ratio is above `terms.dscr`. Raises ConvergenceError if the debt does not settle.
    """
    years = min(terms.tenor, project.life)
    interest: Array = np.zeros(project.life)
    before: Array = np.full(years, np.inf)
    for _ in range(200):
        statement = nominal_statement(project, net_price, input_cost, terms.inflation, interest)
        compounded = (1 + terms.interest_rate) ** np.arange(project.build_years - 1, -1, -1.0)
        most = terms.gearing * np.sum(statement.capex * compounded, axis=-1)
        full = sculpted(statement.cfads[..., :years], terms.dscr, terms.interest_rate)
        share = np.minimum(1.0, most / np.maximum(full.debt, 1e-300))
        loan = _repaid(full.debt * share, full.service * share[..., None], terms.interest_rate)
        if np.all(np.abs(loan.service - before) <= 1e-11 * np.sum(statement.capex, axis=-1)[..., None]):
            break
        before = loan.service
        interest = np.concatenate([loan.interest, np.zeros((*loan.interest.shape[:-1], project.life - years))], axis=-1)
    else:
        raise ConvergenceError(f"debt of {project.name}: not settled in 200 rounds")
    gearing = loan.debt / np.sum(statement.capex * compounded, axis=-1)
    paid = np.zeros_like(statement.cfads)
    paid[..., :years] = loan.service
    equity = np.concatenate([-(1 - gearing[..., None]) * statement.capex, statement.cfads - paid], axis=-1)
    cfads = statement.cfads[..., :years]
    return Financed(statement, loan, gearing, cover(cfads, loan.service),
                    loan_life_cover(cfads, loan.debt, terms.interest_rate), equity)


def statement_with_debt(project: Project, net_price: ArrayLike, input_cost: ArrayLike, terms: DebtTerms, debt: Service) -> Statement:
    """The statement of a plant whose debt is sized already, at other real prices: on a price path, or under a floor."""
    interest = np.zeros((*debt.interest.shape[:-1], project.life))
    interest[..., :debt.interest.shape[-1]] = debt.interest
    return nominal_statement(project, net_price, input_cost, terms.inflation, interest)


def _discount(flows: Array, rate: float) -> Array:
    return (1 + rate) ** -np.arange(1.0, flows.shape[-1] + 1)


def _repaid(debt: Array, service: Array, rate: float) -> Service:
    balance = [debt]
    for year in range(service.shape[-1]):
        balance.append(balance[-1] * (1 + rate) - service[..., year])
    stacked = np.stack(balance, axis=-1)
    return Service(debt, service, rate * stacked[..., :-1], stacked)
