"""Paths: one period is the static market, held prices bring the long run, stopping changes nothing, plants follow prices."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from floormodel.dynamics import chunks
from floormodel.dynamics.adjustment import speeds
from floormodel.dynamics.entry import FULL, advance, no_fleet, starts
from floormodel.dynamics.growth import COLUMNS, trend
from floormodel.dynamics.schedule import pattern_at, patterns, repeals, surviving
from floormodel.errors import OutputError, ScenarioError
from floormodel.finance.project import load_projects

BLOC = ["USA", "EU27", "JPN", "KOR"]
FLOOR = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000.0)


@pytest.fixture(scope="module")
def short():
    return fm.load_market("rare_earths", horizon="short")


@pytest.fixture(scope="module")
def plans():
    plant = load_projects("rare_earths")["ndpr_refinery"]
    return [fm.Plan(plant, per_year=1000.0, total=2500.0, non_delivery=0.2)]


def same(one: fm.Path, other: fm.Path) -> bool:
    return all(np.array_equal(one.dataset[v].values, other.dataset[v].values, equal_nan=one.dataset[v].dtype.kind == "f")
               for v in one.dataset)


@pytest.mark.parametrize("name, policy", [("rare_earths", FLOOR),
                                          ("cobalt", fm.ExportTax(good="refined", exporters=["CHN"], rate=0.2))])
def test_one_period_is_the_static_market(name, policy):
    market = fm.load_market(name, horizon="short")
    path, static = fm.simulate(market, [policy], [market.year]), fm.solve(market, [policy])
    for run, now in (("policy", static.dataset), ("none", fm.solve(market).dataset)):
        then = path.dataset.sel(scenario=run).isel(period=0, draw=0)
        for variable in ("price", "buyer_price", "output", "final_demand", "use"):
            assert np.array_equal(then[variable].values, now[variable].values, equal_nan=True), variable
    assert path.converged.all()


def test_prices_held_for_good_bring_the_long_run():
    """With speeds of 0.9 the path starts at nine tenths of the long-run elasticities and is at rest after thirty years."""
    market = fm.load_market("rare_earths", horizon="long")
    floor = FLOOR.model_copy(update={"price": 65_000.0})
    path = fm.simulate(market, [floor], range(2025, 2055), adjustment={"supply": 0.9, "demand": 0.9, "sourcing": 0.9})
    last, static = path.dataset.sel(scenario="policy").isel(period=-1, draw=0), fm.solve(market, [floor]).dataset
    for variable in ("price", "buyer_price", "output", "use"):
        assert np.allclose(last[variable], static[variable], rtol=1e-8, atol=1e-6, equal_nan=True), variable
    made = path.dataset["output"].sel(scenario="policy", good="ndpr_oxide", region="USA", draw=0).values
    assert abs(made[0] / made[-1] - 1) > 0.005


def test_a_year_of_quarters_adjusts_as_a_year():
    """Supply after four quarters at a given price: X0 r^(elasticity (1 - (1 - speed)^4)), the same as after one year."""
    market = fm.load_market("cobalt", horizon="short")
    year, quarter = speeds(market), speeds(market, 4)
    for kind in ("supply", "demand", "sourcing"):
        assert np.allclose(1 - (1 - quarter.speed[kind]) ** 4, year.speed[kind])
        log = np.zeros_like(quarter.speed[kind])
        for _ in range(4):
            log = (1 - quarter.speed[kind]) * log + quarter.elasticity[kind]
        assert np.allclose(log, year.elasticity[kind], equal_nan=True)


def test_stopping_and_going_on_is_one_long_run(short, plans):
    market = fm.sample(short.open_projects("all"), 3, seed=1)
    schedule = [fm.Dated(FLOOR, start=2025, phase_in=2, field="price", begin=100_000.0)]
    whole = fm.simulate(market, schedule, range(2025, 2031), plans=plans)
    first = fm.simulate(market, schedule, range(2025, 2028), plans=plans)
    rest = fm.simulate(market, schedule, range(2028, 2031), plans=plans, state=first.state)
    assert whole.converged.all() and float(whole.dataset["running"].max()) > 0
    for v in ("price", "output", "running", "expected", "started", "producer_revenue"):
        assert np.array_equal(whole.dataset[v].isel(period=slice(3, None)), rest.dataset[v], equal_nan=True), v
    with pytest.raises(ScenarioError, match="goes on in 2028"):
        fm.simulate(market, schedule, range(2029, 2031), plans=plans, state=first.state)
    with pytest.raises(ScenarioError, match="found 3 draws and 1 plans; expected 1 and 1"):
        fm.simulate(short.open_projects("all"), schedule, range(2028, 2031), plans=plans, state=first.state)


def test_a_run_that_was_killed_goes_on_from_its_chunks(short, tmp_path, monkeypatch):
    market = fm.sample(short, 5, seed=3)
    whole = fm.simulate(market, [FLOOR], [2025, 2026], chunk=5)
    saved = chunks.Folder.write

    def killed(self, first, flat):
        if first == 4:
            raise KeyboardInterrupt
        saved(self, first, flat)

    monkeypatch.setattr(chunks.Folder, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        fm.simulate(market, [FLOOR], [2025, 2026], chunk=2, folder=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["draws_000000.npz", "draws_000002.npz", "run.json"]
    monkeypatch.setattr(chunks.Folder, "write", saved)
    ran = []
    inner = fm.dynamics.simulate._chunk
    monkeypatch.setattr(fm.dynamics.simulate, "_chunk", lambda *a: ran.append(list(a[2])) or inner(*a))
    again = fm.simulate(market, [FLOOR], [2025, 2026], chunk=2, folder=tmp_path)
    assert ran == [[4]] and same(again, whole)
    with pytest.raises(OutputError, match="chunks of another run"):
        fm.simulate(market, [FLOOR], [2025, 2026, 2027], chunk=2, folder=tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="found other files"):
        fm.simulate(market, [FLOOR], [2025], folder=tmp_path / "other")


def test_chunks_of_a_path_that_begins_from_other_expected_prices_are_refused(short, plans, tmp_path):
    market = fm.sample(short.open_projects("all"), 2, seed=3)
    state = fm.simulate(market, [FLOOR], [2025], plans=plans).state
    fm.simulate(market, [FLOOR], [2026], plans=plans, state=state, folder=tmp_path)
    other = replace(state, policy=replace(state.policy, expected=state.policy.expected * 1.1))
    with pytest.raises(OutputError, match="chunks of another run"):
        fm.simulate(market, [FLOOR], [2026], plans=plans, state=other, folder=tmp_path)


def test_dates_phase_in_and_chance_by_hand():
    plan = fm.Dated(FLOOR, start=2026, end=2030, phase_in=4, field="price", begin=70_000.0, hazard=0.1)
    assert [plan.in_force(y) for y in (2025.75, 2026, 2029.75, 2030)] == [False, True, True, False]
    assert [plan.at(y).price for y in (2026, 2027, 2030)] == [70_000, 80_000, 110_000]
    later = np.array([2027.0, 2029.0, 2030.0])
    assert np.allclose(surviving([plan], 2026.0, later), [0.9, 0.9**3, 1.0])  # past its end nothing can be repealed
    assert np.allclose(surviving([plan], 2025.0, later), [0.9, 0.9**3, 1.0])  # it can be from its start on
    assert patterns([plan, fm.Dated(FLOOR)]).tolist() == [[False, False], [False, True], [True, True]]
    assert pattern_at([plan], patterns([plan]), np.array([2025.0, 2026.0, 2030.0])).tolist() == [0, 1, 0]
    gone = repeals([plan], np.arange(2025.0, 2031.0), 1.0, 20_000, seed=4)[:, 0]
    assert set(np.unique(gone)) == {2027.0, 2028.0, 2029.0, np.inf}  # three anniversaries before it ends
    assert abs(np.mean(np.isinf(gone)) - 0.9**3) < 4 * np.sqrt(0.729 * 0.271 / 20_000)


def test_a_drawn_repeal_takes_the_policy_away(short):
    market = fm.sample(short, 40, seed=0)
    path = fm.simulate(market, [fm.Dated(FLOOR, start=2025, hazard=0.3)], [2025, 2026, 2027], draw_repeals=True, seed=5)
    gone = path.dataset["repealed"].values[:, 0]
    price = path.dataset["buyer_price"].sel(good="ndpr_oxide", region="JPN")
    last = (price.sel(scenario="policy") / price.sel(scenario="none")).sel(period=2027).values
    assert 0 < np.isinf(gone).sum() < 40
    assert last[np.isinf(gone)].min() > 1.2 and last[~np.isinf(gone)].max() < 1.2


def test_a_disruption_lasts_as_long_as_it_says(short):
    cut = fm.Disruption("ndpr_oxide", ("CHN",), 2025.5, 2026.0, share=0.5)
    path = fm.simulate(short, [], [2025, 2026], disruptions=[cut], quarterly=True)
    made = path.dataset["output"].sel(scenario="none", good="ndpr_oxide", region="CHN").isel(draw=0).values
    price = path.dataset["buyer_price"].sel(scenario="none", good="ndpr_oxide", region="JPN").isel(draw=0).values
    assert np.allclose(made[:2], made[0]) and made[2] < 0.75 * made[0] and price[2:4].min() > 1.5 * price[0]
    assert made[4] > 1.2 * made[3]
    half = fm.simulate(short, [], [2025], disruptions=[cut])  # a year of which half is disrupted by half
    assert 0.6 < float(half.dataset["output"].sel(scenario="none", good="ndpr_oxide", region="CHN").squeeze()) / made[0] < 0.9


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


def test_consistent_expectations_leave_no_profitable_plant_out(short, plans):
    """At rest, what is started is what the path's own prices justify: none below an index of 0, all from FULL on."""
    path = fm.simulate(short.open_projects("all"), [SUBSIDY], range(2025, 2029), plans=[fm.Plan(plans[0].project, 4000.0, 1e9)],
                       expectations="consistent")
    assert path.converged.all() and int(path.dataset["rounds"].max()) > 1
    run = path.dataset.sel(scenario="policy").isel(draw=0, plan=0)
    assert np.allclose(run["started"], 4000 * np.clip(run["profitability"] / FULL, 0, 1), atol=8)
    assert float(run["started"].max()) > 100
    assert np.all((run["profitability"] > 0) & (run["profitability"] < FULL))  # ore gets dearer until one more plant just pays


