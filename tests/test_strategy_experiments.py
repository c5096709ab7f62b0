"""The strategy experiments run end to end on few draws, and what their briefs say is what their tables hold."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest

import experiments.club as club
import experiments.coalition as coalition
import experiments.coalition_results as coalition_results
import experiments.retaliation as retaliation
import experiments.retaliation_results as retaliation_results
import floormodel as fm
from experiments.cases import case_of
from experiments.club_results import joiners_of, under_floor
from experiments.coalition_results import derived_elasticity, first_order, share_outside
from experiments.retaliation_results import NOTHING, best_by, menu_of, options_of
from experiments.words import number, quantiles, span
from floormodel.errors import InertWarning
from floormodel.report.labels import region_name

DRAWS = 4


def run(experiment, folder, market):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        record = experiment.write(folder, market, DRAWS, 7, iter)
    page = (folder / "brief.html").read_text("utf-8")
    assert record["share_converged"] == 1 and record["draws"] == DRAWS
    assert json.loads((folder / "run.json").read_text("utf-8"))["title"] == record["title"]
    assert all(max(part["identities"].values()) < 1e-8 for part in record["parts"].values())
    assert "<script" not in page and not re.search(r"\bnan\b|NaN|not defined|Traceback", re.sub(r"data:image[^\"]*", "", page))
    for kind in ("svg", "pdf", "png"):
        assert len(list((folder / "figures").glob(f"*.{kind}"))) == page.count("<figure")
    assert (folder / "workbook.xlsx").exists() and (folder / "results.nc").exists()
    return page


@pytest.mark.slow
def test_retaliation(tmp_path, monkeypatch):
    monkeypatch.setattr(retaliation_results, "TAXES", (0.25,))
    monkeypatch.setattr(retaliation_results, "CUTS", (0.4,))
    page = run(retaliation, tmp_path, "rare_earths")
    table = pd.read_csv(tmp_path / "replies_with_floor.csv", keep_default_na=False)
    own = table[table["region"] == "responder"].set_index("option")["mean"]
    assert f"best reply is {own.idxmax()}, worth" in page
    assert own.idxmax() != NOTHING and table["missing"].max() == 0


def test_the_menu_withholds_what_its_names_say():
    market = fm.load_market("rare_earths")
    case = case_of(market)
    bloc = case.members["USA, EU, Japan, Korea"]
    options = options_of(market, case)
    menu = menu_of(market, case, bloc, options)
    flows = market.dataset["flow0"].sel(good="magnet", origin="CHN")
    quota = menu["40 % fewer magnets to the bloc"][0]
    assert quota.quota == pytest.approx(0.6 * float(flows.sel(destination=list(bloc)).sum())) and set(quota.destinations) == set(bloc)
    tax = menu["25 % tax on NdPr oxide to all"][0]
    assert tax.rate == 0.25 and len(tax.destinations) == len(market.regions) - 1
    assert menu["ban on magnets to all"][0].quota == 0 and menu[NOTHING] == []
    found = fm.best_reply(market, [], "CHN", menu)
    assert best_by(options, found, "magnet", to_all=True).endswith("magnets to all")


def test_a_span_reads_as_its_quantiles():
    assert span(*quantiles(pd.Series([1e6, 2e6, 3e6])), "USD/yr") == "2.00 (1.10 to 2.90) million USD a year"


@pytest.mark.slow
def test_club(tmp_path):
    page = run(club, tmp_path, "cobalt")
    table = pd.read_csv(tmp_path / "joining_stability.csv")
    payoffs = pd.read_csv(tmp_path / "joining_payoffs.csv")
    alone = payoffs[payoffs["number"] == 0].set_index("region")["mean"]
    core = list(fm.load_market("cobalt").blocs["allies"])
    assert table["joint"][0] == pytest.approx(alone[core].sum(), rel=1e-9) and len(table) == 2 ** 5
    joiners = joiners_of(fm.load_market("cobalt"), case_of(fm.load_market("cobalt")), core)
    assert len(joiners) == 5 and not set(joiners) & {*core, "CHN", "ROW"} and {"CAN", "AUS"} < set(joiners)
    market = fm.sample(fm.load_market("cobalt"), DRAWS, 7)
    found = fm.club(market, under_floor(case_of(fm.load_market("cobalt"))), joiners[:1], core)
    gain = found.gain_of_joining(joiners[0], 0)
    assert f"{region_name(joiners[0])} gains {span(*quantiles(gain), 'USD/yr')} by joining the core" in page


@pytest.mark.slow
def test_coalition(tmp_path, monkeypatch):
    monkeypatch.setattr(coalition_results, "GRID", 5)
    monkeypatch.setattr(fm, "list_markets", lambda: ["cobalt"])
    page = run(coalition, tmp_path, "cobalt")
    gains = pd.read_csv(tmp_path / "gains.csv")
    row = gains[(gains["group"] == "DR Congo and Indonesia") & (gains["payoff"] == "export_revenue")]
    assert f"DR Congo and Indonesia: {number(row['level'].iloc[0] / 1000)} USD/kg" in page
    staying = row[(row["what"] == "gain_of_staying") & (row["region"] == "IDN")].iloc[0]
    assert span(staying["q05"], staying["q50"], staying["q95"], "USD/yr") in page


def test_the_first_order_rule_by_hand():
    """One maker of each good, ore of 1 t in 1 t of metal at 60 of 100: demand for ore is 0.5 x 0.6 / (1 + 0.5 x 0.4 / 2) = 3/11."""
    both = np.eye(2)
    market = fm.market_from_arrays("rule", ["ore", "metal"], ["a", "b"], {
        "price0": np.array([[60.0, 60.0], [100.0, 100.0]]), "output0": np.array([[60.0, 40.0], [0.0, 100.0]]),
        "final_demand0": np.array([[0.0, 0.0], [0.0, 100.0]]), "flow0": np.array([[[0.0, 60.0], [0.0, 40.0]], [[0.0, 0.0], [0.0, 100.0]]]),
        "recipe": np.array([[0.0, 0.0], [1.0, 0.0]]), "supply_elasticity": np.array([[0.7, 0.7], [2.0, 2.0]]),
        "demand_elasticity": np.full((2, 2), 0.5), "sourcing_elasticity": np.full((2, 2), 8.0), "freight": 0 * both})
    assert derived_elasticity(market, "metal") == pytest.approx(0.5)
    assert derived_elasticity(market, "ore") == pytest.approx(3 / 11)
    assert share_outside(market, "ore", ["a"]) == pytest.approx(0.6)
    assert first_order(market, "ore", ["a"], 0.1) == pytest.approx(0.1 * 0.6 / (3 / 11 + 0.4 * 0.7))


def test_the_rule_is_the_model_for_small_cuts():
    """The rule knows one price; buyers who switch between origins at a cost leave it within a tenth of the model."""
    market = fm.load_market("cobalt")
    base, members = fm.solve(market).base, ["COD", "IDN"]
    rise = {}
    for cut in (0.01, 0.02):
        price = fm.solve(market, fm.joint_measure(base, "mined", members, cut, "cut"), bloc=members, base=base).indicators()
        row = price.select("price_outside", "mined").iloc[0]
        rise[cut] = float(row["change"] / row["base"])
    assert rise[0.01] == pytest.approx(first_order(market, "mined", members, 0.01), rel=0.1)
    assert rise[0.02] == pytest.approx(2 * rise[0.01], rel=0.05)
