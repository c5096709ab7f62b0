"""The pages of the brief on buffer stocks: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.buffer_stock_results import CENTRES, MONTHS, SELL_OFF, SHORT, SOON, STATES, STOCKS, WRONG, Agreements
from experiments.stock_figures import tin
from experiments.trust_brief import elasticity_sentence, provenance
from experiments.trust_results import MARGIN, YEARS
from experiments.words import lower_first, number, quantiles, says, verdict
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, good_name
from floormodel.report.path_charts import Fan, fan_chart
from floormodel.report.shares_chart import shares_chart
from floormodel.report.tables import Table

EMPTY = STATES[3]


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Agreements):
        self.r, self.setup = r, r.setup
        self.name = good_name(r.setup.good)

    def brief(self) -> Brief:
        s, risk = self.setup, self.setup.risk
        return Brief(f"A buffer stock for {self.name} ({s.market.replace('_', ' ')}): what breaks a commodity agreement",
                     f"An agreement buys {100 * MARGIN:g} % below the middle of its band and sells as far above, with room for {MONTHS:g} "
                     f"months of the world's use unless said otherwise, half full at the beginning. Once it is full and the price falls "
                     f"through the floor, it gives up and sells what it holds, {100 * SELL_OFF:g} % of use a year. {YEARS} years; "
                     f"half-life of price swings {number(risk.process.half_life)} years ({number(risk.half_life[0])} to "
                     f"{number(risk.half_life[1])}). {elasticity_sentence(s)}.",
                     self.headlines(), self.answers(), [self.holds(), self.states(), self.flips(), self.runs(), self.tin(), self.limits()],
                     self.notes())

    # numbers

    def at(self, centre: float, what: str, months: float = MONTHS) -> np.ndarray:
        return self.r.grid[centre, months].values[what]

    # text

    def headlines(self) -> list[Headline]:
        return [Headline(says(self.at(1.0, "soon"), "share"), f"breaks within {SOON} years at the mean price"),
                Headline(says(self.at(WRONG, "soon"), "share"), f"at {WRONG:g} times the mean price"),
                Headline(says(self.at(WRONG, "after"), "share"), "of the floor is the price in the year after a break",
                         f"at {WRONG:g} times the mean price"),
                Headline(says(self.at(WRONG, "cost"), "USD/yr"), "cost of defending it", "at the mean price "
                                                                                         f"{says(self.at(1.0, 'cost'), 'USD/yr')}")]

    def answers(self) -> list[str]:
        return [f"**Does an agreement break when it defends the wrong price? (P14)** {self.wrong()}",
                f"**Does the right price save it?** {self.right()}", f"**Does a larger stock?** {self.larger()}",
                f"**What does it cost, and how does it end?** {self.ends()}", f"**What when speculators attack?** {self.attacked()}",
                f"**When does the answer flip?** {self.turns()}"]

    def wrong(self) -> str:
        parts = [f"{says(self.at(c, 'soon'), 'share')} at {c:g}" for c in CENTRES]
        here, there = (quantiles(self.at(c, "soon"))[1] for c in (1.0, WRONG))
        word = verdict(there - here, 0.05, 0.2, ("No, less often", "It makes no difference", "More often", "Yes, much more often"))
        return f"{word}. Chance of a break within {SOON} years, by the middle of the band over the mean price: {'; '.join(parts)}."

    def right(self) -> str:
        a, b = self.r.grid[1.0, MONTHS].states, self.r.grid[CENTRES[0], MONTHS].states
        chance = quantiles(self.at(1.0, "soon"))[1]
        word = "Mostly" if chance < 0.2 else "Not surely" if chance < 0.4 else "About as often as not" if chance < 0.6 else "No"
        return (f"{word}. At the mean price {says(self.at(1.0, 'soon'), 'share')} of agreements break within {SOON} years and "
                f"{says(self.at(1.0, 'ever'), 'share')} within {YEARS}: prices may swing for longer than a stock of {MONTHS:g} months "
                f"lasts. A band at {CENTRES[0]:g} times the mean breaks in {says(self.at(CENTRES[0], 'soon'), 'share')}, but its stock "
                f"is empty under a price above the ceiling in {100 * b[EMPTY]:.0f} % of years, against {100 * a[EMPTY]:.0f} % at the mean.")

    def larger(self) -> str:
        parts = [f"{m:g} months {says(self.at(1.0, 'soon', m), 'share')} at the mean price for {says(self.at(1.0, 'cost', m), 'USD/yr')}, "
                 f"{says(self.at(WRONG, 'soon', m), 'share')} at {WRONG:g} times for {says(self.at(WRONG, 'cost', m), 'USD/yr')}"
                 for m in (MONTHS, STOCKS[-1])]
        return f"It buys time. Breaks within {SOON} years, and cost: {'; '.join(parts)}."

    def ends(self) -> str:
        parts = [f"{says(self.at(c, 'cost'), 'USD/yr')} at {c:g}" for c in (CENTRES[0], 1.0, WRONG, CENTRES[-1])]
        return (f"Over {YEARS} years, by the middle of the band: {'; '.join(parts)} times the mean, with interest and storage. In the year "
                f"after a break the price is {says(self.at(1.0, 'after'), 'share')} of the floor at the mean price and "
                f"{says(self.at(WRONG, 'after'), 'share')} at {WRONG:g} times: what was bought comes back, to mines that the floor drew "
                "in.")

    def attacked(self) -> str:
        years, share = self.r.runs[SHORT[0]]
        now = [f"{100 * float(np.nanmean(np.where(np.isfinite(y), y <= 0, np.nan))):.0f} % of draws at {x:g} times"
               for x, (y, _) in self.r.runs.items()]
        return (f"Where the price without the stock would stay at {SHORT[0]:g} times the ceiling, a full stock of {MONTHS:g} months is "
                f"bought out after {says(years, 'number')} years, {says(share, 'share')} of it in one run. The run comes on the first "
                f"day in {', '.join(now)} the ceiling.")

    def turns(self) -> str:
        base = [quantiles(a.values["soon"])[1] for a in self.r.variants["As above"]]
        parts = []
        for name, pair in self.r.variants.items():
            now = [quantiles(a.values["soon"])[1] for a in pair]
            if name != "As above" and max(abs(x - y) for x, y in zip(now, base)) >= 0.1:
                parts.append(f"{lower_first(name)} ({100 * now[0]:.0f} and {100 * now[1]:.0f} %)")
        start = f"Chance of a break within {SOON} years, {100 * base[0]:.0f} % at the mean and {100 * base[1]:.0f} % at {WRONG:g} times"
        return f"{start}, moves by a tenth or more with: {'; '.join(parts)}." if parts else f"{start}: no variant moves it by a tenth."

    # sections

    def holds(self) -> Section:
        shown = {f"{m:g} months": m for m in STOCKS}
        panels = [Fan(f"Broken within {SOON} years, %", "%", {k: self.over(m, "soon", 100) for k, m in shown.items()}),
                  Fan("Cost, million USD a year", "USD m", {k: self.over(m, "cost", 1e-6) for k, m in shown.items()})]
        drawn = Chart(fan_chart(CENTRES, panels, f"{capitalised(self.name)}: agreements by the price they defend and their stock",
                                provenance=provenance(self.setup), across="middle of the band over the mean price"), "holds",
                      "Chance of a break and cost by the price that is defended and the size of the stock.")
        rows = [{"middle of the band": f"{c:g}", "room": f"{m:g} months", f"broken in {SOON}": cell(self.at(c, "soon", m), 100),
                 f"broken in {YEARS}": cell(self.at(c, "ever", m), 100), "price after": cell(self.at(c, "after", m), 100),
                 "cost": cell(self.at(c, "cost", m), 1e-6), "spread": cell(self.at(c, "sd", m))}
                for c in CENTRES for m in (MONTHS, STOCKS[-1])]
        table = Table("Agreements", pd.DataFrame(rows), {f"broken in {SOON}": "%", f"broken in {YEARS}": "%", "price after": "% of floor",
                                                         "cost": "USD m/yr"},
                      "Price after: in the year after the break. Spread: standard deviation of log prices.", name="agreements")
        return Section("How long it holds", [drawn, table])

    def over(self, months: float, what: str, factor: float) -> np.ndarray:
        """A measure by centre (draws, centres)."""
        return factor * np.stack([self.at(c, what, months) for c in CENTRES], axis=1)

    def states(self) -> Section:
        rows = {"the mean price" if c == 1 else f"{c:g} times the mean": self.r.grid[c, MONTHS].states for c in CENTRES}
        drawn = Chart(shares_chart(rows, f"Where the price stands, by the middle of the band ({MONTHS:g} months of use)",
                                   provenance=provenance(self.setup)), "states", "Shares of years in and out of the band, by its middle.")
        return Section("Time at the bounds", [f"Mean over draws, paths and {YEARS} years; broken counts all years after the break.", drawn])

    def flips(self) -> Section:
        rows = []
        for name, pair in self.r.variants.items():
            row: dict[str, object] = {"variant": name}
            for label, a in zip(("at the mean", f"at {WRONG:g}"), pair):
                row |= {f"broken, {label}": cell(a.values["soon"], 100), f"cost, {label}": cell(a.values["cost"], 1e-6),
                        f"after, {label}": cell(a.values["after"], 100)}
            rows.append(row)
        units = {c: {"b": "%", "c": "USD m/yr", "a": "% of floor"}[c[0]] for c in rows[0] if c != "variant"}
        return Section("When does the answer flip?", [self.turns(), Table("Agreements under other rules and in other "
                                                                          "worlds", pd.DataFrame(rows),
                                                                          units, f"Broken: within {SOON} years.", name="flips")])

    def runs(self) -> Section:
        rows = [{"free price": f"{x:g} times the ceiling", "bought out after": cell(self.r.runs[x][0]),
                 "bought in the run": cell(self.r.runs[x][1], 100)} for x in SHORT]
        return Section("The run on the stock", [
            "A stock that holds a ceiling below the market's price is emptied by use, and the rest in one day: once holding what is left "
            "pays, private storers take all of it, before it is used up, and nobody can tell that day from the price (Salant and "
            "Henderson 1978).",
            Table("When a stock is bought out", pd.DataFrame(rows), {"bought out after": "years", "bought in the run": "% of the stock"},
                  f"Room of {MONTHS:g} months, full. Closed form; demand a straight line through the use at the ceiling.", name="runs")])

    def tin(self) -> Section:
        t, (years, after) = tin(), self.r.tin
        fell = t["after_one_year"] / t["held"]
        harder = quantiles(after)[1] < fell and quantiles(years)[1] < t["lasted"]
        how = "sooner and harder" if harder else "at another time or to another price"
        return Section("The tin agreement of 1982 in this model", [
            f"The International Tin Council held {number(t['held'])} USD/t until October 1985 with {number(t['money'] / 1e9)} billion "
            f"USD of debt; a year later tin cost {number(t['after_one_year'])}, two years later {number(t['after_two_years'])} USD/t. "
            f"With the latter as what the market would pay, world use of {number(t['use'] / 1000)} kt and the elasticities of this "
            f"market in place of tin's, that money would last {says(years, 'number')} full years without export controls, and the price "
            f"a year after the break would be {says(after, 'share')} of the one held. It lasted {number(t['lasted'])} years, with export "
            f"controls, and the price fell to {number(100 * fell)} %. So the model breaks the agreement {how} than history did. It has "
            "no export controls, no buyer who holds cheap metal, and a market price that is low from the first day."])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            "Swings of the price are as persistent as yearly prices were; their long-run mean is taken as known, so that a band at the "
            "mean is the best case.",
            f"A broken agreement sells {100 * SELL_OFF:g} % of use a year: an assumption, varied above. Nobody buys to hold, which makes "
            "the fall after a break an upper end.",
            "No export controls, which most agreements had beside their stock; no outsiders with a growing share but what the long-run "
            "elasticity of supply holds. The brief on coalitions has restraint of exports.",
            "Money has no limit but the room of the stock at the floor; losses of the stock are not paid back in."])])

    def notes(self) -> list[str]:
        s = self.setup
        return [f"{s.draws:,} draws of the calibration, of half-life and volatility, interest and storage cost, {s.paths} price paths "
                f"each; {100 * float(s.solved.mean()):.4g} % solved.",
                "Median over draws, with the 5 to 95 % range in brackets; a chance is that over the paths of a draw.",
                "Sources: experiments/stock_sources.csv and stock_tin.csv."]
