"""Tables, brief and summary show the numbers of the run, escape what users wrote, and come out the same each time."""

import re
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from docx import Document

import floormodel as fm
from floormodel.accounts import OWNER
from floormodel.errors import OutputError
from floormodel.report import charts, extras, frames, labels
from floormodel.report.brief import Brief, Chart, Headline, Points, Section, write_brief
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.tables import Range, Table, quantile_table
from tests.report_runs import NASTY, floors_on_oxide

DOCS = Path(__file__).parents[1] / "docs" / "results.md"


@pytest.fixture(scope="module")
def runs():
    return floors_on_oxide()


@pytest.fixture(scope="module")
def groups(runs):
    return frames.groups_of(runs)


def test_ranges_read_as_readers_write_them():
    assert labels.format_range(8.04, 12.3, 15.0, "kt/yr") == "12.3 (8.0 to 15.0)"
    assert labels.format_range(-15.2e3, -12.04e3, -8.0e3) == "−12,040 (−15,200 to −8,000)"
    assert labels.format_range(0.1, 0.1, 0.1, "0-1") == "0.10"
    assert labels.format_number(float("nan")) == "–"
    assert labels.format_number(-0.0004, decimals=2) == "0.00"
    assert labels.format_number(1234567.0) == "1,234,567"


def test_units_for_readers():
    frame = pd.DataFrame({"unit": ["USD/t", "t/yr", "USD/yr", "share", "furlong"], "q50": [5e4, 2e3, 3e6, 0.25, 7.0]})
    shown = labels.for_readers(frame)
    assert list(shown["unit"]) == ["USD/kg", "kt/yr", "USD m/yr", "%", "furlong"]
    assert list(shown["q50"]) == pytest.approx([50, 2, 3, 25, 7])
    small = labels.for_readers(frame.assign(q50=[5e4, 3.0, 3e6, 0.25, 7.0]))  # gallium: 3 t a year are not 0.00 kt
    assert list(small["unit"])[:2] == ["USD/kg", "t/yr"] and list(small["q50"])[:2] == pytest.approx([50, 3])


def nasty_table():
    return Table(NASTY, pd.DataFrame({"name": [NASTY, "_{x}^~ | [y]"], "<n>": [Range(8.0, 12.0, 15.0), 3.0]}), {"<n>": "kt/yr"}, NASTY)


def test_html_and_latex_tables_escape_every_text():
    page = nasty_table().to_html()
    root = ET.fromstring(page)
    assert {e.tag for e in root.iter()} == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert [c.text for c in root.iter("th")] == ["Name", "<n>, kt/yr"]
    assert [c.text for c in root.iter("td")] == [NASTY, "12.0 (8.0\u00a0to\u00a015.0)", "_{x}^~ | [y]", "3.00"]
    text = nasty_table().to_latex()
    assert not re.search(r"(?<!\\)[%&$#_](?!-\$)", re.sub(r"\$(-|\\[a-z]+)\$| & ", "", text.split(r"\toprule")[1].split(r"\bottomrule")[0]))
    assert r"\textbackslash{}alpha" in text


def test_markdown_keeps_bars_inside_cells():
    rows = nasty_table().to_markdown().splitlines()
    assert rows[2] == "| Name | <n>, kt/yr |" and rows[3] == "| --- | ---: |"
    assert r"\|" in rows[5]


