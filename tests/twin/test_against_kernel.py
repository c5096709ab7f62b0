"""The model against its independent second implementation: 50 seeds, fixed before the first comparison."""

from __future__ import annotations

import numpy as np
import pytest

from tests.adapt import drawn, solve_case
from tests.twin import twin

SEEDS = range(70_000, 70_050)


@pytest.mark.parametrize("seed", SEEDS)
def test_kernel_and_twin_agree(seed):
    case = drawn(seed)
    other = twin.solve(case)
    assert other["solved"], other["residual"]
    ours = solve_case(case)
    assert ours.solution.converged.all()
    s, lay = ours.state, ours.system.layout
    price0, scale = s.benchmark.price0[0], np.maximum(s.benchmark.output0[0], s.benchmark.use0[0]).max(-1, keepdims=True)
    live = np.isfinite(other["price"])
    np.testing.assert_array_equal(live, lay.priced)
    np.testing.assert_allclose((s.price[0] / price0)[live], (other["price"] / price0)[live], rtol=1e-7)
    np.testing.assert_allclose(s.output[0] / scale, other["output"] / scale, atol=1e-7)
    np.testing.assert_allclose(s.final_demand[0] / scale, other["final_demand"] / scale, atol=1e-7)
    flow = np.stack([f[0] for f in s.flow])
    np.testing.assert_allclose(flow / scale[:, :, None], other["flow"] / scale[:, :, None], atol=1e-7)
    used = np.isfinite(other["buyer_price"]) & (s.use[0] > 1e-9 * scale)
    np.testing.assert_allclose(s.buyer_price[0][used], other["buyer_price"][used], rtol=1e-7)
