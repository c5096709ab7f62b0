"""Public stocks along a path: what a rule buys and releases in each period, never more than there is.

A rule acts in a period as `Stockpile` does in a static market, by complementarity rows; what it may buy or release then depends
on what it holds: tonnes and money are counted from period to period, draw by draw. Private stocks are not part of such a path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict

from floormodel.equilibrium.solve import Solved
from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Faults, ScenarioError, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Instrument

Array = np.ndarray
FLOWS = ("bought", "released", "stock_outlay")  # t/yr, t/yr, USD/yr
MOST = 0.9  # of benchmark use that a release may serve, as for `Stockpile`


@dataclass(frozen=True, kw_only=True)
class StockRule:
    """A public stock of one good, which buys while the price is low and releases while it is high.

    Parameters
    ----------
    name : of the stock in results
    good, regions : it buys like other buyers of these regions, and releases to them, in proportion to their benchmark use, and looks at
        their mean buyer price. One region is a national stock, several are a pool; a rule each keeps them apart.
    buys, releases : t/yr at most
    max_price : USD/t up to which it buys; None: up to where demand ends
    release_price : USD/t that a release holds; needed with `releases`, and above max_price
    capacity : t, the most it holds; opening : t held at the beginning
    cash : USD at the beginning; purchases draw on it, and sales return to it. Needs a max_price.
    start, end : first year in force, and first year no longer; None: from the beginning, to the end. Out of force it keeps what it holds.
    """

    name: str
    good: str
    regions: tuple[str, ...]
    buys: float = 0.0
    releases: float = 0.0
    max_price: float | None = None
    release_price: float | None = None
    capacity: float = np.inf
    opening: float = 0.0
    cash: float = np.inf
    start: float | None = None
    end: float | None = None

    def in_force(self, year: float) -> bool:
        """Does it act in the period that begins at `year`?"""
        return (self.start is None or year >= self.start - 1e-9) and (self.end is None or year < self.end - 1e-9)


def check_rules(rules: Sequence[StockRule], market: Market, before: int | None = None) -> None:
    """Raise ScenarioError, all faults at once, for rules that the market cannot hold, or not as many as there were `before`."""
    faults = Faults("stocks", ScenarioError)
    if before is not None and before != len(rules):
        faults.add("state", f"{before} stocks", f"{len(rules)}, as in this call")
    for i, rule in enumerate(rules):
        if not isinstance(rule, StockRule):
            raise ScenarioError(f"stock {i + 1}: found {type(rule).__name__}; expected a StockRule")
        where = f"stock {rule.name!r}"
        if [r.name for r in rules].count(rule.name) > 1:
            faults.add(where, rule.name, "a name of its own")
        if rule.good not in market.goods:
            faults.add(f"{where}, good", rule.good, "a good of the market", did_you_mean(rule.good, market.goods))
        unknown = [r for r in rule.regions if r not in market.regions]
        for region in unknown:
            faults.add(f"{where}, regions", region, "a region of the market", did_you_mean(region, market.regions))
        if isinstance(rule.regions, str) or not rule.regions:
            faults.add(f"{where}, regions", rule.regions, 'one or more regions, such as ("USA",)')
        elif rule.good in market.goods and not unknown and np.any(weights(rule, market)[1] <= 0):
            faults.add(f"{where}, regions", list(rule.regions), f"regions whose buyers use {rule.good!r} in the benchmark")
        for name in ("buys", "releases", "capacity", "opening", "cash", "max_price", "release_price"):
            value = getattr(rule, name)
            if value is not None and not value >= 0:
                faults.add(f"{where}, {name}", value, "a number of 0 or more")
        if rule.releases > 0 and rule.release_price is None:
            faults.add(f"{where}, release_price", "nothing", "the price at which stock is released, USD/t")
        if rule.release_price is not None and rule.buys > 0 and not (rule.max_price or np.inf) < rule.release_price:
            faults.add(f"{where}, max_price", rule.max_price, f"a price below the release price, {rule.release_price:g} USD/t")
        if np.isfinite(rule.cash) and not rule.max_price:
            faults.add(f"{where}, max_price", rule.max_price, "a price, so that its cash buys a known number of tonnes")
        if rule.opening > rule.capacity:
            faults.add(f"{where}, opening", rule.opening, f"at most the capacity, {rule.capacity:g} t")
    faults.raise_if_any()


def benchmark_use(market: Market, good: str) -> Array:
    """Benchmark use (B or 1, R), t/yr."""
    ds, g = market.dataset, market.goods.index(good)
    use = ds["final_demand0"].values[..., g, :] + np.einsum("...g,...gr->...r", ds["recipe"].values[..., g], ds["output0"].values)
    return use.reshape(-1, use.shape[-1])


def weights(rule: StockRule, market: Market) -> tuple[Array, Array]:
    """Share (B or 1, R) of each region in what the rule buys and releases, and their benchmark use together, t/yr (B or 1,)."""
    use = benchmark_use(market, rule.good) * np.isin(market.regions, rule.regions)
    return use / np.maximum(use.sum(1, keepdims=True), 1e-300), use.sum(1)


def opening_stocks(rules: Sequence[StockRule], draws: int) -> Array:
    """Tonnes and money (draws, N, 2) that the rules begin with."""
    return np.tile(np.array([[r.opening, r.cash] for r in rules]).reshape(1, -1, 2), (draws, 1, 1))


class PeriodStocks(Instrument):
    """What the rules may do in one period: room to buy and tonnes to release, t/yr, by rule, from `held` (B, N, 2)."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    good_fields: ClassVar[tuple[str, ...]] = ()
    kind: Literal["stocks_of_a_period"] = "stocks_of_a_period"
    rules: Any
    held: Any
    year: float
    length: float

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b = terms.benchmark
        for n, rule in enumerate(self.rules):
            if not rule.in_force(self.year):
                continue
            good, (at, use) = market.goods.index(rule.good), weights(rule, market)
            tonnes, cash = self.held[:, n, 0], self.held[:, n, 1]
            room = np.minimum(rule.buys, np.maximum(rule.capacity - tonnes, 0.0) / self.length)
            if np.isfinite(rule.cash):
                room = np.minimum(room, np.maximum(cash, 0.0) / (rule.max_price * self.length))
            ready = np.minimum(np.minimum(rule.releases, tonnes / self.length), MOST * use)
            demand_ends = b.choke_factor[:, good] * (np.nan_to_num(b.buyer_price0[:, good]) * at).sum(1)
            top = demand_ends if rule.max_price is None else np.full(1, float(rule.max_price))
            for name, most, row, sign in (
                    (f"bought {n}", room, Row(constant=-1.0, buyer_price=at / top[:, None]), 1.0),
                    (f"released {n}", ready, Row(constant=1.0, buyer_price=-at / np.full((1, 1), rule.release_price or 1.0)), -1.0)):
                if np.any(most > 0):
                    upper = (most > 0).astype(float)
                    account = "stock_purchases" if sign > 0 else "stock_release"
                    terms.unknowns.append(Unknown(name, number, good, "t/yr", most, np.zeros(1), upper, row, account,
                                                  purchases=sign * at * most[:, None], payer=np.flatnonzero(at.any(0))))


