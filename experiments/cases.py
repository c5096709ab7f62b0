"""What the floor experiments ask of each market: the good, the headline floor, who takes part, which levels are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import floormodel as fm


@dataclass(frozen=True)
class FloorCase:
    """One market's floor question. Money in USD/t; `members` names the bloc variants, the first is the headline."""

    good: str
    headline: float
    levels: tuple[float, ...]
    members: Mapping[str, tuple[str, ...]]
    downstream: tuple[str, ...]
    supplier: str
    reason: str


def case_of(market: fm.Market) -> FloorCase:
    """The case of a shipped market.

    The headline for NdPr oxide is the 110 USD/kg of the price guarantees signed in the United States (2025) and Japan (2026); for
    refined cobalt, where no floor has been announced, it is as far above the benchmark price as 1.4 times.
    """
    if not market.blocs:
        raise fm.DataError(f"market {market.name!r}: found no bloc; the floor experiments need one: name it under [blocs] of market.toml")
    first = "allies" if "allies" in market.blocs else next(iter(market.blocs))
    allies = tuple(market.blocs[first])
    if market.name == "rare_earths":
        members = {"USA, EU, Japan, Korea": allies, "USA alone": ("USA",),
                   "with nine producers and buyers": tuple(market.blocs["plurilateral"])}
        return FloorCase("ndpr_oxide", 110_000.0, (60e3, 70e3, 80e3, 95e3, 110e3, 130e3, 150e3), members, ("magnet",), "CHN",
                         "the level of the price guarantees signed in the United States (2025) and Japan (2026)")
    good = market.goods[-1]
    price = float(f"{1.4 * float(market.dataset['price0'].sel(good=good).max()):.2g}")
    lead = str(market.dataset["output0"].sel(good=good).idxmax("region").item())
    return FloorCase(good, price, tuple(float(f"{price * x:.3g}") for x in (0.75, 0.85, 1.0, 1.2)),
                     {first: allies} | ({"USA alone": ("USA",)} if "USA" in allies[:-1] else {}), (), lead,
                     "1.4 times the benchmark price; no floor has been announced")
