"""Estimators of elasticities: instruments, Anderson-Rubin sets, partial adjustment, local projections, a VAR, pooling."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t as student

from calibration.elasticities import dynamics, iv
from calibration.elasticities.pooling import Pooled, paule_mandel, random_effects
from floormodel.errors import DataError

CASES = Path(__file__).parent / "cases"
NAMES = ["ela02_copper_2sls", "ela03_partial_adjustment", "ela04_svar_hyperbola"]
COPPER, ADJUSTMENT, PAIRS = (tomllib.loads((CASES / f"{name}.toml").read_text("utf-8")) for name in NAMES)


def copper(logs: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Consumption, price, controls with a constant, and instruments."""
    data = sm.datasets.copper.load_pandas().data
    change = np.log if logs else np.asarray
    q, p, income, aluminium, inventory = (change(data[c].to_numpy()) for c in (
        "WORLDCONSUMPTION", "COPPERPRICE", "INCOMEINDEX", "ALUMPRICE", "INVENTORYINDEX"))
    return q, p, np.column_stack([np.ones(len(q)), income, aluminium]), np.column_stack([inventory, data["TIME"]])


@pytest.mark.parametrize("form", ["levels", "logs"])
def test_copper_demand_by_two_stage_least_squares(form: str) -> None:
    case = COPPER[form]
    found = iv.two_stage(*copper(form == "logs"), robust=False)
    constant, *others = found.others
    close = {"rel": COPPER["tolerance"]}
    assert [constant, found.value, *others] == pytest.approx(case["coefficients"], **close)
    assert [found.other_errors[0], found.error, *found.other_errors[1:]] == pytest.approx(case["errors"], **close)
    assert found.first_stage_f == pytest.approx(case["first_stage_f"], **close)
    assert found.sargan == pytest.approx(case["sargan"], **close)
    assert found.sargan_p > 0.4  # chi2(1) of 0.5 to 0.6


def test_copper_elasticities_at_means() -> None:
    q, p, controls, instruments = copper(logs=False)
    found = iv.two_stage(q, p, controls, instruments)
    means = np.array([p.mean(), *controls[:, 1:].mean(axis=0)]) / q.mean()
    assert np.array([found.value, *found.others[1:]]) * means == pytest.approx(COPPER["elasticities_at_means"], rel=COPPER["tolerance"])


def rejects(y: np.ndarray, x: np.ndarray, controls: np.ndarray, z: np.ndarray, b: float) -> float:
    """p value of the F test that the instruments have no say in y - x b: the Anderson-Rubin test, by statsmodels."""
    found = sm.OLS(y - x * b, np.column_stack([controls, z])).fit()
    return float(found.f_test(np.eye(controls.shape[1] + z.shape[1])[controls.shape[1]:]).pvalue)


def test_anderson_rubin_set_ends_where_its_test_rejects() -> None:
    data = copper(logs=True)
    ((low, high),) = iv.two_stage(*data, level=0.90).anderson_rubin
    assert low < -0.69 < high < 0
    for end in (low, high):
        assert rejects(*data, end) == pytest.approx(0.10, rel=1e-6)
    assert rejects(*data, low - 0.5) < 0.10 < rejects(*data, -0.69)


def drawn(strength: float, seed: int, n: int = 60) -> tuple[np.ndarray, ...]:
    """y = -0.5 x + e with e and x moved by one shock; x has `strength` of two instruments."""
    generator = np.random.default_rng(seed)
    z, shock, noise = generator.normal(size=(n, 2)), generator.normal(size=n), generator.normal(size=n)
    x = strength * z.sum(axis=1) + shock + 0.3 * noise
    return -0.5 * x + shock, x, np.ones((n, 1)), z


def test_anderson_rubin_sets_of_every_shape() -> None:
    """Strong instruments: an interval. Without strength: two rays or the whole line. A wrong instrument: nothing."""
    q, p, controls, _ = copper(logs=True)
    data = sm.datasets.copper.load_pandas().data
    rays = iv.two_stage(q, p, controls, np.log(data[["INVENTORYINDEX", "TIME"]].to_numpy())).anderson_rubin
    assert [np.isinf(v) for pair in rays for v in pair] == [True, False, False, True]
    for end in (rays[0][1], rays[1][0]):
        assert rejects(q, p, controls, np.log(data[["INVENTORYINDEX", "TIME"]].to_numpy()), end) == pytest.approx(0.10, rel=1e-6)
    assert iv.set_text(rays) == "below -0.43 or above 1.7"
    irrelevant = np.tile([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], (15, 1))
    y, x, one, _ = drawn(0.0, 3)
    assert iv.two_stage(y, x, one, irrelevant).anderson_rubin == ((-np.inf, np.inf),)
    y, x, one, z = drawn(2.0, 1)
    ((low, high),) = iv.two_stage(y, x, one, z).anderson_rubin
    assert low < -0.5 < high
    assert iv.two_stage(y + 3 * z[:, 0], x, one, z).anderson_rubin == ()  # the first instrument moves y by itself
    assert (iv.set_text(((-np.inf, np.inf),)), iv.set_text(())) == ("any value", "no value")
    assert iv.set_text(((-0.5, 0.25),)) == "-0.5 to 0.25"


