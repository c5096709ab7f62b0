"""The strategy experiments run end to end on few draws, and what their briefs say is what their tables hold."""

from __future__ import annotations

import json
import re
import warnings

import pandas as pd
import pytest

import experiments.retaliation as retaliation
import floormodel as fm
from experiments.cases import case_of
from experiments.retaliation_results import NOTHING, best_by, menu_of, options_of
from experiments.words import quantiles, span
from floormodel.errors import InertWarning

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
def test_retaliation(tmp_path):
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
