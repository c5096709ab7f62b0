"""Does a price floor invite retaliation, and who is caught between? The dominant supplier's best reply from a menu of export measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.record import record_of
from experiments.retaliation_brief import Pages
from experiments.retaliation_results import compute
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "Retaliation against a price floor: best reply of the dominant supplier, and who is caught between"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve, write the brief and its files into `folder`, return the record."""
    r = compute(market, draws, seed, progress)
    write_brief(Pages(r).brief(), folder)
    tables = {"replies_with_floor": r.with_floor.to_dataframe(), "replies_without_floor": r.without.to_dataframe(),
              "rounds": r.rounds.history(), "endings": r.rounds.endings(), "variants": r.variants,
              "indicators": indicator_table(r.runs), "accounts": account_table(r.runs)}
    for name, table in tables.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    r.runs.to_excel(folder / "workbook.xlsx")
    r.runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {"scenarios shown": r.runs})
    missing = {"with the floor": r.with_floor.missing, "without": r.without.missing,
               "rounds": sum(path.ending == "missing" for path in r.rounds.draws)}
    record |= {"menus": {"supplier": list(r.with_floor.options), "bloc": list(r.rounds.players[0].menu)}, "draws_missing": missing,
               "share_converged": min(record["share_converged"], 1 - max(missing.values()) / r.runs.market.draws)}
    write_record(folder, record)
    return record
