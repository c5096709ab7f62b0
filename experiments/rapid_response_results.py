"""A supplier stops its exports: prices, unmet demand and stock use by response, cover and length, and what a stock is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Progress
from experiments.books import Books
from experiments.cases import FloorCase, case_of
from experiments.stock_figures import Figure, drawn, sampled, stock_figures
from floormodel.dynamics.adjustment import speeds
from floormodel.dynamics.response import QUARTERS, Reserve, Response, SupplyStop, rapid_response

NONE, NATIONAL, POOLED, RESTRAINT, BOTH = ("Users' stocks alone", "National stocks", "Pooled stock", "Restraint alone",
                                           "Pooled stock and restraint")
LENGTHS = (1, 2, 4)  # quarters
COVERS = (15, 30, 60, 90, 180)  # days of use
LENGTH, COVER = 2, 60  # the headline: half a year, and the 60 days of Japan's target and of Project Vault
BUY_BACK = 8  # quarters in which what was drawn is bought back
FILL = 3  # years over which a stock is filled
CHANCES = (0.02, 0.05, 0.1, 0.2)  # yearly chance of a stop


@dataclass(frozen=True, eq=False)
class Rapid:
    """Responses by (arm, quarters, days); `fill` by days: change of the members' price (share) and money (USD/yr) while it is filled."""

    market: fm.Market
    case: FloorCase
    members: tuple[str, ...]
    figures: Mapping[str, Figure]
    values: Mapping[str, np.ndarray]
    responses: Mapping[tuple[str, int, int], Response]
    fill: Mapping[int, tuple[np.ndarray, np.ndarray]]
    variants: pd.DataFrame
    covers: tuple[int, ...]

    def at(self, arm: str, quarters: int = LENGTH, days: int = COVER) -> Response:
        return self.responses[arm, quarters, days if arm in (NATIONAL, POOLED, BOTH) else 0]

    def peak(self, arm: str, quarters: int = LENGTH, days: int = COVER) -> np.ndarray:
        return self.at(arm, quarters, days).peak(self.case.good, self.members)

    def unmet(self, arm: str, quarters: int = LENGTH, days: int = COVER) -> np.ndarray:
        return self.at(arm, quarters, days).unmet(self.case.good, self.members)

    def stock(self, days: int = COVER) -> np.ndarray:
        """Tonnes held by the members together (draws,)."""
        held = self.at(POOLED, LENGTH, days).dataset["held"]
        return held.sel(good=self.case.good, region=list(self.members)).sum("region").values

    def price0(self) -> np.ndarray:
        """Benchmark price in the members, weighted by use, USD/t (draws,)."""
        ds = self.at(NONE).dataset.sel(good=self.case.good, region=list(self.members))
        return ((ds["price0"] * ds["use0"]).sum("region") / ds["use0"].sum("region")).values

    def tonne_year(self) -> np.ndarray:
        """Interest and storage of a tonne for a year, USD (draws,)."""
        return self.values["interest"] * self.price0() + self.values["storage_cost"]

    def filling(self, days: int = COVER) -> np.ndarray:
        """What filling cost the members beyond the worth of the stock, as yearly interest on it, USD a year (draws,)."""
        return -FILL * self.values["interest"] * self.fill[days][1]

    def yearly(self, days: int = COVER) -> np.ndarray:
        """Cost of having the stock, USD a year (draws,): interest, storage, and interest on what filling cost."""
        return self.stock(days) * self.tonne_year() + self.filling(days)

    def avoided(self, arm: str, quarters: int = LENGTH, days: int = COVER) -> np.ndarray:
        """Loss of the members in a stop that a stock avoids, USD (draws,)."""
        return self.at(NONE, quarters).loss(self.members) - self.at(arm, quarters, days).loss(self.members)

    def break_even(self, arm: str, quarters: int = LENGTH, days: int = COVER) -> np.ndarray:
        """Yearly chance of a stop from which the stock pays; 1 where one a year would not pay (draws,)."""
        gain = self.avoided(arm, quarters, days)
        chance = np.where(gain > 0, self.yearly(days) / np.where(gain > 0, gain, 1.0), 1.0)
        return np.where(np.isfinite(gain), np.minimum(chance, 1.0), np.nan)

    def net(self, arm: str, chance: float, quarters: int = LENGTH, days: int = COVER) -> np.ndarray:
        """Expected yearly worth less cost at a yearly chance of a stop, USD a year (draws,)."""
        return chance * self.avoided(arm, quarters, days) - self.yearly(days)

    @property
    def converged(self) -> np.ndarray:
        """Draws in which every quarter of every run was solved."""
        return np.all([r.dataset["converged"].values for r in self.responses.values()], axis=0)


def reserves(members: tuple[str, ...], days: float, restraint: float) -> dict[str, Reserve]:
    """The responses that are compared."""
    plain = Reserve(members=members)
    return {NONE: plain, NATIONAL: replace(plain, days=days), POOLED: replace(plain, days=days, pooled=True),
            RESTRAINT: replace(plain, restraint=restraint), BOTH: replace(plain, days=days, pooled=True, restraint=restraint)}


def exposed(market: fm.Market, case: FloorCase, members: tuple[str, ...]) -> dict[str, float]:
    """Members that buy the good from the supplier, with the tonnes, most first.

    Raises DataError where none does: there is nothing to stop.
    """
    flow = market.dataset["flow0"].sel(good=case.good, origin=case.supplier)
    flow = flow.mean("draw") if "draw" in flow.dims else flow
    buys = {r: float(flow.sel(destination=r)) for r in members if r != case.supplier and float(flow.sel(destination=r)) > 0}
    if not buys:
        raise fm.DataError(f"market {market.name!r}: {case.supplier} sells no {case.good!r} to {', '.join(members)}; expected a supplier "
                           "that does: name another bloc first under [blocs] of market.toml, or run it on another market")
    return dict(sorted(buys.items(), key=lambda item: -item[1]))


