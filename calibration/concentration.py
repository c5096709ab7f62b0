"""Concentration of each stage over time: leading share, its trend with a band, HHI with sharp bounds, laws of the shares.

Reads `calibration/figures/concentration/<market>.csv` (stage, source, country, year, quantity) and `breaks.csv` and writes,
into the market's data folder, `concentration.csv` (one row per stage, source and year), `concentration_fit.csv` (one row per
stage and window) and `concentration_models.csv` (one row per stage, source and law of shares). Two vintages are never joined
unless `breaks.csv` says where: the series that is fitted is the one source with most years, and the others stand beside it, so
that a revision shows as two values for one year.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from calibration.figures import read_sources
from floormodel.errors import DataError, Faults
from floormodel.indicators.concentration import hhi_bounds
from floormodel.indicators.share_distributions import FEWEST, dirichlet_from_hhi, fit_dirichlet, fit_shares
from floormodel.indicators.share_trends import (
    NEAREST,
    beta_block_bootstrap,
    beta_regression,
    block_bootstrap,
    fractional_logit,
    local_level,
    slope_error,
    trend_design,
)

FIGURES = Path(__file__).parent / "figures" / "concentration"
WINDOWS = (2010, 2000)  # first years: the trend from 2010 is drawn, that from 2000 shows what the window matters
FEWEST_YEARS = 10  # a series with fewer years is not fitted
DRAWS, SEED, COVERAGE = 999, 2024, 0.90
TAILS = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
REST, WORLD, JOIN = "OTH", "WLD", "+"
LEAST_SLACK, MOST_SLACK = 0.005, 0.05  # of the world: printed totals are this near their parts at best, and no further by rounding alone
FIT_COLUMNS = ["stage", "leader", "source", "years", "n", "status", "slope", "se", "p", "slope_low", "slope_high",
               "band", "block", "draws", "dirichlet_alpha", "dirichlet_total", "breaks", "slope_without_breaks",
               "beta_slope", "beta_se", "beta_low", "beta_high", "beta_precision", "walk_slope", "walk_se", "lasting",
               "jump_year", "jump"]
HISTORY_COLUMNS = ["stage", "year", "leader", "share", "share_fit", "share_low", "share_high", "hhi_low", "hhi_high", "source", "n",
                   "basis"]
MODEL_COLUMNS = ["stage", "source", "year", "n", "unlisted", "hhi_low", "hhi_high", "law", "parameter", "se", "log_likelihood",
                 "aic", "weight", "hhi_median", "hhi_p", "next_low", "next_median", "next_high"]
BREAK_COLUMNS = ["market", "stage", "source", "year", "reason", "reference"]
NO_BREAKS = pd.DataFrame(columns=BREAK_COLUMNS)


def read_breaks(path: Path) -> pd.DataFrame:
    """Years from which a series is counted in another way: market, stage, source, year, reason, reference.

    A source `a+b` is a splice: a before the year, b from it on. Raises DataError with every row that lacks something.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != BREAK_COLUMNS:
        raise DataError(f"{path.name}: header {','.join(table.columns)}; expected {','.join(BREAK_COLUMNS)}")
    faults = Faults(path.name)
    for i, row in table.iterrows():
        for column in BREAK_COLUMNS:
            if not row[column] or (column == "year" and not row[column].isdigit()):
                faults.add(f"line {int(i) + 2}, {column}", row[column] or "nothing", "a year" if column == "year" else "text")
    for i in table.index[table.duplicated(["market", "stage", "source", "year"])]:
        faults.add(f"line {int(i) + 2}", "the same break again", "each break once")
    faults.raise_if_any()
    return table.astype({"year": int})


