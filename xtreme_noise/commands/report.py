"""mode=report: collect the results of a study, write its report, print its table."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from xtreme_noise import interrupt
from xtreme_noise.commands.checks import has_results, readable, writable
from xtreme_noise.config.compose import Study

REASONS = 10  # why cells failed: listed at the end of a command


def main(study: Study) -> int:
    """See `of`."""
    return of(study.sweep, sensitivity=study.jobs[0].report.sensitivity)


def of(sweep: Path, *, sensitivity: bool = False) -> int:
    """The report of a folder; returns 1 when it lists a failure, or nothing was measured."""
    has_results(sweep)
    writable(sweep, "tables", f"sweep={sweep}: the report", "sweep=/a/copy/of/the/study")
    readable(sweep)
    return finish(sweep, sensitivity=sensitivity)


def finish(sweep: Path, *, sensitivity: bool) -> int:
    """Collect the results, write the report, print the table; returns the exit code.

    1 when the report lists a failure, or nothing was measured.
    """
    from rich.console import Console

    from xtreme_noise import report, results

    gc.set_threshold(200_000)  # many objects and little garbage: with the default, the search takes a tenth of the time
    completion = results.finish(sweep)
    interrupt.check()
    built = report.conclude(sweep, sensitivity=sensitivity)
    Console().print(built.table)
    print(built.page)
    nothing = completion.missing and not completion.ok
    if built.problems:
        print(f"xtreme-noise: {built.problems} failed; the report lists them first", file=sys.stderr)
    elif nothing:
        print("xtreme-noise: no cell could be evaluated: all of the data are missing", file=sys.stderr)
    if completion.ambiguous:
        print(
            f"xtreme-noise: {completion.ambiguous} finished cells compete for the same places, and none of them is "
            f"used (the report lists them): remove the jobs of the training that you do not want from {sweep / 'jobs'}",
            file=sys.stderr,
        )
    if built.not_run:
        print(
            f"xtreme-noise: {built.not_run} of {built.wanted} cells have not been run: the study was interrupted or is "
            "still running; the same command resumes",
            file=sys.stderr,
        )
    for reason, count in completion.reasons[:REASONS]:  # last: what there is to do
        cells = "1 cell" if count == 1 else f"{count} cells"
        print(f"xtreme-noise: {cells}: {' '.join(reason.split())}", file=sys.stderr)
    if (more := len(completion.reasons) - REASONS) > 0:
        print(f"xtreme-noise: {more} more reasons, in the report", file=sys.stderr)
    return int(bool(built.problems or nothing))
