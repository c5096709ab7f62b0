"""A supplier's exports stop for some quarters: what stocks of users and governments, apart or pooled, and restraint soften.

Every quarter is a static market whose curves pivot at the benchmark (`response_quarter`). Curves are the same whatever the response, so
that welfare can be compared between responses. Holders stretch a stock over the quarters they expect the stop to last: they release at
most stock / quarters left, never more than what was lost, and only as far as the price stays at the benchmark's. Users' stocks go first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from floormodel.dynamics.adjustment import Speeds
from floormodel.dynamics.response_quarter import QUARTERS, Cut, Purchase, Quarters, closure, released
from floormodel.dynamics.stop import Reserve, SupplyStop, check_counts, check_stop
from floormodel.errors import Faults, ScenarioError
from floormodel.market import Market
from floormodel.policies.base import Instrument

__all__ = ["AT_ONCE", "QUARTERS", "Quarters", "Reserve", "Response", "SupplyStop", "fill_stock", "rapid_response"]
Array = np.ndarray
DAYS = 365.0
AT_ONCE = {"supply": 4, "sourcing": 4, "demand": 1}  # quarters of response that are there from the outset
STOCKS = ("commercial", "public")
UNITS = {"price_ratio": "1", "use": "t per quarter", "inputs": "t per quarter", "commercial": "t per quarter", "public": "t per quarter",
         "welfare": "USD per quarter", "alike": "USD per quarter", "use0": "t/yr", "inputs0": "t/yr", "price0": "USD/t", "held": "t",
         "residual": "1", "identity": "1"}


@dataclass(frozen=True, eq=False)
class Response:
    """A stop and its aftermath.

    `dataset`, by dimensions:
    (quarter, draw, good, region): price_ratio of buyers over the benchmark; use, inputs (the part of use that plants take), commercial and
        public (drawn from stocks in the quarter, negative where bought back), t per quarter
    (quarter, draw, region): welfare, USD in the quarter against no stop; alike, what is lost on top if restraint falls on all uses alike
    (draw, good, region): use0 and inputs0, t/yr; price0, USD/t; held, t of public stock at the outset
    (draw,): converged; residual and identity, the largest over quarters of the solver's residual and of the gap of the money identity
    Quarters count from 1; those after `stop.quarters` are of buying back. NaN in draws and quarters that were not solved.
    """

    stop: SupplyStop
    reserve: Reserve
    dataset: xr.Dataset

    def price(self, good: str, regions: Sequence[str]) -> Array:
        """Price over the benchmark's by quarter (draw, quarter), regions weighted by benchmark use."""
        return weighted_price(self.dataset, good, regions)

    def peak(self, good: str, regions: Sequence[str], during: Literal["episode", "stop"] = "episode") -> Array:
        """Highest of `price` (draw,): in all quarters, those of buying back among them, or during the stop alone."""
        return self.price(good, regions)[:, :self.stop.quarters if during == "stop" else None].max(1)

    def below(self, good: str, regions: Sequence[str], part: Literal["use", "inputs"] = "use") -> Array:
        """Use below the benchmark's during the stop, share of all use (draw,), whatever brought it down: price, restraint or the other
        inputs of what is made of it. `part`: all of it, or what plants use to make other goods."""
        of = {"good": good, "region": list(regions)}
        before, whole = (self.dataset[name].sel(of).sum("region").values * self.stop.quarters / QUARTERS for name in (f"{part}0", "use0"))
        return (before - self.during(part, good, regions)) / whole

    def during(self, name: str, good: str, regions: Sequence[str]) -> Array:
        """Tonnes during the stop of "use" or "inputs", or drawn from "commercial" or "public" stocks (draw,)."""
        values = self.dataset[name].isel(quarter=slice(0, self.stop.quarters)).sel(good=good, region=list(regions))
        return values.sum(["region", "quarter"], skipna=False).values

    def loss(self, regions: Sequence[str], alike: bool = False) -> Array:
        """Welfare lost by some regions from the first quarter to the last, USD (draw,). Tonnes drawn count at the benchmark price, and
        what buying back costs beyond it. Restraint holds back the uses that are worth least, or all uses `alike`."""
        lost = -self.dataset["welfare"] + (self.dataset["alike"] if alike else 0.0)
        return lost.sel(region=list(regions)).sum(["region", "quarter"], skipna=False).transpose("draw").values


