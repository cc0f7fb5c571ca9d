"""The error rate of cases: articles and punctuation by language, cases of several questions, tests beside the whole."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from xtreme_noise import metrics
from xtreme_noise.errors import DataError
from xtreme_noise.metrics.checklist import normalise


@pytest.mark.parametrize(
    ("language", "answer", "rest"),
    [
        ("en", "the dog.", "dog"), ("en", "The dog", "The dog"),
        ("de", "eine Katze,", "Katze"), ("de", "einer", "einer"),
        ("ar", "الكلب", "كلب"), ("bn", "একটি কুকুর৷", "কুকুর"), ("pl", "„pies”", "pies"), ("hi", "एक कुत्ता", "कुत्ता"),
        ("af", "’n hond", "hond"), ("zh", "狗.", "狗"), ("sw", "the dog", "the dog"), ("ur", "کتا\u200f", "کتا"),
    ],
)  # fmt: skip
def test_what_is_left_out(language: str, answer: str, rest: str) -> None:
    assert normalise(answer, language) == rest


def test_a_case_is_wrong_with_one_wrong_answer() -> None:
    cases = ["animals/0", "animals/0", "animals/1", "jobs/0", "jobs/0", "jobs/0"]
    gold = [["a dog"], ["a car"], ["a cat"], ["an artist"], ["Chinese"], ["x"]]
    guess = ["dog", "the car.", "a dog", "artist", "chinese", "x"]
    scored = metrics.build("error_rate", "en", cases).score(guess, gold)
    assert scored.score == pytest.approx(2 / 3) == pytest.approx(sum(scored.num) / sum(scored.den))
    assert scored.extra == {"animals": 0.5, "jobs": 1.0}
    assert scored.correct == [True, True, False, True, False, True]
    alone = metrics.build("error_rate", "en").score(guess, gold)
    assert alone.score == pytest.approx(2 / 6) and alone.extra == {}
    assert metrics.build("error_rate", "en").flips(["dog"], ["cat"], [["a dog"]]).right_to_wrong == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_any_cases(seed: int) -> None:
    rng = random.Random(seed)
    cases = [f"t{rng.randrange(3)}/{rng.randrange(20)}" for _ in range(200)]
    right = [rng.random() < 0.8 for _ in cases]
    scored = metrics.build("error_rate", "de", cases).score(["ja" if r else "nein" for r in right], [["ja"]] * 200)
    members: dict[str, list[bool]] = defaultdict(list)
    for case, answer in zip(cases, right, strict=True):
        members[case].append(answer)
    wrong = {case: not all(answers) for case, answers in members.items()}
    assert scored.score == pytest.approx(sum(wrong.values()) / len(wrong))
    assert sum(scored.num) / sum(scored.den) == pytest.approx(scored.score)
    for test in ("t0", "t1", "t2"):
        own = [error for case, error in wrong.items() if case.startswith(f"{test}/")]
        assert scored.extra[test] == pytest.approx(sum(own) / len(own))


def test_cases_and_questions_are_as_many() -> None:
    with pytest.raises(DataError, match="2 questions, but 1 cases"):
        metrics.build("error_rate", "en", ["a/0"]).score(["x", "y"], [["x"], ["y"]])


@pytest.mark.parametrize("name", ["squad_f1", "mlqa_f1", "error_rate"])
@pytest.mark.parametrize("gold", [[], "text"])
def test_a_question_without_gold_answers_is_an_error(name: str, gold: list[str]) -> None:
    with pytest.raises(DataError, match=r"question 1 .* has no list of gold answers"):
        metrics.build(name, "en").score(["x", "y"], [["x"], gold])
