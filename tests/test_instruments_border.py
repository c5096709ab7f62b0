"""Measures at the border: quotas with levies, entry prices, duties on content and their evasion, against hand calculation."""

import numpy as np
import pytest

import floormodel as fm
from floormodel.accounts import ledger, regional_identity, world_identity
from tests.adapt import complex_step, drawn, market_of, solve_case

# home buys 200 - p and makes p; abroad makes 2 p - 100, so that abroad's price is 50 + imports / 2
HOME = {"supply": {"home": (0, 1), "abroad": (-100, 2)}, "demand": {"home": (200, -1)}}
OWNER = {"importer": "home", "exporter": "abroad", "abroad": "abroad"}


def solve(market, *policies):
    """A solved scenario with both identities closed."""
    run = fm.solve(market, list(policies))
    assert run.converged.all()
    assert max(run.identities().values()) < 1e-8
    return run


def at(run, variable, region, good="good"):
    return float(run.dataset[variable].sel(good=good, region=region))


def money(run, account, region):
    """Change of one account of one region, USD/yr; 0 where the accounts have no such line."""
    lines = run.accounts()
    return float(lines[(lines["account"] == account) & (lines["region"] == region)]["value"].sum())


def imports(run, good="good", origin="abroad", destination="home"):
    return float(run.dataset["flow"].sel(good=good, origin=origin, destination=destination))


# quotas with a variable levy outside


def levy_quota(quota, threshold, **fields):
    return fm.VariableLevyQuota(good="good", importers=["home"], threshold=threshold, quota={"abroad": quota}, **fields)


# quota, threshold -> price at home and abroad, imports, share w of the full levy, rent of the quota, levy
REGIMES = {
    "quota above free imports": (60, 105, 75, 75, 50, 0.0, 0, 0),
    "quota sets the price": (30, 105, 85, 65, 30, 20 / 40, 30 * 20, 0),
    "full levy on what is beyond": (30, 80, 80, 70, 40, 1.0, 30 * 10, 10 * 10),
    "threshold below the price": (30, 70, 75, 75, 50, 1.0, 0, 0),
    "no quota": (0, 80, 80, 70, 40, None, 0, 40 * 10),
}


@pytest.mark.economic_case("variable_levy_quota")
@pytest.mark.parametrize("licences", OWNER)
@pytest.mark.parametrize("regime", REGIMES)
def test_variable_levy_quota_in_a_linear_market(regime, licences):
    """Imports 200 - 2 p from abroad at 50 + imports / 2: free 50 t at 75; at a quota of 30 t home pays 85 and abroad gets 65; at a
    threshold of 80 home buys 40 t, for which abroad gets 70."""
    quota, threshold, home, abroad, tonnes, share, rent, levy = REGIMES[regime]
    run = solve(fm.linear_market(**HOME), levy_quota(quota, threshold, licences=licences))
    assert at(run, "price", "home") == pytest.approx(home, rel=1e-8)
    assert at(run, "price", "abroad") == pytest.approx(abroad, rel=1e-8)
    assert imports(run) == pytest.approx(tonnes, rel=1e-8)
    assert money(run, "licence_rent", OWNER[licences]) == pytest.approx(rent, rel=1e-7, abs=1e-6)
    assert money(run, "floor_levy", "home") == pytest.approx(levy, rel=1e-7, abs=1e-6)
    if share is not None:
        assert run.dataset["unknown_value"].item() == pytest.approx(share, abs=1e-8)


