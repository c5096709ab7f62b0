"""Economic faults that other fast tests let pass (benchmarks/mutants.md): each against a closed form or a rule of docs/results.md."""

import re
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.accounts import OWNER
from floormodel.equilibrium.solve import find
from tests.producers_markets import at, logit_market, money, solve, unknown

LINEAR = {"sourcing": "homogeneous", "supply_curve": "linear", "demand_curve": "linear"}
RESULTS = (Path(__file__).parents[1] / "docs" / "results.md").read_text("utf-8")


def route(run, variable, origin, destination, good="good"):
    return float(run.dataset[variable].sel(good=good, origin=origin, destination=destination))


def importer(**more):
    """out makes 200 and sells half of it to home, which makes 50; 10 % duty on what home imports."""
    more = {"import_rate0": np.array([[[0.0, 0.1], [0.0, 0.0]]])} | more
    return logit_market([200.0, 50.0], [100.0, 150.0], [[100.0, 100.0], [0.0, 50.0]], demand_elasticity=0.5, regions=("out", "home"),
                        **{"supply_elasticity": 1.0} | more)


def floor(price, **fields):
    return fm.PriceFloor(good="good", members=["home"], price=price, **fields)


def test_owners_of_accounts_are_those_of_the_page():
    table = RESULTS.split("## Accounts")[1].split("Two identities")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines() if line.startswith("| `")]
    stated = {}
    for accounts, owners in rows:
        names, owner = re.findall(r"`(\w+)`", accounts), owners.split(", ")
        stated |= dict(zip(names, owner if len(owner) == len(names) else owner * len(names)))
    assert stated == OWNER


# the way from the gate to the buyer


def test_the_import_rate_is_charged_on_an_undertaking_and_not_on_a_levy():
    """c = (b + t)(1 + rate) with b + t = 130: 143. As a levy c = 1.1 b + 130 - b."""
    kept = solve(importer(), floor(130.0, collected_as="undertaking"))
    border = route(kept, "border_price", "out", "home")
    assert border < 130 and route(kept, "landed_price", "out", "home") == pytest.approx(143.0, rel=1e-12)
    tonnes = route(kept, "flow", "out", "home")
    assert money(kept, "undertaking_rent", "out") == pytest.approx((130 - border) * tonnes, rel=1e-9)
    assert money(kept, "import_duty", "home") == pytest.approx(13 * tonnes - 10 * 100, rel=1e-9)
    levied = solve(importer(), floor(130.0))
    border = route(levied, "border_price", "out", "home")
    assert route(levied, "landed_price", "out", "home") == pytest.approx(0.1 * border + 130, rel=1e-12)


@pytest.mark.parametrize("prices", [(120.0, 130.0), (130.0, 120.0)])
def test_of_two_floors_the_higher_holds(prices):
    run = solve(importer(), *(floor(p) for p in prices))
    assert route(run, "border_price", "out", "home") + route(run, "floor_top_up", "out", "home") == pytest.approx(130.0, rel=1e-12)


def test_nobody_evades_an_undertaking():
    """The exporter keeps the top-up: there is no duty to evade but on duties that policy has added, here none."""
    kept = floor(130.0, collected_as="undertaking")
    alone, evaded = solve(importer(), kept), solve(importer(), kept, fm.Evasion(good="good", most=0.5, scale=20.0))
    np.testing.assert_allclose(evaded.dataset["price"], alone.dataset["price"], rtol=1e-12)
    assert np.nan_to_num(evaded.dataset["evaded"].values).sum() == 0


