"""The power of a t test: the smallest difference that a study could have seen, from its own standard error.

Source: H. S. Bloom, Minimum detectable effects, Evaluation Review 19 (1995); here with the noncentral t distribution in
place of its sum of two quantiles, which is off at few degrees of freedom.
"""

from __future__ import annotations

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats

ALPHA = 0.05
POWER = 0.8
STEPS = 1_000  # of the distribution of an estimated variance


def smallest_difference(se: float, df: float, deviation: float | None = None) -> float | None:
    """The true difference that a two-sided t test finds with probability POWER at level ALPHA; None where se is 0.

    se: of the estimate, > 0; df: its degrees of freedom, > 0. deviation: the standard deviation that the estimate is
    taken to have, if se is larger on purpose (seeds.py); None: se.
    """
    deviation = se if deviation is None else deviation
    if min(se, deviation) <= 0:
        return None
    from scipy import special  # takes a while to import, and not every report needs it

    # The noncentral t over the distribution of its denominator: SciPy's own is nan at few degrees of freedom.
    border: Floats = special.stdtrit(df, 1 - ALPHA / 2) * np.sqrt(estimated_variances(df))
    return found_with_power(border * se / deviation) * deviation


def smallest_of_these_runs(item_se: float) -> float | None:
    """The same of an estimate that is conditional on its runs: normal, over test items alone."""
    from scipy import special  # takes a while to import, and not every report needs it

    return (float(special.ndtri(1 - ALPHA / 2)) + float(special.ndtri(POWER))) * item_se if item_se > 0 else None


def estimated_variances(df: float) -> Floats:
    """(STEPS,) equally likely values of an estimated variance whose true value is 1: chi-square / df."""
    from scipy import special  # takes a while to import, and not every report needs it

    return np.asarray(2 * special.gammaincinv(df / 2, (np.arange(STEPS) + 0.5) / STEPS) / df)


def power(shift: float, border: Floats) -> float:
    """The probability that a normal estimate around `shift` with standard deviation 1 is outside +-border.

    border: (any,) equally likely values of the product of the critical value and the estimated standard error.
    """
    from scipy import special  # takes a while to import, and not every report needs it

    return float(np.mean(special.ndtr(shift - border) + special.ndtr(-border - shift)))


def found_with_power(border: Floats) -> float:
    """The shift that is outside +-border with probability POWER (see `power`); 0 if even no shift is that often."""
    from scipy import optimize  # takes a while to import, and not every report needs it

    if power(0.0, border) >= POWER:
        return 0.0
    return float(optimize.brentq(lambda shift: power(shift, border) - POWER, 0.0, float(border.max()) + 8.0))
