"""What moves a result: one parameter at a time between its low and high, and two structural variants."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from floormodel.ensemble import ranges, sampled_factors
from floormodel.equilibrium.benchmark import make_benchmark
from floormodel.market import Market
from floormodel.policies.base import Instrument
from floormodel.results import Equilibrium, solve

Outcome = Callable[[Equilibrium], float]


def tornado(market: Market, policies: Sequence[Instrument], outcomes: dict[str, Outcome], bloc: Sequence[str] | None = None,
            progress: Callable[[list], list] | None = None) -> pd.DataFrame:
    """Effect of each uncertain parameter on each outcome, the others at their central values.

    Parameters
    ----------
    market : Market
        Without draws; ranges are those of its tables. Policy and no-policy runs use the same parameter.
    outcomes : {name: function of an Equilibrium}

    Returns
    -------
    DataFrame
        outcome, parameter, good, setting (low, high, variant), value, central. Rows named "all goods" halve and double the
        sourcing elasticity everywhere; "equal landed prices" removes the benchmark differences between origins that act as quality
        premia. `value` is NaN where a figure alone at its end leaves a maker no margin in the benchmark, or the market is unsolved.
    """
    central = solve(market, policies, bloc=bloc)
    middle = {name: f(central) for name, f in outcomes.items()}
    variants: list[tuple[str, str, str, Market]] = []
    for name, good in sampled_factors(market):
        low, high, _ = ranges(market.figures, name, good, market)
        for setting, values in (("low", low), ("high", high)):
            variants.append((name, good, setting, _with(market, name, good, values)))
    sigma = market.dataset["sourcing_elasticity"].values
    variants += [("sourcing_elasticity", "all goods", f"x {f:g}", market.replace(sourcing_elasticity=sigma * f)) for f in (0.5, 2.0)]
    variants.append(("equal landed prices", "all goods", "variant", equal_landed_prices(market)))
    rows = []
    for name, good, setting, changed in (progress(variants) if progress else variants):
        run = solve(changed, policies, bloc=bloc) if every_maker_paid(changed) else None
        for outcome, function in outcomes.items():
            value = function(run) if run is not None and run.converged.all() else np.nan
            rows.append((outcome, name, good, setting, value, middle[outcome]))
    return pd.DataFrame(rows, columns=["outcome", "parameter", "good", "setting", "value", "central"])


def every_maker_paid(market: Market) -> bool:
    """Does every maker of the benchmark earn more than its inputs cost?"""
    b = make_benchmark(market)
    return bool(np.all(b.margin0[np.broadcast_to(b.output0 > 0, b.margin0.shape)] > 0))


def _with(market: Market, name: str, good: str, values: np.ndarray) -> Market:
    array = market.dataset[name].values.copy()
    at = market.goods.index(good)
    array[at] = np.where(np.isfinite(values), values, array[at])
    return market.replace(**{name: array})


def equal_landed_prices(market: Market) -> Market:
    """The same market with all used routes of a destination at its dearest landed price: freight makes up the difference.

    In the additive logit, differences of benchmark landed prices act as quality premia that never change; without them the nest is
    nearer to a homogeneous good.
    """
    b = make_benchmark(market)
    used = b.flow0 > 0
    top = np.max(np.where(used, b.landed_price0, -np.inf), axis=-2, keepdims=True)
    gap = np.where(used, top - b.landed_price0, 0.0) / (1 + b.import_rate0)
    return market.replace(freight=(b.freight + gap)[0])
