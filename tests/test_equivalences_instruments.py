"""Instruments with a condition of their own against the simple ones they come to; see the table in test_equivalences.

Numbers in brackets are those of the catalogue of invariants.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import floormodel as fm
from floormodel.accounts import ledger
from floormodel.equilibrium.solve import Solved, find_quietly
from tests.adapt import market_of, policies_of
from tests.as_specific import duties, floor_duty
from tests.outcomes import NUMBERS, Array, by_owner, case_of, changes, examples, gap, money_gap, outcome, run, turnover

BORDER = ("treasury", "rent_holders")


def importing(own: int, number: int, ces: bool = True, **arrays: Any) -> tuple[fm.Market, int, Array]:
    """A random market, one in four with `ces` sourcing if wanted, a good that region 0 imports, and its imports by origin (O,)."""
    for attempt in range(100):
        case = case_of(own, number + attempt, regions=3 + number % 3, policies=1) | ({"sourcing": "ces"} if ces and number % 4 == 0 else {})
        case["arrays"] |= {name: np.full_like(case["arrays"]["flow0"], value) for name, value in arrays.items()}
        for g, flow in enumerate(case["arrays"]["flow0"]):
            if flow[1:, 0].any() and case["arrays"]["final_demand0"][g, 0] > 0:
                return market_of(case), g, np.where(np.arange(len(flow)) > 0, flow[:, 0], 0.0)
    raise AssertionError("no imports")


def imports_of(solved: Solved, g: int) -> Array:
    """Imports of region 0 by origin (O,), t/yr."""
    return np.where(np.arange(len(solved.market.regions)) > 0, solved.state.flow[g][0, :, 0], 0.0)


def same(one: Solved, other: Solved, base: Solved, tolerance: float = 1e-8) -> None:
    """The same prices, tonnes and money of each owner in each region; what treasuries and rent holders get is added up."""
    assert gap(outcome(one), outcome(other)) < tolerance
    lines, moved, scale = changes(one, base), changes(other, base), max(turnover(one), turnover(base))
    for owners in (("consumers",), ("producers",), ("stockholders",), ("buyers",), BORDER):
        assert np.max(np.abs(by_owner(lines, *owners) - by_owner(moved, *owners))) < tolerance * scale, owners


# ---- quotas with a duty beyond them


@given(number=NUMBERS, height=st.floats(1.02, 1.6))
@examples(12)
def test_levy_beyond_a_quota_of_nothing_is_a_price_floor(number, height):
    """Bit for bit, by whichever origins the quotas are named."""
    market, g, _ = importing(221, number)
    good, home = market.goods[g], market.regions[:1]
    level = height * float(market.dataset["price0"].values[g].max())
    one = run(market, [fm.PriceFloor(good=good, members=home, price=level)])
    for quota in ({"others": 0.0}, dict.fromkeys(market.regions[1:], 0.0)):
        other = run(market, [fm.VariableLevyQuota(good=good, importers=home, threshold=level, quota=quota)])
        np.testing.assert_array_equal(one.solution.z, other.solution.z)
        base = run(market)
        assert money_gap(changes(one, base), changes(other, base), 1.0) == 0


@pytest.mark.parametrize("licences", ["importer", "exporter"])
@given(number=NUMBERS, share=st.floats(0.2, 1.1))
@examples(12)
def test_levy_beyond_a_quota_equals_the_duties_it_came_to(licences, number, share):
    """[22] What the licence holders had is customs revenue; with the exporters' licences it moves to the importer."""
    market, g, imports = importing(222, number)
    good, home = market.goods[g], market.regions[:1]
    quota = {market.regions[o]: float(share * imports[o]) for o in np.flatnonzero(imports)}
    level = 1.5 * float(market.dataset["price0"].values[g].max())
    one, base = run(market, [fm.VariableLevyQuota(good=good, importers=home, threshold=level, quota=quota, licences=licences)]), run(market)
    other = run(market, list(duties(market, g, floor_duty(one, g))))
    if licences == "importer":
        same(one, other, base)
        return
    lines, moved, scale = changes(one, base), changes(other, base), max(turnover(one), turnover(base))
    assert gap(outcome(one), outcome(other)) < 1e-8
    rent = floor_duty(one, g)[:, 0] * np.minimum(imports_of(one, g), [quota.get(r, 0.0) for r in market.regions])
    rent[0] -= rent.sum()
    np.testing.assert_allclose((by_owner(lines) - by_owner(moved))[0] / scale, rent / scale, atol=1e-8)


