"""What producer countries take in royalty and profit tax, by the share that is not declared, beside what a buyers' floor gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, floor
from experiments.books import Books
from experiments.cases import case_of
from experiments.words import quantiles
from floormodel.accounts import ledger
from floormodel.errors import ScenarioError

HIDDEN = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)  # shares not declared that are tried
TAKE = ("royalty", "profit_tax")
CLOSED, OUTSIDE, INSIDE, OWN = "Gap closed", "Floor, the country outside", "Floor, the country a member", "Floor on its own good, a member"
HIGHEST = 4.0


@dataclass(frozen=True)
class Producer:
    """One country: market and deck, the good it mines, tax on profit, share that is not declared (with its range)."""

    market: str
    deck: str | None
    region: str
    good: str
    profit_tax: float
    hidden: tuple[float, float, float]
    source: str


@dataclass(frozen=True, eq=False)
class Country:
    """One producer's results, per draw.

    `hidden`: {share not declared: take without policy and with the gap closed, and output in both}; `runs`: gap closed and floors at the
    central share; `books`; `take` (levels, USD/yr) by scenario; `level`: floor that brings the treasury as much as closing the gap.
    """

    producer: Producer
    market: fm.Market
    floor: float
    floored: str
    bloc: tuple[str, ...]
    hidden: pd.DataFrame
    runs: fm.Comparison
    books: Mapping[str, Books]
    level: fm.Reached
    variants: pd.DataFrame

    def gain(self, scenario: str, what: str = "treasury") -> np.ndarray:
        """Change by a scenario against the market with the undeclared share: treasury, producers, welfare, revenue (draws,), USD/yr."""
        who = [self.producer.region]
        b = self.books[scenario]
        if what == "revenue":
            run = self.runs[scenario]
            return self._revenue(run.solved) - self._revenue(run.base)
        return b.money(who) if what == "welfare" else b.money(who, what)

    def _revenue(self, solved: fm.Solved) -> np.ndarray:
        g, r = self.market.goods.index(self.producer.good), self.market.regions.index(self.producer.region)
        return solved.state.price[:, g, r] * solved.state.output[:, g, r]

    def output_change(self, scenario: str) -> np.ndarray:
        """Share by which output of the mined good changes (draws,)."""
        g, r = self.market.goods.index(self.producer.good), self.market.regions.index(self.producer.region)
        run = self.runs[scenario]
        return run.solved.state.output[:, g, r] / run.base.state.output[:, g, r] - 1


def assumptions() -> pd.DataFrame:
    """The rows of take_assumptions.csv."""
    return pd.read_csv(Path(__file__).with_name("take_assumptions.csv"), keep_default_na=False)


def producers() -> list[Producer]:
    """The countries of the table."""
    rows = assumptions()
    hidden = rows[rows["quantity"] == "under_invoicing"].iloc[0]
    return [Producer(str(x["market"]), str(x["deck"]) or None, str(x["region"]), str(x["good"]), float(x["value"]),
                     (float(hidden["low"]), float(hidden["value"]), float(hidden["high"])), str(x["source"]))
            for _, x in rows[rows["quantity"] == "profit_tax"].iterrows()]


def first(market: str) -> list[Producer]:
    """All countries, those of one market first.

    Raises
    ------
    ScenarioError
        For a market without a country.
    """
    found = producers()
    if market not in {p.market for p in found}:
        raise ScenarioError(f"producer_take: found market {market!r}; expected {' | '.join(dict.fromkeys(p.market for p in found))}")
    return sorted(found, key=lambda p: p.market != market)


def with_gap(market: fm.Market, p: Producer, hidden: float) -> fm.Market:
    """The market whose benchmark holds that a share of value and profit is not declared."""
    gap = market.dataset["under_invoicing"].copy()
    gap.loc[{"good": p.good, "region": p.region}] = hidden
    return market.replace(under_invoicing=gap)


def tax(p: Producer, hidden: float) -> fm.MiningTax:
    """The tax on profit as it stands, beside the royalty of the market; `hidden` of both is not declared."""
    return fm.MiningTax(good=p.good, region=p.region, profit_tax=p.profit_tax, under_invoicing=hidden)


def take(solved: fm.Solved, region: str, good: str) -> np.ndarray:
    """Royalty and tax on profit of one good (draws,), USD/yr."""
    book = ledger(solved)
    g, r = solved.market.goods.index(good), solved.market.regions.index(region)
    return np.where(solved.solution.converged, sum(book.lines[a][:, g, r] for a in TAKE), np.nan)


def by_hidden(market: fm.Market, p: Producer, progress: Progress = iter) -> pd.DataFrame:
    """hidden, measure (before, closed: take; output: share by which it changes), unit, q05, q50, q95, share_converged."""
    g, r = market.goods.index(p.good), market.regions.index(p.region)
    rows = []
    for hidden in progress(list(HIDDEN)):
        there = with_gap(market, p, hidden)
        now, then = (fm.solve(there, [tax(p, h)]) for h in (hidden, 0.0))
        output = then.solved.state.output[:, g, r] / now.solved.state.output[:, g, r] - 1
        before, closed = (take(x.solved, p.region, p.good) for x in (now, then))
        done = float(np.mean(now.converged & then.converged))
        for measure, unit, values in (("before", "USD/yr", before), ("closed", "USD/yr", closed), ("yield", "USD/yr", closed - before),
                                      ("output", "share", output)):
            rows.append((hidden, measure, unit, *quantiles(values), done))
    return pd.DataFrame(rows, columns=["hidden", "measure", "unit", "q05", "q50", "q95", "share_converged"])


def scenarios(market: fm.Market, p: Producer, hidden: float, good: str, bloc: tuple[str, ...], level: float) -> dict[str, Policies]:
    """What is compared at one undeclared share; the tax on profit stands in all of them. The floor on the country's own good is as far
    above its price as the buyers' floor above that of theirs."""
    price = market.dataset["price0"]
    own = level / float(price.sel(good=good).max()) * float(price.sel(good=p.good, region=p.region))
    return {CLOSED: [tax(p, 0.0)], OUTSIDE: [tax(p, hidden), *floor(good, bloc, level)],
            INSIDE: [tax(p, hidden), *floor(good, [*bloc, p.region], level)],
            OWN: [tax(p, hidden), *floor(p.good, [*bloc, p.region], own)]}


