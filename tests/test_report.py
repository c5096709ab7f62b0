"""Charts, tables, brief and exports show the numbers of the run, escape what users wrote, and come out the same each time."""

import re
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from docx import Document
from python_calamine import CalamineWorkbook

import floormodel as fm
from floormodel.accounts import OWNER
from floormodel.errors import OutputError
from floormodel.report import charts, extras, frames, labels
from floormodel.report.brief import Brief, Chart, Headline, Points, Section, write_brief
from floormodel.report.export import write_indicators_csv
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.style import figure_bytes, save_figure
from floormodel.report.tables import Range, Table, quantile_table

BLOC = ["USA", "EU27", "JPN", "KOR"]
NASTY = "<script>alert('x')</script> & $\\alpha$ =1+1 100 %"
DOCS = Path(__file__).parents[1] / "docs" / "results.md"


@pytest.fixture(scope="module")
def runs():
    market = fm.sample(fm.load_market("rare_earths"), 20, seed=7)
    floor = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000)
    covered = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000, coverage=["magnet"])
    return fm.compare(market, {"Floor": [floor], "=Covered": [covered]})


@pytest.fixture(scope="module")
def groups(runs):
    return frames.groups_of(runs)


def bars(axes):
    """Lengths of the horizontal bars of an axes, in drawing order."""
    return [patch.get_width() for patch in axes.patches]


def whiskers(axes):
    """Both ends of the whiskers (two-point lines with a height) of an axes."""
    return [tuple(line.get_xdata()) for line in axes.lines if len(set(line.get_ydata())) == 1 and len(line.get_xdata()) == 2]


# ---- charts show the frames' numbers


def test_downstream_bars_are_changes_over_the_level_without_policy(runs):
    """Median change of magnet output in per cent, computed here from the raw indicators."""
    figure = charts.downstream(frames.relative_changes(runs.indicators()), "magnet", BLOC)
    raw = runs.indicators().select("output", "magnet")
    expected, ends = [], []
    for scenario in ("Floor", "=Covered"):
        for region in ("EU27", "JPN", "KOR"):
            rows = raw[(raw["scenario"] == scenario) & (raw["region"] == region)]
            percent = 100 * (rows["value"] / rows["base"] - 1)
            expected.append(percent.median())
            ends.append((percent.quantile(0.05), percent.quantile(0.95)))
    np.testing.assert_allclose(bars(figure.axes[0]), expected, rtol=1e-9)
    np.testing.assert_allclose(whiskers(figure.axes[0]), ends, rtol=1e-9)


def test_revenue_bars_are_in_millions_and_by_good(runs, groups):
    figure = charts.revenue(frames.changes(runs.indicators()), runs.market.goods, groups, scenarios=["Floor"])
    raw = runs.indicators().select("producer_revenue", "ndpr_oxide")
    expected = raw[raw["scenario"] == "Floor"].groupby("region")["change"].median() / 1e6
    drawn = dict(zip(sorted(figure.axes[0].get_yticks()), [t.get_text() for t in figure.axes[0].get_yticklabels()]))
    for patch in figure.axes[1].patches:
        place = min(drawn, key=lambda y: abs(y - patch.get_y() - patch.get_height() / 2))
        code = next(c for c, name in labels.REGIONS.items() if name == drawn[place])
        assert patch.get_width() == pytest.approx(expected[code], rel=1e-9, abs=1e-12)
    assert len(figure.axes[1].patches) == len(expected)


