"""The text of a study file: bytes to TOML with messages that name the line, and the line of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from floormodel.errors import Fault, ScenarioError

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 12
Location = tuple[int | str, ...]


def read_text(path: Path) -> str:
    """The text of a UTF-8 file of at most `MAX_BYTES`, a byte order mark removed; ScenarioError otherwise."""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no file"
        raise ScenarioError(f"{path}: found {found}; expected a study file (TOML); check the path")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ScenarioError(f"{path}: found {size:,} bytes; expected at most {MAX_BYTES:,}; "
                            "large tables belong into a market folder, not into a study file")
    return _decode(path.read_bytes(), str(path))


def _decode(raw: bytes, source: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw[:200]:
        raise ScenarioError(f"{source}: found UTF-16 or binary text; expected UTF-8; save the file as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw[:exc.start].count(b"\n") + 1
        byte = f"byte 0x{raw[exc.start]:02x} at offset {exc.start}"
        raise ScenarioError(f"{source}: line {line}: found {byte}; expected UTF-8; "
                            "save the file as UTF-8 (not Latin-1 or Windows-1252)") from exc


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The tables of a TOML text, nested at most `MAX_DEPTH` deep; ScenarioError with the line otherwise."""
    if not text.strip():
        raise ScenarioError(f"{source}: found an empty file; expected a study; give title, market and a [[scenario]]")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ScenarioError(f"{source}: {_toml_fault(str(exc), text)}") from exc
    except RecursionError as exc:
        raise ScenarioError(f"{source}: found brackets nested too deeply; expected at most {MAX_DEPTH} levels; "
                            "remove the extra brackets") from exc
    if _depth(raw) > MAX_DEPTH:
        raise ScenarioError(f"{source}: found {_depth(raw)} nested levels; expected at most {MAX_DEPTH}; "
                            "use one table for each policy")
    return raw


def _toml_fault(message: str, text: str) -> str:
    """A fault of the file's grammar: the line, its text, and what usually causes it."""
    rows = text.splitlines()
    match = re.search(r" \(at line (\d+), column \d+\)", message)
    number = int(match[1]) if match else len(rows)
    line = rows[number - 1].strip() if number <= len(rows) else ""
    mend = "see the example in README.md"
    if "overwrite" in message or "twice" in message or "declare" in message:
        mend = "each key may be given once"
    elif re.search(r"=\s*[+-]?\d{1,3}([, ']\d{3})+", line):
        mend = "no thousands marks: write 1200 or 1_200"
    elif re.search(r"=\s*[+-]?[\d.]+\s*%", line):
        mend = "a percentage is written as a share: 0.25"
    elif re.search(r"=\s*\w*[A-Za-z]", line):
        mend = "text needs quotes"
    what = re.sub(r" \(at .*\)$", "", message)
    return f"line {number}: found {line[:80]!r}; expected TOML ({what}); {mend}"


def _depth(value: object) -> int:
    """Levels of nesting, counted without recursion."""
    level, layer = 0, [value]
    while layer:
        layer = [child for item in layer if isinstance(item, dict | list)
                 for child in (item.values() if isinstance(item, dict) else item)]
        level += 1
    return level - 1


def key_lines(text: str) -> dict[Location, int]:
    """Line of each table and key of a study file, by location; keys of inline tables are not in it."""
    lines: dict[Location, int] = {}
    table: Location = ()
    counts: dict[Location, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[(\[?)\s*([\w.-]+)\s*\]", line):
            table = ()
            parts = header[2].split(".")
            for depth, part in enumerate(parts):
                table = (*table, part)
                if depth == len(parts) - 1 and header[1]:
                    counts[table] = counts.get(table, -1) + 1
                if table in counts:
                    table = (*table, counts[table])
            lines[table] = number
        elif key := re.match(r'\s*"?([\w-]+)"?\s*=', line):
            lines.setdefault((*table, key[1]), number)
    return lines


def name_place(location: Location, lines: Mapping[Location, int]) -> str:
    """``line 7: scenario[1].policy[1].price``; counted from 1, with the line of the key or else of its table."""
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else str(part)
    for end in range(len(location), 0, -1):
        if location[:end] in lines:
            return f"line {lines[location[:end]]}: {text}"
    return text or "the file"


def by_line(fault: Fault) -> int:
    """Sorting key of faults: the line that `name_place` wrote, 0 where there is none."""
    match = re.match(r"line (\d+):", fault.where)
    return int(match[1]) if match else 0
