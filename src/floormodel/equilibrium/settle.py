"""Fit the instruments' own unknowns to what is left after shut nodes: a price or a seller that does not exist is not referred to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.layout import make_layout
from floormodel.equilibrium.terms import Contract, Row, Terms, Unknown


def settle(terms: Terms) -> Terms:
    """Terms whose reference prices and sellers are nodes with a price; weights of shut nodes pass to the others in proportion.

    An unknown left without any reference or seller is held at zero, and a note says so. Repeated to a fixed point, since a purchase
    that falls away can shut another node.
    """
    while True:
        layout = make_layout(terms)
        priced = layout.priced
        unknowns = [_fit_unknown(u, priced[u.good], layout.open_route[u.good]) for u in terms.unknowns]
        contracts = [_fit_contract(c, priced[c.good]) for c in terms.contracts]
        if all(a is b for a, b in zip(unknowns, terms.unknowns)) and all(a is b for a, b in zip(contracts, terms.contracts)):
            return terms
        for old, new in zip(terms.unknowns, unknowns):
            if new is not old and np.all(new.upper == new.lower):
                terms.notes.append(f"policy {new.policy + 1}: {new.name} is held at zero, the nodes it refers to are shut")
        terms.unknowns, terms.contracts = unknowns, contracts


def _keep(weights: Array, kept: Array) -> Array:
    """Weights with the entries outside `kept` handed to the rest; all zero where nothing is left. Origin axis: the last of (., R),
    the second of (., O, D)."""
    kept = kept if weights.ndim == 2 else kept[:, None]
    axes = tuple(range(1, weights.ndim))
    left = np.where(kept, weights, 0.0)
    before, after = weights.sum(axes, keepdims=True), left.sum(axes, keepdims=True)
    return left * np.where(after != 0, before / np.where(after != 0, after, 1.0), 0.0)


def _frozen(unknown: Unknown) -> Unknown:
    """The unknown held at its lower bound, without effect."""
    return replace(unknown, upper=unknown.lower, row=Row(), import_levy=None, export_levy=None, purchases=None, purchases_from=None,
                   charge=None)


def _fit_unknown(unknown: Unknown, priced: Array, open_route: Array) -> Unknown:
    row = unknown.row
    if row.flow is not None and np.any(row.flow > 0) and not np.any((row.flow > 0) & open_route):
        return _frozen(unknown)  # tonnes asked for on routes that are all closed
    named = (row.price, unknown.purchases_from, row.landed)
    lost = [w for w in named if w is not None and np.any(_keep(w, priced) != w)]
    if not lost:
        return unknown
    price, sold, landed = (None if w is None else _keep(w, priced) for w in named)
    if any(w is not None and not np.any(w) for w in (price, sold, landed)):
        return _frozen(unknown)
    return replace(unknown, row=replace(row, price=price, landed=landed), purchases_from=sold)


def _fit_contract(contract: Contract, priced: Array) -> Contract:
    """An index over shut nodes passes to the live ones; without any the contract pays nobody. An own price needs no change."""
    needed = contract.weights[contract.regions]
    if np.array_equal(contract.weights, np.eye(len(priced))) or not np.any(needed[:, ~priced]):
        return contract
    rows = contract.weights.sum(-1, keepdims=True)
    total = np.where(priced, contract.weights, 0.0).sum(-1, keepdims=True)
    weights = np.where(priced, contract.weights, 0.0) * np.where(total > 0, rows / np.where(total > 0, total, 1.0), 0.0)
    return replace(contract, weights=weights, regions=contract.regions & (total[:, 0] > 0))
