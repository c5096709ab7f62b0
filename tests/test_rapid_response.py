"""A stop of exports with stocks, against closed forms of a market with one supplier left, and against the path without stocks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, fsolve

import floormodel as fm
from floormodel.dynamics.response import AT_ONCE, Quarters, Reserve, SupplyStop, equal_shortfalls, fill_stock, rapid_response
from floormodel.dynamics.response_quarter import closure
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
    assert found.below("metal", ["B"])[0] == pytest.approx(1 - 0.4 * (p / 100) ** EPS, rel=1e-8)


def test_a_stock_of_what_was_lost_leaves_all_as_it_was():
    """Two quarters of 15 t take 30 t, 109.5 days of a use of 100 t a year; bought back from C at a price above the benchmark's."""
    found = respond(Reserve(members=("B",), days=109.5), buy_back=0)
    assert found.price("metal", ["B"])[0] == pytest.approx([1.0, 1.0], abs=1e-9)
    assert found.below("metal", ["B"])[0] == pytest.approx(0.0, abs=1e-9)
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


def test_rent_on_what_still_comes_is_the_suppliers():
    """Half of A's exports stop: prices of A and C and the rents in B and D by their own equations, welfare from the areas under curves."""
    beta = SIGMA / 100

    def sold(price):
        return 100 * (price / 100) ** -ETA

    def buyers(a, c, rent):
        return -np.log(0.6 * np.exp(-beta * (a + rent - 100)) + 0.4 * np.exp(-beta * (c - 100))) / beta + 100

    def gaps(x):
        a, c, rent_b, rent_d = x
        pay = buyers(a, c, rent_b)
        from_a, from_c = (w * np.exp(-beta * (p - pay)) * sold(pay) for w, p in ((0.6, a + rent_b), (0.4, c)))
        home, in_d = (20 * (p / 100) ** -ETA for p in (a, a + rent_d))
        return (home + from_a + in_d - 100 * (a / 100) ** EPS, from_c - 40 * (c / 100) ** EPS, from_a - 30, in_d - 10)

    a, c, rent_b, rent_d = fsolve(gaps, (90, 110, 40, 100), xtol=1e-13)
    pay = buyers(a, c, rent_b)
    surplus = 100 * 100**ETA * (pay ** (1 - ETA) - 100 ** (1 - ETA)) / (1 - ETA) / 4  # what buyers in B lose in a quarter
    found = {owner: rapid_response(market(), stop(1, share=0.5, rent_owner=owner), Reserve(members=("B",)), adjustment=SPEEDS, buy_back=0)
             for owner in ("supplier", "destination")}
    assert found["supplier"].peak("metal", ["B"])[0] == pytest.approx(pay / 100, rel=1e-8)
    assert found["supplier"].loss(["B"])[0] == pytest.approx(surplus, rel=1e-7)
    assert found["destination"].loss(["B"])[0] == pytest.approx(surplus - rent_b * 30 / 4, rel=1e-7)
    moved = found["supplier"].dataset["welfare"] - found["destination"].dataset["welfare"]
    assert moved.sel(region="A").values[0, 0] == pytest.approx((rent_b * 30 + rent_d * 10) / 4, rel=1e-7)
    assert moved.sum("region").values[0, 0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("pooled", [False, True])
def test_releases_never_push_the_price_below_the_benchmark(pooled):
    """A huge stock holds the benchmark price where it is released; where it is not, the price is no higher than that."""
    cobalt = fm.sample(fm.load_market("cobalt", horizon="short"), 4, 7)
    members = ("USA", "EU27", "JPN", "KOR")
    found = rapid_response(cobalt, SupplyStop(supplier="CHN", goods=("refined",), quarters=2), Reserve(members=members, days=5000.0,
                           pooled=pooled), commercial_days=60.0, buy_back=0)
    d = found.dataset.sel(good="refined")
    assert d["converged"].all()
    drawn = (d["commercial"] + d["public"]).values
    releasing = drawn > 1e-2 * d["use0"].values / 4
    ratio = d["price_ratio"].values
    assert releasing.any() and np.min(ratio[releasing]) >= 1 - 1e-6
    members_at = np.isin(d["region"].values, members)
    held = releasing & members_at
    assert np.max(np.abs(ratio[held] - 1)) < 1e-6  # so large a stock binds nowhere
    assert np.nanmax(ratio[..., members_at]) < 1 + 1e-6


def test_equal_shortfalls():
    """Shortfalls of 30, 10 and 2 t on uses of 100, 100 and 50: 20 t leave level 0.1 in the two that get some (20 + 0 + 0: 10 of 100)."""
    parts = equal_shortfalls(np.array([30.0, 10.0, 2.0]), np.array([100.0, 100.0, 50.0]), np.array([20.0]))
    assert parts == pytest.approx([20.0, 0.0, 0.0], abs=1e-9)
    parts = equal_shortfalls(np.array([30.0, 10.0, 2.0]), np.array([100.0, 100.0, 50.0]), np.array([30.0]))
    assert parts == pytest.approx([25.0, 5.0, 0.0], abs=1e-9)  # level 0.05; the third misses 0.04 of its use
    assert equal_shortfalls(np.array([3.0, 1.0]), np.array([10.0, 10.0]), np.array([9.0])) == pytest.approx([3.0, 1.0])


def test_a_pool_by_equal_shortfalls():
    """B and D lose 15 and 5 t of uses of 25 and 5 t a quarter: 12 t leave both 8 / 30 short."""
    pool = rapid_response(market(), stop(1), Reserve(members=("B", "D"), days=36.5, pooled=True, sharing="shortfalls"), planned=1,
                          adjustment=SPEEDS, buy_back=0)
    got = pool.dataset["public"].sel(good="metal", quarter=1, draw=0).sel(region=["B", "D"]).values
    assert got == pytest.approx([15 - 25 * 8 / 30, 5 - 5 * 8 / 30])


def test_users_hold_less_where_the_public_holds():
    """10 t of the public displace half as much of users' 10 t; one for one, all of it."""
    for share, users in ((0.0, 5.0), (0.5, 2.5), (1.0, 0.0)):
        found = respond(Reserve(members=("B",), days=36.5, displaced=share), commercial_days=36.5, buy_back=0)
        assert found.dataset["commercial"].sel(region="B", good="metal").values[:, 0] == pytest.approx([users, users], abs=1e-9)
        assert found.dataset["public"].sel(region="B", good="metal").values[:, 0] == pytest.approx([5.0, 5.0])


def test_buying_back_may_hold_the_highest_price():
    found = respond(Reserve(members=("B",), days=109.5), buy_back=2)
    assert found.peak("metal", ["B"], "stop")[0] == pytest.approx(1.0) and found.peak("metal", ["B"])[0] > 1.01


def test_a_stock_is_filled_with_growing_responses():
    """B buys 12 t in a year. With all responses at once: 40 (p / 100)^eps and A's supply against use and purchases, in every quarter."""
    found = fill_stock(market(), "metal", {"B": 12.0}, quarters=4, adjustment=SPEEDS)
    path = found["price_ratio"].sel(good="metal", region="B").values[:, 0]
    assert path == pytest.approx(np.full(4, path[0])) and path[0] > 1.01
    solved = fm.solve(market(), [fm.Stockpile(good="metal", region="B", purchase=12.0)])
    assert path[0] == pytest.approx(solved.solved.state.buyer_price[0, 0, 1] / 100, rel=1e-8)
    assert found["public"].sel(region="B").sum().item() == pytest.approx(-12.0)
    slow = fill_stock(market(), "metal", {"B": 12.0}, quarters=4, adjustment={k: 0.3 for k in SPEEDS}, at_once=dict.fromkeys(SPEEDS, 1))
    falling = slow["price_ratio"].sel(good="metal", region="B").values[:, 0]
    assert np.all(np.diff(falling) < 0) and np.diff(slow["welfare"].sel(region="B").values[:, 0]).min() > 0


def test_restraint_is_a_smaller_demand():
    calm, held = respond(Reserve(members=("B",))), respond(Reserve(members=("B",), restraint=0.1))
    assert held.peak("metal", ["B"])[0] < calm.peak("metal", ["B"])[0]
    assert held.below("metal", ["B"])[0] > calm.below("metal", ["B"])[0]


def test_what_restraint_costs_from_the_areas_under_the_curve():
    """No stop that counts: B holds back a tenth of D(p); its consumers' surplus is the area up to 0.9 D(p), less what they pay; if all
    uses are held back alike, 0.9 of the area under the curve above the price."""
    found = rapid_response(market(), stop(1, destinations=("D",)), Reserve(members=("B",), restraint=0.1), adjustment=SPEEDS, buy_back=0)
    p, top = 100 * found.price("metal", ["B"])[0, 0], 100 * float(market().dataset["choke_factor"][0])

    def area(low):  # the integral of 100 (x / 100)^-eta from low to the choke price
        return 100 * 100**ETA * (top ** (1 - ETA) - low ** (1 - ETA)) / (1 - ETA)

    used = 0.9 * 100 * (p / 100) ** -ETA
    worth = 100 * (used / 100) ** (-1 / ETA)  # what the last tonne used is worth
    least = area(worth) + (worth - p) * used - area(100)
    assert found.loss(["B"])[0] == pytest.approx(-least / 4, rel=1e-7)
    assert found.loss(["B"], alike=True)[0] == pytest.approx((area(100) - 0.9 * area(p)) / 4, rel=1e-7)


def test_restraint_is_of_what_stops_and_what_is_made_of_it():
    recipe = np.zeros((4, 4))
    recipe[2, 0] = recipe[3, 2] = 1.0  # the third is made of the first, the fourth of the third; the second of nothing
    assert closure(recipe, [0]) == [0, 2, 3] and closure(recipe, [1]) == [1] and closure(recipe, [2]) == [2, 3]


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


@pytest.mark.parametrize(("what", "given"), [
    ("goods", {"stop": {"goods": ("metal", "metal")}}), ("destinations", {"stop": {"destinations": ()}}),
    ("destinations", {"stop": {"destinations": ("A",)}}), ("reserve goods", {"reserve": {"goods": ()}}),
    ("members", {"reserve": {"members": ("B", "B")}}), ("days", {"reserve": {"days": float("inf")}}),
    ("days", {"commercial_days": float("inf")}), ("displaced", {"reserve": {"displaced": 1.5}}),
    ("rent_owner", {"stop": {"rent_owner": "nobody"}}), ("sharing", {"reserve": {"sharing": "fairly"}}),
    ("quarters", {"stop": {"quarters": float("inf")}}), ("restraint", {"reserve": {"restraint": float("nan")}})])
def test_faults_of_each_kind(what, given):
    with pytest.raises(ScenarioError, match=what):
        rapid_response(market(), SupplyStop(**{"supplier": "A", "goods": ("metal",), "quarters": 1} | given.get("stop", {})),
                       Reserve(**{"members": ("B",)} | given.get("reserve", {})), commercial_days=given.get("commercial_days", 0.0))


def test_quarters_are_shared_between_responses():
    """The same response with them as without; those of another market are refused."""
    at, reserve = market(), Reserve(members=("B",), days=18.25, restraint=0.05)
    shared = Quarters(at, AT_ONCE, SPEEDS)
    for _ in range(2):
        found = rapid_response(at, stop(), reserve, adjustment=shared).dataset
        assert found.identical(rapid_response(market(), stop(), reserve, adjustment=SPEEDS).dataset)
    with pytest.raises(ScenarioError, match="another market"):
        rapid_response(market(), stop(), reserve, adjustment=shared)


def test_faults_of_filling():
    with pytest.raises(ScenarioError, match=r"(?s)regions.*tonnes of B"):
        fill_stock(market(), "steel", {"B": -1.0})
