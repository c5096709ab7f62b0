"""Reading our own tables of figures and writing a market's tables.

A table of figures is a CSV file: some key columns, then `value,unit,low,high,year,source,note`. Every number names its
unit, its year and a source of the `sources.csv` beside it, or the word `assumption` with a range and a reason.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from floormodel.errors import DataError, Faults, did_you_mean

TAIL = ["value", "unit", "low", "high", "year", "source", "note"]
SOURCE_COLUMNS = ["id", "title", "publisher", "year", "address", "licence", "note"]
MARKET_COLUMNS = ["variable", "good", "region", "partner", *TAIL]
ASSUMPTION = "assumption"


@dataclass(frozen=True)
class Figure:
    """One number with its range, unit, year and source."""

    value: float
    unit: str
    low: float
    high: float
    year: str
    source: str
    note: str

    @property
    def least(self) -> float:
        """The low end, the value itself where no range is given."""
        return self.value if math.isnan(self.low) else self.low

    @property
    def most(self) -> float:
        """The high end, the value itself where no range is given."""
        return self.value if math.isnan(self.high) else self.high

    def scaled(self, factor: float, unit: str) -> Figure:
        """The same figure in another unit."""
        low, mid, high = (round(v * factor, 6) for v in (self.low, self.value, self.high))
        return replace(self, value=mid, unit=unit, low=low, high=high)


class Table:
    """A table of figures by key; asking for a key it does not hold is an error that names the nearest one."""

    def __init__(self, name: str, rows: Mapping[tuple[str, ...], Figure]):
        self.name = name
        self.rows = dict(rows)

    def __getitem__(self, key: str | tuple[str, ...]) -> Figure:
        wanted = (key,) if isinstance(key, str) else key
        for row, figure in self.rows.items():
            if row[: len(wanted)] == wanted and not any(row[len(wanted):]):
                return figure
        known = [" ".join(filter(None, row)) for row in self.rows]
        raise DataError(f"{self.name}: no figure {' '.join(wanted)!r}; {did_you_mean(' '.join(wanted), known)}")

    def value(self, *key: str) -> float:
        return self[key].value

    def under(self, *start: str) -> dict[tuple[str, ...], Figure]:
        """All figures whose key begins with `start`, by the rest of the key."""
        return {row[len(start):]: figure for row, figure in self.rows.items() if row[: len(start)] == start}


def read_sources(path: Path) -> pd.DataFrame:
    """The sources: id, title, publisher, year, address, licence, note; all but the note must be given."""
    table = _read(path, SOURCE_COLUMNS)
    faults = Faults(path.name)
    for i, row in table.iterrows():
        for column in SOURCE_COLUMNS[:-1]:
            if not row[column]:
                faults.add(f"line {int(i) + 2}, {column}", "nothing", "text")  # type: ignore[call-overload]
    for i in table.index[table.duplicated("id")]:
        faults.add(f"line {int(i) + 2}", f"source {table['id'][i]} given twice", "each id once")
    faults.raise_if_any()
    return table


def market_sources(own: Path, histories: Path, market: str) -> list[list[str]]:
    """Rows of a market's sources.csv: those of its own figures and those that its history of producers cites."""
    sources = read_sources(own / "sources.csv")
    history = histories / f"{market}.csv"
    if not history.is_file():
        return list(sources.to_numpy().tolist())
    cited = set(pd.read_csv(history, dtype=str, keep_default_na=False)["source"])
    more = read_sources(histories / "sources.csv")
    chosen = more[more["id"].isin(cited) & ~more["id"].isin(sources["id"])]
    return [*sources.to_numpy().tolist(), *chosen.to_numpy().tolist()]


def read_figures(path: Path, sources: Iterable[str], keys: Sequence[str]) -> Table:
    """A table of figures with key columns `keys`.

    Raises
    ------
    DataError
        With every fault of the file: header, a value that is not a finite number, a range that does not hold the value,
        no unit, no year, an unknown source, an assumption without range or reason, a key given twice.
    """
    table = _read(path, [*keys, *TAIL])
    faults, known, rows = Faults(path.name), set(sources), {}
    for i, row in table.iterrows():
        where = f"line {int(i) + 2} ({' '.join(row[k] for k in keys if row[k])})"  # type: ignore[call-overload]
        figure = _figure(where, row, known, faults)
        key = tuple(row[k] for k in keys)
        if key in rows:
            faults.add(where, "the same key again", "each key once")
        rows[key] = figure
    faults.raise_if_any()
    return Table(path.name, rows)


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if list(table.columns) != list(columns):
        raise DataError(f"{path.name}: header {','.join(table.columns)}; expected {','.join(columns)}")
    return table


def _figure(where: str, row: pd.Series, known: set[str], faults: Faults) -> Figure:
    numbers = {c: _number(where, c, row[c], c == "value", faults) for c in ("value", "low", "high")}
    low, value, high = numbers["low"], numbers["value"], numbers["high"]
    if math.isnan(low) != math.isnan(high):
        faults.add(where, "one end of a range", "low and high, or neither")
    elif not math.isnan(low + value + high) and not low <= value <= high:
        faults.add(where, f"{low:g} <= {value:g} <= {high:g}", "low <= value <= high")
    if not row["unit"]:
        faults.add(where, "no unit", "a unit")
    if not row["year"].isdigit():
        faults.add(where, row["year"] or "no year", "a year")
    if row["source"] == ASSUMPTION:
        if math.isnan(low) or not row["note"]:
            faults.add(where, "an assumption without range or reason", "low, high and a reason in `note`")
    elif row["source"] not in known:
        faults.add(where, row["source"] or "no source", "an id of sources.csv", did_you_mean(row["source"], known))
    return Figure(value, row["unit"], low, high, row["year"], row["source"], row["note"])


def _number(where: str, column: str, text: str, needed: bool, faults: Faults) -> float:
    if text == "" and not needed:
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        faults.add(f"{where}, {column}", text or "nothing", "a finite number, no thousands mark")
    return number


def number_text(value: float) -> str:
    """The shortest text that reads back as the same number; nothing for a missing one."""
    if math.isnan(value):
        return ""
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def market_row(variable: str, good: str, region: str, partner: str, figure: Figure) -> list[str]:
    """One row of a market's table."""
    return [variable, good, region, partner, number_text(figure.value), figure.unit, number_text(figure.low),
            number_text(figure.high), figure.year, figure.source, figure.note]


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file with Unix line ends, the same bytes for the same rows."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
