"""What an offer is worth to a plant if the measure stands for some years of operation only, what it is paid, whom its costs are tied to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

import floormodel as fm
from experiments.financing_offers import Offer
from experiments.ten_years_results import PLANT_SEED
from floormodel.finance.cashflow import npv
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project, incentive_price, load_projects, output_profile, project_cash_flow
from floormodel.indicators.plant_prices import count_draws, expected_prices, path_prices, situation

TERMS_OF_YEARS = (10, 15)  # guarantees signed in 2025 and 2026 last ten; fifteen as the largest export credits


class Worth(NamedTuple):
    """Value at the hurdle at expected prices, USD per t/yr, and share of price paths on which it pays (NaN without paths): (draws,)."""

    npv: np.ndarray
    chance: np.ndarray


def worth(plant: Project, given: Offer, start: Offer, risk: OrnsteinUhlenbeck, *, years: int = 0, own_price: bool = False, paths: int = 0,
          seed: int = 0) -> Worth:
    """Worth of an offer that stands for `years` of operation (0: the plant's life), after which prices are those of `start`.

    With `years` 0 the numbers are those of `viability` without repeal. `own_price`: inputs follow the plant's own price.
    """
    values, chances = [], []
    for k in range(count_draws(plant, [given.prices, start.prices])):
        one = plant.at(k)
        plants = given.exposed(one, own_price), start.exposed(one, own_price)
        at = situation(given.prices, start.prices, 0.0, given.guaranteed, k), situation(start.prices, None, 0.0, start.guaranteed, k)
        stands = np.arange(one.life) < (years or one.life)
        values.append(float(_value(one, stands, [expected_prices(p, a, risk) for p, a in zip(plants, at)])))
        found = np.full(1, np.nan)
        if paths:
            found = _value(one, stands, [path_prices(p, a, risk, paths, [seed, k]) for p, a in zip(plants, at)])
        chances.append(float(np.mean(found > 0)) if np.isfinite(found).all() else np.nan)
    return Worth(np.array(values), np.array(chances))


def _value(one: Project, stands: np.ndarray, prices: Sequence[tuple[np.ndarray, ...]]) -> np.ndarray:
    """Value at the hurdle at the prices and costs of the measure in years in which it stands, else at those without it."""
    net, cost = (np.where(stands, before, after) for before, after in zip(prices[0][:2], prices[1][:2]))
    return npv(one.hurdle, project_cash_flow(one, net, cost))


def paid(plant: Project, given: Offer, risk: OrnsteinUhlenbeck) -> np.ndarray:
    """Level price, USD/t (draws,), worth as much at the hurdle before tax as what the plant expects, E[max(price, guarantee)]."""
    out = []
    for k in range(count_draws(plant, [given.prices])):
        one = plant.at(k)
        weights = output_profile(one) * (1 + float(one.hurdle)) ** -np.arange(one.life)
        out.append(float(np.sum(weights * expected_prices(one, situation(given.prices, None, 0.0, given.guaranteed, k), risk)[0])
                         / np.sum(weights)))
    return np.array(out)


def tied(bare: fm.Market, drawn: fm.Market) -> fm.Market:
    """The drawn market with the unit cost of each opened latent plant moved by the same draws of costs as the plants that are valued.

    A latent plant's unit cost is the price less inputs at which a representative plant of its good earns its hurdle. Drawn on its own it
    would make the rivals of a dear plant cheap at random. The unit cost is the market's, times the margin that plant needs in each draw
    over what it needs at central costs. The representative is that of the region, or else the first that buys its inputs; the market
    comes back as it is where none is known for the good or nothing is drawn.
    """
    if "draw" not in drawn.dataset["latent_unit_cost"].dims:
        return drawn
    unit = drawn.dataset["latent_unit_cost"].copy(deep=True)
    for good, region in bare.opened:
        known = [p for p in load_projects(bare.name).values() if p.good == good and (p.role != "upstream" or good == bare.goods[0])]
        if not known:
            continue
        plant = next((p for p in known if p.region == region), known[0])
        price = bare.dataset["price0"].max("region")
        inputs = float(sum(float(bare.dataset["recipe"].sel(good=good, input=h)) * float(price.sel(good=h)) for h in bare.goods))
        needs = incentive_price(plant.drawn(drawn.draws, PLANT_SEED), inputs) - inputs
        factor = needs / (float(incentive_price(plant, inputs)) - inputs)
        unit.loc[{"good": good, "region": region}] = float(bare.dataset["latent_unit_cost"].sel(good=good, region=region)) * factor
    return drawn.replace(latent_unit_cost=unit)
