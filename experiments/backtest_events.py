"""Events of the back-test: one file each under `experiments/events/`, read with every fault named, and the market it describes.

A file holds the market before the event (one that the package ships, or its figures), the measure as instruments in one or more
variants, and what was observed. Home shipments and final use of a market in a file are what its output, trade and recipes leave.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

import floormodel as fm
from floormodel.errors import DataError, Faults, did_you_mean
from floormodel.figure_tables import COLUMNS, to_arrays
from floormodel.schema import STORED

EVENTS = Path(__file__).parent / "events"
PRIORS = Path(str(fm.__file__)).parent / "data" / "elasticities" / "priors.csv"
METRICS = ("outside_price", "inside_price", "wedge", "exports", "imports", "output", "output_share", "payment")
DERIVED = "what output, trade and recipes leave"


class Strict(BaseModel):
    """A table of an event file: unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Strict):
    """One figure of a market in a file, as in a market's own tables; `source` is an id of [sources] or `assumption`."""

    variable: str
    good: str
    region: str = "*"
    partner: str = ""
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    year: int
    source: str
    note: str = ""


class Borrowed(Strict):
    """Elasticities from elsewhere: `prior:MINERAL` of the literature or `market:NAME:GOOD` of a shipped market."""

    good: str
    source: str = Field(pattern=r"^(prior:\w+|market:\w+:\w+)$")
    kinds: tuple[Literal["supply", "demand", "sourcing"], ...] = ("supply", "demand")


class OwnMarket(Strict):
    """A market written in the event file."""

    year: int
    basis: str
    goods: tuple[str, ...] = Field(min_length=1)
    regions: tuple[str, ...] = Field(min_length=1)
    figures: tuple[Figure, ...] = Field(min_length=1)
    elasticities: tuple[Borrowed, ...] = ()


class ShippedMarket(Strict):
    """A market of the package, with the deck of the year before the event."""

    shipped: str
    deck: str | None = None


class Variant(Strict):
    """The measure in one reading; all variants count alike. `policies` may say `first` and `last`, years of the path from 0."""

    name: str
    note: str = ""
    policies: tuple[dict[str, Any], ...] = Field(min_length=1)


class Observation(Strict):
    """What was seen `months` after the start: a value over that `before`, and over a `control` seen in the same months.

    Prices, wedges, exports, imports and output are ratios; a share of output is a share; a payment is in USD/t.
    """

    key: str = Field(pattern=r"^[a-z0-9_]+$")
    what: str
    metric: Literal["outside_price", "inside_price", "wedge", "exports", "imports", "output", "output_share", "payment"]
    good: str
    region: str | None = None
    months: float = Field(ge=1)
    value: float = Field(ge=0)
    low: float | None = None
    high: float | None = None
    before: float = 1.0
    control: float = Field(default=1.0, gt=0)
    confidence: Literal["read", "derived", "secondary"]
    source: str
    by_measure: bool = False
    note: str = ""

    @property
    def period(self) -> int:
        """Year of the path, from 0: months 1 to 12 are the first."""
        return int(np.ceil(self.months / 12)) - 1

    def seen(self) -> tuple[float, float, float]:
        """Value and its ends, over the control."""
        low, high = (self.value if x is None else x for x in (self.low, self.high))
        return self.value / self.control, low / self.control, high / self.control


class Event(Strict):
    """A whole event file."""

    name: str
    title: str
    event: str
    tier: Literal["A", "B", "C"]
    year: int
    actor: tuple[str, ...] = Field(min_length=1)
    outside: tuple[str, ...] | None = None
    measure: str
    confounders: tuple[str, ...] = ()
    leaves_out: str
    sources: dict[str, str]
    market: Annotated[Annotated[OwnMarket, Tag("own")] | Annotated[ShippedMarket, Tag("shipped in the package")],
                      Discriminator(lambda table: "shipped in the package" if "shipped" in table else "own")]
    variant: tuple[Variant, ...] = Field(min_length=1)
    observation: tuple[Observation, ...] = Field(min_length=1)

    @property
    def years(self) -> tuple[int, ...]:
        return tuple(range(self.year, self.year + 1 + max(o.period for o in self.observation)))

    @cached_property
    def benchmark(self) -> fm.Market:
        """The market before the event, with short-run elasticities."""
        if isinstance(self.market, ShippedMarket):
            return fm.load_market(self.market.shipped, "short", self.market.deck)
        return _own_market(self.name, self.title, self.market)

    def policies(self, variant: Variant) -> list[fm.Dated]:
        """Instruments of a variant with their years; DataError with all their faults."""
        faults = Faults(f"{self.name}.toml")
        out = _instruments(variant, self.year, faults)
        faults.raise_if_any()
        return out


