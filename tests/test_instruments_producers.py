"""Instruments of producing countries against markets solved by hand, and against published ones."""

import numpy as np
import pytest

import floormodel as fm
from floormodel.errors import InertWarning, ScenarioError
from tests.producers_markets import at, logit_market, money, one_good, ore_and_metal, solve, unknown
from tests.test_textbook_cases import CASES, WHEAT, enter


def close(value, expected, tolerance=1e-8):
    assert value == pytest.approx(expected, rel=tolerance, abs=tolerance)


def processing(share, **settings):
    return fm.DomesticProcessing(good="good", exporter="home", share=share, **settings)


# domestic processing


@pytest.mark.economic_case("domestic_processing")
def test_a_ban_on_raw_exports_gives_autarky_prices():
    """The wheat market of the textbook, and 2 p = 30 - p."""
    banned = solve(enter(WHEAT), fm.DomesticProcessing(good="good", exporter="foreign", share=1.0))
    for region, price in WHEAT["ban"]["price"].items():
        close(at(banned, "price", region), price)
    run = solve(one_good(), processing(1.0))
    close(at(run, "price", "home"), 10.0)
    close(at(run, "output", "home"), 20.0)
    close(at(run, "use", "abroad"), 0.0)


@pytest.mark.economic_case("domestic_processing")
def test_half_of_the_output_stays_at_home():
    """D = X / 2: 30 - p = p, so p = 15, X = 30; exports 15 = 90 - 3 P, so P = 25 and the rent is 10.

    Producers had p^2 = 400 and have 225; home buyers had 10^2 / 2 and have 15^2 / 2, foreign ones 30^2 / 6 and 15^2 / 6."""
    for holder, owner in (("exporter", "home"), ("destination", "abroad"), ("abroad", "abroad")):
        run = solve(one_good(), processing(0.5, licence_holder=holder))
        close(at(run, "price", "home"), 15.0)
        close(at(run, "buyer_price", "abroad"), 25.0)
        close(at(run, "output", "home"), 30.0)
        close(unknown(run), 10.0)
        for account, region, value in (("quota_rent", owner, 150.0), ("producer_surplus", "home", 225.0 - 400.0),
                                       ("consumer_surplus", "home", 62.5), ("consumer_surplus", "abroad", -112.5)):
            close(money(run, account, region), value)


@pytest.mark.economic_case("domestic_processing")
def test_licences_handed_out_by_output():
    """A tonne made earns p and half a licence worth w = P - p: X = p + P, of which half is 30 - p at home and half 90 - 3 P abroad.
    So P = 60 - 3 p and 180 - 6 P = p + P: p = 12, P = 24, w = 12, X = 36. No rent is left over."""
    run = solve(one_good(), processing(0.5, output_based=True))
    close(at(run, "price", "home"), 12.0)
    close(at(run, "buyer_price", "abroad"), 24.0)
    close(unknown(run), 12.0)
    close(at(run, "output", "home"), 36.0)
    close(money(run, "quota_rent", "home"), 0.0, 1e-6)
    close(money(run, "producer_surplus", "home"), 18.0**2 - 400.0)


def test_a_share_that_is_met_already_is_slack():
    """A quarter stays at home in free trade."""
    run = solve(one_good(), processing(0.2))
    close(at(run, "price", "home"), 20.0)
    assert unknown(run) == 0
    assert run.dataset["unknown_bound"].values.ravel()[0] == "lower"
    assert any("within 1 - share" in note for note in run.notes)


@pytest.mark.economic_case("domestic_processing")
def test_exempt_destinations_take_what_others_may_not():
    """Two markets abroad, D = 45 - 1.5 P each, one exempt; 80 % of output is to stay: 30 - p + 45 - 1.5 p = 0.8 (2 p), p = 75 / 4.1;
    the other one gets 0.4 p at P = (45 - 0.4 p) / 1.5."""
    market = fm.linear_market({"home": (0.0, 2.0)}, {"home": (30.0, -1.0), "friend": (45.0, -1.5), "other": (45.0, -1.5)})
    run = solve(market, processing(0.8, exempt=["friend"]))
    price = 75.0 / 4.1
    close(at(run, "price", "home"), price)
    close(at(run, "buyer_price", "friend"), price)
    close(at(run, "buyer_price", "other"), (45.0 - 0.4 * price) / 1.5)


