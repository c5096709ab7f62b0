"""The pages of the credibility brief: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.credibility_results import FORESEEN, HAZARDS, RAISED, Doubt, hazard_at, instruments, label
from experiments.ten_years_reading import Reading, average, mean_cell, mean_says, middle
from experiments.ten_years_results import FLOOR, NONE, TERM, YEARS, TenYears, ending
from experiments.ten_years_variants import LAST, processing
from experiments.words import lower_first, number, quantiles
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, region_name
from floormodel.report.path_charts import Fan
from floormodel.report.tables import Table

SHOWN = (0.0, 0.05, 0.2)  # hazards that are drawn
MUCH = 0.05  # of the HHI (0 to 1): as in the brief on ten years


def listed(items: list[str]) -> str:
    """`0, 2 and 5`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


class Pages:
    """Sections of one brief."""

    def __init__(self, doubt: Doubt):
        r = doubt.main
        self.r, self.ten, self.needed = r, Reading(r), doubt.needed
        self.adaptive, self.consistent = doubt.adaptive, doubt.consistent
        self.kinds, self.good, self.name = instruments(r), r.case.good, self.ten.name

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"Deals that may be revoked: what a floor or guarantee for {self.name} builds if investors doubt it",
                     f"{r.market.title}. {number(r.case.headline / 1000)} USD/kg, {', '.join(region_name(x) for x in r.bloc)}, from "
                     f"{YEARS[0]}. Investors discount what depends on the policy by the yearly chance of its repeal; on the paths shown "
                     f"it stays. {capitalised(self.ten.world())}.",
                     self.headlines(), self.answers(), [self.built(), self.table(), self.limits()], self.ten.notes())

    def hhi(self, scenario: str) -> np.ndarray:
        return (self.r.hhi(scenario, self.good) - self.r.hhi(NONE, self.good))[:, LAST]

    def headlines(self) -> list[Headline]:
        out = []
        for kind in self.kinds:
            for hazard in (HAZARDS[0], HAZARDS[-1]):
                out.append(Headline(mean_says(self.ten.built(label(kind, hazard)), "t/yr"),
                                    f"expected new capacity for {self.name} in the bloc in {YEARS[-1]}: {lower_first(label(kind, hazard))}",
                                    f"anything is built in {100 * self.ten.building(label(kind, hazard)):.0f} % of draws"))
        return out

    def answers(self) -> list[str]:
        return [f"**Do non-binding deals go unperformed? (P13)** {self.capacity()}",
                f"**Does that rest on how investors look ahead?** {self.foresight()}",
                f"**Does a higher level buy back what doubt takes?** {self.level()}",
                f"**What is it to producers elsewhere?** {self.producers()}",
                f"**And diversification?** {self.diversification()}",
                f"**Is an announced end as good as doubt?** {self.term()}"]

    def capacity(self) -> str:
        if not self.r.plans:
            return "This market has no table of plans with sourced costs: nothing can be said."
        out, halves = [], []
        for kind in self.kinds:
            built = self.means(kind)
            parts = ", ".join(f"{number(x)} at {100 * h:g} %" for x, h in zip(built[1:], HAZARDS[1:]))
            any_built = [f"{100 * self.ten.building(label(kind, h)):.0f}" for h in (HAZARDS[0], HAZARDS[-1])]
            out.append(f"{lower_first(kind)} {number(built[0])} if sure to last, {parts} (anything in {any_built[0]} % of draws, "
                       f"{any_built[1]} % at {100 * HAZARDS[-1]:g} %)")
            gone = hazard_at(built, 0.5 * built[0])
            halves.append(f"{lower_first(kind)} " + ("nothing to lose" if built[0] <= 0 else f"from {100 * gone:.2g} % a year"
                                                     if gone is not None else f"not up to {100 * HAZARDS[-1]:g} % a year"))
        return (f"Expected new capacity of the bloc in {YEARS[-1]}, t a year, by the yearly chance of repeal: {'; '.join(out)}. **It "
                f"flips**, in that half of it is gone: {', '.join(halves)}.")

    def means(self, kind: str) -> list[float]:
        """Expected new capacity by hazard, t/yr."""
        return [self.ten.expected(label(kind, h)) for h in HAZARDS]

    def foresight(self) -> str:
        """What doubt takes with investors who go by prices seen, and with ones who foresee the path."""
        if not self.r.plans:
            return "No plants were run."
        sure, doubted, out, flags = *FORESEEN, [], []
        for kind in self.kinds:
            lost = []
            for run in (self.adaptive, self.consistent):
                built = [self.central(run, kind, h) for h in FORESEEN]
                lost.append(f"{number(built[0])} to {number(built[1])} t a year ({number(100 * (built[1] / built[0] - 1))} %)"
                            if built[0] > 0 else "nothing to nothing")
            out.append(f"{lower_first(kind)} from {lost[0]}, with foresight from {lost[1]}")
            flags += [s for s in (label(kind, h) for h in FORESEEN) if not self.consistent.paths[s].converged.all()]
        settled = f" Paths that have not settled: {', '.join(map(lower_first, flags))}." if flags else ""
        return (f"All else here has investors who go by the prices they have seen. At central values, a chance of repeal of "
                f"{100 * doubted:g} % a year instead of {100 * sure:g} takes new capacity of the bloc {'; '.join(out)}.{settled} Central "
                "plants are cheaper than most draws: compare the two ways of looking ahead, not the sizes with those above.")

    @staticmethod
    def central(run: TenYears, kind: str, hazard: float) -> float:
        return float(Reading(run).built(label(kind, hazard))[0])

    def level(self) -> str:
        """Levels that restore what a sure policy builds."""
        if self.needed.empty:
            return "Nothing is built even if the policy is sure to last, so that there is nothing to buy back."
        headline, out, fails = self.r.case.headline, [], []
        for kind in self.kinds:
            parts = []
            for h in HAZARDS[1:]:
                at = self.restored(kind, h)
                known, share = at.loc[at["reached"], "level"], 100 * float(at["reached"].mean())
                if len(at) == 0:
                    continue
                some = f"{number(quantiles(known)[1] / 1000)}" + (f" (in {share:.0f} % of draws)" if share < 100 else "")
                parts.append(f"{some if len(known) else 'no level tried'} at {100 * h:g} %")
                fails += [f"{lower_first(kind)} at {100 * h:g} %"] if share < 50 else []
            out.append(f"{lower_first(kind)} {', '.join(parts)}" if parts else f"{lower_first(kind)}: nothing is built, sure or not")
        most = number(headline * RAISED[-1] / 1000)
        return (f"Median level, USD/kg, from which a doubted policy builds as much as a sure one of {number(headline / 1000)}, in the "
                f"draws in which that builds anything: {'; '.join(out)}. Levels up to {most} were tried; ranges are in the table. **It "
                f"flips** where no level tried suffices in half of these draws: {', '.join(fails) or 'nowhere'}.")

    def restored(self, kind: str, hazard: float) -> pd.DataFrame:
        """Levels found for an instrument and a hazard, by draw."""
        return self.needed[(self.needed["instrument"] == kind) & (self.needed["hazard"] == hazard)]

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
            out.append(f"{lower_first(kind)} {middle(change[HAZARDS[0]], 'USD/yr')} if sure to last, "
                       f"{middle(change[HAZARDS[-1]], 'USD/yr')} at {100 * HAZARDS[-1]:g} % a year")
        return (f"Their median revenue from {self.name} in {YEARS[-1]} ({', '.join(region_name(x) for x in makers)}) changes by: "
                f"{'; '.join(out)}. **It flips** from loss to gain, or back: {', '.join(turns)}.")

    def revenue(self, scenario: str) -> np.ndarray:
        """Change of third countries' revenue from the supported good in the last year (draws,), USD/yr."""
        return self.ten.change(scenario, "producer_revenue", self.good, self.r.outside(self.good))[:, LAST]

    def diversification(self) -> str:
        out = []
        for kind in self.kinds:
            sure, doubted = (middle(self.hhi(label(kind, h)), "0-1") for h in (HAZARDS[0], HAZARDS[-1]))
            out.append(f"{lower_first(kind)} {sure} if sure to last, {doubted} at {100 * HAZARDS[-1]:g} % a year")
        much = []
        for kind in self.kinds:
            falls = [h for h in HAZARDS if quantiles(self.hhi(label(kind, h)))[1] <= -MUCH]
            much.append(f"{lower_first(kind)} " + (f"at {listed([f'{100 * h:g}' for h in falls])} % a year" if falls else "at none tried"))
        return (f"Median change of the world HHI of {self.name} in {YEARS[-1]} (upper bound): "
                f"{'; '.join(out)}. **It flips with doubt**: of the chances {listed([f'{100 * h:g}' for h in HAZARDS])} % tried, the "
                f"median fall is more than {MUCH:g}: {', '.join(much)}.")

    def term(self) -> str:
        out = []
        for kind in self.kinds:
            end, built = self.ten.expected(ending(kind)), self.means(kind)
            like = hazard_at(built, end)
            words = ("nothing is built either way" if built[0] <= 0 else f"less than any doubt tried up to {100 * HAZARDS[-1]:g} % a year"
                     if like is None else f"as much as a yearly chance of repeal of about {100 * like:.2g} %")
            out.append(f"{lower_first(kind)} {number(end)} t a year, {words}")
        return f"Expected new capacity in {YEARS[-1]} with an end after {TERM} years, known from the start: {'; '.join(out)}."

    def built(self) -> Section:
        if not self.r.plans:
            return Section("What is built", ["No table of plans for this market."])
        panels = [Fan(kind, "t/yr", {f"{100 * h:g} % a year": average(self.ten.running(label(kind, h))) for h in SHOWN})
                  for kind in self.kinds]
        title = f"{capitalised(self.name)}: new capacity of the bloc, mean over draws, by the chance of repeal"
        drawn: Chart = self.ten.chart(panels, title, "built",
                                      "Expected new capacity by year, by the yearly chance of repeal that investors reckon with.")
        return Section("What is built", [drawn])

    def table(self) -> Section:
        rows = [{"policy": scenario, "pays": self.ten.best(scenario) if self.r.plans else "",
                 "running": mean_cell(self.ten.built(scenario)), "anything built": 100 * self.ten.building(scenario),
                 "hhi": cell(self.hhi(scenario)),
                 "third countries, this good": cell(self.revenue(scenario), 1e-6),
                 "third countries, later stages": cell((processing(self.r, scenario) - processing(self.r, NONE))[:, LAST], 1e-6)}
                for scenario in self.r.paths]
        frame = pd.DataFrame(rows).rename(columns={"pays": "best plant expected to pay", "running": f"new capacity {YEARS[-1]}, mean",
                                                   "hhi": f"change of HHI {YEARS[-1]}"})
        return Section("By instrument and chance of repeal", [Table("The bloc's capacity and world concentration by credibility", frame, {
            f"new capacity {YEARS[-1]}, mean": "t/yr", "anything built": "% of draws", f"change of HHI {YEARS[-1]}": "0-1",
            "third countries, this good": "USD m/yr", "third countries, later stages": "USD m/yr"}, (
            f"New capacity is the bloc's. HHI: upper bound. Third countries: change in {YEARS[-1]} of revenue from {self.name}, and "
            "of value added from all stages after the mine."),
            name="credibility"), *self.levels()])

    def levels(self) -> list[Table]:
        """Levels that restore what a sure policy builds, as a table."""
        found = [(kind, h, self.restored(kind, h)) for kind in self.kinds for h in HAZARDS[1:]]
        rows = [{"policy": kind, "chance of repeal": f"{100 * h:g} % a year", "level": cell(at.loc[at["reached"], "level"].to_numpy(), 1e-3)
                 if at["reached"].any() else "none tried", "restored in": 100 * float(at["reached"].mean()), "draws": f"{len(at)}"}
                for kind, h, at in found if len(at)]
        return [Table("Level from which a doubted policy builds what a sure one does", pd.DataFrame(rows),
                      {"level": "USD/kg", "restored in": "% of draws"}, "Draws: those in which the sure policy builds anything.",
                      name="levels")] if rows else []

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "\"Expected to pay\" is what investors believe from the prices they have seen; the brief on ten years has what plants "
            "then meet. The ranges of plants' costs lean upwards: draws are dearer than central values.",
            "The chance of repeal is what investors reckon with; no one has measured it for these policies. It is the same every year.",
            "Existing producers respond to this year's price alone, as if a repeal cost them nothing.",
            "A plant that is waiting has no value here; the real-option trigger of the finance page adds to the reluctance.",
            f"{FLOOR} and guarantee are doubted alike; a contract that courts enforce is harder to repeal than a border measure."])])
