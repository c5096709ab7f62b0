"""`fm.stock_path`: private stocks of one good over some years, with prices foreseen, on the static market of each year.

    p[t] + cost - (1 - loss) p[t+1] / (1 + interest) >= 0   complementary to   0 <= stock[t] <= capacity

The static market gives p[t], the price buyers pay where the stock is held, at the change of stocks of the year. The years' markets
are solved together; Newton's method on the stocks takes the derivative of prices from the markets' own Jacobians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from floormodel.dynamics.growth import Disruption, load_projections, shocks, trend
from floormodel.dynamics.stock_rule import benchmark_use
from floormodel.dynamics.stock_years import StockYears
from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.newton import Solution, solve_mcp
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.errors import Faults, ScenarioError, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Instrument

TOLERANCE = 1e-10  # of the arbitrage conditions, relative to the benchmark price, and of stocks, to a year's use
LARGEST_STEP = 0.5  # of a stock in one Newton step, in years of use


@dataclass(frozen=True, kw_only=True, eq=False)
class Store:
    """Where private storers hold a good.

    Parameters
    ----------
    regions : whose buyers it buys from the market with and releases to, in proportion to their benchmark use; None: all, a world stock
    cost : USD/t a year, paid when a tonne is put away; loss : share of the stock a year
    opening : t at the end of the year before the first, one number or one per draw; capacity : t, the most it holds
    public : t of a public stock in the same place at the end of each year (years,) or (years, draws), bought and released in the same
        market at the same price; `public_opening` as `opening`
    """

    name: str = "world"
    regions: tuple[str, ...] | None = None
    cost: float = 0.0
    loss: float = 0.0
    opening: float | Array = 0.0
    capacity: float = np.inf
    public: Sequence[float] | Array | None = None
    public_opening: float | Array = 0.0


@dataclass(frozen=True, eq=False)
class StockPath:
    """Stocks and prices of a path.

    Attributes
    ----------
    dataset : over (year, draw, store): stock, change, price, gain (of holding a tonne until next year, USD/t now: below zero
        where none is held) and public; over (year, draw, good, region): price_at_gate, buyer_price, output, use; per draw `converged`
        and `reexported`, true where more is released than buyers there use, which the static market cannot ship on.
    solved : the equilibria of all years, draws by years one after another
    """

    market: Market
    dataset: xr.Dataset
    solved: Solved

    @property
    def converged(self) -> np.ndarray:
        """Flag (draw,)."""
        return self.dataset["converged"].values


def stock_path(market: Market, good: str, stores: Sequence[Store], years: Sequence[int], *, policies: Sequence[Instrument] = (),
               interest: float = 0.05, end_price: float = 0.0, growth: str | pd.DataFrame | None = None, growth_scenario: str | None = None,
               disruptions: Sequence[Disruption] = (), supply: Array | float = 1.0, demand: Array | float = 1.0) -> StockPath:
    """Competitive stocks under perfect foresight on the static market of each year.

    Parameters
    ----------
    market : with or without draws; its elasticities hold in every year
    stores : `Store`s of the good; an interest rate is common to all
    years : whole years one after another
    policies : instruments in force in all years; none with market power or export licences
    end_price : USD/t that a tonne left after the last year is worth a year later; 0: nothing is left
    growth, growth_scenario, disruptions : as in `fm.simulate`
    supply, demand : more factors on output and on final use, broadcast to (years, goods, regions) or (years, draws, goods, regions)

    Returns
    -------
    StockPath

    Raises
    ------
    ScenarioError
        For stores, years or factors that do not fit, all faults at once.
    """
    beginnings = _check(market, good, stores, years, interest, end_price)
    table = load_projections(market.name) if isinstance(growth, str) else growth
    cut = shocks(market, disruptions, beginnings, 1.0)
    made = _by_draw(market, supply, len(beginnings)) * (cut * trend(market, table, growth_scenario, "output", beginnings))[:, None]
    used = _by_draw(market, demand, len(beginnings)) * trend(market, table, growth_scenario, "final_demand", beginnings)[:, None]
    weights = _weights(market, good, stores)
    if len(weights) > 1:  # every draw once per year
        weights = np.repeat(weights, len(beginnings), axis=0)
    kernel = StockYears(_years_as_draws(market, made, used), market.goods.index(good), weights, policies)
    problem = _Arbitrage(kernel, stores, market.draws, len(beginnings), interest, end_price)
    found = problem.solve()
    change = problem.changes(problem.stocks(found.z, np.arange(market.draws)), np.arange(market.draws)).reshape(-1, len(stores))
    if np.any(change != 0):
        solved = kernel.solved(change)
    else:
        solved = find_quietly(kernel.market, policies)
    return StockPath(market, _dataset(problem, found, solved, change, beginnings), solved)


def _check(market: Market, good: str, stores: Sequence[Store], years: Sequence[int], interest: float, end_price: float) -> Array:
    faults = Faults("stock_path", ScenarioError)
    whole = [int(y) for y in years]
    if not whole or whole != list(range(whole[0], whole[0] + len(whole))):
        faults.add("years", list(years), "whole years one after another", "range(2025, 2035)")
    if good not in market.goods:
        faults.add("good", good, "a good of the market", did_you_mean(good, market.goods))
        faults.raise_if_any()
    if not stores or len({s.name for s in stores}) < len(stores):
        faults.add("stores", [s.name for s in stores], "one or more, each with a name of its own")
    if not -0.5 < interest < 1 or not end_price >= 0:
        faults.add("interest, end_price", f"{interest}, {end_price}", "a rate such as 0.05 and a price of 0 or more")
    used = benchmark_use(market, good)
    for s in stores:
        unknown = [r for r in s.regions or () if r not in market.regions]
        for region in unknown:
            faults.add(f"store {s.name!r}, regions", region, "a region of the market", did_you_mean(region, market.regions))
        if not unknown and np.any(used[:, np.isin(market.regions, s.regions or market.regions)].sum(1) <= 0):
            faults.add(f"store {s.name!r}, regions", list(s.regions or ()), f"regions whose buyers use {good!r} in the benchmark")
        if not (s.cost >= 0 and 0 <= s.loss < 1 and s.capacity >= 0):
            found = f"cost {s.cost}, loss {s.loss}, capacity {s.capacity}"
            faults.add(f"store {s.name!r}", found, "numbers of 0 or more, the loss below 1")
        for name, shape in (("opening", ()), ("public_opening", ()), ("public", (len(whole),))):
            value = getattr(s, name)
            given = np.zeros(shape) if value is None else np.asarray(value, float)
            if given.shape not in (shape, (*shape, market.draws)) or not np.all(np.isfinite(given) & (given >= 0)):
                what = "one number, or one per draw" if name != "public" else f"{len(whole)} of them, one per year, or (years, draws)"
                faults.add(f"store {s.name!r}, {name}", repr(value), f"tonnes of 0 or more: {what}")
    faults.raise_if_any()
    return np.array(whole, float)


def _weights(market: Market, good: str, stores: Sequence[Store]) -> Array:
    """Share (B or 1, N, R) of each region in what a store buys and releases."""
    chosen = np.array([np.isin(market.regions, s.regions or market.regions) for s in stores])
    used = chosen * benchmark_use(market, good)[:, None]
    return used / used.sum(2, keepdims=True)


def _by_draw(market: Market, factor: Array | float, years: int) -> Array:
    """Factors (T, B, G, R), given so or broadcast to (T, G, R)."""
    given, shape = np.asarray(factor, float), (years, len(market.goods), len(market.regions))
    return np.broadcast_to(given if given.ndim == 4 else np.broadcast_to(given, shape)[:, None], (years, market.draws, *shape[1:]))


def _years_as_draws(market: Market, supply: Array, demand: Array) -> Market:
    """Every draw once per year, with the year's factors (T, B, G, R)."""
    years, ds = len(supply), market.dataset
    many = replace(market, dataset=ds.isel(draw=np.repeat(np.arange(market.draws), years))) if "draw" in ds.sizes else market
    shift = {name: many.dataset[name].values * np.swapaxes(factor, 0, 1).reshape(-1, *factor.shape[2:]) for name, factor in
             (("supply_shift", supply), ("demand_shift", demand))}
    return many.replace(**shift)


