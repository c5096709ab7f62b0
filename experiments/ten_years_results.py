"""Ten years of price support: the floor, the gap subsidy and the covered floor year by year, with plants that may be built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, floor
from experiments.cases import FloorCase, case_of
from floormodel.dynamics.adjustment import by_draw
from floormodel.errors import DataError
from floormodel.indicators.catalogue import location_hhi

YEARS = tuple(range(2025, 2035))
GROWTH = "stated_policies"
FLOOR, COVERED, SUBSIDY, NONE = "Floor", "Floor, products covered", "Gap subsidy", "No policy"
PLANT_SEED = 11
TERM = 10  # years after which a deal ends: about as long as the deals signed last


@dataclass(frozen=True, eq=False)
class TenYears:
    """One path per scenario, all of the same market, draws and plants; `growth` says whether use and output follow projections.
    `flagged`: keep paths that were solved in every year though their expectations did not settle; say so where they are shown."""

    market: fm.Market
    case: FloorCase
    bloc: tuple[str, ...]
    plans: tuple[fm.Plan, ...]
    growth: bool
    paths: Mapping[str, fm.Path]
    flagged: bool = False

    def kept(self, path: fm.Path) -> np.ndarray:
        """Which draws of a path count (draws,)."""
        return path.dataset["converged"].all(["scenario", "period"]).values if self.flagged else path.converged

    def series(self, variable: str, scenario: str, good: str | None = None, regions: Sequence[str] | None = None,
               plan: str | None = None) -> np.ndarray:
        """A variable (draws, years); several regions are added up. NaN in draws whose path was not solved."""
        path = next(iter(self.paths.values())) if scenario == NONE else self.paths[scenario]
        values = path.dataset[variable].sel(scenario="none" if scenario == NONE else "policy")
        if good is not None:
            values = values.sel(good=good)
        if regions is not None:
            values = values.sel(region=list(regions)).sum("region", skipna=True)
        if plan is not None:
            values = values.sel(plan=plan)
        out = values.transpose("draw", "period", ...).values
        return np.where(self.kept(path).reshape(-1, *[1] * (out.ndim - 1)), out, np.nan)

    def value_added(self, scenario: str, goods: Sequence[str], regions: Sequence[str]) -> np.ndarray:
        """What producers receive less inputs at the buyer price, USD/yr, of some stages and regions added up (draws, years)."""
        price, made = self.series("buyer_price", scenario), self.series("output", scenario)
        recipe = by_draw(self.market.dataset["recipe"])
        needs = np.einsum("bgh,bthr->btgr", np.broadcast_to(recipe, (len(made), *recipe.shape[1:])), np.nan_to_num(price)) * made
        added = self.series("producer_revenue", scenario) - needs
        at = np.ix_([self.market.goods.index(g) for g in goods], [self.market.regions.index(r) for r in regions])
        return added[:, :, at[0], at[1]].sum((2, 3))

    def supply(self, scenario: str, good: str) -> np.ndarray:
        """Primary and recycled output of all regions (draws, years, regions)."""
        return self.series("output", scenario, good) + self.series("recycled", scenario, good)

    def hhi(self, scenario: str, good: str) -> np.ndarray:
        """World HHI by location, its upper bound (draws, years)."""
        made = self.supply(scenario, good)
        share = made / np.nansum(made, axis=-1, keepdims=True)
        flat = location_hhi(np.nan_to_num(share).reshape(-1, share.shape[-1]), self.market.regions)[1]
        return np.where(np.isfinite(share).all(-1), flat.reshape(share.shape[:2]), np.nan)

    def outside(self, good: str) -> list[str]:
        """Regions outside the bloc and apart from the dominant supplier that make a good in the benchmark, or may with a plant opened."""
        return makers(self.market, good, [r for r in self.market.regions if r not in self.bloc and r != self.case.supplier])

    def pays(self, scenario: str, plan: str) -> np.ndarray:
        """Do investors expect a plant that is decided on in the first year to pay at its hurdle (draws,)? NaN where not solved."""
        index = self.series("profitability", scenario, plan=plan)[:, 0]
        return np.where(np.isfinite(index), (index > 0).astype(float), np.nan)


def plans_of(market: fm.Market, draws: int) -> tuple[fm.Plan, ...]:
    """The market's plans with their tonnes and costs drawn; none where the market has no table of plans."""
    try:
        plans = fm.load_plans(market.name)
    except DataError:
        return ()
    return tuple(p.drawn(draws, PLANT_SEED) if draws > 1 else p for p in plans)


