"""Contracts, credits and subsidies against closed forms and calculations written out."""

import numpy as np
import pytest
from hypothesis import given

import floormodel as fm
from floormodel.accounts import ledger, regional_identity, world_identity
from tests.adapt import complex_step, market_of, policies_of
from tests.outcomes import NUMBERS, by_owner, case_of, changes, examples, gap, outcome, run, turnover


def market(price0, output0, flow0, **figures):
    """One good ("oxide"), free transport; figures per region, `flow0` (O, D) from which final demand follows."""
    flow0 = np.asarray(flow0, float)
    regions = ["MYS", "JPN", "USA"][:len(flow0)]
    arrays = {"price0": [price0], "output0": [output0], "flow0": [flow0], "final_demand0": [flow0.sum(0)], "supply_elasticity": 1.0,
              "demand_elasticity": 1.0, "sourcing_elasticity": 4.0} | figures
    return fm.market_from_arrays("by hand", ["oxide"], regions, {name: np.asarray(v, float) for name, v in arrays.items()})


def money(found, base):
    """Change lines that are not zero: {account: (R,)} summed over goods, first draw, USD/yr."""
    return {name: line[0].sum(0) for name, line in changes(found, base).items() if np.any(line)}


LYNAS = {"good": "oxide", "regions": ["MYS"], "buyer": "JPN", "floor": 110_000.0, "volume": 5_000.0, "upside_threshold": 150_000.0,
         "upside_share": 0.3, "clawback_cap": 10e6}


def seller_and_buyer(price, made=5_000.0):
    """MYS makes a fixed amount and sells it in JPN, where the elasticity of demand is one."""
    return market([price, price], [made, 0.0], [[0.0, made], [0.0, 0.0]], supply_elasticity=0.0)


def test_a_collar_on_an_index_that_contains_tax():
    """123 USD/kg with 13 % VAT is 108.85 without: buyers pay 1.15 USD/kg on 5,000 t, 5.75 million USD."""
    index = fm.ReferencePrice(kind="index", regions=["MYS"], vat=0.13)
    textbook = seller_and_buyer(123_000.0)
    solved, base = run(textbook, [fm.BuyerCollar(**LYNAS, reference=index)]), run(textbook, [])
    assert money(solved, base)["collar"] == pytest.approx([0.0, -5_000 * (110_000 - 123_000 / 1.13)], rel=1e-9)


@pytest.mark.economic_case("buyer_collar")
@pytest.mark.parametrize("price, cap, paid", [(60_000.0, 10e6, 250e6), (120_000.0, 10e6, 0.0), (160_000.0, None, -15e6),
                                              (160_000.0, 10e6, -10e6)])
def test_collar_of_lynas_and_jare(price, cap, paid):
    """5,000 t: (110 - 60) USD/kg is 250 million; nothing between 110 and 150; 30 % of (160 - 150) is 15 million, capped at 10."""
    m = seller_and_buyer(price)
    found = run(m, [fm.BuyerCollar(**LYNAS | {"clawback_cap": cap})])
    moved = money(found, run(m))
    if paid == 0:
        assert not moved
    else:
        assert set(moved) == {"collar", "producer_surplus"}
        np.testing.assert_allclose(moved["collar"], [0.0, -paid], rtol=1e-12)
        np.testing.assert_allclose(moved["producer_surplus"], [paid, 0.0], rtol=1e-12)


def test_collar_passed_on_to_all_use():
    """10,000 t made whatever the price, so P stays 60,000 and p = P - levy. levy 10,000 = 0.5 (110,000 - p) 5,000:
    levy = 0.5 x 50,000 x 5,000 / (10,000 - 2,500) = 16,666.67; half of what buyers pay comes back."""
    m = seller_and_buyer(60_000.0, made=10_000.0)
    found = run(m, [fm.BuyerCollar(**LYNAS | {"pass_through": 0.5})])
    moved, levy = money(found, run(m)), 125e6 / 7_500
    np.testing.assert_allclose(found.state.price[0, 0, 0], 60_000 - levy, rtol=1e-9)
    np.testing.assert_allclose(found.state.buyer_price[0, 0, 1], 60_000, rtol=1e-9)
    np.testing.assert_allclose(moved["levy_on_use"][1], 10_000 * levy, rtol=1e-9)
    np.testing.assert_allclose(moved["collar"][1], -2 * 10_000 * levy, rtol=1e-9)
    capped = run(m, [fm.BuyerCollar(**LYNAS | {"pass_through": 0.5, "levy_cap": 6_000.0})])
    np.testing.assert_allclose(capped.state.price[0, 0, 0], 54_000, rtol=1e-9)


