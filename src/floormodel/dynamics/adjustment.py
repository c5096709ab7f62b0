"""Partial adjustment: the market of one period, given what was made, used and bought from whom in the last.

Nerlove (1958): x_t = x_{t-1} + speed (x*_t - x_{t-1}) in logs, with x* the long-run response. So a period's elasticity
is speed x the long-run one, around a point that last period's quantity moved by (x_{t-1})^(1 - speed); prices held for
good bring the long-run response. The yearly speed is the ratio of the short-run to the long-run elasticity, and at the
benchmark the first yearly period is the static market of the short run. Sourcing shares adjust likewise: weights
s0 (s_{t-1} / s0)^(1 - speed) at the period's elasticity come to rest at the long-run shares and the long-run price index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from floormodel.equilibrium.solve import Solved
from floormodel.errors import DataError
from floormodel.figure_tables import to_arrays
from floormodel.market import Market

Array = np.ndarray
LEAST = 1e-4  # of the benchmark's trend: where last period's tonnes fell below, the next starts from here (an assumption)
CHEAPEST = 0.05  # of a latent plant's full cost: the least that running it is taken to cost (an assumption)
KINDS = ("supply", "demand", "sourcing")
HABITS = ("supply", "demand", "share", "pull")  # the arrays of a Habit


@dataclass(frozen=True, eq=False)
class Habit:
    """What the last period leaves: quantities over the benchmark's trend, `supply`, `demand` (B, G, R), `share` (B, G, O, D), and
    `pull` (B, G, R), output over what the supply curve gives at benchmark prices.
    """

    supply: Array
    demand: Array
    share: Array
    pull: Array

    def at(self, rows: Array) -> Habit:
        """The same for some draws."""
        return Habit(self.supply[rows], self.demand[rows], self.share[rows], self.pull[rows])


def fresh(market: Market) -> Habit:
    """The benchmark's own habit: ones."""
    b, g, r = market.draws, len(market.goods), len(market.regions)
    return Habit(np.ones((b, g, r)), np.ones((b, g, r)), np.ones((b, g, r, r)), np.ones((b, g, r)))


def added(base: Array, entered: Array, pull: Array) -> Array:
    """Part of the supply shift that new plants make where the good is made already: so much that, pulled as the curve was in the
    last period, they give their capacity and no more."""
    return np.where(base > 0, entered / np.where(base > 0, base * np.maximum(pull, LEAST), 1.0), 0.0)


@dataclass(frozen=True, eq=False)
class Speeds:
    """Speed of adjustment per period and the period's elasticities, by kind, each (B or 1, G, R)."""

    speed: Mapping[str, Array]
    elasticity: Mapping[str, Array]

    def at(self, rows: Array) -> Speeds:
        """The same for some draws."""
        return Speeds(*({kind: value[rows] if len(value) > 1 else value for kind, value in held.items()}
                        for held in (self.speed, self.elasticity)))


def speeds(market: Market, periods_per_year: int = 1, yearly: Mapping[str, float] | None = None) -> Speeds:
    """Speeds and elasticities of a period from both sets of elasticities in the market's figures.

    Parameters
    ----------
    market : of either horizon, with or without draws; the ratio of short to long run is that of the central figures
    periods_per_year : 1 or 4; a period's speed is 1 - (1 - yearly)^(1 / periods)
    yearly : speeds to use instead, by kind ("supply", "demand", "sourcing"), each above 0 to 1

    Raises
    ------
    DataError
        For a market without both sets (entered by hand) and no `yearly`; for a speed outside its range.
    """
    central, given = _central(market), dict(yearly or {})
    speed: dict[str, Array] = {}
    elasticity: dict[str, Array] = {}
    for kind in KINDS:
        name = f"{kind}_elasticity"
        value = given.get(kind)
        if value is not None and not 0 < value <= 1:
            raise DataError(f"speed of {kind}: found {value!r}; expected a number above 0 to 1")
        if value is None and central is None:
            raise DataError(f"market {market.name!r} has no figures of both horizons; expected yearly speeds, such as "
                            'adjustment={"supply": 0.3, "demand": 0.3, "sourcing": 0.3}')
        values = by_draw(market.dataset[name])
        if value is not None:
            year = np.full((1, *values.shape[1:]), value)
        else:
            assert central is not None
            short, long = (np.nan_to_num(central[h][name].values) for h in ("short", "long"))
            year = np.where(long > 0, np.clip(short / np.where(long > 0, long, 1.0), 0.0, 1.0), 1.0)[None]
        speed[kind] = 1 - (1 - year) ** (1 / periods_per_year)
        if periods_per_year == 1 and market.horizon == "short":
            elasticity[kind] = values
        else:
            long_run = values / np.where(year > 0, year, 1.0) if market.horizon == "short" else values
            elasticity[kind] = long_run * speed[kind]
    return Speeds(speed, elasticity)


