"""Draws: the same market with its uncertain figures sampled between their stated low and high."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
from scipy.stats import qmc

from floormodel.benchmark_draws import LEAST_MARGIN, draw_benchmark
from floormodel.correlations import Factor, correlated, correlation_matrix
from floormodel.distributions import factors, ranges, sampled_factors, triangular
from floormodel.errors import DataError, EvidenceWarning
from floormodel.market import Market
from floormodel.schema import BY_NAME, STORED

LIMIT = 10_000_000
PULLED = ("{pulled} of {n} draws of tonnes and prices could not be balanced or left a producer less than {least:.0%} of its central "
          "margin; they were pulled back toward the central figures, {full} of them all the way")


def sample(market: Market, n: int, seed: int = 0, benchmark: bool = True) -> Market:
    """The same market with a draw dimension.

    Every figure that has a low and a high in the market's tables is drawn from the distribution of its family (`schema.FAMILIES`):
    parameters, duties and royalties with the central value as the mode between low and high, tonnes, recipes, stock changes and prices
    with the central value as the median of a symmetric range of the same width. One random number moves a parameter, a price or a duty
    of a good in all regions together (elasticities of one mineral are estimated together and err together); tonnes, recipes and stock
    changes have one each. Capacities go with output; weights of routes without trade are not drawn. The correlations of the market's
    tables hold (Gaussian copula). Every draw balances and pays its producers (`floormodel.benchmark_draws`); draws that had to be
    pulled back toward the central figures for that are counted in the market's notes and in a warning. Numbers come from a scrambled
    Sobol' sequence, so that the first k of n draws are the k draws of the same seed. A market without ranges (entered by hand) repeats
    its central values.

    With ``benchmark=False`` tonnes, recipes, prices and duties stay and parameters are independent of each other: what a range owes to the
    elasticities alone. Numbers of parameters without correlations are the same in both.

    Raises
    ------
    DataError
        Where n is not a whole number from 1 to ten million, the market has draws already, or its correlations contradict each other.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 1 <= n <= LIMIT:
        raise DataError(f"sample: found n = {n!r}; expected a whole number of draws from 1 to {LIMIT:,}")
    if "draw" in market.dataset.sizes:
        raise DataError(f"sample: market {market.name!r} has {market.draws} draws already; expected the market they were drawn from")
    drawn, n, notes = sampled_factors(market), int(n), market.notes
    own = [Factor(_stored(name, market), good) for name, good in drawn]
    named, first = factors(market) if benchmark else (own, len(own))
    uniform = _numbers(n, seed, first, len(named))
    if benchmark:
        uniform = correlated(uniform, correlation_matrix(market.correlations, named))
    column = dict(zip(named, uniform.T))
    ds = market.dataset.copy()
    for (name, good), factor in zip(drawn, own):
        low, high, centre = ranges(market.figures, name, good, market)
        values = triangular(column[factor].reshape(-1, *[1] * low.ndim), low, centre, high)
        if "draw" not in ds[name].dims:
            ds[name] = ds[name].expand_dims(draw=n).copy()
        at = market.goods.index(good)
        block = ds[name].values.copy()
        block[:, at] = np.where(np.isfinite(low), values, block[:, at])
        ds[name] = (ds[name].dims, block)
    if benchmark and any(STORED[f.variable].benchmark for f in named):
        ds, kept = draw_benchmark(market, ds, column, n)
        if pulled := int(np.sum(kept < 1)):
            notes = (*notes, PULLED.format(pulled=pulled, n=n, least=LEAST_MARGIN, full=int(np.sum(kept == 0))))
            warnings.warn(f"sample: {notes[-1]}", EvidenceWarning, stacklevel=2)
    if "draw" not in ds.dims:
        ds["price0"] = ds["price0"].expand_dims(draw=n).copy()
    return replace(market, dataset=ds, seed=seed, notes=notes)


def _stored(name: str, market: Market) -> str:
    return f"{name}_{market.horizon}" if BY_NAME[name].horizon else name


def _numbers(n: int, seed: int, first: int, all_: int) -> np.ndarray:
    """Uniform numbers (n, all_) of one Sobol' sequence, each dimension scrambled by itself: the first from `seed`, whatever follows."""
    blocks = [qmc.Sobol(first, rng=np.random.default_rng(seed)).random_base2((n - 1).bit_length())[:n]] if first else []
    if all_ > first:
        blocks.append(qmc.Sobol(all_, rng=np.random.default_rng([seed, 1])).random_base2((n - 1).bit_length())[:n, first:])
    return np.hstack(blocks) if blocks else np.zeros((n, 0))
