"""The score of a guess: what is right without looking at the input, and which scores are no better.

Every score here is a share of what is right, in [0, 1], higher is better (direction.py turns the others round).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from xtreme_noise.analysis.direction import rightness

Z = 1.96  # a guess is below this many standard errors above its mean in 97.5 of 100 test sets


def majority(answers: Sequence[Hashable]) -> float:
    """The share of the most frequent answer: of who always gives it. At least 1 / the number of answers there are."""
    return max(Counter(answers).values()) / len(answers)


def blind(choices: Sequence[int]) -> float:
    """The share of examples that are right by picking one of the `choices` of each."""
    return sum(1 / count for count in choices) / len(choices)


def whole_cases(answers: Mapping[Hashable, Sequence[Hashable]]) -> float:
    """The share of cases of which every question is right by picking one of the answers of the case for each.

    answers: case -> the right answer of each of its questions. One that they all have is no choice: such a case is not
    guessed.
    """
    sizes = [(len(set(some)), len(some)) for some in answers.values()]
    return sum((1 / kinds) ** questions for kinds, questions in sizes if kinds > 1) / len(sizes)


def reciprocal_rank(relevant: int, candidates: int, cutoff: int | None) -> float:
    """What a random order is expected to score: the mean of 1 / the rank of the first of `relevant` among `candidates`,
    0 beyond `cutoff` (None: all).
    """
    before, total = 1.0, 0.0  # before: the probability that none was right so far
    for rank in range(1, min(cutoff or candidates, candidates) + 1):
        right = min(1.0, relevant / (candidates - rank + 1))
        total += before * right / rank
        before *= 1 - right
    return total


def average_precision(relevant: int, candidates: int, cutoff: int | None) -> float:
    """The same of average precision, divided by min(relevant, cutoff) as the metric is: a candidate at a rank is right
    with the probability r = relevant / candidates, each before it then with (relevant - 1) / (candidates - 1).
    """
    if candidates == 1:
        return 1.0
    within = min(cutoff or candidates, candidates)
    others = (relevant - 1) / (candidates - 1)
    total = sum((1 + (rank - 1) * others) / rank for rank in range(1, within + 1))
    return total * relevant / candidates / min(relevant, cutoff or relevant)


def near(score: float, chance: float, items: int) -> bool:
    """Whether a score is no better than a guess: not above `chance` by more than Z standard errors over `items`.

    The standard error is that of a share; of scores between 0 and 1 it is the largest there can be.
    """
    return score <= chance + Z * math.sqrt(chance * (1 - chance) / items)


@dataclass(frozen=True)
class Chance:
    """The score of a guess. right: the share that is right, whatever the metric; items: how many it is a share of."""

    metric: str
    right: float
    items: int

    @property
    def score(self) -> float:
        """In the metric's own direction, as scores are written."""
        return float(rightness(self.metric, self.right))

    def near(self, score: float) -> bool:
        """Whether a score is no better than a guess."""
        return near(float(rightness(self.metric, score)), self.right, self.items)
