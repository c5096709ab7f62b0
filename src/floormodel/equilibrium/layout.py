"""Which nodes and routes take part, and where each unknown stands in z (model section 1: active and shut nodes)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.equilibrium.terms import Terms

Array = np.ndarray


@dataclass(frozen=True)
class Layout:
    """Masks over (G, R): `priced` nodes have a price unknown and a row, `producing` nodes an output, `linear_row` nodes a row in
    relative tonnes instead of logs, `supplied` destinations an open route. `open_route` (G, O, D). `columns[g]` is the slice
    of good g's prices in z and `rows_of[g]` their regions; `nodes` are the priced nodes as places among the G R nodes; `choke`
    lists (good, destination) pairs with an `unserved` unknown.
    """

    priced: Array
    producing: Array
    linear_row: Array
    supplied: Array
    open_route: Array
    columns: tuple[slice, ...]
    rows_of: tuple[Array, ...]
    nodes: Array
    n_prices: int
    n_unknowns: int
    choke: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        return self.n_prices + self.n_unknowns + len(self.choke)

    def at_nodes(self, array: Array) -> Array:
        """Entries of the priced nodes, (., n_prices, ...), of a node array (., G, R, ...)."""
        return array.reshape(len(array), -1, *array.shape[3:]).take(self.nodes, axis=1)


def make_layout(terms: Terms, choke: tuple[tuple[int, int], ...] = ()) -> Layout:
    """Close what cannot trade, to a fixed point: a node without an input it needs, a processed node without a buyer.

    Under `ces` sourcing with sigma <= 1 buyers cannot do without any of their origins: without one of them they buy nothing.
    """
    b = terms.benchmark
    made = np.any(b.output0 * b.supply_shift > 0, axis=0) | b.latent
    recycled = np.any(b.secondary0 * b.secondary_shift > 0, axis=0) | np.any(b.supply_add > 0, axis=0)
    needs = np.any(b.recipe > 0, axis=0)  # (G, H)
    demand = np.any(b.final_demand0 > 0, axis=0)
    outlet = np.any(b.stock_change0 > 0, axis=0)
    released = np.zeros(len(needs), bool)
    for unknown in terms.unknowns:
        if unknown.purchases is not None:
            demand[unknown.good] |= np.any(unknown.purchases > 0, axis=0)
            released[unknown.good] |= bool(np.any(unknown.purchases < 0))
        if unknown.purchases_from is not None:
            outlet[unknown.good] |= np.any(unknown.purchases_from > 0, axis=(0, 2))
    open_route = b.trade & ~terms.closed
    essential = np.any(b.sourcing_elasticity <= 1, axis=0) if b.sourcing == "ces" else np.zeros(demand.shape, bool)
    producing = made.copy()
    while True:
        open_route = open_route & ~(essential & (b.trade & ~open_route).any(axis=1))[:, None]
        supplied = open_route.any(axis=1)
        live = demand | ((needs.T.astype(int) @ producing.astype(int)) > 0)
        starved = (needs[:, :, None] & ~supplied[None]).any(axis=1)
        selling = (open_route & live[:, None, :]).any(axis=2) | outlet
        unsold = needs.any(axis=1)[:, None] & ~selling
        kept = producing & ~starved & ~unsold
        priced = kept | (recycled & (selling | ~needs.any(axis=1)[:, None]))
        trimmed = open_route & priced[:, :, None]
        if np.array_equal(kept, producing) and np.array_equal(trimmed, open_route):
            break
        producing, open_route = kept, trimmed
    columns, rows_of, at = [], [], 0
    for g in range(len(needs)):
        regions = np.flatnonzero(priced[g])
        columns.append(slice(at, at + len(regions)))
        rows_of.append(regions)
        at += len(regions)
    linear_row = ~selling | released[:, None] | b.linear_supply | b.linear_demand
    return Layout(priced, producing, linear_row, supplied, open_route, tuple(columns), tuple(rows_of), np.flatnonzero(priced), at,
                  len(terms.unknowns), choke)
