"""Studies computed elsewhere: mode=report sweep=[a,b], and mode=archive, a study as one file without texts."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.world import QUICK, data
from xtreme_noise import cli


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the studies a (seeds 1 and 2) and b (seeds 2 and 3)."""
    here = tmp_path_factory.mktemp("apart")
    root = data(here / "data")
    common = [*QUICK, "task=xnli", "languages=[en,de]", "noise=char", "noise.levels=[0,0.1]", f"source.root={root}"]
    common.append("task.class_scores=true")
    for name, seeds in (("a", "1,2"), ("b", "2,3")):
        assert cli.main(["-m", *common, f"seed={seeds}", f"store={here / 'store'}", f"sweep={here / name}"]) == 0
    assert cli.main(["mode=archive", f"sweep={here / 'a'}"]) == 0
    return here


@pytest.fixture
def here(studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return studies


def test_the_report_has_the_cells_of_both_and_changes_neither(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for name in "ab" for path in (here / name).rglob("*") if path.is_file()}
    command = ["mode=report", f"sweep=[{here / 'a'},{here / 'b'}]"]
    assert cli.main(command) == 0
    folder = tmp_path / "multirun_outputs" / "a+b"
    assert str(folder / "report.html") in capsys.readouterr().out.replace("\n", "")
    cells = pq.read_table(folder / "cells.parquet").to_pylist()
    assert sorted({cell["seed"] for cell in cells}) == [1, 2, 3] and len(cells) == 12, "seed 2 counts once"
    assert "conditional on these runs" not in (folder / "tables" / "arms.csv").read_text()
    scored = {path.name for path in (folder / "class_scores").iterdir()}
    assert scored == {path.name for path in (folder / "predictions").iterdir()}, "12 of them"
    assert "over training seeds" in (folder / "tables" / "calibration.csv").read_text()
    assert {path: path.read_bytes() for path in before} == before
    tables = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
    assert cli.main(command) == 0
    assert {path.name: path.read_bytes() for path in (folder / "tables").iterdir()} == tables


def test_a_study_that_is_gone_or_grew_is_seen(here: Path, tmp_path: Path) -> None:
    sweep = f"sweep=[{here / 'a'},{here / 'b'}]"
    assert cli.main(["mode=report", sweep]) == 0
    folder = tmp_path / "multirun_outputs" / "a+b"
    (folder / "jobs" / "left").mkdir()
    assert cli.main(["mode=export", sweep]) == 0
    assert not (folder / "jobs" / "left").exists() and (folder / "export").is_dir()


def test_its_options_are_those_of_a_report(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One study, or several: with options it is composed, but no job of its own is compared with those of the study."""
    both = f"sweep=[{here / 'a'},{here / 'b'}]"
    assert cli.main(["mode=report", both, "report.sensitivity=true"]) == 0
    assert cli.main(["mode=report", f"sweep={here / 'a'}", "report.sensitivity=true"]) == 0
    capsys.readouterr()
    assert cli.main(["mode=report", both, "report.sensitivty=true"]) == 2
    assert "did you mean 'report.sensitivity'" in capsys.readouterr().err
    assert cli.main(["mode=export", both, "report.sensitivity=true"]) == 2
    assert "does nothing in mode=export" in capsys.readouterr().err


def test_one_cell_with_two_scores_is_refused(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    other = shutil.copytree(here / "b", tmp_path / "c")
    for path in other.glob("jobs/*/job.json"):
        job = json.loads(path.read_text())
        for cell in job["cells"]:
            cell["score"] = 0.125
        path.write_text(json.dumps(job))
    assert cli.main(["mode=report", f"sweep=[{here / 'a'},{other}]"]) == 2
    said = capsys.readouterr().err
    assert "seed 2" in said and "12.50 in" in said and "different kinds of machines" in said


@pytest.mark.parametrize(
    ("sweep", "said"),
    [("[{a},{a}]", "named twice"), ("[{a},{a}x]", "contains no results"), ("[{a},{table}]", "no job records")],
)
def test_refused(here: Path, tmp_path: Path, sweep: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table"
    table.mkdir()
    (table / "cells.parquet").write_bytes((here / "a" / "cells.parquet").read_bytes())
    assert cli.main(["mode=report", f"sweep={sweep.format(a=here / 'a', table=table)}"]) == 2
    assert said in capsys.readouterr().err


def test_correlates_are_those_of_both(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=typology", f"sweep=[{here / 'a'},{here / 'b'}]"]) == 2
    assert "a+b has too few languages" in capsys.readouterr().err


def test_another_study_in_the_way_is_kept(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "multirun_outputs" / "a+b" / "jobs" / "mine"
    own.mkdir(parents=True)
    assert cli.main(["mode=report", f"sweep=[{here / 'a'},{here / 'b'}]"]) == 2
    assert "contains another study" in capsys.readouterr().err and own.is_dir()


def test_a_run_has_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["task=xnli"], ["mode=power", "power.hours=2"]):
        assert cli.main([*command, "sweep=[a,b]"]) == 2
        said = capsys.readouterr().err
        assert "one study" in said and "mode=report sweep=[a,b]" in said and "-m" not in said


@pytest.fixture
def archive(here: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(here / "a" / "a.zip", tmp_path / "copied.zip"))


def test_its_report_has_the_numbers_of_the_study(archive: Path, here: Path, tmp_path: Path) -> None:
    assert cli.main(["mode=report", f"sweep={archive}"]) == 0
    folder = tmp_path / "multirun_outputs" / "copied"
    assert (folder / "report.html").is_file()
    for name in ("scores", "curves", "seeds", "effects", "stages", "completeness"):
        ours, theirs = (place / "tables" / f"{name}.csv" for place in (folder, here / "a"))
        assert ours.read_bytes() == theirs.read_bytes(), name
    assert "[" in (folder / "tables" / "curves.md").read_text(), "with intervals"
    state = {path: path.stat().st_mtime_ns for path in (folder / "predictions").iterdir()}
    assert cli.main(["mode=report", f"sweep=[{archive},{here / 'b'}]"]) == 0, (
        "with another study, that has some of its cells"
    )
    assert {path: path.stat().st_mtime_ns for path in (folder / "predictions").iterdir()} == state, "unpacked once"


def test_it_has_no_text_and_no_path_and_the_same_bytes_again(archive: Path, here: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        everything = b"".join(file.read(name) for name in file.namelist())
    assert str(here).encode() not in everything and b"samples" not in everything
    first = archive.read_bytes()
    assert cli.main(["mode=archive", f"sweep={here / 'a'}"]) == 0
    assert (here / "a" / "a.zip").read_bytes() == first
    assert len(first) < 40_000


def test_the_error_of_a_cell_is_not_archived(here: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(here / "a", tmp_path / "failed")
    path = next((copy / "jobs").glob("*/job.json"))
    record = json.loads(path.read_text())
    record["cells"][0] |= {"status": "error", "error": "/home/me/secret: 'the text of an example'"}
    path.write_text(json.dumps(record))
    assert cli.main(["mode=archive", f"sweep={copy}"]) == 1
    with zipfile.ZipFile(copy / "failed.zip") as file:
        everything = b"".join(file.read(name) for name in file.namelist())
    assert b"/home/me" not in everything and b"in the study, not in its archive" in everything


def test_a_cell_whose_predictions_changed_is_not_archived(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(here / "a", tmp_path / "copy")
    next((copy / "predictions").iterdir()).unlink()
    assert cli.main(["mode=archive", f"sweep={copy}"]) == 1
    assert "1 finished cells, among them" in capsys.readouterr().err and not (copy / "copy.zip").exists()


@pytest.mark.parametrize(
    "what", ["no zip", "cut", "a path", "another layout", "too deep", "another study", "absent", "no cell"]
)
def test_what_is_no_archive_is_refused_and_leaves_nothing_outside(
    what: str, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = archive.read_bytes()
    added = {"a path": "jobs/../../../../outside.txt", "no cell": "jobs/a/items.parquet"}.get(what)
    if what == "no zip":
        archive.write_text("no zip")
    elif what == "cut":
        archive.write_bytes(content[: len(content) // 2])
    elif what in ("another layout", "too deep"):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as file:
            file.writestr("archive.json", "[" * 100_000 if what == "too deep" else json.dumps({"layout": 99}))
        archive.write_bytes(stream.getvalue())
    elif what == "another study":
        (tmp_path / "multirun_outputs" / "copied" / "jobs").mkdir(parents=True)
    elif what == "absent":
        archive.unlink()
    elif added:
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr(added, "x")
    assert cli.main(["mode=report", f"sweep={archive}"]) == 2
    said = capsys.readouterr().err
    assert "copied" in said and "Traceback" not in said
    assert not list(tmp_path.rglob("outside.txt"))
    if what not in ("another study", "absent"):
        archive.write_bytes(content)
        assert cli.main(["mode=report", f"sweep={archive}"]) == 0, "the right file later"


def test_two_archives_of_one_name_are_told_apart(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    other = shutil.copy(archive, tmp_path / "other" / archive.name)
    assert cli.main(["mode=report", f"sweep=[{archive},{other}]"]) == 2
    assert "have one name, and so one folder: rename a copy of one" in capsys.readouterr().err


def test_an_archive_that_another_process_unpacks_is_no_other_study(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "multirun_outputs" / "copied"
    folder.mkdir(parents=True)
    (folder / ".lock").touch()
    assert cli.main(["mode=report", f"sweep={archive}"]) == 0