@given(number=NUMBERS, share=st.floats(0.1, 1.3))
@examples(16)
def test_tariff_rate_quota_is_one_of_its_two_tariffs_or_a_quota(number, share):
    """Quota above what comes in at the low duty: that duty. Below what comes in at the high one: the high one. Between: imports at the
    quota, and the duty that makes them so."""
    market, g, imports = importing(223, number)
    good, home, quota = market.goods[g], market.regions[:1], float(share * imports.sum())
    low, high = (k * float(market.dataset["price0"].values[g].max()) for k in (0.05, 0.35))

    def tariff(levy: float) -> fm.ImportTariff:
        return fm.ImportTariff(good=good, importers=home, levy=levy)

    one = run(market, [fm.TariffRateQuota(good=good, importers=home, quota={"others": quota}, levy_in=low, levy_out=high)])
    base, within, beyond = run(market), run(market, [tariff(low)]), run(market, [tariff(high)])
    most, least = imports_of(within, g).sum(), imports_of(beyond, g).sum()
    assume(abs(quota / most - 1) > 1e-6 and abs(quota / least - 1) > 1e-6)
    if quota > most:
        same(one, within, base)
        assert np.all(changes(one, base)["licence_rent"] == 0)
    elif quota < least:
        same(one, beyond, base)
        np.testing.assert_allclose(changes(one, base)["licence_rent"].sum(), (high - low) * quota, rtol=1e-9)
    else:
        np.testing.assert_allclose(imports_of(one, g).sum(), quota, rtol=1e-8)
        levy = low + float(one.state.scaled[0, 0]) * (high - low)
        same(one, run(market, [tariff(levy)]), base)


@given(number=NUMBERS, share=st.floats(0.2, 0.9))
@examples(10)
def test_tariff_rate_quota_out_of_reach_is_an_import_quota(number, share):
    """[24, 25] One origin, no charges in force: the tonnes of an export quota whose licences the importer holds."""
    free = dict.fromkeys(("export_rate0", "export_levy0", "import_rate0", "import_levy0"), 0.0)
    market, g, imports = importing(224, number, **free)
    good, home, o = market.goods[g], market.regions[0], int(np.argmax(imports))
    price, quota = float(market.dataset["price0"].values[g].max()), float(share * imports[o])
    one = run(market, [fm.TariffRateQuota(good=good, importers=[home], quota={market.regions[o]: quota}, levy_out=4 * price)])
    assume(not one.system.layout.choke and 0 < one.state.scaled[0, 0] < 1)
    other = run(market, [fm.ExportQuota(good=good, exporter=market.regions[o], quota=quota, destinations=[home], rent_owner="destination")])
    same(one, other, run(market), 1e-7)


# ---- contracts and conduct


@given(number=NUMBERS, strike=st.floats(0.7, 1.8), volume=st.sampled_from([None, 0.3, 0.95, 2.0]), cap=st.sampled_from([None, 0.01]))
@examples(16)
def test_a_buyers_collar_is_a_contract_that_the_buyers_pay(number, strike, volume, cap):
    """[28] Bit for bit the same market; the buyers' line is what the treasury's two would be."""
    market = market_of(case_of(281, number, regions=2 + number % 4, policies=1))
    base = run(market)
    b, g = base.state.benchmark, number % len(market.goods)
    r, price = int(b.output0[0, g].argmax()), float(b.price0[0, g, 0])
    shared = {"good": market.goods[g], "regions": [market.regions[r]], "upside_share": 0.4, "upside_threshold": (strike + 0.1) * price,
              "clawback_cap": None if cap is None else cap * price * float(b.output0[0, g, r])}
    tonnes = None if volume is None else volume * float(b.output0[0, g, r])
    payer = market.regions[-1]
    one = run(market, [fm.BuyerCollar(**shared, buyer=payer, floor=strike * price, volume=tonnes)])
    other = run(market, [fm.PriceGapSubsidy(**shared, payer=payer, strike=strike * price, volume_cap=tonnes)])
    np.testing.assert_array_equal(one.solution.z, other.solution.z)
    lines, moved = ledger(one).lines, ledger(other).lines
    np.testing.assert_array_equal(lines["collar"], moved["guarantee_outlay"] + moved["clawback"])
    for name in set(lines) - {"collar", "guarantee_outlay", "clawback"}:
        np.testing.assert_array_equal(lines[name], moved[name], err_msg=name)


@given(number=NUMBERS)
@examples(6)
def test_market_power_of_no_conduct_is_no_policy(number):
    """Bit for bit, alone and beside a random mix."""
    case = case_of(282, number)
    market, mix = market_of(case), policies_of(case)
    for policies in ([], mix):
        one = run(market, policies)
        sellers = [fm.MarketPower(good=good, region=region, conduct=0.0) for good in market.goods for region in market.regions]
        np.testing.assert_array_equal(one.solution.z, run(market, [*policies, *sellers]).solution.z)


# ---- [27] a tariff in two parts


