"""The sentences of the brief on financing: every number in them is read from the results, every answer says what flips it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.financing_offers import ALONE, Site
from experiments.financing_results import HAZARDS, Financing
from experiments.financing_value import TERMS_OF_YEARS
from experiments.financing_variants import AS_IT_IS, HALF, HIGHER, LEVELS, NO_ENTRY, PLANNED, flips
from experiments.ten_years_results import COVERED, FLOOR, NONE, SUBSIDY
from experiments.words import lower_first, number, quantiles, says
from floormodel.report.labels import capitalised, good_name, region_name

NEAREST, MOST_FLIPS = 2, 2
ALIKE = 0.05  # at most this much, of the margin that a plant needs, lies between it and that of those that enter
MARKET_TO_PLANT = ("market", "price", "plant", "term")  # groups of variants that move a plant's value
LENDERS = ("lenders", "price")  # those that move how safe its debt is
SAID = {NONE: "no policy", FLOOR: "the floor", COVERED: "the covered floor", SUBSIDY: "the gap subsidy", ALONE: "a guarantee of its own"}
YEARS = TERMS_OF_YEARS[0]


def share(values: np.ndarray) -> float:
    """Mean of what is not missing."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def percent(x: float) -> str:
    """`43 %`."""
    return f"{100 * x:.0f} %" if np.isfinite(x) else "not defined"


def per_kilo(x: float) -> str:
    """USD/t told per kg with one decimal, or more where it is small; without the unit."""
    return f"{x / 1000:,.1f}" if abs(x) >= 10_000 else number(x / 1000)


def listed(items: Sequence[tuple[str, float]]) -> str:
    """At most `MOST_FLIPS` variants with the share of draws that say yes, those that move it most first, and how many more."""
    order = sorted(items, key=lambda x: -abs(x[1] - HALF))
    shown = [f"{lower_first(v)} ({percent(x)})" for v, x in order[:MOST_FLIPS]]
    return ", ".join(shown) + (f" and {len(items) - MOST_FLIPS} more" if len(items) > MOST_FLIPS else "")