@pytest.mark.economic_case("variable_levy_quota")
@pytest.mark.parametrize("market_price, duty", [(1180, 1228), (1235, 1173)])
def test_levy_of_the_european_safeguard_on_ferrosilicon(market_price, duty):
    """Threshold 2,408 EUR/t; in the autumn of 2025 ferro-silicon cost 1,180 to 1,235, so that a tonne beyond the quota would pay 1,228 to
    1,173. Until imports fill it with that on top, the quota sets the price inside: 2,000 EUR/t where buyers pay 4,000 - tonnes."""
    market = fm.linear_market({"abroad": (market_price, 1e-6)}, {"home": (4000, -1)}, inverse=True)
    beyond = solve(market, levy_quota(1000, 2408))
    assert beyond.dataset["floor_top_up"].sel(origin="abroad", destination="home").item() == pytest.approx(duty, abs=0.01)
    assert at(beyond, "buyer_price", "home") == pytest.approx(2408, rel=1e-9)
    assert imports(beyond) == pytest.approx(4000 - 2408, rel=1e-9)
    at_quota = solve(market, levy_quota(2000, 2408))
    assert at(at_quota, "buyer_price", "home") == pytest.approx(2000, rel=1e-9)
    assert at_quota.dataset["unknown_value"].item() == pytest.approx((2000 - market_price) / duty, rel=1e-5)


def test_one_quota_for_all_other_origins():
    """Two equal origins under one quota of 30 t bring what one origin of twice the size does under its own."""
    two = fm.linear_market({"home": (0, 1), "a": (-50, 1), "b": (-50, 1)}, {"home": (200, -1)})
    run = solve(two, fm.VariableLevyQuota(good="good", importers=["home"], threshold=105, quota={"others": 30}))
    assert at(run, "price", "home") == pytest.approx(85, rel=1e-8)
    assert imports(run, origin="a") + imports(run, origin="b") == pytest.approx(30, rel=1e-8)
    free = solve(two, fm.VariableLevyQuota(good="good", importers=["home"], threshold=105, quota={"a": 0}))
    assert at(free, "price", "home") == pytest.approx(250 / 3, rel=1e-8)  # b alone: 200 - 2 p = p - 50; a would land at 105


@pytest.mark.parametrize("fields, where", [
    ({"quota": {"home": 5.0}}, "quota"), ({"quota": {"Abroad": 5.0}}, "quota"), ({"licences": "nobody"}, "licences")])
def test_variable_levy_quota_refuses(fields, where):
    policy = fm.VariableLevyQuota(**({"good": "good", "importers": ["home"], "threshold": 80, "quota": {"abroad": 5.0}} | fields))
    assert [fault.where.split(".")[0] for fault in policy.check(fm.linear_market(**HOME))] == [where]


def test_levy_is_inert_without_a_route():
    with pytest.warns(fm.errors.InertWarning, match="no route"):
        fm.solve(fm.linear_market({"home": (0, 1)}, {"home": (200, -1), "abroad": (100, -1)}),
                 [fm.VariableLevyQuota(good="good", importers=["home"], threshold=80, quota={"abroad": 5.0})])


# tariff-rate quotas


def tariff_quota(quota, **fields):
    return fm.TariffRateQuota(good="good", importers=["home"], quota={"others": quota}, **fields)


# quota, duties -> price at home and abroad, imports, share u of the difference, rent of the quota, duty
TARIFF_REGIMES = {
    "quota above imports": (60, {"levy_in": 5, "levy_out": 15}, 77.5, 72.5, 45, 0.0, 0, 5 * 45),
    "at the quota": (30, {"levy_in": 5, "levy_out": 25}, 85, 65, 30, 15 / 20, 30 * 15, 30 * 5),
    "duty beyond the quota": (30, {"levy_in": 5, "levy_out": 15}, 82.5, 67.5, 35, 1.0, 30 * 10, 35 * 5 + 5 * 10),
    "no quota": (0, {"levy_in": 5, "levy_out": 15}, 82.5, 67.5, 35, None, 0, 35 * 15),
    "ad valorem on 100 at the benchmark": (30, {"rate_out": 0.1}, 80, 70, 40, 1.0, 30 * 10, 10 * 10),
}


