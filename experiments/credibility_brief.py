"""The pages of the credibility brief: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.credibility_results import HAZARDS, RAISED, TERM, Doubt, ending, instruments, label
from experiments.ten_years_reading import Reading
from experiments.ten_years_results import FLOOR, NONE, YEARS
from experiments.ten_years_variants import LAST, processing
from experiments.words import lower_first, number, quantiles, says
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, region_name
from floormodel.report.path_charts import Fan
from floormodel.report.tables import Table

SHOWN = (0.0, 0.05, 0.2)  # hazards that are drawn
MUCH = 0.05  # of the HHI (0 to 1): as in the brief on ten years


class Pages:
    """Sections of one brief."""

    def __init__(self, doubt: Doubt):
        r = doubt.main
        self.r, self.ten, self.needed = r, Reading(r), doubt.needed
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
        return [f"**Do non-binding deals go unperformed? (P13)** {self.capacity()}",
                f"**Does a higher level buy back what doubt takes?** {self.level()}",
                f"**What is it to producers elsewhere?** {self.producers()}",
                f"**And diversification?** {self.diversification()}",
                f"**Is an announced end as good as doubt?** {self.term()}"]

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
            sure, doubted = (says(self.ten.built(label(kind, h)), "t/yr") for h in (HAZARDS[0], HAZARDS[-1]))
            out.append(f"{capitalised(lower_first(kind))}: {half} ({sure} if sure to last, {doubted} at {100 * HAZARDS[-1]:g} %); the best "
                       f"plant of the bloc pays in {shares} of draws")
        return f"{'. '.join(out)}. **It flips with the level**, as the next answer says."

    def level(self) -> str:
        """Levels that restore what a sure policy builds."""
        if self.needed.empty:
            return "Nothing is built even if the policy is sure to last, so that there is nothing to buy back."
        headline, out, fails = self.r.case.headline, [], []
        for kind in self.kinds:
            rows, parts = self.needed[self.needed["instrument"] == kind], []
            for h, at in rows.groupby("hazard"):
                known, share = at.loc[at["reached"], "level"], 100 * float(at["reached"].mean())
                some = f"{says(known, 'USD/t')} in {share:.0f} % of draws" if share < 100 else says(known, "USD/t")
                parts.append(f"{some if len(known) else 'no level tried'} at {100 * h:g} % a year")
                fails += [f"{lower_first(kind)} at {100 * h:g} %"] if share < 50 else []
            out.append(f"{lower_first(kind)} {', '.join(parts)}" if parts else f"{lower_first(kind)}: nothing is built, sure or not")
        draws = ", ".join(f"{lower_first(str(k))} {n}" for k, n in self.needed.groupby("instrument")["draws"].first().items())
        most = number(headline * RAISED[-1] / 1000)
        return (f"A doubted policy builds as much as a sure one of {number(headline / 1000)} USD/kg from: {'; '.join(out)}. Levels up "
                f"to {most} USD/kg were tried, in the draws in which the sure one builds anything ({draws}). **It flips** where no level "
                f"tried suffices in half of them: {', '.join(fails) or 'nowhere'}.")

    def producers(self) -> str:
        """Revenue of third countries by hazard."""
        makers = self.r.outside(self.good)
        if not makers:
            return f"No third country makes {self.name} in the benchmark."
        out, turns = [], []
        for kind in self.kinds:
            change = {h: self.revenue(label(kind, h)) for h in HAZARDS}
            gains = {h: quantiles(v)[1] > 0 for h, v in change.items()}
            at = next((h for h in HAZARDS if gains[h] != gains[HAZARDS[0]]), None)
            turns.append(f"{lower_first(kind)} " + ("at no chance of repeal tried" if at is None else f"at {100 * at:g} % a year"))
            out.append(f"{lower_first(kind)} {says(change[HAZARDS[0]], 'USD/yr')} if sure to last, "
                       f"{says(change[HAZARDS[-1]], 'USD/yr')} at {100 * HAZARDS[-1]:g} % a year")
        return (f"Their revenue from {self.name} in {YEARS[-1]} ({', '.join(region_name(x) for x in makers)}) changes by: "
                f"{'; '.join(out)}. **It flips** from loss to gain, or back: {', '.join(turns)}.")

    def revenue(self, scenario: str) -> np.ndarray:
        """Change of third countries' revenue from the supported good in the last year (draws,), USD/yr."""
        return self.ten.change(scenario, "producer_revenue", self.good, self.r.outside(self.good))[:, LAST]

    def diversification(self) -> str:
        out = []
        for kind in self.kinds:
            sure, doubted = (says(self.hhi(label(kind, h)), "0-1") for h in (HAZARDS[0], HAZARDS[-1]))
            out.append(f"{lower_first(kind)} {sure} if sure to last, {doubted} at {100 * HAZARDS[-1]:g} % a year")
        much = []
        for kind in self.kinds:
            gone = [h for h in HAZARDS if quantiles(self.hhi(label(kind, h)))[1] > -MUCH]
            much.append(f"{lower_first(kind)} " + ("at none tried" if gone[:1] == [HAZARDS[0]] else "at all tried" if not gone else
                                                   f"below {100 * gone[0]:g} % a year"))
        return (f"Change of the world HHI of {self.name} in {YEARS[-1]}: {'; '.join(out)}. What existing producers add needs no belief in "
                f"the years to come; what new plants add does. **It flips with doubt**: the median fall is more than {MUCH:g} at these "
                f"chances of repeal: {', '.join(much)}.")

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
        panels = [Fan(kind, "t/yr", {f"{100 * h:g} % a year": self.ten.running(label(kind, h)) for h in SHOWN}) for kind in self.kinds]
        drawn: Chart = self.ten.chart(panels, f"{capitalised(self.name)}: new capacity of the bloc by the yearly chance of repeal", "built",
                                      "New capacity by year, by the chance of repeal that investors reckon with.")
        return Section("What is built", [drawn])

    def table(self) -> Section:
        rows = [{"policy": scenario, "pays": f"{100 * self.pays(scenario):.0f} %" if self.r.plans else "",
                 "running": cell(self.ten.built(scenario)), "hhi": cell(self.hhi(scenario)),
                 "third countries, this good": cell(self.revenue(scenario), 1e-6),
                 "third countries, later stages": cell((processing(self.r, scenario) - processing(self.r, NONE))[:, LAST], 1e-6)}
                for scenario in self.r.paths]
        frame = pd.DataFrame(rows).rename(columns={"pays": "best plant of the bloc pays", "running": f"new capacity {YEARS[-1]}",
                                                   "hhi": f"change of HHI {YEARS[-1]}"})
        return Section("By instrument and chance of repeal", [Table("Capacity and concentration by credibility", frame, {
            f"new capacity {YEARS[-1]}": "t/yr", f"change of HHI {YEARS[-1]}": "0-1",
            "third countries, this good": "USD m/yr", "third countries, later stages": "USD m/yr"}, (
            f"Third countries: change in {YEARS[-1]} of revenue from {self.name}, and of value added from all stages after the mine."),
            name="credibility"), *self.levels()])

    def levels(self) -> list[Table]:
        """Levels that restore what a sure policy builds, as a table."""
        rows = [{"policy": kind, "chance of repeal": f"{100 * h:g} % a year", "level": cell(at.loc[at["reached"], "level"], 1e-3)
                 if at["reached"].any() else "none tried", "restored in": 100 * float(at["reached"].mean())}
                for (kind, h), at in self.needed.groupby(["instrument", "hazard"], sort=False)]
        return [Table("Level from which a doubted policy builds what a sure one does", pd.DataFrame(rows),
                      {"level": "USD/kg", "restored in": "% of draws"}, name="levels")] if rows else []

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "The chance of repeal is what investors reckon with; no one has measured it for these policies. It is the same every year.",
            "Existing producers respond to this year's price alone, as if a repeal cost them nothing.",
            "A plant that is waiting has no value here; the real-option trigger of the finance page adds to the reluctance.",
            f"{FLOOR} and guarantee are doubted alike; a contract that courts enforce is harder to repeal than a border measure."])])
