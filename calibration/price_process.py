"""Price risk of each market: an Ornstein-Uhlenbeck process on the log of a real price, by exact maximum likelihood.

Reads `calibration/figures/price_process/` and writes, into the market's data folder, `price_process_fit.csv` (one row
per series) and `price_process.csv` (half-life and volatility of the reference good with ranges). Nominal series are
deflated by the US CPI. All are annual averages and short, so that the ranges matter more than the centres:

- centre: the main series, its persistence corrected for the bias of a short sample, (n phi + 1) / (n - 3) (Kendall
  1954);
- low half-life: the 5 % end of the uncorrected main fit, or the uncorrected fit itself where that end is zero;
- high half-life: the longest of the other series, at its 95 % end where that is finite, else as fitted;
- volatility: 1.645 standard errors either side of the centre, widened to the other series' fits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from floormodel.errors import DataError
from floormodel.finance.price_process import Fit, OrnsteinUhlenbeck, fit

FIGURES = Path(__file__).parent / "figures" / "price_process"
Z = 1.645  # normal quantile of a 90 % range
# market: (reference good, main series, other series)
SERIES = {
    "rare_earths": ("ndpr_oxide", "neodymium_oxide", ("rare_earth_unit_value_1998usd",)),
    "cobalt": ("refined", "cobalt_import_unit_value", ("cobalt_lme", "cobalt_unit_value_1998usd")),
}


def build(market: str, out: Path) -> None:
    """Write the tables of `market` into `out`, its data folder. Raises DataError on faulty figures."""
    good, main, others = SERIES[market]
    prices = pd.read_csv(FIGURES / "prices.csv", keep_default_na=False, dtype={"year": int, "value": float})
    cpi = pd.read_csv(FIGURES / "us_cpi.csv", dtype={"year": int}).set_index("year")["value"]
    sources = pd.read_csv(FIGURES / "sources.csv", dtype=str, keep_default_na=False)
    if unknown := set(prices["source"]) - set(sources["id"]):
        raise DataError(f"{FIGURES / 'prices.csv'}: sources {sorted(unknown)} are not in sources.csv")
    fits = {name: fit(real_prices(prices[prices["series"] == name], cpi)) for name in (main, *others)}
    spans = {name: prices.loc[prices["series"] == name, "year"] for name in fits}
    table = pd.DataFrame([_fit_row(name, fits[name], spans[name]) for name in fits])
    used = {"price_process_fit", *prices.loc[prices["series"].isin(list(fits)), "source"]}
    table.to_csv(out / "price_process_fit.csv", index=False, float_format="%.6g", lineterminator="\n")
    chosen = parameters(good, fits, spans[main])
    chosen.to_csv(out / "price_process.csv", index=False, float_format="%.4g", lineterminator="\n")
    kept = sources["id"].isin(used) | sources["id"].str.startswith("cpi_")
    sources[kept].to_csv(out / "price_process_sources.csv", index=False, lineterminator="\n")


def real_prices(series: pd.DataFrame, cpi: pd.Series) -> np.ndarray:
    """Yearly prices (n,), deflated unless in constant money. Raises DataError for a gap or a year given twice."""
    ordered = series.sort_values("year")
    if np.any(np.diff(ordered["year"]) != 1):
        raise DataError(f"price process: series {series['series'].iloc[0]} has a gap or two figures for one year")
    deflator = 1.0 if ordered["unit"].str.contains("1998 USD").all() else cpi.loc[ordered["year"]].to_numpy()
    return ordered["value"].to_numpy() / deflator


def corrected(found: Fit) -> OrnsteinUhlenbeck:
    """The fitted process with its persistence corrected for the bias of a short sample; at most 0.99."""
    n = found.observations
    phi = min((n * found.phi + 1) / (n - 3), 0.99)
    return OrnsteinUhlenbeck.from_ar1(phi, found.innovation_sd, found.mean_log, found.step)


def parameters(good: str, fits: dict[str, Fit], span: pd.Series) -> pd.DataFrame:
    """Half-life and volatility of the reference good with their ranges; the first fit is the main one."""
    main, *others = fits.values()
    centre = corrected(main)
    low, high = main.half_life_range(Z)
    longest = [f.half_life_range(Z)[1] for f in others]
    half_life = (low if low > 0 else main.process.half_life,
                 max(f.process.half_life if np.isinf(end) else end for f, end in zip(others, longest)))
    spread = Z * main.standard_errors[1] / main.innovation_sd
    sigmas = [centre.sigma * (1 - spread), centre.sigma * (1 + spread), *(f.process.sigma for f in others)]
    note = (f"own fit on {main.observations} yearly real prices {span.min()}-{span.max()} of {next(iter(fits))}, "
            f"bias-corrected; uncorrected {main.process.half_life:.2g} years ({low:.2g} to {high:.2g}) and "
            f"{main.process.sigma:.2g}; see price_process_fit.csv")
    columns = ["good", "parameter", "value", "unit", "low", "high", "year", "source", "note"]
    year = str(span.max())
    return pd.DataFrame([
        [good, "half_life", centre.half_life, "years", *half_life, year, "price_process_fit", note],
        [good, "sigma", centre.sigma, "per root year", min(sigmas), max(sigmas), year, "price_process_fit", note],
    ], columns=columns)


def _fit_row(name: str, found: Fit, span: pd.Series) -> dict[str, object]:
    low, high = found.half_life_range(Z)
    errors = dict(zip(("phi_se", "innovation_sd_se", "mean_log_se"), found.standard_errors))
    return {"series": name, "first": span.min(), "last": span.max(), "n": found.observations, "phi": found.phi,
            "innovation_sd": found.innovation_sd, **errors, "half_life": found.process.half_life, "half_life_low": low,
            "half_life_high": high, "sigma": found.process.sigma, "stationary_sd": found.process.stationary_sd,
            "half_life_corrected": corrected(found).half_life, "at_bound": found.at_bound}
