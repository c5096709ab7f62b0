"""A whole chain of goods made to balance at once, each figure moved by how uncertain it is.

Supply and use of every good g in every region r,

    X + S - dS = sum_d q[r, d]    and    sum_o q[o, r] = D + sum_k A[k, g] X[k, r],

are met by the figures that minimise

    sum_k KL(x_k | prior_k) / v_k + sum_k (dS_k - prior_k)^2 / (2 v_k),    KL(a | b) = a log(a / b) - a + b

v in tonnes: the central figure times its squared relative spread, for a stock change its variance. Output and recycled tonnes of a node
whose errors are correlated (parts of one known total) have instead the one term d' V^-1 d / 2, d their distances from the prior and V
their covariance. To first order that is the mean of figures with these covariances given that they balance, and of priors drawn from
their distributions it makes draws from the distribution given the balances (Matheron's rule). Figures that are zero stay zero.

A recipe that is uncertain moves too, log A[k, g] = log prior + u sum_r m[g, r] A[k, g] X[k, r] with A X as in the prior and u its squared
relative spread: to first order that adds log(A / prior)^2 / (2 u) to the objective. Held fast, its error would go to the tonnes. The
multipliers l (supply) and m (use) of the balances are found by Newton's method with the step log(1 + d) / d, d the largest change of a log
figure in it, which with recipes given comes down from any start (Sun and Tran-Dinh 2019, generalised self-concordant functions).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

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


class Prior(NamedTuple):
    """Figures and recipes as drawn."""

    chain: Chain
    recipe: Array

    def at(self, draws: NDArray[np.int64]) -> Prior:
        return Prior(self.chain.at(draws), self.recipe[draws])


class Uncertainty(NamedTuple):
    """Spreads and covariances, as `reconcile` takes them."""

    spread: Chain
    joint: Array
    recipe: Array


def reconcile(prior: Chain, spread: Chain, recipe: Array, recipe_spread: Array | None = None,
              joint: Array | None = None) -> tuple[Chain, Array, NDArray[np.bool_]]:
    """Balanced figures and recipes over draws, and which draws (n,) the uncertain figures could not balance.

    Parameters
    ----------
    prior : figures as drawn, not negative but for `stock`
    spread : v of each figure (1, ...), tonnes (`stock`: tonnes squared); 0 keeps the figure as it is
    recipe : (n, G, H), tonnes of h per tonne of g
    recipe_spread : u of each recipe (1, G, H), without a unit; all 0 by default
    joint : (1, G, R), covariance of a node's output and recycled tonnes, tonnes squared; where it is not 0 the spreads of the two are
        variances, tonnes squared, too

    A draw is balanced to 1e-11 of the tonnes at each node; one that balances to that already is returned as it is, bit for bit. A draw
    cannot be balanced where a node that may move has neither a route nor a stock nor a use that may move with it, or one of two
    correlated figures would not stay positive.
    """
    uncertain = Uncertainty(spread, np.zeros_like(spread.output) if joint is None else joint,
                            np.zeros((1, *recipe.shape[1:])) if recipe_spread is None else recipe_spread)
    with np.errstate(over="ignore", invalid="ignore"):  # draws that run away are told, not refused
        blocks = [_block(Prior(prior.at(rows), recipe[rows]), uncertain)
                  for rows in (slice(i, i + BLOCK) for i in range(0, len(recipe), BLOCK))]
    chain = Chain(*(np.concatenate([getattr(part, f.name) for part, _, _ in blocks]) for f in fields(Chain)))
    return chain, np.concatenate([used for _, used, _ in blocks]), np.concatenate([left_open for *_, left_open in blocks])


def gaps(chain: Chain, recipe: Array) -> tuple[Array, Array]:
    """What supply and use leave open at each node (n, 2, G, R), tonnes, and the tonnes that go through it."""
    out, into = chain.flow.sum(3), chain.flow.sum(2)
    made = chain.output + chain.secondary
    need = np.einsum("ngh,ngr->nhr", recipe, chain.output)
    gap = np.stack([made - chain.stock - out, into - chain.demand - need], axis=1)
    return gap, np.stack([np.maximum(made, out), np.maximum(into, chain.demand + need)], axis=1)


def _block(prior: Prior, uncertain: Uncertainty) -> tuple[Chain, Array, NDArray[np.bool_]]:
    """Balanced draws of one block, their recipes, and which of them stay open."""
    multipliers = np.zeros((len(prior.recipe), 2, *prior.chain.output.shape[1:]))
    on = np.arange(len(multipliers))
    held = [np.array(getattr(prior.chain, f.name)) for f in fields(Chain)] + [np.array(prior.recipe)]
    bad = np.zeros(len(on), bool)
    for turn in range(PATIENCE + 1):
        *figures, recipe = (array[on] for array in held)
        now = Chain(*figures)
        gap, through = gaps(now, recipe)
        lost = ~np.all(np.isfinite(through), axis=(1, 2, 3)) | (turn == PATIENCE)
        still = np.any(np.abs(gap) > CLOSE * through, axis=(1, 2, 3))
        bad[on[still & lost]] = True
        still &= ~lost
        on, now, recipe, gap = on[still], now.at(still), recipe[still], gap[still]
        if len(on) == 0:
            break
        start = prior.at(on)
        step = _newton_step(now, recipe, start, uncertain, gap)
        far = np.max([np.max(np.abs(move.reshape(len(on), -1)), axis=1) for move in _moves(step, start, uncertain)], axis=0)
        length = np.where(far > 0, np.log1p(far) / np.where(far > 0, far, 1.0), 1.0)
        multipliers[on] += length[:, None, None, None] * step
        for array, moved in zip(held, _at(multipliers[on], start, uncertain)):
            array[on] = moved
    *figures, recipe = held
    crossed = np.any((uncertain.joint != 0) & ((held[0] < 0) | (held[1] < 0)), axis=(1, 2))
    return Chain(*figures), recipe, bad | crossed


def _moves(multipliers: Array, prior: Prior, uncertain: Uncertainty) -> tuple[Array, ...]:
    """Change of output, secondary, demand, flow and recipe at these multipliers of supply and use (n, 2, G, R): of the log, or relative
    to the prior where output and secondary are correlated."""
    (chain, recipe), (spread, joint, loose) = prior, uncertain
    supply, use = multipliers[:, 0], multipliers[:, 1]
    worth = np.einsum("ngh,nhr->ngr", recipe, use) - supply
    output, secondary = spread.output * worth - joint * supply, joint * worth - spread.secondary * supply
    for move, start in ((output, chain.output), (secondary, chain.secondary)):
        np.divide(move, start, out=move, where=(joint != 0) & (start > 0))
    return (output, secondary, spread.demand * use, spread.flow * (supply[:, :, :, None] - use[:, :, None, :]),
            loose * recipe * np.einsum("nhr,ngr->ngh", use, chain.output))


def _at(multipliers: Array, prior: Prior, uncertain: Uncertainty) -> tuple[Array, ...]:
    """Figures at the multipliers, in the order of Chain's fields, and recipes."""
    output, secondary, demand, flow, recipe = _moves(multipliers, prior, uncertain)
    chain, paired = prior.chain, uncertain.joint != 0
    output, secondary = (np.where(paired, 1 + move, np.exp(np.where(paired, 0.0, move))) for move in (output, secondary))
    return (chain.output * output, chain.secondary * secondary, chain.stock + uncertain.spread.stock * multipliers[:, 0],
            chain.demand * np.exp(demand), chain.flow * np.exp(flow), prior.recipe * np.exp(recipe))