@pytest.mark.parametrize("replaces, rate", [(True, 0.25), (False, 0.35)])
def test_a_charge_takes_the_place_of_the_one_in_force_or_adds_to_it(replaces, rate):
    """25 % where 10 % stood before; the same at the border of the exporter, on the gate price."""
    run = solve(importer(), fm.ImportTariff(good="good", importers=["home"], rate=0.25, replaces_existing=replaces))
    assert route(run, "landed_price", "out", "home") == pytest.approx((1 + rate) * at(run, "price", "out"), rel=1e-12)
    taxed = importer(import_rate0=0.0, export_rate0=np.array([[[0.0, 0.1], [0.0, 0.0]]]))
    run = solve(taxed, fm.ExportTax(good="good", exporters=["out"], rate=0.25, replaces_existing=replaces))
    assert route(run, "landed_price", "out", "home") == pytest.approx((1 + rate) * at(run, "price", "out"), rel=1e-12)


def test_a_levy_that_recovers_a_collar_is_charged_on_own_tonnes_too():
    """All of 20 t at (floor - p) spread over all use at home; own tonnes cost their gate price and the levy."""
    run = solve(importer(), fm.BuyerCollar(good="good", regions=["home"], buyer="home", floor=130.0, volume=20.0, pass_through=1.0))
    levy = 20 * (130 - at(run, "price", "home")) / at(run, "use", "home")
    assert levy > 2 and unknown(run) == pytest.approx(levy, rel=1e-8)
    assert route(run, "landed_price", "home", "home") == pytest.approx(at(run, "price", "home") + levy, rel=1e-8)


def test_licences_handed_out_by_output_are_worth_their_part_of_each_tonne():
    """Three tenths of each tonne made may leave: a producer gets its price and 0.3 rents, all of what licences are worth."""
    run = solve(importer(), fm.DomesticProcessing(good="good", exporter="out", share=0.7, output_based=True))
    rent = unknown(run)
    assert rent > 5 and route(run, "flow", "out", "home") == pytest.approx(0.3 * at(run, "output", "out"), rel=1e-8)
    assert at(run, "margin", "out") == pytest.approx(at(run, "price", "out") + 0.3 * rent, rel=1e-10)
    assert money(run, "quota_rent", "out") == pytest.approx(0, abs=1e-6)


def chain(import_rate0=None):
    """Input made abroad, a tonne per tonne of product; home buys 100 of it and exports 40 of its 100 products, on which it charges 10 %
    and abroad 20 %."""
    regions, charged = ("home", "abroad"), np.zeros((2, 2, 2))
    charged[1, 0, 1] = 1.0
    duties = 0.2 * charged if import_rate0 is None else import_rate0
    figures = {
        "price0": np.array([[100.0, 100.0], [400.0, 400.0]]), "output0": np.array([[0.0, 200.0], [100.0, 100.0]]),
        "final_demand0": np.array([[0.0, 0.0], [90.0, 110.0]]), "recipe": np.array([[0.0, 0.0], [1.0, 0.0]]),
        "flow0": np.array([[[0.0, 0.0], [100.0, 100.0]], [[60.0, 40.0], [30.0, 70.0]]]), "export_rate0": 0.1 * charged,
        "import_rate0": duties, "supply_elasticity": 1.0, "demand_elasticity": 0.5, "sourcing_elasticity": 4.0}
    return fm.market_from_arrays("chain", ["input", "product"], regions, figures)


def test_a_rebate_lowers_what_the_export_rate_and_the_duty_abroad_are_charged_on():
    """c = (p - gap)(1 + 0.1)(1 + 0.2), gap = 130 - P of the input abroad, one tonne in each product."""
    adjusted = fm.ContentAdjustment(good="input", members=["home"], coverage=["product"], content_rule="to_floor", price=130.0)
    run = solve(chain(), adjusted)
    gap = 130 - at(run, "buyer_price", "abroad", "input")
    assert gap > 20
    landed = (at(run, "price", "home", "product") - gap) * 1.1 * 1.2
    assert route(run, "landed_price", "home", "abroad", "product") == pytest.approx(landed, rel=1e-12)
    back = gap * route(run, "flow", "home", "abroad", "product")
    assert money(run, "content_duty", "home") == pytest.approx(
        gap * route(run, "flow", "abroad", "home", "product") - back, rel=1e-9)


