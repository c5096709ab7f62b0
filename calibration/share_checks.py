"""Shares of world output as the markets have them beside what other sources print: `share_checks.csv`.

Reads `calibration/figures/share_checks/checks.csv` (market, good, region, measure, against, year, share, allowed, reason): which
share is compared with which source, and the difference that is stated with its reason where it is above five points. A blank
share is taken from the producers over time of `calibration/figures/concentration/`.
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
COLUMNS = ["market", "good", "region", "measure", "against", "year", "share", "allowed", "reason"]
MEASURES = {"output": ("output0",), "supply": ("output0", "secondary0")}
AGREES = 0.05  # two shares this near need no reason


def read_checks(path: Path) -> pd.DataFrame:
    """The list of checks. Raises DataError with every row that names an unknown measure or source or states no reason."""
    table = pd.read_csv(path, keep_default_na=False, dtype={"year": int, "allowed": float})
    if list(table.columns) != COLUMNS:
        raise DataError(f"{path.name}: header {','.join(table.columns)}; expected {','.join(COLUMNS)}")
    faults, shared = Faults(path.name), set(read_sources(HISTORIES / "sources.csv")["id"])
    for i, row in table.iterrows():
        where, own = f"line {int(i) + 2}", FIGURES / row["market"] / "sources.csv"
        known = shared if row["share"] == "" else shared | (set(read_sources(own)["id"]) if own.is_file() else set())
        if row["measure"] not in MEASURES:
            faults.add(f"{where}, measure", row["measure"], " or ".join(MEASURES))
        if row["against"] not in known:
            faults.add(f"{where}, against", row["against"], "a source of the market or of the producers over time")
        if row["allowed"] > AGREES and not row["reason"]:
            faults.add(f"{where}, reason", "nothing", f"why the shares may differ by {row['allowed']:g}")
    faults.raise_if_any()
    return table


def compare(checks: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Ours, theirs and the difference for every check of the markets that stand in `folder`."""
    rows = []
    for name, group in checks.groupby("market", sort=False):
        if not (folder / str(name) / "market.toml").is_file():
            continue
        data, history = fm.load_market(str(name), folder=folder / str(name)).dataset, read_history(str(name))
        for _, check in group.iterrows():
            tonnes = sum(data[v].sel(good=check["good"]).to_series() for v in MEASURES[check["measure"]])
            ours = float(tonnes[check["region"]] / tonnes.sum())
            theirs = float(check["share"] or series(history, check["good"], check["against"]).loc[check["year"], check["region"]])
            rows.append({**check.drop("share"), "ours": ours, "theirs": theirs, "difference": ours - theirs,
                         "agrees": "yes" if abs(ours - theirs) <= check["allowed"] else "no"})
    columns = ["market", "good", "region", "measure", "against", "year", "ours", "theirs", "difference", "allowed", "agrees", "reason"]
    return pd.DataFrame(rows).reindex(columns=columns)


def build(out: Path) -> None:
    """Write `share_checks.csv` into `out`, for the markets that stand beside it. Raises DataError where the list is faulty."""
    compared = compare(read_checks(FIGURES / "share_checks" / "checks.csv"), out.parent)
    compared.to_csv(out / "share_checks.csv", index=False, float_format="%.4f", lineterminator="\n")
