"""A path: static equilibria one period after another, each starting from what the last one left.

State in, state out: a period's market follows from last period's quantities (partial adjustment), the trend, shocks and
the plants that run; prices then move expectations, and expectations start new plants. A path of one period from the
benchmark is the static market of the short run. The market without policies runs beside it: investors fall back on its
prices for the years in which a policy may have ended or been repealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from floormodel.accounts import OWNER, ledger
from floormodel.dynamics.adjustment import HABITS, Habit, Speeds, fresh, next_habit, over_periods, period_market
from floormodel.dynamics.entry import Fleet, Plan, advance, at_nodes, no_fleet, own_mine, profitability, running_costs, starts
from floormodel.dynamics.schedule import Dated, pattern_at, surviving
from floormodel.dynamics.stock_rule import FLOWS, StockRule, after, idle, opening_stocks, period_stocks, traded
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.market import Market
from floormodel.policies.base import Instrument

Array = np.ndarray
NODES = ("price", "net_price", "buyer_price", "output", "recycled", "final_demand", "use", "imports", "producer_revenue",
         "capacity_entered")
ROUNDS, CLOSE = 60, 1e-3  # consistent expectations: most rounds, and distance from a fixed point in shares of the pipeline
OWN_SIZE = 0.5  # of a year's pipeline: the plant that looks ahead (an assumption)
LONGEST, LONGER, SHORTER = 0.5, 1.2, 0.5  # step towards what prices justify: at most, when the gap keeps its sign, when it turns


@dataclass(frozen=True, eq=False)
class Side:
    """State of one run: habit, plants, the net price and input cost expected at each plan, (B, P, 2), NaN at the start, and tonnes
    and money of each public stock, (B, N, 2)."""

    habit: Habit
    fleet: Fleet
    expected: Array
    held: Array

    def at(self, rows: Array) -> Side:
        return Side(self.habit.at(rows), self.fleet.at(rows), self.expected[rows], self.held[rows])


@dataclass(frozen=True, eq=False)
class PathState:
    """Where a path stands: the next period's year, the run under policies, and the run without."""

    year: float
    policy: Side
    none: Side


@dataclass(frozen=True, eq=False)
class Setting:
    """What does not change along a path. `trend_supply`, `trend_demand`, `shock` (T, G, R); `years` (T,) the beginnings of periods;
    `gone` (B, policies) the year from which a policy is repealed; `weight` of a year's price in adaptive expectations; `patterns`
    (N, policies) the sets of policies that are ever in force by their dates, the empty one first."""

    market: Market
    schedule: tuple[Dated, ...]
    plans: tuple[Plan, ...]
    years: Array
    periods_per_year: int
    speeds: Speeds
    trend_supply: Array
    trend_demand: Array
    shock: Array
    gone: Array
    weight: float
    consistent: bool
    patterns: Array
    stocks: tuple[StockRule, ...] = ()


def first_state(setting: Setting) -> PathState:
    """The benchmark before its first period: no habit, no new plants, no experience of prices."""
    market, plans = setting.market, setting.plans
    fleet = no_fleet(plans, market.draws, setting.periods_per_year)
    nothing = np.full((market.draws, len(plans), 2, len(setting.patterns)), np.nan)
    side = Side(fresh(market), fleet, nothing, opening_stocks(setting.stocks, market.draws))
    return PathState(float(setting.years[0]), side, side)


def run_path(setting: Setting, state: PathState, tick: Callable[[], None]) -> tuple[dict[str, dict[str, Array]], PathState, Array, Array]:
    """Both runs over all periods; `tick` is called once per solved period.

    Returns
    -------
    records : {"none" | "policy": {name: array (T, B, ...)}}
    state : after the last period
    rounds, settled : (B,) rounds that consistent expectations took and whether they settled (1 and true for adaptive ones)
    """
    bare = replace(setting, schedule=(), gone=setting.gone[:, :0], patterns=setting.patterns[:1, :0], stocks=idle(setting.stocks))
    none, side_none, rounds, settled = _run(bare, state.none, None, tick)
    policy, side_policy, more, also = _run(setting, state.policy, none, tick)
    end = float(setting.years[-1]) + 1 / setting.periods_per_year
    return {"none": none, "policy": policy}, PathState(end, side_policy, side_none), np.maximum(rounds, more), settled & also


