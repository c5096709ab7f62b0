"""A stop of exports with stocks, against closed forms of a market with one supplier left, and against the path without stocks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import floormodel as fm
from floormodel.dynamics.response import Reserve, SupplyStop, rapid_response
from floormodel.errors import ScenarioError

ROOT = Path(__file__).parents[1]
EPS, ETA, SIGMA = 0.4, 0.3, 5.0
SPEEDS = {"supply": 1.0, "demand": 1.0, "sourcing": 1.0}  # all of the response at once: every quarter is the same market


def market():
    """A sells 60 t to B, 20 to D and keeps 20; C sells 40 to B; B and D make nothing."""
    flow = np.zeros((4, 4))
    flow[0] = [20, 60, 0, 20]
    flow[2, 1] = 40
    return fm.market_from_arrays("stop", ["metal"], ["A", "B", "C", "D"], {
        "price0": np.full((1, 4), 100.0), "output0": np.array([[100.0, 0, 40, 0]]), "final_demand0": np.array([[20.0, 100, 0, 20]]),
        "flow0": flow[None], "supply_elasticity": np.full((1, 4), EPS), "demand_elasticity": np.full((1, 4), ETA),
        "sourcing_elasticity": np.full((1, 4), SIGMA), "freight": np.zeros((1, 4, 4))})


def stop(quarters=2, **more):
    return SupplyStop(supplier="A", goods=("metal",), quarters=quarters, **more)


def respond(reserve, quarters=2, **more):
    return rapid_response(market(), stop(quarters), reserve, adjustment=SPEEDS, **more)


def test_without_stocks_the_other_supplier_sets_the_price():
    """P = p - log(0.4) 100 / sigma, and 40 (p / 100)^eps = 100 (P / 100)^-eta."""
    beta = SIGMA / 100
    p = brentq(lambda p: 40 * (p / 100) ** EPS - 100 * ((p - np.log(0.4) / beta) / 100) ** -ETA, 100, 1e4)
    found = respond(Reserve(members=("B",)))
    assert found.peak("metal", ["B"])[0] == pytest.approx((p - np.log(0.4) / beta) / 100, rel=1e-8)
    assert found.unmet("metal", ["B"])[0] == pytest.approx(1 - 0.4 * (p / 100) ** EPS, rel=1e-8)


def test_a_stock_of_what_was_lost_leaves_all_as_it_was():
    """Two quarters of 15 t take 30 t, 109.5 days of a use of 100 t a year; bought back from C at a price above the benchmark's."""
    found = respond(Reserve(members=("B",), days=109.5), buy_back=0)
    assert found.price("metal", ["B"])[0] == pytest.approx([1.0, 1.0], abs=1e-9)
    assert found.unmet("metal", ["B"])[0] == pytest.approx(0.0, abs=1e-9)
    assert found.during("public", "metal", ["B"])[0] == pytest.approx(30.0)
    assert found.loss(["B"])[0] == pytest.approx(0.0, abs=1e-6)
    again = respond(Reserve(members=("B",), days=109.5), buy_back=2)
    assert again.dataset["public"].sel(region="B", good="metal").values[2:, 0] == pytest.approx([-15.0, -15.0])
    assert again.loss(["B"])[0] > 0 and again.price("metal", ["B"])[0, 2] > 1


def test_stocks_are_stretched_and_users_go_first():
    """73 days are 20 t: 10 of users and 10 of the public a quarter where 2 quarters are planned, 5 of 15 lost are still missing."""
    found = respond(Reserve(members=("B",), days=18.25), commercial_days=36.5, buy_back=0)
    assert found.dataset["commercial"].sel(region="B", good="metal").values[:, 0] == pytest.approx([5.0, 5.0])
    assert found.dataset["public"].sel(region="B", good="metal").values[:, 0] == pytest.approx([2.5, 2.5])
    late = respond(Reserve(members=("B",), days=18.25, lag=1), commercial_days=36.5, buy_back=0)
    assert late.dataset["public"].sel(region="B", good="metal").values[:, 0] == pytest.approx([0.0, 5.0])
    short = respond(Reserve(members=("B",), days=18.25), quarters=3, planned=1, buy_back=0)
    assert short.dataset["public"].sel(region="B", good="metal").values[:, 0] == pytest.approx([5.0, 0.0, 0.0])
    assert short.price("metal", ["B"])[0, 0] < short.price("metal", ["B"])[0, 2]


