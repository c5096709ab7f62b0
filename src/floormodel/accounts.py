"""Who gains, who pays: money by region, good and account, and two identities that are computed and never imposed (model section 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.curves import (
    consumer_surplus,
    gross_benefit,
    latent_area,
    latent_cost,
    latent_supply,
    supply,
    supply_area,
    supply_cost,
)
from floormodel.equilibrium.solve import Solved
from floormodel.equilibrium.sourcing import sourcing_cost
from floormodel.equilibrium.state import State, choke_price
from floormodel.equilibrium.terms import Contract

OWNER = {
    "consumer_surplus": "consumers", "producer_surplus": "producers", "secondary_surplus": "producers",
    "benchmark_stock": "stockholders", "export_charge": "treasury", "import_duty": "treasury", "floor_levy": "treasury",
    "content_duty": "treasury", "royalty": "treasury", "subsidy": "treasury", "guarantee_outlay": "treasury", "clawback": "treasury",
    "stock_purchases": "treasury", "stock_release": "treasury", "stock_value": "treasury", "quota_rent": "rent_holders",
    "undertaking_rent": "rent_holders",
}
WEDGES = ("export_charge", "import_duty", "floor_levy", "content_duty", "quota_rent", "undertaking_rent")


@dataclass(frozen=True)
class Ledger:
    """Money at one state, USD/yr. `lines[account]` (k, G, R) from the view of the region it is booked to (outlays are negative).

    `spending` PD, `public` net public purchases, `scrap` tonnes, `factor_income`, `sourcing_cost`, `transport`,
    `third_rent` (k, G, D): rents a destination pays to a third region, `supports` (k, G, R): guarantee received, `outside` (k, G, R):
    guarantee paid to other regions less received from them; `origin_wedge` (list of (k, O, D)): wedges per tonne the origin owns.
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


def contract_payments(c: Contract, value: Array, made: Array, base: Array) -> tuple[Array, Array]:
    """Payment to producers (k, R), USD/yr, and the part of it that is not marginal. `value` guarantee per tonne, `base` X0."""
    if c.volume_cap is None:
        tonnes = made
    else:
        tonnes = np.where(value >= 0, np.minimum(made, c.volume_cap), np.minimum(base, c.volume_cap))
    paid = value * tonnes
    if c.money_cap is not None:
        paid = np.minimum(paid, c.money_cap)
    if c.clawback_cap is not None:
        paid = np.maximum(paid, -c.clawback_cap)
    return paid, paid - (value * made if c.volume_cap is None else 0.0)


def ledger(solved: Solved) -> Ledger:
    """Book every payment of a solved scenario."""
    s, b = solved.state, solved.state.benchmark
    shape = s.price.shape
    lines = {name: np.zeros(shape) for name in OWNER}
    lines["consumer_surplus"] = np.where(solved.system.layout.supplied, consumer_surplus(
        s.buyer_price, b.final_demand0 * b.demand_shift, b.buyer_price0, np.nan_to_num(b.demand_elasticity), choke_price(b),
        b.linear_demand), 0.0)
    guarantees, extra, outside = _book_contracts(solved, lines)
    own_cost = _book_producers(solved, lines, guarantees, extra)
    origin_wedge = [_book_wedges(solved, g, lines, outside) for g in range(shape[1])]
    public, purchases_from = _book_purchases(solved, lines)
    scrap = np.where(s.price <= b.scrap_factor[..., None] * b.price0 * (1 + 1e-9), np.maximum(s.supplied - s.demanded, 0.0), 0.0)
    scrap = np.where(solved.system.layout.priced, scrap, 0.0)
    scrap_value = scrap * s.price
    bought = _sourcing_cost(solved, purchases_from)
    transport = [np.broadcast_to(b.freight[:, g], s.flow[g].shape) * s.flow[g] for g in range(shape[1])]
    benefit = gross_benefit(s.final_demand, b.final_demand0 * b.demand_shift, b.buyer_price0, np.nan_to_num(b.demand_elasticity),
                            choke_price(b), b.linear_demand)
    quantities = (benefit - own_cost - bought + b.scrap_factor[..., None] * b.price0 * scrap + lines["stock_value"]).sum((1, 2))
    quantities = quantities - sum(t.sum((1, 2)) for t in transport)
    inputs = np.einsum("kgh,khr->kgr", np.broadcast_to(b.recipe, (shape[0], shape[1], shape[1])), s.buyer_price) * s.output
    income = (b.kept * (s.price * s.output + guarantees) + b.subsidy0 * s.output - inputs
              + s.price * (s.secondary + np.where(solved.system.layout.priced, b.supply_add, 0.0)))
    return Ledger(lines, s.buyer_price * s.final_demand, public, scrap, scrap_value, s.price * s.stock_change, income, bought, transport,
                  outside, origin_wedge, (s.buyer_price * s.use).sum((1, 2)), quantities)


