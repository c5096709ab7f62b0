"""The pages of the brief on a minerals trust: every number in them is read from the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.trust_results import (
    BASE,
    FAIR,
    FAIRER,
    FOLLOW,
    MARGINS,
    MOVING,
    NONE,
    REFERENCES,
    STOCKS,
    TRUST,
    Trusts,
    Values,
)
from experiments.trust_setup import LEVEL, MARGIN, MONTHS, OPENINGS, YEARS
from experiments.trust_words import between, effects_table, elasticity_sentence, level_sentence, median, money, moved, provenance
from experiments.words import lower_first, number, quantiles, says, verdict
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, good_name, region_name
from floormodel.report.path_charts import Fan, fan_chart
from floormodel.report.tables import Table

SHOWN = 120  # paths in the chart of one draw's prices
SHORT = {TRUST: "at the mean", FAIRER: f"{FAIR:g} times"}
SEEN = 0.02  # share of a stage from which on a country is in the table


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Trusts):
        self.r, self.setup = r, r.setup
        self.name = good_name(r.setup.good)
        self.by = r.by

    def brief(self) -> Brief:
        s, risk = self.setup, self.setup.risk
        return Brief(f"A minerals trust for {self.name} ({s.market.replace('_', ' ')}): could it secure fair prices?",
                     f"A central repository buys {100 * MARGIN:g} % below a published reference price and sells as far above it, with "
                     f"room for {MONTHS:g} months of the world's use, empty at the beginning. {YEARS} years; prices swing as they "
                     f"did, with a half-life of {number(risk.process.half_life)} years ({number(risk.half_life[0])} to "
                     f"{number(risk.half_life[1])}). {level_sentence(s)}. {elasticity_sentence(s)}.",
                     self.headlines(), self.answers(),
                     [self.prices(), self.rules(), self.begins(), self.worlds(), self.countries(), self.storers(), self.table(),
                      self.limits()], self.notes())

    # numbers

    def less(self, name: str, what: str) -> np.ndarray:
        """Change of a measure against no trust, share (draws,)."""
        return self.by[name][f"{what}_change"]

    def opened(self, name: str, what: str) -> list[np.ndarray]:
        """A measure by what the trust holds at the beginning: empty, half full, full."""
        return [self.r.openings[name, word][what] for word in OPENINGS]

    def bought(self, share: float) -> np.ndarray:
        """Share of a year's use that a stock must buy each year to hold a price so much higher for good (draws,)."""
        return 1 + self.drawn_in(share) - self.used(share)

    def drawn_in(self, share: float) -> np.ndarray:
        """Output that such a price draws in, as a share of output (draws,)."""
        return np.exp(self.setup.world.supply[1] * np.log(1 + share)) - 1

    def used(self, share: float) -> np.ndarray:
        """Use at a price so much higher for good, as a share of use (draws,): all that producers may then sell."""
        return np.exp(-self.setup.world.demand[1] * np.log(1 + share))

    # text

    def headlines(self) -> list[Headline]:
        return [Headline(says(self.less(TRUST, "sd"), "share"), "change of the spread of prices", "standard deviation of log prices"),
                Headline(between(self.opened(TRUST, "price_change")), "change of the mean price", "trust at the mean price; medians, by "
                                                                                                "whether it begins full or empty"),
                Headline(between(self.opened(FAIRER, "price_change")), "change of the mean price",
                         f"reference {FAIR:g} times the mean; medians, by whether it begins full or empty"),
                Headline(money(self.by[TRUST]["cost"]), "cost", "interest and storage, less gains of trading; begins empty")]

    def answers(self) -> list[str]:
        return [f"**Does a trust make prices steadier? (P10)** {self.steadier()}", f"**Does it make them higher?** {self.higher()}",
                f"**What do producers get?** {self.producers()}", f"**What does it cost, and who pays?** {self.costs()}",
                f"**Is it worth that?** {self.worth()}", f"**When does the answer flip?** {self.flips()}"]

    def steadier(self) -> str:
        by, effect = self.by, quantiles(-self.less(TRUST, "sd"))[1]
        word = verdict(effect, 0.02, 0.3, ("No", "Hardly", "A little", "Yes"))
        return (f"{word}. The spread of prices (standard deviation of logs) goes from {says(by[NONE]['sd'], 'number')} to "
                f"{says(by[TRUST]['sd'], 'number')}; prices more than a quarter below the mean come in {says(by[TRUST]['low'], 'share')} "
                f"of years instead of {says(by[NONE]['low'], 'share')}, more than a quarter above it in "
                f"{says(by[TRUST]['high'], 'share')} instead of {says(by[NONE]['high'], 'share')}. The stock is full and the floor given "
                f"up in {says(by[TRUST]['below'], 'share')} of years, empty under a price above the ceiling in "
                f"{says(by[TRUST]['above'], 'share')}, where swings outlast it.")

    def higher(self) -> str:
        changes = [median(x) for x in self.opened(FAIRER, "price_change")]
        word = verdict(min(changes), 0.01, 0.1, ("No", "No", "A little", "Yes"))
        words = list(OPENINGS)
        parts = [f"{between([self.r.openings[TRUST, word]['price_change']]).split(' to ')[0]} % if it begins {word}" for word in words]
        return (f"{word}. A stock moves tonnes between years and takes none away, but for what it holds at the end and did not at the "
                f"beginning. With the reference at the mean, the mean price over {YEARS} years changes by {', '.join(parts)}: that choice "
                f"sets the sign, since what fills the stock is bought once. With a reference {FAIR:g} times as high it changes by "
                f"{between(self.opened(FAIRER, 'price_change'))}, from full to empty at the beginning, and the stock is full in "
                f"{says(self.by[FAIRER]['below'], 'share')} of years. To hold a price a quarter higher for good, a stock would have to buy "
                f"{says(self.bought(FAIR - 1), 'share')} of a year's use every year, since mines grow. Producers who restrain exports "
                f"themselves would have to sell {says(1 - self.used(FAIR - 1), 'share')} less than without restraint, while the price "
                f"calls for {says(self.drawn_in(FAIR - 1), 'share')} more: the subject of the brief on coalitions.")

    def producers(self) -> str:
        ranged = [f"{lower_first(n)} {between(self.opened(n, 'revenue_change'))}, from full to empty at the beginning"
                  for n in (TRUST, FAIRER)]
        parts = [f"{lower_first(n)} {says(self.less(n, 'revenue_sd'), 'share')}" for n in (TRUST, FAIRER, MOVING)]
        return (f"Change of their mean revenue: {'; '.join(ranged)}. What the trust buys to fill its room is sold by producers once; that "
                f"sets the sign where the range goes through 0. Change of the spread of their revenue over the years, begun empty: "
                f"{'; '.join(parts)}.")

    def costs(self) -> str:
        parts = [f"{lower_first(n)} {money(self.by[n]['cost'])} ({says(self.by[n]['cost_share'], 'share')} of the value of the market)"
                 for n in (TRUST, FAIRER, MOVING)]
        levy = self.by[TRUST]["cost"] / self.setup.world.use
        full = self.r.openings[TRUST, "full"]["cost"]
        out = (f"Interest and storage, less what buying low and selling high earns and what is left at the end: {'; '.join(parts)}. "
               f"One that begins full and paid for its stock: {money(full)}. Nobody pays in this model. Put on every tonne used, the cost "
               f"of the trust at the mean price is {says(levy, 'number')} USD/t.")
        if LEVEL in self.setup.figures:
            high = self.setup.figures[LEVEL].high
            cost = next(m["cost"] for n, m in self.r.worlds.items() if n == f"All prices {number(high)} times as high")
            out += f" With prices {number(high)} times as high it costs {money(cost)}."
        return out

    def worth(self) -> str:
        g, cost = self.r.gains, median(self.by[TRUST]["cost"])
        short, long = (median(x) for x in g.part)
        word = "Not even at most" if max(short, long) < cost else "At most, yes" if min(short, long) > cost else "It turns on elasticities"
        return (f"{word}. The part of the swings that it takes away is worth at most {money(g.part[0])} to producers and users together "
                f"with the elasticities of a year, {money(g.part[1])} with those of the long run, against a cost of "
                f"{money(self.by[TRUST]['cost'])}. A price held at its mean for ever would be worth {money(g.full[0])} and "
                f"{money(g.full[1])}, before what holding it costs; of the latter producers would get {money(g.producers[0])} where all "
                f"swings come from demand and {money(g.producers[1])} where all come from supply. Straight curves, no aversion to risk "
                "(Massell 1969); what trading earns the trust is counted on both sides.")

    def flips(self) -> str:
        spread = {x: 100 * median(m["sd_change"]) for x, m in self.r.sweeps["months"].items()}
        largest, base = max(STOCKS), self.by[TRUST]
        others = {n: m for n, m in self.r.worlds.items() if n != BASE}
        worse = moved(base, others, "sd_change", 1 / 3, lambda m: f"{number(100 * median(m['sd_change']))} %")
        out = (f"Change of the spread, {number(100 * median(base['sd_change']))} %: with {largest:g} months of use in stock, which cost "
               f"{money(self.r.sweeps['months'][largest]['cost'])}, {number(spread[largest])} %, with {STOCKS[0]:g} month "
               f"{number(spread[STOCKS[0]])} %.")
        out += f" It moves by a third or more with: {'; '.join(worse)}." if worse else " No other world moves it by a third."
        t = self.r.storers
        if {NONE, TRUST} <= set(t["trust"]):
            sd = t.pivot(index="draw", columns="trust", values="sd_price")
            private = t.pivot(index="draw", columns="trust", values="mean_private")
            out += (f" With shocks that do not last: if every year's were new, private storers beside it, the trust would change the "
                    f"standard deviation of prices by {says(sd[TRUST] / sd[NONE] - 1, 'share')} and take over "
                    f"{says(1 - private[TRUST] / private[NONE], 'share')} of private stocks (median and range of only "
                    f"{t['draw'].nunique()} draws).")
        return out

    # sections

    def prices(self) -> Section:
        s, r = self.setup, self.r
        shown = (NONE, TRUST, FAIRER)
        worth = np.nanmedian(s.world.price) / 1000
        panels = [Fan("Price, USD/kg", "USD/kg", {n: worth * r.paths[n]["price"].values.T for n in shown}),
                  Fan("Stock, months of use", "months", {n: 12 * r.paths[n]["public"].values.T for n in shown if n != NONE})]
        drawn = Chart(fan_chart(range(1, YEARS + 1), panels, f"{capitalised(self.name)}: prices and stock over {YEARS} years",
                                "All paths of all draws, from the mean price on", provenance(s), across="year"), "paths",
                      "Fan of prices and of the stock over the years, by trust.")
        return Section("Prices and stock", ["Bands are of price paths and draws together: what a year may bring.", drawn])

    def rules(self) -> Section:
        labels = {"reference": ("reference price over the mean", REFERENCES), "margin": ("margin, share of the reference", MARGINS),
                  "months": ("room, months of use", STOCKS)}
        blocks: list[Chart] = []
        for what, (across, levels) in labels.items():
            m = self.r.sweeps[what]
            panels = [Fan("Change of the spread of prices, %", "%", {"Trust": 100 * self.stack(m, levels, "sd")}),
                      Fan("Change of the mean price, %", "%", {"Trust": 100 * self.stack(m, levels, "price")}),
                      Fan("Cost, million USD a year", "USD m", {"Trust": np.stack([m[x]["cost"] for x in levels], 1) / 1e6}),
                      Fan("Years with the floor given up, %", "%", {"Trust": 100 * np.stack([m[x]["below"] for x in levels], 1)})]
            blocks.append(Chart(fan_chart(levels, panels, f"A trust by its {what if what != 'months' else 'stock'}",
                                          provenance=provenance(self.setup), zero=True, across=across), f"by_{what}",
                                f"Effects of the trust by {across}."))
        return Section("By its rules", [
            "One thing is changed at a time; the others are those of the trust at the mean price. All begin empty, and what fills them "
            "lifts the mean price.", *blocks])

    def stack(self, m: Mapping[float, Values], levels: Sequence[float], what: str) -> np.ndarray:
        """Change against no trust by level (draws, levels)."""
        return np.stack([m[x][f"{what}_change"] for x in levels], axis=1)

    def begins(self) -> Section:
        cases = {f"{capitalised(short)}, {word}": self.r.openings[n, word] for n, short in SHORT.items() for word in OPENINGS}
        return Section("By what it holds at the beginning", [
            f"A trust that begins empty buys more than it sells within {YEARS} years, which lifts prices and revenues; one that begins "
            "full sells more than it buys. What lasts is near the row in which tonnes bought less tonnes sold is nearest to 0. A stock "
            "that is there at the beginning is paid for at the mean price, but nobody sold it within these years.",
            effects_table(cases, "reference, begins", "Trusts by their opening stock", "openings")])

    def worlds(self) -> Section:
        return Section("When does the answer flip?", [
            "The trust at the mean price, begun empty. Rows of half-life and volatility are the end points of their ranges, those of "
            "elasticities (within a year, then in the end) the 5 and 95 % points over draws; each beside no trust in the same world.",
            effects_table(self.r.worlds, "world", "The trust in other worlds", "flips")])

    def countries(self) -> Section:
        s = self.setup
        cases = {f"{short}, begins {word}": self.r.openings[n, word]["revenue_change"]
                 for n, short in SHORT.items() for word in OPENINGS if OPENINGS[word] in (0.0, 1.0)}
        stages = {good: s.sold[good].sort_values(ascending=False, kind="stable") for good in reversed(s.sold.columns)}
        rows = [{"country": f"{region_name(str(region))}, {good_name(str(good))}", "share of stage": 100 * sold / stage.sum(),
                 **{label: cell(sold * v, 1e-6) for label, v in cases.items()}}
                for good, stage in stages.items() for region, sold in stage.items() if sold >= SEEN * stage.sum()]
        return Section("Producing countries", [
            f"Change of mean revenue, by what producers sell in the benchmark: all of a stage respond alike, and stages before "
            f"{self.name} are paid as large a part of its price as in the benchmark. What of it the state takes in royalties and taxes is "
            "not modelled.",
            Table("Revenue by producing country", pd.DataFrame(rows), {"share of stage": "%"} | dict.fromkeys(cases, "USD m/yr"),
                  f"Countries with {100 * SEEN:g} % or more of what a stage sells. Stages buy from each other: not to be added up.",
                  name="countries")])

    def storers(self) -> Section:
        t = self.r.storers
        if t.empty:
            return Section("Beside private storers", ["In no draw tried did the model with private storers settle on shocks as large as "
                                                      "prices need."])
        rows = []
        for name, part in t.groupby("trust", sort=False):
            rows.append({"trust": str(name), **{label: cell(part[column].to_numpy(), factor) for label, (column, factor) in {
                "mean price": ("mean_price", 1.0), "sd of price": ("sd_price", 1.0), "private stock": ("mean_private", 12.0),
                "public stock": ("mean_public", 12.0)}.items()},
                "public full": cell(part["public_full"].fillna(0).to_numpy(), 100) if name != NONE else "–",
                "public empty": cell(part["public_empty"].to_numpy(), 100) if name != NONE else "–"})
        table = Table("Trusts beside private storers with rational expectations", pd.DataFrame(rows), {
            "mean price": "benchmark = 1", "sd of price": "benchmark = 1", "private stock": "months of use", "public stock": "months of "
                                                                                                                             "use",
            "public full": "% of years", "public empty": "% of years"},
            f"Medians and ranges of only {t['draw'].nunique()} draws. Yearly shocks to output that do not last, as large as needed for "
            f"prices to change as much from year to year as they do. Error of the solution, log10, mean: {t['accuracy'].max():.1f} or "
            "smaller.".replace("-", "−"), name="storers")
        return Section("Beside private storers", [
            "The same trusts in a model in which shocks do not last and private storers expect what the trust does: the kindest world for "
            "a stock, and the one in which it replaces what others would hold.", table])

    def table(self) -> Section:
        rows = [{"trust": n, "mean price": cell(m["price"]), "sd of log price": cell(m["sd"]), "revenue": cell(m["revenue"]),
                 "sd of revenue": cell(m["revenue_sd"]), "cost": cell(m["cost"], 1e-6), "floor given up": cell(m["below"], 100),
                 "ceiling given up": cell(m["above"], 100)} for n, m in self.by.items()]
        return Section("In numbers", [Table("Trusts compared", pd.DataFrame(rows), {
            "mean price": "mean = 1", "revenue": "mean = 1", "cost": "USD m/yr", "floor given up": "% of years",
            "ceiling given up": "% of years"}, f"The trust that follows moves its reference {100 * FOLLOW:g} % of the way to the "
            "market's price each year. All begin empty.", name="trusts")])

    def limits(self) -> Section:
        f = self.setup.figures
        return Section("What this cannot say", [Points([
            f"{level_sentence(self.setup)}; what is said in per cent hardly moves.",
            "No trust for minerals exists, and no proposal gives its operating rules: band, stock and cash here are assumptions, the band "
            "about as wide as that of the tin agreement of 1982.",
            "The trust is taken to know the mean price; one that guesses it wrongly is in the chart by reference, and in the brief on "
            "buffer stocks.",
            "Without a trust, output stands at the benchmark: what moves prices is taken as shifts of supply and demand that leave it "
            "there.",
            "Where prices swing for long, nobody else stores in this model; with private storers, shocks do not last. The truth lies "
            "between.",
            f"Interest {100 * f['interest'].value:g} % ({100 * f['interest'].low:g} to {100 * f['interest'].high:g}); storage "
            f"{f['storage_cost'].value:g} USD/t a year ({f['storage_cost'].low:g} to {f['storage_cost'].high:g}): "
            f"{f['storage_cost'].note}.",
            "Who pays for the trust is not modelled, nor what states take from producers in royalties and taxes.",
            "Audits, neutral custody and access rules, the other half of such proposals, have no price and are not here."])])

    def notes(self) -> list[str]:
        return [self.setup.drawn,
                "Median over draws, with the 5 to 95 % range in brackets.",
                "Sources: experiments/stock_sources.csv."]