def series(figures: pd.DataFrame, stage: str, source: str, splice: int | None = None) -> pd.DataFrame:
    """Shares by year (rows) and country (columns) of one stage and source, the unlisted rest in column OTH.

    The rest is the source's own "other countries" where it prints one, else what the printed world total leaves. A source
    `a+b` is a up to the year before `splice` and b from it on. Raises DataError for two sources without a splice, and where the
    parts differ from the printed world total by more than the rounding of the figures.
    """
    if JOIN in source and splice is None:
        raise DataError(f"concentration of {stage}: {source} joins two sources without a break; list the year in breaks.csv")
    rows = figures[(figures["stage"] == stage) & figures["source"].isin(source.split(JOIN))]
    if absent := set(source.split(JOIN)) - set(rows["source"]):
        raise DataError(f"concentration of {stage}: no figures of {sorted(absent)}, which breaks.csv names")
    if splice is not None:
        rows = rows[(rows["source"] == source.split(JOIN)[0]) == (rows["year"] < splice)]
    table = rows.pivot(index="year", columns="country", values="quantity").fillna(0.0)
    slack = table.map(half_a_unit).sum(axis=1)
    world = table.pop(WORLD) if WORLD in table else table.sum(axis=1)
    if REST not in table:
        table[REST] = 0.0
    printed, left = table[REST] > 0, world - table.sum(axis=1)
    apart = (world > 0) & (left.abs().where(printed, -left) > slack.clip(LEAST_SLACK * world, MOST_SLACK * world))
    if apart.any():
        found = "; ".join(f"{y}: {table.loc[y].sum():.10g} beside {world[y]:.10g}" for y in table.index[apart])
        raise DataError(f"concentration of {stage} by {source}: countries and {REST} differ from {WORLD} by more than rounding, {found}; "
                        f"expected one country in one row (is one in {REST} too?)")
    table[REST] = table[REST].where(printed, left.clip(lower=0))
    return table.div(table.sum(axis=1), axis=0)


def half_a_unit(quantity: float) -> float:
    """Half a unit of the last digit that is printed: 50 of 1,200, 0.5 of 1,203; 0 of 0."""
    return 0.5 * 10.0 ** Decimal(str(quantity)).normalize().as_tuple().exponent if quantity else 0.0


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


def series_breaks(breaks: pd.DataFrame, stage: str, source: str, splice: int | None = None) -> list[int]:
    """Listed years from which the series of one stage and source is counted in another way; a splice is one of them."""
    rows = breaks[breaks["stage"] == stage]
    if splice is None:
        return sorted(rows.loc[rows["source"] == source, "year"])
    first, second = source.split(JOIN)
    before = rows[(rows["source"] == first) & (rows["year"] < splice)]
    after = rows[(rows["source"] == second) & (rows["year"] > splice)]
    return sorted({splice, *before["year"], *after["year"]})


def fit_stage(
    shares: pd.DataFrame, first: int, stage: str, leader: str, source: str, breaks: Sequence[int] = ()
) -> tuple[dict, pd.DataFrame | None]:
    """One row of `concentration_fit.csv` and, unless the series is too short, the band of the fit by year.

    The slope is that of the log odds a year, next to a step at each break inside the window; `slope_without_breaks` is what
    it would be if they were ignored. `walk_slope` is the slope when the level wanders, with a standard error that knows it, and
    `lasting` the wandering part of the yearly variance: near one, the share is a random walk and the band above too narrow.
    `dirichlet_alpha` is the symmetric Dirichlet with the last year's HHI (middle of its bounds) over the listed
    producers; `dirichlet_total` is the summed parameter of the Dirichlet fitted to the years of `composition`: high
    where shares hardly move between years. Years are not independent: it describes, it does not infer. `jump` is the
    largest change of the share from one year to the next that no listed break explains: the place to look for one.
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
    inside = [b for b in breaks if year[0] < b <= year[-1]]
    time, steps = year - year.mean(), [b - year.mean() for b in inside]
    found, beta = fractional_logit(time, share, steps), beta_regression(time, share, steps)
    coefficients, block = block_bootstrap(time, share, DRAWS, SEED, steps)
    slope_low, slope_high = np.quantile(coefficients[:, 1], TAILS)
    beta_low, beta_high = np.quantile(beta_block_bootstrap(time, share, DRAWS, SEED, steps)[0][:, 1], TAILS)
    low, high = np.quantile(expit(coefficients @ trend_design(time, steps).T), TAILS, axis=0)
    error, p_value = slope_error(found)
    parts = composition(window)
    change = pd.Series(np.diff(share), index=window.index[1:]).drop(inside)
    jump = change.abs().idxmax()
    row |= {"status": "fitted", "slope": found.params[1], "se": error, "p": p_value, "slope_low": slope_low,
            "slope_high": slope_high, "band": COVERAGE, "block": block, "draws": DRAWS,
            "dirichlet_total": float(fit_dirichlet(parts).sum()) if np.all(parts > 0) else np.nan,
            "breaks": ";".join(map(str, inside)), "beta_slope": beta.params[1], "beta_se": beta.bse[1], "beta_low": beta_low,
            "beta_high": beta_high, "beta_precision": np.exp(beta.params[-1]), "jump_year": jump, "jump": change[jump]}
    if inside:
        row["slope_without_breaks"] = fractional_logit(time, share).params[1]
    row |= random_walk(window[leader], inside)
    return row, pd.DataFrame({"share_fit": found.fittedvalues, "share_low": low, "share_high": high}, index=window.index)


def random_walk(share: pd.Series, breaks: Sequence[int]) -> dict[str, float]:
    """Slope of a share's log odds when their level wanders, and how much of the yearly variance is the wandering."""
    years = np.arange(share.index[0], share.index[-1] + 1)
    odds = logit(share.clip(NEAREST, 1 - NEAREST)).reindex(years).to_numpy()
    found = local_level(odds, trend_design(years - years.mean(), [b - years.mean() for b in breaks])[:, 1:])
    lasting = found.wandering / (found.wandering + found.irregular)
    return {"walk_slope": found.coefficients[0], "walk_se": found.coefficient_errors[0], "lasting": round(lasting, 3)}


