from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from tokenizers import Regex, normalizers

from tests.unit.tiny_modules import NLI, module, predictor
from xtreme_noise import metrics, tasks
from xtreme_noise.modules import module_class
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.qa import MAX_ANSWER, best_span
from xtreme_noise.modules.retrieval import RetrievalModule


def test_every_input_is_encoded_once_and_batching_changes_nothing(tiny: Path) -> None:
    some = module(tiny, "classification", ["x", "y", "z"])
    one, other = predictor(some, tokens=64), predictor(some, tokens=100_000)
    assert one.predict(NLI) == other.predict(NLI)
    half = {name: values[:20] for name, values in NLI.items()}
    assert [cost.tokens for cost in one.encode([NLI, half])] == [0, 0]
    one.forget()
    first, second, third = one.encode([half, NLI, half])
    assert 0 < first.tokens < second.tokens + first.tokens and second.tokens > 0 and third.tokens == 0
    assert one.predict(NLI) == other.predict(NLI)
    one.forget(but=half)
    assert [cost.tokens for cost in one.encode([half, NLI])] == [0, second.tokens]


def test_length_order_does_not_mix_up_examples(tiny: Path) -> None:
    some = module(tiny, "retrieval")
    texts = ["word " * (n % 13 + 1) + str(n) for n in range(50)]
    columns = {"id": [str(n) for n in range(50)], "query": texts, "candidate": texts}
    assert predictor(some, tokens=128).predict(columns) == columns["id"]


def test_long_sentences_are_windowed_and_no_token_is_lost(tiny: Path) -> None:
    some = module(tiny, "tagging", ["A", "B"], max_length=16)
    sentences = [["word"] * n for n in (1, 3, 40)] + [["x" * 500, "y"], ["\u200b", "\ufe0f", "a"]]
    tags = [[n % 2 for n in range(len(tokens))] for tokens in sentences]
    columns: dict[str, Any] = {"tokens": sentences, "tags": tags}
    predictions = predictor(some).predict(columns)
    assert [len(p.split()) for p in predictions] == [len(tokens) for tokens in sentences]
    features = some.training_features(columns)
    assert all(len(f["input_ids"]) <= 16 for f in features)
    labels = [label for f in features for label in f["labels"] if label != -100]
    assert labels == [tag for row in tags for tag in row]


QA: dict[str, Any] = {
    "question": ["what?", "who " * 60],
    "context": ["zero one two three " * 30 + "here it is", "short one"],
    "answers": [{"text": ["here it"], "answer_start": [19 * 30]}, {"text": ["short"], "answer_start": [0]}],
}


def test_qa_windows_hold_the_answer_and_lose_no_context(tiny: Path) -> None:
    some = module(tiny, "qa", max_length=64)
    features = some.training_features(QA)
    assert all(len(f["input_ids"]) <= 64 for f in features)
    found = [f for f in features if f["start_positions"] > 0]
    decoded = {some.tokenizer.decode(f["input_ids"][f["start_positions"] : f["end_positions"] + 1]) for f in found}
    assert {text.replace(" ", "") for text in decoded} == {"hereit", "short"}
    for answer, alone in ((" here it ", "here it"), (" short", "short")):  # the space at an edge has no token
        one = {name: [column[alone == "short"]] for name, column in QA.items()}
        text: str = one["context"][0]
        one["context"], at = [f" {text} "], text.index(alone) + 1
        edge = some.training_features(
            one | {"answers": [{"text": [answer], "answer_start": [at - answer.index(alone)]}]}
        )
        assert sum(f["start_positions"] > 0 for f in edge) == 1
    units: list[Any] = [unit for (unit,) in some.units(QA)]
    for unit, windows in zip(units, some.features(units), strict=True):
        covered = {at for window in windows for low, high in window["_offsets"] for at in range(low, high)}
        letters = {at for at, letter in enumerate(unit[1]) if not letter.isspace()}
        assert letters <= covered, "a part of the context is in no window"


@pytest.fixture
def reader(tiny: Path) -> TaskModule:
    """Span QA with a tokenizer that drops some characters and composes others, as XLM-R's does."""
    some: Any = module(tiny, "qa", max_length=32)
    dropped = normalizers.Replace(Regex("[\u200b-\u200f\ufeff\ufffd]"), "")
    some.tokenizer.backend_tokenizer.normalizer = normalizers.Sequence([dropped, normalizers.NFC()])
    return cast(TaskModule, some)


def answered(some: TaskModule, context: str, answer: str) -> list[str]:
    """What the windows are trained on, without those that do not hold the answer."""
    columns = {"question": ["q"], "context": [context]}
    answers = [{"text": [answer], "answer_start": [context.index(answer)]}]
    spans = [
        f["input_ids"][f["start_positions"] : f["end_positions"] + 1]
        for f in some.training_features(columns | {"answers": answers})
        if f["start_positions"]
    ]
    return ["".join(some.tokenizer.convert_ids_to_tokens(ids)) for ids in spans]