def test_a_neutral_adjustment_answers_only_to_what_was_added():
    """A duty of 20 % on the input stood before: home pays 20 more for it in the benchmark, and there is nothing to adjust."""
    before = np.zeros((2, 2, 2))
    before[0, 1, 0] = 0.2
    market = chain(before)
    adjusted = fm.ContentAdjustment(good="input", members=["home"], coverage=["product"])
    run = solve(market, adjusted)
    assert np.array_equal(run.dataset["price"], solve(market).dataset["price"], equal_nan=True) and run.accounts().empty


def test_a_content_duty_is_evaded_like_any_other():
    """The share h = 0.5 (1 - exp(-duty / 20)) pays nothing; what the others pay is the importer's."""
    adjusted = fm.ContentAdjustment(good="input", members=["home"], coverage=["product"], content_rule="to_floor", price=130.0,
                                    export_rebate=False)
    run = solve(chain(), adjusted, fm.Evasion(good="product", most=0.5, scale=20.0))
    duty, tonnes = 130 - at(run, "buyer_price", "abroad", "input"), route(run, "flow", "abroad", "home", "product")
    evading = 0.5 * (1 - np.exp(-duty / 20))
    assert duty > 20 and route(run, "evaded", "abroad", "home", "product") == pytest.approx(evading * tonnes, rel=1e-9)
    assert money(run, "content_duty", "home") == pytest.approx(duty * (1 - evading) * tonnes, rel=1e-9)


# money


@pytest.mark.parametrize("cap, paid", [(1_500.0, 1_500.0), (5_000.0, 2_000.0)])
def test_a_cap_on_money_is_the_most_that_is_paid(cap, paid):
    """100 t at 100 USD/t whatever the price, strike 120: 2,000 USD, or the cap."""
    market = logit_market([100.0], [100.0], [[100.0]], supply_elasticity=0.0, demand_elasticity=1.0, regions=("a",))
    run = solve(market, fm.PriceGapSubsidy(good="good", regions=["a"], strike=120.0, money_cap=cap))
    assert money(run, "guarantee_outlay", "a") == pytest.approx(-paid, rel=1e-12)
    assert money(run, "producer_surplus", "a") == pytest.approx(paid, rel=1e-12)


def test_a_markup_is_earned_by_the_seller():
    """Markup times output of the seller, and nobody else's."""
    run = solve(importer(), fm.MarketPower(good="good", region="out", conduct=0.3))
    markup = at(run, "markup", "out")
    assert markup > 1 and money(run, "markup_rent", "out") == pytest.approx(markup * at(run, "output", "out"), rel=1e-9)
    assert money(run, "markup_rent", "home") == 0


@pytest.mark.parametrize("royalty", [0.0, 0.2])
def test_a_seller_weighs_what_is_left_after_the_royalty(royalty):
    """p = 200 - X and marginal cost 0.8 X at a royalty of 20 %, X without: (1 - royalty)(200 - 2 X) = (1 - royalty) X, X = 200 / 3."""
    run = solve(alone(royalty0=royalty), fm.MarketPower(good="good", region="a"))
    assert at(run, "output", "a") == pytest.approx(200 / 3, rel=1e-8)


@pytest.mark.parametrize("source", ["own", "members", "any"])
def test_a_stock_bought_above_the_benchmark_price_is_worth_the_benchmark_price(source):
    """Ten tonnes cost more than the 100 (own gate), 110 (landed) or benchmark buyer price at which they are valued."""
    market = importer()
    run = solve(market, fm.Stockpile(good="good", region="home", purchase=10.0, source=source,
                                     members=["out"] if source == "members" else []))
    old = {"own": 100.0, "members": 110.0, "any": (100 * 110 + 50 * 100) / 150}[source]
    new = {"own": at(run, "price", "home"), "members": route(run, "landed_price", "out", "home"),
           "any": at(run, "buyer_price", "home")}[source]
    assert new > old + 0.1
    assert money(run, "stock_purchases", "home") == pytest.approx(-10 * new, rel=1e-9)
    assert money(run, "stock_value", "home") == pytest.approx(10 * old, rel=1e-9)


