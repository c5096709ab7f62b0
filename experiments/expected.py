"""`python -m experiments.expected [STUDY ...]`: write what the example studies give, and set it beside what happened.

For each study of `experiments/studies/`: `<study>.expected.csv`, headline numbers at central figures, which a test compares
with a new run, and `<study>.compared.md`, the same numbers beside the facts of `<study>.observed.csv`. Nothing is fitted to those facts.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import pandas as pd

import floormodel as fm
from floormodel.errors import InertWarning
from floormodel.report.study_run import run_study

STUDIES = Path(__file__).parent / "studies"
KEYS = ["variant", "scenario", "indicator", "good", "region"]
COLUMNS = [*KEYS, "unit", "value", "base"]
BY_REGION = ("price", "buyer_price", "output", "exports", "producer_revenue")
BY_GOOD = ("world_output", "hhi_low", "hhi_high")
LEAST = 0.02  # lines of money below this share of the largest are left out
HEADER = "# {name}.toml at central figures; written by `python -m experiments.expected {name}`\n"


@dataclass(frozen=True)
class Headline:
    """What is kept of a study: variants by name with the fields that they change, goods, regions, more indicators by region; without
    which scenarios."""

    variants: Mapping[str, Mapping[str, Any]]
    goods: tuple[str, ...]
    regions: tuple[str, ...]
    more: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


HEADLINES = {
    "mp_materials": Headline({f"{deck or 2024} {horizon}": {"deck": deck, "horizon": horizon} for deck in ("2025", None) for horizon in
                              ("short", "long")}, ("ndpr_oxide",), ("USA", "CHN")),
    "drc_cobalt_quota_2026": Headline({h: {"horizon": h} for h in ("short", "long")}, ("mined", "refined"),
                                      ("COD", "IDN", "CHN", "JPN")),
    "indonesia_nickel_rule": Headline(
        {f"{deck} {horizon}": {"deck": deck, "horizon": horizon} for deck, horizon in
         (("2019", "long"), ("2019", "short"), ("2019_entry", "long"))}, ("mined", "refined"), ("IDN", "CHN", "PHL", "CAN"),
        without=("all_processed",)),
    "eu_ferroalloy_safeguard": Headline({h: {"horizon": h} for h in ("long", "short")}, ("ferrosilicon",), ("EU27", "NOR", "ISL", "CHN"),
                                        ("imports", "use", "net_import_reliance")),
    "lynas_jare": Headline({f"2025 {h}": {"horizon": h} for h in ("long", "short")}, ("ndpr_oxide", "magnet"), ("MYS", "JPN", "CHN")),
}


def headline(name: str) -> pd.DataFrame:
    """Headline numbers of a study, long: variant, scenario, indicator, good, region, unit, value, base (without policy)."""
    wanted, study = HEADLINES[name], fm.read_study(STUDIES / f"{name}.toml")
    kept = {scenario: policies for scenario, policies in study.scenarios.items() if scenario not in wanted.without}
    parts = [_variant(replace(study, scenarios=kept, ensemble=None, **changes), wanted).assign(variant=variant)
             for variant, changes in wanted.variants.items()]
    return pd.concat(parts)[COLUMNS].reset_index(drop=True)


def _variant(study: fm.Study, wanted: Headline) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        runs = run_study(study, study.load())
    table = runs.indicators().to_dataframe()
    here = table["good"].isin(wanted.goods) & (
        (table["indicator"].isin((*BY_REGION, *wanted.more)) & table["region"].isin(wanted.regions)) | (table["indicator"].isin(BY_GOOD)))
    extra = pd.concat([_extra(run, scenario, wanted) for scenario, run in runs.runs.items()])
    frame = pd.concat([table.loc[here, [*KEYS[1:], "unit", "value", "base"]], extra])
    return frame[(frame["value"].abs() + frame["base"].abs()) > 0]


def _extra(run: fm.Equilibrium, scenario: str, wanted: Headline) -> pd.DataFrame:
    """What no indicator holds: export values, world shares, payments per tonne, unknowns, and money by region and owner."""
    ds, before = run.dataset, fm.solve(run.market).dataset
    rows: list[list[Any]] = []
    for region in wanted.regions:
        totals = []
        for good in wanted.goods:
            made = [float(d["output"].sel(good=good, region=region)) for d in (ds, before)]
            world = [float(d["output"].sel(good=good).sum()) for d in (ds, before)]
            rows.append(["share_of_world_output", good, region, "share", made[0] / world[0], made[1] / world[1]])
            paid = float(ds["guarantee"].sel(good=good, region=region))
            if paid != 0:
                rows.append(["payment_per_tonne", good, region, "USD/t", paid / made[0], 0.0])
            totals.append([_export_value(d, good, region) for d in (ds, before)])
        rows.append(["export_value", "all", region, "USD/yr", *(sum(column) for column in zip(*totals))])
    for name, value, unit in zip(ds["unknown"].values, ds["unknown_value"].values, ds["unknown_unit"].values):
        rows.append([f"unknown {name}", "", "", str(unit), float(value), 0.0])
    money = run.accounts().groupby(["region", "owner"])["value"].sum()
    money = money[money.abs() >= LEAST * money.abs().max()]
    rows += [[f"change_{owner}", "all", region, "USD/yr", value, 0.0] for (region, owner), value in money.items()]
    return pd.DataFrame(rows, columns=["indicator", "good", "region", "unit", "value", "base"]).assign(scenario=scenario)


def _export_value(ds: Any, good: str, region: str) -> float:
    """Shipments abroad at the border price, export charges and rents included, USD/yr."""
    value = (ds["border_price"] * ds["flow"]).sel(good=good, origin=region).drop_sel(destination=region)
    return float(value.fillna(0.0).sum())


def compared(name: str, found: pd.DataFrame) -> pd.DataFrame:
    """The observed facts of a study with the model's number in `model`, and in `miss` how far it is from the nearer end, as a share."""
    facts = pd.read_csv(STUDIES / f"{name}.observed.csv", dtype=str).astype({"low": float, "high": float})
    numbers = found.fillna({"good": "", "region": ""}).set_index(KEYS)[["value", "base"]]
    picked = [numbers.loc[tuple(fact[KEYS])] for _, fact in facts.iterrows()]
    model = [float(n["value"] / n["base"] if of == "ratio" else n[of]) for n, of in zip(picked, facts["of"])]
    miss = [min(0.0, m / low - 1) + max(0.0, m / high - 1) for m, low, high in zip(model, facts["low"], facts["high"])]
    return facts.assign(model=model, miss=miss)


