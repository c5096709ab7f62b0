"""Which constraints of a solved scenario bind, in words: instruments first, then nodes of the market."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from floormodel.booking import contract_payments
from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import Solved
from floormodel.equilibrium.terms import Floor
from floormodel.policies.price_floor import PriceFloor
from floormodel.report.labels import format_range
from floormodel.results import QUANTILES, Equilibrium

NEAR = 1e-9  # relative: nearer than this is the same
Value = tuple[Array, str]  # one number per draw and its unit


@dataclass(frozen=True)
class _Case:
    """What holds in the draws of `where` (B,): a text with a {} for each of the values."""

    where: Array
    text: str
    values: Sequence[Value] = ()


_Fact = tuple[int, str, list[_Case]]  # place of the policy (the market comes last), subject, what holds of it


def binding(run: Equilibrium) -> list[str]:
    """Sentences on what binds, what is slack and what is at its cap; with draws, in which share of the solved ones.

    One sentence for each unknown of an instrument, each floor, content duty and gap contract by region, for closed routes, and for
    each node that is shut, idle, at capacity, rationed, cut off or that throws tonnes away. Numbers are medians over the draws in
    which the statement holds, with the 5 and 95 % quantiles in brackets. Draws that were not solved are counted and left out.
    """
    solved, ok = run.solved, run.converged
    sentences = []
    if ok.any():
        facts = [*_unknowns(run), *_floors(solved), *_contents(solved), *_contracts(solved), *_closed(solved), *_nodes(solved)]
        facts.sort(key=lambda fact: fact[0])
        sentences = [text for _, subject, cases in facts if (text := _sentence(subject, cases, ok))]
    if not ok.all():
        sentences.append(f"{int((~ok).sum())} of {len(ok)} draws were not solved; nothing here speaks of them.")
    return sentences


def _sentence(subject: str, cases: Sequence[_Case], ok: Array) -> str:
    """One sentence, the most frequent case first; empty where no case holds in a solved draw."""
    parts = []
    for case in cases:
        here = case.where & ok
        if here.any():
            said = case.text.format(*(_amount(np.broadcast_to(values, ok.shape)[here], unit) for values, unit in case.values))
            parts.append((here.sum() / ok.sum(), said))
    parts.sort(key=lambda part: -part[0])
    said = "; ".join(text if share == 1 else f"in {100 * share:.3g} % of draws {text}" for share, text in parts)
    return f"{subject}: {said}." if parts else ""


def _amount(values: Array, unit: str) -> str:
    """Median and range with the unit; money a year in millions, shares in per cent."""
    shown, factor = {"USD/yr": ("USD m/yr", 1e-6), "share": ("%", 100.0), "1": ("", 1.0)}.get(unit, (unit, 1.0))
    low, middle, high = factor * np.quantile(values, QUANTILES)
    return f"{format_range(low, middle, high)} {shown}".rstrip()


def _named(solved: Solved, policy: int) -> str:
    return f"Policy {policy + 1} ({solved.policies[policy].kind})"


def _unknowns(run: Equilibrium) -> Iterator[_Fact]:
    """Every instrument's own unknown by its bound; one that scales a contract says whether the budget is used up, one of a levy up to a
    threshold what is levied and on whose tonnes."""
    solved, data = run.solved, run.dataset
    unknowns = solved.terms.unknowns
    bound, level = (data[name].values.reshape(len(run.converged), len(unknowns)) for name in ("unknown_bound", "unknown_value"))
    for j, u in enumerate(unknowns):
        at = {name: bound[:, j] == name for name in ("lower", "between", "upper")}
        value = [(level[:, j], u.unit)]
        if any(c.scaling == j for c in solved.terms.contracts):
            cases = [_Case(at["upper"], "budget not used up, guarantee paid in full"),
                     _Case(at["between"] | at["lower"], "budget used up, guarantee scaled to {}", value)]
        elif np.all(u.lower == u.upper):
            cases = [_Case(np.ones_like(at["lower"]), f"{u.name} is held at {{}}, the only value it may take", value)]
        else:
            levied = ""
            for i, floor in enumerate(solved.terms.floors):
                if floor.unknown == j:
                    levied = f", {{}} on average levied on imports from {_origins(solved, floor)}"
                    value = [*value, (_top_up(solved, i), "USD/t")]
            cases = [_Case(at["lower"], f"slack, {u.name} at its lower bound of {{}}{levied}", value),
                     _Case(at["between"], f"binding, {u.name} {{}}{levied}", value),
                     _Case(at["upper"], f"at its cap, {u.name} at its upper bound of {{}}{levied}", value)]
        yield u.policy, f"{_named(solved, u.policy)}, {solved.market.goods[u.good]}", cases


def _origins(solved: Solved, floor: Floor) -> str:
    """Where the imports come from that a floor covers."""
    return _listed([solved.market.regions[o] for o in np.flatnonzero((floor.mask & solved.terms.benchmark.trade[floor.good]).any(1))])


def _top_up(solved: Solved, number: int) -> Array:
    """What a floor adds to the tonnes that it covers, on average (B,), USD/t."""
    floor = solved.terms.floors[number]
    at, tonnes = solved.state.landed[floor.good], np.where(floor.mask, solved.state.flow[floor.good], 0.0)
    paid = np.broadcast_to(np.where(at.by_floor == number, at.levied + at.kept, 0.0), tonnes.shape)
    return _mean(paid.reshape(len(paid), -1), tonnes.reshape(len(paid), -1))


def _floors(solved: Solved) -> Iterator[_Fact]:
    """Every floor on shipments, by member: does it add to the price of what is imported. The sentence of an unknown speaks of its own."""
    s, market = solved.state, solved.market
    for i, floor in enumerate(solved.terms.floors):
        if floor.unknown is not None:
            continue
        g, at, q = floor.good, s.landed[floor.good], s.flow[floor.good]
        level = np.broadcast_to(np.asarray(floor.level, float), len(q))
        covered = floor.mask & solved.system.layout.open_route[g]
        used = covered & (q > NEAR * np.max(s.use[:, g], axis=-1)[:, None, None])
        top_up = np.broadcast_to(at.levied + at.kept, q.shape)
        own = used & (at.by_floor == i) & (top_up > NEAR * level[:, None, None])
        capped = own & (top_up >= floor.cap * (1 - NEAR))
        for d in np.flatnonzero(floor.mask.any(axis=0)):
            imports, held = used[:, :, d].any(1), own[:, :, d].any(1)
            tonnes = np.where(used[:, :, d], q[:, :, d], 0.0)
            made, home = s.output[:, g, d] > 0, s.price[:, g, d]
            full = capped[:, :, d].any(1)
            other = imports & ~held & np.any(used[:, :, d] & (top_up[:, :, d] > NEAR * level[:, None]), axis=1)
            paid, border = ((_mean(x[:, :, d], tonnes), "USD/t") for x in (top_up, np.broadcast_to(at.border, q.shape)))
            price, below = (home, "USD/t"), home < level * (1 - NEAR)
            kept = "kept by exporters" if floor.undertaking else "levied"
            cases = [
                _Case(held & full, f"at its cap, {{}} on average {kept} on imports, on some routes the most it allows; the floor is not "
                      "reached there", [paid]),
                _Case(held & ~full, f"binding, {{}} on average {kept} on imports", [paid]),
                _Case(other, "gives way to another floor on the same imports"),
                _Case(imports & ~held & ~other, "slack, imports reach the border at {} on average", [border]),
                _Case(~imports & made & below, "not reached, imports are zero and the home price is {}", [price]),
                _Case(~imports & made & ~below, "slack, imports are zero and the home price is {}", [price]),
                _Case(~imports & ~made, "applies to nothing, there are no imports that it covers and no output")]
            whose = "" if isinstance(solved.policies[floor.policy], PriceFloor) else f" from {_origins(solved, floor)}"
            subject = (f"{_named(solved, floor.policy)}, floor of {_amount(level, 'USD/t')} on {market.goods[g]}{whose} in "
                       f"{market.regions[d]}")
            yield floor.policy, subject, cases
            yield floor.policy, subject, [_Case(imports & made & below, "producers there get {}, less than the floor", [price])]


def _mean(values: Array, weight: Array) -> Array:
    """Mean over origins, or routes, (B,); zero where there is no weight."""
    total = weight.sum(1)
    return (values * weight).sum(1) / np.where(total > 0, total, 1.0)


def _contents(solved: Solved) -> Iterator[_Fact]:
    """Duties and rebates on contained inputs, by member."""
    s, market = solved.state, solved.market
    for i, c in enumerate(solved.terms.contents):
        paid = np.where(c.mask, s.content[c.good][i], 0.0)
        tonnes = np.where(c.mask, s.flow[c.good], 0.0)
        if c.rebate:  # members are origins of a rebate, destinations of a duty
            paid, tonnes = paid.swapaxes(1, 2), tonnes.swapaxes(1, 2)
        for r in np.flatnonzero(c.mask.any(axis=1 if c.rebate else 0)):
            mean, trade = _mean(paid[:, :, r], tonnes[:, :, r]), tonnes[:, :, r].sum(1) > 0
            cases = [_Case(mean > 0, "binding, {} on average", [(mean, "USD/t")]),
                     _Case((mean == 0) & trade, "slack, there is no price gap"),
                     _Case(~trade, "applies to nothing, there is no trade")]
            yield c.policy, (f"{_named(solved, c.policy)}, {'rebate for' if c.rebate else 'duty on'} {market.goods[c.made_with]} contained "
                             f"in {market.goods[c.good]}, {market.regions[r]}"), cases


def _contracts(solved: Solved) -> Iterator[_Fact]:
    """Gap contracts by holder: do they pay or are paid, and up to which cap."""
    s, b, market = solved.state, solved.state.benchmark, solved.market
    for c, (value, _) in zip(solved.terms.contracts, s.strip):
        paid, _ = contract_payments(c, value, s.output[:, c.good], b.output0[:, c.good] * b.supply_shift[:, c.good])
        for r in np.flatnonzero(c.regions):
            made = s.output[:, c.good, r]
            gap, small = np.broadcast_to(value[:, r], made.shape), NEAR * np.max(np.asarray(c.strike))
            limit = np.inf if c.volume_cap is None else c.volume_cap
            most = np.inf if c.money_cap is None else c.money_cap
            full, pays = made >= limit * (1 - NEAR), (made > 0) & (gap > small)
            capped = pays & (gap * np.minimum(made, limit) >= most * (1 - NEAR))
            least = np.inf if c.clawback_cap is None else c.clawback_cap
            back = (made > 0) & (gap < -small)
            full_back = back & (-paid[:, r] >= least * (1 - NEAR))
            per_tonne = (gap, "USD/t")
            cases = [
                _Case(capped, "pays {}, the most it allows", [(np.full_like(made, most), "USD/yr")]),
                _Case(pays & full & ~capped, "pays {} on the first {}", [per_tonne, (np.full_like(made, limit), "t/yr")]),
                _Case(pays & ~full & ~capped, "pays {} on all output", [per_tonne]),
                _Case(full_back, "producers pay back {}, the most it allows", [(np.full_like(made, least), "USD/yr")]),
                _Case(back & ~full_back, "producers pay back {}", [(-gap, "USD/t")]),
                _Case((made > 0) & (np.abs(gap) <= small), "pays nothing, the reference price leaves no gap"),
                _Case(made <= 0, "pays nothing, there is no output")]
            yield c.policy, f"{_named(solved, c.policy)}, {market.goods[c.good]} of {market.regions[r]}", cases


def _closed(solved: Solved) -> Iterator[_Fact]:
    """Routes in use in the benchmark that instruments close, by good."""
    regions, always = solved.market.regions, np.ones(len(solved.state.price), bool)
    for g, good in enumerate(solved.market.goods):
        shut = [f"{regions[o]} to {regions[d]}" for o, d in np.argwhere(solved.terms.closed[g] & solved.terms.benchmark.trade[g])]
        if shut:
            yield len(solved.policies), f"Routes closed to {good}", [_Case(always, _listed(shut))]


def _listed(names: Sequence[str]) -> str:
    """The first five, and how many more."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _nodes(solved: Solved) -> Iterator[_Fact]:
    """Nodes at a limit: shut with the reason, idle, at capacity, at scrap value, rationed or cut off."""
    s, b, lay, market = solved.state, solved.state.benchmark, solved.system.layout, solved.market
    always = np.ones(len(s.price), bool)
    needs = np.any(b.recipe > 0, axis=0)
    limit = np.broadcast_to(s.constants.capacity, s.price.shape)
    scrap = s.price <= b.scrap_factor[..., None] * b.price0 * (1 + NEAR)
    for g, good in enumerate(market.goods):
        for r, region in enumerate(market.regions):
            made, price, was = s.output[:, g, r], s.price[:, g, r], np.any(b.output0[:, g, r] > 0)
            wanted, got = s.wanted[:, g, r], s.final_demand[:, g, r]
            lacking = [market.goods[h] for h in np.flatnonzero(needs[g]) if not lay.supplied[h, r]]
            reason = f"no open route brings {' or '.join(lacking)}" if lacking else "no open route leads to a buyer"
            live = always & bool(lay.priced[g, r])
            short = (wanted > 0) & (got < wanted * (1 - NEAR))
            left = np.maximum(s.supplied - s.demanded, 0.0)[:, g, r]
            idle = live & was & (made <= NEAR * np.max(b.output0[:, g, r]))
            cut_off = np.any(b.final_demand0[:, g, r] > 0) and not lay.supplied[g, r]
            for cases in (
                    [_Case(~live & was, f"shut, {reason}")],
                    [_Case(idle, "idle at a margin of {}", [(s.margin[:, g, r], "USD/t")])],
                    [_Case(live & (made >= limit[:, g, r] * (1 - NEAR)), "at capacity, {}", [(made, "t/yr")])],
                    [_Case(live & scrap[:, g, r] & (left > 0), "throws away {} at a scrap value of {}",
                           [(left, "t/yr"), (price, "USD/t")])],
                    [_Case(short, "buyers are rationed at the choke price, they get {} of what they want",
                           [(got / np.where(wanted > 0, wanted, 1.0), "share")])],
                    [_Case(always & cut_off, "buyers are cut off, no route is open")]):
                yield len(solved.policies), f"{good} in {region}", cases
