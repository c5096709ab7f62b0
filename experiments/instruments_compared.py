"""Floor, tariff, gap subsidy, stockpile, the dominant supplier's quota: who pays for the same added tonnes?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import floormodel as fm
from experiments.analysis import Progress, equal_tonnes, floor
from experiments.cases import case_of
from experiments.instruments_brief import Question, brief
from experiments.record import record_of
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame
from floormodel.report.study_run import account_table, indicator_table

TITLE = "Instruments compared at equal added tonnes"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Two questions: the bloc adds the same tonnes; suppliers outside the dominant one add the same. Both with and without new plants."""
    plain = fm.load_market(market, horizon="long")
    case = case_of(plain)
    bloc = next(iter(case.members.values()))
    others = [r for r in plain.regions if r != case.supplier]
    questions = []
    for market_, entry in progress([(plain, False), (plain.open_projects("all"), True)]):
        for who, regions in (("the bloc", bloc), (f"all but {case.supplier}", others)):
            headline = floor(case.good, bloc, case.headline)
            policies, scales = equal_tonnes(market_, headline, case.good, bloc, case.supplier, regions)
            runs = fm.compare(fm.sample(market_, draws, seed), policies, bloc=bloc)
            questions.append(Question(who, entry, case.good, runs, scales))
    write_brief(brief(case, questions), folder)
    for k, q in enumerate(questions, 1):
        inert_frame(indicator_table(q.runs)).to_csv(folder / f"indicators_{k}.csv", index=False, lineterminator="\n")
        inert_frame(account_table(q.runs)).to_csv(folder / f"accounts_{k}.csv", index=False, lineterminator="\n")
        q.scales.to_csv(folder / f"scales_{k}.csv", index=False, lineterminator="\n")
    questions[0].runs.to_excel(folder / "workbook.xlsx")
    questions[0].runs.to_netcdf(folder / "results.nc")
    record = record_of(TITLE, {q.label: q.runs for q in questions})
    write_record(folder, record)
    return record
