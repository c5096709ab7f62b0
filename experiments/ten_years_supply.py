"""Who supplies along a path: concentration by owner, the bloc's suppliers, and what is left to it when one of them stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from itertools import permutations

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies
from experiments.ten_years_results import GROWTH, NONE, YEARS, TenYears, projections_of, scenarios
from floormodel.dynamics.adjustment import fresh, period_market, speeds
from floormodel.dynamics.entry import at_nodes, running_costs
from floormodel.dynamics.growth import trend
from floormodel.indicators.catalogue import location_hhi
from floormodel.indicators.resilience import n_minus_one

FEW = 20  # draws of what is solved draw by draw
SLOW = 5  # draws of a stop of the dominant supplier, which is slow to solve
AFTER = YEARS[-1] + 1


def ownership(market: fm.Market) -> tuple[str, pd.DataFrame] | None:
    """The stage that the market's ownership table covers and its rows (region, owner, value, low, high); None without one."""
    path = resources.files("floormodel") / "data" / market.name / "ownership.csv"
    if not path.is_file():
        return None
    table = pd.read_csv(str(path), keep_default_na=False, na_values={"low": [""], "high": [""]})
    rows = table[table["variable"].eq("owned") & table["region"].isin(market.regions) & table["partner"].isin(market.regions)]
    if rows.empty:
        return None
    stage = str(rows["good"].iloc[0])
    rows = rows[rows["good"].eq(stage)].rename(columns={"partner": "owner"})
    return stage, rows.assign(low=rows["low"].fillna(rows["value"]), high=rows["high"].fillna(rows["value"]))


@dataclass(frozen=True, eq=False)
class Owners:
    """HHI of a stage by owner: `reading` (draws, years), where what no row names belongs to where it is made, by scenario, and `change`
    of the last year against no policy (draws, 2), the least and the most over extreme readings, each the same in both runs."""

    stage: str
    reading: Mapping[str, np.ndarray]
    change: Mapping[str, np.ndarray]


def owners(r: TenYears) -> Owners | None:
    """Concentration by owner along every path; None where the market has no table of owners."""
    found = ownership(r.market)
    if found is None:
        return None
    stage, rows = found
    regions = r.market.regions
    names = sorted(rows["owner"].unique())
    middle, low, high = np.zeros((3, len(regions), len(names)))
    high[:] = 1.0
    for row in rows.to_dict("records"):
        at = regions.index(row["region"]), names.index(row["owner"])
        middle[at], low[at], high[at] = row["value"], row["low"], row["high"]
    held = np.diag(1 - middle.sum(1))
    held[:, [regions.index(n) for n in names]] += middle
    reading, index = {}, {}
    for s in (NONE, *r.paths):
        made = r.supply(s, stage)
        share = made / made.sum(-1, keepdims=True)
        flat = location_hhi((np.nan_to_num(share) @ held).reshape(-1, len(regions)), regions)[1]
        reading[s] = np.where(np.isfinite(share).all(-1), flat.reshape(share.shape[:2]), np.nan)
        index[s] = np.stack([((share[:, -1] @ by) ** 2).sum(-1) for by in extremes(low, high)], axis=-1)
    change = {s: np.stack([(index[s] - index[NONE]).min(-1), (index[s] - index[NONE]).max(-1)], axis=-1) for s in r.paths}
    return Owners(stage, reading, change)


