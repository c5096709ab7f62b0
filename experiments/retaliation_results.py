"""The dominant supplier's menu, its best replies with and without the floor, rounds, and other assumptions: computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, floor
from experiments.cases import FloorCase, case_of
from floormodel.report.labels import good_name, region_name

NOTHING, FLOOR = "nothing", "Floor"
# 15 and 25 % were China's export taxes on rare earths from 2010 to 2014, 40 % the cut of its quota in 2010 (50,000 to 30,258 t), a cut of
# 100 % is the ban on gallium, germanium and antimony for the United States of December 2024; the others fill the range (assumption)
TAXES, CUTS = (0.15, 0.25, 0.5, 1.0), (0.2, 0.4, 0.6, 0.8, 1.0)
ROUND_TAX, ROUND_CUT = 0.25, 0.4


@dataclass(frozen=True)
class Option:
    """One entry of the supplier's menu: a tax (share of the gate price) or a cut (share of benchmark exports) on one good."""

    kind: str
    good: str
    to_all: bool
    level: float

    @property
    def name(self) -> str:
        share, target = f"{100 * self.level:.0f} %", f"{good_name(self.good)} to {'all' if self.to_all else 'the bloc'}"
        if self.kind == "tax":
            return f"{share} tax on {target}"
        return f"ban on {target}" if self.level == 1 else f"{share} {'fewer' if good_name(self.good).endswith('s') else 'less'} {target}"

    def policies(self, market: fm.Market, supplier: str, bloc: Sequence[str]) -> list[fm.Instrument]:
        """The instrument of this option."""
        targets = [r for r in market.regions if r != supplier and (self.to_all or r in bloc)]
        if self.kind == "tax":
            return [fm.ExportTax(good=self.good, exporters=[supplier], destinations=targets, rate=self.level)]
        exports = float(market.dataset["flow0"].sel(good=self.good, origin=supplier, destination=targets).sum("destination").mean())
        return [fm.ExportQuota(good=self.good, exporter=supplier, destinations=targets, quota=(1 - self.level) * exports)]


@dataclass(frozen=True, eq=False)
class Results:
    """`with_floor`, `without`: the supplier's menu over draws; `variants`: its best reply at central values under other assumptions;
    `rounds`: bloc and supplier reply in turn; `runs`: the scenarios that the pages show."""

    case: FloorCase
    bloc: tuple[str, ...]
    options: tuple[Option, ...]
    with_floor: fm.BestReply
    without: fm.BestReply
    runs: fm.Comparison
    rounds: fm.Rounds
    variants: pd.DataFrame


def options_of(market: fm.Market, case: FloorCase) -> tuple[Option, ...]:
    """Taxes and cuts on the floored good and those made with it, on exports to the bloc or to all; goods it exports only."""
    away = market.dataset["flow0"].sel(origin=case.supplier).drop_sel(destination=case.supplier).sum("destination")
    goods = [g for g in (case.good, *case.downstream) if float(away.sel(good=g).max()) > 0]
    return tuple(Option(kind, g, to_all, x) for g in goods for to_all in (False, True)
                 for kind, levels in (("tax", TAXES), ("cut", CUTS)) for x in levels)


def menu_of(market: fm.Market, case: FloorCase, bloc: Sequence[str], options: Sequence[Option]) -> dict[str, Policies]:
    """{name: instruments}, doing nothing first."""
    return {NOTHING: [], **{o.name: o.policies(market, case.supplier, bloc) for o in options}}


def bloc_menu(market: fm.Market, case: FloorCase, bloc: Sequence[str]) -> dict[str, Policies]:
    """What the bloc may do in turn: the floor first."""
    made = market.dataset["output0"].sel(good=case.good)
    producing = [r for r in bloc if float(made.sel(region=r).max()) > 0]
    menu: dict[str, Policies] = {"floor": floor(case.good, bloc, case.headline), NOTHING: []}
    if case.downstream:
        menu["floor, products covered"] = floor(case.good, bloc, case.headline, case.downstream)
    if producing:
        menu["gap subsidy"] = [fm.PriceGapSubsidy(good=case.good, regions=producing, strike=case.headline)]
    last = (case.good, *case.downstream)[-1]
    menu[f"25 % tariff on {good_name(last)}"] = [fm.ImportTariff(good=last, importers=list(bloc), origins=[case.supplier], rate=0.25)]
    return menu


