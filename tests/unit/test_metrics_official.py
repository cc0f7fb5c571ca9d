"""The metrics against other people's: torchmetrics, scikit-learn, trec_eval, and the official scripts said anew."""

from __future__ import annotations

import gzip
import json
import random
import re
import string
import unicodedata
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest
import pytrec_eval
import torch
from sklearn.metrics import accuracy_score
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.text import SQuAD

from xtreme_noise import metrics
from xtreme_noise.errors import DataError
from xtreme_noise.metrics import mlqa
from xtreme_noise.metrics.ranking import average_precision

LABELS = ["entailment", "neutral", "contradiction"]
POS = ["ADJ", "NOUN", "VERB", "SCONJ", "PUNCT", "X", "INTJ"]


def mean(scored: metrics.Scored) -> float:
    return sum(scored.num) / sum(scored.den)


# -- labels and tags ---------------------------------------------------------------------------------------------


def test_accuracy_is_scikit_learns() -> None:
    rng = random.Random(1)
    gold, guess = rng.choices(LABELS, k=500), rng.choices(LABELS, k=500)
    scored = metrics.build("accuracy").score(guess, gold)
    assert scored.score == pytest.approx(accuracy_score(gold, guess), abs=1e-6) == pytest.approx(mean(scored), abs=1e-6)


def real_tags(folder: Path, language: str) -> list[str]:
    with gzip.open(folder / f"udpos_xtreme/test.{language}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [" ".join(json.loads(line)["upos"]) for line in lines]


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.data)])
def test_token_accuracy_is_scikit_learns_and_torchmetrics(real: bool, request: pytest.FixtureRequest) -> None:
    rng = random.Random(2)
    made = [" ".join(rng.choices(POS, k=rng.randint(1, 15))) for _ in range(300)]
    gold = real_tags(request.getfixturevalue("shared_data"), "hi")[:500] if real else made
    guess = [" ".join(t if rng.random() < 0.8 else rng.choice(POS) for t in tags.split()) for tags in gold]
    scored = metrics.build("token_accuracy").score(guess, gold)
    flat = [" ".join(side).split() for side in (gold, guess)]
    assert scored.score == pytest.approx(accuracy_score(*flat), abs=1e-12) == pytest.approx(mean(scored))
    index = {name: n for n, name in enumerate(sorted(set(flat[0]) | set(flat[1])))}
    theirs = MulticlassAccuracy(num_classes=len(index), average="micro")
    theirs.update(torch.tensor([index[t] for t in flat[1]]), torch.tensor([index[t] for t in flat[0]]))
    assert scored.score == pytest.approx(float(theirs.compute()), abs=1e-6)
    assert metrics.build("span_f1").score(guess, gold).extra["token_accuracy"] == scored.score


def test_token_accuracy_refuses_other_lengths_and_counts_flips_by_token() -> None:
    with pytest.raises(DataError, match="1 predicted tags for 2 tokens"):
        metrics.build("token_accuracy").score(["NOUN"], ["NOUN VERB"])
    assert metrics.build("token_accuracy").flips(["N V"], ["N N"], ["N V"]).right_to_wrong == 0.5


# -- answers -----------------------------------------------------------------------------------------------------


