"""World Bank Commodity Price Data (the Pink Sheet), monthly or annual: names in one row, units in the row under it."""

from __future__ import annotations

import re
from pathlib import Path

from calibration.readers.findings import Findings
from calibration.readers.labels import mineral, plain, unit
from calibration.readers.long_table import Record
from calibration.readers.reading import CURRENCY, Options, Row, period_text, read_cell
from calibration.readers.workbooks import SheetTable, Workbook, tidy

SOURCE = "world-bank"
KNOWN = {"aluminum", "copper", "nickel"}  # names that the header row of a price table has


def read(path: Path, findings: Findings, options: Options) -> list[Record]:
    """Records of every sheet of prices: one for each name and month (1960-01) or year."""
    records = []
    for table in Workbook(path).tables(_fits, "Aluminum, Copper, ...", findings):
        records += _sheet(table, findings, options)
    return records


def _sheet(table: SheetTable, findings: Findings, options: Options) -> list[Record]:
    above = [tidy(cell) for row in table.above for cell in row if tidy(cell)]
    edition = options.edition or next((m[1] for t in above if (m := re.search(r"Updated on (.+)", t))), "")
    place = f"{table.file}, sheet {table.sheet!r}, above row {table.header_row}"
    if not edition:
        findings.error("E317", place, "no edition", "a line Updated on DATE", "or --edition")
    text = " ".join(above).lower()
    nominal, real = "nominal us dollars" in text, re.search(r"(?:real|constant) (\d{4}) us dollars", text)
    if nominal == bool(real):
        findings.error("E314", place, "prices both nominal and real" if nominal else "prices neither nominal nor real",
                       "a line that says nominal US dollars or real (year) US dollars", "load the publisher's file again")
    if not edition or nominal == bool(real):
        return []
    (first, units), rows = table.rows[0], table.rows[1:]
    names = [(n, h) for n, h in enumerate(table.header) if n and h]
    found: dict[int, str] = {}
    if not any("$" in tidy(cell) for cell in units):
        findings.error("E316", table.where(first), "no units under the names", "units such as ($/mt)", "load the publisher's file again")
        return []
    for n, name in names:
        published = tidy(units[n]).strip("()") if n < len(units) else ""
        measure = unit(published, table.where(first, name), findings)
        if measure and not CURRENCY.search(measure):
            findings.error("E314", table.where(first, name), published, "a currency in the unit")
        elif measure and not measure.startswith("index"):
            found[n] = f"{real[1]} {measure}" if real else measure
    records = []
    for row, cells in rows:
        period = tidy(cells[0])
        if not re.fullmatch(r"\d{4}(M\d{2})?", period):
            if period:
                findings.error("E304", table.where(row, "1"), period, "a month such as 1960M01 or a year")
            continue
        for n, name in names:
            where = table.where(row, name)
            if n not in found:
                continue
            cell = read_cell(cells[n], SOURCE, "price", where, findings)
            if cell:
                note = "nominal" if nominal else f"real, dollars of {real[1] if real else ''}"
                records.append(Row(SOURCE, edition, mineral(_bare(name)), _detail(name), "WLD").record(
                    "price", period_text(period), found[n], cell, where, note))
    return [r for r in records if options.wants(r.mineral)]


def _fits(header: list[str]) -> bool:
    return len(KNOWN & {plain(_bare(cell)) for cell in header}) >= 2


def _bare(name: str) -> str:
    return name.replace("*", "").partition(",")[0]


def _detail(name: str) -> str:
    return name.replace("*", "").partition(",")[2].strip()
