"""The cobalt market: rebuilt from its figures, balanced, sourced, and an equilibrium."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from calibration import cobalt
from calibration import cobalt_quantities as tonnes
from floormodel.errors import DataError
from floormodel.finance.project import load_projects
from floormodel.indicators.viability import PlantPrices, viability

DATA = Path(fm.__file__).parent / "data" / "cobalt"
TABLES = ("quantities", "prices", "wedges", "parameters", "latent")


@pytest.fixture(scope="module")
def quantities() -> pd.DataFrame:
    table = pd.read_csv(DATA / "quantities.csv", keep_default_na=False)
    return table.astype({"value": float})


def nodes(table: pd.DataFrame, variable: str, good: str) -> pd.Series:
    rows = table[(table["variable"] == variable) & (table["good"] == good)]
    return rows.set_index("region")["value"].reindex(tonnes.REGIONS, fill_value=0.0)


def flows(table: pd.DataFrame, good: str) -> pd.DataFrame:
    rows = table[(table["variable"] == "flow0") & (table["good"] == good)]
    matrix = rows.pivot(index="region", columns="partner", values="value")
    return matrix.reindex(index=tonnes.REGIONS, columns=tonnes.REGIONS).fillna(0.0)


def test_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    cobalt.build(tmp_path)
    written = sorted(p.name for p in tmp_path.iterdir())
    assert {f"{t}.csv" for t in TABLES} | {"market.toml", "sources.csv", "balance_report.csv"} <= set(written)
    for name in written:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


def test_reported_output_and_use_are_kept(quantities: pd.DataFrame) -> None:
    mined = nodes(quantities, "output0", "mined")
    usgs = {"COD": 226_000, "IDN": 35_000, "RUS": 8_000, "AUS": 4_780, "CUB": 3_450, "CAN": 3_350, "MDG": 3_100,
            "PHL": 3_100, "CHN": 2_000, "USA": 200}
    assert mined[list(usgs)].to_dict() == usgs
    assert mined["EU27"] == pytest.approx(7_780 * 1_008 / 6_328)  # Finland among the countries that are not listed
    assert mined.sum() == pytest.approx(301_590)
    scrap = nodes(quantities, "secondary0", "refined")
    refined = nodes(quantities, "output0", "refined") + scrap
    assert scrap["USA"] == 2_050
    assert refined.sum() - scrap["USA"] == pytest.approx(250_149.738, abs=0.01)
    assert refined[["CHN", "JPN", "IDN"]].to_numpy() == pytest.approx([196_143.357, 5_648.685, 2_874], abs=0.01)
    assert refined["CAN"] == pytest.approx(4_923)
    use = nodes(quantities, "final_demand0", "refined")
    assert use.sum() == pytest.approx(220_726.156, abs=0.01)
    assert use["CHN"] == pytest.approx(0.55 * 220_726.156, abs=0.01) and use["USA"] == 7_960
    assert nodes(quantities, "final_demand0", "mined").sum() == 0


def test_supply_use_and_stock_builds_balance(quantities: pd.DataFrame) -> None:
    per_tonne = float(quantities.loc[quantities["variable"] == "recipe", "value"].iloc[0])
    made = nodes(quantities, "output0", "refined")
    assert per_tonne == pytest.approx(1 / 0.96)
    for good, use in (("mined", per_tonne * made), ("refined", nodes(quantities, "final_demand0", "refined"))):
        supply = nodes(quantities, "output0", good) + nodes(quantities, "secondary0", good)
        stock, moved = nodes(quantities, "stock_change0", good), flows(quantities, good)
        scale = supply.max()
        assert np.abs(supply - stock - moved.sum(axis=1)).max() < 1e-9 * scale
        assert np.abs(use - moved.sum(axis=0)).max() < 1e-9 * scale
        assert (moved >= 0).all().all()
    build = nodes(quantities, "stock_change0", "mined")
    assert build.sum() == pytest.approx(301_590 - (250_149.738 - 10_600) / 0.96, abs=1)
    assert build["COD"] > 0.7 * build.sum() and (build >= 0).all()


def test_margins_are_positive_from_the_tables_alone(quantities: pd.DataFrame) -> None:
    price = pd.read_csv(DATA / "prices.csv").set_index(["good", "region"])["value"]
    gate = 11.84 * 2204.62262185
    assert price["mined", "COD"] == pytest.approx(0.65 * gate - 772, abs=0.01)
    assert price["refined", "JPN"] == pytest.approx(gate, abs=0.01)
    assert price["refined", "CHN"] == pytest.approx(gate / 1.13, abs=0.01)
    shares = flows(quantities, "mined")
    for region in nodes(quantities, "output0", "refined").loc[lambda out: out > 0].index:
        share = shares[region] / shares[region].sum()
        freight = pd.Series(0.04 * (0.65 * gate - 772), index=tonnes.REGIONS).where(lambda f: f.index != "COD", 772.0)
        freight[region] = 0.0
        ore = float((share * (price["mined", "COD"] + freight)).sum())
        assert price["refined", region] - ore / 0.96 > 4_000, region


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
    market = fm.load_market("cobalt", horizon=horizon)
    before = fm.solve(market)
    assert int(before.dataset["iterations"]) == 0
    price0 = market.dataset["price0"].to_numpy()
    active = np.isfinite(before.dataset["price"].to_numpy())
    assert before.dataset["price"].to_numpy()[active] == pytest.approx(price0[active], rel=1e-9)
    assert active[1, tonnes.AT["USA"]] and not active[0, tonnes.AT["JPN"]]
    for seed in range(20):
        start = np.random.default_rng(seed).normal(0, 0.3, (1, int(active.sum())))
        found = fm.solve(market, start=start)
        assert int(found.dataset["iterations"]) > 0
        assert np.abs(found.dataset["price"].to_numpy()[active] / price0[active] - 1).max() < 1e-9


def test_identities_hold_under_a_floor_and_a_quota() -> None:
    market = fm.load_market("cobalt")
    floor = fm.PriceFloor(good="refined", members=market.bloc("allies"), price=36_000)
    quota = fm.ExportQuota(good="mined", exporter="COD", quota=150_000)
    for policies in ([floor], [quota], [floor, quota]):
        found = fm.solve(market, policies)
        assert bool(found.dataset["converged"])
        assert max(found.identities().values()) < 1e-8
    exports = found.dataset["flow"].sel(good="mined", origin="COD").sum() - found.dataset["flow"].sel(
        good="mined", origin="COD", destination="COD")
    assert float(exports) == pytest.approx(150_000, rel=1e-8)


def test_a_refinery_may_enter_in_the_united_states() -> None:
    market = fm.load_market("cobalt")
    floor = fm.PriceFloor(good="refined", members=["USA", "EU27", "JPN", "KOR"], price=45_000)
    without, opened = (fm.solve(m, [floor]) for m in (market, market.open_projects("all")))
    entry = float(opened.dataset["output"].sel(good="refined", region="USA"))
    assert float(without.dataset["output"].sel(good="refined", region="USA")) == 0
    assert 100 < entry <= 3_000


def test_balance_report_names_every_shipment_and_how_far_it_moved(quantities: pd.DataFrame) -> None:
    report = pd.read_csv(DATA / "balance_report.csv").set_index("figure")
    shipped = quantities[quantities["variable"] == "flow0"]
    for row in shipped.itertuples():
        told = report.loc[f"flow0[{row.good}, {row.region}, {row.partner}]", "balanced"]
        assert told == pytest.approx(row.value, abs=2e-3)
    told = report[report["reported"] > 1]
    assert told["relative_move"].to_numpy() == pytest.approx(told["balanced"] / told["reported"] - 1, abs=2e-4)
    china = report.loc["final_demand0[refined, CHN]"]
    assert china["reported"] > 1.4 * china["balanced"]  # why trade-based consumption is not used


def test_cross_checks_set_other_sources_beside_ours() -> None:
    table = pd.read_csv(DATA / "cross_checks.csv")
    assert table["ratio"].to_numpy() == pytest.approx(table["ours"] / table["other"], abs=6e-4)
    congo = table[(table["figure"] == "mined") & (table["region"] == "COD")].set_index("compared_with")["ratio"]
    assert congo["IEA"] == pytest.approx(226_000 / 181_796.16, abs=1e-3)
    assert congo["wmd2026"] == pytest.approx(226_000 / 200_253, abs=1e-3)
    assert {"mined_world", "refined_world", "demand_world", "surplus", "ore_price"} <= set(table["figure"])


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (("recovery", "", ""), 0.5, "need"),
        (("refined_other", "CAN", "CAN"), 90_000, "the world"),
        (("demand_share", "CHN"), 0.99, "demand_share"),
    ],
)
def test_figures_that_cannot_be_balanced_are_refused(key: tuple, value: float, words: str) -> None:
    figures = tonnes.read()
    rows = figures["production"].rows
    found = next(k for k in rows if k[: len(key)] == key)
    rows[found] = replace(rows[found], value=value)
    with pytest.raises(DataError, match=words):
        tonnes.quantities(figures)


def note(name: str, pattern: str) -> list[float]:
    text = tomllib.loads((DATA / "market.toml").read_text("utf-8"))["notes"][name]
    found = re.search(pattern, text)
    assert found, (pattern, text)
    return [float(number) for number in found.groups()]


def test_the_notes_say_what_a_quota_does_and_how_large_the_stock_build_is(quantities: pd.DataFrame) -> None:
    build = sum(nodes(quantities, "stock_change0", good).sum() for good in ("mined", "refined"))
    shipped = flows(quantities, "mined").loc["COD"].drop("COD").sum()
    assert note("quota", r"(\d+) kt of stock builds are ([\d.]+) times") == [round(build / 1e3), round(build / 36e3, 1)]
    assert note("quota", r"below about 150 kt \(it shipped (\d+) kt\)") == [round(shipped / 1e3)]
    market = fm.load_market("cobalt", horizon="short")
    before = float(market.dataset["price0"].sel(good="refined", region="CHN"))
    times = []
    for quota in note("quota", r"a quota of (\d+) kt doubles the price of refined cobalt in China, one of (\d+) kt"):
        run = fm.solve(market, [fm.ExportQuota(good="mined", exporter="COD", quota=quota * 1e3)])
        assert run.converged.all()
        times.append(float(run.dataset["price"].sel(good="refined", region="CHN")) / before)
    assert [round(t) for t in times] == [2, 6]  # "doubles", "six times as high"


def test_the_latent_refinery_costs_what_the_representative_one_needs_and_the_notes_say_what_it_makes() -> None:
    market, plant = fm.load_market("cobalt").open_projects("all"), load_projects("cobalt")["cobalt_refinery"]
    figures = market.dataset.sel(region="USA")
    ore = float(market.dataset["price0"].sel(good="mined", region="COD")) / 0.96
    cost = float(figures["latent_unit_cost"].sel(good="refined"))
    worth = viability(plant, PlantPrices(cost + ore, ore)).npv
    assert abs(float(worth[0])) < 1e-3 * plant.capex  # whole dollars per tonne
    made = float(fm.solve(market).dataset["output"].sel(good="refined", region="USA"))
    full = float(figures["latent_capacity"].sel(good="refined"))
    assert note("latent", r"runs at (\d+) %") == [round(100 * made / full)]
