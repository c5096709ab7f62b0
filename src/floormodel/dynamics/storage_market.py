"""One good in one region over time: demand now, output planned a period ahead, shocks to it, and what storing costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import roots_jacobi

from floormodel.errors import DataError, Faults

Array = np.ndarray
Sampler = Callable[[np.random.Generator, tuple[int, ...]], Array]
CURVES = ("isoelastic", "linear")
LEAST = 1e-9  # of benchmark use or price: isoelastic curves have no value at zero


@dataclass(frozen=True, eq=False)
class Shocks:
    """Factor on planned output: quadrature `nodes` and `weights` (N,) for expectations, `sample` for simulated paths.

    A sampler of None draws the nodes themselves.
    """

    nodes: Array
    weights: Array
    sample: Sampler | None = None

    def draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Array:
        """Random shocks of a shape."""
        return rng.choice(self.nodes, size, p=self.weights) if self.sample is None else self.sample(rng, size)


def normal_shocks(sigma: float, mean: float = 1.0, nodes: int = 7) -> Shocks:
    """Normal with standard deviation `sigma`, by Gauss-Hermite quadrature."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    return Shocks(mean + sigma * x, w / w.sum(), lambda rng, size: rng.normal(mean, sigma, size))


def lognormal_shocks(sigma: float, mean_log: float = 0.0, nodes: int = 7) -> Shocks:
    """Lognormal whose logarithm has mean `mean_log` and standard deviation `sigma`, by Gauss-Hermite quadrature."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    return Shocks(np.exp(mean_log + sigma * x), w / w.sum(), lambda rng, size: rng.lognormal(mean_log, sigma, size))


def beta_shocks(a: float, b: float, low: float, high: float, nodes: int = 16) -> Shocks:
    """Beta(a, b) stretched from `low` to `high`, by Gauss-Jacobi quadrature."""
    x, w = roots_jacobi(nodes, b - 1, a - 1)
    return Shocks(low + (high - low) * (x + 1) / 2, w / w.sum(), lambda rng, size: low + (high - low) * rng.beta(a, b, size))


def equal_shocks(values: Sequence[float]) -> Shocks:
    """Values of equal chance."""
    nodes = np.asarray(values, float)
    return Shocks(nodes, np.full(len(nodes), 1 / len(nodes)))


@dataclass(frozen=True, eq=False, kw_only=True)
class StorageMarket:
    """A market in which tonnes can be kept for the next period.

        use          D = demand0 (P / price0)^-demand_elasticity, or the line with that elasticity at the benchmark (never cut off)
        output       planned output H times a shock e, one period later
        planned      H = output0 (E[P e] / price0)^supply_elasticity, or the line; E[P] with `planned_on` "price"
        storing      a tonne costs `storage_cost` now, a share `loss` of it is gone next period, and money earns `interest`

    Parameters
    ----------
    price0, demand0, output0 : a point on the curves, USD/t and t per period
    demand_elasticity : above 0; supply_elasticity : 0 (output fixed) and above
    storage_cost : USD/t per period; loss : share per period; interest : rate per period
    shocks : Shocks

    Raises
    ------
    DataError
        For figures outside their range, all at once.
    """

    demand_elasticity: float
    shocks: Shocks
    supply_elasticity: float = 0.0
    storage_cost: float = 0.0
    loss: float = 0.0
    interest: float = 0.0
    price0: float = 1.0
    demand0: float = 1.0
    output0: float = 1.0
    demand_curve: str = "isoelastic"
    supply_curve: str = "isoelastic"
    planned_on: str = "revenue"

    def __post_init__(self) -> None:
        faults = Faults("storage market", DataError)
        for name in ("price0", "demand0", "output0", "demand_elasticity"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                faults.add(name, getattr(self, name), "a number above 0")
        for name in ("supply_elasticity", "storage_cost"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                faults.add(name, getattr(self, name), "a number of 0 or more")
        if not 0 <= self.loss < 1:
            faults.add("loss", self.loss, "a share from 0 to below 1", "0.02 for two per cent a period")
        if not -0.5 < self.interest < 1:
            faults.add("interest", self.interest, "a rate such as 0.05", "0.05 for five per cent a period")
        for name, known in (("demand_curve", CURVES), ("supply_curve", CURVES), ("planned_on", ("revenue", "price"))):
            if getattr(self, name) not in known:
                faults.add(name, getattr(self, name), " | ".join(known))
        if self.shocks.nodes.shape != self.shocks.weights.shape or abs(self.shocks.weights.sum() - 1) > 1e-9:
            faults.add("shocks", f"{self.shocks.nodes.shape} nodes, weights that add up to {self.shocks.weights.sum():g}",
                       "as many weights as nodes, which add up to 1")
        faults.raise_if_any()

    @property
    def discount(self) -> float:
        """What a tonne's price next period is worth now: (1 - loss) / (1 + interest)."""
        return (1 - self.loss) / (1 + self.interest)

    def use(self, price: Array | float) -> Array:
        """Tonnes used at a price."""
        ratio = np.asarray(price, float) / self.price0
        if self.demand_curve == "linear":
            return self.demand0 * (1 - self.demand_elasticity * (ratio - 1))
        return self.demand0 * np.maximum(ratio, LEAST) ** -self.demand_elasticity

    def price(self, use: Array | float) -> Array:
        """Price at which tonnes are used."""
        ratio = np.asarray(use, float) / self.demand0
        if self.demand_curve == "linear":
            return self.price0 * (1 + (1 - ratio) / self.demand_elasticity)
        return self.price0 * np.maximum(ratio, LEAST) ** (-1 / self.demand_elasticity)

    def planned(self, incentive: Array | float) -> Array:
        """Planned output at the expected revenue per planned tonne (or the expected price)."""
        ratio = np.asarray(incentive, float) / self.price0
        if self.supply_curve == "linear":
            return self.output0 * np.maximum(1 + self.supply_elasticity * (ratio - 1), 0.0)
        return self.output0 * np.maximum(ratio, LEAST) ** self.supply_elasticity

    def expect(self, price_at: Callable[[Array], Array], carried: Array, planned: Array, support: float | None = None
               ) -> tuple[Array, Array]:
        """What a tonne stored is worth now, USD/t, and planned output after one Newton step from `planned`.

        `price_at` gives next period's price (..., N) at an availability (..., N); `carried` (...) is what is left of the stock
        by then. Producers receive the `support` price where the market price is lower.
        """
        step = 1e-6 * self.output0

        def reply(output: Array) -> tuple[Array, Array]:
            price = price_at(carried[..., None] + output[..., None] * self.shocks.nodes)
            received = price if support is None else np.maximum(price, support)
            by = self.shocks.nodes if self.planned_on == "revenue" else np.ones_like(self.shocks.nodes)
            return price @ self.shocks.weights, self.planned((received * by) @ self.shocks.weights)

        price, wanted = reply(planned)
        stored = self.discount * price - self.storage_cost
        if self.supply_elasticity == 0:
            return stored, np.full_like(planned, self.output0)
        slope = np.minimum((reply(planned + step)[1] - wanted) / step, 0.0)
        return stored, np.maximum(planned + (wanted - planned) / (1 - slope), 1e-3 * self.output0)
