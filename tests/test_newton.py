"""The batched complementarity solver: its equations, and what it promises about draws, failures, starts and steps."""

from __future__ import annotations

import numpy as np
import pytest

from floormodel.equilibrium.fischer import fischer_burmeister, min_map, natural_residual
from floormodel.equilibrium.iteration import _direction
from floormodel.equilibrium.newton import recomputed_residual, solve_mcp
from tests.mcp_problems import PROBLEMS, Case, linear, residual_by_definition, solve

INF = np.inf


# ---------------------------------------------------------------- the conditions as equations


def test_natural_residual_by_hand():
    z = np.array([[0.0, 1.0, 2.0, 0.5, 3.0]])
    f = np.array([[5.0, -4.0, 0.25, -0.1, 7.0]])
    lower, upper = np.array([[0.0, 0.0, -INF, 0.0, 1.0]]), np.array([[INF, 1.0, INF, INF, INF]])
    # at a bound with the right sign: 0, 0; free: |F|; inside: |F|; far from the lower bound: the distance to it
    np.testing.assert_allclose(natural_residual(z, f, lower, upper), [2.0])
    np.testing.assert_allclose(natural_residual(z[:, :4], f[:, :4], lower[:, :4], upper[:, :4]), [0.25])
    f[0, 0] = INF
    assert natural_residual(z, f, lower, upper)[0] == INF


def test_fischer_burmeister_by_hand():
    z, f = np.array([[3.0, 3.0, 2.0]]), np.array([[4.0, -4.0, 0.7]])
    lower, upper = np.array([[0.0, -INF, -INF]]), np.array([[INF, 6.0, INF]])
    value = fischer_burmeister(z, f, np.zeros((1, 3, 3)), lower, upper, 0.0)[0]
    np.testing.assert_allclose(value, [[2.0, -2.0, 0.7]])  # 3 + 4 - 5, its mirror image, and F itself
    smooth = fischer_burmeister(z[:, :1], 1/(4*z[:, :1]), np.zeros((1, 1, 1)), lower[:, :1], upper[:, :1], 0.5)[0]
    np.testing.assert_allclose(smooth, 0, atol=1e-15)  # a b = width^2


@pytest.mark.parametrize(("system", "width"), [(fischer_burmeister, 0.0), (fischer_burmeister, 0.3), (min_map, 0.0)])
def test_derivatives_of_the_equations(system, width):
    rng = np.random.default_rng(11)
    n = 6
    m = rng.normal(size=(n, n))
    lower, upper = np.array([[0.0, -INF, 0.0, -INF, -1.0, 0.0]]), np.array([[INF, 1.0, 1.0, INF, 0.4, 0.0]])
    z = rng.uniform(-0.5, 0.5, (1, n))

    def value(z):
        return system(z, z @ m.T + 0.3, np.tile(m, (len(z), 1, 1)), np.tile(lower, (len(z), 1)),
                      np.tile(upper, (len(z), 1)), width)

    step = 1e-6*np.eye(n)
    np.testing.assert_allclose((value(z + step)[0] - value(z - step)[0]).T/2e-6, value(z)[1][0], atol=1e-7)


def test_fischer_burmeister_vanishes_exactly_at_solutions():
    lower, upper = np.zeros((1, 4)), np.array([[INF, 2.0, 2.0, 2.0]])
    solved = fischer_burmeister(np.array([[0.0, 0.0, 2.0, 1.0]]), np.array([[3.0, 3.0, -3.0, 0.0]]),
                                np.zeros((1, 4, 4)), lower, upper, 0.0)
    np.testing.assert_array_equal(solved[0], 0)
    wrong = fischer_burmeister(np.array([[0.0, 0.0, 2.0, 1.0]]), np.array([[-3.0, -3.0, 3.0, 0.5]]),
                               np.zeros((1, 4, 4)), lower, upper, 0.0)
    assert (np.abs(wrong[0]) > 0.1).all()


# ---------------------------------------------------------------- draws


class Draws:
    """F = M[draw] z + growth[draw] exp(z) - b[draw], and a record of how many rows each call had."""

    def __init__(self, matrix, growth, b):
        self.matrix, self.growth, self.b = np.asarray(matrix, float), np.asarray(growth, float), np.asarray(b, float)
        self.rows: list[int] = []

    def evaluate(self, z, draw, width, jacobian):
        self.rows.append(len(z))
        rise = self.growth[draw]*np.exp(z)
        f = (self.matrix[draw] @ z[:, :, None])[:, :, 0] + rise - self.b[draw]
        return f, self.matrix[draw] + rise[:, :, None]*np.eye(z.shape[1]) if jacobian else None


