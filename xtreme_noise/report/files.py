"""Writing the report's files atomically, and only when something changed."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from xtreme_noise.report.jobs import read_jobs, read_learned, read_stages
from xtreme_noise.results.class_scores import CLASS_SCORES
from xtreme_noise.store import remove_leftovers, write_bytes

SIDECAR = ".report.json"  # the inputs and files of the report; written last
REPORT = "report.html"
OUTPUT = re.compile(r"report\.html|(tables|figures)/[A-Za-z0-9][A-Za-z0-9._-]*")


def inputs_digest(sweep: Path) -> str:
    """sha256 over everything that the report depends on: cells, jobs, stages, predictions and this program.

    Predictions and class scores have content-based names and are never rewritten, so name, size, time and readability
    stand for their content. Of job.json, which a repeated run rewrites with another time, only the used parts count.
    """
    state = hashlib.sha256()
    package = Path(__file__).parent.parent
    for path in (
        package / "__init__.py",
        *sorted((package / "report").rglob("*")),
        *sorted((package / "analysis").rglob("*")),
        package / "languages" / "features.csv",
    ):
        if path.suffix in (".py", ".j2", ".css", ".js", ".csv"):
            state.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    cells = sweep / "cells.parquet"
    state.update(cells.read_bytes() if cells.is_file() else b"")
    state.update(repr((sweep.name, read_jobs(sweep), read_stages(sweep), read_learned(sweep))).encode())
    for folder in ("predictions", CLASS_SCORES):
        entries = os.scandir(sweep / folder) if (sweep / folder).is_dir() else ()
        for entry in sorted(entries, key=lambda e: e.name):
            facts = entry.stat()
            readable = os.access(entry, os.R_OK)
            state.update(f"{folder}\0{entry.name}\0{facts.st_size}\0{facts.st_mtime_ns}\0{readable}\0".encode())
    return state.hexdigest()


@dataclass(frozen=True)
class Record:
    """The sidecar of the last report: the digest of its inputs, its files with sizes in bytes, the number of problems,
    the digests of cells with unusable predictions, whether it has sensitivity analyses, and the lines of its headline.
    """

    inputs: str
    outputs: dict[str, int]
    problems: int
    unusable: list[str]
    sensitivity: bool = False
    headline: list[str] = field(default_factory=list)


def is_current(sweep: Path, digest: str) -> bool:
    """Whether the last report has these inputs, and all its files are complete."""
    known = last(sweep)
    if known is None or known.inputs != digest:
        return False
    sizes = {sweep / name: size for name, size in known.outputs.items()}
    return all(path.is_file() and path.stat().st_size == size for path, size in sizes.items())


def write_outputs(
    sweep: Path,
    outputs: Mapping[str, bytes],
    digest: str,
    problems: int = 0,
    unusable: Sequence[str] = (),
    *,
    sensitivity: bool = False,
    headline: Sequence[str] = (),
) -> None:
    """Write all files (relative name -> content): report.html second to last, the sidecar last.

    Removes files of an earlier report that this one does not have; other files stay.
    """
    before = last(sweep)
    for folder in {(sweep / name).parent for name in outputs}:
        remove_leftovers(folder)
    for name in sorted(outputs, key=lambda name: (name == REPORT, name)):
        write_bytes(sweep / name, outputs[name])
    for name in set(before.outputs if before else ()) - set(outputs):
        (sweep / name).unlink(missing_ok=True)
    sizes = {name: len(content) for name, content in outputs.items()}
    record = Record(digest, sizes, problems, list(unusable), sensitivity, list(headline))
    write_bytes(sweep / SIDECAR, json.dumps(asdict(record), indent=1).encode())


def last(sweep: Path) -> Record | None:
    """The last report's record; None when it is missing or invalid, and the report is then written again.

    Refuses names that no report has: listed files may be deleted, and a study folder may come from anywhere.
    """
    try:
        record = Record(**json.loads((sweep / SIDECAR).read_text(encoding="utf-8")))
        names = list(record.outputs)
        record = replace(record, problems=int(record.problems), unusable=list(map(str, record.unusable)))
        record = replace(record, sensitivity=bool(record.sensitivity), headline=list(map(str, record.headline)))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return record if all(map(OUTPUT.fullmatch, names)) else None
