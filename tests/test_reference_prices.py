"""Reference prices: contracts paid against an index less tax, old prices in a new reference, floors at a cost of production."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

import floormodel as fm
from floormodel.equilibrium.state import guarantee_of

pytestmark = pytest.mark.filterwarnings("ignore::floormodel.errors.InertWarning")
# supply of home and of a neighbour whose price hardly moves
NEIGHBOUR = {"supply": {"home": (0, 1), "abroad": (0, 1e6)}, "demand": {"home": (500, -1), "abroad": (2e8, -1e6)}}


def solve(market, *policies):
    """A solved scenario with both identities closed."""
    run = fm.solve(market, list(policies))
    assert run.converged.all()
    assert max(run.identities().values()) < 1e-8
    return run


def at(run, variable, region, good="good"):
    return float(run.dataset[variable].sel(good=good, region=region))


def contract(**fields):
    return fm.PriceGapSubsidy(**({"good": "good", "regions": ["home"]} | fields))


def payment(market, policy, price):
    """What the contract that an instrument makes pays home per tonne at a price of all regions."""
    [made] = solve(market, policy).solved.terms.contracts
    value, _, _ = guarantee_of(made, np.full((1, 1, 2), float(price)), np.zeros(1, int))
    return value[0, market.regions.index("home")]


@pytest.mark.economic_case("price_gap_subsidy")
@pytest.mark.parametrize("strike, share, price, paid", [(25, 0, 20, 5), (110, 0.3, 63, 47), (110, 0.3, 110, 0), (110, 0.3, 140, -9)])
def test_payments_of_real_contracts(strike, share, price, paid):
    """A published example for cobalt, 25 against 20 USD/lb, and the floor of MP Materials, 110 USD/kg with 30 % of the upside."""
    assert payment(fm.linear_market(**NEIGHBOUR), contract(strike=strike, upside_share=share), price) == pytest.approx(paid, abs=1e-12)


@pytest.mark.economic_case("price_gap_subsidy")
def test_an_index_with_value_added_tax_is_paid_against_without_it():
    """The Chinese price of NdPr was 123 USD/kg in February 2026 with 13 % VAT, 108.85 without: below a strike of 110 by 1.15, not above."""
    market = fm.linear_market({"home": (0, 1), "abroad": (0, 1e6)}, {"home": (500, -1), "abroad": (246e6, -1e6)})  # 123 abroad
    for vat, paid in ((0.13, 1.15), (0.0, 0.0)):
        index = fm.ReferencePrice(kind="index", regions=["abroad"], vat=vat)
        run = solve(market, contract(strike=110, reference=index))
        assert at(run, "price", "abroad") == pytest.approx(123, abs=0.01)
        assert at(run, "guarantee", "home") / at(run, "output", "home") == pytest.approx(paid, abs=0.01)
    assert payment(market, contract(strike=110, reference=index.model_copy(update={"vat": 0.13})), 123) == pytest.approx(110 - 123 / 1.13)


@pytest.mark.parametrize("window, lag", [(0, 0), (1, 0), (6, 3), (12, 0), (3, 9), (6, 8), (24, 0), (12, 12), (0, 4), (0, 15)])
def test_share_of_new_prices_in_the_first_year(window, lag):
    """The mean over twelve months of the part of the window after the change, integrated numerically."""
    def seen(month):
        return np.clip((month - lag) / window, 0, 1) if window else float(month > lag)

    breaks = sorted({float(m) for m in (lag, lag + window) if 0 < m < 12})
    expected = quad(seen, 0, 12, points=breaks or None)[0] / 12
    reference = fm.ReferencePrice(kind="index", window_months=window, lag_months=lag)
    assert reference.new_share("short") == pytest.approx(expected, abs=1e-12)
    assert reference.new_share("long") == 1


def test_old_prices_count_at_the_short_horizon_only():
    """Lag 3 months, window 6: half of the first year's reference is new, (9 - 3) / 12. Home, closed off, clears where 500 - p is
    p + guarantee = p + 300 - reference: at 200 where the reference is p, at 216.7 where it is 0.5 (250 + p)."""
    long = fm.linear_market(**NEIGHBOUR)
    short = replace(long, horizon="short")
    policies = (contract(strike=300, reference=fm.ReferencePrice(kind="own", window_months=6, lag_months=3)),
                fm.ExportQuota(good="good", exporter="abroad", quota=0), fm.ExportQuota(good="good", exporter="home", quota=0))
    old = long.dataset["price0"].sel(good="good", region="home").item()
    assert old == pytest.approx(250)  # figures of a textbook market are those of closed borders
    assert at(solve(long, *policies), "price", "home") == pytest.approx(200, rel=1e-8)
    assert at(solve(short, *policies), "price", "home") == pytest.approx(650 / 3, rel=1e-8)


def chain(draws=1):
    """Input and product at home and abroad; supply elasticities of 1, so that the average cost of a supply curve is half its margin."""
    figures = {
        "price0": [[60.0, 40.0], [400.0, 300.0]], "output0": [[30.0, 50.0], [10.0, 20.0]], "recipe": [[0.0, 0.0], [2.0, 0.0]],
        "final_demand0": [[5.0, 15.0], [12.0, 18.0]], "supply_elasticity": 1.0, "demand_elasticity": 0.5, "sourcing_elasticity": 4.0,
        "flow0": [[[25.0, 5.0], [0.0, 50.0]], [[10.0, 0.0], [2.0, 18.0]]],
    }
    if draws > 1:
        figures["supply_elasticity"] = np.linspace(0.5, 2.0, draws)[:, None, None] * np.ones((2, 2))
    return fm.market_from_arrays("chain", ["input", "product"], ["home", "abroad"], figures)


def level(market, good, **fields):
    run = solve(market, fm.PriceFloor(good=good, members=["home"], price=fm.ReferencePrice(kind="cost", **fields)))
    return run.solved.terms.floors[0].level, run


@pytest.mark.economic_case("price_floor")
def test_a_floor_at_the_cost_of_production():
    """Input: 60 / 2 at home, 40 / 2 abroad. Abroad buys 5 t of its 55 t of input at 60: 41.82, so that the product has a margin of
    300 - 83.64 and costs 83.64 + 108.18 = 191.82; at home 120 + 140 = 260."""
    market = chain()
    inputs = 2 * (5 * 60 + 50 * 40) / 55
    abroad = inputs + (300 - inputs) / 2
    assert level(market, "input", regions=["home"])[0] == pytest.approx([30])
    assert level(market, "input", regions=["home", "abroad"])[0] == pytest.approx([(30 * 30 + 50 * 20) / 80])
    assert level(market, "product")[0] == pytest.approx([260])  # of the members
    assert abroad == pytest.approx(191.82, abs=0.005)
    assert level(market, "product", regions=["abroad"])[0] == pytest.approx([abroad])
    assert level(market, "product", regions=["home", "abroad"], margin=0.5)[0] == pytest.approx([1.5 * (10 * 260 + 20 * abroad) / 30])
    _, run = level(market, "product", margin=0.5)
    same = solve(market, fm.PriceFloor(good="product", members=["home"], price=390.0))
    assert run.dataset["floor_top_up"].max() > 50
    np.testing.assert_allclose(run.dataset["landed_price"], same.dataset["landed_price"], rtol=1e-12)


def test_a_cost_of_each_draw_and_every_way_to_hold_it():
    """With elasticity e the average cost of the input is 60 e / (1 + e) at home."""
    market, e = chain(3), np.linspace(0.5, 2.0, 3)
    price = fm.ReferencePrice(kind="cost", regions=["home"], margin=0.8)
    expected = 1.8 * 60 * e / (1 + e)
    for holds in ("import_price", "member_price", "purchase"):
        room = {"room": 5.0} if holds == "purchase" else {}
        run = solve(market, fm.PriceFloor(good="input", members=["abroad"], price=price, holds=holds, **room))
        top_up = run.dataset["floor_top_up"].sel(good="input", origin="home", destination="abroad")
        if holds == "import_price":
            border = run.dataset["border_price"].sel(good="input", origin="home", destination="abroad")
            np.testing.assert_allclose(top_up, np.maximum(expected - border, 0), atol=1e-9)
        price_there = run.dataset["price"].sel(good="input", region="abroad").values
        left = run.dataset["floor_gap"].sel(region="abroad").values[:, 0]
        np.testing.assert_allclose(left, np.maximum(expected - price_there, 0), atol=1e-6)
    run = solve(market, fm.Stockpile(good="input", region="abroad", purchase=200.0, max_price=price))
    paid, bought = run.dataset["buyer_price"].sel(good="input", region="abroad").values, run.dataset["unknown_value"].values[:, 0]
    assert bought[0] == 0 and paid[0] > expected[0]
    assert np.all((bought[1:] > 0) & (bought[1:] < 200))
    np.testing.assert_allclose(paid[1:], expected[1:], rtol=1e-8)


def test_cost_of_latent_projects():
    """Plants that are not opened, 100 t/yr at 30 and 300 t/yr at 50 USD/t, and the input at what each pays."""
    figures = {name: chain().dataset[name].values for name in ("price0", "output0", "recipe", "final_demand0", "supply_elasticity",
                                                              "demand_elasticity", "sourcing_elasticity", "flow0")}
    figures |= {"latent_capacity": [[100.0, 300.0], [0.0, 0.0]], "latent_unit_cost": [[30.0, 50.0], [0.0, 0.0]]}
    market = fm.market_from_arrays("latent", ["input", "product"], ["home", "abroad"], figures)
    assert level(market, "input", regions=["home", "abroad"], cost="latent")[0] == pytest.approx([45])


def test_a_guarantee_against_a_cost_is_fixed_per_tonne():
    """260 a tonne is what the product costs at home; a strike of 280 pays 20 whatever the price."""
    market = chain()
    cost = fm.PriceGapSubsidy(good="product", regions=["home"], strike=280.0, reference=fm.ReferencePrice(kind="cost"))
    for more in ((), (fm.ImportTariff(good="product", importers=["home"], rate=0.5),)):
        run = solve(market, cost, *more)
        assert at(run, "guarantee", "home", "product") / at(run, "output", "home", "product") == pytest.approx(20, rel=1e-9)


@pytest.mark.parametrize("policy, where", [
    (fm.PriceFloor(good="input", members=["home"], price=fm.ReferencePrice(kind="index")), "price"),
    (fm.PriceFloor(good="input", members=["home"], price=fm.ReferencePrice(kind="cost", vat=0.1)), "price"),
    (fm.PriceFloor(good="input", members=["home"], price=fm.ReferencePrice(kind="cost", regions=["Mars"])), "price"),
    (fm.PriceFloor(good="input", members=["home"], price=fm.ReferencePrice(kind="cost", cost="latent")), "price"),
    (fm.Stockpile(good="input", region="home", release=1.0, release_price=fm.ReferencePrice(kind="own")), "release_price"),
    (contract(good="input", strike=9.0, reference=fm.ReferencePrice(kind="own", margin=0.1)), "reference"),
    (contract(good="input", strike=9.0, reference=fm.ReferencePrice(kind="own", regions=["home"])), "reference"),
    (contract(good="input", strike=9.0, reference=fm.ReferencePrice(kind="index"), index_regions=["home"]), "index_regions"),
])
def test_references_without_meaning_are_refused(policy, where):
    assert {fault.where for fault in policy.check(chain())} == {where}


def test_a_share_is_of_the_benchmark_price():
    """A tenth of the 55,000 USD/t that Malaysian oxide fetches in the benchmark is 5,500 USD/t."""
    real = fm.load_market("rare_earths")
    assert float(real.dataset["price0"].sel(good="ndpr_oxide", region="MYS")) == 55_000
    outputs = [fm.solve(real, [fm.ProductionSubsidy(good="ndpr_oxide", regions=["MYS"], **fields)]).dataset["output"].values
               for fields in ({}, {"share": 0.1}, {"rate": 5_500.0})]
    assert outputs[1] == pytest.approx(outputs[2], rel=1e-12) and np.abs(outputs[1] - outputs[0]).max() > 1
