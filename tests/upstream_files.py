"""Small files in the layouts of the agencies, written by the tests of the readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from calibration.readers.importing import read_files
from calibration.readers.long_table import Record
from calibration.readers.reading import Options
from floormodel.errors import DataError, Fault

COBALT = """Source,Country,Type,Prod_t_2021,Prod_t_est_2022,Prod_notes,Reserves_t,Reserves_notes
MCS2023,United States,"Mine production, contained cobalt",650,800,Production in 2021 is also estimated,69000,
MCS2023,Congo (Kinshasa),"Mine production, contained cobalt",119000,"130,000",,4000000,
MCS2023,Other countries,"Mine production, contained cobalt",45350,59200,,>400000,
MCS2023,World total (rounded),"Mine production, contained cobalt",165000,190000,,4500000,
"""
LONG_HEADER = ("MCS chapter,Section,Commodity,Country,Statistics,Statistics_detail,Unit,Year,Value,Notes,Is critical mineral 2025,"
               "Other notes\n")
BGS_COLUMNS = ["year", "country_trans", "country_iso2_code", "country_iso3_code", "bgs_commodity_trans", "bgs_sub_commodity_trans",
               "bgs_statistic_type_trans", "units", "quantity", "data_precision_description", "concat_figure_notes_text"]
Sheets = dict[str, list[list[object]]]


def text_file(folder: Path, name: str, text: str, encoding: str = "utf-8-sig", line_end: str = "\r\n") -> Path:
    path = folder / name
    path.write_bytes(text.replace("\n", line_end).encode(encoding))
    return path


def world(folder: Path, *changes: tuple[str, str], name: str = "mcs2023-cobal_world.csv") -> Path:
    """The world table of cobalt of 2023 with some of its text changed."""
    text = COBALT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text_file(folder, name, text)


def workbook(folder: Path, name: str, sheets: Sheets, hidden: Sequence[str] = (), merged: Sequence[tuple[str, str]] = (),
             formulas: Sequence[tuple[str, str]] = ()) -> Path:
    """A workbook; `merged` are (sheet, range), `formulas` (sheet, cell) without a stored result."""
    xlsxwriter = pytest.importorskip("xlsxwriter")
    path = folder / name
    book = xlsxwriter.Workbook(str(path))
    for title, rows in sheets.items():
        sheet = book.add_worksheet(title)
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if cell is not None:
                    sheet.write(r, c, cell)
        for where, area in merged:
            if where == title:
                sheet.merge_range(area, "")
        for where, cell in formulas:
            if where == title:
                sheet.write_formula(cell, "=1+1", value="")
        if title in hidden:
            sheet.hide()
    book.close()
    return path


def records(source: str, *files: Path, **options: object) -> list[Record]:
    return read_files(source, files, Options(**options))[0]  # type: ignore[arg-type]


def warnings(source: str, *files: Path) -> list[Fault]:
    return read_files(source, files)[1]


def refusal(source: str, *files: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        records(source, *files, **options)
    return str(caught.value)


def one(rows: list[Record], **wanted: str) -> Record:
    """The one record with these columns."""
    found = [r for r in rows if all(getattr(r, name) == value for name, value in wanted.items())]
    assert len(found) == 1, (wanted, [r.row() for r in found])
    return found[0]


def bgs_row(**cells: str) -> str:
    """A row of the BGS layout: cobalt mined in Namibia in 2020 unless said otherwise."""
    row = {"year": "2020-01-01 00:00:00", "country_trans": "Namibia", "country_iso2_code": "NA", "country_iso3_code": "NAM",
           "bgs_commodity_trans": "cobalt, mine", "bgs_statistic_type_trans": "Production", "units": "tonnes (metric)", "quantity": "5"}
    return ",".join(f'"{(row | cells).get(c, "")}"' for c in BGS_COLUMNS) + "\n"


def bgs_file(folder: Path, *rows: str) -> Path:
    return text_file(folder, "bgs.csv", ",".join(BGS_COLUMNS) + "\n" + "".join(rows))


def ds140(folder: Path, name: str = "ds140.xlsx", **changes: object) -> Path:
    """Two years of lithium: a withheld and an estimated production, prices nominal and of 1998."""
    rows: list[list[object]] = [
        ["LITHIUM STATISTICS1"], ["U.S. GEOLOGICAL SURVEY"], ["[All values in metric tons (t) lithium unless otherwise noted]"],
        ["Last modification: August 2, 2023"],
        ["Year", "Production", "Imports", "Unit value ($/t)", "Unit value (98$/t)", "World production (gross weight)"],
        [2020, "W", 2460, 6400, 4030, "NA"], [2021, "e290", 2640, 6200, 3730, 2400000],
        ["NA Not available. W Withheld to avoid disclosing company proprietary data."]]
    for cell, value in changes.items():
        rows[int(cell[1:])]["ABCDEF".index(cell[0])] = value
    return workbook(folder, name, {"Lithium statistics": rows})


def pink_sheet(folder: Path, name: str = "CMO-Historical-Data-Monthly.xlsx", nominal: str = "monthly prices in nominal US dollars",
               units: Sequence[str] = ("($/mt)", "($/troy oz)", "($/mt)", "(2010=100)")) -> Path:
    rows: list[list[object]] = [["World Bank Commodity Price Data (The Pink Sheet)"], [nominal], ["Updated on December 02, 2025"],
                                [None, "Aluminum", "Gold", "Copper **", "Metals index"], [None, *units], [None, "ALU", "GOLD", "CU", "I"],
                                ["1960M01", 512.5, 35.27, 678.2, 9.1], ["1960M02", "…", 35.27, 680.0, 9.2]]
    return workbook(folder, name, {"AFOSHEET": [[None]], "Monthly Prices": rows})


def iea_workbook(folder: Path) -> Path:
    supply: list[list[object]] = [
        ["Supply for key minerals (kt)"], [], ["Cobalt - Mining", 2024, 2030, None, None, None, "Cobalt - Refining", 2024, 2030],
        ["Democratic Republic of the Congo", 198, 193, None, None, None, "China", 183, 210],
        ["Indonesia", 25, 60, None, None, None, "Finland", 18, 20], [None],
        ["Rest of world", 36, 31, None, None, None, "Rest of world", 21, 31],
        ["Total", 259, 284, None, None, None, "Total clean technologies", 222, 261],
        ["Top 3 share", 0.9, 0.9, None, None, None, "Top 3 share", 0.9, 0.9]]
    demand: list[list[object]] = [
        ["Demand for key minerals (kt)"], [None, None, None, "Stated policies scenario", None, None, None, "Net zero"],
        [None, 2024, None, 2030, 2040, None, None, 2030, 2040], ["Cobalt"],
        ["Electric vehicles", 60, None, 100, 120, None, None, 150, 200], ["Share of clean technologies", 0.3, None, 0.4]]
    return workbook(folder, "CM_Data_Explorer.xlsx", {
        "Read me": [["Notes"]], "1 Total demand for key minerals": demand, "2 Total supply for key minerals": supply})


def dataweb(folder: Path, hts: object = "2605000000", rows: int = 2, **more: Sequence[list[object]]) -> Path:
    head = ["Data Type", "Country", "HTS Number", "Description", "Quantity Description", "2023", "2024", "2025"]
    value: list[list[object]] = [["Customs Value by year"], ["Data Row Count", rows], list(head),
                                 ["Customs Value", "Congo (DROC)", hts, "Cobalt ores", "Value for: kilograms", 1000, 2000, 0],
                                 ["Customs Value", "Canada", "8105206000", "Cobalt", "Value for: kilograms", 500, 0, 0]]
    first: list[list[object]] = [["First Unit of Quantity by year"], ["Data Row Count", rows], [*head, "2024_Suppressed"],
                                 ["First Unit of Quantity", "Congo (DROC)", hts, "Cobalt ores", "kilograms", 100, 190, 0, 0],
                                 ["First Unit of Quantity", "Canada", "8105206000", "Cobalt", "kilograms", 20, 7, 0, 3]]
    query: list[list[object]] = [["Step 1"], ["Download Date", "2025-03-02"]]
    return workbook(folder, "us_imports.xlsx", {"Query Parameters": query, "Customs Value": value, "Customs Value YTD": value,
                                                "First Unit of Quantity": first, **{k: list(v) for k, v in more.items()}})
