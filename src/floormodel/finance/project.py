"""A representative plant: its costs, its yearly cash flow per tonne of capacity, the price it needs.

Money is USD of one year (real terms); quantities are per tonne a year of capacity, so that a net present value reads as
USD per tonne a year. Time 0 is the investment decision: capex is spent in equal parts at years 0 .. build_years - 1,
output follows at years build_years .. build_years + life - 1. The price a plant sees is the net price of
docs/notation.md: what is kept per tonne after royalty, with subsidies and guarantee payments.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from floormodel.errors import ConvergenceError, DataError, Faults, did_you_mean
from floormodel.finance.cashflow import npv
from floormodel.finance.price_units import money_of, price_index

Array = NDArray[np.float64]
Losses = Literal["carried", "offset"]
COLUMNS = ["project", "good", "region", "role", "parameter", "value", "unit", "low", "high", "year", "source", "note"]
ROLES = ("upstream", "refining", "downstream")
MONEY = ("capex", "opex", "byproduct_credit")  # in USD of the year of their row
LATEST = 2100  # no such year lies after it
# parameter: (lowest, highest, whole number)
PARAMETERS: dict[str, tuple[float, float, bool]] = {
    "capex": (0, 1e9, False), "opex": (0, 1e9, False), "byproduct_credit": (0, 1e9, False), "sustaining": (0, 1, False),
    "utilisation": (0.01, 1, False), "hurdle": (-0.5, 1, False), "tax": (0, 0.95, False), "royalty": (0, 0.95, False),
    "working_capital": (0, 1, False), "output_exposure": (0, 3, False), "input_exposure": (0, 3, False),
    "life": (1, 100, True), "build_years": (1, 20, True), "ramp_years": (1, 20, True),
    "depreciation_years": (1, 100, True),
}


@dataclass(frozen=True, eq=False)
class Project:
    """Costs of one representative plant. Every real-valued cost may be a number or an array over draws (n,).

    capex USD per t/yr of capacity; opex and byproduct_credit USD/t of product, the modelled inputs apart; sustaining
    capex a share of capex a year; life, build_years, ramp_years, depreciation_years whole years (output rises in equal
    steps over ramp_years); utilisation the share of capacity sold once ramped up; hurdle the real rate of return asked
    for, after tax; tax a share of profit; royalty a share of the gate price; working_capital a share of yearly revenue;
    output_exposure and input_exposure the percent by which the plant's product and input prices move with one percent
    of the reference price. `ranges` holds (low, high) of the parameters that are uncertain.
    """

    name: str
    good: str
    region: str
    role: str
    capex: Any
    opex: Any
    life: int
    build_years: int
    hurdle: Any
    tax: Any = 0.0
    royalty: Any = 0.0
    utilisation: Any = 1.0
    byproduct_credit: Any = 0.0
    sustaining: Any = 0.0
    working_capital: Any = 0.0
    ramp_years: int = 1
    depreciation_years: int = 10
    output_exposure: Any = 1.0
    input_exposure: Any = 1.0
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def drawn(self, number: int, seed: int) -> Project:
        """The same plant with `number` draws of every uncertain real-valued cost, triangular between low and high.

        The mode is the central value; whole years are not drawn. Each cost has its own stream of random numbers, so
        that one more uncertain cost leaves the others' draws as they were, and fewer draws are the first of more.
        """
        drawn: dict[str, Any] = {}
        for name, (low, high) in self.ranges.items():
            if not PARAMETERS[name][2] and low < high:
                stream = np.random.default_rng([seed, crc32(f"{self.name}/{name}".encode())])
                drawn[name] = stream.triangular(low, float(getattr(self, name)), high, number)
        return replace(self, **drawn)

    def at(self, draw: int) -> Project:
        """One draw of a drawn project (a project of plain numbers is its own every draw)."""
        arrays = {name: np.ravel(value) for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        one: dict[str, Any] = {name: float(v[draw if v.size > 1 else 0]) for name, v in arrays.items()}
        return replace(self, **one)


def output_profile(project: Project) -> Array:
    """Tonnes sold in each year of operation per tonne a year of capacity: (..., life)."""
    ramp = np.minimum(1.0, np.arange(1, project.life + 1) / project.ramp_years)
    return column(project.utilisation) * ramp


def project_cash_flow(
    project: Project, net_price: ArrayLike, input_cost: ArrayLike = 0.0, losses: Losses = "carried"
) -> Array:
    """Yearly cash flow after tax, USD per t/yr of capacity: (..., build_years + life).

    `net_price` and `input_cost` USD/t of product; their last axis is the year of operation, of length `life`, or 1 (a
    plain number will do) for a level one; leading axes are draws or paths. Profit tax falls on revenue less costs less
    straight-line depreciation from the first year of operation; sustaining capex is expensed; a loss is set against
    later profits ("carried", without interest) or against profits made elsewhere at once ("offset"). Depreciation and
    losses keep their real value. Working capital is released in the last year.
    """
    tonnes = output_profile(project)
    revenue = tonnes * (np.atleast_1d(np.asarray(net_price, dtype=float)) + column(project.byproduct_credit))
    costs = tonnes * (np.atleast_1d(np.asarray(input_cost, dtype=float)) + column(project.opex))
    operating = revenue - costs - column(project.sustaining) * column(project.capex)
    depreciated = np.arange(project.life) < project.depreciation_years
    taxable = operating - depreciated * column(project.capex) / min(project.depreciation_years, project.life)
    if losses == "carried":
        cumulative = np.maximum.accumulate(np.maximum(np.cumsum(taxable, axis=-1), 0.0), axis=-1)
        taxable = np.diff(cumulative, axis=-1, prepend=0.0)
    tied = column(project.working_capital) * revenue
    tied[..., -1] = 0.0
    years = operating - column(project.tax) * taxable - np.diff(tied, axis=-1, prepend=0.0)
    spent = np.repeat(-column(project.capex) / project.build_years, project.build_years, axis=-1)
    return np.concatenate([np.broadcast_to(spent, (*years.shape[:-1], project.build_years)), years], axis=-1)


def incentive_price(project: Project, input_cost: ArrayLike = 0.0) -> Array:
    """Level net price, USD/t, at which the plant just earns its hurdle: (...), over draws of costs or input costs.

    With losses set off at once the net present value is a straight line in the price, whose zero is the closed form.
    With losses carried forward it is concave and made of straight pieces: Newton's steps from the closed form reach its
    zero from below in a few steps. `input_cost` as in project_cash_flow. Raises ConvergenceError if they do not.
    """
    hurdle = np.asarray(project.hurdle, dtype=float)

    def value(price: Array, losses: Losses) -> Array:
        return npv(hurdle, project_cash_flow(project, price[..., None], input_cost, losses))

    unit = np.maximum(np.asarray(project.capex, dtype=float), 1.0)  # the scale of prices and of net present values
    at_zero = value(np.zeros_like(unit), "offset")
    price = -at_zero / (value(unit, "offset") - at_zero) * unit
    for _ in range(50):
        short = value(price, "carried")
        if np.all(np.abs(short) <= 1e-9 * unit):
            return price
        step = 1e-7 * unit
        price = price - short * step / (value(price + step, "carried") - short)
    raise ConvergenceError(f"incentive price of {project.name}: no zero of the net present value within 50 steps")


def gate_price(project: Project, net_price: ArrayLike) -> Array:
    """Gate price, USD/t, that leaves `net_price` after the project's royalty (subsidies apart)."""
    return np.asarray(net_price, dtype=float) / (1 - np.asarray(project.royalty, dtype=float))


