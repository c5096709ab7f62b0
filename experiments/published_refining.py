"""What it costs to raise the share of rare earths that the United States refine themselves: grants, guarantees, border floors, alone and
with the European Union, Japan and Korea. Beside IMF Working Paper 2026/072."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

import floormodel as fm
from experiments.analysis import Policies, Progress
from experiments.words import quantiles
from floormodel.finance.cashflow import annuity_factor
from floormodel.finance.project import Project, load_projects
from floormodel.report.tables import Range

GOOD, PRODUCT, HOME, LEADER = "ndpr_oxide", "magnet", "USA", "CHN"
STEPS = {"points": "15 points more", "times": "2.5 times the share"}  # 10 to 25 %, as a difference and in proportion
GUARANTEE, BORDER = "Guaranteed price", "Border floor"
ALONE, SAME, SHELTER = "alone", "all four alike", "behind a border floor of the four"
WAYS = ((GUARANTEE, ALONE), (GUARANTEE, SAME), (GUARANTEE, SHELTER), (BORDER, ALONE), (BORDER, SAME))
LEVELS = tuple(50_000.0 + np.geomspace(3_000.0, 250_000.0, 13))  # USD/t, from below the benchmark price to five times it
YEARS = 10  # to 2035


@dataclass(frozen=True, eq=False)
class Way:
    """An instrument and who takes part, solved at every level. `measured`: name to (levels, draws), NaN where not solved; `free` the same
    without policy (draws,); `residual` the largest open money identity."""

    instrument: str
    who: str
    measured: Mapping[str, np.ndarray]
    free: Mapping[str, np.ndarray]
    residual: float

    @property
    def share_converged(self) -> float:
        return float(np.isfinite(self.measured["share"]).mean())

    def gained(self) -> np.ndarray:
        """The most points of self-sufficiency that any level adds (draws,)."""
        return 100 * (self.measured["share"].max(0) - self.free["share"])

    def at(self, step: str, name: str) -> np.ndarray:
        """A measure where the share takes the step, each draw at its own level (draws,); NaN where no level does."""
        target = self.free["share"] + 0.15 if step == "points" else 2.5 * self.free["share"]
        values = np.broadcast_to(np.array(LEVELS)[:, None], self.measured["share"].shape) if name == "level" else self.measured[name]
        return np.array([_met(share, values[:, b], target[b]) for b, share in enumerate(self.measured["share"].T)])


def _met(share: np.ndarray, values: np.ndarray, target: float) -> float:
    """`values` where `share`, as far as it rises, meets the target: by a monotone cubic between levels."""
    rising = np.diff(np.maximum.accumulate(share), prepend=-1.0) > 1e-9
    if not np.isfinite(share).all() or rising.sum() < 2 or not share[rising][0] <= target <= share[rising][-1]:
        return float("nan")
    return float(PchipInterpolator(share[rising], values[rising])(target))


@dataclass(frozen=True, eq=False)
class Refining:
    """All ways over draws; `variants` at central values: variant, step, and the cost of three ways in % of a year's market."""

    market: fm.Market
    bloc: tuple[str, ...]
    plant: Project
    ways: tuple[Way, ...]
    variants: pd.DataFrame

    def way(self, instrument: str, who: str) -> Way:
        return next(w for w in self.ways if (w.instrument, w.who) == (instrument, who))

    def guarantee(self, who: str, step: str) -> np.ndarray:
        """What the United States pay by 2035 under a guarantee, % of a year's market without policy (draws,)."""
        return guarantee_cost(self.way(GUARANTEE, who), step, self.plant)

    def grant(self, who: str, step: str) -> np.ndarray:
        """What they pay for grants that bring the same tonnes, % of a year's market (draws,)."""
        return grant_cost(self.way(GUARANTEE, who), step, self.plant)

    def saving(self, who: str, step: str, grants: bool) -> np.ndarray:
        """Cost of an arrangement over that of acting alone (draws,)."""
        cost = self.grant if grants else self.guarantee
        return cost(who, step) / cost(ALONE, step)

    def capital(self, who: str, step: str) -> np.ndarray:
        """The grant as a share of the capital cost of what it adds (draws,)."""
        tonne = float(self.plant.capex) / float(self.plant.utilisation)
        return self.way(GUARANTEE, who).at(step, "payment") * annuity(self.plant) / tonne


def annuity(plant: Project) -> float:
    """Capital sum worth one a year over the years of the guarantee, at the hurdle of the plant's owners."""
    return float(annuity_factor(plant.hurdle, YEARS))


def guarantee_cost(way: Way, step: str, plant: Project) -> np.ndarray:
    """Ten years of payments on all tonnes, discounted as the grant is, % of a year's market (draws,)."""
    return 100 * annuity(plant) * way.at(step, "outlay") / way.free["market"]


def grant_cost(way: Way, step: str, plant: Project) -> np.ndarray:
    """One capital sum on added tonnes worth as much as ten years of the guarantee's payments, % of a year's market (draws,).

    Producers at the margin see the same payment, so that both bring the same tonnes to the market; the old ones are made without it.
    """
    return 100 * annuity(plant) * way.at(step, "added_outlay") / way.free["market"]


