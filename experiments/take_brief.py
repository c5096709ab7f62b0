"""The pages of the brief on what producer countries take: every number in them is read from the results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.books import cell, frame_of, quantile_rows
from experiments.take_results import CLOSED, HIGHEST, INSIDE, OUTSIDE, OWN, Country, assumptions
from experiments.words import lower_first, number, quantiles, span
from floormodel.report import charts
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.tables import Table


class Pages:
    """Sections of one brief; the first country is the headline."""

    def __init__(self, countries: Sequence[Country]):
        self.countries, self.first = countries, countries[0]
        self.hidden = self.first.producer.hidden[1]

    @staticmethod
    def name(c: Country) -> str:
        """`DR Congo, cobalt`."""
        return f"{region_name(c.producer.region)}, {c.producer.market.replace('_', ' ')}"

    def brief(self) -> Brief:
        c = self.first
        return Brief("What producer countries take: closing the gap in royalties and taxes, or a floor of the buyers?",
                     f"Royalty and tax on profit of {'; '.join(self.name(x) for x in self.countries)}, where {number(100 * self.hidden)} % "
                     "of value and profit is not declared (assumption), beside a price floor of "
                     f"{', '.join(region_name(x) for x in c.bloc)}. Long run.",
                     self.headlines(), self.answers(), [self.gap(), self.beside(), self.flips(), self.assumptions(), self.limits()],
                     self.notes())

    # numbers

    @staticmethod
    def text(c: Country, scenario: str, what: str = "treasury") -> str:
        return span(*quantiles(c.gain(scenario, what)), "USD/yr")

    @staticmethod
    def at(c: Country, hidden: float, measure: str) -> tuple[float, float, float]:
        rows = c.hidden[(c.hidden["hidden"] == hidden) & (c.hidden["measure"] == measure)].iloc[0]
        return float(rows["q05"]), float(rows["q50"]), float(rows["q95"])

    def floors(self, c: Country) -> list[str]:
        return [n for n in (OUTSIDE, INSIDE, OWN) if n in c.runs.runs]

    # text

    def headlines(self) -> list[Headline]:
        c, who = self.first, region_name(self.first.producer.region)
        best = max(self.floors(c), key=lambda n: quantiles(c.gain(n))[1])
        return [Headline(self.text(c, CLOSED), f"closing the gap brings the treasury of {who}",
                         f"{number(100 * self.hidden)} % not declared"),
                Headline(span(*quantiles(c.output_change(CLOSED)), "share"), f"change of output of {good_name(c.producer.good)}"),
                Headline(self.text(c, best), "the best of three floors brings that treasury", lower_first(best)),
                Headline(self.text(c, best, "producers"), "and its producers", "all stages")]

    def answers(self) -> list[str]:
        return [f"**Does ensuring that companies pay what they owe matter?** {self._matters()}",
                f"**More than a floor of the buyers?** {self._floor()}", f"**Who pays for it?** {self._payers()}",
                f"**When does the answer flip?** {self.flip_sentence()}"]

    def _matters(self) -> str:
        parts = []
        for c in self.countries:
            before = self.at(c, self.hidden, "before")
            gain = self.at(c, self.hidden, "yield")
            parts.append(f"{self.name(c)}: {span(*gain, 'USD/yr')} on top of {span(*before, 'USD/yr')}, with output changing by "
                         f"{span(*quantiles(c.output_change(CLOSED)), 'share')}")
        c = self.first
        ten = self.at(c, 0.1, "yield")[1]
        return (f"If {number(100 * self.hidden)} % of value and profit is not declared, declaring it brings {'; '.join(parts)}. Each ten "
                f"points that are not declared cost the treasury of {region_name(c.producer.region)} about {number(ten / 1e6)} million USD "
                "a year: in this model the tax on profit moves no output and the royalty little.")

    def _floor(self) -> str:
        parts, beaten = [], []
        for c in self.countries:
            best = max(self.floors(c), key=lambda n: quantiles(c.gain(n))[1])
            more = quantiles(c.gain(CLOSED) - c.gain(best))
            beaten.append(more[0] > 0)
            parts.append(f"{self.name(c)}: {self.text(c, OUTSIDE)} if it stays outside, {self.text(c, INSIDE)} as a member, "
                         f"{self.text(c, OWN)} if the floor is on its own good")
        verdict = ("Yes, in every country." if all(beaten) else "In no country beyond doubt." if not any(beaten) else
                   "Yes, but for " + ", ".join(self.name(c) for c, b in zip(self.countries, beaten) if not b) + ".")
        return f"{verdict} The buyers' floor brings the treasuries: {'; '.join(parts)}. {self._levels()}"

    def _levels(self) -> str:
        unreachable = [c for c in self.countries if not c.level.found]
        reached = [c for c in self.countries if c.level.found]
        out = []
        if unreachable:
            out.append(f"No floor on {good_name(self.first.floored)} up to {HIGHEST:g} times the benchmark price does for its treasury, as "
                       "a member, what closing the gap does: " + "; ".join(
                           f"{self.name(c)}, at most {number(max(c.level.best, 0.0) / 1e6)} million USD a year" for c in unreachable) + ".")
        if reached:
            out.append("A floor does as much from: " + "; ".join(
                f"{self.name(c)} {number(c.level.scale / 1000)} USD/kg" for c in reached) + " (as a member).")
        return " ".join(out)

    def _payers(self) -> str:
        c = self.first
        who = region_name(c.producer.region)
        return (f"In {who}, closing the gap takes {span(*quantiles(-c.gain(CLOSED, 'producers')), 'USD/yr')} from producers and brings "
                f"the country in all {self.text(c, CLOSED, 'welfare')}: what is left comes from buyers, through a higher price. A floor "
                f"that it stays out of takes {span(*quantiles(-c.gain(OUTSIDE, 'producers')), 'USD/yr')} from its producers and brings "
                f"the country {self.text(c, OUTSIDE, 'welfare')}; as a member {self.text(c, INSIDE, 'welfare')}. Producers count as the "
                "country's; where they are foreign companies, closing the gap is worth the whole of the treasury's gain to it.")

    def flip_sentence(self) -> str:
        parts = []
        for c in self.countries:
            v = c.variants
            worse = v[v[[n for n in (OUTSIDE, INSIDE, OWN) if n in v]].max(axis=1) >= v[CLOSED]]
            if not worse.empty:
                parts.append(f"{self.name(c)}, where {'; '.join(lower_first(x) for x in worse['variant'])}")
        if not parts:
            return ("In none of the assumptions tried does a floor bring any of these treasuries as much as closing the gap, not even with "
                    f"{number(100 * self._least())} % not declared. Central values.")
        return f"A floor brings the treasury more than closing the gap in: {'; '.join(parts)}. Central values."

    def _least(self) -> float:
        """The smallest undeclared share among the variants."""
        return min(float(x.split(" ")[0]) for x in self.first.variants["variant"] if x.endswith("not declared")) / 100

    # sections

    def gap(self) -> Section:
        rows = []
        for c in self.countries:
            for measure, label in (("before", "as declared"), ("closed", "all declared")):
                part = c.hidden[c.hidden["measure"] == measure]
                rows += [(label, self.name(c), c.producer.good, "world", "USD/yr", x["q05"], x["q50"], x["q95"], x["hidden"])
                         for _, x in part.iterrows()]
        frame = pd.DataFrame(rows, columns=["scenario", "indicator", "good", "region", "unit", "q05", "q50", "q95", "level"])
        figure = charts.sweep(frame, list(dict.fromkeys(zip(frame["indicator"], frame["good"], frame["region"]))), level_factor=100.0,
                              level_label="Value and profit not declared, %", title="Royalty and tax on profit, by what is not declared",
                              subtitle="Take from the mined good, with the gap open and closed", mark=self.hidden)
        rows_ = []
        for c in self.countries:
            for hidden in dict.fromkeys(c.hidden["hidden"]):
                if hidden > 0:
                    before, gain, output = (self.at(c, hidden, m) for m in ("before", "yield", "output"))
                    rows_.append({"country": self.name(c), "not declared": f"{100 * hidden:.0f} %", "take": cell(np.array(before), 1e-6),
                                  "closing the gap brings": cell(np.array(gain), 1e-6), "output": cell(np.array(output), 100.0)})
        table = Table("What closing the gap yields", pd.DataFrame(rows_), {"take": "USD m/yr", "closing the gap brings": "USD m/yr",
                                                                           "output": "% change"}, name="gap")
        text = ("Benchmark prices and tonnes are what they are with the undeclared share in force: a mine that declares less faces a lower "
                "royalty. Declaring all raises it; output falls and the price rises. The tax on profit falls on rent alone.")
        return Section("What is not declared", [text, Chart(figure, "gap", "Take by share not declared, country by country."), table])

    def beside(self) -> Section:
        names = [CLOSED, *self.floors(self.first)]
        rows: list[tuple] = []
        labels = {}
        for k, c in enumerate(self.countries):
            for what, word in (("treasury", "treasury"), ("producers", "producers")):
                labels[f"{k}:{what}"] = f"{self.name(c)}: {word}"
        for name in names:
            rows += quantile_rows(name, {f"{k}:{w}": ("USD/yr", c.gain(name, w)) for k, c in enumerate(self.countries)
                                         for w in ("treasury", "producers")})
        figure = charts.instruments(frame_of(rows), list(labels), labels=labels, columns=2,
                                    title="Closing the gap beside a floor of the buyers",
                                    subtitle="Change against taxes as declared; producers of all stages; scales differ")
        cells = [{"country": self.name(c), "measure": n, "treasury": cell(c.gain(n), 1e-6), "producers": cell(c.gain(n, "producers"), 1e-6),
                  "revenue of mines": cell(c.gain(n, "revenue"), 1e-6), "country in all": cell(c.gain(n, "welfare"), 1e-6),
                  "mined output": cell(c.output_change(n), 100.0)} for c in self.countries for n in names]
        units = dict.fromkeys(["treasury", "producers", "revenue of mines", "country in all"], "USD m/yr") | {"mined output": "% change"}
        levels = "; ".join(f"{self.name(c)}: {number(c.floor / 1000)} USD/kg on {good_name(c.floored)}" for c in self.countries)
        text = (f"The floor: {levels}. It is levied on imports of the bloc. A miner outside meets it through the demand of refiners: those "
                "that sell to the bloc buy less ore. As a member its own shipments of the floored good go free, which helps only a country "
                "that has some; the floor on its own good stands as far above its price, and only ore sold to the bloc can gain by it.")
        return Section("Beside a floor of the buyers", [
            text, Chart(figure, "beside", "Treasury and producers by measure and country."),
            Table("Closing the gap and the floors", pd.DataFrame(cells), units, name="beside")])

    def flips(self) -> Section:
        names = (CLOSED, OUTSIDE, INSIDE, OWN)
        rows = [{"country": self.name(c), "assumption": x["variant"], **{lower_first(n): x[n] / 1e6 for n in names}}
                for c in self.countries for _, x in c.variants.iterrows()]
        frame = pd.DataFrame(rows)
        return Section("When does the answer flip?", [self.flip_sentence(), Table(
            "What the treasury gains under other assumptions", frame, dict.fromkeys(list(frame.columns)[2:], "USD m/yr"), "Central values.",
            name="flips")])

    def assumptions(self) -> Section:
        rows = []
        for c in self.countries:
            f = c.market.figures
            r = f[(f["variable"] == "royalty0") & (f["good"] == c.producer.good) & (f["region"] == c.producer.region)].iloc[0]
            span_ = f" ({number(100 * r['low'])} to {number(100 * r['high'])})" if pd.notna(r["low"]) and r["low"] < r["high"] else ""
            titles = dict(zip(c.market.sources["id"], c.market.sources["title"]))
            rows.append({"country": self.name(c), "figure": "royalty", "value": f"{number(100 * r['value'])}{span_} % of the price",
                         "source": titles.get(str(r["source"]), str(r["source"])), "note": str(r["note"])})
        for _, x in assumptions().iterrows():
            own = [c for c in self.countries if c.producer.region == x["region"]]
            wide = f" ({number(100 * x['low'])} to {number(100 * x['high'])})" if x["low"] < x["high"] else ""
            rows.append({"country": self.name(own[0]) if own else "all", "figure": str(x["quantity"]).replace("_", " "),
                         "value": f"{number(100 * x['value'])}{wide} % of {str(x['unit']).removeprefix('share of ')}",
                         "source": x["source"], "note": x["note"]})
        text = ("Royalties and taxes are the law's; how much of what is due is declared is not observed, and the estimates that exist "
                "read it from gaps between two countries' trade statistics, which have other causes too.")
        return Section("What is assumed", [text, Table("Rates and the undeclared share", pd.DataFrame(rows), name="rates")])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "How to close the gap, and what it costs: audits, labs and people are outside the model.",
            "The tax on profit is one on rent, the area above the supply curve: larger than accounting profit after interest and "
            "depreciation, and free of the choice of where to invest. Both make its yield an upper bound.",
            "Undeclared profit stays with producers here; shifted to a treasury abroad, part of it is another country's tax.",
            "Value added at home and policy space, the other parts of the claim, are the subject of the brief on export restrictions.",
            "A floor of the buyers may bring mines finance and certainty; what a year's equilibrium shows is prices and tonnes."])])

    def notes(self) -> list[str]:
        c = self.first
        errors = {k: max(x.runs.identities()[k] for x in self.countries) for k in ("world", "regional")}
        solved = min(x.runs.share_converged for x in self.countries)
        return [f"{c.market.draws:,} draws, seed {c.market.seed}; {100 * solved:.4g} % solved.",
                f"Money adds up: largest relative error {errors['world']:.1e} (world) and {errors['regional']:.1e} (regional budgets).",
                "Markets: " + "; ".join(dict.fromkeys(f"{capitalised(x.market.title)}, benchmark {x.market.year}" for x in self.countries))
                + f". {provenance_of(c.runs).line()}"]
