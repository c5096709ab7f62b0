"""A minerals trust that buys below a reference price and sells above it: prices, producers' revenue, cost, and how long it can act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from experiments.analysis import Progress
from experiments.trust_setup import OPENINGS, Setup, beside, measures, prepare, still, trust_band, worlds
from experiments.trust_storers import with_storers
from floormodel.dynamics.attack import stabilisation_gains
from floormodel.dynamics.storage_policy import PriceBand

FAIR = 1.25  # reference of a trust that is to pay more than the market does, over the market's mean
NONE, TRUST, FAIRER, MOVING = "No trust", "Trust at the mean price", f"Trust, {FAIR:g} times the mean", "Trust that follows the market"
REFERENCES, MARGINS, STOCKS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5), (0.05, 0.1, 0.15, 0.2, 0.3), (1.0, 3.0, 6.0, 12.0, 24.0)
FOLLOW = 0.2  # share of the way to the market's price that the moving reference goes each year
BASE = "As above"

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Gains:
    """What steady prices are worth to producers and users together, USD/yr (draws,), by (short-run, long-run) elasticities: at a price
    held at its mean (`full`), and for the part of the variance of prices that the trust takes away (`part`). `producers`: what of `full`
    producers get, long-run elasticities, where the swings come from demand and where from supply."""

    full: tuple[np.ndarray, np.ndarray]
    part: tuple[np.ndarray, np.ndarray]
    producers: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Trusts:
    """Paths by trust, in units of the mean price; measures of `trust_setup.beside` by trust, by trust and opening stock, of the sweeps by
    level, and of the trust at the mean price in other worlds; gains from steady prices; the model with private storers."""

    setup: Setup
    paths: Mapping[str, xr.Dataset]
    by: Mapping[str, Values]
    openings: Mapping[tuple[str, str], Values]
    sweeps: Mapping[str, Mapping[float, Values]]
    worlds: Mapping[str, Values]
    gains: Gains
    storers: pd.DataFrame

    def measures(self, name: str) -> Values:
        return self.by[name]


def compute(name: str, draws: int, seed: int, progress: Progress) -> Trusts:
    """All trusts, which begin empty; by what they begin with, by their rules, in other worlds, and with private storers."""
    setup = prepare(name, draws, seed)
    wanted: dict[str, Callable[[], xr.Dataset]] = {
        NONE: lambda: still(setup), TRUST: lambda: setup.run(trust_band()), FAIRER: lambda: setup.run(trust_band(FAIR)),
        MOVING: lambda: setup.run(trust_band(), follow=FOLLOW)}
    paths = {label: wanted[label]() for label in progress(list(wanted))}
    free = measures(setup, paths[NONE])
    by = {label: beside(measures(setup, path), free) for label, path in paths.items()}

    def trust(band: PriceBand, opening: float = 0.0) -> Values:
        return beside(measures(setup, setup.run(band, opening=opening * band.room)), free)

    openings = {(label, word): by[label] if share == 0 else trust(band, share)
                for label, band in {TRUST: trust_band(), FAIRER: trust_band(FAIR)}.items() for word, share in OPENINGS.items()}
    bands = {"reference": {x: trust_band(reference=x) for x in REFERENCES}, "margin": {x: trust_band(margin=x) for x in MARGINS},
             "months": {x: trust_band(months=x) for x in STOCKS}}
    sweeps = {what: {x: trust(band) for x, band in progress(list(levels.items()))} for what, levels in bands.items()}
    others = {label: beside(measures(w, w.run(trust_band())), measures(w, still(w))) for label, w in progress(list(worlds(setup).items()))}
    storers = with_storers(setup, {NONE: None, TRUST: trust_band(), FAIRER: trust_band(FAIR)})
    return Trusts(setup, paths, by, openings, sweeps, {BASE: by[TRUST], **others}, gains(setup, by[TRUST], free), storers)


def gains(setup: Setup, now: Values, free: Values) -> Gains:
    """What steady prices are worth (Massell 1969), an upper bound: straight curves through the mean price, nothing paid for holding.

    A price held at its mean is worth (slope of supply + slope of demand) x variance / 2 a year. Where the variance falls only to a part,
    the same formula holds for the part that is gone: moving u tonnes a year, with no tonnes in the mean, adds (slopes) (E p^2 - E q^2) / 2
    for prices p before and q after; what trading earns the stock is in it.
    """
    variance = free["price_sd"] ** 2
    gone = 1 - now["price_sd"] ** 2 / variance
    full, producers = [], []
    for horizon in (0, 1):
        rows = np.full((setup.draws, 3), np.nan)
        for i in np.flatnonzero(setup.solved):
            a, b = float(setup.world.supply[horizon][i]), float(setup.world.demand[horizon][i])
            shocks = float(variance[i]) * (a + b) ** 2
            used, made = stabilisation_gains(a, b, 0.0, shocks), stabilisation_gains(a, b, shocks, 0.0)
            rows[i] = used.total, used.producers, made.producers
        scaled = rows.T * setup.worth
        full.append(scaled[0])
        producers.append((scaled[1], scaled[2]))
    return Gains((full[0], full[1]), (full[0] * gone, full[1] * gone), producers[1])
