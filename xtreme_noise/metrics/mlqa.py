"""MLQA F1 and exact match (Lewis et al. 2020), language-aware, as the official mlqa_evaluation_v1.py defines them.

Normalisation: lower case; all Unicode punctuation removed; the articles of the answer's language removed; split at
white space and, in Chinese, at every Han character. SQuAD's own normalisation (squad.py) is for English only.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import Metric, Scored
from xtreme_noise.metrics.overlap import REMEMBERED, answered, f1

# The articles of the official script; in Arabic the letters alif lam anywhere, also inside words.
_ARTICLES = {
    "ar": re.compile("ال"),
    "de": re.compile(r"\b(?:ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": re.compile(r"\b(?:a|an|the)\b"),
    "es": re.compile(r"\b(?:un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(?:của|là|cái|chiếc|những)\b"),
    "zh": None,
}
_HAN = re.compile("([\u4e00-\u9fa5])")


@cache
def _punctuation() -> dict[int, None]:
    """All code points of category P, and ASCII characters such as $ and + that are symbols in Unicode."""
    points = {point for point in range(sys.maxunicode) if unicodedata.category(chr(point))[0] == "P"}
    return dict.fromkeys(points | set(map(ord, string.punctuation)))


@lru_cache(REMEMBERED)
def normalise(answer: str, language: str) -> str:
    """The official normalize_answer, with single spaces. Raises DataError for a language that MLQA lacks."""
    if language not in _ARTICLES:
        raise DataError(
            f"mlqa_f1 has no rules for {language!r}, only for {', '.join(_ARTICLES)}: choose task.metric=squad_f1"
        )
    text = answer.lower().translate(_punctuation())
    if articles := _ARTICLES[language]:
        text = articles.sub(" ", text)
    if language == "zh":
        text = _HAN.sub(r" \1 ", text)
    return " ".join(text.split())


class MlqaF1(Metric):
    """mlqa_f1/v1: mean over questions of the best F1 over the gold answers; with exact_match.

    The language is that of the answer, so of the context. Raises DataError when it is not one of MLQA's seven.
    """

    name = "mlqa_f1"

    def score(self, predictions: Sequence[str], gold: Sequence[Sequence[str]]) -> Scored:
        answered(predictions, gold)
        num, exact = [], []
        for prediction, truths in zip(predictions, gold, strict=True):
            guessed, true = self._normal(prediction), [self._normal(truth) for truth in truths]
            num.append(max(f1(guessed, one) for one in true))
            exact.append(guessed in true)
        mean, share = sum(num) / len(num), sum(exact) / len(exact)
        return Scored(mean, num, [1.0] * len(num), list(exact), {"exact_match": share})

    def decisions(self, prediction: str, gold: Sequence[str]) -> list[tuple[str, bool]]:
        """One decision per question: the normalised answer, right when it is an exact match."""
        guessed = self._normal(prediction)
        return [(guessed, guessed in [self._normal(truth) for truth in gold])]

    def _normal(self, answer: str) -> str:
        return normalise(answer, str(self.language))
