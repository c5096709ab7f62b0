"""Paths: one period is the static market, held prices bring the long run, stopping and going on changes nothing."""

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from floormodel.dynamics import chunks
from floormodel.dynamics.adjustment import speeds
from floormodel.dynamics.growth import COLUMNS, trend
from floormodel.dynamics.schedule import pattern_at, patterns, repeals, surviving
from floormodel.errors import OutputError, ScenarioError

BLOC = ["USA", "EU27", "JPN", "KOR"]
FLOOR = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000.0)


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
    quarters = fm.simulate(market, schedule, [2025, 2026], plans=plans, quarterly=True)
    half = fm.simulate(market, schedule, [2025], plans=plans, quarterly=True)
    rest = fm.simulate(market, schedule, [2026], plans=plans, quarterly=True, state=half.state)
    for v in ("price", "output", "running", "started"):
        assert np.array_equal(quarters.dataset[v].isel(period=slice(4, None)), rest.dataset[v], equal_nan=True), v
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
    for years, size in (([2025, 2026, 2027], 2), ([2025, 2026], 3)):
        with pytest.raises(OutputError, match="chunks of another run"):
            fm.simulate(market, [FLOOR], years, chunk=size, folder=tmp_path)
    chunk = tmp_path / "draws_000002.npz"
    for damaged in (chunk.read_bytes()[:200], b"", b"PK" + chunk.read_bytes()[2:-40] + b"x" * 40):
        chunk.write_bytes(damaged)
        ran.clear()
        assert same(fm.simulate(market, [FLOOR], [2025, 2026], chunk=2, folder=tmp_path), whole) and ran == [[2, 3]]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="found other files"):
        fm.simulate(market, [FLOOR], [2025], folder=tmp_path / "other")


@pytest.mark.slow
def test_a_process_that_was_killed_goes_on_from_its_chunks(short, tmp_path):
    """SIGKILL in the middle of a run of another process."""
    call = ("import floormodel as fm; market = fm.sample(fm.load_market('rare_earths', horizon='short'), 30, seed=3); "
            f"fm.simulate(market, [], range(2025, 2035), chunk=5, folder={str(tmp_path)!r})")
    process = subprocess.Popen([sys.executable, "-c", call])
    while not list(tmp_path.glob("draws_*.npz")):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    done = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("draws_*.npz")}
    assert 0 < len(done) < 6
    market = fm.sample(short, 30, seed=3)
    again = fm.simulate(market, [], range(2025, 2035), chunk=5, folder=tmp_path)
    assert same(again, fm.simulate(market, [], range(2025, 2035), chunk=5))
    assert all((tmp_path / name).stat().st_mtime_ns == when for name, when in done.items())


def test_progress_is_shown_period_by_period(short, capsys):
    fm.simulate(short, [FLOOR], [2025, 2026], progress=True)
    assert "4/4" in capsys.readouterr().err


def test_money_adds_up_in_every_period(short, plans):
    path = fm.simulate(fm.sample(short.open_projects("all"), 3, seed=1), [FLOOR], range(2025, 2030), plans=plans)
    assert path.converged.all() and float(path.dataset["identity"].max()) < 1e-9


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