def _run(setting: Setting, side: Side, without: dict[str, Array] | None, tick: Callable[[], None]
         ) -> tuple[dict[str, Array], Side, Array, Array]:
    """One run. With consistent expectations the plants started are iterated to what the path's own prices justify.

    More plants lower the price that justifies them: a step of its own for each entry, shortened whenever its gap turns
    sign (the rule of resilient propagation, Riedmiller and Braun 1993), does not circle where a common one would.
    """
    draws = setting.market.draws
    record, last = _sweep(setting, side, None, tick)
    rounds, settled = np.ones(draws, int), np.ones(draws, bool)
    if not (setting.consistent and setting.plans):
        return record, last, rounds, settled
    pipeline = np.maximum(np.array([p.per_year for p in setting.plans]) / setting.periods_per_year, 1e-300)
    begun = record["started"]
    step, before = np.full(begun.shape, LONGEST), np.zeros(begun.shape)
    for _ in range(ROUNDS):
        wanted, index = _justified(setting, side, record, without)
        gap = np.max(np.abs(wanted - begun) / pipeline, axis=(0, 2), initial=0.0)
        settled = gap <= CLOSE
        if settled.all():
            break
        rounds = rounds + ~settled
        away = np.where(settled[None, :, None], 0.0, wanted - begun)
        step = np.where(away * before < 0, SHORTER * step, np.minimum(LONGER * step, LONGEST))
        begun, before = begun + step * away, away
        record, last = _sweep(setting, side, begun, lambda: None)
    return record | {"profitability": index, "expected": record["met"]}, last, rounds, settled


def _sweep(setting: Setting, side: Side, begun: Array | None, tick: Callable[[], None]) -> tuple[dict[str, Array], Side]:
    """All periods once; plants started are `begun` (T, B, P) where given, else those of adaptive expectations."""
    periods: list[dict[str, Array]] = []
    for t, year in enumerate(setting.years):
        solved = solve_period(setting, side, t)
        seen = prospects(setting, side, t) if setting.plans and begun is None else side.expected
        expected = np.where(np.isfinite(side.expected), side.expected, seen)
        weight = 1 - (1 - setting.weight) ** (1 / setting.periods_per_year)
        expected = np.where(np.isfinite(seen), expected + weight * (seen - expected), expected)
        index = _index(setting, float(year), expected, side.fleet.started)
        started = starts(setting.plans, side.fleet, index, setting.periods_per_year) if begun is None else begun[t]
        periods.append(_record(setting, solved, side, t, expected, index, started))
        fleet = advance(setting.plans, side.fleet, started, setting.periods_per_year)
        side = Side(_habit(setting, solved, side, t), fleet, expected, after(side.held, periods[-1], 1 / setting.periods_per_year))
        tick()
    return {name: np.stack([p[name] for p in periods]) for name in periods[0]}, side


def solve_period(setting: Setting, side: Side, t: int, extra: Array | None = None) -> list[tuple[Array, Solved]]:
    """Solve period t of a run: draws (rows) with the same policies in force together. `extra` (B, P): more capacity, t/yr."""
    running = side.fleet.running if extra is None else side.fleet.running + extra
    entered = at_nodes(setting.plans, running, setting.market)
    market = period_market(setting.market, setting.speeds, side.habit, setting.trend_supply[t], setting.trend_demand[t], entered,
                           running_costs(setting.plans, running, setting.market), setting.shock[t])
    year = float(setting.years[t])
    force = np.array([p.in_force(year) for p in setting.schedule], bool)[None] & (year < setting.gone)
    parts = []
    for pattern in np.unique(force, axis=0):
        rows = np.flatnonzero((force == pattern).all(1))
        policies = [p.at(year) for p, on in zip(setting.schedule, pattern) if on]
        policies += period_stocks(setting.stocks, side.held[rows], year, 1 / setting.periods_per_year)
        parts.append((rows, _find(market, rows, policies)))
    return parts


