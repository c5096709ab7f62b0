"""The pages of the ten-year brief: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.ten_years_answers import Answers
from experiments.ten_years_reading import Reading
from experiments.ten_years_results import FLOOR, NONE, YEARS
from experiments.ten_years_supply import AFTER
from experiments.ten_years_variants import LAST, REQUIREMENT, TAX
from experiments.words import number, quantiles, says
from floormodel.report.brief import Block, Brief, Headline, Points, Section
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.path_charts import Fan
from floormodel.report.tables import Table


class Pages(Answers):
    """Sections of one brief."""

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"Ten years of price support for {self.name}: what is built, where, and who gains",
                     f"{self.market.title}. {capitalised(FLOOR)} of {number(r.case.headline / 1000)} USD/kg at the border of "
                     f"{', '.join(region_name(x) for x in r.bloc)} from {YEARS[0]} ({r.case.reason}), beside a guarantee at the same "
                     f"level. Year by year to {YEARS[-1]}: partial adjustment from short-run to long-run elasticities, "
                     f"{len(r.plans)} kinds of plants that may be built, {self.world()}.",
                     self.headlines(), self.answers(),
                     [self.prices(), self.plants(), self.diversification(), self.at_source(), self.levels(), self.limits()], self.notes())

    def headlines(self) -> list[Headline]:
        out = [Headline(says(self.built(s), "t/yr"), f"new capacity for {self.name} running in the bloc in {YEARS[-1]}: {s.lower()}",
                        f"without policy {says(self.built(NONE), 't/yr')}") for s in (FLOOR, self.scenarios[-1])]
        out += [Headline(says(self.hhi(s)[:, LAST], "0-1"), f"change of the world HHI of {self.name} in {YEARS[-1]}: {s.lower()}",
                         f"from {number(quantiles(self.r.hhi(NONE, self.good)[:, LAST])[1])}") for s in (FLOOR, self.scenarios[-1])]
        return out

    # sections

    def all(self, variable: str, regions: list[str], factor: float) -> dict[str, np.ndarray]:
        return {s: factor * self.r.series(variable, s, self.good, regions) for s in (NONE, *self.scenarios)}

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
        r, lead, o = self.r, self.r.case.supplier, self.found.owners
        at = self.market.regions.index(lead)
        panels = [Fan("World HHI by location (0 to 1)", "", {s: r.hhi(s, self.good) for s in (NONE, *self.scenarios)}),
                  Fan(f"Share of {self.lead} in world supply, %", "%", {
                      s: 100 * r.supply(s, self.good)[:, :, at] / r.supply(s, self.good).sum(-1) for s in (NONE, *self.scenarios)})]
        if o is not None:
            panels.append(Fan(f"HHI by owner, {good_name(o.stage)} (0 to 1)", "", o.reading))
        blocks: list[Block] = [self.chart(panels, f"{capitalised(self.name)}: concentration of supply", "concentration",
                                          "HHI and share of the dominant supplier by year, and the HHI by owner where it is known.")]
        rows = []
        for s in (NONE, *self.scenarios):
            first, after = self.found.first[s], self.found.after[s]
            rows.append({"scenario": s, f"{self.lead}, {YEARS[0]}": cell(first.leader, 100),
                         f"{self.lead}, {AFTER}": cell(after.leader, 100),
                         f"left when {region_name(after.origin)} stops": cell(after.left, 100),
                         f"price if {region_name(after.origin)} stops": cell(after.dearer)})
        units = {c: ("x" if c.startswith("price") else "%") for c in rows[0] if c != "scenario"}
        blocks.append(Table("The bloc's supply", pd.DataFrame(rows), units, (
            f"Share of {self.lead} in what the bloc buys and makes; the bloc's use, in % of that without policy and without the stop, and "
            f"its price, as a multiple, once a supplier stops all output for one year in {AFTER}; elasticities of the short run, "
            f"{len(self.found.after[NONE].left)} draws."), name="bloc"))
        return Section("Diversification", blocks)

    def at_source(self) -> Section:
        panels = []
        for good in self.market.goods:
            makers = self.r.outside(good)
            if makers:
                panels.append(Fan(f"{capitalised(good_name(good))}, change of value added", "million USD/yr",
                                  {s: 1e-6 * self.added(s, good, makers) for s in self.scenarios}))
        if not panels:
            return Section("Producer countries", ["No third country makes any stage in the benchmark."])
        blocks: list[Block] = [self.chart(panels, "Value added in third countries, against no policy", "third_countries",
                                          "Change of value added by year outside the bloc and the dominant supplier.", zero=True)]
        mined = self.market.goods[0]
        if self.miners:
            rows = [{"country": region_name(x), "no policy": cell(self.r.series("producer_revenue", NONE, mined, [x])[:, LAST], 1e-6),
                     **{s: cell(self.change(s, "producer_revenue", mined, [x])[:, LAST], 1e-6) for s in self.scenarios}}
                    for x in self.miners]
            blocks.append(Table(f"Revenue from {good_name(mined)} in {YEARS[-1]}, and its change", pd.DataFrame(rows),
                                dict.fromkeys(["no policy", *self.scenarios], "USD m/yr"), name="ore"))
        rows = []
        for good in self.market.goods[1:]:
            for x in self.r.outside(good):
                rows.append({"stage": good_name(good), "country": region_name(x),
                             "no policy": cell(self.r.value_added(NONE, [good], [x])[:, LAST], 1e-6),
                             **{s: cell(self.added(s, good, [x])[:, LAST], 1e-6) for s in self.scenarios}})
        if rows:
            blocks.append(Table(f"Value added after the mine in {YEARS[-1]}, and its change", pd.DataFrame(rows),
                                dict.fromkeys(["no policy", *self.scenarios], "USD m/yr"), name="value_added"))
        return Section("Producer countries", blocks + self.rule_pages())

    def rule_pages(self) -> list[Block]:
        rule = self.found.rule
        if rule is None:
            return []
        pages, who = Reading(rule.paths), region_name(rule.who)
        panels = [Fan(f"{capitalised(good_name(g))}, {who}", "million USD/yr",
                      {s: 1e-6 * rule.paths.value_added(s, [g], [rule.who]) for s in (NONE, FLOOR, REQUIREMENT, TAX)})
                  for g in self.market.goods[:2]]
        chart = pages.chart(panels, f"Value added in {who} beside the floor", "processing_rule",
                            "Value added by stage and year under the floor, a processing rule and a tax on ore beside it.")
        money = {c: 1e-6 * rule.scan[c] for c in ("all", "processing", "treasury")}
        table = rule.scan.assign(size=100 * rule.scan["size"], **money).rename(
            columns={"size": "cut of exports, or tax", "all": "value added, all stages", "processing": "after the mine"})
        return [chart, Table(f"{who}: rules of other sizes, against the floor alone", table, {
            "cut of exports, or tax": "%", **dict.fromkeys(["value added, all stages", "after the mine", "treasury"], "USD m/yr")},
            f"Central values, {YEARS[-1]}.", name="rules")]

    def levels(self) -> Section:
        t = self.found.levels
        in_units = t.assign(level=t["level"] / 1e3, raw=t["raw"] / 1e6, processing=t["processing"] / 1e6)
        frame = in_units.drop(columns="solved").rename(columns={
            "index": "profitability of the best plant", "built": "new capacity", "hhi": "change of HHI",
            "raw": "ore revenue, third countries", "processing": "value added after the mine, third countries"})
        note = f"Central values, {YEARS[-1]}; profitability in {YEARS[0]}." + ("" if t["solved"].all() else " Some were not solved.")
        return Section("When do the answers flip?", [Table("Other levels of support", frame, {
            "level": "USD/kg", "new capacity": "t/yr", "ore revenue, third countries": "USD m/yr", "change of HHI": "0-1",
            "profitability of the best plant": "1", "value added after the mine, third countries": "USD m/yr"}, note, name="levels")])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "No welfare is booked along a path: short-run demand and supply curves move with what was used and made before, and areas "
            "under them cannot be compared from year to year. The long-run accounts are in the static briefs.",
            "Investors in this brief know no price risk and no repeal; the experiment `credibility` varies the second, `financing` the "
            "first.",
            "Stocks are not held: a year's supply meets a year's use. Speeds of adjustment are ratios of short- to long-run elasticities.",
            "Plants outside the table of plans are not built but for the response of existing producers, which the long-run supply "
            f"elasticity holds; none of them is {self.lead}'s. Nobody builds in answer to a processing rule but the plans in the table.",
            *self.market.notes[:2]])])
