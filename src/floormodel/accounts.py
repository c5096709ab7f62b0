"""Who gains, who pays: money by region, good and account, and two identities that are computed and never imposed (model section 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.booking import (
    book_contracts,
    book_grants,
    book_producers,
    book_purchases,
    book_transfers,
    book_wedges,
    cost_per_tonne,
    sourcing_costs,
)
from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.curves import consumer_surplus, gross_benefit
from floormodel.equilibrium.solve import Solved
from floormodel.equilibrium.state import State, choke_price

OWNER = {
    "consumer_surplus": "consumers", "producer_surplus": "producers", "secondary_surplus": "producers",
    "benchmark_stock": "stockholders", "export_charge": "treasury", "import_duty": "treasury", "floor_levy": "treasury",
    "content_duty": "treasury", "royalty": "treasury", "subsidy": "treasury", "guarantee_outlay": "treasury", "clawback": "treasury",
    "stock_purchases": "treasury", "stock_release": "treasury", "stock_value": "treasury", "quota_rent": "rent_holders",
    "undertaking_rent": "rent_holders", "licence_rent": "rent_holders", "use_tax": "treasury", "profit_tax": "treasury",
    "standards_penalty": "treasury", "dual_pricing": "treasury", "levy_on_use": "buyers", "markup_rent": "producers",
    "offtake_receipt": "producers", "offtake_cost": "buyers", "public_offtake": "treasury", "collar": "buyers",
}
WEDGES = ("export_charge", "import_duty", "floor_levy", "content_duty", "quota_rent", "undertaking_rent", "licence_rent",
          "standards_penalty", "dual_pricing", "levy_on_use", "offtake_cost", "public_offtake")


@dataclass(frozen=True)
class Ledger:
    """Money at one state, USD/yr. `lines[account]` (k, G, R) from the view of the region it is booked to (outlays are negative).

    `spending` PD, `public` net public purchases, `scrap` tonnes, `factor_income`, `sourcing_cost`, `transport`, `receipts` of producers
    for what they make, before royalty and `inputs`: price, guarantees, subsidies less burdens, contract money;
    `outside` (k, G, R): guarantees, rents and contract money paid to other regions less received from them; `origin_wedge`
    (list of (k, O, D)): wedges per tonne the origin owns.
    """

    lines: dict[str, Array]
    spending: Array
    public: Array
    scrap: Array
    scrap_value: Array
    stock_build: Array
    factor_income: Array
    sourcing_cost: Array
    transport: list[Array]
    outside: Array
    origin_wedge: list[Array]
    turnover: Array
    welfare_quantities: Array
    receipts: Array
    inputs: Array


def ledger(solved: Solved) -> Ledger:
    """Book every payment of a solved scenario."""
    s, b = solved.state, solved.state.benchmark
    shape = s.price.shape
    lines = {name: np.zeros(shape) for name in OWNER}
    lines["consumer_surplus"] = np.where(solved.system.layout.supplied, consumer_surplus(
        s.buyer_price + s.constants.final_tax, b.final_demand0 * b.demand_shift, b.buyer_price0, np.nan_to_num(b.demand_elasticity),
        choke_price(b), b.linear_demand), 0.0)
    guarantees, extra, outside = book_contracts(solved, lines)
    granted = book_grants(solved, lines)
    own_cost = book_producers(solved, lines, guarantees, extra)
    transport = [cost_per_tonne(solved, g) * solved.state.flow[g] for g in range(shape[1])]
    origin_wedge = [book_wedges(solved, g, lines, outside) for g in range(shape[1])]
    public = book_purchases(solved, lines)
    received = book_transfers(solved, lines, outside)
    scrap = np.where(s.price <= b.scrap_factor[..., None] * b.price0 * (1 + 1e-9), np.maximum(s.supplied - s.demanded, 0.0), 0.0)
    scrap = np.where(solved.system.layout.priced, scrap, 0.0)
    scrap_value = scrap * s.price
    bought = sourcing_costs(solved)
    benefit = gross_benefit(s.final_demand, b.final_demand0 * b.demand_shift, b.buyer_price0, np.nan_to_num(b.demand_elasticity),
                            choke_price(b), b.linear_demand)
    quantities = (benefit - own_cost - bought + b.scrap_factor[..., None] * b.price0 * scrap + lines["stock_value"]).sum((1, 2))
    quantities = quantities - sum(t.sum((1, 2)) for t in transport) - (s.terms.extra_cost * s.output).sum((1, 2))
    inputs = np.einsum("kgh,khr->kgr", np.broadcast_to(b.recipe, (shape[0], shape[1], shape[1])), s.buyer_price) * s.output
    income = (s.constants.kept * (s.price * s.output + guarantees) + granted - inputs + received
              + s.price * (s.secondary + np.where(solved.system.layout.priced, b.supply_add, 0.0)))
    return Ledger(lines, s.buyer_price * s.final_demand, public, scrap, scrap_value, s.price * s.stock_change, income, bought, transport,
                  outside, origin_wedge, (s.buyer_price * s.use).sum((1, 2)), quantities,
                  s.price * s.output + guarantees + granted + received, inputs)


def world_identity(now: Ledger, base: Ledger) -> Array:
    """Relative gap (k,) between the sum of change lines and the change of benefit less resource cost taken from quantities only."""
    change = sum(now.lines[name].sum((1, 2)) - base.lines[name].sum((1, 2)) for name in OWNER)
    scale = np.maximum(now.turnover, base.turnover)
    return np.abs(change - (now.welfare_quantities - base.welfare_quantities)) / np.maximum(scale, 1e-300)


def regional_identity(solved: Solved, now: Ledger, base: Ledger) -> Array:
    """Largest relative gap (k,) over regions between what a region spends and earns (accounts) and its trade bill (prices, flows)."""
    s = solved.state
    owned = sum(now.lines[name] for name in WEDGES)
    outlays = -(now.lines["guarantee_outlay"] + now.lines["clawback"] + now.lines["collar"] + now.lines["subsidy"])
    left = (now.spending + now.public + now.scrap_value + now.stock_build - now.sourcing_cost - now.factor_income + outlays
            - now.lines["royalty"] - owned - now.outside).sum(1)
    left = left - sum(t.sum(2) for t in now.transport)
    right = np.zeros_like(left)
    for g, wedge in enumerate(now.origin_wedge):
        value = (s.price[:, g, :, None] + cost_per_tonne(solved, g) + wedge) * s.flow[g]
        right += value.sum(1) - value.sum(2)
    return np.max(np.abs(left - right), axis=1) / np.maximum(np.maximum(now.turnover, base.turnover), 1e-300)


def turnover(s: State) -> Array:
    """Sum of P use over goods and regions (k,), USD/yr: the scale of both identities."""
    return (s.buyer_price * s.use).sum((1, 2))
