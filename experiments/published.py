"""What do other models and the books of companies say, and what do we find for the same question?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.published_brief import Pages
from experiments.published_results import MARKET, compute, numbers
from experiments.record import record_of
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame

__all__ = ["MARKET", "TITLE", "write"]
TITLE = "Published results beside ours"


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Solve, write the brief and its files into `folder`, return the record."""
    found = compute(market, draws, seed, progress)
    write_brief(Pages(found).brief(), folder)
    inert_frame(numbers(found).reset_index()).to_csv(folder / "published.csv", index=False, lineterminator="\n")
    found.refining.variants.to_csv(folder / "refining_variants.csv", index=False, lineterminator="\n")
    record = record_of(TITLE, {"rare earths cut, short run": found.bans.cut["short"], "rare earths cut, long run": found.bans.cut["long"],
                               **found.bans.runs})
    ways = {f"refining: {w.instrument}, {w.who}": {"share_converged": w.share_converged, "largest_identity": w.residual}
            for w in found.refining.ways}
    record["ways"] = ways
    record["share_converged"] = min(record["share_converged"], *(w["share_converged"] for w in ways.values()))
    write_record(folder, record)
    return record
