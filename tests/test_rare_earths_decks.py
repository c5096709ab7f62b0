"""The structural variants of the rare earths market, and what its notes say of the benchmark in numbers."""

from __future__ import annotations

import csv
import re
import tomllib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from calibration.figures import Figure, Table
from calibration.rare_earths import BLOC
from calibration.rare_earths_decks import customs_quantities, unit_value_ratio
from calibration.rare_earths_quantities import AT, FOLDER, REGIONS, Quantities, quantities, read

DATA = Path(fm.__file__).parent / "data" / "rare_earths"
HEAD = tomllib.loads((DATA / "market.toml").read_text("utf-8"))
OXIDE, MAGNET, CHINA = 1, 2, AT["CHN"]
MEMBERS = [AT[r] for r in BLOC]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def balanced() -> Quantities:
    return quantities(read())


@pytest.fixture(scope="module")
def customs(balanced: Quantities) -> Quantities:
    return customs_quantities(balanced, BLOC)


def test_customs_trade_keeps_what_china_ships_to_the_bloc_by_customs(balanced: Quantities, customs: Quantities) -> None:
    kept = customs.flow[OXIDE][CHINA, MEMBERS]
    assert kept == pytest.approx(balanced.prior[OXIDE][CHINA, MEMBERS], rel=1e-12)
    assert kept.sum() > 1.8 * balanced.flow[OXIDE][CHINA, MEMBERS].sum()
    share = kept.sum() / customs.flow[OXIDE][:, MEMBERS].sum()
    assert 0.5 < share < 0.6  # customs before balancing: 55 to 59 %, without and with what is sold at home


def test_customs_trade_keeps_oxide_output_and_moves_only_chinas_magnets_at_home(
        balanced: Quantities, customs: Quantities) -> None:
    for name in ("output", "secondary", "stock", "demand"):
        before, after = (getattr(q, name) for q in (balanced, customs))
        changed = {(int(g), REGIONS[r]) for g, r in np.argwhere(before != after)}
        assert changed == {"output": {(MAGNET, "CHN")}, "demand": {(OXIDE, "USA"), (MAGNET, "CHN")}}.get(name, set())
    oxide = customs.demand[OXIDE, AT["USA"]] - balanced.demand[OXIDE, AT["USA"]]
    fewer = balanced.output[MAGNET, CHINA] - customs.output[MAGNET, CHINA]
    assert oxide == pytest.approx(0.39 * fewer, rel=1e-9) and oxide > 0
    shipped = customs.flow[MAGNET] != balanced.flow[MAGNET]
    assert shipped.sum() == 1 and shipped[CHINA, CHINA]


def test_the_shipments_that_are_not_kept_have_the_odds_ratios_of_the_prior(
        balanced: Quantities, customs: Quantities) -> None:
    prior, out = balanced.prior[OXIDE], customs.flow[OXIDE]
    usa, mys, ind = AT["USA"], AT["MYS"], AT["IND"]
    japan, vietnam, china = AT["JPN"], AT["VNM"], CHINA
    for o, d in ((usa, mys), (mys, ind)):
        for one, two in ((japan, vietnam), (vietnam, china)):
            before, after = (x[o, one] * x[d, two] / (x[o, two] * x[d, one]) for x in (prior, out))
            assert after == pytest.approx(before, rel=1e-6)


def test_the_deck_writes_every_cell_that_differs_and_no_other() -> None:
    base, deck = (fm.load_market("rare_earths", deck=d).dataset for d in (None, "customs_trade"))
    written: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in rows(DATA / "customs_trade.csv"):
        written[row["variable"]].add(tuple(filter(None, (row["good"], row["region"], row["partner"]))))
        assert row["note"]
    for name in base:
        differs = base[name].to_series().dropna().ne(deck[name].to_series().dropna())
        assert written.get(str(name), set()) == set(differs.index[differs]), name


def test_premia_are_the_ratios_of_export_unit_values() -> None:
    prices = {r["region"]: float(r["value"]) for r in rows(DATA / "magnet_premia.csv")}
    # BACI, HS 850511, 2024, sales outside the region, kUSD and t: China 3 107 825 for 136 931, Japan 423 271 for 10 704,
    # Korea 30 440 for 970, EU27 95 709 for 2 048
    china = 3_107_825 / 136_931
    for maker, value, tonnes in (("JPN", 423_271, 10_704), ("KOR", 30_440, 970), ("EU27", 95_709, 2_048)):
        assert prices.pop(maker) == pytest.approx(49_200 * value / tonnes / china, rel=1e-4)
    assert not prices
    base, deck = (fm.load_market("rare_earths", deck=d).dataset for d in (None, "magnet_premia"))
    for name in base:
        if name != "price0":
            np.testing.assert_array_equal(base[name].values, deck[name].values)
    same = base["price0"].values == deck["price0"].values
    assert (~same).sum() == 3


