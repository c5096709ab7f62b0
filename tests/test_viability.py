"""Viability of representative plants against closed forms; the projects and price risk that come with the package."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from calibration.price_process import build
from calibration.price_series import index
from floormodel.errors import DataError, ScenarioError
from floormodel.finance.cashflow import npv
from floormodel.finance.price_process import OrnsteinUhlenbeck, load_price_risk
from floormodel.finance.price_units import money_of, price_index
from floormodel.finance.project import COLUMNS, Project, incentive_price, load_projects, project_cash_flow
from floormodel.indicators.plant_prices import expected_prices, low_price, path_prices, situation
from floormodel.indicators.viability import PlantPrices, viability

DATA = Path(__file__).parents[1] / "src" / "floormodel" / "data"
MARKETS = ("rare_earths", "cobalt")
RISK = OrnsteinUhlenbeck.from_half_life(2.0, 0.35)


def plant(**changes) -> Project:
    costs = dict(capex=100.0, opex=20.0, life=20, build_years=2, hurdle=0.08, tax=0.25, royalty=0.1)
    return Project("plant", "ndpr_oxide", "USA", "refining", **(costs | changes))


def test_certain_prices_give_the_value_of_the_cash_flow():
    project = plant()
    found = viability(project, PlantPrices(60.0, 15.0, 12.0))
    assert found.npv == pytest.approx(npv(0.08, project_cash_flow(project, 60.0, 15.0)))
    assert found.npv_money == pytest.approx(npv(0.08, project_cash_flow(project, 60.0, 12.0)))
    assert found.incentive_net_price == pytest.approx(incentive_price(project, 15.0))
    assert found.incentive_gate_price == pytest.approx(incentive_price(project, 15.0) / 0.9)
    assert found.incentive_net_price_money == pytest.approx(incentive_price(project, 12.0))
    assert npv(found.irr, project_cash_flow(project, 60.0, 15.0)) == pytest.approx(0, abs=1e-9)
    assert np.isnan(found.probability) and found.reason == ("",)
    assert found.npv.shape == (1,) and found.npv_band.shape == (1, 3)


def test_a_hazard_of_repeal_discounts_the_support_alone():
    # without tax the value is that of benchmark prices and the support, each year's weighed by (1 - hazard)^t
    project, hazard = plant(tax=0.0), 0.07
    before, after = PlantPrices(60.0, 15.0), PlantPrices(45.0, 10.0)
    found = viability(project, before, after, repeal_hazard=hazard)
    year = 2 + np.arange(20)
    support = np.sum((60.0 - 15.0 - 45.0 + 10.0) * (0.93 / 1.08) ** year)
    assert found.npv == pytest.approx(npv(0.08, project_cash_flow(project, 45.0, 10.0)) + support, rel=1e-12)
    assert viability(project, before, after).npv == pytest.approx(npv(0.08, project_cash_flow(project, 60.0, 15.0)))


def one_year(**changes) -> Project:
    """Capex 100 now, one tonne sold three years on, no tax: it pays when the price then exceeds 20 + 100 x 1.08^3."""
    return plant(life=1, build_years=3, capex=100.0, tax=0.0, hurdle=0.0, **changes)


def test_probability_with_one_year_of_sales_is_that_of_a_lognormal():
    exposure, paths = 0.8, 200_000
    found = viability(one_year(output_exposure=exposure), PlantPrices(125.0), risk=RISK, paths=paths, seed=5)
    deviation = exposure * np.sqrt(RISK.variance(3.0))
    expected = norm.cdf((np.log(125.0 / 120.0) - deviation**2 / 2) / deviation)
    assert found.probability[0] == pytest.approx(expected, abs=4 * np.sqrt(0.25 / paths))
    quantiles = 125.0 * np.exp(norm.ppf([0.05, 0.5, 0.95]) * deviation - deviation**2 / 2) - 120.0
    assert found.npv_band[0] == pytest.approx(quantiles, abs=0.01 * 125)


def test_an_exposed_input_hedges_an_exposed_product():
    prices = PlantPrices(125.0, 100.0)  # the margin of 25 just covers 20 and a capex of 5
    bare, hedged = (viability(one_year(input_exposure=e), prices, risk=RISK, paths=20_000) for e in (0.0, 1.0))
    assert np.ptp(hedged.npv_band) < 0.3 * np.ptp(bare.npv_band)


def test_probability_under_repeal_is_that_of_the_policy_being_there():
    # sure prices: the plant pays if the policy stands in year 3 and not otherwise
    sure, paths = OrnsteinUhlenbeck(1.0, 0.0), 50_000
    found = viability(one_year(), PlantPrices(130.0), PlantPrices(60.0), risk=sure, paths=paths, repeal_hazard=0.1)
    assert found.probability[0] == pytest.approx(0.9**3, abs=4 * np.sqrt(0.2 / paths))


def test_a_guarantee_above_cost_makes_a_plant_safe_until_it_is_repealed():
    prices = PlantPrices(100.0)
    alone = viability(one_year(), prices, risk=RISK)
    safe = viability(one_year(), prices, risk=RISK, guaranteed_price=121.0)
    assert alone.npv[0] < 0 < safe.npv[0] and alone.probability[0] < 0.5
    assert safe.probability[0] == 1.0 and safe.npv_band[0, 0] == pytest.approx(1.0)
    unsafe = viability(one_year(), prices, prices, risk=RISK, guaranteed_price=121.0, repeal_hazard=0.2)
    assert alone.probability[0] < unsafe.probability[0] < 1.0


@pytest.mark.parametrize("guaranteed", [30.0, 45.0, 60.0])
@pytest.mark.parametrize("hazard", [0.0, 0.1])
def test_value_under_a_guarantee_is_the_mean_over_price_paths(guaranteed, hazard):
    """Without tax the cash flow is linear in each year's price, so that the two are one number."""
    project, paths = plant(tax=0.0, output_exposure=0.9, working_capital=0.1, ramp_years=3), 20_000
    prices, benchmark = PlantPrices(48.0, 15.0, price_exposure=0.8), PlantPrices(40.0, 14.0)
    found = viability(project, prices, benchmark, risk=RISK, paths=1, repeal_hazard=hazard, guaranteed_price=guaranteed)
    at = situation(prices, benchmark, hazard, guaranteed, 0)
    values = npv(0.08, project_cash_flow(project, *path_prices(project, at, RISK, paths, [11])))
    error = values.std() / np.sqrt(paths)
    assert found.npv[0] == pytest.approx(values.mean(), abs=3 * error)
    if hazard == 0:  # the guarantee pays by itself, not only where it lies above the mean
        floored = npv(0.08, project_cash_flow(project, max(48.0, guaranteed), 15.0))
        assert found.npv[0] > floored + 4 * error


