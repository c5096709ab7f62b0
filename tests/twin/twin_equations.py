"""The oracle's equations, in levels and written to be evaluated with complex numbers.

Buyers' indices are unknowns beside gate prices: the share of an origin is the un-normalised ``s0 exp(-beta (c - c0 -
(P - P0)))`` and the index is the number that makes the shares of a destination sum to one. Derivatives are complex
steps. Every kink is a maximum of two numbers, which may be rounded (`soft` > 0) while a solution is looked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.twin.twin_market import Array, Twin

State = dict[str, Any]


def larger(a: Any, b: Any, soft: Any = 0.0) -> Array:
    """The larger of two numbers (by real part), rounded at the kink over a width `soft`."""
    a, b = np.broadcast_arrays(a, b)
    if not np.any(soft):
        return np.where(np.real(a) >= np.real(b), a, b)
    return (a + b + np.sqrt((a - b) ** 2 + 4 * soft**2)) / 2


def smaller(a: Any, b: Any, soft: Any = 0.0) -> Array:
    """The smaller of two numbers (by real part), rounded at the kink over a width `soft`."""
    return -larger(-np.asarray(a), -np.asarray(b), soft)


def start(twin: Twin) -> Array:
    """The benchmark as a vector of unknowns: prices and indices relative to it, nothing unserved, instruments at 0."""
    n_nodes, n_buyers = int(twin.active.sum()), int(twin.supplied.sum())
    return np.concatenate([np.ones(n_nodes + n_buyers), np.zeros(n_buyers + len(twin.tools.unknowns))])


def bounds(twin: Twin) -> tuple[Array, Array]:
    """Lower and upper bound of each unknown."""
    n_buyers = int(twin.supplied.sum())
    scrap = np.broadcast_to(twin.a["scrap_factor"][:, None], twin.shape)[twin.active]
    high = [unknown.high / unknown.scale for unknown in twin.tools.unknowns]
    low = np.concatenate([scrap, np.full(n_buyers, -np.inf), np.zeros(n_buyers + len(high))])
    return low, np.concatenate([np.full(len(scrap) + n_buyers, np.inf), np.ones(n_buyers), high])


def residual(twin: Twin, z: Array, soft: float = 0.0, part: float = 1.0) -> Array:
    """How far unknowns `z` (..., n) are from equilibrium, each row relative to its benchmark size.

    A row f with unknown x between `low` and `high` gives ``x - median(low, x - f, high)``; `part` scales the policies.
    """
    low, high = bounds(twin)
    rows = evaluate(twin, z, soft, part)["rows"]
    target = z - rows
    above = np.where(np.isfinite(low), larger(target - np.where(np.isfinite(low), low, 0), 0, soft), 0)
    over = np.where(np.isfinite(high), larger(target - np.where(np.isfinite(high), high, 0), 0, soft), 0)
    return z - np.where(np.isfinite(low), low + above, target) + over


def jacobian(twin: Twin, z: Array, soft: float = 0.0, part: float = 1.0) -> Array:
    """Derivative of `residual` at `z` (n,), as an (n, n) array, by complex steps."""
    step = 1e-40
    steps = z + 1j * step * np.eye(len(z))
    return np.imag(residual(twin, steps, soft, part)).T / step


def evaluate(twin: Twin, z: Array, soft: float = 0.0, part: float = 1.0) -> State:
    """Every quantity of the model at unknowns `z` (..., n) and the rows that an equilibrium sets to zero."""
    state = _unpack(twin, z) | {"soft": soft, "part": part}
    _border(twin, state, soft, part)
    _shares(twin, state)
    _supply(twin, state, soft, part)
    _use(twin, state, soft, part)
    state["rows"] = _rows(twin, state)
    return state


def _unpack(twin: Twin, z: Array) -> State:
    n_nodes, n_buyers = int(twin.active.sum()), int(twin.supplied.sum())
    lead, a = z.shape[:-1], twin.a
    price = np.array(np.broadcast_to(a["price0"], (*lead, *twin.shape)), z.dtype)
    index = np.array(np.broadcast_to(np.nan_to_num(twin.index0, nan=1.0), (*lead, *twin.shape)), z.dtype)
    unserved = np.zeros_like(index)
    price[..., twin.active] *= z[..., :n_nodes]
    index[..., twin.supplied] *= z[..., n_nodes:n_nodes + n_buyers]
    unserved[..., twin.supplied] = z[..., n_nodes + n_buyers:n_nodes + 2 * n_buyers]
    scale = np.array([unknown.scale for unknown in twin.tools.unknowns])
    own = z[..., n_nodes + 2 * n_buyers:] * scale
    return {"price": price, "index": index, "unserved": unserved, "own": own}


# ---- trade


def _border(twin: Twin, state: State, soft: float, part: float) -> None:
    """Border price, content duty, floor top-up and landed price of every route."""
    a, tools, own = twin.a, twin.tools, state["own"]
    export_levy = a["export_levy0"] + part * tools.export_levy + np.zeros_like(state["index"])[..., None]
    import_levy = a["import_levy0"] + part * tools.import_levy + np.zeros_like(export_levy)
    for quota in tools.quotas:
        export_levy[..., quota["good"], quota["exporter"], quota["reach"]] += own[..., quota["u"], None]
    for duty in tools.duties:
        import_levy[..., duty["good"], :, :] += duty["mask"] * own[..., duty["u"], None, None]
    content_duty, rebate = _content_duty(twin, state, soft)
    state["content_duty"], state["rebate"] = part * content_duty, part * rebate
    for measure in tools.measures:
        export_levy = export_levy + part * measure.export(state)
    export_levy = export_levy - state["rebate"]
    rate = a["export_rate0"] + part * tools.export_rate
    freight = a["freight"] + part * sum(measure.freight(state) for measure in tools.measures)
    border = (state["price"][..., None] + export_levy) * (1 + rate) + freight
    customs = 1 + a["import_rate0"] + part * tools.import_rate
    state |= {"freight": freight, "import_rate": customs - 1, "import_levy": import_levy}
    import_levy = import_levy + state["content_duty"]
    levy, undertaking = _top_up(twin, border, customs, import_levy, soft, part)
    state |= {"border": border, "top_up": levy + undertaking, "undertaking": undertaking,
              "landed": (border + undertaking) * customs + import_levy + levy}
    for measure in tools.measures:
        state["landed"] = state["landed"] + part * measure.landed(state)


def _top_up(twin: Twin, border: Array, customs: Array, import_levy: Array, soft: float,
            part: float) -> tuple[Array, Array]:
    """The largest top-up of every route, as a levy or as a price undertaking, USD/t."""
    levy, undertaking = np.zeros_like(border), np.zeros_like(border)
    for floor in (floor for floor in twin.tools.floors if floor["top_up"]):
        g, width = floor["good"], soft * floor["price"]
        base = border[..., g, :, :] * customs[g] + import_levy[..., g, :, :] if floor["paid"] else border[..., g, :, :]
        short = larger(floor["price"] - base, 0, width)
        top_up = short - larger(short - floor["cap"], 0, width) if np.isfinite(floor["cap"]) else short
        if floor["paid"] and not floor["levy"]:
            top_up = top_up / customs[g]
        top_up = part * top_up
        best = floor["mask"] & (np.real(top_up) > np.real(levy + undertaking)[..., g, :, :])
        levy[..., g, :, :] = np.where(best, top_up if floor["levy"] else 0, levy[..., g, :, :])
        undertaking[..., g, :, :] = np.where(best, 0 if floor["levy"] else top_up, undertaking[..., g, :, :])
    return levy, undertaking


def _content_duty(twin: Twin, state: State, soft: float) -> tuple[Array, Array]:
    """What covered goods pay at the border for the floored input in them and get back on leaving, (..., G, R, R), USD/t."""
    recipe = twin.a["recipe"]
    content = np.linalg.inv(np.eye(len(recipe)) - recipe) - np.eye(len(recipe))
    duty = np.zeros((*state["price"].shape, twin.shape[1]), state["price"].dtype)
    rebate = np.zeros_like(duty)
    order = sorted(twin.tools.floors, key=lambda floor: (floor["neutral"], -floor["price"]))  # the strictest first
    for number, floor in enumerate(order):
        gap = _gap(twin, state, floor, soft)
        for good in floor["coverage"]:
            nearer = np.zeros_like(floor["mask"])
            for other in order:
                if good in other["coverage"] and content[other["good"], floor["good"]] > 1e-9:  # not rounding
                    nearer |= other["mask"]
            for other in order[:number]:
                if good in other["coverage"] and other["good"] == floor["good"]:
                    nearer |= other["mask"]
            added = content[good, floor["good"]] * gap * (floor["mask"] & ~nearer)
            duty[..., good, :, :] += added
            rebate[..., good, :, :] += floor["rebate"] * np.swapaxes(added, -1, -2)
    return duty, rebate


def _gap(twin: Twin, state: State, floor: dict[str, Any], soft: float) -> Array:
    """The buyers' disadvantage per tonne of the floored good, (..., R, R)."""
    h = floor["good"]
    there, here = state["index"][..., h, :], state["index"][..., h, :]
    there0, here0 = np.nan_to_num(twin.index0[h]), np.nan_to_num(twin.index0[h])
    size = np.where(twin.active[h], twin.a["output0"][h], 0)[floor["outside"]]
    if not size.size:
        return np.zeros((*there.shape, twin.shape[1]), there.dtype)
    largest = floor["outside"][int(np.argmax(size))]
    there = np.where(twin.supplied[h], there, state["price"][..., h, largest, None])
    there0 = np.where(twin.supplied[h], there0, twin.a["price0"][h, largest])
    if not floor["neutral"]:
        gap = floor["price"] - there[..., None] + np.zeros(twin.shape[1])
    else:
        gap = (here - here0)[..., None, :] - (there - there0)[..., None]
        gap = np.where(twin.supplied[h], gap, 0)
    return larger(gap, 0, soft * floor["price"])


