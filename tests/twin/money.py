"""Who gets what at an equilibrium of the oracle: treasuries, rent holders, producers and buyers under contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.twin.twin import vector
from tests.twin.twin_accounts import supply_cost
from tests.twin.twin_equations import State, evaluate, start
from tests.twin.twin_market import Array, Twin, prepare


def changes(case: dict[str, Any], solution: dict[str, Any]) -> dict[str, Array]:
    """Money by account, (G, R) by the region that gets it, in excess of the benchmark, USD/yr.

    Args:
        case: the market without scenario shifters, so that the benchmark is the solution without its policies.
        solution: what `solve` gives for it.

    Returns:
        export_charge, import_duty, floor_levy, content_duty, royalty, subsidy, guarantee_outlay, clawback, undertaking_rent,
        producer_surplus and the lines of the case's measures, under the names of the page of results.
    """
    before = prepare(case | {"policies": []})
    base = levels(before, evaluate(before, start(before)))
    twin = prepare(case)
    after = levels(twin, evaluate(twin, vector(twin, solution)))
    return {name: after[name] - base.get(name, 0.0) for name in after}


def levels(twin: Twin, state: State) -> dict[str, Array]:
    """The same at one equilibrium."""
    price, flow = state["price"][..., None], state["flow"]
    duty = state["import_rate"] * (state["border"] + state["undertaking"]) + state["import_levy"]
    charge = state["border"] - price - state["freight"] + state["rebate"]
    sold = price[..., 0] * (state["output"])
    surplus = np.where(twin.active, state["margin"] * state["output"] - supply_cost(twin, state["output"]), 0)
    lines = {"producer_surplus": surplus,
        "export_charge": (charge * flow).sum(axis=2), "import_duty": (duty * flow).sum(axis=1),
        "floor_levy": ((state["top_up"] - state["undertaking"]) * flow).sum(axis=1),
        "undertaking_rent": (state["undertaking"] * flow).sum(axis=2),
        "content_duty": (state["content_duty"] * flow).sum(axis=1) - (state["rebate"] * flow).sum(axis=2),
        "royalty": (1 - state["keep"]) * sold, "subsidy": -state["receipts"] * state["output"],
    }
    for measure in twin.tools.measures:
        for name, value in measure.money(state).items():
            lines[name] = lines.get(name, np.zeros(twin.shape)) + value
    return {name: np.where(np.isfinite(value), value, 0.0) for name, value in lines.items()}
