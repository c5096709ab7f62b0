"""What the ten-year brief answers: one short paragraph a claim, and what flips it; ranges and the rest stand in the tables."""

from __future__ import annotations

import numpy as np

from experiments.ten_years_money import bill, ex_post
from experiments.ten_years_reading import Reading, from_level, middle, said
from experiments.ten_years_results import COVERED, FLOOR, NONE, SUBSIDY, TERM, YEARS, TenYears, ending
from experiments.ten_years_supply import AFTER, Stop
from experiments.ten_years_variants import LAST, RATE, REQUIREMENT, RULE_START, TAX, Found, best_plant, ore_price, processing
from experiments.words import lower_first, number, quantiles, says, verdict
from floormodel.report.labels import good_name, region_name

LITTLE, MUCH = 0.01, 0.05  # of the HHI (0 to 1): what counts as little and as much diversification
VERDICTS = ("no, concentration rises", "little", "some", "yes, much")


class Answers(Reading):
    """Paragraphs of the brief, each read from the results."""

    def __init__(self, found: Found):
        super().__init__(found.main)
        self.found = found
        self.lasting = [s for s in (FLOOR, COVERED, SUBSIDY) if s in self.scenarios]
        self.pairs = [(s, ending(s)) for s in (FLOOR, SUBSIDY) if s in self.scenarios]
        self.bills = {s: bill(self.r, s) for s in self.scenarios}
        ore = self.market.goods[0]
        made = self.r.series("output", NONE, ore)[:, LAST]
        self.miners = [x for x in self.r.outside(ore) if np.nanmax(made[:, self.market.regions.index(x)]) > 1]

    def answers(self) -> list[str]:
        return [f"**Does price support make projects feasible? (P1)** {self.feasible()}",
                f"**Does it bring producers of raw material a fair price? (P1)** {self.raw()}", f"**Who pays?** {self.who_pays()}",
                f"**Does it diversify supply over ten years? (P2)** {self.diversifies()}",
                f"**Is the bloc itself safer? (P2)** {self.bloc()}", f"**Does it diversify owners? (P2)** {self.owners()}",
                f"**What does it do to industrialisation at source? (P3)** {self.industrialises()}",
                f"**And a rule of the producer country itself? (P3)** {self.rule()}",
                f"**What if {self.lead} builds too, or investors see further?** {self.variants()}"]

    def flips(self, column: str, at: float, sign: float, now: dict[str, bool]) -> str:
        """Levels from which an answer turns, for the instruments whose few draws say at the headline what all draws say (`now`)."""
        table = self.found.levels
        here = table[table["level"] == self.r.case.headline]
        same = {s: bool((sign * here.loc[here["instrument"] == s, column] >= at).all()) == at_once for s, at_once in now.items()
                if s in set(here["instrument"])}
        shown = table[table["instrument"].isin([s for s in same if same[s]])]
        apart = [said(s) for s in same if not same[s]]
        return from_level(shown, column, at, sign) + (f" (left out, as fewer draws say something else: "
                                                      f"{', '.join(apart)})" if apart else "")

    # P1

    def feasible(self) -> str:
        if not self.r.plans:
            return "This market has no table of plans with sourced costs: entry of plants is left out, and nothing can be said."
        parts = [f"{said(s)} {self.best(s)}, {said(e)} {100 * best_plant(self.r, e)[1]:.0f} %" for s, e in self.pairs]
        built = [f"{said(s)} {number(self.expected(s))}" for pair in self.pairs for s in pair]
        now = {s: best_plant(self.r, s)[1] >= 0.5 for pair in self.pairs for s in pair}
        return (f"Share of draws in which investors expect the bloc's best plant to pay, decided on in {YEARS[0]}: without policy "
                f"{self.best(NONE)}, {', '.join(parts)}. Expected new capacity in the bloc in {YEARS[-1]}, t a year: "
                f"{number(self.expected(NONE))}, {', '.join(built)}. **It flips with the level**, expected to pay in half of the draws: "
                f"{self.flips('pays', 0.5, 1.0, now)}.")

    def met(self, scenario: str, plan: str) -> np.ndarray:
        """Profitability index at the path's own prices (draws,)."""
        which = next(p for p in self.r.plans if f"{p.project.name}:{p.region}" == plan)
        return ex_post(self.r, scenario, which, YEARS[0] + TERM if scenario in [e for _, e in self.pairs] else None)

    def raw(self) -> str:
        if not self.miners:
            return "No third country mines it in the benchmark."
        parts = []
        for s in self.lasting:
            change = {x: quantiles(ore_price(self.r, s, [x]))[1] for x in self.miners}
            low, high = min(change, key=lambda x: change[x]), max(change, key=lambda x: change[x])
            both = middle(ore_price(self.r, s, self.miners), "share")
            parts.append(f"{said(s)} {both} ({region_name(low)} {number(100 * change[low])} %, {region_name(high)} "
                         f"{number(100 * change[high])} %)")
        ends = ", ".join(f"{said(e)} {middle(ore_price(self.r, e, self.miners), 'share')}" for _, e in self.pairs)
        now = {s: quantiles(ore_price(self.r, s, self.miners))[1] >= 1e-6 for s in self.scenarios}
        return (f"Median change of the gate price of {good_name(self.market.goods[0])} in third countries in {YEARS[-1]} (lowest and "
                f"highest country): {'; '.join(parts)}; {ends}. The tables have revenue and treasuries by country. **It flips** where that "
                f"price rises: {self.flips('ore', 1e-6, 1.0, now)}.")

    def who_pays(self) -> str:
        out = []
        for s in self.lasting:
            b = self.bills[s]
            money = [number(1e-6 * quantiles(x)[1]) for x in (b.treasury[:, LAST], b.treasury.sum(1), -b.buyers[:, LAST],
                                                              -b.makers[:, LAST])]
            cost = b.per_tonne(b.net)
            each = f"; all three {number(1e-6 * cost)} per t a year of new capacity" if np.isfinite(cost) else ""
            out.append(f"{said(s)}: treasuries {money[0]} ({money[1]} in {len(YEARS)} years), buyers {money[2]}, later stages "
                       f"{money[3]}{each}")
        return (f"Inside the bloc in {YEARS[-1]}, million USD, medians against no policy (minus: pays): {'. '.join(out)}. Cost per "
                "tonne: mean of all years, not discounted. Ranges and ten-year deals: see the table.")

    # P2

    def diversifies(self) -> str:
        parts = []
        for s in self.scenarios:
            change = quantiles(self.hhi(s)[:, LAST])[1]
            parts.append(f"{said(s)} {verdict(-change, LITTLE, MUCH, VERDICTS)} ({number(change)})")
        falls = {s: -quantiles(self.hhi(s)[:, LAST])[1] for s in self.scenarios}
        return (f"Median change of the world HHI by location in {YEARS[-1]}, upper bound, from "
                f"{number(quantiles(self.r.hhi(NONE, self.good)[:, LAST])[1])}: {'; '.join(parts)}. Little is a fall below "
                f"{LITTLE:g}, much above {MUCH:g}. **It flips with the level**: more than {LITTLE:g}, "
                f"{self.flips('hhi', LITTLE, -1.0, {s: v >= LITTLE for s, v in falls.items()})}; more than {MUCH:g}, "
                f"{self.flips('hhi', MUCH, -1.0, {s: v >= MUCH for s, v in falls.items() if s in self.lasting})}.")

    @property
    def shown(self) -> list[str]:
        """The first and the last lasting scenario: the ones that the text names where a table has all."""
        return list(dict.fromkeys([self.lasting[0], self.lasting[-1]]))

    def bloc(self) -> str:
        after = self.found.after
        share = ", ".join(f"{said(s)} {middle(after[s].leader, 'share')}" for s in (NONE, *self.shown))
        stops = [self.stop(k) for k in range(len(after[NONE].stops))]
        far = max((x.beyond for b in after.values() for x in b.stops), default=0.0)
        flag = f" Prices leave the calibrated range in up to {100 * far:.0f} % of draws: read the order." if far else ""
        return (f"{self.lead} has of what the bloc buys and makes in {AFTER}: {share}. Left when a supplier stops for a year, of use "
                f"without policy (of the scenario's own use before): {' '.join(stops)} The first counts what a price held up has cut "
                f"before.{flag}")

    def stop(self, k: int) -> str:
        """What is left when a supplier stops for a year, by two measures, and how each orders the instruments."""
        these: dict[str, Stop] = {s: self.found.after[s].stops[k] for s in (NONE, *self.shown)}
        left, kept = ({s: quantiles(v(x))[1] for s, x in these.items()} for v in (lambda x: x.left, lambda x: x.kept))
        order = [" > ".join(said(s) for s in sorted(of, key=lambda s: -of[s])) for of in (left, kept)]
        return (f"{region_name(these[NONE].origin)}: " + ", ".join(f"{said(s)} {100 * left[s]:.0f} ({100 * kept[s]:.0f}) %" for s in these)
                + ("; both order alike." if order[0] == order[1] else "; the two order differently."))

    def owners(self) -> str:
        o = self.found.owners
        if o is None:
            return "Nothing can be said: this market has no table of owners."
        parts, sure = [], []
        for s in self.lasting:
            low, high = (quantiles(v)[1] for v in o.change[s].T)
            reading = quantiles((o.reading[s] - o.reading[NONE])[:, LAST])[1]
            parts.append(f"{lower_first(s)} {number(reading)} ({number(min(low, reading))} to {number(max(high, reading))})")
            sure += [lower_first(s)] if min(low, reading) * max(high, reading) > 0 else []
        own = "" if o.stage == self.good else f"; who owns what makes {self.name} is in no table"
        return (f"For {good_name(o.stage)} alone{own}. The HHI by owner changes in {YEARS[-1]}, median, if what is not known to be foreign "
                f"belongs to where it is made (in brackets: over extreme readings of the rest, each the same in both runs): "
                f"{'; '.join(parts)}. **Better knowledge of owners may flip** the sign, except for: {', '.join(sure) or 'none'}.")

    # P3

    def industrialises(self) -> str:
        parts = []
        for good in self.market.goods:
            makers = self.r.outside(good)
            if makers:
                parts.append(f"{good_name(good)} " + ", ".join(number(1e-6 * quantiles(self.added(s, good, makers)[:, LAST])[1])
                                                               for s in self.lasting))
        if not parts:
            return "No country outside the bloc and the dominant supplier makes it in the benchmark."
        gain = {s: quantiles((processing(self.r, s) - processing(self.r, NONE))[:, LAST])[1] for s in self.scenarios}
        falls = [lower_first(s) for s in self.lasting if gain[s] < 0]
        word = ("Every instrument takes from it after the mine" if len(falls) == len(self.lasting) else
                "No instrument takes from it after the mine" if not falls else f"The {' and the '.join(falls)} takes from it after "
                                                                               "the mine")
        return (f"{word}. Median change of value added, net of inputs, outside the bloc and {self.lead} in {YEARS[-1]}, million USD a year "
                f"({', '.join(lower_first(s) for s in self.lasting)}): {'; '.join(parts)}. **It flips** where value added after the mine "
                f"rises: {self.flips('processing', 1.0, 1.0, {s: gain[s] >= 1.0 for s, _ in self.pairs})}.")

    def rule(self) -> str:
        rule = self.found.rule
        if rule is None:
            return "No third country exports ore and has anybody at home to work it: nothing was run."
        who, r = region_name(rule.who), rule.paths
        parts = []
        for s, words in ((REQUIREMENT, f"keeping {100 * rule.share:.0f} % of its {good_name(rule.raw)} at home"),
                         (TAX, f"a tax of {100 * RATE:g} % on what it exports")):
            gain = [np.round((r.value_added(s, g, [rule.who]) - r.value_added(FLOOR, g, [rule.who]))[:, LAST])
                    for g in (self.market.goods[1:], self.market.goods[:1])]
            money = (r.series("treasury", s, regions=[rule.who]) - r.series("treasury", FLOOR, regions=[rule.who]))[:, LAST]
            parts.append(f"{words}: {', '.join(number(1e-6 * quantiles(x)[1]) for x in (gain[1], gain[0], money))}")
        return (f"{who}, beside the floor, from {RULE_START}; median changes at the mine, after it, in the treasury, million USD a year: "
                f"{'; '.join(parts)}. {self.rule_flips()}")

    def rule_flips(self) -> str:
        """When does a rule bring more after the mine than it takes at the mine?"""
        rule = self.found.rule
        assert rule is not None
        out = []
        for kind, words, part in ((REQUIREMENT, "a rule raises the sum", "of exports"),
                                  (TAX, "a tax, with the treasury,", "of the price")):
            rows = rule.scan[rule.scan["kind"] == kind]
            gain = (rows["all"] + (rows["treasury"] if kind == TAX else 0.0) > 1.0).where(rows["all"].notna())
            share = gain.astype(float).groupby(rows["size"]).mean()
            good = share[share >= 0.5].index
            sizes = f"{100 * rows['size'].min():g} to {100 * rows['size'].max():g} % {part}"
            out.append(f"{words} at " + (f"no size tried ({sizes})" if good.empty else f"every size tried ({sizes})"
                       if len(good) == len(share) else ", ".join(f"{100 * x:g} %" for x in good) + f" of those tried ({sizes})"))
        worked, dug = (quantiles(rule.paths.series(v, FLOOR, rule.raw, [rule.who])[:, LAST])[1] for v in ("use", "output"))
        return (f"**It flips** with the instrument, in half of the draws: {'; '.join(out)}. Under the floor "
                f"{number(round(100 * worked / dug, 1))} % of the ore is worked at home; what more must stay falls in price. Plants gain "
                "by it what the mines lose.")

    # both

    def variants(self) -> str:
        out = []
        a = self.found.announced
        if a is not None:
            change = "; ".join(f"{lower_first(s)} {middle((a.hhi(s, self.good) - a.hhi(NONE, self.good))[:, LAST], '0-1')}"
                               for s in self.lasting)
            out.append(f"No plan above is {self.lead}'s. If supply follows what is announced today and nothing else is built, the HHI in "
                       f"{YEARS[-1]} is {says(a.hhi(NONE, self.good)[:, LAST], '0-1')} without policy and changes by {change}.")
        if self.r.plans:
            parts = []
            for s, path in self.found.consistent.paths.items():
                seen, sure = (self.begun(x, s) for x in (self.found.central, self.found.consistent))
                flag = "" if path.converged.all() else ", a path that has not settled"
                gap = [float((x.hhi(s, self.good) - x.hhi(NONE, self.good))[0, LAST]) for x in (self.found.central, self.found.consistent)]
                parts.append(f"{lower_first(s)} {number(sure)} instead of {number(seen)} t/yr, the HHI by {number(gap[1])} instead of "
                             f"{number(gap[0])}{flag}")
            out.append("If investors foresee the path's own prices, they start in the ten years, at central values, support for good: "
                       f"{'; '.join(parts)}.")
        return " ".join(out) or "This market has neither announced supply nor plans."

    @staticmethod
    def begun(x: TenYears, s: str) -> float:
        """Capacity of all plans started over the ten years, t/yr."""
        return float(x.series("started", s)[0].sum())
