"""What a bloc loses when its largest outside supplier stops: the N-1 indicator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.errors import ScenarioError
from floormodel.market import Market
from floormodel.policies.base import Instrument
from floormodel.policies.export_quota import ExportQuota


@dataclass(frozen=True)
class NMinusOne:
    """`origin`: who stops. `before` = 1 - its share of the bloc's use. `after` = the bloc's use at the new equilibrium over its benchmark
    use without policy, `price_ratio` its buyer price over the benchmark one (NaN where no equilibrium was found). `calibrated`: all
    buyer prices stay within a fifth and five times the benchmark.
    """

    good: str
    origin: str
    before: float
    after: float
    price_ratio: float
    calibrated: bool


def n_minus_one(market: Market, good: str, bloc: Sequence[str], policies: Sequence[Instrument] = (), origin: str | None = None,
                stops: Literal["output", "exports"] = "output") -> NMinusOne:
    """N-1 of a bloc for one good: the largest outside origin (or `origin`) stops its output and recycling of it, or its exports only.

    `market` should carry short-run elasticities (load_market(..., horizon="short")). Use and price are compared with the market
    without policy and without the stop, so that a policy cannot look safe by having cut use before.

    Raises
    ------
    ScenarioError
        For a market with draws, or a bloc that buys none of the good from outside.
    """
    if market.draws > 1:
        raise ScenarioError(f"n_minus_one: found {market.draws} draws; expected a market without draws")
    g = market.goods.index(good)
    inside = np.array([r in bloc for r in market.regions])
    base = find_quietly(market)
    into = np.where(inside, base.state.flow[g][0], 0.0).sum(-1)
    outside = np.where(inside, 0.0, into)
    if outside.sum() <= 0:
        raise ScenarioError(f"n_minus_one: the bloc buys no {good!r} from outside")
    largest = int(np.argmax(outside)) if origin is None else market.regions.index(origin)
    if stops == "exports":
        hit = find_quietly(market, [*policies, ExportQuota(good=good, exporter=market.regions[largest], quota=0.0)])
    else:
        hit = find_quietly(_stopped(market, g, largest), policies)
    solved = bool(hit.solution.converged.all() and base.solution.converged.all())
    (use0, price0), (use1, price1) = (_use_and_price(s, g, inside) for s in (base, hit))
    spread = hit.state.buyer_price / np.where(base.state.buyer_price > 0, base.state.buyer_price, 1.0)
    live = (hit.state.use > 0) & (base.state.use > 0)
    calibrated = bool(np.all((spread[live] < 5) & (spread[live] > 0.2)))
    return NMinusOne(good, market.regions[largest], 1 - float(outside[largest] / into.sum()), use1 / use0 if solved else np.nan,
                     price1 / price0 if solved else np.nan, calibrated and solved)


def _stopped(market: Market, g: int, r: int) -> Market:
    """No primary and no recycled tonnes of a good in a region; a node without supply is shut, and its stock change with it."""
    changed = {}
    for name in ("supply_shift", "secondary_shift"):
        changed[name] = market.dataset[name].values.copy()
        changed[name][g, r] = 0.0
    return market.replace(**changed)


def _use_and_price(s: Solved, g: int, inside: np.ndarray) -> tuple[float, float]:
    use = np.where(inside, s.state.use[0, g], 0.0)
    return float(use.sum()), float((use * s.state.buyer_price[0, g]).sum() / max(use.sum(), 1e-300))
