"""What a published cell says: a number, a bound, a range, or a mark of the source's legend. Nothing is ever guessed."""

from __future__ import annotations

import csv
import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

NAN = float("nan")
HERE = Path(__file__).parent
BLANKS = " \t\r\n\u00a0\u2009\u202f"
NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?"  # comma for thousands, point for decimals
PLAIN = re.compile(NUMBER, re.ASCII)
BOUND = re.compile(r"(>=|<=|>|<|≥|≤|more than|less than|greater than|at least|at most)\s*(.+)", re.IGNORECASE)
HALF = re.compile(r"(1/2|½|one-half)(?: +(?:the )?unit.*)?", re.IGNORECASE)
RANGE = re.compile(rf"({NUMBER})\s*(?:–|-|to)\s*({NUMBER})", re.ASCII)
LETTERED = re.compile(rf"([a-z]{{1,2}})\s*({NUMBER})|({NUMBER})\s*([a-z]{{1,2}})", re.ASCII)
FOOTNOTE = re.compile(rf"({NUMBER})(?:\s+(\d{{1,2}})/|\s*\((\d{{1,2}})\)|\s*([¹²³⁰⁴-⁹]+))")
RANK = ("estimated", "revised", "rounded", "reported")  # where several hold the first is the flag, the rest go to the note


@dataclass(frozen=True)
class Cell:
    """A number with its flag; `value` is NaN where the source gives none, `low` and `high` bound it."""

    value: float
    low: float
    high: float
    flag: str
    note: str = ""

    def also(self, flag: str, note: str = "") -> Cell:
        """The cell with one more thing known of it; a cell without a value keeps its flag."""
        notes = [self.note, note]
        if self.flag in RANK and flag in RANK:
            first, other = sorted((self.flag, flag), key=RANK.index)
            if other != first and other != "reported":
                notes.append(other)
            return replace(self, flag=first, note=joined(*notes))
        return replace(self, note=joined(*notes))


class CellFault(Exception):
    """A cell that cannot be read: code, what was expected, how to mend it."""

    def __init__(self, code: str, expected: str, mend: str = ""):
        super().__init__(expected)
        self.code, self.expected, self.mend = code, expected, mend


def joined(*notes: str) -> str:
    """Notes one after another, each once, blanks tidied."""
    tidy = [" ".join(note.split()) for note in notes if note and note.strip()]
    return "; ".join(dict.fromkeys(tidy))


@cache
def legend(source: str, kind: str) -> Mapping[str, list[dict[str, str]]]:
    """The marks of a source by `marks.csv`: kind `cell` for whole cells, `letter` for letters beside a number."""
    out: dict[str, list[dict[str, str]]] = {}
    with (HERE / "marks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["source"], row["kind"]) == (source, kind):
                out.setdefault(row["mark"], []).append(row)
    return out


def parse(raw: object, source: str, statistic: str = "") -> Cell:
    """The cell `raw`, text or a workbook's number, by the legend of `source`.

    Raises
    ------
    CellFault
        E303 unknown mark, E304 a number in another notation, E310 a date.
    """
    if isinstance(raw, datetime.date | datetime.time | datetime.timedelta):
        raise CellFault("E310", "a number", "format the cell as text before typing it, or load the publisher's file again")
    if isinstance(raw, bool):
        raise CellFault("E303", "a number or a mark of the legend")
    if isinstance(raw, int | float):
        if not math.isfinite(raw):
            raise CellFault("E304", "a finite number")
        return Cell(float(raw), NAN, NAN, "reported")
    text = str(raw).strip(BLANKS)
    if not text:
        return Cell(NAN, NAN, NAN, "not_available", "blank cell")
    for row in legend(source, "cell").get(text, []):
        if not row["statistic"] or row["statistic"] == statistic:
            return _marked(row)
    return _written(text, source)


def _marked(row: Mapping[str, str]) -> Cell:
    if row["flag"] == "nil":
        return Cell(0.0, NAN, NAN, "nil", row["meaning"])
    return Cell(NAN, NAN, 0.0 if row["flag"] == "bounded" else NAN, row["flag"], row["meaning"])


def _written(text: str, source: str) -> Cell:
    if PLAIN.fullmatch(text):
        return Cell(_value(text), NAN, NAN, "reported")
    if match := BOUND.fullmatch(text):
        return _bounded(match[1].lower(), match[2].strip(BLANKS), text)
    if match := RANGE.fullmatch(text):
        low, high = _value(match[1]), _value(match[2])
        if low < high:
            return Cell(NAN, low, high, "bounded", f"published as {text}")
    if match := FOOTNOTE.fullmatch(text):
        return Cell(_value(match[1]), NAN, NAN, "reported", f"footnote {match[2] or match[3] or match[4]}")
    if match := LETTERED.fullmatch(text):
        return _lettered(match[1] or match[4], _value(match[2] or match[3]), source)
    raise _unreadable(text, source)


def _bounded(sign: str, rest: str, text: str) -> Cell:
    if HALF.fullmatch(rest):
        limit = 0.5
    elif PLAIN.fullmatch(rest):
        limit = _value(rest)
    else:
        raise CellFault("E303", "a number after the sign of a bound")
    if sign in (">", ">=", "≥", "more than", "greater than", "at least"):
        return Cell(NAN, limit, NAN, "bounded", f"published as {text}")
    return Cell(NAN, 0.0 if limit >= 0 else NAN, limit, "bounded", f"published as {text}")


def _lettered(letters: str, value: float, source: str) -> Cell:
    known = legend(source, "letter")
    cell = Cell(value, NAN, NAN, "reported")
    for letter in letters:
        if letter not in known:
            raise CellFault("E303", f"letters {', '.join(sorted(known)) or 'none'} beside a number",
                            "look the letter up in the publisher's legend and add it to calibration/readers/marks.csv")
        cell = cell.also(known[letter][0]["flag"])
    return cell


def _value(text: str) -> float:
    value = float(text.replace(",", ""))
    if not math.isfinite(value):
        raise CellFault("E304", "a finite number")
    return value


def _unreadable(text: str, source: str) -> CellFault:
    if any(c.isdigit() for c in text) and not any(c.isalpha() for c in text):
        return CellFault("E304", "a number with commas for thousands and a point for decimals, e.g. 1,200.5",
                         "set the notation of the file back to the publisher's")
    known = ", ".join(sorted(legend(source, "cell"))) or "none"
    return CellFault("E303", f"a number or a mark of the source's legend ({known})",
                     "look the mark up in the publisher's legend and add it to calibration/readers/marks.csv")
