"""A path: static equilibria one period after another, each starting from what the last one left.

State in, state out: a period's market follows from last period's quantities (partial adjustment), the trend, shocks and
the plants that run; prices then move expectations, and expectations start new plants. A path of one period from the
benchmark is the static market of the short run. The market without policies runs beside it: investors fall back on its
prices for the years in which a policy may have ended or been repealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from floormodel.accounts import OWNER, ledger, regional_identity
from floormodel.dynamics.adjustment import HABITS, Habit, Speeds, fresh, next_habit, over_periods, period_market
from floormodel.dynamics.entry import Fleet, Plan, advance, at_nodes, no_fleet, of_plans, own_mine, profitability, running_costs, starts
from floormodel.dynamics.schedule import Dated, pattern_at, surviving
from floormodel.dynamics.stock_rule import FLOWS, StockRule, after, opening_stocks, period_stocks, traded
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.equilibrium.state import has_buyers
from floormodel.market import Market
from floormodel.policies.base import Instrument

Array = np.ndarray
NODES = ("price", "net_price", "buyer_price", "output", "recycled", "final_demand", "use", "imports", "producer_revenue",
         "capacity_entered")
OWN_SIZE = 0.5  # of a year's pipeline: the plant that looks ahead with adaptive expectations (an assumption)
BESIDE = 0.1  # of a year's pipeline beside what the path itself builds, with consistent ones (an assumption)


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

    def at(self, rows: Array) -> Setting:
        """The same for some draws, each as often as it is named."""
        data = self.market.dataset if "draw" in self.market.dataset.sizes else self.market.dataset.expand_dims("draw")
        return replace(self, market=replace(self.market, dataset=data.isel(draw=rows)), plans=tuple(plan.at(rows) for plan in self.plans),
                       speeds=self.speeds.at(rows), gone=self.gone[rows])


class Sweep(NamedTuple):
    """All periods of a run: `record` {name: (T, B, ...)}, the state after them, and with consistent expectations the net price and input
    cost (B, P, 2, N) that plans meet for good after the last period under each set of policies."""

    record: dict[str, Array]
    state: Side
    beyond: Array | None


def first_state(setting: Setting) -> PathState:
    """The benchmark before its first period: no habit, no new plants, no experience of prices."""
    market, plans = setting.market, setting.plans
    fleet = no_fleet(plans, market.draws, setting.periods_per_year)
    nothing = np.full((market.draws, len(plans), 2, len(setting.patterns)), np.nan)
    side = Side(fresh(market), fleet, nothing, opening_stocks(setting.stocks, market.draws))
    return PathState(float(setting.years[0]), side, side)


def sweep(setting: Setting, side: Side, begun: Array | None, tick: Callable[[], None]) -> Sweep:
    """All periods once; plants started are `begun` (T, B, P) where given, else those of adaptive expectations."""
    periods: list[dict[str, Array]] = []
    last = side
    for t, year in enumerate(setting.years):
        last, solved = side, solve_period(setting, side, t)
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
    record = {name: np.stack([p[name] for p in periods]) for name in periods[0]}
    return Sweep(record, side, _beyond(setting, last, side) if setting.consistent and setting.plans else None)


def _market(setting: Setting, side: Side, t: int, running: Array) -> Market:
    """The market of period t of a run in which capacity `running` (B, P) of the plans stands, t/yr."""
    return period_market(setting.market, setting.speeds, side.habit, setting.trend_supply[t], setting.trend_demand[t],
                         at_nodes(setting.plans, running, setting.market), running_costs(setting.plans, running, setting.market),
                         setting.shock[t])


def solve_period(setting: Setting, side: Side, t: int, running: Array | None = None) -> list[tuple[Array, Solved]]:
    """Solve period t of a run: draws (rows) with the same policies in force together. `running` (B, P), t/yr: other capacity than runs."""
    market = _market(setting, side, t, side.fleet.running if running is None else running)
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
    room = of_plans(setting.plans, "total") - side.fleet.started
    size = OWN_SIZE * of_plans(setting.plans, "per_year")
    return np.clip(np.minimum(size, room), 0.0, None) * (1 - of_plans(setting.plans, "non_delivery"))


def beside(setting: Setting, capacity: Array) -> Array:
    """Capacity (B, P), t/yr, at which plans read the prices that they meet: a little more than stands, since where nothing is built yet
    the price is that of a first tonne."""
    return capacity + BESIDE * of_plans(setting.plans, "per_year") * (1 - of_plans(setting.plans, "non_delivery"))


def _without(setting: Setting, side: Side, t: int) -> Array:
    """Net price and input cost (B, P, 2) that plans would meet in period t if all policies were repealed then: what was built stands."""
    return _prices_of(setting, _find(_market(setting, side, t, beside(setting, side.fleet.running)), np.arange(setting.market.draws), []))


def _beyond(setting: Setting, last: Side, end: Side) -> Array:
    """What plans meet after the last period (B, P, 2, N), under each set of policies: in that period's market, with every policy phased in
    and all that is under construction at its end."""
    capacity = beside(setting, end.fleet.running + end.fleet.building.sum(2))
    market, everyone = _market(setting, last, len(setting.years) - 1, capacity), np.arange(setting.market.draws)
    return np.stack([_prices_of(setting, _find(market, everyone, [p.at(np.inf) for p, on in zip(setting.schedule, pattern) if on]))
                     for pattern in setting.patterns], axis=-1)


def prospects(setting: Setting, side: Side, t: int) -> Array:
    """Net price and input cost (B, P, 2, N), USD/t, that one more plant would meet under each set of policies, when it opens.

    The market that a plant decided on now opens into: the trend of then, as many periods of adjustment as plants take to build on
    average, what is under construction, and the representative plant of each plan beside it. A plant that nobody has built would else
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