@pytest.mark.economic_case("domestic_processing")
def test_half_of_the_ore_is_smelted_at_home():
    """Home smelts half: P - p = p, so P = 2 p; 140 - 2 p = 2 p: p = 35, P = 70, ore 70, metal 35 at home, 35 abroad at a margin of 35 / 3;
    the rent is what ore costs more abroad, 70 - 35 / 3 - 35."""
    run = solve(ore_and_metal(), fm.DomesticProcessing(good="ore", exporter="home", share=0.5))
    for good, region, output in (("ore", "home", 70.0), ("metal", "home", 35.0), ("metal", "abroad", 35.0)):
        close(at(run, "output", region, good), output)
    close(at(run, "price", "home", "ore"), 35.0)
    close(at(run, "buyer_price", "abroad", "metal"), 70.0)
    close(unknown(run), 35.0 - 35.0 / 3)


def test_faults_of_domestic_processing():
    with pytest.raises(ScenarioError, match=r"exempt.*use at home is not an export"):
        solve(one_good(), processing(0.5, exempt=["home"]))
    with pytest.raises(ScenarioError, match=r"licence_holder.*have no other holder"):
        solve(one_good(), processing(0.5, output_based=True, licence_holder="abroad"))
    with pytest.raises(ScenarioError, match="licence_holder: found 'nobody'"):
        solve(one_good(), processing(0.5, licence_holder="nobody"))
    with pytest.warns(InertWarning, match="requires nothing"):
        solve(one_good(), processing(0.0, expiry_years=5.0))
    assert any("5 years" in note for note in solve(one_good(), processing(0.5, expiry_years=5.0)).notes)


# licences


@pytest.mark.economic_case("export_licence")
@pytest.mark.parametrize("refused", [0.1, 0.5, 0.9])
def test_licences_refuse_a_share_of_what_is_desired(refused):
    """Buyers of a fixed tonnage 100 take 60 from a, X = X0 (p / 100)^2: q = 60 (1 - refused) gives both gate prices, and the logit the
    rent w, from a exp(-beta w) / (a exp(-beta w) + b) = q / 100."""
    market = logit_market([60.0, 40.0, 0.0], [0.0, 0.0, 100.0], [[0, 0, 60.0], [0, 0, 40.0], [0, 0, 0]],
                          supply_elasticity=2.0, demand_elasticity=0.0)
    beta, tonnes = 0.04, 60 * (1 - refused)
    gate_a, gate_b = 100 * (tonnes / 60) ** 0.5, 100 * ((100 - tonnes) / 40) ** 0.5
    a, b = 0.6 * np.exp(-beta * (gate_a - 100)), 0.4 * np.exp(-beta * (gate_b - 100))
    rent = np.log(a * (100 - tonnes) / (b * tonnes)) / beta
    run = solve(market, fm.ExportLicence(good="good", exporter="a", refused=refused, licence_holder="destination"))
    close(at(run, "output", "a"), tonnes)
    close(unknown(run), rent)
    close(at(run, "price", "a"), gate_a)
    close(at(run, "buyer_price", "d"), 100 - np.log(a * np.exp(-beta * rent) + b) / beta)
    close(money(run, "quota_rent", "d"), rent * tonnes)


@pytest.mark.economic_case("export_licence")
def test_licences_of_the_only_origin():
    """35 of 50 t: X = 50 (p / 100)^1.5 and D = 50 (P / 100)^-0.5 give p = 100 0.7^(1 / 1.5), P = 100 / 0.7^2."""
    market = logit_market([50.0, 0.0], [0.0, 50.0], [[0, 50.0], [0, 0]], supply_elasticity=1.5, demand_elasticity=0.5, regions=("a", "d"))
    run = solve(market, fm.ExportLicence(good="good", exporter="a", refused=0.3))
    close(at(run, "price", "a"), 100 * 0.7 ** (1 / 1.5))
    close(unknown(run), 100 / 0.49 - 100 * 0.7 ** (1 / 1.5))
    close(at(run, "output", "a"), 35.0)
    delayed = solve(market, fm.ExportLicence(good="good", exporter="a", delay=0.2))
    close(at(delayed, "price", "a"), 100 * 1.2 ** (-0.5 / 2.0))  # X(p) = D(1.2 p)
    close(at(delayed, "buyer_price", "d"), 1.2 * at(delayed, "price", "a"))
    assert set(delayed.accounts()["account"]) == {"consumer_surplus", "producer_surplus"}  # waiting is nobody's income


