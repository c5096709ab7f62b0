"""What flips the answers on financing: every plant under every measure again, one assumption changed at a time, on common draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, ships
from experiments.cases import FloorCase
from experiments.financing_offers import ALONE, Offer, Site, offer, shares_left, sites_of
from experiments.financing_results import PRICE_PATHS, PRICE_SEED, Financing, terms_of
from experiments.financing_value import TERMS_OF_YEARS, paid, tied, worth
from experiments.ten_years_results import NONE, scenarios
from floormodel.errors import ScenarioError
from floormodel.finance.debt import DebtTerms
from floormodel.finance.options import Forwards, gbm_forwards, one_way, two_way
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, output_profile
from floormodel.indicators.location import location_choice
from floormodel.indicators.project_finance import ProjectFinance, project_finance
from floormodel.report.labels import capitalised

AS_IT_IS, NO_ENTRY, PLANNED = "As it is", "No plant entering", "Only planned plants entering"
HIGHER = "Floor and guarantee {:g} times as high"
DRAWS = 20  # at most, the first of those of the results
HALF = 0.5  # share of draws from which the answer is yes
LEVELS, FACTORS = (0.8, 1.5), (0.5, 2.0)
COSTS = ("hurdle", "capex", "opex")
TERMS = ("interest_rate", "tenor", "dscr", "gearing", "inflation", "lenders_price", "covenant", "tolerated_breach")
WORDS = {"dscr": "Cover that sizes the debt", "covenant": "Cover of the covenant"}
COLUMNS = ["group", "variant", "plant", "measure", "net_price", "npv", "pays", "gearing", "breach", "financed", "share_converged"]


@dataclass(frozen=True, eq=False)
class Setting:
    """Everything that one row of the table of flips rests on."""

    risk: OrnsteinUhlenbeck
    terms: DebtTerms
    covenant: float
    tolerated: float
    cost: tuple[str, int] | None = None  # a cost, and 0 or 1 for the low or high end of each plant's own range
    own_price: bool = False  # inputs follow the plant's own product instead of the reference price
    years: int = 0  # of operation for which the measure stands; 0: life
    gift: bool = True  # the strike of a plant's own guarantee holds what inputs would cost at the floor


def plant_of(site: Site, how: Setting) -> Project:
    """The plant with its costs drawn, one of them at an end of its range in all draws."""
    if how.cost is None:
        return site.drawn
    name, end = how.cost
    central = getattr(site.plan, name)
    return replace(site.drawn, **{name: site.plan.ranges.get(name, (central, central))[end]})


def lent(plant: Project, given: Offer, start: Offer, how: Setting) -> ProjectFinance:
    """The loan. It is that of a measure for life also where it stands for `years`, which no tenor exceeds: nothing later is lent on."""
    return project_finance(given.exposed(plant, how.own_price), given.prices, how.terms, how.risk, start.prices, paths=PRICE_PATHS,
                           seed=PRICE_SEED, guaranteed_price=given.guaranteed, covenant=how.covenant)


class Solved(NamedTuple):
    """A market with its draws: offers to every site under every measure, sites, scenarios."""

    offers: Mapping[tuple[str, str], Offer]
    sites: list[Site]
    runs: fm.Comparison


def solved(f: Financing, bare: fm.Market, case: FloorCase, by: str = "demand") -> Solved:
    """Solve one variant of the market on the first draws of the results."""
    draws = min(DRAWS, f.market.draws)
    market = tied(bare, fm.sample(bare, draws, f.market.seed)) if draws > 1 else bare
    chosen: Mapping[str, Policies] = scenarios(bare, case, f.bloc)
    runs, left = fm.compare(market, chosen, bloc=f.bloc), shares_left(bare, case, chosen, by)
    sites = sites_of(bare, case, f.bloc, draws)
    return Solved({(s.label, m): offer(s, m, runs, left, case.good) for s in sites for m in (NONE, *chosen, ALONE)}, sites, runs)


def variants_of(f: Financing, progress: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plants: COLUMNS, one row per variant, plant and measure, `group` market, price, plant, term or lenders; net price, value and gearing
    are medians, `pays`, `breach` and `financed` shares. Places: variant, place, measure, advantage (median, USD per t/yr in the bloc over
    outside) and share of draws in which it is positive, for the variants of the market."""
    middle = Setting(f.risk.process, f.terms, f.assumed("covenant")[1], f.assumed("tolerated_breach")[1])
    base = solved(f, f.bare, f.case)
    known = {key: _valued(base, *key, middle) for key in _keys(f, base)}
    loans = {key: _loan(base, *key, middle) for key in known}
    rows, places = _rows(f, "", AS_IT_IS, middle, base, known, loans), _advantages(f, AS_IT_IS, base)
    for label, (market, case) in progress(list(_markets(f).items())):
        other = solved(f, market, case)
        rows += _rows(f, "market", label, middle, other)
        places += _advantages(f, label, other)
    rows += _rows(f, "price", "Price moved by the dominant supplier", middle, solved(f, f.bare, f.case, "supply"))
    for (group, label), how in _settings(f, middle).items():
        rows += _rows(f, group, label, how, base, known if group == "lenders" else {}, loans if group == "term" else {})
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(places, columns=["variant", "place", "measure", "advantage", "share"])


