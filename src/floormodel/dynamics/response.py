"""A supplier's exports stop for some quarters: what stocks of users and governments, apart or pooled, and restraint soften.

Every quarter is a static market whose curves pivot at the benchmark, with the elasticities of partial adjustment (Nerlove 1958)
to prices that have stood since the stop began: after k quarters long-run elasticity x (1 - (1 - speed)^k). Curves are the same
whatever the response, so that welfare can be compared between responses.

Tonnes from stock take the place of the supplier's on the route that stopped: they are of its brand, and sold at what buyers there
pay for it (the rent of a quota of so many tonnes). Holders stretch a stock over the quarters they expect the stop to last: they
release at most stock / quarters left, never more than what was lost, and not so much that the price falls below the benchmark's.
Users' stocks go first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import ConfigDict

from floormodel.accounts import ledger
from floormodel.dynamics.adjustment import KINDS, Speeds, fresh, period_market, speeds
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import Faults, ScenarioError, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Instrument

Array = np.ndarray
QUARTERS = 4  # a year
DAYS = 365.0
LEAST = 1e-4  # of the benchmark's flow: a route on which some draws have stock is never closed in the others
AT_ONCE = {"supply": 4, "sourcing": 4, "demand": 1}  # quarters of response that are there from the outset
STOCKS = ("commercial", "public")
CALM, TRIES = 1e-3, 2  # of the benchmark price: so far below it a price is left alone; steps towards it


@dataclass(frozen=True, kw_only=True)
class SupplyStop:
    """`share` of a supplier's exports of `goods` to `destinations` (None: all others) stops for `quarters`."""

    supplier: str
    goods: tuple[str, ...]
    quarters: int
    destinations: tuple[str, ...] | None = None
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """Public stocks of some members, and restraint.

    Parameters
    ----------
    members : regions
    days : days of each member's benchmark use of each good (of `goods`; None: those that stop); the sum is the same, apart or pooled
    pooled : one stock, of which members get parts like their losses of tonnes; else each member's is released at home alone
    lag : quarters from the stop to the first release, and to restraint
    restraint : share by which members hold back final use of the goods that stop and of what is made of them
    """

    members: tuple[str, ...]
    days: float = 0.0
    pooled: bool = False
    goods: tuple[str, ...] | None = None
    lag: int = 0
    restraint: float = 0.0


@dataclass(frozen=True, eq=False)
class Response:
    """A stop and its aftermath.

    `dataset` over (quarter, draw, good, region): price_ratio of buyers over the benchmark, use, commercial and public (tonnes drawn
    in the quarter, negative where bought back), t per quarter; over (quarter, draw, region): welfare, USD in the quarter against no
    stop; over (draw, good, region): use0, t/yr, price0, USD/t, and held, t of public stock at the outset; over draw: converged.
    Quarters count from 1; those after `stop.quarters` are of buying back. NaN in draws and quarters that were not solved.
    """

    stop: SupplyStop
    reserve: Reserve
    dataset: xr.Dataset

    def price(self, good: str, regions: Sequence[str]) -> Array:
        """Price over the benchmark's by quarter (draw, quarter), regions weighted by benchmark use."""
        of = {"good": good, "region": list(regions)}
        weight = self.dataset["use0"].sel(of)
        ratio = (self.dataset["price_ratio"].sel(of) * weight).where(weight > 0, 0).sum("region", skipna=False) / weight.sum("region")
        return ratio.transpose("draw", "quarter").values

    def peak(self, good: str, regions: Sequence[str]) -> Array:
        """Highest of `price` during the stop (draw,)."""
        return self.price(good, regions)[:, :self.stop.quarters].max(1)

    def unmet(self, good: str, regions: Sequence[str]) -> Array:
        """Use below the benchmark's during the stop, share of it (draw,)."""
        whole = self.dataset["use0"].sel(good=good, region=list(regions)).sum("region").values * self.stop.quarters / QUARTERS
        return 1 - self.during("use", good, regions) / whole

    def during(self, name: str, good: str, regions: Sequence[str]) -> Array:
        """Tonnes during the stop of "use", or drawn from "commercial" or "public" stocks (draw,)."""
        values = self.dataset[name].isel(quarter=slice(0, self.stop.quarters)).sel(good=good, region=list(regions))
        return values.sum(["region", "quarter"], skipna=False).values

    def loss(self, regions: Sequence[str]) -> Array:
        """Welfare lost by some regions from the first quarter to the last, USD (draw,). Tonnes drawn count at the benchmark price, and
        what buying back costs beyond it. What restraint makes users forgo is left out: read it without."""
        return -self.dataset["welfare"].sel(region=list(regions)).sum(["region", "quarter"], skipna=False).values


