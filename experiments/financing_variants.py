"""What flips the answers on financing: every plant under every measure again, one assumption changed at a time, at central values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress
from experiments.cases import FloorCase
from experiments.financing_offers import ALONE, Offer, Site, offer, shares_left, sites_of
from experiments.financing_results import LEAST_GEARING, PRICE_PATHS, PRICE_SEED, Financing, terms_of
from experiments.ten_years_results import NONE, scenarios
from floormodel.finance.debt import DebtTerms
from floormodel.finance.options import Forwards, gbm_forwards, one_way, two_way
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, output_profile
from floormodel.indicators.location import location_choice
from floormodel.indicators.project_finance import project_finance
from floormodel.indicators.viability import viability
from floormodel.report.labels import capitalised

CENTRAL = "Central values"
LEVELS, FACTORS = (0.8, 1.5), (0.5, 2.0)
TERMS = ("interest_rate", "tenor", "dscr", "gearing", "inflation", "lenders_price", "covenant", "tolerated_breach")
WORDS = {"dscr": "Cover that sizes the debt", "covenant": "Cover of the covenant"}
COLUMNS = ["group", "variant", "plant", "measure", "npv", "probability", "gearing", "breach", "financed", "share_converged"]


@dataclass(frozen=True, eq=False)
class Setting:
    """Everything that one row of the table of flips rests on."""

    risk: OrnsteinUhlenbeck
    terms: DebtTerms
    covenant: float
    tolerated: float
    hurdle: str = ""  # "low" or "high" of each plant's own range
    own_price: bool = False  # inputs follow the plant's own product instead of the reference price


def plant_of(site: Site, given: Offer, how: Setting) -> Project:
    """The plant at central costs, with the hurdle and exposure of a setting."""
    plant = given.exposed(site.plan)
    if how.hurdle:
        low, high = site.plan.ranges.get("hurdle", (site.plan.hurdle, site.plan.hurdle))
        plant = replace(plant, hurdle=low if how.hurdle == "low" else high)
    return replace(plant, input_exposure=plant.input_exposure * given.prices.price_exposure) if how.own_price else plant


def worth(site: Site, given: Offer, start: Offer, how: Setting) -> tuple[float, float]:
    """Value, USD per t/yr, and chance that it pays, at central costs."""
    found = viability(plant_of(site, given, how), given.prices, start.prices, risk=how.risk, paths=PRICE_PATHS, seed=PRICE_SEED,
                      guaranteed_price=given.guaranteed)
    return float(found.npv[0]), float(found.probability[0])


def lent(site: Site, given: Offer, start: Offer, how: Setting) -> tuple[float, float]:
    """Gearing and chance of a breach, at central costs; no chance where next to nothing is lent."""
    loan = project_finance(plant_of(site, given, how), given.prices, how.terms, how.risk, start.prices, paths=PRICE_PATHS, seed=PRICE_SEED,
                           guaranteed_price=given.guaranteed, covenant=how.covenant)
    gearing = float(loan.gearing[0])
    return gearing, float(loan.breach[0]) if gearing >= LEAST_GEARING else np.nan


class Solved(NamedTuple):
    """A market at central values: offers to every site under every measure, sites, scenarios."""

    offers: Mapping[tuple[str, str], Offer]
    sites: list[Site]
    runs: fm.Comparison


def solved(market: fm.Market, case: FloorCase, bloc: tuple[str, ...], by: str = "demand") -> Solved:
    """Solve one variant of the market."""
    chosen: Mapping[str, Policies] = scenarios(market, case, bloc)
    runs, left = fm.compare(market, chosen, bloc=bloc), shares_left(market, case, chosen, by)
    sites = sites_of(market, case, bloc, 1)
    return Solved({(s.label, m): offer(s, m, runs, left, case.good) for s in sites for m in (NONE, *chosen, ALONE)}, sites, runs)


def variants_of(f: Financing, progress: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plants: COLUMNS, one row per variant, plant and measure, `group` market, price, plant or lenders. Places: variant, place, measure,
    advantage (USD per t/yr in the bloc over outside), for the variants of the market."""
    middle = Setting(f.risk.process, f.terms, f.assumed("covenant")[1], f.assumed("tolerated_breach")[1])
    base = solved(f.bare, f.case, f.bloc)
    rows, places = _rows(f, "", CENTRAL, middle, base, {}), _advantages(f, CENTRAL, base)
    known = {(r[2], r[3]): (r[4], r[5]) for r in rows}
    for label, (market, case) in progress(list(_markets(f).items())):
        other = solved(market, case, f.bloc)
        rows += _rows(f, "market", label, middle, other, {})
        places += _advantages(f, label, other)
    rows += _rows(f, "price", "Price moved by the dominant supplier", middle, solved(f.bare, f.case, f.bloc, "supply"), {})
    for (group, label), how in _settings(f, middle).items():
        rows += _rows(f, group, label, how, base, known if group == "lenders" else {})
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(places, columns=["variant", "place", "measure", "advantage"])


