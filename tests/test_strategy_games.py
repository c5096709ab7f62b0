"""Games with known answers: dominance, ties, a prisoner's dilemma, matching pennies, coalitions of a public good."""

import itertools

import numpy as np
import pytest

from floormodel.strategy.games import MISSING, alternate, best_choice, members_of, pure_equilibria, shared_out, stability

# row player's payoff, column player's payoff; 0 cooperate, 1 defect
DILEMMA = np.array([[[3.0, 3.0], [0.0, 5.0]], [[5.0, 0.0], [1.0, 1.0]]])
PENNIES = np.array([[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]])
ASSURANCE = np.array([[[4.0, 4.0], [0.0, 3.0]], [[3.0, 0.0], [3.0, 3.0]]])


def test_a_dominant_option_is_the_best_in_every_draw_and_the_only_one():
    payoffs = np.array([[1.0, 2.0, 3.0], [1.5, 2.5, 3.5], [0.0, -1.0, 3.25]])
    found = best_choice(payoffs)
    assert found.best.tolist() == [1, 1, 1] and found.unique.all()
    assert found.margin == pytest.approx([0.5, 0.5, 0.25])


def test_a_tie_is_no_unique_best_and_the_first_is_named():
    payoffs = np.array([[1.0, 1.0], [2.0, 2.0], [2.0, 2.0 + 1e-6]])
    exact, loose = best_choice(payoffs), best_choice(payoffs, 1e-5)
    assert exact.best.tolist() == [1, 2] and exact.unique.tolist() == [False, True]
    assert loose.best.tolist() == [1, 1] and not loose.unique.any()


def test_a_draw_with_a_missing_payoff_has_no_best_option():
    found = best_choice(np.array([[1.0, np.nan, 5.0], [0.0, 9.0, 7.0]]))
    assert found.best.tolist() == [0, MISSING, 1]
    assert found.unique.tolist() == [True, False, True] and np.isnan(found.margin[1])


def test_a_single_option_is_the_only_best():
    found = best_choice(np.array([[0.0, -3.0]]))
    assert found.unique.all() and np.isinf(found.margin).all()


@pytest.mark.parametrize("first", [0, 1])
def test_the_prisoners_dilemma_ends_in_defection_though_both_lose(first):
    path = alternate(DILEMMA, (0, 0), first)
    assert path.ending == "settled" and path.last == (1, 1) and len(path.history) == 3
    assert np.argwhere(pure_equilibria(DILEMMA)).tolist() == [[1, 1]]
    assert (DILEMMA[path.last] < DILEMMA[0, 0]).all()


def test_matching_pennies_go_round():
    path = alternate(PENNIES, (0, 0))
    assert path.ending == "cycle" and not pure_equilibria(PENNIES).any()
    assert path.history[:4] == ((0, 0), (0, 1), (1, 1), (1, 0))
    assert set(path.cycle) == set(itertools.product((0, 1), repeat=2))


def test_where_two_equilibria_exist_the_start_decides():
    assert np.argwhere(pure_equilibria(ASSURANCE)).tolist() == [[0, 0], [1, 1]]
    assert alternate(ASSURANCE, (0, 0)).last == (0, 0)
    assert alternate(ASSURANCE, (1, 1)).last == (1, 1)


def test_a_player_who_ties_stays():
    flat = np.zeros((2, 2, 2))
    for start in itertools.product((0, 1), repeat=2):
        path = alternate(flat, start)
        assert path.ending == "settled" and path.history == (start,)
    assert pure_equilibria(flat).all()


def test_a_third_player_who_never_moves_does_not_hide_a_cycle():
    three = np.zeros((2, 2, 1, 3))
    three[:, :, 0, :2] = PENNIES
    path = alternate(three, (0, 0, 0))
    assert path.ending == "cycle" and len(set(path.cycle)) == 4


def test_a_missing_payoff_ends_the_path_and_is_no_equilibrium():
    hole = DILEMMA.copy()
    hole[1, 0, 0] = np.nan
    assert alternate(hole, (0, 0)).ending == "missing"
    assert not pure_equilibria(hole)[1, 0] and not pure_equilibria(hole)[0, 0]


def public_good(players):
    """Each abates q at a cost of q^2/2 and gains the sum of all q; a member of k abates k, an outsider 1 (Barrett 1994)."""
    payoffs = np.zeros((2**players, players))
    for k in range(2**players):
        size = k.bit_count()
        total = size * max(size, 1) + (players - size)
        for i in range(players):
            payoffs[k, i] = total - (size**2 / 2 if k >> i & 1 else 0.5)
    return payoffs


@pytest.mark.parametrize("players", [3, 4, 5, 6])
def test_of_a_public_good_with_linear_benefits_no_more_than_three_hold_together(players):
    """Leaving k costs a member k^2 + n - k - k^2/2 and yields (k-1)^2 + n - k + 1 - 1/2: it stays while k^2 - 4k + 3 <= 0, so k <= 3."""
    found = stability(public_good(players), 1e-12)
    for k in range(2**players):
        size = k.bit_count()
        assert found.internal[k] == (size <= 3)
        assert found.external[k] == (size != 1)  # to join k = 1 gains 1/2; at k = 0 and 2 it ties, from 3 it loses
    assert {k.bit_count() for k in np.flatnonzero(found.stable)} == {0, 2, 3}


def test_stability_is_read_draw_by_draw():
    """One player who gains from being in where the draw is good and loses where it is bad."""
    payoffs = np.array([[[0.0, 0.0, 0.0]], [[1.0, -1.0, np.nan]]])  # set 0: outside; set 1: inside
    found = stability(payoffs)
    assert found.internal[1].tolist() == [True, False, False] and found.external[0].tolist() == [False, True, False]
    assert found.known.all(0).tolist() == [True, True, False]


def test_stability_refuses_a_table_of_the_wrong_size():
    with pytest.raises(ValueError, match="expected 8 sets"):
        stability(np.zeros((7, 3)))


def test_sets_by_number():
    assert [members_of(k, "ab") for k in range(4)] == [(), ("a",), ("b",), ("a", "b")]


def test_sharing_out_keeps_the_sum_and_pays_by_weight():
    start, now = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[5.0, 0.0], [1.0, -3.0]])
    shared = shared_out(now, start, np.array([0.25, 0.75]))
    assert shared.sum(1) == pytest.approx(now.sum(1))
    assert shared - start == pytest.approx(np.array([[0.5, 1.5], [-0.5, -1.5]]))
