"""The readers of upstream files: each layout gives the numbers that stand in it, with their flags."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.upstream_files import (
    COBALT,
    LONG_HEADER,
    bgs_file,
    bgs_row,
    dataweb,
    ds140,
    iea_workbook,
    one,
    pink_sheet,
    records,
    refusal,
    text_file,
    warnings,
    workbook,
)


def test_mcs_world_table_of_2023(tmp_path: Path) -> None:
    rows = records("usgs-mcs", text_file(tmp_path, "mcs2023-cobal_world.csv", COBALT))
    assert len(rows) == 4 * 3 and {(r.edition, r.mineral, r.unit) for r in rows} == {("MCS2023", "cobalt", "t")}
    congo = one(rows, country="COD", statistic="production", period="2022")
    assert (congo.value, congo.flag, congo.stage) == (130000, "estimated", "Mine production, contained cobalt")
    assert one(rows, country="COD", statistic="production", period="2021").flag == "reported"
    assert one(rows, country="USA", statistic="production", period="2021").flag == "estimated"  # its note says so
    rest = one(rows, country="OTH", statistic="reserves", period="2022")
    assert math.isnan(rest.value) and (rest.low, rest.flag) == (400000, "bounded")
    total = one(rows, country="WLD", statistic="production", period="2021")
    assert (total.value, total.flag) == (165000, "rounded")


def test_mcs_tables_of_2022_and_2024_with_footnotes_at_names_and_empty_columns(tmp_path: Path) -> None:
    old = text_file(tmp_path, "cobalt_mcs2022-cobal_world.csv", "Source,Country,Type,Prod_t_2020,Prod_t_Est_2021\n"
                    'MCS2022,Australia,"Mine production, contained cobalt",5630,5600\n')
    assert one(records("usgs-mcs", old), period="2021").flag == "estimated"
    new = text_file(tmp_path, "mcs2024-galli_world.csv",
                    "Source,Country,Type,Prod_kg_2022,Prod_kg_est_2023,Prod_notes,Cap_kg_2023,Cap_notes,\n"
                    "MCS 2024,United\u00a0States,Primary production,—,--,,W,,\n"
                    "MCS 2024,Japane,Primary production,3000,3000,,10000,revised based on company reports.,\n"
                    "MCS 2024,New Caledonia11,Primary production,NA,290000 7/,,\"88,000\",estimated,\n,,,,,,,,\n")
    rows = records("usgs-mcs", new)
    assert {r.edition for r in rows} == {"MCS2024"} and {r.unit for r in rows} == {"kg"}
    assert [one(rows, country="USA", period=y, statistic="production").flag for y in ("2022", "2023")] == ["nil", "nil"]
    assert one(rows, country="USA", period="2022", statistic="production").value == 0
    withheld = one(rows, country="USA", statistic="capacity")
    assert withheld.flag == "withheld" and math.isnan(withheld.value)
    assert one(rows, country="JPN", period="2022", statistic="production").flag == "estimated"  # the e glued to the name
    capacity = one(rows, country="JPN", statistic="capacity")
    assert capacity.flag == "estimated" and "revised" in capacity.note
    footnoted = one(rows, country="NCL", period="2023", statistic="production")
    assert (footnoted.value, "footnote 7" in footnoted.note, "footnote 11" in footnoted.note) == (290000, True, True)
    assert one(rows, country="NCL", statistic="capacity").flag == "estimated"


def test_mcs_salient_statistics_and_errata_of_an_edition(tmp_path: Path) -> None:
    path = text_file(tmp_path, "mcs2024-galli_salient.csv",
                     "DataSource,Commodity,Year,USprod_Primarykg,Exports_g,Consump_g,Price_High-puritydkg,NIR_pct,,,\n"
                     "MCS2024,Gallium,2022,0,NA,19700,560,>95,,,\nMCS2024,Gallium,2023,0,NA,19000,450,E,,,\n")
    rows = records("usgs-mcs", path)
    used = one(rows, statistic="consumption", period="2022")
    assert (used.value, used.unit, used.flag, used.country) == (19700, "kg", "reported", "USA") and "erratum" in used.note
    assert one(rows, statistic="consumption", period="2023").flag == "estimated"  # the last year of every edition
    price = one(rows, statistic="price", period="2022")
    assert (price.value, price.unit, price.stage) == (560, "USD/kg", "High-purity")
    assert one(rows, statistic="net_import_reliance", period="2022").low == 95
    exporter = one(rows, statistic="net_import_reliance", period="2023")
    assert (exporter.flag, exporter.high, exporter.note) == ("bounded", 0, "net exporter")


def test_mcs_salient_columns_that_begin_with_the_mineral(tmp_path: Path) -> None:
    path = text_file(tmp_path, "mcs2023-bauxi_salient.csv", "DataSource,Commodity,Year,Bauxite_Mine_kt,Bauxite_Price_dt,"
                     "Alumina_Refinery_kt,Alumina_Apparent_kt\nMCS2023,Bauxite and Alumina,2021,W,31,1180,2580\n")
    rows = records("usgs-mcs", path)
    assert one(rows, stage="Bauxite Mine").flag == "withheld"
    assert (one(rows, stage="Bauxite").statistic, one(rows, stage="Bauxite").unit) == ("price", "USD/t")
    assert (one(rows, stage="Alumina Refinery").value, one(rows, stage="Alumina Apparent").statistic) == (1180, "consumption")


def test_mcs_of_2025_has_marks_beside_the_numbers_and_errors_of_its_own(tmp_path: Path) -> None:
    path = text_file(tmp_path, "MCS2025_World_Data.csv", "SOURCE,COMMODITY,COUNTRY,TYPE,UNIT_MEAS,PROD_2023,PROD_EST_ 2024,PROD_NOTES,"
                     "CAP_2023,CAP_EST_ 2024,CAP_NOTES,RESERVES_2024,RESERVE_NOTES\n"
                     "MCS2025,Gemanium,China,Primary and secondary refinery production,kilograms,,,NA,,,,,\n"
                     'MCS2025,Cobalt,United States,"Mine production, estimated",metric tons,500,300,,,,,70000,\n'
                     'MCS2025,Cobalt,New Caledonia,"Mine production, cobalt content, estimated",metric tons,2570,1500,,,,,,NA\n'
                     'MCS2025,Cobalt,Canada ,"Mine production, cobalt content, estimated",metric tons,4220,,,,,,">17,000,000",\n')
    rows = records("usgs-mcs", path)
    assert {r.flag for r in rows if r.mineral == "germanium"} == {"not_available"} and "spelling" in rows[0].note
    states = one(rows, country="USA", statistic="production", period="2024")
    assert (states.value, states.flag, states.stage) == (300, "estimated", "Mine production, cobalt content, estimated")
    assert one(rows, country="NCL", statistic="reserves").note == "not available"
    assert one(rows, country="CAN", statistic="reserves").low == 17_000_000
    blank = one(rows, country="CAN", statistic="production", period="2024")
    assert (blank.flag, blank.note) == ("not_available", "blank cell")
    assert not [r for r in rows if r.statistic == "capacity"]  # a column blank throughout is no part of a table
    assert {r.mineral for r in records("usgs-mcs", path, mineral="Cobalt")} == {"cobalt"}


def test_mcs_of_2026_in_windows_1252(tmp_path: Path) -> None:
    basis = '"(Data in metric tons, cobalt content, unless otherwise specified) -- Significant revisions were made."'
    head = "COBALT,World Mine Production and Reserves,Cobalt"
    text = LONG_HEADER + "".join(f"{line}\n" for line in (
        f"COBALT,Salient Statistics—United States,Cobalt,United States,Production,Production: Mine,metric tons,2024,—,,Yes,{basis}",
        f'{head},Indonesia,Production,Mine production,metric tons,2024,"36,000",Estimated.,Yes,{basis}',
        f'{head},World total,Production,Mine production: rounded,metric tons,2024,"36,000",,Yes,{basis}',
        'COBALT,Import Sources,Cobalt,Norway,Import sources 2021-2024,"Metal, oxide, and salts",percent,2021–24,26,,Yes,',
        f"COBALT,Salient,Cobalt,United States,Price,Price: LME,dollars per pound,2024,11.84,,Yes,{basis}",
        f"COBALT,Salient,Cobalt,United States,Import,Imports: Scrap,metric tons,2024,13,Gross weight.,Yes,{basis}"))
    rows = records("usgs-mcs", text_file(tmp_path, "MCS2026_Commodities_Data.csv", text, "cp1252"))
    mined = one(rows, country="IDN")
    assert (mined.value, mined.flag, mined.edition) == (36000, "estimated", "MCS2026") and "basis: cobalt content" in mined.note
    assert "Significant revisions" in mined.note
    assert (one(rows, country="WLD").flag, one(rows, country="WLD").stage) == ("rounded", "Mine production")
    share = one(rows, statistic="import_share")
    assert (share.country, share.partner, share.period, share.unit) == ("USA", "NOR", "2021-2024", "%")
    assert (one(rows, statistic="price").value, one(rows, statistic="price").unit) == (11.84, "USD/lb")
    assert "basis" not in one(rows, statistic="imports").note  # gross weight is not on the basis of the table
    assert one(rows, stage="Production: Mine").flag == "nil"


def test_ds140_workbook(tmp_path: Path) -> None:
    rows = records("usgs-ds140", ds140(tmp_path))
    assert {r.mineral for r in rows} == {"lithium"} and {r.edition for r in rows} == {"DS140 August 2, 2023"}
    assert one(rows, period="2020", statistic="production", country="USA").flag == "withheld"
    estimate = one(rows, period="2021", statistic="production", country="USA")
    assert (estimate.value, estimate.flag, estimate.unit) == (290, "estimated", "t")
    assert [(r.value, r.unit) for r in rows if r.statistic == "price" and r.period == "2020"] == [(6400, "USD/t"), (4030, "1998 USD/t")]
    world = one(rows, country="WLD", period="2021")
    assert (world.value, world.unit, world.stage) == (2400000, "t gross weight", "production")


def test_world_bank_prices_are_found_by_name(tmp_path: Path) -> None:
    rows = records("world-bank", pink_sheet(tmp_path))
    copper = one(rows, mineral="copper", period="1960-01")
    assert (copper.value, copper.unit, copper.note, copper.edition) == (678.2, "USD/t", "nominal", "December 02, 2025")
    assert one(rows, mineral="aluminum", period="1960-02").flag == "not_available"
    assert one(rows, mineral="gold", period="1960-02").unit == "USD/troy oz"
    assert not [r for r in rows if "index" in r.mineral]
    real = records("world-bank", pink_sheet(tmp_path, nominal="annual prices in real 2010 US dollars"), mineral="copper")
    assert {r.unit for r in real} == {"2010 USD/t"}


def test_baci_codes_stay_text_and_taiwan_and_namibia_have_names(tmp_path: Path) -> None:
    path = text_file(tmp_path, "BACI_HS17_Y2022_V202401b.csv", "t,i,j,k,v,q\n2022,516,490,010121,12.5,   NA\n"
                     "2022,842,156,260500,7,  3.25\n")
    rows = records("baci", path)
    horses = one(rows, country="NAM", unit="kUSD")
    assert (horses.partner, horses.code, horses.value, horses.edition) == ("TWN", "010121", 12.5, "HS17 V202401b")
    assert one(rows, country="NAM", unit="t").flag == "not_available"
    assert one(rows, country="USA", unit="t").value == 3.25
    assert {r.code for r in records("baci", path, codes=("260500",))} == {"260500"}


def test_bgs_rows_by_column_name(tmp_path: Path) -> None:
    path = bgs_file(tmp_path, bgs_row(),
                    bgs_row(year="2019-01-01 00:00:00", quantity="", data_precision_description="Figures not available"),
                    bgs_row(year="2018-01-01 00:00:00", quantity="0", data_precision_description="Nil (nothing produced)"),
                    bgs_row(year="2017-01-01 00:00:00", quantity="7", concat_figure_notes_text="Estimates.|Li content."),
                    bgs_row(country_trans="Rhodesia", country_iso3_code="", country_iso2_code=""),
                    bgs_row(country_trans="Kosovo", country_iso3_code="1A0", country_iso2_code=""),
                    bgs_row(bgs_commodity_trans="lithium minerals", bgs_sub_commodity_trans="Petalite"))
    rows = records("bgs", path)
    assert (rows[0].country, rows[0].mineral, rows[0].stage, rows[0].period, rows[0].value) == ("NAM", "cobalt", "mine", "2020", 5)
    assert [r.flag for r in rows[:4]] == ["reported", "not_available", "nil", "estimated"]
    assert rows[3].unit == "t Li content"  # never added to gross weight
    assert [rows[4].country, rows[5].country] == ["ZWE", "XKX"]
    assert (rows[6].mineral, rows[6].stage) == ("lithium minerals", "Petalite")


def test_world_mining_data_workbook_and_table(tmp_path: Path) -> None:
    head: list[object] = ["Country", "unit", 2023, 2024, "data source"]
    sheets: dict[str, list[list[object]]] = {
        "Lithium (Li2O)": [["Lithium (Li2O)"], head, ["Australia", "metr. t", 197000, 193000, "r"], ["Congo, D.R.", "metr. t", 0, 7, "e"],
                           ["Total", "metr. t", 197000, 193007, None], ["r: reported, e: estimated"]],
        "Cobalt": [["Cobalt"], head, ["Türkiye", "metr. t", 400, 425, "p"]]}
    rows = records("wmd", workbook(tmp_path, "6.4. Production.xlsx", sheets))
    assert one(rows, country="AUS", period="2024").stage == "Li2O"
    assert one(rows, country="COD", period="2024").flag == "estimated"
    assert one(rows, country="WLD", period="2023").value == 197000
    assert (one(rows, country="TUR", period="2023").mineral, one(rows, country="TUR", period="2023").note) == ("cobalt", "provisional")
    assert {r.edition for r in rows} == {"WMD 2023-2024"}
    table = text_file(tmp_path, "WMD2026_cobalt.csv", "Country,Country_Code,Country_ISO,2024,unit,data_source\n"
                      "Zambia,894,ZMB,1410,metr. t,r\nTotal,DELETE,DELETE,1410,metr. t,nan\n")
    rows = records("wmd", table)
    assert (one(rows, country="ZMB").value, one(rows, country="ZMB").edition, one(rows, country="WLD").value) == (1410, "WMD 2026", 1410)


def test_iea_workbook_json_and_csv_give_the_same_numbers(tmp_path: Path) -> None:
    book = records("iea", iea_workbook(tmp_path))
    data = {"source": "copy", "totalDemand": {"Cobalt": {
        "sectors": {"Electric vehicles": {"2024": 60, "STEPS": {"2030": 100, "2040": 120}, "NZE": {"2030": 150, "2040": 200}}},
        "otherUses": {"2024": 150}, "totalDemand": {"2024": 210}}},
        "supply": {"Cobalt": {"mining": {"countries": {"DRC": {"2024": 198, "2030": 193}, "Notes: all of them": {"2024": None}},
                                         "total": {"2024": 198, "2030": 193}}}}}
    (tmp_path / "iea.json").write_text(json.dumps(data))
    copy = records("iea", tmp_path / "iea.json")
    flat = records("iea", text_file(tmp_path, "iea.csv", "Pillar,Mineral,Sector.Country,Scenario,X2024,X2030\n"
                                    "Supply - Mining,Cobalt,Democratic Republic of the Congo,Base case,198,193\n"
                                    "Demand,Cobalt,Electric vehicles,STEPS,60,100\n"))
    for rows in (book, copy, flat):
        mined = one(rows, country="COD", period="2024", stage="mining")
        assert (mined.value, mined.unit, mined.statistic, mined.flag) == (198, "kt", "production", "reported")
        later = one(rows, country="COD", period="2030", stage="mining")
        assert (later.value, later.flag) == (193, "estimated") and later.statistic != "production"
        assert one(rows, stage="Electric vehicles", period="2024").value == 60
    assert one(book, country="WLD", period="2024", stage="refining").value == 222  # under a wrong name in the edition of 2025
    assert sorted(r.value for r in book if r.stage == "Electric vehicles" and r.period == "2040") == [120, 200]
    assert [w for w in warnings("iea", iea_workbook(tmp_path)) if "W304" in w.where and "Read me" in w.where]


def test_dataweb_workbook(tmp_path: Path) -> None:
    rows = records("dataweb", dataweb(tmp_path))
    value = one(rows, partner="COD", period="2024", unit="USD")
    assert (value.value, value.code, value.country, value.statistic) == (2000, "2605000000", "USA", "imports")
    assert one(rows, partner="COD", period="2024", unit="kg").value == 190
    hidden = one(rows, partner="CAN", period="2024", unit="kg")
    assert (hidden.flag, hidden.low) == ("bounded", 7)
    assert {r.flag for r in rows if r.period == "2025"} == {"not_available"}
    assert {r.edition for r in rows} == {"DataWeb 2025-03-02"}
    assert [w for w in warnings("dataweb", dataweb(tmp_path)) if "W304" in w.where and "YTD" in w.where]


@pytest.mark.parametrize("source", ["usgs-mcs", "bgs", "baci", "wmd"])
def test_a_file_of_another_publisher_is_refused(tmp_path: Path, source: str) -> None:
    path = text_file(tmp_path, "BACI_HS17_cobalt.csv", "year,price\n2020,5\n")
    assert "E301" in refusal(source, path) or "E317" in refusal(source, path)
