"""What the oracle knows about a case before it solves: complete arrays, which nodes live, instruments in numbers.

Written from the equations alone, on its own: nothing here is shared with the package under test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from floormodel.schema import VARIABLES

Array = np.ndarray


@dataclass(frozen=True)
class Unknown:
    """An instrument's own unknown: policy it belongs to, name, upper bound (lower is 0) and unit of measure."""

    policy: int
    name: str
    high: float
    scale: float


@dataclass
class Instruments:
    """The policies in numbers. Wedge changes have the shape of routes (G, R, R); lists hold one entry per use.

    `keep` (G, R) is what a tax adds to the share of the price that royalties leave; `measures` are of `measures.Measure`.
    """

    export_rate: Array
    export_levy: Array
    import_rate: Array
    import_levy: Array
    closed: Array
    keep: Array
    floors: list[dict[str, Any]] = field(default_factory=list)
    duties: list[dict[str, Any]] = field(default_factory=list)
    interventions: list[dict[str, Any]] = field(default_factory=list)
    quotas: list[dict[str, Any]] = field(default_factory=list)
    subsidies: list[dict[str, Any]] = field(default_factory=list)
    stocks: list[dict[str, Any]] = field(default_factory=list)
    releases: list[dict[str, Any]] = field(default_factory=list)
    measures: list[Any] = field(default_factory=list)
    unknowns: list[Unknown] = field(default_factory=list)

    def unknown(self, policy: int, name: str, high: float, scale: float) -> int:
        self.unknowns.append(Unknown(policy, name, high, scale))
        return len(self.unknowns) - 1


@dataclass
class Twin:
    """A case ready to be solved.

    a: arrays by schema name, defaults filled in. border0, landed0 (G, R, R), index0 (G, R) and beta (G, R): benchmark
    prices in USD/t and logit slope in t/USD. net0, margin0 (G, R): net price and margin in USD/t. keep (G, R): share of
    price that the royalty leaves. active (G, R): nodes with a price. supplied (G, R): destinations with an open route.
    share0 (G, R, R): sourcing weights of open routes, zero elsewhere.
    """

    case: dict[str, Any]
    a: dict[str, Array]
    border0: Array
    landed0: Array
    index0: Array
    beta: Array
    keep: Array
    net0: Array
    margin0: Array
    active: Array
    supplied: Array
    share0: Array
    tools: Instruments

    @property
    def shape(self) -> tuple[int, int]:
        n_goods, n_regions = self.active.shape
        return n_goods, n_regions


def prepare(case: dict[str, Any]) -> Twin:
    """Fill in defaults, compute benchmark prices, find the live nodes and read the policies.

    Args:
        case: a case in the neutral format.

    Returns:
        The case in numbers.
    """
    a = _complete(case)
    border = (a["price0"][:, :, None] + a["export_levy0"]) * (1 + a["export_rate0"]) + a["freight"]
    landed = border * (1 + a["import_rate0"]) + a["import_levy0"]
    use = a["flow0"].sum(axis=1)
    bought = np.where(use > 0, use, 1.0)
    index = np.where(use > 0, (a["flow0"] * landed).sum(axis=1) / bought, np.nan)
    keep = 1 - a["royalty0"] * (1 - a["under_invoicing"])
    net = a["price0"] * keep + a["subsidy0"]
    margin = net - np.einsum("gh,hr->gr", a["recipe"], np.nan_to_num(index))
    weight = a["flow0"] / bought[:, None, :] + a["route_weight"]
    closed = _banned(case, a)
    active, opened, supplied = _live(a, (weight > 0) & ~closed)
    beta = a["sourcing_elasticity"] / np.where(use > 0, index, 1.0)
    route = np.zeros_like(landed)
    tools = Instruments(route.copy(), route.copy(), route.copy(), route.copy(), closed, np.zeros_like(keep))
    twin = Twin(case, a, border, landed, index, beta, keep, net, margin, active, supplied, weight * opened, tools)
    for number, policy in enumerate(case["policies"]):
        good = case["goods"].index(policy["good"])
        READ[policy["kind"]](twin, number, good, policy)
    return twin


def _complete(case: dict[str, Any]) -> dict[str, Array]:
    """All arrays of the schema as floats; absent ones at their default, gaps (where there is no output) at 1."""
    n_goods, n_regions = len(case["goods"]), len(case["regions"])
    size = {"good": n_goods, "input": n_goods, "region": n_regions, "origin": n_regions, "destination": n_regions}
    out = {}
    for variable in VARIABLES:
        shape = tuple(size[dim] for dim in variable.dims)
        given = case["arrays"].get(variable.name)
        default = 1.0 if variable.default is None else variable.default
        out[variable.name] = np.nan_to_num(np.full(shape, default) if given is None else given, nan=1.0, posinf=np.inf)
    return out


