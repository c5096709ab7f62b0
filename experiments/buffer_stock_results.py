"""A commodity agreement with a buffer stock: how long it holds by the price it defends and the stock it has, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.analysis import Progress
from experiments.stock_figures import tin
from experiments.trust_setup import MARGIN, OPENINGS, Setup, beside, measures, prepare, still, trust_band, worlds
from floormodel.dynamics.attack import Attack, attack
from floormodel.dynamics.buffer import FreeMarket, buffer_stock
from floormodel.dynamics.storage_policy import PriceBand

CENTRES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5)  # middle of the band over the mean price of the free market
STOCKS = (3.0, 6.0, 12.0, 24.0)  # months of use
MONTHS, WRONG = 6.0, 1.25  # the headline: room for half a year of use, at the mean price and a quarter above it
SOON = 10  # years within which a break counts as soon
SELL_OFF = 0.1  # share of a year's use that a broken agreement sells a year (assumption; the tin council's debt was half a year's use)
SALES = (0.0, 0.05, 0.3)  # other sell-offs
SHORT = (1.25, 1.5, 2.0)  # free price over the ceiling that is attacked
STATES = ("in the band", "at the floor", "at the ceiling", "above the ceiling, stock empty", "broken")
FOLLOW = 0.2
BASE, UNSOLD = "As above", "Nothing is sold after the break"


@dataclass(frozen=True, eq=False)
class Agreement:
    """One agreement: measures per draw (of `trust_setup.beside`, and `soon`, `ever`: chance of breaking, `after`: price in the year after
    the break over the floor in force at the break) and shares of years by state."""

    values: Mapping[str, np.ndarray]
    states: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Run:
    """The run on the stock (draws,): years from the beginning, share of the stock bought in it, and the price over the ceiling at which
    private storers have used it up."""

    years: np.ndarray
    share: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True, eq=False)
class Agreements:
    """By (centre, months); variants by name; runs on the stock by (free price over the ceiling), with (short-run, long-run) elasticities;
    `tin`, by world use in t/yr: years until it breaks, and the price a year after over that before, (draws,)."""

    setup: Setup
    grid: Mapping[tuple[float, float], Agreement]
    variants: Mapping[str, tuple[Agreement, Agreement]]
    runs: Mapping[float, tuple[Run, Run]]
    tin: Mapping[float, tuple[np.ndarray, np.ndarray]]


def read(setup: Setup, path: xr.Dataset, free: Mapping[str, np.ndarray]) -> Agreement:
    """Measures of an agreement that gives up once its floor fails, beside those of the market without it."""
    breaks, price = path["breaks"].values, path["price"].values
    gone = breaks < len(price) - 1
    year, at = breaks[gone].astype(int), np.flatnonzero(gone)
    after = np.full(breaks.shape, np.nan)
    after[gone] = price[year + 1, at] / path["floor"].values[year, at]
    by_draw = after.reshape(setup.draws, setup.paths)
    known = np.isfinite(by_draw)
    mean = np.where(known, by_draw, 0.0).sum(1) / np.where(known.any(1), known.sum(1), np.nan)
    values = beside(measures(setup, path), free) | {
        "soon": setup.mean((breaks < SOON).astype(float)), "after": np.where(setup.solved, mean, np.nan),
        "ever": setup.mean(np.isfinite(breaks).astype(float))}
    lost = path["broken"].values | path["below"].values
    shares = [path["held"].values & ~path["at_floor"].values & ~path["at_ceiling"].values, path["at_floor"].values,
              path["at_ceiling"].values, path["above"].values, lost]
    return Agreement(values, {name: float(np.nanmean(setup.mean(x.astype(float)))) for name, x in zip(STATES, shares)})


def agree(setup: Setup, free: Mapping[str, np.ndarray], centre: float, months: float = MONTHS, margin: float = MARGIN, opening: float = 0.0,
          **settings: float) -> Agreement:
    """One agreement, which begins with `opening`, a share of its room."""
    band = trust_band(centre, margin, months)
    return read(setup, setup.run(band, opening=opening * band.room, **({"sell_off": SELL_OFF} | settings)), free)


def compute(name: str, draws: int, seed: int, progress: Progress) -> Agreements:
    """The grid of centres and stocks, the variants, the run on the stock, and tin."""
    setup = prepare(name, draws, seed)
    free = measures(setup, still(setup))
    wanted = [(centre, months) for months in STOCKS for centre in CENTRES]
    grid = {(centre, months): agree(setup, free, centre, months) for centre, months in progress(wanted)}
    runs = {x: (run_on(setup, x, 0), run_on(setup, x, 1)) for x in SHORT}
    return Agreements(setup, grid, variants(setup, progress), runs, {tin()[k]: tin_agreement(setup, tin()[k]) for k in ("use", "use_low")})


def variants(setup: Setup, progress: Progress) -> dict[str, tuple[Agreement, Agreement]]:
    """Agreements at the mean price and at the wrong one, under other rules and worlds."""
    rules: dict[str, dict[str, float]] = {
        BASE: {}, "A band twice as wide": {"margin": 2 * MARGIN}, "A stock of two years": {"months": 24.0},
        "A band that follows the price": {"follow": FOLLOW}}
    rules |= {UNSOLD if x == 0 else f"Sold after the break, {100 * x:g} % of use a year": {"sell_off": x} for x in SALES}
    rules |= {f"A stock that begins {word}": {"opening": share} for word, share in OPENINGS.items() if share > 0}
    cases = [(name, setup, settings) for name, settings in rules.items()] + [(name, w, {}) for name, w in worlds(setup).items()]
    out = {}
    for name, w, settings in progress(cases):
        free = measures(w, still(w))
        out[name] = (agree(w, free, 1.0, **settings), agree(w, free, WRONG, **settings))
    return out


def run_on(setup: Setup, times: float, horizon: int) -> Run:
    """The run on a full stock of MONTHS that defends a ceiling at which the free price would be `times` as high, with elasticities of the
    short run (horizon 0) or of the long run (1)."""
    stock = MONTHS / 12
    years, share, ends = (np.full(setup.draws, np.nan) for _ in range(3))
    for i in np.flatnonzero(setup.solved):
        found = run_of_draw(setup, int(i), times, stock, horizon)
        years[i], share[i], ends[i] = found.date, found.stock / stock, found.price_after(found.lasts)
    return Run(years, share, ends)


def run_of_draw(setup: Setup, i: int, times: float, stock: float, horizon: int) -> Attack:
    """The run in one draw, in units of the ceiling and of a year's use at the free price. What use lacks beyond output is the straight line
    from that at the ceiling to none at the free price, so that the price rises to the latter as the private stock is used up."""
    lacks = times ** setup.world.demand[horizon][i] - times ** -setup.world.supply[horizon][i]
    slope = lacks / (times - 1)
    return attack(lacks + slope, slope, 1.0, stock, float(np.log1p(setup.values["interest"][i])),
                  storage_cost=float(setup.values["storage_cost"][i] / setup.world.price[i]))


def tin_agreement(setup: Setup, use: float) -> tuple[np.ndarray, np.ndarray]:
    """The tin agreement of 1982 with this market's elasticities and a world use, t/yr: years its money lasts, and the price a year after
    the break over the price it held. No export control."""
    t = tin()
    market = setup.free_market()
    flat = FreeMarket(price=np.full((40, setup.draws * setup.paths), t["after_two_years"]), use=use, supply=market.supply,
                      demand=market.demand)
    held = t["held"]
    path = buffer_stock(flat, PriceBand(held, held * (1 + t["width"]), 1e9, cash=t["money"]), sell_off=SELL_OFF * use)
    breaks = path["breaks"].values
    year = np.minimum(np.where(np.isfinite(breaks), breaks, 38), 38).astype(int)
    after = path["price"].values[year + 1, np.arange(len(year))] / held
    return setup.mean(breaks), setup.mean(after)
