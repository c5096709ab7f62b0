"""docs/policies.md, written from the instruments: their docstrings, fields and real examples."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from floormodel.policies import REGISTRY, Instrument

HEAD = """# Instruments

{count} instruments, each a class in Python and a `kind` in a study file with the same fields. They add up: a scenario is a list of
them in any order. Prices, strikes and levies are USD per tonne of the market's basis; quantities are tonnes a year; rates and shares
are fractions (`0.25` is 25 %). Regions and goods are those that `floormodel list markets` shows. A field without a default is needed; a
default in brackets says what happens when the field is left out. Unknown or impossible settings are refused; a setting that changes
nothing is named in an `InertWarning`. Symbols are those of [notation.md](notation.md). Each example is a real measure, on the market
named above it, as it stands in a study file ([study_files.md](study_files.md)).

On a route where several floors, entry prices or variable levies meet, the largest top-up counts; tariffs, taxes, credits and rents add
up. A quota for several routes is filled by what they ship together, and its rent belongs to the holders route by route. What a contract
pays producers is taxed by royalties like their price.

`floormodel list policies --markdown` writes this page.

**Which instrument for which measure**

| measure of the debate | how it is written here |
|---|---|
| Price floor in a producer's contract (MP Materials) | `price_gap_subsidy`; paid by buyers (Lynas and JARE): `buyer_collar` |
| Border-adjusted price floor, minimum import price, variable tariff | `price_floor` |
| Downstream goods at the border, export rebate | `coverage` of a floor, or `content_adjustment` |
| Variable levy beyond quotas (EU ferro-alloys) | `variable_levy_quota` |
| Entry price of the EU | `entry_price` |
| Price undertaking with a volume (EU solar panels) | `price_floor` as an undertaking; the duty beyond the volume is not represented |
| Fair-value reference from costs | `price` of a floor, or `reference` of a guarantee, as a table (`fm.ReferencePrice`); an \
"average" cost lies below the benchmark price by construction (the benchmark is competitive), so that a floor from it binds only with a \
margin, or from the cost of `latent` projects |
| Tariff, tariff-rate quota | `import_tariff`, `tariff_rate_quota` |
| Contract for difference; fixed premium | `price_gap_subsidy`; `production_subsidy` |
| Capital grants, input support, taxes on use, local content | `capex_subsidy`, `input_subsidy`, `use_tax`, `local_content` |
| Offtake, prepayment | `offtake` |
| Stockpile, release, pooled release | `stockpile`, once for each region |
| Export ban, quota, tax, licence | `export_quota` (0 is a ban), `export_tax`, `export_escalation`, `export_licence` |
| Domestic processing, supply at home | `domestic_processing`, `domestic_supply` |
| Dual pricing, preferential price at home (Chile: 25 % of output) | `dual_pricing`, on all home sales and not on a share of output |
| Plants, electricity, transport for it | `processing_capacity`, `corridor` |
| Standards-based market, green premium | `standards_market` |
| Royalties, profit taxes, under-invoicing | `mining_tax` |
| Relabelling, transshipment | `evasion` beside the measure that is evaded |
| A dominant supplier that withholds; oligopoly | `market_power` |
| Retaliation, producers' coalition, minerals trust, buyers' club | searches over the instruments: [strategy.md](strategy.md) |

