"""Who supplies along a path: concentration by owner, the bloc's suppliers, and what is left to it when the largest one stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.ten_years_results import GROWTH, NONE, YEARS, TenYears, projections_of, scenarios
from floormodel.dynamics.adjustment import fresh, period_market, speeds
from floormodel.dynamics.entry import at_nodes, running_costs
from floormodel.dynamics.growth import trend
from floormodel.indicators.catalogue import location_hhi
from floormodel.indicators.concentration import ownership_bounds
from floormodel.indicators.resilience import n_minus_one

FEW = 20  # draws of what is solved draw by draw
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
    """HHI of a stage by owner: `reading` (draws, years), where what no row names belongs to where it is made, by scenario, and the
    sharp bounds of the last year (draws, 2) from what is known alone."""

    stage: str
    reading: Mapping[str, np.ndarray]
    bounds: Mapping[str, np.ndarray]


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
    reading, bounds = {}, {}
    for s in (NONE, *r.paths):
        made = r.supply(s, stage)
        share = made / made.sum(-1, keepdims=True)
        flat = location_hhi((np.nan_to_num(share) @ held).reshape(-1, len(regions)), regions)[1]
        reading[s] = np.where(np.isfinite(share).all(-1), flat.reshape(share.shape[:2]), np.nan)
        bounds[s] = np.array([ownership_bounds(one, low, high)[2] if np.isfinite(one).all() else (np.nan, np.nan)
                              for one in share[:, -1]])
    return Owners(stage, reading, bounds)


@dataclass(frozen=True, eq=False)
class Buying:
    """The bloc's supply of the case's good in one year, by draw: `leader` the share of the dominant supplier in what it buys and makes,
    `largest` that of `origin`, `left` and `dearer` its use and price once `origin` stops, over those without policy and without the
    stop; `beyond` the share of draws whose prices leave the calibrated range."""

    origin: str
    leader: np.ndarray
    largest: np.ndarray
    left: np.ndarray
    dearer: np.ndarray
    beyond: float


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


def buying(r: TenYears, year: int) -> dict[str, Buying]:
    """The bloc's supply in the first year or the year after the last, without policy and in every scenario, of the first draws.

    The largest outside supplier without policy, over draws, stops: the same one in all scenarios.
    """
    good, policies = r.case.good, {NONE: [], **scenarios(r.market, r.case, r.bloc)}
    runs = {s: fm.solve(year_market(r, s, year), policies[s], bloc=r.bloc) for s in (NONE, *r.paths)}
    inside = [x in r.bloc for x in r.market.regions]
    g = r.market.goods.index(good)
    flow = runs[NONE].solved.state.flow[g][:, :, inside].sum(2)
    origin = r.market.regions[int(np.nanargmax(np.where(inside, -1.0, np.nanmean(flow, axis=0))))]

    def level(s: str, name: str, column: str) -> np.ndarray:
        return runs[s].indicators().select(name, good, "bloc")[column].to_numpy()

    out = {}
    for s, run in runs.items():
        into = run.solved.state.flow[g][:, :, inside].sum(2)
        stops = [n_minus_one(_draw(run.market, i), good, r.bloc, policies[s], origin) for i in range(run.market.draws)]
        used = run.base.state.use[:, g][:, inside].sum(1) / runs[NONE].solved.state.use[:, g][:, inside].sum(1)
        paid = level(s, "price_inside", "base") / level(NONE, "price_inside", "value")
        left, dearer = np.array([x.after for x in stops]) * used, np.array([x.price_ratio for x in stops]) * paid
        out[s] = Buying(origin, level(s, "dominant_share_of_bloc_supply", "value"),
                        np.where(run.converged, into[:, r.market.regions.index(origin)] / into.sum(1), np.nan), left, dearer,
                        float(np.mean([not x.calibrated for x in stops])))
    return out


def _draw(market: fm.Market, draw: int) -> fm.Market:
    return replace(market, dataset=market.dataset.isel(draw=draw, drop=True)) if "draw" in market.dataset.dims else market
