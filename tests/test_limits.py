"""Limits and closed forms: what the model must tend to, and where no corner may be.

    42  sigma -> inf, at its rate           test_prices_tend_to_those_of_a_homogeneous_good_at_a_rate
    43  two countries, three regimes        test_floor_of_two_countries_in_closed_form; also test_textbook_cases
    44  second implementation               twin/test_against_kernel
    45  convex programme, duals = prices    test_prices_and_tonnes_of_the_dual_programme
    46  sigma, eta, eps -> 1                test_equilibrium_is_continuous_through_a_unit_elasticity; also test_curves, test_invariants
    47  elasticity ends                     test_rigid_output_and_use_stay, test_an_elastic_supply_pins_its_price
    48  sigma = 0, a share of 1e-18         test_without_substitution_shares_stay, test_a_hair_of_a_share_changes_nothing
    49  Cournot ends                        test_many_firms_are_competitive_and_one_is_a_monopoly, test_firms_are_a_share_of_conduct,
                                            test_conduct_tends_to_competition
    50  start independence                  test_no_start_and_no_order_finds_another_equilibrium; also test_invariants, test_welfare

and the shares of Eaton and Kortum, which the `ces` form has for its value shares.
"""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.special import gamma

import floormodel as fm
from floormodel.accounts import ledger
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.equilibrium.sourcing import ces
from floormodel.equilibrium.state import State
from floormodel.indicators.concentration import hhi
from tests.adapt import market_of, policies_of
from tests.outcomes import NUMBERS, Array, case_of, examples, gap, outcome, run, turnover

FORMS = pytest.mark.parametrize("sourcing", ["logit", "ces"])
EATON_KORTUM = tomllib.loads((Path(__file__).parent / "cases" / "con06_eaton_kortum_shares.toml").read_text("utf-8"))


# ---- [42] perfect substitution


@FORMS
@given(number=NUMBERS, policy=st.sampled_from([
    {"kind": "import_tariff", "importers": ["a"], "levy": 15.0}, {"kind": "export_tax", "exporters": ["a"], "rate": 0.2},
    {"kind": "price_floor", "members": ["a"], "price": 130.0}, {"kind": "price_gap_subsidy", "regions": ["b"], "strike": 140.0}]))
@examples(6)
def test_prices_tend_to_those_of_a_homogeneous_good_at_a_rate(sourcing, number, policy):
    """With one landed price on all benchmark routes: the error to Takayama and Judge halves with each doubling of sigma."""
    rng = np.random.default_rng([42, number])
    flow = rng.dirichlet(np.ones(3), size=3) * rng.uniform(50, 150, (3, 1))
    arrays = {"price0": 100.0, "flow0": flow[None], "output0": flow.sum(1)[None], "final_demand0": flow.sum(0)[None],
              "supply_elasticity": rng.uniform(0.3, 2, (1, 3)), "demand_elasticity": rng.uniform(0.3, 2, (1, 3))}
    instrument = fm.REGISTRY[policy["kind"]](**policy, good="g")

    def state(sigma: float, form: str) -> State:
        figures = arrays | {"sourcing_elasticity": sigma}
        return run(fm.market_from_arrays("three", ["g"], ["a", "b", "c"], figures, sourcing=form), [instrument]).state

    limit = state(1.0, "homogeneous")
    loss = limit.landed[0].landed[0] / limit.buyer_price[0, 0] - 1  # of a route that is not used
    assume(not np.any((loss > 1e-9) & (loss < 0.01)))  # where it is next to nothing the route fades late
    errors = [np.max(np.abs(state(sigma, sourcing).price / limit.price - 1)) for sigma in (2048.0, 4096.0, 8192.0)]
    assert errors[-1] < 1e-3
    for near, nearer in pairwise(errors):
        assert abs(near / nearer - 2) < 0.1


# ---- [43, 45] straight lines