def test_a_unit_value_ratio_is_free_of_size() -> None:
    numbers = {("CHN", "value"): 200.0, ("CHN", "tonnes"): 100.0, ("JPN", "value"): 9.0, ("JPN", "tonnes"): 3.0}
    table = Table("p", {(f"magnet_export_{what}", maker, buyers): Figure(v, "u", v, v, "2024", "s", "")
                        for (maker, what), v in numbers.items() for buyers in ("", "bloc")})
    assert unit_value_ratio(table, "JPN", "bloc") == pytest.approx(1.5)


def test_export_values_of_makers_are_those_of_the_trade_table() -> None:
    sold: dict[str, float] = defaultdict(float)
    for row in rows(FOLDER / "trade.csv"):
        if row["code"] == "magnets":
            sold[row["region"]] += float(row["value"])
    for row in rows(FOLDER / "prices.csv"):
        if row["figure"] == "magnet_export_value" and not row["partner"]:
            assert sold[row["region"]] == pytest.approx(float(row["value"]), rel=0.01)  # it leaves small flows out


def test_magnet_demand_may_be_far_less_elastic_than_the_arcs_of_oxide_say() -> None:
    found = {r["variable"]: r for r in rows(DATA / "parameters.csv") if r["good"] == "magnet"}
    long, short = (found[f"demand_elasticity_{h}"] for h in ("long", "short"))
    share = 0.39 * 55 / 49.2
    for row, oxide in ((long, 0.5), (short, 0.1)):
        assert float(row["value"]) == pytest.approx(oxide / share, abs=1e-3)
        assert float(row["low"]) == pytest.approx(0.1)
    assert float(long["high"]) == pytest.approx(0.7 / share, abs=1e-3)


def percent(pattern: str, note: str) -> list[float]:
    found = re.search(pattern, HEAD["notes"][note])
    assert found, (pattern, note)
    return [float(text.replace(" ", "")) for text in found.groups()]


def test_the_notes_give_the_shares_that_the_figures_give(balanced: Quantities, customs: Quantities) -> None:
    flow, prior = balanced.flow[OXIDE], balanced.prior[OXIDE]
    exports = flow[CHINA].sum() - flow[CHINA, CHINA]
    of_exports = 0.01 * balanced.output[MAGNET, CHINA] * balanced.oxide_per_magnet / exports
    assert percent(r"takes (\d+) % of the oxide", "residual") == [round(100 * of_exports)]
    shares = [round(100 * x[CHINA, MEMBERS].sum() / x[:, MEMBERS].sum()) for x in (flow, prior)]
    assert percent(r"China has (\d+) %.* give (\d+) %", "residual") == shares
    told = percent(r"([\d ]+) instead of ([\d ]+) t; .* use ([\d ]+) instead of ([\d ]+) t,.* makes ([\d.]+) %", "decks")
    usa = [q.demand[OXIDE, AT["USA"]] for q in (customs, balanced)]
    shipped = [q.flow[OXIDE][CHINA, MEMBERS].sum() for q in (customs, balanced)]
    fewer = 100 * (1 - customs.output[MAGNET, CHINA] / balanced.output[MAGNET, CHINA])
    assert told == [*(round(x) for x in (*shipped, *usa)), round(fewer, 1)]


def test_the_notes_say_how_much_latent_plants_make_without_a_policy() -> None:
    market = fm.load_market("rare_earths").open_projects("all")
    output, full = fm.solve(market).dataset["output"], market.dataset["latent_capacity"]
    used = {pair: 100 * float((output / full).sel(good=pair[0], region=pair[1])) for pair in market.opened}
    oxide = [round(v) for (good, _), v in used.items() if good == "ndpr_oxide"]
    low, high, magnet = percent(r"runs at (\d+) to (\d+) % and the US magnet plant at (\d+) %", "latent")
    assert [min(oxide), max(oxide), round(used["magnet", "USA"])] == [low, high, magnet]


@pytest.mark.parametrize("deck", [None, *HEAD["decks"]])
@pytest.mark.parametrize("opened", [(), "all"])
def test_the_floor_of_the_house_solves_in_every_deck(deck: str | None, opened: str | tuple) -> None:
    market = fm.load_market("rare_earths", deck=deck).open_projects(opened)
    floor = fm.PriceFloor(good="ndpr_oxide", members=market.bloc("allies"), price=110_000)
    run = fm.solve(market, [floor])
    assert run.converged.all() and max(run.identities().values()) < 1e-8
    output = run.dataset["output"].sel(good="ndpr_oxide", region=BLOC).sum()
    assert float(output) > float(market.dataset["output0"].sel(good="ndpr_oxide", region=BLOC).sum())
