"""From the neutral case format of tests/twin to a Market and its instruments."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import floormodel as fm
from floormodel.equilibrium.solve import Solved, find
from floormodel.errors import InertWarning
from floormodel.policies import REGISTRY, Instrument
from tests.twin.random_markets import random_case


def market_of(case: dict[str, Any]) -> fm.Market:
    curves = {k: case[k] for k in ("sourcing", "supply_curve", "demand_curve") if k in case}
    return fm.market_from_arrays("random", case["goods"], case["regions"], case["arrays"], **curves)


def policies_of(case: dict[str, Any]) -> list[Instrument]:
    return [REGISTRY[p["kind"]](**p) for p in case["policies"]]


def solve_case(case: dict[str, Any], policies: list[Instrument] | None = None) -> Solved:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        return find(market_of(case), policies_of(case) if policies is None else policies)


def drawn(seed: int, **kwargs: Any) -> dict[str, Any]:
    return random_case(np.random.default_rng(seed), **kwargs)


def complex_step(system: Any, z: np.ndarray) -> np.ndarray:
    """Jacobian (1, n, n) of a system's rows by complex step: exact to rounding."""
    draw = np.zeros(1, int)
    out = np.empty((1, z.shape[1], z.shape[1]))
    for j in range(z.shape[1]):
        zz = z.astype(complex)
        zz[:, j] += 1e-40j
        out[:, :, j] = system.evaluate(zz, draw, 0.0, False)[0].imag / 1e-40
    return out
