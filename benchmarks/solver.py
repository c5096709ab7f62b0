"""How fast and how reliable the solver is: ratios within one run, against scipy and against itself.

    python benchmarks/solver.py

CPU time of one process with one BLAS thread, best of several; takes less than a minute. See README.md beside this file.
"""

from __future__ import annotations

import os

os.environ.update({name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")})

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from plain import plain_residual
from scipy.optimize import root
from synthetic import synthetic_market

import floormodel as fm
from floormodel.equilibrium.newton import solve_mcp
from floormodel.equilibrium.solve import Solved, batch_size, find
from floormodel.market import Market
from floormodel.policies.base import Instrument

BLOC = ["USA", "EU27", "JPN", "KOR"]
SEED = 20240


@dataclass(frozen=True)
class Line:
    """One line of the table: `holds` is None where there is no target."""

    check: str
    measured: str
    target: str = ""
    holds: bool | None = None


def cpu(run: Callable[[], object], repeat: int) -> float:
    """Least CPU seconds of several runs; one run before them warms the caches."""
    run()
    times = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def floor_of(good: str, members: Sequence[str], price: float) -> fm.PriceFloor:
    return fm.PriceFloor(good=good, members=list(members), price=price)


def batch_seconds(solved: Solved) -> float:
    """CPU seconds per draw of the batched solver from the benchmark, in batches of the size `find` takes."""
    system, (lower, upper) = solved.system, solved.system.bounds()
    start, size = np.zeros_like(lower), batch_size(system)

    def run() -> None:
        for first in range(0, len(lower), size):
            rows = np.arange(first, min(first + size, len(lower)))
            solve_mcp(system.part(rows), lower[rows], upper[rows], start[rows])

    return cpu(run, 4) / len(lower)


def hybr_seconds(solved: Solved, residuals: Sequence[Callable[[np.ndarray], np.ndarray]]) -> tuple[float, int]:
    """CPU seconds per draw of scipy's hybr, draw by draw from the benchmark, and how many draws it does not solve."""
    spent, lost = [], 0
    for i, residual in enumerate(residuals):
        with np.errstate(all="ignore"):
            start = time.process_time()
            found = root(residual, np.zeros(solved.system.size), method="hybr", tol=1e-10)
            spent.append(time.process_time() - start)
        lost += not np.allclose(found.x, solved.solution.z[i], atol=1e-6)
    return float(np.mean(spent)), lost


def against_scipy(name: str, market: Market, policy: fm.PriceFloor, count: int, least: float) -> list[Line]:
    """Batch against one by one, on the package's rows and on rows written for one draw."""
    solved = find(market, [policy])
    assert solved.solution.converged.all()
    batch = batch_seconds(solved)
    same = [lambda z, i=i: solved.system.evaluate(z[None], np.array([i]), 0.0, False)[0][0] for i in range(count)]
    plain = [plain_residual(solved, policy, i) for i in range(count)]
    lines = []
    for rows, residuals in (("same rows", same), ("plain rows", plain)):
        seconds, lost = hybr_seconds(solved, residuals)
        text = f"{seconds / batch:6.1f}   ({1e3 * batch:.3f} ms, hybr {1e3 * seconds:.2f} ms, {lost} of {count} lost)"
        check = f"batch against hybr, {name}, n = {solved.system.size}, {rows}"
        lines.append(Line(check, text, f">= {least:g}", seconds / batch >= least))
    return lines


def one_cold_solve(market: Market, policy: fm.PriceFloor) -> list[Line]:
    solved = find(market, [policy])
    system, (lower, upper) = solved.system, solved.system.bounds()
    zero = np.zeros((1, system.size))
    plain = plain_residual(solved, policy, 0)
    hybr = cpu(lambda: root(plain, zero[0], method="hybr", tol=1e-10), 30)
    same = cpu(lambda: root(lambda z: system.evaluate(z[None], np.zeros(1, int), 0.0, False)[0][0], zero[0], tol=1e-10), 10)
    alone, whole = cpu(lambda: solve_mcp(system, lower, upper, zero), 30), cpu(lambda: find(market, [policy]), 30)
    lines = [Line(f"one cold solve against hybr, {rows}", f"{alone / other:6.2f}   ({1e3 * alone:.2f} ms, hybr {1e3 * other:.2f} ms)",
                  "<= 0.6", alone <= 0.6 * other) for rows, other in (("same rows", same), ("plain rows", hybr))]
    return [*lines, Line("one solve with checks, terms and state", f"{1e3 * whole:6.2f} ms")]


def warm_path(market: Market, prices: np.ndarray) -> list[Line]:
    """A floor raised in steps: each solve from the benchmark, from the step before, or on the line through the last two steps."""
    steps = [find(market, [floor_of("ndpr_oxide", BLOC, float(p))]) for p in prices]
    cold = [np.zeros_like(s.solution.z) for s in steps]
    before = [cold[0], *(s.solution.z for s in steps[:-1])]
    ahead = [before[0], before[1], *(2 * z - y for y, z in pairwise(before[1:]))]
    bounds = [s.system.bounds() for s in steps]

    def follow(starts: list[np.ndarray]) -> float:
        solutions = [solve_mcp(s.system, *bound, z) for s, bound, z in zip(steps, bounds, starts)]
        return float(np.mean([s.iterations for s in solutions]))

    lines, reference = [], cpu(lambda: follow(cold), 5)
    for name, starts in (("step before", before), ("last two steps", ahead)):
        ratio = cpu(lambda starts=starts: follow(starts), 5) / reference  # type: ignore[misc]
        text = f"{ratio:6.2f}   (steps {follow(starts):.1f} against {follow(cold):.1f})"
        lines.append(Line(f"warm against cold, floor path of {len(prices)}, from {name}", text, "<= 0.5", ratio <= 0.5))
    return lines


def reliability(name: str, chunks: Callable[[int], tuple[Market, Sequence[Instrument]]], seconds: float) -> list[Line]:
    """Share of random calibrations solved to 1e-9: by the first stage, by the batched ones, in all. As many as fit in the time."""
    stages, total, number, begin = np.zeros(6, int), 0, 0, time.process_time()
    while time.process_time() - begin < seconds:
        market, policies = chunks(number)
        outcome = find(market, policies).solution
        solved = outcome.converged & (outcome.residual < 1e-9)
        stages += np.bincount(outcome.stage[solved], minlength=6)
        total, number = total + len(solved), number + 1
    found = {"stage 1": (stages[1], ""), "stages 1 to 4": (stages[1:5].sum(), ">= 99.99 %"), "all stages": (stages.sum(), "100 %")}
    least = {"stages 1 to 4": 0.9999, "all stages": 1.0}
    return [Line(f"solved to 1e-9, {name}, {stage}", f"{100 * got / total:9.3f} %  ({total - got} of {total:,} not)", target,
                 got >= least[stage] * total if stage in least else None) for stage, (got, target) in found.items()]


def growth(market: Market, policy: fm.PriceFloor) -> list[Line]:
    """Cost per draw and memory of 100 to 10,000 draws of the real market, in chunks of at most 1,000."""

    def run(draws: int) -> None:
        for first in range(0, draws, 1000):
            find(fm.sample(market, min(1000, draws - first), SEED + first), [policy])

    per_draw, peak = [], []
    for draws, repeat in ((100, 5), (1000, 3), (10_000, 1)):
        per_draw.append(cpu(lambda draws=draws: run(draws), repeat) / draws)  # type: ignore[misc]
        peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    change, more = per_draw[2] / per_draw[1], peak[2] - peak[1]
    times = ", ".join(f"{1e3 * t:.2f}" for t in per_draw)
    return [Line("cost per draw, 10,000 against 1,000 draws", f"{change:6.2f}   ({times} ms from 100 draws on)", "0.8 to 1.2",
                 0.8 <= change <= 1.2),
            Line("memory of 10,000 draws beyond 1,000", f"{more:6.0f} MB (of {peak[2]:.0f} MB)", "<= 5 %", more <= 0.05 * peak[2])]


def random_real(market: Market, number: int) -> tuple[Market, Sequence[Instrument]]:
    """1,000 draws of the real market under a random mix of floor, tariff and contract for difference, half with projects open."""
    rng = np.random.default_rng([SEED, number])
    drawn = fm.sample(market.open_projects("all") if number % 2 else market, 1000, SEED + number)
    holds = str(rng.choice(["import_price", "member_price"]))
    floor = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=float(rng.uniform(60_000, 160_000)), holds=holds)
    tariff = fm.ImportTariff(good="magnet", importers=["USA"], rate=float(rng.uniform(0.05, 0.6)))
    strike = float(rng.uniform(80_000, 150_000))
    cap = float(rng.uniform(500, 5000)) if rng.random() < 0.5 else None
    subsidy = fm.PriceGapSubsidy(good="ndpr_oxide", regions=["USA", "AUS"], strike=strike, volume_cap=cap)
    return drawn, [policy for policy, use in zip((floor, tariff, subsidy), rng.random(3) < 0.8) if use] or [floor]


def main() -> int:
    real = fm.load_market("rare_earths")
    floor = floor_of("ndpr_oxide", BLOC, 110_000)
    lines = growth(real, floor)  # first: memory is the most the process has held
    for goods, regions, draws, count, least in ((2, 5, 2000, 30, 50), (3, 10, 500, 20, 10), (4, 25, 100, 6, 3)):
        market = synthetic_market(goods, regions, draws, SEED)
        lines += against_scipy("synthetic", market, floor_of("g1", ["r0", "r1"], 3000.0), count, least)
    lines += against_scipy("rare earths", fm.sample(real, 1000, SEED), floor, 20, 10)
    lines += one_cold_solve(real, floor) + warm_path(real, np.linspace(60_000, 130_000, 25))
    lines += reliability("n = 10, shocks doubled", lambda i: (
        synthetic_market(2, 5, 2000, SEED + 1 + i, shock=0.4), [floor_of("g1", ["r0", "r1"], 3000.0)]), 8)
    lines += reliability("rare earths, mixes", lambda i: random_real(real, i), 8)
    print(f"{'check':66s}{'measured':54s}{'target':12s}")
    for line in lines:
        verdict = "" if line.holds is None else "met" if line.holds else "MISSED"
        print(f"{line.check:66s}{line.measured:54s}{line.target:12s}{verdict}")
    return 0


if __name__ == "__main__":
    begin = time.process_time()
    code = main()
    print(f"{time.process_time() - begin:.0f} s of CPU")
    sys.exit(code)