def test_a_pool_goes_where_tonnes_are_missing():
    """C loses nothing: apart, its stock stays; pooled, B and D have 120 t x 36.5 days = 12 t like 60 and 20 t a year lost."""
    use = market()
    apart = rapid_response(use, stop(1), Reserve(members=("B", "D"), days=36.5), planned=1, adjustment=SPEEDS, buy_back=0)
    pool = rapid_response(use, stop(1), Reserve(members=("B", "D"), days=36.5, pooled=True), planned=1, adjustment=SPEEDS, buy_back=0)
    where = {"good": "metal", "quarter": 1, "draw": 0}
    assert apart.dataset["public"].sel(where).sel(region=["B", "D"]).values == pytest.approx([10.0, 2.0])
    assert pool.dataset["public"].sel(where).sel(region=["B", "D"]).values == pytest.approx([9.0, 3.0])
    alone = rapid_response(use, stop(1, destinations=("D",)), Reserve(members=("B", "D"), days=36.5, pooled=True), planned=1,
                           adjustment=SPEEDS, buy_back=0)
    assert alone.dataset["public"].sel(where).sel(region=["B", "D"]).values == pytest.approx([0.0, 5.0])  # never more than was lost


def test_half_a_stop_leaves_half():
    found = rapid_response(market(), stop(1, share=0.5), Reserve(members=("B",), days=27.375), planned=1, adjustment=SPEEDS, buy_back=0)
    assert found.price("metal", ["B"])[0] == pytest.approx([1.0], abs=1e-9)  # 7.5 t of 15 are missing, and are in store


def test_restraint_is_a_smaller_demand():
    calm, held = respond(Reserve(members=("B",))), respond(Reserve(members=("B",), restraint=0.1))
    assert held.peak("metal", ["B"])[0] < calm.peak("metal", ["B"])[0]
    assert held.unmet("metal", ["B"])[0] > calm.unmet("metal", ["B"])[0]


def test_the_first_quarter_is_that_of_a_path_without_stocks():
    cobalt = fm.load_market("cobalt", horizon="short")
    found = rapid_response(cobalt, SupplyStop(supplier="CHN", goods=("refined",), quarters=1), Reserve(members=("USA",)), buy_back=0,
                           at_once={"supply": 1, "sourcing": 1})
    path = fm.simulate(cobalt, [fm.ExportQuota(good="refined", exporter="CHN", quota=0.0)], years=[2024], quarterly=True)
    price = path.dataset["buyer_price"].sel(scenario="policy", good="refined", draw=0).isel(period=0)
    ratio = found.dataset["price_ratio"].sel(good="refined", quarter=1, draw=0)
    now = found.dataset["price0"].sel(good="refined", draw=0)
    regions = ["USA", "EU27", "JPN", "KOR"]
    assert (ratio * now).sel(region=regions).values == pytest.approx(price.sel(region=regions).values, rel=1e-7)


def test_draws_differ_in_stocks_and_in_what_was_lost():
    cobalt = fm.sample(fm.load_market("cobalt", horizon="short"), 3, 7)
    found = rapid_response(cobalt, SupplyStop(supplier="CHN", goods=("refined",), quarters=1), Reserve(members=("EU27", "JPN"), days=30.0),
                           commercial_days=np.array([0.0, 10.0, 20.0]), planned=1)
    assert found.dataset["converged"].all()
    drawn = found.during("commercial", "refined", ["EU27"])
    use0 = found.dataset["use0"].sel(good="refined", region="EU27").values
    assert drawn == pytest.approx(np.array([0, 10, 20]) / 365 * use0)


def test_the_page_runs(capsys):
    """docs/rapid_response.md: its code, as a reader would run it."""
    session: dict = {}
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "rapid_response.md").read_text("utf-8"), re.S):
        exec(compile(code, "rapid_response.md", "exec"), session)  # noqa: S102 (the text under test)
    printed = capsys.readouterr().out
    assert printed.count("peak") == 3 and "breaks in year" in printed


def test_faults_are_named_together():
    with pytest.raises(ScenarioError) as caught:
        rapid_response(market(), SupplyStop(supplier="A", goods=("steel",), quarters=0), Reserve(members=("A",), restraint=2.0),
                       commercial_days=-1.0, at_once={"prices": 1})
    for word in ("steel", "quarters", "members", "restraint", "days", "prices"):
        assert word in str(caught.value)
