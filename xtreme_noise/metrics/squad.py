"""SQuAD F1 and exact match (Rajpurkar et al. 2016).

`squad_v1_f1` equals the official evaluate-v1.1.py, which XTREME's third_party/evaluate_squad.py copies.
`squad_f1` differs only for two answers without any token, such as "." and "!": their F1 is 1, as in SQuAD v2's script
and in torchmetrics, while v1.1 gives an F1 of 0 but an exact match of 1. Unanswerable questions need this. Three of the
10,570 questions of SQuAD's dev set have such an answer.
Normalisation, for all languages: lower case, ASCII punctuation and English articles removed, white space folded.
XTREME scores XQuAD this way; MLQA has its own language-aware variant (mlqa.py).
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from functools import lru_cache

from xtreme_noise.metrics.base import Metric, Scored
from xtreme_noise.metrics.overlap import REMEMBERED, answered
from xtreme_noise.metrics.overlap import f1 as token_f1

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@lru_cache(REMEMBERED)
def normalise(answer: str) -> str:
    """The official normalize_answer."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def f1(guessed: str, true: str) -> float:
    """Token F1 of two normalised answers, in [0, 1]; 1 for two answers without any token."""
    return token_f1(guessed, true) if guessed or true else 1.0


class SquadF1(Metric):
    """squad_f1/v2: mean over questions of the best token F1 over the gold answers; with exact_match."""

    name = "squad_f1"
    version = 2
    f1 = staticmethod(f1)

    def score(self, predictions: Sequence[str], gold: Sequence[Sequence[str]]) -> Scored:
        answered(predictions, gold)
        num: list[float] = []
        correct: list[bool | None] = []
        for prediction, truths in zip(predictions, gold, strict=True):
            guessed, true = normalise(prediction), [normalise(truth) for truth in truths]
            num.append(max(self.f1(guessed, one) for one in true))
            correct.append(guessed in true)
        count = len(num)
        return Scored(sum(num) / count, num, [1.0] * count, correct, {"exact_match": correct.count(True) / count})

    def decisions(self, prediction: str, gold: Sequence[str]) -> list[tuple[str, bool]]:
        """One decision per question: the normalised answer, right when it is an exact match."""
        guessed = normalise(prediction)
        return [(guessed, guessed in [normalise(truth) for truth in gold])]


class SquadV1F1(SquadF1):
    """squad_v1_f1/v1: as in the scripts of SQuAD v1.1 and XTREME: two answers without any token have an F1 of 0."""

    name = "squad_v1_f1"
    version = 1
    f1 = staticmethod(token_f1)
