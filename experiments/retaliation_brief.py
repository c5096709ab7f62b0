"""The pages of the retaliation brief: every number in them is read from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import floormodel as fm
from experiments.retaliation_results import FLOOR, NOTHING, Option, Results, best_by
from experiments.words import lower_first, number, quantiles, span
from floormodel.report import charts
from floormodel.report.brief import Brief, Chart, Headline, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import good_name, region_name
from floormodel.report.tables import Range, Table

WITH, WITHOUT = "With the floor", "Without a floor"


class Pages:
    """Sections of one brief."""

    def __init__(self, r: Results):
        self.r = r
        self.market, self.good = r.runs.market, r.case.good
        self.who, self.name = region_name(r.case.supplier), good_name(r.case.good)
        self.regions = self.market.regions
        made = self.market.dataset["output0"]
        self.makers = [x for x in self.regions if x not in r.bloc and x != r.case.supplier
                       and float(made.sel(region=x).sum()) > 0]
        self.accounts = r.runs.accounts()
        self.same = [NOTHING, *(o.name for o in r.options if o.good == self.good)]

    def brief(self) -> Brief:
        r = self.r
        return Brief(f"Does a price floor for {self.name} invite retaliation, and who is caught between?",
                     f"{self.market.title}. Floor of {number(r.case.headline / 1000)} USD/kg at the border of "
                     f"{', '.join(region_name(x) for x in r.bloc)} ({r.case.reason}). {self.who} answers from a menu of "
                     f"{len(r.options) + 1} measures. Benchmark {self.market.year}, long-run elasticities.",
                     self.headlines(), self.answers(), [self.menu(), self.between(), self.turns(), self.flips(), self.limits()],
                     self.notes())

    # numbers

    def gain(self, found: fm.BestReply, option: str) -> str:
        """What an option brings the supplier over doing nothing, with its range."""
        return span(*quantiles(found.gain(option, NOTHING)), "USD/yr")

    def extra(self, option: str) -> np.ndarray:
        """What the floor adds to the gain from an option, per draw."""
        return self.r.with_floor.gain(option, NOTHING) - self.r.without.gain(option, NOTHING)

    def money(self, scenario: str, regions: list[str], owner: str | None = None, account: str | None = None) -> np.ndarray:
        """Sum of account lines of some regions, per draw, USD/yr."""
        a = self.accounts
        rows = a[(a["scenario"] == scenario) & a["region"].isin(regions)]
        rows = rows if owner is None else rows[rows["owner"] == owner]
        rows = rows if account is None else rows[rows["account"] == account]
        return rows.groupby("draw")["value"].sum(min_count=1).reindex(range(self.market.draws), fill_value=0.0).to_numpy()

    def says(self, scenario: str, regions: list[str], owner: str | None = None) -> str:
        return span(*quantiles(self.money(scenario, regions, owner)), "USD/yr")

    # text

    def headlines(self) -> list[Headline]:
        r, best = self.r, self.r.with_floor.best
        worth = "the best reply to the floor" if best != NOTHING else "doing nothing is the best reply"
        return [Headline(best, f"{worth}, best in {100 * r.with_floor.shares()[best]:.0f} % of draws"),
                Headline(self.gain(r.with_floor, best), f"what it brings {self.who} over doing nothing"),
                Headline(span(*quantiles(self.extra(best)), "USD/yr"), "part of that which the floor adds"),
                Headline(self.says(FLOOR, self.makers, "producers"), "producers in third countries, floor alone",
                         f"{', '.join(region_name(x) for x in self.makers)}")]

    def answers(self) -> list[str]:
        r = self.r
        best, before = r.with_floor.best, r.without.best
        narrow, narrow0 = r.with_floor.among(self.same), r.without.among(self.same)
        scenario = f"{FLOOR}, then {best}"
        out = ["**Does the floor invite retaliation?** " + self._invites(best, before)]
        if narrow.best != NOTHING and len(self.same) < len(r.with_floor.options):
            out.append(f"**On {self.name} alone?** Without the floor the best measure is {narrow0.best} "
                       f"({self.gain(narrow0, narrow0.best)}); with it, {narrow.best} ({self.gain(narrow, narrow.best)}, "
                       f"{self.added(narrow.best)} more than without). Below the floor a charge at the exporter's border costs "
                       f"buyers nothing: the levy at theirs shrinks by as much, and {self.who} collects what the bloc's treasuries would.")
        if scenario in r.runs.runs:
            out.append(f"**Who is caught between?** Producers in third countries: {self.says(FLOOR, self.makers, 'producers')} "
                       f"by the floor alone, {self.says(scenario, self.makers, 'producers')} once {self.who} has replied. These "
                       f"countries in all: {self.says(FLOOR, self.makers)} and {self.says(scenario, self.makers)}. The bloc: "
                       f"{self.says(FLOOR, list(r.bloc))} and {self.says(scenario, list(r.bloc))}.")
        known = f"One option is the only best in {100 * r.with_floor.unique_share:.0f} % of draws: {self.shares_text()}."
        mean = f"Averaged over draws, {best} is {'' if r.with_floor.is_unique else 'not '}the only best."
        return [*out, f"**How sure is the reply?** {known} {mean} {self.flip_sentence()}"]

    def _invites(self, best: str, before: str) -> str:
        if best == NOTHING:
            return f"No: {self.who} does best by nothing, with the floor as without it ({before})."
        reply = f"{self.who}'s best reply is {best}, worth {self.gain(self.r.with_floor, best)} over doing nothing."
        if before == NOTHING:
            return f"Yes: {reply} Without the floor it does best by nothing."
        without = "the same measure is best" if best == before else f"{before} is best"
        extra = self.extra(best)
        known = extra[np.isfinite(extra)]
        more = float(np.mean(known > 0)) if known.size else 0.0
        verdict = ("It makes a reply pay more, but it is not what makes it pay." if more >= 0.95 else
                   "It makes a reply pay less." if more <= 0.05 else "It hardly changes what a reply brings, which pays without it.")
        return (f"{verdict} {reply} Without the floor {without}, worth {self.gain(self.r.without, before)}: since {self.who} forgoes that "
                f"today, something outside this market must be worth as much to it. The floor adds {self.added(best)} to the gain from the "
                f"reply (it adds in {100 * more:.0f} % of draws).")

    def added(self, option: str) -> str:
        return span(*quantiles(self.extra(option)), "USD/yr")

    def shares_text(self) -> str:
        shares = sorted(self.r.with_floor.shares().items(), key=lambda x: -x[1])
        return "; ".join(f"{name} in {100 * share:.0f} %" for name, share in shares if share >= 0.005)

    def flip_sentence(self) -> str:
        v = self.r.variants[self.r.variants["floor"]]
        first = str(v["best"].iloc[0])
        other = v[v["best"] != first]
        if other.empty:
            return "None of the other assumptions tried changes it."
        return "At central values it changes where " + "; ".join(f"{self._inside(row['variant'])} ({row['best']})"
                                                                 for _, row in other.iterrows()) + "."

    def _inside(self, text: str) -> str:
        """A variant's name in the middle of a sentence."""
        return text if text.startswith(self.who) else lower_first(text)

    # sections

    def menu(self) -> Section:
        figures = [Chart(self._levels_chart(kind), f"replies_{kind}", f"Gain of {self.who} over doing nothing by {what}.")
                   for kind, what in (("tax", "rate of its export tax"), ("cut", "share of exports withheld"))]
        text = (f"Each line is what {self.who} has from a measure over doing nothing, once with the floor in force and once without. "
                "A gain is the sum of its consumers', producers' and rent holders' money and its treasury's.")
        return Section("What each measure brings the supplier", [text, *figures, self._menu_table()])

    def _levels_chart(self, kind: str) -> Figure:
        rows = []
        options = [o for o in self.r.options if o.kind == kind]
        for label, found in ((WITH, self.r.with_floor), (WITHOUT, self.r.without)):
            for o in options:
                low, middle, high = quantiles(found.gain(o.name, NOTHING))
                rows.append((label, "gain", o.good, self._target(o), "USD/yr", low, middle, high, o.level))
        frame = pd.DataFrame(rows, columns=["scenario", "indicator", "good", "region", "unit", "q05", "q50", "q95", "level"])
        panels = list(dict.fromkeys(("gain", o.good, self._target(o)) for o in options))
        what = "an export tax" if kind == "tax" else "an export quota"
        return charts.sweep(frame, panels, level_factor=100.0, provenance=provenance_of(self.r.runs),
                            level_label="Tax, % of the gate price" if kind == "tax" else "Exports withheld, % of the benchmark",
                            title=f"What {what} brings {self.who} over doing nothing")

    @staticmethod
    def _target(o: Option) -> str:
        return f"{good_name(o.good)} to {'all' if o.to_all else 'the bloc'}"

    def _menu_table(self) -> Table:
        rows = []
        at = [self.regions.index(x) for x in self.r.bloc]
        makers = [self.regions.index(x) for x in self.makers]
        goods = dict.fromkeys(o.good for o in self.r.options)
        shown = [best_by(self.r.options, found, g, to_all) for g in goods for to_all in (False, True)
                 for found in (self.r.without, self.r.with_floor)]
        for option in dict.fromkeys([NOTHING, *shown]):
            paid = self.r.with_floor.payoffs[self.r.with_floor.options.index(option)]
            cells = {"measure": option, "gain with the floor": self._cell(self.r.with_floor.gain(option, NOTHING)),
                     "gain without": self._cell(self.r.without.gain(option, NOTHING)),
                     "bloc, with the floor": self._cell(paid[:, at].sum(1)),
                     "third countries, with the floor": self._cell(paid[:, makers].sum(1))}
            rows.append(cells | {"best in": 100 * self.r.with_floor.shares()[option]})
        units = {c: "USD m/yr" for c in rows[0] if c not in ("measure", "best in")} | {"best in": "% of draws"}
        return Table(f"The best measures of {self.who} on each good and target", pd.DataFrame(rows), units,
                     "Those best on average with and without the floor; all are in replies_with_floor.csv. Gains are over doing nothing; "
                     "the next two columns are changes against a market without any policy. Median and 5 to 95 % of draws.", name="menu")

    @staticmethod
    def _cell(values: np.ndarray) -> Range:
        low, middle, high = quantiles(values)
        return Range(low / 1e6, middle / 1e6, high / 1e6)

    def between(self) -> Section:
        r = self.r
        measures = {"supplier": self.who, "bloc": "Buying bloc", "levy": "Levy collected by the bloc",
                    "makers": "Producers in third countries", "others": "Third countries in all"}
        others = [x for x in self.regions if x not in r.bloc and x != r.case.supplier]
        rows = []
        for scenario in r.runs.runs:
            values = {"supplier": self.money(scenario, [r.case.supplier]), "bloc": self.money(scenario, list(r.bloc)),
                      "levy": self.money(scenario, list(r.bloc), account="floor_levy"),
                      "makers": self.money(scenario, self.makers, "producers"), "others": self.money(scenario, others)}
            rows += [(scenario, m, "USD/yr", *quantiles(v)) for m, v in values.items()]
        frame = pd.DataFrame(rows, columns=["instrument", "measure", "unit", "q05", "q50", "q95"])
        figure = charts.instruments(frame, list(measures), labels=measures, title="Who gains and who pays, reply by reply",
                                    subtitle="Change against a market without any policy", provenance=provenance_of(r.runs))
        alt = "Gains and losses of supplier, bloc and third countries under the floor alone and after each reply."
        text = ("Producers outside the bloc meet the floor's levy like everybody else who is no member. A reply on the floored good to the "
                "bloc alone hardly moves them; a reply on products made with it changes what their own makers and users pay and get.")
        return Section("Who is caught between", [text, Chart(figure, "between", alt), self._between_table()])

    def _between_table(self) -> Table:
        rows = []
        for region in self.makers:
            cells: dict[str, object] = {"country": region_name(region)}
            for scenario in self._shown():
                short = "floor alone" if scenario == FLOOR else scenario.removeprefix(f"{FLOOR}, then ")
                cells[f"{short}: producers"] = self._cell(self.money(scenario, [region], "producers"))
                cells[f"{short}: in all"] = self._cell(self.money(scenario, [region]))
            rows.append(cells)
        frame = pd.DataFrame(rows)
        return Table("Producers in third countries", frame, {c: "USD m/yr" for c in frame.columns[1:]},
                     "Change against a market without any policy. Median and 5 to 95 % of draws.", name="third-countries")

    def _shown(self) -> list[str]:
        best = f"{FLOOR}, then {self.r.with_floor.best}"
        return [FLOOR, best] if best in self.r.runs.runs else [FLOOR]

    def turns(self) -> Section:
        rounds = self.r.rounds
        history, endings = rounds.history(), rounds.endings()
        bloc, other = (p.name for p in rounds.players)
        steps = "; then ".join(f"{bloc.lower()} {row[bloc]}, {other} {row[other]}" for _, row in history.iterrows())
        ending = {"settled": "There it ends: neither gains by another move.", "cycle": "From there it goes round without end.",
                  "missing": "It cannot be followed further: draws are missing."}[rounds.expected.ending]
        text = [f"The supplier moves first, each counts all its gains. {steps[:1].upper()}{steps[1:]}. {ending}",
                "Draw by draw: " + "; ".join(
                    f"{100 * row['share']:.0f} % end with bloc {row[bloc]}, {other} {row[other]}" if row["ending"] == "settled" else
                    f"{100 * row['share']:.0f} % {row['ending']}" for _, row in endings.head(6).iterrows()) + "."]
        table = history.rename(columns={f"payoff of {bloc}": f"{bloc}'s payoff", f"payoff of {other}": f"{other}'s payoff"})
        for column in (f"{bloc}'s payoff", f"{other}'s payoff"):
            table[column] = table[column] / 1e6
        return Section("If the bloc replies in turn", [*text, Table("Replies in turn, averaged over draws", table.astype({"move": str}),
                                                                    {c: "USD m/yr" for c in table.columns if "payoff" in c},
                                                                    "Mean over draws, against a market without any policy.", name="rounds"),
                                                       self._matrix()])

    def _matrix(self) -> Table:
        rounds = self.r.rounds
        bloc, other = rounds.players
        mean = np.nanmean(rounds.payoffs, axis=2) / 1e6
        rows = []
        for j, reply in enumerate(other.menu):
            row: dict[str, object] = {"measure": reply}
            for i, measure in enumerate(bloc.menu):
                mark = " *" if rounds.equilibria[i, j] else ""
                row[measure] = f"{number(mean[i, j, 0])} / {number(mean[i, j, 1])}{mark}"
            rows.append(row)
        return Table(f"Payoffs of the bloc / of {other.name}, USD m a year", pd.DataFrame(rows).rename(columns={"measure": other.name}),
                     note="Columns: what the bloc does. Means over draws. * neither gains by moving alone.", name="payoffs")

    def flips(self) -> Section:
        v = self.r.variants
        rows = []
        for label in dict.fromkeys(v["variant"]):
            inside, outside = (v[(v["variant"] == label) & (v["floor"] == f)].iloc[0] for f in (True, False))
            rows.append({"assumption": label, "best reply to the floor": inside["best"], "best without a floor": outside["best"],
                         f"best on {self.name}, with the floor": inside["best_floored"], "worth": inside["gain"] / 1e6,
                         "worth without": outside["gain"] / 1e6, f"worth on {self.name}": inside["gain_floored"] / 1e6})
        frame = pd.DataFrame(rows)
        table = Table("The best reply under other assumptions", frame, {c: "USD m/yr" for c in frame.columns if c.startswith("worth")},
                      "Central values. Worth: over doing nothing.", name="flips")
        return Section("When does the answer flip?", [self.flip_sentence(), table])

    def limits(self) -> Section:
        return Section("What this cannot say", [Points([
            f"That {self.who} leaves its best measure unused in the benchmark says that something else holds it back: rivals who would "
            "enter, trade in other goods, jobs. A reply answers a change in that balance, and this page measures one side of it.",
            "One market, one year, no stocks: a supplier may cut to press, not to earn, and buyers may draw on what they hold.",
            "Every measure is in force for good and fully delivered; evasion and licences with delays are not in the menu.",
            self._far()])])

    def _far(self) -> str:
        shares = {n: float(run.dataset["outside_calibrated_range"].mean()) for n, run in self.r.runs.runs.items()}
        worst = max(shares, key=lambda n: shares[n])
        return (f"Large measures move prices far: under \"{worst}\" {100 * shares[worst]:.0f} % of draws have a buyer price above five "
                "times or below a fifth of the benchmark, where no elasticity was read.")

    def notes(self) -> list[str]:
        r = self.r
        errors = r.runs.identities()
        return [f"{self.market.draws:,} draws, seed {self.market.seed}; without a best reply because an option was not solved: "
                f"{r.with_floor.missing} with the floor, {r.without.missing} without.",
                f"Money adds up: largest relative error {errors['world']:.1e} (world) and {errors['regional']:.1e} (regional budgets).",
                "Levels of the menu: 15 and 25 % were China's export taxes on rare earths from 2010 to 2014 (WTO DS431), 40 % the cut of "
                "its quota in 2010, a full ban that on gallium, germanium and antimony for the United States of December 2024; the other "
                "levels fill the range (assumption)."]
