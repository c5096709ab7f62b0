"""Where each balanced tonne of a market comes from and its range, the balance report, and other sources' figures beside ours."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from calibration.chain_quantities import Quantities
from calibration.chain_tables import Chain
from calibration.figures import ASSUMPTION, Figure, market_row, number_text
from floormodel.balancing import Move

NAN = float("nan")
APPARENT = 0.25  # judged error of a use known only from output and customs
FIRMEST = 0.01  # a range within so much of the figure is not written: no output is known better
SPLIT = -0.95  # correlation of primary and recycled tonnes of a total that is known
NOISE = 1e-9  # tonnes below this share of a stage's supply are rounding
Rows = list[list[str]]
SHARED = "share of what the known users leave, by output less exports plus imports; range: judged 25 % and that of the known users"
STOCK = "supply less need, in proportion to supply: as much statistics that differ as stocks; range: none to twice"


def quantity_rows(chain: Chain, q: Quantities) -> Rows:
    """Rows of quantities.csv: recipes, output, recycled tonnes, stock changes, final use and shipments."""
    rows: Rows = []
    for good in chain.goods:
        rows += [market_row("recipe", good, "", source, figure) for (_, source), figure in chain.of("production", "recipe", good).items()]
    for g, good in enumerate(chain.goods):
        for name, array, evidence in (("output0", q.output, _made), ("secondary0", q.secondary, _recycled),
                                      ("stock_change0", q.stock, _stock), ("final_demand0", q.demand, _used)):
            rows += [market_row(name, good, region, "", evidence(chain, q, g, region, float(array[g, r])))
                     for r, region in enumerate(chain.regions) if abs(array[g, r]) > NOISE * q.output[g].sum()]
        rows += [market_row("flow0", good, chain.regions[o], chain.regions[d], _flow(chain, q, g, o, d))
                 for o, d in np.argwhere(q.flow[g] > 0)]
    return rows


def _figure(value: float, others: Iterable[float], year: str, source: str, note: str) -> Figure:
    """The value in the range that it and `others` span, to whole tonnes outwards where it is large."""
    ends = [value, *others]
    if max(ends) - min(ends) <= 1e-9 * abs(value):
        return Figure(value, "t/yr", NAN, NAN, year, source, note)
    step = 10.0 ** (math.floor(math.log10(max(abs(e) for e in ends))) - 3)
    low, high = math.floor(min(ends) / step) * step, math.ceil(max(ends) / step) * step
    return Figure(value, "t/yr", float(f"{low:.10g}"), float(f"{high:.10g}"), year, source, note)


def _rows(chain: Chain, figure: str, good: str, region: str) -> list[Figure]:
    return [f for (place, *_), f in chain.of("production", figure, good).items() if place == region]


def _source(rows: list[Figure]) -> tuple[str, str, str]:
    """Source and year of the largest row, and a note that names the others."""
    largest = max(rows, key=lambda f: abs(f.value))
    others = sorted({f.source for f in rows} - {largest.source})
    notes = [*dict.fromkeys(f.note for f in rows if f.note)][:3]
    return largest.source, largest.year, "; ".join([*notes, *([f"with {', '.join(others)}"] if others else [])])


def _elsewhere(chain: Chain, good: str, region: str, own: set[str]) -> list[float]:
    """What sources that are not our own say of a region's output in the benchmark year, in tonnes.

    Figures of other years are left out: growth is no error of measurement.
    """
    rows = chain.of("checks", "output", good)
    return [chain.tonnes(f, good).value for (place, *_), f in rows.items()
            if place == region and f.year == chain.year and f.source not in own]


def _scrap(chain: Chain, good: str, region: str) -> Figure | None:
    """The share of a region's output of a good that is recycled, where one is carved out of it."""
    found = _rows(chain, "secondary_share", good, region) or _rows(chain, "secondary_share", good, "")
    return found[0] if found else None


def _made(chain: Chain, q: Quantities, g: int, region: str, value: float) -> Figure:
    """Primary output: its rows, or what an assumed share of scrap leaves of them; in the range of the rows' own ends, of
    other sources of the same year, and of that share."""
    good, scrap = chain.goods[g], _scrap(chain, chain.goods[g], region)
    listed, shares = _rows(chain, "output", good, region), _rows(chain, "output_share", good, region)
    rest = float(q.rest[g]) if region == "ROW" else 0.0
    primary = 1 - scrap.value if scrap else 1.0
    total, world = value / primary, float(q.output[g].sum() + q.secondary[g].sum())
    ends = _elsewhere(chain, good, region, {f.source for f in listed + shares})
    source, year, note = _source(listed + shares) if listed or shares else (ASSUMPTION, chain.year, "")
    if listed or shares:
        ends += [sum(_ends(chain, f, good)[i] for f in listed) + sum((f.least, f.most)[i] for f in shares) * world + rest for i in (0, 1)]
    if rest > 0:
        note = "; ".join(filter(None, [note, f"with {rest:.4g} t of the world total that no country is listed for"]))
        ends += [total - rest] if source == ASSUMPTION else []
    ends = [primary * end for end in ends]
    if scrap:
        ends += [total * (1 - scrap.least), total * (1 - scrap.most)]
        note = "; ".join(filter(None, [f"{total:.6g} t of {source} less {scrap.value:.3g} for scrap", note]))
        source = ASSUMPTION if scrap.source == ASSUMPTION else source
    if ends and max(abs(end / value - 1) for end in ends) < FIRMEST:
        ends = []  # agreement of agencies that copy from each other is no evidence that a figure is that firm
    return _figure(value, ends, year, source, note or ("range: other sources of the year" if ends else ""))


