"""What a plant faces: prices read off an equilibrium, what they become when a policy is repealed, and how they move with risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from floormodel.equilibrium.solve import Solved
from floormodel.errors import ScenarioError
from floormodel.finance.options import Forwards, puts
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project

Array = NDArray[np.float64]
SMALL, SURE = 1e-300, 1e-12  # a price, and a standard deviation of its log, that stand for none
HALVINGS = 64  # of the logs of all prices above SMALL: to rounding


@dataclass(frozen=True)
class PlantPrices:
    """What a plant faces per tonne of product, USD/t: numbers or arrays over draws (n,).

    `net_price` is kept after royalty, with subsidies and guarantee payments; `input_cost` is sum_h A[h] P[h] at the
    buyers' price index, `input_cost_money` the same at the money prices paid (default: as `input_cost`).
    `price_exposure` is how much of a shock to the reference price reaches the plant under these prices: below 1 where a
    floor holds the price.
    """

    net_price: ArrayLike
    input_cost: ArrayLike = 0.0
    input_cost_money: ArrayLike | None = None
    price_exposure: float = 1.0


class Levels(NamedTuple):
    """One draw of PlantPrices."""

    net_price: float
    input_cost: float
    input_cost_money: float
    price_exposure: float


class Situation(NamedTuple):
    """Prices while the policy stands and after, the yearly hazard of repeal, the guaranteed price, USD/t."""

    now: Levels
    then: Levels
    hazard: float
    guaranteed: float


def read_prices(solved: Solved, good: str, region: str, whole_chain: bool = False, exposure: float = 1.0) -> PlantPrices:
    """Prices (draws,) of a plant that makes `good` in `region`, from a solved market.

    A plant that mines its own ore (`whole_chain`) buys no modelled input. The net price is not a number where nothing is made in
    the region. Raises ScenarioError for a good or region that the market has not.
    """
    s, market = solved.state, solved.market
    if good not in market.goods or region not in market.regions:
        raise ScenarioError(f"plant prices: found {good!r} in {region!r}; expected a good of {', '.join(market.goods)} and a region of "
                            f"{', '.join(market.regions)}")
    g, r = market.goods.index(good), market.regions.index(region)
    recipe = np.broadcast_to(s.benchmark.recipe, (len(s.price), len(market.goods), len(market.goods)))[:, g]
    inputs = (recipe * s.buyer_price[:, :, r]).sum(-1)
    paid = np.zeros(len(s.price))
    for h in range(len(market.goods)):
        q = s.flow[h][:, :, r]
        total = q.sum(-1)
        mean = (s.landed[h].landed[:, :, r] * q).sum(-1) / np.where(total > 0, total, 1.0)
        paid += recipe[:, h] * np.where(total > 0, mean, s.buyer_price[:, h, r])
    net = np.where(solved.system.layout.producing[g, r], s.margin[:, g, r] + inputs, np.nan)
    return PlantPrices(net, 0.0 if whole_chain else inputs, 0.0 if whole_chain else paid, exposure)


def count_draws(project: Project, given: Sequence[PlantPrices]) -> int:
    """How many draws a plant and its prices have in common. Raises ScenarioError where their numbers differ."""
    sizes = {np.size(v) for p in given for v in (p.net_price, p.input_cost, p.input_cost_money) if v is not None}
    sizes |= {value.size for value in vars(project).values() if isinstance(value, np.ndarray)}
    if len(sizes - {1}) > 1:
        raise ScenarioError(f"viability: found prices and costs of different numbers of draws {sorted(sizes)}")
    return max(sizes)


def situation(prices: PlantPrices, benchmark: PlantPrices | None, hazard: float, guaranteed: float, draw: int) -> Situation:
    """One draw of prices while a policy stands and, from `benchmark`, after its repeal.

    Raises ScenarioError for a hazard outside 0..1 or without benchmark prices.
    """
    if not 0 <= hazard < 1 or (hazard > 0 and benchmark is None):
        given = "given" if benchmark else "missing"
        raise ScenarioError(f"viability: found repeal_hazard = {hazard}, benchmark prices {given}; "
                            "expected a share below 1, and benchmark prices with it")
    return Situation(_levels(prices, draw), _levels(benchmark or prices, draw), hazard, guaranteed)


def expected_prices(project: Project, at: Situation, risk: OrnsteinUhlenbeck | None) -> tuple[Array, Array, Array]:
    """Expected net price, input cost and input cost at money prices in each year of operation, USD/t: (life,) each.

    The policy stands after t years from the decision with probability (1 - hazard)^t. While it does, the plant is paid what is
    expected of the larger of price and guarantee, E[max(P, K)] = E[P] + put(K): the means over `path_prices`. `risk` None: prices
    are sure, and it is paid the larger of the two.
    """
    stands = (1 - at.hazard) ** (project.build_years + np.arange(project.life))
    now, then = at.now, at.then
    shielded = max(now.net_price, 0.0) + top_up(project, at, risk)
    pairs = ((shielded, then.net_price), (now.input_cost, then.input_cost), (now.input_cost_money, then.input_cost_money))
    net, cost, money = (stands * before + (1 - stands) * after for before, after in pairs)
    return net, cost, money


def top_up(project: Project, at: Situation, risk: OrnsteinUhlenbeck | None) -> Array:
    """What a guarantee is expected to pay in each year of operation while it stands, USD/t: (life,), a put at each date (Black 1976).

    Prices are lognormal around their mean, their variance that of `risk` since the decision times the square of the exposures.
    """
    years = project.build_years + np.arange(project.life)
    spread = np.zeros(project.life) if risk is None else risk.variance(years)
    variance = (float(project.output_exposure) * at.now.price_exposure) ** 2 * spread
    return puts(Forwards(np.full(project.life, np.maximum(at.now.net_price, SMALL)), variance), at.guaranteed)


def low_price(project: Project, at: Situation, risk: OrnsteinUhlenbeck, chance: float) -> Array:
    """Net price in each year of operation, USD/t, that is undercut with the probability `chance`, below one half: (life,).

    While the policy stands the plant gets the guarantee at least; after repeal prices are those without policy. Without hazard this
    is the larger of guarantee and lognormal quantile; else by bisection on the log of the price, over both cases at once.
    """
    years = project.build_years + np.arange(project.life)
    stands, spread = (1 - at.hazard) ** years, np.sqrt(risk.variance(years))

    def undercut(levels: Levels, log_price: Array) -> Array:
        """Probability that the price lies below, without guarantee; half or more at its mean."""
        deviation = np.maximum(float(project.output_exposure) * levels.price_exposure * spread, SURE)
        return ndtr((log_price - np.log(np.maximum(levels.net_price, SMALL))) / deviation + deviation / 2)

    low = np.full(project.life, np.log(SMALL))
    high = np.full(project.life, np.log(max(at.now.net_price, at.then.net_price, at.guaranteed, SMALL)))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = stands * (np.exp(middle) > at.guaranteed) * undercut(at.now, middle) + (1 - stands) * undercut(at.then, middle)
        low, high = np.where(below < chance, middle, low), np.where(below < chance, high, middle)
    return np.exp(high)


def path_prices(project: Project, at: Situation, risk: OrnsteinUhlenbeck, paths: int, seed: Sequence[int]) -> tuple[Array, Array]:
    """Net price and input cost, USD/t, over price paths and years of operation: (paths, life) each.

    Prices are multiplied by exp(e x - e^2 var x / 2), x the deviation of the log reference price from its mean, where it starts,
    and e the exposures, so that risk leaves expected prices as they are. Each path draws its own year of repeal.
    """
    now, then = at.now, at.then
    year = project.build_years + np.arange(project.life)
    x = risk.simulate(risk.mean_log, int(year[-1]), paths, np.random.default_rng([*seed, 0]))[:, year] - risk.mean_log
    variance = risk.variance(year)

    def factor(exposure: float) -> Array:
        return np.exp(exposure * x - exposure**2 * variance / 2)

    stands = np.full((paths, 1), True)
    if at.hazard > 0:
        stands = year < np.random.default_rng([*seed, 1]).geometric(at.hazard, paths)[:, None]
    before = np.maximum(now.net_price * factor(project.output_exposure * now.price_exposure), at.guaranteed)
    after = then.net_price * factor(project.output_exposure * then.price_exposure)
    cost = np.where(stands, now.input_cost, then.input_cost) * factor(project.input_exposure)
    return np.where(stands, before, after), cost


def _levels(prices: PlantPrices, draw: int) -> Levels:
    money = prices.input_cost if prices.input_cost_money is None else prices.input_cost_money
    flat = [np.ravel(np.asarray(v, dtype=float)) for v in (prices.net_price, prices.input_cost, money)]
    net, cost, paid = (float(v[draw if v.size > 1 else 0]) for v in flat)
    return Levels(net, cost, paid, prices.price_exposure)
