"""Laws of shares against closed forms, quadrature, optimisers and simulation; costs behind shares against the published case."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad, quad
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import dirichlet, invweibull, lognorm

from floormodel.errors import DataError
from floormodel.indicators import share_distributions as dist
from floormodel.indicators import supply_costs as costs
from floormodel.indicators.concentration import hhi, shares

FOLDER = Path(__file__).parent / "cases"
CASES = tomllib.loads((FOLDER / "concentration.toml").read_text(encoding="utf-8"))
LINKS = tomllib.loads((FOLDER / "con07_share_distributions.toml").read_text(encoding="utf-8"))
EATON_KORTUM = tomllib.loads((FOLDER / "con06_eaton_kortum_shares.toml").read_text(encoding="utf-8"))
ROW = np.array([0.45, 0.2, 0.12, 0.1, 0.06, 0.04, 0.02, 0.01])


@pytest.mark.parametrize("case", CASES["dirichlet"])
def test_dirichlet_from_hhi(case: dict) -> None:
    alpha = dist.dirichlet_from_hhi(case["hhi"], case["number"])
    assert alpha == pytest.approx(case["alpha"], rel=1e-9)
    draws = np.random.default_rng(5).dirichlet(np.full(case["number"], alpha), size=40_000)
    assert np.mean(np.sum(draws**2, axis=1)) == pytest.approx(case["hhi"], rel=0.02)


@pytest.mark.parametrize("alpha", [[0.3, 0.2, 0.1], [7.0, 2.0, 1.0], [700.0, 200.0, 90.0, 10.0], [0.05, 30.0]])
def test_dirichlet_fit_is_the_maximum(alpha: list[float]) -> None:
    rows = np.random.default_rng(11).dirichlet(alpha, size=60)
    rows = np.clip(rows, 1e-12, None)
    rows /= rows.sum(axis=1, keepdims=True)
    found = dist.fit_dirichlet(rows)
    total = minimize(
        lambda log_alpha: -sum(dirichlet.logpdf(row, np.exp(log_alpha)) for row in rows),
        np.log(alpha), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 5_000},
    )
    assert found == pytest.approx(np.exp(total.x), rel=1e-3)
    best = sum(dirichlet.logpdf(row, found) for row in rows)
    assert best >= -total.fun - 1e-6


@pytest.mark.parametrize("case", LINKS["zipf"]["exponents"])
def test_zipf_shares(case: dict) -> None:
    found = dist.zipf_shares(LINKS["zipf"]["number"], case["exponent"])
    assert found[0] == pytest.approx(case["share_1"], abs=LINKS["tolerance"])
    assert hhi(found) == pytest.approx(case["hhi"], abs=LINKS["tolerance"])
    assert dist.zipf_from_hhi(case["hhi"], LINKS["zipf"]["number"]) == pytest.approx(case["exponent"], rel=1e-8)


def test_other_links_to_the_hhi() -> None:
    assert dist.zipf_from_hhi(0.35, LINKS["zipf"]["number"]) == pytest.approx(LINKS["zipf"]["exponent_for_hhi_035"], rel=1e-9)
    assert dist.hill(LINKS["shares"]) == pytest.approx(LINKS["hill"], abs=LINKS["tolerance"])
    assert dist.rank_half(LINKS["shares"]) == pytest.approx([LINKS["rank_half"], LINKS["rank_half_error"]], abs=LINKS["tolerance"])
    case = LINKS["lognormal"]
    assert dist.lognormal_hhi(case["sigma"], case["number"]) == pytest.approx(case["hhi"], abs=LINKS["tolerance"])


@pytest.mark.parametrize("law, parameter", [("dirichlet", 0.7), ("lognormal", 0.8), ("zipf", 1.3), ("frechet", 1.4)])
def test_densities_integrate_to_one(law: str, parameter: float) -> None:
    two, _ = quad(lambda x: np.exp(dist.log_density(law, parameter, [x, 1 - x])), 0, 1)
    assert two == pytest.approx(1, abs=1e-6)
    three, _ = dblquad(lambda y, x: np.exp(dist.log_density(law, parameter, [x, y, 1 - x - y])), 0.02, 0.96, 0.02, lambda x: 0.98 - x,
                       epsabs=1e-4)
    draws = shares(np.exp(dist.LAWS[law].log_sizes(np.random.default_rng(2), parameter, (200_000, 3))), axis=1)
    inside = np.mean((draws[:, 0] > 0.02) & (draws[:, 0] < 0.96) & (draws[:, 1:] > 0.02).all(axis=1))
    assert three == pytest.approx(inside, abs=0.005)  # two standard errors of the simulation are 0.002


@pytest.mark.parametrize("law", list(dist.LAWS))
def test_each_law_is_at_its_maximum(law: str) -> None:
    fit = next(f for f in dist.fit_shares(ROW, draws=9) if f.law == law)
    best = minimize_scalar(lambda p: -dist.log_density(law, np.exp(p), ROW / ROW.sum()), bounds=(-5, 5), method="bounded",
                           options={"xatol": 1e-9})
    assert fit.parameter == pytest.approx(np.exp(best.x), rel=1e-5)
    step = 1e-3 * fit.parameter
    height = [dist.log_density(law, fit.parameter + i * step, ROW / ROW.sum()) for i in (-1, 0, 1)]
    assert fit.error == pytest.approx((-(height[0] - 2 * height[1] + height[2]) / step**2) ** -0.5, rel=1e-4)
    assert fit.aic == pytest.approx(2 + 2 * best.fun, abs=1e-8)


def test_estimates_in_closed_form() -> None:
    """Pareto sizes: (n - 1) / sum log(s / smallest), which is Hill's index. Lognormal: the variance of log shares with n - 1."""
    fits = {f.law: f for f in dist.fit_shares(LINKS["shares"], draws=9)}
    assert fits["zipf"].parameter == pytest.approx(LINKS["hill"], abs=LINKS["tolerance"])
    assert fits["zipf"].error == pytest.approx(LINKS["hill"] / np.sqrt(7), rel=1e-9)
    assert fits["lognormal"].parameter == pytest.approx(np.std(np.log(LINKS["shares"]), ddof=1), rel=1e-9)
    assert sum(f.weight for f in fits.values()) == pytest.approx(1)
    ratio = fits["zipf"].weight / fits["dirichlet"].weight
    assert ratio == pytest.approx(np.exp((fits["dirichlet"].aic - fits["zipf"].aic) / 2))


