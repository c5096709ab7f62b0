"""A whole chain of goods made to balance at once, each figure moved by how uncertain it is.

Supply and use of every good g in every region r,

    X + S - dS = sum_d q[r, d]    and    sum_o q[o, r] = D + sum_k A[k, g] X[k, r],

with recipes A given, are met by the figures that minimise

    sum_k KL(x_k | prior_k) / v_k + sum_k (dS_k - prior_k)^2 / (2 v_k),    KL(a | b) = a log(a / b) - a + b

v in tonnes: the central figure times its squared relative spread, for a stock change its variance. To first order that is the mean of
independent figures with these variances given that they balance, and of priors drawn from their distributions it makes draws from the
distribution given the balances (Matheron's rule). Figures that are zero stay zero. The multipliers l (supply) and m (use) of the
balances are found by Newton's method with the step log(1 + d) / d, d the largest change of a log figure in it, which comes down from any
start (Sun and Tran-Dinh 2019, generalised self-concordant functions).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CLOSE = 1e-11  # largest gap of a balance relative to the tonnes in it
PATIENCE = 60
BLOCK = 256  # draws at a time: bounds the memory of the Newton matrices


@dataclass(frozen=True)
class Chain:
    """Figures of a chain over draws n: nodes (n, G, R), `flow` (n, G, R, R); as spreads (v of the module's text) with n = 1."""

    output: Array
    secondary: Array
    stock: Array
    demand: Array
    flow: Array

    def at(self, draws: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Chain:
        """The same for some draws."""
        return Chain(*(getattr(self, f.name)[draws] for f in fields(self)))


def reconcile(prior: Chain, spread: Chain, recipe: Array) -> tuple[Chain, NDArray[np.bool_]]:
    """Balanced figures over draws, and which draws (n,) the uncertain figures could not balance.

    Parameters
    ----------
    prior : figures as drawn, not negative but for `stock`
    spread : v of each figure (1, ...), tonnes (`stock`: tonnes squared); 0 keeps the figure as it is
    recipe : (n, G, H), tonnes of h per tonne of g

    A draw is balanced to 1e-11 of the tonnes at each node; one that balances to that already is returned as it is, bit for bit. A draw
    cannot be balanced where a node that may move has neither a route nor a stock nor a use that may move with it.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # draws that run away are told, not refused
        blocks = [_block(prior.at(slice(i, i + BLOCK)), spread, recipe[i:i + BLOCK]) for i in range(0, len(prior.output), BLOCK)]
    chain = Chain(*(np.concatenate([getattr(part, f.name) for part, _ in blocks]) for f in fields(Chain)))
    return chain, np.concatenate([left_open for _, left_open in blocks])


def gaps(chain: Chain, recipe: Array) -> tuple[Array, Array]:
    """What supply and use leave open at each node (n, 2, G, R), tonnes, and the tonnes that go through it."""
    out, into = chain.flow.sum(3), chain.flow.sum(2)
    made = chain.output + chain.secondary
    need = np.einsum("ngh,ngr->nhr", recipe, chain.output)
    gap = np.stack([made - chain.stock - out, into - chain.demand - need], axis=1)
    return gap, np.stack([np.maximum(made, out), np.maximum(into, chain.demand + need)], axis=1)


def _block(prior: Chain, spread: Chain, recipe: Array) -> tuple[Chain, NDArray[np.bool_]]:
    """Balanced draws of one block and which of them stay open."""
    chain, multipliers = prior, np.zeros((len(prior.output), 2, *prior.output.shape[1:]))
    on = np.arange(len(multipliers))
    held = [np.array(getattr(chain, f.name)) for f in fields(Chain)]
    bad = np.zeros(len(on), bool)
    for turn in range(PATIENCE + 1):
        now = Chain(*(array[on] for array in held))
        gap, through = gaps(now, recipe[on])
        lost = ~np.all(np.isfinite(through), axis=(1, 2, 3)) | (turn == PATIENCE)
        still = np.any(np.abs(gap) > CLOSE * through, axis=(1, 2, 3))
        bad[on[still & lost]] = True
        still &= ~lost
        on, now, gap = on[still], now.at(still), gap[still]
        if len(on) == 0:
            break
        step = _newton_step(now, spread, recipe[on], gap)
        logs = _log_changes(step, spread, recipe[on])
        far = np.max([np.max(np.abs(change.reshape(len(on), -1)), axis=1) for change in logs], axis=0)
        length = np.where(far > 0, np.log1p(far) / np.where(far > 0, far, 1.0), 1.0)
        multipliers[on] += length[:, None, None, None] * step
        for array, moved in zip(held, _at(prior.at(on), multipliers[on], spread, recipe[on])):
            array[on] = moved
    return Chain(*held), bad


def _log_changes(multipliers: Array, spread: Chain, recipe: Array) -> tuple[Array, Array, Array, Array]:
    """Change of the logs of output, secondary, demand and flow at these multipliers of supply and use (n, 2, G, R)."""
    supply, use = multipliers[:, 0], multipliers[:, 1]
    worth = np.einsum("ngh,nhr->ngr", recipe, use) - supply
    return (spread.output * worth, -spread.secondary * supply, spread.demand * use,
            spread.flow * (supply[:, :, :, None] - use[:, :, None, :]))


def _at(prior: Chain, multipliers: Array, spread: Chain, recipe: Array) -> tuple[Array, ...]:
    """Figures at the multipliers, in the order of Chain's fields."""
    output, secondary, demand, flow = _log_changes(multipliers, spread, recipe)
    return (prior.output * np.exp(output), prior.secondary * np.exp(secondary), prior.stock + spread.stock * multipliers[:, 0],
            prior.demand * np.exp(demand), prior.flow * np.exp(flow))


def _newton_step(chain: Chain, spread: Chain, recipe: Array, gap: Array) -> Array:
    """Step of the multipliers (n, 2, G, R): the gaps' derivatives, symmetric and positive definite, are scaled to a unit diagonal."""
    n, goods, regions = chain.output.shape
    x, flow = spread.output * chain.output, spread.flow * chain.flow
    g, r = np.arange(goods), np.arange(regions)
    h = np.zeros((n, 2, goods, regions, 2, goods, regions))
    one, two = np.ix_(g, r)
    h[:, 0, one, two, 0, one, two] += x + spread.secondary * chain.secondary + spread.stock + flow.sum(3)
    h[:, 1, one, two, 1, one, two] += spread.demand * chain.demand + flow.sum(2)
    a, o, d = np.ix_(g, r, r)
    h[:, 0, a, o, 1, a, d] -= flow
    a, b, o = np.ix_(g, g, r)
    h[:, 0, a, o, 1, b, o] -= recipe[:, :, :, None] * x[:, :, None, :]
    h[:, 1, a, o, 1, b, o] += np.einsum("nkg,nkh,nkr->nghr", recipe, recipe, x)
    size = 2 * goods * regions
    matrix = h.reshape(n, size, size)
    upper = np.triu(matrix, 1)
    matrix = np.triu(matrix) + np.swapaxes(upper, 1, 2)
    diagonal = np.einsum("nii->ni", matrix)
    scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), 0.0)
    matrix = matrix * scale[:, :, None] * scale[:, None, :]
    matrix[:, np.arange(size), np.arange(size)] = 1 + 1e-13  # also where nothing can move: the step there is zero
    return (scale * np.linalg.solve(matrix, (scale * gap.reshape(n, size))[..., None])[..., 0]).reshape(gap.shape)
