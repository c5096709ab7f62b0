"""Do deals that may be revoked build anything? The floor and the guarantee by the yearly chance that they are repealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.credibility_brief import Pages
from experiments.credibility_results import explore
from experiments.path_record import write_paths

TITLE = "Credibility: what is built by how likely a policy is to last"
MARKET, DRAWS = "rare_earths", 200


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Simulate, write the brief and its files into `folder`, return the record."""
    doubt = explore(market, draws, seed, progress)
    beside = {"adaptive": doubt.adaptive.paths, "consistent": doubt.consistent.paths}
    return write_paths(folder, TITLE, doubt.main.paths, Pages(doubt).brief(), beside)
