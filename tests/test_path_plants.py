"""Plants on a path: who builds on which prices, what runs, what is drawn; expectations that the path itself bears out."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

import floormodel as fm
from floormodel.dynamics import expectations
from floormodel.dynamics.entry import FULL, advance, no_fleet, starts
from floormodel.dynamics.expectations import linear_shares
from floormodel.errors import ScenarioError

FLOOR = fm.PriceFloor(good="ndpr_oxide", members=["USA", "EU27", "JPN", "KOR"], price=110_000.0)
SUBSIDY = fm.PriceGapSubsidy(good="ndpr_oxide", regions=["USA"], strike=130_000.0)


def test_plans_are_drawn_with_their_plants(short):
    """Each figure stays in its range and about its centre, tonnes a year and in all move together, more draws begin with fewer."""
    plans = fm.load_plans("rare_earths")
    many, few = [p.drawn(2000, seed=3) for p in plans], [p.drawn(10, seed=3) for p in plans]
    europe = next(i for i, p in enumerate(plans) if p.region == "EU27" and p.good == "ndpr_oxide")
    for name, (low, high) in plans[europe].ranges.items():
        values = getattr(many[europe], name)
        assert low <= values.min() < values.max() <= high and np.array_equal(values[:10], getattr(few[europe], name))
        assert 0.3 < np.mean(values < getattr(plans[europe], name)) < 0.7
    assert set(plans[europe].ranges) == {"per_year", "total", "non_delivery"}
    assert spearmanr(many[europe].per_year, many[europe].total).statistic > 0.999
    assert abs(spearmanr(many[europe].per_year, many[europe].non_delivery).statistic) < 0.1
    assert np.array_equal(many[europe].project.capex, plans[europe].project.drawn(2000, seed=3).capex)
    market = fm.sample(short.open_projects("all"), 4, seed=1)
    four = [p.drawn(4, seed=3) for p in plans]
    whole, parts = (fm.simulate(market, [FLOOR], range(2025, 2028), plans=four, chunk=size) for size in (4, 3))
    assert whole.dataset.identical(parts.dataset) and float(whole.dataset["started"].max()) > 0
    with pytest.raises(ScenarioError, match=r"\[4\] draws; expected 1"):
        fm.simulate(short.open_projects("all"), [FLOOR], [2025], plans=four)


def test_plants_by_hand(plans):
    """Pipeline 1,000 t/yr, 2,500 t in all, a fifth never delivered, 3 years to build, life 20."""
    plan = plans[0]
    assert (plan.project.build_years, plan.project.life) == (3, 20)
    fleet = no_fleet(plans, 1, 1)
    running = []
    for index in (2 * FULL, FULL / 2, FULL, FULL, -1.0, np.nan):
        begun = starts(plans, fleet, np.array([[index]]), 1)
        fleet = advance(plans, fleet, begun, 1)
        running.append((float(begun[0, 0]), float(fleet.running[0, 0])))
    third = 0.95 * (0.95 * 800 + 400)
    assert np.allclose(running, [(1000, 0), (500, 0), (1000, 800), (0, 0.95 * 800 + 400), (0, third + 800), (0, 0.95 * (third + 800))])


def at_rest(path, plans, scenario):
    """How far what is started is from what the profitability index asks for, in shares of the pipeline: plants are started where the
    index is above 0, all of the pipeline from FULL on, as far as there is room."""
    run = path.dataset.sel(scenario=scenario).transpose("draw", "period", "plan", ...)
    begun, index = run["started"].values, run["profitability"].values
    pipeline, total = (np.stack([np.broadcast_to(getattr(p, n), len(begun)) for p in plans], axis=-1) for n in ("per_year", "total"))
    room = total[:, None] - (begun.cumsum(1) - begun)
    asked = np.minimum(pipeline[:, None] * np.clip(index / FULL, 0, 1), np.maximum(room, 0))
    return np.abs(begun - asked) / pipeline[:, None]


def test_consistent_expectations_leave_no_profitable_plant_out(short, plans):
    large = [fm.Plan(plans[0].project, 4000.0, 1e9)]
    path = fm.simulate(short.open_projects("all"), [SUBSIDY], range(2025, 2029), plans=large, expectations="consistent")
    assert path.converged.all() and int(path.dataset["rounds"].max()) > 1
    run = path.dataset.sel(scenario="policy").isel(draw=0, plan=0)
    assert at_rest(path, large, "policy").max() < 2e-4 and float(run["started"].max()) > 100
    assert np.all((run["profitability"] > 0) & (run["profitability"] < FULL))  # ore gets dearer until one more plant just pays


def test_consistent_expectations_settle_with_all_plans_of_a_market(short):
    """Seven drawn plans that take ore and customers from each other, in every draw and in both runs."""
    market = fm.sample(short.open_projects("all"), 3, seed=1)
    many = [p.drawn(3, seed=2) for p in fm.load_plans("rare_earths")]
    path = fm.simulate(market, [FLOOR], range(2025, 2030), plans=many, expectations="consistent", growth="projections",
                       growth_scenario="stated_policies")
    assert path.converged.all() and int(path.dataset["rounds"].max()) > 3
    for scenario in ("policy", "none"):
        assert at_rest(path, many, scenario).max() < 2e-4
    pipeline = xr.DataArray(np.stack([p.per_year * np.ones(3) for p in many]), dims=("plan", "draw"))
    share = path.dataset["started"].sel(scenario="policy") / pipeline
    assert int(((share > 0.01) & (share < 0.99)).sum()) > 5  # many of them are neither shut out nor at the pipeline


@pytest.mark.parametrize("expectations", ["adaptive", "consistent"])
def test_support_that_is_about_to_end_builds_nothing_that_opens_after_it(short, plans, expectations):
    """Plants take three years: what starts in 2026 or later would open without the support, on a path that ends before it does."""
    ends = [fm.Dated(SUBSIDY, end=2029)]
    path = fm.simulate(short.open_projects("all"), ends, range(2025, 2029), plans=plans, expectations=expectations)
    begun = path.dataset["started"].sel(scenario="policy").values.ravel()
    assert path.converged.all() and np.all(begun[1:] == 0)
    lasting = fm.simulate(short.open_projects("all"), [SUBSIDY], range(2025, 2029), plans=plans, expectations=expectations)
    assert lasting.dataset["started"].sel(scenario="policy").values.ravel()[1] > 100


def test_a_repeal_that_is_all_but_sure_is_an_end(short, plans):
    """All years in which the plants run lie beyond the path: only what stands then without the policy counts, in both."""
    found = [fm.simulate(short.open_projects("all"), [policy], [2025, 2026], plans=plans, expectations="consistent")
             .dataset["profitability"].squeeze() for policy in (fm.Dated(SUBSIDY, hazard=0.9999), fm.Dated(SUBSIDY, end=2027))]
    assert np.allclose(found[0].sel(scenario="policy"), found[1].sel(scenario="policy"), rtol=1e-6)
    assert np.all(np.abs(found[0].sel(scenario="policy") / found[0].sel(scenario="none") - 1) > 1e-4)  # habits stay


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_other_starts_lead_to_the_same_fixed_point(short, share, monkeypatch):
    """From nothing started and from all that may be, as from what adaptive investors start."""
    market, many = short.open_projects("all"), fm.load_plans("rare_earths")

    def found():
        path = fm.simulate(market, [FLOOR], range(2025, 2029), plans=many, expectations="consistent")
        assert path.converged.all()
        return path.dataset["started"].values

    first, inner = found(), expectations.sweep

    def other(setting, side, begun, tick):
        if begun is None:
            begun = np.full((len(setting.years), 1, len(many)), share) * [p.per_year for p in many]
        return inner(setting, side, begun, tick)

    monkeypatch.setattr(expectations, "sweep", other)
    assert np.allclose(found(), first, atol=2.0) and first.max() > 100


def test_linear_shares_solve_their_problem():
    """Random problems with a dominant diagonal, some at 0, at 1 or out of room, against the conditions themselves."""
    rng = np.random.default_rng(5)
    draws, periods, count = 6, 4, 3
    size = periods * count
    slope = -rng.uniform(0, 0.2, (draws, size, size)) - 2 * np.eye(size)
    z, share = rng.normal(1.0, 2.0, (draws, periods, count)), rng.random((draws, periods, count))
    room = rng.uniform(0.5, 4.0, (draws, count))
    x = linear_shares(z, slope, share, room)
    predicted = z + np.einsum("bij,bj->bi", slope, (x - share).reshape(draws, size)).reshape(z.shape)
    left = room[:, None] - (x.cumsum(1) - x)
    assert np.allclose(x, np.minimum(np.clip(predicted, 0, 1), left), atol=1e-5)
    assert ((x > 0.01) & (x < 0.99)).sum() > 5 and (x == 0).any() and (x == 1).any()


def test_investors_know_dates_and_forget_what_is_over(short, plans):
    """Nothing starts when support is about to end or has ended; a renewal in two rows is one policy; an idle one changes nothing."""
    market = short.open_projects("all")

    def started(*schedule):
        return fm.simulate(market, list(schedule), range(2025, 2032), plans=plans).dataset["started"].sel(scenario="policy").values.ravel()

    for_good, ending = started(SUBSIDY), started(fm.Dated(SUBSIDY, end=2029))
    assert for_good[:2].sum() > 0 and np.all(ending[1:] == 0)
    assert np.allclose(started(fm.Dated(SUBSIDY, end=2028), fm.Dated(SUBSIDY, start=2028)), for_good)
    idle = fm.PriceGapSubsidy(good="mined", regions=["AUS"], strike=1.0)
    assert np.allclose(started(fm.Dated(idle, end=2028), SUBSIDY), for_good)


def test_new_plants_give_what_they_can_and_no_more(short, plans):
    """Where the good is made already: output with plants less the old curve's own is at most the capacity that stands."""
    market = short.open_projects("all")
    large = [fm.Plan(plans[0].project, 1000.0, 1e9)]
    path = fm.simulate(market, [SUBSIDY], range(2025, 2034), plans=large).dataset.sel(scenario="policy").isel(draw=0)
    bare = fm.simulate(market, [SUBSIDY], range(2025, 2034)).dataset.sel(scenario="policy").isel(draw=0)
    at = {"good": "ndpr_oxide", "region": "USA"}
    more = (path["output"].sel(at) - bare["output"].sel(at)).values
    stands = path["running"].isel(plan=0).values
    assert stands[-1] > 3000 and np.all(more <= 1.05 * stands + 1e-6) and more[-1] > 0.5 * stands[-1]


