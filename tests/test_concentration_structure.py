"""Ownership beside location, costs behind shares, conduct: by hand, against the solved market, and as shipped."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from calibration import concentration as con
from calibration import ownership, supply_structure
from calibration.figures import Figure, Table
from floormodel.errors import DataError
from floormodel.indicators import conduct_bounds, cost_handicap, frechet_shares, technology

DATA = Path(fm.__file__).parent / "data"
OWNED = ("cobalt", "lithium", "nickel", "rare_earths")


def figure(value: float, low: float = np.nan, high: float = np.nan) -> Figure:
    return Figure(value, "share", low, high, "2024", "x", "")


def history(rows: list[tuple]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["stage", "source", "country", "year", "quantity"])
    return frame.assign(unit="t", basis="t", note="")


# ---- which source

LISTS = {"wmd2026": (40, 30, 20, 5, 5), "mcs2025": (60, 25, 10, 3, 2), "mcs2026": (50, 25, 15, 6, 4), "iea2025": (70, 10, 5, 5, 0)}


def lists(names: str) -> pd.DataFrame:
    return history([("mined", s, c, 2024, float(q)) for s in names.split() for c, q in zip(["AAA", "BBB", "CCC", "DDD", "OTH"], LISTS[s])])


@pytest.mark.parametrize("own, names, chosen", [
    ("", "mcs2025 mcs2026", "mcs2026"),  # an edition that leaves less unlisted, but superseded
    ("mcs2025", "mcs2025 mcs2026 wmd2026", "mcs2026"),
    ("mcs2026", "iea2025 mcs2026", "iea2025"),  # nothing unlisted comes before the market's own source
])
def test_no_superseded_edition_is_chosen(own: str, names: str, chosen: str) -> None:
    assert con.edition(lists(names), "mined", 2025, own)[:2] == (chosen, 2024)


def test_of_equal_sources_the_markets_own_is_chosen_and_else_the_newest() -> None:
    full = lists("wmd2026 mcs2025").query("country != 'OTH'")
    assert con.edition(full, "mined", 2024)[0] == "wmd2026"
    assert con.edition(full, "mined", 2024, "mcs2025")[0] == "mcs2025"
    short = full.query("source != 'mcs2025' or country != 'DDD'")  # three suppliers are too few for a law, whose source it may be
    assert con.edition(short, "mined", 2024, "mcs2025")[0] == "wmd2026"


def test_antimony_and_graphite_come_from_the_source_of_the_market() -> None:
    """China mines 33 % of the antimony of 2024 by World Mining Data, 82 % of the graphite by the USGS, 78 % in its edition before."""
    for market, source, share in (("antimony", "wmd2026", 0.33), ("natural_graphite", "mcs2026", 0.82)):
        found = supply_structure.listed_edition(con.read_history(market), fm.load_market(market), "mined")
        assert found is not None and found[:2] == (source, 2024) and found[2]["CHN"] == pytest.approx(share, abs=0.006)


@pytest.mark.parametrize("quantity, half", [(1200.0, 50), (1203.0, 0.5), (3.5e6, 5e4), (0.12, 0.005), (0.0, 0)])
def test_half_a_unit_of_the_last_digit(quantity: float, half: float) -> None:
    assert con.half_a_unit(quantity) == pytest.approx(half)


def test_a_country_that_is_in_the_rest_too_is_refused() -> None:
    """Canada's 113,100 t of refined nickel stand in the 631,420 t of others as printed: 3,596,797 t beside a world of 3,483,697 t."""
    figures = con.read_history("nickel")
    assert con.series(figures, "refined", "iea2025").loc[2024, "IDN"] == pytest.approx(1_493_200 / 3_483_697)
    assert con.series(figures, "mined", "iea2025").loc[2024, "IDN"] == pytest.approx(2463 / 3861)
    rest = figures.eval("stage == 'refined' and source == 'iea2025' and country == 'OTH'")
    with pytest.raises(DataError, match=r"refined by iea2025.*2024: 3596797 beside 3483697"):
        con.series(figures.assign(quantity=figures["quantity"].mask(rest, 631_420.0)), "refined", "iea2025")
    rounded = history([("mined", "s", c, 2024, q) for c, q in (("AAA", 60_000.0), ("BBB", 43_960.0), ("WLD", 100_000.0))])
    assert con.series(rounded, "mined", "s").loc[2024, "OTH"] == 0
    rounded.loc[0, "quantity"] = 62_000.0  # 5.96 % above the world is no rounding
    with pytest.raises(DataError, match="more than rounding"):
        con.series(rounded, "mined", "s")


