"""Data cards: the pages in docs/markets are those the tables make, and what they say of a market is so."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import floormodel as fm
from floormodel.cli import main
from floormodel.report.market_card import Check, credibility_checks, market_card
from floormodel.report.market_charts import _world, supply_curve_chart, trade_chart
from floormodel.report.style import figure_bytes
from tests.test_architecture import ROOT

DATA = ROOT / "src" / "floormodel" / "data"
MARKETS = fm.list_markets()


@pytest.mark.parametrize("name", MARKETS)
def test_the_page_in_docs_is_the_one_the_tables_make(name):
    path = ROOT / "docs" / "markets" / f"{name}.md"
    assert path.is_file(), f"write it: floormodel card {name} > docs/markets/{name}.md"
    assert path.read_text("utf-8") == market_card(name), f"floormodel card {name} > docs/markets/{name}.md"


def test_no_page_is_left_over():
    assert {p.stem for p in (ROOT / "docs" / "markets").glob("*.md")} == set(MARKETS)


def test_checks_by_hand():
    """Nickel: the largest stock change, the least sourced stage and the thinnest margin, worked out from its tables."""
    market = fm.load_market("nickel")
    checks = {c.statistic: c for c in credibility_checks(market, DATA / "nickel")}
    rows = pd.read_csv(DATA / "nickel" / "quantities.csv", keep_default_na=False)
    made = rows[rows["variable"] == "output0"].groupby("good")["value"].sum()
    stock = rows[rows["variable"] == "stock_change0"].groupby("good")["value"].sum().abs() / made
    assert np.isclose(checks["largest stock change of a stage over its supply"].value, stock.max())
    sourced = rows[(rows["variable"] == "output0") & (rows["source"] != "assumption")].groupby("good")["value"].sum() / made
    assert np.isclose(checks["smallest share of a stage's output that has a source"].value, sourced.min())
    assert checks["largest residual of the benchmark, no policy"].passed
    assert not Check("", 2.0, "<=", 1.0, "").passed and Check("", 2.0, ">=", 1.0, "").passed


def test_a_failed_check_says_so():
    page = market_card("cobalt")  # its stock build is a sixth of supply
    line = next(x for x in page.splitlines() if x.startswith("| largest stock change"))
    assert "**fail**" in line


def test_the_command_prints_the_card_and_refuses_what_it_does_not_know():
    done = CliRunner().invoke(main, ["card", "nickel"])
    assert done.exit_code == 0 and done.output == market_card("nickel")
    wrong = CliRunner().invoke(main, ["card", "nickle"])
    assert wrong.exit_code == 2 and "nickel" in wrong.output


def test_the_command_writes_the_charts(tmp_path):
    done = CliRunner().invoke(main, ["card", "nickel", "-o", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    stems = {p.stem for p in (tmp_path / "new").glob("*.svg")}
    assert stems == {"supply_mined", "trade_mined", "supply_refined", "trade_refined", "concentration", "elasticities_supply",
                     "elasticities_demand"}
    assert (tmp_path / "new" / "card.md").read_text("utf-8") == market_card("nickel")
    bare = CliRunner().invoke(main, ["card", "ferrosilicon", "-o", str(tmp_path / "bare")])  # no history of its producers
    assert bare.exit_code == 0 and not (tmp_path / "bare" / "concentration.svg").exists()


def test_supply_curve_by_hand():
    """At the benchmark price the curve passes through benchmark output; at 1.5 times it, X0 1.5^eps summed over producers."""
    market = fm.load_market("copper")
    base, elasticity = (market.dataset[n].sel(good="mined").values for n in ("output0", "supply_elasticity"))
    found = _world(market, 0, "value", np.array([1.0, 1.5]), base)
    assert np.allclose(found, [base.sum(), (base * 1.5**elasticity).sum()])
    low, high = (_world(market, 0, end, np.array([1.5]), base)[0] for end in ("low", "high"))
    assert low < found[1] < high


@pytest.mark.parametrize("chart", [supply_curve_chart, trade_chart])
def test_charts_of_a_market(chart):
    market = fm.load_market("rare_earths")
    one, two = (figure_bytes(chart(market, "ndpr_oxide"), "svg") for _ in range(2))
    assert one == two and b"NdPr oxide" in one and b"Source" in one
    with pytest.raises(fm.DataError, match="did you mean 'ndpr_oxide'"):
        chart(market, "ndpr_oxid")


def test_ribbons_add_up():
    """Every origin's ribbons are as wide as its bar: the share of the tonnes it ships."""
    market = fm.load_market("rare_earths")
    figure = trade_chart(market, "magnet")
    flow = market.dataset["flow0"].sel(good="magnet").values
    bars = [p.get_height() for p in figure.axes[0].patches if hasattr(p, "get_height")]
    assert np.isclose(sum(bars), 2.0) and np.isclose(max(bars[:12]), flow.sum(1).max() / flow.sum())