def _instruments(variant: Variant, year: int, faults: Faults) -> list[fm.Dated]:
    """Instruments without a fault; kinds are those of the registry."""
    out = []
    for k, fields in enumerate(variant.policies, 1):
        given, where = dict(fields), f"variant {variant.name!r}, policy {k}, "
        first, last, kind = given.pop("first", 0), given.pop("last", None), str(given.get("kind"))
        if kind not in fm.REGISTRY:
            faults.add(where + "kind", kind, "a kind of instrument", did_you_mean(kind, fm.REGISTRY))
            continue
        try:
            policy = fm.REGISTRY[kind].model_validate(given)
        except ValidationError as exc:
            _add(exc, faults, where)
            continue
        out.append(fm.Dated(policy, year + first, None if last is None else year + last + 1))
    return out


def _add(error: ValidationError, faults: Faults, where: str = "") -> None:
    """Every error of form, but not those of a table whose parts are at fault."""
    items = error.errors(include_url=False)
    for item in items:
        loc = item["loc"]
        if any(len(other["loc"]) > len(loc) and other["loc"][:len(loc)] == loc for other in items):
            continue
        place = ".".join(str(x + 1) if isinstance(x, int) else x for x in loc if x not in ("own", "shipped in the package"))
        known = {"extra_forbidden": "a key that is known here", "missing": "a value for this key"}
        faults.add(where + (place or "the table"), "nothing" if item["type"] == "missing" else repr(item["input"]),
                   known.get(item["type"], item["msg"]))


def event_names(folder: Path = EVENTS) -> list[str]:
    """Names of the events, in the order of their files."""
    return sorted(p.stem for p in folder.glob("*.toml"))


def read_event(name: str, folder: Path = EVENTS) -> Event:
    """Read `folder/name.toml`.

    Raises
    ------
    DataError
        Naming file, key and value of all faults of form, then of all faults of sense.
    """
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise DataError(f"event {name!r}: no file {path.name}; {did_you_mean(name, event_names(folder))}")
    faults = Faults(path.name)
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise DataError(f"{path.name}: found text that is no TOML ({exc}); expected an event file; see the others beside it") from exc
    try:
        event = Event.model_validate({**raw, "name": name})
    except ValidationError as exc:
        _add(exc, faults)
        faults.raise_if_any()
        raise
    _check(event, faults)
    faults.raise_if_any()
    return event


def _check(event: Event, faults: Faults) -> None:
    """Sources that are named, regions, goods and instruments that exist, ends in order, keys used once."""
    own = event.market if isinstance(event.market, OwnMarket) else None
    goods, regions = (own.goods, own.regions) if own else (event.benchmark.goods, event.benchmark.regions)
    for i, figure in enumerate(own.figures if own else (), 1):
        where = f"figure {i} ({figure.variable})"
        if figure.variable not in STORED:
            faults.add(where, figure.variable, "a variable of the schema", did_you_mean(figure.variable, STORED))
        assumed = figure.source == "assumption"
        if assumed and (figure.low is None or figure.high is None or not figure.note):
            faults.add(where, "an assumption without range or reason", "low, high and a note")
        if not assumed and figure.source not in event.sources:
            faults.add(where, figure.source, "an id of [sources] or `assumption`", did_you_mean(figure.source, event.sources))
        if figure.low is not None and figure.high is not None and not figure.low <= figure.value <= figure.high:
            faults.add(where, f"{figure.low} <= {figure.value} <= {figure.high}", "low <= value <= high")
    for region in (*event.actor, *(event.outside or ())):
        if region not in regions:
            faults.add("actor, outside", region, "a region of the market", did_you_mean(region, regions))
    for variant in event.variant:
        _instruments(variant, event.year, faults)
    keys = [o.key for o in event.observation]
    for o in event.observation:
        where = f"observation {o.key}"
        if keys.count(o.key) > 1:
            faults.add(where, "a key used twice", "each key once")
        if o.good not in goods or (o.region is not None and o.region not in regions):
            faults.add(where, f"{o.good} in {o.region}", f"a good of {', '.join(goods)} and a region of {', '.join(regions)}")
        if o.source not in event.sources:
            faults.add(where, o.source, "an id of [sources]", did_you_mean(o.source, event.sources))
        if o.metric in ("imports", "output", "output_share", "payment") and o.region is None:
            faults.add(where, "no region", "the region whose figure it is")
        if (o.low is not None and o.low > o.value) or (o.high is not None and o.high < o.value):
            faults.add(where, f"{o.low} <= {o.value} <= {o.high}", "low <= value <= high")


