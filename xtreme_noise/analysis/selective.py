"""Selective prediction: what a model gets right if it may leave out the predictions that it is least sure of.

Predictions are taken in the order of their confidence. Coverage is the share taken; the selective accuracy at a
coverage is the share right of those taken; the risk is one minus it, and the area under the risk-coverage curve (AURC)
is the mean risk over the coverages 1/n, 2/n, ..., 1. Noise that costs accuracy raises the AURC also where confidence
ranks predictions as well as before.

Equal confidences are in random order: all values are means over these orders, so that the order of items does not
matter.

Sources: R. El-Yaniv and Y. Wiener, On the foundations of noise-free selective classification, JMLR 11 (2010); Y.
Geifman and R. El-Yaniv, Selective classification for deep neural networks, NeurIPS 2017; Y. Geifman et al.,
Bias-reduced uncertainty estimation for deep neural classifiers, ICLR 2019 (AURC).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
COVERAGE = 0.8


@dataclass(frozen=True)
class Ranked:
    """Predictions by distinct confidence, the surest first: how many there are, and how many of them are wrong.

    count, wrong: (distinct confidences, resamples); counts are whole numbers. upto, wrong_upto: their sums so far.
    """

    count: Floats
    wrong: Floats
    upto: Floats
    wrong_upto: Floats


def ranked(confidence: ArrayLike, correct: ArrayLike, weights: Floats) -> Ranked:
    """confidence, correct: (items,); weights: (resamples, items), how often each item counts, whole numbers."""
    _, group = np.unique(-np.asarray(confidence, float), return_inverse=True)
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    count = weights.T[order]
    wrong = count * ~np.asarray(correct, bool)[order, None]
    if len(first) < len(order):
        count, wrong = np.add.reduceat(count, first), np.add.reduceat(wrong, first)
    return Ranked(count, wrong, np.cumsum(count, axis=0), np.cumsum(wrong, axis=0))


def selective_accuracy(predictions: Ranked, coverage: float = COVERAGE) -> Floats:
    """(resamples,) share right of the surest `coverage` of the predictions, in [0, 1]; NaN without predictions.

    A coverage that ends within a prediction, or within equally sure ones, takes that part of them.
    """
    wanted = coverage * predictions.upto[-1]
    last = (predictions.upto < wanted * (1 - 1e-12)).sum(axis=0)  # but for rounding
    at = last, np.arange(len(last))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = predictions.wrong[at] / predictions.count[at]
        wrong = predictions.wrong_upto[at] - (predictions.upto[at] - wanted) * rate
        return np.asarray(1 - wrong / wanted)


def risk_coverage_area(predictions: Ranked) -> Floats:
    """(resamples,) AURC in [0, 1], lower is better; NaN without predictions.

    Within w equally sure predictions, e of them wrong, after C with E wrong, the mean number of wrong ones among the
    first j is E + e j / w. With harmonic numbers H the sum of their risks (E + e j / w) / (C + j) is
    e + (E - e C / w) (H(C + w) - H(C)).
    """
    count, wrong, upto = predictions.count, predictions.wrong, predictions.upto
    total = upto[-1]
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, int(total.max()) + 1))])
    steps = np.diff(harmonic[upto.astype(np.intp)], axis=0, prepend=0.0)
    rate = np.divide(wrong, count, out=np.zeros_like(count), where=count > 0)
    before = predictions.wrong_upto - wrong - rate * (upto - count)
    with np.errstate(invalid="ignore"):
        return np.asarray((predictions.wrong_upto[-1] + np.einsum("ij,ij->j", before, steps)) / total)
