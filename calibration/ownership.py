"""Whom mines and plants belong to: bounds on owners' shares of the world and on the HHI by owner, beside those by location.

Reads a market's `ownership.csv`, rows `owned,GOOD,LOCATION,OWNER` with the part of the location's output that belongs to the
owner (of control or equity, as the row says); what no row names may belong to anyone. Rows `owned_world,GOOD,,OWNER` are
published shares of the world, which are compared and not used. Locations are countries of the concentration figures.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.concentration import REST, edition, read_history
from calibration.figures import MARKET_COLUMNS, Table, market_row, read_figures, read_sources, write_table
from floormodel.errors import DataError, Faults
from floormodel.indicators.concentration import hhi_bounds, ownership_bounds

FIGURES = Path(__file__).parent / "figures"
SHARE_COLUMNS = ["stage", "year", "source", "owner", "made_there", "owned_low", "owned_high", "owned_if_rest_at_home", "published",
                 "published_year", "published_source"]
INDEX_COLUMNS = ["stage", "year", "source", "owner_known", "hhi_location_low", "hhi_location_high", "hhi_owner_low", "hhi_owner_high",
                 "hhi_owner_if_rest_at_home_low", "hhi_owner_if_rest_at_home_high"]
VARIABLES = ("owned", "owned_world")


def read_ownership(market: str, folder: Path | None = None) -> Table:
    """The ownership rows of a market. Raises DataError for another variable, and for shares outside 0..1."""
    folder = folder or FIGURES / market
    table = read_figures(folder / "ownership.csv", read_sources(folder / "sources.csv")["id"], MARKET_COLUMNS[:4])
    faults = Faults(f"{market}, ownership.csv")
    for key, figure in table.rows.items():
        if key[0] not in VARIABLES:
            faults.add(" ".join(key), key[0], " or ".join(VARIABLES))
        if not 0 <= figure.least <= figure.most <= 1:
            faults.add(" ".join(key), f"{figure.value:g} ({figure.least:g} to {figure.most:g})", "shares between 0 and 1")
    faults.raise_if_any()
    return table


def tables(owned: Table, figures: pd.DataFrame, year: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Owners' shares and the HHIs of every stage that has a row, from the producers of `year` (or the newest before it).

    `owned_if_rest_at_home` takes output whose owner is not named as owned where it is made: a reading, not a bound.
    Raises DataError for a location or a stage that the producers do not hold.
    """
    shares_of, indices = [], []
    for stage in dict.fromkeys(key[1] for key in owned.rows if key[0] == "owned"):
        source, found, shares = edition(figures, stage, year)
        place = shares.drop(REST)
        place = place[place > 0]
        rows = {key: figure for key, figure in owned.under("owned", stage).items()}
        owners = sorted({owner for _, owner in rows})
        if unknown := {location for location, _ in rows} - set(place.index):
            raise DataError(f"ownership.csv, {stage}: {sorted(unknown)} are no producers of {found} in {source}")
        low, high = np.zeros((len(place) + 1, len(owners))), np.ones((len(place) + 1, len(owners)))
        middle = np.zeros_like(low)
        for (location, owner), figure in rows.items():
            cell = place.index.get_loc(location), owners.index(owner)
            low[cell], middle[cell], high[cell] = figure.least, figure.value, figure.most
        weight = np.append(place.to_numpy(), shares[REST])
        least, most, (smallest, largest) = ownership_bounds(weight, low, high)
        home = place * (1 - middle[:-1].sum(axis=1))
        home = home.add(pd.Series(weight @ middle, index=owners), fill_value=0.0)
        by_place, at_home = (hhi_bounds(v.to_numpy(), shares[REST], cap=v.max()) for v in (place, home))
        indices.append([stage, found, source, float(weight @ middle.sum(axis=1)), *by_place, smallest, largest, *at_home])
        for i, owner in enumerate(owners):
            published = owned.rows.get(("owned_world", stage, "", owner))
            shares_of.append([stage, found, source, owner, place.get(owner, 0.0), least[i], most[i], home[owner],
                              *((published.value, published.year, published.source) if published else ("", "", ""))])
    return pd.DataFrame(shares_of, columns=SHARE_COLUMNS), pd.DataFrame(indices, columns=INDEX_COLUMNS)


def build(market: str, out: Path) -> None:
    """Write `ownership.csv`, `ownership_shares.csv` and `ownership_hhi.csv` of a market with ownership figures into `out`,
    its built data folder. Raises DataError where the figures are faulty.
    """
    if not (FIGURES / market / "ownership.csv").is_file():
        return
    owned, year = read_ownership(market), tomllib.loads((out / "market.toml").read_text("utf-8"))["year"]
    write_table(out / "ownership.csv", MARKET_COLUMNS, [market_row(*key, figure) for key, figure in owned.rows.items()])
    for name, frame in zip(("ownership_shares", "ownership_hhi"), tables(owned, read_history(market), year)):
        frame.to_csv(out / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
