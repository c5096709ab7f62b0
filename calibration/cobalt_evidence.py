"""Where each balanced tonne of the cobalt market comes from, its range, and how it compares with other sources."""

from __future__ import annotations

import math

from calibration.cobalt_quantities import AT, NAN, REGIONS, USERS, YEAR, Quantities, ore_price
from calibration.figures import ASSUMPTION, Figure, Table, number_text

Node = tuple[str, str, str]
SHARED = "share of what China and the United States leave of the world's use; the range is that of China's share"
LISTED = {"CHN": "iea_cm_2025", "EU27": "iea_cm_2025", "JPN": "iea_cm_2025", "IDN": "iea_cm_2025", "CAN": "bgs2025",
          "AUS": "bgs2025", "RUS": "bgs2025", "MDG": "bgs2025", "KOR": "baci_hs92"}


def evidence(figures: dict[str, Table], q: Quantities) -> dict[Node, Figure]:
    """Every node figure of quantities.csv by (variable, good, region): the balanced value with source and range."""
    return {**_ore(figures, q), **_refined(figures, q), **_stocks(figures, q), **_demand(figures, q)}


def _figure(source: str, value: float, others: list[float], note: str = "") -> Figure:
    """The value with the range that it and `others` span, in whole tonnes; no range where there are no others."""
    value = float(value)
    low, high = (math.floor(min([value, *others])), math.ceil(max([value, *others]))) if others else (NAN, NAN)
    return Figure(value, "t/yr", low, high, YEAR, source, note)


def _elsewhere(figures: dict[str, Table], figure: str, region: str) -> list[float]:
    """What other sources say of the benchmark year; other years are growth, not error."""
    return [f.value for (place, _), f in figures["checks"].under(figure).items() if place == region and f.year == YEAR]


def _ore(figures: dict[str, Table], q: Quantities) -> dict[Node, Figure]:
    out = {}
    for region in REGIONS:
        split = region in ("EU27", "ROW")
        note = "its part of what the USGS does not list, by World Mining Data" if split else "range: other sources"
        source = ASSUMPTION if split else "usgs_mcs2026"
        value = q.output[0, AT[region]]
        out["output0", "mined", region] = _figure(source, value, _elsewhere(figures, "mined", region), note)
    return out


def _refined(figures: dict[str, Table], q: Quantities) -> dict[Node, Figure]:
    out, made = {}, figures["production"]
    feed = made["recycled_feed"]
    for region in REGIONS:
        value, scrap = q.output[1, AT[region]], q.secondary[1, AT[region]]
        others = [max(v - scrap, 0.0) for v in _elsewhere(figures, "refined", region)]
        note = "less recycled feed; range: other sources" if scrap > 0 else "range: other sources" if others else ""
        if region == "ROW":
            named = [f.value for (r, _), f in made.under("refined_other").items() if r == "ROW"]
            others, note = [sum(named)], "low end: the named makers of 2023; the rest is in the IEA's world total only"
        out["output0", "refined", region] = _figure(LISTED.get(region, ASSUMPTION), value, others, note)
        source, ends = ASSUMPTION, [0.0, scrap * feed.high / feed.value]
        note = "recycled feed of 2020 shared by output; the high end is a recycled input of 16 %"
        if region == "USA":
            source, ends, note = "usgs_mcs2026", [], "purchased scrap"
        out["secondary0", "refined", region] = _figure(source, scrap, ends, note)
    return out


def _stocks(figures: dict[str, Table], q: Quantities) -> dict[Node, Figure]:
    """Stock builds; ore ranges from the smallest world output of other sources to the most recycling and recovery."""
    out, made = {}, figures["production"]
    mined, need = q.output[0].sum(), q.output[1].sum() * q.ore_per_refined
    feed, recovery = made["recycled_feed"], made["recovery"]
    least = min(f.value for f in figures["checks"].under("mined_world").values()) - need
    most = mined - (q.output[1].sum() + feed.value - feed.high) / recovery.high
    note = "mined less what refiners need, booked where it was mined; range: other sources of output, more recycling"
    for region in REGIONS:
        value = q.stock[0, AT[region]]
        ends = [value * least / (mined - need), value * most / (mined - need)]
        out["stock_change0", "mined", region] = _figure(ASSUMPTION, value, ends, note)
    note = "refined and recycled less use; the high end is the Cobalt Institute's surplus, the low end no surplus"
    surplus = figures["checks"].value("surplus")
    out["stock_change0", "refined", "CHN"] = _figure(ASSUMPTION, q.stock[1, AT["CHN"]], [0.0, surplus], note)
    return out


def _demand(figures: dict[str, Table], q: Quantities) -> dict[Node, Figure]:
    out, made = {}, figures["production"]
    share, world, usa = made["demand_share", "CHN"], made.value("demand_world"), made["demand", "USA"]
    left = [world * (1 - s) - usa.value for s in (share.high, share.value, share.low)]
    for region in USERS:
        value = q.demand[1, AT[region]]
        out["final_demand0", "refined", region] = _figure(
            ASSUMPTION, value, [value * left[0] / left[1], value * left[2] / left[1]], SHARED)
    out["final_demand0", "refined", "CHN"] = _figure(
        share.source, q.demand[1, AT["CHN"]], [share.low * world, share.high * world], share.note)
    out["final_demand0", "refined", "USA"] = _figure(usa.source, usa.value, [usa.low, usa.high], usa.note)
    return out


def cross_checks(figures: dict[str, Table], q: Quantities) -> list[list[str]]:
    """Rows of cross_checks.csv: each figure of another source beside ours, and ours over it."""
    feed = q.secondary[1].copy()
    feed[AT["USA"]] = 0.0
    total = q.output[1] + feed
    world = {"mined_world": q.output[0].sum(), "refined_world": total.sum(), "demand_world": q.demand[1].sum(),
             "surplus": q.stock.sum(), "ore_price": ore_price(figures["prices"])}
    node = {"mined": q.output[0], "refined": total, "demand": q.demand[1],
            "share_mined": q.output[0] / q.output[0].sum()}
    rows = []
    for (name, region, label), other in figures["checks"].rows.items():
        if name == "ore_shipped":
            ours = q.flow[0, AT[label.split()[0]], AT[region]]
        else:
            ours = world[name] if name in world else node[name][AT[region]]
        rows.append([name, region, label or other.source, number_text(round(float(ours), 4)), number_text(other.value),
                     other.unit, f"{ours / other.value:.3f}", other.year, other.source, other.note])
    return rows
