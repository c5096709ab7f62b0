"""What a latent plant costs: the margin over its inputs at which the representative plant of projects.csv just pays.

The viability page asks at which price the net present value of that plant is zero; a latent plant enters around the
same price, so both say the same of one plant.
"""

from __future__ import annotations

import numpy as np

from calibration.figures import ASSUMPTION, Figure
from floormodel.finance.project import Project, incentive_price

DRAWS, SEED = 10_000, 2024
ENDS = (0.05, 0.95)


def entry_cost(project: Project, input_cost: float, year: str) -> Figure:
    """Unit cost of a latent plant, whole USD per t of product, inputs apart.

    Centre: the incentive price (`floormodel.finance.project.incentive_price`) less `input_cost`, USD/t of product, at
    central costs; working capital is tied up in inputs too, which is why they matter. Low and high: the 5 and 95 %
    quantiles over 10 000 draws of the costs.
    """
    centre = float(incentive_price(project, input_cost)) - input_cost
    drawn = incentive_price(project.drawn(DRAWS, SEED), input_cost) - input_cost
    low, high = np.quantile(drawn, ENDS)
    note = (f"price less inputs at which {project.name} of projects.csv just earns its hurdle; range: 5 to 95 % over "
            "draws of its costs")
    return Figure(round(centre), "USD/t", round(float(low)), round(float(high)), year, ASSUMPTION, note)