def _keys(f: Financing, at: Solved) -> list[tuple[str, str]]:
    labels = {s.label for s in f.sites}
    return [(s.label, m) for s in at.sites if s.label in labels for m in f.measures if (s.label, m) in at.offers]


def _given(at: Solved, label: str, measure: str, how: Setting) -> tuple[Site, Offer, Offer]:
    """Site, what it is offered and what without policy."""
    site = next(s for s in at.sites if s.label == label)
    given = at.offers[label, measure]
    if measure == ALONE and not how.gift:
        given = replace(given, guaranteed=given.guaranteed - site.gift * (1 - float(site.plan.royalty)))
    return site, given, at.offers[label, NONE]


def _valued(at: Solved, label: str, measure: str, how: Setting) -> np.ndarray:
    site, given, start = _given(at, label, measure, how)
    return worth(plant_of(site, how), given, start, how.risk, years=how.years, own_price=how.own_price).npv


def _loan(at: Solved, label: str, measure: str, how: Setting) -> ProjectFinance:
    site, given, start = _given(at, label, measure, how)
    return lent(plant_of(site, how), given, start, how)


def _rows(f: Financing, group: str, label: str, how: Setting, at: Solved, values: Mapping[tuple[str, str], np.ndarray] = {},
          loans: Mapping[tuple[str, str], ProjectFinance] = {}) -> list[tuple]:
    """Rows of COLUMNS of one variant; values and loans that are given are not worked out again."""
    out = []
    for key in _keys(f, at):
        site, given, _ = _given(at, *key, how)
        npv = values[key] if key in values else _valued(at, *key, how)
        loan = loans[key] if key in loans else _loan(at, *key, how)
        there = np.isfinite(npv)
        if not there.any():
            out.append((group, label, *key, *(np.nan,) * 6, at.runs.share_converged))
            continue
        kept = (loan.debt > 0) & (np.nan_to_num(loan.breach, nan=1.0) <= how.tolerated)
        out.append((group, label, *key, float(np.nanmedian(paid(site.drawn, given, how.risk))), float(np.median(npv[there])),
                    float(np.mean(npv[there] > 0)), float(np.nanmedian(loan.gearing)),
                    float(np.nanmean(loan.breach)) if np.isfinite(loan.breach).any() else np.nan,
                    float(np.mean((npv > 0)[there] & kept[there])), at.runs.share_converged))
    return out


def _advantages(f: Financing, label: str, at: Solved) -> list[tuple]:
    """Rows of places of one variant of the market; none where it has no price in one of the two."""
    plants = {s.plan.region: s.drawn for s in at.sites if s.plan.good in f.case.downstream}
    markets = {NONE: next(iter(at.runs.runs.values())).base} | {n: run.solved for n, run in at.runs.runs.items()}
    out = []
    for home, away in dict.fromkeys((h, a) for h, a, _ in f.places):
        try:
            choice = location_choice(markets, plants[home], home, away)
        except ScenarioError:
            continue
        for m in markets:
            gain = choice.advantage(m)[np.isfinite(choice.advantage(m))]
            out.append((label, f"{home}:{away}", m, float(np.median(gain)), float(np.mean(gain > 0))))
    return out