@pytest.mark.parametrize("kind", ["homogeneous", "logit", "logit with exports", "ces"])
@given(number=NUMBERS, share=st.floats(0.02, 0.3))
@examples(8)
def test_tariff_is_subsidy_and_tax_on_use_where_goods_are_alike(kind, number, share):
    """[27] Of a homogeneous good that home imports under either. Also under the logit, which looks at differences of landed prices,
    if home exports nothing; not under Armington, whose tariff falls on a variety, nor where exports are subsidised as well."""
    rng = np.random.default_rng([27, number])
    flow = rng.uniform(20, 100, (3, 3))
    flow[0, 0] += 50.0
    if kind != "logit with exports":
        flow[0, 1:] = 0.0
    figures = {"price0": 100.0, "flow0": flow[None], "output0": flow.sum(1)[None], "final_demand0": flow.sum(0)[None],
               "supply_elasticity": rng.uniform(0.3, 2, (1, 3)), "demand_elasticity": rng.uniform(0.3, 2, (1, 3)),
               "sourcing_elasticity": 4.0}
    market = fm.market_from_arrays("three", ["g"], ["home", "b", "c"], figures, sourcing=kind.split()[0])
    levy = 100.0 * share
    one = run(market, [fm.ImportTariff(good="g", importers=["home"], levy=levy)])
    assume(one.state.flow[0][0, 1:, 0].sum() > 1 and (kind != "homogeneous" or one.state.flow[0][0, 0, 1:].sum() < 1e-9))
    base = run(market)
    other = run(market, [fm.ProductionSubsidy(good="g", regions=["home"], rate=levy), fm.UseTax(good="g", regions=["home"], rate=levy)])
    apart = max(np.max(np.abs(getattr(one.state, k) - getattr(other.state, k))) for k in ("output", "final_demand")) / flow.sum()
    lines, moved, scale = changes(one, base), changes(other, base), turnover(base)
    money = max(np.max(np.abs(by_owner(lines, who) - by_owner(moved, who))) for who in ("consumers", "producers", "treasury")) / scale
    if kind in ("homogeneous", "logit"):
        assert max(apart, money) < 1e-9
    else:
        assert apart > 1e-5


# ---- [29] a contract beside a floor; [30, 31] ends of taxes and quotas


def wheat(rng: np.random.Generator, size: float) -> tuple[fm.Market, float, float]:
    """Straight lines of a home country and of one abroad `size` times its scale, cheaper when closed; free trade and home autarky."""
    (a1, a2), (b1, b2), (d1, d2) = (rng.uniform(low, high, 2) for low, high in ((5, 50), (30, 80), (10, 60)))
    here, there = rng.uniform(1.5, 2.5), rng.uniform(0.8, 1.2)
    a2, b2, d2 = a2 * size, b2 * size, d2 * size
    c1, c2 = a1 + (b1 + d1) * here, a2 + (b2 + d2) * there
    market = fm.linear_market({"home": (a1, b1), "abroad": (a2, b2)}, {"home": (c1, -d1), "abroad": (c2, -d2)})
    return market, (c1 + c2 - a1 - a2) / (b1 + b2 + d1 + d2), here


@given(number=NUMBERS, height=st.floats(0.05, 0.95), size=st.sampled_from([1.0, 1e5]))
@examples(15)
def test_contract_beside_a_floor_of_the_same_producer_price(number, height, size):
    """[29] The same output; with the contract users pay less and more is imported. A small country is better off with it, for the floor
    takes from its users as well; a large one need not be: its floor lowers what it pays abroad."""
    market, free, autarky = wheat(np.random.default_rng([29, number]), size)
    level = free + height * (autarky - free)
    base, floor = run(market), run(market, [fm.PriceFloor(good="good", members=["home"], price=level)])
    contract = run(market, [fm.PriceGapSubsidy(good="good", regions=["home"], strike=level)])
    np.testing.assert_allclose(contract.state.output[0, 0, 0], floor.state.output[0, 0, 0], rtol=1e-9)
    assert contract.state.buyer_price[0, 0, 0] < floor.state.buyer_price[0, 0, 0]
    assert contract.state.flow[0][0, 1, 0] > floor.state.flow[0][0, 1, 0]
    if size > 1:
        gains = [by_owner(changes(solved, base))[0, 0] for solved in (contract, floor)]
        assert gains[0] > gains[1]


