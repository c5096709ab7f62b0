"""Statements in nominal money, debt and its cover ratios: by hand, Fisher's relation, covenants."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from floormodel.errors import DataError
from floormodel.finance.cashflow import npv
from floormodel.finance.debt import DebtTerms, covenant_floor, cover, finance, level, loan_life_cover, sculpted, statement_with_debt
from floormodel.finance.project import Project, project_cash_flow
from floormodel.finance.statement import nominal, nominal_rate, nominal_statement, real

CASES = tomllib.loads((Path(__file__).parent / "cases" / "finance.toml").read_text())


def plant(**changes) -> Project:
    costs = dict(capex=100.0, opex=20.0, life=12, build_years=2, hurdle=0.08, tax=0.25, royalty=0.1, ramp_years=2,
                 depreciation_years=5, working_capital=0.1, sustaining=0.02, byproduct_credit=3.0, utilisation=0.9)
    return Project("plant", "refined", "USA", "refining", **(costs | changes))


def test_without_inflation_a_statement_is_the_cash_flow():
    prices = np.array([[40.0], [60.0], [90.0]])
    found = nominal_statement(plant(), prices, 5.0)
    assert found.flows == pytest.approx(project_cash_flow(plant(), prices, 5.0))
    assert found.cfads == pytest.approx(found.gross_revenue - found.royalty - found.costs - found.tax - found.working_capital)
    assert found.royalty[1, 4] == pytest.approx(0.9 * 60.0 / 0.9 * 0.1)  # a tenth of the gate price on 0.9 t


def test_a_statement_by_hand():
    """Capex 100 at once, one tonne in two years at 80 in money of year 0, 10 % inflation, written off in two years, tax 25 %."""
    project = plant(capex=100.0, opex=20.0, life=2, build_years=1, ramp_years=1, depreciation_years=2, working_capital=0.1,
                    sustaining=0.0, byproduct_credit=0.0, utilisation=1.0, royalty=0.2)
    found = nominal_statement(project, 80.0, 0.0, 0.1, [2.0, 1.0])
    assert found.gross_revenue == pytest.approx([110.0, 121.0]) and found.royalty == pytest.approx([22.0, 24.2])
    # year 1: 88 - 22 - 50 - 2 = 14; year 2: 96.8 - 24.2 - 50 - 1 = 21.6
    assert found.tax == pytest.approx([3.5, 5.4])
    assert found.cfads == pytest.approx([88 - 22 - 3.5 - 8.8, 96.8 - 24.2 - 5.4 + 8.8])
    assert found.flows[0] == -100


@settings(max_examples=50, deadline=None)
@given(st.floats(0.0, 0.2), st.floats(-0.02, 0.15), st.floats(20.0, 120.0))
def test_real_and_nominal_values_agree_without_tax_and_working_capital(rate, inflation, price):
    project = plant(tax=0.0, working_capital=0.0)
    flows = nominal_statement(project, price, 5.0, inflation).flows
    assert real(flows, inflation) == pytest.approx(project_cash_flow(project, price, 5.0), abs=1e-9)
    assert nominal(real(flows, inflation), inflation) == pytest.approx(flows)
    assert npv(nominal_rate(rate, inflation), flows) == pytest.approx(npv(rate, project_cash_flow(project, price, 5.0)), abs=1e-8)


def test_inflation_costs_a_plant_its_allowances():
    """Of a level profit the allowance for capex loses (1 + i)^-t of its value: tax x capex / 5 a year, five years from year 2."""
    project, i = plant(working_capital=0.0, build_years=1, ramp_years=1), 0.05
    lost = npv(0.08, project_cash_flow(project, 90.0)) - npv(nominal_rate(0.08, i), nominal_statement(project, 90.0, 0.0, i).flows)
    years = np.arange(1, 6)
    assert lost == pytest.approx(np.sum(0.25 * 20 * (1 - 1.05**-years) / 1.08**years), rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1.0, 100.0), min_size=1, max_size=20), st.floats(1.0, 3.0), st.floats(0.0, 0.2))
def test_sculpted_debt(cfads, dscr, rate):
    loan = sculpted(cfads, dscr, rate)
    assert loan.debt == pytest.approx(npv(rate, [0.0, *cfads]) / dscr)
    assert loan_life_cover(cfads, loan.debt, rate) == pytest.approx(dscr)
    assert cover(cfads, loan.service) == pytest.approx(dscr)
    assert loan.balance[-1] == pytest.approx(0, abs=1e-9 * loan.debt * (1 + rate) ** len(cfads))


def test_level_debt():
    loan = level(100.0, 0.1, 2)  # 100 (1.1)^2 = x (1.1) + x
    assert loan.service == pytest.approx(121 / 2.1) and loan.interest == pytest.approx([10.0, 0.1 * (110 - 121 / 2.1)])
    assert loan.balance[-1] == pytest.approx(0)
    assert cover([10.0, -5.0], [5.0, 0.0]).tolist() == [2.0, np.inf]


def test_debt_by_hand():
    """44 and 48.4 a year before tax at 25 %, covered 1.4 times at 10 %: interest lowers the tax that the service is sized on.

    Capex of 60 is written off in year 1, so that a loss of 16 and the interest d / 10 are carried into year 2, whose own interest
    is (1.1 d - s1) / 10. With s1 = 44 / 1.4 and s2 = (48.4 - tax) / 1.4, tax = (48.4 - 16 - d / 10 - (1.1 d - s1) / 10) / 4, and
    d = s1 / 1.1 + s2 / 1.21 the debt is the solution of a linear equation.
    """
    project = plant(capex=60.0, opex=20.0, life=2, build_years=1, ramp_years=1, depreciation_years=1, working_capital=0.0,
                    sustaining=0.0, byproduct_credit=0.0, utilisation=1.0, royalty=0.0)
    terms = DebtTerms(interest_rate=0.1, tenor=5, dscr=1.4, gearing=1.0, inflation=0.1)
    s1 = 44 / 1.4
    d = (s1 / 1.1 + (40.3 - 0.025 * s1) / 1.4 / 1.21) / (1 - 0.0525 / 1.4 / 1.21)
    found = finance(project, 60.0, 0.0, terms)
    assert d < 60 and found.debt.debt == pytest.approx(d)
    assert found.llcr == pytest.approx(1.4) and found.dscr == pytest.approx([1.4, 1.4])
    assert found.equity == pytest.approx([-(60 - d), 44 * 0.4 / 1.4, found.statement.cfads[1] * 0.4 / 1.4])


def test_debt_during_construction_and_its_limit():
    terms = DebtTerms(interest_rate=0.07, tenor=8, dscr=1.3, gearing=0.6, inflation=0.02)
    rich, poor = finance(plant(), np.array([[120.0]]), 5.0, terms), finance(plant(), np.array([[38.0]]), 5.0, terms)
    # 50 at year 0 and 51 at year 1, a year before operation: 60 % of 50 (1.07) + 51
    assert rich.gearing == pytest.approx(0.6) and rich.debt.debt == pytest.approx(0.6 * (50 * 1.07 + 51))
    assert np.ptp(rich.dscr) < 1e-9 and rich.llcr[0] == pytest.approx(rich.dscr[0, 0]) and rich.dscr[0, 0] > 1.3
    assert poor.gearing < 0.6 and poor.dscr == pytest.approx(1.3, rel=1e-9)
    assert rich.equity[0, :2] == pytest.approx([-0.4 * 50, -0.4 * 51])
    # what lenders and owners get together is the plant: the loan is worth nothing more to them at its own rate
    whole = np.sum((rich.equity - rich.statement.flows) * 1.07 ** -np.arange(14.0))
    assert whole == pytest.approx(0, abs=1e-9)
    assert finance(plant(), 15.0, 5.0, terms).debt.debt == 0
    # a debt sized at one price is covered less at a lower one
    def covered(price):
        return cover(statement_with_debt(plant(), price, 5.0, terms, poor.debt).cfads[..., :8], poor.debt.service)[0]

    assert covered(38.0) == pytest.approx(poor.dscr[0]) and np.all(covered(36.0) < 1.3)


def test_draws_go_through_debt():
    terms = DebtTerms(interest_rate=0.07, tenor=8, dscr=1.3, gearing=0.9, inflation=0.02)
    drawn = plant(capex=np.array([80.0, 100.0, 150.0]))
    found = finance(drawn, np.array([[60.0], [50.0], [45.0]]), 5.0, terms)
    for k, price in enumerate((60.0, 50.0, 45.0)):
        one = finance(drawn.at(k), price, 5.0, terms)
        assert found.debt.debt[k] == pytest.approx(one.debt.debt) and found.equity[k] == pytest.approx(one.equity)


def test_the_floor_that_keeps_a_covenant():
    case = CASES["inv12"]
    low = np.exp(case["mean_log"] + norm.ppf(0.1) * case["stationary_sd"])
    assert low == pytest.approx(case["low_price"], rel=1e-9)
    assert (low - case["opex"]) * case["output"] / case["debt_service"] == pytest.approx(case["dscr_without"], rel=1e-8)
    found = covenant_floor(case["opex"], case["output"], case["debt_service"], case["dscr"], np.array([low, 100.0]))
    assert found.price == pytest.approx(case["floor"]) and found.binding.tolist() == [case["binding"], False]


@pytest.mark.parametrize("change", [{"tenor": 0}, {"dscr": 0.9}, {"gearing": 1.2}, {"interest_rate": -1.0}, {"lenders_price": 0.0}])
def test_terms_that_make_no_sense_are_refused(change):
    with pytest.raises(DataError, match="expected rates above -1"):
        DebtTerms(**(dict(interest_rate=0.07, tenor=8, dscr=1.3, gearing=0.6, inflation=0.02) | change))
    with pytest.raises(DataError, match="inflation = -2"):
        nominal_statement(plant(), 50.0, inflation=-2)