def page(name: str, table: pd.DataFrame) -> str:
    """The comparison as a page of Markdown."""
    lines = [f"# {fm.read_study(STUDIES / f'{name}.toml').title}: the model beside what happened", "",
             f"Written by `python -m experiments.expected {name}` from [{name}.toml]({name}.toml) and "
             f"[{name}.observed.csv]({name}.observed.csv). Nothing is fitted.", "",
             "| fact | when | observed | model | off by | run | source |", "|---|---|---|---|---|---|---|"]
    for row in table.to_dict("records"):
        ends = dict.fromkeys((_number(row["low"]), _number(row["high"])))
        lines.append(f"| {row['what']} | {row['date']} | {' to '.join(ends)} {row['unit']} | {_number(row['model'])} "
                     f"| {_miss(row['miss'])} | {row['variant']}, {row['scenario']} | {row['source']} |")
    return "\n".join(lines) + "\n"


def _miss(share: float) -> str:
    return "inside" if abs(share) < 1e-6 else f"{share:+.0%}" if abs(share) >= 0.01 else f"{share:+.1%}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(HEADLINES)))
def main(names: tuple[str, ...]) -> None:
    """Rewrite the expected numbers and the comparison of each STUDY, of all of them if none is named."""
    for name in names or HEADLINES:
        found = headline(name)
        text = HEADER.format(name=name) + found.to_csv(index=False, float_format="%.10g", lineterminator="\n")
        (STUDIES / f"{name}.expected.csv").write_text(text, encoding="utf-8", newline="\n")
        (STUDIES / f"{name}.compared.md").write_text(page(name, compared(name, found)), encoding="utf-8", newline="\n")
        click.echo(f"{name}: {len(found)} numbers")


if __name__ == "__main__":
    main(prog_name="python -m experiments.expected")
