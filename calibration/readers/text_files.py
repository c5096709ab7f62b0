"""Reading CSV files strictly: encoding, separator, quotes and the width of every row are checked before any number."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.readers.findings import CannotRead, Findings
from floormodel.errors import did_you_mean

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
MEND = "load the file again from the publisher, or save it as CSV in UTF-8 with commas"


@dataclass(frozen=True)
class TextTable:
    """A CSV file's header and its rows by line number; rows are as wide as the header."""

    name: str
    header: list[str]
    rows: list[tuple[int, list[str]]]

    def where(self, line: int, column: str = "") -> str:
        return f"{self.name}, row {line}" + (f", column {column}" if column else "")

    def dicts(self) -> Iterator[tuple[int, dict[str, str]]]:
        for line, row in self.rows:
            yield line, dict(zip(self.header, row))


def decoded(path: Path, encodings: Sequence[str] = ("utf-8-sig",)) -> str:
    """The text of a file in the first of `encodings` that reads it.

    Raises
    ------
    CannotRead
        E313 where none does, or the text holds control characters.
    """
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise CannotRead("E313", path.name, "UTF-16", "UTF-8", MEND)
    place = ""
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as exc:
            place = f"byte {exc.start}"
            continue
        if control := CONTROL.search(text):
            raise CannotRead("E313", path.name, f"control character {control[0]!r} at character {control.start()}", "text", MEND)
        return text
    raise CannotRead("E313", f"{path.name}, {place}", "bytes of another encoding", " or ".join(encodings), MEND)


def read_table(path: Path, findings: Findings, encodings: Sequence[str] = ("utf-8-sig",)) -> TextTable:
    """The rows of a CSV file; blank rows and blank columns at the end are left out.

    Raises
    ------
    CannotRead
        E313 for another separator, quotes that do not close, an empty file. Rows of another width are findings.
    """
    text = decoded(path, encodings)
    first = text.partition("\n")[0]
    if first.count(";") > first.count(",") or first.count("\t") > first.count(","):
        raise CannotRead("E313", f"{path.name}, row 1", "columns separated by semicolons or tabs", "commas", MEND)
    rows, line = [], 1
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as exc:
        raise CannotRead("E313", f"{path.name}, row {line}", f"quotes that do not close or close early ({exc})", "balanced quotes",
                         MEND) from exc
    rows = [(n, row) for n, row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise CannotRead("E313", path.name, "no rows" if rows else "an empty file", "a header and rows of numbers", MEND)
    if not text.endswith(("\n", "\r")):
        findings.warn("W304", f"{path.name}, row {rows[-1][0]}", "no line end after the last row", "a whole file",
                      "the last row may be cut: compare it with the publisher's")
    header = [" ".join(cell.split()) for cell in rows[0][1]]
    width = max(n for n, cell in enumerate(header, 1) if cell)
    return TextTable(path.name, header[:width], list(_fitting(path.name, rows[1:], header, width, findings)))


def _fitting(name: str, rows: list[tuple[int, list[str]]], header: list[str], width: int,
             findings: Findings) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if not width <= len(row) <= len(header) or any(cell.strip() for cell in row[width:]):
            findings.error("E313", f"{name}, row {line}", f"{len(row)} columns", f"{len(header)}, as the header has", MEND)
        else:
            yield line, row[:width]


def need_columns(name: str, header: Sequence[str], wanted: Sequence[str], findings: Findings, sheet: str = "") -> bool:
    """Are all columns of `wanted` there? Each that is not is an error that names the nearest."""
    place = f"{name}, sheet {sheet!r}" if sheet else f"{name}, row 1"
    missing = [column for column in wanted if column not in header]
    for column in missing:
        findings.error("E301", f"{place}, column {column}", "no such column in " + ",".join(filter(None, header)), f"column {column}",
                       did_you_mean(column, [h for h in header if h]))
    return not missing
