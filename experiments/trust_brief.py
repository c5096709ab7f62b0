"""The pages of the brief on a minerals trust: every number in them is read from the results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.trust_results import (
    FAIR,
    FAIRER,
    FOLLOW,
    MARGIN,
    MARGINS,
    MONTHS,
    MOVING,
    NONE,
    REFERENCES,
    STOCKS,
    TRUST,
    YEARS,
    Setup,
    Trusts,
)
from experiments.words import lower_first, number, quantiles, says, verdict
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.labels import capitalised, good_name
from floormodel.report.path_charts import Fan, fan_chart
from floormodel.report.style import Provenance
from floormodel.report.tables import Table

SHOWN = 120  # paths in the chart of one draw's prices


def provenance(setup: Setup) -> Provenance:
    """Footer of the charts of a market as a whole."""
    return Provenance(setup.market, setup.year, setup.draws, float(setup.solved.mean()))


def money(values: np.ndarray) -> str:
    return says(values, "USD/yr")


def elasticity_sentence(setup: Setup) -> str:
    """What the market as a whole is assumed to be, in one sentence."""
    (s0, s1), (d0, d1) = setup.world.supply, setup.world.demand
    return (f"Elasticities of the whole market, all stages responding: supply {says(s0, 'number')} within a year and "
            f"{says(s1, 'number')} in the end, use {says(d0, 'number')} and {says(d1, 'number')}")


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Trusts):
        self.r, self.setup = r, r.setup
        self.name = good_name(r.setup.good)
        self.by = {name: r.measures(name) for name in r.paths}

    def brief(self) -> Brief:
        s, risk = self.setup, self.setup.risk
        return Brief(f"A minerals trust for {self.name} ({s.market.replace('_', ' ')}): could it secure fair prices?",
                     f"A central repository buys {100 * MARGIN:g} % below a published reference price and sells as far above it, with "
                     f"room for {MONTHS:g} months of the world's use, half full at the beginning. {YEARS} years; prices swing as they "
                     f"did, with a half-life of {number(risk.process.half_life)} years ({number(risk.half_life[0])} to "
                     f"{number(risk.half_life[1])}). {elasticity_sentence(s)}.",
                     self.headlines(), self.answers(), [self.prices(), self.rules(), self.storers(), self.table(), self.limits()],
                     self.notes())

    # numbers

    def less(self, name: str, what: str) -> np.ndarray:
        """Change of a measure against no trust, share (draws,)."""
        return self.by[name][what] / self.by[NONE][what] - 1

    def kept(self, share: float) -> np.ndarray:
        """Share of a year's use that must be kept off the market each year to hold a price so much higher for good (draws,)."""
        w = self.setup.world
        return np.exp(w.supply[1] * np.log(1 + share)) - np.exp(-w.demand[1] * np.log(1 + share))

    # text

    def headlines(self) -> list[Headline]:
        return [Headline(says(self.less(TRUST, "sd"), "share"), "change of the spread of prices", "standard deviation of log prices"),
                Headline(says(self.less(TRUST, "price"), "share"), "change of the mean price", "trust at the mean price"),
                Headline(says(self.less(FAIRER, "price"), "share"), "change of the mean price", f"reference {FAIR:g} times the mean"),
                Headline(money(self.by[TRUST]["cost"]), "cost", "interest and storage, less gains of trading")]

    def answers(self) -> list[str]:
        return [f"**Does a trust make prices steadier? (P10)** {self.steadier()}", f"**Does it make them higher?** {self.higher()}",
                f"**What do producers get?** {self.producers()}", f"**What does it cost?** {self.costs()}",
                f"**When does the answer flip?** {self.flips()}"]

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
        word = verdict(quantiles(self.less(FAIRER, "price"))[1], 0.01, 0.1, ("No", "No", "A little", "Yes"))
        return (f"{word}. A stock moves tonnes between years, it takes none away: the mean price changes by "
                f"{says(self.less(TRUST, 'price'), 'share')} with the reference at the mean and by "
                f"{says(self.less(FAIRER, 'price'), 'share')} with a reference {FAIR:g} times as high, which finds the stock full in "
                f"{says(self.by[FAIRER]['below'], 'share')} of years. To hold a price a quarter higher for good, "
                f"{says(self.kept(FAIR - 1), 'share')} of a year's use would have to be kept off the market every year: that is export "
                "restraint by all producers, the subject of the brief on coalitions, not a stock.")

    def producers(self) -> str:
        parts = [f"{lower_first(n)} {says(self.less(n, 'revenue'), 'share')} and {says(self.less(n, 'revenue_sd'), 'share')}"
                 for n in (TRUST, FAIRER, MOVING)]
        return f"Change of producers' mean revenue, and of its spread over the years: {'; '.join(parts)}."

    def costs(self) -> str:
        parts = [f"{lower_first(n)} {money(self.by[n]['cost'])} ({says(self.by[n]['cost_share'], 'share')} of the value of the market)"
                 for n in (TRUST, FAIRER, MOVING)]
        return f"Interest and storage, with the opening stock, less what buying low and selling high earns: {'; '.join(parts)}."

    def flips(self) -> str:
        spread = {x: quantiles(m["sd"] / self.by[NONE]["sd"] - 1)[1] for x, m in self.r.sweeps["months"].items()}
        largest = max(STOCKS)
        out = (f"With the size of the stock: {largest:g} months of use, which cost {money(self.r.sweeps['months'][largest]['cost'])}, "
               f"change the spread by {number(100 * spread[largest])} %, {STOCKS[0]:g} month by {number(100 * spread[STOCKS[0]])} %.")
        t = self.r.storers
        if {NONE, TRUST} <= set(t["trust"]):
            sd = t.pivot(index="draw", columns="trust", values="sd_price")
            private = t.pivot(index="draw", columns="trust", values="mean_private")
            out += (f" With shocks that do not last: if every year's were new, private storers beside it, the trust would change the "
                    f"standard deviation of prices by {says(sd[TRUST] / sd[NONE] - 1, 'share')} and take over "
                    f"{says(1 - private[TRUST] / private[NONE], 'share')} of private stocks.")
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
        return Section("By its rules", ["One thing is changed at a time; the others are those of the trust at the mean price.", *blocks])

    def stack(self, m: dict, levels: Sequence[float], what: str) -> np.ndarray:
        """Change against no trust by level (draws, levels)."""
        return np.stack([m[x][what] / self.by[NONE][what] - 1 for x in levels], axis=1)

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
            f"{t['draw'].nunique()} draws. Yearly shocks to output that do not last, as large as needed for prices to change as much "
            f"from year to year as they do. Error of the solution, log10, mean: {t['accuracy'].max():.1f} or "
            "smaller.".replace("-", "−"), name="storers")
        return Section("Beside private storers", [
            "The same trusts in a model in which shocks do not last and private storers expect what the trust does: the kindest world for "
            "a stock, and the one in which it replaces what others would hold.", table])

    def table(self) -> Section:
        rows = [{"trust": n, "mean price": cell(m["price"]), "sd of log price": cell(m["sd"]), "revenue": cell(m["revenue"]),
                 "sd of revenue": cell(m["revenue_sd"]), "cost": cell(m["cost"], 1e-6), "floor given up": cell(m["below"], 100),
                 "ceiling given up": cell(m["above"], 100)} for n, m in self.by.items()]
        return Section("In numbers", [Table("Trusts compared", pd.DataFrame(rows), {
            "mean price": "benchmark = 1", "revenue": "benchmark = 1", "cost": "USD m/yr", "floor given up": "% of years",
            "ceiling given up": "% of years"}, f"The trust that follows moves its reference {100 * FOLLOW:g} % of the way to the "
            "market's price each year.", name="trusts")])

    def limits(self) -> Section:
        f = self.setup.figures
        return Section("What this cannot say", [Points([
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
            "Audits, neutral custody and access rules, the other half of such proposals, have no price and are not here."])])

    def notes(self) -> list[str]:
        s = self.setup
        return [f"{s.draws:,} draws of the calibration, of half-life and volatility, interest and storage cost, {s.paths} price paths "
                f"each; {100 * float(s.solved.mean()):.4g} % solved.",
                "Median over draws, with the 5 to 95 % range in brackets.",
                "Sources: experiments/stock_sources.csv."]
