"""Study files: a question written down in TOML, read into typed objects or refused with every fault named.

    title = "A floor for NdPr oxide"
    market = "rare_earths"
    [[scenario]]
    name = "floor"
    [[scenario.policy]]
    kind = "price_floor"
    good = "ndpr_oxide"
    members = ["USA", "EU27", "JPN"]
    price = 110_000
    [ensemble]
    draws = 1000
    seed = 7

The keys of a policy are exactly the fields of the instrument of that `kind`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from floormodel.errors import DataError, Faults, ScenarioError, did_you_mean
from floormodel.market import Market, list_markets, load_market
from floormodel.policies import REGISTRY, Instrument, ReferencePrice
from floormodel.study_text import Location, by_line, key_lines, name_place, parse_toml, read_text
from floormodel.validation import add_validation_faults, show

MAX_DRAWS = 100_000
# device names of Windows, which cannot name files
RESERVED = {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in range(1, 10))}


def _safe_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text) or text.lower() in RESERVED:
        raise ValueError("expected 1 to 64 letters, digits, _ or -, starting with a letter or digit; "
                         "it names files, so choose a short plain name")
    return text


def _plain_text(text: str) -> str:
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") for c in text):
        raise ValueError("expected text without control or direction characters; type it again without them")
    return text


def _known_market(name: str) -> str:
    known = list_markets()
    if name not in known:
        raise ValueError(f"expected a market of `floormodel list markets`; {did_you_mean(name, known)}")
    return name


def _project(text: str) -> str:
    if not re.fullmatch(r"[^:\s]+:[^:\s]+", text):
        raise ValueError('expected good:region, such as "ndpr_oxide:EU27"; or write open_projects = "all"')
    return text


class Table(BaseModel):
    """A table of a study file: unknown keys, coerced types, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Ensemble(Table):
    """How many draws of the uncertain parameters, and the seed of the draws (made and stored where it is not given)."""

    draws: int = Field(ge=1, le=MAX_DRAWS)
    seed: int = Field(default_factory=lambda: secrets.randbelow(2**32), ge=0, lt=2**63)


class ScenarioTable(Table):
    """One [[scenario]] as written; its policies are read by their instruments."""

    name: Annotated[str, AfterValidator(_safe_name)]
    policy: list[dict[str, Any]] = Field(min_length=1)


class StudyTable(Table):
    """The whole file as written."""

    title: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain_text)]
    market: Annotated[str, AfterValidator(_known_market)]
    horizon: Literal["long", "short"] = "long"
    deck: Annotated[str, AfterValidator(_plain_text)] | None = None
    open_projects: Literal["all"] | list[Annotated[str, AfterValidator(_project)]] = Field(default_factory=list)
    bloc: list[str] | None = Field(default=None, min_length=1)
    scenario: list[ScenarioTable] = Field(min_length=1)
    ensemble: Ensemble | None = None


@dataclass(frozen=True)
class Study:
    """A study that was read without fault.

    `scenarios` maps each name to its instruments, in the order of the file; `ensemble` is None where only the central
    figures are asked for; `sha256` is the hash of the file, `text` what it says.
    """

    title: str
    market: str
    horizon: str
    deck: str | None
    open_projects: str | tuple[tuple[str, str], ...]
    bloc: tuple[str, ...] | None
    scenarios: Mapping[str, tuple[Instrument, ...]]
    ensemble: Ensemble | None
    source: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def with_draws(self, draws: int) -> Study:
        """The same study with another number of draws; the seed stays, or is made where there was none."""
        seed = {} if self.ensemble is None else {"seed": self.ensemble.seed}
        return replace(self, ensemble=Ensemble(draws=draws, **seed))

    def load(self) -> Market:
        """The study's market, with its deck and opened projects, after checking every policy against it.

        Raises
        ------
        ScenarioError
            A deck, latent project, good or region that the market does not have; all faults at once.
        """
        faults = Faults(self.source, ScenarioError)
        lines = key_lines(self.text)
        market = load_market(self.market, self.horizon)
        if self.deck is not None:
            try:
                market = load_market(self.market, self.horizon, self.deck)
            except DataError as exc:
                where = name_place(("deck",), lines)
                faults.add(where, repr(self.deck), f"a deck of market {self.market!r}", _tail(exc))
        for pair in () if isinstance(self.open_projects, str) else self.open_projects:
            try:
                market.open_projects([pair])
            except DataError as exc:
                where = name_place(("open_projects",), lines)
                faults.add(where, repr(":".join(pair)), f"a latent project of market {self.market!r}", _tail(exc))
        for region in self.bloc or ():
            if region not in market.regions:
                where = name_place(("bloc",), lines)
                faults.add(where, repr(region), f"a region of market {self.market!r}", did_you_mean(region, market.regions))
        for i, instruments in enumerate(self.scenarios.values()):
            for j, instrument in enumerate(instruments):
                for fault in instrument.check(market):
                    where = name_place(("scenario", i, "policy", j, fault.where), lines)
                    faults.add(where, fault.found, fault.expected, fault.mend or "see docs/policies.md")
        faults.raise_if_any()
        return market.open_projects(self.open_projects) if self.open_projects else market


