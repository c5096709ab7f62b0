"""Charts of a market's benchmark: the supply curve of a stage by producer, and its shipments from origins to buyers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline

from floormodel.equilibrium.benchmark import make_benchmark
from floormodel.equilibrium.curves import supply
from floormodel.errors import DataError, did_you_mean
from floormodel.market import Market, first_draw, load_market
from floormodel.report.labels import good_name, region_name
from floormodel.report.style import BLUE, COLOURS, GREY, HATCHES, INK, LINES, VERMILLION, Provenance, finish, new_figure, styled, value_axis

NAMED = 6  # regions with a colour and a name of their own; the others are together
SPAN = (0.4, 2.5)  # of the benchmark price or margin: what the supply curve shows
WIDEST = 3.0  # benchmark outputs: the axis ends there, bands run on
GAP, LEAST_LABEL = 0.012, 0.025  # shares of the height: between bars, and the smallest bar with a label


@styled
def supply_curve_chart(market: Market, good: str) -> Figure:
    """World supply of a good (kt a year) at every price or processing margin, short and long run, and opened or latent projects.

    Lines: the sum of producers' curves at the market's central elasticities, all producers seeing the same percentage
    change. Bands: all elasticities at the low and all at the high end of their ranges. Diamonds: latent projects, each at
    the unit cost from which it enters. Raises DataError for an unknown good or one that nobody makes.
    """
    if good not in market.goods:
        raise DataError(f"supply_curve_chart: found {good!r}; {did_you_mean(good, market.goods)}")
    figures = {h: load_market(market.name, horizon=h, deck=market.deck) for h in ("short", "long")} if not market.figures.empty else {
        market.horizon: market}
    g = market.goods.index(good)
    base = first_draw(market.dataset["output0"])[g]
    if not base.sum() > 0:
        raise DataError(f"supply_curve_chart: nobody makes {good} in the benchmark of {market.name!r}")
    processed = bool((first_draw(market.dataset["recipe"])[g] > 0).any())
    level = _mean_level(market, g, processed)
    ratio = np.linspace(*SPAN, 241)
    figure, (axes,) = new_figure(3.0)
    handles: list = []
    for (horizon, held), colour, line in zip(figures.items(), (VERMILLION, BLUE), LINES):
        low, mid, high = (_world(held, g, end, ratio, base) for end in ("low", "value", "high"))
        axes.fill_betweenx(ratio * level, np.minimum(low, high) / 1e3, np.maximum(low, high) / 1e3, color=colour, alpha=0.15, linewidth=0)
        axes.plot(mid / 1e3, ratio * level, color=colour, linestyle=line, linewidth=1.8)
        handles.append(Line2D([], [], color=colour, linestyle=line, label=f"{horizon} run, band: elasticities at the ends of their ranges"))
    axes.plot([base.sum() / 1e3], [level], marker="o", color=INK, linestyle="none", zorder=5)
    handles.append(Line2D([], [], color=INK, marker="o", linestyle="none", label=f"benchmark {market.year}"))
    handles += _latent(axes, market, g, base.sum())
    value_axis(axes, "x", "supply of the world, thousand tonnes a year", zero=False)
    value_axis(axes, "y", "processing margin, USD/t" if processed else "price kept by producers, USD/t")
    axes.set_xlim(0, WIDEST * base.sum() / 1e3)
    axes.set_ylim(0, SPAN[1] * level)
    what = "margin over inputs" if processed else "price"
    return finish(figure, f"{market.title.partition(':')[0]}, {good_name(good)}: what the world would supply at another {what}",
                  f"Primary output; all producers see the same percentage change of their {what}. {_sentence(market.basis)}",
                  [Provenance(market.name, market.year).line()], handles)


def _mean_level(market: Market, g: int, processed: bool) -> float:
    """Price kept, or margin, of the benchmark: mean over producers by output, USD/t."""
    b = make_benchmark(market)
    values, weight = (b.margin0 if processed else b.net_price0)[0, g], b.output0[0, g]
    return float((np.where(weight > 0, values, 0.0) * weight).sum() / weight.sum())


def _world(market: Market, g: int, end: str, ratio: np.ndarray, base: np.ndarray) -> np.ndarray:
    """World supply (N,), t/yr, at `ratio` of the benchmark level, with elasticities at one end of their ranges."""
    elasticity = np.nan_to_num(first_draw(market.dataset["supply_elasticity"])[g])
    if end != "value":
        rows = market.figures[(market.figures["variable"] == f"supply_elasticity_{market.horizon}")
                              & (market.figures["good"] == market.goods[g])].sort_values("region", key=lambda r: r != "*")
        for _, row in rows.iterrows():
            if np.isfinite(row[end]):
                elasticity = np.where([row["region"] in ("*", region) for region in market.regions], row[end], elasticity)
    made, _ = supply(ratio[:, None], base[None], np.ones((1, len(base))), elasticity[None], market.supply_curve == "linear")
    return np.where(base > 0, made, 0.0).sum(1)


def _latent(axes: Axes, market: Market, g: int, world: float) -> list:
    """Latent projects in order of cost, beyond the benchmark's supply."""
    capacity, cost = first_draw(market.dataset["latent_capacity"])[g], first_draw(market.dataset["latent_unit_cost"])[g]
    at = sorted((float(cost[r]), float(capacity[r]), market.regions[r]) for r in np.flatnonzero(capacity > 0))
    for unit_cost, tonnes, _ in at:
        world += tonnes
        axes.plot([world / 1e3], [unit_cost], marker="D", color=GREY, markersize=5, linestyle="none")
    places = ", ".join(dict.fromkeys(region_name(region) for _, _, region in at))
    return [Line2D([], [], color=GREY, marker="D", linestyle="none", label=f"latent projects at their unit cost: {places}")] if at else []