def test_a_guarantee_is_worth_the_more_the_higher_and_none_is_worth_nothing():
    def value(guaranteed, risk=RISK):
        return viability(plant(), PlantPrices(48.0, 15.0), risk=risk, paths=1, guaranteed_price=guaranteed).npv[0]

    worth = [value(k) for k in (0.0, 10.0, 30.0, 40.0, 48.0, 60.0, 80.0)]
    assert np.all(np.diff(worth) > 0) and worth[0] == viability(plant(), PlantPrices(48.0, 15.0)).npv[0]
    assert worth[0] == pytest.approx(npv(0.08, project_cash_flow(plant(), 48.0, 15.0)), rel=1e-12)
    sure = OrnsteinUhlenbeck(1.0, 0.0)  # prices that do not move: the larger of the two
    assert [value(k, risk=sure) for k in (40.0, 60.0)] == pytest.approx(
        [npv(0.08, project_cash_flow(plant(), p, 15.0)) for p in (48.0, 60.0)], rel=1e-12)
    # one tonne in year 3: the mean of a floored lognormal
    deviation = np.sqrt(RISK.variance(3.0))
    d1 = np.log(100.0 / 110.0) / deviation + deviation / 2
    mean = 100.0 * norm.cdf(d1) + 110.0 * norm.cdf(deviation - d1)
    assert viability(one_year(), PlantPrices(100.0), risk=RISK, guaranteed_price=110.0).npv[0] == pytest.approx(mean - 120.0)
    with pytest.raises(ScenarioError, match=r"guaranteed_price = 110 without risk.*sigma=0"):
        viability(one_year(), PlantPrices(100.0), guaranteed_price=110.0)


def test_a_guarantee_takes_the_place_of_a_price_below_zero():
    project = plant()
    net, _, _ = expected_prices(project, situation(PlantPrices(-5.0), None, 0.0, 40.0, 0), RISK)
    assert net == pytest.approx(40.0)


def test_low_price_is_a_quantile_of_what_the_plant_gets():
    project = plant(output_exposure=0.9)
    years, at = 2 + np.arange(20), situation(PlantPrices(50.0), PlantPrices(40.0), 0.0, 30.0, 0)
    spread = 0.9 * np.sqrt(RISK.variance(years))
    quantile = 50.0 * np.exp(norm.ppf(0.1) * spread - spread**2 / 2)
    assert quantile.min() < 30 < quantile.max()
    assert low_price(project, at, RISK, 0.1) == pytest.approx(np.maximum(quantile, 30.0), rel=1e-9)
    # with a hazard both cases count: the share of paths below it is a tenth, or less where it stands at the guarantee
    risky = at._replace(hazard=0.05)
    low = low_price(project, risky, RISK, 0.1)
    seen, _ = path_prices(project, risky, RISK, 40_000, [3])
    held = np.isclose(low, 30.0, rtol=1e-9)
    assert held.any() and not held.all()
    assert np.mean(seen < low, axis=0)[~held] == pytest.approx(0.1, abs=0.006)
    assert np.all(np.mean(seen < low * (1 - 1e-9), axis=0) < 0.106) and np.all(np.mean(seen <= low * (1 + 1e-9), axis=0) > 0.094)


