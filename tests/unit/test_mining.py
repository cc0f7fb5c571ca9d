"""Bitext mining against the protocol said anew: every pair by hand, every threshold tried, F1 over sets of pairs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xtreme_noise import metrics, mining, search
from xtreme_noise.config.splits import GoldConfig
from xtreme_noise.data.bitext import bitext_candidates, bitext_queries, with_gold
from xtreme_noise.data.examples import normalise
from xtreme_noise.errors import DataError
from xtreme_noise.interchange.layout import Items, format_of
from xtreme_noise.modules.mining import distinct

Matrix = np.ndarray[Any, np.dtype[np.float32]]


def by_hand(left: list[list[float]], right: list[list[float]], k: int = 4) -> dict[tuple[int, int], float]:
    """Mined pairs and their scores, sentence by sentence."""
    cosine = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in right] for x in left]
    across = [[row[j] for row in cosine] for j in range(len(right))]

    def nearest(row: list[float]) -> list[int]:
        return sorted(range(len(row)), key=lambda place: -row[place])[:k]

    mean_left = [sum(row[j] for j in nearest(row)) / min(k, len(row)) for row in cosine]
    mean_right = [sum(row[i] for i in nearest(row)) / min(k, len(row)) for row in across]

    def margin(i: int, j: int) -> float:
        return 2 * cosine[i][j] / (mean_left[i] + mean_right[j])

    found = [max((margin(i, j), i, j) for j in nearest(row)) for i, row in enumerate(cosine)]
    found += [max((margin(i, j), i, j) for i in nearest(row)) for j, row in enumerate(across)]
    taken: dict[tuple[int, int], float] = {}
    for score, i, j in sorted(found, reverse=True):
        if score > 0 and all(i != a and j != b for a, b in taken):
            taken[i, j] = score
    return taken


def f1(found: set[Any], gold: set[Any]) -> float:
    """As the official evaluate.py has it."""
    right = len(found & gold)
    if not right:
        return 0.0
    precision, recall = right / len(found), right / len(gold)
    return 2 * precision * recall / (precision + recall)


def sides(seed: int, left: int = 40, right: int = 55, same: int = 15) -> tuple[Matrix, Matrix]:
    """Unit vectors that lean one way, as those of sentences do; the first `same` rows of both sides are alike."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(left, 12)) + 1.0
    y = rng.normal(size=(right, 12)) + 1.0
    y[:same] = x[:same] + 0.4 * rng.normal(size=(same, 12))
    return tuple((m / np.linalg.norm(m, axis=1, keepdims=True)).astype(np.float32) for m in (x, y))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rows", [8192, 7])
def test_pairs_are_those_found_by_hand(seed: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "POOL_ROWS", rows)
    monkeypatch.setattr(search, "QUERY_ROWS", rows)
    x, y = sides(seed)
    found = mining.mine(x, y)
    wanted = by_hand(x.astype(float).tolist(), y.astype(float).tolist())
    pairs = dict(zip(zip(found.left.tolist(), found.right.tolist(), strict=True), found.scores.tolist(), strict=True))
    assert pairs == pytest.approx(wanted, abs=1e-5)
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert len(set(found.left)) == len(set(found.right)) == len(found.scores) >= 15
    assert {(n, n) for n in range(15)} & set(pairs), "some of those that are alike"


def test_fewer_sentences_than_neighbours() -> None:
    x, y = sides(1, left=3, right=2, same=2)
    wanted = by_hand(x.astype(float).tolist(), y.astype(float).tolist())
    found = mining.mine(x, y)
    assert set(zip(found.left.tolist(), found.right.tolist(), strict=True)) == set(wanted)


def test_neighbours_that_are_no_nearer_than_chance() -> None:
    """Two negative numbers make a positive ratio, which says nothing."""
    x = np.array([[1.0, 0.0]], dtype=np.float32)
    assert len(mining.mine(x, -x).scores) == 0


