"""Every chart, by name; and `Plots`, which draws them from a comparison (``runs.plot.prices()``)."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from floormodel.policies.price_floor import PriceFloor
from floormodel.report.comparison_charts import incentive_prices, instruments, tornado, viability, viability_frame
from floormodel.report.frames import changes, groups_of, levels, provenance_of, relative_changes
from floormodel.report.labels import good_name
from floormodel.report.money_charts import incidence, incidence_frame, revenue
from floormodel.report.price_charts import prices, sweep
from floormodel.report.stage_charts import concentration, downstream, output, output_and_concentration
from floormodel.report.style import Provenance, save_figure
from floormodel.results import Comparison

__all__ = [
    "Plots",
    "Provenance",
    "concentration",
    "downstream",
    "incentive_prices",
    "incidence",
    "incidence_frame",
    "instruments",
    "output",
    "output_and_concentration",
    "prices",
    "revenue",
    "save_figure",
    "sweep",
    "tornado",
    "viability",
    "viability_frame",
]


class Plots:
    """Charts of a comparison: each method returns a figure that notebooks show and `save_figure` writes."""

    def __init__(self, runs: Comparison) -> None:
        self.runs = runs

    def prices(self, good: str | None = None) -> Figure:
        """Prices inside and outside the bloc, by scenario, for the good the policies act on."""
        good = good or self._good()
        return prices(
            levels(self.runs.indicators()), good, floor=self._floor(good), provenance=provenance_of(self.runs)
        )

    def revenue(self, goods: Sequence[str] | None = None) -> Figure:
        """Change of producer revenue by country and stage."""
        return revenue(
            changes(self.runs.indicators()),
            goods or self.runs.market.goods,
            groups_of(self.runs),
            provenance=provenance_of(self.runs),
        )

    def output(self, goods: Sequence[str] | None = None) -> Figure:
        """Change of output by stage and group of countries."""
        groups = groups_of(self.runs)
        return output(
            changes(self.runs.indicators(), groups),
            goods or self.runs.market.goods,
            groups,
            provenance=provenance_of(self.runs),
        )

    def concentration(self, goods: Sequence[str] | None = None) -> Figure:
        """HHI of world output by stage, before and after, with bounds."""
        return concentration(
            levels(self.runs.indicators()), goods or self.runs.market.goods, provenance=provenance_of(self.runs)
        )

    def incidence(self, scenario: str | None = None, mcpf: Sequence[float] = (1.0, 1.3)) -> Figure:
        """Who pays, for one scenario (default: the first)."""
        return incidence(
            self.runs.accounts(),
            groups_of(self.runs),
            scenario or next(iter(self.runs.runs)),
            self.runs.market.goods,
            mcpf=mcpf,
            provenance=provenance_of(self.runs),
        )

    def downstream(self, good: str | None = None) -> Figure:
        """Change of output and margin of the bloc's makers of a downstream good (default: the last stage)."""
        good = good or self.runs.market.goods[-1]
        return downstream(
            relative_changes(self.runs.indicators()),
            good,
            next(iter(groups_of(self.runs).values())),
            provenance=provenance_of(self.runs),
        )

    def _good(self) -> str:
        """The good named by the first policy, else the last stage."""
        named = [getattr(p, "good", None) for run in self.runs.runs.values() for p in run.policies]
        return next((g for g in named if isinstance(g, str)), self.runs.market.goods[-1])

    def _floor(self, good: str) -> float | None:
        """The floor on a good, USD/t, where all scenarios that have one agree on a number."""
        policies = [p for run in self.runs.runs.values() for p in run.policies if isinstance(p, PriceFloor)]
        found = {p.price if isinstance(p.price, float) else None for p in policies if p.good == good}
        level = found.pop() if len(found) == 1 else None
        return level if isinstance(level, float) else None

    def __repr__(self) -> str:
        names = [n for n in vars(type(self)) if not n.startswith("_")]
        return f"charts of {good_name(self._good())}: " + ", ".join(f".{n}()" for n in names)
