"""Export restrictions of one producer country at the same cut of raw exports: what they bring it, its partners and the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress
from experiments.books import Books
from experiments.words import quantiles
from floormodel.accounts import ledger
from floormodel.errors import ScenarioError
from floormodel.figure_tables import read_table, to_arrays
from floormodel.report.labels import good_name, region_name

CUT = 0.2  # of raw exports: China cut its quota by 40 % in 2010, DR Congo by a half in 2026; a fifth stays where elasticities were read
CUTS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8)
FEW, SMALLEST = 100, 0.01  # draws of the year and of the sweep: a ban for a year is slow to solve
TAX, QUOTA, PROCESSING, ESCALATION, LICENCE, DUAL, BAN, SUBSIDY = (
    "Export tax", "Export quota", "Processing requirement", "Escalating tax", "Licences", "Dual pricing", "Ban", "Subsidy to processors")
DELAY, LESS = 0.03, 1 / 3  # cost of waiting for a licence over the price; tax on the product over that on the raw good (assumptions)
MOST_TAX, MOST_DISCOUNT = 5.0, 0.3


@dataclass(frozen=True)
class Case:
    """A producer country, its raw good and what is made of it; `plants`: decks of the market by what plants may do, the headline last;
    `limited`: where they cannot grow; `projects`: table of plants that may be built; `seen`: what happened."""

    market: str
    who: str
    raw: str
    product: str
    plants: Mapping[str, str | None]
    limited: str | None
    projects: str | None = None
    seen: str = ""

    @property
    def at_once(self) -> str:
        """What plants may do within a year: none is built."""
        return list(self.plants)[0 if self.projects else -1]


CASES = {
    "cobalt": Case("cobalt", "COD", "mined", "refined", {"no refinery": None, "a refinery may be built": None}, None,
                   "projects_cobalt.csv",
                   "DR Congo's quota of 2026 halves its exports; what the metal cost then is beside the model in the study "
                   "drc_cobalt_quota_2026."),
    "nickel": Case("nickel", "IDN", "mined", "refined", {"plants cannot grow": "2019", "plants grow with their margin": "2019",
                                                        "anyone may build": "2019_entry"}, "plants cannot grow",
                   seen="After the ban of 2020 Indonesia's refined output rose from 409 kt (2019, BGS) to 1,493 kt (2024, IEA), far more "
                        "than any line here: most of it was investment that came with a growing use of nickel, see the study "
                        "indonesia_nickel_rule."),
    "rare_earths": Case("rare_earths", "CHN", "ndpr_oxide", "magnet",
                        {"plants cannot grow": None, "plants grow with their margin": None}, "plants cannot grow"),
}


@dataclass(frozen=True, eq=False)
class Setting:
    """A market of a case: what plants may do, the horizon, and what always holds in it (a limit on plants)."""

    case: Case
    plants: str
    horizon: str
    market: fm.Market
    always: tuple[fm.Instrument, ...]

    @property
    def label(self) -> str:
        return f"{self.plants}, {'permanent' if self.horizon == 'long' else 'one year'}"


@dataclass(frozen=True, eq=False)
class Outcome:
    """The instruments of one setting: their scales, runs and outcomes (instrument, measure, unit, q05, q50, q95)."""

    setting: Setting
    scales: pd.DataFrame
    runs: fm.Comparison
    values: Mapping[str, Mapping[str, tuple[str, np.ndarray]]]

    def of(self, instrument: str, measure: str) -> np.ndarray:
        return self.values[instrument][measure][1]


@dataclass(frozen=True, eq=False)
class Results:
    """`main`: the headline setting, permanent; `year`: the same for one short-run year, in which nothing is built; `others`: what
    plants may do otherwise; `sweep`: own gain by cut; `section`: the same cut by every exporter of three markets; `abroad`: the other
    countries; `variants`: own gain under other assumptions, central values."""

    case: Case
    main: Outcome
    year: Outcome
    others: tuple[Outcome, ...]
    sweep: pd.DataFrame
    section: pd.DataFrame
    abroad: pd.DataFrame
    variants: pd.DataFrame


def case_named(market: str) -> Case:
    """The case of a market.

    Raises
    ------
    ScenarioError
        For a market without a case.
    """
    if market not in CASES:
        raise ScenarioError(f"export_restrictions: found market {market!r}; expected {' | '.join(CASES)}")
    return CASES[market]


def setting_of(case: Case, plants: str, horizon: str) -> Setting:
    """Load a market as one setting asks for it."""
    market = fm.load_market(case.market, horizon=horizon, deck=case.plants[plants])
    if case.projects and plants != next(iter(case.plants)):
        own = read_table(Path(__file__).with_name(case.projects), market.goods, market.regions)
        figures = pd.concat([market.figures, own], ignore_index=True)
        market = replace(market, figures=figures, dataset=to_arrays(figures, market.goods, market.regions, horizon))
        market = market.open_projects([(case.product, case.who)])
    limit = float(market.dataset["output0"].sel(good=case.product, region=case.who))
    always = (fm.ProcessingCapacity(good=case.product, region=case.who, limit=limit),) if plants == case.limited else ()
    return Setting(case, plants, horizon, market, always)


def exports(solved: fm.Solved, good: str, who: str) -> np.ndarray:
    """Tonnes that leave a region (draws,)."""
    flow = solved.state.flow[solved.market.goods.index(good)]
    w = solved.market.regions.index(who)
    return flow[:, w].sum(-1) - flow[:, w, w]


def output(solved: fm.Solved, good: str, who: str) -> np.ndarray:
    """Tonnes made in a region (draws,)."""
    return solved.state.output[:, solved.market.goods.index(good), solved.market.regions.index(who)]


def value_added(solved: fm.Solved, good: str, who: str) -> np.ndarray:
    """Value of output less inputs at the buyer price, subsidies apart (draws,), USD/yr."""
    s, g, w = solved.state, solved.market.goods.index(good), solved.market.regions.index(who)
    recipe = np.broadcast_to(s.benchmark.recipe, (len(s.price), *s.benchmark.recipe.shape[-2:]))[:, g]
    inputs = np.where(recipe > 0, recipe * np.nan_to_num(s.buyer_price[:, :, w]), 0.0).sum(-1)
    return np.where(s.output[:, g, w] > 0, (np.nan_to_num(s.price[:, g, w]) - inputs) * s.output[:, g, w], 0.0)


def makes_of(case: Case) -> dict[str, tuple[Callable[[float], Policies], float, float, str]]:
    """Instruments that need a scale: {name: (of a scale, lowest, highest, unit)}."""
    raw, who = case.raw, case.who
    return {
        TAX: (lambda x: [fm.ExportTax(good=raw, exporters=[who], rate=x)], 1e-3, MOST_TAX, "of the price"),
        PROCESSING: (lambda x: [fm.DomesticProcessing(good=raw, exporter=who, share=x)], 1e-3, 0.999, "of output stays"),
        ESCALATION: (lambda x: [fm.ExportEscalation(rates={raw: x, case.product: LESS * x}, exporters=[who])], 1e-3, MOST_TAX,
                     "of the price"),
        LICENCE: (lambda x: [fm.ExportLicence(good=raw, exporter=who, refused=x, delay=DELAY)], 0.0, 0.95, "refused"),
        DUAL: (lambda x: [fm.DualPricing(good=raw, region=who, discount=x)], 1e-3, MOST_DISCOUNT, "off at home"),
    }


def scaled(setting: Setting, cut: float = CUT, only: tuple[str, ...] = ()) -> tuple[dict[str, Policies], pd.DataFrame]:
    """The instruments at one cut of raw exports, and a subsidy that builds the same processing as the requirement.

    Returns instruments by name and a table: instrument, scale, unit, reached. What cannot reach the cut, or adds no processing to
    match, is left out of the first and stays in the table.
    """
    case, market = setting.case, setting.market
    base = fm.solve(market).solved
    start = float(exports(base, case.raw, case.who)[0])
    policies: dict[str, Policies] = {}
    rows = []
    for name, (make, low, high, unit) in makes_of(case).items():
        if only and name not in only:
            continue
        found = fm.scale_to(market, lambda x, make=make: [*setting.always, *make(x)],
                            lambda s, b: float(exports(s, case.raw, case.who)[0] / start - 1), -cut, low, high)
        rows.append((name, found.scale if found.found else found.best_scale, unit, found.found))
        if found.found:
            policies[name] = [*setting.always, *make(found.scale)]
    quota, ban = (fm.ExportQuota(good=case.raw, exporter=case.who, quota=x * start) for x in (1 - cut, 0.0))
    policies |= {QUOTA: [*setting.always, quota], BAN: [*setting.always, ban]}
    rows += [(QUOTA, (1 - cut) * start, "t/yr", True), (BAN, 0.0, "t/yr", True)]
    if PROCESSING in policies and not setting.always and not only:
        target = float(output(fm.solve(market, policies[PROCESSING]).solved, case.product, case.who)[0])
        at0 = float(output(base, case.product, case.who)[0])
        price = float(market.dataset["price0"].sel(good=case.product).max())
        if target > at0 * (1 + 1e-6):
            found = fm.scale_to(market, lambda x: [fm.ProductionSubsidy(good=case.product, regions=[case.who], rate=x)],
                                lambda s, b: float(output(s, case.product, case.who)[0]), target, 1e-4 * price, price)
            rows.append((SUBSIDY, found.scale if found.found else found.best_scale, "USD/t", found.found))
            if found.found:
                policies[SUBSIDY] = [fm.ProductionSubsidy(good=case.product, regions=[case.who], rate=found.scale)]
    order = [TAX, QUOTA, PROCESSING, ESCALATION, LICENCE, DUAL, BAN, SUBSIDY]
    table = pd.DataFrame(rows, columns=["instrument", "scale", "unit", "reached"])
    return ({n: policies[n] for n in order if n in policies},
            table.sort_values("instrument", key=lambda c: c.map(order.index), kind="stable").reset_index(drop=True))


def values_of(run: fm.Equilibrium, case: Case, before: object = None) -> dict[str, tuple[str, np.ndarray]]:
    """What one scenario does: {measure: (unit, change against no policy, one per draw)}."""
    b, who = Books(run.solved, run.base, before), [case.who]  # type: ignore[arg-type]
    others = [r for r in run.market.regions if r != case.who]
    money = {"own": b.money(who), "treasury": b.money(who, "treasury"), "rents": b.money(who, "rent_holders"),
             "raw": b.money(who, "producers", good=case.raw), "processors": b.money(who, "producers", good=case.product),
             "partners": b.money(others), "world": b.money(),
             "value_added": value_added(run.solved, case.product, case.who) - value_added(run.base, case.product, case.who)}
    built = output(run.solved, case.product, case.who) - output(run.base, case.product, case.who)
    cut = exports(run.solved, case.raw, case.who) / exports(run.base, case.raw, case.who) - 1
    return {k: ("USD/yr", v) for k, v in money.items()} | {"built": ("t/yr", built), "cut": ("share", cut)}


def outcome(setting: Setting, draws: int, seed: int) -> Outcome:
    """Scale the instruments at central values, run them over draws."""
    policies, scales = scaled(setting)
    market = fm.sample(setting.market, draws, seed) if draws > 1 else setting.market
    runs = fm.compare(market, policies, bloc=[setting.case.who])
    before = ledger(next(iter(runs.runs.values())).base)
    return Outcome(setting, scales, runs, {n: values_of(run, setting.case, before) for n, run in runs.runs.items()})


def sweep_cuts(outcomes: Mapping[str, Outcome], draws: int, seed: int, progress: Progress) -> pd.DataFrame:
    """Own gain and the others' by cut, of a quota and, at 1, of the ban that has been solved: scenario, indicator, good, region, unit, q05,
    q50, q95, level, share_converged."""
    rows = []
    for label, done in outcomes.items():
        setting = done.setting
        case = setting.case
        market = fm.sample(setting.market, draws, seed)
        base = fm.solve(market).base
        start = float(exports(fm.solve(setting.market).solved, case.raw, case.who)[0])
        before = ledger(base)
        for cut in progress(list(CUTS)):
            quota = fm.ExportQuota(good=case.raw, exporter=case.who, quota=(1 - cut) * start)
            run = fm.solve(market, [*setting.always, quota], base=base)
            found = values_of(run, case, before)
            for measure in ("own", "partners"):
                rows.append((label, measure, case.raw, "world", "USD/yr", *quantiles(found[measure][1]), cut, float(run.converged.mean())))
        rows += [(label, m, case.raw, "world", "USD/yr", *quantiles(done.of(BAN, m)), 1.0, float(done.runs[BAN].converged.mean()))
                 for m in ("own", "partners")]
    return pd.DataFrame(rows, columns=["scenario", "indicator", "good", "region", "unit", "q05", "q50", "q95", "level", "share_converged"])


def cross_section(horizon: str = "long") -> pd.DataFrame:
    """The same cut of raw exports by each exporter of three markets, central values: market, region, share and export_share (of world
    output and exports of the raw good), gain (own, over export value), partners (their change over the same)."""
    rows = []
    for case in CASES.values():
        market = setting_of(case, list(case.plants)[-1], horizon).market
        base = fm.solve(market).base
        g = market.goods.index(case.raw)
        made, world = base.state.output[0, g], base.state.output[0, g].sum()
        away = {r: float(exports(base, case.raw, r)[0]) for r in market.regions}
        for r in market.regions:
            if away[r] < SMALLEST * sum(away.values()) or r == "ROW" or made[market.regions.index(r)] <= 0:
                continue
            run = fm.solve(market, [fm.ExportQuota(good=case.raw, exporter=r, quota=(1 - CUT) * away[r])], base=base)
            b, value = Books(run.solved, base), away[r] * float(base.state.price[0, g, market.regions.index(r)])
            rows.append((case.market, r, made[market.regions.index(r)] / world, away[r] / sum(away.values()), b.money([r])[0] / value,
                         b.money([x for x in market.regions if x != r])[0] / value))
    return pd.DataFrame(rows, columns=["market", "region", "share", "export_share", "gain", "partners"])


def variants_of(case: Case, progress: Progress) -> pd.DataFrame:
    """Own gain (USD/yr) and processing built (t/yr) of quota, processing requirement and ban under other assumptions; central values."""
    last = list(case.plants)[-1]
    cases: dict[str, Setting] = {"Central values": setting_of(case, last, "long")}
    cases |= {f"Plants: {p}": setting_of(case, p, "long") for p in list(case.plants)[:-1]}
    for words, variable, good in (("Ease of changing origins", "sourcing_elasticity", None),
                                  ("Supply of other countries", "supply_elasticity", case.raw),
                                  ("Demand", "demand_elasticity", None)):
        for factor, how in ((0.5, "halved"), (2.0, "doubled")):
            first = cases["Central values"]
            values = first.market.dataset[variable].copy()
            if good is None:
                values = values * factor
            else:
                rivals = [r for r in first.market.regions if r != case.who]
                values.loc[{"good": good, "region": rivals}] *= factor
            cases[f"{words} {how}"] = replace(first, market=first.market.replace(**{variable: values}))
    cases["Only one year counts (short run)"] = setting_of(case, case.at_once, "short")
    rows = []
    for label, setting in progress(list(cases.items())):
        policies, _ = scaled(setting, only=(PROCESSING,))
        base = fm.solve(setting.market).base
        row: dict[str, object] = {"variant": label}
        for name, chosen in policies.items():
            run = fm.solve(setting.market, chosen, base=base)
            found = values_of(run, case)
            row |= {f"{name}: own": found["own"][1][0], f"{name}: built": found["built"][1][0]}
        rows.append(row)
    return pd.DataFrame(rows)


def elsewhere(case: Case) -> pd.DataFrame:
    """The same instruments in the other countries, central values: country, instrument, own (over export value), built (t/yr)."""
    rows = []
    for other in CASES.values():
        if other.market == case.market:
            continue
        done = outcome(setting_of(other, list(other.plants)[-1], "long"), 1, 0)
        base = next(iter(done.runs.runs.values())).base
        w, g = base.market.regions.index(other.who), base.market.goods.index(other.raw)
        value = float(exports(base, other.raw, other.who)[0] * base.state.price[0, g, w])
        for name in done.values:
            rows.append((f"{region_name(other.who)}, {good_name(other.raw)} ({other.market.replace('_', ' ')})", name,
                         done.of(name, "own")[0] / value, done.of(name, "built")[0]))
    return pd.DataFrame(rows, columns=["country", "instrument", "own", "built"])


def compute(name: str, draws: int, seed: int, progress: Progress) -> Results:
    """Solve everything. `progress` wraps the long loops."""
    case = case_named(name)
    *first, last = case.plants
    main, year = setting_of(case, last, "long"), setting_of(case, case.at_once, "short")
    few = min(draws, FEW)
    settings = [main, year, *(setting_of(case, p, "long") for p in first)]
    done = [outcome(s, few if s is year else draws, seed) for s in progress(settings)]
    return Results(case, done[0], done[1], tuple(done[2:]), sweep_cuts({"permanent": done[0], "one year": done[1]}, few, seed, progress),
                   cross_section(), elsewhere(case), variants_of(case, progress))
