"""What the experiments on stocks take from elsewhere: costs of storage, users' stocks, elasticities of a whole market, its price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import floormodel as fm
from floormodel.finance.price_process import PriceRisk

FIGURES = Path(__file__).with_name("stock_assumptions.csv")
ADDED = 0.005  # share of output added to read the elasticities of a market
COSTS, SWINGS, SHOCKS = 1, 2, 3  # streams of a seed: what is drawn from one tells nothing of another


@dataclass(frozen=True)
class Figure:
    """One figure with its range, unit and where it comes from."""

    value: float
    low: float
    high: float
    unit: str
    source: str
    note: str


@dataclass(frozen=True, eq=False)
class World:
    """A good's market as a whole, per draw (B,): price USD/t and use t/yr of the benchmark, and (short run, long run) elasticities of
    output and use to the price, all stages of the chain responding."""

    price: np.ndarray
    use: np.ndarray
    supply: tuple[np.ndarray, np.ndarray]
    demand: tuple[np.ndarray, np.ndarray]


def stock_figures(market: str) -> dict[str, Figure]:
    """Figures for a market; its own row goes before the row for all."""
    table = pd.read_csv(FIGURES)
    rows = table[table["market"].isin(["*", market])].sort_values("market", kind="stable")  # "*" first, the market's own row after it
    return {str(r.quantity): Figure(float(r.value), float(r.low), float(r.high), str(r.unit), str(r.source), str(r.note))
            for r in rows.itertuples()}


def drawn(figures: Mapping[str, Figure], draws: int, seed: int) -> dict[str, np.ndarray]:
    """Each figure per draw (B,), triangular over its range; the central value where there is one draw."""
    rng = np.random.default_rng([seed, COSTS])
    return {name: np.array([f.value]) if draws == 1 else rng.triangular(f.low, f.value, f.high, draws) for name, f in figures.items()}


def sampled(name: str, horizon: str, draws: int, seed: int) -> fm.Market:
    """A market with its draws; the same seed gives the same benchmarks for both horizons."""
    market = fm.load_market(name, horizon=horizon)
    return fm.sample(market, draws, seed) if draws > 1 else market


def world(name: str, good: str, draws: int, seed: int) -> World:
    """Elasticities of a good's whole market, by adding a little output everywhere and solving it.

    What is added lowers the price; the share by which use rises and output falls, over the fall of the price, are those of demand
    and supply. Draws that are not solved are NaN.
    """
    read = [_response(sampled(name, horizon, draws, seed), good) for horizon in ("short", "long")]
    (price, use, *short), (_, _, *long) = read
    supply, demand = ((s, np.maximum(s, x)) for s, x in zip(short, long))
    return World(price, use, supply, demand)


def _response(market: fm.Market, good: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Price, use, supply and demand elasticity (B,) of a good's whole market."""
    g = market.goods.index(good)
    output = np.broadcast_to(market.dataset["output0"].values, (market.draws, len(market.goods), len(market.regions)))
    added = np.broadcast_to(market.dataset["supply_add"].values, output.shape).copy()
    added[:, g] += ADDED * output[:, g]
    more = fm.solve(market.replace(supply_add=added if market.draws > 1 else added[0])).solved
    base = fm.solve(market).solved
    weight = base.state.use[:, g]
    price0, price = ((s.state.buyer_price[:, g] * weight).sum(-1) / weight.sum(-1) for s in (base, more))
    fall = -np.log(price / price0)
    made = np.log(base.state.output[:, g].sum(-1) / more.state.output[:, g].sum(-1)) / fall
    used = np.log(more.state.use[:, g].sum(-1) / weight.sum(-1)) / fall
    ok = base.solution.converged & more.solution.converged
    return tuple(np.where(ok, x, np.nan) for x in (price0, weight.sum(-1), made, used))  # type: ignore[return-value]


def swings(risk: PriceRisk, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Half-life, years, and volatility, per root year, per draw (B,): triangular in logs over their ranges, central for one draw."""
    rng = np.random.default_rng([seed, SWINGS])
    central = (risk.process.half_life, risk.process.sigma)
    half, sigma = (np.full(1, middle) if draws == 1 else np.exp(rng.triangular(*np.log([low, middle, high]), draws))
                   for middle, (low, high) in zip(central, (risk.half_life, risk.sigma)))
    return half, sigma


def free_prices(half: np.ndarray, sigma: np.ndarray, years: int, paths: int, seed: int, start: float = 1.0) -> np.ndarray:
    """Prices (years, draws x paths) around a long-run mean of 1, from `start` on; paths of a draw stand side by side.

    `half` and `sigma` (draws,) as of `swings`. The same seed gives the same shocks for other values of them.
    """
    kappa = np.log(2) / half
    keep, width = (np.repeat(x, paths) for x in (np.exp(-kappa), sigma / np.sqrt(2 * kappa)))
    noise = np.random.default_rng([seed, SHOCKS]).standard_normal((years, len(keep))) * width * np.sqrt(1 - keep**2)
    x, out = np.full(len(keep), np.log(start)), []
    for t in range(years):
        x = keep * x + noise[t]
        variance = width**2 * (1 - keep ** (2 * (t + 1)))
        out.append(np.exp(x - variance / 2))
    return np.stack(out)


def tin() -> dict[str, float]:
    """Published figures of the tin agreement of 1982 and its end in October 1985."""
    rows = pd.read_csv(FIGURES.with_name("stock_tin.csv"))
    return dict(zip(rows["quantity"], rows["value"].astype(float)))
