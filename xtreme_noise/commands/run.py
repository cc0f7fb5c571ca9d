"""mode=run: run the jobs of a study, then report what was measured."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from xtreme_noise import launch, submitted
from xtreme_noise.commands import report
from xtreme_noise.commands.checks import LOCAL, accelerators, engine, plannable, writable
from xtreme_noise.commands.report import Outcome
from xtreme_noise.config import grid, planned
from xtreme_noise.config.compose import Study
from xtreme_noise.config.planned import FAILURE
from xtreme_noise.errors import DISK, JobFailed
from xtreme_noise.submitting import SLURM

MODELS = 8  # named at the end of a command, at most


def main(study: Study) -> int:
    """Returns 1 when a job or a cell failed, or nothing was measured."""
    return report.show(outcome(study), _trained(study))


def outcome(study: Study) -> Outcome:
    """Run the jobs and write the report. Failed: a job or a cell failed, or nothing was measured."""
    engine(study)
    accelerators(study)
    plannable(study)
    writable(study.sweep, "jobs", f"sweep={study.sweep}: results", "sweep=/some/folder")
    queue = submitted.queued(study.sweep) if study.launcher == SLURM else {}
    begins = [
        (job, folder)
        for job, folder in zip(study.jobs, study.folders, strict=True)
        if f"jobs/{folder.name}" not in queue  # this command only waits for those
    ]
    for _, folder in begins:
        (folder / FAILURE).unlink(missing_ok=True)
    of = f"{len(begins)} job{'s' if len(begins) != 1 else ''}"
    _say(f"{of} in {study.sweep}")
    if study.launcher in LOCAL:
        from xtreme_noise.commands.plan import in_short

        _say(in_short([job for job, _ in begins]))
    try:
        planned.write([job for job, _ in begins], [folder for _, folder in begins])
        code, lost = launch.run(study)
    except OSError as error:
        if error.errno in DISK:
            error.filename = error.filename or str(study.sweep)  # the error of a full disk may name no file
        raise
    problems = [
        f"a job failed: {JobFailed.brief(_last_line(folder / FAILURE))} ({folder / FAILURE})"
        for folder in study.folders
        if (folder / FAILURE).is_file() and folder not in lost.folders
    ]
    if lost.folders:
        problems.append(unfinished(study, lost))
    concluded = report.conclude(study.sweep, sensitivity=study.jobs[0].report.sensitivity)
    return replace(concluded, problems=problems + concluded.problems, failed=bool(code) or concluded.failed)


def unfinished(study: Study, lost: launch.Lost) -> str:
    """A message about unfinished jobs, with up to five names, and what to do."""
    named = [
        f"{grid.title(job)} (jobs/{folder.name})"
        for job, folder in zip(study.jobs, study.folders, strict=True)
        if folder in lost.folders
    ]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    running = "" if study.launcher in LOCAL else f"; mode=report sweep={study.sweep} shows later what still ran"
    return (
        f"{len(named)} of {len(study.jobs)} jobs did not finish ({lost.why}): {', '.join(named[:5])}{more}. Finished "
        f"work is kept and reported; the same command resumes{running}"
    )


def _say(text: str) -> None:
    """On stdout, as the log: stderr is for what is wrong."""
    print(f"xtreme-noise: {text}", flush=True)


def _trained(study: Study) -> list[str]:
    """A line for each trained model of the study: what it is, and its folder, which from_pretrained reads. Of more than
    MODELS, where the folders are listed.
    """
    table = study.sweep / "tables" / "stages.csv"
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["role"] == "target"]
    except FileNotFoundError:  # nothing was trained
        return []
    found = []
    for row in rows:
        after = "" if row["parent"] == "pretrained" else f" after {row['parent']}"
        places = (Path(store) / row["folder"] for store in sorted({job.store for job in study.jobs}))
        found += [
            f"model, {row['stage']}{after}, seed {row['seed']}: {place.absolute()}"
            for place in places
            if place.is_dir()
        ]
    return found if len(found) <= MODELS else [f"{len(found)} models: their folders in the store are in {table}"]


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    return lines[-1] if lines else "no message"
