"""What does a border-adjusted price floor do to producers, to diversification, to downstream makers, and who pays?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.floor_brief import Pages
from experiments.floor_results import compute
from experiments.record import record_of
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "A border-adjusted price floor: level x coverage x membership"
MARKET = "rare_earths"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve, write the brief and its files into `folder`, return the record."""
    results = compute(market, draws, seed, progress)
    write_brief(Pages(results).brief(), folder)
    inert_frame(indicator_table(results.runs)).to_csv(folder / "indicators.csv", index=False, lineterminator="\n")
    inert_frame(indicator_table(results.entry)).to_csv(folder / "indicators_with_new_plants.csv", index=False, lineterminator="\n")
    inert_frame(account_table(results.runs)).to_csv(folder / "accounts.csv", index=False, lineterminator="\n")
    results.levels.to_csv(folder / "levels.csv", index=False, lineterminator="\n")
    results.tornado.to_csv(folder / "tornado.csv", index=False, lineterminator="\n")
    results.runs.to_excel(folder / "workbook.xlsx")
    results.runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {"existing plants": results.runs, "latent projects": results.entry, "equal tonnes": results.equal})
    write_record(folder, record)
    return record
