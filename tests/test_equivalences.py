"""Different instruments that must come to the same: what one does at a solution, the other repeats as a fixed charge.

Rows of the catalogue of invariants, part C, and where they are tested: here, in test_equivalences_instruments (*), test_theorems (+),
test_textbook_cases (t), test_instruments_contracts (c) or test_instruments_producers (p). Limits are in test_limits, signs in test_signs.

    22 floor = levy                    test_floor_equals_the_duties_it_came_to, *test_levy_beyond_a_quota_equals_the_duties_it_came_to
    23 ad valorem = specific           test_ad_valorem_equals_specific_at_the_solution_only
    24 quota = export tax              test_quota_equals_an_export_tax_of_the_rent, p test_a_limit_equals_an_export_tax_of_its_rent,
                                       *test_tariff_rate_quota_out_of_reach_is_an_import_quota
    25 quota = tariff of partners      test_quota_equals_a_tariff_of_all_partners, p test_a_limit_equals_a_tariff_of_all_partners
    26 bilateral Lerner                test_a_wedge_at_either_border_gives_the_same_trade
    27 tariff = subsidy + use tax      c test_tariff_is_subsidy_and_tax_on_use, *test_tariff_is_subsidy_and_tax_on_use_where_goods_are_alike
    28 contract = subsidy              test_two_way_contract_equals_a_fixed_producer_price,
                                       test_one_way_contract_equals_a_subsidy_read_at_the_solution,
                                       c test_subsidy_equals_the_gap_payment_it_came_to,
                                       *test_a_buyers_collar_is_a_contract_that_the_buyers_pay
    29 contract and floor              *test_contract_beside_a_floor_of_the_same_producer_price,
                                       t test_border_floor_and_contract_give_the_same_output_at_home_and_other_prices
    30 ban = quota 0 = high tax        +test_a_ban_is_a_prohibitive_tax, p test_all_of_output_at_home_is_a_quota_of_nothing,
                                       *test_a_quota_of_next_to_nothing_is_almost_a_ban
    31 prohibitive region              *test_beyond_a_prohibitive_rate_nothing_changes
    32 stacking                        *test_instruments_form_a_set, +test_order_of_regions_and_instruments_does_not_matter,
                                       test_export_and_import_rates_compound
    33 cancel                          test_export_subsidy_cancels_a_tariff
    34 idempotent                      test_floors_do_not_add_and_tariffs_do, *test_levy_beyond_a_quota_of_nothing_is_a_price_floor

The cases are random calibrations with random mixes around the instrument in question, one in four with `ces` sourcing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import floormodel as fm
from floormodel.equilibrium.solve import Solved
from tests.adapt import market_of, policies_of
from tests.as_specific import duties, floors_as_duties, quota_rent, quotas_as_duties, quotas_as_taxes, taxes, without
from tests.outcomes import NUMBERS, Array, by_owner, case_of, changes, examples, gap, money_gap, outcome, run, turnover

BORDER = ("treasury", "rent_holders")
TESTS = Path(__file__).parent


@pytest.mark.parametrize("table", ["test_equivalences", "test_limits", "test_signs"])
def test_the_tables_name_tests_that_exist(table):
    files = {path.stem: path.read_text("utf-8") for path in TESTS.rglob("test_*.py")}
    named = set(re.findall(r"test_\w+", files[table].split('"""')[1]))
    assert len(named) > 8
    assert not named - set(files) - {name for text in files.values() for name in re.findall(r"^def (test_\w+)", text, re.M)}


def mix_with(own: int, number: int, kind: str, **kwargs: Any) -> tuple[fm.Market, list[fm.Instrument]]:
    """A random market and mix in which an instrument of this kind stands."""
    for attempt in range(200):
        case = case_of(own, number + attempt, extras=number % 3 == 0, **kwargs)
        if any(p["kind"] == kind for p in case["policies"]) and len(case["regions"]) > 1:
            return market_of(case | ({"sourcing": "ces"} if number % 4 == 0 else {})), policies_of(case)
    raise AssertionError("no such mix")


