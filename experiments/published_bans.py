"""China stops exports: gallium and germanium beside USGS Open-File Report 2024-1057, rare earths beside IMF Working Paper 2026/073."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress
from experiments.books import Books
from experiments.words import quantiles
from floormodel.report.labels import region_name
from floormodel.report.tables import Range

METALS = {"ga": "gallium", "ge": "germanium"}
HOME, LEADER = "USA", "CHN"
REFUSED = 0.8  # of the exports of rare earths
CUT = ("USA", "JPN", "EU27")


@dataclass(frozen=True, eq=False)
class Bans:
    """`runs` by metal and case, over draws; `cut` by horizon: fewer Chinese exports of rare-earth oxide and magnets."""

    runs: Mapping[str, fm.Comparison]
    cut: Mapping[str, fm.Comparison]


CASES = {"short": "to all, within a year", "long": "to all, long run", "entry": "to all, long run, announced plants may open"}
TARGETED = "to the United States alone, within a year"


def ban(good: str, destinations: Sequence[str] | None = None) -> Policies:
    """China exports none of a good, to no one or not to some."""
    return [fm.ExportQuota(good=good, exporter=LEADER, quota=0.0, destinations=None if destinations is None else list(destinations))]


def cut() -> Policies:
    """China refuses most of its exports of oxide and of magnets."""
    return [fm.ExportLicence(good=good, exporter=LEADER, refused=REFUSED) for good in ("ndpr_oxide", "magnet")]


def stopped(metal: str, draws: int, seed: int) -> fm.Comparison:
    """A metal without China's exports: cases by name. All its markets hold one good, refined metal."""
    runs = {}
    for case, words in CASES.items():
        market = fm.load_market(metal, horizon="short" if case == "short" else "long")
        drawn = _drawn(market.open_projects("all") if case == "entry" else market, draws, seed)
        runs[words] = fm.solve(drawn, ban(market.goods[-1]), bloc=[HOME], name=words)
        if case == "short":
            runs[TARGETED] = fm.solve(drawn, ban(market.goods[-1], [HOME]), bloc=[HOME], name=TARGETED, base=runs[words].base)
    return fm.Comparison(runs)


def _drawn(market: fm.Market, draws: int, seed: int) -> fm.Market:
    return fm.sample(market, draws, seed) if draws > 1 else market


def compute(draws: int, seed: int, progress: Progress) -> Bans:
    """Solve everything."""
    runs = {metal: stopped(metal, draws, seed) for metal in progress(list(METALS.values()))}
    markets = {h: fm.load_market("rare_earths", horizon=h) for h in ("short", "long")}
    return Bans(runs, {h: fm.compare(_drawn(m, draws, seed), {"cut": cut()}, bloc=[HOME]) for h, m in markets.items()})


def relative(run: fm.Equilibrium, name: str, region: str) -> np.ndarray:
    """Change of price, buyer_price or final_demand of the last good (draws,), %; NaN where not solved."""
    now, before = (getattr(s.state, name)[:, -1, run.market.regions.index(region)] for s in (run.solved, run.base))
    return np.where(run.converged, 100 * (now / before - 1), np.nan)


def loss(run: fm.Equilibrium, region: str = HOME) -> np.ndarray:
    """What a region's final users lose (draws,), USD/yr."""
    return -Books(run.solved, run.base).money([region], "consumers")


def spent(run: fm.Equilibrium, region: str = HOME) -> float:
    """What a region's final users of the last good pay a year without policy, USD/yr, middle of the draws."""
    s, r = run.base.state, run.market.regions.index(region)
    return quantiles(s.final_demand[:, -1, r] * s.buyer_price[:, -1, r])[1]


def ours(bans: Bans, gdp: Mapping[str, float]) -> dict[str, Range]:
    """Our numbers by the id of the published one. `gdp` in trillion USD by region."""
    out: dict[str, np.ndarray] = {}
    for short, metal in METALS.items():
        run = bans.runs[metal][CASES["short"]]
        out[f"usgs_{short}_price"], out[f"usgs_{short}_gdp"] = relative(run, "buyer_price", HOME), loss(run) / 1e9
    run = bans.cut["short"]["cut"]
    for region, trillions in gdp.items():
        out[f"imf_cut_{region.lower()}"] = 100 * loss(run, region) / (1e12 * trillions)
    return {name: Range(*quantiles(values)) for name, values in out.items()}


def table(bans: Bans) -> pd.DataFrame:
    """By metal and case: price and use in the United States, price at the gate in China, what users in the United States lose."""
    return pd.DataFrame([{
        "metal": metal, "China stops exports": case, "price in the United States": Range(*quantiles(relative(run, "buyer_price", HOME))),
        "use there": Range(*quantiles(relative(run, "final_demand", HOME))),
        "price in China": Range(*quantiles(relative(run, "price", LEADER))),
        "users there lose": Range(*quantiles(loss(run) / 1e6))} for metal, runs in bans.runs.items() for case, run in runs.runs.items()])


def cut_table(bans: Bans) -> pd.DataFrame:
    """By horizon and region: loss of final users in million USD a year, rise of the price of magnets."""
    return pd.DataFrame([{
        "region": region_name(region), "horizon": {"short": "within a year", "long": "long run"}[horizon],
        "users lose": Range(*quantiles(loss(runs["cut"], region) / 1e6)),
        "price of magnets": Range(*quantiles(relative(runs["cut"], "buyer_price", region)))}
        for region in CUT for horizon, runs in bans.cut.items()])
