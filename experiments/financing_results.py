"""Which plants get financed: the market's plants under a floor, a covered floor, guarantees and nothing, over draws of prices and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Progress, ships
from experiments.cases import FloorCase, case_of
from experiments.financing_offers import ALONE, Offer, Site, offer, shares_left, sites_of
from experiments.financing_value import TERMS_OF_YEARS, Worth, paid, tied, worth
from experiments.ten_years_results import NONE, scenarios
from floormodel.errors import ConvergenceError, DataError, ScenarioError
from floormodel.finance.debt import DebtTerms
from floormodel.finance.price_process import OrnsteinUhlenbeck, PriceRisk, load_price_risk
from floormodel.indicators.build_rules import build_rules
from floormodel.indicators.location import LocationChoice, location_choice
from floormodel.indicators.project_finance import ProjectFinance, price_for_chance, project_finance
from floormodel.indicators.viability import Viability, viability

HAZARDS = (0.0, 0.02, 0.05, 0.1)
CHANCE, PRICE_PATHS, PRICE_SEED = 0.8, 400, 12
LEAST_GEARING = 0.05  # below it a loan is next to nothing, and its cover ratios say little


@dataclass(frozen=True, eq=False)
class Cell:
    """One site under one measure.

    value, loan : by yearly hazard of repeal, the loan at the least and the largest of them
    needed : mean net price that pays with chance `CHANCE` (draws,), USD/t
    flip_hazard : hazard at which the median value is nothing; 0 where it does not pay at all, NaN where it pays at all hazards tried
    paid : level price that it expects to be paid, guarantee included (draws,), USD/t
    years : worth by years of operation for which the measure stands, prices without policy after them
    """

    offer: Offer
    value: Mapping[float, Viability]
    loan: Mapping[float, ProjectFinance]
    needed: np.ndarray
    flip_hazard: float
    paid: np.ndarray
    years: Mapping[int, Worth]

    def pays(self, hazard: float = 0.0, years: int = 0) -> np.ndarray:
        """1 in draws in which it pays at its hurdle at expected prices, NaN without a price (draws,); the measure for life, or `years`."""
        npv = self.years[years].npv if years else self.value[hazard].npv
        return np.where(np.isfinite(npv), (npv > 0).astype(float), np.nan)

    def lent(self, hazard: float = 0.0) -> ProjectFinance:
        """The loan, its cover ratios and covenant only in draws in which it is worth the name."""
        loan = self.loan[hazard]
        some = loan.gearing >= LEAST_GEARING
        dscr, llcr, breach, years, price = (np.where(some, x, np.nan) for x in (
            loan.dscr, loan.llcr, loan.breach, loan.breach_years, loan.covenant_price))
        return replace(loan, dscr=dscr, llcr=llcr, breach=breach, breach_years=years, covenant_price=price)

    def financed(self, tolerated: float, hazard: float = 0.0) -> np.ndarray:
        """1 in draws in which it pays, gets debt and keeps the covenant but on a share `tolerated` of price paths (draws,)."""
        loan = self.loan[hazard]
        kept = (loan.debt > 0) & (np.nan_to_num(loan.breach, nan=1.0) <= tolerated)
        return self.pays(hazard) * kept


@dataclass(frozen=True, eq=False)
class Financing:
    """All results; `bare` is the market of `runs` without draws, `triggers` the rows of `build_rules` per site and measure, `places`
    location choices by (home, away, hazard)."""

    bare: fm.Market
    case: FloorCase
    bloc: tuple[str, ...]
    runs: fm.Comparison
    risk: PriceRisk
    sites: tuple[Site, ...]
    terms: DebtTerms
    rows: pd.DataFrame
    cells: Mapping[tuple[str, str], Cell]
    triggers: pd.DataFrame
    places: Mapping[tuple[str, str, float], LocationChoice]
    without: tuple[str, ...]

    @property
    def market(self) -> fm.Market:
        """The market with its draws."""
        return self.runs.market

    @property
    def measures(self) -> list[str]:
        """No policy, the scenarios, the guarantee to the plant alone."""
        return [NONE, *self.runs.runs, ALONE]

    def assumed(self, quantity: str) -> tuple[float, float, float]:
        """Low, central and high value of an assumption."""
        return assumed(self.rows, quantity)


def assumptions(market: str) -> pd.DataFrame:
    """Rows of financing_assumptions.csv for a market; those that name it win over those for all ("*")."""
    rows = pd.read_csv(Path(__file__).with_name("financing_assumptions.csv"), keep_default_na=False)
    rows = rows[rows["market"].isin([market, "*"])].sort_values("market", key=lambda m: m.ne(market), kind="stable")
    return rows.drop_duplicates("quantity").reset_index(drop=True)


def assumed(rows: pd.DataFrame, quantity: str) -> tuple[float, float, float]:
    """Low, central and high value."""
    row = rows[rows["quantity"] == quantity].iloc[0]
    return float(row["low"]), float(row["value"]), float(row["high"])


def terms_of(rows: pd.DataFrame, **changed: float) -> DebtTerms:
    """Debt terms at the central assumptions, some of them changed."""
    names = ("interest_rate", "tenor", "dscr", "gearing", "inflation", "lenders_price")
    given = {n: changed.get(n, assumed(rows, n)[1]) for n in names}
    return DebtTerms(**(given | {"tenor": int(given["tenor"])}))  # type: ignore[arg-type]


def check(market: str) -> None:
    """Raises ScenarioError for a market without sourced costs of plants or without a fitted price risk."""
    missing = [table for table in ("projects.csv", "price_process.csv") if not ships(market, table)]
    if missing:
        folder = Path(fm.__file__).parent / "data"
        known = sorted(p.parent.name for p in folder.glob("*/projects.csv") if (p.parent / "price_process.csv").is_file())
        raise ScenarioError(f"financing: market {market!r} comes without {' and '.join(missing)}; expected costs of plants and a fitted "
                            f"price risk, as of {' | '.join(known)}")


def cell_of(site: Site, given: Offer, start: Offer, terms: DebtTerms, risk: OrnsteinUhlenbeck, covenant: float, hazards: Sequence[float]
            ) -> Cell:
    """Value and debt of a site under one measure, by hazard."""
    plant = given.exposed(site.drawn)
    values, loans = {}, {}
    for h in hazards:
        values[h] = viability(plant, given.prices, start.prices, risk=risk, paths=PRICE_PATHS, seed=PRICE_SEED, repeal_hazard=h,
                              guaranteed_price=given.guaranteed)
        if h not in (hazards[0], hazards[-1]):
            continue
        loans[h] = project_finance(plant, given.prices, terms, risk, start.prices, paths=PRICE_PATHS, seed=PRICE_SEED, repeal_hazard=h,
                                   guaranteed_price=given.guaranteed, covenant=covenant)
    try:
        needed = price_for_chance(plant, given.prices, risk, CHANCE, paths=PRICE_PATHS, seed=PRICE_SEED, guaranteed_price=given.guaranteed)
    except ConvergenceError:
        needed = np.full(np.size(values[0.0].npv), np.nan)
    years = {y: worth(site.drawn, given, start, risk, years=y, paths=PRICE_PATHS, seed=PRICE_SEED) for y in TERMS_OF_YEARS}
    return Cell(given, values, loans, needed, flip_hazard(values), paid(plant, given, risk), years)


def flip_hazard(values: Mapping[float, Viability]) -> float:
    """Yearly hazard at which the median value is nothing, by a straight line between the hazards tried; 0 and NaN as in `Cell`."""
    hazards = sorted(values)
    known = [values[h].npv[np.isfinite(values[h].npv)] for h in hazards]
    if not all(x.size for x in known):
        return np.nan
    middle = [float(np.median(x)) for x in known]
    if not middle[0] > 0:
        return 0.0
    gone = next((k for k, x in enumerate(middle) if x <= 0), None)
    if gone is None:
        return np.nan
    left, right = middle[gone - 1], middle[gone]
    return hazards[gone - 1] + (hazards[gone] - hazards[gone - 1]) * left / (left - right)


def triggers_of(sites: Sequence[Site], offers: Mapping[tuple[str, str], Offer], measures: Sequence[str], risk: OrnsteinUhlenbeck
                ) -> pd.DataFrame:
    """Rows of `build_rules` by plant and measure: once without support, with the price it needs, and under each measure by hazard. Empty
    where the reference price returns to no mean."""
    tables = []
    for site in sites:
        start = offers[site.label, NONE]
        for measure in measures:
            given = offers[site.label, measure]
            try:
                rules = build_rules(given.exposed(site.plan), given.prices, start.prices, risk, guaranteed_price=given.guaranteed,
                                    hazards=() if measure == NONE else HAZARDS, needed=measure == NONE)
            except DataError:
                return pd.DataFrame(columns=["plant", "measure", "hazard", "trigger", "break_even", "npv", "needed_price"])
            tables.append(rules[rules["support"] == ("none" if measure == NONE else "policy")].assign(plant=site.label, measure=measure))
    return pd.concat(tables, ignore_index=True)


def places_of(runs: fm.Comparison, case: FloorCase, sites: Sequence[Site], bloc: Sequence[str]
              ) -> dict[tuple[str, str, float], LocationChoice]:
    """Plants downstream of the floor inside the bloc against the same plant at the dominant supplier and at the next largest maker."""
    out = {}
    scenarios_ = {NONE: next(iter(runs.runs.values())).base} | {n: run.solved for n, run in runs.runs.items()}
    for site in sites:
        if site.plan.good not in case.downstream or not site.inside:
            continue
        made = runs.market.dataset["output0"].sel(good=site.plan.good)
        made = made if "draw" not in made.dims else made.isel(draw=0)
        outside = [r for r in made["region"].values[np.argsort(-made.values)] if r not in bloc and float(made.sel(region=r)) > 0]
        named = [str(r) for r in outside if r != "ROW"][:2]
        for away in named:
            for hazard in (HAZARDS[0], HAZARDS[-1]):
                out[site.plan.region, away, hazard] = location_choice(scenarios_, site.drawn, site.plan.region, away, repeal_hazard=hazard)
    return out


def compute(name: str, draws: int, seed: int, progress: Progress) -> Financing:
    """Solve and value everything. `progress` wraps the loop over plants."""
    check(name)
    bare = fm.load_market(name, horizon="long").open_projects("all")
    case = case_of(bare)
    bloc = tuple(next(iter(case.members.values())))
    market = tied(bare, fm.sample(bare, draws, seed)) if draws > 1 else bare
    chosen = scenarios(bare, case, bloc)
    runs = fm.compare(market, chosen, bloc=bloc)
    rows, risk, left = assumptions(name), load_price_risk(name), shares_left(bare, case, chosen)
    terms, covenant = terms_of(rows), assumed(rows, "covenant")[1]
    found = sites_of(bare, case, bloc, market.draws)
    priced = {s.label: bool(np.isfinite(offer(s, NONE, runs, left, case.good).prices.net_price).any()) for s in found}
    sites = tuple(s for s in found if priced[s.label])
    if not sites:
        raise ScenarioError(f"financing: market {name!r} has plants for {', '.join(priced)}; expected one where its good is made or may be")
    measures = [NONE, *chosen, ALONE]
    cells, offers = {}, {}
    for s in progress(list(sites)):
        for m in measures:
            offers[s.label, m] = offer(s, m, runs, left, case.good)
            cells[s.label, m] = cell_of(s, offers[s.label, m], offers[s.label, NONE], terms, risk.process, covenant,
                                        HAZARDS[:1] if m == NONE else HAZARDS)
    return Financing(bare, case, bloc, runs, risk, sites, terms, rows, cells, triggers_of(sites, offers, measures, risk.process),
                     places_of(runs, case, sites, bloc), tuple(label for label, known in priced.items() if not known))
