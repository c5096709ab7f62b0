"""A price floor, a gap subsidy and a standards-based market at the same cost and at the same certified share: computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, floor
from experiments.books import Books, books_of
from experiments.cases import FloorCase, case_of
from experiments.words import quantiles
from floormodel.accounts import ledger

FLOOR, SAME_COST, SAME_SHARE = "Price floor", "same cost", "same certified share"
QUANTITIES = ("certified", "potential", "cost")
PENALTY, PENALTIES = 0.5, (0.25, 1.0)  # charge for a missing credit over the benchmark price (assumption), and its range
SHARES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # required shares of the sweep
FLOORS, STRIKES = (0.7, 0.85, 1.0, 1.25, 1.6, 2.2), (0.7, 0.85, 1.0, 1.15, 1.3)  # levels of the sweeps over that of the headline
HIGHEST, SWEEP_DRAWS = 4.0, 60


@dataclass(frozen=True, eq=False)
class Standard:
    """What is assumed of a standard: shares certified already and at most, mean cost of certifying (USD/t), by origin; penalty USD/t."""

    good: str
    certified: Mapping[str, float]
    potential: Mapping[str, float]
    cost: Mapping[str, float]
    penalty: float

    def policy(self, regions: Sequence[str], share: float) -> fm.StandardsMarket:
        """The standard with one required share."""
        return fm.StandardsMarket(good=self.good, regions=list(regions), share=float(share), certified=dict(self.certified),
                                  potential=dict(self.potential), cost=dict(self.cost), penalty=self.penalty)


@dataclass(frozen=True, eq=False)
class Certified:
    """Per draw and origin (B, O) in the bloc: tonnes bought, certified tonnes, premium earned and cost of certifying, USD/yr;
    `premium` (B,): price of a credit, USD/t, the mean over certified tonnes."""

    bought: np.ndarray
    tonnes: np.ndarray
    earned: np.ndarray
    spent: np.ndarray

    @property
    def share(self) -> np.ndarray:
        return self.tonnes.sum(1) / self.bought.sum(1)

    @property
    def premium(self) -> np.ndarray:
        return self.earned.sum(1) / self.tonnes.sum(1)


@dataclass(frozen=True, eq=False)
class Results:
    """`runs`: the scenarios that the pages show, over draws; `scales`: how each was set; `frontier`: cost and certified share by level;
    `variants`: the comparison under other assumptions, at central values; `ceiling`: largest certified share under any floor."""

    market: fm.Market
    case: FloorCase
    bloc: tuple[str, ...]
    standard: Standard
    rows: pd.DataFrame
    runs: fm.Comparison
    books: dict[str, Books]
    certified: dict[str, Certified]
    scales: pd.DataFrame
    frontier: pd.DataFrame
    variants: pd.DataFrame
    ceiling: float


def assumption_rows(market: str) -> pd.DataFrame:
    """Rows of standards_assumptions.csv for a market; those of market `*` where it has none of its own."""
    table = pd.read_csv(Path(__file__).with_name("standards_assumptions.csv"), keep_default_na=False)
    own = table[table["market"] == market]
    return own if len(own) else table[table["market"] == "*"]


def standard_of(market: fm.Market, good: str, ends: Mapping[str, str] | None = None, penalty: float = PENALTY,
                lead: str | None = None) -> Standard:
    """The assumptions at their central value, or at `low` or `high` for the quantities named in `ends` (for one origin, `lead`)."""
    rows = assumption_rows(market.name)
    price = market.dataset["price0"].sel(good=good)
    makers = [r for r in market.regions if np.isfinite(float(price.sel(region=r)))]
    found: dict[str, dict[str, float]] = {}
    for quantity in QUANTITIES:
        part = rows[rows["quantity"] == quantity].set_index("region")
        found[quantity] = {}
        for r in makers:
            row = part.loc[r if r in part.index else "*"]
            end = (ends or {}).get(quantity, "value") if lead in (None, r) else "value"
            found[quantity][r] = float(row[end])
    potential = {r: max(found["potential"][r], found["certified"][r]) for r in makers}
    cost = {r: found["cost"][r] * float(price.sel(region=r)) for r in makers}
    return Standard(good, found["certified"], potential, cost, penalty * float(price.max()))


def certified(solved: fm.Solved, standard: Standard, bloc: Sequence[str]) -> Certified:
    """Who sells certified tonnes to the bloc, and what they earn by it."""
    regions = solved.market.regions
    at = [regions.index(r) for r in bloc]
    bought = solved.state.flow[solved.market.goods.index(standard.good)][:, :, at]
    price = np.zeros((len(bought), 1, len(regions)))
    for j, unknown in enumerate(solved.terms.unknowns):
        if unknown.credit is not None:
            price[:, 0, np.argmax(unknown.credit.mask)] = solved.state.scaled[:, j] * unknown.scale
    price = price[:, :, at]
    have, most, cost = (np.array([table.get(r, fill) for r in regions])[:, None]
                        for table, fill in ((standard.certified, 0.0), (standard.potential, 0.0), (standard.cost, 1.0)))
    x = price / cost
    share = have + (most - have) * -np.expm1(-x)
    spent = (most - have) * cost * (1 - np.exp(-x) * (1 + x))  # mean cost of those who certify: integral of l d certified
    return Certified(bought.sum(2), (share * bought).sum(2), (price * share * bought).sum(2), (spent * bought).sum(2))


def bloc_money(bloc: Sequence[str]) -> Callable[[fm.Solved, fm.Solved], float]:
    """Measure for `fm.scale_to`: change of the bloc's welfare, USD/yr."""
    return lambda solved, base: float(Books(solved, base).money(bloc)[0])


