"""The pages of the credibility brief: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.credibility_results import HAZARDS, TERM, ending, instruments, label
from experiments.ten_years_brief import LAST
from experiments.ten_years_brief import Pages as TenYearPages
from experiments.ten_years_results import FLOOR, NONE, YEARS, TenYears
from experiments.words import lower_first, number, quantiles, says
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, region_name
from floormodel.report.path_charts import Fan
from floormodel.report.tables import Table

SHOWN = (0.0, 0.05, 0.2)  # hazards that are drawn


class Pages:
    """Sections of one brief."""

    def __init__(self, r: TenYears):
        self.r, self.ten = r, TenYearPages(r)
        self.kinds, self.good, self.name = instruments(r), r.case.good, self.ten.name

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"Deals that may be revoked: what a floor or guarantee for {self.name} builds if investors doubt it",
                     f"{r.market.title}. {number(r.case.headline / 1000)} USD/kg, {', '.join(region_name(x) for x in r.bloc)}, from "
                     f"{YEARS[0]}. Investors discount what depends on the policy by the yearly chance of its repeal; on the paths shown "
                     "it stays. "
                     f"{capitalised(self.ten.world())}.",
                     self.headlines(), self.answers(), [self.built(), self.table(), self.limits()], self.ten.notes())

    def pays(self, scenario: str) -> float:
        """Share of draws in which the first plant of the bloc pays."""
        plans = self.ten.bloc_plans
        return max((self.ten.chance(scenario, p) for p in plans), default=float("nan"))

    def hhi(self, scenario: str) -> np.ndarray:
        return (self.r.hhi(scenario, self.good) - self.r.hhi(NONE, self.good))[:, LAST]

    def headlines(self) -> list[Headline]:
        out = []
        for kind in self.kinds:
            for hazard in (HAZARDS[0], HAZARDS[-1]):
                out.append(Headline(says(self.ten.built(label(kind, hazard)), "t/yr"), f"new capacity in {YEARS[-1]}",
                                    lower_first(label(kind, hazard))))
        return out

    def answers(self) -> list[str]:
        parts = [f"**Do non-binding deals go unperformed? (P13)** {self.capacity()}", f"**And diversification?** {self.diversification()}",
                 f"**Is an announced end as good as doubt?** {self.term()}"]
        return parts

    def capacity(self) -> str:
        if not self.r.plans:
            return "This market has no table of plans with sourced costs: nothing can be said."
        out = []
        for kind in self.kinds:
            built = [quantiles(self.ten.built(label(kind, h)))[1] for h in HAZARDS]
            shares = ", ".join(f"{100 * self.pays(label(kind, h)):.0f} % at {100 * h:g} %" for h in HAZARDS)
            gone = next((h for h, x in zip(HAZARDS, built) if x < 0.5 * built[0]), None)
            half = ("median capacity is nothing even if it is sure to last" if built[0] <= 0 else
                    f"half of the capacity is gone at a yearly chance of repeal of {100 * gone:g} %" if gone is not None else
                    f"at {100 * HAZARDS[-1]:g} % a year more than half of the capacity is still built")
            out.append(f"{capitalised(lower_first(kind))}: {half}; the best plant of the bloc pays in {shares} of draws")
        return f"{'. '.join(out)}."

    def diversification(self) -> str:
        out = []
        for kind in self.kinds:
            sure, doubted = (says(self.hhi(label(kind, h)), "0-1") for h in (HAZARDS[0], HAZARDS[-1]))
            out.append(f"{lower_first(kind)} {sure} if sure to last, {doubted} at {100 * HAZARDS[-1]:g} % a year")
        return (f"Change of the world HHI of {self.name} in {YEARS[-1]}: {'; '.join(out)}. What existing producers add needs no belief in "
                "the years to come; what new plants add does.")

    def term(self) -> str:
        out = []
        for kind in self.kinds:
            end = quantiles(self.ten.built(ending(kind)))[1]
            equal = [h for h in HAZARDS if quantiles(self.ten.built(label(kind, h)))[1] >= end]
            like = f", as much as with a yearly chance of repeal of {100 * max(equal):g} % or a little more" if equal and end > 0 else ""
            out.append(f"{lower_first(kind)} {says(self.ten.built(ending(kind)), 't/yr')}{like}")
        return f"An end after {TERM} years, known from the start, leaves in {YEARS[-1]}: {'; '.join(out)}."

    def built(self) -> Section:
        if not self.r.plans:
            return Section("What is built", ["No table of plans for this market."])
        panels = [Fan(kind, "t/yr", {f"{100 * h:g} % a year": self.running(label(kind, h)) for h in SHOWN}) for kind in self.kinds]
        drawn: Chart = self.ten.chart(panels, f"{capitalised(self.name)}: new capacity of the bloc by the yearly chance of repeal", "built",
                                      "New capacity by year, by the chance of repeal that investors reckon with.")
        return Section("What is built", [drawn])

    def running(self, scenario: str) -> np.ndarray:
        """New capacity of the bloc that runs (draws, years)."""
        return np.sum([self.r.series("running", scenario, plan=p) for p in self.ten.bloc_plans], axis=0)

    def table(self) -> Section:
        rows = [{"policy": scenario, "pays": f"{100 * self.pays(scenario):.0f} %" if self.r.plans else "",
                 "running": cell(self.ten.built(scenario)), "hhi": says(self.hhi(scenario), "0-1")} for scenario in self.r.paths]
        frame = pd.DataFrame(rows).rename(columns={"pays": "best plant of the bloc pays", "running": f"new capacity {YEARS[-1]}",
                                                   "hhi": f"change of HHI {YEARS[-1]}"})
        return Section("By instrument and chance of repeal", [Table("Capacity and concentration by credibility", frame, {
            f"new capacity {YEARS[-1]}": "t/yr"}, name="credibility")])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "The chance of repeal is what investors reckon with; no one has measured it for these policies. It is the same every year.",
            "Existing producers respond to this year's price alone, as if a repeal cost them nothing.",
            "A plant that is waiting has no value here; the real-option trigger of the finance page adds to the reluctance.",
            f"{FLOOR} and guarantee stand at one level; a higher one buys back what doubt takes."])])
