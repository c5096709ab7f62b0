"""The tonnes of the ferro-silicon market in 2024, one stage, from `calibration/figures/ferrosilicon/`.

Output is kept (US Geological Survey, silicon over one content for all). What the EU took from Norway, Iceland, Russia and China,
what China exported and the United States traded are kept too. Use elsewhere is what is left, shared by crude steel; the other
shipments are fitted by minimum cross-entropy to a prior in which every buyer takes from exporters by what they have to sell.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.figures import MARKET_COLUMNS, Table, read_figures, read_sources
from floormodel.balancing import Move, balance, movements
from floormodel.errors import DataError

FOLDER = Path(__file__).parent / "figures" / "ferrosilicon"
GOOD = "ferrosilicon"
REGIONS = ["EU27", "NOR", "ISL", "CHN", "RUS", "MYS", "KAZ", "BRA", "IND", "USA", "JPN", "KOR", "ROW"]
AT = {r: i for i, r in enumerate(REGIONS)}
KEYS = ["figure", "region", "partner"]
YEAR, NAN = "2024", float("nan")
KNOWN_USE = ["EU27", "CHN", "USA", "ISL"]  # their use is not shared by steel
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Quantities:
    """Balanced tonnes: output and use (R,), shipments (O, D), which of them are kept, and what was moved."""

    output: Array
    use: Array
    flow: Array
    kept: NDArray[np.bool_]
    moves: list[Move]


def read() -> dict[str, Table]:
    """All our tables of figures of this market, checked."""
    known = set(read_sources(FOLDER / "sources.csv")["id"])
    plain = {n: read_figures(FOLDER / f"{n}.csv", known, KEYS) for n in ("production", "prices", "checks")}
    return plain | {n: read_figures(FOLDER / f"{n}.csv", known, MARKET_COLUMNS[:4]) for n in ("wedges", "parameters")}


def quantities(figures: dict[str, Table]) -> Quantities:
    """Balanced tonnes.

    Raises
    ------
    DataError
        Where the known uses leave nothing of the world's output, known shipments exceed what is made or used, or the rest cannot be fitted.
    """
    made = figures["production"]
    out = output(made)
    use = uses(made, out)
    known = kept_shipments(made, out, use)
    kept = known > 0
    closed = np.zeros(kept.shape, bool)
    closed[:, AT["CHN"]] = True  # China buys from itself only
    for region in ("EU27", "USA", "IND"):  # no exports but those that are kept
        closed[AT[region]] = np.arange(len(REGIONS)) != AT[region]
    prior = np.where(kept | closed, 0.0, prior_shipments(made, out, use))
    rows, columns = out - known.sum(1), use - known.sum(0)
    for name, left in (("output", rows), ("use", columns)):
        for r in np.flatnonzero(left < -1e-6):
            raise DataError(f"production.csv: shipments that are kept exceed the {name} of {REGIONS[r]} by {-left[r]:.0f} t")
    rows, columns = np.maximum(rows, 0.0), np.maximum(columns, 0.0)
    flow = balance(prior, rows, columns, REGIONS, REGIONS, GOOD) + known
    before = np.where(kept, known, prior)
    why = "kept where customs or the regulator name it, else a proportional prior fitted to output and use"
    moves = [Move(f"output0[{GOOD}, {r}]", float(out[i]), float(flow[i].sum()), "kept: USGS over the silicon content")
             for r, i in AT.items() if out[i] > 0]
    moves += [Move(f"final_demand0[{GOOD}, {r}]", float(use[i]), float(flow[:, i].sum()),
                   "kept" if r in KNOWN_USE else "shared by crude steel") for r, i in AT.items() if use[i] > 0]
    return Quantities(out, use, flow, kept, moves + movements(before, flow, REGIONS, REGIONS, f"flow0[{GOOD}", why))


def output(made: Table) -> Array:
    """Output (R,), tonnes gross weight."""
    tonnes = np.zeros(len(REGIONS))
    for (region, _), figure in made.under("output").items():
        tonnes[AT[region]] += figure.value / made.value("silicon_content")
    return tonnes


def eu_imports(made: Table) -> float:
    """The EU's imports of ferro-silicon, t a year of 2022 to 2024: its part in four alloys, whose total three countries give."""
    three = sum(f.value for f in made.under("alloys_eu", "EU27").values())
    return three / made.value("alloys_eu_share", "EU27") * made.value("fesi_share", "EU27")


