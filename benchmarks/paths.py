"""`python -m benchmarks.paths [--draws 250 500 1000]`: memory and cost of a ten-year path of rare earths by the number of draws.

Each number of draws runs in a process of its own, with plants, projections and a floor, its chunks kept in a folder. Prints
processor time over that of the first, and peak memory less what the same process holds before it simulates.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time

import floormodel as fm

YEARS = range(2025, 2035)


def run(draws: int) -> None:
    """One path; prints seconds, MB added and the share of paths solved."""
    market = fm.sample(fm.load_market("rare_earths", horizon="short").open_projects("all"), draws, seed=7)
    floor = fm.PriceFloor(good="ndpr_oxide", members=market.bloc("allies"), price=110_000.0)
    plans = fm.load_plans("rare_earths")
    fm.simulate(fm.sample(fm.load_market("cobalt", horizon="short"), 2), [], [2025])  # everything is loaded
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = fm.simulate(market, [fm.Dated(floor, hazard=0.05)], YEARS, plans=plans, growth="projections",
                           growth_scenario="stated_policies", folder=folder, progress=sys.stderr.isatty())
    spent = time.process_time() - start
    added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{spent:.6f} {added:.1f} {path.converged.mean():.6f} {path.dataset.nbytes / 2**20:.1f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, nargs="+", default=[250, 500, 1000])
    parser.add_argument("--one", type=int)
    given = parser.parse_args()
    if given.one:
        return run(given.one)
    first = None
    print("draws  time over the first  per draw  MB added  MB of results  solved")
    for draws in given.draws:
        done = subprocess.run([sys.executable, "-m", "benchmarks.paths", "--one", str(draws)], capture_output=True, text=True, check=True)
        spent, added, solved, held = map(float, done.stdout.split())
        first = first or (spent, draws)
        ratio = spent / first[0]
        print(f"{draws:5d}  {ratio:19.2f}  {ratio / (draws / first[1]):8.2f}  {added:8.0f}  {held:13.0f}  {solved:6.4f}", flush=True)
    return None


if __name__ == "__main__":
    main()
