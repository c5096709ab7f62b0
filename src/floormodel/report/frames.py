"""Tidy tables for charts and tables: quantiles over draws of levels and changes, sums over groups of regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from floormodel.market import Market
from floormodel.report.labels import CHANGES_BY_NATURE, NO_POLICY, region_groups
from floormodel.report.style import Provenance
from floormodel.results import EXPORTER_FIELDS, QUANTILES, Comparison, Indicators

KEYS = ["scenario", "indicator", "good", "region", "unit"]
ADDITIVE = ("output", "recycled", "producer_revenue", "revenue_and_rents", "value_added", "use", "final_demand")
BASIC = ("output0", "flow0", "price0", "final_demand0")
Groups = Mapping[str, Sequence[str]]


def levels(indicators: Indicators, groups: Groups | None = None, q: Sequence[float] = QUANTILES) -> pd.DataFrame:
    """Quantiles of the levels in long form (KEYS, q05, q50, q95, present); a scenario `No policy` stands first."""
    frame = _with_groups(indicators.frame, groups)
    first = frame["scenario"].iloc[0]
    base = frame[(frame["scenario"] == first) & ~frame["indicator"].isin(CHANGES_BY_NATURE)]
    base = base.assign(scenario=NO_POLICY, value=base["base"])
    return Indicators(pd.concat([base, frame], ignore_index=True)).quantiles(q, "value")


def changes(indicators: Indicators, groups: Groups | None = None, q: Sequence[float] = QUANTILES) -> pd.DataFrame:
    """Quantiles of the changes against no policy, in long form."""
    return Indicators(_with_groups(indicators.frame, groups)).quantiles(q, "change")


def relative_changes(
    indicators: Indicators, groups: Groups | None = None, q: Sequence[float] = QUANTILES
) -> pd.DataFrame:
    """Quantiles of changes in per cent of the level without policy; missing where that is zero. Unit: %."""
    frame = _with_groups(indicators.frame, groups)
    base = frame["base"].where(frame["base"] != 0)
    return Indicators(frame.assign(change=100 * frame["change"] / base, unit="%")).quantiles(q, "change")


def _with_groups(frame: pd.DataFrame, groups: Groups | None) -> pd.DataFrame:
    """The frame with rows added whose `region` is a group: sums over its members, draw by draw, of what adds up."""
    if not groups:
        return frame
    parts = [frame[frame["indicator"].isin(ADDITIVE) & frame["region"].isin(list(members))].assign(region=name)
             for name, members in groups.items()]
    rows = pd.concat(parts)
    sums = rows.groupby([*KEYS, "draw"], sort=False)[["value", "base", "change"]].sum(min_count=1).reset_index()
    return pd.concat([frame, sums], ignore_index=True)


def groups_of(runs: Comparison) -> dict[str, list[str]]:
    """The market's regions as buying bloc, dominant suppliers (largest benchmark location of a good) and others."""
    output = runs.market.dataset["output0"]
    output = output.mean("draw") if "draw" in output.dims else output
    lead = [runs.market.regions[i] for i in output.to_numpy().argmax(-1)]
    bloc = next(iter(runs.runs.values())).bloc
    policies = [policy for run in runs.runs.values() for policy in run.policies]
    limiting = {name for p in policies for field in EXPORTER_FIELDS for name in np.atleast_1d(getattr(p, field, None) or [])}
    return dict(region_groups(lead, bloc, runs.market.regions, exporting=bool(bloc) and set(bloc) <= limiting))


def provenance_of(runs: Comparison) -> Provenance:
    """What the footers of this comparison's charts say."""
    market = runs.market
    title = (market.title or market.name).split(":")[0]
    return Provenance(title, market.year, market.draws, runs.share_converged, _publishers(market))


def _publishers(market: Market) -> str:
    """Who published most of the quantities and prices that the market rests on."""
    figures, sources = market.figures, market.sources
    if figures.empty or sources.empty:
        return "figures of the market as entered; own calculation"
    basic = figures.loc[figures["variable"].isin(BASIC), "source"]
    names = basic.map(dict(zip(sources["id"], sources["publisher"].str.split(",").str[0]))).dropna()
    return f"{', '.join(names.value_counts().index[:3])} and others (see sources); own calculation with floormodel"


def account_lines(accounts: pd.DataFrame, groups: Groups, scenario: str) -> pd.DataFrame:
    """Money by group and line, draw by draw: group, line, draw, value (USD/yr).

    Lines: final consumers; producers of each good, recyclers with them; owners of benchmark stock changes; treasury; rents.
    """
    rows = accounts[accounts["scenario"] == scenario] if "scenario" in accounts else accounts
    rows = rows.astype({"value": float})  # without any change there are no rows and no type
    of = {region: name for name, members in groups.items() for region in members}
    lines = np.where(rows["owner"] == "producers", "producers:" + rows["good"].astype(str), rows["owner"].astype(str))
    rows = rows.assign(group=rows["region"].map(of), line=lines)
    draws = np.sort(rows["draw"].unique())
    names = pd.MultiIndex.from_product([list(groups), list(dict.fromkeys(lines))], names=["group", "line"])
    table = rows.groupby(["group", "line", "draw"])["value"].sum(min_count=1).unstack("draw").reindex(names)[draws]
    missing = rows.groupby("draw")["value"].apply(lambda v: bool(v.isna().any())).reindex(draws).to_numpy()
    filled = np.where(missing[None], np.nan, table.fillna(0.0).to_numpy())
    return pd.DataFrame(filled, table.index, table.columns).reset_index().melt(["group", "line"], var_name="draw")
