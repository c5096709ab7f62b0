"""Producers who levy their exports together: best levels, gains, free riding, discipline, a trust, other assumptions. Computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Progress
from floormodel.report.labels import region_name

REACH, GRID, REFINE = 4.0, 13, 0.1  # grid from 0 to four times the benchmark price; refined to a tenth of a step
SMALLEST = 0.01  # of world exports: smaller exporters are not asked into the trust
TRUST_DRAWS = 200
DELIVERED = (0.0, 0.25, 0.5, 0.75, 1.0)
CUTS = (0.05, 0.1, 0.2, 0.3, 0.4)
REVENUE, WELFARE = "export_revenue", "welfare"


@dataclass(frozen=True)
class LevyCase:
    """Who might levy exports of which good. `groups` by name; the last but one is the headline, the last the trust of all exporters."""

    good: str
    groups: Mapping[str, tuple[str, ...]]
    highest: float

    @property
    def headline(self) -> str:
        return list(self.groups)[-2]

    @property
    def trust(self) -> str:
        return list(self.groups)[-1]


@dataclass(frozen=True, eq=False)
class Results:
    """`found`: {payoff: {group: coalition}}; `cheating`: payoffs when the smaller members deliver a part of the headline level;
    `runs`: the groups at their best level for export revenue; `cuts`: price rise by cut, model and formula."""

    case: LevyCase
    market: fm.Market
    found: Mapping[str, Mapping[str, fm.Coalition]]
    runs: fm.Comparison
    cheating: Mapping[str, fm.BestReply]
    cuts: pd.DataFrame
    variants: pd.DataFrame
    leverage: pd.DataFrame


def exporters_of(market: fm.Market, good: str) -> list[str]:
    """Named regions by benchmark exports of a good, largest first, those below a hundredth of world exports left out."""
    flow = market.dataset["flow0"].sel(good=good)
    away = flow.sum("destination").values - np.diag(flow.values)
    order = [k for k in np.argsort(-away, kind="stable") if away[k] >= SMALLEST * away.sum()]
    return [market.regions[k] for k in order if market.regions[k] != "ROW"]


def case_of_levy(market: fm.Market) -> LevyCase:
    """Ore of cobalt: the two largest exporters. NdPr oxide: exporters other than China, then all. Else: the first stage, two largest."""
    good = "ndpr_oxide" if "ndpr_oxide" in market.goods else market.goods[0]
    names = exporters_of(market, good)
    lead = str(market.dataset["output0"].sel(good=good).idxmax("region").item())
    if good == "ndpr_oxide":
        rest = [r for r in names if r != lead]
        groups = {f"{region_name(rest[0])} alone": (rest[0],), f"{region_name(lead)} alone": (lead,),
                  f"Exporters but {region_name(lead)}": tuple(rest), "Trust of all exporters": tuple(names)}
    else:
        groups = {f"{region_name(names[0])} alone": (names[0],),
                  f"{region_name(names[0])} and {region_name(names[1])}": tuple(names[:2]), "Trust of all exporters": tuple(names)}
    return LevyCase(good, groups, REACH * float(market.dataset["price0"].sel(good=good).max()))


def export_weights(market: fm.Market, good: str, members: Sequence[str]) -> dict[str, float]:
    """Shares of members in their benchmark exports to all others."""
    flow = market.dataset["flow0"].sel(good=good)
    out = {m: float(flow.sel(origin=m, destination=[r for r in market.regions if r not in members]).sum()) for m in members}
    return {m: x / sum(out.values()) for m, x in out.items()}


def compute(name: str, draws: int, seed: int, progress: Progress) -> Results:
    """Solve everything. `progress` wraps the long loops."""
    market = fm.load_market(name, horizon="long")
    case = case_of_levy(market)
    drawn = fm.sample(market, draws, seed)
    few = fm.sample(market, min(draws, TRUST_DRAWS), seed)
    base = fm.solve(drawn).base
    found: dict[str, dict[str, fm.Coalition]] = {REVENUE: {}, WELFARE: {}}
    for payoff, group in progress([(p, g) for p in found for g in case.groups if g != case.trust]):
        found[payoff][group] = fm.coalition(drawn, case.good, case.groups[group], case.highest, payoff=payoff, grid=GRID, refine=REFINE,
                                            base=base)
    members = case.groups[case.trust]
    weights = export_weights(market, case.good, members)
    for payoff in progress(list(found)):
        found[payoff][case.trust] = fm.coalition(few, case.good, members, case.highest, payoff=payoff, grid=GRID, refine=REFINE,
                                                 weights=weights)
    levels = {g: c.found.level for g, c in found[REVENUE].items()}
    chosen = {g: fm.joint_measure(base, case.good, case.groups[g], x) for g, x in levels.items()}
    runs = fm.compare(drawn, {g: p for g, p in chosen.items() if p} or {case.headline: []}, bloc=case.groups[case.headline])
    return Results(case, market, found, runs, _cheating(drawn, case, found, base), _cuts(market, drawn, case, progress),
                   _variants(name, case, progress), _leverage(progress))


def _cheating(drawn: fm.Market, case: LevyCase, found: Mapping[str, Mapping[str, fm.Coalition]], base: object) -> dict[str, fm.BestReply]:
    """For each payoff: the smallest member of the headline group chooses which part of its level it delivers, the others deliver all."""
    members = case.groups[case.headline]
    last = members[-1]
    out = {}
    for payoff, groups in found.items():
        level = groups[case.headline].found.level
        menu = {f"{100 * d:.0f} %": fm.joint_measure(base, case.good, members, level, discipline={last: d}) for d in DELIVERED}
        out[payoff] = fm.best_reply(drawn, [], last, menu, payoff, base=base)
    return out


def derived_elasticity(market: fm.Market, good: str) -> float:
    """Elasticity of the demand for a good to its price at the benchmark, with fixed recipes: uses weighted by tonnes.

    Final use has eta. Use in the next stage follows its product: eta s / (1 + eta (1 - s) / eps), s the good's share in the product's
    price and eps the supply elasticity of its makers (Marshall's derived demand; Bronfenbrenner 1961).
    """
    d, g = market.dataset, market.goods.index(good)
    final = float(d["final_demand0"].values[g].sum())
    total, weighted = final, final * float(np.nanmax(np.nan_to_num(d["demand_elasticity"].values[g])))
    for h, product in enumerate(market.goods):
        content = float(d["recipe"].values[h, g])
        if content == 0:
            continue
        made = d["output0"].values[h]
        price, own = (float((d["price0"].values[k] * made).sum() / made.sum()) for k in (h, g))
        share = content * own / price
        eta = float(np.nanmax(d["demand_elasticity"].values[h])) if np.nansum(d["final_demand0"].values[h]) > 0 else \
            derived_elasticity(market, product)
        eps = float(np.nanmax(d["supply_elasticity"].values[h]))
        used = content * float(made.sum())
        total, weighted = total + used, weighted + used * eta * share / (1 + eta * (1 - share) / eps)
    return weighted / total


def share_outside(market: fm.Market, good: str, members: Sequence[str]) -> float:
    """Share of the members in what all others use."""
    flow = market.dataset["flow0"].sel(good=good, destination=[r for r in market.regions if r not in members])
    return float(flow.sel(origin=list(members)).sum() / flow.sum())


def first_order(market: fm.Market, good: str, members: Sequence[str], cut: float) -> float:
    """Rise of the price outside, as a share, by the rule c theta / (eps_d + (1 - theta) eps_f): theta is the members' share in what
    the others use, eps_f the supply elasticity of the others."""
    theta = share_outside(market, good, members)
    fringe = float(np.nanmax(market.dataset["supply_elasticity"].sel(good=good).values))
    return cut * theta / (derived_elasticity(market, good) + (1 - theta) * fringe)


def _cuts(market: fm.Market, drawn: fm.Market, case: LevyCase, progress: Progress) -> pd.DataFrame:
    """cut, formula, q05, q50, q95 of the price rise outside (shares), for the headline group."""
    members = case.groups[case.headline]
    base, rows = fm.solve(drawn).base, []
    for cut in progress(list(CUTS)):
        run = fm.solve(drawn, fm.joint_measure(base, case.good, members, cut, "cut"), bloc=members, base=base)
        price = run.indicators().select("price_outside", case.good)
        rise = (price["change"] / price["base"]).to_numpy()
        rows.append((cut, first_order(market, case.good, members, cut), *np.nanquantile(rise, (0.05, 0.5, 0.95))))
    return pd.DataFrame(rows, columns=["cut", "formula", "q05", "q50", "q95"])


def _variants(name: str, case: LevyCase, progress: Progress) -> pd.DataFrame:
    """The headline group at central values under other assumptions: variant, level (USD/t), place, joint gain, gains of staying."""
    market = fm.load_market(name, horizon="long")
    tried: dict[str, tuple[fm.Market, dict]] = {
        "Export revenue, long run": (market, {}), "Welfare counts": (market, {"payoff": WELFARE}),
        "The treasury alone counts": (market, {"payoff": "treasury"}),
        "Producers and treasury count": (market, {"payoff": "producers_and_treasury"}),
        "The rest keep their level when one leaves": (market, {"rest": "keep"}),
        "Only the short run counts": (fm.load_market(name, horizon="short"), {}),
        "Buyers switch half as readily": (market.replace(sourcing_elasticity=market.dataset["sourcing_elasticity"].values / 2), {}),
        "Buyers switch twice as readily": (market.replace(sourcing_elasticity=market.dataset["sourcing_elasticity"].values * 2), {})}
    tried |= {f"The figures are those of deck {d}": (fm.load_market(name, horizon="long", deck=d), {}) for d in market.decks}
    members, rows = case.groups[case.headline], []
    for label, (variant, settings) in progress(list(tried.items())):
        c = fm.coalition(variant, case.good, members, case.highest, **({"payoff": REVENUE, "grid": GRID, "refine": REFINE} | settings))
        rows.append({"variant": label, "level": c.found.level, "place": c.found.place, "joint": float(c.joint_gain[0]),
                     **{m: float(c.gain_of_staying(m)[0]) for m in c.leaving}})
    return pd.DataFrame(rows)


def _leverage(progress: Progress) -> pd.DataFrame:
    """Every shipped market and group at central values: share outside, price rise of a cut by a tenth (formula), best level over price,
    joint gain over benchmark exports."""
    rows = []
    for name in progress(fm.list_markets()):
        market = fm.load_market(name, horizon="long")
        case = case_of_levy(market)
        price = case.highest / REACH
        for group, members in case.groups.items():
            c = fm.coalition(market, case.good, members, case.highest, payoff=REVENUE, rest="not asked", grid=GRID, refine=REFINE)
            others = [r for r in market.regions if r not in members]
            sold = price * float(market.dataset["flow0"].sel(good=case.good, origin=list(members), destination=others).sum())
            rows.append((market.title.split(":")[0], case.good, group, share_outside(market, case.good, members),
                         first_order(market, case.good, members, 0.1), c.found.level / price, c.found.place,
                         float(c.joint_gain[0]) / sold))
    return pd.DataFrame(rows, columns=["market", "good", "group", "theta", "rise", "level", "place", "gain"])
