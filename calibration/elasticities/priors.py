"""`priors.csv`: a prior per mineral, kind and horizon, from the literature pooled by a random-effects model.

A mineral with studies of its own (three or more) gets their pool; every other mineral gets the pool of all metals but gold
and silver, which is wide. The prior is the predictive distribution of the elasticity of one more study, given that it has
the sign theory expects; the unrestricted mean and range stand beside it, and so does the share of rows of the wrong sign.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.elasticities import literature
from calibration.elasticities.pooling import Pooled, random_effects
from calibration.figures import Figure, read_sources
from floormodel.errors import DataError, did_you_mean

FIGURES = Path(__file__).resolve().parents[1] / "figures" / "elasticities"
MARKETS = ("aluminium", "antimony", "cobalt", "copper", "ferrosilicon", "gallium", "germanium", "lithium", "manganese",
           "natural_graphite", "nickel", "rare_earths", "tungsten")
PRECIOUS = ("gold", "silver")
ALL = "all_metals"
FEWEST = 3  # studies for a pool of one mineral
T_RATIO, T_RANGE = 2.0, (1.0, 4.0)  # assumption: a study's effect over its standard error at the median effect
TAILS = (0.05, 0.5, 0.95)
OWN, ACROSS = "own literature", "pooled across metals"
COLUMNS = ["mineral", "kind", "horizon", "value", "low", "high", "unit", "mean", "error", "predictive_low", "predictive_high",
           "wrong_sign_share", "studies", "rows", "tau", "i2", "status", "note"]
BYPRODUCTS = {"cobalt": "copper and nickel", "gallium": "alumina", "germanium": "zinc"}


def read() -> pd.DataFrame:
    """The literature table with its `use` column. Raises DataError for faults of the table or a source not listed."""
    table = pd.read_csv(FIGURES / "literature.csv", dtype=str, keep_default_na=False)
    literature.check(table, "literature.csv", read_sources(FIGURES / "sources.csv")["id"])
    return literature.marked(table)


def pools(effects: pd.DataFrame, t_ratio: float = T_RATIO) -> dict[tuple[str, str, str], Pooled]:
    """Pool by (mineral, kind, horizon): each mineral with three studies or more, and all metals but the precious ones."""
    errors, out = literature.assumed_error(effects, t_ratio), {}
    for (kind, horizon), cell in effects.groupby(["kind", "horizon"]):
        variance = float(errors[kind, horizon]) ** 2
        base = cell[~cell["mineral"].isin(PRECIOUS)]
        for mineral, group in [*cell.groupby("mineral"), (ALL, base)]:
            if group["study"].nunique() >= FEWEST:
                out[str(mineral), kind, horizon] = random_effects(group["value"], np.full(len(group), variance), group["study"].nunique())
    return out


def priors(table: pd.DataFrame) -> pd.DataFrame:
    """The table of priors from the marked literature table; magnitudes, positive for the sign theory expects."""
    kept = table[table["use"] == "kept"]
    effects = literature.study_effects(kept)
    pooled = {key: _numbers(kept, key, found) for key, found in pools(effects).items()}
    rows = []
    for mineral, kind, horizon in product([ALL, *sorted({*MARKETS, *effects["mineral"]})], literature.KINDS, literature.HORIZONS):
        own = effects[(effects["mineral"] == mineral) & (effects["kind"] == kind) & (effects["horizon"] == horizon)]
        if own.empty and mineral not in (ALL, *MARKETS):
            continue
        base = mineral if (mineral, kind, horizon) in pooled else ALL
        rows.append([mineral, kind, horizon, *pooled[base, kind, horizon], ACROSS if base == ALL else OWN,
                     _note(mineral, base, own, kind)])
    return pd.DataFrame(rows, columns=COLUMNS)


def _numbers(kept: pd.DataFrame, key: tuple[str, str, str], found: Pooled) -> list[str]:
    """The columns from value to i2 of one pool."""
    mineral, kind, horizon = key
    here = ~kept["mineral"].isin(PRECIOUS) if mineral == ALL else kept["mineral"] == mineral
    rows = kept[here & (kept["kind"] == kind) & (kept["horizon"] == horizon)]
    wrong = rows["value"] > 0 if kind == "demand" else rows["value"] < 0
    low, value, high = found.quantile(TAILS, above=0.0)
    ends = found.quantile((TAILS[0], TAILS[-1]))
    return [*map(_text, (value, low, high)), "1", *map(_text, (found.mean, found.error, *ends, wrong.mean())),
            str(rows["study"].nunique()), str(len(rows)), _text(found.tau), _text(found.i2)]


def _note(mineral: str, base: str, own: pd.DataFrame, kind: str) -> str:
    if mineral == ALL:
        return "one effect per study and metal, gold and silver left out"
    if base != ALL:
        return ""
    values = ", ".join(f"{value:.2f} {study}" for value, study in zip(own["value"], own["study"]))
    words = [f"too few studies of its own ({values})" if values else "no estimate of its own: the wide range of all metals"]
    if kind == "supply" and mineral in BYPRODUCTS:
        words.append(f"a by-product of {BYPRODUCTS[mineral]}: output follows the host, so that the low end is likelier")
    return "; ".join(words)


def sensitivity(table: pd.DataFrame) -> pd.DataFrame:
    """Spread between studies and prior of each pool at the assumed t ratio and at the ends of its range."""
    effects, rows = literature.study_effects(table[table["use"] == "kept"]), []
    for t_ratio in (T_RANGE[0], T_RATIO, T_RANGE[1]):
        for (mineral, kind, horizon), found in pools(effects, t_ratio).items():
            low, value, high = found.quantile(TAILS, above=0.0)
            rows.append([mineral, kind, horizon, *(_text(n) for n in (t_ratio, found.mean, found.tau, value, low, high))])
    return pd.DataFrame(rows, columns=["mineral", "kind", "horizon", "t_ratio", "mean", "tau", "value", "low", "high"])


def _text(number: float) -> str:
    return f"{number:.4g}"


def figure(mineral: str, kind: str, horizon: str, table: pd.DataFrame) -> Figure:
    """The prior as one figure of a market's parameters: unit 1, the source of the literature, and what it rests on.

    `table` is that of `priors`.

    Raises
    ------
    DataError
        For a mineral, kind or horizon without a prior.
    """
    found = table[(table["mineral"] == mineral) & (table["kind"] == kind) & (table["horizon"] == horizon)]
    if found.empty:
        keys = [" ".join(key) for key in zip(table["mineral"], table["kind"], table["horizon"])]
        raise DataError(f"priors: no {mineral} {kind} {horizon}; {did_you_mean(f'{mineral} {kind} {horizon}', keys)}")
    row = found.iloc[0]
    note = f"prior, {row['status']}: {row['studies']} studies, 5 to 95 % of the predictive distribution"
    value, low, high = (float(row[c]) for c in ("value", "low", "high"))
    return Figure(value, "1", low, high, "2022", "glombo", note)
