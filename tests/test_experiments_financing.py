"""The experiment on financing against hand-made cash flows, closed forms and the directions that theory gives."""

import dataclasses
import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import floormodel as fm
from experiments.__main__ import main
from experiments.cases import case_of
from experiments.financing_answers import Answers, listed, trigger_word, trigger_words
from experiments.financing_offers import ALONE, gift, strike
from experiments.financing_results import HAZARDS, assumptions, compute, flip_hazard, terms_of
from experiments.financing_value import TERMS_OF_YEARS, tied, worth
from experiments.financing_variants import AS_IT_IS, COLUMNS, HALF, HIGHER, NO_ENTRY, Setting, contracts, flips, lent, plant_of, solved
from experiments.ten_years_results import COVERED, FLOOR, NONE, SUBSIDY
from floormodel.errors import ScenarioError
from floormodel.finance.project import incentive_price, load_projects
from floormodel.indicators.plant_prices import read_prices
from floormodel.report import financing_charts

REFINERY = "NdPr refinery, United States"


@pytest.fixture(scope="module")
def found():
    return compute("rare_earths", 2, 7, iter)


def site(found, label):
    return next(s for s in found.sites if s.label == label)


def by_hand(plant, net, cost):
    """Net present value year by year: capex in equal parts, ramp, tax on profit after losses brought forward, working capital released."""
    value = sum(-plant.capex / plant.build_years / (1 + plant.hurdle) ** t for t in range(plant.build_years))
    lost, capital = 0.0, 0.0
    net, cost = (np.broadcast_to(x, plant.life) for x in (net, cost))
    for year in range(plant.life):
        tonnes = plant.utilisation * min(1.0, (year + 1) / plant.ramp_years)
        revenue = tonnes * (net[year] + plant.byproduct_credit)
        operating = revenue - tonnes * (cost[year] + plant.opex) - plant.sustaining * plant.capex
        profit = operating - (plant.capex / plant.depreciation_years if year < plant.depreciation_years else 0.0) - lost
        lost, taxed = max(-profit, 0.0), max(profit, 0.0)
        now = plant.working_capital * revenue if year < plant.life - 1 else 0.0
        value += (operating - plant.tax * taxed - (now - capital)) / (1 + plant.hurdle) ** (plant.build_years + year)
        capital = now
    return value


@pytest.mark.parametrize("measure", [NONE, FLOOR, COVERED])
def test_value_and_price_needed_are_those_of_the_cash_flow(found, measure):
    for s in found.sites:
        cell = found.cells[s.label, measure]
        for k in range(2):
            plant = s.drawn.at(k)
            net, cost = (float(np.broadcast_to(x, 2)[k]) for x in (cell.offer.prices.net_price, cell.offer.prices.input_cost))
            assert cell.value[0.0].npv[k] == pytest.approx(by_hand(plant, net, cost), rel=1e-9)
            needed = cell.value[0.0].incentive_net_price[k]
            assert abs(by_hand(plant, needed, cost)) < 1e-6 * plant.capex
            assert (net > needed) == (cell.pays()[k] == 1)


def test_a_guarantee_far_above_the_price_is_worth_its_level(found):
    """The oxide stands at half the strike: what is left of the option beyond the gap is small, and never below nothing."""
    for s in (x for x in found.sites if x.plan.good == "ndpr_oxide"):
        cell = found.cells[s.label, ALONE]
        for k in range(2):
            plant = s.drawn.at(k)
            cost = float(np.broadcast_to(cell.offer.prices.input_cost, 2)[k])
            least = by_hand(plant, cell.offer.guaranteed, cost)
            assert least * (1 - 1e-9) <= cell.value[0.0].npv[k] <= least + 0.2 * plant.capex


def test_more_doubt_never_helps_a_plant_that_the_measure_supports(found):
    for label in (REFINERY, "NdPr refinery, European Union"):
        for measure in (FLOOR, COVERED, SUBSIDY, ALONE):
            cell = found.cells[label, measure]
            values = np.array([cell.value[h].npv for h in HAZARDS])
            chances = np.array([cell.value[h].probability for h in HAZARDS])
            assert np.all(np.diff(values, axis=0) < 0) and np.all(np.diff(chances, axis=0) <= 0), (label, measure)
            rules = found.triggers[(found.triggers["plant"] == label) & (found.triggers["measure"] == measure)]
            assert np.all(np.diff(rules["npv"]) < 0) and list(rules["hazard"]) == list(HAZARDS)


