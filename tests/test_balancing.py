"""Balancing by minimum cross-entropy: exact and reliable margins, many tables at once; shares and their HHI.

Numbers in brackets are those of the list of invariants: 62 shares sum to 1, 63 a wanted HHI is met and totals stay, 64 balancing again
changes nothing, zeros stay, the largest change is told.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from floormodel.balancing import balance, scaled, shares, with_hhi
from floormodel.errors import DataError

EXAMPLES = settings(max_examples=60, deadline=None)


def divergence(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a log(a / b) - a + b, 0 where both are 0."""
    ratio = np.divide(a, b, out=np.ones_like(a), where=(a > 0) & (b > 0))
    return a * np.log(ratio) - a + b


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A prior with zeros and margins that some table with those zeros has; reliabilities of rows and columns."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    prior = rng.lognormal(3, 2, shape) * (rng.random(shape) < draw(st.sampled_from([0.5, 0.8, 1.0])))
    assume(prior.any())
    truth = prior * rng.lognormal(0, 0.5, shape)
    return prior, truth.sum(1), truth.sum(0), rng.uniform(0, 0.99, shape[0]), rng.uniform(0, 0.99, shape[1])


@EXAMPLES
@given(problems())
def test_margins_are_met_zeros_stay_and_balancing_again_changes_nothing(problem):
    """[64] With margins that are kept exactly."""
    prior, rows, columns, *_ = problem
    out = balance(prior, rows, columns)
    np.testing.assert_allclose(out.sum(1), rows, rtol=1e-9, atol=0)
    np.testing.assert_allclose(out.sum(0), columns, rtol=1e-9, atol=0)
    assert np.all(out[prior == 0] == 0) and np.all(out[prior > 0] > 0)
    np.testing.assert_allclose(balance(out, rows, columns), out, rtol=1e-9)


@EXAMPLES
@given(problems(), st.floats(0.5, 2.0))
def test_reliable_margins_give_the_least_of_all_divergences(problem, apart):
    """The row that a little more (or less) of a cell costs is zero at the solution; totals need not agree. [64]"""
    prior, rows, columns, keep_rows, keep_columns = problem
    rows = rows * apart
    out = balance(prior, rows, columns, row_reliability=keep_rows, column_reliability=keep_columns)
    held = prior > 0
    assert np.all(out[~held] == 0)
    weight = [(keep / (1 - keep)) * np.log(np.divide(sums, wanted, out=np.ones_like(wanted), where=wanted > 0))
              for keep, sums, wanted in ((keep_rows, out.sum(1), rows), (keep_columns, out.sum(0), columns))]
    slope = np.log(out[held] / prior[held]) + (weight[0][:, None] + weight[1])[held]
    assert np.max(np.abs(slope)) < 1e-6 * max(1, np.max(np.abs(weight[0]), initial=0), np.max(np.abs(weight[1]), initial=0))
    again = balance(out, out.sum(1), out.sum(0), row_reliability=keep_rows, column_reliability=keep_columns)
    np.testing.assert_allclose(again, out, rtol=1e-9)


@EXAMPLES
@given(problems(), st.floats(0.01, 0.9))
def test_a_margin_moves_less_the_more_reliable_it_is(problem, more):
    prior, rows, columns, keep_rows, keep_columns = problem
    rows, i = rows * 1.7, int(np.argmax(rows))
    firmer = keep_rows.copy()
    firmer[i] += more * (0.999 - keep_rows[i])
    off = [divergence(balance(prior, rows, columns, row_reliability=k, column_reliability=keep_columns).sum(1), rows)[i]
           for k in (keep_rows, firmer)]
    assert off[1] <= off[0] + 1e-9 * rows[i]


@pytest.mark.parametrize("keep", [0.0, 0.25, 0.5, 0.9])
def test_one_cell_ends_between_what_it_was_and_what_is_wanted(keep):
    """min x log(x/q) - x + w (x log(x/u) - x): log x = (log q + w log u) / (1 + w), w / (1 + w) = reliability."""
    out = balance([[8.0]], [2.0], [5.0], row_reliability=keep, column_reliability=0.0)
    assert out[0, 0] == pytest.approx(8.0 ** (1 - keep) * 2.0**keep, rel=1e-12)


def test_exact_columns_beside_rough_rows_by_a_general_minimiser():
    prior, rows, columns = np.array([[5.0, 1.0], [2.0, 3.0], [1.0, 4.0]]), np.array([4.0, 9.0, 6.0]), np.array([10.0, 8.0])
    keep = np.array([0.3, 0.8, 0.95])
    out = balance(prior, rows, columns, row_reliability=keep)

    def cost(free: np.ndarray) -> float:
        x = np.column_stack([np.append(free[:2], columns[0] - free[:2].sum()), np.append(free[2:], columns[1] - free[2:].sum())])
        return float(divergence(x, prior).sum() + np.sum(keep / (1 - keep) * divergence(x.sum(1), rows)))

    bounds = [(0.1, 4.9)] * 2 + [(0.1, 3.9)] * 2
    peer = minimize(cost, [3.0, 3.0, 2.0, 2.0], bounds=bounds, method="trust-constr", tol=1e-12)
    np.testing.assert_allclose(out.sum(0), columns, rtol=1e-12)
    np.testing.assert_allclose([out[0, 0], out[1, 0], out[0, 1], out[1, 1]], peer.x, rtol=1e-4)


