"""A market's figures with another edition of the agencies' files in them: what is replaced, kept, refused and said."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from calibration import chain
from calibration.__main__ import main
from calibration.new_edition import REPORT, Choices, rewrite_figures
from calibration.readers.importing import import_files
from calibration.readers.labels import country_codes
from calibration.readers.reading import Options
from floormodel.errors import DataError
from tests.upstream_files import LONG_HEADER, text_file, workbook

DATA = chain.FIGURES.parents[1] / "src" / "floormodel" / "data"
TAIL = "value,unit,low,high,year,source,note\n"
SOURCES = """id,title,publisher,year,address,licence,note
wmd2026,World Mining Data 2026,Austria,2026,https://wmd.example,free with attribution,
usgs_mcs2026,MCS 2026,U.S. Geological Survey,2026,https://usgs.example,public domain,
baci_hs92,BACI,CEPII,2026,https://cepii.example,Etalab 2.0,
baci_hs17,BACI,CEPII,2026,https://cepii.example,Etalab 2.0,
"""
MARKET = """name = "copper"
title = "Copper"
year = 2024
goods = ["mined", "refined"]
regions = ["CHN", "USA", "EU27", "ROW"]
"""
PRODUCTION = """output,mined,CHN,CHN,1800,t,1700,1900,2024,wmd2026,a range of other sources
output,mined,ROW,CHL,5500,t,,,2024,wmd2026,
output,mined,EU27,POL,400,t,,,2024,wmd2026,
output,refined,CHN,CHN,12000,kt,,,2024,usgs_mcs2026,
output,refined,USA,USA,900,kt,,,2024,usgs_mcs2026,
output,refined,ROW,NOR,20000,t,10000,30000,2024,assumption,stands for what is not listed
world,refined,,,27600,kt,,,2024,usgs_mcs2026,
"""
TRADE = """value,mined,260300,ROW,CHN,900,kUSD,,,2024,baci_hs92,
value,mined,260300,ROW,USA,10,kUSD,,,2024,baci_hs92,
quantity,refined,740311,ROW,USA,70,t gross,,,2024,baci_hs17,
quantity,mined,250410 to USA,CHN,USA,30,t gross,,,2024,baci_hs92,
route,mined,,ROW,EU27,5,t,1,9,2024,assumption,a route that customs miss
"""
WMD = """Country,2023,2024,unit,data_source
China,1850,1900,metr. t,r
Chile,5300,5600,metr. t,e
Poland,390,,metr. t,r
Peru,2500,2700,metr. t,r
"""
USGS = "COPPER,World,Copper,{},Production,Refinery production,{},2024,{},,Yes,\n"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A market's folder of two stages; its tables of prices and parameters hold nothing."""
    folder = tmp_path / "shipped" / "copper"
    folder.mkdir(parents=True)
    texts = {"market.toml": MARKET, "sources.csv": SOURCES, "production.csv": "figure,good,region,partner," + TAIL + PRODUCTION,
             "trade.csv": "figure,good,code,region,partner," + TAIL + TRADE}
    texts |= {f"{name}.csv": "figure,good,region,partner," + TAIL for name in ("prices", "checks")}
    texts |= {f"{name}.csv": "variable,good,region,partner," + TAIL for name in ("wedges", "parameters")}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def value_of(folder: Path, *key: str, name: str = "production.csv") -> str:
    """The value of the one row that begins with these keys; nothing where there is none."""
    found = [r["value"] for r in table(folder, name) if tuple(r.values())[: len(key)] == key]
    assert len(found) < 2
    return "".join(found)


def wmd(folder: Path, text: str = WMD) -> str:
    return f"wmd={text_file(folder, 'WMD2027_copper.csv', text)}"


def usgs(folder: Path, *rows: tuple[str, str, str]) -> str:
    rows = rows or (("China", "thousand metric tons", "12,500"), ("United States", "metric tons", "910000"),
                    ("Other countries", "thousand metric tons", "14,000"), ("World total", "thousand metric tons", "27,400"))
    return f"usgs-mcs={text_file(folder, 'MCS2027_Commodities_Data.csv', LONG_HEADER + ''.join(USGS.format(*_quoted(r)) for r in rows))}"


def _quoted(row: tuple[str, ...]) -> list[str]:
    return [f'"{cell}"' for cell in row]


