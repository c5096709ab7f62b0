"""Export licences: a limit that is a share of what exports would be in the market without licences, known only once that is solved."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np

from floormodel.equilibrium.state import State
from floormodel.equilibrium.terms import Row, Terms

NOTHING = 1e-9  # of the good's benchmark output: desired exports below it count as this much


def without_licences(terms: Terms) -> Terms:
    """The same terms with the rents of all licences held at zero."""
    out = copy.copy(terms)
    out.unknowns = list(terms.unknowns)
    for licence in terms.licences:
        unknown = out.unknowns[licence.unknown]
        out.unknowns[licence.unknown] = replace(unknown, upper=unknown.lower, export_levy=None, row=Row())
    return out


def grant_licences(terms: Terms, free: State) -> Terms:
    """The terms with each licence's row: 1 - exports / (share x desired), desired exports being those of the state `free`."""
    out = copy.copy(terms)
    out.unknowns = list(terms.unknowns)
    for licence in terms.licences:
        unknown = out.unknowns[licence.unknown]
        if unknown.export_levy is None:  # its routes are shut
            continue
        desired = np.where(licence.mask, free.flow[licence.good], 0.0).sum((1, 2))
        least = NOTHING * terms.benchmark.output0[:, licence.good].sum(-1)
        limit = licence.share * np.maximum(desired, least)
        out.unknowns[licence.unknown] = replace(unknown, row=Row(constant=1.0, flow=licence.mask / -limit[:, None, None]))
    return out