# subsidies and taxes per tonne


@given(number=NUMBERS)
@examples(12)
@pytest.mark.economic_case("production_subsidy")
def test_subsidy_equals_the_gap_payment_it_came_to(number):
    """[28] What a one-way contract pays at its solution, after royalty, repeated as a fixed payment per tonne: the same equilibrium. The
    treasury is as well off, for the royalty it collects on a gap payment is its own money."""
    m = market_of(case_of(28, number, policies=1))
    base, good = run(m), m.goods[0]
    b = base.state.benchmark
    holders = [r for i, r in enumerate(m.regions) if b.output0[0, 0, i] > 0]
    one = run(m, [fm.PriceGapSubsidy(good=good, regions=holders, strike=1.3 * float(b.price0[0, 0].max()))])
    paid = (b.kept[:, 0] * one.state.guarantee[:, 0])[0]
    other = run(m, [fm.ProductionSubsidy(good=good, regions=[r], rate=float(paid[m.regions.index(r)])) for r in holders])
    assert gap(outcome(one), outcome(other)) < 1e-9
    scale, lines, moved = turnover(one), changes(one, base), changes(other, base)
    for owner in ("consumers", "producers", "treasury"):
        assert np.max(np.abs(by_owner(lines, owner) - by_owner(moved, owner))) < 1e-9 * scale, owner


@pytest.mark.economic_case("use_tax", "production_subsidy")
@pytest.mark.parametrize("levy", [3.0, 12.0])
def test_tariff_is_subsidy_and_tax_on_use(levy):
    """[27] Of a homogeneous good that is imported in both: a tariff of t is a production subsidy of t and a tax of t on use."""
    m = fm.linear_market({"H": (20.0, 20.0), "F": (40.0, 20.0), "G": (10.0, 5.0)},
                         {"H": (900.0, -20.0), "F": (200.0, -20.0), "G": (100.0, -4.0)}, freight=1.0)
    base, good = run(m), m.goods[0]
    one = run(m, [fm.ImportTariff(good=good, importers=["H"], levy=levy)])
    other = run(m, [fm.ProductionSubsidy(good=good, regions=["H"], rate=levy), fm.UseTax(good=good, regions=["H"], rate=levy)])
    assert one.state.flow[0][0, 1:, 0].sum() > 0 and abs(one.state.output - base.state.output).max() > 1
    np.testing.assert_allclose(other.state.output, one.state.output, rtol=1e-9)
    np.testing.assert_allclose(other.state.final_demand, one.state.final_demand, rtol=1e-9)
    lines, moved = changes(one, base), changes(other, base)
    for owner in ("consumers", "producers", "treasury"):
        np.testing.assert_allclose(by_owner(moved, owner), by_owner(lines, owner), rtol=1e-9, atol=1e-9 * turnover(base), err_msg=owner)
    assert by_owner(lines, "treasury")[0, 0] > 0


@given(number=NUMBERS)
@examples(8)
@pytest.mark.economic_case("input_subsidy", "use_tax")
def test_tax_on_processors_takes_back_a_subsidy_of_their_input(number):
    """One undoes the other; and the subsidy alone is A times itself on their product (fixed recipe)."""
    m = market_of(case_of(29, number, goods=2, policies=1))
    base, (used, made) = run(m), m.goods
    b = base.state.benchmark
    rate = 0.04 * float(b.price0[0, 1].min() / max(b.recipe[0, 1, 0], 1e-3))
    if not np.any(b.recipe[:, 1, 0] > 0):
        return
    paid = fm.InputSubsidy(good=made, made_with=used, regions=m.regions, rate=rate)
    both = run(m, [paid, fm.UseTax(good=used, regions=m.regions, rate=rate, users="processors")])
    assert gap(outcome(both), outcome(base)) < 1e-9
    one, other = run(m, [paid]), run(m, [fm.ProductionSubsidy(good=made, regions=m.regions, rate=float(b.recipe[0, 1, 0]) * rate)])
    assert gap(outcome(one), outcome(other)) < 1e-9


