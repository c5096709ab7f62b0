"""Which plants get financed under a floor, a covered floor, a guarantee and nothing, at what price, and what does doubt cost?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from experiments.analysis import Progress
from experiments.financing_brief import Pages
from experiments.financing_results import compute
from experiments.financing_variants import contracts, variants_of
from experiments.record import record_of
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "Which plants get financed, at what price, with what debt, and what doubt about the policy costs"
MARKET, DRAWS = "rare_earths", 200


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve and value, write the brief and its files into `folder`, return the record."""
    results = compute(market, draws, seed, progress)
    variants, moved = variants_of(results, progress)
    worth = contracts(results)
    pages = Pages(results, variants, moved, worth)
    write_brief(pages.brief(), folder)
    tables = {"plants": pages.plants, "triggers": results.triggers, "contracts": worth, "variants": variants, "variants_places": moved,
              "assumptions": results.rows, "indicators": indicator_table(results.runs), "accounts": account_table(results.runs)}
    if results.places:
        tables["places"] = pd.concat([p.frame.assign(home=h, away=a, hazard=x) for (h, a, x), p in results.places.items()])
    for name, table in tables.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    results.runs.to_excel(folder / "workbook.xlsx")
    results.runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {"plants may enter": results.runs})
    record["share_converged"] = min(record["share_converged"], float(variants["share_converged"].min()))
    record["plants"] = {"sites": [s.label for s in results.sites], "left_out": list(results.without),
                        "variants": int(variants["variant"].nunique()),
                        "assumptions": {str(r["quantity"]): {"low": float(r["low"]), "value": float(r["value"]), "high": float(r["high"])}
                                        for _, r in results.rows.iterrows()}}
    write_record(folder, record)
    return record
