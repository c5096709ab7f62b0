"""Discounting, rates of return, the cash flow of a plant and the price process, against closed forms and a peer."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from floormodel.errors import ConvergenceError, DataError
from floormodel.finance.cashflow import (
    annuity_factor,
    breakeven_price,
    capital_recovery_factor,
    irr,
    mirr,
    npv,
    real_rate,
    wacc_nominal,
)
from floormodel.finance.price_process import OrnsteinUhlenbeck, fit
from floormodel.finance.project import Project, gate_price, incentive_price, project_cash_flow

CASES = tomllib.loads((Path(__file__).parent / "cases" / "finance.toml").read_text())


def plant(**changes) -> Project:
    costs = dict(capex=500.0, opex=60.0, life=15, build_years=1, hurdle=0.093)
    return Project("plant", "refined", "USA", "refining", **(costs | changes))


def test_discounting_agrees_with_numpy_financial():
    case = CASES["inv09"]
    assert npv(case["rate"], case["flows"]) == pytest.approx(case["npv"], rel=1e-9)
    assert mirr(case["flows"], case["finance_rate"], case["reinvest_rate"]) == pytest.approx(case["mirr"], rel=1e-9)
    assert annuity_factor(case["rate"], case["years"]) == pytest.approx(case["annuity_factor"], rel=1e-9)
    assert capital_recovery_factor(case["rate"], case["years"]) == pytest.approx(
        case["capital_recovery_factor"], rel=1e-9)
    assert annuity_factor(0.0, 7) == 7


def test_two_rates_of_return_are_both_told():
    case = CASES["inv09"]
    found = irr(case["flows"], hurdle=case["rate"])
    assert found.multiple_irr and found.rate == pytest.approx(case["irr"], rel=1e-9)
    assert found.rates == pytest.approx((case["other_irr"], case["irr"]), abs=5e-5)
    assert irr(case["flows"], hurdle=-0.8).rate == found.rates[0]


def test_a_double_rate_of_return_is_one_rate():
    # (1.1 x - 1)^2 with x = 1 / (1 + rate) touches zero at 10 % and changes no sign
    found = irr([-1.0, 2.2, -1.21])
    assert found.rate == pytest.approx(0.1, abs=1e-6)


def test_rates_closer_than_any_grid_are_both_found():
    # roots at 10 % and 10.01 %, far nearer each other than the points at which the value is looked at
    flows = np.polymul([1.1, -1.0], [1.1001, -1.0])[::-1]
    assert irr(flows).rates == pytest.approx((0.1, 0.1001), abs=1e-8)


@pytest.mark.parametrize("flows", [[100.0, 10.0], [-100.0, -10.0], [-100.0, 20.0, -10.0], [0.0, 0.0]])
def test_no_rate_of_return_is_an_error(flows):
    with pytest.raises(ConvergenceError, match="no rate"):
        irr(flows)


def test_a_rate_outside_the_range_is_no_rate():
    with pytest.raises(ConvergenceError):
        irr([-1.0, 12.0])  # 1100 %
    assert irr([-1.0, 10.9]).rate == pytest.approx(9.9)


@pytest.mark.parametrize("flows", [[[-1.0, 2.0]], [-1.0, np.nan]])
def test_faulty_flows_are_refused(flows):
    with pytest.raises(DataError):
        irr(flows)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-3), min_size=2, max_size=30))
def test_every_rate_of_return_makes_the_value_zero(flows):
    try:
        found = irr(flows)
    except ConvergenceError:
        return
    for rate in found.rates:
        size = npv(rate, np.abs(flows))
        assert abs(npv(rate, flows)) <= 1e-9 * size


@settings(max_examples=200, deadline=None)
@given(st.floats(1.0, 1e4), st.lists(st.floats(0.1, 1e3), min_size=1, max_size=40))
def test_outlay_then_receipts_has_at_most_one_rate(outlay, receipts):
    flows = [-outlay, *receipts]
    try:
        found = irr(flows)
    except ConvergenceError:
        assert npv(10.0, flows) > 0 or npv(-0.99, flows) < 0
        return
    assert not found.multiple_irr
    assert npv(found.rate - 1e-4, flows) > 0 > npv(found.rate + 1e-4, flows)


def test_cost_of_capital_and_break_even_price():
    case = CASES["inv10"]
    nominal = wacc_nominal(case["equity_share"], case["cost_of_equity"], case["cost_of_debt"], case["tax"])
    assert nominal == pytest.approx(case["wacc_nominal"], rel=1e-10)
    assert real_rate(nominal, case["inflation"]) == pytest.approx(case["wacc_real"], rel=1e-9)
    arguments = case["capex"], case["opex"], case["output"]
    price = breakeven_price(*arguments, nominal, case["life"])
    assert price == pytest.approx(case["breakeven_price"], rel=1e-9)
    more = breakeven_price(*arguments, nominal + 0.01, case["life"])
    assert more - price == pytest.approx(case["one_point_more"], rel=1e-8)
    # the plant without taxes, ramp or working capital is the same case
    assert incentive_price(plant()) == pytest.approx(case["breakeven_price"], rel=1e-9)
    assert npv(nominal, project_cash_flow(plant(), price)) == pytest.approx(0, abs=1e-9)


def test_cash_flow_by_hand():
    # one tonne a year; build 2 years at 50; ramp 2; tax 25 % on profit after 50 a year of depreciation over 2 years
    project = plant(capex=100.0, opex=20.0, life=3, build_years=2, tax=0.25, ramp_years=2, depreciation_years=2,
                    working_capital=0.1, sustaining=0.02, byproduct_credit=10.0, utilisation=0.9)
    flows = project_cash_flow(project, 90.0, 5.0)
    # year 1 sells 0.45 t: revenue 45, costs 11.25, sustaining 2 -> 31.75; loss 18.25 carried; working capital 4.5
    # year 2 sells 0.90 t: revenue 90, costs 22.5, sustaining 2 -> 65.5; profit 15.5 less 18.25 carried -> none
    # year 3: 65.5; profit 65.5 less 2.75 still carried = 62.75, tax 15.6875; working capital 9 released
    assert flows == pytest.approx([-50, -50, 31.75 - 4.5, 65.5 - 4.5, 65.5 - 15.6875 + 9])
    offset = project_cash_flow(project, 90.0, 5.0, losses="offset")
    assert offset == pytest.approx([-50, -50, 31.75 + 0.25 * 18.25 - 4.5, 65.5 - 0.25 * 15.5 - 4.5,
                                    65.5 - 0.25 * 65.5 + 9])
    assert np.sum(flows) == pytest.approx(np.sum(offset))  # the same tax in the end, later or earlier


def test_royalty_is_the_difference_between_gate_and_net_price():
    assert gate_price(plant(royalty=0.1), 90.0) == pytest.approx(100.0)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_incentive_price_makes_the_value_zero_and_is_found_again_by_irr(data):
    def between(low, high):
        return data.draw(st.floats(low, high))

    project = plant(capex=between(1, 1e6), opex=between(0, 1e5), life=data.draw(st.integers(2, 40)),
                    build_years=data.draw(st.integers(1, 6)), hurdle=between(0.02, 0.3), tax=between(0, 0.5),
                    ramp_years=data.draw(st.integers(1, 5)), utilisation=between(0.5, 1),
                    byproduct_credit=between(0, 1e4), sustaining=between(0, 0.03), working_capital=between(0, 0.3),
                    depreciation_years=data.draw(st.integers(1, 40)))
    input_cost = between(0, 1e5)
    price = incentive_price(project, input_cost)
    flows = project_cash_flow(project, price, input_cost)
    assert abs(npv(project.hurdle, flows)) <= 1e-8 * max(project.capex, 1)
    assert irr(flows, project.hurdle).rate == pytest.approx(project.hurdle, abs=1e-6)
    assert npv(project.hurdle, project_cash_flow(project, price + 0.01 * abs(price) + 1, input_cost)) > 0


def test_draws_pass_through():
    project = plant(capex=np.array([400.0, 500.0, 600.0]), tax=0.2, working_capital=np.array([0.0, 0.1, 0.2]))
    prices = incentive_price(project)
    assert prices.shape == (3,)
    for k in range(3):
        assert prices[k] == pytest.approx(float(incentive_price(project.at(k))), rel=1e-12)


def test_ar1_and_the_process_behind_it():
    case = CASES["proc03"]
    process = OrnsteinUhlenbeck.from_ar1(case["phi"], case["innovation_sd"], case["mean_log"])
    for name in ("kappa", "half_life", "sigma", "stationary_sd", "mean_price"):
        assert getattr(process, name) == pytest.approx(case[name], rel=1e-9)
    again = OrnsteinUhlenbeck.from_half_life(case["half_life"], case["sigma"], case["mean_log"])
    assert again.kappa == pytest.approx(case["kappa"], rel=1e-9)
    assert process.variance(1.0) == pytest.approx(case["innovation_sd"] ** 2, rel=1e-12)


def test_simulated_moments_are_those_of_the_closed_form():
    process, start, paths = OrnsteinUhlenbeck.from_half_life(2.0, 0.4, np.log(60)), np.log(110), 100_000
    x = process.simulate(start, 8, paths, seed=1)[:, [1, 4, 8]]
    years = np.array([1.0, 4.0, 8.0])
    variance = process.sigma**2 * (1 - np.exp(-2 * process.kappa * years)) / (2 * process.kappa)
    expected = np.log(60) + (start - np.log(60)) * 0.5 ** (years / 2)
    assert np.all(np.abs(x.mean(0) - expected) < 4 * np.sqrt(variance / paths))
    assert np.all(np.abs(x.var(0) - variance) < 4 * variance * np.sqrt(2 / paths))
    lag = np.corrcoef(x[:, 1], x[:, 2])[0, 1]
    assert lag == pytest.approx(0.5**2 * np.sqrt(variance[1] / variance[2]), abs=0.01)


def test_half_yearly_steps_compose_to_yearly_ones():
    process = OrnsteinUhlenbeck(0.3, 0.25, 4.0)
    once = process.variance(1.0)
    twice = process.variance(0.5) * (1 + np.exp(-2 * 0.3 * 0.5))
    assert once == pytest.approx(twice, rel=1e-12)
    assert process.mean(5.0, 1.0) == pytest.approx(process.mean(process.mean(5.0, 0.5), 0.5), rel=1e-12)


def test_more_paths_begin_with_fewer_and_seeds_repeat():
    process = OrnsteinUhlenbeck(0.3, 0.25)
    few, many = process.simulate(0.0, 5, 10, seed=7), process.simulate(0.0, 5, 100, seed=7)
    assert np.array_equal(few, many[:10])
    assert not np.array_equal(few, process.simulate(0.0, 5, 10, seed=8))


@pytest.mark.parametrize("phi", [0.3, 0.8])
def test_fit_agrees_with_an_exact_likelihood_of_another_maker(phi):
    process = OrnsteinUhlenbeck.from_ar1(phi, 0.3, np.log(50))
    x = process.simulate(np.log(50), 60, 1, seed=3)[0]
    found = fit(np.exp(x))
    peer = sm.tsa.ARIMA(x, order=(1, 0, 0), trend="c").fit(cov_type="approx")
    mean, slope, variance = peer.params
    assert found.log_likelihood >= peer.llf - 1e-9
    assert found.log_likelihood == pytest.approx(peer.llf, abs=1e-5)
    assert (found.mean_log, found.phi, found.innovation_sd) == pytest.approx((mean, slope, np.sqrt(variance)), rel=2e-3)
    assert found.standard_errors[0] == pytest.approx(peer.bse[1], rel=0.05)
    assert found.standard_errors[2] == pytest.approx(peer.bse[0], rel=0.05)


def test_fit_finds_the_process_in_a_long_series():
    process = OrnsteinUhlenbeck.from_half_life(2.0, 0.35, np.log(60))
    found = fit(np.exp(process.simulate(np.log(60), 4000, 1, seed=11)[0]))
    phi_error, sd_error, mean_error = found.standard_errors
    assert abs(found.phi - 0.5**0.5) < 3 * phi_error
    assert abs(found.innovation_sd - np.sqrt(process.variance(1.0))) < 3 * sd_error
    assert abs(found.mean_log - np.log(60)) < 3 * mean_error
    low, high = found.half_life_range()
    assert low < 2.0 < high


@pytest.mark.parametrize(
    "prices", [[1.0, 2.0, 3.0], [1.0, -2.0, 3.0, 4.0, 5.0], [5.0] * 8, [1.0, np.nan, 3.0, 4.0, 5.0]]
)
def test_prices_that_cannot_be_fitted_are_refused(prices):
    with pytest.raises(DataError):
        fit(prices)


def test_a_trending_series_has_a_half_life_without_upper_end():
    assert fit(np.exp(np.arange(12.0))).half_life_range()[1] == np.inf


def test_a_series_that_jumps_to_and_fro_has_no_persistence_to_fit():
    found = fit([40.0, 80.0] * 5)
    assert found.at_bound and np.isnan(found.standard_errors[0])
