"""Sheets of a workbook: frames as numbers, texts that cannot become formulas, one look, a fixed date."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from floormodel.report.extras import load_extra

CREATED = dt.datetime(2000, 1, 1)
LIVE = ("=", "+", "-", "@", "\t", "\r")  # a text that starts so could be read as a formula
MAX_ROWS = 1_048_000


@dataclass(frozen=True, eq=False)
class Workbook:
    """An open workbook and its formats."""

    book: Any
    formats: dict[str, Any]

    def sheet(self, name: str) -> Any:
        """A new sheet; the name is cut to what Excel takes, and numbered where it is taken."""
        clean = re.sub(r"[\[\]:*?/\\']", " ", name)[:28].strip() or "sheet"
        taken = {w.get_name().lower() for w in self.book.worksheets()}
        choices = [clean, *(f"{clean} {n}" for n in range(2, 99))]
        return self.book.add_worksheet(next(c for c in choices if c.lower() not in taken))


@contextmanager
def new_workbook(path: str | Path) -> Iterator[Workbook]:
    """A workbook that is written when the block ends.

    Raises
    ------
    OutputError
        Where XlsxWriter is not installed.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": False}
    book = load_extra("xlsxwriter").Workbook(str(path), options)
    book.set_properties({"title": "floormodel results", "author": "floormodel", "created": CREATED})
    formats = {"title": book.add_format({"bold": True, "font_size": 13}), "head": book.add_format(
        {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}), "text": book.add_format({}),
        "large": book.add_format({"num_format": "#,##0"}), "whole": book.add_format({"num_format": "0"}),
        "small_number": book.add_format({"num_format": "0.0###"}), "small": book.add_format({"font_color": "#555555"})}
    yield Workbook(book, formats)
    book.close()


def inert(value: Any) -> Any:
    """A text that a spreadsheet would run is prefixed with an apostrophe; everything else stays."""
    return f"'{value}" if isinstance(value, str) and value.startswith(LIVE) else value


def inert_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """`inert` for the text columns of a frame to be written as CSV; numbers are not touched."""
    out = frame.copy()
    for column in out.columns:
        if not pd.api.types.is_numeric_dtype(out[column]):
            out[column] = out[column].map(inert)
    return out


def write_frame(book: Workbook, name: str, frame: pd.DataFrame, *, title: str = "", below: Sequence[str] = ()) -> tuple[Any, int]:
    """Write a frame to a new sheet: title, headings that stay in sight, a filter; returns the sheet and its first data row.

    Missing numbers are empty cells. A frame longer than a sheet is cut, and a line below the title says so.
    """
    sheet = book.sheet(name)
    first = 0
    if title:
        sheet.write_string(0, 0, title, book.formats["title"])
        first = 2
    if len(frame) > MAX_ROWS:
        sheet.write_string(1, 0, f"first {MAX_ROWS:,} of {len(frame):,} rows; results.nc holds all", book.formats["small"])
        frame = frame.iloc[:MAX_ROWS]
    for c, column in enumerate(frame.columns):
        sheet.write_string(first, c, str(inert(str(column))), book.formats["head"])
        values = frame[column].tolist()
        for r, value in enumerate(values, first + 1):
            _write(sheet, r, c, value, book.formats)
        longest = max([min(len(str(column)), 18), *(len(_text(v)) for v in values[:500])])
        sheet.set_column(c, c, min(max(8, longest + 1), 48))
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.freeze_panes(first + 1, 0)
    if len(frame):
        sheet.autofilter(first, 0, first + len(frame), len(frame.columns) - 1)
    for k, line in enumerate(below):
        sheet.write_string(first + len(frame) + 2 + k, 0, line, book.formats["small"])
    return sheet, first + 1


def _write(sheet: Any, row: int, column: int, value: Any, formats: dict[str, Any]) -> None:
    if value is None or value is pd.NaT:
        return
    if isinstance(value, bool | np.bool_):
        sheet.write_boolean(row, column, bool(value))
    elif isinstance(value, int | float | np.number):
        if math.isfinite(float(value)):
            number = float(value)
            kind = "large" if abs(number) >= 1000 else "whole" if number.is_integer() else "small_number"
            sheet.write_number(row, column, number, formats[kind])
    else:
        sheet.write_string(row, column, str(inert(str(value))), formats["text"])


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