def test_a_price_held_by_a_floor_carries_less_risk():
    wide, narrow = (viability(plant(), PlantPrices(50.0, price_exposure=e), risk=RISK) for e in (1.0, 0.2))
    assert narrow.npv == wide.npv
    assert np.ptp(narrow.npv_band) < 0.4 * np.ptp(wide.npv_band)


def test_draws_of_prices_and_costs_go_together():
    project = plant().drawn(3, seed=1)
    assert project.capex == 100.0  # no range, nothing drawn
    ranged = Project(**(vars(plant()) | {"ranges": {"capex": (80.0, 150.0), "life": (10.0, 30.0)}}))
    drawn = ranged.drawn(500, seed=1)
    assert drawn.life == 20 and np.all((drawn.capex >= 80) & (drawn.capex <= 150))
    assert np.mean(drawn.capex) == pytest.approx((80 + 100 + 150) / 3, abs=2.5)  # mean of a triangular law
    assert np.array_equal(drawn.capex[:50], ranged.drawn(50, seed=1).capex)
    found = viability(drawn, PlantPrices(np.linspace(40, 60, 500), 15.0), risk=RISK, paths=20)
    assert found.npv.shape == found.irr.shape == found.probability.shape == (500,)
    one = viability(drawn.at(7), PlantPrices(np.linspace(40, 60, 500)[7], 15.0))
    assert found.npv[7] == pytest.approx(one.npv[0]) and found.irr[7] == pytest.approx(one.irr[0])


def test_what_cannot_be_valued_says_why():
    unpriced = viability(plant(), PlantPrices(np.nan, 15.0), risk=RISK)
    assert unpriced.reason == ("no_price",) and np.isnan(unpriced.npv[0]) and np.isnan(unpriced.probability[0])
    assert np.isfinite(unpriced.incentive_net_price[0])  # what it needs is known all the same
    ruined = viability(plant(), PlantPrices(10.0, 15.0), risk=RISK, paths=50)
    assert ruined.reason == ("no_irr",) and np.isnan(ruined.irr[0]) and ruined.npv[0] < 0 and ruined.probability[0] == 0
    with pytest.raises(ScenarioError, match="different numbers of draws"):
        viability(plant(), PlantPrices(np.ones(3), np.ones(4)))
    with pytest.raises(ScenarioError, match="repeal_hazard"):
        viability(plant(), PlantPrices(60.0), repeal_hazard=0.1)
    with pytest.raises(ScenarioError, match="repeal_hazard"):
        viability(plant(), PlantPrices(60.0), PlantPrices(50.0), repeal_hazard=1.5)


@pytest.mark.parametrize("market", MARKETS)
def test_projects_of_the_package_are_complete(market):
    projects = load_projects(market)
    assert {p.role for p in projects.values()} >= {"upstream", "refining"}
    for project in projects.values():
        assert {"capex", "opex", "hurdle"} <= set(project.ranges)
        assert project.ranges["hurdle"][0] < project.hurdle < project.ranges["hurdle"][1]
        assert 0 < incentive_price(project) < 3 * project.capex


def test_costs_of_a_plant_are_in_money_of_the_benchmark_year():
    """First Cobalt's 2.72 USD/lb of 2020 in money of 2024, by the consumer prices published for the two years: 258.811 and 313.689."""
    project = load_projects("cobalt")["cobalt_refinery"]
    assert project.opex == pytest.approx(2.72 / 0.45359237e-3 * 313.689 / 258.811, rel=1e-4)
    assert project.ranges["opex"] == pytest.approx((4500 * 313.689 / 258.811, 6600 * 313.689 / 258.811), rel=1e-12)
    assert project.capex == 15_000 and project.ranges["hurdle"] == load_projects("cobalt", 2020)["cobalt_refinery"].ranges["hurdle"]
    then = load_projects("cobalt", 2020)["cobalt_refinery"]
    assert then.opex == 5997 and then.capex == pytest.approx(15_000 * 258.811 / 313.689)
    # the credit for by-products is money too; a year after the last of the index counts as that one
    assert load_projects("rare_earths")["mine_and_separation_aus"].byproduct_credit == pytest.approx(9310 * 313.689 / 292.655)
    assert load_projects("aluminium")["aluminium_smelter"].capex == pytest.approx(6300 * 313.689 / 321.943)


