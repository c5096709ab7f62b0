"""The experiments over ten years: pages whose numbers are those of the paths behind them."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from experiments import credibility_results, ten_years_results
from experiments.__main__ import main
from experiments.ten_years_brief import LAST, Pages
from experiments.ten_years_results import FLOOR, NONE, SUBSIDY
from floormodel.indicators.concentration import hhi_bounds


@pytest.fixture(scope="module")
def results():
    return ten_years_results.compute("rare_earths", 3, 7, iter)


def test_what_the_page_says_is_what_the_paths_hold(results):
    path = results.paths[FLOOR]
    assert path.converged.all() and set(results.paths) == {FLOOR, "Floor, products covered", SUBSIDY}
    use = path.dataset["output"].sel(scenario="policy", good="ndpr_oxide", region="USA").values.T
    assert np.array_equal(results.series("output", FLOOR, "ndpr_oxide", ["USA"]), use)
    made = results.supply(NONE, "ndpr_oxide")[0, LAST]
    share = made / made.sum()
    rest = results.market.regions.index("ROW")
    known = np.delete(share, rest)
    _, high = hhi_bounds(known[None], share[[rest]], cap=np.array([min(share[rest], np.sort(known)[-2])]))
    assert np.isclose(results.hhi(NONE, "ndpr_oxide")[0, LAST], high[0])
    pages = Pages(results)
    share_paid = np.mean(path.dataset["profitability"].sel(scenario="policy", plan="ndpr_refinery:USA").values[0] > 0)
    assert pages.chance(FLOOR, "ndpr_refinery:USA") == share_paid
    assert f"{100 * share_paid:.0f} % with the floor" in pages.feasible()
    built = sum(path.dataset["running"].sel(scenario="policy", plan=p).values[LAST] for p in pages.bloc_plans)
    assert np.allclose(pages.built(FLOOR), built)


def test_doubt_never_builds_more():
    found = credibility_results.compute("rare_earths", 2, 7, iter)
    for kind in credibility_results.instruments(found):
        first = [found.series("started", credibility_results.label(kind, h))[:, 0].sum() for h in credibility_results.HAZARDS]
        assert np.all(np.diff(first) <= 1e-6), kind


@pytest.mark.parametrize("name", ["ten_years", "credibility"])
def test_the_command_writes_a_whole_folder(name, tmp_path):
    done = CliRunner().invoke(main, [name, "--draws", "2", "--market", "cobalt", "-o", str(tmp_path / name)])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / name / "run.json").read_text("utf-8"))
    table = pd.read_csv(tmp_path / name / "series.csv")
    assert record["share_converged"] == 1.0 and record["draws"] == 2
    assert {"price", "output", "running"} <= set(table["variable"]) and (tmp_path / name / "brief.html").is_file()
