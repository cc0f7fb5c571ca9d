"""Consistency of two rankings of the same candidates: RankC, and what is shown beside it.

RankC (J. Qi, R. Fernandez and A. Bisazza, Cross-lingual consistency of factual knowledge in multilingual language
models, EMNLP 2023, arXiv 2310.10378) is the mean over queries of sum over j of w_j |top_j(r) & top_j(r')| / j: 1 for
equal rankings. Its weights fall with the depth j. The paper's softmax of n - j + 1 gives the first five ranks all but
.7 % of the weight whatever the number n of candidates, so that lists of 20 are better compared with norm1 or with
rank-biased overlap (W. Webber, A. Moffat and J. Zobel, A similarity measure for indefinite rankings, ACM TOIS 28, 2010:
RBO_EXT for lists of equal length, p = .9), which are other weights of the same sum.

Random rankings are consistent, too: `random_baseline`. With two or three candidates RankC is little else than agreement
on the first: agreement and Cohen's kappa (A coefficient of agreement for nominal scales, 1960) are shown there. And
consistency rises with accuracy alone: `overlap` is the paper's COverlap, the Jaccard index of what is right.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
WEIGHTS = ("softmax", "norm1", "norm2", "rbo")
PERSISTENCE = 0.9  # p of rank-biased overlap: the first ten ranks have 86 % of its weight
FEW = 3  # up to so many candidates, agreement and kappa stand for RankC


def weights(kind: str, length: int) -> Floats:
    """(length,) w_j for the depths j = 1 .. length of a ranking; they sum to 1."""
    depth = np.arange(1, length + 1)
    if kind == "rbo":
        found: Floats = np.power(PERSISTENCE, depth - 1.0) * (1 - PERSISTENCE)
        found[-1] += PERSISTENCE**length
        return found
    # The exponents are shifted by their maximum: e ** 710 is beyond the numbers of a computer.
    shape = {
        "softmax": np.exp(1.0 - depth),
        "norm1": length + 1.0 - depth,
        "norm2": (length + 1.0 - depth) ** 2,
    }[kind]
    return np.asarray(shape / shape.sum())


def places(scores: ArrayLike) -> Places:
    """The place of each candidate in the ranking by falling scores, from 1; ties by position.

    scores: (queries, candidates), -inf for candidates that a query does not have.
    """
    order = np.argsort(-np.asarray(scores, float), axis=1, kind="stable")
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(1, order.shape[1] + 1), axis=1)
    return found


def joint(first: NDArray[np.intp], second: NDArray[np.intp]) -> Places:
    """The depth from which on each candidate of the first list is in both; length + 1 if it is not in the second.

    first, second: (queries, length) numbers of the ranked candidates, best first, without repetition.
    """
    length = first.shape[1]
    found = np.full(first.shape, length + 1, dtype=np.intp)
    for place in range(length):
        query, at = np.nonzero(first == second[:, place, None])
        found[query, at] = np.maximum(at, place) + 1
    return found


def rank_consistency(depths: Places, lengths: ArrayLike, kind: str) -> Floats:
    """(queries,) sum over j of w_j |top_j(r) & top_j(r')| / j, in [0, 1].

    depths: (queries, candidates), the depth from which on a candidate is in both rankings: of `joint`, or the maximum
    of its two places; beyond the length of the rankings it does not count. lengths: (queries,) of the rankings.
    """
    length = np.asarray(lengths, np.intp)
    return np.asarray(_gains(kind, int(length.max()), depths.shape[1] + 1)[length[:, None], depths].sum(axis=1))


@lru_cache(maxsize=64)
def _gains(kind: str, longest: int, deepest: int) -> Floats:
    """What a candidate adds: (length of the ranking, depth) -> sum over j >= depth of w_j / j."""
    found = np.zeros((longest + 1, max(longest, deepest) + 1))
    for length in range(1, longest + 1):
        shares = weights(kind, length) / np.arange(1, length + 1)
        found[length, 1 : length + 1] = np.cumsum(shares[::-1])[::-1]
    return found


def random_baseline(lengths: ArrayLike, candidates: ArrayLike, kind: str) -> Floats:
    """The expected consistency of independent random rankings: sum over j of w_j j / candidates.

    lengths: of the rankings; candidates: how many there are to choose from, of which the rankings hold the first.
    """
    length = np.asarray(lengths, np.intp)
    mean = np.zeros(int(length.max()) + 1)
    for n in np.unique(length):
        mean[n] = weights(kind, int(n)) @ np.arange(1, n + 1)
    return np.asarray(mean[length] / np.asarray(candidates, float))


def above_random(value: ArrayLike, random: ArrayLike) -> Floats:
    """(value - random) / (1 - random): 0 for random rankings, 1 for equal ones."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((np.asarray(value, float) - random) / (1 - np.asarray(random, float)))


def mean(values: ArrayLike, drawn: Floats) -> Floats:
    """(resamples, columns) means of (queries, columns). drawn: (resamples, queries), how often each query counts; NaN
    for a resample without weight.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(drawn @ np.asarray(values, float) / drawn.sum(axis=1, keepdims=True))


def kappa(first: ArrayLike, second: ArrayLike, drawn: Floats) -> Floats:
    """(resamples,) Cohen's kappa of two classifications (queries,): agreement above that of independent ones with the
    same frequencies; NaN where both have one and the same class throughout. drawn: as in `mean`.
    """
    one, other = np.asarray(first), np.asarray(second)
    classes = np.unique(np.concatenate([one, other]))
    shares = [mean(labels[:, None] == classes, drawn) for labels in (one, other)]
    agreed = mean((one == other)[:, None], drawn)[:, 0]
    return above_random(agreed, (shares[0] * shares[1]).sum(axis=1))


def overlap(first: ArrayLike, second: ArrayLike, drawn: Floats) -> Floats:
    """(resamples,) COverlap: queries that are right in both, over those that are right in either; NaN if none is.

    first, second: (queries,) whether each is right. drawn: as in `mean`.
    """
    one, other = np.asarray(first, bool), np.asarray(second, bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((drawn @ (one & other).astype(float)) / (drawn @ (one | other).astype(float)))
