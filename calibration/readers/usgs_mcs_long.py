"""USGS Mineral Commodity Summaries 2025 (one world table) and 2026 (one long table of all statistics)."""

from __future__ import annotations

import re

from calibration.readers.cells import joined
from calibration.readers.findings import Findings
from calibration.readers.labels import country, erratum, mineral, plain, unit
from calibration.readers.long_table import Record
from calibration.readers.reading import Options, Row, check_price, period_text, read_cell
from calibration.readers.text_files import TextTable, need_columns
from calibration.readers.usgs_mcs_tables import SOURCE, Column, edition_of, marked, tidy_stage, value_with_note, without_blank_columns

WIDE = ["SOURCE", "COMMODITY", "COUNTRY", "TYPE", "UNIT_MEAS"]
VALUE = re.compile(r"(PROD|CAP|RESERVES)_(EST_ ?)?(\d{4})")
NOTE = {"production": "PROD_NOTES", "capacity": "CAP_NOTES", "reserves": "RESERVE_NOTES"}
STATISTIC = {"PROD": "production", "CAP": "capacity", "RESERVES": "reserves"}
LONG = ["MCS chapter", "Section", "Commodity", "Country", "Statistics", "Statistics_detail", "Unit", "Year", "Value", "Notes",
        "Other notes"]
NAMED = {"import": "imports", "export": "exports", "stock": "stocks", "net import reliance": "net_import_reliance"}
BASIS = re.compile(r"\(Data in [^,()]+, ([^()]+?), unless otherwise specified\)")


def read_2025(table: TextTable, findings: Findings, options: Options) -> list[Record]:
    """Records of the one world table of the edition of 2025."""
    if not need_columns(table.name, table.header, [*WIDE, *NOTE.values()], findings):
        return []
    edition = edition_of(table, "SOURCE", "", findings)
    columns = [(h, m) for h in table.header if (m := VALUE.fullmatch(h))]
    for name in table.header:
        if name not in [*WIDE, *NOTE.values()] and not VALUE.fullmatch(name):
            findings.error("E301", table.where(1, name), name, "PROD_, CAP_ or RESERVES_ with a year")
    records = []
    for line, row in table.dicts():
        named, spelling = erratum(edition, "germanium", "mineral", plain(row["COMMODITY"]))
        named = mineral(named)
        if not edition or not options.wants(named):
            continue
        place = country(row["COUNTRY"], table.where(line, "COUNTRY"), findings, glued=True)
        text, unit_note = erratum(edition, named, "unit", row["UNIT_MEAS"].strip())
        measure = unit(text, table.where(line, "UNIT_MEAS"), findings)
        stage, stage_note = erratum(edition, named, "stage", tidy_stage(row["TYPE"]))
        if place is None or measure is None:
            continue
        note = joined(place.note, spelling, unit_note, stage_note)
        base = Row(SOURCE, edition, named, stage, place.country, note=note)
        for name, match in columns:
            statistic, where = STATISTIC[match[1]], table.where(line, name)
            column = Column(name, statistic, "", measure, match[3], bool(match[2]), "")
            cell = value_with_note(row[name], row[NOTE[statistic]], column, where, findings)
            if cell:
                records.append(base.record(statistic, match[3], measure, marked(cell.also(place.flag), stage, place.note), where))
    return without_blank_columns(records)


def read_2026(table: TextTable, edition: str, findings: Findings, options: Options) -> list[Record]:
    """Records of the one long table of the edition of 2026: production, trade, prices, stocks, reserves."""
    if not need_columns(table.name, table.header, LONG, findings):
        return []
    records = []
    for line, row in table.dicts():
        named = mineral(row["Commodity"])
        if not options.wants(named):
            continue
        place = country(row["Country"], table.where(line, "Country"), findings, glued=True)
        measure = unit(row["Unit"], table.where(line, "Unit"), findings)
        where, statistic = table.where(line, "Value"), plain(row["Statistics"])
        shares = statistic.startswith("import sources")
        statistic = "import_share" if shares else NAMED.get(statistic, statistic)
        cell = read_cell(row["Value"], SOURCE, statistic, where, findings)
        if place is None or measure is None or cell is None:
            continue
        stage = re.sub(r"[:,] rounded$", "", row["Statistics_detail"].strip())
        if statistic == "price":
            check_price(measure, cell, where, findings)
        if re.match(r"\s*estimated\b", row["Notes"], re.IGNORECASE):
            cell = cell.also("estimated")
        if re.search(r"\brevised\b", row["Notes"], re.IGNORECASE):
            cell = cell.also("revised")
        if stage != row["Statistics_detail"].strip():
            cell = cell.also("rounded")
        gross = "gross weight" in (row["Notes"] + stage).lower()
        basis = BASIS.search(row["Other notes"])
        revision = row["Other notes"].partition(" -- ")[2]
        note = joined(place.note, row["Notes"], f"basis: {basis[1]}" if basis and not gross else "", revision)
        base = Row(SOURCE, edition, named, tidy_stage(stage), "USA" if shares else place.country,
                   place.country if shares else "", note=note)
        records.append(base.record(statistic, period_text(row["Year"]), measure, cell.also(place.flag), where))
    return records
