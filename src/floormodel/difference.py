"""What two scenarios, markets, studies or run folders differ in: their inputs with sources, and their results."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from floormodel.equilibrium.benchmark import Array
from floormodel.errors import Fault, ScenarioError
from floormodel.input_difference import INPUTS, figure_rows, policy_rows, same_draws, setting_rows, table_rows
from floormodel.market import Market
from floormodel.policies.base import Instrument
from floormodel.report.labels import READER_UNITS, format_number
from floormodel.report.run_folder import RECORD, versions
from floormodel.report.tables import Range, Table
from floormodel.results import QUANTILES, Comparison, Equilibrium
from floormodel.scenario import Study, read_study

Side = Market | Equilibrium | Comparison | Study | str | Path
COLUMNS = ["old", "new", "change", "relative", "old_q05", "old_q95", "new_q05", "new_q95", "change_q05", "change_q95", "weight"]
KEYS = ["scenario", "kind", "name", "good", "region", "unit"]
SETTINGS = ("title", "year", "basis", "horizon", "deck", "sourcing", "supply_curve", "demand_curve", "seed", "draws")
SHOWN, TRIFLE = 15, 0.01


@dataclass(frozen=True, eq=False)
class Difference:
    """What b has instead of a; made by `diff`.

    Attributes
    ----------
    inputs : part (setting, version, input file, figure, range, source, scenario, policy), name, where, unit, old, new, old_source,
        new_source; the sources are those of the markets' tables.
    results : scenario, kind (indicator, flow, account), name, good, region, unit; old and new (medians over draws) with 5 and 95 %
        quantiles; change, relative (to the old value, missing where that is zero), change_q05 and change_q95 (draw by draw, where
        both have the same number of draws and the same seed; else missing); weight, the larger of both over the largest figure of
        the same name. The largest changes relative to the larger of both come first.
    notes : what could not be compared.
    """

    inputs: pd.DataFrame
    results: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Do the two differ in nothing?"""
        return self.inputs.empty and self.results.empty

    def tables(self, rows: int = SHOWN) -> list[Table]:
        """For readers: inputs, cells with the same change in one row, and the `rows` largest results of those that are no trifle
        (above 1 % of the largest figure of their name)."""
        inputs, results = _collapsed(self.inputs), self.results[self.results["weight"] >= TRIFLE]
        found = [("Inputs that differ", inputs.head(2 * rows), len(inputs) - 2 * rows, ".inputs"),
                 ("Results that differ most", pd.DataFrame([_for_readers(row) for _, row in results.head(rows).iterrows()]),
                  len(self.results) - min(rows, len(results)), ".results")]
        return [Table(title, frame, note=f"{left:,} more in {where}." if left > 0 else "")
                for title, frame, left, where in found if not frame.empty]

    def to_markdown(self, rows: int = SHOWN) -> str:
        """Both tables as text."""
        parts = [t.to_markdown() for t in self.tables(rows)] or ["No difference.\n"]
        return "\n".join([*parts, *self.notes]).rstrip() + "\n"

    def __repr__(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{html.escape(n)}</p>" for n in self.notes)
        return ("\n".join(t.to_html() for t in self.tables()) or "<p>No difference.</p>") + notes


@dataclass(frozen=True, eq=False)
class _Side:
    """One side in a common form: `settings` by (part, name); `scenarios` as dumped policies; `values` (rows KEYS, B)."""

    settings: Mapping[tuple[str, str], Any]
    scenarios: Mapping[str, Sequence[Mapping[str, Any]]]
    market: Market | None = None
    values: pd.DataFrame | None = None  # one column per draw, or q05, q50, q95 read from a run folder
    notes: tuple[str, ...] = field(default=())


def diff(a: Side, b: Side, *, tolerance: float = 1e-6) -> Difference:
    """What differs between a and b.

    Parameters
    ----------
    a, b : two solved scenarios (`fm.solve`), comparisons, markets, studies (`read_study` or the path of a study file) or run folders
        (paths). Results are compared where both have some. Comparisons are matched by the names of their scenarios, two single
        scenarios whatever they are called.
    tolerance : results whose relative difference is smaller are the same, and so are tonnes and money below this share of the
        largest of their kind.

    Raises
    ------
    ScenarioError
        For anything else, and for a folder without a readable run.
    """
    old, new = _side(a), _side(b)
    if len(old.scenarios) == len(new.scenarios) == 1:
        new = _renamed(new, next(iter(old.scenarios)))
    rows = [*setting_rows(old.settings, new.settings), *policy_rows(old.scenarios, new.scenarios)]
    notes = list(dict.fromkeys([*old.notes, *new.notes]))
    if old.market is not None and new.market is not None:
        rows += [*figure_rows(old.market, new.market), *table_rows(old.market, new.market)]
        if max(old.market.draws, new.market.draws) > 1 and not same_draws(old.market, new.market):
            notes.append("The draws are not the same ones: drawn figures are compared by their tables, results by their quantiles.")
    results = pd.DataFrame(columns=[*KEYS, *COLUMNS])
    if old.values is not None and new.values is not None:
        seeds = [s.settings.get(("setting", "seed")) for s in (old, new)]
        results = _results(old.values, new.values, tolerance, paired=seeds[0] == seeds[1])
    elif old.values is not None or new.values is not None:
        notes.append("Only one of the two has results.")
    return Difference(pd.DataFrame(rows, columns=INPUTS, dtype=object), results, tuple(notes))


def _side(given: Side) -> _Side:
    if isinstance(given, Market):
        return _Side(_market_settings(given), {}, given)
    if isinstance(given, Equilibrium):
        return _side(Comparison({given.name: given}))
    if isinstance(given, Comparison):
        bloc = next(iter(given.runs.values())).bloc
        settings = {**_market_settings(given.market), ("setting", "bloc"): sorted(bloc)}
        unsolved = int(sum((~r.converged).sum() for r in given.runs.values()))
        notes = (f"{unsolved} draws of {', '.join(given.runs)} were not solved.",) if unsolved else ()
        return _Side(settings, {name: _dumped(r.policies) for name, r in given.runs.items()}, given.market, _values(given), notes)
    if isinstance(given, Study):
        market, ensemble = given.load(), given.ensemble
        settings = {**_market_settings(market), ("setting", "study"): given.title}
        if ensemble is not None:
            settings |= {("setting", "draws"): ensemble.draws, ("setting", "seed"): ensemble.seed}
        return _Side(settings, {name: _dumped(policies) for name, policies in given.scenarios.items()}, market)
    if isinstance(given, str | Path):
        return _run_folder(Path(given)) if Path(given).is_dir() else _side(read_study(given))
    expected = "a market, a solved scenario, a comparison, a study, or the path of a study file or run folder"
    raise ScenarioError(str(Fault("diff", type(given).__name__, expected)))


def _dumped(policies: Sequence[Instrument]) -> list[dict[str, Any]]:
    return [p.model_dump(mode="json") for p in policies]


def _market_settings(market: Market) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {("setting", "market"): market.name}
    found |= {("setting", name): getattr(market, name) for name in SETTINGS}
    found |= {("setting", "goods"): market.goods, ("setting", "regions"): market.regions,
              ("setting", "open_projects"): sorted(f"{g}:{r}" for g, r in market.opened)}
    found |= {("version", name): text for name, text in versions().items()}
    return found | {("input file", name): text for name, text in market.hashes.items()}


def _run_folder(folder: Path) -> _Side:
    """A run from its record and tables; its figures are known by the hashes of their files."""
    try:
        record = json.loads((folder / RECORD).read_text("utf-8"))
        market = record["market"]
        settings = {("setting", "study"): record["title"], ("setting", "draws"): record["draws"] or 1, ("setting", "seed"): record["seed"],
                    ("setting", "market"): market["name"], ("setting", "year"): market["benchmark"],
                    ("setting", "open_projects"): sorted(market["open_projects"])}
        settings |= {("setting", name): market[name] for name in ("horizon", "deck")}
        settings |= {("version", name): text for name, text in record["versions"].items()}
        settings |= {("input file", name): text for name, text in market["sha256"].items()}
        scenarios = {name: s["policies"] for name, s in record["scenarios"].items()}
        read = {name: pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""]) for name in ("indicators", "accounts")}
        levels, money = read["indicators"], read["accounts"]
        parts = [levels.assign(kind="indicator", name=levels["indicator"], q05=levels["value_low"], q50=levels["value"],
                               q95=levels["value_high"]),
                 money.assign(kind="account", name=money["account"], q05=money["change_low"], q50=money["change"],
                              q95=money["change_high"])]
    except (OSError, KeyError, ValueError, TypeError) as exc:
        fault = Fault(f"{folder}", f"no readable run ({type(exc).__name__}: {exc})", "a run folder", "write one with `floormodel run`")
        raise ScenarioError(str(fault)) from exc
    values = pd.concat([p[[*KEYS, "q05", "q50", "q95"]] for p in parts]).set_index(KEYS)
    return _Side(settings, scenarios, None, values, ("Run folders: figures are compared by the hashes of their files, flows not at all.",))