def _banned(case: dict[str, Any], a: dict[str, Array]) -> Array:
    """Routes closed by a quota of zero, a ban on raw exports or licences that are all refused."""
    closed = np.zeros(a["flow0"].shape, bool)
    for policy in case["policies"]:
        ban = {"export_quota": policy.get("quota") == 0, "domestic_processing": policy.get("share") == 1,
               "export_licence": policy.get("refused") == 1}
        if ban.get(policy["kind"]):
            exporter = case["regions"].index(policy["exporter"])
            good = case["goods"].index(policy["good"])
            free = numbers(case, policy.get("exempt")) + [exporter]
            closed[good, exporter] |= abroad(case, policy.get("destinations"), free)[exporter]
    return closed


def _live(a: dict[str, Array], possible: Array) -> tuple[Array, Array, Array]:
    """Nodes, routes and destinations that remain once the ones without inputs or without customers are shut."""
    needs = a["recipe"] > 0
    active = a["output0"] > 0
    while True:
        opened = possible & active[:, :, None]
        supplied = np.asarray(opened.any(axis=1))
        fed = ~np.einsum("gh,hr->gr", needs, ~supplied).astype(bool)
        wanted = (a["final_demand0"] > 0) | np.einsum("gh,gr->hr", needs, active).astype(bool)
        mined = ~np.any(needs, axis=1, keepdims=True)
        sold = (opened & wanted[:, None, :]).any(axis=2) | mined
        if not (active & ~(fed & sold)).any():
            return active, opened, supplied
        active = active & fed & sold


# ---- reading the policies


def numbers(case: dict[str, Any], names: Any) -> list[int]:
    return [case["regions"].index(name) for name in names or []]


def abroad(case: dict[str, Any], names: Any, excluded: list[int]) -> Array:
    """(R, R) mask of routes from every region to the named ones (None: all but the excluded), own region apart."""
    n_regions = len(case["regions"])
    mask = np.zeros((n_regions, n_regions), bool)
    mask[:, [r for r in range(n_regions) if r not in excluded] if names is None else numbers(case, names)] = True
    return mask & ~np.eye(n_regions, dtype=bool)


def into(case: dict[str, Any], members: list[int], origins: list[int]) -> Array:
    """(R, R) mask of routes from `origins` to `members`, own region apart."""
    mask = np.zeros((len(case["regions"]),) * 2, bool)
    mask[np.ix_(origins, members)] = True
    return mask & ~np.eye(len(mask), dtype=bool)


def _read_floor(twin: Twin, number: int, good: int, policy: dict[str, Any]) -> None:
    case, tools, a = twin.case, twin.tools, twin.a
    members = numbers(case, policy["members"])
    exempt = numbers(case, policy.get("exempt"))
    outside = [r for r in range(len(case["regions"])) if r not in members and r not in exempt]
    mask = into(case, members, outside)
    holds, cap, price = policy.get("holds", "import_price"), policy.get("duty_cap"), policy["price"]
    if holds == "purchase":
        for m in (m for m in members if twin.active[good, m]):
            u = tools.unknown(number, f"tonnes_{case['regions'][m]}", policy["room"], policy["room"])
            tools.interventions.append({"u": u, "good": good, "region": m, "price": price})
    weights = np.zeros(len(case["regions"]))
    weights[members] = (a["output0"] * twin.active)[good, members]
    if holds == "member_price" and weights.any() and (mask & (twin.share0[good] > 0)).any():
        if cap is None:
            flow = a["flow0"][good] * mask
            cap = 2 * float((flow * twin.border0[good]).sum() / flow.sum())
        u = tools.unknown(number, "duty", cap, float(price))
        tools.duties.append({"u": u, "good": good, "mask": mask, "price": price, "weights": weights / weights.sum()})
    tools.floors.append({
        "good": good, "mask": mask, "price": price, "top_up": holds == "import_price",
        "cap": np.inf if cap is None else cap, "levy": policy.get("collected_as", "levy") == "levy",
        "paid": policy.get("base", "cif") == "duty_paid",
        "coverage": [case["goods"].index(g) for g in policy.get("coverage") or []],
        "neutral": policy.get("content_rule", "to_floor") == "neutral",
        "rebate": policy.get("export_rebate", False), "outside": outside, "members": members})