def random_draws(b: int, n: int, seed: int = 5) -> Draws:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(b, n, n))*0.5/np.sqrt(n) + 2*np.eye(n)
    return Draws(matrix, rng.uniform(0, 1, (b, n)), rng.normal(size=(b, n))*4)


class Only:
    """One draw of a problem, as a problem of its own."""

    def __init__(self, problem, number):
        self.problem, self.number = problem, number

    def evaluate(self, z, draw, width, jacobian):
        return self.problem.evaluate(z, draw + self.number, width, jacobian)


def test_a_batch_equals_its_draws_one_by_one():
    problem = random_draws(120, 9)
    rng = np.random.default_rng(1)
    lower, upper, start = -rng.uniform(0, 2, (120, 9)), rng.uniform(0, 2, (120, 9)), rng.normal(size=(120, 9))
    batch = solve_mcp(problem, lower, upper, start)
    assert batch.converged.all() and len(set(batch.iterations)) > 1
    for i in range(120):
        one = solve_mcp(Only(problem, i), lower[i], upper[i], start[i])
        np.testing.assert_allclose(one.z[0], batch.z[i], rtol=0, atol=1e-13)
        assert (one.iterations[0], one.stage[0], one.stop[0]) == (batch.iterations[i], batch.stage[i], batch.stop[i])


def test_draws_leave_the_batch_as_they_finish():
    problem = random_draws(200, 5)
    found = solve_mcp(problem, np.full(5, -1.0), np.full(5, INF), np.zeros((1, 5)).repeat(200, 0))
    assert found.converged.all() and (found.stage == 1).all()
    # one row at the start, one per Newton step, one polishing step, one independent evaluation
    assert sum(problem.rows) == found.iterations.sum() + 200 + (found.iterations > 0).sum() + 200


def test_a_singular_and_a_nan_draw_do_not_disturb_the_others():
    problem = random_draws(12, 4)
    sound = solve_mcp(problem, np.full(4, -INF), np.full(4, INF), np.zeros((12, 4)))
    assert sound.converged.all()
    problem.matrix[3], problem.growth[3], problem.b[3] = 0.0, 0.0, 1.0  # F = -1 everywhere
    problem.b[7, 2] = np.nan
    problem.b[8, 1] = INF
    found = solve_mcp(problem, np.full(4, -INF), np.full(4, INF), np.zeros((12, 4)))
    assert [found.stop[i] for i in (3, 7, 8)] == ["singular", "eval_error", "eval_error"]
    assert not found.converged[[3, 7, 8]].any() and np.isfinite(found.z).all()
    assert found.residual[3] == 1.0 and found.residual[7] == INF and found.residual[8] == INF
    others = np.setdiff1d(np.arange(12), [3, 7, 8])
    assert found.converged[others].all() and (found.stop[others] == "normal").all()
    np.testing.assert_allclose(found.z[others], sound.z[others], rtol=0, atol=1e-13)


def test_a_singular_matrix_is_no_failure_where_a_solution_exists():
    case = linear([[1, 1], [1, 1]], np.array([-2.0, -2.0]), [[0, 0]], -INF, INF)
    found = solve(case)
    assert found.converged[0]
    np.testing.assert_allclose(found.z, [[1, 1]], atol=1e-12)  # the least-squares step is the shortest


def test_steps_are_shortened_where_the_function_does_not_exist():
    def logarithm(z):
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(z), 1/z[:, :, None]

    case = Case(logarithm, [[30.0]], lower=-INF)  # the full step from 30 leads to a negative number
    found = solve(case, last_stage=1)
    assert found.converged[0] and found.z[0, 0] == pytest.approx(1.0, abs=1e-12)


def test_a_function_that_exists_only_at_the_start_ends_with_eval_error():
    case = Case(lambda z: (np.where(z == 0, -1.0, np.nan), np.ones((len(z), 1, 1))), [[0.0]])
    found = solve(case)
    assert found.stop[0] == "eval_error" and not found.converged[0] and found.z[0, 0] == 0.0


def test_a_jacobian_that_is_not_finite_is_an_eval_error():
    case = Case(lambda z: (z - 1, np.full((len(z), 1, 1), np.nan)), [[0.0]], lower=-INF)
    assert solve(case).stop[0] == "eval_error"


# ---------------------------------------------------------------- starts, bounds, steps


def test_a_solution_as_start_takes_no_step_and_comes_back_unchanged():
    case = PROBLEMS["nash10"]()
    once = solve(case, case.starts[:1])
    again = solve(case, once.z)
    assert again.iterations[0] == 0 and again.stage[0] == 1 and again.stop[0] == "normal"
    np.testing.assert_array_equal(again.z, once.z)
    loose = once.z*(1 + 1e-12)  # still within tol: not polished either
    np.testing.assert_array_equal(solve(case, loose).z, loose)


