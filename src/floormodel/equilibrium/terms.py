"""What instruments add to an equilibrium, as data: wedges, floors, contracts, unknowns with their rows.

An instrument writes no equation. It adds terms of the few kinds below; `system` evaluates all of them together, once, with their
derivatives, and `accounts` books each to its owner. Index arrays are positions of goods and regions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from floormodel.equilibrium.benchmark import Benchmark

Array = np.ndarray


@dataclass(frozen=True)
class Row:
    """The complementarity row of an unknown, linear in the state of one good and already in relative terms:

    f = constant + price.p + buyer_price.P + output.X + flow:q + landed:c   (arrays (B or 1, R) or (B or 1, O, D); None is zero)
    or, with `budget` the number of a contract, f = outlay / budget - 1.
    f > 0 at the lower bound, f < 0 at the upper bound, f = 0 between.
    """

    constant: Array | float = 0.0
    price: Array | None = None
    buyer_price: Array | None = None
    output: Array | None = None
    flow: Array | None = None
    landed: Array | None = None
    budget: int | None = None


@dataclass(frozen=True)
class Unknown:
    """An instrument's own unknown, scaled so that a step of one is large: its value in `unit` is `scale` times it.

    Coefficients say what one unit of the scaled unknown adds: to duties on routes (`import_levy`, `export_levy`; (B or 1, O, D)),
    to public purchases through the nest (`purchases`; (B or 1, R)) or from named origins (`purchases_from`; (B or 1, O, D)),
    to producers' net price (`subsidy`; (B or 1, R)). `owner` (O, D) is the region a levy is paid to.
    """

    name: str
    policy: int
    good: int
    unit: str
    scale: Array
    lower: Array
    upper: Array
    row: Row
    account: str
    import_levy: Array | None = None
    export_levy: Array | None = None
    purchases: Array | None = None
    purchases_from: Array | None = None
    subsidy: Array | None = None
    owner: Array | None = None
    payer: Array | None = None


@dataclass(frozen=True)
class Floor:
    """A price floor on shipments of one good: top-up = clip(level - base, 0, cap) on the routes of `mask` (O, D)."""

    policy: int
    good: int
    level: float
    mask: Array
    cap: float = np.inf
    undertaking: bool = False
    duty_paid: bool = False


@dataclass(frozen=True)
class Content:
    """A content duty on a good made with a floored input: duty[o, d] = tonnes * gap on the routes of `mask` (O, D).

    `reference` (R,) is the region whose gate price stands for the input price in an origin that buys none, -1 where it buys.
    """

    policy: int
    good: int
    made_with: int
    tonnes: Array
    level: float
    neutral: bool
    mask: Array
    reference: Array


@dataclass(frozen=True)
class Contract:
    """A guarantee on producers' receipts: max(0, strike - r) - share max(0, r - threshold), r = weights @ p (R, R) per region."""

    policy: int
    good: int
    regions: Array
    strike: float
    threshold: float
    share: float
    weights: Array
    volume_cap: float | None = None
    money_cap: float | None = None
    clawback_cap: float | None = None
    payer: Array | None = None
    scaling: int | None = None  # the unknown that scales a programme under a budget
    budget: float | None = None


@dataclass
class Terms:
    """The sum of what a tuple of instruments adds to a benchmark; built once, then only read."""

    benchmark: Benchmark
    export_rate: Array = field(init=False)
    export_levy: Array = field(init=False)
    import_rate: Array = field(init=False)
    import_levy: Array = field(init=False)
    closed: Array = field(init=False)
    floors: list[Floor] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    unknowns: list[Unknown] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        b = self.benchmark
        self.export_rate, self.export_levy = b.export_rate0.copy(), b.export_levy0.copy()
        self.import_rate, self.import_levy = b.import_rate0.copy(), b.import_levy0.copy()
        self.closed = np.zeros(b.trade.shape, bool)

    def add_export(self, good: int, mask: Array, rate: float, levy: float, replace: bool) -> None:
        """Add an export charge on the routes of `mask` (O, D); `replace` takes the place of the charge in force."""
        for name, base, extra in (("export_rate", self.benchmark.export_rate0, rate), ("export_levy", self.benchmark.export_levy0, levy)):
            array = getattr(self, name)
            array[:, good][:, mask] += extra - (base[:, good][:, mask] if replace else 0.0)

    def add_import(self, good: int, mask: Array, rate: float, levy: float, replace: bool) -> None:
        """Add an import charge on the routes of `mask` (O, D); `replace` takes the place of the charge in force."""
        for name, base, extra in (("import_rate", self.benchmark.import_rate0, rate), ("import_levy", self.benchmark.import_levy0, levy)):
            array = getattr(self, name)
            array[:, good][:, mask] += extra - (base[:, good][:, mask] if replace else 0.0)
