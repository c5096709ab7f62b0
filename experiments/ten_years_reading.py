"""What the briefs on paths read from the results: labels, changes against no policy, levels at which an answer turns, charts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.analysis import plant_label
from experiments.ten_years_results import FLOOR, GROWTH, NONE, SUBSIDY, TERM, YEARS, TenYears, ending
from experiments.ten_years_variants import LAST, best_plant, bloc_plans
from experiments.words import SCALE, lower_first, number, quantiles, span
from floormodel.report.brief import Chart
from floormodel.report.labels import good_name, region_name
from floormodel.report.path_charts import Fan, fan_chart
from floormodel.report.style import Provenance
from floormodel.report.tables import Range


class Reading:
    """Numbers and words of one run of paths."""

    def __init__(self, r: TenYears):
        self.r, self.market, self.good = r, r.market, r.case.good
        self.name, self.lead = good_name(self.good), region_name(r.case.supplier)
        self.scenarios = list(r.paths)
        self.plan_labels = {str(p): self.plan_label(str(p)) for p in next(iter(r.paths.values())).dataset["plan"].values}
        self.bloc_plans = bloc_plans(r)

    def world(self) -> str:
        if not self.r.growth:
            return "a world that otherwise stands still"
        return f"use and output along projections of the IEA ({GROWTH.replace('_', ' ')})"

    def plan_label(self, plan: str) -> str:
        """`magnet_plant:EU27` for readers."""
        key, _, region = plan.partition(":")
        return plant_label(key, region)

    def change(self, scenario: str, values: str, good: str, regions: Sequence[str] | None = None) -> np.ndarray:
        """Change against no policy (draws, years)."""
        return self.r.series(values, scenario, good, regions) - self.r.series(values, NONE, good, regions)

    def relative(self, scenario: str, values: str, good: str, regions: Sequence[str]) -> np.ndarray:
        base = self.r.series(values, NONE, good, regions)
        return self.change(scenario, values, good, regions) / np.where(base > 0, base, np.nan)

    def added(self, scenario: str, good: str, regions: Sequence[str]) -> np.ndarray:
        """Change of value added of one stage (draws, years), USD/yr."""
        return self.r.value_added(scenario, [good], regions) - self.r.value_added(NONE, [good], regions)

    def hhi(self, scenario: str) -> np.ndarray:
        """Change of the world HHI of the supported good (draws, years)."""
        return self.r.hhi(scenario, self.good) - self.r.hhi(NONE, self.good)

    def chance(self, scenario: str, plan: str) -> float:
        """Share of draws in which investors expect a plant decided on in the first year to pay."""
        return float(np.nanmean(self.r.pays(scenario, plan)))

    def best(self, scenario: str) -> str:
        """`85 % (NdPr refinery, United States)`: the plant of the bloc that is expected to pay in most draws."""
        plant, share = best_plant(self.r, scenario)
        return f"{100 * share:.0f} %" + (f" ({self.plan_labels[plant]})" if share > 0 else "")

    def running(self, scenario: str) -> np.ndarray:
        """New capacity of the supported good that runs in the bloc (draws, years), t/yr."""
        return sum((self.r.series("running", scenario, plan=p) for p in self.bloc_plans), np.zeros((self.market.draws, len(YEARS))))

    def built(self, scenario: str) -> np.ndarray:
        """The same in the last year (draws,)."""
        return self.running(scenario)[:, LAST]

    def building(self, scenario: str) -> float:
        """Share of draws in which anything new runs in the last year."""
        built = self.built(scenario)
        return float(np.mean(built[np.isfinite(built)] > 0))

    def expected(self, scenario: str) -> float:
        """New capacity in the last year, mean over draws, t/yr."""
        return float(np.nanmean(self.built(scenario)))

    def notes(self) -> list[str]:
        share = min(float(p.converged.mean()) for p in self.r.paths.values())
        return [f"{self.market.draws:,} draws of elasticities, freight and plants; {100 * share:.4g} % of paths solved in every year.",
                "Median over draws, with the 5 to 95 % range in brackets; new capacity is the mean over draws, for it is nothing in "
                "many of them."]

    def chart(self, panels: list[Fan], title: str, name: str, alt: str, zero: bool = False, subtitle: str = "") -> Chart:
        share = min(float(p.converged.mean()) for p in self.r.paths.values())
        return Chart(fan_chart(YEARS, panels, title, subtitle, Provenance(self.market.name, self.market.year, self.market.draws, share),
                               zero=zero), name, alt)


def average(values: np.ndarray) -> np.ndarray:
    """Mean over draws (1, years), for a chart: the median of what is nothing in half of the draws shows nothing."""
    return np.nanmean(values, axis=0, keepdims=True)


def mean_cell(values: np.ndarray, factor: float = 1.0) -> Range:
    """A cell of a table: mean with the 5 to 95 % range."""
    low, _, high = quantiles(values)
    return Range(factor * low, factor * float(np.nanmean(values)), factor * high)


def mean_says(values: np.ndarray, unit: str) -> str:
    """Mean and range of what is not missing, in readers' units."""
    low, _, high = quantiles(values)
    return span(low, float(np.nanmean(values)), high, unit)


def middle(values: np.ndarray, unit: str) -> str:
    """Median of what is not missing, in readers' units, without its range (which a table has)."""
    factor, shown = SCALE.get(unit, (1.0, unit))
    return number(factor * quantiles(values)[1], shown)


def crossing(level: Sequence[float], value: Sequence[float], at: float = 0.0) -> float | None:
    """Level, interpolated, at which values along a rising scan first reach `at`; the first level where they begin there; None if never."""
    x, y = np.asarray(level, float), np.asarray(value, float) - at
    hit = np.flatnonzero(y >= 0)
    if hit.size == 0:
        return None
    k = int(hit[0])
    return float(x[k]) if k == 0 else float(x[k - 1] + (x[k] - x[k - 1]) * -y[k - 1] / (y[k] - y[k - 1]))


def from_level(table: pd.DataFrame, column: str, at: float = 0.0, sign: float = 1.0) -> str:
    """`floor from 82, gap subsidy at no level from 50 to 150 USD/kg`: where `sign` x column reaches `at`, by instrument."""
    solved, out = table[table["solved"]], []
    found = {str(s): crossing(rows["level"].tolist(), (sign * rows[column]).tolist(), at)
             for s, rows in solved.groupby("instrument", sort=False)}
    if not found:
        return "nothing can be said"
    low, high = (number(x / 1000) for x in (solved["level"].min(), solved["level"].max()))
    if all(x is None for x in found.values()):
        return f"at no level from {low} to {high} USD/kg"
    for s, x in found.items():
        where = f"at none up to {high}" if x is None else f"from {number(x / 1000)}" + (" or less" if x <= solved["level"].min() else "")
        out.append(f"{said(s)} {where}")
    return f"{', '.join(out)} USD/kg"


def said(scenario: str) -> str:
    """A scenario in the middle of a sentence: `ten-year floor` for one that ends."""
    for kind in (FLOOR, SUBSIDY):
        if scenario == ending(kind):
            return f"{TERM}-year {lower_first(kind)}"
    return lower_first(scenario)