def test_a_price_that_is_more_often_enough_is_higher(found):
    """A plant without a guarantee pays with a chance of four in five only above the price at which it pays on average."""
    for s in found.sites:
        cell = found.cells[s.label, NONE]
        assert np.all(cell.needed > cell.value[0.0].incentive_net_price)
    assert np.all(found.cells[REFINERY, ALONE].needed < found.cells[REFINERY, NONE].needed)


def test_coverage_raises_the_margin_of_the_magnet_plant_in_the_bloc(found):
    assert {h for h, _, _ in found.places} == {"USA", "EU27"} and {a for _, a, _ in found.places} == {"CHN", "VNM"}
    for (home, _, hazard), choice in found.places.items():
        assert np.all(choice.home[COVERED]["margin"] >= choice.home[FLOOR]["margin"])
        assert np.all(choice.advantage(COVERED) >= choice.advantage(FLOOR))
        plant = site(found, "Magnet plant, United States").drawn  # one set of costs in every place
        for m in (FLOOR, COVERED, SUBSIDY):
            kept = found.runs[m].dataset["margin"].sel(good="magnet", region=home).values
            assert np.allclose(choice.home[m]["margin"], kept - plant.opex + plant.byproduct_credit)
        if hazard == 0:
            doubted = found.places[home, "CHN", HAZARDS[-1]]
            assert np.allclose(doubted.advantage(NONE), found.places[home, "CHN", 0.0].advantage(NONE))


def test_a_gap_payment_is_told_apart_from_the_price(found):
    for s in (x for x in found.sites if x.inside and x.plan.good == "ndpr_oxide"):
        given = found.cells[s.label, SUBSIDY].offer
        met = read_prices(found.runs[SUBSIDY].solved, s.plan.good, s.plan.region)
        assert np.allclose(np.maximum(given.prices.net_price, given.guaranteed), met.net_price)
        assert np.all(np.asarray(given.prices.net_price) < np.asarray(found.cells[s.label, NONE].offer.prices.net_price))  # more is made
    outside = found.cells["NdPr refinery, Malaysia", SUBSIDY].offer
    assert outside.guaranteed == 0


def test_how_much_of_a_shock_is_left(found):
    """A floor at the border steadies the price of oxide inside, a subsidy does not; nothing is left below zero or above one."""
    for c in found.cells.values():
        assert 0 <= c.offer.prices.price_exposure <= 1 and 0 <= c.offer.input_share <= 1
    assert found.cells[REFINERY, FLOOR].offer.prices.price_exposure < found.cells[REFINERY, SUBSIDY].offer.prices.price_exposure
    assert found.cells["Magnet plant, European Union", FLOOR].offer.input_share < 1
    assert found.cells[REFINERY, FLOOR].offer.input_share == 1


def test_a_contract_stands_where_the_floor_stands():
    market = fm.load_market("rare_earths", horizon="long").open_projects("all")
    case, price = case_of(market), market.dataset["price0"]
    oxide = float(price.sel(good="ndpr_oxide").max())
    assert strike(market, case, "ndpr_oxide", "AUS") == 110_000
    ore = float(price.sel(good="mined", region="ROW"))
    assert strike(market, case, "mined", "ROW") / ore == pytest.approx(110_000 / oxide)
    content = float(market.dataset["recipe"].sel(good="magnet", input="ndpr_oxide"))
    assert strike(market, case, "magnet", "EU27") - float(price.sel(good="magnet", region="EU27")) == pytest.approx(
        content * (110_000 - oxide))