# ---- ownership


def test_ownership_by_hand() -> None:
    """Of 100 t, 60 are made in AAA, 30 in BBB, 10 are unlisted. BBB owns half to two thirds of AAA's, nothing else is known:
    30 to 40 t, and all of its own and of the unlisted may be its. Taken as home-owned: BBB 35 + 30, AAA 25, unlisted 10."""
    owned = Table("ownership.csv", {("owned", "mined", "AAA", "BBB"): figure(35 / 60, 0.5, 2 / 3),
                                    ("owned_world", "mined", "", "BBB"): figure(0.4)})
    figures = history([("mined", "s", c, 2024, q) for c, q in (("AAA", 60.0), ("BBB", 30.0), ("OTH", 10.0))])
    owners, indices = ownership.tables(owned, figures, 2024)
    row, index = owners.iloc[0], indices.iloc[0]
    assert (row["owner"], row["made_there"], row["published"]) == ("BBB", pytest.approx(0.3), 0.4)
    assert (row["owned_low"], row["owned_high"]) == (pytest.approx(0.3), pytest.approx(0.8))
    assert row["owned_if_rest_at_home"] == pytest.approx(0.65)
    assert index["owner_known"] == pytest.approx(0.35)
    assert (index["hhi_location_low"], index["hhi_location_high"]) == (pytest.approx(0.45), pytest.approx(0.46))
    assert (index["hhi_owner_low"], index["hhi_owner_high"]) == (pytest.approx(0.09), pytest.approx(0.8**2 + 0.2**2))
    assert index["hhi_owner_if_rest_at_home_low"] == pytest.approx(0.65**2 + 0.25**2)
    assert index["hhi_owner_if_rest_at_home_high"] == pytest.approx(0.65**2 + 0.25**2 + 0.1**2)


def test_ownership_of_a_country_that_makes_nothing_is_refused() -> None:
    owned = Table("ownership.csv", {("owned", "mined", "XXX", "BBB"): figure(0.5)})
    with pytest.raises(DataError, match="XXX"):
        ownership.tables(owned, history([("mined", "s", "AAA", 2024, 1.0)]), 2024)


@pytest.mark.parametrize("row", ["owns,mined,COD,CHN,0.5,share,,,2024,wmd2026,", "owned,mined,COD,CHN,1.5,share,,,2024,wmd2026,"])
def test_faulty_ownership_is_named(row: str, tmp_path: Path) -> None:
    shutil.copyfile(ownership.FIGURES / "cobalt" / "sources.csv", tmp_path / "sources.csv")
    (tmp_path / "ownership.csv").write_text("variable,good,region,partner,value,unit,low,high,year,source,note\n" + row + "\n", "utf-8")
    with pytest.raises(DataError, match="mined COD CHN"):
        ownership.read_ownership("cobalt", tmp_path)