class SquadSaidAnew:
    """The SQuAD v1.1 normalisation, character by character."""

    def tokens(self, answer: str) -> list[str]:
        kept = "".join(sign for sign in answer.lower() if sign not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", kept).split()


class MlqaSaidAnew(SquadSaidAnew):
    """The MLQA normalisation: articles one by one, Chinese cut character by character."""

    articles: ClassVar[dict[str, str]] = {
        "en": "a an the",
        "es": "un una unos unas el la los las",
        "vi": "của là cái chiếc những",
        "de": "ein eine einen einem eines einer der die das den dem des",
    }

    def __init__(self, language: str) -> None:
        self.language = language

    def tokens(self, answer: str) -> list[str]:
        kept = "".join(
            sign
            for sign in answer.lower()
            if sign not in string.punctuation and not unicodedata.category(sign).startswith("P")
        )
        if self.language == "ar":
            kept = " ".join(kept.split("ال"))
        for article in self.articles.get(self.language, "").split():
            kept = re.sub(rf"(?<!\w){article}(?!\w)", " ", kept)
        if self.language != "zh":
            return kept.split()
        found, run = [], ""
        for sign in kept:
            if 0x4E00 <= ord(sign) <= 0x9FA5:
                found += [*run.split(), sign]
                run = ""
            else:
                run += sign
        return found + run.split()


def said_anew(rules: SquadSaidAnew, guess: str, truths: list[str]) -> tuple[float, float]:
    """(best F1, exact match) over the gold answers."""
    best, exact = 0.0, 0.0
    for truth in truths:
        mine, theirs = rules.tokens(guess), rules.tokens(truth)
        same = sum((Counter(mine) & Counter(theirs)).values())
        if same:
            precision, recall = same / len(mine), same / len(theirs)
            best = max(best, 2 * precision * recall / (precision + recall))
        exact = max(exact, float(mine == theirs))
    return best, exact


def answers(folder: Path, path: str, language: str) -> tuple[list[str], list[list[str]]]:
    """Guesses that are often near the real answers: other spans of the same contexts."""
    rng = random.Random(3)
    guesses, gold = [], []
    with gzip.open(folder / path.format(language), "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            start, text = row["answers"]["answer_start"][0], row["answers"]["text"][0]
            left, right = rng.choice([(0, 0), (3, 0), (0, 4), (-2, 5), (40, -1)])
            guesses.append(row["context"][max(0, start - left) : max(0, start + len(text) + right)])
            gold.append(list(row["answers"]["text"]))
    return guesses, gold


@pytest.mark.data
@pytest.mark.parametrize("language", ["ar", "de", "en", "es", "hi", "zh"])
def test_mlqa_on_real_answers(language: str, shared_data: Path) -> None:
    guesses, gold = answers(shared_data, "mlqa/dev.{}.jsonl.gz", language)
    scored = metrics.build("mlqa_f1", language).score(guesses, gold)
    wanted = [said_anew(MlqaSaidAnew(language), guess, truths) for guess, truths in zip(guesses, gold, strict=True)]
    assert scored.num == pytest.approx([f1 for f1, _ in wanted], abs=1e-12)
    assert [float(bool(c)) for c in scored.correct] == [exact for _, exact in wanted]
    assert 0.2 < scored.extra["exact_match"] < scored.score < 0.98
    assert scored.score == pytest.approx(mean(scored), abs=1e-12)


@pytest.mark.data
@pytest.mark.parametrize("language", ["en", "ar", "zh"])
def test_squad_on_real_answers(language: str, shared_data: Path) -> None:
    guesses, gold = answers(shared_data, "xquad/test.{}.jsonl.gz", language)
    scored = metrics.build("squad_f1").score(guesses, gold)
    wanted = [said_anew(SquadSaidAnew(), guess, truths) for guess, truths in zip(guesses, gold, strict=True)]
    # An answer of nothing but punctuation has no token: torchmetrics gives 1 for two of them, the old script 0.
    real = [row for row, guess in enumerate(guesses) if SquadSaidAnew().tokens(guess)]
    assert len(real) > 0.98 * len(guesses)
    assert [scored.num[row] for row in real] == pytest.approx([wanted[row][0] for row in real], abs=1e-12)
    assert [float(bool(scored.correct[row])) for row in real] == [wanted[row][1] for row in real]
    official = metrics.build("squad_v1_f1").score(guesses, gold)
    assert official.num == pytest.approx([f1 for f1, _ in wanted], abs=1e-12)
    assert official.extra == scored.extra and official.score <= scored.score
    theirs = SQuAD()
    theirs.update(
        [{"prediction_text": guess, "id": str(n)} for n, guess in enumerate(guesses)],
        [{"answers": {"answer_start": [0], "text": truth}, "id": str(n)} for n, truth in enumerate(gold)],
    )
    figures = theirs.compute()
    assert scored.score * 100 == pytest.approx(float(figures["f1"]), abs=1e-3)
    assert scored.extra["exact_match"] * 100 == pytest.approx(float(figures["exact_match"]), abs=1e-3)


NOTHING = ["", ".", "the", "a", "An !", "\u00a0", "...the", "?!"]


def test_squad_v1_is_the_official_number_where_nothing_is_left_of_an_answer() -> None:
    """Three gold answers of SQuAD's dev set are such; and with several gold answers the best counts."""
    pairs = [(guess, [truth]) for guess in [*NOTHING, "cat", "The cat."] for truth in [*NOTHING, "a cat", "cats"]]
    pairs += [(".", ["!", "cat"]), ("cat", [".", "cat sat"]), ("", ["the", "the"])]
    guesses, gold = [guess for guess, _ in pairs], [truths for _, truths in pairs]
    wanted = [said_anew(SquadSaidAnew(), guess, truths) for guess, truths in pairs]
    scored = metrics.build("squad_v1_f1").score(guesses, gold)
    assert scored.num == pytest.approx([f1 for f1, _ in wanted], abs=1e-12)
    assert [float(bool(c)) for c in scored.correct] == [exact for _, exact in wanted]
    ours = metrics.build("squad_f1").score(guesses, gold)
    assert ours.correct == scored.correct
    apart = {guess for guess, mine, other in zip(guesses, ours.num, scored.num, strict=True) if mine != other}
    assert apart == set(NOTHING), "they differ there and nowhere else"


@pytest.mark.data
def test_squad_v1_on_the_dev_set(shared_data: Path) -> None:
    """Every gold answer given: the official F1 of three questions is 0 beside an exact match of 1."""
    path = next((shared_data / "squad").glob("*dev*.jsonl.gz"), None) or pytest.skip("no dev set of SQuAD")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        gold = [json.loads(line)["answers"]["text"] for line in lines]
    scored = metrics.build("squad_v1_f1").score([truths[0] for truths in gold], gold)
    assert scored.extra["exact_match"] == 1.0
    assert scored.num.count(0.0) == sum(not SquadSaidAnew().tokens(truths[0]) for truths in gold) <= 3


def test_mlqa_rules_of_each_language() -> None:
    assert mlqa.normalise("Der  Hund, das »Tier«", "de") == "hund tier"
    assert mlqa.normalise("el agua; ¿una?", "es") == "agua"
    assert mlqa.normalise("الكتاب والقلم", "ar") == "كتاب و قلم"
    assert mlqa.normalise("những người của Huế", "vi") == "người huế"
    assert mlqa.normalise("the ।राम", "hi") == "the राम"
    assert mlqa.normalise("《红楼梦》 in 1791年", "zh") == "红 楼 梦 in 1791 年"
    assert mlqa.normalise("die", "en") == "die"
    assert metrics.build("mlqa_f1", "en").score(["the"], [["a"]]).score == 0.0, "no token on either side"
    assert metrics.build("mlqa_f1", "de").flips(["Der Hund"], ["Hund"], [["Hund"]]).changed == 0.0
    for language in ("ru", None):
        with pytest.raises(DataError, match="mlqa_f1 has no rules"):
            metrics.build("mlqa_f1", language).score(["a"], [["a"]])


# -- rankings ----------------------------------------------------------------------------------------------------


def made_rankings(relevant: int, seed: int) -> tuple[list[list[str]], list[list[str]]]:
    rng = random.Random(seed)
    candidates = [f"c{n}" for n in range(80)]
    ranked = [rng.sample(candidates, k=rng.choice([5, 20, 60, 80])) for _ in range(120)]
    return ranked, [rng.sample(candidates, k=rng.randint(1, relevant)) for _ in ranked]


def trec(ranked: list[list[str]], gold: list[list[str]], measure: str) -> list[float]:
    """trec_eval's figure of each query. Its ranks come from scores."""
    run = {f"q{n}": {c: float(-r) for r, c in enumerate(one)} for n, one in enumerate(ranked)}
    judged = {f"q{n}": dict.fromkeys(one, 1) for n, one in enumerate(gold)}
    found: dict[str, dict[str, float]] = pytrec_eval.RelevanceEvaluator(judged, {measure}).evaluate(run)
    name = measure.replace(".", "_")
    return [found[f"q{n}"][name] for n in range(len(ranked))]


@pytest.mark.parametrize("seed", range(3))
def test_rankings_are_trec_evals(seed: int) -> None:
    ranked, gold = made_rankings(12, seed)
    texts = [json.dumps(one) for one in ranked]
    top = [one[:20] for one in ranked]
    for name, theirs in {
        "map": trec(ranked, gold, "map"),
        "map_at_20": trec(ranked, gold, "map_cut.20"),
        "mrr_at_20": trec(top, gold, "recip_rank"),
    }.items():
        scored = metrics.build(name).score(texts, gold)
        assert scored.num == pytest.approx(theirs, abs=1e-6), name
        assert scored.score == pytest.approx(mean(scored)) and 0 < scored.score < 1
    scores = {name: metrics.build(name).score(texts, gold).score for name in ("map", "map_at_20")}
    assert scores["map"] > scores["map_at_20"], "relevant candidates below rank 20 count in the uncapped one"


def test_more_relevant_candidates_than_ranks_can_still_score_one() -> None:
    relevant = [f"c{n}" for n in range(30)]
    assert average_precision(relevant, relevant, 20) == 1.0
    assert average_precision(["c0", "x", "c1"], relevant, 3) == pytest.approx((1 + 2 / 3) / 3)
    assert average_precision(["x", "y"], ["z"], 20) == 0.0


def test_rankings_are_checked() -> None:
    metric = metrics.build("map_at_20")
    for prediction, gold, problem in [
        ('["a", "b", "a"]', ["a"], "'a' is ranked twice"),
        ('["a"]', [], "no relevant candidate"),
        ("a b", ["a"], "JSON list"),
        ("[1]", ["1"], "JSON list"),
    ]:
        with pytest.raises(DataError, match=problem):
            metric.score([prediction], [gold])
    assert metric.score(["[]"], [["a"]]).correct == [False]
    assert metric.flips(['["a", "b"]'], ['["b", "a"]'], [["a"]]).right_to_wrong == 1.0


# -- all of them -------------------------------------------------------------------------------------------------


def test_ids_are_paired_strictly() -> None:
    assert metrics.unique(["a", "b"], [1, 2]) == {"a": 1, "b": 2}
    with pytest.raises(DataError, match="'b' occurs twice"):
        metrics.unique(["a", "b", "b"], [1, 2, 3])
    with pytest.raises(DataError, match="'b' occurs twice"):
        metrics.by_id({"a": 1, "b": 2}, ["a", "b", "b"])
    with pytest.raises(DataError, match="1 values for 2 ids"):
        metrics.unique(["a", "b"], [1])
