"""Bookings of one state, line by line: each payment to the region and owner it belongs to (model section 7)."""

from __future__ import annotations

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.charges import credit_charge
from floormodel.equilibrium.curves import latent_area, latent_cost, latent_supply, supply, supply_area, supply_cost, supply_price
from floormodel.equilibrium.solve import Solved
from floormodel.equilibrium.sourcing import sourcing_cost
from floormodel.equilibrium.terms import Contract

Lines = dict[str, Array]


def cost_per_tonne(solved: Solved, g: int) -> Array:
    """Resources a shipment of one good takes (k, O, D), USD/t: freight, delay, evading, certifying. The origin supplies them at cost."""
    s, terms = solved.state, solved.terms
    cost = terms.freight[:, g] + terms.delay[:, g] * s.price[:, g, :, None]
    extra = s.friction[g]
    return cost if extra is None else cost + extra


def markup(solved: Solved) -> Array:
    """Margin above marginal cost (k, G, R) of sellers who set their quantity, USD/t; zero for all others."""
    s, b, held = solved.state, solved.state.benchmark, solved.terms.held
    if held is None:
        return np.zeros_like(s.price)
    cost = supply_price(s.output, b.output0 * b.supply_shift, b.margin0, np.nan_to_num(b.supply_elasticity), b.linear_supply)
    return np.where(np.isnan(held), 0.0, s.margin - cost)


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


def book_contracts(solved: Solved, lines: Lines) -> tuple[Array, Array, Array]:
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
            if c.buyers:
                lines["collar"][:, g, payer] -= paid[:, r]
            else:
                lines["guarantee_outlay"][:, g, payer] -= np.maximum(paid[:, r], 0.0)
                lines["clawback"][:, g, payer] += np.maximum(-paid[:, r], 0.0)
            outside[:, g, payer] += paid[:, r]
            outside[:, g, r] -= paid[:, r]
    return received, extra, outside


def book_producers(solved: Solved, lines: Lines, guarantees: Array, extra: Array) -> Array:
    """Producers' surplus and what is taxed of it; returns the resource cost of output and recycling, from quantities only."""
    s, b, terms = solved.state, solved.state.benchmark, solved.terms
    base, eps = b.output0 * b.supply_shift, np.nan_to_num(b.supply_elasticity)
    free = np.ones(s.price.shape, bool) if terms.held is None else np.isnan(terms.held)
    curve, _ = supply(s.margin, base, b.margin0, np.where(free, eps, 1.0), b.linear_supply)
    area = supply_area(s.margin, base, b.margin0, np.where(free, eps, 1.0), b.linear_supply)
    cost = supply_cost(s.output, base, b.margin0, eps, b.linear_supply)
    if b.latent.any():
        unit, room = np.where(b.latent, b.latent_unit_cost, 1.0), solved.terms.latent_capacity
        entry, _ = latent_supply(s.margin, room, unit)
        curve = np.where(b.latent, entry, curve)
        area = np.where(b.latent, latent_area(s.margin, room, unit), area)
        cost = np.where(b.latent, latent_cost(s.output, room, unit), cost)
    live = solved.system.layout.producing
    cost = np.where(live, cost, 0.0)
    on_curve = (np.abs(s.output - curve) <= 1e-12 * np.abs(curve)) & free
    lines["markup_rent"] = markup(solved) * s.output
    surplus = np.where(on_curve, area, s.margin * s.output - cost)
    profit = np.where(live, surplus, 0.0) + terms.kept * extra
    lines["profit_tax"] = terms.profit_tax * profit
    lines["producer_surplus"] = profit - lines["profit_tax"] - lines["markup_rent"]
    lines["royalty"] = (1 - terms.kept) * (s.price * s.output + guarantees)
    lines["use_tax"] = terms.final_tax * s.final_demand
    priced = solved.system.layout.priced
    recycled0 = b.secondary0 * b.secondary_shift
    rent = supply_area(s.price, recycled0, b.price0, b.secondary_elasticity, False) + s.price * b.supply_add
    lines["secondary_surplus"] = np.where(priced, rent, 0.0)
    lines["benchmark_stock"] = -s.price * s.stock_change
    lines["stock_value"] += b.price0 * s.stock_change
    return cost + np.where(priced, supply_cost(s.secondary, recycled0, b.price0, b.secondary_elasticity, False), 0.0)


def book_grants(solved: Solved, lines: Lines) -> Array:
    """Subsidies per tonne made, in all (k, G, R), USD/yr; those of an instrument's unknown are booked to its own account."""
    s, terms = solved.state, solved.terms
    granted = terms.subsidy * s.output
    lines["subsidy"] = -granted
    for j, unknown in enumerate(terms.unknowns):
        if unknown.subsidy is not None:
            money = s.scaled[:, j, None] * unknown.subsidy * s.output[:, unknown.good]
            lines[unknown.account][:, unknown.good] -= money
            granted[:, unknown.good] += money
    return granted


