"""SQuAD F1 and exact match (Rajpurkar et al. 2016), as the official evaluate-v1.1.py and torchmetrics compute them.

Normalisation: lower case, ASCII punctuation and English articles removed, white space folded, whatever the language.
XQuAD is scored so in XTREME; MLQA has a language-aware variant of its own.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from torchmetrics.text import SQuAD

from xtreme_noise.metrics.base import Metric, Scored, same_length

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(answer: str) -> str:
    """The official normalize_answer."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def f1(prediction: str, gold: str) -> float:
    """Token F1 of one answer against one gold answer, in [0, 1]."""
    guessed, true = normalise(prediction).split(), normalise(gold).split()
    common = sum((Counter(guessed) & Counter(true)).values())
    if not guessed or not true:
        return float(guessed == true)
    return 2 * common / (len(guessed) + len(true))


class SquadF1(Metric):
    """squad_f1/v1: mean over questions of the best token F1 over the gold answers; exact_match beside it."""

    name = "squad_f1"

    def score(self, predictions: Sequence[str], gold: Sequence[Sequence[str]]) -> Scored:
        same_length(predictions, gold)
        official = SQuAD()
        official.update(
            [{"prediction_text": p, "id": str(n)} for n, p in enumerate(predictions)],
            [{"answers": {"answer_start": [0] * len(g), "text": list(g)}, "id": str(n)} for n, g in enumerate(gold)],
        )
        figures = official.compute()
        num = [max(f1(p, truth) for truth in g) for p, g in zip(predictions, gold, strict=True)]
        correct: list[bool | None] = [self._exact(p, g) for p, g in zip(predictions, gold, strict=True)]
        score, exact = float(figures["f1"]) / 100, float(figures["exact_match"]) / 100
        return Scored(score, num, [1.0] * len(num), correct, {"exact_match": exact})

    @staticmethod
    def _exact(prediction: str, gold: Sequence[str]) -> bool:
        return any(normalise(prediction) == normalise(truth) for truth in gold)

    def decisions(self, prediction: str, gold: Sequence[str]) -> list[tuple[str, bool]]:
        """One decision a question: the normalised answer, right when it is an exact match."""
        return [(normalise(prediction), self._exact(prediction, gold))]
