"""What the tests over the registry ask of an instrument, made from its class attributes alone; solves are kept."""

from __future__ import annotations

import re
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import numpy as np
from pydantic import ValidationError

import floormodel as fm
from floormodel.equilibrium.solve import Solved
from floormodel.policies import REGISTRY, Instrument
from tests.outcomes import run

DRAWS, SEED = 5, 20
Others = tuple[Instrument, ...]


@cache
def market_of(kind: str, draws: int = 0) -> fm.Market:
    """The market of the example, with its central figures or with draws of its parameters."""
    return _market(REGISTRY[kind].example_market, REGISTRY[kind].example_opens, draws)


@cache
def _market(name: str, opens: bool, draws: int) -> fm.Market:
    if draws:
        return fm.sample(_market(name, opens, 0), draws, seed=SEED)
    return fm.load_market(name).open_projects("all") if opens else fm.load_market(name)


def example(kind: str, **changes: Any) -> Instrument:
    return REGISTRY[kind](**(REGISTRY[kind].example | changes))


def beside(kind: str) -> Others:
    """Instruments that the example stands beside, where it changes nothing alone."""
    return tuple(REGISTRY[table["kind"]](**table) for table in REGISTRY[kind].example_beside)


def slack(kind: str) -> Instrument:
    return example(kind, **REGISTRY[kind].slack)


@cache
def others(kind: str) -> Others:
    """A floor of two importers, an export tax of the largest exporter and a gap subsidy of a producer that the example does not name:
    all on the example's good (the last of the chain where it names none), with rates and prices from the benchmark."""
    market, model = market_of(kind), REGISTRY[kind]
    named = [v for name in model.good_fields for v in _entries(model.example.get(name)) if v in market.goods]
    good = named[0] if named else market.goods[-1]
    table = market.dataset.sel(good=good)
    flow = table["flow0"].transpose("origin", "destination").values * (1 - np.eye(len(market.regions)))
    exporter = market.regions[int(flow.sum(1).argmax())]
    importers = [market.regions[i] for i in np.argsort(-flow.sum(0)) if market.regions[i] != exporter][:2]
    taken = {exporter, *(v for name in model.region_fields for v in _entries(model.example.get(name)))}
    output = table["output0"].to_series().sort_values(ascending=False)
    producer = next(r for r in [*output.index, exporter] if (r not in taken and output[r] > 0) or r == exporter)
    price = table["price0"].to_series()
    return (fm.PriceFloor(good=good, members=importers, price=1.2 * float(price[exporter])),
            fm.ExportTax(good=good, exporters=[exporter], rate=0.07),
            fm.PriceGapSubsidy(good=good, regions=[producer], strike=1.3 * float(price[producer]), upside_share=0.3))


def _entries(value: Any) -> list[Any]:
    return [] if value is None else [value] if isinstance(value, str) else list(value) if isinstance(value, list | dict) else []


_SOLVED: dict[tuple[str, bool, str, int], Solved] = {}


def solved(kind: str, policies: Others, draws: int = 0) -> Solved:
    """Solved on the market of `kind`, every draw of it. Instruments that hold lists have no hash, so solves are kept by their text."""
    key = (REGISTRY[kind].example_market, REGISTRY[kind].example_opens, repr(policies), draws)
    if key not in _SOLVED:
        _SOLVED[key] = run(market_of(kind, draws), policies)
    return _SOLVED[key]


def refused(kind: str, **changes: Any) -> list[str]:
    """Names of the fields that the instrument, or its check against the market, finds fault with."""
    try:
        instrument = example(kind, **changes)
    except ValidationError as exc:
        return [str(error["loc"][0]) if error["loc"] else error["msg"] for error in exc.errors()]
    return [word for fault in instrument.check(market_of(kind)) for word in re.split(r"[^\w]+", fault.where)]


def wrong(annotation: Any, leaf: type, value: Any) -> Any:
    """`value` in the shape of a field (alone, in a list, in a table) where the field holds a `leaf` (str, float), None elsewhere."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in (leaf, int if leaf is float else leaf):
        return value
    if origin is Annotated:
        return wrong(inner[0], leaf, value)
    if origin in (Union, UnionType):
        return next((w for w in (wrong(a, leaf, value) for a in inner) if w is not None), None)
    if origin in (list, tuple):
        found = wrong(inner[0], leaf, value)
        return None if found is None else [found]
    if origin is dict:
        found = wrong(inner[1], leaf, value)
        return {value: 1.0} if leaf is str and found is None else None if found is None else {"USA": found}
    return None