def test_a_table_among_others_is_the_table_alone_and_the_report_says_what_is_left():
    rng = np.random.default_rng(4)
    prior = rng.lognormal(size=(6, 3, 4)) * (rng.random((6, 3, 4)) < 0.9)
    truth = prior * rng.lognormal(0, 0.4, (6, 3, 4))
    rows, columns = truth.sum(2), truth.sum(1)
    rows[5] *= 3  # cannot be met: totals differ
    found = scaled(prior.reshape(2, 3, 3, 4), rows.reshape(2, 3, 3), columns.reshape(2, 3, 4))
    assert found.table.shape == (2, 3, 3, 4) and found.settled.tolist() == [[True] * 3, [True, True, False]]
    for k in range(5):
        alone = scaled(prior[k], rows[k], columns[k])
        np.testing.assert_array_equal(alone.table, found.table.reshape(6, 3, 4)[k])
        assert int(alone.rounds) == found.rounds.reshape(6)[k]
        held = prior[k] > 0
        assert found.move.reshape(6)[k] == pytest.approx(np.max(np.abs(alone.table[held] / prior[k][held] - 1)), rel=1e-12)
        assert np.max(np.abs(found.row_gap.reshape(6, 3)[k])) < 1e-11
    np.testing.assert_allclose(found.row_gap[1, 2], -2 / 3, rtol=1e-9)  # columns last: each row gets a third of what it wants


@pytest.mark.parametrize(("keep", "words"), [(1.2, "row reliability [a]"), (np.nan, "row reliability [a]"), ([0.5], "row reliability"),
                                             (-0.1, "from 0 to 1")])
def test_reliabilities_outside_their_range_are_refused(keep, words):
    with pytest.raises(DataError) as told:
        balance([[1.0, 1.0], [1.0, 1.0]], [1, 1], [1, 1], ["a", "b"], ["x", "y"], "ore", row_reliability=keep)
    assert words in str(told.value)


def test_a_kept_margin_without_a_cell_is_refused_and_a_rough_one_stays_short():
    with pytest.raises(DataError, match=r"row \[b\]"):
        balance([[1.0], [0.0]], [1, 1], [2], ["a", "b"], row_reliability=[0.5, 1.0])
    out = balance([[1.0], [0.0]], [1, 1], [2], row_reliability=[0.5, 0.5])
    np.testing.assert_allclose(out, [[2.0], [0.0]], rtol=1e-12)


def test_margins_that_the_zeros_make_impossible_are_named():
    with pytest.raises(DataError, match=r"row \[a\]: found .* of 3 reached"):
        balance([[1, 0], [1, 1]], [3, 1], [1, 9], ["a", "b"], ["x", "y"], column_reliability=[1.0, 0.5])


@EXAMPLES
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8).filter(lambda s: sum(s) > 1e-3), st.floats(-0.004, 0.004))
def test_shares_sum_to_one_and_keep_their_proportions(parts, off):
    """[62] Rounding is mended, in proportion."""
    rounded = np.array(parts) / np.sum(parts) * (1 + off)
    out = shares(rounded)
    assert abs(out.sum() - 1) < 1e-9
    np.testing.assert_allclose(out * rounded.sum(), rounded, rtol=1e-12)


@pytest.mark.parametrize(("values", "words"), [([0.5, 0.47], "0.97; expected 1 within 0.005"), ([60.0, 40.0], "divide by 100"),
                                               ([0.6, -0.1, 0.5], "share [b]"), ([np.nan, 1.0], "share [a]")])
def test_shares_that_miss_one_are_refused_with_the_sum(values, words):
    """[62] Nothing beyond the declared tolerance is rescaled in silence."""
    with pytest.raises(DataError) as told:
        shares(values, ["a", "b", "c"])
    assert words in str(told.value)


@EXAMPLES
@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=8, unique=True), st.floats(0.02, 0.98), st.integers(0, 3))
def test_a_wanted_hhi_is_met_and_total_zeros_and_ranks_stay(tonnes, where, zeros):
    """[63]"""
    given_ = np.append(tonnes, np.zeros(zeros))
    assume(np.min(np.diff(np.sort(tonnes))) > 1e-3 * max(tonnes))
    target = 1 / len(tonnes) + where * (1 - 1 / len(tonnes))
    out = with_hhi(given_, target)
    assert abs(np.sum((out / out.sum()) ** 2) - target) < 1e-8
    assert out.sum() == pytest.approx(given_.sum(), rel=1e-10)
    assert np.all(out[len(tonnes):] == 0)
    assert np.all(np.diff(out[np.argsort(given_)]) >= 0)


def test_the_hhi_that_is_there_changes_nothing_and_impossible_ones_are_refused():
    # shares 1/6, 2/6, 3/6: HHI = (1 + 4 + 9) / 36
    np.testing.assert_allclose(with_hhi([10.0, 20.0, 30.0], 14 / 36), [10, 20, 30], rtol=1e-9)
    np.testing.assert_allclose(with_hhi([5.0, 5.0, 0.0], 0.5), [5, 5, 0], rtol=1e-12)
    # the square root of the odds: shares 1/3 and 2/3 from 1/5 and 4/5
    np.testing.assert_allclose(with_hhi([1.0, 4.0], 5 / 9), [5 / 3, 10 / 3], rtol=1e-9)
    for tonnes, target in (([1.0, 2.0], 0.4), ([1.0, 2.0], 1.0), ([2.0, 2.0, 1.0], 0.6), ([1.0, -1.0], 0.6), ([0.0, 0.0], 1.0)):
        with pytest.raises(DataError):
            with_hhi(tonnes, target)
