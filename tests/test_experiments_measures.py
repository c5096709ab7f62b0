"""The experiments on standards, export restrictions and taxes run end to end on few draws; what they count is checked by hand."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import experiments.producer_take as producer_take
import experiments.restrictions_results as restrictions_results
import experiments.standards_results as standards_results
import experiments.take_results as take_results
import floormodel as fm
from experiments.analysis import floor
from experiments.books import Books
from experiments.cases import case_of
from experiments.restrictions_brief import Pages as RestrictionPages
from experiments.restrictions_results import BAN, LICENCE, PROCESSING, QUOTA, SUBSIDY, TAX, exports, outcome, setting_of, value_added
from experiments.standards_brief import Pages as StandardsPages
from experiments.standards_results import Standard, assumption_rows, certified, standard_of
from experiments.take_results import Producer, take, tax, with_gap
from experiments.words import quantiles, span
from floormodel.errors import InertWarning, ScenarioError
from floormodel.report.brief import render

DRAWS = 4
BLOC = ["USA", "EU27", "JPN", "KOR"]


def checked(page: str) -> str:
    """The text of a page, with no missing or infinite number in it."""
    page = re.sub(r"data:image[^\"]*", "", page)
    assert "<script" not in page and not re.search(r"\bnan\b|NaN|\binf\b|not defined|Traceback", page)
    return page


@pytest.fixture(scope="module")
def standard_results():
    patch = pytest.MonkeyPatch()
    for name, levels in (("SHARES", (0.5, 0.9)), ("FLOORS", (1.0, 1.6)), ("STRIKES", (1.0,))):
        patch.setattr(standards_results, name, levels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        yield standards_results.compute("rare_earths", DRAWS, 7, iter)
    patch.undo()


@pytest.mark.slow
def test_the_page_on_standards_says_what_its_tables_hold(standard_results):
    r = standard_results
    page = checked(render(StandardsPages(r).brief()))
    assert "What does price support guarantee on sustainability?" in page and r.runs.share_converged == 1
    assert span(*quantiles(r.certified["Price floor"].share), "share") in page
    assert span(*quantiles(-r.books["Price floor"].money(BLOC)), "USD/yr") in page
    assert max(r.runs.identities().values()) < 1e-8
    wanted = r.scales[r.scales["reached"].astype(bool) & r.scales["target"].notna()]
    assert len(wanted) and np.allclose(wanted["value"], wanted["target"], rtol=1e-6)


def test_certificates_are_as_many_as_required_and_their_premium_is_what_buyers_pay():
    """Below the penalty: certified = share x bought, and what origins earn is the credit price times that, country by country."""
    market = fm.load_market("rare_earths")
    standard = standard_of(market, "ndpr_oxide")
    solved = fm.solve(market, [standard.policy(["JPN"], 0.5)]).solved
    found = certified(solved, standard, ["JPN"])
    credit = float(solved.state.scaled[0, -1] * solved.terms.unknowns[-1].scale[0])
    assert 0 < credit < standard.penalty
    assert found.share[0] == pytest.approx(0.5, abs=1e-8)
    assert found.earned.sum() == pytest.approx(credit * 0.5 * found.bought.sum(), rel=1e-8)
    assert found.premium[0] == pytest.approx(credit, rel=1e-8)
    # mean cost of those who certify in Malaysia: integral of l dc over 0..credit, by a sum over small steps
    i, steps = market.regions.index("MYS"), np.linspace(0, credit, 20_001)
    mid, cost = (steps[1:] + steps[:-1]) / 2, standard.cost["MYS"]
    density = (standard.potential["MYS"] - standard.certified["MYS"]) * np.exp(-mid / cost) / cost
    assert found.spent[0, i] == pytest.approx(found.bought[0, i] * np.sum(mid * density) * steps[1], rel=1e-6)


def test_a_standard_that_all_meet_costs_nothing():
    market = fm.load_market("rare_earths")
    every = dict.fromkeys(market.regions, 1.0)
    standard = Standard("ndpr_oxide", every, every, {}, 50_000.0)
    run_ = fm.solve(market, [standard.policy(BLOC, 0.9)])
    assert certified(run_.solved, standard, BLOC).share[0] == pytest.approx(1.0)
    assert abs(Books(run_.solved, run_.base).money(BLOC)[0]) < 1.0


def test_a_floor_moves_certified_tonnes_without_certifying_any():
    """By hand: certified share of each origin times what the bloc buys there."""
    market = fm.load_market("rare_earths")
    case = case_of(market)
    standard = standard_of(market, case.good)
    solved = fm.solve(market, floor(case.good, BLOC, case.headline)).solved
    at = [market.regions.index(r) for r in BLOC]
    bought = solved.state.flow[market.goods.index(case.good)][0][:, at].sum(1)
    have = np.array([standard.certified[r] for r in market.regions])
    assert certified(solved, standard, BLOC).share[0] == pytest.approx(float(have @ bought / bought.sum()))


def test_every_assumption_of_the_standard_has_a_range_and_a_reason():
    for market in (*fm.list_markets(), "*"):
        rows = assumption_rows(market)
        assert len(rows) and (rows["low"] <= rows["value"]).all() and (rows["value"] <= rows["high"]).all()
        assert (rows["source"] == "assumption").all() and (rows["note"].str.len() >= 8).all()
        assert set(rows.loc[rows["region"] == "*", "quantity"]) == {"certified", "potential", "cost"}
    low = standard_of(fm.load_market("cobalt"), "refined", {"potential": "low"})
    assert all(low.potential[r] >= low.certified[r] for r in low.certified)


def test_books_add_up_to_the_accounts():
    run_ = fm.solve(fm.load_market("rare_earths"), floor("ndpr_oxide", BLOC, 110_000))
    a, books = run_.accounts(), Books(run_.solved, run_.base)
    assert books.money(BLOC)[0] == pytest.approx(a[a["region"].isin(BLOC)]["value"].sum())
    assert books.money(["USA"], "producers", good="ndpr_oxide")[0] == pytest.approx(
        a[(a["region"] == "USA") & (a["owner"] == "producers") & (a["good"] == "ndpr_oxide")]["value"].sum())
    assert books.level(["floor_levy"], "JPN")[0] == pytest.approx(books.money(["JPN"], account="floor_levy")[0])


@pytest.mark.slow
def test_the_page_on_restrictions_says_what_its_tables_hold(monkeypatch):
    monkeypatch.setattr(restrictions_results, "CUTS", (0.2, 0.6))
    monkeypatch.setitem(restrictions_results.CASES, "nickel", replace(
        restrictions_results.CASES["nickel"], plants={"plants cannot grow": "2019", "plants grow with their margin": "2019"}))
    monkeypatch.setattr(restrictions_results, "elsewhere", lambda case: ELSEWHERE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        r = restrictions_results.compute("nickel", 2, 7, iter)
    page = checked(render(RestrictionPages(r).brief()))
    assert "Are bans blunt?" in page
    assert span(*quantiles(r.main.of(PROCESSING, "own")), "USD/yr") in page
    assert span(*quantiles(r.main.of(BAN, "own")), "USD/yr") in page
    for o in (r.main, r.year, *r.others):
        assert o.runs.share_converged == 1 and max(o.runs.identities().values()) < 1e-8
    assert len(r.section) > 10 and r.section["export_share"].between(0, 1).all()


ELSEWHERE = pd.DataFrame([("DR Congo, ore (cobalt)", QUOTA, 0.2, 100.0)], columns=["country", "instrument", "own", "built"])


def test_measures_at_the_same_cut_are_the_same_to_the_country_whoever_holds_the_money():
    """An export tax, a quota and a processing requirement are one wedge: Lerner; licences lose delay x price x tonnes on top."""
    case = restrictions_results.case_named("nickel")
    done = outcome(setting_of(case, "plants grow with their margin", "long"), 1, 0)
    own = {n: float(done.of(n, "own")[0]) for n in done.values}
    assert own[TAX] == pytest.approx(own[QUOTA], rel=1e-6) and own[TAX] == pytest.approx(own[PROCESSING], rel=1e-6)
    assert float(done.of(QUOTA, "treasury")[0]) < 0 < float(done.of(TAX, "treasury")[0])
    run = done.runs[LICENCE]
    price = float(run.solved.state.price[0, 0, run.market.regions.index("IDN")])
    wasted = restrictions_results.DELAY * price * float(exports(run.solved, "mined", "IDN")[0])
    assert own[QUOTA] - own[LICENCE] == pytest.approx(wasted, rel=1e-6)
    for name in (TAX, QUOTA, PROCESSING, LICENCE):
        assert float(done.of(name, "cut")[0]) == pytest.approx(-0.2, abs=1e-8)
    assert float(done.of(BAN, "cut")[0]) == -1
    assert float(done.of(SUBSIDY, "built")[0]) == pytest.approx(float(done.of(PROCESSING, "built")[0]), rel=1e-5)
    frame = run.indicators().select("value_added", "refined", "IDN")
    assert value_added(run.solved, "refined", "IDN")[0] == pytest.approx(float(frame["value"].iloc[0]))


def test_a_project_of_the_experiment_is_opened_there_alone():
    case = restrictions_results.case_named("cobalt")
    with_plant = setting_of(case, "a refinery may be built", "long").market
    assert with_plant.opened == (("refined", "COD"),) and setting_of(case, "no refinery", "long").market.opened == ()
    assert ("latent_capacity", "refined") in fm.ensemble.sampled_factors(with_plant)
    with pytest.raises(ScenarioError, match="cobalt"):
        restrictions_results.case_named("ferrosilicon")


@pytest.mark.slow
def test_the_folder_on_taxes_holds_what_its_page_says(monkeypatch, tmp_path):
    found = take_results.producers()
    assert [p.region for p in found] == ["COD", "IDN", "PHL"]
    monkeypatch.setattr(take_results, "HIDDEN", (0.0, 0.1, 0.2))
    monkeypatch.setattr(take_results, "producers", lambda: found[:2])
    monkeypatch.setattr("floormodel.report.brief.save_figure", lambda *figure: [])  # the formats are tested elsewhere
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        record = producer_take.write(tmp_path, "nickel", 2, 7, iter)
    page = checked((tmp_path / "brief.html").read_text("utf-8"))
    assert "Does ensuring that companies pay what they owe matter?" in page
    assert record["share_converged"] == 1 and list(record["parts"]) == ["Indonesia, nickel", "DR Congo, cobalt"]
    assert all(max(part["identities"].values()) < 1e-8 for part in record["parts"].values())
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["title"] == record["title"]
    assert page.count("<figure") == 2
    table = pd.read_csv(tmp_path / "take.csv").set_index(["country", "hidden", "measure"])
    for country in record["parts"]:
        gain = table.loc[(country, 0.2, "yield")]
        assert 0 < gain["q05"] <= gain["q95"] and table.loc[(country, 0.2, "output"), "q95"] < 0
        assert span(gain["q05"], gain["q50"], gain["q95"], "USD/yr") in page
        before, closed = (table.loc[(country, 0.2, m), "q50"] for m in ("before", "closed"))
        assert gain["q50"] == pytest.approx(closed - before, rel=0.01)
    assert (tmp_path / "workbook.xlsx").exists() and (tmp_path / "results.nc").exists()
    with pytest.raises(ScenarioError, match="nickel"):
        take_results.first("rare_earths")


def test_take_is_the_rate_on_what_is_declared():
    """By hand: royalty (1 - h) p X + tax (1 - h) surplus; the surplus of an isoelastic curve is margin x output / (1 + elasticity)."""
    market = fm.load_market("cobalt")
    p = Producer("cobalt", None, "COD", "mined", 0.3, (0.0, 0.2, 0.4), "")
    run_ = fm.solve(with_gap(market, p, 0.2), [tax(p, 0.2)])
    r = market.regions.index("COD")
    value = float(run_.solved.state.price[0, 0, r] * run_.solved.state.output[0, 0, r])
    eps = float(market.dataset["supply_elasticity"].sel(good="mined", region="COD"))
    surplus = value * (1 - 0.1 * 0.8) / (1 + eps)
    assert take(run_.solved, "COD", "mined")[0] == pytest.approx(0.1 * 0.8 * value + 0.3 * 0.8 * surplus, rel=1e-6)
    assert np.allclose(run_.solved.state.output, run_.base.state.output)  # a tax on profit moves nothing