@pytest.mark.parametrize("owner, earns", [("exporter", "a"), ("destination", "d"), ("b", "b")])
def test_the_rent_of_a_quota_goes_to_its_owner(owner, earns):
    """rent x 25 tonnes, to the exporter, the buyers' region or a third one; both identities close."""
    market = logit_market([100.0, 50.0, 0.0], [50.0, 50.0, 50.0], [[50.0, 0.0, 50.0], [0.0, 50.0, 0.0], [0.0, 0.0, 0.0]],
                          supply_elasticity=1.0, demand_elasticity=0.5)
    run = solve(market, fm.ExportQuota(good="good", exporter="a", quota=25.0, rent_owner=owner))
    for region in market.regions:
        assert money(run, "quota_rent", region) == pytest.approx(25 * unknown(run) * (region == earns), rel=1e-9)


def alone(**figures):
    """One region that makes and uses 100 t at 100 USD/t."""
    return fm.market_from_arrays("alone", ["good"], ["a"], {
        "price0": [[100.0]], "output0": [[100.0]], "final_demand0": [[100.0]], "flow0": [[[100.0]]], "supply_elasticity": 1.0,
        "demand_elasticity": 1.0} | figures, **LINEAR)


def test_output_that_nothing_brings_forth_costs_nothing():
    """100 t whatever the price, of which 60 may be made: p = 200 - 60; producers get 60 x 140 instead of 100 x 100."""
    run = solve(alone(supply_elasticity=0.0), fm.ProcessingCapacity(good="good", region="a", limit=60.0))
    assert at(run, "price", "a") == pytest.approx(140.0, rel=1e-9)
    assert money(run, "producer_surplus", "a") == pytest.approx(60 * 140 - 100 * 100, rel=1e-9)


@pytest.mark.parametrize("change", [10.0, -10.0])
def test_a_benchmark_with_a_stock_change_repeats_where_goods_are_alike(change):
    """10 t into the stock, or out of it, of 100 made: the price of 100 stays."""
    used = 100 - change
    run = solve(alone(final_demand0=[[used]], flow0=[[[used]]], stock_change0=[[change]]))
    assert at(run, "price", "a") == pytest.approx(100.0, rel=1e-12) and at(run, "final_demand", "a") == pytest.approx(used, rel=1e-12)


def test_a_seller_that_gains_by_every_tonne_is_not_solved():
    """A subsidy of ten times the price: at four times its benchmark output, the most that is tried, the seller wants more."""
    market = logit_market([100.0], [100.0], [[100.0]], supply_elasticity=1.0, demand_elasticity=2.0, regions=("a",))
    policies = [fm.MarketPower(good="good", region="a"), fm.ProductionSubsidy(good="good", regions=["a"], rate=1_000.0)]
    assert not fm.solve(market, policies).converged.any()


def two_draws(chosen=slice(None)):
    """importer() with 200 t at 100 and with 220 t at 110, of other elasticities; or one of the two."""
    size = np.array([1.0, 1.1])[chosen, None, None]
    figures = {"price0": size * [[100.0, 100.0]], "output0": size * [[200.0, 50.0]], "final_demand0": size * [[100.0, 150.0]],
               "flow0": size[..., None] * [[[100.0, 100.0], [0.0, 50.0]]], "import_rate0": np.array([[[0.0, 0.1], [0.0, 0.0]]]),
               "supply_elasticity": np.array([[[1.0, 1.0]], [[0.5, 2.0]]])[chosen], "demand_elasticity": 0.5, "sourcing_elasticity": 4.0}
    return fm.market_from_arrays("two draws", ["good"], ["out", "home"], figures)


