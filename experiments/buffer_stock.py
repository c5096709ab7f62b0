"""Do commodity agreements with buffer stocks break when they defend the wrong price?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.buffer_stock_brief import Pages
from experiments.buffer_stock_results import compute
from experiments.trust import measure_table, record_of
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame

TITLE = "A buffer stock: how long it holds, what it costs, how it ends"
MARKET = "cobalt"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Compute, write the brief and its files into `folder`, return the record."""
    r = compute(market, draws, seed, progress)
    write_brief(Pages(r).brief(), folder)
    cases = {(f"{months:g} months", f"{centre:g}"): a.values for (centre, months), a in r.grid.items()}
    cases |= {(name, label): a.values for name, pair in r.variants.items() for label, a in zip(("mean", "wrong"), pair)}
    inert_frame(measure_table(cases)).to_csv(folder / "measures.csv", index=False, lineterminator="\n")
    record = record_of(TITLE, r.setup, seed)
    write_record(folder, record)
    return record
