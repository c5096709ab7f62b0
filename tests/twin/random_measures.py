"""Random settings of the measures of `measures_border`, `measures_sourcing` and `measures_producers`, in the neutral case format.

Each function returns a list of instruments, or None where the market has no place for one. Levels are drawn relative to
the benchmark, so that most of them bite and some do not. Left out, because page and program differ there or the page does not
say: local content where no origin counts, a processing share of nothing, bans that leave a plant with recycled tonnes without
its input, and a market at the cliff of an entry price.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.twin.draws import chance, log_uniform, pick, subset, uniform
from tests.twin.random_markets import benchmark_prices, random_case
from tests.twin.random_policies import Benchmark, Policy

Drawn = list[Policy] | None


def measure_case(kind: str, seed: int) -> dict[str, Any]:
    """A market of two to four regions and one to three goods with instruments of one kind."""
    return _case(np.random.default_rng(seed), (kind,))


def pair_case(seed: int) -> dict[str, Any]:
    """The same with instruments of two kinds, most of them on one good."""
    rng = np.random.default_rng(seed)
    while True:
        kinds = {pick(rng, list(DRAW)), pick(rng, list(DRAW))}
        if len(kinds) == 2 and not any(len(kinds & group) == 2 for group in APART):
            return _case(rng, tuple(sorted(kinds)))


def _case(rng: Generator, kinds: tuple[str, ...]) -> dict[str, Any]:
    while True:
        case = random_case(rng, regions=pick(rng, (2, 3, 4)), goods=pick(rng, (1, 2, 3)), policies=0)
        prices = benchmark_prices(case["arrays"])
        market = Benchmark(case["goods"], case["regions"], case["arrays"], prices[0], prices[2])
        good, policies = int(pick(rng, range(len(market.goods)))), []
        for number, kind in enumerate(kinds):
            if number and chance(rng, 0.3):
                good = int(pick(rng, range(len(market.goods))))
            drawn = DRAW[kind](rng, market, good)
            if drawn is None:
                break
            policies += [{"good": market.goods[good]} | policy for policy in drawn]
        else:
            return case | {"policies": policies}


# ---- places


def _abroad(market: Benchmark, good: int) -> np.ndarray:
    return np.asarray(market.flow[good] * (1 - np.eye(len(market.regions))))


def _importers(rng: Generator, market: Benchmark, good: int) -> tuple[list[int], np.ndarray] | None:
    """A customs area that imports, and its imports (R, R)."""
    area = subset(rng, range(len(market.regions)), max(1, len(market.regions) - 1))
    flow = _abroad(market, good)
    flow[area] = 0
    flow[:, [r for r in range(len(market.regions)) if r not in area]] = 0
    return (area, flow) if flow.any() else None


def _exporter(rng: Generator, market: Benchmark, good: int) -> int | None:
    sellers = np.flatnonzero(_abroad(market, good).sum(axis=1))
    return int(pick(rng, sellers)) if len(sellers) else None


def _maker(rng: Generator, market: Benchmark, good: int) -> int:
    return int(pick(rng, np.flatnonzero(market.output[good])))


def _buyers(rng: Generator, market: Benchmark, good: int) -> list[int]:
    return [int(r) for r in subset(rng, np.flatnonzero(market.use[good]))]


def _may_be_banned(market: Benchmark, good: int) -> bool:
    made = market.arrays["recipe"][:, good] > 0
    return not (market.arrays["secondary0"][made].any() or market.arrays["stock_change0"][made].any())


def _border(market: Benchmark, good: int, flow: np.ndarray) -> float:
    return float((market.border[good] * flow).sum() / flow.sum())


# ---- at the border


def _quota_table(rng: Generator, market: Benchmark, area: list[int], flow: np.ndarray) -> dict[str, float]:
    outside = [r for r in range(len(market.regions)) if r not in area]
    imports = flow.sum(axis=1)
    named = [o for o in subset(rng, outside) if imports[o] > 0]
    rest = [o for o in outside if o not in named]
    table = {market.regions[o]: float(imports[o] * uniform(rng, 0.3, 1.3)) for o in named}
    if imports[rest].sum() > 0 and (not named or chance(rng, 0.7)):
        table["others"] = float(imports[rest].sum() * uniform(rng, 0.3, 1.3))
    return table


def _tariff_rate_quota(rng: Generator, market: Benchmark, good: int) -> Drawn:
    place = _importers(rng, market, good)
    if place is None:
        return None
    area, flow = place
    policy: Policy = {"kind": "tariff_rate_quota", "importers": market.names(area),
                      "quota": _quota_table(rng, market, area, flow),
                      "licences": pick(rng, ("importer", "exporter", pick(rng, market.regions))),
                      "replaces_existing": chance(rng, 0.3)}
    if chance(rng, 0.8):
        policy |= {"rate_in": uniform(rng, 0, 0.2), "rate_out": uniform(rng, 0.2, 1)}
    if chance(rng, 0.5) or "rate_in" not in policy:
        price = market.price(good)
        policy |= {"levy_in": price * uniform(rng, 0, 0.1), "levy_out": price * uniform(rng, 0.1, 0.5)}
    return [policy]


def _variable_levy_quota(rng: Generator, market: Benchmark, good: int) -> Drawn:
    place = _importers(rng, market, good)
    if place is None:
        return None
    area, flow = place
    return [{"kind": "variable_levy_quota", "importers": market.names(area), "quota": _quota_table(rng, market, area, flow),
             "threshold": _border(market, good, flow) * uniform(rng, 0.9, 1.8),
             "licences": pick(rng, ("importer", "exporter", pick(rng, market.regions)))}]


def _entry_price(rng: Generator, market: Benchmark, good: int) -> Drawn:
    place = _importers(rng, market, good)
    if place is None:
        return None
    area, flow = place
    used = market.border[good][flow > 0]
    duty = market.price(good) * uniform(rng, 0.05, 0.5)
    policy: Policy = {"kind": "entry_price", "importers": market.names(area), "max_duty": duty,
                      "rate": uniform(rng, 0, 0.2) if chance(rng, 0.5) else 0.0}
    where = pick(rng, ("below", "above", "no cliff"))
    if where == "below":  # every route is far below the cliff
        return [policy | {"entry_price": float(used.max()) * uniform(rng, 1.6, 3)}]
    if where == "above":  # and here above it, though some may be below the entry price
        policy["max_duty"] = market.price(good) * uniform(rng, 0.01, 0.03)
        return [policy | {"entry_price": float(used.min()) * uniform(rng, 0.9, 1.04), "cliff": 0.5}]
    return [policy | {"entry_price": float(used.mean()) * uniform(rng, 0.9, 1.5), "cliff": 0.0}]


def _evasion(rng: Generator, market: Benchmark, good: int) -> Drawn:
    place = _importers(rng, market, good)
    if place is None:
        return None
    area, flow = place
    price = market.price(good)
    kind, quota = pick(rng, ("tariff", "floor", "quota")), _tariff_rate_quota(rng, market, good)
    if kind == "quota" and quota is not None:
        evaded: Policy = quota[0] | {"replaces_existing": False}
    elif kind != "floor":
        evaded = {"kind": "import_tariff", "importers": market.names(area), "rate": uniform(rng, 0.1, 1),
                          "levy": price * uniform(rng, 0, 0.3)}
    else:
        evaded = {"kind": "price_floor", "members": market.names(area), "collected_as": pick(rng, ("levy", "levy", "undertaking")),
                  "price": _border(market, good, flow) * uniform(rng, 0.95, 2)}
    evasion: Policy = {"kind": "evasion", "most": uniform(rng, 0.1, 1), "scale": price * log_uniform(rng, 0.02, 1)}
    if chance(rng, 0.4):
        evasion["importers"] = market.names(subset(rng, area))
    if chance(rng, 0.4):
        evasion["exporters"] = market.names(subset(rng, range(len(market.regions))))
    return [evaded, evasion]


def _rebate(rng: Generator, market: Benchmark, good: int) -> Drawn:
    """A floor on the good with a rebate on exports of what is made of it."""
    recipe = market.arrays["recipe"]
    content = recipe + recipe @ recipe
    place = _importers(rng, market, good)
    made = [g for g in range(len(market.goods)) if content[g, good] > 0]
    if place is None or not made or not (_abroad(market, made[0])[place[0]].any()):
        return None
    return [{"kind": "price_floor", "members": market.names(place[0]), "price": _border(market, good, place[1]) * uniform(rng, 1, 1.8),
             "coverage": [market.goods[g] for g in made], "content_rule": pick(rng, ("to_floor", "neutral")), "export_rebate": True,
             "collected_as": pick(rng, ("levy", "undertaking"))}]


# ---- exports and sourcing


def _domestic_processing(rng: Generator, market: Benchmark, good: int) -> Drawn:
    exporter = _exporter(rng, market, good)
    if exporter is None:
        return None
    at_home = 1 - _abroad(market, good)[exporter].sum() / market.output[good, exporter]
    share = float(np.clip(at_home + (1 - at_home) * uniform(rng, -0.2, 0.7), 0.01, 0.98))
    share = 1.0 if chance(rng, 0.2) and _may_be_banned(market, good) else share
    policy: Policy = {"kind": "domestic_processing", "exporter": market.regions[exporter], "share": share,
                      "output_based": chance(rng, 0.4)}
    if not policy["output_based"]:
        policy["licence_holder"] = pick(rng, ("exporter", "destination", pick(rng, market.regions)))
    if len(market.regions) > 2 and chance(rng, 0.3):
        policy["exempt"] = market.names([pick(rng, [r for r in range(len(market.regions)) if r != exporter])])
    return [policy]


def _export_licence(rng: Generator, market: Benchmark, good: int) -> Drawn:
    exporter = _exporter(rng, market, good)
    if exporter is None:
        return None
    policy: Policy = {"kind": "export_licence", "exporter": market.regions[exporter],
                      "refused": 1.0 if chance(rng, 0.1) and _may_be_banned(market, good) else uniform(rng, 0.02, 0.7),
                      "licence_holder": pick(rng, ("exporter", "destination", pick(rng, market.regions)))}
    if chance(rng, 0.5):
        policy["delay"] = uniform(rng, 0, 0.3)
    if chance(rng, 0.3):
        policy["destinations"] = market.names(subset(rng, [r for r in range(len(market.regions)) if r != exporter]))
    return [policy]


def _standards_market(rng: Generator, market: Benchmark, good: int) -> Drawn:
    makers = market.names(np.flatnonzero(market.output[good]))
    price = market.price(good)
    certified = {name: uniform(rng, 0, 0.9) for name in makers if chance(rng, 0.7)}
    policy: Policy = {"kind": "standards_market", "regions": market.names(_buyers(rng, market, good)),
                      "share": uniform(rng, 0.1, 0.9), "penalty": price * log_uniform(rng, 0.02, 1), "certified": certified}
    able = [name for name in makers if chance(rng, 0.7)]
    policy["potential"] = {name: certified.get(name, 0.0) + (1 - certified.get(name, 0.0)) * uniform(rng, 0.1, 1) for name in able}
    policy["cost"] = {name: price * log_uniform(rng, 0.01, 0.5) for name in able}
    return [policy]


def _local_content(rng: Generator, market: Benchmark, good: int) -> Drawn:
    policy: Policy = {"kind": "local_content", "regions": market.names(_buyers(rng, market, good)), "share": uniform(rng, 0.1, 0.9),
                      "penalty": market.price(good) * log_uniform(rng, 0.02, 1)}
    if chance(rng, 0.6):
        policy["local"] = market.names(subset(rng, range(len(market.regions))))
    local = np.isin(market.regions, policy.get("local", policy["regions"]))
    return [policy] if market.flow[good][np.ix_(local, np.isin(market.regions, policy["regions"]))].any() else None


def _offtake(rng: Generator, market: Benchmark, good: int) -> Drawn:
    seller, buyer = _maker(rng, market, good), int(pick(rng, _buyers(rng, market, good)))
    most, usual = min(market.output[good, seller], market.use[good, buyer]), market.flow[good, seller, buyer]
    policy: Policy = {"kind": "offtake", "seller": market.regions[seller], "buyer": market.regions[buyer],
                      "volume": float(0.9 * usual if chance(rng, 0.2) and usual else usual + (most - usual) * uniform(rng, 0.02, 0.7)),
                      "price_rule": "fixed", "price": market.price(good) * uniform(rng, 0.8, 1.5)}
    return [policy | ({"payer": "treasury"} if chance(rng, 0.5) else {})]


# ---- producers and users


def _dual_pricing(rng: Generator, market: Benchmark, good: int) -> Drawn:
    return [{"kind": "dual_pricing", "region": market.regions[_maker(rng, market, good)], "discount": uniform(rng, 0.02, 0.4)}]


def _use_tax(rng: Generator, market: Benchmark, good: int) -> Drawn:
    processed = market.arrays["recipe"][:, good].any()
    return [{"kind": "use_tax", "regions": market.names(_buyers(rng, market, good)), "users": pick(rng, ("all", "final", "processors"))
             if processed else "all", "rate": market.price(good) * uniform(rng, 0, 0.1), "share": uniform(rng, 0, 0.15)}]


def _production_subsidy(rng: Generator, market: Benchmark, good: int) -> Drawn:
    return [{"kind": "production_subsidy", "regions": market.names(subset(rng, np.flatnonzero(market.output[good]))),
             "rate": market.price(good) * uniform(rng, 0, 0.5), "share": uniform(rng, 0, 0.5)}]


def _mining_tax(rng: Generator, market: Benchmark, good: int) -> Drawn:
    policy: Policy = {"kind": "mining_tax", "region": market.regions[_maker(rng, market, good)], "royalty": uniform(rng, 0.01, 0.2),
                      "profit_tax": uniform(rng, 0, 0.5), "replaces_existing": chance(rng, 0.5)}
    return [policy | ({"under_invoicing": uniform(rng, 0, 0.6)} if chance(rng, 0.6) else {})]


def _buyer_collar(rng: Generator, market: Benchmark, good: int) -> Drawn:
    sellers = [int(r) for r in subset(rng, np.flatnonzero(market.output[good]))]
    price = market.price(good)
    floor = price * uniform(rng, 0.7, 1.6)
    policy: Policy = {"kind": "buyer_collar", "regions": market.names(sellers), "floor": floor, "upside_share": uniform(rng, 0, 1),
                      "buyer": market.regions[int(pick(rng, _buyers(rng, market, good)))]}
    if chance(rng, 0.7):
        policy["volume"] = float(np.mean(market.output[good, sellers])) * uniform(rng, 0.2, 1.3)
    if chance(rng, 0.5):
        policy["upside_threshold"] = floor * uniform(rng, 1, 1.3)
    if chance(rng, 0.3):
        policy["clawback_cap"] = float(market.output[good, sellers].mean()) * price * uniform(rng, 0.001, 0.1)
    if chance(rng, 0.6):
        policy["pass_through"] = uniform(rng, 0.1, 1)
        if chance(rng, 0.4):
            policy["levy_cap"] = price * uniform(rng, 0.01, 0.3)
    return [policy]


DRAW = {"tariff_rate_quota": _tariff_rate_quota, "variable_levy_quota": _variable_levy_quota,
        "domestic_processing": _domestic_processing, "dual_pricing": _dual_pricing, "offtake": _offtake,
        "standards_market": _standards_market, "local_content": _local_content, "evasion": _evasion,
        "export_licence": _export_licence, "use_tax": _use_tax, "production_subsidy": _production_subsidy,
        "mining_tax": _mining_tax, "buyer_collar": _buyer_collar, "content_rebate": _rebate, "entry_price": _entry_price}
# kinds that are not drawn together: two top-ups on a route (they add up, or the larger counts), two contracts of the same producers,
# and a buyers' levy on use beside a duty that depends on the price with or without it
APART = ({"entry_price", "variable_levy_quota", "content_rebate", "evasion"}, {"buyer_collar", "offtake"},
         {"buyer_collar", "content_rebate"})
