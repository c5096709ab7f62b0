"""The pages of the brief on rapid response: every number in them is read from the results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.books import cell
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
    POOLED,
    RESTRAINT,
    Rapid,
)
from experiments.words import lower_first, number, quantiles, says, span, verdict
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.path_charts import Fan, fan_chart
from floormodel.report.style import Provenance
from floormodel.report.tables import Table

QUARTERS = {1: "a quarter", 2: "half a year", 4: "a year"}
ARMS = (NONE, NATIONAL, POOLED, RESTRAINT, BOTH)
STOCKS = (NATIONAL, POOLED)
SHOWN = 8  # quarters in the charts
SMALL = 30  # days of national stocks that a pool is measured against


def times(values: np.ndarray) -> str:
    """`1.4 (1.1 to 2.0) times`."""
    return f"{span(*quantiles(values), '')} times"


def million(values: np.ndarray) -> str:
    """`38 (5 to 131) million USD`."""
    return span(*(x / 1e6 for x in quantiles(values)), "million USD")


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Rapid):
        self.r, self.market, self.good = r, r.market, r.case.good
        self.name, self.lead = good_name(self.good), region_name(r.case.supplier)
        self.who = ", ".join(region_name(x) for x in r.members)
        self.hit = str(next((v for v in r.variants["variant"] if v.startswith("Only ")), ""))

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"{self.lead} stops exports of {self.name}: what stocks and a joint response soften",
                     f"{self.market.title}. Quarter by quarter after the stop; members: {self.who}. Users' own stocks are drawn first, "
                     f"{span(*quantiles(r.values['commercial_days'] * r.values['usable']), 'days')} of use. Public stocks: {COVER} days of "
                     f"use unless said otherwise, {span(*quantiles(r.stock()), 't')} together.",
                     self.headlines(), self.answers(), [self.prices(), self.cover(), self.worth(), self.flips(), self.limits()],
                     self.notes())

    # text

    def headlines(self) -> list[Headline]:
        r, half = self.r, QUARTERS[LENGTH]
        return [Headline(times(r.peak(NONE)), f"the benchmark price at the peak of a stop of {half}, users' stocks alone"),
                Headline(times(r.peak(NATIONAL)), f"with national stocks of {COVER} days", f"pooled {times(r.peak(POOLED))}"),
                Headline(says(r.break_even(POOLED), "share"), "yearly chance of such a stop from which a pool pays",
                         f"{says(r.break_even(NATIONAL), 'share')} for national stocks"),
                Headline(span(*quantiles(r.yearly() / r.stock()), "USD"), "cost of a tonne in stock for a year",
                         f"interest and storage {span(*quantiles(r.tonne_year()), '')}, the rest is interest on what filling cost")]

    def answers(self) -> list[str]:
        return [f"**Do stocks soften a stop? (P11)** {self.soften()}", f"**Is a pool better than national stocks?** {self.pool()}",
                f"**Does restraint help?** {self.restraint()}", f"**How much cover is enough?** {self.enough()}",
                f"**Is a stock worth its cost?** {self.pays()}", f"**When does the answer flip?** {self.turns()}"]

    def soften(self) -> str:
        r, parts = self.r, []
        for n in LENGTHS[1:]:
            parts.append(f"In a stop of {QUARTERS[n]} the price peaks at {times(r.peak(NONE, n))} the benchmark with users' stocks alone, "
                         f"at {times(r.peak(NATIONAL, n))} with national stocks; use falls short by {says(r.unmet(NONE, n), 'share')} "
                         f"and {says(r.unmet(NATIONAL, n), 'share')}")
        less = 1 - (quantiles(r.peak(NATIONAL))[1] - 1) / max(quantiles(r.peak(NONE))[1] - 1, 1e-9)
        word = verdict(less, 0.1, 0.7, ("No, prices rise", "Little", "In part", "Yes, while they last"))
        return f"{word}. {'. '.join(parts)}. Holders stretch their stocks over {QUARTERS[2]}: a longer stop meets empty stores."

    def pool(self) -> str:
        r = self.r
        both = r.unmet(NATIONAL) - r.unmet(POOLED)
        sooner = quantiles(r.peak(POOLED, 4))[1] > quantiles(r.peak(NATIONAL, 4))[1]
        out = (f"It sends tonnes where they are missing, while a country that lost little sits on its own: in a stop of "
               f"{QUARTERS[LENGTH]} it lowers unmet use by {span(*(100 * x for x in quantiles(both)), 'percentage points')} more, with the "
               f"same tonnes. A pool of {says(self.equal_cover(), 'number')} days avoids as much loss as national stocks of {SMALL} "
               f"days. In a stop of {QUARTERS[4]} its price peaks at {times(r.peak(POOLED, 4))}"
               f"{', for it is empty sooner' if sooner else ''}.")
        v = self.r.variants.set_index(["variant", "arm"])
        one = [label for label in self.r.variants["variant"].unique() if label.startswith("Only ")]
        parts = [f"{lower_first(self.says_who(label))}: peak {number(v.loc[(label, NATIONAL), 'peak'])} times the benchmark there with "
                 f"its own stock, {number(v.loc[(label, POOLED), 'peak'])} with the pool" for label in one]
        return f"{out} At central values, {'; '.join(parts)}." if parts else out

    def equal_cover(self) -> np.ndarray:
        """Days of a pool that avoid as much as national stocks of SMALL days (draws,)."""
        target = self.r.avoided(NATIONAL, LENGTH, SMALL)
        gains = np.stack([self.r.avoided(POOLED, LENGTH, d) for d in self.r.covers], axis=1)
        gains = np.maximum.accumulate(np.concatenate([np.zeros((len(gains), 1)), gains], axis=1), axis=1)
        days = np.array([0.0, *self.r.covers])
        return np.array([np.interp(t, g, days) if np.isfinite(t) and np.isfinite(g).all() and t <= g[-1] else np.nan
                         for t, g in zip(target, gains)])

    def restraint(self) -> str:
        r, share = self.r, 100 * self.r.figures["restraint"].value
        more = quantiles(r.unmet(RESTRAINT))[1] > quantiles(r.unmet(NONE))[1]
        return (f"Members that hold back {share:g} % of final use bring the peak of a stop of {QUARTERS[LENGTH]} from "
                f"{times(r.peak(NONE))} to {times(r.peak(RESTRAINT))} the benchmark; with a pool, to {times(r.peak(BOTH))}. Their use then "
                f"falls short by {says(r.unmet(RESTRAINT), 'share')} instead of {says(r.unmet(NONE), 'share')}"
                f"{': it gives up more tonnes than the price would have taken' if more else ''}. What these are worth to users is not "
                "known.")

    def enough(self) -> str:
        if quantiles(self.r.avoided(NATIONAL, LENGTH, self.r.covers[-1]))[1] <= 0:
            return "Net of buying back, none avoids a loss in the median draw."
        words = [f"{span(*quantiles(self.days_for(arm, 0.9)), 'days')} in {lower_first(arm)}" for arm in STOCKS]
        return (f"Nine tenths of what {self.r.covers[-1]} days avoid in a stop of {QUARTERS[LENGTH]} are reached with "
                f"{' or '.join(words)}. Beyond what is lost in the quarters over which stocks are stretched, more days add nothing but "
                f"their cost; a longer stop needs more: in a stop of {QUARTERS[4]}, "
                f"{span(*quantiles(self.days_for(NATIONAL, 0.9, 4)), 'days')} in national stocks.")

    def days_for(self, arm: str, share: float, quarters: int = LENGTH) -> np.ndarray:
        """Days at which a share of the loss that the largest cover avoids is avoided (draws,)."""
        gains = np.maximum.accumulate(np.stack([self.r.avoided(arm, quarters, d) for d in self.r.covers], axis=1), axis=1)
        return np.array([np.interp(share * g[-1], [0.0, *g], [0.0, *self.r.covers]) if np.isfinite(g).all() and g[-1] > 0 else np.nan
                         for g in gains])

    def pays(self) -> str:
        r = self.r
        parts = [f"{QUARTERS[n]}: {says(r.break_even(NATIONAL, n), 'share')} apart, {says(r.break_even(POOLED, n), 'share')} pooled"
                 for n in LENGTHS]
        return (f"{COVER} days cost {million(r.yearly())} a year, {span(*quantiles(r.yearly() / r.stock()), 'USD')} per tonne and year: "
                f"{million(r.stock() * r.tonne_year())} of interest and storage, and interest on what filling cost. Buying so much over "
                f"{FILL} years raises the members' price by {says(r.fill[COVER][0], 'share')} and costs them "
                f"{million(-r.fill[COVER][1])} a year beyond the worth of the stock. It pays from this yearly chance of a stop, by its "
                f"length: {'; '.join(parts)}. Buying back, over {BUY_BACK / 4:g} years, is counted.")

    def turns(self) -> str:
        v = self.r.variants
        base = v[(v["variant"] == "As above") & (v["arm"] == NATIONAL)]["avoided"].iloc[0]
        apart = v[v["arm"] == NATIONAL].set_index("variant")["avoided"].drop("As above")
        none = [lower_first(self.says_who(k)) for k in apart.index[apart <= 0]]
        more = [lower_first(self.says_who(k)) for k in apart.index[apart > 2 * base]]
        less = [lower_first(self.says_who(k)) for k in apart.index[(apart < base / 2) & (apart > 0)]]
        out = []
        if none:
            out.append(f"nothing, net of buying back, where {'; '.join(none)}")
        if less:
            out.append(f"less than half where {'; '.join(less)}")
        if more:
            out.append(f"more than twice as much where {'; '.join(more)}")
        text = "None of the other assumptions tried halves or doubles it."
        if out:
            text = f"At central values national stocks avoid {', and '.join(out)}."
        return f"{text} {self.products()}".strip()

    def products(self) -> str:
        rows = self.r.variants[self.r.variants["variant"].str.startswith("Products stop")].set_index(["variant", "arm"])
        if rows.empty:
            return ""
        made = good_name(str(rows["good"].iloc[0]))
        with_, without = rows.index.get_level_values(0).unique()
        return (f"If {made} stop as well, their use falls short by {number(100 * rows.loc[(with_, NONE), 'unmet'])} % with users' stocks "
                f"alone, by {number(100 * rows.loc[(without, NATIONAL), 'unmet'])} % with public stocks of {self.name}, which plants at "
                f"home cannot turn into enough {made}, and by {number(100 * rows.loc[(with_, NATIONAL), 'unmet'])} % with stocks of both: "
                "a stock protects the stage at which it is held.")

    @staticmethod
    def says_who(label: str) -> str:
        """`Only JPN is cut off` with the country's name."""
        words = label.split(" ")
        return " ".join([words[0], region_name(words[1]), *words[2:]]) if words[0] == "Only" else label

    # sections

    def prices(self) -> Section:
        before = np.ones((self.market.draws, 1))
        panels = [Fan(f"A stop of {QUARTERS[n]}", "benchmark = 1", {
            arm: np.hstack([before, self.r.at(arm, n).price(self.good, self.r.members)[:, :SHOWN]]) for arm in ARMS}) for n in LENGTHS[1:]]
        drawn = self.chart(range(SHOWN + 1), panels, f"{capitalised(self.name)}: price in the members, by response", "prices",
                           "Price by quarter of the stop and after it, by response.", across="quarters since the stop (0: before)")
        return Section("Prices quarter by quarter", [
            f"Quarter 1 is the first without {self.lead}'s exports. After the stop, everybody buys back what was used over "
            f"{BUY_BACK / 4:g} years, which holds prices up.", drawn, self.table()])

    def table(self) -> Table:
        rows = []
        for n in LENGTHS:
            for arm in ARMS:
                at = self.r.at(arm, n)
                rows.append({"length": capitalised(QUARTERS[n]), "response": arm, "peak price": cell(self.r.peak(arm, n)),
                             "use not met": cell(self.r.unmet(arm, n), 100),
                             "from users' stocks": cell(at.during("commercial", self.good, self.r.members)),
                             "from public stocks": cell(at.during("public", self.good, self.r.members)),
                             "loss avoided": cell(self.r.avoided(arm, n), 1e-6) if arm in STOCKS else "–"})
        return Table("The members, by length of the stop and response", pd.DataFrame(rows), {
            "peak price": "benchmark = 1", "use not met": "% of use", "from users' stocks": "t", "from public stocks": "t",
            "loss avoided": "USD m"},
            "Peak price: highest quarter, members weighted by use. Loss avoided: welfare of the members against users' stocks alone, "
            "buying back included; not known under restraint.", name="responses")

    def cover(self) -> Section:
        panels = [Fan("Peak price, benchmark = "
                      "1", "", {arm: np.stack([self.r.peak(arm, LENGTH, d) for d in self.r.covers], 1) for arm in STOCKS}),
                  Fan("Use not met, "
                      "%", "%", {arm: 100 * np.stack([self.r.unmet(arm, LENGTH, d) for d in self.r.covers], 1) for arm in STOCKS})]
        drawn = self.chart(self.r.covers, panels, f"A stop of {QUARTERS[LENGTH]}, by days of use in public stock", "cover",
                           "Peak price and unmet use by days of cover.", across="days of use in public stock")
        return Section("By days of cover", [drawn])

    def worth(self) -> Section:
        r = self.r
        panels = [Fan(f"Loss avoided in a stop of {QUARTERS[n]}, million USD", "USD m", {
            arm: np.stack([r.avoided(arm, n, d) for d in self.r.covers], 1) / 1e6 for arm in STOCKS}) for n in (LENGTHS[0], LENGTHS[-1])]
        drawn = self.chart(self.r.covers, panels, "What a stock avoids", "worth", "Loss avoided by days of cover.", zero=True,
                           across="days of use in public stock")
        rows = [{"days": str(d), "stock": cell(r.stock(d)), "yearly cost": cell(r.yearly(d), 1e-6),
                 **{f"at {100 * p:g} % a year": cell(r.net(POOLED, p, LENGTH, d), 1e-6) for p in CHANCES}} for d in self.r.covers]
        units = {"stock": "t", "yearly cost": "USD m", **{f"at {100 * p:g} % a year": "USD m" for p in CHANCES}}
        table = Table("Expected yearly worth of a pool less its cost, by yearly chance of a stop", pd.DataFrame(rows), units,
                      f"A stop of {QUARTERS[LENGTH]}. Cost: interest, storage, and interest on what filling cost.", name="worth")
        return Section("Worth and cost", [drawn, table])

    def flips(self) -> Section:
        rows = []
        for label, part in self.r.variants.groupby("variant", sort=False):
            of = part.set_index("arm")
            rows.append({"assumption": self.says_who(str(label)), **{f"peak, {k}": float(of.loc[arm, "peak"]) for k, arm in
                                                                     (("users", NONE), ("apart", NATIONAL), ("pooled", POOLED))},
                         "not met, users": 100 * float(of.loc[NONE, "unmet"]), "apart": 100 * float(of.loc[NATIONAL, "unmet"]),
                         "pooled": 100 * float(of.loc[POOLED, "unmet"]), "avoided, apart": float(of.loc[NATIONAL, "avoided"]) / 1e6,
                         "avoided, pooled": float(of.loc[POOLED, "avoided"]) / 1e6})
        units = {"not met, users": "%", "apart": "%", "pooled": "%", "avoided, apart": "USD m", "avoided, pooled": "USD m"}
        table = Table("The same stop under other assumptions", pd.DataFrame(rows), units,
                      f"Central values, {QUARTERS[LENGTH]}, {COVER} days. Peak: times the benchmark. Not met: share of use. Where one "
                      "member is cut off, prices and use are its own; where products stop as well, those of products.", name="flips")
        return Section("When does the answer flip?", [self.turns(), table])

    def limits(self) -> Section:
        f = self.r.figures
        days, usable = f["commercial_days"], f["usable"]
        choke = float(np.nanmax(self.market.dataset["choke_factor"].sel(good=self.good).values))
        return Section("What this cannot say", [Points([
            f"Users' stocks decide much: {days.value:g} days ({days.low:g} to {days.high:g}), of which "
            f"{100 * usable.value:g} % ({100 * usable.low:g} to {100 * usable.high:g}) can be drawn. "
            f"{capitalised(days.note)}.",
            "Quarterly elasticities are not measured. Those of use are what partial adjustment makes of yearly ones; plants and buyers who "
            "have lost a supplier respond in the first quarter as they would over a year. The table of flips has the other ways.",
            f"Demand ends at {choke:g} times the benchmark price, an assumption: where it is reached, peaks are its level, and the "
            "worth of tonnes is bounded by it.",
            "Stocks are of the supplier's kind and quality. Products made to order, magnets above all, cannot be stocked like that.",
            "Nobody hoards: a run on stores at the news of a stop would raise the first peak, and would be an argument for a joint "
            "response that is not in these numbers. Restraint is not valued.",
            "How likely a stop is, nobody knows; a stock may also make it less likely."])])

    def notes(self) -> list[str]:
        return [f"{self.market.draws:,} draws of the calibration, of users' stocks, interest and storage cost; "
                f"{100 * float(self.r.converged.mean()):.4g} % solved in every quarter of every run.",
                "Median over draws, with the 5 to 95 % range in brackets.",
                "Sources of storage cost, stocks and restraint: experiments/stock_sources.csv."]

    def chart(self, at: Sequence[float], panels: list[Fan], title: str, name: str, alt: str, zero: bool = False, across: str = "") -> Chart:
        provenance = Provenance(self.market.name, self.market.year, self.market.draws, float(self.r.converged.mean()))
        return Chart(fan_chart(at, panels, title, provenance=provenance, zero=zero, across=across), name, alt)
