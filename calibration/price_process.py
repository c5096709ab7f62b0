"""Price risk of each market: an Ornstein-Uhlenbeck process on the log of a real price, by exact maximum likelihood.

Reads the series of `calibration.price_series` and writes, into the market's data folder, `price_process.csv` (half-life and volatility of
the reference good with ranges), `price_process_fit.csv` (one row per series) and `price_process_models.csv` (each series fitted by four
processes). Most series are annual averages and short, so that the ranges matter more than the centres:

- centre: the main series, its persistence corrected for the bias of a short sample, (n phi + 1) / (n - 3) (Kendall
  1954);
- low half-life: the 5 % end of the uncorrected main fit, or the uncorrected fit itself where that end is zero;
- high half-life: the longest 95 % end of the main series and of any other of 20 prices or more, at most as a persistence of 0.99 a year,
  which an infinite end counts as; shorter series beside the main one tell no end from infinity by their length alone;
- volatility: 1.645 standard errors either side of the centre, widened to the other series' fits that are not at a bound.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from calibration.price_series import Series, series_of, sources
from floormodel.finance.price_comparison import NAMES, ModelFit, fit_models, mean_reversion_p
from floormodel.finance.price_process import Fit, OrnsteinUhlenbeck, fit

Z = 1.645  # normal quantile of a 90 % range
LONGEST = 0.99  # persistence a year that no correction goes beyond
FOR_JUMPS = 100  # fewer prices cannot tell jumps from the rest
FOR_END = 20  # fewer prices beside the main series set no high end


def build(market: str, out: Path) -> None:
    """Write the tables of `market` into `out`, its data folder. Raises DataError on faulty figures."""
    good, series = series_of(market)
    fits = [fit(one.prices, one.step) for one in series]
    models = [fit_models(one.prices, one.step, jumps=len(one.prices) >= FOR_JUMPS) for one in series]
    table = pd.DataFrame([_fit_row(*row) for row in zip(series, fits, models)])
    table.to_csv(out / "price_process_fit.csv", index=False, float_format="%.6g", lineterminator="\n")
    compared = pd.DataFrame([_model_row(one, model) for one, found in zip(series, models) for model in found])
    compared.to_csv(out / "price_process_models.csv", index=False, float_format="%.4g", lineterminator="\n")
    chosen = parameters(good, series, fits)
    chosen.to_csv(out / "price_process.csv", index=False, float_format="%.4g", lineterminator="\n")
    used = {"price_process_fit"}.union(*(one.sources for one in series))
    listed = sources()
    listed[listed["id"].isin(used)].to_csv(out / "price_process_sources.csv", index=False, lineterminator="\n")


def corrected(found: Fit) -> OrnsteinUhlenbeck:
    """The fitted process with its persistence corrected for the bias of a short sample; at most LONGEST a year."""
    phi = min(_bias_free(found), LONGEST**found.step)
    return OrnsteinUhlenbeck.from_ar1(phi, found.innovation_sd, found.mean_log, found.step)


def parameters(good: str, series: list[Series], fits: list[Fit]) -> pd.DataFrame:
    """Half-life and volatility of the reference good with their ranges; the first fit is the main one."""
    main, *others = fits
    centre = corrected(main)
    low, high = main.half_life_range(Z)
    least = min(low if low > 0 else main.process.half_life, centre.half_life)
    half_life = (least, max(centre.half_life, *(_longest(f) for f in fits if f is main or f.observations >= FOR_END)))
    error = main.standard_errors[1] / main.innovation_sd
    spread = Z * (error if np.isfinite(error) else 1 / np.sqrt(2 * main.observations))
    sigmas = [centre.sigma * (1 - spread), centre.sigma * (1 + spread), *(f.process.sigma for f in others if not f.at_bound)]
    first, last = series[0].span
    often = "yearly" if main.step == 1 else "monthly"
    span = f"{first}-{last}" if main.step == 1 else f"{first} to {last}"
    bound = ", the persistence at its bound" if main.at_bound else f" ({low:.2g} to {high:.2g})"
    capped = f" but at most {LONGEST} a year: no return to a mean is seen" if _bias_free(main) >= LONGEST**main.step else ""
    note = (f"own fit on {main.observations} {often} real prices {span} of {series[0].name}, bias-corrected{capped}; "
            f"uncorrected {main.process.half_life:.2g} years{bound} and {main.process.sigma:.2g}{_averaged(series, fits)}; "
            "see price_process_fit.csv")
    columns = ["good", "parameter", "value", "unit", "low", "high", "year", "source", "note"]
    return pd.DataFrame([
        [good, "half_life", centre.half_life, "years", *half_life, last[:4], "price_process_fit", note],
        [good, "sigma", centre.sigma, "per root year", min(sigmas), max(sigmas), last[:4], "price_process_fit", note],
    ], columns=columns)


def _bias_free(found: Fit) -> float:
    return (found.observations * found.phi + 1) / (found.observations - 3)


def _averaged(series: list[Series], fits: list[Fit]) -> str:
    """What the yearly means of a monthly main series say, which need not agree with its months."""
    for one, found in zip(series, fits):
        if one.name == f"{series[0].name}_yearly":
            years = corrected(found).half_life
            return f"; the yearly means of the same prices give {years:.2g} years corrected, {found.process.half_life:.2g} uncorrected"
    return ""


def _longest(found: Fit) -> float:
    """Half-life at the 95 % end, at most that of the persistence LONGEST a year."""
    return min(found.half_life_range(Z)[1], float(np.log(0.5) / np.log(LONGEST)))


def _best(models: tuple[ModelFit, ...], criterion: str) -> str:
    """Name of the process with the least AIC or BIC; a fit at a bound is no maximum and does not count."""
    return min((m for m in models if not m.at_bound), key=lambda m: getattr(m, criterion)).model


def _fit_row(series: Series, found: Fit, models: tuple[ModelFit, ...]) -> dict[str, object]:
    low, high = found.half_life_range(Z)
    errors = dict(zip(("phi_se", "innovation_sd_se", "mean_log_se"), found.standard_errors))
    first, last = series.span
    best = {f"best_{name}": _best(models, name) for name in ("aic", "bic")}
    return {"series": series.name, "first": first, "last": last, "n": found.observations, "phi": found.phi,
            "innovation_sd": found.innovation_sd, **errors, "half_life": found.process.half_life, "half_life_low": low,
            "half_life_high": high, "sigma": found.process.sigma, "stationary_sd": found.process.stationary_sd,
            "half_life_corrected": corrected(found).half_life, "at_bound": found.at_bound, "step": found.step, "unit": series.unit,
            "mean_price": float(np.mean(series.prices)), "log_likelihood": found.log_likelihood,
            "p_mean_reversion": mean_reversion_p(series.prices), **best}


def _model_row(series: Series, found: ModelFit) -> dict[str, object]:
    pairs = {key: value for name in NAMES for key, value in (
        (name, found.values.get(name, np.nan)), (f"{name}_se", found.errors.get(name, np.nan)))}
    if found.at_bound and found.values.get("phi", 0.0) > 0.9999:
        pairs["level"] = np.nan  # nothing to revert to
    return {"series": series.name, "model": found.model, "steps": found.steps, "step": found.step, "parameters": found.parameters,
            "log_likelihood": found.log_likelihood, "aic": found.aic, "bic": found.bic, **pairs, "half_life": found.half_life,
            "tail": found.tail, "at_bound": found.at_bound}
