"""What is resampled together: the questions of a paragraph, the hypotheses of a premise, in all languages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from tests.unit.sweep_factory import Spec, make
from xtreme_noise import tasks
from xtreme_noise.data.candidate_pool import CandidatePool
from xtreme_noise.report import predictions
from xtreme_noise.report.predictions import source_items
from xtreme_noise.report.study import read_study
from xtreme_noise.stages.evaluate import LanguageSession

IDS = ["q2", "q1", "q3"]


def grouped(family: str, data: dict[str, Any], pool: Any = None) -> list[str]:
    """The source items of IDS, whose data come in another order."""
    task = SimpleNamespace(family=family)
    plan = SimpleNamespace(cfg=SimpleNamespace(task=task), pool=pool)
    session: Any = SimpleNamespace(data=lambda: Dataset.from_dict(data), plan=plan, store=None)
    return LanguageSession._source_items(session, IDS)


def test_examples_of_a_paragraph_or_premise_have_its_first_id() -> None:
    ids = ["q1", "q2", "q3"]
    assert grouped("qa", {"id": ids, "context": ["one", "two", "one"]}) == ["q2", "q1", "q1"]
    assert grouped("classification", {"id": ids, "text": ["two", "one", "one"]}) == ["q2", "q1", "q2"]
    assert grouped("tagging", {"id": ids, "tokens": [["a"], ["a"], ["a"]]}) == IDS
    assert {name: tasks.family(name).together for name in tasks.names() if tasks.family(name).together} == {
        "qa": "context", "classification": "text", "ranking": "context"
    }  # fmt: skip


def test_queries_of_a_paragraph_are_one_where_candidates_have_paragraphs() -> None:
    class Part:
        def __init__(self, **columns: list[str]) -> None:
            self.data = Dataset.from_dict(columns)

        def load(self, _: Any) -> Dataset:
            return self.data

    test = {"id": ["q1", "q2", "q3"], "relevant": [["en:0", "de:0"], ["en:1", "de:1"], ["en:2"]]}
    parts: Any = (
        Part(id=["en:0", "en:1", "en:2"], context=["A", "A", "B"]),
        Part(id=["de:0", "de:1"], context=["C", "C"]),
    )
    assert grouped("ranking", test, CandidatePool(parts, ())) == ["q1", "q1", "q3"]
    bare: Any = (Part(id=["en:0", "en:1", "en:2"], text=["x", "y", "z"]),)
    assert grouped("ranking", test, CandidatePool(bare, ())) == IDS


def test_an_item_of_one_language_is_one_in_all() -> None:
    """German lacks the paragraph's first question, and Spanish has two premises alike."""
    found = source_items({
        "en": (["1", "2", "3", "4"], ["1", "1", "3", "4"]),
        "de": (["2", "3", "4"], ["2", "3", "4"]),
        "es": (["3", "4"], ["3", "3"]),
    })  # fmt: skip
    assert {name: items.tolist() for name, items in found.items()} == {
        "en": ["1", "1", "3", "3"], "de": ["1", "3", "3"], "es": ["3", "3"]
    }  # fmt: skip
    apart = source_items({"de": (["1", "2"], ["de|1", "de|1"]), "es": (["1", "2"], ["es|1", "es|2"])})
    assert {name: items.tolist() for name, items in apart.items()} == {"de": ["de|1", "de|1"], "es": ["es|1", "es|2"]}
    cases = source_items({"de": (["a/0", "a/1"], ["a", "a"])})
    assert cases["de"].tolist() == ["a", "a"]


def test_intervals_are_over_paragraphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten questions a paragraph that are right or wrong together: a tenth of the evidence, and a wider interval."""
    monkeypatch.setattr(predictions, "RESAMPLES", 499)
    spec = Spec(languages=("en",), intermediates=("none",), noises=(), items=100)
    width = {}
    for size in (1, 10):
        sweep = make(tmp_path / str(size), spec)
        [cell] = pq.read_table(sweep / "cells.parquet").to_pylist()
        path = sweep / "predictions" / f"{cell['cell']}.parquet"
        table = pq.read_table(path)
        ids = table["id"].to_pylist()
        right = [float(n // 10 % 2) for n in range(100)]
        table = table.set_column(1, "cluster", pa.array([ids[n - n % size] for n in range(100)]))
        pq.write_table(table.set_column(2, "num", pa.array(right)), path)
        cells = pq.read_table(sweep / "cells.parquet")
        at = cells.column_names.index("score")
        pq.write_table(cells.set_column(at, "score", pa.array([0.5])), sweep / "cells.parquet")
        study = read_study(sweep)
        assert not study.problems and study.evidence["xnli"].items == {"en": 100 // size}
        [point] = study.points
        assert point.score.low is not None and point.score.high is not None
        width[size] = point.score.high - point.score.low
    assert width[10] == pytest.approx(np.sqrt(10) * width[1], rel=0.25)
