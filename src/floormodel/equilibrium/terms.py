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

    f = constant + price.p + buyer_price.P + output.X + flow:q + border:b + landed:c     linear terms
        + u (own_output.X + own_flow:q) + value:(p q)                                    u the scaled unknown itself
        + outlay_weight outlay + credit                                                  see below
    with arrays (B or 1, R) or (B or 1, O, D), None is zero.

    `outlay` is the number of a contract, whose gap payments (clawbacks apart) count with `outlay_weight`. `credit` tonnes: (certified -
    share) tonnes of the unknown's credit over these.
    f > 0 at the lower bound, f < 0 at the upper bound, f = 0 between.
    """

    constant: Array | float = 0.0
    price: Array | None = None
    buyer_price: Array | None = None
    output: Array | None = None
    flow: Array | None = None
    landed: Array | None = None
    border: Array | None = None
    own_output: Array | None = None
    own_flow: Array | None = None
    value: Array | None = None
    outlay: int | None = None
    outlay_weight: Array | None = None
    credit: Array | None = None


@dataclass(frozen=True)
class Credit:
    """A tradable credit for certified (or local) tonnes in the destinations of `mask` (D,), at the price l of its unknown, USD/t:

    every tonne needs `share` (D,) credits and earns one if certified. certified[o] = from0 + (potential - from0)(1 - exp(-l / cost)),
    all (O,): what is certified already, what can be, and the mean cost of certifying more, USD/t.
    c += l share - integral of certified from 0 to l; what certifying costs is a resource cost.
    """

    mask: Array
    share: Array
    from0: Array
    potential: Array
    cost: Array


@dataclass(frozen=True)
class Evasion:
    """Relabelling or transshipment: a share h = most (1 - exp(-W / scale)) of the tonnes on the routes of `mask` (O, D) pays none of
    the duties W, USD/t, that policy has added; marginal cost of evading is W, so c -= integral of h from 0 to W."""

    policy: int
    good: int
    mask: Array
    most: float
    scale: float


@dataclass(frozen=True)
class Transfer:
    """A yearly sum of money, USD, from the buyers (or the treasury, if `public`) of one region to the producers of another."""

    policy: int
    good: int
    payer: int
    receiver: int
    amount: float
    public: bool


@dataclass(frozen=True)
class Licence:
    """Exports on the routes of `mask` (O, D) limited to a share of what they would be without any licence; the rent is an unknown,
    whose row is written once these are known (`solve`)."""

    good: int
    unknown: int
    mask: Array
    share: float


@dataclass(frozen=True)
class Unknown:
    """An instrument's own unknown, scaled so that a step of one is large: its value in `unit` is `scale` times it.

    Coefficients say what one unit of the scaled unknown adds: to duties on routes (`import_levy`, `export_levy`; (B or 1, O, D)),
    to public purchases through the nest (`purchases`; (B or 1, R)) or from named origins (`purchases_from`; (B or 1, O, D)),
    to what buyers pay on routes beside duties, to a fund of the destination (`charge`; (B or 1, O, D)), to producers' net price
    (`subsidy`; (B or 1, R)); a `credit` adds its own charge. `owner` (O, D) is the region a levy is paid to;
    of an import levy under a quota (`licensed` tonnes, (B or 1,)) it owns the part within the quota, the importer's treasury the rest.
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
    charge: Array | None = None
    subsidy: Array | None = None
    credit: Credit | None = None
    owner: Array | None = None
    licensed: Array | None = None
    payer: Array | None = None


@dataclass(frozen=True)
class Floor:
    """A price floor on shipments of one good: top-up = clip(level - base, 0, cap) on the routes of `mask` (O, D).

    `level` is a number or one per draw (B or 1,). With an `unknown`, its scaled value u makes the top-up (first + second u) clip +
    third u, (first, second, third) = `by_unknown`, third in USD/t. Under a quota (`licensed` tonnes (B or 1,), `owner` (O, D)) the
    part of the levy within it belongs to the owner.
    """

    policy: int
    good: int
    level: float | Array
    mask: Array
    cap: float = np.inf
    undertaking: bool = False
    duty_paid: bool = False
    unknown: int | None = None
    by_unknown: tuple[float, float, float] = (1.0, 0.0, 0.0)
    licensed: Array | None = None
    owner: Array | None = None


