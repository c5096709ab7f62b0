"""Price processes: closed forms, maximum likelihood against other makers' likelihoods, comparison, units and taxes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm
from statsmodels.tsa.stattools import adfuller

from floormodel.errors import DataError
from floormodel.finance.price_comparison import ORDER, fit_models, mean_reversion_p
from floormodel.finance.price_models import GeometricBrownian, Jumps, SchwartzSmith, WithJumps, simulate
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.price_units import price_unit, real, usd_per_tonne

PROC01 = tomllib.loads((Path(__file__).parent / "cases" / "price_process.toml").read_text("utf-8"))
MONTH = 1 / 12


# ---- two factors


def test_two_factor_curve_and_variance_of_schwartz_and_smith():
    model, expected = SchwartzSmith(**PROC01["parameters"]), PROC01["expected"]
    chi, xi = PROC01["state"]["chi"], PROC01["state"]["xi"]
    assert model.half_life == pytest.approx(expected["half_life"], rel=1e-7)
    np.testing.assert_allclose(model.futures(chi, xi, expected["years"]), expected["futures"], rtol=1e-9)
    np.testing.assert_allclose(model.variance(expected["variance_years"]), expected["variance"], rtol=1e-8)


def test_two_factor_model_holds_the_one_factor_ones():
    """Without xi it is the mean-reverting process, without chi a GBM; with the drifts of spot and futures equal they are one."""
    chi_only = SchwartzSmith(0.5, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0)
    ou = OrnsteinUhlenbeck(0.5, 0.3, 4.0)
    years = np.array([0.1, 1.0, 7.0])
    np.testing.assert_allclose(chi_only.variance(years), ou.variance(years), rtol=1e-12)
    np.testing.assert_allclose(chi_only.expected_spot(0.2, 4.0, years), np.exp(ou.mean(4.2, years) + ou.variance(years) / 2), rtol=1e-12)
    xi_only = SchwartzSmith(0.5, 0.0, 0.0, 0.02, 0.02, 0.25, 0.0)
    gbm = GeometricBrownian(0.02, 0.25)
    np.testing.assert_allclose(xi_only.futures(0.0, 4.0, years), np.exp(gbm.mean(4.0, years) + gbm.variance(years) / 2), rtol=1e-12)


@pytest.mark.parametrize("make", [lambda: SchwartzSmith(0.0, 1, 0, 0, 0, 1, 0), lambda: SchwartzSmith(1, 1, 0, 0, 0, 1, 1.1),
                                  lambda: GeometricBrownian(0.0, -1.0), lambda: Jumps(-0.1, 0.0, 1.0), lambda: Jumps(1.0, np.nan, 1.0)])
def test_faulty_processes_are_refused(make):
    with pytest.raises(DataError, match="expected"):
        make()


# ---- simulation


@pytest.mark.parametrize("core", [OrnsteinUhlenbeck(0.6, 0.3, 4.0), GeometricBrownian(0.05, 0.3)])
def test_simulated_steps_have_the_moments_of_the_closed_form(core):
    process, paths = WithJumps(core, Jumps(0.8, -0.2, 0.3)), 200_000
    x = simulate(process, 4.5, 1, paths, seed=1, step=0.5)[:, 1]
    variance = process.step_variance(0.5)
    assert variance == pytest.approx(float(core.variance(0.5)) + 0.4 * (0.2**2 + 0.3**2), rel=1e-12)
    assert x.mean() == pytest.approx(float(process.step_mean(4.5, 0.5)), abs=4 * np.sqrt(variance / paths))
    assert x.var() == pytest.approx(variance, rel=0.02)
    assert np.array_equal(simulate(core, 4.5, 3, 4, seed=2), simulate(core, 4.5, 3, 4, seed=2))


# ---- maximum likelihood


def by_name(fits):
    return {f.model: f for f in fits}


@pytest.fixture(scope="module")
def jumpy():
    """1,000 months of a mean-reverting price with jumps, and its four fits."""
    process = WithJumps(OrnsteinUhlenbeck.from_half_life(2.0, 0.2, 4.0), Jumps(1.2, -0.1, 0.25))
    x = simulate(process, 4.0, 1000, 1, seed=5, step=MONTH)[0]
    return process, x, by_name(fit_models(np.exp(x), MONTH))


def test_plain_fits_are_least_squares_with_the_errors_of_least_squares():
    x = OrnsteinUhlenbeck.from_half_life(2.0, 0.3, 4.0).simulate(4.0, 200, 1, seed=3)[0]
    found = by_name(fit_models(np.exp(x), jumps=False))
    assert set(found) == {"ou", "gbm"}
    peer = sm.OLS(x[1:], sm.add_constant(x[:-1])).fit()
    ou, gbm = found["ou"], found["gbm"]
    assert ou.log_likelihood == pytest.approx(peer.llf, rel=1e-12)
    assert (ou.values["phi"], ou.values["level"]) == pytest.approx((peer.params[1], peer.params[0] / (1 - peer.params[1])), rel=1e-9)
    n = len(x) - 1
    assert ou.errors["phi"] == pytest.approx(peer.bse[1] * np.sqrt((n - 2) / n), rel=1e-5)
    assert ou.errors["sd"] == pytest.approx(ou.values["sd"] / np.sqrt(2 * n), rel=1e-5)
    assert gbm.log_likelihood == pytest.approx(norm(np.diff(x).mean(), np.diff(x).std()).logpdf(np.diff(x)).sum(), rel=1e-12)
    assert gbm.errors["level"] == pytest.approx(np.diff(x).std() / np.sqrt(n), rel=1e-5)
    assert ou.aic == pytest.approx(6 - 2 * peer.llf) and ou.bic == pytest.approx(3 * np.log(n) - 2 * peer.llf)
    assert ou.process.half_life == pytest.approx(ou.half_life, rel=1e-12) and gbm.half_life == np.inf
    assert gbm.process.sigma == pytest.approx(np.diff(x).std(), rel=1e-12)


@pytest.mark.parametrize("model", ["ou_jumps", "gbm_jumps"])
def test_likelihood_with_jumps_is_that_of_the_characteristic_function(jumpy, model):
    """exp(i m u - s^2 u^2 / 2 + l (exp(i a u - d^2 u^2 / 2) - 1)) inverted by quadrature: no mixture, nothing cut off."""
    _, x, found = jumpy
    fit = found[model]
    v = {"phi": 1.0} | fit.values
    constant = v["level"] * (1 - v["phi"]) if model == "ou_jumps" else v["level"]
    s, rate, a, d = v["sd"], v["rate"], v["jump_mean"], v["jump_sd"]

    def density(y: float) -> float:
        def wave(u: float) -> float:
            jump = rate * (np.exp(1j * a * u - d**2 * u**2 / 2) - 1)
            return float(np.real(np.exp(-1j * u * y - s**2 * u**2 / 2 + jump)))
        return quad(wave, 0, 9 / s, limit=400, epsabs=1e-12)[0] / np.pi

    some = slice(0, 1000, 50)
    shocks = x[1:] - constant - v["phi"] * x[:-1]
    part = fit_models(np.exp(x), MONTH, jumps=False)  # the same series, to compare sizes
    assert fit.log_likelihood > max(f.log_likelihood for f in part)
    from_mixture = np.log(sum(np.exp(-rate) * rate**k / np.prod(np.arange(1, k + 1)) * norm(k * a, np.sqrt(s**2 + k * d**2)).pdf(shocks)
                              for k in range(ORDER + 1)))
    assert from_mixture.sum() == pytest.approx(fit.log_likelihood, rel=1e-9)
    np.testing.assert_allclose(from_mixture[some], [np.log(density(y)) for y in shocks[some]], atol=1e-6)


def test_a_long_series_gives_its_process_back(jumpy):
    process, _, found = jumpy
    fit = found["ou_jumps"]
    true = {"level": 4.0, "phi": float(np.exp(-process.process.kappa * MONTH)), "sd": float(np.sqrt(process.process.variance(MONTH))),
            "rate": 0.1, "jump_mean": -0.1, "jump_sd": 0.25}
    assert not fit.at_bound and fit.tail < 1e-15 and fit.parameters == 6
    for name, value in true.items():
        if name != "level":  # jumps on the way move the level below that of the process
            assert abs(fit.values[name] - value) < 3.5 * fit.errors[name], name
    assert min(found.values(), key=lambda f: f.bic).model == "ou_jumps"
    assert isinstance(fit.process, WithJumps) and fit.process.jumps.rate == pytest.approx(12 * fit.values["rate"])


def test_the_fit_is_a_maximum(jumpy):
    _, x, found = jumpy
    fit = found["gbm_jumps"]
    best = fit.log_likelihood
    change = np.diff(x)

    def value(**off: float) -> float:
        v = {k: fit.values[k] + off.get(k, 0.0) for k in fit.values}
        terms = [np.exp(-v["rate"]) * v["rate"] ** k / np.prod(np.arange(1, k + 1))
                 * norm(v["level"] + k * v["jump_mean"], np.sqrt(v["sd"] ** 2 + k * v["jump_sd"] ** 2)).pdf(change) for k in range(12)]
        return float(np.log(sum(terms)).sum())

    assert value() == pytest.approx(best, rel=1e-10)
    for name, error in fit.errors.items():
        gains = [value(**{name: sign * 0.3 * error}) - best for sign in (-1, 1)]
        assert max(gains) < 0 and sum(gains) < -0.05  # one parameter alone moved by 0.3 errors costs 0.045 or more each way


def test_a_series_that_drifts_apart_ends_at_the_bound():
    rising = by_name(fit_models(np.exp(np.array([0.0, 0.1, 0.25, 0.45, 0.7, 1.0])), jumps=False))["ou"]
    assert rising.at_bound and np.isnan(rising.errors["phi"])


def test_what_no_process_fits_is_refused():
    for prices in ([1.0, 2.0, 3.0, 4.0], [5.0] * 8, [1.0, 2.0, -1.0, 2.0, 3.0], [1.0, 2.0, np.nan, 2.0, 3.0]):
        with pytest.raises(DataError):
            fit_models(prices)


# ---- mean reversion or not


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_p_value_is_that_of_dickey_and_fuller_in_a_long_series():
    """A GBM without drift: the bootstrap of its t value against MacKinnon's tables."""
    rng = np.random.default_rng(0)
    for kappa in (0.0, 0.03, 0.08):
        x = np.zeros(300)
        shock = rng.standard_normal(300) * 0.1
        for k in range(1, 300):
            x[k] = (1 - kappa) * x[k - 1] + shock[k]
        x -= np.linspace(0, x[-1] - x[0], 300)  # no drift
        assert mean_reversion_p(np.exp(x)) == pytest.approx(adfuller(x, maxlag=0, autolag=None)[1], abs=0.05)


