"""Entry of new plants: who starts to build, what is under construction, what runs.

A plan is a representative plant that may be built again and again: its costs are a `Project`, `per_year` the tonnes of
capacity that can be started in a year (the pipeline), `total` what can be built in all. A share of the pipeline starts
that rises with the profitability index, the expected net present value at the plan's own hurdle over the value of its
capital: none at 0, all from `FULL` on. A share `non_delivery` of what is started never runs. Plants wear out at one over
their life a year. Expectations are those of floormodel.dynamics.path. A plant with a mine of its own (an upstream project
of a later stage) buys no modelled input: its mine widens supply of the inputs in its region as it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np

from floormodel.distributions import triangular
from floormodel.dynamics.free_entry import learned_cost
from floormodel.errors import Faults, ScenarioError, did_you_mean
from floormodel.finance.cashflow import npv
from floormodel.finance.project import Project, project_cash_flow
from floormodel.market import Market

Array = np.ndarray
FULL = 0.1  # profitability index from which the whole pipeline is started (an assumption)


@dataclass(frozen=True, eq=False)
class Plan:
    """A plant that may be built: `per_year` t/yr of capacity a year at most, `total` t/yr in all, `non_delivery` a share, each a number
    or an array over draws (n,). `ranges` holds (low, high) of those that are uncertain.

    `learning` is the share by which each doubling of experience lowers capex (Wright 1936), `experience` the t/yr of such capacity
    that were started anywhere before the path; what the plan itself has started counts from then on.
    """

    project: Project
    per_year: Any
    total: Any
    non_delivery: Any = 0.0
    learning: float = 0.0
    experience: float = 0.0
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def good(self) -> str:
        return self.project.good

    @property
    def region(self) -> str:
        return self.project.region

    @property
    def decay(self) -> float:
        """Share of running capacity that is worn out in a year."""
        return 1 / self.project.life

    def learned(self, started: Array) -> Project:
        """The plant after `started` (B,) t/yr of the plan: capex as experience has made it."""
        if not self.learning:
            return self.project
        capex = learned_cost(self.project.capex, self.experience + started, self.experience, self.learning)
        return replace(self.project, capex=capex)

    def drawn(self, number: int, seed: int) -> Plan:
        """The same with `number` draws of the plant's costs, as `Project.drawn`, and of the plan's own figures, triangular between low and
        high. Tonnes a year and in all share one random number: what may be large is large in both."""
        values: dict[str, Any] = {}
        for name, (low, high) in self.ranges.items():
            word = "non_delivery" if name == "non_delivery" else "tonnes"
            u = np.random.default_rng([seed, crc32(f"{self.project.name}/{self.region}/{word}".encode())]).random(number)
            values[name] = triangular(u, np.array(low), np.array(getattr(self, name)), np.array(high))
        return replace(self, project=self.project.drawn(number, seed), **values)

    def at(self, rows: Array) -> Plan:
        """The same for some draws, where its figures are drawn."""
        cost, own = ({name: value[rows] for name, value in vars(what).items() if np.ndim(value) == 1} for what in (self.project, self))
        return replace(self, project=replace(self.project, **cost), **own) if cost or own else self


@dataclass(frozen=True, eq=False)
class Fleet:
    """Capacity of each plan: `running` (B, P) t/yr, `building` (B, P, L) t/yr that run 1 .. L periods later,
    `started` (B, P) t/yr ever started."""

    running: Array
    building: Array
    started: Array

    def at(self, rows: Array) -> Fleet:
        return Fleet(self.running[rows], self.building[rows], self.started[rows])


def own_mine(plan: Plan, market: Market) -> bool:
    """Does the plant dig its own inputs?"""
    return plan.project.role == "upstream" and plan.good != market.goods[0]


def _recipe(market: Market, good: str) -> Array:
    """Tonnes of each good per tonne of `good`, (G,) or (B, G)."""
    return market.dataset["recipe"].sel(good=good).values


def check_plans(plans: Sequence[Plan], market: Market) -> None:
    """Raise ScenarioError, all faults at once, for a plan that the market cannot hold."""
    faults = Faults("plans", ScenarioError)
    for i, plan in enumerate(plans):
        where = f"plan {i + 1} ({plan.project.name})"
        if plan.good not in market.goods:
            faults.add(f"{where}, good", plan.good, "a good of the market", did_you_mean(plan.good, market.goods))
            continue
        if plan.region not in market.regions:
            faults.add(f"{where}, region", plan.region, "a region of the market", did_you_mean(plan.region, market.regions))
            continue
        made = market.dataset["output0"].sel(good=plan.good, region=plan.region)
        latent = market.dataset["latent_capacity"].sel(good=plan.good, region=plan.region)
        if float(made.max()) <= 0 and (float(latent.max()) <= 0 or (plan.good, plan.region) not in market.opened):
            faults.add(where, f"no output and no opened latent project of {plan.good} in {plan.region}",
                       "one of them: new plants need routes to buyers", "open_projects, or a latent project in latent.csv")
        used = [g for g, a in zip(market.goods, np.atleast_2d(_recipe(market, plan.good)).max(0)) if a > 0]
        lacking = [g for g in used if float(market.dataset["output0"].sel(good=g, region=plan.region).max()) <= 0]
        if own_mine(plan, market) and lacking:
            faults.add(where, f"a plant with a mine of its own, and no output of {', '.join(lacking)} in {plan.region}",
                       "a region that makes them", "a refining project, which buys its inputs")
        sizes = {np.size(value) for what in (plan.project, plan) for value in vars(what).values() if np.ndim(value) == 1}
        if sizes - {market.draws}:
            faults.add(f"{where}, figures", f"{sorted(sizes)} draws", f"{market.draws}, as many as the market has")
        if not (0 <= plan.learning < 1 and (plan.experience > 0 or not plan.learning)):
            faults.add(f"{where}, learning", f"{plan.learning} with an experience of {plan.experience}",
                       "a share from 0 to below 1, and with it tonnes above 0")
        tonnes, share = np.minimum(plan.per_year, plan.total), np.asarray(plan.non_delivery)
        if not (np.all(tonnes >= 0) and np.all((share >= 0) & (share < 1))):
            faults.add(where, f"per_year {plan.per_year}, total {plan.total}, non_delivery {plan.non_delivery}",
                       "tonnes of 0 or more and a share from 0 to below 1")
    faults.raise_if_any()


def of_plans(plans: Sequence[Plan], name: str) -> Array:
    """A figure of every plan: (P,), or (B, P) where one of them is drawn."""
    return np.stack(np.broadcast_arrays(*(np.asarray(getattr(p, name), float) for p in plans)), axis=-1) if plans else np.zeros(0)


def no_fleet(plans: Sequence[Plan], draws: int, periods_per_year: int) -> Fleet:
    """Nothing built yet."""
    longest = max((p.project.build_years for p in plans), default=1) * periods_per_year - 1
    return Fleet(np.zeros((draws, len(plans))), np.zeros((draws, len(plans), longest)), np.zeros((draws, len(plans))))


def profitability(plan: Plan, net_price: Array, input_cost: Array, started: Array) -> Array:
    """Profitability index (B,): net present value over the present value of capital, for expected yearly prices (B, life) and the
    plan's capacity started so far (B,)."""
    project = plan.learned(started)
    flows = project_cash_flow(project, net_price, input_cost)
    hurdle = np.asarray(project.hurdle, dtype=float)
    capital = -npv(hurdle, np.broadcast_to(flows[..., :project.build_years], (*flows.shape[:-1], project.build_years)))
    return np.broadcast_to(npv(hurdle, flows) / capital, len(net_price))


