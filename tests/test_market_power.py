"""Sellers with market power against closed forms: dominant firm with a fringe, Cournot, and their two ends."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.accounts import ledger
from floormodel.equilibrium.solve import find

CASES = Path(__file__).parent / "cases"
TINY = 1e-7  # of a margin: with an elasticity of 10,000 a seller's marginal cost is flat to 1e-11


def market(costs, demand, fringe=None, reference=50.0, output=100.0):
    """Sellers of one homogeneous good at constant marginal `costs`, a fringe X = d P - c0 and demand D = a - b P in `home`."""
    names = [*costs, *(["fringe"] if fringe else []), "home"]
    n, (a, b) = len(names), demand
    price, made, eps, subsidy, use, eta = (np.zeros((1, n)) for _ in range(6))
    for i, cost in enumerate(costs.values()):
        price[0, i], made[0, i], eps[0, i], subsidy[0, i] = cost, output, 1e4, TINY - cost
    if fringe:
        c0, d = fringe
        price[0, -2], made[0, -2] = reference, d * reference - c0
        eps[0, -2] = d * reference / made[0, -2]
    price[0, -1], use[0, -1] = reference, a - b * reference
    eta[0, -1] = b * reference / use[0, -1]
    figures = {"price0": price, "output0": made, "final_demand0": use, "flow0": np.zeros((1, n, n)), "supply_elasticity": eps,
               "demand_elasticity": eta, "subsidy0": subsidy, "freight": np.zeros((1, n, n)), "scrap_factor": np.array([1e-9])}
    return fm.market_from_arrays("sellers", ["good"], names, figures, sourcing="homogeneous", supply_curve="linear", demand_curve="linear")


def case(name):
    return tomllib.loads((CASES / f"{name}.toml").read_text("utf-8"))


def power(region, **fields):
    return fm.MarketPower(good="good", region=region, **fields)


@pytest.mark.economic_case("market_power")
def test_dominant_firm_with_a_fringe_and_monopoly():
    c = case("dominant_firm_fringe")
    with_fringe = find(market({"dominant": c["marginal_cost"]}, c["demand"], (c["marginal_cost"], 1.0)), [power("dominant")])
    assert with_fringe.state.output[0, 0, :2] == pytest.approx([c["dominant_quantity"], c["fringe_quantity"]], abs=1e-8)
    assert with_fringe.state.price[0, 0, 0] == pytest.approx(c["price"], abs=1e-9)
    lines = ledger(with_fringe).lines
    assert lines["markup_rent"][0, 0, 0] == pytest.approx(c["dominant_profit"], abs=1e-5)
    assert lines["consumer_surplus"].sum() == pytest.approx(c["consumer_surplus"], abs=1e-5)
    alone = find(market({"dominant": c["marginal_cost"]}, c["demand"]), [power("dominant")])
    assert alone.state.output[0, 0, 0] == pytest.approx(c["monopoly"]["quantity"], abs=1e-8)
    assert alone.state.price[0, 0, 0] == pytest.approx(c["monopoly"]["price"], abs=1e-9)
    assert ledger(alone).lines["markup_rent"][0, 0, 0] == pytest.approx(c["monopoly"]["profit"], abs=1e-5)


def test_a_topped_up_fringe_raises_the_market_price():
    """Case ind01: a fringe that is paid the gap answers to no price below its floor, so residual demand is steeper there."""
    c = case("ind01_dominant_firm_fringe")
    textbook = market({"dominant": c["dominant_mc"]}, (c["a"], c["b"]), (c["c0"], c["d"]))
    free = find(textbook, [power("dominant")])
    assert free.state.price[0, 0, 0] == pytest.approx(c["expected"]["P"], abs=1e-8)
    assert free.state.output[0, 0, :2] == pytest.approx([c["expected"]["q_dominant"], c["expected"]["q_fringe"]], abs=1e-7)
    lerner = (free.state.price[0, 0, 0] - c["dominant_mc"]) / free.state.price[0, 0, 0]
    assert lerner == pytest.approx(c["expected"]["lerner"], abs=1e-9)
    support = fm.PriceGapSubsidy(good="good", regions=["fringe"], strike=c["floor"])
    want = c["expected"]["with_floor"]
    held = find(textbook, [power("dominant"), support])
    assert held.state.price[0, 0, 0] == pytest.approx(want["P"], abs=1e-8)
    assert held.state.output[0, 0, :2] == pytest.approx([want["q_dominant"], want["q_fringe"]], abs=1e-7)
    lines = ledger(held).lines
    assert -lines["guarantee_outlay"].sum() == pytest.approx(want["topup_outlay"], abs=1e-5)
    assert lines["markup_rent"][0, 0, 0] == pytest.approx(want["profit_dominant"], abs=1e-4)
    assert held.state.price[0, 0, 0] > free.state.price[0, 0, 0]
    # with a floor of 20 the fringe answers to prices above it as before: the best branch is the one without payments
    slack = find(textbook, [power("dominant"), fm.PriceGapSubsidy(good="good", regions=["fringe"], strike=25.0)])
    assert slack.state.price[0, 0, 0] == pytest.approx(c["expected"]["P"], abs=1e-8)


def test_asymmetric_cournot_and_its_lerner_identity():
    c = case("con04_cournot_hhi_lerner")
    names = [f"firm{i}" for i in range(4)]
    solved = find(market(dict(zip(names, c["mc"])), (c["a"] / c["b"], 1 / c["b"]), output=25.0), [power(r) for r in names])
    assert solved.solution.converged.all()
    q, price = solved.state.output[0, 0, :4], solved.state.price[0, 0, 0]
    assert q == pytest.approx(c["expected"]["q"], abs=1e-9)
    assert price == pytest.approx(c["expected"]["P"], abs=1e-9)
    shares = q / q.sum()
    assert (shares**2).sum() == pytest.approx(c["expected"]["HHI"], abs=1e-9)
    assert (shares * (price - np.array(c["mc"])) / price).sum() == pytest.approx(c["expected"]["weighted_lerner"], abs=1e-9)


def nash(costs, beta, load, gamma, margin):
    """Murphy, Sherali and Soyster 1982: marginal cost c + (L q)^(1/beta), inverse demand (5000 / Q)^(1/gamma). Any margin gives a point on
    a seller's curve, q = margin^beta / L; the constant cost is a benchmark charge per tonne."""
    n = len(costs)
    use = 5000.0 / 10.0**gamma  # demand at a price of ten
    column = lambda values, last: np.array([[*values, last]], float)  # noqa: E731
    figures = {"price0": column(np.asarray(costs) + margin, 10.0), "output0": column(margin ** np.asarray(beta) / load, 0.0),
               "supply_elasticity": column(beta, 1.0), "subsidy0": column(-np.asarray(costs, float), 0.0),
               "final_demand0": column([0.0] * n, use),
               "demand_elasticity": column([1.0] * n, gamma), "flow0": np.zeros((1, n + 1, n + 1)),
               "freight": np.zeros((1, n + 1, n + 1)), "scrap_factor": np.array([1e-6])}
    names = [f"firm{i}" for i in range(n)]
    return fm.market_from_arrays("nash", ["good"], [*names, "home"], figures, sourcing="homogeneous"), [power(r) for r in names]