def test_word_tables_read_back(tmp_path):
    for name in ("a.docx", "b.docx"):
        nasty_table().to_docx(tmp_path / name)
    grid = Document(str(tmp_path / "a.docx")).tables[0]
    assert [c.text for c in grid.rows[1].cells] == [NASTY, "12.0 (8.0 to 15.0)"]
    assert (tmp_path / "a.docx").read_bytes() == (tmp_path / "b.docx").read_bytes()
    assert {i.date_time for i in zipfile.ZipFile(tmp_path / "a.docx").infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_texts_cannot_become_formulas():
    frame = inert_frame(pd.DataFrame({"t": ["=1+1", "+a", "-b", "@c", "fine", "\tx"], "n": [-1.0, 2, 3, 4, 5, 6]}))
    assert list(frame["t"]) == ["'=1+1", "'+a", "'-b", "'@c", "fine", "'\tx"]
    assert frame["n"].iloc[0] == -1.0


def test_a_quantile_table_keeps_the_order_of_its_keys(runs, groups):
    frame = frames.changes(runs.indicators(), groups)
    frame = frame[(frame["indicator"] == "output") & frame["region"].isin(list(groups))]
    table = quantile_table(frame, ["good", "region"], "t")
    assert list(table.frame["good"]) == ["Ore"] * 3 + ["NdPr oxide"] * 3 + ["Magnets"] * 3
    assert list(table.frame["region"])[:3] == ["Buying bloc", "Dominant: China", "Other countries"]
    assert table.headings()[2] == "Floor, kt/yr"


@pytest.fixture(scope="module")
def brief(runs, groups):
    level = frames.levels(runs.indicators())
    table = quantile_table(level[(level["good"] == "ndpr_oxide") & level["indicator"].isin(["price_inside", "hhi_high"])],
                           ["indicator"], "Prices", source="a source")
    chart = Chart(charts.prices(level, "ndpr_oxide"), "prices", f"alt {NASTY}", "A **bold** caption.", table)
    second = Chart(charts.output(frames.changes(runs.indicators(), groups), ["magnet"], groups), "output", "bars")
    return Brief(NASTY, "subtitle", [Headline("1 (0 to 2)", NASTY)], ["**Yes**: so it is.", NASTY],
                 [Section("Prices", ["A text.", Points([NASTY]), chart, table]), Section(NASTY, [second])], ["a note"])


@pytest.fixture(scope="module")
def written(brief, tmp_path_factory):
    return write_brief(brief, tmp_path_factory.mktemp("brief"))


def test_the_brief_is_one_page_without_scripts_that_fetches_nothing(written):
    page = written.read_text("utf-8")
    assert "<script" not in page and "javascript:" not in page and "onload" not in page
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    for address in re.findall(r'(?:src|href)\s*=\s*"([^"]*)"', page):
        assert address.startswith(("data:image/svg+xml;base64,", "#")), address[:80]
    assert not re.search(r"url\(|@import", page)
    assert page.count("<img ") == 2 and page.count("alt=") == 2
    assert "&lt;script&gt;alert(&#39;x&#39;)" in page or "&lt;script&gt;alert(&#x27;x&#x27;)" in page
    assert "<strong>Yes</strong>: so it is." in page
    anchors, targets = re.findall(r'href="#([^"]+)"', page), re.findall(r'id="([^"]+)"', page)
    assert anchors == targets and len(anchors) == 2


def test_the_brief_shows_the_numbers_of_the_run(written, runs):
    """Every cell of its table, read back from the page, is the run's median and quantiles to the figures printed."""
    page = written.read_text("utf-8")
    body = page.split("<caption>Table 1")[1].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)]
    cells = next(r for r in rows if r and r[0].startswith("Buyers&#x27; price in the bloc"))
    raw = runs.indicators().select("price_inside", "ndpr_oxide")
    for cell, scenario in zip(cells[-2:], ("Floor", "=Covered")):
        values = raw[raw["scenario"] == scenario]["value"] / 1000
        middle, low, high = (float(x) for x in re.findall(r"[\d.]+", cell))
        for shown, exact in ((middle, values.median()), (low, values.quantile(0.05)), (high, values.quantile(0.95))):
            assert shown == pytest.approx(exact, abs=0.5)


def test_the_brief_comes_with_its_figures_and_tables_and_is_reproducible(brief, written, tmp_path):
    write_brief(brief, tmp_path)
    one, two = ({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.*")} for folder in (written.parent, tmp_path))
    assert {str(p) for p in one} == {"brief.html", "figures/output.pdf", "figures/output.png", "figures/output.svg",
                                     "figures/prices.pdf", "figures/prices.png", "figures/prices.svg", "tables/prices.tex",
                                     "tables/tables.docx"}
    assert one == two


def test_two_charts_of_one_name_are_refused(brief, tmp_path):
    chart = brief.sections[1].blocks[0]
    with pytest.raises(ValueError, match="used twice: output"):
        write_brief(Brief("t", sections=[Section("a", [chart, chart])]), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_one_line_that_says_what_to_install():
    with pytest.raises(OutputError, match=r"needs no_such_library: pip install floormodel\[report\]$"):
        extras.load_extra("no_such_library.part")


def test_summary_names_status_identities_and_levels(runs):
    text = runs.summary()
    assert "Draws:        20 (seed 7)" in text and "Identities:" in text and "Sign depends on calibration" in text
    inside = runs.indicators().select("price_inside", "ndpr_oxide").query("scenario == 'Floor'")["value"] / 1000
    line = next(x for x in text.split("NdPr oxide")[1].splitlines() if "Buyers' price in the bloc" in x)
    assert labels.format_range(inside.quantile(0.05), inside.median(), inside.quantile(0.95), "USD/kg") in line


def test_every_result_has_a_name_and_a_line_in_the_documentation(runs):
    documented = set(re.findall(r"`(\w+)`", DOCS.read_text("utf-8")))
    indicators = set(runs.indicators().frame["indicator"])
    assert indicators <= set(labels.INDICATORS)
    assert set(OWNER) <= set(labels.ACCOUNTS) and set(OWNER.values()) <= set(labels.OWNERS)
    assert {str(v) for v in runs["Floor"].dataset.data_vars} | indicators | set(OWNER) <= documented


def test_every_region_of_the_markets_has_a_name():
    for name in fm.list_markets():
        assert set(fm.load_market(name).regions) <= set(labels.REGIONS)
