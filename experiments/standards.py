"""What does price support guarantee on sustainability? A floor and a gap subsidy against a standards-based market."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.record import record_of
from experiments.standards_brief import Pages
from experiments.standards_results import compute
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "Price support against a standards-based market: certified share, premium and who earns it"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve, write the brief and its files into `folder`, return the record."""
    r = compute(market, draws, seed, progress)
    write_brief(Pages(r).brief(), folder)
    tables = {"assumptions": r.rows, "scales": r.scales, "frontier": r.frontier, "variants": r.variants,
              "indicators": indicator_table(r.runs), "accounts": account_table(r.runs)}
    for name, table in tables.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    r.runs.to_excel(folder / "workbook.xlsx")
    r.runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {"scenarios shown": r.runs})
    record["share_converged"] = min(record["share_converged"], float(r.frontier["share_converged"].min()))
    write_record(folder, record)
    return record
