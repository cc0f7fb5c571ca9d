"""The modes, and what each checks before anything expensive starts.

Slow imports are inside functions, so that a wrong command is reported before torch is loaded.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xtreme_noise import interrupt, launch
from xtreme_noise.config import compose, grid, paths, planned, reads
from xtreme_noise.errors import ConfigError, DataError, ModelUnavailable, suggest
from xtreme_noise.launch import FAILURE
from xtreme_noise.writing import make_folder

LOCAL = ("basic", "joblib")  # launchers whose jobs run on this machine and end with the command


def start(study: compose.Study) -> int:
    """Run the study's mode; returns the exit code."""
    mode = study.jobs[0].mode
    if mode in OF_A_FOLDER:
        return OF_A_FOLDER[mode](study.sweep)
    if mode != "mine_typos":
        _places(study)
    return _OF_A_STUDY[mode](study)


def _report(sweep: Path) -> int:
    _has_results(sweep)
    _writable(sweep, "tables", f"sweep={sweep}: the report", "sweep=/a/copy/of/the/study")
    _readable(sweep)
    return _finish(sweep)


def _export(sweep: Path) -> int:
    _has_results(sweep)
    _writable(sweep, "export", f"sweep={sweep}: the export", "sweep=/a/copy/of/the/study")
    from xtreme_noise import results
    from xtreme_noise.interchange import export

    _readable(sweep)
    completion = results.finish(sweep)
    export.show(sweep)
    return int(bool(completion.failed or completion.ambiguous))


def _score(study: compose.Study) -> int:
    _single(study, "mode=score reads the predictions of one task", "the scores")
    from xtreme_noise.interchange import score

    score.show(study.jobs[0], study.sweep)
    return 0


def _plan(study: compose.Study) -> int:
    from xtreme_noise.commands import plan as estimate

    return estimate.show(study.jobs)


def _fetch(study: compose.Study) -> int:
    folder = Path(str(study.jobs[0].fetch.folder)).expanduser()
    _writable(folder, ".", f"fetch.folder={folder}: models and data", "fetch.folder=/some/folder")
    from xtreme_noise.commands import fetch

    return fetch.show(study.jobs)


def _preview(study: compose.Study) -> int:
    from xtreme_noise.commands import preview

    shown: list[Any] = []
    for job in study.jobs:  # jobs that differ only in their models have the same noise
        what = (job.task, job.noise, job.source, job.wanted_languages())
        if what not in shown:
            shown.append(what)
            preview.show(job)
    return 0


def _noise_table(study: compose.Study) -> int:
    _single(study, "mode=noise_table makes one table of all families and languages", "the table")
    from xtreme_noise.commands import noise_table

    chosen = any(text.lstrip("+").startswith("noise=") for text in study.overrides)
    noise_table.show(study.jobs[0], study.sweep, only_chosen=chosen)
    return 0


def _mine(study: compose.Study) -> int:
    from xtreme_noise.commands import mine_typos as mine

    for job in study.jobs:
        mine.show(job.mine)
    return 0


def _run(study: compose.Study) -> int:
    _accelerators(study)
    _plannable(study)
    _writable(study.sweep, "jobs", f"sweep={study.sweep}: results", "sweep=/some/folder")
    for folder in study.folders:
        (folder / FAILURE).unlink(missing_ok=True)
    try:
        planned.write(study.jobs, study.folders)
        code, lost = launch.run(study)
    except OSError as error:
        error.filename = error.filename or str(study.sweep)  # the error of a full disk may name no file
        raise
    for folder in study.folders:
        if (folder / FAILURE).is_file() and folder not in lost.folders:
            print(f"xtreme-noise: a job failed: {_last_line(folder / FAILURE)} ({folder / FAILURE})", file=sys.stderr)
    if lost.folders:
        print(f"xtreme-noise: {_lost(study, lost)}", file=sys.stderr)
    return max(code, _finish(study.sweep))


def _lost(study: compose.Study, lost: launch.Lost) -> str:
    """A message about unfinished jobs, with up to five names, and what to do."""
    named = [
        f"{grid.title(job)} (jobs/{folder.name})"
        for job, folder in zip(study.jobs, study.folders, strict=True)
        if folder in lost.folders
    ]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    running = "" if study.launcher in LOCAL else f"; mode=report sweep={study.sweep} shows later what still ran"
    return (
        f"{len(named)} of {len(study.jobs)} jobs did not finish ({lost.why}): {', '.join(named[:5])}{more}. Finished "
        f"work is kept and reported; the same command resumes{running}"
    )


def _readable(sweep: Path) -> None:
    """Raise ConfigError when there are no job records, and cells.parquet is not the table of a study."""
    if any((sweep / "jobs").glob("*/job.json")):
        return
    from xtreme_noise.report import cells

    try:
        cells.read_cells(sweep)
    except DataError as error:
        raise ConfigError(str(error)) from error


