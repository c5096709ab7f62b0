"""Concentration indices against closed forms, attainable bounds against search, the Dirichlet fit against scipy."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import dirichlet

from floormodel.errors import DataError
from floormodel.indicators import concentration as con

CASES = tomllib.loads((Path(__file__).parent / "cases" / "concentration.toml").read_text(encoding="utf-8"))
QUANTITIES = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=12)


@pytest.mark.parametrize("name", ["hhi", "hhi_normalised", "effective_number", "shannon", "theil", "gini"])
def test_index_of_the_published_vector(name: str) -> None:
    case = CASES["indices"]
    assert getattr(con, name)(case["shares"]) == pytest.approx(case[name], rel=1e-9)


def test_top_shares_of_the_published_vector() -> None:
    case = CASES["indices"]
    assert con.top_share(case["shares"], 1) == pytest.approx(case["top_1"], abs=1e-12)
    assert con.top_share(case["shares"], 3) == pytest.approx(case["top_3"], abs=1e-12)
    assert con.top_share(case["shares"], 99) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("case", CASES["bounds"])
def test_bounds(case: dict) -> None:
    low, high = con.hhi_bounds(case["known"], case["other"], case["cap"], case.get("max_number"))
    assert (low, high) == (pytest.approx(case["low"], abs=1e-12), pytest.approx(case["high"], abs=1e-12))


def test_bounds_over_a_leading_dimension_equal_one_at_a_time() -> None:
    known = np.array([[0.6, 0.2, 0.1], [0.7, 0.12, 0.0], [0.5, 0.3, 0.2]])
    other = 1 - known.sum(axis=1)
    low, high = con.hhi_bounds(known, other)
    single = [con.hhi_bounds(k, o) for k, o in zip(known, other)]
    assert np.allclose(low, [s[0] for s in single], rtol=0, atol=1e-15)
    assert np.allclose(high, [s[1] for s in single], rtol=0, atol=1e-15)
    assert high[2] == pytest.approx(0.38, abs=1e-12)  # nothing unlisted: .25 + .09 + .04, both ends
    assert low[2] == pytest.approx(0.38, abs=1e-12)


@given(split=st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda v: sum(v) > 0.1))
def test_no_split_of_the_rest_leaves_the_bounds(split: list[float]) -> None:
    rest = 0.25 * np.array(split) / sum(split)
    low, high = con.hhi_bounds([0.5, 0.25], 0.25, cap=0.25, max_number=4)
    value = 0.5**2 + 0.25**2 + np.sum(rest**2)
    assert low - 1e-12 <= value <= high + 1e-12


def test_bounds_are_attained() -> None:
    low, high = con.hhi_bounds([0.7, 0.12], 0.18, cap=0.12, max_number=3)
    assert low == pytest.approx(0.7**2 + 0.12**2 + 3 * 0.06**2, abs=1e-12)
    assert high == pytest.approx(0.7**2 + 2 * 0.12**2 + 0.06**2, abs=1e-12)


@pytest.mark.parametrize("key", ["location_ownership", "location_ownership_skew"])
def test_location_and_ownership(key: str) -> None:
    case = CASES[key]
    assert con.hhi_by_location(case["joint"]) == pytest.approx(case["location"], abs=1e-12)
    assert con.hhi_by_ownership(case["joint"]) == pytest.approx(case["ownership"], abs=1e-12)
    if "cells" in case:
        assert con.hhi(np.ravel(case["joint"])) == pytest.approx(case["cells"], abs=1e-12)


def test_location_and_ownership_over_draws() -> None:
    matrix = CASES["location_ownership_skew"]["joint"]
    joint = np.array([matrix, np.transpose(matrix)])
    assert con.hhi_by_location(joint) == pytest.approx([0.68, 0.52])
    assert con.hhi_by_ownership(joint) == pytest.approx([0.52, 0.68])


@given(QUANTITIES)
def test_properties_of_the_indices(quantity: list[float]) -> None:
    share = con.shares(quantity)
    number = len(quantity)
    assert share.sum() == pytest.approx(1, abs=1e-12)
    assert 1 / number - 1e-12 <= con.hhi(share) <= 1 + 1e-12
    assert con.hhi(con.shares(np.multiply(quantity, 1e3))) == pytest.approx(con.hhi(share), rel=1e-12)
    assert con.hhi(share[::-1]) == pytest.approx(con.hhi(share), rel=1e-12)
    merged = np.append(share[2:], share[0] + share[1])
    assert con.hhi(merged) - con.hhi(share) == pytest.approx(2 * share[0] * share[1], abs=1e-12)
    assert con.theil(share) + con.shannon(share) == pytest.approx(np.log(number), abs=1e-12)
    mean_difference = np.abs(np.subtract.outer(share, share)).sum() / (2 * number**2 * share.mean())
    assert con.gini(share) == pytest.approx(mean_difference, abs=1e-12)


def test_equal_shares_and_monopoly() -> None:
    assert con.effective_number(np.full(8, 0.125)) == pytest.approx(8)
    assert con.hhi_normalised([1.0, 0, 0]) == 1
    assert con.shannon([1.0, 0, 0]) == 0
    assert con.gini([1.0, 0, 0]) == pytest.approx(2 / 3)


def test_axis_is_the_one_summed() -> None:
    table = np.array([[0.5, 1.0], [0.5, 0.0]])
    for name, expected in {"hhi": [0.5, 1.0], "gini": [0.0, 0.5], "shannon": [np.log(2), 0.0]}.items():
        assert getattr(con, name)(table, axis=0) == pytest.approx(expected), name
    assert con.top_share(table, 1, axis=0) == pytest.approx([0.5, 1.0])
    assert con.shares([[1.0, 2], [3, 2]], axis=0)[:, 0] == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("case", CASES["dirichlet"])
def test_dirichlet_from_hhi(case: dict) -> None:
    alpha = con.dirichlet_from_hhi(case["hhi"], case["number"])
    assert alpha == pytest.approx(case["alpha"], rel=1e-9)
    draws = np.random.default_rng(5).dirichlet(np.full(case["number"], alpha), size=40_000)
    assert np.mean(np.sum(draws**2, axis=1)) == pytest.approx(case["hhi"], rel=0.02)


@pytest.mark.parametrize("alpha", [[0.3, 0.2, 0.1], [7.0, 2.0, 1.0], [700.0, 200.0, 90.0, 10.0], [0.05, 30.0]])
def test_dirichlet_fit_is_the_maximum(alpha: list[float]) -> None:
    rows = np.random.default_rng(11).dirichlet(alpha, size=60)
    rows = np.clip(rows, 1e-12, None)
    rows /= rows.sum(axis=1, keepdims=True)
    found = con.fit_dirichlet(rows)
    total = minimize(
        lambda log_alpha: -sum(dirichlet.logpdf(row, np.exp(log_alpha)) for row in rows),
        np.log(alpha), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 5_000},
    )
    assert found == pytest.approx(np.exp(total.x), rel=1e-3)
    best = sum(dirichlet.logpdf(row, found) for row in rows)
    assert best >= -total.fun - 1e-6


@pytest.mark.parametrize(
    "call",
    [
        lambda: con.shares([1, -1]),
        lambda: con.shares([0, 0]),
        lambda: con.top_share([0.5, 0.5], 0),
        lambda: con.hhi_normalised([1.0]),
        lambda: con.hhi_bounds([0.6, 0.2], 0.1),
        lambda: con.hhi_bounds([0.6, 0.2], 0.2, cap=0.05, max_number=3),
        lambda: con.hhi_bounds([0.9, 0.2], -0.1),
        lambda: con.dirichlet_from_hhi(0.1, 10),
        lambda: con.dirichlet_from_hhi(1.0, 10),
        lambda: con.fit_dirichlet([[0.5, 0.5], [1.0, 0.0]]),
        lambda: con.fit_dirichlet([[0.5, 0.5], [0.5, 0.5]]),
        lambda: con.fit_dirichlet([[0.5, 0.4], [0.5, 0.5]]),
    ],
)
def test_refusals(call) -> None:
    with pytest.raises(DataError):
        call()
