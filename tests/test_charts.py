"""Charts show the numbers of the frames they are given, say what they must, and come out the same each time."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from floormodel.report import charts, frames, labels
from floormodel.report.style import figure_bytes, save_figure
from tests.report_runs import BLOC, NASTY, floors_on_oxide


@pytest.fixture(scope="module")
def runs():
    return floors_on_oxide()


@pytest.fixture(scope="module")
def groups(runs):
    return frames.groups_of(runs)


def bars(axes):
    """Lengths of the horizontal bars of an axes, in drawing order."""
    return [patch.get_width() for patch in axes.patches]


def whiskers(axes):
    """Both ends of the whiskers (two-point lines with a height) of an axes."""
    return [tuple(line.get_xdata()) for line in axes.lines if len(set(line.get_ydata())) == 1 and len(line.get_xdata()) == 2]


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
    base = runs.market.dataset["output0"].sel(good="magnet", region=BLOC).sum("region").values
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
