"""Money of solved scenarios by region and owner, one number per draw; rows of quantiles for charts and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.words import quantiles
from floormodel.accounts import OWNER, Ledger, ledger
from floormodel.report.tables import Range

COLUMNS = ["instrument", "measure", "unit", "q05", "q50", "q95", "note"]


class Books:
    """The accounts of one scenario beside the market without policy; NaN in draws that were not solved."""

    def __init__(self, now: fm.Solved, base: fm.Solved, before: Ledger | None = None):
        self.market, self.before, self.now = now.market, before or ledger(base), ledger(now)
        self.solved = now.solution.converged & base.solution.converged

    def money(self, regions: Iterable[str] | None = None, owner: str | None = None, account: str | None = None,
              good: str | None = None) -> np.ndarray:
        """Change of money (draws,), USD/yr, of some regions (None: all), one owner or account (None: all)."""
        at = self._at(regions)
        names = [a for a, o in OWNER.items() if owner in (None, o) and account in (None, a)]
        goods = slice(None) if good is None else [self.market.goods.index(good)]
        lines = sum((self.now.lines[a] - self.before.lines[a])[:, goods][:, :, at].sum((1, 2)) for a in names)
        return np.where(self.solved, lines, np.nan)

    def level(self, accounts: Sequence[str], region: str) -> np.ndarray:
        """Sum of some accounts of a region as they stand (draws,), USD/yr, all goods."""
        at = self._at([region])
        return np.where(self.solved, sum(self.now.lines[a][:, :, at].sum((1, 2)) for a in accounts), np.nan)

    def _at(self, regions: Iterable[str] | None) -> list[int]:
        known = self.market.regions
        return [known.index(r) for r in (known if regions is None else regions)]


def books_of(runs: fm.Comparison) -> dict[str, Books]:
    """Books of every scenario."""
    base = next(iter(runs.runs.values())).base
    before = ledger(base)
    return {name: Books(run.solved, base, before) for name, run in runs.runs.items()}


def quantile_rows(name: str, values: dict[str, tuple[str, np.ndarray]], note: str = "") -> list[tuple]:
    """Rows of COLUMNS from {measure: (unit, one number per draw)}."""
    return [(name, measure, unit, *quantiles(v), note) for measure, (unit, v) in values.items()]


def cell(values: np.ndarray, factor: float = 1.0) -> Range:
    """A cell of a table: median with its range."""
    return Range(*(factor * x for x in quantiles(values)))


def variable(run: fm.Equilibrium, name: str, good: str, region: str, base: bool = False) -> np.ndarray:
    """price, output, margin, buyer_price or guarantee of one node (draws,)."""
    s, market = (run.base if base else run.solved).state, run.market
    return getattr(s, name)[:, market.goods.index(good), market.regions.index(region)]


def frame_of(rows: Sequence[tuple]) -> pd.DataFrame:
    """Rows of COLUMNS as a frame."""
    return pd.DataFrame(rows, columns=COLUMNS)
