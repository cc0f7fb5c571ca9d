"""Where a job is in its study, for lines and bars about progress: `job 2 of 4`."""

from __future__ import annotations

from contextvars import ContextVar

# The number of the job, from 1, and of all jobs; None for jobs outside a study, or in a process of a launcher, which
# does not know the others.
position: ContextVar[tuple[int, int] | None] = ContextVar("position", default=None)


def named() -> str:
    """'job 2 of 4, ', or nothing where there is only one or it is not known."""
    known = position.get()
    return f"job {known[0]} of {known[1]}, " if known and known[1] > 1 else ""
