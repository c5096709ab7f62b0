"""Concentration indices against closed forms, attainable bounds against search, the Dirichlet fit against scipy."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floormodel.errors import DataError
from floormodel.indicators import concentration as con

FOLDER = Path(__file__).parent / "cases"
COURNOT = tomllib.loads((FOLDER / "con04_cournot_hhi_lerner.toml").read_text(encoding="utf-8"))
CASES = tomllib.loads((FOLDER / "concentration.toml").read_text(encoding="utf-8"))
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


def test_diversity_of_the_published_vector() -> None:
    case = CASES["indices"]
    assert np.exp(con.shannon(case["shares"])) == pytest.approx(case["exp_shannon"], rel=1e-9)
    assert 1 - con.hhi(case["shares"]) == pytest.approx(case["simpson_diversity"], abs=1e-12)


@pytest.mark.parametrize("case", CASES["bounds"])
def test_bounds(case: dict) -> None:
    low, high = con.hhi_bounds(case["known"], case["other"], case["cap"], case.get("max_number"))
    assert (low, high) == (pytest.approx(case["low"], abs=1e-12), pytest.approx(case["high"], abs=1e-12))
    lumped = con.hhi([*case["known"], case["other"]])
    assert lumped == pytest.approx(case["other_as_one"], abs=1e-12)
    assert lumped >= high - 1e-12  # others taken as one supplier are never below the sharp bound, and above it where they exceed the cap


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


@pytest.mark.parametrize(
    "quantity, target", [([5.0, 3, 2], 0.8), ([5.0, 3, 2, 0], 0.34), ([74.8, 9, 4, 3, 9.2], 0.25), ([1.0, 1, 2e-9], 0.45)])
def test_a_target_hhi_is_met_and_totals_stay(quantity: list[float], target: float) -> None:
    found = con.tilt_to_hhi(quantity, target)
    assert con.hhi(con.shares(found)) == pytest.approx(target, abs=1e-8)
    assert found.sum() == pytest.approx(sum(quantity), rel=1e-10)
    assert np.array_equal(np.argsort(-found, kind="stable"), np.argsort(-np.array(quantity), kind="stable"))
    assert np.array_equal(found == 0, np.array(quantity) == 0)


def test_the_hhi_it_has_already_moves_nothing() -> None:
    quantity = [226.0, 28, 6, 5, 4, 3]
    assert con.tilt_to_hhi(quantity, float(con.hhi(con.shares(quantity)))) == pytest.approx(quantity, rel=1e-9)


def test_tilted_shares_are_powers() -> None:
    """Shares .6 and .4 to the power of two, .36 and .16 of .52, have the HHI (.36^2 + .16^2) / .52^2."""
    assert con.tilt_to_hhi([0.6, 0.4], (0.36**2 + 0.16**2) / 0.52**2) == pytest.approx([0.36 / 0.52, 0.16 / 0.52], abs=1e-9)


def test_conduct_of_the_cournot_case() -> None:
    case = COURNOT["expected"]
    assert con.conduct(case["weighted_lerner"], case["elasticity"], case["HHI"]) == pytest.approx(1, abs=1e-9)
    assert con.conduct(case["observed_lerner"], case["elasticity"], case["HHI"]) == pytest.approx(
        case["theta_of_observed_lerner"], abs=5e-5)  # the case prints four digits
    assert con.cournot_price(case["average_cost"], case["HHI"], case["elasticity"]) == pytest.approx(case["P"], abs=1e-7)
    assert np.dot(case["shares"], COURNOT["mc"]) == pytest.approx(case["average_cost"], abs=1e-7)


@given(st.lists(st.floats(0.05, 0.95), min_size=6, max_size=6), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_no_point_of_the_box_leaves_the_conduct_bounds(ends: list[float], a: float, b: float, c: float) -> None:
    boxes = [tuple(sorted(ends[i : i + 2])) for i in (0, 2, 4)]
    low, high = con.conduct_bounds(*boxes)
    inside = con.conduct(*(x[0] + w * (x[1] - x[0]) for x, w in zip(boxes, (a, b, c))))
    assert low - 1e-12 <= inside <= high + 1e-12
    corners = [con.conduct(x, y, z) for x in boxes[0] for y in boxes[1] for z in boxes[2]]
    assert (low, high) == (pytest.approx(min(corners)), pytest.approx(max(corners)))


def test_ownership_bounds_by_hand() -> None:
    """Two locations of .7 and .3. An owner A has .5 to .6 of the first, nothing else is known. A has .35 at least; at most .42 of the
    first and all of the second, .72. Smallest HHI: .35^2, the rest with very many. Largest: A takes .72, one other .28."""
    least, most, hhi = con.ownership_bounds([0.7, 0.3], [[0.5], [0.0]], [[0.6], [1.0]])
    assert (least[0], most[0]) == (pytest.approx(0.35), pytest.approx(0.72))
    assert hhi == (pytest.approx(0.35**2), pytest.approx(0.72**2 + 0.28**2))


def test_fully_known_ownership_has_one_hhi() -> None:
    joint = np.array(CASES["location_ownership_skew"]["joint"])
    part = joint / joint.sum(axis=1, keepdims=True)
    least, most, hhi = con.ownership_bounds(joint.sum(axis=1), part, part)
    assert least == pytest.approx(joint.sum(axis=0)) and most == pytest.approx(joint.sum(axis=0))
    assert hhi == (pytest.approx(CASES["location_ownership_skew"]["ownership"]),) * 2


@given(st.lists(st.floats(0, 1), min_size=9, max_size=9), st.lists(st.floats(0, 1), min_size=9, max_size=9))
def test_no_allowed_ownership_leaves_the_bounds(low: list[float], split: list[float]) -> None:
    """Three locations, two named owners and one unnamed; least parts of at most a third; free output is split at random."""
    place = con.shares([3.0, 2, 1])
    least = np.reshape(low, (3, 3))[:, :2] / 3
    most = np.clip(least + np.reshape(split, (3, 3))[:, 1:] / 2, 0, 1)
    floor, reach, (small, large) = con.ownership_bounds(place, least, most)
    held = np.column_stack([least + (most - least) * np.reshape(split, (3, 3))[:, :2], np.zeros(3)])
    over = np.maximum(held.sum(axis=1) - 1, 0)
    held[:, :2] -= (held[:, :2] - least) * (over / np.maximum((held[:, :2] - least).sum(axis=1), 1e-12))[:, None]
    held[:, 2] = 1 - held.sum(axis=1)
    owned = place @ held
    assert np.all(floor - 1e-9 <= owned[:2]) and np.all(owned[:2] <= reach + 1e-9)
    assert small - 1e-9 <= con.hhi(owned[:2]) and con.hhi(owned) <= large + 1e-9


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
        lambda: con.tilt_to_hhi([2.0, 1, 1], 1 / 3),
        lambda: con.tilt_to_hhi([2.0, 2, 1], 0.5),
        lambda: con.conduct(-0.1, 1, 0.5),
        lambda: con.conduct(0.1, 1, 0),
        lambda: con.conduct_bounds((0.2, 0.1), (0.1, 0.2), (0.5, 0.6)),
        lambda: con.cournot_price(10, 0.5, 0.5),
        lambda: con.ownership_bounds([0.5, 0.4], [[0.1], [0.1]], [[1.0], [1.0]]),
        lambda: con.ownership_bounds([0.5, 0.5], [[0.6, 0.6], [0, 0]], [[1.0, 1], [1, 1]]),
        lambda: con.ownership_bounds([0.5, 0.5], [[0.6], [0]], [[0.5], [1]]),
    ],
)
def test_refusals(call) -> None:
    with pytest.raises(DataError):
        call()
