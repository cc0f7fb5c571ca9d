"""items.parquet of a job says the same as the predictions of its cells, or is not used."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.sweep_factory import Spec, make
from xtreme_noise.report import predictions
from xtreme_noise.report.cells import read_cells
from xtreme_noise.report.predictions import Evidence, read_evidence
from xtreme_noise.results import items as job_items
from xtreme_noise.results.items import ITEMS, ItemsWriter, JobItems, content_digest

JOB = Path("jobs") / "a1b2c3"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks of which one does not say whether an example is right, and the items of one job with all cells."""
    tasks = {"xnli": "classification", "udpos": "tagging"}
    sweep = make(
        tmp_path_factory.mktemp("items") / "s",
        Spec(tasks=tasks, languages=("en", "de", "ar"), noises=("char",), items=30),
    )
    collect(sweep)
    return sweep


def collect(sweep: Path, *, parallel: bool = True) -> ItemsWriter:
    items = ItemsWriter(sweep / JOB, parallel=parallel)
    for cell in read_cells(sweep)[0]:
        items.add(cell.cell, content_digest((sweep / "predictions" / f"{cell.cell}.parquet").read_bytes()))
    items.write(sweep / "predictions")
    return items


@pytest.fixture
def copied(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "s"))


def evidence(sweep: Path) -> tuple[dict[str, Evidence], set[str], list[Any]]:
    return read_evidence(sweep, read_cells(sweep)[0])


def assert_same(one: dict[str, Evidence], other: dict[str, Evidence]) -> None:
    assert one.keys() == other.keys()
    for task, ours in one.items():
        theirs = other[task]
        for part in ("scores", "names", "correct"):
            first, second = getattr(ours, part), getattr(theirs, part)
            assert first.keys() == second.keys()
            assert all(np.array_equal(first[key], second[key], equal_nan=part == "scores") for key in first)


def test_the_report_reads_the_jobs_files_alone(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "RESAMPLES", 50)
    without = Path(shutil.copytree(study, tmp_path / "without"))
    (without / JOB / ITEMS).unlink()
    expected = evidence(without)
    read: list[str] = []
    monkeypatch.setattr(predictions, "read_columns", lambda _, cell, *__, **___: read.append(cell.cell))
    found = evidence(study)
    assert not read and found[1:] == expected[1:] == (set(), [])
    assert_same(found[0], expected[0])


def test_a_cell_whose_predictions_changed_is_read_again(copied: Path) -> None:
    cell = read_cells(copied)[0][0]
    path = copied / "predictions" / f"{cell.cell}.parquet"
    table = pq.ParquetFile(path).read()
    wrong = pa.array(1.0 - table["num"].to_numpy())
    pq.write_table(table.set_column(table.column_names.index("num"), "num", wrong), path)
    assert cell.cell not in JobItems(copied).of([cell.cell])
    _, unusable, problems = evidence(copied)
    assert unusable == {cell.cell} and "the predictions give a score of" in problems[0].what


def test_a_cell_without_predictions_is_unusable(copied: Path) -> None:
    cell = read_cells(copied)[0][0]
    (copied / "predictions" / f"{cell.cell}.parquet").unlink()
    _, unusable, problems = evidence(copied)
    assert unusable == {cell.cell} and problems[0].what.endswith("is missing")


def _no_file(path: Path) -> None:
    path.write_bytes(b"PAR1 is not enough")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _other_columns(path: Path) -> None:
    pq.write_table(pa.table({"cell": [["x"]]}), path)


def _too_few(path: Path) -> None:
    table = pq.ParquetFile(path).read()
    place = table.column_names.index("num")
    pq.write_table(table.set_column(place, "num", pa.array([some[:-1] for some in table["num"].to_pylist()])), path)


def _empty(path: Path) -> None:
    table = pq.ParquetFile(path).read()
    place = table.column_names.index("den")
    few = pa.array([[None, *some[1:]] for some in table["den"].to_pylist()])
    pq.write_table(table.set_column(place, "den", few), path)


def _no_lists(path: Path) -> None:
    table = pq.ParquetFile(path).read()
    place = table.column_names.index("num")
    pq.write_table(table.set_column(place, "num", pa.array([1.0] * len(table))), path)


