"""The same random case written another way: in other units, in another order, with a region split, with something added."""

from __future__ import annotations

from typing import Any

import numpy as np

from floormodel.schema import BY_NAME

Array = np.ndarray
Case = dict[str, Any]
REGIONAL = ("region", "origin", "destination")
USD_PER_TONNE = {"price0", "freight", "export_levy0", "import_levy0", "subsidy0", "latent_unit_cost",
                 "price", "duty_cap", "strike", "upside_threshold", "levy", "max_price", "release_price"}
TONNES = {"output0", "flow0", "final_demand0", "secondary0", "stock_change0", "capacity", "latent_capacity", "supply_add",
          "quota", "room", "volume_cap", "purchase", "release"}
USD = {"money_cap", "clawback_cap", "budget"}


def scaled(case: Case, money: float, tonnes: float) -> Case:
    """All prices, levies, strikes and caps times `money`, all quantities times `tonnes`."""
    def factor(name: str) -> float:
        return {name in USD_PER_TONNE: money, name in TONNES: tonnes, name in USD: money * tonnes}.get(True, 1.0)

    arrays = {name: values * factor(name) for name, values in case["arrays"].items()}
    policies = [{k: v * factor(k) if isinstance(v, float) else v for k, v in p.items()} for p in case["policies"]]
    return case | {"arrays": arrays, "policies": policies}


def picked(arrays: dict[str, Array], regions: Any) -> dict[str, Array]:
    """Every array with its region axes taken at the positions `regions`, which may repeat."""
    out = {}
    for name, values in arrays.items():
        for axis, dim in enumerate(BY_NAME[name].dims):
            values = np.take(values, regions, axis) if dim in REGIONAL else values
        out[name] = values.copy()
    return out


def reordered(case: Case, order: Array) -> Case:
    """Regions in another order; instruments, and the names in their lists, backwards."""
    policies = [{k: v[::-1] if isinstance(v, list) else v for k, v in p.items()} for p in reversed(case["policies"])]
    return case | {"regions": [case["regions"][r] for r in order], "arrays": picked(case["arrays"], order), "policies": policies}


def with_empty_region(case: Case) -> Case:
    """One more region, which neither makes, uses nor trades anything."""
    size = len(case["regions"])
    arrays = picked(case["arrays"], [*range(size), 0])
    for name in TONNES & set(arrays) - {"capacity"}:
        for axis, dim in enumerate(BY_NAME[name].dims):
            if dim in REGIONAL:
                np.moveaxis(arrays[name], axis, 0)[size] = 0.0
    return case | {"regions": [*case["regions"], "empty"], "arrays": arrays}


def split(case: Case, r: int) -> Case:
    """Region r as two equal halves, the second of them last, that do not trade with each other.

    Limits of a subsidy that are set per region are taken off, and a purchase floor is left to the split region alone: they would
    not be the same limits for the halves. A stock bought from members by the split region is bought from its own producers, for
    the halves would buy from each other across a border. Coverage stays where every region buys the floored good.
    """
    size, name = len(case["regions"]), case["regions"][r]
    arrays = picked(case["arrays"], [*range(size), r])
    for key in TONNES & set(arrays):
        for axis, dim in enumerate(BY_NAME[key].dims):
            if dim in REGIONAL:
                np.moveaxis(arrays[key], axis, 0)[[r, size]] *= 0.5
    own = case["arrays"]["flow0"][:, r, r] / 2
    for o, d in ((r, r), (size, size), (r, size), (size, r)):
        arrays["flow0"][:, o, d] = own if o == d else 0.0
    used = dict(zip(case["goods"], np.all(case["arrays"]["flow0"].sum(1) > 0, axis=1)))
    policies = [half for p in case["policies"] for half in _halves(p, name, name + "'", bool(used[p["good"]]))]
    return case | {"regions": [*case["regions"], name + "'"], "arrays": arrays, "policies": policies}


def without_regional_limits(case: Case, r: int) -> Case:
    """The case that `split` splits: see there."""
    used = dict(zip(case["goods"], np.all(case["arrays"]["flow0"].sum(1) > 0, axis=1)))
    return case | {"policies": [_plain(p, case["regions"][r], bool(used[p["good"]])) for p in case["policies"]]}


def _plain(policy: dict[str, Any], name: str, used: bool) -> dict[str, Any]:
    drop = {"volume_cap", "money_cap", "clawback_cap"} | (set() if used else {"coverage"})
    plain = {k: v for k, v in policy.items() if k not in drop}
    if plain.get("region") == name and plain.get("source") == "members":
        plain = plain | {"source": "own", "members": []}
    return plain | ({"members": [name]} if plain.get("holds") == "purchase" else {})


def _halves(policy: dict[str, Any], name: str, twin: str, used: bool) -> list[dict[str, Any]]:
    policy = _plain(policy, name, used)
    policy = {k: [*v, twin] if isinstance(v, list) and name in v else v for k, v in policy.items()}
    if "room" in policy:
        return [policy | {"room": policy["room"] / 2}]
    single = next((k for k in ("exporter", "region") if policy.get(k) == name), None)
    if single is None:
        return [policy]
    half = {k: v / 2 if k in ("quota", "purchase", "release") else v for k, v in policy.items()}
    return [half, half | {single: twin}]


def joined(one: Case, other: Case) -> Case:
    """The goods of two cases over the same regions in one market, without a link between them."""
    arrays = {}
    for name in one["arrays"].keys() | other["arrays"].keys():
        left, right = (c["arrays"].get(name, np.full(len(c["goods"]), BY_NAME[name].default)) for c in (one, other))
        if name == "recipe":
            arrays[name] = np.zeros((len(left) + len(right),) * 2)
            arrays[name][:len(left), :len(left)], arrays[name][len(left):, len(left):] = left, right
        else:
            arrays[name] = np.concatenate([left, right])
    goods = [f"one {g}" for g in one["goods"]] + [f"other {g}" for g in other["goods"]]
    return one | {"goods": goods, "arrays": arrays, "policies": _prefixed(one, "one") + _prefixed(other, "other")}


def _prefixed(case: Case, word: str) -> list[dict[str, Any]]:
    policies = [p | {"good": f"{word} {p['good']}"} for p in case["policies"]]
    return [p | {"coverage": [f"{word} {g}" for g in p["coverage"]]} if "coverage" in p else p for p in policies]