def test_tax_on_use_by_hand():
    """MYS makes 5,000 t whatever the price; demand of elasticity one then takes them at the same price with tax: p falls by all of it."""
    m = seller_and_buyer(60_000.0)
    found = run(m, [fm.UseTax(good="oxide", regions=["JPN"], rate=6_000.0)])
    np.testing.assert_allclose(found.state.price[0, 0, 0], 54_000.0, rtol=1e-9)
    moved = money(found, run(m))
    assert set(moved) == {"producer_surplus", "use_tax"}  # consumers pay what they paid
    np.testing.assert_allclose(moved["use_tax"], [0.0, 30e6], rtol=1e-9)
    np.testing.assert_allclose(moved["producer_surplus"], [-30e6, 0.0], rtol=1e-9)


NOLANS = {"good": "oxide", "regions": ["JPN"], "capex": 1_135e6 / 4_440, "hurdle": 0.08, "life": 38.0}


@pytest.mark.economic_case("capex_subsidy")
@pytest.mark.parametrize("share, yearly, entered", [(0.0, 0.0, 0.158869), (0.5, 10_805.4, 0.533519), (1.0, 21_610.8, 0.873817)])
def test_capital_recovery_of_nolans(share, yearly, entered):
    """1,135 million USD for 4,440 t a year is 255,631 USD per t/yr. 1.08^38 = 18.6253, so the recovery factor at 8 % over 38 years is
    0.08 / (1 - 1 / 18.6253) = 0.0845389 and the yearly cost 21,610.8 USD/t. At a price of 50,000 held by others and a cost of 60,000
    USD/t a project enters with the share 1 / (1 + exp(-(50,000 + grant - 60,000) / 6,000))."""
    policy = fm.CapexSubsidy(**NOLANS, share=share)
    assert policy.yearly() == pytest.approx(yearly, rel=1e-5)
    m = fm.market_from_arrays("entry", ["oxide"], ["MYS", "JPN"], {
        "price0": [[50e3, 50e3]], "output0": [[1e6, 0.0]], "flow0": [[[0.0, 1e6], [0.0, 0.0]]], "final_demand0": [[0.0, 1e6]],
        "supply_elasticity": 1e4, "demand_elasticity": 0.0, "sourcing_elasticity": 4.0, "latent_capacity": [[0.0, 4_440.0]],
        "latent_unit_cost": [[0.0, 60e3]], "latent_route_weight": [[[0.0, 0.0], [0.0, 1.0]]]}, sourcing="homogeneous").open_projects("all")
    found = run(m, [policy] if share else [])
    assert found.state.output[0, 0, 1] / 4_440 == pytest.approx(entered, rel=1e-4)
    if share:
        line = changes(found, run(m))["subsidy"]
        assert line.sum() == pytest.approx(-yearly * entered * 4_440, rel=2e-4)


# credits


def two_sources():
    """MYS and USA make ten million t each at 50,000 USD/t, at an elasticity so high that the price stands; JPN buys 100 t of them, 30 from
    MYS, whatever they cost. beta = 4 / 50,000."""
    flow = [[1e7 - 30, 30.0, 0.0], [0.0, 0.0, 0.0], [0.0, 70.0, 1e7 - 70]]
    return market([50e3] * 3, [1e7, 0.0, 1e7], flow, supply_elasticity=1e4, demand_elasticity=0.0)


@pytest.mark.economic_case("standards_market", "local_content")
@pytest.mark.parametrize("policy", [fm.StandardsMarket(good="oxide", regions=["JPN"], share=0.5, certified={"MYS": 1.0}, penalty=20e3),
                                    fm.LocalContent(good="oxide", regions=["JPN"], share=0.5, local=["MYS"], penalty=20e3)])
