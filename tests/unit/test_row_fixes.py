"""What a task's YAML puts right in its data: rows that stand for nothing, values under other names, language codes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import write
from xtreme_noise.config.schema import SourceConfig
from xtreme_noise.config.splits import SplitConfig
from xtreme_noise.data.sources import SplitRef
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.languages.codes import fill
from xtreme_noise.store import Store

PAIRS = [
    {"one": "a b", "two": "b a", "label": 0},
    {"one": "c", "two": "NS", "label": 0},
    {"one": "NSA", "two": "d NS", "label": 1},
]


def reference(root: Path, rows: list[dict[str, Any]], **split: Any) -> SplitRef:
    write(root / "d" / "test.de.jsonl.gz", rows)
    config = SplitConfig(
        path="d/test.{language}.jsonl.gz",
        columns={"text": "one", "text_pair": "two"} | split.pop("columns", {}),
        **split,
    )
    return SplitRef("files", config, "test", "de", "classification", ("no", "yes"), SourceConfig(root=str(root)))


def test_dropped_rows_are_counted_and_the_others_keep_their_numbers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        data = reference(tmp_path, PAIRS, drop=["NS"]).load(Store(tmp_path / "store"))
    assert data["id"][:] == ["test-0", "test-2"] and data["text"][:] == ["a b", "NSA"]
    assert "test.de.jsonl.gz: dropped 1 rows whose text is NS, 2 remain" in caplog.text


def test_values_by_name(tmp_path: Path) -> None:
    rows = [row | {"gold": name} for row, name in zip(PAIRS, ("different", "different", "same"), strict=True)]
    split = {"columns": {"label": "gold"}, "values": {"label": {"different": "no", "same": "yes"}}}
    assert reference(tmp_path, rows, **split).load(Store(tmp_path / "store"))["label"][:] == [0, 0, 1]
    rows[1]["gold"] = "other"
    with pytest.raises(DataError, match=r"line 2: column 'gold' is 'other', expected one of different, same"):
        reference(tmp_path, rows, **split).load(Store(tmp_path / "store"))


def test_identity_of_data_without_corrections_is_as_it_was(tmp_path: Path) -> None:
    plain = reference(tmp_path, PAIRS).identity()
    assert set(plain["split"]) == {"path", "name", "split", "revision", "columns", "languages"}
    assert reference(tmp_path, PAIRS, drop=["NS"]).identity() != plain


def test_codes_of_a_language() -> None:
    assert fill("sib200/test.{flores}.jsonl.gz", "zh") == "sib200/test.zho_Hans.jsonl.gz"
    with pytest.raises(
        ConfigError,
        match=r"data of Norwegian Bokmål: .* unknown field, known: {language}, {language_name}, {iso639_3} ",
    ):
        fill("{flores}", "nb")
