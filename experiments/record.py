"""The record of an experiment: inputs with their hashes, seeds, share solved, identities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import floormodel as fm


def market_record(market: fm.Market) -> dict[str, Any]:
    """Which market it was: name, benchmark year, horizon, deck of prices, hashes of its tables."""
    return {"name": market.name, "benchmark": market.year, "horizon": market.horizon, "deck": market.deck, "sha256": dict(market.hashes)}


def record_of(title: str, parts: Mapping[str, fm.Comparison]) -> dict[str, Any]:
    """What run.json says of an experiment besides the versions."""
    first = next(iter(parts.values())).market
    return {
        "title": title,
        "market": market_record(first),
        "draws": first.draws, "seed": first.seed,
        "parts": {name: {"open_projects": [f"{g}:{r}" for g, r in runs.market.opened], "share_converged": runs.share_converged,
                         "identities": runs.identities(),
                         "scenarios": {k: [p.model_dump(mode="json") for p in run.policies] for k, run in runs.runs.items()},
                         "notes": {k: list(run.notes) for k, run in runs.runs.items() if run.notes}} for name, runs in parts.items()},
        "share_converged": min(runs.share_converged for runs in parts.values()),
    }