@pytest.mark.parametrize("seed", range(20))
def test_the_best_threshold_is_the_best_of_all(seed: int) -> None:
    rng = random.Random(seed)
    count, missed = rng.randint(1, 40), rng.randint(0, 5)
    scores = [rng.choice([rng.random(), 0.5, 0.7]) for _ in range(count)]
    correct = [rng.random() < 0.2 + 0.6 * score for score in scores]
    gold = sum(correct) + missed
    if not gold:
        return
    found = mining.best_threshold(np.array(scores), np.array(correct), gold)

    def reached(threshold: float) -> float:
        taken = {n for n in range(count) if scores[n] >= threshold}
        return f1(taken, {n for n in range(count) if correct[n]} | {-n for n in range(1, missed + 1)})

    tried = [reached(score) for score in scores] + [reached(0.0)]
    assert reached(found) == pytest.approx(max(tried))
    above = [score for score in scores if score < found]
    assert all(reached(score) <= reached(found) for score in above)


def test_thresholds_of_few_pairs() -> None:
    def best(scores: list[float], correct: list[bool], gold: int) -> float:
        return mining.best_threshold(np.array(scores), np.array(correct, dtype=bool), gold)

    assert best([1.2, 1.0, 1.4], [True, False, True], 2) == pytest.approx(1.1), "midway"
    assert best([1.2, 1.0], [True, True], 2) == 1.0, "all are taken"
    assert best([1.2, 1.0], [False, False], 2) == 0.0 == best([], [], 2)
    assert best([1.2, 1.2, 1.0], [True, False, False], 1) == pytest.approx(1.1), "of one score, both or neither"


def test_halves() -> None:
    names = [f"de-{number:09d}" for number in range(1000)]
    assert 400 < sum(map(mining.half, names)) < 600
    assert [mining.half(name) for name in names[:8]] == [0, 1, 0, 1, 1, 1, 1, 1]


def test_a_text_of_several_ids_has_none() -> None:
    assert distinct(["a", "b", "c", "d"], ["x", "y", "x", "z"]) == (["", "b", "d"], ["x", "y", "z"])


# --- the metric


def test_f1_over_all_pairs() -> None:
    rng = random.Random(3)
    for _ in range(50):
        gold = [[f"e{n}"] if rng.random() < 0.4 else [] for n in range(30)]
        gold[0] = ["e0", "e99"]
        guesses = [rng.choice(["", "", f"e{n}", f"e{n + 1}", f"e{n}\te99"]) for n in range(30)]
        scored = metrics.build("bucc_f1").score(guesses, gold)
        found = {(n, name) for n, guess in enumerate(guesses) for name in guess.split("\t") if name}
        wanted = {(n, name) for n, names in enumerate(gold) for name in names}
        assert scored.score == pytest.approx(f1(found, wanted)) == sum(scored.num) / sum(scored.den)
        assert scored.extra["recall"] == pytest.approx(len(found & wanted) / len(wanted))
        assert scored.extra["precision"] == pytest.approx(len(found & wanted) / (len(found) or 1))


def test_flips_are_of_sentences_with_a_translation() -> None:
    metric = metrics.build("bucc_f1")
    gold: list[list[str]] = [["e0"], ["e1"], [], []]
    flips = metric.flips(["e0", "", "", "e9"], ["", "", "e7", ""], gold)
    assert (flips.changed, flips.right_to_wrong, flips.wrong_to_right) == (0.5, 0.5, 0.0)
    assert metric.score(["e0", "e2", "", "e9"], gold).correct == [True, False, None, False]


@pytest.mark.parametrize(
    ("guesses", "gold", "problem"),
    [
        (["e1"], [[]], "none of 1 sentences has a translation"),
        (["e1\te1"], [["e1"]], "paired twice"),
        (["e1"], [["e1"], []], "1 predictions for 2 gold answers"),
    ],
)
def test_what_cannot_be_scored(guesses: list[str], gold: list[list[str]], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        metrics.build("bucc_f1").score(guesses, gold)


# --- rows


def numbered(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"line {number}", row) for number, row in enumerate(rows, 1)]


SENTENCES = numbered([{"id": "z1", "sentence": "eins"}, {"id": "z2", "sentence": "zwei"}])