def variants_of(name: str, supplier: str) -> dict[str, tuple[fm.Market, str | fm.Payoff]]:
    """Market and payoff of the supplier, by what is assumed otherwise than in the headline."""
    market, who = fm.load_market(name, horizon="long"), region_name(supplier)
    out: dict[str, tuple[fm.Market, str | fm.Payoff]] = {
        f"{who} weighs all its gains, long run": (market, "welfare"), f"{who} weighs its producers only": (market, "producers"),
        f"{who} weighs its treasury only": (market, "treasury"), f"{who} weighs export revenue": (market, "export_revenue"),
        "Public money counts 1.3": (market, fm.Payoff(mcpf=1.3)),
        "Only the short run counts": (fm.load_market(name, horizon="short"), "welfare"),
        "New plants may enter": (market.open_projects("all"), "welfare")}
    return out | {f"The figures are those of deck {d}": (fm.load_market(name, horizon="long", deck=d), "welfare") for d in market.decks}


def compute_variants(name: str, case: FloorCase, bloc: Sequence[str], options: Sequence[Option], progress: Progress) -> pd.DataFrame:
    """variant, floor (in force or not), best, gain (over doing nothing, USD/yr), unique, best_floored and gain_floored (menu of the
    floored good alone); central values."""
    rows = []
    for label, (market, payoff) in progress(list(variants_of(name, case.supplier).items())):
        menu = menu_of(market, case, bloc, options)
        same = [NOTHING, *(o.name for o in options if o.good == case.good)]
        for inside, policies in ((True, floor(case.good, bloc, case.headline)), (False, [])):
            found = fm.best_reply(market, policies, case.supplier, menu, payoff)
            narrow = found.among(same)
            rows.append((label, inside, found.best, float(found.gain(found.best, NOTHING)[0]), found.is_unique,
                         narrow.best, float(narrow.gain(narrow.best, NOTHING)[0])))
    return pd.DataFrame(rows, columns=["variant", "floor", "best", "gain", "unique", "best_floored", "gain_floored"])


def best_by(options: Sequence[Option], found: fm.BestReply, good: str, to_all: bool | None = None) -> str:
    """The best option on one good (and target); doing nothing is one of them."""
    names = [o.name for o in options if o.good == good and (to_all is None or o.to_all == to_all)]
    return found.among([NOTHING, *names]).best


def play(market: fm.Market, case: FloorCase, bloc: Sequence[str], menu: Mapping[str, Policies], options: Sequence[Option],
         extra: Sequence[str], progress: Progress) -> fm.Rounds:
    """The bloc's measures against a short menu of the supplier: round levels on each good and target, and its best replies."""
    short = [o.name for o in options if o.level == (ROUND_TAX if o.kind == "tax" else ROUND_CUT)]
    names = list(dict.fromkeys([NOTHING, *short, *extra]))
    players = [fm.Player("Bloc", tuple(bloc), bloc_menu(market, case, bloc)),
               fm.Player(region_name(case.supplier), (case.supplier,), {n: menu[n] for n in names})]
    return fm.retaliation_rounds(market, players, first=region_name(case.supplier), progress=progress)


def compute(name: str, draws: int, seed: int, progress: Progress) -> Results:
    """Solve everything. `progress` wraps the long loops."""
    market = fm.load_market(name, horizon="long")
    case = case_of(market)
    bloc = next(iter(case.members.values()))
    drawn = fm.sample(market, draws, seed)
    options = options_of(market, case)
    menu, headline = menu_of(market, case, bloc, options), floor(case.good, bloc, case.headline)
    base = fm.solve(drawn).base
    with_floor = fm.best_reply(drawn, headline, case.supplier, menu, base=base, progress=progress)
    without = fm.best_reply(drawn, [], case.supplier, menu, base=base, progress=progress)
    chosen = {FLOOR: headline}
    for good in dict.fromkeys(o.good for o in options):
        for to_all in (False, True):
            best = best_by(options, with_floor, good, to_all)
            if best != NOTHING:
                chosen[f"{FLOOR}, then {best}"] = [*headline, *menu[best]]
    replies = [best_by(options, found, g) for found in (with_floor, without) for g in dict.fromkeys(o.good for o in options)]
    rounds = play(drawn, case, bloc, menu, options, [*replies, with_floor.best, without.best], progress)
    return Results(case, tuple(bloc), options, with_floor, without, fm.compare(drawn, chosen, bloc=bloc), rounds,
                   compute_variants(name, case, bloc, options, progress))
