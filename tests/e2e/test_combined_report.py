"""mode=report sweep=[a,b]: seeds that were computed apart are one study."""

from __future__ import annotations

import json
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