def _record(setting: Setting, parts: list[tuple[Array, Solved]], side: Side, t: int, expected: Array, index: Array, started: Array
            ) -> dict[str, Array]:
    """What is kept of a period: nodes (B, G, R), money of treasuries (B, R), plans (B, P), and how it was solved (B,)."""
    market = setting.market
    b, g, r = market.draws, len(market.goods), len(market.regions)
    out = {name: np.full((b, g, r), np.nan) for name in NODES} | {"treasury": np.full((b, r), np.nan)}
    out |= {"converged": np.zeros(b, bool), "residual": np.full(b, np.nan), "identity": np.full(b, np.nan),
            **{name: np.full((b, len(setting.plans), 2), np.nan) for name in ("met", "met_without")},
            **{name: np.zeros((b, len(setting.stocks))) for name in FLOWS}}
    for rows, solved in parts:
        s, ok = solved.state, solved.solution.converged
        money, priced = ledger(solved), solved.system.layout.priced
        flow = np.stack(s.flow, axis=1)
        values = {
            "price": np.where(priced, s.price, np.nan), "buyer_price": np.where(has_buyers(s), s.buyer_price, np.nan),
            "net_price": np.where(priced, s.margin + s.constants.recipe @ (s.buyer_price + s.constants.final_tax), np.nan),
            "output": s.output, "recycled": s.secondary, "final_demand": s.final_demand, "use": s.use, "producer_revenue": money.receipts,
            "imports": flow.sum(2) - np.einsum("bgrr->bgr", flow),
            "treasury": sum(money.lines[a] for a in OWNER if OWNER[a] == "treasury").sum(1)}  # type: ignore[union-attr]
        for name, value in values.items():
            out[name][rows] = np.where(ok.reshape(-1, *[1] * (value.ndim - 1)), value, np.nan)
        out["converged"][rows], out["residual"][rows] = ok, solved.solution.residual
        out["identity"][rows] = np.where(ok, regional_identity(solved, money, money), np.nan)
        for name, value in zip(FLOWS, traded(setting.stocks, solved)):
            out[name][rows] = value
    if setting.plans and setting.consistent:  # else nothing on the path rests on it
        for rows, solved in solve_period(setting, side, t, beside(setting, side.fleet.running)):
            out["met"][rows] = _prices_of(setting, solved)
        if any(p.hazard > 0 for p in setting.schedule):
            out["met_without"] = _without(setting, side, t)
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