def projections_of(market: fm.Market) -> pd.DataFrame | None:
    """The market's projections, if it has them."""
    try:
        return fm.load_projections(market.name)
    except DataError:
        return None


def makers(market: fm.Market, good: str, regions: Sequence[str]) -> list[str]:
    """Those of some regions that make a good in the benchmark, or may with a plant opened."""
    made = market.dataset["output0"].sel(good=good)
    return [r for r in regions if float(made.sel(region=r).max()) > 0 or (good, r) in market.opened]


def scenarios(market: fm.Market, case: FloorCase, bloc: Sequence[str]) -> dict[str, Policies]:
    """What is compared: each in force throughout."""
    making = makers(market, case.good, bloc)
    out: dict[str, Policies] = {FLOOR: floor(case.good, bloc, case.headline)}
    if case.downstream:
        out[COVERED] = floor(case.good, bloc, case.headline, case.downstream)
    if making:
        out[SUBSIDY] = [fm.PriceGapSubsidy(good=case.good, regions=making, strike=case.headline)]
    return out


def ending(instrument: str) -> str:
    """`Floor, ends after 10 years`."""
    return f"{instrument}, ends after {TERM} years"


def ended(policies: Policies) -> list[fm.Dated]:
    """Policies whose end is known from the first year on."""
    return [fm.Dated(p, start=YEARS[0], end=YEARS[0] + TERM) for p in policies]


def prepare(name: str, draws: int, seed: int) -> tuple[fm.Market, FloorCase, tuple[str, ...]]:
    """The market with its draws and every latent project open, its floor case and the bloc."""
    market = fm.load_market(name, horizon="short").open_projects("all")
    case = case_of(market)
    return (fm.sample(market, draws, seed) if draws > 1 else market), case, tuple(next(iter(case.members.values())))


def follow(market: fm.Market, case: FloorCase, bloc: tuple[str, ...], chosen: Mapping[str, Sequence[fm.Instrument | fm.Dated]],
           progress: Progress, along: str = GROWTH, build: bool = True, expectations: str = "adaptive") -> TenYears:
    """Simulate every scenario of `chosen`. `progress` wraps the loop over them; `along` is the scenario of the projections, `build`
    says whether plants may be built, `expectations` how investors see prices (those that do not settle are kept)."""
    plans, growth = plans_of(market, market.draws) if build else (), projections_of(market)
    paths = {label: fm.simulate(market, chosen[label], YEARS, plans=plans, growth=growth, expectations=expectations,
                                growth_scenario=along if growth is not None else None) for label in progress(list(chosen))}
    return TenYears(market, case, bloc, plans, growth is not None, paths, flagged=expectations == "consistent")


def compute(name: str, draws: int, seed: int, progress: Progress) -> TenYears:
    """Simulate the floor, the covered floor and the gap subsidy for good, and floor and gap subsidy with an end."""
    market, case, bloc = prepare(name, draws, seed)
    lasting = scenarios(market, case, bloc)
    chosen: dict[str, Sequence[fm.Instrument | fm.Dated]] = {**lasting}
    chosen |= {ending(s): ended(p) for s, p in lasting.items() if s in (FLOOR, SUBSIDY)}
    return follow(market, case, bloc, chosen, progress)