BOUGHT = fm.Stockpile(good="good", region="home", purchase=10.0, source="members", members=["out"], max_price=111.0)
CONTRACT = {"good": "good", "regions": ["home"], "strike": 130.0, "budget": 300.0}
PRODUCT = {"good": "product", "region": "home", "purchase": 10.0, "source": "members", "members": ["abroad"], "max_price": 405.0}
MEASURES = {
    "an undertaking and a new duty, both evaded": (two_draws, [
        floor(130.0, collected_as="undertaking"), fm.ImportTariff(good="good", importers=["home"], rate=0.2),
        fm.Evasion(good="good", most=0.5, scale=20.0)]),
    "a budget for part of the output": (two_draws, [fm.PriceGapSubsidy(**CONTRACT, volume_cap=20.0)]),
    "a budget for all of it": (two_draws, [fm.PriceGapSubsidy(**CONTRACT)]),
    "a stock bought abroad and an adjustable duty": (two_draws, [BOUGHT, floor(101.0, holds="member_price")]),
    "a part of output at home": (two_draws, [fm.DomesticProcessing(good="good", exporter="out", share=0.7)]),
    "a stock bought through the market": (two_draws, [fm.Stockpile(good="good", region="home", purchase=10.0, max_price=104.0)]),
    "an entry price near its cliff": (two_draws, [fm.EntryPrice(good="good", importers=["home"], entry_price=100.0, max_duty=30.0)]),
    "a stock of products under a content duty": (chain, [fm.Stockpile(**PRODUCT), fm.ContentAdjustment(
        good="input", members=["home"], coverage=["product"], content_rule="to_floor", price=130.0)])}


@pytest.mark.parametrize("name", MEASURES)
def test_derivatives_of_two_draws_by_complex_step(name):
    """Of every row in every unknown, at the solution and off it; both draws at once."""
    make, policies = MEASURES[name]
    solved = find(make(), policies)
    assert solved.solution.converged.all()
    draws = np.arange(len(solved.solution.z))
    for shift in (0.0, -0.02):
        z = solved.solution.z + shift
        slopes = solved.system.evaluate(z, draws, 0.0, True)[1]
        for j in range(z.shape[1]):
            moved = z.astype(complex)
            moved[:, j] += 1e-40j
            exact = solved.system.evaluate(moved, draws, 0.0, False)[0].imag / 1e-40
            np.testing.assert_allclose(slopes[:, :, j], exact, atol=1e-9 * np.abs(slopes).max())


def test_two_stocks_bought_at_one_gate_add_up():
    """Members' purchases of 10 and 5 t from the same producers; 15 t less are left for others, and both identities close."""
    ten, five = (fm.Stockpile(good="good", region=r, purchase=q, source="members", members=["out"])
                 for r, q in (("home", 10.0), ("out", 5.0)))
    run = solve(importer(), ten, five)
    bought = float(run.dataset["purchases"].sum())
    assert bought == pytest.approx(15.0, rel=1e-12)
    use = at(run, "final_demand", "home") + at(run, "final_demand", "out")
    assert at(run, "output", "home") + at(run, "output", "out") == pytest.approx(use + 15.0, rel=1e-9)


def test_what_evading_and_certifying_cost_adds_up():
    """Both on one good: the identities, which solve() asks for, count either cost once."""
    both = [fm.ImportTariff(good="good", importers=["home"], rate=0.3), fm.Evasion(good="good", most=0.5, scale=20.0),
            fm.StandardsMarket(good="good", regions=["home"], share=0.6, penalty=30.0, potential={"out": 0.9, "home": 0.9},
                               cost={"out": 8.0, "home": 5.0})]
    run = solve(importer(), *both)
    assert route(run, "evaded", "out", "home") > 1 and unknown(run) > 1


