"""Signals: noted, raised, and raised again when a library has swallowed what they raised."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import DictConfig

from xtreme_noise import cli, interrupt, launch
from xtreme_noise.config import planned
from xtreme_noise.interrupt import Interrupted, Stopped


class Swallows:
    """A library's object: what is raised in its `__del__` is lost."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def defaults() -> bool:
    return (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == (
        signal.default_int_handler,
        signal.SIG_DFL,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_raised_at_once_and_the_handlers_go(number: int) -> None:
    with pytest.raises(Interrupted) as raised, interrupt.handled():
        signal.raise_signal(number)
        raise AssertionError("not reached")
    assert raised.value.number == number
    assert defaults()


def test_what_a_library_swallows_is_raised_again(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Interrupted), interrupt.handled():
        interrupt.check()
        Swallows()
        interrupt.check()
    assert capsys.readouterr().err == ""
    with interrupt.handled():
        interrupt.check()  # what came to an earlier command is forgotten


def test_handlers_of_others_stay() -> None:
    """Such as submitit's, and none at all under nohup."""
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: got.append(number))
    try:
        with interrupt.handled():
            signal.raise_signal(signal.SIGTERM)
            interrupt.check()
            with pytest.raises(Interrupted):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [signal.SIGTERM]


def test_sigterm_in_a_fit_waits_for_its_step() -> None:
    """Lightning may be saving its state for a cluster's signal just then."""
    with pytest.raises(Interrupted) as raised, interrupt.handled():
        with interrupt.terminated_at_steps():
            signal.raise_signal(signal.SIGTERM)
        interrupt.check()
    assert raised.value.number == signal.SIGTERM
    with interrupt.terminated_at_steps(), interrupt.handled(), pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)


class Requeues:
    """What submitit does at a cluster's warning: it requeues the job and exits, or raises."""

    def __init__(self, raises: BaseException | None = None) -> None:
        self.raises = raises or SystemExit(-1)
        self.got = 0

    def __call__(self, number: int, _: Any) -> None:
        assert number == signal.SIGUSR2
        self.got += 1
        raise self.raises


@contextlib.contextmanager
def warned(raises: BaseException | None = None) -> Iterator[Requeues]:
    handler = Requeues(raises)
    before = signal.signal(signal.SIGUSR2, handler)
    try:
        yield handler
        assert signal.getsignal(signal.SIGUSR2) is handler
    finally:
        signal.signal(signal.SIGUSR2, before)


@pytest.mark.parametrize("raises", [SystemExit(-1), RuntimeError("timed-out too many times")])
def test_a_warning_of_a_cluster_is_no_error_of_a_cell(raises: BaseException) -> None:
    with warned(raises) as handler, pytest.raises(Stopped) as raised, interrupt.handled():
        try:
            signal.raise_signal(signal.SIGUSR2)
        except Exception as error:
            raise AssertionError("a cell would have failed") from error
    assert raised.value.reason is raises and handler.got == 1
    with warned(), pytest.raises(Stopped), interrupt.handled():
        interrupt.check()
        Swallows(signal.SIGUSR2)
        interrupt.check()
    interrupt.check()  # what came to an earlier job is forgotten


def test_one_process_of_a_job_acts_on_a_warning() -> None:
    with warned() as handler, interrupt.handled():
        child = os.fork()
        if not child:
            try:
                signal.raise_signal(signal.SIGUSR2)
            finally:
                os._exit(handler.got)
        _, status = os.waitpid(child, 0)
        assert status == 0
        interrupt.check()


def test_a_fit_leaves_sigterm_to_who_bypasses_it() -> None:
    """A job that ends by itself in the time before Slurm preempts it is not requeued."""
    got: list[int] = []

    def bypass(number: int, _: Any) -> None:
        got.append(number)

    before = signal.signal(signal.SIGTERM, bypass)
    try:
        with interrupt.handled(), interrupt.terminated_at_steps():
            signal.signal(signal.SIGTERM, lambda *_: interrupt.end(signal.SIGTERM))  # as Lightning does
            interrupt.fit_begins()
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [signal.SIGTERM]
    with pytest.raises(Interrupted), interrupt.handled(), interrupt.terminated_at_steps():
        signal.signal(signal.SIGTERM, lambda *_: interrupt.end(signal.SIGTERM))
        interrupt.fit_begins()
        signal.raise_signal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_a_fork_is_ended_by_sigterm() -> None:
    with interrupt.handled():
        child = os.fork()
        if not child:  # as a process that loads data
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                os._exit(7)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM
        interrupt.check()


def test_it_goes_from_process_to_process() -> None:
    assert pickle.loads(pickle.dumps(Interrupted(signal.SIGTERM))).number == signal.SIGTERM


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("how", ["raised", "swallowed", "another error", "swallowed at the end"])
def test_exit_codes(
    how: str, number: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(_: Any) -> int:
        if how == "raised":
            signal.raise_signal(number)
        Swallows(number)
        if how == "another error":
            raise RuntimeError("of what a signal raised in a library")
        if how == "swallowed":
            interrupt.check()
        return 0

    monkeypatch.setattr(cli, "_main", main)
    assert cli.main([]) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"xtreme-noise: interrupted by {signal.Signals(number).name}")
    assert "Finished work is kept" in said and "the same command resumes" in said
    assert defaults()


def test_a_sweep_ends_between_cells_and_keeps_those_that_are_finished(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.e2e.world import QUICK, cells
    from xtreme_noise.stages.evaluate import LanguageSession

    told: list[str] = []
    real = LanguageSession.record

    def record(self: LanguageSession, cell: Any) -> Any:
        found = real(self, cell)
        told.append(cell.language)
        if len(told) == 2:
            Swallows()
        return found

    monkeypatch.setattr(LanguageSession, "record", record)
    overrides = [*QUICK, "task=xnli", f"source.root={root}", "languages=[en,de]", "noise.levels=[0,0.1]", "sweep=s"]
    assert cli.main(overrides) == 130
    assert told == ["en", "en"]
    assert not Path("s/report.html").exists()
    monkeypatch.undo()
    os.chdir(root.parent / "work")
    assert cli.main(["mode=report", "sweep=s"]) == 0
    assert [(row["language"], row["status"]) for row in cells(Path("s"))] == [("en", "ok")] * 2
    assert "2 of 4 cells have not been run" in capsys.readouterr().err


@pytest.mark.parametrize("raises", [SystemExit(-1), RuntimeError("Job not requeued because: timed-out too many times")])
def test_a_job_that_a_cluster_stops_has_neither_failed_nor_finished(
    raises: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any) -> str:
        with contextlib.suppress(Exception):  # as the evaluation of a cell does
            signal.raise_signal(signal.SIGUSR2)
        return "done"

    runtime = SimpleNamespace(output_dir=str(tmp_path))
    monkeypatch.setattr("hydra.core.hydra_config.HydraConfig.get", lambda: SimpleNamespace(runtime=runtime))
    monkeypatch.setattr(launch, "_run", run)
    (tmp_path / planned.UNFINISHED).touch()
    with warned(raises):
        if isinstance(raises, SystemExit):  # requeued: submitit must see it
            with pytest.raises(SystemExit):
                launch.job(DictConfig({}))
            assert not (tmp_path / planned.FAILURE).exists()
        else:
            assert launch.job(DictConfig({})) == "stopped"
            said = (tmp_path / planned.FAILURE).read_text()
            assert said.endswith("the cluster stopped it: Job not requeued because: timed-out too many times\n")
    assert (tmp_path / planned.UNFINISHED).exists()
