"""Textbook markets with known answers, entered as printed: the whole way from curves to prices, accounts and flags."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

import floormodel as fm
from floormodel.textbook import linear_market

CASES = tomllib.loads((Path(__file__).parent / "cases" / "textbook.toml").read_text("utf-8"))
WHEAT = CASES["wheat"]


def enter(case, **settings):
    lines = {side: {r: tuple(line) for r, line in case[side].items()} for side in ("supply", "demand")}
    return linear_market(**lines, freight=np.array(case.get("freight", 0.0)), inverse=case.get("inverse", False), **settings)


def solve(market, *policies, **settings):
    """A solved scenario with both identities closed."""
    run = fm.solve(market, list(policies), **settings)
    assert run.converged.all()
    assert max(run.identities().values()) < 1e-8
    return run


def at(run, variable, region):
    return float(run.dataset[variable].sel(good="good", region=region))


def net_imports(run, region):
    return at(run, "use", region) - at(run, "output", region)


def money(run, account, region):
    """Change of one account of one region, USD/yr; 0 where the accounts have no such line."""
    lines = run.accounts()
    return float(lines[(lines["account"] == account) & (lines["region"] == region)]["value"].sum())


def net(run, region):
    lines = run.accounts()
    return float(lines[lines["region"] == region]["value"].sum())


def check(run, variable, expected, rel=1e-9):  # what the solver stops at
    for region, value in expected.items():
        assert at(run, variable, region) == pytest.approx(value, rel=rel), (variable, region)


def tariff(levy):
    return fm.ImportTariff(good="good", importers=["home"], levy=levy)


def floor(price, **settings):
    return fm.PriceFloor(good="good", members=["home"], price=price, **settings)


# a floor held by a levy beside a contract for difference


@pytest.mark.economic_case("price_floor", "price_gap_subsidy")
def test_border_floor_and_contract_give_the_same_output_at_home_and_other_prices():
    case = CASES["border_floor_or_contract"]
    market = enter(case)
    free = solve(market)
    check(free, "price", case["free_trade"]["price"])
    check(free, "output", case["free_trade"]["output"])
    assert net_imports(free, "home") == pytest.approx(case["free_trade"]["imports"], rel=1e-10)
    levy, contract = case["levy"], case["contract"]
    held = solve(market, floor(case["floor"]))
    paid = solve(market, fm.PriceGapSubsidy(good="good", regions=["home"], strike=case["floor"]))
    for run, expected in ((held, levy), (paid, contract)):
        for variable in ("price", "output", "use"):
            check(run, variable, expected[variable])
        assert net_imports(run, "home") == pytest.approx(expected["imports"], rel=1e-10)
    assert money(held, "floor_levy", "home") == pytest.approx(levy["revenue"], rel=1e-10)
    assert money(paid, "guarantee_outlay", "home") == pytest.approx(-contract["outlay"], rel=1e-10)
    assert at(paid, "guarantee", "home") == pytest.approx(contract["outlay"], rel=1e-10)
    saved = at(free, "use", "home") - at(held, "use", "home")
    assert (at(held, "use", "abroad") - at(free, "use", "abroad")) / saved == pytest.approx(levy["leakage"], rel=1e-10)
    assert held.dataset["floor_met"].sel(region="home").item() == 1
    assert held.dataset["landed_floor_met"].sel(region="home").item() == 1


# two countries trading wheat


def test_autarky_and_free_trade():
    market = enter(WHEAT)
    run = solve(market)
    check(run, "price", dict.fromkeys(market.regions, WHEAT["free_trade"]["price"]))
    assert net_imports(run, "home") == pytest.approx(WHEAT["free_trade"]["imports"], rel=1e-10)
    assert dict(zip(market.regions, market.dataset["price0"].values[0])) == pytest.approx(WHEAT["autarky"], rel=1e-14)


EQUIVALENT = {
    "tariff": (tariff(0.5), "import_duty", "home"),
    "minimum import price": (floor(1.75), "floor_levy", "home"),
    "minimum import price, undertaking": (floor(1.75, collected_as="undertaking"), "undertaking_rent", "foreign"),
    "adjustable duty": (floor(1.75, holds="member_price"), "floor_levy", "home"),
    "quota, rent to the importer": (
        fm.ExportQuota(good="good", exporter="foreign", quota=10, rent_owner="destination"), "quota_rent", "home"),
    "quota, rent to the exporter": (fm.ExportQuota(good="good", exporter="foreign", quota=10), "quota_rent", "foreign"),
    "export tax": (fm.ExportTax(good="good", exporters=["foreign"], levy=0.5), "export_charge", "foreign"),
}


@pytest.mark.economic_case("import_tariff", "price_floor", "export_quota", "export_tax")
@pytest.mark.parametrize("name", EQUIVALENT)
def test_same_prices_and_the_owner_of_the_wedge_decides_who_gains(name):
    policy, account, owner = EQUIVALENT[name]
    expected = WHEAT["tariff_regime"]
    run = solve(enter(WHEAT), policy)
    check(run, "price", expected["price"])
    check(run, "buyer_price", expected["price"])
    assert net_imports(run, "home") == pytest.approx(expected["imports"], rel=1e-9)
    for region in ("home", "foreign"):
        assert money(run, "consumer_surplus", region) == pytest.approx(expected["consumers"][region], rel=1e-9)
        assert money(run, "producer_surplus", region) == pytest.approx(expected["producers"][region], rel=1e-9)
        moved = (region == owner) - (region == "home")  # the case prints the regime where home owns the wedge
        assert net(run, region) == pytest.approx(expected["net"][region] + moved * expected["revenue"], rel=1e-9)
    assert money(run, account, owner) == pytest.approx(expected["revenue"], rel=1e-9)
    assert net(run, "home") + net(run, "foreign") == pytest.approx(expected["world"], rel=1e-9)


def test_terms_of_trade_gain_less_efficiency_loss_is_the_gain_of_the_importer():
    expected = WHEAT["tariff_regime"]
    free, run = solve(enter(WHEAT)), solve(enter(WHEAT), tariff(0.5))
    gain = (at(free, "price", "foreign") - at(run, "price", "foreign")) * net_imports(run, "home")
    assert gain == pytest.approx(expected["terms_of_trade_gain"], rel=1e-10)
    assert gain - net(run, "home") == pytest.approx(expected["efficiency_loss"], rel=1e-9)


def test_export_ban():
    run = solve(enter(WHEAT), fm.ExportQuota(good="good", exporter="foreign", quota=0))
    check(run, "price", WHEAT["ban"]["price"])
    for region, value in WHEAT["ban"]["net"].items():
        assert net(run, region) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("policy", [tariff(1.0), tariff(1.7), floor(2.5), floor(2.5, holds="member_price")],
                         ids=["just prohibitive", "prohibitive", "floor above autarky", "duty at its cap"])
def test_beyond_autarky_the_home_price_stops(policy):
    run = solve(enter(WHEAT), policy)
    check(run, "price", WHEAT["autarky"])
    assert net_imports(run, "home") == pytest.approx(0, abs=1e-8)
    assert run.dataset["flow"].sel(origin="foreign", destination="home").item() == pytest.approx(0, abs=1e-8)
    if isinstance(policy, fm.PriceFloor):
        assert run.dataset["floor_met"].sel(region="home").item() == 0
        assert run.dataset["floor_gap"].sel(region="home").item() == pytest.approx(0.5, rel=1e-9)
        assert np.isnan(run.dataset["landed_floor_met"].sel(region="home").item())  # nothing lands
        assert money(run, "floor_levy", "home") == pytest.approx(0, abs=1e-8)


def test_best_tariff_of_the_importer_is_found_by_search():
    market, expected = enter(WHEAT), WHEAT["best_tariff"]
    base = solve(market).solved
    found = minimize_scalar(lambda levy: -net(solve(market, tariff(levy), base=base), "home"), bounds=(0.1, 0.9),
                            method="bounded", options={"xatol": 1e-9})
    assert found.x == pytest.approx(expected["levy"], abs=1e-7)  # flat at its top: half the digits of the gain
    run = solve(market, tariff(expected["levy"]), base=base)
    assert net(run, "home") == pytest.approx(expected["gain"], rel=1e-9)
    assert -found.fun == pytest.approx(expected["gain"], rel=1e-9)
    check(run, "price", expected["price"])
    assert net_imports(run, "home") == pytest.approx(expected["imports"], rel=1e-9)


@pytest.mark.parametrize("regime, policies", [("free_trade", []), ("tariff", [tariff(0.5)]), ("floor", [floor(1.75)])])
def test_a_floor_insulates_from_a_glut_abroad_and_a_tariff_does_not(regime, policies):
    expected = WHEAT["glut"][regime]
    run = solve(enter(WHEAT).replace(supply_add=np.array([[0.0, WHEAT["glut"]["added"]]])), *policies)
    check(run, "price", {r: expected[r] for r in ("home", "foreign")})
    imports = net_imports(run, "home")
    assert imports == pytest.approx(expected["imports"], rel=1e-9)
    assert money(run, "floor_levy", "home") == pytest.approx(expected.get("levy", 0.0) * imports, rel=1e-9)


@pytest.mark.parametrize("regime, policies", [("free_trade", []), ("tariff", [tariff(0.5)])])
def test_large_foreign_country(regime, policies):
    expected, factor = WHEAT["large_foreign"][regime], WHEAT["large_foreign"]["factor"]
    sides = {side: {"home": WHEAT[side]["home"], "foreign": [factor * x for x in WHEAT[side]["foreign"]]}
             for side in ("supply", "demand")}
    run = solve(enter(sides), *policies)
    check(run, "price", {r: expected[r] for r in ("home", "foreign")})
    assert net_imports(run, "home") == pytest.approx(expected["imports"], rel=1e-9)


# three regimes of a floor


def test_floor_below_free_trade_then_at_work_then_above_autarky():
    case = CASES["floor_in_three_regimes"]
    market = enter(case)
    (a1, b1), (a2, b2) = case["supply"].values()
    (c1, d1), (c2, d2) = case["demand"].values()  # slopes below zero
    base = solve(market).solved
    for level in np.linspace(0.5, 1.2, 15) * case["autarky"]:
        run = solve(market, floor(float(level)), base=base)
        home = min(max(level, case["free_trade"]), case["autarky"])
        there = (c2 - a2 + c1 - a1 - (b1 - d1) * home) / (b2 - d2)
        check(run, "price", {"home": home, "abroad": there})
        assert bool(run.dataset["floor_met"].sel(region="home")) == (level <= case["autarky"] * (1 + 1e-9))
        levy = (home - there) * net_imports(run, "home")
        assert money(run, "floor_levy", "home") == pytest.approx(levy, abs=1e-8)
    assert level == pytest.approx(case["floor_above"], rel=1e-12)
    check(run, "price", {"home": case["autarky"]})


# spatial price equilibrium


@pytest.mark.parametrize("name", ["three_countries", "three_countries_older_copy"])
def test_three_countries_with_freight(name):
    case = CASES[name]
    run = solve(enter(case))
    assert run.dataset["price"].values[0] == pytest.approx(case["price"], rel=1e-9)
    assert [-net_imports(run, r) for r in case["supply"]] == pytest.approx(case["net_exports"], rel=1e-9)
    apart = solve(enter({**case, "freight": 1000.0}))
    assert apart.dataset["price"].values[0] == pytest.approx(case["autarky"], rel=1e-9)


def net_social_payoff(flows, supply, demand, freight):
    """Takayama and Judge: cost of supply and freight less the area under demand, with its gradient in the flows."""
    q = flows.reshape(freight.shape)
    made, used = q.sum(1), q.sum(0)
    cost, price = supply[:, 0] + supply[:, 1] * made, demand[:, 0] + demand[:, 1] * used
    value = (supply[:, 0] * made + supply[:, 1] * made**2 / 2 - demand[:, 0] * used - demand[:, 1] * used**2 / 2).sum()
    return value + (freight * q).sum(), (cost[:, None] + freight - price[None, :]).ravel()


@pytest.mark.parametrize("seed", range(8))
def test_equilibrium_is_the_best_use_of_a_convex_programme(seed):
    rng = np.random.default_rng([43, seed])
    supply = np.column_stack([rng.uniform(1, 10, 3), rng.uniform(0.2, 2, 3)])
    demand = np.column_stack([rng.uniform(20, 60, 3), -rng.uniform(0.2, 3, 3)])
    freight = rng.uniform(0.5, 6, (3, 3)) * (1 - np.eye(3))
    best = minimize(net_social_payoff, np.ones(9), args=(supply, demand, freight), jac=True, bounds=[(0, None)] * 9,
                    method="SLSQP", options={"ftol": 1e-14, "maxiter": 500})
    made, used = best.x.reshape(3, 3).sum(1), best.x.reshape(3, 3).sum(0)
    run = solve(linear_market(dict(zip("abc", supply)), dict(zip("abc", demand)), freight, inverse=True))
    assert run.dataset["output"].values[0] == pytest.approx(made, abs=2e-4)
    assert run.dataset["use"].values[0] == pytest.approx(used, abs=2e-4)
    payoff, _ = net_social_payoff(run.dataset["flow"].values[0].ravel(), supply, demand, freight)
    assert payoff <= best.fun + 1e-9 * abs(best.fun)


# public money


@pytest.mark.economic_case("price_floor")
def test_floor_held_by_public_purchases_and_its_two_welfare_conventions():
    case = CASES["government_purchase"]
    market = enter(case)
    free = solve(market)
    check(free, "price", {"home": case["free"]["price"]})
    check(free, "output", {"home": case["free"]["quantity"]})
    run = solve(market, floor(case["floor"], holds="purchase", room=100.0))
    check(run, "price", {"home": case["floor"]})
    for variable, name in (("final_demand", "use"), ("output", "output"), ("purchases", "bought")):
        check(run, variable, {"home": case[name]})
    assert money(run, "stock_purchases", "home") == pytest.approx(-case["cost"], rel=1e-9)
    assert money(run, "consumer_surplus", "home") == pytest.approx(case["consumers"], rel=1e-9)
    assert money(run, "producer_surplus", "home") == pytest.approx(case["producers"], rel=1e-9)
    assert net(run, "home") == pytest.approx(case["net_at_free_price"], rel=1e-9)
    destroyed = net(run, "home") - money(run, "stock_value", "home")
    assert destroyed == pytest.approx(case["net_if_destroyed"], rel=1e-9)
    assert run.dataset["floor_met"].sel(region="home").item() == 1


def test_a_room_that_is_full_does_not_hold_the_floor():
    case = CASES["government_purchase"]
    run = solve(enter(case), floor(case["floor"], holds="purchase", room=9.0))  # half the tonnes it takes
    check(run, "price", {"home": (71 + 10 + 9) / 3})
    assert run.dataset["floor_met"].sel(region="home").item() == 0


@pytest.mark.economic_case("stockpile")
@pytest.mark.parametrize("settings, bought, price", [
    ({"purchase": 18.0}, 18, 33), ({"purchase": 18.0, "source": "own"}, 18, 33), ({"purchase": 30.0, "max_price": 33.0}, 18, 33),
    ({"release": 6.0, "release_price": 20.0}, -6, 25), ({"release": 6.0, "release_price": 26.0}, -3, 26)])
def test_a_stock_is_bought_up_to_its_price_and_released_down_to_it(settings, bought, price):
    """Supply p - 10 and demand 71 - 2 p: p = (81 + bought) / 3; the treasury pays price times tonnes."""
    run = solve(enter(CASES["government_purchase"]), fm.Stockpile(good="good", region="home", **settings))
    check(run, "price", {"home": price})
    check(run, "purchases", {"home": bought})
    check(run, "output", {"home": price - 10})
    check(run, "final_demand", {"home": 71 - 2 * price})
    assert money(run, "stock_purchases", "home") + money(run, "stock_release", "home") == pytest.approx(-price * bought, rel=1e-9)


@pytest.mark.economic_case("price_gap_subsidy")
@pytest.mark.parametrize("case", CASES["deficiency_payment"], ids=lambda case: case["title"])
def test_deficiency_payment(case):
    market = enter(case)
    free = solve(market)
    check(free, "price", {"home": case["free"]["price"]})
    check(free, "output", {"home": case["free"]["quantity"]})
    run = solve(market, fm.PriceGapSubsidy(good="good", regions=["home"], strike=case["target"]))
    check(run, "output", {"home": case["output"]})
    check(run, "price", {"home": case["price"]})
    lines = {name: money(run, name, "home") for name in ("consumer_surplus", "producer_surplus", "guarantee_outlay")}
    assert lines == pytest.approx({"consumer_surplus": case["consumers"], "producer_surplus": case["producers"],
                                   "guarantee_outlay": -case["outlay"]}, rel=1e-9)
    assert sum(lines.values()) == pytest.approx(-case["loss"], rel=1e-9)
    assert net(run, "home") == pytest.approx(-case["loss"], rel=1e-9)


# a dominant exporter


@pytest.mark.economic_case("export_tax", "export_quota")
def test_best_export_tax_and_the_quota_that_does_the_same():
    case = CASES["dominant_exporter"]
    market = enter(case)
    free = solve(market)
    check(free, "price", {"exporter": case["free_trade"]["price"]})
    check(free, "output", {"exporter": case["free_trade"]["quantity"]})

    def taxed(levy):
        return solve(market, fm.ExportTax(good="good", exporters=["exporter"], levy=levy), base=free.solved)

    found = minimize_scalar(lambda levy: -net(taxed(levy), "exporter"), bounds=(5, 40), method="bounded",
                            options={"xatol": 1e-9})
    assert found.x == pytest.approx(case["tax"], rel=1e-7)
    limited = solve(market, fm.ExportQuota(good="good", exporter="exporter", quota=case["quantity"]), base=free.solved)
    for run in (taxed(case["tax"]), limited):
        check(run, "price", {"exporter": case["price_exporter"]})
        check(run, "buyer_price", {"importer": case["price_importer"]})
        check(run, "output", {"exporter": case["quantity"]})
        wedge = run.dataset["export_wedge"].sel(origin="exporter", destination="importer").item()
        assert wedge / case["price_importer"] == pytest.approx(case["rate_on_import_price"], rel=1e-9)
    assert money(limited, "quota_rent", "exporter") == pytest.approx(case["tax"] * case["quantity"], rel=1e-9)