def test_rationed_users_pay_the_choke_price_with_the_tax():
    """60 t for users who would pay any price up to twice 100: they pay 200, of which 20 are the tax."""
    market = logit_market([100.0], [100.0], [[100.0]], supply_elasticity=1.0, demand_elasticity=0.2, regions=("a",), choke_factor=2.0)
    run = solve(market, fm.ProcessingCapacity(good="good", region="a", limit=60.0), fm.UseTax(good="good", regions=["a"], rate=20.0))
    assert at(run, "buyer_price", "a") == pytest.approx(180.0, rel=1e-8) and at(run, "final_demand", "a") == pytest.approx(60.0, rel=1e-8)


SCALED = [
    fm.DualPricing(good="good", region="out", discount=0.1), fm.DomesticSupply(good="good", exporter="out", volume=130.0),
    fm.DomesticProcessing(good="good", exporter="out", share=0.7, output_based=True),
    fm.ExportLicence(good="good", exporter="out", refused=0.3, delay=0.02), fm.ExportQuota(good="good", exporter="out", quota=60.0),
    fm.BuyerCollar(good="good", regions=["home"], buyer="home", floor=130.0, volume=20.0, pass_through=0.5),
    fm.TariffRateQuota(good="good", importers=["home"], quota={"out": 80.0}, rate_out=0.5, levy_in=2.0, levy_out=4.0),
    fm.VariableLevyQuota(good="good", importers=["home"], quota={"out": 80.0}, threshold=130.0),
    fm.StandardsMarket(good="good", regions=["home"], share=0.6, penalty=30.0, potential={"out": 0.9}, cost={"out": 8.0}),
    fm.MiningTax(good="good", region="out", royalty=0.05, profit_tax=0.2),
    fm.ProductionSubsidy(good="good", regions=["home"], share=0.1), fm.UseTax(good="good", regions=["home"], share=0.1),
    fm.ProcessingCapacity(good="good", region="out", electricity_share=0.3, electricity_price_factor=1.5),
    fm.Stockpile(good="good", region="home", release=10.0, release_price=100.0), fm.Stockpile(good="good", region="home", purchase=10.0),
    BOUGHT.model_copy(update={"max_price": None}), floor(115.0, holds="member_price"),
    fm.Offtake(good="good", seller="out", buyer="home", volume=120.0, price_rule="fixed", price=105.0)]


@pytest.mark.parametrize("policy", SCALED, ids=lambda p: p.kind)
def test_a_draw_of_two_is_a_run_of_one(policy):
    """Prices, tonnes and money of each draw, where the draws differ in benchmark tonnes and elasticities."""
    both = solve(two_draws(), policy)
    for i in (0, 1):
        one = solve(two_draws([i]), policy)
        for name in ("price", "buyer_price", "flow"):
            np.testing.assert_allclose(both.dataset[name].values[i].ravel(), one.dataset[name].values.ravel(), rtol=1e-8)
        lines = both.accounts()
        merged = lines[lines["draw"] == i].merge(one.accounts(), on=["region", "account"])
        assert len(merged) and np.abs(merged["value_x"] - merged["value_y"]).max() < 1e-6


# sellers that are shut


BAN = fm.ExportQuota(good="input", exporter="abroad", quota=0.0)  # home makes no products without input


def test_a_purchase_passes_from_a_shut_seller_to_the_one_that_is_left():
    bought = fm.Stockpile(good="product", region="home", purchase=10.0, source="members", members=["home", "abroad"])
    run = solve(chain(), BAN, bought)
    assert at(run, "output", "home", "product") == 0
    assert money(run, "stock_purchases", "home") == pytest.approx(-10 * route(run, "landed_price", "abroad", "home", "product"), rel=1e-9)


def test_a_contract_on_the_price_of_a_shut_seller_pays_nobody():
    gap = fm.PriceGapSubsidy(good="product", regions=["abroad"], strike=600.0, reference="index", index_regions=["home"])
    run = solve(chain(), BAN, gap)
    assert money(run, "guarantee_outlay", "abroad") == 0
    assert at(run, "output", "abroad", "product") == pytest.approx(at(solve(chain(), BAN), "output", "abroad", "product"), rel=1e-12)
