from __future__ import annotations

import random
import warnings
from itertools import pairwise, product

import pytest
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import end_of_chunk, start_of_chunk

from xtreme_noise import metrics
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.metrics import spans
from xtreme_noise.metrics.squad import f1, normalise

POS = ["ADJ", "NOUN", "VERB", "SCONJ", "PUNCT", "X", "INTJ"]
BIO = ["O", "B-area", "I-area", "B-name", "I-name"]


def random_tags(names: list[str], rng: random.Random, count: int) -> list[str]:
    return [" ".join(rng.choices(names, k=rng.randint(1, 12))) for _ in range(count)]


@pytest.mark.parametrize("names", [POS, BIO])
def test_span_f1_is_seqevals_over_the_whole_corpus(names: list[str]) -> None:
    rng = random.Random(0)
    gold = random_tags(names, rng, 200)
    guess = [" ".join(t if rng.random() < 0.7 else rng.choice(names) for t in g.split()) for g in gold]
    scored = metrics.build("span_f1").score(guess, gold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        official = f1_score([g.split() for g in gold], [p.split() for p in guess])
    assert scored.score == pytest.approx(official, abs=1e-12)
    assert scored.score == pytest.approx(sum(scored.num) / sum(scored.den))
    pairs = [(p, g) for x, y in zip(guess, gold, strict=True) for p, g in zip(x.split(), y.split(), strict=True)]
    assert scored.extra["token_accuracy"] == pytest.approx(sum(p == g for p, g in pairs) / len(pairs))


def test_where_a_span_ends_and_starts_is_seqevals() -> None:
    """Every pair of prefixes, with the same type and with another."""
    for before, after, (old, new) in product("BIESOX.", "BIESOX.", [("PER", "PER"), ("PER", "LOC")]):
        other = old != new
        assert spans._ends(before, after, other) == end_of_chunk(before, after, old, new), (before, after, other)
        assert spans._starts(before, after, other) == start_of_chunk(before, after, old, new), (before, after, other)


def test_the_first_letter_of_a_part_of_speech_is_no_part_of_its_type() -> None:
    """As in seqeval 1.2.2 (docs/xtreme_r.md): in 0.0.12 CCONJ and SCONJ were two types."""
    assert metrics.build("span_f1").score(["SCONJ NOUN"], ["CCONJ NOUN"]).score == 1.0
    assert metrics.build("token_accuracy").score(["SCONJ NOUN"], ["CCONJ NOUN"]).score == 0.5


def test_span_f1_refuses_other_lengths() -> None:
    with pytest.raises(DataError, match="1 predicted tags for 2 tokens"):
        metrics.build("span_f1").score(["NOUN"], ["NOUN VERB"])
    assert metrics.build("span_f1").score(["O O"], ["O O"]).score == 0.0


def test_accuracy() -> None:
    scored = metrics.build("accuracy").score(["a", "b", "c", "a"], ["a", "b", "b", "b"])
    assert scored.score == 0.5 and scored.num == [1, 1, 0, 0] and scored.correct == [True, True, False, False]
    assert metrics.build("accuracy").score(["a"], ["a"]).score == 1.0


def test_squad_normalisation_and_f1() -> None:
    assert normalise("  The  Apollo, program! ") == "apollo program"
    assert f1(normalise("the cat sat"), normalise("a cat")) == pytest.approx(2 / 3)
    assert f1("", "x") == 0.0 and f1(normalise("the"), normalise("an")) == 1.0
    scored = metrics.build("squad_f1").score(["cat sat", "x"], [["dog", "the cat"], ["y"]])
    assert scored.score == pytest.approx((2 / 3 + 0) / 2) and scored.score == pytest.approx(sum(scored.num) / 2)
    assert scored.extra == {"exact_match": 0.0}
    assert metrics.build("squad_f1").score(["The cat"], [["cat"]]).extra["exact_match"] == 1.0


@pytest.mark.parametrize("name", metrics.names())
def test_unequal_lengths_and_nothing_are_errors(name: str) -> None:
    for predictions, gold in ((["a"], []), ([], []), (["a"], ["a", "b"])):
        with pytest.raises(DataError):
            metrics.build(name).score(predictions, gold)


def test_by_id_is_strict() -> None:
    assert metrics.by_id({"a": 1, "b": 2}, ["b", "a"]) == [2, 1]
    for rows in ({"a": 1}, {"a": 1, "b": 2, "c": 3}):
        with pytest.raises(DataError, match="ids differ"):
            metrics.by_id(rows, ["a", "b"])


def test_flips_count_decisions() -> None:
    gold = ["a", "a", "b", "b"]
    flips = metrics.build("accuracy").flips(["a", "b", "b", "a"], ["b", "a", "b", "c"], gold)
    assert (flips.changed, flips.right_to_wrong, flips.wrong_to_right) == (0.75, 0.25, 0.25)
    tagged = metrics.build("span_f1").flips(["N V", "N"], ["N N", "N"], ["N V", "V"])
    assert [tagged.changed, tagged.right_to_wrong] == pytest.approx([1 / 3, 1 / 3])
    answers = metrics.build("squad_f1").flips(["The cat"], ["cat"], [["cat"]])
    assert answers.changed == 0.0


def test_unknown_metric_has_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean 'accuracy'"):
        metrics.build("acuracy")


def test_every_metric_is_its_own_object() -> None:
    built = [metrics.build("accuracy") for _ in range(3)]
    assert all(one is not other for one, other in pairwise(built))