class Answers:
    """Sentences on one set of results."""

    def __init__(self, f: Financing, variants: pd.DataFrame, moved: pd.DataFrame):
        self.f, self.variants, self.moved = f, variants, moved
        self.good, self.tolerated = f.case.good, f.assumed("tolerated_breach")[1]
        self.supported = [m for m in f.measures if m != NONE]

    def pays(self, label: str, measure: str, years: int = 0) -> float:
        """Share of draws in which a plant pays, the measure standing for its life or for `years` of operation."""
        return share(self.f.cells[label, measure].pays(years=years))

    def bankable(self, label: str, measure: str) -> float:
        """Share of draws in which it is financed with debt."""
        return share(self.f.cells[label, measure].financed(self.tolerated))

    def focus(self) -> list[Site]:
        """Plants for the floored good in the bloc, or else all for it, or all."""
        own = [s for s in self.f.sites if s.plan.good == self.good]
        return [s for s in own if s.inside] or own or list(self.f.sites)

    def enters(self, good: str, region: str) -> bool:
        """Nothing stands there in the benchmark: the price is that of a small plant that may enter."""
        made = self.f.bare.dataset["output0"].sel(good=good, region=region)
        return (good, region) in self.f.bare.opened and not float(made.max()) > 0

    def all(self) -> list[str]:
        """The answers in their order."""
        out = [f"**Which plants get financed? (P1)** {self.financed()}", f"**What flips it?** {self.financed_flips()}",
               f"**At what price?** {self.prices()}", f"**With what debt?** {self.debt()}"]
        if self.f.places:
            out.append(f"**Where does the plant downstream go? (P12)** {self.places()}")
        return [*out, f"**How much does doubt cost? (P13)** {self.doubt()}"]

    def paying(self, measure: str, years: int = 0) -> int:
        """How many plants pay in at least half of the draws."""
        return sum(self.pays(s.label, measure, years) >= HALF for s in self.f.sites)

    def financed(self) -> str:
        counts: dict[int, list[str]] = {}
        for m in self.f.measures:
            counts.setdefault(self.paying(m), []).append(SAID[m])
        many = "; ".join(f"{n or 'none'} with {', '.join(names)}" for n, names in counts.items())
        held = [m for m in (SUBSIDY, ALONE) if m in self.f.measures]
        short = " and ".join(str(self.paying(m, YEARS) or "none") for m in held)
        s = self.focus()[0]
        own = ", ".join(f"{100 * self.pays(s.label, m):.0f}{f' ({100 * self.pays(s.label, m, YEARS):.0f})' if m in held else ''}"
                        for m in self.f.measures)
        return (f"Of {len(self.f.sites)} plants, paying at their hurdle in at least half of the draws: {many} (for {YEARS} years of "
                f"operation instead of life: {short}). {s.label}, in this order: {own} % of draws.{self.gifts()}")

    def gifts(self) -> str:
        """What the guarantee of a plant downstream holds for inputs that it buys at the free price."""
        given = [s for s in self.f.sites if s.gift and self.pays(s.label, ALONE) > 0]
        if not given:
            return ""
        s = max(given, key=lambda x: self.pays(x.label, ALONE))
        rows = self.variants[self.variants["variant"].str.startswith("Own guarantee") & (self.variants["plant"] == s.label)]
        left = float(rows[rows["measure"] == ALONE]["pays"].iloc[0])
        return (f" {s.label}: {percent(self.pays(s.label, ALONE))} with its own, {percent(left)} without the part of it for dear "
                f"{good_name(self.good)}, which it need not buy.")

    def turned(self, label: str, measure: str, what: str, groups: tuple[str, ...]) -> list[tuple[str, float]] | None:
        """What turns an answer; None where the draws of the variants do not say what all draws say."""
        rows = self.variants[(self.variants["plant"] == label) & (self.variants["measure"] == measure)]
        said = self.pays(label, measure) if what == "pays" else self.bankable(label, measure)
        if (float(rows[rows["variant"] == AS_IT_IS][what].iloc[0]) >= HALF) != (said >= HALF):
            return None
        return flips(self.variants, label, measure, what, groups)

    def turns(self, label: str, measure: str, what: str, groups: tuple[str, ...]) -> str:
        """`turns to no with ...`, away from what is said."""
        found = self.turned(label, measure, what, groups)
        said = self.pays(label, measure) if what == "pays" else self.bankable(label, measure)
        if found is None:
            return "too close to tell what turns it"
        tried = self.variants[self.variants["group"].isin(groups)]["variant"].nunique()
        return f"turns to {'no' if said >= HALF else 'yes'} with {listed(found)}" if found else f"is turned by none of {tried} variants"

    def financed_flips(self) -> str:
        """The plants closest to turning, and what turns them."""
        near = sorted(((abs(self.pays(s.label, m) - HALF), s.label, m) for s in self.focus() for m in self.supported), key=lambda x: x[0])
        parts = []
        for _, label, m in near[:NEAREST]:
            at = self.pays(label, m)
            parts.append(f"{label} with {SAID[m]} ({'yes' if at >= HALF else 'no'}, {percent(at)}) "
                         f"{self.turns(label, m, 'pays', MARKET_TO_PLANT)}")
        s = self.focus()[0]
        if (s.label, ALONE) not in [x[1:] for x in near[:NEAREST]]:
            parts.append(f"{s.label} with {SAID[ALONE]} ({percent(self.pays(s.label, ALONE))}) "
                         f"{self.turns(s.label, ALONE, 'pays', MARKET_TO_PLANT)}")
        return f"One assumption at a time; yes: at least half of the draws. {'. '.join(parts)}."

    def prices(self) -> str:
        s = self.focus()[0]
        got = ", ".join(f"{per_kilo(quantiles(self.f.cells[s.label, m].paid)[1])} with {SAID[m]}"
                        for m in (NONE, FLOOR, ALONE) if m in self.f.measures)
        return (f"{s.label} needs {says(self.f.cells[s.label, NONE].value[0.0].incentive_net_price, 'USD/t')} and gets {got}."
                f"{self.rivals(s)}")

    def rivals(self, s: Site) -> str:
        """Why a floor for imports is not the price of the plant, by the variants without entry and with a higher floor."""
        under = self.variants[(self.variants["plant"] == s.label) & (self.variants["measure"] == FLOOR)]
        price, pays = (dict(zip(under["variant"], under[x].astype(float))) for x in ("net_price", "pays"))
        size = self.entrants(s.plan.good)
        if not size or NO_ENTRY not in price:
            return ""
        closed = "with none entering nothing is made there"
        if np.isfinite(pays[NO_ENTRY]):
            closed = (f"with none entering it gets {per_kilo(price[NO_ENTRY])} and pays in {percent(pays[NO_ENTRY])} of draws, not "
                      f"{percent(pays[AS_IT_IS])}")
        planned = f"; with the planned alone in {percent(pays[PLANNED])}" if PLANNED in pays else ""
        needs = self.f.cells[s.label, NONE].value[0.0].incentive_net_price - np.asarray(self.f.cells[s.label, NONE].offer.prices.input_cost)
        cost = self.f.market.dataset["latent_unit_cost"]
        asked = [float(cost.sel(good=g, region=r).median()) for g, r in self.f.bare.opened if g == s.plan.good]
        alike = min(abs(x / np.nanmedian(needs) - 1) for x in asked) < ALIKE
        return (f" A floor holds the price of imports; inside, new plants of up to {number(size)} t each enter once the price pays for "
                f"them{', and they cost what it costs' if alike else ''}. A floor {LEVELS[1]:g} times as high brings "
                f"{per_kilo(price[HIGHER.format(LEVELS[1])])}; {closed}{planned}.")

    def entrants(self, good: str) -> float:
        """Largest t/yr of a plant of a good that may enter."""
        capacity = self.f.bare.dataset["latent_capacity"]
        return max((float(capacity.sel(good=g, region=r).max()) for g, r in self.f.bare.opened if g == good), default=0.0)

    def debt(self) -> str:
        s = self.focus()[0]
        words = []
        for m in (m for m in (NONE, FLOOR, ALONE) if m in self.f.measures):
            loan = self.f.cells[s.label, m].lent()
            some = int(np.isfinite(loan.breach).sum())
            among = "" if some == loan.breach.size else f" in the {some} of {loan.breach.size} draws with a loan"
            tail = f"{percent(share(loan.breach))}{among}" if some else "no loan worth the name"
            words.append(f"{SAID[m]} {number(100 * quantiles(loan.gearing)[1])} % ({tail})")
        safe = " and ".join(f"{percent(self.bankable(s.label, m))} with {SAID[m]}" for m in (FLOOR, ALONE))
        return (f"{s.label}, debt over capital cost and how often cover falls below {self.f.assumed('covenant')[1]:g} in some year: "
                f"{', '.join(words)}. Little debt is not safe debt: thin margins break most. Share of draws in which it pays with debt "
                f"that breaks on at most {percent(self.tolerated)} of paths: {safe}, which "
                f"{self.turns(s.label, ALONE, 'financed', LENDERS)}.")

    def places(self) -> str:
        parts: list[str] = []
        left, best = [], []
        for (home, away, hazard), choice in self.f.places.items():
            if hazard > 0:
                continue
            if self.enters(self.f.case.downstream[0], home):
                left.append(region_name(home))
                continue
            words = ", ".join(f"{100 * share(choice.advantage(m) > 0):.0f}" for m in choice.home)
            best.append(max(share(np.maximum(choice.home[m]["npv"], choice.away[m]["npv"]) > 0) for m in choice.home))
            parts.append(f"{region_name(home)} over {region_name(away)} {words} %")
        start = "No place in the bloc has a plant to read a price from."
        if parts:
            start = (f"Share of draws in which it is worth more in the bloc with {', '.join(SAID[m] for m in choice.home)}: "
                     f"{'; '.join(parts)}. It pays in either place in at most {percent(max(best))}. {self.place_flips()}")
        none = f" {', '.join(dict.fromkeys(left))}: no plant stands, so no price and no answer." if left else ""
        return f"{start}{none}"

    def place_flips(self) -> str:
        """Variants of the market that turn the choice under the covered floor, or under the floor where no product is covered."""
        parts = []
        for place, rows in self.moved.groupby("place", sort=False):
            home, away = str(place).split(":")
            m = COVERED if COVERED in self.f.measures else FLOOR
            by = rows[rows["measure"] == m].set_index("variant")["share"]
            if self.enters(self.f.case.downstream[0], home) or AS_IT_IS not in by.index:
                continue
            at = share(self.f.places[home, away, HAZARDS[0]].advantage(m) > 0)
            turned = [(str(v), float(x)) for v, x in by.items() if (x >= HALF) != (by[AS_IT_IS] >= HALF)]
            if turned and (by[AS_IT_IS] >= HALF) == (at >= HALF):
                most = sorted(turned, key=lambda x: -abs(x[1] - HALF))[0]
                way = "no" if at >= HALF else "yes"
                parts.append(f"over {region_name(away)} to {way} with {lower_first(most[0])} ({percent(most[1])})")
        return f"{capitalised(SAID[m])} turns {'; '.join(parts)}." if parts else "No variant of the market turns the choice."

    def doubt(self) -> str:
        s = self.focus()[0]
        chances, costs = [], []
        for m in (m for m in (FLOOR, ALONE) if m in self.supported):
            c = self.f.cells[s.label, m]
            found = ", ".join(f"{100 * share(c.value[h].probability):.0f}" for h in HAZARDS)
            chances.append(f"{SAID[m]} {found} %")
            lost = quantiles(c.value[0.0].npv - c.value[HAZARDS[-1]].npv)[1]
            costs.append(f"{capitalised(SAID[m])} loses {per_kilo(lost)} USD per kg/yr at {100 * HAZARDS[-1]:g} %"
                         f"{self.gone(s.label, m)}{self.rule(s.label, m) if m == FLOOR else ''}")
        return (f"Chance that {s.label} pays, at a yearly chance of repeal of {', '.join(f'{100 * h:g}' for h in HAZARDS)} %: "
                f"{'; '.join(chances)}. {'. '.join(costs)}.")

    def gone(self, label: str, measure: str) -> str:
        """The hazard at which the median value is gone."""
        hazard = self.f.cells[label, measure].flip_hazard
        if hazard == 0:
            return ", its median negative without any doubt"
        if np.isnan(hazard):
            return f", not all up to {100 * HAZARDS[-1]:g} %" if self.pays(label, measure) >= HALF else ""
        return f", its median gone from {100 * hazard:.1f} % on"

    def rule(self, label: str, measure: str) -> str:
        """When it is built by an investor who may wait."""
        t = self.f.triggers
        rows = t[(t["plant"] == label) & (t["measure"] == measure)]
        words = trigger_words(rows)
        if not words or set(words) == {"none"}:
            return ""
        if set(words) == {"any"}:
            return ""
        return f"; at central costs who may wait builds from {', '.join(words)} times the mean price"


def trigger_words(rows: pd.DataFrame) -> list[str]:
    """Triggers of a plant under a measure for readers, by hazard: multiples of the mean reference price. None told where in some row the
    plant pays and yet is built from no price on: dear inputs outrun its price, so that it is built at low prices alone, and a trigger
    from below says nothing of doubt."""
    found = rows["trigger"].to_numpy(float)
    if (np.isinf(found) & (rows["npv"].to_numpy(float) > 0)).any():
        return []
    return [trigger_word(x) for x in found]


def trigger_word(trigger: float) -> str:
    """A trigger for readers: multiple of the mean reference price."""
    if np.isfinite(trigger):
        return "any" if trigger == 0 else f"{trigger:.2f}"
    return "none"
