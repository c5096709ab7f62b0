"""What the closed forms of a scenario read and no unknown changes: made once per batch of draws, before the iterations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from floormodel.equilibrium.benchmark import Array, Benchmark, all_draws
from floormodel.equilibrium.layout import Layout
from floormodel.equilibrium.terms import Terms

NOTHING = 1e-200  # a demand below this share of benchmark supply counts as this share in the logs of a market row


@dataclass(frozen=True)
class Constants:
    """Arrays over k draws, leading axis 1 where all share the figure. Node (., G, R), route (., G, O, D), recipe (., G, H).

    A rate enters as its factor 1 + rate; `added` is subsidy less extra cost, USD/t; `delay` is None where there is none.
    `weight` is the sourcing weight, zero on closed routes; `steepness` (., G, D) is beta, in
    1/(USD/t), of the logit, or sigma of `ces`. Tonnes are zero where a node is shut and carry their scenario shifts: `output0`,
    `secondary0`, `supply_add`, `demand0`, `stock_change`, `latent_capacity` of opened projects. `scale`: tonnes by which a row in
    relative tonnes is divided.
    """

    price0: Array
    buyer_price0: Array
    kept: Array
    added: Array
    final_tax: Array
    recipe: Array
    export_levy: Array
    export_factor: Array
    freight: Array
    delay: Array | None
    import_levy: Array
    import_factor: Array
    weight: Array
    landed_price0: Array
    nest_price0: Array
    steepness: Array
    output0: Array
    margin0: Array
    supply_elasticity: Array
    latent_capacity: Array
    latent_unit_cost: Array
    capacity: Array
    secondary0: Array
    secondary_elasticity: Array
    supply_add: Array
    stock_change: Array
    demand0: Array
    demand_elasticity: Array
    choke_price: Array
    scale: Array
    draws: int

    def at(self, rows: Array) -> Constants:
        """The same for some of the draws, `rows` of the leading axis."""
        if all_draws(rows, self.draws):
            return self
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "draws"}
        arrays: dict[str, Any] = {name: value if value is None else pick(value, rows) for name, value in values.items()}
        return Constants(**arrays, draws=len(rows))


def pick(array: Array, draw: Array) -> Array:
    """Rows of the draws asked for; an array shared by all draws stays as it is."""
    return array if array.shape[0] == 1 else array[draw]


def choke_price(b: Benchmark) -> Array:
    """Buyer price (B, G, R), USD/t, above which final demand is held at its value there."""
    return b.choke_factor[..., None] * b.buyer_price0


def make_constants(terms: Terms, layout: Layout, draw: Array) -> Constants:
    """Constants of the draws `draw` (k,) of a scenario."""
    b = terms.benchmark.at(draw)
    priced, entering = layout.priced, b.latent & layout.producing
    output0 = b.output0 * b.supply_shift
    held = np.zeros(priced.shape, bool) if terms.held is None else ~np.isnan(terms.held.real).any(0)
    tonnes = output0 + b.secondary0 + b.supply_add
    sigma = np.where(np.isfinite(b.sourcing_elasticity), b.sourcing_elasticity, 1.0)
    nest_price0 = np.where(b.buyer_price0 > 0, b.buyer_price0, 1.0)
    return Constants(
        price0=b.price0, buyer_price0=b.buyer_price0, kept=pick(terms.kept, draw),
        added=pick(terms.subsidy - terms.extra_cost, draw), final_tax=pick(terms.final_tax, draw), recipe=b.recipe,
        export_levy=pick(terms.export_levy, draw), export_factor=1 + pick(terms.export_rate, draw),
        freight=pick(terms.freight, draw), delay=pick(terms.delay, draw) if terms.delay.any() else None,
        import_levy=pick(terms.import_levy, draw), import_factor=1 + pick(terms.import_rate, draw),
        weight=np.where(layout.open_route, b.weight, 0.0), landed_price0=b.landed_price0, nest_price0=nest_price0,
        steepness=sigma if b.sourcing == "ces" else sigma / nest_price0,
        output0=np.where(layout.producing & ~b.latent, output0, 0.0), margin0=b.margin0,
        supply_elasticity=np.where(held, 1.0, np.nan_to_num(b.supply_elasticity)),  # not read where output is held
        latent_capacity=np.where(entering, pick(terms.latent_capacity, draw), 0.0),
        latent_unit_cost=np.where(entering, b.latent_unit_cost, 1.0),
        capacity=pick(terms.capacity, draw), secondary0=np.where(priced, b.secondary0 * b.secondary_shift, 0.0),
        secondary_elasticity=b.secondary_elasticity, supply_add=np.where(priced, b.supply_add, 0.0),
        stock_change=np.where(priced, b.stock_change0, 0.0),  # a shut node builds and draws nothing
        demand0=np.where(layout.supplied, b.final_demand0 * b.demand_shift, 0.0),
        demand_elasticity=np.nan_to_num(b.demand_elasticity), choke_price=choke_price(b),
        scale=np.where(tonnes > 0, tonnes, np.maximum(b.latent_capacity, 1e-300)), draws=1 if b.draws == 1 else len(draw))
