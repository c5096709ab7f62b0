"""Find an equilibrium: build the terms, solve, hold the choke price where it is passed, fall back along a homotopy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from floormodel.equilibrium.benchmark import Array, make_benchmark
from floormodel.equilibrium.conduct import set_outputs
from floormodel.equilibrium.homogeneous import HomogeneousSystem
from floormodel.equilibrium.licences import grant_licences, without_licences
from floormodel.equilibrium.newton import Solution, solve_mcp
from floormodel.equilibrium.settle import settle
from floormodel.equilibrium.state import State, choke_price
from floormodel.equilibrium.system import System
from floormodel.equilibrium.terms import Terms
from floormodel.errors import InertWarning
from floormodel.market import Market
from floormodel.policies.base import Instrument, check_all

TOLERANCE = 1e-9
LARGEST_ARRAY, FEWEST_DRAWS = 200_000, 20  # numbers in the largest array of a batch, which then stays in the processor's cache


@dataclass(frozen=True)
class Solved:
    """A solved scenario: its terms, system, solver outcome and the state at the solution (all draws)."""

    market: Market
    policies: tuple[Instrument, ...]
    terms: Terms
    system: System | HomogeneousSystem
    solution: Solution
    state: State
    notes: tuple[str, ...]


def build_terms(market: Market, policies: Sequence[Instrument]) -> tuple[Terms, tuple[str, ...]]:
    """Check the instruments and add up their terms; inert settings are named in the notes."""
    check_all(policies, market)
    terms = Terms(make_benchmark(market))
    for number, policy in enumerate(policies):
        policy.add(terms, market, number)
    terms = settle(terms)
    return terms, tuple(terms.notes)


def find(market: Market, policies: Sequence[Instrument] = (), start: Array | None = None) -> Solved:
    """Solve one scenario for all draws of a market.

    Parameters
    ----------
    start : (B or 1, n), optional
        A neighbouring solution to start from; of another length it is ignored.

    Returns
    -------
    Solved
        Unsolved draws keep their flag and reason in `solution`; nothing is raised for them.
    """
    terms, notes = build_terms(market, policies)

    def solve(given: Terms, near: Array | None) -> Solved:
        return _find(market, tuple(policies), given, notes, near)

    if terms.licences:
        terms = grant_licences(terms, solve(without_licences(terms), None).state)
    if not terms.sellers:
        return solve(terms, start)
    solved, chosen = set_outputs(terms, solve, start)
    stop = np.where(chosen, solved.solution.stop, "failed")
    return replace(solved, solution=replace(solved.solution, converged=solved.solution.converged & chosen, stop=stop))


def _find(market: Market, policies: tuple[Instrument, ...], terms: Terms, notes: tuple[str, ...], start: Array | None) -> Solved:
    """Solve under given terms."""
    if market.sourcing == "homogeneous":
        flows = HomogeneousSystem(terms)
        solution = _solve(flows, flows.start() if start is None or start.shape[-1] != flows.size else start)
        return Solved(market, policies, terms, flows, solution, _state(flows, solution), notes)
    system = System(terms)
    first = np.zeros((1, system.size)) if start is None or start.shape[-1] != system.size else start
    solution = _solve(system, first, last_stage=2)
    if not solution.converged.all():  # most often buyers whose price is without a limit: hold the choke price from the outset
        system = System(terms, _rationable(system))
        near = np.where(solution.converged[:, None], solution.z, first)
        solution = _solve(system, np.pad(near, ((0, 0), (0, system.size - near.shape[1]))))
    state = _state(system, solution)
    for _ in range(4):
        over = _over_choke(system, state)
        if not over:
            break
        system = System(terms, tuple(sorted(set(system.layout.choke) | set(over))))
        n = system.layout.n_prices + system.layout.n_unknowns
        z = np.where(np.isfinite(solution.z[:, :n]), solution.z[:, :n], 0.0)
        solution = _solve(system, np.concatenate([z, np.zeros((len(z), system.size - n))], axis=1))
        state = _state(system, solution)
    return Solved(market, policies, terms, system, solution, state, notes)


def _state(system: System | HomogeneousSystem, solution: Solution) -> State:
    """The state of all draws at the solution; what is not finite in a draw is put to zero."""
    with np.errstate(all="ignore"):
        return system.state(np.where(np.isfinite(solution.z), solution.z, 0.0), np.arange(len(solution.z)))


def _rationable(system: System) -> tuple[tuple[int, int], ...]:
    """(good, destination) pairs with final demand that ends at a choke price; a straight line ends by itself."""
    b = system.terms.benchmark
    if b.linear_demand:
        return ()
    return tuple((int(g), int(d)) for g, d in np.argwhere(np.any(b.final_demand0 > 0, axis=0) & system.layout.supplied))


def _over_choke(system: System, s: State) -> list[tuple[int, int]]:
    """Destinations whose buyer price lies above the choke price in some draw and that are not yet rationed."""
    over = np.any(s.buyer_price + s.constants.final_tax > choke_price(s.benchmark) * (1 + 1e-9), axis=0)
    return [pair for pair in _rationable(system) if over[pair] and pair not in system.layout.choke]


class _Pulled:
    """The problem f(z) - (1 - theta) f(start): its solution at theta = 0 is the start, at theta = 1 that of the problem."""

    def __init__(self, system: System | HomogeneousSystem, draws: Array, offset: Array):
        self.system, self.draws, self.offset, self.theta = system, draws, offset, 0.0

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        f, jac = self.system.evaluate(z, self.draws[draw], width, jacobian)
        return f - (1 - self.theta) * self.offset[draw], jac


def batch_size(system: System | HomogeneousSystem) -> int:
    """Draws that are solved together."""
    goods, regions = system.layout.priced.shape
    return max(LARGEST_ARRAY // (goods * regions * max(system.size, regions)), FEWEST_DRAWS)


def _solve(system: System | HomogeneousSystem, start: Array, last_stage: int = 5) -> Solution:
    """All draws in batches; after the last stage, draws that failed are tried once more along a homotopy from the start (stage 4)."""
    draws = system.terms.benchmark.draws
    lower, upper = system.bounds()
    if system.size == 0:
        zero = np.zeros(draws)
        return Solution(np.zeros((draws, 0)), zero, zero == 0, zero.astype(int), np.full(draws, "normal"), np.ones(draws, int))
    start = np.clip(np.broadcast_to(start, (draws, system.size)), lower, upper)
    parts, size = [], batch_size(system)
    for first in range(0, draws, size):
        rows = np.arange(first, min(first + size, draws))
        problem = system.part(rows) if isinstance(system, System) else _Shifted(system, rows)
        parts.append(solve_mcp(problem, lower[rows], upper[rows], start[rows], tol=TOLERANCE, last_stage=last_stage))
    solution = Solution(**{k: np.concatenate([getattr(p, k) for p in parts]) for k in Solution.__dataclass_fields__})
    failed = np.flatnonzero(~solution.converged)
    return solution if failed.size == 0 or last_stage < 5 else _homotopy(system, solution, failed, lower, upper, start)


class _Shifted:
    """A batch of a problem: row i is draw rows[i]."""

    def __init__(self, system: System | HomogeneousSystem, rows: Array):
        self.system, self.rows = system, rows

    def evaluate(self, z: Array, draw: Array, width: float, jacobian: bool) -> tuple[Array, Array | None]:
        return self.system.evaluate(z, self.rows[draw], width, jacobian)


def _homotopy(system: System | HomogeneousSystem, solution: Solution, failed: Array, lower: Array, upper: Array,
              start: Array) -> Solution:
    with np.errstate(all="ignore"):
        offset, _ = system.evaluate(start[failed], failed, 0.0, False)
    offset = np.where(np.isfinite(offset), offset, 0.0)
    problem = _Pulled(system, failed, offset)
    z = start[failed]
    step = None
    for theta in np.linspace(0.0, 1.0, 41)[1:]:
        problem.theta = float(theta)
        step = solve_mcp(problem, lower[failed], upper[failed], z, tol=TOLERANCE, last_stage=5 if theta == 1.0 else 1)
        z = np.where(np.isfinite(step.z), step.z, z)
    assert step is not None
    merged = {k: getattr(solution, k).copy() for k in Solution.__dataclass_fields__}
    better = step.converged | (step.residual < solution.residual[failed])
    for k in merged:
        merged[k][failed[better]] = getattr(step, k)[better]
    merged["stage"][failed[step.converged]] = 4
    return Solution(**merged)


def find_quietly(market: Market, policies: Sequence[Instrument] = (), start: Array | None = None) -> Solved:
    """`find` without the warnings for inert settings: for searches over levels, which pass through inert ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        return find(market, policies, start)