def test_worth_of_contracts(found):
    """A two-way contract is the gap times the tonnes discounted; one-way is worth more, least where it may go, most on a random walk."""
    table = contracts(found).set_index("plant")
    for s in found.sites:
        row, p = table.loc[s.label], s.plan
        tonnes = sum(p.utilisation * min(1.0, (t + 1) / p.ramp_years) / (1 + p.hurdle) ** (p.build_years + t) for t in range(p.life))
        assert row["two_way"] == pytest.approx((row["strike"] - row["expected"]) * tonnes)
        assert 0 < row["doubted"] < row["one_way"] < row["walk"] and row["two_way"] < row["one_way"]


def test_who_tolerates_more_lends_to_no_fewer(found):
    for c in found.cells.values():
        some, many = (c.financed(t) for t in (0.1, 0.5))
        assert np.all(some <= many) and np.all(many <= c.pays())
    assert found.terms == terms_of(found.rows) and found.terms.tenor == 10


def test_hazard_at_which_nothing_is_left():
    def falling(*values):
        return {h: SimpleNamespace(npv=np.array([v, v + 1.0, np.nan, v - 1.0])) for h, v in zip((0.0, 0.02, 0.1), values)}

    assert flip_hazard(falling(4.0, 2.0, -2.0)) == pytest.approx(0.06)
    assert flip_hazard(falling(-1.0, -2.0, -3.0)) == 0 and np.isnan(flip_hazard(falling(9.0, 8.0, 7.0)))


def test_what_flips_turns_away_from_the_answer_as_it_is():
    rows = [("", AS_IT_IS, 0.6), ("market", "A", 0.45), ("market", "B", 0.5), ("lenders", "C", 0.1), ("price", "D", np.nan)]
    table = pd.DataFrame([(g, v, "p", "m", x) for g, v, x in rows], columns=["group", "variant", "plant", "measure", "pays"])
    assert flips(table, "p", "m", "pays", ("market", "price")) == [("A", 0.45)]
    assert flips(table, "p", "m", "pays", ("lenders",)) == [("C", 0.1)]
    no = table.assign(pays=1 - table["pays"])  # at least half of the draws is yes
    assert flips(no, "p", "m", "pays", ("market", "price")) == [("A", 0.55), ("B", 0.5)]
    assert listed([("A one", 0.45), ("B", 0.0), ("C", 0.3)]) == "b (0 %), c (30 %) and 1 more"


def test_no_trigger_is_told_where_a_plant_pays_and_is_built_at_low_prices_alone():
    assert [trigger_word(x) for x in (0.0, 1.234, np.inf)] == ["any", "1.23", "none"]
    held = pd.DataFrame({"trigger": [np.inf, 0.0], "npv": [1.0, 1.0]})
    assert trigger_words(held) == [] and trigger_words(held.assign(npv=-1.0)) == ["none", "any"]


def test_worth_of_an_offer_for_some_years(found):
    """For life it is the value of the cash flow; for ten years that of a cash flow whose prices change in the eleventh."""
    s = site(found, REFINERY)
    start = found.cells[REFINERY, NONE].offer
    for measure in (FLOOR, ALONE, NONE):
        cell = found.cells[REFINERY, measure]
        whole = worth(s.drawn, cell.offer, start, found.risk.process, paths=400, seed=12)
        assert np.allclose(whole.npv, cell.value[0.0].npv) and np.allclose(whole.chance, cell.value[0.0].probability)
        assert np.allclose(worth(s.drawn, cell.offer, start, found.risk.process, years=100).npv, whole.npv)
    for years in TERMS_OF_YEARS:
        values = found.cells[REFINERY, FLOOR].years[years].npv
        for k in range(2):
            plant, given = s.drawn.at(k), found.cells[REFINERY, FLOOR].offer.prices
            prices = [[float(np.broadcast_to(x, 2)[k]) for x in (p.net_price, p.input_cost)] for p in (given, start.prices)]
            net, cost = np.array([prices[0] if y < years else prices[1] for y in range(plant.life)]).T
            assert values[k] == pytest.approx(by_hand(plant, net, cost), rel=1e-9)
    lives = [found.cells[REFINERY, ALONE].years[y].npv for y in TERMS_OF_YEARS]
    assert np.all(lives[0] < lives[1]) and np.all(lives[1] < found.cells[REFINERY, ALONE].value[0.0].npv)


