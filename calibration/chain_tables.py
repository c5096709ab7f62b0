"""The tables of a market's folder of figures, read together, and the tonnes and USD per tonne that their units mean."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.figures import MARKET_COLUMNS, Figure, Table, read_figures, read_sources
from floormodel.errors import DataError, Faults, did_you_mean
from floormodel.finance.price_units import price_unit, usd_per_tonne

MARKET_KEYS = MARKET_COLUMNS[:4]
KEYS = ["figure", "good", "region", "partner"]
REQUIRED = {"production": KEYS, "trade": ["figure", "good", "code", "region", "partner"], "prices": KEYS, "checks": KEYS,
            "wedges": MARKET_KEYS, "parameters": MARKET_KEYS}
OPTIONAL = {"latent": MARKET_KEYS, "ownership": MARKET_KEYS}
FIGURES_OF = {  # the figures that a table may hold
    "production": ("output", "output_share", "world", "world_from_input", "secondary", "secondary_share", "recipe", "content", "use",
                   "use_share", "use_world", "use_weight", "no_use", "home_share", "stock"),
    "trade": ("quantity", "value", "content", "unit_value", "route", "route_rest"),
    "prices": ("price", "price_ratio", "exchange", "vat", "freight_share"),
    "checks": ("output", "output_share", "use", "use_share", "stock", "imports", "exports")}
MASS = {"t": 1.0, "kt": 1e3, "Mt": 1e6, "kg": 1e-3, "lb": 0.45359237e-3}  # tonnes; the pound of 1959 is exact
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Chain:
    """A market's goods, regions, year and tables of figures."""

    name: str
    goods: list[str]
    regions: list[str]
    year: str
    tables: Mapping[str, Table]

    def place(self, region: str) -> int:
        return self.regions.index(region)

    def of(self, table: str, figure: str, good: str) -> dict[tuple[str, ...], Figure]:
        """The rows of one figure of one good, by the rest of their key."""
        return self.tables[table].under(figure, good)

    def one(self, table: str, figure: str, good: str) -> Figure | None:
        """The row of a good as a whole, if there is one."""
        return next((f for rest, f in self.of(table, figure, good).items() if not any(rest)), None)

    def tonnes(self, figure: Figure, good: str) -> Figure:
        """The figure in tonnes of the market's basis: mass units mean the basis, others need a row `content`.

        Raises
        ------
        DataError
            For a unit that is neither.
        """
        unit = figure.unit.removesuffix("/yr")
        content = {key[-1]: f.value for key, f in self.of("production", "content", good).items()}
        factor = MASS.get(unit, content.get(unit, content.get(figure.unit)))
        if factor is None:
            raise DataError(f"production.csv: unit {figure.unit!r} of {good}: expected {', '.join(MASS)} of the basis, or a row "
                            f"content,{good},,{unit}; {did_you_mean(unit, [*MASS, *content])}")
        return replace(figure, value=figure.value * factor, low=figure.low * factor, high=figure.high * factor, unit="t/yr")

    def per_tonne(self, figure: Figure, good: str, region: str) -> Figure:
        """A price in USD per tonne of the basis: currency, VAT, mass and content taken out of its unit.

        Units read like ``USD/t``, ``USD/lb``, ``CNY/t Li2CO3 incl. VAT``. VAT is that of the region, or of China where
        the price has none.
        """
        prices, unit = self.tables["prices"], price_unit(figure.unit)
        contents = self.of("production", "content", good)
        if unit.substance and ("", unit.substance) not in contents:
            raise DataError(f"prices.csv: unit {figure.unit!r} of {good}: no row content,{good},,{unit.substance} in production.csv")
        one = usd_per_tonne(
            1.0, figure.unit, exchange=None if unit.currency == "USD" else prices.value("exchange", "", "", unit.currency),
            vat=prices.value("vat", "", region or "CHN") if unit.with_vat else None,
            content=contents["", unit.substance].value if unit.substance else None)
        return figure.scaled(one, "USD/t")


def read_chain(folder: Path) -> Chain:
    """Every table of the folder, checked: goods and regions of `market.toml`, known figures, sources.

    Raises
    ------
    DataError
        A missing table, or all faults of a table at once.
    """
    head = tomllib.loads((folder / "market.toml").read_text("utf-8"))
    missing = [n for n in (*REQUIRED, "sources") if not (folder / f"{n}.csv").is_file()]
    if missing:
        raise DataError(f"{folder.name}: no {', '.join(f'{n}.csv' for n in missing)}; docs/data.md lists the tables of a market")
    known = set(read_sources(folder / "sources.csv")["id"])
    wanted = REQUIRED | {n: keys for n, keys in OPTIONAL.items() if (folder / f"{n}.csv").is_file()}
    tables = {n: read_figures(folder / f"{n}.csv", known, keys) for n, keys in wanted.items()}
    for name, figures in FIGURES_OF.items():
        _check_labels(tables[name], figures, REQUIRED[name], head, name in ("production", "checks"))
    return Chain(head["name"], head["goods"], head["regions"], str(head["year"]), tables)


def _check_labels(table: Table, figures: tuple[str, ...], columns: list[str], head: dict, free_partner: bool) -> None:
    """Known figures, goods and regions in every row; a partner is a region too, but in tables where it is a country."""
    faults = Faults(table.name)
    for key in table.rows:
        row = dict(zip(columns, key))
        if row["figure"] not in figures:
            faults.add(" ".join(filter(None, key)), row["figure"], "a figure of this table", did_you_mean(row["figure"], figures))
            continue
        if row["good"] and row["good"] not in head["goods"]:
            faults.add(" ".join(filter(None, key)), row["good"], "a good of market.toml", did_you_mean(row["good"], head["goods"]))
        places = [row["region"]] if free_partner or "code" not in row else [row["region"], row["partner"]]
        for place in places:
            if place and place not in head["regions"]:
                faults.add(" ".join(filter(None, key)), place, "a region of market.toml", did_you_mean(place, head["regions"]))
    faults.raise_if_any()
