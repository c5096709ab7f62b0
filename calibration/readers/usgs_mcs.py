"""USGS Mineral Commodity Summaries 2022 to 2026: which of the five layouts a file has, and its records."""

from __future__ import annotations

import re
from pathlib import Path

from calibration.readers import usgs_mcs_long, usgs_mcs_tables
from calibration.readers.findings import Findings
from calibration.readers.labels import mineral
from calibration.readers.long_table import Record
from calibration.readers.reading import Options
from calibration.readers.text_files import need_columns, read_table

NAME = re.compile(r"mcs\s*(20\d\d)-?([a-z]+(?:-[a-z]+)*)_(world|salient)", re.IGNORECASE)
YEAR = re.compile(r"mcs[ _]?(20\d\d)", re.IGNORECASE)
WORLD, SALIENT = ["Source", "Country", "Type"], ["DataSource", "Commodity", "Year"]


def read(path: Path, findings: Findings, options: Options) -> list[Record]:
    """Records of a world table, a table of salient statistics, or one of the files of all minerals (2025, 2026)."""
    start = path.read_bytes()[:60].decode("utf-8", "replace").lstrip("\ufeff")
    long = start.startswith("MCS chapter")
    table = read_table(path, findings, ("utf-8-sig", "cp1252") if long else ("utf-8-sig",))
    in_name, year = NAME.search(path.name), YEAR.search(path.name)
    if long:
        edition = options.edition or (f"MCS{year[1]}" if year else "")
        if not edition:
            findings.error("E317", path.name, "no edition in the file name", "MCS and a year in the name", "or --edition MCS2026")
            return []
        return usgs_mcs_long.read_2026(table, edition, findings, options)
    if "UNIT_MEAS" in table.header:
        return usgs_mcs_long.read_2025(table, findings, options)
    kind = "salient" if "DataSource" in table.header else "world"
    if in_name and in_name[3].lower() != kind:
        findings.error("E301", f"{path.name}, row 1", ",".join(table.header[:4]), f"a {in_name[3].lower()} table, as the file name says",
                       f"this is a {kind} table: the publisher's release holds copies of the wrong table; take the figures from "
                       "another edition")
        return []
    if not need_columns(path.name, table.header, SALIENT if kind == "salient" else WORLD, findings):
        return []
    named = mineral(options.mineral or (in_name[2] if in_name else ""))
    if kind == "salient":
        return usgs_mcs_tables.read_salient(table, named, in_name[1] if in_name else "", findings)
    if not named:
        findings.error("E317", path.name, "no mineral in the file name", "a name such as mcs2023-cobal_world.csv", "or --mineral NAME")
        return []
    return usgs_mcs_tables.read_world(table, named, in_name[1] if in_name else "", findings)
