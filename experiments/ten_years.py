"""What does price support build in ten years, does it diversify supply, and what is left for producer countries?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.path_record import path_record, series_table
from experiments.ten_years_brief import Pages
from experiments.ten_years_results import compute
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame

TITLE = "Ten years of price support: plants, diversification, producer countries"
MARKET = "rare_earths"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Simulate, write the brief and its files into `folder`, return the record."""
    results = compute(market, draws, seed, progress)
    write_brief(Pages(results).brief(), folder)
    inert_frame(series_table(results.paths)).to_csv(folder / "series.csv", index=False, lineterminator="\n")
    record = path_record(TITLE, results.paths)
    write_record(folder, record)
    return record
