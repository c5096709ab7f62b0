"""Five standard measures on any market: what each new market, and every change of the solver, is held against."""

from __future__ import annotations

import numpy as np

import floormodel as fm

NAMES = ("price_floor", "import_tariff", "price_gap_subsidy", "export_quota", "stockpile")


def bloc_of(market: fm.Market) -> list[str]:
    """The market's allies, or its first bloc."""
    return list(market.blocs.get("allies") or next(iter(market.blocs.values())))


def standard_policies(market: fm.Market) -> dict[str, list[fm.Instrument]]:
    """Each measure alone, on the last good, by name.

    A floor a fifth above what the bloc's largest buyer pays; a tariff of 25 %; a guarantee a fifth above their own price to
    the bloc's producers, to all where it has none; a quota of four fifths of the largest exporter's shipments abroad; a
    stock of 2 % of the largest buyer's use, bought in the market at up to 1.5 times what it pays.
    """
    good, bloc = market.goods[-1], bloc_of(market)
    figures = market.dataset.mean("draw") if "draw" in market.dataset.dims else market.dataset
    made, price = figures["output0"].sel(good=good), figures["price0"].sel(good=good)
    flow = figures["flow0"].sel(good=good)
    abroad = {r: float(flow.sel(origin=r).sum() - flow.sel(origin=r, destination=r)) for r in market.regions}
    lead = max(abroad, key=lambda r: abroad[r])
    makers = [r for r in bloc if float(made.sel(region=r)) > 0] or [r for r in market.regions if float(made.sel(region=r)) > 0]
    own = float((made * price).sel(region=makers).sum() / made.sel(region=makers).sum())
    buyer = max(bloc, key=lambda r: float(flow.sel(destination=r).sum()))
    use = float(flow.sel(destination=buyer).sum())
    paid = float(np.ravel(fm.solve(market).dataset["buyer_price"].sel(good=good, region=buyer))[0])
    return {
        "price_floor": [fm.PriceFloor(good=good, members=bloc, price=1.2 * paid)],
        "import_tariff": [fm.ImportTariff(good=good, importers=bloc, rate=0.25)],
        "price_gap_subsidy": [fm.PriceGapSubsidy(good=good, regions=makers, strike=1.2 * own)],
        "export_quota": [fm.ExportQuota(good=good, exporter=lead, quota=0.8 * abroad[lead])],
        "stockpile": [fm.Stockpile(good=good, region=buyer, purchase=0.02 * use, max_price=1.5 * paid)],
    }
