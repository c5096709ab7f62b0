"""Reading workbooks: the file is tested before it is opened, tables are found by their header, never by their place."""

from __future__ import annotations

import importlib
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.readers.findings import CannotRead, Findings
from floormodel.errors import DataError

MEND = "load the file again from the publisher and keep it as .xlsx"
SEARCHED = 60  # rows of a sheet in which its header is looked for
LARGEST = 500_000_000  # bytes of an unpacked sheet
Row = Sequence[Any]


@dataclass(frozen=True)
class SheetTable:
    """A table found in a sheet: its header (blanks tidied) and the rows under it; row and column count from 1."""

    file: str
    sheet: str
    header: list[str]
    header_row: int
    rows: list[tuple[int, Row]]
    above: list[Row]

    def where(self, row: int, column: str = "") -> str:
        return f"{self.file}, sheet {self.sheet!r}, row {row}" + (f", column {column}" if column else "")


class Workbook:
    """The visible sheets of an .xlsx file, as rows of numbers and texts.

    Raises
    ------
    CannotRead
        E312 for a file that is no such workbook: encrypted, of the old format, a web page, cut off.
    DataError
        Where the library that reads workbooks is not installed.
    """

    def __init__(self, path: Path):
        _check_bytes(path)
        library = _library()
        try:
            book = library.CalamineWorkbook.from_path(str(path))
        except library.CalamineError as exc:
            raise CannotRead("E312", path.name, f"no readable workbook ({exc})", "an .xlsx workbook", MEND) from exc
        self.file, self._path = path.name, path
        shown = library.SheetVisibleEnum.Visible
        self.order = [s.name for s in book.sheets_metadata]
        self.hidden = [s.name for s in book.sheets_metadata if s.visible != shown]
        self.names = [s.name for s in book.sheets_metadata if s.visible == shown]
        self.rows: dict[str, list[Row]] = {}
        self.merged: dict[str, list[tuple[tuple[int, int], tuple[int, int]]]] = {}
        for name in self.order:
            sheet = book.get_sheet_by_name(name)
            self.rows[name] = sheet.to_python(skip_empty_area=False)
            self.merged[name] = list(sheet.merged_cell_ranges or [])

    def tables(self, fits: Callable[[list[str]], bool], what: str, findings: Findings) -> Iterator[SheetTable]:
        """The first table of each visible sheet whose header row `fits`; none at all is E309, which lists the sheets."""
        found = False
        for name in self.names:
            table = self.table(name, fits)
            if table:
                found = True
                self.check(table, findings)
                yield table
        if not found:
            hidden = [n for n in self.hidden if self.table(n, fits)]
            findings.error("E309", self.file, "sheets " + ", ".join(self.names), f"a sheet with the header {what}",
                           f"unhide sheet {hidden[0]!r}" if hidden else "is it another file of this publisher?")

    def table(self, sheet: str, fits: Callable[[list[str]], bool]) -> SheetTable | None:
        """The table of one sheet under the first row that `fits`."""
        rows = self.rows[sheet]
        for n, row in enumerate(rows[:SEARCHED]):
            header = [tidy(cell) for cell in row]
            if fits(header):
                under = [(i, r) for i, r in enumerate(rows[n + 1:], n + 2) if any(tidy(c) for c in r)]
                return SheetTable(self.file, sheet, header, n + 1, under, rows[:n])
        return None

    def check(self, table: SheetTable, findings: Findings) -> None:
        """Merged cells among the numbers and formulas without a stored result are errors."""
        last = max((row for row, cells in table.rows if sum(bool(tidy(c)) for c in cells) > 1), default=0)
        for (top, left), (bottom, _) in self.merged[table.sheet]:
            if top + 1 <= last and bottom + 1 >= table.header_row:
                findings.error("E309", table.where(top + 1, f"{left + 1}"), "merged cells", "one value per cell in the table",
                               "take the merging back or load the publisher's file")
        for cell in formulas_without_result(self._path, self.order.index(table.sheet)):
            findings.error("E311", f"{table.file}, sheet {table.sheet!r}, cell {cell}", "a formula without its result", "a number",
                           "open the workbook in a spreadsheet program and save it again")


def tidy(cell: object) -> str:
    """A cell as text on one line; whole numbers without a decimal point."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return " ".join(str(cell).split())


def formulas_without_result(path: Path, order: int) -> list[str]:
    """Cells of the sheet at place `order` that hold a formula and no result, found in the workbook's XML."""
    with zipfile.ZipFile(path) as archive:
        part = _part(archive, order)
        if part is None or archive.getinfo(part).file_size > LARGEST:
            return []
        text = archive.read(part).decode("utf-8", "replace")
    found = []
    for match in re.finditer(r"<c ([^>]*)(?<!/)>(.*?)</c>", text, re.DOTALL):
        if "<f" in match[2] and not re.search(r"<v>[^<]+</v>|<is>", match[2]):
            reference = re.search(r'r="([A-Z]+\d+)"', match[1])
            found.append(reference[1] if reference else "?")
    return found


def _part(archive: zipfile.ZipFile, order: int) -> str | None:
    """The file of a sheet inside the workbook, by the workbook's list of sheets."""
    book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    links = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    ids = re.findall(r'<sheet [^>]*?r:id="([^"]+)"', book)
    if order >= len(ids):
        return None
    for link in re.findall(r"<Relationship [^>]*>", links):
        if f'Id="{ids[order]}"' in link and (target := re.search(r'Target="([^"]+)"', link)):
            name = target[1].removeprefix("/")
            return name if name.startswith("xl/") else f"xl/{name}"
    return None


def _check_bytes(path: Path) -> None:
    head = path.read_bytes()[:512]
    found = ""
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        found = "an encrypted workbook or one of the old .xls format"
    elif head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<html", b"<!doctype", b"<?xml", b"<table")):
        found = "a web page"
    elif not head.startswith(b"PK"):
        found = "another kind of file"
    elif not zipfile.is_zipfile(path):
        found = "a workbook that is cut off"
    if found:
        raise CannotRead("E312", path.name, found, "an .xlsx workbook", MEND)


def _library() -> Any:
    try:
        return importlib.import_module("python_calamine")
    except ImportError as exc:
        raise DataError("reading workbooks needs python-calamine: pip install floormodel[calibration]") from exc
