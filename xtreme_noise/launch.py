"""Hydra's part of a command: help, completion, and running the jobs of a study, in whatever process a launcher uses."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from xtreme_noise import interrupt, streams
from xtreme_noise.config import loader, paths, strict, sweeps
from xtreme_noise.config.compose import Study
from xtreme_noise.config.explain import explain
from xtreme_noise.config.planned import FAILURE, UNFINISHED
from xtreme_noise.config.schema import Config
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import DISK, JobFailed, UserError
from xtreme_noise.position import position
from xtreme_noise.submitting import Submission, submitting
from xtreme_noise.writing import write_atomic

log = logging.getLogger(__name__)
_checked: dict[Path, Config] = {}  # the jobs of the study that this process runs; none in a process of a launcher
paths.register()  # also in the processes of a launcher


@dataclass(frozen=True)
class Lost:
    """Folders of jobs that did not finish, and why."""

    folders: list[Path]
    why: str


def run_hydra(arguments: list[str]) -> int:
    """Run hydra.main with these arguments (launchers, sweepers, logging, help, completion); returns its exit code.

    Raises ConfigError for what Hydra refuses, and whatever a launcher raises. Of the errors of a job, only Interrupted
    gets here (see `job`).
    """
    with _process(arguments), sweeps.by_hydra(), loader.loading():
        try:
            hydra.main(config_path=str(paths.conf_dir()), config_name=paths.CONFIG_NAME, version_base="1.3")(job)()
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            overrides = tuple(text for text in arguments if not text.startswith("-"))
            raise explain(error, Sources(overrides, folders=(paths.conf_dir(),))) from error
    return 0


def run(study: Study) -> tuple[int, Lost]:
    """Run all jobs of a study; returns Hydra's exit code and the jobs that the launcher lost, whether it raised or not.

    The FAILURE file of a lost job says why. Raises Interrupted when this process received a signal, ConfigError for
    what Hydra refuses, and OSError when the disk cannot be written.
    """
    code, error = 1, None
    submission = Submission(study)
    try:
        _checked.update(zip(study.folders, study.jobs, strict=True))
        # Set the mode explicitly: an experiment may set hydra.mode, but -m has priority.
        with submitting(submission) if study.launcher.startswith("submitit") else contextlib.nullcontext():
            code = run_hydra(["--multirun" if study.multirun else "--run", *study.overrides])
    except (Exception, KeyboardInterrupt) as raised:
        interrupt.check()
        of_a_job = isinstance(raised, interrupt.Interrupted) and raised.number == signal.SIGTERM
        own = isinstance(raised, UserError | KeyboardInterrupt) or getattr(raised, "errno", None) in DISK
        if own and not of_a_job:
            raise
        error = raised
    finally:
        _checked.clear()
    interrupt.check()
    lost = {}
    for number, folder in enumerate(study.folders):
        if (folder / UNFINISHED).exists():
            lost[folder] = submission.lost.get(number) or _why(error)
            if not (folder / FAILURE).exists():  # a job that a cluster stopped says more
                _note_failure(folder, f"did not finish: {lost[folder]}", error)
    return code, Lost(list(lost), "; ".join(dict.fromkeys(lost.values())))


def submit(study: Study, submission: Submission) -> None:
    """Submit the jobs of a study to a cluster, without waiting. Raises ConfigError, and what submitit raises."""
    with submitting(submission):
        run_hydra(["--multirun", *study.overrides])


def _why(error: BaseException | None) -> str:
    """One line that says why a launcher lost jobs."""
    if error is None:
        return "the launcher ended first"
    if isinstance(error, interrupt.Interrupted):
        return "a process of the launcher was terminated by SIGTERM"
    return f"{type(error).__name__}: {error}".strip().splitlines()[0].rstrip(" :")


@contextlib.contextmanager
def _process(arguments: list[str]) -> Iterator[None]:
    """Set what hydra.main reads from the process: its arguments, and that it raises errors instead of printing them."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    program = argv[0] if argv and not argv[0].endswith(".py") else "xtreme-noise"  # completion is for this name
    sys.argv = [program, *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def job(composed: DictConfig) -> str:
    """Run one job of a study, in whatever process Hydra's launcher uses; returns 'done', 'failed' or 'stopped'.

    A failure is written to the job's folder and not raised, because Hydra would drop the later batches of a sweep.
    A job that a cluster stops stays marked as unfinished. Raises SystemExit if it is requeued, and Interrupted for a
    signal.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        with interrupt.handled():
            streams.tolerant()
            streams.utf8_logs()
            interrupt.check()
            (folder / FAILURE).unlink(missing_ok=True)
            outcome = _run(composed, folder)
            interrupt.check()
    except interrupt.Stopped as stopped:
        if isinstance(stopped.reason, SystemExit):
            raise stopped.reason from None
        _note_failure(folder, f"the cluster stopped it: {stopped.reason}", stopped.reason)
        return "stopped"
    if outcome == "done":
        (folder / FAILURE).unlink(missing_ok=True)  # written by a launcher that gave up on the running job
    (folder / UNFINISHED).unlink(missing_ok=True)
    return outcome


def _run(composed: DictConfig, folder: Path) -> str:
    from xtreme_noise.stages.run import run_job

    try:
        if folder in _checked:
            position.set((list(_checked).index(folder) + 1, len(_checked)))
        checked = _checked.get(folder) or strict.check(composed, Sources(tuple(HydraConfig.get().overrides.task)))
        run_job(checked, folder)
    except (Exception, SystemExit) as error:
        _raise_interrupt(error)
        return _failed(folder, _message(error), error)
    finally:
        position.set(None)
    return "done"


def _raise_interrupt(error: BaseException) -> None:
    """Raise Interrupted if a signal caused this error.

    During training, Lightning turns an interrupt or SIGTERM into an exit; other libraries may raise anything.
    """
    interrupt.check()
    if not isinstance(error, SystemExit):
        return
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    if isinstance(error, SIGTERMException):
        interrupt.end(signal.SIGTERM)
    if isinstance(error.__context__, KeyboardInterrupt):
        interrupt.end(signal.SIGINT)


def _message(error: BaseException) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, SystemExit):  # if raised, it would silently end the whole study
        return f"code in the job called exit({error.code})"
    return f"{type(error).__name__}: {error}"


def _failed(folder: Path, message: str, error: BaseException) -> str:
    _note_failure(folder, message, error)
    log.error("%s (%s)", JobFailed.brief(message), shlex.quote(str(folder / FAILURE)))
    return "failed"


def _note_failure(folder: Path, message: str, error: BaseException | None) -> None:
    details = "".join(traceback.format_exception(error)) if error else ""
    write_atomic(folder / FAILURE, f"{details}\n{' '.join(message.split())}\n")
