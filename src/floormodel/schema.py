"""One table that describes every variable of a market: name, dimensions, unit, range, default, meaning.

The loader checks figures against it and the documentation is written from it. The symbols are those of docs/notation.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NODE = ("good", "region")
ROUTE = ("good", "origin", "destination")
GOOD = ("good",)
RECIPE = ("good", "input")


@dataclass(frozen=True)
class Variable:
    """A benchmark figure or parameter. `default` None means: required wherever the variable is in use."""

    name: str
    dims: tuple[str, ...]
    unit: str
    low: float
    high: float
    default: float | None
    meaning: str
    uncertain: bool = False  # fm.sample draws it between `low` and `high` of the data file
    horizon: bool = False  # stored as NAME_short and NAME_long; Market holds the chosen one as NAME
    benchmark: str = ""  # drawn by fm.sample(benchmark=True) only: "price", "tonnes", "stock" or "wedge" of FAMILIES

    @property
    def family(self) -> str:
        """The distribution it is drawn from, a key of FAMILIES; "" where it is never drawn."""
        return "parameter" if self.uncertain else self.benchmark

    @property
    def stored_names(self) -> tuple[str, ...]:
        return (f"{self.name}_short", f"{self.name}_long") if self.horizon else (self.name,)


INF = math.inf
TINY = 1e-12  # "strictly positive"

# Distributions made of `low`, the central value and `high` of the tables. A figure without a range is not drawn, nor are tonnes and prices
# that are zero. Judged parameters and wedges are likeliest at the centre, and their ends are bounds. A measured figure is as likely too
# high as too low: where all other sources lie on one side, they say how far sources are apart, not where the truth is.
_TRIANGLE = "triangular with its mode at the central value, in logs where low is positive"
_SYMMETRIC = "symmetric triangular about the central value, which is its median, as wide as the range"
FAMILIES: dict[str, str] = {
    "parameter": f"{_TRIANGLE}; one random number per good moves all its regions and routes together",
    "price": f"{_SYMMETRIC}, in logs; one random number per good moves all its regions together; every margin stays positive",
    "tonnes": f"{_SYMMETRIC}, in logs where low is positive; one random number per figure, then balanced with all others of the draw",
    "stock": f"{_SYMMETRIC}, in tonnes, of either sign; one random number per figure, then balanced",
    "wedge": f"{_TRIANGLE}; one random number per variable and good moves all its regions and routes together",
}

VARIABLES: tuple[Variable, ...] = (
    Variable("price0", NODE, "USD/t", TINY, INF, None, "producer (gate) price in the benchmark, p0", benchmark="price"),
    Variable("output0", NODE, "t/yr", 0, INF, 0.0, "production, X0", benchmark="tonnes"),
    Variable("flow0", ROUTE, "t/yr", 0, INF, 0.0, "shipments from origin to destination, own region included, q0", benchmark="tonnes"),
    Variable("final_demand0", NODE, "t/yr", 0, INF, 0.0, "use outside the modelled chain, D0", benchmark="tonnes"),
    Variable("secondary0", NODE, "t/yr", 0, INF, 0.0, "recycled tonnes added to the good's supply, S0", benchmark="tonnes"),
    Variable("stock_change0", NODE, "t/yr", -INF, INF, 0.0, "benchmark stock build (+) or draw (-), dS0", benchmark="stock"),
    Variable("recipe", RECIPE, "t/t", 0, INF, 0.0, "tonnes of input used per tonne of good (1 / recovery), A", benchmark="tonnes"),
    Variable("freight", ROUTE, "USD/t", 0, INF, 0.0, "transport and insurance per tonne", uncertain=True),
    Variable("export_rate0", ROUTE, "share of gate price", -0.99, 5, 0.0, "ad valorem export charge in force, base: p", benchmark="wedge"),
    Variable("export_levy0", ROUTE, "USD/t", -INF, INF, 0.0, "specific export charge in force", benchmark="wedge"),
    Variable("import_rate0", ROUTE, "share of border price", -0.99, 5, 0.0, "ad valorem import duty in force, base: b", benchmark="wedge"),
    Variable("import_levy0", ROUTE, "USD/t", -INF, INF, 0.0, "specific import duty in force", benchmark="wedge"),
    Variable("royalty0", NODE, "share of gate price", 0, 0.99, 0.0, "royalty on p", benchmark="wedge"),
    Variable("under_invoicing", NODE, "share", 0, 0.99, 0.0, "share of the royalty base that is not declared", benchmark="wedge"),
    Variable("subsidy0", NODE, "USD/t", -INF, INF, 0.0, "producer subsidy in force", benchmark="wedge"),
    Variable("capacity", NODE, "t/yr", TINY, INF, INF, "largest output, K; absent means no limit"),
    Variable("supply_elasticity", NODE, "1", 0, 1e4, None, "elasticity of output to the net price (mined) or margin "
             "(processed), eps", uncertain=True, horizon=True),
    Variable("secondary_elasticity", NODE, "1", 0, 1e4, 0.0, "elasticity of recycled tonnes to the gate price", uncertain=True),
    Variable("demand_elasticity", NODE, "1", 0, 1e4, None, "elasticity of final demand to the buyer price, as a positive "
             "number, eta", uncertain=True, horizon=True),
    Variable("sourcing_elasticity", NODE, "1", TINY, 1e4, None, "elasticity of substitution between origins for buyers in "
             "the region, sigma", uncertain=True, horizon=True),
    Variable("route_weight", ROUTE, "share of use", 0, 1, 0.0, "sourcing weight of a route without benchmark trade"),
    Variable("choke_factor", GOOD, "1", 1.01, 1e6, 20.0, "choke price as a multiple of the benchmark buyer price (assumption)"),
    Variable("scrap_factor", GOOD, "1", 0, 0.99, 0.05, "scrap value as a share of the gate price (assumption)"),
    Variable("latent_capacity", NODE, "t/yr", TINY, INF, 0.0, "capacity of a latent project, K", uncertain=True),
    Variable("latent_unit_cost", NODE, "USD/t", -INF, INF, 0.0, "processing or mining cost of a latent project, inputs apart",
             uncertain=True),
    Variable("latent_route_weight", ROUTE, "share of use", 0, 1, 0.0, "sourcing weight of the latent project's routes",
             uncertain=True),
    Variable("supply_shift", NODE, "1", 0, INF, 1.0, "scenario factor on supply"),
    Variable("secondary_shift", NODE, "1", 0, INF, 1.0, "scenario factor on recycled tonnes"),
    Variable("demand_shift", NODE, "1", 0, INF, 1.0, "scenario factor on final demand"),
    Variable("route_shift", ROUTE, "1", 0, INF, 1.0, "scenario factor on sourcing weights, the benchmark index unchanged"),
    Variable("supply_add", NODE, "t/yr", 0, INF, 0.0, "scenario tonnes added to supply whatever the price"),
)

BY_NAME = {v.name: v for v in VARIABLES}
STORED = {stored: v for v in VARIABLES for stored in v.stored_names}
