"""The command line around jobs that take no time (tests/fakes): launchers, failures, interrupts, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import program
from xtreme_noise import cli

Command = Callable[..., "subprocess.CompletedProcess[str]"]
TWO = ("-m", "intermediate=none,nli", "intermediate.arm=english")


@pytest.fixture
def command(workdir: Path, repository: Path, store_path: Path) -> Command:
    """Runs `python -m xtreme_noise ...` with the stand-in jobs; environment variables by keyword."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(repository / "tests" / "fakes"), str(repository)])
        known = {**os.environ, "PYTHONPATH": path, "XTREME_NOISE_STORE": str(store_path), **environment}
        return program.run("task=xnli", "model=tiny", "source.root=.", *arguments, cwd=workdir, environment=known)

    return run


def traces(workdir: Path) -> dict[str, dict[str, object]]:
    """What the jobs of the one study left, by intermediate task."""
    found = [json.loads(p.read_text()) for p in workdir.glob("multirun_outputs/*/jobs/*/trace.json")]
    return {str(trace["intermediate"]): trace for trace in found}


def test_one_job(command: Command, workdir: Path) -> None:
    done = command(XN_TEST_FAILED_CELLS="2")
    [study] = workdir.glob("multirun_outputs/*")
    assert done.stdout.splitlines()[-2:] == ["table of 1 jobs", str(study / "report.html")]
    [job] = (study / "jobs").iterdir()
    assert {p.name for p in (job / ".hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    assert (job / "xtreme_noise.log").is_file()
    assert "2 failed; the report lists them first" in done.stderr
    assert done.returncode == 1


def test_results_that_cannot_be_written_end_the_command_at_once(command: Command, workdir: Path) -> None:
    (workdir / "file").touch()
    done = command("sweep=file/study")
    assert done.returncode == 2
    assert done.stderr.startswith(f"xtreme-noise: sweep={workdir / 'file' / 'study'}: results cannot be written")
    assert "choose another folder with sweep=" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra.sweeper.max_batch_size=1"],
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=2"],
    ],
    ids=["basic", "joblib", "submitit"],
)
def test_a_failing_job_does_not_stop_the_others(command: Command, workdir: Path, launcher: list[str]) -> None:
    done = command(*TWO, *launcher, XN_TEST_FAIL="none:defect")
    assert done.returncode == 1
    assert set(traces(workdir)) == {"none", "nli/english"}, done.stderr
    assert len({trace["sweep"] for trace in traces(workdir).values()}) == 1
    assert len({trace["pid"] for trace in traces(workdir).values()}) == (1 if len(launcher) == 1 else 2)
    assert "table of 2 jobs" in done.stdout  # the report is written all the same
    assert "a job failed: ZeroDivisionError: a defect" in done.stderr
    [failure] = workdir.glob("multirun_outputs/*/jobs/*/failure.txt")
    assert "Traceback" in failure.read_text()
    assert str(failure) in done.stderr


def test_words_and_exits_of_jobs_are_failures_and_the_cured_command_resumes(command: Command, workdir: Path) -> None:
    done = command(*TWO, XN_TEST_FAIL="none:words,nli/english:exit")
    assert done.returncode == 1
    assert set(traces(workdir)) == {"none", "nli/english"}
    assert "3 of 4 cells failed" in done.stderr
    assert "code in the job called exit(7)" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr

    again = command(*TWO)
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""
    assert not list(workdir.glob("multirun_outputs/*/jobs/*/failure.txt"))
    assert len(list(workdir.glob("multirun_outputs/*"))) == 1


JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


@pytest.mark.parametrize(
    ("how", "code", "launcher"),
    [
        ("interrupt", 130, ()),
        ("lightning", 130, ()),
        ("lost", 130, ()),  # what a signal raises is swallowed
        ("SIGTERM", 143, ()),
        ("SIGINT", 130, JOBLIB),
    ],
)
def test_an_interrupt_ends_the_sweep_and_says_how_to_go_on(
    command: Command, workdir: Path, how: str, code: int, launcher: tuple[str, ...]
) -> None:
    done = command(*TWO, *launcher, XN_TEST_FAIL=f"none:{how}")
    assert done.returncode == code, done.stderr
    name = "SIGTERM" if code == 143 else "SIGINT"
    assert done.stderr.startswith(f"xtreme-noise: interrupted by {name}. Finished work is kept")
    assert done.stderr.endswith("the same command resumes\n") and done.stderr.count("\n") == 1
    begun = set(traces(workdir))  # where two jobs run at once, the other one may have begun
    assert begun == {"none"} or (launcher and begun == {"none", "nli/english"})


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
def test_what_a_killed_worker_leaves_is_reported(command: Command, workdir: Path, how: str) -> None:
    """By the kernel, for want of memory; SIGTERM to a worker alone is no interrupt of the command."""
    done = command(*TWO, *JOBLIB, XN_TEST_FAIL=f"nli/english:{how}", XN_TEST_LAST="1")
    assert done.returncode == 1
    assert "table of 2 jobs" in done.stdout and done.stdout.endswith("report.html\n")
    first, second = done.stderr.splitlines()
    assert first.startswith("xtreme-noise: 1 of 2 jobs did not finish (")
    assert "): xnli-tiny-nli-english-s42 (jobs/" in first
    assert first.endswith("Finished work is kept and reported; the same command resumes")
    assert second == "xtreme-noise: 1 failed; the report lists them first"
    assert len(list(workdir.glob("multirun_outputs/*/jobs/*/config.yaml"))) == 2
    assert len(list(workdir.glob("multirun_outputs/*/jobs/*/failure.txt"))) == 1

    again = command(*TWO)  # launchers change no results, so it is the same study
    assert (again.returncode, again.stderr) == (0, "")
    assert set(traces(workdir)) == {"none", "nli/english"}
    assert not list(workdir.glob("multirun_outputs/*/jobs/*/unfinished"))


def test_places_are_checked_before_anything_is_read(
    tmp_path: Path, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workdir
    for mode in ("run", "plan", "preview"):
        assert cli.main(["task=xnli", f"source.root={tmp_path / 'no'}", f"mode={mode}", "noise.level=0.1"]) == 2
        assert "there is no such folder" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert cli.main([f"store={tmp_path / 'file' / 'store'}", "mode=plan"]) == 2
    assert "XTREME_NOISE_STORE" in capsys.readouterr().err
