"""The border measures of a solution, read off and written as fixed duties and taxes per tonne on each route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

import floormodel as fm
from floormodel.equilibrium.solve import Solved

Array = np.ndarray


def duties(market: fm.Market, good: int, levy: Array) -> Iterator[fm.ImportTariff]:
    """A duty of `levy` (O, D) USD/t on each route of one good, for the importer's treasury."""
    for o, d in np.argwhere(levy != 0):
        yield fm.ImportTariff(good=market.goods[good], importers=[market.regions[d]], origins=[market.regions[o]], levy=float(levy[o, d]))


def taxes(market: fm.Market, good: int, levy: Array) -> Iterator[fm.ExportTax]:
    """A tax of `levy` (O, D) USD/t on each route of one good, for the exporter's treasury."""
    for o, d in np.argwhere(levy != 0):
        yield fm.ExportTax(good=market.goods[good], exporters=[market.regions[o]], destinations=[market.regions[d]], levy=float(levy[o, d]))


def quota_rent(solved: Solved, good: int) -> Array:
    """Rent of all quotas on one good (O, D), USD/t."""
    rent = np.zeros(solved.state.flow[good].shape[1:])
    for j, unknown in enumerate(solved.terms.unknowns):
        if unknown.good == good and unknown.export_levy is not None:
            rent = rent + solved.state.scaled[0, j] * unknown.export_levy[0]
    return rent


def floor_duty(solved: Solved, good: int) -> Array:
    """What floors add at the importer's border (O, D), USD/t: top-ups levied, adjustable duties, content duties."""
    s = solved.state
    levy = s.landed[good].levied[0].copy()
    for j, unknown in enumerate(solved.terms.unknowns):
        if unknown.good == good and unknown.import_levy is not None:
            levy += s.scaled[0, j] * unknown.import_levy[0]
    for content, paid in zip(solved.terms.contents, s.content[good]):
        levy += np.broadcast_to(paid, (1, *levy.shape))[0] if content.good == good else 0.0
    return levy


def floors_as_duties(solved: Solved) -> list[fm.Instrument]:
    """Floors as duties; an undertaking, whose money stays with the exporter, as an export tax."""
    out: list[fm.Instrument] = []
    for g in range(len(solved.market.goods)):
        out += duties(solved.market, g, floor_duty(solved, g))
        out += taxes(solved.market, g, solved.state.landed[g].kept[0] / (1 + solved.terms.export_rate[0, g]))
    return out


def quotas_as_taxes(solved: Solved) -> list[fm.Instrument]:
    """Quotas as export taxes of the rent."""
    return [tax for g in range(len(solved.market.goods)) for tax in taxes(solved.market, g, quota_rent(solved, g))]


def quotas_as_duties(solved: Solved) -> list[fm.Instrument]:
    """Quotas as duties of all partners, of what the rent comes to behind the border."""
    terms, out = solved.terms, []
    for g in range(len(solved.market.goods)):
        behind = quota_rent(solved, g) * (1 + terms.export_rate[0, g]) * (1 + terms.import_rate[0, g])
        out += duties(solved.market, g, behind)
    return out


def without(policies: Sequence[fm.Instrument], kind: str) -> list[fm.Instrument]:
    return [p for p in policies if p.kind != kind]
