"""Random balanced markets in the neutral case format, for tests of any implementation of the model.

A case is ``{"goods": [...], "regions": [...], "arrays": {...}, "policies": [...]}``; the arrays carry the names and
units of ``floormodel.schema``. Draws are rounded to six digits, so that a seed gives the same case on every machine. A
market is built from the upstream good down, so that it balances by construction: output and stocks give shipments,
shipments give use, part of the use becomes output of the next good, and the rest is final demand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.twin.draws import chance, log_uniform, pick, uniform
from tests.twin.random_policies import random_policies

Arrays = dict[str, np.ndarray]


def random_case(rng: Generator, *, regions: int | None = None, goods: int | None = None, policies: int | None = None,
                extras: bool = False) -> dict[str, Any]:
    """One random market with a random policy mix.

    Args:
        rng: the source of all draws.
        regions: number of regions, 1 to 6 (drawn when None).
        goods: number of goods, 1 to 3 (drawn when None).
        policies: number of instruments; drawn when None (half of the cases have two or three).
        extras: also draw scenario shifters and linear curves (`supply_curve`, `demand_curve` keys of the case).

    Returns:
        The case. Arrays in t/yr and USD/t, dims as in ``floormodel.schema``; benchmark balance holds to 1e-12.
    """
    n_goods = goods if goods is not None else pick(rng, (1, 2, 2, 3, 3))
    n_regions = regions if regions is not None else pick(rng, (1, 2, 3, 4, 5, 6))
    arrays = _quantities(rng, n_goods, n_regions)
    arrays |= _wedges(rng, arrays)
    arrays |= _elasticities(rng, arrays)
    case: dict[str, Any] = {
        "goods": [f"g{g}" for g in range(n_goods)], "regions": [f"r{r}" for r in range(n_regions)], "arrays": arrays}
    number = policies if policies is not None else pick(rng, (1, 1, 1, 2, 2, 3))
    case["policies"] = random_policies(rng, case, number, benchmark_prices(arrays))
    if extras:
        arrays |= _shifters(rng, arrays["output0"])
        case["supply_curve"] = pick(rng, ("isoelastic", "linear"))
        case["demand_curve"] = pick(rng, ("isoelastic", "linear"))
    return case


def benchmark_prices(arrays: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Border price b0 and landed price c0 of every route and the index P0 (nan where nothing is bought), USD/t."""
    gate = arrays["price0"][:, :, None]
    border = (gate + arrays["export_levy0"]) * (1 + arrays["export_rate0"]) + arrays["freight"]
    landed = border * (1 + arrays["import_rate0"]) + arrays["import_levy0"]
    use = arrays["flow0"].sum(axis=1)
    spent = (arrays["flow0"] * landed).sum(axis=1)
    return border, landed, np.divide(spent, use, out=np.full_like(use, np.nan), where=use > 0)


# ---- quantities


def _recipe(rng: Generator, n_goods: int) -> np.ndarray:
    """Tonnes of input per tonne of good, (G, G); mostly a chain, now and then a second input or a separate good."""
    recipe = np.zeros((n_goods, n_goods))
    for good in range(1, n_goods):
        if chance(rng, 0.9):
            recipe[good, good - 1] = uniform(rng, 1, 1.6)
        if good == 2 and (chance(rng, 0.15) or (recipe[1].any() and not recipe[2].any())):
            recipe[2, 0] = uniform(rng, 1, 1.6)
    return recipe


