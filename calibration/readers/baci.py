"""CEPII BACI: trade between countries by six-digit code, `t,i,j,k,v,q`, one file per revision of the HS and year."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

from calibration.readers.cells import Cell
from calibration.readers.findings import CannotRead, Findings
from calibration.readers.labels import country_codes
from calibration.readers.long_table import Record
from calibration.readers.reading import Options, Row, code_text, read_cell
from calibration.readers.text_files import MEND, need_columns

SOURCE = "baci"
COLUMNS = ["t", "i", "j", "k", "v", "q"]
NAME = re.compile(r"BACI_HS(\d\d)(?:_Y(\d{4}))?(?:_V(\w+))?", re.IGNORECASE)
MEASURES = (("v", "kUSD"), ("q", "t"))


def read(path: Path, findings: Findings, options: Options) -> list[Record]:
    """Two records a row, value in 1000 USD (free on board) and quantity in tonnes, country the exporter.

    A whole file has ten million rows: name the codes to keep. They are read line by line.
    """
    name = NAME.search(path.name)
    if not (name or options.edition):
        findings.error("E317", path.name, "no revision of the HS in the file name", "a name such as BACI_HS92_Y2022_V202401b.csv",
                       "or --edition HS92")
        return []
    version = f" V{name[3]}" if name and re.match(r"\d", name[3] or "") else ""
    edition = options.edition or f"HS{name[1] if name else ''}{version}"
    records: list[Record] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            if not need_columns(path.name, header, COLUMNS, findings):
                return []
            at = [header.index(column) for column in COLUMNS]
            for cells in reader:
                line = reader.line_num
                if len(cells) != len(header):
                    if cells:
                        findings.error("E313", f"{path.name}, row {line}", f"{len(cells)} columns", f"{len(header)}, as the header has",
                                       MEND)
                    continue
                row = dict(zip(COLUMNS, (cells[n].strip() for n in at)))
                if options.codes and row["k"] not in options.codes:
                    continue
                records += _records(row, f"{path.name}, row {line}", edition, name[2] if name else None, findings)
    except (UnicodeDecodeError, csv.Error) as exc:
        raise CannotRead("E313", path.name, str(exc), "CSV in UTF-8", MEND) from exc
    with path.open("rb") as raw:
        raw.seek(-1, 2)
        if raw.read() not in (b"\n", b"\r"):
            findings.warn("W304", f"{path.name}, last row", "no line end after the last row", "a whole file",
                          "the last row may be cut: compare it with the publisher's")
    return records


def _records(row: dict[str, str], place: str, edition: str, year: str | None, findings: Findings) -> list[Record]:
    code = code_text(row["k"], (6,), f"{place}, column k", findings)
    ends = [country_codes().get(row[c].lstrip("0")) for c in ("i", "j")]
    for column, end in zip(("i", "j"), ends):
        if end is None:
            findings.error("E308", f"{place}, column {column}", row[column], "a country number of CEPII",
                           "add it to the codes of calibration/readers/countries.csv")
    if year and row["t"] != year:
        findings.warn("W302", f"{place}, column t", row["t"], f"{year}, as the file name says", "check the file")
    out = []
    for column, unit in MEASURES:
        where = f"{place}, column {column}"
        cell = read_cell(row[column], SOURCE, "exports", where, findings)
        if cell and cell.value < 0:
            findings.error("E304", where, row[column], "a number that is not negative")
        elif cell and code and ends[0] and ends[1]:
            if column == "v" and math.isnan(cell.value):
                findings.error("E304", where, row[column] or "nothing", "a value in every row")
                continue
            cell = cell if cell.flag != "not_available" else Cell(cell.value, cell.low, cell.high, cell.flag, "no quantity")
            base = Row(SOURCE, edition, "", "", ends[0], ends[1], code)
            out.append(base.record("exports", row["t"], unit, cell, where))
    return out
