"""Debt of plants under price risk against lognormal closed forms; where a downstream plant goes under a floor."""

import numpy as np
import pytest
from scipy.stats import norm

import floormodel as fm
from floormodel.errors import ConvergenceError, ScenarioError
from floormodel.finance.cashflow import npv
from floormodel.finance.debt import DebtTerms
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, load_projects, project_cash_flow
from floormodel.indicators.location import location_choice
from floormodel.indicators.plant_prices import PlantPrices, read_prices
from floormodel.indicators.project_finance import price_for_chance, project_finance
from floormodel.indicators.viability import viability

RISK = OrnsteinUhlenbeck.from_half_life(2.0, 0.35)
TERMS = DebtTerms(interest_rate=0.07, tenor=10, dscr=1.4, gearing=0.7, inflation=0.02)
BLOC = ["USA", "EU27", "JPN", "KOR"]


def one_year(**changes) -> Project:
    """Capex 100 at once, 20 a tonne, one tonne sold three years on, no tax."""
    costs = dict(capex=100.0, opex=20.0, life=1, build_years=3, hurdle=0.0, output_exposure=0.8)
    return Project("plant", "refined", "USA", "refining", **(costs | changes))


SD = 0.8 * np.sqrt(RISK.variance(3.0))


def test_chance_of_a_breach_is_that_of_a_lognormal():
    """Service is 1 / 1.4 of the expected margin; it is covered 1.2 times while the price is above 20 + 1.2 / 1.4 x the margin."""
    terms = DebtTerms(interest_rate=0.05, tenor=4, dscr=1.4, gearing=1.0, inflation=0.0)
    found = project_finance(one_year(), PlantPrices(110.0, 15.0), terms, RISK, paths=100_000, seed=2)
    margin = 110.0 - 15.0 - 20.0
    assert found.debt == pytest.approx(margin / 1.4 / 1.05) and found.dscr == pytest.approx(1.4) and found.llcr == pytest.approx(1.4)
    # input costs move with the reference price as well, by 1 % for 1 %: hold them still
    still = project_finance(one_year(input_exposure=0.0), PlantPrices(110.0, 15.0), terms, RISK, paths=100_000, seed=2)
    least = 35.0 + 1.2 * margin / 1.4
    expected = norm.cdf((np.log(least / 110.0) + SD**2 / 2) / SD)
    assert still.breach == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 100_000)) and still.breach_years == still.breach
    assert found.breach < still.breach  # dear inputs when the product is dear
    assert still.covenant_price == pytest.approx(least) and still.covenant_binds.tolist() == [True]
    safe = project_finance(one_year(input_exposure=0.0), PlantPrices(110.0, 15.0), terms, RISK, guaranteed_price=least + 1e-9)
    assert safe.breach == 0 and safe.covenant_price == pytest.approx(least)


def test_worth_of_a_guarantee_is_what_it_pays_on_paths():
    project = one_year(hurdle=0.1)
    found = project_finance(project, PlantPrices(110.0), TERMS, RISK, PlantPrices(110.0), guaranteed_price=105.0,
                            repeal_hazard=0.1)
    d2 = (np.log(110.0 / 105.0) - SD**2 / 2) / SD
    put = 105.0 * norm.cdf(-d2) - 110.0 * norm.cdf(-d2 - SD)
    assert found.guarantee == pytest.approx(put * (0.9 / 1.1) ** 3)
    assert project_finance(project, PlantPrices(110.0), TERMS, RISK).guarantee == 0
    # it is what the guarantee adds to the value of a plant that pays no tax
    years = Project("plant", "refined", "USA", "refining", capex=100.0, opex=20.0, life=12, build_years=2, hurdle=0.1, ramp_years=3)
    for level in (0.0, 40.0, 60.0):
        with_it, without = (viability(years, PlantPrices(45.0), PlantPrices(40.0), risk=RISK, paths=1, repeal_hazard=0.05,
                                      guaranteed_price=k).npv[0] for k in (level, 0.0))
        paid = project_finance(years, PlantPrices(45.0), TERMS, RISK, PlantPrices(40.0), repeal_hazard=0.05, guaranteed_price=level)
        assert paid.guarantee[0] == pytest.approx(with_it - without, abs=1e-9)


