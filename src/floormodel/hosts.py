"""By-products: supply that comes with the output of a host metal moves with it, whatever its own price.

Output of a by-product is X0 h (p / p0)^eps with h = 1 + binding x sum over hosts of share x (host output / its benchmark - 1).
`binding` is 1 where all that passes through the host's plants is recovered (cobalt with copper): the host's tonnes then
limit what can be had. It is less where only a part is (gallium, germanium: about a tenth), because recovery can move to
other plants of the host: in the long run near 0, in the short run, when circuits stand at given plants, near 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from floormodel.errors import DataError, Faults, ScenarioError, did_you_mean
from floormodel.figure_tables import COLUMNS
from floormodel.market import Market


def load_hosts(market: str, folder: str | Path | None = None) -> pd.DataFrame:
    """Host shares of a market: good, region (`*`: all without rows of their own), host, value, low, high, source, note.

    Raises
    ------
    DataError
        Where the market has none.
    """
    place = Path(str(folder)) if folder is not None else Path(str(resources.files("floormodel") / "data" / market))
    if not (place / "hosts.csv").is_file():
        raise DataError(f"market {market!r} has no hosts: expected hosts.csv beside its tables; by-products have one")
    table = pd.read_csv(place / "hosts.csv", keep_default_na=False, na_values={"low": [""], "high": [""]})
    if list(table.columns) != COLUMNS:
        raise DataError(f"hosts.csv: header {','.join(table.columns)}; expected {','.join(COLUMNS)}")
    return table.rename(columns={"partner": "host"})[["good", "region", "host", "value", "low", "high", "source", "note"]]


def with_host_output(market: Market, hosts: Mapping[str, float | Mapping[str, float]], table: pd.DataFrame | None = None,
                     binding: float = 1.0) -> Market:
    """The same market where hosts make more or less: `hosts` is output over its benchmark, by host, or by host and region.

    Parameters
    ----------
    hosts : such as {"copper": 0.9} or {"copper": {"COD": 0.8}}; regions left out keep their benchmark
    table : host shares, default those of the shipped market
    binding : part of a host's change that reaches the by-product, 0 to 1

    Raises
    ------
    ScenarioError
        For a host or region that the market does not have, or a factor that is not a number of 0 or more.
    """
    shares = load_hosts(market.name) if table is None else table
    known, faults = sorted(shares["host"].unique()), Faults(f"market {market.name!r}, host output", ScenarioError)
    for host, value in hosts.items():
        if host not in known:
            faults.add(host, "a host", f"one of {', '.join(known)}", did_you_mean(host, known))
        for region, factor in (value.items() if isinstance(value, Mapping) else [("*", value)]):
            if region not in ("*", *market.regions):
                faults.add(f"{host}, {region}", region, "a region of the market", did_you_mean(region, market.regions))
            if not (np.isfinite(factor) and factor >= 0):
                faults.add(f"{host}, {region}", f"{factor}", "output over its benchmark, 0 or more")
    if not 0 <= binding <= 1:
        faults.add("binding", f"{binding}", "a number from 0 to 1")
    faults.raise_if_any()
    shift = np.ones((len(market.goods), len(market.regions)))
    for good, rows in shares.groupby("good"):
        own = set(rows["region"])
        for r, region in enumerate(market.regions):
            for row in rows[rows["region"] == (region if region in own else "*")].to_dict("records"):
                value = hosts.get(row["host"], 1.0)
                factor = value.get(region, 1.0) if isinstance(value, Mapping) else value
                shift[market.goods.index(str(good)), r] += binding * row["value"] * (factor - 1)
    return market.replace(supply_shift=market.dataset["supply_shift"].values * shift)
