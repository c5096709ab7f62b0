"""What must not depend on how a market is written down: units, order, how regions and goods are cut, settings that change nothing.

Numbers in brackets are those of the catalogue of invariants the suite follows. Every case is a random calibration with a random
mix of instruments; one in three has scenario shifters and straight curves, one in four the `ces` form of sourcing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import floormodel as fm
from floormodel.accounts import ledger, regional_identity, world_identity
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.equilibrium.sourcing import ces
from tests.adapt import market_of, policies_of
from tests.outcomes import NUMBERS, Array, case_of, changes, examples, gap, money_gap, outcome, run, turnover
from tests.rearranged import joined, reordered, scaled, split, with_empty_region, without_regional_limits

FACTORS = st.floats(-4, 4).map(lambda x: 10.0**x)


def drawn(own: int, number: int, **kwargs: Any) -> dict[str, Any]:
    case = case_of(own, number, extras=number % 3 == 0, **kwargs)
    return case | ({"sourcing": "ces"} if number % 4 == 0 else {})


def both(case: dict[str, Any]) -> tuple[dict[str, Array], dict[str, Array], float]:
    """Outcome of a case, its change lines and its turnover, USD/yr."""
    market = market_of(case)
    solved, base = run(market, policies_of(case)), run(market)
    return outcome(solved), changes(solved, base), max(turnover(solved), turnover(base))


@given(number=NUMBERS, factor=FACTORS)
@examples(25)
def test_prices_scale_with_the_money_unit(number, factor):
    """[13] All prices, levies, floors, strikes, budgets times a factor: the same tonnes, all prices times the factor."""
    case = drawn(13, number)
    (one, lines, scale), (other, moved, _) = both(case), both(scaled(case, factor, 1.0))
    assert gap({k: v * factor if "price" in k else v for k, v in one.items()}, other) < 1e-8
    assert money_gap({k: v * factor for k, v in lines.items()}, moved, scale * factor) < 1e-8


@given(number=NUMBERS, factor=FACTORS)
@examples(25)
def test_tonnes_scale_with_the_quantity_unit(number, factor):
    """[14] All quantities, capacities, quotas, rooms and stocks times a factor: the same prices, all tonnes times the factor."""
    case = drawn(14, number)
    (one, lines, scale), (other, moved, _) = both(case), both(scaled(case, 1.0, factor))
    assert gap({k: v if "price" in k else v * factor for k, v in one.items()}, other) < 1e-8
    assert money_gap({k: v * factor for k, v in lines.items()}, moved, scale * factor) < 1e-8


@given(number=NUMBERS)
@examples(40)
def test_order_of_regions_and_instruments_does_not_matter(number):
    """[16, 32] The same result by name, last bits apart."""
    case = drawn(16, number, policies=2 + number % 2)
    order = np.random.default_rng([161, number]).permutation(len(case["regions"]))
    (one, lines, scale), (other, moved, _) = both(case), both(reordered(case, order))
    back = np.argsort(order)
    other = {k: v[..., back, :][..., back] if k == "flow" else v[..., back] for k, v in other.items()}
    assert gap(one, other) < 1e-9
    assert money_gap(lines, {k: v[..., back] for k, v in moved.items()}, scale) < 1e-9


@given(number=NUMBERS)
@examples(40)
def test_a_region_cut_in_two_equal_halves(number):
    """[17] Prices stay and the halves add up to the whole; concentration by location falls by half the square of the share."""
    case = drawn(17, number)
    size = len(case["regions"])
    r = number % size
    (one, lines, scale), (other, moved, _) = both(without_regional_limits(case, r)), both(split(case, r))
    for name in ("price", "buyer_price"):
        np.testing.assert_allclose(other[name][..., [r, size]], one[name][..., [r, r]], rtol=1e-9)
    fold = np.eye(size + 1)[:, :size]
    fold[size, r] = 1.0
    whole = {k: v[..., :size] if "price" in k else fold.T @ v @ fold if k == "flow" else v @ fold for k, v in other.items()}
    assert gap(one, whole) < 1e-9
    assert money_gap(lines, {k: v @ fold for k, v in moved.items()}, scale) < 1e-9
    share, cut = (x["output"] / np.maximum(x["output"].sum(-1, keepdims=True), 1e-300) for x in (one, other))
    np.testing.assert_allclose((share**2).sum(-1) - (cut**2).sum(-1), share[..., r] ** 2 / 2, atol=1e-9)


@given(number=NUMBERS)
@examples(25)
def test_a_region_without_any_trade_changes_nothing(number):
    """[19] Neither for the others nor in the accounts, in which it has no line."""
    case = drawn(19, number)
    (one, lines, scale), (other, moved, _) = both(case), both(with_empty_region(case))
    assert all(np.all(np.nan_to_num(v[..., -1]) == 0) for v in [*other.values(), *moved.values()])
    assert gap(one, {k: v[..., :-1, :-1] if k == "flow" else v[..., :-1] for k, v in other.items()}) < 1e-9
    assert money_gap(lines, {k: v[..., :-1] for k, v in moved.items()}, scale) < 1e-9


@given(number=NUMBERS)
@examples(25)
def test_unlinked_goods_solved_together_and_apart(number):
    """[21]"""
    left, right = (case_of(own, number, regions=1 + number % 5, goods=goods) for own, goods in ((21, 2), (211, 1)))
    (one, lines, scale), (two, more, other_scale), (together, moved, _) = both(left), both(right), both(joined(left, right))
    for cut, part in ((slice(0, 2), one), (slice(2, 3), two)):
        assert gap({k: v[:, cut] for k, v in together.items()}, part) < 1e-9
    assert money_gap({k: v[:, :2] for k, v in moved.items()}, lines, scale) < 1e-9
    assert money_gap({k: v[:, 2:] for k, v in moved.items()}, more, other_scale) < 1e-9


# ---- [10] settings that change nothing


def weak(solved: Solved) -> list[fm.Instrument]:
    """One instrument of every kind, set so that it cannot bite on any good of this market, whatever the prices on the way."""
    b, market = solved.state.benchmark, solved.market
    out: list[fm.Instrument] = []
    some, all_regions = market.regions[:1], market.regions
    for g, good in enumerate(market.goods):
        low = 1e-12 * float(b.price0[0, g].min())
        out += [fm.ImportTariff(good=good, importers=some), fm.ExportTax(good=good, exporters=some),
                fm.PriceFloor(good=good, members=some, price=low), fm.PriceGapSubsidy(good=good, regions=all_regions, strike=low),
                fm.PriceFloor(good=good, members=some, price=low, base="duty_paid", collected_as="undertaking"),
                fm.Stockpile(good=good, region=some[0]),
                fm.PriceFloor(good=good, members=some, price=low, coverage=[
                    h for i, h in enumerate(market.goods) if i > g and b.recipe[0, i, g] > 0])]
    return out


def slack(solved: Solved) -> list[fm.Instrument]:
    """Instruments with an unknown of their own, far from where they would act."""
    market, b = solved.market, solved.state.benchmark
    out: list[fm.Instrument] = []
    for g, good in enumerate(market.goods):
        low, tonnes = 0.1 * float((b.scrap_factor[0, g] * b.price0[0, g]).min()), float(b.output0[0, g].sum())
        out += [fm.ExportQuota(good=good, exporter=market.regions[-1], quota=1e6 * tonnes),
                fm.PriceFloor(good=good, members=market.regions[:1], price=low, holds="member_price"),
                fm.PriceFloor(good=good, members=market.regions[:1], price=low, holds="purchase", room=tonnes),
                fm.PriceGapSubsidy(good=good, regions=market.regions[-1:], strike=low, budget=1.0),
                fm.Stockpile(good=good, region=market.regions[0], release=tonnes, release_price=1e3 * float(b.price0[0, g].max()))]
    return out


@given(number=NUMBERS)
@examples(25)
def test_weak_settings_change_no_bit(number):
    """On top of a mix that bites, and against no policy at all."""
    case = drawn(10, number)
    market = market_of(case)
    mix = [p for p in policies_of(case) if not (isinstance(p, fm.PriceGapSubsidy) and p.volume_cap)]
    assume(not any(isinstance(p, fm.PriceFloor) and p.coverage for p in mix))  # a floor on a nearer stage takes its place
    for policies in ([], mix):
        one = run(market, policies)
        other = run(market, [*policies, *weak(one)])
        np.testing.assert_array_equal(one.solution.z, other.solution.z)
        left, right = outcome(one), outcome(other)
        for name in left:
            np.testing.assert_array_equal(left[name], right[name])
        base = run(market)
        lines, moved = changes(one, base), changes(other, base)
        for name in lines:
            np.testing.assert_array_equal(lines[name], moved[name])


@given(number=NUMBERS)
@examples(25)
def test_slack_conditions_change_nothing(number):
    """An unknown that stays at zero; the last bits may differ, for the linear systems are larger."""
    case = drawn(101, number)
    market = market_of(case)
    policies = [p for p in policies_of(case) if p.kind in ("price_floor", "import_tariff", "export_tax")]
    one = run(market, policies)
    other = run(market, [*policies, *slack(one)])
    assert gap(outcome(one), outcome(other)) < 1e-12
    own = [j for j, u in enumerate(other.terms.unknowns) if u.policy >= len(policies) and u.name != "scaling"]
    assert np.all(other.state.scaled[:, own] == 0)


@given(number=NUMBERS, depth=st.floats(0.0, 0.9))
@example(number=7, depth=0.0)
@examples(25)
def test_a_floor_at_or_below_every_border_price_is_no_floor(number, depth):
    """Bit for bit, with coverage too, as long as the floor is below every buyers' price of the good (content duty "to_floor")."""
    market = market_of(case_of(102, number, policies=1))
    base = run(market)
    b = base.state.benchmark
    for g, good in enumerate(market.goods):
        open_route = b.trade[g]
        lowest = float(min(b.border_price0[0, g][open_route].min(), b.price0[0, g].min(), b.buyer_price0[0, g][open_route.any(0)].min()))
        made_with = [h for i, h in enumerate(market.goods) if b.recipe[0, i, g] > 0]
        floor = fm.PriceFloor(good=good, members=market.regions[:2], price=lowest * (1 - depth), coverage=made_with)
        other = run(market, [floor])
        np.testing.assert_array_equal(base.solution.z, other.solution.z)
        assert money_gap(changes(other, base), changes(base, base), 1.0) == 0


