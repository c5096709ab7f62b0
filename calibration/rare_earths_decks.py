"""Structural variants of the rare earths benchmark: further tables whose rows overwrite cells of the first ones.

`customs_trade` keeps what customs record of China's oxide shipments to the bloc, which the balanced benchmark cuts by
half; `magnet_premia` prices magnets by maker. Both are full benchmarks of their own.
"""

from __future__ import annotations

import math
from copy import deepcopy

import numpy as np

from calibration.figures import Figure, Table, market_row
from calibration.rare_earths_quantities import AT, GOODS, NAN, REGIONS, YEAR, Quantities
from floormodel.balancing import balance

OXIDE, MAGNET = GOODS.index("ndpr_oxide"), GOODS.index("magnet")
KEPT = "China's shipment by customs value and unit value, kept"
FITTED = "fitted to output and use around China's shipments to the bloc, which are kept"
USED = ("receipts by customs: they exceed the judged other use, so the rest is taken as used there; range from the "
        "judged use to the receipts")
LESS = "less the magnets that the oxide used in the United States would have made; range: share of the world's output"
OWN = "less the magnets that are not made; sales abroad stay"


def customs_quantities(q: Quantities, bloc: list[str]) -> Quantities:
    """Balanced tonnes in which China ships to `bloc` what the customs prior says; output of oxide stays.

    A member that makes magnets keeps its use and buys less elsewhere. One that makes none (the United States) uses
    what customs record; China then makes and uses fewer magnets. Other shipments are fitted from the prior.

    Raises
    ------
    DataError
        Where the other shipments cannot be fitted.
    """
    out, china, members = deepcopy(q), AT["CHN"], [AT[r] for r in bloc]
    use, kept = q.flow[OXIDE].sum(0), np.zeros_like(q.flow[OXIDE])
    kept[china, members] = q.prior[OXIDE][china, members]
    more = np.zeros(len(REGIONS))
    for r in members:
        if q.output[MAGNET, r] == 0:
            more[r] = q.prior[OXIDE][:, r].sum() - use[r]
    fewer = more.sum() / q.oxide_per_magnet
    out.demand[OXIDE] += more
    for magnets in (out.output[MAGNET], out.demand[MAGNET], out.flow[MAGNET][china]):
        magnets[china] -= fewer
    use = use + more
    use[china] -= more.sum()
    free = np.where(kept > 0, 0.0, q.prior[OXIDE])
    rows, columns = q.refined - kept.sum(1), use - kept.sum(0)
    out.flow[OXIDE] = kept + balance(free, rows, columns, REGIONS, REGIONS, "ndpr_oxide, customs_trade")
    return out


def customs_rows(made: Table, q: Quantities, bloc: list[str]) -> list[list[str]]:
    """Rows of the deck customs_trade: every cell that differs from the benchmark's, zeros included."""
    other, rows = customs_quantities(q, bloc), []
    for g, good in enumerate(GOODS):
        for name, before, after in (("output0", q.output, other.output), ("final_demand0", q.demand, other.demand)):
            for r in np.flatnonzero(before[g] != after[g]):
                figure = _node(made, name, g, float(before[g, r]), float(after[g, r]), float(other.output[g].sum()))
                rows.append(market_row(name, good, REGIONS[r], "", figure))
        for o, d in np.argwhere(q.flow[g] != other.flow[g]):
            source, note = ("baci_hs92", FITTED) if g == OXIDE else ("baci_hs17", OWN)
            note = KEPT if g == OXIDE and o == AT["CHN"] and REGIONS[d] in bloc else note
            figure = Figure(float(other.flow[g, o, d]), "t/yr", NAN, NAN, YEAR, source, note)
            rows.append(market_row("flow0", good, REGIONS[o], REGIONS[d], figure))
    return rows


def _node(made: Table, name: str, good: int, before: float, after: float, world: float) -> Figure:
    if name == "output0":
        share = made["magnet_share_world", "CHN"]
        ends = sorted((share.low * world, share.high * world, after))
        return Figure(after, "t/yr", math.floor(ends[0]), math.ceil(ends[-1]), YEAR, share.source, LESS)
    if good == MAGNET:
        return Figure(after, "t/yr", NAN, NAN, YEAR, "baci_hs17", OWN)
    return Figure(after, "t/yr", math.floor(before), math.ceil(after), YEAR, "baci_hs92", USED)


def premium_rows(prices: Table) -> list[list[str]]:
    """Rows of the deck magnet_premia: gate prices of magnets by maker, China's times the maker's premium."""
    china, rows = prices["magnet_price", "", YEAR], []
    for maker in ("EU27", "JPN", "KOR"):
        wide, narrow = unit_value_ratio(prices, maker, ""), unit_value_ratio(prices, maker, "bloc")
        note = (f"China's price x {wide:.2f}, the ratio of export unit values in HS 850511; {narrow:.2f} in sales to the "
                "bloc; low end: no premium, for China's line holds cheaper metal magnets too")
        low, mid, high = (round(china.value * 1e3 * x, 2) for x in (1.0, wide, max(wide, narrow)))
        rows.append(market_row("price0", "magnet", maker, "", Figure(mid, "USD/t", low, high, YEAR, "baci_hs17", note)))
    return rows


def unit_value_ratio(prices: Table, maker: str, buyers: str) -> float:
    """Export unit value of a maker's magnets over China's; `buyers` is "" for all or "bloc"."""
    own, china = (prices.value("magnet_export_value", r, buyers) / prices.value("magnet_export_tonnes", r, buyers)
                  for r in (maker, "CHN"))
    return own / china