def test_a_year_of_quarters_remembers_as_a_year(short, plans):
    """After a step in the price seen, half of it is remembered at the end of a year, in one step or in four."""
    market = short.open_projects("all")
    schedule = [fm.Dated(SUBSIDY, start=2026)]
    year, quarters = (fm.simulate(market, schedule, [2025, 2026], plans=plans, quarterly=q).state.policy for q in (False, True))
    assert year.expected.shape == quarters.expected.shape == (1, 1, 2, 2)
    assert np.allclose(year.expected[..., 0, 0], quarters.expected[..., 0, 0], rtol=0.05)


def test_capital_that_is_spent_keeps_no_plant_idle(short, plans):
    """A European plant stands from the fourth year on and runs by its running cost of 20 USD/kg, not by the 46.9 that hold its capital."""
    market = short.open_projects("all")
    plant = fm.Plan(replace(plans[0].project, region="EU27"), 1000.0, 1000.0)
    support = fm.PriceGapSubsidy(good="ndpr_oxide", regions=["EU27"], strike=90_000.0)
    path = fm.simulate(market, [support], range(2025, 2029), plans=[plant]).dataset.sel(scenario="policy", period=2028).isel(draw=0, plan=0)
    at = {"good": "ndpr_oxide", "region": "EU27"}
    stands, made = float(path["running"]), float(path["output"].sel(at))
    recipe = float(market.dataset["recipe"].sel(good="ndpr_oxide", input="mined"))
    margin = 90_000.0 - recipe * float(path["buyer_price"].sel(good="mined", region="EU27"))
    assert stands == 1000.0
    assert np.isclose(made, stands / (1 + np.exp(-(margin - 20_000.0) / 2_000.0)), rtol=1e-3) and made > 0.95 * stands


