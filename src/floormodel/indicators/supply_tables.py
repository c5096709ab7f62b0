"""The tables that calibration writes on who supplies a market: read them by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pandas as pd

from floormodel.errors import DataError, did_you_mean
from floormodel.market import list_markets

TABLES = {
    "concentration": "history", "concentration_fit": "trends", "concentration_models": "laws", "ownership_shares": "owners",
    "ownership_hhi": "ownership", "supply_costs": "costs", "cost_dispersion": "dispersion", "conduct": "conduct",
    "entry_weights": "entrants",
}


def concentration_tables(market: str) -> dict[str, pd.DataFrame]:
    """What is known of a shipped market's suppliers, by name of the table; docs/concentration.md says what their columns mean.

    `history`: leading share and HHI bounds by stage, source and year; `trends`: fits of the leading share; `laws`: distributions of
    shares compared; `costs`, `dispersion`: supply costs behind the shares; `conduct`: bounds from HHI and margins; where there are
    figures, `owners` and `ownership` (by owner and location) and `entrants` (weights of latent plants against the laws).
    Raises DataError for an unknown market and for one without a history of its producers.
    """
    if market not in list_markets():
        raise DataError(f"unknown market {market!r}; {did_you_mean(market, list_markets())}")
    folder = Path(str(resources.files("floormodel") / "data" / market))
    found = {name: folder / f"{file}.csv" for file, name in TABLES.items() if (folder / f"{file}.csv").is_file()}
    if "history" not in found:
        raise DataError(f"market {market!r} has no history of its producers; those that have: {', '.join(_with_history())}")
    return {name: pd.read_csv(path, keep_default_na=False, na_values=[""]) for name, path in found.items()}


def _with_history() -> list[str]:
    folder = Path(str(resources.files("floormodel") / "data"))
    return [m for m in list_markets() if (folder / m / "concentration.csv").is_file()]
