"""When to build on a mean-reverting price: against simulated plants, limits of the hazard, a published problem."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from floormodel.errors import ConvergenceError, DataError
from floormodel.finance.cashflow import npv
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, incentive_price, project_cash_flow
from floormodel.finance.project_option import Support, build_rule, entry_exit_ar1, needed_price, transition
from floormodel.indicators.build_rules import build_rules
from floormodel.indicators.plant_prices import PlantPrices

CASES = tomllib.loads((Path(__file__).parent / "cases" / "options.toml").read_text())
PROCESS = OrnsteinUhlenbeck.from_half_life(2.0, 0.35)


def plant(**changes) -> Project:
    costs = dict(capex=100.0, opex=20.0, life=10, build_years=2, hurdle=0.1, tax=0.25, input_exposure=0.5, output_exposure=1.2)
    return Project("plant", "refined", "USA", "refining", **(costs | changes))


def realised(project, trigger, level, cost, guarantee, paths=20_000, years=60):
    """Mean over price paths of what a plant earns that is built in the first year with a price of `trigger` times its mean or more."""
    settled = PROCESS.stationary_sd**2 / 2
    x = PROCESS.simulate(settled, years + 20, paths, seed=8)  # from the mean of the price, which is above that of its log
    built = x[:, :years] >= np.log(trigger) + settled
    ever, start = built.any(1), built.argmax(1)
    at = start[ever, None] + project.build_years + np.arange(project.life)
    shock = x[ever][np.arange(ever.sum())[:, None], at]
    out, into = (np.exp(e * shock - e**2 * settled) for e in (project.output_exposure, project.input_exposure))
    flows = project_cash_flow(project, np.maximum(level * out, guarantee), cost * into, "offset")
    values = np.zeros(paths)
    values[ever] = npv(project.hurdle, flows) / (1 + project.hurdle) ** start[ever]
    return values.mean(), values.std() / np.sqrt(paths)


@pytest.mark.parametrize("level, guarantee", [(52.0, 0.0), (44.0, 40.0)])
def test_the_rule_earns_what_it_says_and_others_earn_less(level, guarantee):
    project, cost = plant(), 10.0
    rule = build_rule(project, PROCESS, Support(level, cost, guarantee), steps=1)
    found, error = realised(project, rule.trigger, level, cost, guarantee)
    assert 0 < rule.trigger < np.inf and abs(found - rule.option) < 4 * error
    for other in (0.6, 1.7):
        less, _ = realised(project, rule.trigger * other, level, cost, guarantee)
        assert less < found - 2 * error
    at_mean, error = realised(project, 1e-9, level, cost, guarantee)
    assert abs(at_mean - rule.npv) < 4 * error


def test_waiting_asks_for_more_than_the_incentive_price_and_a_guarantee_for_less():
    project = plant()
    cost = 10.0
    needed = incentive_price(project, cost)
    alone = needed_price(project, PROCESS, Support(float(needed), cost))
    safe = needed_price(project, PROCESS, Support(float(needed), cost, guaranteed=float(needed)))
    assert safe < needed < alone < 2 * needed
    rule = build_rule(project, PROCESS, Support(alone, cost))
    assert rule.trigger == pytest.approx(1.0, abs=0.01) and rule.break_even < 1
    calm = OrnsteinUhlenbeck.from_half_life(2.0, 0.005)
    assert needed_price(project, calm, Support(float(needed), cost)) == pytest.approx(needed, rel=0.02)
    with pytest.raises(ConvergenceError, match="needed price of plant"):
        needed_price(project, PROCESS, Support(0.1, cost))


def test_hazard_between_a_floor_for_ever_and_none():
    project = plant()
    support, without = Support(54.0, 10.0, guaranteed=50.0), Support(48.0, 9.0)
    sure, none = build_rule(project, PROCESS, support), build_rule(project, PROCESS, without)
    triggers = [build_rule(project, PROCESS, support, without, h).trigger for h in (0.0, 1e-9, 0.03, 0.1, 0.4)]
    assert triggers[0] == sure.trigger and triggers[1] == pytest.approx(sure.trigger, rel=1e-6)
    assert np.all(np.diff(triggers[1:]) > 0) and triggers[-1] <= none.trigger * 1.02
    gone = build_rule(project, PROCESS, support, without, 1 - 1e-12)
    assert gone.npv == pytest.approx(none.npv) and gone.trigger == pytest.approx(none.trigger, rel=0.02)
    assert sure.npv > none.npv


def test_a_plant_that_never_or_always_pays():
    assert build_rule(plant(), PROCESS, Support(1.0, 10.0)).trigger == np.inf
    assert build_rule(plant(), PROCESS, Support(50.0, 10.0, guaranteed=500.0))[:2] == (0.0, 0.0)
    with pytest.raises(DataError, match="half-life of 69 years"):
        build_rule(plant(), OrnsteinUhlenbeck.from_half_life(68.97, 0.3), Support(50.0))
    with pytest.raises(DataError, match="prices after repeal missing"):
        build_rule(plant(), PROCESS, Support(50.0), hazard=0.1)


def test_table_of_rules_by_credibility():
    project = plant()
    prices, benchmark = PlantPrices(np.array([53.0, 54.0, 60.0, np.nan]), 10.0), PlantPrices(48.0, 9.0)
    table = build_rules(project, prices, benchmark, PROCESS, guaranteed_price=50.0, hazards=(0.0, 0.1, 0.4))
    assert table["support"].tolist() == ["none", "policy", "policy", "policy"] and np.isnan(table["hazard"][0])
    support = Support(54.0, 10.0, guaranteed=50.0)
    assert table.iloc[1][["trigger", "break_even", "option", "npv"]].tolist() == list(build_rule(project, PROCESS, support))
    assert table["trigger"][0] == build_rule(project, PROCESS, Support(48.0, 9.0)).trigger
    # less credible: built later, worth less, asks for more
    assert np.all(np.diff(table["trigger"][1:]) > 0) and np.all(np.diff(table["npv"][1:]) < 0)
    assert np.all(np.diff(table["needed_price"][1:]) > 0)
    assert build_rules(project, prices, benchmark, PROCESS, hazards=(0.1,), needed=False)["needed_price"].isna().all()


def test_transition_keeps_mass_mean_and_variance():
    grid = np.linspace(-6, 6, 241)
    expect = transition(grid, 0.5 * grid, 0.8)
    assert expect.sum(1) == pytest.approx(1)
    inner = np.abs(grid) < 2
    assert (expect @ grid)[inner] == pytest.approx(0.5 * grid[inner], abs=1e-9)
    assert (expect @ grid**2)[inner] == pytest.approx(0.25 * grid[inner] ** 2 + 0.64, abs=2e-3)


def test_entry_and_exit_of_an_industry():
    case = CASES["inv14"]
    found = entry_exit_ar1(case["entry_cost"], case["exit_cost"], case["mean"], case["persistence"], case["sigma"], case["discount"],
                           np.linspace(-21, 21, 421), case["nodes"])
    assert (found.enter, found.leave) == pytest.approx((case["enter"], case["leave"]), abs=0.01)
    idle = np.interp(-20, found.grid, found.idle)
    assert idle == pytest.approx(case["idle_value_at_minus_20"], abs=1e-3)
    fine = (found.enter, found.leave, idle)
    assert fine == pytest.approx((case["finer_enter"], case["finer_leave"], case["finer_idle_value"]), abs=2e-3)
