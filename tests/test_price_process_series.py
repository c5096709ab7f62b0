"""The series behind each market's price risk, how they are deflated, and the correlation of their shocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from calibration import price_correlation, price_process, price_series
from floormodel.errors import DataError
from floormodel.finance.price_process import Fit, OrnsteinUhlenbeck, load_price_correlation, load_price_risk

DATA = Path(__file__).parents[1] / "src" / "floormodel" / "data"
MARKETS = list(price_series.choices()["market"].unique())


def test_markets_and_goods_are_those_of_the_package():
    assert set(MARKETS) == set(fm.list_markets()) - {"ferrosilicon"}
    for market in MARKETS:
        risk = load_price_risk(market)
        assert risk.good in fm.load_market(market).goods
        assert risk.half_life[0] <= risk.process.half_life <= risk.half_life[1] and risk.sigma[0] < risk.process.sigma < risk.sigma[1]


@pytest.mark.parametrize("market", [m for m in MARKETS if m not in ("nickel", "aluminium", "rare_earths", "cobalt")])
def test_tables_are_what_the_figures_give(tmp_path, market):
    """One monthly market here; the rare earths and cobalt in test_viability.py."""
    price_process.build(market, tmp_path)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (DATA / market / path.name).read_bytes(), path.name
    assert len(list(tmp_path.iterdir())) == 4


def test_list_prices_set_no_range():
    """Before 2000 unit values of minor metals in Data Series 140 are producers' lists: cobalt's, kept beside two others, widens nothing.
    And the London prices begin where aluminium and nickel were first traded: no month is like the one before."""
    fits = pd.read_csv(DATA / "cobalt" / "price_process_fit.csv").set_index("series")
    listed = fits.loc["cobalt_unit_value_1998usd"]
    half_life, sigma = (row for _, row in pd.read_csv(DATA / "cobalt" / "price_process.csv").iterrows())
    assert int(listed["last"]) == 1992
    assert listed["half_life_high"] == np.inf and half_life["high"] == pytest.approx(fits["half_life_high"].iloc[0], rel=1e-3)
    assert sigma["low"] < listed["sigma"] < sigma["high"]
    used = {row.series for row in price_series.choices().itertuples()}
    assert {name for name in used if "1998usd" in name} == {"cobalt_unit_value_1998usd", "rare_earth_unit_value_1998usd"}
    for name in ("aluminium_lme", "copper_lme", "nickel_lme"):
        series = price_series.read(name)
        assert series.periods[0] == "1980-01" and np.all(np.diff(series.prices) != 0)


def made(phi: float, error: float, number: int) -> Fit:
    """A fit to yearly prices with this persistence, standard error and number of prices."""
    return Fit(OrnsteinUhlenbeck.from_ar1(phi, 0.2, 5.0, 1.0), phi, 0.2, 5.0, (error, 0.01, 0.1), 0.0, number, 1.0, False)


def test_high_end_of_the_half_life_by_hand():
    """Half-life at persistence f is log 0.5 / log f: 3.11 at 0.8, 6.58 at 0.9, 68.97 at 0.99, the longest there is."""
    def high(*fits):
        series = [price_series.Series(f"s{k}", np.ones(2), ("2000", "2001"), 1.0, "USD/t", frozenset()) for k in range(len(fits))]
        return float(price_process.parameters("g", series, list(fits)).loc[0, "high"])

    narrow, longer, endless = made(0.5, 0.3 / 1.645, 40), made(0.7, 0.2 / 1.645, 40), made(0.7, 0.4 / 1.645, 40)
    most = np.log(0.5) / np.log(0.99)
    assert high(narrow) == pytest.approx(np.log(0.5) / np.log(0.8))
    assert high(narrow, longer) == pytest.approx(np.log(0.5) / np.log(0.9))
    assert high(endless) == high(narrow, endless) == high(made(0.95, 0.045 / 1.645, 400)) == pytest.approx(most)  # the last: 138 at 0.995
    assert high(narrow, made(0.7, 0.4 / 1.645, 10)) == high(narrow)  # too short to say
    assert high(made(0.7, 0.4 / 1.645, 10)) == pytest.approx(most)  # but it is all there is


def test_a_fit_at_a_bound_is_not_the_best():
    """Five unit values of gallium without any persistence: the bounded process has the higher likelihood and is no candidate."""
    table = pd.read_csv(DATA / "gallium" / "price_process_models.csv").query("series == 'gallium_import_unit_value'").set_index("model")
    assert bool(table.loc["ou", "at_bound"]) and table.loc["ou", "aic"] < table.loc["gbm", "aic"]
    best = pd.read_csv(DATA / "gallium" / "price_process_fit.csv").set_index("series").loc["gallium_import_unit_value"]
    assert (best["best_aic"], best["best_bic"]) == ("gbm", "gbm")


def test_no_range_is_beyond_the_longest():
    for market in MARKETS:
        row = pd.read_csv(DATA / market / "price_process.csv").iloc[0]
        assert row["low"] <= row["value"] <= row["high"] < 68.98


def test_a_yearly_price_is_converted_and_deflated_by_hand():
    # antimony 2018: 3.81 USD/lb; CPI 251.107 in 2018 and 313.689 in 2024
    series = price_series.read("antimony_metal")
    assert series.prices[0] == pytest.approx(3.81 / 0.00045359237 * 313.689 / 251.107, rel=1e-12)
    assert series.unit == "2024 USD/t" and series.span == ("2018", "2025") and "usgs_mcs2023" in series.sources
    # 1998 dollars are brought to 2024, whatever the year of the price
    table = pd.read_csv(price_series.FIGURES / "prices.csv").query("series == 'cobalt_unit_value_1998usd'")
    ratio = price_series.read("cobalt_unit_value_1998usd").prices / table["value"].to_numpy()
    np.testing.assert_allclose(ratio, 313.689 / 163.0, rtol=1e-12)
    assert price_series.read("tungsten_concentrate").unit == "2024 USD/t WO3"


def test_months_are_deflated_between_the_middles_of_years():
    index = price_series.index()["value"]
    nominal = pd.read_csv(price_series.FIGURES / "monthly.csv").query("series == 'copper_lme'").set_index("month")["value"]
    series = price_series.read("copper_lme")
    level = pd.Series(nominal.to_numpy() / series.prices * index[2024], index=list(series.periods))
    # July begins in the middle of the year: its middle is 1 / 24 of a year on, June's as much before
    step = np.log(index[2011] / index[2010])
    assert np.log(level["2010-07"] / index[2010]) == pytest.approx(step / 24, rel=1e-9)
    assert np.log(level["2010-12"] / level["2010-11"]) == pytest.approx(step / 12, rel=1e-9)
    assert np.log(level["2025-11"] / index[2025]) == pytest.approx(np.log(index[2025] / index[2024]) * (9 / 24), rel=1e-9)
    assert np.max(np.abs(np.diff(np.log(level)))) < 0.011  # the index never jumps at a turn of the year


def test_yearly_means_are_of_whole_years():
    monthly = price_series.read("nickel_lme")
    yearly = monthly.yearly()
    assert yearly.span == ("1980", "2024") and yearly.step == 1.0
    assert yearly.prices[-1] == pytest.approx(np.mean([p for p, when in zip(monthly.prices, monthly.periods) if when[:4] == "2024"]))
    assert yearly.yearly() is yearly


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for path in price_series.FIGURES.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(price_series, "FIGURES", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("file", "old", "new", "words"), [
    ("prices.csv", "germanium_metal,2019,", "germanium_metal,2029,", "a gap"), ("prices.csv", "germanium_metal,2019,1236,USD/kg",
     "germanium_metal,2019,1236,USD/t", "expected one"), ("prices.csv", "germanium_metal,2019,1236,USD/kg,usgs_mcs2022",
     "germanium_metal,2019,1236,USD/kg,nobody", "not in sources.csv"), ("series.csv", "main,germanium_metal", "main,germanium_metl",
     "did you mean 'germanium_metal'"), ("series.csv", "main,germanium_metal", "other,germanium_metal", "one main series"),
    ("series.csv", "market,good", "market,goods", "header")])
def test_faulty_figures_are_refused(folder, file, old, new, words):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(DataError) as told:
        price_series.series_of("germanium")
    assert words in str(told.value)


def test_a_market_without_a_series_is_named():
    with pytest.raises(DataError, match="did you mean 'copper'"):
        price_series.series_of("coper")
    assert not price_series.has_series("ferrosilicon")


# ---- correlation across minerals


def test_shocks_of_one_source_are_found_and_few_years_count_less():
    """Two long series with correlation 0.8, and a short one: its estimate is drawn further toward the mean of all."""
    rng = np.random.default_rng(2)
    common = rng.standard_normal(400)
    long = {name: pd.Series(np.sqrt(0.8) * common + np.sqrt(0.2) * rng.standard_normal(400), index=range(400)) for name in "ab"}
    short = pd.Series(rng.standard_normal(8), index=range(8))
    table, told = price_correlation.correlations({("a", "g", "s"): long["a"], ("b", "g", "s"): long["b"], ("c", "g", "s"): short})
    rows = table.set_index(["market", "with_market"])
    assert rows.loc[("a", "b"), "estimate"] == pytest.approx(0.8, abs=0.05)
    assert abs(rows.loc[("a", "b"), "pooled"] - rows.loc[("a", "b"), "estimate"]) < 0.01
    mean = told.set_index("what")["value"].iloc[0]
    for pair in (("a", "c"), ("b", "c")):
        row = rows.loc[pair]
        assert row["years"] == 8 and abs(row["pooled"] - mean) < abs(row["estimate"] - mean) and row["low"] < row["estimate"] < row["high"]
    # Fisher: tanh(arctanh r -/+ 1.645 / sqrt(n - 3))
    row = rows.loc[("a", "b")]
    assert row["high"] == pytest.approx(np.tanh(np.arctanh(row["estimate"]) + 1.645 / np.sqrt(397)), rel=1e-9)


def test_shocks_are_what_the_fitted_process_does_not_expect():
    x = OrnsteinUhlenbeck.from_half_life(2.0, 0.3, 4.0).simulate(4.0, 3000, 1, seed=4)[0]
    shocks = price_correlation.residuals(np.exp(x), tuple(str(k) for k in range(len(x))))
    assert list(shocks.index) == list(range(1, len(x)))
    assert abs(np.corrcoef(shocks[1:], shocks[:-1])[0, 1]) < 4 / np.sqrt(3000) and abs(shocks.mean()) < 0.02


def test_the_repair_leaves_a_correlation_matrix_alone_and_finds_the_nearest_to_one_that_is_none():
    """The worked example of Higham (2002), Computing the nearest correlation matrix: 1, 1, 0 becomes 0.7607, 0.7607, 0.1573."""
    fine = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert price_correlation.repair(fine) is fine
    mended = price_correlation.repair(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]))
    np.testing.assert_allclose(mended, [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]], atol=6e-5)
    assert np.linalg.eigvalsh(mended)[0] >= price_correlation.SMALLEST


def test_too_few_years_in_common_are_refused():
    a, b = pd.Series(np.arange(9.0), index=range(9)), pd.Series(np.arange(9.0), index=range(6, 15))
    with pytest.raises(DataError, match="one and two have fewer than 5 years"):
        price_correlation.correlations({("one", "g", "s"): a, ("two", "g", "s"): b})


def test_the_shipped_matrix_is_rebuilt_and_is_a_correlation_matrix(tmp_path):
    price_correlation.build(tmp_path)
    for name in ("correlation.csv", "repair.csv", "sources.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / "price_correlation" / name).read_bytes(), name
    matrix = load_price_correlation(MARKETS)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix)[0] > 0 and np.all(np.diag(matrix) == 1)
    assert list(load_price_correlation(["nickel", "copper"]).index) == ["nickel", "copper"]
    with pytest.raises(DataError, match="did you mean 'copper'"):
        load_price_correlation(["coper"])