def starts(plans: Sequence[Plan], fleet: Fleet, index: Array, periods_per_year: int) -> Array:
    """Capacity (B, P) started in a period, t/yr, at profitability `index` (B, P); nothing where it is not a number."""
    pipeline = of_plans(plans, "per_year") / periods_per_year
    room = np.maximum(of_plans(plans, "total") - fleet.started, 0.0)
    share = np.clip(np.nan_to_num(index) / FULL, 0.0, 1.0)
    return np.minimum(pipeline * share, room)


def advance(plans: Sequence[Plan], fleet: Fleet, started: Array, periods_per_year: int) -> Fleet:
    """The fleet at the start of the next period: wear, completions of what is delivered, and what was started.

    What is started in period t runs from period t + build_years x periods_per_year on.
    """
    wear = np.array([(1 - p.decay) ** (1 / periods_per_year) for p in plans])
    queue = np.concatenate([fleet.building, np.zeros((*fleet.running.shape, 1))], axis=2)
    for j, plan in enumerate(plans):
        queue[:, j, plan.project.build_years * periods_per_year - 1] += started[:, j] * (1 - plan.non_delivery)
    return Fleet(fleet.running * wear + queue[:, :, 0], queue[:, :, 1:], fleet.started + started)


def at_nodes(plans: Sequence[Plan], tonnes: Array, market: Market) -> Array:
    """Tonnes (B, G, R) of plans (B, P) added up at their nodes, with the inputs of those that dig their own."""
    out = np.zeros((len(tonnes), len(market.goods), len(market.regions)))
    for j, plan in enumerate(plans):
        r = market.regions.index(plan.region)
        out[:, market.goods.index(plan.good), r] += tonnes[:, j]
        if own_mine(plan, market):
            out[:, :, r] += tonnes[:, j, None] * _recipe(market, plan.good)
    return out


def running_costs(plans: Sequence[Plan], tonnes: Array, market: Market) -> Array:
    """What the plans at each node spend per tonne once they stand (B, G, R), USD/t, inputs and capital apart; NaN without a plan.

    Running cost less by-product credit, weighted by `tonnes` (B, P), or alike where none runs. A plant with a mine of its own
    is spared the ore, which its node is charged, at the ore's benchmark price.
    """
    total, weight = (np.zeros((len(tonnes), len(market.goods), len(market.regions))) for _ in range(2))
    for j, plan in enumerate(plans):
        g, r = market.goods.index(plan.good), market.regions.index(plan.region)
        cost = np.asarray(plan.project.opex, float) - np.asarray(plan.project.byproduct_credit, float)
        if own_mine(plan, market):
            price = np.nan_to_num(market.dataset["price0"].sel(region=plan.region).values)
            cost = cost - (_recipe(market, plan.good) * price).sum(-1)
        share = tonnes[:, j] + 1e-9
        total[:, g, r] += share * cost
        weight[:, g, r] += share
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)
