"""Finding studies in folders, and what is known of one without reading its cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise.config import planned
from xtreme_noise.results.table import CELLS

REPORT = "report.html"


@dataclass(frozen=True)
class Summary:
    """One study. cells: in its table, None without a readable one; finished: jobs with a record; date: of the table."""

    folder: Path
    jobs: int
    finished: int
    cells: int | None
    ok: int | None
    date: float | None
    report: Path | None


def find(places: Iterable[str]) -> list[Path]:
    """The studies among these folders, and in them (not deeper), sorted by path. A folder that does not exist has none.

    Raises OSError for a folder that cannot be read.
    """
    found: set[Path] = set()
    for place in places:
        folder = Path(place).expanduser().absolute()
        if is_study(folder):
            found.add(folder)
        elif folder.is_dir():
            found |= {inner for inner in folder.iterdir() if is_study(inner)}
    return sorted(found)


def is_study(folder: Path) -> bool:
    """Whether a folder has jobs or a table of cells."""
    return (folder / "jobs").is_dir() or (folder / CELLS).is_file()


def jobs(study: Path) -> list[Path]:
    """The folders of its jobs."""
    return sorted(path for path in (study / "jobs").glob("*") if path.is_dir())


def is_finished(job: Path) -> bool:
    """Whether a job has a record, and no run of it is going on or was killed."""
    return (job / planned.JOB).is_file() and not (job / planned.UNFINISHED).exists()


def summary(study: Path) -> Summary:
    """What is known of a study."""
    own, table, report = jobs(study), study / CELLS, study / REPORT
    try:
        with pq.ParquetFile(table) as file:
            states = file.read(columns=["status"])["status"].to_pylist()
        date: float | None = table.stat().st_mtime
    except (OSError, ValueError, KeyError, pa.ArrowException):  # none yet, or mode=report says what is wrong with it
        states, date = None, None
    return Summary(
        folder=study,
        jobs=len(own),
        finished=sum(map(is_finished, own)),
        cells=None if states is None else len(states),
        ok=None if states is None else states.count("ok"),
        date=date,
        report=report if report.is_file() else None,
    )