def test_infinite_fixed_and_one_sided_bounds():
    lower, upper = [-INF, -INF, 1.0, 2.0, 0.0], [INF, -1.0, INF, 2.0, 1.0]
    case = linear(np.eye(5), np.array([5.0, -3, 4, -7, -0.5]), [[0, 0, 9, 9, 9]], lower, upper)
    found = solve(case)
    np.testing.assert_allclose(found.z, [[-5, -1, 1, 2, 0.5]], atol=1e-14)
    assert found.converged[0]


def test_the_step_cap_limits_every_unknown():
    case = linear(np.eye(2), np.array([-10.0, -1.0]), [[0, 0]], -INF, INF)
    assert solve(case, max_step=1.0).iterations[0] == 10
    assert solve(case, max_step=np.array([5.0, INF])).iterations[0] == 2
    assert solve(case).iterations[0] == 1


def test_the_iteration_limit_is_reported():
    case = linear(np.eye(1), np.array([-10.0]), [[0]], -INF, INF)
    found = solve(case, max_step=1.0, max_iter=4, last_stage=1)
    assert found.stop[0] == "iteration_limit" and found.iterations[0] == 4 and found.z[0, 0] == 4.0
    assert not found.converged[0] and found.residual[0] == 6.0


def test_polishing_goes_beyond_the_tolerance():
    case = Case(lambda z: (z**2 - 2, 2*z[:, :, None]), [[2.0]], lower=-INF)
    found = solve(case, tol=1e-2)  # errors 2, 0.25, 0.007 and, polished, 6e-6
    assert found.iterations[0] == 2
    assert found.residual[0] == pytest.approx((577/408)**2 - 2, abs=1e-14)


def test_a_polishing_step_that_worsens_is_not_kept():
    def misleading(z):  # the slope given near the solution is ten times too small
        return z.copy(), np.where(np.abs(z) > 1e-3, 1.02, 0.1)[:, :, None]

    found = solve(Case(misleading, [[0.01]], lower=-INF), tol=1e-3)
    assert found.z[0, 0] == pytest.approx(0.01*(1 - 1/1.02), rel=1e-12)


def test_convergence_is_judged_by_a_fresh_evaluation():
    class TwoFaced:
        def evaluate(self, z, draw, width, jacobian):
            return np.full_like(z, 0.0 if jacobian else 1.0), np.ones((len(z), 1, 1)) if jacobian else None

    found = solve_mcp(TwoFaced(), [-INF], [INF], [[0.0]])
    assert found.residual[0] == 1.0 and not found.converged[0]


def test_the_homotopy_smooths_the_kinks_of_the_problem():
    widths = []

    class Watched(Case):
        def evaluate(self, z, draw, width, jacobian):
            widths.append(width)
            return super().evaluate(z, draw, width, jacobian)

    plain = PROBLEMS["billups"]()
    solve(Watched(plain.function, [[0.0]]))
    assert sorted({w for w in widths if w > 0}) == pytest.approx([10.0**-k for k in range(9, -1, -1)])


def test_progress_counts_finished_draws():
    seen = []
    solve_mcp(random_draws(30, 3), np.full(3, -1.0), np.full(3, INF), np.zeros((30, 3)),
              progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (30, 30) and seen == sorted(seen) and len(seen) > 2


@pytest.mark.parametrize(("lower", "upper", "start"), [
    ([1.0], [0.0], [[0.5]]), ([np.nan], [1.0], [[0.5]]), ([0.0], [1.0], [[np.nan]]), ([0.0, 0.0], [1.0] * 3, [[0.5]]),
])
def test_arrays_that_make_no_sense_are_refused(lower, upper, start):
    with pytest.raises(ValueError):
        solve_mcp(PROBLEMS["billups"](), lower, upper, start)


def test_recomputed_residual_is_the_definition():
    case = PROBLEMS["nash5"]()
    z = np.array([[10.0, 20, 0, 5, 1]])
    assert recomputed_residual(case, z, case.lower[None], case.upper[None])[0] == residual_by_definition(case, z[0])


def test_a_matrix_that_cannot_be_decomposed_stops_its_own_draw_alone():
    """Beside a regular and a singular one: their directions by hand, zero and a flag for the broken one."""
    matrices = np.array([[[2.0, 0.0], [0.0, 4.0]], [[np.nan, 1.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])
    direction, singular = _direction(matrices, np.ones((3, 2)), 10.0)
    assert np.allclose(direction, [[-0.5, -0.25], [0.0, 0.0], [-0.5, -0.5]]) and singular.tolist() == [False, True, True]
