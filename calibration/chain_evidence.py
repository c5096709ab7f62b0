"""Where each balanced tonne of a market comes from and its range, the balance report, and other sources' figures beside ours."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from calibration.balance import Move
from calibration.chain_quantities import Quantities, recipes
from calibration.chain_tables import Chain
from calibration.figures import ASSUMPTION, Figure, market_row, number_text

NAN = float("nan")
APPARENT = 0.25  # judged error of a use known only from output and customs
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
                     for r, region in enumerate(chain.regions) if array[g, r] != 0]
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


def _elsewhere(chain: Chain, good: str, region: str) -> list[float]:
    """What other sources say of a region's output, in tonnes."""
    return [chain.tonnes(f, good).value for (place, *_), f in chain.of("checks", "output", good).items() if place == region]


def _made(chain: Chain, q: Quantities, g: int, region: str, value: float) -> Figure:
    good = chain.goods[g]
    listed, shares = _rows(chain, "output", good, region), _rows(chain, "output_share", good, region)
    rest = float(q.rest[g]) if region == "ROW" else 0.0
    primary = value / (value + float(q.secondary[g, chain.place(region)])) if _rows(chain, "secondary_share", good, region) else 1.0
    world = float(q.output[g].sum() + q.secondary[g].sum())
    ends = [primary * other for other in _elsewhere(chain, good, region)]
    if listed or shares:
        low = sum(_ends(chain, f, good)[0] for f in listed)
        high = sum(_ends(chain, f, good)[1] for f in listed)
        low, high = low + sum(f.least for f in shares) * world, high + sum(f.most for f in shares) * world
        ends += [primary * (low + rest), primary * (high + rest)] if not math.isclose(low, high) else []
        source, year, note = _source(listed + shares)
    else:
        source, year, note = ASSUMPTION, chain.year, ""
    if rest > 0:
        note = "; ".join(filter(None, [note, f"with {rest:.4g} t of the world total that no country is listed for"]))
        ends += [value - rest * primary, value] if source == ASSUMPTION else []
    return _figure(value, ends, year, source, note or ("range: other sources" if ends else ""))


def _ends(chain: Chain, figure: Figure, good: str) -> tuple[float, float]:
    inside = chain.tonnes(figure, good)
    return inside.least, inside.most


def _recycled(chain: Chain, q: Quantities, g: int, region: str, value: float) -> Figure:
    good = chain.goods[g]
    named = _rows(chain, "secondary", good, region)
    shares = _rows(chain, "secondary_share", good, region) or _rows(chain, "secondary_share", good, "")
    source, year, note = _source(named or shares)
    if named:
        ends = [sum(_ends(chain, f, good)[i] for f in named) for i in (0, 1)]
    else:
        ends = [value * end / shares[0].value for end in (shares[0].least, shares[0].most)]
    return _figure(value, ends, year, source, note)


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
        made, used = q.output[g] + q.secondary[g], q.demand[g] + recipes(chain)[:, g] @ q.output
        abroad = q.flow[g] - np.diag(np.diag(q.flow[g]))
        ours = {"output": made[at].sum(), "output_share": made[at].sum() / made.sum(), "use": used[at].sum(),
                "use_share": used[at].sum() / used.sum(), "stock": q.stock[g][at].sum(), "imports": abroad.sum(0)[at].sum(),
                "exports": abroad.sum(1)[at].sum()}[name]
        theirs = other.value if name.endswith("share") else chain.tonnes(other, good).value
        unit, ratio = "share" if name.endswith("share") else "t/yr", f"{ours / theirs:.3f}" if theirs else ""
        rows.append([f"{name}[{good}]", region or "world", label or other.source, number_text(float(f"{ours:.6g}")),
                     number_text(float(f"{theirs:.6g}")), unit, ratio, other.year, other.source, other.note])
    return rows
