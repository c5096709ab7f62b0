"""The long table that every reader makes: one published number per row, with its flag."""

from __future__ import annotations

import csv
import math
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.figures import number_text
from floormodel.errors import DataError, Faults, did_you_mean

COLUMNS = ["source", "edition", "mineral", "stage", "country", "partner", "code", "statistic", "period", "unit",
           "value", "low", "high", "flag", "note"]
FLAGS = ("reported", "estimated", "withheld", "not_available", "revised", "rounded", "nil", "bounded")
EMPTY = ("withheld", "not_available", "bounded")  # flags of rows without a value
NAN = float("nan")
WORLD, REST = "WLD", "OTH"


@dataclass(frozen=True)
class Record:
    """One published number. `where` says where it stood; it is not a column of the table."""

    source: str
    edition: str
    mineral: str
    stage: str
    country: str
    statistic: str
    period: str
    unit: str
    value: float
    low: float
    high: float
    flag: str
    note: str
    where: str
    partner: str = ""
    code: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What names the number: two rows with one key are a fault."""
        return (self.source, self.edition, self.mineral, self.stage, self.country, self.partner, self.code, self.statistic,
                self.period, self.unit)

    def row(self) -> list[str]:
        numbers = {name: number_text(getattr(self, name)) for name in ("value", "low", "high")}
        return [numbers.get(column, "") or str(getattr(self, column)) * (column not in numbers) for column in COLUMNS]


def write_long(path: Path, records: Iterable[Record]) -> None:
    """Write the table whole or not at all: to a temporary file beside it, then renamed."""
    write_csv(path, COLUMNS, (record.row() for record in records))


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A CSV file, put in place in one step; a folder that is not there is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def read_long(path: Path) -> list[Record]:
    """A long table written before.

    Raises
    ------
    DataError
        With every fault: the header, a flag that is not of the list, a number that is not one, a value beside a flag
        that has none.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or list(rows[0]) != COLUMNS:
        raise DataError(f"{path.name}: not a long table; expected the header {','.join(COLUMNS)}")
    faults, records = Faults(path.name), []
    for line, row in enumerate(rows, 2):
        numbers = {name: _number(f"line {line}, {name}", row[name], faults) for name in ("value", "low", "high")}
        if row["flag"] not in FLAGS:
            faults.add(f"line {line}, flag", row["flag"], "one of " + ", ".join(FLAGS), did_you_mean(row["flag"], FLAGS))
        elif math.isnan(numbers["value"]) != (row["flag"] in EMPTY):
            faults.add(f"line {line}", f"value {row['value']!r} with flag {row['flag']}", f"no value with {', '.join(EMPTY)}, else one")
        texts = {column: row[column] for column in COLUMNS if column not in numbers}
        records.append(Record(**texts, **numbers, where=f"{path.name}, line {line}"))  # type: ignore[arg-type]
    faults.raise_if_any()
    return records


def _number(where: str, text: str, faults: Faults) -> float:
    try:
        number = float(text) if text else NAN
    except ValueError:
        number = math.inf
    if math.isinf(number):
        faults.add(where, text, "a finite number or nothing")
    return number