def test_price_marks_stand_at_the_medians(runs):
    figure = charts.prices(frames.levels(runs.indicators()), "ndpr_oxide", floor=110_000)
    points = {line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o" and len(line.get_xdata()) == 1}
    raw = runs.indicators().select("price_inside", "ndpr_oxide")
    expected = set(raw.groupby("scenario")["value"].median() / 1000) | {raw[raw["scenario"] == "Floor"]["base"].median() / 1000}
    assert sorted(points) == pytest.approx(sorted(expected))
    assert any(tuple(line.get_xdata()) == (110.0, 110.0) for line in figure.axes[0].lines)


def test_the_waterfall_adds_up_to_the_mean_of_the_total(runs, groups):
    """The total bar is the mean over draws of all accounts of the bloc; at mcpf 1.3 treasury lines count 1.3 times."""
    figure = charts.incidence(runs.accounts(), groups, "Floor", runs.market.goods)
    rows = runs["Floor"].accounts()
    rows = rows[rows["region"].isin(BLOC)]
    total = rows.groupby("draw")["value"].sum().mean() / 1e6
    public = rows[rows["owner"] == "treasury"].groupby("draw")["value"].sum().mean() / 1e6
    widths = bars(figure.axes[0])
    assert widths[-2] == pytest.approx(total, rel=1e-9)
    assert widths[-1] == pytest.approx(total + 0.3 * public, rel=1e-9)
    assert sum(widths[:-2]) == pytest.approx(total, rel=1e-9)


def test_group_rows_are_sums_over_members_draw_by_draw(runs, groups):
    frame = frames.changes(runs.indicators(), groups)
    row = frame[(frame["scenario"] == "Floor") & (frame["indicator"] == "output") & (frame["good"] == "magnet")
                & (frame["region"] == "Buying bloc")].iloc[0]
    change = sum(runs["Floor"].dataset["output"].sel(good="magnet", region=r).values for r in BLOC)
    base = float(runs.market.dataset["output0"].sel(good="magnet", region=BLOC).sum())
    assert row["q50"] == pytest.approx(np.median(change - base), rel=1e-7)


def test_concentration_draws_both_bounds(runs):
    figure = charts.concentration(frames.levels(runs.indicators()), ["mined"])
    raw = runs.indicators()
    low, high = (raw.select(i, "mined").query("scenario == 'Floor'")["value"].median() for i in ("hhi_low", "hhi_high"))
    assert any(tuple(line.get_xdata()) == pytest.approx((low, high)) for line in figure.axes[0].lines if len(line.get_xdata()) == 2)
    assert low < high


def test_sweep_lines_go_through_the_medians():
    frame = pd.DataFrame({"scenario": "a", "indicator": "price_inside", "good": "magnet", "region": "bloc", "unit": "USD/t",
                          "level": [90_000.0, 70_000.0], "q05": [80e3, 60e3], "q50": [85e3, 65e3], "q95": [88e3, 69e3]})
    line = charts.sweep(frame, [("price_inside", "magnet", "bloc")]).axes[0].lines[0]
    assert list(line.get_xdata()) == [70.0, 90.0]
    assert list(line.get_ydata()) == [65.0, 85.0]


def test_tornado_puts_the_widest_on_top_and_drops_what_moves_nothing():
    frame = pd.DataFrame({"parameter": ["small", "none", "wide"], "low": [9.0, 10.0, 4.0], "high": [10.5, 10.0, 12.0]})
    axes = charts.tornado(frame, 10.0, unit="kt/yr", title="t").axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["wide", "small"]
    assert bars(axes) == [-6.0, 2.0, -1.0, 0.5]


def test_instruments_say_where_one_does_not_reach():
    frame = pd.DataFrame({"instrument": ["floor", "stock"], "measure": "cost", "unit": "USD/t", "q05": [1e3, np.nan],
                          "q50": [2e3, np.nan], "q95": [3e3, np.nan], "note": ["", "not reachable, at most 310 t"]})
    axes = charts.instruments(frame, ["cost"], title="t").axes[0]
    assert bars(axes) == [2.0]
    assert "not reachable" in " ".join(t.get_text() for t in axes.texts)


def test_viability_draws_chances_in_per_cent():
    frame = pd.DataFrame({"project": "p", "scenario": ["No policy", "Floor"], "measure": "probability", "unit": "share",
                          "q05": [0.0, 0.2], "q50": [0.1, 0.6], "q95": [0.3, 0.9]})
    assert bars(charts.viability(frame, measures=["probability"]).axes[0]) == pytest.approx([10.0, 60.0])


def test_a_line_of_uncertain_sign_says_so_and_others_do_not(runs, groups):
    def text(figure):
        return " ".join(t.get_text() for t in figure.texts).replace("\n", " ")

    level = frames.levels(runs.indicators())
    assert "Sign depends on calibration: concentration" in text(charts.concentration(level, runs.market.goods))
    assert "Sign depends" not in text(charts.output(frames.changes(runs.indicators(), groups), ["magnet"], groups))
    shown = text(runs.plot.prices())
    assert "20 draws, 100 % solved" in shown and "benchmark 2024" in shown


def test_plots_draw_every_chart_of_a_notebook(runs):
    for name in ("prices", "revenue", "output", "concentration", "incidence", "downstream"):
        figure = getattr(runs.plot, name)()
        assert figure._repr_png_().startswith(b"\x89PNG")


# ---- files are the same each time, and text stays text


def test_figures_are_byte_for_byte_the_same(tmp_path):
    frame = pd.DataFrame({"parameter": [NASTY, "b"], "low": [1.0, 2.0], "high": [4.0, 3.0]})
    for folder in ("one", "two"):
        save_figure(charts.tornado(frame, 2.5, unit="%", title=NASTY), tmp_path / folder, "tornado")
    for kind in ("svg", "pdf", "png"):
        one, two = ((tmp_path / f / f"tornado.{kind}").read_bytes() for f in ("one", "two"))
        assert one == two
        assert b"CreationDate" not in one and b"<dc:date>" not in one


def test_dollar_signs_in_names_are_not_read_as_mathematics():
    frame = pd.DataFrame({"parameter": [NASTY], "low": [1.0], "high": [4.0]})
    svg = figure_bytes(charts.tornado(frame, 2.5, unit="%", title=NASTY), "svg").decode()
    text = "".join(ET.fromstring(svg).itertext())
    assert "$\\alpha$" in text and "<script>" not in svg


# ---- tables


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


def nasty_table():
    return Table(NASTY, pd.DataFrame({"name": [NASTY, "_{x}^~ | [y]"], "n": [Range(8.0, 12.0, 15.0), 3.0]}), {"n": "kt/yr"}, NASTY)


def test_html_and_latex_tables_escape_every_text():
    page = nasty_table().to_html()
    root = ET.fromstring(page)
    assert {e.tag for e in root.iter()} == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert [c.text for c in root.iter("td")] == [NASTY, "12.0 (8.0\u00a0to\u00a015.0)", "_{x}^~ | [y]", "3.00"]
    text = nasty_table().to_latex()
    assert not re.search(r"(?<!\\)[%&$#_](?!-\$)", re.sub(r"\$(-|\\[a-z]+)\$| & ", "", text.split(r"\toprule")[1].split(r"\bottomrule")[0]))
    assert r"\textbackslash{}alpha" in text


def test_markdown_keeps_bars_inside_cells():
    rows = nasty_table().to_markdown().splitlines()
    assert rows[2] == "| Name | N, kt/yr |" and rows[3] == "| --- | ---: |"
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
    assert list(table.frame["good"]) == ["Mined"] * 3 + ["NdPr oxide"] * 3 + ["Magnets"] * 3
    assert list(table.frame["region"])[:3] == ["Buying bloc", "Dominant: China", "Other countries"]
    assert table.headings()[2] == "Floor, kt/yr"


# ---- the brief


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


# ---- exports


def test_excel_reads_back(runs, tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        runs.to_excel(tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    book = CalamineWorkbook.from_path(tmp_path / "a.xlsx")
    assert {"read_me", "indicators", "accounts", "prices", "flows", "policies", "sources"} <= set(book.sheet_names)
    rows = book.get_sheet_by_name("indicators").to_python()
    frame = pd.DataFrame(rows[1:], columns=rows[0])
    shown = frame[(frame["scenario"] == "Floor") & (frame["indicator"] == "bloc_output") & (frame["good"] == "magnet")].iloc[0]
    raw = runs.indicators().select("bloc_output", "magnet").query("scenario == 'Floor'")["value"]
    assert (shown["value"], shown["value_high"]) == pytest.approx((raw.median(), raw.quantile(0.95)))
    assert set(frame["scenario"]) == {"Floor", "'=Covered"}
    flows = book.get_sheet_by_name("flows").to_python()
    flows = pd.DataFrame(flows[1:], columns=flows[0])
    into = flows[(flows["scenario"] == "No policy") & (flows["good"] == "magnet") & (flows["destination"] == "JPN")]["flow"].sum()
    assert into == pytest.approx(float(runs.market.dataset["flow0"].sel(good="magnet", destination="JPN").sum()))
    with zipfile.ZipFile(tmp_path / "a.xlsx") as parts:
        assert len([n for n in parts.namelist() if n.startswith("xl/charts/chart")]) == 2
        assert not [n for n in parts.namelist() if n.startswith("xl/worksheets/") and b"<f>" in parts.read(n)]


def test_stata_reads_back(runs, tmp_path):
    for name in ("a.dta", "b.dta"):
        runs.to_stata(tmp_path / name)
    assert (tmp_path / "a.dta").read_bytes() == (tmp_path / "b.dta").read_bytes()
    with pd.read_stata(tmp_path / "a.dta", iterator=True) as reader:
        names, frame = reader.variable_labels(), reader.read()
    assert all(names[c] and len(names[c]) <= 80 and len(c) <= 32 for c in frame.columns)
    row = frame[(frame["scenario"] == "Floor") & (frame["indicator"] == "hhi_high") & (frame["good"] == "magnet")].iloc[0]
    change = runs.indicators().select("hhi_high", "magnet").query("scenario == 'Floor'")["change"]
    assert row["change"] == pytest.approx(change.median(), rel=1e-12)


def test_iamc_table_has_the_columns_and_unique_keys_that_pyam_asks_for(runs, tmp_path):
    table = runs.to_iamc(tmp_path / "iamc.csv")
    assert list(table.columns) == ["model", "scenario", "region", "variable", "unit", "year", "value"]
    assert not table.duplicated(["model", "scenario", "region", "variable", "unit", "year"]).any()
    assert table.notna().all(axis=None) and set(table["year"]) == {2024}
    row = table[(table["scenario"] == "No policy") & (table["region"] == "Japan") & (table["variable"] == "Output|magnets")]
    assert row["value"].item() == pytest.approx(float(runs.market.dataset["output0"].sel(good="magnet", region="JPN")))
    read = pd.read_csv(tmp_path / "iamc.csv")
    assert "'=Covered" in set(read["scenario"]) and len(read) == len(table)


def test_netcdf_reads_back_with_its_provenance(runs, tmp_path):
    runs.to_netcdf(tmp_path / "r.nc")
    with xr.open_dataset(tmp_path / "r.nc", engine="scipy") as ds:
        assert list(ds["scenario"].values) == ["Floor", "=Covered"]
        np.testing.assert_array_equal(ds["flow"].sel(scenario="Floor"), runs["Floor"].dataset["flow"])
        np.testing.assert_allclose(ds["no_policy_output"].isel(draw=0), runs.market.dataset["output0"], rtol=1e-6)
        assert ds.attrs["seed"] == "7" and "price_floor" in ds.attrs["policies"] and ds.attrs["share_converged"] == 1.0
    runs.to_netcdf(tmp_path / "q.nc", quantiles=[0.05, 0.5, 0.95])
    with xr.open_dataset(tmp_path / "q.nc", engine="scipy") as ds:
        expected = runs["Floor"].dataset["output"].median("draw")
        np.testing.assert_allclose(ds["output"].sel(scenario="Floor", quantile=0.5), expected)


def test_indicators_csv_holds_texts_that_no_program_runs(runs, tmp_path):
    frame = pd.read_csv(write_indicators_csv(runs, tmp_path / "i.csv"))
    assert set(frame["scenario"]) == {"Floor", "'=Covered"}
    assert len(frame) == len(runs.indicators().quantiles())


def test_exports_of_one_equilibrium_without_draws(tmp_path):
    market = fm.load_market("rare_earths")
    run = fm.solve(market, [fm.ImportTariff(good="magnet", importers=["USA"], rate=0.25)])
    assert "|5th" not in "".join(run.to_iamc()["variable"])
    run.to_excel(tmp_path / "x.xlsx")
    run.to_netcdf(tmp_path / "x.nc")
    assert "no draws" in " ".join(t.get_text() for t in run.plot.revenue().texts).replace("\n", " ")


# ---- text and documentation


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
