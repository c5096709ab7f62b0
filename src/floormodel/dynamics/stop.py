"""A stop of a supplier's exports and what is held against it: the two descriptions, and their checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from floormodel.dynamics.adjustment import KINDS
from floormodel.errors import Faults, ScenarioError, did_you_mean
from floormodel.market import Market

Array = np.ndarray
MOST_RESTRAINT = 0.9
RENT_OWNERS, SHARINGS = ("supplier", "destination"), ("losses", "shortfalls")


@dataclass(frozen=True, kw_only=True)
class SupplyStop:
    """`share` of a supplier's exports of `goods` to `destinations` (None: all others) stops for `quarters`.

    Of a partial stop, `rent_owner` ("supplier" | "destination") has the rent on the tonnes that still come. The supplier, by default: it
    decides who gets them and can ask what they are worth, as the owner of an export licence.
    """

    supplier: str
    goods: tuple[str, ...]
    quarters: int
    destinations: tuple[str, ...] | None = None
    share: float = 1.0
    rent_owner: Literal["supplier", "destination"] = "supplier"


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """Public stocks of some members, and restraint.

    Parameters
    ----------
    members : regions
    days : days of each member's benchmark use of each good (of `goods`; None: those that stop); the sum is the same, apart or pooled
    pooled : one stock, of which members get parts by `sharing`; else each member's is released at home alone
    sharing : "losses": like their losses of tonnes. "shortfalls": so that what is still missing is the same share of benchmark use in
        all that get some, after the supply right of the oil-sharing agreement of 1974 (Article 7)
    goods : goods that are held
    lag : quarters from the stop to the first release, and to restraint
    restraint : share by which members hold back final use of the goods that stop and of what is made of them (a number, or one per draw)
    displaced : tonnes that a member's users hold less for each tonne of its public stock (0: none, 1: one for one), at most all they can
        draw
    """

    members: tuple[str, ...]
    days: float = 0.0
    pooled: bool = False
    sharing: Literal["losses", "shortfalls"] = "losses"
    goods: tuple[str, ...] | None = None
    lag: int = 0
    restraint: float | Array = 0.0
    displaced: float = 0.0


def check_stop(market: Market, stop: SupplyStop, reserve: Reserve, commercial: Array, counts: Mapping[str, Any]) -> None:
    """Refuse names that the market does not know and figures outside their range, all at once (ScenarioError).

    `commercial`: days of users' stocks; `counts`: whole numbers by name, those of at_once, `planned` and `buy_back`.
    """
    faults = Faults("rapid response", ScenarioError)
    _check_names(faults, market, stop, reserve)
    for what, value, high in (("share", stop.share, 1.0), ("displaced", reserve.displaced, 1.0)):
        if not 0 <= value <= high:
            faults.add(what, value, f"a share from 0 to {high:g}")
    held = np.asarray(reserve.restraint, float)
    if not np.all((held >= 0) & (held <= MOST_RESTRAINT)) or held.size not in (1, market.draws):
        faults.add("restraint", reserve.restraint, f"a share from 0 to {MOST_RESTRAINT:g}; one number, or one per draw ({market.draws})")
    for what, chosen, known in (("rent_owner", stop.rent_owner, RENT_OWNERS), ("sharing", reserve.sharing, SHARINGS)):
        if chosen not in known:
            faults.add(what, repr(chosen), " | ".join(known))
    check_counts(faults, {"quarters": stop.quarters, "lag": reserve.lag} | dict(counts))
    sound = np.all((commercial >= 0) & np.isfinite(commercial)) and commercial.size in (1, market.draws)
    if not 0 <= reserve.days < np.inf or not sound:
        faults.add("days", f"{reserve.days}, commercial {commercial.tolist()[:3] if commercial.ndim else commercial}",
                   f"0 or more and finite; one number, or one per draw ({market.draws})")
    faults.raise_if_any()


def _check_names(faults: Faults, market: Market, stop: SupplyStop, reserve: Reserve) -> None:
    named: dict[str, tuple[Sequence[str] | None, Sequence[str]]] = {
        "supplier": ((stop.supplier,), market.regions), "goods": (stop.goods, market.goods),
        "destinations": (stop.destinations, market.regions), "members": (reserve.members, market.regions),
        "reserve goods": (reserve.goods, market.goods)}
    for what, (names, known) in named.items():
        if names is None:
            continue
        for name in names:
            if name not in known:
                faults.add(what, name, f"a name of market {market.name!r}", did_you_mean(name, known))
        if not names:
            faults.add(what, names, "at least one name", "leave it out (None) for all" if what in ("destinations", "reserve goods") else "")
        elif len(set(names)) < len(names):
            faults.add(what, names, "each name once")
    for what, names in (("members", reserve.members), ("destinations", stop.destinations or ())):
        if stop.supplier in names:
            faults.add(what, names, f"regions other than the supplier, {stop.supplier}")


def check_counts(faults: Faults, counts: Mapping[str, Any]) -> None:
    """Whole numbers of quarters: `lag` and `buy_back` from 0, all others from 1."""
    for what, number in counts.items():
        least = 0 if what in ("lag", "buy_back") else 1
        if what not in ("quarters", "lag", "planned", "buy_back", *KINDS):
            faults.add("at_once", what, " | ".join(KINDS))
        elif not np.isfinite(number) or int(number) != number or number < least:
            faults.add(what, number, f"a whole number of {least} or more")
