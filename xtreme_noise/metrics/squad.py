"""SQuAD F1 and exact match (Rajpurkar et al. 2016).

`squad_v1_f1` is the official evaluate-v1.1.py, of which XTREME's third_party/evaluate_squad.py is a copy, everywhere.
`squad_f1` is the same but for two answers without any token, as "." and "!": they are equal there, as in SQuAD v2's
script and in torchmetrics, and v1.1 gives them an F1 of 0 beside an exact match of 1. Where no answer is the right one,
nothing else would do. Three of the 10,570 questions of SQuAD's dev set have such an answer.
Normalisation: lower case, ASCII punctuation and English articles removed, white space folded, whatever the language.
XQuAD is scored so in XTREME; MLQA has a language-aware variant of its own.
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
    """squad_f1/v2: mean over questions of the best token F1 over the gold answers; exact_match beside it."""

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
        """One decision a question: the normalised answer, right when it is an exact match."""
        guessed = normalise(prediction)
        return [(guessed, guessed in [normalise(truth) for truth in gold])]


class SquadV1F1(SquadF1):
    """squad_v1_f1/v1: as SQuAD v1.1's script and XTREME's have it: two answers without any token have an F1 of 0."""

    name = "squad_v1_f1"
    version = 1
    f1 = staticmethod(token_f1)
