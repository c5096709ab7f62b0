"""What the experiments compute: scenarios with draws, sweeps over levels, viability of plants, instruments at equal tonnes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

import floormodel as fm
from floormodel.finance.price_process import load_price_risk
from floormodel.finance.project import load_projects
from floormodel.indicators.viability import PlantPrices, viability

Policies = Sequence[fm.Instrument]
Progress = Callable[[Iterable], Iterable]


def floor(good: str, members: Sequence[str], price: float, covered: Sequence[str] = (), rule: str = "to_floor") -> list[fm.Instrument]:
    """A minimum import price, with or without a content duty on downstream goods."""
    return [fm.PriceFloor(good=good, members=list(members), price=float(price), coverage=list(covered), content_rule=rule)]


def sweep(market: fm.Market, grid: Mapping[tuple[str, float], Policies], bloc: Mapping[str, Sequence[str]],
          keep: Sequence[tuple[str, str, str]], progress: Progress = iter) -> pd.DataFrame:
    """Quantiles over draws of some changes, for each (scenario, level) of a grid.

    `keep` lists (indicator, good, region). Columns: scenario, level, indicator, good, region, unit, q05, q50, q95, present, and
    share_converged.
    """
    base = fm.solve(market).base
    parts = []
    for (name, level), policies in progress(list(grid.items())):
        run = fm.solve(market, policies, bloc=bloc[name], name=name, base=base)
        frame = run.indicators().frame
        wanted = pd.MultiIndex.from_frame(frame[["indicator", "good", "region"]]).isin(list(keep))
        table = fm.Indicators(frame[wanted]).quantiles()
        parts.append(table.assign(level=level, share_converged=float(run.converged.mean())))
    return pd.concat(parts, ignore_index=True)


def plant_prices(run: fm.Equilibrium, good: str, region: str, whole_chain: bool, exposure: float = 1.0,
                 base: bool = False) -> PlantPrices:
    """What a plant keeps per tonne and pays for inputs, from an equilibrium: net price, inputs at P and at money prices."""
    solved = run.base if base else run.solved
    s, market = solved.state, run.market
    g, r = market.goods.index(good), market.regions.index(region)
    recipe = np.broadcast_to(s.benchmark.recipe, (len(s.price), len(market.goods), len(market.goods)))[:, g]
    inputs = (recipe * s.buyer_price[:, :, r]).sum(-1)
    paid = np.zeros(len(s.price))
    for h in range(len(market.goods)):
        q = s.flow[h][:, :, r]
        total = q.sum(-1)
        mean = (s.landed[h].landed[:, :, r] * q).sum(-1) / np.where(total > 0, total, 1.0)
        paid += recipe[:, h] * np.where(total > 0, mean, s.buyer_price[:, h, r])
    net = s.margin[:, g, r] + inputs
    net = np.where(solved.system.layout.producing[g, r], net, np.nan)
    return PlantPrices(net, 0.0 if whole_chain else inputs, 0.0 if whole_chain else paid, exposure)


def exposure(market: fm.Market, policies: Policies, good: str, region: str) -> float:
    """How much of a shock to the dominant supplier's price reaches a region's gate price under a policy, relative to no policy.

    Both by solving once more with the dominant supply of the good 10 % larger; 1 where the policy changes nothing, 0 where it shields.
    """
    g, r = market.goods.index(good), market.regions.index(region)
    lead = int(market.dataset["output0"].values[g].argmax())
    shift = market.dataset["supply_shift"].values.copy()
    shift[g, lead] = 1.1
    more = market.replace(supply_shift=shift)

    def passed(chosen: Policies) -> float:
        now, then = (fm.solve(m, chosen).solved.state.price[0, g] for m in (market, more))
        moved = np.log(then / now)
        return float(moved[r] / moved[lead])

    free = passed([])
    return float(np.clip(passed(policies) / free, 0.0, 1.0)) if abs(free) > 1e-6 else 1.0


def viability_table(market: fm.Market, runs: fm.Comparison, policies: Mapping[str, Policies], draws: int = 200,
                    paths: int = 400) -> pd.DataFrame:
    """Viability of the market's representative plants without policy and under each scenario, over the draws of `runs`.

    Columns: project, role, good, region, scenario, npv (USD per t/yr), irr, incentive price (gate, USD/t), gate price (USD/t),
    probability, each with q05, q50, q95 where it is a distribution.
    """
    risk = load_price_risk(market.name)
    rows = []
    for name, project in load_projects(market.name).items():
        whole = project.role == "upstream" and project.good != market.goods[0]
        for scenario in ("no policy", *runs.runs):
            first = next(iter(runs.runs.values()))
            run = runs.runs.get(scenario, first)
            shield = 1.0 if scenario == "no policy" else exposure(market, policies[scenario], project.good, project.region)
            prices = _some(plant_prices(run, project.good, project.region, whole, shield, base=scenario == "no policy"), draws)
            start = _some(plant_prices(run, project.good, project.region, whole, base=True), draws)
            got = viability(project.drawn(np.size(prices.net_price), seed=11), prices, start, risk=risk.process, paths=paths, seed=12)
            gate = run.base if scenario == "no policy" else run.solved
            at = market.goods.index(project.good), market.regions.index(project.region)
            price = np.where(gate.system.layout.priced[at], gate.state.price[:, at[0], at[1]], np.nan)[:draws]
            for what, values in (("npv", got.npv), ("irr", got.irr), ("incentive_price", got.incentive_gate_price), ("gate_price", price),
                                 ("probability", got.probability), ("npv_money", got.npv_money)):
                finite = values[np.isfinite(values)]
                q = np.quantile(finite, [0.05, 0.5, 0.95]) if finite.size else [np.nan] * 3
                rows.append((name, project.role, project.good, project.region, scenario, what, *q, finite.size / max(len(values), 1)))
    return pd.DataFrame(rows, columns=["project", "role", "good", "region", "scenario", "measure", "q05", "q50", "q95", "present"])


def _some(prices: PlantPrices, draws: int) -> PlantPrices:
    cut = [np.atleast_1d(x)[:draws] for x in (prices.net_price, prices.input_cost, prices.input_cost_money)]
    size = len(cut[0])
    return PlantPrices(*(np.broadcast_to(x, size) for x in cut), prices.price_exposure)


def equal_tonnes(market: fm.Market, headline: Policies, good: str, bloc: Sequence[str], supplier: str,
                 target_regions: Sequence[str]) -> tuple[dict[str, list[fm.Instrument]], pd.DataFrame]:
    """One scale of each instrument at which `target_regions` add the same tonnes of a good as under the headline floor.

    Returns the scaled instruments by name, and a table: instrument, unit, scale, tonnes, reached, best tonnes and where.
    """
    g = market.goods.index(good)
    b = market.dataset
    price = float(np.nanmax(b["price0"].values[g]))
    measure = fm.group_output(good, target_regions)
    target = measure(fm.solve(market, headline).solved, fm.solve(market).solved)
    producing = [r for r in bloc if float(b["output0"].sel(good=good, region=r)) > 0 or (good, r) in market.opened]
    exports = float(b["flow0"].values[g, market.regions.index(supplier)].sum()
                    - b["flow0"].values[g, market.regions.index(supplier), market.regions.index(supplier)])
    made = float(b["output0"].values[g].sum())
    recipes: dict[str, tuple[Callable[[float], list[fm.Instrument]], float, float, str]] = {
        "Fixed tariff": (lambda x: [fm.ImportTariff(good=good, importers=list(bloc), levy=x * price)], 1e-3, 4.0, "USD/t"),
        "Gap subsidy": (lambda x: [fm.PriceGapSubsidy(good=good, regions=producing, strike=x * price)], 1.0, 4.0, "USD/t"),
        "Stockpile": (lambda x: [fm.Stockpile(good=good, region=producing[0], purchase=x * made, source="members", members=producing)],
                      1e-4, 0.1, "t/yr"),
        f"{supplier} export quota": (lambda x: [fm.ExportQuota(good=good, exporter=supplier, quota=(1 - x) * exports)], 1e-3, 0.999, "t/yr"),
    }
    unit_of = {"Fixed tariff": price, "Gap subsidy": price, "Stockpile": made}
    policies, rows = {"Price floor": list(headline)}, [("Price floor", "USD/t", float(headline[0].price), target, True, target, np.nan)]
    for name, (make, low, high, unit) in recipes.items():
        found = fm.scale_to(market, make, measure, target, low, high)
        at = found.scale if found.found else found.best_scale
        shown = at * unit_of[name] if name in unit_of else (1 - at) * exports
        best_at = found.best_scale * unit_of[name] if name in unit_of else (1 - found.best_scale) * exports
        rows.append((name, unit, shown, found.value if found.found else found.best, found.found, found.best, best_at))
        policies[name] = make(at)
    columns = ["instrument", "unit", "scale", "tonnes", "reached", "best_tonnes", "best_scale"]
    return policies, pd.DataFrame(rows, columns=columns)
