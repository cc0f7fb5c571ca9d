"""Effective robustness: how far a system is above the noisy score that its clean score predicts.

The prediction is a line through the log-odds of baseline systems, noisy on clean, by least squares. A system above it
is more robust than a baseline with the same clean score would be; one that only has a higher clean score lies on it.

Sources: R. Taori, A. Dave, V. Shankar, N. Carlini, B. Recht and L. Schmidt, Measuring Robustness to Natural
Distribution Shifts in Image Classification, NeurIPS 2020; J. Miller et al., Accuracy on the Line, ICML 2021 (there the
scale is the probit, here the logit).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats

LEAST_BASELINES = 3
LEAST_SPAN = 0.5  # log-odds: from a score of .50 to .62, or of .80 to .87


@dataclass(frozen=True)
class Line:
    """noisy = intercept + slope x clean, in log-odds; NaN where all baselines have one clean score."""

    slope: Floats
    intercept: Floats

    def residual(self, clean: Floats, noisy: Floats) -> Floats:
        """What a system has above the line, in log-odds: positive is more robust than its clean score predicts."""
        return np.asarray(noisy - self.intercept - self.slope * clean)


def fit(clean: Floats, noisy: Floats) -> Line:
    """The least-squares line through points (points, ...): one line for every place behind the first axis."""
    centre = clean.mean(axis=0)
    across = clean - centre
    spread = (across**2).sum(axis=0)
    slope: Floats = np.full(np.shape(spread), np.nan)
    np.divide((across * noisy).sum(axis=0), spread, out=slope, where=np.asarray(spread) > 1e-12)
    return Line(slope, np.asarray(noisy.mean(axis=0) - slope * centre))


def enough(clean: Floats) -> bool:
    """Whether baselines determine a line: LEAST_BASELINES distinct clean scores over LEAST_SPAN or more.

    clean: (baselines,), log-odds, one for each baseline (a mean over its training seeds: the spread over seeds is
    mostly error, which would make the line too flat).
    """
    known = clean[~np.isnan(clean)]
    distinct = np.unique(np.round(known, 9))
    return len(distinct) >= LEAST_BASELINES and bool(distinct[-1] - distinct[0] >= LEAST_SPAN)


def outside(clean: float, baselines: Floats) -> bool:
    """Whether a clean score is beyond those of the baselines, so that the line is extrapolated."""
    return not float(baselines.min()) <= clean <= float(baselines.max())
