"""The pages of the back-test: scorecard, misses with their reasons, rules, what went in. Every count is read from the scorecard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from experiments.backtest_chart import in_prices, in_volumes, months, score_chart
from experiments.backtest_events import EVENTS, Event, ShippedMarket
from experiments.backtest_frozen import changed, frozen_later
from experiments.backtest_marks import STEP
from experiments.backtest_score import BAND, FACTOR, POINTS, once, summary
from experiments.words import number, span
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.tables import Table

METRIC = {"outside_price": "price outside", "inside_price": "price inside", "wedge": "wedge outside / inside", "exports": "exports, ratio",
          "imports": "imports, ratio", "output": "output, ratio", "output_share": "share of world output", "payment": "payment, USD/kg"}
SOURCE = "event files in experiments/events; own calculation with floormodel"
FREE = "All others"
NOT_FROZEN = "not frozen, not counted"
AFTER = ("Changed after the first scores were seen: exports had counted tonnes that are thrown away behind a closed border, which moved "
         "two rows, one to a hit and one to a miss; tonnes and prices before the event had been drawn too, and drawing elasticities alone "
         "moved no mark. A margin for rounding at the limits was added with the first scores; without it no mark of "
         "the kept run would differ. Rows were then marked as set by the measure "
         "or not scored, the headline was put per answer and the sign of theory was set beside it; "
         "the marks and their reasons are in marks.csv. Whoever wrote the rules had read what happened and what others advise on such "
         "scores. No event file, limit or elasticity was changed.")


def _of(part: float, whole: float) -> str:
    return f"{part:.0f} of {whole:.0f}"


class Pages:
    """Sections of the brief."""

    def __init__(self, events: Sequence[Event], card: pd.DataFrame, draws: int, seed: int):
        self.events, self.card, self.draws, self.seed = events, card, draws, seed
        self.counts = summary(card).set_index("group")
        self.free = card[card["counted"]]
        self.once = once(self.free)
        self.signed = self.once[self.once["theory_scored"] > 0]

    def brief(self) -> Brief:
        return Brief("Back-test: what the model would have said before the event",
                     f"{len(self.events)} markets of past measures, entered from figures before the measure, elasticities of the "
                     f"literature, of shipped markets or assumed with a range, and the measure as it turned out, "
                     f"beside {len(self.card)} observations of what followed. Nothing is fitted.",
                     self.headlines(), self.answers(),
                     [self.prices(), self.volumes(), self.misses(), self.rest_on(), self.controls(), self.by_event(),
                      self.full(), self.rules(), self.inputs(), self.left_out(), self.limits()], self.notes())

    def part(self, column: str, group: str = FREE) -> str:
        """`24 of 55`: how many observations of a group have a mark; for the sign of theory, of those where it has one."""
        whole = "theory_scored" if column.startswith("theory") else "observations"
        return _of(self.counts.loc[group, column], self.counts.loc[group, whole])

    def answer(self, column: str) -> str:
        """`9 of 27`: as `part`, each answer of the model counted once, with the share of its observations that have the mark."""
        rows = self.signed if column.startswith("theory") else self.once
        return f"{number(float(rows[column].sum()))} of {len(rows)}"

    def headlines(self) -> list[Headline]:
        return [Headline(self.answer("hit"), "answers hit", f"direction and order of magnitude; {self.part('hit')} observations"),
                Headline(self.answer("direction"), "answers in the right direction", f"size right: {self.answer('size')}"),
                Headline(self.answer("inside"), "within the model's 5 to 95 %", "it should hold nine in ten"),
                Headline(self.answer("theory_hit"), "hit without a model, by the sign of theory",
                         f"a step of {STEP:g} times; no change at all: {self.answer('naive_hit')}")]

    def answers(self) -> list[str]:
        free = self.free
        by_event = free.groupby("event", sort=False)["hit"]
        whole = [e.title for e in self.events if by_event.all().get(e.name, False)]
        none = [e.title for e in self.events if not by_event.any().get(e.name, True)]
        off = free[free["direction"] & ~free["size"] & free["metric"].isin(FACTOR)]
        model, seen = off["q50"] / off["model_before"], off["observed"] / off["before"]
        much = int(((model - 1).abs() > (seen - 1).abs()).sum())
        return [
            f"**Does it beat a forecast without a model?** It hits {self.answer('hit')} answers ({self.part('hit')} observations). The "
            f"sign of theory with a step of {STEP:g} times, up where a measure makes a good scarce, hits {self.answer('theory_hit')} "
            f"({self.part('theory_hit')}); no change hits {self.answer('naive_hit')} ({self.part('naive_hit')}). {self.verdict()}"
            f"{self.without_later()}",
            f"**Does it get the direction?** In {self.part('direction')} observations; the sign of theory alone in "
            f"{self.part('theory_direction')}. In {_of(self.free['as_theory'].sum(), self.free['theory_scored'].sum())} the model says "
            "the same as theory: a quota, a ban or a licence cannot lower the price outside in it. What moved the others is in the table "
            "of misses.",
            "**Does it get the size?** Within a factor of two (prices), of one and a half (wedges) or 20 points (volumes) in "
            f"{self.part('size')}. That is a weak test: no change at all passes it in {self.part('naive_size')}. Of {len(off)} prices and "
            f"wedges with the right direction and the wrong size, the model says too much in {much}.",
            f"**Does its range hold what happened?** In {self.part('inside')}; a range of nine in ten should hold {0.9 * len(free):.0f}. "
            "It is too narrow where something outside the model moved the market, and so wide that it says little where demand may hardly "
            "respond.",
            f"**First year or later?** Hits in the first year: {self.part('hit', 'Others, first year')}; later: "
            f"{self.part('hit', 'Others, later')}. Several months often meet one answer of the model, so the headline counts answers.",
            f"**Does the control decide?** {self.control()}",
            f"**Where?** All hit: {'; '.join(whole) or 'none'}. None hit: {'; '.join(none) or 'none'}."]

    def verdict(self) -> str:
        """Whether the model beats the sign of theory."""
        model, theory = float(self.signed["hit"].sum()), float(self.signed["theory_hit"].sum())
        word = "beats" if model > theory else "does not beat"
        where = "" if len(self.signed) == len(self.once) else f"; where theory has a sign, the model hits {number(model)}"
        return (f"On this count{where} the model {word} the sign of theory; what it adds is a number for each market, and where "
                f"that number is wrong is shown below. The step of {STEP:g} was set with the outcomes known.")

    def without_later(self) -> str:
        """The headline without events that were frozen when the scores of others were known."""
        rest = self.once[~self.once.index.get_level_values("event").isin(frozen_later())]
        later = [e.title for e in self.events if e.name in frozen_later()]
        model, theory = (number(float(rest[c].sum())) for c in ("hit", "theory_hit"))
        return (f" Without what was entered when the other scores were known ({', '.join(later)}) it hits {model} of {len(rest)}, and the "
                f"sign of theory {theory}.") if later and len(rest) else ""

    def control(self) -> str:
        """What controls on all rows, or on none, would make of the hits."""
        free, has = self.free, self.free["control"] != 1
        return (f"A control (copper) exists for {int(has.sum())} prices. As frozen, the events of nickel and tin use it and that of "
                f"bauxite does not: {int(free['hit'].sum())} hits of {len(free)}. "
                f"Over copper wherever it exists: {int(free['hit_over'].sum())}; "
                f"nowhere: {int(free['hit_alone'].sum())}. Both columns stand in the table of controls.")

    def controls(self) -> Section:
        free = self.free[self.free["control"] != 1]
        rows = [{"event": r.title, "what": f"{r.what}, {months(r.months)}", "control": number(r.control),
                 "seen, no control": number(r.observed_alone), "seen, over control": number(r.observed_over), "model": number(r.q50),
                 "hit, no control": _mark(r.hit_alone), "hit, over control": _mark(r.hit_over),
                 "scored": "over" if r.observed != r.observed_alone else "without"} for r in free.itertuples()]
        note = "For aluminium the copper of the nickel event, which starts in the same quarter and has the same months (controls.csv)."
        text = f"No control was read for {'other' if rows else 'these'} events."
        return Section("Controls", [text, *([Table("Prices with and without their control", pd.DataFrame(rows), note=note,
                                                    name="controls")] if rows else [])])

    def rest_on(self) -> Section:
        """Hits beside the variants of the measure they rest on, and rows that are marked."""
        hits = self.card[self.card["hit"] & (self.card["variants"] > 1)]
        rows = [{"event": r.title, "what": f"{r.what}, {months(r.months)}", "variants that hit alone": _of(r.variants_hit, r.variants),
                 "which": r.variants_that_hit or "none", "range is the variants'": _mark(r.range_of_variants),
                 "counted": _mark(r.counted)} for r in hits.itertuples()]
        wide = self.free[self.free["range_of_variants"]]
        marked = [{"event": r.title, "what": f"{r.what}, {months(r.months)}", "mark": r.mark.replace("_", " "), "why": r.mark_reason}
                  for r in self.card[self.card["mark"] != ""].itertuples()]
        text = (f"The measure is entered as it turned out, not as it was announced: cobalt's ban with its extension and later quotas, "
                "three years of quotas for rare earths, three guessed cuts for oil; of tin and coffee, how large the stock was, how fast "
                "it had grown and how fast it was sold are assumptions in part, by someone who knew the price. "
                "The median is taken over variants that count alike, so that it is "
                f"that of the middle variant where variants differ more than draws; in {len(wide)} of {len(self.free)} counted rows they "
                "do, and the range is then one of our guesses.")
        tables = [Table("Hits and the variants they rest on", pd.DataFrame(rows), name="hits")] if rows else []
        note = "Marks were written after the first scores, in experiments/events/marks.csv."
        out = [Table("Rows taken out of the count", pd.DataFrame(marked), note=note, name="marks")] if marked else []
        return Section("What hits rest on", [text, *tables, *out])

    def prices(self) -> Section:
        rows = in_prices(self.card)
        if rows.empty:
            return Section("Prices", ["No price was observed."])
        figure = score_chart(rows, "Prices and wedges: the model beside what was seen",
                             "Ratio to the time before the measure, over copper where that control was read",
                             "ratio to the time before", True, SOURCE)
        return Section("Prices", [Chart(figure, "prices", "Median, range and what was seen for each observation of a price, by event.")])

    def volumes(self) -> Section:
        rows = in_volumes(self.card)
        if rows.empty:
            return Section("Volumes", ["No volume was observed."])
        figure = score_chart(rows, "Volumes and shares: the model beside what was seen",
                             "Ratio to the time before, or share of world output", "ratio or share", False, SOURCE)
        text = "Exports under a ban, a quota that binds or a licence follow from the measure, or from the share assumed to be refused."
        return Section("Volumes", [text, Chart(figure, "volumes", "Median, range and what was seen for each volume or share, by event.")])

    def misses(self) -> Section:
        rows = [{"event": r.title, "what": f"{r.what}, {months(r.months)}", "seen": number(_shown(r, r.observed)),
                 "model": number(_shown(r, r.q50)),
                 "wrong in": " and ".join([w for w, ok in (("direction", r.direction), ("size", r.size)) if not ok]),
                 "likeliest reason": r.reason or "none written: a miss with these draws alone"}
                for r in self.card[~self.card["hit"] & ~self.card["mark"].isin(["not_scored", "not_frozen"])].itertuples()]
        note = "Reasons were written after the scores were known; they are judgements, and none was tested. Payments in USD/kg."
        return Section("Misses", [Table("Misses and their likeliest reasons", pd.DataFrame(rows), note=note, name="misses")])

    def by_event(self) -> Section:
        rows = []
        for event in self.events:
            mine = self.card[self.card["event"] == event.name]
            free, fixed = mine[mine["counted"]], mine[mine["by_measure"]]
            marks = {word: str(int(free[column].sum())) for word, column in
                     (("direction", "direction"), ("size", "size"), ("hits", "hit"), ("inside", "inside"), ("no change", "naive_hit"),
                      ("sign of theory", "theory_hit"))}
            rows.append({"event": event.title, "tier": event.tier, "observations": str(len(free)), **marks,
                         "set by measure": _of(fixed["hit"].sum(), len(fixed)) if len(fixed) else "none"}
                        | ({"observations": NOT_FROZEN} if mine["mark"].eq("not_frozen").all() else {}))
        unused = ["naive_direction", "naive_size", "theory_scored", "theory_size"]
        kinds = self.counts.astype(str).reset_index().drop(columns=unused).rename(
            columns={"hit": "hits", "naive_hit": "no change: hits", "theory_direction": "theory: direction", "theory_hit": "theory: hits"})
        note = ("Tier A: several figures read and a clean measure; B: one or two, or strong other causes; C: illustration. Inside: within "
                "the model's 5 to 95 %. No change: hits of a forecast that nothing happens; sign of theory: of one by sign alone, "
                "where it has a sign. "
                "What the measure sets stands in the last column only, and what is not scored in none.")
        return Section("Counts", [Table("By event", pd.DataFrame(rows), note=note, name="events"),
                                  Table("By kind", kinds, note="Others: scored, and not set by the measure itself.", name="kinds")])

    def full(self) -> Section:
        rows = [{"event": r.title, "what": r.what + (f" ({r.note})" if r.note else ""), "measure": METRIC[r.metric],
                 "months": f"{r.months:g}",
                 "seen": _seen(r), "model": span(*(_shown(r, x) for x in (r.q05, r.q50, r.q95)), ""),
                 "direction": _mark(r.direction), "size": _mark(r.size), "inside": _mark(r.inside),
                 "evidence": r.confidence + (", set by the measure" if r.by_measure else "")
                 + {"not_scored": ", not scored", "not_frozen": f", {NOT_FROZEN}"}.get(r.mark, "")
                 + (", range of variants" if r.range_of_variants else "")} for r in self.card.itertuples()]
        note = ("Model: median and 5 to 95 % over draws and variants of the measure. Ratios to the time before, over a control where one "
                "was read; wedges and shares as they stand. Evidence: read in the source, derived from what was read, or secondary (weak). "
                "Range of variants: the variants of the measure differ more than the draws of one.")
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
            f"{self.written()} The hash of each file is kept beside it; an event without one is shown and not counted. "
            "Whoever wrote them knew what had happened; against that stands that each figure has its own source or says that it is "
            "assumed, and that no elasticity was fitted."])])

    def written(self) -> str:
        """When the event files were written, as `frozen.csv` says."""
        later = [e.title for e in self.events if e.name in frozen_later()]
        rest = f" Not so: {', '.join(later)}, written after the scores of the others were known and before its own." if later else ""
        return f"The frozen event files and these rules were written before any score was computed.{rest}"

    def inputs(self) -> Section:
        rows = [{"event": e.title, "measure": e.measure,
                 "market": f"{'shipped' if isinstance(e.market, ShippedMarket) else 'in the file'}, {e.benchmark.year}",
                 "variants": "; ".join(v.name for v in e.variant), "leaves out": e.leaves_out, "other causes": "; ".join(e.confounders)}
                for e in self.events]
        text = ("Elasticities are pooled from the literature, most of it from 1970 to 2018 and so in part later than the event, or those "
                "of the shipped market, judged in 2024; those of coffee are assumptions with a range, as no pooled estimate was "
                "read; substitution between origins is that of Broda and Weinstein (2006) where they have the code. "
                "Elasticities are drawn from their ranges; variants of a measure count alike.")
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
            "The end of tin support and that of coffee quotas are a stock that is no longer added to and is sold, by assumption. How a "
            "buffer stock runs out of cash, and the run on it, are not simulated here; of tin, members' export controls are left out, of "
            "coffee the cheaper market outside the agreement.",
            "Licences: how many would be refused was not known, and the variants stand for any share alike. The table of hits says on "
            "which of them each hit rests.",
            "A path changes nothing but the measure: recessions, booms and other measures are in what was seen and not in the model. A "
            "control (copper) is used for two events only, and exists for three.",
            "Other studies of this package show the measures for cobalt and MP Materials beside what followed.",
            f"A score on {len(self.events)} markets shows how the model errs; it is no estimate of its accuracy."])])

    def notes(self) -> list[str]:
        moved = changed()
        frozen = "; ".join(f"{k} ({v or 'no reason given'})" for k, v in moved.items())
        new = list(dict.fromkeys(self.card.loc[self.card["mark"] == "not_frozen", "title"]))
        return [f"{self.draws:,} draws for each variant of a measure, seed {self.seed}; {100 * self.card['solved'].min():.4g} % or more "
                "solved in every row.",
                f"Event files changed since they were first scored: {frozen}." if moved else
                "All frozen event files are as they were when they were first scored.",
                *([f"{NOT_FROZEN.capitalize()}: {', '.join(new)}."] if new else []), AFTER,
                "Contains British Geological Survey materials (c) UKRI; USGS, World Bank (CC BY 4.0), CEPII BACI (Etalab 2.0)."]


def _mark(right: Any) -> str:
    return "yes" if right else "no"


def _shown(row: Any, value: float) -> float:
    return value / 1000 if row.metric == "payment" else value


def _seen(row: Any) -> str:
    ends = f" ({number(_shown(row, row.low))} to {number(_shown(row, row.high))})" if row.low < row.high else ""
    return number(_shown(row, row.observed)) + ends
