"""A buffer stock against lasting swings of the price: what it buys and sells, how long it holds, and what happens when it breaks.

The price that would be without the stock is given, path by path, as persistent as prices are. What the stock buys moves the market
away from it, by partial adjustment (Nerlove 1958) of the supply and use that differ from the free market's:

    log supply  s[t] = (1 - short / long) s[t-1] + short y[t]      y[t] = log(price / free price), elasticities of supply
    log use     d[t] = (1 - short / long) d[t-1] - short y[t]      with those of demand
    bought      = (exp s[t] - exp d[t]) x use of the free market

so that a floor draws more supply the longer it stands. No one else stores: `solve_storage` has private storers, and shocks that
do not last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from floormodel.dynamics.storage_policy import PriceBand
from floormodel.errors import DataError, Faults, ScenarioError

Array = np.ndarray
STEPS, CLOSE = 60, 1e-12  # Newton steps for a price at given tonnes, and the relative gap that ends them
UNITS = {"price": "USD/t", "free_price": "USD/t", "bought": "t", "public": "t", "output": "t", "use": "t", "centre": "USD/t",
         "floor": "USD/t", "outlay": "USD"}


@dataclass(frozen=True, kw_only=True, eq=False)
class FreeMarket:
    """A market without the stock.

    `price` (T, N), USD/t, by year and path; `use`, t a year, made and used on every path (what moves its price moves supply and demand
    apart); `supply` and `demand`: (short run, long run) elasticities, numbers or one per path (N,), short run at most long run.
    """

    price: Array
    use: float
    supply: tuple[Array | float, Array | float]
    demand: tuple[Array | float, Array | float]

    def __post_init__(self) -> None:
        faults = Faults("free market", DataError)
        if np.ndim(self.price) != 2 or not np.all(np.isfinite(self.price)) or np.any(np.asarray(self.price) <= 0):
            faults.add("price", f"an array of shape {np.shape(self.price)}", "positive prices (years, paths)")
        if not self.use > 0:
            faults.add("use", self.use, "tonnes a year above 0")
        for name in ("supply", "demand"):
            short, long = (np.asarray(x, float) for x in getattr(self, name))
            if not np.all((short > 0) & (long >= short)):
                faults.add(name, f"({short.min():g}, {long.min():g})", "elasticities above 0, that of the short run at most the long run's")
        faults.raise_if_any()


def buffer_stock(market: FreeMarket, band: PriceBand, *, storage_cost: Array | float = 0.0, follow: float = 0.0,
                 sell_off: float | None = None, opening: float = 0.0) -> xr.Dataset:
    """Simulate a stock that buys at the floor and sells at the ceiling of a band.

    Parameters
    ----------
    band : with a floor and a ceiling; its room (capacity, cash) and rates bound what it does, and then the price leaves the band
    storage_cost : USD/t a year, a number or one per path (N,)
    follow : share of the way, in logs, that the band moves each year towards the price of the year (0: it stays)
    sell_off : t a year that are sold whatever the price, above the ceiling too, and the band given up, once the floor cannot be held
        for want of room or of money; 0: given up, and what is left is kept; None: it carries on at its bounds
    opening : t held at the beginning; the price path does not know of their purchase

    Returns
    -------
    xarray.Dataset
        Over (year, path): price, free_price, bought (negative: sold), public (at the end of the year), output, use, centre and floor
        of the band in force, outlay (bought and stored less sold, before interest), and flags held (in the band), at_floor, at_ceiling,
        below, above, and broken (given up); over path: breaks, the year from 0 in which the floor first fails, infinite where it never
        does.
    """
    if not 0 <= follow <= 1 or not (sell_off is None or sell_off >= 0) or not 0 <= opening <= band.room:
        raise ScenarioError(f"buffer stock: found follow {follow!r}, sell_off {sell_off!r}, opening {opening!r}; expected a share, tonnes "
                            f"a year of 0 or more or None, and tonnes from 0 to the room of the band, {band.room:g}")
    if not (band.floor > 0 and np.isfinite(band.ceiling)):
        raise ScenarioError(f"buffer stock: found a band from {band.floor:g} to {band.ceiling:g}; expected a floor above 0 and a ceiling")
    free, middle = np.asarray(market.price, float), np.sqrt(band.floor * band.ceiling)
    years, paths = free.shape
    (supply, supply_long), (demand, demand_long) = ((np.broadcast_to(np.asarray(x, float), paths) for x in pair)
                                                    for pair in (market.supply, market.demand))
    kept_s, kept_d = 1 - supply / supply_long, 1 - demand / demand_long
    s, d, stock = np.zeros(paths), np.zeros(paths), np.full(paths, float(opening))
    shift, broken, breaks = np.zeros(paths), np.zeros(paths, bool), np.full(paths, np.inf)
    rows: list[dict[str, Array]] = []
    for t in range(years):
        a, b = kept_s * s, kept_d * d
        floor, ceiling = band.floor * np.exp(shift), band.ceiling * np.exp(shift)
        idle = (b - a) / (supply + demand)

        def taken(y: Array, a: Array = a, b: Array = b) -> Array:
            return np.exp(a + supply * y) - np.exp(b - demand * y)

        low, high = free[t] * np.exp(idle) < floor, free[t] * np.exp(idle) > ceiling
        buys = np.minimum(taken(np.log(np.maximum(floor, 1e-300) / free[t])), np.minimum(band.buys, band.room - stock) / market.use)
        sells = np.minimum(-taken(np.log(np.minimum(ceiling, 1e300) / free[t])), np.minimum(band.sells, stock) / market.use)
        bought = np.where(low, np.maximum(buys, 0.0), np.where(high, -np.maximum(sells, 0.0), 0.0))
        if sell_off is not None:
            bought = np.where(broken, -np.minimum(stock, sell_off) / market.use, bought)
        y = _log_price(a, b, supply, demand, bought, idle)
        price = free[t] * np.exp(y)
        s, d, stock = a + supply * y, b - demand * y, stock + bought * market.use
        below, above = ~broken & (price < floor * (1 - 1e-9)), ~broken & (price > ceiling * (1 + 1e-9))
        rows.append({"price": price, "free_price": free[t], "bought": bought * market.use, "public": stock,
                     "output": market.use * np.exp(s), "use": market.use * np.exp(d), "centre": middle * np.exp(shift), "floor": floor,
                     "outlay": price * bought * market.use + storage_cost * stock, "at_floor": low & ~below & ~broken,
                     "at_ceiling": high & ~above & ~broken, "below": below, "above": above, "broken": broken,
                     "held": ~(below | above | broken)})
        breaks = np.where(below & np.isinf(breaks), t, breaks)
        if sell_off is not None:
            broken = broken | below
        shift = shift + follow * (np.log(price / middle) - shift)
    out = xr.Dataset({name: (("year", "path"), np.stack([row[name] for row in rows])) for name in rows[0]} | {"breaks": ("path", breaks)})
    for name, unit in UNITS.items():
        out[name].attrs["unit"] = unit
    return out


def _log_price(a: Array, b: Array, supply: Array, demand: Array, bought: Array, start: Array) -> Array:
    """y with exp(a + supply y) - exp(b - demand y) = bought: Newton's method on a function that only rises, bounded steps."""
    y = start.copy()
    for _ in range(STEPS):
        made, used = np.exp(a + supply * y), np.exp(b - demand * y)
        gap = made - used - bought
        if np.max(np.abs(gap)) < CLOSE:
            break
        y = y - np.clip(gap / (supply * made + demand * used), -1.0, 1.0)
    return y


def present_value(money: Array, interest: Array | float) -> Array:
    """Value in the first year of yearly money (T, N), at a rate or one per path (N,)."""
    money = np.asarray(money, float)
    return np.sum((1 + np.asarray(interest, float)) ** -np.arange(len(money), dtype=float)[:, None] * money, axis=0)
