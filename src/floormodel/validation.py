"""From pydantic's list of errors to faults that say where, what was found, what was expected and how to mend it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping

from pydantic import ValidationError

from floormodel.errors import Faults, did_you_mean

Location = tuple[int | str, ...]

EXPECTED: dict[str, str] = {
    "missing": "a value for this key",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "string_too_short": "text that is not empty",
    "string_too_long": "text of at most {max_length} characters",
    "list_type": 'a list such as ["USA", "EU27"]',
    "tuple_type": 'a list such as ["USA", "EU27"]',
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "text of the form {pattern}",
}
_NUMBERS = {"int_type", "float_type", "int_from_float"}
_TABLES = {"scenario", "policy"}
_UNION_TAGS = {"str", "int", "float", "bool", "none", "literal", "list", "tuple", "number", "table"}


def show(value: object) -> str:
    """A value as a study file spells it, with its type where that is the trouble."""
    if isinstance(value, bool):
        return f"{str(value).lower()} (a truth value)"
    if isinstance(value, dt.date | dt.time):
        return f"{value} (a date)"
    if isinstance(value, str):
        return repr(value[:40]) + (" (text)" if len(value) <= 40 else f"... (text of {len(value)} characters)")
    if isinstance(value, Mapping):
        return "a table with the keys " + ", ".join(map(str, list(value)[:5]))
    if isinstance(value, list | tuple) and not value:
        return "an empty list"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}: " + ", ".join(show(v) for v in value[:4])
    return "nothing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def number_hint(text: str) -> str:
    """How to write what looks like a number in quotes, as in "1,200", "25 %", "250" or "2*3"."""
    plain = text.strip()
    if re.fullmatch(r"[+-]?[0-9.]+ ?%", plain):
        return f"write {float(plain.rstrip(' %')) / 100:g}, a share, without quotes"
    if re.fullmatch(r"[+-]?[0-9]{1,3}([,' ][0-9]{3})+(\.[0-9]+)?", plain):
        return f"no thousands marks and no quotes: write {re.sub('[^0-9.+-]', '', plain)}"
    if re.fullmatch(r"[+-]?[0-9_]*\.?[0-9]+([eE][+-]?[0-9]+)?", plain):
        return f"write {plain} without quotes"
    return "write the number itself; formulas and units are not read"


def _mend(kind: str, key: str, value: object) -> str:
    if kind in _NUMBERS and isinstance(value, str):
        return number_hint(value)
    if kind in _NUMBERS and isinstance(value, bool):
        return "write the number that is meant"
    if kind in _NUMBERS and isinstance(value, dt.date | dt.time):
        return "write a number; dates are not read"
    if kind in _NUMBERS and isinstance(value, float) and value.is_integer():
        return f"write {value:.0f}, without point or exponent"
    if kind == "string_type" and isinstance(value, int | float):
        return f'write {key} = "{value}"'
    if kind in ("list_type", "tuple_type") and isinstance(value, str):
        return f'write {key} = ["{value}"]'
    if kind.startswith("less_than") and key.endswith("rate"):
        return "a rate is a share: 0.25 is 25 %"
    if kind == "missing":
        return f"add a [[{key if key == 'scenario' else 'scenario.policy'}]]" if key in _TABLES else f"add {key} = ..."
    return "leave the key out for its default, or write a finite number" if kind == "finite_number" else ""


def add_validation_faults(error: ValidationError, faults: Faults, where: Callable[[Location], str],
                          known: Callable[[Location], Iterable[str]], elsewhere: Callable[[str], str],
                          help_text: str) -> None:
    """Add every error of a pydantic model to `faults`.

    Parameters
    ----------
    where : maps a location, such as ("scenario", 0, "name"), to the text that names it
    known : maps the location of a table to the keys it may hold
    elsewhere : says where an unknown key would be at home, "" if nowhere
    help_text : how to mend a fault that nothing more exact is known about
    """
    items = [(_location(item["loc"], item["type"]), item) for item in error.errors(include_url=False)]
    for loc, item in items:
        if any(len(other) > len(loc) and other[:len(loc)] == loc for other, _ in items):
            continue  # a branch of a union that was not meant: the deeper fault says more
        kind, value = item["type"], item["input"]
        key = next((part for part in reversed(loc) if isinstance(part, str)), "")
        found = "nothing" if kind == "missing" else show(value)
        expected, mend = EXPECTED.get(kind, item["msg"]).format(**item.get("ctx", {})), _mend(kind, key, value)
        if kind == "extra_forbidden":
            found, expected = f"unknown key {key!r} = {found}", "a key that is known here"
            mend = elsewhere(key) or did_you_mean(key, known(loc[:-1]))
        elif kind == "value_error":
            expected, _, mend = str(item["ctx"]["error"]).removeprefix("expected ").partition("; ")
        elif kind == "literal_error" and isinstance(value, str):
            hint = did_you_mean(value, re.findall("'([^']+)'", expected))
            mend = hint if hint.startswith("did") else ""
        faults.add(where(loc), found, expected, mend or help_text)


def _location(loc: Location, kind: str) -> Location:
    """A location without the names that pydantic gives to the branches of a union."""
    last = loc[-1:] if kind == "extra_forbidden" else ()
    kept = loc[:-1] if last else loc
    return (*(part for part in kept if isinstance(part, int) or not ("[" in part or part in _UNION_TAGS)), *last)
