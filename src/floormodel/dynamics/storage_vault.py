"""Who gains and who bears the price risk of a reserve: a vault with a promise to buy back, and reserves pooled or apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from floormodel.errors import DataError, Faults, ScenarioError

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Vault:
    """A reserve that buys for a member, who promises to buy the tonne back at the price it went in at.

    Parameters
    ----------
    inventory_price : USD/t at which the member must buy back at the end (the price at entry)
    storage_cost : USD/t per period while the tonne is there; loan_rate : interest on the inventory price per period
    fee : USD/t paid by the member at entry
    draw_above, replenish_below : the member takes the tonne out when the price passes the first, and must put one back once it is
        at or below the second, at the end whatever the price. Infinity: it never draws.
    """

    inventory_price: float
    storage_cost: float
    loan_rate: float
    fee: float = 0.0
    draw_above: float = np.inf
    replenish_below: float = 0.0

    def __post_init__(self) -> None:
        faults = Faults("vault", ScenarioError)
        for name in ("inventory_price", "storage_cost", "loan_rate", "fee", "draw_above", "replenish_below"):
            if not getattr(self, name) >= 0:
                faults.add(name, getattr(self, name), "a number of 0 or more")
        if self.replenish_below > self.draw_above:
            faults.add("replenish_below", self.replenish_below, f"at most draw_above, {self.draw_above:g}")
        faults.raise_if_any()


def vault_value(prices: Array, vault: Vault, interest: float) -> pd.DataFrame:
    """Present values per tonne held from the first to the last price, one row per path, USD/t of the first period.

    Parameters
    ----------
    prices : (T, N) market prices
    interest : rate per period at which all money is discounted

    Returns
    -------
    DataFrame
        buy_back = worth of the tonne at the end less the inventory price, both to the member; carry = fee, loan interest and
        storage, paid by the member; draws = worth of tonnes drawn less those put back; member, their sum; operator = what the
        vault keeps: the inventory price at the end less what it paid at entry, and fee and loan interest.
    """
    prices = np.asarray(prices, float)
    if prices.ndim != 2 or len(prices) < 2 or not np.isfinite(prices).all():
        raise DataError(f"prices: found an array of shape {prices.shape}; expected finite prices (periods, paths), 2 periods or more")
    last = len(prices) - 1
    weight = (1 + interest) ** -np.arange(last + 1.0)
    inside = np.ones(prices.shape[1], bool)
    draws, kept = np.zeros(prices.shape[1]), np.zeros(prices.shape[1])
    for t in range(last + 1):
        out = inside & (prices[t] > vault.draw_above) & (t < last)
        back = ~inside & ((prices[t] <= vault.replenish_below) | (t == last))
        draws += weight[t] * prices[t] * (out.astype(float) - back)
        inside = (inside & ~out) | back
        if t < last:
            kept += weight[t] * vault.storage_cost * inside
    loan = vault.loan_rate * vault.inventory_price * weight[1:].sum()
    carry = -(vault.fee + loan + kept)
    buy_back = weight[-1] * (prices[-1] - vault.inventory_price)
    operator = weight[-1] * vault.inventory_price - prices[0] + vault.fee + loan
    return pd.DataFrame({"buy_back": buy_back, "carry": carry, "draws": draws, "member": buy_back + carry + draws, "operator": operator})


def cover_needed(shortfalls: Array, chance: float) -> tuple[Array, float]:
    """Tonnes that cover a shortfall in all but `chance` of draws: of each region on its own (R,), and of all in one pool.

    `shortfalls` (N, R) t, 0 where a region lacks nothing. Apart, all reserves together are the sum of the first; the pool needs as
    much only where all run short at once. Each is the smallest drawn shortfall that is enough, so that the promise is kept in the draws.
    """
    short = np.asarray(shortfalls, float)
    if short.ndim != 2 or np.any(~np.isfinite(short)) or np.any(short < 0) or not 0 <= chance < 1:
        raise DataError(f"shortfalls: found shape {short.shape} and chance {chance!r}; expected tonnes (draws, regions) of 0 or more "
                        "and a chance from 0 to below 1")
    apart = np.quantile(short, 1 - chance, axis=0, method="higher")
    return apart, float(np.quantile(short.sum(1), 1 - chance, method="higher"))