@pytest.mark.parametrize(
    ("context", "answer", "wanted"),
    [
        ("in York.\u200b Then", "York.\u200b", "York."),
        ("in \u200eYork. Then", "\u200eYork", "York"),
        ("in \u200e; 572 and", "\u200e; 572", ";572"),
        ("in \ufeff\u200d York \u200b\ufffd , then", "\ufeff\u200d York \u200b\ufffd ", "York"),
        ("a cafe\u0301 is", "cafe\u0301", "caf\u00e9"),
        ("\u1112\u1161\u11ab is", "\u1112\u1161\u11ab", "\ud55c"),
        ("York\u200b", "York\u200b", "York"),
        ("a\u200bb", "a\u200bb", "ab"),
        ("York is", "York", "York"),
        (f"{'no ' * 40}York\u200b is", "York\u200b", "York"),
    ],
)
def test_an_answer_is_trained_without_what_has_no_token(
    reader: TaskModule, context: str, answer: str, wanted: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = answered(reader, context, answer)
    assert found and set(found) == {wanted}
    assert not caplog.records


def test_what_no_window_holds_is_said_for_its_cause(reader: TaskModule, caplog: pytest.LogCaptureFixture) -> None:
    assert answered(reader, "in \ufffd York", "\ufffd") == []
    assert "1 of 1 answers have no token" in caplog.text and "longer" not in caplog.text
    caplog.clear()
    assert (
        answered(
            reader,
            "in Yorkshire, which is longer than a window has room \u200b.",
            "Yorkshire, which is longer than a window has room \u200b",
        )
        == []
    )
    assert "1 of 1 answers are longer" in caplog.text and "no token" not in caplog.text


def test_best_span_is_the_best_allowed_one() -> None:
    torch.manual_seed(1)
    offsets = [(0, 0)] * 3 + [(n, n + 1) for n in range(60)] + [(0, 0)]
    for _ in range(20):
        logits = torch.randn(2, len(offsets))
        allowed = [
            (float(logits[0, s] + logits[1, e]), offsets[s][0], offsets[e][1])
            for s in range(3, 63)
            for e in range(s, min(63, s + MAX_ANSWER))
        ]
        score, low, high = best_span(logits, offsets)
        expected = max(allowed)
        assert (low, high) == expected[1:] and score == pytest.approx(expected[0], abs=1e-5)


def test_retrieval_pools_without_padding(tiny: Path) -> None:
    some = module(tiny, "retrieval")
    together, alone = predictor(some), predictor(some)
    columns = {"id": ["0", "1"], "query": ["a", "a much longer sentence than that"], "candidate": ["b", "c"]}
    together.predict(columns)
    alone.predict({"id": ["0"], "query": ["a"], "candidate": ["b"]})
    assert together._values["a"] == pytest.approx(alone._values["a"], abs=1e-5)
    assert float((together._values["a"] ** 2).sum()) == pytest.approx(1, abs=1e-5)


def test_prefix_and_layer_change_embeddings(tiny: Path) -> None:
    some = module(tiny, "retrieval")
    plain = some.features(["abc"])[0][0]["input_ids"]
    some.prefix = "query: "
    assert len(some.features(["abc"])[0][0]["input_ids"]) > len(plain)


@pytest.mark.parametrize("family", sorted(tasks.names()))
def test_trained_models_open_with_from_pretrained(tiny: Path, tmp_path: Path, family: str) -> None:
    labels = ["A", "B"] if family in ("classification", "tagging") else []
    some = module(tiny, family, labels)
    some.model.save_pretrained(tmp_path)
    again = module_class(family).auto_class.from_pretrained(tmp_path)
    before, after = some.model.state_dict(), again.state_dict()
    assert before.keys() <= after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert not list(tmp_path.glob("*.bin")), "pickled weights"
    if labels:
        assert again.config.id2label == {0: "A", 1: "B"}


def test_of_equal_candidates_the_row_of_the_query_is_right_and_the_first_is_taken() -> None:
    """As XTREME and MTEB count (docs/xtreme_r.md)."""
    columns = {"id": ["1", "2", "3"], "query": ["a", "b", "c"], "candidate": ["x", "x", "z"]}
    values: dict[Any, Any] = {name: np.eye(2, dtype=np.float32)[[int(name in "cz")]] for name in "abcxz"}
    found = RetrievalModule._nearest(columns, values, 0)
    assert found == ["1", "1", "3"]
    assert metrics.build("accuracy").score(found, columns["id"]).correct == [True, False, True]