def test_shipped_ownership_follows_from_its_figures() -> None:
    """Cobalt by World Mining Data 2026, year 2024, of 268,755 t: DR Congo 200,253, Indonesia 30,920, China 2,000, Papua New Guinea 2,628.
    Chinese owners hold at least .5, .5, .8 and .85 of them."""
    figures = con.read_history("cobalt").query("source == 'wmd2026' and year == 2024").set_index("country")["quantity"]
    least = (0.5 * figures["COD"] + 0.5 * figures["IDN"] + 0.8 * figures["CHN"] + 0.85 * figures["PNG"]) / figures["WLD"]
    row = fm.concentration_tables("cobalt")["owners"].iloc[0]
    assert row["owned_low"] == pytest.approx(least, rel=1e-4)
    assert row["made_there"] < 0.01 < row["owned_low"]
    for market in OWNED:
        owners, indices = (fm.concentration_tables(market)[name] for name in ("owners", "ownership"))
        middle = owners["owned_if_rest_at_home"]
        assert ((owners["owned_low"] <= middle) & (middle <= owners["owned_high"])).all()
        assert (indices["hhi_owner_low"] <= indices["hhi_owner_if_rest_at_home_low"] + 1e-9).all()
        assert (indices["hhi_owner_if_rest_at_home_high"] <= indices["hhi_owner_high"] + 1e-9).all()


# ---- costs behind shares


def test_levels_give_the_shares_back() -> None:
    costs = fm.concentration_tables("cobalt")["costs"]
    for _, rows in costs.groupby(["stage", "horizon"]):
        found = frechet_shares(rows["technology"], rows["landed_price"], rows["theta"].iloc[0])
        assert found == pytest.approx(rows["share"], rel=2e-4)
        level = technology(rows["share"], rows["landed_price"], rows["theta"].iloc[0])
        assert cost_handicap(level, rows["theta"].iloc[0]) == pytest.approx(rows["handicap"], rel=2e-4)
    market = fm.load_market("cobalt")
    tonnes = market.dataset["flow0"].sel(good="mined").sum("destination").to_series()
    mined = costs.query("stage == 'mined' and horizon == 'long'").set_index("region")
    spent = tonnes * mined["landed_price"]
    assert mined["share"].to_dict() == pytest.approx((spent / spent.sum()).dropna().to_dict(), rel=1e-4)


def test_a_cost_curve_of_known_dispersion_is_found() -> None:
    """Unit costs of 1 - exp(-(c / 100)^4): quantiles lie on a line of slope four."""
    curve = {("cobalt", "mined", "cost_curve", str(q)): figure(100 * (-np.log(1 - q)) ** 0.25) for q in (0.1, 0.3, 0.5, 0.7, 0.9)}
    rows = supply_structure.cost_dispersion(fm.load_market("cobalt"), con.read_history("cobalt"), Table("costs.csv", curve))
    mined = rows[0]
    assert (mined["stage"], mined["curve_theta"], mined["sigma_of_curve"]) == ("mined", pytest.approx(4), pytest.approx(5))
    assert mined["theta"] == pytest.approx(mined["sigma"] - 1) and np.isnan(rows[1]["curve_theta"])
    assert mined["log_cost_sd"] == pytest.approx(np.pi / np.sqrt(6) / (mined["kappa"] * mined["theta"]))


# ---- conduct


