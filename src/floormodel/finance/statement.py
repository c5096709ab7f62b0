"""A plant's yearly statement in nominal money: what real prices and costs become under inflation, taxes and debt.

Real flows are money of the year of decision and are discounted at a real rate (`project.project_cash_flow`); a statement is in
money of each year and goes with nominal rates. Without taxes and working capital the two have the same value if the rates are
tied by Fisher's relation. With them inflation costs something: depreciation and losses are allowed at their historic value, and
stocks and receivables have to be refilled at rising prices. Lenders live here: interest and debt service are nominal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floormodel.errors import DataError
from floormodel.finance.project import Project, column, output_profile

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Statement:
    """Nominal money per t/yr of capacity, (..., life) by year of operation unless said otherwise.

    gross_revenue is at the gate, by-products included, royalty taken off it; costs are inputs, operating costs and sustaining
    capex; working_capital what is added to it; cfads the cash flow available for debt service: revenue less royalty, costs, tax
    and what is added to working capital. `capex` (..., build_years) is spent before. `index` (build_years + life) is the price level.
    """

    gross_revenue: Array
    royalty: Array
    costs: Array
    depreciation: Array
    interest: Array
    tax: Array
    working_capital: Array
    cfads: Array
    capex: Array
    index: Array

    @property
    def flows(self) -> Array:
        """Cash flow before debt, (..., build_years + life)."""
        return np.concatenate([-self.capex, self.cfads], axis=-1)


def nominal(flows: ArrayLike, inflation: float) -> Array:
    """Nominal flows (..., years) from flows in money of time 0."""
    real = np.asarray(flows, dtype=float)
    return real * (1 + inflation) ** np.arange(real.shape[-1])


def real(flows: ArrayLike, inflation: float) -> Array:
    """Flows (..., years) in money of time 0 from nominal ones."""
    money = np.asarray(flows, dtype=float)
    return money / (1 + inflation) ** np.arange(money.shape[-1])


def nominal_rate(real_rate: ArrayLike, inflation: ArrayLike) -> Array:
    """Nominal rate that leaves `real_rate` after inflation: (1 + real) (1 + inflation) - 1 (Fisher)."""
    return (1 + np.asarray(real_rate, dtype=float)) * (1 + np.asarray(inflation, dtype=float)) - 1


def nominal_statement(project: Project, net_price: ArrayLike, input_cost: ArrayLike = 0.0, inflation: float = 0.0,
                      interest: ArrayLike = 0.0) -> Statement:
    """The statement of a plant at real prices, USD of the year of decision per tonne of product.

    `net_price` and `input_cost` as in `project_cash_flow`: last axis the year of operation, or 1; all prices and costs rise with
    `inflation` a year. `interest` (..., life) nominal, is taken off profit before tax; losses are carried forward. Without
    inflation and interest the flows are those of `project_cash_flow`. Raises DataError for inflation of -1 or less.
    """
    if not inflation > -1:
        raise DataError(f"statement: found inflation = {inflation}; expected more than -1")
    index = np.asarray((1 + inflation) ** np.arange(project.build_years + project.life), dtype=float)
    level = index[project.build_years:]
    tonnes = output_profile(project)
    revenue = level * tonnes * (np.atleast_1d(np.asarray(net_price, dtype=float)) + column(project.byproduct_credit))
    inputs = tonnes * (np.atleast_1d(np.asarray(input_cost, dtype=float)) + column(project.opex))
    costs = level * (inputs + column(project.sustaining) * column(project.capex))
    spent = index[:project.build_years] * column(project.capex) / project.build_years
    written_off = np.arange(project.life) < project.depreciation_years
    depreciation = written_off * spent.sum(-1, keepdims=True) / min(project.depreciation_years, project.life)
    charged = np.asarray(interest, dtype=float)
    taxable = revenue - costs - depreciation - charged
    profit = np.maximum.accumulate(np.maximum(np.cumsum(taxable, axis=-1), 0.0), axis=-1)
    tax = column(project.tax) * np.diff(profit, axis=-1, prepend=0.0)
    tied = column(project.working_capital) * revenue
    tied[..., -1] = 0.0
    added = np.diff(tied, axis=-1, prepend=0.0)
    sales = level * tonnes * np.atleast_1d(np.asarray(net_price, dtype=float))
    share = column(project.royalty)
    royalty = sales * share / (1 - share)
    shape = np.broadcast_shapes(revenue.shape, costs.shape, tax.shape)
    lines = {"gross_revenue": revenue + royalty, "royalty": royalty, "costs": costs, "depreciation": depreciation, "interest": charged,
             "tax": tax, "working_capital": added, "cfads": revenue - costs - tax - added}
    wide = {name: np.broadcast_to(line, shape) for name, line in lines.items()}
    return Statement(**wide, capex=np.broadcast_to(spent, (*shape[:-1], project.build_years)), index=index)