def weighted_price(dataset: xr.Dataset, good: str, regions: Sequence[str]) -> Array:
    """`price_ratio` by quarter (draw, quarter), regions weighted by benchmark use."""
    of = {"good": good, "region": list(regions)}
    weight = dataset["use0"].sel(of)
    ratio = (dataset["price_ratio"].sel(of) * weight).where(weight > 0, 0).sum("region", skipna=False) / weight.sum("region")
    return ratio.transpose("draw", "quarter").values


def rapid_response(market: Market, stop: SupplyStop, reserve: Reserve, *, commercial_days: float | Array = 0.0, planned: int = 2,
                   buy_back: int = 4, at_once: Mapping[str, int] | None = None,
                   adjustment: Mapping[str, float] | Speeds | Quarters | None = None) -> Response:
    """Simulate a stop quarter by quarter with the stocks there are.

    Parameters
    ----------
    market : with or without draws; its quarterly elasticities are those of `dynamics.adjustment.speeds`
    commercial_days : days of use that users and traders outside the supplier's country can draw (a number, or one per draw)
    planned : quarters over which holders stretch their stocks; what is left by the last of them may go at once
    buy_back : quarters after the stop in which what was drawn is bought back, in equal parts; 0: it is not
    at_once : quarters of response that are there from the outset, by kind; default supply 4 (plants are run harder within weeks),
        sourcing 4 (who has lost a supplier looks for another), demand 1, as in `simulate`
    adjustment : yearly speeds, quarterly ones from `speeds`, or `Quarters` of the same market, which bring their own `at_once` and keep
        what is the same from one response to the next

    Raises
    ------
    ScenarioError
        For names that the market does not know and figures outside their range, all at once.
    """
    kinds, days = AT_ONCE | dict(at_once or {}), np.asarray(commercial_days, float)
    check_stop(market, stop, reserve, days, {"planned": planned, "buy_back": buy_back} | kinds)
    if isinstance(adjustment, Quarters) and (adjustment.market is not market or at_once is not None):
        raise ScenarioError("rapid response: adjustment: found Quarters of another market, or at_once beside it; expected Quarters of this "
                            "market alone")
    run = _Run(adjustment if isinstance(adjustment, Quarters) else Quarters(market, kinds, adjustment), stop, reserve, days)
    left, rows = dict(run.stock0), []
    for k in range(stop.quarters):
        rows.append(run.stopped(k, run.most(left, max(planned - k, 1), k)))
        left = {name: np.maximum(left[name] - run.taken(name, rows[-1][name]), 0.0) for name in left}
    for k in range(buy_back):
        rows.append(run.bought(k, {name: np.sum([row[name] for row in rows[:stop.quarters]], axis=0) / buy_back for name in left}))
    return Response(stop, reserve, _dataset(run.quarters, rows, run.stock0["public"]))


def fill_stock(market: Market, good: str, held: Mapping[str, Array | float], *, quarters: int = 12,
               at_once: Mapping[str, int] | None = None, adjustment: Mapping[str, float] | Speeds | None = None) -> xr.Dataset:
    """Buy a stock in equal parts, in quarters whose elasticities grow as partial adjustment has it.

    Parameters
    ----------
    held : tonnes by region (numbers, or one per draw)
    quarters, at_once, adjustment : quarters of buying; the others as in `rapid_response`

    Returns
    -------
    Dataset like that of `Response`; welfare is the cost of filling beyond the worth of what was bought, a tonne counted at the benchmark
    price or at what it cost, if that was less.

    Raises
    ------
    ScenarioError
        For names that the market does not know and figures outside their range, all at once.
    """
    kinds = AT_ONCE | dict(at_once or {})
    faults = Faults("filling a stock", ScenarioError)
    check_counts(faults, {"quarters": quarters} | kinds)
    if good not in market.goods or not set(held) <= set(market.regions) or not held:
        faults.add("good, regions", f"{good}, {sorted(held)}", f"names of market {market.name!r}, at least one region")
    for region, tonnes in held.items():
        if not np.all((np.asarray(tonnes) >= 0) & np.isfinite(tonnes)) or np.size(tonnes) not in (1, market.draws):
            faults.add(f"tonnes of {region}", tonnes, f"0 or more and finite; one number, or one per draw ({market.draws})")
    faults.raise_if_any()
    at = Quarters(market, kinds, adjustment)
    stock = np.zeros_like(at.use0)
    for region, tonnes in held.items():
        stock[:, market.goods.index(good), market.regions.index(region)] = tonnes
    return _dataset(at, [_buying(at, k, {"commercial": np.zeros_like(stock), "public": stock / quarters}) for k in range(quarters)], stock)


