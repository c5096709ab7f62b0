"""Shares of world output as the markets have them beside what other sources print: `share_checks.csv`.

Reads `calibration/figures/share_checks/checks.csv` (market, good, region, measure, against, year, share, independent, stated, reason):
which share is compared with which source, and whether ours was taken from that very source (`independent` is then no: such a row checks
the building, not the figure). A blank share is taken from the producers over time of `calibration/figures/concentration/`. A difference
above five points is a disagreement, whatever its reason; `stated` names it as it was when the reason was written.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import floormodel as fm
from calibration.concentration import FIGURES as HISTORIES
from calibration.concentration import read_history, series
from calibration.figures import read_sources
from floormodel.errors import DataError, Faults

FIGURES = Path(__file__).parent / "figures"
COLUMNS = ["market", "good", "region", "measure", "against", "year", "share", "independent", "stated", "reason"]
WRITTEN = ["market", "good", "region", "measure", "against", "year", "ours", "theirs", "difference", "independent", "agrees", "reason"]
MEASURES = {"output": ("output0",), "supply": ("output0", "secondary0")}
AGREES = 0.05  # two shares this near agree
SAME = 0.02  # a disagreement this near the one that is stated is that one
YES, KNOWN, NEW = "yes", "no, for the reason", "no"


def read_checks(path: Path) -> pd.DataFrame:
    """The list of checks. Raises DataError with every row that names an unknown measure or source, or a disagreement without reason."""
    table = pd.read_csv(path, keep_default_na=False, dtype={"year": int, "stated": str})
    if list(table.columns) != COLUMNS:
        raise DataError(f"{path.name}: header {','.join(table.columns)}; expected {','.join(COLUMNS)}")
    table["stated"] = pd.to_numeric(table["stated"], errors="coerce").fillna(0.0)
    faults, shared = Faults(path.name), set(read_sources(HISTORIES / "sources.csv")["id"])
    for i, row in table.iterrows():
        where, own = f"line {int(i) + 2}", FIGURES / row["market"] / "sources.csv"
        known = shared if row["share"] == "" else shared | (set(read_sources(own)["id"]) if own.is_file() else set())
        if row["measure"] not in MEASURES:
            faults.add(f"{where}, measure", row["measure"], " or ".join(MEASURES))
        if row["against"] not in known:
            faults.add(f"{where}, against", row["against"], "a source of the market or of the producers over time")
        if row["independent"] not in ("yes", "no"):
            faults.add(f"{where}, independent", row["independent"] or "nothing", "yes or no")
        if row["stated"] and not row["reason"]:
            faults.add(f"{where}, reason", "nothing", f"why the shares differ by {row['stated']:g}")
    faults.raise_if_any()
    return table


def verdict(difference: float, stated: float) -> str:
    """Whether two shares agree; if not, whether that is the disagreement for which a reason is given."""
    if abs(difference) <= AGREES:
        return YES
    return KNOWN if stated and abs(difference - stated) <= SAME else NEW


def compare(checks: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Ours, theirs and the difference for every check of the markets in `folder`. Raises DataError where one of them is not there."""
    if absent := [m for m in checks["market"].unique() if not (folder / m / "market.toml").is_file()]:
        raise DataError(f"share_checks: {folder} has no market {', '.join(absent)}; rebuild all markets there first "
                        f"(python -m calibration all -o {folder})")
    rows = []
    for name, group in checks.groupby("market", sort=False):
        data, history = fm.load_market(str(name), folder=folder / str(name)).dataset, read_history(str(name))
        for _, check in group.iterrows():
            tonnes = sum(data[v].sel(good=check["good"]).to_series() for v in MEASURES[check["measure"]])
            ours = float(tonnes[check["region"]] / tonnes.sum())
            theirs = float(check["share"] or series(history, check["good"], check["against"]).loc[check["year"], check["region"]])
            rows.append({**check.drop("share"), "ours": ours, "theirs": theirs, "difference": ours - theirs,
                         "agrees": verdict(ours - theirs, check["stated"])})
    return pd.DataFrame(rows).reindex(columns=WRITTEN)


def build(out: Path) -> None:
    """Write `share_checks.csv` into `out`. Raises DataError where the list is faulty or a market does not stand beside `out`."""
    compared = compare(read_checks(FIGURES / "share_checks" / "checks.csv"), out.parent)
    compared.to_csv(out / "share_checks.csv", index=False, float_format="%.4f", lineterminator="\n")
