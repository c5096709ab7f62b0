"""Does collective action raise producers' leverage? Joint export levies: revenue together and alone, free riding, discipline, a trust."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from experiments.analysis import Progress
from experiments.coalition_brief import Pages
from experiments.coalition_results import compute
from experiments.record import record_of
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "Producers' joint export levies: joint and individual revenue, free riding"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve, write the brief and its files into `folder`, return the record."""
    r = compute(market, draws, seed, progress)
    write_brief(Pages(r).brief(), folder)
    gains = pd.concat([c.to_dataframe().assign(payoff=payoff, group=group, level=c.found.level, place=c.found.place)
                       for payoff, groups in r.found.items() for group, c in groups.items()], ignore_index=True)
    delivered = pd.concat([found.to_dataframe().assign(payoff=payoff) for payoff, found in r.cheating.items()], ignore_index=True)
    tables = {"gains": gains, "delivered": delivered, "cuts": r.cuts, "variants": r.variants, "indicators": indicator_table(r.runs),
              "accounts": account_table(r.runs)}
    for name, table in tables.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    r.runs.to_excel(folder / "workbook.xlsx")
    r.runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {"groups at their best level": r.runs})
    missing = {f"{payoff}, {group}": c.found.missing for payoff, groups in r.found.items() for group, c in groups.items()}
    searched = min(c.found.joint.shape[1] for groups in r.found.values() for c in groups.values())
    record |= {"draws_missing": missing, "draws_of_the_trust": searched,
               "share_converged": min(record["share_converged"], 1 - max(missing.values()) / searched)}
    write_record(folder, record)
    return record
