"""Tables in a Word file, byte for byte the same each time."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from floormodel.report.extras import load_extra

FIXED_TIME = dt.datetime(2000, 1, 1)
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class Printable(Protocol):
    """What a table offers to be printed."""

    @property
    def title(self) -> str: ...
    def headings(self) -> list[str]: ...
    def cells_once(self) -> list[list[str]]: ...
    def numeric(self) -> list[bool]: ...
    def below(self) -> list[str]: ...


def write_docx(tables: Sequence[Printable], path: str | Path, title: str = "") -> Path:
    """Write tables one below the other, each with its title above and its note and source below.

    Raises
    ------
    OutputError
        Where python-docx is not installed.
    """
    document = load_extra("docx").Document()
    properties = document.core_properties
    properties.author, properties.title, properties.comments = "floormodel", title, ""
    properties.created = properties.modified = FIXED_TIME
    if title:
        document.add_heading(title, level=1)
    for number, table in enumerate(tables, 1):
        _add(document, table, f"Table {number}. {table.title}" if len(tables) > 1 else table.title)
    buffer = io.BytesIO()
    document.save(buffer)
    path = Path(path)
    path.write_bytes(_without_times(buffer.getvalue()))
    return path


def _add(document: Any, table: Printable, title: str) -> None:
    small, right = load_extra("docx.shared").Pt(9), load_extra("docx.enum.text").WD_ALIGN_PARAGRAPH.RIGHT
    document.add_paragraph().add_run(title).bold = True
    rows, numeric = [table.headings(), *table.cells_once()], table.numeric()
    grid = document.add_table(rows=len(rows), cols=len(numeric), style="Light List")
    for cells, texts in zip(grid.rows, rows):
        for cell, text, is_number in zip(cells.cells, texts, numeric):
            paragraph = cell.paragraphs[0]
            paragraph.add_run(text).font.size = small
            if is_number:
                paragraph.alignment = right
    for line in table.below():
        document.add_paragraph().add_run(line).font.size = small


def _without_times(data: bytes) -> bytes:
    """The same zip archive with every member dated alike."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            entry = zipfile.ZipInfo(item.filename, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(item.filename))
    return out.getvalue()
