"""The pages of the comparison of instruments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.cases import FloorCase
from experiments.words import Reader, number, quantiles, span
from floormodel.report import charts
from floormodel.report.brief import Brief, Chart, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import good_name, region_name
from floormodel.report.tables import Range, Table

OWNERS = ("consumers", "producers", "treasury", "rent_holders", "stockholders")
MEASURES = {"consumers": "Final consumers, bloc", "producers": "Producers, bloc", "treasury": "Treasury, bloc", "bloc_total": "Bloc in all",
            "bloc_total_13": "Bloc in all, public money at 1.3", "dominant": "Dominant supplier", "others": "Other countries"}


@dataclass(frozen=True, eq=False)
class Question:
    """Instruments scaled so that `who` adds the same tonnes; `entry` says whether new plants may enter."""

    who: str
    entry: bool
    good: str
    runs: fm.Comparison
    scales: pd.DataFrame

    @property
    def label(self) -> str:
        return f"{self.who}, {'latent projects allowed' if self.entry else 'plants that exist'}"


def money(q: Question) -> pd.DataFrame:
    """instrument, measure, unit, q05, q50, q95, note: who gains and pays, USD a year, over draws."""
    read = Reader(q.runs.indicators().frame)
    rows = []
    for _, s in q.scales.iterrows():
        name = str(s["instrument"])
        lines = {o: read.draws(name, f"welfare_{o}", "all", "bloc") for o in OWNERS}
        total = sum(lines.values(), np.zeros(1))
        values = {"consumers": lines["consumers"], "producers": lines["producers"], "treasury": lines["treasury"], "bloc_total": total,
                  "bloc_total_13": total + 0.3 * lines["treasury"]}
        for group in ("dominant", "others"):
            values[group] = sum((read.draws(name, f"welfare_{o}", "all", group) for o in OWNERS), np.zeros(1))
        note = "" if s["reached"] else f"not reachable, at most {number(s['best_tonnes'])} t"
        for measure, v in values.items():
            q05, q50, q95 = quantiles(v) if s["reached"] else (np.nan,) * 3
            rows.append((name, measure, "USD/yr", q05, q50, q95, note))
    return pd.DataFrame(rows, columns=["instrument", "measure", "unit", "q05", "q50", "q95", "note"])


def brief(case: FloorCase, questions: Sequence[Question]) -> Brief:
    """One section per question."""
    name, market = good_name(case.good), questions[0].runs.market
    sections = [_section(case, k, q) for k, q in enumerate(questions, 1)]
    limits = Points([
        "Scales are found at central values, then run over all draws: in a single draw the tonnes differ between instruments.",
        "Equal tonnes of output, not equal security: a stockpile also leaves a stock, valued at the lower of cost and benchmark price.",
        "The stockpile buys from members' own producers for one year; the gap subsidy pays on every tonne, free riders included.",
        "The dominant supplier does not answer; its quota is taken as given, with the rent kept at home."])
    notes = [f"{q.label}: {q.runs.market.draws:,} draws, {100 * q.runs.share_converged:.4g} % solved; identities "
             f"{q.runs.identities()['world']:.1e} and {q.runs.identities()['regional']:.1e}" for q in questions]
    return Brief(f"Five ways to the same tonnes of {name}: who pays?",
                 f"{market.title}. Headline floor {number(case.headline / 1000)} USD/kg; benchmark {market.year}, long run.",
                 summary=[_answer(questions[0])], sections=[*sections, Section("What this cannot say", [limits])], notes=notes)


def _answer(q: Question) -> str:
    """P5 in one paragraph."""
    frame = money(q)
    parts = []
    for _, s in q.scales.iterrows():
        name = str(s["instrument"])
        if not s["reached"]:
            parts.append(f"{name}: not reachable, at most {number(s['best_tonnes'])} t")
            continue
        shown = []
        for measure in ("consumers", "producers", "treasury", "others"):
            row = frame[(frame["instrument"] == name) & (frame["measure"] == measure)].iloc[0]
            shown.append(f"{MEASURES[measure].lower()} {span(row['q05'], row['q50'], row['q95'], 'USD/yr')}")
        parts.append(f"{name} ({number(s['scale'])} {s['unit']}): " + ", ".join(shown))
    target = number(float(q.scales["tonnes"].iloc[0]))
    return f"**Who pays for {target} t added by {q.who}?** " + ". ".join(parts) + "."


def _section(case: FloorCase, k: int, q: Question) -> Section:
    frame = money(q)
    figure = charts.instruments(frame, list(MEASURES), labels=MEASURES, title=f"Same tonnes added by {q.who}",
                                subtitle="Change against no policy", indicators=("welfare_treasury",), provenance=provenance_of(q.runs))
    rows = []
    for _, s in q.scales.iterrows():
        name = str(s["instrument"])
        part = frame[frame["instrument"] == name].set_index("measure")
        cells = {label: Range(*(float(part.loc[m, c]) / 1e6 for c in ("q05", "q50", "q95"))) for m, label in MEASURES.items()}
        reached = "yes" if s["reached"] else f"no, at most {number(s['best_tonnes'])} t"
        rows.append({"instrument": name, "scale": f"{number(s['scale'])} {s['unit']}", "reached": reached, **cells})
    table = Table(f"Same tonnes added by {q.label}", pd.DataFrame(rows), dict.fromkeys(MEASURES.values(), "USD m/yr"), name=f"equal-{k}")
    read = Reader(q.runs.indicators().frame)
    supplier = region_name(case.supplier)
    text = (f"Target: {number(float(q.scales['tonnes'].iloc[0]))} t. Buyers' price inside: "
            + "; ".join(f"{n} {read.text(n, 'price_inside', q.good, 'bloc', 'value')}" for n in q.runs.runs)
            + f". {supplier} stands for the dominant supplier.")
    chart = Chart(figure, f"instruments_{k}", f"Gains and losses by instrument, {q.label}.")
    return Section(q.label[0].upper() + q.label[1:], [text, chart, table])