def test_anderson_rubin_covers_the_truth_with_weak_instruments_where_two_stage_does_not() -> None:
    hits, wald, draws = 0, 0, 400
    for seed in range(draws):
        y, x, one, z = drawn(0.08, seed)
        yr, xr, zr = (iv.partialled(v, one) for v in (y, x, z))
        hits += any(low <= -0.5 <= high for low, high in iv.anderson_rubin(yr, xr, zr, 57, 0.90))
        fitted = zr @ np.linalg.lstsq(zr, xr, rcond=None)[0]
        value = fitted @ yr / (fitted @ xr)
        error = np.sqrt(np.sum((yr - xr * value) ** 2) / 58 / (fitted @ fitted))
        wald += abs(value + 0.5) <= 1.67 * error
    assert abs(hits / draws - 0.90) < 3 * np.sqrt(0.9 * 0.1 / draws)
    assert wald / draws < 0.75


def test_effective_f_is_the_robust_one_with_one_instrument_and_the_usual_one_with_equal_squares() -> None:
    y, x, one, z = drawn(0.4, 5)
    robust = sm.OLS(x, np.column_stack([one, z[:, 0]])).fit(cov_type="HC1").tvalues[1] ** 2
    assert iv.two_stage(y, x, one, z[:, :1]).effective_f == pytest.approx(robust, rel=1e-9)
    assert np.isnan(iv.two_stage(y, x, one, z[:, :1]).sargan_p)
    grid = np.tile([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], (8, 1))
    signs = np.repeat([1.0, -1.0], 16)  # residuals of one size, with no relation to the instruments
    x = grid @ [0.7, 0.2] + 0.5 * signs
    assert iv.effective_f(x, grid, 29) == pytest.approx(iv.first_stage_f(x, grid, 29), rel=1e-12)
    assert iv.first_stage_f(x, grid, 29) == pytest.approx((32 * (0.7**2 + 0.2**2) / 2) / (32 * 0.25 / 29), rel=1e-12)  # by hand


def test_instruments_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x, one, z = drawn(1.0, 1, n=3)
    with pytest.raises(DataError, match="3 observations for 3 coefficients"):
        iv.two_stage(y, x, one, z)

    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(DataError, match=r"pip install floormodel\[calibration\]"):
        iv.two_stage(*drawn(1.0, 1))


def test_partial_adjustment_of_copper_demand() -> None:
    q, p, controls, _ = copper(logs=True)
    found = dynamics.partial_adjustment(q[1:], q[:-1], np.column_stack([p, controls[:, 1:]])[1:])
    close = {"rel": ADJUSTMENT["tolerance"]}
    assert list(found.params) == pytest.approx(ADJUSTMENT["coefficients"], **close)
    assert list(found.errors) == pytest.approx(ADJUSTMENT["errors"], **close)
    assert (found.speed, found.observations) == (pytest.approx(ADJUSTMENT["speed"], **close), ADJUSTMENT["observations"])
    assert found.short[0] == pytest.approx(ADJUSTMENT["short_run_price"], **close)
    assert found.long[:2] == pytest.approx([ADJUSTMENT["long_run_price"], ADJUSTMENT["long_run_income"]], **close)
    assert found.long_errors[0] == pytest.approx(ADJUSTMENT["long_run_price_error"], **close)


def test_pairs_of_elasticities_that_a_var_allows() -> None:
    covariance, close = np.array(PAIRS["covariance"]), {"rel": PAIRS["tolerance"]}
    assert list(dynamics.demand_given_supply(np.array(PAIRS["supply"]), covariance)) == pytest.approx(PAIRS["demand"], **close)
    ends = dynamics.demand_given_supply(np.array([0.0, 1e12]), covariance)
    assert list(ends) == pytest.approx([PAIRS["inverse_slope_price_on_quantity"], PAIRS["slope_quantity_on_price"]], **close)
    assert np.isinf(dynamics.demand_given_supply(np.array([0.5]), np.array([[2.0, 1.0], [1.0, 2.0]])))  # V_qp / V_pp


