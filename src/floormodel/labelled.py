"""From kernel arrays to a labelled dataset: names, dimensions, units; missing with a reason, never a silent zero."""

from __future__ import annotations

import numpy as np
import xarray as xr

from floormodel.booking import contract_payments, markup
from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.solve import Solved
from floormodel.equilibrium.state import has_buyers
from floormodel.equilibrium.system import System
from floormodel.policies.price_floor import PriceFloor

SINGULAR = 1e-13  # smallest singular value of rows scaled to one that counts as none
UNITS = {
    "price": "USD/t", "buyer_price": "USD/t", "border_price": "USD/t", "landed_price": "USD/t", "duty": "USD/t", "export_wedge": "USD/t",
    "floor_top_up": "USD/t", "margin": "USD/t", "output": "t/yr", "final_demand": "t/yr", "use": "t/yr", "flow": "t/yr",
    "purchases": "t/yr", "scrapped": "t/yr", "guarantee": "USD/yr", "floor_gap": "USD/t", "effective_sigma": "1", "unserved": "share",
    "markup": "USD/t", "evaded": "t/yr",
}


def to_dataset(solved: Solved) -> xr.Dataset:
    """All results of a solved scenario; a `draw` dimension where there is more than one draw."""
    s, b, lay, market = solved.state, solved.state.benchmark, solved.system.layout, solved.market
    draws = len(s.price)
    ok = solved.solution.converged
    node, route = ("draw", "good", "region"), ("draw", "good", "origin", "destination")
    used, made = has_buyers(s), lay.producing[None] & (s.output > 0)
    at_scrap = s.price <= b.scrap_factor[..., None] * b.price0 * (1 + 1e-9)
    data: dict[str, tuple[tuple[str, ...], Array]] = {
        "price": (node, np.where(lay.priced, s.price, np.nan)), "output": (node, s.output),
        "margin": (node, np.where(made, s.margin, np.nan)),
        "buyer_price": (node, np.where(used, s.buyer_price, np.nan)), "final_demand": (node, s.final_demand), "use": (node, s.use),
        "markup": (node, np.where(made, markup(solved), np.nan)),
        "guarantee": (node, _guarantee(solved)), "purchases": (node, _purchases(solved)),
        "scrapped": (node, np.where(at_scrap & lay.priced, np.maximum(s.supplied - s.demanded, 0), 0.0)),
    }
    open_route = lay.open_route
    for name, parts in _routes(solved).items():
        values = np.stack(parts, axis=1)
        data[name] = (route, values if name == "flow" else np.where(open_route, values, np.nan))
    sigma = b.sourcing_elasticity * np.where(used, s.buyer_price, np.nan) / b.buyer_price0
    data["effective_sigma"] = (node, np.broadcast_to(sigma, s.price.shape))
    coords = {"good": market.goods, "region": market.regions, "origin": market.regions, "destination": market.regions,
              "draw": np.arange(draws)}
    ds = xr.Dataset({k: (dims, np.where(ok.reshape(-1, *[1] * (v.ndim - 1)), v, np.nan)) for k, (dims, v) in data.items()}, coords)
    for variable in ds:
        ds[variable].attrs["unit"] = UNITS[str(variable)]
    ds["active"] = (("good", "region"), lay.priced)
    reason = np.where(lay.priced, "", np.where(np.any(b.output0 > 0, axis=0), "shut", "no_benchmark_output"))
    ds["price_reason"] = (("good", "region"), reason)
    _add_unknowns(ds, solved)
    _add_floors(ds, solved)
    _add_status(ds, solved)
    ds.attrs.update(market=market.name, basis=market.basis, year=market.year, horizon=market.horizon, notes=" | ".join(solved.notes))
    return ds.isel(draw=0, drop=True) if draws == 1 and "draw" not in market.dataset.sizes else ds


def _routes(solved: Solved) -> dict[str, list[Array]]:
    s, terms = solved.state, solved.terms
    names = ("flow", "evaded", "border_price", "landed_price", "duty", "export_wedge", "floor_top_up")
    out: dict[str, list[Array]] = {name: [] for name in names}
    for g in range(s.price.shape[1]):
        at = s.landed[g]
        wedge = at.border - s.price[:, g, :, None] * (1 + terms.delay[:, g]) - terms.freight[:, g]
        top_up = at.levied + at.kept
        private = s.private[g]
        duty = at.landed - at.border - top_up - (0.0 if private is None else private)
        evaded = 0.0 if (share := s.evaded[g]) is None else share * s.flow[g]
        parts = (s.flow[g], evaded, at.border, at.landed, duty, wedge, top_up)
        for name, values in zip(names, parts):
            out[name].append(np.broadcast_to(values, s.flow[g].shape))
    return out


def _guarantee(solved: Solved) -> Array:
    s, b = solved.state, solved.state.benchmark
    out = np.zeros_like(s.price)
    for c, (value, _) in zip(solved.terms.contracts, s.strip):
        paid, _ = contract_payments(c, value, s.output[:, c.good], b.output0[:, c.good] * b.supply_shift[:, c.good])
        out[:, c.good] += np.where(c.regions, paid, 0.0)
    return out


def _purchases(solved: Solved) -> Array:
    held = [0.0 if f is None else f.sum(1) for f in solved.state.purchases_from]
    return solved.state.purchases + np.stack([np.broadcast_to(h, solved.state.price[:, 0].shape) for h in held], axis=1)


