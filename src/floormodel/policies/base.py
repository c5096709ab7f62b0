"""What every instrument is: a frozen, validated set of fields that knows how to add its terms to a benchmark."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Terms
from floormodel.errors import Fault, InertWarning, ScenarioError, did_you_mean
from floormodel.market import Market

Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=-1, le=5, allow_inf_nan=False)]
Levy = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Tonnes = Annotated[float, Field(ge=0, allow_inf_nan=False)]

REGISTRY: dict[str, type[Instrument]] = {}
T = TypeVar("T", bound="type[Instrument]")


def register(cls: T) -> T:
    """Enter an instrument under its `kind`; the tests over the registry then check it."""
    fields: dict[str, Any] = cls.__pydantic_fields__
    REGISTRY[fields["kind"].default] = cls
    return cls


class Instrument(BaseModel, ABC):
    """Base of all instruments. Fields are the keys of a study file; unknown keys, NaN and wrong types are refused.

    Class attributes, from which the tests over the registry and docs/policies.md are made:

    - `region_fields`, `good_fields`: names of the fields that hold regions and goods.
    - `bloc_fields`: names of the fields whose regions, if the instrument has them, are the buying bloc that results refer to.
    - `example`: fields (without `kind`) of a real measure, on the shipped market `example_market`; `example_source` is one sentence that
      names the measure and its source, and says what in the example is an assumption.
    - `slack`: fields that take the place of the example's and make it change nothing, bit for bit.
    - `example_opens`: the example needs the latent projects of its market opened.
    - `example_beside`: instruments, as tables, that the example stands beside because it changes nothing alone.
    - `idempotent`: the same instrument twice is the same as once (the larger of two floors counts).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    kind: str
    region_fields: ClassVar[tuple[str, ...]] = ()
    good_fields: ClassVar[tuple[str, ...]] = ("good",)
    bloc_fields: ClassVar[tuple[str, ...]] = ("members", "importers", "regions", "region", "buyer", "payer")
    example_market: ClassVar[str]
    example: ClassVar[dict[str, Any]]
    example_source: ClassVar[str]
    slack: ClassVar[dict[str, Any]]
    example_opens: ClassVar[bool] = False
    example_beside: ClassVar[tuple[dict[str, Any], ...]] = ()
    idempotent: ClassVar[bool] = False

    def check(self, market: Market) -> list[Fault]:
        """Faults that need the market to be seen: unknown goods and regions, names given twice."""
        faults = []
        for names, known, what in ((self.good_fields, market.goods, "good"), (self.region_fields, market.regions, "region")):
            for name in names:
                value = getattr(self, name)
                entries: Sequence[Any] = [] if value is None else ([value] if isinstance(value, str) else value)
                for entry in entries:
                    if entry not in known:
                        faults.append(Fault(name, repr(entry), f"a {what} of market {market.name!r}", did_you_mean(entry, known)))
                if len(set(entries)) != len(entries):
                    faults.append(Fault(name, repr(list(entries)), f"each {what} once"))
        return faults

    @abstractmethod
    def add(self, terms: Terms, market: Market, number: int) -> None:
        """Add this instrument's terms; `number` is its place in the tuple of policies."""

    def inert(self, terms: Terms, why: str) -> None:
        """Warn, by name, that a setting changes nothing; the note goes into the result as well."""
        text = f"{self.kind}: {why}"
        terms.notes.append(text)
        warnings.warn(text, InertWarning, stacklevel=4)


def mask(labels: Sequence[str] | None, known: Sequence[str], default: bool = False) -> Array:
    """Boolean array over `known`; None gives `default` everywhere."""
    if labels is None:
        return np.full(len(known), default)
    chosen = set(labels)
    return np.array([name in chosen for name in known])


def routes(origins: Array, destinations: Array) -> Array:
    """Mask (O, D) of routes between two sets of regions, the own region never included."""
    out = origins[:, None] & destinations[None, :]
    np.fill_diagonal(out, False)
    return out


def rent_owners(word: str, regions: Sequence[str]) -> Array:
    """Who owns a rent on each route, positions of regions (O, D): "exporter", "destination" or the name of one region."""
    own = np.arange(len(regions))
    owner = {"exporter": own[:, None], "destination": own[None, :]}.get(word)
    return np.broadcast_to(np.array([[list(regions).index(word)]]) if owner is None else owner, (len(own), len(own)))


def rent_owner_faults(name: str, word: str, regions: Sequence[str]) -> list[Fault]:
    """Fault of a field that names the owner of a rent; see `rent_owners`."""
    known = ["exporter", "destination", *regions]
    return [] if word in known else [Fault(name, repr(word), "exporter | destination | a region", did_you_mean(word, known))]


def check_all(policies: Sequence[Instrument], market: Market) -> None:
    """Raise one ScenarioError with the faults of all instruments."""
    lines = []
    for i, policy in enumerate(policies):
        if not isinstance(policy, Instrument):
            raise ScenarioError(f"policy {i + 1}: found {type(policy).__name__}; expected an instrument such as PriceFloor(...)")
        lines += [f"  policy {i + 1} ({policy.kind}), {fault}" for fault in policy.check(market)]
    if lines:
        raise ScenarioError(f"market {market.name!r}: {len(lines)} fault(s)\n" + "\n".join(lines))
