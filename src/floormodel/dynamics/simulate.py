"""`fm.simulate`: a market over years under dated policies, in chunks of draws that survive being stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from floormodel.dynamics.adjustment import speeds
from floormodel.dynamics.chunks import Folder, fingerprint, from_flat, to_flat
from floormodel.dynamics.entry import Plan, check_plans
from floormodel.dynamics.expectations import run_path
from floormodel.dynamics.growth import Disruption, load_projections, shocks, trend
from floormodel.dynamics.path import PathState, Setting, first_state
from floormodel.dynamics.schedule import Dated, dated, patterns, repeals
from floormodel.dynamics.stock_rule import FLOWS, StockRule, check_rules
from floormodel.errors import ScenarioError
from floormodel.market import Market
from floormodel.policies.base import Instrument, check_all

CHUNK = 100  # draws that are run together: memory grows with this, not with the number of draws
UNITS = {"price": "USD/t", "net_price": "USD/t", "buyer_price": "USD/t", "output": "t/yr", "recycled": "t/yr", "final_demand": "t/yr",
         "use": "t/yr", "imports": "t/yr", "producer_revenue": "USD/yr", "capacity_entered": "t/yr", "treasury": "USD/yr",
         "started": "t/yr", "running": "t/yr", "building": "t/yr", "profitability": "1", "residual": "1", "identity": "1",
         "bought": "t/yr", "released": "t/yr", "stock_outlay": "USD/yr", "held": "t"}
DIMS = {"treasury": ("region",), "converged": (), "residual": (), "identity": (),
        **{n: ("plan",) for n in ("started", "running", "building", "profitability")},
        **{n: ("plan", "what") for n in ("expected", "met", "met_without")},
        **{n: ("stock",) for n in (*FLOWS, "held")}}


@dataclass(frozen=True, eq=False)
class Path:
    """A simulated path.

    Attributes
    ----------
    dataset : variables over (scenario, period, draw, ...), scenario "policy" and "none"; money in USD of the benchmark year,
        tonnes a year; NaN in periods that were not solved, with `converged` false.
    state : where the path stands; `simulate(..., state=path.state)` goes on from there.
    """

    market: Market
    dataset: xr.Dataset
    state: PathState

    @property
    def converged(self) -> np.ndarray:
        """Flag (draw,): every period of both runs was solved and consistent expectations settled."""
        return (self.dataset["converged"].all(["scenario", "period"]) & self.dataset["settled"]).values

    def change(self, variable: str) -> xr.DataArray:
        """A variable under the policies less without them."""
        values = self.dataset[variable]
        out = values.sel(scenario="policy", drop=True) - values.sel(scenario="none", drop=True)
        return out.assign_attrs(values.attrs)

    def to_dataframe(self, variable: str, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> pd.DataFrame:
        """Quantiles over draws of a variable, long: one row per scenario, period and label, one column per quantile; rows that are
        missing in every draw are left out."""
        values = self.dataset[variable]
        rows = values.stack(row=[d for d in values.dims if d != "draw"]).dropna("row", how="all")
        table = rows.quantile(list(quantiles), dim="draw").to_series().unstack("quantile")
        table.columns = [f"q{100 * q:02.0f}" for q in quantiles]
        return table.reset_index()


def simulate(market: Market, policies: Sequence[Instrument | Dated] = (), years: Sequence[int] = tuple(range(2025, 2035)), *,
             plans: Sequence[Plan] = (), stocks: Sequence[StockRule] = (), growth: str | pd.DataFrame | None = None,
             growth_scenario: str | None = None, disruptions: Sequence[Disruption] = (), quarterly: bool = False,
             expectations: str = "adaptive", weight: float = 0.5, adjustment: Mapping[str, float] | None = None,
             draw_repeals: bool = False, seed: int = 0, state: PathState | None = None, folder: str | File | None = None,
             progress: bool = False, chunk: int = CHUNK) -> Path:
    """Simulate a market year by year, or quarter by quarter, under policies and without.

    Parameters
    ----------
    market : of either horizon, with or without draws; its speeds of adjustment are those of `dynamics.adjustment`
    policies : instruments, or `Dated` ones
    years : whole years one after another; the first may be the benchmark's or later
    plans : plants that may be built; where nothing is made in the benchmark, open the market's latent project first. Their
        tonnes and costs may be drawn: `Plan.drawn` with as many draws as the market
    stocks : public stocks and their rules, on the policy run
    growth : "projections" for the market's own table, or a table like it; None for a world that stands still
    growth_scenario : which scenario of that table
    disruptions : supply that stops for a while
    expectations : "adaptive" (`weight` on the last price) or "consistent" (plants are started where the path's own prices pay)
    adjustment : yearly speeds by kind in place of the figures', see `speeds`
    draw_repeals : repeal policies at random by their hazard on the policy run; else they stay and are only discounted
    state : go on from the end of another path of the same market and draws
    folder : keep finished chunks of draws here; the same call goes on from them after being stopped

    Returns
    -------
    Path

    Raises
    ------
    ScenarioError
        For settings that make no sense or do not fit the market.
    OutputError
        Where `folder` holds chunks of another run.
    """
    schedule = dated(policies)
    beginnings, length = _beginnings(years, quarterly)
    check_all([d.policy for d in schedule], market)
    check_plans(plans, market)
    check_rules(stocks, market, None if state is None else state.policy.held.shape[1])
    _check(expectations, weight, draw_repeals, state, market, float(beginnings[0]), plans, schedule, chunk)
    table = load_projections(market.name) if isinstance(growth, str) else growth
    gone = repeals(schedule, beginnings, length, market.draws, seed) if draw_repeals else np.full((market.draws, len(schedule)), np.inf)
    whole = Setting(market, schedule, tuple(plans), beginnings, round(1 / length), speeds(market, round(1 / length), adjustment),
                    trend(market, table, growth_scenario, "output", beginnings),
                    trend(market, table, growth_scenario, "final_demand", beginnings),
                    shocks(market, disruptions, beginnings, length), gone, weight, expectations == "consistent", patterns(schedule),
                    tuple(stocks))
    keep = Folder(File(folder), fingerprint(whole, state, chunk)) if folder is not None else None
    parts: list[Mapping[str, np.ndarray]] = []
    with _bar(progress, 2 * len(beginnings) * -(-market.draws // chunk)) as tick:
        for first in range(0, market.draws, chunk):
            rows = np.arange(first, min(first + chunk, market.draws))
            found = keep.read(first) if keep else None
            if found is None:
                found = _chunk(whole, state, rows, tick)
                if keep:
                    keep.write(first, found)
            else:
                for _ in range(2 * len(beginnings)):
                    tick()
            parts.append(found)
    return Path(market, _dataset(whole, parts), from_flat(parts, float(beginnings[-1]) + length))


def _beginnings(years: Sequence[int], quarterly: bool) -> tuple[np.ndarray, float]:
    whole = [int(y) for y in years]
    if not whole or whole != list(range(whole[0], whole[0] + len(whole))) or any(int(y) != y for y in years):
        raise ScenarioError(f"years: found {list(years)!r}; expected whole years one after another, such as range(2025, 2035)")
    if quarterly:
        return np.array([y + q / 4 for y in whole for q in range(4)]), 0.25
    return np.array(whole, float), 1.0


def _check(expectations: str, weight: float, draw_repeals: bool, state: PathState | None, market: Market, first: float,
           plans: Sequence[Plan], schedule: Sequence[Dated], chunk: int) -> None:
    if expectations not in ("adaptive", "consistent"):
        raise ScenarioError(f'expectations: found {expectations!r}; expected "adaptive" or "consistent"')
    if not 0 < weight <= 1:
        raise ScenarioError(f"weight: found {weight!r}; expected a number above 0 to 1 (1: the last price is expected to last)")
    if chunk < 1:
        raise ScenarioError(f"chunk: found {chunk!r}; expected a whole number of draws, 1 or more")
    if draw_repeals and state is not None:
        raise ScenarioError("draw_repeals: found it beside a state; expected one or the other: repeals are drawn for a whole path")
    if draw_repeals and expectations == "consistent":
        raise ScenarioError("draw_repeals: found it beside consistent expectations, which would know the date; expected one or the other")
    if draw_repeals and plans and sum(d.hazard > 0 for d in schedule) > 1:
        raise ScenarioError("draw_repeals: found several policies with a hazard beside plans; expected one: plants know only all of them "
                            "or none")
    if market.sourcing == "homogeneous":
        raise ScenarioError('simulate: found a homogeneous market; expected sourcing "logit" or "ces", whose shares adjust')
    if state is not None:
        if len(state.policy.habit.supply) != market.draws or state.policy.fleet.running.shape[1] != len(plans):
            raise ScenarioError(f"state: found {len(state.policy.habit.supply)} draws and {state.policy.fleet.running.shape[1]} plans; "
                                f"expected {market.draws} and {len(plans)}, as in this call")
        if state.policy.expected.shape[-1] != len(patterns(schedule)):
            raise ScenarioError("state: found that of other policies; expected the policies and dates of the path that it comes from")
        if abs(state.year - first) > 1e-6:
            raise ScenarioError(f"state: found a path that goes on in {state.year:g}; expected years from there, found {first:g}")


def _chunk(whole: Setting, state: PathState | None, rows: np.ndarray, tick: Callable[[], None]) -> dict[str, np.ndarray]:
    """Both runs of some draws, as flat arrays: records `run/name`, the state `state/run/name`, and how expectations settled."""
    setting = whole if len(rows) == whole.market.draws else whole.at(rows)
    start = first_state(setting) if state is None else PathState(state.year, state.policy.at(rows), state.none.at(rows))
    records, end, rounds, settled = run_path(setting, start, tick)
    flat = {f"{run}/{name}": array for run, record in records.items() for name, array in record.items()}
    return flat | to_flat(end) | {"rounds": rounds, "settled": settled}


def _dataset(whole: Setting, parts: Sequence[Mapping[str, np.ndarray]]) -> xr.Dataset:
    market, data = whole.market, {}
    for name in (key.split("/", 1)[1] for key in parts[0] if key.startswith("policy/")):
        values = np.stack([np.concatenate([p[f"{run}/{name}"] for p in parts], axis=1) for run in ("policy", "none")])
        data[name] = (("scenario", "period", "draw", *DIMS.get(name, ("good", "region"))), values)
    coords = {"scenario": ["policy", "none"], "period": whole.years, "draw": np.arange(market.draws), "good": market.goods,
              "region": market.regions, "plan": [f"{p.project.name}:{p.region}" for p in whole.plans], "what": ["net_price", "input_cost"],
              "stock": [rule.name for rule in whole.stocks]}
    ds = xr.Dataset(data, coords)
    for name, unit in UNITS.items():
        ds[name].attrs["unit"] = unit
    ds["settled"] = ("draw", np.concatenate([p["settled"] for p in parts]))
    ds["rounds"] = ("draw", np.concatenate([p["rounds"] for p in parts]))
    ds["repealed"] = (("draw", "policy"), whole.gone)
    ds.attrs.update(market=market.name, basis=market.basis, year=market.year, seed=market.seed if market.seed is not None else "",
                    expectations="consistent" if whole.consistent else "adaptive")
    return ds


class _bar:
    """A progress bar of periods solved, or nothing."""

    def __init__(self, shown: bool, total: int):
        self.bar: Any = None
        if shown:
            from tqdm import tqdm

            self.bar = tqdm(total=total, desc="path", unit="period")

    def __enter__(self) -> Callable[[], None]:
        return self.bar.update if self.bar is not None else lambda: None

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