def _renamed(side: _Side, name: str) -> _Side:
    values = None if side.values is None else side.values.rename(index=lambda _: name, level="scenario")
    return _Side(side.settings, {name: next(iter(side.scenarios.values()))}, side.market, values, side.notes)


def _values(runs: Comparison) -> pd.DataFrame:
    """Indicators, flows and accounts of all scenarios: rows KEYS, one column per draw."""
    draws = runs.market.draws
    frame = runs.indicators().frame
    accounts = runs.accounts()
    tall = [frame.assign(kind="indicator", name=frame["indicator"]),
            accounts.assign(kind="account", name=accounts["account"], unit="USD/yr")]
    for name, run in runs.runs.items():
        flow = run.dataset["flow"].expand_dims(draw=[0]) if "draw" not in run.dataset["flow"].dims else run.dataset["flow"]
        rows = flow.to_series().rename("value").reset_index()
        rows = rows[rows["origin"] != rows["destination"]]
        tall.append(rows.assign(scenario=name, kind="flow", name="flow", unit="t/yr", region=rows["origin"] + " to " + rows["destination"]))
    whole = pd.concat([t[[*KEYS, "draw", "value"]].astype({"value": float}) for t in tall if len(t)])
    return whole.set_index([*KEYS, "draw"])["value"].unstack("draw", sort=False)[list(range(draws))]


