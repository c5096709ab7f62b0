"""What do export restrictions bring a producer country, its partners and the world? Ban, quota, tax, processing requirement and others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.record import record_of
from experiments.restrictions_brief import Pages
from experiments.restrictions_results import compute
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "Export restrictions of a producer country at the same cut of raw exports"
MARKET = "cobalt"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve, write the brief and its files into `folder`, return the record."""
    r = compute(market, draws, seed, progress)
    write_brief(Pages(r).brief(), folder)
    done = {o.setting.label: o for o in (r.main, r.year, *r.others)}
    tables = {"levels": r.main.scales, "cuts": r.sweep, "exporters": r.section, "elsewhere": r.abroad, "variants": r.variants,
              "indicators": indicator_table(r.main.runs), "accounts": account_table(r.main.runs),
              "accounts_one_year": account_table(r.year.runs)}
    for name, table in tables.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    r.main.runs.to_excel(folder / "workbook.xlsx")
    r.main.runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {label: o.runs for label, o in done.items()})
    record["share_converged"] = min(record["share_converged"], float(r.sweep["share_converged"].min()))
    write_record(folder, record)
    return record
