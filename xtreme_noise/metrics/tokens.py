"""Token accuracy of tagging: the share of tokens with the right tag over all sentences (micro average).

The usual metric for parts of speech, but not XTREME's for UDPOS, which is span_f1 (spans.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.metrics.base import Metric, Scored
from xtreme_noise.metrics.spans import right_tags, split_tags


class TokenAccuracy(Metric):
    """token_accuracy/v1: right tags / tokens, summed over sentences. Raises DataError when a sentence lacks tags."""

    name = "token_accuracy"

    def score(self, predictions: Sequence[str], gold: Sequence[str]) -> Scored:
        guessed, true = split_tags(predictions, gold)
        num = [float(right_tags(guess, truth)) for guess, truth in zip(guessed, true, strict=True)]
        den = [float(len(truth)) for truth in true]
        whole: list[bool | None] = [right == total for right, total in zip(num, den, strict=True)]
        return Scored(sum(num) / sum(den), num, den, whole)

    def decisions(self, prediction: str, gold: str) -> list[tuple[str, bool]]:
        """One decision per token."""
        [guess], [truth] = split_tags([prediction], [gold])
        return [(p, p == g) for p, g in zip(guess, truth, strict=True)]