def _find(market: Market, rows: Array, policies: Sequence[Instrument]) -> Solved:
    if len(rows) < market.draws:
        market = replace(market, dataset=market.dataset.isel(draw=rows))
    return find_quietly(market, policies)


def representative(setting: Setting, side: Side) -> Array:
    """Capacity (B, P), t/yr, of the plant that looks ahead: half of a year's pipeline, as far as there is room and it is delivered."""
    room = np.array([p.total for p in setting.plans]) - side.fleet.started
    size = np.array([OWN_SIZE * p.per_year for p in setting.plans])
    return np.clip(np.minimum(size, room), 0.0, None) * np.array([1 - p.non_delivery for p in setting.plans])


def prospects(setting: Setting, side: Side, t: int) -> Array:
    """Net price and input cost (B, P, 2, N), USD/t, that one more plant would meet under each set of policies, when it opens.

    The market that a plant decided on now opens into: the trend of then, as many periods of adjustment as it takes to build,
    what is under construction, and the representative plant of each plan beside it. A plant that nobody has built would else
    look at the price of its first tonne.
    """
    ahead = round(float(np.mean([p.project.build_years for p in setting.plans])) * setting.periods_per_year)
    then, year = min(t + ahead, len(setting.years) - 1), float(setting.years[t]) + ahead / setting.periods_per_year
    capacity = side.fleet.running + side.fleet.building.sum(2) + representative(setting, side)
    market = period_market(setting.market, over_periods(setting.speeds, ahead), side.habit, setting.trend_supply[then],
                           setting.trend_demand[then], at_nodes(setting.plans, capacity, setting.market),
                           running_costs(setting.plans, capacity, setting.market))
    out = np.full((setting.market.draws, len(setting.plans), 2, len(setting.patterns)), np.nan)
    still = set(pattern_at(setting.schedule, setting.patterns, setting.years[t] + np.arange(0.0, 60.0, 0.25)).tolist())
    for n, pattern in enumerate(setting.patterns):
        if n == 0 or n in still:
            out[..., n] = _prices_of(setting, _find(market, np.arange(setting.market.draws),
                                                    [p.at(year) for p, on in zip(setting.schedule, pattern) if on]))
    return out


def _prices_of(setting: Setting, solved: Solved) -> Array:
    """Net price and input cost (b, P, 2) at each plan's node; NaN in draws that were not solved. A plant's own inputs cost it nothing."""
    s, market = solved.state, setting.market
    net = s.margin + s.constants.recipe @ (s.buyer_price + s.constants.final_tax)
    cost = net - s.margin
    at = [(market.goods.index(p.good), market.regions.index(p.region), 0.0 if own_mine(p, market) else 1.0) for p in setting.plans]
    values = np.stack([np.stack([net[:, g, r], bought * cost[:, g, r]], axis=-1) for g, r, bought in at], axis=1)
    return np.where(solved.solution.converged[:, None, None], values, np.nan)


def _index(setting: Setting, year: float, expected: Array, begun: Array) -> Array:
    """Profitability index (B, P): each year of a plant's life at the prices expected (B, P, 2, N) under the policies that are dated
    to be in force then, and at those without any as far as one of them may be, or has been, repealed."""
    out = np.zeros(expected.shape[:2])
    lost = np.any(setting.gone <= year, axis=1)[:, None]
    for j, plan in enumerate(setting.plans):
        later = year + plan.project.build_years + np.arange(plan.project.life)
        under, chance = pattern_at(setting.schedule, setting.patterns, later), surviving(setting.schedule, year, later)
        meant, none = expected[:, j][:, :, under], expected[:, j, :, :1]
        price, cost = (np.where(lost, none[:, i], chance * meant[:, i] + (1 - chance) * none[:, i]) for i in (0, 1))
        out[:, j] = profitability(plan, price, cost, begun[:, j])
    return out


