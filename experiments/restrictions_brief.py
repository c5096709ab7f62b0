"""The pages of the brief on export restrictions: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.books import cell, frame_of, quantile_rows
from experiments.restrictions_results import (
    BAN,
    CASES,
    CUT,
    DELAY,
    LESS,
    LICENCE,
    PROCESSING,
    QUOTA,
    SUBSIDY,
    TAX,
    Outcome,
    Results,
    exports,
)
from experiments.words import lower_first, number, quantiles, span
from floormodel.report import charts
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.style import finish, look, new_figure, styled, value_axis
from floormodel.report.tables import Table

PANELS = {"own": "The country in all", "treasury": "Its treasury", "rents": "Holders of its licences", "raw": "Its raw producers",
          "processors": "Its processors", "value_added": "Value added in processing there", "built": "Processing built there",
          "partners": "All other countries", "world": "World in all"}


@styled
def section_chart(frame: pd.DataFrame) -> Figure:
    """Own gain over export value by share in world exports of the raw good; one mark per country, one colour per market."""
    figure, (ax,) = new_figure(3.4)
    names = list(dict.fromkeys(frame["market"]))
    for name in names:
        rows, drawn = frame[frame["market"] == name], look(names, name)
        ax.plot(100 * rows["export_share"], 100 * rows["gain"], drawn.marker, color=drawn.colour, markersize=6, markerfacecolor="white")
        for _, row in rows[(rows["export_share"] >= 0.08) | (rows["gain"].abs() >= 0.03)].iterrows():
            ax.annotate(row["region"], (100 * row["export_share"], 100 * row["gain"]), (5, 3), textcoords="offset points", fontsize=7)
    value_axis(ax, "y", "Own gain, % of export value", zero=True)
    value_axis(ax, "x", "Share in world exports of the raw good, %")
    handles = [Line2D([], [], color=look(names, n).colour, marker=look(names, n).marker, linestyle="", markerfacecolor="white",
                      label=f"{capitalised(n.replace('_', ' '))}: {good_name(CASES[n].raw)}") for n in names]
    return finish(figure, f"What a cut of raw exports by {100 * CUT:.0f} % brings each exporter",
                  "A quota of each country alone, long run, central values; exporters without a name: exporters.csv", (), handles)


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Results):
        self.r, self.case, self.market = r, r.case, r.main.runs.market
        self.who, self.raw, self.product = region_name(r.case.who), good_name(r.case.raw), good_name(r.case.product)

    def brief(self) -> Brief:
        return Brief(f"Export restrictions on {self.raw} of {self.who}: what do they bring, and to whom?",
                     f"{self.market.title}. Eight measures, all but the ban set so that raw exports fall by {100 * CUT:.0f} % or, for the "
                     f"subsidy, that as much processing is built. Benchmark {self.market.year}; {self.r.main.setting.plants}.",
                     self.headlines(), self.answers(), [self.instruments(), self.time(), self.processing(), self.flips(), self.limits()],
                     self.notes())

    # numbers

    def text(self, o: Outcome, instrument: str, measure: str) -> str:
        unit, values = o.values[instrument][measure]
        return span(*quantiles(values), unit)

    @property
    def cutting(self) -> str:
        """The measure that stands for the cut: the processing requirement, or the quota where it cannot reach the cut."""
        return PROCESSING if PROCESSING in self.r.main.values else QUOTA

    def money_raised(self) -> np.ndarray:
        """Treasury and licence rents under the measure of the cut."""
        return self.r.main.of(self.cutting, "treasury") + self.r.main.of(self.cutting, "rents")

    @staticmethod
    def often(values: np.ndarray) -> str:
        known = values[np.isfinite(values)]
        return f"{100 * float(np.mean(known > 0)):.0f} % of draws"

    # text

    def headlines(self) -> list[Headline]:
        m = self.r.main
        return [Headline(self.text(m, self.cutting, "own"), f"{self.who}'s gain, {100 * CUT:.0f} % fewer raw exports", "permanent"),
                Headline(self.text(m, BAN, "own"), f"{self.who}'s gain from a ban", "permanent; below zero it loses"),
                Headline(self.text(self.r.year, self.cutting, "own"), "the same cut for one year", "short-run elasticities"),
                Headline(self.text(m, self.cutting, "built"), f"more {self.product} made there", "permanent, the cut")]

    def answers(self) -> list[str]:
        return [f"**Are bans blunt?** {self._blunt()}",
                f"**Are restrictions lucrative where subsidies cannot be afforded?** {self._subsidy()}",
                f"**Do they build processing?** {self._built()}", f"**May a time-bound measure serve?** {self._time()}",
                f"**Which instrument?** {self._which()}", f"**When does the answer flip?** {self.flip_sentence()}"]

    def _blunt(self) -> str:
        m, cutting = self.r.main, lower_first(self.cutting)
        ban, cut = quantiles(m.of(BAN, "own")), quantiles(m.of(self.cutting, "own"))
        verdict = ("Yes." if ban[1] < 0 < cut[1] else "Both lose." if ban[1] < 0 else
                   "Less than a smaller cut would." if ban[1] < cut[1] else "Here the ban brings more than the cut.")
        return (f"{verdict} A {cutting} that cuts raw exports by {100 * CUT:.0f} % brings {self.who} {self.text(m, self.cutting, 'own')} "
                f"(it gains in {self.often(m.of(self.cutting, 'own'))}) and costs the other countries "
                f"{span(*quantiles(-m.of(self.cutting, 'partners')), 'USD/yr')}. A ban brings it {self.text(m, BAN, 'own')} (it gains in "
                f"{self.often(m.of(BAN, 'own'))}) and costs them {span(*quantiles(-m.of(BAN, 'partners')), 'USD/yr')}; its raw producers "
                f"lose {span(*quantiles(-m.of(BAN, 'raw')), 'USD/yr')}.")

    def _subsidy(self) -> str:
        m, raised = self.r.main, self.money_raised()
        head = (f"The cut raises {span(*quantiles(raised), 'USD/yr')} for treasury and licence holders, at the expense of raw producers "
                f"({self.text(m, self.cutting, 'raw')}) and foreign buyers.")
        if SUBSIDY not in m.values:
            return head + " No subsidy to processors builds the same here: nothing can be built, or none is large enough."
        paid = -m.of(SUBSIDY, "treasury")
        verdict = "Yes." if quantiles(raised)[1] > 0 < quantiles(paid)[1] else "Not here."
        return (f"{verdict} {head} To build as much processing by a subsidy costs the treasury {span(*quantiles(paid), 'USD/yr')} and the "
                f"country in all {span(*quantiles(-m.of(SUBSIDY, 'own')), 'USD/yr')}; other countries have "
                f"{self.text(m, SUBSIDY, 'partners')} from it.")

    def _built(self) -> str:
        base = self.base_output()
        parts = []
        for o in (*self.r.others, self.r.main):
            cutting = self.cutting if self.cutting in o.values else QUOTA
            parts.append(f"{o.setting.plants}: {self.text(o, cutting, 'built')} by the cut, {self.text(o, BAN, 'built')} by a ban")
        added = self.text(self.r.main, self.cutting, "value_added")
        return (f"From {number(base)} t without policy: {'; '.join(parts)}. Value added in processing changes by {added} under the cut, "
                "part of it taken from raw producers.")

    def base_output(self) -> float:
        run = next(iter(self.r.main.runs.runs.values()))
        g, w = self.market.goods.index(self.case.product), self.market.regions.index(self.case.who)
        return float(np.median(run.base.state.output[:, g, w]))

    def _time(self) -> str:
        m, y = self.r.main, self.r.year
        cutting = self.cutting if self.cutting in y.values else QUOTA
        year, ever = y.of(cutting, "own"), m.of(self.cutting, "own")
        ban_year, ban_ever = quantiles(y.of(BAN, "own"))[1], quantiles(m.of(BAN, "own"))[1]
        ratio = (f", {number(quantiles(year)[1] / quantiles(ever)[1])} times what a permanent one brings a year"
                 if quantiles(ever)[1] > 0 else "")
        ban = (f"A ban brings {self.text(y, BAN, 'own')} if it lasts one year and {self.text(m, BAN, 'own')} if it stays"
               + (": in time it turns from gain to loss." if ban_year > 0 > ban_ever else "."))
        return (f"The same cut for one year brings {self.text(y, cutting, 'own')}{ratio}, because buyers cannot turn away yet; the other "
                f"countries pay {span(*quantiles(-y.of(cutting, 'partners')), 'USD/yr')}. {ban} {capitalised(self.product)} made "
                f"there changes by {self.text(y, cutting, 'built')} within the year and {self.text(m, self.cutting, 'built')} if it stays.")

    def _which(self) -> str:
        m = self.r.main
        order = sorted((n for n in m.values if n not in (BAN, SUBSIDY)), key=lambda n: -quantiles(m.of(n, "own"))[1])
        same = [n for n in (TAX, QUOTA, PROCESSING) if n in m.values]
        missed = [str(x["instrument"]) for _, x in m.scales.iterrows() if not x["reached"] and x["instrument"] != SUBSIDY]
        tail = f" {' and '.join(missed)} cannot cut exports by as much." if missed else ""
        lost = (f" Licences waste what waiting costs ({100 * DELAY:.0f} % of the price)." if LICENCE in m.values else "")
        return (f"At central values {', '.join(lower_first(n) for n in same)} are the same to the country; they differ in who holds the "
                "money: treasury, licence holders, or whoever is given licences. Over draws, by what the country has in all: "
                + "; ".join(f"{lower_first(n)} {self.text(m, n, 'own')}" for n in order) + f".{lost}{tail}")

    def flip_sentence(self) -> str:
        v = self.r.variants
        parts = []
        for name, words in ((f"{self._variant_name()}: own", "the cut"), (f"{BAN}: own", "a ban")):
            first = v[name].iloc[0] > 0
            other = v[(v[name] > 0) != first]
            does = "gains from" if first else "loses from"
            parts.append(f"At central values {self.who} {does} {words}" + (
                ", and none of the other assumptions tried changes that." if other.empty else
                f"; it {'loses' if first else 'gains'} where: {'; '.join(lower_first(x) for x in other['variant'])}."))
        s = self.r.section
        losers = s[s["gain"] <= 0]
        best = s.loc[s["gain"].idxmax()]
        country = (f" Across {len(s)} exporters of three markets the same cut brings most to {self._exporter(best)}: "
                   f"{100 * best['gain']:.0f} % of export value, {100 * best['export_share']:.0f} % of world exports")
        lost = (f"; it loses money for {', '.join(self._exporter(x) for _, x in losers.iterrows())}, with at most "
                f"{100 * losers['export_share'].max():.0f} % of world exports." if len(losers) else "; none loses.")
        return " ".join(parts) + country + lost

    @staticmethod
    def _exporter(row: pd.Series) -> str:
        """`DR Congo (cobalt)`."""
        return f"{region_name(row['region'])} ({row['market'].replace('_', ' ')})"

    def _variant_name(self) -> str:
        return PROCESSING if f"{PROCESSING}: own" in self.r.variants else QUOTA

    # sections

    def instruments(self) -> Section:
        m = self.r.main
        rows: list[tuple] = []
        for name, values in m.values.items():
            rows += quantile_rows(name, {k: values[k] for k in PANELS})
        figure = charts.instruments(frame_of(rows), list(PANELS), labels=PANELS, provenance=provenance_of(m.runs),
                                    title=f"Eight measures of {self.who} on {self.raw}",
                                    subtitle=f"Change against no policy, permanent; {m.setting.plants}")
        table = pd.DataFrame([{"instrument": x["instrument"], "level": self._level(x), "set": "yes" if x["reached"] else "no",
                               "raw exports": cell(m.of(x["instrument"], "cut"), 100.0) if x["instrument"] in m.values else "–",
                               "the country in all": cell(m.of(x["instrument"], "own"), 1e-6) if x["instrument"] in m.values else "–",
                               "other countries": cell(m.of(x["instrument"], "partners"), 1e-6) if x["instrument"] in m.values else "–"}
                              for _, x in m.scales.iterrows()])
        losers, winners = ([lower_first(n) for n in m.values if (quantiles(m.of(n, "raw"))[1] < 0) == lose] for lose in (True, False))
        text = (f"Producers of {self.raw} lose under: {', '.join(losers)}" + (f"; not under: {', '.join(winners)}" if winners else "")
                + f". The escalating tax puts {number(100 * LESS)} % of its rate on {self.product}: where the country also leads in that "
                "good it is a tax on both.")
        return Section("The measures side by side", [text, Chart(figure, "measures", "Nine outcomes by measure."), Table(
            "Levels of the measures", table, {"raw exports": "% change", "the country in all": "USD m/yr", "other countries": "USD m/yr"},
            "Levels found at central values, then run over draws. Not set: the level that comes nearest misses the cut.", name="levels")])

    @staticmethod
    def _level(row: pd.Series) -> str:
        if row["unit"] == "t/yr":
            return f"{number(row['scale'])} t a year"
        return f"{number(row['scale'] / 1000)} USD/kg" if row["unit"] == "USD/t" else f"{number(100 * row['scale'])} % {row['unit']}"

    def time(self) -> Section:
        frame = self.r.sweep
        names = {"own": "The country in all", "partners": "All other countries"}
        figure = charts.sweep(frame.assign(indicator=frame["indicator"].map(names)), [(n, self.case.raw, "world") for n in names.values()],
                              level_factor=100.0, level_label="Raw exports withheld, %", provenance=provenance_of(self.r.main.runs),
                              title=f"What withholding {self.raw} brings, for a year and for good",
                              subtitle="Export quota; change against no policy")
        best = {n: self._best(n) for n in dict.fromkeys(frame["scenario"])}
        text = ("Largest own gain among the cuts tried: " + "; ".join(f"{n}, {100 * c:.0f} % withheld, {t}" for n, (c, t) in best.items())
                + ". A cut with short-run elasticities stands for a measure of one year that nobody prepared for; one with long-run "
                "elasticities for a measure that stays, each year after everybody has adjusted. What the years between bring, and what the "
                "first year does to the later ones, a model of one year does not say.")
        rows = [{"measure": n, "one year": cell(self.r.year.of(n, "own"), 1e-6), "permanent": cell(self.r.main.of(n, "own"), 1e-6),
                 "others, one year": cell(self.r.year.of(n, "partners"), 1e-6),
                 "others, permanent": cell(self.r.main.of(n, "partners"), 1e-6)} for n in self.r.main.values if n in self.r.year.values]
        units = dict.fromkeys(list(rows[0])[1:], "USD m/yr")
        table = Table("The same cut for one year and for good", pd.DataFrame(rows), units, name="time")
        return Section("For a year or for good", [
            text, Chart(figure, "cuts", "Own gain and others' loss by cut, for a year and permanent."), table])

    def _best(self, scenario: str) -> tuple[float, str]:
        rows = self.r.sweep[(self.r.sweep["scenario"] == scenario) & (self.r.sweep["indicator"] == "own")]
        row = rows.loc[rows["q50"].idxmax()]
        return float(row["level"]), span(row["q05"], row["q50"], row["q95"], "USD/yr")

    def processing(self) -> Section:
        rows = []
        for o in (*self.r.others, self.r.main):
            for name in (PROCESSING, BAN):
                if name in o.values:
                    rows.append({"plants": o.setting.plants, "measure": name, "processing built": cell(o.of(name, "built")),
                                 "value added": cell(o.of(name, "value_added"), 1e-6), "country in all": cell(o.of(name, "own"), 1e-6),
                                 "other countries": cell(o.of(name, "partners"), 1e-6)})
        units = {"processing built": "t/yr", "value added": "USD m/yr", "country in all": "USD m/yr", "other countries": "USD m/yr"}
        text = ("A restriction makes inputs cheap at home; whether that makes processing depends on plants. Where they cannot grow, the "
                "cheap input is a gift to those that exist, or the raw good is left unsold.")
        if self.case.projects:
            text += (f" The plant that may be built is an assumption: once allowed it makes {number(self.base_output())} t without any "
                     "policy, though none ran in the benchmark year.")
        table = Table("Processing requirement and ban, permanent", pd.DataFrame(rows), units, name="processing")
        return Section("Processing, by what plants can do", [text, table])

    def flips(self) -> Section:
        v = self.r.variants
        money = [c for c in v if c.endswith(": own")]
        frame = v.assign(**{c: v[c] / 1e6 for c in money})
        units = {c: "USD m/yr" if c in money else "t/yr" for c in frame.columns[1:]}
        elsewhere = self.r.abroad
        wide = (100 * elsewhere.pivot(index="instrument", columns="country", values="own")).astype(object)
        rows = [{"measure": n, **{c: wide.loc[n, c] if pd.notna(wide.loc[n, c]) else "–" for c in dict.fromkeys(elsewhere["country"])}}
                for n in dict.fromkeys(elsewhere["instrument"])]
        other = Table("The same measures in other countries", pd.DataFrame(rows), dict.fromkeys(list(rows[0])[1:], "% of export value"),
                      "What the country gains in all, over the value of its raw exports; central values, long run.", name="elsewhere")
        return Section("When does the answer flip?", [
            self.flip_sentence(), Table("Other assumptions", frame, units, "Central values, long run unless named.", name="flips"),
            Chart(section_chart(self.r.section), "exporters", "Own gain of the same cut by each exporter over its share."), other])

    def limits(self) -> Section:
        far = {n: float(run.dataset["outside_calibrated_range"].mean()) for o in (self.r.main, self.r.year)
               for n, run in ((f"{lower_first(k)}, {o.setting.label.split(', ')[-1]}", r) for k, r in o.runs.runs.items())}
        worst = [f"{n} ({100 * s:.0f} % of draws)" for n, s in far.items() if s > 0.05]
        return Section("What this cannot say", [Points([
            "The country gains because it has a share of the market to use, as in the textbook's optimum tariff; buyers who answer, by "
            "tariffs or by paying for mines elsewhere for good, are not in it.",
            "One year at a time: no announcement, no stocks, no construction. Measures that are to last a few years and then end cannot be "
            "followed; the year and the permanent state bracket them.",
            "Plants cost what the supply curve says. Jobs, skills and learning, for which most countries restrict, are not counted; nor is "
            "pollution.",
            "Smuggling and mislabelling are left out; a rule half kept is a smaller cut.",
            "A rent goes to the licence holder, taken as resident; with foreign mining companies part of it leaves the country.",
            *([self.case.seen] if self.case.seen else []),
            *([f"Prices leave the range in which elasticities were read: {'; '.join(worst)}."] if worst else [])])])

    def notes(self) -> list[str]:
        r = self.r
        done = (r.main, r.year, *r.others)
        errors = {k: max(o.runs.identities()[k] for o in done) for k in ("world", "regional")}
        value = float(np.median(exports(next(iter(r.main.runs.runs.values())).base, self.case.raw, self.case.who)))
        unsolved = [f"{lower_first(n)}, {o.setting.label.split(', ')[-1]}: {100 * float(run.converged.mean()):.4g} %"
                    for o in done for n, run in o.runs.runs.items() if not run.converged.all()]
        solved = f"All solved but {'; '.join(unsolved)}; draws not solved are left out." if unsolved else "All solved."
        return [f"{self.market.draws:,} draws, {r.year.runs.market.draws:,} for the year and the cuts, seed {self.market.seed}. {solved} "
                f"{self.who} exports {number(value)} t of {self.raw} without policy.",
                f"Money adds up: largest relative error {errors['world']:.1e} (world) and {errors['regional']:.1e} (regional budgets).",
                f"The cut of {100 * CUT:.0f} % is an assumption: China cut its quota of rare earths by 40 % in 2010, DR Congo its exports "
                "of cobalt by about half in 2026; larger cuts are in the chart by cut."]