def compute(name: str, draws: int, seed: int, progress: Progress) -> Rapid:
    """All responses, lengths and covers; variants at central values."""
    market = sampled(name, "short", draws, seed)
    case = case_of(fm.load_market(name, horizon="short"))
    members = tuple(r for r in next(iter(case.members.values())) if r != case.supplier)
    hit = exposed(market, case, members)
    figures = stock_figures(name)
    values = drawn(figures, draws)
    users = values["commercial_days"] * values["usable"]
    wanted = [(arm, n, COVER if reserve.days else 0) for arm, reserve in reserves(members, COVER, 0.1).items() for n in LENGTHS]
    wanted += [(arm, n, days) for arm in (NATIONAL, POOLED) for n in LENGTHS for days in COVERS if days != COVER]
    runs, pace = {}, speeds(market, QUARTERS)
    for arm, n, days in progress(wanted):
        reserve = reserves(members, days, figures["restraint"].value)[arm]
        runs[arm, n, days] = rapid_response(market, SupplyStop(supplier=case.supplier, goods=(case.good,), quarters=n), reserve,
                                            commercial_days=users, buy_back=BUY_BACK, adjustment=pace)
    fill = {days: filling(market, case, members, runs[NATIONAL, LENGTH, days]) for days in COVERS}
    return Rapid(market, case, members, figures, values, runs, fill, variants(name, case, members, next(iter(hit)), figures), COVERS)


def filling(market: fm.Market, case: FloorCase, members: tuple[str, ...], at: Response) -> tuple[np.ndarray, np.ndarray]:
    """Change of the members' mean price (share) and of their money, USD/yr, while each buys its stock in equal yearly parts (draws,)."""
    held = at.dataset["held"].sel(good=case.good).mean("draw")
    buying = [fm.Stockpile(good=case.good, region=r, purchase=float(held.sel(region=r)) / FILL) for r in members
              if float(held.sel(region=r)) > 0]
    run = fm.solve(market, buying, bloc=list(members))
    g, where = market.goods.index(case.good), [market.regions.index(r) for r in members]
    weight = run.base.state.use[:, g, where]
    price0, price = ((s.state.buyer_price[:, g, where] * weight).sum(-1) / weight.sum(-1) for s in (run.base, run.solved))
    return np.where(run.converged, price / price0 - 1, np.nan), Books(run.solved, run.base).money(members)


def variant_cases(case: FloorCase, first: str, figures: Mapping[str, Figure]) -> dict[str, tuple[SupplyStop, dict, dict]]:
    """Other assumptions by name: the stop, and what is changed of the reserve and of the settings."""
    low, high = (getattr(figures["commercial_days"], e) * getattr(figures["usable"], e) for e in ("low", "high"))
    stop = SupplyStop(supplier=case.supplier, goods=(case.good,), quarters=LENGTH)
    whole = replace(stop, goods=(case.good, *case.downstream))
    cases: dict[str, tuple[SupplyStop, dict, dict]] = {
        "As above": (stop, {}, {}),
        f"Only {first} is cut off": (replace(stop, destinations=(first,)), {}, {}),
        f"Only {first} is cut off, stocks of {COVERS[0]} days": (replace(stop, destinations=(first,)), {"days": COVERS[0]}, {}),
        "Half of exports stop": (replace(stop, share=0.5), {}, {}),
        f"Users can draw {low:.0f} days": (stop, {}, {"commercial_days": low}),
        f"Users can draw {high:.0f} days": (stop, {}, {"commercial_days": high}),
        "The response comes a quarter late": (stop, {"lag": 1}, {}),
        "All expect the stop to last one quarter": (stop, {}, {"planned": 1}),
        "Buyers and plants respond more slowly": (stop, {}, {"at_once": {"supply": 1, "sourcing": 1}}),
        "Use responds as over a year": (stop, {}, {"at_once": {"demand": 4}}),
        "Stocks are bought back within half a year": (stop, {}, {"buy_back": 2}),
        "Stocks are not bought back": (stop, {}, {"buy_back": 0}),
    }
    if case.downstream:
        cases["Products stop as well, stocks of both"] = (whole, {}, {})
        cases["Products stop as well, no stock of them"] = (whole, {"goods": (case.good,)}, {})
    return cases


def variants(name: str, case: FloorCase, members: tuple[str, ...], first: str, figures: Mapping[str, Figure]) -> pd.DataFrame:
    """The headline under other assumptions, at central values: variant, and by arm peak, unmet and loss avoided (USD)."""
    market = fm.load_market(name, horizon="short")
    users, pace, rows = figures["commercial_days"].value * figures["usable"].value, speeds(market, QUARTERS), []
    for label, (what, of_reserve, settings) in variant_cases(case, first, figures).items():
        how = {"commercial_days": users, "buy_back": BUY_BACK, "adjustment": pace} | settings
        runs = {arm: rapid_response(market, what, replace(reserve, **(of_reserve if reserve.days else {})), **how)
                for arm, reserve in reserves(members, COVER, 0.0).items() if arm in (NONE, NATIONAL, POOLED)}
        measured = (first,) if what.destinations else members
        good = what.goods[-1]
        for arm, r in runs.items():
            rows.append({"variant": label, "arm": arm, "good": good, "peak": float(r.peak(good, measured)[0]),
                         "unmet": float(r.unmet(good, measured)[0]),
                         "avoided": float(runs[NONE].loss(members)[0] - r.loss(members)[0]), "solved": bool(r.dataset["converged"].all())})
    return pd.DataFrame(rows)