def load_projects(market: str | Path, year: int | None = None) -> dict[str, Project]:
    """Representative projects of a market by name: central values, with their ranges, in money of one year.

    `market` is the name of a market that comes with the package, or a folder that holds projects.csv and
    projects_sources.csv. Costs in USD are of the year of their row; they and their ranges are brought to `year` by the
    consumer price index of the United States. None: the benchmark year of market.toml, whose prices they are set beside;
    in a folder that states none, the latest year of a cost in the table. Raises DataError, naming every faulty row, for an
    unknown column, role or parameter, a value outside its range, a range that does not hold the value, a cost in another
    currency or without a year, a missing source, an assumption without range or reason.
    """
    folder = market if isinstance(market, Path) else Path(str(resources.files("floormodel"))) / "data" / market
    table, sources = folder / "projects.csv", folder / "projects_sources.csv"
    if not table.is_file() or not sources.is_file():
        raise DataError(f"{folder}: expected projects.csv and projects_sources.csv")
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    if list(rows.columns) != COLUMNS:
        raise DataError(f"{table}: found columns {list(rows.columns)}; expected {COLUMNS}")
    known = set(pd.read_csv(sources, dtype=str, keep_default_na=False)["id"])
    index, faults = price_index(), Faults(str(table))
    for line, row in enumerate(rows.to_dict("records"), 2):
        where = f"line {line} ({row['project']}, {row['parameter']})"
        _check(faults, where, {str(k): str(v) for k, v in row.items()}, known, int(index.index[0]))
    faults.raise_if_any()
    base = _money_year(folder, rows) if year is None else year
    return {str(name): _project(group, index, base) for name, group in rows.groupby("project", sort=False)}