def _markets(f: Financing) -> dict[str, tuple[fm.Market, FloorCase]]:
    """Markets and floors to solve again."""
    case, bare, data = f.case, f.bare, f.bare.dataset
    out = {"Short run": (fm.load_market(bare.name, horizon="short").open_projects("all"), case)}
    for deck in bare.decks:
        out[f"Deck {deck}"] = (fm.load_market(bare.name, horizon="long", deck=deck).open_projects("all"), case)
    for factor in LEVELS:
        out[HIGHER.format(factor)] = (bare, replace(case, headline=factor * case.headline))
    for words, name in (("Supply", "supply_elasticity"), ("Ease of changing origins", "sourcing_elasticity")):
        for factor, how in zip(FACTORS, ("halved", "doubled")):
            out[f"{words} {how}"] = (bare.replace(**{name: data[name] * factor}), case)
    if bare.opened:
        out[NO_ENTRY] = (bare.open_projects([]), case)
    if bare.opened and ships(bare.name, "plans.csv"):
        planned = {(p.project.good, p.project.region) for p in fm.load_plans(bare.name)}
        out[PLANNED] = (bare.open_projects([x for x in bare.opened if x in planned]), case)
    return out


def _settings(f: Financing, middle: Setting) -> dict[tuple[str, str], Setting]:
    """Price processes, hurdles and lenders' terms at the ends of their ranges."""
    risk, rows = f.risk, f.rows
    out: dict[tuple[str, str], Setting] = {}
    for word, k in (("short", 0), ("long", 1)):
        process = OrnsteinUhlenbeck.from_half_life(risk.half_life[k], risk.process.sigma)
        out["price", f"Half-life {word}, {risk.half_life[k]:.1f} years"] = replace(middle, risk=process)
    for word, k in (("low", 0), ("high", 1)):
        process = OrnsteinUhlenbeck(risk.process.kappa, risk.sigma[k])
        out["price", f"Volatility {word}, {100 * risk.sigma[k]:.0f} % a year"] = replace(middle, risk=process)
    out["price", "Inputs follow the plant's own price"] = replace(middle, own_price=True)
    for cost in COSTS:
        for k, word in enumerate(("low", "high")):
            out["plant", f"{capitalised(cost)} {word}"] = replace(middle, cost=(cost, k))
    for years in TERMS_OF_YEARS:
        out["term", f"Measure for {years} years of operation"] = replace(middle, years=years)
    if any(s.gift for s in f.sites):
        out["term", "Own guarantee without the inputs' part"] = replace(middle, gift=False)
    for name in TERMS:
        for end in (f.assumed(name)[0], f.assumed(name)[2]):
            label = f"{WORDS.get(name, capitalised(name.replace('_', ' ')))} {end:g}"
            if name == "covenant":
                out["lenders", label] = replace(middle, covenant=end)
            elif name == "tolerated_breach":
                out["lenders", label] = replace(middle, tolerated=end)
            else:
                out["lenders", label] = replace(middle, terms=terms_of(rows, **{name: end}))
    return out


def flips(table: pd.DataFrame, plant: str, measure: str, what: str, groups: tuple[str, ...]) -> list[tuple[str, float]]:
    """Variants of some groups that turn the answer, with the share of draws that say yes: the answer is yes where a plant pays (`what`
    "pays") or is financed ("financed") in at least half of the draws. All turn the same way, away from the answer as it is."""
    rows = table[(table["plant"] == plant) & (table["measure"] == measure)]
    at = rows[rows["variant"] == AS_IT_IS][what].iloc[0] >= HALF
    other = rows[rows["group"].isin(groups) & np.isfinite(rows[what]) & ((rows[what] >= HALF) != at)]
    return [(str(v), float(x)) for v, x in zip(other["variant"], other[what])]


def contracts(f: Financing) -> pd.DataFrame:
    """What a contract with the plant alone is worth at central costs, before tax, at the plant's hurdle: USD per t/yr.

    Columns: plant, strike and expected (net prices, USD/t), one_way and two_way, walk (one-way if the price were a random walk of the same
    volatility), doubted (one-way at the largest hazard).
    """
    rows = []
    for s in f.sites:
        given = f.cells[s.label, ALONE].offer
        price, p = float(np.nanmedian(np.asarray(given.prices.net_price, float))), s.plan
        years = p.build_years + np.arange(p.life)
        weights = output_profile(p) * (1 + float(p.hurdle)) ** -years
        back = Forwards(np.full(p.life, price), float(p.output_exposure) ** 2 * f.risk.process.variance(years))
        walk = gbm_forwards(price, years, 0.0, float(p.output_exposure) * f.risk.process.sigma)
        kept = weights * (1 - max(f.cells[s.label, ALONE].value)) ** years
        rows.append((s.label, given.guaranteed, price, *(float(x) for x in (
            one_way(back, given.guaranteed, weights), two_way(back, given.guaranteed, weights), one_way(walk, given.guaranteed, weights),
            one_way(back, given.guaranteed, kept)))))
    return pd.DataFrame(rows, columns=["plant", "strike", "expected", "one_way", "two_way", "walk", "doubted"])
