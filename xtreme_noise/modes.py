"""What the modes do, and what each of them checks before anything expensive starts.

What is imported inside functions here is heavy: a wrong command is answered before torch is loaded.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xtreme_noise.config import compose, paths
from xtreme_noise.errors import ConfigError, DataError, suggest
from xtreme_noise.launch import FAILURE, run_hydra
from xtreme_noise.writing import make_folder


def start(study: compose.Study) -> int:
    """Do what the study's mode asks for; the exit code."""
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
    results.finish(sweep)
    export.show(sweep)
    return 0


def _score(study: compose.Study) -> int:
    _single(study, "mode=score reads the predictions of one task", "the scores")
    from xtreme_noise.interchange import score

    score.show(study.jobs[0], study.sweep)
    return 0


def _plan(study: compose.Study) -> int:
    from xtreme_noise.stages import estimate

    return estimate.show(study.jobs)


def _fetch(study: compose.Study) -> int:
    folder = Path(str(study.jobs[0].fetch.folder)).expanduser()
    _writable(folder, ".", f"fetch.folder={folder}: models and data", "fetch.folder=/some/folder")
    from xtreme_noise.stages import fetch

    return fetch.show(study.jobs)


def _preview(study: compose.Study) -> int:
    from xtreme_noise.stages import preview

    shown: list[Any] = []
    for job in study.jobs:  # jobs that differ in their models only have the same noise
        what = (job.task, job.noise, job.source, job.wanted_languages())
        if what not in shown:
            shown.append(what)
            preview.show(job)
    return 0


def _noise_table(study: compose.Study) -> int:
    _single(study, "mode=noise_table makes one table of all families and languages", "the table")
    from xtreme_noise.stages import noise_table

    noise_table.show(study.jobs[0], study.sweep)
    return 0


def _mine(study: compose.Study) -> int:
    from xtreme_noise.noise import mine

    for job in study.jobs:
        mine.show(job.mine)
    return 0


def _run(study: compose.Study) -> int:
    _accelerators(study)
    _writable(study.sweep, "jobs", f"sweep={study.sweep}: results", "sweep=/some/folder")
    for folder in study.folders:
        (folder / FAILURE).unlink(missing_ok=True)
    # The mode is given: an experiment may say MULTIRUN itself, and -m must win over one that says RUN.
    try:
        code = run_hydra(["--multirun" if study.multirun else "--run", *study.overrides])
    except OSError as error:
        error.filename = error.filename or str(study.sweep)  # a full disk's error names no file
        raise
    failures = [folder / FAILURE for folder in study.folders if (folder / FAILURE).is_file()]
    for path in failures:
        print(f"xtreme-noise: a job failed: {_last_line(path)} ({path})", file=sys.stderr)
    return max(code, _finish(study.sweep), 1 if failures else 0)


def _readable(sweep: Path) -> None:
    """Raise ConfigError when a table that stands without records, and stays as it is, is not one of a study."""
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
        raise ConfigError(f"{sweep} holds no results{hint}")


def _single(study: compose.Study, why: str, what: str) -> None:
    """Raise ConfigError when there are several jobs, or `what` cannot be written."""
    if len(study.jobs) > 1:
        raise ConfigError(f"{why}: there is nothing to sweep")
    _writable(study.sweep, ".", f"sweep={study.sweep}: {what}", "sweep=/some/folder")


def _places(study: compose.Study) -> None:
    """Raise ConfigError when the data folder is not there or the store of no use, before anything is read."""
    for root in sorted({job.source.root for job in study.jobs if job.source.root is not None}):
        if not Path(root).is_dir():
            raise ConfigError(f"source.root={root}: there is no such folder; give the one that holds the data sets")
    for store in sorted({job.store for job in study.jobs}):
        try:
            _writable(
                Path(store), ".", f"store={store}: finished work", "store=/some/folder (or set XTREME_NOISE_STORE)"
            )
        except ConfigError:
            if not any(Path(store).glob("*/*/manifest.json")):
                raise
            print(
                f"xtreme-noise: store={store} cannot be written: what is finished there is used, and nothing is added",
                file=sys.stderr,
            )


def _accelerators(study: compose.Study) -> None:
    """Raise ConfigError for an accelerator that is not in this machine, where the jobs run on this machine."""
    wanted = {job.trainer.accelerator for job in study.jobs} - {"auto", "cpu"}
    sharded = any(job.trainer.devices > 1 and job.trainer.strategy == "fsdp" for job in study.jobs)
    if not (wanted or sharded) or study.launcher not in ("basic", "joblib"):
        return
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if sharded and not cuda:
        raise ConfigError("trainer.strategy=fsdp needs CUDA devices, and this machine has none; ddp runs on any")
    there = {"gpu": cuda or mps, "cuda": cuda, "mps": mps}
    for name in sorted(wanted):
        if not there[name]:
            raise ConfigError(f"trainer.accelerator={name}: this machine has none; auto takes what there is")


def _writable(folder: Path, part: str, what: str, remedy: str) -> None:
    """Raise ConfigError when `part` of `folder` cannot be made or written."""
    try:
        make_folder(folder / part)
        with tempfile.TemporaryFile(dir=folder / part):
            pass
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be written there ({error.strerror}: {error.filename}); choose another folder with {remedy}"
        ) from error


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    return lines[-1] if lines else "no message"


def _finish(sweep: Path) -> int:
    """Compact the results, write the report, print the table. 1 when a job or cell of the folder failed."""
    from rich.console import Console

    from xtreme_noise import report, results

    completion = results.finish(sweep)
    page = report.write(sweep)
    Console().print(report.terminal_table(sweep))
    print(page)
    nothing = completion.missing and not completion.ok
    if completion.failed:
        print(f"xtreme-noise: {completion.failed} failed; the report lists them first", file=sys.stderr)
    elif nothing:
        print("xtreme-noise: no cell could be evaluated: all of the data are missing", file=sys.stderr)
    if completion.ambiguous:
        print(
            f"xtreme-noise: {completion.ambiguous} cells are several for one place, and none of them is used (the "
            f"report lists them): remove from {sweep / 'jobs'} the jobs of the training that you do not want",
            file=sys.stderr,
        )
    return int(bool(completion.failed or nothing or completion.ambiguous) or any((sweep / "jobs").glob(f"*/{FAILURE}")))


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
