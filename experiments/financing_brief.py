"""The pages of the brief on financing: charts and tables of what the results hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import ships
from experiments.books import cell
from experiments.financing_answers import LENDERS, MARKET_TO_PLANT, YEARS, Answers, per_kilo, percent, share, trigger_words
from experiments.financing_offers import ALONE
from experiments.financing_results import CHANCE, HAZARDS, Financing
from experiments.financing_variants import AS_IT_IS, DRAWS, HALF, NO_ENTRY, PLANNED
from experiments.ten_years_results import FLOOR, NONE, PLANT_SEED
from experiments.words import lower_first, number, quantiles, says
from floormodel.dynamics.incentive_curve import incentive_curve
from floormodel.report import comparison_charts, financing_charts, project_charts
from floormodel.report.brief import Block, Brief, Chart, Headline, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.tables import Table

KILO, VALUE = "USD/kg", "USD per kg/yr"


class Pages:
    """Sections of one brief; `plants` is the long table of all measures of all plants."""

    def __init__(self, f: Financing, variants: pd.DataFrame, moved: pd.DataFrame, worth: pd.DataFrame):
        self.f, self.variants, self.worth = f, variants, worth
        self.say, self.name, self.source = Answers(f, variants, moved), good_name(f.case.good), provenance_of(f.runs)
        frame = project_charts.finance_frame({k: (c.value[0.0], c.lent()) for k, c in f.cells.items()})
        rows = [(s.label, s.plan.role, m, "net_price", "USD/t", *quantiles(f.cells[s.label, m].paid), 1.0)
                for s in f.sites for m in f.measures]
        self.plants = pd.concat([frame, pd.DataFrame(rows, columns=frame.columns)], ignore_index=True)

    def brief(self) -> Brief:
        f = self.f
        return Brief(f"Which plants get financed under a floor or a guarantee: {self.name}",
                     f"{f.market.title}. {number(f.case.headline / 1000)} USD/kg at the border of "
                     f"{', '.join(region_name(x) for x in f.bloc)} ({f.case.reason}), with and without coverage of products, beside a "
                     "guarantee at the same level to all makers in the bloc (gap subsidy) or to one plant alone. Long run, plants may "
                     "enter.",
                     self.headlines(), self.say.all(),
                     [self.prices(), self.lenders(), *([self.places()] if f.places else []), self.doubt(), self.flips(), self.assumptions(),
                      self.limits()], self.notes())

    def headlines(self) -> list[Headline]:
        s = self.say.focus()[0]
        own = {m: self.f.cells[s.label, m] for m in self.f.measures}
        out = [Headline(says(own[NONE].value[0.0].incentive_net_price, "USD/t"), "price that it needs", s.label)]
        out += [Headline(percent(share(own[m].value[0.0].probability)), f"chance that it pays, {lower_first(m)}",
                         f"paid {per_kilo(quantiles(own[m].paid)[1])} USD/kg") for m in own if m in (FLOOR, ALONE)]
        return [*out, Headline(percent(share(own[ALONE].years[YEARS].chance)),
                               f"chance that it pays, guarantee for {YEARS} years of operation", "then prices without policy")]

    # sections

    def prices(self) -> Section:
        blocks: list[Block] = [
            "The price a plant needs leaves it its hurdle after tax, at the prices of its inputs; the price it gets is that of its "
            "gate, after royalty, with a guarantee in years in which that is higher. A floor at the border lifts what buyers pay for "
            "imports; makers inside get what their buyers pay at the margin, after rivals have entered, and the plant itself where none "
            "stands."]
        if ships(self.f.market.name, "plans.csv"):
            curve = incentive_curve(fm.load_plans(self.f.market.name), self.f.runs[FLOOR].solved, self.f.case.good, seed=PLANT_SEED,
                                    draws=self.f.market.draws)
            figure = project_charts.incentive_curve(curve, floor=self.f.case.headline, provenance=self.source)
            blocks.append(Chart(figure, "incentive_curve",
                                "Plants in order of the price they need, with the floor drawn across and the price each gets under it."))
        rows = []
        for s in self.f.sites:
            for m in self.f.measures:
                v, given = self.f.cells[s.label, m].value[0.0], self.f.cells[s.label, m].offer
                inputs = np.asarray(given.prices.input_cost, float)
                rows.append((s.label, m, "net_price", "USD/t", *quantiles(self.f.cells[s.label, m].paid - inputs)))
                if m == NONE:
                    rows.append((s.label, m, "incentive_price", "USD/t", *quantiles(v.incentive_net_price - inputs)))
        figure = comparison_charts.incentive_prices(
            pd.DataFrame(rows, columns=["project", "scenario", "measure", "unit", "q05", "q50", "q95"]), provenance=self.source,
            title="What a plant needs above its inputs, and what it gets",
            subtitle="Net price less the cost of modelled inputs, USD per kg of the plant's own product")
        return Section("At what price", [*blocks, Chart(figure, "prices", "What each plant needs above its inputs beside what it gets."),
                                         self.price_table(), *self.entry_table()])

    def entry_table(self) -> list[Block]:
        """What plants are paid, and whether they pay, with fewer that may enter."""
        known = [(v, w) for v, w in ((AS_IT_IS, "all may"), (PLANNED, "planned"), (NO_ENTRY, "none"))
                 if (self.variants["variant"] == v).any()]
        if len(known) < 2:
            return []
        rows = []
        for s in self.f.sites:
            for m in self.say.supported[:-1]:
                row: dict[str, object] = {"plant": s.label, "measure": m}
                for what, factor in (("paid", 1e-3), ("pays", 100.0)):
                    for v, w in known:
                        at = self.variants[(self.variants["variant"] == v) & (self.variants["plant"] == s.label) &
                                           (self.variants["measure"] == m)]["net_price" if what == "paid" else "pays"]
                        row[f"{what}, {w}"] = cell(at.to_numpy(float), factor)
                rows.append(row)
        capacity = self.f.bare.dataset["latent_capacity"]
        sizes = "; ".join(f"{good_name(g)}, {region_name(r)} {number(float(capacity.sel(good=g, region=r)))} t"
                          for g, r in self.f.bare.opened)
        units = {f"paid, {w}": KILO for _, w in known} | {f"pays, {w}": "%" for _, w in known}
        return [Table("Who else enters", pd.DataFrame(rows), units, name="entry", note=(
            f"Plants that may enter, up to: {sizes} a year. Planned: those alone that stand in the market's table of plans; the experiment "
            "that follows ten years lets no other enter, so that more plants pay there. –: no plant stands there then and no price is "
            "found. A plant that enters asks for a margin drawn with the costs of the plants valued here: where the two are alike, a value "
            "near nothing under a floor follows from that. Paid: median; pays: share of draws."))]

    def price_table(self) -> Table:
        rows = []
        for s in self.f.sites:
            for m in self.f.measures:
                c = self.f.cells[s.label, m]
                v = c.value[0.0]
                rows.append({"plant": s.label, "measure": m, "needs": cell(v.incentive_net_price, 1e-3),
                             "gets": cell(c.paid, 1e-3),
                             f"for {percent(CHANCE)}": cell(c.needed, 1e-3), "NPV": cell(v.npv, 1e-3), "IRR": cell(v.irr, 100.0),
                             "P(NPV > 0)": 100 * share(v.probability), "pays": 100 * share(c.pays()),
                             f"pays, {YEARS} years": 100 * share(c.pays(years=YEARS))})
        units = {"needs": KILO, "gets": KILO, f"for {percent(CHANCE)}": KILO, "NPV": VALUE, "IRR": "% a year"}
        units |= {"P(NPV > 0)": "%", "pays": "%", f"pays, {YEARS} years": "%"}
        return Table("Prices and value by plant and measure", pd.DataFrame(rows), units, name="prices", note=(
            "Net of royalty. Gets: level price worth what it expects to be paid, E[max(price, guarantee)]. "
            f"For {percent(CHANCE)}: mean market price at which it pays on that share of price paths; 0 where the "
            "guarantee does it alone. NPV at the hurdle per kg of yearly capacity; IRR missing where there is none. P: over price "
            "paths and draws; pays: draws with a positive value at expected prices; the last column: the measure stands for "
            f"{YEARS} years of operation, then prices without policy. Median and 5 to 95 % of draws."))

    def lenders(self) -> Section:
        figure = financing_charts.financing(self.plants, covenant=self.f.assumed("covenant")[1], provenance=self.source)
        rows = []
        for s in self.f.sites:
            for m in self.f.measures:
                c = self.f.cells[s.label, m]
                loan = c.lent()
                rows.append({"plant": s.label, "measure": m, "gearing": cell(loan.gearing, 100.0), "lowest cover": cell(loan.dscr),
                             "broken": 100 * share(loan.breach), "loans": f"{np.isfinite(loan.breach).sum()} of {loan.breach.size}",
                             "covenant price": cell(loan.covenant_price, 1e-3), "guarantee": cell(loan.guarantee, 1e-3),
                             "owners' IRR": cell(loan.equity_irr, 100.0), "financed": 100 * self.say.bankable(s.label, m)})
        table = Table("Debt by plant and measure", pd.DataFrame(rows), {
            "gearing": "%", "covenant price": KILO, "guarantee": VALUE, "owners' IRR": "% a year", "broken": "%",
            "financed": "%"}, name="lenders", note=(
            "Gearing: debt over capital cost with interest during construction. Lowest cover: least yearly cover ratio at expected "
            f"prices. Broken: chance of cover below {self.f.assumed('covenant')[1]:g} in some year, over the draws with a loan (loans). "
            "Covenant price: least net price that keeps it in every year of the loan. Guarantee: expected worth of what it pays, before "
            f"tax, at the hurdle. Financed: pays, gets debt, breaks on at most {percent(self.say.tolerated)} of paths. Cover is told where "
            "at least a twentieth is lent."))
        text = ("Lenders size a debt on their own, lower price so that its service is covered, and never above the largest gearing. Little "
                "debt is not safe debt: where the margin is thin, a small change of price takes it all. A guarantee holds the margin: a "
                "plant under it borrows more and still breaks less.")
        w = self.worth.assign(**{c: self.worth[c] / 1000 for c in self.worth.columns[1:]})
        contracts = Table("Worth of a contract with the plant alone", w.rename(columns={
            "strike": "guaranteed", "one_way": "one-way", "two_way": "two-way", "walk": "one-way, random walk",
            "doubted": f"one-way, {100 * HAZARDS[-1]:g} % a year"}), {"guaranteed": KILO, "expected": KILO} | dict.fromkeys(
                ["one-way", "two-way", "one-way, random walk", f"one-way, {100 * HAZARDS[-1]:g} % a year"], VALUE), name="contracts", note=(
            "Central costs, median prices, before tax, at the hurdle, over the plant's life. Two-way: the plant pays back what lies above. "
            "Random walk: the same yearly volatility without return to a mean. Expected: net price without policy."))
        return Section("With what debt", [text, Chart(figure, "financing", "Chance that it pays, gearing, chance of a breach."), table,
                                          contracts])

    def places(self) -> Section:
        blocks: list[Block] = []
        rows = []
        for (home, away, hazard), choice in self.f.places.items():
            mark = " *" if self.say.enters(self.f.case.downstream[0], home) else ""
            for m in choice.home:
                gain = choice.advantage(m)
                rows.append({"place": f"{region_name(home)}{mark} or {region_name(away)}", "repeal a year": f"{100 * hazard:g} %",
                             "measure": m, "margin there": cell(choice.home[m]["margin"], 1e-3), "margin outside": cell(
                                 choice.away[m]["margin"], 1e-3), "worth more in the bloc": cell(gain, 1e-3),
                             "better in the bloc": 100 * share(gain > 0), "pays there": 100 * share(choice.home[m]["npv"] > 0),
                             "pays outside": 100 * share(choice.away[m]["npv"] > 0)})
            if hazard == 0 and not mark and away == [a for h, a, _ in self.f.places if h == home][-1]:
                title = f"{capitalised(good_name(self.f.case.downstream[0]))}: {region_name(home)} or {region_name(away)}"
                blocks.append(Chart(project_charts.location(choice.frame, provenance=self.source, title=title),
                                    f"location_{home.lower()}_{away.lower()}", f"Margin of the plant in both places, by measure: {title}."))
        table = Table("Margin and value in both places", pd.DataFrame(rows), {
            "margin there": KILO, "margin outside": KILO, "worth more in the bloc": VALUE, "better in the bloc": "%", "pays there": "%",
            "pays outside": "%"}, name="places", note=(
            "Margin before capital: net price less inputs and operating cost. The same plant and costs in both places; on repeal "
            "prices without policy hold. *: no plant stands there; the price is that of a small one that may enter and sells at home "
            "first, so that the row says little of where a large one would go."))
        return Section("Where the plant downstream goes", [*blocks, table])

    def doubt(self) -> Section:
        blocks: list[Block] = [
            "A plant that cannot be undone is built later than its value says. The trigger is the price of the reference good, over its "
            "long-run mean, from which building at once is better than waiting; any: at any price; none: from no price on."]
        t = self.f.triggers
        if t.empty:
            blocks.append("The reference price of this market returns to no mean that could be told: no trigger can be given.")
        else:
            told: dict[object, bool] = {key: bool(trigger_words(rows)) for key, rows in t.groupby(["plant", "measure"])}
            shown = t.assign(trigger=t["trigger"].where(np.array([told[key] for key in zip(t["plant"], t["measure"])])))
            blocks.append(Chart(financing_charts.triggers(shown, provenance=self.source), "triggers",
                                "Price from which each plant is built, by measure and chance of repeal."))
        rows = []
        for s in self.f.sites:
            for m in self.say.supported:
                c = self.f.cells[s.label, m]
                mine = t[(t["plant"] == s.label) & (t["measure"] == m)]
                gone = "–" if c.flip_hazard == 0 else "above" if np.isnan(c.flip_hazard) else f"{100 * c.flip_hazard:.1f} %"
                words = ", ".join(trigger_words(mine)) or "–"
                row: dict[str, object] = {"plant": s.label, "measure": m, "trigger": words, "gone at": gone}
                row |= {f"NPV, {100 * h:g} %": cell(c.value[h].npv, 1e-3) for h in HAZARDS}
                rows.append(row)
        hazards = ", ".join(f"{100 * h:g} %" for h in HAZARDS)
        blocks.append(Table("Value by yearly chance of repeal", pd.DataFrame(rows), dict.fromkeys(
            [f"NPV, {100 * h:g} %" for h in HAZARDS], VALUE), name="doubt", note=(
            f"Gone at: chance of repeal a year at which the median value is nothing (–: it never is positive; above: not up to the largest "
            f"tried). Trigger: at {hazards}, over the mean reference price, central costs; any: at any price, none: from no price on, "
            "–: the plant pays and yet is built only while the price is low, as its inputs outrun a price that is held.")))
        return Section("What doubt costs", blocks)

    def flips(self) -> Section:
        rows = []
        for variant, by in self.variants.groupby("variant", sort=False):
            row: dict[str, object] = {"assumption": variant}
            for m in self.f.measures:
                own = by[by["measure"] == m]
                row[m] = f"{int((own['pays'] >= HALF).sum())} / {int((own['financed'] >= HALF).sum())}"
            rows.append(row)
        turned = [{"plant": s.label, "measure": m, "value": self.turned(s.label, m, "pays", MARKET_TO_PLANT),
                   "safe debt": self.turned(s.label, m, "financed", LENDERS)} for s in self.f.sites for m in self.f.measures]
        turned = [r for r in turned if r["value"] != "–" or r["safe debt"] != "–"]
        text = (f"One assumption at a time, on the first {min(DRAWS, self.f.market.draws)} draws: {self.variants['variant'].nunique() - 1} "
                "variants of market, price process, plants, terms and lenders. The answer is yes where at least half of the draws say so. "
                "A cost at an end of its range is this plant's alone; those that enter keep theirs.")
        tables = [Table(f"Plants that pay / that are financed with debt, of {len(self.f.sites)}", pd.DataFrame(rows), name="variants")]
        if turned:
            tables.append(Table("What turns each plant", pd.DataFrame(turned), name="turned", note=(
                "Share of draws that say yes as it is, and after each variant that turns it.")))
        return Section("When do the answers flip?", [text, *tables])

    def turned(self, label: str, measure: str, what: str, groups: tuple[str, ...]) -> str:
        """`40 %; to yes: ...`, or a dash."""
        found = self.say.turned(label, measure, what, groups)
        at = self.say.pays(label, measure) if what == "pays" else self.say.bankable(label, measure)
        if found is None:
            return f"{percent(at)}; too close to tell"
        way = "no" if at >= HALF else "yes"
        return f"{percent(at)}; to {way}: " + "; ".join(f"{v} {percent(x)}" for v, x in found) if found else "–"

    def assumptions(self) -> Section:
        rows = [{"figure": capitalised(str(r["quantity"]).replace("_", " ")), "value": f"{r['value']:g} ({r['low']:g} to {r['high']:g})",
                 "unit": r["unit"], "source": r["source"], "note": r["note"]} for _, r in self.f.rows.iterrows()]
        frame = pd.DataFrame(rows).rename(columns={"unit": "in"})
        risk = self.f.risk
        text = (f"Costs of plants, with their sources and ranges, are those of the market's table of projects. The reference price, "
                f"{good_name(risk.good)}, returns to its mean with a half-life of {number(risk.process.half_life)} years "
                f"({number(risk.half_life[0])} to {number(risk.half_life[1])}) and a volatility of {number(100 * risk.process.sigma)} % "
                f"a year ({number(100 * risk.sigma[0])} to {number(100 * risk.sigma[1])}), as fitted. How much of it reaches a plant "
                "under a measure is read off the model with all demand a tenth larger. A guarantee to one plant stands where the floor "
                "stands: at the floor for the floored good, as far above the price for ore, higher by the floor's gap times the "
                "content for products. Debt terms are assumptions:")
        return Section("What is assumed", [text, Table("Debt terms", frame, name="terms")])

    def limits(self) -> Section:
        points = [
            "Entry is decided on the prices of one long-run equilibrium, expected to last: no cycle, no learning, no queue of rivals.",
            "Plants are representative: one set of costs with ranges stands for all in a place, and a plan in another region takes the "
            "costs of where they were found.",
            "Where nothing is made in the benchmark the price is that of a small plant that may enter there, which sells at home first. "
            "All that may enter ask for a margin drawn with the costs of the plants valued here; a plant where others like it enter earns "
            "about nothing at the margin by construction (table: who else enters).",
            "Under a hazard of repeal lenders count on the policy only in years in which it stands with a chance of nine in ten.",
            "Lenders are one rule on one case: no fees, reserve accounts, step-in, public co-lending, or value of the sponsor's name.",
            "The plant sells whatever the price. Value is at the plant's own hurdle under every measure, though a guarantee takes away "
            "risk and would lower it: the guarantees' worth is a lower bound.",
            "The hazard of repeal is what investors reckon with; no one has measured it. After repeal prices without policy hold for good.",
            "The guarantee lasts as long as the plant unless said otherwise; those signed in 2025 and 2026 last about ten years, and take "
            "part of what lies above, which is not taken here and would make them worth less.",
            "The own guarantee of a plant downstream is raised by what its inputs would cost more under a floor for all, though it buys "
            "them at the free price: part of it is a gift.",
            "Ranges of costs lean upwards: the median draw is dearer than central costs, so that triggers and contracts, which are at "
            "central values, look kinder than shares of draws.",
            "Triggers are at central costs and tell from which price on a plant is built: one whose inputs outrun its price when it is "
            "high is built at low prices alone and counts as none."]
        if self.f.without:
            points.append(f"Left out, as no price is found where they stand: {', '.join(self.f.without)}.")
        if not ships(self.f.market.name, "plans.csv"):
            points.append("The market has no table of plans: its representative plants stand where their costs were found.")
        return Section("What this cannot say", [Points([*points, *self.f.market.notes[:2]])])

    def notes(self) -> list[str]:
        errors = self.f.runs.identities()
        return [f"{self.f.market.draws:,} draws of the market and of plants' costs, seed {self.f.market.seed}; "
                f"{100 * self.f.runs.share_converged:.4g} % solved. Median over draws, 5 to 95 % in brackets.",
                f"Money adds up: largest relative error {errors['world']:.1e} (world) and {errors['regional']:.1e} (regional budgets). "
                f"{self.source.line()}"]
