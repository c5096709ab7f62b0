"""Projections of the package: what the IEA published, by the regions of each market; figures here are transcribed by hand."""

import csv
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from calibration import projections
from floormodel.dynamics.growth import trend

DATA = Path(__file__).parents[1] / "src" / "floormodel" / "data"
MARKETS = sorted(p.parent.name for p in DATA.glob("*/projections.csv"))


def series(market: str, scenario: str, variable: str, good: str, region: str) -> dict[int, float]:
    table = fm.load_projections(market)
    rows = table[(table["scenario"] == scenario) & (table["variable"] == variable) & (table["good"] == good) & (table["region"] == region)]
    return dict(zip(rows["year"].astype(int), rows["value"]))


def test_the_six_minerals_of_the_dataset_are_there():
    assert MARKETS == ["cobalt", "copper", "lithium", "natural_graphite", "nickel", "rare_earths"]


@pytest.mark.parametrize("name", MARKETS)
def test_shipped_projections_are_what_the_figures_give(tmp_path, name):
    (tmp_path / "market.toml").write_bytes((DATA / name / "market.toml").read_bytes())
    projections.build(name, tmp_path)
    for file in ("projections.csv", "projections_sources.csv"):
        assert (tmp_path / file).read_bytes() == (DATA / name / file).read_bytes()
    with (DATA / name / "projections_sources.csv").open(encoding="utf-8") as handle:
        assert set(fm.load_projections(name)["source"]) == {row["id"] for row in csv.DictReader(handle)}


@pytest.mark.parametrize("name", MARKETS)
def test_every_scenario_fits_its_market(name):
    """Each series has the benchmark year, demand rises to 2030 in every scenario, and scenarios without supply leave output alone."""
    market, table = fm.load_market(name), fm.load_projections(name)
    years = np.array([2024.0, 2030.0])
    assert len(set(table["scenario"])) == 6
    for scenario in set(table["scenario"]):
        demand, output = (trend(market, table, scenario, variable, years) for variable in ("final_demand", "output"))
        assert np.all(demand[0] == 1) and demand[1].max() > 1.1
        assert (np.ptp(output[1]) > 0) == scenario.endswith("announced_supply")


def test_demand_is_the_published_world_total():
    """Lithium: 205 kt in 2024, 455.5 kt in 2030 under stated policies (IEA, May 2025), so use grows by 455.5 / 205."""
    found = series("lithium", "stated_policies", "final_demand", "refined", "*")
    assert found[2024] == 205_000 and found[2030] == pytest.approx(455_487, abs=1)
    market = fm.load_market("lithium")
    factor = trend(market, fm.load_projections("lithium"), "stated_policies", "final_demand", np.array([2030.0]))
    assert np.allclose(factor[0, market.goods.index("refined")], 455_487 / 205_000, rtol=1e-5)
    assert np.all(factor[0, market.goods.index("mined")] == 1)


def test_countries_become_the_regions_of_the_market():
    """Finland stands for the European Union; India's copper (655 kt) joins the others' (9,890 kt), for it has no region of its own."""
    scenario = "net_zero_and_announced_supply"
    assert series("cobalt", scenario, "output", "refined", "EU27")[2024] == pytest.approx(20_119.7)
    assert series("copper", scenario, "output", "refined", "*")[2024] == 655_000 + 9_890_000
    assert series("rare_earths", scenario, "output", "ndpr_oxide", "AUS") == {}  # refined nothing in 2024: no trend
    assert series("rare_earths", "net_zero", "output", "ndpr_oxide", "CHN") == {}
