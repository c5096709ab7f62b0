"""Events simulated from what was known before them: paths with and without the measure, and what to compare with an observation."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

import floormodel as fm
from experiments.analysis import Progress
from experiments.backtest_events import Event, Observation
from floormodel.errors import InertWarning

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Outcome:
    """The model's answer to an observation, over draws of all variants that were solved: `value` with the measure, `before` without
    it; `solved` the share of draws that were; `variants` the values by variant, with its name."""

    value: Array
    before: Array
    solved: float
    variants: Mapping[str, Array] = field(default_factory=dict)


def simulate_event(event: Event, draws: int, seed: int) -> list[fm.Path]:
    """One path per variant of the measure: yearly periods from the event on, the first with short-run elasticities.

    Elasticities are drawn, the same in all variants; tonnes and prices before the event are not, for the measure is in tonnes.
    """
    market = fm.sample(event.benchmark, draws, seed, benchmark=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)  # a quota that does not bind is an answer
        return [fm.simulate(market, event.policies(variant), event.years, seed=seed) for variant in event.variant]


def outcome(event: Event, paths: Sequence[fm.Path], seen: Observation) -> Outcome:
    """The model's number for an observation; variants count alike."""
    value, before, solved = [], [], []
    for path in paths:
        period = path.dataset.isel(period=seen.period)
        now, none = (period.sel(scenario=s) for s in ("policy", "none"))
        ok = (now["converged"] & none["converged"]).values
        a, b = _measure(event, path.market, seen, now, none)
        value.append(a[ok])
        before.append(b[ok])
        solved.append(ok)
    by_name = {variant.name: values for variant, values in zip(event.variant, value)}
    return Outcome(np.concatenate(value), np.concatenate(before), float(np.mean(solved)), by_name)


def _measure(event: Event, market: fm.Market, seen: Observation, now: xr.Dataset, none: xr.Dataset) -> tuple[Array, Array]:
    """Value with the measure and value before it, (draws,) each; ratios have 1 before."""
    a, b = now.sel(good=seen.good), none.sel(good=seen.good)
    actor = list(event.actor)
    ones = np.ones(now.sizes["draw"])
    if seen.metric == "outside_price":
        return _outside(event, a, b) / _outside(event, b, b), ones
    if seen.metric == "inside_price":
        return _weighted(a, b, actor) / _weighted(b, b, actor), ones
    if seen.metric == "wedge":
        return _outside(event, a, b) / _weighted(a, b, actor), _outside(event, b, b) / _weighted(b, b, actor)
    if seen.metric == "exports":
        return np.round(_exports(market, seen.good, a, actor) / _exports(market, seen.good, b, actor), 9), ones
    if seen.metric in ("imports", "output"):
        return (a[seen.metric] / b[seen.metric]).sel(region=seen.region).values, ones
    if seen.metric == "output_share":
        return tuple((x["output"].sel(region=seen.region) / x["output"].sum("region")).values for x in (a, b))  # type: ignore[return-value]
    paid = (none["treasury"] - now["treasury"]).sel(region=seen.region) / a["output"].sel(region=seen.region)
    return paid.values, 0 * ones


def _weighted(ds: xr.Dataset, base: xr.Dataset, regions: Sequence[str]) -> Array:
    """Buyer price of some regions (draws,), weighted by what they use without the measure."""
    use = base["use"].sel(region=list(regions))
    price = ds["buyer_price"].sel(region=list(regions))
    return np.asarray((price.where(use > 0, 0.0) * use).sum("region") / use.sum("region"))


def _outside(event: Event, ds: xr.Dataset, base: xr.Dataset) -> Array:
    regions = event.outside or [str(r) for r in ds["region"].values if str(r) not in event.actor]
    return _weighted(ds, base, regions)


def _exports(market: fm.Market, good: str, ds: xr.Dataset, actor: Sequence[str]) -> Array:
    """Output, recycled tonnes and stock drawn less own shipments and what is thrown away, t/yr (draws,).

    Tonnes thrown away are what the world makes beyond its use; they are the actor's, whose exports are held back.
    """
    made = ds["output"] + ds["recycled"] - market.dataset["stock_change0"].sel(good=good)
    own = (ds["use"] - ds["imports"]).sel(region=list(actor)).sum("region")
    wasted = (made.sum("region") - ds["use"].sum("region")).clip(min=0.0)
    return np.asarray((made.sel(region=list(actor)).sum("region") - own - wasted).clip(min=0.0).transpose("draw"))


def run_events(events: Sequence[Event], draws: int, seed: int, progress: Progress = iter) -> dict[str, list[fm.Path]]:
    """Paths by event; `progress` wraps the loop."""
    return {event.name: simulate_event(event, draws, seed) for event in progress(list(events))}
