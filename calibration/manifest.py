"""Hashes of every table of figures and of every table made from them: which figures gave which market."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("calibration/figures", "src/floormodel/data")
MANIFEST = Path(__file__).with_name("manifest.csv")
HEADER = ["file", "sha256"]


def hashes(root: Path = ROOT) -> list[list[str]]:
    """Path below `root` and SHA-256 of each file of the figures and of the markets' data, by path."""
    files = sorted(path for place in PLACES for path in (root / place).rglob("*") if path.suffix in (".csv", ".toml"))
    return [[path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]


def write(path: Path = MANIFEST) -> None:
    """Write the hashes of all files as they stand now."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows([HEADER, *hashes()])


def changed(path: Path = MANIFEST) -> list[str]:
    """Files that differ from the recorded hashes, are new, or are gone."""
    with path.open(encoding="utf-8", newline="") as handle:
        recorded = {row["file"]: row["sha256"] for row in csv.DictReader(handle)}
    now = {name: digest for name, digest in hashes()}
    return sorted(name for name in recorded.keys() | now.keys() if recorded.get(name) != now.get(name))
