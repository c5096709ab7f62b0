"""Every shipped market is an exact equilibrium at its own figures, and the solver finds it again from elsewhere."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.equilibrium.solve import find
from floormodel.market import HORIZONS

DATA = Path(fm.__file__).parent / "data"


def decks(name):
    return [None, *tomllib.loads((DATA / name / "market.toml").read_text("utf-8")).get("decks", {})]


CASES = [(name, horizon, deck) for name in fm.list_markets() for horizon in HORIZONS for deck in decks(name)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(str(part) for part in case if part))
def market(request):
    name, horizon, deck = request.param
    return fm.load_market(name, horizon=horizon, deck=deck)


def test_markets_are_found():
    assert "rare_earths" in {name for name, _, _ in CASES}


def test_benchmark_with_its_wedges_takes_no_step(market):
    wedges = ("import_rate0", "import_levy0", "export_rate0", "export_levy0", "royalty0", "subsidy0")
    assert any(np.any(market.dataset[name].values != 0) for name in wedges)
    run = fm.solve(market)
    assert run.converged.all()
    assert run.solved.solution.iterations.max() == 0
    assert run.solved.solution.residual.max() < 1e-9
    assert max(run.identities().values()) < 1e-8
    figures, found = market.dataset, run.dataset
    assert np.allclose(found["output"], figures["output0"], rtol=1e-9, atol=0)
    assert np.allclose(found["flow"], figures["flow0"], rtol=1e-9, atol=1e-9 * float(figures["flow0"].max()))
    assert np.allclose(found["final_demand"], figures["final_demand0"], rtol=1e-9, atol=0)


def test_benchmark_is_found_again_from_twenty_starts(market):
    size = find(market).solution.z.shape[-1]
    rng = np.random.default_rng([20, size])
    for start in rng.normal(0, 0.3, (20, 1, size)):
        again = find(market, [], start=start)
        assert again.solution.iterations.max() > 0
        assert again.solution.converged.all()
        off = again.state.price / again.state.benchmark.price0 - 1
        assert np.abs(off).max() < 1e-9


def test_an_isoelastic_market_takes_no_step_with_straight_curves_or_as_armington(market):
    """Other curves and other sourcing pass through the same benchmark."""
    for change in ({"supply_curve": "linear", "demand_curve": "linear"}, {"sourcing": "ces"}):
        run = find(replace(market, **change))
        assert run.solution.converged.all()
        assert run.solution.iterations.max() == 0


def test_a_point_that_nothing_pins_down_is_called_indeterminate():
    """Rigid supply and demand leave the level of prices open; two equal quotas leave the split of their rent open."""
    flow = np.array([[60.0, 40.0], [20.0, 80.0]])
    figures = {"price0": np.full((1, 2), 100.0), "output0": flow.sum(1)[None], "flow0": flow[None], "final_demand0": flow.sum(0)[None],
               "sourcing_elasticity": np.full((1, 2), 4.0)}
    tariff = fm.ImportTariff(good="good", importers=["a"], levy=20.0)
    points = {}
    for eps in (0.0, 0.5):
        elasticities = {name: np.full((1, 2), eps) for name in ("supply_elasticity", "demand_elasticity")}
        market = fm.market_from_arrays("two", ["good"], ["a", "b"], figures | elasticities)
        points[eps] = str(fm.solve(market, [tariff]).dataset["point"].item())
    assert points == {0.0: "indeterminate", 0.5: "solved"}
    quota = fm.ExportQuota(good="good", exporter="a", quota=20.0)
    assert str(fm.solve(market, [quota]).dataset["point"].item()) == "solved"
    assert str(fm.solve(market, [quota, quota]).dataset["point"].item()) == "indeterminate"