def _quantities(rng: Generator, n_goods: int, n_regions: int) -> Arrays:
    """Output, recycled tonnes, stock changes, shipments and final demand, in balance, t/yr."""
    recipe = _recipe(rng, n_goods)
    output, secondary, stock_change, left = (np.zeros((n_goods, n_regions)) for _ in range(4))
    flow = np.zeros((n_goods, n_regions, n_regions))
    scale = log_uniform(rng, 10, 1e6)
    for good in range(n_goods):
        inputs = np.flatnonzero(recipe[good])
        if len(inputs) > 1 and not np.all([left[h] > 0 for h in inputs], axis=0).any():
            recipe[good, inputs[0]], inputs = 0, inputs[1:]  # no region buys both
        shared = any(recipe[later, h] > 0 for later in range(good + 1, n_goods) for h in inputs)
        if len(inputs):
            most = np.min([left[h] / recipe[good, h] for h in inputs], axis=0)
            output[good] = most * _fractions(rng, most, 0.95 if shared else 1.0)
        else:
            most = np.full(n_regions, scale)
            output[good] = most * [log_uniform(rng, 0.01, 1) for _ in most] * (_fractions(rng, most, 0.95) > 0)
        for h in inputs:
            use = flow[h].sum(axis=0)
            rest = left[h] - recipe[good, h] * output[good]
            left[h] = np.where(rest > 1e-13 * use, rest, 0)
        for r in np.flatnonzero(output[good]):
            secondary[good, r] = output[good, r] * uniform(rng, 0.02, 0.4) if chance(rng, 0.25) else 0
            stock_change[good, r] = output[good, r] * uniform(rng, -0.15, 0.15) if chance(rng, 0.3) else 0
        shipped = output[good] + secondary[good] - stock_change[good]
        flow[good] = shipped[:, None] * _destinations(rng, output[good] > 0)
        left[good] = flow[good].sum(axis=0)
    return {"recipe": recipe, "output0": output, "secondary0": secondary, "stock_change0": stock_change,
            "flow0": flow, "final_demand0": left}


def _fractions(rng: Generator, most: np.ndarray, highest: float) -> np.ndarray:
    """How much of the possible output each region makes: some make none, at least one makes some."""
    share = np.array([0.0 if chance(rng, 0.25) else highest if chance(rng, 0.1) else uniform(rng, 0.05, 0.95)
                      for _ in most])
    if not (share * most).any():
        share[int(np.argmax(most))] = uniform(rng, 0.05, 0.95)
    return share


def _destinations(rng: Generator, sells: np.ndarray) -> np.ndarray:
    """(R, R) share of each destination in an origin's shipments; some are zero, a few destinations get nothing."""
    regions = range(len(sells))
    weights = np.array([[log_uniform(rng, 0.02, 1) if sells[o] and chance(rng, 0.85 if o == d else 0.6) else 0.0
                         for d in regions] for o in regions])
    for d in regions:
        if not weights[:, d].any() and chance(rng, 0.8):
            weights[pick(rng, np.flatnonzero(sells)), d] = uniform(rng, 0.05, 0.5)
    for o in np.flatnonzero(sells & ~weights.any(axis=1)):
        weights[o, pick(rng, regions)] = 1
    total = weights.sum(axis=1, keepdims=True)
    return weights / np.where(total > 0, total, 1)


# ---- prices and wedges


def _route_draws(rng: Generator, n_regions: int, low: float, high: float, often: float) -> np.ndarray:
    """(R, R) draws on a share `often` of the routes, zero on the own region."""
    present = chance(rng, 0.6)
    return np.array([[uniform(rng, low, high) if present and o != d and chance(rng, often) else 0.0
                      for d in range(n_regions)] for o in range(n_regions)])


def _wedges(rng: Generator, quantities: Arrays) -> Arrays:
    """Prices, freight, duties, royalties and subsidies; margins of processed goods are positive."""
    n_goods, n_regions = quantities["output0"].shape
    node = (n_goods, n_regions)
    routes = ("freight", "export_rate0", "export_levy0", "import_rate0", "import_levy0")
    out: Arrays = {name: np.zeros((*node, n_regions)) for name in routes}
    out |= {name: np.zeros(node) for name in ("price0", "royalty0", "under_invoicing", "subsidy0")}
    out["price0"][:] = 1.0
    upstream = log_uniform(rng, 10, 1e6)
    for good in range(n_goods):
        royalties, evasion, subsidies = (0.5 * chance(rng, 0.6) for _ in range(3))
        out["royalty0"][good] = [uniform(rng, 0.01, 0.15) if chance(rng, royalties) else 0 for _ in range(n_regions)]
        out["under_invoicing"][good] = [uniform(rng, 0.05, 0.6) if chance(rng, evasion) else 0
                                        for _ in range(n_regions)]
        price = _gate_price(rng, quantities, out, good, upstream)
        out["price0"][good] = price
        out["subsidy0"][good] = [price * uniform(rng, -0.02, 0.1) if chance(rng, subsidies) else 0
                                 for _ in range(n_regions)]
        out["freight"][good] = price * _route_draws(rng, n_regions, 0, 0.3, 0.9)
        out["freight"][good] += price * np.diag([uniform(rng, 0, 0.05) if chance(rng, 0.2) else 0
                                                 for _ in range(n_regions)])
        out["export_rate0"][good] = _route_draws(rng, n_regions, 0, 0.3, 0.4)
        out["export_levy0"][good] = price * _route_draws(rng, n_regions, -0.05, 0.15, 0.3)
        out["import_rate0"][good] = _route_draws(rng, n_regions, 0, 0.4, 0.5)
        out["import_levy0"][good] = price * _route_draws(rng, n_regions, 0, 0.2, 0.3)
    return out


