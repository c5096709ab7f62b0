"""The brief of a study: what was asked, what moves, who pays, on what figures it rests, what it cannot say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from floormodel.report.brief import Block, Brief, Chart, Points, Section
from floormodel.report.charts import Plots
from floormodel.report.frames import changes, levels
from floormodel.report.labels import capitalised, good_name, region_name, sign_note
from floormodel.report.tables import Table, quantile_table
from floormodel.results import Comparison

LEVELS = ("price_inside", "price_outside", "bloc_producer_price", "bloc_output", "world_output", "dominant_share", "hhi_low",
          "hhi_high")
WELFARE = ("welfare_consumers", "welfare_producers", "welfare_treasury", "welfare_rent_holders", "welfare_stockholders",
           "welfare_buyers")
MOST_IN_CHART = 5  # scenarios
MOST_WATERFALLS = 6  # one chart per scenario; further scenarios are in the tables
LIMITS = (
    "Partial equilibrium: incomes, exchange rates and other goods do not react; it compares one year with and without policy.",
    "Sellers take prices as given: nobody withholds supply or retaliates unless a scenario says so.",
    "A region without benchmark output stays without unless its latent project is opened.",
    "Ranges come from elasticities, freight and latent projects; benchmark tonnes and prices are balanced figures, not drawn.",
    "It says what would have been different in the benchmark year after adjustment; it is not a forecast.",
)


def study_brief(title: str, runs: Comparison, notes: Sequence[str] = ()) -> Brief:
    """The brief of a comparison; its charts and tables show every scenario beside the market without policy."""
    market = runs.market
    drawn = f"{market.draws:,} draws, seed {market.seed}" if market.draws > 1 else "central figures, no draws"
    deck = f" (deck {market.deck})" if market.deck else ""
    subtitle = f"{market.title or market.name}: benchmark {market.year}{deck}, {market.horizon}-run elasticities, {drawn}."
    basis: list[Block] = [Points(market.notes)] if market.notes else []
    sections = [
        Section("What was compared", [policies_table(runs)]),
        Section("What moves", _movements(runs)),
        Section("Who gains and who pays", _money(runs)),
        Section("On what it rests", [*basis, *([sources_table(runs)] if not market.sources.empty else [])]),
        Section("What this cannot say", [Points(LIMITS)]),
    ]
    return Brief(title, subtitle, sections=[s for s in sections if s.blocks], notes=[*_quality(runs), *notes])


def policies_table(runs: Comparison) -> Table:
    """One row per instrument of each scenario, with every setting that is not its default."""
    rows = [{"scenario": name, "instrument": policy.kind.replace("_", " "),
             "settings": "; ".join(f"{key.replace('_', ' ')}: {_words(value)}"
                                   for key, value in policy.model_dump(exclude_defaults=True).items())}
            for name, run in runs.runs.items() for policy in run.policies]
    return Table("Scenarios and their instruments", pd.DataFrame(rows, columns=["scenario", "instrument", "settings"]),
                 note="Prices, strikes and levies in USD/t, quantities in t a year. Settings not named have their defaults.",
                 name="scenarios")


def sources_table(runs: Comparison) -> Table:
    """Where the market's figures come from."""
    known = [c for c in ("id", "title", "publisher", "year", "licence") if c in runs.market.sources]
    return Table("Sources", runs.market.sources[known].reset_index(drop=True), name="sources")


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_words(v) for v in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{_words(k)} {_words(v)}" for k, v in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:,.10g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return good_name(region_name(str(value)))


def _movements(runs: Comparison) -> list[Block]:
    """Charts of prices, output, concentration and producer revenue, and the table of levels."""
    level = levels(runs.indicators())
    rows = level[level["indicator"].isin(LEVELS)].dropna(subset=["q50"])
    order = {name: k for k, name in enumerate(LEVELS)}
    rows = rows.sort_values("indicator", key=lambda column: column.map(order), kind="stable")
    named = rows.assign(good=[capitalised(good_name(good)) for good in rows["good"]])
    table = quantile_table(named, ["indicator", "scenario"], "Levels by scenario", columns="good", name="levels",
                           note="Median and 5 to 95 % of draws. " + sign_note(LEVELS))
    if runs.accounts().empty:
        return ["Nothing moves: no setting of any scenario binds.", table]
    return [*(chart for k, some in enumerate(_in_parts(runs), 1) for chart in _charts(some, "" if k == 1 else f"_{k}")), table]


def _in_parts(runs: Comparison) -> list[Comparison]:
    """Comparisons of at most `MOST_IN_CHART` scenarios in which something changes: more do not fit one chart."""
    accounts = runs.accounts()
    moved = [name for name in runs.runs if (accounts["scenario"] == name).any()]
    return [replace(runs, runs={name: runs[name] for name in moved[k:k + MOST_IN_CHART]}) for k in range(0, len(moved), MOST_IN_CHART)]


def _charts(runs: Comparison, suffix: str) -> list[Chart]:
    plots = Plots(runs)
    drawn: list[tuple[str, Callable[[], Figure], str]] = [
        ("output", plots.output, "Change of output by stage and group of countries, by scenario."),
        ("concentration", plots.concentration, "Concentration of world output by stage, before and after, by scenario."),
        ("revenue", plots.revenue, "Change of producer revenue by country and stage, by scenario."),
    ]
    if next(iter(runs.runs.values())).bloc:
        drawn.insert(0, ("prices", plots.prices, "Prices in and outside the bloc, by scenario."))
    return [Chart(draw(), name + suffix, text, text) for name, draw, text in drawn]


def _money(runs: Comparison) -> list[Block]:
    """Welfare by owner and group as a table; a waterfall for each of the first scenarios in which something changes."""
    change = changes(runs.indicators())
    rows = change[change["indicator"].isin(WELFARE)]
    rows = rows[rows[["q05", "q95"]].abs().max(axis=1) > 0]
    if rows.empty:
        return []
    named = rows.assign(region=[region_name(region) for region in rows["region"]])
    table = quantile_table(named, ["scenario", "indicator"], "Change against no policy", columns="region", name="welfare",
                           note="Median and 5 to 95 % of draws; medians do not add up. " + sign_note(WELFARE))
    accounts = runs.accounts()
    moved = [name for name in runs.runs if (accounts["scenario"] == name).any()][:MOST_WATERFALLS]
    plots = Plots(runs)
    charts = [Chart(plots.incidence(name), f"incidence_{k}", f"Gains and losses of each group of countries in scenario {name}.",
                    f"Scenario {name}.") for k, name in enumerate(moved, 1)]
    return [*charts, table]


def _quality(runs: Comparison) -> list[str]:
    errors = runs.identities()
    lines = [f"{100 * runs.share_converged:.4g} % of draws and scenarios solved. Money adds up: largest relative error "
             f"{errors['world']:.1e} (world), {errors['regional']:.1e} (regional budgets)."]
    lines += [f"{name}: {int(np.sum(~run.converged))} of {len(run.converged)} draws not solved."
              for name, run in runs.runs.items() if not run.converged.all()]
    return lines + [f"{name}: {note}" for name, run in runs.runs.items() for note in run.notes]