def _book_contracts(solved: Solved, lines: dict[str, Array]) -> tuple[Array, Array, Array]:
    """Guarantee received (k, G, R), its inframarginal part, and payments to other regions less receipts from them."""
    s, b = solved.state, solved.state.benchmark
    received, extra, outside = np.zeros_like(s.price), np.zeros_like(s.price), np.zeros_like(s.price)
    for c, (value, _) in zip(solved.terms.contracts, s.strip):
        g = c.good
        paid, inframarginal = contract_payments(c, value, s.output[:, g], b.output0[:, g] * b.supply_shift[:, g])
        paid, inframarginal = np.where(c.regions, paid, 0.0), np.where(c.regions, inframarginal, 0.0)
        received[:, g] += paid
        extra[:, g] += inframarginal
        for r in np.flatnonzero(c.regions):
            payer = int(c.payer[r]) if c.payer is not None else int(r)
            lines["guarantee_outlay"][:, g, payer] -= np.maximum(paid[:, r], 0.0)
            lines["clawback"][:, g, payer] += np.maximum(-paid[:, r], 0.0)
            outside[:, g, payer] += paid[:, r]
            outside[:, g, r] -= paid[:, r]
    return received, extra, outside


def _book_producers(solved: Solved, lines: dict[str, Array], guarantees: Array, extra: Array) -> Array:
    """Producers' surplus, royalties, subsidies; returns the resource cost of output and recycling, from quantities only."""
    s, b = solved.state, solved.state.benchmark
    base, eps = b.output0 * b.supply_shift, np.nan_to_num(b.supply_elasticity)
    curve, _ = supply(s.margin, base, b.margin0, eps, b.linear_supply)
    area = supply_area(s.margin, base, b.margin0, eps, b.linear_supply)
    cost = supply_cost(s.output, base, b.margin0, eps, b.linear_supply)
    if b.latent.any():
        unit = np.where(b.latent, b.latent_unit_cost, 1.0)
        entry, _ = latent_supply(s.margin, b.latent_capacity, unit)
        curve = np.where(b.latent, entry, curve)
        area = np.where(b.latent, latent_area(s.margin, b.latent_capacity, unit), area)
        cost = np.where(b.latent, latent_cost(s.output, b.latent_capacity, unit), cost)
    live = solved.system.layout.producing
    cost = np.where(live, cost, 0.0)
    on_curve = np.abs(s.output - curve) <= 1e-12 * np.abs(curve)
    surplus = np.where(on_curve, area, s.margin * s.output - cost)
    lines["producer_surplus"] = np.where(live, surplus, 0.0) + b.kept * extra
    lines["royalty"] = (1 - b.kept) * (s.price * s.output + guarantees)
    lines["subsidy"] = -b.subsidy0 * s.output
    priced = solved.system.layout.priced
    recycled0 = b.secondary0 * b.secondary_shift
    rent = supply_area(s.price, recycled0, b.price0, b.secondary_elasticity, False) + s.price * b.supply_add
    lines["secondary_surplus"] = np.where(priced, rent, 0.0)
    lines["benchmark_stock"] = -s.price * s.stock_change
    lines["stock_value"] += b.price0 * s.stock_change
    return cost + np.where(priced, supply_cost(s.secondary, recycled0, b.price0, b.secondary_elasticity, False), 0.0)


def _book_wedges(solved: Solved, g: int, lines: dict[str, Array], outside: Array) -> Array:
    """Duties, export charges and rents of one good, each to its owner; returns the wedge per tonne that the origin owns (k, O, D)."""
    s, terms = solved.state, solved.terms
    at, q = s.landed[g], s.flow[g]
    rents = [(u, s.scaled[:, j, None, None] * u.export_levy) for j, u in enumerate(terms.unknowns)
             if u.good == g and u.export_levy is not None]
    levy, rate = terms.export_levy[:, g], terms.export_rate[:, g]
    total = levy + sum((r for _, r in rents), np.zeros(1))
    charge = levy + rate * (s.price[:, g, :, None] + total)
    lines["export_charge"][:, g] += (charge * q).sum(-1)
    lines["undertaking_rent"][:, g] += (at.kept * q).sum(-1)
    origin = charge + at.kept
    for unknown, rent in rents:
        owner = np.asarray(unknown.owner)
        _to_owner(lines["quota_rent"][:, g], rent * q, owner)
        own = owner == np.arange(q.shape[1])[:, None]
        origin = origin + np.where(own, rent, 0.0)
        third = ~own & (owner != np.arange(q.shape[2])[None, :])
        outside[:, g] += np.where(third, rent * q, 0.0).sum(1)
        _to_owner(outside[:, g], -np.where(third, rent * q, 0.0), owner)
    duty = terms.import_rate[:, g] * (at.border + at.kept) + terms.import_levy[:, g]
    adjustable = sum((s.scaled[:, j, None, None] * u.import_levy for j, u in enumerate(terms.unknowns)
                      if u.good == g and u.import_levy is not None), np.zeros(1))
    lines["import_duty"][:, g] += (duty * q).sum(1)
    lines["floor_levy"][:, g] += ((at.levied + adjustable) * q).sum(1)
    for c, paid in zip(terms.contents, s.content[g]):
        if c.good == g:
            lines["content_duty"][:, g] += (paid * q).sum(1)
    return origin


