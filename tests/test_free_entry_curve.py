"""The incentive-cost curve and the tables and charts of plants."""

import numpy as np
import pytest

import floormodel as fm
from floormodel.dynamics.incentive_curve import called_forth, incentive_curve
from floormodel.errors import ScenarioError
from floormodel.finance.debt import DebtTerms
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, incentive_price
from floormodel.indicators.location import location_choice
from floormodel.indicators.plant_prices import PlantPrices, read_prices
from floormodel.indicators.project_finance import project_finance
from floormodel.indicators.viability import viability
from floormodel.report import project_charts
from floormodel.report.style import Provenance, figure_bytes

BLOC = ["USA", "EU27", "JPN", "KOR"]


def plant(region, **changes) -> Project:
    costs = dict(capex=150_000.0, opex=20_000.0, life=20, build_years=3, hurdle=0.08, royalty=0.1)
    ranges = {"capex": (100_000.0, 250_000.0)}
    return Project(f"plant_{region.lower()}", "ndpr_oxide", region, "refining", ranges=ranges, **(costs | changes))


@pytest.fixture(scope="module")
def runs():
    market = fm.load_market("rare_earths", horizon="long")
    floor = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000.0)
    plain, covered = (fm.solve(market, [floor.model_copy(update={"coverage": c})]) for c in ([], ["magnet"]))
    return {"No policy": plain.base, "Floor": plain.solved, "Floor, products covered": covered.solved}


@pytest.fixture(scope="module")
def curve(runs):
    plans = [fm.Plan(plant("USA", opex=80_000.0), 1000.0, 4000.0), fm.Plan(plant("VNM"), 1000.0, 2000.0, non_delivery=0.5),
             fm.Plan(plant("EU27", opex=30_000.0), 1000.0, 3000.0)]
    return incentive_curve(plans, runs["Floor"], "ndpr_oxide", draws=400, seed=2)


def test_cheapest_plants_come_first(curve, runs):
    assert curve["region"].tolist() == ["VNM", "EU27", "USA"]
    assert curve["capacity"].tolist() == [1000, 3000, 4000] and curve["end"].tolist() == [1000, 4000, 8000]
    assert curve["begin"].tolist() == [0, 1000, 4000]
    inputs = read_prices(runs["Floor"], "ndpr_oxide", "VNM")
    assert curve["gets"][0] == pytest.approx(inputs.net_price[0] / 0.9) and np.isnan(curve["gets"][1])
    # needed price over the royalty is a straight line in capex: its quantiles are those of the triangular law from 100 to 250, mode 150
    low, high = (100_000 + np.sqrt(0.05 * 150_000 * 50_000)), (250_000 - np.sqrt(0.05 * 150_000 * 100_000))
    for column, capex in (("q05", low), ("q95", high)):
        expected = incentive_price(plant("VNM", capex=capex), inputs.input_cost[0]) / 0.9
        assert curve[column][0] == pytest.approx(expected, rel=0.02)


def test_what_a_floor_calls_forth(curve):
    middle = curve["q50"]
    assert called_forth(curve, middle[0] - 1)["q50"] == 0 and called_forth(curve, middle[1])["q50"] == 4000
    found = called_forth(curve, (middle[0] + curve["q95"][0]) / 2)
    assert found["q05"] == 0 <= found["q50"] <= found["q95"]
    with pytest.raises(ScenarioError, match="no plan for 'magnet'"):
        incentive_curve([fm.Plan(plant("USA"), 1.0, 1.0)], None, "magnet")


def text(figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))


def test_chart_of_the_curve(curve):
    floor = float(curve["q50"][1] + 1)
    figure = project_charts.incentive_curve(curve, floor=floor, provenance=Provenance("rare_earths", 2024, 400))
    axes = figure.axes[0]
    assert [p.get_height() for p in axes.patches] == pytest.approx(curve["q50"] / 1000)
    assert [p.get_width() for p in axes.patches] == pytest.approx([1, 3, 4])  # kt a year
    assert [p.get_hatch() for p in axes.patches] == ["", "", "////"]
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in dashed] == [floor / 1000]
    shown = text(figure)
    for words in ("NdPr oxide: what new plants need", "1  Plant, Viet Nam", "needs more", "USD/kg", "kt/yr", "rare_earths"):
        assert words in shown, words
    small = project_charts.incentive_curve(curve.assign(begin=curve["begin"] / 100, end=curve["end"] / 100))
    assert ", t/yr" in text(small) and "needs more" not in text(small)
    assert figure_bytes(figure, "png", dpi=40)


def test_chart_of_the_place_of_a_plant(runs):
    magnets = Project("m", "magnet", "EU27", "downstream", 75e3, 33e3, 20, 2, 0.08)
    frame = location_choice(runs, magnets, "EU27", "VNM").frame
    figure = project_charts.location(frame)
    left, right = figure.axes
    margins = frame[(frame["measure"] == "margin")].set_index(["scenario", "place"])["q50"] / 1000
    drawn = sorted(p.get_width() for p in left.patches)
    assert drawn == pytest.approx(sorted(margins[margins.index.get_level_values("place") != "difference"]))
    gains = frame[frame["measure"] == "advantage"]["q50"].to_numpy() / 1000
    assert [p.get_width() for p in right.patches] == pytest.approx(gains)
    assert "Viet Nam" in text(figure) and "Floor, products covered" in text(figure)


def test_table_of_what_lenders_see():
    risk = OrnsteinUhlenbeck.from_half_life(2.0, 0.35)
    terms = DebtTerms(interest_rate=0.07, tenor=10, dscr=1.4, gearing=0.6, inflation=0.02)
    project, prices = plant("USA"), PlantPrices(np.array([40_000.0, 70_000.0, 90_000.0, np.nan]), 25_000.0)
    pair = viability(project, prices, risk=risk, paths=100), project_finance(project, prices, terms, risk, paths=100)
    frame = project_charts.finance_frame({("Plant", "Floor"): pair})
    rows = frame.set_index("measure")
    assert set(frame["role"]) == {"refining"} and rows.loc["bankable", "q50"] == 0.5  # the loss and the unpriced draw get no loan
    assert rows.loc["breach", "q50"] == pytest.approx(np.mean(pair[1].breach[1:3])) and rows.loc["breach", "known"] == 0.5
    assert rows.loc["npv", "q50"] == np.median(pair[0].npv[:3]) and rows.loc["npv", "known"] == 0.75
    assert {"probability", "incentive_price", "dscr", "llcr", "covenant_price", "equity_irr"} <= set(frame["measure"])
    assert frame["unit"].notna().all()
