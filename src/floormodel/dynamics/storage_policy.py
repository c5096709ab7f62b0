"""Rules of public stocks and of support, as a storage market knows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from floormodel.errors import Faults, ScenarioError


@dataclass(frozen=True)
class PublicFloor:
    """A floor price held by buying up to `capacity` t; the stock is sold again as soon as the price passes the floor.

    Conditions: P - price complementary to 0 <= public stock <= capacity (Wright and Williams 1988). Once the stock is full the
    price falls through the floor.
    """

    price: float
    capacity: float

    def __post_init__(self) -> None:
        _check("public floor", {"price": self.price, "capacity": self.capacity}, finite=("price", "capacity"))


@dataclass(frozen=True)
class PriceBand:
    """A public stock that buys at `floor` and sells at `ceiling`, within its capacity, its cash and its yearly rates.

    Parameters
    ----------
    floor, ceiling : USD/t; floor <= ceiling. A floor of 0 never buys, a ceiling of infinity never sells.
    capacity : t; the largest stock
    cash : USD; money the stock may be worth at the floor. What sales above the floor earn goes to the treasury, so that bounded
        cash is a bounded stock, cash / floor.
    buys, sells : t per period at most. A floor far above the usual price with small `buys` is a fill path, a floor of 0 with a
        ceiling a release trigger.
    """

    floor: float
    ceiling: float
    capacity: float
    cash: float = np.inf
    buys: float = np.inf
    sells: float = np.inf

    def __post_init__(self) -> None:
        values = {n: getattr(self, n) for n in ("floor", "ceiling", "capacity", "cash", "buys", "sells")}
        _check("price band", values, finite=("floor", "capacity"), ordered=("floor", "ceiling"))

    @property
    def room(self) -> float:
        """Largest stock, t, that capacity and cash allow."""
        return min(self.capacity, self.cash / self.floor) if self.floor > 0 else self.capacity


def fill_path(target: float, periods: int, max_price: float, release_price: float, sells: float = np.inf) -> PriceBand:
    """A reserve of `target` t filled in equal parts over `periods`, as long as the price is below `max_price`; released at
    `release_price` and then filled again at the same rate."""
    return PriceBand(max_price, release_price, target, buys=target / periods, sells=sells)


def minerals_trust(reference: float, margin: float, capacity: float, cash: float = np.inf) -> PriceBand:
    """A central repository that buys at `margin` (a share) below a published reference price and sells at as much above it."""
    return PriceBand(reference * (1 - margin), reference * (1 + margin), capacity, cash)


def _check(what: str, values: dict[str, float], finite: tuple[str, ...], ordered: tuple[str, str] | None = None) -> None:
    faults = Faults(what, ScenarioError)
    for name, value in values.items():
        if not value >= 0 or (name in finite and not np.isfinite(value)):
            faults.add(name, value, "a finite number of 0 or more" if name in finite else "a number of 0 or more")
    if ordered and values[ordered[0]] > values[ordered[1]]:
        faults.add(ordered[0], values[ordered[0]], f"at most the {ordered[1]}, {values[ordered[1]]:g}")
    faults.raise_if_any()