class _Arbitrage:
    """A `newton.Problem` of B draws: z (k, T N) end-of-year stocks in years of use, f the loss on a tonne held, over price0."""

    def __init__(self, kernel: StockYears, stores: Sequence[Store], draws: int, years: int, interest: float, end_price: float):
        self.kernel, self.stores, self.draws, self.years = kernel, stores, draws, years
        self.scale, self.price0 = (x.reshape(draws, years, -1)[:, :1] for x in (kernel.scale, kernel.price0))  # (B, 1, N)
        self.cost, self.loss = (np.array([getattr(s, n) for s in stores]) for n in ("cost", "loss"))
        self.discount, self.end_price = (1 - self.loss) / (1 + interest), end_price
        self.opening = np.stack([np.broadcast_to(np.asarray(s.opening, float), draws) for s in stores], axis=1)  # (B, N)
        before = np.stack([np.broadcast_to(np.asarray(s.public_opening, float), draws) for s in stores], axis=1)
        given = [np.zeros(years) if s.public is None else np.asarray(s.public, float) for s in stores]
        public = np.stack([np.broadcast_to(x[:, None] if x.ndim == 1 else x, (years, draws)).T for x in given], axis=2)
        self.public = public  # (B, T, N)
        self.public_change = public - (1 - self.loss) * np.concatenate([before[:, None], public[:, :-1]], axis=1)

    def stocks(self, z: Array, draw: Array) -> Array:
        """End-of-year stocks (k, T, N), t; what the tolerance cannot tell from nothing is nothing."""
        return np.where(z > TOLERANCE, z, 0.0).reshape(len(draw), self.years, -1) * self.scale[draw]

    def changes(self, stock: Array, draw: Array) -> Array:
        """What the market gives to stocks in a year, private and public, (k, T, N), t."""
        before = np.concatenate([self.opening[draw, None], stock[:, :-1]], axis=1)
        return stock - (1 - self.loss) * before + self.public_change[draw]

    def rows(self, draw: Array) -> Array:
        """Rows of the kernel, (k T,), of some draws."""
        return (draw[:, None] * self.years + np.arange(self.years)).ravel()

    def gain(self, price: Array) -> Array:
        """What a tonne held until next year gains, (k, T, N), USD/t now."""
        end = np.full((len(price), 1, price.shape[2]), self.end_price)
        return self.discount * np.concatenate([price[:, 1:], end], axis=1) - price - self.cost

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        rows, shape = self.rows(draw), (len(draw), self.years, len(self.stores))
        solution = self.kernel.solve(self.changes(self.stocks(z, draw), draw).reshape(-1, shape[2]), rows)
        price = self.kernel.prices(solution, rows).reshape(shape)
        f = (-self.gain(price) / self.price0[draw]).reshape(len(draw), -1)
        if not jacobian:
            return f, None
        slope = self.kernel.slopes(solution, rows).reshape(*shape, shape[2]) * self.scale[draw, :, None]  # by stocks in years of use
        jac = np.zeros((len(draw), self.years, shape[2], self.years, shape[2]))
        kept = 1 - self.loss
        for t in range(self.years):
            jac[:, t, :, t] += slope[:, t]
            if t > 0:
                jac[:, t, :, t - 1] -= slope[:, t] * kept
            if t + 1 < self.years:
                later = self.discount[:, None] * slope[:, t + 1]
                jac[:, t, :, t] += later * kept
                jac[:, t, :, t + 1] -= later
        jac /= self.price0[draw, :, :, None, None]
        return f, jac.reshape(len(draw), f.shape[1], f.shape[1])

    def solve(self) -> Solution:
        """Stocks of all draws, from an even draw-down of the opening stock."""
        share = 1 - (1 + np.arange(self.years)) / self.years
        start = (share[:, None] * self.opening[:, None] / self.scale).reshape(self.draws, -1)
        upper = np.repeat(np.array([s.capacity for s in self.stores]) / self.scale, self.years, axis=1).reshape(self.draws, -1)
        return solve_mcp(self, np.zeros((1, upper.shape[1])), upper, start, tol=TOLERANCE, max_step=LARGEST_STEP, last_stage=2)


