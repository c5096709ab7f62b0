"""The experiments on stocks: their pages say what their paths hold, and their money is that of a hand calculation."""

from __future__ import annotations

import hashlib
import html
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import floormodel as fm
from experiments import buffer_stock_results, rapid_response_results, trust_results, trust_setup, trust_storers
from experiments.__main__ import main
from experiments.buffer_stock_brief import Pages as AgreementPages
from experiments.rapid_response_answers import days_for, equal_cover
from experiments.rapid_response_brief import Pages as RapidPages
from experiments.rapid_response_results import BOTH, COVER, FILL, LENGTHS, NATIONAL, NONE, POOLED, RESTRAINT, SHARED, UNFORESEEN
from experiments.rapid_response_variants import variant_cases
from experiments.rapid_response_words import chance, times
from experiments.stock_figures import drawn, free_prices, stock_figures, swings
from experiments.trust_brief import Pages as TrustPages
from experiments.words import says
from floormodel.finance.price_process import load_price_risk
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
        patch.setattr("experiments.rapid_response_variants.variant_cases", lambda *given: dict(list(variant_cases(*given).items())[:2]))
        found = rapid_response_results.compute("cobalt", DRAWS, 7, iter)
        return found, page_of(RapidPages(found).brief())


def test_a_stop_with_stocks(rapid):
    r, page = rapid
    assert f"the price peaks at {times(r.peak(NONE))}" in page
    for n in LENGTHS:
        apart, alone = (r.peak(arm, n, during="stop") for arm in (NATIONAL, NONE))
        assert np.all(apart <= alone + 1e-9) and np.all(r.below(NATIONAL, n) <= r.below(NONE, n) + 1e-9)
        assert np.all(r.peak(NATIONAL, n) >= apart - 1e-12)
    use = r.at(NATIONAL).dataset["use0"].sel(good="refined", region=list(r.members)).sum("region").values
    assert r.stock() == pytest.approx(COVER / 365 * use) and r.stock(30) == pytest.approx(30 / 365 * use)
    apart, pool = (r.at(arm).dataset["held"].sum(["good", "region"]).values for arm in (NATIONAL, POOLED))
    assert apart == pytest.approx(pool)  # the same tonnes, apart or pooled
    price = r.at(NONE).dataset["price0"].sel(good="refined", region="EU27").values
    assert np.all(np.abs(r.price0() / price - 1) < 0.2)
    assert r.tonne_year() == pytest.approx(r.values["interest"] * r.price0() + r.values["storage_cost"])
    pays = r.break_even(NATIONAL)
    assert np.array_equal(np.isfinite(pays), r.net(NATIONAL, 1.0) >= 0)
    known = np.isfinite(pays)
    assert pays[known] * r.avoided(NATIONAL)[known] == pytest.approx(r.yearly()[known])
    assert np.all(r.at(BOTH).reserve.restraint == r.values["restraint"]) and np.all(r.values["restraint"] >= 0.07)
    assert np.nanmax(days_for(r, NATIONAL, 0.5) - days_for(r, NATIONAL, 0.9)) <= 0
    assert np.nanmax(equal_cover(r)) <= 30 + 1e-9  # a pool needs no more days than stocks apart


def test_money_of_a_stop_adds_up(rapid):
    """Members and all others are the world; what a stock costs is interest, storage, and interest on what filling cost."""
    r, page = rapid
    others = [x for x in r.market.regions if x not in r.members]
    for arm in (NATIONAL, POOLED, SHARED):
        assert r.avoided(arm) + r.avoided(arm, who=others) == pytest.approx(r.avoided(arm, who=r.market.regions))
        assert np.sum([r.avoided(arm, who=(m,)) for m in r.members], axis=0) == pytest.approx(r.avoided(arm))
    assert np.all(r.avoided(RESTRAINT, alike=True) < r.avoided(RESTRAINT))  # all uses alike is the dearer way to hold back
    cost = r.values["interest"] * -r.filled(r.members)
    assert np.all(cost > 0) and r.yearly() == pytest.approx(r.stock() * r.tonne_year() + cost)
    totals = [-r.filled(r.members, years=years) for years in (1, FILL, 6, 0)]
    assert all(np.all(quick > slow) for quick, slow in pairwise(totals))  # the slower the cheaper; the long run is the bound
    late = r.others[UNFORESEEN, NATIONAL].during("public", "refined", r.members)
    assert np.all(late <= r.at(NATIONAL).during("public", "refined", r.members) + 1e-9)  # who expects a year keeps stock back
    for country in ("Japan", "World"):
        assert country in page


