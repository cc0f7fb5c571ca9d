"""F1 over mined sentence pairs, as google-research/xtreme's evaluate.py scores BUCC: over the set of all pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import Metric, Scored, same_length

BETWEEN = "\t"  # the ids of several candidates in one prediction; a prediction file has tabs between its columns


class BuccF1(Metric):
    """bucc_f1/v1: 2 * right pairs / (mined + gold pairs), summed over the sentences of one side; precision and recall
    beside it.

    A prediction is the ids of the sentences that one is paired with (one, where each is paired once), "" for none;
    gold the ids of its translations, none for most. A sentence with neither is neither right nor wrong.
    Raises DataError for an id that is paired twice with one sentence, and where no sentence has a translation.
    """

    name = "bucc_f1"

    def score(self, predictions: Sequence[str], gold: Sequence[Collection[str]]) -> Scored:
        same_length(predictions, gold)
        if not any(gold):
            raise DataError(f"none of {len(gold)} sentences has a translation: F1 is not defined")
        num, den, correct = [], [], list[bool | None]()
        right = mined = 0
        for prediction, truths in zip(predictions, gold, strict=True):
            found, wanted = _ids(prediction), set(truths)
            hits = len(found & wanted)
            num.append(2.0 * hits)
            den.append(float(len(found) + len(wanted)))
            correct.append(found == wanted if found or wanted else None)
            right += hits
            mined += len(found)
        wanted_in_all = sum(den) - mined
        extra = {"precision": right / mined if mined else 0.0, "recall": right / wanted_in_all}
        return Scored(sum(num) / sum(den), num, den, correct, extra)

    def decisions(self, prediction: str, gold: Collection[str]) -> list[tuple[str, bool]]:
        """One decision a sentence that has a translation: flips are shares of these, not of the many that have none."""
        return [(prediction, _ids(prediction) == set(gold))] if gold else []


def _ids(prediction: str) -> set[str]:
    ids = prediction.split(BETWEEN) if prediction else []
    if len(set(ids)) < len(ids):
        raise DataError(f"a sentence is paired twice with one candidate: {ids}")
    return set(ids)