@given(number=NUMBERS)
@examples(6)
def test_beyond_a_prohibitive_rate_nothing_changes(number):
    """[31] Homogeneous good: tariff, floor and tax stop where trade does."""
    market, _, autarky = wheat(np.random.default_rng([31, number]), 1.0)
    away = float(market.dataset["price0"].values[0, 1])  # its price when closed
    closed = outcome(run(market, [fm.ExportQuota(good="good", exporter="abroad", quota=0.0)]))
    for factor in (1.01, 2.0, 50.0):
        wedge = factor * (autarky - away)
        for policy in (fm.ImportTariff(good="good", importers=["home"], levy=wedge),
                       fm.ExportTax(good="good", exporters=["abroad"], levy=wedge),
                       fm.PriceFloor(good="good", members=["home"], price=factor * autarky)):
            assert gap(outcome(run(market, [policy])), closed) < 1e-10
    almost = run(market, [fm.ImportTariff(good="good", importers=["home"], levy=0.99 * (autarky - away))])
    assert almost.state.flow[0][0, 1, 0] > 1e-3
    logit = market_of(case_of(311, number, regions=3, goods=1, policies=1))
    tonnes = [run(logit, [fm.ImportTariff(good="g0", importers=logit.regions[:1], levy=k * float(logit.dataset["price0"][0, 0]))])
              .state.flow[0][0, 1:, 0].sum() for k in (0.5, 1.0)]
    assert tonnes[1] < tonnes[0] or tonnes[0] == 0  # dispersed trade fades and never ends


@given(number=NUMBERS)
@examples(8)
def test_a_quota_of_next_to_nothing_is_almost_a_ban(number):
    """[30] The gap to the ban goes with the quota, where it shuts nothing; under `ces` more slowly, with its power 1 - 1 / sigma."""
    market, g, imports = importing(301, number, ces=False)
    base, o = run(market), int(np.argmax(imports))
    name = {"good": market.goods[g], "exporter": market.regions[o], "destinations": market.regions[:1]}
    ban = find_quietly(market, [fm.ExportQuota(**name, quota=0.0)])
    kept = [np.array_equal(getattr(ban.system.layout, k), getattr(base.system.layout, k)) for k in ("priced", "supplied")]
    assume(all(kept) and ban.solution.converged.all() and not ban.system.layout.choke)
    near = run(market, [fm.ExportQuota(**name, quota=1e-7 * float(imports[o]))])
    left, right = ({k: v for k, v in outcome(solved).items() if "price" not in k} for solved in (near, ban))
    assert gap(left, right) < 1e-6


# ---- [32] stacks


def stack(rng: np.random.Generator, market: fm.Market) -> list[fm.Instrument]:
    """Four instruments of different kinds on one good, with conditions of their own among them."""
    base = run(market)
    b, g = base.state.benchmark, int(rng.integers(len(market.goods)))
    good, size, price = market.goods[g], len(market.regions), float(base.state.benchmark.price0[0, int(g)].max())
    abroad = base.state.flow[g][0] * ~np.eye(size, dtype=bool)
    o, d, r = int(abroad.sum(1).argmax()), int(abroad.sum(0).argmax()), int(b.output0[0, g].argmax())
    home, exporter, maker = market.regions[d], market.regions[o], market.regions[r]
    quotas = [{"others": max(float(x * abroad[:, d].sum()), 1e-3)} for x in rng.uniform(0.3, 1.1, 2)]  # of two equal ones each may bind
    kinds = [
        fm.VariableLevyQuota(good=good, importers=[home], threshold=price * rng.uniform(1.1, 1.8), quota=quotas[0]),
        fm.TariffRateQuota(good=good, importers=[home], quota=quotas[1], rate_in=0.05, rate_out=0.1, licences="exporter",
                           levy_out=price * rng.uniform(0.1, 0.5)),
        fm.PriceFloor(good=good, members=[home], price=price * rng.uniform(1.0, 1.6)),
        fm.BuyerCollar(good=good, regions=[maker], buyer=home, floor=price * rng.uniform(0.9, 1.5), pass_through=0.3),
        fm.DomesticProcessing(good=good, exporter=exporter, share=rng.uniform(0.2, 0.9)),
        fm.ProductionSubsidy(good=good, regions=[maker], rate=price * rng.uniform(0, 0.2)),
        fm.UseTax(good=good, regions=[home], rate=price * rng.uniform(0, 0.2)),
        fm.ExportTax(good=good, exporters=[exporter], rate=rng.uniform(0, 0.3)),
        fm.ImportTariff(good=good, importers=[home], rate=rng.uniform(0, 0.3))]
    return [kinds[i] for i in rng.permutation(len(kinds))[:4]]


@given(number=NUMBERS)
@examples(12)
def test_instruments_form_a_set(number):
    """[32] The same prices, tonnes and money in any order."""
    market, _, _ = importing(321, number)
    policies = stack(np.random.default_rng([321, number]), market)
    one, base = run(market, policies), run(market)
    for order in list(permutations(policies))[7::8]:
        other = run(market, order)
        assert gap(outcome(one), outcome(other)) < 1e-12
        assert money_gap(changes(one, base), changes(other, base), turnover(base)) < 1e-12
