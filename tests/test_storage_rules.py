"""Public stocks along a path: tonnes and money are counted, a stock releases no more than it holds, stopping changes nothing."""

import numpy as np
import pytest

import floormodel as fm
from floormodel.dynamics.stock_rule import StockRule, weights
from floormodel.errors import OutputError, ScenarioError

CUT = [fm.Disruption("refined", ("CHN",), 2027, 2028, share=0.7)]
USA = StockRule(name="USA", good="refined", regions=("USA",), buys=1500.0, max_price=40_000.0, releases=5000.0, release_price=45_000.0,
                capacity=2500.0)
POOL = StockRule(name="pool", good="refined", regions=("JPN", "KOR", "EU27"), buys=5000.0, max_price=30_000.0, cash=60e6, releases=2000.0,
                 release_price=45_000.0, opening=100.0)


@pytest.fixture(scope="module")
def market():
    return fm.sample(fm.load_market("cobalt", horizon="short"), 2, seed=1)


@pytest.fixture(scope="module")
def path(market):
    return fm.simulate(market, [], range(2025, 2030), stocks=[USA, POOL], disruptions=CUT)


def flows(path, scenario="policy"):
    return {n: path.dataset[n].sel(scenario=scenario).values for n in ("bought", "released", "held", "stock_outlay")}


def test_tonnes_and_money_are_counted(path):
    f = flows(path)
    opening = np.array([0.0, 100.0])
    assert path.converged.all()
    assert f["held"] == pytest.approx(opening + np.cumsum(f["bought"] - f["released"], axis=0), rel=1e-12, abs=1e-9)
    before = np.concatenate([np.broadcast_to(opening, (1, 2, 2)), f["held"][:-1]])
    assert np.all(f["released"] <= before + 1e-9) and f["held"].min() >= 0 and f["held"][..., 0].max() <= 2500 + 1e-9
    spent = f["stock_outlay"][..., 1].cumsum(0)
    assert spent.max() <= 60e6 * (1 + 1e-12) and path.state.policy.held[:, 1, 1] == pytest.approx(60e6 - spent[-1])
    share, use = weights(POOL, path.market)
    assert share.sum(1) == pytest.approx(1) and np.count_nonzero(share[0]) == 3 and np.all(use > 0)
    price = np.nansum(path.dataset["buyer_price"].sel(scenario="policy", good="refined").values * share, axis=-1)
    assert f["stock_outlay"][..., 1] == pytest.approx(price * (f["bought"] - f["released"])[..., 1], rel=1e-9)


def test_it_buys_below_and_releases_above_its_prices(path):
    """Fills while the price allows, is sold out in the cut, and the cut's price is lower than without it."""
    f = flows(path)
    assert f["bought"][:2, :, 0] == pytest.approx(np.array([[1500.0, 1500.0], [1000.0, 1000.0]])) and f["bought"][2, :, 0].max() == 0
    assert f["released"][[0, 1, 3, 4]].max() == 0 and f["released"][2, :, 0] == pytest.approx(2500.0) and f["held"][2, :, 0].max() == 0
    assert f["released"][2, :, 1] == pytest.approx(2000.0)
    dear = path.dataset["buyer_price"].sel(scenario="policy", good="refined", region="USA", period=2027)
    assert np.all(dear > 45_000.0)  # sold out, the price is no longer held
    assert np.all(path.change("buyer_price").sel(good="refined", region=["USA", "JPN"], period=2027) < 0)
    assert np.all(path.change("buyer_price").sel(good="refined", region=["USA", "JPN"], period=2025) > 0)


def test_without_policy_the_stocks_are_untouched(path, market):
    f = flows(path, "none")
    assert not f["bought"].any() and not f["released"].any() and np.array_equal(f["held"][..., 1], np.full((5, 2), 100.0))
    bare = fm.simulate(market, [], range(2025, 2030), disruptions=CUT)
    for name in ("price", "output", "use"):
        assert np.array_equal(path.dataset[name].sel(scenario="none"), bare.dataset[name].sel(scenario="none"), equal_nan=True), name


def test_stopping_and_going_on_is_one_long_run(path, market, tmp_path):
    first = fm.simulate(market, [], range(2025, 2027), stocks=[USA, POOL], disruptions=CUT)
    rest = fm.simulate(market, [], range(2027, 2030), stocks=[USA, POOL], disruptions=CUT, state=first.state, folder=tmp_path, chunk=1)
    for name in ("price", "held", "bought", "released"):
        assert np.array_equal(path.dataset[name].isel(period=slice(2, None)), rest.dataset[name], equal_nan=True), name
    other = StockRule(**{**vars(USA), "releases": 1.0})
    with pytest.raises(OutputError, match="chunks of another run"):
        fm.simulate(market, [], range(2027, 2030), stocks=[other, POOL], disruptions=CUT, state=first.state, folder=tmp_path, chunk=1)
    with pytest.raises(ScenarioError, match=r"found 2 stocks; expected 1, as in this call"):
        fm.simulate(market, [], range(2027, 2030), stocks=[USA], state=first.state)


def test_out_of_force_it_keeps_what_it_holds():
    market = fm.load_market("cobalt", horizon="short")
    early = StockRule(**{**vars(USA), "start": 2026, "end": 2027})
    run = fm.simulate(market, [], [2025, 2026], stocks=[early], quarterly=True)
    held = run.dataset["held"].sel(scenario="policy").values.ravel()
    assert held == pytest.approx([0, 0, 0, 0, 375, 750, 1125, 1500])  # 1,500 t a year, a quarter of it in each quarter
    gone = fm.simulate(market, [], [2027], stocks=[early], state=fm.simulate(market, [], [2025, 2026], stocks=[early]).state)
    assert float(gone.dataset["held"].sel(scenario="policy").squeeze()) == 1500.0


@pytest.mark.parametrize("changes, says", [
    ({"good": "refine", "regions": ("USX",)}, r"(?s)2 fault.*did you mean 'refined'.*did you mean 'USA'"),
    ({"release_price": None}, "the price at which stock is released"), ({"max_price": 50_000.0}, "below the release price"),
    ({"cash": 1e6, "max_price": None, "releases": 0.0, "release_price": None}, "a known number of tonnes"),
    ({"opening": 3000.0}, "at most the capacity, 2500 t"), ({"buys": -1.0}, "a number of 0 or more"),
    ({"regions": "USA"}, "one or more regions"),
])
def test_rules_that_make_no_sense_are_refused(changes, says):
    with pytest.raises(ScenarioError, match=says):
        fm.simulate(fm.load_market("cobalt", horizon="short"), [], [2025], stocks=[StockRule(**{**vars(USA), **changes})])
