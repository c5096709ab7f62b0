"""The experiments on stocks: their pages say what their paths hold, and their money is that of a hand calculation."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from experiments import buffer_stock_results, rapid_response_results, trust_results
from experiments.__main__ import main
from experiments.buffer_stock_brief import Pages as AgreementPages
from experiments.rapid_response_brief import Pages as RapidPages
from experiments.rapid_response_brief import times
from experiments.rapid_response_results import BOTH, COVER, LENGTHS, NATIONAL, NONE, POOLED, variant_cases
from experiments.stock_figures import drawn, free_prices, stock_figures
from experiments.trust_brief import Pages as TrustPages
from experiments.words import says
from floormodel.finance.price_process import OrnsteinUhlenbeck, PriceRisk
from floormodel.report.brief import render

DRAWS = 2


def page_of(brief):
    """The brief as a reader sees it."""
    page = render(brief)
    text = html.unescape(re.sub(r"data:image[^\"]*", "", page))
    assert "<script" not in page and page.count("<figure") >= 2 and not re.search(r"\bnan\b|NaN|not defined|Traceback", text)
    return text


@pytest.fixture(scope="module")
def rapid():
    """Rapid response with fewer covers and variants, and its brief."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rapid_response_results, "BUY_BACK", 2)
        patch.setattr(rapid_response_results, "COVERS", (30, COVER))
        patch.setattr("experiments.rapid_response_brief.SHOWN", 3)
        patch.setattr(rapid_response_results, "variant_cases", lambda *given: dict(list(variant_cases(*given).items())[:2]))
        found = rapid_response_results.compute("cobalt", DRAWS, 7, iter)
        return found, page_of(RapidPages(found).brief())


def test_a_stop_with_stocks(rapid):
    r, page = rapid
    assert f"the price peaks at {times(r.peak(NONE))}" in page
    for n in LENGTHS:
        assert np.all(r.peak(NATIONAL, n) <= r.peak(NONE, n) + 1e-9) and np.all(r.unmet(NATIONAL, n) <= r.unmet(NONE, n) + 1e-9)
    use = r.at(NATIONAL).dataset["use0"].sel(good="refined", region=list(r.members)).sum("region").values
    assert r.stock() == pytest.approx(COVER / 365 * use) and r.stock(30) == pytest.approx(30 / 365 * use)
    apart, pool = (r.at(arm).dataset["held"].sum(["good", "region"]).values for arm in (NATIONAL, POOLED))
    assert apart == pytest.approx(pool)  # the same tonnes, apart or pooled
    price = r.at(NONE).dataset["price0"].sel(good="refined", region="EU27").values
    assert np.all(np.abs(r.price0() / price - 1) < 0.2)
    assert r.tonne_year() == pytest.approx(r.values["interest"] * r.price0() + r.values["storage_cost"])
    pays = r.break_even(NATIONAL)
    assert np.allclose(r.net(NATIONAL, 1.0) >= 0, pays < 1)
    assert pays * r.avoided(NATIONAL) == pytest.approx(r.yearly()) or np.any(pays == 1)
    assert r.at(BOTH).reserve.restraint == stock_figures("cobalt")["restraint"].value
    pages = RapidPages(r)
    assert np.nanmax(pages.days_for(NATIONAL, 0.5) - pages.days_for(NATIONAL, 0.9)) <= 0
    assert np.nanmax(pages.equal_cover()) <= 30 + 1e-9  # a pool needs no more days than stocks apart


def test_a_market_without_such_a_supplier_says_so():
    done = CliRunner().invoke(main, ["rapid_response", "--market", "copper", "--draws", "2", "-o", "never_written"])
    assert done.exit_code != 0 and "CHN sells no 'refined'" in done.output and "[blocs]" in done.output
    done = CliRunner().invoke(main, ["trust", "--market", "ferrosilicon", "--draws", "2", "-o", "never_written"])
    assert done.exit_code != 0 and "price_process.csv" in done.output


@pytest.fixture(scope="module")
def setup():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trust_results, "LEAST", 8)
        patch.setattr(trust_results, "PATHS", 4)
        return trust_results.prepare("cobalt", DRAWS, 7)


def test_the_cost_of_an_idle_stock_is_its_interest_and_storage(setup):
    """A price of 1 in every year, a stock of 0.25: storage each year, and 0.25 bought at 1 and sold at 1 after 19 years."""
    idle = setup.with_prices(np.ones_like(setup.free))
    band = trust_results.trust_band(1.0, 0.15, 6.0)
    path = idle.run(band, opening=0.25)
    assert np.all(path["bought"] == 0) and np.all(path["public"] == 0.25)
    rate, store = setup.values["interest"], setup.values["storage_cost"] / setup.world.price
    years = np.arange(trust_results.YEARS)
    value = 0.25 - 0.25 * (1 + rate) ** -19.0 + np.array([sum(0.25 * s * (1 + r) ** -float(t) for t in years) for r, s in zip(rate, store)])
    per_year = value * rate / (1 - (1 + rate) ** -20.0)
    assert idle.cost(path) == pytest.approx(per_year * setup.world.price * setup.world.use)
    assert trust_results.measures(idle, path)["revenue"] == pytest.approx(np.ones(DRAWS))