def _read_tariff(twin: Twin, number: int, good: int, policy: dict[str, Any]) -> None:
    importers = numbers(twin.case, policy["importers"])
    outside = [r for r in range(len(twin.case["regions"])) if r not in importers]
    origins = outside if policy.get("origins") is None else numbers(twin.case, policy["origins"])
    mask = into(twin.case, importers, origins)
    twin.tools.import_rate[good] += mask * policy.get("rate", 0.0)
    twin.tools.import_levy[good] += mask * policy.get("levy", 0.0)


def _read_tax(twin: Twin, number: int, good: int, policy: dict[str, Any]) -> None:
    exporters = np.isin(range(len(twin.case["regions"])), numbers(twin.case, policy["exporters"]))
    mask = abroad(twin.case, policy.get("destinations"), []) & exporters[:, None]
    twin.tools.export_rate[good] += mask * policy.get("rate", 0.0)
    twin.tools.export_levy[good] += mask * policy.get("levy", 0.0)


def _read_quota(twin: Twin, number: int, good: int, policy: dict[str, Any]) -> None:
    exporter = twin.case["regions"].index(policy["exporter"])
    reach = abroad(twin.case, policy.get("destinations"), [exporter])[exporter]
    if policy["quota"] > 0 and twin.active[good, exporter]:
        u = twin.tools.unknown(number, "rent", np.inf, float(twin.a["price0"][good, exporter]))
        usual = float(twin.a["flow0"][good, exporter, reach].sum())
        twin.tools.quotas.append({"u": u, "good": good, "exporter": exporter, "reach": reach, "quota": policy["quota"],
                                  "usual": usual})


def _read_subsidy(twin: Twin, number: int, good: int, policy: dict[str, Any]) -> None:
    case, a = twin.case, twin.a
    regions = [r for r in numbers(case, policy["regions"]) if twin.active[good, r]]
    weights = np.zeros(len(case["regions"]))
    basket = numbers(case, policy.get("index_regions") or policy["regions"])
    weights[basket] = (a["output0"] * twin.active)[good, basket]
    own = policy.get("reference", "own") == "own"
    if not regions or not (own or weights.any()):
        return
    subsidy = {"good": good, "regions": regions, "strike": policy["strike"], "share": policy.get("upside_share", 0.0),
               "threshold": policy["strike"] if policy.get("upside_threshold") is None else policy["upside_threshold"],
               "weights": None if own else weights / weights.sum(), "volume": policy.get("volume_cap"),
               "budget": policy.get("budget")}
    if policy.get("budget") is not None:
        subsidy["u"] = twin.tools.unknown(number, "scale", 1.0, 1.0)
    twin.tools.subsidies.append(subsidy)


def _read_stock(twin: Twin, number: int, good: int, policy: dict[str, Any]) -> None:
    case, a, tools = twin.case, twin.a, twin.tools
    region = case["regions"].index(policy["region"])
    tonnes, release = policy.get("purchase") or 0.0, policy.get("release") or 0.0
    source = policy.get("source", "any")
    usual = twin.index0[good, region] if np.isfinite(twin.index0[good, region]) else a["price0"][good, region]
    limit = a["choke_factor"][good] * usual if policy.get("max_price") is None else policy["max_price"]
    sellers = {"any": [], "own": [region], "members": numbers(case, policy.get("members"))}[source]
    weights = np.zeros(len(case["regions"]))
    weights[sellers] = (a["output0"] * twin.active * ~tools.closed[:, :, region])[good, sellers]
    if tonnes > 0 and (weights.any() if source != "any" else twin.supplied[good, region]):
        u = tools.unknown(number, "purchase", tonnes, tonnes)
        tools.stocks.append({"u": u, "good": good, "region": region, "limit": limit, "source": source,
                             "weights": weights / (weights.sum() or 1.0)})
    if release > 0 and twin.supplied[good, region]:
        most = min(release, 0.9 * float(a["flow0"][good, :, region].sum()))
        u = tools.unknown(number, "release", most, most)
        tools.releases.append({"u": u, "good": good, "region": region, "price": policy["release_price"]})


READ = {"price_floor": _read_floor, "import_tariff": _read_tariff, "export_tax": _read_tax,
        "export_quota": _read_quota, "price_gap_subsidy": _read_subsidy, "stockpile": _read_stock}
