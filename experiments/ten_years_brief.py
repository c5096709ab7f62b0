"""The pages of the ten-year brief: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.analysis import plant_label
from experiments.books import cell
from experiments.ten_years_results import FLOOR, GROWTH, NONE, YEARS, TenYears
from experiments.words import lower_first, number, quantiles, says, verdict
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.path_charts import Fan, fan_chart
from floormodel.report.style import Provenance
from floormodel.report.tables import Table

LITTLE, MUCH = 0.01, 0.05  # of the HHI (0 to 1): what counts as little and as much diversification
LAST = len(YEARS) - 1


class Pages:
    """Sections of one brief."""

    def __init__(self, r: TenYears):
        self.r, self.market, self.good = r, r.market, r.case.good
        self.name, self.lead = good_name(self.good), region_name(r.case.supplier)
        self.scenarios = list(r.paths)
        self.plan_labels = {str(p): self.plan_label(str(p)) for p in next(iter(r.paths.values())).dataset["plan"].values}

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"Ten years of price support for {self.name}: what is built, where, and who gains",
                     f"{self.market.title}. {capitalised(FLOOR)} of {number(r.case.headline / 1000)} USD/kg at the border of "
                     f"{', '.join(region_name(x) for x in r.bloc)} from {YEARS[0]} ({r.case.reason}), beside a guarantee at the same "
                     f"level. Year by year to {YEARS[-1]}: partial adjustment from short-run to long-run elasticities, "
                     f"{len(r.plans)} kinds of plants that may be built, {self.world()}.",
                     self.headlines(), self.answers(),
                     [self.prices(), self.plants(), self.diversification(), self.at_source(), self.limits()], self.notes())

    def world(self) -> str:
        if not self.r.growth:
            return "a world that otherwise stands still"
        return f"use and output along projections of the IEA ({GROWTH.replace('_', ' ')})"

    # numbers

    def plan_label(self, plan: str) -> str:
        """`magnet_plant:EU27` for readers."""
        key, _, region = plan.partition(":")
        return plant_label(key, region)

    def change(self, scenario: str, values: str, good: str, regions: list[str] | None = None) -> np.ndarray:
        """Change against no policy (draws, years)."""
        return self.r.series(values, scenario, good, regions) - self.r.series(values, NONE, good, regions)

    def relative(self, scenario: str, values: str, good: str, regions: list[str]) -> np.ndarray:
        base = self.r.series(values, NONE, good, regions)
        return self.change(scenario, values, good, regions) / np.where(base > 0, base, np.nan)

    def chance(self, scenario: str, plan: str) -> float:
        """Share of draws in which a plant decided on in the first year pays."""
        return float(np.nanmean(self.r.pays(scenario, plan)))

    @property
    def bloc_plans(self) -> list[str]:
        """Plans of the supported good inside the bloc, or else those of the good, or all."""
        named = {f"{p.project.name}:{p.region}": p for p in self.r.plans}
        inside = [k for k, p in named.items() if p.good == self.good and p.region in self.r.bloc]
        return inside or [k for k, p in named.items() if p.good == self.good] or list(named)

    def built(self, scenario: str) -> np.ndarray:
        """New capacity of the supported good that runs in the bloc in the last year (draws,)."""
        if not self.bloc_plans:
            return np.zeros(self.market.draws)
        return sum((self.r.series("running", scenario, plan=p)[:, LAST] for p in self.bloc_plans), np.zeros(self.market.draws))

    # text

    def headlines(self) -> list[Headline]:
        hhi = self.r.hhi(FLOOR, self.good) - self.r.hhi(NONE, self.good)
        out = [Headline(says(self.built(FLOOR), "t/yr"), f"new capacity for {self.name} running in the bloc in {YEARS[-1]}",
                        f"without policy {says(self.built(NONE), 't/yr')}"),
               Headline(says(hhi[:, LAST], "0-1"), f"change of the world HHI of {self.name} in {YEARS[-1]}",
                        f"from {number(quantiles(self.r.hhi(NONE, self.good)[:, LAST])[1])}")]
        makers = self.r.outside(self.good)
        if makers:
            out.append(Headline(says(self.relative(FLOOR, "output", self.good, makers)[:, LAST], "share"),
                                f"output of {self.name} in third countries in {YEARS[-1]}", ", ".join(region_name(x) for x in makers)))
        return out

    def answers(self) -> list[str]:
        return [f"**Does price support make projects feasible? (P1)** {self.feasible()}",
                f"**Does it bring producers of raw material a fair price? (P1)** {self.raw()}",
                f"**Does it diversify supply over ten years? (P2)** {self.diversifies()}",
                f"**What does it do to industrialisation at source? (P3)** {self.industrialises()}"]

    def feasible(self) -> str:
        if not self.r.plans:
            return "This market has no table of plans with sourced costs: entry of plants is left out, and nothing can be said."
        parts = []
        for p, label in self.plan_labels.items():
            under = "".join(f", {100 * self.chance(s, p):.0f} % with the {lower_first(s)}" for s in self.scenarios)
            parts.append(f"{label}: {100 * self.chance(NONE, p):.0f} % of draws without policy{under}")
        return (f"Share of draws in which a plant decided on in {YEARS[0]} pays at its hurdle, at the prices it would meet. "
                f"{'; '.join(parts)}. By {YEARS[-1]} {says(self.built(FLOOR), 't/yr')} of capacity for {self.name} runs in the bloc under "
                f"the floor, {says(self.built(NONE), 't/yr')} without.")

    def raw(self) -> str:
        mined = self.market.goods[0]
        makers = [r for r in self.r.outside(mined) if r != self.r.case.supplier]
        if not makers:
            return "No third country mines it in the benchmark."
        parts = []
        for s in self.scenarios:
            change = self.change(s, "producer_revenue", mined, makers)
            parts.append(f"{lower_first(s)} {says(change[:, 0], 'USD/yr')} in {YEARS[0]}, {says(change[:, LAST], 'USD/yr')} in {YEARS[-1]}")
        return (f"Revenue from {good_name(mined)} of producers outside the bloc and {self.lead} "
                f"({', '.join(region_name(x) for x in makers)}) changes by: {'; '.join(parts)}.")

    def diversifies(self) -> str:
        hhi = {s: self.r.hhi(s, self.good) for s in (NONE, *self.scenarios)}
        change = hhi[FLOOR] - hhi[NONE]
        falls = np.nanmean(change < 0, axis=0, where=np.isfinite(change))
        word = verdict(-quantiles(change[:, LAST])[1], LITTLE, MUCH, ("No, concentration rises", "Little", "Some", "Yes, much"))
        rest = [s for s in self.scenarios if s != FLOOR]
        others = "; ".join(f"{lower_first(s)} {says((hhi[s] - hhi[NONE])[:, LAST], '0-1')}" for s in rest)
        return (f"{word}. The world HHI of {self.name} changes under the floor by {says(change[:, 0], '0-1')} in the first year and by "
                f"{says(change[:, LAST], '0-1')} in the tenth, from {says(hhi[NONE][:, LAST], '0-1')}; it falls in {100 * falls[0]:.0f} "
                f"and {100 * falls[LAST]:.0f} % of draws. In the tenth year the others change it by: {others}.")

    def industrialises(self) -> str:
        parts = []
        for good in self.market.goods[1:]:
            makers = self.r.outside(good)
            if makers:
                change = [self.relative(s, "output", good, makers)[:, LAST] for s in self.scenarios]
                parts.append(f"{good_name(good)} ({', '.join(region_name(x) for x in makers)}): " + ", ".join(
                    f"{says(c, 'share')} with the {lower_first(s)}" for s, c in zip(self.scenarios, change)))
        if not parts:
            return "No country outside the bloc and the dominant supplier processes it in the benchmark."
        return f"Output in {YEARS[-1]} of processing stages outside the bloc and {self.lead}, against no policy. {'; '.join(parts)}."

    # sections

    def prices(self) -> Section:
        buyer = max(self.r.bloc, key=lambda x: float(np.nanmean(self.r.series("use", NONE, self.good, [x]))))
        supplier = self.r.case.supplier
        panels = [Fan(f"Paid by buyers in {region_name(buyer)}, USD/kg", "USD/kg", self.all("buyer_price", [buyer], 1e-3)),
                  Fan(f"Gate price in {region_name(supplier)}, USD/kg", "USD/kg", self.all("price", [supplier], 1e-3))]
        return Section("Prices", [self.chart(panels, f"{capitalised(self.name)}: prices inside and outside", "prices",
                                             "Yearly price to a buyer in the bloc and at the gate of the dominant supplier, by scenario.")])

    def plants(self) -> Section:
        if not self.r.plans:
            return Section("Plants", ["No table of plans for this market."])
        running = {p: {s: self.r.series("running", s, plan=p) for s in (NONE, *self.scenarios)} for p in self.plan_labels}
        panels = [Fan(self.plan_labels[p], "t/yr", by) for p, by in running.items() if max(np.nanmax(v) for v in by.values()) > 0]
        rows = [{"plant": self.plan_labels[p], "scenario": s, "pays": f"{100 * self.chance(s, p):.0f} %",
                 "index": cell(self.r.series("profitability", s, plan=p)[:, 0]),
                 "running": cell(self.r.series("running", s, plan=p)[:, LAST])}
                for p in self.plan_labels for s in (NONE, *self.scenarios)]
        table = Table("Plants that may be built", pd.DataFrame(rows).rename(columns={
            "pays": f"pays, {YEARS[0]}", "index": "profitability index", "running": f"running in {YEARS[-1]}"}),
            {"profitability index": "1", f"running in {YEARS[-1]}": "t/yr"}, name="plants")
        text = ("A share of the yearly pipeline is started that rises with the profitability index, net present value over capital at the "
                "plant's own hurdle: none at 0, all from 0.1 on. Investors look at the prices one more plant would meet, smooth them over "
                "the years, and a part of what is started is never delivered. Costs are drawn; price risk is not.")
        if not panels:
            return Section("What is built", [text, "In no draw of any scenario is any of them built.", table])
        idle = [self.plan_labels[p] for p, by in running.items() if max(np.nanmax(v) for v in by.values()) == 0]
        drawn = self.chart(panels, "New capacity that runs", "capacity", "Capacity of new plants by year."
                           + (f" Never built: {', '.join(idle)}." if idle else ""))
        return Section("What is built", [text, drawn, table])

    def diversification(self) -> Section:
        r, lead = self.r, self.r.case.supplier
        at = self.market.regions.index(lead)
        panels = [Fan("World HHI by location (0 to 1)", "", {s: r.hhi(s, self.good) for s in (NONE, *self.scenarios)}),
                  Fan(f"Share of {self.lead} in world supply, %", "%", {
                      s: 100 * r.supply(s, self.good)[:, :, at] / r.supply(s, self.good).sum(-1) for s in (NONE, *self.scenarios)})]
        return Section("Diversification", [self.chart(panels, f"{capitalised(self.name)}: concentration of supply", "concentration",
                                                      "HHI and share of the dominant supplier by year.")])

    def at_source(self) -> Section:
        panels = []
        for good in self.market.goods:
            makers = self.r.outside(good)
            if makers:
                panels.append(Fan(f"{capitalised(good_name(good))}, change of output, %", "%",
                                  {s: 100 * self.relative(s, "output", good, makers) for s in self.scenarios}))
        if not panels:
            return Section("Producer countries", ["No third country makes any stage in the benchmark."])
        drawn = self.chart(panels, "Output of third countries, against no policy", "third_countries",
                           "Change of output by year outside the bloc and the dominant supplier.", zero=True)
        return Section("Producer countries", [drawn])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "No welfare is booked along a path: short-run demand and supply curves move with what was used and made before, and areas "
            "under them cannot be compared from year to year. The long-run accounts are in the static briefs.",
            "Investors in this brief know no price risk and no repeal; the brief on credibility varies the second, that on the price "
            "floor has the first.",
            "Stocks are not held: a year's supply meets a year's use. Speeds of adjustment are ratios of short- to long-run elasticities.",
            "Plants outside the table of plans are not built but for the response of existing producers, which the long-run supply "
            "elasticity holds.", *self.market.notes[:2]])])

    def notes(self) -> list[str]:
        share = min(float(p.converged.mean()) for p in self.r.paths.values())
        return [f"{self.market.draws:,} draws of elasticities, freight and costs of plants; {100 * share:.4g} % of paths solved in every "
                "year.",
                "Median over draws, with the 5 to 95 % range in brackets."]

    # helpers

    def all(self, variable: str, regions: list[str], factor: float) -> dict[str, np.ndarray]:
        return {s: factor * self.r.series(variable, s, self.good, regions) for s in (NONE, *self.scenarios)}

    def chart(self, panels: list[Fan], title: str, name: str, alt: str, zero: bool = False) -> Chart:
        share = min(float(p.converged.mean()) for p in self.r.paths.values())
        return Chart(fan_chart(YEARS, panels, title, provenance=Provenance(self.market.name, self.market.year, self.market.draws, share),
                               zero=zero), name, alt)