def test_price_of_a_credit_in_the_logit(policy):
    """Of two sources of equal cost the odds are s0 / (1 - s0) exp(beta l), whatever the share asked for. From 0.3 to 0.5:
    l = ln(7 / 3) / 8e-5 = 10,591.2 USD/t. The price rises by the divergence of the shares over beta,
    (0.5 ln(0.5 / 0.3) + 0.5 ln(0.5 / 0.7)) / 8e-5 = 0.0871767 / 8e-5 = 1,089.71 USD/t, and no treasury sees any of it."""
    m = two_sources()
    found = run(m, [policy])
    credit = found.state.scaled[0, 0] * found.terms.unknowns[0].scale[0]
    assert credit == pytest.approx(np.log(7 / 3) / 8e-5, rel=1e-6)
    assert found.state.sourcing[0].share[0, 0, 1] == pytest.approx(0.5, rel=1e-9)
    assert found.state.buyer_price[0, 0, 1] - 50e3 == pytest.approx(1_089.71, rel=1e-5)
    lines = changes(found, run(m))
    assert by_owner(lines, "treasury")[0, 1] == pytest.approx(0.0, abs=1e-3)
    assert by_owner(lines, "consumers")[0, 1] == pytest.approx(-108_971, rel=1e-5)


@pytest.mark.economic_case("standards_market", "local_content")
def test_penalty_ends_the_price_of_credits():
    """At a penalty of 4,000: odds 3 / 7 exp(0.32) = 0.590198, share 0.371147; the treasury gets 4,000 x (0.5 - 0.371147) x 100 t."""
    m = two_sources()
    found = run(m, [fm.LocalContent(good="oxide", regions=["JPN"], share=0.5, local=["MYS"], penalty=4e3)])
    assert found.state.sourcing[0].share[0, 0, 1] == pytest.approx(0.371147, rel=1e-5)
    assert changes(found, run(m))["standards_penalty"][0, 0, 1] == pytest.approx(51_541, rel=1e-4)


@pytest.mark.economic_case("standards_market")
def test_certifying_costs_what_buyers_pay_more():
    """No tonne is certified, 0.8 of all can be, for 1,000 USD/t on average; 0.4 are asked for: 0.8 (1 - exp(-l / 1,000)) = 0.4 at
    l = 1,000 ln 2 = 693.147. What certifying costs is 0.4 l - 0.8 (l - 500) = 122.741 USD per tonne bought, and buyers pay just that."""
    m = two_sources()
    found = run(m, [fm.StandardsMarket(good="oxide", regions=["JPN"], share=0.4, potential={"MYS": 0.8, "USA": 0.8},
                                       cost={"MYS": 1e3, "USA": 1e3}, penalty=5e3)])
    credit = found.state.scaled[0, 0] * found.terms.unknowns[0].scale[0]
    assert credit == pytest.approx(1e3 * np.log(2), rel=1e-8)
    assert found.state.buyer_price[0, 0, 1] - 50e3 == pytest.approx(122.741, rel=1e-5)
    assert by_owner(changes(found, run(m)), "treasury")[0, 1] == pytest.approx(0.0, abs=1e-3)


def test_local_content_that_is_met_changes_nothing():
    """30 of 100 t are local, 0.3 is asked for; with 0.31 it moves."""
    m = two_sources()
    met, more = (run(m, [fm.LocalContent(good="oxide", regions=["JPN"], share=share, local=["MYS"], penalty=4e3)]) for share in (0.3, 0.31))
    base = run(m)
    assert gap(outcome(met), outcome(base)) == 0 and not money(met, base)
    assert more.state.sourcing[0].share[0, 0, 1] == pytest.approx(0.31, rel=1e-9)


@pytest.mark.parametrize("fields, field", [({"potential": {"MYS": 0.2}, "certified": {"MYS": 0.3}}, "potential.MYS"),
                                           ({"potential": {"MYS": 0.2}}, "cost.MYS")])
def test_tables_of_certificates_are_checked(fields, field):
    policy = fm.StandardsMarket(good="oxide", regions=["JPN"], share=0.5, penalty=1e3, **fields)
    assert field in str(policy.check(two_sources())[0])


# contracted tonnes


STILL = 100.0  # USD: prices move by 20 t / 10^7 t / 10^4 of 50,000 USD/t, 1e-5 USD/t, on ten million t


def delivers(volume=20.0, **fields):
    return fm.Offtake(good="oxide", seller="MYS", buyer="JPN", volume=volume, **fields)


