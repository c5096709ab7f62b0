"""The nickel market and its deck of 2019: rebuilt from their figures, balanced, sourced, and equilibria."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from calibration import nickel
from calibration import nickel_quantities as tonnes
from floormodel.errors import DataError

DATA = Path(fm.__file__).parent / "data" / "nickel"
TABLES = ("quantities", "prices", "wedges", "parameters", "benchmark_2019", "benchmark_2019_entry")
YEARS = {"2024": "quantities", "2019": "benchmark_2019"}
METAL = {"2024": 16_813.96, "2019": 13_913.91}  # World Bank, mean of twelve months


@pytest.fixture(scope="module", params=YEARS)
def year(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / f"{name}.csv", keep_default_na=False).astype({"value": float})


def nodes(figures: pd.DataFrame, variable: str, good: str) -> pd.Series:
    rows = figures[(figures["variable"] == variable) & (figures["good"] == good)]
    return rows.set_index("region")["value"].reindex(tonnes.REGIONS, fill_value=0.0)


def flows(figures: pd.DataFrame, good: str) -> pd.DataFrame:
    rows = figures[(figures["variable"] == "flow0") & (figures["good"] == good)]
    matrix = rows.pivot(index="region", columns="partner", values="value")
    return matrix.reindex(index=tonnes.REGIONS, columns=tonnes.REGIONS).fillna(0.0)


def test_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    nickel.build(tmp_path)
    written = sorted(p.name for p in tmp_path.iterdir())
    assert {f"{t}.csv" for t in TABLES} | {"market.toml", "sources.csv", "balance_report.csv", "balance_report_2019.csv"} <= set(written)
    for name in written:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


def test_reported_output_and_use_are_kept() -> None:
    figures = table("quantities")
    mined, refined, use = (nodes(figures, *key) for key in (("output0", "mined"), ("output0", "refined"), ("final_demand0", "refined")))
    wmd = {"IDN": 2_300_000, "PHL": 354_132, "CHN": 110_600, "RUS": 217_000, "CAN": 132_429, "AUS": 99_065, "NCL": 115_510,
           "BRA": 67_482, "USA": 7_486, "NOR": 260, "EU27": 41_958 + 710}
    assert mined[list(wmd)].to_dict() == wmd and mined.sum() == 3_699_741  # the printed world total
    iea = {"IDN": 1_493_200, "CHN": 1_091_077, "AUS": 80_000, "RUS": 126_000, "CAN": 113_100}
    assert refined[list(iea)].to_numpy() == pytest.approx(list(iea.values()))
    assert refined.sum() == pytest.approx(3_483_697)  # the printed world total, which holds Canada once
    # Japan: its part of 518,320 t by the BGS's 2023 output of the countries that the IEA does not list, 581,687 t
    assert refined["JPN"] == pytest.approx(518_320 * 111_800 / 581_687, rel=1e-6)
    assert use.sum() == pytest.approx(3_371_094) and use["CHN"] == pytest.approx(0.638 * 3_371_094) and use["USA"] == 90_300


def test_reported_output_and_use_of_2019_are_kept() -> None:
    figures = table("benchmark_2019")
    mined, refined, use = (nodes(figures, *key) for key in (("output0", "mined"), ("output0", "refined"), ("final_demand0", "refined")))
    assert mined["IDN"] == 800_000  # the Geological Agency; every other country World Mining Data
    assert mined.sum() == pytest.approx(2_690_477 - 1_036_200 + 800_000)
    bgs = {"IDN": 409_000, "CHN": 806_000, "RUS": 166_300, "CAN": 124_736, "JPN": 182_652, "NOR": 92_132, "NCL": 87_921}
    assert refined[list(bgs)].to_dict() == bgs
    assert use["IDN"] == 175_000 and use["USA"] == 110_000 and use["CHN"] == pytest.approx(0.54 * 2_439_024)


def test_supply_use_and_stock_changes_balance(year: str) -> None:
    figures = table(YEARS[year])
    made = nodes(figures, "output0", "refined")
    for good, use in (("mined", made / 0.95), ("refined", nodes(figures, "final_demand0", "refined"))):
        supply, stock = (nodes(figures, name, good) for name in ("output0", "stock_change0"))
        moved = flows(figures, good)
        assert np.abs(supply - stock - moved.sum(axis=1)).max() < 1e-9 * supply.max()
        assert np.abs(use - moved.sum(axis=0)).max() < 1e-9 * supply.max()
        assert (moved >= 0).all().all()
        assert stock.to_numpy() == pytest.approx((supply * (1 - use.sum() / supply.sum())).to_numpy())


def test_prices_and_margins_from_the_tables_alone(year: str) -> None:
    figures = table(YEARS[year])
    price = table({"2024": "prices"}.get(year, YEARS[year]))
    price = price[price["variable"] == "price0"].set_index(["good", "region"])["value"]
    assert price["refined", "CAN"] == METAL[year]
    assert price["mined", "CAN"] == pytest.approx(0.7 * METAL[year], abs=0.01)
    assert price["refined", "IDN"] == pytest.approx(METAL[year] * {"2024": 1 - 0.91 * 0.22, "2019": 0.95}[year], abs=0.01)
    trade = pd.read_csv(Path(nickel.FOLDER) / f"trade_{year}.csv")
    laterite = trade[trade["code"] == "laterite"].pivot(index=["region", "partner"], columns="measure", values="value")
    content = np.where(laterite.index.get_level_values("region") == "NCL", 0.0125, 0.0098)
    ore = 1e3 * laterite["value"].sum() / (laterite["quantity"] * content).sum()
    assert price["mined", "IDN"] == pytest.approx(ore, abs=0.01)
    shares = flows(figures, "mined")
    for region in nodes(figures, "output0", "refined").loc[lambda out: out > 0].index:
        freight = pd.Series(0.15 * ore, index=tonnes.REGIONS).where(lambda f: f.index != region, 0.0)  # noqa: B023
        cost = float((shares[region] / shares[region].sum() * (price["mined"][tonnes.REGIONS] + freight)).sum())
        assert 0.93 * price["refined", region] - cost / 0.95 > 2_000, region


def test_every_figure_has_a_source_or_a_range_and_a_reason() -> None:
    known = set(pd.read_csv(DATA / "sources.csv", keep_default_na=False)["id"])
    for name in TABLES:
        figures = pd.read_csv(DATA / f"{name}.csv", keep_default_na=False)
        assumed = figures["source"] == "assumption"
        assert set(figures.loc[~assumed, "source"]) <= known, name
        assert (figures.loc[assumed, ["low", "high", "note"]] != "").all().all(), name
        assert (figures[["unit", "year"]] != "").all().all(), name


@pytest.mark.parametrize("deck", [None, "2019", "2019_entry"])
@pytest.mark.parametrize("horizon", ["long", "short"])
def test_benchmark_is_an_equilibrium_and_found_again(horizon: str, deck: str | None) -> None:
    market = fm.load_market("nickel", horizon=horizon, deck=deck)
    assert market.year == (2024 if deck is None else 2019)
    before = fm.solve(market)
    assert int(before.dataset["iterations"]) == 0
    price0 = market.dataset["price0"].to_numpy()
    active = np.isfinite(before.dataset["price"].to_numpy())
    assert before.dataset["price"].to_numpy()[active] == pytest.approx(price0[active], rel=1e-9)
    assert active[1, tonnes.AT["JPN"]] and not active[0, tonnes.AT["JPN"]] and not active[1, tonnes.AT["USA"]]
    for seed in range(5):
        found = fm.solve(market, start=np.random.default_rng(seed).normal(0, 0.3, (1, int(active.sum()))))
        assert int(found.dataset["iterations"]) > 0
        assert np.abs(found.dataset["price"].to_numpy()[active] / price0[active] - 1).max() < 1e-9


def test_a_deck_leaves_nothing_of_the_other_year() -> None:
    later, before = table("quantities"), fm.load_market("nickel", deck="2019")
    rows = later[(later["variable"] == "flow0") & (later["good"] == "mined")]
    only_later = [(r.region, r.partner) for r in rows.itertuples() if flows(table("benchmark_2019"), "mined").loc[r.region, r.partner] == 0]
    assert len(only_later) > 3  # Brazil to Finland, for one
    for origin, target in only_later:
        assert float(before.dataset["flow0"].sel(good="mined", origin=origin, destination=target)) == 0


def test_identities_hold_under_a_ban_and_a_floor() -> None:
    market = fm.load_market("nickel", deck="2019")
    ban = fm.ExportQuota(good="mined", exporter="IDN", quota=0)
    floor = fm.PriceFloor(good="refined", members=market.bloc("allies"), price=20_000)
    for policies in ([ban], [floor], [ban, floor]):
        found = fm.solve(market, policies)
        assert bool(found.dataset["converged"])
        assert max(found.identities().values()) < 1e-8
    kept = found.dataset["flow"].sel(good="mined", origin="IDN", destination="IDN")
    assert float(found.dataset["flow"].sel(good="mined", origin="IDN").sum() - kept) == pytest.approx(0, abs=1e-3)


def test_balance_report_names_every_shipment_and_how_far_it_moved(year: str) -> None:
    report = pd.read_csv(DATA / f"balance_report{'' if year == '2024' else '_2019'}.csv").set_index("figure")
    figures = table(YEARS[year])
    for row in figures[(figures["variable"] == "flow0") & (figures["value"] > 0)].itertuples():
        assert report.loc[f"flow0[{row.good}, {row.region}, {row.partner}]", "balanced"] == pytest.approx(row.value, abs=2e-3)
    told = report[report["reported"] > 1]
    assert told["relative_move"].to_numpy() == pytest.approx(told["balanced"] / told["reported"] - 1, abs=2e-4)
    assert set(report[report["why"] == "kept"]["relative_move"]) == {0.0}


def test_cross_checks_set_other_sources_beside_ours() -> None:
    for name in ("cross_checks", "cross_checks_2019"):
        checks = pd.read_csv(DATA / f"{name}.csv")
        assert checks["ratio"].to_numpy() == pytest.approx(checks["ours"] / checks["other"], abs=6e-4)
    indonesia = checks[(checks["figure"] == "mined") & (checks["region"] == "IDN")].set_index("compared_with")["ratio"]
    assert indonesia["WMD"] == pytest.approx(800_000 / 1_036_200, abs=1e-3)
    assert indonesia["BGS"] == pytest.approx(800_000 / 1_158_015, abs=1e-3)


@pytest.mark.parametrize(("key", "value", "words"), [
    (("demand_share", "CHN"), 0.99, "demand_share"), (("recovery", "", ""), 0.5, "mined output .* check recovery"),
    (("demand_world", "", ""), 3_000_000, "refined output"),
])
def test_figures_that_cannot_be_balanced_are_refused(key: tuple, value: float, words: str) -> None:
    figures = tonnes.read("2024")
    rows = figures["production"].rows
    found = next(k for k in rows if k[: len(key)] == key)
    rows[found] = replace(rows[found], value=value)
    with pytest.raises(DataError, match=words):
        tonnes.quantities(figures, "2024")


def note(name: str, pattern: str) -> list[float]:
    text = tomllib.loads((DATA / "market.toml").read_text("utf-8"))["notes"][name]
    found = re.search(pattern, text)
    assert found, (pattern, text)
    return [float(number.replace(",", "")) for number in found.groups()]


def test_the_notes_say_what_the_tables_hold() -> None:
    later, before = table("quantities"), table("benchmark_2019")
    ore = {name: flows(figures, "mined") for name, figures in (("2024", later), ("2019", before))}
    shipped = ore["2024"].loc["IDN"].drop("IDN").sum()
    price = table("prices").set_index(["good", "region"])["value"]
    missing = shipped * (0.7 * METAL["2024"] - price["mined", "IDN"]) / 1e9
    assert note("intermediates", r"in 2024, (\d+) kt, .* so ([\d.]+) billion") == [round(shipped / 1e3), round(missing, 1)]
    taken = [nodes(figures, "stock_change0", good).sum() / 1e3 for figures, good in (
        (later, "mined"), (before, "mined"), (later, "refined"))]
    assert note("stock", r"took (\d+) kt less ore than was mined in 2024 and (\d+) kt more in 2019") == [round(taken[0]), round(-taken[1])]
    assert note("stock", r"exceeded use by (\d+) kt") == [round(taken[2])]
    # what Indonesia needed in 2019: refineries, matte of 71.4 kt, 23.9 to 27.97 Mt of ore to China and 0.92 Mt elsewhere
    need = 409_000 / 0.95 + 71_400 + 0.0098 * (0.5 * (23.9e6 + 27.97e6) + 0.92e6)
    assert note("production", r"add up to about (\d+) kt") == [pytest.approx(need / 1e3, abs=30)]
    assert note("trade", r"2019 is (\d+) % above") == [pytest.approx(100 * (ore["2019"].loc["IDN", "CHN"] / (23.9e6 * 0.0098) - 1), abs=3)]
    cut = 1 - ore["2024"].loc["PHL", "CHN"] / (34_655_150 * 0.0098)
    assert cut == pytest.approx(0.25, abs=0.02)  # "cut by a quarter"