@pytest.mark.parametrize("law, parameter", [("dirichlet", 0.4), ("lognormal", 2.0), ("zipf", 0.6), ("frechet", 0.7)])
def test_a_law_is_told_from_the_others(law: str, parameter: float) -> None:
    """Of vectors of 200 suppliers drawn from a law, most are given to it, and its parameter is found within four standard errors."""
    draws = shares(np.exp(dist.LAWS[law].log_sizes(np.random.default_rng(7), parameter, (12, 200))), axis=1)
    fits = [dist.fit_shares(row, draws=9) for row in draws]
    assert sum(f[0].law == law for f in fits) >= 10
    own = [next(f for f in fit if f.law == law) for fit in fits]
    assert all(abs(f.parameter - parameter) < 4 * f.error for f in own)


def test_goodness_of_fit_knows_a_law_that_is_not() -> None:
    """One supplier of 90 % beside 40 that are alike: no Dirichlet gives that HHI; a law that fits its own draws is not refused."""
    strange = np.append(90.0, np.full(40, 0.25) * np.linspace(0.9, 1.1, 40))
    assert next(f for f in dist.fit_shares(strange) if f.law == "dirichlet").hhi_p < 0.01
    own = np.random.default_rng(3).dirichlet(np.full(30, 0.8))
    assert next(f for f in dist.fit_shares(own) if f.law == "dirichlet").hhi_p > 0.05


