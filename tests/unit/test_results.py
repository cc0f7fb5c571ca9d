"""From the records of jobs to the table of a study: nothing that failed is lost, nothing that is finished either."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from tests.unit import sweep_factory
from xtreme_noise import cli, report, results
from xtreme_noise.config import compose, earlier, planned
from xtreme_noise.record import CellRecord
from xtreme_noise.report import predictions
from xtreme_noise.report.headline import headline, totals
from xtreme_noise.report.study import read_study
from xtreme_noise.report.tables import tables
from xtreme_noise.results import read_record
from xtreme_noise.results.items import ItemsWriter
from xtreme_noise.stages import plan, run
from xtreme_noise.stages.evaluate import identify
from xtreme_noise.store import remove_leftovers

FOREIGN = ['{"hello": 1}', "[]", '{"cells": [', '{"cells": [{}], "stages": []}', '{"cells": 3, "stages": []}']
LIGHT = sweep_factory.Spec(languages=("en", "de"), intermediates=("none",), noises=("char",), levels=(0.1,), items=20)


def entry(status: str, made: str | None, **others: Any) -> dict[str, Any]:
    known = {"task": "xnli", "family": "classification", "language": "en", "language_name": "English", "script": "Latn"}
    known |= {
        "model": "tiny",
        "intermediate": "none",
        "kind": "none",
        "arm": "none",
        "noise": "clean",
        "metric": "accuracy",
    }
    numbers = {"level": 0.0, "noise_seed": 0, "seed": 42, "score": 0.5 if status == "ok" else None}
    trained = {"train_noise": "none", "calibrated_by": "grapheme", "cell": made, "status": status}
    return known | numbers | trained | {"error": None if status == "ok" else "broken"} | others


def measured(status: str, made: str | None, **others: Any) -> CellRecord:
    return CellRecord(**{name: value for name, value in entry(status, made, **others).items() if value is not None})


def record(sweep: Path, name: str, *cells: dict[str, Any]) -> Path:
    path = sweep / "jobs" / name / "job.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"finished": 1.0, "stages": [], "cells": list(cells)}))
    return path


def states(sweep: Path) -> list[str]:
    results.finish(sweep)
    found: list[str] = pq.read_table(sweep / "cells.parquet")["status"].to_pylist()
    return sorted(found)


@pytest.mark.parametrize("failed", [entry("error", "of layers=99"), entry("error", None)])
def test_what_failed_stays_beside_another_job_s_finished_cell(tmp_path: Path, failed: dict[str, Any]) -> None:
    record(tmp_path, "a", entry("ok", "digest"))
    record(tmp_path, "b", failed)
    assert states(tmp_path) == ["error", "ok"]
    study = read_study(tmp_path, resample=False)
    assert [cell.cell for cell in study.cells] == ["digest"]  # the finished one is used
    assert "broken" in [problem.what for problem in study.problems]


def test_another_training_noise_is_another_place(tmp_path: Path) -> None:
    record(tmp_path, "a", entry("ok", "digest"), entry("n/a", None, noise="char", level=0.1))
    record(tmp_path, "b", entry("error", None, train_noise="char"), entry("n/a", None, noise="char", level=0.1))
    assert states(tmp_path) == ["error", "n/a", "ok"]
    assert results.finish(tmp_path) == results.Completion(1, 1, 0, 1)


def test_the_same_work_finished_elsewhere_is_finished(tmp_path: Path) -> None:
    record(tmp_path, "a", entry("error", "digest"))
    record(tmp_path, "b", entry("ok", "digest"))
    record(tmp_path, "c", entry("missing", None))
    assert states(tmp_path) == ["ok"]


def test_two_finished_cells_of_one_place_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, "a", entry("ok", "digest"), entry("ok", "of level 0.1", noise="char", level=0.1))
    record(tmp_path, "b", entry("ok", "another"), entry("ok", "scored otherwise", metric="f1"))
    assert results.finish(tmp_path).ambiguous == 2
    assert cli.main(["mode=report", f"sweep={tmp_path}"]) == 1
    assert "2 finished cells compete for the same places" in capsys.readouterr().err


@pytest.mark.parametrize("content", FOREIGN)
def test_a_foreign_record_is_named_and_the_rest_reported(tmp_path: Path, content: str) -> None:
    record(tmp_path, "a", entry("ok", "digest"))
    record(tmp_path, "b").write_text(content)
    assert results.finish(tmp_path) == results.Completion(1, 1, 0, 0)
    [problem] = read_study(tmp_path, resample=False).problems
    assert problem.where == "job b"
    assert problem.what.startswith("its record cannot be read: ")


def test_a_table_without_records_is_reported_as_it_is(tmp_path: Path) -> None:
    sweep = sweep_factory.make(tmp_path / "copied", LIGHT)
    shutil.rmtree(sweep / "jobs")
    before = (sweep / "cells.parquet").read_bytes()
    assert cli.main(["mode=report", f"sweep={sweep}"]) == 0
    assert (sweep / "cells.parquet").read_bytes() == before
    assert "accuracy" in (sweep / "tables" / "cells.csv").read_text()


def _junk(sweep: Path) -> None:
    (sweep / "cells.parquet").write_text("junk")


def _foreign(sweep: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), sweep / "cells.parquet")


def _nothing(sweep: Path) -> None:
    (sweep / "jobs").mkdir()


def _cannot_be_written(sweep: Path) -> None:
    sweep_factory.make(sweep, LIGHT)
    (sweep / "tables").write_text("a file")


@pytest.mark.parametrize("spoil", [_junk, _foreign, _nothing, _cannot_be_written])
def test_no_study_is_said_and_nothing_is_overwritten(
    spoil: Any, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = workdir / "it's"
    sweep.mkdir()
    spoil(sweep)
    before = {path: path.read_bytes() for path in sweep.rglob("*") if path.is_file()}
    for mode in ("report",) if spoil is _cannot_be_written else ("report", "export"):
        assert cli.main([f"mode={mode}", "sweep='it\\'s'"]) == 2
        assert str(sweep) in capsys.readouterr().err
    after = {path: path.read_bytes() for path in sweep.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before


def test_a_job_that_failed_fails_the_report(tmp_path: Path) -> None:
    sweep = sweep_factory.make(tmp_path / "s", LIGHT)
    (sweep / "jobs" / "a1b2c3" / "failure.txt").write_text("Traceback\nno such model\n")
    assert cli.main(["mode=report", f"sweep={sweep}"]) == 1


def test_cells_of_a_job_without_training_data_are_failed(workdir: Path) -> None:
    (workdir / "data").mkdir()
    command = ["task=xnli", "model=tiny", "languages=[de]", "noise.level=0.1", "source.root=data", "sweep=s"]
    assert cli.main([*command, "trainer.progress=false"]) == 1
    rows = pq.read_table(workdir / "s" / "cells.parquet").to_pylist()
    assert [row["status"] for row in rows] == ["error", "error"]
    assert all("train.en.jsonl.gz: no such file" in row["error"] for row in rows)


def test_a_killed_resumption_shows_no_less(tmp_path: Path) -> None:
    path = record(tmp_path, "a", entry("ok", "1"), entry("ok", "2", language="de"), entry("error", "3", language="fr"))
    plan: Any = SimpleNamespace(software={}, noise_software={}, stages=[], shots=list)
    again = run.JobRecord(path.parent)
    again.add(measured("error", "1"))
    again.write_so_far(plan, plan)
    assert [cell["status"] for cell in json.loads(path.read_text())["cells"]] == ["error", "ok", "error"]
    again.write(plan, plan)
    assert [cell["cell"] for cell in json.loads(path.read_text())["cells"]] == ["1"]

    record(tmp_path, "b", entry("ok", "1"))
    unplanned = run.JobRecord(tmp_path / "jobs" / "b")
    unplanned.cells = [measured("error", None), measured("error", None, language="de")]
    unplanned.write_unplanned()
    left = json.loads((tmp_path / "jobs" / "b" / "job.json").read_text())["cells"]
    assert [cell["status"] for cell in left] == ["ok", "error"]


def test_an_error_about_a_path_of_other_bytes_is_recorded(tmp_path: Path) -> None:
    plan: Any = SimpleNamespace(software={}, noise_software={}, stages=[], shots=list)
    job = run.JobRecord(tmp_path / "jobs" / "a")
    job.cells = [measured("error", None, error=os.fsdecode(b"/data/\xff: no such file"))]
    job.write(plan, plan)
    assert states(tmp_path) == ["error"]
    assert [p.what for p in read_study(tmp_path, resample=False).problems] == ["/data/?: no such file"]


def test_a_finished_job_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after every language: the record of the earlier run has everything."""
    path = record(tmp_path, "a", entry("ok", "1"), entry("ok", "2", language="de"))
    plan: Any = SimpleNamespace(software={}, noise_software={}, stages=[], shots=list)
    written: list[int] = []
    again = run.JobRecord(path.parent)
    monkeypatch.setattr(again, "_write", lambda cells, *_: written.append(len(cells)))
    for cell in read_record(path)["cells"]:
        again.add(cell)
        again.write_so_far(plan, plan)
    assert not written
    again.add(measured("ok", "3", language="fr"))
    again.write_so_far(plan, plan)
    assert written == [3]


