"""Which way things move: the comparative statics that hold on every random market, and no others.

The choice follows table 2F of the catalogue, measured anew for the logit on 300 random markets with two steps of the level each.
Not asserted, for they fail: that the price of every member of a bloc rises with its floor (falls in one of ten cases, where that
member's own imports land above the floor and only the outsiders' gate price moves), that each member imports less (fails in 2-4 %)
or makes less downstream (14 %), that members' producer prices rise (23-37 % fall), that no price rises under a guarantee (10-20 %).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import floormodel as fm
from floormodel.accounts import ledger
from floormodel.equilibrium.solve import Solved
from tests.adapt import market_of
from tests.outcomes import NUMBERS, Array, case_of, examples, run, turnover

LEVELS = st.tuples(st.floats(0.95, 2.0), st.floats(0.95, 2.0)).map(sorted)
SLACK = 1e-9


def random_market(own: int, number: int, free: bool = False, **kwargs: Any) -> fm.Market:
    """A random market; `free` of all benchmark charges, royalties and subsidies."""
    case = case_of(own, number, regions=2 + number % 5, policies=1, **kwargs)
    for name in ("export_rate0", "export_levy0", "import_rate0", "import_levy0", "royalty0", "subsidy0") if free else ():
        case["arrays"][name][:] = 0.0
    return market_of(case)


def never_rises(steps: list[Any], scale: float) -> bool:
    """Whether no entry rises from step to step by more than rounding."""
    return all(np.all(later - before <= SLACK * scale) for before, later in pairwise(steps))


def never_falls(steps: list[Any], scale: float) -> bool:
    return never_rises([-step for step in steps], scale)


def welfare(solved: Solved) -> float:
    return float(sum(line.sum() for line in ledger(solved).lines.values()))


def floors(base: Solved, g: int, members: Array, levels: list[float]) -> list[fm.PriceFloor]:
    """Two floors, as multiples of the mean border price of what members buy outside."""
    b, market = base.state.benchmark, base.market
    live = b.trade[g] & ~members[:, None] & members[None, :]
    assume(live.any())
    border = float(b.border_price0[0, g][live].mean())
    names = [r for r, inside in zip(market.regions, members) if inside]
    return [fm.PriceFloor(good=market.goods[g], members=names, price=border * level) for level in levels]


def bloc(number: int, size: int, most: int) -> Array:
    """Mask of 1 to `most` members of `size` regions, never all of them."""
    rng = np.random.default_rng([20, number])
    members = np.zeros(size, bool)
    members[rng.permutation(size)[:1 + int(rng.integers(min(most, size - 1)))]] = True
    return members


@given(number=NUMBERS, levels=LEVELS)
@examples(40)
def test_a_higher_floor_lowers_what_the_bloc_imports_and_raises_its_mean_price(number, levels):
    market = random_market(201, number)
    base, g = run(market), number % len(market.goods)
    members = bloc(number, len(market.regions), 3)
    steps = [base, *(run(market, [floor]) for floor in floors(base, g, members, levels))]
    use = np.where(members, base.state.use[0, g], 0.0)
    imports = [s.state.flow[g][0][np.ix_(~members, members)].sum() for s in steps]
    prices = [float((s.state.buyer_price[0, g] * use).sum()) for s in steps]
    assert never_rises(imports, use.sum())
    assert never_falls(prices, prices[0])


@given(number=NUMBERS, levels=LEVELS)
@examples(40)
def test_a_higher_floor_of_one_region_makes_its_input_dear_and_its_processing_small(number, levels):
    market = random_market(202, number, goods=2 + number % 2)
    base, g = run(market), number % (len(market.goods) - 1)
    made_with = base.state.benchmark.recipe[0, :, g] > 0
    members = bloc(number, len(market.regions), 1)
    steps = [base, *(run(market, [floor]) for floor in floors(base, g, members, levels))]
    prices = [s.state.buyer_price[0, g, members] for s in steps]
    outputs = [s.state.output[0][made_with][:, members] for s in steps]
    assert never_falls(prices, float(prices[0][0]))
    assert never_rises(outputs, float(np.max(outputs[0], initial=0.0)))


@given(number=NUMBERS, levels=LEVELS)
@examples(25)
def test_a_higher_floor_of_one_region_costs_its_final_buyers_where_there_is_one_stage(number, levels):
    market = random_market(203, number, goods=1)
    base, members = run(market), bloc(number, len(market.regions), 1)
    steps = [base, *(run(market, [floor]) for floor in floors(base, 0, members, levels))]
    surplus = [ledger(s).lines["consumer_surplus"][0, 0, members].sum() for s in steps]
    assert never_rises(surplus, turnover(base))


@given(number=NUMBERS, levels=LEVELS, share=st.sampled_from([0.0, 1.0]))
@examples(40)
def test_a_higher_strike_raises_output_and_outlay(number, levels, share):
    """Of the guaranteed producer; outlay is net of what comes back above the strike."""
    market = random_market(204, number)
    b, g = run(market).state.benchmark, number % len(market.goods)
    holders = np.flatnonzero(b.output0[0, g])
    r = int(holders[number % len(holders)])
    contracts = [fm.PriceGapSubsidy(good=market.goods[g], regions=[market.regions[r]], upside_share=share,
                                    strike=float(b.price0[0, g, r]) * level) for level in levels]
    low, high = (run(market, [contract]) for contract in contracts)
    assert never_falls([s.state.output[0, g, r] for s in (low, high)], float(b.output0[0, g, r]))
    outlay = [-float((ledger(s).lines["guarantee_outlay"] + ledger(s).lines["clawback"]).sum()) for s in (low, high)]
    assert never_falls(outlay, turnover(low))


@given(number=NUMBERS, shares=st.tuples(st.floats(0.2, 1), st.floats(0.2, 1)).map(sorted))
@examples(30)
def test_a_tighter_quota_does_not_raise_the_exporters_gate_price_where_there_is_one_stage(number, shares):
    market = random_market(205, number, goods=1)
    flow = run(market).state.flow[0][0]
    exports = flow.sum(1) - np.diag(flow)
    assume(exports.any())
    o = int(np.argmax(exports))
    quotas = [fm.ExportQuota(good="g0", exporter=market.regions[o], quota=float(exports[o]) * share) for share in shares]
    tight, wide = (run(market, [quota]) for quota in quotas)
    assert never_rises([s.state.price[0, 0, o] for s in (wide, tight)], float(wide.state.price[0, 0, o]))


@pytest.mark.parametrize("kind", ["floor", "guarantee", "quota"])
@given(number=NUMBERS, levels=LEVELS)
@examples(25)
def test_no_single_measure_raises_world_welfare_without_a_distortion_to_mend(kind, number, levels):
    """[40] Nor does a stricter one, after a weaker one of its kind."""
    market = random_market(206, number, free=True)
    base, g = run(market), number % len(market.goods)
    b, good = base.state.benchmark, market.goods[g]
    abroad = b.flow0[0, g] * ~np.eye(len(market.regions), dtype=bool)
    r = int(np.argmax(b.output0[0, g]))
    if kind == "floor":
        policies: list[Any] = floors(base, g, bloc(number, len(market.regions), 3), levels)
    elif kind == "guarantee":
        policies = [fm.PriceGapSubsidy(good=good, regions=[market.regions[r]], strike=float(b.price0[0, g, r]) * k) for k in levels]
    else:
        assume(abroad[r].any())
        policies = [fm.ExportQuota(good=good, exporter=market.regions[r], quota=float(abroad[r].sum()) * (2.0 - k)) for k in levels]
    steps = [base, *(run(market, [policy]) for policy in policies)]
    assert never_rises([welfare(s) for s in steps], turnover(base))