def _borrowed(row: Borrowed) -> list[dict[str, Any]]:
    """Rows of the long table for elasticities of the literature or of a shipped market, both horizons."""
    kind, _, rest = row.source.partition(":")
    out = []
    if kind == "prior":
        table = pd.read_csv(PRIORS)
        for what in row.kinds:
            for horizon in ("short", "long"):
                found = table[(table["mineral"] == rest) & (table["kind"] == what) & (table["horizon"] == horizon)]
                if len(found) != 1:
                    raise DataError(f"elasticities of {row.good!r}: no prior of {what} for {rest!r}; expected a mineral of priors.csv")
                r = found.iloc[0]
                out.append({"variable": f"{what}_elasticity_{horizon}", "value": r["value"], "low": r["low"], "high": r["high"],
                            "year": "2022", "note": str(r["status"])})
        return [{**r, "good": row.good, "region": "*", "partner": "", "unit": "1", "source": row.source} for r in out]
    name, _, good = rest.partition(":")
    figures = fm.load_market(name).figures
    wanted = [f"{what}_elasticity_{h}" for what in row.kinds for h in ("short", "long")]
    rows = figures[figures["variable"].isin(wanted) & (figures["good"] == good) & (figures["region"] == "*")]
    return [{**r, "good": row.good, "source": row.source} for r in rows.to_dict("records")]


def _own_market(name: str, title: str, market: OwnMarket) -> fm.Market:
    goods, regions = list(market.goods), list(market.regions)
    rows: list[dict[str, Any]] = [{**f.model_dump(), "year": str(f.year)} for f in market.figures]
    rows += [r for borrowed in market.elasticities for r in _borrowed(borrowed)]
    given = to_arrays(pd.DataFrame(rows, columns=COLUMNS).astype({c: float for c in ("value", "low", "high")}), goods, regions, "short")
    size = (len(goods), len(regions))
    known = {v: given[v].fillna(0.0).values if v in given else np.zeros(shape) for v, shape in
             (("output0", size), ("secondary0", size), ("flow0", (*size, size[1])), ("recipe", (size[0], size[0])))}
    made, flow = known["output0"] + known["secondary0"], known["flow0"].copy()
    at = np.arange(size[1])
    flow[:, at, at] = made - (flow.sum(-1) - flow[:, at, at])
    use = flow.sum(1) - np.einsum("gh,gr->hr", known["recipe"], known["output0"])
    faults = Faults(f"{name}.toml, market")
    for label, values in (("home shipments", flow[:, at, at]), ("final use", use)):
        for g, r in np.argwhere(values < -1e-9 * np.maximum(made.max(), 1.0)):
            faults.add(f"{label} of {goods[g]} in {regions[r]}", f"{values[g, r]:g} t", "zero or more, from output, trade and recipes")
    faults.raise_if_any()
    blank = {"partner": "", "unit": "t/yr", "low": np.nan, "high": np.nan, "year": str(market.year), "source": "derived", "note": DERIVED}
    for g, r in np.ndindex(size):
        cell = {**blank, "good": goods[g], "region": regions[r]}
        rows.append({**cell, "variable": "flow0", "partner": regions[r], "value": max(flow[g, r, r], 0.0)})
        rows.append({**cell, "variable": "final_demand0", "value": max(use[g, r], 0.0)})
    figures = pd.DataFrame(rows, columns=COLUMNS).astype({c: float for c in ("value", "low", "high")})
    return fm.Market(name=name, title=title, year=market.year, basis=market.basis, dataset=to_arrays(figures, goods, regions, "short"),
                     horizon="short", figures=figures)