def test_p_values_of_a_gbm_are_uniform_and_of_a_reverting_price_small():
    paths = simulate(GeometricBrownian(0.0, 0.2), 0.0, 30, 200, seed=8)
    found = np.array([mean_reversion_p(np.exp(x), draws=99, seed=k) for k, x in enumerate(paths)])
    assert abs(found.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 200) and abs(np.mean(found <= 0.1) - 0.1) < 4 * np.sqrt(0.09 / 200)
    fast = OrnsteinUhlenbeck.from_half_life(0.5, 0.3).simulate(0.0, 60, 1, seed=1)[0]
    assert mean_reversion_p(np.exp(fast)) == 0.001  # below all 999


# ---- units, currencies, taxes


@pytest.mark.parametrize(("price", "unit", "given", "expected"), [
    (10.0, "USD/kg", {}, 10_000.0), (1.0, "USD/lb", {}, 1 / 0.00045359237), (250.0, "UScents/lb", {}, 2.5 / 0.00045359237),
    # CNY 113,000 with 13 % tax are 100,000 without; at 7.2 CNY per USD
    (113_000.0, "CNY/t incl. VAT", {"vat": 0.13, "exchange": 7.2}, 100_000 / 7.2),
    # 2 Li in Li2CO3: 2 x 6.94 / (2 x 6.94 + 12.011 + 3 x 15.999) = 0.18785
    (10_000.0, "USD/t Li2CO3", {"content": 13.88 / 73.888}, 10_000 * 73.888 / 13.88),
    # 10 kg of WO3, of which W is 183.84 / 231.84
    (250.0, "USD/mtu WO3", {"content": 183.84 / 231.84}, 250 / 0.01 * 231.84 / 183.84), (5.0, "EUR/kg", {"exchange": 0.92}, 5000 / 0.92),
    (7.0, "USD/t incl. VAT", {"vat": 0.0}, 7.0)])
