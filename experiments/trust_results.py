"""A minerals trust that buys below a reference price and sells above it: prices, producers' revenue, cost, and how long it can act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

import floormodel as fm
from experiments.analysis import Progress
from experiments.stock_figures import Figure, World, drawn, free_prices, stock_figures, world
from floormodel.dynamics.buffer import FreeMarket, buffer_stock, present_value
from floormodel.dynamics.storage_market import StorageMarket, lognormal_shocks
from floormodel.dynamics.storage_policy import PriceBand, minerals_trust
from floormodel.dynamics.storage_run import simulate_storage, solve_storage, storage_table
from floormodel.errors import ConvergenceError
from floormodel.finance.price_process import PriceRisk, load_price_risk

YEARS = 20
PATHS = 40  # price paths per draw; more where there are few draws
LEAST = 400  # paths in all
MARGIN, MONTHS = 0.15, 6.0  # the headline trust; the band of the tin agreement of 1982 was about as wide
FAIR = 1.25  # reference of a trust that is to pay more than the market does, over the market's mean
NONE, TRUST, FAIRER, MOVING = "No trust", "Trust at the mean price", f"Trust, {FAIR:g} times the mean", "Trust that follows the market"
REFERENCES, MARGINS, STOCKS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5), (0.05, 0.1, 0.15, 0.2, 0.3), (1.0, 3.0, 6.0, 12.0, 24.0)
FOLLOW = 0.2  # share of the way to the market's price that the moving reference goes each year
SOLVES, STEPS = 10, 30  # draws of the model with private storers; halvings of the search for its shocks
LARGEST = 0.3  # standard deviation of its shocks
GRID = {"nodes": 161, "columns": 25}


@dataclass(frozen=True, eq=False)
class Setup:
    """What trust and buffer stock share: a market as a whole with its price, in USD/t and t/yr; `paths` per draw."""

    market: str
    good: str
    year: int
    world: World
    risk: PriceRisk
    figures: Mapping[str, Figure]
    values: Mapping[str, np.ndarray]
    free: np.ndarray
    paths: int

    @property
    def draws(self) -> int:
        return len(self.world.price)

    @property
    def solved(self) -> np.ndarray:
        """Draws whose elasticities are known (draws,)."""
        return np.isfinite(self.world.supply[0] * self.world.supply[1] * self.world.demand[0] * self.world.demand[1])

    def over(self, values: np.ndarray) -> np.ndarray:
        """One value per draw (draws,) for each of its paths."""
        return np.repeat(values, self.paths)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over years and the paths of a draw (draws,); NaN in draws without elasticities."""
        each = np.mean(np.atleast_2d(values), axis=0).reshape(self.draws, self.paths).mean(1)
        return np.where(self.solved, each, np.nan)

    def with_prices(self, free: np.ndarray) -> Setup:
        """The same on other price paths."""
        return replace(self, free=free)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Standard deviation over years and the paths of a draw (draws,)."""
        return np.where(self.solved, values.reshape(len(values), self.draws, self.paths).std((0, 2)), np.nan)

    def free_market(self, supply: float = 1.0) -> FreeMarket:
        """In units of the benchmark: price 1, use 1 a year. `supply` scales the long-run elasticity of supply."""
        pairs = [tuple(self.over(np.where(self.solved, e, 1.0)) for e in pair) for pair in (self.world.supply, self.world.demand)]
        (short, long), demand = pairs
        return FreeMarket(price=self.free, use=1.0, supply=(short, np.maximum(supply * long, short)), demand=(demand[0], demand[1]))

    def run(self, band: PriceBand, **settings: float | int | None) -> xr.Dataset:
        """Paths of a stock, in units of the benchmark."""
        supply = settings.pop("supply", 1.0)
        assert isinstance(supply, float)
        return buffer_stock(self.free_market(supply), band, storage_cost=self.over(self.values["storage_cost"] / self.world.price),
                            **settings)  # type: ignore[arg-type]

    def cost(self, path: xr.Dataset) -> np.ndarray:
        """Yearly cost, USD (draws,): outlay less sales, with the opening stock bought at the benchmark price and what is left sold at that
        of the last year, as an annuity at each draw's interest."""
        rate = self.over(self.values["interest"])
        opening = (path["public"] - path["bought"]).values[0]
        left = (path["public"] * path["price"]).values[-1] * (1 + rate) ** -(len(path["year"]) - 1.0)
        annuity = rate / (1 - (1 + rate) ** -float(len(path["year"])))
        return self.mean((opening + present_value(path["outlay"].values, rate) - left) * annuity) * self.world.price * self.world.use


@dataclass(frozen=True, eq=False)
class Trusts:
    """Paths by trust (in units of the benchmark) and tables of the sweeps and of the model with private storers."""

    setup: Setup
    paths: Mapping[str, xr.Dataset]
    sweeps: Mapping[str, Mapping[float, Mapping[str, np.ndarray]]]
    storers: pd.DataFrame

    def measures(self, name: str) -> dict[str, np.ndarray]:
        return measures(self.setup, self.paths[name])


