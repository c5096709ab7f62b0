"""What users hold: `solve` gives an Equilibrium, `compare` a Comparison; both give tables, charts, files and a short text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from floormodel.accounts import OWNER, Ledger, ledger, regional_identity, world_identity
from floormodel.equilibrium.solve import Solved, find
from floormodel.errors import ConvergenceError, ScenarioError
from floormodel.indicators.catalogue import indicator_frame
from floormodel.labelled import to_dataset
from floormodel.market import Market
from floormodel.policies.base import Instrument

QUANTILES = (0.05, 0.5, 0.95)
EXPORTER_FIELDS = ("exporter", "exporters")


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """One solved scenario beside the same market without policy (`base`).

    Attributes
    ----------
    solved, base : Solved
        Kernel results. `bloc` : regions that bloc-wide indicators refer to.
    """

    solved: Solved
    base: Solved
    bloc: tuple[str, ...]
    name: str = "scenario"

    @property
    def market(self) -> Market:
        return self.solved.market

    @property
    def policies(self) -> tuple[Instrument, ...]:
        return self.solved.policies

    @property
    def converged(self) -> np.ndarray:
        """Flag per draw (B,)."""
        return self.solved.solution.converged

    @property
    def notes(self) -> tuple[str, ...]:
        """Inert settings and other remarks on this scenario."""
        return self.solved.notes

    @cached_property
    def dataset(self) -> xr.Dataset:
        """Labelled results: see docs/results.md for each variable, its dimensions and unit."""
        return to_dataset(self.solved)

    @cached_property
    def _ledgers(self) -> tuple[Ledger, Ledger]:
        return ledger(self.solved), ledger(self.base)

    def accounts(self) -> pd.DataFrame:
        """Changes against the market without policy: region, good, account, owner, draw, value (USD/yr). Zero lines are left out."""
        now, before = self._ledgers
        parts = []
        goods, regions = self.market.goods, self.market.regions
        for account, owner in OWNER.items():
            change = now.lines[account] - before.lines[account]
            for g, r in np.argwhere(np.any(np.abs(np.nan_to_num(change)) > 0, axis=0)):
                parts.append(pd.DataFrame({"region": regions[r], "good": goods[g], "account": account, "owner": owner,
                                           "draw": np.arange(len(change)), "value": np.where(self.converged, change[:, g, r], np.nan)}))
        columns = ["region", "good", "account", "owner", "draw", "value"]
        return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)

    def identities(self) -> dict[str, float]:
        """Largest relative error over solved draws: {"world": ..., "regional": ...}; both are computed, never imposed."""
        world, regional = self.identity_errors()
        ok = self.converged
        return {"world": float(np.max(world[ok], initial=0.0)), "regional": float(np.max(regional[ok], initial=0.0))}

    def identity_errors(self) -> tuple[np.ndarray, np.ndarray]:
        """Relative errors per draw of the world and the regional identity, each (B,)."""
        now, before = self._ledgers
        return world_identity(now, before), regional_identity(self.solved, now, before)

    def indicators(self, mcpf: float = 1.0) -> Indicators:
        """All indicators; `mcpf` is the marginal cost of public funds on treasury lines of the cost indicators."""
        now, before = self._ledgers
        frame = indicator_frame(self.solved, self.base, now, before, self.bloc, mcpf)
        frame.insert(0, "scenario", self.name)
        return Indicators(frame)

    def raise_if_unsolved(self) -> None:
        """Raise ConvergenceError naming the draws that were not solved."""
        if not self.converged.all():
            bad = np.flatnonzero(~self.converged)
            raise ConvergenceError(f"{self.name}: {len(bad)} of {len(self.converged)} draws not solved: {bad[:10].tolist()}")

    def summary(self) -> str:
        """A short text: status, identities, prices inside and outside, output and concentration."""
        return Comparison({self.name: self}).summary()

    def to_dataset(self) -> xr.Dataset:
        return self.dataset

    def to_dataframe(self) -> pd.DataFrame:
        """Indicators in long form."""
        return self.indicators().to_dataframe()

    @property
    def plot(self) -> Any:
        """Charts: `.plot.prices()`, `.plot.output()`, `.plot.incidence()` and the others of floormodel.report.charts."""
        return Comparison({self.name: self}).plot

    def __getattr__(self, name: str) -> Any:
        if name in EXPORTS:
            return getattr(Comparison({self.name: self}), name)
        raise AttributeError(name)


@dataclass(frozen=True, eq=False)
class Indicators:
    """A long table of indicators: scenario, indicator, good, region, unit, draw, value, base, change."""

    frame: pd.DataFrame

    def to_dataframe(self) -> pd.DataFrame:
        return self.frame.copy()

    def select(self, indicator: str, good: str | None = None, region: str | None = None) -> pd.DataFrame:
        """Rows of one indicator."""
        f = self.frame[self.frame["indicator"] == indicator]
        f = f if good is None else f[f["good"] == good]
        return f if region is None else f[f["region"] == region]

    def quantiles(self, q: Sequence[float] = QUANTILES, of: str = "change") -> pd.DataFrame:
        """Quantiles over solved draws of `value`, `base` or `change`: one column per quantile, and the share of draws present."""
        keys = ["scenario", "indicator", "good", "region", "unit"]
        grouped = self.frame.groupby(keys, sort=False)[of]
        table = grouped.quantile(np.asarray(q)).unstack()
        table.columns = [f"q{100 * x:02.0f}" for x in q]
        return table.assign(present=grouped.count() / grouped.size()).reset_index()


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several scenarios of one market, by name; all of them beside the same market without policy."""

    runs: Mapping[str, Equilibrium]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Equilibrium:
        return self.runs[name]

    @property
    def market(self) -> Market:
        return next(iter(self.runs.values())).market

    def indicators(self, mcpf: float = 1.0) -> Indicators:
        return Indicators(pd.concat([run.indicators(mcpf).frame for run in self.runs.values()], ignore_index=True))

    def accounts(self) -> pd.DataFrame:
        """Accounts of all scenarios, with a column `scenario`."""
        return pd.concat([run.accounts().assign(scenario=name) for name, run in self.runs.items()], ignore_index=True)

    def identities(self) -> dict[str, float]:
        errors = [run.identities() for run in self.runs.values()]
        return {key: max(e[key] for e in errors) for key in ("world", "regional")}

    @property
    def share_converged(self) -> float:
        return float(np.mean([run.converged.mean() for run in self.runs.values()]))

    def summary(self) -> str:
        from floormodel.report.summary import summary

        return summary(self)

    def to_dataset(self) -> xr.Dataset:
        """Datasets of all scenarios along a `scenario` dimension."""
        parts = [run.dataset.drop_dims(["unknown", "policy"], errors="ignore") for run in self.runs.values()]
        return xr.concat(parts, dim=pd.Index(list(self.runs), name="scenario"))

    def to_dataframe(self) -> pd.DataFrame:
        return self.indicators().to_dataframe()

    @property
    def plot(self) -> Any:
        from floormodel.report.charts import Plots

        return Plots(self)

    def __getattr__(self, name: str) -> Any:
        if name in EXPORTS:
            from floormodel.report import export

            function: Callable[..., Any] = getattr(export, name)
            return lambda *args, **kwargs: function(self, *args, **kwargs)
        raise AttributeError(name)