def test_chances_in_words():
    assert chance(np.array([0.1, 0.2, 0.3])) == "20.0 % (10.0 % to 30.0 %)"
    assert chance(np.array([0.1, 0.2, np.inf, np.nan])) == "20.0 % (10.0 % to never; never in 33.3 % of draws)"


def test_sources_named_in_notes_are_listed():
    table = pd.read_csv(Path(trust_results.__file__).with_name("stock_assumptions.csv"))
    known = set(pd.read_csv(Path(trust_results.__file__).with_name("stock_sources.csv"))["key"])
    named = {key for note in table["note"].dropna() for key in re.findall(r"\b[a-z_]+_(?:19|20)\d\d\b", note)}
    assert {"argus_2020"} <= named <= known
    assert {"iea_policy_16639", "project_vault", "kim_zulauf_2019", *table["source"]} <= known


def test_a_market_without_such_a_supplier_says_so():
    done = CliRunner().invoke(main, ["rapid_response", "--market", "copper", "--draws", "2", "-o", "never_written"])
    assert done.exit_code != 0 and "CHN sells no 'refined'" in done.output and "[blocs]" in done.output
    done = CliRunner().invoke(main, ["trust", "--market", "ferrosilicon", "--draws", "2", "-o", "never_written"])
    assert done.exit_code != 0 and "price_process.csv" in done.output


@pytest.fixture(scope="module")
def setup():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trust_setup, "LEAST", 8)
        patch.setattr(trust_setup, "PATHS", 4)
        return trust_setup.prepare("cobalt", DRAWS, 7)


def test_holding_a_constant_stock_costs_its_interest_and_storage(setup):
    """A price of 1 in every year, a stock of S: S r / (1 + r) a year, paid at its beginning, and storage; nothing else."""
    idle = setup.with_prices(np.ones_like(setup.free))
    path = idle.run(trust_setup.trust_band(1.0, 0.15, 6.0), opening=0.25)
    assert np.all(path["bought"] == 0) and np.all(path["public"] == 0.25)
    rate, store = setup.values["interest"], setup.values["storage_cost"] / setup.world.price
    assert idle.cost(path) == pytest.approx(0.25 * (rate / (1 + rate) + store) * setup.world.price * setup.world.use, rel=1e-12)
    assert trust_setup.measures(idle, path)["revenue"] == pytest.approx(np.ones(DRAWS))


def test_prices_swing_as_the_process_says():
    """Half-life one year, sigma such that the log has a standard deviation of 0.3 in the long run; mean price 1 in every year."""
    half, sigma = np.array([1.0]), np.array([0.3 * np.sqrt(2 * np.log(2))])
    prices = free_prices(half, sigma, 30, 20_000, 23)
    logs = np.log(prices)
    assert logs[-1].std() == pytest.approx(0.3, rel=0.03) and prices[-1].mean() == pytest.approx(1.0, abs=0.01)
    assert np.corrcoef(logs[-1], logs[-2])[0, 1] == pytest.approx(0.5, abs=0.03)
    low = free_prices(half, 0 * sigma + 1e-12, 3, 1, 23, start=0.5)[:, 0]
    assert low == pytest.approx(0.5 ** np.array([0.5, 0.25, 0.125]))  # half of the gap in logs is gone each year


def test_figures_are_drawn_within_their_ranges():
    figures = stock_figures("cobalt")
    assert figures["commercial_days"].source == "usgs_mcs_2026" and stock_figures("gallium")["commercial_days"].value == 67
    known = set(pd.read_csv(trust_results.__file__.replace("trust_results.py", "stock_sources.csv"))["key"])
    for name, values in drawn(figures, 50, 23).items():
        assert np.all((values >= figures[name].low) & (values <= figures[name].high)) and figures[name].source in known
    assert drawn(figures, 1, 23)["interest"] == pytest.approx([0.05])


def test_what_is_drawn_apart_is_independent_and_turns_on_the_seed():
    figures, risk = stock_figures("cobalt"), load_price_risk("cobalt")
    columns = [*drawn(figures, 2000, 7).values(), *swings(risk, 2000, 7)]
    noise = np.log(free_prices(np.ones(2000), np.ones(2000), 1, 1, 7))[0]
    found = np.abs(pd.DataFrame(np.stack([*columns, noise], axis=1)).corr("spearman").to_numpy())
    assert np.max(found - np.eye(len(found))) < 0.1
    again = [*drawn(figures, 2000, 8).values(), *swings(risk, 2000, 8)]
    assert all(abs(np.corrcoef(a, b)[0, 1]) < 0.1 for a, b in zip(columns, again))
    assert abs(np.corrcoef(noise, np.log(free_prices(np.ones(2000), np.ones(2000), 1, 1, 8))[0])[0, 1]) < 0.1


