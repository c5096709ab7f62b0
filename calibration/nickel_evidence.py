"""Where each balanced tonne of the nickel market comes from, its range, and how it compares with other sources."""

from __future__ import annotations

import math

from calibration.figures import ASSUMPTION, Figure, Table, number_text
from calibration.nickel_quantities import AT, NAN, REGIONS, Quantities, content

Node = tuple[str, str, str]
SHARED = "share of what the known users leave of the world's use; the range is that of China's share"
REFINED = {"2024": "iea_cm_2025", "2019": "bgs2025"}
STOCK = "supply less need, booked in proportion to output; range: of {}"


def evidence(figures: dict[str, Table], q: Quantities, year: str) -> dict[Node, Figure]:
    """Every node figure of quantities.csv by (variable, good, region): the balanced value with source and range."""
    return {**_mined(figures, q, year), **_refined(figures, q, year), **_stocks(figures, q, year), **_demand(figures, q, year)}


def _figure(source: str, value: float, others: list[float], year: str, note: str = "") -> Figure:
    """The value with the range that it and `others` span, in whole tonnes; no range where there are no others."""
    value = float(value)
    low, high = (math.floor(min([value, *others])), math.ceil(max([value, *others]))) if others else (NAN, NAN)
    return Figure(value, "t/yr", low, high, year, source, note)


def _elsewhere(figures: dict[str, Table], figure: str, region: str, year: str) -> list[float]:
    """What other sources say of the benchmark year; other years are growth, not error."""
    return [f.value for (place, _), f in figures["checks"].under(figure).items() if place == region and f.year == year]


def _mined(figures: dict[str, Table], q: Quantities, year: str) -> dict[Node, Figure]:
    out, made = {}, figures["production"]
    for region in REGIONS:
        rows = [f for (r, _), f in made.under("mined").items() if r == region]
        source = rows[0].source if rows else ASSUMPTION
        others = _elsewhere(figures, "mined", region, year)
        out["output0", "mined", region] = _figure(source, q.output[0, AT[region]], others, year, "range: other sources" if others else "")
    return out


def _refined(figures: dict[str, Table], q: Quantities, year: str) -> dict[Node, Figure]:
    out, made = {}, figures["production"]
    for region in REGIONS:
        value, split = q.output[1, AT[region]], [f.value for (r, _), f in made.under("refined_weight").items() if r == region]
        listed = sum(f.value for (r, _), f in made.under("refined").items() if r == region)
        others = _elsewhere(figures, "refined", region, year)
        if split:
            note = "with its part of what the IEA does not list; range: that part by output of 2023"
            out["output0", "refined", region] = _figure(ASSUMPTION, value, [listed + sum(split), listed + 0.8 * sum(split)], year, note)
        else:
            out["output0", "refined", region] = _figure(REFINED[year], value, others, year, "range: other sources" if others else "")
    return out


def _stocks(figures: dict[str, Table], q: Quantities, year: str) -> dict[Node, Figure]:
    """Stock changes: the range of ore is that of the recovery, the range of refined that of the world's use."""
    out, recovery, world = {}, figures["production"]["recovery"], figures["production"]["demand_world"]
    refined = q.output[1].sum()
    totals = [(q.output[0].sum() - refined / r for r in (recovery.low, recovery.high)), (refined - d for d in (world.most, world.least))]
    for good, g, ends, what in (("mined", 0, list(totals[0]), "the recovery"), ("refined", 1, list(totals[1]), "the world's use")):
        for region in REGIONS:
            part = q.output[g, AT[region]] / q.output[g].sum()
            out["stock_change0", good, region] = _figure(
                ASSUMPTION, q.stock[g, AT[region]], [part * end for end in ends], year, STOCK.format(what))
    return out


def _demand(figures: dict[str, Table], q: Quantities, year: str) -> dict[Node, Figure]:
    out, made = {}, figures["production"]
    share, world = made["demand_share", "CHN"], made.value("demand_world")
    others = world - share.value * world
    for region in REGIONS:
        value = q.demand[1, AT[region]]
        ends = [value * (others + (share.value - s) * world) / others for s in (share.high, share.low)]
        out["final_demand0", "refined", region] = _figure(ASSUMPTION, value, ends, year, SHARED)
    china = q.demand[1, AT["CHN"]]
    out["final_demand0", "refined", "CHN"] = _figure(share.source, china, [share.low * world, share.high * world], year, share.note)
    for (region, _), f in made.under("demand").items():
        out["final_demand0", "refined", region] = _figure(f.source, f.value, [f.least, f.most], year, f.note)
    for (region, _), f in made.under("demand_of_output").items():
        made_there = q.output[1, AT[region]]
        out["final_demand0", "refined", region] = _figure(
            f.source, q.demand[1, AT[region]], [f.low * made_there, f.high * made_there], year, f.note)
    return out


def cross_checks(figures: dict[str, Table], q: Quantities) -> list[list[str]]:
    """Rows of cross_checks.csv: each figure of another source beside ours, and ours over it."""
    arrivals = q.flow[0, :, AT["CHN"]]
    world = {"mined_world": q.output[0].sum(), "refined_world": q.output[1].sum(), "demand_world": q.demand[1].sum(),
             "surplus": q.stock[1].sum(), "ore_imports": arrivals.sum() - arrivals[AT["CHN"]],
             "ore_gross": float(arrivals[AT["IDN"]]) / content(figures["production"], "IDN")}
    node = {"mined": q.output[0], "refined": q.output[1]}
    rows = []
    for (name, region, label), other in figures["checks"].rows.items():
        ours = float(world[name] if name in world else node[name][AT[region]])
        rows.append([name, region, label or other.source, number_text(round(ours, 4)), number_text(other.value),
                     other.unit, f"{ours / other.value:.3f}", other.year, other.source, other.note])
    return rows