@pytest.mark.parametrize("name, margin", [("nash5", 5.0), ("nash10", 40.0)])
def test_nash_games_of_the_literature(name, margin):
    c = case("nash_games")[name]
    textbook, sellers = nash(c["costs"], c["beta"], c["load"], c["gamma"], margin)
    solved = find(textbook, sellers)
    assert solved.solution.converged.all()
    assert solved.state.output[0, 0, :-1] == pytest.approx(c["q"], rel=1e-6)


def test_many_firms_are_competitive_and_one_is_a_monopoly():
    """With an isoelastic demand of elasticity e one firm charges mc / (1 - 1/e); n firms mc / (1 - 1/(n e))."""
    e, cost = 2.5, 40.0
    figures = {"price0": np.array([[cost, cost]]), "output0": np.array([[100.0, 0.0]]), "supply_elasticity": np.array([[1e4, 1.0]]),
               "subsidy0": np.array([[TINY - cost, 0.0]]), "final_demand0": np.array([[0.0, 100.0]]),
               "demand_elasticity": np.array([[1.0, e]]), "flow0": np.zeros((1, 2, 2)), "freight": np.zeros((1, 2, 2))}
    textbook = fm.market_from_arrays("one", ["good"], ["seller", "home"], figures, sourcing="homogeneous")
    for n in (1, 2, 10, 1000):
        price = find(textbook, [power("seller", firms=n)]).state.price[0, 0, 0]
        assert price == pytest.approx(cost / (1 - 1 / (n * e)), rel=1e-6)
    assert price == pytest.approx(cost, rel=1e-3)


def test_conduct_is_a_share_of_the_markup_on_a_real_market():
    real = fm.load_market("rare_earths", horizon="long")
    prices = []
    for conduct in (0.0, 0.3, 0.6):
        e = fm.solve(real, [fm.MarketPower(good="ndpr_oxide", region="CHN", conduct=conduct)] if conduct else [])
        assert e.converged.all() and max(e.identities().values()) < 1e-8
        prices.append(float(e.dataset.price.sel(good="ndpr_oxide", region="CHN")))
        markup = float(e.dataset.markup.sel(good="ndpr_oxide", region="CHN"))
        assert markup == 0.0 if conduct == 0 else markup > 0
    assert prices[0] < prices[1] < prices[2]


def test_each_draw_has_its_own_quantity():
    seller, real = fm.MarketPower(good="refined", region="CHN", conduct=0.3), fm.load_market("cobalt", horizon="long")
    three, one = (fm.solve(fm.sample(real, n, 5), [seller]) for n in (3, 1))  # the first draw of three is a run of one
    assert three.converged.all()
    assert three.solved.state.output[:1] == pytest.approx(one.solved.state.output, rel=1e-8)
    assert np.ptp(three.solved.state.output[:, 1, real.regions.index("CHN")]) > 1
