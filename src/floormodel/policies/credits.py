"""Credits that buyers must show for a share of their tonnes: common to standards and local content."""

from __future__ import annotations

from typing import Any

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Credit, Row, Terms, Unknown
from floormodel.market import Market


def add_credits(policy: Any, terms: Terms, market: Market, number: int, have: Array, most: Array, cost: Array) -> None:
    """A credit price for each buying region of `policy`, which has `good`, `regions`, `share` and `penalty`; `have`, `most`, `cost` (O,)
    as in `terms.Credit`."""
    b, good = terms.benchmark, market.goods.index(policy.good)
    if policy.share == 0 or policy.penalty == 0:
        policy.inert(terms, "the share or the penalty is 0")
        return
    for region in policy.regions:
        d = market.regions.index(region)
        use = b.use0[:, good, d]
        if not np.all(use > 0) or not b.trade[good][:, d].any():
            policy.inert(terms, f"{region} uses no {policy.good!r} in the benchmark")
            continue
        met = np.min((have[:, None] * b.flow0[:, good]).sum(1)[:, d] / use)
        if met >= policy.share:
            terms.notes.append(f"{policy.kind}: {region} meets the share in the benchmark ({met:.3g})")
        at, scale = np.arange(len(market.regions)) == d, b.buyer_price0[:, good, d]
        terms.unknowns.append(Unknown(
            f"credit_price[{region}]", number, good, "USD/t", scale, np.zeros(1), policy.penalty / scale, Row(credit=use),
            "standards_penalty", credit=Credit(at, np.where(at, policy.share, 0.0), have, most, cost)))
