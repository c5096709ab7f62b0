"""The pages of the brief on rapid response: charts and tables; what it says in words is in `rapid_response_answers`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.rapid_response_answers import answers, choke, headlines, says_who, turns
from experiments.rapid_response_results import (
    BOTH,
    BUY_BACK,
    CHANCES,
    COVER,
    FILL,
    LENGTH,
    LENGTHS,
    NATIONAL,
    NONE,
    PACES,
    POOLED,
    RESTRAINT,
    SHARED,
    Rapid,
)
from experiments.rapid_response_words import QUARTERS, million
from experiments.words import number, quantiles, span
from floormodel.report.brief import Brief, Chart, Points, Section
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.path_charts import Fan, fan_chart
from floormodel.report.style import Provenance
from floormodel.report.tables import Table

ARMS = (NONE, NATIONAL, POOLED, RESTRAINT, BOTH)
STOCKS = (NATIONAL, POOLED)
SHOWN = 8  # quarters in the charts
KEY = r" \([a-z_]+_\d{4}\)"  # of a source, in the note of a figure: readers find it in the table of sources
MEDIANS = "Medians over draws; ranges are in responses.csv."


def middle(values: np.ndarray) -> np.ndarray:
    """The median over draws as one line (1, n)."""
    return np.nanmedian(values, axis=0, keepdims=True)


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Rapid):
        self.r, self.market, self.good = r, r.market, r.case.good
        self.name, self.lead = good_name(self.good), region_name(r.case.supplier)
        self.others = [x for x in r.market.regions if x not in r.members and x != r.case.supplier]

    def brief(self) -> Brief:
        r = self.r
        shares = ", ".join(f"{region_name(m)} ({number(100 * share)} %)" for m, share in r.weight().items())
        still = [good_name(g) for g in r.market.goods if g != self.good]
        moving = f" Exports of {' and '.join(still)} go on, unless said otherwise." if still else ""
        return Brief(f"{self.lead} stops exports of {self.name}: what stocks and a joint response soften",
                     f"{self.market.title}. Quarter by quarter after the stop.{moving} Members, with their parts of the members' use: "
                     f"{shares}. Users' own stocks are drawn first, "
                     f"{span(*quantiles(r.values['commercial_days'] * r.values['usable']), 'days')} of use. Public stocks: {COVER} days of "
                     f"use unless said otherwise, {span(*quantiles(r.stock()), 't')} together.", headlines(r), answers(r),
                     [self.prices(), self.who(), self.cover(), self.worth(), self.flips(), self.limits()], self.notes())

    def prices(self) -> Section:
        panels = [Fan(f"A stop of {QUARTERS[n]}", "benchmark = 1", {
            arm: np.hstack([np.ones((1, 1)), middle(self.r.at(arm, n).price(self.good, self.r.members)[:, :SHOWN])]) for arm in ARMS})
            for n in LENGTHS[1:]]
        drawn = self.chart(range(SHOWN + 1), panels, f"{capitalised(self.name)}: price in the members, by response", "prices",
                           "Price by quarter of the stop and after it, by response.", across="quarters since the stop (0: before)",
                           subtitle=MEDIANS)
        return Section("Prices quarter by quarter", [
            f"Quarter 1 is the first without {self.lead}'s exports. After the stop, everybody buys back what was used over "
            f"{BUY_BACK / 4:g} years, which holds prices up.", drawn, self.table()])

    def table(self) -> Table:
        r, rows = self.r, []
        for n in LENGTHS:
            for arm in (*ARMS[:3], SHARED, *ARMS[3:]):
                at = r.at(arm, n)
                rows.append({"length": capitalised(QUARTERS[n]), "response": arm, "peak price": cell(r.peak(arm, n)),
                             "peak during the stop": cell(r.peak(arm, n, during="stop")), "use below": cell(r.below(arm, n), 100),
                             "of it by plants": cell(at.below(self.good, r.members, "inputs"), 100),
                             "from users' stocks": cell(at.during("commercial", self.good, r.members)),
                             "from public stocks": cell(at.during("public", self.good, r.members)),
                             "loss avoided": cell(r.avoided(arm, n), 1e-6) if arm != NONE else "–"})
        made = good_name(r.made) if r.made else "other goods"
        return Table("The members, by length of the stop and response", pd.DataFrame(rows), {
            "peak price": "benchmark = 1", "peak during the stop": "benchmark = 1", "use below": "% of use", "of it by plants": "% of use",
            "from users' stocks": "t", "from public stocks": "t", "loss avoided": "USD m"},
            "Peak price: highest quarter of the stop and of buying back, members weighted by use. Use below: use below the benchmark's, "
            f"whatever the price; by plants: the part that is {made} not made at home. Loss avoided: welfare of the members against users' "
            "stocks alone, buying back included; under restraint, if the uses that are worth least are held back.", name="responses")

    def who(self) -> Section:
        return Section("Who gains, who pays", [self.by_member(), self.by_country()])

    def by_member(self) -> Table:
        r, rows = self.r, []
        for m, share in r.weight().items():
            more = r.avoided(POOLED, who=(m,)) - r.avoided(NATIONAL, who=(m,))
            rows.append({"member": region_name(m), "part of use": 100 * share, "peak, users": cell(r.peak(NONE, who=(m,))),
                         "peak, apart": cell(r.peak(NATIONAL, who=(m,))), "peak, pooled": cell(r.peak(POOLED, who=(m,))),
                         "avoided, apart": cell(r.avoided(NATIONAL, who=(m,)), 1e-6), "pooled instead": cell(more, 1e-6),
                         "draws in which pooling gains": 100 * float(np.mean(more[np.isfinite(more)] > 0))})
        return Table("Members, in a stop of " + QUARTERS[LENGTH], pd.DataFrame(rows), {
            "part of use": "%", "avoided, apart": "USD m", "pooled instead": "USD m", "draws in which pooling gains": "%"},
            "Peaks: times the benchmark, buying back included. Pooled instead: what a pool avoids beyond national stocks.", name="members")

    def by_country(self) -> Table:
        r, alone = self.r, self.r.at(NONE)
        single = {region_name(x): (x,) for x in (*self.others, r.case.supplier)}
        groups = {"Members": r.members, **single, "World": tuple(r.market.regions)}
        rows = [{"region": name, "the stop": cell(-alone.loss(who), 1e-6), "national stocks": cell(r.avoided(NATIONAL, who=who), 1e-6),
                 "pool": cell(r.avoided(POOLED, who=who), 1e-6), "filling, once": cell(r.filled(who), 1e-6)}
                for name, who in groups.items()]
        return Table("Money by country: the stop, what stocks change of it, and filling them", pd.DataFrame(rows),
                     {c: "USD m" for c in ("the stop", "national stocks", "pool", "filling, once")},
                     f"A stop of {QUARTERS[LENGTH]} with users' stocks alone, against no stop; what public stocks add in it; what "
                     f"countries gain while stocks of {COVER} days are bought over {FILL} years. Medians need not add up.",
                     name="countries")

    def cover(self) -> Section:
        panels = [Fan("Peak price, benchmark = 1", "", {
            arm: middle(np.stack([self.r.peak(arm, LENGTH, d, "stop") for d in self.r.covers], 1)) for arm in STOCKS}),
            Fan("Use below the benchmark's, %", "%", {
                arm: 100 * middle(np.stack([self.r.below(arm, LENGTH, d) for d in self.r.covers], 1)) for arm in STOCKS})]
        drawn = self.chart(self.r.covers, panels, f"During a stop of {QUARTERS[LENGTH]}, by days of use in public stock", "cover",
                           "Peak price and use by days of cover.", across="days of use in public stock", subtitle=MEDIANS)
        return Section("By days of cover", [drawn])

    def worth(self) -> Section:
        r = self.r
        apart = np.stack([r.avoided(NATIONAL, LENGTH, d) for d in r.covers], 1) / 1e6
        more = np.stack([r.avoided(POOLED, LENGTH, d) for d in r.covers], 1) / 1e6 - apart
        panels = [Fan("Loss avoided by national stocks, million USD", "USD m", {NATIONAL: apart}),
                  Fan("What a pool avoids beyond them, million USD", "USD m", {"Pooled less national": more})]
        drawn = self.chart(r.covers, panels, f"What a stock avoids in a stop of {QUARTERS[LENGTH]}", "worth",
                           "Loss avoided by days of cover.", zero=True, across="days of use in public stock")
        rows = [{"days": str(d), "stock": cell(r.stock(d)), "yearly cost": cell(r.yearly(d), 1e-6),
                 **{f"at {100 * p:g} % a year": cell(r.net(POOLED, p, LENGTH, d), 1e-6) for p in CHANCES}} for d in r.covers]
        units = {"stock": "t", "yearly cost": "USD m", **{f"at {100 * p:g} % a year": "USD m" for p in CHANCES}}
        table = Table("Expected yearly worth of a pool less its cost, by yearly chance of a stop", pd.DataFrame(rows), units,
                      f"A stop of {QUARTERS[LENGTH]}. Cost: interest, storage, and interest on what filling cost.", name="worth")
        return Section("Worth and cost", [drawn, table, self.filling()])

    def filling(self) -> Table:
        r = self.r
        paces = {f"{years} year{'s' if years > 1 else ''}": years for years in sorted((FILL, *PACES))} | {"Long-run responses": 0}
        rows = [{"filled over": label, "price, members": cell(r.fill_price(years=years), 100),
                 "cost of filling": cell(-r.filled(r.members, years=years), 1e-6), "yearly cost": cell(r.yearly(years=years), 1e-6),
                 "per tonne and year": cell(r.yearly(years=years) / r.stock())} for label, years in paces.items()]
        return Table(f"Filling a stock of {COVER} days", pd.DataFrame(rows), {
            "price, members": "%", "cost of filling": "USD m", "yearly cost": "USD m", "per tonne and year": "USD"},
            "Cost of filling: what members lose beyond the worth of the stock, once; interest on it is in the yearly cost. Responses grow "
            f"quarter by quarter; last row: {FILL} years, all responses those of the long run from the outset, a lower bound.",
            name="filling")

    def flips(self) -> Section:
        rows = []
        for label, part in self.r.variants.groupby("variant", sort=False):
            of = part.set_index("arm")

            def at(arm: str, column: str, factor: float = 1.0, of: pd.DataFrame = of) -> float | str:
                return factor * float(of.loc[arm, column]) if arm in of.index else "–"  # type: ignore[arg-type]

            rows.append({"assumption": says_who(str(label)), "peak, users": at("users", "peak"), "peak, apart": at("apart", "peak"),
                         "peak, pooled": at("pooled", "peak"), "use below, users": at("users", "below", 100),
                         "apart": at("apart", "below", 100), "pooled": at("pooled", "below", 100),
                         "loss, users": at("users", "loss", 1e-6), "avoided, apart": at("apart", "avoided", 1e-6),
                         "avoided, pooled": at("pooled", "avoided", 1e-6)})
        units = {"use below, users": "%", "apart": "%", "pooled": "%", "loss, users": "USD m", "avoided, apart": "USD m",
                 "avoided, pooled": "USD m"}
        table = Table("The same stop under other assumptions", pd.DataFrame(rows), units,
                      f"Central values, {QUARTERS[LENGTH]}, {COVER} days. Peak: times the benchmark, buying back included. Where one "
                      "member is cut off, prices and use are its own; where products stop as well, those of products.", name="flips")
        return Section("When does the answer flip?", [turns(self.r), table])

    def limits(self) -> Section:
        f = self.r.figures
        days, usable = f["commercial_days"], f["usable"]
        return Section("What this cannot say", [Points([
            f"Users' stocks decide much: {days.value:g} days ({days.low:g} to {days.high:g}), of which "
            f"{100 * usable.value:g} % ({100 * usable.low:g} to {100 * usable.high:g}) can be drawn. "
            f"{capitalised(re.sub(KEY, '', days.note))}. Ratios of stocks to use in the United States stand for users in all countries.",
            "Users who rely on a public stock hold less themselves: studies of grain find from none to all of it displaced. In the table "
            "of flips the tonnes that can be drawn go first; what users save by it is not counted.",
            "Quarterly elasticities are not measured. Those of use are what partial adjustment makes of yearly ones; plants and buyers who "
            "have lost a supplier respond in the first quarter as they would over a year. The table of flips has the other ways.",
            "The stop leaves no trace: when it ends, the supplier sells as before, and plants that were opened or shut are as they were.",
            f"Demand ends at {choke(self.r)} times the benchmark price, an assumption: where it is reached, peaks are its level, and the "
            "worth of tonnes is bounded by it.",
            "Stocks are of the supplier's kind and quality. Products made to order, magnets above all, cannot be stocked like that.",
            "Nobody hoards: a run on stores at the news of a stop would raise the first peak, and would be an argument for a joint "
            "response that is not in these numbers.",
            "How likely a stop is, nobody knows; a stock may also make it less likely."])])

    def notes(self) -> list[str]:
        return [f"{self.market.draws:,} draws of the calibration, of users' stocks, restraint, interest and storage cost; "
                f"{100 * float(self.r.converged.mean()):.4g} % solved in every quarter of every run.",
                "Median over draws, with the 5 to 95 % range in brackets.",
                f"Days of cover: {COVER} are Japan's target (International Energy Agency, policy 16639) and that of Project Vault; 180 are "
                "what Japan may hold where geopolitical risk is high.",
                "Sources of storage cost, stocks, cover, displacement and restraint: experiments/stock_sources.csv.",
                f"Cost of filling, all years: {million(-self.r.filled(self.r.members))}."]

    def chart(self, at: Sequence[float], panels: list[Fan], title: str, name: str, alt: str, zero: bool = False, across: str = "",
              subtitle: str = "") -> Chart:
        provenance = Provenance(self.market.name, self.market.year, self.market.draws, float(self.r.converged.mean()))
        return Chart(fan_chart(at, panels, title, subtitle, provenance=provenance, zero=zero, across=across), name, alt)
