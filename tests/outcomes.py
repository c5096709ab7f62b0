"""What a solved scenario says, as numbers that two runs can be compared by; and the random cases the theorems are tried on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

import floormodel as fm
from floormodel.accounts import OWNER, ledger
from floormodel.equilibrium.solve import Solved, find_quietly
from floormodel.policies import Instrument
from tests.twin.random_markets import random_case

Array = np.ndarray
NUMBERS = st.integers(0, 2**32 - 1)
IN_TONNES = ("output", "use", "final_demand", "flow")


def examples(count: int) -> settings:
    """The same `count` examples on every run; a failure names its number, nothing is shrunk."""
    return settings(max_examples=count, derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate],
                    suppress_health_check=list(HealthCheck))


def case_of(own: int, number: int, **kwargs: Any) -> dict[str, Any]:
    """A random case; `own` keeps the draws of one test apart from those of every other."""
    return random_case(np.random.default_rng([own, number]), **kwargs)


def run(market: fm.Market, policies: Sequence[Instrument] = ()) -> Solved:
    """Solve, and insist that every draw is solved."""
    solved = find_quietly(market, policies)
    assert solved.solution.converged.all(), solved.solution
    return solved


def outcome(solved: Solved) -> dict[str, Array]:
    """Prices in USD/t, nan where nothing is made or bought, and tonnes; node arrays (B, G, R), flows (B, G, O, D)."""
    s, lay = solved.state, solved.system.layout
    bought = s.use > 1e-9 * np.max(s.use, axis=-1, keepdims=True)
    return {"price": np.where(lay.priced, s.price, np.nan), "buyer_price": np.where(bought, s.buyer_price, np.nan),
            "output": s.output, "use": s.use, "final_demand": s.final_demand, "flow": np.stack(s.flow, axis=1)}


def gap(one: dict[str, Array], other: dict[str, Array]) -> float:
    """Largest relative difference: of each price, and of tonnes to the largest figure of their kind and good."""
    worst = 0.0
    for name, left in one.items():
        right = other[name]
        assert left.shape == right.shape and np.array_equal(np.isnan(left), np.isnan(right)), name
        if name in IN_TONNES:
            scale = np.max(np.abs(right), axis=tuple(range(2, right.ndim)), keepdims=True)
        else:
            scale = np.abs(right)
        worst = max(worst, float(np.max(np.nan_to_num(np.abs(left - right) / np.where(scale > 0, scale, 1.0)), initial=0.0)))
    return worst


def changes(solved: Solved, base: Solved) -> dict[str, Array]:
    """Change lines by account (B, G, R), USD/yr."""
    now, before = ledger(solved), ledger(base)
    return {name: now.lines[name] - before.lines[name] for name in OWNER}


def turnover(solved: Solved) -> float:
    """What all uses are worth, USD/yr (largest over draws)."""
    return float(np.max(ledger(solved).turnover))


def money_gap(one: dict[str, Array], other: dict[str, Array], scale: Array | float) -> float:
    """Largest difference of any line, relative to `scale`."""
    return max(float(np.max(np.abs(one[name] - other[name]) / scale, initial=0.0)) for name in one)


def by_owner(lines: dict[str, Array], *owners: str) -> Array:
    """Sum of the lines of some owners over goods (B, R); of all owners by default."""
    return sum((lines[name].sum(1) for name in lines if not owners or OWNER[name] in owners), np.zeros(1))
