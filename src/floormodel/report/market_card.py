"""The data card of a market: what its figures are, where they come from, what was moved, assumed and checked."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from floormodel.indicators.concentration import hhi_bounds
from floormodel.market import Market, load_market
from floormodel.results import solve
from floormodel.schema import STORED

REST = "ROW"
HOLDS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}
SHOWN_MOVES, SHOWN_SHARE = 8, 0.01
PLACES = {"world": "the world"}


@dataclass(frozen=True)
class Check:
    """A credibility check: a statistic, what it is held against, and whether it passes."""

    statistic: str
    value: float
    holds: str
    threshold: float
    why: str

    @property
    def passed(self) -> bool:
        return bool(HOLDS[self.holds](self.value, self.threshold))


def market_card(name: str) -> str:
    """The page docs/markets/NAME.md of a shipped market, Markdown. Raises DataError for an unknown market."""
    market = load_market(name)
    folder = Path(str(resources.files("floormodel") / "data" / name))
    parts = [f"# {market.title}\n\nBenchmark {market.year}, {market.basis}. This page is made from the tables in "
             f"`src/floormodel/data/{name}/` by `floormodel card {name}`.",
             _stages(market), "## What a reader must know\n\n" + "\n".join(f"- {note}" for note in market.notes),
             _checks(credibility_checks(market, folder)), _others(market, folder), _moves(folder), _elasticities(market),
             _assumptions(market), _sources(market)]
    return "\n\n".join(part for part in parts if part) + "\n"


def credibility_checks(market: Market, folder: Path) -> list[Check]:
    """The checks of the card, passed or not."""
    figures, run = market.dataset, solve(market)
    supply = (figures["output0"] + figures["secondary0"]).transpose("good", "region").values
    share = (run.dataset["margin"] / figures["price0"]).transpose("good", "region").values
    rows = market.figures[market.figures["variable"] == "output0"]
    sourced = rows.loc[rows["source"] != "assumption"].groupby("good")["value"].sum() / rows.groupby("good")["value"].sum()
    stock = np.abs(figures["stock_change0"].sum("region").values) / supply.sum(1)
    rest = supply[:, market.regions.index(REST)] / supply.sum(1) if REST in market.regions else np.zeros(1)
    checks = [
        Check("largest residual of the benchmark, no policy", float(run.solved.solution.residual.max()), "<=", 1e-9,
              "the figures are an exact equilibrium"),
        Check("smallest share of a stage's output that has a source", float(sourced.fillna(0.0).min()), ">=", 0.5,
              "the rest is assumed"),
        Check("largest stock change of a stage over its supply", float(stock.max()), "<=", 0.05,
              "what statistics of two stages disagree by is booked there"),
        Check("smallest margin over price of a maker", float(np.nanmin(share)), ">=", 0.05,
              "a thinner one makes the response to a price explode"),
        Check("largest share of the rest of the world in a stage's supply", float(rest.max()), "<=", 0.25,
              "countries lumped together hide concentration"),
    ]
    moved = _flow_moves(folder)
    if moved is not None:
        checks.append(Check("tonnes moved by balancing over tonnes shipped, worst stage", moved, "<=", 0.2,
                            "half the sum of absolute moves of shipments"))
    others = _cross_checks(market, folder)
    if others is not None and len(others):
        same = others["year"].astype(str) == str(market.year)
        large = others[(others["size"] >= 0.1) & same & others["figure"].str.match("output|use|mined|refined")]
        worst = float(np.abs(np.log(large["ratio"])).max()) if len(large) else 0.0
        checks.append(Check("largest difference from another source of the year on output or use of a tenth of the world or more", worst,
                            "<=", 0.25, "in logs: 0.25 is 28 % more or 22 % less"))
    return checks


def _flow_moves(folder: Path) -> float | None:
    table = pd.read_csv(folder / "balance_report.csv", keep_default_na=False)
    flows = table[table["figure"].str.startswith("flow0[")]
    if flows.empty:
        return None
    old, new = (pd.to_numeric(flows[c], errors="coerce").fillna(0.0) for c in ("reported", "balanced"))
    good = flows["figure"].str.extract(r"flow0\[(\w+)")[0]
    return float(((new - old).abs().groupby(good).sum() / 2 / new.groupby(good).sum()).max())


def _cross_checks(market: Market, folder: Path) -> pd.DataFrame | None:
    """cross_checks.csv with numbers and `size`, ours over the world's supply of the stage."""
    figures = market.dataset
    supply = (figures["output0"] + figures["secondary0"]).sum("region").to_series()
    path = folder / "cross_checks.csv"
    if not path.is_file():
        return None
    table = pd.read_csv(path, keep_default_na=False)
    for column in ("ours", "other", "ratio"):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    table = table[(table["ratio"] > 0) & np.isfinite(table["ratio"])]
    of = table["figure"].str.extract(r"(?:\w+\[)?(\w+)")[0]
    share = table["unit"].eq("share")
    return table.assign(size=np.where(share, table["ours"].abs(), table["ours"].abs() / of.map(supply).fillna(np.inf)))


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = list(header)
    lines = [head, ["---"] * len(head), *([str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float) -> str:
    """Plain digits, four of them significant."""
    if not np.isfinite(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _stages(market: Market) -> str:
    figures, rows = market.dataset, []
    for good in market.goods:
        made = (figures["output0"] + figures["secondary0"]).sel(good=good).to_series()
        share = (made / made.sum()).sort_values(ascending=False)
        listed = share.drop(REST, errors="ignore")
        low, high = hhi_bounds(listed.to_numpy()[None], np.array([share.get(REST, 0.0)]), cap=np.array([max(listed.max(), 1e-9)]))
        lead = ", ".join(f"{region} {100 * s:.3g} %" for region, s in share.items() if s >= SHOWN_SHARE)
        price = figures["price0"].sel(good=good)
        span = " to ".join(dict.fromkeys(_number(float(end)) for end in (price.min(), price.max())))
        use = float(figures["final_demand0"].sel(good=good).sum())
        recycled = float(figures["secondary0"].sel(good=good).sum())
        rows.append([good, _number(float(made.sum())), _number(recycled) if recycled else "", _number(use) if use else "", lead,
                     f"{low[0]:.3f} to {high[0]:.3f}" if high[0] - low[0] > 5e-4 else f"{low[0]:.3f}", span])
    return "## Stages\n\n" + _table(["stage", "supply, t/yr", "of it recycled", "final use, t/yr", "shares of supply by location",
                                     "HHI by region (0 to 1)", "price, USD/t"], rows) + (
        "\n\nThe HHI counts EU27 as one supplier and bounds the rest of the world, no supplier in it larger than the largest listed; "
        "by country it is in `concentration.csv`.")


def _checks(checks: list[Check]) -> str:
    rows = [[c.statistic, f"{c.value:.3g}", f"{c.holds} {c.threshold:g}", "pass" if c.passed else "**fail**", c.why] for c in checks]
    return "## Credibility checks\n\n" + _table(["statistic", "found", "threshold", "", "meaning"], rows)


def _others(market: Market, folder: Path) -> str:
    table = _cross_checks(market, folder)
    if table is None or table.empty:
        return "## Beside other sources\n\nNot checked: this market has no table of other sources' figures."
    rows = [[r["figure"], PLACES.get(r["region"], r["region"]), r["compared_with"], _number(r["ours"]), _number(r["other"]), r["unit"],
             f"{r['ratio']:.2f}", r["year"]] for r in table.to_dict("records") if r["size"] >= SHOWN_SHARE]
    return ("## Beside other sources\n\nFigures of a hundredth of the world's supply or more; all are in `cross_checks.csv`.\n\n"
            + _table(["figure", "region", "source", "ours", "theirs", "unit", "ratio", "year"], rows))


def _moves(folder: Path) -> str:
    table = pd.read_csv(folder / "balance_report.csv", keep_default_na=False)
    old, new = (pd.to_numeric(table[c], errors="coerce").fillna(0.0) for c in ("reported", "balanced"))
    ordered = table.assign(size=(new - old).abs(), old=old, new=new).sort_values("size", ascending=False, kind="stable")
    rows = [[r["figure"], _number(r["old"]), _number(r["new"]), _number(r["new"] - r["old"]), r["why"]]
            for r in ordered.head(SHOWN_MOVES).to_dict("records") if r["size"] > 0]
    if not rows:
        return ""
    return (f"## What balancing moved\n\nThe {len(rows)} largest moves, t/yr; all are in `balance_report.csv`.\n\n"
            + _table(["figure", "reported", "balanced", "move", "how"], rows))


def _elasticities(market: Market) -> str:
    figures = market.figures
    names = [s for s, v in STORED.items() if v.name.endswith("_elasticity") and (figures["variable"] == s).any()]
    rows = []
    for name in names:
        for row in figures[figures["variable"] == name].to_dict("records"):
            place = "all" if row["region"] == "*" else row["region"]
            span = f"{_number(row['low'])} to {_number(row['high'])}" if np.isfinite(row["low"]) else ""
            rows.append([name.replace("_", " "), row["good"], place, _number(row["value"]), span, row["source"], row["note"]])
    return "## Elasticities\n\n" + _table(["elasticity", "stage", "region", "centre", "range", "source", "note"], rows)


def _assumptions(market: Market) -> str:
    figures = market.figures
    assumed = figures[(figures["source"] == "assumption") & ~figures["variable"].str.contains("elasticity")]
    if assumed.empty:
        return ""
    rows = []
    for _, group in assumed.groupby(["variable", "good", "note"], sort=False):
        variable, good, note = (str(group[c].iloc[0]) for c in ("variable", "good", "note"))
        places = [f"{a}{' to ' + b if b else ''}" for a, b in zip(group["region"], group["partner"])]
        where = ", ".join(places[:6]) + (f" and {len(places) - 6} more" if len(places) > 6 else "")
        rows.append([variable, good, where.replace("*", "all") or "", note])
    counted = len(assumed) / len(figures[~figures["variable"].str.contains("elasticity")])
    return (f"## Assumptions\n\n{len(assumed)} of the figures above and in the tables are assumptions ({100 * counted:.0f} %), each with a "
            "range and a reason.\n\n" + _table(["variable", "stage", "where", "reason"], rows))


def _sources(market: Market) -> str:
    used = set(market.figures["source"]) - {"assumption"}
    counts = market.figures["source"].value_counts()
    rows = [[r["id"], f"{r['title']}, {r['publisher']}, {r['year']}", r["licence"], str(counts.get(r["id"], 0))]
            for r in market.sources.to_dict("records") if r["id"] in used]
    return "## Sources\n\n" + _table(["id", "source", "licence", "figures"], rows)