def _has_results(sweep: Path) -> None:
    if not any((sweep / "jobs").glob("*/*")) and not (sweep / "cells.parquet").is_file():
        studies = [
            str(p.relative_to(Path.cwd())) for p in Path.cwd().glob(f"{paths.RESULTS}/*") if (p / "jobs").is_dir()
        ]
        hint = suggest(str(paths.RESULTS / sweep.name), studies, "studies") if studies else ""
        raise ConfigError(f"{sweep} contains no results{hint}")


def _single(study: compose.Study, why: str, what: str) -> None:
    """Raise ConfigError when there are several jobs, or `what` cannot be written."""
    if len(study.jobs) > 1:
        raise ConfigError(f"{why}: it cannot be swept")
    _writable(study.sweep, ".", f"sweep={study.sweep}: {what}", "sweep=/some/folder")


def _places(study: compose.Study) -> None:
    """Raise ConfigError when the data folder is missing or the store is unusable, before anything is read."""
    for root in sorted({root for job in study.jobs for root in job.source.roots()}):
        if not Path(root).is_dir():
            raise ConfigError(f"source.root={root}: there is no such folder; give the folder with the data sets")
    if study.jobs[0].mode in ("run", "plan", "fetch"):  # other modes do not read all data of a job
        for job in study.jobs:
            reads.check(job)
        _models(study)
    for store in sorted({job.store for job in study.jobs}):
        try:
            _writable(Path(store), ".", f"store={store}: finished work", "store=/some/folder (or XTREME_NOISE_STORE)")
        except ConfigError:
            if not any(Path(store).glob("*/*/manifest.json")):
                raise
            print(
                f"xtreme-noise: store={store} is read-only: finished work in it is used, and nothing is added",
                file=sys.stderr,
            )


def _plannable(study: compose.Study) -> None:
    """Raise ConfigError for a job that cannot be planned, if jobs run on this machine, before anything is written.

    Errors of data and models are recorded by the job instead, because other jobs can still run.
    """
    if study.launcher not in LOCAL:
        return
    from xtreme_noise.stages.plan import Plan

    for job in study.jobs:
        with contextlib.suppress(DataError, ModelUnavailable):
            try:
                Plan(job)
            except ConfigError as error:
                raise ConfigError(f"{grid.title(job)}: {error}" if len(study.jobs) > 1 else str(error)) from error


def _models(study: compose.Study) -> None:
    """Raise ConfigError for a model.path that is not a checkpoint, as far as this machine can tell."""
    if any(job.model.loader == "hub" for job in study.jobs):
        from xtreme_noise.models import hub

        for job in study.jobs:
            hub.check_path(job.model)


def _accelerators(study: compose.Study) -> None:
    """Raise ConfigError for an accelerator that this machine lacks, if the jobs run on this machine."""
    wanted = {job.trainer.accelerator for job in study.jobs} - {"auto", "cpu"}
    sharded = any(job.trainer.sharded for job in study.jobs)
    if not (wanted or sharded) or study.launcher not in LOCAL:
        return
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if sharded and not cuda:
        raise ConfigError("trainer.strategy=fsdp needs CUDA devices, and this machine has none; ddp runs on any")
    there = {"gpu": cuda or mps, "cuda": cuda, "mps": mps}
    for name in sorted(wanted):
        if not there[name]:
            raise ConfigError(f"trainer.accelerator={name}: this machine has none; auto uses what there is")


def _writable(folder: Path, part: str, what: str, remedy: str) -> None:
    """Raise ConfigError when `part` of `folder` cannot be created or written."""
    try:
        make_folder(folder / part)
        with tempfile.TemporaryFile(dir=folder / part):
            pass
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be written ({error.strerror}: {error.filename}); choose another folder with {remedy}"
        ) from error


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    return lines[-1] if lines else "no message"


def _finish(sweep: Path) -> int:
    """Collect the results, write the report, print the table; returns the exit code.

    1 when the report lists a failure, or nothing was measured.
    """
    from rich.console import Console

    from xtreme_noise import report, results

    completion = results.finish(sweep)
    interrupt.check()
    built = report.conclude(sweep)
    Console().print(built.table)
    print(built.page)
    nothing = completion.missing and not completion.ok
    if built.problems:
        print(f"xtreme-noise: {built.problems} failed; the report lists them first", file=sys.stderr)
    elif nothing:
        print("xtreme-noise: no cell could be evaluated: all of the data are missing", file=sys.stderr)
    if completion.ambiguous:
        print(
            f"xtreme-noise: {completion.ambiguous} finished cells compete for the same places, and none of them is "
            f"used (the report lists them): remove the jobs of the training that you do not want from {sweep / 'jobs'}",
            file=sys.stderr,
        )
    if built.not_run:
        print(
            f"xtreme-noise: {built.not_run} of {built.wanted} cells have not been run: the study was interrupted or is "
            "still running; the same command resumes",
            file=sys.stderr,
        )
    return int(bool(built.problems or nothing))


OF_A_FOLDER: dict[str, Callable[[Path], int]] = {"report": _report, "export": _export}
_OF_A_STUDY: dict[str, Callable[[compose.Study], int]] = {
    "run": _run,
    "plan": _plan,
    "preview": _preview,
    "noise_table": _noise_table,
    "mine_typos": _mine,
    "score": _score,
    "fetch": _fetch,
}
