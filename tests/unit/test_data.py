from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, List

from tests.e2e.world import write
from xtreme_noise.config.schema import SourceConfig
from xtreme_noise.config.splits import DataConfig, RepairConfig, SplitConfig
from xtreme_noise.data import files, hub
from xtreme_noise.data.batching import LengthBuckets, pad, sorted_batches
from xtreme_noise.data.examples import comparable
from xtreme_noise.data.readers import HubReader
from xtreme_noise.data.sources import SplitRef, references, source_kind, subsample, without_overlap
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.store import Store

NLI = [{"text": "a b", "text_pair": "c", "label": n % 3} for n in range(30)]


def reference(root: Path, family: str = "classification", **split: Any) -> SplitRef:
    split = {"path": "d/test.{language}.jsonl.gz"} | split
    labels = ("yes", "maybe", "no")
    source = SourceConfig(kind="files", root=str(root))
    return SplitRef("files", SplitConfig(**split), "test", "de", family, labels, source)


def load(tmp_path: Path, rows: Sequence[Any], family: str = "classification", **split: Any) -> Dataset:
    write(tmp_path / "d" / "test.de.jsonl.gz", rows)
    return reference(tmp_path, family, **split).load(Store(tmp_path / "store"))


def test_normal_form_with_columns_and_ids_by_row(tmp_path: Path) -> None:
    rows = [{"premise": "p", "hypothesis": "h", "gold": "no"}, {"premise": "q", "hypothesis": "i", "gold": 0}]
    data = load(tmp_path, rows, columns={"text": "premise", "text_pair": "hypothesis", "label": "gold"})
    assert data[:] == {
        "id": ["test-0", "test-1"],
        "text": ["p", "q"],
        "text_pair": ["h", "i"],
        "label": [2, 0],
    }
    assert data.cache_files, "not memory-mapped from disk"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no examples; it is empty"),
        (["{"], "line 1: not JSON"),
        ([NLI[0], "[1]"], "line 2: expected a JSON object"),
        (
            [NLI[0], {"text": "a", "label": 3}],
            r"line 2: label 3 is out of range: expected one of yes, maybe, no or 0\.\.2",
        ),
        ([{"text": "a", "label": "perhaps"}], "label 'perhaps' is out of range"),
        ([{"text": "a", "label": True}], "label True is out of range"),
        ([{"text": " ", "label": 0}], "column 'text' is ' '"),
        ([{"label": 0}], "column 'text' is None"),
        ([{"id": "x", "text": "a", "label": 0}] * 2, "id 'x' was already used at .*line 1"),
    ],
)
def test_bad_rows_name_file_and_line(tmp_path: Path, rows: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, rows)
    assert "test.de.jsonl.gz" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a", "b"], "tags": [0]}, "2 tokens but 1 tags"),
        ({"tokens": ["a", ""], "tags": [0, 0]}, "token '' is not text"),
        ({"tokens": [], "tags": []}, "non-empty"),
        ({"tokens": ["a"], "tags": ["noun"]}, "'noun' is out of range"),
    ],
)
def test_bad_tagging_rows(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, [row], "tagging")


def test_answers_must_be_in_their_context(tmp_path: Path) -> None:
    row = {"question": "q", "context": "abc def", "answers": {"text": ["def"], "answer_start": [3]}}
    with pytest.raises(DataError, match="answer 'def' is not at code point 3"):
        load(tmp_path, [row], "qa")
    row["answers"] = {"text": ["def"], "answer_start": [4]}
    assert load(tmp_path, [row], "qa")[0]["answers"]["answer_start"] == [4]


def test_missing_column_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'premise' .* the row has text, text_pair, label"):
        load(tmp_path, NLI, columns={"text": "premise"})


def test_damaged_gzip_and_parquet(tmp_path: Path) -> None:
    path = write(tmp_path / "d" / "test.de.jsonl.gz", NLI)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="the file is damaged"):
        reference(tmp_path).load(Store(tmp_path / "store"))
    (tmp_path / "d" / "test.de.parquet").write_bytes(b"PAR1nothing")
    with pytest.raises(DataError, match="the file is damaged"):
        reference(tmp_path, path="d/test.{language}.parquet").load(Store(tmp_path / "store"))


