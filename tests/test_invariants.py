"""What must hold on any market and policy mix: both money identities, the solver's certificate, the Jacobian."""

from __future__ import annotations

import numpy as np
import pytest

from floormodel.accounts import ledger, regional_identity, world_identity
from floormodel.equilibrium.newton import recomputed_residual
from floormodel.equilibrium.solve import find_quietly
from floormodel.equilibrium.sourcing import ces, logit, sourcing_cost
from tests.adapt import complex_step, drawn, market_of, policies_of, solve_case

# kinds of the random mixes; tests/test_registry.py asks the derivative of every kind
DRAWN = ("export_quota", "export_tax", "import_tariff", "price_floor", "price_gap_subsidy", "stockpile")
PER_CHUNK, CHUNKS = 100, 10  # 1,000 random calibrations with random policy mixes


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_both_identities_on_random_markets_and_policies(chunk):
    """Model section 7: to 1e-8 of turnover; unsolved draws are counted, at most 0.5 % of them."""
    unsolved, mixes = [], 0
    for seed in range(40_000 + chunk * PER_CHUNK, 40_000 + (chunk + 1) * PER_CHUNK):
        case = drawn(seed, extras=seed % 4 == 0)
        market = market_of(case)
        base, solved = find_quietly(market), find_quietly(market, policies_of(case))
        mixes += len(case["policies"]) > 1
        if not (solved.solution.converged.all() and base.solution.converged.all()):
            unsolved.append(seed)
            continue
        now, before = ledger(solved), ledger(base)
        assert world_identity(now, before)[0] < 1e-8, seed
        assert regional_identity(solved, now, before)[0] < 1e-8, seed
        assert regional_identity(base, before, before)[0] < 1e-8, seed
    assert len(unsolved) <= 0.005 * PER_CHUNK, f"not solved: {unsolved}"
    assert mixes >= 0.4 * PER_CHUNK


@pytest.mark.parametrize("seed", range(300))
def test_benchmark_takes_no_step(seed):
    base = solve_case(drawn(seed), [])
    assert base.solution.converged.all() and base.solution.iterations.max() == 0


@pytest.mark.parametrize("kind", DRAWN)
def test_jacobian_against_complex_step(kind):
    """At points off the solution, for at least twelve random mixes that contain the instrument."""
    seen = 0
    for seed in range(50_000, 50_400):
        case = drawn(seed, extras=seed % 3 == 0)
        if kind not in {p["kind"] for p in case["policies"]}:
            continue
        solved = solve_case(case)
        rng = np.random.default_rng([seed, 1])
        low, high = solved.system.bounds()
        z = np.clip(solved.solution.z + 0.05 * rng.standard_normal(solved.solution.z.shape), low, high)
        if z.shape[1] == 0:
            continue
        _, jac = solved.system.evaluate(z, np.zeros(1, int), 0.0, True)
        exact = complex_step(solved.system, z)
        assert np.max(np.abs(jac - exact)) <= 1e-8 * max(1.0, np.max(np.abs(exact))), (kind, seed)
        seen += 1
        if seen == 40:
            break
    assert seen >= 12


@pytest.mark.parametrize("seed", range(60))
def test_solution_satisfies_every_row_and_bound(seed):
    solved = solve_case(drawn(60_000 + seed))
    low, high = solved.system.bounds()
    assert solved.solution.converged.all()
    assert np.all(solved.solution.z >= low - 1e-12) and np.all(solved.solution.z <= high + 1e-12)
    residual = recomputed_residual(solved.system, solved.solution.z, low, high)
    assert residual.max() < 1e-9


@pytest.mark.parametrize("seed", range(40))
def test_solution_does_not_depend_on_the_start(seed):
    case = drawn(61_000 + seed)
    market, policies = market_of(case), policies_of(case)
    one = find_quietly(market, policies)
    rng = np.random.default_rng([seed, 2])
    start = one.solution.z + 0.3 * rng.standard_normal(one.solution.z.shape)
    other = find_quietly(market, policies, start)
    assert other.solution.converged.all()
    lay = one.system.layout
    np.testing.assert_allclose(other.state.price[:, lay.priced], one.state.price[:, lay.priced], rtol=1e-7)


@pytest.mark.parametrize("seed", range(50))
def test_logit_index_share_and_sourcing_cost_agree(seed):
    """P use - sum c q equals the cost taken from shares alone; dP/dc = s; tonnes add up."""
    rng = np.random.default_rng([seed, 3])
    n = int(rng.integers(1, 7))
    weight = rng.dirichlet(np.ones(n))[None, :, None] * rng.choice([1.0, 1.07])
    landed0 = rng.uniform(10, 20, (1, n, 1))
    price0 = (weight * landed0).sum(1) / weight.sum(1)
    beta = rng.uniform(0.5, 20, (1, 1)) / price0
    landed = landed0 * np.exp(rng.choice([1e-6, 0.01, 0.5]) * rng.standard_normal((1, n, 1)))
    bought = logit(landed, weight, landed0, price0, beta)
    np.testing.assert_allclose(bought.share.sum(1), 1.0, rtol=1e-13)
    use = np.array([[1234.5]])
    gap = bought.price * use - (landed * bought.share).sum(1) * use
    np.testing.assert_allclose(sourcing_cost(use, bought.share, weight, landed0, price0, beta), gap, atol=1e-10 * use.max() * 20)
    for o in range(n):
        bumped = landed.astype(complex)
        bumped[0, o, 0] += 1e-40j
        slope = logit(bumped, weight, landed0, price0, beta).price.imag / 1e-40
        np.testing.assert_allclose(slope, bought.share[:, o], atol=1e-12)


@pytest.mark.parametrize("distance", [1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
def test_ces_is_continuous_through_one(distance):
    """Reliability 46: the result at sigma = 1 +- d differs from that at 1 by no more than order d."""
    rng = np.random.default_rng(4)
    weight, landed0 = rng.dirichlet(np.ones(4))[None, :, None], rng.uniform(10, 20, (1, 4, 1))
    price0 = (weight * landed0).sum(1)
    landed = landed0 * np.exp(0.4 * rng.standard_normal((1, 4, 1)))
    at_one = ces(landed, weight, landed0, price0, np.ones((1, 1))).price
    cobb_douglas = price0 * np.exp((weight * landed0 / price0 * np.log(landed / landed0)).sum(1))
    np.testing.assert_allclose(at_one, cobb_douglas, rtol=1e-13)
    for sign in (-1, 1):
        near = ces(landed, weight, landed0, price0, np.full((1, 1), 1 + sign * distance)).price
        assert abs(near / at_one - 1).max() <= 1e-12 + 10 * distance