@pytest.mark.economic_case("tariff_rate_quota")
@pytest.mark.parametrize("licences", OWNER)
@pytest.mark.parametrize("regime", TARIFF_REGIMES)
def test_tariff_rate_quota_in_a_linear_market(regime, licences):
    """Under a duty t home buys m = 200 - 2 p with p = 50 + m / 2 + t, so m = 50 - t: 45 t at the duty within the quota, 35 or 25 t at
    that beyond it. Between the two, the quota of 30 t sets a wedge of 20."""
    quota, duties, home, abroad, tonnes, share, rent, duty = TARIFF_REGIMES[regime]
    run = solve(fm.linear_market(**HOME), tariff_quota(quota, licences=licences, **duties))
    assert at(run, "price", "home") == pytest.approx(home, rel=1e-8)
    assert at(run, "price", "abroad") == pytest.approx(abroad, rel=1e-8)
    assert imports(run) == pytest.approx(tonnes, rel=1e-8)
    assert money(run, "licence_rent", OWNER[licences]) == pytest.approx(rent, rel=1e-7, abs=1e-6)
    assert money(run, "import_duty", "home") == pytest.approx(duty, rel=1e-7)
    if share is not None:
        assert run.dataset["unknown_value"].item() == pytest.approx(share, abs=1e-8)


def test_a_tariff_rate_quota_is_an_import_quota_while_it_is_just_full():
    """The same prices as an export quota of the same tonnes; the rent goes where the licences are."""
    market = fm.linear_market(**HOME)
    run, other = solve(market, tariff_quota(30, levy_out=25)), solve(market, fm.ExportQuota(good="good", exporter="abroad", quota=30))
    for region in ("home", "abroad"):
        assert at(run, "price", region) == pytest.approx(at(other, "price", region), rel=1e-8)
    assert money(run, "licence_rent", "home") == pytest.approx(money(other, "quota_rent", "abroad"), rel=1e-7)


def test_tariff_rate_quota_refuses_a_lower_duty_beyond_the_quota():
    faults = tariff_quota(5, rate_in=0.2, levy_in=3).check(fm.linear_market(**HOME))
    assert [fault.where for fault in faults] == ["rate_out", "levy_out"]


# entry prices


@pytest.mark.economic_case("entry_price")
@pytest.mark.parametrize("price, rate, duty", [
    (336.3, 0.0, 17.7), (326.0, 0.0, 28.0), (325.0, 0.0, 71.0), (300.0, 0.16, 71.0 + 48.0), (360.0, 0.16, 57.6)])
def test_entry_price_of_oranges(price, rate, duty):
    """354 EUR/t, 71 EUR/t below 325.68; a published example has 336.3 EUR/t paying 17.7. The ad valorem duty comes on top."""
    market = fm.linear_market({"abroad": (price, 1e-6)}, {"home": (1000, -1)}, inverse=True)
    run = solve(market, fm.EntryPrice(good="good", importers=["home"], entry_price=354, max_duty=71, rate=rate))
    assert at(run, "buyer_price", "home") == pytest.approx(price + duty, abs=0.01)
    assert money(run, "floor_levy", "home") + money(run, "import_duty", "home") == pytest.approx(duty * imports(run), rel=1e-3)


@pytest.mark.economic_case("entry_price")
def test_the_cliff_can_be_passed_or_not():
    """Entry price 80, flat duty 30 below 68. Three points are equilibria of home buying 200 - 2 p from abroad at 50 + m / 2: the gap of
    10 with abroad at 70; the flat duty with home at 90 and abroad at 60; abroad at the cliff of 68, home at 82, 14 = 12 + 18 y."""
    run = solve(fm.linear_market(**HOME), fm.EntryPrice(good="good", importers=["home"], entry_price=80, max_duty=30, cliff=0.85))
    found = (at(run, "price", "home"), at(run, "price", "abroad"), run.dataset["unknown_value"].item())
    assert any(found == pytest.approx(point, abs=1e-6) for point in ((80, 70, 0), (90, 60, 1), (82, 68, 1 / 9)))


