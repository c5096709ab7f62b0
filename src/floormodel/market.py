"""A market: labelled, validated, immutable benchmark figures, read from long tables with their sources.

A market is data. Everything that may be asked of it (a change of figures, an opened project, a sample) gives a new one.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from floormodel.correlations import FILE as CORRELATIONS
from floormodel.correlations import NOTHING, read_correlations
from floormodel.errors import DataError, Faults, did_you_mean
from floormodel.figure_tables import COLUMNS, read_table, to_arrays
from floormodel.schema import BY_NAME, VARIABLES, Variable

HORIZONS = ("long", "short")
SOURCING = ("logit", "ces", "homogeneous")
CURVES = ("isoelastic", "linear")


@dataclass(frozen=True, eq=False)
class Market:
    """Benchmark of one market.

    Parameters
    ----------
    name, title, year, basis
        What it is; `basis` says what a tonne is.
    dataset : xarray.Dataset
        The variables of `floormodel.schema` over (good, region), (good, origin, destination), (good, input), each with an
        optional leading `draw` dimension. Units are those of the schema.
    sourcing : 'logit' | 'ces' | 'homogeneous'
    supply_curve, demand_curve : 'isoelastic' | 'linear'
    opened : tuple of (good, region)
        Latent projects that may enter.
    figures : pandas.DataFrame
        The long tables the dataset came from, with low, high and source (empty for a market entered by hand).

    Raises
    ------
    DataError
        Where a figure is missing, not finite or outside its range, or the benchmark does not balance; all faults at once.
    """

    name: str
    dataset: xr.Dataset
    title: str = ""
    year: int = 0
    basis: str = "t"
    sourcing: str = "logit"
    supply_curve: str = "isoelastic"
    demand_curve: str = "isoelastic"
    horizon: str = "long"
    deck: str | None = None
    opened: tuple[tuple[str, str], ...] = ()
    blocs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    figures: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    sources: pd.DataFrame = field(default_factory=pd.DataFrame)
    hashes: Mapping[str, str] = field(default_factory=dict)
    correlations: pd.DataFrame = field(default_factory=NOTHING.copy)
    seed: int | None = None
    notes: tuple[str, ...] = ()
    decks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "dataset", _complete(self))

    @property
    def goods(self) -> list[str]:
        return [str(g) for g in self.dataset["good"].values]

    @property
    def regions(self) -> list[str]:
        return [str(r) for r in self.dataset["region"].values]

    @property
    def draws(self) -> int:
        """Number of draws; 1 for a market without a draw dimension."""
        return int(self.dataset.sizes.get("draw", 1))

    def replace(self, **variables: xr.DataArray | np.ndarray | float) -> Market:
        """The same market with some variables changed; each is broadcast to the variable's dimensions and checked again."""
        ds = self.dataset.copy()
        for name, value in variables.items():
            if name not in BY_NAME:
                raise DataError(f"market {self.name!r}: unknown variable {name!r}; {did_you_mean(name, BY_NAME)}")
            if isinstance(value, xr.DataArray):
                ds[name] = value
            elif np.ndim(value) == 0:
                ds[name] = xr.full_like(ds[name].isel(draw=0, drop=True) if "draw" in ds[name].dims else ds[name], float(value))
            else:
                array = np.asarray(value, float)
                dims = (("draw",) if array.ndim > len(BY_NAME[name].dims) else ()) + BY_NAME[name].dims
                ds[name] = (dims, array)
        return replace(self, dataset=ds)

    def open_projects(self, projects: str | Iterable[tuple[str, str]] = "all") -> Market:
        """The same market with latent projects opened: ``"all"`` or (good, region) pairs.

        Raises
        ------
        DataError
            Where the market has no latent project of that good in that region.
        """
        latent = self.dataset["latent_capacity"]
        if "draw" in latent.dims:
            latent = latent.isel(draw=0)
        known = [(g, r) for g in self.goods for r in self.regions if float(latent.sel(good=g, region=r)) > 0]
        chosen = known if isinstance(projects, str) and projects == "all" else [tuple(p) for p in projects]
        for pair in chosen:
            if pair not in known:
                names = ", ".join(f"{g}:{r}" for g, r in known) or "none"
                raise DataError(f"market {self.name!r}: no latent project {pair!r}; known: {names}")
        return replace(self, opened=tuple(p for p in known if p in chosen))

    def bloc(self, name: str) -> list[str]:
        """Members of a named bloc of the market file."""
        if name not in self.blocs:
            raise DataError(f"market {self.name!r}: unknown bloc {name!r}; {did_you_mean(name, self.blocs)}")
        return list(self.blocs[name])


