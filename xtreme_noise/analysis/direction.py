"""The direction of metrics. Measures of robustness use the share that is right; an error rate is converted to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# By name, so that the report need not import the metrics; a test compares this with them.
LOWER_IS_BETTER = frozenset({"error_rate"})


def rightness(metric: str | None, score: ArrayLike) -> NDArray[np.float64]:
    """The score where higher is better, 1 - score where lower is: in [0, 1], higher is better."""
    values = np.asarray(score, float)
    return 1.0 - values if metric in LOWER_IS_BETTER else values
