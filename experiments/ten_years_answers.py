"""What the ten-year brief answers: one paragraph a claim, each with its range and with what flips it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.ten_years_reading import Reading, from_level
from experiments.ten_years_results import FLOOR, NONE, YEARS, TenYears
from experiments.ten_years_supply import AFTER, Buying
from experiments.ten_years_variants import LAST, RATE, REQUIREMENT, RULE_START, TAX, Found, processing
from experiments.words import lower_first, number, quantiles, says, verdict
from floormodel.report.labels import good_name, region_name

LITTLE, MUCH = 0.01, 0.05  # of the HHI (0 to 1): what counts as little and as much diversification
VERDICTS = ("no, concentration rises", "little", "some", "yes, much")


class Answers(Reading):
    """Paragraphs of the brief, each read from the results."""

    def __init__(self, found: Found):
        super().__init__(found.main)
        self.found = found
        self.miners = self.r.outside(self.market.goods[0])

    def answers(self) -> list[str]:
        return [f"**Does price support make projects feasible? (P1)** {self.feasible()}",
                f"**Does it bring producers of raw material a fair price? (P1)** {self.raw()}",
                f"**Does it diversify supply over ten years? (P2)** {self.diversifies()}",
                f"**Is the bloc itself safer? (P2)** {self.bloc()}", f"**Does it diversify owners? (P2)** {self.owners()}",
                f"**What does it do to industrialisation at source? (P3)** {self.industrialises()}",
                f"**And a rule of the producer country itself? (P3)** {self.rule()}",
                f"**What if {self.lead} builds too, or investors see further?** {self.variants()}"]

    # P1

    def feasible(self) -> str:
        if not self.r.plans:
            return "This market has no table of plans with sourced costs: entry of plants is left out, and nothing can be said."
        best = max(self.bloc_plans, key=lambda p: max(self.chance(s, p) for s in self.scenarios))
        shares = ", ".join(f"{100 * self.chance(s, best):.0f} % with the {lower_first(s)}" for s in self.scenarios)
        most = {s: sum(self.chance(s, p) >= 0.5 for p in self.plan_labels) for s in (NONE, *self.scenarios)}
        counts = ", ".join(f"{most[s]} with the {lower_first(s)}" for s in self.scenarios)
        built = "; ".join(f"{says(self.built(s), 't/yr')} with the {lower_first(s)}" for s in self.scenarios)
        return (f"{self.plan_labels[best]}, decided on in {YEARS[0]}, pays at its hurdle in {100 * self.chance(NONE, best):.0f} % of draws "
                f"without policy, {shares}. Of {len(self.plan_labels)} kinds of plants, {most[NONE]} pay in at least half of the draws "
                f"without policy, {counts}. By {YEARS[-1]} the bloc has new capacity for {self.name} of {says(self.built(NONE), 't/yr')} "
                f"without policy; {built}. Costs are drawn, but prices do not swing here: what swings do to a plant and to its lenders is "
                "in the experiment `financing`. **It flips with the level**: at central values the bloc's best plant pays with the "
                f"{from_level(self.found.levels, 'index')}.")

    def raw(self) -> str:
        if not self.miners:
            return "No third country mines it in the benchmark."
        ore, parts = good_name(self.market.goods[0]), []
        for s in self.scenarios:
            change = {x: self.change(s, "producer_revenue", self.market.goods[0], [x])[:, LAST] for x in self.miners}
            middle = {x: quantiles(v)[1] for x, v in change.items()}
            low, high = min(middle, key=lambda x: middle[x]), max(middle, key=lambda x: middle[x])
            ends = f"least {region_name(low)} {says(change[low], 'USD/yr')}"
            if middle[high] > 0 and high != low:
                ends += f", most {region_name(high)} {says(change[high], 'USD/yr')}"
            parts.append(f"{lower_first(s)}: it rises in {sum(m > 0 for m in middle.values())} of {len(middle)} ({ends})")
        return (f"Change of the revenue from {ore} in {YEARS[-1]}, by third country: {'; '.join(parts)}. The table under producer "
                "countries has each. **It flips** where the revenue of all of them together rises, at central values: with the "
                f"{from_level(self.found.levels, 'raw', 1.0)}.")

    # P2

    def diversifies(self) -> str:
        parts = []
        for s in self.scenarios:
            change = self.hhi(s)[:, LAST]
            word = verdict(-quantiles(change)[1], LITTLE, MUCH, VERDICTS)
            share = 100 * float(np.nanmean(np.where(np.isfinite(change), change < -MUCH, np.nan)))
            parts.append(f"{s}: {word}, {says(change, '0-1')}; by more than {MUCH:g} in {share:.0f} % of draws")
        return (f"Change of the world HHI of {self.name} by location in {YEARS[-1]}, from "
                f"{says(self.r.hhi(NONE, self.good)[:, LAST], '0-1')}. {'. '.join(parts)}. Little is a fall below {LITTLE:g}, much one "
                f"above {MUCH:g}. **It flips with the level**: at central values the fall is more than {LITTLE:g} with the "
                f"{from_level(self.found.levels, 'hhi', LITTLE, -1.0)}, and more than {MUCH:g} with the "
                f"{from_level(self.found.levels, 'hhi', MUCH, -1.0)}.")

    @property
    def shown(self) -> list[str]:
        """The first and the last scenario: the ones that the text names where a table has all."""
        return list(dict.fromkeys([self.scenarios[0], self.scenarios[-1]]))

    def bloc(self) -> str:
        after = self.found.after
        share = ", ".join(f"{says(after[s].leader, 'share')} with the {lower_first(s)}" for s in self.shown)
        return (f"Of what the bloc buys and makes, {self.lead} has in {AFTER} {says(after[NONE].leader, 'share')} without policy, {share}. "
                f"{self.stops(after)} {self.safer()}")

    def stops(self, found: Mapping[str, Buying]) -> str:
        """What is left of the bloc's use when a supplier stops."""
        left = ", ".join(f"{says(found[s].left, 'share')} with the {lower_first(s)}" for s in self.shown)
        beyond = max(b.beyond for b in found.values())
        far = f" (prices leave the calibrated range in up to {100 * beyond:.0f} % of draws: read the order, not the size)" if beyond else ""
        return (f"When {region_name(found[NONE].origin)}, its largest outside supplier, stops for a year, the bloc is left with "
                f"{says(found[NONE].left, 'share')} of its use without policy, {left}{far}.")

    def safer(self) -> str:
        """In which share of draws a stop leaves the bloc more than it would without policy."""
        found = self.found.after
        share = {s: 100 * float(np.nanmean(found[s].left > found[NONE].left)) for s in self.shown}
        parts = " and ".join(f"{x:.0f} % of draws with the {lower_first(s)}" for s, x in share.items())
        return (f"**It flips with the instrument**: a stop of {region_name(found[NONE].origin)} leaves the bloc more than it would without "
                f"policy in {parts}. A price that is held up cuts use before anything stops.")

    def owners(self) -> str:
        o = self.found.owners
        if o is None:
            return "Nothing can be said: this market has no table of owners."
        change = ", ".join(f"{says((o.reading[s] - o.reading[NONE])[:, LAST], '0-1')} with the {lower_first(s)}" for s in self.scenarios)
        low, high = np.nanmedian(o.bounds[NONE], axis=0)
        most = max(abs(quantiles((o.reading[s] - o.reading[NONE])[:, LAST])[1]) for s in self.scenarios)
        words = "far more than any of these changes" if high - low > most else "less than the largest of these changes"
        own = "" if o.stage == self.good else f"; who owns what makes {self.name} is in no table"
        return (f"For {good_name(o.stage)} alone{own}. The HHI by owner changes by {change}, if what is not known to be foreign belongs to "
                f"where it is made. **Better knowledge of owners may flip it**: what is known leaves the index between {number(low)} and "
                f"{number(high)}, {words}.")

    # P3

    def industrialises(self) -> str:
        parts = []
        for good in self.market.goods:
            makers = self.r.outside(good)
            if makers:
                parts.append(f"{good_name(good)}: " + ", ".join(f"{says(self.added(s, good, makers)[:, LAST], 'USD/yr')} with the "
                                                                f"{lower_first(s)}" for s in self.scenarios))
        if not parts:
            return "No country outside the bloc and the dominant supplier makes it in the benchmark."
        falls = [s for s in self.scenarios if quantiles((processing(self.r, s) - processing(self.r, NONE))[:, LAST])[1] < 0]
        word = ("Every instrument takes from it" if len(falls) == len(self.scenarios) else
                "No instrument takes from it" if not falls else f"The {' and the '.join(map(lower_first, falls))} takes from it")
        return (f"{word}. Change of value added, net of inputs, outside the bloc and {self.lead} in {YEARS[-1]}: {'; '.join(parts)}. "
                f"**It flips** where value added after the mine rises, at central values: with the "
                f"{from_level(self.found.levels, 'processing', 1.0)}.")

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
            parts.append(f"{words} changes value added after the mine by {says(gain[0], 'USD/yr')}, at the mine by "
                         f"{says(gain[1], 'USD/yr')}, its treasury by {says(money, 'USD/yr')}")
        return (f"{who}, beside the floor, from {RULE_START} and known before: {'; '.join(parts)} ({r.market.draws} draws). "
                f"{self.rule_flips()}")

    def rule_flips(self) -> str:
        """When does a rule bring more after the mine than it takes at the mine?"""
        rule = self.found.rule
        assert rule is not None
        tried, out = rule.scan, []
        for kind, words, part in ((REQUIREMENT, "a rule", "of exports"), (TAX, "a tax", "of the price")):
            rows = tried[tried["kind"] == kind]
            gains = rows[rows["all"] + (rows["treasury"] if kind == TAX else 0.0) > 0]
            sizes = f"{100 * rows['size'].min():g} to {100 * rows['size'].max():g} % {part}"
            what = "value added and treasury together" if kind == TAX else "value added of all stages"
            out.append(f"{words} raises {what} at " + (f"no size tried ({sizes})" if gains.empty else
                       f"every size tried ({sizes})" if len(gains) == len(rows) else
                       ", ".join(f"{100 * x:g} %" for x in gains["size"]) + f" of those tried ({sizes})"))
        return (f"**What flips it** is the instrument: at central values {'; '.join(out)}. Ore that nobody at home can work falls in "
                "price, to scrap at worst; plants with a mine of their own buy none and gain nothing from it.")

    # both

    def variants(self) -> str:
        out = []
        a = self.found.announced
        if a is not None:
            change = "; ".join(f"{says((a.hhi(s, self.good) - a.hhi(NONE, self.good))[:, LAST], '0-1')} with the {lower_first(s)}"
                               for s in self.scenarios)
            out.append(f"No plan above is {self.lead}'s. If supply everywhere follows what is announced today and no other plant is built, "
                       f"the HHI in {YEARS[-1]} is {says(a.hhi(NONE, self.good)[:, LAST], '0-1')} without policy and changes by {change} "
                       f"({a.market.draws} draws).")
        if self.r.plans:
            parts = []
            for s, path in self.found.consistent.paths.items():
                seen, sure = (self.begun(x, s) for x in (self.found.central, self.found.consistent))
                flag = "" if path.converged.all() else ", a path that has not settled"
                gap = [float((x.hhi(s, self.good) - x.hhi(NONE, self.good))[0, LAST]) for x in (self.found.central, self.found.consistent)]
                parts.append(f"{lower_first(s)} {number(sure)} instead of {number(seen)} t/yr, the HHI by {number(gap[1])} instead of "
                             f"{number(gap[0])}{flag}")
            out.append("If investors foresee the prices of the path itself, and so each other's plants, they start in the ten years, at "
                       f"central values: {'; '.join(parts)}.")
        return " ".join(out) or "This market has neither announced supply nor plans."

    @staticmethod
    def begun(x: TenYears, s: str) -> float:
        """Capacity of all plans started over the ten years, t/yr."""
        return float(x.series("started", s)[0].sum())
