"""The shipped rare earths tables, read as plain text: balance, margins, sources, ranges, and totals of the sources."""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

import floormodel as fm
from floormodel.finance.project import load_projects
from floormodel.indicators.viability import PlantPrices, viability
from floormodel.schema import STORED

FOLDER = Path(__file__).parents[1] / "src" / "floormodel" / "data" / "rare_earths"
HEAD = tomllib.loads((FOLDER / "market.toml").read_text("utf-8"))
GOODS, REGIONS = HEAD["goods"], HEAD["regions"]
DECKS = HEAD["decks"]
TABLES = [*HEAD["tables"], *DECKS.values()]
BLOC = HEAD["blocs"]["allies"]
COLUMNS = ["variable", "good", "region", "partner", "value", "unit", "low", "high", "year", "source", "note"]
OXIDE = 1.166  # t of oxide per t of neodymium


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def figures(*names: str) -> dict[str, dict[tuple[str, str, str], float]]:
    out: dict[str, dict[tuple[str, str, str], float]] = defaultdict(dict)
    for name in names or HEAD["tables"]:
        for row in rows(name):
            out[row["variable"]][row["good"], row["region"], row["partner"]] = float(row["value"])
    return out


def with_deck(deck: str | None) -> dict[str, dict[tuple[str, str, str], float]]:
    return figures(*HEAD["tables"], *([DECKS[deck]] if deck else []))


def total(cells: dict[tuple[str, str, str], float], good: str, place: int | None = None, region: str = "") -> float:
    return sum(v for k, v in cells.items() if k[0] == good and (place is None or k[place] == region))


def recipe(f: dict[str, dict[tuple[str, str, str], float]], good: str, made_from: str) -> float:
    return f["recipe"].get((good, "", made_from), 0.0)


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_known_labels_a_unit_a_year_a_source_and_a_range_that_holds_it(name: str) -> None:
    sources = {row["id"] for row in rows("sources.csv")}
    table = rows(name)
    assert list(table[0]) == COLUMNS
    keys = [(r["variable"], r["good"], r["region"], r["partner"]) for r in table]
    assert len(keys) == len(set(keys))
    for row in table:
        assert row["variable"] in STORED and row["good"] in GOODS, row
        assert {row["region"], row["partner"]} <= {*REGIONS, *GOODS, "*", ""}, row
        assert row["unit"] and row["year"].isdigit(), row
        assert row["source"] in sources | {"assumption"}, row
        assert (row["low"] == "") == (row["high"] == ""), row
        if row["low"]:
            assert float(row["low"]) <= float(row["value"]) <= float(row["high"]), row
        if row["source"] == "assumption":
            assert row["low"] and row["note"], row


def test_every_source_says_where_it_is_and_how_it_may_be_used() -> None:
    for row in rows("sources.csv"):
        assert row["title"] and row["publisher"] and row["year"].isdigit() and row["address"] and row["licence"], row


@pytest.mark.parametrize("variable", sorted(n for n, v in STORED.items() if v.uncertain and not n.startswith("latent")))
def test_parameters_that_are_drawn_have_ranges(variable: str) -> None:
    found = [row for name in HEAD["tables"] for row in rows(name) if row["variable"] == variable]
    assert found and all(row["low"] and row["high"] for row in found)


@pytest.mark.parametrize("deck", [None, *DECKS])
@pytest.mark.parametrize("good", GOODS)
@pytest.mark.parametrize("region", REGIONS)
def test_supply_and_use_balance(good: str, region: str, deck: str | None) -> None:
    f = with_deck(deck)
    key = (good, region, "")
    made = f["output0"].get(key, 0) + f["secondary0"].get(key, 0) - f["stock_change0"].get(key, 0)
    assert total(f["flow0"], good, 1, region) == pytest.approx(made, rel=1e-9)
    input_use = sum(recipe(f, g, good) * f["output0"].get((g, region, ""), 0) for g in GOODS)
    used = f["final_demand0"].get(key, 0) + input_use
    assert total(f["flow0"], good, 2, region) == pytest.approx(used, rel=1e-9)


def test_world_totals_are_those_of_the_energy_agency() -> None:
    f = figures()
    assert total(f["output0"], "mined") == pytest.approx(75_098.79032554381 * OXIDE, rel=1e-9)
    refined = total(f["output0"], "ndpr_oxide") + total(f["secondary0"], "ndpr_oxide")
    assert refined == pytest.approx(80_805.12702814008 * OXIDE, rel=1e-9)
    assert f["output0"]["mined", "CHN", ""] == pytest.approx(45_787.35 * OXIDE, rel=1e-9)


def test_recycled_oxide_is_within_what_china_recycled() -> None:
    assert 0 < figures()["secondary0"]["ndpr_oxide", "CHN", ""] < 26_504 + 710 + 160


def test_magnets_agree_with_the_shares_and_totals_of_secondary_sources() -> None:
    f = figures()
    world = total(f["output0"], "magnet")
    assert 220_000 <= world <= 240_000
    assert 0.85 <= f["output0"]["magnet", "CHN", ""] / world <= 0.92
    assert f["output0"]["magnet", "JPN", ""] / world == pytest.approx(0.06)
    exports = total(f["flow0"], "magnet", 1, "CHN") - f["flow0"]["magnet", "CHN", "CHN"]
    assert exports == pytest.approx(58_152, rel=0.1)