def certified_share(standard: Standard, bloc: Sequence[str]) -> Callable[[fm.Solved, fm.Solved], float]:
    """Measure for `fm.scale_to`: certified share of what the bloc buys."""
    return lambda solved, base: float(certified(solved, standard, bloc).share[0])


def scaled(market: fm.Market, case: FloorCase, bloc: Sequence[str], standard: Standard,
           headline: Policies) -> tuple[dict[str, Policies], pd.DataFrame]:
    """The instruments at the floor's cost and at the floor's certified share.

    Where a target is not reachable the instrument stands at the scale that comes nearest. Returns instruments by name and a table:
    scenario, question, scale, unit, target, value, reached.
    """
    base, now = fm.solve(market).solved, fm.solve(market, headline).solved
    cost, share = bloc_money(bloc), certified_share(standard, bloc)
    start = share(base, base)
    makers = [r for r in bloc if float(market.dataset["output0"].sel(good=case.good, region=r).max()) > 0]
    price = float(market.dataset["price0"].sel(good=case.good).max())
    makes: dict[str, tuple[Callable[[float], Policies], float, float, str]] = {
        "Standard": (lambda x: [standard.policy(bloc, x)], start, 1.0, "of tonnes")}
    if makers:
        makes["Gap subsidy"] = (lambda x: [fm.PriceGapSubsidy(good=case.good, regions=makers, strike=x)], price, HIGHEST * price, "USD/t")
    policies: dict[str, Policies] = {FLOOR: list(headline)}
    rows = [(FLOOR, "headline", case.headline, "USD/t", np.nan, np.nan, True)]
    for question, measure in ((SAME_COST, cost), (SAME_SHARE, share)):
        target = measure(now, base)
        for name, (make, low, high, unit) in makes.items():
            found = fm.scale_to(market, make, measure, target, low + 1e-3 * (high - low), high)
            at = found.scale if found.found else found.best_scale
            label = f"{name}, {question}"
            policies[label] = list(make(at))
            rows.append((label, question, at, unit, target, found.value if found.found else found.best, found.found))
    return policies, pd.DataFrame(rows, columns=["scenario", "question", "scale", "unit", "target", "value", "reached"])


def frontier(market: fm.Market, case: FloorCase, bloc: Sequence[str], standard: Standard, progress: Progress) -> pd.DataFrame:
    """instrument, level, cost and share and premium with q05, q50, q95 each, by level of each instrument."""
    base = fm.solve(market).base
    before = ledger(base)
    makers = [r for r in bloc if float(market.dataset["output0"].sel(good=case.good, region=r).max()) > 0]
    grid: list[tuple[str, float, Policies]] = [("Standard", x, [standard.policy(bloc, x)]) for x in SHARES]
    grid += [(FLOOR, x * case.headline, floor(case.good, bloc, x * case.headline)) for x in FLOORS]
    if makers:
        grid += [("Gap subsidy", x * case.headline, [fm.PriceGapSubsidy(good=case.good, regions=makers, strike=x * case.headline)])
                 for x in STRIKES]
    rows = []
    for name, level, policies in progress(grid):
        run = fm.solve(market, policies, bloc=bloc, base=base)
        found = certified(run.solved, standard, bloc)
        values = {"cost": -Books(run.solved, base, before).money(bloc), "share": found.share, "premium": found.premium}
        rows.append({"instrument": name, "level": level, "share_converged": float(run.converged.mean())}
                    | {f"{k}_{q}": x for k, v in values.items() for q, x in zip(("q05", "q50", "q95"), quantiles(v))})
    return pd.DataFrame(rows)


