"""Where each balanced tonne of the rare earths market comes from: source, range and, for an assumption, the reason."""

from __future__ import annotations

import math

from calibration.figures import ASSUMPTION, Figure, Table
from calibration.rare_earths_quantities import AT, NAN, YEAR, Quantities, ore_content

Node = tuple[str, str, str]


def evidence(made: Table, q: Quantities) -> dict[Node, Figure]:
    """Every node figure of quantities.csv by (variable, good, region): the balanced value with source and range."""
    return {**_ore(made, q), **_oxide(made, q), **_magnets(made, q)}


def _figure(source: str, value: float, low: float = NAN, high: float = NAN, note: str = "") -> Figure:
    """A range in whole tonnes, widened where needed to hold the balanced value."""
    if not math.isnan(low):
        low, high = math.floor(min(low, value)), math.ceil(max(high, value))
    return Figure(value, "t/yr", low, high, YEAR, source, note)


def _ore(made: Table, q: Quantities) -> dict[Node, Figure]:
    out = {}
    for region in ("CHN", "MMR", "AUS", "USA"):
        others = [figure.value * made.value("magnet_share", region) / 100
                  for (place, _), figure in made.under("reo_other").items() if place == region]
        note = "range: ore in other statistics x magnet share of the deposit" if others else ""
        value = float(q.output[0, AT[region]])
        low, high = min(others, default=NAN), max(others, default=NAN)
        out["output0", "mined", region] = _figure("iea_cm_2025", value, low, high, note)
    total = made.value("mined_element", "OTH") * made.value("oxide_per_element")
    for region in ("MYS", "VNM", "IND", "BRA", "ROW"):
        low, mid, high = ore_content(made, region)
        value = float(q.output[0, AT[region]])
        note = f"its part of the {total:.0f} t not listed by country; see balance report"
        out["output0", "mined", region] = _figure(ASSUMPTION, value, low, high * value / mid, note)
    aus, usa = (float(q.stock[0, AT[r]]) for r in ("AUS", "USA"))
    note = "ore for Malaysia's refining beyond mining"
    out["stock_change0", "mined", "AUS"] = _figure(ASSUMPTION, aus, -2500, 0, note)
    note = "concentrate made and neither sold nor refined"
    out["stock_change0", "mined", "USA"] = _figure("mp_results", usa, note=note)
    return out


def _oxide(made: Table, q: Quantities) -> dict[Node, Figure]:
    out, recovery, china = {}, made["recovery"], AT["CHN"]
    ore, refined = float(q.flow[0, :, china].sum()), float(q.refined[china])
    out["output0", "ndpr_oxide", "CHN"] = _figure(ASSUMPTION, float(q.output[1, china]), ore * recovery.low,
                                                  ore * recovery.high, "China's ore x recovery of 0.85 to 0.95")
    out["secondary0", "ndpr_oxide", "CHN"] = _figure(
        ASSUMPTION, float(q.secondary[1, china]), refined - ore * recovery.high, made.value("recycled_oxide", "CHN"),
        "refined in the IEA's figures less what ore yields; the most that was recycled is the upper end")
    for region in ("MYS", "USA"):
        other = made["oxide_other", region]
        note = f"the maker reports {other.value:.0f} t of NdPr oxide"
        value = float(q.output[1, AT[region]])
        out["output0", "ndpr_oxide", region] = _figure("iea_cm_2025", value, other.value, other.value, note)
    share = made["refined_own_ore"]
    for region in ("IND", "VNM"):
        value = float(q.output[1, AT[region]])
        low, high = value * share.low / share.value, value * share.high / share.value
        out["output0", "ndpr_oxide", region] = _figure(ASSUMPTION, value, low, high, share.note)
    gap = sum(float(q.output[1, AT[r]]) for r in ("IND", "VNM")) * (1 - share.low / share.value)
    value = float(q.output[1, AT["ROW"]])
    out["output0", "ndpr_oxide", "ROW"] = _figure(ASSUMPTION, value, value * 0.5, value + gap,
                                                  "what the IEA does not list by country, less India and Vietnam")
    part = made["other_oxide_use"]
    for (region, _), split in made.under("other_use_split").items():
        value = float(q.demand[1, AT[region]])
        low, high = (value * part_end / part.value * end / split.value for part_end, end in
                     ((part.low, split.low), (part.high, split.high)))
        note = "5 % of oxide (3 to 9) goes elsewhere than to magnets; the split is judged"
        out["final_demand0", "ndpr_oxide", region] = _figure(ASSUMPTION, value, low, high, note)
    return out


def _magnets(made: Table, q: Quantities) -> dict[Node, Figure]:
    out, world = {}, float(q.output[2].sum())
    for region in ("CHN", "JPN", "VNM", "ROW"):
        share = made["magnet_share_world", region]
        note = share.note or "share of world output, secondary source"
        value = float(q.output[2, AT[region]])
        out["output0", "magnet", region] = _figure(share.source, value, share.low * world, share.high * world, note)
    for region in ("KOR", "EU27"):
        tonnes = made["magnet_output", region]
        out["output0", "magnet", region] = _figure(tonnes.source, tonnes.value, tonnes.low, tonnes.high, tonnes.note)
    for region, i in AT.items():
        note = "output plus imports less exports; trade value at 49.2 USD/kg"
        out["final_demand0", "magnet", region] = _figure("baci_hs17", float(q.demand[2, i]), note=note)
    return out