@given(number=NUMBERS)
@examples(15)
def test_floor_of_two_countries_in_closed_form(number):
    """Below free trade nothing; then p1 = f and p2 = (c2 - a2 + c1 - a1 - (b1 + d1) f) / (b2 + d2); above autarky, autarky."""
    rng = np.random.default_rng([43, number])
    (a1, a2), (b1, b2), (c1, c2), (d1, d2) = (rng.uniform(low, high, 2) for low, high in ((5, 50), (30, 80), (60, 150), (10, 60)))
    c1 = c2 + a1 - a2 + abs(c1 - c2 + a2 - a1)  # the first one is the dearer where it is closed
    assume((c1 - a1) / (b1 + d1) > 1.05 * (c2 - a2) / (b2 + d2) > 0)
    free, autarky = (c1 + c2 - a1 - a2) / (b1 + b2 + d1 + d2), (c1 - a1) / (b1 + d1)
    market = fm.linear_market({"home": (a1, b1), "abroad": (a2, b2)}, {"home": (c1, -d1), "abroad": (c2, -d2)})
    for level in (0.9 * free, 0.7 * free + 0.3 * autarky, 0.2 * free + 0.8 * autarky, 1.2 * autarky, 3 * autarky):
        solved = run(market, [fm.PriceFloor(good="good", members=["home"], price=level)])
        home = min(max(level, free), autarky)
        away = (c2 - a2 + c1 - a1 - (b1 + d1) * home) / (b2 + d2)
        precise = 1e-10 if level > free else 3e-9  # in free trade two routes tie, and the solver's last step may not be taken
        np.testing.assert_allclose(solved.state.price[0, 0], [home, away], rtol=precise)
        levy, imports = (home - away, c1 - a1 - (b1 + d1) * home)
        assert abs(ledger(solved).lines["floor_levy"].sum() - levy * max(imports, 0.0)) < 1e-9 * turnover(solved)


def dual_programme(supply: Array, demand: Array, freight: Array) -> tuple[Array, Array, Array, Array]:
    """Prices and tonnes from the dual of Takayama and Judge's programme, by non-negative least squares.

    With p = a + b X and P = A - e D: min sum b X^2 / 2 + e D^2 / 2 over P[d] - p[o] <= t[o, d], the least distance problem
    min |x|^2 over G x >= h with x = (sqrt(b) X, sqrt(e) D), as in Lawson and Hanson (1974, ch. 23).
    """
    size = len(supply)
    rows = [(o, d) for o in range(size) for d in range(size)]
    g = np.zeros((len(rows), 2 * size))
    for k, (o, d) in enumerate(rows):
        g[k, o], g[k, size + d] = np.sqrt(supply[o, 1]), np.sqrt(-demand[d, 1])
    h = np.array([demand[d, 0] - supply[o, 0] - freight[o, d] for o, d in rows])
    stacked, target = np.vstack([g.T, h]), np.eye(2 * size + 1)[-1]
    residual = stacked @ nnls(stacked, target)[0] - target
    x = -residual[:-1] / residual[-1]
    made, used = x[:size] / np.sqrt(supply[:, 1]), x[size:] / np.sqrt(-demand[:, 1])
    return supply[:, 0] + supply[:, 1] * made, demand[:, 0] + demand[:, 1] * used, made, used


@given(number=NUMBERS)
@examples(15)
def test_prices_and_tonnes_of_the_dual_programme(number):
    rng = np.random.default_rng([45, number])
    size = 2 + number % 4
    supply = np.column_stack([rng.uniform(1, 10, size), rng.uniform(0.2, 2, size)])
    demand = np.column_stack([rng.uniform(20, 60, size), -rng.uniform(0.2, 3, size)])
    freight = rng.uniform(0.5, 6, (size, size)) * (1 - np.eye(size))
    names = "abcde"[:size]
    s = run(fm.linear_market(dict(zip(names, supply)), dict(zip(names, demand)), freight, inverse=True)).state
    price, buyer, made, used = dual_programme(supply, demand, freight)
    np.testing.assert_allclose(s.output[0, 0], made, atol=1e-8 * made.max())
    np.testing.assert_allclose(s.use[0, 0], used, atol=1e-8 * used.max())
    np.testing.assert_allclose(s.price[0, 0][made > 1e-6], price[made > 1e-6], rtol=1e-8)
    np.testing.assert_allclose(s.buyer_price[0, 0][used > 1e-6], buyer[used > 1e-6], rtol=1e-8)


# ---- [46, 47, 48] special elasticities and shares