@pytest.mark.parametrize("damage", [_no_file, _cut, _other_columns, _too_few, _empty, _no_lists])
def test_a_damaged_file_is_named_and_not_used(
    copied: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = copied / JOB / ITEMS
    damage(path)
    cells = [cell.cell for cell in read_cells(copied)[0]]
    with caplog.at_level(logging.WARNING):
        found = JobItems(copied).of([*cells, "x"])
    assert not found and str(path) in caplog.text
    assert not evidence(copied)[2]


def test_where_copied_scores_are_not_those_of_the_record_the_predictions_decide(
    copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after damage to the file's footer, which has no checksum."""
    path, before = copied / JOB / ITEMS, evidence(copied)
    table = pq.ParquetFile(path).read()
    place = table.column_names.index("num")
    sevens = pa.array([[7.0] * len(some) for some in table["num"].to_pylist()])
    pq.write_table(table.set_column(place, "num", sevens), path)
    with caplog.at_level(logging.WARNING):
        after = evidence(copied)
    assert "its predictions are read instead" in caplog.text and not after[2]
    assert_same(before[0], after[0])


def test_a_cell_that_is_a_path_is_not_read(tmp_path: Path) -> None:
    content, predictions = tmp_path / "elsewhere.parquet", tmp_path / "s" / "predictions"
    pq.write_table(pa.table({"id": ["1"], "cluster": ["1"], "num": [1.0], "den": [1.0]}), content)
    predictions.mkdir(parents=True)
    items = ItemsWriter(tmp_path / "s" / JOB, parallel=True)
    items.add("../../elsewhere", content_digest(content.read_bytes()))
    items.write(predictions)
    assert not JobItems(tmp_path / "s").of(["../../elsewhere"])


def test_same_cells_same_bytes_and_no_second_write(study: Path) -> None:
    path = study / JOB / ITEMS
    before, written = path.read_bytes(), path.stat().st_mtime_ns
    collect(study)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, written)
    path.unlink()
    collect(study)
    assert path.read_bytes() == before
    assert content_digest(b"") == "cae66941d9efbd404e4d88758ea67670"


def test_right_or_wrong_may_be_empty(tmp_path: Path) -> None:
    table = pa.table({
        "id": ["1", "2"], "cluster": ["1", "2"], "num": [1.0, 0.0], "den": [1.0, 1.0],
        "correct": pa.array([True, None]),
    })  # fmt: skip
    (tmp_path / "predictions").mkdir()
    pq.write_table(table, tmp_path / "predictions" / "c.parquet")
    items = ItemsWriter(tmp_path / JOB, parallel=True)
    items.add("c", content_digest((tmp_path / "predictions" / "c.parquet").read_bytes()))
    items.write(tmp_path / "predictions")
    found = JobItems(tmp_path).of(["c", "d"])
    assert list(found) == ["c"]
    assert found["c"].correct is not None and found["c"].correct.tolist() == [True, False]


def test_what_an_earlier_run_copied_is_known(copied: Path) -> None:
    cell = read_cells(copied)[0][0].cell
    digest = content_digest((copied / "predictions" / f"{cell}.parquet").read_bytes())
    known = ItemsWriter(copied / JOB, parallel=True)
    assert known.has(cell, digest) and not known.has(cell, content_digest(b"")) and not known.has("x", digest)
    assert not ItemsWriter(copied / JOB, parallel=False).has(cell, digest)  # it had other clusters
    assert not ItemsWriter(copied / "jobs" / "none", parallel=True).has(cell, digest)


def test_other_clusters_are_copied_again(copied: Path) -> None:
    collect(copied, parallel=False)
    assert pq.ParquetFile(copied / JOB / ITEMS).schema_arrow.metadata[b"parallel"] == b"False"


def test_a_flipped_bit_is_found_and_the_next_run_repairs_it(copied: Path) -> None:
    path = copied / JOB / ITEMS
    whole, cells = path.read_bytes(), [cell.cell for cell in read_cells(copied)[0]]
    before = JobItems(copied).of(cells)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(300, footer, footer // 60)]
    noticed = []
    for content in flipped:
        path.write_bytes(content)
        found = JobItems(copied).of(cells)
        assert all(np.array_equal(found[cell].num, before[cell].num) for cell in found)
        noticed += [content] if len(found) < len(before) else []  # others have no meaning: statistics of a page
    assert len(noticed) > len(flipped) / 2
    path.write_bytes(noticed[0])
    collect(copied)
    assert path.read_bytes() == whole


def test_a_language_with_many_cells_has_several_rows(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [cell.cell for cell in read_cells(copied)[0]]
    before = JobItems(copied).of(cells)
    (copied / JOB / ITEMS).unlink()
    monkeypatch.setattr(job_items, "AT_ONCE", 2)
    collect(copied)
    assert max(len(row) for row in pq.ParquetFile(copied / JOB / ITEMS).read()["cell"].to_pylist()) == 2
    after = JobItems(copied).of(cells)
    assert list(before) == list(after)
    assert all(np.array_equal(before[cell].num, after[cell].num) for cell in cells)