def book_wedges(solved: Solved, g: int, lines: Lines, outside: Array) -> Array:
    """Duties, export charges and rents of one good, each to its owner; returns the wedge per tonne that the origin owns (k, O, D)."""
    s, terms = solved.state, solved.terms
    at, q, b = s.landed[g], s.flow[g], terms.benchmark
    abroad = ~np.eye(q.shape[1], dtype=bool)
    rents = [(u, s.scaled[:, j, None, None] * u.export_levy) for j, u in enumerate(terms.unknowns)
             if u.good == g and u.export_levy is not None]
    levy, rate = terms.export_levy[:, g], terms.export_rate[:, g]
    duties = [(c.rebate, paid) for c, paid in zip(terms.contents, s.content[g]) if c.good == g]
    back = sum((paid for rebate, paid in duties if rebate), np.zeros(1))
    total = levy + sum((r for _, r in rents), np.zeros(1)) - back
    charge = levy + rate * (s.price[:, g, :, None] + total)
    lines["export_charge"][:, g] += (charge * q * abroad).sum(-1)
    lines["dual_pricing"][:, g] += (charge * q * ~abroad).sum(-1)
    lines["content_duty"][:, g] -= (back * q).sum(-1)
    lines["undertaking_rent"][:, g] += (at.kept * q).sum(-1)
    origin = charge + at.kept - back
    for unknown, rent in rents:
        origin = origin + _book_rent(lines["quota_rent"][:, g], rent, q, np.asarray(unknown.owner), outside[:, g])
    evaded = s.evaded[g]
    paying: Array | float = 1.0 if evaded is None else 1 - evaded
    value = at.border + at.kept
    standing = b.import_rate0[:, g] * value + b.import_levy0[:, g]
    added = (terms.import_rate[:, g] - b.import_rate0[:, g]) * value + terms.import_levy[:, g] - b.import_levy0[:, g]
    lines["import_duty"][:, g] += ((standing + paying * added) * q).sum(1)
    lines["content_duty"][:, g] += (sum((paid for rebate, paid in duties if not rebate), np.zeros(1)) * paying * q).sum(1)
    for j, u in enumerate(terms.unknowns):
        if u.good == g and u.import_levy is not None:
            rent = paying * s.scaled[:, j, None, None] * u.import_levy
            origin = origin + _book_levy(lines, u.account, g, rent, q, u.import_levy != 0, u.licensed, u.owner, outside[:, g])
    for i, floor in enumerate(terms.floors):
        if floor.good == g:
            rent = np.where(at.by_floor == i, paying * at.levied, 0.0)
            origin = origin + _book_levy(lines, "floor_levy", g, rent, q, floor.mask, floor.licensed, floor.owner, outside[:, g])
    _book_charges(solved, g, lines)
    return origin


def _book_rent(line: Array, rent: Array, q: Array, owner: Array, outside: Array) -> Array:
    """Book a rent per tonne on routes (k, O, D) to its owners; returns the part the origin owns. Rents of third regions are paid by the
    destination."""
    _to_owner(line, rent * q, owner)
    own = owner == np.arange(q.shape[1])[:, None]
    third = ~own & (owner != np.arange(q.shape[2])[None, :])
    money = np.where(third, rent * q, 0.0)
    outside += money.sum(1)
    _to_owner(outside, -money, owner)
    return np.where(own, rent, 0.0)


def _book_levy(lines: Lines, account: str, g: int, rent: Array, q: Array, counted: Array, licensed: Array | None, owner: Array | None,
               outside: Array) -> Array:
    """Book a levy on imports: within a quota of licensed tonnes, of all those `counted`, to the owner of licences, the rest to the
    destination."""
    if licensed is None or owner is None:
        lines[account][:, g] += (rent * q).sum(1)
        return np.zeros(1)
    imports = np.where(counted, q, 0.0).sum((1, 2))
    within = np.where(imports > licensed, licensed / np.where(imports > 0, imports, 1.0), 1.0)[:, None, None]
    lines[account][:, g] += ((1 - within) * rent * q).sum(1)
    return _book_rent(lines["licence_rent"][:, g], within * rent, q, np.asarray(owner), outside)


def _book_charges(solved: Solved, g: int, lines: Lines) -> None:
    """What buyers pay beside duties, in the destination: into their fund, and for missing credits price x (share - certified) x tonnes."""
    s = solved.state
    for j, u in enumerate(solved.terms.unknowns):
        if u.charge is not None and u.good == g:
            lines[u.account][:, g] += (s.scaled[:, j, None, None] * u.charge * s.flow[g]).sum(1)
        if u.credit is not None and u.good == g:
            charge, _, spent = credit_charge(u.credit, s.scaled[:, j] * u.scale)
            lines[u.account][:, g] += ((charge - spent) * s.flow[g]).sum(1)


def _to_owner(line: Array, money: Array, owner: Array) -> None:
    """Add money on routes (k, O, D) to the region that owns it."""
    for r in np.unique(owner):
        line[:, r] += np.where(owner == r, money, 0.0).sum((1, 2))


def book_transfers(solved: Solved, lines: Lines, outside: Array) -> Array:
    """Yearly sums under contracts, as sellers receive them (k, G, R), USD/yr."""
    received = np.zeros_like(solved.state.price)
    for t in solved.terms.transfers:
        lines["public_offtake" if t.public else "offtake_cost"][:, t.good, t.payer] -= t.amount
        lines["offtake_receipt"][:, t.good, t.receiver] += t.amount
        received[:, t.good, t.receiver] += t.amount
        outside[:, t.good, t.payer] += t.amount
        outside[:, t.good, t.receiver] -= t.amount
    return received


def book_purchases(solved: Solved, lines: Lines) -> Array:
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
    return public


def sourcing_costs(solved: Solved) -> Array:
    """Real cost (k, G, R) of taking less preferred origins, USD/yr."""
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