def test_the_price_index_is_that_of_the_price_series():
    ours, theirs = price_index(), index()
    stated = theirs["value"][(theirs["source"] != "assumption") & (theirs.index >= ours.index[0])]
    assert len(stated) == 33 and ours.loc[stated.index].tolist() == stated.tolist()
    assert ours.index.tolist() == list(range(1992, 2026))
    assert abs(ours[2025] / theirs["value"][2025] - 1) < 0.002  # what was assumed there before it was published
    rows, known = (pd.read_csv(DATA / name) for name in ("us_cpi.csv", "us_cpi_sources.csv"))
    assert set(rows["source"]) == set(known["id"])
    assert money_of(ours, 2030, 2024) == money_of(ours, 2025, 2024) < 1 == money_of(ours, 2024, 2024)
    with pytest.raises(DataError, match="found the year 1980; expected 1992"):
        money_of(ours, 1980, 2024)


def test_a_folder_of_plants_alone_is_in_money_of_its_latest_cost(tmp_path):
    costs = {"capex": ("100", "2015"), "opex": ("20", "2023"), "life": ("20", "2024"), "build_years": ("2", ""), "hurdle": ("0.08", "")}
    rows = [["plant", "refined", "USA", "refining", name, value, "", "", "", year, "study", ""] for name, (value, year) in costs.items()]
    (tmp_path / "projects.csv").write_text("\n".join(",".join(row) for row in [COLUMNS, *rows]))
    (tmp_path / "projects_sources.csv").write_text("id,title\nstudy,A study\n")
    project = load_projects(tmp_path)["plant"]
    assert project.opex == 20 and project.capex == pytest.approx(100 * 304.702 / 237.017) and project.life == 20
    (tmp_path / "market.toml").write_text("year = 2015\n")
    project = load_projects(tmp_path)["plant"]
    assert project.capex == 100 and project.opex == pytest.approx(20 * 237.017 / 304.702)


FAULTS = {
    "capexx": ("parameter", "capexx", "did you mean 'capex'"),
    "text": ("value", "many", "number from 0"),
    "negative": ("value", "-1", "number from 0"),
    "range": ("low", "1e8", "low <= value <= high"),
    "source": ("source", "nowhere", "projects_sources.csv"),
    "assumed": ("source", "assumption", "low, high and a note"),
    "role": ("role", "miner", "upstream"),
    "no year": ("year", "", "the year of its money"),
    "no such year": ("year", "20224", "the year of its money"),
    "currency": ("unit", "EUR per t/yr", "a unit in USD"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_project_table_names_the_cell(tmp_path, fault):
    column, value, expected = FAULTS[fault]
    needed = {"capex": "100", "opex": "20", "life": "20", "build_years": "2", "hurdle": "0.08"}
    rows = [["plant", "refined", "USA", "refining", name, number, "", "", "", "2024", "study", ""]
            for name, number in needed.items()]
    rows[0][COLUMNS.index(column)] = value
    text = "\n".join(",".join(row) for row in [COLUMNS, *rows])
    (tmp_path / "projects.csv").write_text(text)
    (tmp_path / "projects_sources.csv").write_text("id,title\nstudy,A study\n")
    with pytest.raises(DataError, match=r"line 2 \(plant") as told:
        load_projects(tmp_path)
    assert expected in str(told.value)


def test_a_project_without_a_needed_cost_is_refused(tmp_path):
    row = ["plant", "refined", "USA", "refining", "capex", "100", "", "", "", "2024", "study", ""]
    (tmp_path / "projects.csv").write_text("\n".join([",".join(COLUMNS), ",".join(row)]))
    (tmp_path / "projects_sources.csv").write_text("id,title\nstudy,A study\n")
    with pytest.raises(DataError, match=r"missing .*'hurdle'"):
        load_projects(tmp_path)
    with pytest.raises(DataError, match=r"projects\.csv"):
        load_projects(tmp_path / "elsewhere")


@pytest.mark.parametrize("market", MARKETS)
def test_price_risk_of_the_package_is_what_the_figures_give(tmp_path, market):
    build(market, tmp_path)
    for name in ("price_process.csv", "price_process_fit.csv", "price_process_sources.csv"):
        assert (tmp_path / name).read_text() == (DATA / market / name).read_text(), name
    risk = load_price_risk(market)
    assert risk.half_life[0] < risk.process.half_life < risk.half_life[1]
    assert risk.sigma[0] < risk.process.sigma < risk.sigma[1]


def test_a_market_without_price_risk_says_so(tmp_path):
    with pytest.raises(DataError, match=r"price_process\.csv"):
        load_price_risk(tmp_path)
