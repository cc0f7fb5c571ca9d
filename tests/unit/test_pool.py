"""Rows of answer retrieval, and the pool they are asked against: what is right in any language is right in each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import write
from xtreme_noise import tasks
from xtreme_noise.config import compose
from xtreme_noise.config.schema import SourceConfig
from xtreme_noise.config.splits import JoinConfig, SplitConfig
from xtreme_noise.data.candidate_pool import CandidatePool
from xtreme_noise.data.examples import normalise
from xtreme_noise.data.row_fixes import joined
from xtreme_noise.data.row_makers import MAKERS
from xtreme_noise.data.sources import SplitRef, without_overlap
from xtreme_noise.errors import DataError
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.plan import test_reference as held_out
from xtreme_noise.store import Store

CONTEXT = "It rained. The cat slept in the barn. Nobody came."
ROW = {"id": "q", "question": "Where?", "context": CONTEXT, "answers": {"text": ["the barn"], "answer_start": [28]}}
COMMON: dict[str, Any] = {"family": "ranking", "labels": (), "prefix": "x", "what": "w"}


def made(maker: str, row: Mapping[str, Any] = ROW, columns: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    given = {"query": "question"} if columns is None else columns
    return normalise(MAKERS[maker]([("line 1", row)], "en"), columns=given, **COMMON)


def test_rows_made_of_span_qa() -> None:
    sentence = "The cat slept in the barn."
    assert made("answer_sentence") == [{"id": "q", "query": "Where?", "text": sentence, "context": CONTEXT}]
    [question], pool = made("answer_ids"), made("all_sentences", columns={})
    assert [row["text"] for row in pool] == ["It rained.", sentence, "Nobody came."]
    assert question == {"id": "q", "query": "Where?", "relevant": [pool[1]["id"]]}
    assert len({row["id"] for row in pool}) == 3
    twice = list(MAKERS["all_sentences"]([("1", ROW), ("2", ROW | {"id": "r"})], "en"))
    assert len(twice) == 3, "a context of two questions is in the pool once"
    with pytest.raises(DataError, match="line 1: answer 'the barn' is not at code point 3"):
        made("answer_sentence", ROW | {"answers": {"text": ["the barn"], "answer_start": [3]}})
    with pytest.raises(DataError, match="line 1: column 'context' is None"):
        made("all_sentences", {"id": "q", "text": "t"})


@pytest.mark.parametrize("relevant", [[], [1], None])
def test_a_question_without_right_answers(relevant: Any) -> None:
    with pytest.raises(DataError, match="line 1: column 'relevant'"):
        normalise([("line 1", {"query": "q", "relevant": relevant})], columns={}, **COMMON)


def test_joined() -> None:
    join = JoinConfig(path="other", by="k", columns=["c"])
    rows = joined([("1", {"k": 1}), ("2", {"k": 2})], [("a", {"k": 2, "c": "x"}), ("b", {"k": 1, "c": "y"})], join)
    assert [row for _, row in rows] == [{"k": 1, "c": "y"}, {"k": 2, "c": "x"}]
    with pytest.raises(DataError, match="1: no row of other has k 3"):
        list(joined([("1", {"k": 3})], [("a", {"k": 2, "c": "x"})], join))
    with pytest.raises(DataError, match="a: no column 'c'"):
        list(joined([("1", {"k": 3})], [("a", {"k": 2})], join))


def reference(root: Path, part: str, language: str) -> SplitRef:
    name = {"test": "questions", "pool": "candidates"}[part]
    split = SplitConfig(path=f"{name}.{{language}}.jsonl.gz")
    return SplitRef("files", split, part, language, "ranking", (), SourceConfig(root=str(root)))


def world(root: Path, *languages: str) -> CandidatePool:
    for code in languages:
        write(root / f"questions.{code}.jsonl.gz", [{"id": "q", "query": "Q", "relevant": [f"{code}1"]}])
        write(root / f"candidates.{code}.jsonl.gz", [{"id": f"{code}{n}", "text": f"{code} {n}"} for n in range(3)])
    return pooled(root, *languages)


def pooled(root: Path, *languages: str) -> CandidatePool:
    return CandidatePool(
        tuple(reference(root, "pool", code) for code in languages),
        tuple(reference(root, "test", code) for code in languages),
    )


def test_right_answers_of_all_languages(tmp_path: Path) -> None:
    languages, store = ("en", "de", "zh"), Store(tmp_path / "store")
    pool = world(tmp_path, *languages)
    data = pool.complete(reference(tmp_path, "test", "de").load(store), store)
    assert data["relevant"][:] == [["de1", "en1", "zh1"]]
    assert len(pool.load(store)) == 9
    write(tmp_path / "questions.zh.jsonl.gz", [{"id": "q", "query": "Q", "relevant": ["zh9"]}])
    pool = pooled(tmp_path, *languages)
    with pytest.raises(DataError, match="the right answer 'zh9' of 'q' is not among the 9 candidates"):
        pool.complete(reference(tmp_path, "test", "de").load(store), store)
    write(tmp_path / "candidates.zh.jsonl.gz", [{"id": "de1", "text": "again"}])
    with pytest.raises(DataError, match="have the same id"):
        pooled(tmp_path, *languages).load(store)


def test_training_on_a_context_of_the_pool_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    write(tmp_path / "candidates.en.jsonl.gz", [{"id": "1", "text": "It rained.", "context": CONTEXT}])
    write(tmp_path / "questions.en.jsonl.gz", [{"id": "q", "query": "Who?", "relevant": ["1"]}])
    tests = [reference(tmp_path, part, "en").load(store) for part in ("pool", "test")]
    split = SplitConfig(path="train.en.jsonl.gz", columns={"query": "question"}, make="answer_sentence")
    write(tmp_path / "train.en.jsonl.gz", [ROW])
    train = SplitRef("files", split, "train", "en", "ranking", (), SourceConfig(root=str(tmp_path))).load(store)
    with pytest.raises(DataError, match="1 of 1 training examples occur in the test set"):
        without_overlap(train, tests, "ranking", "refuse", "w")
    assert tasks.family("ranking").identify({"text": "an entity"}) == "", "a candidate alone is nothing to leak"
    assert tasks.family("ranking").identify({"query": "who", "text": "an entity"}) == "who"


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize(
    ("task", "language", "questions", "candidates", "right"),
    [("lareqa", "th", 1190, 13014, {11}), ("mlqa_r", "vi", 511, 20534, {2, 3, 4})],
)
def test_real_pools(
    shared_data: Path, tmp_path: Path, task: str, language: str, questions: int, candidates: int, right: set[int]
) -> None:
    """Counts of LAReQA's README; how many answers a question has."""
    [job] = compose.jobs([f"task={task}", "model=tiny", "source=files", f"source.root={shared_data}"])
    plan, store = Plan(job), Store(tmp_path)
    assert plan.pool is not None
    data = plan.pool.complete(held_out(job, language).load(store), store)
    assert len(data) == questions and {len(ids) for ids in data["relevant"]} == right
    pool = plan.pool.load(store)
    assert len(pool) == candidates
    assert all(row["text"] in row["context"] for row in pool.select(range(0, len(pool), 50)))
