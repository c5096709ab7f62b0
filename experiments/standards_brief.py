"""The pages of the standards brief: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.books import cell, frame_of, quantile_rows
from experiments.standards_results import FLOOR, PENALTIES, PENALTY, SAME_COST, SAME_SHARE, Results
from experiments.words import Reader, lower_first, number, quantiles, span, verdict
from floormodel.report import charts
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.marks import footer
from floormodel.report.style import Provenance, finish, look, new_figure, styled, value_axis
from floormodel.report.tables import Table

COST, SHARE = f"Standard, {SAME_COST}", f"Standard, {SAME_SHARE}"
PANELS = {"share": "Certified share of what the bloc buys", "premium": "Green premium per certified tonne", "cost": "Cost to the bloc",
          "consumers": "Final consumers, bloc", "treasury": "Treasury, bloc", "producers": "Producers, bloc",
          "outside": "Producers outside the bloc and the dominant supplier", "hhi": "Change of world HHI",
          "imports": "Change of HHI of the bloc's imports"}


@styled
def frontier_chart(frame: pd.DataFrame, start: float, good: str, provenance: Provenance) -> Figure:
    """Certified share over the bloc's cost: one line per instrument, one point per level, with ranges both ways."""
    figure, (ax,) = new_figure(3.6)
    names = list(dict.fromkeys(frame["instrument"]))
    for name in names:
        rows, drawn = frame[frame["instrument"] == name], look(names, name)
        x, y = (rows[[f"{k}_q05", f"{k}_q50", f"{k}_q95"]].to_numpy(float) * f for k, f in (("cost", 1e-6), ("share", 100.0)))
        ax.plot(x[:, 1], y[:, 1], color=drawn.colour, linestyle=drawn.line, linewidth=1.4)
        ax.errorbar(x[:, 1], y[:, 1], xerr=np.abs(x[:, [0, 2]] - x[:, [1]]).T, yerr=np.abs(y[:, [0, 2]] - y[:, [1]]).T, fmt=drawn.marker,
                    color=drawn.colour, markersize=4.5, linewidth=0.8, markerfacecolor="white")
    ax.axhline(100 * start, color="#555555", linewidth=0.9, linestyle=(0, (4, 2)))
    value_axis(ax, "y", "Certified, % of tonnes bought")
    value_axis(ax, "x", "Cost to the bloc, USD m/yr", zero=True)
    handles = [Line2D([], [], color=look(names, n).colour, marker=look(names, n).marker, linestyle=look(names, n).line,
                      markerfacecolor="white", label=n) for n in names]
    handles.append(Line2D([], [], color="#555555", linewidth=0.9, linestyle=(0, (4, 2)), label="No policy"))
    return finish(figure, f"What the bloc's money buys: certified {good_name(good)}",
                  "Each point is one level of an instrument: a higher floor or strike, a larger share; left of zero the bloc gains",
                  footer(provenance, "Points: median over draws; bars: 5 to 95 % of draws."), handles)


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Results):
        self.r, self.read = r, Reader(r.runs.indicators().frame)
        self.good, self.name = r.case.good, good_name(r.case.good)
        self.who = region_name(r.case.supplier)
        self.start = float(r.certified["No policy"].share[0])
        self.scales = r.scales.set_index("scenario")
        self.origins = self._origins()
        self.shown = [n for n in r.runs.runs if self.scales.loc[n, "reached"] or n == COST]

    def _origins(self) -> list[str]:
        """Origins by what they earn under the standard, largest first; those that earn less than 1 % of it are left out."""
        earned = np.median(self.r.certified[COST].earned, 0)
        return [self.r.market.regions[i] for i in np.argsort(-earned) if earned[i] > 0.01 * earned.sum()]

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"Price support or a standard: what happens to the sustainability of {self.name}?",
                     f"{r.market.title}. Floor of {number(r.case.headline / 1000)} USD/kg at the border of "
                     f"{', '.join(region_name(x) for x in r.bloc)}, a gap subsidy and a standards-based market with tradable "
                     f"certificates in the same countries. Benchmark {r.market.year}, long run. Certified shares, costs: assumptions.",
                     self.headlines(), self.answers(), [self.money(), self.earners(), self.flips(), self.assumptions(), self.limits()],
                     self.notes())

    # numbers

    def share(self, scenario: str) -> str:
        return span(*quantiles(self.r.certified[scenario].share), "share")

    def cost(self, scenario: str) -> str:
        return span(*quantiles(-self.r.books[scenario].money(self.r.bloc)), "USD/yr")

    def premium(self, scenario: str) -> str:
        return span(*quantiles(self.r.certified[scenario].premium), "USD/t")

    def earns(self, scenario: str, origin: str) -> np.ndarray:
        """Share of the premium that one origin earns."""
        c = self.r.certified[scenario]
        return c.earned[:, self.r.market.regions.index(origin)] / c.earned.sum(1)

    # text

    def headlines(self) -> list[Headline]:
        first = self.origins[0]
        return [Headline(self.share(FLOOR), "certified share under the floor", f"{number(100 * self.start)} % without policy"),
                Headline(self.share(COST), "certified share under the standard", self._same_cost_words()),
                Headline(self.premium(COST), "green premium there", "computed; no traded premium has been observed"),
                Headline(span(*quantiles(self.earns(COST, first)), "share"), f"of the premium is earned in {region_name(first)}")]

    def _same_cost_words(self) -> str:
        row = self.scales.loc[COST]
        return "at the same cost to the bloc" if row["reached"] else f"at most {number(-row['value'] / 1e6)} million USD a year"

    def answers(self) -> list[str]:
        r = self.r
        moved = 100 * (quantiles(r.certified[FLOOR].share)[1] - self.start)
        verdict_ = verdict(moved, 5, 25, ("Nothing: it lowers it.", "Hardly anything.", "A little, as a side effect.",
                                          "Much, as a side effect."))
        ratio = r.books[SHARE].money(r.bloc) / r.books[FLOOR].money(r.bloc)
        cheap = (f"To reach the floor's certified share a standard costs {self.cost(SHARE)} where the floor costs {self.cost(FLOOR)}"
                 + (f", {span(*quantiles(ratio), 'share')} of it" if quantiles(r.books[FLOOR].money(r.bloc))[2] < 0 else "") + ".")
        gap = f"Gap subsidy, {SAME_COST}"
        subsidy = (f" A gap subsidy of the same cost ({number(self.scales.loc[gap, 'scale'] / 1000)} USD/kg) gives {self.share(gap)}."
                   if gap in self.shown else "")
        top = max(float(r.ceiling), quantiles(r.certified[FLOOR].share)[1])
        return [f"**What does price support guarantee on sustainability?** {verdict_} The floor moves the certified share of what the bloc "
                f"buys from {number(100 * self.start)} % to {self.share(FLOOR)}, because buyers turn away from {self.who}; it certifies no "
                f"tonne that was not certified before, and no floor up to four times as high takes the share beyond {number(100 * top)} %."
                + subsidy,
                f"**And a standard?** {self._standard_sentence()} {cheap}",
                f"**Who earns the premium?** {self._earners_sentence()}",
                f"**Does it diversify supply?** World HHI of {self.name} changes by {self._hhi(FLOOR, 'hhi_high', 'world')} under the "
                f"floor and by {self._hhi(COST, 'hhi_high', 'world')} under the standard; {self.who}'s share of the bloc's supply by "
                f"{self._points(FLOOR)} and {self._points(COST)} percentage points, and the HHI of the bloc's imports by "
                f"{self._hhi(FLOOR, 'hhi_bloc_imports', 'bloc')} and {self._hhi(COST, 'hhi_bloc_imports', 'bloc')}.",
                f"**When does the answer flip?** {self.flip_sentence()}"]

    def _hhi(self, scenario: str, indicator: str, region: str) -> str:
        return self.read.text(scenario, indicator, self.good, region)

    def _points(self, scenario: str) -> str:
        return self.read.text(scenario, "dominant_share_of_bloc_supply", self.good, "bloc").removesuffix(" %")

    def _standard_sentence(self) -> str:
        row = self.scales.loc[COST]
        required = f"{number(100 * row['scale'])} % of tonnes to be certified"
        if row["reached"]:
            head = f"For the floor's cost it can require {required} and reaches {self.share(COST)}"
        elif -row["value"] < -row["target"]:
            head = (f"No standard costs the bloc as much as the floor: the dearest, with {required}, costs {self.cost(COST)} and reaches "
                    f"{self.share(COST)}")
        else:
            head = (f"No standard is as cheap as the floor: the cheapest, with {required}, costs {self.cost(COST)} and reaches "
                    f"{self.share(COST)}")
        return f"{head}, at a green premium of {self.premium(COST)} per certified tonne."

    def _earners_sentence(self) -> str:
        parts = [f"{region_name(o)} {span(*quantiles(self.earns(COST, o)), 'share')}" for o in self.origins[:4]]
        c = self.r.certified[COST]
        spent = c.spent.sum(1) / c.earned.sum(1)
        return (f"Of {span(*quantiles(c.earned.sum(1)), 'USD/yr')}: " + "; ".join(parts)
                + f". Certifying takes {span(*quantiles(spent), 'share')} of it; the rest is income of those who could certify cheaply "
                "or were certified already.")

    def flip_sentence(self) -> str:
        v = self.r.variants
        less = v[v["share"] <= v["floor_share"]]
        dear = v[(v["share"] > v["floor_share"]) & (v["cost"] > v["floor_cost"])]
        first = ("In none of the assumptions tried does the floor certify as much as the standard." if less.empty else
                 f"The floor certifies as much as the standard where: {self._list(less)}.")
        second = ("" if dear.empty else
                  f" The standard certifies more but costs the bloc more than the floor where: {self._list(dear, True)}.")
        return first + second + " Central values."

    def _list(self, rows: pd.DataFrame, cost: bool = False) -> str:
        return "; ".join(self._label(x["variant"]) + (f" ({number(x['cost'] / 1e6)} against {number(x['floor_cost'] / 1e6)} million USD a "
                                                      "year)" if cost else "") for _, x in rows.iterrows())

    def _label(self, text: str) -> str:
        return lower_first(text.replace(self.r.case.supplier, self.who))

    # sections

    def money(self) -> Section:
        r = self.r
        frontier = Chart(frontier_chart(r.frontier, self.start, self.good, provenance_of(r.runs)), "frontier",
                         "Certified share against the bloc's cost for floor, gap subsidy and standard.",
                         f"Levels run over {int(min(60, r.runs.market.draws))} draws.")
        rows: list[tuple] = []
        outsiders = [x for x in r.market.regions if x not in r.bloc and x != r.case.supplier]
        for name in self.shown:
            b, c = r.books[name], r.certified[name]
            values = {"share": ("share", c.share), "premium": ("USD/t", c.premium), "cost": ("USD/yr", -b.money(r.bloc)),
                      **{o: ("USD/yr", b.money(r.bloc, o)) for o in ("consumers", "treasury", "producers")},
                      "outside": ("USD/yr", b.money(outsiders, "producers")),
                      "hhi": ("0-1", self.read.draws(name, "hhi_high", self.good, "world")),
                      "imports": ("0-1", self.read.draws(name, "hhi_bloc_imports", self.good, "bloc"))}
            rows += quantile_rows(name, values)
        figure = charts.instruments(frame_of(rows), list(PANELS), labels=PANELS, title="Floor, gap subsidy and standard side by side",
                                    subtitle=f"Money is the change against no policy. \"{COST}\": {self._same_cost_words()}",
                                    indicators=("hhi_high", "welfare_treasury"), provenance=provenance_of(r.runs))
        text = ("A floor pays for a place, not for a practice: it raises the certified share only as far as buyers turn to origins where "
                "more happens to be certified. A standard puts a price on the certificate itself. Both push purchases away from "
                f"{self.who} where little can be certified there.")
        return Section("What the bloc's money buys", [text, frontier, Chart(figure, "instruments", "Nine outcomes by instrument."),
                                                      self._scale_table()])

    def _scale_table(self) -> Table:
        rows = []
        for name, s in self.scales.iterrows():
            unit = "USD/kg" if s["unit"] == "USD/t" else "% of tonnes"
            at = s["scale"] * (1e-3 if s["unit"] == "USD/t" else 100)
            rows.append({"instrument": name, "level": f"{number(at)} {unit}",
                         "target reached": "yes" if s["reached"] else "no, nearest shown",
                         "certified": cell(self.r.certified[str(name)].share, 100.0),
                         "premium": cell(self.r.certified[str(name)].premium, 1e-3),
                         "cost to the bloc": cell(-self.r.books[str(name)].money(self.r.bloc), 1e-6)})
        return Table("How each instrument was set", pd.DataFrame(rows), {"certified": "% of tonnes bought", "premium": "USD/kg",
                                                                          "cost to the bloc": "USD m/yr"},
                     "Levels found at central values, then run over all draws: in a single draw cost and share differ from the target.",
                     name="scales")

    def earners(self) -> Section:
        r, c = self.r, self.r.certified[COST]
        rows: list[tuple] = []
        for origin in self.origins:
            i = r.market.regions.index(origin)
            values = {"earned": ("USD/yr", c.earned[:, i]), "spent": ("USD/yr", c.spent[:, i]),
                      "standard": ("USD/yr", r.books[COST].money([origin], "producers")),
                      "floor": ("USD/yr", r.books[FLOOR].money([origin], "producers"))}
            rows += quantile_rows(region_name(origin), values)
        labels = {"earned": "Premium earned, standard", "spent": "Cost of certifying, standard",
                  "standard": "Producers, under the standard", "floor": "Producers, under the floor"}
        figure = charts.instruments(frame_of(rows), list(labels), labels=labels, columns=2, title="Who earns the green premium, by origin",
                                    subtitle=f"Standard: {self._same_cost_words()}; producers: change of their money in all stages",
                                    provenance=provenance_of(r.runs))
        text = ("Buyers pay the price of a credit on the share they must show; each certified tonne sold to them earns one. Origins "
                "without certificates meet that price as a charge. What producers gain or lose in all differs from the premium, because "
                "landed prices move.")
        return Section("Who earns the premium", [text, Chart(figure, "earners", "Premium, cost and producers' gains by origin."),
                                                 self._origin_table()])

    def _origin_table(self) -> Table:
        rows = []
        for origin in self.origins:
            i = self.r.market.regions.index(origin)
            cells: dict[str, object] = {"origin": region_name(origin)}
            for name in (FLOOR, COST):
                c, short = self.r.certified[name], "floor" if name == FLOOR else "standard"
                cells[f"sold to the bloc, {short}"] = cell(c.bought[:, i])
                cells[f"certified, {short}"] = cell(c.tonnes[:, i])
            rows.append(cells)
        frame = pd.DataFrame(rows)
        return Table("Tonnes by origin", frame, dict.fromkeys(list(frame.columns)[1:], "t/yr"), name="origins")

    def flips(self) -> Section:
        v = self.r.variants
        frame = pd.DataFrame({"assumption": [capitalised(self._label(x)) for x in v["variant"]], "certified, floor": 100 * v["floor_share"],
                              "certified, standard": 100 * v["share"], "premium": v["premium"] / 1e3, "cost, floor": v["floor_cost"] / 1e6,
                              "cost, standard": v["cost"] / 1e6, "HHI, floor": v["floor_hhi"], "HHI, standard": v["hhi"]})
        units = {"certified, floor": "%", "certified, standard": "%", "premium": "USD/kg", "cost, floor": "USD m/yr",
                 "cost, standard": "USD m/yr", "HHI, floor": "change, 0 to 1", "HHI, standard": "change, 0 to 1"}
        required = number(100 * float(self.scales.loc[COST, "scale"]))
        table = Table("Floor and standard under other assumptions", frame, units,
                      f"Central values; floor and required share ({required} %) as in the headline. Where the premium stands at the "
                      "penalty the share is missed and the treasury collects.", name="flips")
        return Section("When does the answer flip?", [self.flip_sentence(), table])

    def assumptions(self) -> Section:
        rows = self.r.rows
        frame = pd.DataFrame({
            "origin": [capitalised("all others" if x == "*" else region_name(x)) for x in rows["region"]],
            "quantity": rows["quantity"].map({"certified": "certified already", "potential": "can be certified",
                                              "cost": "mean cost of certifying a tonne more"}).to_list(),
            "value": [f"{number(100 * a)} ({number(100 * b)} to {number(100 * c)}) %"
                      for a, b, c in rows[["value", "low", "high"]].to_numpy()],
            "of": rows["unit"].str.removeprefix("share of ").to_list(), "reason": rows["note"].to_list()})
        text = ("No traded green premium has been observed: the London Metal Exchange declined a low-carbon nickel contract in March "
                "2024, its market not being big enough, and the roadmap of the G7 to standards-based markets of 17 June 2025 names no "
                "number. The premium here is what buyers must pay so that enough tonnes get certified. All figures of this table are "
                f"judgement; the penalty is {number(PENALTY)} times the benchmark price ({number(PENALTIES[0])} to "
                f"{number(PENALTIES[1])}, assumption).")
        return Section("What is assumed of the standard", [text, Table("Certified shares and costs, all assumptions", frame,
                                                                       name="assumptions")])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "What a certificate is worth for people and nature: a certified tonne is counted, not its harm avoided, and certificates are "
            "taken at their word. Audits that are bought or copied would make the standard look better than it is.",
            "Producers may cook two books: certified tonnes for the bloc, others for the rest of the world. The model lets them (each "
            "origin certifies the tonnes it sells to the bloc), so output that harms may simply go elsewhere.",
            "Uncertified tonnes are not shut out; they pay the price of a credit. Credits are traded inside each country, not across "
            "the bloc; one market for all would be cheaper.",
            "Ranges come from elasticities, freight and latent plants; the assumptions on certificates vary one at a time, not drawn.",
            "A standard and a floor can be combined; this page compares them one against the other."])])

    def notes(self) -> list[str]:
        r = self.r
        errors = r.runs.identities()
        return [f"{r.runs.market.draws:,} draws, seed {r.runs.market.seed}; {100 * r.runs.share_converged:.4g} % solved.",
                f"Money adds up: largest relative error {errors['world']:.1e} (world) and {errors['regional']:.1e} (regional budgets).",
                "London Metal Exchange: Fastmarkets, March 2024. G7: Critical Minerals Action Plan, 17 June 2025."]