def _justified(setting: Setting, side: Side, record: dict[str, Array], without: dict[str, Array] | None) -> tuple[Array, Array]:
    """Plants that the recorded prices themselves justify, and their profitability index, both (T, B, P); the last period's
    prices stand for all later years."""
    step, ends = 1 / setting.periods_per_year, len(setting.years) - 1
    out, index, fleet = np.zeros_like(record["started"]), np.zeros_like(record["started"]), side.fleet
    for t, year in enumerate(setting.years):
        for j, plan in enumerate(setting.plans):
            later = float(year) + plan.project.build_years + np.arange(plan.project.life)
            at = np.minimum(np.round((later - setting.years[0]) / step).astype(int), ends)
            chance = surviving(setting.schedule, float(year), later)
            own = record["met"][at, :, j]
            fallback = own if without is None else without["met"][at, :, j]
            price, cost = ((chance[:, None] * own[..., i] + (1 - chance[:, None]) * fallback[..., i]).T for i in (0, 1))
            index[t, :, j] = profitability(plan, price, cost, fleet.started[:, j])
        out[t] = starts(setting.plans, fleet, index[t], setting.periods_per_year)
        fleet = advance(setting.plans, fleet, out[t], setting.periods_per_year)
    return out, index


def _record(setting: Setting, parts: list[tuple[Array, Solved]], side: Side, t: int, expected: Array, index: Array, started: Array
            ) -> dict[str, Array]:
    """What is kept of a period: nodes (B, G, R), money of treasuries (B, R), plans (B, P), and how it was solved (B,)."""
    market = setting.market
    b, g, r = market.draws, len(market.goods), len(market.regions)
    out = {name: np.full((b, g, r), np.nan) for name in NODES} | {"treasury": np.full((b, r), np.nan)}
    out |= {"converged": np.zeros(b, bool), "residual": np.full(b, np.nan), "met": np.full((b, len(setting.plans), 2), np.nan),
            **{name: np.zeros((b, len(setting.stocks))) for name in FLOWS}}
    for rows, solved in parts:
        s, ok = solved.state, solved.solution.converged
        money, priced = ledger(solved), solved.system.layout.priced
        flow = np.stack(s.flow, axis=1)
        values = {
            "price": np.where(priced, s.price, np.nan), "buyer_price": np.where(s.use > 0, s.buyer_price, np.nan),
            "net_price": np.where(priced, s.margin + s.constants.recipe @ (s.buyer_price + s.constants.final_tax), np.nan),
            "output": s.output, "recycled": s.secondary, "final_demand": s.final_demand, "use": s.use, "producer_revenue": money.receipts,
            "imports": flow.sum(2) - np.einsum("bgrr->bgr", flow),
            "treasury": sum(money.lines[a] for a in OWNER if OWNER[a] == "treasury").sum(1)}  # type: ignore[union-attr]
        for name, value in values.items():
            out[name][rows] = np.where(ok.reshape(-1, *[1] * (value.ndim - 1)), value, np.nan)
        out["converged"][rows], out["residual"][rows] = ok, solved.solution.residual
        for name, value in zip(FLOWS, traded(setting.stocks, solved)):
            out[name][rows] = value
    if setting.plans and setting.consistent:  # what one more plant meets now; else nothing on the path rests on it
        for rows, solved in solve_period(setting, side, t, representative(setting, side)):
            out["met"][rows] = _prices_of(setting, solved)
    at = int(pattern_at(setting.schedule, setting.patterns, setting.years[t:t + 1])[0])
    out["capacity_entered"] = at_nodes(setting.plans, side.fleet.running, market)
    out["held"] = after(side.held, out, 1 / setting.periods_per_year)[..., 0]
    return out | {"expected": expected[..., at], "profitability": index, "started": started, "running": side.fleet.running,
                  "building": side.fleet.building.sum(2)}


def _habit(setting: Setting, parts: list[tuple[Array, Solved]], side: Side, t: int) -> Habit:
    new = Habit(*(getattr(side.habit, name).copy() for name in HABITS))
    entered = at_nodes(setting.plans, side.fleet.running, setting.market)
    for rows, solved in parts:
        moved = next_habit(solved, side.habit.at(rows), setting.trend_supply[t], setting.trend_demand[t], entered[rows], setting.shock[t])
        for name in HABITS:
            getattr(new, name)[rows] = getattr(moved, name)
    return new