@styled
def trade_chart(market: Market, good: str) -> Figure:
    """Shipments of a good in the balanced benchmark: origins left, buyers right, ribbons as wide as the tonnes, own use included.

    Raises DataError for an unknown good.
    """
    if good not in market.goods:
        raise DataError(f"trade_chart: found {good!r}; {did_you_mean(good, market.goods)}")
    flow = first_draw(market.dataset["flow0"])[market.goods.index(good)]
    total = flow.sum()
    if not total > 0:
        raise DataError(f"trade_chart: no shipments of {good} in the benchmark of {market.name!r}")
    origins, buyers = (np.argsort(-flow.sum(axis), kind="stable") for axis in (1, 0))
    origins, buyers = origins[flow.sum(1)[origins] > 0], buyers[flow.sum(0)[buyers] > 0]
    looks = {int(o): (COLOURS[k], HATCHES[k]) if k < NAMED else (GREY, "") for k, o in enumerate(origins)}
    left, right = _bars(flow.sum(1), origins, total), _bars(flow.sum(0), buyers, total)
    figure, (axes,) = new_figure(4.3)
    start, end = {o: left[o][0] for o in left}, {d: right[d][0] for d in right}
    for o in origins:
        colour, _ = looks[int(o)]
        for d in buyers:
            if flow[o, d] > 0:
                width = flow[o, d] / total
                axes.add_patch(_ribbon(start[int(o)], end[int(d)], width, colour))
                start[int(o)], end[int(d)] = start[int(o)] + width, end[int(d)] + width
    for bars, x, align, place in ((left, -0.035, "right", -0.045), (right, 1.0, "left", 1.045)):
        for r, (low, high) in bars.items():
            colour, hatch = looks.get(r, (GREY, "")) if bars is left else ("#bbbbbb", "")
            axes.bar(x, high - low, 0.035, low, align="edge", color=colour, hatch=hatch, edgecolor="white", linewidth=0.4)
            if high - low >= LEAST_LABEL:
                label = f"{region_name(market.regions[r])}  {_kt((high - low) * total)}"
                axes.text(place, (low + high) / 2, label, ha=align, va="center", fontsize=8)
    axes.set_xlim(-0.42, 1.42)
    top = max(b[1] for bars in (left, right) for b in bars.values())
    axes.set_ylim(top + 0.01, -0.05)
    axes.text(-0.035, -0.03, "supplied by", ha="left", fontsize=8.5)
    axes.text(1.035, -0.03, "bought in", ha="right", fontsize=8.5)
    axes.axis("off")
    home = np.trace(flow) / total
    return finish(figure, f"{market.title.partition(':')[0]}, {good_name(good)}: who supplies whom, thousand tonnes in {market.year}",
                  f"{_kt(total)} thousand tonnes in all, {100 * home:.0f} % of them used where they are made. Balanced to output and use. "
                  f"{_sentence(market.basis)}", [Provenance(market.name, market.year).line(), _small(market, left, "Suppliers"),
                                                 _small(market, right, "Buyers")],
                  [Patch(color=colour, label=region_name(market.regions[o])) for o, (colour, _) in looks.items() if colour != GREY])


def _sentence(basis: str) -> str:
    return f"Tonnes: {basis}."


def _kt(tonnes: float) -> str:
    value = tonnes / 1e3
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _bars(totals: np.ndarray, order: np.ndarray, total: float) -> dict[int, tuple[float, float]]:
    out, y = {}, 0.0
    for r in order:
        out[int(r)] = (y, y + totals[r] / total)
        y += totals[r] / total + GAP
    return out


def _small(market: Market, bars: dict[int, tuple[float, float]], what: str) -> str:
    """The bars without a label, in their order."""
    names = [region_name(market.regions[r]) for r, (low, high) in bars.items() if high - low < LEAST_LABEL]
    return f"{what} without a label, in order: {', '.join(names)}." if names else ""


def _ribbon(left: float, right: float, width: float, colour: str) -> PathPatch:
    c = Outline.CURVE4
    points = [(0, left), (0.5, left), (0.5, right), (1, right),
              (1, right + width), (0.5, right + width), (0.5, left + width), (0, left + width)]
    return PathPatch(Outline(points, [Outline.MOVETO, c, c, c, Outline.LINETO, c, c, c]), facecolor=colour, alpha=0.45, linewidth=0)