def rebased(runs: fm.Comparison, base: fm.Solved) -> fm.Comparison:
    """The same scenarios compared with another one than the market without instruments."""
    return fm.Comparison({n: fm.Equilibrium(run.solved, base, run.bloc, n) for n, run in runs.runs.items()}, runs.meta)


def floor_level(market: fm.Market, p: Producer, hidden: float, good: str, bloc: tuple[str, ...], inside: bool) -> fm.Reached:
    """The floor that brings the treasury as much as closing the gap; central values."""
    there = with_gap(market, p, hidden)
    start = fm.solve(there, [tax(p, hidden)]).solved
    price = float(market.dataset["price0"].sel(good=good).max())

    def gain(solved: fm.Solved, base: fm.Solved) -> float:
        return float(Books(solved, start).money([p.region], "treasury")[0])

    target = gain(fm.solve(there, [tax(p, 0.0)]).solved, start)
    make: Callable[[float], Policies] = lambda x: scenarios(market, p, hidden, good, bloc, x)[INSIDE if inside else OUTSIDE]  # noqa: E731
    return fm.scale_to(there, make, gain, target, price, HIGHEST * price)


def variants_of(p: Producer, progress: Progress) -> pd.DataFrame:
    """Gain of the treasury by closing the gap and by the floors under other assumptions, central values, USD/yr: variant and one column
    per scenario."""
    market = fm.load_market(p.market, horizon="long", deck=p.deck)
    case = case_of(market)
    bloc = tuple(next(iter(case.members.values())))
    low, middle, high = p.hidden
    cases: dict[str, tuple[fm.Market, float, float]] = {"Central values": (market, middle, case.headline)}
    for hidden in (max(low, HIDDEN[1] / 2), high):
        cases[f"{100 * hidden:.0f} % not declared"] = (market, hidden, case.headline)
    for factor in (0.8, 1.5):
        cases[f"Floor {factor:g} times as high"] = (market, middle, factor * case.headline)
    for words, variable in (("Supply", "supply_elasticity"), ("Ease of changing origins", "sourcing_elasticity")):
        for factor, how in ((0.5, "halved"), (2.0, "doubled")):
            cases[f"{words} {how}"] = (market.replace(**{variable: market.dataset[variable] * factor}), middle, case.headline)
    cases["Short run"] = (fm.load_market(p.market, horizon="short", deck=p.deck), middle, case.headline)
    rows = []
    for label, (m, hidden, level) in progress(list(cases.items())):
        there = with_gap(m, p, hidden)
        start = fm.solve(there, [tax(p, hidden)]).solved
        row: dict[str, object] = {"variant": label}
        for name, policies in scenarios(m, p, hidden, case.good, bloc, level).items():
            row[name] = Books(fm.solve(there, policies).solved, start).money([p.region], "treasury")[0]
        rows.append(row)
    return pd.DataFrame(rows)


def country(p: Producer, draws: int, seed: int, progress: Progress) -> Country:
    """Solve one country."""
    plain = fm.load_market(p.market, horizon="long", deck=p.deck)
    case = case_of(plain)
    bloc, hidden = tuple(next(iter(case.members.values()))), p.hidden[1]
    market = fm.sample(plain, draws, seed)
    there = with_gap(market, p, hidden)
    start = fm.solve(there, [tax(p, hidden)]).solved
    runs = rebased(fm.compare(there, scenarios(plain, p, hidden, case.good, bloc, case.headline), bloc=bloc), start)
    before = ledger(start)
    return Country(p, market, case.headline, case.good, bloc, by_hidden(market, p, progress), runs,
                   {n: Books(run.solved, start, before) for n, run in runs.runs.items()},
                   floor_level(plain, p, hidden, case.good, bloc, True), variants_of(p, progress))


def compute(name: str, draws: int, seed: int, progress: Progress) -> list[Country]:
    """Solve everything, the countries of the market first. `progress` wraps the long loops."""
    return [country(p, draws, seed, progress) for p in first(name)]