def tables(figures: pd.DataFrame, breaks: pd.DataFrame = NO_BREAKS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two tables of one market from its figures and the breaks of its series.

    The leader of a stage is its largest supplier of the newest year. A year in which a source has no figure for it is left
    out: a figure that is not printed is not zero.
    """
    yearly: list[pd.DataFrame] = []
    fits: list[dict] = []
    for stage in figures["stage"].unique():
        sources = figures[figures["stage"] == stage].groupby("source")["year"].nunique()
        main = sources.sort_index().idxmax()
        leader = largest(figures, stage)
        shares = _with_leader(series(figures, stage, main), leader)
        bands = []
        for first in WINDOWS:
            row, band = fit_stage(shares, first, stage, leader, main, series_breaks(breaks, stage, main))
            if row["years"] not in {fit["years"] for fit in fits if fit["stage"] == stage}:
                fits.append(row)
                bands.append(band)
        for _, splice in breaks[(breaks["stage"] == stage) & breaks["source"].str.contains(JOIN, regex=False)].iterrows():
            joined = _with_leader(series(figures, stage, splice["source"], splice["year"]), leader)
            listed = series_breaks(breaks, stage, splice["source"], splice["year"])
            fits.append(fit_stage(joined, WINDOWS[0], stage, leader, splice["source"], listed)[0])
        for source in [main, *sources.index.drop(main)]:
            rows = describe(_with_leader(series(figures, stage, source), leader), leader)
            basis = figures.loc[(figures["stage"] == stage) & (figures["source"] == source), "basis"].iloc[0]
            rows = rows.assign(stage=stage, source=source, basis=basis)
            yearly.append(rows.join(bands[0]) if source == main and bands[0] is not None else rows)
    table = pd.concat(yearly).rename_axis("year").reset_index().reindex(columns=HISTORY_COLUMNS)
    return table, pd.DataFrame(fits).reindex(columns=FIT_COLUMNS)


def largest(figures: pd.DataFrame, stage: str) -> str:
    """Largest listed supplier of the newest year of a stage, in the source that lists most of them, then the one with most years."""
    rows = figures[(figures["stage"] == stage) & ~figures["country"].isin([REST, WORLD])]
    newest = rows[rows["year"] == rows["year"].max()]
    rank = pd.DataFrame({"countries": newest.groupby("source")["country"].nunique(), "years": rows.groupby("source")["year"].nunique()})
    source = rank.dropna().sort_index().sort_values(["countries", "years"], kind="stable").index[-1]
    return str(newest[newest["source"] == source].set_index("country")["quantity"].idxmax())


def _with_leader(shares: pd.DataFrame, leader: str) -> pd.DataFrame:
    return shares[shares[leader] > 0] if leader in shares else shares.iloc[:0].assign(**{leader: 0.0})


def newest_editions(sources: Iterable[str]) -> list[str]:
    """Of each publisher, a source's name without its year, the newest edition; sorted."""
    last = {name.rstrip("0123456789"): name for name in sorted(sources)}
    return sorted(last.values())


def editions(figures: pd.DataFrame, stage: str) -> list[tuple[str, int]]:
    """Of each publisher of a stage, the newest edition and its newest year."""
    last = figures[figures["stage"] == stage].groupby("source")["year"].max()
    return [(s, int(last[s])) for s in newest_editions(last.index)]


def edition(figures: pd.DataFrame, stage: str, year: int, own: str = "") -> tuple[str, int, pd.Series]:
    """Name, year and shares by country of the source that says most about a stage in `year`, or in the newest year before it.

    Only the newest edition of each publisher that has the year counts. Those that list `FEWEST` suppliers come first, then the one
    that leaves least unlisted (to 0.1 %), then `own`, then the one that lists most, then the newest. Raises DataError where no
    source has the stage up to that year.
    """
    rows = figures[(figures["stage"] == stage) & (figures["year"] <= year)]
    if rows.empty:
        raise DataError(f"concentration: no figures of {stage} up to {year}")
    found = int(rows["year"].max())
    choices = {s: series(figures, stage, s).loc[found] for s in newest_editions(rows.loc[rows["year"] == found, "source"].unique())}
    number = {s: int((shares.drop(REST) > 0).sum()) for s, shares in choices.items()}
    source = max(choices, key=lambda s: (number[s] >= FEWEST, -round(choices[s][REST], 3), s == own, number[s], s[-4:], s))
    return source, found, choices[source]


def models(figures: pd.DataFrame) -> pd.DataFrame:
    """Laws of the shares, fitted and compared, in the newest year of each publisher's newest edition of a stage.

    A law is fitted to the listed suppliers; `unlisted` is what they leave out. A stage with fewer than four has no rows.
    """
    found = []
    for stage in figures["stage"].unique():
        for source, year in editions(figures, stage):
            shares = series(figures, stage, source).loc[[year]]
            listed = shares.drop(columns=REST).iloc[0]
            if (listed > 0).sum() < FEWEST:
                continue
            indices = describe(shares, str(listed.idxmax())).iloc[0]
            for fit in fit_shares(listed.to_numpy(), DRAWS, SEED):
                found.append({"stage": stage, "source": source, "year": year, "n": fit.number, "unlisted": shares[REST].iloc[0],
                              "hhi_low": indices["hhi_low"], "hhi_high": indices["hhi_high"], "law": fit.law,
                              "parameter": fit.parameter, "se": fit.error, "log_likelihood": fit.log_likelihood, "aic": fit.aic,
                              "weight": fit.weight, "hhi_median": fit.hhi_median, "hhi_p": fit.hhi_p,
                              **dict(zip(("next_low", "next_median", "next_high"), fit.next_share))})
    return pd.DataFrame(found).reindex(columns=MODEL_COLUMNS)


def read_history(market: str) -> pd.DataFrame:
    """A market's producers over time. Raises DataError for a negative quantity, a cell given twice or an unknown source."""
    path = FIGURES / f"{market}.csv"
    figures = pd.read_csv(path, keep_default_na=False, dtype={"quantity": float, "year": int})
    known = set(read_sources(FIGURES / "sources.csv")["id"])
    if (figures["quantity"] < 0).any() or figures.duplicated(["stage", "source", "country", "year"]).any():
        raise DataError(f"{path}: found a negative quantity or a cell given twice; expected one figure per cell")
    if unknown := set(figures["source"]) - known:
        raise DataError(f"{path}: sources {sorted(unknown)} are not in sources.csv")
    return figures


def build(market: str, out: Path) -> None:
    """Write the three tables of `market` into `out` (its data folder). Raises DataError where the figures are faulty."""
    figures = read_history(market)
    breaks = read_breaks(FIGURES / "breaks.csv")
    yearly, fits = tables(figures, breaks[breaks["market"] == market])
    for name, frame in {"concentration": yearly, "concentration_fit": fits, "concentration_models": models(figures)}.items():
        frame.to_csv(out / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
