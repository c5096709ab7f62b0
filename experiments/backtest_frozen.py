"""Which event files are still as they were before their event was first scored, and which were never frozen: these are not counted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.backtest_events import EVENTS, event_names

FROZEN = EVENTS / "frozen.csv"
COLUMNS = ["event", "sha256", "changed_after", "frozen"]
FIRST, LATER = "before any event was scored", "before its own score, after those of others were known"


def fingerprint(name: str) -> str:
    """SHA-256 of an event file, with line ends of one kind."""
    return hashlib.sha256((EVENTS / f"{name}.toml").read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _table(path: Path) -> pd.DataFrame:
    known = path.is_file()
    return pd.read_csv(path, dtype=str, keep_default_na=False) if known else pd.DataFrame(columns=COLUMNS, dtype=str)


def freeze(path: Path = FROZEN) -> pd.DataFrame:
    """Add files that are not yet listed; those that are keep what is written of them. Returns the table as written."""
    table = _table(path)
    when = FIRST if table.empty else LATER
    new = [{"event": n, "sha256": fingerprint(n), "changed_after": "", "frozen": when} for n in not_frozen(event_names(), path)]
    table = pd.concat([table, pd.DataFrame(new, columns=COLUMNS, dtype=str)]).sort_values("event", kind="stable")
    table.to_csv(path, index=False, lineterminator="\n")
    return table


def not_frozen(names: Sequence[str], path: Path = FROZEN) -> list[str]:
    """Events that are not listed: nothing says that their file was written before they were scored."""
    known = set(_table(path)["event"])
    return [n for n in names if n not in known]


def frozen_later(path: Path = FROZEN) -> list[str]:
    """Events frozen before their own score, when those of others were known."""
    table = _table(path)
    return table.loc[table["frozen"] == LATER, "event"].tolist()


def changed(path: Path = FROZEN) -> dict[str, str]:
    """Listed events whose file is not the frozen one, with what `changed_after` says of it ("" where it says nothing)."""
    table = _table(path).set_index("event")
    return {n: str(table.loc[n, "changed_after"]) for n in event_names()
            if n in table.index and table.loc[n, "sha256"] != fingerprint(n)}


if __name__ == "__main__":
    freeze()