def compare(one: Solved, other: Solved, base: Solved, tolerance: float = 1e-8) -> tuple[dict[str, Array], dict[str, Array], float]:
    """The same prices and tonnes, and the same money for consumers and producers; returns both ledgers and turnover."""
    assert gap(outcome(one), outcome(other)) < tolerance
    lines, moved, scale = changes(one, base), changes(other, base), max(turnover(one), turnover(base))
    for owner in ("consumers", "producers", "stockholders", "buyers"):
        assert np.max(np.abs(by_owner(lines, owner) - by_owner(moved, owner))) < tolerance * scale, owner
    return lines, moved, scale


@given(number=NUMBERS)
@examples(30)
def test_floor_equals_the_duties_it_came_to(number):
    """[22] Levies, undertakings, adjustable duties and content duties, read at the solution and imposed per route."""
    market, policies = mix_with(22, number, "price_floor")
    policies = [p for p in policies if not (isinstance(p, fm.PriceFloor) and p.holds == "purchase")]
    one, base = run(market, policies), run(market)
    other = run(market, [*without(policies, "price_floor"), *floors_as_duties(one)])
    lines, moved, scale = compare(one, other, base)
    assert np.max(np.abs(by_owner(lines, *BORDER) - by_owner(moved, *BORDER))) < 1e-8 * scale


@given(number=NUMBERS)
@examples(20)
def test_ad_valorem_equals_specific_at_the_solution_only(number):
    """[23] And the two part as soon as demand moves: the ad valorem charge follows the price, the specific one stays."""
    market = market_of(case_of(23, number, regions=2 + number % 4, goods=2, policies=1))
    base, (good, home) = run(market), (market.goods[0], market.regions[0])
    b = base.state.benchmark
    assume(bool((b.trade[0, 1:, 0]).any() and b.final_demand0[0, 0].any()))
    rate = 0.05 + 0.4 * (number % 97) / 97
    rates = [fm.ImportTariff(good=good, importers=[home], rate=rate),
             fm.ExportTax(good=good, exporters=market.regions[1:], rate=rate / 2)]
    one = run(market, rates)
    abroad = np.arange(len(market.regions))[:, None] != np.arange(len(market.regions))
    from_price = (one.state.price[0, 0, :, None] + b.export_levy0[0, 0]) * rate / 2 / (1 + b.export_rate0[0, 0])
    taxed = abroad & (np.arange(len(market.regions)) > 0)[:, None]
    bought = abroad & (np.arange(len(market.regions)) == 0)[None, :]
    specific = [*duties(market, 0, np.where(bought, one.state.landed[0].border[0] * rate, 0.0)),
                *taxes(market, 0, np.where(taxed, from_price, 0.0))]
    lines, moved, scale = compare(one, run(market, specific), base)
    assert money_gap(lines, moved, scale) < 1e-8
    shifted = market.replace(demand_shift=1.3)
    assert gap(outcome(run(shifted, rates)), outcome(run(shifted, specific))) > 1e-7


@given(number=NUMBERS)
@examples(25)
def test_quota_equals_an_export_tax_of_the_rent(number):
    """[24] The same tonnes; what the rent holders had, the exporter's treasury has."""
    market, policies = mix_with(24, number, "export_quota")
    policies = [p.model_copy(update={"rent_owner": "exporter"}) if isinstance(p, fm.ExportQuota) else p for p in policies]
    banned = [p for p in policies if isinstance(p, fm.ExportQuota) and p.quota == 0]
    one, base = run(market, policies), run(market)
    assume(not one.system.layout.choke)  # a rationed buyer takes any quantity at the choke price: the tax alone does not fix it
    other = run(market, [*without(policies, "export_quota"), *banned, *quotas_as_taxes(one)])
    lines, moved, scale = compare(one, other, base, 1e-7)
    assert np.max(np.abs(by_owner(lines, *BORDER) - by_owner(moved, *BORDER))) < 1e-7 * scale
    assert np.max(np.abs(moved["quota_rent"])) == 0


