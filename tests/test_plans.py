"""Plans of plants: the tables of the package fit their markets, faults are named at once, a plant with its own mine digs its ore."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.dynamics.entry import at_nodes, check_plans
from floormodel.dynamics.plans import COLUMNS
from floormodel.finance.project import load_projects

DATA = Path(__file__).parents[1] / "src" / "floormodel" / "data"
MARKETS = sorted(p.parent.name for p in DATA.glob("*/plans.csv"))
PROJECT_ROWS = "\n".join(["project,good,region,role,parameter,value,unit,low,high,year,source,note", *(
    f"plant,refined,KOR,refining,{name},{value},u,,,2024,study," for name, value in
    (("capex", 100), ("opex", 20), ("life", 20), ("build_years", 2), ("hurdle", 0.08)))])


def write(folder: Path, rows: list[list[str]]) -> Path:
    (folder / "projects.csv").write_text(PROJECT_ROWS)
    (folder / "projects_sources.csv").write_text("id,title\nstudy,A study\n")
    (folder / "plans_sources.csv").write_text("id,title\nstudy,A study\n")
    (folder / "plans.csv").write_text("\n".join(",".join(row) for row in [COLUMNS, *rows]))
    return folder


def rows_of(plan: str, region: str = "KOR", per_year: str = "10", total: str = "40", non_delivery: str = "0.25") -> list[list[str]]:
    return [[plan, "plant", region, name, value, "u", "", "", "2025", "study", ""]
            for name, value in (("per_year", per_year), ("total", total), ("non_delivery", non_delivery))]


def test_markets_with_announced_plants_have_plans():
    assert {"rare_earths", "cobalt", "lithium", "natural_graphite", "nickel"} <= set(MARKETS)


@pytest.mark.parametrize("name", MARKETS)
def test_plans_of_the_package_fit_their_market(name):
    plans = fm.load_plans(name)
    check_plans(plans, fm.load_market(name, horizon="short").open_projects("all"))
    assert all(0 < p.per_year <= p.total and 0 < p.non_delivery < 1 for p in plans)


def test_a_table_is_read_as_it_says(tmp_path):
    first, second = fm.load_plans("mine", write(tmp_path, rows_of("a") + rows_of("b", "EU27", "5", "5", "0")))
    assert (first.region, first.per_year, first.total, first.non_delivery) == ("KOR", 10.0, 40.0, 0.25)
    assert (second.region, second.good, second.total, second.non_delivery) == ("EU27", "refined", 5.0, 0.0)
    assert second.project.capex == first.project.capex == 100.0 and second.project.name == "plant"


def test_a_plant_planned_elsewhere_keeps_its_costs():
    moved = next(p for p in fm.load_plans("rare_earths") if p.region == "MYS")
    at_home = load_projects("rare_earths")["ndpr_refinery"]
    assert (at_home.region, moved.good) == ("USA", "ndpr_oxide")
    assert (moved.project.capex, moved.project.hurdle) == (at_home.capex, at_home.hurdle)


def test_every_fault_of_a_table_is_told_at_once(tmp_path):
    rows = rows_of("a") + rows_of("b", "EU27", per_year="50") + rows_of("c", "USA", non_delivery="1.2") + rows_of("d", "JPN")[:2]
    rows += rows_of("e", "CAN", per_year="many") + rows_of("f")
    rows[0][3], rows[1][9] = "per_yer", "nowhere"
    rows[2][9:] = ["assumption", ""]
    rows[-1][1] = rows[-2][1] = rows[-3][1] = "plnt"
    with pytest.raises(fm.DataError) as told:
        fm.load_plans("mine", write(tmp_path, rows))
    text = str(told.value)
    for part in ("did you mean 'per_year'", "nowhere", "low, high and a note with the reason", "total 40, per_year 50",
                 "a share from 0 to below 1", "parameters per_year, total", "many", "did you mean 'plant'"):
        assert part in text, part


def test_a_table_that_is_not_there_or_has_other_columns(tmp_path):
    with pytest.raises(fm.DataError, match=r"no plans\.csv"):
        fm.load_plans("textbook", tmp_path)
    write(tmp_path, rows_of("a"))
    (tmp_path / "plans.csv").write_text("plan,project\na,plant\n")
    with pytest.raises(fm.DataError, match="header plan,project; expected plan,project,region"):
        fm.load_plans("textbook", tmp_path)


def test_regions_are_those_of_the_market_beside_the_table(tmp_path):
    write(tmp_path, rows_of("a", "MARS") + rows_of("b", "KOR") + rows_of("c", "KOR"))
    (tmp_path / "market.toml").write_text('regions = ["KOR", "USA"]\n')
    with pytest.raises(fm.DataError) as told:
        fm.load_plans("mine", tmp_path)
    assert "MARS" in str(told.value) and "one plan per plant and region" in str(told.value)


def test_a_plant_with_a_mine_of_its_own_buys_no_ore():
    """Nolans digs what it separates: at a recovery of 0.9, 900 t of oxide come with 1,000 t of ore, and the oxide is all margin."""
    market = fm.load_market("rare_earths", horizon="short").open_projects("all")
    own = next(p for p in fm.load_plans("rare_earths") if p.region == "AUS")
    bought = replace(own, project=replace(own.project, role="refining"))
    g, r = {x: i for i, x in enumerate(market.goods)}, market.regions.index("AUS")
    tonnes = at_nodes([own], np.array([[900.0]]), market)[0]
    assert tonnes[g["ndpr_oxide"], r] == 900 and tonnes[g["mined"], r] == pytest.approx(1000) and tonnes.sum() == pytest.approx(1900)
    assert at_nodes([bought], np.array([[900.0]]), market)[0].sum() == 900
    met = {p.project.role: fm.simulate(market, [], [2025], plans=[p]).dataset["expected"].sel(scenario="none").values.ravel()
           for p in (own, bought)}
    assert met["upstream"][1] == 0 and met["refining"][1] > 20_000
    with pytest.raises(fm.ScenarioError, match="a mine of its own, and no output of mined in JPN"):
        check_plans([replace(own, project=replace(own.project, region="JPN"))], market)


def test_the_example_of_the_documentation_runs():
    text = (Path(__file__).parents[1] / "docs" / "paths.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", text, re.S).group(1), names)  # noqa: S102
    path = names["path"]
    made = path.dataset["output"].sel(scenario="policy", good="ndpr_oxide", draw=0)
    assert path.converged.all() and float(made.sel(region="CHN", period=2028)) < float(made.sel(region="CHN", period=2027))
    assert float(path.change("buyer_price").sel(good="ndpr_oxide", region="JPN", period=2029)[0]) > 0
