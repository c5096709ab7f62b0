"""The price-floor brief on markets that lack a table: what is missing is said, and what is there is computed."""

import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import experiments.floor_brief as brief
import floormodel as fm
from experiments import analysis
from experiments.analysis import plant_viability
from experiments.floor_brief import Pages
from floormodel.indicators.catalogue import location_hhi
from floormodel.report.labels import REGIONS


def pages(name: str) -> Pages:
    bare = object.__new__(Pages)
    bare.r = SimpleNamespace(plants={}, market=fm.load_market(name))
    return bare


def test_a_market_without_costs_of_plants_says_so(monkeypatch):
    monkeypatch.setattr(analysis, "ships", lambda market, table: False)
    market = fm.load_market("ferrosilicon", horizon="long")
    runs = fm.compare(market, {"Floor": [fm.PriceFloor(good="ferrosilicon", members=["EU27"], price=2_000.0)]}, bloc=["EU27"])
    plants, prices = plant_viability(market, runs)
    assert plants == {} and prices.empty and list(prices.columns)[:2] == ["project", "scenario"]
    section = pages("ferrosilicon").viability()
    assert section.title == "Do plants pay?" and "no projects.csv" in str(section.blocks[0]) and len(section.blocks) == 1


def test_without_a_history_of_prices_plants_are_assessed_at_expected_ones():
    market = fm.load_market("ferrosilicon", horizon="long")
    runs = fm.compare(market, {"Floor": [fm.PriceFloor(good="ferrosilicon", members=["EU27"], price=2_000.0)]}, bloc=["EU27"])
    plants, _ = plant_viability(market, runs)
    without, under = (plants["Ferrosilicon smelter, European Union", s] for s in ("No policy", "Floor"))
    assert np.isnan(without.probability).all() and np.isfinite(without.npv).all()
    assert float(under.npv[0]) > float(without.npv[0])


def test_a_market_without_a_history_of_producers_says_so():
    assert "No history of producers is entered for Ferro-silicon" in pages("ferrosilicon")._history()[0]
    assert brief.ships("cobalt", "concentration.csv") and not brief.ships("cobalt", "nothing.csv")


def test_shares_that_round_above_one_leave_no_rest():
    """Germanium: the rest of the world makes none, so both bounds are the sum of squares."""
    share = np.array([[0.1, 0.2, 0.3, 0.4, 0.0]]) * (1 + 4e-16)
    assert 1 - share.sum() < 0
    low, high = location_hhi(share, ["CHN", "RUS", "CAN", "USA", "ROW"])
    assert np.allclose([low, high], 0.01 + 0.04 + 0.09 + 0.16)


def test_every_region_of_every_market_has_a_name():
    heads = [tomllib.loads(p.read_text(encoding="utf-8")) for p in (Path(fm.__file__).parent / "data").glob("*/market.toml")]
    assert len(heads) > 10
    for head in heads:
        assert set(head["regions"]) <= set(REGIONS), head["name"]
