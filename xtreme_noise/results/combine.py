"""Several studies as one: a folder with the jobs and predictions of all, which every mode reads like any study.

It is made anew by every command, from the studies as they are then; nothing in them changes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from xtreme_noise.config import paths, planned
from xtreme_noise.errors import ConfigError
from xtreme_noise.results import JOB, archive, jobs
from xtreme_noise.results.class_scores import CLASS_SCORES
from xtreme_noise.results.items import ITEMS
from xtreme_noise.writing import file_lock, follow, make_folder, write_atomic

MARK = "combined.json"  # the studies of a combined folder
COPIED = (JOB, ITEMS, planned.CONFIG, planned.UNFINISHED, planned.FAILURE, ".hydra/overrides.yaml")  # of every job
LINKED = ("predictions", CLASS_SCORES)  # files of cells
NAMES = 100  # characters of the names in that of the folder


def combined(studies: Sequence[Path]) -> Path:
    """The folder multirun_outputs/<names joined by +> with the jobs and predictions of `studies`.

    A cell that several of them have counts once. Raises ConfigError when it has different scores (one configuration,
    but computed on different kinds of machines), when a study is named twice or has no job records, and when the folder
    contains something else.
    """
    _distinct(studies)
    _one_score_each(studies)
    names = "+".join(study.name for study in studies)
    folder = paths.RESULTS.absolute() / (names if len(names) <= NAMES else f"combined-{paths.short_digest(names)}")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise ConfigError(f"{folder} is for the combined report, and contains another study: rename or move it")
    make_folder(folder)
    with file_lock(folder / ".lock"):
        write_atomic(folder / MARK, json.dumps([str(study) for study in studies], indent=1))
        for part in ("jobs", *LINKED):
            shutil.rmtree(folder / part, ignore_errors=True)
        # Predictions of an archive have scores alone, so it comes last: of a cell that several have, the first counts.
        for number, study in enumerate(sorted(studies, key=lambda study: (study / archive.MARK).is_file()), 1):
            _add(study, folder, number)
    return folder


def _distinct(studies: Sequence[Path]) -> None:
    known: set[Path] = set()
    for study in studies:
        if study.resolve() in known:
            raise ConfigError(f"sweep: {study} is named twice")
        known.add(study.resolve())
        if not any((study / "jobs").glob(f"*/{JOB}")):
            raise ConfigError(f"{study} has no job records (jobs/*/{JOB}), and cannot be combined with other studies")


def _one_score_each(studies: Sequence[Path]) -> None:
    known: dict[str, tuple[float | None, Path]] = {}
    for study in studies:
        for job in jobs(study)[0]:
            for cell in job["cells"]:
                if cell.status != "ok":
                    continue
                score, first = known.setdefault(cell.cell, (cell.score, study))
                if score != cell.score:
                    raise ConfigError(
                        f"{cell.task}, {cell.language}, {cell.intermediate}, {cell.noise} {cell.level:g}, seed "
                        f"{cell.seed}: {100 * (score or 0):.2f} in {first} and {100 * (cell.score or 0):.2f} in "
                        f"{study}. One configuration gave two results, as different kinds of machines do: remove the "
                        f"jobs with this seed from a copy of one of the studies"
                    )


def _add(study: Path, folder: Path, number: int) -> None:
    for job in sorted(path for path in (study / "jobs").iterdir() if path.is_dir()):
        target = folder / "jobs" / job.name
        if target.exists():
            target = target.with_name(f"{job.name}-{number}")
        for name in COPIED:
            if (job / name).is_file():
                make_folder((target / name).parent)
                shutil.copyfile(job / name, target / name)
                follow(target / name)
    for path in sorted(path for part in LINKED for path in (study / part).glob("*.parquet")):
        link = make_folder(folder / path.parent.name) / path.name
        if not link.exists():
            try:
                os.link(path, link)
            except OSError:  # another disk, or a file system without hard links
                shutil.copyfile(path, link)
                follow(link)
