"""First-order response of a market at its benchmark: GSIM for a `ces` market (Francois and Hall 2003)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import build_terms
from floormodel.equilibrium.system import System
from floormodel.equilibrium.terms import Row, Terms, Unknown
from floormodel.errors import ScenarioError
from floormodel.market import Market
from floormodel.policies.base import Instrument

STEP = 1e-40  # of the complex step, in log prices


def linear_response(market: Market, policies: Sequence[Instrument]) -> xr.Dataset:
    """Proportional changes J_z dz + J_w dw = 0, both derivatives at the benchmark, dw = c1/c0 - 1 at gate prices p0.

    Parameters
    ----------
    policies : tariffs and export taxes
        A large one is extrapolated along the tangent; `fm.solve` beside it shows how far the market is from linear.

    Returns
    -------
    xarray.Dataset
        Shares of the benchmark: `price_change`, `output_change` and `buyer_price_change` (draw, good, region),
        `landed_change` = dw (draw, good, origin, destination). Missing where there is no price, output, use or route.
        No `draw` where the market has one.

    Raises
    ------
    ScenarioError
        For instruments with unknowns, floors or contracts of their own, and for homogeneous markets, whose flows jump.
    """
    if market.sourcing == "homogeneous":
        raise ScenarioError('linear_response: found a homogeneous market; expected sourcing "logit" or "ces"')
    terms, _ = build_terms(market, policies)
    b, plain = terms.benchmark, Terms(terms.benchmark)
    lists = ("unknowns", "floors", "contracts", "contents", "sellers")
    figures = ("closed", "freight", "delay", "kept", "subsidy", "capacity", "latent_capacity", "extra_cost", "final_tax")
    if any(getattr(terms, name) for name in lists) or not all(np.array_equal(getattr(terms, n), getattr(plain, n)) for n in figures):
        raise ScenarioError("linear_response: found an instrument that does more than charge at a border; "
                            "expected tariffs and export taxes")
    border = (b.price0[..., None] + terms.export_levy) * (1 + terms.export_rate) + b.freight
    moved = border * (1 + terms.import_rate) + terms.import_levy - b.landed_price0
    system, z = _tangent(terms, moved)
    state = system.state(1j * STEP * z, np.arange(b.draws))
    made, bought = np.real(state.output) > 0, np.real(state.use) > 0
    node, route = ("draw", "good", "region"), ("draw", "good", "origin", "destination")
    ds = xr.Dataset({
        "price_change": (node, np.where(system.layout.priced, _relative(state.price), np.nan)),
        "output_change": (node, np.where(made, _relative(state.output), np.nan)),
        "buyer_price_change": (node, np.where(bought, _relative(state.buyer_price), np.nan)),
        "landed_change": (route, np.where(b.trade, moved / b.landed_price0, np.nan)),
    }, {"good": market.goods, "region": market.regions, "origin": market.regions, "destination": market.regions})
    return ds.isel(draw=0) if b.draws == 1 else ds


def _tangent(terms: Terms, moved: Array) -> tuple[System, Array]:
    """The benchmark's system with one more unknown per good, the share of the change of landed prices `moved`
    (B, G, O, D) that is in force, and the direction (B, n) along which the market moves as these shares do."""
    b = terms.benchmark
    plain, one = Terms(b), np.ones(1)
    for g in range(b.active.shape[0]):
        plain.unknowns.append(
            Unknown("response", 0, g, "1", one, 0 * one, one, Row(constant=0.0), "", import_levy=moved[:, g]))
    system = System(plain)
    n = system.layout.n_prices
    z = np.zeros((b.draws, system.size))
    _, jac = system.evaluate(z, np.arange(b.draws), 0.0, True)
    assert jac is not None
    z[:, :n] = np.linalg.solve(jac[:, :n, :n], -jac[:, :n, n:].sum(-1, keepdims=True))[..., 0]
    z[:, n:] = 1.0
    return system, z


def _relative(values: Array) -> Array:
    """Derivative along the direction, as a share of the value."""
    level = np.real(values)
    return values.imag / STEP / np.where(level == 0, 1.0, level)