def _newton_step(chain: Chain, recipe: Array, prior: Prior, uncertain: Uncertainty, gap: Array) -> Array:
    """Step of the multipliers (n, 2, G, R): the gaps' derivatives, positive definite, are scaled to a unit diagonal."""
    spread, joint, loose = uncertain
    n, goods, regions = chain.output.shape
    x, s = (np.where(joint != 0, v, v * now) for v, now in ((spread.output, chain.output), (spread.secondary, chain.secondary)))
    flow = spread.flow * chain.flow
    g, r = np.arange(goods), np.arange(regions)
    h = np.zeros((n, 2, goods, regions, 2, goods, regions))
    one, two = np.ix_(g, r)
    h[:, 0, one, two, 0, one, two] += x + s + 2 * joint + spread.stock + flow.sum(3)
    h[:, 1, one, two, 1, one, two] += spread.demand * chain.demand + flow.sum(2)
    a, o, d = np.ix_(g, r, r)
    h[:, 0, a, o, 1, a, d] -= flow
    h[:, 1, a, d, 0, a, o] -= flow
    turned = loose * recipe * prior.recipe
    h[:, 1, a, o, 1, a, d] += np.einsum("nkg,nko,nkd->ngod", turned, chain.output, prior.chain.output)
    a, b, o = np.ix_(g, g, r)
    h[:, 0, a, o, 1, b, o] -= prior.recipe[:, :, :, None] * (x + joint)[:, :, None, :]
    h[:, 1, b, o, 0, a, o] -= recipe[:, :, :, None] * (x + joint)[:, :, None, :]
    h[:, 1, a, o, 1, b, o] += np.einsum("nkg,nkh,nkr->nghr", recipe, prior.recipe, x)
    size = 2 * goods * regions
    matrix = h.reshape(n, size, size)
    diagonal = np.einsum("nii->ni", matrix)
    scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), 0.0)
    matrix = matrix * scale[:, :, None] * scale[:, None, :]
    matrix[:, np.arange(size), np.arange(size)] = 1 + 1e-13  # also where nothing can move: the step there is zero
    return (scale * np.linalg.solve(matrix, (scale * gap.reshape(n, size))[..., None])[..., 0]).reshape(gap.shape)
