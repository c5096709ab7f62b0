"""Concentration of each stage over time: leading share, its trend with a band, HHI with sharp bounds, Dirichlet links.

Reads `calibration/figures/concentration/<market>.csv` (stage, source, country, year, quantity) and writes, into the
market's data folder, `concentration.csv` (one row per stage, source and year) and `concentration_fit.csv` (one row per
stage and window). Two vintages are never joined: the series that is fitted is the one source with most years, and the
others stand beside it, so that a revision shows as two values for one year.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from calibration.figures import read_sources
from floormodel.errors import DataError
from floormodel.indicators.concentration import dirichlet_from_hhi, fit_dirichlet, hhi_bounds

FIGURES = Path(__file__).parent / "figures" / "concentration"
WINDOWS = (2010, 2000)  # first years: the trend from 2010 is drawn, that from 2000 shows what the window matters
FEWEST_YEARS = 10  # a series with fewer years is not fitted
DRAWS, SEED, COVERAGE = 999, 2024, 0.90
REST, WORLD = "OTH", "WLD"
FIT_COLUMNS = ["stage", "leader", "source", "years", "n", "status", "slope", "se", "p", "slope_low", "slope_high",
               "band", "block", "draws", "dirichlet_alpha", "dirichlet_total"]


def fractional_logit(year: ArrayLike, share: ArrayLike) -> sm.genmod.generalized_linear_model.GLMResultsWrapper:
    """Quasi-likelihood logit of a share (T,) in 0..1 on a constant and the year (T,) (Papke and Wooldridge 1996).

    Its covariance is White's, robust to the variance of a share but not to dependence between years.
    """
    design = sm.add_constant(np.asarray(year, dtype=float))
    model = sm.GLM(np.asarray(share, dtype=float), design, family=sm.families.Binomial())
    return model.fit(cov_type="HC1", tol=1e-12, maxiter=200)


def slope_error(found: sm.genmod.generalized_linear_model.GLMResultsWrapper) -> tuple[float, float]:
    """HC1 standard error of the slope and its p-value from the t distribution with T - 2 degrees of freedom.

    statsmodels leaves the factor T / (T - 2) that makes White's covariance HC1 out for a GLM; it is put in here.
    """
    size = int(found.nobs)
    error = float(found.bse[1]) * float(np.sqrt(size / (size - 2)))
    return error, float(2 * student.sf(abs(found.params[1]) / error, size - 2))


def block_bootstrap(year: NDArray, share: NDArray, draws: int, seed: int) -> tuple[NDArray, int]:
    """Coefficients (draws, 2) of the trend under a moving-block bootstrap over years (Kuensch 1989); block length.

    Residuals, divided by sqrt(mu (1 - mu)) and scaled for two coefficients, are drawn in overlapping blocks of
    ceil(T^(1/3)) consecutive years, centred by position in the block (Lahiri 2003), and put back on the fitted curve:
    neighbouring years stay dependent, every draw has the same years. A share outside 0..1 is set to the nearer end.
    """
    size, block = len(year), int(np.ceil(len(year) ** (1 / 3)))
    fitted = np.asarray(fractional_logit(year, share).fittedvalues)
    spread = np.sqrt(fitted * (1 - fitted))
    blocks = np.lib.stride_tricks.sliding_window_view((share - fitted) / spread * np.sqrt(size / (size - 2)), block)
    centred = blocks - blocks.mean(axis=0)
    starts = np.random.default_rng(seed).integers(0, len(blocks), size=(draws, -(-size // block)))
    simulated = np.clip(fitted + spread * centred[starts].reshape(draws, -1)[:, :size], 0, 1)
    return np.array([fractional_logit(year, row).params for row in simulated]), block


def series(figures: pd.DataFrame, stage: str, source: str) -> pd.DataFrame:
    """Shares by year (rows) and country (columns) of one stage and source, the unlisted rest in column OTH.

    The rest is the source's own "other countries" where it prints one, else what the printed world total leaves.
    """
    rows = figures[(figures["stage"] == stage) & (figures["source"] == source)]
    table = rows.pivot(index="year", columns="country", values="quantity").fillna(0.0)
    world = table.pop(WORLD) if WORLD in table else table.sum(axis=1)
    if REST not in table:
        table[REST] = (world - table.sum(axis=1)).clip(lower=0)
    return table.div(table.sum(axis=1), axis=0)


def describe(shares: pd.DataFrame, leader: str) -> pd.DataFrame:
    """Per year: share of `leader`, number of listed producers, HHI bounds (no unlisted one is above the largest)."""
    listed = shares.drop(columns=REST)
    low, high = hhi_bounds(listed.to_numpy(), shares[REST].to_numpy(), cap=listed.max(axis=1).to_numpy())
    return pd.DataFrame({"leader": leader, "share": listed[leader], "hhi_low": low, "hhi_high": high,
                         "n": (listed > 0).sum(axis=1)})


def composition(shares: pd.DataFrame) -> NDArray:
    """Shares (T, 2 to 4) of at most three largest suppliers with output in every year, and of all others together."""
    listed = shares.drop(columns=REST)
    order = listed.loc[:, (listed > 0).all()].iloc[-1].sort_values(ascending=False).index
    for number in (3, 2, 1):
        parts = listed[order[:number]].to_numpy()
        others = 1 - parts.sum(axis=1)
        if np.all(others > 1e-9):
            break
    return np.column_stack([parts, others])


def fit_stage(
    shares: pd.DataFrame, first: int, stage: str, leader: str, source: str
) -> tuple[dict, pd.DataFrame | None]:
    """One row of `concentration_fit.csv` and, unless the series is too short, the band of the fit by year.

    `dirichlet_alpha` is the symmetric Dirichlet with the last year's HHI (middle of its bounds) over the listed
    producers; `dirichlet_total` is the summed parameter of the Dirichlet fitted to the years of `composition`: high
    where shares hardly move between years. Years are not independent: it describes, it does not infer.
    """
    window = shares[shares.index >= min(first, shares.index[-1])]
    year, share = window.index.to_numpy(dtype=float), window[leader].to_numpy()
    row = {"stage": stage, "leader": leader, "source": source, "years": f"{window.index[0]}-{window.index[-1]}",
           "n": len(window), "status": "too_short"}
    last = describe(window.iloc[[-1]], leader).iloc[0]
    if last["n"] > 1 and 1 / last["n"] < last["hhi_high"] < 1:
        row["dirichlet_alpha"] = float(dirichlet_from_hhi((last["hhi_low"] + last["hhi_high"]) / 2, last["n"]))
    if len(window) < FEWEST_YEARS:
        return row, None
    time = year - year.mean()
    found = fractional_logit(time, share)
    coefficients, block = block_bootstrap(time, share, DRAWS, SEED)
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    slope_low, slope_high = np.quantile(coefficients[:, 1], tails)
    curves = 1 / (1 + np.exp(-(coefficients[:, :1] + coefficients[:, 1:] * time)))
    low, high = np.quantile(curves, tails, axis=0)
    error, p_value = slope_error(found)
    row |= {"status": "fitted", "slope": found.params[1], "se": error, "p": p_value, "slope_low": slope_low,
            "slope_high": slope_high, "band": COVERAGE, "block": block, "draws": DRAWS,
            "dirichlet_total": float(fit_dirichlet(composition(window)).sum())}
    band = pd.DataFrame({"share_fit": found.fittedvalues, "share_low": low, "share_high": high}, index=window.index)
    return row, band


def tables(figures: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`concentration.csv` and `concentration_fit.csv` as frames, from the long table of figures.

    The leader of a stage is the largest supplier in the last year of the fitted series, and is the same in every row.
    """
    yearly: list[pd.DataFrame] = []
    fits: list[dict] = []
    for stage in figures["stage"].unique():
        sources = figures[figures["stage"] == stage].groupby("source")["year"].nunique()
        main = sources.sort_index().idxmax()
        shares = series(figures, stage, main)
        leader = str(shares.drop(columns=REST).iloc[-1].idxmax())
        bands = []
        for first in WINDOWS:
            row, band = fit_stage(shares, first, stage, leader, main)
            if row["years"] not in {fit["years"] for fit in fits if fit["stage"] == stage}:
                fits.append(row)
                bands.append(band)
        for source in [main, *sources.index.drop(main)]:
            rows = describe(series(figures, stage, source), leader)
            basis = figures.loc[(figures["stage"] == stage) & (figures["source"] == source), "basis"].iloc[0]
            rows = rows.assign(stage=stage, source=source, basis=basis)
            yearly.append(rows.join(bands[0]) if source == main and bands[0] is not None else rows)
    columns = ["stage", "year", "leader", "share", "share_fit", "share_low", "share_high", "hhi_low", "hhi_high",
               "source", "n", "basis"]
    table = pd.concat(yearly).rename_axis("year").reset_index().reindex(columns=columns)
    return table, pd.DataFrame(fits).reindex(columns=FIT_COLUMNS)


def build(market: str, out: Path) -> None:
    """Write both tables of `market` into `out` (its data folder). Raises DataError where the figures are faulty."""
    path = FIGURES / f"{market}.csv"
    figures = pd.read_csv(path, keep_default_na=False, dtype={"quantity": float, "year": int})
    known = set(read_sources(FIGURES / "sources.csv")["id"])
    if (figures["quantity"] < 0).any() or figures.duplicated(["stage", "source", "country", "year"]).any():
        raise DataError(f"{path}: found a negative quantity or a cell given twice; expected one figure per cell")
    if unknown := set(figures["source"]) - known:
        raise DataError(f"{path}: sources {sorted(unknown)} are not in sources.csv")
    for name, frame in zip(("concentration", "concentration_fit"), tables(figures)):
        frame.to_csv(out / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
