"""Do the tests see a wrong model? Faults are put into a copy of the source, one at a time, and fast tests are run on each.

    nice python benchmarks/mutation.py                      # hand-written economic faults, then a sample of generic ones
    python benchmarks/mutation.py --only museum             # the hand-written ones
    python benchmarks/mutation.py --only operators --rate 0.02 --files state.py wedges.py

The copy is the last commit, in a temporary folder; each fault gets a process of its own, forked after numpy and the like are loaded.
A test that fails, an error on import and a minute of computing time all count as killed. Results: benchmarks/mutants.md.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import hypothesis  # noqa: F401  (what follows is loaded once, before forking)
import numpy  # noqa: F401
import pandas  # noqa: F401
import pydantic  # noqa: F401
import pytest
import scipy.optimize  # noqa: F401
import xarray  # noqa: F401
from mutation_museum import MUSEUM
from mutation_operators import mutants_of

ROOT = Path(__file__).parents[1]
PACKAGE = "src/floormodel"
SECONDS, WALL = 60, 400  # of computing time, of waiting, for each fault; the run without any may take longer
SEED, RATE, LEAST = 2026, 0.04, 3  # part of the places of a file that is tried, and the least number of them
NOT_GATED = ("equilibrium/newton.py", "equilibrium/iteration.py", "equilibrium/fischer.py")  # a worse solver still solves

BORDER, CONTRACTS, PRODUCERS = (f"tests/test_instruments_{n}.py" for n in ("border", "contracts", "producers"))
SLOW = ["--deselect=tests/test_instruments_border.py::test_all_border_measures_at_once_on_random_markets",
        "--deselect=tests/test_instruments_contracts.py::test_contracts_and_credits_on_random_markets",
        "--deselect=tests/test_textbook_market.py::test_the_page_prints_what_it_says"]
OWN, KERNEL, DRAWS, TEXTBOOK, REFERENCES = (f"tests/test_{n}.py" for n in (
    "mutants", "mutants_kernel", "mutants_draws", "textbook_cases", "reference_prices"))
TWIN = [f"tests/twin/test_against_kernel.py::test_kernel_and_twin_agree[{n}]" for n in range(70_001, 70_050, 3)]
IDENTITIES = "tests/test_invariants_measures.py::test_both_identities_on_random_mixes_of_all_instruments[4]"
MONEY, DERIVATIVES, SLACK = (f"tests/test_registry.py::test_{n}" for n in (
    "money_adds_up_and_every_row_holds", "derivative_against_complex_step", "a_slack_setting_is_no_policy_bit_for_bit"))
LOGIT, CES = (f"tests/test_invariants.py::test_{n}" for n in ("logit_index_share_and_sourcing_cost_agree", "ces_is_continuous_through_one"))
SELLERS = [f"tests/test_market_power.py::test_{n}" for n in (
    "dominant_firm_with_a_fringe_and_monopoly", "nash_games_of_the_literature", "conduct_is_a_share_of_the_markup_on_a_real_market",
    "many_firms_are_competitive_and_one_is_a_monopoly")]
ALL = [OWN, MONEY, TEXTBOOK, *TWIN, CONTRACTS, PRODUCERS, BORDER]
# Which tests see a file, the likeliest to fail first; of the registry's tests those on the central figures, for an instrument its own.
TESTS: dict[str, list[str]] = {
    "booking.py": [OWN, IDENTITIES, MONEY, CONTRACTS, PRODUCERS, BORDER, REFERENCES],
    "accounts.py": [OWN, IDENTITIES, MONEY, CONTRACTS, PRODUCERS, BORDER],
    "equilibrium/benchmark.py": [*TWIN, OWN, TEXTBOOK, MONEY, PRODUCERS],
    "equilibrium/charges.py": [CONTRACTS, BORDER, OWN, MONEY],
    "equilibrium/conduct.py": [OWN, *SELLERS],
    "equilibrium/curves.py": [KERNEL, "tests/test_curves.py", OWN, TEXTBOOK, IDENTITIES, *TWIN, MONEY],
    "equilibrium/homogeneous.py": [OWN, "tests/test_textbook_market.py", TEXTBOOK],
    "equilibrium/jacobian.py": [OWN, DERIVATIVES, BORDER],
    "equilibrium/rows.py": [OWN, DERIVATIVES, MONEY, CONTRACTS, BORDER, PRODUCERS],
    "equilibrium/solve.py": [OWN, TEXTBOOK, *TWIN, MONEY, REFERENCES],
    "equilibrium/sourcing.py": [KERNEL, OWN, LOGIT, CES, *TWIN, TEXTBOOK, MONEY],
}
KINDS = {"content.py": "price_floor or content_adjustment", "credits.py": "standards_market or local_content",
         "licences.py": "tariff_rate_quota or variable_levy_quota", "production_subsidy.py": "production_subsidy or input_subsidy",
         "base.py": "export_quota or export_licence", "reference.py": "price_gap_subsidy"}
INSTRUMENTS: dict[str, list[str]] = {
    "price_floor.py": [*TWIN, BORDER, TEXTBOOK, REFERENCES], "price_gap_subsidy.py": [*TWIN, CONTRACTS, REFERENCES],
    "stockpile.py": [*TWIN, TEXTBOOK, REFERENCES], "export_quota.py": [*TWIN, TEXTBOOK], "export_tax.py": [*TWIN, PRODUCERS],
    "import_tariff.py": [*TWIN, BORDER], "reference.py": [REFERENCES], "market_power.py": SELLERS, "base.py": [*TWIN, PRODUCERS, BORDER],
    "entry_price.py": [BORDER], "variable_levy_quota.py": [BORDER], "tariff_rate_quota.py": [BORDER], "licences.py": [BORDER],
    "content.py": [BORDER], "content_adjustment.py": [BORDER], "evasion.py": [BORDER],
}


def tests_of(path: str) -> list[str]:
    """Arguments of pytest for a file of the package."""
    central = "not test_registry or alone-0 or not test_money"
    if not path.startswith("policies/"):
        return [*_present(TESTS.get(path, ALL)), *SLOW, "-k", central]
    name = Path(path).name
    kind = KINDS.get(name, Path(name).stem)
    chosen = [OWN, KERNEL, DRAWS, MONEY, SLACK, DERIVATIVES, *INSTRUMENTS.get(name, [CONTRACTS, PRODUCERS])]
    return [*_present(chosen), *SLOW, "-k", f"not test_registry or {kind}"]


def _present(wanted: Sequence[str]) -> list[str]:
    return [w for w in dict.fromkeys(wanted) if Path(w.split("::")[0]).exists()]


def run_tests(arguments: Sequence[str], write_bytecode: bool = False) -> tuple[bool, str, float]:
    """Run pytest in a fork; whether all passed, the first failure, and seconds of computing time. The current folder holds the copy."""
    report = Path("report.txt")
    report.write_text("")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    child = os.fork()
    if child == 0:
        if not write_bytecode:
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            signal.alarm(WALL)
        handle = os.open(report, os.O_WRONLY)
        os.dup2(handle, 1), os.dup2(handle, 2)
        sys.dont_write_bytecode = not write_bytecode
        sys.path[:0] = [str(Path("src").resolve()), str(Path.cwd())]
        try:
            os._exit(int(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=line", *arguments])))
        except BaseException:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    if os.WIFSIGNALED(status):
        return False, "no end within the time limit", seconds
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", report.read_text(errors="replace"), re.M)
    code = os.WEXITSTATUS(status)
    if code not in (0, 1, 2, 3):
        return False, f"pytest ended with {code}", seconds
    return code == 0, failed.group(1) if failed else "error", seconds


def try_fault(changed: dict[str, bytes], tests: Sequence[str]) -> tuple[bool, str, float]:
    """Put changed files in place, run the tests, put the files back. Times differ, lest compiled files of the original be used."""
    kept = {path: (Path(path).read_bytes(), Path(path).stat().st_mtime) for path in changed}
    try:
        for path, text in changed.items():
            Path(path).write_bytes(text)
            os.utime(path, (kept[path][1] + 1000,) * 2)
        return run_tests(tests)
    finally:
        for path, (text, changed_at) in kept.items():
            Path(path).write_bytes(text)
            os.utime(path, (changed_at,) * 2)


def museum_files() -> list[tuple[str, dict[str, bytes]]]:
    """The changed files of every hand-written fault, its main file first."""
    found = []
    for name, changes in MUSEUM:
        changed: dict[str, bytes] = {}
        for path, old, new in changes:
            place = f"{PACKAGE}/{path}"
            text = changed.get(place, Path(place).read_bytes()).decode()
            if text.count(old) != 1:
                raise SystemExit(f"mutation_museum.py, {name}: {old!r} stands {text.count(old)} times in {path} instead of once")
            changed[place] = text.replace(old, new).encode()
        found.append((name, changed))
    return found


def museum(say: Callable[[str], None], match: str) -> None:
    """The hand-written faults whose names contain `match`."""
    killed, faults = 0, [(name, changed) for name, changed in museum_files() if re.search(match, name)]
    for name, changed in faults:
        path = next(iter(changed)).removeprefix(f"{PACKAGE}/")
        passed, first, seconds = try_fault(changed, tests_of(path))
        killed += not passed
        say(f"{'SURVIVED' if passed else 'killed  '} {name} [{path}] {'' if passed else first} ({seconds:.0f} s)")
    say(f"museum: {killed} of {len(faults)} killed")


def sampled(path: str, rate: float, seed: int) -> tuple[list, int]:
    """A seeded sample of the generic faults of a file, in the order of their places, and how many there are."""
    every = mutants_of(path, Path(f"{PACKAGE}/{path}").read_text("utf-8"))
    count = min(len(every), max(LEAST, round(rate * len(every))))
    chosen = sorted(random.Random(f"{seed} {path}").sample(range(len(every)), count))
    return [every[i] for i in chosen], len(every)


def operators(say: Callable[[str], None], paths: Sequence[str], rate: float, seed: int) -> None:
    """A sample of generic faults of each file."""
    rows, total = [], [0, 0, 0]
    for path in paths:
        chosen, every = sampled(path, rate, seed)
        source, killed = Path(f"{PACKAGE}/{path}").read_bytes(), 0
        for mutant in chosen:
            passed, first, seconds = try_fault({f"{PACKAGE}/{path}": mutant.applied(source)}, tests_of(path))
            killed += not passed
            say(f"{'SURVIVED' if passed else 'killed  '} {path}:{mutant.line} {mutant.what} {'' if passed else first} ({seconds:.0f} s)")
        if chosen:
            rows.append(f"| {path} | {every} | {len(chosen)} | {killed} |{' not gated' if path in NOT_GATED else ''}")
        if path not in NOT_GATED:
            total = [a + b for a, b in zip(total, (every, len(chosen), killed))]
    say("\n".join(["| file | places | tried | killed |", "|---|---|---|---|", *rows]))
    say(f"operators: {total[2]} of {total[1]} killed, {total[1]} of {total[0]} places tried, seed {seed} (solver internals apart)")


def gated_files() -> list[str]:
    places = [*Path(PACKAGE, "equilibrium").glob("*.py"), *Path(PACKAGE, "policies").glob("*.py")]
    return ["booking.py", "accounts.py", *sorted(str(p.relative_to(PACKAGE)) for p in places if p.name != "__init__.py")]


def copy_tree(folder: Path, working: bool) -> str:
    """Fill the folder with the last commit, or with files as they stand; returns what it is."""
    parts = ["src", "tests", "docs", "pyproject.toml", "README.md"]
    if working:
        subprocess.run(["cp", "-r", *parts, str(folder)], cwd=ROOT, check=True)
        return "files as they stand"
    packed = subprocess.run(["git", "archive", "HEAD", *parts], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("museum", "operators"))
    parser.add_argument("--rate", type=float, default=RATE, help="part of the places of each file that is tried")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--files", nargs="*", default=[], help="names of files to try, instead of all")
    parser.add_argument("--match", default="", help="hand-written faults to try: a pattern in their names")
    parser.add_argument("--working", action="store_true", help="the files as they stand instead of the last commit")
    chosen = parser.parse_args()
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}

    def say(line: str) -> None:
        print(line, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        what = copy_tree(Path(folder), chosen.working)
        os.chdir(folder)
        say(f"floormodel {what}, {time.strftime('%d %B %Y')}")
        wanted = [p for p in gated_files() if not chosen.files or Path(p).name in chosen.files]
        every = sorted({a for path in gated_files() for a in tests_of(path) if a.startswith("tests/")}, key=lambda a: ("::" in a, a))
        passed, first, seconds = run_tests([*every, *SLOW], write_bytecode=True)
        say(f"all tests of the table, without any fault: {'pass' if passed else 'FAIL at ' + first} ({seconds:.0f} s)")
        if not passed:
            raise SystemExit("the tests have to pass on the source as it is")
        if chosen.only != "operators":
            museum(say, chosen.match)
        if chosen.only != "museum":
            operators(say, wanted, chosen.rate, chosen.seed)
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