def extremes(low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    """Readings of who owns what no row names, each (regions, owners and one unnamed): nobody large, or owners one after another take
    all that each may own, in every order. `low`, `high` (regions, owners) are the least and largest parts known."""
    least, most = np.column_stack([low, np.zeros(len(low))]), np.column_stack([high, np.ones(len(high))])
    out = [least]
    for order in permutations(range(least.shape[1])):
        held, left = least.copy(), 1 - least.sum(1)
        for owner in order:
            more = np.minimum(left, most[:, owner] - least[:, owner])
            held[:, owner] += more
            left = left - more
        out.append(held)
    return out


@dataclass(frozen=True, eq=False)
class Stop:
    """The bloc's use once `origin` stops all output for a year: `before` the stop and `left` after it, shares (draws,) of use without
    policy and without the stop; `dearer` its price over that; `beyond` the share of draws whose prices leave the calibrated range."""

    origin: str
    before: np.ndarray
    left: np.ndarray
    dearer: np.ndarray
    beyond: float

    @property
    def kept(self) -> np.ndarray:
        """What is left, as a share of use before the stop."""
        return self.left / self.before


@dataclass(frozen=True, eq=False)
class Buying:
    """The bloc's supply of the case's good in one year, by draw: `leader` the share of the dominant supplier in what it buys and makes;
    `stops` of the dominant supplier and of the largest outside one apart from it."""

    leader: np.ndarray
    stops: tuple[Stop, ...] = ()


def year_market(r: TenYears, scenario: str, year: int) -> fm.Market:
    """The market of the first year (before anything is adjusted or built), or of the year after the last, of the first draws."""
    rows = np.arange(min(r.market.draws, FEW))
    market = r.market
    if "draw" in market.dataset.dims:
        market = replace(market, dataset=market.dataset.isel(draw=rows))
    state = next(iter(r.paths.values())).state.none if scenario == NONE else r.paths[scenario].state.policy
    plans, table = [p.at(rows) for p in r.plans], projections_of(r.market) if r.growth else None
    first = year == YEARS[0]
    running = np.zeros((len(rows), len(plans))) if first else state.fleet.running[rows]
    supply, demand = (trend(market, table, GROWTH, what, np.array([float(year)]))[0] for what in ("output", "final_demand"))
    return period_market(market, speeds(market), fresh(market) if first else state.habit.at(rows), supply, demand,
                         at_nodes(plans, running, market), running_costs(plans, running, market))


def buying(r: TenYears, year: int, lead: int = SLOW, other: int = FEW) -> dict[str, Buying]:
    """The bloc's supply in the first year or the year after the last, without policy and in every lasting scenario, of the first draws.

    In `lead` of these draws the dominant supplier stops, in `other` the outside supplier that is the largest without policy, over draws,
    apart from it; the same ones in all scenarios. Draws in which one of them was not solved are left out of all.
    """
    good, policies = r.case.good, {NONE: [], **scenarios(r.market, r.case, r.bloc)}
    runs = {s: fm.solve(year_market(r, s, year), policies[s], bloc=r.bloc) for s in policies if s in (NONE, *r.paths)}
    inside = [x in r.bloc for x in r.market.regions]
    flow = runs[NONE].solved.state.flow[r.market.goods.index(good)][:, :, inside].sum(2)
    apart = np.where([x in (*r.bloc, r.case.supplier) for x in r.market.regions], -1.0, np.nanmean(flow, axis=0))
    origins = {r.case.supplier: lead, r.market.regions[int(np.nanargmax(apart))]: other}
    stops: dict[str, list[Stop]] = {s: [] for s in runs}
    for origin, draws in origins.items():
        if not draws:
            continue
        these = {s: stopped(run, runs[NONE], good, policies[s], origin, draws) for s, run in runs.items()}
        known = np.all([np.isfinite(x.left) for x in these.values()], axis=0)  # the same draws in all scenarios
        for s, x in these.items():
            before, left, dearer = (np.where(known, v, np.nan) for v in (x.before, x.left, x.dearer))
            stops[s].append(replace(x, before=before, left=left, dearer=dearer))
    return {s: Buying(run.indicators().select("dominant_share_of_bloc_supply", good, "bloc")["value"].to_numpy(), tuple(stops[s]))
            for s, run in runs.items()}


def stopped(run: fm.Equilibrium, none: fm.Equilibrium, good: str, policies: Policies, origin: str, draws: int) -> Stop:
    """What the bloc is left with in the first `draws` of a run when `origin` stops; all against `none`, the run without policy."""
    rows = slice(0, min(draws, run.market.draws))
    inside, g = [x in run.bloc for x in run.market.regions], run.market.goods.index(good)
    hit = [n_minus_one(_draw(run.market, i), good, run.bloc, policies, origin) for i in range(rows.stop)]

    def use(solved: fm.Solved) -> np.ndarray:
        return solved.state.use[rows, g][:, inside].sum(1)

    def paid(x: fm.Equilibrium, column: str) -> np.ndarray:
        return x.indicators().select("price_inside", good, "bloc")[column].to_numpy()[rows]

    base = use(run.base) / use(none.solved)  # n_minus_one compares with the run's own plants, but without policy
    left = np.array([x.after for x in hit]) * base
    dearer = np.array([x.price_ratio for x in hit]) * paid(run, "base") / paid(none, "value")
    return Stop(origin, use(run.solved) / use(none.solved), left, dearer, float(np.mean([not x.calibrated for x in hit])))


def _draw(market: fm.Market, draw: int) -> fm.Market:
    return replace(market, dataset=market.dataset.isel(draw=draw, drop=True)) if "draw" in market.dataset.dims else market
