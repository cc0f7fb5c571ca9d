"""Calibration: how far the confidence of predictions is from the share of them that is right.

A confidence is the probability that the model gives to its prediction. Predictions are sorted into bins by it; the
expected calibration error (ECE) is the mean over bins of |share right - mean confidence|, weighted by their predictions
(C. Guo et al., On calibration of modern neural networks, ICML 2017). Bins of equal width are almost empty where the
model is hardly ever so sure; bins of equal mass hold as many predictions each (J. Nixon et al., Measuring calibration
in deep learning, CVPR Workshops 2019).

An ECE is never negative, so that chance adds to it: few predictions give a model that is perfectly calibrated an ECE
well above 0 (A. Kumar et al., Verified uncertainty calibration, NeurIPS 2019). `error_of_chance` says how much.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bins = NDArray[np.intp]
BINS = 15


def equal_width(confidence: ArrayLike, bins: int = BINS) -> Bins:
    """The bin of each confidence in [0, 1]: (low, high] with borders at k / bins, as in Guo et al."""
    borders = np.linspace(0.0, 1.0, bins + 1)
    return np.clip(np.searchsorted(borders, np.asarray(confidence, float), side="left") - 1, 0, bins - 1)


def equal_mass(confidence: ArrayLike, bins: int = BINS) -> Bins:
    """The bin of each confidence, by its rank. Equal confidences share a bin, so that the order of predictions does not
    matter; bins are then not quite equal.
    """
    _, value, counts = np.unique(np.asarray(confidence, float), return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    found: Bins = np.floor(middle * bins / counts.sum()).astype(np.intp)[value]
    return found


def calibration_error(confidence: ArrayLike, correct: ArrayLike, bin_of: Bins, weights: Floats) -> Floats:
    """(resamples,) ECE in [0, 1]; NaN for a resample without weight.

    confidence, correct, bin_of: (items,); weights: (resamples, items), how often each item counts.
    """
    gap = np.asarray(correct, float) - np.asarray(confidence, float)
    in_bin = np.zeros((len(gap), int(bin_of.max()) + 1))
    in_bin[np.arange(len(gap)), bin_of] = gap
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(weights @ in_bin).sum(axis=1) / weights.sum(axis=1))


def error_of_chance(confidence: ArrayLike, bin_of: Bins) -> float:
    """The ECE to expect, with these confidences and bins, of a model whose predictions are right with just the
    probability of their confidence.

    The gap of a bin is then a sum of independent deviations with variance sum(p (1 - p)), taken as normal: its mean
    size is sqrt(2 / pi) standard deviations.
    """
    p = np.asarray(confidence, float)
    variance = np.bincount(bin_of, p * (1 - p))
    return float(np.sqrt(2 / np.pi * variance).sum() / len(p))
