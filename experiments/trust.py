"""Could a minerals trust, a central repository that trades around a reference price, secure fair prices?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.analysis import Progress
from experiments.trust_brief import Pages
from experiments.trust_results import compute
from experiments.trust_setup import Setup
from experiments.words import quantiles
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame

TITLE = "A minerals trust: price level, spread, producers' revenue and cost"
MARKET = "cobalt"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Compute, write the brief and its files into `folder`, return the record."""
    r = compute(market, draws, seed, progress)
    write_brief(Pages(r).brief(), folder)
    cases = {("trust", name): r.measures(name) for name in r.paths}
    cases |= {(f"{name}, begins", word): m for (name, word), m in r.openings.items()}
    cases |= {(what, f"{x:g}"): m for what, levels in r.sweeps.items() for x, m in levels.items()}
    cases |= {("world", name): m for name, m in r.worlds.items()}
    for name, table in {"measures": measure_table(cases), "private_storers": r.storers}.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    record = record_of(TITLE, r.setup, seed)
    write_record(folder, record)
    return record


def measure_table(cases: Mapping[tuple[str, str], Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Long table of quantiles: what is varied, its level, measure, q05, q50, q95; money in USD a year, all else relative."""
    rows = [(what, level, name, *quantiles(values)) for (what, level), m in cases.items() for name, values in m.items()]
    return pd.DataFrame(rows, columns=["varied", "level", "measure", "q05", "q50", "q95"])


def record_of(title: str, setup: Setup, seed: int) -> dict[str, Any]:
    """What run.json says of an experiment on a market as a whole."""
    return {"title": title, "market": {"name": setup.market, "benchmark": setup.year, "sha256": dict(setup.hashes)},
            "good": setup.good, "draws": setup.draws, "seed": seed, "paths": setup.paths, "years": len(setup.free), "assumptions": {
                k: [f.low, f.value, f.high, f.unit, f.source] for k, f in setup.figures.items()},
            "share_converged": float(setup.solved.mean())}