def test_licences_count_from_the_market_with_all_other_measures():
    """Exports are 30 at a price of 20; a tax of 8 makes them 3 (20 - P') less: 2 p - (30 - p) = 90 - 3 (p + 8) gives p = 16, 18 t. Half
    is 9: p = 13 and P = 27, so that the rent beside the tax is 6. A homogeneous good is no exception."""
    tax = fm.ExportTax(good="good", exporters=["home"], levy=8.0)
    alone = solve(one_good(), tax)
    close(at(alone, "price", "home"), 16.0)
    run = solve(one_good(), tax, fm.ExportLicence(good="good", exporter="home", refused=0.5))
    close(at(run, "price", "home"), 13.0)
    close(at(run, "buyer_price", "abroad"), 27.0)
    close(unknown(run), 6.0)
    close(at(solve(one_good(), fm.ExportLicence(good="good", exporter="home", refused=1.0)), "price", "home"), 10.0)


# a volume at home


@pytest.mark.economic_case("domestic_supply")
def test_a_volume_that_stays_at_home():
    """30 - p = 18: p = 12, X = 24; exports 6 = 90 - 3 P: P = 28, rent 16."""
    run = solve(one_good(), fm.DomesticSupply(good="good", exporter="home", volume=18.0))
    close(at(run, "price", "home"), 12.0)
    close(at(run, "buyer_price", "abroad"), 28.0)
    close(unknown(run), 16.0)
    close(money(run, "quota_rent", "home"), 96.0)
    free = solve(one_good(), fm.DomesticSupply(good="good", exporter="home", volume=9.0))
    close(at(free, "price", "home"), 20.0)
    assert unknown(free) == 0


@pytest.mark.economic_case("domestic_supply")
def test_a_volume_that_home_does_not_want():
    """Home takes 10 t at any price: of 30 t kept, no more than these are made, at 100 (10 / 40)^(1 / 2) where X = 40 (p / 100)^2;
    the rent is at its end, and it is said so."""
    market = logit_market([40.0, 20.0], [10.0, 50.0], [[10.0, 30.0], [0, 20.0]], supply_elasticity=2.0, demand_elasticity=0.0,
                          regions=("a", "d"))
    run = solve(market, fm.DomesticSupply(good="good", exporter="a", volume=30.0))
    close(at(run, "price", "a"), 50.0)
    close(at(run, "output", "a"), 10.0)
    assert run.dataset["unknown_bound"].values.ravel()[0] == "upper"
    with pytest.raises(ScenarioError, match="volume: found 40; expected below benchmark output, 40 t/yr"):
        solve(market, fm.DomesticSupply(good="good", exporter="a", volume=40.0))


# taxes along a chain and on mines


@pytest.mark.economic_case("export_escalation")
def test_export_tax_by_a_table():
    """P = 1.5 p: 2 p = 30 - p + 90 - 4.5 p, p = 16, P = 24, exports 18."""
    run = solve(one_good(), fm.ExportEscalation(rates={"good": 0.5}, exporters=["home"]))
    close(at(run, "price", "home"), 16.0)
    close(money(run, "export_charge", "home"), 8.0 * 18.0)


@pytest.mark.economic_case("export_escalation")
@pytest.mark.parametrize(("ore", "metal"), [(0.25, 0.0), (0.25, 0.1), (0.0, 0.1)])
def test_escalation_protects_processors(ore, metal):
    """Ore costs (1 + ore) p abroad, metal from home earns P / (1 + metal):
    2 p = P / (1 + metal) - p + 3 (P - (1 + ore) p), P = 140 - 2 p."""
    price = 140 * (1 / (1 + metal) + 3) / (3 + 2 / (1 + metal) + 6 + 3 * (1 + ore))
    run = solve(ore_and_metal(), fm.ExportEscalation(rates={"ore": ore, "metal": metal}, exporters=["home"]))
    close(at(run, "price", "home", "ore"), price)
    smelted = (140 - 2 * price) / (1 + metal) - price
    close(at(run, "output", "home", "metal"), smelted)
    assert (smelted > 20) == (ore > metal)