def _add_unknowns(ds: xr.Dataset, solved: Solved) -> None:
    """The instruments' own unknowns in their units, (draw, unknown)."""
    unknowns = solved.terms.unknowns
    names = [f"{u.policy + 1}:{solved.policies[u.policy].kind}:{u.name}" for u in unknowns]
    values = [solved.state.scaled[:, j] * u.scale for j, u in enumerate(unknowns)]
    at_bound = [np.where(np.abs(solved.state.scaled[:, j] - u.upper) <= 1e-9, "upper", np.where(
        np.abs(solved.state.scaled[:, j] - u.lower) <= 1e-9, "lower", "between")) for j, u in enumerate(unknowns)]
    size = (len(ds["draw"]), 0)
    ds.coords["unknown"] = names
    ds["unknown_value"] = (("draw", "unknown"), np.stack(values, -1) if values else np.zeros(size))
    ds["unknown_bound"] = (("draw", "unknown"), np.stack(at_bound, -1) if values else np.zeros(size, "<U7"))
    ds["unknown_unit"] = (("unknown",), [u.unit for u in unknowns] if unknowns else np.zeros(0, "<U1"))


def _add_floors(ds: xr.Dataset, solved: Solved) -> None:
    """Per price floor and member: is the producer price at the floor, does every levied route in use land at or above it."""
    s, market = solved.state, solved.market
    chosen = [(i, p) for i, p in enumerate(solved.policies) if isinstance(p, PriceFloor)]
    shape = (len(s.price), len(chosen), len(market.regions))
    met, landed, gap = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    for k, (_, p) in enumerate(chosen):
        g, level = market.goods.index(p.good), p.level(solved.terms, market)
        members = np.array([r in p.members for r in market.regions])
        free = members | np.array([r in p.exempt for r in market.regions])
        for r in np.flatnonzero(members):
            if solved.system.layout.priced[g, r]:
                price, made = s.price[:, g, r], s.output[:, g, r] > 0
                met[:, k, r] = np.where(made, price >= level * (1 - 1e-9), np.nan)
                gap[:, k, r] = np.where(made, np.maximum(level - price, 0.0), np.nan)
            levied = solved.system.layout.open_route[g][:, r] & ~free
            in_use = levied & (s.flow[g][:, :, r] > 1e-9 * np.maximum(s.use[:, g, r, None], 1e-300))
            if levied.any():
                above = s.landed[g].landed[:, :, r] >= level[:, None] * (1 - 1e-9)
                landed[:, k, r] = np.where(in_use.any(-1), np.all(above | ~in_use, axis=-1), np.nan)
    ds.coords["policy"] = [f"{i + 1}:{p.kind}:{p.holds}" for i, p in chosen]
    for name, values in (("floor_met", met), ("landed_floor_met", landed), ("floor_gap", gap)):
        ds[name] = (("draw", "policy", "region"), values)


def _indeterminate(solved: Solved) -> Array:
    """Draws (B,) whose rows that hold with equality do not pin the unknowns that are free: the Jacobian is singular there.

    Two rents that divide one scarcity in any way, or a price that no curve answers to. Homogeneous markets are left out: their flows
    are often not unique while prices are.
    """
    system, z = solved.system, solved.solution.z
    if not isinstance(system, System) or system.size == 0:
        return np.zeros(len(z), bool)
    ok = solved.solution.converged & np.isfinite(z).all(1)
    f, jac = system.evaluate(np.where(ok[:, None], z, 0.0), np.arange(len(z)), 0.0, True)
    assert jac is not None
    lower, upper = system.bounds()
    own = np.eye(z.shape[1])
    jac = np.where((((z <= lower) & (f > 0)) | ((z >= upper) & (f < 0)) | (lower == upper))[:, :, None], own, jac)
    jac = np.where(ok[:, None, None], jac, own)
    jac = jac / np.abs(jac).max(-1, keepdims=True).clip(1e-300)
    return ok & (np.linalg.svd(jac, compute_uv=False)[:, -1] < SINGULAR)


def _add_status(ds: xr.Dataset, solved: Solved) -> None:
    """Two statuses per draw: `stop` says how the solver ended, `point` what the point is."""
    s, sol, b = solved.state, solved.solution, solved.state.benchmark
    point = np.full(len(sol.converged), "solved", dtype="<U30")
    live = s.use > 0
    ratio = np.where(live, s.buyer_price / np.where(b.buyer_price0 > 0, b.buyer_price0, 1.0), 1.0)
    wanted = np.any(b.final_demand0 > 0, axis=0)
    lay = solved.system.layout
    for name, where in (("no_supply", np.full(len(point), bool((wanted & ~lay.supplied).any()))),
                        ("indeterminate", _indeterminate(solved)),
                        ("outside_domain", np.any(ratio <= 1e-3, axis=(1, 2))),
                        ("solved_with_disposal", np.any(ds["scrapped"].values > 0, axis=(1, 2))),
                        ("rationed", np.any(s.final_demand < s.wanted * (1 - 1e-9), axis=(1, 2))), ("not_solved", ~sol.converged)):
        point = np.where(where, name, point)
    far = np.any((ratio > 5) | (ratio < 0.2), axis=(1, 2))
    for name, values in (("converged", sol.converged), ("outside_calibrated_range", far), ("iterations", sol.iterations),
                         ("residual", sol.residual),
                         ("stop", sol.stop), ("stage", sol.stage), ("point", point)):
        ds[name] = (("draw",), values)
