"""Every indicator of a solved scenario, with its unit, in one long table (definitions: model section 7, docs/results.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from floormodel.accounts import OWNER, Ledger
from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import Solved
from floormodel.indicators.concentration import hhi_bounds
from floormodel.indicators.revenue import cost_per_tonne, free_rider_tonnes, induced_tonnes

REST = "ROW"
Item = tuple[str, str, str, str, Array]  # indicator, good, region, unit, values (k,)


def indicator_frame(solved: Solved, base: Solved, now: Ledger, before: Ledger, bloc: Sequence[str], mcpf: float = 1.0) -> pd.DataFrame:
    """Long table: indicator, good, region, unit, draw, value, base, change.

    `base` is the same market without policy; `bloc` the buying bloc that bloc-wide lines refer to; `mcpf` multiplies treasury lines in
    the cost lines only. NaN where an indicator has no meaning (a price without output, a cost without induced tonnes).
    """
    here, there = list(_levels(solved, now, bloc)), list(_levels(base, before, bloc))
    rows = [(*item[:4], item[4], other[4]) for item, other in zip(here, there)]
    zero = np.zeros(len(solved.state.price))
    rows += [(*item[:4], item[4], zero) for item in _changes(solved, base, now, before, bloc, mcpf)]
    draws = len(zero)
    names = {name: np.repeat([row[i] for row in rows], draws) for i, name in enumerate(("indicator", "good", "region", "unit"))}
    value = np.concatenate([np.broadcast_to(row[4], draws) for row in rows])
    start = np.concatenate([np.broadcast_to(row[5], draws) for row in rows])
    bad = np.tile(~solved.solution.converged | ~np.broadcast_to(base.solution.converged, draws), len(rows))
    value = np.where(bad, np.nan, value)
    return pd.DataFrame({**names, "draw": np.tile(np.arange(draws), len(rows)), "value": value, "base": start, "change": value - start})


def dominant(solved: Solved) -> Array:
    """(G, R) mask of the largest benchmark location of each good."""
    made = solved.state.benchmark.output0.mean(0)
    return (made == made.max(-1, keepdims=True)) & (made > 0)


def _levels(solved: Solved, money: Ledger, bloc: Sequence[str]) -> Iterator[Item]:
    s, b, market = solved.state, solved.state.benchmark, solved.market
    regions, goods = market.regions, market.goods
    inside = np.array([r in bloc for r in regions])
    active = solved.system.layout.priced
    revenue, added = money.receipts, money.receipts - money.inputs
    supplied = s.output + s.secondary + np.where(active, b.supply_add, 0.0)
    rents = money.lines["quota_rent"] + money.lines["undertaking_rent"] + money.lines["licence_rent"]
    lead = dominant(solved)
    for g, good in enumerate(goods):
        q, home = s.flow[g], np.eye(len(regions), dtype=bool)
        imports, exports = np.where(home, 0, q).sum(1), np.where(home, 0, q).sum(2)
        use = s.use[:, g]
        for r, region in enumerate(regions):
            live, used = active[g, r], bool(np.any(use[:, r] > 0))
            for name, unit, values, shown in (
                    ("price", "USD/t", s.price[:, g, r], live), ("output", "t/yr", s.output[:, g, r], True),
                    ("recycled", "t/yr", s.secondary[:, g, r], True), ("producer_revenue", "USD/yr", revenue[:, g, r], True),
                    ("revenue_and_rents", "USD/yr", revenue[:, g, r] + rents[:, g, r], True),
                    ("value_added", "USD/yr", added[:, g, r], True),
                    ("margin", "USD/t", s.margin[:, g, r], live and bool(np.any(s.output[:, g, r] > 0))),
                    ("buyer_price", "USD/t", s.buyer_price[:, g, r], used), ("use", "t/yr", use[:, r], True),
                    ("final_demand", "t/yr", s.final_demand[:, g, r], True), ("imports", "t/yr", imports[:, r], True),
                    ("exports", "t/yr", exports[:, r], True),
                    ("net_import_reliance", "share", (use[:, r] - supplied[:, g, r]) / np.where(use[:, r] > 0, use[:, r], 1.0), used)):
                yield name, good, region, unit, values if shown else np.full(len(use), np.nan)
        yield "world_output", good, "world", "t/yr", s.output[:, g].sum(-1)
        yield from _supply_levels(good, supplied[:, g], lead[g], regions)
        yield from _bloc_levels(good, s.output[:, g], q, use, s.buyer_price[:, g], s.price[:, g], inside, lead[g])


def _supply_levels(good: str, supplied: Array, lead: Array, regions: Sequence[str]) -> Iterator[Item]:
    """Concentration of supply by location, recycled tonnes included."""
    share = supplied / np.maximum(supplied.sum(-1), 1e-300)[:, None]
    named = np.array([r != REST for r in regions])
    yield "world_supply", good, "world", "t/yr", supplied.sum(-1)
    yield "dominant_share", good, "world", "share", np.where(lead, share, 0.0).sum(-1)
    yield "top3_share", good, "world", "share", np.sort(share[:, named], axis=-1)[:, -3:].sum(-1)
    yield "non_dominant_supply", good, "world", "t/yr", np.where(lead, 0.0, supplied).sum(-1)
    low, high = location_hhi(share, regions)
    yield "hhi_low", good, "world", "0-1", low
    yield "hhi_high", good, "world", "0-1", high
    yield "effective_suppliers", good, "world", "number", 2 / (low + high)


def _bloc_levels(good: str, output: Array, q: Array, use: Array, buyer: Array, price: Array, inside: Array, lead: Array) -> Iterator[Item]:
    """What the bloc makes and buys, from whom, at which prices, and the prices outside."""
    yield "bloc_output", good, "bloc", "t/yr", np.where(inside, output, 0.0).sum(-1)
    into = np.where(inside[None, :], q, 0.0).sum(2)
    outside = np.where(inside, 0.0, into)
    for name, tonnes in (("hhi_bloc_imports", outside), ("hhi_bloc_supply", into)):
        total = tonnes.sum(-1)
        share_in = tonnes / np.where(total > 0, total, 1.0)[:, None]
        yield name, good, "bloc", "0-1", np.where(total > 0, (share_in**2).sum(-1), np.nan)
    total = into.sum(-1)
    yield ("dominant_share_of_bloc_supply", good, "bloc", "share",
           np.where(total > 0, np.where(lead, into, 0.0).sum(-1) / np.where(total > 0, total, 1.0), np.nan))
    for name, group in (("price_inside", inside), ("price_outside", ~inside)):
        weight = np.where(group, use, 0.0)
        total = weight.sum(-1)
        yield name, good, "bloc" if name == "price_inside" else "others", "USD/t", np.where(
            total > 0, (weight * buyer).sum(-1) / np.where(total > 0, total, 1.0), np.nan)
    made = np.where(inside, output, 0.0)
    total = made.sum(-1)
    mean = (made * price).sum(-1) / np.where(total > 0, total, 1.0)
    yield "bloc_producer_price", good, "bloc", "USD/t", np.where(total > 0, mean, np.nan)


def location_hhi(share: Array, regions: Sequence[str]) -> tuple[Array, Array]:
    """HHI by location; sharp bounds where the rest of the world lumps suppliers together, none larger than the second listed one."""
    made = share.sum(-1) > 0.5  # false where nothing is produced or the draw was not solved
    exact = np.where(made, (share**2).sum(-1), np.nan)
    if REST not in regions:
        return exact, exact
    at = list(regions).index(REST)
    safe = np.where(made[:, None], share, np.eye(share.shape[-1])[0])
    rest = safe[:, at]
    known = np.delete(safe, at, axis=-1)
    second = np.sort(known, axis=-1)[:, -2]
    cap = np.where((rest > 0) & (second > 0), np.minimum(rest, second), 1.0)
    low, high = hhi_bounds(known, np.maximum(1 - known.sum(-1), 0.0), cap)
    return np.where(made, low, np.nan), np.where(made, high, np.nan)


def _changes(solved: Solved, base: Solved, now: Ledger, before: Ledger, bloc: Sequence[str], mcpf: float) -> Iterator[Item]:
    """Indicators that are changes by nature: induced tonnes, what they cost, leakage."""
    market = solved.market
    inside = np.array([r in bloc for r in market.regions])
    lead, treasury = dominant(solved), [a for a in OWNER if OWNER[a] == "treasury"]
    change = {a: np.where(inside, now.lines[a] - before.lines[a], 0.0) for a in OWNER}
    for owner in ("consumers", "producers", "treasury", "rent_holders", "stockholders", "buyers"):
        total = sum((now.lines[a] - before.lines[a] for a in OWNER if OWNER[a] == owner), np.zeros(1))
        if owner == "buyers" and not np.any(total):
            continue
        for region, group in (("bloc", inside), ("dominant", lead.any(0) & ~inside), ("others", ~inside & ~lead.any(0))):
            yield f"welfare_{owner}", "all", region, "USD/yr", np.where(group, total, 0.0).sum((1, 2))
    public = -sum(change[a].sum((1, 2)) for a in treasury)
    everything = -sum(change[a].sum((1, 2)) for a in OWNER) + (mcpf - 1) * public
    targets = {name for p in solved.policies for name in [getattr(p, "good", None)]}
    contents = np.linalg.inv(np.eye(len(market.goods)) - solved.state.benchmark.recipe.max(0))
    for g, good in enumerate(market.goods):
        x, x0 = solved.state.output[:, g], base.state.output[:, g]
        induced = induced_tonnes(x, x0, lead[g])
        yield "induced_tonnes", good, "world", "t/yr", induced
        yield "bloc_induced_tonnes", good, "bloc", "t/yr", np.where(inside, x - x0, 0.0).sum(-1)
        yield "free_rider_tonnes", good, "bloc", "t/yr", free_rider_tonnes(x, x0, inside)
        yield "leakage", good, "bloc", "share", _leakage(solved, base, g, inside)
        if good not in targets:
            continue
        downstream = (contents[:, g] > 0) & (np.arange(len(market.goods)) != g)
        buyers = -change["consumer_surplus"].sum((1, 2)) - change["producer_surplus"][:, downstream].sum((1, 2))
        buyers = buyers - sum(change[a].sum((1, 2)) for a in OWNER if OWNER[a] == "buyers")
        for name, cost in (("treasury", mcpf * public), ("buyers", buyers), ("members_total", everything)):
            yield f"cost_per_induced_tonne_{name}", good, "bloc", "USD/t", cost_per_tonne(cost, induced, x0.sum(-1))
            own = np.where(inside, x - x0, 0.0).sum(-1)
            yield f"cost_per_bloc_tonne_{name}", good, "bloc", "USD/t", cost_per_tonne(cost, own, x0.sum(-1))


def _leakage(solved: Solved, base: Solved, g: int, inside: Array) -> Array:
    """Rise of the bloc's net imports of a good over the fall of its own output; NaN unless output falls and net imports rise."""
    def net(s: Solved) -> Array:
        q = s.state.flow[g]
        return np.where(~inside[:, None] & inside, q, 0).sum((1, 2)) - np.where(inside[:, None] & ~inside, q, 0).sum((1, 2))

    fall = np.where(inside, base.state.output[:, g] - solved.state.output[:, g], 0.0).sum(-1)
    enough = fall > 1e-9 * np.maximum(base.state.output[:, g].sum(-1), 1e-300)
    rise = net(solved) - net(base)
    return np.where(enough & (rise > 0), rise / np.where(enough, fall, 1.0), np.nan)
