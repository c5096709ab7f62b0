"""Welfare calculus on the accounts: marginal changes are wedges times tonnes, areas are areas, and sums do not depend on the path.

Numbers in brackets are those of the catalogue of invariants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import floormodel as fm
from floormodel.accounts import ledger
from floormodel.equilibrium.solve import Solved, find_quietly
from tests.adapt import market_of, policies_of
from tests.outcomes import NUMBERS, Array, case_of, changes, examples, gap, money_gap, outcome, run, turnover
from tests.rebased import rebased, without_ends

LEVEL = {"price_floor": "price", "import_tariff": "rate", "export_tax": "rate", "price_gap_subsidy": "strike", "export_quota": "quota"}


def marginal(policies: list[Any]) -> list[Any]:
    """Instruments whose payments all act at the margin and which buy nothing."""
    return [p for p in policies if p.kind in LEVEL and not (p.kind == "price_floor" and p.holds == "purchase") and not (
        p.kind == "price_gap_subsidy" and (p.volume_cap or p.money_cap or p.clawback_cap))]


def world_welfare(solved: Solved) -> float:
    return float(sum(line.sum() for line in ledger(solved).lines.values()))


def wedge_times(solved: Solved, up: Solved, down: Solved) -> Array:
    """What buyers pay less what it costs, of each route and node of a solution, times the change of its tonnes, USD/yr."""
    s, b = solved.state, solved.state.benchmark
    parts = []
    for g in range(s.price.shape[1]):
        wedge = s.landed[g].landed - s.price[:, g, :, None] - b.freight[:, g]
        parts.append((wedge * (up.state.flow[g] - down.state.flow[g])).ravel())
    kept_back = s.price - b.kept * (s.price + s.guarantee) - b.subsidy0
    parts.append((kept_back * (up.state.output - down.state.output)).ravel())
    return np.concatenate(parts)


def pieces(solved: Solved) -> list[Array]:
    """On which side of each kink a solution lies."""
    s, b = solved.state, solved.state.benchmark
    low, high = solved.system.bounds()
    sides = [np.abs(solved.solution.z - low) < 1e-12, np.abs(solved.solution.z - high) < 1e-12, s.output >= b.capacity]
    sides += [at.by_floor for at in s.landed] + [at.levied + at.kept > 0 for at in s.landed]
    sides += [np.sign(value) for value, _ in s.strip] + [paid > 0 for good in s.content for paid in good]
    return sides


def moved(policy: Any, factor: float) -> Any:
    names = [LEVEL[policy.kind], "levy", "upside_threshold"]
    return policy.model_copy(update={k: getattr(policy, k) * factor for k in names if getattr(policy, k, None) is not None})


@given(number=NUMBERS)
@examples(60)
def test_a_marginal_change_is_worth_the_wedges_it_moves_tonnes_across(number):
    """[35] Harberger: dW = sum of wedges times dq, at a distorted point, for a small change of one instrument's level."""
    case = case_of(35, number, policies=3) | ({"sourcing": "ces"} if number % 4 == 0 else {})
    market, policies = market_of(case), marginal(policies_of(case))
    assume(policies)
    middle, up, down = (run(market, [moved(policies[0], f), *policies[1:]]) for f in (1.0, 1 + 1e-4, 1 - 1e-4))
    sides = [pieces(solved) for solved in (middle, up, down)]
    assume(all(len(side) == len(sides[0]) for side in sides))
    assume(all(np.array_equal(one, other) for side in sides[1:] for one, other in zip(sides[0], side)))
    predicted = wedge_times(middle, up, down)
    change = world_welfare(up) - world_welfare(down)
    assert abs(change - predicted.sum()) < 1e-5 * np.abs(predicted).sum() + 1e-12 * turnover(middle)


# ---- [36] an undistorted benchmark


def undistorted(own: int, number: int, **kwargs: Any) -> fm.Market:
    case = case_of(own, number, policies=1, **kwargs)
    for name in ("export_rate0", "export_levy0", "import_rate0", "import_levy0", "royalty0", "subsidy0"):
        case["arrays"][name][:] = 0.0
    case["arrays"]["capacity"] = np.full_like(case["arrays"]["price0"], np.inf)
    return market_of(case | ({"sourcing": "ces"} if number % 4 == 0 else {}))


