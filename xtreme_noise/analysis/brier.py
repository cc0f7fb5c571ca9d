"""The Brier score: the squared error of the probabilities of all classes.

Source: G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78 (1950).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def brier(probabilities: ArrayLike, right: NDArray[np.intp]) -> NDArray[np.float64]:
    """sum_k (p_k - [k is right])^2 of every prediction: (items,), in [0, 2], lower is better.

    probabilities: (items, classes); right: (items,) the right class of each.
    """
    p = np.asarray(probabilities, float)
    return np.asarray((p**2).sum(axis=1) - 2 * p[np.arange(len(p)), right] + 1)
