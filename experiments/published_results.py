"""Published results beside ours: the table of published numbers, what we find for each, and by how much the two differ.

`python -m experiments.published_results` writes published.expected.csv, our numbers on few draws, which a test compares with a new run.
Nothing is fitted to a published number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments import published_bans, published_projects, published_refining
from experiments.analysis import Progress
from floormodel.errors import DataError
from floormodel.report.tables import Range

FOLDER = Path(__file__).parent
EXPECTED = FOLDER / "published.expected.csv"
EXPECTED_DRAWS, EXPECTED_SEED = 8, 7
HEADER = "# our numbers on 8 draws; written by `python -m experiments.published_results`\n"
MARKET = "rare_earths"


@dataclass(frozen=True, eq=False)
class Published:
    """`figures` by id: label, work, what, value, low, high, unit, same, source, why, and ours (a Range); `others` the works that are not
    compared."""

    figures: pd.DataFrame
    others: pd.DataFrame
    refining: published_refining.Refining
    bans: published_bans.Bans
    projects: published_projects.Projects


def read_figures() -> tuple[pd.DataFrame, dict[str, float]]:
    """The published numbers that are compared, by id, and the inputs beside them. `low` and `high` bracket a number; a missing `high` is an
    open end, a missing `value` a number that only has a bound. `counts`: yes, or why a row is not counted: `cannot fail`, or the id of the
    published number of which it is a second reading."""
    table = pd.read_csv(FOLDER / "published_figures.csv").set_index("id")
    compared = table[table["kind"].eq("compared")].drop(columns="kind")
    compared = compared.assign(high=compared["high"].fillna(np.inf), value=compared["value"].fillna(compared["low"]),
                               same=compared["same"].eq("yes"))
    return compared.fillna({"remark": ""}), _by_id(table.loc[table["kind"].eq("input"), "value"])


def _by_id(values: pd.Series) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items()}


def miss(middle: float, low: float, high: float) -> float:
    """How far a number is from the nearer end of a range, as a share of that end; 0 inside."""
    return min(0.0, middle / low - 1) + max(0.0, middle / high - 1)


def ours(r: published_refining.Refining, b: published_bans.Bans, p: published_projects.Projects, inputs: Mapping[str, float]
         ) -> dict[str, Range]:
    """Our numbers by the id of the published one."""
    gdp = {region: inputs[f"gdp_{region.lower()}"] for region in ("USA", "JPN")}
    return published_refining.ours(r) | published_bans.ours(b, gdp) | published_projects.ours(p)


def compute(name: str, draws: int, seed: int, progress: Progress) -> Published:
    """Solve everything; `name` can only be the market of rare earths, for published results name their own markets."""
    if name != MARKET:
        raise DataError(f"published: found market {name!r}; expected {MARKET!r}: the published results name their markets")
    figures, inputs = read_figures()
    r, b = published_refining.compute(draws, seed, progress), published_bans.compute(draws, seed, progress)
    p = published_projects.compute(inputs, _by_id(figures["value"]), draws)
    found = ours(r, b, p, inputs)
    figures["ours"] = [found[i] for i in figures.index]
    return Published(figures, pd.read_csv(FOLDER / "published_others.csv"), r, b, p)


def numbers(p: Published) -> pd.DataFrame:
    """One row per published number: id, theirs (value, low, high), ours (q05, q50, q95), miss, and whether theirs lies in our range."""
    f = p.figures
    out = f[["label", "work", "what", "unit", "same", "counts", "value", "low", "high", "source", "remark", "why"]].assign(
        q05=[x.low for x in f["ours"]], q50=[x.middle for x in f["ours"]], q95=[x.high for x in f["ours"]])
    return out.assign(miss=[miss(m, low, high) for m, low, high in zip(out["q50"], out["low"], out["high"])],
                      covered=(out["q05"] <= out["high"]) & (out["q95"] >= out["low"]))


def expected(p: Published) -> str:
    """The text of published.expected.csv."""
    return HEADER + numbers(p)[["q05", "q50", "q95"]].to_csv(float_format="%.10g", lineterminator="\n")


if __name__ == "__main__":
    EXPECTED.write_text(expected(compute(MARKET, EXPECTED_DRAWS, EXPECTED_SEED, iter)), encoding="utf-8", newline="\n")