def small(kind: str, base: Solved, size: float) -> fm.Instrument | None:
    """An instrument on good 0 whose wedge is `size` times a price; for a quota, a cut of exports by that share."""
    b, market = base.state.benchmark, base.market
    good, abroad = market.goods[0], ~np.eye(len(market.regions), dtype=bool)
    traded = b.trade[0] & abroad
    if not traded.any():
        return None
    o, d = (int(i) for i in np.argwhere(traded)[0])
    origin, buyer = market.regions[o], market.regions[d]
    if kind == "import_tariff":
        return fm.ImportTariff(good=good, importers=[buyer], rate=size)
    if kind == "export_tax":
        return fm.ExportTax(good=good, exporters=[origin], rate=size)
    if kind == "export_quota":
        return fm.ExportQuota(good=good, exporter=origin, quota=float(b.flow0[0, 0, o][abroad[o]].sum()) * (1 - size))
    if kind == "price_gap_subsidy":
        return fm.PriceGapSubsidy(good=good, regions=[origin], strike=float(b.price0[0, 0, o]) * (1 + size))
    lowest = float(b.border_price0[0, 0][:, d][traded[:, d]].min())
    return fm.PriceFloor(good=good, members=[buyer], price=lowest * (1 + size))


@given(number=NUMBERS, kind=st.sampled_from(sorted(LEVEL)))
@examples(40)
def test_losses_are_of_second_order_without_distortion(number, kind):
    """[36] Half the loss vanishes with the square of the measure: nothing is lost at the margin, four times as much at twice the size."""
    market = undistorted(36, number, regions=2 + number % 4)
    base = run(market)
    policies = [small(kind, base, size) for size in (5e-4, 1e-3)]
    assume(policies[0] is not None)
    losses = [world_welfare(base) - world_welfare(run(market, [policy])) for policy in policies]
    scale = turnover(base)
    assert losses[0] > -1e-13 * scale
    assert losses[1] < 100 * 1e-6 * scale
    assume(losses[0] > 1e-10 * scale)  # rigid curves lose nothing
    assert abs(losses[1] / losses[0] - 4) < 0.04


# ---- [37, 38] areas


@given(number=NUMBERS)
@examples(20)
def test_surpluses_are_areas_along_a_path(number):
    """[37, 38] Along added supply in one region: dCS = -D dP of every buyer, dPS = X dm of every producer, at its capacity too."""
    case = case_of(37, number, regions=2 + number % 4)
    made = case["arrays"]["output0"]
    case["arrays"]["capacity"] = np.where(made > 0, 1.02 * made, np.inf)
    case["arrays"]["demand_shift"] = np.full_like(made, 1.3)
    path = np.zeros((121, *made.shape))
    path[:, 0, int(np.argmax(made[0]))] = np.linspace(0, 1, 121) ** 2 * 0.5 * made[0].sum()
    solved = find_quietly(market_of(case).replace(supply_add=path), marginal(policies_of(case)))
    assume(solved.solution.converged.all())
    s, lines, scale = solved.state, ledger(solved).lines, turnover(solved)
    assume(np.any(np.abs(s.output[0] - s.benchmark.capacity[0]) < 1e-9 * s.output[0]))

    def area(tonnes: Array, price: Array) -> Array:
        return ((tonnes[1:] + tonnes[:-1]) / 2 * np.diff(price, axis=0)).sum(0)

    recycled = lines["secondary_surplus"] - s.price * path
    for line, expected in ((lines["consumer_surplus"], -area(s.final_demand, s.buyer_price)),
                           (lines["producer_surplus"], area(s.output, s.margin)), (recycled, area(s.secondary, s.price))):
        assert np.max(np.abs(line[-1] - line[0] - expected)) < 1e-4 * scale


# ---- [39] the order in which measures are taken


