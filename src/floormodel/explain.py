"""What each instrument of a mix contributes: exact Shapley values over all subsets of the mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd

from floormodel.accounts import OWNER, Ledger, ledger
from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.errors import Faults, ScenarioError, did_you_mean
from floormodel.indicators.catalogue import indicator_frame
from floormodel.market import Market
from floormodel.policies.base import Instrument
from floormodel.report.tables import Table, quantile_table
from floormodel.results import QUANTILES, Equilibrium, solve

MOST = 8  # instruments: 2^8 = 256 solves
DEFAULT = ("producer_revenue", "hhi_low", "hhi_high", "welfare", "treasury")
KEYS = ["measure", "good", "region", "unit"]
SUMS = {owner: [a for a in OWNER if OWNER[a] == owner] for owner in dict.fromkeys(OWNER.values())} | {"welfare": list(OWNER)}


@dataclass(frozen=True, eq=False)
class Explanation:
    """The effect of a mix of instruments, shared out among them; made by `explain`.

    Attributes
    ----------
    names : one per instrument, ``number:kind``, in the order given.
    frame : long table: measure, good, region, unit, instrument, draw, and in the measure's unit
        `share`, the Shapley value: the mean of what the instrument adds over all orders of introduction;
        `first`, what it does alone; `last`, what it adds to all the others; `effect` of the whole mix.
        NaN in draws in which some subset was not solved, and where the measure has no meaning in some subset.
    solved : (B,) flag per draw: were all subsets solved.
    """

    names: tuple[str, ...]
    frame: pd.DataFrame
    solved: Array

    @property
    def unsolved_draws(self) -> int:
        """Number of draws in which some subset was not solved."""
        return int((~self.solved).sum())

    def to_dataframe(self) -> pd.DataFrame:
        return self.frame.copy()

    def table(self, of: str = "share") -> pd.DataFrame:
        """Over draws: KEYS, instrument, mean, q05, q50, q95, present (share of draws with a value). Means add up to the mean of
        the effect; quantiles do not."""
        grouped = self.frame.groupby([*KEYS, "instrument"], sort=False)[of]
        table = grouped.quantile(np.asarray(QUANTILES)).unstack().set_axis(["q05", "q50", "q95"], axis=1)
        table.insert(0, "mean", grouped.mean())
        return table.assign(present=grouped.count() / grouped.size()).reset_index()

    def to_table(self) -> Table:
        """For readers: one row per measure, one column per instrument and the effect; means over draws, which add up."""
        shares = self.table().assign(column=lambda t: t["instrument"])
        effect = self.table("effect").drop_duplicates(KEYS).assign(column="all together")
        rows = pd.concat([shares, effect], ignore_index=True)
        rows = rows.assign(q05=rows["mean"], q50=rows["mean"], q95=rows["mean"]).dropna(subset=["mean"])
        note = "Shapley values: means over all orders in which the instruments may be introduced; a row adds up to its last column."
        if len(self.solved) > 1:
            note += f" Means over the {int(self.solved.sum())} of {len(self.solved)} draws that were solved with every subset."
        return quantile_table(rows.rename(columns={"measure": "indicator"}), ["indicator", "good", "region"],
                              "What each instrument contributes", columns="column", note=note)

    def __repr__(self) -> str:
        return self.to_table().to_markdown()

    def _repr_html_(self) -> str:
        return self.to_table().to_html()


def explain(of: Market | Equilibrium, policies: Sequence[Instrument] | None = None, measures: Sequence[str] = DEFAULT, *,
            bloc: Sequence[str] | None = None) -> Explanation:
    """Share the effect of a mix out among its instruments, per draw, by exact Shapley values.

    share_i = sum over subsets S without i of |S|! (n - |S| - 1)! / n! [v(S and i) - v(S)], v the measure in the equilibrium under S.
    Each of the 2^n subsets is solved once. Shares add up to v(all) - v(none); instruments that do the same get the same share, and one
    that changes nothing gets zero.

    Parameters
    ----------
    of : a market, or a solved scenario, whose instruments and bloc are then the default.
    policies : 1 to 8 instruments; their order does not matter.
    measures : names, each ``name``, ``name:good`` or ``name:good:region``: an indicator of docs/results.md (its level); an account (change
        against no policy, by good and region); or the sum over goods of an owner's accounts ("consumers", "producers", "treasury",
        "rent_holders", "stockholders") or of all of them ("welfare"), by region and for the "bloc"; or "bloc_cost", the bloc's welfare
        with the sign changed. The good of these sums is "all". What is zero in every subset is left out.

    Raises
    ------
    ScenarioError
        For no instrument or more than eight, instruments that do not fit the market, and measures that do not exist.

    Source: Shapley, L. S. (1953), A value for n-person games, Contributions to the Theory of Games II, 307-317.
    """
    run = None if isinstance(of, Market) else of
    market = of if isinstance(of, Market) else of.market
    given = policies if policies is not None else (() if run is None else run.policies)
    if isinstance(given, Instrument) or not 1 <= len(given) <= MOST:
        found = "one instrument outside a list" if isinstance(given, Instrument) else f"{len(given)} instruments"
        raise ScenarioError(f"explain: found {found}; expected a list of 1 to {MOST} (each more doubles the number of solves); "
                            "put instruments that belong together into scenarios of fm.compare instead")
    if run is not None and tuple(given) == run.policies and bloc is None:
        whole = run
    else:
        whole = solve(market, given, bloc=run.bloc if run is not None and bloc is None else bloc, base=None if run is None else run.base)
    before = ledger(whole.base)
    n = len(given)
    subsets = [s for k in range(n + 1) for s in combinations(range(n), k)]
    values, solved = {}, np.ones(market.draws, bool)
    rows: pd.Index | None = None
    for subset in reversed(subsets):  # the whole mix first: it has every row, and faults show before the other solves
        now = whole.base if not subset else whole.solved if len(subset) == n else find_quietly(market, [given[i] for i in subset])
        table = _values(now, whole.base, before, whole.bloc)
        if rows is None:
            rows = _chosen(table.index, measures, market)
        values[subset] = table.reindex(rows).to_numpy()
        solved &= now.solution.converged
    assert rows is not None
    return Explanation(tuple(f"{i + 1}:{p.kind}" for i, p in enumerate(given)), _shares(values, rows, given, solved), solved)


def _values(run: Solved, base: Solved, before: Ledger, bloc: Sequence[str]) -> pd.DataFrame:
    """Every measure of one equilibrium: rows KEYS, one column per draw."""
    now, market = ledger(run), run.market
    frame = indicator_frame(run, base, now, before, bloc).rename(columns={"indicator": "measure"})
    change = {a: now.lines[a] - before.lines[a] for a in OWNER}
    rows = {(a, good, region, "USD/yr"): change[a][:, g, r] for a in OWNER
            for g, good in enumerate(market.goods) for r, region in enumerate(market.regions)}
    inside = [market.regions.index(r) for r in bloc]
    for name, accounts in SUMS.items():
        total = sum((change[a].sum(1) for a in accounts), np.zeros(1))
        rows |= {(name, "all", region, "USD/yr"): total[:, r] for r, region in enumerate(market.regions)}
        rows[name, "all", "bloc", "USD/yr"] = total[:, inside].sum(1)
    rows["bloc_cost", "all", "bloc", "USD/yr"] = -rows["welfare", "all", "bloc", "USD/yr"]
    index = pd.MultiIndex.from_tuples(list(rows), names=KEYS)
    money = pd.DataFrame(np.where(run.solution.converged & base.solution.converged, np.stack(list(rows.values())), np.nan), index)
    draws = len(run.state.price)
    first = frame.iloc[::draws]  # the draws of a row stand together
    levels = pd.DataFrame(frame["value"].to_numpy().reshape(-1, draws), pd.MultiIndex.from_frame(first[KEYS]))
    taken = money.index.get_level_values("measure").isin(first["measure"])
    return pd.concat([levels, money[~taken]])


def _chosen(index: pd.Index, measures: Sequence[str], market: Market) -> pd.Index:
    """Rows that the measures name."""
    faults = Faults(f"explain, market {market.name!r}", ScenarioError)
    names = index.to_frame(index=False)
    chosen: dict[int, None] = {}
    for measure in [measures] if isinstance(measures, str) else measures:
        fits, parts = np.ones(len(names), bool), measure.split(":")
        for key, part in zip(KEYS, parts):
            known = list(dict.fromkeys(names[key][fits]))
            fits &= (names[key] == part).to_numpy()
            if not fits.any():
                faults.add(f"measure {measure!r}", part, f"a {key}" + (f" of {parts[0]!r}" if key != "measure" else ""),
                           did_you_mean(part, known))
                break
        chosen |= dict.fromkeys(np.flatnonzero(fits).tolist())
        if len(parts) > 3:
            faults.add("measure", measure, "name, name:good or name:good:region")
    faults.raise_if_any()
    return index[list(chosen)]


def _shares(values: dict[tuple[int, ...], Array], rows: pd.Index, policies: Sequence[Instrument], solved: Array) -> pd.DataFrame:
    """The long table of an Explanation; `values` (rows, B) of each subset."""
    n, everyone = len(policies), tuple(range(len(policies)))
    moves = np.any([np.nan_to_num(v) != 0 for v in values.values()], axis=0).any(axis=1)
    where = np.where(solved, 1.0, np.nan)
    effect = (values[everyone] - values[()]) * where
    parts = []
    for i, policy in enumerate(policies):
        share = np.zeros_like(effect)
        for subset, value in values.items():
            if i not in subset:
                weight = factorial(len(subset)) * factorial(n - len(subset) - 1) / factorial(n)
                share += weight * (values[tuple(sorted((*subset, i)))] - value)
        first = values[(i,)] - values[()]
        last = values[everyone] - values[tuple(j for j in everyone if j != i)]
        columns = {"share": share, "first": first, "last": last, "effect": effect}
        part = rows[moves].to_frame(index=False).loc[np.repeat(np.arange(moves.sum()), len(solved))]
        part = part.assign(instrument=f"{i + 1}:{policy.kind}", draw=np.tile(np.arange(len(solved)), int(moves.sum())))
        parts.append(part.assign(**{name: (array * where)[moves].ravel() for name, array in columns.items()}))
    return pd.concat(parts, ignore_index=True)
