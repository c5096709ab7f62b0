"""The pages of published results beside ours: every number in them is read from the results or from the table of published ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.published_bans import cut_table, loss, spent, table
from experiments.published_projects import REFERENCES
from experiments.published_refining import ALONE, BORDER, GUARANTEE, SAME, SHELTER, STEPS, WAYS, YEARS
from experiments.published_results import Published, numbers
from experiments.words import number, quantiles, says, span
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.ratio_chart import Ratio, ratio_chart
from floormodel.report.style import Provenance
from floormodel.report.tables import Table

FAR = 2.0  # a factor from which a number counts as far off


class Pages:
    """Sections of one brief."""

    def __init__(self, p: Published):
        self.p, self.n = p, numbers(p)
        self.rows: dict[str, dict[str, Any]] = {str(i): dict(row) for i, row in self.n.iterrows()}
        self.draws = p.refining.market.draws

    def brief(self) -> Brief:
        return Brief("Published results beside ours",
                     "What other models, and the books of companies, say to questions that this model can be asked; ours for the same "
                     "question, by how much the two differ and why. Nothing is fitted.",
                     self.headlines(), self.answers(),
                     [self.whole(), self.refining(), self.bans(), self.nolans(), self.contract(), self.nickel(), self.others(),
                      self.limits()], self.notes())

    # numbers

    @property
    def alike(self) -> pd.DataFrame:
        """Published numbers of the same quantity as ours, each once, without those that ours cannot miss."""
        return self.n[self.n["same"] & self.n["counts"].eq("yes")]

    def once(self, rows: pd.DataFrame) -> pd.DataFrame:
        """One row per published number: second readings of it are left out."""
        return rows[~rows["counts"].isin(self.n.index)]

    def second(self, name: str) -> str:
        """Our numbers under other readings of a published one."""
        others = self.n.index[self.n["counts"] == name]
        return "; ".join(f"{self.rows[str(i)]['label']}: {self.text(str(i))}"
                         + (f", theirs {self.published(str(i))}" if self.rows[str(i)]["value"] != self.rows[name]["value"] else "")
                         for i in others)

    def far(self) -> pd.DataFrame:
        """Rows of the same quantity whose middle is beyond a factor of `FAR` from the published range."""
        off = self.alike["miss"]
        return self.alike[(off > FAR - 1) | (off < 1 / FAR - 1)]

    def text(self, name: str) -> str:
        """Our number with its range and unit."""
        row = self.rows[name]
        return f"{span(row['q05'], row['q50'], row['q95'], '')} {'times' if row['unit'] == 'ratio' else row['unit']}"

    def published(self, name: str) -> str:
        """The published number, without its unit."""
        return self.theirs(self.rows[name])

    @staticmethod
    def theirs(row: Mapping[str, Any]) -> str:
        """The published number: alone, with its range, or as a bound."""
        if not np.isfinite(row["high"]):
            return f"above {number(row['low'])}"
        if row["low"] == row["high"]:
            return number(row["value"])
        return f"{number(row['value'])} ({number(row['low'])} to {number(row['high'])})"

    # text

    def headlines(self) -> list[Headline]:
        alike = self.alike
        return [Headline(f"{int(alike['covered'].sum())} of {len(alike)}", "published numbers lie in our range",
                         "each once, those that measure the same quantity and that ours can miss"),
                Headline(f"{len(self.far())} of {len(alike)}", "are off by more than a factor of two", "our middle from their nearer end"),
                Headline(self.text("imf_floor_points"), "what a price guarantee costs the treasury over a grant", "for 15 points more"),
                Headline(self.text("usgs_ge_price"), "germanium, if China stops exports",
                         f"published: {self.published('usgs_ge_price')} %")]

    def answers(self) -> list[str]:
        r = self.p.refining
        start = 100 * r.way(GUARANTEE, ALONE).free["share"]
        joint, sheltered = r.saving(SAME, "points", True), r.saving(SHELTER, "points", False)
        border = r.way(BORDER, ALONE).gained()
        return [
            f"**A floor or a grant for refiners?** The IMF finds grants cheaper, and so do we: a guarantee costs "
            f"{self.text('imf_floor_points')} as much for 15 points more, {self.text('imf_floor_times')} for 2.5 times the share, because "
            f"it is paid on old tonnes too, which cannot come out otherwise here. "
            f"Its step is 10 to 25 %; ours starts at {span(*quantiles(start), '')} %, so both readings of "
            f"the step are run. Grants cost {self.text('imf_grant_points')} of a year's market for the one and "
            f"{self.text('imf_grant_times')} for the other; theirs {self.published('imf_grant_points')} %.",
            f"**Is it cheaper together?** Theirs falls to {self.published('imf_saving')} of the cost alone. Ours changes to "
            f"{span(*quantiles(joint), '')} of it if all pay the same grant, and to {span(*quantiles(sheltered), '')} if the four share a "
            f"border floor behind which the United States guarantee the price. A border floor of the United States alone adds "
            f"{span(*quantiles(border), '')} points at most.",
            f"**A Chinese ban on gallium and germanium?** Gallium rises by {self.text('usgs_ga_price')} (published: "
            f"{self.published('usgs_ga_price')} %), germanium by {self.text('usgs_ge_price')} (published: "
            f"{self.published('usgs_ge_price')} %). What users of the metal lose is {self.text('usgs_ga_gdp')} and "
            f"{self.text('usgs_ge_gdp')}; the published losses of GDP count what is not made from it.",
            f"**Companies' books?** Nolans earns {self.text('nolans_irr')} (published {self.published('nolans_irr')} %). The "
            f"contract of MP Materials pays {self.text('mp_2025_q4')} by our rule in the last quarter of 2025, against "
            f"{self.published('mp_2025_q4')} million, and {self.text('mp_2026_q1')} in the first of 2026, against "
            f"{self.published('mp_2026_q1')}.",
            f"**What misses most?** {'; '.join(self._worst())}. The reasons stand below each table."]

    def _worst(self) -> list[str]:
        """Labels of the rows that are far off, the furthest first."""
        far = self.far()
        order = far["miss"].map(lambda m: abs(np.log1p(m))).sort_values(ascending=False)
        return [str(self.rows[str(i)]["label"]) for i in order.index]

    # sections

    def whole(self) -> Section:
        rows = [Ratio(row["label"], tuple(row[["q05", "q50", "q95"]] / row["value"]),
                      (row["low"] / row["value"], row["high"] / row["value"]), bool(row["same"]))
                for _, row in self.once(self.n).iterrows()]
        figure = ratio_chart(rows, "Our number over the published one", "1: the same; whiskers: our range; grey: the published range",
                             self.provenance(), ["Rows with a square measure another quantity: metal users' money beside GDP."])
        return Section("All at a glance", [
            Chart(figure, "ratios", "Our numbers over the published ones, one row each, on a logarithmic axis.",
                  table=self.compared(self.n, "all"))])

    def compared(self, rows: pd.DataFrame, name: str) -> Table:
        """Ours beside theirs."""
        kept = self.once(rows)
        shown = [(str(i), self.rows[str(i)]) for i in kept.index]
        frame = pd.DataFrame([{
            "work": r["work"], "number": r["what"] + (f" ({r['remark']})" if r["remark"] else ""), "theirs": self.theirs(r),
            "ours": span(r["q05"], r["q50"], r["q95"], ""), "unit of both": r["unit"], "off by": _off(r["miss"], r["same"]),
            "theirs in our range": ("yes" if r["covered"] else "no") if r["same"] and r["counts"] == "yes" else
            "cannot fail" if r["same"] else "–", "other readings of ours": self.second(i)} for i, r in shown])
        sources = "; ".join(dict.fromkeys(rows["source"]))
        return Table(f"Ours beside theirs{'' if name == 'all' else ': ' + str(rows['work'].iloc[0])}", frame, {},
                     "Off by: our middle from the nearer end of theirs. Ours: middle and range.", sources, f"published-{name}")

    def reasons(self, rows: pd.DataFrame) -> Points:
        return Points([f"**{r['label']}.** {r['why']}" for _, r in rows.iterrows()])

    def pair(self, *prefixes: str) -> tuple[Table, Points]:
        rows = self.n[[str(i).startswith(prefixes) for i in self.n.index]]
        return self.compared(rows, prefixes[0].strip("_").replace("_", "-")), self.reasons(rows)

    def refining(self) -> Section:
        r = self.p.refining
        start, made = r.way(GUARANTEE, ALONE).free["share"], r.way(GUARANTEE, ALONE).free["output"]
        market = r.way(GUARANTEE, ALONE).free["market"]
        rows = []
        for step, words in STEPS.items():
            for what, who in WAYS:
                w = r.way(what, who)
                reached = np.isfinite(w.at(step, "level"))
                change = {k: 100 * (w.at(step, k) / w.free[k] - 1) for k in ("price", "leader_price", "buyer_price", "magnet_price")}
                paid = what == GUARANTEE
                rows.append({"step": words, "instrument": f"{what}, {who}", "draws that get there": 100 * float(reached.mean()),
                             "level": cell(w.at(step, "level"), 1e-3), "paid a year": cell(w.at(step, "outlay"), 1e-6) if paid else 0.0,
                             "as grants, of the capital": cell(r.capital(who, step), 100) if paid else np.nan,
                             "market price at the gate": cell(change["price"]), "price in China": cell(change["leader_price"]),
                             "oxide for users": cell(change["buyer_price"]), "magnets for users": cell(change["magnet_price"])})
        units = {"draws that get there": "%", "level": "USD/kg", "paid a year": "million USD", "as grants, of the capital": "%",
                 **dict.fromkeys(("market price at the gate", "price in China", "oxide for users", "magnets for users"), "%")}
        ways = Table("What takes the United States to the share, by instrument", pd.DataFrame(rows), units,
                     "Long run, latent projects open; each draw at its own level. Prices: change against no policy, in the United "
                     "States unless named. Payments are those of the United States.", name="refining-ways")
        v = r.variants.rename(columns={"start": "share at the start", "grant": "grants alone", "guarantee": "guarantee alone",
                                       "sheltered guarantee": "guarantee behind a common border"})
        variants = Table("The same under other assumptions", v, dict.fromkeys(v.columns[2:], "%"),
                         "Central values; cost to 2035 in % of a year's market of the United States.", name="refining-variants")
        text = ("**How the question is put.** Self-sufficiency is what the United States refine over what their users take, as oxide and "
                f"in magnets: {span(*quantiles(100 * start), '')} % of {says(made / start, 't/yr')}, worth {says(market, 'USD/yr')}; the "
                "abstract does not define it. The step of 10 to 25 % is run as 15 points more and as 2.5 times the share. A grant is paid "
                "once on new capacity and is worth what the guarantee pays per tonne: both bring the same tonnes to the market. "
                "The instrument capex_subsidy itself serves latent projects only, and the United States refine in the benchmark. A "
                f"guarantee is added up over {YEARS} years; both are discounted at the hurdle of the plant's owners, "
                "so that the grant is the "
                "present value of what the guarantee pays on new tonnes. At a treasury's own lower rate the guarantee costs more.")
        return Section("IMF 2026/072: refining rare earths in the United States", [text, *self.pair("imf_grant", "imf_joint", "imf_saving",
                       "imf_floor", "imf_border", "imf_money"), ways, variants])

    def bans(self) -> Section:
        run = {m: runs["to all, within a year"] for m, runs in self.p.bans.runs.items()}
        worth = "; ".join(f"{m} {number(spent(x) / 1e6)} million USD a year, of which users would lose {says(loss(x), 'USD/yr')}"
                          for m, x in run.items())
        detail = Table("China stops exports of gallium or germanium", table(self.p.bans), {
            "price in the United States": "%", "use there": "%", "price in China": "%", "users there lose": "million USD a year"},
            "Changes against no policy. The United States bought no germanium metal from China in the benchmark year, so a ban on them "
            "alone changes nothing; what they buy elsewhere may hold Chinese metal.", name="bans")
        fewer = Table("China exports a fifth of its rare-earth oxide and magnets", cut_table(self.p.bans), {
            "users lose": "million USD a year", "price of magnets": "%"},
            "Published: losses of GDP within a year, negligible ones at longer horizons.", name="cut")
        return Section("USGS 2024-1057 and IMF 2026/073: China stops exports", [
            f"What users in the United States spend: {worth}.", *self.pair("usgs_", "imf_cut"), detail, fewer])

    def nolans(self) -> Section:
        decks = Table("Nolans by price deck", self.p.projects.nolans, {
            "mean price": "USD/kg", "rate of return": "%", "net present value": "million USD", "pays at its own hurdle": "% of draws"},
            "Rate and value (at 8 %) at full output, with the range over what the study's summary does not tell: years of building and "
            "ramp-up, depreciation, renewals, working capital. Last column: over draws of the costs of the representative plant. "
            "Costs are in money of the year of each price.",
            name="nolans-decks")
        return Section("Nolans: a mine's rate of return", [*self.pair("nolans"), decks])

    def contract(self) -> Section:
        p = self.p.projects.payments
        frame = pd.DataFrame({
            "quarter": p["quarter"].str.upper().str.replace("_", " "), "settled on": p["scenario"].map(REFERENCES),
            "reported": p["reported"] / 1e6, "oxide made": p["made"], "oxide sold": p["sold"],
            "reported per kg made": p["reported_per_made"] / 1e3, "ours per kg": p["rate"] / 1e3, "ours on made": p["on_made"] / 1e6,
            "ours on sold": p["on_sold"] / 1e6, "tonnes that would explain it": p["tonnes_needed"]})
        million, kilo = "million USD", "USD"
        detail = Table("Payments to MP Materials by quarter", frame, {
            "reported": million, "oxide made": "t", "oxide sold": "t", "reported per kg made": kilo, "ours per kg": kilo,
            "ours on made": million, "ours on sold": million, "tonnes that would explain it": "t"},
            "Our payment per kg: the study mp_materials at prices of 2025, short run, on the quarter's tonnes.", name="mp-quarters")
        return Section("MP Materials: payments under the price contract", [*self.pair("mp_"), detail])

    def nickel(self) -> Section:
        return Section("Indonesia: nickel exports after the ban", [*self.pair("indonesia")])

    def others(self) -> Section:
        frame = self.p.others.rename(columns={"finds": "what it finds", "why_not": "why it is not compared"})
        return Section("Not compared", [Table("Published results that this model cannot be held against", frame.drop(columns="source"),
                                              source="; ".join(frame["source"]), name="not-compared")])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "Of the models, abstracts and press releases were read, not the reports: definitions and elasticities may differ in ways that "
            "are not named here.",
            "The reasons are the likeliest ones in our judgement; only where a table varies the assumption are they shown.",
            "Our ranges are over the figures of the model: elasticities, freight, latent projects, benchmark tonnes and prices. What the "
            "model leaves out is in none of them.",
            "The model is static here: grants, guarantees and bans are compared in one year's market, and learning, build times and stocks "
            "are left out."])])

    def provenance(self) -> Provenance:
        share = min([w.share_converged for w in self.p.refining.ways] + [c.share_converged for c in self.p.bans.runs.values()])
        m = self.p.refining.market
        return Provenance("rare_earths, gallium, germanium, nickel", m.year, self.draws, share)

    def notes(self) -> list[str]:
        return [f"{self.draws:,} draws; {100 * self.provenance().converged:.4g} % of solutions found. The study of Indonesia has the "
                "benchmark of 2019, and those of Indonesia and MP Materials run at central values.",
                "Published numbers with their sources: experiments/published_figures.csv; what is not compared: published_others.csv."]


def _off(miss: float, same: bool) -> str:
    if not same:
        return "another quantity"
    if abs(miss) < 0.01:
        return "less than 1 %" if miss else "inside"
    if abs(miss) >= 1:
        return f"{number(1 + miss)} times"
    return f"{'+' if miss > 0 else '−'}{number(abs(100 * miss))} %"