def _to_owner(line: Array, money: Array, owner: Array) -> None:
    """Add money on routes (k, O, D) to the region that owns it."""
    for r in np.unique(owner):
        line[:, r] += np.where(owner == r, money, 0.0).sum((1, 2))


def _book_purchases(solved: Solved, lines: dict[str, Array]) -> tuple[Array, list[Array | None]]:
    """Net public purchases (k, G, R) at what they cost; stock is valued at min(cost, benchmark price)."""
    s, b = solved.state, solved.state.benchmark
    public = np.zeros_like(s.price)
    for j, unknown in enumerate(solved.terms.unknowns):
        g = unknown.good
        if unknown.purchases is not None:
            tonnes = s.scaled[:, j, None] * unknown.purchases * solved.system.layout.supplied[g]
            money, value = s.buyer_price[:, g] * tonnes, np.minimum(s.buyer_price[:, g], b.buyer_price0[:, g]) * tonnes
            value = np.where(tonnes < 0, b.buyer_price0[:, g] * tonnes, value)
        elif unknown.purchases_from is not None:
            routes = s.scaled[:, j, None, None] * unknown.purchases_from
            money = (s.landed[g].landed * routes).sum(1)
            value = (np.minimum(s.landed[g].landed, b.landed_price0[:, g]) * routes).sum(1)
        else:
            continue
        public[:, g] += money
        lines["stock_release" if unknown.account == "stock_release" else "stock_purchases"][:, g] -= money
        lines["stock_value"][:, g] += np.where(money != 0, value, 0.0)
    return public, s.purchases_from


def _sourcing_cost(solved: Solved, purchases_from: list[Array | None]) -> Array:
    s, b = solved.state, solved.state.benchmark
    if b.sourcing != "logit":
        return np.zeros_like(s.price)
    cost = np.zeros_like(s.price)
    for g in range(s.price.shape[1]):
        price0 = np.where(b.buyer_price0[:, g] > 0, b.buyer_price0[:, g], 1.0)
        beta = np.where(np.isfinite(b.sourcing_elasticity[:, g]), b.sourcing_elasticity[:, g], 1.0) / price0
        weight = np.where(solved.system.layout.open_route[g], b.weight[:, g], 0.0)
        cost[:, g] = sourcing_cost(s.use[:, g], s.sourcing[g].share, weight, b.landed_price0[:, g], price0, beta)
    return cost


def world_identity(now: Ledger, base: Ledger) -> Array:
    """Relative gap (k,) between the sum of change lines and the change of benefit less resource cost taken from quantities only."""
    change = sum(now.lines[name].sum((1, 2)) - base.lines[name].sum((1, 2)) for name in OWNER)
    scale = np.maximum(now.turnover, base.turnover)
    return np.abs(change - (now.welfare_quantities - base.welfare_quantities)) / np.maximum(scale, 1e-300)


def regional_identity(solved: Solved, now: Ledger, base: Ledger) -> Array:
    """Largest relative gap (k,) over regions between what a region spends and earns (accounts) and its trade bill (prices, flows)."""
    s, b = solved.state, solved.state.benchmark
    owned = sum(now.lines[name] for name in WEDGES)
    outlays = -(now.lines["guarantee_outlay"] + now.lines["clawback"] + now.lines["subsidy"])
    left = (now.spending + now.public + now.scrap_value + now.stock_build - now.sourcing_cost - now.factor_income + outlays
            - now.lines["royalty"] - owned - now.outside).sum(1)
    left = left - sum(t.sum(2) for t in now.transport)
    right = np.zeros_like(left)
    for g, wedge in enumerate(now.origin_wedge):
        value = (s.price[:, g, :, None] + b.freight[:, g] + wedge) * s.flow[g]
        right += value.sum(1) - value.sum(2)
    return np.max(np.abs(left - right), axis=1) / np.maximum(np.maximum(now.turnover, base.turnover), 1e-300)


def turnover(s: State) -> Array:
    """Sum of P use over goods and regions (k,), USD/yr: the scale of both identities."""
    return (s.buyer_price * s.use).sum((1, 2))
