"""Shared by the metrics over answers: common tokens, and a check of gold answers."""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import same_length

REMEMBERED = 2**16  # size of the cache of normalised answers: gold answers are the same in every cell


def shared(left: Sequence[str], right: Sequence[str]) -> int:
    """The number of tokens that two answers have in common; a token that is twice in both counts twice."""
    if left == right:
        return len(left)
    counts: dict[str, int] = {}
    for token in right:
        counts[token] = counts.get(token, 0) + 1
    common = 0
    for token in left:
        if rest := counts.get(token):
            counts[token] = rest - 1
            common += 1
    return common


def f1(guessed: str, true: str) -> float:
    """Token F1 of two normalised answers, in [0, 1]; 0 when they share no token, also for two empty answers."""
    left, right = guessed.split(), true.split()
    common = shared(left, right)
    return 2 * common / (len(left) + len(right)) if common else 0.0


def answered(predictions: Sequence[str], gold: Sequence[Sequence[str]]) -> None:
    """Raises DataError unless every question has one prediction and at least one gold answer."""
    same_length(predictions, gold)
    for number, answers in enumerate(gold):
        if not answers or isinstance(answers, str):
            raise DataError(f"question {number} (counted from 0) has no list of gold answers: {answers!r:.80}")