def measures(solved: fm.Solved, made0: np.ndarray | float = 0.0) -> dict[str, np.ndarray]:
    """What is read off one solution (draws,): self-sufficiency (oxide made over what users take, as such and in magnets), a year's market
    USD/yr, output t/yr, payment USD/t, outlay USD/yr on all and on added tonnes, prices USD/t. NaN where not solved."""
    market, s = solved.market, solved.state
    g, p = market.goods.index(GOOD), market.goods.index(PRODUCT)
    home, lead = market.regions.index(HOME), market.regions.index(LEADER)
    made, price, payment = s.output[:, g, home], s.price[:, g, home], s.guarantee[:, g, home]
    use = s.final_demand[:, g, home] + s.benchmark.recipe[:, p, g] * s.final_demand[:, p, home]
    found = {"share": made / use, "market": use * price, "output": made, "payment": payment, "outlay": payment * made,
             "added_outlay": payment * (made - made0), "price": price, "leader_price": s.price[:, g, lead],
             "buyer_price": s.buyer_price[:, g, home], "magnet_price": s.buyer_price[:, p, home]}
    return {name: np.where(solved.solution.converged, values, np.nan) for name, values in found.items()}


def instruments(instrument: str, who: str, bloc: Sequence[str], level: float) -> Policies:
    """The instruments of a way at a level: the price guaranteed, the price at the border, or both."""
    members = list(bloc) if who == SAME else [HOME]
    guarantee = fm.PriceGapSubsidy(good=GOOD, regions=members, strike=level)
    border = fm.PriceFloor(good=GOOD, members=list(bloc) if who == SHELTER else members, price=level)
    return [border] if instrument == BORDER else [guarantee, border] if who == SHELTER else [guarantee]


def follow(market: fm.Market, bloc: Sequence[str], instrument: str, who: str) -> Way:
    """Solve one way at every level, with the draws of `market`."""
    base = fm.solve(market).base
    free = measures(base)
    runs = [fm.solve(market, instruments(instrument, who, bloc, level), base=base) for level in LEVELS]
    found = [measures(run.solved, free["output"]) for run in runs]
    return Way(instrument, who, {name: np.array([f[name] for f in found]) for name in free}, free,
               max(max(run.identities().values()) for run in runs))


def variants_of(market: fm.Market, bloc: Sequence[str], plant: Project, progress: Progress) -> pd.DataFrame:
    """Cost in % of a year's market under other assumptions, central values; NaN where the step is not reached."""
    supply = market.dataset["supply_elasticity"]
    cases = {"Central values": market}
    cases |= {label: fm.load_market(market.name, horizon="long", deck=deck).open_projects("all")
              for label, deck in (("Prices of 2025", "2025"), ("China's oxide as customs record it", "customs_trade"))}
    cases |= {f"Supply elasticities {word}": market.replace(supply_elasticity=factor * supply)
              for word, factor in (("halved", 0.5), ("doubled", 2.0))}
    rows = []
    for label, m in progress(list(cases.items())):
        alone, sheltered = (follow(m, bloc, GUARANTEE, who) for who in (ALONE, SHELTER))
        for step, words in STEPS.items():
            costs = grant_cost(alone, step, plant), guarantee_cost(alone, step, plant), guarantee_cost(sheltered, step, plant)
            rows.append((label, words, 100 * alone.free["share"][0], *(cost[0] for cost in costs)))
    return pd.DataFrame(rows, columns=["variant", "step", "start", "grant", "guarantee", "sheltered guarantee"])


def compute(draws: int, seed: int, progress: Progress) -> Refining:
    """Solve everything. `progress` wraps the long loops."""
    market = fm.load_market("rare_earths", horizon="long").open_projects("all")
    bloc = tuple(market.blocs["allies"])
    plant = load_projects("rare_earths")["ndpr_refinery"]
    drawn = fm.sample(market, draws, seed) if draws > 1 else market
    ways = tuple(follow(drawn, bloc, *way) for way in progress(list(WAYS)))
    return Refining(drawn, bloc, plant, ways, variants_of(market, bloc, plant, progress))


def ours(r: Refining) -> dict[str, Range]:
    """Our numbers by the id of the published one."""
    out: dict[str, np.ndarray] = {}
    for step in STEPS:
        grant = r.grant(ALONE, step)
        out[f"imf_grant_{step}"], out[f"imf_joint_{step}"] = grant, r.grant(SAME, step)
        out[f"imf_floor_{step}"] = r.guarantee(ALONE, step) / grant
        out[f"imf_money_{step}"] = grant / 100 * r.way(GUARANTEE, ALONE).free["market"] / 1e9
    out["imf_saving"], out["imf_saving_border"] = r.saving(SAME, "points", True), r.saving(SHELTER, "points", False)
    out["imf_border"] = r.way(BORDER, ALONE).gained()
    return {name: Range(*quantiles(values)) for name, values in out.items()}
