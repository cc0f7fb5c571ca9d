"""What the metrics over answers share: tokens in common, and gold that can be scored against."""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import same_length

REMEMBERED = 2**16  # normalised answers: gold ones come back in every cell


def shared(left: Sequence[str], right: Sequence[str]) -> int:
    """How many tokens two answers have in common; one that occurs twice counts twice when it does so in both."""
    if left == right:
        return len(left)
    counts: dict[str, int] = {}
    for token in right:
        counts[token] = counts.get(token, 0) + 1
    found = 0
    for token in left:
        if rest := counts.get(token):
            counts[token] = rest - 1
            found += 1
    return found


def f1(guessed: str, true: str) -> float:
    """Token F1 of two normalised answers, in [0, 1]; 0 when no token is shared, for two empty answers too."""
    left, right = guessed.split(), true.split()
    common = shared(left, right)
    return 2 * common / (len(left) + len(right)) if common else 0.0


def answered(predictions: Sequence[str], gold: Sequence[Sequence[str]]) -> None:
    """Raises DataError unless there is one prediction for each question, and a gold answer to each."""
    same_length(predictions, gold)
    for number, answers in enumerate(gold):
        if not answers or isinstance(answers, str):
            raise DataError(f"question {number} (counted from 0) has no list of gold answers: {answers!r:.80}")
