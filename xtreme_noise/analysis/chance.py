"""Chance levels: the score of a guess without the input, and which scores are no better.

Every score here is the share that is right, in [0, 1], higher is better (direction.py converts error rates).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from xtreme_noise.analysis.direction import rightness

Z = 1.96  # in 97.5 % of test sets, a guess scores less than this many standard errors above its mean


def majority(answers: Sequence[Hashable]) -> float:
    """The score of always giving the most frequent answer; at least 1 / the number of distinct answers."""
    return max(Counter(answers).values()) / len(answers)


def blind(choices: Sequence[int]) -> float:
    """The expected score of picking one of the `choices` of each example at random."""
    return sum(1 / count for count in choices) / len(choices)


def whole_cases(answers: Mapping[Hashable, Sequence[Hashable]]) -> float:
    """The expected share of cases that are wholly right when each question gets a random answer of its case.

    answers: case -> the right answer to each of its questions. A case whose questions all have the same answer offers
    no choice and counts as wrong.
    """
    sizes = [(len(set(some)), len(some)) for some in answers.values()]
    return sum((1 / kinds) ** questions for kinds, questions in sizes if kinds > 1) / len(sizes)


def reciprocal_rank(relevant: int, candidates: int, cutoff: int | None) -> float:
    """The expected reciprocal rank of a random order: 1 / the rank of the first of `relevant` among `candidates`, 0
    beyond `cutoff` (None: all).
    """
    before, total = 1.0, 0.0  # before: the probability that no earlier candidate was right
    for rank in range(1, min(cutoff or candidates, candidates) + 1):
        right = min(1.0, relevant / (candidates - rank + 1))
        total += before * right / rank
        before *= 1 - right
    return total


def average_precision(relevant: int, candidates: int, cutoff: int | None) -> float:
    """The expected average precision of a random order, divided by min(relevant, cutoff) like the metric: the candidate
    at a rank is right with probability relevant / candidates; given that, each candidate before it is right with
    probability (relevant - 1) / (candidates - 1).
    """
    if candidates == 1:
        return 1.0
    within = min(cutoff or candidates, candidates)
    others = (relevant - 1) / (candidates - 1)
    total = sum((1 + (rank - 1) * others) / rank for rank in range(1, within + 1))
    return total * relevant / candidates / min(relevant, cutoff or relevant)


def near(score: float, chance: float, items: int) -> bool:
    """Whether a score is no better than a guess: not above `chance` by more than Z standard errors over `items`.

    The standard error is that of a proportion, an upper bound for all scores in [0, 1].
    """
    return score <= chance + Z * math.sqrt(chance * (1 - chance) / items)


@dataclass(frozen=True)
class Chance:
    """The score of a guess. right: the share that is right, for any metric; items: the number of test items."""

    metric: str
    right: float
    items: int

    @property
    def score(self) -> float:
        """The score in the metric's own direction."""
        return float(rightness(self.metric, self.right))

    def near(self, score: float) -> bool:
        """Whether a score is no better than a guess."""
        return near(float(rightness(self.metric, score)), self.right, self.items)