def test_drawn_costs_go_with_their_draws(short, plans):
    """A chunk of draws takes its own costs: cheap plants are built, dear ones are not, whatever the chunk."""
    market = fm.sample(short.open_projects("all"), 4, seed=1)
    cost = np.array([1e4, 1e7, 1e7, 1e4])
    drawn = [fm.Plan(replace(plans[0].project, capex=cost), 1000.0, 2500.0)]
    whole, parts = (fm.simulate(market, [FLOOR], [2025], plans=drawn, chunk=size) for size in (4, 3))
    assert whole.dataset.identical(parts.dataset)
    assert np.array_equal(whole.dataset["started"].sel(scenario="policy").values.ravel(), [1000.0, 0.0, 0.0, 1000.0])
    with pytest.raises(ScenarioError, match=r"\[4\] draws; expected 1"):
        fm.simulate(short.open_projects("all"), [FLOOR], [2025], plans=drawn)


def test_hazard_and_expiry_keep_plants_away(short, plans):
    market = short.open_projects("all")
    built = [float(fm.simulate(market, [policy], range(2025, 2029), plans=plans).dataset["started"].sel(scenario="policy").sum())
             for policy in (FLOOR, fm.Dated(FLOOR, start=2025, hazard=0.1), fm.Dated(FLOOR, start=2025, end=2030))]
    assert built[0] > built[1] >= built[2] == 0.0