def test_owners_gain_from_a_guarantee_below_the_mean_and_lenders_from_one_above_their_price():
    """Lenders see 110 x 0.9^0.8 = 101.1 as if it were sure; owners the mean of the larger of price and guarantee."""
    terms = DebtTerms(interest_rate=0.05, tenor=4, dscr=1.4, gearing=1.0, inflation=0.0, lenders_price=0.9)
    project = one_year(input_exposure=0.0, royalty=0.0)

    def found(guaranteed):
        return project_finance(project, PlantPrices(110.0, 15.0), terms, RISK, paths=20, guaranteed_price=guaranteed)

    lenders = 110.0 * 0.9**0.8
    for level in (0.0, 70.0, 100.0, 105.0):
        service = (max(lenders, level) - 35.0) / 1.4
        d1 = np.log(110.0 / max(level, 1e-9)) / SD + SD / 2
        mean = 110.0 * norm.cdf(d1) + level * norm.cdf(SD - d1)
        assert found(level).debt == pytest.approx(service / 1.05)
        assert found(level).dscr == pytest.approx((mean - 35.0) / service)
        borrowed = service / 1.05 / ((1.05**2 + 1.05 + 1) / 3)  # of the 100 spent, before interest during construction
        assert found(level).equity_npv == pytest.approx(borrowed - 100.0 + mean - 35.0 - service)
    values = np.ravel([found(k).equity_npv for k in (60.0, 70.0, 80.0, 90.0, 100.0)])
    assert np.all(np.diff(values) > 0)


def test_lenders_to_a_plant_whose_price_is_held_count_on_dear_inputs():
    """Held at 200, an input of 15 that follows the reference price by half costs 15 / 0.9^0.5 in the lenders' case, not 15 x 0.9^0.5."""
    terms = DebtTerms(interest_rate=0.05, tenor=4, dscr=1.4, gearing=1.0, inflation=0.0, lenders_price=0.9)
    plant = one_year(input_exposure=0.5, royalty=0.0, capex=1000.0)
    held = project_finance(plant, PlantPrices(110.0, 15.0), terms, RISK, paths=20, guaranteed_price=200.0)
    assert held.debt == pytest.approx((200.0 - 20.0 - 15.0 / 0.9**0.5) / 1.4 / 1.05)


def test_a_guarantee_of_the_covenant_price_keeps_the_covenant_while_it_stands():
    terms = DebtTerms(interest_rate=0.05, tenor=4, dscr=1.4, gearing=1.0, inflation=0.0)
    project, prices = one_year(input_exposure=0.0), PlantPrices(110.0, 15.0)
    least = 35.0 + 1.2 * 75.0 / 1.4  # 99.3, below the 110 that the debt is sized on

    def binds(guaranteed, hazard=0.0):
        return bool(project_finance(project, prices, terms, RISK, prices, paths=20, guaranteed_price=guaranteed,
                                    repeal_hazard=hazard).covenant_binds[0])

    assert [binds(k) for k in (0.0, least - 0.01, least + 0.01)] == [True, True, False]
    # repealed by year 3 with a chance of 1 - 0.99^3 = 3 %, too little to matter, or of 27 %, of which a third and more falls below
    assert not binds(least + 0.01, hazard=0.01) and binds(least + 0.01, hazard=0.1)


def test_price_at_which_a_plant_pays_with_a_given_chance():
    for chance in (0.5, 0.9):
        found = price_for_chance(one_year(), PlantPrices(100.0), RISK, chance, paths=100_000)
        assert found == pytest.approx(120.0 * np.exp(SD**2 / 2 + norm.ppf(chance) * SD), rel=0.01)
    assert price_for_chance(one_year(), PlantPrices(100.0), RISK, 0.9, guaranteed_price=121.0) == 0
    assert np.isnan(price_for_chance(one_year(), PlantPrices(np.nan), RISK, 0.9)).all()
    with pytest.raises(ConvergenceError, match="pays at no price"):
        price_for_chance(one_year(), PlantPrices(0.01), RISK, 0.5)
    with pytest.raises(ScenarioError, match="between 0 and 1"):
        price_for_chance(one_year(), PlantPrices(100.0), RISK, 1.0)