@pytest.mark.economic_case("offtake")
@pytest.mark.parametrize("payer, account", [("buyers", "offtake_cost"), ("treasury", "public_offtake")])
def test_tonnes_beyond_what_the_market_ships(payer, account):
    """50 of 100 t instead of 30: the odds move from 3 : 7 to 1 : 1 at a preference of ln(7 / 3) / 8e-5 = 10,591.2 USD/t, paid on 50 t. The
    price falls by ln(0.3 e^x + 0.7) / 8e-5 = ln(1.4) / 8e-5 on 100 t, and what is lost in all is the cost of liking MYS less,
    100 (0.5 ln(0.5 / 0.3) + 0.5 ln(0.5 / 0.7)) / 8e-5 = 108,971 USD."""
    m = two_sources()
    base, found = run(m), run(m, [delivers(50.0, payer=payer)])
    np.testing.assert_allclose(found.state.flow[0][0, :, 1], [50.0, 0.0, 50.0], rtol=1e-9)
    assert found.state.scaled[0, 0] * 50e3 == pytest.approx(np.log(7 / 3) / 8e-5, rel=1e-6)
    lines = changes(found, base)
    assert lines[account][0, 0, 1] == pytest.approx(-50 * np.log(7 / 3) / 8e-5, rel=1e-6)
    assert lines["consumer_surplus"][0, 0, 1] == pytest.approx(100 * np.log(1.4) / 8e-5, rel=1e-6)
    assert sum(line[0, 0, 1] for line in lines.values()) == pytest.approx(-108_971, rel=1e-4)


def test_a_contract_on_tonnes_that_flow_anyway_moves_none():
    found, base = run(two_sources(), [delivers(30.0 - 1e-6)]), run(two_sources())
    np.testing.assert_array_equal(found.state.flow[0], base.state.flow[0])


@pytest.mark.economic_case("offtake")
@pytest.mark.parametrize("fields, paid", [
    ({"price_rule": "fixed", "price": 60e3}, 200_000.0),  # (60,000 - 50,000) 20
    ({"price_rule": "floor", "price": 55e3}, 100_000.0), ({"price_rule": "floor", "price": 45e3}, 0.0),
    ({"price_rule": "collar", "price": 40e3, "ceiling": 45e3}, -100_000.0),
    ({"price_rule": "cost_plus", "plus": 2e3}, 20 * (50e3 / 1.0001 + 2e3 - 50e3)),  # area under X = X0 (p / p0)^e over X0: p0 e / (1 + e)
])
@pytest.mark.parametrize("payer", ["buyers", "treasury"])
def test_money_of_a_contract_by_hand(fields, paid, payer):
    """The seller gets what the contract's price is above the market's; the same is lost by buyers in JPN, or by its treasury. A
    prepayment of a million at 8 % is worth 80,000 a year more."""
    m = two_sources()
    found, base = run(m, [delivers(**fields, payer=payer)]), run(m)
    lines = changes(found, base)
    accounts = ("collar",) if payer == "buyers" else ("guarantee_outlay", "clawback")
    assert sum(lines[a][0, 0, 1] for a in accounts) == pytest.approx(-paid, abs=0.05)
    assert lines["producer_surplus"][0, 0, 0] == pytest.approx(paid, abs=STILL)
    ahead = changes(run(m, [delivers(**fields, payer=payer, prepayment=1e6, interest=0.08)]), base)
    assert ahead["offtake_receipt"][0, 0, 0] == pytest.approx(80e3)
    assert ahead["offtake_cost" if payer == "buyers" else "public_offtake"][0, 0, 1] == pytest.approx(-80e3)


