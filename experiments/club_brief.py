"""The pages of the club brief: every number in them is read from the results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.club_results import Results, core_clubs, tie
from experiments.words import Reader, lower_first, number, quantiles, span
from floormodel.report import charts
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import good_name, region_name
from floormodel.report.tables import Range, Table


def money(values: np.ndarray) -> str:
    """Median and range in readers' units."""
    return span(*quantiles(values), "USD/yr")


def listed(regions: Sequence[str]) -> str:
    """Names of regions in a row."""
    names = [region_name(x) for x in regions]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Results):
        self.r, self.market, self.good = r, r.runs.market, r.case.good
        self.name = good_name(self.good)
        self.full, self.whole = 2 ** len(r.joiners) - 1, 2 ** len(r.buyers.candidates) - 1
        self.tie = tie(self.market)
        everywhere = range(self.full + 1)
        self.nominal = [c for c in r.joiners if max(np.nanmax(np.abs(r.joining.gain_of_joining(c, k))) for k in everywhere) <= self.tie]
        self.real = [c for c in r.joiners if c not in self.nominal]
        self.outsiders = [x for x in self.market.regions if x not in (*r.core, *r.joiners, r.case.supplier)]

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"Who must belong to a floor club for {self.name}, and does it hold?",
                     f"{self.market.title}. A floor of {number(r.case.headline / 1000)} USD/kg at the border of a club ({r.case.reason}). "
                     f"Core: {listed(r.core)}; may join: {listed(r.joiners)}. Benchmark {self.market.year}, long-run elasticities.",
                     self.headlines(), self.answers(), [self.compositions(), self.joining(), self.stable(), self.flips(), self.limits()],
                     self.notes())

    # numbers

    def sum_of(self, number_: int, regions: Sequence[str], producers: bool = False) -> np.ndarray:
        """Payoffs of some regions under a composition of core and joiners, added up, per draw."""
        club = self.r.producers if producers else self.r.joining
        return club.payoffs[number_][:, [self.market.regions.index(x) for x in regions]].sum(1)

    def joins(self, c: str) -> np.ndarray:
        """What a candidate gains by joining the core alone, per draw."""
        return self.r.joining.gain_of_joining(c, 0)

    def leaves(self, c: str) -> np.ndarray:
        """What a member of the club of all, without a fixed core, gains by leaving it alone, per draw."""
        return -self.r.buyers.gain_of_joining(c, self.whole)

    # text

    def headlines(self) -> list[Headline]:
        r = self.r
        first = max(self.real, key=lambda c: float(np.nanmean(self.joins(c)))) if self.real else r.joiners[0]
        worst = max(r.buyers.candidates, key=lambda c: float(np.nanmean(self.leaves(c))))
        return [Headline(money(self.sum_of(0, r.core)), "what the core has from a floor of its own"),
                Headline(money(self.joins(first)), f"what {region_name(first)} gains by joining it", "the largest gain of a joiner"),
                Headline(money(r.joining.brings(first, 0, r.core)), f"what {region_name(first)}'s joining brings the core"),
                Headline(money(self.leaves(worst)), f"what {region_name(worst)} gains by leaving a club of all",
                         "the largest gain of a leaver")]

    def answers(self) -> list[str]:
        return [f"**Does membership decide?** {self._decides()}", f"**Who wants in?** {self._wants()}",
                f"**What does a joiner do to the others?** {self._brings()}", f"**Does the club hold?** {self._holds()}",
                f"**When does the answer flip?** {self.flip_sentence()}"]

    def _decides(self) -> str:
        read = Reader(self.r.runs.indicators().frame)
        few, many = "Core alone", "All"
        parts = []
        for name in (few, many):
            parts.append(f"{lower_first(name)}: buyers inside pay {read.text(name, 'price_inside', self.good, 'bloc', 'value')}, producers "
                         f"inside receive {read.text(name, 'bloc_producer_price', self.good, 'bloc', 'value')}, suppliers other than "
                         f"{region_name(self.r.case.supplier)} add {read.text(name, 'non_dominant_supply', self.good, 'world')}")
        text = "; ".join(parts)
        return f"{text[:1].upper()}{text[1:]}. A floor works at the border: the more exporters are inside, the fewer imports it meets."

    def _wants(self) -> str:
        words = [f"{region_name(c)} gains {money(self.joins(c))} by joining the core (in {100 * np.mean(self.joins(c) > 0):.0f} % of draws)"
                 for c in self.real]
        nominal = (f" For {listed(self.nominal)}, who trade no {self.name} in the benchmark, membership changes nothing."
                   if self.nominal else "")
        return "; ".join(words) + "." + nominal

    def _brings(self) -> str:
        r, parts = self.r, []
        for c in self.real:
            others = [x for x in r.joiners if x != c]
            parts.append(f"{region_name(c)}: the core {money(r.joining.brings(c, 0, r.core))}, its producers "
                         f"{money(r.producers.brings(c, 0, r.core))}, other joiners {money(r.joining.brings(c, 0, others))}, "
                         f"{region_name(r.case.supplier)} {money(r.joining.brings(c, 0, [r.case.supplier]))}")
        return "; ".join(parts) + "."

    def _holds(self) -> str:
        r = self.r
        table = r.joining.to_dataframe()
        sure = [k for k in np.flatnonzero(table["stable"]) if not set(r.joining.members(k)) & set(self.nominal)]
        joined = f"Given the core, {len(sure) or 'no'} compositions are stable."
        if len(sure) == 1:
            who = listed(r.joining.members(sure[0])[len(r.core):]) or "no joiner"
            share = 100 * float(table["stable_share"][sure[0]])
            joined = f"Given the core, nobody leaves or joins the club with {who} (in {share:.0f} % of draws)."
        free = r.buyers
        stable = core_clubs(free, r.core)
        leavers = {c: self.leaves(c) for c in free.candidates if np.nanmean(self.leaves(c)) > self.tie}
        words = "; ".join(f"{region_name(c)} {money(v)}" for c, v in sorted(leavers.items(), key=lambda x: -np.nanmean(x[1])))
        which = "no club with a member of it holds" if not stable else "these hold: " + "; ".join(listed(c) for c in stable)
        core = f"If the core may leave too, {which}."
        if leavers:
            core += (f" From the club of all these gain by leaving alone: {words}. So much must membership be worth to them beyond this "
                     "market (security of supply, reciprocity).")
        return f"{joined} {core}"

    def flip_sentence(self) -> str:
        v = self.r.variants
        first, turned = v.iloc[0], []
        for _, row in v.iloc[1:].iterrows():
            what = []
            if set(row["wants"]) != set(first["wants"]):
                what.append(f"{listed(row['wants']) or 'nobody'} would join the core")
            if row["all_in"] != first["all_in"]:
                what.append(f"the club of core and all joiners {'holds' if row['all_in'] else 'does not hold'}")
            if bool(len(row["buyers"])) != bool(len(first["buyers"])):
                what.append(f"{listed(row['buyers'][0])} hold without a fixed core" if len(row["buyers"]) else
                            "no club holds without a fixed core")
            if what:
                turned.append(f"{lower_first(row['variant'])} ({'; '.join(what)})")
        return f"At central values it changes where {'; '.join(turned)}." if turned else "None of the other assumptions tried changes it."

    # sections

    def compositions(self) -> Section:
        r = self.r
        measures = {"core": "Core", "core_producers": "Producers in the core", "joiners": "May join", "outside": "Other countries",
                    "supplier": region_name(r.case.supplier)}
        shown = {"Core alone": 0, **{f"Core and {region_name(c)}": 1 << r.joiners.index(c) for c in self.real}}
        shown["Core and all joiners"] = self.full
        rows = []
        for name, k in shown.items():
            values = {"core": self.sum_of(k, r.core), "core_producers": self.sum_of(k, r.core, producers=True),
                      "joiners": self.sum_of(k, r.joiners), "outside": self.sum_of(k, self.outsiders),
                      "supplier": self.sum_of(k, [r.case.supplier])}
            rows += [(name, m, "USD/yr", *quantiles(v)) for m, v in values.items()]
        frame = pd.DataFrame(rows, columns=["instrument", "measure", "unit", "q05", "q50", "q95"])
        figure = charts.instruments(frame, list(measures), labels=measures, title="Who gains and who pays, by who belongs",
                                    subtitle="Change against a market without any policy", provenance=provenance_of(r.runs))
        alt = "Gains of core, its producers, joiners, other countries and the supplier under several compositions of the club."
        text = "All compositions were solved; the chart shows the core alone, with each joiner that trades the good, and with all."
        return Section("Members and outsiders", [text, Chart(figure, "compositions", alt), self._effects_table()])

    def _effects_table(self) -> Table:
        read = Reader(self.r.runs.indicators().frame)
        rows = []
        for name in self.r.runs.runs:
            code = name.removeprefix("Core and ")
            if code in self.nominal:
                continue
            cells: dict[str, object] = {"members": f"Core and {region_name(code)}" if code in self.r.joiners else name}
            for label, indicator, where, factor in (("buyers' price inside", "price_inside", "bloc", 1e-3),
                                                    ("producers' price inside", "bloc_producer_price", "bloc", 1e-3),
                                                    ("output added inside", "bloc_output", "bloc", 1.0)):
                of = "change" if indicator == "bloc_output" else "value"
                cells[label] = Range(*(factor * x for x in quantiles(read.draws(name, indicator, self.good, where, of))))
            added = quantiles(read.draws(name, "non_dominant_supply", self.good, "world"))
            rows.append(cells | {"added outside the dominant supplier": Range(*added)})
        units = {"buyers' price inside": "USD/kg", "producers' price inside": "USD/kg", "output added inside": "t/yr",
                 "added outside the dominant supplier": "t/yr"}
        return Table("What the floor does, by who belongs", pd.DataFrame(rows), units,
                     "Median and 5 to 95 % of draws. Added: change against no policy, inside the club of the row and in all the world.",
                     name="effects")

    def joining(self) -> Section:
        r = self.r
        measures = {"itself": "The joiner itself", "core": "The core", "others": "Others who may join", "outside": "Other countries",
                    "supplier": region_name(r.case.supplier)}
        rows = []
        for c in self.real:
            for label, k in (("joins first", 0), ("joins last", self.full)):
                values = {"itself": r.joining.gain_of_joining(c, k), "core": r.joining.brings(c, k, r.core),
                          "others": r.joining.brings(c, k, [x for x in r.joiners if x != c]),
                          "outside": r.joining.brings(c, k, self.outsiders), "supplier": r.joining.brings(c, k, [r.case.supplier])}
                rows += [(f"{region_name(c)} {label}", m, "USD/yr", *quantiles(v)) for m, v in values.items()]
        frame = pd.DataFrame(rows, columns=["instrument", "measure", "unit", "q05", "q50", "q95"])
        figure = charts.instruments(frame, list(measures), labels=measures, title="What a joiner brings to itself and to others",
                                    subtitle="Change by its joining: the core alone (first), or all others already in (last)",
                                    provenance=provenance_of(r.runs))
        text = ("A joiner pays no levy any more: it sells at the price inside, draws buyers away from producers who were in before, and "
                "the members' treasuries lose the levy it paid.")
        return Section("What joining brings", [text, Chart(figure, "joining", "Gain of each joiner and of the others by its joining.")])

    def stable(self) -> Section:
        return Section("Which clubs hold", [
            "A club holds where no member gains by leaving alone and no candidate outside by joining alone, the others staying put.",
            self._stability_table(), self._leaving_table()])

    def _stability_table(self) -> Table:
        table = self.r.joining.to_dataframe()
        keep = [k for k in range(self.full + 1) if not set(self.r.joining.members(k)) & set(self.nominal)]
        rows = [{"with the core": listed(self.r.joining.members(k)[len(self.r.core):]) or "nobody",
                 "leaving": "nobody" if table["internal"][k] else "somebody", "joining": "nobody" if table["external"][k] else "somebody",
                 "stable in": 100 * table["stable_share"][k], "members together": table["joint"][k] / 1e6} for k in keep]
        skipped = f" Compositions with {listed(self.nominal)} are the same." if self.nominal else ""
        return Table("Stability given the core", pd.DataFrame(rows), {"stable in": "% of draws", "members together": "USD m/yr"},
                     f"In welfare, averaged over draws; members together: mean change against no policy.{skipped}", name="stability")

    def _leaving_table(self) -> Table:
        free = self.r.buyers
        rows = [{"member": region_name(c), "has as member": self._cell(free.payoffs[self.whole][:, self.market.regions.index(c)]),
                 "gains by leaving alone": self._cell(self.leaves(c)), "gains by leaving in": 100 * float(np.nanmean(self.leaves(c) > 0))}
                for c in free.candidates]
        return Table(f"Who would leave a club of {listed(free.candidates)}", pd.DataFrame(rows),
                     {"has as member": "USD m/yr", "gains by leaving alone": "USD m/yr", "gains by leaving in": "% of draws"},
                     "Change against no policy, and gain by leaving while the others stay. Median and 5 to 95 % of draws.", name="leaving")

    @staticmethod
    def _cell(values: np.ndarray) -> Range:
        low, middle, high = quantiles(values)
        return Range(low / 1e6, middle / 1e6, high / 1e6)

    def flips(self) -> Section:
        rows = []
        for _, row in self.r.variants.iterrows():
            held = "; ".join(listed(c) for c in row["buyers"][:3]) + (" and others" if len(row["buyers"]) > 3 else "")
            rows.append({"assumption": row["variant"], "would join the core": listed(row["wants"]) or "nobody",
                         "core and all joiners": "holds" if row["all_in"] else "does not hold",
                         "stable without a fixed core": held or "none with a member of the core",
                         "gains most by leaving": region_name(row["worst"]), "how much": row["leaving"] / 1e6})
        table = Table("Clubs under other assumptions", pd.DataFrame(rows), {"how much": "USD m/yr"},
                      "Central values. Gains most by leaving: from the club of all, without a fixed core; negative: nobody gains.",
                      name="flips")
        return Section("When does the answer flip?", [self.flip_sentence(), table])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "Gains are those of one market. Whoever joins for security, standards or access elsewhere counts what is not here; the page "
            "says how much that must be worth.",
            f"A country that makes no {self.name} in the benchmark cannot start to, unless new plants may enter (see section 4).",
            "Members hold one floor and trade freely among themselves; goods are not passed on from outside through a member.",
            "The supplier does not answer; the retaliation brief takes that up."])])

    def notes(self) -> list[str]:
        r, errors = self.r, self.r.runs.identities()
        missing = max(r.joining.missing, r.producers.missing, r.buyers.missing)
        return [f"{self.market.draws:,} draws, seed {self.market.seed}; {missing} without an answer because a composition was not solved.",
                f"{self.full + 1} compositions given the core, {self.whole + 1} without a fixed core.",
                f"Money adds up: largest relative error {errors['world']:.1e} (world) and {errors['regional']:.1e} (regional budgets)."]
