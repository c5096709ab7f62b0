"""USITC DataWeb: a workbook of US imports or exports by country and tariff line, a sheet per measure, years in columns."""

from __future__ import annotations

import re
from pathlib import Path

from calibration.readers.cells import Cell
from calibration.readers.findings import Findings
from calibration.readers.labels import country, unit
from calibration.readers.long_table import NAN, Record
from calibration.readers.reading import Options, Row, code_text, read_cell
from calibration.readers.text_files import need_columns
from calibration.readers.workbooks import SheetTable, Workbook, tidy

SOURCE = "dataweb"
COLUMNS = ["Country", "HTS Number", "Description", "Quantity Description"]
DIGITS = (4, 6, 8, 10)
NO_UNIT = "no units collected"


def read(path: Path, findings: Findings, options: Options) -> list[Record]:
    """Annual values in USD and quantities in the units collected; year-to-date sheets are not read (W304)."""
    book, records = Workbook(path), []
    exports = any("FAS" in name for name in book.names)
    edition = options.edition or next((f"DataWeb {d}" for name in book.names if (d := _downloaded(book, name))), "DataWeb")
    for sheet in book.tables(lambda header: {"Country", "HTS Number"} <= set(header), ", ".join(COLUMNS), findings):
        money, quantity = "Value" in sheet.sheet, "Quantity" in sheet.sheet
        if sheet.sheet.endswith("YTD") or not (money or quantity):
            findings.warn("W304", f"{path.name}, sheet {sheet.sheet!r}", "not read", "annual values and quantities")
        elif need_columns(path.name, sheet.header, COLUMNS, findings, sheet.sheet):
            records += _sheet(sheet, "exports" if exports else "imports", money, edition, findings, options)
    return records


def _downloaded(book: Workbook, sheet: str) -> str:
    for row in book.rows[sheet][:40] if "Query" in sheet else []:
        if tidy(row[0]).lower() == "download date" and len(row) > 1:
            return tidy(row[1])[:10]
    return ""


def _sheet(sheet: SheetTable, statistic: str, money: bool, edition: str, findings: Findings, options: Options) -> list[Record]:
    at = {h: n for n, h in enumerate(sheet.header)}
    years = [(n, h) for n, h in enumerate(sheet.header) if re.fullmatch(r"(?:19|20)\d\d", h)]
    counted = next((int(tidy(r[1])) for r in sheet.above if tidy(r[0]) == "Data Row Count" and tidy(r[1]).isdigit()), None)
    rows = [(n, r) for n, r in sheet.rows if tidy(r[at["Country"]])]
    if counted is not None and counted != len(rows):
        findings.error("E313", f"{sheet.file}, sheet {sheet.sheet!r}", f"{len(rows)} rows", f"{counted}, as Data Row Count says",
                       "the sheet is cut: load it again")
    unfinished = {n for n, _ in years[-1:] if rows and not any(tidy(r[n]).strip("0.") for _, r in rows)}
    records = []
    for line, cells in rows:
        code = code_text(cells[at["HTS Number"]], DIGITS, sheet.where(line, "HTS Number"), findings)
        if code is None or (options.codes and not code.startswith(options.codes)):
            continue
        place = country(tidy(cells[at["Country"]]), sheet.where(line, "Country"), findings)
        bucket = re.sub(r"^value for:\s*", "", tidy(cells[at["Quantity Description"]]), flags=re.IGNORECASE)
        if not money and bucket.lower() == NO_UNIT:
            continue
        measure = "USD" if money else unit(bucket, sheet.where(line, "Quantity Description"), findings)
        if place is None or measure is None:
            continue
        base = Row(SOURCE, edition, "", f"{sheet.sheet}, {bucket}" if money else sheet.sheet, "USA", place.country, code,
                   tidy(cells[at["Description"]]))
        for n, year in years:
            where = sheet.where(line, year)
            cell = read_cell(cells[n], SOURCE, statistic, where, findings)
            hidden = tidy(cells[at[f"{year}_Suppressed"]]) if f"{year}_Suppressed" in at else ""
            if cell and n in unfinished:
                cell = Cell(NAN, NAN, NAN, "not_available", "0 for every country: the year is not complete")
            elif cell and hidden not in ("", "0"):
                cell = Cell(NAN, cell.value, NAN, "bounded", f"{hidden} entries suppressed: at least this quantity")
            if cell:
                records.append(base.record(statistic, year, measure, cell, where))
    return records
