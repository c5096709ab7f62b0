"""The tables of `python -m calibration elasticities`: priors, the studies behind them, own estimates and arcs, markets beside priors."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from calibration.elasticities import arcs, literature, own, series
from calibration.elasticities.priors import FIGURES, priors, read, sensitivity
from calibration.elasticities.shipped import compared
from calibration.figures import read_sources, write_table

DATA = Path(__file__).resolve().parents[2] / "src" / "floormodel" / "data"


def build(out: Path) -> None:
    """Write every table into `out`; `shipped.csv` is on the markets beside `out`, else on those of the package.

    Raises
    ------
    DataError
        With the faults of a table of figures, or where linearmodels is not installed.
    """
    table = read()
    kept, prior = table[table["use"] == "kept"], priors(table)
    numbers = pd.concat([prior.drop(columns=_NUMBERS), prior[_NUMBERS].apply(pd.to_numeric)], axis=1)
    markets = out.parent if any(out.parent.glob("*/market.toml")) else DATA
    tables = {
        "priors": prior, "priors_sensitivity": sensitivity(table), "studies": literature.study_effects(kept),
        "literature_use": table.groupby(["kind", "use"]).size().reset_index(name="rows"),
        "own_estimates": own_estimates(numbers), "shipped": compared(markets, numbers),
        "arcs": arcs.arcs(arcs.read(FIGURES / "arcs.csv"), *own_series())}
    for name, frame in tables.items():
        write_table(out / f"{name}.csv", list(frame.columns), [[_text(v) for v in row] for row in frame.to_numpy(dtype=object)])
    shutil.copyfile(FIGURES / "sources.csv", out / "sources.csv")


_NUMBERS = ["value", "low", "high", "mean", "predictive_low", "predictive_high"]


def own_estimates(prior: pd.DataFrame) -> pd.DataFrame:
    """Own estimates of every mineral of `series.csv`; `prior` gives the supply elasticities that a VAR is asked about."""
    yearly, countries = own_series()
    frames = []
    for mineral in sorted(set(yearly["mineral"]) - {""}):
        row = prior[(prior["mineral"] == mineral) & (prior["kind"] == "supply") & (prior["horizon"] == "short")].iloc[0]
        frames.append(own.estimates(mineral, series.yearly(yearly, countries, mineral), (row["low"], row["value"], row["high"])))
    return pd.concat(frames, ignore_index=True)


def own_series() -> tuple[pd.DataFrame, pd.DataFrame]:
    """World series and outputs by country."""
    known = read_sources(FIGURES / "sources.csv")["id"]
    return series.read(FIGURES, "series", known), series.read(FIGURES, "country_output", known)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3g}"
    return "" if value is None else str(value)
