"""Beside the ten years: a rule of a producer country, announced supply, investors who foresee the path, other levels of support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, floor
from experiments.restrictions_results import CUT
from experiments.ten_years_results import (
    FLOOR,
    GROWTH,
    NONE,
    SUBSIDY,
    YEARS,
    TenYears,
    compute,
    ended,
    ending,
    follow,
    makers,
    prepare,
    projections_of,
    scenarios,
)
from experiments.ten_years_supply import AFTER, FEW, Buying, Owners, buying, owners
from experiments.words import quantiles
from floormodel.dynamics.adjustment import by_draw

ANNOUNCED = f"{GROWTH}_and_announced_supply"
RULE_START = YEARS[0] + 4  # known from the first year on, in force when a plant begun at once runs (an assumption)
RATE = 0.1  # of the ore's price: the tax that stands beside the rule (an assumption; others are tried)
CUTS, RATES = (0.02, CUT), (RATE, 0.5)
LEVELS = 5  # of the case's levels, the highest ones
RULE_DRAWS = 5  # a rule that leaves ore at its scrap value is slow to solve
REQUIREMENT, TAX = "Floor and processing rule", "Floor and tax on ore"
LAST = len(YEARS) - 1


@dataclass(frozen=True, eq=False)
class Rule:
    """A third country that keeps a `share` of its ore at home, or taxes what leaves: paths of the floor alone and beside either, and
    `scan`: kind, size, draw, and the change against the floor alone in the last year of value added (all stages, and processing), of
    what its plants spend on ore because the ore's price moved (cheaper, a transfer from its mines) and of its treasury, USD/yr."""

    who: str
    raw: str
    product: str
    share: float
    paths: TenYears
    scan: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Found:
    """All that the brief rests on. `central`: adaptive expectations at central values, `consistent` the same with foresight; `levels`:
    what floor and guarantee do at other levels, for good and with an end, over the first draws."""

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
    """The instruments with all draws, and what stands beside them with few draws or none."""
    main, few = compute(name, draws, seed, progress), min(draws, FEW)
    market, case, bloc = prepare(name, 1, seed)
    pair = {s: p for s, p in scenarios(market, case, bloc).items() if s in (FLOOR, SUBSIDY)}
    return Found(main, owners(main), buying(main, YEARS[0], 0, 0), buying(main, AFTER),
                 rule_of(name, min(draws, RULE_DRAWS), seed, progress), announced(name, few, seed, progress),
                 follow(market, case, bloc, pair, iter), follow(market, case, bloc, pair, progress, expectations="consistent"),
                 levels(main, progress))


def announced(name: str, draws: int, seed: int, progress: Progress) -> TenYears | None:
    """The instruments where supply follows what is announced today and nothing else is built; None without such a projection."""
    market, case, bloc = prepare(name, draws, seed)
    table = projections_of(market)
    if table is None or ANNOUNCED not in set(table["scenario"]):
        return None
    return follow(market, case, bloc, scenarios(market, case, bloc), progress, along=ANNOUNCED, build=False)


def levels(main: TenYears, progress: Progress) -> pd.DataFrame:
    """What floor and guarantee do by level, over the first draws of `main`. Columns: instrument, level (USD/t), plant (of the bloc, the
    one that is expected to pay in most draws), pays (share of draws in which it is), built (t/yr in the last year, mean over draws),
    medians of changes in the last year: hhi, ore (gate price of ore in third countries, share), processing (their value added from all
    later stages, USD/yr), and solved."""
    market, case, bloc = main.market, main.case, main.bloc
    if market.draws > FEW:
        market = replace(market, dataset=market.dataset.isel(draw=np.arange(FEW)))
    making = makers(market, case.good, bloc)
    rows = []
    for level in progress(sorted({*case.levels[-LEVELS:], case.headline})):
        lasting: dict[str, Policies] = {FLOOR: floor(case.good, bloc, level)}
        if making:
            lasting[SUBSIDY] = [fm.PriceGapSubsidy(good=case.good, regions=making, strike=level)]
        r = follow(market, case, bloc, {**lasting, **{ending(s): ended(p) for s, p in lasting.items()}}, iter)
        for s, path in r.paths.items():
            plant, share = best_plant(r, s)
            built = sum((r.series("running", s, plan=p)[:, LAST] for p in bloc_plans(r)), np.zeros(market.draws))
            rows.append((s, level, plant, share, float(np.nanmean(built)), *(quantiles(x)[1] for x in (
                (r.hhi(s, case.good) - r.hhi(NONE, case.good))[:, LAST], ore_price(r, s, r.outside(market.goods[0])),
                (processing(r, s) - processing(r, NONE))[:, LAST])), bool(path.converged.all())))
    table = pd.DataFrame(rows, columns=["instrument", "level", "plant", "pays", "built", "hhi", "ore", "processing", "solved"])
    return table.sort_values(["instrument", "level"], ignore_index=True)