SUBSIDY = fm.PriceGapSubsidy(good="ndpr_oxide", regions=["USA"], strike=130_000.0)


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
    assert same(whole, parts)
    assert np.array_equal(whole.dataset["started"].sel(scenario="policy").values.ravel(), [1000.0, 0.0, 0.0, 1000.0])
    with pytest.raises(ScenarioError, match=r"\[4\] draws; expected 1"):
        fm.simulate(short.open_projects("all"), [FLOOR], [2025], plans=drawn)


def test_hazard_and_expiry_keep_plants_away(short, plans):
    market = short.open_projects("all")
    built = [float(fm.simulate(market, [policy], range(2025, 2029), plans=plans).dataset["started"].sel(scenario="policy").sum())
             for policy in (FLOOR, fm.Dated(FLOOR, start=2025, hazard=0.1), fm.Dated(FLOOR, start=2025, end=2030))]
    assert built[0] > built[1] >= built[2] == 0.0


def test_trends_are_relative_to_the_benchmark_year(short):
    table = pd.DataFrame([("s", "final_demand", "magnet", region, year, value, "kt", "x", "") for region, year, value in (
        ("*", 2023, 50.0), ("*", 2025, 72.0), ("USA", 2024, 10.0), ("USA", 2034, 20.0))], columns=COLUMNS)
    found = trend(short, table, "s", "final_demand", np.array([2024.0, 2025.0, 2030.0]))
    usa, chn = short.regions.index("USA"), short.regions.index("CHN")
    assert np.allclose(found[:, 2, chn], [1, 1.2, 1.2]) and np.allclose(found[:, 2, usa], [1, 2**0.1, 2**0.6]) and np.all(found[:, :2] == 1)
    path = fm.simulate(short, [], [2024, 2025], growth=table, growth_scenario="s")
    use = path.dataset["final_demand"].sel(scenario="none", good="magnet", region="CHN").isel(draw=0).values
    assert 1.05 < use[1] / use[0] < 1.2  # the curve moves by 1.2; dearer magnets take some of it back
    with pytest.raises(fm.DataError, match="unknown scenario 'x'"):
        fm.simulate(short, [], [2025], growth=table, growth_scenario="x")
    with pytest.raises(fm.DataError, match="expected the benchmark year 2024 in it"):
        trend(short, table[table["year"] > 2024].query("region == '*'"), "s", "final_demand", np.array([2025.0]))