def _gate_price(rng: Generator, quantities: Arrays, out: Arrays, good: int, upstream: float) -> float:
    """The good's gate price, common to all regions: above every producer's cost of inputs if it is processed."""
    recipe, output = quantities["recipe"][good], quantities["output0"][good]
    if not recipe.any():
        return upstream if good == 0 else log_uniform(rng, 10, 1e6)
    index = benchmark_prices(out | quantities)[2]
    cost = np.nansum(recipe[:, None] * index, axis=0) / (1 - out["royalty0"][good])
    return float(f"{np.max(cost[output > 0]) * uniform(rng, 1.1, 3):.6g}")


# ---- parameters


def _special(rng: Generator, low: float, high: float, zero: bool) -> float:
    if chance(rng, 0.2):
        return pick(rng, (0.0, 0.0, 1.0, 5.0) if zero else (1.0, 5.0))
    return log_uniform(rng, low, high)


def _elasticities(rng: Generator, arrays: Arrays) -> Arrays:
    """Elasticities, capacities, choke and scrap factors. No good has both rigid supply and rigid demand."""
    n_goods, n_regions = arrays["output0"].shape
    node = (n_goods, n_regions)
    out: Arrays = {name: np.zeros(node) for name in (
        "supply_elasticity", "secondary_elasticity", "demand_elasticity", "sourcing_elasticity")}
    out["capacity"] = np.full(node, np.inf)
    for good in range(n_goods):
        use, final = arrays["flow0"][good].sum(axis=0), arrays["final_demand0"][good]
        rigid_supply = chance(rng, 0.5) and bool(np.all((final > 0) | (use == 0)))
        for r in range(n_regions):
            out["supply_elasticity"][good, r] = _special(rng, 0.1, 5, rigid_supply)
            out["demand_elasticity"][good, r] = _special(rng, 0.05, 3, not rigid_supply)
            out["secondary_elasticity"][good, r] = pick(rng, (0.0, log_uniform(rng, 0.1, 2)))
            out["sourcing_elasticity"][good, r] = log_uniform(rng, 0.5, 20)
            if arrays["output0"][good, r] > 0 and chance(rng, 0.3):
                out["capacity"][good, r] = arrays["output0"][good, r] * uniform(rng, 1.01, 2)
    if chance(rng, 0.5):
        out["choke_factor"] = np.array([log_uniform(rng, 1.3, 20) for _ in range(n_goods)])
    if chance(rng, 0.5):
        out["scrap_factor"] = np.array([uniform(rng, 0.01, 0.3) for _ in range(n_goods)])
    return out


def _shifters(rng: Generator, output: np.ndarray) -> Arrays:
    """Scenario shifters: factors on supply and demand, added tonnes (none by default)."""
    def factors() -> np.ndarray:
        draws = [uniform(rng, 0.7, 1.3) if chance(rng, 0.3) else 1.0 for _ in range(output.size)]
        return np.reshape(draws, output.shape)

    added = np.reshape([uniform(rng, 0, 0.2) if chance(rng, 0.2) else 0.0 for _ in range(output.size)], output.shape)
    return {"supply_shift": factors(), "demand_shift": factors(), "supply_add": added * output}