@given(number=NUMBERS, owner=st.sampled_from(["exporter", "destination"]))
@examples(25)
def test_quota_equals_a_tariff_of_all_partners(number, owner):
    """[25] The same world allocation and world welfare; the rent, and export charges on it, move to the importers.

    Without floors, whose top-up is measured at the border and so counts a rent but not a duty."""
    market, policies = mix_with(25, number, "export_quota")
    policies = without(policies, "price_floor")
    policies = [p.model_copy(update={"rent_owner": owner}) if isinstance(p, fm.ExportQuota) else p for p in policies]
    banned = [p for p in policies if isinstance(p, fm.ExportQuota) and p.quota == 0]
    one, base = run(market, policies), run(market)
    assume(not one.system.layout.choke)  # a rationed buyer takes any quantity at the choke price: the tariff alone does not fix it
    other = run(market, [*without(policies, "export_quota"), *banned, *quotas_as_duties(one)])
    lines, moved, scale = compare(one, other, base, 1e-7)
    assert abs(by_owner(lines).sum() - by_owner(moved).sum()) < 1e-7 * scale
    passed = np.zeros(len(market.regions))
    for g in range(len(market.goods)):
        money = quota_rent(one, g) * one.state.flow[g][0]
        passed_on = money * (one.terms.export_rate[0, g] + (1.0 if owner == "exporter" else 0.0))
        passed += passed_on.sum(0) - passed_on.sum(1)
    np.testing.assert_allclose((by_owner(moved) - by_owner(lines))[0] / scale, passed / scale, atol=1e-7)


@given(number=NUMBERS)
@examples(25)
def test_a_wedge_at_either_border_gives_the_same_trade(number):
    """[26] Lerner on each route: only who collects it differs."""
    market = market_of(case_of(26, number, regions=2 + number % 4, goods=1 + number % 3))
    rng = np.random.default_rng([261, number])
    base = run(market)
    b, good = base.state.benchmark, number % len(market.goods)
    size = len(market.regions)
    levy = rng.uniform(0, 0.5, (size, size)) * b.price0[0, good, 0] * ~np.eye(size, dtype=bool)
    one = run(market, list(taxes(market, good, levy)))
    landed = levy * (1 + b.export_rate0[0, good]) * (1 + b.import_rate0[0, good])
    other = run(market, list(duties(market, good, landed)))
    lines, moved, scale = compare(one, other, base, 1e-9)
    assert abs(by_owner(lines).sum() - by_owner(moved).sum()) < 1e-9 * scale
    shift = levy * (1 + b.export_rate0[0, good]) * one.state.flow[good][0]
    np.testing.assert_allclose(by_owner(moved)[0] / scale, (by_owner(lines)[0] + shift.sum(0) - shift.sum(1)) / scale, atol=1e-9)


@given(number=NUMBERS, rate=st.floats(0.01, 1.0))
@examples(20)
def test_export_subsidy_cancels_a_tariff(number, rate):
    """[33] (1 + t)(1 - s) = 1 without freight and charges in force: benchmark prices and flows, while money moves."""
    case = case_of(33, number, regions=2 + number % 4, policies=1)
    for name in ("freight", "export_rate0", "export_levy0", "import_rate0", "import_levy0"):
        case["arrays"][name][:] = 0.0
    case["arrays"]["royalty0"][:] = 0.0
    market = market_of(case)
    base, home = run(market), market.regions[0]
    for good in market.goods:
        pair = [fm.ImportTariff(good=good, importers=[home], rate=rate),
                fm.ExportTax(good=good, exporters=market.regions[1:], destinations=[home], rate=-rate / (1 + rate))]
        other = run(market, pair)
        _, moved, scale = compare(base, other, base, 1e-10)
        g = market.goods.index(good)
        imports = (base.state.flow[g][0, 1:, 0] * base.state.benchmark.price0[0, g, 0]).sum()
        assert abs(by_owner(moved, "treasury")[0, 0] - imports * rate / (1 + rate)) < 1e-10 * scale
        assert abs(by_owner(moved).sum()) < 1e-10 * scale


# ---- [32, 34] stacking


def importer_case(own: int, number: int) -> tuple[fm.Market, int, float]:
    """A market, a good that region 0 imports, and a floor that bites there (its mean landed price times 1.05 to 1.5)."""
    for attempt in range(100):
        market = market_of(case_of(own, number + attempt, regions=3 + number % 3, policies=1))
        b = run(market).state.benchmark
        for g in range(len(market.goods)):
            if b.trade[g, 1:, 0].any():
                return market, g, float(b.landed_price0[0, g, 1:, 0][b.trade[g, 1:, 0]].mean()) * (1.05 + 0.45 * (number % 11) / 11)
    raise AssertionError("no imports")