{contents}
"""
LABELS = ("Condition", "Conditions", "Who pays", "Fields", "Limits", "Source")
BOUNDS = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}


@dataclass(frozen=True)
class FieldWords:
    """What a docstring says of one field: its unit or kind, its meaning, and what leaving it out means ("" if nothing)."""

    unit: str
    meaning: str
    none: str


@dataclass(frozen=True)
class Words:
    """What the docstring of an instrument says, part by part. `limits` may be empty: what the instrument leaves out."""

    does: str
    condition: str
    who_pays: str
    fields: Mapping[str, FieldWords]
    limits: str
    source: str


def words(model: type[Instrument]) -> Words:
    """Read the docstring of an instrument.

    Raises
    ------
    ValueError
        Where a part is missing, given twice or out of shape; the message says which and how it is written.
    """
    kind = model.model_fields["kind"].default
    text = inspect.cleandoc(vars(model).get("__doc__") or "").replace("\nFields\n------\n", "\nFields:\n")
    does, *rest = re.split(rf"(?m)^({'|'.join(LABELS)}):\s+", text)
    labels = [label.replace("Conditions", "Condition") for label in rest[::2]]
    parts = {"a first sentence": does.strip()} | dict(zip(labels, map(str.strip, rest[1::2])))
    for needed in ("a first sentence", "Condition", "Who pays", "Fields", "Source"):
        if not parts.get(needed):
            raise ValueError(f'docstring of {kind}: found no {needed}; expected lines that begin with "Condition:", '
                             '"Who pays:" and "Source:", and a block "Fields" underlined with "------"')
    if len(set(labels)) != len(labels):
        raise ValueError(f"docstring of {kind}: found the parts {labels}; expected each once")
    fields = _field_words(kind, parts["Fields"])
    known = {name: field for name, field in model.model_fields.items() if name != "kind"}
    if set(fields) != set(known):
        raise ValueError(f"docstring of {kind}: found Fields {sorted(fields)}; expected {sorted(known)}")
    for name, field in known.items():
        if not field.is_required() and field.default is None and field.default_factory is None and not fields[name].none:
            raise ValueError(f'docstring of {kind}, {name}: expected "None: what leaving it out means." at its end')
    return Words(does.strip(), parts["Condition"], parts["Who pays"], fields, parts.get("Limits", ""), parts["Source"])


def _field_words(kind: str, text: str) -> dict[str, FieldWords]:
    before, *rest = re.split(r"(?m)^(\w+) \(([^)]+)\) : ", text)
    stray = [before, *(line for body in rest[2::3] for line in body.splitlines()[1:] if line and not line.startswith("    "))]
    if any(stray):
        raise ValueError(f"docstring of {kind}, Fields: found {next(filter(None, stray))!r}; expected lines of the form "
                         '"name (unit) : meaning. None: what leaving it out means.", continued on lines indented by four')
    out = {}
    for name, unit, body in zip(rest[::3], rest[1::3], rest[2::3]):
        meaning, _, none = " ".join(body.split()).partition(" None: ")
        out[name] = FieldWords(unit, meaning, none.rstrip("."))
    return out


def policy_toml(fields: Mapping[str, Any]) -> str:
    """A [[scenario.policy]] table of a study file with these fields; those that are None are left out."""
    lines = [f"{key} = {_toml(value)}" for key, value in fields.items() if value is not None]
    return "\n".join(["[[scenario.policy]]", *lines]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f"{int(value):_}" if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def policies_page() -> str:
    """The text of docs/policies.md: the head, then one section for each kind in the order of the alphabet."""
    kinds = sorted(REGISTRY)
    contents = "\n".join(f"- [{kind}](#{kind}-fm{REGISTRY[kind].__name__.lower()}): {_first(words(REGISTRY[kind]).does)}" for kind in kinds)
    return HEAD.format(count=len(kinds), contents=contents) + "".join(_section(kind) for kind in kinds)


def _first(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _section(kind: str) -> str:
    model = REGISTRY[kind]
    said = words(model)
    rows = "\n".join(_row(name, model.model_fields[name], said.fields[name]) for name in model.model_fields if name != "kind")
    examples = (*model.example_beside, {"kind": kind} | model.example)
    where = f"`{model.example_market}`" + (", with its latent projects opened" if model.example_opens else "")
    parts = [f"\n## {kind} (`fm.{model.__name__}`)", said.does, f"**Condition:** {said.condition}", f"**Who pays:** {said.who_pays}",
             f"**Leaves out:** {said.limits}" if said.limits else "",
             "| field | default | unit or values | meaning |\n|---|---|---|---|\n" + rows,
             f"**Example** on the market {where}: {model.example_source}",
             "```toml\n" + "".join(map(policy_toml, examples)) + "```", f"**Source:** {said.source}"]
    return "\n\n".join(filter(None, parts)) + "\n"


def _row(name: str, field: FieldInfo, said: FieldWords) -> str:
    default = field.get_default(call_default_factory=True)
    if field.is_required():
        shown = "needed"
    elif default is None:
        shown = f"({said.none})"
    else:
        shown = "`" + repr(default).replace("'", '"') + "`"
    unit = [] if said.unit == "choice" else [said.unit]
    cells = [f"`{name}`", shown, ", ".join([*unit, *allowed(field)]), said.meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def allowed(field: FieldInfo) -> list[str]:
    """What pydantic lets a field be: the words of a choice, the limits of a number."""
    found: list[str] = []
    todo: list[Any] = [field.annotation, *field.metadata]
    while todo:
        part = todo.pop(0)
        if get_origin(part) is Literal:
            found += [f'`"{word}"`' for word in get_args(part)]
            continue
        found += [f"{word} {getattr(part, name):g}" for name, word in BOUNDS.items() if getattr(part, name, None) is not None]
        todo += [*get_args(part), *getattr(part, "metadata", ()), *getattr(part, "__metadata__", ())]
    return list(dict.fromkeys(found))