EXPORTS = ("to_excel", "to_iamc", "to_stata", "to_netcdf")


def solve(market: Market, policies: Sequence[Instrument] = (), *, bloc: Sequence[str] | None = None, name: str = "scenario",
          base: Solved | None = None, start: np.ndarray | None = None) -> Equilibrium:
    """Solve a market under instruments, for all its draws.

    Parameters
    ----------
    policies : sequence of instruments
        Their order does not matter.
    bloc : regions, optional
        What bloc-wide indicators refer to; default: every region that a `bloc_fields` of an instrument names (members, importers, holders,
        buyers), or, if there is none, its exporters.
    base : Solved, optional
        The market without policy, if it is at hand.

    Returns
    -------
    Equilibrium
        Draws that could not be solved keep `converged = False` and a reason; nothing is dropped.

    Raises
    ------
    ScenarioError
        For instruments that do not fit the market, all faults at once.
    """
    if isinstance(policies, Instrument):
        raise ScenarioError("policies: found one instrument; expected a list, such as [PriceFloor(...)]")
    chosen = tuple(bloc) if bloc is not None else _bloc_of(policies, market)
    unknown = [r for r in chosen if r not in market.regions]
    if unknown:
        raise ScenarioError(f"bloc: found {unknown}; expected regions of market {market.name!r}: {', '.join(market.regions)}")
    before = base if base is not None else find(market)
    return Equilibrium(find(market, policies, start), before, chosen, name)


def _bloc_of(policies: Sequence[Instrument], market: Market) -> tuple[str, ...]:
    """The regions that buy under the instruments; where there are none, those that limit their exports."""
    for fields in ([policy.bloc_fields for policy in policies], [EXPORTER_FIELDS] * len(policies)):
        values = [getattr(policy, name, None) or [] for policy, names in zip(policies, fields) for name in names]
        named = {name for value in values for name in ([value] if isinstance(value, str) else value)}
        if named:
            break
    return tuple(r for r in market.regions if r in named)


def compare(market: Market, scenarios: Mapping[str, Sequence[Instrument]], *, bloc: Sequence[str] | None = None,
            progress: bool = False) -> Comparison:
    """Solve several scenarios of one market: ``{name: [instruments]}``. The bloc defaults to that of all scenarios together."""
    if not scenarios:
        raise ScenarioError("scenarios: found none; expected {name: [instruments], ...}")
    if bloc is None:
        bloc = _bloc_of([p for policies in scenarios.values() for p in policies], market)
    base = find(market)
    names: Iterable[str] = scenarios
    if progress:
        from tqdm import tqdm

        names = tqdm(scenarios, desc="scenarios", unit="solve")
    return Comparison({name: solve(market, scenarios[name], bloc=bloc, name=name, base=base) for name in names})