@pytest.mark.parametrize("cliff, home, abroad", [(0.92, 90, 60), (0.0, 80, 70)])
def test_an_entry_price_without_a_cliff_is_a_minimum_import_price(cliff, home, abroad):
    """At 0.92 only the flat duty is left: under the gap abroad would be at 70, below 73.6."""
    market = fm.linear_market(**HOME)
    run = solve(market, fm.EntryPrice(good="good", importers=["home"], entry_price=80, max_duty=30, cliff=cliff))
    assert at(run, "price", "home") == pytest.approx(home, rel=1e-8)
    assert at(run, "price", "abroad") == pytest.approx(abroad, rel=1e-8)


# duties on content and their return on exports

INPUT, PRODUCT, TONNES = 60.0, 400.0, 2.0


def exporter_of_products():
    """Home makes 10 t of product from 20 t of input, nearly all of it imported, and exports 6 t; a large neighbour sets both prices."""
    large = 1e6
    figures = {
        "price0": [[INPUT] * 2, [PRODUCT] * 2], "output0": [[0.5, 2 * large + 32.5], [10.0, large]],
        "final_demand0": [[0.0, 13.0], [4.0, large + 6.0]],
        "flow0": [[[0.5, 0.0], [19.5, 2 * large + 13.0]], [[4.0, 6.0], [0.0, large]]], "recipe": [[0.0, 0.0], [TONNES, 0.0]],
        "demand_elasticity": 0.5, "supply_elasticity": [[0.5, 1e4], [0.5, 1e4]],
    }
    return fm.market_from_arrays("processing", ["input", "product"], ["home", "abroad"], figures, sourcing="homogeneous")


MEASURES = {
    "floor, and an adjustment beside it": (fm.PriceFloor(good="input", members=["home"], price=INPUT + 8),),
    "duty, and an adjustment beside it": (fm.ImportTariff(good="input", importers=["home"], levy=8),),
    "floor with all in one": (fm.PriceFloor(good="input", members=["home"], price=INPUT + 8, coverage=["product"], content_rule="neutral",
                                            export_rebate=True),),
}


@pytest.mark.economic_case("content_adjustment", "price_floor")
@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("rebate", [True, False])
def test_adjustment_for_content_leaves_the_processors_margin_and_the_rebate_makes_exporters_whole(name, rebate):
    """2 t of input, 8 USD/t dearer inside: 16 USD on a product of 400, 4 % ad valorem. With the rebate home sells to the world at 400, for
    416 at the gate, and its margin is 416 - 2 x 68 = 400 - 2 x 60; the rebate goes on 10 t less what home itself uses at 416. Without it
    exporters get 400, and the margin falls to 264, output to 10 (264 / 280)^0.5."""
    policies = MEASURES[name]
    if name == "floor with all in one":
        policies = tuple(p.model_copy(update={"export_rebate": rebate}) for p in policies)
    else:
        policies = (*policies, fm.ContentAdjustment(good="input", members=["home"], coverage=["product"], export_rebate=rebate))
    run = solve(exporter_of_products(), *policies)
    charge = run.dataset["duty"].sel(good="product", origin="abroad", destination="home").item()
    assert at(run, "buyer_price", "home", "input") == pytest.approx(INPUT + 8, abs=1e-3)
    assert charge == pytest.approx(16, abs=1e-2) and charge / PRODUCT == pytest.approx(0.04, abs=1e-4)
    gate, margin = (416, 280) if rebate else (400, 264)
    assert at(run, "price", "home", "product") == pytest.approx(gate, abs=1e-2)
    assert at(run, "margin", "home", "product") == pytest.approx(margin, abs=1e-2)
    made, used = 10 * (margin / 280) ** 0.5, 4 * (gate / PRODUCT) ** -0.5
    assert at(run, "output", "home", "product") == pytest.approx(made, rel=1e-4)
    assert imports(run, "product", "home", "abroad") == pytest.approx(made - used, rel=1e-3)
    assert money(run, "content_duty", "home") == pytest.approx(-16 * (made - used) * rebate, rel=1e-3)