def best_plant(r: TenYears, scenario: str) -> tuple[str, float]:
    """The plan of the bloc that investors expect to pay in the largest share of draws, and that share; nothing without plans."""
    share = {p: float(np.nanmean(r.pays(scenario, p))) for p in bloc_plans(r)}
    return max(share.items(), key=lambda x: x[1], default=("", float("nan")))


def ore_price(r: TenYears, scenario: str, regions: Sequence[str]) -> np.ndarray:
    """Change of the gate price of ore in some regions in the last year, as a share of that without policy, weighted by what they make
    without it (draws,); NaN where they make none."""
    good = r.market.goods[0]
    made, price, base = (np.stack([r.series(v, s, good, [x])[:, LAST] for x in regions]) if regions else np.zeros((0, r.market.draws))
                         for v, s in (("output", NONE), ("price", scenario), ("price", NONE)))
    some = np.where(np.isfinite(base), made, 0.0) * np.nan_to_num(base)
    return (some * (price / np.where(base > 0, base, np.nan) - 1)).sum(0) / np.where(some.sum(0) > 0, some.sum(0), np.nan)


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

    It keeps as much at home as cuts its benchmark exports by CUT, or taxes them by RATE of the price; `scan` has other sizes.
    """
    market, case, bloc = prepare(name, draws, seed)
    who = exporter(market, case.supplier, bloc)
    if who is None:
        return None
    raw, product = market.goods[:2]
    product_at = market.goods.index(product)
    alone = floor(case.good, bloc, case.headline)

    def beside(policy: fm.Instrument) -> list[fm.Instrument | fm.Dated]:
        return [*alone, fm.Dated(policy, start=RULE_START)]

    sizes = {(REQUIREMENT, x): beside(fm.DomesticProcessing(good=raw, exporter=who, share=share_kept(market, raw, who, x))) for x in CUTS}
    sizes |= {(TAX, x): beside(fm.ExportTax(good=raw, exporters=[who], rate=x)) for x in RATES}
    tried = follow(market, case, bloc, {FLOOR: alone} | {f"{k} {x}": p for (k, x), p in sizes.items()}, progress)
    needs = by_draw(market.dataset["recipe"])[:, product_at, market.goods.index(raw)]

    def gain(s: str) -> tuple[np.ndarray, ...]:
        made = [tried.value_added(s, g, [who]) - tried.value_added(FLOOR, g, [who]) for g in (market.goods, market.goods[1:])]
        bought = needs[:, None] * tried.series("output", s, product, [who])
        paid = [tried.series("buyer_price", x, raw, [who]) for x in (FLOOR, s)]
        cheaper = np.where(bought > 0, bought * (paid[0] - paid[1]), 0.0)
        money = tried.series("treasury", s, regions=[who]) - tried.series("treasury", FLOOR, regions=[who])
        return tuple(x[:, LAST] for x in (*made, cheaper, money))

    rows = [(k, x, i, *one) for k, x in sizes for i, one in enumerate(zip(*gain(f"{k} {x}")))]
    scan = pd.DataFrame(rows, columns=["kind", "size", "draw", "all", "processing", "cheaper", "treasury"])
    main = {FLOOR: tried.paths[FLOOR], REQUIREMENT: tried.paths[f"{REQUIREMENT} {CUT}"], TAX: tried.paths[f"{TAX} {RATE}"]}
    return Rule(who, raw, product, share_kept(market, raw, who, CUT), replace(tried, paths=main), scan)


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
