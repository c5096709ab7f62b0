"""`own_estimates.csv`: own estimates on public yearly series, reported whatever they say.

Elasticities count in the direction theory expects, as in the priors: a wrong sign is below zero. World mine output stands
for use as well as for supply, as world stocks and scrap were not to be had by year.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from calibration.elasticities import dynamics, iv
from calibration.elasticities.series import levels
from floormodel.indicators.share_trends import local_level

FEWEST = 15  # years
LEVEL = 0.90
STRONG = 10.0  # effective F below: weak instruments
HORIZONS = (0, 1, 3, 5)  # years ahead
LONG_SAMPLE = 40  # years that local projections ask for
HAC = {"cov_type": "HAC", "maxlags": 2, "use_correction": True}
COLUMNS = ["mineral", "kind", "horizon", "method", "value", "error", "low", "high", "anderson_rubin", "first_stage_f",
           "effective_f", "sargan_p", "years", "first", "last", "note"]
SIGN = {"demand": -1.0, "supply": 1.0}


def estimates(mineral: str, table: pd.DataFrame, supply: tuple[float, float, float]) -> pd.DataFrame:
    """All estimates of a mineral that its series allow; `supply` is low, centre, high of its short-run supply prior."""
    rows = [*_changes(table), *_instrumented(table), *_adjustments(table), *_trend(table), *_projections(table), *_pairs(table, supply)]
    frame = pd.DataFrame(rows)
    frame.insert(0, "mineral", mineral)
    return frame.reindex(columns=COLUMNS)


def _row(kind: str, horizon: str, method: str, value: float, error: float, sample: pd.Index, free: float, **more: Any) -> dict[str, Any]:
    value = SIGN[kind] * value
    reach = float(student(free).ppf((1 + LEVEL) / 2)) * error
    words = [str(more.pop("note", "")), "wrong sign" if value < 0 else ""]
    return {"kind": kind, "horizon": horizon, "method": method, "value": value, "error": error, "low": value - reach,
            "high": value + reach, "years": len(sample), "first": sample.min(), "last": sample.max(),
            "note": "; ".join(filter(None, words))} | more


def _instrumented(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """2SLS on changes: supply with world GDP growth of this year and the last, demand with the granular instrument of both."""
    lagged = table.assign(dg1=table["dg"].shift(), z1=table["z"].shift())
    for kind, controls, instruments, words in (
            ("supply", [], ["dg", "dg1"], "GDP growth, this year's and last year's"),
            ("demand", ["dg"], ["z", "z1"], "granular output shocks, this year's and last year's")):
        sample = lagged.dropna(subset=["dq", "dp", *controls, *instruments])
        if len(sample) < FEWEST:
            continue
        q, p, z = (sample[c].to_numpy() for c in ("dq", "dp", instruments))
        exogenous = np.column_stack([np.ones(len(sample)), sample[controls]])
        found = iv.two_stage(q, p, exogenous, z, LEVEL)
        bounds = found.anderson_rubin if kind == "supply" else tuple((-b, -a) for a, b in reversed(found.anderson_rubin))
        warnings = ["weak instruments"] * (found.effective_f < STRONG) + ["overidentification rejected"] * (found.sargan_p < 0.05)
        yield _row(kind, "short", "IV", found.value, found.error, sample.index, len(sample) - exogenous.shape[1] - 1,
                   anderson_rubin=iv.set_text(bounds), first_stage_f=found.first_stage_f, effective_f=found.effective_f,
                   sargan_p=found.sargan_p, note="; ".join([f"instruments: {words}", *warnings]))


def _changes(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """OLS on changes, which mixes demand and supply: shown for what the instruments change."""
    for kind, controls in (("supply", []), ("demand", ["dg"])):
        sample = table.dropna(subset=["dq", "dp", *controls])
        if len(sample) >= FEWEST:
            value, error, n = dynamics.local_projection(sample["dq"].to_numpy(), sample["dp"].to_numpy(), sample[controls].to_numpy())
            yield _row(kind, "short", "OLS", value, error, sample.index, n - 2 - len(controls), note="demand and supply mixed")


def _adjustments(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Partial adjustment in levels with a step for each change of source: supply with a trend, demand with world GDP."""
    kept, steps = levels(table.assign(trend=np.arange(float(len(table))), lag=table["q"].shift()))
    kept = kept[kept["piece"] == kept["piece"].shift()]
    for kind, shifter in (("supply", "trend"), ("demand", "g")):
        sample = kept.dropna(subset=[shifter, "lag"])
        if len(sample) < FEWEST:
            continue
        steps_here = steps.loc[sample.index]
        regressors = np.column_stack([sample[["p", shifter]], steps_here.loc[:, steps_here.nunique() > 1]])
        found = dynamics.partial_adjustment(sample["q"].to_numpy(), sample["lag"].to_numpy(), regressors, **HAC)
        free, note = len(sample) - len(found.params), f"adjustment {found.speed:.2f} a year; price taken as given"
        yield _row(kind, "short", "partial adjustment", found.short[0], found.errors[1], sample.index, free, note=note)
        if 0 < found.speed <= 1:
            yield _row(kind, "long", "partial adjustment", found.long[0], found.long_errors[0], sample.index, free, note=note)


