"""Which event files are still as they were before their event was first scored."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments.backtest_events import EVENTS, event_names, fingerprint

FROZEN = EVENTS / "frozen.csv"
COLUMNS = ["event", "sha256", "changed_after"]


def freeze(path: Path = FROZEN) -> pd.DataFrame:
    """Add files that are not yet listed; those that are keep what is written of them. Returns the table as written."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False) if path.is_file() else pd.DataFrame(columns=COLUMNS, dtype=str)
    new = [{"event": n, "sha256": fingerprint(n), "changed_after": ""} for n in event_names() if n not in set(table["event"])]
    table = pd.concat([table, pd.DataFrame(new, columns=COLUMNS, dtype=str)]).sort_values("event", kind="stable")
    table.to_csv(path, index=False, lineterminator="\n")
    return table


def changed(path: Path = FROZEN) -> dict[str, str]:
    """Events whose file is not the frozen one, with what `changed_after` says of it ("" where it says nothing)."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("event")
    return {n: str(table["changed_after"].get(n, "")) for n in event_names()
            if n not in table.index or table.loc[n, "sha256"] != fingerprint(n)}
