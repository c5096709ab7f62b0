"""Both runs of a path, and consistent expectations: plants are started where the path's own later prices pay for them.

Of the pipeline of a plan a share s is started in each period,

    s = min(clip(z(s), 0, 1), room left),    z = profitability index at the path's own prices / FULL

which is solved for all plans and periods together by Newton's method for complementarity problems (Josephy 1979): z is taken as
linear, and what is linear is solved by projected Gauss-Seidel steps (Cryer 1971). The slopes of z are differences at one draw, brought
up to date for each draw by what its own rounds show (Broyden 1965), and measured anew for the draws that take long.

It is one fixed point, reached from what adaptive investors start. Mines, refineries and makers of products help each other, so that there
may be others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from floormodel.dynamics.entry import FULL, advance, of_plans, profitability, starts
from floormodel.dynamics.path import PathState, Setting, Side, Sweep, sweep
from floormodel.dynamics.schedule import pattern_at, surviving
from floormodel.dynamics.stock_rule import idle

Array = np.ndarray
ROUNDS, CLOSE = 40, 1e-4  # most rounds, and distance from a fixed point in shares of the pipeline
FRESH = 7  # rounds after which the slopes of the draw that is farthest from rest are measured anew, each round
NUDGE = 0.02  # share of the pipeline by which slopes are measured
STEEPEST = 0.5  # of the rise of z with a plan's own plants that a step counts on: at 1 it would have no end
LINEAR_ROUNDS, LINEAR_CLOSE = 200, 1e-7


def run_path(setting: Setting, state: PathState, tick: Callable[[], None]) -> tuple[dict[str, dict[str, Array]], PathState, Array, Array]:
    """Both runs over all periods; `tick` is called once per period of each run.

    Returns
    -------
    records : {"none" | "policy": {name: array (T, B, ...)}}
    state : after the last period
    rounds, settled : (B,) rounds that consistent expectations took and whether they settled (1 and true for adaptive ones)
    """
    bare = replace(setting, schedule=(), gone=setting.gone[:, :0], patterns=setting.patterns[:1, :0], stocks=idle(setting.stocks))
    none, rounds, settled = _run(bare, state.none, tick)
    policy, more, also = _run(setting, state.policy, tick)
    end = float(setting.years[-1]) + 1 / setting.periods_per_year
    return ({"none": none.record, "policy": policy.record}, PathState(end, policy.state, none.state), np.maximum(rounds, more),
            settled & also)


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of a run whose plants are looked for: pipelines (B, P), t/yr a period, and the room of each plan (B, P) in shares of them."""

    setting: Setting
    side: Side

    @property
    def pipeline(self) -> Array:
        per_period = of_plans(self.setting.plans, "per_year") / self.setting.periods_per_year
        return np.maximum(per_period, 1e-300) * np.ones((self.setting.market.draws, 1))

    @property
    def room(self) -> Array:
        return (of_plans(self.setting.plans, "total") - self.side.fleet.started) / self.pipeline

    def at(self, rows: Array) -> Draws:
        """Some of them, each as often as it is named."""
        rows = np.arange(self.setting.market.draws)[rows]
        return Draws(self.setting.at(rows), self.side.at(rows))

    def swept(self, share: Array) -> Sweep:
        """The run in which shares (B, T, P) of the pipelines are started."""
        return sweep(self.setting, self.side, (share * self.pipeline[:, None]).transpose(1, 0, 2), lambda: None)

    def indices(self, run: Sweep, share: Array) -> tuple[Array, Array]:
        """Profitability index (B, T, P) at the run's prices, and how far the shares are from those that it justifies (B,)."""
        wanted, index = (a.transpose(1, 0, 2) for a in justified(self.setting, self.side, run))
        return index, np.abs(wanted / self.pipeline[:, None] - share).max((1, 2), initial=0.0)

    def slopes(self, share: Array, z: Array, draw: int) -> Array:
        """Slopes (T P, T P) of z in the shares at one of the draws, by differences."""
        size = share[draw].size
        nudged = self.at(np.full(size, draw))
        there = share[draw] + NUDGE * np.eye(size).reshape(size, *share[draw].shape)
        moved = _z(nudged.indices(nudged.swept(there), there)[0]) - z[draw]
        return moved.reshape(size, size).T / NUDGE


def _z(index: Array) -> Array:
    """The index over FULL; 0 in draws that were not solved."""
    return np.nan_to_num(index / FULL)


