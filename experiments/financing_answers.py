"""The sentences of the brief on financing: every number in them is read from the results, every answer says what flips it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.financing_offers import ALONE, Site
from experiments.financing_results import CHANCE, HAZARDS, Financing
from experiments.financing_variants import CENTRAL, flips
from experiments.ten_years_results import COVERED, FLOOR, NONE, SUBSIDY
from experiments.words import lower_first, number, quantiles, says, span
from floormodel.report.labels import capitalised, good_name, region_name

NEAREST, MOST_FLIPS = 3, 5
SAID = {NONE: "no policy", FLOOR: "the floor", COVERED: "the covered floor", SUBSIDY: "the gap subsidy", ALONE: "a guarantee of its own"}


def share(values: np.ndarray) -> float:
    """Mean of what is not missing."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def percent(x: float) -> str:
    """`43 %`."""
    return f"{100 * x:.0f} %" if np.isfinite(x) else "not defined"


def kilo(values: np.ndarray) -> str:
    """Median and range of USD per t/yr, told per kg."""
    low, middle, high = quantiles(values / 1000)
    return span(low, middle, high, "USD per kg/yr")


def listed(items: Sequence[str]) -> str:
    """At most `MOST_FLIPS` items, and how many more."""
    shown = [lower_first(x) for x in items[:MOST_FLIPS]]
    return ", ".join(shown) + (f" and {len(items) - MOST_FLIPS} more" if len(items) > MOST_FLIPS else "")