def _dataset(problem: _Arbitrage, found: Solution, solved: Solved, change: Array, years: Array) -> xr.Dataset:
    market, draws, t = solved.market, problem.draws, len(years)
    everyone = np.arange(draws)
    s = solved.state
    price = problem.kernel.seen(s.buyer_price[:, problem.kernel.good], np.arange(draws * t)).reshape(draws, t, -1)
    ok = found.converged & solved.solution.converged.reshape(draws, t).all(1)

    def by_year(values: Array, *dims: str) -> tuple[tuple[str, ...], Array]:
        """(B, T, ...) or (B T, ...) to (T, B, ...), missing in draws that were not solved."""
        values = np.moveaxis(values.reshape(draws, t, *values.shape[values.ndim - len(dims):]), 0, 1)
        return ("year", "draw", *dims), np.where(ok.reshape(-1, *[1] * len(dims)), values, np.nan)

    node = ("good", "region")
    use = s.final_demand + np.swapaxes(s.constants.recipe, -1, -2) @ s.output
    variables = {
        "stock": ("t", by_year(problem.stocks(found.z, everyone), "store")), "public": ("t", by_year(problem.public, "store")),
        "change": ("t/yr", by_year(change, "store")), "price": ("USD/t", by_year(price, "store")),
        "gain": ("USD/t", by_year(problem.gain(price), "store")),
        "price_at_gate": ("USD/t", by_year(np.where(solved.system.layout.priced, s.price, np.nan), *node)),
        "buyer_price": ("USD/t", by_year(np.where(s.use > 0, s.buyer_price, np.nan), *node)),
        "output": ("t/yr", by_year(s.output, *node)), "use": ("t/yr", by_year(use, *node)),
    }
    ds = xr.Dataset({name: value for name, (_, value) in variables.items()},
                    {"year": years.astype(int), "draw": everyone, "store": [x.name for x in problem.stores], "good": market.goods,
                     "region": market.regions})
    for name, (unit, _) in variables.items():
        ds[name].attrs["unit"] = unit
    ds["converged"] = ("draw", ok)
    ds["reexported"] = ("draw", (s.use[:, problem.kernel.good] < 0).reshape(draws, -1).any(1))
    return ds
