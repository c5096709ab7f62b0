"""The pages of the ten-year brief: every number in them is read from the results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.ten_years_answers import MUCH, Answers
from experiments.ten_years_reading import Reading, average, mean_cell, mean_says, middle
from experiments.ten_years_results import FLOOR, NONE, TERM, YEARS
from experiments.ten_years_supply import AFTER, FEW
from experiments.ten_years_variants import LAST, REQUIREMENT, TAX, best_plant, ore_price
from experiments.words import lower_first, number, quantiles, says
from floormodel.report.brief import Block, Brief, Headline, Points, Section
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.path_charts import Fan
from floormodel.report.tables import Table


class Pages(Answers):
    """Sections of one brief."""

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"Price support for {self.name}, for good or for ten years: what is built, where, and who gains",
                     f"{self.market.title}. {capitalised(FLOOR)} of {number(r.case.headline / 1000)} USD/kg at the border of "
                     f"{', '.join(region_name(x) for x in r.bloc)} from {YEARS[0]} ({r.case.reason}), beside a guarantee at the same "
                     f"level. Support is for good unless it says that it ends: then after {TERM} years, known from the start, as the deals "
                     f"signed do. Year by year to {YEARS[-1]}: partial adjustment from short-run to long-run elasticities, {len(r.plans)} "
                     f"kinds of plants that may be built, {self.world()}.",
                     self.headlines(), self.answers(),
                     [self.prices(), self.plants(), self.diversification(), self.at_source(), self.payers(), self.levels(), self.limits()],
                     self.notes())

    def headlines(self) -> list[Headline]:
        out = [Headline(mean_says(self.built(s), "t/yr"), f"expected new capacity for {self.name} running in the bloc in {YEARS[-1]}: "
                        f"{lower_first(s)} for good", f"{number(self.expected(e))} if it ends after {TERM} years; "
                        f"{number(self.expected(NONE))} without policy") for s, e in self.pairs]
        out += [Headline(says(self.hhi(s)[:, LAST], "0-1"), f"change of the world HHI of {self.name} in {YEARS[-1]}: "
                                                            f"{lower_first(s)} for good",
                         f"{middle(self.hhi(e)[:, LAST], '0-1')} if it ends after {TERM} years; upper bound, from "
                         f"{number(quantiles(self.r.hhi(NONE, self.good)[:, LAST])[1])}") for s, e in self.pairs]
        return out

    # sections

    def all(self, variable: str, regions: list[str], factor: float) -> dict[str, np.ndarray]:
        return {s: factor * self.r.series(variable, s, self.good, regions) for s in (NONE, *self.lasting)}

    def prices(self) -> Section:
        buyer = max(self.r.bloc, key=lambda x: float(np.nanmean(self.r.series("use", NONE, self.good, [x]))))
        supplier = self.r.case.supplier
        panels = [Fan(f"Paid by buyers in {region_name(buyer)}, USD/kg", "USD/kg", self.all("buyer_price", [buyer], 1e-3)),
                  Fan(f"Gate price in {region_name(supplier)}, USD/kg", "USD/kg", self.all("price", [supplier], 1e-3))]
        return Section("Prices", [self.chart(panels, f"{capitalised(self.name)}: prices inside and outside", "prices",
                                             "Yearly price to a buyer in the bloc and at the gate of the dominant supplier, support "
                                             "for good.")])

    def plants(self) -> Section:
        if not self.r.plans:
            return Section("Plants", ["No table of plans for this market."])
        drawn_of = list(dict.fromkeys([NONE, *(x for pair in self.pairs for x in pair)]))
        running = {p: {s: self.r.series("running", s, plan=p) for s in (NONE, *self.scenarios)} for p in self.plan_labels}
        live = [p for p, by in running.items() if max(np.nanmax(v) for v in by.values()) > 0]
        panels = [Fan(self.plan_labels[p], "t/yr", {s: average(running[p][s]) for s in drawn_of}) for p in live]
        table = self.plant_table(live)
        idle = [p for p in running if p not in live]
        most = max((self.chance(s, p) for s in (NONE, *self.scenarios) for p in idle), default=0.0)
        never = (f" Never built: {', '.join(self.plan_labels[p] for p in idle)}; expected to pay in at most {100 * most:.0f} % of draws."
                 if idle else "")
        text = ("A share of the yearly pipeline is started that rises with the profitability index, net present value over capital at the "
                "plant's own hurdle: none at 0, all from 0.1 on. Investors look at the prices one more plant would meet, smooth them over "
                "the years, and a part of what is started is never delivered. Costs are drawn; price risk is not, and is in the experiment "
                f"`financing`.{never}")
        if not panels:
            return Section("What is built", [text, "In no draw of any scenario is any of them built.", *self.instrument_table()])
        drawn = self.chart(panels, "New capacity that runs, mean over draws", "capacity",
                           "Expected capacity of new plants by year, support for good and with "
                                                                         "an end.")
        return Section("What is built", [text, drawn, *self.instrument_table(), *table])

    def instrument_table(self) -> list[Block]:
        """Capacity and concentration by scenario."""
        rows = []
        for s in (NONE, *self.scenarios):
            change = self.hhi(s)[:, LAST]
            rows.append({"scenario": s, "best plant expected to pay": self.best(s), "new capacity, mean": mean_cell(self.built(s)),
                         "anything built": 100 * self.building(s), "change of HHI": None if s == NONE else cell(change),
                         f"fall above {MUCH:g}": None if s == NONE else 100 * float(np.nanmean(change < -MUCH))})
        return [Table(f"The bloc's new capacity for {self.name}, and the world HHI, {YEARS[-1]}", pd.DataFrame(rows), {
            "new capacity, mean": "t/yr", "anything built": "% of draws", "change of HHI": "0-1", f"fall above {MUCH:g}": "% of draws"}, (
            "HHI by location: its upper bound, the rest of the world as suppliers no larger than the second one listed."),
            name="instruments")]

    def plant_table(self, live: list[str]) -> list[Block]:
        """What investors expect of each plant that is ever built, and what it meets."""
        rows = [{"plant": self.plan_labels[p], "scenario": s, "expected to pay": 100 * self.chance(s, p),
                 "index expected": cell(self.r.series("profitability", s, plan=p)[:, 0]),
                 "index met": cell(met) if np.isfinite(met := self.met(s, p)).any() else None,
                 f"running in {YEARS[-1]}, mean": mean_cell(self.r.series("running", s, plan=p)[:, LAST])}
                for p in live for s in (NONE, *self.scenarios)]
        return [Table("Plants that may be built", pd.DataFrame(rows), {
            "expected to pay": "% of draws", "index expected": "1", "index met": "1", f"running in {YEARS[-1]}, mean": "t/yr"}, (
            f"Profitability index of a plant decided on in {YEARS[0]}: as investors expect it then, and at the prices and input "
            "costs that the path then has, in the draws in which the plant runs (those after the last year as in it; without policy once "
            "support has ended, where anything runs there without it)."), name="plants")] if rows else []

    def diversification(self) -> Section:
        r, lead, o = self.r, self.r.case.supplier, self.found.owners
        at = self.market.regions.index(lead)
        panels = [Fan("World HHI by location, upper bound (0 to 1)", "", {s: r.hhi(s, self.good) for s in (NONE, *self.lasting)}),
                  Fan(f"Share of {self.lead} in world supply, %", "%", {
                      s: 100 * r.supply(s, self.good)[:, :, at] / r.supply(s, self.good).sum(-1) for s in (NONE, *self.lasting)})]
        if o is not None:
            panels.append(Fan(f"HHI by owner, {good_name(o.stage)} (0 to 1)", "", {s: o.reading[s] for s in (NONE, *self.lasting)}))
        blocks: list[Block] = [self.chart(panels, f"{capitalised(self.name)}: concentration of supply", "concentration",
                                          "HHI and share of the dominant supplier by year, and the HHI by owner where it is known.")]
        after = self.found.after
        rows = [{"scenario": s, f"{self.lead}, {YEARS[0]}": cell(self.found.first[s].leader, 100), f"{self.lead}, {AFTER}": cell(
            b.leader, 100)} for s, b in after.items()]
        blocks.append(Table(f"Share of {self.lead} in what the bloc buys and makes", pd.DataFrame(rows),
                            {c: "%" for c in rows[0] if c != "scenario"}, "Support for good.", name="bloc"))
        stops = [{"who stops": region_name(x.origin), "scenario": s, "use before the stop": cell(x.before, 100),
                  "lost to the stop": cell(x.before - x.left, 100), "left": cell(x.left, 100), "left, of use before": cell(x.kept, 100),
                  "price": cell(x.dearer)} for k in range(len(after[NONE].stops)) for s, b in after.items() for x in [b.stops[k]]]
        counts = ", ".join(f"{region_name(x.origin)} {np.isfinite(x.left).sum()} draws, prices outside the calibrated range in up to "
                           f"{100 * max(b.stops[k].beyond for b in after.values()):.0f} %" for k, x in enumerate(after[NONE].stops))
        blocks.append(Table(f"The bloc when a supplier stops all output for one year in {AFTER}", pd.DataFrame(stops), {
            "use before the stop": "%", "lost to the stop": "%", "left": "%", "left, of use before": "%", "price": "x"}, (
            "Use and price are compared with those without policy and without the stop; the last but one column with the scenario's "
            "own use before. A floor cuts use before anything stops. Support for good; elasticities of the short run; "
            f"{counts}."), name="stops"))
        return Section("Diversification", blocks)

    def at_source(self) -> Section:
        panels = []
        for good in self.market.goods:
            makers = self.r.outside(good)
            if makers:
                panels.append(Fan(f"{capitalised(good_name(good))}, change of value added", "million USD/yr",
                                  {s: 1e-6 * self.added(s, good, makers) for s in self.lasting}))
        if not panels:
            return Section("Producer countries", ["No third country makes any stage in the benchmark."])
        blocks: list[Block] = [self.chart(panels, "Value added in third countries, against no policy", "third_countries",
                                          "Change of value added by year outside the bloc and the dominant supplier, support for good.",
                                          zero=True)]
        mined = self.market.goods[0]
        if self.miners:
            for title, name, unit, of in self.ore_tables():
                found = {x: {s: of(s, x) for s in self.scenarios} for x in self.miners}
                rows = [{"country": region_name(x), **{s: cell(v) for s, v in by.items()}} for x, by in found.items()
                        if any(abs(q) > 5e-4 for v in by.values() for q in quantiles(v))]
                if rows:
                    blocks.append(Table(title, pd.DataFrame(rows), dict.fromkeys(self.scenarios, unit), name=name))
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

    def ore_tables(self) -> list[tuple[str, str, str, Callable[[str, str], np.ndarray]]]:
        """Title, name, unit, and a change by scenario and country."""
        ore = good_name(self.market.goods[0])
        return [(f"Change of the gate price of {ore} in {YEARS[-1]}", "ore_price", "%", lambda s, x: 100 * ore_price(self.r, s, [x])),
                (f"Change of what treasuries of producer countries receive in {YEARS[-1]}", "source_treasuries", "USD m/yr",
                 lambda s, x: 1e-6 * (self.r.series("treasury", s, regions=[x]) - self.r.series("treasury", NONE, regions=[x]))[:, LAST])]

    def payers(self) -> Section:
        """Who pays inside the bloc."""
        rows = []
        for s, b in self.bills.items():
            rows.append({"scenario": s, "treasuries": cell(b.treasury[:, LAST], 1e-6),
                         f"treasuries, {len(YEARS)} years": cell(b.treasury.sum(1), 1e-6), "buyers": cell(-b.buyers[:, LAST], 1e-6),
                         "later stages": cell(-b.makers[:, LAST], 1e-6), "treasuries per t": 1e-6 * b.per_tonne(-b.treasury),
                         "all three per t": 1e-6 * b.per_tonne(b.net)})
        return Section("Who pays", [Table(f"Gains and losses inside the bloc in {YEARS[-1]}, against no policy", pd.DataFrame(rows), {
            "treasuries": "USD m/yr", f"treasuries, {len(YEARS)} years": "USD m", "buyers": "USD m/yr", "later stages": "USD m/yr",
            "treasuries per t": "USD m per t/yr", "all three per t": "USD m per t/yr"}, (
            "Buyers: final buyers of all goods, the change of the price they pay on what they buy under the policy. Later stages: "
            f"value added of makers after {self.name}. Producers of {self.name} are not in it: what they gain is paid by the three. Per t: "
            f"mean paid over all {len(YEARS)} years, not discounted, over the mean of capacity added by {YEARS[-1]}; a minus is a "
            "receipt."),
            name="who_pays")])

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
        columns = {"all": "value added, all stages", "processing": "after the mine", "cheaper": "of it ore bought cheaper",
                   "treasury": "treasury"}
        tried, rows = rule.scan, []
        for kind, size in dict.fromkeys(zip(tried["kind"], tried["size"])):
            at = tried[(tried["kind"] == kind) & (tried["size"] == size)]
            rows.append({"kind": kind, "cut of exports, or tax": f"{100 * size:g} %",
                         **{shown: cell(at[name].to_numpy(), 1e-6) for name, shown in columns.items()}})
        return [chart, Table(f"{who}: rules of other sizes, against the floor alone", pd.DataFrame(rows),
                             dict.fromkeys(columns.values(), "USD m/yr"), (
            f"{YEARS[-1]}, {rule.paths.market.draws} draws. Ore bought cheaper: what the country's plants use, times the fall of its "
            "price; the mines lose it, so that it is no gain of the country."), name="rules")]

    def levels(self) -> Section:
        t = self.found.levels
        frame = pd.DataFrame({
            "instrument": t["instrument"], "level": t["level"] / 1e3, "best plant expected to pay": 100 * t["pays"],
            "which": [self.plan_labels.get(p, "none") if x > 0 else "none" for p, x in zip(t["plant"], t["pays"])],
            "new capacity, mean": t["built"], "change of HHI": t["hhi"], "price of ore": 100 * t["ore"],
            "value added after the mine": t["processing"] / 1e6})
        note = (f"{YEARS[-1]}, medians over {min(self.market.draws, FEW)} draws; expected to pay: share of draws in {YEARS[0]}. Ore "
                "and value added: changes in third countries." + ("" if t["solved"].all() else " Some were not solved."))
        return Section("When do the answers flip?", [Table("Other levels of support", frame, {
            "level": "USD/kg", "best plant expected to pay": "% of draws", "new capacity, mean": "t/yr", "change of HHI": "0-1",
            "price of ore": "%", "value added after the mine": "USD m/yr"}, note, name="levels")])

    def lean(self) -> str:
        """Central values against draws."""
        if not self.r.plans:
            return ""
        first = self.pairs[0][0]
        plant = best_plant(self.r, first)[0]
        central = float(self.found.central.series("profitability", first, plan=plant)[0, 0])
        drawn = quantiles(self.r.series("profitability", first, plan=plant)[:, 0])[1]
        return (f"The ranges of plants' costs lean upwards, so that draws are dearer than central values: {self.plan_labels[plant]} "
                f"has with the {lower_first(first)} an index of {number(central)} at central values, of {number(drawn)} in the median of "
                "draws. Whoever trusts central figures reads the first.")

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "No welfare is booked along a path: short-run demand and supply curves move with what was used and made before, and areas "
            "under them cannot be compared from year to year. The long-run accounts are in the static briefs.",
            "\"Expected to pay\" is what investors believe from the prices they have seen, not what a plant earns: the table of "
            "plants has both.",
            "Investors in this brief know no price risk and no repeal; the experiment `credibility` varies the second, `financing` the "
            "first.",
            "Stocks are not held: a year's supply meets a year's use. Speeds of adjustment are ratios of short- to long-run elasticities.",
            "Plants outside the table of plans are not built but for the response of existing producers, which the long-run supply "
            f"elasticity holds; none of them is {self.lead}'s. Nobody builds in answer to a processing rule but the plans in the table.",
            *([self.lean()] if self.r.plans else []), *self.market.notes[:2]])])