def test_the_long_run_price_is_that_of_the_published_series(setup):
    """Means of two real series over their price in 2024; the high end over the price of the benchmark."""
    figure = setup.figures[trust_setup.LEVEL]
    table = pd.read_csv(Path(fm.__file__).parent / "data" / "cobalt" / "price_process_fit.csv").set_index("series")["mean_price"]
    series = pd.read_csv(Path(trust_setup.__file__).parents[1] / "calibration" / "figures" / "price_process" / "prices.csv")
    now = series[series.iloc[:, 1] == 2024].set_index("series").iloc[:, 1]
    assert figure.value == pytest.approx(table["cobalt_lme"] / (now["cobalt_lme"] * 2204.62), rel=1e-3)
    assert figure.low == pytest.approx(table["cobalt_import_unit_value"] / (1000 * now["cobalt_import_unit_value"]), rel=1e-3)
    assert figure.high == pytest.approx(table["cobalt_import_unit_value"] / setup.price, rel=1e-3)


def test_other_worlds_share_their_shocks(setup):
    assert np.array_equal(setup.with_swings().free, setup.free)
    worlds = trust_setup.worlds(setup)
    low, high = (worlds[f"Volatility {x}"] for x in ("0.247", "0.533"))
    assert np.all(low.sigma == setup.risk.sigma[0]) and np.array_equal(low.half, setup.half)
    assert np.all(high.spread(np.log(high.free)) > low.spread(np.log(low.free)))
    short, long = worlds[next(n for n in worlds if n.startswith("Supply elasticity"))].world.supply
    assert short == pytest.approx(np.quantile(setup.world.supply[0], 0.05)) and np.all(long >= short)
    dear = worlds["All prices 2.32 times as high"]
    assert trust_setup.measures(dear, dear.run(trust_setup.trust_band()))["price"] == pytest.approx(
        trust_setup.measures(setup, setup.run(trust_setup.trust_band()))["price"])


def test_gains_from_steady_prices_are_those_of_moving_tonnes(setup):
    """Straight curves: released at p, a tonne is worth p less half of what it moves the price; here a third of all deviations is gone."""
    free = trust_setup.measures(setup, trust_setup.still(setup))
    third = {**free, "price_sd": 2 / 3 * free["price_sd"]}
    found = trust_results.gains(setup, third, free)
    for i in range(DRAWS):
        slopes = setup.world.supply[1][i] + setup.world.demand[1][i]
        p = setup.free.reshape(len(setup.free), DRAWS, -1)[:, i]
        bought = slopes * (p.mean() - p) / 3
        worth = np.mean(-bought * p - bought**2 / (2 * slopes)) * setup.worth[i]
        assert found.part[1][i] == pytest.approx(worth) and found.full[1][i] == pytest.approx(slopes * p.var() / 2 * setup.worth[i])


def test_a_trust(monkeypatch):
    few = {trust_storers: {"SOLVES": 1, "STEPS": 8}, trust_setup: {"LEAST": 8, "PATHS": 4},
           trust_results: {"REFERENCES": (1.0, 1.25), "MARGINS": (0.1, 0.2)}}
    for module, name, value in ((m, n, v) for m, settings in few.items() for n, v in settings.items()):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr("experiments.trust_brief.REFERENCES", (1.0, 1.25))
    monkeypatch.setattr("experiments.trust_brief.MARGINS", (0.1, 0.2))
    r = trust_results.compute("cobalt", DRAWS, 7, iter)
    page = page_of(TrustPages(r).brief())
    free, held = r.paths[trust_results.NONE], r.paths[trust_results.TRUST]
    assert np.allclose(free["price"], r.setup.free) and np.all(free["bought"] == 0)
    stock = held["public"].values
    assert stock.min() >= 0 and stock.max() <= 0.5 + 1e-12
    assert stock == pytest.approx(np.cumsum(held["bought"].values, axis=0))  # all it holds was sold to it within these years
    inside = held["price"].values[held["held"].values]
    assert inside.min() >= 0.85 * (1 - 1e-9) and inside.max() <= 1.15 * (1 + 1e-9)
    change = r.measures(trust_results.TRUST)["sd"] / r.measures(trust_results.NONE)["sd"] - 1
    assert says(change, "share") in page
    w = r.setup.world
    pages = TrustPages(r)
    assert pages.bought(0.25) == pytest.approx(1.25 ** w.supply[1] - 1.25 ** -w.demand[1])
    assert says(1 - 1.25 ** -w.demand[1], "share") in page and np.all(1 - pages.used(0.25) < pages.bought(0.25))
    for name in (trust_results.TRUST, trust_results.FAIRER):
        net = [r.openings[name, word]["net_bought"] for word in trust_setup.OPENINGS]
        assert np.all(net[0] > net[1]) and np.all(net[1] > net[2])
    assert r.setup.sold["refined"].idxmax() == "CHN" and r.setup.sold["mined"].idxmax() == "COD" and "DR Congo, ore" in page


