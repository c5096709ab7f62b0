"""The pages of the price-floor brief: charts, tables and sentences, all from computed results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.analysis import ships
from experiments.floor_checks import assumptions_section, instruments_section, levels_section, limits_section, sensitivity_section
from experiments.floor_results import COVERED, FLOOR, NEUTRAL, FloorResults
from experiments.words import Reader, lower_first, number, quantiles, span, verdict
from floormodel.report import charts
from floormodel.report.brief import Brief, Chart, Headline, Section
from floormodel.report.comparison_charts import viability_frame
from floormodel.report.concentration_chart import concentration_chart, load_concentration
from floormodel.report.frames import changes, groups_of, levels, provenance_of, relative_changes
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.money_charts import incidence_frame, line_label
from floormodel.report.tables import Range, Table

SIGN = "The sign depends on the calibration."


class Pages:
    """Sections of one brief; every number in them is read from the results."""

    def __init__(self, r: FloorResults):
        self.r = r
        self.read, self.read_entry = Reader(r.runs.indicators().frame), Reader(r.entry.indicators().frame)
        self.changes, self.levels = changes(r.runs.indicators()), levels(r.runs.indicators())
        self.groups, self.provenance = groups_of(r.runs), provenance_of(r.runs)
        self.good, self.goods = r.case.good, r.market.goods
        self.name = f"{self.good} {r.market.name}" if self.good in ("mined", "refined") else good_name(self.good)
        self.outsiders = [x for x in r.market.regions if x not in r.bloc and x != r.case.supplier]
        self.names = list(r.runs.runs)

    def brief(self) -> Brief:
        r = self.r
        title = f"A border-adjusted price floor for {self.name}: who gains, who pays, does supply diversify?"
        subtitle = (f"{r.market.title}. Floor of {number(r.case.headline / 1000)} USD/kg at the border of "
                    f"{', '.join(region_name(x) for x in r.bloc)} ({r.case.reason}); benchmark {r.market.year}, long-run elasticities.")
        sections = [self.prices(), self.revenue(), self.diversification(), self.payers(), *self.downstream(), self.viability(),
                    levels_section(r), instruments_section(r), sensitivity_section(r), assumptions_section(r), limits_section()]
        return Brief(title, subtitle, self.headlines(), self.answers(), sections, self.notes())

    def headlines(self) -> list[Headline]:
        t = self.read
        producer = t.text(FLOOR, "bloc_producer_price", self.good, "bloc", "value")
        return [Headline(t.text(FLOOR, "price_inside", self.good, "bloc", "value"), "buyers' price inside the bloc"),
                Headline(producer, "price its producers receive", f"floor {number(self.r.case.headline / 1000)} USD/kg"),
                Headline(t.text(FLOOR, "bloc_output", self.good, "bloc"), f"added {good_name(self.good)} in the bloc"),
                Headline(t.text(FLOOR, "hhi_high", self.good, "world"), "change of world HHI, 0 to 1", SIGN)]

    def answers(self) -> list[str]:
        """P2, P3, P5 and P12 of the debate, each in one paragraph."""
        t, e, good, r, name = self.read, self.read_entry, self.good, self.r, self.name
        out = [
            f"**Does price support diversify supply?** {self._verdicts()} "
            f"World HHI of {name} changes by {t.text(FLOOR, 'hhi_high', good, 'world')} "
            f"from {number(t.median(FLOOR, 'hhi_high', good, 'world', 'base'))}; with new plants allowed in the bloc by "
            f"{e.text(FLOOR, 'hhi_high', good, 'world')}. It rises in {t.rises(FLOOR, 'hhi_high', good, 'world')} and "
            f"{e.rises(FLOOR, 'hhi_high', good, 'world')} respectively: the bloc adds {t.text(FLOOR, 'bloc_output', good, 'bloc')}, "
            f"producers outside it lose part of that. The bloc's own purchases change more: {region_name(r.case.supplier)}'s share of "
            f"them moves by {t.text(FLOOR, 'dominant_share_of_bloc_supply', good, 'bloc').removesuffix(' %')} percentage points.",
            f"**Does it serve industrialisation in producing countries?** {self._industrialises(t)} "
            "Countries outside the floor are levied like everybody else.",
            f"**Who pays?** Inside the bloc, buyers: {self._payers_sentence()}"]
        if r.case.downstream:
            product = r.case.downstream[-1]
            out.append(
                f"**What happens downstream?** Without coverage the bloc's output of {good_name(product)} changes by "
                f"{t.percent(FLOOR, 'bloc_output', product, 'bloc')}; with a content duty up to the floor by "
                f"{t.percent(COVERED, 'bloc_output', product, 'bloc')}, with neutral coverage by "
                f"{t.percent(NEUTRAL, 'bloc_output', product, 'bloc')}. Of each tonne lost without coverage, net imports replace "
                f"{span(*quantiles(t.draws(FLOOR, 'leakage', product, 'bloc', 'value')), 'share')}.")
        return out

    def _diversifies(self, t: Reader) -> str:
        """By the change of the effective number of suppliers, in per cent: 5 is little, 20 is much."""
        change, base = (t.median(FLOOR, "effective_suppliers", self.good, "world", of) for of in ("change", "base"))
        return verdict(100 * change / base, 5, 20, ("It concentrates", "Little", "Somewhat", "Yes"))

    def _verdicts(self) -> str:
        now, later = self._diversifies(self.read), self._diversifies(self.read_entry)
        if now == later:
            return f"{now}, with or without new plants."
        return f"{now} with the plants that exist, {later.lower()} with new ones."

    def _industrialises(self, t: Reader) -> str:
        """By the change of value added at the floored stage in countries outside the bloc, in per cent: 2 is little, 20 is much."""
        change, base = (t.median(FLOOR, "value_added", self.good, self.outsiders, of) for of in ("change", "base"))
        where, first = f"outside the bloc and {region_name(self.r.case.supplier)}", self.goods[0]
        mining = "" if first == self.good else f"; {good_name(first)} mined there by {t.percent(FLOOR, 'output', first, self.outsiders)}"
        if not base > 0:
            return f"Nobody {where} makes {self.name}{mining.replace(' by ', ' changes by ', 1)}."
        answer = verdict(100 * change / base, 2, 20, ("No, it takes value added away.", "Hardly.", "A little.", "Yes."))
        return (f"{answer} {capitalised(where)}, output of {self.name} changes by {t.percent(FLOOR, 'output', self.good, self.outsiders)} "
                f"and value added at that stage by {t.text(FLOOR, 'value_added', self.good, self.outsiders)}{mining}.")

    def _payers_sentence(self) -> str:
        frame = self._incidence(FLOOR)
        inside = frame[frame["group"] == next(iter(self.groups))]
        total = inside[inside["line"] == "total:1"].iloc[0]
        outside = frame[(frame["group"] != inside["group"].iloc[0]) & (frame["line"] == "total:1")]
        rest = "; ".join(f"{row['group']}: {span(row['q05'], row['q50'], row['q95'], 'USD/yr')}" for _, row in outside.iterrows())
        parts = [f"{lower_first(line_label(row['line']))} {span(row['q05'], row['q50'], row['q95'], 'USD/yr')}"
                 for _, row in inside[~inside["line"].str.startswith("total")].iterrows() if abs(row["q50"]) > 1e5]
        return f"{'; '.join(parts)}. In all {span(total['q05'], total['q50'], total['q95'], 'USD/yr')}. Outside it: {rest}."

    def _incidence(self, scenario: str) -> pd.DataFrame:
        return incidence_frame(self.r.runs.accounts(), self.groups, scenario, self.goods)

    def prices(self) -> Section:
        t = self.read
        figure = charts.prices(self.levels, self.good, floor=self.r.case.headline, provenance=self.provenance)
        table = self._price_table()
        text = [f"Buyers inside pay {t.text(FLOOR, 'price_inside', self.good, 'bloc', 'value')}, outside "
                f"{t.text(FLOOR, 'price_outside', self.good, 'others', 'value')}. A floor at the border holds the price of imports, not "
                "what members' producers receive. To sell more, they must draw buyers away from origins they are used to, and give a "
                "discount for it: how near they come to the floor depends on how readily buyers switch (the sourcing elasticity), and on "
                "whether levied imports are left to compete with.",
                self._floor_met()]
        alt = f"Prices of {good_name(self.good)} inside and outside the bloc and received by its producers, by scenario."
        return Section("Prices inside and outside", [*text, Chart(figure, "prices", alt), table])

    def _floor_met(self) -> str:
        ds = self.r.runs[FLOOR].dataset
        parts = []
        for region in self.r.bloc:
            met, landed = (ds[v].isel(policy=0).sel(region=region).values for v in ("floor_met", "landed_floor_met"))
            own = f"its producers' price reaches the floor in {100 * np.nanmean(met):.0f} % of draws" if np.isfinite(met).any() else \
                "no benchmark output"
            border = f"levied imports in use land at or above it in {100 * np.nanmean(landed):.0f} %" if np.isfinite(landed).any() else \
                "no levied import in use"
            parts.append(f"{region_name(region)}: {own}; {border}")
        return "Is the floor met? " + ". ".join(parts) + "."

    def _price_table(self) -> Table:
        rows = []
        for region in self.r.market.regions:
            cells: dict[str, object] = {"region": region_name(region)}
            for name in self.names:
                values = quantiles(self.read.draws(name, "price", self.good, region, "value"))
                cells[name] = Range(*(v / 1000 for v in values))
            if any(np.isfinite(v.middle) for v in cells.values() if isinstance(v, Range)):
                rows.append(cells)
        return Table(f"Producer price of {good_name(self.good)} by country", pd.DataFrame(rows), dict.fromkeys(self.names, "USD/kg"),
                     "Median and 5 to 95 % of draws. Countries without output have no price.", name="producer-prices")

    def revenue(self) -> Section:
        figure = charts.revenue(self.changes, self.goods, self.groups, scenarios=self.names[:2], provenance=self.provenance)
        t = self.read
        text = (f"Producers of {good_name(self.good)} in the bloc earn {t.text(FLOOR, 'producer_revenue', self.good, list(self.r.bloc))} "
                f"more; those of other countries {t.text(FLOOR, 'producer_revenue', self.good, self.outsiders)}, those of "
                f"{region_name(self.r.case.supplier)} {t.text(FLOOR, 'producer_revenue', self.good, self.r.case.supplier)}. "
                + ("" if self.goods[0] == self.good else
                   f"Makers of {good_name(self.goods[0])} outside the bloc and {region_name(self.r.case.supplier)}: "
                   f"{t.text(FLOOR, 'producer_revenue', self.goods[0], self.outsiders)}. ") + SIGN)
        return Section("Producer revenue by country", [text, Chart(figure, "revenue", "Change of producer revenue by country and stage.")])

    def diversification(self) -> Section:
        blocks: list = ["All statements are made twice: with the plants that exist, and with latent projects allowed to enter in "
                        "members that make none. A region without benchmark output cannot otherwise start."]
        for label, runs, name in (("plants that exist", self.r.runs, "existing"), ("latent projects allowed", self.r.entry, "entry")):
            groups = groups_of(runs)
            figure = charts.output_and_concentration(
                changes(runs.indicators(), groups), levels(runs.indicators()), self.goods, groups,
                scenarios=self.names, provenance=provenance_of(runs))
            blocks.append(Chart(figure, f"output_{name}", f"Change of output by stage and group, and HHI by stage; {label}.",
                                f"With {label}."))
        blocks += self._history()
        first = self.r.resilience[0][2]
        shown = [f"if it stops {'exporting' if stops == 'exports' else 'altogether'}, {label.lower()}: {100 * n.after:.0f} % at "
                 f"{number(n.price_ratio)} times the price{'' if n.calibrated else ' (far outside what the elasticities were read in)'}"
                 for stops, label, n in self.r.resilience if np.isfinite(n.after)]
        if shown:
            blocks.append(f"N-1, short run. {region_name(first.origin)} supplies {100 * (1 - first.before):.0f} % of the bloc's use of "
                          f"{good_name(first.good)} in the balanced benchmark. What the bloc can still use, of its use without policy: "
                          + "; ".join(shown) + ".")
        return Section("Output and concentration by stage", blocks)

    def _history(self) -> list[str | Chart]:
        """Where concentration comes from: leading shares since the records began, with the fitted trend."""
        if not ships(self.r.market.name, "concentration.csv"):
            return [f"No history of producers is entered for {self.r.market.title}: no trend of its concentration can be shown."]
        history, fitted = load_concentration(self.r.market.name)
        trends = fitted[fitted["status"] == "fitted"].drop_duplicates("stage")
        words = [f"{good_name(str(row['stage']))}: {number(100 * row['slope'])} (90 % band {number(100 * row['slope_low'])} to "
                 f"{number(100 * row['slope_high'])}) per cent a year on the odds of {region_name(str(row['leader']))}, {row['years']}"
                 for _, row in trends.iterrows()]
        short = [good_name(str(s)) for s in fitted.loc[fitted["status"] == "too_short", "stage"].unique()]
        text = "Trend of the leading share (fractional logit): " + "; ".join(words) + "."
        text += f" Too few years for a trend: {', '.join(short)}." if short else ""
        return [text, Chart(concentration_chart(history, "Concentration of supply over time"), "concentration_history",
                            "Share of the leading supplier and HHI by stage over time.")]

    def payers(self) -> Section:
        figure = charts.incidence(self.r.runs.accounts(), self.groups, FLOOR, self.goods, provenance=self.provenance)
        lines: dict[tuple[str, str], dict[str, object]] = {}
        for scenario in self.names:
            for _, row in self._incidence(scenario).iterrows():
                line = str(row["line"])
                label = f"Total, public money at {line.split(':')[1]}" if line.startswith("total") else line_label(line)
                cells = lines.setdefault((str(row["group"]), label), {"who": row["group"], "line": label})
                cells[scenario] = Range(row["q05"] / 1e6, row["q50"] / 1e6, row["q95"] / 1e6)
        table = Table("Who gains and who pays", pd.DataFrame(list(lines.values())), dict.fromkeys(self.names, "USD m/yr"),
                      "Change against no policy; treasury lines count 1 or 1.3 times. Median and 5 to 95 % of draws; medians do not add.",
                      name="incidence")
        t = self.read
        own, anywhere = (t.text(FLOOR, f"cost_per_{x}_tonne_members_total", self.good, "bloc", "value") for x in ("bloc", "induced"))
        induced = t.text(FLOOR, "induced_tonnes", self.good, "world")
        share = self._present("cost_per_induced_tonne_members_total")
        only = (f"It exists only in the {100 * share:.0f} % of draws where there is such a tonne, which are the favourable ones."
                if share < 1 else "")
        cost = (f"Each tonne of {good_name(self.good)} that the bloc adds costs it {own} in all. Net of what others lose, the world "
                f"outside the dominant one adds {induced}; the cost per such tonne is {anywhere}. {only}")
        return Section("Who pays", [cost, Chart(figure, "incidence", "Waterfall of gains and losses per group of regions."), table])

    def _present(self, indicator: str) -> float:
        """Share of draws in which an indicator of the bloc has a meaning."""
        return float(np.mean(np.isfinite(self.read.draws(FLOOR, indicator, self.good, "bloc", "value"))))

    def downstream(self) -> list[Section]:
        if not self.r.case.downstream:
            return []
        product = self.r.case.downstream[-1]
        frame = relative_changes(self.r.runs.indicators())
        figure = charts.downstream(frame, product, self.r.bloc, provenance=self.provenance)
        text = ("Coverage up to the floor charges the gap between the floor and the input price abroad; it is more than the bloc's makers "
                "lose, and it bites even where the floor does not bind. Neutral coverage charges only what they lost. Both raise what "
                f"final users of {good_name(product)} pay.")
        return [Section("Downstream, with and without coverage", [text, Chart(figure, "downstream", "Output and margin of makers.")])]

    def viability(self) -> Section:
        if not self.r.plants:
            return Section("Do plants pay?", [f"No costs of plants are entered for {self.r.market.title}, so that none is assessed: "
                                              "the market has no projects.csv."])
        frame = viability_frame(self.r.plants)
        risky = bool(frame.loc[frame["measure"] == "probability", "q50"].notna().any())
        prices = pd.concat([frame, self.r.net_prices], ignore_index=True)
        pays = charts.viability(frame, measures=("probability", "npv") if risky else ("npv",), provenance=provenance_of(self.r.entry))
        needs = charts.incentive_prices(prices, floor=self.r.case.headline, provenance=provenance_of(self.r.entry))
        shown = {"incentive_price": 1e-3, "npv": 1e-3, "irr": 100.0} | ({"probability": 100.0} if risky else {})
        rows = [{"plant": p, "scenario": s, **{m: Range(*self._cell(frame, p, s, m, f)) for m, f in shown.items()}}
                for p, s in self.r.plants]
        units = {"price needed": "USD/kg", "NPV": "thousand USD per t/yr", "IRR": "%"}
        table = Table("Viability of representative plants", pd.DataFrame(rows).rename(columns={
            "incentive_price": "price needed", "npv": "NPV", "irr": "IRR", "probability": "chance that NPV > 0"}),
            units | ({"chance that NPV > 0": "%"} if risky else {}),
            "Over draws of prices and of plant costs; "
            + ("chance also over price paths (Ornstein-Uhlenbeck on the log price). " if risky else
               "no history of this market's prices was fitted, so price risk is left out. ")
            + "Several rates of return can exist; the one nearest the hurdle is shown.", name="viability")
        text = ("Plants are representative, their costs sourced or stated as assumptions with ranges; prices are those of the scenario "
                "with latent projects allowed. A plant in a country outside the floor faces the lower price outside.")
        alt = "Chance that NPV is positive, and NPV, by plant and scenario." if risky else "NPV by plant and scenario."
        return Section("Do plants pay?", [text, Chart(pays, "viability", alt),
                                          Chart(needs, "incentive_prices", "Price each plant needs and gets."), table])

    @staticmethod
    def _cell(frame: pd.DataFrame, project: str, scenario: str, measure: str, factor: float) -> list[float]:
        row = frame[(frame["project"] == project) & (frame["scenario"] == scenario) & (frame["measure"] == measure)]
        return [float(row[c].iloc[0]) * factor for c in ("q05", "q50", "q95")]

    def notes(self) -> list[str]:
        r = self.r
        errors = r.runs.identities()
        return [f"{r.runs.market.draws:,} draws, seed {r.runs.market.seed}; {100 * r.runs.share_converged:.4g} % solved without and "
                f"{100 * r.entry.share_converged:.4g} % with latent projects.",
                f"Money adds up: largest relative error {errors['world']:.1e} (world) and {errors['regional']:.1e} (regional budgets).",
                *[f"{name}: {note}" for name, run in r.runs.runs.items() for note in run.notes]]
