"""What trust and buffer stock share: a market as a whole with its prices, other worlds it may be in, and what is measured on a path."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import floormodel as fm
from experiments.stock_figures import FIGURES, Figure, World, drawn, free_prices, stock_figures, swings, world
from experiments.words import number, quantiles
from floormodel.dynamics.buffer import FreeMarket, buffer_stock, present_value
from floormodel.dynamics.storage_policy import PriceBand, minerals_trust
from floormodel.finance.price_process import PriceRisk, load_price_risk

YEARS = 20
PATHS = 40  # price paths per draw; more where there are few draws
LEAST = 400  # paths in all
MARGIN, MONTHS = 0.15, 6.0  # the headline band and room; the band of the tin agreement of 1982 was about as wide
FAST, DRIFT = 2.0, -0.02  # supply in the long run, times; yearly growth of a market price that falls
OPENINGS = {"empty": 0.0, "half full": 0.5, "full": 1.0}  # what a stock holds before the first year, share of its room
LEVEL = "long_run_price"  # mean price over that of the benchmark, in the money of the benchmark's year


@dataclass(frozen=True, eq=False)
class Setup:
    """A market as a whole with its price, in USD/t and t/yr; `paths` per draw.

    `half` (years) and `sigma` (per root year) of its swings (draws,); `free` (years, draws x paths) are the prices they give; `price` of
    the benchmark without draws, USD/t; `sold`: region by good, up to the good of the price, value of the benchmark's output, USD/yr;
    `hashes` of the files that all comes from.
    """

    market: str
    good: str
    year: int
    hashes: Mapping[str, str]
    price: float
    sold: pd.DataFrame
    world: World
    risk: PriceRisk
    figures: Mapping[str, Figure]
    values: Mapping[str, np.ndarray]
    half: np.ndarray
    sigma: np.ndarray
    free: np.ndarray
    paths: int
    seed: int

    @property
    def draws(self) -> int:
        return len(self.world.price)

    @property
    def drawn(self) -> str:
        """What is drawn, for the notes of a brief."""
        return (f"{self.draws:,} draws of the calibration, of half-life and volatility, interest and storage cost, {self.paths} price "
                f"paths each; {100 * float(self.solved.mean()):.4g} % solved.")

    @property
    def solved(self) -> np.ndarray:
        """Draws whose elasticities are known (draws,)."""
        return np.isfinite(self.world.supply[0] * self.world.supply[1] * self.world.demand[0] * self.world.demand[1])

    @property
    def worth(self) -> np.ndarray:
        """Value of the output of the market without a stock, USD/yr (draws,)."""
        return self.world.price * self.world.use

    def over(self, values: np.ndarray) -> np.ndarray:
        """One value per draw (draws,) for each of its paths."""
        return np.repeat(values, self.paths)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over years and the paths of a draw (draws,); NaN in draws without elasticities."""
        each = np.mean(np.atleast_2d(values), axis=0).reshape(self.draws, self.paths).mean(1)
        return np.where(self.solved, each, np.nan)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Standard deviation over years and the paths of a draw (draws,)."""
        return np.where(self.solved, values.reshape(len(values), self.draws, self.paths).std((0, 2)), np.nan)

    def with_prices(self, free: np.ndarray) -> Setup:
        """The same on other price paths."""
        return replace(self, free=free)

    def with_swings(self, half: float | None = None, sigma: float | None = None) -> Setup:
        """The same shocks with a half-life or a volatility that is one in all draws."""
        now = [old if new is None else np.full(self.draws, new) for old, new in ((self.half, half), (self.sigma, sigma))]
        return replace(self, half=now[0], sigma=now[1], free=free_prices(now[0], now[1], len(self.free), self.paths, self.seed))

    def with_world(self, **parts: np.ndarray | tuple[np.ndarray, np.ndarray]) -> Setup:
        """The same with another price, use or elasticities."""
        return replace(self, world=replace(self.world, **parts))  # type: ignore[arg-type]

    def free_market(self) -> FreeMarket:
        """In units of the mean price: price 1, use 1 a year."""
        supply, demand = (tuple(self.over(np.where(self.solved, e, 1.0)) for e in pair) for pair in (self.world.supply, self.world.demand))
        return FreeMarket(price=self.free, use=1.0, supply=(supply[0], supply[1]), demand=(demand[0], demand[1]))

    def run(self, band: PriceBand, **settings: float) -> xr.Dataset:
        """Paths of a stock, in units of the mean price; it begins empty unless `opening` says otherwise."""
        return buffer_stock(self.free_market(), band, storage_cost=self.over(self.values["storage_cost"] / self.world.price), **settings)

    def cost(self, path: xr.Dataset) -> np.ndarray:
        """Yearly cost, USD (draws,): outlay less sales, with the opening stock bought at the mean price at once and what is left sold at
        the last year's price a year after it, as an annuity paid at the beginning of each year, at each draw's interest. Holding S at a
        constant price so costs S (r / (1 + r) + storage)."""
        rate, years = self.over(self.values["interest"]), float(path.sizes["year"])
        opening = (path["public"] - path["bought"]).values[0]
        left = (path["public"] * path["price"]).values[-1] * (1 + rate) ** -years
        annuity = rate / (1 - (1 + rate) ** -years) / (1 + rate)
        return self.mean((opening + present_value(path["outlay"].values, rate) - left) * annuity) * self.worth


def prepare(name: str, draws: int, seed: int) -> Setup:
    """The market as a whole with draws and price paths.

    Raises DataError where the market has no fitted price risk, or none of its draws gives elasticities.
    """
    risk = load_price_risk(name)
    market = fm.load_market(name)
    found = world(name, risk.good, draws, seed)
    paths = max(PATHS, -(-LEAST // draws))
    half, sigma = swings(risk, draws, seed)
    figures = stock_figures(name)
    goods = market.goods[:market.goods.index(risk.good) + 1]
    sold = (market.dataset["output0"] * market.dataset["price0"]).sel(good=list(goods)).fillna(0.0).to_pandas().T
    files = [FIGURES, Path(fm.__file__).parent / "data" / name / "price_process.csv"]
    setup = Setup(name, risk.good, market.year, market.hashes | {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files},
                  float(world(name, risk.good, 1, seed).price[0]), sold, found, risk, figures, drawn(figures, draws, seed), half, sigma,
                  free_prices(half, sigma, YEARS, paths, seed), paths, seed)
    if not setup.solved.any():
        raise fm.DataError(f"market {name!r}: no draw gives elasticities of all {risk.good!r}; expected a market that solves with a little "
                           "more supply")
    return setup


def worlds(setup: Setup) -> dict[str, Setup]:
    """Other worlds: the end points of half-life, volatility and elasticities (5 and 95 % over draws), other levels of the price."""
    risk, w = setup.risk, setup.world
    out = {f"Swings half gone in {number(x)} years": setup.with_swings(half=x) for x in risk.half_life}
    out |= {f"Volatility {number(x)}": setup.with_swings(sigma=x) for x in risk.sigma}
    for name, key, pair in (("Supply", "supply", w.supply), ("Use", "demand", w.demand)):
        ends = [(quantiles(e)[0], quantiles(e)[2]) for e in pair]
        for short, long in zip(*ends):
            same = [np.where(setup.solved, e, np.nan) for e in (short, long)]
            out[f"{name} elasticity {number(short)}, then {number(long)}"] = setup.with_world(**{key: (same[0], same[1])})
    out[f"Supply that responds {FAST:g} times as much in the end"] = setup.with_world(
        supply=(w.supply[0], np.maximum(FAST * w.supply[1], w.supply[0])))
    out[f"A market price that falls {-100 * DRIFT:g} % a year"] = setup.with_prices(
        setup.free * np.exp(DRIFT * np.arange(len(setup.free)))[:, None])
    if LEVEL in setup.figures:
        level = setup.figures[LEVEL]
        for x in (level.low, level.high):
            out[f"All prices {number(x)} times as high"] = setup.with_world(price=x * w.price)
        rising = free_prices(setup.half, setup.sigma, len(setup.free), setup.paths, setup.seed, 1 / level.value)
        out[f"A price that begins low and returns to a mean {number(level.value)} times as high"] = (
            setup.with_world(price=level.value * w.price).with_prices(rising))
    return out


def still(setup: Setup) -> xr.Dataset:
    """The market without a stock: a band so wide that nothing is done."""
    return setup.run(PriceBand(1e-9, 1e9, 0.0))


def trust_band(reference: float = 1.0, margin: float = MARGIN, months: float = MONTHS) -> PriceBand:
    """A band with room for so many months of use."""
    return minerals_trust(reference, margin, months / 12)


def measures(setup: Setup, path: xr.Dataset) -> dict[str, np.ndarray]:
    """Per draw: mean price and standard deviation of its log, chance of a price a quarter below or above the mean, revenue of producers
    and its standard deviation (of the market's value), yearly cost in USD and in shares of that value, the mean stock and what is bought
    less sold a year (shares of a year's use), shares of years at each state."""
    price = path["price"].values
    revenue = price * path["output"].values
    out = {"price": setup.mean(price), "sd": setup.spread(np.log(price)), "low": setup.mean(price < 0.75), "high": setup.mean(price > 1.25),
           "revenue": setup.mean(revenue), "revenue_sd": setup.spread(revenue), "cost": setup.cost(path),
           "stock": setup.mean(path["public"].values), "net_bought": setup.mean(path["bought"].values), "price_sd": setup.spread(price)}
    out["cost_share"] = out["cost"] / setup.worth
    for state in ("at_floor", "at_ceiling", "below", "above", "held"):
        out[state] = setup.mean(path[state].values)
    return out


CHANGES = {"sd_change": "sd", "price_change": "price", "revenue_change": "revenue", "revenue_sd_change": "revenue_sd"}


def beside(now: Mapping[str, np.ndarray], free: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Measures with their changes against the market without a stock, shares: `sd_change`, `price_change`, `revenue_change` and
    `revenue_sd_change` (draws,)."""
    return dict(now) | {name: now[what] / free[what] - 1 for name, what in CHANGES.items()}