def test_prices_swing_as_the_process_says():
    """Half-life one year, sigma such that the log has a standard deviation of 0.3 in the long run; mean price 1 in every year."""
    risk = PriceRisk("x", OrnsteinUhlenbeck.from_half_life(1.0, 0.3 * np.sqrt(2 * np.log(2))), (1.0, 1.0), (0.35, 0.36))
    prices, spread = free_prices(risk, 30, 1, 20_000)
    assert spread == pytest.approx([0.3])
    logs = np.log(prices)
    assert logs[-1].std() == pytest.approx(0.3, rel=0.03) and prices[-1].mean() == pytest.approx(1.0, abs=0.01)
    assert np.corrcoef(logs[-1], logs[-2])[0, 1] == pytest.approx(0.5, abs=0.03)


def test_figures_are_drawn_within_their_ranges():
    figures = stock_figures("cobalt")
    assert figures["commercial_days"].source == "usgs_mcs_2026" and stock_figures("gallium")["commercial_days"].value == 67
    known = set(pd.read_csv(trust_results.__file__.replace("trust_results.py", "stock_sources.csv"))["key"])
    for name, values in drawn(figures, 50).items():
        assert np.all((values >= figures[name].low) & (values <= figures[name].high)) and figures[name].source in known
    assert drawn(figures, 1)["interest"] == pytest.approx([0.05])


def test_a_trust(monkeypatch):
    for name, value in (("SOLVES", 1), ("LEAST", 8), ("PATHS", 4), ("STEPS", 8), ("REFERENCES", (1.0, 1.25)), ("MARGINS", (0.1, 0.2))):
        monkeypatch.setattr(trust_results, name, value)
    monkeypatch.setattr("experiments.trust_brief.REFERENCES", (1.0, 1.25))
    monkeypatch.setattr("experiments.trust_brief.MARGINS", (0.1, 0.2))
    r = trust_results.compute("cobalt", DRAWS, 7, iter)
    page = page_of(TrustPages(r).brief())
    free, held = r.paths[trust_results.NONE], r.paths[trust_results.TRUST]
    assert np.allclose(free["price"], r.setup.free) and np.all(free["bought"] == 0)
    stock = held["public"].values
    assert stock.min() >= 0 and stock.max() <= 0.5 + 1e-12
    inside = held["price"].values[held["held"].values]
    assert inside.min() >= 0.85 * (1 - 1e-9) and inside.max() <= 1.15 * (1 + 1e-9)
    change = r.measures(trust_results.TRUST)["sd"] / r.measures(trust_results.NONE)["sd"] - 1
    assert says(change, "share") in page
    w = r.setup.world
    kept_off = 1.25 ** w.supply[1] - 1.25 ** -w.demand[1]
    assert TrustPages(r).kept(0.25) == pytest.approx(kept_off)


def test_an_agreement(tmp_path, monkeypatch):
    monkeypatch.setattr(trust_results, "LEAST", 8)
    monkeypatch.setattr(trust_results, "PATHS", 4)
    r = buffer_stock_results.compute("cobalt", DRAWS, 7, iter)
    page = page_of(AgreementPages(r).brief())
    for (centre, months), agreement in r.grid.items():
        assert sum(agreement.states.values()) == pytest.approx(1), (centre, months)
        assert np.all(agreement.values["soon"] <= agreement.values["ever"])
    assert says(r.grid[1.25, 6.0].values["soon"], "share") in page
    high, low = (r.grid[c, 6.0].values["ever"] for c in (1.5, 0.8))
    assert np.all(high >= low)
    done = CliRunner().invoke(main, ["buffer_stock", "--draws", str(DRAWS), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    table = pd.read_csv(tmp_path / "out" / "measures.csv").set_index(["varied", "level", "measure"])
    assert record["share_converged"] == 1 and record["market"]["name"] == "cobalt"
    assert table.loc[("6 months", "1.25", "soon"), "q50"] == pytest.approx(np.median(r.grid[1.25, 6.0].values["soon"]))
    years, share = r.runs[1.25]
    assert np.all(years >= 0) and np.all((share >= 0) & (share <= 1 + 1e-12))


def test_the_run_on_a_stock_by_hand(setup):
    """At the date of the run, use beyond output at the ceiling has taken the rest of the stock: (1 - share) 0.5 = drain x date."""
    times_ = 1.25
    years, share = buffer_stock_results.run_on(setup, times_)
    drain = times_ ** setup.world.demand[0] - times_ ** -setup.world.supply[0]
    assert (1 - share) * 0.5 == pytest.approx(drain * years, abs=1e-9)
