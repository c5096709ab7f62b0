"""Batched Newton iteration for box-constrained mixed complementarity problems.

Many problems of one shape ("draws") are solved at once: one call of the problem and one batched linear solve per step,
with step length, stopping and failure kept per draw. A draw that fails never disturbs another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from floormodel.equilibrium.fischer import Array, natural_residual

IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
System = Callable[[Array, Array, Array, Array, Array, float], tuple[Array, Array, Array]]
Progress = Callable[[int, int], None]

STOPS = np.array(["normal", "iteration_limit", "eval_error", "singular", "failed"])
NORMAL, LIMIT, EVAL_ERROR, SINGULAR, FAILED = range(5)
HALVINGS = 14  # of one step, before the draw is given up
SLOPE = 1e-4  # Armijo: share of the linear decrease of the squared norm that a step must achieve
HUGE = 1e12  # a Newton step this large means a matrix that is singular in double precision


class Problem(Protocol):
    """What the solver asks of a problem."""

    def evaluate(self, z: Array, draw: IntArray, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        """f (k, n) and, if asked, df/dz (k, n, n) at the points z (k, n).

        draw (k,) says which draw each row belongs to; width >= 0 is the smoothing width of the problem's own kinks
        (0 = exact). The arrays must be fresh, for the solver overwrites them; z must be left as it is. Points always
        lie within the bounds; where f or its Jacobian does not exist, return NaN.
        """
        ...


@dataclass(frozen=True)
class Task:
    """A problem with its bounds (B, n) and step cap. With `pull` (B, 1), pull * (z - anchor) is added to f."""

    problem: Problem
    lower: Array
    upper: Array
    max_step: float | Array
    tol: float
    pull: Array | None = None
    anchor: Array | None = None


@dataclass(frozen=True)
class Method:
    """How the conditions become equations and how steps are taken.

    free_steps: full steps before the line search begins; memory: number of past norms it compares with (1 = monotone);
    tol: on the error that `system` returns; polish: one more step after `tol` is met, kept if no worse.
    """

    system: System
    steps: int
    free_steps: int
    memory: int
    tol: float
    width: float = 0.0
    polish: bool = True


@dataclass
class Run:
    """State of a run: points z (k, n), error (k,), Newton steps taken (k,), reason of stopping (k,), index of STOPS."""

    z: Array
    error: Array
    steps: IntArray
    stop: IntArray


def iterate(task: Task, method: Method, z: Array, rows: IntArray, progress: Progress | None = None) -> Run:
    """Newton's method from z (k, n) for the draws `rows` (k,); draws leave the batch as they finish."""
    k = len(rows)
    run = Run(z.copy(), np.full(k, np.inf), np.zeros(k, dtype=np.intp), np.full(k, LIMIT, dtype=np.intp))
    live = np.arange(k)
    history = np.full((k, method.memory), -np.inf)
    r, matrix, error = _assemble(task, method, run.z, rows)
    run.error[:] = error
    run.stop[~np.isfinite(error)] = EVAL_ERROR
    for step in range(method.steps + 1):
        done = run.error[live] < method.tol
        run.stop[live[done]] = NORMAL
        leave = done if step == 0 or not method.polish else np.zeros(len(live), dtype=bool)
        if step == 0:
            leave = leave | ~np.isfinite(error)
        if leave.any():
            live, r, matrix, done = live[~leave], r[~leave], matrix[~leave], done[~leave]
        if not live.size:
            break
        direction, singular = _direction(matrix, r, task.max_step)
        if done.any():
            _polish(task, run, live[done], direction[done], rows)
            live, r, direction, singular = live[~done], r[~done], direction[~done], singular[~done]
        run.stop[live] = np.where(singular, SINGULAR, LIMIT)
        if not live.size or step == method.steps:
            break
        history[live, step % method.memory] = np.einsum("ki,ki->k", r, r)
        reference = history[live].max(axis=1) if step >= method.free_steps else np.full(len(live), np.inf)
        live, r, matrix = _advance(task, method, run, live, direction, rows, reference)
        if progress is not None:
            progress(k - live.size, k)
    return run


