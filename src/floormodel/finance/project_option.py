"""When to build a plant of a market: optimal stopping on a mean-reverting price, with and without support that may be repealed.

The state is x, the log of the reference price less the long-run mean of that log; the price itself then has the mean
exp(s^2 / 2), s the long-run standard deviation of x, and all results are told relative to it. Building at x is worth the
expected net present value along the price's way back to its mean; waiting keeps the choice open. Decisions are taken `steps`
times a year on a grid of x; expectations by Gauss-Hermite quadrature, linear between nodes. While support stands it is repealed
with a yearly hazard, known at once; a plant already built loses it too. Taxes are those of a plant whose losses are set off at
once, so that the value is linear in each year's expected price. Also: entry and exit on a mean-reverting profit (Miranda and
Fackler 2002, demdp03).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.optimize import brentq

from floormodel.errors import ConvergenceError, DataError
from floormodel.finance.cashflow import npv
from floormodel.finance.options import Forwards, puts
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, project_cash_flow

Array = NDArray[np.float64]
NODES, POINTS, REACH = 15, 301, 4.5  # quadrature nodes; grid points; half width of the grid in long-run standard deviations
WIDEST = np.sqrt(2 * np.log(2))  # long-run standard deviation of x at which the mean of the price is twice its median
SETTLED, ROUNDS = 1e-10, 20_000  # largest change of a value at rest, in shares of the largest; most rounds


@dataclass(frozen=True)
class Support:
    """What a plant faces per tonne of product while a policy stands, USD/t in the long-run mean; `guaranteed` is the least it is paid.

    `exposure` is how much of a shock to the reference price reaches the plant: below 1 where a floor holds the price.
    """

    net_price: float
    input_cost: float = 0.0
    guaranteed: float = 0.0
    exposure: float = 1.0


class BuildRule(NamedTuple):
    """Reference prices over their long-run mean from which a plant is built at once (`trigger`) and from which its net present
    value is positive (`break_even`); infinite where there is none on the grid, as for a plant whose inputs outrun a price that support
    holds, which is built at low prices alone; 0 where it is built at any price. `option` is the
    value of the right to build when the price stands at that mean, `npv` that of building then, USD per t/yr."""

    trigger: float
    break_even: float
    option: float
    npv: float


class Switching(NamedTuple):
    """Profits at which an idle industry enters and an active one leaves, and values on the grid: idle and active (points,)."""

    enter: float
    leave: float
    grid: Array
    idle: Array
    active: Array


def transition(grid: Array, mean: Array, sd: float, nodes: int = NODES) -> Array:
    """Matrix (points, points) that turns values on `grid` into their expectation where the next state is normal around `mean`
    (points,) with `sd`: quadrature with values linear between grid points and flat beyond its ends."""
    points, weights = hermegauss(nodes)
    at = np.clip((mean[:, None] + sd * points - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1)
    low = np.minimum(at.astype(int), len(grid) - 2)
    out, rows = np.zeros((len(grid), len(grid))), np.arange(len(grid))[:, None]
    np.add.at(out, (rows, low), weights * (1 - at + low) / weights.sum())
    np.add.at(out, (rows, low + 1), weights * (at - low) / weights.sum())
    return out


def build_rule(project: Project, process: OrnsteinUhlenbeck, support: Support, without: Support | None = None, hazard: float = 0.0,
               steps: int = 4) -> BuildRule:
    """When to build `project` (plain numbers, no draws) while `support` stands, which a yearly `hazard` turns into `without`.

    Raises DataError for a hazard outside 0..1 or given without what follows and for a price that returns so slowly that its mean is more
    than twice its median, ConvergenceError if the values do not settle.
    """
    if process.stationary_sd > WIDEST:
        raise DataError(f"build rule: found a half-life of {process.half_life:.0f} years; expected a price that returns to a mean; without "
                        "one use finance.real_option.entry_trigger, for a random walk")
    if not 0 <= hazard < 1 or (hazard > 0 and without is None):
        raise DataError(f"build rule: found hazard = {hazard}, prices after repeal {'given' if without else 'missing'}; "
                        "expected a share below 1, and prices with it")
    reach = REACH * process.stationary_sd
    grid = np.linspace(-reach, reach, POINTS)
    step = 1 / steps
    expect = transition(grid, grid * np.exp(-process.kappa * step), float(np.sqrt(process.variance(step))))
    discount = (1 + float(project.hurdle)) ** -step
    stays, after = (1 - hazard) ** step, without or support
    outside = np.zeros(POINTS)
    if hazard > 0:
        outside = discount * (1 - stays) * expect @ _stopped(_expected_npv(project, process, after, after, 0.0, grid), discount * expect)[0]
    built = _expected_npv(project, process, support, after, hazard, grid)
    value, wait = _stopped(built, discount * stays * expect, outside)
    mean = process.stationary_sd**2 / 2
    at_mean = (float(np.interp(mean, grid, v)) for v in (value, built))
    return BuildRule(_first(grid - mean, np.minimum(built - wait, built)), _first(grid - mean, built), *at_mean)


def needed_price(project: Project, process: OrnsteinUhlenbeck, support: Support, without: Support | None = None, hazard: float = 0.0,
                 steps: int = 4) -> float:
    """Long-run mean of the net price, USD/t, at which the plant is built at once when the price stands at that mean.

    What the incentive price becomes when a plant may also be built later. The net price of `support` sets where the search begins; where
    there is a hazard the price `without` keeps its ratio to it. Raises ConvergenceError where no price within a factor of ten will do,
    and for a plant that is worth less at high prices than at low ones.
    """
    def away(log_scale: float) -> float:
        scale = float(np.exp(log_scale))
        now = replace(support, net_price=support.net_price * scale)
        then = None if without is None else replace(without, net_price=without.net_price * scale)
        rule = build_rule(project, process, now, then, hazard, steps)
        if np.isinf(rule.trigger) and rule.npv > 0:
            raise ConvergenceError(f"needed price of {project.name}: found a plant that pays at the mean price and at no high one, as its "
                                   "inputs cost more then; expected one whose value rises with the price")
        return float(np.log(np.clip(rule.trigger, 1e-3, 1e3)))

    width = 0.1
    while (low := away(-width)) < 0 or (high := away(width)) > 0:
        width *= 2
        if width > np.log(10.0):
            raise ConvergenceError(f"needed price of {project.name}: found none within a factor of ten of {support.net_price:g}")
    if low * high == 0:
        return support.net_price * float(np.exp(-width if low == 0 else width))
    return support.net_price * float(np.exp(brentq(away, -width, width, xtol=2e-4)))


def entry_exit_ar1(entry_cost: float, exit_cost: float, mean: float, persistence: float, sigma: float, discount: float,
                   grid: Array, nodes: int = NODES) -> Switching:
    """Entry and exit decided once a period on profit = mean + persistence (last - mean) + sigma e, e standard normal."""
    expect = transition(grid, mean + persistence * (grid - mean), sigma, nodes)
    idle = active = np.zeros(len(grid))
    for _ in range(ROUNDS):
        out, going = discount * expect @ idle, grid + discount * expect @ active
        new_idle, new_active = np.maximum(out, going - entry_cost), np.maximum(out - exit_cost, going)
        moved = max(np.max(np.abs(new_idle - idle)), np.max(np.abs(new_active - active)))
        idle, active = new_idle, new_active
        if moved <= SETTLED:
            gain = going - out
            return Switching(float(np.interp(entry_cost, gain, grid)), float(np.interp(-exit_cost, gain, grid)), grid, idle, active)
    raise ConvergenceError(f"entry and exit: values moved by {moved:.1e} after {ROUNDS} rounds")


def _expected_npv(project: Project, process: OrnsteinUhlenbeck, now: Support, then: Support, hazard: float, grid: Array) -> Array:
    """Expected net present value (points,) of building at each x; years of operation see `now` with chance (1 - hazard)^t."""
    years = project.build_years + np.arange(project.life)
    spot, spread = grid[:, None] * np.exp(-process.kappa * years), process.variance(years)
    stands = (1 - hazard) ** years

    def forwards(level: float, exposure: float) -> Forwards:
        """Prices whose long-run mean is `level`, whatever the exposure."""
        centre = level * np.exp(exposure * spot + exposure**2 * (spread - process.stationary_sd**2) / 2)
        return Forwards(np.maximum(centre, 1e-300), exposure**2 * spread)

    def price(s: Support) -> Array:
        f = forwards(s.net_price, s.exposure * float(project.output_exposure))
        return f.forward + puts(f, s.guaranteed)

    def cost(s: Support) -> Array:
        return forwards(s.input_cost, float(project.input_exposure)).forward

    net = stands * price(now) + (1 - stands) * price(then)
    paid = stands * cost(now) + (1 - stands) * cost(then)
    return npv(np.asarray(project.hurdle, dtype=float), project_cash_flow(project, net, paid, losses="offset"))


def _stopped(built: Array, waiting: Array, outside: Array | float = 0.0) -> tuple[Array, Array]:
    """Value max(built, wait) and wait = waiting x value + outside (points,), by policy iteration."""
    value, eye = np.maximum(built, 0.0), np.eye(len(built))
    for _ in range(ROUNDS):
        stop = built >= waiting @ value + outside
        new = np.linalg.solve(np.where(stop[:, None], eye, eye - waiting), np.where(stop, built, outside))
        if np.max(np.abs(new - value)) <= SETTLED * max(np.max(np.abs(new)), 1.0):
            return new, waiting @ new + outside
        value = new
    raise ConvergenceError(f"build rule: the value of waiting did not settle in {ROUNDS} rounds")


def _first(grid: Array, gain: Array) -> float:
    """exp of the x from which on `gain` (points,) is above zero, linear between points: 0 where it always is, infinite where never."""
    below = np.flatnonzero(gain <= 0)
    if below.size == 0:
        return 0.0
    k = int(below[-1])
    if k == len(grid) - 1:
        return float("inf")
    return float(np.exp(grid[k] + (grid[k + 1] - grid[k]) * gain[k] / (gain[k] - gain[k + 1])))
