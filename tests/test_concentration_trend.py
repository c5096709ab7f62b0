"""Trends of the leading share against closed forms and simulation; breaks; shipped tables against their figures; the chart."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.stats import beta
from scipy.stats import t as student
from statsmodels.datasets import nile
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

import floormodel
from calibration import concentration as con
from floormodel.errors import ConvergenceError, DataError
from floormodel.indicators import share_trends as trends
from floormodel.report.concentration_chart import concentration_chart
from tests.same_tables import same

FOLDER = Path(__file__).parent / "cases"
CASE = tomllib.loads((FOLDER / "fractional_logit.toml").read_text(encoding="utf-8"))
NILE = tomllib.loads((FOLDER / "ela05_local_level_nile.toml").read_text(encoding="utf-8"))
DATA = Path(floormodel.__file__).parent / "data"
MARKETS = ("rare_earths", "cobalt", "nickel")


def logistic(x: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(x)))


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.PerfectSeparationWarning")
def test_noiseless_trend_is_found() -> None:
    time = np.arange(CASE["years"], dtype=float)
    found = trends.fractional_logit(time, logistic(CASE["intercept"] + CASE["slope"] * time)).params
    assert found == pytest.approx([CASE["intercept"], CASE["slope"]], abs=CASE["tolerance"])
    assert logistic(found[0] + 20 * found[1]) == pytest.approx(CASE["share_at_20"], abs=1e-8)
    assert PerfectSeparationWarning.__name__  # the warning says the fit is exact, as it is here


def test_trend_solves_the_score_equations_and_has_sandwich_errors() -> None:
    time = np.arange(16.0)
    share = np.clip(logistic(-1 + 0.1 * time) + np.random.default_rng(3).normal(0, 0.05, 16), 0.01, 0.99)
    found = trends.fractional_logit(time, share)
    design = np.column_stack([np.ones(16), time])
    mean = logistic(design @ found.params)
    assert design.T @ (share - mean) == pytest.approx([0, 0], abs=1e-8)
    bread = np.linalg.inv(design.T @ (design * (mean * (1 - mean))[:, None]))
    meat = design.T @ (design * ((share - mean) ** 2)[:, None])
    expected = np.sqrt((bread @ meat @ bread)[1, 1] * 16 / 14)
    error, p_value = trends.slope_error(found)
    assert error == pytest.approx(expected, rel=1e-6)
    assert p_value == pytest.approx(2 * student(14).sf(found.params[1] / expected), rel=1e-6)


def test_band_covers_the_true_slope_about_as_often_as_it_says() -> None:
    time = np.arange(24.0) - 11.5
    generator = np.random.default_rng(8)
    hits = 0
    for trial in range(40):
        noise = generator.normal(0, 0.04, 26)
        share = logistic(0.05 * time) + (noise[2:] + noise[1:-1] + noise[:-2]) / 1.5  # three years share a shock
        coefficients, block = trends.block_bootstrap(time, share, draws=60, seed=trial)
        low, high = np.quantile(coefficients[:, 1], [0.05, 0.95])
        hits += low <= 0.05 <= high
    assert block == 3
    assert 24 <= hits <= 40  # 90 % meant; short series under-cover, and a band without blocks scores about 20


def test_bootstrap_is_seeded() -> None:
    time, share = np.arange(12.0), logistic(np.random.default_rng(1).normal(0, 0.3, 12))
    first, _ = trends.block_bootstrap(time, share, 20, seed=4)
    assert np.array_equal(first, trends.block_bootstrap(time, share, 20, seed=4)[0])
    assert not np.array_equal(first, trends.block_bootstrap(time, share, 20, seed=5)[0])


def test_beta_regression_solves_its_score_equations() -> None:
    """At the maximum the sums of d log density / d mean and / d precision are zero; density after scipy."""
    time = np.arange(20.0) - 9.5
    share = beta(12 * logistic(0.1 * time), 12 * (1 - logistic(0.1 * time))).rvs(random_state=5)
    best = np.asarray(trends.beta_regression(time, share).params)

    def height(p: np.ndarray) -> float:
        mean, precision = logistic(p[0] + p[1] * time), np.exp(p[2])
        return float(beta(mean * precision, (1 - mean) * precision).logpdf(share).sum())

    step = 1e-5
    slope = [(height(best + step * e) - height(best - step * e)) / (2 * step) for e in np.eye(3)]
    assert slope == pytest.approx([0, 0, 0], abs=2e-3)  # a unit of the parameters is worth hundreds here


@pytest.mark.parametrize("breaks", [(), (3.0,)])
def test_refits_of_many_series_are_those_of_statsmodels(breaks: tuple) -> None:
    time = np.arange(16.0) - 7.5
    shares = np.clip(logistic(0.5 + 0.1 * time + np.random.default_rng(2).normal(0, 0.4, (6, 16))), 0.01, 0.99)
    design = trends.trend_design(time, breaks)
    logits = trends.logit_coefficients(design, shares, np.zeros(design.shape[1]))
    betas = trends.beta_parameters(design, shares, np.append(np.zeros(design.shape[1]), 2.0))
    for row, coefficients, parameters in zip(shares, logits, betas):
        assert coefficients == pytest.approx(trends.fractional_logit(time, row, breaks).params, abs=1e-8)
        assert parameters == pytest.approx(trends.beta_regression(time, row, breaks).params, abs=2e-3)


def test_band_of_the_beta_regression_covers_about_as_often_as_it_says() -> None:
    time, generator, hits = np.arange(24.0) - 11.5, np.random.default_rng(18), 0
    mean = logistic(1.5 + 0.05 * time)
    for trial in range(40):
        share = generator.beta(40 * mean, 40 * (1 - mean))
        parameters, _ = trends.beta_block_bootstrap(time, share, draws=60, seed=trial)
        low, high = np.quantile(parameters[:, 1], [0.05, 0.95])
        hits += low <= 0.05 <= high
    assert 29 <= hits <= 40  # 36 meant; below 29 one time in a thousand


def test_a_share_at_its_end_has_no_logit() -> None:
    with pytest.raises(ConvergenceError, match="at 0 or 1"):
        trends.logit_coefficients(trends.trend_design(np.arange(10.0)), np.ones((1, 10)), np.zeros(2))


def test_local_level_of_the_nile() -> None:
    found = trends.local_level(nile.load_pandas().data["volume"].to_numpy())
    for key in ("irregular", "wandering"):
        assert getattr(found, key) == pytest.approx(NILE[key], rel=NILE["tolerance_parameters"])
        assert getattr(found, key) == pytest.approx(NILE["textbook"][key], rel=NILE["tolerance_parameters"])
    assert found.log_likelihood == pytest.approx(NILE["log_likelihood"], abs=NILE["tolerance_likelihood"])


def test_local_level_tells_noise_from_wandering_and_finds_a_slope() -> None:
    noise, time = np.random.default_rng(1).normal(0, 1, 200), np.arange(200.0)
    still, walk = trends.local_level(5 + noise), trends.local_level(5 + np.cumsum(noise))
    assert still.wandering < 0.01 * still.irregular and walk.irregular < 0.2 * walk.wandering
    assert still.level == pytest.approx(np.full(200, 5.0), abs=0.3)
    gap = np.where((time > 90) & (time < 100), np.nan, 5 + 0.02 * time + 0.1 * noise)
    sloped = trends.local_level(gap, time[:, None])
    assert sloped.coefficients[0] == pytest.approx(0.02, abs=4 * sloped.coefficient_errors[0])
    assert sloped.level[95] == pytest.approx(5 + 0.02 * 95, abs=0.1)


def test_slope_of_a_random_walk_is_its_mean_step() -> None:
    """Without noise the estimate of a drift is the mean of the steps, its standard error their deviation over the root of their number."""
    walk = np.cumsum(np.random.default_rng(6).normal(0.1, 1, 60))
    found = trends.local_level(walk, np.arange(60.0)[:, None])
    steps = np.diff(walk)
    assert found.irregular < 0.02 * found.wandering
    assert found.coefficients[0] == pytest.approx(steps.mean(), abs=0.02)
    assert found.coefficient_errors[0] == pytest.approx(steps.std(ddof=1) / np.sqrt(59), rel=0.1)


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


# ---- breaks: a revision is no trend

WOBBLE = 0.01 * np.resize([1.0, -1.0, 0.5, -0.5], 14)


def stepped(step_year: int = 2017, level: tuple = (0.4, 0.6), source: str = "long") -> pd.DataFrame:
    """A share without any trend that is counted higher from one year on."""
    years = np.arange(2010, 2024)
    share = np.where(years < step_year, *level) + WOBBLE
    return figures_of([("mined", source, c, y, 1000 * s) for y, x in zip(years, share) for c, s in (("AAA", x), ("BBB", 0.9 * (1 - x)),
                                                                                                    ("CCC", 0.1 * (1 - x)))])


def listed(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame([("m", "mined", source, year, "counted anew", "the source says so") for source, year in rows],
                        columns=con.BREAK_COLUMNS)


def test_a_listed_break_is_no_trend_and_an_unlisted_one_looks_like_one() -> None:
    _, blind = con.tables(stepped())
    _, told = con.tables(stepped(), listed(("long", 2017)))
    wrong, right = blind.iloc[0], told.iloc[0]
    # least squares of a step of log odds 2 log(1.5) after 7 of 14 years: step x 7 x 3.5 over the squares of the years, 14 (14^2 - 1) / 12
    assert wrong["slope"] == pytest.approx(2 * np.log(1.5) * 24.5 * 12 / (14 * (14**2 - 1)), rel=0.1)
    assert wrong["slope_low"] > 0.05 and wrong["beta_slope"] > 0.05
    assert abs(right["slope"]) < 0.01 and abs(right["beta_slope"]) < 0.01 and abs(right["walk_slope"]) < 0.02
    assert right["slope_low"] < 0 < right["slope_high"] and right["beta_low"] < 0 < right["beta_high"]
    assert right["slope_without_breaks"] == pytest.approx(wrong["slope"]) and right["breaks"] == "2017" and wrong["breaks"] == ""
    assert wrong["jump_year"] == 2017 and wrong["jump"] == pytest.approx(0.2, abs=0.025)
    assert abs(right["jump"]) < 0.025


def test_a_trend_beside_a_break_is_still_found() -> None:
    years = np.arange(2010, 2024)
    share = logistic(0.08 * (years - 2016.5) + 0.7 * (years >= 2017)) + WOBBLE / 2
    found = trends.fractional_logit(years - 2016.5, share, [0.5])
    assert found.params[1:] == pytest.approx([0.08, 0.7], abs=0.02)


def test_sources_are_joined_only_where_a_break_says_so() -> None:
    """One source to 2020, another that counts a fifth less from 2021: the joined series has the step and no slope."""
    figures = pd.concat([stepped(level=(0.6, 0.6)), stepped(level=(0.4, 0.4), source="new").query("year >= 2019")])
    with pytest.raises(DataError, match=r"breaks\.csv"):
        con.series(figures, "mined", "long+new")
    joined = con.series(figures, "mined", "long+new", 2021)
    assert joined["AAA"].to_numpy() == pytest.approx(np.where(joined.index < 2021, 0.6, 0.4) + WOBBLE)
    _, fits = con.tables(figures, listed(("long+new", 2021)))
    assert list(fits["source"]) == ["long", "long+new"] and list(fits["breaks"]) == ["", "2021"]
    assert abs(fits["slope"]).max() < 0.02
    assert fits["slope_without_breaks"].iloc[1] < -0.03


def test_years_without_the_leader_are_no_years_without_output() -> None:
    """The source does not print the leader before 2014: those years have no share, rather than a share of nothing."""
    figures = stepped().query("country != 'AAA' or year >= 2014")
    yearly, fits = con.tables(figures)
    assert yearly["year"].min() == 2014 and list(fits["n"]) == [10]


@pytest.mark.parametrize("row", ["m,mined,long,soon,why,who", "m,mined,long,2017,,who", "m,mined,long,2017,why,"])
def test_faulty_breaks_are_named(row: str, tmp_path: Path) -> None:
    (tmp_path / "breaks.csv").write_text(",".join(con.BREAK_COLUMNS) + "\n" + row + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2"):
        con.read_breaks(tmp_path / "breaks.csv")


@pytest.mark.parametrize("breaks", [[2009], [2024], [2017.2, 2017.5]])
def test_breaks_that_years_cannot_tell_are_refused(breaks: list) -> None:
    with pytest.raises(DataError):
        trends.trend_design(np.arange(2010, 2024), breaks)


def test_antimony_fell_by_revision_between_two_editions() -> None:
    """China's mined antimony of 2024 is 60,000 of 100,000 t in one USGS edition, 40,000 of 119,000 t in the next. A series that goes on
    with the first where another source ends has a step of its own in its last year, so its slope is that without this year."""
    figures = con.read_history("antimony")
    editions = {s: con.series(figures, "mined", s).loc[2024, "CHN"] for s in ("mcs2025", "mcs2026")}
    assert editions["mcs2025"] == pytest.approx(60_000 / 104_260, rel=0.05)
    assert editions["mcs2026"] == pytest.approx(40_000 / 119_000, rel=0.05)
    breaks = con.read_breaks(con.FIGURES / "breaks.csv").query("market == 'antimony'")
    assert {("mcs2025+mcs2026", 2024)} <= set(zip(breaks["source"], breaks["year"]))
    joined = con.series(figures, "mined", "bgs2025+mcs2025", 2024)["CHN"].loc[2010:]
    assert joined.index[-1] == 2024 and joined[2024] - joined[2023] > 0.2
    told = trends.fractional_logit(joined.index - 2017.0, joined, [2024 - 2017.0])
    alone = trends.fractional_logit(joined.index[:-1] - 2017.0, joined.iloc[:-1])
    blind = trends.fractional_logit(joined.index - 2017.0, joined)
    assert told.params[1] == pytest.approx(alone.params[1], abs=1e-8)
    assert blind.params[1] > told.params[1] + 0.02


def test_the_leader_is_that_of_the_newest_year() -> None:
    later = figures_of([("mined", "new", c, 2024, q) for c, q in (("AAA", 30.0), ("BBB", 60.0))])
    assert con.largest(pd.concat([stepped(), later]), "mined") == "BBB"
    assert con.largest(stepped(), "mined") == "AAA"


def test_laws_are_fitted_to_the_newest_edition_of_each_publisher() -> None:
    figures = con.read_history("cobalt")
    found = con.models(figures).set_index(["stage", "source", "law"])
    assert set(found.loc["mined"].index.get_level_values("source")) == {"bgs2025", "iea2025", "mcs2026", "wmd2026"}
    iea = found.loc[("mined", "iea2025", "zipf")]
    assert (iea["year"], iea["n"]) == (2024, 4)
    assert iea["unlisted"] == pytest.approx(45_691.1 / 273_337.1, rel=1e-6)
    listed_sizes = figures.query("stage == 'mined' and source == 'iea2025' and country not in ['OTH', 'WLD']")["quantity"]
    assert iea["parameter"] == pytest.approx(3 / np.log(listed_sizes / listed_sizes.min()).sum())


@pytest.mark.parametrize("market", ["rare_earths"])
def test_shipped_tables_are_rebuilt_byte_for_byte(market: str, tmp_path: Path) -> None:
    con.build(market, tmp_path)
    for name in ("concentration.csv", "concentration_fit.csv", "concentration_models.csv"):
        assert same(tmp_path / name, DATA / market / name), name


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
    for name in ("sources.csv", "breaks.csv"):
        (tmp_path / name).write_bytes((con.FIGURES / name).read_bytes())
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
    text = " ".join([figure.get_supxlabel(), figure.legends[0].get_title().get_text()]).replace("\n", " ")
    for word in ("How concentrated?", "Unit: share of world output", "BGS 2025", "IEA 2025", "90 %"):
        assert word in text
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in index.lines])
    assert np.nanmax(drawn) == pytest.approx(table["hhi_high"].max(), abs=1e-9)