def _assemble(task: Task, method: Method, z: Array, rows: IntArray) -> tuple[Array, Array, Array]:
    """Equations, matrix and error at z; the error is infinite where anything is not finite."""
    with np.errstate(all="ignore"):  # a trial point may overflow: it is rejected below, by its numbers
        f, jac = task.problem.evaluate(z, rows, method.width, True)
        assert jac is not None
        if task.pull is not None and task.anchor is not None:
            f = f + task.pull[rows] * (z - task.anchor[rows])
            jac = jac + task.pull[rows][:, :, None] * np.eye(z.shape[1])
        r, matrix, error = method.system(z, f, jac, task.lower[rows], task.upper[rows], method.width)
        finite = np.isfinite(f.sum(axis=1) + matrix.sum(axis=(1, 2)))
    return r, matrix, np.where(finite & np.isfinite(error), error, np.inf)


def _direction(matrix: Array, r: Array, max_step: float | Array) -> tuple[Array, BoolArray]:
    """Newton directions, capped, and which draws have a singular matrix (these get the least-squares direction)."""
    right = -r[:, :, None]
    try:
        direction = np.linalg.solve(matrix, right)[:, :, 0]
    except np.linalg.LinAlgError:
        direction = np.full(r.shape, np.nan)
        with np.errstate(invalid="ignore"):
            regular = np.linalg.slogdet(matrix)[0] != 0.0
        if regular.any():
            direction[regular] = np.linalg.solve(matrix[regular], right[regular])[:, :, 0]
    singular: BoolArray = ~(np.abs(direction).max(axis=1) < HUGE)
    if singular.any():
        direction[singular] = _least_squares(matrix[singular], right[singular])
    return direction / np.maximum((np.abs(direction) / max_step).max(axis=1, keepdims=True), 1.0), singular


def _least_squares(matrix: Array, right: Array) -> Array:
    """Least-squares directions (k, n); zero, so that the draw ends with a flag, where a decomposition fails."""
    try:
        return (np.linalg.pinv(matrix, rcond=1e-12) @ right)[:, :, 0]
    except np.linalg.LinAlgError:
        if len(matrix) == 1:
            return np.zeros(right.shape[:2])
        return np.concatenate([_least_squares(matrix[k:k + 1], right[k:k + 1]) for k in range(len(matrix))])


def _polish(task: Task, run: Run, live: IntArray, direction: Array, rows: IntArray) -> None:
    """One more step for draws that have converged, kept where the natural residual does not grow."""
    draw = rows[live]
    lower, upper = task.lower[draw], task.upper[draw]
    trial = np.clip(run.z[live] + direction, lower, upper)
    with np.errstate(all="ignore"):
        f, _ = task.problem.evaluate(trial, draw, 0.0, False)
    error = natural_residual(trial, f, lower, upper)
    better = error <= run.error[live]
    run.z[live[better]], run.error[live[better]] = trial[better], error[better]


def _advance(
    task: Task, method: Method, run: Run, live: IntArray, direction: Array, rows: IntArray, reference: Array
) -> tuple[IntArray, Array, Array]:
    """Move the live draws along their directions, halving steps that are not finite or do not lower the norm enough.

    reference (k,): squared norm to improve on, infinite for a free step. Returns the moved draws, their r and matrix.
    """
    draw, z = rows[live], run.z[live]
    lower, upper = task.lower[draw], task.upper[draw]
    trial = np.clip(z + direction, lower, upper)
    r, matrix, error = _assemble(task, method, trial, draw)
    accepted = _acceptable(r, error, reference, 1.0)
    for halving in range(1, HALVINGS + 1):
        if accepted.all():
            break
        length = 0.5**halving
        bad = np.flatnonzero(~accepted)
        trial[bad] = np.clip(z[bad] + length * direction[bad], lower[bad], upper[bad])
        r[bad], matrix[bad], error[bad] = _assemble(task, method, trial[bad], draw[bad])
        accepted[bad] = _acceptable(r[bad], error[bad], reference[bad], length)
    if not accepted.all():
        lost = live[~accepted]
        reason = np.where(run.stop[lost] == SINGULAR, SINGULAR, FAILED)
        run.stop[lost] = np.where(np.isfinite(error[~accepted]), reason, EVAL_ERROR)
        live, trial, r, matrix, error = live[accepted], trial[accepted], r[accepted], matrix[accepted], error[accepted]
    run.z[live], run.error[live] = trial, error
    run.steps[live] += 1
    return live, r, matrix


def _acceptable(r: Array, error: Array, reference: Array, length: float) -> BoolArray:
    with np.errstate(all="ignore"):
        return np.isfinite(error) & (np.einsum("ki,ki->k", r, r) <= reference * (1.0 - 2.0 * SLOPE * length))
