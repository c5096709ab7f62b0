"""Do deals that may be revoked build anything? The floor and the guarantee by the yearly chance that they are repealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.credibility_brief import Pages
from experiments.credibility_results import compute
from experiments.path_record import path_record, series_table
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame

TITLE = "Credibility: what is built by how likely a policy is to last"
MARKET = "rare_earths"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Simulate, write the brief and its files into `folder`, return the record."""
    results = compute(market, draws, seed, progress)
    write_brief(Pages(results).brief(), folder)
    inert_frame(series_table(results.paths)).to_csv(folder / "series.csv", index=False, lineterminator="\n")
    record = path_record(TITLE, results.paths)
    write_record(folder, record)
    return record
