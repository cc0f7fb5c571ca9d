"""Metrics on any predictions: seqeval, torchmetrics and the official formulas, to the last digit where possible."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities
from torchmetrics.text import SQuAD

from tests.unit.test_metrics_official import MlqaSaidAnew, SquadSaidAnew, said_anew
from xtreme_noise import metrics
from xtreme_noise.metrics import mlqa, squad
from xtreme_noise.metrics.overlap import shared
from xtreme_noise.metrics.spans import spans

SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)
# Words that meet every rule: articles, punctuation (ASCII and not), capitals, digits, scripts without spaces.
WORDS = [
    "the", "The", "a", "an", "cat", "Cat", "sat", "sat.", "?", "--", "$5", "der", "DIE", "des", "Hund", "la", "una",
    "agua", "¿qué", "của", "những", "Huế", "الكتاب", "ال", "والقلم", "।", "राम", "红楼梦", "《北京》",
    "1791年", "x1", "", "  ",
]  # fmt: skip
answers = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
questions = st.lists(st.tuples(answers, st.lists(answers, min_size=1, max_size=4)), min_size=1, max_size=12)
# One letter (seqeval's X), letters that seqeval takes for a prefix, tags with a prefix, and what has two hyphens.
TAGS = ["X", "B", "I", "O", "NOUN", "SCONJ", "INTJ", "ADJ", "PUNCT", "."]
TAGS += ["B-PER", "I-PER", "E-PER", "S-PER", "I-A-B", "E-LOC", ".-PER", "O-PER"]
corpora = st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=8), min_size=1, max_size=10)


@SETTINGS
@given(left=st.lists(st.sampled_from("abc"), max_size=8), right=st.lists(st.sampled_from("abc"), max_size=8))
def test_tokens_in_common(left: list[str], right: list[str]) -> None:
    assert shared(left, right) == sum((Counter(left) & Counter(right)).values())


@SETTINGS
@given(questions=questions)
def test_squad_is_torchmetrics_and_the_official_formula(
    questions: list[tuple[str, list[str]]],
) -> None:
    guesses, gold = [guess for guess, _ in questions], [truths for _, truths in questions]
    scored = metrics.build("squad_f1").score(guesses, gold)
    theirs = SQuAD()
    theirs.update(
        [{"prediction_text": guess, "id": str(n)} for n, guess in enumerate(guesses)],
        [{"answers": {"answer_start": [0], "text": truths}, "id": str(n)} for n, truths in enumerate(gold)],
    )
    figures = theirs.compute()
    assert scored.score == pytest.approx(float(figures["f1"]) / 100, abs=1e-6)  # it adds in single precision
    assert scored.extra["exact_match"] == pytest.approx(float(figures["exact_match"]) / 100, abs=1e-6)
    assert scored.score == sum(scored.num) / len(gold)
    for num, correct, guess, truths in zip(scored.num, scored.correct, guesses, gold, strict=True):
        f1, exact = said_anew(SquadSaidAnew(), guess, truths)
        assert float(bool(correct)) == exact
        if SquadSaidAnew().tokens(guess):  # the script of v1.1 gives 0 to two answers without tokens, torchmetrics 1
            assert num == pytest.approx(f1, abs=1e-12)
        assert metrics.build("squad_f1").decisions(guess, truths) == [(squad.normalise(guess), correct)]


@SETTINGS
@given(questions=questions, language=st.sampled_from(["ar", "de", "en", "es", "hi", "vi", "zh"]))
def test_mlqa_is_the_official_formula(questions: list[tuple[str, list[str]]], language: str) -> None:
    guesses, gold = [guess for guess, _ in questions], [truths for _, truths in questions]
    scored = metrics.build("mlqa_f1", language).score(guesses, gold)
    wanted = [said_anew(MlqaSaidAnew(language), guess, truths) for guess, truths in questions]
    assert scored.num == pytest.approx([f1 for f1, _ in wanted], abs=1e-12)
    assert [float(bool(correct)) for correct in scored.correct] == [exact for _, exact in wanted]
    assert scored.score == pytest.approx(sum(f1 for f1, _ in wanted) / len(wanted), abs=1e-12)
    assert all(mlqa.normalise(guess, language).split() == MlqaSaidAnew(language).tokens(guess) for guess in guesses)


@SETTINGS
@given(gold=corpora, data=st.data())
def test_spans_are_seqevals(gold: list[list[str]], data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [span for sentence in spans(gold) for span in sorted(sentence, key=lambda span: span[2])]
        assert found == get_entities([list(tags) for tags in gold])
        guess = [[data.draw(st.sampled_from([tag, *TAGS])) for tag in tags] for tags in gold]
        official = f1_score(gold, guess)
    scored = metrics.build("span_f1").score([" ".join(tags) for tags in guess], [" ".join(tags) for tags in gold])
    assert scored.score == pytest.approx(official, abs=1e-12)
