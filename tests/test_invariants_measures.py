"""What must hold on any market and any mix of all instruments: both money identities, the solver's certificate, the Jacobian."""

from __future__ import annotations

import numpy as np
import pytest

from floormodel.accounts import ledger, regional_identity, world_identity
from floormodel.equilibrium.newton import recomputed_residual
from floormodel.equilibrium.solve import find_quietly
from tests.adapt import complex_step, drawn, market_of, policies_of
from tests.random_measures import MAKERS, random_measure

CHEAP = sorted(set(MAKERS) - {"market_power"})  # a search over many solves


def mixed(seed, kinds):
    """A random market with up to two instruments of the first six and one random setting of each of `kinds`."""
    case = drawn(seed, extras=seed % 4 == 0, policies=seed % 3)
    market, rng = market_of(case), np.random.default_rng([seed, 5])
    added = [random_measure(kind, rng, market) for kind in kinds]
    return market, [*policies_of(case), *(p for p in added if p is not None)]


def identities(market, policies):
    solved, base = find_quietly(market, policies), find_quietly(market)
    if not solved.solution.converged.all():
        return None
    now, before = ledger(solved), ledger(base)
    return max(world_identity(now, before)[0], regional_identity(solved, now, before)[0])


@pytest.mark.parametrize("chunk", range(5))
def test_both_identities_on_random_mixes_of_all_instruments(chunk):
    """Model section 7, to 1e-8 of turnover; at most one mix in thirty unsolved: they may ask for what cannot be."""
    unsolved = []
    for seed in range(80_000 + chunk * 30, 80_000 + (chunk + 1) * 30):
        kinds = np.random.default_rng([seed, 6]).choice(CHEAP, 1 + seed % 3, replace=False)
        error = identities(*mixed(seed, kinds))
        if error is None:
            unsolved.append(seed)
        else:
            assert error < 1e-8, (seed, list(kinds), error)
    assert len(unsolved) <= 1, f"not solved: {unsolved}"


@pytest.mark.parametrize("seed", (85_000, 85_001))
def test_identities_with_market_power(seed):
    error = identities(*mixed(seed, ["market_power"]))
    assert error is None or error < 1e-8


@pytest.mark.parametrize("kind", CHEAP)
def test_jacobian_against_complex_step(kind):
    """At points off the solution and certificates at it, on random markets with one or two other instruments beside it."""
    seen = 0
    for seed in range(86_000, 86_008):
        market, policies = mixed(seed, [kind])
        solved = find_quietly(market, policies)
        low, high = solved.system.bounds()
        if solved.system.size == 0 or kind not in {p.kind for p in policies}:
            continue
        if solved.solution.converged.all():
            assert recomputed_residual(solved.system, solved.solution.z, low, high).max() < 1e-8
        noise = 0.05 * np.random.default_rng(seed).standard_normal(solved.solution.z.shape)
        z = np.clip(solved.solution.z + noise, low + 1e-6, high - 1e-6)  # inside: at full rationing a row has a kink
        _, jac = solved.system.evaluate(z, np.zeros(1, int), 0.0, True)
        exact = complex_step(solved.system, z)
        assert np.max(np.abs(jac - exact)) <= 1e-8 * max(1.0, np.max(np.abs(exact))), (kind, seed)
        seen += 1
    assert seen >= 3
