"""USGS Data Series 140: a workbook per mineral, a year a row since 1900, the title and the unit above the header."""

from __future__ import annotations

import re
from pathlib import Path

from calibration.readers.findings import Findings
from calibration.readers.labels import mineral
from calibration.readers.long_table import Record
from calibration.readers.reading import Options, Row, check_price, read_cell
from calibration.readers.workbooks import SheetTable, Workbook, tidy

SOURCE = "usgs-ds140"
STATISTICS = (("unit value", "price"), ("consumption", "consumption"), ("production", "production"), ("imports", "imports"),
              ("exports", "exports"), ("stocks", "stocks"), ("shipments", "shipments"), ("sold or used", "production"),
              ("supply", "supply"))
UNIT = re.compile(r"All (?:values|quantities)[^\[\]]*? in (.+?)(?: unless|\])", re.IGNORECASE)
MASS = re.compile(r"\((t|kt|kg|g|mt)\)|\b(metric tons|thousand metric tons|kilograms|carats|thousand carats)\b", re.IGNORECASE)
PRICE = re.compile(r"\((\d\d)?\$/(.+?)\)")
CHANGED = re.compile(r"Last modification: (.+)")


def read(path: Path, findings: Findings, options: Options) -> list[Record]:
    """Records of every sheet with a column `Year`: US statistics and, under headers that begin with World, the world's."""
    book, records = Workbook(path), []
    for table in book.tables(lambda header: header[0].lower() == "year" and len([h for h in header if h]) > 2, "Year, ...", findings):
        records += _sheet(table, findings, options)
    return records


def _sheet(table: SheetTable, findings: Findings, options: Options) -> list[Record]:
    above = [tidy(cell) for row in table.above for cell in row if tidy(cell)]
    title = next((re.sub(r"\d+$", "", t) for t in above if "STATISTICS" in t.upper()), "")
    named = mineral(options.mineral or re.sub(r"\bstatistics\b", "", title, flags=re.IGNORECASE))
    edition = options.edition or next((f"DS140 {m[1]}" for t in above if (m := CHANGED.search(t))), "")
    stated = next((m[1].rstrip("]") for t in above if (m := UNIT.search(t))), "")
    place = f"{table.file}, sheet {table.sheet!r}, above row {table.header_row}"
    for what, found, expected in (("mineral", named, "LITHIUM STATISTICS"), ("edition", edition, "Last modification: a date")):
        if not found:
            findings.error("E317", place, f"no {what}", f"a line such as {expected}", f"or --{what}")
    mass = MASS.search(stated)
    if not mass:
        findings.error("E316", place, stated or "no unit", "a line such as [All values in metric tons (t) ...]")
    if not (named and edition and mass):
        return []
    base, records = mass[1] or mass[2], []
    columns = [(n, h, c) for n, h in enumerate(table.header) if n and h and (c := _column(table, h, base, stated, findings))]
    for row, cells in table.rows:
        year = tidy(cells[0])
        if not re.fullmatch(r"\d{4}", year):
            if sum(bool(tidy(c)) for c in cells) > 1:
                findings.error("E304", table.where(row, "Year"), year or "nothing", "a year")
            continue
        for n, header, (country, statistic, stage, unit, note) in columns:
            where = table.where(row, header)
            cell = read_cell(cells[n], SOURCE, statistic, where, findings)
            if cell is None:
                continue
            if statistic == "price":
                check_price(unit, cell, where, findings)
            records.append(Row(SOURCE, edition, named, stage, country).record(statistic, year, unit, cell, where, note))
    return records


def _column(table: SheetTable, header: str, base: str, stated: str, findings: Findings) -> tuple[str, str, str, str, str] | None:
    """(country, statistic, stage, unit, note) of a header such as `World mine production` or `Unit value (98$/t)`."""
    text = re.sub(r"(?<=[a-z)])\d+$", "", header)
    country = "WLD" if text.lower().startswith("world ") else "USA"
    statistic = next((s for word, s in STATISTICS if word in text.lower()), None)
    if statistic is None:
        findings.error("E301", table.where(table.header_row, header), header, "one of " + ", ".join(w for w, _ in STATISTICS))
        return None
    unit, note, mass = {"metric tons": "t", "thousand metric tons": "kt", "kilograms": "kg"}.get(base.lower(), base), f"in {stated}", None
    if statistic == "price":
        if not (price := PRICE.search(text)):
            findings.error("E314", table.where(table.header_row, header), header, "nominal ($/t) or dollars of a year (98$/t)",
                           "nominal and real prices must be told apart")
            return None
        year = "" if not price[1] else f"{1900 + int(price[1])} "
        unit, text = f"{year}USD/{price[2]}", text.replace(price[0], "")
        note = f"real, dollars of {year.strip()}" if year else "nominal"
    elif mass := re.search(r"\((.+ (?:weight|content|equivalent))\)", text):
        unit, text, note = f"{unit} {mass[1]}", text.replace(mass[0], ""), ""
    return country, statistic, " ".join(text.removeprefix("World ").split()).lower(), unit, note