def _shares(twin: Twin, state: State) -> None:
    """Un-normalised shares of the origins, and the logarithm of their sum, which is zero where the index is right."""
    lift = state["index"] - np.nan_to_num(twin.index0, nan=1.0)
    away = state["landed"] - twin.landed0 - lift[..., None, :]
    power = -twin.beta[:, None, :] * np.where(twin.share0 > 0, away, 0)
    state["share"] = twin.share0 * np.exp(np.where(np.real(power) > 300, 300, power))
    top = np.where(twin.share0 > 0, np.real(power), -np.inf).max(axis=-2, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = (twin.share0 * np.exp(np.where(twin.share0 > 0, power - top, 0))).sum(axis=-2)
    state["log_total"] = top[..., 0, :] + np.log(np.where(twin.supplied, total, 1))


# ---- supply


def _supply(twin: Twin, state: State, soft: float, part: float) -> None:
    """Guarantees, net prices, margins, output and recycled tonnes."""
    a, price = twin.a, state["price"]
    always, capped = np.zeros_like(price), np.zeros_like(price)
    volume = np.full(twin.shape, np.inf)
    state["guarantees"] = []
    for subsidy in twin.tools.subsidies:
        g, regions = subsidy["good"], subsidy["regions"]
        rate = part * _guarantee(price[..., g, :], subsidy, soft)
        rate = rate * state["own"][..., subsidy["u"], None] if "u" in subsidy else rate
        state["guarantees"].append(rate)
        if subsidy["volume"] is None:
            always[..., g, regions] += rate[..., regions]
        else:
            capped[..., g, regions] += larger(rate[..., regions], 0, soft * subsidy["strike"])
            volume[g, regions] = subsidy["volume"]
    for name in ("final_tax", "input_tax"):
        state[name] = part * sum(getattr(measure, name)(state) for measure in twin.tools.measures) + np.zeros_like(price)
    inputs = np.einsum("gh,...hr->...gr", a["recipe"], state["index"] + state["input_tax"])
    keep = twin.keep + part * twin.tools.keep
    receipts = a["subsidy0"] + part * sum(measure.receipts(state) for measure in twin.tools.measures)
    without = (price + always) * keep + receipts
    marginal = (price + always + capped) * keep + receipts
    floor = _output(twin, without - inputs, soft)
    best = _output(twin, marginal - inputs, soft)
    width = soft * a["output0"]
    limited = larger(floor, smaller(best, np.where(np.isfinite(volume), volume, 0), width), width)
    state["output"] = np.where(twin.active, np.where(np.isfinite(volume), limited, best), 0)
    state["secondary"] = np.where(twin.active, a["secondary0"] * (price / a["price0"]) ** a["secondary_elasticity"]
                                  + a["supply_add"], 0)
    state |= {"net_price": marginal, "margin": marginal - inputs, "receipts": receipts, "keep": keep}


def _guarantee(price: Array, subsidy: dict[str, Any], soft: float) -> Array:
    """Payment per tonne, clawback negative, (..., R), USD/t."""
    reference = price if subsidy["weights"] is None else (price @ subsidy["weights"])[..., None] + 0 * price
    width = soft * subsidy["strike"]
    return larger(subsidy["strike"] - reference, 0, width) - subsidy["share"] * larger(
        reference - subsidy["threshold"], 0, width)


def _output(twin: Twin, margin: Array, soft: float) -> Array:
    """The supply curve at a margin (the net price of a mined good), t/yr."""
    a, first = twin.a, np.where(twin.active, twin.margin0, 1.0)
    if twin.case.get("supply_curve", "isoelastic") == "linear":
        curve = larger(1 + a["supply_elasticity"] * (margin / first - 1), 0, soft)
    else:
        curve = larger(margin / first, 1e-6, soft) ** a["supply_elasticity"]
    output = a["output0"] * a["supply_shift"] * curve
    limit = np.where(np.isfinite(a["capacity"]), a["capacity"], 0)
    return np.where(np.isfinite(a["capacity"]), smaller(output, limit, soft * a["output0"]), output)


# ---- use


def _use(twin: Twin, state: State, soft: float, part: float) -> None:
    """Final demand, use, public purchases and shipments."""
    a, tools, own = twin.a, twin.tools, state["own"]
    first = np.nan_to_num(twin.index0, nan=1.0)
    ratio = (state["index"] + state["final_tax"]) / first
    if twin.case.get("demand_curve", "isoelastic") == "linear":
        curve = larger(1 - a["demand_elasticity"] * (ratio - 1), 0, soft)
    else:
        choke = a["choke_factor"][:, None]
        curve = larger(1 / ratio, 1 / choke, soft / choke) ** a["demand_elasticity"] * (1 - state["unserved"])
    demand = np.where(twin.supplied, a["final_demand0"] * a["demand_shift"] * curve, 0)
    anyone = np.zeros_like(demand)
    direct = np.zeros_like(state["landed"])
    for stock in tools.stocks:
        if stock["source"] == "any":
            anyone[..., stock["good"], stock["region"]] += part * own[..., stock["u"]]
        direct[..., stock["good"], :, stock["region"]] += part * stock["weights"] * own[..., stock["u"], None]
    for release in tools.releases:
        anyone[..., release["good"], release["region"]] -= part * own[..., release["u"]]
    for buying in tools.interventions:
        direct[..., buying["good"], buying["region"], buying["region"]] += part * own[..., buying["u"]]
    inputs = np.einsum("gh,...gr->...hr", a["recipe"], state["output"])
    use = np.where(twin.supplied, demand + inputs + anyone, 0)
    state |= {"final_demand": demand, "use": use, "purchases_any": anyone, "purchases_from": direct}
    state["delivered"] = part * sum(measure.delivered(state) for measure in tools.measures) + np.zeros_like(direct)
    rest = use - state["delivered"].sum(axis=-2)
    state["flow"] = state["share"] * rest[..., None, :] + state["delivered"] + direct


# ---- rows


def _rows(twin: Twin, state: State) -> Array:
    """Market, index, choke and instrument rows, relative; positive where the unknown wants to be at its lower bound."""
    a, tools, price = twin.a, twin.tools, state["price"]
    excess = state["output"] + state["secondary"] - a["stock_change0"] - state["flow"].sum(axis=-1)
    market = (excess / np.where(twin.active, a["output0"], 1))[..., twin.active]
    index = (-state["log_total"] / a["sourcing_elasticity"])[..., twin.supplied]
    ratio = (state["index"] + state["final_tax"]) / np.nan_to_num(twin.index0, nan=1.0)
    choke = (a["choke_factor"][:, None] - ratio)[..., twin.supplied]
    if twin.case.get("demand_curve", "isoelastic") == "linear":
        choke = 1 + 0 * choke
    own = np.zeros_like(state["own"])
    for duty in tools.duties:
        own[..., duty["u"]] = price[..., duty["good"], :] @ duty["weights"] / duty["price"] - 1
    for buying in tools.interventions:
        own[..., buying["u"]] = price[..., buying["good"], buying["region"]] / buying["price"] - 1
    for quota in tools.quotas:
        exports = state["flow"][..., quota["good"], quota["exporter"], quota["reach"]].sum(axis=-1)
        own[..., quota["u"]] = (quota["quota"] - exports) / max(quota["quota"], quota["usual"])
    for subsidy, rate in zip(tools.subsidies, state["guarantees"]):
        if "u" in subsidy:
            output = state["output"][..., subsidy["good"], :]
            paid = output if subsidy["volume"] is None else smaller(output, subsidy["volume"])
            outlay = (larger(rate, 0) * paid)[..., subsidy["regions"]].sum(axis=-1)
            own[..., subsidy["u"]] = outlay / subsidy["budget"] - 1
    for stock in tools.stocks:
        g, r = stock["good"], stock["region"]
        paid = {"any": state["index"][..., g, r], "own": price[..., g, r]}.get(
            stock["source"], state["landed"][..., g, :, r] @ stock["weights"])
        own[..., stock["u"]] = paid / stock["limit"] - 1
    for release in tools.releases:
        own[..., release["u"]] = 1 - state["index"][..., release["good"], release["region"]] / release["price"]
    for measure in tools.measures:
        measure.rows(state, own)
    return np.concatenate([market, index, choke, own], axis=-1)