def norway_to_eu(made: Table) -> float:
    """Norway's ferro-silicon in its shipments of three alloys to the EU, by its output of each, t a year."""
    alloys = {name: f.value for (_, name), f in made.under("norway_alloy").items()}
    return made.value("alloys_eu", "EU27", "NOR") * alloys["ferro-silicon"] / sum(alloys.values())


def uses(made: Table, out: Array) -> Array:
    """Use (R,): output and net imports in the EU, the United States and China, the rest of the world's output by crude steel."""
    content, use = made.value("silicon_content"), np.zeros(len(REGIONS))
    use[AT["EU27"]] = out[AT["EU27"]] + eu_imports(made) - made.value("exports_eu", "EU27", "EU27")
    use[AT["USA"]] = out[AT["USA"]] + (made.value("imports_us", "USA", "USA") - made.value("exports_us", "USA", "USA")) / content
    use[AT["CHN"]] = out[AT["CHN"]] - made.value("exports_china", "CHN", "CHN")
    steel = {region: f.value for (region, _), f in made.under("steel").items()}
    steel["ROW"] = made.value("steel_world") - sum(steel.values())
    weight = np.array([0.0 if r in KNOWN_USE else steel.get(r, 0.0) for r in REGIONS])
    left = out.sum() - use.sum()
    if left <= 0 or weight.min() < 0:
        raise DataError(f"production.csv: EU27, USA and CHN use {use.sum():.0f} t, the world makes {out.sum():.0f}; check the imports")
    return use + left * weight / weight.sum()


def kept_shipments(made: Table, out: Array, use: Array) -> Array:
    """Shipments (O, D) that are not fitted: named ones, and what China, the EU and the United States use of their own output."""
    known = np.zeros((len(REGIONS), len(REGIONS)))
    for (target, origin), figure in made.under("shipped").items():
        known[AT.get(origin, AT["ROW"]), AT[target]] += figure.value
    known[AT["ISL"], AT["EU27"]] = made.value("alloys_eu", "EU27", "ISL")
    known[AT["NOR"], AT["EU27"]] = norway_to_eu(made)
    known[AT["CHN"], AT["CHN"]] = use[AT["CHN"]]
    us = made.value("exports_us", "USA", "USA") / made.value("silicon_content")
    for region, exports in (("EU27", made.value("exports_eu", "EU27", "EU27")), ("USA", us)):
        known[AT[region], AT["ROW"]] = exports
        known[AT[region], AT[region]] = out[AT[region]] - exports
    return known


def prior_shipments(made: Table, out: Array, use: Array) -> Array:
    """Shipments before fitting (O, D): own use first, then by what exporters have to sell and buyers need.

    The United States' column follows their import sources, shared among unnamed origins by what these have to sell.
    """
    home = made.value("home_share") * np.minimum(out, use)
    sell, need = out - home, use - home
    prior = np.outer(sell, need) / need.sum() + np.diag(home)
    imports = made.value("imports_us", "USA", "USA") / made.value("silicon_content")
    share = {o: f.value for (_, o), f in made.under("import_share_us").items()}
    named = {AT["RUS"]: share["RUS"], AT["ROW"]: share["CAN"], AT["ISL"]: share["ISL"]}
    others = np.array([0.0 if i in named or r in ("USA", "BRA", "EU27") else sell[i] for r, i in AT.items()])
    prior[:, AT["USA"]] = imports * share["OTH"] * others / others.sum()
    for origin, part in named.items():
        prior[origin, AT["USA"]] = part * imports
    return prior
