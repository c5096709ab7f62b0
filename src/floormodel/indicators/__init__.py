"""Indices, laws and bounds as functions of arrays: `from floormodel import indicators as ind; ind.hhi([0.7, 0.2, 0.1])`.

Here are those that need no market: indices of concentration with sharp bounds, laws of shares, costs behind shares. Trends of
shares over years are in `floormodel.indicators.share_trends`, which loads statsmodels. The other modules serve
`Equilibrium.indicators()` and the viability of plants.
"""

from floormodel.indicators.concentration import (
    conduct,
    conduct_bounds,
    cournot_price,
    effective_number,
    gini,
    hhi,
    hhi_bounds,
    hhi_by_location,
    hhi_by_ownership,
    hhi_normalised,
    ownership_bounds,
    shannon,
    shares,
    theil,
    tilt_to_hhi,
    top_share,
)
from floormodel.indicators.share_distributions import (
    ShareFit,
    dirichlet_from_hhi,
    fit_dirichlet,
    fit_shares,
    hill,
    lognormal_hhi,
    rank_half,
    zipf_from_hhi,
    zipf_shares,
)
from floormodel.indicators.supply_costs import (
    cost_handicap,
    frechet_shares,
    log_cost_spread,
    price_change,
    shares_after,
    technology,
)

__all__ = [
    "ShareFit", "conduct", "conduct_bounds", "cost_handicap", "cournot_price", "dirichlet_from_hhi", "effective_number",
    "fit_dirichlet", "fit_shares", "frechet_shares", "gini", "hhi", "hhi_bounds", "hhi_by_location", "hhi_by_ownership",
    "hhi_normalised", "hill", "log_cost_spread", "lognormal_hhi", "ownership_bounds", "price_change", "rank_half", "shannon",
    "shares", "shares_after", "technology", "theil", "tilt_to_hhi", "top_share", "zipf_from_hhi", "zipf_shares",
]
