"""What players count: money per region and draw, read off the accounts of a solved scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from floormodel.accounts import OWNER, Ledger, ledger
from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.errors import Fault, ScenarioError, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Instrument
from floormodel.results import QUANTILES

TIE = 1e-8  # of the market's turnover: what the accounts of two solves of the same scenario may differ by


@dataclass(frozen=True)
class Payoff:
    """What a player counts, USD/yr, as a change against the market without policy.

    Fields
    ------
    lines : owners (consumers, producers, treasury, rent_holders, stockholders, buyers) and accounts of docs/results.md; None: all,
        the welfare of the region. goods : whose lines count; None: all. mcpf : what a dollar of public money counts (all lines of the
        treasury). export_revenue : in place of lines, the value of exports at the exporter's border: gate price, export charges and
        rents that the exporter keeps.
    """

    lines: tuple[str, ...] | None = None
    goods: tuple[str, ...] | None = None
    mcpf: float = 1.0
    export_revenue: bool = False

    def accounts(self) -> tuple[str, ...]:
        """Names of the accounts that count."""
        return tuple(a for a, owner in OWNER.items() if self.lines is None or a in self.lines or owner in self.lines)

    def check(self, market: Market) -> list[Fault]:
        """Faults: names that are no owner, account or good; a weight that is no number from zero."""
        known = [*OWNER, *dict.fromkeys(OWNER.values())]
        faults = [Fault("payoff.lines", repr(n), "an owner or an account", did_you_mean(n, known))
                  for n in self.lines or () if n not in known]
        faults += [Fault("payoff.goods", repr(g), f"a good of market {market.name!r}", did_you_mean(g, market.goods))
                   for g in self.goods or () if g not in market.goods]
        if not (np.isfinite(self.mcpf) and self.mcpf >= 0):
            faults.append(Fault("payoff.mcpf", repr(self.mcpf), "a number from 0"))
        if self.export_revenue and (self.lines is not None or self.mcpf != 1):
            faults.append(Fault("payoff.export_revenue", "True beside lines or mcpf", "one of the two"))
        return faults

    def of(self, solved: Solved, book: Ledger) -> Array:
        """Level (B, R), USD/yr."""
        goods = range(solved.state.price.shape[1])
        chosen = [g for g in goods if self.goods is None or solved.market.goods[g] in self.goods]
        if self.export_revenue:
            return sum((_export_value(solved, book, g) for g in chosen), np.zeros(1))
        lines = {a: book.lines[a][:, chosen].sum(1) for a in self.accounts()}
        return sum(((self.mcpf if OWNER[a] == "treasury" else 1.0) * v for a, v in lines.items()), np.zeros_like(solved.state.price[:, 0]))


PAYOFFS = {
    "welfare": Payoff(), "producers": Payoff(("producers",)), "treasury": Payoff(("treasury",)),
    "producers_and_treasury": Payoff(("producers", "treasury", "rent_holders")), "export_revenue": Payoff(export_revenue=True),
}


def payoff_named(payoff: str | Payoff) -> Payoff:
    """A payoff by its name, or itself.

    Raises
    ------
    ScenarioError
        For a name that is not in `PAYOFFS`.
    """
    if isinstance(payoff, Payoff):
        return payoff
    if payoff not in PAYOFFS:
        raise ScenarioError(f"payoff: found {payoff!r}; expected {' | '.join(PAYOFFS)} or a Payoff; {did_you_mean(payoff, PAYOFFS)}")
    return PAYOFFS[payoff]


def _export_value(solved: Solved, book: Ledger, g: int) -> Array:
    s = solved.state
    flow = np.where(np.eye(s.flow[g].shape[-1], dtype=bool), 0.0, s.flow[g])
    return ((s.price[:, g, :, None] + book.origin_wedge[g]) * flow).sum(-1)


@dataclass(frozen=True, eq=False)
class Counted:
    """One payoff of one market's scenarios, against the market without policy. Made by `counted`.

    Attributes
    ----------
    base : the market without policy. level0 (B, R) : the payoff there. tolerance (B,) : payoffs closer than this are ties, USD/yr.
    """

    payoff: Payoff
    base: Solved
    level0: Array
    tolerance: Array

    def under(self, policies: Sequence[Instrument]) -> Array:
        """Change against no policy (B, R), USD/yr; NaN in draws that were not solved, with or without the policies."""
        return self.change(find_quietly(self.base.market, policies))

    def change(self, solved: Solved) -> Array:
        """Payoffs (B, R) of a scenario that has been solved."""
        value = self.payoff.of(solved, ledger(solved)) - self.level0
        ok = solved.solution.converged & self.base.solution.converged
        return np.where(ok[:, None], value, np.nan)


def counted(market: Market, payoff: str | Payoff = "welfare", base: Solved | None = None) -> Counted:
    """A payoff made ready to be read off many scenarios.

    Raises
    ------
    ScenarioError
        For a payoff that does not fit the market.
    """
    chosen = payoff_named(payoff)
    raise_faults(market, "payoff", chosen.check(market))
    without = base if base is not None else find_quietly(market)
    book = ledger(without)
    return Counted(chosen, without, chosen.of(without, book), TIE * book.turnover)


def regions_at(market: Market, regions: Sequence[str]) -> list[int]:
    """Places of regions in the market's order."""
    return [market.regions.index(r) for r in regions]


def check_regions(market: Market, what: str, regions: Sequence[str]) -> list[Fault]:
    """Faults: no region, an unknown one, one named twice."""
    faults = [] if regions else [Fault(what, "none", "at least one region")]
    faults += [Fault(what, repr(r), f"a region of market {market.name!r}", did_you_mean(r, market.regions))
               for r in regions if r not in market.regions]
    if len(set(regions)) != len(regions):
        faults.append(Fault(what, repr(list(regions)), "each region once"))
    return faults


def raise_faults(market: Market, what: str, faults: Sequence[Fault]) -> None:
    """Raise one ScenarioError with all faults."""
    if faults:
        lines = "\n".join(f"  {fault}" for fault in faults)
        raise ScenarioError(f"{what} on market {market.name!r}: {len(faults)} fault(s)\n{lines}")


def quantile_row(values: Array) -> dict[str, float]:
    """q05, q50, q95, mean and the number missing of one payoff over draws (B,)."""
    known = values[np.isfinite(values)]
    low, middle, high = (float(x) for x in np.quantile(known, QUANTILES)) if known.size else (np.nan,) * 3
    return {"q05": low, "q50": middle, "q95": high, "mean": float(known.mean()) if known.size else np.nan,
            "missing": int(len(values) - known.size)}


def payoff_table(rows: Sequence[tuple[Mapping[str, object], Array]], regions: Sequence[str]) -> pd.DataFrame:
    """Long table: the labels of each row, region, q05, q50, q95, mean (USD/yr), missing (draws)."""
    return pd.DataFrame([{**labels, "region": r} | quantile_row(values[:, k]) for labels, values in rows for k, r in enumerate(regions)])