class _Run:
    """A stop: what does not change from quarter to quarter."""

    def __init__(self, quarters: Quarters, stop: SupplyStop, reserve: Reserve, commercial_days: Array):
        self.quarters, self.stop, self.reserve = quarters, stop, reserve
        market, use0 = quarters.market, quarters.use0
        self.goods = [market.goods.index(g) for g in stop.goods]
        self.lead = market.regions.index(stop.supplier)
        self.member = np.isin(market.regions, reserve.members)
        self.hit = np.isin(market.regions, market.regions if stop.destinations is None else stop.destinations)
        self.hit[self.lead] = False
        came = np.zeros_like(use0)
        came[:, self.goods] = np.where(self.hit, quarters.flow0[:, self.goods, self.lead] / QUARTERS, 0.0)
        self.came, self.lost = came, stop.share * came  # tonnes per quarter: before, and what no longer comes
        held = {name: np.zeros_like(use0) for name in STOCKS}
        held["commercial"][:, self.goods] = commercial_days.reshape(-1, 1, 1) * use0[:, self.goods] / DAYS
        held["commercial"][:, :, self.lead] = 0.0
        for g in [market.goods.index(g) for g in (stop.goods if reserve.goods is None else reserve.goods)]:
            held["public"][:, g] = np.where(self.member, reserve.days * use0[:, g] / DAYS, 0.0)
        held["commercial"] = np.maximum(held["commercial"] - reserve.displaced * held["public"], 0.0)
        self.stock0 = held
        made, recipe = np.zeros(use0.shape[1], bool), market.dataset["recipe"].values
        made[closure(recipe.reshape(-1, *recipe.shape[-2:]).max(0), self.goods)] = True
        self.restrained = bool(np.any(np.asarray(reserve.restraint) > 0))
        held_back = np.broadcast_to(np.asarray(reserve.restraint, float).reshape(-1, 1, 1), use0.shape)
        self.kept = 1 - np.where(made[:, None] & self.member, held_back, 0.0)  # share of final use (B, G, R)

    def most(self, left: Mapping[str, Array], quarters_left: int, k: int) -> dict[str, Array]:
        """Most tonnes that may be drawn this quarter, by kind (B, G, R)."""
        first = np.minimum(left["commercial"] / quarters_left, self.lost)
        short, public = self.lost - first, np.zeros_like(first)
        if k >= self.reserve.lag:
            public = left["public"] / quarters_left
            if self.reserve.pooled:
                public = self.parts(np.where(self.member, short, 0.0), public.sum(-1, keepdims=True))
        return {"commercial": first, "public": np.minimum(public, short)}

    def parts(self, short: Array, tonnes: Array) -> Array:
        """Parts (B, G, R) of a pool's tonnes (B, G, 1), by losses or so that shortfalls are the same share of use."""
        if self.reserve.sharing == "shortfalls":
            return equal_shortfalls(short, self.quarters.use0 / QUARTERS, tonnes)
        return short / np.maximum(short.sum(-1, keepdims=True), 1e-300) * tonnes

    def taken(self, name: str, drawn: Array) -> Array:
        """What releases take from each member's stock: from a pool, of everybody's in proportion to what it put in."""
        if name == "commercial" or not self.reserve.pooled:
            return drawn
        return self.stock0[name] / np.maximum(self.stock0[name].sum(-1, keepdims=True), 1e-300) * drawn.sum(-1, keepdims=True)

    def stopped(self, k: int, most: Mapping[str, Array]) -> dict[str, Array]:
        """The (k + 1)-th quarter of the stop, at most `most` drawn."""
        total = most["commercial"] + most["public"]
        owner = np.full(len(self.hit), self.lead) if self.stop.rent_owner == "supplier" else np.arange(len(self.hit))
        policies: list[Instrument] = [Cut(good=g, lead=self.lead, stopped=self.hit, rest=QUARTERS * (self.came - self.lost)[:, g],
                                          most=QUARTERS * total[:, g], before=QUARTERS * self.came[:, g], owner=owner,
                                          price0=self.quarters.price0[:, g]) for g in self.goods]
        solved, row = self.quarters.solve(k, policies, self.kept if self.restrained and k >= self.reserve.lag else None)
        tonnes, money = released(solved, total.shape)
        row["welfare"] = row["welfare"] + money / QUARTERS
        users = np.minimum(most["commercial"], tonnes / QUARTERS)
        return _solved_only(row) | {"commercial": users, "public": tonnes / QUARTERS - users}

    def bought(self, k: int, back: Mapping[str, Array]) -> dict[str, Array]:
        """The (k + 1)-th quarter after the stop, in which `back` is bought."""
        return _buying(self.quarters, k, back)


