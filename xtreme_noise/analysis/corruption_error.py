"""Errors under noise as a share of those of a reference system.

Source: D. Hendrycks and T. Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations,
ICLR 2019: CE of a noise family (there: corruption) is the sum of a system's errors over the levels divided by that of
the reference; mCE is its mean over noise families. They use AlexNet as the reference.
"""

from __future__ import annotations

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats


def corruption_error(errors: Floats, reference: Floats) -> Floats:
    """CE: sum of the errors / sum of the reference's, over levels.

    errors, reference: (levels, ...), errors in [0, 1] of the same levels. Below 1: fewer errors under noise than the
    reference has. NaN where the reference makes no error.
    """
    return _ratio(errors.sum(axis=0), reference.sum(axis=0))


def relative_corruption_error(errors: Floats, clean: Floats, reference: Floats, reference_clean: Floats) -> Floats:
    """Relative CE: the same of the errors that noise adds, error - clean error.

    errors, reference: (levels, ...); clean, reference_clean: (...). Below 1: noise adds fewer errors than it does to
    the reference. NaN where it adds none to the reference, or takes some away: there is nothing to compare with.
    """
    return _ratio((errors - clean).sum(axis=0), (reference - reference_clean).sum(axis=0))


def _ratio(part: Floats, whole: Floats) -> Floats:
    found: Floats = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=found, where=np.asarray(whole) > 1e-12)  # above rounding
    return found
