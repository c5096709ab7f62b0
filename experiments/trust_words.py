"""What the briefs on the trust and on the buffer stock say alike: medians, ranges, the price level, tables of effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.books import cell
from experiments.trust_setup import LEVEL, Setup
from experiments.words import lower_first, number, quantiles, says
from floormodel.report.style import Provenance
from floormodel.report.tables import Table

Values = Mapping[str, np.ndarray]


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


def median(values: np.ndarray) -> float:
    return quantiles(values)[1]


def between(values: Sequence[np.ndarray], unit: str = "%") -> str:
    """Lowest and highest median of several cases, in per cent: `−1.7 to 0.2 %`."""
    middle = sorted(100 * median(v) for v in values)
    return f"{number(middle[0])} to {number(middle[-1])} {unit}"


def level_sentence(setup: Setup) -> str:
    """What the mean price is, and how far from the market's own mean it may stand."""
    price = number(setup.price, "USD/t")
    start = f"The mean price is taken to be that of the benchmark, {price} in {setup.year}"
    if LEVEL not in setup.figures:
        return f"{start}; no mean over many years is to hand for this market"
    f = setup.figures[LEVEL]
    where = ", a trough" if f.low > 1 else ", a peak" if f.high < 1 else ""
    return (f"{start}{where}: over many years prices were {number(f.value)} ({number(f.low)} to {number(f.high)}) times as high in the "
            f"mean, up to about {number(round(f.high * setup.price, -2), 'USD/t')} in money of {setup.year}. Costs in USD "
            "rise with it")


def effects_table(cases: Mapping[str, Values], first: str, title: str, name: str, note: str = "") -> Table:
    """What a stock does, a row per case: spread, mean price, revenue of producers and its spread, cost, bounds."""
    rows = [{first: label, "spread": cell(m["sd_change"], 100), "mean price": cell(m["price_change"], 100),
             "revenue": cell(m["revenue_change"], 100), "spread of revenue": cell(m["revenue_sd_change"], 100),
             "cost": cell(m["cost"], 1e-6), "floor given up": cell(m["below"], 100), "ceiling given up": cell(m["above"], 100),
             "bought less sold": cell(m["net_bought"], 100)} for label, m in cases.items()]
    return Table(title, pd.DataFrame(rows), {"spread": "% change", "mean price": "% change", "revenue": "% change",
                                             "spread of revenue": "% change", "cost": "USD m/yr", "floor given up": "% of years",
                                             "ceiling given up": "% of years", "bought less sold": "% of use"}, note, name=name)


def moved(base: Values, others: Mapping[str, Values], what: str, share: float, say: Callable[[Values], str]) -> list[str]:
    """Cases in which the median of a measure differs from the base by more than a share of it, as text."""
    old = median(base[what])
    return [f"{lower_first(n)} ({say(m)})" for n, m in others.items() if abs(median(m[what]) - old) > share * abs(old)]
