"""What the briefs on paths read from the results: labels, changes against no policy, levels at which an answer turns, charts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.analysis import plant_label
from experiments.ten_years_results import GROWTH, NONE, YEARS, TenYears
from experiments.ten_years_variants import LAST, bloc_plans
from experiments.words import lower_first, number
from floormodel.report.brief import Chart
from floormodel.report.labels import good_name, region_name
from floormodel.report.path_charts import Fan, fan_chart
from floormodel.report.style import Provenance


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
        """Share of draws in which a plant decided on in the first year pays."""
        return float(np.nanmean(self.r.pays(scenario, plan)))

    def running(self, scenario: str) -> np.ndarray:
        """New capacity of the supported good that runs in the bloc (draws, years), t/yr."""
        return sum((self.r.series("running", scenario, plan=p) for p in self.bloc_plans), np.zeros((self.market.draws, len(YEARS))))

    def built(self, scenario: str) -> np.ndarray:
        """The same in the last year (draws,)."""
        return self.running(scenario)[:, LAST]

    def notes(self) -> list[str]:
        share = min(float(p.converged.mean()) for p in self.r.paths.values())
        return [f"{self.market.draws:,} draws of elasticities, freight and plants; {100 * share:.4g} % of paths solved in every year.",
                "Median over draws, with the 5 to 95 % range in brackets."]

    def chart(self, panels: list[Fan], title: str, name: str, alt: str, zero: bool = False, subtitle: str = "") -> Chart:
        share = min(float(p.converged.mean()) for p in self.r.paths.values())
        return Chart(fan_chart(YEARS, panels, title, subtitle, Provenance(self.market.name, self.market.year, self.market.draws, share),
                               zero=zero), name, alt)


def crossing(level: Sequence[float], value: Sequence[float], at: float = 0.0) -> float | None:
    """Level, interpolated, at which values along a rising scan first reach `at`; the first level where they begin there; None if never."""
    x, y = np.asarray(level, float), np.asarray(value, float) - at
    hit = np.flatnonzero(y >= 0)
    if hit.size == 0:
        return None
    k = int(hit[0])
    return float(x[k]) if k == 0 else float(x[k - 1] + (x[k] - x[k - 1]) * -y[k - 1] / (y[k] - y[k - 1]))


def from_level(table: pd.DataFrame, column: str, at: float = 0.0, sign: float = 1.0) -> str:
    """`floor from 82 USD/kg, gap subsidy at no level tried (60 to 150 USD/kg)`: where `sign` x column reaches `at`, by instrument."""
    out = []
    for instrument, rows in table[table["solved"]].groupby("instrument", sort=False):
        low, high = (number(x / 1000) for x in (rows["level"].iloc[0], rows["level"].iloc[-1]))
        found = crossing(rows["level"].tolist(), (sign * rows[column]).tolist(), at)
        tried = f"level tried ({low} to {high} USD/kg)"
        where = (f"at no {tried}" if found is None else f"at every {tried}" if found <= rows["level"].iloc[0] else
                 f"from {number(found / 1000)} USD/kg")
        out.append(f"{lower_first(str(instrument))} {where}")
    return ", ".join(out)
