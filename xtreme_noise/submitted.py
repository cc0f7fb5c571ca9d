"""The jobs of a study in the queue of a Slurm cluster: their ids, kept in the study's folder, and their states.

Slurm is only asked what waits or runs (squeue, which needs no accounts): what has finished or failed is in the folders
of the jobs and in the store.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from xtreme_noise.errors import UserError
from xtreme_noise.writing import file_lock, make_folder, write_atomic

FILE = "submitted.json"


@dataclass(frozen=True)
class Submitted:
    """A job of the cluster. id: such as 12, or 12_3 of an array; unit: what it does (see stages/units.py)."""

    id: str
    unit: str
    name: str
    after: str | None = None  # the id of the job that must succeed before it begins


def read(sweep: Path) -> dict[str, Submitted]:
    """The last job of each unit of a study, in the order of submission. Raises UserError when the file is damaged."""
    path = sweep / FILE
    if not path.exists():
        return {}
    try:
        return {found["unit"]: Submitted(**found) for found in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{path} is damaged ({error}): look for jobs of the study with squeue --me, then delete the file"
        ) from error


def add(sweep: Path, jobs: Iterable[Submitted]) -> None:
    """Keep further jobs; each replaces an earlier job of its unit."""
    make_folder(sweep)
    with file_lock(sweep / f".{FILE}.lock"):
        known = read(sweep)
        for job in jobs:
            known.pop(job.unit, None)
            known[job.unit] = job
        write_atomic(sweep / FILE, json.dumps([asdict(job) for job in known.values()], indent=1) + "\n")


def queued(sweep: Path) -> dict[str, tuple[Submitted, str]]:
    """The jobs of a study that wait or run, by unit, with their states in words. Raises UserError without Slurm."""
    known = read(sweep)
    if not known:
        return {}
    states = _queue()
    return {unit: (job, states[job.id]) for unit, job in known.items() if job.id in states}


def cancel(ids: Sequence[str]) -> None:
    """End jobs that wait or run. Raises UserError."""
    _slurm("scancel", *ids)


def _queue() -> dict[str, str]:
    """The states of this user's jobs: 'running', 'pending (Resources)', ..."""
    states = {}
    for line in _slurm("squeue", "--me", "--noheader", "--array", "--format=%i|%T|%r").splitlines():
        if line.count("|") < 2:  # with SLURM_CLUSTERS, the name of a cluster
            continue
        number, state, reason = line.split("|", 2)
        states[number] = state.lower() + (f" ({reason})" if reason != "None" else "")
    return states


def _slurm(*words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise UserError(f"{words[0]} was not found: run this where the commands of Slurm are") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip() or f"exit code {error.returncode}"
        raise UserError(f"{words[0]} failed: {said}") from error
    return done.stdout