def _buying(quarters: Quarters, k: int, back: Mapping[str, Array]) -> dict[str, Array]:
    """A quarter in which stocks buy `back` (B, G, R), by kind."""
    total = np.sum([back[name] for name in STOCKS], axis=0)
    policies: list[Instrument] = [Purchase(good=int(g), tonnes=QUARTERS * total[:, g]) for g in np.flatnonzero((total > 0).any((0, 2)))]
    row = quarters.solve(k, policies)[1]
    row["use"] = row["use"] - total
    return _solved_only(row) | {name: -back[name] for name in STOCKS}


def equal_shortfalls(short: Array, use: Array, tonnes: Array) -> Array:
    """Parts (..., R) of `tonnes` (..., 1) that leave all regions that get some with the same shortfall as a share of `use`.

    parts = max(short - level use, 0), the level found by bisection; all that is short, where there is enough.
    """
    share = short / np.where(use > 0, use, 1.0)
    low, high = np.zeros_like(tonnes), share.max(-1, keepdims=True)
    for _ in range(60):
        level = (low + high) / 2
        over = np.maximum(short - level * use, 0.0).sum(-1, keepdims=True) > tonnes
        low, high = np.where(over, level, low), np.where(over, high, level)
    return np.where(tonnes >= short.sum(-1, keepdims=True), short, np.maximum(short - high * use, 0.0))


def _solved_only(row: Mapping[str, Array]) -> dict[str, Array]:
    """A quarter with NaN in draws that were not solved."""
    ok = row["converged"]
    return {name: x if name == "converged" else np.where(ok.reshape(-1, *[1] * (x.ndim - 1)), x, np.nan) for name, x in row.items()}


def _dataset(at: Quarters, rows: Sequence[Mapping[str, Array]], held: Array) -> xr.Dataset:
    node: tuple[str, ...] = ("draw", "good", "region")
    data: dict[str, tuple[tuple[str, ...], Array]] = {}
    for name in ("price_ratio", "use", "inputs", *STOCKS, "welfare", "alike"):
        dims = ("quarter", "draw", "region") if name in ("welfare", "alike") else ("quarter", *node)
        data[name] = (dims, np.stack([row[name] for row in rows]))
    data |= {name: (("draw",), np.max([row[name] for row in rows], axis=0)) for name in ("residual", "identity")}
    data |= {"converged": (("draw",), np.all([row["converged"] for row in rows], axis=0)), "use0": (node, at.use0),
             "inputs0": (node, at.inputs0), "price0": (node, at.price0), "held": (node, held)}
    out = xr.Dataset(data, {"quarter": np.arange(1, len(rows) + 1), "draw": np.arange(at.market.draws), "good": at.market.goods,
                            "region": at.market.regions})
    for name, unit in UNITS.items():
        out[name].attrs["unit"] = unit
    return out