def _trend(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Demand with world GDP and a level that wanders: tastes and techniques that nobody measured."""
    kept, steps = levels(table)
    kept = kept.dropna(subset=["g"])
    if len(kept) < FEWEST:
        return
    steps = steps.loc[kept.index]
    whole = pd.RangeIndex(kept.index.min(), kept.index.max() + 1)
    regressors = np.column_stack([kept[["p", "g"]], steps.loc[:, steps.nunique() > 1]])
    regressors = pd.DataFrame(regressors, kept.index).reindex(whole).ffill().to_numpy()  # a year without output has no say
    found = local_level(kept["q"].reindex(whole).to_numpy(), regressors)
    value, error = float(found.coefficients[0]), float(found.coefficient_errors[0])
    yield _row("demand", "short", "stochastic trend", value, error, kept.index, len(kept) - 4, note="price taken as given")


def _projections(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Output h years after a price rise, two lags of both changes given: a forecast, as a price also foretells demand."""
    lags = {f"d{name}{k}": table[f"d{name}"].shift(k) for name in "qp" for k in (1, 2)}
    for h in HORIZONS:
        ahead = (table["q"].shift(-h) - table["q"].shift(1)).where(table["piece"].shift(-h) == table["piece"].shift(1))
        sample = table.assign(**lags, ahead=ahead).dropna(subset=["ahead", "dp", *lags])
        if len(sample) >= LONG_SAMPLE:
            value, error, n = dynamics.local_projection(*(sample[c].to_numpy() for c in ("ahead", "dp", list(lags))))
            method, horizon = f"local projection, {h} year{'s' * (h != 1)}", "short" if h < 2 else "long"
            yield _row("supply", horizon, method, value, error, sample.index, n - 6, note="demand and supply mixed")


def _pairs(table: pd.DataFrame, supply: tuple[float, float, float]) -> Iterator[dict[str, Any]]:
    """Demand elasticities that a VAR in changes allows for the supply elasticities of the prior."""
    lagged = table.assign(dq1=table["dq"].shift(), dp1=table["dp"].shift()).dropna(subset=["dq", "dp", "dq1", "dp1"])
    if len(lagged) < FEWEST:
        return
    covariance = dynamics.innovations(lagged["dq"].to_numpy(), lagged["dp"].to_numpy(), lagged[["dq1", "dp1"]].to_numpy(),
                                      np.ones((len(lagged), 1)))
    pole = covariance[0, 1] / covariance[1, 1]
    low, value, high = (float(-d) for d in dynamics.demand_given_supply(np.array(supply), covariance))
    through = supply[0] < pole < supply[2]
    note = f"{low:.2g}, {value:.2g} and {high:.2g} go with supply elasticities of {supply[0]:.2g}, {supply[1]:.2g} and {supply[2]:.2g}"
    if through:
        note += f"; infinite at {pole:.2g}, so that no range follows"
    yield {"kind": "demand", "horizon": "short", "method": "VAR pairs", "value": value, "low": np.nan if through else min(low, high),
           "high": np.nan if through else max(low, high), "years": len(lagged), "first": lagged.index.min(),
           "last": lagged.index.max(), "note": "; ".join(filter(None, [note, "wrong sign" if value < 0 else ""]))}