class _Arrays(Instrument):
    """An instrument whose fields are arrays over draws, of one good by its number."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    good_fields: ClassVar[tuple[str, ...]] = ()
    good: int


class _Cut(_Arrays):
    """Exports from region number `lead` to each region limited to `left` (B, R), t/yr; infinite where they are free."""

    kind: Literal["cut_of_a_quarter"] = "cut_of_a_quarter"
    lead: int
    left: Any

    def add(self, terms: Terms, market: Market, number: int) -> None:
        size = len(market.regions)
        scale = terms.benchmark.price0[:, self.good, self.lead]
        for r in np.flatnonzero(np.isfinite(self.left).all(0)):
            route = np.zeros((size, size))
            route[self.lead, r] = 1.0
            if not np.any(self.left[:, r] > 0):
                terms.closed[self.good] |= route > 0
                continue
            terms.unknowns.append(Unknown("rent", number, self.good, "USD/t", scale, np.zeros(1), np.full(1, np.inf),
                                          Row(constant=1.0, flow=-route / self.left[:, r, None, None]), "quota_rent",
                                          export_levy=route * scale[:, None, None], owner=np.full((size, size), r)))


class _Purchase(_Arrays):
    """`tonnes` (B, R), t/yr, bought like other buyers do."""

    kind: Literal["purchase_of_a_quarter"] = "purchase_of_a_quarter"
    tonnes: Any

    def add(self, terms: Terms, market: Market, number: int) -> None:
        eye, held = np.eye(len(market.regions)), np.ones(1)  # an unknown whose bounds are one
        for r in np.flatnonzero((self.tonnes > 0).any(0)):
            terms.unknowns.append(Unknown("purchase", number, self.good, "t/yr", self.tonnes[:, r], held, held, Row(constant=1.0),
                                          "stock_purchases", purchases=eye[r] * self.tonnes[:, r, None], payer=np.array([r])))


def rapid_response(market: Market, stop: SupplyStop, reserve: Reserve, *, commercial_days: float | Array = 0.0, planned: int = 2,
                   buy_back: int = 4, at_once: Mapping[str, int] | None = None,
                   adjustment: Mapping[str, float] | Speeds | None = None) -> Response:
    """Simulate a stop quarter by quarter with the stocks there are.

    Parameters
    ----------
    market : with or without draws; its quarterly elasticities are those of `dynamics.adjustment.speeds`
    commercial_days : days of use that users and traders outside the supplier's country can draw (a number, or one per draw)
    planned : quarters over which holders stretch their stocks; what is left by the last of them may go at once
    buy_back : quarters after the stop in which what was drawn is bought back, in equal parts; 0: it is not
    at_once : quarters of response that are there from the outset, by kind; default supply 4 (plants are run harder within weeks),
        sourcing 4 (who has lost a supplier looks for another), demand 1, as in `simulate`
    adjustment : yearly speeds, or quarterly ones from `speeds`

    Raises
    ------
    ScenarioError
        For names that the market does not know and figures outside their range, all at once.
    """
    kinds = AT_ONCE | dict(at_once or {})
    _check(market, stop, reserve, np.asarray(commercial_days, float), {"planned": planned} | kinds, buy_back)
    run = _Run(market, stop, reserve, np.asarray(commercial_days, float), planned, kinds, adjustment)
    left, rows = dict(run.stock0), []
    none = {name: np.zeros_like(stock) for name, stock in left.items()}
    for k in range(stop.quarters + buy_back):
        if k < stop.quarters:
            rows.append(run.released(run.releases(left, k), k))
            left = {name: np.maximum(left[name] - run.taken(name, rows[-1][name]), 0.0) for name in left}
        else:
            part = {name: np.sum([row[name] for row in rows[:stop.quarters]], axis=0) / buy_back for name in left}
            rows.append(run.quarter(k - stop.quarters, none, part, stopped=False))
    return Response(stop, reserve, _dataset(run, rows))


class _Run:
    """What does not change from quarter to quarter."""

    def __init__(self, market: Market, stop: SupplyStop, reserve: Reserve, commercial_days: Array, planned: int,
                 kinds: Mapping[str, int], adjustment: Mapping[str, float] | Speeds | None):
        self.market, self.stop, self.reserve, self.planned, self.kinds = market, stop, reserve, planned, kinds
        self.speeds = adjustment if isinstance(adjustment, Speeds) else speeds(market, QUARTERS, adjustment)
        self.goods = [market.goods.index(g) for g in stop.goods]
        self.lead = market.regions.index(stop.supplier)
        self.member = np.isin(market.regions, reserve.members)
        first = find_quietly(market).state
        self.use0, self.price0 = first.use, first.buyer_price  # (B, G, R)
        self.stopped = np.isin(market.regions, stop.destinations or market.regions) & (np.array(market.regions) != stop.supplier)
        came = np.zeros_like(self.use0)
        for g in self.goods:
            came[:, g] = np.where(self.stopped, first.flow[g][:, self.lead] / QUARTERS, 0.0)
        self.lost, self.rest = stop.share * came, (1 - stop.share) * came  # tonnes per quarter that no longer come, and still do
        held = {name: np.zeros_like(self.use0) for name in STOCKS}
        held["commercial"][:, self.goods] = commercial_days.reshape(-1, 1, 1) * self.use0[:, self.goods] / DAYS
        held["commercial"][:, :, self.lead] = 0.0
        for g in [market.goods.index(g) for g in (stop.goods if reserve.goods is None else reserve.goods)]:
            held["public"][:, g] = np.where(self.member, reserve.days * self.use0[:, g] / DAYS, 0.0)
        self.stock0 = held
        self.calm: dict[int, Array] = {}

    def releases(self, left: Mapping[str, Array], k: int) -> dict[str, Array]:
        """Tonnes drawn this quarter, by kind (B, G, R)."""
        share = 1 / max(self.planned - k, 1)
        first = np.minimum(share * left["commercial"], self.lost)
        short = self.lost - first
        public = np.zeros_like(first)
        if k >= self.reserve.lag:
            public = share * left["public"]
            if self.reserve.pooled:
                mine = np.where(self.member, short, 0.0)
                public = mine / np.maximum(mine.sum(-1, keepdims=True), 1e-300) * public.sum(-1, keepdims=True)
        return {"commercial": first, "public": np.minimum(public, short)}

    def taken(self, name: str, drawn: Array) -> Array:
        """What releases take from each member's stock: from a pool, of everybody's in proportion to what it put in."""
        if name == "commercial" or not self.reserve.pooled:
            return drawn
        return self.stock0[name] / np.maximum(self.stock0[name].sum(-1, keepdims=True), 1e-300) * drawn.sum(-1, keepdims=True)

    def released(self, most: Mapping[str, Array], k: int) -> dict[str, Array]:
        """The (k + 1)-th quarter of the stop, at most `most` drawn: less where the price would fall below the benchmark's, by the line
        between prices without stocks and at the last tonnes tried (`TRIES` times)."""
        none = {name: np.zeros_like(tonnes) for name, tonnes in most.items()}
        row, share = self.quarter(k, most, none, stopped=True), np.ones_like(self.use0)
        total, without = np.sum([most[name] for name in STOCKS], axis=0), None
        for _ in range(TRIES):
            low = (row["price_ratio"] < 1 - CALM) & (share * total > 0)
            if not low.any():
                break
            without = self.quarter(k, none, none, stopped=True)["price_ratio"] if without is None else without
            part = np.clip((without - 1) / np.where(low, without - row["price_ratio"], 1.0), 0.0, 1.0)
            share = np.where(low, np.nan_to_num(part), 1.0) * share
            first = np.minimum(most["commercial"], share * total)
            row = self.quarter(k, {"commercial": first, "public": share * total - first}, none, stopped=True)
        return row

    def quarter(self, k: int, drawn: Mapping[str, Array], bought: Mapping[str, Array], stopped: bool) -> dict[str, Array]:
        """The (k + 1)-th quarter after the stop began, or ended."""
        out, back = (np.sum([stocks[name] for name in STOCKS], axis=0) for stocks in (drawn, bought))
        policies: list[Instrument] = [_Purchase(good=g, tonnes=QUARTERS * back[:, g]) for g in self.goods]
        if stopped:
            policies += [_Cut(good=g, lead=self.lead, left=self.limits(g, out[:, g])) for g in self.goods]
        solved = find_quietly(self.period(k, stopped, out), policies)
        if k not in self.calm:
            self.calm[k] = _money(find_quietly(self.period(k, False, np.zeros_like(out))))
        s, ok = solved.state, solved.solution.converged
        row = {"price_ratio": s.buyer_price / np.where(self.price0 > 0, self.price0, np.nan),
               "use": s.use / QUARTERS - back,
               "welfare": (_money(solved) - self.calm[k]) / QUARTERS + self.of_stock(solved, out)}
        row = {name: np.where(ok.reshape(-1, *[1] * (x.ndim - 1)), x, np.nan) for name, x in row.items()}
        return row | {name: drawn[name] - bought[name] for name in STOCKS} | {"converged": ok}

    def limits(self, g: int, out: Array) -> Array:
        """Tonnes a year (B, R) that still come on the routes of the supplier: what does not stop, and what is drawn from stock."""
        left = self.rest[:, g] + out
        left = np.where((left > 0).any(0), np.maximum(left, LEAST * self.lost[:, g]), 0.0)
        return np.where(self.stopped, QUARTERS * left, np.inf)

    def of_stock(self, solved: Solved, out: Array) -> Array:
        """Money per quarter (B, R) beside the ledger's. It books tonnes from stock as the supplier's, the rent of the quota apart, which
        is the holder's: the holder has the rest as well, nothing is shipped, and a tonne is gone that cost the benchmark price."""
        s, money = solved.state, np.zeros_like(self.use0[:, 0])
        rent = np.zeros_like(self.use0)
        for j, u in enumerate(solved.terms.unknowns):
            if u.export_levy is not None:
                rent[:, u.good] += s.scaled[:, j, None] * u.export_levy[:, self.lead]
        for g in self.goods:
            rest = s.landed[g].border[:, self.lead] - rent[:, g]
            money += out[:, g] * (rest - self.price0[:, g])
            money[:, self.lead] -= (out[:, g] * (rest - solved.terms.freight[:, g, self.lead])).sum(-1)
        return money

    def period(self, k: int, stopped: bool, out: Array) -> Market:
        """The market k + 1 quarters after a change, with tonnes from stock `out` (B, G, R) among the supplier's."""
        flat = np.ones(self.use0.shape[1:])
        restraint, held = flat.copy(), {}
        if stopped and k >= self.reserve.lag:
            restraint[min(self.goods):, self.member] = 1 - self.reserve.restraint
        speed = self.speeds.speed
        for kind in KINDS:
            reached, alone = 1 - (1 - speed[kind]) ** max(k + 1, self.kinds[kind]), np.where(speed[kind] > 0, speed[kind], 1.0)
            held[kind] = self.speeds.elasticity[kind] * np.where(speed[kind] > 0, reached / alone, 1.0)
        market = period_market(self.market, Speeds(speed, held), fresh(self.market), flat, restraint, np.zeros_like(self.use0))
        if not np.any(out):
            return market
        add = np.broadcast_to(market.dataset["supply_add"].values, self.use0.shape).copy()
        add[:, :, self.lead] += QUARTERS * out.sum(-1)
        return market.replace(supply_add=add if self.market.draws > 1 else add[0])


