"""Duties on what goods contain of an input, and their rebates: what a floor and a stand-alone adjustment share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from floormodel.equilibrium.benchmark import Array
from floormodel.equilibrium.terms import Content, Terms

NOTHING = np.zeros(0)  # tonnes and references that add_content fills in


def content(recipe: Array, made_with: int, good: int) -> Array:
    """Tonnes of one good per tonne of another through all recipes, (B,): entry of the Leontief inverse (case ind06)."""
    size = recipe.shape[-1]
    full = np.linalg.inv(np.eye(size) - recipe)
    return np.where(made_with == good, 0.0, full[:, good, made_with])


def add_content(terms: Terms, duty: Content) -> None:
    """Add a content duty, or a rebate, without its tonnes and references, which follow from the benchmark.

    On a route only the stage of input nearest to the good counts, and of one stage the stricter rule: "to_floor" before "neutral", then
    the higher level.
    """
    b, good, made_with, taken = terms.benchmark, duty.good, duty.made_with, duty.mask
    buys = np.any(b.use0[:, made_with] > 0, axis=0)
    abroad = taken.any(axis=0 if duty.rebate else 1)
    largest = int(np.argmax(np.where(abroad, b.output0[:, made_with].mean(0), -1.0)))
    for i, c in enumerate(terms.contents):
        if c.good != good or c.rebate != duty.rebate:
            continue
        stricter = (not duty.neutral, np.mean(duty.level)) > (not c.neutral, np.mean(c.level))
        nearer = c.made_with > made_with and np.any(content(b.recipe, made_with, c.made_with) > 0)
        if nearer or (c.made_with == made_with and not stricter):
            taken = taken & ~c.mask
        elif c.made_with == made_with or (c.made_with < made_with and np.any(content(b.recipe, c.made_with, made_with) > 0)):
            terms.contents[i] = replace(c, mask=c.mask & ~taken)
    terms.contents.append(replace(duty, mask=taken, tonnes=content(b.recipe, made_with, good), reference=np.where(buys, -1, largest)))
