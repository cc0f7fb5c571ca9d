"""The worst case over several conditions, such as noise families.

The condition with the largest measured loss is partly the one with the largest error: the expected maximum of several
estimates is above the largest of the true losses (J. E. Smith and R. L. Winkler, The optimizer's curse, Management
Science 52 (2006)). So the maximum is taken anew in every training run and in every resample of the test items, never of
one condition that was chosen before; then the interval contains the error of the choice, and the resamples say how far
the maximum is off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats


@dataclass(frozen=True)
class WorstCase:
    """The largest loss of each run.

    values: (runs,); drawn: (runs, resamples), None if there are none. shares: (conditions,) of the runs and resamples
    in which each is the worst, equal ones sharing; they add up to 1, or are NaN if the loss is never defined.
    """

    values: Floats
    drawn: Floats | None
    shares: Floats


def worst_case(values: Floats, drawn: Floats | None) -> WorstCase:
    """The worst case of losses, larger is worse; NaN where the loss of some condition is.

    values: (conditions, runs). drawn: (conditions, runs, resamples), the same resamples of test items in all of them.
    """
    return WorstCase(np.max(values, axis=0), None if drawn is None else np.max(drawn, axis=0), _shares(values, drawn))


def _shares(values: Floats, drawn: Floats | None) -> Floats:
    losses = (values if drawn is None else drawn).reshape(len(values), -1)
    losses = losses[:, ~np.isnan(losses).any(axis=0)]
    if not losses.size:
        return np.full(len(values), np.nan)
    worst = (losses == losses.max(axis=0)).astype(float)
    return np.asarray((worst / worst.sum(axis=0)).mean(axis=1))