def market_from_arrays(name: str, goods: Sequence[str], regions: Sequence[str],
                       arrays: Mapping[str, np.ndarray | float], **settings: str) -> Market:
    """A market entered by hand: one array (or number, for all entries) per variable of the schema, in the order of its dimensions.

    This is the way to enter a textbook market; see docs/textbook_market.md.
    """
    coords = {"good": list(goods), "region": list(regions), "origin": list(regions), "destination": list(regions),
              "input": list(goods)}
    sizes = {k: len(v) for k, v in coords.items()}
    variables = {}
    for key, value in arrays.items():
        if key not in BY_NAME:
            raise DataError(f"market {name!r}: unknown variable {key!r}; {did_you_mean(key, BY_NAME)}")
        dims = BY_NAME[key].dims
        shape = tuple(sizes[d] for d in dims)
        array = np.asarray(value, float)
        try:
            full = np.broadcast_to(array, array.shape[:-len(shape)][-1:] + shape)
        except ValueError as exc:
            raise DataError(f"market {name!r}: {key} has shape {array.shape}; expected {shape} for {dims}") from exc
        variables[key] = (("draw",) * (full.ndim - len(shape)) + dims, np.array(full))
    lengths = {len(values) for dims, values in variables.values() if dims[0] == "draw"}
    if len(lengths) > 1:
        raise DataError(f"market {name!r}: arrays of {sorted(lengths)} draws; expected one number of draws")
    return Market(name=name, dataset=xr.Dataset(variables, coords), **settings)  # type: ignore[arg-type]


def _complete(market: Market) -> xr.Dataset:
    """Fill defaults, order dimensions, check every figure and the balance; raise all faults at once."""
    faults = Faults(f"market {market.name!r}")
    for key, value, known in (("sourcing", market.sourcing, SOURCING), ("supply_curve", market.supply_curve, CURVES),
                              ("demand_curve", market.demand_curve, CURVES), ("horizon", market.horizon, HORIZONS)):
        if value not in known:
            faults.add(key, value, " | ".join(known))
    source = market.dataset
    goods, regions = list(source["good"].values), list(source["region"].values)
    for label, values in (("goods", goods), ("regions", regions)):
        if len(set(values)) != len(values):
            faults.add(label, values, "each name once")
    coords = {"good": goods, "region": regions, "origin": regions, "destination": regions, "input": goods}
    if any(d in source.indexes and list(source.indexes[d]) != names for d, names in coords.items()):
        source = source.reindex(coords)
    drawn = {"draw": source["draw"]} if "draw" in source.coords else {}
    ds = xr.Dataset({variable.name: _checked(variable, source, coords, faults) for variable in VARIABLES}, coords | drawn)
    faults.raise_if_any()
    _check_use(market, ds, faults)
    faults.raise_if_any()
    return ds


def _checked(variable: Variable, source: xr.Dataset, coords: Mapping[str, list], faults: Faults) -> xr.Variable:
    """A variable in full; without labels, which the dataset adds once for all: to align each array apart takes most of the time."""
    shape = tuple(len(coords[d]) for d in variable.dims)
    if variable.name not in source:
        fill = np.nan if variable.default is None else variable.default
        return xr.Variable(variable.dims, np.full(shape, fill))
    given = source.variables[variable.name]
    dims = (("draw",) if "draw" in given.dims else ()) + variable.dims
    values = np.array(given.transpose(*dims).values, float)
    if variable.default is not None:
        values[np.isnan(values)] = np.inf if variable.name == "capacity" else variable.default
    outside = (values < variable.low) | (values > variable.high)
    if variable.name in ("latent_capacity",):
        outside &= values != 0
    for index in np.argwhere(outside)[:20]:
        labels = [str(coords[d][i]) for d, i in zip(variable.dims, index[-len(variable.dims):])]
        faults.add(f"{variable.name}[{', '.join(labels)}]", f"{values[tuple(index)]:g}",
                   f"a number from {variable.low:g} to {variable.high:g} ({variable.unit})", variable.meaning)
    return xr.Variable(dims, values, given.attrs)