def _rows(f: Financing, group: str, label: str, how: Setting, at: Solved, known: Mapping[tuple[str, str], tuple[float, float]]
          ) -> list[tuple]:
    """Rows of COLUMNS of one variant; `known` values and chances are not worked out again."""
    labels, out = {s.label for s in f.sites}, []
    for s in (s for s in at.sites if s.label in labels):
        for measure in (m for m in f.measures if (s.label, m) in at.offers):
            given, start = at.offers[s.label, measure], at.offers[s.label, NONE]
            npv, chance = known.get((s.label, measure)) or worth(s, given, start, how)
            gearing, breach = lent(s, given, start, how)
            financed = float(npv > 0 and breach <= how.tolerated)
            out.append((group, label, s.label, measure, npv, chance, gearing, breach, financed, at.runs.share_converged))
    return out


def _advantages(f: Financing, label: str, at: Solved) -> list[tuple]:
    """Rows of places of one variant of the market."""
    plants = {s.plan.region: s.plan for s in at.sites if s.plan.good in f.case.downstream}
    markets = {NONE: next(iter(at.runs.runs.values())).base} | {n: run.solved for n, run in at.runs.runs.items()}
    out = []
    for home, away in dict.fromkeys((h, a) for h, a, _ in f.places):
        choice = location_choice(markets, plants[home], home, away)
        out += [(label, f"{home}:{away}", m, float(choice.advantage(m)[0])) for m in markets]
    return out


def _markets(f: Financing) -> dict[str, tuple[fm.Market, FloorCase]]:
    """Markets and floors to solve again."""
    case, bare, data = f.case, f.bare, f.bare.dataset
    out = {"Short run": (fm.load_market(bare.name, horizon="short").open_projects("all"), case)}
    for deck in bare.decks:
        out[f"Deck {deck}"] = (fm.load_market(bare.name, horizon="long", deck=deck).open_projects("all"), case)
    for factor in LEVELS:
        out[f"Floor and guarantee {factor:g} times as high"] = (bare, replace(case, headline=factor * case.headline))
    for words, name in (("Supply", "supply_elasticity"), ("Ease of changing origins", "sourcing_elasticity")):
        for factor, how in zip(FACTORS, ("halved", "doubled")):
            out[f"{words} {how}"] = (bare.replace(**{name: data[name] * factor}), case)
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
    out |= {("plant", f"Hurdle {word}"): replace(middle, hurdle=word) for word in ("low", "high")}
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


def flips(table: pd.DataFrame, plant: str, measure: str, what: str, groups: tuple[str, ...]) -> list[str]:
    """Variants of some groups in which a plant that pays (`what` "npv") or is financed ("financed") at central values is not, or the other
    way."""
    rows = table[(table["plant"] == plant) & (table["measure"] == measure)]
    at = rows[rows["variant"] == CENTRAL][what].iloc[0] > 0
    other = rows[rows["group"].isin(groups) & np.isfinite(rows[what]) & ((rows[what] > 0) != at)]
    return [str(v) for v in other["variant"]]


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
