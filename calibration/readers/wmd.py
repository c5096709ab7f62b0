"""World Mining Data, table 6.4: a sheet per mineral (or one CSV table of a mineral), a country a row, years in columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from calibration.readers.cells import legend
from calibration.readers.findings import Findings
from calibration.readers.labels import country, known_minerals, mineral, unit
from calibration.readers.long_table import WORLD, Record
from calibration.readers.reading import Options, Row, read_cell
from calibration.readers.text_files import read_table
from calibration.readers.workbooks import Workbook, tidy

SOURCE = "wmd"
EDITION = re.compile(r"WMD[ _]?(20\d\d)", re.IGNORECASE)
NO_TABLE = ("", "nan", "DELETE")


def read(path: Path, findings: Findings, options: Options) -> list[Record]:
    """Production by country, mineral and year; the letter of the data source gives the flag."""
    stated = options.edition or (f"WMD {m[1]}" if (m := EDITION.search(path.name)) else "")
    if path.suffix.lower() == ".csv":
        table = read_table(path, findings)
        words = re.sub(r"^WMD[ _]?\d*_?|\.csv$|_from_.*", "", path.name, flags=re.IGNORECASE).replace("_", " ")
        named = mineral(options.mineral or words)
        if named not in known_minerals() and not options.mineral:
            findings.error("E317", path.name, "no mineral in the file name", "a name such as WMD2026_cobalt.csv", "or --mineral NAME")
            return []
        return _table(table.header, table.rows, named, "", stated, table.name, table.where, findings)
    records, book = [], Workbook(path)
    for sheet in book.tables(_fits, "Country, unit, 2020, ...", findings):
        name, _, detail = sheet.sheet.partition("(")
        named = mineral(name)
        if options.wants(named):
            records += _table(sheet.header, sheet.rows, named, detail.strip(" )"), stated, f"{sheet.file}, sheet {sheet.sheet!r}",
                              sheet.where, findings)
    return records


def _fits(header: list[str]) -> bool:
    return {"country", "unit"} <= {cell.lower() for cell in header} and any(_year(cell) for cell in header)


def _table(header: Sequence[str], rows: Sequence[tuple[int, Sequence]], named: str, detail: str, stated: str, place: str,
           where_at: Callable[[int, str], str], findings: Findings) -> list[Record]:
    at = {re.sub(r"[ _]+", " ", h.lower()): n for n, h in enumerate(header) if h}
    years = [(n, y) for n, h in enumerate(header) if (y := _year(h))]
    missing = [c for c in ("country", "unit", "data source") if c not in at]
    for column in missing:
        findings.error("E301", place, ",".join(filter(None, header)), f"column {column!r}")
    if missing or not years:
        return []
    edition = stated or f"WMD {years[0][1]}-{years[-1][1]}"
    records = []
    for row, cells in rows:
        if sum(bool(tidy(c)) for c in cells) < 2:
            continue  # a footnote under the table
        found = country(tidy(cells[at["country"]]), where_at(row, header[at["country"]]), findings)
        measure = unit(tidy(cells[at["unit"]]), where_at(row, header[at["unit"]]), findings)
        letter = tidy(cells[at["data source"]]).lower()
        known = legend(SOURCE, "source")
        if found and found.country != WORLD and letter not in known:
            findings.error("E303", where_at(row, header[at["data source"]]), letter or "nothing", f"one of {', '.join(known)}",
                           "look the letter up in the publisher's legend and add it to calibration/readers/marks.csv")
            continue
        iso = tidy(cells[at["country iso"]]) if "country iso" in at else ""
        if found and iso not in (*NO_TABLE, found.country):
            findings.error("E308", where_at(row, header[at["country iso"]]), f"{iso} beside {tidy(cells[at['country']])}", found.country)
        if found is None or measure is None:
            continue
        mark = known[letter][0] if letter in known else {"flag": "reported", "meaning": ""}
        base = Row(SOURCE, edition, named, detail, found.country, note=found.note)
        for n, year in years:
            where = where_at(row, header[n])
            cell = read_cell(cells[n], SOURCE, "production", where, findings)
            if cell:
                records.append(base.record("production", year, measure, cell.also(mark["flag"], mark["meaning"]), where))
    return records


def _year(text: str) -> str:
    return text if re.fullmatch(r"(?:19|20)\d\d", text) else ""