def prepare(name: str, draws: int, seed: int) -> Setup:
    """The market as a whole with draws and price paths.

    Raises DataError where the market has no fitted price risk, or none of its draws gives elasticities.
    """
    risk = load_price_risk(name)
    market = fm.load_market(name)
    found = world(name, risk.good, draws, seed)
    paths = max(PATHS, -(-LEAST // draws))
    free, _ = free_prices(risk, YEARS, draws, paths)
    figures = stock_figures(name)
    setup = Setup(name, risk.good, market.year, found, risk, figures, drawn(figures, draws), free, paths)
    if not setup.solved.any():
        raise fm.DataError(f"market {name!r}: no draw gives elasticities of all {risk.good!r}; expected a market that solves with a little "
                           "more supply")
    return setup


def still(setup: Setup) -> xr.Dataset:
    """The market without a trust: a band so wide that nothing is done."""
    return setup.run(PriceBand(1e-9, 1e9, 0.0))


def trust_band(reference: float = 1.0, margin: float = MARGIN, months: float = MONTHS) -> PriceBand:
    """A trust with room for so many months of use."""
    return minerals_trust(reference, margin, months / 12)


def measures(setup: Setup, path: xr.Dataset) -> dict[str, np.ndarray]:
    """Per draw: mean price and standard deviation of its log, chance of a price a quarter below the mean, revenue of producers and its
    standard deviation (benchmark value = 1), yearly cost in USD and in shares of that value, shares of years at each state."""
    price = path["price"].values
    revenue = price * path["output"].values
    out = {"price": setup.mean(price), "sd": setup.spread(np.log(price)), "low": setup.mean(price < 0.75), "high": setup.mean(price > 1.25),
           "revenue": setup.mean(revenue), "revenue_sd": setup.spread(revenue), "cost": setup.cost(path),
           "stock": setup.mean(path["public"].values)}
    out["cost_share"] = out["cost"] / (setup.world.price * setup.world.use)
    for state in ("at_floor", "at_ceiling", "below", "above", "held"):
        out[state] = setup.mean(path[state].values)
    return out


def compute(name: str, draws: int, seed: int, progress: Progress) -> Trusts:
    """All trusts, the sweeps over reference, margin and stock, and the model with private storers."""
    setup = prepare(name, draws, seed)

    def run(band: PriceBand, **settings: float) -> xr.Dataset:
        return setup.run(band, opening=band.room / 2, **settings)

    wanted = {NONE: lambda: still(setup), TRUST: lambda: run(trust_band()), FAIRER: lambda: run(trust_band(FAIR)),
              MOVING: lambda: run(trust_band(), follow=FOLLOW)}
    paths = {label: wanted[label]() for label in progress(list(wanted))}
    bands = {"reference": {x: trust_band(reference=x) for x in REFERENCES}, "margin": {x: trust_band(margin=x) for x in MARGINS},
             "months": {x: trust_band(months=x) for x in STOCKS}}
    sweeps = {what: {x: measures(setup, run(band)) for x, band in progress(list(levels.items()))} for what, levels in bands.items()}
    return Trusts(setup, paths, sweeps, with_storers(setup))


def storage_market(setup: Setup, draw: int, sd: float) -> StorageMarket:
    """The market of one draw with shocks to output that do not last, in units of the benchmark."""
    w, v = setup.world, setup.values
    return StorageMarket(demand_elasticity=float(w.demand[0][draw]), supply_elasticity=float(w.supply[0][draw]),
                         shocks=lognormal_shocks(sd, -(sd**2) / 2),
                         storage_cost=float(v["storage_cost"][draw] / w.price[draw]), interest=float(v["interest"][draw]))


def shock_size(setup: Setup, draw: int) -> float:
    """Standard deviation of the shocks at which prices change from year to year, with private storers, as much as they do; NaN where
    none up to LARGEST does."""
    p = setup.risk.process
    target = float(np.sqrt(p.variance(1.0) + (1 - np.exp(-p.kappa)) ** 2 * p.stationary_sd**2))
    low, high = 1e-3, LARGEST
    for _ in range(STEPS):
        middle = np.sqrt(low * high)
        try:
            prices = simulate_storage(solve_storage(storage_market(setup, draw, middle), nodes=501), 60, 100, burn=60)["price"].values
            small = np.std(np.diff(np.log(prices), axis=0)) < target
        except ConvergenceError:  # shocks so large that prices have no mean
            small = False
        low, high = (middle, high) if small else (low, middle)
        if high / low < 1.01:
            break
    return float(np.sqrt(low * high)) if high < LARGEST else float("nan")


def with_storers(setup: Setup) -> pd.DataFrame:
    """Trusts beside private storers with rational expectations, one row per draw and trust; draws that do not settle are left out."""
    bands = {NONE: None, TRUST: trust_band(), FAIRER: trust_band(FAIR)}
    rows = []
    for draw in np.flatnonzero(setup.solved)[:SOLVES]:
        sd = shock_size(setup, int(draw))
        if np.isnan(sd):
            continue
        for label, band in bands.items():
            try:
                solution = solve_storage(storage_market(setup, int(draw), sd), band, **({} if band is None else GRID))
            except ConvergenceError:
                continue
            table = storage_table({label: simulate_storage(solution, 60, 300)}, band.room if band is not None else None)[label]
            rows.append({"draw": int(draw), "trust": label, "shock_sd": sd, "accuracy": solution.accuracy(500).mean_log10}
                        | {str(k): float(v) for k, v in table.items()})
    return pd.DataFrame(rows)
