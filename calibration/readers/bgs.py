"""BGS World Mineral Statistics as the OGC API gives them: a CSV row per country, commodity and year."""

from __future__ import annotations

import re
from pathlib import Path

from calibration.readers.cells import Cell, joined
from calibration.readers.findings import Findings
from calibration.readers.labels import country, mineral, unit
from calibration.readers.labels import place as label_place
from calibration.readers.long_table import NAN, Record
from calibration.readers.reading import Options, Row, read_cell
from calibration.readers.text_files import need_columns, read_table

SOURCE = "bgs"
COLUMNS = ["country_trans", "country_iso3_code", "year", "bgs_commodity_trans", "bgs_sub_commodity_trans", "bgs_statistic_type_trans",
           "units", "quantity", "data_precision_description", "concat_figure_notes_text"]
STATISTIC = {"production": "production", "imports": "imports", "exports": "exports"}
CONTENT = re.compile(r"\b([A-Z][A-Za-z0-9]{0,7}) content\b")
LESS = re.compile(r"less than half", re.IGNORECASE)


def read(path: Path, findings: Findings, options: Options) -> list[Record]:
    """One record a row. A note such as `Li content.` becomes part of the unit, so that content is not added to gross weight."""
    table = read_table(path, findings)
    if not need_columns(path.name, table.header, COLUMNS, findings):
        return []
    records = []
    for line, row in table.dicts():
        name, _, stage = row["bgs_commodity_trans"].partition(",")
        named = mineral(name)
        if not options.wants(named) and not options.wants(named.split(" ")[0]):
            continue
        place = country(row["country_trans"], table.where(line, "country_trans"), findings)
        measure = unit(row["units"], table.where(line, "units"), findings)
        statistic = STATISTIC.get(row["bgs_statistic_type_trans"].strip().lower())
        if statistic is None:
            findings.error("E301", table.where(line, "bgs_statistic_type_trans"), row["bgs_statistic_type_trans"], ", ".join(STATISTIC))
        code = label_place(row["country_iso3_code"])
        if place and row["country_iso3_code"] and (code is None or code.country != place.country):
            findings.error("E308", table.where(line, "country_iso3_code"), f"{row['country_iso3_code']} beside {row['country_trans']}",
                           place.country, "name and code of one country")
        if not re.match(r"\d{4}-01-01", row["year"]):
            findings.error("E304", table.where(line, "year"), row["year"], "a year as 2006-01-01 00:00:00")
            continue
        cell = _cell(row, table.where(line, "quantity"), findings)
        if not (place and measure and statistic and cell):
            continue
        content = CONTENT.search(row["concat_figure_notes_text"])
        base = Row(SOURCE, options.edition or "OGC API", named, joined(stage, row["bgs_sub_commodity_trans"]).replace("; ", ", "),
                   place.country, note=joined(place.note, row["concat_figure_notes_text"].replace("|", " ")))
        records.append(base.record(statistic, row["year"][:4], f"{measure} {content[0]}" if content else measure, cell,
                                   table.where(line, "quantity")))
    return records


def _cell(row: dict[str, str], where: str, findings: Findings) -> Cell | None:
    """The quantity with what the row says of its precision; an empty one is not available, nil or under half a unit."""
    text, said = row["quantity"].strip(), row["data_precision_description"]
    if not text and LESS.search(said):
        return Cell(NAN, 0.0, 0.5, "bounded", said)
    if not text and said.lower().startswith("nil"):
        return Cell(0.0, NAN, NAN, "nil", said)
    cell = read_cell(row["quantity"], SOURCE, "production", where, findings)
    if cell is None:
        return None
    if said.lower().startswith("nil"):
        if cell.value != 0:
            findings.error("E303", where, f"{text} beside {said!r}", "0 or nothing", "number and description contradict each other")
            return None
        return Cell(0.0, NAN, NAN, "nil", said)
    if re.search(r"\bestimates?\b", row["concat_figure_notes_text"], re.IGNORECASE):
        cell = cell.also("estimated")
    return cell.also("reported", said)
