"""Random instruments for a random market, in the neutral case format.

Each drawing function returns the fields of one instrument, or None where the market has no place for it (no exports to
put a quota on, say). Levels are drawn relative to the benchmark, so that most instruments bite and some do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from tests.twin.draws import chance, log_uniform, pick, subset, uniform

Policy = dict[str, Any]


@dataclass(frozen=True)
class Benchmark:
    """What an instrument's levels are drawn from: arrays of the case, border price b0 and buyers' index P0."""

    goods: list[str]
    regions: list[str]
    arrays: dict[str, np.ndarray]
    border: np.ndarray
    index: np.ndarray

    @property
    def flow(self) -> np.ndarray:
        return self.arrays["flow0"]

    @property
    def output(self) -> np.ndarray:
        return self.arrays["output0"]

    @property
    def use(self) -> np.ndarray:
        return self.flow.sum(axis=1)

    def price(self, good: int) -> float:
        return float(self.arrays["price0"][good, 0])

    def names(self, numbers: Any) -> list[str]:
        return [self.regions[int(n)] for n in numbers]


def random_policies(rng: Generator, case: dict[str, Any], number: int,
                    prices: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[Policy]:
    """`number` instruments that do not contradict each other.

    Args:
        rng: the source of all draws.
        case: goods, regions and arrays of the market.
        number: how many instruments.
        prices: border price b0 (G, R, R), landed price c0 (G, R, R) and index P0 (G, R), USD/t.

    Returns:
        The instruments, as dicts with a `kind`.
    """
    market = Benchmark(case["goods"], case["regions"], case["arrays"], prices[0], prices[2])
    drawn: list[Policy] = []
    while len(drawn) < number:
        kind = pick(rng, _OFTEN)
        good = pick(rng, range(len(market.goods)))
        policy = _DRAW[kind](rng, market, good)
        if policy is not None and not _contradicts(policy, drawn, market.arrays["recipe"]):
            drawn.append({"good": market.goods[good]} | policy)
    return drawn


def _contradicts(policy: Policy, drawn: list[Policy], recipe: np.ndarray) -> bool:
    """Two guarantees for one producer, or content duties whose order is a matter of taste, are left out."""
    for other in drawn:
        both = {policy["kind"], other["kind"]}
        if both == {"price_gap_subsidy"} and set(policy["regions"]) & set(other["regions"]):
            return True
        if policy.get("coverage") and other.get("coverage") and (recipe > 0).sum() != len(recipe) - 1:
            return True
    return False


def _outside_flow(market: Benchmark, good: int, members: list[int], origins: Any = None) -> np.ndarray:
    """Benchmark shipments (R, R) into members from outside them; with `origins`, from those alone."""
    flow = np.zeros_like(market.flow[good])
    outside = [o for o in range(len(market.regions)) if o not in members] if origins is None else list(origins)
    flow[np.ix_(outside, members)] = market.flow[good][np.ix_(outside, members)]
    return flow


def _bloc(rng: Generator, market: Benchmark) -> list[int]:
    """A few regions, all of them only where there is a single one."""
    return subset(rng, range(len(market.regions)), max(1, len(market.regions) - 1))


# ---- price floors


def _floor(rng: Generator, market: Benchmark, good: int) -> Policy | None:
    members = _bloc(rng, market)
    flow = _outside_flow(market, good, members)
    border = float((market.border[good] * flow).sum() / flow.sum()) if flow.any() else market.price(good)
    floor: Policy = {"kind": "price_floor", "members": market.names(members),
                     "holds": pick(rng, ("import_price", "import_price", "import_price", "member_price", "purchase"))}
    if floor["holds"] == "purchase":
        home = [market.output[good, m] for m in members if market.output[good, m] > 0]
        if not home:
            return None
        price, room = market.price(good) * uniform(rng, 0.9, 1.4), float(max(home)) * uniform(rng, 0.02, 0.3)
        return floor | {"price": price, "room": room}
    if floor["holds"] == "member_price":
        cap = border * uniform(rng, 0.1, 1) if chance(rng, 0.5) else None
        return floor | {"price": market.price(good) * uniform(rng, 0.95, 1.6), "duty_cap": cap}
    floor |= {"price": border * uniform(rng, 0.9, 2.5), "collected_as": pick(rng, ("levy", "levy", "undertaking")),
              "base": pick(rng, ("cif", "cif", "duty_paid")),
              "duty_cap": border * uniform(rng, 0.1, 1) if chance(rng, 0.3) else None}
    outside = [r for r in range(len(market.regions)) if r not in members]
    if len(outside) > 1 and chance(rng, 0.25):
        floor["exempt"] = market.names([pick(rng, outside)])
    return floor | _coverage(rng, market, good, members)


def _coverage(rng: Generator, market: Benchmark, good: int, members: list[int]) -> Policy:
    """Downstream goods that pay for their content of the floored good, in some of the cases."""
    recipe = market.arrays["recipe"]
    content = recipe + recipe @ recipe
    made = [g for g in range(len(market.goods)) if content[g, good] > 0]
    if not made or not chance(rng, 0.6):
        return {}
    rules = ("to_floor", "neutral") if np.all(market.use[good, members] > 0) else ("to_floor",)
    return {"coverage": [market.goods[g] for g in subset(rng, made)], "content_rule": pick(rng, rules)}


# ---- other border measures


def _tariff(rng: Generator, market: Benchmark, good: int) -> Policy | None:
    importers = _bloc(rng, market)
    outside = [r for r in range(len(market.regions)) if r not in importers]
    if not outside:
        return None
    tariff: Policy = {"kind": "import_tariff", "importers": market.names(importers)}
    if chance(rng, 0.4):
        tariff["origins"] = market.names(subset(rng, outside))
    if chance(rng, 0.75):
        tariff["rate"] = uniform(rng, 0, 1)
    else:
        tariff["levy"] = market.price(good) * uniform(rng, 0, 1)
    return tariff


def _tax(rng: Generator, market: Benchmark, good: int) -> Policy | None:
    exporters = [r for r in _bloc(rng, market) if market.output[good, r] > 0]
    if not exporters:
        return None
    tax: Policy = {"kind": "export_tax", "exporters": market.names(exporters)}
    if chance(rng, 0.3):
        tax["destinations"] = market.names(_bloc(rng, market))
    if chance(rng, 0.75):
        tax["rate"] = uniform(rng, 0, 0.6)
    else:
        tax["levy"] = market.price(good) * uniform(rng, 0, 0.6)
    return tax


def _quota(rng: Generator, market: Benchmark, good: int) -> Policy | None:
    abroad = market.flow[good] * (1 - np.eye(len(market.regions)))
    exporters = np.flatnonzero(abroad.sum(axis=1) > 0)
    if not len(exporters):
        return None
    exporter = int(pick(rng, exporters))
    partners = np.flatnonzero(abroad[exporter])
    chosen = subset(rng, partners) if chance(rng, 0.25) else list(partners)
    level = 0.0 if chance(rng, 0.25) else uniform(rng, 0.2, 1.3)
    quota: Policy = {"kind": "export_quota", "exporter": market.regions[exporter],
                     "quota": float(abroad[exporter, chosen].sum() * level),
                     "rent_owner": pick(rng, ("exporter", "destination", pick(rng, market.regions)))}
    if len(chosen) < len(partners):
        quota["destinations"] = market.names(chosen)
    return quota


# ---- payments to producers


def _subsidy(rng: Generator, market: Benchmark, good: int) -> Policy | None:
    makers = np.flatnonzero(market.output[good])
    chosen = subset(rng, makers)
    price = market.price(good)
    strike = price * uniform(rng, 0.8, 2)
    volume = float(np.mean(market.output[good, chosen]))
    subsidy: Policy = {"kind": "price_gap_subsidy", "regions": market.names(chosen), "strike": strike}
    shape = pick(rng, ("one_way", "two_way", "shared", "collar"))
    if shape != "one_way":
        subsidy["upside_share"] = 1.0 if shape == "two_way" else uniform(rng, 0.1, 0.6)
    if shape == "collar":
        subsidy["upside_threshold"] = strike * uniform(rng, 1, 1.5)
    if chance(rng, 0.35):
        subsidy["reference"] = "index"
        if chance(rng, 0.5):
            subsidy["index_regions"] = market.names(subset(rng, makers))
    if chance(rng, 0.4):
        subsidy["volume_cap"] = volume * uniform(rng, 0.3, 1.6)
    limit = pick(rng, ("none", "none", "money", "budget", "budget"))
    if limit == "money":
        subsidy |= {"money_cap": volume * price * uniform(rng, 0.02, 0.5),
                    "clawback_cap": volume * price * uniform(rng, 0.02, 0.5)}
    elif limit == "budget":
        subsidy["budget"] = volume * len(chosen) * price * log_uniform(rng, 0.02, 1)
    if chance(rng, 0.3):
        subsidy["payer"] = pick(rng, market.regions)
    return subsidy


# ---- stocks


def _stock(rng: Generator, market: Benchmark, good: int) -> Policy | None:
    region = int(pick(rng, range(len(market.regions))))
    source = pick(rng, ("any", "any", "own", "members"))
    members = subset(rng, range(len(market.regions)))
    base = {"any": market.use[good, region], "own": market.output[good, region],
            "members": market.output[good, members].sum()}[source]
    if base <= 0:
        return None
    reference = market.index[good, region] if source == "any" else market.price(good)
    stock: Policy = {"kind": "stockpile", "region": market.regions[region], "source": source,
                     "purchase": float(base * uniform(rng, 0.01, 0.2))}
    if source == "members":
        stock["members"] = market.names(members)
    if chance(rng, 0.4):
        stock["max_price"] = float(reference * uniform(rng, 0.95, 1.5))
    return stock


def _release(rng: Generator, market: Benchmark, good: int) -> Policy | None:
    region = int(pick(rng, range(len(market.regions))))
    if market.use[good, region] <= 0:
        return None
    return {"kind": "stockpile", "region": market.regions[region],
            "release": float(market.use[good, region] * uniform(rng, 0.02, 0.5)),
            "release_price": float(market.index[good, region] * uniform(rng, 0.8, 1.4))}


_DRAW = {"floor": _floor, "tariff": _tariff, "subsidy": _subsidy, "tax": _tax, "quota": _quota, "stock": _stock,
         "release": _release}
_OFTEN = ("floor", "floor", "floor", "tariff", "subsidy", "subsidy", "tax", "quota", "stock", "release")