def straight(own: int, number: int, **kwargs: Any) -> tuple[fm.Market, list[Any]]:
    """A market of straight curves and its instruments, without bans and what looks at benchmark tonnes or the level of an index."""
    case = case_of(own, number, **kwargs) | {"supply_curve": "linear", "demand_curve": "linear"}
    case["policies"] = [{k: v for k, v in p.items() if k != "coverage"} for p in case["policies"]
                        if p.get("quota") != 0 and p.get("holds") != "member_price" and p.get("reference") != "index"]
    return without_ends(market_of(case)), marginal(policies_of(case))


def money_only(solved: Solved) -> dict[str, Array]:
    """The outcome without the index of buyers, whose level, unlike its changes, depends on the benchmark."""
    return {name: values for name, values in outcome(solved).items() if name != "buyer_price"}


def inner(solved: Solved) -> Solved:
    """A solution on no kink: whoever made or used something still does, and nothing is thrown away."""
    s, b = solved.state, solved.state.benchmark
    assume(np.all((s.output > 0) == (b.output0 > 0)) and np.all((s.final_demand > 0) == (b.final_demand0 > 0)))
    assume(np.all((s.margin > 0) | (s.output == 0)) and np.all(s.price > 2 * b.scrap_factor[..., None] * b.price0))
    return solved


@given(number=NUMBERS)
@examples(25)
def test_a_solution_as_benchmark_is_an_equilibrium_with_the_same_future(number):
    """[39] Measures B after A, from A's solution as benchmark data, change each line as A and B together less A alone."""
    market, then = straight(39, number, regions=2 + number % 5)
    assume(then)
    first = [fm.ImportTariff(good=market.goods[0], importers=market.regions[:1], rate=0.25),
             fm.ExportTax(good=market.goods[-1], exporters=market.regions[-1:], rate=0.15)]
    one, both = inner(run(market, first)), inner(run(market, [*first, *then]))
    later = rebased(one)
    start, end = run(later), run(later, then)
    assert start.solution.iterations.max() <= 1
    assert gap(money_only(start), money_only(one)) < 1e-9
    assert gap(money_only(end), money_only(both)) < 1e-8
    assert money_gap(changes(end, start), changes(both, one), turnover(both)) < 1e-8


@given(number=NUMBERS)
@examples(25)
def test_measures_taken_back_give_the_old_benchmark(number):
    """[39] A benchmark that holds everything the measures came to, less exactly that, is the market one came from."""
    market, policies = straight(391, number)
    policies = [p for p in policies if p.kind != "price_gap_subsidy"]
    assume(policies)
    base, one = run(market), inner(run(market, policies))
    later = rebased(one)
    assert gap(money_only(run(later)), money_only(one)) < 1e-9
    back = []
    for g, good in enumerate(market.goods):
        for o, d in np.argwhere(one.state.flow[g][0] > 0):
            if o != d:
                ends = {"good": good, "exporters": [market.regions[o]], "destinations": [market.regions[d]]}
                names = ("export_rate0", "export_levy0", "import_rate0", "import_levy0")
                gone = {n: float((market.dataset[n] - later.dataset[n]).values[g, o, d]) for n in names}
                back.append(fm.ExportTax(**ends, rate=gone["export_rate0"], levy=gone["export_levy0"]))
                back.append(fm.ImportTariff(good=good, importers=[market.regions[d]], origins=[market.regions[o]],
                                            rate=gone["import_rate0"], levy=gone["import_levy0"]))
    assert gap(money_only(run(later, back)), money_only(base)) < 1e-8


@pytest.mark.parametrize("number", range(10))
def test_a_neighbouring_start_finds_the_same_solution(number):
    """[39, 50] Measures added one after the other, each from the solution before, or all at once."""
    case = case_of(392, number, policies=3)
    market, policies = market_of(case), policies_of(case)
    step = find_quietly(market, policies[:1])
    warm = find_quietly(market, policies, step.solution.z)
    cold = run(market, policies)
    again = find_quietly(market, policies, cold.solution.z)
    for solved in (warm, again):
        assert gap(outcome(solved), outcome(cold)) < 1e-8
    if not cold.system.layout.choke:  # the start of a rationed market has another length
        assert again.solution.iterations.max() == 0