def test_parquet_rows_are_read(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    pq.write_table(pa.Table.from_pylist(NLI), tmp_path / "d" / "test.de.parquet")
    data = reference(tmp_path, path="d/test.{language}.parquet").load(Store(tmp_path / "store"))
    assert len(data) == 30


def test_missing_file_and_root(tmp_path: Path) -> None:
    with pytest.raises(files.DataMissing, match=r"test\.de\.jsonl\.gz: no such file"):
        reference(tmp_path).load(Store(tmp_path / "store"))
    nowhere = SplitRef("files", SplitConfig(path="x"), "test", "de", "qa", (), SourceConfig(kind="files"))
    with pytest.raises(ConfigError, match=r"source\.root is not set"):
        nowhere.revision()
    gone = SplitRef("files", SplitConfig(path="x"), "test", "de", "qa", (), SourceConfig(root=str(tmp_path / "no")))
    with pytest.raises(ConfigError, match="there is no such folder"):
        gone.revision()


def test_identity_follows_content_not_place(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for root in (one, two):
        (root / "d").mkdir(parents=True)
        (root / "d" / "test.de.jsonl").write_text(json.dumps(NLI[0]))
    same = [reference(root, path="d/test.{language}.jsonl").identity() for root in (one, two)]
    assert same[0] == same[1]
    (two / "d" / "test.de.jsonl").write_text(json.dumps(NLI[1]) + " ")
    assert reference(two, path="d/test.{language}.jsonl").identity() != same[0]


def test_a_file_may_be_in_any_of_several_folders(tmp_path: Path) -> None:
    """The same key and rows wherever it is; two files of one name that differ are refused, not chosen from."""
    one, two, path = tmp_path / "one", tmp_path / "two", "d/test.{language}.jsonl.gz"
    write(one / "d" / "test.de.jsonl.gz", NLI)
    two.mkdir()

    def of(*roots: Path) -> SplitRef:
        return replace(reference(one, path=path), source=SourceConfig(root=[str(root) for root in roots]))

    alone = reference(one, path=path)
    for found in (of(one, two), of(two, one)):
        assert found.identity() == alone.identity() and len(found.load(Store(tmp_path / "store"))) == len(NLI)
    with pytest.raises(files.DataMissing, match=r"two/d/test\.de\.jsonl\.gz: no such file \(nor in .*/three\)"):
        (tmp_path / "three").mkdir()
        of(two, tmp_path / "three").revision()
    shutil.copytree(one / "d", two / "d")
    assert of(two, one).identity() == alone.identity()
    write(two / "d" / "test.de.jsonl.gz", NLI[1:])
    with pytest.raises(DataError, match=r"one/d/test\.de\.jsonl\.gz and .*two/d/test\.de\.jsonl\.gz differ"):
        of(one, two).revision()


def test_a_file_beside_another_says_what_it_is_for(tmp_path: Path) -> None:
    write(tmp_path / "d" / "test.de.jsonl.gz", NLI)
    lacking = reference(tmp_path, repair=RepairConfig("c/test.en.jsonl.gz", "id", ["label"]))
    message = r"c/test\.en\.jsonl\.gz: no such file \(which repairs d/test\.\{language\}\.jsonl\.gz\)"
    with pytest.raises(files.DataMissing, match=message):
        lacking.revision()


def test_source_kind() -> None:
    both = {"files": DataConfig(), "hub": DataConfig()}
    assert source_kind(both, SourceConfig(), "task t") == "hub"
    assert source_kind(both, SourceConfig(root="/d"), "task t") == "files"
    assert source_kind({"embedded": DataConfig()}, SourceConfig(kind="files", root="/d"), "task t") == "embedded"
    with pytest.raises(ConfigError, match="task t has no data in source=embedded; it has data in: files, hub"):
        source_kind(both, SourceConfig(kind="embedded"), "task t")


def test_references_by_language() -> None:
    config = DataConfig(train=[SplitConfig("en", languages=["en"]), SplitConfig("zh", languages=["zh"])])
    common: dict[str, Any] = {
        "source": SourceConfig(),
        "family": "qa",
        "labels": (),
        "what": "intermediate x",
    }
    found = references({"files": config}, "train", ["zh", "en"], **common)
    assert [(r.language, r.split.path) for r in found] == [("zh", "zh"), ("en", "en")]
    with pytest.raises(files.DataMissing, match="intermediate x: no train data in 'fa'"):
        references({"files": config}, "train", ["fa"], **common)


def test_subsample_is_nested_parallel_and_disjoint_from_the_end() -> None:
    data = Dataset.from_list([{"id": f"test-{n}", "n": n} for n in range(100)])
    small, large = subsample(data, 20, "s")["id"], subsample(data, 50, "s")["id"]
    assert set(small) < set(large) and list(small) == sorted(small, key=lambda i: int(i[5:]))
    shuffled = data.select(list(reversed(range(100))))
    assert set(subsample(shuffled, 20, "s")["id"]) == set(small)
    assert set(subsample(data, 20, "other")["id"]) != set(small)
    assert not set(small) & set(subsample(data, 80, "s", from_end=True)["id"])
    assert len(subsample(data, None, "s")) == len(subsample(data, 1000, "s")) == 100


def test_overlap_is_refused_or_left_out_and_counted() -> None:
    train = Dataset.from_list([{"id": str(n), "question": f"q{n}", "context": f"c{n % 5}"} for n in range(10)])
    test = Dataset.from_list([{"id": "t", "question": "another", "context": "c3"}])
    kept, gone = without_overlap(train, [test], "qa", "drop", "qa/x")
    assert gone == 2 and "c3" not in kept["context"] and len(kept) == 8
    with pytest.raises(DataError, match=r"qa/x: 2 of 10 training examples occur in the test set \(ids 3, 8"):
        without_overlap(train, [test], "qa", "refuse", "qa/x")
    pool = Dataset.from_list([{"id": "p", "text": "a sentence", "context": "c3"}])
    assert without_overlap(train, [pool], "qa", "drop", "qa/x", "ranking")[1] == 2
    sides = Dataset.from_list(
        [{"id": "1", "text": "c9", "text_pair": "c3"}, {"id": "2", "text": "c3x", "text_pair": "c"}]
    )
    assert without_overlap(sides, [test], "masked_lm", "drop", "tlm/x", "qa")[1] == 1, "either side, whole"
    assert not comparable("classification", "qa") and comparable("classification", "classification")


def test_sorted_batches_cover_everything_within_the_budget() -> None:
    lengths = [3, 50, 7, 7, 200, 1, 9]
    batches = sorted_batches(lengths, 60)
    assert sorted(i for batch in batches for i in batch) == list(range(7))
    assert all(len(b) == 1 or len(b) * max(lengths[i] for i in b) <= 60 for b in batches)
    assert batches[0] == [4]


def test_length_buckets_are_seeded_and_change_by_epoch() -> None:
    lengths = [n % 37 + 1 for n in range(1000)]
    sampler = LengthBuckets(lengths, 8, seed=0)
    first = list(sampler)
    assert first == list(LengthBuckets(lengths, 8, seed=0)) and len(first) == len(sampler)
    assert sorted(i for batch in first for i in batch) == list(range(1000))
    assert first != list(LengthBuckets(lengths, 8, seed=1))
    sampler.set_epoch(1)
    assert first != list(sampler)
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in first]
    assert sum(spread) / len(spread) < 8, "batches are not of like length"


def test_pad() -> None:
    batch = pad([{"input_ids": [5, 6], "labels": [1, 2]}, {"input_ids": [7], "labels": [3]}], pad_id=1)
    assert batch["input_ids"].tolist() == [[5, 6], [7, 1]]
    assert batch["labels"].tolist() == [[1, 2], [3, -100]]
    assert pad([{"input_ids": [1], "labels": 2}], 0)["labels"].tolist() == [2]


def test_hub_classes_are_read_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Dataset.from_dict(
        {"tags": [[0, 1], [1, 2]]}, features=Features({"tags": List(ClassLabel(names=["no", "yes", "maybe"]))})
    )
    monkeypatch.setattr(hub, "load", lambda *_, **__: table)
    monkeypatch.setattr(hub, "revision", lambda *_: "abc")

    def tags(*labels: str) -> list[list[Any]]:
        reader = HubReader(SplitConfig("a/b"), "test", "de", labels, SourceConfig(), "it")
        return [row["tags"] for _, row in reader.rows(tmp_path)]

    assert tags("yes", "maybe", "no") == [["no", "yes"], ["yes", "maybe"]]
    assert tags("a", "b", "c") == [[0, 1], [1, 2]]