def _run(setting: Setting, side: Side, tick: Callable[[], None]) -> tuple[Sweep, Array, Array]:
    """One run, the rounds that it took and whether it settled (B,)."""
    draws = setting.market.draws
    run = sweep(setting, side, None, tick)
    rounds = np.ones(draws, int)
    if run.beyond is None:
        return run, rounds, np.ones(draws, bool)
    at = Draws(setting, side)
    share, rows = run.record["started"].transpose(1, 0, 2) / at.pipeline[:, None], np.arange(draws)
    slope, last = np.zeros(0), (share, share)
    for k in range(ROUNDS):
        index, gap = at.indices(run, share[rows])
        z, worst = _z(index), int(np.argmax(gap))
        if k == 0:
            slope = np.repeat(at.slopes(share, z, worst)[None], draws, axis=0)
        else:
            slope = _updated(slope, share[rows] - last[0], z - last[1])
        if k >= FRESH:
            slope[worst] = at.slopes(share[rows], z, worst)
        still = gap > CLOSE
        if not still.any():
            break
        at, slope, rows, z = at.at(still), slope[still], rows[still], z[still]
        last, rounds[rows] = (share[rows], z), rounds[rows] + 1
        share[rows] = linear_shares(z, slope, share[rows], at.room)
        run = at.swept(share[rows])
    whole = Draws(setting, side)
    run = whole.swept(share)
    index, gap = whole.indices(run, share)
    found = run.record | {"profitability": index.transpose(1, 0, 2), "expected": run.record["met"]}
    return run._replace(record=found), rounds, gap <= CLOSE


def justified(setting: Setting, side: Side, run: Sweep) -> tuple[Array, Array]:
    """Plants that the prices of a run themselves justify, t/yr, and their profitability index, both (T, B, P).

    Later years count at the prices of their own period, after the last one at what stands then under the policies dated to be in force:
    both by the chance that none of those was repealed, and else at the prices there would be without any policy, whatever was built.
    """
    step, ends = 1 / setting.periods_per_year, len(setting.years) - 1
    assert run.beyond is not None
    out, index, fleet = np.zeros_like(run.record["started"]), np.zeros_like(run.record["started"]), side.fleet
    for t, year in enumerate(setting.years):
        for j, plan in enumerate(setting.plans):
            later = float(year) + plan.project.build_years + np.arange(plan.project.life)
            at, chance = np.round((later - setting.years[0]) / step).astype(int), surviving(setting.schedule, float(year), later)[:, None]
            inside, near = (at <= ends)[:, None, None], np.minimum(at, ends)
            then = run.beyond[:, j][..., pattern_at(setting.schedule, setting.patterns, later)].transpose(2, 0, 1)
            meant = np.where(inside, run.record["met"][near, :, j], then)
            none = np.where(inside, run.record["met_without"][near, :, j], run.beyond[None, :, j, :, 0])
            price, cost = (np.where(chance < 1, chance * meant[..., i] + (1 - chance) * none[..., i], meant[..., i]).T for i in (0, 1))
            index[t, :, j] = profitability(plan, price, cost, fleet.started[:, j])
        out[t] = starts(setting.plans, fleet, index[t], setting.periods_per_year)
        fleet = advance(setting.plans, fleet, out[t], setting.periods_per_year)
    return out, index


def linear_shares(z: Array, slope: Array, share: Array, room: Array) -> Array:
    """Shares x (B, T, P) with x = min(clip(z + slope (x - share), 0, 1), room left).

    Parameters
    ----------
    z, share : (B, T, P)
    slope : (B, T P, T P), of z in the shares, periods first
    room : (B, P) what can be started in all, in shares of a period's pipeline
    """
    _, periods, plans = z.shape
    x = share.copy()
    flat = x.reshape(len(x), -1)  # the same numbers
    rest = z.reshape(flat.shape) - np.einsum("bij,bj->bi", slope, flat)
    for _ in range(LINEAR_ROUNDS):
        last = flat.copy()
        for i in range(periods * plans):
            t, j = divmod(i, plans)
            own = slope[:, i, i]
            others = rest[:, i] + np.einsum("bj,bj->b", slope[:, i], flat) - own * flat[:, i]
            most = np.clip(room[:, j] - x[:, :t, j].sum(1), 0.0, 1.0)
            flat[:, i] = np.clip(others / (1 - np.minimum(own, STEEPEST)), 0.0, most)
        if np.abs(flat - last).max() < LINEAR_CLOSE:
            break
    return x


def _updated(slope: Array, step: Array, change: Array) -> Array:
    """Broyden's rule: the least change of the slopes that explains by how much z moved with the last step."""
    step, change = (a.reshape(len(a), -1) for a in (step, change))
    length = (step**2).sum(1)
    missed = np.where(length[:, None] > 1e-16, change - np.einsum("bij,bj->bi", slope, step), 0.0)
    return slope + missed[:, :, None] * step[:, None, :] / np.maximum(length, 1e-16)[:, None, None]