# ---- [30] closed routes; `ces` sourcing


@pytest.mark.parametrize("sigma", [1.5, 4.0, 17.9, 100.0])
def test_ces_price_and_shares_when_a_route_closes(sigma):
    """As if its price had gone out of sight; buyers pay for what they get, near the benchmark and ten times above it."""
    weight, landed0 = np.array([[[0.5], [0.3], [0.2]]]), np.array([[[9.0], [10.0], [12.0]]])
    price0 = (weight * landed0).sum(1)
    for landed in (landed0 * 1.001, landed0 * np.array([[[10.0], [8.0], [3.0]]])):
        shut = ces(landed, weight * np.array([[[1.0], [0.0], [1.0]]]), landed0, price0, np.full((1, 1), sigma))
        dear = ces(np.where(weight == 0.3, 1e30, landed), weight, landed0, price0, np.full((1, 1), sigma))
        np.testing.assert_allclose(shut.price, dear.price, rtol=1e-12)
        np.testing.assert_allclose(shut.share, dear.share, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose((shut.share * landed).sum(1), shut.price, rtol=1e-12)
        assert shut.price >= ces(landed, weight, landed0, price0, np.full((1, 1), sigma)).price


@given(number=NUMBERS)
@examples(12)
def test_a_ban_is_a_prohibitive_tax(number):
    """[30] Where nothing is shut: what only sold abroad, or only bought there, lingers on under a tax."""
    market = market_of(case_of(30, number, regions=2 + number % 4, policies=1))
    base = run(market)
    tried = 0
    for g, good in enumerate(market.goods):
        for o, name in enumerate(market.regions):
            if base.state.flow[g][0, o].sum() <= base.state.flow[g][0, o, o]:
                continue
            ban = find_quietly(market, [fm.ExportQuota(good=good, exporter=name, quota=0.0)])
            if any(not np.array_equal(getattr(ban.system.layout, k), getattr(base.system.layout, k)) for k in ("priced", "supplied")):
                continue
            assert ban.solution.converged.all()
            tax = run(market, [fm.ExportTax(good=good, exporters=[name], levy=1e3 * float(base.state.benchmark.price0[0, g, o]))])
            assert gap(outcome(ban), outcome(tax)) < 1e-6
            tried += 1
    assume(tried)


@given(number=NUMBERS)
@example(number=164)
@examples(40)
def test_both_identities_with_ces_sourcing(number):
    """Also where a ban takes an origin away: buyers then lose variety and not tonnes from the books."""
    case = case_of(7, number, policies=2) | {"sourcing": "ces"}
    market = market_of(case)
    solved, base = run(market, policies_of(case)), run(market)
    now, before = ledger(solved), ledger(base)
    assert world_identity(now, before)[0] < 1e-8
    assert regional_identity(solved, now, before)[0] < 1e-8