def test_the_debt_of_a_plant_does_not_hang_on_years_after_the_loan(found):
    """Why a guarantee for ten years is lent on as one for life: life cut to tenor and two years, the loan stays."""
    how = Setting(found.risk.process, found.terms, 1.2, 0.25)
    cell, start = found.cells[REFINERY, ALONE], found.cells[REFINERY, NONE].offer
    plant = site(found, REFINERY).drawn
    short = dataclasses.replace(plant, life=found.terms.tenor + 2)
    a, b = (lent(p, cell.offer, start, how) for p in (plant, short))
    assert np.allclose(a.debt, b.debt) and np.allclose(a.dscr, b.dscr) and np.allclose(a.covenant_price, b.covenant_price)
    assert min(TERMS_OF_YEARS) >= found.terms.tenor


def test_what_a_plant_is_paid_is_the_mean_of_the_larger_of_price_and_guarantee(found):
    for c in found.cells.values():
        price = np.asarray(c.offer.prices.net_price, float)
        assert np.all(c.paid >= np.maximum(price, c.offer.guaranteed) * (1 - 1e-12))
        if not c.offer.guaranteed:
            assert np.allclose(c.paid, price)
    assert np.all(found.cells[REFINERY, ALONE].paid > 110_000 * (1 + 1e-4))


def test_those_that_enter_cost_in_each_draw_what_the_plant_needs(found):
    """One set of drawn costs for rival and plant; central values and other draws stay."""
    bare = found.bare
    drawn = fm.sample(bare, 8, 7)
    market = tied(bare, drawn)
    for good, name in (("ndpr_oxide", "ndpr_refinery"), ("magnet", "magnet_plant")):
        plant = load_projects("rare_earths")[name].drawn(8, 11)
        needs = incentive_price(plant, 28_000.0) - 28_000.0
        for region in (r for g, r in bare.opened if g == good):
            unit = market.dataset["latent_unit_cost"].sel(good=good, region=region).values
            assert np.corrcoef(unit, needs)[0, 1] > 0.999 and np.allclose(unit, needs, rtol=0.01)
    for name in ("supply_elasticity", "latent_capacity"):
        assert np.array_equal(market.dataset[name].values, drawn.dataset[name].values)
    assert tied(bare, bare) is bare


def test_with_fewer_rivals_a_floor_is_worth_more_and_where_none_stand_there_is_no_price(found):
    how = Setting(found.risk.process, found.terms, 1.2, 0.25)
    closed = solved(found, found.bare.open_projects([]), found.case)
    assert np.all(closed.offers[REFINERY, FLOOR].prices.net_price > found.cells[REFINERY, FLOOR].offer.prices.net_price)
    assert np.isnan(closed.offers["NdPr refinery, European Union", FLOOR].prices.net_price).all()
    dear = plant_of(site(found, REFINERY), dataclasses.replace(how, cost=("capex", 1)))
    assert dear.capex == site(found, REFINERY).plan.ranges["capex"][1] and np.array_equal(dear.opex, site(found, REFINERY).drawn.opex)


def said(found):
    """Answers over variants that all say what the results say, and one that says no."""
    rows = []
    for s in found.sites:
        for m in found.measures:
            c = found.cells[s.label, m]
            at = [float(np.nanmean(c.paid)), 0.0, float(np.nanmean(c.pays())), 0.5, 0.1, float(np.nanmean(c.financed(0.25))), 1.0]
            rows += [("", AS_IT_IS, s.label, m, *at), ("market", NO_ENTRY, s.label, m, *at),
                     ("term", "Own guarantee without it", s.label, m, *at),
                     ("market", HIGHER.format(1.5), s.label, m, at[0], 0.0, 0.0, *at[3:]),
                     ("plant", "Capex low", s.label, m, at[0], 0.0, 1.0, *at[3:])]
    moved = pd.DataFrame(columns=["variant", "place", "measure", "advantage", "share"])
    return Answers(found, pd.DataFrame(rows, columns=COLUMNS), moved)