def _ends(chain: Chain, figure: Figure, good: str) -> tuple[float, float]:
    inside = chain.tonnes(figure, good)
    return inside.least, inside.most


def _recycled(chain: Chain, q: Quantities, g: int, region: str, value: float) -> Figure:
    good, scrap = chain.goods[g], _scrap(chain, chain.goods[g], region)
    named = _rows(chain, "secondary", good, region)
    source, year, note = _source(named or ([scrap] if scrap else []))
    if named:
        ends = [sum(_ends(chain, f, good)[i] for f in named) for i in (0, 1)]
    else:
        assert scrap is not None
        ends = [value * end / scrap.value for end in (scrap.least, scrap.most)]
    return _figure(value, ends, year, source, note)


def correlation_rows(chain: Chain) -> Rows:
    """Rows of correlations.csv: of a known total that an assumed share of scrap splits, more of one part is less of the other."""
    rows = []
    for good in chain.goods:
        for (region, *_), share in chain.of("production", "secondary_share", good).items():
            for place in [region] if region else chain.regions:
                rows.append(["output0", good, place, "secondary0", good, place, f"{SPLIT:g}", "-1", "-0.5", ASSUMPTION,
                             f"the total is known, the share of scrap ({share.value:.3g}) is not"])
    return rows


def _stock(chain: Chain, q: Quantities, g: int, region: str, value: float) -> Figure:
    rows = _rows(chain, "stock", chain.goods[g], region)
    if rows:
        source, year, note = _source(rows)
        return _figure(value, [sum(_ends(chain, f, chain.goods[g])[i] for f in rows) for i in (0, 1)], year, source, note)
    return _figure(value, [0.0, 2 * value], chain.year, ASSUMPTION, STOCK)


def _used(chain: Chain, q: Quantities, g: int, region: str, value: float) -> Figure:
    good = chain.goods[g]
    rows, shares = _rows(chain, "use", good, region), _rows(chain, "use_share", good, region)
    if not rows and not shares:
        return _figure(value, [value * (1 - APPARENT), value * (1 + APPARENT)], chain.year, ASSUMPTION, SHARED)
    world = float(q.demand[g].sum())
    ends = [sum(_ends(chain, f, good)[i] for f in rows) + sum((f.least, f.most)[i] for f in shares) * world for i in (0, 1)]
    source, year, note = _source(rows + shares)
    return _figure(value, ends, year, source, note)


def _flow(chain: Chain, q: Quantities, g: int, o: int, d: int) -> Figure:
    """A shipment: the source of the largest row behind it; at home the balance of what is made and sent abroad."""
    good, value = chain.goods[g], float(q.flow[g, o, d])
    origin, target = chain.regions[o], chain.regions[d]
    trade = chain.tables["trade"].rows
    rows = [f for (figure, what, _, a, b), f in trade.items()
            if figure in ("quantity", "value", "route", "route_rest") and (what, a, b) == (good, origin, target)]
    if not rows:
        return _figure(value, [0.5 * value, 1.5 * value], chain.year, ASSUMPTION,
                       "supply less shipments to others, as far as there is use; range judged")
    source, year, note = _source(rows)
    if source != ASSUMPTION:
        return Figure(value, "t/yr", NAN, NAN, year, source, note)
    named = max(rows, key=lambda f: f.value)
    scale = value / named.value if named.value else 1.0
    return _figure(value, [named.least * scale, named.most * scale], year, ASSUMPTION, note)


def report(moves: Iterable[Move]) -> Rows:
    """Rows of balance_report.csv."""
    return [[m.figure, number_text(round(m.reported, 3)), number_text(round(m.balanced, 3)),
             "" if math.isnan(m.relative) else f"{m.relative:.4f}", m.why] for m in moves]


def cross_checks(chain: Chain, q: Quantities) -> Rows:
    """Rows of cross_checks.csv: each figure of another source beside ours, and ours over it; no region is the world."""
    rows = []
    for (name, good, region, label), other in chain.tables["checks"].rows.items():
        g = chain.goods.index(good)
        at = slice(None) if not region else slice(chain.place(region), chain.place(region) + 1)
        made, used = q.output[g] + q.secondary[g], q.demand[g] + q.recipe[:, g] @ q.output
        abroad = q.flow[g] - np.diag(np.diag(q.flow[g]))
        ours = {"output": made[at].sum(), "output_share": made[at].sum() / made.sum(), "use": used[at].sum(),
                "use_share": used[at].sum() / used.sum(), "stock": q.stock[g][at].sum(), "imports": abroad.sum(0)[at].sum(),
                "exports": abroad.sum(1)[at].sum()}[name]
        theirs = other.value if name.endswith("share") else chain.tonnes(other, good).value
        unit, ratio = "share" if name.endswith("share") else "t/yr", f"{ours / theirs:.3f}" if theirs else ""
        rows.append([f"{name}[{good}]", region or "world", label or other.source, number_text(float(f"{ours:.6g}")),
                     number_text(float(f"{theirs:.6g}")), unit, ratio, other.year, other.source, other.note])
    return rows