@pytest.mark.economic_case("dual_pricing")
def test_home_buyers_pay_half():
    """Home uses 30 - p / 2, abroad 90 - 3 p; producers earn the average price: X^2 = 2 (p X - p / 2 (30 - p / 2)) with X = 120 - 3.5 p,
    so 18.75 p^2 - 1050 p + 14400 = 0: p = 24, X = 36, 18 of it at home, burden 0.5 x 24 x 18 / 36 = 6."""
    run = solve(one_good(), fm.DualPricing(good="good", region="home", discount=0.5))
    close(at(run, "price", "home"), 24.0)
    close(at(run, "buyer_price", "home"), 12.0)
    close(at(run, "output", "home"), 36.0)
    close(unknown(run), 6.0)
    for account, region, value in (("consumer_surplus", "home", 18.0**2 / 2 - 50.0), ("consumer_surplus", "abroad", 18.0**2 / 6 - 150.0),
                                   ("producer_surplus", "home", 18.0**2 - 400.0)):
        close(money(run, account, region), value)
    close(money(run, "dual_pricing", "home"), 0.0, 1e-6)


@pytest.mark.economic_case("mining_tax")
@pytest.mark.parametrize("hidden", [0.0, 0.4])
def test_royalty_and_what_is_not_declared(hidden):
    """Of half of the price, 1 - hidden is paid: X = 2 k p with k = 1 - 0.5 (1 - hidden), so p = 120 / (4 + 2 k)."""
    run = solve(one_good(), fm.MiningTax(good="good", region="home", royalty=0.5, under_invoicing=hidden))
    kept = 1 - 0.5 * (1 - hidden)
    price = 120 / (4 + 2 * kept)
    close(at(run, "price", "home"), price)
    close(at(run, "output", "home"), 2 * kept * price)
    close(money(run, "royalty", "home"), 0.5 * (1 - hidden) * price * 2 * kept * price)
    if hidden == 0:
        close(money(run, "royalty", "home"), 288.0)  # p = 24, X = 24


@pytest.mark.economic_case("mining_tax")
def test_a_royalty_on_top_of_another():
    """With 20 % in force, X = 20 at p = 10: X = 2.5 pn; 10 % more: 2.5 x 0.7 p = 120 - 4 p; 10 % in its place: 2.5 x 0.9 p."""
    market = one_good().replace(royalty0=0.2)
    for replaces, kept in ((False, 0.7), (True, 0.9)):
        run = solve(market, fm.MiningTax(good="good", region="home", royalty=0.1, replaces_existing=replaces))
        close(at(run, "price", "home"), 120 / (4 + 2.5 * kept))
    with pytest.raises(ScenarioError, match=r"royalty: found 0\.8; expected less than the whole price"):
        solve(market, fm.MiningTax(good="good", region="home", royalty=0.8))


@pytest.mark.economic_case("mining_tax")
def test_a_profit_tax_moves_nothing_but_money():
    """Surplus 20^2 = 400; a quarter of it not declared."""
    free = solve(one_good())
    run = solve(one_good(), fm.MiningTax(good="good", region="home", profit_tax=0.3, under_invoicing=0.25))
    for name in ("price", "output", "flow", "buyer_price", "use"):
        np.testing.assert_array_equal(free.dataset[name].values, run.dataset[name].values)
    close(money(run, "profit_tax", "home"), 400 * 0.3 * 0.75)
    close(money(run, "producer_surplus", "home"), -400 * 0.3 * 0.75)


# transport and plants