def _money_year(folder: Path, rows: pd.DataFrame) -> int:
    """Benchmark year of the market in this folder, or the latest year of a cost where there is none."""
    path = folder / "market.toml"
    head = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if "year" in head:
        return int(head["year"])
    return max(rows["year"][rows["parameter"].isin(MONEY)].astype(int), default=0)


def _check(faults: Faults, where: str, row: dict[str, str], sources: set[str], earliest: int) -> None:
    if row["role"] not in ROLES:
        faults.add(f"{where}, role", row["role"], f"one of {', '.join(ROLES)}")
    if row["parameter"] not in PARAMETERS:
        mend = did_you_mean(row["parameter"], PARAMETERS)
        faults.add(f"{where}, parameter", row["parameter"], "a known parameter", mend)
        return
    lowest, highest, whole = PARAMETERS[row["parameter"]]
    numbers: dict[str, float] = {}
    for column in ("value", "low", "high"):
        if row[column] or column == "value":
            number = pd.to_numeric(row[column], errors="coerce")
            if not lowest <= number <= highest or (whole and number != round(number)):
                expected = f"a {'whole ' * whole}number from {lowest:g} to {highest:g}"
                faults.add(f"{where}, {column}", row[column], expected)
            numbers[column] = number
    if not numbers.get("low", -np.inf) <= numbers["value"] <= numbers.get("high", np.inf):
        faults.add(where, f"value {row['value']} in {row['low']} .. {row['high']}", "low <= value <= high")
    if row["parameter"] in MONEY:
        if not (row["year"].isdecimal() and earliest <= int(row["year"]) <= LATEST):
            faults.add(f"{where}, year", row["year"] or "nothing", f"the year of its money, {earliest} to {LATEST}")
        if re.match("[A-Z]{3}(?<!USD)([ /]|$)", row["unit"]):
            faults.add(f"{where}, unit", row["unit"], "a unit in USD, such as USD/t", "convert it at the exchange rate of its year")
    check_source(faults, where, row, sources, "projects_sources.csv")


def check_source(faults: Faults, where: str, row: Mapping[str, str], sources: set[str], table: str) -> None:
    """Fault of a row that has neither a source of `table` nor an assumption's range and reason."""
    if row["source"] == "assumption":
        if not (row["low"] and row["high"] and row["note"]):
            faults.add(where, "assumption", "low, high and a note with the reason")
    elif row["source"] not in sources:
        faults.add(f"{where}, source", row["source"] or "nothing", f"an id of {table}", did_you_mean(row["source"], sources))


def _project(rows: pd.DataFrame, index: pd.Series, base: int) -> Project:
    first = rows.iloc[0]
    repeated = rows["parameter"][rows["parameter"].duplicated()].tolist()
    labels = [c for c in ("good", "region", "role") if rows[c].nunique() > 1]
    required = {"capex", "opex", "life", "build_years", "hurdle"}
    missing = sorted(required - set(rows["parameter"]))
    if repeated or labels or missing:
        raise DataError(f"project {first['project']}: repeated {repeated}, more than one {labels}, missing {missing}")
    values: dict[str, Any] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for _, row in rows.iterrows():
        name = row["parameter"]
        factor = money_of(index, int(row["year"]), base) if name in MONEY else 1.0
        value = factor * float(row["value"])
        values[name] = int(value) if PARAMETERS[name][2] else value
        if row["low"] and row["high"]:
            ranges[name] = factor * float(row["low"]), factor * float(row["high"])
    return Project(first["project"], first["good"], first["region"], first["role"], ranges=ranges, **values)


def column(value: ArrayLike) -> Array:
    """A number or an array over draws with an axis for the years added."""
    return np.asarray(value, dtype=float)[..., None]