@given(number=NUMBERS, collected=st.sampled_from(["levy", "undertaking"]), base=st.sampled_from(["cif", "duty_paid"]))
@examples(20)
def test_floors_do_not_add_and_tariffs_do(number, collected, base):
    """The same floor twice is one floor, of two the stricter counts, bit for bit; two duties or rates are one of their sum."""
    market, g, level = importer_case(34, number)
    good, home = market.goods[g], market.regions[:1]

    def floor(price: float) -> fm.PriceFloor:
        return fm.PriceFloor(good=good, members=home, price=price, collected_as=collected, base=base)

    one = run(market, [floor(level)])
    assert one.state.landed[g].by_floor[0, 1:, 0].max() == 0
    for more in ([floor(level), floor(level)], [floor(level * 0.97), floor(level)], [floor(level), floor(level * 0.97)]):
        other = run(market, more)
        np.testing.assert_array_equal(one.solution.z, other.solution.z)
        assert money_gap(changes(one, one), changes(other, one), 1.0) == 0
    for first, second in (({"levy": 0.1 * level}, {"levy": 0.2 * level}), ({"rate": 0.1}, {"rate": 0.2})):
        both = {k: first[k] + second[k] for k in first}
        apart = run(market, [fm.ImportTariff(good=good, importers=home, **first), fm.ImportTariff(good=good, importers=home, **second)])
        assert gap(outcome(apart), outcome(run(market, [fm.ImportTariff(good=good, importers=home, **both)]))) < 1e-12


@given(number=NUMBERS)
@examples(20)
def test_export_and_import_rates_compound(number):
    """[32] c = ((p + el)(1 + er0 + e) + freight)(1 + ir0 + t) + il on every taxed route."""
    market, g, _ = importer_case(32, number)
    good, regions = market.goods[g], market.regions
    solved = run(market, [fm.ExportTax(good=good, exporters=regions[1:], rate=0.13),
                          fm.ImportTariff(good=good, importers=regions[:1], rate=0.21)])
    ds, price = market.dataset.isel(good=g), solved.state.price[0, g, 1:]
    column = {k: ds[k].values[1:, 0] for k in ("export_levy0", "export_rate0", "freight", "import_rate0", "import_levy0")}
    border = (price + column["export_levy0"]) * (1.13 + column["export_rate0"]) + column["freight"]
    landed = border * (1.21 + column["import_rate0"]) + column["import_levy0"]
    np.testing.assert_allclose(solved.state.landed[g].landed[0, 1:, 0], landed, rtol=1e-13)


@given(number=NUMBERS, cap=st.sampled_from([None, 0.1]))
@examples(20)
def test_an_undertaking_without_ad_valorem_duty_is_a_levy_kept_by_the_exporter(number, cap):
    """[34] The same prices and flows; the money moves from the importer's treasury to the exporters."""
    market, g, level = importer_case(341, number)
    market = market.replace(import_rate0=0.0)
    good, home = market.goods[g], market.regions[:1]
    top = None if cap is None else cap * level
    levy, kept = (run(market, [fm.PriceFloor(good=good, members=home, price=level, collected_as=how, duty_cap=top)])
                  for how in ("levy", "undertaking"))
    base = run(market)
    lines, moved, scale = compare(levy, kept, base, 1e-10)
    money = (levy.state.landed[g].levied * levy.state.flow[g])[0]
    assert money.sum() > 0
    np.testing.assert_allclose(lines["floor_levy"][0, g] - moved["floor_levy"][0, g], money.sum(0), atol=1e-10 * scale)
    np.testing.assert_allclose(moved["undertaking_rent"][0, g] - lines["undertaking_rent"][0, g], money.sum(1), atol=1e-10 * scale)