@pytest.mark.economic_case("corridor")
def test_a_corridor_lowers_freight():
    """P = p + f: 2 p = 30 - p + 90 - 3 p - 3 f, p = 20 - f / 2; freight of 12, cut by half, by 4 t, and by more than there is."""
    market = fm.linear_market({"home": (0.0, 2.0)}, {"home": (30.0, -1.0), "abroad": (90.0, -3.0)}, 12.0)
    for change, freight in (({"freight_share": -0.5}, 6.0), ({"freight_change": -4.0}, 8.0), ({"freight_change": -20.0}, 0.0),
                            ({"freight_change": 3.0, "freight_share": -0.5}, 9.0)):
        run = solve(market, fm.Corridor(goods=["good"], origins=["home"], destinations=["abroad"], **change))
        close(at(run, "price", "home"), 20 - freight / 2)
        close(at(run, "buyer_price", "abroad"), 20 + freight / 2)


@pytest.mark.economic_case("corridor")
def test_three_countries_with_freight_brought_back_to_the_published_one():
    case = CASES["three_countries"]
    dear = case | {"freight": np.array(case["freight"]) + 2 * (1 - np.eye(3))}
    names = list(case["supply"])
    run = solve(enter(dear), fm.Corridor(goods=["good"], origins=names, freight_change=-2.0))
    for region, price in zip(names, case["price"]):
        close(at(run, "price", region), price)


@pytest.mark.economic_case("processing_capacity")
def test_a_limit_earns_a_scarcity_rent():
    """24 = 120 - 4 p: p = 24 where 12 would do; surplus 12^2 and 12 x 24, less 20^2. With 8 t more, p = 22."""
    run = solve(one_good(), fm.ProcessingCapacity(good="good", region="home", limit=24.0))
    close(at(run, "price", "home"), 24.0)
    close(at(run, "output", "home"), 24.0)
    close(money(run, "producer_surplus", "home"), 144.0 + 288.0 - 400.0)
    more = solve(one_good().replace(capacity=24.0), fm.ProcessingCapacity(good="good", region="home", added=8.0))
    close(at(more, "price", "home"), 22.0)
    with pytest.raises(ScenarioError, match="added: found 8; expected nothing beside a limit"):
        solve(one_good(), fm.ProcessingCapacity(good="good", region="home", added=8.0, limit=24.0))
    with pytest.warns(InertWarning, match="has no limit on 'good' to add to"):
        solve(one_good(), fm.ProcessingCapacity(good="good", region="home", added=8.0))


DEAR = fm.ProcessingCapacity(good="metal", region="home", electricity_share=0.5, electricity_price_factor=3.0)


@pytest.mark.economic_case("processing_capacity")
def test_electricity_in_the_margin():
    """Half of a margin of 20, at three times the price: 20 a tonne. 2 p = P - p - 20 + 3 (P - p), P = 140 - 2 p: 14 p = 540."""
    run = solve(ore_and_metal(), DEAR)
    close(at(run, "price", "home", "ore"), 540 / 14)
    close(at(run, "output", "home", "metal"), 140 - 3 * 540 / 14 - 20)


@pytest.mark.economic_case("processing_capacity", "domestic_processing")
def test_a_processing_rule_fails_where_capacity_or_electricity_binds():
    """Half of the ore is to be smelted at home, 20 t in free trade and 35 t under the rule alone.

    Plants for 20 t: ore falls to 40 t at p = 20, P = 100; nothing more is smelted, and plants earn 80 a tonne where 20 would do.
    Dear electricity and a quarter at home, as in free trade: p / 2 = P - p - 20, P = 140 - 2 p: 3.5 p = 120, 120 / 7 t smelted."""
    full = solve(ore_and_metal(), fm.DomesticProcessing(good="ore", exporter="home", share=0.5),
                 fm.ProcessingCapacity(good="metal", region="home", limit=20.0))
    for good, region, output in (("ore", "home", 40.0), ("metal", "home", 20.0), ("metal", "abroad", 20.0)):
        close(at(full, "output", region, good), output)
    close(at(full, "price", "home", "ore"), 20.0)
    close(at(full, "margin", "home", "metal"), 80.0)
    close(money(full, "producer_surplus", "home"), 60.0 * 20.0 + 20.0**2 - 40.0**2)
    dear = solve(ore_and_metal(), fm.DomesticProcessing(good="ore", exporter="home", share=0.25), DEAR)
    close(at(dear, "output", "home", "metal"), 120 / 7)
    assert 120 / 7 < 20