def baci(folder: Path, text: str, revision: str = "92") -> str:
    return f"baci={text_file(folder, f'BACI_HS{revision}_Y2024_V202701.csv', 't,i,j,k,v,q' + chr(10) + text)}"


def refused(shipped: Path, production: list[str], trade: list[str], out: Path, choices: Choices = Choices()) -> str:  # noqa: B008
    with pytest.raises(DataError) as caught:
        rewrite_figures(shipped, production, trade, out, choices)
    return str(caught.value)


def test_numbers_of_the_same_sources_are_replaced_and_the_rest_stays(shipped: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    files = [wmd(tmp_path, WMD.replace("390,,", "390,410,")), usgs(tmp_path)]
    lines, _ = rewrite_figures(shipped, files, [], out, Choices())
    assert [value_of(out, "output", "mined", *k) for k in (("CHN", "CHN"), ("ROW", "CHL"), ("EU27", "POL"))] == ["1900", "5600", "410"]
    assert value_of(out, "output", "refined", "CHN", "CHN") == "12500"
    assert value_of(out, "output", "refined", "USA", "USA") == "910"  # 910 000 t in the unit of the row, kt
    assert value_of(out, "world", "refined") == "27400"
    assert value_of(out, "output", "refined", "ROW", "NOR") == "20000"
    assert (out / "trade.csv").read_text() == (shipped / "trade.csv").read_text()
    china = table(out, "production.csv")[0]
    assert (china["source"], china["year"], china["low"], china["high"], china["note"]) == ("file_wmd_wmd_2027", "2024", "", "", "reported")
    source = next(r for r in table(out, "sources.csv") if r["id"] == "file_wmd_wmd_2027")
    assert "WMD2027_copper.csv (SHA-256 " in source["title"] and source["licence"] == "free with attribution" and source["year"] == "2027"
    report = {(r["good"], r["partner"]): r for r in table(out, REPORT)}
    assert report["mined", "CHN"]["before"] == "1800" and "range 1700 to 1900" in report["mined", "CHN"]["what"]
    assert "not taken" in report["mined", "PER"]["what"] and not value_of(out, "output", "mined", "ROW", "PER")
    assert len(lines) == len(report) == 7


def test_countries_without_a_row_come_in_when_asked_for(shipped: Path, tmp_path: Path) -> None:
    rewrite_figures(shipped, [wmd(tmp_path)], [], tmp_path / "mine", Choices(keep_missing=True, add_new=True))
    assert value_of(tmp_path / "mine", "output", "mined", "ROW", "PER") == "2700"


def test_a_country_that_the_edition_has_no_number_for(shipped: Path, tmp_path: Path) -> None:
    text = refused(shipped, [wmd(tmp_path), usgs(tmp_path, ("China", "thousand metric tons", "W"), ("Chile", "metric tons", "7"))], [],
                   tmp_path / "mine")
    assert text.count("E302") == 4 and "mined POL: found not_available in WMD 2027" in text and "refined CHN: found withheld" in text
    assert "refined USA: found not listed" in text and "--keep-missing" in text and not (tmp_path / "mine").exists()
    rewrite_figures(shipped, [wmd(tmp_path)], [], tmp_path / "mine", Choices(keep_missing=True))
    poland = next(r for r in table(tmp_path / "mine", "production.csv") if r["partner"] == "POL")
    assert (poland["value"], poland["source"]) == ("400", "wmd2026")


def test_another_year_and_a_year_that_is_not_there(shipped: Path, tmp_path: Path) -> None:
    rewrite_figures(shipped, [wmd(tmp_path)], [], tmp_path / "mine", Choices(year="2023"))
    assert value_of(tmp_path / "mine", "output", "mined", "CHN") == "1850"
    assert "year = 2023" in (tmp_path / "mine" / "market.toml").read_text()
    text = refused(shipped, [wmd(tmp_path)], [], tmp_path / "other", Choices(year="2019"))
    assert "E301" in text and "2023, 2024" in text and "--year" in text


def test_units_of_another_basis_and_a_number_given_twice(shipped: Path, tmp_path: Path) -> None:
    assert "E316" in refused(shipped, [wmd(tmp_path, WMD.replace("metr. t", "carats"))], [], tmp_path / "mine")
    twice = [wmd(tmp_path), f"wmd={text_file(tmp_path, 'WMD2026_copper.csv', WMD)}"]
    assert "E307" in refused(shipped, twice, [], tmp_path / "mine")


def test_customs_flows_add_up_by_region_and_small_ones_go(shipped: Path, tmp_path: Path) -> None:
    # to China 700 of Chile and 300 of Peru, 40 of Germany and 60 of Poland; Germany to Poland stays within EU27; 0.5 is small
    rows = ("2024,152,156,260300,700,1\n2024,604,156,260300,300,1\n2024,276,156,260300,40,1\n2024,616,156,260300,60,\n"
            "2024,276,616,260300,5000,1\n2024,156,842,260300,0.5,1\n2024,156,842,250410,8,33\n2024,156,392,250410,8,44\n")
    out = tmp_path / "mine"
    lines, _ = rewrite_figures(shipped, [], [baci(tmp_path, rows)], out, Choices())
    assert value_of(out, "value", "mined", "260300", "ROW", "CHN", name="trade.csv") == "1000"
    assert value_of(out, "value", "mined", "260300", "EU27", "CHN", name="trade.csv") == "100"
    assert not value_of(out, "value", "mined", "260300", "EU27", "EU27", name="trade.csv")
    assert not value_of(out, "value", "mined", "260300", "ROW", "USA", name="trade.csv")
    assert not value_of(out, "value", "mined", "260300", "CHN", "USA", name="trade.csv")
    assert [line.what[:7] for line in lines if line.figure["partner"] == "USA" and line.figure["code"] == "260300"] == ["dropped"]
    assert value_of(out, "quantity", "mined", "250410 to USA", "CHN", "USA", name="trade.csv") == "33"  # a part of a code: its flows alone
    assert not [r for r in table(out, "trade.csv") if r["code"].startswith("250410") and r["partner"] == "ROW"]
    assert value_of(out, "quantity", "refined", "740311", "ROW", "USA", name="trade.csv") == "70"  # of another revision of the HS
    assert value_of(out, "route", "mined", "", "ROW", "EU27", name="trade.csv") == "5"


def test_a_code_that_the_file_does_not_have(shipped: Path, tmp_path: Path) -> None:
    text = refused(shipped, [], [baci(tmp_path, "2024,152,156,260300,700,1\n")], tmp_path / "mine")
    assert "E301" in text and "code 250410" in text


def test_importer_and_exporter_that_differ_are_both_shown(shipped: Path, tmp_path: Path) -> None:
    head: list[object] = ["Data Type", "Country", "HTS Number", "Description", "Quantity Description", "2024"]
    customs = workbook(tmp_path, "us_imports.xlsx", {"First Unit of Quantity": [
        head, ["q", "Chile", "7403110000", "Cathode", "kilograms", 90000], ["q", "Peru", "7403110000", "Cathode", "kilograms", 50500]]})
    trade = [baci(tmp_path, "2024,152,842,740311,700,70\n2024,604,842,740311,500,50\n", "17"), f"dataweb={customs}"]
    _, warnings = rewrite_figures(shipped, [], trade, tmp_path / "mine", Choices())
    assert [w.where for w in warnings] == ["W302 code 740311, CHL to USA, 2024"]  # 70 t against 90; 50 against 50.5 is close
    assert "70 t" in warnings[0].found and "90 t" in warnings[0].found


def test_what_cannot_be_rewritten(shipped: Path, tmp_path: Path) -> None:
    assert "not overwritten" in refused(shipped, [wmd(tmp_path)], [], shipped)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    assert "not empty" in refused(shipped, [wmd(tmp_path)], [], tmp_path / "full")
    assert "name the publisher" in refused(shipped, [wmd(tmp_path).removeprefix("wmd=")], [], tmp_path / "mine")
    assert "no such file" in refused(shipped, ["wmd=absent.csv"], [], tmp_path / "mine")
    other = text_file(tmp_path, "iea.csv", "Pillar,Mineral,Sector.Country,Scenario,X2024\nMining,Copper,Chile,,5\n")
    assert "takes its output from" in refused(shipped, [f"iea={other}"], [], tmp_path / "mine")
    assert "module of its own" in refused(chain.FIGURES / "rare_earths", [wmd(tmp_path)], [], tmp_path / "mine")


def test_long_tables_do_as_well_and_a_second_run_replaces_the_first(shipped: Path, tmp_path: Path) -> None:
    long = tmp_path / "imported" / "wmd.csv"
    import_files("wmd", [Path(wmd(tmp_path).removeprefix("wmd="))], long, Options(mineral="copper"))
    for choices, value in ((Choices(keep_missing=True), "1900"), (Choices(year="2023"), "1850")):
        rewrite_figures(shipped, [str(long)], [], tmp_path / "mine", choices)
        assert value_of(tmp_path / "mine", "output", "mined", "CHN") == value
    assert "WMD2027_copper.csv (SHA-256" in (tmp_path / "mine" / "sources.csv").read_text()  # the file behind the long table


def editions_of(market: str, folder: Path, more_of_china: float) -> tuple[list[str], list[str]]:
    """The market's own figures written out as files of the agencies, with more mined in China."""
    rows, customs = (table(chain.FIGURES / market, name) for name in ("production.csv", "trade.csv"))
    mined = [r for r in rows if r["figure"] == "output" and r["source"] == "wmd2026"]
    text = "".join(f"{r['partner']},{float(r['value']) + more_of_china * (r['partner'] == 'CHN')},metr. t,r\n" for r in mined)
    made = [r for r in rows if r["figure"] in ("output", "world") and r["source"] == "usgs_mcs2026"]
    rest = 2 * float(made[-1]["value"]) - sum(float(r["value"]) for r in made)
    refined = [(r["partner"] or "World total", "thousand metric tons", r["value"]) for r in made] + [
        ("Other countries", "thousand metric tons", str(rest))]
    number = {country: code for code, country in reversed(country_codes().items())} | {"EU27": "276", "ROW": "826"}
    flows: dict[str, dict[tuple[str, str, str], dict[str, str]]] = {"92": defaultdict(dict), "17": defaultdict(dict)}
    for r in customs:
        if r["figure"] in ("quantity", "value"):
            flows[r["source"][-2:]][number[r["region"]], number[r["partner"]], r["code"]][r["figure"]] = r["value"]
    trade = [baci(folder, "".join(f"2024,{o},{d},{k},{f.get('value', '1')},{f.get('quantity', 'NA')}\n" for (o, d, k), f in by.items()), hs)
             for hs, by in flows.items()]
    return [wmd(folder, "Country,2024,unit,data_source\n" + text), usgs(folder, *refined)], trade


def quantities(folder: Path) -> dict[tuple[str, ...], float]:
    return {tuple(r.values())[:4]: float(r["value"]) for r in table(folder, "quantities.csv")}


def test_the_shipped_market_is_found_again_from_files_of_its_own_figures(tmp_path: Path) -> None:
    production, trade = editions_of("copper", tmp_path, 0)
    lines, _ = rewrite_figures(chain.FIGURES / "copper", production, trade, tmp_path / "mine", Choices())
    assert len(lines) > 100 and {line.what for line in lines} == {"replaced"}
    result = CliRunner().invoke(main, ["copper", "--figures", str(tmp_path / "mine"), "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert quantities(tmp_path / "copper") == quantities(DATA / "copper")
    assert "file_wmd_wmd_2027" in (tmp_path / "copper" / "sources.csv").read_text()


def test_a_number_of_the_users_edition_reaches_the_market(tmp_path: Path) -> None:
    production, trade = editions_of("copper", tmp_path, 10_000)
    rewrite_figures(chain.FIGURES / "copper", production, trade, tmp_path / "mine", Choices())
    (tmp_path / "built").mkdir()
    chain.build("copper", tmp_path / "built", tmp_path / "mine")
    key = ("output0", "mined", "CHN", "")
    assert quantities(tmp_path / "built")[key] - quantities(DATA / "copper")[key] == pytest.approx(10_000)


def test_the_command(tmp_path: Path) -> None:
    production, trade = editions_of("copper", tmp_path, 0)
    words = ["figures", "copper", *(w for f in production for w in ("--production", f)), *(w for f in trade for w in ("--trade", f))]
    result = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "mine")])
    assert result.exit_code == 0 and "replaced" in result.output and "--figures" in result.output
    assert CliRunner().invoke(main, ["figures", "copperr", "-o", str(tmp_path / "x")]).exit_code == 2
    refusal = CliRunner().invoke(main, ["figures", "cobalt", "--production", production[0], "-o", str(tmp_path / "x")])
    assert refusal.exit_code == 1 and "module of its own" in refusal.output
    own = CliRunner().invoke(main, ["cobalt", "--figures", str(tmp_path / "mine"), "-o", str(tmp_path / "y")])
    assert own.exit_code == 1 and "module of its own" in own.output
    assert CliRunner().invoke(main, ["all", "--figures", str(tmp_path / "mine")]).exit_code == 2