@pytest.mark.economic_case("content_adjustment")
def test_content_through_two_stages():
    """A machine of 3 t of product holds 6 t of input; to a price of 70 against 60 abroad that is 60 USD, on the product 20."""
    figures = {"price0": [[INPUT] * 2, [PRODUCT] * 2, [2000.0] * 2], "output0": [[1.0, 41.0], [1.0, 20.0], [1.0, 5.0]],
               "final_demand0": 0.0, "recipe": [[0, 0, 0], [TONNES, 0, 0], [0, 3.0, 0]], "demand_elasticity": 0.5, "supply_elasticity": 1.0,
               "sourcing_elasticity": 5.0}
    figures["flow0"] = [[[1.0, 0.0], [1.0, 40.0]], [[1.0, 0.0], [2.0, 18.0]], [[1.0, 0.0], [1.0, 4.0]]]
    figures["final_demand0"] = [[0.0, 0.0], [0.0, 3.0], [2.0, 4.0]]
    market = fm.market_from_arrays("machines", ["input", "product", "machine"], ["home", "abroad"], figures)
    run = solve(market, fm.ContentAdjustment(good="input", members=["home"], coverage=["product", "machine"],
                                             content_rule="to_floor", price=70))
    outside = 70 - at(run, "buyer_price", "abroad", "input")
    for good, tonnes in (("product", 2), ("machine", 6)):
        assert run.dataset["duty"].sel(good=good, origin="abroad", destination="home").item() == pytest.approx(tonnes * outside, rel=1e-9)
        wedge = run.dataset["export_wedge"].sel(good=good, origin="home", destination="abroad")
        assert np.isnan(wedge) or wedge.item() == pytest.approx(-tonnes * outside, rel=1e-9)
    assert outside == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("fields, where", [
    ({"content_rule": "to_floor"}, "price"), ({"price": 70.0}, "price"), ({"coverage": ["input"]}, "coverage"),
    ({"exempt": ["home"]}, "exempt")])
def test_content_adjustment_refuses(fields, where):
    policy = fm.ContentAdjustment(**({"good": "input", "members": ["home"], "coverage": ["product"]} | fields))
    assert [fault.where for fault in policy.check(exporter_of_products())] == [where]


# evasion


@pytest.mark.economic_case("evasion")
def test_evasion_of_a_duty_at_the_scale():
    """A duty of 20 with a scale of 20: half of 1 - 1/e evades, and buyers pay the duty less 0.5 x 20 / e, so that they import 50 - 16.32 t.
    The treasury gets 20 on those that do not evade; evading takes 0.5 x 20 (1 - 2/e) a tonne."""
    charge, share = 20 - 10 / np.e, 0.5 * (1 - 1 / np.e)
    run = solve(fm.linear_market(**HOME), fm.ImportTariff(good="good", importers=["home"], levy=20),
                fm.Evasion(good="good", most=0.5, scale=20))
    assert imports(run) == pytest.approx(50 - charge, rel=1e-8)
    assert at(run, "price", "home") - at(run, "price", "abroad") == pytest.approx(charge, rel=1e-8)
    assert run.dataset["evaded"].sel(origin="abroad", destination="home").item() == pytest.approx(share * (50 - charge), rel=1e-8)
    assert money(run, "import_duty", "home") == pytest.approx((1 - share) * 20 * (50 - charge), rel=1e-8)
    lines = run.accounts()
    total = lines["value"].sum()  # what a wedge loses, half of its square, and what evading takes
    assert total == pytest.approx(-charge**2 / 2 - (10 - 20 / np.e) * (50 - charge), rel=1e-7)


