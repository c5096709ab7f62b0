"""`python -m benchmarks.markets [--draws N] [MARKET ...]`: the share of draws solved, market by market, under five standard measures.

Prints one line per market and horizon: draws, the share of draws solved of each measure, the worst residual of a solved
draw and the worst identity. A share under 99.99 % ends the script with exit code 3.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import replace

import numpy as np

import floormodel as fm
from experiments.standard_policies import NAMES, bloc_of, standard_policies
from floormodel.errors import InertWarning

TARGET, CHUNK, SEED = 0.9999, 1000, 20


def line(name: str, horizon: str, draws: int) -> tuple[str, float]:
    """One line of the table and the least share of draws solved over the five measures."""
    whole = fm.sample(fm.load_market(name, horizon=horizon), draws, SEED)
    solved, residual, identity = dict.fromkeys(NAMES, 0), 0.0, 0.0
    for first in range(0, draws, CHUNK):
        part = replace(whole, dataset=whole.dataset.isel(draw=slice(first, first + CHUNK)))
        base = fm.solve(part).base
        for measure, policies in standard_policies(part).items():
            run = fm.solve(part, policies, bloc=bloc_of(part), base=base)
            solved[measure] += int(run.converged.sum())
            residual = max(residual, float(np.max(run.solved.solution.residual[run.converged], initial=0.0)))
            identity = max(identity, *run.identities().values())
    shares = {measure: count / draws for measure, count in solved.items()}
    cells = "  ".join(f"{100 * share:8.3f}" for share in shares.values())
    return f"{name:18s} {horizon:5s} {draws:6d}  {cells}  {residual:8.1e}  {identity:8.1e}", min(shares.values())


def main() -> int:
    """Print the table; 0 where every share reaches the target, else 3."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("markets", nargs="*", default=fm.list_markets())
    given = parser.parse_args()
    print(f"share of draws solved, %  {'':8s} " + "  ".join(f"{m[:8]:>8s}" for m in NAMES) + "  residual  identity", flush=True)
    worst = 1.0
    for name in given.markets:
        for horizon in ("long", "short"):
            text, share = line(name, horizon, given.draws)
            worst = min(worst, share)
            print(text, flush=True)
    return 0 if worst >= TARGET else 3


if __name__ == "__main__":
    warnings.simplefilter("ignore", InertWarning)
    sys.exit(main())
