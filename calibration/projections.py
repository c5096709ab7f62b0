"""Trends of final use and output by year, from the IEA's scenarios: projections.csv of the markets it covers.

`calibration/figures/projections/iea.csv` holds the published tonnes, `use.csv` which series drives which good. Demand is the world's
and serves all regions; output is by country where the IEA names it, members of the European Union added up, the other countries
together for all regions it does not name. Scenarios with the announced supply hold both; a region that makes nothing in the base
year has no trend.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pandas as pd

from calibration.figures import number_text, read_sources, write_table
from floormodel.dynamics.growth import COLUMNS
from floormodel.errors import DataError, did_you_mean

FIGURES = Path(__file__).parent / "figures" / "projections"
BASE = "2024"
SCENARIOS = {"stated_policies": "STEPS", "announced_pledges": "APS", "net_zero": "NZE"}
WITH_SUPPLY = "_and_announced_supply"
OTHERS, MEMBERS = "OTH", {"DEU", "FIN", "SWE"}  # all other countries; members of the European Union that the IEA names


def has_projections(market: str) -> bool:
    """Does the IEA project a good of this market?"""
    return bool((_read("use.csv")["market"] == market).any())


def build(market: str, out: Path) -> None:
    """Write projections.csv and projections_sources.csv of a market into `out`, which holds its market.toml.

    Raises
    ------
    DataError
        Where use.csv names a series that iea.csv does not hold.
    """
    figures, used = _read("iea.csv"), _read("use.csv")
    regions: list[str] = tomllib.loads((out / "market.toml").read_text(encoding="utf-8"))["regions"]
    rows: list[list[str]] = []
    for scenario, code in SCENARIOS.items():
        for wanted in used[used["market"] == market].itertuples(index=False):
            series = figures[(figures["mineral"] == wanted.mineral) & (figures["series"] == wanted.series)]
            if series.empty:
                raise DataError(f"use.csv: {wanted.mineral} {wanted.series!r}; {did_you_mean(wanted.series, set(figures['series']))}")
            found = _by_region(series[series["scenario"].isin(["", code])], regions)
            names = [scenario, scenario + WITH_SUPPLY] if wanted.variable == "final_demand" else [scenario + WITH_SUPPLY]
            rows += [[name, wanted.variable, wanted.good, region, year, number_text(value), "t/yr", series["source"].iloc[0], wanted.note]
                     for name in names for (region, year), value in found.items()]
    write_table(out / "projections.csv", COLUMNS, sorted(rows, key=lambda r: r[:5]))
    sources = read_sources(FIGURES / "sources.csv")
    cited = sources[sources["id"].isin({row[7] for row in rows})]
    write_table(out / "projections_sources.csv", list(sources.columns), cited.to_numpy().tolist())


def _by_region(series: pd.DataFrame, regions: list[str]) -> dict[tuple[str, str], float]:
    """Tonnes by region ("*" for all that are not named) and year, of regions that have some in the base year."""

    def region(country: str) -> str:
        if country in MEMBERS:
            return "EU27"
        return country if country in regions else "*"

    tonnes = series.assign(region=series["country"].map(region), value=series["value"].astype(float))
    totals = tonnes.groupby(["region", "year"])["value"].sum()
    base = totals.xs(BASE, level="year")
    return {(str(r), str(y)): float(v) for (r, y), v in totals.items() if base.get(r, 0.0) > 0 and v > 0}  # type: ignore[misc]


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(FIGURES / name, dtype=str, keep_default_na=False)
