"""The pages of the back-test: scorecard, misses with their reasons, rules, what went in. Every count is read from the scorecard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from experiments.backtest_chart import in_prices, in_volumes, months, score_chart
from experiments.backtest_events import EVENTS, Event, ShippedMarket
from experiments.backtest_frozen import changed
from experiments.backtest_score import BAND, FACTOR, POINTS, once, summary
from experiments.words import number, span
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.tables import Table

METRIC = {"outside_price": "price outside", "inside_price": "price inside", "wedge": "wedge outside / inside", "exports": "exports, ratio",
          "imports": "imports, ratio", "output": "output, ratio", "output_share": "share of world output", "payment": "payment, USD/kg"}
SOURCE = "event files in experiments/events; own calculation with floormodel"
FREE = "All others"
AFTER = ("Changed after the first scores were seen: exports had counted tonnes that are thrown away behind a closed border, which moved "
         "two rows, one to a hit and one to a miss; tonnes and prices before the event had been drawn too, and drawing elasticities alone "
         "moved no mark. No event file, limit or elasticity was changed.")


def _of(part: float, whole: float) -> str:
    return f"{part:.0f} of {whole:.0f}"


class Pages:
    """Sections of the brief."""

    def __init__(self, events: Sequence[Event], card: pd.DataFrame, draws: int, seed: int):
        self.events, self.card, self.draws, self.seed = events, card, draws, seed
        self.counts = summary(card).set_index("group")
        self.free = card[~card["by_measure"]]

    def brief(self) -> Brief:
        return Brief("Back-test: what the model would have said before the event",
                     f"{len(self.events)} markets of past measures, entered from figures of the year before and elasticities that were not "
                     f"chosen for them, beside {len(self.card)} observations of what followed. Nothing is fitted.",
                     self.headlines(), self.answers(),
                     [self.prices(), self.volumes(), self.misses(), self.by_event(), self.full(), self.rules(), self.inputs(),
                      self.left_out(), self.limits()], self.notes())

    def part(self, column: str, group: str = FREE) -> str:
        """`24 of 55`: how many observations of a group have a mark."""
        return _of(self.counts.loc[group, column], self.counts.loc[group, "observations"])

    def headlines(self) -> list[Headline]:
        return [Headline(self.part("hit"), "observations hit", "direction and order of magnitude; without volumes that the measure sets"),
                Headline(self.part("direction"), "right direction", f"size right: {self.part('size')}"),
                Headline(self.part("inside"), "within the model's 5 to 95 %", "it should hold nine in ten"),
                Headline(self.part("naive_hit"), "hit by a forecast of no change", f"its sizes are right in {self.part('naive_size')}")]

    def answers(self) -> list[str]:
        free = self.free
        rows = once(free)
        by_event = free.groupby("event", sort=False)["hit"]
        whole = [e.title for e in self.events if by_event.all().get(e.name, False)]
        none = [e.title for e in self.events if not by_event.any().get(e.name, True)]
        off = free[free["direction"] & ~free["size"] & free["metric"].isin(FACTOR)]
        model, seen = off["q50"] / off["model_before"], off["observed"] / off["before"]
        much = int(((model - 1).abs() > (seen - 1).abs()).sum())
        return [
            f"**Does it get the direction?** In {self.part('direction')} observations. What moved the others is in the table of misses.",
            "**Does it get the size?** Within a factor of two (prices), of one and a half (wedges) or 20 points (volumes) in "
            f"{self.part('size')}. That is a weak test: no change at all passes it in {self.part('naive_size')}. Of {len(off)} prices and "
            f"wedges with the right direction and the wrong size, the model says too much in {much}.",
            f"**Does its range hold what happened?** In {self.part('inside')}; a range of nine in ten should hold {0.9 * len(free):.0f}. "
            "It is too narrow where something outside the model moved the market, and so wide that it says little where demand may hardly "
            "respond.",
            f"**First year or later?** Hits in the first year: {self.part('hit', 'Others, first year')}; later: "
            f"{self.part('hit', 'Others, later')}. Several months meet one answer of the model; each answer counted once, hits are "
            f"{number(float(rows['hit'].sum()))} of {len(rows)}.",
            f"**Where?** All hit: {'; '.join(whole) or 'none'}. None hit: {'; '.join(none) or 'none'}."]

    def prices(self) -> Section:
        figure = score_chart(in_prices(self.card), "Prices and wedges: the model beside what was seen",
                             "Ratio to the time before the measure, over copper where that control was read",
                             "ratio to the time before", True, SOURCE)
        return Section("Prices", [Chart(figure, "prices", "Median, range and what was seen for each observation of a price, by event.")])

    def volumes(self) -> Section:
        figure = score_chart(in_volumes(self.card), "Volumes and shares: the model beside what was seen",
                             "Ratio to the time before, or share of world output", "ratio or share", False, SOURCE)
        text = "Exports under a ban, a quota that binds or a licence follow from the measure, or from the share assumed to be refused."
        return Section("Volumes", [text, Chart(figure, "volumes", "Median, range and what was seen for each volume or share, by event.")])

    def misses(self) -> Section:
        rows = [{"event": r.title, "what": f"{r.what}, {months(r.months)}", "seen": number(_shown(r, r.observed)),
                 "model": number(_shown(r, r.q50)),
                 "wrong in": " and ".join([w for w, ok in (("direction", r.direction), ("size", r.size)) if not ok]),
                 "likeliest reason": r.reason or "none written: a miss with these draws alone"}
                for r in self.card[~self.card["hit"]].itertuples()]
        note = "Reasons were written after the scores were known; they are judgements, and none was tested. Payments in USD/kg."
        return Section("Misses", [Table("Misses and their likeliest reasons", pd.DataFrame(rows), note=note, name="misses")])

    def by_event(self) -> Section:
        rows = []
        for event in self.events:
            mine = self.card[self.card["event"] == event.name]
            free, fixed = mine[~mine["by_measure"]], mine[mine["by_measure"]]
            marks = {word: str(int(free[column].sum())) for word, column in
                     (("direction", "direction"), ("size", "size"), ("hits", "hit"), ("inside", "inside"), ("no change", "naive_hit"))}
            rows.append({"event": event.title, "tier": event.tier, "observations": str(len(free)), **marks,
                         "set by measure": _of(fixed["hit"].sum(), len(fixed)) if len(fixed) else "none"})
        kinds = self.counts.astype(str).reset_index().drop(columns="naive_direction").rename(
            columns={"hit": "hits", "naive_size": "no change: size", "naive_hit": "no change: hits"})
        note = ("Tier A: several figures read and a clean measure; B: one or two, or strong other causes; C: illustration. Inside: within "
                "the model's 5 to 95 %. No change: hits of a forecast that nothing happens. Volumes that the measure sets stand in the "
                "last column only.")
        return Section("Counts", [Table("By event", pd.DataFrame(rows), note=note, name="events"),
                                  Table("By kind", kinds, note="Others: not set by the measure itself.", name="kinds")])

    def full(self) -> Section:
        rows = [{"event": r.title, "what": r.what + (f" ({r.note})" if r.note else ""), "measure": METRIC[r.metric],
                 "months": f"{r.months:g}",
                 "seen": _seen(r), "model": span(*(_shown(r, x) for x in (r.q05, r.q50, r.q95)), ""),
                 "direction": _mark(r.direction), "size": _mark(r.size), "inside": _mark(r.inside),
                 "evidence": r.confidence + (", set by the measure" if r.by_measure else "")} for r in self.card.itertuples()]
        note = ("Model: median and 5 to 95 % over draws and variants of the measure. Ratios to the time before, over a control where one "
                "was read; wedges and shares as they stand. Evidence: read in the source, derived from what was read, or secondary (weak).")
        return Section("All observations", [Table("Scorecard", pd.DataFrame(rows), note=note, name="scorecard")])

    def rules(self) -> Section:
        return Section("How it is scored", [Points([
            f"Direction is up, down or none; a change of less than {100 * BAND:.0f} % is none. The model's median must say what was seen.",
            f"Size: a price or a payment within a factor of {FACTOR['outside_price']:g}, the wedge between prices outside and inside "
            f"within a factor of {FACTOR['wedge']:g}, volumes and shares within {100 * POINTS:.0f} points. A hit is both.",
            "Horizons: the path is yearly, its first year with short-run elasticities. Months 1 to 12 are set beside the first year, 13 to "
            "24 beside the second, and so on; horizons below a month are not scored.",
            "Prices are what buyers pay, weighted by use before the measure; outside is every country but the one that acts, unless the "
            "event file says otherwise.",
            "The event files and these rules were committed before any score was computed, and the hash of each file is kept beside it. "
            "Whoever wrote them knew what had happened; against that stands that each figure has its own source and no elasticity was "
            "chosen for an event."])])

    def inputs(self) -> Section:
        rows = [{"event": e.title, "measure": e.measure,
                 "market": f"{'shipped' if isinstance(e.market, ShippedMarket) else 'in the file'}, {e.benchmark.year}",
                 "variants": "; ".join(v.name for v in e.variant), "leaves out": e.leaves_out, "other causes": "; ".join(e.confounders)}
                for e in self.events]
        text = ("Elasticities are pooled from the literature, most of it from 1970 to 2018 and so in part later than the event, or those "
                "of the shipped market, judged in 2024; substitution between origins is that of Broda and Weinstein (2006) where they have "
                "the code. Elasticities are drawn from their ranges; variants of a measure count alike.")
        sources = [{"event": e.title, "sources": "; ".join(e.sources.values())} for e in self.events]
        return Section("What went in", [
            text, Table("Events, measures and what they leave out", pd.DataFrame(rows), name="inputs"),
            Table("Sources", pd.DataFrame(sources), note="Which source a figure or an observation has is in the event file and, for "
                  "observations, in scorecard.csv. Markets that the package ships have their own.", name="sources")])

    def left_out(self) -> Section:
        table = pd.read_csv(EVENTS / "not_entered.csv", dtype=str).rename(columns={"why": "why it is not entered"})
        return Section("Events left out", [Table("Events that are not entered", table, name="left_out")])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "No private stocks are held: a year's supply meets a year's use. Where stocks were large the model says too much at first; "
            "variants with stocks released stand in where a size was read.",
            "The end of tin support is a public stock that stops buying and sells, by assumption. How a buffer stock runs out of cash, and "
            "the run on it, are not simulated here, and members' export controls are left out.",
            "Licences: how many would be refused was not known, and the variants stand for any share alike. Hits on gallium and germanium "
            "rest on the middle one, half refused.",
            "A path changes nothing but the measure: recessions, booms and other measures are in what was seen and not in the model. A "
            "control (copper) is used for two events only.",
            "Other studies of this package show the measures for cobalt and MP Materials beside what followed.",
            f"A score on {len(self.events)} markets shows how the model errs; it is no estimate of its accuracy."])])

    def notes(self) -> list[str]:
        moved = changed()
        frozen = "; ".join(f"{k} ({v or 'no reason given'})" for k, v in moved.items())
        return [f"{self.draws:,} draws for each variant of a measure, seed {self.seed}; {100 * self.card['solved'].min():.4g} % or more "
                "solved in every row.",
                f"Event files changed since they were first scored: {frozen}." if moved else
                "All event files are as they were when they were first scored.", AFTER,
                "Contains British Geological Survey materials (c) UKRI; USGS, World Bank (CC BY 4.0), CEPII BACI (Etalab 2.0)."]


def _mark(right: Any) -> str:
    return "yes" if right else "no"


def _shown(row: Any, value: float) -> float:
    return value / 1000 if row.metric == "payment" else value


def _seen(row: Any) -> str:
    ends = f" ({number(_shown(row, row.low))} to {number(_shown(row, row.high))})" if row.low < row.high else ""
    return number(_shown(row, row.observed)) + ends
