"""Every shipped market holds both identities under five standard measures, at both horizons, in draws of its parameters."""

import numpy as np
import pytest

import floormodel as fm
from experiments.standard_policies import NAMES, bloc_of, standard_policies
from floormodel.market import HORIZONS

DRAWS = 4


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("name", fm.list_markets())
def test_both_identities_under_the_five(name, horizon):
    market = fm.sample(fm.load_market(name, horizon=horizon), DRAWS, seed=12)
    free = fm.solve(market)
    chosen = standard_policies(market)
    assert tuple(chosen) == NAMES
    moved = []
    for policies in chosen.values():
        run = fm.solve(market, policies, bloc=bloc_of(market), base=free.base)
        assert run.converged.all(), policies
        assert max(run.identities().values()) < 1e-8, policies
        moved.append(float(np.nanmax(np.abs(run.dataset["price"] / free.dataset["price"] - 1))))
    assert min(moved) > 1e-6  # none of the five is inert
