"""Random settings of the instruments that tests/twin does not know, on a random market: for identities and derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from floormodel.equilibrium.benchmark import Benchmark, make_benchmark
from floormodel.market import Market
from floormodel.policies import REGISTRY, Instrument

Fields = dict[str, Any]


class Chooser:
    """Random goods, regions and levels of one market."""

    def __init__(self, rng: Generator, market: Market):
        self.rng, self.market = rng, market
        self.b: Benchmark = make_benchmark(market)
        self.g = int(rng.integers(len(market.goods)))
        self.good = market.goods[self.g]

    def some(self, least: int = 1) -> list[str]:
        names = list(self.market.regions)
        return list(self.rng.permutation(names)[:self.rng.integers(least, max(len(names), 2))])

    def one(self) -> str:
        return str(self.rng.choice(self.market.regions))

    def price(self, low: float = 0.2, high: float = 2.0) -> float:
        """Around the good's gate price, USD/t."""
        return float(self.b.price0[0, self.g].max() * self.rng.uniform(low, high))

    def tonnes(self, low: float = 0.01, high: float = 0.6) -> float:
        """A part of world output, t/yr."""
        return float(self.b.output0[0, self.g].sum() * self.rng.uniform(low, high))

    def share(self, low: float = 0.0, high: float = 1.0) -> float:
        return float(self.rng.uniform(low, high))

    def coin(self) -> bool:
        return bool(self.rng.random() < 0.5)

    def made(self) -> str:
        """A region with benchmark output of the good."""
        return str(self.rng.choice(np.array(self.market.regions)[self.b.output0[0, self.g] > 0]))

    def part(self, region: str, low: float, high: float) -> float:
        """A part of a region's output of the good, t/yr."""
        return float(self.b.output0[0, self.g, self.market.regions.index(region)] * self.rng.uniform(low, high))

    def holder(self, *words: str) -> str:
        return str(self.rng.choice([*words, self.one()]))


def _quota(c: Chooser) -> dict[str, float]:
    imports = c.some()[:2]
    return {**{r: c.tonnes(0.001, 0.2) for r in imports}, **({"others": c.tonnes(0.001, 0.2)} if c.coin() else {})}


def _apart(c: Chooser) -> tuple[dict[str, float], list[str]]:
    """Quotas by origin and importers that are none of these origins."""
    quota = _quota(c)
    return quota, [r for r in c.some() if r not in quota] or [r for r in c.market.regions if r not in quota][:1]


def _levies(c: Chooser) -> Fields:
    quota, importers = _apart(c)
    return {"good": c.good, "importers": importers, "quota": quota, "licences": c.holder("importer", "exporter")}


MAKERS: dict[str, Callable[[Chooser], Fields]] = {
    "variable_levy_quota": lambda c: {**_levies(c), "threshold": c.price(0.8, 2.0)},
    "tariff_rate_quota": lambda c: {**_levies(c), "rate_in": c.share(0, 0.1), "rate_out": c.share(0.1, 0.8), "levy_out": c.price(0, 0.3)},
    "entry_price": lambda c: {"good": c.good, "importers": c.some()[:2], "entry_price": c.price(0.8, 1.6), "max_duty": c.price(0.2, 0.5),
                              "rate": c.share(0, 0.2)},
    "buyer_collar": lambda c: {"good": c.good, "regions": [c.made()], "buyer": c.one(), "floor": c.price(0.8, 1.8),
                               "volume": c.tonnes() if c.coin() else None, "upside_share": c.share(), "pass_through": c.share() * c.coin()},
    "production_subsidy": lambda c: {"good": c.good, "regions": c.some(), "rate": c.price(0, 0.2), "share": c.share(0, 0.2)},
    "use_tax": lambda c: {"good": c.good, "regions": c.some(), "rate": c.price(0, 0.2),
                          "users": str(c.rng.choice(["all", "final", "processors"]))},
    "domestic_processing": lambda c: {"good": c.good, "exporter": c.made(), "share": c.share(0.2, 0.98), "output_based": c.coin()},
    "domestic_supply": lambda c: {"good": c.good, "exporter": (r := c.made()), "volume": c.part(r, 0.05, 0.8)},
    "export_licence": lambda c: {"good": c.good, "exporter": c.made(), "refused": c.share(0, 0.9), "delay": c.share(0, 0.1),
                                 "licence_holder": c.holder("exporter", "destination")},
    "export_escalation": lambda c: {"rates": {good: c.share(0, 0.4) for good in c.market.goods}, "exporters": c.some()[:2]},
    "dual_pricing": lambda c: {"good": c.good, "region": c.made(), "discount": c.share(0.01, 0.3)},
    "mining_tax": lambda c: {"good": c.good, "region": c.made(), "royalty": c.share(0, 0.2), "under_invoicing": c.share(),
                             "profit_tax": c.share(0, 0.5), "replaces_existing": c.coin()},
    "corridor": lambda c: {"goods": [c.good], "origins": c.some(), "freight_change": c.price(0, 0.1), "freight_share": c.share(-1, 0.5)},
    "processing_capacity": lambda c: {"good": c.good, "region": (r := c.made()), "limit": c.part(r, 0.4, 1.2) if c.coin() else None,
                                      "electricity_share": c.share(0, 0.5), "electricity_price_factor": c.share(0, 2)},
    "local_content": lambda c: {"good": c.good, "regions": c.some()[:2], "share": c.share(0.1, 0.9), "local": c.some()[:2],
                                "penalty": c.price(0.05, 0.5)},
    "standards_market": lambda c: {
        "good": c.good, "regions": c.some()[:2], "share": c.share(0.1, 0.9), "penalty": c.price(0.05, 0.5),
        "certified": {r: c.share(0, 0.5) for r in c.market.regions}, "potential": {r: c.share(0.5, 1) for r in c.market.regions},
        "cost": {r: c.price(0.01, 0.3) for r in c.market.regions}},
    "offtake": lambda c: {"good": c.good, "seller": c.made(), "buyer": c.one(), "volume": c.tonnes(0.001, 0.1), "price_rule": "fixed",
                          "price": c.price(0.5, 1.5), "payer": str(c.rng.choice(["buyers", "treasury"]))},
    "market_power": lambda c: {"good": c.good, "region": c.made(), "conduct": c.share(0.05, 0.6), "firms": int(c.rng.integers(1, 5))},
}


def random_measure(kind: str, rng: Generator, market: Market) -> Instrument | None:
    """A random instrument of this kind that the market accepts, or nothing after some tries."""
    for _ in range(20):
        fields = {k: v for k, v in MAKERS[kind](Chooser(rng, market)).items() if v is not None}
        try:
            policy = REGISTRY[kind](**fields)
        except ValueError:
            continue
        if not policy.check(market):
            return policy
    return None
