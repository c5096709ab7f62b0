"""USGS Mineral Commodity Summaries 2022 to 2024: a world table and a table of US salient statistics for each mineral.

Units stand in the names of columns (`Prod_kt_est_2022`), and so do years and the word for an estimate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from calibration.readers.cells import BLANKS, Cell, joined, legend
from calibration.readers.findings import Findings
from calibration.readers.labels import country, erratum, known_minerals, mineral, mineral_words, unit
from calibration.readers.labels import table as label_table
from calibration.readers.long_table import Record
from calibration.readers.reading import Row, check_price, read_cell
from calibration.readers.text_files import TextTable
from floormodel.errors import did_you_mean

SOURCE = "usgs-mcs"
WORLD = {"prod": "production", "cap": "capacity", "reserves": "reserves", "reserve": "reserves"}
SALIENT = {"usprod": "production", "prod": "production", "mine": "production", "refinery": "production", "imports": "imports",
           "exports": "exports", "consump": "consumption", "apparent": "consumption", "price": "price", "stocks": "stocks",
           "stock": "stocks", "nir": "net_import_reliance", "shipments": "shipments", "supply": "supply", "employment": "employment",
           "sales": "sales", "recycling": "recycling", "recycled": "recycling", "sold": "sales", "value": "value"}
NOTES = re.compile(r"(prod|cap|reserves?)_notes?", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """What the name of a column says."""

    name: str
    statistic: str
    stage: str
    unit: str
    period: str
    estimated: bool
    note: str


def edition_of(table: TextTable, column: str, year: str, findings: Findings) -> str:
    """The one edition of a table, the same as in the file's name."""
    found = sorted({row[column].replace(" ", "") for _, row in table.dicts()})
    if len(found) != 1 or not re.fullmatch(r"MCS20\d\d", found[0]) or (year and found[0] != f"MCS{year}"):
        findings.error("E301", f"{table.name}, column {column}", ", ".join(found), f"MCS{year or ' and one year'} in every row",
                       "tables of several editions in one file, or of another than the name says")
        return ""
    return found[0]


def read_world(table: TextTable, named: str, year: str, findings: Findings) -> list[Record]:
    """Records of a world table: production, capacity and reserves by country."""
    edition = edition_of(table, "Source", year, findings)
    check_mineral(table, named, (row["Type"] for _, row in table.dicts()), findings)
    columns = [c for name in table.header if (c := _world_column(table, name, edition, named, findings))]
    check_years(table, edition, columns, findings)
    records = []
    for line, row in table.dicts():
        place = country(row["Country"], table.where(line, "Country"), findings, glued=True)
        if place is None or not edition:
            continue
        notes = {WORLD[m[1].lower()]: row[h] for h in table.header if (m := NOTES.fullmatch(h))}
        base = Row(SOURCE, edition, named, tidy_stage(row["Type"]), place.country, note=place.note)
        for column in columns:
            where = table.where(line, column.name)
            cell = value_with_note(row[column.name], notes.get(column.statistic, ""), column, where, findings)
            if cell:
                records.append(base.record(column.statistic, column.period, column.unit,
                                           marked(cell.also(place.flag), row["Type"], place.note), where, column.note))
    return without_blank_columns(records)


def read_salient(table: TextTable, named: str, year: str, findings: Findings) -> list[Record]:
    """Records of a table of salient statistics of the United States, a year a row."""
    edition = edition_of(table, "DataSource", year, findings)
    named = named or mineral(table.rows[0][1][table.header.index("Commodity")])
    check_mineral(table, named, (row["Commodity"] for _, row in table.dicts()), findings)
    columns = [c for name in table.header[3:] if (c := _salient_column(table, name, edition, named, findings))]
    records = []
    for line, row in table.dicts():
        period = row["Year"].strip()
        if not re.fullmatch(r"\d{4}", period):
            findings.error("E304", table.where(line, "Year"), row["Year"], "a year")
            continue
        for column in columns:
            where = table.where(line, column.name)
            cell = read_cell(row[column.name], SOURCE, column.statistic, where, findings)
            if cell is None or not edition:
                continue
            if column.statistic == "price":
                check_price(column.unit, cell, where, findings)
            if int(period) == int(edition[3:]) - 1 and cell.flag == "reported":
                cell = cell.also("estimated", "the last year of an edition is an estimate")
            records.append(Row(SOURCE, edition, named, column.stage, "USA").record(column.statistic, period, column.unit, cell, where,
                                                                                 column.note))
    return records


def value_with_note(raw: str, note: str, column: Column, where: str, findings: Findings) -> Cell | None:
    """A cell with what the note beside it says: a mark in place of the number, an estimate, a revision."""
    if not raw.strip(BLANKS) and note.strip(BLANKS) in legend(SOURCE, "cell"):
        raw, note = note, ""
    cell = read_cell(raw, SOURCE, column.statistic, where, findings)
    if cell is None:
        return None
    if column.estimated or says_estimated(note, column.period) or (column.statistic == "capacity" and re.match(r"estimated\b", note, re.I)):
        cell = cell.also("estimated")
    if column.statistic != "production" and re.search(r"\brevised\b", note, re.IGNORECASE):
        cell = cell.also("revised")
    return cell.also("reported", note)


