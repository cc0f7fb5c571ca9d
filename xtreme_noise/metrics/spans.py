"""F1 over tag spans as XTREME scores UDPOS and WikiANN: seqeval on the tags as they are, micro average.

Source: google-research/xtreme, third_party/evaluate_pos / evaluate_ner (seqeval f1_score). On POS tags without a B- or
I- prefix, seqeval reads the first letter as the prefix and joins neighbours of one tag into a span; that is the
official number, so it is kept. Token accuracy is reported beside it under its own name.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from seqeval.metrics.sequence_labeling import get_entities

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import Metric, Scored, same_length


def spans(tags: list[str]) -> set[tuple[str, int, int]]:
    """seqeval's spans (type, first, last token) of one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns for every tag without a B- or I- prefix
        return set(get_entities(tags))


class SpanF1(Metric):
    """span_f1/v1: 2 * true positives / (predicted + gold spans), summed over sentences; 0 without any span."""

    name = "span_f1"

    def score(self, predictions: Sequence[str], gold: Sequence[str]) -> Scored:
        same_length(predictions, gold)
        num, den, correct = [], [], []
        tokens = right = 0
        for guess, truth in zip(predictions, gold, strict=True):
            guessed, true = guess.split(), truth.split()
            if len(guessed) != len(true):
                raise DataError(f"{len(guessed)} predicted tags for {len(true)} tokens: {guess!r}")
            found, wanted = spans(guessed), spans(true)
            num.append(2.0 * len(found & wanted))
            den.append(float(len(found) + len(wanted)))
            correct.append(guessed == true)
            tokens += len(true)
            right += sum(g == t for g, t in zip(guessed, true, strict=True))
        score = sum(num) / sum(den) if sum(den) else 0.0
        return Scored(score, num, den, list(correct), {"token_accuracy": right / tokens})

    def decisions(self, prediction: str, gold: str) -> list[tuple[str, bool]]:
        """One decision a token: flips of tagging are counted over tokens."""
        return [(p, p == g) for p, g in zip(prediction.split(), gold.split(), strict=True)]