def test_an_agreement(tmp_path, monkeypatch):
    monkeypatch.setattr(trust_setup, "LEAST", 8)
    monkeypatch.setattr(trust_setup, "PATHS", 4)
    r = buffer_stock_results.compute("cobalt", DRAWS, 7, iter)
    page = page_of(AgreementPages(r).brief())
    for (centre, months), agreement in r.grid.items():
        assert sum(agreement.states.values()) == pytest.approx(1), (centre, months)
        assert np.all(agreement.values["soon"] <= agreement.values["ever"])
    assert says(r.grid[1.25, 6.0].values["soon"], "share") in page
    high, low = (r.grid[c, 6.0].values["ever"] for c in (1.5, 0.8))
    assert np.all(high >= low)
    unsold, sold = (r.variants[name][1].values["after"] for name in (buffer_stock_results.UNSOLD, buffer_stock_results.BASE))
    assert np.all((unsold > sold) | np.isnan(sold))
    done = CliRunner().invoke(main, ["buffer_stock", "--draws", str(DRAWS), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    table = pd.read_csv(tmp_path / "out" / "measures.csv").set_index(["varied", "level", "measure"])
    assert record["share_converged"] == 1 and record["market"]["name"] == "cobalt"
    file = Path(fm.__file__).parent / "data" / "cobalt" / "prices.csv"
    assert record["market"]["sha256"]["prices.csv"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert {"price_process.csv", "stock_assumptions.csv"} <= set(record["market"]["sha256"])
    assert table.loc[("6 months", "1.25", "soon"), "q50"] == pytest.approx(np.median(r.grid[1.25, 6.0].values["soon"]))
    assert all(run.years.min() >= 0 and run.share.min() >= 0 and run.share.max() <= 1 + 1e-12 for run in r.runs[1.25])


def test_the_price_after_a_break_is_over_the_floor_in_force(setup):
    """A price of 0.75 held at 0.85 of a middle that moves a tenth of the way to the price each year; by hand, path by path."""
    low = setup.with_prices(np.full_like(setup.free, 0.75))
    path = low.run(trust_setup.trust_band(1.0, 0.15, 1.0), follow=0.1, sell_off=0.05)
    free = trust_setup.measures(low, trust_setup.still(low))
    year, price, middle = path["breaks"].values.astype(int), path["price"].values, np.sqrt(0.85 * 1.15)
    by_hand = []
    for k, y in enumerate(year):
        centre = middle
        for p in price[:y, k]:
            centre = centre ** 0.9 * p ** 0.1
        by_hand.append(price[y + 1, k] / (0.85 / middle * centre))
    assert year.min() > 0 and np.any(path["floor"].values[year[0], 0] < 0.84)
    with np.errstate(divide="ignore"):  # no spread to compare with
        found = buffer_stock_results.read(low, path, free)
    assert found.values["after"] == pytest.approx(np.reshape(by_hand, (DRAWS, -1)).mean(1))


@pytest.mark.parametrize("horizon", [0, 1])
def test_the_run_on_a_stock_by_hand(setup, horizon):
    """Until the run, use beyond output at the ceiling takes the stock. Then the price rises to the free price, and what use lacks beyond
    output on the way, a straight line, is what was bought in the run."""
    times_, w = 1.25, setup.world
    found = buffer_stock_results.run_on(setup, times_, horizon)
    drain = times_ ** w.demand[horizon] - times_ ** -w.supply[horizon]
    assert (1 - found.share) * 0.5 == pytest.approx(drain * found.years, abs=1e-9)
    assert found.ends == pytest.approx(times_, rel=1e-9)
    for i in range(DRAWS):
        run = buffer_stock_results.run_of_draw(setup, i, times_, 0.5, horizon)
        at = np.linspace(0, run.lasts, 20_001)
        lacks = drain[i] * (times_ - run.price_after(at)) / (times_ - 1)
        assert np.trapezoid(lacks, at) == pytest.approx(run.stock, rel=1e-6)
