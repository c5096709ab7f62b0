"""Box-constrained mixed complementarity problems, many draws at once: `solve_mcp`.

    find lower <= z <= upper with f > 0 only at the lower bound, f < 0 only at the upper bound, f = 0 between.

Each draw passes through the stages below until one solves it: (1) active-set semismooth Newton, (2) Fischer-Burmeister
Newton with a non-monotone line search, (3) homotopies, (5) a scalar trust-region solver. Stage 4, a homotopy along the
policy, needs the economics and belongs to the caller. No draw influences another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from floormodel.equilibrium.fischer import Array, fischer_burmeister, min_map
from floormodel.equilibrium.iteration import (
    NORMAL,
    STOPS,
    BoolArray,
    IntArray,
    Method,
    Problem,
    Progress,
    Run,
    Task,
    iterate,
)

__all__ = ["Problem", "Solution", "recomputed_residual", "solve_mcp"]

WIDTHS = 10.0 ** -np.arange(10.0)  # of the smoothing homotopy
PULL_START, PULL_END = 10.0, 1e-8  # of the proximal homotopy, times the largest derivative at the start
PULL_ROUNDS = 80
TRUST_REGION_STEPS = 500
ACTIVE_SET = Method(min_map, steps=30, free_steps=8, memory=1, tol=1e-9)
FISCHER = Method(fischer_burmeister, steps=120, free_steps=0, memory=5, tol=1e-9)


@dataclass(frozen=True)
class Solution:
    """Outcome of `solve_mcp` for B draws of n unknowns; attributes are arrays over draws.

    z (B, n): the solution, or the best point reached; residual (B,): natural residual of z, evaluated after the solve;
    converged (B,): residual finite and below tol; iterations (B,): Newton steps over all stages, the polishing step not
    counted, evaluations of the Jacobian in stage 5; stop (B,): "normal", or why stage 1 ended where no stage found a
    solution ("iteration_limit", "eval_error", "singular", "failed"); stage (B,): the stage that solved the draw, or the
    last one tried.
    """

    z: Array
    residual: Array
    converged: BoolArray
    iterations: IntArray
    stop: NDArray[np.str_]
    stage: IntArray


def solve_mcp(
    problem: Problem,
    lower: Array,
    upper: Array,
    start: Array,
    *,
    tol: float = 1e-9,
    max_iter: int = 30,
    last_stage: int = 5,
    max_step: float | Array = 1.0,
    progress: Progress | None = None,
) -> Solution:
    """Solve B problems of n unknowns each.

    lower, upper, start: (B, n) or (1, n), bounds may be infinite, a start outside them is moved onto them. tol: on the
    natural residual, in the units of f and z. max_iter: Newton steps of stage 1 (four times as many in the later ones).
    last_stage: how far the stages go for draws that stage 1 leaves unsolved. max_step: largest change of any
    unknown in one step of stages 1 to 3, one number or one per unknown (n,). progress: called after each step of
    stage 1 and at the end with the number of draws finished and the number of draws.

    A start that already solves its draw to tol comes back unchanged, with no step taken. Draws that cannot be solved
    are flagged in the result, never raised. Raises ValueError for shapes that do not fit, NaN, crossing bounds.
    """
    lower, upper, z = _conform(lower, upper, start)
    task = Task(problem, lower, upper, max_step, tol)
    everyone = np.arange(len(z))
    best = iterate(task, replace(ACTIVE_SET, steps=max_iter, tol=tol), z, everyone, progress)
    stage = np.ones(len(z), dtype=np.intp)
    can_start = np.isfinite(best.error)
    for number, method in FALLBACKS:
        rows = np.flatnonzero((best.stop != NORMAL) & can_start)
        if rows.size and number <= last_stage:
            _keep_better(best, method(task, z[rows], rows, 4 * max_iter), rows)
            stage[rows] = number
    if progress is not None:
        progress(len(z), len(z))
    residual = recomputed_residual(problem, best.z, lower, upper)
    return Solution(best.z, residual, np.isfinite(residual) & (residual < tol), best.steps, STOPS[best.stop], stage)


def recomputed_residual(problem: Problem, z: Array, lower: Array, upper: Array) -> Array:
    """Natural residual (B,) of the points z (B, n), from a fresh evaluation without smoothing, bound by bound."""
    with np.errstate(all="ignore"):
        f, _ = problem.evaluate(z, np.arange(len(z)), 0.0, False)
        distance = np.abs(z - np.maximum(lower, np.minimum(upper, z - f)))
        return np.where(np.isfinite(f), distance, np.inf).max(axis=1)


def _conform(lower: Array, upper: Array, start: Array) -> tuple[Array, Array, Array]:
    """Arrays of one shape (B, n), the start moved into the box."""
    lower, upper, start = (np.atleast_2d(np.asarray(a, dtype=float)) for a in (lower, upper, start))
    shape = np.broadcast_shapes(lower.shape, upper.shape, start.shape)
    lower, upper, start = (np.broadcast_to(a, shape) for a in (lower, upper, start))
    if not (lower <= upper).all():
        raise ValueError("bounds cross or are not numbers: every lower bound must be <= its upper bound")
    if not np.isfinite(start).all():
        raise ValueError("the start must be finite")
    return lower, upper, np.clip(start, lower, upper)


def _keep_better(best: Run, run: Run, rows: IntArray) -> None:
    """Take over the points of `run` that solve their draw or come closer to it."""
    solved = run.stop == NORMAL
    closer = solved | (run.error < best.error[rows])
    best.z[rows[closer]], best.error[rows[closer]] = run.z[closer], run.error[closer]
    best.stop[rows[solved]] = NORMAL
    best.steps[rows] += run.steps


def _fischer_newton(task: Task, z: Array, rows: IntArray, steps: int) -> Run:
    """Stage 2: Fischer-Burmeister Newton from the start (De Luca, Facchinei and Kanzow 1996)."""
    return iterate(task, replace(FISCHER, steps=steps, tol=task.tol), z, rows)


def _smoothing(task: Task, z: Array, rows: IntArray, steps: int) -> Run:
    """Stage 3: the Fischer-Burmeister equations and the problem's kinks, smoothed less and less, then active sets."""
    taken = np.zeros(len(rows), dtype=np.intp)
    for width in WIDTHS:
        method = replace(FISCHER, steps=steps // 4, tol=max(task.tol, 0.1 * width), width=width, polish=False)
        run = iterate(task, method, z, rows)
        z, taken = run.z, taken + run.steps
    return _finish(task, z, rows, steps, taken)


def _proximal(task: Task, z: Array, rows: IntArray, steps: int) -> Run:
    """Stage 3, second part: f + pull (z - start) with pull falling to nothing, at each draw's own pace.

    The idea is the proximal perturbation of Billups and Ferris (1997): with a large pull the start nearly solves the
    problem. A round that fails is tried again with a smaller change of pull.
    """
    with np.errstate(all="ignore"):
        _, jac = task.problem.evaluate(z, rows, 0.0, True)
    assert jac is not None
    first = PULL_START * np.maximum(np.abs(jac).max(axis=(1, 2)), 1e-3)
    pull, factor, taken = 2.0 * first, np.full(len(rows), 0.5), np.zeros(len(rows), dtype=np.intp)
    anchor, pulls = np.zeros_like(task.lower), np.zeros((len(task.lower), 1))
    anchor[rows], z = z, z.copy()
    method = replace(FISCHER, steps=12, tol=max(task.tol, 1e-7), width=0.0, polish=False)
    for _ in range(PULL_ROUNDS):
        live = np.flatnonzero((pull > PULL_END * first) & (factor < 0.999))
        if not live.size:
            break
        pulls[rows[live], 0] = pull[live] * factor[live]
        run = iterate(replace(task, pull=pulls, anchor=anchor), method, z[live], rows[live])
        solved = run.stop == NORMAL
        taken[live] += run.steps
        z[live[solved]] = run.z[solved]
        pull[live[solved]] *= factor[live[solved]]
        factor[live] = np.where(solved, np.maximum(factor[live] ** 1.5, 0.1), np.sqrt(factor[live]))
    return _finish(task, z, rows, steps, taken)


def _finish(task: Task, z: Array, rows: IntArray, steps: int, taken: IntArray) -> Run:
    """Active-set steps from the end of a homotopy, `taken` (k,) steps so far."""
    run = iterate(task, replace(ACTIVE_SET, steps=steps, tol=task.tol), z, rows)
    run.steps += taken
    return run


def _trust_region(task: Task, z: Array, rows: IntArray, steps: int) -> Run:
    """Stage 5: least squares on the Fischer-Burmeister equations, draw by draw (scipy), then active sets."""
    points, taken = z.copy(), np.zeros(len(rows), dtype=np.intp)
    for i, row in enumerate(rows):
        points[i], taken[i] = _least_squares(task, z[i], row)
    return _finish(task, points, rows, steps, taken)


def _least_squares(task: Task, z: Array, row: int) -> tuple[Array, int]:
    """Trust-region point of one draw from z (n,) and the number of Jacobians used; z itself if nothing is finite."""
    lower, upper, draw = task.lower[row], task.upper[row], np.array([row])
    free = upper > lower
    point = z.copy()

    def equations(x: Array, jacobian: bool) -> Array:
        point[free] = x
        with np.errstate(all="ignore"):
            f, jac = task.problem.evaluate(point[None], draw, 0.0, True)
            assert jac is not None
            r, matrix, _ = fischer_burmeister(point[None], f, jac, lower[None], upper[None], 0.0)
        return matrix[0][np.ix_(free, free)] if jacobian else r[0, free]

    try:
        with np.errstate(all="ignore"):
            found = least_squares(equations, z[free], args=(False,), jac=lambda x, _: equations(x, True),
                                  bounds=(lower[free], upper[free]), xtol=1e-15, ftol=1e-15, gtol=1e-15,
                                  max_nfev=TRUST_REGION_STEPS)
    except (ValueError, np.linalg.LinAlgError):  # not finite at the start, or a Jacobian that is not
        return z, 0
    point[free] = found.x
    return point, int(found.njev)


FALLBACKS = ((2, _fischer_newton), (3, _smoothing), (3, _proximal), (5, _trust_region))