def test_elasticity_of_what_suppliers_face_is_that_of_the_solved_market(tmp_path: Path) -> None:
    """One country, ore and metal, scrap beside the ore: a subsidy on ore moves its price and output along the demand it faces."""
    head = ('name = "two"\ntitle = "Two stages"\nyear = 2024\nbasis = "t"\ngoods = ["ore", "metal"]\nregions = ["ONE", "TWO"]\n'
            'tables = ["cells.csv"]\n')
    cells = [("output0", "ore", "ONE", "", 110), ("secondary0", "ore", "ONE", "", 10), ("flow0", "ore", "ONE", "ONE", 120),
             ("recipe", "metal", "", "ore", 1.2), ("output0", "metal", "ONE", "", 100), ("flow0", "metal", "ONE", "ONE", 90),
             ("flow0", "metal", "ONE", "TWO", 10), ("final_demand0", "metal", "ONE", "", 90), ("final_demand0", "metal", "TWO", "", 10),
             ("price0", "ore", "ONE", "", 50), ("price0", "metal", "ONE", "", 100), ("price0", "ore", "TWO", "", 50),
             ("price0", "metal", "TWO", "", 100), ("secondary_elasticity", "ore", "*", "", 0.3)]
    for horizon in ("short", "long"):
        cells += [(f"supply_elasticity_{horizon}", "ore", "*", "", 0.8), (f"supply_elasticity_{horizon}", "metal", "*", "", 1.5),
                  (f"demand_elasticity_{horizon}", "ore", "*", "", 0.4), (f"demand_elasticity_{horizon}", "metal", "*", "", 0.6),
                  (f"sourcing_elasticity_{horizon}", "ore", "*", "", 5), (f"sourcing_elasticity_{horizon}", "metal", "*", "", 5)]
    lines = ["variable,good,region,partner,value,unit,low,high,year,source,note"]
    lines += [f"{v},{g},{r},{p},{x},1,,,2024,assumption," for v, g, r, p, x in cells]
    (tmp_path / "market.toml").write_text(head, "utf-8")
    (tmp_path / "cells.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "sources.csv").write_text("id,title,publisher,year,address,licence,note\n", "utf-8")
    market = fm.load_market("two", folder=tmp_path)
    faced = supply_structure.residual_elasticities(market)
    assert faced["metal"] == (pytest.approx(0.6), pytest.approx(0.6))
    solved = fm.solve(market, [fm.ProductionSubsidy(good="ore", regions=["ONE"], rate=0.01)]).dataset.sel(good="ore", region="ONE")
    slope = np.log(float(solved["output"]) / 110) / np.log(float(solved["price"]) / 50)
    assert faced["ore"][0] == pytest.approx(-slope, rel=1e-3)
    assert faced["ore"][0] == faced["ore"][1]


@pytest.mark.parametrize("market", ["cobalt", "lithium"])
def test_shipped_conduct_is_the_interval_arithmetic(market: str) -> None:
    table = fm.concentration_tables(market)["conduct"]
    for _, row in table.iterrows():
        ranges = [(row[f"{name}_low"], row[f"{name}_high"]) for name in ("margin", "elasticity", "hhi")]
        assert conduct_bounds(*ranges) == (pytest.approx(row["conduct_low"]), pytest.approx(row["conduct_high"], rel=1e-4))
        assert row["cournot_margin_low"] == pytest.approx(row["hhi_low"] / row["elasticity_high"], rel=1e-4)
    refined = table.query("stage == 'refined' and horizon == 'long'").iloc[0]
    found, data = (fm.solve(fm.load_market(market)).dataset.sel(good="refined"), fm.load_market(market).dataset.sel(good="refined"))
    margin = float((found["margin"] * data["output0"]).sum() / (data["price0"] * data["output0"]).sum())
    assert refined["margin_high"] == pytest.approx(margin, rel=1e-4)


@pytest.mark.parametrize(
    "high, needed, words", [(0.4, (1.2, 3), "too rigid"), (0.4, (0.5, 3), "less than Cournot"), (2, (0.5, 3), "not refused")])
def test_reading_of_conduct(high: float, needed: tuple, words: str) -> None:
    assert words in supply_structure.reading(high, needed)


def test_tables_of_a_market_without_history() -> None:
    with pytest.raises(DataError, match="no history"):
        fm.concentration_tables("ferrosilicon")
    with pytest.raises(DataError, match="cobalt"):
        fm.concentration_tables("cobolt")


def test_shipped_structure_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    shutil.copytree(DATA / "cobalt", tmp_path / "cobalt")
    names = ["supply_costs", "cost_dispersion", "conduct", "entry_weights", "ownership", "ownership_shares", "ownership_hhi"]
    for name in names:
        (tmp_path / "cobalt" / f"{name}.csv").unlink()
    supply_structure.build("cobalt", tmp_path / "cobalt")
    ownership.build("cobalt", tmp_path / "cobalt")
    for name in names:
        assert (tmp_path / "cobalt" / f"{name}.csv").read_bytes() == (DATA / "cobalt" / f"{name}.csv").read_bytes(), name
