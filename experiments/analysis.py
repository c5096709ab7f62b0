"""What the experiments compute: scenarios with draws, sweeps over levels, viability of plants, instruments at equal tonnes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import floormodel as fm
from floormodel.finance.price_process import load_price_risk
from floormodel.finance.project import load_projects
from floormodel.indicators.plant_prices import PlantPrices, read_prices
from floormodel.indicators.viability import Viability, viability
from floormodel.report.labels import capitalised, region_name

Policies = Sequence[fm.Instrument]
Progress = Callable[[Iterable], Iterable]
PLANT_DRAWS, PRICE_PATHS, SEEDS = 200, 400, (11, 12)  # draws and price paths of viability; seeds of costs and of prices


def floor(good: str, members: Sequence[str], price: float, covered: Sequence[str] = (), rule: str = "to_floor") -> list[fm.Instrument]:
    """A minimum import price, with or without a content duty on downstream goods."""
    return [fm.PriceFloor(good=good, members=list(members), price=float(price), coverage=list(covered), content_rule=rule)]


def sweep(market: fm.Market, grid: Mapping[tuple[str, float], tuple[Policies, Sequence[str]]],
          keep: Sequence[tuple[str, str, str]], progress: Progress = iter) -> pd.DataFrame:
    """Quantiles over draws of changes, for each (scenario, level) of a grid of (instruments, bloc).

    `keep` lists (indicator, good, region). Columns: those of `Indicators.quantiles`, level (USD/t) and share_converged.
    """
    base = fm.solve(market).base
    parts = []
    for (name, level), (policies, bloc) in progress(list(grid.items())):
        run = fm.solve(market, policies, bloc=bloc, name=name, base=base)
        frame = run.indicators().frame
        wanted = pd.MultiIndex.from_frame(frame[["indicator", "good", "region"]]).isin(list(keep))
        table = fm.Indicators(frame[wanted]).quantiles()
        parts.append(table.assign(level=level, share_converged=float(run.converged.mean())))
    return pd.concat(parts, ignore_index=True)


def plant_prices(run: fm.Equilibrium, good: str, region: str, whole_chain: bool, exposure: float = 1.0,
                 base: bool = False) -> PlantPrices:
    """What a plant keeps per tonne and pays for inputs (at P and at money prices), from a scenario or from its base.

    A plant that mines its own ore (`whole_chain`) buys no modelled input. NaN where nothing is made in the region.
    """
    return read_prices(run.base if base else run.solved, good, region, whole_chain, exposure)


def exposure(market: fm.Market, policies: Policies, good: str, region: str) -> float:
    """Share of a shock to the dominant supplier's price that still reaches a region's gate price under a policy (0 to 1).

    By solving with the dominant supply of the good 10 % larger, with and without the policy; 1 where the policy shields nothing.
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


def plant_viability(market: fm.Market, runs: fm.Comparison) -> tuple[dict[tuple[str, str], Viability], pd.DataFrame]:
    """Viability of the market's representative plants without policy and under each scenario of `runs`.

    `market` is the market of `runs` without draws. Prices and plant costs are drawn together, with price risk on top where the
    market has a fitted one. Also returns the net price each plant gets: project, scenario, measure, unit, q05, q50, q95. Empty for
    a market without projects.csv.
    """
    risk = load_price_risk(market.name).process if ships(market.name, "price_process.csv") else None
    results, rows = {}, []
    for key, project in (load_projects(market.name, market.year) if ships(market.name, "projects.csv") else {}).items():
        name = plant_label(key, project.region)
        whole = project.role == "upstream" and project.good != market.goods[0]
        for scenario in ("No policy", *runs.runs):
            base = scenario == "No policy"
            run = next(iter(runs.runs.values())) if base else runs[scenario]
            shield = 1.0 if base else exposure(market, run.policies, project.good, project.region)
            prices = _first(plant_prices(run, project.good, project.region, whole, shield, base))
            start = _first(plant_prices(run, project.good, project.region, whole, base=True))
            drawn = project.drawn(np.size(prices.net_price), seed=SEEDS[0])
            results[name, scenario] = viability(drawn, prices, start, risk=risk, paths=PRICE_PATHS, seed=SEEDS[1])
            known = np.asarray(prices.net_price)[np.isfinite(prices.net_price)]
            q = np.quantile(known, (0.05, 0.5, 0.95)) if known.size else [np.nan] * 3
            rows.append((name, scenario, "net_price", "USD/t", *q))
    return results, pd.DataFrame(rows, columns=["project", "scenario", "measure", "unit", "q05", "q50", "q95"])


