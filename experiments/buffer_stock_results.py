"""A commodity agreement with a buffer stock: how long it holds by the price it defends and the stock it has, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.analysis import Progress
from experiments.stock_figures import tin
from experiments.trust_results import MARGIN, YEARS, Setup, measures, prepare, trust_band
from floormodel.dynamics.attack import attack
from floormodel.dynamics.buffer import FreeMarket, buffer_stock
from floormodel.dynamics.storage_policy import PriceBand

CENTRES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5)  # middle of the band over the mean price of the free market
STOCKS = (3.0, 6.0, 12.0, 24.0)  # months of use
MONTHS, WRONG = 6.0, 1.25  # the headline: room for half a year of use, at the mean price and a quarter above it
SOON = 10  # years within which a break counts as soon
SELL_OFF = 0.1  # share of a year's use that a broken agreement sells a year (assumption; the tin council's debt was half a year's use)
SHORT = (1.25, 1.5, 2.0)  # free price over the ceiling that is attacked
STATES = ("in the band", "at the floor", "at the ceiling", "above the ceiling, stock empty", "broken")
FAST, DRIFT, FOLLOW = 2.0, -0.02, 0.2


@dataclass(frozen=True, eq=False)
class Agreement:
    """One agreement: measures per draw (of `trust_results.measures`, and `soon`, `ever`: chance of breaking, `after`: price in the year
    after the break over the floor) and shares of years by state."""

    values: Mapping[str, np.ndarray]
    states: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Agreements:
    """By (centre, months); variants by name; runs on the stock by (free price over ceiling): date and share bought in the run, (draws,);
    `tin`: years until it breaks, and the price a year after over that before, (draws,)."""

    setup: Setup
    grid: Mapping[tuple[float, float], Agreement]
    variants: Mapping[str, tuple[Agreement, Agreement]]
    runs: Mapping[float, tuple[np.ndarray, np.ndarray]]
    tin: tuple[np.ndarray, np.ndarray]


def read(setup: Setup, path: xr.Dataset, floor: float) -> Agreement:
    """Measures of an agreement that gives up once its floor fails."""
    breaks, price = path["breaks"].values, path["price"].values
    gone = breaks < len(price) - 1
    after = np.full(breaks.shape, np.nan)
    after[gone] = price[breaks[gone].astype(int) + 1, np.flatnonzero(gone)] / floor
    by_draw = after.reshape(setup.draws, setup.paths)
    known = np.isfinite(by_draw)
    mean = np.where(known, by_draw, 0.0).sum(1) / np.where(known.any(1), known.sum(1), np.nan)
    values = measures(setup, path) | {"soon": setup.mean((breaks < SOON).astype(float)), "after": np.where(setup.solved, mean, np.nan),
                                      "ever": setup.mean(np.isfinite(breaks).astype(float))}
    lost = path["broken"].values | path["below"].values
    shares = [path["held"].values & ~path["at_floor"].values & ~path["at_ceiling"].values, path["at_floor"].values,
              path["at_ceiling"].values, path["above"].values, lost]
    return Agreement(values, {name: float(np.nanmean(setup.mean(x.astype(float)))) for name, x in zip(STATES, shares)})


def agree(setup: Setup, centre: float, months: float = MONTHS, margin: float = MARGIN, **settings: float) -> Agreement:
    """One agreement, which begins with half of its stock."""
    band = trust_band(centre, margin, months)
    return read(setup, setup.run(band, opening=band.room / 2, **({"sell_off": SELL_OFF} | settings)), band.floor)


def compute(name: str, draws: int, seed: int, progress: Progress) -> Agreements:
    """The grid of centres and stocks, the variants, the run on the stock, and tin."""
    setup = prepare(name, draws, seed)
    wanted = [(centre, months) for months in STOCKS for centre in CENTRES]
    grid = {(centre, months): agree(setup, centre, months) for centre, months in progress(wanted)}
    return Agreements(setup, grid, variants(setup), {x: run_on(setup, x) for x in SHORT}, tin_agreement(setup))


def variants(setup: Setup) -> dict[str, tuple[Agreement, Agreement]]:
    """Agreements at the mean price and at the wrong one, under other rules and worlds."""
    def both(**settings: float) -> tuple[Agreement, Agreement]:
        return agree(setup, 1.0, **settings), agree(setup, WRONG, **settings)

    drifting = setup.with_prices(setup.free * np.exp(DRIFT * np.arange(YEARS))[:, None])
    return {"As above": both(), "A band twice as wide": both(margin=2 * MARGIN), "A stock of two years": both(months=24.0),
            "A band that follows the price": both(follow=FOLLOW), "Supply that responds twice as much in the end": both(supply=FAST),
            "What is left is sold three times as fast": both(sell_off=3 * SELL_OFF),
            f"A market price that falls {-100 * DRIFT:g} % a year": (agree(drifting, 1.0), agree(drifting, WRONG))}


def run_on(setup: Setup, times: float) -> tuple[np.ndarray, np.ndarray]:
    """When a stock of MONTHS is bought out that defends a ceiling at which the free price would be `times` as high: years from the
    beginning and the share of it bought in the run (draws,). Demand is the line through the use at the ceiling."""
    (supply, _), (demand, _) = setup.world.supply, setup.world.demand
    years, share = np.full(setup.draws, np.nan), np.full(setup.draws, np.nan)
    for i in np.flatnonzero(setup.solved):
        made, used = times ** -supply[i], times ** demand[i]
        slope = demand[i] * used
        found = attack(used + slope, slope, 1.0, MONTHS / 12, float(setup.values["interest"][i]), supply=float(made),
                       storage_cost=float(setup.values["storage_cost"][i] / setup.world.price[i]))
        years[i], share[i] = found.date, found.stock / (MONTHS / 12)
    return years, share


def tin_agreement(setup: Setup) -> tuple[np.ndarray, np.ndarray]:
    """The tin agreement of 1982 with this market's elasticities: years its money lasts, and the price a year after the break over the
    price it held. No export control."""
    t = tin()
    market = setup.free_market()
    flat = FreeMarket(price=np.full((40, setup.draws * setup.paths), t["after_two_years"]), use=t["use"], supply=market.supply,
                      demand=market.demand)
    held = t["held"]
    path = buffer_stock(flat, PriceBand(held, held * (1 + t["width"]), 1e9, cash=t["money"]), sell_off=SELL_OFF * t["use"])
    breaks = path["breaks"].values
    year = np.minimum(np.where(np.isfinite(breaks), breaks, 38), 38).astype(int)
    after = path["price"].values[year + 1, np.arange(len(year))] / held
    return setup.mean(breaks), setup.mean(after)
