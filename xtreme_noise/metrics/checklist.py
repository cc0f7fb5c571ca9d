"""CheckList's error rate as MultiCheckList counts it: the share of cases with a wrong answer to any of their questions.

Answers are compared without the articles of the language and without surrounding punctuation, as in the official
generate_test_utils.py; case counts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import Metric, Scored
from xtreme_noise.metrics.overlap import REMEMBERED, answered

# The articles of the official script: whole words, or beginnings of words.
_WORDS = {
    "de": "ein eine einen", "el": "Ο ένα μια", "en": "a an the in at", "es": "un una unos unas el la los las",
    "eu": "bat", "fa": "یک", "fr": "un une le la en", "hu": "egy", "it": "un una", "nl": "een", "pt": "um uma",
    "tl": "Si", "tr": "bir", "vi": "một", "wo": "dafa", "yo": "kan",
}  # fmt: skip
_BEGINNINGS = {"bn": "একটি একজন", "hi": "एक", "ml": "ഒരു", "mr": "एक", "my": "တစ်ဦး", "pa": "ਇੱਕ ਇਕ", "ta": "ஒரு"}
_OTHERS = {"af": "’n\\b", "ar": "ال"}  # Arabic alif lam, anywhere
_ARTICLES = {
    **{code: re.compile(rf"\b(?:{'|'.join(words.split())})\b") for code, words in _WORDS.items()},
    **{code: re.compile(rf"\b(?:{'|'.join(words.split())})") for code, words in _BEGINNINGS.items()},
    **{code: re.compile(pattern) for code, pattern in _OTHERS.items()},
}
_PUNCTUATION = {"bn": ",. ৷", "hi": ",. ৷", "pa": ",. ।", "pl": "„”,. ", "ur": ",. \u200f"}


@lru_cache(REMEMBERED)
def normalise(answer: str, language: str | None) -> str:
    """An answer without articles and surrounding punctuation."""
    articles = _ARTICLES.get(language or "")
    text = articles.sub(" ", answer) if articles else answer
    return text.strip(_PUNCTUATION.get(language or "", ",. "))


class ErrorRate(Metric):
    """error_rate/v1: wrong cases / cases; lower is better. With the error rate of each test.

    Without `cases`, every example is a case of its own. The case `test/17` belongs to the test `test`. num and den of
    an example are its share of the case's.
    """

    name = "error_rate"
    higher_is_better = False

    def score(self, predictions: Sequence[str], gold: Sequence[Sequence[str]]) -> Scored:
        answered(predictions, gold)
        cases = self._cases(len(gold))
        right = [self._right(one, truths) for one, truths in zip(predictions, gold, strict=True)]
        members: dict[str, list[bool]] = defaultdict(list)
        for case, answer in zip(cases, right, strict=True):
            members[case].append(answer)
        wrong = {case: float(not all(answers)) for case, answers in members.items()}
        tests: dict[str, list[float]] = defaultdict(list)
        for case, error in wrong.items():
            if "/" in case:
                tests[case.split("/")[0]].append(error)
        den = [1 / len(members[case]) for case in cases]
        num = [wrong[case] * part for case, part in zip(cases, den, strict=True)]
        extra = {test: sum(errors) / len(errors) for test, errors in tests.items()}
        return Scored(sum(wrong.values()) / len(wrong), num, den, list(right), extra)

    def decisions(self, prediction: str, gold: Sequence[str]) -> list[tuple[str, bool]]:
        """One decision per question: the normalised answer."""
        return [(normalise(prediction, self.language), self._right(prediction, gold))]

    def _cases(self, count: int) -> list[str]:
        if self.cases is None:
            return [str(number) for number in range(count)]
        if len(self.cases) != count:
            raise DataError(f"{count} questions, but {len(self.cases)} cases: each question needs the name of its case")
        return list(self.cases)

    def _right(self, prediction: str, gold: Sequence[str]) -> bool:
        guessed = normalise(prediction, self.language)
        return any(guessed == normalise(truth, self.language) for truth in gold)
