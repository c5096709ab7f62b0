"""IEA Critical Minerals Dataset: the workbook, or a flattened copy of it as JSON or CSV.

The first year of the supply sheet is the edition's base year; later ones are projections, kept apart by the statistic
and flagged as estimated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from calibration.readers.findings import CannotRead, Findings
from calibration.readers.labels import country, mineral
from calibration.readers.labels import place as label_place
from calibration.readers.long_table import WORLD, Record
from calibration.readers.reading import Options, Row, read_cell
from calibration.readers.text_files import MEND, decoded, need_columns, read_table
from calibration.readers.workbooks import SheetTable, Workbook, tidy

SOURCE, UNIT = "iea", "kt"
BLOCK = re.compile(r"(.+?) [-–] ([A-Za-z ]+?)(?: \(.*\))?")
TOTALS = ("total", "total supply", "total clean technologies")  # the last is how one block of the 2025 edition names its total
DERIVED = re.compile(r"top 3 share|share of", re.IGNORECASE)
FLAT = ["Pillar", "Mineral", "Sector.Country", "Scenario"]
NOTE = "lithium as Li, magnet rare earths as metal"
Entry = tuple[str, str, str, str, str, object, str]  # mineral, stage, country or nothing, scenario or nothing, year, value, where


def read(path: Path, findings: Findings, options: Options) -> list[Record]:
    """Supply by country and demand by use, in kt of the mineral."""
    readers = {".json": _json, ".csv": _flat}
    entries = list(readers.get(path.suffix.lower(), _workbook)(path, findings))
    supply = [entry[4] for entry in entries if entry[2]]
    base, records = min(supply, default=min((entry[4] for entry in entries), default="")), []
    for name, stage, place, scenario, year, value, where in entries:
        named = mineral(name.partition("(")[0])
        if not options.wants(named):
            continue
        statistic = "production" if place else "consumption"
        found = country("World" if place.lower() in TOTALS else place, where, findings) if place else None
        cell = read_cell("" if value is None else value, SOURCE, statistic, where, findings)
        if cell is None or (place and found is None):
            continue
        projected = year != base
        if projected:
            cell = cell.also("estimated", "projection")
            statistic = f"{statistic}, {scenario or 'base case'}"
        row = Row(SOURCE, options.edition or f"IEA base year {base}", named, stage, found.country if found else WORLD)
        records.append(row.record(statistic, year, UNIT, cell, where))
    return records


def _json(path: Path, findings: Findings) -> Iterator[Entry]:
    try:
        data = json.loads(decoded(path))
    except json.JSONDecodeError as exc:
        raise CannotRead("E313", f"{path.name}, line {exc.lineno}", exc.msg, "JSON", MEND) from exc
    if not isinstance(data, dict) or not {"totalDemand", "supply"} <= set(data):
        findings.error("E301", path.name, ", ".join(data) if isinstance(data, dict) else "a list", "the keys totalDemand and supply")
        return
    for key in sorted(set(data) - {"totalDemand", "supply", "source"}):
        findings.warn("W304", f"{path.name}, {key}", "not read", "the keys totalDemand and supply")
    for name, stages in data["supply"].items():
        for stage, block in stages.items():
            for place, values in {**block["countries"], "Total": block["total"]}.items():
                if all(value is None for value in values.values()) and label_place(place) is None:
                    continue  # a footnote that the copy took for a country
                for year, value in values.items():
                    yield name, stage, place, "", year, value, f"{path.name}, supply.{name}.{stage}.{place}.{year}"
    for name, block in data["totalDemand"].items():
        uses: Mapping[str, Any] = {**block["sectors"], "Other uses": block["otherUses"], "Total demand": block["totalDemand"]}
        for use, values in uses.items():
            where = f"{path.name}, totalDemand.{name}.{use}"
            for year, value in values.items():
                if isinstance(value, dict):
                    for later, number in value.items():
                        yield name, use, "", year, later, number, f"{where}.{year}.{later}"
                else:
                    yield name, use, "", "", year, value, f"{where}.{year}"


def _flat(path: Path, findings: Findings) -> Iterator[Entry]:
    table = read_table(path, findings)
    years = [(h, h[1:]) for h in table.header if re.fullmatch(r"X(?:19|20)\d\d", h)]
    if not need_columns(path.name, table.header, FLAT, findings) or not years:
        return
    for line, row in table.dicts():
        pillar, label = row["Pillar"].strip(), row["Sector.Country"].strip()
        if DERIVED.search(label):
            continue
        demand = "demand" in pillar.lower()
        if not demand and not re.search(r"mining|refining|supply", pillar, re.IGNORECASE):
            findings.error("E301", table.where(line, "Pillar"), pillar, "demand, mining or refining")
            continue
        stage = label if demand else re.sub(r"^supply\W*", "", pillar, flags=re.IGNORECASE).lower()
        for name, year in years:
            yield row["Mineral"], stage, "" if demand else label, row["Scenario"], year, row[name], table.where(line, name)


def _workbook(path: Path, findings: Findings) -> Iterator[Entry]:
    book = Workbook(path)
    supply = [n for n in book.names if re.search(r"supply for key minerals", n, re.IGNORECASE)]
    demand = [n for n in book.names if re.search(r"demand for key minerals", n, re.IGNORECASE)]
    if not supply or not demand:
        findings.error("E309", path.name, "sheets " + ", ".join(book.names), "sheets of total demand and of total supply for key minerals",
                       "is it another file of this publisher?")
    for name in book.names:
        if name not in (*supply, *demand):
            findings.warn("W304", f"{path.name}, sheet {name!r}", "not read", "the sheets of total supply and demand")
    for name in (*supply, *demand):
        if not any(re.search(r"\bkt\b|thousand tonnes", tidy(cell)) for row in book.rows[name] for cell in row):
            findings.error("E316", f"{path.name}, sheet {name!r}", "no unit", "kt in the title or the notes")
        book.check(SheetTable(path.name, name, [], 1, [], []), findings)
    for name in supply:
        yield from _supply(path.name, name, book.rows[name])
    for name in demand:
        yield from _demand(path.name, name, book.rows[name], findings)


def _supply(file: str, sheet: str, rows: Sequence[Sequence[Any]]) -> Iterator[Entry]:
    blocks = [(r, c, m) for r, row in enumerate(rows) for c, cell in enumerate(row) if (m := BLOCK.fullmatch(tidy(cell)))]
    for top, left, match in blocks:
        end = min((r for r, c, _ in blocks if c == left and r > top), default=len(rows))
        years = _years(rows, top, left)
        for r in range(top + 1, end):
            label = tidy(rows[r][left]) if left < len(rows[r]) else ""
            if not label or DERIVED.search(label) or not any(tidy(rows[r][c]) for c in years if c < len(rows[r])):
                continue
            for c, year in years.items():
                yield match[1], match[2].lower(), label, "", year, rows[r][c], f"{file}, sheet {sheet!r}, row {r + 1}, column {year}"


def _years(rows: Sequence[Sequence[Any]], top: int, left: int) -> dict[int, str]:
    """Years right of a block's name: in its row, in the next one, or in the nearest row above."""
    for r in (top, top + 1, *range(top - 1, -1, -1)):
        found = {}
        for c in range(left + 1, len(rows[r]) if r < len(rows) else 0):
            if not re.fullmatch(r"20\d\d", tidy(rows[r][c])):
                break
            found[c] = tidy(rows[r][c])
        if len(found) > 1:
            return found
    return {}


def _demand(file: str, sheet: str, rows: Sequence[Sequence[Any]], findings: Findings) -> Iterator[Entry]:
    top = next((r for r, row in enumerate(rows) if sum(bool(re.fullmatch(r"20\d\d", tidy(c))) for c in row) > 3), None)
    if top is None:
        findings.error("E301", f"{file}, sheet {sheet!r}", "no row of years", "base year and scenario years in one row")
        return
    scenario, columns = "", {}
    for c, cell in enumerate(rows[top]):
        scenario = tidy(rows[top - 1][c]) or scenario if top and c < len(rows[top - 1]) else scenario
        if re.fullmatch(r"20\d\d", tidy(cell)):
            columns[c] = (scenario, tidy(cell))
    name = ""
    for r, row in enumerate(rows[top + 1:], top + 1):
        label = tidy(row[0])
        if not label or DERIVED.search(label):
            continue
        if not any(tidy(row[c]) for c in columns if c < len(row)):
            name = "" if label.lower().startswith("note") else label
            continue
        for c, (case, year) in columns.items():
            if name:
                yield name, label, "", case, year, row[c], f"{file}, sheet {sheet!r}, row {r + 1}, column {case} {year}".replace("  ", " ")
