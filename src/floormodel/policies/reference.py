"""Reference prices: what a guarantee is measured against, or what a floor or a ceiling is set at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from floormodel.equilibrium.benchmark import Array, Benchmark
from floormodel.equilibrium.curves import supply_cost
from floormodel.errors import Fault, did_you_mean
from floormodel.market import Market
from floormodel.policies.base import Share, mask

MONTHS = 12.0


class ReferencePrice(BaseModel):
    """A price that an instrument refers to, for each region USD/t. In a study file a table, `{ kind = "index", vat = 0.13 }`.

    Fields
    ------
    kind : "own" is each producer's own gate price; "index" the mean gate price of `regions`, weighted by benchmark output; "cost" the mean
        cost of production in `regions`, which does not move.
    regions : whose prices or costs count. None: those that the instrument names.
    cost : "average" cost, what the area under the benchmark supply curve comes to per tonne, weighted by benchmark output; at the horizon
        "short" that is only what a plant saves when it stops. Or the cost of "latent" projects, weighted by their capacity, opened or not.
        Inputs are added at benchmark buyer prices, where a region buys none at the mean of those that do.
    margin : added to a cost, 0.1 for 10 %.
    vat : value added tax that an index contains, 0.13 for 13 %; the reference is the index less it.
    window_months, lag_months : the reference is the mean over a window that ends some months ago. It matters at the horizon "short": see
        `new_share`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    kind: Literal["own", "index", "cost"]
    regions: list[str] | None = Field(default=None, min_length=1)
    cost: Literal["average", "latent"] = "average"
    margin: float = Field(default=0.0, gt=-1, le=5)
    vat: Share = 0.0
    window_months: float = Field(default=0.0, ge=0, le=120)
    lag_months: float = Field(default=0.0, ge=0, le=120)

    def check(self, where: str, good: str, default: Sequence[str], market: Market, level: bool = False) -> list[Fault]:
        """Faults of a reference in the field `where`; one that is a `level` of its own, as a floor is, has to be a cost."""
        faults = [Fault(where, repr(r), f"a region of market {market.name!r}", did_you_mean(r, market.regions))
                  for r in self.regions or () if r not in market.regions]
        if self.kind == "own" and self.regions is not None:
            faults.append(Fault(where, f"regions = {self.regions!r}", 'nothing beside kind = "own"'))
        if level and self.kind != "cost":
            faults.append(Fault(where, f"kind = {self.kind!r}", 'kind = "cost"', "a level that follows the price it holds has no meaning"))
        if self.kind != "cost" and self.margin != 0:
            faults.append(Fault(where, f"margin = {self.margin:g}", 'a margin with kind = "cost" only'))
        if self.kind == "cost" and (self.vat or self.window_months or self.lag_months):
            faults.append(Fault(where, "vat, window_months or lag_months", 'none of them with kind = "cost", which does not move'))
        if not faults and self.kind == "cost" and good in market.goods:
            figure = "output0" if self.cost == "average" else "latent_capacity"
            tonnes = market.dataset[figure].sel(good=good, region=[r for r in self.regions or default if r in market.regions])
            if not float(tonnes.fillna(0.0).sum()) > 0:
                faults.append(Fault(where, f"{list(self.regions or default)}", f"regions with {figure} of {good!r} above 0"))
        return faults

    def new_share(self, horizon: str) -> float:
        """Share of the reference that rests on prices after the change: all of it at the horizon "long", at "short" the mean over its
        first year.

        t months after prices have moved at once, (t - lag) / window of the window lies behind the move, 0 at least and 1 at most. The mean
        over twelve months is (a - window / 2) / 12 with a = max(0, 12 - lag), or a^2 / (24 window) where the window is longer than a.
        """
        if horizon == "long":
            return 1.0
        after, window = max(0.0, MONTHS - self.lag_months), self.window_months
        return (after - window / 2) / MONTHS if after >= window else after**2 / (2 * window * MONTHS)

    def weights(self, good: int, default: Sequence[str], b: Benchmark, market: Market) -> tuple[Array, Array | None]:
        """Weights (R, R) and constant (B, R), USD/t, of the reference r = weights @ p + constant; the weights of an index without
        benchmark output are zero."""
        size = len(market.regions)
        if self.kind == "cost":
            return np.zeros((size, size)), np.repeat(self.cost_level(good, default, b, market)[:, None], size, axis=1)
        weights = np.eye(size)
        if self.kind == "index":
            base = np.where(mask(self.regions or default, market.regions), b.output0[:, good].mean(0), 0.0)
            weights = np.tile(base / base.sum() if base.sum() > 0 else base, (size, 1))
        weights, new = weights / (1 + self.vat), self.new_share(market.horizon)
        return new * weights, None if new == 1 else (1 - new) * b.price0[:, good] @ weights.T

    def cost_level(self, good: int, default: Sequence[str], b: Benchmark, market: Market) -> Array:
        """Cost of production with its margin (B,), USD/t."""
        made, own = b.output0[:, good], b.latent_unit_cost[:, good]
        if self.cost == "latent":
            made = b.latent_capacity[:, good]
        else:
            area = supply_cost(b.output0, b.output0, b.margin0, np.nan_to_num(b.supply_elasticity), b.linear_supply)[:, good]
            own = area / np.where(made > 0, made, 1.0)
        bought = np.where(b.use0 > 0, b.buyer_price0, 0.0)
        mean = (bought * b.use0).sum(-1, keepdims=True) / np.maximum(b.use0.sum(-1, keepdims=True), 1e-300)
        inputs = (b.recipe[:, good, :, None] * np.where(b.use0 > 0, bought, mean)).sum(1)
        weight = np.where(mask(self.regions or default, market.regions), np.nan_to_num(made), 0.0)
        cost = (weight * np.nan_to_num(own + inputs)).sum(-1) / np.maximum(weight.sum(-1), 1e-300)
        return (1 + self.margin) * cost * np.ones(1 if cost.shape[0] == 1 else b.draws)


def _which(value: Any) -> str:
    """A table that says its kind is meant as a reference; anything else is judged as a number or a word."""
    return "table" if isinstance(value, ReferencePrice) or (isinstance(value, dict) and "kind" in value) else "number"


# a price: a number, USD/t, or a reference to the cost of production
Price = Annotated[Annotated[float, Field(gt=0, allow_inf_nan=False), Tag("number")] | Annotated[ReferencePrice, Tag("table")],
                  Discriminator(_which)]
# what a guarantee is measured against: a word, or a reference in full
Reference = Annotated[Annotated[Literal["own", "index"], Tag("number")] | Annotated[ReferencePrice, Tag("table")], Discriminator(_which)]


def price_level(price: float | ReferencePrice, good: int, default: Sequence[str], b: Benchmark, market: Market) -> Array:
    """Level (B or 1,), USD/t, of a price that is a number or a cost."""
    return price.cost_level(good, default, b, market) if isinstance(price, ReferencePrice) else np.array([float(price)])


def price_faults(where: str, price: float | ReferencePrice | None, good: str, default: Sequence[str], market: Market) -> list[Fault]:
    """Faults of a price that is a number, a cost or nothing."""
    return price.check(where, good, default, market, level=True) if isinstance(price, ReferencePrice) else []
