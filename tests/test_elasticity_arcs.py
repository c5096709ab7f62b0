"""Arc elasticities by hand and as the markets cite them; what is cited as an estimate of our own is computed here or says it is not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from calibration.elasticities import arcs, series
from calibration.figures import read_sources
from floormodel.errors import DataError

FIGURES = Path(__file__).parents[1] / "calibration" / "figures"
SHIPPED = pd.read_csv(Path(fm.__file__).parent / "data" / "elasticities" / "arcs.csv").set_index(["mineral", "first", "last"])


def market(spliced: bool = False) -> pd.DataFrame:
    """Output of 100 and 110 t, prices of 10 and 24 USD/t in money that lost a fifth of its worth: double in real terms."""
    given = [("tin", "world_output", 100.0, 110.0, "t/yr"), ("tin", "price", 10.0, 24.0, "USD/t"), ("", "us_cpi", 100.0, 120.0, "index"),
             ("", "world_gdp", 5.0, 6.0, "USD")]
    rows = [(m, s, year, value, unit, "b" if spliced and s == "price" and year == 2002 else "a")
            for m, s, *values, unit in given for year, value in zip((2000, 2002), values)]
    rows += [(m, s, 2001, 1.0, "", "a") for m, s, *_ in given]
    return pd.DataFrame(rows, columns=series.COLUMNS["series"])


COUNTRIES = pd.DataFrame(columns=series.COLUMNS["country_output"])
CHOSEN = pd.DataFrame([("tin", 2000, 2002)], columns=arcs.COLUMNS)


@pytest.mark.parametrize("spliced", [False, True])
def test_an_arc_by_hand(spliced: bool) -> None:
    row = arcs.arcs(CHOSEN, market(spliced), COUNTRIES).iloc[0]
    assert row["output"] == pytest.approx(np.log(1.1)) and row["price"] == pytest.approx(np.log(2))
    assert row["arc"] == pytest.approx(np.log(1.1) / np.log(2)) and row["one_source"] == ("no" if spliced else "yes")


def test_a_year_without_a_figure_is_named() -> None:
    with pytest.raises(DataError, match="arc of tin, 1999 to 2002"):
        arcs.arcs(CHOSEN.assign(first=1999), market(), COUNTRIES)


def test_faulty_lists_of_arcs(tmp_path: Path) -> None:
    (tmp_path / "arcs.csv").write_text("mineral,first,last\ntin,2002,2000\ntin,soon,2000\n", "utf-8")
    with pytest.raises(DataError, match=r"(?s)line 2.*line 3"):
        arcs.read(tmp_path / "arcs.csv")


CITED = [(path.parent.name, float(value), int(first), int(first) // 100 * 100 + int(last))
         for path in sorted(FIGURES.glob("*/sources.csv"))
         for title in read_sources(path).query("id == 'own_arcs'")["title"]
         for value, first, last in re.findall(r"([\d.]+) in (\d{4})-(\d{2})", title.replace("the boom of ", ""))]


def test_arcs_that_markets_cite_are_all_listed() -> None:
    title = read_sources(FIGURES / "cobalt" / "sources.csv").query("id == 'own_arcs'")["title"].iloc[0]
    assert "in the boom of 2016-18: 0.14" in title
    cited = {(mineral, first, last) for mineral, _, first, last in CITED} | {("cobalt", 2016, 2018)}
    assert cited == set(SHIPPED.index) and len(CITED) == 6
    assert SHIPPED.loc[("cobalt", 2016, 2018), "arc"] == pytest.approx(0.14, abs=0.005)


@pytest.mark.parametrize("mineral, value, first, last", CITED)
def test_arcs_that_markets_cite_come_out(mineral: str, value: float, first: int, last: int) -> None:
    assert SHIPPED.loc[(mineral, first, last), "arc"] == pytest.approx(value, abs=0.06 if value > 1 else 0.006)


def test_no_estimate_is_cited_that_is_not_made_here() -> None:
    for path in FIGURES.glob("*/*.csv"):
        assert "own_feenstra" not in path.read_text("utf-8"), path


def test_shares_of_manganese_ore_are_those_of_the_figures() -> None:
    """Ore mined, plus what customs show to come in less what goes out, in manganese at the contents of its origins, over all ore mined."""
    trade, made = (pd.read_csv(FIGURES / "manganese" / f"{name}.csv") for name in ("trade", "production"))
    content = trade.query("figure == 'content' and good == 'mined'").set_index("region")["value"]
    moved = trade.query("figure == 'quantity' and good == 'mined'")
    tonnes = moved["value"] * moved["region"].map(content).fillna(content[content.index.isna()].iloc[0])
    mined = made.query("figure == 'output' and good == 'mined'").groupby("region")["value"].sum()
    net = tonnes.groupby(moved["partner"]).sum().sub(tonnes.groupby(moved["region"]).sum(), fill_value=0).add(mined, fill_value=0)
    note = read_sources(FIGURES / "manganese" / "sources.csv").set_index("id").loc["own_ore", "note"]
    names = {"China": "CHN", "India": "IND", "Malaysia": "MYS", "Norway": "NOR"}
    told = {names[name]: float(share) for name, share in re.findall(r"([A-Z]\w+) (0\.\d+)", note)}
    assert set(told) == set(names.values())
    assert {r: net[r] / mined.sum() for r in told} == pytest.approx(told, abs=0.0006)
