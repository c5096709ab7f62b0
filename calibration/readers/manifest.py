"""The manifest beside imported tables: from which file, by its SHA-256, of which source, on which day."""

from __future__ import annotations

import csv
import hashlib
from datetime import date
from pathlib import Path

from calibration.readers.findings import Findings
from calibration.readers.long_table import write_csv

NAME = "manifest.csv"
COLUMNS = ["file", "sha256", "source", "date", "table"]
Key = tuple[str, str, str]  # table, file, source


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[Key, dict[str, str]]:
    """The rows of the folder's manifest by table, file and source; none where there is no manifest."""
    path = folder / NAME
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["table"], row["file"], row["source"]): row for row in csv.DictReader(file)}


def check_unchanged(out: Path, files: list[Path], source: str, accept: bool, findings: Findings) -> None:
    """A file that is not what it was when the table `out`, or else another one beside it, was made is E315, unless accepted."""
    known = read_manifest(out.parent)
    for path in files:
        others = [row for (_, file, of), row in known.items() if (file, of) == (path.name, source)]
        row = known.get((out.name, path.name, source), others[-1] if others else None)
        if row and not accept and row["sha256"] != sha256(path):
            findings.error("E315", path.name, f"SHA-256 {sha256(path)[:12]}...", f"{row['sha256'][:12]}... of {row['date']} in {NAME}",
                           "the file has changed since: --accept-new-data takes the new one")


def write_manifest(out: Path, files: list[Path], source: str, today: date) -> None:
    """Put the files of the table `out` into the manifest beside it; the date of an unchanged file stays."""
    known = read_manifest(out.parent)
    rows = {key: row for key, row in known.items() if key[0] != out.name}
    for path in files:
        key, digest = (out.name, path.name, source), sha256(path)
        before = known.get(key)
        day = before["date"] if before and before["sha256"] == digest else today.isoformat()
        rows[key] = {"file": path.name, "sha256": digest, "source": source, "date": day, "table": out.name}
    write_csv(out.parent / NAME, COLUMNS, [[row[c] for c in COLUMNS] for _, row in sorted(rows.items())])
