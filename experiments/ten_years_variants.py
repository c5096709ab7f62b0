"""Beside the ten years: a rule of a producer country, announced supply, investors who foresee the path, other levels of support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Progress, floor
from experiments.restrictions_results import CUT
from experiments.ten_years_results import (
    FLOOR,
    GROWTH,
    NONE,
    SUBSIDY,
    YEARS,
    TenYears,
    compute,
    follow,
    makers,
    prepare,
    projections_of,
    scenarios,
)
from experiments.ten_years_supply import AFTER, FEW, Buying, Owners, buying, owners

ANNOUNCED = f"{GROWTH}_and_announced_supply"
RULE_START = YEARS[0] + 4  # known from the first year on, in force when a plant begun at once runs (an assumption)
RATE = 0.1  # of the ore's price: the tax that stands beside the rule (an assumption; others are tried)
CUTS, RATES = (0.1, 0.3, 0.6), (0.05, 0.2, 0.5)
RULE_DRAWS = 10  # a rule that leaves ore at its scrap value is slow to solve
REQUIREMENT, TAX = "Floor and processing rule", "Floor and tax on ore"
LAST = len(YEARS) - 1


@dataclass(frozen=True, eq=False)
class Rule:
    """A third country that keeps a `share` of its ore at home, or taxes what leaves: paths of the floor alone and beside either, and
    `scan`: kind, size, and the change against the floor alone in the last year of value added (all stages, and processing) and treasury."""

    who: str
    raw: str
    product: str
    share: float
    paths: TenYears
    scan: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Found:
    """All that the brief rests on. `central`: adaptive expectations at central values, `consistent` the same with foresight; `levels`:
    what floor and guarantee do at other levels, central values."""

    main: TenYears
    owners: Owners | None
    first: Mapping[str, Buying]
    after: Mapping[str, Buying]
    rule: Rule | None
    announced: TenYears | None
    central: TenYears
    consistent: TenYears
    levels: pd.DataFrame


def explore(name: str, draws: int, seed: int, progress: Progress) -> Found:
    """The three instruments with all draws, and what stands beside them with few draws or none."""
    main, few = compute(name, draws, seed, progress), min(draws, FEW)
    market, case, bloc = prepare(name, 1, seed)
    pair = {s: p for s, p in scenarios(market, case, bloc).items() if s in (FLOOR, SUBSIDY)}
    return Found(main, owners(main), buying(main, YEARS[0]), buying(main, AFTER), rule_of(name, min(draws, RULE_DRAWS), seed, progress),
                 announced(name, few, seed, progress), follow(market, case, bloc, pair, iter),
                 follow(market, case, bloc, pair, progress, expectations="consistent"), levels(name, seed, progress))


def announced(name: str, draws: int, seed: int, progress: Progress) -> TenYears | None:
    """The instruments where supply follows what is announced today and nothing else is built; None without such a projection."""
    market, case, bloc = prepare(name, draws, seed)
    table = projections_of(market)
    if table is None or ANNOUNCED not in set(table["scenario"]):
        return None
    return follow(market, case, bloc, scenarios(market, case, bloc), progress, along=ANNOUNCED, build=False)


def levels(name: str, seed: int, progress: Progress) -> pd.DataFrame:
    """What floor and guarantee do by level at central values. Columns: instrument, level (USD/t), index (profitability of the bloc's best
    plant of the first year), built (t/yr in the last), hhi (change), raw (revenue of third countries from ore) and processing (their
    value added from all later stages), changes in the last year, USD/yr, and solved."""
    market, case, bloc = prepare(name, 1, seed)
    making = makers(market, case.good, bloc)
    chosen: dict[tuple[str, float], Sequence[fm.Instrument]] = {(FLOOR, x): floor(case.good, bloc, x) for x in case.levels}
    if making:
        chosen |= {(SUBSIDY, x): [fm.PriceGapSubsidy(good=case.good, regions=making, strike=x)] for x in case.levels}
    rows = []
    for (instrument, level), policies in progress(list(chosen.items())):
        r = follow(market, case, bloc, {instrument: policies}, iter)
        hhi = r.hhi(instrument, case.good) - r.hhi(NONE, case.good)
        plans = bloc_plans(r)
        index = [float(r.series("profitability", instrument, plan=p)[0, 0]) for p in plans]
        built = [float(r.series("running", instrument, plan=p)[0, LAST]) for p in plans]
        raw = r.outside(market.goods[0])
        ore = [r.series("producer_revenue", s, market.goods[0], raw)[0, LAST] for s in (instrument, NONE)]
        worked = processing(r, instrument) - processing(r, NONE)
        rows.append((instrument, level, max(index, default=np.nan), sum(built), hhi[0, LAST], ore[0] - ore[1], worked[0, LAST],
                     bool(r.paths[instrument].converged.all())))
    return pd.DataFrame(rows, columns=["instrument", "level", "index", "built", "hhi", "raw", "processing", "solved"])


def bloc_plans(r: TenYears) -> list[str]:
    """Plans of the supported good inside the bloc, or else those of the good, or all."""
    named = {f"{p.project.name}:{p.region}": p for p in r.plans}
    inside = [k for k, p in named.items() if p.good == r.case.good and p.region in r.bloc]
    return inside or [k for k, p in named.items() if p.good == r.case.good] or list(named)


def processing(r: TenYears, scenario: str) -> np.ndarray:
    """Value added of third countries from all stages after the mine (draws, years), USD/yr."""
    parts = [r.value_added(scenario, [g], r.outside(g)) for g in r.market.goods[1:]]
    return sum(parts, np.zeros((r.market.draws, len(YEARS))))


def rule_of(name: str, draws: int, seed: int, progress: Progress) -> Rule | None:
    """The third country that exports most ore and has somebody at home to work it; None where there is none.

    It keeps as much at home as cuts its benchmark exports by CUT, or taxes them by RATE of the price.
    """
    market, case, bloc = prepare(name, draws, seed)
    who = exporter(market, case.supplier, bloc)
    if who is None:
        return None
    raw, product = market.goods[:2]
    alone = floor(case.good, bloc, case.headline)

    def kept(cut: float) -> list[fm.Instrument | fm.Dated]:
        return [*alone, fm.Dated(fm.DomesticProcessing(good=raw, exporter=who, share=share_kept(market, raw, who, cut)), start=RULE_START)]

    def taxed(rate: float) -> list[fm.Instrument | fm.Dated]:
        return [*alone, fm.Dated(fm.ExportTax(good=raw, exporters=[who], rate=rate), start=RULE_START)]

    paths = follow(market, case, bloc, {FLOOR: alone, REQUIREMENT: kept(CUT), TAX: taxed(RATE)}, progress)
    central, _, _ = prepare(name, 1, seed)
    sizes = {(REQUIREMENT, x): kept(x) for x in CUTS} | {(TAX, x): taxed(x) for x in RATES}
    tried = follow(central, case, bloc, {FLOOR: alone} | {f"{k} {x}": p for (k, x), p in sizes.items()}, progress)

    def gain(s: str) -> tuple[float, ...]:
        made = [tried.value_added(s, g, [who]) - tried.value_added(FLOOR, g, [who]) for g in (market.goods, market.goods[1:])]
        money = tried.series("treasury", s, regions=[who]) - tried.series("treasury", FLOOR, regions=[who])
        return tuple(float(x[0, LAST]) for x in (*made, money))

    scan = pd.DataFrame([(k, x, *gain(f"{k} {x}")) for k, x in sizes], columns=["kind", "size", "all", "processing", "treasury"])
    return Rule(who, raw, product, share_kept(market, raw, who, CUT), paths, scan)


def share_kept(market: fm.Market, raw: str, who: str, cut: float) -> float:
    """Share of output that stays at home when benchmark exports, at most all of output, fall by `cut`."""
    made, sold = (float(np.atleast_1d(x).max()) for x in (market.dataset["output0"].sel(good=raw, region=who), _exports(market, raw, who)))
    return 1 - (1 - cut) * min(sold / made, 1.0)


def exporter(market: fm.Market, supplier: str, bloc: Sequence[str]) -> str | None:
    """The third country with the largest exports of the first good whose next stage works it at home, or may once a plant is open."""
    if len(market.goods) < 2:
        return None
    raw, product = market.goods[:2]
    able = []
    for region in market.regions:
        if region in (*bloc, supplier, "ROW"):
            continue
        home = float(np.max(market.dataset["flow0"].sel(good=raw, origin=region, destination=region)))
        works = float(np.max(market.dataset["output0"].sel(good=product, region=region))) > 0 and home > 0
        if works or (product, region) in market.opened:
            able.append(region)
    sold = {x: float(np.max(_exports(market, raw, x))) for x in able}
    best = max(sold, key=lambda x: sold[x], default=None)
    return best if best is not None and sold[best] > 0 else None


def _exports(market: fm.Market, good: str, region: str) -> np.ndarray:
    flow = market.dataset["flow0"].sel(good=good, origin=region)
    return (flow.sum("destination") - flow.sel(destination=region)).values
