"""What does price support build in ten years, does it diversify supply, and what is left for producer countries?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.analysis import Progress
from experiments.path_record import write_paths
from experiments.ten_years_brief import Pages
from experiments.ten_years_results import TenYears
from experiments.ten_years_variants import explore

TITLE = "Price support for good or for ten years: plants, diversification, producer countries"
MARKET, DRAWS = "rare_earths", 200


def write(folder: Path, market: str, draws: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Simulate, write the brief and its files into `folder`, return the record."""
    found = explore(market, draws, seed, progress)
    beside = {"producer's rule": found.rule, "announced supply": found.announced, "central": found.central, "consistent": found.consistent}
    variants = {name: (x.paths if isinstance(x, TenYears) else x.paths.paths) for name, x in beside.items() if x is not None}
    return write_paths(folder, TITLE, found.main.paths, Pages(found).brief(), variants)