class Answers:
    """Sentences on one set of results."""

    def __init__(self, f: Financing, variants: pd.DataFrame, moved: pd.DataFrame):
        self.f, self.variants, self.moved = f, variants, moved
        self.good, self.tolerated = f.case.good, f.assumed("tolerated_breach")[1]
        self.supported = [m for m in f.measures if m != NONE]

    def pays(self, label: str, measure: str) -> float:
        """Share of draws in which a plant pays."""
        return share(self.f.cells[label, measure].pays())

    def bankable(self, label: str, measure: str) -> float:
        """Share of draws in which it is financed with debt."""
        return share(self.f.cells[label, measure].financed(self.tolerated))

    def focus(self) -> list[Site]:
        """Plants for the floored good in the bloc, or else all for it, or all."""
        own = [s for s in self.f.sites if s.plan.good == self.good]
        return [s for s in own if s.inside] or own or list(self.f.sites)

    def all(self) -> list[str]:
        """The answers in their order."""
        out = [f"**Which plants get financed? (P1)** {self.financed()}", f"**What flips it?** {self.financed_flips()}",
               f"**At what price?** {self.prices()}", f"**With what debt?** {self.debt()}"]
        if self.f.places:
            out.append(f"**Where does the plant downstream go? (P12)** {self.places()}")
        return [*out, f"**How much does doubt cost? (P13)** {self.doubt()}"]

    def financed(self) -> str:
        parts, counts = [], []
        for m in self.f.measures:
            found = [(s.label, self.pays(s.label, m), self.bankable(s.label, m)) for s in self.f.sites]
            paying = [x for x in found if x[1] >= 0.5]
            counts.append(f"{len(paying) or 'none'} with {SAID[m]}")
            best = max(found, key=lambda x: np.nan_to_num(x[1]))
            shown = "; ".join(f"{label} {percent(x)} ({percent(y)})" for label, x, y in paying or [best])
            parts.append(f"{m}: {'' if paying else 'none, at best '}{shown}")
        return (f"Of {len(self.f.sites)} plants these pay at their hurdle in at least half of the draws: {', '.join(counts)}. In "
                f"brackets the draws in which they also get debt and break its covenant on at most {percent(self.tolerated)} of price "
                f"paths. {'. '.join(parts)}.")

    def financed_flips(self) -> str:
        """The plants closest to turning, and what turns them."""
        groups = ("market", "price", "plant")
        near = sorted(((abs(self.pays(s.label, m) - 0.5), s.label, m) for s in self.f.sites for m in self.supported), key=lambda x: x[0])
        parts = []
        for _, label, m in near[:NEAREST]:
            turned = flips(self.variants, label, m, "npv", groups)
            rate = quantiles(self.f.cells[label, m].value[0.0].irr)[1]
            earns = f", earns {percent(rate)} a year" if np.isfinite(rate) else ""
            parts.append(f"{label} with {SAID[m]} (pays in {percent(self.pays(label, m))} of draws{earns}): "
                         f"{listed(turned) if turned else 'none of the variants tried'}")
        firm = [SAID[m] for m in self.supported if not any(flips(self.variants, s.label, m, "npv", groups) for s in self.focus())]
        none = f" For {good_name(self.good)} made in the bloc nothing tried turns the answer with {', '.join(firm)}." if firm else ""
        return f"Closest to turning, and what turns them at central values, one assumption at a time. {'. '.join(parts)}.{none}"

    def prices(self) -> str:
        needs = [f"{s.label} {says(self.f.cells[s.label, NONE].value[0.0].incentive_net_price, 'USD/t')}, "
                 f"{says(self.f.cells[s.label, NONE].needed, 'USD/t')}" for s in self.focus()]
        parts = []
        for s in self.focus():
            pairs = ", ".join(f"{number(quantiles(self.f.cells[s.label, m].value[0.0].incentive_net_price)[1] / 1000)} / "
                              f"{says(self.net(s, m), 'USD/t')} {SAID[m]}" for m in self.f.measures)
            parts.append(f"{s.label}: {pairs}")
        return (f"Net price needed to earn the hurdle without policy, and to earn it on {percent(CHANCE)} of price paths: "
                f"{'; '.join(needs)} (the others: table 1). Needed, at the input prices of each measure, / got: {'. '.join(parts)}. "
                f"{self.price_flips()}")

    def net(self, s: Site, measure: str) -> np.ndarray:
        """Net price met, with a guarantee where it pays more (draws,), USD/t."""
        given = self.f.cells[s.label, measure].offer
        return np.maximum(np.asarray(given.prices.net_price, float), given.guaranteed)

    def price_flips(self) -> str:
        """Level, hurdle and volatility."""
        parts = []
        for s in self.focus():
            rows = self.variants[(self.variants["plant"] == s.label) & (self.variants["measure"] == FLOOR)].set_index("variant")["npv"]
            tried = [v for v in rows.index if str(v).startswith(("Hurdle", "Floor and guarantee")) or v == CENTRAL]
            parts.append(f"{s.label} pays under the floor in {percent(self.pays(s.label, FLOOR))} of draws; " + ", ".join(
                f"{'yes' if rows[v] > 0 else 'no'} with {lower_first(str(v))}" for v in tried))
        return f"A floor holds the price of imports, not that of the plant. {'. '.join(parts)}."

    def debt(self) -> str:
        s = self.focus()[0]
        words = []
        for m in self.f.measures:
            loan = self.f.cells[s.label, m].lent()
            tail = f", broken on {percent(share(loan.breach))} of paths" if np.isfinite(loan.breach).any() else ""
            words.append(f"{SAID[m]} {span(*quantiles(loan.gearing), 'share')}{tail}")
        kept = quantiles(self.f.cells[s.label, ALONE].lent().covenant_price)
        return (f"{s.label}, debt in per cent of capital cost, and how often cover falls below {self.f.assumed('covenant')[1]:g} in "
                f"some year: {'; '.join(words)}. Under a guarantee of its own the covenant holds from a net price of "
                f"{span(*kept, 'USD/t')}. {self.debt_flips()}")

    def debt_flips(self) -> str:
        """Lenders' terms and price processes."""
        parts = []
        for s in self.focus():
            for m in self.supported:
                turned = flips(self.variants, s.label, m, "financed", ("lenders", "price"))
                if turned:
                    parts.append(f"{s.label} with {SAID[m]}: {listed(turned)}")
        if not parts:
            return "Whether a paying plant's debt is safe turns with none of the lenders' terms and price processes tried, central values."
        return f"Whether a paying plant's debt is safe turns, at central values, with: {'. '.join(parts)}."

    def places(self) -> str:
        parts = []
        for (home, away, hazard), choice in self.f.places.items():
            if hazard > 0:
                continue
            words = ", ".join(f"{SAID[m]} {percent(share(choice.advantage(m) > 0))}" for m in choice.home)
            pays = max(share(np.maximum(choice.home[m]["npv"], choice.away[m]["npv"]) > 0) for m in choice.home)
            gain = choice.advantage(COVERED) - choice.advantage(FLOOR) if COVERED in choice.home else np.array([np.nan])
            worth = f", coverage worth {kilo(gain)}" if np.isfinite(gain).any() else ""
            parts.append(f"{region_name(home)} over {region_name(away)}: {words}{worth}; in the better of the two it pays in at most "
                         f"{percent(pays)} of draws")
        return f"Share of draws in which it is worth more in the bloc. {'. '.join(parts)}. {self.place_flips()}"

    def place_flips(self) -> str:
        """Variants of the market, and doubt."""
        parts, doubted = [], []
        for place, rows in self.moved.groupby("place", sort=False):
            home, away = str(place).split(":")
            for m, by in rows.groupby("measure", sort=False):
                at = float(by[by["variant"] == CENTRAL]["advantage"].iloc[0])
                turned = [str(v) for v, x in zip(by["variant"], by["advantage"]) if np.isfinite(x) and (x > 0) != (at > 0)]
                if turned and m in (FLOOR, COVERED):
                    parts.append(f"{region_name(home)} over {region_name(away)}, {SAID[str(m)]}: {listed(turned)}")
            sure, unsure = (self.f.places[home, away, h] for h in (HAZARDS[0], HAZARDS[-1]))
            if COVERED in sure.home:
                before, after = (share(x.advantage(COVERED) > 0) for x in (sure, unsure))
                if before != after:
                    doubted.append(f"{region_name(home)} over {region_name(away)} from {percent(before)} to {percent(after)}")
        doubt = f" Doubt of {100 * HAZARDS[-1]:g} % a year takes the covered floor's share for {'; '.join(doubted)}." if doubted else ""
        turns = f"The choice turns, at central values, with: {'. '.join(parts)}." if parts else "No variant of the market turns the choice."
        return f"{turns}{doubt}"

    def doubt(self) -> str:
        first, *rest = self.focus()
        parts = []
        for m in (m for m in self.supported if m != COVERED):
            c = self.f.cells[first.label, m]
            lost = c.value[0.0].npv - c.value[HAZARDS[-1]].npv
            chances = ", ".join(f"{percent(share(c.value[h].probability))} at {100 * h:g}" for h in HAZARDS)
            parts.append(f"{capitalised(SAID[m])}: pays with a chance of {chances} % a year, value lost at {100 * HAZARDS[-1]:g} % "
                         f"{kilo(lost)}{self.rule(first.label, m)}")
        return f"{first.label}, by yearly chance of repeal. {'. '.join(parts)}. {self.doubt_flips([first, *rest])}"

    def doubt_flips(self, sites: Sequence[Site]) -> str:
        """The hazards at which the median value is gone."""
        gone = [f"{s.label} with {SAID[m]} {100 * self.f.cells[s.label, m].flip_hazard:.1f} %" for s in self.f.sites
                for m in self.supported if self.f.cells[s.label, m].flip_hazard > 0]
        over = [f"{s.label} with {SAID[m]}" for s in self.f.sites for m in self.supported
                if np.isnan(self.f.cells[s.label, m].flip_hazard) and self.pays(s.label, m) >= 0.5]
        idle = [s.label for s in sites if self.f.cells[s.label, FLOOR].flip_hazard == 0]
        text = f"The median value is gone at a chance of repeal a year of: {'; '.join(gone)}." if gone else ""
        text += f" Not up to {100 * HAZARDS[-1]:g} %: {'; '.join(over)}." if over else ""
        return text + (f" With the floor it is negative without any doubt: {'; '.join(idle)}." if idle else "")

    def rule(self, label: str, measure: str) -> str:
        """When it is built by an investor who may wait."""
        t = self.f.triggers
        rows = t[(t["plant"] == label) & (t["measure"] == measure)]
        words = ", ".join(trigger_word(x, v) for x, v in zip(rows["trigger"], rows["npv"]))
        at = ", ".join(f"{100 * h:g}" for h in rows["hazard"])
        return f"; built by who may wait from {words} times the mean reference price (at {at} % a year)" if words else ""


def trigger_word(trigger: float, npv: float) -> str:
    """A trigger for readers: multiple of the mean reference price."""
    if np.isfinite(trigger):
        return "any" if trigger == 0 else f"{trigger:.2f}"
    return "low alone" if npv > 0 else "none"
