"""mode=report: collect the results of a study, write its report, print its table."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xtreme_noise import interrupt
from xtreme_noise.commands.checks import has_results, readable, writable
from xtreme_noise.config.compose import Study

REASONS = 10  # why cells failed: listed at the end of a command

if TYPE_CHECKING:
    from xtreme_noise.report.build import Built


def main(study: Study) -> int:
    """See `of`."""
    return of(study.sweep, sensitivity=study.jobs[0].report.sensitivity)


def of(sweep: Path, *, sensitivity: bool = False) -> int:
    """The report of a folder; returns 1 when it lists a failure, or nothing was measured."""
    check(sweep)
    return show(conclude(sweep, sensitivity=sensitivity))


def check(sweep: Path) -> None:
    """Raise ConfigError for a folder without results, or whose report cannot be written."""
    has_results(sweep)
    writable(sweep, "tables", f"sweep={sweep}: the report", "sweep=/a/copy/of/the/study")
    readable(sweep)


@dataclass(frozen=True)
class Outcome:
    """A written report. problems: what is wrong with the study, a sentence each; failed: whether that is a failure."""

    built: Built
    problems: list[str]
    failed: bool


def conclude(sweep: Path, *, sensitivity: bool) -> Outcome:
    """Collect the results and write the report. Failed: the report lists a failure, or nothing was measured."""
    from xtreme_noise import report, results

    gc.set_threshold(200_000)  # many objects and little garbage: with the default, the search takes a tenth of the time
    completion = results.finish(sweep)
    interrupt.check()
    built = report.conclude(sweep, sensitivity=sensitivity)
    nothing = completion.missing and not completion.ok
    problems = []
    if built.problems:
        problems.append(f"{built.problems} failed; the report lists them first")
    elif nothing:
        problems.append("no cell could be evaluated: all of the data are missing")
    if completion.ambiguous:
        problems.append(
            f"{completion.ambiguous} finished cells compete for the same places, and none of them is "
            f"used (the report lists them): remove the jobs of the training that you do not want from {sweep / 'jobs'}"
        )
    if built.not_run:
        problems.append(
            f"{built.not_run} of {built.wanted} cells have not been run: the study was interrupted or is "
            "still running; the same command resumes"
        )
    for reason, count in completion.reasons[:REASONS]:  # last: what there is to do
        cells = "1 cell" if count == 1 else f"{count} cells"
        problems.append(f"{cells}: {' '.join(reason.split())}")
    if (more := len(completion.reasons) - REASONS) > 0:
        problems.append(f"{more} more reasons, in the report")
    return Outcome(built, problems, bool(built.problems or nothing))


def show(outcome: Outcome, models: Sequence[str] = ()) -> int:
    """Print table, headline, folders of trained models and the path of the report; returns the exit code."""
    from rich.console import Console

    Console().print(outcome.built.table)
    for line in outcome.built.headline:
        print(line)
    for line in models:
        print(line)
    print(outcome.built.page)
    for problem in outcome.problems:
        print(f"xtreme-noise: {problem}", file=sys.stderr)
    return int(outcome.failed)
