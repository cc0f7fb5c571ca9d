"""F1 over mined sentence pairs, as google-research/xtreme's evaluate.py scores BUCC: over the set of all pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import Metric, Scored, same_length

BETWEEN = "\t"  # separates several candidates in one prediction, as it separates the columns of a prediction file


class BuccF1(Metric):
    """bucc_f1/v1: 2 * right pairs / (mined + gold pairs), summed over the sentences of one side; with precision and
    recall.

    A prediction is the ids of the sentences that a sentence is paired with (usually one), "" for none; gold is the ids
    of its translations, none for most sentences. A sentence with neither is neither right nor wrong.
    Raises DataError when a pair occurs twice, and when no sentence has a translation.
    """

    name = "bucc_f1"

    def score(self, predictions: Sequence[str], gold: Sequence[Collection[str]]) -> Scored:
        same_length(predictions, gold)
        if not any(gold):
            raise DataError(f"none of {len(gold)} sentences has a translation: F1 is not defined")
        num, den, correct = [], [], list[bool | None]()
        right = mined = 0
        for prediction, truths in zip(predictions, gold, strict=True):
            paired, translations = _ids(prediction), set(truths)
            hits = len(paired & translations)
            num.append(2.0 * hits)
            den.append(float(len(paired) + len(translations)))
            correct.append(paired == translations if paired or translations else None)
            right += hits
            mined += len(paired)
        gold_pairs = sum(den) - mined
        extra = {"precision": right / mined if mined else 0.0, "recall": right / gold_pairs}
        return Scored(sum(num) / sum(den), num, den, correct, extra)

    def decisions(self, prediction: str, gold: Collection[str]) -> list[tuple[str, bool]]:
        """One decision per sentence with a translation, so that flips are not shares of the many without one."""
        return [(prediction, _ids(prediction) == set(gold))] if gold else []


def _ids(prediction: str) -> set[str]:
    ids = prediction.split(BETWEEN) if prediction else []
    if len(set(ids)) < len(ids):
        raise DataError(f"a sentence is paired twice with one candidate: {ids}")
    return set(ids)