def read_study(path: str | Path) -> Study:
    """Read a study file.

    Raises
    ------
    ScenarioError
        The file is missing, too large, not UTF-8, not TOML, or says something that cannot be meant; all faults at once.
    """
    return parse_study(read_text(Path(path)), str(path))


def parse_study(text: str, source: str = "study") -> Study:
    """Read a study from the text of a study file; `source` names it in messages. Raises as `read_study` does."""
    raw = parse_toml(text, source)
    lines = key_lines(text)
    faults = Faults(source, ScenarioError)
    scenarios = _read_scenarios(raw, lines, faults)
    try:
        table = StudyTable.model_validate(raw)
    except ValidationError as exc:
        add_validation_faults(exc, faults, lambda loc: name_place(loc, lines), _known_keys, _home,
                              "see docs/study_files.md")
        faults.items.sort(key=by_line)
        faults.raise_if_any()
        raise
    faults.raise_if_any()
    return Study(title=table.title, market=table.market, horizon=table.horizon, deck=table.deck,
                 open_projects=_pairs(table.open_projects), bloc=tuple(table.bloc) if table.bloc else None, scenarios=scenarios,
                 ensemble=table.ensemble, source=source, text=text)


def _pairs(projects: str | list[str]) -> str | tuple[tuple[str, str], ...]:
    if isinstance(projects, str):
        return projects
    return tuple((good, region) for good, _, region in (project.partition(":") for project in projects))


def _read_scenarios(raw: dict[str, Any], lines: Mapping[Location, int],
                    faults: Faults) -> dict[str, tuple[Instrument, ...]]:
    """The instruments of every scenario that has the shape of one; faults of shape are StudyTable's to name."""
    scenarios: dict[str, tuple[Instrument, ...]] = {}
    tables = raw.get("scenario")
    for i, table in enumerate(tables if isinstance(tables, list) else []):
        policies = table.get("policy") if isinstance(table, dict) else None
        found = [_read_policy(policy, ("scenario", i, "policy", j), lines, faults)
                 for j, policy in enumerate(policies if isinstance(policies, list) else []) if isinstance(policy, dict)]
        name = str(table.get("name", i)) if isinstance(table, dict) else str(i)
        if name in scenarios:
            where = name_place(("scenario", i, "name"), lines)
            faults.add(where, repr(name), "each scenario name once", "rename one of them")
        scenarios[name] = tuple(instrument for instrument in found if instrument is not None)
    return scenarios


def _read_policy(policy: dict[str, Any], at: Location, lines: Mapping[Location, int],
                 faults: Faults) -> Instrument | None:
    kind = policy.get("kind")
    if not isinstance(kind, str) or kind not in REGISTRY:
        mend = did_you_mean(kind, REGISTRY) if isinstance(kind, str) else "known: " + ", ".join(sorted(REGISTRY))
        where = name_place((*at, "kind"), lines)
        faults.add(where, show(kind), "a kind of instrument (`floormodel list policies`)", mend)
        return None
    model = REGISTRY[kind]
    try:
        return model.model_validate(policy)
    except ValidationError as exc:
        add_validation_faults(exc, faults, lambda loc: name_place((*at, *loc), lines),
                              lambda table: (ReferencePrice if table else model).model_fields, _home, "see docs/policies.md")
        return None


def _known_keys(table: Location) -> list[str]:
    """Keys that the table at this location may hold."""
    inner: dict[str, type[BaseModel]] = {"scenario": ScenarioTable, "ensemble": Ensemble}
    return list(inner.get(str(table[0]) if table else "", StudyTable).model_fields)


def _home(key: str) -> str:
    """Where a key belongs that is unknown where it stands, "" if nowhere."""
    if key in StudyTable.model_fields:
        return f"{key} belongs at the top of the file, above the first [table]"
    if key in Ensemble.model_fields:
        return f"{key} belongs under [ensemble]"
    if key in ScenarioTable.model_fields:
        return "name belongs under [[scenario]]" if key == "name" else "write [[scenario.policy]] below a [[scenario]]"
    return ""


def _tail(error: Exception) -> str:
    return str(error).rpartition("; ")[2]