def test_innovations_are_what_the_lags_leave() -> None:
    generator = np.random.default_rng(4)
    lags, shocks = generator.normal(size=(30, 2)), generator.normal(size=(30, 2))
    left = iv.partialled(shocks, np.column_stack([lags, np.ones(30)]))
    found = dynamics.innovations(3 + lags @ [0.4, -0.1] + left[:, 0], lags @ [0.2, 0.5] + left[:, 1], lags, np.ones((30, 1)))
    assert found == pytest.approx(left.T @ left / 27, rel=1e-10)


def test_local_projection_finds_the_response_of_a_known_process() -> None:
    """q follows its own shock and 0.3 of the price change three years before; the price change is noise."""
    generator = np.random.default_rng(11)
    price = generator.normal(size=3003)
    q = np.cumsum(0.3 * np.concatenate([np.zeros(3), price[:-3]]) + 0.1 * generator.normal(size=3003))
    for h, expected in ((0, 0.0), (2, 0.0), (3, 0.3), (5, 0.3)):
        at = np.arange(2, 3003 - h)
        value, error, n = dynamics.local_projection(q[at + h] - q[at - 1], price[at], np.column_stack([price[at - 1], price[at - 2]]))
        assert abs(value - expected) < 4 * error < 0.1 and n == len(at)


TRIALS = np.array([  # BCG vaccine trials: cases and others, vaccinated and not (Colditz et al. 1994)
    [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619], [33, 5036, 47, 5761], [180, 1361, 372, 1079],
    [8, 2537, 10, 619], [505, 87886, 499, 87892], [29, 7470, 45, 7232], [17, 1699, 65, 1600], [186, 50448, 141, 27197],
    [5, 2493, 3, 2338], [27, 16886, 29, 17825]], dtype=float)


def test_published_heterogeneity_of_the_vaccine_trials() -> None:
    """tau^2 of Paule and Mandel 0.318 (also as the empirical Bayes estimate in Viechtbauer 2010), Q 152.23 and I2 92.12 %."""
    cases, free, control, well = TRIALS.T
    effect = np.log(cases / (cases + free) / (control / (control + well)))
    variance = 1 / cases - 1 / (cases + free) + 1 / control - 1 / (control + well)
    found = random_effects(effect, variance)
    assert found.tau**2 == pytest.approx(0.318, abs=5e-4)
    assert found.i2 == pytest.approx(0.9212, abs=5e-5)
    weight = 1 / (variance + found.tau**2)
    assert weight @ (effect - found.mean) ** 2 == pytest.approx(12, rel=1e-10)  # what defines the estimator


def test_pooling_with_equal_variances_by_hand() -> None:
    """Effects 1, 2, 3, 6: mean 3, variance 14 / 3; with a within-study variance of 2/3 tau^2 is 4, the error sqrt(14 / 3 / 4)."""
    found = random_effects([1, 2, 3, 6], [2 / 3] * 4)
    assert (found.mean, found.tau**2, found.error**2) == (pytest.approx(3), pytest.approx(4), pytest.approx(14 / 12))
    assert found.i2 == pytest.approx(1 - 3 / 21)  # Q = 14 / (2/3) = 21
    assert found.spread**2 == pytest.approx(4 + 14 / 12)
    shared = random_effects([1, 2, 3, 6], [2 / 3] * 4, studies=2)
    assert (shared.error**2, shared.freedom) == (pytest.approx(14 / 6), 1)


def test_no_spread_between_studies_is_found_where_they_agree_too_well() -> None:
    found = random_effects([1.0, 1.1, 0.9], [0.5] * 3)
    assert (found.tau, found.i2, found.error**2) == (0.0, 0.0, pytest.approx(0.5 / 3))  # not less than the classical error
    assert paule_mandel(np.array([1.0, 1.0]), np.array([0.1, 0.2])) == 0.0


def test_predictive_quantiles_with_and_without_a_sign() -> None:
    pooled = Pooled(mean=0.0, error=0.6, tau=0.8, i2=0.5, freedom=4)
    assert pooled.quantile([0.05, 0.95]) == pytest.approx([-student(4).ppf(0.95), student(4).ppf(0.95)])
    assert pooled.quantile([0.5], above=0.0) == pytest.approx([student(4).ppf(0.75)])  # half of what lies above zero
    far = Pooled(mean=50.0, error=0.6, tau=0.8, i2=0.5, freedom=40)
    assert far.quantile([0.5], above=0.0) == pytest.approx([50.0], rel=1e-9)


@pytest.mark.parametrize(("effects", "variances", "studies"), [([1], [1], None), ([1, 2], [1, 0], None), ([1, 2], [1], None),
                                                               ([1, 2], [1, 1], 1)])
def test_too_little_to_pool(effects: list, variances: list, studies: int | None) -> None:
    with pytest.raises(ValueError, match="at least two, each with a positive variance"):
        random_effects(effects, variances, studies)
