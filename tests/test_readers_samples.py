"""The readers on files as the agencies published them, where these lie beside the repository; numbers read off by eye."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from calibration.chain import FIGURES
from calibration.new_edition import Choices, rewrite_figures
from calibration.readers.importing import read_files
from calibration.readers.reading import Options
from tests.upstream_files import one, records, refusal, warnings

RAW = Path(__file__).parents[2] / "shared" / "figures" / "raw"
pytestmark = pytest.mark.skipif(not RAW.is_dir(), reason="no upstream files beside the repository")


def test_mcs_tables_of_cobalt_in_five_editions() -> None:
    congo = {}
    for name, period in (("mcs2022-cobal_world.csv", "2021"), ("mcs2023-cobal_world.csv", "2022"), ("mcs2024-cobal_world.csv", "2023"),
                         ("MCS2025_World_Data.csv", "2024"), ("MCS2026_Commodities_Data_sample.csv", "2024")):
        rows = records("usgs-mcs", RAW / name, mineral="cobalt")
        congo[name[:7].upper()] = one(rows, country="COD", statistic="production", period=period).value
        assert {r.edition for r in rows} == {name[:7].upper()}
    assert congo == {"MCS2022": 120000, "MCS2023": 130000, "MCS2024": 170000, "MCS2025": 220000, "MCS2026": 226000}
    later = records("usgs-mcs", RAW / "mcs2024-cobal_world.csv")
    assert one(later, country="NCL", period="2023", statistic="production").value == 3000  # published as New Caledonia11
    assert one(later, country="NCL", statistic="reserves").flag == "not_available"
    assert one(later, country="AUS", statistic="reserves").value == 1_700_000
    assert one(later, country="WLD", period="2022", statistic="production").value == 197000


def test_mcs_salient_statistics_of_cobalt_and_gallium() -> None:
    rows = records("usgs-mcs", RAW / "mcs2023-cobal_salient.csv")
    assert one(rows, stage="LME", statistic="price", period="2021").value == 23.17
    assert one(rows, stage="Industry", statistic="stocks", period="2020").value == 952
    old = one(records("usgs-mcs", RAW / "mcs2023-galli_salient.csv"), statistic="consumption", period="2021")
    new = one(records("usgs-mcs", RAW / "mcs2024-galli_salient.csv"), statistic="consumption", period="2021")
    assert (old.value, old.unit) == (new.value, new.unit) == (17100, "kg")


def test_mcs_aluminium_and_gallium_capacities() -> None:
    aluminium = records("usgs-mcs", RAW / "mcs2024-alumi_world.csv")
    china = one(aluminium, country="CHN", statistic="capacity", period="2023")
    assert (china.value, china.unit, china.flag) == (45000, "kt", "estimated") and "revised" in china.note
    gallium = records("usgs-mcs", RAW / "mcs2024-galli_world.csv")
    assert one(gallium, country="JPN", statistic="production", period="2022").flag == "estimated"  # published as Japane
    assert one(gallium, country="OTH", statistic="capacity").value == 88000


@pytest.mark.parametrize("mineral", ["cobalt", "nickel", "lithium", "copper", "graphite", "gallium", "germanium", "antimony", "tungsten",
                                     "manganese", "aluminum", "bauxite", "rare earths", "silicon"])
def test_mcs_of_2025_by_mineral(mineral: str) -> None:
    rows, warned = read_files("usgs-mcs", [RAW / "MCS2025_World_Data.csv"], Options(mineral))
    assert len(rows) > 10 and {r.mineral for r in rows} == {mineral}
    assert all(w.where.startswith("W301") for w in warned)


def test_mcs_of_2025_as_a_whole_holds_errors_of_the_publisher() -> None:
    text = refusal("usgs-mcs", RAW / "MCS2025_World_Data.csv")
    assert "10 fault(s)" in text
    assert "row 264, column PROD_EST_ 2024: found rows add up to 44240, printed total 4400" in text  # kaolin: a digit lost
    assert "USA production 2023 again, 18 after 64" in text  # helium of two kinds under one type


def test_mcs_of_2026() -> None:
    rows = records("usgs-mcs", RAW / "MCS2026_Commodities_Data_sample.csv")
    assert len(rows) == 317 and {r.mineral for r in rows} == {"cobalt", "gallium", "antimony"}
    exchange = "Price, average, dollars per pound: London Metal Exchange (LME), cash"
    assert one(rows, mineral="cobalt", stage=exchange, period="2024").value == 11.84
    reserves = one(rows, mineral="antimony", country="WLD", statistic="reserves")
    assert (reserves.low, reserves.flag) == (2_000_000, "bounded") and math.isnan(reserves.value)
    assert one(rows, mineral="gallium", country="CHN", statistic="capacity").value == 1_600_000


def test_ds140_of_lithium_and_rare_earths() -> None:
    lithium = records("usgs-ds140", RAW / "ds140-lithium-2021.xlsx")
    assert one(lithium, period="2003", statistic="production", country="USA").flag == "withheld"
    assert one(lithium, period="2021", unit="t lithium content").value == 107000
    assert one(lithium, period="2018", unit="1998 USD/t").value == 4740
    rare = records("usgs-ds140", RAW / "usgs_ds140_rare_earths_2020.xlsx")
    assert one(rare, period="2011", statistic="consumption").flag == "not_available"
    assert one(rare, period="2011", unit="USD/t").value == 58100
    assert len({r.period for r in rare}) == 121


def test_pink_sheet() -> None:
    rows = records("world-bank", RAW / "CMO-Historical-Data-Monthly_trimmed.xlsx")
    brent = one(rows, mineral="crude oil", stage="Brent", period="2025-11")
    assert (brent.value, brent.unit) == (63.609, "USD/bbl")
    assert one(rows, mineral="coal", stage="Australian", period="1960-01").flag == "not_available"
    assert one(rows, mineral="iron ore", period="2025-01").unit == "USD/dmtu"


def test_baci_bgs_and_world_mining_data() -> None:
    trade = records("baci", RAW / "BACI_HS92_Y2022_sample.csv")
    assert len(trade) == 1200
    assert one(trade, country="CHN", partner="IRN", code="250410", unit="t").value == 6830.095
    assert one(trade, country="EST", partner="SVK", code="250410", unit="t").flag == "not_available"
    assert one(trade, country="LKA", partner="TWN", code="250410", unit="t").value == 0.05  # 490, Other Asia
    gallium = records("bgs", RAW / "BGS_gallium_production.csv")
    assert len(gallium) == 82 and one(gallium, country="KAZ", period="2007").value == 19
    assert one(gallium, country="CHN", period="2006").flag == "not_available"
    assert one(gallium, country="RUS", period="2008").flag == "estimated"
    cobalt = records("wmd", RAW / "WMD2026_cobalt_from_geopolrisk.csv")
    assert one(cobalt, country="COD", period="2024").value == 200253
    assert (one(cobalt, country="TUR", period="2024").value, one(cobalt, country="TUR", period="2024").flag) == (425, "estimated")
    assert one(cobalt, country="WLD", period="2024").value == 268755


def test_iea_dataset() -> None:
    path = RAW / "iea_critical_minerals_dataset_2025_flattened.json"
    rows = records("iea", path)
    assert one(rows, mineral="copper", stage="Solar PV", period="2024").value == 1657.2
    assert one(rows, mineral="copper", country="CHL", stage="mining", period="2024").value == 5476
    assert one(rows, mineral="lithium", stage="Total demand", period="2024").value == 205
    assert [w.found for w in warnings("iea", path) if "Nickel.mining" in w.where] == ["rows add up to 3961, printed total 3861 (-2.6%)"]


@pytest.mark.parametrize(("market", "source", "name", "rows"), [
    ("gallium", "usgs-mcs", "MCS2026_Commodities_Data_sample.csv", 3), ("antimony", "usgs-mcs", "MCS2026_Commodities_Data_sample.csv", 1),
    ("lithium", "iea", "iea_critical_minerals_dataset_2025_flattened.json", 8),
    ("natural_graphite", "iea", "iea_critical_minerals_dataset_2025_flattened.json", 1)])
def test_the_markets_hold_what_the_published_files_say(tmp_path: Path, market: str, source: str, name: str, rows: int) -> None:
    lines, _ = rewrite_figures(FIGURES / market, [f"{source}={RAW / name}"], [], tmp_path / market, Choices())
    replaced = [line for line in lines if line.what.startswith("replaced")]
    assert len(replaced) == rows
    for line in replaced:
        assert float(line.before) == pytest.approx(float(line.after), rel=1e-6), line