def test_share_of_one_more_supplier() -> None:
    """Quantiles of the laws in scipy, with the scale fitted to the listed shares, put beside a total of one."""
    fits = {f.law: f for f in dist.fit_shares(ROW, draws=9)}
    share = ROW / ROW.sum()
    kappa = fits["frechet"].parameter
    laws = {"lognormal": lognorm(fits["lognormal"].parameter, scale=np.exp(np.log(share).mean())),
            "frechet": invweibull(kappa, scale=(8 / np.sum(share**-kappa)) ** (1 / kappa))}
    size = {name: law.ppf([0.05, 0.5, 0.95]) for name, law in laws.items()}
    for law, values in size.items():
        assert fits[law].next_share == pytest.approx(values / (1 + values), rel=1e-9)


# ---- Eaton and Kortum


def test_costs_behind_shares_of_the_published_case() -> None:
    c, want = EATON_KORTUM, EATON_KORTUM["expected"]
    landed = np.multiply(c["cost"], c["trade_cost"])
    share = costs.frechet_shares(c["technology"], landed, c["theta"])
    assert share == pytest.approx(want["shares"], rel=1e-9)
    assert costs.technology(share, landed, c["theta"]) * c["technology"][0] == pytest.approx(c["technology"], rel=1e-12)
    wedge = [c["wedge"], 1.0, 1.0, 1.0]
    assert costs.shares_after(share, wedge, c["theta"]) == pytest.approx(want["shares_after"], rel=1e-9)
    assert costs.shares_after(share, wedge, c["theta"]) == pytest.approx(costs.frechet_shares(c["technology"], landed * wedge, c["theta"]))
    assert hhi(costs.shares_after(share, wedge, c["theta"])) == pytest.approx(want["hhi_after"], rel=1e-9)
    assert costs.price_index(c["technology"], landed, c["theta"], c["sigma"]) == pytest.approx(want["price_index"], rel=1e-9)
    assert costs.price_change(share, wedge, c["theta"]) == pytest.approx(want["price_ratio"], rel=1e-9)


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=6), st.floats(1.5, 15))
def test_a_supplier_without_its_handicap_sells_as_much_as_the_first(level: list[float], theta: float) -> None:
    handicap = costs.cost_handicap(level, theta)
    share = costs.frechet_shares(level, 1 / handicap, theta)
    assert share == pytest.approx(np.full(len(level), 1 / len(level)), rel=1e-9)


def test_spread_of_costs_behind_frechet_sizes() -> None:
    """Sizes that are Frechet with shape .7 come, at theta 5, from costs whose logs have the standard deviation of a simulation."""
    size = dist.LAWS["frechet"].log_sizes(np.random.default_rng(4), 0.7, (1, 400_000))
    assert np.std(-size / 5) == pytest.approx(costs.log_cost_spread(0.7, 5), rel=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: dist.dirichlet_from_hhi(0.1, 10),
        lambda: dist.dirichlet_from_hhi(1.0, 10),
        lambda: dist.fit_dirichlet([[0.5, 0.5], [1.0, 0.0]]),
        lambda: dist.fit_dirichlet([[0.5, 0.5], [0.5, 0.5]]),
        lambda: dist.fit_dirichlet([[0.5, 0.4], [0.5, 0.5]]),
        lambda: dist.fit_shares([0.5, 0.3, 0.2]),
        lambda: dist.fit_shares([0.25] * 4),
        lambda: dist.zipf_from_hhi(0.05, 20),
        lambda: dist.hill([0.5, 0.5]),
        lambda: dist.rank_half([0.5, 0.5, 0.0]),
        lambda: costs.frechet_shares([1, 1], [1, 0], 4),
        lambda: costs.technology([0, 1], [1, 1], 4),
        lambda: costs.price_index([1, 1], [1, 1], 1, 3),
    ],
)
def test_refusals(call) -> None:
    with pytest.raises(DataError):
        call()