@pytest.mark.economic_case("evasion")
@pytest.mark.filterwarnings("ignore::floormodel.errors.InertWarning")  # below the price at which abroad sells to nobody
def test_evasion_of_a_floor():
    """Top-ups are evaded like duties. A floor of 85 tops up 85 - b = W; buyers at home pay b + W - 10 (W / 20 - 1 + exp(-W / 20))."""
    floor = solve(fm.linear_market(**HOME), fm.PriceFloor(good="good", members=["home"], price=85),
                  fm.Evasion(good="good", most=0.5, scale=20))
    border = at(floor, "price", "abroad")
    gap = 85 - border
    assert at(floor, "price", "home") == pytest.approx(85 - 10 * (gap / 20 - 1 + np.exp(-gap / 20)), rel=1e-8)
    assert money(floor, "floor_levy", "home") == pytest.approx((1 - 0.5 * (1 - np.exp(-gap / 20))) * gap * imports(floor), rel=1e-8)
    assert imports(floor) == pytest.approx(2 * (border - 50), rel=1e-8)


def test_of_two_evasions_the_larger_counts_and_alone_it_is_nothing():
    market, duty = fm.linear_market(**HOME), fm.ImportTariff(good="good", importers=["home"], levy=20)
    large, small = fm.Evasion(good="good", most=0.5, scale=20), fm.Evasion(good="good", most=0.4, scale=1)
    one, two, none = solve(market, duty, large), solve(market, small, duty, large), solve(market, large)
    assert imports(two) == imports(one)
    assert imports(none) == pytest.approx(50, rel=1e-8) and none.dataset["evaded"].sum() == 0


# all of them at once


@pytest.mark.parametrize("seed", range(4))
def test_all_border_measures_at_once_on_random_markets(seed):
    """Money adds up and derivatives equal complex steps where rebates, quotas, entry prices and evasion meet on the same goods."""
    case, rng = drawn(seed, goods=2, regions=4, policies=0), np.random.default_rng(seed)
    market = market_of(case)
    (raw, made), (members, others) = market.goods, (market.regions[:2], market.regions[2:])
    price = np.nanmean(market.dataset["price0"].values, axis=1)
    traded = market.dataset["flow0"].sum(["origin", "destination"]).values
    rule = {"content_rule": "neutral"} if seed % 2 else {"content_rule": "to_floor", "price": 1.2 * price[0]}
    policies = [
        fm.PriceFloor(good=raw, members=members, price=1.3 * price[0], collected_as="undertaking" if seed > 1 else "levy"),
        fm.ContentAdjustment(good=raw, members=members, coverage=[made], **rule),
        fm.TariffRateQuota(good=made, importers=members, quota={"others": 0.05 * traded[1]}, rate_out=0.3),
        fm.EntryPrice(good=made, importers=others, entry_price=1.1 * price[1], max_duty=0.3 * price[1]),
        fm.VariableLevyQuota(good=raw, importers=others[:1], threshold=1.2 * price[0], quota={"others": 0.05 * traded[0]}),
        fm.Evasion(good=raw, most=0.3, scale=0.1 * price[0]), fm.Evasion(good=made, most=0.4, scale=0.2 * price[1])]
    free, found = solve_case(case, []), solve_case(case, policies)
    assert found.solution.converged.all()
    now, before = ledger(found), ledger(free)
    assert world_identity(now, before).max() < 1e-10 and regional_identity(found, now, before).max() < 1e-10
    low, high = found.system.bounds()
    z = np.clip(found.solution.z + 0.03 * rng.standard_normal(found.solution.z.shape), low, high)
    exact = complex_step(found.system, z)
    slopes = found.system.evaluate(z, np.zeros(1, int), 0.0, True)[1]
    assert np.abs(slopes - exact).max() <= 1e-8 * max(1.0, np.abs(exact).max())
