"""Rows that no model should see: refused with file and line, never a traceback and never in silence."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xtreme_noise import metrics, parts, tasks
from xtreme_noise.config.fits import EMBEDDED
from xtreme_noise.config.schema import SourceConfig
from xtreme_noise.config.splits import JoinConfig, RepairConfig, SplitConfig
from xtreme_noise.data import embedded, files, sib200
from xtreme_noise.data.examples import normalise
from xtreme_noise.data.paired_noise import paired
from xtreme_noise.data.row_fixes import joined, repaired
from xtreme_noise.data.row_makers import MAKERS
from xtreme_noise.data.sources import SplitRef
from xtreme_noise.data.translations import beside
from xtreme_noise.errors import DataError
from xtreme_noise.interchange.layout import Items, format_of
from xtreme_noise.modules import module_class
from xtreme_noise.store import Store

PAIR = {"premise": "a b", "hypothesis": "c d", "label": 0}
LINES = {
    b'{"premise": "a", "hypothesis": "b", "label": 0, "label": 2}': "the key 'label' occurs twice",
    b'{"premise":' + b"[" * 100_000 + b"]" * 100_000 + b"}": "not JSON",
    b"\xef\xbb\xbf" + json.dumps(PAIR).encode(): "byte order mark",
    b'{"premise": "a \\ud800 b", "hypothesis": "c", "label": 0}': "half a surrogate pair",
    b'{"id": "\\ud800", "premise": "a", "hypothesis": "c", "label": 0}': "half a surrogate pair",
    json.dumps(PAIR | {"premise": "\u200b"}).encode(): "text that is not empty",
    json.dumps(PAIR | {"unused": float("nan")}).encode(): "not JSON: NaN is not JSON (a missing value is null)",
    json.dumps(PAIR | {"label": float("-inf")}).encode(): "not JSON: -Infinity is not JSON",
    json.dumps(PAIR | {"label": 10**400}).encode(): "10000000000000000000... (401 digits) is a number beyond 64 bits",
    json.dumps(PAIR | {"id": 2**63}).encode(): "9223372036854775808 is a number beyond 64 bits",
    json.dumps(PAIR | {"label": 0.5}).replace("0.5", "1e999").encode(): "1e999 is a number beyond 64 bits",
    json.dumps(PAIR | {"label": 0.5}).replace("0.5", "9" * 5000).encode(): "(5000 digits) is a number beyond 64 bits",
    b'{"premise": "a", "hypothesis": "c", "label": 0, "\\uD800": 1}': "half a surrogate pair",
    json.dumps(PAIR | {"id": [1]}).encode(): "column 'id' is [1], expected text or a number",
    json.dumps(PAIR | {"premise": 5}).encode(): "'text' is 5, expected text (in quotes) ('text' is 'premise' there)",
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
    {"text": ["abc"], "answer_start": [10**400]},
    {"text": ["abc"], "answer_start": [-(10**400)]},
    {"text": ["abc"], "answer_start": [float("inf")]},
    {"text": ["abc"], "answer_start": [float("nan")]},
    {"text": ["abc"], "answer_start": [1e308]},
    {"text": ["abc"], "answer_start": [[0]]},
    {"text": {"a": "abc"}, "answer_start": [0]},
    {"text": ["\ud800"], "answer_start": [0]},
    {"text": [None], "answer_start": [0]},
    {"text": ["abc"], "answer_start": 0},
    {"text": "abc", "answer_start": [0]},
    [{"text": "abc", "answer_start": 0}],
    None,
]


def named(answers: Any) -> str:
    return str(answers)[:40].encode("ascii", "replace").decode()


@pytest.mark.parametrize("answers", ANSWERS, ids=named)
def test_an_answer_of_another_shape_or_place_is_named(answers: Any) -> None:
    row = {"question": "which?", "context": "abc def", "answers": answers}
    with pytest.raises(DataError, match=r"^f, line 3: "):
        normalise([("f, line 3", row)], family="qa", labels=[], columns={}, prefix="t", what="it")
    for maker in ("answer_ids", "answer_sentence", "all_sentences"):  # before rows are checked
        with pytest.raises(DataError, match=r"^f, line 3: "):
            list(MAKERS[maker]([("f, line 3", row)], "en"))


def test_answers_that_are_right_pass() -> None:
    row = {"question": "which?", "context": "abc def", "answers": {"text": ["def"], "answer_start": [4.0]}}
    [found] = normalise([("", row)], family="qa", labels=[], columns={}, prefix="t", what="it")
    assert found["answers"] == {"text": ["def"], "answer_start": [4]}
    assert isinstance(found["answers"]["answer_start"][0], int)


SIDES: dict[str, list[dict[str, Any]]] = {
    "no column": [{"other": 1}],
    "a list": [{"id": [1], "text": "b"}],
    "no number": [{"id": float("nan"), "text": "b"}],
    "nothing": [{"id": None, "text": "b"}],
    "no text": [{"id": "1"}],
    "another one": [{"id": "2", "text": "b"}],
    "two that differ": [{"id": "1", "text": "b"}, {"id": "1", "text": "c"}],
}
READERS: dict[str, Callable[[Any, Any], Any]] = {
    "noisy": lambda rows, other: paired(rows, other, {"text": "text"}),
    "repair": lambda rows, other: repaired(rows, other, RepairConfig("right", "id", ["text"]), "it"),
    "join": lambda rows, other: joined(rows, other, JoinConfig("other", "id", ["text"])),
    "parallel": lambda rows, other: beside(rows, other, "text", "id"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("side", SIDES)
def test_the_other_file_is_named_too(reader: str, side: str) -> None:
    other = [(f"other, line {number}", row) for number, row in enumerate(SIDES[side], 1)]
    with pytest.raises(DataError, match=r"^(other|rows), line \d: "):
        list(READERS[reader]([("rows, line 1", {"id": "1", "text": "a"})], other))
    for identifier in ([1], None, {"a": 1}):
        with pytest.raises(DataError, match=r"^rows, line 1: column 'id'"):
            right = [("other, line 1", {"id": "1", "text": "b"})]
            list(READERS[reader]([("rows, line 1", {"id": identifier, "text": "a"})], right))


def test_the_same_row_twice_is_one() -> None:
    other = [("other", {"id": "1", "text": "b", "n": n}) for n in range(2)]
    assert [row["text"] for _, row in joined([("rows", {"id": "1"})], other, JoinConfig("other", "id", ["text"]))] == [
        "b"
    ]


PAIRS = [["1", 2], [1], [1, 2, 3], [1, None], [1.0, 2], [True, 1], 3, "ab", {"a": 1}]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_pair_of_other_things_is_named(pair: Any) -> None:
    row = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "gold": [[1, 1], pair]}
    with pytest.raises(DataError, match=r"^f, row 1: column 'gold'"):
        list(MAKERS["bitext_queries"]([("f, row 1", row)], "de"))


TEMPLATE = {"field": "Name", "en": "x", "variants": [{"text": "y", "placeholders": None}]}


@pytest.mark.parametrize(
    "row",
    [
        {"field": 3}, {"en": None}, {"variants": None}, {"variants": ["y"]}, {"variants": [{"text": 1}]},
        {"variants": [{"text": "y", "placeholders": 1}]}, {"field": "Context"}, {"field": "Answer"},
    ],
    ids=str,
)  # fmt: skip
def test_a_template_of_another_shape_is_named(row: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"^f, line 1: "):
        list(MAKERS["filled_templates"]([("f, line 1", TEMPLATE | row)], "de"))


def test_an_error_of_many_rows_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps(TEMPLATE) + "\n")
    split = SplitConfig("t.jsonl", make="filled_templates")
    reference = SplitRef("files", split, "test", "de", "qa", (), SourceConfig(kind="files", root=str(tmp_path)))
    with pytest.raises(DataError, match=r"^files:t\.jsonl\[de\]: the templates of de lack the test comparisons"):
        reference.load(Store(tmp_path / "store"))


def test_a_column_twice_and_dates_beyond_ours_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    one = pa.array(["a"])
    pq.write_table(pa.Table.from_arrays([one, one], ["premise", "premise"]), path)
    with pytest.raises(DataError, match=f"{path}: the column 'premise' occurs twice"):
        rows(path)
    pq.write_table(pa.table({"premise": ["a"], "day": pa.array([2**31 - 1], pa.date32())}), path)
    with pytest.raises(DataError, match=f"{path}: cannot be read as parquet"):
        rows(path)


def test_tags_and_labels_of_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "tags.tsv"
    path.write_bytes(b"\xef\xbb\xbfcat\tN\n")
    with pytest.raises(DataError, match=f"{path}, line 1: begins with a byte order mark"):
        list(files.rows(path))
    path.write_bytes(b"cat\tN\n\xff\tN\n")
    with pytest.raises(DataError, match=f"{path}, after line 0: cannot be read"):
        list(files.rows(path))
    path.write_bytes(b"yes\nn\xf6\n")
    with pytest.raises(DataError, match=f"{path}, after line 0: cannot be read"):
        files.labels("tags.tsv", str(tmp_path))
    gz = sib200.path(tmp_path, "test", "de")
    gz.parent.mkdir()
    gz.write_bytes(gzip.compress(b'{"text": 3}\n'))
    with pytest.raises(DataError, match=f"{gz}, line 1: column 'text' is 3"):
        sib200.sentences(tmp_path, "test", "de")


ANSWERS_OF_OTHERS = {
    "qa": ['{"1": NaN}', '{"1": "\\ud800"}', '{"1":' + "[" * 100_000, '{"1": 1e999}'],
    "multiple_choice": ["NaN", '{"label": 1e999}', "[" * 100_000, f'{{"label": {10**400}}}', '{"label": true}'],
    "retrieval": ["9" * 5000, "-1", "1.0", "\u0661\u0662"],
}


@pytest.mark.parametrize(
    ("family", "line"), [(name, line) for name, some in ANSWERS_OF_OTHERS.items() for line in some]
)
def test_predictions_of_others_are_read_as_strictly(tmp_path: Path, family: str, line: str) -> None:
    path = tmp_path / "test-de"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match=f"{path}") as refused:
        format_of(family, "accuracy").read(path, Items(["1"], [["a"]], [], [2]))
    assert len(str(refused.value)) < 500


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
    assert {name for family in tasks.names() for name in tasks.family(family).metrics} <= set(metrics.names())
    for kind in (parts.TASKS, parts.NOISE, parts.METRICS, parts.LOADERS, parts.SOURCES, parts.TRACKERS):
        wanted = parts.attribute(kind.wanted)
        for name in kind.names():
            part = kind.get(name)
            assert isinstance(part, wanted) or issubclass(part, wanted), (kind.group, name)
            assert getattr(part, "name", name) == name or kind in (parts.LOADERS, parts.SOURCES)
    assert {name for name in tasks.names() if module_class(name).renews or module_class(name).pairs_noise} == set(
        tasks.having("pretraining")
    )
    assert EMBEDDED == embedded.PATHS