def ships(market: str, table: str) -> bool:
    """Does the market come with this table?"""
    return (Path(fm.__file__).parent / "data" / market / table).is_file()


def plant_label(key: str, region: str) -> str:
    """A plant's name for readers: `mine_and_separation_aus` in AUS is "Mine and separation, Australia"."""
    words = key.removesuffix(f"_{region.lower()}").removesuffix("_africa").removesuffix("_drc").replace("_", " ").replace("ndpr", "NdPr")
    return f"{capitalised(words)}, {region_name(region)}"


def _first(prices: PlantPrices) -> PlantPrices:
    """The prices of the first PLANT_DRAWS draws."""
    cut = [np.atleast_1d(x)[:PLANT_DRAWS] for x in (prices.net_price, prices.input_cost, prices.input_cost_money)]
    return PlantPrices(*(np.broadcast_to(x, len(cut[0])) for x in cut), prices.price_exposure)


def equal_tonnes(market: fm.Market, headline: Policies, good: str, bloc: Sequence[str], supplier: str,
                 regions: Sequence[str]) -> tuple[dict[str, list[fm.Instrument]], pd.DataFrame]:
    """One scale of each instrument at which `regions` add the same tonnes of a good as under the headline floor.

    Where a scale does not exist, the instrument stands at the scale that gives most. Returns the instruments by name and a table:
    instrument, unit, scale, tonnes, reached, best_tonnes, best_scale.
    """
    figures = market.dataset
    price = float(figures["price0"].sel(good=good).max())
    made = float(figures["output0"].sel(good=good).sum())
    routes = figures["flow0"].sel(good=good, origin=supplier)
    exports = float(routes.sum() - routes.sel(destination=supplier))
    producing = [r for r in bloc if float(figures["output0"].sel(good=good, region=r)) > 0 or (good, r) in market.opened]
    buyer = producing[0]
    measure = fm.group_output(good, regions)
    target = measure(fm.solve(market, headline).solved, fm.solve(market).solved)
    recipes: dict[str, tuple[Callable[[float], list[fm.Instrument]], tuple[float, float], str]] = {
        "Fixed tariff": (lambda x: [fm.ImportTariff(good=good, importers=list(bloc), levy=x)], (1e-3 * price, 4 * price), "USD/t"),
        "Gap subsidy": (lambda x: [fm.PriceGapSubsidy(good=good, regions=producing, strike=x)], (price, 4 * price), "USD/t"),
        "Stockpile": (lambda x: [fm.Stockpile(good=good, region=buyer, purchase=x, source="members", members=producing)],
                      (1e-4 * made, 0.1 * made), "t/yr"),
        f"Export quota, {region_name(supplier)}": (lambda x: [fm.ExportQuota(good=good, exporter=supplier, quota=exports - x)],
                                     (1e-3 * exports, 0.999 * exports), "t/yr less"),
    }
    policies: dict[str, list[fm.Instrument]] = {"Price floor": list(headline)}
    rows = [("Price floor", "USD/t", headline[0].model_dump()["price"], target, True, target, np.nan)]
    for name, (make, (low, high), unit) in recipes.items():
        found = fm.scale_to(market, make, measure, target, low, high)
        at = found.scale if found.found else found.best_scale
        rows.append((name, unit, at, found.value if found.found else found.best, found.found, found.best, found.best_scale))
        policies[name] = make(at)
    return policies, pd.DataFrame(rows, columns=["instrument", "unit", "scale", "tonnes", "reached", "best_tonnes", "best_scale"])
