"""World welfare in quantities only, as the oracle sees it: areas under curves, nothing taken from solution prices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.twin.twin_market import Array, Twin, prepare

NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def accounts(case: dict[str, Any], solution: dict[str, Any], base: dict[str, Any]) -> dict[str, float]:
    """Change of world welfare between two solutions of one market, USD/yr.

    Args:
        case: the market in the neutral format (its policies do not matter).
        solution: output, secondary, final_demand, use, flow, scrapped, purchases_from, as `solve` gives them.
        base: the same without the policies.

    Returns:
        Changes of demand_area, supply_cost (of processed goods: processing alone), freight, sourcing_cost, scrap_value;
        total = demand_area - supply_cost - freight - sourcing_cost + scrap_value. Recycled and added tonnes have no
        cost, and public stocks no value, in the total; stock_tonnes is how much more is held, t/yr, all goods.
    """
    after, before = levels(case, solution), levels(case, base)
    change = {name: float(np.sum(after[name] - before[name])) for name in after}
    change["total"] = (change["demand_area"] - change["supply_cost"] - change["freight"] - change["sourcing_cost"]
                       + change["scrap_value"])
    return change


def levels(case: dict[str, Any], solution: dict[str, Any]) -> dict[str, Array]:
    """The components of world welfare at one solution, (G, R) by the region where they arise, USD/yr and t/yr."""
    twin = prepare(case | {"policies": []})
    a = twin.a
    least = a["scrap_factor"][:, None] * a["price0"]
    bought = solution["purchases_any"] + solution["purchases_from"].sum(axis=1)
    return {"demand_area": demand_area(twin, solution["final_demand"]),
            "supply_cost": supply_cost(twin, solution["output"]), "stock_tonnes": bought,
            "freight": (a["freight"] * solution["flow"]).sum(axis=2), "sourcing_cost": _sourcing_cost(twin, solution),
            "scrap_value": least * solution["scrapped"]}


def demand_area(twin: Twin, demand: Array) -> Array:
    """Area under inverse demand up to `demand` (G, R), USD/yr; no tonne is worth more than the choke price."""
    a, at_benchmark = twin.a, twin.a["final_demand0"] * twin.a["demand_shift"]
    index = np.nan_to_num(twin.index0)
    eta, choke = a["demand_elasticity"], a["choke_factor"][:, None] + 0 * index
    out = np.zeros(twin.shape)
    for node in zip(*np.nonzero((at_benchmark > 0) & twin.supplied & (demand > 0))):
        n, full = float(eta[node]), float(at_benchmark[node])
        ratio = float(demand[node]) / full
        if twin.case.get("demand_curve", "isoelastic") == "linear" and n > 0:
            out[node] = index[node] * full * (ratio * (1 + 1 / n) - ratio**2 / (2 * n))
        elif n == 0 or ratio <= choke[node] ** -n:
            out[node] = choke[node] * index[node] * demand[node]
        else:
            low, high = -n * np.log(choke[node]), np.log(ratio)
            points = low + (high - low) * (NODES + 1) / 2
            above = np.sum(WEIGHTS * np.exp(points * (1 - 1 / n))) * (high - low) / 2
            out[node] = index[node] * full * (choke[node] ** (1 - n) + above)
    return out


def supply_cost(twin: Twin, output: Array) -> Array:
    """Area under the inverse supply curve (for a processed good: of its margin) from nothing to `output` (G, R).

    Rigid supply has no cost.
    """
    a, at_benchmark = twin.a, twin.a["output0"] * twin.a["supply_shift"]
    out = np.zeros(twin.shape)
    for node in zip(*np.nonzero(twin.active & (a["supply_elasticity"] > 0) & (at_benchmark > 0))):
        e, ratio = float(a["supply_elasticity"][node]), float(output[node] / at_benchmark[node])
        if twin.case.get("supply_curve", "isoelastic") == "linear":
            area = ratio * (1 - 1 / e) + ratio**2 / (2 * e)
        else:
            area = ratio ** (1 + 1 / e) / (1 + 1 / e)
        out[node] = twin.margin0[node] * at_benchmark[node] * area
    return out


def _sourcing_cost(twin: Twin, solution: dict[str, Any]) -> Array:
    """Buyers' cost of taking less preferred sources: entropy of the shares and the benchmark price of the mix."""
    through = np.maximum(solution["flow"] - solution["purchases_from"], 0)
    use = solution["use"]
    share = through / np.where(use > 0, use, 1)[:, None, :]
    weight = np.where(twin.share0 > 0, twin.share0, 1)
    entropy = (share * np.log(np.where(share > 0, share, 1) / weight)).sum(axis=1)
    mix = (share * np.where(share > 0, twin.landed0, 0)).sum(axis=1)
    return np.where(use > 0, use * (entropy / twin.beta + np.nan_to_num(twin.index0) - mix), 0)