def _money(solved: Solved) -> Array:
    """All money of a region (B, R), USD/yr."""
    return np.sum(list(ledger(solved).lines.values()), axis=0).sum(1)


def _dataset(run: _Run, rows: Sequence[Mapping[str, Array]]) -> xr.Dataset:
    node: tuple[str, ...] = ("draw", "good", "region")
    units = {"price_ratio": "1", "use": "t per quarter", "commercial": "t per quarter", "public": "t per quarter",
             "welfare": "USD per quarter"}
    data: dict[str, tuple[tuple[str, ...], Array]] = {}
    for name in units:
        dims = ("quarter", "draw", "region") if name == "welfare" else ("quarter", *node)
        data[name] = (dims, np.stack([row[name] for row in rows]))
    data |= {"converged": (("draw",), np.all([row["converged"] for row in rows], axis=0)), "use0": (node, run.use0),
             "price0": (node, run.price0), "held": (node, run.stock0["public"])}
    out = xr.Dataset(data, {"quarter": np.arange(1, len(rows) + 1), "draw": np.arange(run.market.draws), "good": run.market.goods,
                            "region": run.market.regions})
    for name, unit in (units | {"use0": "t/yr", "price0": "USD/t", "held": "t"}).items():
        out[name].attrs["unit"] = unit
    return out