def test_prices_by_hand(price, unit, given, expected):
    assert usd_per_tonne(price, unit, **given) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("unit", "given", "words"), [
    ("CNY/t", {}, "exchange = None; expected a number above 0"), ("USD/t", {"exchange": 7.2}, "exchange = 7.2; expected none"),
    ("USD/t incl. VAT", {}, "vat = None; expected a number of 0 or more"), ("USD/t", {"vat": 0.13}, "vat = 0.13; expected none"),
    ("USD/mtu WO3", {}, "content = None"), ("USD/t", {"content": 0.5}, "content = 0.5; expected none"),
    ("CNY/t", {"exchange": -1.0}, "above 0"), ("USD/t incl. VAT", {"vat": -0.1}, "of 0 or more"), ("USD/stone", {}, "unknown mass 'stone'"),
    ("per tonne", {}, "expected CURRENCY/MASS"), ("$/t", {}, "expected CURRENCY/MASS")])
def test_nothing_is_guessed_and_nothing_ignored(unit, given, words):
    with pytest.raises(DataError) as told:
        usd_per_tonne(1.0, unit, **given)
    assert words in str(told.value)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.01, 1e6), st.sampled_from(["t", "kg", "lb", "g"]), st.floats(0.1, 500), st.floats(0, 0.5))
def test_conversion_is_linear_and_taxes_come_off_once(price, mass, exchange, vat):
    one = usd_per_tonne(price, f"CNY/{mass} incl. VAT", exchange=exchange, vat=vat)
    assert usd_per_tonne(3 * price, f"CNY/{mass} incl. VAT", exchange=exchange, vat=vat) == pytest.approx(3 * one, rel=1e-12)
    assert one * (1 + vat) * exchange == pytest.approx(usd_per_tonne(price, f"USD/{mass}"), rel=1e-12)
    assert price_unit(f"CNY/{mass} incl. VAT").with_vat and not price_unit(f"CNY/{mass}").with_vat


def test_real_prices():
    assert real(100.0, 140.3, 163.0) == pytest.approx(116.17961511, rel=1e-9)
    with pytest.raises(DataError):
        real(100.0, 0.0, 163.0)
