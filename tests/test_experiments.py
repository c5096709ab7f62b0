"""The experiments run end to end on few draws, and what their briefs say is what their tables hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import floormodel as fm
from experiments.__main__ import main
from experiments.analysis import equal_tonnes, exposure, floor, plant_prices
from experiments.cases import case_of
from experiments.words import number, quantiles, span, verdict

ROOT = Path(__file__).resolve().parents[1]
BLOC = ["USA", "EU27", "JPN", "KOR"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "market"), [("price_floor", "rare_earths"), ("instruments_compared", "rare_earths"),
                                              ("price_floor", "cobalt")])
def test_an_experiment_writes_its_folder(tmp_path, name, market):
    done = CliRunner().invoke(main, [name, "-o", str(tmp_path / "out"), "--draws", "8", "--market", market])
    assert done.exit_code == 0, done.output[-2000:]
    folder = tmp_path / "out"
    record = json.loads((folder / "run.json").read_text("utf-8"))
    assert record["share_converged"] == 1 and record["draws"] == 8
    assert all(max(part["identities"].values()) < 1e-8 for part in record["parts"].values())
    page = (folder / "brief.html").read_text("utf-8")
    assert "<script" not in page and not re.search(r"\bnan\b|NaN|Traceback", re.sub(r"data:image[^\"]*", "", page))
    for kind in ("svg", "pdf", "png"):
        assert len(list((folder / "figures").glob(f"*.{kind}"))) == page.count("<figure")
    assert (folder / "tables" / "tables.docx").stat().st_size > 5_000 and list((folder / "tables").glob("*.tex"))
    assert (folder / "workbook.xlsx").exists() and (folder / "results.nc").exists()
    if name == "price_floor":
        frame = pd.read_csv(folder / "indicators.csv", keep_default_na=False)
        good = case_of(fm.load_market(market)).good
        row = frame[(frame["scenario"] == "Floor") & (frame["indicator"] == "bloc_output") & (frame["good"] == good)].iloc[0]
        assert f"{number(float(row['change']))} ({number(float(row['change_low']))} to" in page


def test_a_second_run_is_refused_unless_told(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text("{}", "utf-8")
    words = [sys.executable, "-m", "experiments", "price_floor", "-o", str(tmp_path / "out"), "--draws", "2"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 5 and "overwrite" in done.stderr


def test_equal_tonnes_are_equal():
    market = fm.load_market("rare_earths")
    policies, scales = equal_tonnes(market, floor("ndpr_oxide", BLOC, 110_000), "ndpr_oxide", BLOC, "CHN", BLOC)
    base = fm.solve(market).base
    for _, row in scales[scales["reached"]].iterrows():
        x = fm.solve(market, policies[row["instrument"]], base=base).dataset["output"].sel(good="ndpr_oxide", region=BLOC).sum()
        x0 = market.dataset["output0"].sel(good="ndpr_oxide", region=BLOC).sum()
        assert float(x - x0) == pytest.approx(scales["tonnes"].iloc[0], rel=1e-6)
    missed = scales[~scales["reached"]]
    assert (missed["best_tonnes"] < scales["tonnes"].iloc[0]).all()


def test_plant_prices_are_what_the_market_pays():
    """Net price = gate price less royalty; inputs at P; a plant that mines its own ore buys none."""
    market = fm.load_market("rare_earths")
    run_ = fm.solve(market, floor("ndpr_oxide", BLOC, 110_000))
    ds = run_.dataset
    got = plant_prices(run_, "magnet", "JPN", whole_chain=False)
    assert got.net_price[0] == pytest.approx(float(ds["price"].sel(good="magnet", region="JPN")))
    content = float(market.dataset["recipe"].sel(good="magnet", input="ndpr_oxide"))
    assert got.input_cost[0] == pytest.approx(content * float(ds["buyer_price"].sel(good="ndpr_oxide", region="JPN")))
    assert got.input_cost_money[0] < got.input_cost[0]  # the index holds the sourcing cost, money paid does not
    assert np.all(np.isnan(plant_prices(run_, "ndpr_oxide", "EU27", False).net_price))


def test_a_floor_shields_its_producers_from_outside_shocks():
    market = fm.load_market("rare_earths")
    shielded = exposure(market, floor("ndpr_oxide", BLOC, 110_000), "ndpr_oxide", "USA")
    assert 0 <= shielded < exposure(market, [], "ndpr_oxide", "USA") == 1


def test_words():
    assert number(1234.5) == "1,234" or number(1234.5) == "1,235"
    assert number(-0.01234) == "−0.0123" and number(float("nan")) == "not defined" and number(0) == "0"
    assert span(100.0, 2000.0, 55_500.0, "USD/t") == "2.00 (0.100 to 55.5) USD/kg"
    assert quantiles(np.array([np.nan, 1.0, 2.0, 3.0]))[1] == 2.0
    assert [verdict(x, 2, 10, ("a", "b", "c", "d")) for x in (-5, 0, 5, 50)] == ["a", "b", "c", "d"]