def variants(name: str, case: FloorCase, bloc: Sequence[str], share: float, progress: Progress) -> pd.DataFrame:
    """The floor and a standard of one required share under other assumptions, at central values.

    variant, floor_share, floor_cost, share, cost, premium, hhi (changes of the location HHI: floor_hhi, hhi).
    """
    market = fm.load_market(name, horizon="long")
    lead = case.supplier
    sigma = market.dataset["sourcing_elasticity"]
    cases: dict[str, tuple[fm.Market, Standard]] = {"Central values": (market, standard_of(market, case.good))}
    for quantity, words in (("certified", "Certified already"), ("potential", "What can be certified"), ("cost", "Cost of certifying")):
        for end in ("low", "high"):
            cases[f"{words}: {end}"] = (market, standard_of(market, case.good, {quantity: end}))
    for end in ("low", "high"):
        cases[f"What can be certified in {lead} alone: {end}"] = (market, standard_of(market, case.good, {"potential": end}, lead=lead))
    for penalty in PENALTIES:
        cases[f"Penalty {penalty:g} times the price"] = (market, standard_of(market, case.good, penalty=penalty))
    for factor, words in ((0.5, "halved"), (2.0, "doubled")):
        changed = market.replace(sourcing_elasticity=sigma * factor)
        cases[f"Ease of changing origins {words}"] = (changed, standard_of(changed, case.good))
    short = fm.load_market(name, horizon="short")
    cases["Short run"] = (short, standard_of(short, case.good))
    if any(float(v) > 0 for v in market.dataset["latent_capacity"].values.ravel()):
        opened = market.open_projects("all")
        cases["New plants may enter"] = (opened, standard_of(opened, case.good))
    for deck in market.decks:
        other = fm.load_market(name, horizon="long", deck=deck)
        cases[f"Deck {deck}"] = (other, standard_of(other, case.good))
    rows = []
    for label, (m, standard) in progress(list(cases.items())):
        base = fm.solve(m).base
        row: dict[str, object] = {"variant": label}
        for key, policies in (("floor_", floor(case.good, bloc, case.headline)), ("", [standard.policy(bloc, share)])):
            run = fm.solve(m, policies, bloc=bloc, base=base)
            found = certified(run.solved, standard, bloc)
            hhi = run.indicators().select("hhi_high", case.good)["change"].iloc[0]
            row |= {f"{key}share": found.share[0], f"{key}cost": -Books(run.solved, base).money(bloc)[0], f"{key}hhi": float(hhi),
                    f"{key}premium": found.premium[0]}
        rows.append(row)
    return pd.DataFrame(rows).drop(columns="floor_premium")


def compute(name: str, draws: int, seed: int, progress: Progress) -> Results:
    """Solve everything. `progress` wraps the long loops."""
    market = fm.load_market(name, horizon="long")
    case = case_of(market)
    bloc = tuple(next(iter(case.members.values())))
    standard = standard_of(market, case.good)
    policies, scales = scaled(market, case, bloc, standard, floor(case.good, bloc, case.headline))
    runs = fm.compare(fm.sample(market, draws, seed), policies, bloc=bloc)
    required = float(scales.loc[scales["scenario"] == f"Standard, {SAME_COST}", "scale"].iloc[0])
    base = fm.solve(market).base
    levels = case.headline * np.linspace(1.0, HIGHEST, 13)
    ceiling = max(float(certified(fm.solve(market, floor(case.good, bloc, x), base=base).solved, standard, bloc).share[0]) for x in levels)
    return Results(market, case, bloc, standard, assumption_rows(name), runs, books_of(runs),
                   {n: certified(run.solved, standard, bloc) for n, run in runs.runs.items()}
                   | {"No policy": certified(next(iter(runs.runs.values())).base, standard, bloc)}, scales,
                   frontier(fm.sample(market, min(draws, SWEEP_DRAWS), seed), case, bloc, standard, progress),
                   variants(name, case, bloc, required, progress), ceiling)
