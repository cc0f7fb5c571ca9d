"""The command line in this process: dispatch by mode, Hydra's own flags, shell completion."""

from __future__ import annotations

import errno
import importlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import xtreme_noise
from xtreme_noise import cli, launch
from xtreme_noise.commands import run
from xtreme_noise.config import compose, paths, planned
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.interrupt import Interrupted
from xtreme_noise.results import Completion

pytestmark = pytest.mark.usefixtures("workdir")


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    """Replace a module that a command would import."""
    module = ModuleType(name)
    module.__dict__.update(content)
    monkeypatch.setitem(sys.modules, name, module)
    package, _, short = name.rpartition(".")
    monkeypatch.setattr(importlib.import_module(package), short, module, raising=False)


def test_plan_gets_every_job_and_runs_none(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> None:
    shown: list[Any] = []

    def show(jobs: list[Any]) -> int:
        shown.append(jobs)
        return 0

    monkeypatch.setattr("xtreme_noise.commands.plan.show", show)
    assert cli.main(["mode=plan", "task=xnli", "-m", "seed=0,1"]) == 0
    assert [job.seed for job in shown[0]] == [0, 1]
    assert not any(workdir.iterdir())


def test_preview_shows_what_differs_in_noise_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []

    monkeypatch.setattr("xtreme_noise.commands.preview.show", shown.append)
    assert (
        cli.main(
            [
                "mode=preview",
                "task=xnli",
                "-m",
                "intermediate=none,nli",
                "intermediate.arm=english",
                "noise.levels=[0.1],[0.2]",
            ]
        )
        == 0
    )
    assert [job.noise.levels for job in shown] == [[0.1], [0.2]]


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that reports were asked for."""
    asked: list[Path] = []

    def finish(sweep: Path) -> Completion:
        asked.append(sweep)
        return Completion(ok=1, failed=0, missing=0, not_applicable=0)

    stand_in(monkeypatch, "xtreme_noise.results", finish=finish)
    stand_in(
        monkeypatch,
        "xtreme_noise.report",
        conclude=lambda sweep, **_: SimpleNamespace(
            page=sweep / "report.html",
            table="table",
            problems=len(list(sweep.glob("jobs/*/failure.txt"))),
            headline=[],
            not_run=0,
            wanted=1,
        ),
    )
    return asked


def a_study(folder: Path) -> None:
    """A folder that some job has left a record in."""
    (folder / "jobs" / "a").mkdir(parents=True)
    (folder / "jobs" / "a" / "job.json").write_text("{}")


def test_report_of_a_folder_composes_nothing(
    monkeypatch: pytest.MonkeyPatch, workdir: Path, reported: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a_study(workdir / "multirun_outputs" / "mine")

    def never(*_: Any) -> None:
        raise AssertionError("composed")

    monkeypatch.setattr(compose, "study", never)
    assert cli.main(["mode=report", "sweep=multirun_outputs/mine"]) == 0
    assert reported == [workdir / "multirun_outputs" / "mine"]
    assert capsys.readouterr().out.splitlines()[-1] == str(reported[0] / "report.html")
    assert cli.main(["mode=report", "sweep=multirun_outputs/mne"]) == 2
    assert "did you mean 'multirun_outputs/mine'?" in capsys.readouterr().err


def test_report_of_a_command_finds_its_folder(workdir: Path, reported: list[Path]) -> None:
    a_study(workdir / "multirun_outputs" / "quickstart")
    assert cli.main(["mode=report", "+experiment=quickstart"]) == 0
    assert reported == [workdir / "multirun_outputs" / "quickstart"]


def test_a_user_error_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    def show(_: Any) -> None:
        raise DataError("x.jsonl.gz, line 3: no label")

    monkeypatch.setattr("xtreme_noise.commands.plan.show", show)
    assert cli.main(["mode=plan", "task=xnli"]) == 1
    assert capsys.readouterr().err == "xtreme-noise: x.jsonl.gz, line 3: no label\n"


def _killed() -> int:
    raise RuntimeError("no such partition\nand much more")


def _no_memory() -> int:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


def _unreachable() -> int:
    raise ConnectionError("no Ray cluster at 10.0.0.1:6379")  # an OSError without a number


def _ended() -> int:
    raise Interrupted(signal.SIGTERM)  # of a process of the launcher


@pytest.mark.parametrize(
    ("launcher", "why"),
    [
        (_killed, "RuntimeError: no such partition"),
        (_no_memory, "OSError: [Errno 12] Cannot allocate memory"),
        (_unreachable, "ConnectionError: no Ray cluster at 10.0.0.1:6379"),
        (_ended, "a process of the launcher was terminated by SIGTERM"),
        (lambda: 0, "the launcher ended first"),  # and said nothing
    ],
)
def test_what_a_launcher_loses_is_named_and_the_rest_reported(
    launcher: Callable[[], int],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    workdir: Path,
    reported: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run_hydra(*_: Any) -> int:
        first = min(workdir.glob("s/jobs/*"))
        (first / planned.UNFINISHED).unlink()
        return launcher()

    monkeypatch.setattr(launch, "run_hydra", run_hydra)
    stand_in(monkeypatch, "xtreme_noise.stages.plan", Plan=lambda cfg: cfg)
    assert cli.main(["task=xnli", "model=tiny", "-m", "seed=1,2", "sweep=s"]) == 1
    assert reported == [workdir / "s"]
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"xtreme-noise: 1 of 2 jobs did not finish ({why}): xnli-tiny-none-s")
    assert second == "xtreme-noise: 1 failed; the report lists them first"
    [failure] = workdir.glob("s/jobs/*/failure.txt")
    assert failure.read_text(encoding="utf-8").endswith(f"did not finish: {why}\n")


def test_many_lost_jobs_are_one_line(workdir: Path) -> None:
    job = compose.study(["task=xnli", "model=tiny"]).jobs[0]
    folders = [workdir / "jobs" / name for name in "abcdefgh"]
    study = compose.Study(workdir, [job] * 8, folders, [], True, "submitit_slurm")
    said = run.unfinished(study, launch.Lost(folders[1:], "killed"))
    named = ", ".join(f"xnli-tiny-none-s42 (jobs/{name})" for name in "bcdef")
    assert said.startswith(f"7 of 8 jobs did not finish (killed): {named} and 2 more. Finished work is kept")
    assert said.endswith(f"mode=report sweep={workdir} shows later what still ran")


@pytest.mark.parametrize("words", [[], ["mode=submit", "hydra/launcher=submitit_slurm"]], ids=["run", "submit"])
def test_what_a_configuration_cannot_do_leaves_no_folder(
    words: list[str], monkeypatch: pytest.MonkeyPatch, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def plan(cfg: Any) -> None:
        if cfg.seed == 1:
            raise DataError("train.en.jsonl.gz: no such file")  # the job's to record
        raise ConfigError("shots would be the same rows in every language")

    stand_in(monkeypatch, "xtreme_noise.stages.plan", Plan=plan)
    assert cli.main(["task=xnli", "model=tiny", "-m", "seed=1,2", *words]) == 2
    said = "xtreme-noise: xnli-tiny-none-s2: shots would be the same rows in every language\n"
    assert capsys.readouterr().err == said
    assert not any(workdir.iterdir())


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_name_that_the_locale_cannot_read_is_said(locale: dict[str, str], tmp_path: Path, repository: Path) -> None:
    folder = tmp_path / "größe"
    folder.mkdir()
    words = [sys.executable, "-m", "xtreme_noise", "mode=plan"]
    known = {**os.environ, "PYTHONPATH": str(repository), **locale}
    done = subprocess.run(words, cwd=folder, env=known, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "is not valid text in the encoding of this locale (ascii): set PYTHONUTF8=1" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("kept_logging")
def test_a_reader_that_goes_is_no_failure(repository: Path) -> None:
    """`xtreme-noise mode=list | head -1`"""
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-m", "xtreme_noise", "--version"]
    done = subprocess.run(words, cwd=repository, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"xtreme-noise {xtreme_noise.__version__} ")
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "+experiment=quickstart" in shown
    assert "disjoint, full, two_cores" in shown
    flags = {option for action in cli._parser()._actions for option in action.option_strings}
    assert [option for option in sorted(flags) if option not in shown] == []
    assert cli.main(["task=xnli", "--help"]) == 0
    assert "freeze_embeddings" in capsys.readouterr().out  # keys that no file writes are shown as well


@pytest.mark.usefixtures("kept_logging")
def test_hydras_flags_see_what_a_run_sees(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--cfg", "job", "task=xnli", "--package", "task.size"]) == 0
    assert "test: null" in capsys.readouterr().out
    assert cli.main(["--info", "searchpath"]) == 0
    assert str(paths.conf_dir()) in capsys.readouterr().out
    assert cli.main(["--cfg", "job", "model=e5_smal"]) == 2
    assert "did you mean 'e5_small'?" in capsys.readouterr().err
    assert "HYDRA_FULL_ERROR" not in os.environ


COMPLETIONS = {
    "model=": {"model=e5_small", "model=tiny"},
    "+experiment=quick": {"+experiment=quickstart"},
    "task=attested/x": {"task=attested/xnli"},
    "preset=": {"preset=full", "preset=two_cores"},
    "tas": {"task=", "task."},
    "task.rec": {"task.recipe."},
    "seed=": {"seed=42"},
    "trainer.dete": {"trainer.deterministic="},
    "noise=[char,key": {"noise=[char,keyboard"},
    "mode=p": {"mode=plan", "mode=preview", "mode=power"},
    "languages=[de,t": {"languages=[de,th", "languages=[de,tr"},
    "task=att": {"task=attested/xnli"},
}


@pytest.fixture(scope="module")
def completed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What bash offers for each of COMPLETIONS: one bash, as completion is installed once in a terminal."""
    program = tmp_path_factory.mktemp("bin") / "xtreme-noise"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(repository))} exec {sys.executable} -m xtreme_noise "$@"\n'
    )
    program.chmod(0o755)
    script = f"""
        export PATH={shlex.quote(str(program.parent))}:$PATH
        eval "$(xtreme-noise --shell-completion install=bash)"
        complete -p xtreme-noise >&2
        for typed in {" ".join(map(shlex.quote, COMPLETIONS))}; do
            COMP_LINE="xtreme-noise $typed"; COMP_POINT=${{#COMP_LINE}}
            COMP_WORDS=(xtreme-noise "$typed"); COMP_CWORD=1
            hydra_bash_completion xtreme-noise
            echo "${{COMPREPLY[@]}}"
        done
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=300)
    assert "hydra_bash_completion xtreme-noise" in done.stderr, done.stderr
    offered = map(set, map(str.split, done.stdout.splitlines()))
    return dict(zip(COMPLETIONS, offered, strict=True))


@pytest.mark.skipif(shutil.which("bash") is None, reason="completion of bash is tested in bash")
@pytest.mark.parametrize("typed", COMPLETIONS)
def test_completion_in_bash(typed: str, completed: dict[str, set[str]]) -> None:
    assert COMPLETIONS[typed] <= completed[typed]