def _check(market: Market, stop: SupplyStop, reserve: Reserve, commercial: Array, counts: Mapping[str, int], buy_back: int) -> None:
    faults = Faults("rapid response", ScenarioError)
    named = {"supplier": ([stop.supplier], market.regions), "goods": (stop.goods, market.goods),
             "destinations": (stop.destinations or (), market.regions), "members": (reserve.members, market.regions),
             "reserve goods": (reserve.goods or (), market.goods)}
    for what, (names, known) in named.items():
        for name in names:
            if name not in known:
                faults.add(what, name, f"a name of market {market.name!r}", did_you_mean(name, known))
    if not stop.goods or not reserve.members or stop.supplier in reserve.members:
        faults.add("goods, members", f"{stop.goods}, {reserve.members}", "at least one of each, the supplier not among the members")
    for what, value, high in (("share", stop.share, 1.0), ("restraint", reserve.restraint, 0.9)):
        if not 0 <= value <= high:
            faults.add(what, value, f"a share from 0 to {high:g}")
    for what, number, least in [("quarters", stop.quarters, 1), ("lag", reserve.lag, 0), ("buy_back", buy_back, 0),
                                *((what, n, 1) for what, n in counts.items())]:
        if int(number) != number or number < least:
            faults.add(what, number, f"a whole number of {least} or more")
    if unknown := set(counts) - {"planned", *KINDS}:
        faults.add("at_once", sorted(unknown), " | ".join(KINDS))
    if not reserve.days >= 0 or not np.all(commercial >= 0) or commercial.size not in (1, market.draws):
        faults.add("days", f"{reserve.days}, commercial {commercial.tolist()[:3] if commercial.ndim else commercial}",
                   f"0 or more; one number, or one per draw ({market.draws})")
    faults.raise_if_any()
