"""A supplier stops its exports: prices, use and stocks by response, cover and length, and what a stock is worth to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

import floormodel as fm
from experiments.analysis import Progress
from experiments.cases import FloorCase, case_of
from experiments.rapid_response_variants import variants
from experiments.stock_figures import Figure, drawn, sampled, stock_figures
from floormodel.dynamics.adjustment import Speeds, speeds
from floormodel.dynamics.response import (
    AT_ONCE,
    QUARTERS,
    Quarters,
    Reserve,
    Response,
    SupplyStop,
    fill_stock,
    rapid_response,
    weighted_price,
)

NONE, NATIONAL, POOLED, SHARED, RESTRAINT, BOTH = ("Users' stocks alone", "National stocks", "Pooled stock", "Pool, equal shortfalls",
                                                   "Restraint alone", "Pooled stock and restraint")
LENGTHS = (1, 2, 4)  # quarters
COVERS = (15, 30, 60, 90, 180)  # days of use; 180 is what Japan may hold at high geopolitical risk (iea_policy_16639)
LENGTH, COVER = 2, 60  # the headline: half a year, and the days of Japan's target (iea_policy_16639) and of Project Vault (project_vault)
BUY_BACK = 8  # quarters in which what was drawn is bought back
FILL, PACES = 3, (1, 6)  # years over which a stock is filled, and others tried
CHANCES = (0.02, 0.05, 0.1, 0.2)  # yearly chance of a stop
UNFORESEEN = "all expect a year"
LONG_RUN = {"supply": 400, "sourcing": 400, "demand": 400}  # quarters of response: all of it


@dataclass(frozen=True, eq=False)
class Rapid:
    """Responses by (arm, quarters, days); `others` by (case, arm), of the headline's length and days; `fills` by (good, years, days), years
    0 where all responses are those of the long run."""

    market: fm.Market
    case: FloorCase
    members: tuple[str, ...]
    figures: Mapping[str, Figure]
    values: Mapping[str, np.ndarray]
    responses: Mapping[tuple[str, int, int], Response]
    others: Mapping[tuple[str, str], Response]
    fills: Mapping[tuple[str, int, int], xr.Dataset]
    variants: pd.DataFrame
    covers: tuple[int, ...]

    @property
    def made(self) -> str:
        """The last good that is made of the one that stops; "" if none."""
        return self.case.downstream[-1] if self.case.downstream else ""

    def at(self, arm: str, quarters: int = LENGTH, days: int = COVER) -> Response:
        return self.responses[arm, quarters, days if arm in (NATIONAL, POOLED, SHARED, BOTH) else 0]

    def peak(self, arm: str, quarters: int = LENGTH, days: int = COVER, during: str = "episode", who: Sequence[str] = ()) -> np.ndarray:
        """Highest price over the benchmark's (draws,), of the members or of some of them."""
        return self.at(arm, quarters, days).peak(self.case.good, who or self.members, during)  # type: ignore[arg-type]

    def below(self, arm: str, quarters: int = LENGTH, days: int = COVER) -> np.ndarray:
        return self.at(arm, quarters, days).below(self.case.good, self.members)

    def stock(self, days: int = COVER, good: str = "") -> np.ndarray:
        """Tonnes held by the members together (draws,)."""
        use = self.at(NONE).dataset["use0"].sel(good=good or self.case.good, region=list(self.members))
        return days / 365 * use.sum("region").values

    def price0(self, good: str = "") -> np.ndarray:
        """Benchmark price in the members, weighted by use, USD/t (draws,)."""
        ds = self.at(NONE).dataset.sel(good=good or self.case.good, region=list(self.members))
        return ((ds["price0"] * ds["use0"]).sum("region") / ds["use0"].sum("region")).values

    def weight(self) -> dict[str, float]:
        """Members' shares of their benchmark use, median over draws, most first."""
        use = self.at(NONE).dataset["use0"].sel(good=self.case.good, region=list(self.members)).transpose("draw", "region").values
        share = np.median(use / use.sum(1, keepdims=True), axis=0)
        return dict(sorted(zip(self.members, share.tolist()), key=lambda item: -item[1]))

    def tonne_year(self, good: str = "") -> np.ndarray:
        """Interest and storage of a tonne for a year, USD (draws,)."""
        return self.values["interest"] * self.price0(good) + self.values["storage_cost"]

    def filled(self, regions: Sequence[str], days: int = COVER, years: int = FILL, good: str = "") -> np.ndarray:
        """Money that some regions gain while the stock is filled, all years together, USD (draws,); the stock counts at its worth."""
        welfare = self.fills[good or self.case.good, years, days]["welfare"].sel(region=list(regions))
        total = welfare.sum(["region", "quarter"], skipna=False).values
        return total if years else FILL * QUARTERS * total  # in the long run all quarters are alike

    def fill_price(self, days: int = COVER, years: int = FILL) -> np.ndarray:
        """Rise of the members' price while the stock is filled, mean over quarters, share (draws,)."""
        return weighted_price(self.fills[self.case.good, years, days], self.case.good, self.members).mean(1) - 1

    def yearly(self, days: int = COVER, years: int = FILL, good: str = "") -> np.ndarray:
        """Cost of having the stock, USD a year (draws,): interest, storage, and interest on what filling cost beyond its worth."""
        fill = -self.values["interest"] * self.filled(self.members, days, years, good)
        return self.stock(days, good) * self.tonne_year(good) + fill

    def both(self) -> np.ndarray:
        """Yearly cost of stocks of the good and of what is made of it, USD (draws,)."""
        return self.yearly() + self.yearly(good=self.made)

    def avoided(self, arm: str, quarters: int = LENGTH, days: int = COVER, who: Sequence[str] = (), alike: bool = False) -> np.ndarray:
        """Loss in a stop that a response avoids, against users' stocks alone, of the members or of others, USD (draws,)."""
        who = who or self.members
        return self.at(NONE, quarters).loss(who) - self.at(arm, quarters, days).loss(who, alike)

    def avoided_in(self, case: str, arm: str) -> np.ndarray:
        """The same under another case."""
        return self.others[case, NONE].loss(self.members) - self.others[case, arm].loss(self.members)

    def central(self, variant: str, arm: str, column: str) -> float:
        """A figure of the table of variants, at central values."""
        v = self.variants
        return float(v.loc[(v["variant"] == variant) & (v["arm"] == arm), column].iloc[0])

    def break_even(self, arm: str, quarters: int = LENGTH, days: int = COVER) -> np.ndarray:
        """Yearly chance of a stop from which the stock pays (draws,); infinite where one a year would not pay."""
        return chance_from(self.yearly(days), self.avoided(arm, quarters, days))

    def net(self, arm: str, chance: float, quarters: int = LENGTH, days: int = COVER) -> np.ndarray:
        """Expected yearly worth less cost at a yearly chance of a stop, USD a year (draws,)."""
        return chance * self.avoided(arm, quarters, days) - self.yearly(days)

    @property
    def converged(self) -> np.ndarray:
        """Draws in which every quarter of every run was solved."""
        runs = [r.dataset for r in (*self.responses.values(), *self.others.values())]
        return np.all([d["converged"].values for d in (*runs, *self.fills.values())], axis=0)