def test_predictions_that_were_copied_before_are_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictions = tmp_path / "predictions"
    content = _scores(predictions / "1.parquet", "").read_bytes()
    cell, parsed = measured("ok", "1", language="de"), run._clustered
    for expected in (1, 0):
        calls: list[bytes] = []
        monkeypatch.setattr(run, "_clustered", lambda *own, calls=calls: calls.append(own[0]) or parsed(*own))
        items = ItemsWriter(tmp_path / "jobs" / "a", parallel=True)
        assert run._collect(cell, content, items) == content
        items.write(predictions)
        assert len(calls) == expected


def _scores(path: Path, prefix: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = {"id": ["1", "2"], "cluster": [f"{prefix}1", f"{prefix}2"], "num": [1.0, 0.0]}
    pq.write_table(pa.table(rows), path)
    return path


@pytest.mark.parametrize("stored", ["", "de|"])
def test_clusters_are_of_the_task_as_it_is_asked_for_now(tmp_path: Path, stored: str) -> None:
    source, target = _scores(tmp_path / "store.parquet", stored), tmp_path / "predictions" / "c.parquet"
    before = source.read_bytes()
    for parallel, wanted in ((True, ["1", "2"]), (False, ["de|1", "de|2"])):
        run._share(run._clustered(before, "de", parallel), target)
        assert pq.read_table(target)["cluster"].to_pylist() == wanted
        assert pq.read_table(target)["num"].to_pylist() == [1.0, 0.0]
    assert source.read_bytes() == before


def test_a_damaged_copy_is_repaired_and_the_store_s_stays_whole(tmp_path: Path) -> None:
    source, target = _scores(tmp_path / "store.parquet", ""), tmp_path / "predictions" / "c.parquet"
    whole = source.read_bytes()
    run._share(run._clustered(whole, "de", True), target)
    shared = target.stat().st_mtime_ns
    run._share(run._clustered(whole, "de", True), target)
    assert target.stat().st_mtime_ns == shared  # not written again
    with target.open("r+b") as stream:
        stream.seek(len(whole) // 2)
        stream.write(b"\0\0\0")
    assert source.read_bytes() == whole
    run._share(run._clustered(whole, "de", True), target)
    assert target.read_bytes() == whole

    assert not target.samefile(source)


def test_a_report_sweeps_up_what_a_killed_one_left(tmp_path: Path) -> None:
    sweep = sweep_factory.make(tmp_path / "s", LIGHT)
    report.write(sweep)
    old, new = sweep / ".report.html.123.140229", sweep / ".report.html.124.140229"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (1, 1))
    remove_leftovers(sweep)
    assert not old.exists() and new.exists()  # somebody may be writing the new one
    os.utime(new, (1, 1))
    (sweep / "report.html").unlink()
    report.write(sweep)
    assert not new.exists()


def _planned() -> list[Any]:
    """Two jobs of three cells in each of three languages, as a command leaves them before the first begins."""
    overrides = ["task=xnli", "model=tiny", "intermediate=none,nli", "intermediate.arm=english", "languages=[en,de,sw]"]
    study = compose.study([*overrides, "noise=[char,keyboard]", "noise.levels=[0,0.1]", "sweep=s"], True)
    planned.write(study.jobs, study.folders)
    assert all(earlier.read(f / "config.yaml") for f in study.folders)
    return list(zip(study.jobs, study.folders, strict=True))


def _recorded(folder: Path, job: Any, *languages: str) -> None:
    """What a job leaves that is killed after these languages."""
    cells = [
        identify(job, cell).values() | {"cell": f"{cell.place}", "status": "ok", "score": 0.5, "error": None}
        for cell in plan.cells(job)
        if cell.language in languages
    ]
    (folder / "job.json").write_text(json.dumps({"finished": 1.0, "stages": [], "cells": cells}), encoding="utf-8")


def _counted(sweep: Path) -> Counter[str]:
    results.finish(sweep)
    return +totals(read_study(sweep, resample=False))  # without what is 0


@pytest.mark.usefixtures("quick_report")
def test_all_that_was_planned_is_counted(workdir: Path) -> None:
    (first, one), (_, two) = _planned()
    assert _counted(workdir / "s") == {"not run": 2 * 3 * 3}  # nothing has begun
    _recorded(one, first, "en")
    assert _counted(workdir / "s") == {"ok": 3, "not run": 15}  # killed in the first job
    study = read_study(workdir / "s", resample=False)
    assert {(len(panel.languages), panel.wanted) for panel in study.panels} == {(1, 3)}
    assert {tuple(system.intermediate for system in panel.silent) for panel in study.panels} == {("nli/english",)}
    assert "3 of 18 cells measured (15 not run)" in headline(study).paragraph
    assert sum(1 for _ in csv.DictReader(io.StringIO(tables(study)["cells.csv"]))) == 3
    counted = list(csv.DictReader(io.StringIO(tables(study)["completeness.csv"])))
    assert (sum(int(row["ok"]) for row in counted), sum(int(row["not_run"]) for row in counted)) == (3, 15)
    (two / "config.yaml").unlink()
    [problem] = read_study(workdir / "s", resample=False).problems
    assert problem.where == f"job {two.name}" and "has not finished" in problem.what and str(two) in problem.what
    assert cli.main(["mode=report", "sweep=s"]) == 1


def test_what_a_job_has_recorded_is_not_planned_twice(workdir: Path) -> None:
    (first, one), (_, two) = _planned()
    shutil.rmtree(two)
    _recorded(one, first, "en", "de", "sw")
    assert _counted(workdir / "s") == {"ok": 9}
    (one / "config.yaml").write_text("of: another version", encoding="utf-8")
    (one / planned.UNFINISHED).unlink()
    assert _counted(workdir / "s") == {"ok": 9}
    assert not read_study(workdir / "s", resample=False).problems


@pytest.fixture
def quick_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what takes seconds and is not looked at."""
    from xtreme_noise.report import figures, scripts

    monkeypatch.setattr(predictions, "RESAMPLES", 99)
    monkeypatch.setattr(figures, "figures", lambda _: {})
    monkeypatch.setattr(scripts, "vega_library", lambda: "")


def _edited(score: float) -> Any:
    def spoil(sweep: Path) -> None:
        rows = pq.read_table(sweep / "cells.parquet").to_pylist()
        rows[0]["score"] = score
        sweep_factory.write_rows(sweep, rows)

    return spoil


def _unreadable(sweep: Path) -> None:
    min((sweep / "predictions").iterdir()).write_bytes(b"PAR1")


def _of_others(sweep: Path) -> None:
    path = min((sweep / "predictions").iterdir())
    pq.write_table(pq.read_table(path).slice(0, 5), path)


def _without_samples(sweep: Path) -> None:
    rows = pq.read_table(sweep / "cells.parquet").to_pylist()
    rows[-1]["samples"] = '[{"id": "1"}]'
    sweep_factory.write_rows(sweep, rows)


@pytest.mark.usefixtures("quick_report")
@pytest.mark.parametrize(
    ("spoil", "lost"),
    [(_edited(0.99), 1), (_edited(0.0), 1), (_unreadable, 1), (_of_others, 1), (_without_samples, 0)],
)
def test_what_the_report_lists_is_exit_code_1_and_in_no_number(
    spoil: Any, lost: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the report is there already, and in the table of the terminal."""
    sweep = sweep_factory.make(tmp_path / "s", LIGHT)
    shutil.rmtree(sweep / "jobs")
    assert cli.main(["mode=report", f"sweep={sweep}"]) == 0
    assert "2/2" in capsys.readouterr().out
    spoil(sweep)
    spoiled = tmp_path / "alone"
    shutil.copytree(sweep, spoiled)
    for _ in range(2):
        assert cli.main(["mode=report", f"sweep={sweep}"]) == 1
        said = capsys.readouterr()
        assert "1 failed; the report lists them first" in said.err
        assert (f"{2 - lost}/2" in said.out) and ("1 failed" in said.out) == bool(lost)
        assert "99.0" not in said.out and "1 failure" in (sweep / "report.html").read_text(encoding="utf-8")
    shown = io.StringIO()
    Console(file=shown, width=120).print(report.terminal_table(spoiled))  # which no report tells about
    assert f"{2 - lost}/2" in shown.getvalue()
    scores = [row["score"] for row in csv.DictReader(io.StringIO((sweep / "tables" / "cells.csv").read_text()))]
    assert scores.count("") == lost


@pytest.mark.parametrize("score", [float("inf"), float("nan"), 1.7])
def test_a_score_that_is_none_is_refused(score: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = sweep_factory.make(tmp_path / "s", LIGHT)
    shutil.rmtree(sweep / "jobs")
    _edited(score)(sweep)
    assert cli.main(["mode=report", f"sweep={sweep}"]) == 2
    said = capsys.readouterr()
    assert "cells.parquet, row 1: score is" in said.err and not said.out
