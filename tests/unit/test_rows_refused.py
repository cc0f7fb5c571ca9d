"""Rows that no model should see: refused with file and line, never a traceback and never in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xtreme_noise import metrics
from xtreme_noise.config.fits import EMBEDDED, METRICS
from xtreme_noise.config.schema import PRETRAINING
from xtreme_noise.data import embedded, files
from xtreme_noise.data.examples import normalise
from xtreme_noise.errors import DataError
from xtreme_noise.modules import MODULES

PAIR = {"premise": "a b", "hypothesis": "c d", "label": 0}
LINES = {
    b'{"premise": "a", "hypothesis": "b", "label": 0, "label": 2}': "the key 'label' is there twice",
    b'{"premise":' + b"[" * 100_000 + b"]" * 100_000 + b"}": "not JSON",
    b"\xef\xbb\xbf" + json.dumps(PAIR).encode(): "byte order mark",
    b'{"premise": "a \\ud800 b", "hypothesis": "c", "label": 0}': "half a surrogate pair",
    b'{"id": "\\ud800", "premise": "a", "hypothesis": "c", "label": 0}': "half a surrogate pair",
    json.dumps(PAIR | {"premise": "\u200b"}).encode(): "text that is not empty",
    json.dumps(PAIR | {"premise": 5}).encode(): "'text' is 5, wanted text (in quotes) ('text' is 'premise' there)",
}


def rows(path: Path) -> list[dict[str, Any]]:
    return normalise(
        files.rows(path), family="classification", labels=["yes", "no"],
        columns={"text": "premise", "text_pair": "hypothesis"}, prefix="test", what="it",
    )  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_named(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(DataError) as refused:
        rows(path)
    assert f"{path}, line 1: " in str(refused.value)
    assert LINES[line] in str(refused.value)


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    count = range(1000)
    table = pa.table({"premise": [f"a{n}" for n in count], "hypothesis": ["b"] * 1000, "label": [0] * 1000})
    pq.write_table(table, path, compression="none")
    content = bytearray(path.read_bytes())
    content[content.find(b"a500")] ^= 0x80  # no UTF-8
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path}: cannot be read as parquet"):
        rows(path)


ANSWERS: list[Any] = [
    {"text": ["f"], "answer_start": [-1]},
    {"text": ["abc"], "answer_start": [0.7]},
    {"text": [""], "answer_start": [0]},
    {"text": [" "], "answer_start": [3]},
    {"text": ["abc", "def"], "answer_start": [0]},
    {"text": ["abc"]},
    {"text": ["abc"], "answer_start": ["x"]},
    {"text": ["abc"], "answer_start": [None]},
    {"text": ["abc"], "answer_start": [True]},
    {"text": [None], "answer_start": [0]},
    {"text": ["abc"], "answer_start": 0},
    {"text": "abc", "answer_start": [0]},
    [{"text": "abc", "answer_start": 0}],
    None,
]


@pytest.mark.parametrize("answers", ANSWERS, ids=str)
def test_an_answer_of_another_shape_or_place_is_named(answers: Any) -> None:
    row = {"question": "which?", "context": "abc def", "answers": answers}
    with pytest.raises(DataError, match=r"^f, line 3: "):
        normalise([("f, line 3", row)], family="qa", labels=[], columns={}, prefix="t", what="it")


def test_answers_that_are_right_pass() -> None:
    row = {"question": "which?", "context": "abc def", "answers": {"text": ["def"], "answer_start": [4.0]}}
    [found] = normalise([("", row)], family="qa", labels=[], columns={}, prefix="t", what="it")
    assert found["answers"] == {"text": ["def"], "answer_start": [4]}
    assert isinstance(found["answers"]["answer_start"][0], int)


@pytest.mark.parametrize("token", [" ", "\n", "\u00a0", ""])
def test_a_token_of_spaces_is_named(token: str) -> None:
    row = {"tokens": ["a", token], "tags": [0, 0]}
    with pytest.raises(DataError, match=r"f, line 3: token .* is not text"):
        normalise([("f, line 3", row)], family="tagging", labels=["A", "B"], columns={}, prefix="t", what="it")


def test_accuracy_is_a_quotient_of_counts() -> None:
    scored = metrics.build("accuracy").score(["a"] * 3 + ["b"] * 7, ["a"] * 10)
    assert scored.score == 0.3  # not .30000001192092896


def test_what_is_known_without_loading_anything_is_true() -> None:
    """Names that are checked before torch is there are those of the modules that need it."""
    assert {name for known in METRICS.values() for name in known} <= set(metrics.names())
    assert set(METRICS["ranking"]) == set(metrics.RANKINGS)
    assert {name for name, kind in MODULES.items() if kind.renews or kind.pairs_noise} == set(PRETRAINING)
    assert EMBEDDED == embedded.PATHS