def test_answers_are_short_and_turn_away_from_what_is_said(found):
    say = said(found)
    for text in say.all():
        assert len(text.split()) <= 100, text
    for s in found.sites:
        for m in found.measures:
            turns = "no with floor and guarantee 1.5 times as high (0 %)" if say.pays(s.label, m) >= HALF else "yes with capex low (100 %)"
            assert say.turns(s.label, m, "pays", ("market", "plant")) == f"turns to {turns}"
    say.variants.loc[say.variants["variant"] == AS_IT_IS, "pays"] = 1 - say.variants["pays"].round()
    assert say.turns(REFINERY, NONE, "pays", ("market",)) == "too close to tell what turns it"


def test_places_without_a_plant_are_left_out_of_the_sentence(found):
    say = said(found)
    assert say.enters("magnet", "USA") and not say.enters("magnet", "EU27")
    assert "United States over" not in say.places() and "European Union over China" in say.places()


def test_the_strike_of_magnets_holds_oxide_that_the_plant_need_not_buy(found):
    market = found.bare
    content = float(market.dataset["recipe"].sel(good="magnet", input="ndpr_oxide"))
    gap = found.case.headline - float(market.dataset["price0"].sel(good="ndpr_oxide").max())
    assert site(found, "Magnet plant, United States").gift == gift(market, found.case, "magnet") == pytest.approx(content * gap)
    assert site(found, REFINERY).gift == 0 == gift(market, found.case, "mined")


def test_assumptions_hold_their_values_and_say_why():
    rows = assumptions("rare_earths")
    assert rows["quantity"].is_unique and (rows["low"] < rows["value"]).all() and (rows["value"] < rows["high"]).all()
    assert (rows["note"].str.len() > 30).all() and rows["source"].eq("assumption").all()


def test_charts_say_what_is_not_drawn():
    rows = [("A", NONE, np.nan, np.inf), ("A", FLOOR, 0.0, 0.9), ("A", FLOOR, 0.1, np.inf), ("B", NONE, np.nan, np.inf),
            ("B", FLOOR, 0.0, np.inf), ("B", FLOOR, 0.1, np.inf)]
    figure = financing_charts.triggers(pd.DataFrame(rows, columns=["plant", "measure", "hazard", "trigger"]))
    assert [a.get_title(loc="left") for a in figure.axes] == ["A"]
    words = " ".join(t.get_text() for t in figure.texts).replace("\n", " ")
    assert "From no price on under any measure: B." in words
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["any", "0.5", "1", "2", "5", "none"]
    bars = pd.DataFrame([("A", m, x, "share", 0.1, 0.4, 0.9) for m in (NONE, FLOOR) for x in ("probability", "gearing", "breach")],
                        columns=["project", "scenario", "measure", "unit", "q05", "q50", "q95"])
    drawn = financing_charts.financing(bars, covenant=1.3)
    assert "below 1.3" in drawn.axes[2].get_title(loc="left").replace("\n", " ")
    assert [p.get_width() for p in drawn.axes[0].patches] == [40.0, 40.0]


def test_a_market_without_a_price_risk_is_refused():
    with pytest.raises(ScenarioError, match=r"ferrosilicon.*price_process\.csv.*cobalt"):
        compute("ferrosilicon", 2, 7, iter)


@pytest.mark.slow
@pytest.mark.parametrize("market", ["rare_earths", "cobalt", "gallium"])
def test_the_command_writes_a_whole_folder(market, tmp_path):
    done = CliRunner().invoke(main, ["financing", "--draws", "2", "--market", market, "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert record["share_converged"] == 1.0 and record["draws"] == 2 and record["market"]["sha256"]
    assert all(max(part["identities"].values()) < 1e-8 for part in record["parts"].values())
    page = (tmp_path / "out" / "brief.html").read_text("utf-8")
    assert "Which plants get financed?" in page and not re.search(r"\bnan\b|NaN|Traceback", re.sub(r"data:image[^\"]*", "", page))
    plants = pd.read_csv(tmp_path / "out" / "plants.csv")
    assert set(plants["project"]) == set(record["plants"]["sites"]) and {"npv", "breach", "gearing", "net_price"} <= set(plants["measure"])
    assert (tmp_path / "out" / "variants.csv").is_file() and (tmp_path / "out" / "assumptions.csv").is_file()