def landed(f: dict[str, dict[tuple[str, str, str], float]], good: str, origin: str, target: str) -> float:
    def route(variable: str) -> float:
        cells = f[variable]
        if origin == target:
            return 0.0
        chosen = [(good, origin, target), (good, origin, "*"), (good, "*", target), (good, "*", "*")]
        return next((cells[k] for k in chosen if k in cells), 0.0)

    border = f["price0"][good, origin, ""] * (1 + route("export_rate0")) + route("freight")
    return border * (1 + route("import_rate0"))


@pytest.mark.parametrize("deck", [None, *DECKS])
def test_every_maker_has_a_positive_margin(deck: str | None) -> None:
    f = with_deck(deck)
    paid: dict[tuple[str, str], float] = {}
    for good in GOODS:
        for region in REGIONS:
            bought = {k[1]: v for k, v in f["flow0"].items() if k[0] == good and k[2] == region}
            if bought:
                cost = sum(v * landed(f, good, origin, region) for origin, v in bought.items())
                paid[good, region] = cost / sum(bought.values())
    for good, region, _ in f["output0"]:
        kept = f["price0"][good, region, ""] * (1 - f["royalty0"].get((good, region, ""), 0))
        margin = kept - sum(recipe(f, good, h) * paid[h, region] for h in GOODS if recipe(f, good, h) > 0)
        assert margin > 0.1 * kept, (good, region)


def test_china_pays_less_for_oxide_than_it_asks_abroad() -> None:
    f = figures()
    assert f["price0"]["ndpr_oxide", "USA", ""] == 55_000
    freight = f["freight"]["ndpr_oxide", "*", "*"]
    assert landed(f, "ndpr_oxide", "CHN", "JPN") == pytest.approx(55_000 + freight, rel=1e-6)
    assert f["price0"]["ndpr_oxide", "CHN", ""] == pytest.approx(55_000 / 1.13, rel=1e-6)
    assert figures("prices_2025.csv")["price0"]["ndpr_oxide", "USA", ""] == 69_000


def test_latent_plants_stand_where_nothing_is_made_and_can_buy_their_input() -> None:
    f = figures()
    plants = list(f["latent_capacity"])
    assert {(g, r) for g, r, _ in plants} == {("ndpr_oxide", "EU27"), ("ndpr_oxide", "JPN"), ("ndpr_oxide", "KOR"),
                                              ("ndpr_oxide", "AUS"), ("magnet", "USA")}
    for good, region, _ in plants:
        assert (good, region, "") not in f["output0"] and f["latent_unit_cost"][good, region, ""] > 0
        source = GOODS[GOODS.index(good) - 1]
        weights = [v for k, v in f["route_weight"].items() if k[0] == source and k[2] == region]
        bought = [v for k, v in f["flow0"].items() if k[0] == source and k[2] == region]
        assert bought or sum(weights) == pytest.approx(1), (good, region)
        assert any(k[:2] == (good, region) and v > 0 for k, v in f["latent_route_weight"].items())


def test_a_latent_plant_enters_where_the_representative_plant_just_pays() -> None:
    f, plants = figures(), load_projects("rare_earths")
    oxide = f["price0"]["ndpr_oxide", "USA", ""]
    inputs = {"ndpr_oxide": f["price0"]["mined", "AUS", ""] * recipe(f, "ndpr_oxide", "mined"),
              "magnet": oxide * recipe(f, "magnet", "ndpr_oxide")}
    for good, name in (("ndpr_oxide", "ndpr_refinery"), ("magnet", "magnet_plant")):
        cost = next(v for k, v in f["latent_unit_cost"].items() if k[0] == good)
        worth = viability(plants[name], PlantPrices(cost + inputs[good], inputs[good])).npv
        assert abs(float(worth[0])) < 1e-4 * plants[name].capex  # whole dollars per tonne


def test_a_latent_plant_outside_the_bloc_can_sell_to_every_user_of_oxide() -> None:
    f = figures()
    users = {k[2] for k in f["flow0"] if k[0] == "ndpr_oxide"}
    assert {k[2] for k in f["latent_route_weight"] if k[:2] == ("ndpr_oxide", "AUS")} == users
    market = fm.load_market("rare_earths").open_projects("all")
    floor = fm.PriceFloor(good="ndpr_oxide", members=market.bloc("allies"), price=110_000)
    price = fm.solve(market, [floor]).dataset["price"].sel(good="ndpr_oxide")
    assert float(price.sel(region="AUS")) > float(price.sel(region="ROW"))  # it keeps a market, at least as others do


def test_no_region_without_a_refinery_buys_ore() -> None:
    f = figures()
    buyers = {k[2] for k in f["flow0"] if k[0] == "mined"}
    assert buyers == {k[1] for k in f["output0"] if k[0] == "ndpr_oxide"}


def test_opened_plants_stay_near_idle_at_benchmark_prices() -> None:
    market = fm.load_market("rare_earths").open_projects("all")
    output = fm.solve(market).dataset["output"]
    for good, region in market.opened:
        capacity = float(market.dataset["latent_capacity"].sel(good=good, region=region))
        world = float(output.sel(good=good).sum())
        made = float(output.sel(good=good, region=region))
        assert 0 < made < min(0.2 * capacity, 0.003 * world), (good, region, made)


@pytest.mark.parametrize("horizon", ["short", "long"])
@pytest.mark.parametrize("deck", [None, *DECKS])
def test_the_market_loads(horizon: str, deck: str | None) -> None:
    market = fm.load_market("rare_earths", horizon, deck)
    assert market.goods == GOODS and market.regions == REGIONS
    assert set(market.bloc("allies")) == {"USA", "EU27", "JPN", "KOR"}
