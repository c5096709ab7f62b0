"""The experiments on standards, export restrictions and taxes run end to end on few draws; what they count is checked by hand."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import experiments.standards_results as standards_results
import floormodel as fm
from experiments.analysis import floor
from experiments.books import Books
from experiments.cases import case_of
from experiments.standards_brief import Pages as StandardsPages
from experiments.standards_results import Standard, assumption_rows, certified, standard_of
from experiments.words import quantiles, span
from floormodel.errors import InertWarning
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        return standards_results.compute("rare_earths", DRAWS, 7, iter)


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
