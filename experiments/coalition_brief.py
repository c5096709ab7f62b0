"""The pages of the coalition brief: every number in them is read from the results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.coalition_results import REACH, REVENUE, WELFARE, Results
from experiments.words import lower_first, number, quantiles, span
from floormodel.report import charts
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import good_name, region_name
from floormodel.report.tables import Range, Table

COUNTS = {REVENUE: "export revenue", WELFARE: "welfare"}
PLACES = {"interior": "", "lower edge": "no levy pays", "upper edge": "the gain still rises at the end of the grid", "": "not found"}


def money(values: np.ndarray) -> str:
    """Median and range in readers' units."""
    return span(*quantiles(values), "USD/yr")


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Results):
        self.r, self.case = r, r.case
        self.name = good_name(r.case.good) if r.case.good not in ("mined", "refined") else f"{r.market.name} {good_name(r.case.good)}"
        self.members = r.case.groups[r.case.headline]
        self.main = next((p for p in (REVENUE, WELFARE) if self.of(p).found.level > 0), REVENUE)
        self.price = r.case.highest / REACH
        stay = {m: float(np.nanmean(self.of(self.main).gain_of_staying(m))) for m in self.members}
        self.weak = min(stay, key=lambda m: stay[m])  # who has least reason to stay

    def of(self, payoff: str, group: str | None = None) -> fm.Coalition:
        return self.r.found[payoff][group or self.case.headline]

    def brief(self) -> Brief:
        r = self.r
        delivered = [self.discipline()] if self.of(self.main).found.level > 0 else []
        sections = [self.levels(), self.holding(), *delivered, self.rule(), self.flips(), self.limits()]
        return Brief(f"Joint export levies on {self.name}: do producers gain by acting together, and does it hold?",
                     f"{r.market.title}. One specific levy on exports to all who do not take part, chosen to raise the members' joint "
                     f"export revenue (or welfare). Benchmark {r.market.year}, long-run elasticities.",
                     self.headlines(), self.answers(), sections, self.notes())

    # text

    def headlines(self) -> list[Headline]:
        c, counted = self.of(self.main), COUNTS[self.main]
        last = self.weak
        per_kg = f"{number(c.found.level / 1000)} USD/kg"
        return [Headline(per_kg, f"best levy of {self.case.headline}, for their {counted}",
                         PLACES[c.found.place] or f"price without it {number(self.price / 1000)} USD/kg"),
                Headline(money(c.joint_gain), f"what they gain together, {counted}"),
                Headline(money(c.gain(last)), f"of that {region_name(last)}"),
                Headline(money(c.gain_of_staying(last)), f"what {region_name(last)} has from staying in",
                         "negative: it gains more outside")]

    def answers(self) -> list[str]:
        out = [f"**Does collective action raise leverage?** {self._verdict()} {self._levels_text(REVENUE)} {self._together()}",
               f"**And if welfare is what counts?** {self._levels_text(WELFARE)}",
               f"**Does the agreement hold?** Counted in {COUNTS[self.main]}: {self._holds(self.main)} {self._trust()}"]
        if self.of(self.main).found.level > 0:
            out.append(f"**How much discipline does it need?** {self._delivered()}")
        return [*out, f"**Who pays?** {self._payers()}", f"**When does the answer flip?** {self.flip_sentence()}"]

    def _verdict(self) -> str:
        c = self.of(REVENUE)
        if c.found.level == 0:
            return (f"Not that of {self._inside(self.case.headline)}: any levy lowers what they earn abroad, because buyers have others to "
                    "turn to.")
        return f"It does in {100 * float(np.nanmean(c.joint_gain > 0)):.0f} % of draws, at the levy that is best on average."

    def _levels_text(self, payoff: str) -> str:
        parts = []
        for group, c in self.r.found[payoff].items():
            if c.found.place == "lower edge":
                parts.append(f"{group}: no levy pays")
            else:
                edge = f", {PLACES[c.found.place]}" if PLACES[c.found.place] else ""
                parts.append(f"{group}: {number(c.found.level / 1000)} USD/kg{edge}, joint gain in {COUNTS[payoff]} {money(c.joint_gain)}")
        return "; ".join(parts) + "."

    def _together(self) -> str:
        """What the headline group gains over what its members have while the first of them acts alone."""
        single = {g: float(np.nanmean(x.joint_gain)) for g, x in self.r.found[REVENUE].items() if g != self.case.trust}
        best = max(single, key=lambda g: single[g])
        if best != self.case.headline and single[best] > 0:
            return f"One levy for unlike members brings {self._inside(self.case.headline)} less than {best} has."
        first = next(iter(self.case.groups))
        alone = self.r.found[REVENUE][first]
        if not set(alone.members) < set(self.members) or self.of(REVENUE).found.level == 0:
            return ""
        before = np.sum([alone.gain(m) for m in self.members], axis=0)
        return (f"Since others profit while {first.removesuffix(' alone')} acts alone, joining forces adds "
                f"{money(self.of(REVENUE).joint_gain - before)} to what the members have then.")

    def _holds(self, payoff: str) -> str:
        c = self.of(payoff)
        if c.found.level == 0:
            return "there is nothing to hold: no levy pays."
        stay = {m: c.gain_of_staying(m) for m in self.members}
        leavers = [m for m, v in stay.items() if np.nanmean(v) < -float(c.tolerance.mean())]
        if not leavers:
            return f"yes, each member of {self.case.headline} has more inside, the rest choosing their levy anew if it leaves."
        words = "; ".join(f"{region_name(m)} has {money(-stay[m])} more outside (in {100 * np.nanmean(stay[m] < 0):.0f} % of draws)"
                          for m in leavers)
        others = [m for m in self.members if m not in leavers]
        need, room = -sum(np.nanmean(stay[m]) for m in leavers), sum(np.nanmean(stay[m]) for m in others)
        pay = (f"On average {number(need / 1e6)} million USD a year would keep them; the others have {number(room / 1e6)} million from "
               "their own staying." if others else "Nobody is left to pay them.")
        return f"not by itself. {words}, while the rest choose their levy anew. {pay}"

    def _trust(self) -> str:
        c = self.of(self.main, self.case.trust)
        if c.found.level == 0:
            return "A trust of all exporters finds no levy that pays either."
        out = [region_name(m) for m in c.leaving if np.nanmean(c.gain_of_staying(m)) < -float(c.tolerance.mean())]
        end = f"{', '.join(out)} would still be better off outside" if out else "nobody would leave"
        return (f"A trust that sets the levy for {', '.join(region_name(m) for m in c.members)} and pays the joint gain "
                f"({money(c.joint_gain)}) out by exports: {end}.")

    def _delivered(self) -> str:
        found, last = self.r.cheating[self.main], self.members[-1]
        at = [self.r.market.regions.index(m) for m in self.members]
        full, none = (found.payoffs[found.options.index(x)][:, at].sum(1) for x in ("100 %", "0 %"))
        return (f"While the others hold the levy, {region_name(last)} does best by applying {found.best} of it. If it applies none, the "
                f"members together have {money(none)} instead of {money(full)}, and {region_name(last)} "
                f"{money(found.own[found.options.index('0 %')])} instead of {money(found.own[found.options.index('100 %')])}.")

    def _payers(self) -> str:
        frame = self.r.runs.accounts()
        group = self.case.headline if self.case.headline in self.r.runs.runs else next(iter(self.r.runs.runs))
        if not self.r.runs[group].policies:
            return "Nobody: no levy is charged."
        rows = frame[frame["scenario"] == group]
        outside = rows[~rows["region"].isin(self.case.groups[group])]
        worst = outside.groupby("region")["value"].sum().nsmallest(3).index
        draws = range(self.r.runs.market.draws)

        def total(rows: pd.DataFrame) -> np.ndarray:
            return rows.groupby("draw")["value"].sum().reindex(draws, fill_value=0.0).to_numpy()

        parts = [f"{region_name(x)} {money(total(outside[outside['region'] == x]))}" for x in worst]
        consumers = money(total(outside[outside["owner"] == "consumers"]))
        return (f"Under the levy of {self._inside(group)} (for export revenue), those outside have {money(total(outside))} in all, their "
                f"final consumers {consumers}; most for {'; '.join(parts)}.")

    @staticmethod
    def _inside(group: str) -> str:
        """A group's name in the middle of a sentence."""
        return f"the {lower_first(group)}" if group.startswith(("Trust", "Exporters")) else group

    def flip_sentence(self) -> str:
        v = self.r.variants
        first, last = v.iloc[0], self.weak
        turned = []
        for _, row in v.iloc[1:].iterrows():
            what = []
            if row["place"] != first["place"]:
                what.append(PLACES[row["place"]] or f"a levy of {number(row['level'] / 1000)} USD/kg pays")
            if row["level"] > 0 and first["level"] > 0 and (row[last] < 0) != (first[last] < 0):
                what.append(f"{region_name(last)} has {'less' if row[last] < 0 else 'more'} inside than outside")
            if what:
                turned.append(f"{lower_first(row['variant'])} ({', '.join(what)})")
        return f"At central values it changes where {'; '.join(turned)}." if turned else "None of the other assumptions tried changes it."

    # sections

    def _gains(self, group: str, regions: Sequence[str]) -> np.ndarray:
        """Gain over no levy on the whole grid (N, B), regions added up."""
        found = self.of(self.main, group).found
        at = [self.r.market.regions.index(x) for x in regions]
        return (found.table - found.table[0])[..., at].sum(-1)

    def levels(self) -> Section:
        rows = []
        shown = list(self.members[:3])
        what = f"gain in {COUNTS[self.main]}"
        for group in self.case.groups:
            levels = self.of(self.main, group).found.levels
            for label, regions in ((self.case.headline, self.members), *((m, (m,)) for m in shown)):
                for level, values in zip(levels, self._gains(group, regions)):
                    rows.append((group, what, self.case.good, label, "USD/yr", *quantiles(values), level))
        frame = pd.DataFrame(rows, columns=["scenario", "indicator", "good", "region", "unit", "q05", "q50", "q95", "level"])
        panels = [(what, self.case.good, x) for x in (self.case.headline, *shown)]
        figure = charts.sweep(frame, panels, level_label="Levy, USD/kg", provenance=provenance_of(self.r.runs),
                              title=f"What a levy on exports of {self.name} brings, by who takes part",
                              subtitle=f"Change of {COUNTS[self.main]} against no levy. Lines: who levies; panels: whose gain")
        text = ("Left to right the levy rises. Where a country's line under another group lies above that of its own group, the country "
                "has more as a bystander than as a member, at that levy.")
        alt = "Gain by level of the levy, for the group and for single members, one line per group that levies."
        return Section("What a levy brings", [text, Chart(figure, "levels", alt), self._group_table()])

    def _group_table(self) -> Table:
        rows = []
        for payoff, groups in self.r.found.items():
            for group, c in groups.items():
                low, middle, high = quantiles(c.found.level_by_draw)
                rows.append({"what counts": COUNTS[payoff], "who levies": group, "optimum": c.found.place,
                             "best levy": c.found.level / 1000, "best by draw": Range(low / 1000, middle / 1000, high / 1000),
                             "joint gain": self._cell(c.joint_gain),
                             "gain of those outside": self._cell(self._outside(c))})
        return Table("Best levies and joint gains", pd.DataFrame(rows),
                     {"best levy": "USD/kg", "best by draw": "USD/kg", "joint gain": "USD m/yr", "gain of those outside": "USD m/yr"},
                     f"Best levy: for the mean over draws. Grid from 0 to {number(self.case.highest / 1000)} USD/kg; at the upper edge the "
                     f"optimum lies beyond. The trust is searched on {self.of(self.main, self.case.trust).found.joint.shape[1]:,} draws.",
                     name="groups")

    def _outside(self, c: fm.Coalition) -> np.ndarray:
        return np.sum([c.gain(x) for x in self.r.market.regions if x not in c.members], axis=0)

    @staticmethod
    def _cell(values: np.ndarray) -> Range:
        low, middle, high = quantiles(values)
        return Range(low / 1e6, middle / 1e6, high / 1e6)

    def holding(self) -> Section:
        c = self.of(self.main)
        measures = {"joint": "Members together", **{m: region_name(m) for m in self.members}, "outside": "All others"}
        states = {f"{self.case.headline}: agreed": c.found.payoffs}
        states |= {f"{region_name(m)} leaves, the rest levy {number(left.level / 1000)} USD/kg": left.payoffs
                   for m, left in c.leaving.items()}
        rows = []
        for state, payoffs in states.items():
            gain = payoffs - c.found.start
            at = {m: self.r.market.regions.index(m) for m in self.members}
            values = {"joint": gain[:, list(at.values())].sum(1), **{m: gain[:, k] for m, k in at.items()}}
            values["outside"] = gain.sum(1) - values["joint"]
            rows += [(state, m, "USD/yr", *quantiles(v)) for m, v in values.items()]
        frame = pd.DataFrame(rows, columns=["instrument", "measure", "unit", "q05", "q50", "q95"])
        figure = charts.instruments(frame, list(measures), labels=measures, title=f"{self.case.headline}: who gains if one leaves",
                                    subtitle=f"Change of {COUNTS[self.main]} against no levy", provenance=provenance_of(self.r.runs))
        alt = "Gain of members and others under the agreement and when one member leaves."
        text = "A member that leaves levies nothing; the rest choose the levy that is best for them then."
        return Section("Does it hold?", [text, Chart(figure, "leaving", alt), self._trust_table()])

    def _trust_table(self) -> Table:
        rows = []
        for payoff in self.r.found:
            c = self.of(payoff, self.case.trust)
            assert c.weights is not None
            for m in c.members:
                own = c.found.payoffs[:, self.r.market.regions.index(m)] - c.found.start[:, self.r.market.regions.index(m)]
                rows.append({"what counts": COUNTS[payoff], "member": region_name(m), "share of exports": 100 * c.weights[m],
                             "gain if each keeps its own": self._cell(own), "gain as paid out": self._cell(c.gain(m)),
                             "gain of staying": self._cell(c.gain_of_staying(m))})
        units = {"share of exports": "%"} | {c: "USD m/yr" for c in ("gain if each keeps its own", "gain as paid out", "gain of staying")}
        return Table("A trust of all exporters", pd.DataFrame(rows), units,
                     "A neutral manager sets one levy for all and pays the joint gain out by benchmark exports. Gain of staying: less what "
                     "the member has outside while the others choose their levy anew.", name="trust")

    def discipline(self) -> Section:
        found, last = self.r.cheating[self.main], self.members[-1]
        rows = []
        for payoff, reply in self.r.cheating.items():
            for k, option in enumerate(reply.options):
                for m in self.members[:1] + (last,):
                    values = reply.payoffs[k][:, self.r.market.regions.index(m)]
                    rows.append((f"In {COUNTS[payoff]}", "gain", self.case.good, m, "USD/yr", *quantiles(values), float(option[:-2])))
        frame = pd.DataFrame(rows, columns=["scenario", "indicator", "good", "region", "unit", "q05", "q50", "q95", "level"])
        figure = charts.sweep(frame, [("gain", self.case.good, m) for m in (self.members[0], last)], level_factor=1.0,
                              level_label=f"Part of the agreed levy that {region_name(last)} applies, %",
                              provenance=provenance_of(self.r.runs), title=f"When {region_name(last)} delivers only a part",
                              subtitle="The others apply the agreed levy of each case in full; change against no levy")
        best = "; ".join(f"{name} in {100 * x:.0f} %" for name, x in found.shares().items() if x > 0)
        text = f"Which part serves {region_name(last)} best, by draw ({COUNTS[self.main]}): {best}."
        alt = f"Gains of {region_name(self.members[0])} and {region_name(last)} by the part of the levy that the latter applies."
        return Section("Discipline", [text, Chart(figure, "discipline", alt)])

    def rule(self) -> Section:
        cuts = pd.DataFrame([{"cut of exports": 100 * row["cut"], "rule": 100 * row["formula"],
                              "model": Range(*(100 * row[q] for q in ("q05", "q50", "q95")))} for _, row in self.r.cuts.iterrows()])
        table = Table(f"Price rise outside by a joint cut of {self.case.headline}", cuts, dict.fromkeys(cuts.columns, "%"),
                      "Rule: c θ / (ε_d + (1 − θ) ε_f), with the demand for the good derived from the next stage. Model: buyers' price "
                      "outside the group, median and 5 to 95 % of draws.", name="rule")
        v = self.r.leverage
        rows = [{"market": row["market"], "who levies": row["group"], "optimum": row["place"], "share outside": 100 * row["theta"],
                 "rise by a cut of 10 %": 100 * row["rise"], "best levy": 100 * row["level"], "joint gain": 100 * row["gain"]}
                for _, row in v.iterrows()]
        units = {"share outside": "%", "rise by a cut of 10 %": "%", "best levy": "% of price", "joint gain": "% of exports"}
        scale = Table("Leverage across markets", pd.DataFrame(rows), units,
                      "Central values, export revenue. Share outside: the group's part in what all others use. Rise: by the rule.",
                      name="leverage")
        text = ("A first-order rule says why some groups have leverage and others none: the price rise of a cut is the cut times the "
                "group's share, over what demand and fringe supply give way. The table says how near it is to the model.")
        return Section("Leverage follows the share", [text, table, scale])

    def flips(self) -> Section:
        rows = [{"assumption": row["variant"], "optimum": row["place"], "best levy": row["level"] / 1000, "joint gain": row["joint"] / 1e6,
                 **{f"staying, {region_name(m)}": row[m] / 1e6 for m in self.members}} for _, row in self.r.variants.iterrows()]
        frame = pd.DataFrame(rows)
        units = {"best levy": "USD/kg"} | {c: "USD m/yr" for c in frame.columns if c.startswith(("joint", "staying"))}
        table = Table(f"{self.case.headline} under other assumptions", frame, units,
                      "Central values. Staying: gain inside less gain outside.", name="flips")
        return Section("When does the answer flip?", [self.flip_sentence(), table])

    def limits(self) -> Section:
        far = max(float(run.dataset["outside_calibrated_range"].mean()) for run in self.r.runs.runs.values())
        group = next((g for g in (self.case.headline, self.case.trust) if g in self.r.runs.runs), next(iter(self.r.runs.runs)))
        return Section("What this cannot say", [Points([
            f"Elasticities hold near the benchmark. Under the best levy of {self._inside(group)} exports of its members fall by "
            f"{span(*quantiles(self._exports_lost(group)), 'share')}; substitutes and mines that such prices bring are in no elasticity. "
            f"A buyer price above five times the benchmark, or below a fifth, comes in up to {100 * far:.0f} % of draws.",
            "Producers outside cannot start where nothing is made in the benchmark; entry would lower every gain on this page.",
            "Stock builds of the benchmark are bought at any price, and a mine that stops loses what else it yields (copper or nickel "
            "beside cobalt), which is not counted.",
            "One levy, no side payments but those of the trust, no smuggling beyond the part that a member does not apply."])])

    def _exports_lost(self, group: str) -> np.ndarray:
        """Fall of the members' exports to others as a share, per draw."""
        members, others = (list(x) for x in (self.case.groups[group], [x for x in self.r.market.regions
                                                                       if x not in self.case.groups[group]]))
        flow = self.r.runs[group].dataset["flow"].sel(good=self.case.good, origin=members, destination=others)
        before = self.r.market.dataset["flow0"].sel(good=self.case.good, origin=members, destination=others)
        return 1 - flow.sum(("origin", "destination")).to_numpy() / before.sum(("origin", "destination")).to_numpy()

    def notes(self) -> list[str]:
        r, errors = self.r, self.r.runs.identities()
        missing = sum(c.found.missing for groups in r.found.values() for c in groups.values())
        return [f"{r.runs.market.draws:,} draws, seed {r.runs.market.seed}; {missing} draws left out of searches because a level was not "
                "solved.",
                f"Money adds up: largest relative error {errors['world']:.1e} (world) and {errors['regional']:.1e} (regional budgets)."]