def over_periods(at: Speeds, periods: int) -> Speeds:
    """Speeds and elasticities of so many periods taken together: 1 - (1 - speed)^periods of the long-run response."""
    speed = {kind: 1 - (1 - value) ** max(periods, 1) for kind, value in at.speed.items()}
    return Speeds(speed, {kind: value * np.where(at.speed[kind] > 0, speed[kind] / np.where(at.speed[kind] > 0, at.speed[kind], 1.0), 1.0)
                          for kind, value in at.elasticity.items()})


def by_draw(array: xr.DataArray) -> Array:
    """Values with an axis of draws in front, of length 1 where there are none."""
    return array.values if "draw" in array.dims else array.values[None]


def _central(market: Market) -> dict[str, xr.Dataset] | None:
    if market.figures.empty:
        return None
    return {h: to_arrays(market.figures, market.goods, market.regions, h) for h in ("short", "long")}


def period_market(market: Market, at: Speeds, habit: Habit, trend_supply: Array, trend_demand: Array, entered: Array,
                  running_cost: Array | float = np.nan, shock: Array | float = 1.0) -> Market:
    """The static market of one period.

    Parameters
    ----------
    trend_supply, trend_demand : (G, R) factors on benchmark output and final use, 1 at the start
    entered : (B, G, R) tonnes a year of new plants; where nothing is made in the benchmark they are the latent project's
        capacity, elsewhere they widen the supply curve
    running_cost : (B, G, R) USD/t that plants standing at a node spend, capital and inputs apart; NaN where none is planned
    shock : (G, R) factor on supply for this period only

    Returns
    -------
    Market with a draw dimension where any of these has one.
    """
    base = by_draw(market.dataset["output0"])
    latent = np.zeros(base.shape[1:], bool)
    for good, region in market.opened:
        latent[market.goods.index(good), market.regions.index(region)] = True
    new = np.where(latent, 0.0, added(base, entered, habit.pull))
    kept = {kind: 1 - at.speed[kind] for kind in KINDS}
    changes = {
        "supply_shift": shock * (trend_supply * np.maximum(habit.supply, LEAST) ** kept["supply"] + new),
        "demand_shift": trend_demand * np.maximum(habit.demand, LEAST) ** kept["demand"],
        "route_shift": np.maximum(habit.share, LEAST) ** kept["sourcing"][:, :, None, :],
        **{f"{kind}_elasticity": at.elasticity[kind] for kind in KINDS},
    }
    if latent.any():
        changes["latent_capacity"] = np.where(latent, np.maximum(entered, 1e-9), 0.0)
        full_cost = by_draw(market.dataset["latent_unit_cost"])
        sunk = np.maximum(running_cost, CHEAPEST * np.abs(full_cost))  # capital that is spent keeps no plant idle
        changes["latent_unit_cost"] = np.where(latent & np.isfinite(running_cost), sunk, full_cost)
    draws = market.draws
    return market.replace(**{name: np.broadcast_to(array, (draws, *np.shape(array)[1:])) if draws > 1 else np.asarray(array)[0]
                             for name, array in changes.items()})


def next_habit(solved: Solved, habit: Habit, trend_supply: Array, trend_demand: Array, entered: Array, shock: Array | float) -> Habit:
    """Habit after a solved period; a node or draw without a finite figure keeps the old one."""
    s, b = solved.state, solved.state.benchmark
    trend = b.output0 * trend_supply * shock
    new = shock * added(b.output0, entered, habit.pull) / np.where(b.supply_shift > 0, b.supply_shift, 1.0)
    share_old = np.where(b.latent, 1.0, 1 - new)
    demand0 = b.final_demand0 * trend_demand
    ok = solved.solution.converged[:, None, None]

    def ratio(value: Array, over: Array, old: Array) -> Array:
        live = ok & (over > 0) & np.isfinite(value)
        return np.where(live, value / np.where(over > 0, over, 1.0), old)

    share0 = b.flow0 / np.where(b.use0 > 0, b.use0, 1.0)[:, :, None, :]
    share = np.stack([nest.share for nest in s.sourcing], axis=1)
    moved = ok[..., None] & (share0 > 0) & np.isfinite(share)
    return Habit(ratio(s.output * share_old, trend, habit.supply), ratio(s.wanted, demand0, habit.demand),
                 np.where(moved, share / np.where(share0 > 0, share0, 1.0), habit.share),
                 ratio(s.output, b.output0 * b.supply_shift, habit.pull))
