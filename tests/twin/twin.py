"""An independent second solution of the model, used only to check the package against: slow, plain, accurate.

The equations are in `twin_equations`, the reading of cases in `twin_market`. A bounded least-squares search, with the
kinks rounded if need be, finds the neighbourhood; Newton steps on the exact equations finish. When the cold start
fails, the policies are brought in little by little, then the instruments' unknowns are led to their upper bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import least_squares

from tests.twin import measures_border, measures_producers, measures_sourcing  # noqa: F401  they add readers of instruments
from tests.twin.twin_accounts import accounts
from tests.twin.twin_equations import bounds, evaluate, jacobian, residual, start
from tests.twin.twin_market import Array, Twin, prepare

__all__ = ["accounts", "check", "solve", "vector"]

CLOSE = 1e-11
# paths of (rounding of kinks, part of the policies, where bounded instruments are held: nan when they are free)
_FREE = np.nan
_EXACT = ((0.0, 1.0, _FREE),)
_SHARP = tuple((soft, 1.0, _FREE) for soft in (1e-2, 1e-4, 1e-7, 0.0))
_ROUND = tuple((soft, 1.0, _FREE) for soft in (1.0, 0.3, 0.1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-7, 0.0))
_PART = tuple((1e-3, part / 20, _FREE) for part in range(1, 21)) + _SHARP[1:]
_FULL = tuple((0.0, 1.0, share / 10) for share in range(1, 11)) + _EXACT


def solve(case: dict[str, Any], first: dict[str, Any] | None = None) -> dict[str, Any]:
    """The equilibrium of a case in the neutral format.

    Args:
        case: goods, regions, arrays and policies.
        first: where to start: price and buyer_price (G, R), perhaps unserved and unknowns (None: the benchmark).

    Returns:
        price, buyer_price, net_price, margin, output, secondary, final_demand, use, unserved, scrapped, purchases_any
        (G, R) and flow, border_price, landed_price, floor_top_up, purchases_from (G, R, R), USD/t and t/yr, prices nan
        where nothing is made or bought; unknowns: one dict of name -> value per policy; solved; residual: the largest
        row, relative to the benchmark.
    """
    twin = prepare(case)
    cold = start(twin) if first is None else vector(twin, first)
    for path in (_EXACT, _SHARP, _ROUND, _PART, _FULL):
        z = cold
        for soft, part, pinned in path:
            z = _search(twin, z, soft, part, pinned)
        z = _polish(twin, z)
        if np.abs(residual(twin, z)).max() < CLOSE:
            break
    return _report(twin, z)


def check(case: dict[str, Any], solution: dict[str, Any]) -> float:
    """How far somebody's solution is from equilibrium: the largest row, relative to the benchmark.

    Args:
        case: the case in the neutral format.
        solution: price, buyer_price (G, R), unserved if any, unknowns (a dict of name -> value per policy).

    Returns:
        The largest row; an equilibrium other than the oracle's own also gives about zero.
    """
    twin = prepare(case)
    return float(np.abs(residual(twin, vector(twin, solution))).max())


def vector(twin: Twin, solution: dict[str, Any]) -> Array:
    """Prices, indices, unserved shares and instruments' unknowns in the oracle's own order and units."""
    unserved = np.asarray(solution.get("unserved", np.zeros(twin.shape)))
    named = solution.get("unknowns") or [{} for _ in twin.case["policies"]]
    own = [named[u.policy].get(u.name, 0.0) / u.scale for u in twin.tools.unknowns]
    return np.concatenate([(solution["price"] / twin.a["price0"])[twin.active],
                           (solution["buyer_price"] / twin.index0)[twin.supplied], unserved[twin.supplied], own])


def _search(twin: Twin, z: Array, soft: float, part: float, pinned: float) -> Array:
    """Bounded least squares from `z`; a `pinned` share holds instruments at that share of their finite upper bound."""
    low, high = bounds(twin)
    held = np.arange(len(z)) >= len(z) - len(twin.tools.unknowns) * np.isfinite(pinned)
    goal = np.where(np.isfinite(high) & held, high, 0) * np.nan_to_num(pinned)
    low = np.where(np.isfinite(low), np.where(low > 0, 0.5 * low, -0.5), 1e-3)
    high = np.where(np.isfinite(high), high + 0.5, 1e6)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        found = least_squares(lambda x: np.where(held, x - goal, residual(twin, x, soft, part)),
                              np.clip(z, low + 1e-9, high - 1e-9),
                              lambda x: np.where(held[:, None], np.eye(len(x)), jacobian(twin, x, soft, part)),
                              (low, high), x_scale=1.0, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=60)
    return found.x


def _polish(twin: Twin, z: Array) -> Array:
    """Newton steps on the exact equations, as long as they help."""
    now = np.abs(residual(twin, z)).max()
    for _ in range(20):
        step = np.linalg.lstsq(jacobian(twin, z), residual(twin, z), rcond=1e-15)[0]
        trial = z - step
        if np.any(trial[: int(twin.active.sum() + twin.supplied.sum())] <= 0):
            break
        size = np.abs(residual(twin, trial)).max()
        if not size < now:
            break
        z, now = trial, size
    return z


def _report(twin: Twin, z: Array) -> dict[str, Any]:
    state = evaluate(twin, z)
    error = float(np.abs(residual(twin, z)).max())
    live, bought = twin.active, twin.supplied
    kept = np.where(live, twin.a["stock_change0"], 0)
    excess = state["output"] + state["secondary"] - kept - state["flow"].sum(axis=-1)
    floored = live & (state["price"] <= twin.a["scrap_factor"][:, None] * twin.a["price0"] * (1 + 1e-9))
    routes = live[:, :, None]
    unknowns: list[dict[str, float]] = [{} for _ in twin.case["policies"]]
    for unknown, value in zip(twin.tools.unknowns, state["own"]):
        unknowns[unknown.policy][unknown.name] = float(value)
    out = {name: state[name] for name in ("output", "secondary", "final_demand", "use", "flow", "unserved",
                                          "purchases_any", "purchases_from")}
    return out | {
        "price": np.where(live, state["price"], np.nan), "buyer_price": np.where(bought, state["index"], np.nan),
        "landed_price": np.where(routes, state["landed"], np.nan), "floor_top_up": np.where(routes, state["top_up"], 0),
        "border_price": np.where(routes, state["border"], np.nan), "scrapped": np.where(floored, excess, 0),
        "net_price": np.where(live, state["net_price"], np.nan), "margin": np.where(live, state["margin"], np.nan),
        "unknowns": unknowns, "solved": error < CLOSE, "residual": error}
