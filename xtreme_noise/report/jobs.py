"""The jobs of a study: which failed, and how to run them again."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from xtreme_noise.config.planned import CONFIG, FAILURE
from xtreme_noise.errors import DataError
from xtreme_noise.report.cells import Problem
from xtreme_noise.results import COUNTS, JOB, LEARNED, STAGES, job_record

OVERRIDES = ".hydra/overrides.yaml"
SHARE, YES_NO = re.compile(r"([01](\.[0-9]+)?(e-[0-9]{1,2})?)?"), re.compile("(True|False)?")
COUNT, SECONDS = re.compile(r"[0-9]{0,18}"), re.compile(r"([0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,2})?)?")


@dataclass(frozen=True)
class Job:
    """One job. `command`: runs it again; None if Hydra left no record of it.

    failure: why its last run failed; None if it did not fail, or only cells failed, which are listed themselves.
    software: package -> version.
    """

    name: str
    command: str | None
    config: str | None
    software: dict[str, str]
    failure: str | None


def read_jobs(sweep: Path) -> tuple[list[Job], list[Problem]]:
    """All jobs by name; failed jobs and unreadable records are problems."""
    folder = sweep / "jobs"
    jobs: list[Job] = []
    problems: list[Problem] = []
    for path in sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []:
        try:
            job = _job(path, _state(path))
        except (OSError, ValueError, RecursionError) as error:
            problems.append(Problem(f"job {path.name}", f"its record cannot be read: {error}"))
            continue
        if job.failure:
            problems.append(Problem(f"job {job.name}", job.failure))
        jobs.append(job)
    return jobs, problems


def read_stages(sweep: Path) -> list[dict[str, str]]:
    """The rows of tables/stages.csv, one per trained stage; empty if nothing was trained. Raises DataError for a table
    that was edited or is damaged.
    """
    return _rows(sweep / "tables" / STAGES, dict.fromkeys(COUNTS, COUNT) | {"seconds": SECONDS}, ("stage",))


def read_learned(sweep: Path) -> list[dict[str, str]]:
    """The rows of tables/learned.csv, one per language of each intermediate stage; empty without the table. Raises
    DataError for a table that was edited or is damaged.
    """
    forms = {"n": COUNT, "score": SHARE, "gate": SHARE, "below": YES_NO}
    return _rows(sweep / "tables" / LEARNED, forms, ("stage", "language"))


def _rows(path: Path, forms: Mapping[str, re.Pattern[str]], needed: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table that this program has written. forms: how the values of a column are written; empty is
    allowed; needed: columns that must be there.
    """
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(stream)]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    for number, row in enumerate(rows, 1):
        wrong = [name for name, form in forms.items() if not form.fullmatch(row.get(name, ""))]
        wrong += [name for name in needed if name not in row]
        if wrong:
            raise DataError(f"{path}, row {number}: {wrong[0]} is {row.get(wrong[0])!r:.80}: edited or damaged")
    return rows


def _state(folder: Path) -> tuple[tuple[int, ...] | None, ...]:
    """Changes with the files of a job."""
    files = (folder / name for name in (JOB, CONFIG, FAILURE, OVERRIDES))
    found = (path.stat() if path.exists() else None for path in files)
    return tuple(one and (one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in found)


@lru_cache(maxsize=10_000)  # a report reads its jobs for the digest of its inputs, and then shows them
def _job(folder: Path, state: tuple[object, ...]) -> Job:  # noqa: ARG001
    record = job_record(folder) or {}
    overrides = _overrides(folder / OVERRIDES)
    path = folder / CONFIG
    config = path.read_text(encoding="utf-8") if path.is_file() else None
    software = record.get("software")
    return Job(
        name=folder.name,
        command=None if overrides is None else shlex.join(["python", "-m", "xtreme_noise", *overrides]),
        config=config,
        software={str(k): str(v) for k, v in software.items()} if isinstance(software, dict) else {},
        failure=_failure(folder / FAILURE, record),
    )


def _failure(path: Path, record: dict[str, Any]) -> str | None:
    if not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    message = lines[-1] if lines else "no message"
    cells = record.get("cells") or []
    if "cells failed" in message and any(cell.status == "error" for cell in cells):
        return None
    return message


def _overrides(path: Path) -> Sequence[str] | None:
    if not path.is_file():
        return None
    import yaml

    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: {error}") from error
    given = [str(item) for item in loaded] if isinstance(loaded, list) else []
    return [item for item in given if not item.lstrip("+").startswith("sweep=")]  # the folder it happened to be in
