"""The results of a study: one row per cell, collected from the records of its jobs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise import record
from xtreme_noise.data.strict_json import check_text
from xtreme_noise.errors import DataError
from xtreme_noise.record import CellRecord
from xtreme_noise.results import learned
from xtreme_noise.results.table import CELLS, write_cells
from xtreme_noise.sheets import sheet
from xtreme_noise.store import write_atomic

JOB = "job.json"
STAGES, LEARNED = "stages.csv", "learned.csv"
COUNTS = ("examples", "left_out_as_in_test", "windows", "tokens", "updates")  # of a stage
_IDENTITY = ("task", "language", "model", "intermediate", "noise", "level", "noise_seed", "seed")
_ALSO = ("train_noise", "calibrated_by")  # also part of the identity; None in cells that have none


@dataclass(frozen=True)
class Completion:
    """The number of cells of a study by status."""

    ok: int
    failed: int
    missing: int
    not_applicable: int
    ambiguous: int = 0  # finished cells with the same place and metric as another one: the report can use neither
    # Why cells failed, with the number of cells, most frequent first.
    reasons: tuple[tuple[str, int], ...] = field(default=(), compare=False)


def read_record(path: Path) -> dict[str, Any]:
    """A job's record, with "cells" as CellRecords. Raises OSError, or ValueError for invalid content."""
    text = path.read_text(encoding="utf-8")
    job = json.loads(text)
    if "\\ud" in text or "\\uD" in text:
        check_text(job)
    if not isinstance(job, dict):
        raise ValueError(f"{path.name} is not an object")
    for name, read in (("cells", CellRecord.of), ("stages", _stage)):
        entries = job.get(name)
        if not isinstance(entries, list):
            raise ValueError(f"{path.name} has no list {name!r}: not the record of a job")
        for number, entry in enumerate(entries):
            try:
                if not isinstance(entry, dict):
                    raise ValueError("not an object")
                entries[number] = read(entry)
            except ValueError as error:
                raise ValueError(f"{path.name}: entry {number + 1} of {name!r}: {error}") from error
    if not record.number(job.get("finished", 0.0)):
        raise ValueError(f"{path.name}: 'finished' is not a time")
    return job


def job_record(folder: Path) -> dict[str, Any] | None:
    """The record of the job with this folder, not to be changed, read once while its file stays; None: it has none.

    Raises as read_record does.
    """
    path = folder / JOB
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return _read_once(path, (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))


@lru_cache(maxsize=10_000)  # the jobs of one command: their cells are collected, and the jobs are then reported
def _read_once(path: Path, state: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG001
    return read_record(path)


def _stage(stage: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(stage.get("digest"), str):
        raise ValueError("no digest")
    known = {name: value for name, value in stage.items() if value is not None}
    wrong = [name for name in COUNTS if type(known.get(name, 0)) is not int or known.get(name, 0) < 0]
    wrong += [
        name for name in ("seconds", "gate") if not (record.number(known.get(name, 0)) and known.get(name, 0) >= 0)
    ]
    if wrong:
        raise ValueError(f"{wrong[0]} is {stage[wrong[0]]!r:.80}, not a number")
    list(learned.rows(stage))
    return stage


def jobs(sweep: Path) -> tuple[list[dict[str, Any]], list[Path]]:
    """The records of a study's jobs, oldest first, and the record files that cannot be read.

    A job without a record was killed before it finished a language.
    """
    records, unreadable = [], []
    for path in sorted((sweep / "jobs").glob(f"*/{JOB}")):
        try:
            found = job_record(path.parent)
        except (OSError, ValueError, RecursionError):  # the report says what is wrong
            unreadable.append(path)
        else:
            records += [found] if found else []
    return sorted(records, key=lambda job: float(job.get("finished", 0.0))), unreadable


def finish(sweep: Path) -> Completion:
    """Collect the results of a study into cells.parquet, tables/stages.csv and tables/learned.csv, written atomically.

    A cell that several jobs share counts once; with the same digest, a finished cell replaces a failed one. Other
    failed cells are kept, even beside a finished cell of the same place, as they may come from another training or
    model. Two finished cells of one place with different digests (other parameters of a noise family, say) are both
    kept, and the report names them. A record that cannot be read counts as failed.

    An existing table without job records (copied results) is not changed. Raises DataError when it cannot be read.
    """
    records, unreadable = jobs(sweep)
    if not any(job["cells"] for job in records) and (sweep / CELLS).is_file():
        return _completion(_states(sweep / CELLS), len(unreadable))
    distinct: dict[tuple[Any, ...], CellRecord] = {}
    for number, job in enumerate(records):
        for cell in job["cells"]:
            distinct[(_place(cell), *_which(cell, number))] = cell
    done = {(place, made) for place, status, made in distinct if status == "ok"}
    places = {place for place, _ in done}
    kept = [
        cell
        for (place, status, made), cell in distinct.items()
        if status == "ok" or ((place, made) not in done if status == "error" else place not in places)
    ]
    ordered = sorted(kept, key=lambda cell: (*_place(cell), cell.cell or ""))
    write_cells(sweep, ordered)
    _stages(sweep, records)
    finished = Counter((_place(cell), cell.metric) for cell in ordered if cell.status == "ok")
    whole = _completion([cell.status for cell in ordered], len(unreadable))
    reasons = Counter(cell.error for cell in ordered if cell.status == "error" and cell.error)
    ambiguous = sum(count for count in finished.values() if count > 1)
    return replace(whole, ambiguous=ambiguous, reasons=tuple(reasons.most_common()))


def _which(cell: CellRecord, job: int) -> tuple[str, Any]:
    """What distinguishes cells of one place: the status, and the digest or, without one, the job.

    Gaps are in the data, not in a job, so there is only one per place.
    """
    if cell.status in ("ok", "error"):
        return cell.status, cell.cell or job
    return "gap", None


def _states(path: Path) -> list[str]:
    try:
        with pq.ParquetFile(path) as file:  # read_table would import pandas first
            states: list[str] = file.read(columns=["status"])["status"].to_pylist()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read as the cells of a study: {error}") from error
    return states


def _completion(states: list[str], unreadable: int) -> Completion:
    ok, failed, missing, not_applicable = (states.count(state) for state in ("ok", "error", "missing", "n/a"))
    return Completion(ok, failed + unreadable, missing, not_applicable)


def _place(cell: CellRecord) -> tuple[Any, ...]:
    return tuple(getattr(cell, name) for name in _IDENTITY) + tuple(getattr(cell, name) or "" for name in _ALSO)


def _stages(sweep: Path, records: list[dict[str, Any]]) -> None:
    names = [
        "digest", "role", "stage", "kind", "model", "seed", "parent", "examples", "left_out_as_in_test", "windows",
        "tokens", "seconds", "updates", "matched_by", "dev_metric", "dev_scores", "chosen_epoch", "dev_score", "gate",
        "hardware", "precision", "folder", "parent_digest",
    ]  # fmt: skip
    by_digest = {stage["digest"]: stage for job in records for stage in job["stages"]}
    stages = [stage for _, stage in sorted(by_digest.items())]
    write_atomic(sweep / "tables" / STAGES, sheet(names, stages))
    rows = [row for stage in stages for row in learned.rows(stage)]
    write_atomic(sweep / "tables" / LEARNED, sheet(learned.COLUMNS, rows))