def says_estimated(note: str, year: str) -> bool:
    """Does a sentence of the note speak of this year and of an estimate?"""
    sentences = re.split(r"\.\s", note)
    return any(year in s and re.search(r"\bestimated\b", s, re.IGNORECASE) for s in sentences) if year else False


def marked(cell: Cell, stage: str, name_note: str) -> Cell:
    """The cell with what the row's own words say of it: an estimate in the stage, a rounded total."""
    if re.search(r"\bestimated\b", stage, re.IGNORECASE):
        cell = cell.also("estimated")
    return cell.also("rounded") if "rounded" in name_note else cell


def tidy_stage(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def without_blank_columns(records: list[Record]) -> list[Record]:
    """The records without statistics that are blank for every country of a stage; production stays where all are blank."""
    given = {(r.mineral, r.stage, r.statistic, r.period) for r in records if not r.note.startswith("blank cell")}
    stages = {key[:2] for key in given}
    return [r for r in records if (r.mineral, r.stage, r.statistic, r.period) in given
            or (r.statistic == "production" and (r.mineral, r.stage) not in stages)]


def check_mineral(table: TextTable, named: str, texts: Iterable[str], findings: Findings) -> None:
    """A table that speaks of another mineral and not of its own is a copy of the wrong one."""
    text = " ".join(dict.fromkeys(texts)).lower()

    def speaks_of(name: str) -> bool:
        return any(re.search(rf"\b{re.escape(word)}", text) for word in mineral_words(name))

    others = [m for m in known_minerals() if m != named and speaks_of(m)]
    if others and not speaks_of(named) and named in known_minerals():
        findings.error("E301", table.name, f"a table of {', '.join(others)}", f"a table of {named}",
                       "the publisher's release holds copies of the wrong table; take the figures from another edition")


def check_years(table: TextTable, edition: str, columns: list[Column], findings: Findings) -> None:
    """An edition gives the two years before it; other years are suspect."""
    years = {c.period for c in columns if c.statistic == "production"}
    expected = {str(int(edition[3:]) - n) for n in (1, 2)} if edition else years
    for year in sorted(years - expected):
        findings.warn("W302", f"{table.name}, row 1", f"production of {year} in {edition}", " and ".join(sorted(expected)),
                      "check the edition")


def _world_column(table: TextTable, name: str, edition: str, named: str, findings: Findings) -> Column | None:
    reading, note = erratum(edition, named, "column", name)
    tokens = reading.split("_")
    if name in ("Source", "Country", "Type") or NOTES.fullmatch(name):
        return None
    statistic = WORLD.get(tokens[0].lower())
    if statistic is None:
        findings.error("E301", table.where(1, name or "without name"), name or "values under no name",
                       "Prod_, Cap_ or Reserves_ with unit and year",
                       did_you_mean(name, ["Prod_t_2022", "Cap_t_2022", "Reserves_t", "Prod_notes"]))
        return None
    period = next((t for t in tokens[1:] if re.fullmatch(r"\d{4}", t)), "")
    estimated = any(t.lower() in ("est", "e") for t in tokens[1:])
    rest = [t for t in tokens[1:] if t != period and t.lower() not in ("est", "e")]
    if not period and statistic == "reserves" and edition:
        period, note = str(int(edition[3:]) - 1), joined(note, "no year in the file: the year before the edition, as in later editions")
    if not period:
        findings.error("E301", table.where(1, name), name, "a year in the name of the column")
        return None
    measure = _unit_of(table, name, rest, findings)
    return Column(name, statistic, "", measure, period, estimated, note) if measure else None


def _salient_column(table: TextTable, name: str, edition: str, named: str, findings: Findings) -> Column | None:
    reading, note = erratum(edition, named, "column", name)
    tokens = reading.split("_")
    at = next((i for i in (0, 1) if i < len(tokens) and tokens[i].lower() in SALIENT), None)
    if at is None:
        findings.error("E301", table.where(1, name or "without name"), name or "values under no name",
                       "a statistic in the name of the column", did_you_mean(tokens[0].lower(), SALIENT))
        return None
    kept = [t for i, t in enumerate(tokens[:-1]) if i != at or t.lower() in ("mine", "refinery", "apparent")]
    measure = _unit_of(table, name, tokens[-1:], findings)
    stage = " ".join(kept).strip()
    return Column(name, SALIENT[tokens[at].lower()], stage, measure, "", False, note) if measure else None


def _unit_of(table: TextTable, name: str, tokens: list[str], findings: Findings) -> str | None:
    known = {row["published"] for row in label_table("units.csv")} | {row["unit"] for row in label_table("units.csv")}
    for token in tokens:
        if token in known:
            return unit(token, table.where(1, name), findings)
    findings.error("E316", table.where(1, name), name, "a unit in the name of the column, as in Prod_kt_2022",
                   "a row of calibration/readers/errata.csv can give it")
    return None


