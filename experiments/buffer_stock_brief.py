"""The pages of the brief on buffer stocks: every number in them is read from the results."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.buffer_stock_results import BASE, CENTRES, MONTHS, SELL_OFF, SHORT, SOON, STATES, STOCKS, UNSOLD, WRONG, Agreements
from experiments.stock_figures import tin
from experiments.trust_setup import MARGIN, OPENINGS, YEARS
from experiments.trust_words import between, elasticity_sentence, level_sentence, median, provenance
from experiments.words import lower_first, number, says, verdict
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, good_name, region_name
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
                     f"months of the world's use unless said otherwise, empty at the beginning. Once its room is full, or its money spent, "
                     f"and the price falls through the floor, it gives up and sells what it holds, {100 * SELL_OFF:g} % of use a year, at "
                     f"whatever price, above the ceiling too. {YEARS} years; half-life of price swings {number(risk.process.half_life)} "
                     f"years ({number(risk.half_life[0])} to {number(risk.half_life[1])}). {level_sentence(s)}. {elasticity_sentence(s)}.",
                     self.headlines(), self.answers(), [self.holds(), self.states(), self.flips(), self.runs(), self.tin(), self.limits()],
                     self.notes())

    # numbers

    def at(self, centre: float, what: str, months: float = MONTHS) -> np.ndarray:
        return self.r.grid[centre, months].values[what]

    def after(self, centre: int) -> str:
        """Price after a break without and with a sell-off, medians; at the mean (0) or at the wrong price (1)."""
        without, held = (100 * median(self.r.variants[name][centre].values["after"]) for name in (UNSOLD, BASE))
        return f"{number(without)} % without, {number(held)} % with a sell-off"

    def opened(self, centre: int, what: str) -> list[np.ndarray]:
        """A measure by what the stock holds at the beginning; at the mean (0) or at the wrong price (1)."""
        names = [BASE if share == 0 else f"A stock that begins {word}" for word, share in OPENINGS.items()]
        return [self.r.variants[name][centre].values[what] for name in names]

    # text

    def headlines(self) -> list[Headline]:
        return [Headline(says(self.at(1.0, "soon"), "share"), f"breaks within {SOON} years at the mean price"),
                Headline(says(self.at(WRONG, "soon"), "share"), f"at {WRONG:g} times the mean price"),
                Headline(self.after(1), "of the floor is the price in the year after a break",
                         f"at {WRONG:g} times the mean price; {100 * SELL_OFF:g} % of use sold a year; medians"),
                Headline(says(self.at(WRONG, "cost"), "USD/yr"), "cost of defending it", "at the mean price "
                                                                                         f"{says(self.at(1.0, 'cost'), 'USD/yr')}")]

    def answers(self) -> list[str]:
        return [f"**Does an agreement break when it defends the wrong price? (P14)** {self.wrong()}",
                f"**Does the right price save it?** {self.right()}", f"**Does a larger stock?** {self.larger()}",
                f"**Does it make prices steadier?** {self.steadier()}",
                f"**What does it cost, and how does it end?** {self.ends()}",
                f"**What does it do for producing countries?** {self.producing()}",
                f"**What when speculators attack?** {self.attacked()}", f"**When does the answer flip?** {self.turns()}"]

    def wrong(self) -> str:
        parts = [f"{says(self.at(c, 'soon'), 'share')} at {c:g}" for c in CENTRES]
        here, there = (median(self.at(c, "soon")) for c in (1.0, WRONG))
        word = verdict(there - here, 0.05, 0.2, ("No, less often", "It makes no difference", "More often", "Yes, much more often"))
        return f"{word}. Chance of a break within {SOON} years, by the middle of the band over the mean price: {'; '.join(parts)}."

    def right(self) -> str:
        a, b = self.r.grid[1.0, MONTHS].states, self.r.grid[CENTRES[0], MONTHS].states
        chance = median(self.at(1.0, "soon"))
        word = "Mostly" if chance < 0.2 else "Not surely" if chance < 0.4 else "About as often as not" if chance < 0.6 else "No"
        return (f"{word}. At the mean price {says(self.at(1.0, 'soon'), 'share')} of agreements break within {SOON} years and "
                f"{says(self.at(1.0, 'ever'), 'share')} within {YEARS}: prices may swing for longer than a stock of {MONTHS:g} months "
                f"lasts. One that begins full breaks within {SOON} years in {says(self.opened(0, 'soon')[-1], 'share')}. A band at "
                f"{CENTRES[0]:g} times the mean breaks in {says(self.at(CENTRES[0], 'soon'), 'share')}, but its stock "
                f"is empty under a price above the ceiling in {100 * b[EMPTY]:.0f} % of years, against {100 * a[EMPTY]:.0f} % at the mean.")

    def larger(self) -> str:
        parts = [f"{m:g} months {says(self.at(1.0, 'soon', m), 'share')} at the mean price for {says(self.at(1.0, 'cost', m), 'USD/yr')}, "
                 f"{says(self.at(WRONG, 'soon', m), 'share')} at {WRONG:g} times for {says(self.at(WRONG, 'cost', m), 'USD/yr')}"
                 for m in (MONTHS, STOCKS[-1])]
        return f"It buys time. Breaks within {SOON} years, and cost: {'; '.join(parts)}."

    def steadier(self) -> str:
        here, there = (median(self.at(c, "sd_change")) for c in (1.0, WRONG))
        unsold = [self.r.variants[UNSOLD][k].values["sd_change"] for k in (0, 1)]
        if max(here, there) < -0.02:
            word = "Yes"
        elif min(here, there) > 0.02:
            word = "No, less steady" if min(median(x) for x in unsold) > 0 else "Less steady where the broken stock is sold off"
        else:
            word = "Hardly either way"
        large = [self.at(c, "sd_change", STOCKS[-1]) for c in (1.0, WRONG)]
        return (f"{word}. The spread of log prices changes by {says(self.at(1.0, 'sd_change'), 'share')} against no agreement at the mean "
                f"price and by {says(self.at(WRONG, 'sd_change'), 'share')} at {WRONG:g} times, years after a break included. Without "
                f"the sell-off: {says(unsold[0], 'share')} and {says(unsold[1], 'share')}; with room for {STOCKS[-1]:g} months: "
                f"{says(large[0], 'share')} and {says(large[1], 'share')}.")

    def ends(self) -> str:
        parts = [f"{says(self.at(c, 'cost'), 'USD/yr')} at {c:g}" for c in (CENTRES[0], 1.0, WRONG, CENTRES[-1])]
        unsold = self.r.variants[UNSOLD]
        return (f"Over {YEARS} years, by the middle of the band: {'; '.join(parts)} times the mean, with interest and storage. In the year "
                f"after a break the price is {says(self.at(1.0, 'after'), 'share')} of the floor in force at the mean price and "
                f"{says(self.at(WRONG, 'after'), 'share')} at {WRONG:g} times: what was bought comes back, to mines that the floor drew "
                f"in. If nothing were sold, {says(unsold[0].values['after'], 'share')} and {says(unsold[1].values['after'], 'share')}: "
                "that part is the market's own fall and the mines.")

    def producing(self) -> str:
        s = self.setup
        parts = [f"{label}, mean price {between(self.opened(k, 'price_change'))}, revenue {between(self.opened(k, 'revenue_change'))}"
                 for k, label in enumerate(("at the mean price", f"at {WRONG:g} times"))]
        swings = [says(self.at(c, "revenue_sd_change"), "share") for c in (1.0, WRONG)]
        top = s.sold.stack().sort_values(ascending=False, kind="stable")[:3]
        gain = self.at(WRONG, "revenue_change")
        each = [f"{region_name(str(region))}, {good_name(str(good))}, {says(float(sold) * gain, 'USD/yr')}"
                for (region, good), sold in top.items()]
        return (f"Change over {YEARS} years, medians from a stock that begins full to one that begins empty: {'; '.join(parts)}. The "
                f"spread of revenue changes by {swings[0]} and {swings[1]}. At {WRONG:g} times the mean, begun empty, the largest sellers "
                f"would sell for more or less by: {'; '.join(each)}, where all respond alike. Who pays the loss of the stock, and "
                "royalties and taxes, are not modelled.")

    def attacked(self) -> str:
        run, long = self.r.runs[SHORT[0]]
        now = [f"{100 * float(np.mean(r.years[np.isfinite(r.years)] <= 0)):.0f} % of draws at {x:g} times"
               for x, (r, _) in self.r.runs.items()]
        return (f"Where the price without the stock would stay at {SHORT[0]:g} times the ceiling, a full stock of {MONTHS:g} months is "
                f"bought out after {says(run.years, 'number')} years, {says(run.share, 'share')} of it in one run; then the price rises to "
                f"{number(median(run.ends))} times the ceiling. The run comes on the first day in {', '.join(now)} the ceiling. "
                f"Elasticities of the first year are used over all of these; with those of the long run the first stock "
                f"is bought out after {says(long.years, 'number')} years.")

    def turns(self) -> str:
        base = [median(a.values["soon"]) for a in self.r.variants[BASE]]
        parts = []
        for name, pair in self.r.variants.items():
            now = [median(a.values["soon"]) for a in pair]
            if name != BASE and max(abs(x - y) for x, y in zip(now, base)) >= 0.1:
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
        cases = {f"{'The mean' if c == 1 else f'{c:g} times the mean'}, {m:g} months": self.r.grid[c, m].values
                 for c in CENTRES for m in (MONTHS, STOCKS[-1])}
        return Section("How long it holds", [drawn, self.table(cases, "band and room", "Agreements", "agreements")])

    def table(self, cases: Mapping[str, Mapping[str, np.ndarray]], first: str, title: str, name: str) -> Table:
        rows = [{first: label, f"broken in {SOON}": cell(v["soon"], 100), f"broken in {YEARS}": cell(v["ever"], 100),
                 "price after": cell(v["after"], 100), "cost": cell(v["cost"], 1e-6), "spread": cell(v["sd_change"], 100),
                 "mean price": cell(v["price_change"], 100), "revenue": cell(v["revenue_change"], 100)} for label, v in cases.items()]
        units = {f"broken in {SOON}": "%", f"broken in {YEARS}": "%", "price after": "% of floor", "cost": "USD m/yr",
                 "spread": "% change", "mean price": "% change", "revenue": "% change"}
        return Table(title, pd.DataFrame(rows), units, "Price after: in the year after the break, over the floor in force. Spread: "
                     f"standard deviation of log prices; mean price and revenue of producers over {YEARS} years; against no agreement.",
                     name=name)

    def over(self, months: float, what: str, factor: float) -> np.ndarray:
        """A measure by centre (draws, centres)."""
        return factor * np.stack([self.at(c, what, months) for c in CENTRES], axis=1)

    def states(self) -> Section:
        rows = {"the mean price" if c == 1 else f"{c:g} times the mean": self.r.grid[c, MONTHS].states for c in CENTRES}
        drawn = Chart(shares_chart(rows, f"Where the price stands, by the middle of the band ({MONTHS:g} months of use)",
                                   provenance=provenance(self.setup)), "states", "Shares of years in and out of the band, by its middle.")
        return Section("Time at the bounds", [f"Mean over draws, paths and {YEARS} years; broken counts all years after the break.", drawn])

    def flips(self) -> Section:
        tables = [self.table({name: pair[k].values for name, pair in self.r.variants.items()}, "variant", title, stem)
                  for k, (title, stem) in enumerate(((f"At the mean price, room of {MONTHS:g} months", "flips_mean"),
                                                     (f"At {WRONG:g} times the mean price", "flips_wrong")))]
        return Section("When does the answer flip?", [
            self.turns(), "Rows of half-life and volatility are the end points of their ranges, those of elasticities (within a year, then "
                          "in the end) the 5 and 95 % points over draws; each beside no agreement in the same world.", *tables])

    def runs(self) -> Section:
        rows = [{"free price": f"{x:g} times the ceiling", "bought out after": cell(run.years), "bought in the run": cell(run.share, 100),
                 "in the long run": cell(long.years), "of it in the run": cell(long.share, 100)}
                for x, (run, long) in self.r.runs.items()]
        units = {"bought out after": "years", "bought in the run": "% of the stock", "in the long run": "years",
                 "of it in the run": "% of the stock"}
        return Section("The run on the stock", [
            "A stock that holds a ceiling below the market's price is emptied by use, and the rest in one day: once holding what is left "
            "pays, private storers take all of it, before it is used up, and nobody can tell that day from the price (Salant and "
            "Henderson 1978). From then on the price rises at the cost of holding, and reaches the free price as the last of it is used.",
            Table("When a stock is bought out", pd.DataFrame(rows), units,
                  f"Room of {MONTHS:g} months, full. Closed form; what use lacks beyond output is a straight line from the ceiling to the "
                  "free price. First two columns: elasticities of the first year over all years; last two: those of the long run at once.",
                  name="runs")])

    def tin(self) -> Section:
        t = tin()
        (years, after), (years_low, after_low) = (self.r.tin[t[k]] for k in ("use", "use_low"))
        fell = t["after_one_year"] / t["held"]
        harder = median(after) < fell and median(years) < t["lasted"]
        how = "sooner and harder" if harder else "at another time or to another price"
        return Section("The tin agreement of 1982 in this model", [
            f"The International Tin Council held {number(t['held'])} USD/t until October 1985 with {number(t['money'] / 1e9)} billion "
            f"USD of debt; a year later tin cost {number(t['after_one_year'])}, two years later {number(t['after_two_years'])} USD/t, in "
            "dollars of the day. The dollar lost against other money in these two years, so that the fall was deeper for those who sell "
            "and buy in theirs. With the last price as what the market would pay, world use of "
            f"{number(t['use'] / 1000)} kt and the elasticities of this market in place of tin's, that money would last "
            f"{says(years, 'number')} full years without export controls, and the price a year after the break would be "
            f"{says(after, 'share')} of the one held. World output counts countries that were not members; with use of "
            f"{number(t['use_low'] / 1000)} kt: {says(years_low, 'number')} years and {says(after_low, 'share')}. It lasted "
            f"{number(t['lasted'])} years, with export controls, and the price fell to {number(100 * fell)} %. So the model breaks the "
            f"agreement {how} than history did. It has no export controls, no buyer who holds cheap metal, and a market price that is low "
            "from the first day."])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            f"{level_sentence(self.setup)}; where the mean over many years is known, the last row of each table above "
            "defends it, from the price of the benchmark on.",
            "Swings of the price are as persistent as yearly prices were; their long-run mean is taken as known, so that a band at the "
            "mean is the best case.",
            f"A broken agreement sells {100 * SELL_OFF:g} % of use a year until it is empty, also at prices above its old ceiling: an "
            "assumption, varied above. Nobody buys to hold, which makes "
            "the fall after a break an upper end.",
            "No export controls, which most agreements had beside their stock; no outsiders with a growing share but what the long-run "
            "elasticity of supply holds. The brief on coalitions has restraint of exports.",
            "Money has no limit but the room of the stock at the floor; with less money it breaks as it does with less room. Losses of the "
            "stock are not paid back in."])])

    def notes(self) -> list[str]:
        return [self.setup.drawn,
                "Median over draws, with the 5 to 95 % range in brackets; a chance is that over the paths of a draw.",
                "Sources: experiments/stock_sources.csv and stock_tin.csv."]