def idle(rules: Sequence[StockRule]) -> tuple[StockRule, ...]:
    """The same stocks, untouched."""
    return tuple(replace(r, buys=0.0, releases=0.0) for r in rules)


def period_stocks(rules: Sequence[StockRule], held: Array, year: float, length: float) -> list[Instrument]:
    """The rules as instruments of a period, for the draws of `held` (b, N, 2); none where no rule acts."""
    acts = any(r.in_force(year) and (r.buys > 0 or r.releases > 0) for r in rules)
    return [PeriodStocks(rules=tuple(rules), held=held, year=year, length=length)] if acts else []


def traded(rules: Sequence[StockRule], solved: Solved) -> tuple[Array, Array, Array]:
    """Tonnes a year bought and released, and the money paid for them less that received, USD a year, each (b, N); NaN in draws that
    were not solved."""
    bought, released, outlay = (np.zeros((len(solved.state.price), len(rules))) for _ in FLOWS)
    for j, unknown in enumerate(solved.terms.unknowns):
        what, _, place = unknown.name.partition(" ")
        if what in ("bought", "released") and place:
            n, tonnes = int(place), solved.state.scaled[:, j] * unknown.scale
            price = (solved.state.buyer_price[:, unknown.good] * weights(rules[n], solved.market)[0]).sum(1)
            (bought if what == "bought" else released)[:, n] += tonnes
            outlay[:, n] += price * (tonnes if what == "bought" else -tonnes)
    ok = solved.solution.converged[:, None]
    return np.where(ok, bought, np.nan), np.where(ok, released, np.nan), np.where(ok, outlay, np.nan)


def after(held: Array, period: Mapping[str, Array], length: float) -> Array:
    """Tonnes and money (b, N, 2) after a period with the flows (b, N) named in FLOWS; as they were in draws that were not solved."""
    bought, released, outlay = (period[name] for name in FLOWS)
    new = np.stack([np.maximum(held[..., 0] + (bought - released) * length, 0.0), held[..., 1] - outlay * length], axis=-1)
    return np.where(np.isfinite(bought)[..., None], new, held)
