"""Measures beside floors, tariffs, taxes, quotas, gap payments and stocks, for the oracle: what all of them share.

A measure adds to wedges and rows, and says who gets its money. Written from the page of instruments alone. Arrays have
the shape (..., G, R) or, by route, (..., G, R, R); prices and charges are USD/t, tonnes t/yr, money USD/yr.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.twin.twin_equations import State
from tests.twin.twin_market import Array, Twin

Policy = dict[str, Any]


class Measure:
    """What one instrument adds to the model: nothing, unless a subclass says so."""

    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        self.twin, self.number, self.good, self.policy = twin, number, good, policy

    def export(self, state: State) -> Any:
        """Added to the export levy."""
        return 0.0

    def freight(self, state: State) -> Any:
        """Added to freight."""
        return 0.0

    def landed(self, state: State) -> Any:
        """Added to the landed price; border price and duties are known."""
        return 0.0

    def duty(self, state: State) -> Any:
        """The part of it that is a duty and can be evaded, (..., R, R)."""
        return 0.0

    def charges(self, state: State) -> list[tuple[str, str, Array]]:
        """The same by account and owner, at one solution."""
        return []

    def final_tax(self, state: State) -> Any:
        """What final users pay on top of the buyer price."""
        return 0.0

    def input_tax(self, state: State) -> Any:
        """What processors pay on top of the buyer price."""
        return 0.0

    def receipts(self, state: State) -> Any:
        """Added to the net price."""
        return 0.0

    def delivered(self, state: State) -> Any:
        """Tonnes that are shipped whatever the market wants, by route; output and use are known."""
        return 0.0

    def rows(self, state: State, own: Array) -> None:
        """Write the rows of own unknowns."""

    def money(self, state: State) -> dict[str, Array]:
        """Money by account, (G, R) by the region that gets it, at one solution; adds to the lines of `money.levels`."""
        lines: dict[str, Array] = {}
        for account, owner, charge in self.charges(state):
            lines[account] = lines.get(account, 0) + self.owned(charge * state["flow"][self.good], owner)
        return lines

    # ---- tools

    def unknown(self, name: str, high: float, scale: float) -> int:
        return self.twin.tools.unknown(self.number, name, high, scale)

    def routes(self, state: State, values: Any) -> Array:
        """`values` (..., R, R) on the routes of the good, zero on those of others."""
        out = np.zeros((*state["price"].shape, self.twin.shape[1]), state["price"].dtype)
        out[..., self.good, :, :] = values
        return out

    def nodes(self, state: State, values: Any, good: int | None = None) -> Array:
        """`values` (..., R) at the good's nodes, zero at those of others."""
        out = np.zeros(state["price"].shape, np.result_type(state["price"], np.asarray(values)))
        out[..., self.good if good is None else good, :] = values
        return out

    def owned(self, amounts: Array, who: str) -> Array:
        """Money on routes (R, R), as (G, R) by owner: the exporting, the importing or a named region."""
        out = np.zeros(self.twin.shape)
        if who == "exporter":
            out[self.good] = amounts.sum(axis=1)
        elif who in ("importer", "destination"):
            out[self.good] = amounts.sum(axis=0)
        else:
            out[self.good, self.twin.case["regions"].index(who)] = amounts.sum()
        return out


def reader(kind: type[Measure]) -> Any:
    """What reads an instrument of a kind into the tools of a market."""
    return lambda twin, number, good, policy: twin.tools.measures.append(kind(twin, number, good, policy))
