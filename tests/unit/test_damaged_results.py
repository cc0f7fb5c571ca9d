"""A table of cells, a record or predictions that were edited or damaged: named in one line, never a traceback or a
number."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from tests.unit.sweep_factory import Spec, make
from tests.unit.test_results import entry, record
from xtreme_noise import cli, report, results
from xtreme_noise.config import earlier
from xtreme_noise.errors import DataError
from xtreme_noise.report import files, predictions
from xtreme_noise.report.cells import read_cells
from xtreme_noise.report.jobs import read_stages
from xtreme_noise.report.study import read_study
from xtreme_noise.report.tables import tables

pytestmark = pytest.mark.pictures

SPEC = Spec(languages=("en",), intermediates=("none",), noises=("char",), levels=(0.1,), items=10)
Table = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("whole") / "s", SPEC)


@pytest.fixture
def sweep(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(predictions, "RESAMPLES", 19)
    shutil.copytree(whole, tmp_path / "s")
    return tmp_path / "s"


def put(column: str, value: Any, row: int = 1, kind: Any = None) -> Table:
    """The table with another value in a row (1: the noisy cell)."""

    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value
        return table.set_column(table.column_names.index(column), column, pa.array(values, kind))

    return change


CELLS: dict[str, tuple[Table, str]] = {
    "a score beyond 1": (put("score", 5.0), "row 2: score is 5.0, not a share"),
    "a score below 0": (put("score", -0.2), "row 2: score is -0.2"),
    "an infinite score": (put("score", float("inf")), "row 2: score is inf"),
    "a score that is no number": (put("score", float("nan")), "row 2: score is None"),
    "no score": (put("score", None), "row 2: score is None, not a share from 0 to 1, and its status is ok"),
    "a score in words": (
        lambda table: table.set_column(table.column_names.index("score"), "score", pa.array(["good", "bad"])),
        "column 'score' has the type string, expected double",
    ),
    "a list of scores": (
        lambda table: table.set_column(table.column_names.index("score"), "score", pa.array([[0.1], [0.2]])),
        "column 'score' has the type list",
    ),
    "an infinite rate": (put("achieved", float("-inf")), "row 2: achieved is -inf, not a number"),
    "a level beyond 1": (put("level", 1.5), "row 2: level is 1.5"),
    "a level that is no number": (put("level", float("nan")), "row 2: level is 0 and noise is 'char'"),
    "a clean cell with a level": (put("level", 0.3, 0), "row 1: level is 0.3 and noise is 'clean'"),
    "a seed in parts": (put("seed", 1.5, kind=pa.float64()), "column 'seed' has the type double, expected int64"),
    "no seed": (put("seed", None), "row 2: it has no seed"),
    "no noise seed": (put("noise_seed", None), "row 2: it has no noise_seed"),
    "no task": (put("task", None), "row 2: it has no task"),
    "no language": (put("language", None), "row 2: it has no language"),
    "no digest": (put("cell", None), "row 2: it has no cell"),
    "no status": (put("status", None), "row 2: it has no status"),
    "another status": (put("status", "fine"), "row 2: it has status 'fine', not one of ok"),
    "samples that are no JSON": (put("samples", "[1"), "row 2: samples is not JSON"),
    "samples that are no list": (put("samples", "{}"), "row 2: samples is {}, not a list"),
    "extra that is no object": (put("extra", "[1]"), "row 2: extra is [1], not names with their values"),
    "extra without numbers": (put("extra", '{"exact_match": "x"}'), "row 2: extra has no number for 'exact_match'"),
    "half a letter in samples": (put("samples", '["\\ud800"]'), "row 2: samples is not JSON"),
    "a level without an end": (put("level", float("inf")), "row 2: level is inf, not a number"),
    "extra without an end": (put("extra", "[" * 100_000), "row 2: extra is not JSON"),
    "a column less": (lambda table: table.drop_columns(["score"]), "lacks the columns score"),
    "a column twice": (lambda table: table.append_column("score", table["score"]), "score, or they occur twice"),
    "text that is not UTF-8": (
        lambda table: table.set_column(
            0, "cell", pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff", b"b"], pa.binary()).buffers())
        ),
        "cannot be read",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_a_table_that_no_job_has_written(sweep: Path, name: str) -> None:
    change, wanted = CELLS[name]
    path = sweep / "cells.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(DataError) as refused:
        read_cells(sweep)
    assert str(path) in str(refused.value) and wanted in str(refused.value)
    assert "\n" not in str(refused.value)


def test_mode_report_ends_with_2_and_writes_nothing(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sweep / "cells.parquet"
    pq.write_table(put("score", float("inf"))(pq.read_table(path)), path)
    shutil.rmtree(sweep / "jobs")
    for mode in ("report", "export"):
        assert cli.main([f"mode={mode}", f"sweep={sweep}"]) == 2
        assert f"{path}, row 2: score is inf" in capsys.readouterr().err
    assert not (sweep / "report.html").exists() and not list((sweep / "export").iterdir())


def by_pandas(table: pa.Table) -> pa.Table:
    """As pandas and others write it again: numbers with gaps as floats, texts as categories or large texts."""
    floats = ["n", "seed", "noise_seed"]
    for name in table.column_names:
        kind = pa.float64() if name in floats else pa.large_string() if table[name].type == pa.string() else None
        if kind is not None:
            table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
    return table.set_column(table.column_names.index("task"), "task", pc.dictionary_encode(table["task"]))


def test_a_table_that_was_written_again_is_the_same(sweep: Path) -> None:
    before = read_cells(sweep)
    path = sweep / "cells.parquet"
    pq.write_table(by_pandas(pq.read_table(path)), path)
    assert read_cells(sweep) == before


def test_rows_twice_and_no_rows(sweep: Path) -> None:
    path = sweep / "cells.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table]), path)
    cells, problems = read_cells(sweep)
    assert cells == [] and len(problems) == 2
    assert all("2 finished cells of the same place; none is used" in problem.what for problem in problems)
    pq.write_table(table.slice(0, 0), path)
    assert read_study(sweep).cells == []
    Console(file=io.StringIO()).print(report.terminal_table(sweep))


PREDICTIONS: dict[str, Table] = {
    "no num": lambda table: table.drop_columns(["num"]),
    "num twice": lambda table: table.append_column("num", table["num"]),
    "num in words": lambda table: table.set_column(2, "num", pa.array(["x"] * len(table))),
    "num as lists": lambda table: table.set_column(2, "num", pa.array([[1.0]] * len(table))),
    "a num that is no number": put("num", float("nan"), 3),
    "an infinite num": put("num", float("inf"), 3),
    "a den that is no number": put("den", float("nan"), 3),
    "a negative den": put("den", -1.0, 3),
    "no den": put("den", None, 3),
    "no id": put("id", None, 3),
    "an id twice": put("id", "xnli-1", 3),
    "a cluster as bytes": lambda table: table.set_column(1, "cluster", pa.array([b"\xff"] * len(table))),
    "a row less": lambda table: table.slice(1),
    "a row twice": lambda table: pa.concat_tables([table, table.slice(0, 1)]),
    "no rows": lambda table: table.slice(0, 0),
    "other answers": put("num", 0.5, 3),
    "text that is not UTF-8": lambda table: table.set_column(
        0, "id", pa.Array.from_buffers(pa.string(), 10, pa.array([b"\xff%d" % n for n in range(10)]).buffers())
    ),
}


@pytest.mark.parametrize("name", PREDICTIONS)
def test_predictions_that_no_job_has_written(sweep: Path, name: str) -> None:
    noisy = next(cell for cell in read_cells(sweep)[0] if cell.level)
    path = sweep / "predictions" / f"{noisy.cell}.parquet"
    pq.write_table(PREDICTIONS[name](pq.read_table(path)), path)
    study = read_study(sweep)
    [problem] = study.problems
    assert problem.where == "xnli · English (en)"
    assert path.name in problem.what or "xnli · English (en) · e5_small · none · char 0.1" in problem.what
    assert [panel.languages for panel in study.panels] == [()], "in no mean"
    tables(study)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"\0" * 5000])
def test_predictions_of_other_bytes(sweep: Path, damage: bytes) -> None:
    path = sorted((sweep / "predictions").iterdir())[0]
    path.write_bytes(damage)
    [problem] = read_study(sweep).problems
    assert f"predictions/{path.name} cannot be read" in problem.what


def test_no_digest_leads_out_of_the_folder(sweep: Path) -> None:
    path = sweep / "cells.parquet"
    shutil.copy(sorted((sweep / "predictions").iterdir())[1], sweep / "x.parquet")
    pq.write_table(put("cell", "../x")(pq.read_table(path)), path)
    [problem] = read_study(sweep).problems
    assert "'../x' is not the digest of a cell" in problem.what


WRONG: list[tuple[str, Any, str]] = [
    ("score", "good", "score is 'good', not a number"),
    ("score", float("nan"), "score is nan"),
    ("score", float("inf"), "score is inf, not a number"),
    ("score", 7, "score is 7"),
    ("score", None, "score is None"),
    ("level", "x", "level is 'x', not a number"),
    ("level", -1.0, "level is -1.0"),
    ("seed", 2**70, "not a whole number of 64 bits"),
    ("seed", 1.5, "seed is 1.5, not a whole number"),
    ("seed", True, "seed is True, not a whole number"),
    ("language", ["en"], "language is ['en'], not text"),
    ("task", None, "it has no task"),
    ("task", "\ud800", "half a surrogate pair"),
    ("status", 3, "status is 3, not text"),
    ("status", "done", "it has status 'done'"),
    ("cell", None, "it has no cell"),
    ("samples", {}, "samples is {}, not a list"),
    ("extra", [1], "extra is [1], not names"),
    ("extra", {"x": "y"}, "extra has no number for 'x'"),
    ("error", {"a": 1}, "error is {'a': 1}, not text"),
    ("seen", "yes", "seen is 'yes', not true or false"),
]


@pytest.mark.parametrize(("column", "value", "wanted"), WRONG)
def test_a_record_that_no_job_has_written(tmp_path: Path, column: str, value: Any, wanted: str) -> None:
    """It is a failed job, named in the report; the others are reported, and no value of it is."""
    record(tmp_path, "a", entry("ok", "aa"))
    record(tmp_path, "b", entry("ok", "bb", language="de") | {column: value})
    assert results.finish(tmp_path) == results.Completion(1, 1, 0, 0)
    [problem] = read_study(tmp_path, resample=False).problems
    assert problem.where == "job b" and wanted in problem.what
    assert [cell.cell for cell in read_cells(tmp_path)[0]] == ["aa"]


@pytest.mark.parametrize(
    "job",
    [
        {"finished": 10**400}, {"finished": "now"}, {"stages": [{"digest": 3}]}, {"stages": ["d"]}, {"cells": ["c"]},
        {"stages": [{"digest": "d", "examples": "many"}]}, {"stages": [{"digest": "d", "seconds": float("inf")}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_of_another_shape(tmp_path: Path, job: dict[str, Any]) -> None:
    path = record(tmp_path, "b", entry("ok", "bb"))
    path.write_text(json.dumps(json.loads(path.read_text()) | job))
    record(tmp_path, "a", entry("ok", "aa"))
    assert results.finish(tmp_path).failed == 1
    assert [problem.where for problem in read_study(tmp_path, resample=False).problems] == ["job b"]


STAGES = [
    "digest,stage,examples\nd,nli,many\n", "digest,stage,seconds\nd,nli,inf\n", "digest,stage,updates\nd,nli,-1\n",
    "digest\nd\n",
]  # fmt: skip


@pytest.mark.parametrize("content", [*(text.encode() for text in STAGES), b"digest,stage\n\xff,x\n"])
def test_a_table_of_stages_that_was_edited(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tables" / "stages.csv"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"stages\.csv"):
        read_stages(tmp_path)
    path.write_text("digest,stage,examples,seconds\nd,nli,12,1.5\ne,qa,,\n")
    assert [row["examples"] for row in read_stages(tmp_path)] == ["12", ""]


def test_what_is_nested_without_end_is_no_crash(sweep: Path) -> None:
    deep = "[" * 100_000
    (sweep / files.SIDECAR).write_text(deep)
    (sweep / "jobs" / "a1b2c3" / "config.yaml").write_text("[" * 3000)
    (sweep / "jobs" / "a1b2c3" / ".hydra" / "overrides.yaml").write_text("[" * 3000)
    assert not files.is_current(sweep, "digest")
    assert earlier.jobs(sweep, ()) == []
    assert [problem.where for problem in read_study(sweep, resample=False).problems] == ["job a1b2c3"]
