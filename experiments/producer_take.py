"""What do producer countries take in royalty and tax, what does closing the gap yield, and what a floor of the buyers?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from experiments.analysis import Progress
from experiments.record import record_of
from experiments.take_brief import Pages
from experiments.take_results import assumptions, compute
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "What producer countries take: royalty and tax, what is not declared, and a floor of the buyers"
MARKET = "cobalt"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve, write the brief and its files into `folder`, return the record."""
    countries = compute(market, draws, seed, progress)
    write_brief(Pages(countries).brief(), folder)
    first = countries[0]
    labelled = {Pages.name(c): c for c in countries}
    tables = {"take": pd.concat([c.hidden.assign(country=n) for n, c in labelled.items()]),
              "variants": pd.concat([c.variants.assign(country=n) for n, c in labelled.items()]), "assumptions": assumptions(),
              "indicators": indicator_table(first.runs), "accounts": account_table(first.runs)}
    for name, table in tables.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    first.runs.to_excel(folder / "workbook.xlsx")
    first.runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {n: c.runs for n, c in labelled.items()})
    record["share_converged"] = min(record["share_converged"], *(float(c.hidden["share_converged"].min()) for c in countries))
    write_record(folder, record)
    return record
