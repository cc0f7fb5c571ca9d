"""Bitext mining: finding the translations in two corpora by sentence vectors.

The score of a pair is its cosine divided by the mean cosine of both sentences with their nearest neighbours (ratio
margin). The best pair of every sentence, from both sides, is chosen in the order of scores, each sentence once. Source:
M. Artetxe and H. Schwenk, Margin-based parallel corpus mining with multilingual sentence embeddings, ACL 2019, as in
XTREME's BUCC.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.search import Matrix, top_k

NEIGHBOURS = 4
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class MinedPairs(NamedTuple):
    """Pairs, best first: a row of each side, and the score, above 0. No row occurs twice."""

    left: Rows
    right: Rows
    scores: Floats


def mine(left: Matrix, right: Matrix, neighbours: int = NEIGHBOURS) -> MinedPairs:
    """The pairs of two sets of unit vectors, (l, d) and (r, d), either of which may be memory-mapped.

    Memory: the neighbours of both sides, and a block of scores (search.py). Ties: rows of `left` first, then the lower
    row.
    """
    forward, there = top_k(left, right, neighbours)
    backward, back = top_k(right, left, neighbours)
    near_left, near_right = forward.mean(1, dtype=np.float64), backward.mean(1, dtype=np.float64)
    ahead = _margins(forward, near_left, near_right[there])
    behind = _margins(backward, near_right, near_left[back])
    every_left, every_right = np.arange(len(left)), np.arange(len(right))
    ours = np.concatenate([every_left, back[every_right, behind.argmax(1)]])
    theirs = np.concatenate([there[every_left, ahead.argmax(1)], every_right])
    scores = np.concatenate([ahead.max(1), behind.max(1)])
    order = np.argsort(-scores, kind="stable")
    chosen = _each_once(ours[order].tolist(), theirs[order].tolist())
    kept = order[chosen]
    kept = kept[scores[kept] > 0]
    return MinedPairs(ours[kept], theirs[kept], scores[kept])


def _margins(cosines: Matrix, own: Floats, others: Floats) -> Floats:
    """Scores (rows, neighbours); -inf where the mean cosine is not positive, because a ratio has no meaning there."""
    mean = (own[:, None] + others) / 2
    scores = np.full(cosines.shape, -np.inf)
    np.divide(cosines, mean, out=scores, where=mean > 0)
    return scores


def _each_once(left: list[int], right: list[int]) -> list[int]:
    """The positions of the pairs whose sides occur in no earlier chosen pair."""
    chosen: list[int] = []
    lefts: set[int] = set()
    rights: set[int] = set()
    for position, (ours, theirs) in enumerate(zip(left, right, strict=True)):
        if ours not in lefts and theirs not in rights:
            lefts.add(ours)
            rights.add(theirs)
            chosen.append(position)
    return chosen


def best_threshold(scores: Floats, correct: NDArray[np.bool_], gold: int) -> float:
    """The threshold with the highest F1 when all pairs that reach it are accepted; the highest of equals.

    It is midway between two scores, the lowest score if accepting all pairs is best, and 0 if no pair is right.
    scores, correct: (pairs,), in any order. gold: the number of right pairs, mined or not. Pairs with equal scores are
    accepted together.
    """
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    f1 = 2 * np.cumsum(correct[order]) / (np.arange(1, len(falling) + 1) + gold)
    ends = np.append(falling[:-1] != falling[1:], True)[: len(falling)]
    f1 = np.where(ends, f1, 0.0)
    if not len(f1) or f1.max() == 0:
        return 0.0
    at = int(f1.argmax())
    return float(falling[at : at + 2].mean())


def half(identifier: str) -> int:
    """The half of a set that a sentence is in, 0 or 1, by a hash of its id: the same in every run."""
    return hashlib.blake2b(f"half|{identifier}".encode(), digest_size=1).digest()[0] & 1
