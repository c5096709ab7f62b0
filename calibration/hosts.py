"""Hosts of by-products: which share of a mineral's output comes with the output of another (`hosts.csv` of a market)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from calibration.figures import MARKET_COLUMNS, market_row, read_figures, read_sources, write_table
from floormodel.errors import Faults

VARIABLE = "host_share"
ROUNDING = 1e-9


def build(folder: Path, out: Path) -> None:
    """Write `hosts.csv` into `out` where the market's folder of figures has one.

    Raises
    ------
    DataError
        For another variable, a share outside 0 to 1, or shares of one place that add to more than 1.
    """
    path = folder / "hosts.csv"
    if not path.is_file():
        return
    table = read_figures(path, read_sources(folder / "sources.csv")["id"], MARKET_COLUMNS[:4])
    faults, total = Faults(f"{folder.name}, hosts.csv"), defaultdict(float)
    for (variable, good, region, host), figure in table.rows.items():
        where = f"{good} in {region} with {host}"
        if variable != VARIABLE:
            faults.add(where, variable, VARIABLE)
        if not 0 <= figure.least <= figure.most <= 1:
            faults.add(where, f"{figure.least:g} to {figure.most:g}", "a share from 0 to 1")
        total[good, region] += figure.value
    for (good, region), share in total.items():
        if share > 1 + ROUNDING:
            faults.add(f"{good} in {region}", f"shares that add to {share:g}", "1 at most")
    faults.raise_if_any()
    write_table(out / "hosts.csv", MARKET_COLUMNS, [market_row(*key, figure) for key, figure in table.rows.items()])
