"""What a policy does to the next stage of the chain: protection of processors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floormodel.errors import DataError

Array = NDArray[np.float64]


def effective_rate_of_protection(output_rate: ArrayLike, input_rate: ArrayLike, input_share: ArrayLike) -> Array:
    """Share by which value added at domestic prices exceeds value added at world prices (Corden 1966).

    (output_rate - input_share x input_rate) / (1 - input_share). `output_rate` is the ad valorem wedge between the
    domestic and the world price of the product, `input_rate` the same for the input (a floor's gap counts; an export
    tax on the input is a negative wedge for users at home), `input_share` the input's share of the product's value at
    world prices, below 1. Any shapes that broadcast. Raises DataError for an input share outside 0..1.
    """
    share = np.asarray(input_share, dtype=float)
    if np.any((share < 0) | (share >= 1)):
        raise DataError("effective protection: expected an input share from 0 to below 1")
    return (np.asarray(output_rate, dtype=float) - share * np.asarray(input_rate, dtype=float)) / (1 - share)
