"""A number of several training runs together, as one value for each run.

The mean of these values is the number, and their variance / runs its jackknife variance, so that seeds.py serves for
statistics that are not means over runs, such as a line through all of them. For a mean they are the runs' own values.

Source: J. W. Tukey, Bias and confidence in not-quite large samples, Annals of Mathematical Statistics 29 (1958); Efron
and Tibshirani, An Introduction to the Bootstrap (1993), ch. 11. Here the values are centred on the number itself, not
on the bias-corrected one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.analysis.bootstrap import Floats


def by_run(statistic: Callable[[NDArray[np.intp]], float], runs: int) -> Floats:
    """(runs,): whole + (runs - 1) x (mean of all without one run - without this run).

    statistic: the number from some of the runs, given their positions. A single run has the number itself.
    """
    every = np.arange(runs)
    whole = statistic(every)
    if runs == 1:
        return np.array([whole])
    without = np.array([statistic(np.delete(every, run)) for run in range(runs)])
    return np.asarray(whole + (runs - 1) * (without.mean() - without))