def _check_use(market: Market, ds: xr.Dataset, faults: Faults) -> None:
    """Required figures where they are in use, chain order, balance of supply and use (skipped for homogeneous markets)."""
    out = first_draw(ds["output0"])
    latent = first_draw(ds["latent_capacity"])
    goods, regions = list(ds["good"].values), list(ds["region"].values)
    live = (out > 0) | (latent > 0) | (first_draw(ds["secondary0"]) > 0)
    demand = first_draw(ds["final_demand0"]) > 0
    recipe = first_draw(ds["recipe"])
    use = (first_draw(ds["final_demand0"]) + np.einsum("gh,gr->hr", recipe, out)) > 0
    for name, where in (("price0", live), ("supply_elasticity", out > 0), ("demand_elasticity", demand),
                        ("sourcing_elasticity", use if market.sourcing != "homogeneous" else use & False)):
        values = first_draw(ds[name])
        for g, r in np.argwhere(where & ~np.isfinite(values)):
            faults.add(f"{name}[{goods[g]}, {regions[r]}]", "nothing", f"a number ({BY_NAME[name].unit})", BY_NAME[name].meaning)
    if np.any(np.triu(recipe) > 0):
        faults.add("recipe", "a good made of itself or of a good listed later", "goods listed from upstream to downstream")
    if market.sourcing != "homogeneous":
        _check_balance(ds, faults, goods, regions)


def _check_balance(ds: xr.Dataset, faults: Faults, goods: list, regions: list) -> None:
    a = {n: ds[n].values for n in ("output0", "secondary0", "stock_change0", "final_demand0", "flow0")}
    made = a["output0"] + a["secondary0"] - a["stock_change0"]
    used = a["final_demand0"] + np.einsum("...gh,...gr->...hr", ds["recipe"].values, a["output0"])
    for what, left, right in (("supply less shipments", made, a["flow0"].sum(-1)), ("use less receipts", used, a["flow0"].sum(-2))):
        gap = left - right
        scale = np.maximum(np.max(np.abs(right), axis=-1, keepdims=True), 1e-300)
        bad = np.abs(gap) > 1e-8 * scale
        for index in np.argwhere(bad)[:20]:
            g, r = index[-2], index[-1]
            faults.add(f"balance[{goods[g]}, {regions[r]}]", f"{what} = {gap[tuple(index)]:.6g} t",
                       "zero to 1e-8 of the largest figure", "see the balance report of the calibration")


def first_draw(array: xr.DataArray) -> np.ndarray:
    """Values of the first draw, or of an array without draws."""
    return (array.isel(draw=0) if "draw" in array.dims else array).values


def list_markets() -> list[str]:
    """Names of the markets shipped with the package."""
    root = resources.files("floormodel") / "data"
    return sorted(p.name for p in root.iterdir() if p.is_dir() and (p / "market.toml").is_file())


def load_market(name: str, horizon: str = "long", deck: str | None = None, folder: str | Path | None = None) -> Market:
    """Read a market's tables.

    Parameters
    ----------
    name : str
        One of `list_markets()`.
    horizon : 'long' | 'short'
        Which set of elasticities.
    deck : str, optional
        Another deck of figures of the market, such as "2025" (prices) or "customs_trade" (trade): its cells replace the benchmark's.
    folder : path, optional
        Read the market from this folder instead of the package's own data.

    Raises
    ------
    DataError
        Unknown market, faulty cells (all of them, each named), or a benchmark that does not balance.
    """
    if folder is None:
        if name not in list_markets():
            raise DataError(f"unknown market {name!r}; {did_you_mean(name, list_markets())}")
        folder = Path(str(resources.files("floormodel") / "data" / name))
    folder = Path(folder)
    head = tomllib.loads((folder / "market.toml").read_text("utf-8"))
    files = list(head["tables"])
    decks = head.get("decks", {})
    if deck is not None:
        if deck not in decks:
            raise DataError(f"market {name!r}: unknown deck {deck!r}; {did_you_mean(deck, decks)}")
        files.append(decks[deck])
    tables = [read_table(folder / f, head["goods"], head["regions"]) for f in files]
    figures = pd.concat(tables, ignore_index=True)
    sources = pd.read_csv(folder / "sources.csv", dtype=str, keep_default_na=False)
    own = [CORRELATIONS] if (folder / CORRELATIONS).is_file() else []
    hashes = {f: hashlib.sha256((folder / f).read_bytes()).hexdigest() for f in ["market.toml", *files, *own]}
    return Market(name=name, title=head["title"], year=int(head.get("deck_years", {}).get(deck, head["year"])), basis=head["basis"],
                  dataset=to_arrays(figures, head["goods"], head["regions"], horizon), sourcing=head.get("sourcing", "logit"),
                  supply_curve=head.get("supply_curve", "isoelastic"), demand_curve=head.get("demand_curve", "isoelastic"),
                  horizon=horizon, deck=deck, blocs={k: tuple(v) for k, v in head.get("blocs", {}).items()},
                  figures=figures, sources=sources, hashes=hashes,
                  correlations=read_correlations(folder), notes=tuple(head.get("notes", {}).values()), decks=tuple(decks))