def test_lenders_who_count_on_less_lend_less_and_none_lend_to_a_loss():
    def lent(price, **changes):
        terms = DebtTerms(**(vars(TERMS) | changes))
        return project_finance(one_year(capex=60.0), PlantPrices(np.atleast_1d(price)), terms, RISK, paths=50)

    full, careful = lent(70.0), lent(70.0, lenders_price=0.8)
    # 1.02^3 (70 - 20) / 1.4 / 1.07 against 1.02^3 (70 x 0.8^0.8 - 20) / 1.4 / 1.07; gearing stays below its limit
    assert full.debt == pytest.approx(1.02**3 * 50 / 1.4 / 1.07) and careful.debt == pytest.approx(
        1.02**3 * (70 * 0.8**0.8 - 20) / 1.4 / 1.07)
    assert careful.dscr > full.dscr and careful.breach <= full.breach
    both = lent(np.array([10.0, np.nan]))
    assert both.debt[0] == 0 and np.isnan(both.breach[0]) and np.isnan(both.debt[1]) and not both.covenant_binds.any()


@pytest.fixture(scope="module")
def solved():
    market = fm.sample(fm.load_market("rare_earths", horizon="long"), 20, 1)
    floor = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000.0)
    runs = [fm.solve(market, [floor.model_copy(update={"coverage": c})]) for c in ([], ["magnet"])]
    return {"none": runs[0].base, "floor": runs[0].solved, "covered": runs[1].solved}


def test_where_a_magnet_plant_goes(solved):
    plant = load_projects("rare_earths")["magnet_plant"].drawn(20, seed=3)
    found = location_choice(solved, plant, "EU27", "VNM")
    for name, here in solved.items():
        prices = read_prices(here, "magnet", "EU27")
        assert found.home[name]["npv"] == pytest.approx(viability(plant, prices).npv)
        assert found.home[name]["margin"] == pytest.approx(prices.net_price - prices.input_cost - plant.opex)
    # the floor makes the input dear in the bloc alone and moves the plant away; covering its product gives most of it back
    none, floor, covered = (found.advantage(n) for n in ("none", "floor", "covered"))
    assert np.all(floor < covered) and np.all(floor < none) and np.median(none - covered) < 0.3 * np.median(none - floor)
    table = found.frame.set_index(["scenario", "place", "measure"])
    assert table.loc[("floor", "difference", "home_better"), "q50"] == np.mean(floor > 0)
    assert table.loc[("none", "difference", "home_holds"), "q50"] == 1
    assert table.loc[("floor", "difference", "home_holds"), "q95"] == pytest.approx(1.645**2 / (20 + 1.645**2), rel=1e-3)  # Wilson, 0 of 20
    assert table.loc[("floor", "EU27", "npv"), "q50"] == np.median(found.home["floor"]["npv"])
    # cheaper to build at home by more than the disadvantage: the plant stays without policy and leaves under the floor
    dear = Project(**(vars(plant) | {"capex": plant.capex + 1.05 * np.max(-none / 0.9)}))
    moved = location_choice(solved, plant, "EU27", "VNM", away_project=dear).frame.set_index(["scenario", "place", "measure"])["q50"]
    assert moved["none", "difference", "home_better"] == 1 and moved["floor", "difference", "moves_away"] > 0.5


def test_a_policy_likely_to_go_moves_fewer_plants(solved):
    plant = load_projects("rare_earths")["magnet_plant"]
    plant = Project(**(vars(plant) | {"tax": 0.0}))
    sure, unsure = (location_choice(solved, plant, "EU27", "ROW", repeal_hazard=h) for h in (0.0, 0.2))
    assert np.all(np.abs(unsure.advantage("floor") - unsure.advantage("none")) < np.abs(sure.advantage("floor") - sure.advantage("none")))
    # without tax the value is linear: each year's prices weighed by 0.8^t
    prices = [read_prices(solved[n], "magnet", "EU27") for n in ("floor", "none")]
    stands = 0.8 ** (plant.build_years + np.arange(plant.life))
    net, cost = (stands * a[:, None] + (1 - stands) * b[:, None] for a, b in zip(*[(p.net_price, p.input_cost) for p in prices]))
    assert unsure.home["floor"]["npv"] == pytest.approx(npv(plant.hurdle, project_cash_flow(plant, net, cost)))


def test_places_that_make_no_sense_are_refused(solved):
    plant = load_projects("rare_earths")["magnet_plant"]
    with pytest.raises(ScenarioError, match="two places"):
        location_choice(solved, plant, "EU27", "EU27")
    with pytest.raises(ScenarioError, match="nothing makes magnet in AUS"):
        location_choice(solved, plant, "EU27", "AUS")
    with pytest.raises(ScenarioError, match="'EU'"):
        location_choice(solved, plant, "EU", "ROW")