def test_gold_pairs_stand_beside_their_sentences() -> None:
    pairs = numbered([{"source_id": "z2", "target_id": "e5"}, {"source_id": "z2", "target_id": "e7"}])
    rows = with_gold(SENTENCES, pairs, GoldConfig(path="g"), "id")
    common: dict[str, Any] = {"family": "mining", "labels": (), "prefix": "test", "what": "w"}
    found = normalise(rows, columns={"query": "sentence"}, **common)
    assert found == [
        {"id": "z1", "query": "eins", "relevant": []},
        {"id": "z2", "query": "zwei", "relevant": ["e5", "e7"]},
    ]
    assert normalise(SENTENCES, columns={"text": "sentence"}, **common)[0] == {"id": "z1", "text": "eins"}
    with pytest.raises(DataError, match="line 1: column 'relevant' is 'e1', expected a list"):
        normalise(numbered([{"query": "a", "relevant": "e1"}]), columns={}, **common)


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([{"source_id": "z9", "target_id": "e5"}], "g: no sentence has the id 'z9'"),
        ([{"source_id": "z1", "target_id": "e5"}] * 2, "line 2: the pair of 'z1' and 'e5' occurs twice"),
        ([{"source_id": "z1", "target": "e5"}], "line 1: column 'target_id' is None"),
    ],
)
def test_gold_that_is_wrong(pairs: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        list(with_gold(SENTENCES, numbered(pairs), GoldConfig(path="g"), "id"))


def test_one_row_with_lists() -> None:
    """The hub's table: places count from 1."""
    row = {"sentence1": ["eins", "zwei", "drei"], "sentence2": ["two", "one"], "gold": [[1, 2], [2, 1]]}
    queries = [made for _, made in bitext_queries(numbered([row]), "de")]
    candidates = {made["id"]: made["text"] for _, made in bitext_candidates(numbered([row]), "de")}
    assert [query["id"] for query in queries] == ["de-000000001", "de-000000002", "de-000000003"]
    paired = {query["query"]: [candidates[name] for name in query["relevant"]] for query in queries}
    assert paired == {"eins": ["one"], "zwei": ["two"], "drei": []}
    for wrong in ([0, 1], [4, 1], [1, 3]):
        with pytest.raises(DataError, match="out of range: positions count from 1"):
            list(bitext_queries(numbered([{**row, "gold": [wrong]}]), "de"))
    with pytest.raises(
        DataError, match="column 'sentence1' is not a list of sentences; the row has sentence1, sentence2"
    ):
        list(bitext_queries(numbered([{**row, "sentence1": "eins"}]), "de"))


# --- prediction files


ITEMS = Items(["z1", "z2", "z3"], [["e1"], [], []], [])


def test_a_line_a_pair(tmp_path: Path) -> None:
    form = format_of("mining", "bucc_f1")
    text = form.write(ITEMS.ids, ["e1", "", "e2\te3"])
    assert text == "z1\te1\nz3\te2\nz3\te3\n" and form.suffix == "tsv"
    (tmp_path / "f").write_text(text)
    assert form.read(tmp_path / "f", ITEMS) == ["e1", "", "e2\te3"]
    (tmp_path / "f").write_text("")
    assert form.read(tmp_path / "f", ITEMS) == ["", "", ""], "a system may find nothing"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("z1 e1\n", "line 1: 'z1 e1' is not a pair"),
        ("z1\te1\te2\n", "is not a pair"),
        ("z1\te1\nz9\te1\n", "line 2: the test set has no sentence 'z9'"),
        ("z1\te1\nz1\te1\n", "line 2: the pair of 'z1' and 'e1' occurs twice"),
    ],
)
def test_pairs_that_are_wrong(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text(text)
    with pytest.raises(DataError, match=problem):
        format_of("mining", "bucc_f1").read(tmp_path / "f", ITEMS)


def test_the_real_sample_set(shared_data: Path) -> None:
    """Every pair joins two sentences that are there, none of which stands there twice."""
    from tests.real import lines

    folder = shared_data / "bucc2018"
    queries, candidates = (
        {row["id"]: row["sentence"] for row in lines(folder / f"dev.zh-en.{side}.jsonl.gz")} for side in ("zh", "en")
    )
    pairs = [(row["source_id"], row["target_id"]) for row in lines(folder / "dev.zh-en.gold.jsonl.gz")]
    assert (len(queries), len(candidates), len(pairs)) == (8624, 13589, 257)
    for side, names in ((queries, {pair[0] for pair in pairs}), (candidates, {pair[1] for pair in pairs})):
        assert names <= set(distinct(list(side), list(side.values()))[0])