@given(number=NUMBERS)
@examples(12)
def test_a_tie_between_levy_and_undertaking_does_not_depend_on_their_order(number):
    """[32] Two floors of one height, one collected and one kept: whoever gets the money, it is the same in either order."""
    market, g, level = importer_case(342, number)
    pair = [fm.PriceFloor(good=market.goods[g], members=market.regions[:1], price=level, collected_as=how)
            for how in ("levy", "undertaking")]
    one, other, base = run(market, pair), run(market, pair[::-1]), run(market)
    assert gap(outcome(one), outcome(other)) < 1e-12
    assert money_gap(changes(one, base), changes(other, base), turnover(base)) < 1e-12


# ---- [28] guarantees


def mined_case(own: int, number: int, **settings: Any) -> tuple[fm.Market, int, float]:
    """A market, the number of a region that mines good 0, and a strike above its benchmark price."""
    case = case_of(own, number, regions=2 + number % 4, policies=1) | settings
    case["arrays"]["capacity"] = np.full_like(case["arrays"]["price0"], np.inf)
    region = int(np.argmax(case["arrays"]["output0"][0]))
    return market_of(case), region, float(case["arrays"]["price0"][0, 0]) * (1.1 + 0.9 * (number % 13) / 13)


def with_node(market: fm.Market, region: int, **values: float) -> fm.Market:
    """The market with figures of good 0 in one region changed."""
    arrays = {name: market.dataset[name].values.copy() for name in values}
    for name, value in values.items():
        arrays[name][0, region] = value
    return market.replace(**arrays)


@given(number=NUMBERS, conditions=st.sampled_from([[], ["tariff"]]))
@examples(20)
def test_two_way_contract_equals_a_fixed_producer_price(number, conditions):
    """Output is that of the strike whatever happens to the market; money is the difference times output."""
    market, r, strike = mined_case(28, number)
    others = [fm.ImportTariff(good=market.goods[0], importers=market.regions[:1], rate=0.3) for _ in conditions]
    contract = fm.PriceGapSubsidy(good=market.goods[0], regions=[market.regions[r]], strike=strike, upside_share=1.0)
    one, base, b = run(market, [contract, *others]), run(market), run(market).state.benchmark
    kept = 1 - b.royalty0[0, 0, r] * (1 - b.under_invoicing[0, 0, r])
    before, after = (price * kept + b.subsidy0[0, 0, r] for price in (b.price0[0, 0, r], strike))
    made = b.output0[0, 0, r] * (after / before) ** b.supply_elasticity[0, 0, r]
    np.testing.assert_allclose(one.state.output[0, 0, r], made, rtol=1e-12)
    rigid = with_node(market, r, supply_elasticity=0.0, supply_shift=made / b.output0[0, 0, r])
    other = run(rigid, others)
    assert gap(outcome(one), outcome(other)) < 1e-9
    lines = changes(one, base)
    paid = (strike - one.state.price[0, 0, r]) * made
    assert abs(lines["guarantee_outlay"][0, 0, r] + lines["clawback"][0, 0, r] + paid) < 1e-9 * turnover(base)


@given(number=NUMBERS)
@examples(20)
def test_one_way_contract_equals_a_subsidy_read_at_the_solution(number):
    """On a straight supply curve a subsidy moves the curve; with it the market without contract has the same solution."""
    market, r, strike = mined_case(281, number, supply_curve="linear")
    contract = fm.PriceGapSubsidy(good=market.goods[0], regions=[market.regions[r]], strike=strike)
    one, b = run(market, [contract]), run(market).state.benchmark
    assume(b.supply_elasticity[0, 0, r] > 0)  # rigid supply answers neither
    paid = max(strike - one.state.price[0, 0, r], 0.0) * b.kept[0, 0, r]
    assert paid > 0
    lift = 1 + b.supply_elasticity[0, 0, r] * paid / b.margin0[0, 0, r]
    moved = with_node(market, r, supply_shift=lift, supply_elasticity=b.supply_elasticity[0, 0, r] / lift)
    assert gap(outcome(one), outcome(run(moved))) < 1e-9
    shocked, other = run(market.replace(demand_shift=1.2), [contract]), run(moved.replace(demand_shift=1.2))
    if shocked.state.price[0, 0, r] > one.state.price[0, 0, r] * 1.001:  # off the scrap value
        assert gap(outcome(shocked), outcome(other)) > 1e-7  # the contract follows the price, the subsidy does not