def chance_from(yearly: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Yearly chance at which a gain per stop pays a yearly cost (draws,); infinite above 1, NaN where the gain is not known."""
    chance = np.where(gain > 0, yearly / np.where(gain > 0, gain, 1.0), np.inf)
    return np.where(np.isfinite(gain), np.where(chance <= 1, chance, np.inf), np.nan)


def reserves(members: tuple[str, ...], days: float, restraint: float | np.ndarray) -> dict[str, Reserve]:
    """The responses that are compared."""
    plain = Reserve(members=members)
    pool = replace(plain, days=days, pooled=True)
    return {NONE: plain, NATIONAL: replace(plain, days=days), POOLED: pool, SHARED: replace(pool, sharing="shortfalls"),
            RESTRAINT: replace(plain, restraint=restraint), BOTH: replace(pool, restraint=restraint)}


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
    """All responses, lengths and covers; other cases; variants at central values."""
    market = sampled(name, "short", draws, seed)
    case = case_of(fm.load_market(name, horizon="short"))
    members = tuple(r for r in next(iter(case.members.values())) if r != case.supplier)
    hit = exposed(market, case, members)
    figures = stock_figures(name)
    values = drawn(figures, draws, seed)
    pace = speeds(market, QUARTERS)
    stop = SupplyStop(supplier=case.supplier, goods=(case.good,), quarters=LENGTH)
    how = {"commercial_days": values["commercial_days"] * values["usable"], "buy_back": BUY_BACK,
           "adjustment": Quarters(market, AT_ONCE, pace)}
    arms = reserves(members, COVER, values["restraint"])
    wanted = [(arm, n, COVER if reserve.days else 0) for arm, reserve in arms.items() for n in LENGTHS]
    wanted += [(arm, n, days) for arm in (NATIONAL, POOLED) for n in LENGTHS for days in COVERS if days != COVER]
    runs = {(arm, n, days): rapid_response(market, replace(stop, quarters=n), replace(arms[arm], days=float(days)), **how)
            for arm, n, days in progress(wanted)}
    others = {(UNFORESEEN, arm): rapid_response(market, stop, arms[arm], **how | {"planned": 4}) for arm in (NONE, NATIONAL, POOLED)}
    fills = filling(market, case, members, pace)
    return Rapid(market, case, members, figures, values, runs, others, fills,
                 variants(name, case, members, next(iter(hit)), figures, BUY_BACK, COVERS[0]), COVERS)


def filling(market: fm.Market, case: FloorCase, members: tuple[str, ...], pace: Speeds) -> dict[tuple[str, int, int], xr.Dataset]:
    """Each member buys its stock in equal quarterly parts: by good, years and days; 0 years: all responses those of the long run."""
    use = fm.solve(market).base.state.use

    def fill(good: str, days: float, quarters: int, at_once: Mapping[str, int] | None = None) -> xr.Dataset:
        g = market.goods.index(good)
        held = {r: days / 365 * use[:, g, market.regions.index(r)] for r in members}
        return fill_stock(market, good, held, quarters=quarters, at_once=at_once, adjustment=pace)

    out = {(case.good, FILL, days): fill(case.good, days, FILL * QUARTERS) for days in COVERS}
    out |= {(case.good, years, COVER): fill(case.good, COVER, years * QUARTERS) for years in PACES}
    out[case.good, 0, COVER] = fill(case.good, COVER / (FILL * QUARTERS), 1, LONG_RUN)
    return out | {(good, FILL, COVER): fill(good, COVER, FILL * QUARTERS) for good in case.downstream[-1:]}
