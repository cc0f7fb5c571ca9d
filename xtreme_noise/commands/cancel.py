"""mode=cancel: end the jobs of a study that wait or run on a cluster. What they have finished is kept."""

from __future__ import annotations

from pathlib import Path

from xtreme_noise import submitted
from xtreme_noise.config.compose import Study


def main(study: Study) -> int:
    """See `of`."""
    return of(study.sweep)


def of(sweep: Path) -> int:
    """Returns 0. Raises UserError without Slurm."""
    queue = submitted.queued(sweep)
    if not queue:
        print(f"{sweep}: no job of this study waits or runs")
        return 0
    submitted.cancel([job.id for job, _ in queue.values()])
    for job, state in queue.values():
        print(f"cancelled {job.id}: {job.name} ({state})")
    print("the command that submitted them resumes")
    return 0
