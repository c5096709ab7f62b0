"""A supplier stops its exports: do stocks, apart or pooled, and restraint soften it, and is a stock worth its cost?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.analysis import Progress
from experiments.rapid_response_brief import Pages
from experiments.rapid_response_results import Rapid, compute
from experiments.record import market_record
from experiments.words import quantiles
from floormodel.report.brief import write_brief
from floormodel.report.run_folder import write_record
from floormodel.report.spreadsheet import inert_frame

TITLE = "A stop of exports: stocks, pooling and restraint"
MARKET, DRAWS = "rare_earths", 200


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Compute, write the brief and its files into `folder`, return the record."""
    r = compute(market, draws, seed, progress)
    write_brief(Pages(r).brief(), folder)
    for name, table in {"responses": response_table(r), "variants": r.variants}.items():
        inert_frame(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    record = {
        "title": TITLE, "market": market_record(r.market),
        "draws": r.market.draws, "seed": r.market.seed, "good": r.case.good, "supplier": r.case.supplier, "members": list(r.members),
        "assumptions": {k: [f.low, f.value, f.high, f.unit, f.source] for k, f in r.figures.items()},
        **{f"largest_{name}": float(max(run.dataset[name].max() for run in r.responses.values())) for name in ("residual", "identity")},
        "share_converged": min(float(r.converged.mean()), float(r.variants["solved"].mean()))}
    write_record(folder, record)
    return record


def response_table(r: Rapid) -> pd.DataFrame:
    """Long table of quantiles: response, quarters, days, measure, unit, q05, q50, q95."""
    rows = []
    for (arm, n, days), at in r.responses.items():
        values = {"peak_price": ("1", at.peak(r.case.good, r.members)), "peak_during_stop": ("1", at.peak(r.case.good, r.members, "stop")),
                  "use_below": ("share", at.below(r.case.good, r.members)),
                  "commercial": ("t", at.during("commercial", r.case.good, r.members)),
                  "public": ("t", at.during("public", r.case.good, r.members)), "loss": ("USD", at.loss(r.members)),
                  "loss_if_restraint_is_alike": ("USD", at.loss(r.members, alike=True))}
        restrained = bool(np.any(np.asarray(at.reserve.restraint) > 0))
        rows += [(arm, n, days, k, unit, *quantiles(v)) for k, (unit, v) in values.items() if restrained or not k.endswith("alike")]
    return pd.DataFrame(rows, columns=["response", "quarters", "days", "measure", "unit", "q05", "q50", "q95"])
