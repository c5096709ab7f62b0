"""Does membership decide? A price floor for every composition of a club: effects on members and outsiders, who joins, who leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.club_brief import Pages
from experiments.club_results import compute
from experiments.record import record_of
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "Membership of a buying club behind a price floor: effects and stability"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve, write the brief and its files into `folder`, return the record."""
    r = compute(market, draws, seed, progress)
    write_brief(Pages(r).brief(), folder)
    clubs = {"joining": r.joining, "joining_producers": r.producers, "no_core": r.buyers}
    tables = {f"{name}_stability": c.to_dataframe() for name, c in clubs.items()}
    tables |= {f"{name}_payoffs": c.payoff_table() for name, c in clubs.items()}
    words = {"wants": " ".join, "buyers": lambda clubs: "; ".join(" ".join(c) for c in clubs)}
    tables |= {"variants": r.variants.assign(**{k: r.variants[k].map(f) for k, f in words.items()}),
               "indicators": indicator_table(r.runs), "accounts": account_table(r.runs)}
    for name, table in tables.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    r.runs.to_excel(folder / "workbook.xlsx")
    r.runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {"key compositions": r.runs})
    missing = {name: c.missing for name, c in clubs.items()}
    record |= {"core": list(r.core), "candidates": {name: list(c.candidates) for name, c in clubs.items()}, "draws_missing": missing,
               "share_converged": min(record["share_converged"], 1 - max(missing.values()) / r.runs.market.draws)}
    write_record(folder, record)
    return record