def _quantiles(values: pd.DataFrame) -> Array:
    """5 %, 50 % and 95 % over the draws that have a value, (rows, 3); of a run folder as they stand."""
    if "q50" in values:
        return values.to_numpy(float)
    out = np.full((len(values), 3), np.nan)
    known = values.notna().any(axis=1).to_numpy()
    out[known] = np.nanquantile(values.to_numpy(float)[known], QUANTILES, axis=1).T
    return out


def _completed(values: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """The rows of `index`; a line that the accounts leave out is zero in every solved draw."""
    out = values.reindex(index)
    absent = (index.get_level_values("kind") == "account") & ~index.isin(values.index)
    solved = values.notna().groupby(level="scenario").any().reindex(index.get_level_values("scenario")[absent])
    out.loc[absent] = np.where(solved, 0.0, np.nan)
    return out


def _results(old: pd.DataFrame, new: pd.DataFrame, tolerance: float, paired: bool) -> pd.DataFrame:
    """The table of results: rows that differ, the largest relative to the larger of both first."""
    both = set(old.index.unique("scenario")) & set(new.index.unique("scenario"))
    kinds = set(old.index.unique("kind")) & set(new.index.unique("kind"))
    index = old.index.union(new.index, sort=False)
    index = index[index.isin(list(both), level="scenario") & index.isin(list(kinds), level="kind")]
    a, b = _completed(old, index), _completed(new, index)
    before, after = _quantiles(a), _quantiles(b)
    by_draw = paired and list(a.columns) == list(b.columns) and "q50" not in a
    change = _quantiles(b - a) if by_draw else (after - before) * [np.nan, 1.0, np.nan]
    top = np.fmax(np.abs(before), np.abs(after))
    size = np.abs(after - before) / np.where(top > 0, top, 1.0)
    size = np.where(np.isnan(before) != np.isnan(after), 1.0, np.nan_to_num(size))  # a value appears or goes away
    frame = index.to_frame(index=False)
    frame[["old_q05", "old", "old_q95"]], frame[["new_q05", "new", "new_q95"]] = before, after
    frame[["change_q05", "change", "change_q95"]] = change
    frame["relative"] = change[:, 1] / np.where(before[:, 1] != 0, np.abs(before[:, 1]), np.nan)
    highest = pd.Series(np.nan_to_num(top).max(axis=1))
    largest = highest.groupby([frame["kind"], frame["name"]]).transform("max")
    frame["weight"] = highest / largest.where(largest > 0, 1.0)
    keep = (size > tolerance).any(axis=1) & (frame["weight"] > tolerance).to_numpy()
    order = np.argsort(-size[keep, 1], kind="stable")
    return frame.loc[keep, [*KEYS, *COLUMNS]].iloc[order].reset_index(drop=True)


def _collapsed(inputs: pd.DataFrame) -> pd.DataFrame:
    """Inputs as text; cells of one good with the same change share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for row in inputs.to_dict("records"):
        a, b = row["old_source"], row["new_source"]
        good, _, place = row["where"].partition(", ")
        key = (row["part"], row["name"], row["unit"], _text(row["old"]), _text(row["new"]), a if a == b else f"{a} → {b}", good)
        rows.setdefault(key, []).append(place)
    where = [f"{key[-1]}, " + ", ".join(p[:5]) + (f" and {len(p) - 5} more" if len(p) > 5 else "") for key, p in rows.items()]
    frame = pd.DataFrame([key[:-1] for key in rows], columns=["part", "name", "unit", "old", "new", "source"])
    frame.insert(2, "where", [w.removesuffix(", ") for w in where])
    return frame


def _for_readers(row: pd.Series) -> dict[str, Any]:
    unit, factor, _ = READER_UNITS.get(row["unit"], (row["unit"], 1.0, 0))
    cells = {k: Range(*(factor * (row[k] if np.isnan(row[key]) else row[key]) for key in (f"{k}_q05", k, f"{k}_q95")))
             for k in ("old", "new", "change")}
    relative = "–" if np.isnan(row["relative"]) else f"{format_number(100 * row['relative'])} %"
    return {**{k: row[k] for k in ("scenario", "name", "good", "region")}, "unit": unit, **cells, "relative": relative}


def _text(value: Any) -> str:
    """An input as text."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
