"""What a bloc loses when its largest outside supplier stops: the N-1 indicator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from floormodel.equilibrium.solve import find_quietly
from floormodel.errors import ScenarioError
from floormodel.market import Market
from floormodel.policies.base import Instrument


@dataclass(frozen=True)
class NMinusOne:
    """`origin`: the largest outside origin of the bloc's use of a good. `before` = 1 - its share of that use; `after` = the bloc's use
    over its use before, at the new equilibrium (NaN where that was not found); `price_ratio`: the bloc's buyer price, after over before.
    """

    good: str
    origin: str
    before: float
    after: float
    price_ratio: float


def n_minus_one(market: Market, good: str, bloc: Sequence[str], policies: Sequence[Instrument] = (),
                origin: str | None = None) -> NMinusOne:
    """N-1 of a bloc for one good: the largest outside origin (or `origin`) stops its output of that good worldwide.

    `market` should carry short-run elasticities (load_market(..., horizon="short")); `policies` stand before and after.

    Raises
    ------
    ScenarioError
        For a market with draws, or a bloc that uses none of the good.
    """
    if market.draws > 1:
        raise ScenarioError(f"n_minus_one: found {market.draws} draws; expected a market without draws")
    g = market.goods.index(good)
    inside = np.array([r in bloc for r in market.regions])
    now = find_quietly(market, policies)
    into = np.where(inside, now.state.flow[g][0], 0.0).sum(-1)
    outside = np.where(inside, 0.0, into)
    if outside.sum() <= 0:
        raise ScenarioError(f"n_minus_one: the bloc buys no {good!r} from outside")
    largest = int(np.argmax(outside)) if origin is None else market.regions.index(origin)
    shift = market.dataset["supply_shift"].values.copy()
    shift[g, largest] = 0.0
    stopped = market.replace(supply_shift=shift)
    hit = find_quietly(stopped, policies)
    solved = bool(hit.solution.converged.all() and now.solution.converged.all())

    def use(s: np.ndarray) -> float:
        return float(np.where(inside, s[0, g], 0.0).sum())

    def price(p: np.ndarray, u: np.ndarray) -> float:
        return float(np.where(inside, p[0, g] * u[0, g], 0.0).sum() / max(use(u), 1e-300))

    ratio = price(hit.state.buyer_price, hit.state.use) / price(now.state.buyer_price, now.state.use)
    return NMinusOne(good, market.regions[largest], 1 - float(outside[largest] / into.sum()),
                     use(hit.state.use) / use(now.state.use) if solved else np.nan, ratio if solved else np.nan)