@dataclass(frozen=True)
class Content:
    """A content duty on a good made with a floored input: duty[o, d] = tonnes * gap on the routes of `mask` (O, D). `level`, the floor,
    is a number or one per draw (B or 1,).

    `reference` (R,) is the region whose gate price stands for the input price in an origin that buys none, -1 where it buys.
    A `rebate` gives the same gap back on exports: the routes of `mask` lead from members out, and the export levy falls by it.
    """

    policy: int
    good: int
    made_with: int
    tonnes: Array
    level: float | Array
    neutral: bool
    mask: Array
    reference: Array
    rebate: bool = False


@dataclass(frozen=True)
class Contract:
    """A guarantee on producers' receipts: max(0, strike - r) - share max(0, r - threshold), r = weights @ p + constant per region.

    `weights` (R, R); `constant` (B or 1, R) is the part of a reference price that rests on past prices; strikes are numbers or (B or 1,).
    `buyers` pay instead of a treasury.
    """

    policy: int
    good: int
    regions: Array
    strike: float | Array
    threshold: float | Array
    share: float
    weights: Array
    volume_cap: float | None = None
    money_cap: float | None = None
    clawback_cap: float | None = None
    payer: Array | None = None
    scaling: int | None = None  # the unknown that scales a programme under a budget
    constant: Array | None = None
    buyers: bool = False


@dataclass(frozen=True)
class Seller:
    """A seller who sets its quantity: margin = marginal cost + conduct (X / firms) |d net price / dX|, the outputs of the other sellers
    given and everyone else a price taker. `conduct` 1 is Cournot (a dominant firm, if it is the only one), 0 a price taker."""

    policy: int
    good: int
    region: int
    conduct: float
    firms: int


@dataclass
class Terms:
    """The sum of what a tuple of instruments adds to a benchmark; built once, then only read.

    Beginning at the benchmark's: charges on routes, `freight` and `delay` (a resource cost, share of the gate price) (B, G, O, D);
    `kept` share of the price after royalty, `subsidy` USD/t, `capacity`, `latent_capacity` t/yr, and from zero `extra_cost` of
    producing, `final_tax` on final use, both USD/t, and `profit_tax`, a share (B, G, R). The outputs of `sellers` are not on their
    supply curves but `held` at given tonnes (B, G, R), NaN elsewhere, once the search over them has begun (`conduct`).
    """

    benchmark: Benchmark
    export_rate: Array = field(init=False)
    export_levy: Array = field(init=False)
    import_rate: Array = field(init=False)
    import_levy: Array = field(init=False)
    freight: Array = field(init=False)
    delay: Array = field(init=False)
    kept: Array = field(init=False)
    subsidy: Array = field(init=False)
    capacity: Array = field(init=False)
    latent_capacity: Array = field(init=False)
    extra_cost: Array = field(init=False)
    final_tax: Array = field(init=False)
    profit_tax: Array = field(init=False)
    closed: Array = field(init=False)
    evasions: list[Evasion] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    licences: list[Licence] = field(default_factory=list)
    floors: list[Floor] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    unknowns: list[Unknown] = field(default_factory=list)
    sellers: list[Seller] = field(default_factory=list)
    held: Array | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        b = self.benchmark
        self.export_rate, self.export_levy = b.export_rate0.copy(), b.export_levy0.copy()
        self.import_rate, self.import_levy = b.import_rate0.copy(), b.import_levy0.copy()
        self.freight, self.kept, self.subsidy = b.freight.copy(), b.kept.copy(), b.subsidy0.copy()
        self.capacity, self.latent_capacity = b.capacity.copy(), b.latent_capacity.copy()
        self.delay = np.zeros((1, *b.trade.shape))
        nothing = np.zeros((b.draws, *b.active.shape))
        self.extra_cost, self.final_tax, self.profit_tax = (nothing.copy() for _ in range(3))
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
