"""The ferro-silicon market: rebuilt from its figures, balanced, sourced, and an equilibrium."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from calibration import ferrosilicon
from calibration import ferrosilicon_quantities as tonnes
from floormodel.errors import DataError

DATA = Path(fm.__file__).parent / "data" / "ferrosilicon"
TABLES = ("quantities", "prices", "wedges", "parameters")
EU = 1320 * 1.0824  # USD/t delivered


@pytest.fixture(scope="module")
def quantities() -> pd.DataFrame:
    return pd.read_csv(DATA / "quantities.csv", keep_default_na=False).astype({"value": float})


def nodes(table: pd.DataFrame, variable: str) -> pd.Series:
    return table[table["variable"] == variable].set_index("region")["value"].reindex(tonnes.REGIONS, fill_value=0.0)


def flows(table: pd.DataFrame) -> pd.DataFrame:
    matrix = table[table["variable"] == "flow0"].pivot(index="region", columns="partner", values="value")
    return matrix.reindex(index=tonnes.REGIONS, columns=tonnes.REGIONS).fillna(0.0)


def test_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    ferrosilicon.build(tmp_path)
    written = sorted(p.name for p in tmp_path.iterdir())
    assert written == sorted(p.name for p in DATA.iterdir() if p.name not in ("projects.csv", "projects_sources.csv"))  # made by hand
    for name in written:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


def test_reported_output_trade_and_use_are_kept(quantities: pd.DataFrame) -> None:
    made, use, moved = nodes(quantities, "output0"), nodes(quantities, "final_demand0"), flows(quantities)
    usgs = {"CHN": 3500, "RUS": 470, "BRA": 200, "NOR": 180, "KAZ": 130, "MYS": 130, "ISL": 70, "IND": 60, "EU27": 90, "ROW": 270,
            "USA": 125}  # kt of silicon
    assert made[list(usgs)].to_numpy() == pytest.approx(np.array(list(usgs.values())) * 1e3 / 0.65)
    assert (made[["JPN", "KOR"]] == 0).all() and use["ISL"] == 0
    imports = (535 + 273 + 71) * 1e3 / 0.65 * 0.34  # three countries are 65 % of four alloys, ferro-silicon 34 % of these
    bought = moved["EU27"].drop("EU27")
    assert bought.sum() == pytest.approx(imports, rel=1e-9)
    assert bought["ISL"] == 71_000
    assert bought["NOR"] == pytest.approx(535e3 * 220 / (220 + 328 + 280), rel=1e-9)
    assert moved.loc["BRA", "USA"] == 31_000
    assert moved["USA"].drop("USA").sum() == pytest.approx(126e3 / 0.65, rel=1e-9)
    assert moved.loc["CHN"].drop("CHN").sum() == pytest.approx(425e3, rel=1e-9)
    others = use[["IND", "JPN", "KOR", "RUS", "BRA"]] / np.array([149.6, 84.0, 63.5, 70.7, 33.7])
    assert others.to_numpy() == pytest.approx(np.full(5, others["JPN"]), rel=1e-9)


def test_supply_and_use_balance(quantities: pd.DataFrame) -> None:
    moved = flows(quantities)
    assert (moved >= 0).all().all()
    assert np.abs(nodes(quantities, "output0") - moved.sum(axis=1)).max() < 1e-3
    assert np.abs(nodes(quantities, "final_demand0") - moved.sum(axis=0)).max() < 1e-3


def test_prices_follow_from_the_quotations() -> None:
    price = pd.read_csv(DATA / "prices.csv").set_index("region")["value"]
    assert price["EU27"] == pytest.approx(EU, abs=0.01)
    assert price["NOR"] == pytest.approx(EU - 40, abs=0.01) and price["KAZ"] == pytest.approx(EU - 90, abs=0.01)
    assert price["CHN"] == pytest.approx(883 / 1.13, abs=0.01) and price["RUS"] == pytest.approx(883 * 1.25, abs=0.01)
    assert price["USA"] == pytest.approx(1.3196 * 2204.62262185 * 0.75, abs=0.01)
    tax = pd.read_csv(DATA / "wedges.csv").set_index(["variable", "region"]).loc[("export_rate0", "CHN"), "value"]
    assert price["CHN"] * (1 + float(tax)) == pytest.approx(price["RUS"], rel=1e-4)


def test_every_figure_has_a_source_or_a_range_and_a_reason() -> None:
    known = set(pd.read_csv(DATA / "sources.csv", keep_default_na=False)["id"])
    for name in TABLES:
        table = pd.read_csv(DATA / f"{name}.csv", keep_default_na=False)
        assumed = table["source"] == "assumption"
        assert set(table.loc[~assumed, "source"]) <= known, name
        assert (table.loc[assumed, ["low", "high", "note"]] != "").all().all(), name
        assert (table[["unit", "year"]] != "").all().all(), name


@pytest.mark.parametrize("horizon", ["long", "short"])
def test_benchmark_is_an_equilibrium_and_found_again(horizon: str) -> None:
    market = fm.load_market("ferrosilicon", horizon=horizon)
    before = fm.solve(market)
    assert int(before.dataset["iterations"]) == 0
    price0, found = market.dataset["price0"].to_numpy(), before.dataset["price"].to_numpy()
    active = np.isfinite(found)
    assert found[active] == pytest.approx(price0[active], rel=1e-9)
    for seed in range(5):
        start = np.random.default_rng(seed).normal(0, 0.3, (1, int(active.sum())))
        again = fm.solve(market, start=start)
        assert int(again.dataset["iterations"]) > 0
        assert np.abs(again.dataset["price"].to_numpy()[active] / price0[active] - 1).max() < 1e-9


def test_cross_checks_set_other_sources_beside_ours() -> None:
    table = pd.read_csv(DATA / "cross_checks.csv").set_index(["figure", "region"])
    assert table["ratio"].to_numpy() == pytest.approx((table["ours"] / table["other"]).to_numpy(), abs=6e-4)
    ratio = table["ratio"]
    assert ratio["output", "RUS"] == pytest.approx(470e3 / 0.65 / 728_423, abs=1e-3)
    assert ratio["quota", "EU27"] == pytest.approx(0.75 * 71_000 / 53_060, abs=1e-3)
    assert ratio["import_share_nor_isl", "EU27"] == pytest.approx(1, abs=0.05)  # 47.4 % of four alloys
    assert ratio["own_share", "EU27"] == pytest.approx(1, abs=0.2)  # 24 % of four alloys


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (("silicon_content", "", ""), 3.0, "the output of NOR by"),
        (("imports_us", "USA", "USA"), 3e6, "the world makes"),
        (("shipped", "EU27", "RUS"), 900_000.0, "the output of RUS by"),
    ],
)
def test_figures_that_cannot_be_balanced_are_refused(key: tuple, value: float, words: str) -> None:
    figures = tonnes.read()
    rows = figures["production"].rows
    rows[key] = replace(rows[key], value=value)
    with pytest.raises(DataError, match=words):
        tonnes.quantities(figures)


def test_the_notes_agree_with_the_tables(quantities: pd.DataFrame) -> None:
    notes = tomllib.loads((DATA / "market.toml").read_text("utf-8"))["notes"]
    found = re.search(r"Norway's (\d+) kt", notes["trade"])
    assert found and int(found[1]) == round(flows(quantities).loc["NOR", "EU27"] / 1e3)
    found = re.search(r"by crude steel, ([\d.]+) kg a tonne", notes["use"])
    assert found and float(found[1]) == round(nodes(quantities, "final_demand0")["JPN"] / 84e6 * 1e3, 1)