@pytest.mark.parametrize("change, says", [
    ({"years": [2025, 2027]}, "whole years one after another"), ({"years": []}, "whole years"),
    ({"expectations": "perfect"}, '"adaptive" or "consistent"'), ({"weight": 0.0}, "above 0 to 1"), ({"chunk": 0}, "1 or more"),
    ({"policies": FLOOR}, "expected a list"), ({"policies": ["floor"]}, "found str"),
    ({"adjustment": {"supply": 1.5}}, "above 0 to 1"),
    ({"disruptions": [fm.Disruption("oxide", ("CHN",), 2025, 2026)]}, "did you mean 'ndpr_oxide'"),
])
def test_settings_that_make_no_sense_are_refused(short, change, says):
    given = {"policies": [], "years": [2025]} | change
    with pytest.raises(fm.FloormodelError, match=says):
        fm.simulate(short, given.pop("policies"), given.pop("years"), **given)


def test_plans_and_dates_that_make_no_sense_are_refused(short, plans):
    plant = plans[0].project
    with pytest.raises(ScenarioError, match=r"(?s)1 fault.*no output and no opened latent project of ndpr_oxide in EU27"):
        fm.simulate(short, [], [2025], plans=[fm.Plan(type(plant)(**{**vars(plant), "region": "EU27"}), 100.0, 100.0)])
    with pytest.raises(ScenarioError, match="hazard: found 1"):
        fm.Dated(FLOOR, hazard=1.0)
    with pytest.raises(ScenarioError, match=r"(?s)all three or none.*did you mean 'price'"):
        fm.Dated(FLOOR, field="prise")
    with pytest.raises(ScenarioError, match="a year after the start"):
        fm.Dated(FLOOR, start=2030, end=2030)
