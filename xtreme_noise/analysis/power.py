"""The smallest difference that a study could have seen, from its own standard error.

Source: H. S. Bloom, Minimum detectable effects, Evaluation Review 19 (1995); here with the noncentral t distribution in
place of its sum of two quantiles, which is off at few degrees of freedom.
"""

from __future__ import annotations

import numpy as np

ALPHA = 0.05
POWER = 0.8
STEPS = 1_000  # of the distribution of an estimated standard error


def smallest_difference(se: float, df: float) -> float | None:
    """The true difference that a two-sided t test finds with probability POWER at level ALPHA; None where se is 0.

    se: of the estimate, > 0; df: its degrees of freedom, > 0.
    """
    if se <= 0:
        return None
    from scipy import optimize, special  # take a while to import, and not every report needs them

    # The noncentral t over the distribution of its denominator: SciPy's own is nan at few degrees of freedom.
    quantiles = (np.arange(STEPS) + 0.5) / STEPS
    border = special.stdtrit(df, 1 - ALPHA / 2) * np.sqrt(2 * special.gammaincinv(df / 2, quantiles) / df)

    def missing(shift: float) -> float:
        return float(np.mean(special.ndtr(shift - border) + special.ndtr(-border - shift))) - POWER

    return float(optimize.brentq(missing, 0.0, float(border[-1]) + 8.0)) * se


def smallest_of_these_runs(item_se: float) -> float | None:
    """The same of an estimate that is conditional on its runs: normal, over test items alone."""
    from scipy import special  # takes a while to import, and not every report needs it

    return (float(special.ndtri(1 - ALPHA / 2)) + float(special.ndtri(POWER))) * item_se if item_se > 0 else None
