"""The manifest beside an imported table: which file, by its SHA-256, which source, which day."""

from __future__ import annotations

import csv
import hashlib
from datetime import date
from pathlib import Path

from calibration.readers.findings import Findings
from calibration.readers.long_table import write_csv

NAME = "manifest.csv"
COLUMNS = ["file", "sha256", "source", "date"]


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The rows of the folder's manifest by file name and source; none where there is no manifest."""
    path = folder / NAME
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["file"], row["source"]): row for row in csv.DictReader(file)}


def check_unchanged(folder: Path, files: list[Path], source: str, accept: bool, findings: Findings) -> None:
    """A file that is not what it was at its last import is E315, unless the user accepts new data."""
    known = read_manifest(folder)
    for path in files:
        row = known.get((path.name, source))
        if row and not accept and row["sha256"] != sha256(path):
            findings.error("E315", path.name, f"SHA-256 {sha256(path)[:12]}...", f"{row['sha256'][:12]}... of {row['date']} in {NAME}",
                           "the file has changed since: --accept-new-data takes the new one")


def write_manifest(folder: Path, files: list[Path], source: str, today: date) -> None:
    """Add the files to the folder's manifest; the date of an unchanged file stays."""
    rows = read_manifest(folder)
    for path in files:
        digest = sha256(path)
        before = rows.get((path.name, source))
        if before is None or before["sha256"] != digest:
            rows[path.name, source] = {"file": path.name, "sha256": digest, "source": source, "date": today.isoformat()}
    write_csv(folder / NAME, COLUMNS, [[row[c] for c in COLUMNS] for _, row in sorted(rows.items())])
