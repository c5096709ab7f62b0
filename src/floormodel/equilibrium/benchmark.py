"""The benchmark as arrays: what the kernels read. Leading axis: draw (length 1 where all draws share the figure)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from floormodel.market import Market
from floormodel.schema import VARIABLES

Array = np.ndarray
MARGIN_FLOOR = 1e-6  # a margin below this share of its benchmark is treated as this share


@dataclass(frozen=True)
class Benchmark:
    """Figures and derived constants. Shapes: node (B, G, R), route (B, G, O, D), recipe (B, G, H), good (B, G).

    `active` (G, R): nodes with a price unknown: benchmark output or recycled tonnes, or an opened latent project.
    `latent` (G, R): nodes supplied by an opened latent project. `trade` (G, O, D): routes with a sourcing weight.
    `weight` is s0, the unnormalised sourcing weight; `buyer_price0` is P0, `landed_price0` is c0, `net_price0` pn0,
    `margin0` m0, `use0` benchmark use.
    """

    price0: Array
    output0: Array
    flow0: Array
    final_demand0: Array
    secondary0: Array
    stock_change0: Array
    recipe: Array
    freight: Array
    export_rate0: Array
    export_levy0: Array
    import_rate0: Array
    import_levy0: Array
    royalty0: Array
    under_invoicing: Array
    subsidy0: Array
    capacity: Array
    supply_elasticity: Array
    secondary_elasticity: Array
    demand_elasticity: Array
    sourcing_elasticity: Array
    route_weight: Array
    choke_factor: Array
    scrap_factor: Array
    latent_capacity: Array
    latent_unit_cost: Array
    latent_route_weight: Array
    supply_shift: Array
    secondary_shift: Array
    demand_shift: Array
    route_shift: Array
    supply_add: Array
    weight: Array
    use0: Array
    border_price0: Array
    landed_price0: Array
    buyer_price0: Array
    kept: Array
    net_price0: Array
    margin0: Array
    sourcing: str
    linear_supply: bool
    linear_demand: bool
    active: Array
    latent: Array
    trade: Array
    draws: int

    def at(self, draw: Array) -> Benchmark:
        """The same for some draws only."""
        if all_draws(draw, self.draws):
            return self
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, value in chosen.items():
            if isinstance(value, np.ndarray) and name not in ("active", "latent", "trade") and value.shape[0] == self.draws:
                chosen[name] = value[draw]
        chosen["draws"] = len(draw)
        return Benchmark(**chosen)


def all_draws(rows: Array, draws: int) -> bool:
    """Are these all the draws, in their order? A single draw stands for any number of rows."""
    return draws == 1 or (len(rows) == draws and np.array_equal(rows, np.arange(draws)))


def make_benchmark(market: Market) -> Benchmark:
    """Derive the constants of model section 1 to 4 from a market's figures."""
    raw = {}
    for v in VARIABLES:
        array = market.dataset.variables[v.name]  # without coordinates: a fifth of the time
        raw[v.name] = array.values if "draw" in array.dims else array.values[None]
    out, latent = _any(raw["output0"] * raw["supply_shift"]), _latent(market)
    active = (out | _any(raw["secondary0"] * raw["secondary_shift"]) | _any(raw["supply_add"]) | latent)
    homogeneous = market.sourcing == "homogeneous"
    price0 = np.where(np.isfinite(raw["price0"]), raw["price0"], np.nanmax(raw["price0"], axis=-1, keepdims=True))
    raw["price0"] = price0
    use0 = raw["final_demand0"] + np.swapaxes(raw["recipe"], -1, -2) @ raw["output0"]
    border0 = (price0[..., None] + raw["export_levy0"]) * (1 + raw["export_rate0"]) + raw["freight"]
    landed0 = border0 * (1 + raw["import_rate0"]) + raw["import_levy0"]
    weight = _weights(raw, use0, latent, market)
    weight = weight * active[None, :, :, None]
    if homogeneous:
        weight = np.broadcast_to(active[None, :, :, None] & (use0[:, :, None, :] > 0), weight.shape).astype(float)
    own0 = np.sum(np.where(weight > 0, weight * landed0, 0.0), -2) / np.maximum(weight.sum(-2), 1e-300)
    buyer0 = price0 if homogeneous else own0
    kept = 1 - raw["royalty0"] * (1 - raw["under_invoicing"])
    net0 = price0 * kept + raw["subsidy0"]
    weight = weight * raw["route_shift"]
    margin0 = net0 - raw["recipe"] @ np.nan_to_num(buyer0)
    return Benchmark(**raw, weight=weight, use0=use0, border_price0=border0, landed_price0=landed0, buyer_price0=buyer0, kept=kept,
                     net_price0=net0, margin0=margin0, sourcing=market.sourcing,
                     linear_supply=market.supply_curve == "linear", linear_demand=market.demand_curve == "linear",
                     active=active, latent=latent, trade=np.any(weight > 0, axis=0), draws=market.draws)


def _any(values: Array) -> Array:
    return np.any(values > 0, axis=0)


def _latent(market: Market) -> Array:
    goods, regions = market.goods, market.regions
    opened = np.zeros((len(goods), len(regions)), bool)
    for good, region in market.opened:
        opened[goods.index(good), regions.index(region)] = True
    return opened


def _weights(raw: dict[str, Array], use0: Array, latent: Array, market: Market) -> Array:
    share = raw["flow0"] / np.where(use0 > 0, use0, 1.0)[:, :, None, :]
    extra = np.where(share > 0, 0.0, raw["route_weight"])
    entry = np.where(latent[None, :, :, None], raw["latent_route_weight"], 0.0)
    return share + np.maximum(extra, entry)