def test_a_contract_on_all_that_is_made_sets_the_price_producers_answer_to():
    """X = 5,000 (p / 60,000), D = 5,000 (60,000 / P), 8,000 t under contract at 100,000, at which 8,333 would be made: 8,000 are. Buyers
    value them at 37,500 and pay 62,500 more, be it as a gap to the market price or as a preference that lifts this price."""
    m = market([60e3, 60e3], [5_000.0, 0.0], [[0.0, 5_000.0], [0.0, 0.0]])
    contract = fm.Offtake(good="oxide", seller="MYS", buyer="JPN", volume=8e3, price_rule="fixed", price=1e5)
    found, base = run(m, [contract]), run(m)
    assert found.state.output[0, 0, 0] == pytest.approx(8_000.0, rel=1e-9)
    assert found.state.buyer_price[0, 0, 1] == pytest.approx(37_500.0, rel=1e-9)
    lines = changes(found, base)
    assert lines["collar"][0, 0, 1] + lines["offtake_cost"][0, 0, 1] == pytest.approx(-8_000 * 62_500, rel=1e-9)


def test_a_contract_with_the_only_seller_below_its_volume_ends_at_the_bound():
    """MYS makes 5,000 t and JPN uses them: no preference brings 8,000."""
    found = run(seller_and_buyer(60_000.0), [fm.Offtake(good="oxide", seller="MYS", buyer="JPN", volume=8_000.0)])
    assert found.state.scaled[0, 0] == 1.0
    assert found.state.flow[0][0, 0, 1] == pytest.approx(5_000.0, rel=1e-9)


def test_an_export_ban_ends_the_deliveries():
    found = run(two_sources(), [delivers(50.0), fm.ExportQuota(good="oxide", exporter="MYS", quota=0.0)])
    assert found.state.flow[0][0, 0, 1] == 0 and found.state.scaled[0, 0] == 0


def test_a_contract_with_a_seller_who_is_shut_pays_nobody():
    flow = [[0.0, 30.0, 0.0], [0.0, 0.0, 0.0], [0.0, 70.0, 200.0]]
    m = market([50e3] * 3, [30.0, 0.0, 270.0], flow, supply_shift=[[0.0, 1.0, 1.0]])
    found = run(m, [delivers(price_rule="fixed", price=60e3)])
    assert not money(found, run(m)) and any("no route open" in note for note in found.notes)


@pytest.mark.parametrize("fields, field", [
    ({"price_rule": "fixed"}, "price"), ({"price": 1.0}, "price"), ({"price_rule": "cost_plus"}, "plus"),
    ({"price_rule": "collar", "price": 2.0, "ceiling": 1.0}, "ceiling")])
def test_a_price_rule_asks_for_its_own_fields(fields, field):
    assert field in str(delivers(**fields).check(two_sources())[0])


# on random markets, several at once


@given(number=NUMBERS)
@examples(10)
def test_contracts_and_credits_on_random_markets(number):
    """Money adds up and the derivative is exact with a collar, a credit and a contract beside a random instrument."""
    case = case_of(30, number, regions=2 + number % 4, policies=1)
    m = market_of(case)
    base, good = run(m), m.goods[-1]
    b, g = base.state.benchmark, len(m.goods) - 1
    seller, buyer = int(np.argmax(b.output0[0, g])), int(np.argmax(b.use0[0, g]))
    price, made = float(b.price0[0, g].max()), float(b.output0[0, g, seller])
    names = m.regions
    policies = [
        fm.BuyerCollar(good=good, regions=[names[seller]], buyer=names[buyer], floor=1.2 * price, volume=0.3 * made, pass_through=0.5),
        fm.LocalContent(good=good, regions=[names[buyer]], share=0.6, local=[names[seller]], penalty=0.2 * price),
        fm.StandardsMarket(good=good, regions=names, share=0.5, certified={names[0]: 0.4}, potential=dict.fromkeys(names, 0.9),
                           cost=dict.fromkeys(names, 0.1 * price), penalty=0.3 * price),
        fm.Offtake(good=good, seller=names[seller], buyer=names[buyer], volume=0.1 * made, price_rule="cost_plus", plus=0.1 * price),
        fm.UseTax(good=good, regions=[names[buyer]], share=0.05), *policies_of(case)]
    found = run(m, policies)
    now, before = ledger(found), ledger(base)
    assert np.max(world_identity(now, before)) < 1e-9 and np.max(regional_identity(found, now, before)) < 1e-9
    _, slopes = found.system.evaluate(found.solution.z, np.zeros(1, int), 0.0, True)
    exact = complex_step(found.system, found.solution.z)
    assert np.max(np.abs(slopes - exact)) < 1e-8 * max(1.0, np.max(np.abs(exact)))
