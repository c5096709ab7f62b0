"""What plants meet: the market's plants in their places, and the prices each is offered under a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

import floormodel as fm
from experiments.analysis import Policies, plant_label, ships
from experiments.cases import FloorCase
from experiments.ten_years_results import NONE, PLANT_SEED
from floormodel.finance.project import Project, load_projects
from floormodel.indicators.plant_prices import PlantPrices, read_prices

ALONE = "Guarantee to the plant"
SHOCK = 1.1  # of demand or of the dominant supply, to see how much of a change of the reference price reaches a plant


@dataclass(frozen=True, eq=False)
class Site:
    """A representative plant in a place: `plan` at central costs, `drawn` with its costs drawn; `inside` the bloc; `strike`, USD/t at the
    gate, of a contract with this plant alone; `gift`, USD/t of it for inputs at the floor, which the plant buys at the free price."""

    label: str
    plan: Project
    drawn: Project
    inside: bool
    whole_chain: bool
    strike: float
    gift: float = 0.0


@dataclass(frozen=True, eq=False)
class Offer:
    """What a site meets under a measure: prices (draws,), the net price guaranteed to it (USD/t, 0: none), and the share of its inputs'
    exposure to the reference price that is left (only users of the floored good have less than 1: ore is bought by what it contains)."""

    prices: PlantPrices
    guaranteed: float
    input_share: float

    def exposed(self, project: Project, own_price: bool = False) -> Project:
        """The plant with what is left of its inputs' exposure; `own_price`: less again by what is left of its own price's."""
        left = self.input_share * (self.prices.price_exposure if own_price else 1.0)
        return replace(project, input_exposure=project.input_exposure * left)


def sites_of(market: fm.Market, case: FloorCase, bloc: Sequence[str], draws: int) -> list[Site]:
    """Plants of the market's plans, or where it has none its representative plants, each in its region; costs drawn."""
    plants = [p.project for p in fm.load_plans(market.name)] if ships(market.name, "plans.csv") else \
        list(load_projects(market.name).values())
    sites = []
    for p in plants:
        whole = p.role == "upstream" and p.good != market.goods[0]
        sites.append(Site(plant_label(p.name, p.region), p, p.drawn(draws, PLANT_SEED), p.region in bloc, whole,
                          strike(market, case, p.good, p.region), gift(market, case, p.good)))
    return sites


def strike(market: fm.Market, case: FloorCase, good: str, region: str) -> float:
    """Gate price, USD/t, that stands where the floor stands: the floor for its own good, as far above the price for a good before it (ore
    is priced by what it contains), higher by the floor's gap times the content for a good after it."""
    price = market.dataset["price0"]
    floored = float(price.sel(good=case.good).max())
    own = float(price.sel(good=good, region=region))
    own = own if own > 0 else float(price.sel(good=good).max())
    if good == case.good:
        return case.headline
    if market.goods.index(good) < market.goods.index(case.good):
        return own * case.headline / floored
    return own + gift(market, case, good)


def gift(market: fm.Market, case: FloorCase, good: str) -> float:
    """USD/t by which the strike of a good made from the floored one is raised for it: content times the floor's gap; else nothing.

    Under a floor for all, its makers pay as much more for that input; with a contract of one plant alone they do not.
    """
    if market.goods.index(good) <= market.goods.index(case.good):
        return 0.0
    price = float(market.dataset["price0"].sel(good=case.good).max())
    return float(market.dataset["recipe"].sel(good=good, input=case.good)) * (case.headline - price)


def moves(market: fm.Market, policies: Policies, reference: str, by: str = "demand") -> tuple[np.ndarray, np.ndarray]:
    """How gate prices and buyers' prices move, in logs over that of the reference good at its largest maker: (goods, regions) each.

    By solving at central values with all final demand larger (`by` "demand"), or the dominant supply of the reference good ("supply").
    """
    h = market.goods.index(reference)
    lead = int(market.dataset["output0"].values[h].argmax())
    if by == "demand":
        more = market.replace(demand_shift=market.dataset["demand_shift"].values * SHOCK)
    else:
        shift = market.dataset["supply_shift"].values.copy()
        shift[h, lead] = SHOCK
        more = market.replace(supply_shift=shift)
    now, then = (fm.solve(m, policies).solved.state for m in (market, more))
    with np.errstate(divide="ignore", invalid="ignore"):  # no price where nothing is made
        price, paid = (np.log(b[0] / a[0]) for a, b in ((now.price, then.price), (now.buyer_price, then.buyer_price)))
    return price / price[h, lead], paid / price[h, lead]


def shares_left(market: fm.Market, case: FloorCase, chosen: Mapping[str, Policies], by: str = "demand"
                ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By measure the shares (0 to 1) of a shock to the reference price that still reach gate prices and buyers' prices under it, against
    no policy: (goods, regions) each; 1 where there is no price."""
    free = moves(market, (), case.good, by)
    out = {}
    for name, policies in chosen.items():
        held = moves(market, policies, case.good, by)
        with np.errstate(divide="ignore", invalid="ignore"):
            price, paid = (np.where(np.abs(f) > 1e-6, h / f, 1.0) for h, f in zip(held, free))
        price, paid = (np.clip(np.where(np.isfinite(x), x, 1.0), 0.0, 1.0) for x in (price, paid))
        out[name] = price, paid
    return out


def offer(site: Site, measure: str, runs: fm.Comparison, shares: Mapping[str, tuple[np.ndarray, np.ndarray]], reference: str) -> Offer:
    """Prices of a site under a measure, the payments of a guarantee apart: those are its guaranteed price."""
    good, region, market = site.plan.good, site.plan.region, runs.market
    if measure in (NONE, ALONE):
        start = read_prices(next(iter(runs.runs.values())).base, good, region, site.whole_chain)
        return Offer(start, site.strike * (1 - float(site.plan.royalty)) if measure == ALONE else 0.0, 1.0)
    run, r = runs[measure], market.regions.index(region)
    left = float(shares[measure][0][market.goods.index(good), r])
    user = market.goods.index(good) > market.goods.index(reference)
    inputs = float(shares[measure][1][market.goods.index(reference), r]) if user else 1.0
    met = read_prices(run.solved, good, region, site.whole_chain, left)
    contracts = [p for p in run.policies if isinstance(p, fm.PriceGapSubsidy) and p.good == good and region in p.regions]
    if not contracts:
        return Offer(met, 0.0, inputs)
    royalty = float(np.mean(market.dataset["royalty0"].sel(good=good, region=region)))
    paid = np.ravel(run.dataset["guarantee"].sel(good=good, region=region) / run.dataset["output"].sel(good=good, region=region))
    bare = PlantPrices(np.asarray(met.net_price) - paid * (1 - royalty), met.input_cost, met.input_cost_money, left)
    return Offer(bare, contracts[0].strike * (1 - royalty), inputs)
