"""Trend of the leading share against a closed form and simulation; shipped tables against their figures; the chart."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.stats import t as student
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

import floormodel
from calibration import concentration as con
from floormodel.errors import DataError
from floormodel.report.concentration_chart import concentration_chart

CASE = tomllib.loads((Path(__file__).parent / "cases" / "fractional_logit.toml").read_text(encoding="utf-8"))
DATA = Path(floormodel.__file__).parent / "data"
MARKETS = ("rare_earths", "cobalt")


def logistic(x: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(x)))


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.PerfectSeparationWarning")
def test_noiseless_trend_is_found() -> None:
    time = np.arange(CASE["years"], dtype=float)
    found = con.fractional_logit(time, logistic(CASE["intercept"] + CASE["slope"] * time)).params
    assert found == pytest.approx([CASE["intercept"], CASE["slope"]], abs=CASE["tolerance"])
    assert logistic(found[0] + 20 * found[1]) == pytest.approx(CASE["share_at_20"], abs=1e-8)
    assert PerfectSeparationWarning.__name__  # the warning says the fit is exact, as it is here


def test_trend_solves_the_score_equations_and_has_sandwich_errors() -> None:
    time = np.arange(16.0)
    share = np.clip(logistic(-1 + 0.1 * time) + np.random.default_rng(3).normal(0, 0.05, 16), 0.01, 0.99)
    found = con.fractional_logit(time, share)
    design = np.column_stack([np.ones(16), time])
    mean = logistic(design @ found.params)
    assert design.T @ (share - mean) == pytest.approx([0, 0], abs=1e-8)
    bread = np.linalg.inv(design.T @ (design * (mean * (1 - mean))[:, None]))
    meat = design.T @ (design * ((share - mean) ** 2)[:, None])
    expected = np.sqrt((bread @ meat @ bread)[1, 1] * 16 / 14)
    error, p_value = con.slope_error(found)
    assert error == pytest.approx(expected, rel=1e-6)
    assert p_value == pytest.approx(2 * student(14).sf(found.params[1] / expected), rel=1e-6)


def test_band_covers_the_true_slope_about_as_often_as_it_says() -> None:
    time = np.arange(24.0) - 11.5
    generator = np.random.default_rng(8)
    hits = 0
    for trial in range(40):
        noise = generator.normal(0, 0.04, 26)
        share = logistic(0.05 * time) + (noise[2:] + noise[1:-1] + noise[:-2]) / 1.5  # three years share a shock
        coefficients, block = con.block_bootstrap(time, share, draws=60, seed=trial)
        low, high = np.quantile(coefficients[:, 1], [0.05, 0.95])
        hits += low <= 0.05 <= high
    assert block == 3
    assert 24 <= hits <= 40  # 90 % meant; short series under-cover, and a band without blocks scores about 20


def test_bootstrap_is_seeded() -> None:
    time, share = np.arange(12.0), logistic(np.random.default_rng(1).normal(0, 0.3, 12))
    first, _ = con.block_bootstrap(time, share, 20, seed=4)
    assert np.array_equal(first, con.block_bootstrap(time, share, 20, seed=4)[0])
    assert not np.array_equal(first, con.block_bootstrap(time, share, 20, seed=5)[0])


def figures_of(rows: list[tuple]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["stage", "source", "country", "year", "quantity"])
    return frame.assign(unit="t", basis="t", note="")


def test_rest_of_the_world_widens_the_bounds() -> None:
    printed = figures_of([("mined", "a", "AAA", 2000, 60.0), ("mined", "a", "BBB", 2000, 20.0),
                          ("mined", "a", "OTH", 2000, 20.0)])
    total = printed.replace({"country": {"OTH": "WLD"}}).assign(quantity=[60.0, 20.0, 100.0])
    for figures in (printed, total):
        yearly, fits = con.tables(figures)
        row = yearly.iloc[0]
        assert (row["leader"], row["share"], row["n"]) == ("AAA", pytest.approx(0.6), 2)
        assert row["hhi_low"] == pytest.approx(0.4)  # .36 + .04
        assert row["hhi_high"] == pytest.approx(0.44)  # one unlisted supplier of .2
        assert list(fits["status"]) == ["too_short"] and fits["slope"].isna().all()


def test_vintages_stay_apart_and_the_longest_is_fitted() -> None:
    years = range(2010, 2024)
    long = [("mined", "old", c, y, v + (y % 3)) for y in years for c, v in (("AAA", 50.0), ("BBB", 30.0))]
    short = [("mined", "new", c, 2023, v) for c, v in (("AAA", 10.0), ("BBB", 90.0))]
    yearly, fits = con.tables(figures_of(long + short))
    assert list(fits["source"]) == ["old"] and list(fits["status"]) == ["fitted"] and list(fits["n"]) == [14]
    last = yearly[yearly["year"] == 2023].set_index("source")
    assert last.loc["old", "share"] == pytest.approx(51 / 82)
    assert last.loc["new", "share"] == pytest.approx(0.1)
    assert np.isnan(last.loc["new", "share_low"]) and last.loc["old", "share_low"] < last.loc["old", "share_high"]


@pytest.mark.parametrize("market", MARKETS)
def test_shipped_tables_are_rebuilt_byte_for_byte(market: str, tmp_path: Path) -> None:
    con.build(market, tmp_path)
    for name in ("concentration.csv", "concentration_fit.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / market / name).read_bytes(), name


def test_shipped_shares_are_those_of_the_sources() -> None:
    cobalt = pd.read_csv(DATA / "cobalt" / "concentration.csv").set_index(["stage", "source", "year"])["share"]
    assert cobalt["mined", "wmd2026", 2024] == pytest.approx(200_253 / 268_755, rel=1e-5)
    assert cobalt["refined", "bgs2025", 2023] == pytest.approx(140_000 / 175_706, rel=1e-5)
    earths = pd.read_csv(DATA / "rare_earths" / "concentration.csv").set_index(["stage", "source", "year"])["share"]
    assert earths["mined", "mcs2026", 2024] == pytest.approx(270_000 / 384_000, rel=1e-5)
    assert earths["ndpr_oxide", "iea2025", 2024] == pytest.approx(73_757 / 80_805, rel=1e-4)


def test_stages_without_a_series_are_not_fitted() -> None:
    fits = pd.read_csv(DATA / "rare_earths" / "concentration_fit.csv").set_index("stage")
    assert set(fits.loc[["ndpr_oxide", "magnet"], "status"]) == {"too_short"}
    assert fits.loc[["ndpr_oxide", "magnet"], ["slope", "se", "p", "band"]].isna().all().all()
    assert set(fits.loc[["mined"], "status"]) == {"fitted"}


@pytest.mark.parametrize("spoil", ["negative", "twice", "source"])
def test_faulty_figures_are_refused(spoil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = pd.read_csv(con.FIGURES / "rare_earths.csv", keep_default_na=False)
    if spoil == "negative":
        figures.loc[0, "quantity"] = -1
    elif spoil == "twice":
        figures = pd.concat([figures, figures.iloc[:1]])
    else:
        figures.loc[0, "source"] = "nobody"
    (tmp_path / "sources.csv").write_bytes((con.FIGURES / "sources.csv").read_bytes())
    figures.to_csv(tmp_path / "rare_earths.csv", index=False)
    monkeypatch.setattr(con, "FIGURES", tmp_path)
    with pytest.raises(DataError):
        con.build("rare_earths", tmp_path)


@pytest.mark.parametrize("market", MARKETS)
def test_chart(market: str, tmp_path: Path) -> None:
    table = pd.read_csv(DATA / market / "concentration.csv")
    figure = concentration_chart(table, "How concentrated?")
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "chart.svg")
    share, index = figure.axes
    lines = {line.get_linestyle() for line in share.lines if len(line.get_xdata()) > 12}
    colours = {line.get_color() for line in share.lines}
    assert len(colours) == table["stage"].nunique() and len(lines) >= 2
    text = " ".join([figure.get_supxlabel(), figure.legends[0].get_title().get_text()])
    for word in ("How concentrated?", "Unit: share of world output", "BGS 2025", "IEA 2025", "90 %"):
        assert word in text
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in index.lines])
    assert np.nanmax(drawn) == pytest.approx(table["hhi_high"].max(), abs=1e-9)