@FORMS
@pytest.mark.parametrize("distance", [0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
def test_equilibrium_is_continuous_through_a_unit_elasticity(sourcing, distance):
    """sigma, eta and eps at and next to one, under a tariff: prices, tonnes and every line of money."""
    case = case_of(46, 5, regions=4, goods=2, policies=1)

    def solved(value: float) -> Solved:
        for name in ("sourcing_elasticity", "demand_elasticity", "supply_elasticity"):
            case["arrays"][name] = np.full_like(case["arrays"][name], value)
        market = market_of(case | {"sourcing": sourcing})
        return run(market, [fm.ImportTariff(good=good, importers=market.regions[:2], rate=0.3) for good in market.goods])

    one = solved(1.0)
    assert np.max(np.abs(one.state.price / one.state.benchmark.price0 - 1)) > 1e-3
    for sign in (-1, 1):
        other = solved(1 + sign * distance)
        assert gap(outcome(other), outcome(one)) <= 1e-9 + 10 * distance
        moved = {name: np.max(np.abs(line - ledger(one).lines[name])) for name, line in ledger(other).lines.items()}
        assert max(moved.values()) <= (1e-9 + 10 * distance) * turnover(one)


@FORMS
@pytest.mark.parametrize("rigid", ["mined output", "use"])
@given(number=NUMBERS)
@examples(8)
def test_rigid_output_and_use_stay(rigid, sourcing, number):
    """[47] eps = 0: no mine makes another tonne, bit for bit; eta = 0: nor does a buyer who is not rationed use one."""
    case = case_of(47, number) | {"sourcing": sourcing}
    figures, policies = case["arrays"], policies_of(case)
    mined, eps, eta = ~figures["recipe"].any(1)[:, None], figures["supply_elasticity"], figures["demand_elasticity"]
    figures["supply_elasticity"] = np.where(mined, 0.0, eps) if rigid == "mined output" else np.maximum(eps, 0.2)
    figures["demand_elasticity"] = np.zeros_like(eta) if rigid == "use" else np.maximum(eta, 0.2)
    if rigid == "use":  # rigid use and guaranteed output leave no price but the scrap value
        policies = [p for p in policies if p.kind != "price_gap_subsidy"]
    s = (solved := run(market_of(case), policies)).state
    assume(np.max(np.abs(np.where(solved.system.layout.priced, s.price / s.benchmark.price0 - 1, 0.0))) > 1e-3)
    if rigid == "use":
        np.testing.assert_array_equal(s.wanted[0], np.where(solved.system.layout.supplied, s.benchmark.final_demand0[0], 0.0))
    else:
        made = np.where(solved.system.layout.producing, s.benchmark.output0[0], 0.0)
        np.testing.assert_array_equal(s.output[0][mined[:, 0]], made[mined[:, 0]])


@given(number=NUMBERS)
@examples(8)
def test_an_elastic_supply_pins_its_price(number):
    """[47] An elasticity has an upper bound, 10,000: there ln(pn / pn0) = ln(X / X0) / 10,000; a larger one is refused by name."""
    case = case_of(474, number, regions=2 + number % 3, goods=1)
    case["arrays"]["capacity"] = np.full_like(case["arrays"]["price0"], np.inf)
    market = market_of(case).replace(supply_elasticity=1e4)
    s = (solved := run(market, [p for p in policies_of(case) if p.kind in ("import_tariff", "price_floor", "export_tax")])).state
    made = solved.system.layout.producing & (s.output[0] > 1e-200)  # the dearest make nothing
    np.testing.assert_allclose(np.log(s.margin / s.benchmark.margin0)[0][made],
                               np.log(s.output[0][made] / s.benchmark.output0[0][made]) / 1e4, atol=1e-12)
    with pytest.raises(fm.DataError, match=r"supply_elasticity\[.*from 0 to 10000"):
        market.replace(supply_elasticity=1.0001e4)


@FORMS
@given(number=NUMBERS)
@examples(8)
def test_without_substitution_shares_stay(sourcing, number):
    """[48] At sigma = 1e-12 buyers take from each origin what they took per tonne, whatever the duties; no price is lost."""
    case = case_of(48, number) | {"sourcing": sourcing}
    case["arrays"]["sourcing_elasticity"] = np.full_like(case["arrays"]["price0"], 1e-12)
    policies = [p for p in policies_of(case) if not (isinstance(p, fm.ExportQuota) and p.quota == 0) and p.kind != "stockpile"]
    s = (solved := run(market_of(case), policies)).state
    assert np.isfinite(solved.solution.z).all() and np.isfinite(s.buyer_price[0][solved.system.layout.supplied]).all()
    if not any(u.purchases_from is not None for u in solved.terms.unknowns):
        for g, flow in enumerate(s.flow):
            np.testing.assert_allclose(flow[0], s.benchmark.weight[0, g] * s.use[0, g], atol=1e-7 * s.use[0, g].max())


@FORMS
@given(number=NUMBERS)
@examples(8)
def test_a_hair_of_a_share_changes_nothing(sourcing, number):
    """[48] Routes of 1e-18 of use opened between all regions: everything stays, and nothing is NaN."""
    case = case_of(481, number) | {"sourcing": sourcing}
    assume(sourcing == "logit" or (case["arrays"]["sourcing_elasticity"] > 1).all())  # else every origin is essential
    policies = [p for p in policies_of(case) if p.kind != "export_quota" or p.quota > 0]
    one, other = run(market_of(case), policies), run(market_of(case).replace(route_weight=1e-18), policies)
    assert gap(outcome(one), outcome(other)) < 1e-9


# ---- [49] conduct; the other end is in test_market_power


def sellers(number: int) -> tuple[fm.Market, str, Solved]:
    """A market of one good and its largest producer."""
    case = case_of(49, number, regions=2 + number % 3, goods=1, policies=1)
    figures = case["arrays"]
    figures["supply_elasticity"], figures["demand_elasticity"] = (np.clip(figures[k], 0.3, 3) for k in (
        "supply_elasticity", "demand_elasticity"))
    figures["capacity"] = np.full_like(figures["price0"], np.inf)
    market = market_of(case)
    return market, market.regions[int(figures["output0"][0].argmax())], run(market)


@given(number=NUMBERS, firms=st.sampled_from([2, 5, 40]))
@examples(2)
def test_firms_are_a_share_of_conduct(number, firms):
    """n firms of full conduct are one of conduct 1 / n, for a firm sees a slope times its own tonnes."""
    market, region, _ = sellers(number)
    one, other = (find_quietly(market, [fm.MarketPower(good="g0", region=region, **how)]) for how in (
        {"firms": firms}, {"conduct": 1 / firms}))
    assert one.solution.converged.all() and other.solution.converged.all()
    assert gap(outcome(one), outcome(other)) < 1e-8


@given(number=NUMBERS)
@examples(2)
def test_conduct_tends_to_competition(number):
    """The markup is linear in a small conduct: half of it, half the change."""
    market, region, base = sellers(number)
    near, nearer = (gap(outcome(run(market, [fm.MarketPower(good="g0", region=region, conduct=c)])), outcome(base)) for c in (2e-3, 1e-3))
    assert nearer < 0.01
    assert abs(near / nearer - 2) < 0.02


# ---- [50] starts


@given(number=NUMBERS, spread=st.sampled_from([0.1, 0.3, 1.0]))
@examples(20)
def test_no_start_and_no_order_finds_another_equilibrium(number, spread):
    case = case_of(50, number) | ({"sourcing": "ces"} if number % 4 == 0 else {})
    market, policies = market_of(case), policies_of(case)
    one = run(market, policies)
    start = np.random.default_rng([501, number]).normal(0, spread, one.solution.z.shape)
    assert gap(outcome(run_from(market, policies, start)), outcome(one)) < 1e-8


def run_from(market: fm.Market, policies: list[Any], start: Array) -> Solved:
    solved = find_quietly(market, policies, start)
    assert solved.solution.converged.all()
    return solved


def test_scenarios_do_not_depend_on_each_other():
    """[50] The same results in either order and alone."""
    market = fm.load_market("rare_earths")
    measures = {kind: [fm.REGISTRY[kind](**fm.REGISTRY[kind].example)] for kind in ("price_floor", "price_gap_subsidy", "import_tariff")}
    there, back = fm.compare(market, measures), fm.compare(market, dict(reversed(measures.items())))
    for kind, policies in measures.items():
        alone = outcome(fm.solve(market, policies).solved)
        assert gap(outcome(there[kind].solved), alone) < 1e-8
        assert gap(outcome(back[kind].solved), alone) < 1e-8


# ---- Eaton and Kortum (2002)


def eaton_kortum(technology: Array, landed: Array, theta: float) -> tuple[Array, float]:
    """Shares of value and Phi."""
    parts = technology * landed**-theta
    return parts / parts.sum(), float(parts.sum())


def test_shares_of_eaton_and_kortum_are_value_shares_of_ces():
    """Case con06. Value shares of `ces` are proportional to (c / c0)^(1 - sigma): the substitution elasticity is theta + 1. The sigma of
    the case, of substitution between goods, stands in a constant of the index alone and in no share."""
    c, want = EATON_KORTUM, EATON_KORTUM["expected"]
    technology, theta, landed0 = np.array(c["technology"]), c["theta"], np.array(c["cost"]) * c["trade_cost"]
    value, phi = eaton_kortum(technology, landed0, theta)
    np.testing.assert_allclose(value, want["shares"], rtol=1e-9)  # the case prints ten digits
    constant = gamma(1 + (1 - c["sigma"]) / theta) ** (1 / (1 - c["sigma"]))
    assert constant * phi ** (-1 / theta) == pytest.approx(want["price_index"], rel=1e-9)
    assert hhi(value) == pytest.approx(want["hhi"], rel=1e-9)
    price0 = 1 / (value / landed0).sum()
    tonnes0 = value * price0 / landed0
    wedge = np.array([c["wedge"], 1.0, 1.0, 1.0])
    bought = ces((landed0 * wedge)[None, :, None], tonnes0[None, :, None], landed0[None, :, None], np.full((1, 1), price0),
                 np.full((1, 1), theta + 1))
    after = (bought.share[0, :, 0] * landed0 * wedge) / bought.price[0, 0]
    exact, moved = eaton_kortum(technology, landed0 * wedge, theta)
    np.testing.assert_allclose(after, exact, rtol=1e-12)
    np.testing.assert_allclose(after, value * wedge**-theta / (value * wedge**-theta).sum(), rtol=1e-12)
    np.testing.assert_allclose(after, want["shares_after"], rtol=1e-9)
    assert bought.price[0, 0] / price0 == pytest.approx((moved / phi) ** (-1 / theta), rel=1e-12)
    assert bought.price[0, 0] / price0 == pytest.approx(want["price_ratio"], rel=1e-9)
    assert hhi(after) == pytest.approx(want["hhi_after"], rel=1e-9)
    recovered = after * (landed0 * wedge) ** theta
    np.testing.assert_allclose(recovered / recovered[0], technology / technology[0], rtol=1e-12)


def test_shares_of_eaton_and_kortum_in_a_market_under_a_tariff():
    """Gate prices answer here; at the landed prices found, shares and the index are those of the closed form."""
    c = EATON_KORTUM
    technology, theta, landed0 = np.array(c["technology"]), c["theta"], np.array(c["cost"]) * c["trade_cost"]
    value, phi = eaton_kortum(technology, landed0, theta)
    tonnes = np.append(1000 * value / landed0, 0.0)
    names, flow, barrier = ["s1", "s2", "s3", "s4", "buyer"], np.zeros((1, 5, 5)), np.zeros((1, 5, 5))
    flow[0, :, 4], barrier[0, :4, 4] = tonnes, np.array(c["trade_cost"]) - 1
    figures = {"price0": [[*c["cost"], 1.0]], "output0": tonnes[None], "flow0": flow, "final_demand0": [[0, 0, 0, 0, tonnes.sum()]],
               "import_rate0": barrier, "supply_elasticity": 1.5, "demand_elasticity": 0.7, "sourcing_elasticity": theta + 1}
    market = fm.market_from_arrays("EK", ["g"], names, {k: np.asarray(v, float) for k, v in figures.items()}, sourcing="ces")
    tariff = fm.ImportTariff(good="g", importers=["buyer"], origins=["s1"], rate=c["wedge"] * c["trade_cost"][0] - c["trade_cost"][0])
    s = run(market, [tariff]).state
    landed = s.landed[0].landed[0, :4, 4]
    spent = landed * s.flow[0][0, :4, 4]
    exact, moved = eaton_kortum(technology, landed, theta)
    assert 1.05 < landed[0] / landed0[0] < c["wedge"]  # the supplier bears a part
    np.testing.assert_allclose(spent / spent.sum(), exact, rtol=1e-12)
    assert s.buyer_price[0, 0, 4] / s.benchmark.buyer_price0[0, 0, 4] == pytest.approx((moved / phi) ** (-1 / theta), rel=1e-12)
    assert hhi(spent / spent.sum()) < hhi(value)
