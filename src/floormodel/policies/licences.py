"""Import quotas by origin and who holds their licences: what instruments with a quota share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from floormodel.equilibrium.benchmark import Array
from floormodel.errors import Fault, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import mask, rent_owners, routes

OTHERS = "others"


def quota_faults(quota: Mapping[str, float], importers: Sequence[str], licences: str, market: Market) -> list[Fault]:
    """Faults of the fields `quota` (t/yr by origin or "others") and `licences` (a word or a region)."""
    faults = []
    for origin in quota:
        if origin != OTHERS and origin not in market.regions:
            faults.append(Fault(f"quota.{origin}", repr(origin), f'a region of market {market.name!r}, or "{OTHERS}"',
                                did_you_mean(origin, [OTHERS, *market.regions])))
    inside = sorted(set(quota) & set(importers))
    if inside:
        faults.append(Fault("quota", repr(inside), "origins outside the customs area"))
    known = ["importer", "exporter", *market.regions]
    if licences not in known:
        faults.append(Fault("licences", repr(licences), "importer | exporter | a region", did_you_mean(licences, known)))
    return faults


def quota_routes(quota: Mapping[str, float], importers: Sequence[str], market: Market) -> Iterator[tuple[str, float, Array]]:
    """Name, tonnes and routes (O, D) of each quota; "others" are all origins that are neither named nor importers."""
    inside, named = mask(importers, market.regions), mask(list(quota), market.regions)
    for origin, tonnes in quota.items():
        yield origin, tonnes, routes(~named & ~inside if origin == OTHERS else mask([origin], market.regions), inside)


def licence_owner(licences: str, market: Market) -> Array:
    """Region (O, D) that earns the rent of a quota on each route: the importer, the exporter or one named region."""
    return rent_owners("destination" if licences == "importer" else licences, market.regions)
