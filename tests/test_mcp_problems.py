"""The complementarity solver on small classical problems, from every start listed with them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from tests.mcp_problems import CASES, PROBLEMS, linear, pies_blocks, residual_by_definition, solve

RUNS = [(name, i) for name, make in PROBLEMS.items() for i in range(len(make().starts))]


@pytest.mark.parametrize(("name", "number"), RUNS, ids=[f"{name}-{i}" for name, i in RUNS])
def test_classical_problem_is_solved_from_every_listed_start(name, number):
    case = PROBLEMS[name]()
    found = solve(case, case.starts[number])
    assert found.converged.all() and found.stop[0] == "normal"
    assert found.residual[0] < 1e-9 and residual_by_definition(case, found.z[0]) < 1e-9
    if case.solutions is not None:
        assert np.abs(case.solutions - found.z).max(axis=1).min() < 2e-10


@pytest.mark.parametrize("name", PROBLEMS)
def test_classical_problem_is_solved_with_the_default_step_cap(name):
    case = PROBLEMS[name]()
    found = solve(case, max_step=1.0)
    assert found.converged.all()


@pytest.mark.parametrize("name", PROBLEMS)
def test_jacobians_of_the_test_problems(name):
    case = PROBLEMS[name]()
    z = np.clip(np.random.default_rng(3).uniform(0.5, 2.0, case.starts.shape[1]), case.lower, case.upper)
    if name == "pies":
        z[26:32] = case.starts[0, 26:32]
    step = 1e-5
    points = np.concatenate([z + step*np.eye(len(z)), z - step*np.eye(len(z))])
    above, below = np.split(case.function(points)[0], 2)
    jac = case.function(z[None])[1][0]
    np.testing.assert_allclose((above - below).T/(2*step), jac, atol=1e-6*(1 + np.abs(jac).max()))


def test_kojshin_has_both_solutions_among_the_starts():
    found = solve(PROBLEMS["kojshin"]()).z
    assert (np.abs(found - [1, 0, 3, 0]).max(axis=1) < 1e-9).any()
    assert (np.abs(found - [np.sqrt(6)/2, 0, 0, 0.5]).max(axis=1) < 1e-9).any()


def test_mathiesen_ends_on_the_segment_of_solutions():
    found = solve(PROBLEMS["mathiesen"]()).z
    assert ((found[:, 0] >= 0) & (found[:, 0] <= 3)).all()
    np.testing.assert_allclose(found[:, 1:], 0, atol=1e-9)


def test_nash5_agrees_with_the_published_figures():
    np.testing.assert_allclose(solve(PROBLEMS["nash5"]()).z, np.tile(CASES["nash5"]["published"], (2, 1)), atol=0.01)


def test_obstacle():
    case = PROBLEMS["obstacle"]()
    expected, z = CASES["obstacle"], solve(case).z[0]
    assert z.sum() == pytest.approx(expected["sum"], abs=1e-9)
    assert z.max() == pytest.approx(expected["largest"], abs=1e-10) and z.argmax() == z.size//2
    assert (z == case.lower).sum() == expected["at_lower"] and (z == case.upper).sum() == expected["at_upper"]


def test_pies():
    found = solve(PROBLEMS["pies"]())
    for z in found.z:
        for name, value in CASES["pies"]["solution"].items():
            np.testing.assert_allclose(pies_blocks(z)[name], value, atol=1e-9, err_msg=name)


def test_billups_needs_the_fallbacks_from_zero():
    case = PROBLEMS["billups"]()
    alone = solve(case, [[0.0]], last_stage=1)
    assert not alone.converged[0] and alone.stop[0] != "normal" and alone.stage[0] == 1
    assert solve(case, [[0.0]]).stage[0] == 3


def test_box_constrained_least_squares_against_scipy():
    rng = np.random.default_rng(7)
    for _ in range(10):
        a, b = rng.normal(size=(30, 12)), rng.normal(size=30)
        lower, upper = -rng.uniform(0, 0.3, 12), rng.uniform(0, 0.3, 12)
        lower[:2], upper[1:3] = -np.inf, np.inf
        expected = lsq_linear(a, b, (lower, upper), tol=1e-14).x
        found = solve(linear(a.T @ a, -a.T @ b, np.zeros((1, 12)), lower, upper))
        assert found.converged.all()
        np.testing.assert_allclose(found.z[0], expected, atol=1e-6)
